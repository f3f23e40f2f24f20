/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_image.c: plan_image beside a double-precision reference of its filter, which shares no code with it: formats
 * with every sub-sampling and siting, sizes of 1 x 1 to 8K, up and down, cut anywhere, rows either way up, planes
 * against forbidden pages; the same bits on every instruction set and for any number of threads. */
#include "allocations.h"
#include "check.h"
#include "engine/engine.h"
#include "engine/image.h"
#include "guarded.h"

#include <math.h>
#include <string.h>

static const double bound = 0.03; /* code values of 0..255 */

/* ---- formats ----------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    struct image_format format;
} formats[] = {
    { "I420",
      { .planes = 3,
        .components = 3,
        .component = { { 0, 0, 1, 0 }, { 1, 0, 1, 1 }, { 2, 0, 1, 1 } },
        .down = { 0, 1, 1 } } },
    { "NV21",
      { .planes = 2,
        .components = 3,
        .component = { { 0, 0, 1, 0 }, { 1, 1, 2, 1 }, { 1, 0, 2, 1 } },
        .down = { 0, 1 } } },
    { "YUY2",
      { .planes = 1,
        .components = 3,
        .component = { { 0, 0, 2, 0 }, { 0, 1, 4, 1 }, { 0, 3, 4, 1 } },
        .down = { 0 } } },
    { "UYVY",
      { .planes = 1,
        .components = 3,
        .component = { { 0, 1, 2, 0 }, { 0, 0, 4, 1 }, { 0, 2, 4, 1 } },
        .down = { 0 } } },
    { "RGB",
      { .planes = 1,
        .components = 3,
        .component = { { 0, 0, 3, 0 }, { 0, 1, 3, 0 }, { 0, 2, 3, 0 } },
        .down = { 0 } } },
    { "xBGR",
      { .planes = 1,
        .components = 3,
        .component = { { 0, 3, 4, 0 }, { 0, 2, 4, 0 }, { 0, 1, 4, 0 } },
        .down = { 0 } } },
    { "RGBA",
      { .planes = 1,
        .components = 4,
        .component = { { 0, 0, 4, 0 }, { 0, 1, 4, 0 }, { 0, 2, 4, 0 }, { 0, 3, 4, 0 } },
        .down = { 0 } } },
    { "GRAY8", { .planes = 1, .components = 1, .component = { { 0, 0, 1, 0 } }, .down = { 0 } } },
    { "YUV9",
      { .planes = 3,
        .components = 3,
        .component = { { 0, 0, 1, 0 }, { 1, 0, 1, 2 }, { 2, 0, 1, 2 } },
        .down = { 0, 2, 2 } } },
    { "A420",
      { .planes = 4,
        .components = 4,
        .component = { { 0, 0, 1, 0 }, { 1, 0, 1, 1 }, { 2, 0, 1, 1 }, { 3, 0, 1, 0 } },
        .down = { 0, 1, 1, 0 } } },
};
enum { FORMATS = sizeof formats / sizeof *formats };

static int shifted (int length, int shift)
{
    return (length + (1 << shift) - 1) >> shift;
}

/* Of the plane's rows: how many, and of how many bytes. */
static void plane_size (const struct image_format *format, int plane, const struct image_view *view, int *rows,
                        int *bytes)
{
    *rows = shifted (view->height, format->down[plane]);
    *bytes = 0;
    for (int c = 0; c < format->components; c++) {
        const struct image_component *component = &format->component[c];
        int end = component->byte + (shifted (view->width, component->across) - 1) * component->step + 1;
        if (component->plane == plane && end > *bytes)
            *bytes = end;
    }
}

/* ---- a frame ----------------------------------------------------------------------------------------------------- */

/* Its planes lie against a forbidden page, in front of them or behind. */
struct frame {
    struct guarded memory[IMAGE_PLANES];
    const uint8_t *data[IMAGE_PLANES];
    ptrdiff_t stride[IMAGE_PLANES];
    int planes;
};

/* Noise, or edges of 0 and 255 that no other filter would meet by chance. */
static uint8_t sample (uint32_t *state, int x, int y, bool edges)
{
    *state = *state * 1664525u + 1013904223u;
    return edges ? (x / 5 + y / 3) % 2 * 255 : (uint8_t)(*state >> 24);
}

static struct frame frame_new (const struct image_format *format, const struct image_view *view, int number)
{
    struct frame frame = { .planes = format->planes };
    uint32_t state = (uint32_t)number;
    for (int p = 0; p < format->planes; p++) {
        int rows, bytes, more = number % 3 ? random_between (0, 40) : 0;
        bool up = (number + p) % 2, at_end = number / 2 % 2;
        plane_size (format, p, view, &rows, &bytes);
        size_t stride = (size_t)bytes + (size_t)more, size = stride * (size_t)(rows - 1) + (size_t)bytes;
        frame.memory[p] = guarded_new ((size + 3) / 4, ALIGNED_TO_FLOAT, at_end);
        uint8_t *start = (uint8_t *)frame.memory[p].data;
        start = at_end ? start + (size + 3) / 4 * 4 - size : start;
        for (int y = 0; y < rows; y++)
            for (int x = 0; x < bytes; x++)
                start[(size_t)y * stride + (size_t)x] = sample (&state, x, y, number % 5 == 0);
        frame.data[p] = up ? start + (size_t)(rows - 1) * stride : start;
        frame.stride[p] = up ? -(ptrdiff_t)stride : (ptrdiff_t)stride;
    }
    return frame;
}

static void frame_free (struct frame *frame)
{
    for (int p = 0; p < frame->planes; p++)
        guarded_free (&frame->memory[p]);
}

/* ---- the reference ----------------------------------------------------------------------------------------------- */

/* In pixels of the frame: `length` of them from `start` on become `count`; sample j is for pixels j * each on, and lies
 * on the first of them or in their middle. */
struct axis {
    int start, length, count, each;
    bool first;
};

/* The weight of sample j in output i, before they are divided by their sum; 0 for those that are not in the part. */
static double weight (const struct axis *axis, int i, int j)
{
    double scale = (double)axis->length / axis->count, wide = fmax (scale, axis->each);
    double at = axis->first ? j * axis->each + 0.5 : (j + 0.5) * axis->each;
    bool seen = (j + 1) * axis->each > axis->start && j * axis->each < axis->start + axis->length;
    return seen ? fmax (0, 1 - fabs (at - axis->start - (i + 0.5) * scale) / wide) : 0;
}

/* to[i * to_step] from from[j * from_step] */
static void scale_line (const struct axis *axis, const double *from, ptrdiff_t from_step, double *to, ptrdiff_t to_step)
{
    int end = (axis->start + axis->length + axis->each - 1) / axis->each;
    double scale = (double)axis->length / axis->count;
    for (int i = 0; i < axis->count; i++) {
        double sum = 0, weights = 0, wide = fmax (scale, axis->each), middle = axis->start + (i + 0.5) * scale;
        int j = (int)fmax (0, floor ((middle - wide) / axis->each) - 2);
        for (; j < end && j * axis->each <= middle + wide + 2 * axis->each; j++) {
            double w = weight (axis, i, j);
            sum += w * from[j * from_step];
            weights += w;
        }
        to[i * to_step] = sum / weights;
    }
}

/* Component c at the size of view.to: [height][width]; free () it. */
static double *scaled (const struct image_format *format, const struct image_view *view, const struct frame *frame,
                       int c)
{
    const struct image_component *component = &format->component[c];
    const struct axis x = { view->from.x, view->from.width, view->to.width, 1 << component->across, format->first_x };
    const struct axis y = { view->from.y, view->from.height, view->to.height, 1 << format->down[component->plane],
                            format->first_y };
    int rows = shifted (view->height, format->down[component->plane]),
        samples = shifted (view->width, component->across);
    double *line = malloc ((size_t)samples * sizeof *line);
    double *half = malloc ((size_t)rows * (size_t)x.count * sizeof *half);
    double *whole = malloc ((size_t)y.count * (size_t)x.count * sizeof *whole);
    for (int row = 0; row < rows; row++) {
        const uint8_t *from = frame->data[component->plane] + row * frame->stride[component->plane] + component->byte;
        for (int s = 0; s < samples; s++)
            line[s] = from[(ptrdiff_t)s * component->step];
        scale_line (&x, line, 1, half + (ptrdiff_t)row * x.count, 1);
    }
    for (int column = 0; column < x.count; column++)
        scale_line (&y, half + column, x.count, whole + column, x.count);
    free (line);
    free (half);
    return whole;
}

/* [channels][out_height][out_width]; free () it. */
static double *reference (const struct image_format *format, const struct image_view *view,
                          const struct image_colours *colours, const struct frame *frame)
{
    double *components[IMAGE_COMPONENTS];
    const struct image_rectangle *to = &view->to;
    double *out = malloc ((size_t)colours->channels * (size_t)view->out_width * (size_t)view->out_height * sizeof *out);
    for (int c = 0; c < format->components; c++)
        components[c] = scaled (format, view, frame, c);
    double *at = out;
    for (int c = 0; c < colours->channels; c++)
        for (int y = 0; y < view->out_height; y++)
            for (int x = 0; x < view->out_width; x++) {
                int i = x - to->x, j = y - to->y;
                double value = colours->matrix[c][IMAGE_COMPONENTS];
                for (int k = 0; k < format->components && i >= 0 && i < to->width && j >= 0 && j < to->height; k++)
                    value += colours->matrix[c][k] * components[k][(ptrdiff_t)j * to->width + i];
                if (i < 0 || i >= to->width || j < 0 || j >= to->height)
                    value = colours->fill[c];
                *at++ = fmin (fmax (value, 0), 255) * colours->scale[c] + colours->shift[c];
            }
    for (int c = 0; c < format->components; c++)
        free (components[c]);
    return out;
}

/* ---- plans ------------------------------------------------------------------------------------------------------- */

enum { PLANS_MAX = 12 };
static struct {
    struct plan *plan;
    char name[32];
} plans[PLANS_MAX]; /* every instruction set on one thread, the best on several */
static int plan_count;

static void add_plan (struct graph *g, const char *isa, int threads)
{
    const struct plan_options options = { .threads = threads, .isa = isa };
    struct error error;
    plans[plan_count].plan = plan_new (g, &options, &error);
    snprintf (plans[plan_count].name, sizeof plans->name, "%s, %d thread(s)", isa, threads);
    plan_count += CHECK (plans[plan_count].plan != NULL, "%s: %s", isa, error.text);
}

static void make_plans (void)
{
    struct graph *g = graph_new (NULL);
    check_group ("plans");
    graph_output (g, graph_input (g, "input", 3, 4, 4));
    for (const char *const *isa = engine_isas (); *isa && plan_count < PLANS_MAX - 3; isa++)
        add_plan (g, *isa, 1);
    for (int threads = 2; threads < 8; threads = 2 * threads + 1)
        add_plan (g, engine_isas ()[0], threads);
    graph_unref (g);
}

/* ---- cases ------------------------------------------------------------------------------------------------------- */

/* YUV of video range by BT.709, or what stands there, turned round; some numbers fall outside 0..255. */
static struct image_colours colours_of (const struct image_format *format, int channels, bool yuv)
{
    static const float matrix[4][5] = { { 1.1644f, 0, 1.7927f, 0, -248.1f },
                                        { 1.1644f, -0.2132f, -0.5329f, 0, 76.878f },
                                        { 1.1644f, 2.1124f, 0, 0, -289.018f },
                                        { 0, 0, 0, 0, 255 } };
    struct image_colours colours = { .channels = channels };
    for (int c = 0; c < channels; c++) {
        if (yuv)
            memcpy (colours.matrix[c], matrix[c], sizeof matrix[c]);
        else
            colours.matrix[c][(channels - 1 - c) % format->components] = 1;
        if (c == 3 && format->components == 4)
            memcpy (colours.matrix[c], (const float[5]) { 0, 0, 0, 1, 0 }, sizeof matrix[c]);
        colours.scale[c] = 1 / (57.f + (float)c);
        colours.shift[c] = -2.f + (float)c / 4;
        colours.fill[c] = 120.f + (float)c;
    }
    return colours;
}

/* Every plan must make the same bits of it, near those of the reference. */
static void run_case (int f, const struct image_view *view, int channels, int number)
{
    struct image_format format = formats[f].format;
    format.first_x = number & 1;
    format.first_y = number & 2;
    const struct image_colours colours = colours_of (&format, channels, format.components > 1 && number % 4);
    struct error error = { "" };
    struct image *image = image_new (&format, view, &colours, &error);
    if (!CHECK (image != NULL, "%s: %s", formats[f].name, error.text))
        return;
    struct frame frame = frame_new (&format, view, number);
    double *expected = reference (&format, view, &colours, &frame);
    size_t plane = (size_t)view->out_width * (size_t)view->out_height, count = (size_t)channels * plane;
    struct guarded out = guarded_new (count, ALIGNED_TO_FLOAT, number % 2);
    float *first = malloc (count * sizeof *first);
    for (int p = 0; p < plan_count; p++) {
        double worst = 0;
        guarded_clear (&out);
        plan_image (plans[p].plan, image, frame.data, frame.stride, out.data);
        for (size_t i = 0; i < count; i++) /* NaN stays */
            worst = fmax (worst, !(fabs (out.data[i] - expected[i]) < 1e9)
                                     ? INFINITY
                                     : fabs (out.data[i] - expected[i]) / (double)colours.scale[i / plane]);
        CHECK (worst <= bound, "%s, case %d, %s: %dx%d at %d,%d of %dx%d to %dx%d of %dx%d: off by %g", formats[f].name,
               number, plans[p].name, view->from.width, view->from.height, view->from.x, view->from.y, view->width,
               view->height, view->to.width, view->to.height, view->out_width, view->out_height, worst);
        if (p == 0)
            memcpy (first, out.data, count * sizeof *first);
        CHECK (memcmp (first, out.data, count * sizeof *first) == 0, "%s, case %d: %s has other bits than %s",
               formats[f].name, number, plans[p].name, plans[0].name);
    }
    free (first);
    free (expected);
    guarded_free (&out);
    frame_free (&frame);
    image_free (image);
}

static struct image_view whole (int width, int height, int out_width, int out_height)
{
    return (struct image_view) { width,     height,     { 0, 0, width, height },
                                 out_width, out_height, { 0, 0, out_width, out_height } };
}

static void check_sizes (void)
{
    static const int sizes[][4] = { { 1, 1, 1, 1 },     { 1, 1, 33, 17 },    { 2, 2, 3, 3 },      { 3, 5, 16, 64 },
                                    { 37, 23, 37, 23 }, { 64, 48, 65, 15 },  { 131, 77, 32, 32 }, { 500, 3, 7, 40 },
                                    { 1, 301, 50, 2 },  { 641, 479, 96, 96 } };
    check_group ("whole frames");
    for (int f = 0; f < FORMATS; f++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            struct image_view view = whole (sizes[s][0], sizes[s][1], sizes[s][2], sizes[s][3]);
            run_case (f, &view, 3, f + 7 * (int)s + 1);
        }
}

static void random_part (struct image_rectangle *part, int width, int height)
{
    part->width = random_between (1, width);
    part->height = random_between (1, height);
    part->x = random_between (0, width - part->width);
    part->y = random_between (0, height - part->height);
}

static void check_parts (void)
{
    check_group ("parts to parts");
    for (int i = 0; i < 400; i++) {
        struct image_view view =
            whole (random_between (1, 90), random_between (1, 70), random_between (1, 80), random_between (1, 40));
        random_part (&view.from, view.width, view.height);
        random_part (&view.to, view.out_width, view.out_height);
        run_case (i % FORMATS, &view, i % 7 == 0 ? 1 : i % 7 == 1 ? 4 : 3, i);
    }
}

static void check_large (void)
{
    static const int large[][5] = { /* format, frame, input */
                                    { 0, 7680, 4320, 224 },
                                    { 4, 7680, 4320, 1 },
                                    { 2, 3840, 2161, 224 },
                                    { 1, 1920, 1080, 640 },
                                    { 6, 30001, 2, 5 }
    };
    check_group ("large frames");
    for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
        struct image_view view = whole (large[i][1], large[i][2], large[i][3], large[i][3]);
        view.from = (struct image_rectangle) { large[i][1] / 7, 0, large[i][1] - large[i][1] / 5, large[i][2] };
        run_case (large[i][0], &view, 3, (int)i + 1);
    }
}

/* What Pillow 9.4 makes of it in floats, and so PyTorch: Image.resize (size, BILINEAR). */
static void check_pillow (void)
{
    static const struct {
        int width, height;
        double values[64];
    } cases[] = {
        { 4,
          3,
          { 103.243, 129.507, 122.402, 105.614, 139.562, 153.531, 125.408, 109.061, 126.481, 120.655, 121.350,
            164.915 } },
        { 11,
          2,
          { 84.372,  141.930, 112.744, 139.698, 163.256, 123.884, 134.698, 124.256, 92.558,  122.953, 78.512,
            110.372, 127.419, 158.930, 145.372, 128.419, 102.116, 120.047, 146.488, 104.047, 165.372, 157.814 } },
        { 1, 1, { 126.702 } },
        { 6, 9, { 28.543,  103.800, 100.000, 73.366,  70.200,  139.400, 79.781,  102.467, 149.967, 139.821, 87.533,
                  110.867, 149.311, 115.133, 155.537, 164.626, 121.978, 87.330,  174.143, 148.422, 147.924, 134.623,
                  140.067, 66.232,  68.943,  206.600, 206.220, 66.463,  90.600,  32.943,  128.721, 135.356, 118.824,
                  143.995, 145.667, 181.698, 139.737, 153.000, 100.805, 155.618, 126.067, 200.422, 119.057, 155.000,
                  112.618, 117.984, 117.133, 174.448, 87.400,  98.200,  125.122, 59.561,  155.800, 160.543 } },
    };
    uint8_t pixels[7 * 11];
    float out[64];
    check_group ("Pillow's numbers");
    for (int i = 0; i < 7 * 11; i++)
        pixels[i] = (uint8_t)((i % 11 * (i % 11) * 37 + i / 11 * 91 + i % 11 * (i / 11) * 13) % 256);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct image_view view = whole (11, 7, cases[i].width, cases[i].height);
        struct image_colours colours = { .channels = 1, .matrix = { { 1 } }, .scale = { 1 } };
        struct image *image = image_new (&formats[7].format, &view, &colours, NULL);
        double worst = 0;
        plan_image (plans[0].plan, image, (const uint8_t *[IMAGE_PLANES]) { pixels }, (ptrdiff_t[IMAGE_PLANES]) { 11 },
                    out);
        for (int k = 0; k < cases[i].width * cases[i].height; k++)
            worst = fabs (out[k] - cases[i].values[k]) > worst ? fabs (out[k] - cases[i].values[k]) : worst;
        CHECK (worst < 2e-3, "11x7 to %dx%d: off by %g", cases[i].width, cases[i].height, worst);
        image_free (image);
    }
}

/* ---- what is refused --------------------------------------------------------------------------------------------- */

static void check_errors (void)
{
    const struct image_view good = whole (8, 6, 4, 4);
    const struct image_colours three = { .channels = 3 };
    static const struct {
        struct image_rectangle from, to;
        int channels;
    } cases[] = { { { 0, 0, 0, 6 }, { 0, 0, 4, 4 }, 3 },         { { 0, 0, 8, 7 }, { 0, 0, 4, 4 }, 3 },
                  { { -1, 0, 4, 4 }, { 0, 0, 4, 4 }, 3 },        { { 5, 0, 4, 4 }, { 0, 0, 4, 4 }, 3 },
                  { { 5, 0, INT32_MAX, 4 }, { 0, 0, 4, 4 }, 3 }, { { 0, 0, 8, 6 }, { 1, 0, 4, 4 }, 3 },
                  { { 0, 0, 8, 6 }, { 0, 0, 4, 0 }, 3 },         { { 0, 0, 8, 6 }, { 0, 0, 4, 4 }, 0 },
                  { { 0, 0, 8, 6 }, { 0, 0, 4, 4 }, 5 } };
    check_group ("what is refused");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct image_view view = good;
        struct image_colours colours = { .channels = cases[i].channels };
        struct error error = { "" };
        view.from = cases[i].from;
        view.to = cases[i].to;
        struct image *image = image_new (&formats[0].format, &view, &colours, &error);
        CHECK (!image && strstr (error.text, "8x6"), "case %d passes: %s", (int)i, error.text);
        CHECK (!image_new (&formats[0].format, &view, &colours, NULL), "case %d passes without an error", (int)i);
    }
    for (int i = 0; i < 9; i++) {
        struct image_format format = formats[1].format;
        struct error error = { "" };
        int *const field[] = { &format.planes,
                               &format.components,
                               &format.down[1],
                               &format.component[2].plane,
                               &format.component[2].byte,
                               &format.component[2].step,
                               &format.component[2].across };
        *field[i < 7 ? i : 7 - i + 1 + 4] = i < 7 ? (i == 0 || i == 1 ? 5 : i == 5 ? 0 : i == 4 ? -1 : 3) : INT32_MAX;
        CHECK (!image_new (&format, &good, &three, &error) && error.text[0], "format %d passes", i);
    }
    struct image_view wide = good;
    wide.width = wide.from.width = INT32_MAX;
    CHECK (!image_new (&formats[4].format, &wide, &three, NULL), "a row of 3 x 2^31 bytes passes");
    image_free (NULL);
}

static void check_memory (void)
{
    const struct image_view view = whole (640, 480, 224, 224);
    const struct image_colours colours = colours_of (&formats[0].format, 3, true);
    check_group ("memory");
    if (!allocations_counted ()) {
        SKIP ("allocations are not counted under sanitizers or without glibc");
        return;
    }
    bool failed = true;
    int good = 0;
    for (; failed && good < 50; good++) {
        struct error error = { "" };
        allocations_fail_after (good);
        struct image *image = image_new (&formats[0].format, &view, &colours, &error);
        failed = allocations_heal ();
        CHECK (failed == !image && failed == !!strstr (error.text, "memory"), "%d allocations: '%s'", good, error.text);
        image_free (image);
    }
    CHECK (good > 3, "%d allocations were enough", good - 1);
    struct image *image = image_new (&formats[0].format, &view, &colours, NULL);
    struct frame frame = frame_new (&formats[0].format, &view, 1);
    float *out = malloc (3 * 224 * 224 * sizeof *out);
    allocations_start ();
    for (int p = 0; p < plan_count; p++)
        plan_image (plans[p].plan, image, frame.data, frame.stride, out);
    CHECK (allocations_calls () == 0, "%ld calls in a run", allocations_calls ());
    free (out);
    frame_free (&frame);
    image_free (image);
}

int main (void)
{
    random_seed (1);
    make_plans ();
    check_errors ();
    check_pillow ();
    check_sizes ();
    check_parts ();
    check_large ();
    check_memory ();
    for (int p = 0; p < plan_count; p++)
        plan_free (plans[p].plan);
    return check_end ();
}
