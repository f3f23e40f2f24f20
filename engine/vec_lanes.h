/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vec_lanes.h: what goes across the lanes of vectors: the last block of a tensor's channels, and a block's sum. */
#ifndef CONVRELU_VEC_LANES_H
#define CONVRELU_VEC_LANES_H

#include "kernels.h"
#include "vec.h"

/* One vector's worth of lanes, those from `left` on as `fill`. */
INLINE vec lanes_load (const float *in, int left, float fill)
{
    float lanes[LANES] __attribute__ ((aligned (64)));
    if (left >= LANES)
        return vec_load (in);
    for (int i = 0; i < LANES; i++)
        lanes[i] = i < left ? in[i] : fill;
    return vec_load (lanes);
}

/* Sum of, or largest among, 16 lanes held in PER_BLOCK vectors: lane by lane, so that every instruction set agrees. */
INLINE float lanes_joined (const vec v[PER_BLOCK], bool add)
{
    float lanes[BLOCK] __attribute__ ((aligned (64)));
    for (int i = 0; i < PER_BLOCK; i++)
        vec_store (lanes + i * LANES, v[i]);
    float result = lanes[0];
    for (int i = 1; i < BLOCK; i++)
        result = add ? result + lanes[i] : (lanes[i] > result || lanes[i] != lanes[i] ? lanes[i] : result);
    return result;
}

#endif
