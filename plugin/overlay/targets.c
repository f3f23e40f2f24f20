/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* targets.c: rectangles of a drawing and what they stand for; see targets.h. */
#include "plugin/overlay/targets.h"

#include <math.h>

#include "engine/receptive_field.h"

struct targets *targets_new (struct model *model, const struct view *view)
{
    struct targets *targets = g_new0 (struct targets, 1);
    targets->references = 1;
    targets->model = model_ref (model);
    targets->view = *view;
    targets->unit.layer = -1;
    targets->target = g_array_new (FALSE, FALSE, sizeof (struct target));
    return targets;
}

struct targets *targets_ref (struct targets *targets)
{
    if (targets)
        g_atomic_int_inc (&targets->references);
    return targets;
}

void targets_unref (struct targets *targets)
{
    if (!targets || !g_atomic_int_dec_and_test (&targets->references))
        return;
    model_unref (targets->model);
    g_array_unref (targets->target);
    g_free (targets);
}

void targets_add (struct targets *targets, const struct target *target)
{
    g_array_append_val (targets->target, *target);
}

static gboolean is_inside (const struct rectangle *at, double x, double y)
{
    return x >= at->x && y >= at->y && x < (double)at->x + at->width && y < (double)at->y + at->height;
}

const struct target *targets_at (const struct targets *targets, double x, double y)
{
    for (guint i = targets ? targets->target->len : 0; i-- > 0;) {
        const struct target *target = &g_array_index (targets->target, struct target, i);
        if (is_inside (&target->at, x, y))
            return target;
    }
    return NULL;
}

/* The one of `count` places, `step` pixels apart from `first` on, that is nearest. */
static int nearest_place (double at, double first, double step, int count)
{
    double place = step > 0 ? round ((at - first) / step) : 0;
    return (int)CLAMP (place, 0.0, (double)(count - 1));
}

gboolean targets_place (const struct targets *targets, int id, double x, double y, int *row, int *column)
{
    if (!targets || !is_inside (&targets->view.from, x, y))
        return FALSE;
    const struct rectangle *from = &targets->view.from, *to = &targets->view.to;
    const struct graph *g = model_graph (targets->model);
    const struct input_spec *input = model_input (targets->model);
    struct tensor_info tensor = graph_tensor (g, id);
    if (tensor.height < 1 || tensor.width < 1)
        return FALSE;
    struct grid grid;
    if (!graph_grid (g, id, &grid)) { /* as if the map were spread over the input */
        grid.step_y = (double)input->height / tensor.height;
        grid.step_x = (double)input->width / tensor.width;
        grid.top = (grid.step_y - 1) / 2;
        grid.left = (grid.step_x - 1) / 2;
    }
    double in_y = to->y + (floor (y) + 0.5 - from->y) * to->height / from->height - 0.5;
    double in_x = to->x + (floor (x) + 0.5 - from->x) * to->width / from->width - 0.5;
    *row = nearest_place (in_y, grid.top, grid.step_y, tensor.height);
    *column = nearest_place (in_x, grid.left, grid.step_x, tensor.width);
    return TRUE;
}
