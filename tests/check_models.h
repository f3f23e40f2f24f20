/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_models.h: what the files of check_models share. */
#ifndef CONVRELU_CHECK_MODELS_H
#define CONVRELU_CHECK_MODELS_H

#include "models/model.h"
#include "tests/check.h"
#include "tests/onnx_writer.h"

#include <stddef.h>

/* A folder of this run, removed at the end. */
const char *scratch (void);
/* "FOLDER/name" for a file there; valid until the 32nd call after. */
const char *scratch_path (const char *name);
bool write_file (const char *path, const void *data, size_t size);
/* malloc'd, or NULL. */
char *slurp (const char *path, size_t *size);

/* Runs the model on input; counts checks: the outputs of the engine and of the double-precision reference are both
 * within `tolerance` (relative to the largest number, at least 1) of `expected`. */
void check_scores (const char *what, struct model *model, const float *input, const float *expected, size_t count,
                   double tolerance);
/* Ends the file and writes it to `path`, from where it is loaded, once more with memory that runs short; NULL and the
 * error: that failed. Frees o. */
struct model *load_onnx (const char *path, struct onnx *o, struct error *error);
/* Loads a small file again and again, with one charge of work more that is let through each time (charges.h), then with
 * one allocation more; counts a check where there is neither a model nor an error that names the file, and one at the
 * end. How many allocations it takes; -1: they cannot be made to fail, or the file is large. */
long memory_runs_short (const char *path);
/* load_onnx, and check_scores of what it makes of the input, within 2e-6. */
void check_file (const char *what, struct onnx *o, const float *input, const float *expected, size_t count);
/* Only the reference's numbers, to `to`; false when the count is another. */
bool reference_scores (struct model *model, const float *input, double *to, size_t count);

/* Numbers between -1 and 1, the same for the same seed. */
void fill (float *to, size_t count, unsigned seed);

void check_operators (void);        /* check_models_operators.c */
void check_arithmetic (void);       /* check_models_arithmetic.c */
void check_output_choice (void);    /* check_models_heads.c */
void check_families (void);         /* check_models_families.c */
void check_spatial (void);          /* check_models_spatial.c */
void check_norms (void);            /* check_models_norms.c */
void check_shapes (void);           /* check_models_shapes.c */
void check_patterns (void);         /* check_models_patterns.c */
void check_hostile (void);          /* check_models_hostile.c */
void check_shared (void);           /* check_models_shared.c */
void check_cache (void);            /* check_models_cache.c */
void check_side (void);             /* check_models_side.c */
void check_formats (void);          /* check_models_formats.c */
void check_broken (void);           /* check_models_broken.c */
void check_attributes (void);       /* check_models_attributes.c */
void check_fold (void);             /* check_models_fold.c */
void check_case_files (void);       /* check_models_cases.c */
void check_layout (void);           /* check_models_layout.c */
void check_labels (void);           /* check_models_labels.c */
void check_side_files (void);       /* check_models_files.c */
void check_preparation (void);      /* check_models_preparation.c */
void check_external (void);         /* check_models_external.c */
void check_memory (void);           /* check_models_memory.c */
void check_command (void);          /* check_models_command.c */
void check_test_data (void);        /* check_models_testdata.c */
void check_score_rules (void);      /* check_models_scores.c */
void check_quantised (void);        /* check_models_quantised.c */
void check_quantised_broken (void); /* check_models_quantised_broken.c */
void check_ranges (void);           /* check_models_ranges.c */
void check_histogram (void);        /* check_models_histogram.c */
void check_qdq (void);              /* check_models_qdq.c */

/* check_models_ranges_short.c; a part of check_ranges. */
void check_ranges_short (struct model *model);

#endif
