/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* calibrate.h: what range the numbers of each tensor have, seen while the network runs over pictures in fp32. */
#ifndef CONVRELU_CALIBRATE_H
#define CONVRELU_CALIBRATE_H

#include "engine/ranges.h"
#include "models/model.h"

/* How much wider a range is made than what its steps are best spent on (histogram.h): what the network will see goes
 * beyond what it was shown. */
#define CALIBRATE_MARGIN_PICTURES 1.15f
#define CALIBRATE_MARGIN_DRAWINGS 1.1f

/* How to calibrate; zeros and NULL: the eight drawings of drawings.h and every thread. */
struct calibration {
    int pictures;
    /* Fills input [channels][height][width] with picture `index`; pictures are asked for again and again. False: it
     * has filled the error. NULL: drawings. */
    bool (*picture) (void *data, int index, float *input, struct error *error);
    /* Asked after each of `runs` runs; false: no more of them. NULL: go on. */
    bool (*go_on) (void *data, int done, int runs);
    void *data;                          /* for both */
    float margin;                        /* 0: 1.15 for pictures, 1.1 for drawings */
    const struct input_spec *spec;       /* how pixels become the input; NULL: the model's own */
    const struct activation *activation; /* as plan_options.activation */
    int threads;                         /* as plan_options.threads */
    double seconds;                      /* as plan_options.seconds */
    const char *isa;
};

/* Ranges of every tensor of the network: the input's as its preparation says, the others as they were seen, narrowed to
 * where their steps are spent best (histogram.h) and wider by the margin, but not beyond what an activation can make. A
 * tensor that holds NaN or infinity in some run has none. Runs each picture once for each so many tensors as fit into
 * 128 MiB, at most 16 times. NULL and a filled error: that is too few, memory is short, a picture is bad, the thread's
 * account (engine/work.h) is stopped, or go_on has said no (then error->text is "cancelled"). Any thread; the weights
 * must not have been dropped. */
struct ranges *calibrate (const struct model *model, const struct calibration *how, struct error *error);

/* Pixels rgb [height][width][3] as the network takes them: input [channels][height][width], one channel being luma
 * (BT.601) and a fourth, alpha, opaque. */
void calibrate_prepare (const struct input_spec *spec, const uint8_t *rgb, float *input);
/* Drawing `index` so; false: memory is short. */
bool calibrate_drawing (const struct input_spec *spec, int index, float *input);

#endif
