/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* step.c: steps of a plan as their operators ask for them. */
#include "engine/step.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool step_out_of_memory (struct preparation *p)
{
    if (!p->error->text[0])
        snprintf (p->error->text, sizeof p->error->text, "out of memory");
    return false;
}

struct step *step_new (struct preparation *p, run_function *run, int input, int output)
{
    static const struct place nowhere = { .buffer = -1 };
    struct steps *steps = p->steps;
    const struct node *in = &p->g->nodes[input], *out = &p->g->nodes[output];
    if (steps->count == steps->capacity) {
        int capacity = steps->capacity ? 2 * steps->capacity : 64;
        struct step *list = realloc (steps->list, (size_t)capacity * sizeof *list);
        if (!list)
            return step_out_of_memory (p), NULL;
        steps->list = list;
        steps->capacity = capacity;
    }
    struct step *step = &steps->list[steps->count++];
    *step = (struct step) {
        .run = run,
        .name = out->name,
        .operation = out->label,
        .in_channels = in->channels,
        .in_height = in->height,
        .in_width = in->width,
        .channels = out->channels,
        .height = out->height,
        .width = out->width,
        .place = { .in = place_of (p, input), .out = p->places->of[output], .second = nowhere, .residual = nowhere },
        .epilogue = { .low = -INFINITY, .high = INFINITY, .clamp_only = true },
    };
    return step;
}

bool step_channels (struct preparation *p, const float **to, const float *floats, const double *doubles, int channels)
{
    *to = NULL;
    if (!floats && !doubles)
        return true;
    float *copy = memory_add (p->memory, place_blocked_count (channels, 1, 1), sizeof *copy);
    for (int c = 0; copy && c < channels; c++)
        copy[c] = floats ? floats[c] : (float)doubles[c];
    *to = copy;
    return copy || step_out_of_memory (p);
}

bool step_epilogue (struct preparation *p, struct step *step, const struct layer *layer)
{
    struct epilogue *epilogue = &step->epilogue;
    struct activation a = layer->activation;
    epilogue->activation = a;
    epilogue->clamp_only =
        !layer->post_scale && (a.kind == ACTIVATION_NONE || a.kind == ACTIVATION_RELU || a.kind == ACTIVATION_CLIP);
    if (a.kind == ACTIVATION_RELU)
        epilogue->low = 0;
    if (a.kind == ACTIVATION_CLIP) {
        epilogue->low = a.alpha;
        epilogue->high = a.beta;
    }
    if (layer->residual >= 0)
        step->place.residual = place_of (p, layer->residual);
    return step_channels (p, &epilogue->slope, layer->slope, NULL, step->channels) &&
           step_channels (p, &epilogue->post_scale, NULL, layer->post_scale, step->channels) &&
           step_channels (p, &epilogue->post_shift, NULL, layer->post_shift, step->channels);
}

bool step_state (struct preparation *p, struct step *step, const void *state, size_t bytes)
{
    step->state = memory_add (p->memory, 1, bytes);
    if (!step->state)
        return step_out_of_memory (p);
    memcpy (step->state, state, bytes);
    return true;
}
