/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* overlay.c: decides what has to be drawn again, draws it into panels and puts the panels together; see overlay.h. */
#include "plugin/overlay/overlay.h"

#include <math.h>
#include <string.h>

#include "plugin/log.h"
#include "plugin/overlay/panels.h"
#include "plugin/shares.h"
#include "plugin/overlay/caption_text.h"

enum {
    HEAT_GRAIN = 12,      /* pixels drawn for each of the class-activation map's; the compositor scales them on */
    HEAT_MAX = 192,       /* and at most, each way */
    HEAT_WORDS_LINES = 8, /* heights of a small line: less is too narrow for more words than a name */
    PANEL_LABELS = MOSAICS_MAX,
    PANEL_STATS,
    PANEL_HEAT,
    PANEL_HEAT_WORDS,
    PANEL_EDGES, /* where the network's view cuts the picture */
    EDGES = 4,
    PANELS = PANEL_EDGES + EDGES,
};
static const GstClockTime figures_stand = 300 * GST_MSECOND; /* so that they can be read */
static const double calm = 0.5;                              /* seconds: the least time constant of what is drawn */

struct panel {
    GstBuffer *buffer;                   /* of `drawn` pixels */
    GstVideoOverlayRectangle *rectangle; /* NULL: the panel is not shown */
    struct rectangle at;                 /* in the frame */
    int width, height;                   /* as drawn */
    char *text;                          /* that it was drawn from, or NULL: to be drawn each time */
};

struct overlay {
    struct captions *captions;
    GArray *scratch;
    struct appearance seen; /* drawn last */
    int width, height;
    struct view view;
    guint serial;   /* of the result */
    gboolean drawn; /* the above are of something */
    struct layout layout;
    struct palette colours, signs, heat, heat_strip; /* heat is not premultiplied */
    gboolean pairs;                                  /* of mosaics, before and after the activation */
    struct layer_watch post[LAYERS_MAX], pre[LAYERS_MAX];
    struct smoothing *smoothing;
    float *shares;                /* [classes] of the last run */
    const struct calm_rows *calm; /* of smoothing, or NULL */
    gboolean known;               /* words_know */
    char *nothing;                /* words_of_nothing */
    float *class_map;             /* [h][w] */
    GstClockTime figures_at;
    struct panel panel[PANELS];
    GstVideoOverlayComposition *composition;
};

/* ---- life ------------------------------------------------------------------------------------------------------ */

struct overlay *overlay_new (void)
{
    struct overlay *overlay = g_new0 (struct overlay, 1);
    overlay->scratch = g_array_new (FALSE, FALSE, sizeof (float));
    overlay->smoothing = smoothing_new ();
    appearance_init (&overlay->seen);
    return overlay;
}

static void hide_panel (struct panel *panel)
{
    g_clear_pointer (&panel->rectangle, gst_video_overlay_rectangle_unref);
    gst_clear_buffer (&panel->buffer);
    g_clear_pointer (&panel->text, g_free);
}

void overlay_jump (struct overlay *overlay)
{
    smoothing_reset (overlay->smoothing);
    overlay->calm = NULL;
    overlay->known = FALSE;
}

void overlay_reset (struct overlay *overlay)
{
    overlay_jump (overlay);
    g_clear_pointer (&overlay->shares, g_free);
    g_clear_pointer (&overlay->nothing, g_free);
    g_clear_pointer (&overlay->composition, gst_video_overlay_composition_unref);
    for (int i = 0; i < PANELS; i++)
        hide_panel (&overlay->panel[i]);
    for (int i = 0; i < LAYERS_MAX; i++) {
        layer_watch_clear (&overlay->post[i]);
        layer_watch_clear (&overlay->pre[i]);
    }
    g_clear_pointer (&overlay->class_map, g_free);
    overlay->drawn = FALSE;
}

void overlay_free (struct overlay *overlay)
{
    overlay_reset (overlay);
    smoothing_free (overlay->smoothing);
    g_array_unref (overlay->scratch);
    appearance_clear (&overlay->seen);
    captions_free (overlay->captions);
    g_free (overlay);
}

/* ---- panels ---------------------------------------------------------------------------------------------------- */

/* Opens a panel of width x height pixels, to be shown at `at` of the frame. The pixels drawn before are used again when
 * nobody else holds them. */
static gboolean panel_begin (struct panel *panel, struct rectangle at, int width, int height, GstMapInfo *map,
                             struct canvas *canvas)
{
    gsize size = (gsize)width * (gsize)height * 4;
    g_clear_pointer (&panel->rectangle, gst_video_overlay_rectangle_unref);
    gboolean again = panel->buffer && panel->width == width && panel->height == height &&
                     gst_buffer_is_writable (panel->buffer) && gst_buffer_is_all_memory_writable (panel->buffer);
    if (!again) {
        gst_clear_buffer (&panel->buffer);
        panel->buffer = gst_buffer_new_allocate (NULL, size, NULL);
        if (panel->buffer)
            gst_buffer_add_video_meta (panel->buffer, GST_VIDEO_FRAME_FLAG_NONE,
                                       GST_VIDEO_OVERLAY_COMPOSITION_FORMAT_RGB, (guint)width, (guint)height);
    }
    panel->at = at;
    panel->width = width;
    panel->height = height;
    if (!panel->buffer || !gst_buffer_map (panel->buffer, map, GST_MAP_WRITE))
        return FALSE;
    *canvas = (struct canvas) { (guint32 *)map->data, width, height, width };
    return TRUE;
}

static void panel_end (struct panel *panel, GstMapInfo *map, GstVideoOverlayFormatFlags flags)
{
    gst_buffer_unmap (panel->buffer, map);
    panel->rectangle = gst_video_overlay_rectangle_new_raw (panel->buffer, panel->at.x, panel->at.y,
                                                            (guint)panel->at.width, (guint)panel->at.height, flags);
}

/* Whether the panel shows this text at this place already. If not, takes note of it. */
static gboolean panel_stands (struct panel *panel, struct rectangle at, const char *text)
{
    if (panel->rectangle && memcmp (&panel->at, &at, sizeof at) == 0 && g_strcmp0 (panel->text, text) == 0)
        return TRUE;
    g_free (panel->text);
    panel->text = g_strdup (text);
    return FALSE;
}

/* ---- feature maps ---------------------------------------------------------------------------------------------- */

static const struct tensor *tap (const struct network *network, int index)
{
    return index < 0 ? NULL : plan_tap (network->plan, index);
}

static struct pen pen_of (struct overlay *overlay, const struct overlay_frame *frame)
{
    return (struct pen) { overlay->captions, &overlay->layout, frame->appearance->opacity, overlay->scratch };
}

/* Counts this frame's values. */
static void look_at_layers (struct overlay *overlay, const struct network *network)
{
    for (int i = 0; i < network->layers.count; i++) {
        const struct tensor *post = tap (network, network->post_tap[i]), *pre = tap (network, network->pre_tap[i]);
        if (post)
            layer_watch_look (&overlay->post[i], post);
        if (pre)
            layer_watch_look (&overlay->pre[i], pre);
    }
}

static void draw_mosaic (struct overlay *overlay, const struct overlay_frame *frame, int place, int layer, gboolean pre,
                         float *most)
{
    const struct network *network = frame->network;
    const struct tensor *tensor = tap (network, pre ? network->pre_tap[layer] : network->post_tap[layer]);
    const struct layer_watch *own = pre ? &overlay->pre[layer] : &overlay->post[layer];
    const struct mosaic *mosaic = &overlay->layout.mosaic[place];
    struct panel *panel = &overlay->panel[place];
    if (!tensor || mosaic->panel.width < 1 || mosaic->panel.height < 1) {
        hide_panel (panel);
        return;
    }
    struct mosaic_words words;
    words_of_layer (&words, network, layer, pre, own);
    words.beside = overlay->layout.across > 1 ? "left" : "above";
    words.palette = words.sign || frame->appearance->stage == STAGE_BOTH ? &overlay->signs : &overlay->colours;
    /* Both stages show the same channels in the same places. */
    struct layer_watch shown = network->post_tap[layer] >= 0 ? overlay->post[layer] : overlay->pre[layer];
    struct pen pen = pen_of (overlay, frame);
    struct canvas canvas;
    GstMapInfo map;
    if (!panel_begin (panel, mosaic->panel, mosaic->panel.width, mosaic->panel.height, &map, &canvas)) {
        hide_panel (panel);
        return;
    }
    panel_mosaic (&pen, &canvas, mosaic, &words, tensor, &shown, most);
    panel_end (panel, &map, GST_VIDEO_OVERLAY_FORMAT_FLAG_PREMULTIPLIED_ALPHA);
}

/* Nothing happens to the layer: under stage=both there are no two tensors to compare. */
static gboolean stands_alone (const struct overlay_frame *frame, int layer)
{
    const struct layer *which = &frame->network->layers.layer[layer];
    return frame->appearance->stage == STAGE_BOTH && which->pre == which->post;
}

static void draw_mosaics (struct overlay *overlay, const struct overlay_frame *frame)
{
    const struct network *network = frame->network;
    enum stage stage = frame->appearance->stage;
    int place = 0;
    for (int i = 0; i < network->layers.count && place < overlay->layout.mosaics; i++) {
        float most[CHANNELS_MAX] = { 0 };
        struct layer_watch *watch = network->post_tap[i] >= 0 ? &overlay->post[i] : &overlay->pre[i];
        int count = overlay->layout.mosaic[place].count;
        gboolean alone = stands_alone (frame, i);
        if (stage == STAGE_BOTH && !alone)
            count = MIN (count, overlay->layout.mosaic[place + 1].count);
        layer_watch_choose (watch, count, frame->appearance->channel_select);
        if (stage != STAGE_POST && !alone)
            draw_mosaic (overlay, frame, place++, i, TRUE, most);
        if (stage != STAGE_PRE || alone)
            draw_mosaic (overlay, frame, place++, i, FALSE, most);
        if (alone && overlay->pairs)
            hide_panel (&overlay->panel[place++]);
    }
    for (; place < MOSAICS_MAX; place++)
        hide_panel (&overlay->panel[place]);
}

/* ---- classes --------------------------------------------------------------------------------------------------- */

/* Takes in what the network has said of one more frame. */
static void look_at_scores (struct overlay *overlay, const struct overlay_frame *frame)
{
    int classes = model_classes (frame->network->model);
    if (!overlay->shares)
        overlay->shares = g_new (float, classes);
    shares_take (frame->network, frame->scores, overlay->shares);
    smoothing_add (overlay->smoothing, overlay->shares, classes, frame->time, MAX (calm, frame->appearance->smoothing));
}

static void choose_rows (struct overlay *overlay, const struct overlay_frame *frame)
{
    int before = overlay->calm && overlay->calm->count > 0 ? overlay->calm->ids[0] : -1;
    overlay->calm = smoothing_rows (overlay->smoothing, (int)MIN (frame->top_k, G_MAXINT), frame->threshold);
    overlay->known = words_know (frame->network, overlay->calm, overlay->known);
    g_free (overlay->nothing);
    overlay->nothing = words_of_nothing (overlay->calm, overlay->known, frame->threshold);
    if (overlay->calm->count > 0 && overlay->calm->ids[0] != before)
        GST_DEBUG ("the class drawn first is now %d, %s", overlay->calm->ids[0],
                   model_label (frame->network->model, overlay->calm->ids[0]));
}

/* ---- text ------------------------------------------------------------------------------------------------------ */

static void draw_labels (struct overlay *overlay, const struct overlay_frame *frame)
{
    struct panel *panel = &overlay->panel[PANEL_LABELS];
    struct label_row rows[SMOOTHING_ROWS_MAX + 1];
    struct pen pen = pen_of (overlay, frame);
    int room = panel_labels_fit (&pen, overlay->nothing ? 1 : overlay->calm->count + overlay->calm->more);
    if (!(frame->appearance->overlay & OVERLAY_LABELS) || room == 0) {
        hide_panel (panel);
        return;
    }
    int count =
        words_of_rows (rows, MIN (room, SMOOTHING_ROWS_MAX + 1), frame->network, overlay->calm, overlay->nothing);
    GString *text = g_string_new (NULL);
    for (int i = 0; i < count; i++)
        g_string_append_printf (text, "%s %d %s\n", rows[i].share, (int)(rows[i].part * 200), rows[i].text);
    struct rectangle at = panel_labels_size (&pen, count);
    struct canvas canvas;
    GstMapInfo map;
    if (!panel_stands (panel, at, text->str)) {
        if (panel_begin (panel, at, at.width, at.height, &map, &canvas)) {
            panel_labels (&pen, &canvas, rows, count);
            panel_end (panel, &map, GST_VIDEO_OVERLAY_FORMAT_FLAG_PREMULTIPLIED_ALPHA);
        }
    }
    g_string_free (text, TRUE);
}

/* A panel of lines that ends `above` pixels over the bottom of the left column. Returns where the next may end. */
static int draw_lines (struct overlay *overlay, const struct overlay_frame *frame, int which, char **lines,
                       const struct palette *strip, int above)
{
    struct panel *panel = &overlay->panel[which];
    struct pen pen = pen_of (overlay, frame);
    const struct rectangle *left = &overlay->layout.left;
    struct rectangle at = { left->x, 0, 0, 0 };
    panel_lines_size (&pen, lines, strip != NULL, &at.width, &at.height);
    at.y = left->y + left->height - above - at.height;
    const struct panel *labels = &overlay->panel[PANEL_LABELS];
    int top = labels->rectangle ? labels->at.y + labels->at.height + overlay->layout.margin : left->y;
    char *text = g_strjoinv ("\n", lines);
    struct canvas canvas;
    GstMapInfo map;
    if (at.y < top || left->width < 5 * overlay->layout.small_line) {
        hide_panel (panel);
    } else {
        if (!panel_stands (panel, at, text) && panel_begin (panel, at, at.width, at.height, &map, &canvas)) {
            panel_lines (&pen, &canvas, lines, strip, "little", "much");
            panel_end (panel, &map, GST_VIDEO_OVERLAY_FORMAT_FLAG_PREMULTIPLIED_ALPHA);
        }
        above += at.height + overlay->layout.margin;
    }
    g_free (text);
    return above;
}

static int draw_stats (struct overlay *overlay, const struct overlay_frame *frame, gboolean changed)
{
    struct panel *panel = &overlay->panel[PANEL_STATS];
    if (!(frame->appearance->overlay & OVERLAY_STATS)) {
        hide_panel (panel);
        return 0;
    }
    GstClockTime now = gst_util_get_timestamp ();
    if (!changed && panel->rectangle && now < overlay->figures_at + figures_stand)
        return panel->at.height + overlay->layout.margin;
    overlay->figures_at = now;
    struct layer_figures figures[LAYERS_MAX];
    int count = overlay_figures (overlay, frame->network, figures);
    char **lines = words_of_stats (&frame->times, frame->network, figures, count);
    int above = draw_lines (overlay, frame, PANEL_STATS, lines, NULL, 0);
    g_strfreev (lines);
    return above;
}

/* ---- class activation ------------------------------------------------------------------------------------------ */

/* The part of the map that the view shows, in map pixels: left, top, across, down. A cell lies where its window is centred,
 * which in a network with padding is not the middle of its share of the picture but up to half a cell further left and up. */
static void heat_part (const struct network *network, const struct tensor *tensor, const struct view *view,
                       double part[4])
{
    const struct input_spec *input = model_input (network->model);
    struct grid grid = { .step_y = (double)input->height / tensor->height,
                         .step_x = (double)input->width / tensor->width };
    struct grid exact;
    grid.top = (grid.step_y - 1) / 2;
    grid.left = (grid.step_x - 1) / 2;
    if (graph_grid (model_graph (network->model), network->class_map->map, &exact))
        grid = exact;
    part[0] = (view->to.x - 0.5 - grid.left) / grid.step_x + 0.5;
    part[1] = (view->to.y - 0.5 - grid.top) / grid.step_y + 0.5;
    part[2] = view->to.width / grid.step_x;
    part[3] = view->to.height / grid.step_y;
}

/* The picture goes on beyond what the network sees. */
static gboolean cut_picture (const struct overlay_frame *frame)
{
    return frame->view.from.width < frame->width || frame->view.from.height < frame->height;
}

/* Lines along the edges of the network's view that lie inside the frame: left, right, top, bottom. */
static void draw_edges (struct overlay *overlay, const struct overlay_frame *frame)
{
    const guint seen = OVERLAY_LABELS | OVERLAY_FEATURE_MAPS | OVERLAY_CLASS_ACTIVATION;
    gboolean shown = (frame->appearance->overlay & seen) != 0 && frame->view.from.width > 0;
    const struct rectangle *view = &frame->view.from;
    int right = view->x + view->width, bottom = view->y + view->height;
    int thick = panel_edge_thickness (&overlay->layout);
    const struct rectangle edge[EDGES] = { { view->x, view->y, thick, view->height },
                                           { right - thick, view->y, thick, view->height },
                                           { view->x, view->y, view->width, thick },
                                           { view->x, bottom - thick, view->width, thick } };
    const gboolean inside[EDGES] = { view->x > 0, right<frame->width, view->y> 0, bottom < frame->height };
    for (int i = 0; i < EDGES; i++) {
        struct panel *panel = &overlay->panel[PANEL_EDGES + i];
        struct pen pen = pen_of (overlay, frame);
        struct canvas canvas;
        GstMapInfo map;
        if (!shown || !inside[i] || MIN (view->width, view->height) < 4 * thick) {
            hide_panel (panel);
        } else if (!panel_stands (panel, edge[i], "edge") &&
                   panel_begin (panel, edge[i], edge[i].width, edge[i].height, &map, &canvas)) {
            panel_edge (&pen, &canvas, i < 2, i % 2);
            panel_end (panel, &map, GST_VIDEO_OVERLAY_FORMAT_FLAG_PREMULTIPLIED_ALPHA);
        }
    }
}

static void draw_heat_words (struct overlay *overlay, const struct overlay_frame *frame, int class_id, int above)
{
    if (class_id < 0 && overlay->panel[PANEL_LABELS].rectangle) { /* which says so already */
        hide_panel (&overlay->panel[PANEL_HEAT_WORDS]);
        return;
    }
    char **lines = words_of_heat (frame->network, class_id, overlay->nothing, class_id >= 0 && cut_picture (frame));
    gboolean wide = overlay->layout.left.width >= HEAT_WORDS_LINES * overlay->layout.small_line;
    for (guint i = 1; !wide && lines[i]; i++)
        g_clear_pointer (&lines[i], g_free); /* the class alone */
    draw_lines (overlay, frame, PANEL_HEAT_WORDS, lines, class_id < 0 || !wide ? NULL : &overlay->heat_strip, above);
    g_strfreev (lines);
}

/* Of one shade over the whole range of scores: at 10 % a class's heat is a third as dense as at 100 %. */
static double heat_strength (const struct overlay *overlay, int class_id)
{
    return sqrt ((double)smoothing_score (overlay->smoothing, class_id));
}

/* The heat lies where the network looked; what it saw beyond the picture (letterbox) is left out. */
static void draw_heat (struct overlay *overlay, const struct overlay_frame *frame, int above)
{
    struct panel *panel = &overlay->panel[PANEL_HEAT];
    const struct network *network = frame->network;
    const struct tensor *tensor = tap (network, network->class_map_tap);
    const struct view *view = &frame->view;
    if (!(frame->appearance->overlay & OVERLAY_CLASS_ACTIVATION) || !tensor || view->from.width < 1) {
        hide_panel (panel);
        hide_panel (&overlay->panel[PANEL_HEAT_WORDS]);
        return;
    }
    const struct class_map *source = network->class_map;
    gboolean of_class = source->weights || source->channel_is_class;
    if (of_class && overlay->nothing) {
        hide_panel (panel);
        draw_heat_words (overlay, frame, -1, above);
        return;
    }
    int pixels = tensor->height * tensor->width;
    if (!overlay->class_map)
        overlay->class_map = g_new (float, pixels);
    int class_id = of_class ? overlay->calm->ids[0] : 0;
    double strength = of_class ? heat_strength (overlay, class_id) : 1;
    float most = class_map_draw (source, tensor, class_id, overlay->class_map);
    double part[4];
    heat_part (network, tensor, view, part);
    int width = CLAMP ((int)(part[2] * HEAT_GRAIN), 1, MIN (HEAT_MAX, view->from.width));
    int height = CLAMP ((int)(part[3] * HEAT_GRAIN), 1, MIN (HEAT_MAX, view->from.height));
    struct canvas canvas;
    GstMapInfo map;
    if (!panel_begin (panel, view->from, width, height, &map, &canvas)) {
        hide_panel (panel);
        return;
    }
    heat_draw (overlay->class_map, tensor->height, tensor->width, most / (float)MAX (strength, 1e-3), part,
               &overlay->heat, &canvas);
    panel_end (panel, &map, GST_VIDEO_OVERLAY_FORMAT_FLAG_NONE);
    draw_heat_words (overlay, frame, class_id, above);
}

/* ---- all of it ------------------------------------------------------------------------------------------------- */

/* Says where everything goes. */
static void arrange (struct overlay *overlay, const struct overlay_frame *frame)
{
    const struct network *network = frame->network;
    struct map_shape shape[MOSAICS_MAX];
    int count = 0;
    gboolean both = frame->appearance->stage == STAGE_BOTH, maps = frame->appearance->overlay & OVERLAY_FEATURE_MAPS;
    overlay->pairs = FALSE;
    for (int i = 0; both && i < network->layers.count; i++)
        overlay->pairs |= !stands_alone (frame, i);
    for (int i = 0; maps && i < network->layers.count; i++) {
        const struct tensor *tensor =
            tap (network, frame->appearance->stage == STAGE_PRE ? network->pre_tap[i] : network->post_tap[i]);
        if (!tensor)
            continue;
        gboolean alone = stands_alone (frame, i);
        struct map_shape one = { .channels = tensor->channels, .height = tensor->height, .width = tensor->width };
        one.letters = (int)MIN (g_utf8_strlen (network->layers.label[i], -1), 999);
        one.alone = alone && overlay->pairs;
        shape[count++] = one;
        if (overlay->pairs)
            shape[count++] = alone ? (struct map_shape) { .channels = 0 } : one;
    }
    layout_make (&overlay->layout, frame->width, frame->height, frame->appearance, shape, count, overlay->pairs);
    GST_DEBUG ("%d mosaics in %d columns on a frame of %d x %d", overlay->layout.mosaics, overlay->layout.across,
               frame->width, frame->height);
}

/* Takes over size, appearance and view. FALSE: they are those of the last time. */
static gboolean changed (struct overlay *overlay, const struct overlay_frame *frame)
{
    if (overlay->drawn && overlay->width == frame->width && overlay->height == frame->height &&
        memcmp (&overlay->view, &frame->view, sizeof frame->view) == 0 &&
        appearance_same (&overlay->seen, frame->appearance))
        return FALSE;
    appearance_clear (&overlay->seen);
    appearance_copy (&overlay->seen, frame->appearance);
    overlay->width = frame->width;
    overlay->height = frame->height;
    overlay->view = frame->view;
    overlay->drawn = TRUE;
    for (int i = 0; i < PANELS; i++)
        g_clear_pointer (&overlay->panel[i].text, g_free);
    palette_make (&overlay->colours, frame->appearance->colormap, frame->appearance->opacity);
    palette_make (&overlay->signs, COLORMAP_DIVERGING, frame->appearance->opacity);
    palette_make_heat (&overlay->heat, frame->appearance->opacity, FALSE);
    palette_make_heat (&overlay->heat_strip, frame->appearance->opacity, TRUE);
    arrange (overlay, frame);
    return TRUE;
}

/* The panels from the picture up, i from 0 to PANELS - 1. */
static int panel_in_order (int i)
{
    static const int last[] = { PANEL_LABELS, PANEL_STATS, PANEL_HEAT_WORDS };
    if (i <= EDGES)
        return i ? PANEL_EDGES + i - 1 : PANEL_HEAT;
    i -= EDGES + 1;
    return i < MOSAICS_MAX ? i : last[i - MOSAICS_MAX];
}

/* Returns how many panels there are. */
static guint compose (struct overlay *overlay)
{
    guint count = 0;
    overlay->composition = gst_video_overlay_composition_new (NULL);
    for (int i = 0; i < PANELS; i++) {
        GstVideoOverlayRectangle *rectangle = overlay->panel[panel_in_order (i)].rectangle;
        if (!rectangle)
            continue;
        gst_video_overlay_composition_add_rectangle (overlay->composition, rectangle);
        count++;
    }
    if (count == 0)
        g_clear_pointer (&overlay->composition, gst_video_overlay_composition_unref);
    return count;
}

GstVideoOverlayComposition *overlay_draw (struct overlay *overlay, const struct overlay_frame *frame)
{
    if (!frame->appearance->overlay || !frame->result->valid)
        return NULL;
    if (!overlay->captions)
        overlay->captions = captions_new ();
    gboolean fresh = overlay->serial != frame->result->serial; /* also after frames that nothing was drawn on */
    gboolean change = changed (overlay, frame);
    if (!change && !fresh)
        return overlay->composition;
    GstClockTime start = gst_util_get_timestamp ();
    overlay->serial = frame->result->serial;
    g_clear_pointer (&overlay->composition, gst_video_overlay_composition_unref);
    if (fresh || !overlay->post[0].channels)
        look_at_layers (overlay, frame->network);
    if (fresh || !overlay->calm)
        look_at_scores (overlay, frame);
    choose_rows (overlay, frame);
    draw_mosaics (overlay, frame);
    draw_labels (overlay, frame);
    int above = draw_stats (overlay, frame, change);
    draw_heat (overlay, frame, above);
    draw_edges (overlay, frame);
    guint panels = compose (overlay);
    GST_LOG ("%u panels for the %s frame at %" GST_TIME_FORMAT ", %s, in %" GST_TIME_FORMAT, panels,
             fresh ? "new" : "same", GST_TIME_ARGS (frame->time),
             overlay->nothing ? overlay->nothing : "a class is known",
             GST_TIME_ARGS (gst_util_get_timestamp () - start));
    return overlay->composition;
}

const struct calm_rows *overlay_rows (const struct overlay *overlay)
{
    return overlay->calm;
}

int overlay_figures (const struct overlay *overlay, const struct network *network, struct layer_figures *figures)
{
    int count = 0;
    for (int i = 0; network && i < network->layers.count; i++) {
        const struct layer_watch *watch = &overlay->post[i];
        if (network->post_tap[i] < 0 || !watch->channels)
            continue;
        struct layer_figures *to = &figures[count++];
        g_strlcpy (to->name, graph_tensor (model_graph (network->model), network->layers.layer[i].post).name,
                   sizeof to->name);
        to->zero = (double)watch->not_above;
        to->channels = watch->channels;
        to->frames = watch->frames;
        to->dead = watch->silent;
    }
    return count;
}
