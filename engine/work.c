/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* work.c: see work.h. */
#include "engine/work.h"

#include <inttypes.h>
#include <stdio.h>

static _Thread_local struct work *current;

void work_begin (struct work *work, uint64_t limit, const atomic_bool *stop)
{
    *work = (struct work) { .limit = limit, .stop = stop, .outer = current };
    current = work;
}

void work_end (struct work *work)
{
    current = work->outer;
}

bool work_has_account (void)
{
    return current != NULL;
}

void work_allow_bytes (uint64_t bytes)
{
    const uint64_t most = UINT64_C (1) << 40;
    if (current && !current->refused && current->limit < most * WORK_STEPS_A_BYTE)
        current->limit += (bytes < most ? bytes : most) * WORK_STEPS_A_BYTE;
}

bool work_stopped (void)
{
    return current && current->stop && atomic_load_explicit (current->stop, memory_order_relaxed);
}

bool work_spend (uint64_t steps)
{
    if (!current)
        return true;
    if (current->refused || steps > current->limit - current->spent || work_stopped ()) {
        current->refused++;
        return false;
    }
    current->spent += steps;
    if (steps > current->largest)
        current->largest = steps;
    return true;
}

const char *work_refusal (char text[100])
{
    if (work_stopped ())
        snprintf (text, 100, "is not wanted any more");
    else
        snprintf (text, 100, "would take more than %" PRIu64 " million steps to read",
                  current ? current->limit / 1000000 : 0);
    return text;
}
