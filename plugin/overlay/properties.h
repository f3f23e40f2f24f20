/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* properties.h: the values of the properties that say what is drawn on a frame, and where. Part of struct settings; the
 * same rules hold (settings.h). */
#ifndef CONVRELU_PROPERTIES_H
#define CONVRELU_PROPERTIES_H

#include <gst/gst.h>

/* Which tensors of the network a drawing needs. */
enum needs {
    NEEDS_NOTHING = 0,
    NEEDS_LAYERS = 1 << 0,    /* of the chosen layers, after their activation or before it, as `stage` says */
    NEEDS_POST = 1 << 1,      /* of the chosen layers, after their activation */
    NEEDS_CLASS_MAP = 1 << 2, /* what the class-activation map is made from */
    NEEDS_UNIT = 1 << 3,      /* of the layer of `unit`, after its activation */
    NEEDS_SUM = 1 << 4,       /* and before it, and what it is summed from */
    NEEDS_NETWORK = 1 << 5,   /* of layers from all over the network, after their activation */
};

enum overlay_bit {
#define OVERLAY_FLAG(name, nick, needs, text) OVERLAY_BIT_##name,
#include "plugin/overlay/panel_kinds.def"
};

/* Also the values of the GObject flags and enums of the same names. */
enum overlay_flag {
    OVERLAY_NONE = 0,
#define OVERLAY_FLAG(name, nick, needs, text) OVERLAY_##name = 1 << OVERLAY_BIT_##name,
#include "plugin/overlay/panel_kinds.def"
};
enum stage { STAGE_POST, STAGE_PRE, STAGE_BOTH };
enum channel_select {
    CHANNELS_VARIED,
    CHANNELS_STRONGEST,
    CHANNELS_CHANGED,
    CHANNELS_CLASS,
    CHANNELS_FIRST,
    CHANNELS_LISTED,
};

enum placement { PLACEMENT_INSET, PLACEMENT_RIGHT, PLACEMENT_BOTTOM, PLACEMENT_FULL };
enum colormap { COLORMAP_GRAY, COLORMAP_VIRIDIS, COLORMAP_MAGMA, COLORMAP_TURBO, COLORMAP_DIVERGING };

enum { CHANNELS_MAX = 256 };

struct appearance {
    guint overlay; /* of enum overlay_flag */
    char *layers;  /* NULL: none */
    enum stage stage;
    guint channels;
    char *select_words; /* of channel-select, NULL: the default; and what they mean: */
    enum channel_select channel_select;
    gboolean select_unknown;  /* they mean nothing */
    int listed[CHANNELS_MAX]; /* [listed_count] channels, CHANNELS_LISTED */
    int listed_count;
    char *unit;        /* words of watched.h; NULL: the first layer */
    char *class_words; /* whose heat and channels; NULL: the best one */
    enum placement placement;
    double opacity; /* 0..1 */
    enum colormap colormap;
    gboolean interactive; /* clicks and keys change all this */
    double smoothing;     /* seconds, 0: what is drawn has a constant of its own; also of the results */
};

enum { APPEARANCE_FIRST_PROPERTY = 100 };
enum appearance_property {
    PROPERTY_OVERLAY = APPEARANCE_FIRST_PROPERTY,
    PROPERTY_LAYERS,
    PROPERTY_STAGE,
    PROPERTY_CHANNELS,
    PROPERTY_CHANNEL_SELECT,
    PROPERTY_PLACEMENT,
    PROPERTY_OPACITY,
    PROPERTY_COLORMAP,
    PROPERTY_SMOOTHING,
    PROPERTY_CLASS,
    PROPERTY_UNIT,
    PROPERTY_INTERACTIVE,
};

void appearance_install (GObjectClass *klass);

void appearance_init (struct appearance *appearance); /* the defaults */
void appearance_clear (struct appearance *appearance);
void appearance_copy (struct appearance *to, const struct appearance *from); /* what `to` held is not freed */

/* FALSE when `id` is not one of them. */
gboolean appearance_set (struct appearance *appearance, guint id, const GValue *value);
gboolean appearance_get (const struct appearance *appearance, guint id, GValue *value);

gboolean appearance_shows_layers (const struct appearance *appearance); /* so that their tensors are needed */
/* Which of the two tensors of a layer. */
gboolean appearance_taps_post (const struct appearance *appearance);
gboolean appearance_taps_pre (const struct appearance *appearance);
gboolean appearance_taps_unit (const struct appearance *appearance);      /* the layer of `unit` */
gboolean appearance_taps_network (const struct appearance *appearance);   /* layers from all over it */
gboolean appearance_taps_sum (const struct appearance *appearance);       /* what its numbers are summed from */
gboolean appearance_taps_class_map (const struct appearance *appearance); /* what class-activation is drawn from */
/* Whether the same tensors of a network are needed for both. */
gboolean appearance_same_tensors (const struct appearance *a, const struct appearance *b);
/* Whether both draw the same. */
gboolean appearance_same (const struct appearance *a, const struct appearance *b);

#endif
