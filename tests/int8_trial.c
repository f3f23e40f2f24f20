/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* int8_trial.c: plans of bytes beside the reference.
 *
 * Each tensor that a step leaves is read by a tap and compared with what the reference makes, in double precision, of
 * the tensors before it as the plan has them: errors do not add up, so that a code must be the nearest one. Weights are
 * whole steps of their channel, so that making bytes of them loses nothing. */
#include "tests/int8_trial.h"
#include "tests/allocations.h"
#include "tests/check.h"
#include "tests/reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- networks ---------------------------------------------------------------------------------------------------- */

/* Every filter's weights become whole steps, of which the largest has 127. */
static void whole_weights (struct graph *g)
{
    for (int id = 0; id < g->count; id++) {
        struct node *node = &g->nodes[id];
        if (node->operation != OPERATION_CONV)
            continue;
        const struct conv *conv = &node->u.conv.shape;
        int count = g->nodes[node->inputs[0]].channels / conv->groups * conv->kernel_h * conv->kernel_w;
        for (int o = 0; o < conv->out_channels; o++) {
            float *w = node->u.conv.weights + (ptrdiff_t)o * count, most = 0;
            for (int i = 0; i < count; i++)
                most = fmaxf (most, fabsf (w[i]));
            for (int i = 0; i < count; i++)
                w[i] = rintf (w[i] / most * 127) * (most / 127);
        }
    }
}

static int root_of (const int *root, int id)
{
    while (root[id] != id)
        id = root[id];
    return id;
}

/* Tensors whose numbers are others' have one scale. */
static void find_scales (struct trial *t)
{
    int count = graph_tensors (t->g), *root = malloc ((size_t)count * sizeof *root);
    double *zero = malloc ((size_t)count * sizeof *zero);
    t->scale = calloc ((size_t)count, sizeof *t->scale);
    t->low = calloc ((size_t)count, sizeof *t->low);
    t->high = calloc ((size_t)count, sizeof *t->high);
    for (int id = 0; id < count; id++) {
        const struct node *node = &t->g->nodes[id];
        bool keeps = node->operation == OPERATION_CONCAT || node->operation == OPERATION_PICK ||
                     node->operation == OPERATION_RESHAPE || !strcmp (node->label, "max-pool");
        root[id] = id;
        for (int i = 0; keeps && i < node->input_count; i++) {
            int a = root_of (root, node->inputs[i]), b = root_of (root, id);
            root[a > b ? a : b] = a > b ? b : a;
        }
    }
    for (int id = 0; id < count; id++) {
        float low, high;
        int all = root_of (root, id);
        ranges_get (t->ranges, id, &low, &high);
        t->low[all] = fmin (t->low[all], (double)low);
        t->high[all] = fmax (t->high[all], (double)high);
    }
    for (int id = 0; id < count; id++) {
        int all = root_of (root, id);
        double scale = (t->high[all] - t->low[all]) / 255;
        t->scale[id] = scale > 0 ? scale : 1;
        zero[id] = rint (-t->low[all] / t->scale[id]);
    }
    for (int id = 0; id < count; id++) {
        t->low[id] = -zero[id] * t->scale[id];
        t->high[id] = (255 - zero[id]) * t->scale[id];
    }
    free (zero);
    free (root);
}

/* The builder's graph with ranges of what it makes of a random input, `factor` times as wide. */
struct trial trial_new (struct builder *b, const char *name, float factor)
{
    struct trial t = { .name = name, .g = b->g };
    if (!CHECK (!graph_error (b->g), "%s: %s", name, graph_error (b->g)))
        return t;
    whole_weights (b->g);
    struct tensor_info in = graph_tensor (b->g, 0);
    t.input = random_floats (b, (size_t)in.channels * (size_t)in.height * (size_t)in.width, -1, 1);
    t.ranges = ranges_new (b->g);
    struct reference *reference = reference_run (b->g, t.input);
    for (int id = 0; id < graph_tensors (b->g); id++) {
        const double *values = reference_values (reference, id);
        double low = 0, high = 0;
        for (size_t i = 0; i < reference_count (reference, id); i++) {
            low = fmin (low, values[i]);
            high = fmax (high, values[i]);
        }
        ranges_set (t.ranges, id, (float)low * factor, (float)high * factor);
    }
    reference_free (reference);
    find_scales (&t);
    return t;
}

void trial_free (struct trial *t)
{
    free (t->input);
    free (t->scale);
    free (t->low);
    free (t->high);
    ranges_free (t->ranges);
    graph_unref (t->g);
}

static bool says (const struct step_info *s, double low, double high)
{
    double slack = 1e-5 * (high - low);
    return fabs (low - (double)s->low) <= slack && fabs (high - (double)s->high) <= slack;
}

/* What the plan says that a step's bytes stand for: with those it shares a range with, or, behind floats, alone. */
static void check_said (const struct trial *t, const struct plan *plan)
{
    for (int i = 0; t->ranges && t->low && i < plan_steps (plan); i++) {
        struct step_info s = plan_step (plan, i);
        int id = graph_find (t->g, s.name);
        float low, high;
        ranges_get (t->ranges, id, &low, &high);
        double scale = ((double)high - (double)low) / 255, zero = rint (-(double)low / scale);
        if (s.low < s.high)
            CHECK (says (&s, t->low[id], t->high[id]) || says (&s, -zero * scale, (255 - zero) * scale),
                   "%s: %s says %g .. %g instead of %g .. %g", t->name, s.name, (double)s.low, (double)s.high,
                   t->low[id], t->high[id]);
        else
            CHECK (strcmp (s.type, "u8") != 0, "%s: %s makes bytes without a range", t->name, s.name);
    }
}

struct plan *trial_plan (const struct trial *t, const char *isa, int threads, const char *const *taps, int tap_count)
{
    struct plan_options options = { .isa = isa,
                                    .threads = threads,
                                    .taps = taps,
                                    .tap_count = tap_count,
                                    .precision = PRECISION_INT8,
                                    .ranges = t->ranges };
    struct error error;
    struct plan *plan = plan_new (t->g, &options, &error);
    if (CHECK (plan, "%s, %s: %s", t->name, isa ? isa : "best", error.text))
        check_said (t, plan);
    return plan;
}

int trial_steps (const struct plan *plan, const char *type)
{
    int count = 0;
    for (int i = 0; plan && i < plan_steps (plan); i++)
        count += !strcmp (plan_step (plan, i).type, type);
    return count;
}

/* ---- each tensor from those before it ---------------------------------------------------------------------------- */

/* The names of all tensors that the plan's steps leave. */
static int step_names (const struct plan *plan, const char **names)
{
    int count = 0;
    for (int i = 0; i < plan_steps (plan) && count < BUILDER_TENSORS; i++) {
        const char *name = plan_step (plan, i).name;
        bool known = false;
        for (int n = 0; n < count; n++)
            known |= !strcmp (names[n], name);
        if (!known)
            names[count++] = name;
    }
    return count;
}

/* tap against the reference's numbers, within half a code of the nearest that codes reach; what is never bytes, almost
 * exactly. */
static void compare_tap (const struct trial *t, const char *isa, int id, const double *values, const struct tensor *tap)
{
    const struct node *node = &t->g->nodes[id];
    bool floats = (node->height == 1 && node->width == 1) || node->is_output;
    size_t count = (size_t)node->channels * (size_t)node->height * (size_t)node->width;
    double scale = t->scale[id], most = 0;
    for (size_t i = 0; i < count; i++)
        most = fmax (most, fabs (values[i]));
    for (size_t i = 0; i < count; i++) {
        double got = (double)tap->data[i], want = values[i];
        double bound = floats ? 1e-5 * most + 1e-7 : 0.51 * scale + 1e-5 * most;
        if (!floats)
            want = fmin (fmax (want, t->low[id]), t->high[id]);
        if (!CHECK (fabs (got - want) <= bound, "%s, %s: '%s' (%s)[%zu] is %g, not %g; a code is %g", t->name, isa,
                    node->name, node->label, i, got, values[i], scale))
            return;
    }
}

/* The graph's input as a stem of bytes reads it: in steps of its range, where convolutions of up to four channels are
 * all that read it, and nobody taps it; else NULL. */
static double *stem_input (const struct trial *t)
{
    const struct node *in = &t->g->nodes[0];
    float low, high;
    bool stem = in->channels <= 4 && ranges_get (t->ranges, 0, &low, &high);
    for (int id = 1; stem && id < t->g->count; id++)
        for (int i = 0; i < t->g->nodes[id].input_count; i++)
            stem &= t->g->nodes[id].inputs[i] != 0 ||
                    (t->g->nodes[id].operation == OPERATION_CONV && t->g->nodes[id].u.conv.shape.groups == 1);
    if (!stem)
        return NULL;
    size_t count = (size_t)in->channels * (size_t)in->height * (size_t)in->width;
    double *values = malloc (count * sizeof *values), scale = (double)(float)(((double)high - (double)low) / 255);
    double zero = rint (-(double)low / scale);
    for (size_t i = 0; i < count; i++)
        values[i] = scale * (fmin (fmax (rint ((double)(t->input[i] / (float)scale)) + zero, 0), 255) - zero);
    return values;
}

/* The plan that has these taps, tensor by tensor. */
static void compare_plan (const struct trial *t, const char *isa, const struct plan *plan, const int *tap_of)
{
    int count = graph_tensors (t->g);
    double **values = calloc ((size_t)count, sizeof *values), *stem = tap_of[0] < 0 ? stem_input (t) : NULL;
    for (int id = 0; id < count; id++) {
        const struct node *node = &t->g->nodes[id];
        size_t numbers = (size_t)node->channels * (size_t)node->height * (size_t)node->width;
        values[id] = malloc (numbers * sizeof (double));
        double *magnitude = malloc (numbers * sizeof (double));
        const double **inputs = calloc ((size_t)node->input_count + 1, sizeof *inputs);
        for (int i = 0; i < node->input_count; i++)
            inputs[i] = stem && node->inputs[i] == 0 ? stem : values[node->inputs[i]];
        if (node->operation == OPERATION_INPUT)
            for (size_t i = 0; i < numbers; i++)
                values[id][i] = (double)t->input[i];
        else
            reference_node (t->g, node, inputs, inputs, values[id], magnitude);
        if (tap_of[id] >= 0 && node->operation != OPERATION_INPUT) {
            const struct tensor *tap = plan_tap (plan, tap_of[id]);
            compare_tap (t, isa, id, values[id], tap);
            for (size_t i = 0; i < numbers; i++)
                values[id][i] = (double)tap->data[i];
        }
        free (inputs);
        free (magnitude);
    }
    for (int id = 0; id < count; id++)
        free (values[id]);
    free (values);
    free (stem);
}

/* Same bits for 1 to 3 threads, nothing allocated, the first output. */
void trial_threads (const struct trial *t, const char *isa)
{
    struct plan *one = trial_plan (t, isa, 1, NULL, 0);
    for (int threads = 2; threads <= 3 && one; threads++) {
        struct plan *more = trial_plan (t, isa, threads, NULL, 0);
        if (!more)
            break;
        plan_run (one, t->input);
        allocations_start ();
        plan_run (more, t->input);
        CHECK (allocations_calls () == 0, "%s, %s: %ld allocations", t->name, isa, allocations_calls ());
        for (int o = 0; o < plan_outputs (one); o++) {
            const struct tensor *a = plan_output (one, o), *b = plan_output (more, o);
            size_t bytes = (size_t)a->channels * (size_t)a->height * (size_t)a->width * sizeof (float);
            CHECK (!memcmp (a->data, b->data, bytes), "%s, %s: 1 and %d threads differ", t->name, isa, threads);
        }
        plan_free (more);
    }
    plan_free (one);
}

/* `all`: every tensor is tapped, so that nothing is fused; otherwise what steps leave anyway. */
static void run_trial (const struct trial *t, const char *isa, bool all)
{
    struct plan *plan = trial_plan (t, isa, 1, NULL, 0);
    if (!plan)
        return;
    const char *taps[BUILDER_TENSORS];
    int count = graph_tensors (t->g), tap_count = 0, *tap_of = malloc ((size_t)count * sizeof *tap_of);
    if (all)
        for (; tap_count < count && tap_count < BUILDER_TENSORS; tap_count++)
            taps[tap_count] = graph_tensor (t->g, tap_count).name;
    else
        tap_count = step_names (plan, taps);
    for (int id = 0; id < count; id++) {
        tap_of[id] = -1;
        for (int i = 0; i < tap_count; i++)
            if (!strcmp (taps[i], graph_tensor (t->g, id).name))
                tap_of[id] = i;
    }
    struct plan *tapped = trial_plan (t, isa, 1, taps, tap_count);
    if (tapped) {
        plan_run (tapped, t->input);
        compare_plan (t, isa, tapped, tap_of);
    }
    plan_free (tapped);
    plan_free (plan);
    free (tap_of);
}

void trial_everywhere (struct trial *t)
{
    for (const char *const *isa = engine_isas (); t->input && *isa; isa++) {
        run_trial (t, *isa, false);
        run_trial (t, *isa, true);
    }
    if (t->input)
        trial_threads (t, *engine_isas ());
    trial_free (t);
}
