/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_stats.c: the figures that the element and its drawing report: times and rates, times of steps, channels over
 * time, how much of a layer is zero. Linked with the plugin's own objects; nothing here waits for a clock. */
#include "pictures.h"
#include "plugin/timing.h"

/* ---- times ----------------------------------------------------------------------------------------------------- */

static void check_windows (void)
{
    check_group ("windows over the last frames");
    struct window window = { .used = 0 };
    CHECK (window_mean (&window) == 0 && window_quantile (&window, 99) == 0, "an empty window has figures");
    for (guint64 i = 0; i < 200; i++)
        window_add (&window, 1000 * ((i * 77 + 5) % 200) + 1000); /* 1000 to 200000, in no order */
    CHECK (window_mean (&window) == 100500, "the mean is %" G_GUINT64_FORMAT, window_mean (&window));
    static const guint64 quantiles[][2] = {
        { 1, 2000 }, { 50, 100000 }, { 95, 190000 }, { 99, 198000 }, { 100, 200000 }
    };
    for (guint i = 0; i < G_N_ELEMENTS (quantiles); i++) {
        guint64 found = window_quantile (&window, (guint)quantiles[i][0]);
        CHECK (found == quantiles[i][1], "%d %% are at most %" G_GUINT64_FORMAT, (int)quantiles[i][0], found);
    }
    for (guint i = 0; i < WINDOW_LENGTH; i++)
        window_add (&window, i % 2 ? 7 : 9);
    CHECK (window_mean (&window) == 8 && window_quantile (&window, 100) == 9 && window_quantile (&window, 50) == 7,
           "what was before the last %d samples still counts", (int)WINDOW_LENGTH);
}

static guint64 number (const GstStructure *structure, const char *field)
{
    guint64 value = G_MAXUINT64;
    gst_structure_get_uint64 (structure, field, &value);
    return value;
}

static void check_rates (void)
{
    check_group ("rates and times of the element");
    struct stats stats;
    stats_reset (&stats, GST_CLOCK_TIME_NONE);
    CHECK (stats_fps (&stats) <= 0, "a rate before the second frame");
    for (guint64 i = 1; i <= 100; i++) {
        stats_frame (&stats, i * 40 * GST_MSECOND);
        stats_inferred (&stats, i, 10 * i);
        stats_drawn (&stats, 100 * i);
    }
    double fps = 0;
    GstStructure *structure = stats_structure (&stats);
    gst_structure_get_double (structure, "fps", &fps);
    CHECK (fabs (fps - 25) < 1e-6 && fabs (stats_fps (&stats) - 25) < 1e-6, "%g frames/s at 40 ms", fps);
    static const struct {
        const char *field;
        guint64 value;
    } expected[] = { { "frames", 100 },         { "inferred", 100 },
                     { "skipped", 0 },          { "late", 0 },
                     { "convert-mean", 50 },    { "convert-p99", 99 },
                     { "inference-mean", 505 }, { "inference-p99", 990 },
                     { "overlay-mean", 5050 },  { "overlay-p99", 9900 } };
    for (guint i = 0; i < G_N_ELEMENTS (expected); i++)
        CHECK (number (structure, expected[i].field) == expected[i].value, "%s is %" G_GUINT64_FORMAT,
               expected[i].field, number (structure, expected[i].field));
    gst_structure_free (structure);
    stats_swapped (&stats, 5 * GST_MSECOND);
    stats_inferred (&stats, 1000, 1000);
    CHECK (window_mean (&stats.inference) == 0, "the first run of another network counts");
    stats_inferred (&stats, 3, 4);
    CHECK (window_mean (&stats.inference) == 4, "the second run of another network does not count");
}

static void run (struct subject *subject)
{
    plan_run (subject->network->plan, subject->network->input);
}

/* A new time counts a sixteenth. */
static void check_steps (void)
{
    check_group ("times of steps");
    struct appearance appearance;
    struct subject subject;
    struct step_times times = { .count = 0 };
    appearance_init (&appearance);
    if (subject_open (&subject, &appearance)) {
        const struct plan *plan = subject.network->plan;
        int moved = 0;
        step_times_add (&times, plan);
        CHECK (times.count == plan_steps (plan) && times.count > 1, "%d steps", times.count);
        for (int i = 0; i < times.count; i++)
            CHECK (fabs (times.nanoseconds[i] - (double)plan_step (plan, i).nanoseconds) < 1e-6 &&
                       strcmp (times.name[i], plan_step (plan, i).name) == 0,
                   "step %d, %s, begins at %g", i, times.name[i], times.nanoseconds[i]);
        for (int n = 0; n < 1000 && (n < 4 || moved == 0); n++) {
            double before = times.nanoseconds[0];
            run (&subject);
            double last = (double)plan_step (plan, 0).nanoseconds, expected = before + (last - before) / 16;
            step_times_add (&times, plan);
            moved += fabs (last - before) > 1;
            CHECK (fabs (times.nanoseconds[0] - expected) < 1e-3, "%g after %g is %g", last, before,
                   times.nanoseconds[0]);
        }
        CHECK (moved > 0, "every run took the same time");
        GstStructure *structure = gst_structure_new_empty ("stats");
        step_times_put (&times, structure);
        const GValue *steps = gst_structure_get_value (structure, "steps");
        CHECK (steps && (int)gst_value_array_get_size (steps) == times.count, "steps are missing");
        for (int i = 0; steps && i < times.count; i++) {
            const GstStructure *step = gst_value_get_structure (gst_value_array_get_value (steps, (guint)i));
            CHECK (number (step, "time") == (guint64)times.nanoseconds[i] &&
                       g_strcmp0 (gst_structure_get_string (step, "name"), times.name[i]) == 0,
                   "step %d is reported as another", i);
        }
        gst_structure_free (structure);
        step_times_clear (&times);
    }
    subject_close (&subject);
    appearance_clear (&appearance);
}

/* ---- layers ---------------------------------------------------------------------------------------------------- */

static void choose (struct layer_stats *stats, enum channel_select select)
{
    layer_stats_choose (stats, 3, &(struct channel_wish) { .select = select, .class_id = -1, .other_id = -1 });
}

static void check_channels (void)
{
    check_group ("channels over time");
    float values[6 * 9];
    const struct tensor tensor = { "t", values, 6, 3, 3 };
    struct layer_stats stats = { 0 };
    for (int i = 0; i < 6 * 9; i++)
        values[i] = i / 9 == 4 ? 9 : i / 9 == 2 ? -5 : i / 9 == 1 ? 2 : 0;
    layer_stats_add (&stats, &tensor);
    CHECK (stats.never_positive == 4, "%d never_positive channels", stats.never_positive);
    CHECK (fabsf (stats.exactly_zero - 3 / 6.f) < 1e-6f && fabsf (stats.not_above - 4 / 6.f) < 1e-6f,
           "%g zero, %g not above", (double)stats.exactly_zero, (double)stats.not_above);
    choose (&stats, CHANNELS_FIRST);
    CHECK (stats.shown[0] == 0 && stats.shown[2] == 2, "first: %d, %d", stats.shown[0], stats.shown[2]);
    choose (&stats, CHANNELS_STRONGEST);
    CHECK (stats.shown[0] == 4 && stats.shown[1] == 2 && stats.shown[2] == 1, "strongest: %d %d %d", stats.shown[0],
           stats.shown[1], stats.shown[2]);
    for (int i = 0; i < 9; i++)
        values[3 * 9 + i] = 2.2f; /* a little more than channel 1: no reason to change */
    for (int i = 0; i < 60; i++) {
        layer_stats_add (&stats, &tensor);
        choose (&stats, CHANNELS_STRONGEST);
    }
    CHECK (stats.shown[2] == 1, "channel %d took the place of 1", stats.shown[2]);
    for (int i = 0; i < 9; i++)
        values[3 * 9 + i] = 4;
    for (int i = 0; i < 60; i++) {
        layer_stats_add (&stats, &tensor);
        choose (&stats, CHANNELS_STRONGEST);
    }
    CHECK (stats.shown[2] == 3 && stats.shown[0] == 4, "shown: %d %d %d", stats.shown[0], stats.shown[1],
           stats.shown[2]);
    CHECK (stats.never_positive == 3, "%d never_positive channels after all", stats.never_positive);
    layer_stats_clear (&stats);
}

/* Channels by what they show, what the activation takes, what they add to a class, and by number. */
static void check_choice (void)
{
    check_group ("which channels");
    float pre[5 * 4] = { 100, 100, 100, 100, 1, 1, 1, 3, 0, 8, 0, 8, -5, -5, -5, -6, -1, 2, -1, 2 }, post[5 * 4];
    for (int i = 0; i < 5 * 4; i++)
        post[i] = pre[i] > 0 ? pre[i] : 0;
    const struct tensor before = { "pre", pre, 5, 2, 2 }, after = { "post", post, 5, 2, 2 };
    static const float weights[] = { -1, 2, 0.5f, 9, 3 };
    static const int listed[] = { 4, 77, 1 };
    struct layer_stats stats = { 0 };
    layer_stats_add (&stats, &after);
    layer_stats_change (&stats, &before, &after);
    struct channel_wish wish = { .select = CHANNELS_VARIED, .class_id = -1, .other_id = -1 };
    layer_stats_choose (&stats, 3, &wish);
    CHECK (stats.shown[0] == 2 && stats.shown[1] == 4 && stats.shown[2] == 1, "varied: %d %d %d", stats.shown[0],
           stats.shown[1], stats.shown[2]);
    CHECK (fabsf (stats.spread[2] - 4) < 1e-6f && stats.spread[0] < 0.05f, "spread %g, of the flat one %g",
           (double)stats.spread[2], (double)stats.spread[0]);
    wish.select = CHANNELS_CHANGED;
    layer_stats_choose (&stats, 2, &wish);
    CHECK (stats.shown[0] == 3 && stats.shown[1] == 4, "changed: %d %d", stats.shown[0], stats.shown[1]);
    CHECK (fabsf (stats.change[3] - 5.25f) < 1e-6f, "changed by %g", (double)stats.change[3]);
    wish = (struct channel_wish) { .select = CHANNELS_CLASS, .class_id = 1, .weights = weights, .other_id = -1 };
    layer_stats_choose (&stats, 3, &wish);
    CHECK (stats.shown[0] == 1 && stats.shown[1] == 4 && stats.shown[2] == 2, "of a class: %d %d %d", stats.shown[0],
           stats.shown[1], stats.shown[2]);
    CHECK (fabsf (layer_stats_contribution (&stats, &wish, 0) + 100) < 1e-4f, "the first adds %g",
           (double)layer_stats_contribution (&stats, &wish, 0));
    static const float others[] = { 0, 0, 9, 0, 1 };
    wish.other_id = 3;
    wish.other_weights = others;
    layer_stats_choose (&stats, 5, &wish);
    CHECK (layer_stats_first_half (&stats) == 3 && stats.shown[0] == 1 && stats.shown[1] == 4 && stats.shown[2] == 2 &&
               stats.shown[3] == 2 && stats.shown[4] == 4,
           "of two classes: %d of %d %d %d, %d %d", layer_stats_first_half (&stats), stats.shown[0], stats.shown[1],
           stats.shown[2], stats.shown[3], stats.shown[4]);
    const struct channel_wish second = channel_wish_other (&wish);
    CHECK (fabsf (layer_stats_contribution (&stats, &second, 2) - 36) < 1e-4f, "the second class gets %g",
           (double)layer_stats_contribution (&stats, &second, 2));
    wish.other_id = -1;
    wish.weights = NULL;
    layer_stats_choose (&stats, 2, &wish);
    CHECK (stats.shown[0] == 1 && stats.shown[1] == 0, "maps of classes: %d %d", stats.shown[0], stats.shown[1]);
    wish.other_id = 3;
    layer_stats_choose (&stats, 2, &wish);
    CHECK (layer_stats_first_half (&stats) == 2 && stats.shown[0] == 1 && stats.shown[1] == 3,
           "maps of two classes: %d %d", stats.shown[0], stats.shown[1]);
    wish = (struct channel_wish) {
        .select = CHANNELS_LISTED, .listed = listed, .listed_count = 3, .class_id = -1, .other_id = -1
    };
    layer_stats_choose (&stats, 3, &wish);
    CHECK (stats.shown_count == 2 && stats.shown[0] == 4 && stats.shown[1] == 1, "listed: %d: %d %d", stats.shown_count,
           stats.shown[0], stats.shown[1]);
    layer_stats_clear (&stats);
}

/* What the element reports of the layers that are drawn is what their tensors hold. */
static void check_figures (void)
{
    check_group ("figures of layers");
    struct appearance appearance;
    struct subject subject;
    appearance_init (&appearance);
    appearance.overlay = OVERLAY_STATS;
    if (subject_open (&subject, &appearance)) {
        struct layer_figures figures[LAYERS_MAX];
        struct network *network = subject.network;
        CHECK (overlay_figures (subject.overlay, network, figures) == 0, "figures before anything was drawn");
        for (int frame = 1; frame <= 3; frame++) {
            subject.result.serial++;
            subject_draw (&subject, 320, 240);
            int count = overlay_figures (subject.overlay, network, figures);
            CHECK (count == 3, "%d layers", count);
            for (int i = 0; i < count; i++) {
                const struct tensor *tensor = plan_tap (network->plan, network->post_tap[i]);
                int pixels = tensor->height * tensor->width, all = tensor->channels * pixels, zero = 0, dead = 0;
                for (int c = 0; c < tensor->channels; c++) {
                    int none = 0;
                    for (int p = 0; p < pixels; p++)
                        none += tensor->data[c * pixels + p] <= 0;
                    zero += none;
                    dead += none == pixels;
                }
                CHECK (fabs (figures[i].zero - (double)zero / all) < 1e-6 && zero > 0 && zero < all,
                       "%s: %g, not %d of %d", figures[i].name, figures[i].zero, zero, all);
                CHECK (figures[i].dead == dead && figures[i].channels == tensor->channels && figures[i].frames == frame,
                       "%s: %d of %d channels dead, not %d, in %d frames", figures[i].name, figures[i].dead,
                       figures[i].channels, dead, figures[i].frames);
            }
        }
        CHECK (strcmp (figures[0].name, "stem/relu") == 0, "the first layer is %s", figures[0].name);
        CHECK (overlay_figures (subject.overlay, NULL, figures) == 0, "figures of no network");
    }
    subject_close (&subject);
    appearance_clear (&appearance);
}

static guint drawn_stats (struct subject *subject)
{
    GstVideoOverlayComposition *drawn = subject_draw (subject, 320, 240);
    guint last = drawn ? gst_video_overlay_composition_n_rectangles (drawn) - 1 : 0;
    subject->result.serial++;
    subject->times.fps++;
    return drawn ? gst_video_overlay_rectangle_get_seqnum (gst_video_overlay_composition_get_rectangle (drawn, last))
                 : 0;
}

/* Drawn figures stand for 300 ms, so that they can be read, unless something else changes. */
static void check_refresh (void)
{
    check_group ("figures stand for a while");
    struct appearance appearance;
    struct subject subject;
    bool seen = false;
    appearance_init (&appearance);
    appearance.overlay = OVERLAY_STATS;
    if (subject_open (&subject, &appearance)) {
        for (int i = 0; i < 100 && !seen; i++) {
            subject.settings.appearance.opacity = 0.5 + 0.001 * i; /* draws all of it again */
            GstClockTime start = gst_util_get_timestamp ();
            guint first = drawn_stats (&subject), second = drawn_stats (&subject);
            seen = gst_util_get_timestamp () < start + 200 * GST_MSECOND; /* else this program had to wait meanwhile */
            CHECK (!seen || (first != 0 && first == second), "the figures change at once");
            subject.settings.appearance.opacity = 0.4;
            CHECK (drawn_stats (&subject) != second, "the figures stay although all else changes");
        }
        if (!seen)
            SKIP ("there was no time to draw twice");
    }
    subject_close (&subject);
    appearance_clear (&appearance);
}

int main (int argc, char **argv)
{
    gst_init (&argc, &argv);
    if (!pictures_start ())
        return EXIT_FAILURE;
    check_windows ();
    check_rates ();
    check_steps ();
    check_channels ();
    check_choice ();
    check_figures ();
    check_refresh ();
    pictures_end ();
    return check_end ();
}
