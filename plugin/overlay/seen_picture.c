/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* seen_picture.c: value * std + mean is the pixel again; see seen_picture.h. */
#include "plugin/overlay/seen_picture.h"

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

static guint32 colour_at (const struct colour_planes *planes, int y, int x)
{
    guint32 rgb = 0;
    if (y < 0 || x < 0 || y >= planes->height || x >= planes->width)
        return 0;
    gsize at = (gsize)y * (gsize)planes->width + (gsize)x;
    for (int i = 0; i < 3; i++) {
        float pixel = planes->plane[i][at] * planes->by[i] + planes->more[i];
        rgb = rgb << 8 | (pixel > 0 ? (guint32)MIN (pixel, 255.0f) : 0);
    }
    return rgb;
}

void seen_colours (const struct overlay_frame *frame, const struct rectangle *part, guint32 *rgb, int columns, int rows)
{
    const struct colour_planes planes = planes_of (frame);
    int *across = g_new (int, columns);
    for (int x = 0; x < columns; x++)
        across[x] = part->x + (2 * x + 1) * part->width / (2 * columns);
    for (int y = 0; y < rows; y++)
        for (int x = 0; x < columns; x++)
            rgb[y * columns + x] = colour_at (&planes, part->y + (2 * y + 1) * part->height / (2 * rows), across[x]);
    g_free (across);
}

guint32 *seen_whole (const struct overlay_frame *frame, int width, int height)
{
    const struct input_spec *input = model_input (frame->network->model);
    const struct rectangle all = { 0, 0, input->width, input->height };
    guint32 *rgb = g_new (guint32, (gsize)width * (gsize)height);
    seen_colours (frame, &all, rgb, width, height);
    return rgb;
}

guint32 *seen_darkened (const struct overlay_frame *frame, int width, int height)
{
    guint32 *rgb = seen_whole (frame, width, height);
    for (int i = 0; i < width * height; i++) {
        guint32 light = (77 * (rgb[i] >> 16 & 255) + 150 * (rgb[i] >> 8 & 255) + 29 * (rgb[i] & 255)) >> 8;
        rgb[i] = 0x010101 * (light * 2 / 5);
    }
    return rgb;
}
