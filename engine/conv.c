/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* conv.c: the methods by which convolutions are computed, and the choice among them. conv_cost.h says by what model. */
#include "engine/conv.h"

#include <math.h>

static const struct conv_method *const methods[] = {
#define METHOD(name) &conv_##name,
#include "engine/conv_methods.def"
};

const struct conv_method *conv_choose (const struct preparation *p, const struct step *step, enum algorithm wanted,
                                       bool planar)
{
    const struct conv_method *best = &conv_direct;
    double least_cycles = INFINITY;
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        const struct conv_method *method = methods[i];
        unsigned inputs = method->inputs ? method->inputs : 1u << ELEMENT_F32;
        if (!(inputs & 1u << step->place.in.element) || !method->fits (method, p, step, planar))
            continue;
        if (method->only || (method->algorithms & 1u << wanted))
            return method;
        if (wanted != ALGORITHM_AUTO)
            continue;
        double cycles = method->cycles (method, p, step);
        if (cycles < method->gain * least_cycles) {
            best = method;
            least_cycles = cycles;
        }
    }
    return best;
}
