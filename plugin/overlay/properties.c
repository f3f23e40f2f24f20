/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* properties.c: the properties that say what is drawn: types, texts, values; see properties.h. */
#include "plugin/overlay/properties.h"

#include <string.h>

#include "plugin/watched.h"

enum { DEFAULT_CHANNELS = 16, SMOOTHING_MAX = 60 /* seconds */ };
static const char default_layers[] = "early,middle,late";
static const double default_opacity = 0.95;
static const char default_class[] = "top-1";
static const char *const words_of_select[CHANNELS_LISTED] = {
    [CHANNELS_VARIED] = "varied", [CHANNELS_STRONGEST] = "strongest", [CHANNELS_CHANGED] = "changed",
    [CHANNELS_CLASS] = "class",   [CHANNELS_FIRST] = "first",
};

/* ---- types ----------------------------------------------------------------------------------------------------- */

static GType overlay_type (void)
{
    static const GFlagsValue values[] = {
        { OVERLAY_NONE, "Nothing is drawn; no pixel is touched", "none" },
#define OVERLAY_FLAG(name, nick, needs, text) { OVERLAY_##name, text, nick },
#include "plugin/overlay/panel_kinds.def"
        { 0, NULL, NULL },
    };
    static gsize type;
    if (g_once_init_enter (&type))
        g_once_init_leave (&type, g_flags_register_static ("GstConvReluOverlay", values));
    return type;
}

static GType stage_type (void)
{
    static const GEnumValue values[] = {
        { STAGE_POST, "What the activation leaves", "post-activation" },
        { STAGE_PRE, "What it is given: convolution and batch norm, with a sign", "pre-activation" },
        { STAGE_BOTH, "The two side by side, in the same signed colours and scale", "both" },
        { 0, NULL, NULL },
    };
    static gsize type;
    if (g_once_init_enter (&type))
        g_once_init_leave (&type, g_enum_register_static ("GstConvReluStage", values));
    return type;
}

static GType placement_type (void)
{
    static const GEnumValue values[] = {
        { PLACEMENT_INSET, "A column at the right edge that leaves most of the picture free", "inset" },
        { PLACEMENT_RIGHT, "Up to the right half of the picture", "right" },
        { PLACEMENT_BOTTOM, "The lower half of the picture", "bottom" },
        { PLACEMENT_FULL, "The whole picture", "full" },
        { 0, NULL, NULL },
    };
    static gsize type;
    if (g_once_init_enter (&type))
        g_once_init_leave (&type, g_enum_register_static ("GstConvReluPlacement", values));
    return type;
}

static GType colormap_type (void)
{
    static const GEnumValue values[] = {
        { COLORMAP_GRAY, "Black to white", "gray" },
        { COLORMAP_VIRIDIS, "Dark blue over green to yellow", "viridis" },
        { COLORMAP_MAGMA, "Black over purple to light yellow", "magma" },
        { COLORMAP_TURBO, "Blue over green to red", "turbo" },
        { COLORMAP_DIVERGING, "Blue below zero, black at zero, red above", "diverging" },
        { 0, NULL, NULL },
    };
    static gsize type;
    if (g_once_init_enter (&type))
        g_once_init_leave (&type, g_enum_register_static ("GstConvReluColormap", values));
    return type;
}

/* ---- properties ------------------------------------------------------------------------------------------------ */

/* All can be driven from frame to frame. GStreamer's own bindings take numbers and enums; for `overlay` and `layers` it
 * takes a GstProxyControlBinding or one of the application's. */
#define FLAGS (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING | GST_PARAM_CONTROLLABLE)

static void install_what (GObjectClass *klass)
{
    g_object_class_install_property (
        klass, PROPERTY_OVERLAY,
        g_param_spec_flags ("overlay", "Overlay",
                            "What to draw, for instance labels+feature-maps. The drawing is handed downstream as a "
                            "GstVideoOverlayComposition where that is understood (the frame stays as it is), else "
                            "blended into the frame",
                            overlay_type (), OVERLAY_NONE, FLAGS));
    g_object_class_install_property (
        klass, PROPERTY_LAYERS,
        g_param_spec_string (
            "layers", "Layers",
            "Which layers feature-maps and stats show, up to 12, separated by commas: names as in layer-names, "
            "patterns "
            "with * and ? (of which 12 are taken from all over the network's depth), or early (the first, which "
            "answers to edges and colours), middle (patterns and parts) and "
            "late (the last, objects). Another word posts a warning with the nearest names",
            default_layers, FLAGS));
    g_object_class_install_property (
        klass, PROPERTY_STAGE,
        g_param_spec_enum (
            "stage", "Stage",
            "Whether feature-maps shows a layer after its activation (ReLU, say), before it, or both, to "
            "see what the activation takes away",
            stage_type (), STAGE_POST, FLAGS));
    g_object_class_install_property (klass, PROPERTY_CHANNELS,
                                     g_param_spec_uint ("channels", "Channels",
                                                        "How many channels of each layer feature-maps shows, if there "
                                                        "are that many and room for them",
                                                        1, CHANNELS_MAX, DEFAULT_CHANNELS, FLAGS));
    g_object_class_install_property (
        klass, PROPERTY_CHANNEL_SELECT,
        g_param_spec_string (
            "channel-select", "Channel select",
            "Which channels of a layer feature-maps shows: varied (whose values differ most over the picture), "
            "strongest "
            "(with the largest mean absolute value), changed (from which the activation takes most; with stage=both), "
            "class (of the last layer: what adds most to the score of `class`, drawn over the picture), first, or "
            "their numbers, such as 3,17,40. All but the last two change slowly",
            words_of_select[CHANNELS_VARIED], FLAGS));
    g_object_class_install_property (
        klass, PROPERTY_CLASS,
        g_param_spec_string (
            "class", "Class",
            "The class whose heat class-activation draws and whose channels channel-select=class "
            "shows: top-1 (the best), top-2 and so on, a label or a number from 0 on. Two of these with "
            "a comma between are shown side by side, such as top-1,top-2",
            default_class, FLAGS));
    g_object_class_install_property (
        klass, PROPERTY_UNIT,
        g_param_spec_string (
            "unit", "Unit",
            "The detector that overlay=unit watches, and the number of it that overlay=convolution takes apart: layer, "
            "layer:channel, layer:channel:row:column or layer:channel:walk (from place to place), with the layer as in "
            "layers. What is left out is chosen: the first layer, its channel that varies most (which stays after the "
            "first 30 results), the place of its strongest answer. Another layer is read from the file once more",
            NULL, FLAGS));
}

void appearance_install (GObjectClass *klass)
{
    install_what (klass);
    g_object_class_install_property (
        klass, PROPERTY_PLACEMENT,
        g_param_spec_enum ("placement", "Placement",
                           "Where feature-maps are drawn. Beside the video there is no room in "
                           "place: a tee and compositor put two pictures side by side",
                           placement_type (), PLACEMENT_INSET, FLAGS));
    g_object_class_install_property (
        klass, PROPERTY_OPACITY,
        g_param_spec_double ("opacity", "Opacity",
                             "How much the drawing covers the picture: 0 not at all, 1 wholly. "
                             "Above 0, text and what it stands on keep at least 0.8, to be readable",
                             0, 1, default_opacity, FLAGS));
    g_object_class_install_property (
        klass, PROPERTY_COLORMAP,
        g_param_spec_enum ("colormap", "Colour map",
                           "Colours of feature maps after the activation, each map from 0 to its own largest value. "
                           "Where values may be below zero (before the activation, after GELU and the "
                           "like) and with stage=both, the colours are always diverging",
                           colormap_type (), COLORMAP_VIRIDIS, FLAGS));
    g_object_class_install_property (
        klass, PROPERTY_SMOOTHING,
        g_param_spec_double (
            "smoothing", "Smoothing",
            "Time constant in seconds of an exponential average over the scores of the frames, by the stream's time: "
            "one that jumps for a single frame is damped, one that stays is followed within two or three constants. "
            "Applies to metadata, messages and drawing. 0: metadata and messages say what the network said of each "
            "frame. The drawing is always calm: it uses at least half a second, and its rows, their order and the "
            "class of the heat change at most a few times a second. Begins anew after a seek, a gap and with another "
            "network",
            0, SMOOTHING_MAX, 0, FLAGS));
    g_object_class_install_property (
        klass, PROPERTY_INTERACTIVE,
        g_param_spec_boolean (
            "interactive", "Interactive",
            "While overlay draws something, clicks and keys of the window it is shown in (GstNavigation events) choose "
            "what is drawn: a click on a map its channel, on the picture the place, on a label the class; h shows the "
            "keys on the frame. Each sets unit, class, overlay, stage or activation as a program would, with notify. "
            "Other events, and all when this is off, go on upstream",
            TRUE, FLAGS));
    gst_type_mark_as_plugin_api (overlay_type (), 0);
    gst_type_mark_as_plugin_api (stage_type (), 0);
    gst_type_mark_as_plugin_api (placement_type (), 0);
    gst_type_mark_as_plugin_api (colormap_type (), 0);
}

/* ---- values ---------------------------------------------------------------------------------------------------- */

void appearance_init (struct appearance *appearance)
{
    *appearance = (struct appearance) {
        .layers = g_strdup (default_layers),
        .select_words = g_strdup (words_of_select[CHANNELS_VARIED]),
        .class_words = g_strdup (default_class),
        .stage = STAGE_POST,
        .channels = DEFAULT_CHANNELS,
        .opacity = default_opacity,
        .colormap = COLORMAP_VIRIDIS,
        .interactive = TRUE,
    };
}

void appearance_clear (struct appearance *appearance)
{
    g_clear_pointer (&appearance->layers, g_free);
    g_clear_pointer (&appearance->select_words, g_free);
    g_clear_pointer (&appearance->class_words, g_free);
    g_clear_pointer (&appearance->unit, g_free);
}

void appearance_copy (struct appearance *to, const struct appearance *from)
{
    *to = *from;
    to->layers = g_strdup (from->layers);
    to->select_words = g_strdup (from->select_words);
    to->class_words = g_strdup (from->class_words);
    to->unit = g_strdup (from->unit);
}

/* Numbers of channels, separated by commas. FALSE: it is something else. */
static gboolean take_list (struct appearance *appearance, const char *words)
{
    char **list = g_strsplit (words, ",", CHANNELS_MAX + 1);
    guint count = g_strv_length (list);
    gboolean good = count > 0 && count <= CHANNELS_MAX;
    for (guint i = 0; good && i < count; i++) {
        guint64 channel = 0;
        good = g_ascii_string_to_unsigned (g_strstrip (list[i]), 10, 0, G_MAXINT, &channel, NULL);
        appearance->listed[i] = (int)channel;
    }
    g_strfreev (list);
    appearance->listed_count = good ? (int)count : 0;
    return good;
}

static void set_select (struct appearance *appearance, const char *words)
{
    guint select = 0;
    g_free (appearance->select_words);
    appearance->select_words = g_strdup (words);
    while (select < CHANNELS_LISTED && words && strcmp (words, words_of_select[select]) != 0)
        select++;
    appearance->select_unknown = select == CHANNELS_LISTED && !take_list (appearance, words);
    appearance->channel_select = appearance->select_unknown ? CHANNELS_VARIED : select;
}

gboolean appearance_set (struct appearance *appearance, guint id, const GValue *value)
{
    switch ((enum appearance_property)id) {
    case PROPERTY_OVERLAY:
        appearance->overlay = g_value_get_flags (value);
        return TRUE;
    case PROPERTY_LAYERS:
        g_free (appearance->layers);
        appearance->layers = g_value_dup_string (value);
        return TRUE;
    case PROPERTY_STAGE:
        appearance->stage = g_value_get_enum (value);
        return TRUE;
    case PROPERTY_CHANNELS:
        appearance->channels = g_value_get_uint (value);
        return TRUE;
    case PROPERTY_CHANNEL_SELECT:
        set_select (appearance, g_value_get_string (value));
        return TRUE;
    case PROPERTY_CLASS:
        g_free (appearance->class_words);
        appearance->class_words = g_value_dup_string (value);
        return TRUE;
    case PROPERTY_UNIT:
        g_free (appearance->unit);
        appearance->unit = g_value_dup_string (value);
        return TRUE;
    case PROPERTY_PLACEMENT:
        appearance->placement = g_value_get_enum (value);
        return TRUE;
    case PROPERTY_OPACITY:
        appearance->opacity = g_value_get_double (value);
        return TRUE;
    case PROPERTY_COLORMAP:
        appearance->colormap = g_value_get_enum (value);
        return TRUE;
    case PROPERTY_SMOOTHING:
        appearance->smoothing = g_value_get_double (value);
        return TRUE;
    case PROPERTY_INTERACTIVE:
        appearance->interactive = g_value_get_boolean (value);
        return TRUE;
    default:
        return FALSE;
    }
}

gboolean appearance_get (const struct appearance *appearance, guint id, GValue *value)
{
    switch ((enum appearance_property)id) {
    case PROPERTY_OVERLAY:
        g_value_set_flags (value, appearance->overlay);
        return TRUE;
    case PROPERTY_LAYERS:
        g_value_set_string (value, appearance->layers);
        return TRUE;
    case PROPERTY_STAGE:
        g_value_set_enum (value, appearance->stage);
        return TRUE;
    case PROPERTY_CHANNELS:
        g_value_set_uint (value, appearance->channels);
        return TRUE;
    case PROPERTY_CHANNEL_SELECT:
        g_value_set_string (value, appearance->select_words);
        return TRUE;
    case PROPERTY_CLASS:
        g_value_set_string (value, appearance->class_words);
        return TRUE;
    case PROPERTY_UNIT:
        g_value_set_string (value, appearance->unit);
        return TRUE;
    case PROPERTY_PLACEMENT:
        g_value_set_enum (value, appearance->placement);
        return TRUE;
    case PROPERTY_OPACITY:
        g_value_set_double (value, appearance->opacity);
        return TRUE;
    case PROPERTY_COLORMAP:
        g_value_set_enum (value, appearance->colormap);
        return TRUE;
    case PROPERTY_SMOOTHING:
        g_value_set_double (value, appearance->smoothing);
        return TRUE;
    case PROPERTY_INTERACTIVE:
        g_value_set_boolean (value, appearance->interactive);
        return TRUE;
    default:
        return FALSE;
    }
}

static guint needs_of (const struct appearance *appearance)
{
    guint all = NEEDS_NOTHING;
#define OVERLAY_FLAG(name, nick, needs, text) all |= appearance->overlay & OVERLAY_##name ? needs : NEEDS_NOTHING;
#include "plugin/overlay/panel_kinds.def"
    return all;
}

gboolean appearance_shows_layers (const struct appearance *appearance)
{
    return (needs_of (appearance) & (NEEDS_LAYERS | NEEDS_POST)) != 0;
}

gboolean appearance_taps_post (const struct appearance *appearance)
{
    guint needs = needs_of (appearance);
    return (needs & NEEDS_LAYERS && appearance->stage != STAGE_PRE) || needs & NEEDS_POST;
}

gboolean appearance_taps_pre (const struct appearance *appearance)
{
    return needs_of (appearance) & NEEDS_LAYERS && appearance->stage != STAGE_POST;
}

gboolean appearance_taps_class_map (const struct appearance *appearance)
{
    return (needs_of (appearance) & NEEDS_CLASS_MAP) != 0;
}

gboolean appearance_taps_unit (const struct appearance *appearance)
{
    return (needs_of (appearance) & NEEDS_UNIT) != 0;
}

gboolean appearance_taps_network (const struct appearance *appearance)
{
    return (needs_of (appearance) & NEEDS_NETWORK) != 0;
}

gboolean appearance_taps_sum (const struct appearance *appearance)
{
    return (needs_of (appearance) & NEEDS_SUM) != 0;
}

static gboolean same_layer (const char *a, const char *b)
{
    int length = unit_words_read (a).layer_length;
    return length == unit_words_read (b).layer_length && (length == 0 || strncmp (a, b, (gsize)length) == 0);
}

gboolean appearance_same_tensors (const struct appearance *a, const struct appearance *b)
{
    if (appearance_taps_post (a) != appearance_taps_post (b) || appearance_taps_pre (a) != appearance_taps_pre (b) ||
        appearance_taps_class_map (a) != appearance_taps_class_map (b) ||
        appearance_taps_network (a) != appearance_taps_network (b) ||
        appearance_taps_unit (a) != appearance_taps_unit (b) || appearance_taps_sum (a) != appearance_taps_sum (b))
        return FALSE;
    if (appearance_taps_unit (a) && !same_layer (a->unit, b->unit))
        return FALSE;
    return !appearance_shows_layers (a) || g_strcmp0 (a->layers, b->layers) == 0;
}

gboolean appearance_same (const struct appearance *a, const struct appearance *b)
{
    return a->overlay == b->overlay && g_strcmp0 (a->layers, b->layers) == 0 && a->stage == b->stage &&
           a->channels == b->channels && a->channel_select == b->channel_select &&
           g_strcmp0 (a->select_words, b->select_words) == 0 && g_strcmp0 (a->class_words, b->class_words) == 0 &&
           g_strcmp0 (a->unit, b->unit) == 0 && a->placement == b->placement && a->opacity == b->opacity &&
           a->colormap == b->colormap;
}
