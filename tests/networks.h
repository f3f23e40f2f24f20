/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* networks.h: what the files of check_networks share: a network written as safetensors and as ONNX at once. */
#ifndef CONVRELU_NETWORKS_H
#define CONVRELU_NETWORKS_H

#include "models/model.h"
#include "models/safetensors.h"
#include "tests/check.h"
#include "tests/onnx_writer.h"
#include "tests/safetensors_writer.h"

struct twin {
    struct writer w;
    struct onnx o;
    int values; /* of the ONNX graph: "v0" is the input */
    unsigned seed;
    float epsilon;    /* of batch norms; 0: 1e-5 */
    bool hard;        /* gates are hard sigmoids */
    bool no_head;     /* the classifier is left out */
    int odd;          /* which of its look-alikes is written; 0: the family itself */
    const char *said; /* more metadata: ",\"padding\":\"same\"" */
    char metadata[128];
};

enum kind { RELU, RELU6, SWISH, SILU };

/* Each writes a layer into both files and returns the number of its value. x: that of its input. */

/* inputs as printf would write them, "v3 zero six" */
__attribute__ ((format (printf, 4, 5))) int twin_node (struct twin *t, const char *operation, const char *attributes,
                                                       const char *inputs, ...);
/* Numbers of about 1 / root of `terms` around `middle`. */
void twin_tensor (struct twin *t, const char *name, const char *shape, int terms, float middle);
/* what: "out in kernel stride pad groups", in: of a group; behind it "b": with bias, "m": and weights as a matrix. */
int twin_conv (struct twin *t, int x, const char *name, const char *what);
int twin_norm (struct twin *t, int x, const char *name, int channels);
int twin_layer (struct twin *t, int x, const char *name, const char *norm, const char *what); /* both */
int twin_act (struct twin *t, int x, enum kind kind);
/* x by gates from layers `reduce` and `widen` with `few` channels between and ReLU, or SiLU where swish is set. */
int twin_gate (struct twin *t, int x, const char *reduce, const char *widen, int channels, int few, bool swish);
int twin_add (struct twin *t, int a, int b);
int twin_linear (struct twin *t, int x, const char *name, int outputs, int inputs);
int twin_mean (struct twin *t, int x); /* of each channel, a vector */
int twin_layer_norm (struct twin *t, int x, const char *name, int channels, bool vector);
int twin_max_pool (struct twin *t, int x, const char *attributes);

/* A family in one way of calling its tensors; a map: its output is 3 x 1 x 1. Ends with one without a name. */
struct family_case {
    const char *name;
    int side;
    int (*fill) (struct twin *t);
    bool map;
};
extern const struct family_case networks_families[]; /* networks_families.c */
extern const struct family_case networks_widths[];   /* told apart by nothing but how wide they are */

/* Tensors called as those of a family, and not one of its networks: look-alike `odd`, and what its refusal says. */
struct look_alike {
    struct family_case family;
    int odd;
    const char *says;
};
extern const struct look_alike networks_look_alikes[]; /* ends with one without a name */

/* A file of the run's folder: its path, until the fourth call after. */
const char *networks_path (const char *name);
bool networks_write (const char *name, const void *bytes, size_t size);
/* The family's safetensors file, written and loaded. */
struct model *networks_load (const struct family_case *family, struct twin *t, struct error *error);
int networks_scores (struct model *model, float to[16]);
void networks_same (const char *what, struct model *a, struct model *b);

void check_index (void); /* networks_index.c */

#endif
