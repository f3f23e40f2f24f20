/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* packed_trial.c: see packed_trial.h. */
#include "models/packed_trial.h"

#include "engine/hash.h"

#include <string.h>

static uint64_t add_number (uint64_t hash, uint64_t number)
{
    return hash_bytes (hash, &number, sizeof number);
}

/* With the zero behind it, so that two words are not one. */
static uint64_t add_word (uint64_t hash, const char *word)
{
    return hash_bytes (hash, word, strlen (word) + 1);
}

uint64_t packed_trial_plan (const struct plan *plan)
{
    uint64_t hash = add_word (HASH_START, plan_isa (plan));
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
