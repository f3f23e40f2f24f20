/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* conv_vector_bytes.c: a long vector of floats times a large matrix of bytes: the classifier behind a global pool.
 *
 * Its weights are read once for one pixel, so that they are nearly all it takes, and a quarter of the bytes nearly a
 * quarter of the time (half where a weight takes 16 bits). The vector gets a scale of its own in each run, so that
 * nothing of a sure answer is cut; one that a file has rounded keeps the file's:
 *
 *   low .. high of the vector -> its bytes, scale and zero point -> what each channel's sums are multiplied with
 *   item = panel: bytes -> kernel -> floats */
#include "engine/conv_direct.h"
#include "engine/quantise.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

enum { LEVELS = 255 };

/* The step's state. Arrays are [channels, padded to 16] and of the run that is under way. */
struct vector_bytes {
    struct direct direct; /* what panel_args knows of */
    struct bytes bytes;
    int32_t *start;
    float *scale;
};

static bool fits (const struct conv_method *method, const struct preparation *p, const struct step *step, bool planar)
{
    (void)method;
    (void)p;
    (void)planar;
    return step->place.in.element == ELEMENT_F32 && step->kernel->in == ELEMENT_U8;
}

/* Numbers of the vector, whole blocks. The shared scratch has them as bytes, and behind those as the kernel wants them
 * where that is otherwise. */
static size_t numbers_of (const struct step *step)
{
    return place_blocked_count (step->in_channels, 1, 1);
}

static bool prepare (struct preparation *p, struct step *step)
{
    size_t padded = place_blocked_count (step->channels, 1, 1);
    struct vector_bytes *v = memory_add (p->memory, 1, sizeof *v);
    if (!v || !(v->start = memory_add (p->memory, padded, sizeof *v->start)) ||
        !(v->scale = memory_add (p->memory, padded, sizeof *v->scale)))
        return false;
    v->bytes = (struct bytes) { .requantise = { .scale = v->scale,
                                                .shift = step->packed->bias,
                                                .residual_scale = 1,
                                                .residual = ELEMENT_F32,
                                                .out = ELEMENT_F32 },
                                .start = v->start };
    step->bytes = &v->bytes;
    step->state = v;
    step->by_panel = true;
    step->multiplications = step->macs;
    snprintf (step->algorithm, sizeof step->algorithm, "direct, vector");
    ptrdiff_t pixel = (ptrdiff_t)(BLOCK * element_bytes (step->kernel->staged) / sizeof (float));
    v->direct.pixel = v->direct.pixel_stride = pixel;
    size_t staged = step->kernel->stage ? element_bytes (step->kernel->staged) : 0;
    need_bytes (&p->shared_bytes, numbers_of (step) * (1 + staged));
    return direct_segments (p, step, false, (size_t)pixel, (size_t)pixel);
}

/* The range of the channels, 0 included, or up to NaN; of lanes past the last nothing is known. */
static void find_range (const float *in, int channels, float *low, float *high)
{
    float lows[BLOCK] = { 0 }, highs[BLOCK] = { 0 };
    for (; channels > 0; channels -= BLOCK, in += BLOCK)
        for (int c = 0; c < least (channels, BLOCK); c++) {
            lows[c] = in[c] < lows[c] ? in[c] : lows[c];
            highs[c] = in[c] > highs[c] || isnan (in[c]) ? in[c] : highs[c];
        }
    *low = *high = 0;
    for (int c = 0; c < BLOCK; c++) {
        *low = lows[c] < *low ? lows[c] : *low;
        *high = highs[c] > *high || isnan (highs[c]) ? highs[c] : *high;
    }
}

/* Where in the shared scratch the kernel's input is. */
static uint8_t *kernel_input (const struct execution *e, const struct step *step)
{
    return (uint8_t *)e->shared + (step->kernel->stage ? numbers_of (step) : 0);
}

static void choose_scale (const struct step *step, float *scale, int *zero)
{
    float low, high;
    find_range (step->in, step->in_channels, &low, &high);
    *scale = high / LEVELS - low / LEVELS;
    *scale = *scale < FLT_MIN * LEVELS ? 1 : *scale;
    *zero = (int)rintf (fminf (fmaxf (-low / *scale, 0), LEVELS));
}

/* A vector with an infinity or a NaN makes sums that are no numbers. */
static void quantise_vector (struct execution *e, const struct step *step)
{
    const struct vector_bytes *v = step->state;
    const struct packed *packed = step->packed;
    float scale = step->place.in.scale;
    int zero = step->place.in.zero;
    if (scale == 0)
        choose_scale (step, &scale, &zero);
    ptrdiff_t numbers = (ptrdiff_t)numbers_of (step);
    uint8_t *bytes = e->shared;
    e->kernels->quantise (step->in, bytes, numbers, 1 / scale, (float)zero);
    for (int c = 0; c < step->channels; c++) {
        v->start[c] = (step->kernel->excess - zero) * packed->sum[c];
        v->scale[c] = scale * packed->step[c];
    }
    if (step->kernel->stage)
        step->kernel->stage (bytes, kernel_input (e, step), numbers);
}

static void panel_item (struct execution *e, const struct step *step, struct worker_state *worker, int item)
{
    const struct panel *panel = &step->packed->panel[item];
    struct conv_args args = panel_args (step, panel, BLOCK);
    args.input = kernel_input (e, step);
    args.out = (float *)step->out + panel->block * BLOCK;
    args.pixels = 1;
    ptrdiff_t steps = divide_up (panel->depth, step->kernel->k_step);
    args.prefetch = prefetch_spread (e, next_weights (e, step, worker, item), steps, panel->blocks);
    step->kernel->run (&args);
}

static void run (struct execution *e, const struct step *step)
{
    quantise_vector (e, step);
    schedule_items (e, step, panel_item, step->packed->panel_count);
}

const struct conv_method conv_vector_bytes = {
    .name = "vector, bytes",
    .only = true,
    .fits = fits,
    .lay = direct_lay,
    .pack = direct_pack,
    .prepare = prepare,
    .run = run,
};
