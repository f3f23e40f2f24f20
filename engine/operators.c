/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* operators.c: the table of operators. */
#include "engine/operator.h"

const struct operator_type *operator_of (enum operation operation)
{
    static const struct operator_type *const all[] = {
#define OPERATOR(KIND, name) [OPERATION_##KIND] = &operator_##name,
#include "engine/operators.def"
    };
    return all[operation];
}
