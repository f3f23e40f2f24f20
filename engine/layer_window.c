/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* layer_window.c: see layer_window.h. */
#include "engine/layer_window.h"
#include "engine/receptive_field.h"

/* False and the error when the value is not in least .. PARAMETER_MAX. */
static bool in_range (struct graph *g, const struct node_spec *spec, const char *what, int value, int least)
{
    if (value >= least && value <= PARAMETER_MAX)
        return true;
    graph_fail (g, spec->label, spec->name, "%s %d is not in %d..%d", what, value, least, PARAMETER_MAX);
    return false;
}

bool window_defaults (struct graph *g, const struct node_spec *spec, const struct window_fields *fields)
{
    static const char *const kernel[] = { "kernel height", "kernel width" };
    static const char *const stride[] = { "vertical stride", "horizontal stride" };
    static const char *const dilation[] = { "vertical dilation", "horizontal dilation" };
    static const char *const pad[] = { "top padding", "left padding", "bottom padding", "right padding" };
    if (*fields->kernel[0] < 1 || *fields->kernel[1] < 1) {
        graph_fail (g, spec->label, spec->name, "its kernel is %dx%d", *fields->kernel[0], *fields->kernel[1]);
        return false;
    }
    for (int i = 0; i < 2; i++) {
        *fields->stride[i] = *fields->stride[i] ? *fields->stride[i] : 1;
        *fields->dilation[i] = *fields->dilation[i] ? *fields->dilation[i] : 1;
        if (!in_range (g, spec, kernel[i], *fields->kernel[i], 1) ||
            !in_range (g, spec, stride[i], *fields->stride[i], 1) ||
            !in_range (g, spec, dilation[i], *fields->dilation[i], 1))
            return false;
    }
    for (int i = 0; i < 4; i++)
        if (!in_range (g, spec, pad[i], *fields->pad[i], 0))
            return false;
    return true;
}

/* Where the first window is centred. */
static double middle (const struct window_fields *fields, int axis)
{
    return (*fields->kernel[axis] - 1) * *fields->dilation[axis] / 2.0 - *fields->pad[axis];
}

void window_grid (const struct window_fields *fields, struct grid *grid)
{
    grid_axis (&grid->top, &grid->step_y, middle (fields, 0), *fields->stride[0]);
    grid_axis (&grid->left, &grid->step_x, middle (fields, 1), *fields->stride[1]);
}

void window_reach (const struct window_fields *fields, struct span reach[2])
{
    for (int i = 0; i < 2; i++) {
        int64_t extent = window_extent (*fields->kernel[i], *fields->dilation[i]);
        reach[i].first = reach[i].first * *fields->stride[i] - *fields->pad[i];
        reach[i].last = reach[i].last * *fields->stride[i] - *fields->pad[i] + extent - 1;
    }
}
