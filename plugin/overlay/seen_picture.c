/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* seen_picture.c: value * std + mean is the pixel again; see seen_picture.h. */
#include "plugin/overlay/seen_picture.h"

guint32 seen_pixel (const struct overlay_frame *frame, int y, int x)
{
    const struct input_spec *own = model_input (frame->network->model), *spec = frame->input ? frame->input : own;
    gsize pixels = (gsize)own->height * (gsize)own->width;
    guint32 rgb = 0;
    if (y < 0 || x < 0 || y >= own->height || x >= own->width)
        return 0;
    for (int i = 0; i < 3; i++) { /* red, green, blue */
        int channel = own->channels == 1 ? 0 : spec->order == CHANNEL_ORDER_BGR ? 2 - i : i;
        float value = frame->network->input[(gsize)channel * pixels + (gsize)y * (gsize)own->width + (gsize)x];
        float pixel = value * spec->std[channel] + spec->mean[channel] + 0.5f;
        rgb = rgb << 8 | (pixel > 0 ? (guint32)MIN (pixel, 255.0f) : 0);
    }
    return rgb;
}

int seen_light (const struct overlay_frame *frame, int y, int x)
{
    guint32 rgb = seen_pixel (frame, y, x);
    return (int)((77 * (rgb >> 16 & 255) + 150 * (rgb >> 8 & 255) + 29 * (rgb & 255)) >> 8);
}
