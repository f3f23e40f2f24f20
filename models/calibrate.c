/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* calibrate.c: pictures -> runs in fp32 with tensors tapped -> ranges.
 *
 * Of a tensor's numbers the outermost are kept and how they are spread; when all pictures were seen the range is
 * narrowed to where its steps are spent best.
 *
 * A tapped tensor is kept twice until the end of a run, so that tensors are tapped in batches, in the order of the
 * graph, each with a plan of its own. */
#include "models/calibrate.h"

#include "engine/work.h"
#include "models/drawings.h"
#include "models/histogram.h"
#include "models/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_BYTES (UINT64_C (128) << 20)
enum { BATCHES_MAX = 16 };

/* Everything that is needed meanwhile. */
struct observer {
    const struct model *model;
    struct graph *graph;
    const struct input_spec *spec;
    const struct calibration *how;
    int pictures, tensors;
    float margin;
    bool *tapped;                 /* [tensors]: its range is seen, not known otherwise */
    bool *bad;                    /* [tensors]: NaN or infinity was among its numbers */
    float *low, *high;            /* [tensors] seen so far */
    int *batch_of;                /* [tensors]: in which batch it is tapped */
    const char **names;           /* [tensors] of a batch */
    int *ids;                     /* [tensors] of a batch */
    struct histogram *histograms; /* [tensors of a batch], while it runs */
    int batches, done;            /* runs */
    float *input;
    struct error *error;
};

/* ---- pictures --------------------------------------------------------------------------------------------------- */

void calibrate_prepare (const struct input_spec *spec, const uint8_t *rgb, float *input)
{
    size_t pixels = (size_t)spec->height * (size_t)spec->width;
    for (int c = 0; c < spec->channels; c++) {
        int from = spec->order == CHANNEL_ORDER_BGR && c < 3 ? 2 - c : c;
        float mean = spec->mean[c < 4 ? c : 3], std = spec->std[c < 4 ? c : 3];
        for (size_t i = 0; i < pixels; i++) {
            const uint8_t *p = rgb + 3 * i;
            float value = from < 3 ? p[from] : 255;
            if (spec->channels == 1)
                value = (float)((299 * p[0] + 587 * p[1] + 114 * p[2] + 500) / 1000);
            input[(size_t)c * pixels + i] = (value - mean) / std;
        }
    }
}

bool calibrate_drawing (const struct input_spec *spec, int index, float *input)
{
    uint8_t *rgb = malloc ((size_t)spec->height * (size_t)spec->width * 3);
    if (rgb) {
        drawings_draw (index, spec->width, spec->height, rgb);
        calibrate_prepare (spec, rgb, input);
    }
    free (rgb);
    return rgb != NULL;
}

static bool show (struct observer *o, int index)
{
    if (o->how->picture)
        return o->how->picture (o->how->data, index, o->input, o->error);
    return calibrate_drawing (o->spec, index, o->input) ||
           report (o->error, "%s: no memory for a drawing", report_path (model_path (o->model)));
}

/* ---- numbers ---------------------------------------------------------------------------------------------------- */

/* Widens tensor `id`'s range to hold what it has now. Sixteen side by side, so that compilers make vectors of them. */
static void look (struct observer *o, int id, const struct tensor *t, struct histogram *histogram)
{
    enum { SIDE = 16 };
    float low[SIDE] = { 0 }, high[SIDE] = { 0 }, nothing[SIDE] = { 0 };
    size_t count = (size_t)t->channels * (size_t)t->height * (size_t)t->width;
    for (size_t i = 0; i < count; i += SIDE) {
        size_t wide = count - i < SIDE ? count - i : SIDE;
        const float *x = t->data + i;
        for (size_t k = 0; k < wide; k++) {
            low[k] = x[k] < low[k] ? x[k] : low[k];
            high[k] = x[k] > high[k] ? x[k] : high[k];
            nothing[k] += x[k] * 0; /* NaN where x is infinity or NaN */
        }
    }
    histogram_add (histogram, t->data, count);
    for (int k = 0; k < SIDE; k++) {
        o->low[id] = low[k] < o->low[id] ? low[k] : o->low[id];
        o->high[id] = high[k] > o->high[id] ? high[k] : o->high[id];
        o->bad[id] |= nothing[k] != 0;
    }
}

/* What an activation makes at least and at most, whatever comes in. */
static void activation_bounds (struct activation a, float *low, float *high)
{
    *low = -INFINITY;
    *high = INFINITY;
    switch (a.kind) {
    case ACTIVATION_RELU:
        *low = 0;
        break;
    case ACTIVATION_CLIP:
        *low = a.alpha;
        *high = a.beta;
        break;
    case ACTIVATION_SIGMOID:
    case ACTIVATION_HARD_SIGMOID:
        *low = 0;
        *high = 1;
        break;
    case ACTIVATION_TANH:
        *low = -1;
        *high = 1;
        break;
    case ACTIVATION_ELU:
        *low = -fabsf (a.alpha);
        break;
    case ACTIVATION_SILU: /* its minimum, and those of the next: -0.2785, -0.375, -0.17, -0.3089 */
        *low = -0.279f;
        break;
    case ACTIVATION_HARD_SWISH:
        *low = -0.375f;
        break;
    case ACTIVATION_GELU:
    case ACTIVATION_GELU_TANH:
        *low = -0.171f;
        break;
    case ACTIVATION_MISH:
        *low = -0.309f;
        break;
    default:
        break;
    }
}

/* ---- which tensors ---------------------------------------------------------------------------------------------- */

/* The input's: pixels of 0 to 255 as they are prepared. */
static void set_input (const struct observer *o, struct ranges *ranges, int id)
{
    const struct input_spec *spec = o->spec;
    for (int c = 0; c < spec->channels && c < 4; c++) {
        float a = (0 - spec->mean[c]) / spec->std[c], b = (255 - spec->mean[c]) / spec->std[c];
        ranges_widen (ranges, id, a < b ? a : b, a < b ? b : a);
    }
}

/* Convolutions that batch norm alone follows are never made by themselves: its scale goes into their weights. */
static void find_folded (const struct graph *g, int tensors, bool *folded, int *readers)
{
    for (int id = 0; id < tensors; id++)
        for (int i = 0, from; (from = graph_source (g, id, i)) >= 0; i++)
            readers[from]++;
    for (int id = 0; id < tensors; id++) {
        const char *operation = graph_tensor (g, id).operation;
        int from = graph_source (g, id, 0);
        if (from >= 0 && readers[from] == 1 && (!strcmp (operation, "batch-norm") || !strcmp (operation, "affine")))
            folded[from] = graph_weights (g, from) != NULL;
    }
}

/* A name that a later tensor bears too cannot be tapped; what is only given another shape has its source's numbers. */
static bool plan_batches (struct observer *o)
{
    bool *folded = calloc ((size_t)o->tensors, sizeof *folded);
    int *readers = calloc ((size_t)o->tensors, sizeof *readers);
    uint64_t bytes = 0;
    if (folded && readers)
        find_folded (o->graph, o->tensors, folded, readers);
    for (int id = 0; folded && readers && id < o->tensors; id++) {
        struct tensor_info t = graph_tensor (o->graph, id);
        if (!work_spend ((uint64_t)o->tensors)) /* graph_find looks at all of them */
            break;
        o->tapped[id] = !folded[id] && strcmp (t.operation, "input") && strcmp (t.operation, "reshape") &&
                        strcmp (t.operation, "quantise") && graph_find (o->graph, t.name) == id;
        if (!o->tapped[id])
            continue;
        uint64_t own =
            (uint64_t)(t.channels + 15) / 16 * 16 * (uint64_t)t.height * (uint64_t)t.width * 2 * sizeof (float) +
            sizeof (struct histogram);
        if (!o->batches || bytes + own > BATCH_BYTES) {
            o->batches++;
            bytes = 0;
        }
        bytes += own;
        o->batch_of[id] = o->batches - 1;
    }
    bool good =
        (folded && readers) || report (o->error, "%s: no memory to calibrate it", report_path (model_path (o->model)));
    if (o->batches > BATCHES_MAX)
        good =
            report (o->error, "%s: its tensors are too large for calibration: they need %d runs a picture, %d at most",
                    report_path (model_path (o->model)), o->batches, BATCHES_MAX);
    free (folded);
    free (readers);
    return good;
}

/* ---- runs ------------------------------------------------------------------------------------------------------- */

/* The ranges of the `count` tensors of a batch, all pictures of which were seen. */
static void narrow (struct observer *o, int count)
{
    for (int k = 0; k < count; k++) {
        int id = o->ids[k];
        if (!o->bad[id] && work_spend (HISTOGRAM_WORK))
            histogram_narrow (&o->histograms[k], &o->low[id], &o->high[id]);
    }
}

/* All pictures, with `count` tensors of a batch tapped. */
static bool run_batch (struct observer *o, int count)
{
    struct plan_options options = { .threads = o->how->threads,
                                    .isa = o->how->isa,
                                    .activation = o->how->activation,
                                    .seconds = o->how->seconds,
                                    .taps = o->names,
                                    .tap_count = count };
    struct plan *plan = plan_new (o->graph, &options, o->error);
    bool good = plan != NULL;
    for (int i = 0; good && i < o->pictures; i++) {
        good = show (o, i);
        if (good)
            good = plan_run_unless_stopped (plan, o->input) || report (o->error, "cancelled");
        for (int k = 0; good && k < count; k++)
            look (o, o->ids[k], plan_tap (plan, k), &o->histograms[k]);
        if (good && o->how->go_on && !o->how->go_on (o->how->data, ++o->done, o->pictures * o->batches))
            good = report (o->error, "cancelled");
    }
    plan_free (plan);
    return good;
}

static bool observe_batch (struct observer *o, int batch)
{
    int count = 0;
    for (int id = 0; id < o->tensors; id++) {
        if (!o->tapped[id] || o->batch_of[id] != batch)
            continue;
        o->ids[count] = id;
        o->names[count++] = graph_tensor (o->graph, id).name;
    }
    o->histograms = calloc ((size_t)count + 1, sizeof *o->histograms);
    bool good =
        o->histograms || report (o->error, "%s: no memory to calibrate it", report_path (model_path (o->model)));
    good = good && run_batch (o, count);
    if (good)
        narrow (o, count);
    free (o->histograms);
    o->histograms = NULL;
    return good;
}

/* Seen and narrowed, wider by the margin, within what the tensor's activation can make. */
static void set_seen (const struct observer *o, struct ranges *ranges, int id)
{
    struct tensor_info t = graph_tensor (o->graph, id);
    float low = o->low[id] * o->margin, high = o->high[id] * o->margin, least, most;
    if (!strcmp (t.operation, "activation")) {
        struct activation a =
            o->how->activation && t.activation.kind != ACTIVATION_PRELU ? *o->how->activation : t.activation;
        activation_bounds (a, &least, &most);
        low = low < least ? least : low;
        high = high > most ? most : high;
    } else if (!strcmp (t.operation, "softmax") && high > 1) {
        high = 1;
    }
    if (!o->bad[id] && low <= high)
        ranges_set (ranges, id, low, high);
}

static struct ranges *conclude (const struct observer *o)
{
    struct ranges *ranges = ranges_new (o->graph);
    for (int id = 0; ranges && id < o->tensors; id++) {
        struct tensor_info t = graph_tensor (o->graph, id);
        float low, high;
        if (!strcmp (t.operation, "input"))
            set_input (o, ranges, id);
        else if (!strcmp (t.operation, "quantise"))
            ranges_set (ranges, id, t.range.step * (float)t.range.low, t.range.step * (float)t.range.high);
        else if (!strcmp (t.operation, "reshape") && ranges_get (ranges, t.inputs[0], &low, &high))
            ranges_set (ranges, id, low, high);
        else if (o->tapped[id])
            set_seen (o, ranges, id);
    }
    return ranges;
}

static bool observer_begin (struct observer *o)
{
    size_t count = (size_t)o->tensors, numbers = 1;
    o->tapped = calloc (count, sizeof *o->tapped);
    o->bad = calloc (count, sizeof *o->bad);
    o->low = calloc (count, sizeof *o->low);
    o->high = calloc (count, sizeof *o->high);
    o->batch_of = calloc (count, sizeof *o->batch_of);
    o->names = calloc (count, sizeof *o->names);
    o->ids = calloc (count, sizeof *o->ids);
    numbers = (size_t)o->spec->channels * (size_t)o->spec->height * (size_t)o->spec->width;
    o->input = calloc (numbers, sizeof *o->input);
    if (o->tapped && o->bad && o->low && o->high && o->batch_of && o->names && o->ids && o->input)
        return plan_batches (o);
    return report (o->error, "%s: no memory to calibrate it", report_path (model_path (o->model)));
}

static void observer_end (struct observer *o)
{
    free (o->tapped);
    free (o->bad);
    free (o->low);
    free (o->high);
    free (o->batch_of);
    free (o->names);
    free (o->ids);
    free (o->input);
}

struct ranges *calibrate (const struct model *model, const struct calibration *how, struct error *error)
{
    static const struct calibration drawings;
    how = how ? how : &drawings;
    struct observer o = { .model = model,
                          .graph = model_graph (model),
                          .spec = how->spec ? how->spec : model_input (model),
                          .how = how,
                          .pictures = how->picture ? how->pictures : DRAWINGS,
                          .tensors = graph_tensors (model_graph (model)),
                          .margin = how->margin,
                          .error = error };
    if (o.margin <= 0)
        o.margin = how->picture ? CALIBRATE_MARGIN_PICTURES : CALIBRATE_MARGIN_DRAWINGS;
    bool good = observer_begin (&o);
    for (int b = 0; good && b < o.batches; b++)
        good = observe_batch (&o, b);
    struct ranges *ranges = good ? conclude (&o) : NULL;
    if (good && !ranges)
        report (error, "%s: no memory for its ranges", report_path (model_path (model)));
    observer_end (&o);
    return ranges;
}
