/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench_onednn.c: how long oneDNN's convolutions take in int8: bytes times signed bytes to bytes, a scale per output
 * channel, a float bias, whatever layouts it likes best. Not part of the build: .ci/onednn compiles it.
 *
 *   usage: bench_onednn SECONDS <shapes
 *
 * Shapes, one a line, in numbers: channels, output channels, height, width of the input; then of rows and columns each:
 * size of the kernel, stride, padding before, padding behind; groups. All of them run one after the other, as in a
 * network, each reading what the one before has written, until the seconds are over: so weights come from where they
 * come from in a network. For each convolution its least ms is printed, and oneDNN's name of how; at last "all
 * CONVOLUTIONS SUM-OF-LEAST LEAST-PASS SPLIT VERSION", where SPLIT counts the shapes that had to be several.
 * Threads: $OMP_NUM_THREADS. */
#include <oneapi/dnnl/dnnl.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 4096, ARGUMENTS = 7 };

struct shape {
    int channels, outputs, height, width, groups;
    int kernel[2], stride[2], before[2], behind[2]; /* rows, columns */
};

struct convolution {
    dnnl_primitive_desc_t how;
    dnnl_primitive_t run;
    dnnl_exec_arg_t arguments[ARGUMENTS];
    double least; /* ms */
};

static dnnl_engine_t engine;
static dnnl_stream_t stream;

static void need (dnnl_status_t status, const char *what)
{
    if (status == dnnl_success)
        return;
    fprintf (stderr, "bench_onednn: %s: status %d\n", what, (int)status);
    exit (1);
}

static double now_ms (void)
{
    struct timespec t;
    clock_gettime (CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static bool read_shape (struct shape *s)
{
    return scanf ("%d %d %d %d %d %d %d %d %d %d %d %d %d", &s->channels, &s->outputs, &s->height, &s->width,
                  &s->kernel[0], &s->kernel[1], &s->stride[0], &s->stride[1], &s->before[0], &s->before[1],
                  &s->behind[0], &s->behind[1], &s->groups) == 13;
}

static dnnl_memory_desc_t tensor (int count, const dnnl_dims_t dims, dnnl_data_type_t type, dnnl_format_tag_t layout)
{
    dnnl_memory_desc_t made;
    need (dnnl_memory_desc_create_with_tag (&made, count, dims, type, layout), "a tensor");
    return made;
}

static void plan (struct convolution *c, const struct shape *s)
{
    bool grouped = s->groups > 1;
    dnnl_dims_t in = { 1, s->channels, s->height, s->width }, out = { 1, s->outputs, 0, 0 };
    dnnl_dims_t grouped_weights = { s->groups, s->outputs / s->groups, s->channels / s->groups, s->kernel[0],
                                    s->kernel[1] };
    dnnl_dims_t weights = { s->outputs, s->channels, s->kernel[0], s->kernel[1] };
    dnnl_dims_t stride = { s->stride[0], s->stride[1] }, apart = { 0, 0 };
    dnnl_dims_t before = { s->before[0], s->before[1] }, behind = { s->behind[0], s->behind[1] };
    dnnl_dims_t outputs = { s->outputs };
    for (int i = 0; i < 2; i++)
        out[2 + i] = (in[2 + i] + before[i] + behind[i] - s->kernel[i]) / stride[i] + 1;
    dnnl_primitive_attr_t scales;
    need (dnnl_primitive_attr_create (&scales), "attributes");
    need (dnnl_primitive_attr_set_scales_mask (scales, DNNL_ARG_SRC, 0), "a scale");
    need (dnnl_primitive_attr_set_scales_mask (scales, DNNL_ARG_WEIGHTS, grouped ? 3 : 1), "scales of weights");
    need (dnnl_primitive_attr_set_scales_mask (scales, DNNL_ARG_DST, 0), "a scale");
    dnnl_memory_desc_t from = tensor (4, in, dnnl_u8, dnnl_format_tag_any);
    dnnl_memory_desc_t by = grouped ? tensor (5, grouped_weights, dnnl_s8, dnnl_format_tag_any)
                                    : tensor (4, weights, dnnl_s8, dnnl_format_tag_any);
    dnnl_memory_desc_t bias = tensor (1, outputs, dnnl_f32, dnnl_x);
    dnnl_memory_desc_t to = tensor (4, out, dnnl_u8, dnnl_format_tag_any);
    need (dnnl_convolution_forward_primitive_desc_create (&c->how, engine, dnnl_forward_inference,
                                                          dnnl_convolution_direct, from, by, bias, to, stride, apart,
                                                          before, behind, scales),
          "a convolution");
    need (dnnl_primitive_create (&c->run, c->how), "a convolution");
    dnnl_memory_desc_destroy (from);
    dnnl_memory_desc_destroy (by);
    dnnl_memory_desc_destroy (bias);
    dnnl_memory_desc_destroy (to);
    dnnl_primitive_attr_destroy (scales);
    c->least = 1e30;
}

/* oneDNN 3.7 divides by zero over some kernels of 1 x 1 with many output channels where a virtual machine hides its
 * caches, so a process of its own tries first. */
static bool dies (const struct shape *s)
{
    struct convolution tried;
    int status = 0;
    pid_t child = fork ();
    if (child == 0) {
        plan (&tried, s);
        _exit (0);
    }
    return child > 0 && waitpid (child, &status, 0) == child && WIFSIGNALED (status);
}

/* Reads a shape and writes it to `to`, or several with fewer output channels where oneDNN dies of it. How many; 0: no
 * more shapes, or no room. */
static int next_shapes (struct shape *to, int room)
{
    struct shape s;
    int parts = 1;
    if (!read_shape (&s))
        return 0;
    for (; s.groups == 1 && s.outputs % 32 == 0 && dies (&s); parts *= 2)
        s.outputs /= 2;
    if (parts > room)
        return 0;
    for (int i = 0; i < parts; i++)
        to[i] = s;
    return parts;
}

static size_t bytes_of (const struct convolution *c, int argument)
{
    return dnnl_memory_desc_get_size (dnnl_primitive_desc_query_md (c->how, dnnl_query_exec_arg_md, argument));
}

/* Memory of its own where `at` is NULL: bytes of many values, or floats that are all `number`. */
static dnnl_exec_arg_t argument (int name, const_dnnl_memory_desc_t desc, void *at, float number)
{
    size_t size = dnnl_memory_desc_get_size (desc);
    char *own = at ? at : aligned_alloc (64, (size + 64) / 64 * 64);
    dnnl_exec_arg_t made = { .arg = name };
    if (!own)
        need (dnnl_out_of_memory, "memory");
    if (number != 0)
        for (size_t i = 0; i < size / sizeof number; i++)
            ((float *)own)[i] = number;
    else if (!at)
        for (size_t i = 0; i < size; i++)
            own[i] = (char)(i * 37 % 251);
    need (dnnl_memory_create (&made.memory, desc, engine, own), "memory");
    return made;
}

/* maps: what it reads and what it writes. */
static void give_memory (struct convolution *c, const struct shape *s, void *const maps[2])
{
    const dnnl_dims_t one = { 1 }, outputs = { s->outputs };
    dnnl_memory_desc_t scale = tensor (1, one, dnnl_f32, dnnl_x), scales = tensor (1, outputs, dnnl_f32, dnnl_x);
    const int names[] = { DNNL_ARG_SRC, DNNL_ARG_DST, DNNL_ARG_WEIGHTS, DNNL_ARG_BIAS };
    void *const places[] = { maps[0], maps[1], NULL, NULL };
    for (int i = 0; i < 4; i++)
        c->arguments[i] = argument (names[i], dnnl_primitive_desc_query_md (c->how, dnnl_query_exec_arg_md, names[i]),
                                    places[i], names[i] == DNNL_ARG_BIAS ? 0.5f : 0);
    c->arguments[4] = argument (DNNL_ARG_ATTR_SCALES | DNNL_ARG_SRC, scale, NULL, 0.02f);
    c->arguments[5] = argument (DNNL_ARG_ATTR_SCALES | DNNL_ARG_WEIGHTS, scales, NULL, 0.003f);
    c->arguments[6] = argument (DNNL_ARG_ATTR_SCALES | DNNL_ARG_DST, scale, NULL, 0.03f);
    dnnl_memory_desc_destroy (scale);
    dnnl_memory_desc_destroy (scales);
}

/* ms of all of them once. */
static double pass (struct convolution *all, int count)
{
    double begin = now_ms (), start = begin, end = begin;
    for (int i = 0; i < count; i++) {
        need (dnnl_primitive_execute (all[i].run, stream, ARGUMENTS, all[i].arguments), "a run");
        need (dnnl_stream_wait (stream), "a run");
        end = now_ms ();
        if (end - start < all[i].least)
            all[i].least = end - start;
        start = end;
    }
    return end - begin;
}

int main (int argc, char **argv)
{
    static struct shape shapes[MOST];
    static struct convolution all[MOST];
    double end = now_ms () + 1e3 * (argc > 1 ? atof (argv[1]) : 1), least = 1e30, sum = 0;
    size_t most = 1;
    int count = 0, split = 0;
    need (dnnl_engine_create (&engine, dnnl_cpu, 0), "the CPU");
    need (dnnl_stream_create (&stream, engine, dnnl_stream_default_flags), "a stream");
    for (int parts; (parts = next_shapes (shapes + count, MOST - count)) > 0; count += parts)
        split += parts > 1;
    for (int i = 0; i < count; i++) {
        plan (&all[i], &shapes[i]);
        for (int name = DNNL_ARG_SRC; name <= DNNL_ARG_DST; name += DNNL_ARG_DST - DNNL_ARG_SRC)
            most = bytes_of (&all[i], name) > most ? bytes_of (&all[i], name) : most;
    }
    void *maps[3] = { aligned_alloc (64, (most + 64) / 64 * 64), aligned_alloc (64, (most + 64) / 64 * 64), NULL };
    if (!maps[0] || !maps[1] || !count)
        need (dnnl_invalid_arguments, "no shape, or no memory");
    memset (maps[0], 7, most);
    maps[2] = maps[0];
    for (int i = 0; i < count; i++)
        give_memory (&all[i], &shapes[i], &maps[i % 2]);
    for (int i = 0; i < 5 || now_ms () < end; i++) {
        double ms = pass (all, count);
        least = ms < least ? ms : least;
    }
    for (int i = 0; i < count; i++) {
        const char *name = "";
        dnnl_primitive_desc_query (all[i].how, dnnl_query_impl_info_str, 0, &name);
        printf ("%.4f %s\n", all[i].least, name);
        sum += all[i].least;
    }
    const dnnl_version_t *version = dnnl_version ();
    printf ("all %d %.4f %.4f %d %d.%d.%d\n", count, sum, least, split, version->major, version->minor, version->patch);
    return 0;
}
