/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* conv_direct.h: what the direct convolution shares with conv_stem_pool.c, conv_strassen.c and conv_vector_bytes.c. */
#ifndef CONVRELU_CONV_DIRECT_H
#define CONVRELU_CONV_DIRECT_H

#include "engine/conv.h"

/* How a convolution reads its input. */
enum staging {
    STAGING_NONE,   /* in place: no padding */
    STAGING_PAD,    /* a band of rows copied between zero borders */
    STAGING_SAMPLE, /* every stride-th pixel copied together: a strided 1x1 becomes a plain one */
    STAGING_PLANAR, /* a band of the planar input copied between zero borders */
    STAGING_WORDS,  /* the same, each pixel a word of bytes: conv_stem_bytes.c */
    STAGING_WIDEN,  /* a band of pixels as they are, but as the kernel wants its numbers */
};

enum staging staging_of (const struct conv *conv, bool planar);

struct segments {
    struct segment *list; /* [count] */
    int count;
};

/* What a direct step needs. */
struct direct {
    enum staging staging;
    struct segments *segments;       /* of each of packed.range */
    ptrdiff_t pixel, pixel_stride;   /* words (kernels.h): a pixel of a block, or planar; from one to the next */
    bool flat;                       /* pixels are contiguous in and out: strips may cross rows */
    int strips, strip_width;         /* how many strips, rows unless flat, and their pixels (the last: maybe fewer) */
    int staged_height, staged_width; /* pixels of one band's copy */
    int bands, band;                 /* how many bands of strips, of nearly equal height, and the tallest */
    int panel_group;                 /* panels in a work item */
};

/* The method's own functions. */
bool direct_lay (struct packed *packed, const struct layer *layer, int in_channels);
void direct_pack (struct packed *packed, const struct node *node, const struct layer *layer, int in_channels);
bool direct_prepare (struct preparation *p, struct step *step);
void direct_run (struct execution *e, const struct step *step);

/* Bytes of input that `band` strips need. */
size_t conv_band_bytes (const struct step *step, int band);

/* The sum's pieces in the order of the packed weights. `row` and `plane` are words from one input row and block to the
 * next. False: memory short. */
bool direct_segments (struct preparation *p, struct step *step, bool planar, size_t row, size_t plane);

/* What all strips of a panel have in common; input, output and pixels are still to be set. */
struct conv_args panel_args (const struct step *step, const struct panel *panel, ptrdiff_t out_block);

/* Rows [top, top + height) and columns [left, left + width) of a plane; they may lie outside. */
struct patch {
    int top, left, height, width;
};

/* What pixels consist of, before and after they are copied. */
struct pixels {
    size_t numbers; /* in one pixel */
    enum element in, out;
    int fill;                                                   /* what is outside: 0 of floats, the zero point */
    void (*stage) (const void *in, void *out, ptrdiff_t count); /* as in struct conv_kernel */
};

enum { PIXEL_BYTES = 4 }; /* of a pixel that is a word */

/* A patch of the caller's input as such words; behind them `scratch` has room for a row of bytes. */
void conv_stage_words (const struct execution *e, const struct step *step, const struct patch *patch, void *scratch);

/* A patch of one plane in_height x in_width of such pixels. */
void copy_padded (const void *in, int in_height, int in_width, const struct patch *patch, const struct pixels *pixels,
                  void *out);

#endif
