/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* packed_trial.c: see packed_trial.h. FNV-1a over numbers and words. */
#include "models/packed_trial.h"

#include <string.h>

static uint64_t add_bytes (uint64_t hash, const void *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        hash = (hash ^ ((const unsigned char *)bytes)[i]) * UINT64_C (1099511628211);
    return hash;
}

static uint64_t add_number (uint64_t hash, uint64_t number)
{
    return add_bytes (hash, &number, sizeof number);
}

static uint64_t add_word (uint64_t hash, const char *word)
{
    while (*word)
        hash = add_bytes (hash, word++, 1);
    return add_number (hash, 0);
}

uint64_t packed_trial_plan (const struct plan *plan)
{
    uint64_t hash = add_word (UINT64_C (14695981039346656037), plan_isa (plan));
    hash = add_number (hash, (uint64_t)plan_threads (plan));
    hash = add_number (hash, (uint64_t)plan_arena_bytes (plan));
    for (int i = 0; i < plan_steps (plan); i++) {
        struct step_info s = plan_step (plan, i);
        hash = add_word (add_word (add_word (hash, s.operation), s.algorithm), s.type);
        hash = add_number (add_number (add_number (hash, (uint64_t)s.channels), (uint64_t)s.height), (uint64_t)s.width);
        hash = add_number (add_number (hash, s.multiplications), s.weight_bytes);
    }
    return hash ? hash : 1;
}

uint64_t packed_trials_get (const struct packed_trials *trials, uint64_t plan)
{
    for (int i = 0; i < PACKED_TRIALS && trials->of[i].plan; i++)
        if (trials->of[i].plan == plan)
            return trials->of[i].nanoseconds;
    return 0;
}

void packed_trials_put (struct packed_trials *trials, uint64_t plan, uint64_t nanoseconds)
{
    int last = 0;
    while (last < PACKED_TRIALS - 1 && trials->of[last].plan && trials->of[last].plan != plan)
        last++;
    memmove (&trials->of[1], &trials->of[0], (size_t)last * sizeof trials->of[0]);
    trials->of[0].plan = plan;
    trials->of[0].nanoseconds = nanoseconds;
}
