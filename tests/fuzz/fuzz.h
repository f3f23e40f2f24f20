/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz.h: a target for each reader: bytes that nobody has checked go in, and nothing may come of it but a result or an
 * error.
 *
 *   fuzz_targets.c   what is done with the bytes: the table of targets
 *   fuzz_seeds.c     good inputs to begin with, made by the writers of the tests
 *   fuzz_tree.c      changes an ONNX file field by field, so that it stays one
 *   fuzz.c           for libFuzzer (./dev fuzz)
 *   ../check_fuzz.c  for the tests: seeds, the files of corpus/ and some changes of both, without a fuzzer */
#ifndef CONVRELU_TESTS_FUZZ_H
#define CONVRELU_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fuzz_target {
    const char *name;
    size_t most; /* bytes that are tried */
    /* Ends the program where something is wrong; else true if the bytes were accepted. */
    bool (*run) (const uint8_t *bytes, size_t size);
    void (*seeds) (void (*put) (void *data, const void *bytes, size_t size), void *data);
};

enum { FUZZ_SIDE = 16 }; /* rows and columns of the network whose ranges are read */

/* Set by fuzz.c: what takes long is done for some inputs only, so that more are tried. */
extern bool fuzz_in_a_hurry;

extern const struct fuzz_target fuzz_targets[];                  /* ends with a NULL name */
const struct fuzz_target *fuzz_target_called (const char *name); /* or NULL */

void fuzz_onnx_seeds (void (*put) (void *data, const void *bytes, size_t size), void *data);
void fuzz_safetensors_seeds (void (*put) (void *data, const void *bytes, size_t size), void *data);
void fuzz_labels_seeds (void (*put) (void *data, const void *bytes, size_t size), void *data);
void fuzz_modelinfo_seeds (void (*put) (void *data, const void *bytes, size_t size), void *data);
void fuzz_npy_seeds (void (*put) (void *data, const void *bytes, size_t size), void *data);
void fuzz_ranges_seeds (void (*put) (void *data, const void *bytes, size_t size), void *data);

/* Changes one field of the ONNX file in bytes [size], which has room for `most`; `random` decides which and how;
 * `inside` changes the bytes of a value in place and returns how many there are then. Returns the new size, or 0: it is
 * none. */
size_t fuzz_tree_change (uint8_t *bytes, size_t size, size_t most, uint32_t random,
                         size_t (*inside) (uint8_t *value, size_t size, size_t most));

#endif
