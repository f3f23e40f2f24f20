/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* view_edges.c: lines along the edges of what the network sees, where the picture goes on; see panel_kind.h. */
#include "plugin/overlay/panel_kind.h"

static gboolean is_inside (const struct overlay_frame *frame, int edge)
{
    const struct rectangle *view = &frame->view.from;
    switch (edge) {
    case SIDE_LEFT:
        return view->x > 0;
    case SIDE_RIGHT:
        return view->x + view->width < frame->width;
    case SIDE_TOP:
        return view->y > 0;
    default:
        return view->y + view->height < frame->height;
    }
}

static gboolean size (struct drawing *drawing, void *state, int i, struct panel_content *content)
{
    const struct rectangle *view = &drawing->frame->view.from;
    int thick = MAX (drawing->layout.small_line / 8 * 2, 2);
    guint overlay = drawing->frame->appearance->overlay;
    if (drawing->frame->found && (overlay & view_edges_panels.flags) == OVERLAY_LABELS)
        return FALSE; /* labels of regions say where they are, and of this one there is no more */
    if (view->width < 1 || !is_inside (drawing->frame, i) || MIN (view->width, view->height) < 4 * thick)
        return FALSE;
    content->at = panel_side (view, (enum side)i, thick);
    content->text = g_strdup ("edge");
    return TRUE;
}

/* Light inside and dark outside, so that it is seen on any picture. */
static void draw (struct drawing *drawing, void *state, int i, const struct canvas *canvas)
{
    struct pen pen = drawing_pen (drawing, canvas);
    gboolean upright = i == SIDE_LEFT || i == SIDE_RIGHT;
    int width = canvas->width / (upright ? 2 : 1), height = canvas->height / (upright ? 1 : 2);
    pen_clear (&pen);
    canvas_fill (canvas, i == SIDE_LEFT ? width : 0, i == SIDE_TOP ? height : 0, width, height,
                 premultiplied (COLOUR_TEXT, pen_text_opacity (&pen)));
}

const struct panel_kind view_edges_panels = { .flags = OVERLAY_LABELS | OVERLAY_FEATURE_MAPS |
                                                       OVERLAY_CLASS_ACTIVATION | OVERLAY_CONVOLUTION | OVERLAY_UNIT,
                                              .panels = SIDES,
                                              .see_through = TRUE,
                                              .size = size,
                                              .draw = draw };
