/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cost.h: private: how long a step will take, in cycles of one core, for the limit on a run. Rough: within a factor of
 * three or so of what was measured (docs/measurements.md, "Costs"), on any CPU, so that a network is refused or not by
 * what it is and not by what else the machine does.
 *
 * Numbers come in blocks of 16 channels; a step reads and writes whole blocks. */
#ifndef CONVRELU_COST_H
#define CONVRELU_COST_H

#include "engine/cpu.h"
#include "engine/step.h"

/* Cycles that one core is taken to have in a second. */
#define COST_CYCLES_A_SECOND 3e9

static inline double cost_numbers (int channels, int height, int width)
{
    return (double)((channels + 15) / 16 * 16) * height * width;
}

static inline double cost_in (const struct step *step)
{
    return cost_numbers (step->in_channels, step->in_height, step->in_width);
}

static inline double cost_out (const struct step *step)
{
    return cost_numbers (step->channels, step->height, step->width);
}

/* So many numbers through the caches, each read or written once. */
static inline double cost_move (const struct preparation *p, double numbers)
{
    return numbers * sizeof (float) / p->cpu->bytes_per_cycle_far;
}

/* The activation of each vector of the output: those by e^x take about 40 cycles, by comparisons and products 2. */
static inline double cost_epilogue (const struct preparation *p, const struct step *step)
{
    static const bool quick[ACTIVATION_KINDS] = {
        [ACTIVATION_NONE] = true,       [ACTIVATION_CLIP] = true,         [ACTIVATION_RELU] = true,
        [ACTIVATION_LEAKY_RELU] = true, [ACTIVATION_PRELU] = true,        [ACTIVATION_HARD_SWISH] = true,
        [ACTIVATION_ROUND] = true,      [ACTIVATION_HARD_SIGMOID] = true, [ACTIVATION_REQUANTISE] = true
    };
    double residual = step->place.residual.buffer >= 0 ? cost_move (p, cost_out (step)) : 0;
    double second = step->place.second.buffer >= 0 ? cost_move (p, cost_out (step)) : 0;
    return residual + second + cost_out (step) / p->kernels->lanes * (quick[step->epilogue.activation.kind] ? 2 : 40);
}

/* Of an operator that only passes over its input and output. */
static inline double cost_pass (const struct preparation *p, const struct step *step)
{
    return cost_move (p, cost_in (step) + cost_out (step)) + cost_epilogue (p, step);
}

#endif
