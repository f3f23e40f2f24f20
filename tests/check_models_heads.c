/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_models_heads.c: files with several outputs, with maps in the place of classes, and that end in ArgMax or
 * TopK. */
#include "tests/check_models.h"

#include <string.h>

enum { CLASSES = 3, PIXELS = 4 };

/* x (1, 3, 2, 2) -> map (1, 3, 2, 2) -> mean -> logits (1, 3) -> box (1, 4); then the lines; the outputs in order. */
struct head {
    const char *what;
    int opset;
    const char *lines[3][4]; /* operator, inputs, outputs, attributes */
    const char *outputs[3];
    bool labels; /* three of them beside the file */
    int output, classes;
    const char *notice; /* or NULL: none */
};

static const struct head heads[] = {
    { "one output", 13, { { NULL } }, { "logits" }, false, 0, 3, NULL },
    { "a map first", 13, { { NULL } }, { "map", "logits" }, false, 1, 3, "'logits' is taken as that of the classes" },
    { "a box first", 13, { { NULL } }, { "box", "logits" }, false, 0, 4, "'box' is taken" },
    { "a box first, with labels", 13, { { NULL } }, { "box", "map", "logits" }, true, 2, 3, "as there are labels" },
    { "only a map", 13, { { NULL } }, { "map" }, false, 0, 12, NULL },
    { "ArgMax", 13, { { "ArgMax", "logits", "y", "axis=1" } }, { "y" }, false, 0, 3, "'y' is ArgMax of 'logits'" },
    { "ArgMax beside scores", 13, { { "ArgMax", "logits", "y", "axis=1" } }, { "y", "logits" }, false, 0, 3, "ArgMax" },
    { "TopK", 13, { { "TopK", "logits two", "v i", "axis=1" } }, { "v", "i" }, false, 0, 3, "'v' is TopK of 'logits'" },
    { "TopK before opset 10", 9, { { "TopK", "logits", "v i", "axis=1 k=2" } }, { "i" }, false, 0, 3, "TopK" },
};

static struct model *load (const struct head *head, struct error *error)
{
    static const float weights[CLASSES * CLASSES] = { 1, 0, 0, 0, 1, 0, 0, 0, 1 };
    const char *path = scratch_path ("heads.onnx"), *beside = scratch_path ("heads.labels.txt");
    struct onnx o = onnx_new (head->opset);
    onnx_input (&o, "x", "1 3 2 2");
    onnx_floats (&o, "w", "3 3 1 1", weights);
    onnx_floats (&o, "m", "3 4", (const float[12]) { 1, 2, 3 });
    onnx_ints (&o, "two", "2");
    onnx_node (&o, "Conv", "x w", "map", NULL);
    onnx_node (&o, "GlobalAveragePool", "map", "mean", NULL);
    onnx_node (&o, "Flatten", "mean", "logits", NULL);
    onnx_node (&o, "MatMul", "logits m", "box", NULL);
    for (int i = 0; i < 3 && head->lines[i][0]; i++)
        onnx_node (&o, head->lines[i][0], head->lines[i][1], head->lines[i][2], head->lines[i][3]);
    for (int i = 0; i < 3 && head->outputs[i]; i++)
        onnx_output (&o, head->outputs[i], "1");
    remove (beside);
    if (head->labels)
        write_file (beside, "ant\nbee\ncat\n", 12);
    struct model *model = load_onnx (path, &o, error);
    remove (beside);
    return model;
}

/* What is chosen, what is said, and that its numbers are the means of the channels. */
static void check_head (const struct head *head)
{
    const float input[CLASSES * PIXELS] = { 1, 2, 3, 4, 5, 6, 7, 8, -1, -2, -3, -4 };
    struct error error = { "" }, reason = { "" };
    struct model *model = load (head, &error);
    if (!CHECK (model != NULL, "%s: %s", head->what, error.text))
        return;
    CHECK (model_output (model) == head->output && model_classes (model) == head->classes,
           "%s: output %d with %d numbers", head->what, model_output (model), model_classes (model));
    bool said = !head->notice && !model_notices (model);
    for (int i = 0; head->notice && i < model_notices (model); i++)
        said |= strstr (model_notice (model, i), head->notice) != NULL;
    CHECK (said, "%s: %d notices, the first is '%s'", head->what, model_notices (model),
           model_notices (model) ? model_notice (model, 0) : "");
    bool map = head->classes == CLASSES * PIXELS;
    CHECK (model_is_classifier (model, &reason) == !map && (!map || strstr (reason.text, "'map' is 3 x 2 x 2")),
           "%s: '%s'", head->what, reason.text);
    struct plan *plan = plan_new (model_graph (model), &(struct plan_options) { .threads = 1 }, &error);
    if (head->classes == CLASSES && CHECK (plan != NULL, "%s: %s", head->what, error.text)) {
        plan_run (plan, input);
        const float *made = plan_output (plan, model_output (model))->data;
        CHECK (made[0] == 2.5f && made[1] == 6.5f && made[2] == -2.5f, "%s: %g %g %g", head->what, (double)made[0],
               (double)made[1], (double)made[2]);
    }
    plan_free (plan);
    model_unref (model);
}

static void check_refused (void)
{
    static const struct {
        struct head head;
        const char *why;
    } wrong[] = {
        { { "ArgMax read on",
            13,
            { { "ArgMax", "logits", "i", "axis=1" }, { "Cast", "i", "y", "to=1" } },
            { "y" },
            0,
            0,
            0,
            "" },
          "read by a node" },
        { { "ArgMax of axis 9", 13, { { "ArgMax", "logits", "y", "axis=9" } }, { "y" }, 0, 0, 0, "" }, "axis 9" },
        { { "ArgMax of a constant", 13, { { "ArgMax", "m", "y", "" } }, { "y" }, 0, 0, 0, "" }, "constant" },
        { { "the smallest", 13, { { "TopK", "logits two", "y", "largest=0" } }, { "y" }, 0, 0, 0, "" }, "smallest" },
        { { "k as attribute", 13, { { "TopK", "logits", "y", "k=2" } }, { "y" }, 0, 0, 0, "" }, "not supported" },
        { { "ArgMin", 13, { { "ArgMin", "logits", "y", "" } }, { "y" }, 0, 0, 0, "" }, "not supported" },
    };
    for (size_t k = 0; k < sizeof wrong / sizeof wrong[0]; k++) {
        struct error error = { "" };
        struct model *model = load (&wrong[k].head, &error);
        CHECK (!model && strstr (error.text, "heads.onnx") && strstr (error.text, wrong[k].why), "%s: '%s'",
               wrong[k].head.what, error.text);
        model_unref (model);
    }
}

void check_output_choice (void)
{
    check_group ("heads");
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        check_head (&heads[i]);
    check_refused ();
}
