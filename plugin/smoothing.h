/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* smoothing.h: scores that jump from frame to frame -> scores, rows and an order that the eye can follow.
 *
 *   scores of all classes, time -> exponential average over the stream's time -> the best k, as calm rows
 *
 * A frame dt after the one before counts 1 - e^(-dt / constant), so the result does not depend on the frame rate. Pure
 * functions of what was added: nothing here knows a clock, a network or a picture. One thread at a time. */
#ifndef CONVRELU_SMOOTHING_H
#define CONVRELU_SMOOTHING_H

#include <glib.h>

#define SMOOTHING_NO_TIME G_MAXUINT64 /* GST_CLOCK_TIME_NONE */

enum { SMOOTHING_ROWS_MAX = 64 }; /* calm rows at most */

struct smoothing;

/* The best classes as they are to be drawn. */
struct calm_rows {
    int count;                        /* filled, best first */
    int more;                         /* of top_k above the threshold, but beyond SMOOTHING_ROWS_MAX */
    int ids[SMOOTHING_ROWS_MAX];      /* class numbers */
    float scores[SMOOTHING_ROWS_MAX]; /* smoothed, 0..1, as they were when the rows last moved */
};

struct smoothing *smoothing_new (void);
void smoothing_free (struct smoothing *smoothing); /* NULL is fine */

/* Forgets everything: another network, another stream, another place in it. */
void smoothing_reset (struct smoothing *smoothing);

/* One more frame: scores [count] of all classes, `time` of the stream in ns, `constant` in seconds. A score that is no
 * finite number counts as 0, one beyond 0..1 as the nearer end. Begins anew when the time goes back or leaps ahead by
 * more than two seconds and two constants, and when `count` is another; a frame without a time, or a constant that is
 * not above zero, is taken as it is. */
void smoothing_add (struct smoothing *smoothing, const float *scores, int count, guint64 time, double constant);

/* The smoothed score of a class, 0 for one that there is none of. */
float smoothing_score (const struct smoothing *smoothing, int class_id);

/* The k best smoothed scores of at least `threshold`, best first, to ids [k] and scores [k]. Returns how many. Of equal
 * ones the lower class comes first, as in model_top. */
int smoothing_top (const struct smoothing *smoothing, int k, float threshold, int *ids, float *scores);

/* Moves the rows on to what was added last: the scores at most four times a second, the classes and their order at most
 * twice, and only when a class leads the one above it by a fifth. Frames without a time move them at once. Returns the
 * rows, valid until the next call. A `top_k` or `threshold` that has changed shows at once. */
const struct calm_rows *smoothing_rows (struct smoothing *smoothing, int top_k, float threshold);

#endif
