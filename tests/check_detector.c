/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_detector.c: overlay=unit and what it shares with overlay=convolution: which channel and place are meant, the
 * pieces of the stream that are kept, when they are forgotten, and that nothing moves while the network's state does
 * not. Linked with the plugin's own objects. */
#include "pictures.h"
#include "plugin/overlay/best_patches.h"
#include "plugin/overlay/channel_choice.h"
#include "plugin/overlay/seen_picture.h"
#include "plugin/overlay/sum_strip.h"
#include "plugin/overlay/unit_caption.h"
#include "plugin/overlay/unit_choice.h"

/* ---- words of a class ------------------------------------------------------------------------------------------ */

static void check_class_words (struct network *network)
{
    static const struct {
        const char *words;
        int count, rank[2], id[2];
    } cases[] = {
        { NULL, 1, { 1, 0 }, { -1, 0 } },           { "", 1, { 1, 0 }, { -1, 0 } },
        { "top-2", 1, { 2, 0 }, { -1, 0 } },        { "3", 1, { 0, 0 }, { 3, 0 } },
        { "4", 1, { 0, 0 }, { -1, -1 } },           { "Water Lily", 1, { 0, 0 }, { 1, 0 } },
        { "top-1,top-2", 2, { 1, 2 }, { -1, -1 } }, { "laptop, top-1", 2, { 0, 1 }, { 2, -1 } },
        { "laptop,", 1, { 0, 0 }, { -1, -1 } },     { "laptop,nothing", 1, { 0, 0 }, { -1, -1 } },
        { ",", 1, { 0, 0 }, { -1, -1 } },           { "0,1,2", 1, { 0, 0 }, { -1, -1 } },
        { "top-0", 1, { 0, 0 }, { -1, -1 } },       { "top-99999999999999999999", 1, { 0, 0 }, { -1, -1 } },
    };
    check_group ("words of a class");
    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
        struct class_choice choice;
        class_choice_read (network, cases[i].words, &choice);
        CHECK (choice.count == cases[i].count && memcmp (choice.rank, cases[i].rank, sizeof choice.rank) == 0 &&
                   choice.id[0] == cases[i].id[0] && (choice.count < 2 || choice.id[1] == cases[i].id[1]),
               "\"%s\": %d classes, top-%d or %d, top-%d or %d", cases[i].words, choice.count, choice.rank[0],
               choice.id[0], choice.rank[1], choice.id[1]);
    }
    struct class_choice two;
    const struct calm_rows calm = { .count = 2, .ids = { 3, 1 } };
    class_choice_read (network, "top-2,top-3", &two);
    CHECK (class_choice_now (&two, 0, &calm) == 1 && class_choice_now (&two, 1, &calm) == -1 &&
               class_choice_now (&two, 0, NULL) == -1 && class_choice_now (&two, 2, &calm) == -1,
           "of two rows the second is %d, the third %d", class_choice_now (&two, 0, &calm),
           class_choice_now (&two, 1, &calm));
    struct appearance appearance;
    appearance_init (&appearance);
    g_free (appearance.class_words);
    appearance.class_words = g_strdup ("laptop,nothing");
    char *remark = channel_choice_remark (network, &appearance);
    CHECK (remark && strstr (remark, "\"laptop,nothing\"") && strstr (remark, "0 to 3"), "the remark: %s", remark);
    g_free (remark);
    appearance_clear (&appearance);
}

/* ---- channel and place ----------------------------------------------------------------------------------------- */

enum { ROWS = 6, COLUMNS = 8, CELLS = ROWS * COLUMNS };

static void check_choice (void)
{
    float values[2 * CELLS] = { 0 };
    const struct tensor after = { "after", values, 2, ROWS, COLUMNS };
    const struct unit_words any = unit_words_read ("x"), first = unit_words_read ("x:0"), far = unit_words_read ("x:9");
    struct unit_choice choice = { .channel = 0 };
    check_group ("which channel, which place");
    for (int i = 0; i < CELLS; i++)
        values[i] = 0.1f;
    values[CELLS + 13] = 5;
    unit_choice_make (&choice, &after, &any, TRUE);
    CHECK (choice.channel == 1 && choice.y == 1 && choice.x == 5, "channel %d, row %d, column %d", choice.channel,
           choice.y, choice.x);
    values[CELLS + 40] = 6; /* 5 is more than 0.8 of it */
    unit_choice_make (&choice, &after, &any, TRUE);
    CHECK (choice.y * COLUMNS + choice.x == 13 && choice.strongest == 40, "it jumps to %d, strongest %d",
           choice.y * COLUMNS + choice.x, choice.strongest);
    values[CELLS + 40] = 6.3f;
    unit_choice_make (&choice, &after, &any, TRUE);
    CHECK (choice.y * COLUMNS + choice.x == 40, "it stays at %d", choice.y * COLUMNS + choice.x);
    values[CELLS + 3] = NAN;
    values[CELLS + 4] = INFINITY;
    unit_choice_make (&choice, &after, &any, TRUE);
    CHECK (choice.strongest == 40, "no number is strongest: %d", choice.strongest);
    values[CELLS + 3] = values[CELLS + 4] = 0;
    for (int i = 0; i < 40; i++)
        unit_choice_make (&choice, &after, &any, TRUE);
    for (int i = 0; i < CELLS; i++)
        values[i] = i % 2 ? 900 : 0;
    for (int i = 0; i < 40; i++)
        unit_choice_make (&choice, &after, &any, TRUE);
    CHECK (choice.channel == 1, "after 30 results it is channel %d", choice.channel);
    unit_choice_make (&choice, &after, &first, TRUE);
    CHECK (choice.channel == 0 && choice.strongest == 1, "named: channel %d", choice.channel);
    unit_choice_make (&choice, &after, &far, TRUE);
    CHECK (choice.channel == 1, "beyond the last: channel %d", choice.channel);
    unit_choice_clear (&choice);
    const struct unit_words walk = unit_words_read ("x:1:walk");
    int seen[CELLS] = { 0 }, places = 0;
    for (int i = 0; i < CELLS; i++) {
        unit_choice_make (&choice, &after, &walk, TRUE);
        unit_choice_make (&choice, &after, &walk, FALSE); /* the same frame again: no step */
        seen[choice.y * COLUMNS + choice.x]++;
    }
    for (int i = 0; i < CELLS; i++)
        places += seen[i] == 1;
    CHECK (places == CELLS, "a walk of %d steps is at %d places once", (int)CELLS, places);
    unit_choice_clear (&choice);
}

/* The three input channels whose products add most, whatever their sign. */
static void check_leading (void)
{
    static const float products[5 * 4] = { 1, 1, 1, 1, -9, -1, 0, 0, 20, -20, 1, 0, 2, 2, 2, 2, 0, 0, 0, 3 };
    const struct watched watched = { .in_channels = 5, .shape = { .kernel_h = 2, .kernel_w = 2 } };
    const struct sum_shown shown = { .watched = &watched, .products = products };
    int channels[SUM_PLANES] = { -1, -1, -1 }, count = sum_leading_channels (&shown, channels);
    check_group ("input channels that add most");
    CHECK (count == 3 && channels[0] == 1 && channels[1] == 3 && channels[2] == 0, "%d: %d, %d, %d", count, channels[0],
           channels[1], channels[2]);
    static const float zeros[5 * 4] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NAN, 0, 0, 0, 0, 0, -1, 0, 0, 0 };
    const struct sum_shown none = { .watched = &watched, .products = zeros };
    sum_leading_channels (&none, channels);
    CHECK (channels[0] == 4 && channels[1] == 0 && channels[2] == 1, "of zeros: %d, %d, %d", channels[0], channels[1],
           channels[2]);
}

/* A minus is as wide as a digit, dark and thick enough to be seen, in every size that numbers are written in. */
static void check_minus (void)
{
    check_group ("minus signs");
    struct text_cache *texts = text_cache_new ();
    for (int size = 8; size <= 80; size += size < 24 ? 1 : 8) {
        char text[32];
        caption_number (text, sizeof text, -9.8);
        int with = text_line (texts, text, size, WEIGHT_BOLD, 1000).width;
        int without = text_line (texts, text + strlen ("−"), size, WEIGHT_BOLD, 1000).width;
        int digit = text_line (texts, "99.80", size, WEIGHT_BOLD, 1000).width - without;
        struct line sign = text_line (texts, "−", size, WEIGHT_BOLD, 1000);
        int dark = 0;
        for (int i = 0; i < sign.height; i++)
            for (int x = 0; x < sign.width; x++)
                dark += sign.coverage[i * sign.stride + x] > 100;
        CHECK (strcmp (text, "−9.80") == 0 && with - without >= digit * 3 / 4 && dark >= size / 3,
               "%d pixels high: the minus takes %d of a digit's %d, %d pixels are dark", size, with - without, digit,
               dark);
    }
    text_cache_free (texts);
}

/* ---- pieces of the stream --------------------------------------------------------------------------------------- */

static guint32 state = 5;

static int random_below (int end)
{
    state = state * 1664525u + 1013904223u;
    return (int)(state >> 8) % end;
}

/* A picture of blots that only this seed has, `light` lighter, moved by `moved` pixels. */
static struct patch *paint (int seed, float value, int light, int moved)
{
    struct patch *patch = g_new0 (struct patch, 1);
    patch->side = 48;
    patch->value = value;
    guint32 colours[36];
    state = (guint32)seed * 7919u;
    for (int i = 0; i < 36; i++)
        colours[i] = (guint32)random_below (200) << 16 | (guint32)random_below (200) << 8 | (guint32)random_below (200);
    for (int y = 0; y < 48; y++)
        for (int x = 0; x < 48; x++)
            patch->rgb[y * 48 + x] = colours[y / 8 * 6 + MIN (x + moved, 47) / 8] + 0x010101 * (guint32)light;
    return patch;
}

/* Frees the patch. */
static void offer (struct best_patches *patches, struct patch *patch)
{
    best_patches_add (patches, patch);
    g_free (patch);
}

static void check_order (const struct best_patches *patches, int count, const char *when)
{
    int wrong = 0;
    for (int i = 1; i < patches->count; i++)
        wrong += patches->kept[i]->value > patches->kept[i - 1]->value;
    CHECK (patches->count == count && wrong == 0, "%s: %d are kept, %d out of order", when, patches->count, wrong);
}

static void check_patches (void)
{
    struct best_patches patches = { .count = 0 };
    check_group ("pieces of the stream");
    for (int frame = 0; frame < 50; frame++) /* a still scene, its light and place a little unsteady */
        offer (&patches, paint (1, 3 + (float)(frame % 5) / 10, frame % 4, frame % 3));
    check_order (&patches, 1, "one scene");
    CHECK (fabsf (patches.kept[0]->value - 3.4f) < 1e-6f, "the best look of it has %g", (double)patches.kept[0]->value);
    guint before = patches.changes;
    offer (&patches, paint (1, 3.41f, 0, 0));
    CHECK (patches.changes == before, "a value a little larger changes the picture");
    for (int scene = 2; scene <= 40; scene++)
        offer (&patches, paint (scene, (float)(scene * 7 % 41), 0, 0));
    check_order (&patches, PATCHES, "forty scenes");
    CHECK (patches.kept[0]->value == 40 && patches.kept[8]->value == 32, "from %g to %g",
           (double)patches.kept[0]->value, (double)patches.kept[8]->value);
    before = patches.changes;
    offer (&patches, paint (99, 31, 0, 0));
    offer (&patches, paint (99, 0, 0, 0));
    offer (&patches, paint (99, -4, 0, 0));
    offer (&patches, paint (99, NAN, 0, 0));
    offer (&patches, paint (99, INFINITY, 0, 0));
    CHECK (patches.changes == before, "what answers less, or nothing, is kept");
    CHECK (!best_patches_wants (&patches, NAN) && !best_patches_wants (&patches, 32) &&
               best_patches_wants (&patches, 33),
           "which values are wanted");
    offer (&patches, paint (7, 100, 0, 0)); /* kept already, with 8: in its place */
    check_order (&patches, PATCHES, "seen again");
    best_patches_clear (&patches);
    CHECK (patches.count == 0 && patches.changes != before, "%d are kept after all", patches.count);
    struct patch *tiny = paint (1, 1, 0, 0), *flat = paint (1, 2, 0, 0), *dark = paint (1, 3, 0, 0);
    tiny->side = 1;
    for (int i = 0; i < 48 * 48; i++) {
        flat->rgb[i] = 0x204080;
        dark->rgb[i] = 0x102040;
    }
    best_patches_add (&patches, tiny);
    best_patches_add (&patches, flat);
    best_patches_add (&patches, dark);
    CHECK (patch_likeness (flat, flat) > 0.99 && patch_likeness (tiny, tiny) > 0.99,
           "a flat one is not like itself: %g", patch_likeness (flat, flat));
    best_patches_clear (&patches);
    g_free (tiny);
    g_free (flat);
    g_free (dark);
}

/* ---- the panel --------------------------------------------------------------------------------------------------- */

static struct appearance unit_appearance (guint overlay, const char *unit)
{
    struct appearance appearance;
    appearance_init (&appearance);
    appearance.overlay = overlay;
    appearance.unit = g_strdup (unit);
    return appearance;
}

/* All rectangles and pixels of a drawing as one number. */
static char *everything (GstVideoOverlayComposition *drawn)
{
    GChecksum *sum = g_checksum_new (G_CHECKSUM_SHA256);
    for (guint i = 0; i < gst_video_overlay_composition_n_rectangles (drawn); i++) {
        GstVideoOverlayRectangle *rectangle = gst_video_overlay_composition_get_rectangle (drawn, i);
        gint at[2];
        guint size[2];
        GstMapInfo map;
        gst_video_overlay_rectangle_get_render_rectangle (rectangle, &at[0], &at[1], &size[0], &size[1]);
        g_checksum_update (sum, (const guchar *)at, sizeof at);
        g_checksum_update (sum, (const guchar *)size, sizeof size);
        GstBuffer *pixels = gst_video_overlay_rectangle_get_pixels_unscaled_raw (
            rectangle, gst_video_overlay_rectangle_get_flags (rectangle));
        gst_buffer_map (pixels, &map, GST_MAP_READ);
        g_checksum_update (sum, map.data, (gssize)map.size);
        gst_buffer_unmap (pixels, &map);
    }
    char *text = g_strdup (g_checksum_get_string (sum));
    g_checksum_free (sum);
    return text;
}

/* Nothing moves while the network says the same of each frame; what it says of another picture is drawn. */
static void check_still (void)
{
    check_group ("nothing moves by itself");
    const guint all = OVERLAY_LABELS | OVERLAY_FEATURE_MAPS | OVERLAY_CLASS_ACTIVATION | OVERLAY_STATS;
    static const char *const classes[] = { "top-1", "top-1,top-2" };
    for (int i = 0; i < 4; i++) {
        struct appearance appearance =
            unit_appearance (i < 2 ? all : OVERLAY_UNIT | OVERLAY_CONVOLUTION | OVERLAY_CLASS_ACTIVATION, "parts/relu");
        struct subject subject;
        g_free (appearance.class_words);
        appearance.class_words = g_strdup (classes[i % 2]);
        appearance.channel_select = i % 2 ? CHANNELS_CLASS : CHANNELS_VARIED;
        if (subject_open (&subject, &appearance)) {
            int moved = 0;
            for (int n = 0; n < 130; n++) { /* longer than the line over time */
                subject.result.serial++;
                subject_draw (&subject, 640, 480);
            }
            char *before = everything (subject_draw (&subject, 640, 480));
            for (int n = 0; n < 5; n++) {
                subject.result.serial++;
                char *after = everything (subject_draw (&subject, 640, 480));
                moved += strcmp (before, after) != 0;
                g_free (after);
            }
            CHECK (moved == 0, "overlay %u, class %s: %d of 5 drawings of the same are others", appearance.overlay,
                   classes[i % 2], moved);
            for (int p = 0; p < 3 * INPUT_SIDE * INPUT_SIDE; p++)
                subject.network->input[p] = -subject.network->input[p];
            plan_run (subject.network->plan, subject.network->input);
            subject.result.serial++;
            char *other = everything (subject_draw (&subject, 640, 480));
            CHECK (strcmp (before, other) != 0, "overlay %u: another picture draws the same", appearance.overlay);
            g_free (before);
            g_free (other);
        }
        subject_close (&subject);
        appearance_clear (&appearance);
    }
}

/* The pixels of the panel of kept patches, the last one of the drawing. */
static char *kept_of (struct subject *subject, int width, int height)
{
    subject->result.serial++;
    GstVideoOverlayComposition *drawn = subject_draw (subject, width, height);
    guint count = gst_video_overlay_composition_n_rectangles (drawn);
    GstVideoOverlayComposition *last =
        gst_video_overlay_composition_new (gst_video_overlay_composition_get_rectangle (drawn, count - 1));
    char *sum = everything (last);
    gst_video_overlay_composition_unref (last);
    return sum;
}

static void set_unit (struct subject *subject, const char *unit)
{
    g_free (subject->settings.appearance.unit);
    subject->settings.appearance.unit = g_strdup (unit);
}

/* Another frame, of edges that lie, which are stronger than those of paint_input: it is kept. */
static void show_stripes (struct subject *subject)
{
    for (int p = 0; p < 3 * INPUT_SIDE * INPUT_SIDE; p++)
        subject->network->input[p] = p / INPUT_SIDE % 2 ? 1.9f : -1.9f;
    plan_run (subject->network->plan, subject->network->input);
}

static void show_first (struct subject *subject)
{
    paint_input (subject->network);
    plan_run (subject->network->plan, subject->network->input);
}

/* What is kept of a stream stays while other things change, and goes with the unit, the frame's size, the network. */
static void check_forgetting (void)
{
    check_group ("what is kept, and forgotten");
    struct appearance appearance = unit_appearance (OVERLAY_UNIT, "stem/relu:3");
    struct subject subject;
    if (!subject_open (&subject, &appearance))
        return;
    char *one = kept_of (&subject, 640, 480);
    show_stripes (&subject);
    char *two = kept_of (&subject, 640, 480);
    CHECK (strcmp (one, two) != 0, "a stronger answer is not kept");
    show_first (&subject);
    char *still = kept_of (&subject, 640, 480);
    CHECK (strcmp (two, still) == 0, "a weaker answer changes what is kept");
    overlay_jump (subject.overlay);
    subject.settings.appearance.colormap = COLORMAP_GRAY;
    char *jumped = kept_of (&subject, 640, 480);
    CHECK (strcmp (two, jumped) == 0, "a seek, or another property, changes what is kept");
    set_unit (&subject, "stem/relu:2");
    g_free (kept_of (&subject, 640, 480));
    set_unit (&subject, "stem/relu:3");
    char *back = kept_of (&subject, 640, 480);
    CHECK (strcmp (back, one) == 0, "another channel and back: something of before is kept");
    show_stripes (&subject);
    g_free (kept_of (&subject, 640, 480));
    show_first (&subject);
    g_free (kept_of (&subject, 560, 480)); /* as high */
    char *sized = kept_of (&subject, 640, 480);
    CHECK (strcmp (sized, one) == 0, "another size of frame and back: something of before is kept");
    show_stripes (&subject);
    g_free (kept_of (&subject, 640, 480));
    show_first (&subject);
    overlay_reset (subject.overlay);
    char *reset = kept_of (&subject, 640, 480);
    CHECK (strcmp (reset, one) == 0, "another network: something of before is kept");
    g_free (one);
    g_free (two);
    g_free (still);
    g_free (jumped);
    g_free (back);
    g_free (sized);
    g_free (reset);
    subject_close (&subject);
    appearance_clear (&appearance);
}

/* The box on the frame: of the pixels that the strongest answer is made from, in the frame's own. */
static void check_box (void)
{
    check_group ("the box on the frame");
    struct appearance appearance = unit_appearance (OVERLAY_UNIT, "stem/relu:0");
    struct subject subject;
    if (!subject_open (&subject, &appearance))
        return;
    enum { TIMES = 10, SIDE = INPUT_SIDE * TIMES }; /* the whole frame is seen, ten times as large */
    subject.settings.resize = RESIZE_STRETCH;
    memset (subject.network->input, 0, sizeof (float) * 3 * INPUT_SIDE * INPUT_SIDE);
    for (int c = 0; c < 3; c++)
        for (int y = 20; y < 23; y++)
            for (int x = 7; x < 10; x++)
                subject.network->input[(c * INPUT_SIDE + y) * INPUT_SIDE + x] = 2;
    plan_run (subject.network->plan, subject.network->input);
    subject.result.serial++;
    GstVideoOverlayComposition *drawn = subject_draw (&subject, SIDE, SIDE);
    int left = SIDE, top = SIDE, right = 0, bottom = 0;
    for (guint i = 0; i < gst_video_overlay_composition_n_rectangles (drawn); i++) {
        gint x, y;
        guint width, height;
        gst_video_overlay_rectangle_get_render_rectangle (gst_video_overlay_composition_get_rectangle (drawn, i), &x,
                                                          &y, &width, &height);
        if (MIN (width, height) > 4)
            continue; /* not a line */
        left = MIN (left, x);
        top = MIN (top, y);
        right = MAX (right, x + (int)width);
        bottom = MAX (bottom, y + (int)height);
    }
    CHECK (left == 70 - 2 && top == 200 - 2 && right == 100 + 2 && bottom == 230 + 2,
           "the box goes from (%d, %d) to (%d, %d)", left, top, right, bottom);
    subject_close (&subject);
    appearance_clear (&appearance);
}

/* Rectangles of panels that hold words lie inside the frame and beside each other. */
static void check_overlaps (void)
{
    static const int sizes[][2] = { { 640, 480 },   { 1280, 720 }, { 1920, 1080 },
                                    { 3840, 2160 }, { 480, 854 },  { 320, 240 } };
    static const guint overlays[] = { OVERLAY_UNIT | OVERLAY_LABELS | OVERLAY_STATS,
                                      OVERLAY_UNIT | OVERLAY_CONVOLUTION | OVERLAY_LABELS,
                                      OVERLAY_UNIT | OVERLAY_FEATURE_MAPS,
                                      OVERLAY_CLASS_ACTIVATION | OVERLAY_LABELS | OVERLAY_STATS | OVERLAY_UNIT,
                                      OVERLAY_CLASS_ACTIVATION | OVERLAY_CONVOLUTION | OVERLAY_LABELS };
    check_group ("panels beside each other");
    for (guint n = 0; n < G_N_ELEMENTS (sizes) * G_N_ELEMENTS (overlays); n++) {
        const int *frame = sizes[n / G_N_ELEMENTS (overlays)];
        struct appearance appearance = unit_appearance (overlays[n % G_N_ELEMENTS (overlays)], NULL);
        struct subject subject;
        struct rectangle panel[64];
        int panels = 0, outside = 0, overlapping = 0;
        g_free (appearance.class_words);
        appearance.class_words = g_strdup ("top-1,top-2");
        if (subject_open (&subject, &appearance)) {
            GstVideoOverlayComposition *drawn = subject_draw (&subject, frame[0], frame[1]);
            for (guint i = 0; i < gst_video_overlay_composition_n_rectangles (drawn) && panels < 64; i++) {
                struct rectangle at;
                guint width, height;
                gst_video_overlay_rectangle_get_render_rectangle (
                    gst_video_overlay_composition_get_rectangle (drawn, i), &at.x, &at.y, &width, &height);
                at.width = (int)width;
                at.height = (int)height;
                outside += at.x < 0 || at.y < 0 || at.x + at.width > frame[0] || at.y + at.height > frame[1];
                if (MIN (width, height) > (guint)frame[1] / 40) /* no line */
                    panel[panels++] = at;
            }
        }
        for (int i = 0; i < panels; i++)
            for (int j = 0; j < i; j++)
                overlapping += panel[i].x < panel[j].x + panel[j].width && panel[j].x < panel[i].x + panel[i].width &&
                               panel[i].y < panel[j].y + panel[j].height && panel[j].y < panel[i].y + panel[i].height;
        CHECK (panels > 1 && outside + overlapping == 0, "%d x %d, overlay %u: %d panels, %d outside, %d overlapping",
               frame[0], frame[1], appearance.overlay, panels, outside, overlapping);
        subject_close (&subject);
        appearance_clear (&appearance);
    }
}

/* Layers that are not made by a convolution, that are not there, without height: drawn as far as there is something. */
static void check_layers (void)
{
    static const struct {
        const char *unit;
        bool watched, sum; /* a detector is drawn; a number is taken apart */
    } cases[] = {
        { "stem/relu", true, true },   { "things/leaky:99", true, true }, { "stem/relu:1:9999:9999", true, true },
        { "edges:1", true, true },     { "pixels:1", true, false },       { "mean:2", true, false },
        { "nothing:3", false, false }, { ":::", false, false },
    };
    check_group ("layers of all kinds");
    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
        struct appearance appearance = unit_appearance (OVERLAY_UNIT, cases[i].unit), both;
        struct subject subject;
        appearance_init (&both);
        appearance_clear (&both);
        appearance_copy (&both, &appearance);
        both.overlay = OVERLAY_UNIT | OVERLAY_CONVOLUTION;
        if (subject_open (&subject, &appearance)) {
            GstVideoOverlayComposition *drawn = subject_draw (&subject, 640, 480);
            guint count = drawn ? gst_video_overlay_composition_n_rectangles (drawn) : 0;
            CHECK ((count >= 4 + 2) == cases[i].watched, "unit=%s: %u panels", cases[i].unit, count);
        }
        subject_close (&subject);
        if (subject_open (&subject, &both)) {
            subject_draw (&subject, 640, 480);
            const struct network *network = subject.network;
            CHECK ((network->before_tap >= 0) == cases[i].sum && (network->watched_remark == NULL) == cases[i].sum,
                   "unit=%s: before it is tap %d; %s", cases[i].unit, network->before_tap, network->watched_remark);
        }
        subject_close (&subject);
        appearance_clear (&both);
        appearance_clear (&appearance);
    }
}

/* A property applies at once, a plan with other tensors later: until then there is nothing to take apart. */
static void check_early (void)
{
    check_group ("drawn before its tensors are there");
    struct appearance appearance = unit_appearance (OVERLAY_UNIT, "parts/relu");
    struct subject subject;
    if (subject_open (&subject, &appearance)) {
        guint before = gst_video_overlay_composition_n_rectangles (subject_draw (&subject, 640, 480));
        subject.settings.appearance.overlay = OVERLAY_UNIT | OVERLAY_CONVOLUTION | OVERLAY_CLASS_ACTIVATION;
        set_unit (&subject, "things/leaky:3:31:31");
        guint after = gst_video_overlay_composition_n_rectangles (subject_draw (&subject, 640, 480));
        CHECK (after == before, "%u panels, then %u", before, after);
    }
    subject_close (&subject);
    appearance_clear (&appearance);
}

/* Pixels of the network's input come back as they were, whatever mean, std and order. */
static void check_seen (void)
{
    check_group ("the picture as it is seen");
    struct appearance appearance = unit_appearance (OVERLAY_UNIT, NULL);
    struct subject subject;
    if (!subject_open (&subject, &appearance))
        return;
    for (int bgr = 0; bgr < 2; bgr++) {
        struct input_spec spec = *model_input (subject.network->model);
        spec.order = bgr ? CHANNEL_ORDER_BGR : CHANNEL_ORDER_RGB;
        for (int c = 0; c < 3; c++) {
            spec.mean[c] = (float)(20 * c + 10);
            spec.std[c] = (float)(c + 1);
            for (int i = 0; i < INPUT_SIDE * INPUT_SIDE; i++)
                subject.network->input[c * INPUT_SIDE * INPUT_SIDE + i] =
                    ((float)(40 * c + i % INPUT_SIDE) - spec.mean[c]) / spec.std[c];
        }
        const struct overlay_frame frame = { .network = subject.network, .input = &spec };
        guint32 rgb[2 * 4];
        seen_colours (&frame, &(struct rectangle) { 5, 3, 4, 2 }, rgb, 4, 2);
        guint32 expected = bgr ? 85u << 16 | 45 << 8 | 5 : 5u << 16 | 45 << 8 | 85;
        CHECK (rgb[0] == expected && rgb[7] == expected + 0x030303, "order %d: %06x, %06x instead of %06x", bgr, rgb[0],
               rgb[7], expected);
        seen_colours (&frame, &(struct rectangle) { -2, INPUT_SIDE - 1, 4, 2 }, rgb, 4, 2);
        CHECK (rgb[0] == 0 && rgb[1] == 0 && rgb[2] != 0 && rgb[6] == 0, "outside it is %06x, %06x", rgb[0], rgb[6]);
    }
    subject_close (&subject);
    appearance_clear (&appearance);
}

int main (int argc, char **argv)
{
    gst_init (&argc, &argv);
    if (!pictures_start ())
        return EXIT_FAILURE;
    struct appearance appearance = unit_appearance (OVERLAY_LABELS, NULL);
    struct subject subject;
    if (subject_open (&subject, &appearance))
        check_class_words (subject.network);
    subject_close (&subject);
    appearance_clear (&appearance);
    check_choice ();
    check_leading ();
    check_minus ();
    check_patches ();
    check_still ();
    check_forgetting ();
    check_box ();
    check_overlaps ();
    check_layers ();
    check_early ();
    check_seen ();
    pictures_end ();
    return check_end ();
}
