/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ssd_network.h: an ONNX file whose outputs are those of an SSD detector, as GStreamer's ssdobjectdetector reads
 * them. */
#ifndef CONVRELU_TESTS_SSD_NETWORK_H
#define CONVRELU_TESTS_SSD_NETWORK_H

#include <stdbool.h>

enum { SSD_BOXES = 3 };

/* What it has found in every picture, whatever that shows. */
struct ssd_found {
    float box[SSD_BOXES][4]; /* y, x, y, x of two corners, of the picture */
    float score[SSD_BOXES], class[SSD_BOXES];
};

/* For pictures of that size, bytes of RGB. */
bool write_ssd_network (const char *path, int width, int height, const struct ssd_found *found);

#endif
