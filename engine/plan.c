/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plan.c: a graph -> a plan: which tensors must survive, layers, places, one or more steps per layer, the arena.
 *
 *   graph -> simplify -> layers -> places -> steps -> arena -> pointers -> one run on zeros
 *
 * The last of these touches every page, so that the first frame is like any other. */
#include "engine/plan.h"
#include "engine/conv_direct.h"
#include "engine/conv_stem_pool.h"
#include "engine/cost.h"
#include "engine/cpu.h"
#include "engine/layers_reorder.h"
#include "engine/operator.h"
#include "engine/quantise.h"
#include "engine/work.h"
#include "engine/workers.h"

#include <fenv.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LAYER_STEPS = 1000 };

static const double SECONDS = 2; /* of a run, by default */

/* Everything that is needed while a plan is made and not after. */
struct planner {
    struct plan *plan;
    struct preparation preparation;
    struct graph *g;
    struct error *error;
    struct layers layers;
    struct places places;
    bool *keep;                 /* [tensors]: read after the run in its blocked place */
    int *planar_copy;           /* [tensors]: its planar buffer, or -1 */
    int *floats;                /* [tensors]: buffer of a copy in floats, or -1; of aliases their tensor's */
    int *readers;               /* [tensors]: how many layers read it */
    int input;                  /* the graph's input tensor */
    int stem;                   /* the layer whose rounding the convolutions that read it do, or -1 */
    double cycles, most_cycles; /* of a run, so far; the limit */
};

static bool fail (struct planner *p, const char *text)
{
    if (!p->error->text[0])
        snprintf (p->error->text, sizeof p->error->text, "%s", text);
    return false;
}

/* The thread's account of work, or whoever waits for it, says no. */
static bool refused (struct planner *p)
{
    char refusal[100];
    snprintf (p->error->text, sizeof p->error->text, "%s", work_refusal (refusal));
    return false;
}

/* ---- what must survive ------------------------------------------------------------------------------------------ */

static bool is_vector (const struct node *node)
{
    return node->height == 1 && node->width == 1;
}

/* ---- bytes ------------------------------------------------------------------------------------------------------ */

static struct place new_floats (struct planner *p, int id)
{
    const struct node *node = &p->g->nodes[id];
    size_t bytes = place_blocked_bytes (ELEMENT_F32, node->channels, node->height, node->width);
    p->places.buffers[p->places.buffer_count] = (struct buffer) { .bytes = bytes };
    return (struct place) { .buffer = p->places.buffer_count++ };
}

/* Where the tensor is as floats: itself, or a copy, made by the first who asks. False: memory short. */
static bool floats_of (struct planner *p, int id, struct place *place)
{
    int own = p->places.alias[id];
    *place = p->places.of[own];
    if (place->element == ELEMENT_F32)
        return true;
    struct place from = *place;
    *place = (struct place) { .buffer = p->floats[own] };
    if (place->buffer >= 0)
        return true;
    *place = new_floats (p, own);
    p->floats[own] = place->buffer;
    return quantise_convert (&p->preparation, own, from, *place);
}

static bool fuse_last (struct planner *p, int l, int steps);

/* Counts what the layer's steps, from `first` on, will take. A limit in multiply-accumulates would not do: a pool has
 * none, and 30 GELUs take as long as a convolution. */
static bool count_cycles (struct planner *p, const struct layer *layer, int first)
{
    const struct operator_type *type = operator_of (layer->operation);
    for (int s = first; s < p->plan->steps.count; s++) {
        const struct step *step = &p->plan->steps.list[s];
        p->cycles += type->cycles ? type->cycles (&p->preparation, step) : cost_pass (&p->preparation, step);
        if (p->cycles <= p->most_cycles)
            continue;
        snprintf (p->error->text, sizeof p->error->text,
                  "%s '%.200s': with it a run would take more than %.3g s on one core, the limit is %.3g s",
                  step->operation, step->name, p->cycles / COST_CYCLES_A_SECOND, p->most_cycles / COST_CYCLES_A_SECOND);
        return false;
    }
    return true;
}

/* The layer on copies in floats; what it leaves is converted behind it. */
static bool prepare_floats (struct planner *p, int l)
{
    const struct layer *layer = &p->layers.list[l];
    struct place *of = p->places.of, out = of[layer->output];
    int count = layer->input_count + (layer->residual >= 0);
    struct place *kept = calloc ((size_t)count + 1, sizeof *kept);
    bool ok = kept || fail (p, "out of memory");
    for (int i = 0; ok && i < count; i++) { /* copies first: they read the tensors where they are */
        int id = i < layer->input_count ? layer->inputs[i] : layer->residual;
        ok = floats_of (p, id, &kept[i]);
    }
    for (int i = 0; ok && i < count; i++) {
        int id = p->places.alias[i < layer->input_count ? layer->inputs[i] : layer->residual];
        struct place now = kept[i];
        kept[i] = of[id];
        of[id] = now;
    }
    if (ok && out.element == ELEMENT_U8)
        of[layer->output] = new_floats (p, layer->output);
    struct place made = of[layer->output];
    int steps = p->plan->steps.count;
    ok = ok && operator_of (layer->operation)->prepare (&p->preparation, layer) && count_cycles (p, layer, steps) &&
         fuse_last (p, l, steps);
    for (int i = count - 1; ok && i >= 0; i--) /* backwards: of a tensor read twice the first is what it was */
        of[p->places.alias[i < layer->input_count ? layer->inputs[i] : layer->residual]] = kept[i];
    of[layer->output] = out;
    free (kept);
    return ok && (out.element == ELEMENT_F32 || quantise_convert (&p->preparation, layer->output, made, out));
}

/* Whether one layer reads the tensor, once, and nobody after the run. */
static bool only_read_next (const struct planner *p, int tensor)
{
    return p->readers[tensor] == 1 && p->planar_copy[tensor] < 0 && !p->keep[tensor] &&
           p->places.alias[tensor] == tensor;
}

/* A sum of bytes that the convolution before it can make. */
static bool join_sum (struct planner *p, int l)
{
    const struct layer *layer = &p->layers.list[l], *before = layer - 1;
    if (l == 0 || layer->operation != OPERATION_ADD || before->operation != OPERATION_CONV || layer->residual >= 0)
        return false;
    int made = before->output, other = layer->inputs[layer->inputs[0] == made];
    const struct node *a = &p->g->nodes[made], *b = &p->g->nodes[other];
    bool once = other != made && (layer->inputs[0] == made || layer->inputs[1] == made);
    bool same = a->channels == b->channels && a->height == b->height && a->width == b->width;
    struct step *step = &p->plan->steps.list[p->plan->steps.count - 1];
    struct place left = p->places.of[made];
    return once && same && only_read_next (p, made) && step->packed && step->place.out.buffer == left.buffer &&
           step->place.out.offset == left.offset && quantise_join_sum (&p->preparation, step, layer, other);
}

static bool prepare_layer (struct planner *p, int l)
{
    const struct layer *layer = &p->layers.list[l];
    if (l == p->stem || join_sum (p, l))
        return true;
    const struct operator_type *type = operator_of (layer->operation);
    int steps = p->plan->steps.count;
    if (quantise_touches (&p->preparation, layer) && !(type->takes_bytes && type->takes_bytes (&p->preparation, layer)))
        return prepare_floats (p, l);
    return type->prepare (&p->preparation, layer) && count_cycles (p, layer, steps) && fuse_last (p, l, steps);
}

/* Outputs and taps: a vector is planar as it is and only kept; a map gets a planar copy right after it is made. */
static bool plan_planar_copy (struct planner *p, int id)
{
    struct place *place = &p->places.of[p->places.alias[id]];
    if (p->planar_copy[id] < 0 || place->buffer < 0)
        return true;
    const struct node *node = &p->g->nodes[id];
    struct place from;
    if (!floats_of (p, id, &from))
        return false;
    struct step *step = step_new (&p->preparation, layers_reorder_to_planar, id, id);
    if (!step)
        return false;
    step->place.in = from;
    int buffer = p->planar_copy[id];
    size_t bytes = (size_t)node->channels * (size_t)node->height * (size_t)node->width * sizeof (float);
    p->places.buffers[buffer] = (struct buffer) { .bytes = (bytes + 63) / 64 * 64 };
    step->operation = "reorder";
    step->place.out = (struct place) { .buffer = buffer };
    return true;
}

static bool reads (const struct layer *layer, int tensor)
{
    bool found = layer->residual == tensor;
    for (int i = 0; i < layer->input_count; i++)
        found |= layer->inputs[i] == tensor;
    return found;
}

/* Finds the layer, if there is one, that makes bytes of the caller's input for convolutions alone. */
static void find_stem (struct planner *p)
{
    p->stem = -1;
    for (int l = 0; p->stem < 0 && l < p->layers.count; l++)
        if (p->layers.list[l].operation == OPERATION_QUANTISE && p->layers.list[l].inputs[0] == p->input)
            p->stem = l;
    if (p->stem < 0)
        return;
    int made = p->layers.list[p->stem].output;
    bool only = quantise_rounds (p->g, &p->layers.list[p->stem], p->places.of[made]) && !p->keep[made] &&
                p->planar_copy[made] < 0 && p->g->nodes[made].channels <= PIXEL_BYTES;
    for (int l = 0; only && l < p->layers.count; l++) {
        const struct layer *layer = &p->layers.list[l];
        only = !reads (layer, made) || (layer->operation == OPERATION_CONV && layer->residual != made &&
                                        layer->conv.groups == 1 && quantise_fits (p->g, layer));
    }
    p->stem = only ? p->stem : -1;
}

static bool readers_need_blocks (const struct planner *p)
{
    if (p->keep[p->input] || p->planar_copy[p->input] >= 0)
        return true;
    for (int l = 0; l < p->layers.count; l++) {
        const struct layer *layer = &p->layers.list[l];
        bool planar = layer->operation == OPERATION_CONV && layer->residual != p->input && layer->conv.groups == 1 &&
                      p->g->nodes[p->input].channels <= 4;
        if (l != p->stem && reads (layer, p->input) && !planar)
            return true;
    }
    return false;
}

static bool find_input (struct planner *p)
{
    p->input = -1;
    for (int id = 0; id < p->g->count; id++)
        if (p->g->nodes[id].operation == OPERATION_INPUT) {
            if (p->input >= 0)
                return fail (p, "the graph has more than one input; the engine runs networks with one");
            p->input = id;
        }
    return p->input >= 0 || fail (p, "the graph has no input");
}

/* ---- memory ----------------------------------------------------------------------------------------------------- */

static void live_at (struct planner *p, struct place place, int step)
{
    if (place.buffer < 0)
        return;
    struct buffer *b = &p->places.buffers[place.buffer];
    if (step < b->first)
        b->first = step;
    if (step > b->last)
        b->last = step;
}

static void find_lifetimes (struct planner *p)
{
    struct plan *plan = p->plan;
    for (int b = 0; b < p->places.buffer_count; b++) {
        p->places.buffers[b].first = INT_MAX;
        p->places.buffers[b].last = -1;
    }
    for (int s = 0; s < plan->steps.count; s++) {
        const struct step *step = &plan->steps.list[s];
        live_at (p, step->place.in, s);
        live_at (p, step->place.second, s);
        live_at (p, step->place.residual, s);
        live_at (p, step->place.out, s);
        if (step->fused_pool) {
            live_at (p, step->fused_pool->place.residual, s);
            live_at (p, step->fused_pool->place.out, s);
        }
        if (step->run == layers_reorder_to_planar)
            live_at (p, step->place.out, INT_MAX);
    }
    for (int id = 0; id < p->g->count; id++)
        if (p->keep[id])
            live_at (p, p->places.of[p->places.alias[id]], INT_MAX);
    for (int b = 0; b < p->places.buffer_count; b++)
        if (p->places.buffers[b].last < 0) /* a tensor fused away */
            p->places.buffers[b].bytes = 0;
}

static void *resolve (const struct planner *p, struct place place)
{
    return place.buffer < 0 ? NULL : p->plan->arena + p->places.buffers[place.buffer].offset + place.offset;
}

static void resolve_step (const struct planner *p, struct step *step)
{
    step->in = resolve (p, step->place.in);
    step->second = resolve (p, step->place.second);
    step->residual = resolve (p, step->place.residual);
    step->out = resolve (p, step->place.out);
}

static void resolve_steps (struct planner *p)
{
    struct plan *plan = p->plan;
    const struct step *next = NULL;
    for (int s = plan->steps.count - 1; s >= 0; s--) {
        struct step *step = &plan->steps.list[s];
        step->prefetch_step = next;
        if (step->packed && !step->packed->method->few_weights)
            next = step;
        resolve_step (p, step);
        if (step->fused_pool)
            resolve_step (p, step->fused_pool);
    }
}

static bool lay_arena (struct planner *p)
{
    struct plan *plan = p->plan;
    int count = p->places.buffer_count;
    int *order = calloc (2 * (size_t)count + 1, sizeof *order);
    if (!order)
        return fail (p, "out of memory");
    find_lifetimes (p);
    plan->arena_bytes = arena_layout (p->places.buffers, count, order);
    free (order);
    if (plan->arena_bytes == SIZE_MAX)
        return refused (p);
    size_t each = p->preparation.scratch_bytes + 64; /* a line between workers */
    uint64_t bytes = (uint64_t)plan->arena_bytes + p->preparation.shared_bytes +
                     (uint64_t)each * (unsigned)plan->execution.threads + 64;
    if (bytes > p->g->limits.plan_bytes) {
        snprintf (p->error->text, sizeof p->error->text,
                  "intermediate results need %" PRIu64 " bytes, more than the limit of %" PRIu64, bytes,
                  p->g->limits.plan_bytes);
        return false;
    }
    plan->arena = memory_add (&plan->memory, bytes, 1);
    plan->execution.worker_states =
        memory_add (&plan->memory, (size_t)plan->execution.threads, sizeof *plan->execution.worker_states);
    if (plan->timed)
        plan->nanoseconds = memory_add (&plan->memory, (size_t)plan->steps.count, sizeof *plan->nanoseconds);
    if (!plan->arena || !plan->execution.worker_states || (plan->timed && !plan->nanoseconds)) {
        snprintf (p->error->text, sizeof p->error->text, "no memory for %" PRIu64 " bytes of intermediate results",
                  bytes);
        return false;
    }
    plan->execution.shared = plan->arena + plan->arena_bytes;
    for (int i = 0; i < plan->execution.threads; i++)
        plan->execution.worker_states[i].scratch =
            plan->arena + plan->arena_bytes + p->preparation.shared_bytes + (size_t)i * each;
    resolve_steps (p);
    return true;
}

static struct tensor readable (const struct planner *p, int id)
{
    const struct node *node = &p->g->nodes[id];
    struct place place =
        p->planar_copy[id] >= 0 ? (struct place) { .buffer = p->planar_copy[id] } : p->places.of[p->places.alias[id]];
    return (struct tensor) { node->name, resolve (p, place), node->channels, node->height, node->width };
}

/* ---- making ----------------------------------------------------------------------------------------------------- */

/* Ids of taps into ids [count]; marks all that must survive. */
static bool mark_pinned (struct planner *p, const struct plan_options *options, bool *pinned, int *taps)
{
    for (int i = 0; i < p->g->output_count; i++)
        pinned[p->g->outputs[i]] = true;
    for (int i = 0; i < options->tap_count; i++) {
        if (!work_spend ((uint64_t)p->g->count)) /* graph_find looks at all of them */
            return refused (p);
        taps[i] = graph_find (p->g, options->taps[i]);
        if (taps[i] < 0) {
            snprintf (p->error->text, sizeof p->error->text, "no tensor is called '%.200s'", options->taps[i]);
            return false;
        }
        pinned[taps[i]] = true;
    }
    for (int id = 0; id < p->g->count; id++) {
        p->keep[id] = pinned[id] && is_vector (&p->g->nodes[id]);
        p->planar_copy[id] = pinned[id] && !p->keep[id] ? 0 : -1;
    }
    return true;
}

/* Joins the step just made from layer l to the one before it where it pays: the tensor between them, the largest of
 * most networks (3 MB after the stem of a ResNet), then never leaves the caches. `steps`: how many there were
 * before. */
static bool fuse_last (struct planner *p, int l, int steps)
{
    struct plan *plan = p->plan;
    if (l == 0 || steps == 0 || plan->steps.count != steps + 1)
        return true;
    const struct layer *layer = &p->layers.list[l], *before = layer - 1;
    struct step *step = &plan->steps.list[steps - 1];
    int between = before->output;
    if (before->operation != OPERATION_CONV || layer->inputs[0] != between || layer->residual == between ||
        !only_read_next (p, between) || layer->operation != OPERATION_POOL)
        return true;
    if (!stem_pool_fits (step, step + 1, &layer->pool))
        return true;
    struct step *pool_step = memory_add (&plan->memory, 1, sizeof *pool_step);
    if (!pool_step)
        return fail (p, "out of memory");
    *pool_step = step[1];
    plan->steps.count--;
    step->fused_pool = pool_step;
    step->place.out = pool_step->place.in = (struct place) { .buffer = -1 };
    return stem_pool_prepare (&p->preparation, step, &layer->pool) || fail (p, "out of memory");
}

static void count_readers (struct planner *p)
{
    for (int l = 0; l < p->layers.count; l++) {
        const struct layer *layer = &p->layers.list[l];
        for (int i = 0; i < layer->input_count; i++)
            p->readers[layer->inputs[i]]++;
        if (layer->residual >= 0)
            p->readers[layer->residual]++;
    }
}

static bool make_steps (struct planner *p, const bool *pinned, const struct plan_options *options)
{
    if (!simplify (p->g, pinned, options->activation, &p->layers) || !places_room (p->g, &p->places) ||
        (options->precision == PRECISION_INT8 && !quantise_tensors (p->g, &p->layers, options->ranges, &p->places)))
        return fail (p, "out of memory");
    count_readers (p);
    find_stem (p);
    bool blocked = readers_need_blocks (p);
    if (!places_new (p->g, &p->layers, p->keep, blocked ? p->input : -1, &p->places))
        return fail (p, "out of memory");
    if (p->stem >= 0)
        p->places.of[p->layers.list[p->stem].output].buffer = -1;
    for (int id = 0; id < p->g->count; id++)
        if (p->planar_copy[id] >= 0)
            p->planar_copy[id] = p->places.buffer_count++; /* places_new leaves room for one a tensor */
    if (blocked && !step_new (&p->preparation, layers_reorder_to_blocked, p->input, p->input))
        return false;
    if (!plan_planar_copy (p, p->input))
        return false;
    for (int l = 0; l < p->layers.count; l++) {
        if (!work_spend (LAYER_STEPS))
            return refused (p);
        if (!prepare_layer (p, l) || !plan_planar_copy (p, p->layers.list[l].output))
            return false;
    }
    return true;
}

static bool make_results (struct planner *p, const int *taps, int tap_count)
{
    struct plan *plan = p->plan;
    plan->output_count = p->g->output_count;
    plan->tap_count = tap_count;
    plan->outputs = memory_add (&plan->memory, (size_t)plan->output_count, sizeof *plan->outputs);
    plan->taps = memory_add (&plan->memory, (size_t)tap_count, sizeof *plan->taps);
    if (!plan->outputs || !plan->taps)
        return fail (p, "out of memory");
    for (int i = 0; i < plan->output_count; i++)
        plan->outputs[i] = readable (p, p->g->outputs[i]);
    for (int i = 0; i < tap_count; i++)
        plan->taps[i] = readable (p, taps[i]);
    return true;
}

static bool warm_up (struct planner *p)
{
    const struct node *in = &p->g->nodes[p->input];
    float *zeros = calloc ((size_t)in->channels * (size_t)in->height * (size_t)in->width, sizeof *zeros);
    if (!zeros)
        return fail (p, "out of memory");
    bool ran = plan_run_unless_stopped (p->plan, zeros);
    free (zeros);
    return ran || refused (p);
}

static bool make_plan (struct planner *p, const struct plan_options *options)
{
    size_t count = (size_t)p->g->count;
    bool *pinned = calloc (count, sizeof *pinned);
    int *taps = calloc ((size_t)options->tap_count + 1, sizeof *taps);
    p->keep = calloc (count, sizeof *p->keep);
    p->planar_copy = calloc (count, sizeof *p->planar_copy);
    p->readers = calloc (count, sizeof *p->readers);
    p->floats = malloc (count * sizeof *p->floats);
    for (size_t id = 0; p->floats && id < count; id++)
        p->floats[id] = -1;
    bool ok = pinned && taps && p->keep && p->planar_copy && p->readers && p->floats ? true : fail (p, "out of memory");
    ok = ok && mark_pinned (p, options, pinned, taps) && make_steps (p, pinned, options) && lay_arena (p) &&
         make_results (p, taps, options->tap_count) && (options->untried || warm_up (p));
    free (pinned);
    free (taps);
    free (p->keep);
    free (p->planar_copy);
    free (p->readers);
    free (p->floats);
    layers_free (&p->layers);
    places_free (&p->places);
    return ok;
}

static struct plan *new_plan (struct graph *g, const struct plan_options *options, struct error *error)
{
    static const struct plan_options defaults;
    struct error ignored;
    struct planner p = { .g = g, .error = error ? error : &ignored };
    options = options ? options : &defaults;
    p.error->text[0] = 0;
    p.plan = calloc (1, sizeof *p.plan);
    if (!p.plan)
        return fail (&p, "out of memory"), NULL;
    p.plan->graph = graph_ref (g);
    p.plan->timed = options->timed;
    p.plan->execution.threads = options->threads > 0 ? options->threads : workers_cpus ();
    if (p.plan->execution.threads > WORKERS_THREADS_MAX)
        p.plan->execution.threads = WORKERS_THREADS_MAX;
    p.plan->execution.kernels = kernels_for (options->isa);
    bool ok = true;
    if (graph_error (g))
        ok = fail (&p, graph_error (g));
    else if (!g->output_count)
        ok = fail (&p, "the graph has no output");
    else if (!p.plan->execution.kernels) {
        const char *name = options->isa ? options->isa : getenv ("CONVRELU_ISA");
        snprintf (p.error->text, sizeof p.error->text, "this CPU cannot run instruction set '%.40s'", name ? name : "");
        ok = false;
    }
    if (ok && p.plan->execution.threads > 1) {
        p.plan->execution.workers = workers_new (&p.plan->execution.threads);
        ok = p.plan->execution.workers || p.plan->execution.threads == 1 || fail (&p, "out of memory");
    }
    if (ok)
        work_allow_bytes (g->weight_bytes); /* which were allowed when they were read, for packing them once more */
    p.most_cycles = (options->seconds > 0 ? options->seconds : SECONDS) * COST_CYCLES_A_SECOND;
    const struct cpu cpu = options->cpu ? *options->cpu : cpu_detect ();
    p.plan->execution.prefetch_places = cpu.prefetch_places;
    ok = ok && find_input (&p);
    const struct conv_kernel *bf16 =
        ok && options->precision == PRECISION_BF16 ? conv_kernel_bf16 (p.plan->execution.kernels, &cpu) : NULL;
    p.plan->precision = options->precision == PRECISION_BF16 && !bf16 ? PRECISION_FP32 : options->precision;
    p.preparation = (struct preparation) { .g = g,
                                           .places = &p.places,
                                           .input = p.input,
                                           .kernels = p.plan->execution.kernels,
                                           .cpu = &cpu,
                                           .ranges = options->precision == PRECISION_INT8 ? options->ranges : NULL,
                                           .bf16 = bf16,
                                           .algorithm = options->algorithm,
                                           .threads = p.plan->execution.threads,
                                           .drop_weights = options->drop_weights,
                                           .steps = &p.plan->steps,
                                           .memory = &p.plan->memory,
                                           .scratch_bytes = IMAGE_SCRATCH * sizeof (float), /* of plan_image */
                                           .error = p.error };
    ok = ok && make_plan (&p, options);
    if (!ok) {
        plan_free (p.plan);
        return NULL;
    }
    return p.plan;
}

/* Packing rounds to nearest and traps nothing, whatever the caller's thread does. */
struct plan *plan_new (struct graph *g, const struct plan_options *options, struct error *error)
{
    fenv_t before;
    fegetenv (&before);
    fesetenv (FE_DFL_ENV);
    struct plan *plan = new_plan (g, options, error);
    fesetenv (&before);
    return plan;
}

void plan_free (struct plan *plan)
{
    if (!plan)
        return;
    workers_free (plan->execution.workers);
    for (int s = 0; s < plan->steps.count; s++) {
        const struct step *step = &plan->steps.list[s];
        if (step->packed)
            packed_release (plan->graph, step->packed);
        if (step->fused_pool && step->fused_pool->packed)
            packed_release (plan->graph, step->fused_pool->packed);
    }
    memory_free_all (&plan->memory);
    free (plan->steps.list);
    graph_unref (plan->graph);
    free (plan);
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

int plan_outputs (const struct plan *plan)
{
    return plan->output_count;
}

const struct tensor *plan_output (const struct plan *plan, int index)
{
    return &plan->outputs[index];
}

const struct tensor *plan_tap (const struct plan *plan, int index)
{
    return &plan->taps[index];
}

int plan_steps (const struct plan *plan)
{
    return plan->steps.count;
}

static uint64_t packed_bytes (const struct step *step)
{
    return step->packed ? step->packed->weight_bytes : 0;
}

struct step_info plan_step (const struct plan *plan, int index)
{
    const struct step *r = &plan->steps.list[index], *last = r->fused_pool ? r->fused_pool : r;
    const struct place *out = &last->place.out;
    float unit = out->element == ELEMENT_U8 ? out->scale : 0;
    return (struct step_info) {
        .name = r->name,
        .operation = r->operation,
        .algorithm = r->algorithm,
        .type = r->bytes                                                                  ? "int8"
                : r->packed && r->packed->element == ELEMENT_BF16                         ? "bf16"
                : r->place.in.element == ELEMENT_U8 && r->place.out.element == ELEMENT_U8 ? "u8"
                                                                                          : "fp32",
        .channels = last->channels,
        .height = last->height,
        .width = last->width,
        .low = unit * (float)(0 - out->zero),
        .high = unit * (float)(UINT8_MAX - out->zero),
        .macs = r->macs,
        .multiplications = r->multiplications,
        .weight_bytes = packed_bytes (r) + (r->fused_pool ? packed_bytes (r->fused_pool) : 0),
        .nanoseconds = plan->nanoseconds ? plan->nanoseconds[index] : 0,
    };
}

enum precision plan_precision (const struct plan *plan)
{
    return plan->precision;
}

int plan_threads (const struct plan *plan)
{
    return plan->execution.threads;
}

const char *plan_isa (const struct plan *plan)
{
    return plan->execution.kernels->name;
}

size_t plan_arena_bytes (const struct plan *plan)
{
    return plan->arena_bytes;
}
