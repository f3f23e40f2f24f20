/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_networks.c: every family of safetensors files, in each way its tensors are called, beside the same network as
 * ONNX; the same with tensors missing, renamed, of other shapes; and files in several pieces (networks_index.c). */
#include "tests/networks.h"

#include "engine/work.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/check_networks.XXXXXX";

const char *networks_path (const char *name)
{
    static char paths[4][128];
    static int next;
    char *path = paths[next++ % 4];
    snprintf (path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

bool networks_write (const char *name, const void *bytes, size_t size)
{
    FILE *file = fopen (networks_path (name), "wb");
    bool good = file && fwrite (bytes, 1, size, file) == size;
    return file && fclose (file) == 0 && good;
}

/* ---- both files at once ----------------------------------------------------------------------------------------- */

/* A new value of the ONNX graph, made by a node. inputs as printf would write them. */
int twin_node (struct twin *t, const char *operation, const char *attributes, const char *inputs, ...)
{
    char text[512], output[16];
    va_list list;
    va_start (list, inputs);
    vsnprintf (text, sizeof text, inputs, list);
    va_end (list);
    snprintf (output, sizeof output, "v%d", ++t->values);
    onnx_node (&t->o, operation, text, output, attributes);
    return t->values;
}

/* A tensor of both files; numbers of about 1 / root of `terms` around `middle`. */
void twin_tensor (struct twin *t, const char *name, const char *shape, int terms, float middle)
{
    static float numbers[8192];
    char dims[64];
    size_t count = 1;
    snprintf (dims, sizeof dims, "%s", shape);
    for (char *at = dims; *at; at += *at != 0) {
        count *= strtoul (at, &at, 10);
        *at = *at ? ' ' : 0;
    }
    for (size_t i = 0; i < count && i < 8192; i++) {
        t->seed = t->seed * 1664525u + 1013904223u;
        numbers[i] = middle + ((float)(t->seed >> 8) / (1 << 23) - 1) * 1.6f / sqrtf ((float)terms);
    }
    writer_numbers (&t->w, name, shape, numbers);
    onnx_floats (&t->o, name, dims, numbers);
}

#define PART(name, part) (snprintf (part_name, sizeof part_name, "%s." part, name), part_name)
static char part_name[160];

/* what: "out in kernel stride pad groups", in: of a group; behind it 'b': with bias, 'm': weights are a matrix. */
int twin_conv (struct twin *t, int x, const char *name, const char *what)
{
    int out, in, kernel, stride, pad, groups;
    char shape[64], attributes[128], kind[4] = "";
    sscanf (what, "%d %d %d %d %d %d %3s", &out, &in, &kernel, &stride, &pad, &groups, kind);
    snprintf (shape, sizeof shape, *kind == 'm' ? "%d,%d" : "%d,%d,%d,%d", out, in, kernel, kernel);
    snprintf (attributes, sizeof attributes, "pads=%d,%d,%d,%d strides=%d,%d group=%d", pad, pad, pad, pad, stride,
              stride, groups);
    twin_tensor (t, PART (name, "weight"), shape, in * kernel * kernel, 0);
    snprintf (shape, sizeof shape, "%d", out);
    if (*kind)
        twin_tensor (t, PART (name, "bias"), shape, 9, 0);
    char weight[200];
    snprintf (weight, sizeof weight, "%s.weight", name);
    if (*kind == 'm') { /* ONNX has no matrix for maps */
        char dims[64];
        snprintf (dims, sizeof dims, "%d %d 1 1", out, in);
        snprintf (weight, sizeof weight, "s%d", ++t->values);
        onnx_ints (&t->o, weight, dims);
        int kernels = twin_node (t, "Reshape", NULL, "%s.weight %s", name, weight);
        snprintf (weight, sizeof weight, "v%d", kernels);
    }
    return *kind ? twin_node (t, "Conv", attributes, "v%d %s %s.bias", x, weight, name)
                 : twin_node (t, "Conv", attributes, "v%d %s", x, weight);
}

int twin_norm (struct twin *t, int x, const char *name, int channels)
{
    char shape[16], attributes[32];
    snprintf (shape, sizeof shape, "%d", channels);
    snprintf (attributes, sizeof attributes, "epsilon=%gf", t->epsilon > 0 ? (double)t->epsilon : 0.00001);
    twin_tensor (t, PART (name, "weight"), shape, 9, 1);
    twin_tensor (t, PART (name, "bias"), shape, 9, 0);
    twin_tensor (t, PART (name, "running_mean"), shape, 9, 0);
    twin_tensor (t, PART (name, "running_var"), shape, 9, 0.6f);
    return twin_node (t, "BatchNormalization", attributes, "v%d %s.weight %s.bias %s.running_mean %s.running_var", x,
                      name, name, name, name);
}

/* A convolution and its norm of `out` channels. */
int twin_layer (struct twin *t, int x, const char *name, const char *norm_name, const char *what)
{
    return twin_norm (t, twin_conv (t, x, name, what), norm_name, atoi (what));
}

int twin_act (struct twin *t, int x, enum kind kind)
{
    switch (kind) {
    case RELU:
        return twin_node (t, "Relu", NULL, "v%d", x);
    case RELU6:
        return twin_node (t, "Clip", NULL, "v%d zero six", x);
    case SWISH:
        return twin_node (t, "HardSwish", NULL, "v%d", x);
    default:
        return twin_node (t, "Mul", NULL, "v%d v%d", x, twin_node (t, "Sigmoid", NULL, "v%d", x));
    }
}

/* BLOCK.REDUCE and BLOCK.WIDEN with `few` channels between. */
int twin_gate (struct twin *t, int x, const char *reduce, const char *widen, int channels, int few, bool swish)
{
    char what[64];
    int y = twin_node (t, "GlobalAveragePool", NULL, "v%d", x);
    snprintf (what, sizeof what, "%d %d 1 1 0 1 b", few, channels);
    y = twin_act (t, twin_conv (t, y, reduce, what), swish ? SILU : RELU);
    snprintf (what, sizeof what, "%d %d 1 1 0 1 b", channels, few);
    y = twin_conv (t, y, widen, what);
    y = t->hard ? twin_node (t, "HardSigmoid", "alpha=0.16666667f beta=0.5f", "v%d", y)
                : twin_node (t, "Sigmoid", NULL, "v%d", y);
    return twin_node (t, "Mul", NULL, "v%d v%d", x, y);
}

int twin_add (struct twin *t, int a, int b)
{
    return twin_node (t, "Add", NULL, "v%d v%d", a, b);
}

int twin_linear (struct twin *t, int x, const char *name, int outputs, int inputs)
{
    char shape[32];
    snprintf (shape, sizeof shape, "%d,%d", outputs, inputs);
    twin_tensor (t, PART (name, "weight"), shape, inputs, 0);
    snprintf (shape, sizeof shape, "%d", outputs);
    twin_tensor (t, PART (name, "bias"), shape, 9, 0);
    return twin_node (t, "Gemm", "transB=1", "v%d %s.weight %s.bias", x, name, name);
}

int twin_mean (struct twin *t, int x)
{
    return twin_node (t, "Flatten", NULL, "v%d", twin_node (t, "GlobalAveragePool", NULL, "v%d", x));
}

int twin_layer_norm (struct twin *t, int x, const char *name, int channels, bool vector)
{
    char shape[16];
    snprintf (shape, sizeof shape, "%d", channels);
    twin_tensor (t, PART (name, "weight"), shape, 9, 1);
    twin_tensor (t, PART (name, "bias"), shape, 9, 0);
    if (!vector)
        x = twin_node (t, "Transpose", "perm=0,2,3,1", "v%d", x);
    x = twin_node (t, "LayerNormalization", "axis=-1 epsilon=0.000001f", "v%d %s.weight %s.bias", x, name, name);
    return vector ? x : twin_node (t, "Transpose", "perm=0,3,1,2", "v%d", x);
}

int twin_max_pool (struct twin *t, int x, const char *attributes)
{
    return twin_node (t, "MaxPool", attributes, "v%d", x);
}

/* ---- comparing -------------------------------------------------------------------------------------------------- */

/* Writes the family's two files into *t, which the caller ends with onnx_free. */
static void fill (struct twin *t, const struct family_case *family)
{
    char dims[32];
    t->o = onnx_new (20);
    t->seed = 77;
    t->hard = false;
    t->epsilon = 0;
    t->values = 0;
    snprintf (dims, sizeof dims, "1 3 %d %d", family->side, family->side);
    snprintf (t->metadata, sizeof t->metadata, "{\"input_size\":\"%d\"%s}", family->side, t->said ? t->said : "");
    t->w.metadata = t->metadata;
    onnx_input (&t->o, "v0", dims);
    onnx_number (&t->o, "zero", 0);
    onnx_number (&t->o, "six", 6);
    snprintf (dims, sizeof dims, "v%d", family->fill (t));
    onnx_output (&t->o, dims, family->map ? "1 3 1 1" : "1 3");
    onnx_finish (&t->o);
}

static struct model *load (struct twin *t, struct error *error)
{
    size_t size;
    unsigned char *bytes = writer_file (&t->w, &size);
    *error = (struct error) { "" };
    struct model *model = networks_write ("net.safetensors", bytes, size)
                              ? model_load (networks_path ("net.safetensors"), NULL, error)
                              : NULL;
    free (bytes);
    return model;
}

int networks_scores (struct model *model, float to[16])
{
    static float input[3 * 64 * 64];
    struct error error = { "" };
    unsigned seed = 5;
    struct plan *plan = plan_new (model_graph (model), &(struct plan_options) { .threads = 1 }, &error);
    if (!CHECK (plan && model_classes (model) <= 16, "%s", error.text))
        return 0;
    for (size_t i = 0; i < sizeof input / sizeof *input; i++) {
        seed = seed * 1664525u + 1013904223u;
        input[i] = (float)(seed >> 8) / (1 << 23) - 1;
    }
    plan_run (plan, input);
    memcpy (to, plan_output (plan, 0)->data, (size_t)model_classes (model) * sizeof *to);
    plan_free (plan);
    return model_classes (model);
}

void networks_same (const char *what, struct model *a, struct model *b)
{
    float left[16], right[16];
    int count = networks_scores (a, left), other = networks_scores (b, right);
    double largest = 0, apart = 0;
    for (int i = 0; i < count; i++) {
        largest = fmax (largest, fabsf (left[i]));
        apart = fmax (apart, fabsf (left[i] - right[i]));
    }
    CHECK (count > 0 && count == other && largest > 0.01 && apart <= 2e-6 * largest, "%s: %d and %d up to %g, %g apart",
           what, count, other, largest, apart);
}

static void refuse (const struct family_case *family, struct twin *t, const char *what, const char *name)
{
    struct error error;
    fill (t, family);
    onnx_free (&t->o);
    struct model *model = load (t, &error);
    CHECK (!model && strstr (error.text, "net.safetensors") && strstr (error.text, "tensor '"), "%s: %s %s: '%s'",
           family->name, name, what, model ? "accepted" : error.text);
    model_unref (model);
}

/* Every tensor missing, under another name, flat and empty. */
static void check_wrong (const struct family_case *family, const struct safetensors *good)
{
    static struct twin t;
    for (size_t i = 0; i < good->count; i++) {
        const char *name = good->list[i].name;
        t = (struct twin) { .w.left_out = name };
        refuse (family, &t, "left out", name);
        t = (struct twin) { .w.renamed = name };
        refuse (family, &t, "renamed", name);
        t = (struct twin) { .w.hollow = name };
        refuse (family, &t, "hollow", name);
        t = (struct twin) { .w.flattened = name };
        if (good->list[i].rank > 1)
            refuse (family, &t, "flat", name);
    }
}

/* Both files of the family, left in *t, are the same network. */
static void check_same (const struct family_case *family, struct twin *t)
{
    struct error error, reason = { "" };
    *t = (struct twin) { 0 };
    fill (t, family);
    struct model *model = load (t, &error);
    networks_write ("net.onnx", t->o.file.data, t->o.file.size);
    struct model *same = model_load (networks_path ("net.onnx"), NULL, &reason);
    if (CHECK (model && same, "%s: %s %s", family->name, error.text, reason.text))
        networks_same (family->name, model, same);
    onnx_free (&t->o);
    model_unref (model);
    model_unref (same);
}

static void check_family (const struct family_case *family)
{
    static struct twin t;
    struct error error;
    struct safetensors good;
    size_t size;
    check_same (family, &t);
    unsigned char *bytes = writer_file (&t.w, &size);
    if (CHECK (safetensors_open ("x", (const char *)bytes, size, &good, &error), "%s", error.text)) {
        check_wrong (family, &good);
        safetensors_close (&good);
    }
    free (bytes);
    t = (struct twin) { .w.prefix = "model.module." };
    fill (&t, family);
    struct model *model = load (&t, &error);
    CHECK (model, "%s with a prefix: %s", family->name, error.text);
    model_unref (model);
    onnx_free (&t.o);
}

/* Two networks in a file, under prefixes of the same length: one is left over. */
static void check_twice (const struct family_case *family)
{
    static struct twin t;
    struct error error;
    t = (struct twin) { .w.prefix = "a." };
    fill (&t, family);
    onnx_free (&t.o);
    t.w.prefix = "b.";
    fill (&t, family);
    onnx_free (&t.o);
    struct model *model = load (&t, &error);
    CHECK (!model && (strstr (error.text, "belongs to no part") || strstr (error.text, "could be the classifier")),
           "%s twice: '%s'", family->name, model ? "accepted" : error.text);
    model_unref (model);
}

struct model *networks_load (const struct family_case *family, struct twin *t, struct error *error)
{
    fill (t, family);
    onnx_free (&t->o);
    return load (t, error);
}

/* Without the classifier: features, which the element refuses. */
static void check_features (void)
{
    static struct twin t;
    struct error error, reason = { "" };
    float numbers[16];
    check_group ("features");
    t = (struct twin) { .no_head = true };
    struct model *model = networks_load (&networks_families[0], &t, &error);
    if (!CHECK (model, "%s", error.text))
        return;
    CHECK (!model_is_classifier (model, &reason) && strstr (reason.text, "6 features"), "'%s'", reason.text);
    CHECK (networks_scores (model, numbers) == 6 && numbers[0] != 0, "%d numbers", model_classes (model));
    model_unref (model);
}

/* What is called as a family's tensors and is none of its networks is refused, with numbers. */
static void check_look_alikes (void)
{
    static struct twin t;
    struct error error;
    check_group ("look-alikes");
    for (int i = 0; networks_look_alikes[i].says; i++) {
        const struct look_alike *one = &networks_look_alikes[i];
        t = (struct twin) { .odd = one->odd };
        struct model *model = networks_load (&one->family, &t, &error);
        CHECK (!model && strstr (error.text, one->says) && strstr (error.text, "tensor '"), "%s, look-alike %d: '%s'",
               one->family.name, one->odd, model ? "accepted" : error.text);
        model_unref (model);
    }
}

static const struct family_case *family_named (const char *name)
{
    const struct family_case *family = networks_families;
    while (strcmp (family->name, name))
        family++;
    return family;
}

/* What names cannot tell is said for each thing that the metadata do not say. */
static void check_notices (void)
{
    static const struct {
        const char *family, *said, *notices[3]; /* ends with NULL */
    } cases[] = {
        { "MobileNetV2, timm", "", { "epsilon of 1e-5", "\"padding\"" } },
        { "MobileNetV2, timm", ",\"epsilon\":\"0.001\"", { "PyTorch's padding" } },
        { "MobileNetV2, timm", ",\"padding\":\"same\"", { "\"epsilon\"" } },
        { "MobileNetV2, timm", ",\"padding\":\"symmetric\",\"epsilon\":\"1e-5\"", { NULL } },
        { "MobileNetV3, timm", "", { "epsilon", "padding" } },
        { "EfficientNet, timm", ",\"epsilon\":\"1e-5\"", { "padding" } },
        { "EfficientNetV2, timm", ",\"padding\":\"same\"", { "epsilon" } },
        { "EfficientNet", "", { NULL } },
        { "RegNetY, timm", "", { "\"activation\"" } },
        { "RegNetY, timm", ",\"activation\":\"relu\"", { NULL } },
        { "RegNetX", "", { NULL } },
    };
    static struct twin t;
    struct error error;
    check_group ("what names do not tell");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        t = (struct twin) { .said = cases[i].said };
        struct model *model = networks_load (family_named (cases[i].family), &t, &error);
        int count = 0;
        if (!CHECK (model, "%s", error.text))
            continue;
        for (; cases[i].notices[count]; count++)
            CHECK (count < model_notices (model) && strstr (model_notice (model, count), cases[i].notices[count]),
                   "%s%s: '%s' is not notice %d", cases[i].family, cases[i].said, cases[i].notices[count], count);
        CHECK (model_notices (model) == count, "%s%s: %d notices, not %d", cases[i].family, cases[i].said,
               model_notices (model), count);
        model_unref (model);
    }
}

/* padding=symmetric is what nothing said is, and same is another network. */
static void check_padding (void)
{
    static struct twin t;
    static const char *const words[] = { "", ",\"padding\":\"symmetric\"", ",\"padding\":\"same\"" };
    float scores[3][16] = { { 0 } };
    struct error error;
    check_group ("padding");
    for (int i = 0; i < 3; i++) {
        t = (struct twin) { .said = words[i] };
        struct model *model = networks_load (family_named ("MobileNetV2, timm"), &t, &error);
        if (CHECK (model, "%s", error.text))
            networks_scores (model, scores[i]);
        model_unref (model);
    }
    CHECK (!memcmp (scores[0], scores[1], sizeof scores[0]), "symmetric is not the default");
    CHECK (memcmp (scores[0], scores[2], sizeof scores[0]), "same is symmetric");
}

/* ---- work ------------------------------------------------------------------------------------------------------- */

/* A file of so many empty tensors, "N.TAIL", loaded with an account. */
static void check_many (int count, const char *tail, const char *says)
{
    enum { HEADER_STEPS = 30, REFUSED_MAX = 64 };
    struct error error = { "" };
    struct work work;
    size_t room = (size_t)count * 100 + 100, used = 8;
    char *bytes = malloc (room);
    if (!CHECK (bytes, "no memory"))
        return;
    for (int i = 0; i < count; i++)
        used += (size_t)snprintf (bytes + used, room - used,
                                  "%s\"%d.%s\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}", i ? "," : "{",
                                  i, tail);
    bytes[used++] = '}';
    for (int i = 0; i < 8; i++)
        bytes[i] = (char)((uint64_t)(used - 8) >> 8 * i);
    CHECK (networks_write ("net.safetensors", bytes, used), "no file");
    work_begin (&work, WORK_STEPS, NULL);
    struct model *model = model_load (networks_path ("net.safetensors"), NULL, &error);
    work_end (&work);
    CHECK (!model && strstr (error.text, says), "%d x %s: '%s'", count, tail, model ? "accepted" : error.text);
    CHECK (work.refused <= REFUSED_MAX && work.largest <= HEADER_STEPS * used,
           "%s: %d refused, %d million steps at once", tail, (int)work.refused, (int)(work.largest / 1000000));
    model_unref (model);
    free (bytes);
}

/* The search for the family is charged for: by what may be one more than by what is none. */
static void check_work (void)
{
    check_group ("work");
    check_many (40000, "conv_stem.weight", "would take more than");
    check_many (40000, "features.0.0.weight", "would take more than");
    check_many (40000, "conv_stems.weight", "called as those of no network");
    check_many (500, "conv_stem.weight", "'blocks.1.0.conv_pwl.weight': is missing");
}

int main (void)
{
    if (!mkdtemp (folder))
        return EXIT_FAILURE;
    for (int i = 0; networks_families[i].name; i++) {
        check_group (networks_families[i].name);
        check_family (&networks_families[i]);
        check_twice (&networks_families[i]);
    }
    check_group ("told apart by their widths");
    for (int i = 0; networks_widths[i].name; i++) {
        static struct twin t;
        check_same (&networks_widths[i], &t);
    }
    check_look_alikes ();
    check_notices ();
    check_padding ();
    check_work ();
    check_features ();
    check_index ();
    remove (networks_path ("net.safetensors"));
    remove (networks_path ("net.onnx"));
    CHECK (rmdir (folder) == 0, "%s is not empty", folder);
    return check_end ();
}
