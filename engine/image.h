/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* image.h: a frame of 8-bit pixels -> the network's input tensor, in one pass.
 *
 *   planes of bytes, each at its own resolution
 *     -> cut and scaled, each at its own resolution       by an antialiased triangle filter
 *     -> colours: a matrix, at the network's size         0..255, clamped
 *     -> scale, shift                                     float [channels][height][width]
 *
 * The filter is what PyTorch calls bilinear with antialias and Pillow BILINEAR: a triangle as wide as the step between
 * outputs where it scales down, as two samples where it scales up, its weights divided by their sum; where it reaches
 * out of the part that is cut, the samples inside share the weight. Down the columns weights are whole numbers of up to
 * 15 bits: less than 0.03 off while up to 500 rows become one. Nothing else is rounded on the way. No multiply-add is
 * fused and no sum depends on who computes it: the same bits on every processor, for any number of threads. */
#ifndef CONVRELU_IMAGE_H
#define CONVRELU_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { IMAGE_PLANES = 4, IMAGE_COMPONENTS = 4, IMAGE_CHANNELS = 4 };

/* Part of a pixel: R or Y, for example. Its samples are single bytes. */
struct image_component {
    int plane;
    int byte;   /* of its first sample, from the start of a row */
    int step;   /* bytes from a sample to the next; at least 1 */
    int across; /* one sample for 2^across pixels in a row, 0..2; a part of them at the end counts as all */
};

struct image_format {
    int planes, components;
    struct image_component component[IMAGE_COMPONENTS];
    int down[IMAGE_PLANES]; /* one row of the plane for 2^down rows of pixels, 0..2 */
    bool first_x, first_y;  /* a sample for several pixels lies on the first of them, else in their middle */
};

struct image_rectangle {
    int x, y, width, height; /* pixels */
};

/* `from` of a frame of `width` x `height` is scaled onto `to` of an input of out_width x out_height. */
struct image_view {
    int width, height;
    struct image_rectangle from;
    int out_width, out_height;
    struct image_rectangle to;
};

/* Channel c of the input = clamp (matrix[c][4] + sum of matrix[c][k] * component k, 0, 255) * scale[c] + shift[c];
 * outside of view.to it is fill[c] * scale[c] + shift[c]. */
struct image_colours {
    int channels;
    float matrix[IMAGE_CHANNELS][IMAGE_COMPONENTS + 1];
    float scale[IMAGE_CHANNELS], shift[IMAGE_CHANNELS], fill[IMAGE_CHANNELS];
};

struct error;
struct plan;

struct image; /* immutable; any number of threads may use it */

/* What frames of this format are turned into. Allocates about 8 bytes for each pixel of a row and of a column of `from`
 * and 64 for those of `to`. NULL and a filled error: a number outside its range, a rectangle that is empty or not
 * inside, memory short. */
struct image *image_new (const struct image_format *format, const struct image_view *view,
                         const struct image_colours *colours, struct error *error);
void image_free (struct image *image); /* NULL is fine */

/* out [channels][out_height][out_width]. Row y of plane p begins at data[p] + y * stride[p]; strides may be negative.
 * Only samples that some output is made from are read. Neither allocates nor fails; all of the plan's threads help. */
void plan_image (struct plan *plan, const struct image *image, const uint8_t *const data[IMAGE_PLANES],
                 const ptrdiff_t stride[IMAGE_PLANES], float *out);

#endif
