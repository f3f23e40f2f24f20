/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz.c: the targets for libFuzzer: one program, whose first argument is a target's name; see fuzz.h and ./dev fuzz.
 *
 *   fuzz onnx FOLDER...          as libFuzzer says, its options too
 *   fuzz onnx --seeds FOLDER     writes the seeds there */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize (int *count, char ***arguments);
int LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t size);
size_t LLVMFuzzerCustomMutator (uint8_t *bytes, size_t size, size_t most, unsigned seed);
size_t LLVMFuzzerMutate (uint8_t *bytes, size_t size, size_t most); /* libFuzzer's */

static const struct fuzz_target *target;
static int seeds;

static void write_seed (void *data, const void *bytes, size_t size)
{
    char path[512];
    snprintf (path, sizeof path, "%s/seed-%d", (const char *)data, seeds++);
    FILE *file = fopen (path, "wb");
    if (!file || fwrite (bytes, 1, size, file) != size || fclose (file))
        fprintf (stderr, "fuzz: %s cannot be written\n", path);
}

int LLVMFuzzerInitialize (int *count, char ***arguments)
{
    fuzz_in_a_hurry = true;
    target = fuzz_target_called (*count > 1 ? (*arguments)[1] : NULL);
    if (!target) {
        fprintf (stderr, "fuzz: the first argument is a target:");
        for (const struct fuzz_target *t = fuzz_targets; t->name; t++)
            fprintf (stderr, " %s", t->name);
        fprintf (stderr, "\n");
        exit (2);
    }
    if (*count > 3 && !strcmp ((*arguments)[2], "--seeds")) {
        target->seeds (write_seed, (*arguments)[3]);
        exit (0);
    }
    for (int i = 1; i + 1 < *count; i++)
        (*arguments)[i] = (*arguments)[i + 1];
    --*count;
    return 0;
}

int LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t size)
{
    if (size <= target->most)
        target->run (bytes, size);
    return 0;
}

size_t LLVMFuzzerCustomMutator (uint8_t *bytes, size_t size, size_t most, unsigned seed)
{
    bool tree = !strcmp (target->name, "onnx") && seed % 8;
    size_t changed = tree ? fuzz_tree_change (bytes, size, most, (uint32_t)seed * 2654435761u, LLVMFuzzerMutate) : 0;
    return changed ? changed : LLVMFuzzerMutate (bytes, size, most);
}
