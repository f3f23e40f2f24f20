/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz_seeds.c: good inputs of each format, from the writers of the tests; see fuzz.h. */
#include "tests/fuzz/fuzz.h"

#include "models/npy.h"
#include "models/ranges_file.h"
#include "tests/onnx_writer.h"
#include "tests/safetensors_writer.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef void put_function (void *data, const void *bytes, size_t size);

/* ---- ONNX -------------------------------------------------------------------------------------------------------- */

static float numbers[1024];

/* x -> conv, relu, pool, shortcut, classifier: what most networks are made of. */
static void residual (struct onnx *o)
{
    onnx_input (o, "x", "1 3 12 12");
    onnx_floats (o, "w", "8 3 3 3", numbers);
    onnx_floats (o, "v", "8 8 3 3", numbers);
    onnx_floats (o, "s", "8", numbers);
    onnx_floats (o, "f", "8 5", numbers);
    onnx_node (o, "Conv", "x w s", "a", "pads=1,1,1,1 strides=2,2");
    onnx_node (o, "BatchNormalization", "a s s s s", "b", "epsilon=0.01f");
    onnx_node (o, "Relu", "b", "c", "");
    onnx_node (o, "Conv", "c v", "d", "pads=1,1,1,1");
    onnx_node (o, "Add", "d c", "e", "");
    onnx_node (o, "MaxPool", "e", "g", "kernel_shape=2,2 strides=2,2");
    onnx_node (o, "GlobalAveragePool", "g", "h", "");
    onnx_node (o, "Flatten", "h", "i", "");
    onnx_node (o, "Gemm", "i f", "j", "alpha=0.5f");
    onnx_node (o, "Softmax", "j", "y", "");
    onnx_output (o, "y", "1 5");
}

/* Shapes calculated in the file, slices, joins, orders. */
static void shapes (struct onnx *o)
{
    onnx_input (o, "x", "? 4 6 6");
    onnx_ints (o, "axis", "0");
    onnx_ints (o, "starts", "1 0");
    onnx_ints (o, "ends", "3 4");
    onnx_ints (o, "axes", "1 2");
    onnx_ints (o, "tail", "-1");
    onnx_node (o, "Shape", "x", "s", "");
    onnx_node (o, "Gather", "s axis", "n", "");
    onnx_node (o, "Concat", "n tail", "t", "axis=0");
    onnx_node (o, "Slice", "x starts ends axes", "a", "");
    onnx_node (o, "Concat", "a a", "b", "axis=1");
    onnx_node (o, "Transpose", "b", "c", "perm=0,2,3,1");
    onnx_node (o, "Reshape", "c t", "d", "");
    onnx_node (o, "Sigmoid", "d", "y", "");
    onnx_output (o, "y", "1 96");
}

static void quantised (struct onnx *o)
{
    const int8_t bytes[27] = { 1, -2, 3, 4, -5, 6, 7, 8, -9 };
    const uint8_t zero = 128;
    struct message w = tensor_message ("w", 3, "3 1 3 3", bytes, sizeof bytes);
    struct message z = tensor_message ("z", 2, "", &zero, 1);
    onnx_input (o, "x", "1 3 8 8");
    onnx_number (o, "s", 0.02f);
    put_message (&o->graph, 5, &w);
    put_message (&o->graph, 5, &z);
    onnx_node (o, "QuantizeLinear", "x s z", "a", "");
    onnx_node (o, "DequantizeLinear", "a s z", "b", "");
    onnx_node (o, "DequantizeLinear", "w s", "k", "");
    onnx_node (o, "Conv", "b k", "c", "group=3");
    onnx_node (o, "AveragePool", "c", "y", "kernel_shape=6,6");
    onnx_output (o, "y", "1 3 1 1");
}

static void gated (struct onnx *o)
{
    onnx_input (o, "x", "1 16 4 4");
    onnx_number (o, "three", 3);
    onnx_number (o, "least", 0);
    onnx_number (o, "most", 6);
    onnx_node (o, "Sigmoid", "x", "a", "");
    onnx_node (o, "Mul", "x a", "b", "");
    onnx_node (o, "Add", "b three", "c", "");
    onnx_node (o, "Clip", "c least most", "d", "");
    onnx_node (o, "ReduceMean", "d", "y", "axes=2,3 keepdims=1");
    onnx_output (o, "y", "1 16 1 1");
}

void fuzz_onnx_seeds (put_function *put, void *data)
{
    static void (*const writers[]) (struct onnx *) = { residual, shapes, quantised, gated };
    for (int i = 0; i < 1024; i++)
        numbers[i] = (float)(i % 7) / 8 + 0.1f;
    for (size_t i = 0; i < sizeof writers / sizeof writers[0]; i++) {
        struct onnx o = onnx_new (i == 1 ? 11 : 13);
        writers[i](&o);
        onnx_finish (&o);
        put (data, o.file.data, o.file.size);
        onnx_free (&o);
    }
}

/* ---- the others -------------------------------------------------------------------------------------------------- */

void fuzz_safetensors_seeds (put_function *put, void *data)
{
    static void (*const writers[]) (struct writer *) = { writer_small, writer_grouped };
    struct writer *w = malloc (sizeof *w);
    for (size_t i = 0; w && i < sizeof writers / sizeof writers[0]; i++) {
        memset (w, 0, sizeof *w);
        w->metadata = "{\"network\":\"resnet\",\"labels\":\"a\\nb\",\"mean\":\"0.5,0.5,0.5\"}";
        writers[i](w);
        size_t size;
        unsigned char *file = writer_file (w, &size);
        put (data, file, size);
        free (file);
    }
    free (w);
}

static void put_texts (const char *const *texts, put_function *put, void *data)
{
    for (; *texts; texts++)
        put (data, *texts, strlen (*texts));
}

void fuzz_labels_seeds (put_function *put, void *data)
{
    static const char *const texts[] = { "tench\ngoldfish\n\ngreat white shark\n",
                                         "0: tench\r\n1: goldfish, Carassius auratus\r\n",
                                         "n01440764 tench, Tinca tinca\nn01443537 goldfish\n",
                                         "{\"0\": \"tench\", \"1\": [\"n01\", \"goldfish\"]}",
                                         "{'id2label': {0: 'tench', 1: \"gold\\x66ish\"}}",
                                         "['a', 'b', (\"c\")]",
                                         "id,name\n0,\"tench, the\"\n1,goldfish\n",
                                         "names:\n  0: tench\n  1: goldfish\n",
                                         "names: [a, b, 'c']\n",
                                         "item {\n  id: 1\n  display_name: 'tench'\n}\n",
                                         "a\xe2\x80\xae\xff\x01\nb\n",
                                         NULL };
    put_texts (texts, put, data);
}

void fuzz_modelinfo_seeds (put_function *put, void *data)
{
    static const char *const texts[] = {
        "[x]\ndir = input\nmean = 0.485, 0.456, 0.406\nstd=0.229,0.224,0.225\nchannel-order = rgb\nsize = 224x224\n",
        "[modelinfo]\nversion=1.0\ngroup-id=a\n\n[x]\nid=b\ntype=float32\ndims=1,3,224,224\ndir=input\nranges=0,255\n",
        "[pixels]\nranges=0,1;0,1;0,1\ndir=input\n", "# comment\n[x]\ndir=output\n", NULL
    };
    put_texts (texts, put, data);
}

/* What `write` writes into a file. */
static void put_written (bool (*write) (const char *path, struct error *error), put_function *put, void *data)
{
    struct error error = { "" };
    char path[] = "/tmp/convrelu-seed-XXXXXX", bytes[4096];
    int fd = mkstemp (path);
    if (fd < 0)
        return;
    close (fd);
    fd = write (path, &error) ? open (path, O_RDONLY | O_CLOEXEC) : -1; /* it may be another file by now */
    if (fd >= 0) {
        ssize_t size = read (fd, bytes, sizeof bytes);
        put (data, bytes, size > 0 ? (size_t)size : 0);
        close (fd);
    }
    unlink (path);
}

static bool write_npy (const char *path, struct error *error)
{
    return npy_write (path, (float[12]) { 1, 2, 3 }, 3, (int64_t[]) { 3, 2, 2 }, error);
}

void fuzz_npy_seeds (put_function *put, void *data)
{
    put_written (write_npy, put, data);
}

static bool write_ranges (const char *path, struct error *error)
{
    struct model *model = model_fixed_filters (FUZZ_SIDE, FUZZ_SIDE, error);
    struct ranges *ranges = model ? ranges_new (model_graph (model)) : NULL;
    for (int id = 0; ranges && id < ranges_tensors (ranges); id++)
        ranges_set (ranges, id, -0.5f, (float)id);
    bool good = ranges && ranges_file_write (path, model, ranges, "no pictures", 24.5, error);
    ranges_free (ranges);
    model_unref (model);
    return good;
}

void fuzz_ranges_seeds (put_function *put, void *data)
{
    put_written (write_ranges, put, data);
}
