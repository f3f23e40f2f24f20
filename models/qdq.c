/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* qdq.c: which tensors of a network get 8 bits, and by which scale; then everything is written in order. */
#include "models/qdq_private.h"

#include "models/report.h"

#include <float.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { OPSET_MIN = 13 }; /* the first whose DequantizeLinear has an axis */

bool qdq_is_vector (const struct graph *g, int id)
{
    struct tensor_info t = graph_tensor (g, id);
    return t.height == 1 && t.width == 1;
}

bool qdq_is_output (const struct graph *g, int id)
{
    for (int i = 0; i < graph_outputs (g); i++) {
        if (graph_output_id (g, i) == id)
            return true;
    }
    return false;
}

static bool is (const struct graph *g, int id, const char *operation)
{
    return !strcmp (graph_tensor (g, id).operation, operation);
}

/* ---- decisions --------------------------------------------------------------------------------------------------- */

static void count_readers (struct qdq_writer *q)
{
    for (int id = 0; id < q->tensors; id++) {
        q->of[id].convolution = id;
        for (int i = 0, from; (from = graph_source (q->g, id, i)) >= 0; i++) {
            q->of[from].readers++;
            q->of[from].reader = id;
        }
    }
}

/* Batch norm and the like behind a convolution that nobody else reads. */
static void fold_norms (struct qdq_writer *q)
{
    for (int id = 0; id < q->tensors; id++) {
        int from = graph_source (q->g, id, 0);
        if ((!is (q->g, id, "batch-norm") && !is (q->g, id, "affine")) || q->of[from].readers != 1 ||
            qdq_is_output (q->g, from) || !graph_weights (q->g, q->of[from].convolution))
            continue;
        q->of[from].folded = true;
        q->of[id].convolution = q->of[from].convolution;
    }
}

/* The outputs, what vectors they are made from, and the map from which those are. */
static void find_plain (struct qdq_writer *q)
{
    for (int i = 0; i < graph_outputs (q->g); i++)
        q->of[graph_output_id (q->g, i)].plain = true;
    for (int id = q->tensors - 1; id >= 0; id--) {
        if (!q->of[id].plain || !qdq_is_vector (q->g, id))
            continue;
        for (int i = 0, from; (from = graph_source (q->g, id, i)) >= 0; i++)
            q->of[from].plain = true;
    }
}

/* Whether its one reader is an activation that only clips, whose range does the same to both. */
static bool is_clipped_next (const struct qdq_writer *q, int id)
{
    if (q->of[id].readers != 1 || !is (q->g, q->of[id].reader, "activation"))
        return false;
    enum activation_kind kind = graph_tensor (q->g, q->of[id].reader).activation.kind;
    return kind == ACTIVATION_RELU || kind == ACTIVATION_CLIP;
}

static bool only_moves (const struct graph *g, int id)
{
    return is (g, id, "max-pool") || is (g, id, "global-max-pool") || is (g, id, "reshape") || is (g, id, "pick");
}

/* 256 steps over the range, of which one is 0. False: it is too small or too large for that. */
static bool spread (float low, float high, struct decision *of)
{
    double step = ((double)high - (double)low) / 255;
    of->scale = (float)step;
    if (low == 0 && high == 0)
        of->scale = 1;
    of->zero = (int)rint (-(double)low / (double)of->scale);
    return of->scale > 1e-20f && of->scale < 1e20f;
}

static void choose_scales (struct qdq_writer *q, const struct ranges *ranges)
{
    for (int id = 0; id < q->tensors; id++) {
        struct decision *of = &q->of[id];
        float low, high;
        int from = graph_source (q->g, id, 0);
        if (of->plain || of->folded || is_clipped_next (q, id))
            continue;
        if (only_moves (q->g, id) && from >= 0 && q->of[from].quantised) {
            of->scale = q->of[from].scale;
            of->zero = q->of[from].zero;
            of->quantised = true;
        } else {
            of->quantised = ranges_get (ranges, id, &low, &high) && spread (low, high, of);
        }
        q->file->tensors += of->quantised;
    }
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static bool check (struct qdq_writer *q, const struct model *model)
{
    q->file->opset = OPSET_MIN;
    for (int id = 0; id < q->tensors; id++) {
        struct tensor_info t = graph_tensor (q->g, id);
        int opset = qdq_opset (q->g, id);
        if (is (q->g, id, "quantise") || is (q->g, id, "quantise-dynamic"))
            return report (q->error, "%s: is quantised already", report_path (model_path (model)));
        if (!opset)
            return report (q->error, "%s: quantize does not write %s '%.100s'", report_path (model_path (model)),
                           t.operation, t.name);
        if (opset > q->file->opset)
            q->file->opset = opset;
    }
    return true;
}

static void write_input (struct qdq_writer *q, int id)
{
    struct tensor_info t = graph_tensor (q->g, id);
    int64_t dims[4] = { 1, t.channels, t.height, t.width };
    onnx_write_value (q->w, false, t.name, dims, qdq_is_vector (q->g, id) ? 2 : 4);
}

/* As a list of JSON: names with commas, colons or numbers in front would not be the same after lines were read. */
static bool write_labels (struct qdq_writer *q, const struct model *model)
{
    bool named = false;
    char numbered[32];
    for (int i = 0; i < model_classes (model); i++) {
        g_snprintf (numbered, sizeof numbered, "class %d", i);
        named |= strcmp (numbered, model_label (model, i)) != 0;
    }
    if (!named)
        return true;
    json_t *list = json_array ();
    bool good = list != NULL;
    for (int i = 0; good && i < model_classes (model); i++)
        good = !json_array_append_new (list, json_string (model_label (model, i)));
    char *text = good ? json_dumps (list, JSON_COMPACT) : NULL;
    json_decref (list);
    if (text)
        onnx_write_metadata (q->w, "labels", text);
    good = text != NULL;
    free (text);
    return good || report (q->error, "%s: no memory for its labels", report_path (q->path));
}

static bool write_all (struct qdq_writer *q, const struct model *model)
{
    bool good = true;
    for (int id = 0; good && id < q->tensors; id++) {
        if (is (q->g, id, "input"))
            write_input (q, id);
        if (!q->of[id].folded)
            good = qdq_node (q, id);
    }
    for (int i = 0; good && i < graph_outputs (q->g); i++)
        qdq_output (q, graph_output_id (q->g, i));
    return good && write_labels (q, model) && onnx_write_file (q->w, q->path, q->error);
}

bool qdq_write (const struct model *model, const struct ranges *ranges, const char *path, struct qdq_file *file,
                struct error *error)
{
    struct qdq_writer q = { .g = model_graph (model),
                            .tensors = graph_tensors (model_graph (model)),
                            .file = file,
                            .path = path,
                            .error = error };
    *file = (struct qdq_file) { 0 };
    if (!check (&q, model))
        return false;
    q.of = g_new0 (struct decision, q.tensors);
    q.names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    q.w = onnx_writer_new (file->opset);
    count_readers (&q);
    fold_norms (&q);
    find_plain (&q);
    choose_scales (&q, ranges);
    bool good = write_all (&q, model);
    onnx_writer_free (q.w);
    g_hash_table_destroy (q.names);
    g_free (q.of);
    return good;
}
