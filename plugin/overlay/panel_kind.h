/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* panel_kind.h: what a kind of panel must say of itself to be drawn. A kind is one file, with a `const struct
 * panel_kind` called after its row in panel_kinds.def; overlay.c asks it, for every drawing:
 *
 *   begin ()      what is there to show?
 *   size (i)      of panel i: where in the frame does it go, and what is it made from?
 *   draw (i)      only where that has changed: paint it
 *
 * All on the thread that draws. */
#ifndef CONVRELU_PANEL_KIND_H
#define CONVRELU_PANEL_KIND_H

#include "plugin/overlay/caption_text.h"
#include "plugin/overlay/overlay.h"
#include "plugin/overlay/panel.h"
#include "plugin/overlay/pen.h"

/* What all panels are drawn from. */
struct drawing {
    const struct overlay_frame *frame;
    guint jumps;      /* moves with another place in the stream, or another stream */
    gboolean changed; /* the frame's size, the properties or the network's view are others than in the drawing before */
    struct layout layout;

    struct layer_caption pre_caption[LAYERS_MAX], post_caption[LAYERS_MAX]; /* of the network's layers, made once */
    struct layer_stats pre[LAYERS_MAX], post[LAYERS_MAX];                   /* before and after their activation */

    struct smoothing *smoothing;
    const struct calm_rows *calm; /* the best classes, of `smoothing` */
    gboolean two_classes;         /* `class` names two, to be shown side by side */
    int class_id, second_id;      /* that `class` names, or -1: there is none */
    char *nothing;                /* what is said where there is no class to show (caption_nothing), or NULL */

    /* The text column (layout.left): what is taken of it in this drawing, from above and from below, pixels. */
    int taken_above, taken_below;
    int strip;         /* taken along the bottom of the frame, pixels */
    gboolean labelled; /* the labels are shown */

    struct targets *targets; /* what stands where in this drawing */

    struct text_cache *texts;
    GArray *scratch; /* of float, for tile_draw */
};

struct panel_kind {
    guint flags;      /* shown with any of these (enum overlay_flag) */
    int panels;       /* how many there may be */
    gsize state_size; /* of what the kind keeps from one drawing to the next: zero to begin with, and after clear () */

    void (*begin) (struct drawing *drawing, void *state); /* or NULL */
    /* FALSE: panel i is not shown. content comes with width, height and all else 0: these mean the size of `at`.
     * Asked in order from 0 on, each after the one before was drawn. */
    gboolean (*size) (struct drawing *drawing, void *state, int i, struct panel_content *content);
    void (*draw) (struct drawing *drawing, void *state, int i, const struct canvas *canvas);
    /* Adds to drawing->targets what is pointed at in panel i, which lies at `at`; NULL: nothing. After size (). */
    void (*targets) (struct drawing *drawing, void *state, int i, const struct rectangle *at);
    gboolean see_through;        /* what lies behind it is pointed at */
    void (*clear) (void *state); /* frees what the state points to; NULL: nothing. Another network, or the end */
};

#define PANEL_KIND(name) extern const struct panel_kind name##_panels;
#include "plugin/overlay/panel_kinds.def"

/* To write on `canvas`, or NULL: to ask for sizes. */
static inline struct pen drawing_pen (const struct drawing *drawing, const struct canvas *canvas)
{
    return (struct pen) { drawing->texts, &drawing->layout, drawing->frame->appearance->opacity, canvas };
}

#endif
