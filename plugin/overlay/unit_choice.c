/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* unit_choice.c: the open parts of `unit` are filled in frame by frame, calmly; see unit_choice.h. */
#include "plugin/overlay/unit_choice.h"

#include "engine/receptive_field.h"

enum {
    WALK_ROWS = 16,      /* that a walk takes from top to bottom */
    FRAMES_TO_LOOK = 30, /* a second or so: a camera's first frames may be black */
};

static void go_to_strongest (struct unit_choice *choice, const float *map, const struct tensor *after, int last_channel)
{
    static const float nearly = 0.8f;
    int best = choice->strongest, kept = choice->y * after->width + choice->x;
    if (choice->seen && choice->channel == last_channel && kept < after->height * after->width &&
        unit_value (map[kept]) > 0 && unit_value (map[kept]) >= nearly * unit_value (map[best]))
        best = kept;
    choice->y = best / after->width;
    choice->x = best % after->width;
}

static int choose_channel (struct unit_choice *choice, const struct tensor *after, gboolean fresh)
{
    const struct channel_wish varied = { .select = CHANNELS_VARIED, .class_id = -1, .other_id = -1 };
    choice->frames = MIN (choice->frames + fresh, FRAMES_TO_LOOK + 1);
    if (choice->stats.channels == after->channels && choice->frames > FRAMES_TO_LOOK)
        return choice->stats.shown[0];
    if (fresh || choice->stats.channels != after->channels)
        layer_stats_add (&choice->stats, after);
    layer_stats_choose (&choice->stats, 1, &varied);
    return choice->stats.shown[0];
}

void unit_choice_make (struct unit_choice *choice, const struct tensor *after, const struct unit_words *words,
                       gboolean fresh)
{
    int last = choice->channel, height = after->height, width = after->width;
    choice->channel =
        words->channel >= 0 ? MIN (words->channel, after->channels - 1) : choose_channel (choice, after, fresh);
    const float *map = after->data + (gsize)choice->channel * (gsize)height * (gsize)width;
    choice->strongest = 0;
    for (int i = 1; i < height * width; i++)
        if (unit_value (map[i]) > unit_value (map[choice->strongest]))
            choice->strongest = i;
    if (words->walk) {
        int down = MAX (height / WALK_ROWS, 1), rows = (height + down - 1) / down;
        choice->steps = (choice->steps + fresh) % (rows * width);
        choice->y = choice->steps / width * down;
        choice->x = choice->steps % width;
    } else if (words->y >= 0) {
        choice->y = MIN (words->y, height - 1);
        choice->x = MIN (words->x, width - 1);
    } else {
        go_to_strongest (choice, map, after, last);
    }
    choice->seen = TRUE;
}

void unit_choice_clear (struct unit_choice *choice)
{
    layer_stats_clear (&choice->stats);
    *choice = (struct unit_choice) { .channel = 0 };
}

struct rectangle unit_field (const struct overlay_frame *frame, int id, int y, int x)
{
    const struct rectangle *from = &frame->view.from, *to = &frame->view.to;
    struct field window = { y, x, y, x };
    struct rectangle box = { 0, 0, 0, 0 };
    if (to->width < 1 || to->height < 1 || !graph_receptive_field (model_graph (frame->network->model), id, &window))
        return box;
    double across = (double)from->width / to->width, down = (double)from->height / to->height;
    int left = from->x + (int)((window.left - to->x) * across), top = from->y + (int)((window.top - to->y) * down);
    int right = from->x + (int)ceil ((window.right + 1 - to->x) * across);
    int bottom = from->y + (int)ceil ((window.bottom + 1 - to->y) * down);
    box.x = CLAMP (left, 0, frame->width - 1);
    box.y = CLAMP (top, 0, frame->height - 1);
    box.width = CLAMP (right, box.x + 1, frame->width) - box.x;
    box.height = CLAMP (bottom, box.y + 1, frame->height) - box.y;
    return box;
}

void unit_box_side (const struct overlay_frame *frame, const struct layout *layout, const struct rectangle *field,
                    enum side side, struct panel_content *content)
{
    int thick = MAX (layout->small_line / 5, 2);
    struct rectangle at = *field; /* the lines lie round it, inside the frame */
    at.x = MAX (at.x - thick, 0);
    at.y = MAX (at.y - thick, 0);
    at.width = MIN (field->x + field->width + thick, frame->width) - at.x;
    at.height = MIN (field->y + field->height + thick, frame->height) - at.y;
    content->at = panel_side (&at, side, thick);
    content->text = g_strdup ("box");
}
