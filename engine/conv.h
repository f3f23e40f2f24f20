/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* conv.h: a convolution method is one file conv_<method>.c and one row of conv_methods.def. */
#ifndef CONVRELU_CONV_H
#define CONVRELU_CONV_H

#include "engine/schedule.h"

struct conv_method {
    const char *name;
    unsigned algorithms; /* bits 1 << enum algorithm: what plan_options.algorithm may say to get it */
    bool only;           /* where it fits no other is asked */
    bool few_weights;    /* too few to prefetch */
    bool twice;          /* its kernel rounds twice where struct requantise says so */
    bool bf16;           /* its kernel is preparation.bf16 */
    unsigned inputs;     /* bits 1 << enum element of what it reads; 0: floats alone */
    double gain;         /* chosen by itself where it needs less than this part of the best other's cycles */
    const void *variant; /* of the method's own */
    bool (*fits) (const struct conv_method *method, const struct preparation *p, const struct step *step, bool planar);
    double (*cycles) (const struct conv_method *method, const struct preparation *p, const struct step *step);
    /* Panels, depth and weight_bytes of packed; then, with memory of zeros, the weights. False: memory short. */
    bool (*lay) (struct packed *packed, const struct layer *layer, int in_channels);
    void (*pack) (struct packed *packed, const struct node *node, const struct layer *layer, int in_channels);
    /* With step->packed in place: the step's state, pieces of work, scratch, text. False: memory short. */
    bool (*prepare) (struct preparation *p, struct step *step);
    void (*run) (struct execution *e, const struct step *step);
};

#define METHOD(name) extern const struct conv_method conv_##name;
#include "engine/conv_methods.def"

/* The method that a convolution step gets. `planar`: its input is the caller's. */
const struct conv_method *conv_choose (const struct preparation *p, const struct step *step, enum algorithm wanted,
                                       bool planar);

#endif
