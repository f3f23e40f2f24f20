/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* step.h: one step of a plan: what it reads and makes, and how. */
#ifndef CONVRELU_STEP_H
#define CONVRELU_STEP_H

#include "engine/kernels.h"
#include "engine/memory.h"
#include "engine/packed.h"
#include "engine/place.h"

struct execution; /* schedule.h */

enum step_kind {
    STEP_IMPORT,
    STEP_CONV,
    STEP_WINOGRAD,
    STEP_STRASSEN,
    STEP_DEPTHWISE,
    STEP_POOL,
    STEP_GLOBAL_POOL,
    STEP_POINTWISE,
    STEP_COPY, /* blocks of one tensor into another: concat parts on block borders */
    STEP_PICK, /* and concat parts off them */
    STEP_RESHAPE,
    STEP_SOFTMAX,
    STEP_EXPORT,
};

/* Tiles of a Winograd step that are computed together: [start[k], start[k + 1]) are of kind k. Kinds are in such an order that
 * all tiles that need a point are neighbours: small ones need only some of the points of a side. */
enum tile_kind { TILES_SMALL_H, TILES_WHOLE, TILES_SMALL_W, TILES_SMALL, TILE_KINDS };
struct tile_block {
    int start[TILE_KINDS + 1];
    struct tile tile[];
};
/* Floats at the start of a lane's scratch that hold a block of so many tiles. */
#define TILE_BLOCK(tiles)                                                                                              \
    ((sizeof (struct tile_block) + (size_t)(tiles) * sizeof (struct tile) + 63) / 64 * (64 / sizeof (float)))

/* How a convolution reads its input. */
enum staging {
    STAGING_NONE,   /* in place: no padding */
    STAGING_PAD,    /* a band of rows copied between zero borders */
    STAGING_SAMPLE, /* every stride-th pixel copied together: a strided 1x1 becomes a plain one */
    STAGING_PLANAR, /* a band of the planar input copied between zero borders */
};

struct record {
    enum step_kind kind;
    void (*run) (struct execution *e, const struct record *step);
    const char *name, *operation;
    char algorithm[32];
    int in_channels, in_height, in_width;
    int channels, height, width;         /* of out */
    const float *in, *second, *residual; /* in NULL: the caller's planar input */
    float *out;
    struct place in_place, second_place, residual_place, out_place; /* what the pointers above become */
    struct finish finish;
    uint64_t macs, multiplications, nanoseconds;

    /* convolutions */
    struct conv conv;
    struct packed *packed;
    const struct record *next_dense; /* the next convolution but depthwise ones, which have few weights; or NULL */
    enum staging staging;
    struct segment *segments;
    int segment_count;
    ptrdiff_t depth_steps;           /* the segments' lengths together */
    bool flat;                       /* pixels are contiguous in and out: runs may cross rows */
    int run_height, run_width;       /* the output seen as rows of runs; the last one may be shorter when flat */
    int staged_height, staged_width; /* pixels of one band's copy */
    int bands, band;                 /* how many bands of run rows, of nearly equal height, and the tallest */
    int column_group;                /* columns in a work item */
    bool by_column;                  /* work items are columns: a lane begins with one of its own */
    ptrdiff_t pixel_stride;          /* floats */
    struct record *then;             /* a max-pool made from this one's rows while they are near; out is then NULL: this
                                        one's result never lies in the arena as a whole */
    int near_rows, chunk;            /* rows kept for it in the lane's scratch, and made at a time */
    /* Winograd */
    int n_h, n_w, m_h, m_w; /* points and outputs a side of a tile */
    int tiles;              /* in the largest block */
    bool small_h, small_w;  /* the last tile of a side is a small one */
    int tile_blocks;        /* work items are blocks, but columns when there is one */
    ptrdiff_t v_point, m_point;
    /* Strassen: run_height blocks of pixels; v_point floats in a sum, m_point in the scratch of a block */
    bool pair_by_pair; /* all blocks by one pair of columns, not all pairs by one block */
    /* others */
    struct pool pool;
    enum pool_kind pool_kind;
    enum pointwise_operation pointwise;
    ptrdiff_t b_pixel, b_block;
    bool b_lane;
    const float *scale, *shift; /* pointwise */
    struct pick pick;           /* and concat parts: out_channel */
    int out_channel;
};

/* Floats at the start of a lane's scratch that hold row pointers, one for each row of a window. */
#define ROW_POINTERS(window) ((2 * (size_t)(window) + 15) / 16 * 16)

/* Of a 3x3 convolution that Winograd's fits: is it the one for stride 2, whose points share filters? */
static inline bool winograd_strided (const struct record *step)
{
    return step->conv.stride_h == 2;
}

/* What steps are prepared with. */
struct preparation {
    const struct kernels *kernels;
    int threads;
    struct memory_list *memory; /* of the plan */
    size_t scratch_floats;      /* that any step needs for each lane; */
    size_t shared_floats;       /*   and for all of them together */
};

/* Raises a need for memory to so many floats. */
static inline void need_floats (size_t *need, size_t floats)
{
    floats = (floats + 15) / 16 * 16;
    if (floats > *need)
        *need = floats;
}

#endif
