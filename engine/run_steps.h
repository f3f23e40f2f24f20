/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* run_steps.h: the functions that run a step of each kind. */
#ifndef CONVRELU_RUN_STEPS_H
#define CONVRELU_RUN_STEPS_H

#include "engine/schedule.h"

/* run_conv.c */
struct conv_run column_run (const struct record *step, const struct column *column, ptrdiff_t out_block);
void copy_padded (const float *in, int in_height, int in_width, int top, int left, int height, int width, size_t pixel,
                  float *out);
void run_conv (struct execution *e, const struct record *step);
void run_winograd (struct execution *e, const struct record *step);
void run_depthwise (struct execution *e, const struct record *step);
/* run_fused.c: a stem and its max-pool, row by row. */
void run_fused (struct execution *e, const struct record *step);
/* run_strassen.c */
void run_strassen (struct execution *e, const struct record *step);
/* run_layers.c: every other kind of step. */
void run_import (struct execution *e, const struct record *step);
void run_pool (struct execution *e, const struct record *step);
void run_global_pool (struct execution *e, const struct record *step);
void run_pointwise (struct execution *e, const struct record *step);
void run_copy (struct execution *e, const struct record *step);
void run_pick (struct execution *e, const struct record *step);
void run_reshape (struct execution *e, const struct record *step);
void run_softmax (struct execution *e, const struct record *step);
void run_export (struct execution *e, const struct record *step);

#endif
