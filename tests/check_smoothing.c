/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_smoothing.c: scores that jump -> averages over the stream's time, and rows that stand still. Linked with the
 * plugin's own objects. */
#include <math.h>

#include <gst/gst.h>

#include "check.h"
#include "plugin/smoothing.h"

static const guint64 frame_time = GST_SECOND / 30;

static void check_calm (void)
{
    check_group ("rows stand still while scores jump");
    struct smoothing *s = smoothing_new ();
    int first = -1, changes = 0, raw = 0, moved = 0;
    float last = -1;
    for (int n = 0; n < 300; n++) { /* ten seconds; class 0 is a little better, every other frame says 1 */
        float scores[3] = { n % 2 ? 0.2f : 0.6f, n % 2 ? 0.55f : 0.2f, 0.1f };
        smoothing_add (s, scores, 3, (guint64)n * frame_time, 0.5);
        const struct calm_rows *rows = smoothing_rows (s, 3, 0);
        changes += n > 0 && rows->ids[0] != first;
        raw += n > 0;
        moved += fabsf (rows->scores[0] - last) > 0;
        last = rows->scores[0];
        first = rows->ids[0];
    }
    CHECK (changes == 0 && first == 0, "%d changes where the frames have %d", changes, raw);
    CHECK (moved <= 4 * 10 + 2, "the rows' scores move %d times in 10 s", moved);
    for (int n = 300; n < 345; n++) {
        const float scores[3] = { 0.1f, 0.1f, 0.9f };
        smoothing_add (s, scores, 3, (guint64)n * frame_time, 0.5);
        first = smoothing_rows (s, 3, 0)->ids[0];
    }
    CHECK (first == 2, "what has been there for 1.5 s is not drawn");
    const float other[3] = { 0.2f, 0.7f, 0.1f };
    smoothing_add (s, other, 3, 0, 0.5); /* a seek back */
    CHECK (smoothing_rows (s, 3, 0)->ids[0] == 1 && smoothing_score (s, 1) > 0.69f,
           "time going back does not begin anew");
    const float jump[3] = { 0.8f, 0.1f, 0.1f };
    smoothing_add (s, jump, 3, 60 * GST_SECOND, 0.5);
    CHECK (smoothing_rows (s, 3, 0)->ids[0] == 0, "a leap of a minute does not begin anew");
    const float bad[3] = { NAN, INFINITY, -1 };
    smoothing_add (s, bad, 3, 60 * GST_SECOND + frame_time, 0.5);
    for (int c = 0; c < 3; c++)
        CHECK (smoothing_score (s, c) >= 0 && smoothing_score (s, c) <= 1, "class %d: %g", c,
               (double)smoothing_score (s, c));
    smoothing_add (s, other, 2, GST_CLOCK_TIME_NONE, 0.5);
    CHECK (smoothing_rows (s, 3, 0.5f)->count == 1 && smoothing_rows (s, 3, 0.5f)->ids[0] == 1,
           "without time, threshold");
    CHECK (smoothing_rows (s, 3, 0.9f)->count == 0, "nothing is above 0.9");
    CHECK (fabsf (smoothing_score (s, 7)) <= 0 && fabsf (smoothing_score (s, -1)) <= 0,
           "classes that there are none of");
    smoothing_free (s);
}

/* The average after one constant is 1 - 1/e of the way, whatever the frame rate. */
static void check_average (void)
{
    check_group ("average over time");
    for (int rate = 5; rate <= 100; rate += 19) {
        struct smoothing *s = smoothing_new ();
        const float from = 0, to = 1;
        smoothing_add (s, &from, 1, 0, 1);
        for (int n = 1; n <= rate; n++)
            smoothing_add (s, &to, 1, (guint64)n * GST_SECOND / (guint64)rate, 1);
        CHECK (fabsf (smoothing_score (s, 0) - 0.632f) < 0.002f, "%d frames/s: %g", rate,
               (double)smoothing_score (s, 0));
        smoothing_free (s);
    }
}

int main (void)
{
    check_calm ();
    check_average ();
    return check_end ();
}
