/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* charges.h: makes a charge of engine/work.h be refused, whatever it is for. A checker that is linked with charges.c
 * also needs -Wl,--wrap=work_spend. */
#ifndef CONVRELU_CHARGES_H
#define CONVRELU_CHARGES_H

#include <stdbool.h>

/* The next `good` charges of this thread are let through. The one after is refused, and so, as behind any refusal, are
 * all that follow of the same account; until charges_allow, which says whether one was. */
void charges_refuse_after (long good);
bool charges_allow (void);

#endif
