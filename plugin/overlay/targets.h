/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* targets.h: what stands where in a drawing, for who points at it (plugin/pointing.h). Made along with the drawing and
 * read-only from then on: any thread. */
#ifndef CONVRELU_TARGETS_H
#define CONVRELU_TARGETS_H

#include "models/model.h"
#include "plugin/frame.h"

enum target_kind { TARGET_PANEL, TARGET_CHANNEL, TARGET_CLASS };

struct target {
    struct rectangle at; /* in the frame */
    enum target_kind kind;
    int layer,
        channel;  /* TARGET_CHANNEL: a tensor of the model's graph, and its channel; -1: any, the layer is meant */
    int class_id; /* TARGET_CLASS */
};

/* The unit that is drawn. */
struct target_unit {
    int layer, channel, y, x; /* layer: a tensor of the model's graph; -1: none is drawn */
};

struct targets {
    gint references; /* atomic */
    struct model *model;
    struct view view; /* where nothing else stands the picture is pointed at, as far as the network sees it */
    struct target_unit unit;
    GArray *target; /* of struct target, the topmost last */
};

struct targets *targets_new (struct model *model, const struct view *view);
struct targets *targets_ref (struct targets *targets); /* NULL is fine, here and below */
void targets_unref (struct targets *targets);

void targets_add (struct targets *targets, const struct target *target);
/* The topmost at (x, y), or NULL. Any numbers: one that is none is nowhere. */
const struct target *targets_at (const struct targets *targets, double x, double y);
/* The place in the map of tensor `id` whose window is centred nearest to (x, y) of the frame. FALSE: the network does
 * not see that point, or the tensor is no map. */
gboolean targets_place (const struct targets *targets, int id, double x, double y, int *row, int *column);

#endif
