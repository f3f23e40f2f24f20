/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* conv_direct.h: what the direct convolution shares with conv_stem_pool.c and conv_strassen.c. */
#ifndef CONVRELU_CONV_DIRECT_H
#define CONVRELU_CONV_DIRECT_H

#include "engine/conv.h"

/* How a convolution reads its input. */
enum staging {
    STAGING_NONE,   /* in place: no padding */
    STAGING_PAD,    /* a band of rows copied between zero borders */
    STAGING_SAMPLE, /* every stride-th pixel copied together: a strided 1x1 becomes a plain one */
    STAGING_PLANAR, /* a band of the planar input copied between zero borders */
};

enum staging staging_of (const struct conv *conv, bool planar);

/* What a direct step needs. */
struct direct {
    enum staging staging;
    struct segment *segments;
    int segment_count;
    ptrdiff_t depth_steps;           /* the segments' lengths together */
    ptrdiff_t pixel_stride;          /* floats */
    bool flat;                       /* pixels are contiguous in and out: runs may cross rows */
    int run_height, run_width;       /* the output seen as rows of runs; the last one may be shorter when flat */
    int staged_height, staged_width; /* pixels of one band's copy */
    int bands, band;                 /* how many bands of run rows, of nearly equal height, and the tallest */
    int column_group;                /* columns in a work item */
};

/* Bytes of input that `band` run rows need. */
size_t band_bytes (const struct step *step, int band);

/* The sum's pieces in the order of the packed weights. `row` and `plane` are floats from one input row and block to the
 * next. False: memory short. */
bool direct_segments (struct preparation *p, struct step *step, bool planar, size_t row, size_t plane);

/* What all runs of a column have in common; input, output and pixels are still to be set. */
struct conv_run column_run (const struct step *step, const struct column *column, ptrdiff_t out_block);

/* Rows [top, top + height) x columns [left, left + width) of one plane of pixels of `pixel` floats, zeros outside. */
void copy_padded (const float *in, int in_height, int in_width, int top, int left, int height, int width, size_t pixel,
                  float *out);

#endif
