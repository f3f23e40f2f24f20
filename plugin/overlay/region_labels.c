/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* region_labels.c: the best class of each region and its score, at the top left corner of its box: above it where there
 * is room in the frame, else inside; see panel_kind.h. */
#include "plugin/overlay/panel_kind.h"
#include "plugin/region_memory.h"

enum { SHOWN_MOST = 32 };

struct region_labels {
    int count;
    int found[SHOWN_MOST]; /* of frame->found */
};

static const struct region *region_of (const struct drawing *drawing, const struct region_labels *labels, int i)
{
    return &g_array_index (drawing->frame->found, struct region, labels->found[i]);
}

static const struct result *result_of (const struct drawing *drawing, const struct region *region)
{
    const struct region_result *newest = region_newest (region, drawing->frame->memory);
    return newest && newest->result.model == drawing->frame->network->model ? &newest->result : NULL;
}

/* Whether the best class says anything. */
static gboolean is_known (const struct drawing *drawing, const struct result *result)
{
    struct calm_rows rows = { .count = 1 };
    if (!result || result->count == 0)
        return FALSE;
    rows.ids[0] = result->ids[0];
    rows.scores[0] = result->scores[0];
    return caption_knows (drawing->frame->network, &rows, FALSE);
}

static void begin (struct drawing *drawing, void *state)
{
    struct region_labels *labels = state;
    const GArray *found = drawing->frame->found;
    labels->count = 0;
    for (guint i = 0; found && i < found->len && labels->count < SHOWN_MOST; i++)
        if (is_known (drawing, result_of (drawing, &g_array_index (found, struct region, i))))
            labels->found[labels->count++] = (int)i;
    drawing->labelled = drawing->labelled || found;
}

static gboolean size (struct drawing *drawing, void *state, int i, struct panel_content *content)
{
    const struct region_labels *labels = state;
    const struct layout *layout = &drawing->layout;
    const struct overlay_frame *frame = drawing->frame;
    struct pen pen = drawing_pen (drawing, NULL);
    char share[16];
    if (i >= labels->count)
        return FALSE;
    const struct region *region = region_of (drawing, labels, i);
    const struct result *result = result_of (drawing, region);
    const char *name = model_short_label (result->model, result->ids[0]);
    caption_share (share, sizeof share, (double)result->scores[0]);
    content->text = g_strdup_printf ("%s\n%s", name, share);
    int width = pen_width (&pen, name, layout->small_line, WEIGHT_BOLD) +
                pen_width (&pen, share, layout->small_line, WEIGHT_BOLD) + 3 * layout->pad;
    int height = layout->small_line + layout->pad;
    const struct rectangle *box = &region->box;
    content->at.width = MIN (width, frame->width);
    content->at.height = MIN (height, frame->height);
    content->at.x = CLAMP (box->x, 0, frame->width - content->at.width);
    content->at.y = box->y >= content->at.height ? box->y - content->at.height : box->y;
    content->at.y = CLAMP (content->at.y, 0, frame->height - content->at.height);
    return TRUE;
}

static void draw (struct drawing *drawing, void *state, int i, const struct canvas *canvas)
{
    const struct layout *layout = &drawing->layout;
    const struct result *result = result_of (drawing, region_of (drawing, state, i));
    struct pen pen = drawing_pen (drawing, canvas);
    const struct style name = { layout->small_line, WEIGHT_BOLD, COLOUR_TEXT },
                       quiet = { layout->small_line, WEIGHT_BOLD, COLOUR_QUIET_TEXT };
    char share[16];
    int right = canvas->width - layout->pad, room = right - layout->pad, y = layout->pad / 2;
    pen_clear (&pen);
    caption_share (share, sizeof share, (double)result->scores[0]);
    room -= pen_write_before (&pen, share, &quiet, right, y, room) + layout->pad;
    pen_write (&pen, model_short_label (result->model, result->ids[0]), &name, layout->pad, y, MAX (room, 0));
}

static void targets (struct drawing *drawing, void *state, int i, const struct rectangle *at)
{
    const struct result *result = result_of (drawing, region_of (drawing, state, i));
    targets_add (drawing->targets, &(struct target) { .at = *at, .kind = TARGET_CLASS, .class_id = result->ids[0] });
}

const struct panel_kind region_labels_panels = { .flags = OVERLAY_LABELS,
                                                 .panels = SHOWN_MOST,
                                                 .state_size = sizeof (struct region_labels),
                                                 .begin = begin,
                                                 .size = size,
                                                 .draw = draw,
                                                 .targets = targets };
