/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* unit_caption.c: numbers of a detector in words; see unit_caption.h. */
#include "plugin/overlay/unit_caption.h"

#include "plugin/overlay/caption_text.h"

#include <math.h>

void caption_number (char *text, gsize size, double value)
{
    double magnitude = fabs (value);
    int digits = magnitude < 100 ? 2 : magnitude < 1000 ? 1 : 0;
    if (magnitude < 0.005)
        g_strlcpy (text, "0", size);
    else
        g_snprintf (text, size, "%s%.*f", value < 0 ? "−" : "+", digits, magnitude);
}

void unit_caption_write (struct unit_caption *caption, const struct unit_facts *facts)
{
    char strongest[32], most[32], zero[16];
    gboolean all = facts->field_height >= facts->picture_height && facts->field_width >= facts->picture_width;
    caption_share (zero, sizeof zero, (double)facts->zero);
    caption_number (strongest, sizeof strongest, (double)facts->strongest);
    caption_number (most, sizeof most, (double)facts->most);
    g_snprintf (caption->title, sizeof caption->title, "one detector: channel %d of %d, %s", facts->channel,
                facts->channels, facts->layer);
    if (all)
        g_strlcpy (caption->field, "each answer looks at the whole picture", sizeof caption->field);
    else
        g_snprintf (caption->field, sizeof caption->field, "each answer looks at %d × %d of %d × %d pixels",
                    facts->field_width, facts->field_height, facts->picture_width, facts->picture_height);
    if (facts->strongest > 0)
        g_snprintf (caption->answer, sizeof caption->answer, "strongest answer now: %s%s", strongest,
                    all          ? ", at the yellow mark"
                    : facts->box ? ", from the yellow box"
                                 : "");
    else
        g_strlcpy (caption->answer, "it answers nowhere in this frame", sizeof caption->answer);
    if (facts->most > 0)
        g_snprintf (caption->map, sizeof caption->map, "its answers; red: %s", most);
    else
        g_strlcpy (caption->map, "its answers: none yet", sizeof caption->map);
    g_snprintf (caption->zero, sizeof caption->zero, "%s %s; the rest:", zero, facts->sign ? "below 0" : "zero");
    g_strlcpy (caption->time, "strongest, over time", sizeof caption->time);
    g_strlcpy (caption->patches, "what it answered to most so far", sizeof caption->patches);
}
