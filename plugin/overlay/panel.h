/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* panel.h: one picture of the drawing, with its place in the frame: a rectangle of the composition.
 *
 * Its pixels are used again when nobody else holds them. Belongs to the thread that draws. */
#ifndef CONVRELU_PANEL_H
#define CONVRELU_PANEL_H

#include <gst/video/video.h>

#include "plugin/frame.h"
#include "plugin/overlay/canvas.h"

struct panel {
    GstBuffer *buffer;                   /* of width x height pixels */
    GstVideoOverlayRectangle *rectangle; /* NULL: the panel is not shown */
    struct rectangle at;                 /* in the frame */
    int width, height;                   /* as drawn */
    char *text;                          /* that it was drawn from, or NULL: to be drawn each time */
};

/* What is to be shown. */
struct panel_content {
    struct rectangle at; /* in the frame, not empty */
    int width, height;   /* drawn in so many pixels, at least 1 each way, and scaled to `at` */
    gboolean straight;   /* alpha is not premultiplied */
    char *text;          /* whatever the picture is made from, as text; NULL: draw it each time */
};

/* The line `thick` pixels wide along one side within the rectangle, or as much of it as the rectangle holds. */
enum side { SIDE_LEFT, SIDE_RIGHT, SIDE_TOP, SIDE_BOTTOM, SIDES };
struct rectangle panel_side (const struct rectangle *of, enum side side, int thick);

/* Whether the panel shows just this already. */
gboolean panel_is_current (const struct panel *panel, const struct panel_content *content);

/* Opens the panel for drawing, as `canvas`, whose pixels are of something else; then panel_end. FALSE: there is no
 * memory, and the panel is not shown. */
gboolean panel_begin (struct panel *panel, const struct panel_content *content, GstMapInfo *map, struct canvas *canvas);
void panel_end (struct panel *panel, const struct panel_content *content, GstMapInfo *map);

void panel_hide (struct panel *panel);   /* frees all it has */
void panel_forget (struct panel *panel); /* it is drawn anew the next time, whatever the text */

#endif
