/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* properties.c: the properties that say what is drawn: types, texts, values; see properties.h. */
#include "plugin/overlay/properties.h"

enum { DEFAULT_CHANNELS = 16, SMOOTHING_MAX = 60 /* seconds */ };
static const char default_layers[] = "early,middle,late";
static const double default_opacity = 0.95;

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

static GType channel_select_type (void)
{
    static const GEnumValue values[] = {
        { CHANNELS_FIRST, "The first ones, always the same", "first" },
        { CHANNELS_STRONGEST, "Those with the largest mean absolute value; changes slowly", "strongest" },
        { 0, NULL, NULL },
    };
    static gsize type;
    if (g_once_init_enter (&type))
        g_once_init_leave (&type, g_enum_register_static ("GstConvReluChannelSelect", values));
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
    g_object_class_install_property (klass, PROPERTY_CHANNEL_SELECT,
                                     g_param_spec_enum ("channel-select", "Channel select",
                                                        "Which channels of a layer feature-maps shows",
                                                        channel_select_type (), CHANNELS_FIRST, FLAGS));
}

void appearance_install (GObjectClass *klass)
{
    install_what (klass);
    g_object_class_install_property (klass, PROPERTY_PLACEMENT,
                                     g_param_spec_enum ("placement", "Placement", "Where feature-maps are drawn",
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
    gst_type_mark_as_plugin_api (overlay_type (), 0);
    gst_type_mark_as_plugin_api (stage_type (), 0);
    gst_type_mark_as_plugin_api (channel_select_type (), 0);
    gst_type_mark_as_plugin_api (placement_type (), 0);
    gst_type_mark_as_plugin_api (colormap_type (), 0);
}

/* ---- values ---------------------------------------------------------------------------------------------------- */

void appearance_init (struct appearance *appearance)
{
    *appearance = (struct appearance) {
        .layers = g_strdup (default_layers),
        .stage = STAGE_POST,
        .channels = DEFAULT_CHANNELS,
        .opacity = default_opacity,
        .colormap = COLORMAP_VIRIDIS,
    };
}

void appearance_clear (struct appearance *appearance)
{
    g_clear_pointer (&appearance->layers, g_free);
}

void appearance_copy (struct appearance *to, const struct appearance *from)
{
    *to = *from;
    to->layers = g_strdup (from->layers);
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
        appearance->channel_select = g_value_get_enum (value);
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
        g_value_set_enum (value, appearance->channel_select);
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

gboolean appearance_same_tensors (const struct appearance *a, const struct appearance *b)
{
    if (appearance_taps_post (a) != appearance_taps_post (b) || appearance_taps_pre (a) != appearance_taps_pre (b) ||
        appearance_taps_class_map (a) != appearance_taps_class_map (b))
        return FALSE;
    return !appearance_shows_layers (a) || g_strcmp0 (a->layers, b->layers) == 0;
}

gboolean appearance_same (const struct appearance *a, const struct appearance *b)
{
    return a->overlay == b->overlay && g_strcmp0 (a->layers, b->layers) == 0 && a->stage == b->stage &&
           a->channels == b->channels && a->channel_select == b->channel_select && a->placement == b->placement &&
           a->opacity == b->opacity && a->colormap == b->colormap;
}
