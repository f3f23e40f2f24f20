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

/* Catmull-Rom through four neighbours. */
static double cubic (const double v[4], double t)
{
    return v[1] +
           0.5 * t *
               (v[2] - v[0] + t * (2 * v[0] - 5 * v[1] + 4 * v[2] - v[3] + t * (3 * (v[1] - v[2]) + v[3] - v[0])));
}

guint8 *smooth_map_new (const struct map *map, const double part[4], double scale, int columns, int rows)
{
    guint8 *out = g_malloc ((gsize)rows * (gsize)columns);
    double *along = g_new (double, (gsize)map->height *(gsize)columns); /* [map's height][columns] */
    for (int x = 0; x < columns; x++) {
        double across = part[0] + (x + 0.5) * part[2] / columns - 0.5;
        int left = (int)floor (across);
        for (int y = 0; y < map->height; y++) {
            double row[4];
            for (int j = 0; j < 4; j++)
                row[j] = (double)map->values[y * map->width + CLAMP (left - 1 + j, 0, map->width - 1)];
            along[y * columns + x] = cubic (row, across - left);
        }
    }
    for (int y = 0; y < rows; y++) {
        double down = part[1] + (y + 0.5) * part[3] / rows - 0.5;
        int top = (int)floor (down);
        const double *from[4];
        for (int i = 0; i < 4; i++)
            from[i] = along + CLAMP (top - 1 + i, 0, map->height - 1) * columns;
        for (int x = 0; x < columns; x++) {
            const double column[4] = { from[0][x], from[1][x], from[2][x], from[3][x] };
            double v = cubic (column, down - top) * scale;
            out[y * columns + x] = (guint8)CLAMP (v, 0.0, 255.0);
        }
    }
    g_free (along);
    return out;
}
