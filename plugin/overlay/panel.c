/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* panel.c: buffers and rectangles of the drawing; see panel.h. */
#include "plugin/overlay/panel.h"

#include <string.h>

struct rectangle panel_side (const struct rectangle *of, enum side side, int thick)
{
    struct rectangle line = *of;
    if (side == SIDE_RIGHT)
        line.x += MAX (of->width - thick, 0);
    if (side == SIDE_BOTTOM)
        line.y += MAX (of->height - thick, 0);
    if (side == SIDE_LEFT || side == SIDE_RIGHT)
        line.width = MIN (of->width, thick);
    else
        line.height = MIN (of->height, thick);
    return line;
}

gboolean panel_is_current (const struct panel *panel, const struct panel_content *content)
{
    return content->text && panel->rectangle && memcmp (&panel->at, &content->at, sizeof panel->at) == 0 &&
           g_strcmp0 (panel->text, content->text) == 0;
}

gboolean panel_begin (struct panel *panel, const struct panel_content *content, GstMapInfo *map, struct canvas *canvas)
{
    int width = content->width, height = content->height;
    g_clear_pointer (&panel->rectangle, gst_video_overlay_rectangle_unref);
    gboolean again = panel->buffer && panel->width == width && panel->height == height &&
                     gst_buffer_is_writable (panel->buffer) && gst_buffer_is_all_memory_writable (panel->buffer);
    if (!again) {
        gst_clear_buffer (&panel->buffer);
        panel->buffer = gst_buffer_new_allocate (NULL, (gsize)width * (gsize)height * 4, NULL);
        if (panel->buffer)
            gst_buffer_add_video_meta (panel->buffer, GST_VIDEO_FRAME_FLAG_NONE,
                                       GST_VIDEO_OVERLAY_COMPOSITION_FORMAT_RGB, (guint)width, (guint)height);
    }
    if (!panel->buffer || !gst_buffer_map (panel->buffer, map, GST_MAP_WRITE)) {
        panel_hide (panel);
        return FALSE;
    }
    panel->at = content->at;
    panel->width = width;
    panel->height = height;
    panel_forget (panel);
    panel->text = g_strdup (content->text);
    *canvas = (struct canvas) { (guint32 *)map->data, width, height, width };
    return TRUE;
}

void panel_end (struct panel *panel, const struct panel_content *content, GstMapInfo *map)
{
    GstVideoOverlayFormatFlags flags =
        content->straight ? GST_VIDEO_OVERLAY_FORMAT_FLAG_NONE : GST_VIDEO_OVERLAY_FORMAT_FLAG_PREMULTIPLIED_ALPHA;
    gst_buffer_unmap (panel->buffer, map);
    panel->rectangle = gst_video_overlay_rectangle_new_raw (panel->buffer, panel->at.x, panel->at.y,
                                                            (guint)panel->at.width, (guint)panel->at.height, flags);
}

void panel_hide (struct panel *panel)
{
    g_clear_pointer (&panel->rectangle, gst_video_overlay_rectangle_unref);
    gst_clear_buffer (&panel->buffer);
    panel_forget (panel);
}

void panel_forget (struct panel *panel)
{
    g_clear_pointer (&panel->text, g_free);
}
