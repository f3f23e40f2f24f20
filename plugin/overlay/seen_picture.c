/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* seen_picture.c: value * std + mean is the pixel again; see seen_picture.h. */
#include "plugin/overlay/seen_picture.h"

#include <string.h>

/* How red, green and blue come out of the input: plane * by + more, in 0..255. */
struct colour_planes {
    const float *plane[3];
    float by[3], more[3];
    int height, width;
};

static struct colour_planes planes_of (const struct overlay_frame *frame)
{
    const struct input_spec *own = model_input (frame->network->model), *spec = frame->input ? frame->input : own;
    gsize pixels = (gsize)own->height * (gsize)own->width;
    struct colour_planes planes = { .height = own->height, .width = own->width };
    for (int i = 0; i < 3; i++) {
        int channel = own->channels == 1 ? 0 : spec->order == CHANNEL_ORDER_BGR ? 2 - i : i;
        planes.plane[i] = frame->network->input + (gsize)channel * pixels;
        planes.by[i] = spec->std[channel];
        planes.more[i] = spec->mean[channel] + 0.5f;
    }
    return planes;
}

static guint32 byte_of (float value) /* what is no number is 0 */
{
    value = value > 0 ? value : 0;
    return (guint32)(int)(value < 255 ? value : 255);
}

static void fill_row (const struct colour_planes *planes, int y, const int *across, guint32 *rgb, int columns)
{
    gsize start = (gsize)y * (gsize)planes->width;
    const float *red = planes->plane[0] + start, *green = planes->plane[1] + start, *blue = planes->plane[2] + start;
    for (int x = 0; x < columns; x++) {
        int at = MAX (across[x], 0);
        guint32 pixel = byte_of (red[at] * planes->by[0] + planes->more[0]) << 16 |
                        byte_of (green[at] * planes->by[1] + planes->more[1]) << 8 |
                        byte_of (blue[at] * planes->by[2] + planes->more[2]);
        rgb[x] = across[x] < 0 ? 0 : pixel;
    }
}

void seen_colours (const struct overlay_frame *frame, const struct rectangle *part, guint32 *rgb, int columns, int rows)
{
    const struct colour_planes planes = planes_of (frame);
    int *across = g_new (int, columns),
        before = -1; /* columns of the input, -1: outside; the row that was filled last */
    for (int x = 0; x < columns; x++) {
        int at = part->x + (2 * x + 1) * part->width / (2 * columns);
        across[x] = at < planes.width ? at : -1;
    }
    for (int y = 0; y < rows; y++) {
        int at = part->y + (2 * y + 1) * part->height / (2 * rows);
        guint32 *row = rgb + (gsize)y * (gsize)columns;
        if (at < 0 || at >= planes.height)
            memset (row, 0, (gsize)columns * sizeof *row);
        else if (at == before)
            memcpy (row, row - columns, (gsize)columns * sizeof *row);
        else
            fill_row (&planes, at, across, row, columns);
        before = at;
    }
    g_free (across);
}

void seen_whole (const struct overlay_frame *frame, guint32 *rgb, int width, int height)
{
    const struct input_spec *input = model_input (frame->network->model);
    const struct rectangle all = { 0, 0, input->width, input->height };
    seen_colours (frame, &all, rgb, width, height);
}

void seen_darkened (const struct overlay_frame *frame, guint32 *rgb, int width, int height)
{
    seen_whole (frame, rgb, width, height);
    for (int i = 0; i < width * height; i++) {
        guint32 light = (77 * (rgb[i] >> 16 & 255) + 150 * (rgb[i] >> 8 & 255) + 29 * (rgb[i] & 255)) >> 8;
        rgb[i] = 0x010101 * (light * 2 / 5);
    }
}
