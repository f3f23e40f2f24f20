/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* engine.h: the whole public surface of the engine: graph -> plan -> scores.
 *
 *   struct graph *g = graph_new (NULL);
 *   int x = graph_input (g, "input", 3, 224, 224);
 *   x = graph_conv (g, "conv1", x, &(struct conv){ .out_channels = 64, .kernel_h = 7, ... }, weights, NULL);
 *   x = graph_batch_norm (g, "bn1", x, scale, shift, mean, variance, 1e-5f);
 *   x = graph_activation (g, "relu1", x, (struct activation){ .kind = ACTIVATION_RELU });
 *   ...
 *   graph_output (g, x);
 *   if (graph_error (g)) ...                        one check after the last call
 *   struct plan *plan = plan_new (g, &options, &error);
 *   plan_run (plan, pixels);                        every frame: no allocation, cannot fail
 *   const struct tensor *scores = plan_output (plan, 0);
 *
 * Every tensor is (channels, height, width) of 32-bit floats; the batch is always 1; a vector is (n, 1, 1).
 * The engine is pure C11 with POSIX threads: it opens no file, prints nothing, never exits or aborts on input. */
#ifndef CONVRELU_ENGINE_H
#define CONVRELU_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/kinds.h"

/* One message for a person, naming the node and the numbers; "" when there was no error. */
struct error {
    char text[512];
};

/* ---- activations --------------------------------------------------------------------------------------------- */

/* "relu", "leaky-relu", ...: never NULL for a valid kind; NULL otherwise. */
const char *activation_name (enum activation_kind kind);

/* ---- graph --------------------------------------------------------------------------------------------------- */

/* What a graph may ask for; checked before anything is allocated. 0 in a field means the default. */
struct graph_limits {
    uint64_t weight_bytes; /* all weights as given; default 2 GiB. Packed: 4 times it */
    uint64_t tensor_bytes; /* any one tensor; default 512 MiB */
    uint64_t plan_bytes;   /* what a plan needs beside weights; default 2 GiB; plan_new checks it */
    uint64_t macs;         /* multiply-accumulates of one run; default 1e12 */
    uint32_t nodes;        /* default 20000 */
};

struct graph; /* reference counted; while it is built it belongs to one thread, afterwards it is read-only */

/* A new empty graph with one reference, or NULL when memory is short. `limits` may be NULL (all defaults). */
struct graph *graph_new (const struct graph_limits *limits);
struct graph *graph_ref (struct graph *g);
void graph_unref (struct graph *g); /* NULL is fine */

/* The first error of any call below, or NULL. Each of those calls returns the id of the tensor it makes, >= 0, or -1
 * after an error; passing -1 on as an input is allowed and does nothing, so that one check at the end suffices.
 * `name` (copied) names the node *and* the tensor it makes. All arrays are copied. */
const char *graph_error (const struct graph *g);

int graph_input (struct graph *g, const char *name, int channels, int height, int width);

/* 2-D cross-correlation. Zero fields mean: stride, dilation, groups 1. Output size
 * (in + pad_before + pad_after - dilation (kernel - 1) - 1) / stride + 1, rounded down. */
struct conv {
    int out_channels;
    int kernel_h, kernel_w;
    int stride_h, stride_w;
    int dilation_h, dilation_w;
    int pad_top, pad_left, pad_bottom, pad_right; /* zeros, >= 0, possibly unequal */
    int groups;                                   /* divides both channel counts; = channels: depthwise */
};
/* weights [out_channels][in_channels / groups][kernel_h][kernel_w]; bias [out_channels] or NULL. */
int graph_conv (struct graph *g, const char *name, int x, const struct conv *conv, const float *weights,
                const float *bias);

/* Fully connected on a vector (n, 1, 1). weights [outputs][n]; bias [outputs] or NULL. */
int graph_linear (struct graph *g, const char *name, int x, int outputs, const float *weights, const float *bias);

/* (x - mean) / sqrt (variance + epsilon) * scale + shift, per channel; each array [channels]. Parameters as in ONNX. */
int graph_batch_norm (struct graph *g, const char *name, int x, const float *scale, const float *shift,
                      const float *mean, const float *variance, float epsilon);
/* x * scale + shift per channel; either array [channels] may be NULL (1 or 0). */
int graph_affine (struct graph *g, const char *name, int x, const float *scale, const float *shift);

int graph_activation (struct graph *g, const char *name, int x, struct activation activation);
int graph_prelu (struct graph *g, const char *name, int x, const float *alpha); /* alpha [channels] */

/* What a tensor of few bits can hold: step times the whole numbers low .. high. */
struct range {
    float step;
    int low, high;
};
/* The nearest number that the range holds, halves to the even step: what is left of x stored in few bits. Clipping is
 * part of it: tools that quantise drop a ReLU or ReLU6 before a range from 0 or to 6. step normal, above 0;
 * low <= 0 <= high, within 2^24. unit [channels], normal, above 0, or NULL: x is whole multiples of unit / parts, as
 * sums of products and means of whole numbers are; rounded to those first, the result is integer arithmetic's bits. */
int graph_quantise (struct graph *g, const char *name, int x, struct range range, const float *unit, int parts);
/* The same, in each run by 256 steps from x's least number or 0 to its largest or 0: ONNX's DynamicQuantizeLinear. */
int graph_quantise_dynamic (struct graph *g, const char *name, int x);

struct pool {
    enum pool_kind kind;
    int kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w; /* 0: stride, dilation 1 */
    int pad_top, pad_left, pad_bottom, pad_right;                       /* each < its effective kernel */
    bool ceil_mode;         /* round the output size up; a window that would start in the end padding is left out */
    bool count_include_pad; /* average: divide by the whole window, padding (but not the ceil overhang) counted */
};
int graph_pool (struct graph *g, const char *name, int x, const struct pool *pool);
int graph_global_pool (struct graph *g, const char *name, int x, enum pool_kind kind); /* -> (channels, 1, 1) */

/* a + b and a * b. Shapes equal, or one is broadcast in whole axes: (c,1,1), (1,h,w) or (1,1,1) against (c,h,w). */
int graph_add (struct graph *g, const char *name, int a, int b);
int graph_mul (struct graph *g, const char *name, int a, int b);

int graph_concat (struct graph *g, const char *name, const int *xs, int count); /* along channels */

/* Picks: out (c, y, x) = in (channel[c], top + y step_h, left + x step_w), and `fill` where that lies outside (a
 * channel of -1 is all fill). One operation for slice, split, crop, subsample, zero-pad and channel shuffle. */
struct pick {
    const int *channel; /* [channels], or NULL: the same channels */
    int channels, height, width;
    int top, left, step_h, step_w; /* top, left may be negative; steps >= 1 */
    float fill;
};
int graph_pick (struct graph *g, const char *name, int x, const struct pick *pick);

/* The same numbers in channel-row-column order in another shape; the products must agree. Flatten: (c h w, 1, 1). */
int graph_reshape (struct graph *g, const char *name, int x, int channels, int height, int width);
int graph_softmax (struct graph *g, const char *name, int x);     /* over channels, at each pixel; stable */
int graph_log_softmax (struct graph *g, const char *name, int x); /* its natural logarithm, also where that is -1000 */

int graph_output (struct graph *g, int x); /* returns x; at least one output is needed; order is kept */

/* While a graph is built: calls `copied` after each piece of the weights of a convolution or matrix that the graph has
 * copied, so that the caller can free what it was copied from. NULL: no more. */
void graph_on_copied (struct graph *g, void (*copied) (void *data, const void *piece, size_t bytes), void *data);

/* What is in a graph: tensors are numbered 0.. in the order they were made. */
struct tensor_info {
    const char *name;             /* valid as long as the graph */
    const char *operation;        /* "conv", "batch-norm", "activation", ...: what made it */
    struct activation activation; /* of an "activation" */
    struct range range;           /* of a "quantise" */
    int inputs[2];                /* ids of the first two tensors it is made from, or -1 */
    int channels, height, width;
    uint64_t macs;
};
int graph_tensors (const struct graph *g);
struct tensor_info graph_tensor (const struct graph *g, int id); /* 0 <= id < graph_tensors */
int graph_find (const struct graph *g, const char *name);        /* the last tensor of that name, or -1 */
/* Of a "conv" or "linear": [out_channels][in_channels / groups][kernel_h][kernel_w]; NULL: no such one, or dropped.
 * Then its parameters, without zero fields, and its bias, NULL: it has none; false: another operation. */
const float *graph_weights (const struct graph *g, int id);
bool graph_convolution (const struct graph *g, int id, struct conv *conv, const float **bias);
/* The `index`th tensor that tensor `id` is made from, or -1: there are not so many. */
int graph_source (const struct graph *g, int id, int index);
/* What an "affine" or "batch-norm" does to a channel: x * scale + shift. False: another operation, no such channel. */
bool graph_scale (const struct graph *g, int id, int channel, double *scale, double *shift);
int graph_outputs (const struct graph *g);
int graph_output_id (const struct graph *g, int index);

/* Frees the weights as they were given; what plans have packed stays. Later plans of the same options and taps still
 * work; one that needs a packing never made before fails with an error that says so. Any thread. */
void graph_drop_weights (struct graph *g);
/* Moves the weights of `from` to g, which dropped them. False: their nodes are others. Any thread for g. */
bool graph_take_weights (struct graph *g, struct graph *from);

/* ---- plan ---------------------------------------------------------------------------------------------------- */

/* Winograd's and Strassen's values are sums of sums: NaN, infinity and rounding errors of one input pixel reach the
 * outputs of a tile (Winograd, 4 x 4 at most) or of a pair of pixels (Strassen; of three, since one of an odd number of
 * pixels is in two pairs) where the direct sum keeps them in one place. */
enum algorithm { ALGORITHM_AUTO, ALGORITHM_DIRECT, ALGORITHM_F23, ALGORITHM_F43, ALGORITHM_F42, ALGORITHM_STRASSEN };
/* INT8: tensors whose ranges are known in 256 steps, weights in 255 per output channel, sums exact; the rest fp32.
 * BF16: what a direct convolution multiplies is rounded to 8 bits of mantissa, where that is faster; the rest fp32. */
enum precision { PRECISION_FP32, PRECISION_INT8, PRECISION_BF16 };

struct plan_options {
    int threads;                         /* 0: one per CPU this process may run on */
    const char *isa;                     /* one of engine_isas (); NULL: the best of them, or what CONVRELU_ISA names */
    enum algorithm algorithm;            /* AUTO chooses per layer; F23, F43, F42: for 3x3; STRASSEN: for 1x1 */
    const struct activation *activation; /* instead of each (PReLU's alphas are kept for prelu); NULL: as built */
    const char *const *taps;             /* [tap_count] names of tensors to keep readable after a run */
    int tap_count;
    bool timed;     /* measure each step of each run */
    double seconds; /* the longest that a run may take on one core, as estimated; 0: 2 */
    enum precision precision;
    const struct ranges *ranges; /* of this graph's tensors (ranges.h), for PRECISION_INT8; read by plan_new only */
    const struct cpu *cpu;       /* the engine's cpu.h: what to plan for; NULL: the processor this runs on */
    bool drop_weights;           /* as graph_drop_weights, but each layer's as soon as they are packed */
    bool untried;                /* without the run that touches all memory: the caller makes one himself */
};

/* A tensor as plan_run leaves it: data [channels][height][width], valid until the next run. */
struct tensor {
    const char *name;
    const float *data;
    int channels, height, width;
};

struct plan; /* one thread at a time; several plans of one graph share their packed weights and may run at once */

/* Simplifies the graph, picks algorithms, packs weights, lays out memory. `options` may be NULL. Keeps a reference to
 * g. NULL and a filled error: a graph in error, no output, an unknown ISA or tap, or memory short. */
struct plan *plan_new (struct graph *g, const struct plan_options *options, struct error *error);
void plan_free (struct plan *plan); /* NULL is fine */

/* One run. input [channels][height][width] of the graph's input. Never allocates, logs or fails; the result does not
 * depend on the number of threads, bit for bit. Denormals are zero inside; the caller's FP state is restored. */
void plan_run (struct plan *plan, const float *input);
/* The same in pieces: steps first .. end - 1 of plan_steps, each piece beginning where the last one ended and all with
 * the same input. Outputs and taps are there after the last step; in between they are neither old nor new. */
void plan_run_steps (struct plan *plan, const float *input, int first, int end);
/* plan_run, for trials: before each step this thread's account (work.h) is asked. False: it refuses, or is stopped, and
 * there are no outputs. */
bool plan_run_unless_stopped (struct plan *plan, const float *input);
int plan_outputs (const struct plan *plan);
const struct tensor *plan_output (const struct plan *plan, int index); /* in the order of graph_output */
const struct tensor *plan_tap (const struct plan *plan, int index);    /* in the order of options.taps */

/* One line of `inspect`: what a step does. Text is valid as long as the plan. */
struct step_info {
    const char *name, *operation, *algorithm, *type; /* "fp32", "int8", "bf16"; "u8": it moves or maps bytes */
    int channels, height, width;                     /* of what it makes */
    float low, high;                                 /* what its bytes can stand for; low == high: it makes floats */
    uint64_t macs, multiplications; /* of the plain definition; of the algorithm in use (Winograd: fewer) */
    uint64_t weight_bytes;          /* packed */
    uint64_t nanoseconds;           /* of the last run; 0 unless options.timed */
};
int plan_steps (const struct plan *plan);
struct step_info plan_step (const struct plan *plan, int index);
enum precision plan_precision (const struct plan *plan); /* as asked for; FP32 where this ISA has no BF16 */
int plan_threads (const struct plan *plan);
/* CPU time that other threads than the caller's have spent on this plan's runs and images since plan_new, ns: what a
 * run adds is what its helpers took, nothing where they helped others. The plan's thread. */
uint64_t plan_helped (const struct plan *plan);
const char *plan_isa (const struct plan *plan);
size_t plan_arena_bytes (const struct plan *plan);
/* Measures what this plan's ISA and threads can multiply-add at most, in GFLOP/s (2 per multiply-add); takes ~50 ms. */
double plan_measure_peak (struct plan *plan);
/* The ISA tables this CPU can run, best first: NULL-terminated list of names. */
const char *const *engine_isas (void);
/* Whether this CPU multiplies bytes (VNNI, dot products), so that INT8 is faster; isa as in plan_options. */
bool engine_multiplies_bytes (const char *isa);

#include "engine/arithmetic.h"
#include "engine/spatial.h"

#endif
