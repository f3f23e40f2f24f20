/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* charges.c: see charges.h. */
#include "tests/charges.h"

#include <stdint.h>

static _Thread_local long left = -1; /* -1: none is refused */
static _Thread_local bool refused;

/* What the linker puts in the place of the engine's own, and that. */
bool __wrap_work_spend (uint64_t steps);
bool __real_work_spend (uint64_t steps);

bool __wrap_work_spend (uint64_t steps)
{
    if (left > 0)
        left--;
    else if (left == 0) {
        refused = true;
        steps = UINT64_MAX; /* more than any account holds */
    }
    return __real_work_spend (steps);
}

void charges_refuse_after (long good)
{
    left = good;
    refused = false;
}

bool charges_allow (void)
{
    left = -1;
    return refused;
}
