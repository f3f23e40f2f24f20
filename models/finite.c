/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* finite.c: see finite.h. */
#include "models/finite.h"

#include "engine/parameters.h"
#include "engine/work.h"
#include "models/report.h"

#include <math.h>
#include <string.h>

enum { STEPS_A_NUMBER = 4 }; /* so many numbers take one step: 16 bytes are looked at in about a nanosecond */

/* How many of them are NaN or infinite: by their bits, so that the compiler can look at several at once. */
static uint64_t count_odd (const float *numbers, uint64_t count)
{
    uint64_t odd = 0;
    for (uint64_t begin = 0; begin < count;) {
        uint64_t end = count - begin > 65536 ? begin + 65536 : count;
        uint32_t some = 0;
        if (!work_spend (0)) /* whoever reads on is refused, too */
            break;
        for (uint64_t i = begin; i < end; i++) {
            uint32_t bits;
            memcpy (&bits, numbers + i, sizeof bits);
            some += (bits & 0x7f800000u) == 0x7f800000u;
        }
        odd += some;
        begin = end;
    }
    return odd;
}

/* Of node `id`; false: no more work is allowed. */
static bool look_at (const struct graph *graph, int id, uint64_t *odd)
{
    struct tensor_info t = graph_tensor (graph, id);
    const float *weights = graph_weights (graph, id), *bias = NULL;
    struct conv conv;
    *odd = 0;
    if (!work_spend (1 + (uint64_t)t.channels))
        return false;
    if (graph_convolution (graph, id, &conv, &bias) && weights) {
        int groups = conv.groups > 0 ? conv.groups : 1;
        uint64_t count = (uint64_t)(graph_tensor (graph, t.inputs[0]).channels / groups) * (uint64_t)conv.kernel_h *
                         (uint64_t)conv.kernel_w * (uint64_t)conv.out_channels;
        if (!work_spend (count / STEPS_A_NUMBER))
            return false;
        *odd = count_odd (weights, count) + (bias ? count_odd (bias, (uint64_t)conv.out_channels) : 0);
        return true;
    }
    const float *slopes = graph_slopes (graph, id);
    if (slopes)
        *odd = count_odd (slopes, (uint64_t)t.channels);
    double scale, shift;
    if (!graph_scale (graph, id, 0, &scale, &shift))
        return true;
    for (int c = 0; c < t.channels && graph_scale (graph, id, c, &scale, &shift); c++)
        *odd += !isfinite (scale) || !isfinite (shift);
    return true;
}

bool finite_check (const char *path, const struct graph *graph, struct notices *notices)
{
    uint64_t all = 0, odd = 0;
    int first = -1;
    for (int id = 0; id < graph_tensors (graph); id++) {
        if (!look_at (graph, id, &odd))
            return true;
        if (odd && first < 0)
            first = id;
        all += odd;
    }
    if (all)
        notices_add (
            notices,
            "%s: %llu of its weights %s NaN or infinite, the first in '%.100s': what it computes of them is no "
            "number either",
            report_path (path), (unsigned long long)all, all == 1 ? "is" : "are", graph_tensor (graph, first).name);
    return all == 0;
}
