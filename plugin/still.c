/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* still.c: mean luma and alpha of blocks, and how far it moved; see still.h. */
#include "plugin/still.h"

#include <math.h>
#include <string.h>

void still_clear (struct still *still)
{
    g_free (still->sums);
    *still = (struct still) { .looked = FALSE };
}

void still_forget (struct still *still)
{
    still->looked = still->has_kept = FALSE;
}

/* Adds a row of bytes to the sums. */
static void add_row (guint16 *restrict sums, const guint8 *restrict row, gsize bytes)
{
    for (gsize i = 0; i < bytes; i++)
        sums[i] = (guint16)(sums[i] + row[i]);
}

/* The part of `length` from `start` that block `i` covers: at least one. */
static void block_span (int start, int length, int i, int *from, int *to)
{
    *from = start + (int)((gint64)length * i / STILL_BLOCKS);
    *to = start + (int)((gint64)length * (i + 1) / STILL_BLOCKS);
    if (*to <= *from)
        *to = *from + 1;
}

/* Sums of the columns of bytes of a component's plane in a band of rows; returns how many rows. */
static int sum_band (struct still *still, const GstVideoFrame *frame, int component, struct rectangle from, int band)
{
    gint plane = GST_VIDEO_FRAME_COMP_PLANE (frame, component);
    int step = GST_VIDEO_FRAME_COMP_PSTRIDE (frame, component), start, end, rows;
    gsize bytes = (gsize)from.width * (gsize)step;
    const guint8 *pixels = GST_VIDEO_FRAME_PLANE_DATA (frame, plane);
    block_span (from.y, from.height, band, &start, &end);
    rows = MIN (end - start, (int)STILL_ROWS);
    memset (still->sums, 0, bytes * sizeof *still->sums);
    for (int i = 0; i < rows; i++) {
        gssize y = start + (2 * i + 1) * (end - start) / (2 * rows);
        add_row (still->sums, pixels + y * GST_VIDEO_FRAME_PLANE_STRIDE (frame, plane) + (gssize)from.x * (gssize)step,
                 bytes);
    }
    return rows;
}

/* Adds a component's part, of the luma or all of alpha, to the means of a band, from the sums of its plane. */
static void add_means (const struct still *still, const GstVideoFrame *frame, int component, int width, float weight,
                       float *means)
{
    const int step = GST_VIDEO_FRAME_COMP_PSTRIDE (frame, component);
    const guint16 *sums = still->sums + GST_VIDEO_FRAME_COMP_POFFSET (frame, component);
    for (int block = 0; block < STILL_BLOCKS; block++) {
        int start, end;
        guint32 sum = 0;
        block_span (0, width, block, &start, &end);
        for (int x = start; x < end; x++)
            sum += sums[(gsize)x * (gsize)step];
        means[block] += weight * (float)sum / (float)(end - start);
    }
}

/* Adds the components first .. end - 1, weighted, to the means of all bands from `means` on. */
static void take_means (struct still *still, const GstVideoFrame *frame, struct rectangle from, int first, int end,
                        float *means)
{
    static const float luma_of[3] = { 0.299f, 0.587f, 0.114f };
    for (int band = 0; band < STILL_BLOCKS; band++) {
        int rows = 1;
        guint plane = G_MAXUINT;
        for (int c = first; c < end; c++) {
            if (plane != GST_VIDEO_FRAME_COMP_PLANE (frame, c))
                rows = sum_band (still, frame, c, from, band);
            plane = GST_VIDEO_FRAME_COMP_PLANE (frame, c);
            add_means (still, frame, c, from.width, (end - first == 3 ? luma_of[c] : 1.0f) / (float)rows,
                       means + band * STILL_BLOCKS);
        }
    }
}

void still_look (struct still *still, const GstVideoFrame *frame, struct rectangle from, gboolean alpha)
{
    int components = GST_VIDEO_FORMAT_INFO_IS_RGB (frame->info.finfo) ? 3 : 1;
    gsize room = (gsize)from.width * 4; /* a pixel has at most so many bytes of one plane */
    for (guint c = 0; c < GST_VIDEO_FRAME_N_COMPONENTS (frame); c++)
        room = MAX (room, (gsize)from.width * (gsize)GST_VIDEO_FRAME_COMP_PSTRIDE (frame, c));
    if (room > still->room) {
        still->sums = g_renew (guint16, still->sums, room);
        still->room = room;
    }
    memset (still->means, 0, sizeof still->means);
    take_means (still, frame, from, 0, components, still->means + STILL_LUMA);
    if (alpha && GST_VIDEO_INFO_HAS_ALPHA (&frame->info))
        take_means (still, frame, from, GST_VIDEO_COMP_A, GST_VIDEO_COMP_A + 1, still->means + STILL_ALPHA);
    still->from = from;
    still->looked = TRUE;
}

float still_change (const struct still *still)
{
    float most = 0;
    if (!still->looked || !still->has_kept || memcmp (&still->from, &still->kept_from, sizeof still->from) != 0)
        return INFINITY;
    for (int i = 0; i < STILL_MEANS; i++)
        most = MAX (most, fabsf (still->means[i] - still->kept[i]));
    return most;
}

gboolean still_is (const struct still *still, float threshold, GstClockTime running_time, GstClockTime settle)
{
    if (still_change (still) > threshold)
        return FALSE;
    gboolean timed = GST_CLOCK_TIME_IS_VALID (running_time) && GST_CLOCK_TIME_IS_VALID (still->moved_at);
    return !timed || running_time < still->moved_at || running_time >= still->moved_at + settle;
}

void still_keep (struct still *still, float threshold, GstClockTime running_time)
{
    if (!still->looked)
        return;
    if (still_change (still) > threshold)
        still->moved_at = running_time;
    memcpy (still->kept, still->means, sizeof still->kept);
    still->kept_from = still->from;
    still->has_kept = TRUE;
}
