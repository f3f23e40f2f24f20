/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_pointing.c: clicks and keys of a window -> properties: every key, every kind of target, drawings attached and
 * blended, coordinates scaled on the way, and events that mean nothing or come in storms. */
#include "overlay.h"

#include <gst/video/navigation.h>

enum { WIDTH = 320, HEIGHT = 240 };

/* ---- doing and seeing ------------------------------------------------------------------------------------------ */

/* Whether the event came out upstream, behind the element. */
static bool passes (struct rig *rig, GstEvent *event)
{
    GstEvent *out;
    bool passed = false;
    while ((out = gst_harness_try_pull_upstream_event (rig->h)))
        gst_event_unref (out);
    gst_event_ref (event);
    gst_harness_push_upstream_event (rig->h, event);
    while ((out = gst_harness_try_pull_upstream_event (rig->h))) {
        passed |= out == event;
        gst_event_unref (out);
    }
    gst_event_unref (event);
    return passed;
}

static bool press (struct rig *rig, const char *key)
{
    return !passes (rig, gst_navigation_event_new_key_press (key, GST_NAVIGATION_MODIFIER_NONE));
}

static bool click (struct rig *rig, double x, double y)
{
    return !passes (rig, gst_navigation_event_new_mouse_button_press (1, x, y, GST_NAVIGATION_MODIFIER_NONE));
}

static void next_frame (struct rig *rig)
{
    GstBuffer *out = pass (rig, new_frame (GST_VIDEO_FORMAT_RGB, WIDTH, HEIGHT, paint_spots));
    gst_clear_buffer (&out);
}

/* Playing, with one frame drawn. */
static struct rig drawn_rig (const char *properties, gboolean attach)
{
    struct rig rig = layers_rig (properties, attach);
    rig_caps (&rig, "RGB", WIDTH, HEIGHT);
    next_frame (&rig);
    return rig;
}

/* A property as text, valid until the fourth call from then on. */
static const char *value_of (struct rig *rig, const char *name)
{
    static char texts[4][256];
    static int next;
    char *text = texts[next++ % 4];
    GValue value = G_VALUE_INIT;
    g_value_init (&value,
                  G_PARAM_SPEC_VALUE_TYPE (g_object_class_find_property (G_OBJECT_GET_CLASS (rig->element), name)));
    g_object_get_property (G_OBJECT (rig->element), name, &value);
    if (G_VALUE_HOLDS_FLAGS (&value)) {
        GFlagsClass *all = g_type_class_ref (G_VALUE_TYPE (&value));
        guint set = g_value_get_flags (&value);
        *text = '\0';
        for (guint i = 0; i < all->n_values; i++)
            if (set & all->values[i].value) {
                g_strlcat (text, *text ? "+" : "", sizeof texts[0]);
                g_strlcat (text, all->values[i].value_nick, sizeof texts[0]);
            }
        g_type_class_unref (all);
    } else if (G_VALUE_HOLDS_ENUM (&value)) {
        GEnumClass *all = g_type_class_ref (G_VALUE_TYPE (&value));
        g_strlcpy (text, g_enum_get_value (all, g_value_get_enum (&value))->value_nick, sizeof texts[0]);
        g_type_class_unref (all);
    } else {
        g_strlcpy (text, g_value_get_string (&value) ? g_value_get_string (&value) : "", sizeof texts[0]);
    }
    g_value_unset (&value);
    return text;
}

static bool shows (struct rig *rig, const char *nick)
{
    char **set = g_strsplit (value_of (rig, "overlay"), "+", -1);
    bool found = g_strv_contains ((const char *const *)set, nick);
    g_strfreev (set);
    return found;
}

#define EXPECT(name, text)                                                                                             \
    CHECK (strcmp (value_of (&rig, name), text) == 0, "%s is \"%s\" instead of \"%s\"", name, value_of (&rig, name),   \
           text)

/* ---- keys ------------------------------------------------------------------------------------------------------ */

static void count_notify (GObject *object, GParamSpec *spec, gpointer data)
{
    if (strcmp (spec->name, "unit") == 0)
        g_atomic_int_inc ((gint *)data);
    char *text = NULL; /* the lock is free: reading a property takes it */
    g_object_get (object, "unit", &text, NULL);
    g_free (text);
}

static void check_unit_keys (void)
{
    group ("keys of the unit");
    struct rig rig = drawn_rig ("overlay=convolution unit=first:1", FALSE);
    gint notified = 0;
    g_signal_connect (rig.element, "notify", G_CALLBACK (count_notify), &notified);
    CHECK (press (&rig, "Right"), "Right passes on");
    EXPECT ("unit", "second");
    press (&rig, "Right"); /* the last one */
    CHECK (g_str_has_prefix (value_of (&rig, "unit"), "second:"), "behind the last layer is %s",
           value_of (&rig, "unit"));
    press (&rig, "Left");
    EXPECT ("unit", "first");
    CHECK (notified == 3, "notify::unit came %d times instead of 3", notified);
    g_object_set (rig.element, "unit", "first:0:5:6", NULL);
    press (&rig, "Up");
    EXPECT ("unit", "first:3:5:6");
    press (&rig, "Down");
    EXPECT ("unit", "first:0:5:6");
    press (&rig, "DOWN");
    EXPECT ("unit", "first:1:5:6");
    press (&rig, "space");
    EXPECT ("unit", "first:1:walk");
    for (int i = 0; i < 4; i++)
        next_frame (&rig);
    press (&rig, "space"); /* stops where it is: a step for each frame */
    CHECK (g_str_has_prefix (value_of (&rig, "unit"), "first:1:0:"), "stopped at %s", value_of (&rig, "unit"));
    press (&rig, "space");
    press (&rig, "Right");
    EXPECT ("unit", "second:walk");
    rig_free (&rig);
}

/* The unit is chosen and drawn although none was. */
static void check_unit_appears (void)
{
    group ("a key draws the unit");
    struct rig rig = drawn_rig ("overlay=feature-maps channel-select=2,0", FALSE);
    press (&rig, "Down");
    EXPECT ("unit", "first:3"); /* the maps' first channel, 2, and one more */
    CHECK (shows (&rig, "convolution") && shows (&rig, "feature-maps"), "drawn: %s", value_of (&rig, "overlay"));
    rig_free (&rig);
}

static void check_other_keys (void)
{
    group ("the other keys");
    struct rig rig = drawn_rig ("overlay=labels", FALSE);
    press (&rig, "s");
    EXPECT ("stage", "pre-activation");
    press (&rig, "S");
    EXPECT ("stage", "both");
    press (&rig, "s");
    EXPECT ("stage", "post-activation");
    EXPECT ("activation", "model");
    press (&rig, "a");
    char *first = g_strdup (value_of (&rig, "activation"));
    int round = 1;
    for (; round < 40 && strcmp (value_of (&rig, "activation"), "model") != 0; round++)
        press (&rig, "a");
    CHECK (strcmp (first, "model") != 0 && round > 5 && round < 40, "after %s, %d activations until the model's own",
           first, round);
    g_free (first);
    press (&rig, "h");
    EXPECT ("overlay", "labels+help");
    press (&rig, "o");
    EXPECT ("overlay", "labels+feature-maps+help");
    press (&rig, "h");
    for (round = 1; round < 20 && !shows (&rig, "convolution"); round++)
        press (&rig, "o");
    EXPECT ("overlay", "labels+convolution");
    for (round = 1; round < 20 && !shows (&rig, "feature-maps"); round++)
        press (&rig, "o");
    EXPECT ("overlay", "labels+feature-maps");
    rig_free (&rig);
}

static void check_back (void)
{
    group ("back");
    struct rig rig = drawn_rig ("overlay=labels+feature-maps class=top-2", FALSE);
    press (&rig, "Down");
    press (&rig, "s");
    press (&rig, "a");
    press (&rig, "a");
    press (&rig, "h");
    press (&rig, "Escape"); /* the help alone */
    EXPECT ("overlay", "labels+feature-maps+convolution");
    g_object_set (rig.element, "unit", "second:2", NULL); /* a program's word stays */
    press (&rig, "Escape");
    EXPECT ("overlay", "labels+feature-maps");
    EXPECT ("stage", "post-activation");
    EXPECT ("activation", "model");
    EXPECT ("class", "top-2");
    EXPECT ("unit", "second:2");
    press (&rig, "Up"); /* what is remembered begins anew */
    EXPECT ("unit", "second:1");
    press (&rig, "Escape");
    EXPECT ("unit", "second:2");
    press (&rig, "Escape");
    EXPECT ("unit", "second:2");
    rig_free (&rig);
}

/* ---- clicks ---------------------------------------------------------------------------------------------------- */

static void put_back (struct rig *rig, const char *overlay)
{
    gst_util_set_object_arg (G_OBJECT (rig->element), "overlay", overlay);
    g_object_set (rig->element, "unit", "first:0", "class", "top-1", NULL);
}

/* Clicks all over the frame: every channel of every layer is found, in the order of the tiles, and each class. */
static void sweep (gboolean attach, const char *beside)
{
    static const char overlay[] = "labels+feature-maps";
    char properties[160];
    snprintf (properties, sizeof properties, "overlay=%s channel-select=first channels=4 layers=first,second %s",
              overlay, beside);
    struct rig rig = drawn_rig (properties, attach);
    int tiles[2][4] = { { 0 } }, tile_x[2][4] = { { 0 } }, tile_y[2][4] = { { 0 } }, classes[CLASSES] = { 0 };
    int places = 0, nothing = 0;
    for (int y = 1; y < HEIGHT; y += 3) {
        for (int x = 1; x < WIDTH; x += 3) {
            char layer[16];
            int channel, row, column, id;
            put_back (&rig, overlay);
            click (&rig, x, y);
            const char *unit = value_of (&rig, "unit"), *class = value_of (&rig, "class");
            int parts = sscanf (unit, "%15[a-z]:%d:%d:%d", layer, &channel, &row, &column);
            if (sscanf (class, "%d", &id) == 1 && id >= 0 && id < CLASSES) {
                classes[id]++;
            } else if (parts == 4) {
                places++;
                CHECK (row == (2 * y + 1) * SIDE / (2 * HEIGHT) && column == (2 * x + 1) * SIDE / (2 * WIDTH),
                       "(%d, %d) is place %s", x, y, unit);
            } else if (parts == 2 && shows (&rig, "convolution")) {
                int which = strcmp (layer, "second") == 0;
                tiles[which][channel]++;
                tile_x[which][channel] += x;
                tile_y[which][channel] += y;
            } else {
                nothing++;
            }
        }
    }
    for (int i = 0; i < 8; i++) {
        int which = i / 4, channel = i % 4, many = MAX (tiles[which][channel], 1);
        CHECK (tiles[which][channel] > 20, "%s: %d clicks hit channel %d of layer %d", beside, tiles[which][channel],
               channel, which);
        tile_x[which][channel] /= many;
        tile_y[which][channel] /= many;
    }
    for (int i = 0; i < 2; i++)
        CHECK (tile_y[i][0] < tile_y[i][3] || tile_x[i][0] < tile_x[i][3], "%s: tiles of layer %d are out of order",
               beside, i);
    for (int i = 0; i < CLASSES; i++)
        CHECK (classes[i] > 20, "%s: %d clicks hit class %d", beside, classes[i], i);
    CHECK (places > WIDTH * HEIGHT / 9 / 8 && nothing > 20, "%s: %d places, %d clicks on nothing", beside, places,
           nothing);
    rig_free (&rig);
}

static void check_targets (void)
{
    group ("targets");
    sweep (FALSE, "resize=stretch");
    sweep (TRUE, "resize=stretch stage=both");
}

/* What the network does not see is no place. */
static void check_unseen (void)
{
    group ("outside what the network sees");
    struct rig rig = drawn_rig ("overlay=convolution unit=first:0 resize=crop", FALSE);
    CHECK (click (&rig, 3, HEIGHT / 3), "a click passes on");
    EXPECT ("unit", "first:0");
    click (&rig, WIDTH / 2, HEIGHT / 3);
    CHECK (strcmp (value_of (&rig, "unit"), "first:0") != 0, "the middle is no place");
    rig_free (&rig);
}

static void check_class (void)
{
    group ("a class");
    struct rig rig = drawn_rig ("overlay=labels", FALSE);
    click (&rig, 20, 14);
    CHECK (strcmp (value_of (&rig, "class"), "top-1") != 0, "no class was chosen");
    EXPECT ("overlay", "labels+class-activation");
    put_back (&rig, "labels+feature-maps");
    g_object_set (rig.element, "channel-select", "class", NULL); /* these show it already */
    click (&rig, 20, 14);
    EXPECT ("overlay", "labels+feature-maps");
    rig_free (&rig);
}

/* A block of the whole network is a layer. */
static void check_blocks (void)
{
    enum { WIDE = 640, HIGH = 480 };
    int first = 0, second = 0, others = 0;
    group ("blocks of the network");
    struct rig rig = layers_rig ("overlay=network+convolution unit=first:1 resize=crop", FALSE);
    rig_caps (&rig, "RGB", WIDE, HIGH);
    gst_buffer_unref (pass (&rig, new_frame (GST_VIDEO_FORMAT_RGB, WIDE, HIGH, paint_spots)));
    for (int x = 2; x < WIDE; x += 4) {
        g_object_set (rig.element, "unit", "first:1", NULL);
        click (&rig, x, HIGH - 26);
        const char *unit = value_of (&rig, "unit");
        first += strcmp (unit, "first") == 0;
        second += strcmp (unit, "second") == 0;
        others += strcmp (unit, "first:1") != 0 && strcmp (unit, "first") != 0 && strcmp (unit, "second") != 0;
    }
    CHECK (first > 30 && abs (first - second) < 3 && others == 0, "%d and %d clicks hit a block, %d something else",
           first, second, others);
    rig_free (&rig);
}

static void check_touch (void)
{
    group ("touch");
    struct rig rig = drawn_rig ("overlay=convolution unit=first:2 resize=stretch", FALSE);
    passes (&rig, gst_navigation_event_new_touch_down (7, WIDTH / 2, 100, 0.5, GST_NAVIGATION_MODIFIER_NONE));
    EXPECT ("unit", "first:2:13:16");
    rig_free (&rig);
}

/* The frame is scaled on its way to the window. */
static void check_scaled (void)
{
    group ("scaled video");
    GstBus *bus;
    GstElement *element = new_element (&bus);
    GstElement *bin = gst_parse_bin_from_description ("videoscale name=scale ! capsfilter "
                                                      "caps=video/x-raw,width=640,height=120",
                                                      TRUE, NULL);
    GstElement *scale = gst_bin_get_by_name (GST_BIN (bin), "scale");
    gst_object_ref_sink (bin);
    gst_util_set_object_arg (G_OBJECT (element), "overlay", "convolution");
    gst_util_set_object_arg (G_OBJECT (element), "resize", "stretch");
    g_object_set (element, "model-file", layers_file, "unit", "first:1", NULL);
    GstPad *ghost = gst_element_get_static_pad (bin, "sink"), *sink = gst_element_get_static_pad (element, "sink");
    gst_bin_add (GST_BIN (bin), element);
    gst_ghost_pad_set_target (GST_GHOST_PAD (ghost), sink);
    gst_element_link (element, scale);
    struct rig rig = { .h = gst_harness_new_with_element (bin, "sink", "src"), .element = element, .bus = bus };
    rig_caps (&rig, "RGB", WIDTH, HEIGHT);
    next_frame (&rig);
    click (&rig, 321, 30); /* of 640 x 120 */
    EXPECT ("unit", "first:1:8:16");
    gst_harness_teardown (rig.h);
    gst_object_unref (ghost);
    gst_object_unref (sink);
    gst_object_unref (scale);
    gst_element_set_bus (element, NULL);
    gst_object_unref (element);
    gst_object_unref (bus);
    gst_object_unref (bin);
}

/* ---- what is not for the drawing ------------------------------------------------------------------------------- */

static GstEvent *raw_event (const char *text)
{
    return gst_event_new_navigation (gst_structure_from_string (text, NULL));
}

static void check_passed_on (void)
{
    group ("passed on");
    struct rig rig = drawn_rig ("overlay=convolution unit=first:1", FALSE);
    const GstNavigationModifierType none = GST_NAVIGATION_MODIFIER_NONE;
    CHECK (!press (&rig, "x") && !press (&rig, "") && !press (&rig, "spaceship"), "an unknown key is taken");
    CHECK (passes (&rig, gst_navigation_event_new_key_release ("h", none)), "a release is taken");
    CHECK (passes (&rig, gst_navigation_event_new_mouse_move (20, 20, none)), "a move is taken");
    CHECK (passes (&rig, gst_navigation_event_new_mouse_button_press (3, 20, 20, none)), "button 3 is taken");
    CHECK (passes (&rig, gst_navigation_event_new_mouse_button_release (1, 20, 20, none)), "a release is taken");
    CHECK (passes (&rig, gst_navigation_event_new_mouse_scroll (20, 20, 1, 1, none)), "a scroll is taken");
    CHECK (passes (&rig, gst_navigation_event_new_command (GST_NAVIGATION_COMMAND_LEFT)), "a command is taken");
    CHECK (passes (&rig, gst_navigation_event_new_key_press ("h", GST_NAVIGATION_MODIFIER_CONTROL_MASK)),
           "a shortcut of the window is taken");
    CHECK (!passes (&rig, gst_navigation_event_new_key_press ("h", GST_NAVIGATION_MODIFIER_LOCK_MASK)),
           "caps lock keeps a key from working");
    CHECK (shows (&rig, "help"), "the help is not drawn");
    press (&rig, "h");
    CHECK (passes (&rig, raw_event ("application/x-gst-navigation, event=key-press")), "no key is taken");
    CHECK (passes (&rig, raw_event ("application/x-gst-navigation, event=key-press, key=(int)3")), "a number is taken");
    CHECK (passes (&rig, raw_event ("application/x-gst-navigation, event=mouse-button-press, button=1")), "no place");
    CHECK (passes (&rig, raw_event ("application/x-gst-navigation, event=touch-down, identifier=(uint)1")), "no place");
    CHECK (passes (&rig, raw_event ("application/x-gst-navigation, event=nonsense")), "nonsense is taken");
    CHECK (passes (&rig, raw_event ("application/x-gst-navigation")), "an event of no kind is taken");
    CHECK (passes (&rig, raw_event ("something-else, event=key-press, key=h")), "another event is taken");
    CHECK (passes (&rig, gst_event_new_custom (GST_EVENT_CUSTOM_UPSTREAM, NULL)), "another type is taken");
    EXPECT ("unit", "first:1");
    EXPECT ("overlay", "convolution");
    g_object_set (rig.element, "interactive", FALSE, NULL);
    CHECK (!press (&rig, "Right") && !click (&rig, 160, 100), "taken though it is not interactive");
    g_object_set (rig.element, "interactive", TRUE, NULL);
    gst_util_set_object_arg (G_OBJECT (rig.element), "overlay", "none");
    CHECK (!press (&rig, "Right") && !click (&rig, 160, 100), "taken though nothing is drawn");
    EXPECT ("unit", "first:1");
    rig_free (&rig);
}

static void check_odd_places (void)
{
    static const double odd[] = {
        NAN, INFINITY, -INFINITY, -1, -1e300, 1e300, 1e9, -0.0, 319.999, 1e-320, 2147483648.0
    };
    group ("odd coordinates");
    struct rig rig = drawn_rig ("overlay=labels+feature-maps resize=stretch unit=first:1", FALSE);
    for (guint i = 0; i < G_N_ELEMENTS (odd); i++) {
        for (guint j = 0; j < G_N_ELEMENTS (odd); j++) {
            bool inside = odd[i] >= 0 && odd[i] < WIDTH && odd[j] >= 0 && odd[j] < HEIGHT;
            g_object_set (rig.element, "unit", "first:1", NULL);
            CHECK (click (&rig, odd[i], odd[j]), "a click passes on");
            if (!inside)
                EXPECT ("unit", "first:1");
        }
    }
    next_frame (&rig);
    rig_free (&rig);
}

/* Before the first frame, between states, and with units that are none. */
static void check_early (void)
{
    group ("nothing drawn yet");
    struct rig rig = layers_rig ("overlay=labels+convolution unit=first:1", FALSE);
    rig_caps (&rig, "RGB", WIDTH, HEIGHT);
    press (&rig, "Right");
    click (&rig, 160, 100);
    EXPECT ("unit", "first:1");
    press (&rig, "s");
    EXPECT ("stage", "pre-activation");
    next_frame (&rig);
    g_object_set (rig.element, "unit", "nonsense:4294967295:7", NULL);
    press (&rig, "Down");
    CHECK (g_str_has_prefix (value_of (&rig, "unit"), "first:"), "after nonsense: %s", value_of (&rig, "unit"));
    g_object_set (rig.element, "unit", "first:2147483647", NULL);
    press (&rig, "Up");
    EXPECT ("unit", "first:2");
    g_object_set (rig.element, "unit", NULL, NULL);
    press (&rig, "Right");
    EXPECT ("unit", "second");
    gst_element_set_state (rig.element, GST_STATE_READY);
    press (&rig, "Left"); /* what was drawn is gone */
    EXPECT ("unit", "second");
    rig_free (&rig);
}

/* Presses Right while the network runs in another way and nothing of it is drawn yet. */
static void press_in_between (GstDebugCategory *category, GstDebugLevel level, const gchar *file, const gchar *function,
                              gint line, GObject *object, GstDebugMessage *message, gpointer data)
{
    struct rig *rig = data;
    if (G_OBJECT (rig->element) == object && g_str_has_prefix (gst_debug_message_get (message), "running ")) {
        gst_pad_push_event (rig->h->sinkpad,
                            gst_navigation_event_new_key_press ("Right", GST_NAVIGATION_MODIFIER_NONE));
    }
}

/* A key is not lost while the same network is planned anew: a person sees the drawing of before. `own`: the network of
 * the element itself, whose file is read again for that. */
static void check_planned_anew (gboolean own)
{
    group (own ? "planned and read anew" : "planned anew");
    struct rig rig = layers_rig ("overlay=feature-maps layers=first", FALSE);
    if (own) {
        gst_element_set_state (rig.element, GST_STATE_READY);
        g_object_set (rig.element, "model-file", NULL, "layers", "early", NULL);
        gst_element_set_state (rig.element, GST_STATE_PLAYING);
    }
    rig_caps (&rig, "RGB", WIDTH, HEIGHT);
    next_frame (&rig);
    click (&rig, 160, 120);
    char *clicked = g_strdup (value_of (&rig, "unit"));
    CHECK (strchr (clicked, ':') && shows (&rig, "convolution"), "a click chose %s", clicked);
    gst_debug_set_threshold_from_string ("convrelu:4", FALSE);
    gst_debug_add_log_function (press_in_between, &rig, NULL);
    for (int i = 0; i < 2000 && !strcmp (value_of (&rig, "unit"), clicked); i++) { /* it is planned beside the stream */
        next_frame (&rig);
        g_usleep (5000);
    }
    gst_debug_remove_log_function (press_in_between);
    gst_debug_set_threshold_from_string ("convrelu:1", FALSE);
    CHECK (*value_of (&rig, "unit") && !strchr (value_of (&rig, "unit"), ':'), "the layer behind %s is %s", clicked,
           value_of (&rig, "unit"));
    g_free (clicked);
    rig_free (&rig);
}

/* ---- storms ---------------------------------------------------------------------------------------------------- */

struct storm {
    struct rig *rig;
    gint over; /* atomic */
    guint32 seed;
};

static gpointer blow (gpointer data)
{
    static const char *const names[] = { "Left", "Right", "Up", "Down", "space", "a", "s", "o", "h", "Escape", "q" };
    struct storm *storm = data;
    GRand *random = g_rand_new_with_seed (storm->seed);
    while (!g_atomic_int_get (&storm->over)) {
        double x = g_rand_double_range (random, -50, WIDTH + 50), y = g_rand_double_range (random, -50, HEIGHT + 50);
        GstEvent *event;
        if (g_rand_int_range (random, 0, 20) == 0)
            x = NAN;
        if (g_rand_boolean (random))
            event = gst_navigation_event_new_mouse_button_press (1, x, y, GST_NAVIGATION_MODIFIER_NONE);
        else
            event = gst_navigation_event_new_key_press (names[g_rand_int_range (random, 0, G_N_ELEMENTS (names))],
                                                        GST_NAVIGATION_MODIFIER_NONE);
        gst_pad_push_event (storm->rig->h->sinkpad, event);
    }
    g_rand_free (random);
    return NULL;
}

/* A handler that sends an event itself: it waits for its turn. */
static void answer (GObject *object, GParamSpec *spec, gpointer data)
{
    GstHarness *h = data;
    static gint depth;
    if (g_atomic_int_add (&depth, 1) < 200)
        gst_pad_push_event (h->sinkpad, gst_navigation_event_new_key_press ("s", GST_NAVIGATION_MODIFIER_NONE));
}

struct meeting {
    struct rig *rig;
    char before[32], after[32];
};

static gpointer press_s (gpointer data)
{
    press (data, "s");
    return NULL;
}

/* A handler that lets another thread send an event, and waits for that. */
static void wait_for_another (GObject *object, GParamSpec *spec, gpointer data)
{
    struct meeting *meeting = data;
    if (*meeting->before)
        return;
    g_strlcpy (meeting->before, value_of (meeting->rig, "stage"), sizeof meeting->before);
    g_thread_join (g_thread_new ("another", press_s, meeting->rig));
    g_strlcpy (meeting->after, value_of (meeting->rig, "stage"), sizeof meeting->after);
}

/* While one thread acts, what another one sends waits for its turn: it is acted on by the first, when that is done. */
static void check_one_acts (void)
{
    group ("one acts");
    struct rig rig = drawn_rig ("overlay=labels", FALSE);
    struct meeting meeting = { .rig = &rig };
    gulong handler = g_signal_connect (rig.element, "notify::stage", G_CALLBACK (wait_for_another), &meeting);
    press (&rig, "s");
    g_signal_handler_disconnect (rig.element, handler);
    CHECK (strcmp (meeting.before, "pre-activation") == 0, "at first \"%s\"", meeting.before);
    CHECK (strcmp (meeting.after, meeting.before) == 0, "two act at once: \"%s\"", meeting.after);
    EXPECT ("stage", "both");
    rig_free (&rig);
}

/* A handler that never stops sending. */
static void answer_always (GObject *object, GParamSpec *spec, gpointer data)
{
    struct rig *rig = data;
    gst_pad_push_event (rig->h->sinkpad, gst_navigation_event_new_key_press ("s", GST_NAVIGATION_MODIFIER_NONE));
}

/* Whoever sent the first event is not held for ever by those that follow. */
static void check_lets_go (void)
{
    group ("lets go");
    struct rig rig = drawn_rig ("overlay=labels", FALSE);
    gulong handler = g_signal_connect (rig.element, "notify::stage", G_CALLBACK (answer_always), &rig);
    press (&rig, "s"); /* returns */
    g_signal_handler_disconnect (rig.element, handler);
    gst_util_set_object_arg (G_OBJECT (rig.element), "stage", "post-activation");
    press (&rig, "s"); /* the one that was left waiting, and this */
    EXPECT ("stage", "both");
    press (&rig, "s");
    EXPECT ("stage", "post-activation");
    rig_free (&rig);
}

static void check_storm (gboolean async)
{
    enum { THREADS = 3, FRAMES = 60 };
    group (async ? "storm beside the stream" : "storm");
    struct rig rig =
        drawn_rig (async ? "overlay=labels+feature-maps async=true" : "overlay=labels+feature-maps", FALSE);
    GThread *threads[THREADS];
    struct storm storms[THREADS];
    gulong handler = g_signal_connect (rig.element, "notify::unit", G_CALLBACK (answer), rig.h);
    for (int i = 0; i < THREADS; i++) {
        storms[i] = (struct storm) { &rig, 0, (guint32)(7 + i) };
        threads[i] = g_thread_new ("storm", blow, &storms[i]);
    }
    for (int i = 0; i < FRAMES; i++)
        next_frame (&rig);
    for (int i = 0; i < THREADS; i++) {
        g_atomic_int_set (&storms[i].over, 1);
        g_thread_join (threads[i]);
    }
    g_signal_handler_disconnect (rig.element, handler);
    press (&rig, "Escape"); /* with it, what still waits */
    gst_util_set_object_arg (G_OBJECT (rig.element), "overlay", "labels");
    gst_util_set_object_arg (G_OBJECT (rig.element), "stage", "post-activation");
    next_frame (&rig);
    press (&rig, "s"); /* it still listens */
    EXPECT ("stage", "pre-activation");
    rig_free (&rig);
}

int main (int argc, char **argv)
{
    if (!start_overlay_tests (&argc, &argv))
        return EXIT_FAILURE;
    check_unit_keys ();
    check_unit_appears ();
    check_other_keys ();
    check_back ();
    check_targets ();
    check_unseen ();
    check_class ();
    check_blocks ();
    check_touch ();
    check_scaled ();
    check_passed_on ();
    check_odd_places ();
    check_early ();
    check_planned_anew (FALSE);
    check_planned_anew (TRUE);
    check_one_acts ();
    check_lets_go ();
    check_storm (FALSE);
    check_storm (TRUE);
    return end_tests ();
}
