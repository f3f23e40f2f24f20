/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* smooth_map.c: first along the rows of the map, then between them: a few operations for each pixel; see
 * smooth_map.h. */
#include "plugin/overlay/smooth_map.h"
#include "engine/receptive_field.h"

#include <math.h>

void smooth_map_part (const struct network *network, int id, const struct rectangle *to, double part[4])
{
    const struct graph *g = model_graph (network->model);
    const struct input_spec *input = model_input (network->model);
    struct tensor_info tensor = graph_tensor (g, id);
    struct grid grid = { .step_y = (double)input->height / tensor.height,
                         .step_x = (double)input->width / tensor.width };
    struct grid exact;
    grid.top = (grid.step_y - 1) / 2;
    grid.left = (grid.step_x - 1) / 2;
    if (graph_grid (g, id, &exact))
        grid = exact;
    part[0] = (to->x - 0.5 - grid.left) / grid.step_x + 0.5;
    part[1] = (to->y - 0.5 - grid.top) / grid.step_y + 0.5;
    part[2] = to->width / grid.step_x;
    part[3] = to->height / grid.step_y;
}

/* What four neighbours count for between the middle two, at 0..1 (Catmull-Rom). */
static void weigh (double t, float weights[4])
{
    weights[0] = (float)(0.5 * t * (-1 + t * (2 - t)));
    weights[1] = (float)(1 + 0.5 * t * t * (-5 + 3 * t));
    weights[2] = (float)(0.5 * t * (1 + t * (4 - 3 * t)));
    weights[3] = (float)(0.5 * t * t * (t - 1));
}

guint8 *smooth_map_new (const struct map *map, const double part[4], double scale, int columns, int rows)
{
    guint8 *out = g_malloc ((gsize)rows * (gsize)columns);
    float *along = g_new (float, (gsize)map->height *(gsize)columns); /* [map's height][columns], times scale */
    float weights[4];
    for (int x = 0; x < columns; x++) {
        double across = part[0] + (x + 0.5) * part[2] / columns - 0.5;
        int left = (int)floor (across), from[4];
        weigh (across - left, weights);
        for (int j = 0; j < 4; j++)
            from[j] = CLAMP (left - 1 + j, 0, map->width - 1);
        for (int y = 0; y < map->height; y++) {
            const float *row = map->values + y * map->width;
            float sum = row[from[0]] * weights[0] + row[from[1]] * weights[1] + row[from[2]] * weights[2] +
                        row[from[3]] * weights[3];
            along[y * columns + x] = (float)((double)sum * scale);
        }
    }
    for (int y = 0; y < rows; y++) {
        double down = part[1] + (y + 0.5) * part[3] / rows - 0.5;
        int top = (int)floor (down);
        const float *from[4];
        weigh (down - top, weights);
        for (int i = 0; i < 4; i++)
            from[i] = along + CLAMP (top - 1 + i, 0, map->height - 1) * columns;
        for (int x = 0; x < columns; x++) {
            float v =
                from[0][x] * weights[0] + from[1][x] * weights[1] + from[2][x] * weights[2] + from[3][x] * weights[3];
            v = v > 0 ? v : 0; /* also what is no number */
            out[y * columns + x] = (guint8)(int)(v < 255 ? v : 255);
        }
    }
    g_free (along);
    return out;
}
