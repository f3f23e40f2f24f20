/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* image.c: which samples each output is made from, once for all frames; then tile after tile, on all workers. */
#include "engine/image.h"
#include "engine/plan.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHIFTS = 3 }; /* a plane's samples may be for 1, 2 or 4 pixels each way */

/* One for each output along a side; the weights behind them, in the same block of memory. */
struct image {
    struct image_format format;
    struct image_view view;
    struct image_colours colours;
    struct image_taps *across[SHIFTS]; /* NULL: no component is like that */
    struct image_rows *down[SHIFTS];   /* NULL: no plane is */
};

/* ---- the filter -------------------------------------------------------------------------------------------------- */

/* `length` pixels from `start` on become `count` outputs; a sample is for 2^shift pixels. */
struct side {
    int start, length, count, shift;
    bool first; /* the sample lies on the first of them */
};

/* Half the width of the triangle, in samples. */
static double support_of (const struct side *side)
{
    double scale = (double)side->length / side->count / (1 << side->shift);
    return scale > 1 ? scale : 1;
}

/* Sample j lies at j + 1/2 of the plane, which is at (j + 1/2) 2^shift of the frame, or, where it lies on the first of
 * its pixels, at j 2^shift + 1/2. */
static double centre_of (const struct side *side, int output)
{
    double at = side->start + (output + 0.5) * ((double)side->length / side->count);
    double each = 1 << side->shift;
    return at / each + (side->first ? 0.5 - 0.5 / each : 0);
}

/* The samples [*start, *end) of one output; those whose weight is zero at either end are left out. There is a sample
 * less than 7/8 away from every centre. Returns the sum of their weights, above zero. */
static double samples_of (const struct side *side, int output, int *start, int *end)
{
    int each = 1 << side->shift, low = side->start / each;
    int high = (int)(((int64_t)side->start + side->length + each - 1) / each);
    double centre = centre_of (side, output), support = support_of (side), sum = 0;
    *start = (int)fmax (low, floor (centre - support + 0.5));
    *end = (int)fmin (high, floor (centre + support + 0.5));
    while (*start < *end - 1 && fabs (*start + 0.5 - centre) >= support)
        ++*start;
    while (*end - 1 > *start && fabs (*end - 0.5 - centre) >= support)
        --*end;
    for (int j = *start; j < *end; j++)
        sum += 1 - fabs (j + 0.5 - centre) / support;
    return sum;
}

static double weight_of (const struct side *side, int output, int sample)
{
    return 1 - fabs (sample + 0.5 - centre_of (side, output)) / support_of (side);
}

/* Room for `count` outputs of `each` bytes, and behind them for their weights of `weight` bytes. NULL: no memory. */
static void *side_memory (const struct side *side, size_t each, size_t weight)
{
    double most = floor (2 * support_of (side)) + 3; /* samples an output, and one to make them even */
    double bytes = side->count * (most * (double)weight + (double)each);
    return bytes < (double)PTRDIFF_MAX / 2 ? malloc ((size_t)bytes) : NULL;
}

/* NULL: no memory. free () it. */
static struct image_taps *make_across (const struct side *side)
{
    struct image_taps *taps = side_memory (side, sizeof *taps, sizeof (float));
    float *weights = taps ? (float *)(taps + side->count) : NULL;
    for (int i = 0; taps && i < side->count; i++) {
        int start, end;
        double sum = samples_of (side, i, &start, &end);
        taps[i] = (struct image_taps) { start, end - start, weights };
        for (int j = start; j < end; j++)
            *weights++ = (float)(weight_of (side, i, j) / sum);
    }
    return taps;
}

/* Whole numbers that add up to the largest power of two with which none is above 2^15 - 1 and no sum of 255 times them
 * above 2^31 - 1. What rounding takes from one it gives to the next. */
static void whole_weights (const struct side *side, int output, struct image_rows *rows, int16_t *weights)
{
    int start, end;
    double sum = samples_of (side, output, &start, &end), largest = 0, before = 0;
    for (int j = start; j < end; j++) {
        double weight = weight_of (side, output, j) / sum;
        largest = weight > largest ? weight : largest;
    }
    double all = exp2 (fmin (23, floor (log2 (INT16_MAX / largest))));
    *rows = (struct image_rows) { start, end - start, weights, (float)(1 / all) };
    for (int j = start; j < end; j++) {
        double after = before + weight_of (side, output, j) / sum * all;
        weights[j - start] = (int16_t)(floor (after + 0.5) - floor (before + 0.5));
        before = after;
    }
    if (rows->count % 2)
        weights[rows->count] = 0;
}

static struct image_rows *make_down (const struct side *side)
{
    struct image_rows *rows = side_memory (side, sizeof *rows, sizeof (int16_t));
    int16_t *weights = rows ? (int16_t *)(rows + side->count) : NULL;
    for (int i = 0; rows && i < side->count; i++) {
        whole_weights (side, i, &rows[i], weights);
        weights += rows[i].count + rows[i].count % 2;
    }
    return rows;
}

/* ---- making ------------------------------------------------------------------------------------------------------ */

static bool inside (const struct image_rectangle *r, int width, int height)
{
    return r->x >= 0 && r->y >= 0 && r->width > 0 && r->height > 0 && r->x <= width - r->width &&
           r->y <= height - r->height;
}

static const char *format_error (const struct image_format *format)
{
    if (format->planes < 1 || format->planes > IMAGE_PLANES || format->components < 1 ||
        format->components > IMAGE_COMPONENTS)
        return "there are no planes or components, or too many";
    for (int p = 0; p < format->planes; p++)
        if (format->down[p] < 0 || format->down[p] >= SHIFTS)
            return "a row of a plane is for more than 4 rows of pixels";
    for (int c = 0; c < format->components; c++) {
        const struct image_component *component = &format->component[c];
        if (component->plane < 0 || component->plane >= format->planes || component->byte < 0 || component->step < 1)
            return "a component's samples are nowhere";
        if (component->across < 0 || component->across >= SHIFTS)
            return "a sample is for more than 4 pixels of a row";
    }
    return NULL;
}

/* Every byte of a row has a number. */
static bool rows_fit (const struct image_format *format, int width)
{
    for (int c = 0; c < format->components; c++)
        if ((int64_t)format->component[c].step * width > INT32_MAX - IMAGE_CHUNK - format->component[c].byte)
            return false;
    return true;
}

static const char *view_error (const struct image_view *view, const struct image_colours *colours)
{
    if (!inside (&view->from, view->width, view->height))
        return "what is cut out is not inside the frame";
    if (!inside (&view->to, view->out_width, view->out_height))
        return "where it goes is not inside the input";
    return colours->channels < 1 || colours->channels > IMAGE_CHANNELS ? "the input does not have 1 to 4 channels"
                                                                       : NULL;
}

static bool make_taps (struct image *image)
{
    const struct image_view *view = &image->view;
    struct side side = { view->from.x, view->from.width, view->to.width, 0, image->format.first_x };
    bool good = true;
    for (int c = 0; c < image->format.components; c++) {
        side.shift = image->format.component[c].across;
        if (!image->across[side.shift])
            good = (image->across[side.shift] = make_across (&side)) && good;
    }
    side = (struct side) { view->from.y, view->from.height, view->to.height, 0, image->format.first_y };
    for (int p = 0; p < image->format.planes; p++) {
        side.shift = image->format.down[p];
        if (!image->down[side.shift])
            good = (image->down[side.shift] = make_down (&side)) && good;
    }
    return good;
}

struct image *image_new (const struct image_format *format, const struct image_view *view,
                         const struct image_colours *colours, struct error *error)
{
    const char *wrong = format_error (format);
    struct image *image = NULL;
    if (!wrong)
        wrong = view_error (view, colours);
    if (!wrong && !rows_fit (format, view->width))
        wrong = "a row has more than 2^31 bytes";
    if (!wrong) {
        image = calloc (1, sizeof *image);
        wrong = image ? NULL : "no memory";
    }
    if (image) {
        image->format = *format;
        image->view = *view;
        image->colours = *colours;
        if (!make_taps (image)) {
            image_free (image);
            image = NULL;
            wrong = "no memory for the weights of its filter";
        }
    }
    if (wrong && error)
        snprintf (error->text, sizeof error->text, "a frame of %dx%d for an input of %dx%d: %s", view->width,
                  view->height, view->out_width, view->out_height, wrong);
    return image;
}

void image_free (struct image *image)
{
    for (int i = 0; image && i < SHIFTS; i++) {
        free (image->across[i]);
        free (image->down[i]);
    }
    free (image);
}

/* ---- a frame ----------------------------------------------------------------------------------------------------- */

/* What the items of one frame are made from; a step of no plan points at it. */
struct frame {
    const struct image *image;
    const uint8_t *const *data;
    const ptrdiff_t *stride;
    float *out;
};

static void fill (const struct image_colours *colours, int channel, float *to, ptrdiff_t count)
{
    float value = colours->fill[channel] * colours->scale[channel] + colours->shift[channel];
    for (ptrdiff_t i = 0; i < count; i++)
        to[i] = value;
}

/* Around view.to. */
static void fill_edges (const struct image *image, float *out)
{
    const struct image_view *view = &image->view;
    const struct image_rectangle *to = &view->to;
    const ptrdiff_t width = view->out_width, height = view->out_height;
    const int right = to->x + to->width, bottom = to->y + to->height;
    for (int c = 0; c < image->colours.channels; c++, out += width * height) {
        fill (&image->colours, c, out, width * to->y);
        fill (&image->colours, c, out + width * bottom, width * (height - bottom));
        for (int y = to->y; y < bottom && to->width < width; y++) {
            fill (&image->colours, c, out + width * y, to->x);
            fill (&image->colours, c, out + width * y + right, width - right);
        }
    }
}

static void tile_item (struct execution *e, const struct step *step, struct worker_state *worker, int item)
{
    const struct frame *frame = step->state;
    const struct image *image = frame->image;
    const struct image_view *view = &image->view;
    int tiles = divide_up (view->to.width, IMAGE_COLUMNS), x = item % tiles * IMAGE_COLUMNS,
        y = item / tiles * IMAGE_ROWS;
    struct image_tile tile = {
        .rows = least (IMAGE_ROWS, view->to.height - y),
        .columns = least (IMAGE_COLUMNS, view->to.width - x),
        .planes = image->format.planes,
        .components = image->format.components,
        .component = image->format.component,
        .colours = &image->colours,
        .out = frame->out + (ptrdiff_t)(view->to.y + y) * view->out_width + view->to.x + x,
        .out_row = view->out_width,
        .out_channel = (ptrdiff_t)view->out_width * view->out_height,
        .scratch = worker->scratch,
    };
    for (int p = 0; p < tile.planes; p++) {
        tile.data[p] = frame->data[p];
        tile.stride[p] = frame->stride[p];
        tile.down[p] = image->down[image->format.down[p]] + y;
    }
    for (int c = 0; c < tile.components; c++)
        tile.across[c] = image->across[image->format.component[c].across] + x;
    e->kernels->image (&tile);
}

void plan_image (struct plan *plan, const struct image *image, const uint8_t *const data[IMAGE_PLANES],
                 const ptrdiff_t stride[IMAGE_PLANES], float *out)
{
    struct frame frame = { image, data, stride, out };
    const struct step step = { .state = &frame };
    const struct image_rectangle *to = &image->view.to;
    uint64_t fpu = plan->execution.kernels->fpu_enter ();
    fill_edges (image, out);
    schedule_items (&plan->execution, &step, tile_item,
                    divide_up (to->width, IMAGE_COLUMNS) * divide_up (to->height, IMAGE_ROWS));
    plan->execution.kernels->fpu_leave (fpu);
}
