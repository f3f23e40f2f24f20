/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* spending.c: how little work is enough: properties, and the meter of runs and CPU time; see spending.h. */
#include "plugin/spending.h"

#define FLAGS (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING | GST_PARAM_CONTROLLABLE)

static const double percent_most = 25600, rate_most = 1e6;

/* Unused CPU time is kept for so long: with a frame every half second or more often none is lost. */
static const double credit_kept = 0.5e9;

void spending_install (GObjectClass *klass)
{
    g_object_class_install_property (
        klass, PROPERTY_STILL_THRESHOLD,
        g_param_spec_float (
            "still-threshold", "Still threshold",
            "Run the network only where something moved: where the mean luma of one of 28 x 28 blocks of what the "
            "network sees differs by more than this, in levels of 0 to 255, from the last frame it ran on. The frames "
            "between carry the last result, marked as not fresh; stats counts them as still. 2 is little more than a "
            "camera's noise, 8 lets small things move. A change of colour alone is not seen; one of alpha is where the "
            "network sees alpha. After any property is "
            "set, and while smoothed scores still move, the network runs. 0: off",
            0.0f, 255.0f, 0.0f, FLAGS));
    g_object_class_install_property (
        klass, PROPERTY_MAX_RATE,
        g_param_spec_double ("max-rate", "Maximum rate",
                             "Run the network at most so many times for a second of the stream (running time). The "
                             "frames between carry the last result, marked as not fresh; stats counts them as "
                             "over-rate. 0: no limit",
                             0.0, rate_most, 0.0, FLAGS));
    g_object_class_install_property (
        klass, PROPERTY_CPU_LIMIT,
        g_param_spec_double (
            "cpu-limit", "CPU limit",
            "Spend at most so much CPU time on the network, in per cent of one core, over some seconds: 50 is half a "
            "core, 200 are two. Counted are looking for what moved, conversion, network and drawing, each thread's "
            "time; a run that has begun goes on to its end, and the next waits until it is paid for. The frames "
            "between carry the last result, marked as not fresh; stats counts them as over-cpu. 0: no limit",
            0.0, percent_most, 0.0, FLAGS));
}

gboolean spending_set (struct spending *spending, guint id, const GValue *value)
{
    switch (id) {
    case PROPERTY_STILL_THRESHOLD:
        spending->still_threshold = g_value_get_float (value);
        return TRUE;
    case PROPERTY_MAX_RATE:
        spending->max_rate = g_value_get_double (value);
        return TRUE;
    case PROPERTY_CPU_LIMIT:
        spending->cpu_limit = g_value_get_double (value);
        return TRUE;
    default:
        return FALSE;
    }
}

gboolean spending_get (const struct spending *spending, guint id, GValue *value)
{
    switch (id) {
    case PROPERTY_STILL_THRESHOLD:
        g_value_set_float (value, spending->still_threshold);
        return TRUE;
    case PROPERTY_MAX_RATE:
        g_value_set_double (value, spending->max_rate);
        return TRUE;
    case PROPERTY_CPU_LIMIT:
        g_value_set_double (value, spending->cpu_limit);
        return TRUE;
    default:
        return FALSE;
    }
}

/* ---- the meter ------------------------------------------------------------------------------------------------- */

/* Time between two runs, ns; at most 292 years. */
static GstClockTime interval_of (double max_rate)
{
    return (GstClockTime)MIN (1e9 / max_rate, (double)G_MAXINT64 / 2);
}

/* How early a frame may be, ns. */
static GstClockTime early_of (GstClockTime interval)
{
    return MIN (interval / 8, 10 * GST_MSECOND);
}

gboolean meter_in_rate (const struct meter *meter, double max_rate, GstClockTime running_time)
{
    if (!(max_rate > 0) || !GST_CLOCK_TIME_IS_VALID (running_time))
        return TRUE;
    GstClockTime interval = interval_of (max_rate), early = early_of (interval);
    /* Further ahead than one interval: time has gone back since, or the rate was another. */
    return running_time + early >= meter->due || meter->due - running_time > interval + early;
}

void meter_ran (struct meter *meter, double max_rate, GstClockTime running_time)
{
    if (!(max_rate > 0) || !GST_CLOCK_TIME_IS_VALID (running_time))
        return;
    GstClockTime interval = interval_of (max_rate);
    gboolean follows = running_time + early_of (interval) >= meter->due && running_time < meter->due + interval;
    meter->due = (follows ? meter->due : running_time) + interval;
}

gboolean meter_in_cpu (struct meter *meter, double cpu_limit, GstClockTime now)
{
    if (!(cpu_limit > 0)) {
        meter->filled = FALSE;
        return TRUE;
    }
    if (!meter->filled)
        meter->credit = 0;
    else if (now > meter->filled_at)
        meter->credit =
            MIN (meter->credit + (double)(now - meter->filled_at) * cpu_limit / 100, credit_kept * cpu_limit / 100);
    meter->filled = TRUE;
    meter->filled_at = now;
    return meter->credit >= 0;
}

void meter_spent (struct meter *meter, GstClockTime cpu)
{
    meter->credit -= (double)cpu;
}
