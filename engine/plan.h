/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plan.h: private records that plan.c writes and run.c reads. A plan is a list of steps over one block of memory. */
#ifndef CONVRELU_PLAN_H
#define CONVRELU_PLAN_H

#include "graph.h"
#include "kernels.h"

/* ---- memory (memory.c, arena.c, place.c) ----------------------------------------------------------------------- */

/* Zeroed memory on a 64-byte border, large blocks on huge pages where the system has them; free () it. NULL when short. */
void *memory_new (size_t bytes);

/* A range of the arena that is in use from step `first` to step `last`, both included. */
struct buffer {
    size_t floats, offset; /* offset is arena_layout's to fill: a multiple of 16 floats */
    int first, last;
};

/* Gives every buffer an offset such that no two that live at the same time overlap. Returns the floats needed in all.
 * `order` is scratch for 2 * count ints. Largest first, each at the lowest offset where it fits. */
size_t arena_layout (struct buffer *buffers, int count, int *order);

/* Where a tensor lives: `offset` floats into a buffer. Aliases, parts of a concat and sums in place share one. */
struct place {
    int buffer; /* -1: nowhere: fused away, or only the caller's planar input */
    size_t offset;
};

struct places {
    struct place *of; /* [tensors of the graph] */
    int *alias;       /* [tensors]: the tensor whose memory it is, itself if its own */
    int *last_use;    /* [tensors]: last layer that reads it or an alias; INT_MAX: kept readable */
    struct buffer *buffers;
    int buffer_count;
};

/* Decides where each tensor that layers leave lives. keep[id]: must stay readable in its blocked place to the end.
 * imported: the graph's input when it is wanted in blocked form, else -1.
 * Buffers get sizes; first and last are in layers, plan.c turns them into steps. False: memory short. */
bool places_new (const struct graph *g, const struct layers *layers, const bool *keep, int imported,
                 struct places *places);
void places_free (struct places *places);
size_t blocked_floats (int channels, int height, int width); /* with channels rounded up to 16 */

/* ---- packed weights (pack.c) ------------------------------------------------------------------------------------ */

enum packing {
    PACKING_DIRECT,
    PACKING_PLANAR,
    PACKING_DEPTHWISE,
    PACKING_F23,
    PACKING_F43,
    PACKING_F42,
    PACKING_STRIDED,
    PACKING_STRASSEN,
};

/* Weights that will be wanted soon. */
struct ahead {
    const float *weights; /* NULL: none */
    size_t floats;
};

/* Output blocks [block, block + blocks) of a convolution, which read input blocks from in_block on. */
struct column {
    int block, blocks, in_block;
    size_t weights; /* floats into packed.weights */
};

/* One convolution's weights and bias, folded and in kernel order. Kept by the graph, shared by plans. */
struct packed {
    struct packed *next;
    int node, columns; /* key: the node, kernels.columns, */
    enum packing packing;
    uint64_t fold;  /* a hash of what was folded in */
    int references; /* plans that use it */
    float *weights; /* as pack.c draws it */
    size_t weight_floats;
    float *bias; /* [output channels, padded to 16] */
    struct column *column;
    int column_count;
    int depth; /* input channels that one column reads */
};

/* The packed weights of a convolution layer, made or found. NULL: error filled. */
struct packed *packed_get (struct graph *g, const struct layer *layer, enum packing packing, int columns,
                           struct error *error);
void packed_release (struct graph *g, struct packed *packed);

/* ---- steps ------------------------------------------------------------------------------------------------------ */

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
    STEP_LOG_SOFTMAX,
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

/* A worker. Lane i starts at the i-th part of the items, which is the same part of the picture in every step, so that it
 * mostly reads what it wrote itself; then it helps the others. */
struct lane {
    float *scratch;   /* its own */
    int staged;       /* what scratch holds of the input: a band, for Strassen also a block; -1: none */
    int first, made;  /* run_fused.c: rows [first, made) are in scratch */
    int end;          /* of its part of the items of this step; */
    _Atomic int next; /*   next one nobody has taken */
    char padding[64 - sizeof (float *) - 5 * sizeof (int)]; /* one line each */
};

struct plan {
    struct graph *graph;
    const struct kernels *kernels;
    struct workers *workers; /* NULL for one thread */
    int threads;
    bool timed;
    struct record *steps;
    int step_count, step_capacity;
    float *arena;
    size_t arena_floats;
    float *shared; /* scratch of a step that all lanes see */
    size_t shared_floats, scratch_floats;
    struct lane *lanes; /* [threads] */
    struct tensor *outputs, *taps;
    int output_count, tap_count;
    void **owned; /* small arrays that live as long as the plan */
    int owned_count, owned_capacity;
    const float *input; /* of the current run */
};

/* Zeroed memory on a 64-byte border, freed with the plan; NULL when short. */
void *plan_alloc (struct plan *plan, size_t count, size_t size);

/* algorithm.c: which packing a convolution step gets. `planar`: its input is the caller's. */
enum packing algorithm_choose (const struct plan *plan, const struct record *step, enum algorithm wanted, bool planar);
/* Then, with step->packed in place: staging, segments, runs, bands, work items and scratch. False: memory short. */
bool algorithm_shape (struct plan *plan, struct record *step);
/* Whether `then`, which alone reads the convolution `step`, is better made from its rows as they come. */
bool algorithm_fuses (const struct record *step, const struct record *then);
/* Prepares it, with step->then set. False: memory short. */
bool algorithm_fuse (struct plan *plan, struct record *step);

/* run.c: for (item = 0; item < items; item++) function (plan, step, lane, item), in any order, shared by all lanes. */
typedef void item_function (struct plan *plan, const struct record *step, struct lane *lane, int item);
void on_lanes (struct plan *plan, const struct record *step, item_function *function, int items);

static inline int least (int a, int b)
{
    return a < b ? a : b;
}

/* a / b, rounded up; a >= 0, b > 0 */
static inline int divide_up (int a, int b)
{
    return (a + b - 1) / b;
}

/* The first of `count` things in the i-th of `parts` nearly equal parts; i may be `parts`. */
static inline int part_start (int count, int i, int parts)
{
    return (int)((int64_t)count * i / parts);
}

/* Of a 3x3 convolution that Winograd's fits: is it the one for stride 2, whose points share filters? */
static inline bool winograd_strided (const struct record *step)
{
    return step->conv.stride_h == 2;
}

/* run_conv.c */
struct conv_run column_run (const struct record *step, const struct column *column, ptrdiff_t out_block);
void copy_padded (const float *in, int in_height, int in_width, int top, int left, int height, int width, size_t pixel,
                  float *out);
void run_conv (struct plan *plan, const struct record *step);
void run_winograd (struct plan *plan, const struct record *step);
void run_depthwise (struct plan *plan, const struct record *step);
/* The weights that the lane will want after this column's. */
struct ahead weights_after (const struct plan *plan, const struct record *step, const struct lane *lane, int column);
/* How to fetch all of `ahead` within `steps` steps for columns of `blocks`, or as much as so many can; steps > 0. As many places of it
 * at a time as a tile has blocks: the processor's own prefetcher runs a bounded number of lines ahead of each, so that weights from
 * memory come at 19 GB/s from two places and at 14 from one (Intel Xeon, model 207; four are no better). ResNet-18 takes 6 % less for
 * it on one thread and 10 % on two. */
static inline struct fetch fetch_ahead (struct ahead ahead, ptrdiff_t steps, int blocks)
{
    ptrdiff_t floats = (ptrdiff_t)ahead.floats, lines = blocks * BLOCK, most = steps * lines;
    ptrdiff_t apart = ((floats < most ? floats : most) + lines - 1) / lines * BLOCK;
    return (struct fetch) { .next = ahead.weights, .step = (apart + steps - 1) / steps, .apart = apart };
}
/* What is left of it for a run that begins when `done` of the steps are past: nothing where few floats, one a step, are fetched. */
static inline struct fetch fetch_after (struct fetch all, ptrdiff_t done)
{
    bool over = done * all.step >= all.apart;
    return over ? (struct fetch) { 0 } : (struct fetch) { all.next + done * all.step, all.step, all.apart };
}
/* Floats at the start of a lane's scratch that hold row pointers, one for each row of a window. */
#define ROW_POINTERS(window) ((2 * (size_t)(window) + 15) / 16 * 16)
/* run_fused.c: a stem and its max-pool, row by row. */
void run_fused (struct plan *plan, const struct record *step);
/* run_strassen.c */
void run_strassen (struct plan *plan, const struct record *step);
/* run_layers.c: every other kind of step. */
void run_layer (struct plan *plan, const struct record *step);

#endif
