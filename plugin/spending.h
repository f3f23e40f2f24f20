/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* spending.h: the properties that say how little work is enough, and the meter that two of them are kept by. Part of
 * struct settings; the same rules hold (settings.h).
 *
 * The meter is only numbers: whoever asks brings the time, nothing is locked, no clock is read. One thread at a
 * time. */
#ifndef CONVRELU_SPENDING_H
#define CONVRELU_SPENDING_H

#include <gst/gst.h>

struct spending {
    float still_threshold; /* levels of luma, 0..255; 0: off */
    double max_rate;       /* runs for a second of running time; 0: no limit */
    double cpu_limit;      /* per cent of a core; 0: no limit */
};

enum { SPENDING_FIRST_PROPERTY = 200 };
enum spending_property {
    PROPERTY_STILL_THRESHOLD = SPENDING_FIRST_PROPERTY,
    PROPERTY_MAX_RATE,
    PROPERTY_CPU_LIMIT,
};

void spending_install (GObjectClass *klass);

/* FALSE when `id` is not one of them. */
gboolean spending_set (struct spending *spending, guint id, const GValue *value);
gboolean spending_get (const struct spending *spending, guint id, GValue *value);

struct meter {
    GstClockTime due;       /* running time of the next run; 0 at first */
    GstClockTime filled_at; /* when credit was last added, ns of some clock */
    double credit;          /* CPU time that may be spent, ns; below zero after a run, which is paid for afterwards */
    gboolean filled;        /* FALSE: never */
};

/* Whether `max_rate` lets a frame of this running time through. A frame may be early by up to 10 ms, as
 * those of cameras are; the runs' own times do not drift by it. NONE is always let through. */
gboolean meter_in_rate (const struct meter *meter, double max_rate, GstClockTime running_time);
void meter_ran (struct meter *meter, double max_rate, GstClockTime running_time); /* on that frame */

/* Whether there is CPU time to spend at `now`, ns. A run may begin while there is any and is paid for by waiting, so
 * that the mean is the limit, whatever a run takes; what is not used is kept for half a second. */
gboolean meter_in_cpu (struct meter *meter, double cpu_limit, GstClockTime now);
void meter_spent (struct meter *meter, GstClockTime cpu); /* so much CPU time, ns */

#endif
