/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gates.c: whether the network is to run on a frame; see gates.h. */
#include "plugin/gates.h"

#include <time.h>

#include "plugin/inference.h"
#include "plugin/log.h"
#include "plugin/regions.h"

void gates_clear (struct gates *gates)
{
    still_clear (&gates->still);
    *gates = (struct gates) { .work_began = 0 };
}

/* Scores that are averaged over `constant` seconds have come within 5 % of where they go after three of them. What is
 * drawn has a constant of its own, half a second. */
static GstClockTime settle_time (const struct settings *settings)
{
    double drawn = settings->appearance.overlay != OVERLAY_NONE ? 0.5 : 0;
    return (GstClockTime)(3 * GST_SECOND * MAX (settings->appearance.smoothing, drawn));
}

static gboolean is_still (struct inference *inference, const struct sight *sight)
{
    float threshold = inference->active.spending.still_threshold;
    struct still *still = &inference->gates.still;
    if (!(threshold > 0)) {
        still_forget (still);
        return FALSE;
    }
    if (!inference_look (inference, sight))
        return FALSE; /* inference_begin says why it cannot be read */
    return inference->result.valid && !(regions_wanted (inference) && regions_unsettled (inference)) &&
           still_is (still, threshold, sight->moment.running_time, settle_time (&inference->active));
}

gboolean gates_open (struct inference *inference, const struct sight *sight)
{
    struct meter *meter = &inference->gates.meter;
    const struct spending *spending = &inference->active.spending;
    struct stats *stats = &inference->shared->stats;
    gboolean in_rate = meter_in_rate (meter, spending->max_rate, sight->moment.running_time);
    gboolean over_rate = inference->result.valid && !in_rate;
    gboolean over_cpu = !meter_in_cpu (meter, spending->cpu_limit, gst_util_get_timestamp ()) && !over_rate;
    gboolean still = !over_rate && !over_cpu && is_still (inference, sight);
    if (!over_rate && !over_cpu && !still)
        return TRUE;
    GST_OBJECT_LOCK (inference->element);
    stats->over_rate += over_rate;
    stats->over_cpu += over_cpu;
    stats->still += still;
    GST_OBJECT_UNLOCK (inference->element);
    GST_LOG_OBJECT (inference->element, "frame at %" GST_TIME_FORMAT " passes: %s",
                    GST_TIME_ARGS (sight->moment.running_time),
                    still      ? "nothing moved"
                    : over_cpu ? "no CPU time left"
                               : "max-rate");
    return FALSE;
}

void gates_begin (struct inference *inference, const struct sight *sight)
{
    const struct spending *spending = &inference->active.spending;
    meter_ran (&inference->gates.meter, spending->max_rate, sight->moment.running_time);
    still_keep (&inference->gates.still, spending->still_threshold, sight->moment.running_time);
}

/* CPU time of the calling thread, or of the process, ns. */
static GstClockTime cpu_time (clockid_t clock)
{
    struct timespec time;
    return clock_gettime (clock, &time) == 0 ? GST_TIMESPEC_TO_TIME (time) : 0;
}

void gates_work_begins (struct inference *inference)
{
    struct gates *gates = &inference->gates;
    if (!gates->meter.filled)
        return;
    gates->work_began = cpu_time (CLOCK_THREAD_CPUTIME_ID);
    gates->help_began = plan_helped (inference->network->plan);
    gates->all_work_began = cpu_time (CLOCK_PROCESS_CPUTIME_ID);
}

void gates_work_ends (struct inference *inference, int converting)
{
    struct gates *gates = &inference->gates;
    if (!gates->meter.filled)
        return;
    GstClockTime own = cpu_time (CLOCK_THREAD_CPUTIME_ID) - gates->work_began;
    GstClockTime all = cpu_time (CLOCK_PROCESS_CPUTIME_ID) - gates->all_work_began;
    GstClockTime helped = plan_helped (inference->network->plan) - gates->help_began;
    GstClockTime divided = MIN (own * (GstClockTime)(converting - 1), all > own + helped ? all - own - helped : 0);
    meter_spent (&gates->meter, own + helped + divided);
}
