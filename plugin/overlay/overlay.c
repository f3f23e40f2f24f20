/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* overlay.c: decides what has to be drawn again, has the kinds of panels draw it, and puts the panels together; see
 * overlay.h and panel_kind.h. */
#include "plugin/overlay/overlay.h"

#include <string.h>

#include "plugin/log.h"
#include "plugin/overlay/channel_choice.h"
#include "plugin/overlay/feature_maps.h"
#include "plugin/overlay/panel_kind.h"
#include "plugin/region_memory.h"
#include "plugin/shares.h"

static const double least_smoothing = 0.5; /* seconds: the least time constant of what is drawn */

static const struct panel_kind *const kinds[] = {
#define PANEL_KIND(name) &name##_panels,
#include "plugin/overlay/panel_kinds.def"
};
enum { KINDS = G_N_ELEMENTS (kinds) };

struct overlay {
    struct drawing drawing;
    struct panel *panel[KINDS]; /* [kinds[k]->panels] */
    void *state[KINDS];         /* the kind's own */

    struct appearance seen; /* drawn last */
    int width, height;
    struct view view;
    guint regions;      /* regions_mark */
    guint serial;       /* of the result */
    gboolean drawn;     /* the above are of something */
    gboolean captioned; /* the layers' captions are those of the network */
    struct class_choice classes;
    float *shares;  /* [classes] of the last run */
    gboolean known; /* caption_knows */
    GstVideoOverlayComposition *composition;
};

/* ---- life ------------------------------------------------------------------------------------------------------ */

struct overlay *overlay_new (void)
{
    struct overlay *overlay = g_new0 (struct overlay, 1);
    overlay->drawing.scratch = g_array_new (FALSE, FALSE, sizeof (float));
    overlay->drawing.smoothing = smoothing_new ();
    for (int k = 0; k < KINDS; k++) {
        overlay->panel[k] = g_new0 (struct panel, kinds[k]->panels);
        overlay->state[k] = g_malloc0 (kinds[k]->state_size);
    }
    appearance_init (&overlay->seen);
    return overlay;
}

void overlay_jump (struct overlay *overlay)
{
    smoothing_reset (overlay->drawing.smoothing);
    overlay->drawing.jumps++;
    overlay->drawing.calm = NULL;
    overlay->known = FALSE;
}

void overlay_reset (struct overlay *overlay)
{
    struct drawing *drawing = &overlay->drawing;
    overlay_jump (overlay);
    g_clear_pointer (&overlay->shares, g_free);
    g_clear_pointer (&drawing->nothing, g_free);
    g_clear_pointer (&drawing->targets, targets_unref);
    g_clear_pointer (&overlay->composition, gst_video_overlay_composition_unref);
    for (int k = 0; k < KINDS; k++) {
        for (int i = 0; i < kinds[k]->panels; i++)
            panel_hide (&overlay->panel[k][i]);
        if (kinds[k]->clear)
            kinds[k]->clear (overlay->state[k]);
        if (overlay->state[k])
            memset (overlay->state[k], 0, kinds[k]->state_size);
    }
    for (int i = 0; i < LAYERS_MAX; i++) {
        layer_stats_clear (&drawing->post[i]);
        layer_stats_clear (&drawing->pre[i]);
    }
    overlay->drawn = overlay->captioned = FALSE;
}

void overlay_free (struct overlay *overlay)
{
    overlay_reset (overlay);
    for (int k = 0; k < KINDS; k++) {
        g_free (overlay->panel[k]);
        g_free (overlay->state[k]);
    }
    smoothing_free (overlay->drawing.smoothing);
    g_array_unref (overlay->drawing.scratch);
    appearance_clear (&overlay->seen);
    text_cache_free (overlay->drawing.texts);
    g_free (overlay);
}

/* ---- what all panels are drawn from ---------------------------------------------------------------------------- */

/* Makes what stays while the network runs. */
static void write_captions (struct drawing *drawing, const struct network *network)
{
    for (int i = 0; i < network->layers.count; i++) {
        caption_of_layer (&drawing->pre_caption[i], network, i, TRUE);
        caption_of_layer (&drawing->post_caption[i], network, i, FALSE);
    }
}

/* Counts this frame's values; `changes`: also what the activation does to them. */
static void look_at_layers (struct drawing *drawing, const struct network *network, gboolean changes)
{
    for (int i = 0; i < network->layers.count; i++) {
        if (network->post_tap[i] >= 0)
            layer_stats_add (&drawing->post[i], plan_tap (network->plan, network->post_tap[i]));
        if (network->pre_tap[i] >= 0)
            layer_stats_add (&drawing->pre[i], plan_tap (network->plan, network->pre_tap[i]));
        if (changes && network->post_tap[i] >= 0 && network->pre_tap[i] >= 0)
            layer_stats_change (&drawing->post[i], plan_tap (network->plan, network->pre_tap[i]),
                                plan_tap (network->plan, network->post_tap[i]));
    }
}

/* Takes in what the network has said of one more frame. */
static void look_at_scores (struct overlay *overlay, const struct overlay_frame *frame)
{
    int classes = model_classes (frame->network->model);
    if (!overlay->shares)
        overlay->shares = g_new (float, classes);
    if (frame->found) /* the last run may have been over another region */
        smoothing_reset (overlay->drawing.smoothing);
    shares_take (frame->network, frame->scores, overlay->shares);
    smoothing_add (overlay->drawing.smoothing, overlay->shares, classes, frame->time,
                   MAX (least_smoothing, frame->appearance->smoothing));
}

static void choose_classes (struct overlay *overlay, const struct overlay_frame *frame)
{
    struct drawing *drawing = &overlay->drawing;
    int before = drawing->calm && drawing->calm->count > 0 ? drawing->calm->ids[0] : -1;
    drawing->calm = smoothing_rows (drawing->smoothing, (int)MIN (frame->top_k, G_MAXINT), frame->threshold);
    overlay->known = caption_knows (frame->network, drawing->calm, overlay->known);
    g_free (drawing->nothing);
    drawing->nothing = caption_nothing (drawing->calm, overlay->known, frame->threshold);
    if (drawing->changed)
        class_choice_read (frame->network, frame->appearance->class_words, &overlay->classes);
    drawing->two_classes = overlay->classes.count > 1;
    drawing->class_id = class_choice_now (&overlay->classes, 0, drawing->calm);
    drawing->second_id = class_choice_now (&overlay->classes, 1, drawing->calm);
    if (drawing->calm->count > 0 && drawing->calm->ids[0] != before)
        GST_DEBUG ("the class drawn first is now %d, %s", drawing->calm->ids[0],
                   model_label (frame->network->model, drawing->calm->ids[0]));
}

/* Another number where boxes or best classes of regions are others. */
static guint regions_mark (const struct overlay_frame *frame)
{
    guint mark = frame->found ? 1 : 0;
    for (guint i = 0; frame->found && i < frame->found->len; i++) {
        const struct region *region = &g_array_index (frame->found, struct region, i);
        const struct region_result *newest = region_newest (region, frame->memory);
        const int numbers[] = { region->box.x, region->box.y, newest ? (int)newest->result.serial : -1 };
        for (guint n = 0; n < G_N_ELEMENTS (numbers); n++)
            mark = (mark ^ (guint)numbers[n]) * 16777619u; /* FNV-1a, by words */
    }
    return mark;
}

/* Takes over size, appearance and view. FALSE: they are those of the last time. */
static gboolean changed (struct overlay *overlay, const struct overlay_frame *frame)
{
    struct layout *layout = &overlay->drawing.layout;
    struct map_shapes shapes;
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
    for (int k = 0; k < KINDS; k++)
        for (int i = 0; i < kinds[k]->panels; i++)
            panel_forget (&overlay->panel[k][i]);
    feature_maps_shapes (frame, &shapes);
    layout_make (layout, frame->width, frame->height, frame->appearance, &shapes);
    GST_DEBUG ("%d mosaics in %d columns on a frame of %d x %d", layout->mosaics, layout->across, frame->width,
               frame->height);
    return TRUE;
}

/* ---- panels ---------------------------------------------------------------------------------------------------- */

static void show_panel (struct overlay *overlay, int k, int i, struct panel_content content)
{
    struct drawing *drawing = &overlay->drawing;
    struct panel *panel = &overlay->panel[k][i];
    struct canvas canvas;
    GstMapInfo map;
    if (!kinds[k]->see_through)
        targets_add (drawing->targets, &(struct target) { .at = content.at, .kind = TARGET_PANEL });
    if (kinds[k]->targets)
        kinds[k]->targets (drawing, overlay->state[k], i, &content.at);
    if (content.width == 0) {
        content.width = content.at.width;
        content.height = content.at.height;
    }
    if (!panel_is_current (panel, &content) && panel_begin (panel, &content, &map, &canvas)) {
        kinds[k]->draw (drawing, overlay->state[k], i, &canvas);
        panel_end (panel, &content, &map);
    }
}

static void draw_panel (struct overlay *overlay, int k, int i)
{
    struct panel_content content = { .width = 0 };
    if (kinds[k]->size (&overlay->drawing, overlay->state[k], i, &content))
        show_panel (overlay, k, i, content);
    else
        panel_hide (&overlay->panel[k][i]);
    g_free (content.text);
}

static void draw_panels (struct overlay *overlay)
{
    struct drawing *drawing = &overlay->drawing;
    drawing->taken_above = drawing->taken_below = 0;
    drawing->strip = drawing->frame->height - drawing->layout.bottom;
    drawing->labelled = FALSE;
    targets_unref (drawing->targets);
    drawing->targets = targets_new (drawing->frame->network->model, &drawing->frame->view);
    for (int k = 0; k < KINDS; k++) {
        gboolean shown = (drawing->frame->appearance->overlay & kinds[k]->flags) != 0;
        if (shown && kinds[k]->begin)
            kinds[k]->begin (drawing, overlay->state[k]);
        for (int i = 0; i < kinds[k]->panels; i++) {
            if (shown)
                draw_panel (overlay, k, i);
            else
                panel_hide (&overlay->panel[k][i]);
        }
    }
}

/* Returns how many panels there are. */
static guint compose (struct overlay *overlay)
{
    guint count = 0;
    overlay->composition = gst_video_overlay_composition_new (NULL);
    for (int k = 0; k < KINDS; k++) {
        for (int i = 0; i < kinds[k]->panels; i++) {
            GstVideoOverlayRectangle *rectangle = overlay->panel[k][i].rectangle;
            if (!rectangle)
                continue;
            gst_video_overlay_composition_add_rectangle (overlay->composition, rectangle);
            count++;
        }
    }
    if (count == 0)
        g_clear_pointer (&overlay->composition, gst_video_overlay_composition_unref);
    return count;
}

GstVideoOverlayComposition *overlay_draw (struct overlay *overlay, const struct overlay_frame *frame)
{
    struct drawing *drawing = &overlay->drawing;
    if (!frame->appearance->overlay || !frame->result->valid)
        return NULL;
    if (!drawing->texts)
        drawing->texts = text_cache_new ();
    gboolean fresh = overlay->serial != frame->result->serial; /* also after frames that nothing was drawn on */
    drawing->changed = changed (overlay, frame);
    gboolean same_regions = overlay->regions == regions_mark (frame);
    overlay->regions = regions_mark (frame);
    if (!drawing->changed && !fresh && same_regions)
        return overlay->composition;
    GstClockTime start = gst_util_get_timestamp ();
    overlay->serial = frame->result->serial;
    g_clear_pointer (&overlay->composition, gst_video_overlay_composition_unref);
    if (!overlay->captioned)
        write_captions (drawing, frame->network);
    overlay->captioned = TRUE;
    if (fresh || !drawing->post[0].channels)
        look_at_layers (drawing, frame->network, frame->appearance->channel_select == CHANNELS_CHANGED);
    if (fresh || !drawing->calm)
        look_at_scores (overlay, frame);
    choose_classes (overlay, frame);
    drawing->frame = frame;
    draw_panels (overlay);
    drawing->frame = NULL;
    guint panels = compose (overlay);
    GST_LOG ("%u panels for the %s frame at %" GST_TIME_FORMAT ", %s, in %" GST_TIME_FORMAT, panels,
             fresh ? "new" : "same", GST_TIME_ARGS (frame->time),
             drawing->nothing ? drawing->nothing : "a class is known",
             GST_TIME_ARGS (gst_util_get_timestamp () - start));
    return overlay->composition;
}

struct targets *overlay_targets (const struct overlay *overlay)
{
    return overlay->drawing.targets;
}

const struct calm_rows *overlay_rows (const struct overlay *overlay)
{
    return overlay->drawing.calm;
}

int overlay_figures (const struct overlay *overlay, const struct network *network, struct layer_figures *figures)
{
    return network ? layer_figures_take (figures, network, overlay->drawing.post) : 0;
}
