/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx.h: the bytes of an ONNX file -> a graph. */
#ifndef CONVRELU_ONNX_H
#define CONVRELU_ONNX_H

#include "engine/engine.h"
#include "models/file.h"
#include "models/notices.h"
#include "models/onnx_scan.h"

/* What an ONNX file holds besides the graph. */
struct onnx_extras {
    char *labels; /* class names from the file's metadata, one per line in class order, or NULL; the caller frees it */
    /* Set before: asked for the size of an input that leaves height or width open; 0: 224. NULL: 224. */
    void (*open_size) (const void *data, const char *input, int *height, int *width);
    const void *data;
    struct onnx_compact *compact; /* set before: gets the file without its numbers, for the caller to free; or NULL */
    struct notices *notices;      /* set before: gets what a user should know; NULL: nobody is told */
    bool size_left_open;          /* height, width or both */
    bool channels_last; /* in the file the image is (1, height, width, channels); in the graph its channels are first */
    bool bytes;         /* the file takes whole numbers of 0 to 255 */
    struct file_list files;                     /* with external data; the caller frees it */
    int quantised_tensors, quantised_constants; /* that the file has as integers with a scale */
};

/* Reads `size` bytes that came from `path`; files with external data are looked for in its folder. Takes `bytes`, made
 * by malloc, on success and on failure: they are freed as soon as they have been taken apart, so that a large file is
 * not in memory three times.
 *
 * Opset 1 to 25 of the ai.onnx domain, weights of every float type, one image per run: a leading dimension of 1 or left
 * open. Height and width left open become what open_size says, else 224; channels what the first layer takes. An input
 * of shape (1, height, width, channels) is (channels, height, width) in the graph.
 * Integers of 8 and 16 bits with scales are the real numbers they stand for; what quantises is a graph_quantise.
 * Outputs that are integers are given as real numbers too.
 * Every tensor of the graph carries the name of the ONNX value it holds.
 *
 * What a hostile file can make it use: memory for its own bytes, plus 16 times its size but at most 256 MiB for taking
 * it apart, plus weights of 4 times its size and that of the files it names, which is at most 2 GiB, + 64 MiB; the time
 * that the thread's account allows (engine/work.h).
 * NULL and a filled error on failure. */
struct graph *onnx_read (const char *path, char *bytes, size_t size, struct onnx_extras *extras, struct error *error);

/* The same of a file that was read before and is still what it was, from what `compact` keeps of it. Numbers are read
 * from `file` where they are needed, and those of convolutions are dropped (graph_drop_weights). */
struct graph *onnx_read_compact (const char *path, const struct onnx_compact *compact, const struct file *file,
                                 struct onnx_extras *extras, struct error *error);

#endif
