/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stats.c: frame rate, times, and how much of each chosen layer is zero, in the text column; see panel_kind.h. */
#include "plugin/overlay/text_panel.h"

static const GstClockTime STATS_REFRESH = 300 * GST_MSECOND; /* figures stand so long, so that they can be read */

struct stats_lines {
    char **lines;
    GstClockTime made; /* on the monotonic clock */
};

static void begin (struct drawing *drawing, void *state)
{
    struct stats_lines *stats = state;
    const struct overlay_frame *frame = drawing->frame;
    GstClockTime now = gst_util_get_timestamp ();
    if (!drawing->changed && stats->lines && now < stats->made + STATS_REFRESH)
        return;
    struct layer_figures figures[LAYERS_MAX];
    int count = layer_figures_take (figures, frame->network, drawing->post);
    g_strfreev (stats->lines);
    stats->lines = caption_stats (&frame->times, frame->network, figures, count);
    stats->made = now;
}

static gboolean size (struct drawing *drawing, void *state, int i, struct panel_content *content)
{
    const struct stats_lines *stats = state;
    return text_panel_size (drawing, stats->lines, FALSE, content);
}

static void draw (struct drawing *drawing, void *state, int i, const struct canvas *canvas)
{
    const struct stats_lines *stats = state;
    text_panel_draw (drawing, stats->lines, NULL, canvas);
}

static void clear (void *state)
{
    struct stats_lines *stats = state;
    g_strfreev (stats->lines);
}

const struct panel_kind stats_panels = { .flags = OVERLAY_STATS,
                                         .panels = 1,
                                         .state_size = sizeof (struct stats_lines),
                                         .begin = begin,
                                         .size = size,
                                         .draw = draw,
                                         .clear = clear };
