/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* safetensors_writer.c: makes safetensors files for tests. */
#include "tests/safetensors_writer.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is (const char *name, const char *other)
{
    return other && !strcmp (name, other);
}

/* A float whose lower 16 bits are 0, so that all three dtypes hold it: -1, -7/8, .. 1. */
static float number (unsigned *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (float)((int)(*seed >> 16) % 9 - 4) / 4;
}

static size_t put_number (unsigned char *to, const char *dtype, float value)
{
    uint32_t bits;
    memcpy (&bits, &value, 4);
    if (!strcmp (dtype, "F32")) {
        memcpy (to, &bits, 4); /* tests run on little-endian machines */
        return 4;
    }
    uint32_t half = bits >> 16;
    if (!strcmp (dtype, "F16"))
        half = bits ? (bits >> 16 & 0x8000) | ((bits >> 23 & 255) - 112) << 10 | (bits >> 13 & 1023) : 0;
    to[0] = (unsigned char)half;
    to[1] = (unsigned char)(half >> 8);
    return 2;
}

void writer_tensor (struct writer *w, const char *name, const char *shape)
{
    writer_numbers (w, name, shape, NULL);
}

void writer_numbers (struct writer *w, const char *name, const char *shape, const float *numbers)
{
    if (is (name, w->left_out))
        return;
    const char *dtype = w->dtype ? w->dtype : "F32", *at = shape;
    size_t count = 1, begin = w->data_used;
    for (char *end; *at; at = *end ? end + 1 : end)
        count *= strtoul (at, &end, 10);
    if (is (name, w->hollow)) {
        shape = "2000000000,0,3,3";
        count = 0;
    }
    unsigned seed = (unsigned)w->data_used + 1;
    bool positive = strstr (name, "running_var") || strstr (name, "bn");
    for (size_t i = 0; i < count && w->data_used + 4 <= WRITER_DATA; i++) {
        float value = numbers ? numbers[i] : positive ? 1 + number (&seed) / 2 : number (&seed) / 2;
        w->data_used += put_number (w->data + w->data_used, dtype, value);
    }
    char flat[32], head[128];
    const char *dot = strchr (name, '.'), *prefix = w->prefix ? w->prefix : "";
    if (w->head && (!strncmp (name, "fc.", 3) || !strncmp (name, "linear.", 7))) {
        snprintf (head, sizeof head, "%s%s", w->head, dot);
        name = head;
        prefix = "";
    }
    snprintf (flat, sizeof flat, "%zu", count);
    w->used += (size_t)snprintf (w->header + w->used, WRITER_HEADER - w->used,
                                 "%s\"%s%s%s\":{\"dtype\":\"%s\",\"shape\":[%s],\"data_offsets\":[%zu,%zu]}",
                                 w->tensors++ ? "," : "", prefix, name, is (name, w->renamed) ? "x" : "", dtype,
                                 is (name, w->flattened) ? flat : shape, begin, w->data_used);
}

static void layer (struct writer *w, const char *block, const char *conv, const char *norm, const char *shape)
{
    static const char *const parts[] = { "weight", "bias", "running_mean", "running_var" };
    char name[64], channels[16];
    snprintf (name, sizeof name, "%s%s.weight", block, conv);
    writer_tensor (w, name, shape);
    snprintf (channels, sizeof channels, "%.*s", (int)strcspn (shape, ","), shape);
    for (int i = 0; i < 4; i++) {
        snprintf (name, sizeof name, "%s%s.%s", block, norm, parts[i]);
        writer_tensor (w, name, channels);
    }
}

void writer_small (struct writer *w)
{
    layer (w, "", "conv1", "bn1", "4,3,3,3");
    layer (w, "layer1.0.", "conv1", "bn1", "4,4,3,3");
    layer (w, "layer1.0.", "conv2", "bn2", "4,4,3,3");
    layer (w, "layer2.0.", "conv1", "bn1", "7,4,3,3");
    layer (w, "layer2.0.", "conv2", "bn2", "7,7,3,3");
    writer_tensor (w, "linear.weight", "2,7");
    writer_tensor (w, "linear.bias", "2");
}

void writer_grouped (struct writer *w)
{
    layer (w, "", "conv1", "bn1", "4,3,7,7");
    layer (w, "layer1.0.", "conv1", "bn1", "4,4,1,1");
    layer (w, "layer1.0.", "conv2", "bn2", "4,2,3,3");
    layer (w, "layer1.0.", "conv3", "bn3", "8,4,1,1");
    layer (w, "layer1.0.", "downsample.0", "downsample.1", "8,4,1,1");
    layer (w, "layer1.1.", "conv1", "bn1", "4,8,1,1");
    layer (w, "layer1.1.", "conv2", "bn2", "4,2,3,3");
    layer (w, "layer1.1.", "conv3", "bn3", "8,4,1,1");
    layer (w, "layer2.0.", "conv1", "bn1", "8,8,1,1");
    layer (w, "layer2.0.", "conv2", "bn2", "8,4,3,3");
    layer (w, "layer2.0.", "conv3", "bn3", "16,8,1,1");
    layer (w, "layer2.0.", "downsample.0", "downsample.1", "16,8,1,1");
    writer_tensor (w, "fc.weight", "3,16");
    writer_tensor (w, "fc.bias", "3");
}

unsigned char *writer_file (const struct writer *w, size_t *size)
{
    char text[WRITER_HEADER + 4096];
    int length = snprintf (text, sizeof text, "{%s%s%s%s}", w->metadata ? "\"__metadata__\":" : "",
                           w->metadata ? w->metadata : "", w->metadata && w->tensors ? "," : "", w->header);
    *size = 8 + (size_t)length + w->data_used;
    unsigned char *file = calloc (1, *size + 1);
    if (!file)
        abort ();
    file[0] = (unsigned char)length;
    file[1] = (unsigned char)(length >> 8);
    memcpy (file + 8, text, (size_t)length);
    memcpy (file + 8 + length, w->data, w->data_used);
    return file;
}
