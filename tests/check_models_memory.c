/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_models_memory.c: every single allocation of loading a model fails once, and every single charge of its work is
 * refused once, of one network and of every small file that the other groups load; each time there must be one clear
 * error. */
#include "tests/allocations.h"
#include "tests/charges.h"
#include "tests/check_models.h"

#include "models/onnx.h"

#include <string.h>
#include <sys/stat.h>

/* A network in which every part of the reader has something to allocate. */
static struct onnx network (void)
{
    float numbers[64];
    struct onnx o = onnx_new (13);
    fill (numbers, 64, 61);
    for (int i = 0; i < 64; i++)
        numbers[i] = numbers[i] < 0 ? -numbers[i] : numbers[i];
    onnx_input (&o, "x", "1 4 4 4");
    onnx_floats (&o, "w", "4 4 1 1", numbers);
    onnx_floats (&o, "b", "4", numbers);
    onnx_floats (&o, "per_channel", "4 1 1", numbers);
    onnx_floats (&o, "wf", "4 3", numbers);
    onnx_ints (&o, "shuffle", "1 2 2 4 4");
    onnx_ints (&o, "image", "1 4 4 4");
    onnx_node (&o, "Conv", "x w b", "c", "");
    onnx_node (&o, "BatchNormalization", "c b b b b", "n", "");
    onnx_node (&o, "Sigmoid", "n", "s", "");
    onnx_node (&o, "Mul", "n s", "a", "");
    onnx_node (&o, "PRelu", "a per_channel", "p", "");
    onnx_node (&o, "Sub", "p x", "d", "");
    onnx_node (&o, "Reshape", "d shuffle", "r", "");
    onnx_node (&o, "Transpose", "r", "t", "perm=0,2,1,3,4");
    onnx_node (&o, "Reshape", "t image", "u", "");
    onnx_node (&o, "Split", "u", "h k", "axis=1");
    onnx_node (&o, "Concat", "k h", "j", "axis=1");
    onnx_node (&o, "Shape", "j", "z", "");
    onnx_node (&o, "ReduceMean", "j", "m", "axes=2,3 keepdims=0");
    onnx_node (&o, "Gemm", "m wf", "y", "");
    onnx_output (&o, "y", "1 3");
    onnx_finish (&o);
    struct message entry = { 0 };
    put_text (&entry, 1, "names");
    put_text (&entry, 2, "['one', 'two', 'three']");
    put_message (&o.file, 14, &entry);
    return o;
}

enum { SMALL = 1 << 16, EACH = 400 }; /* bytes; how many of a thing */

/* What is let through so many times, and then no more. */
struct shortage {
    const char *what;
    void (*begin_after) (long good);
    bool (*end) (void); /* whether something was refused */
    const char *says;   /* the error of what was */
    long each;          /* so many are refused one by one, then ever fewer */
    long spread;
};

static const struct shortage of_memory = { "allocation", allocations_fail_after, allocations_heal, "", EACH, 100 };
/* Where the last ones are refused, numbers that are none go unnoticed, and nothing else. */
static const struct shortage of_work = { "charge", charges_refuse_after, charges_allow, "million steps", EACH / 4, 25 };

/* How many loading takes, or -1 where one that was refused was not said. */
static long runs_short (const char *path, const struct shortage *of)
{
    for (long good = 0; good < 1000000; good += good < of->each ? 1 : 1 + (good - of->each) / of->spread) {
        struct error error = { "" };
        of->begin_after (good);
        struct model *model = model_load (path, NULL, &error);
        bool refused = of->end ();
        bool fine = model || (strstr (error.text, path) && (!refused || strstr (error.text, of->says)));
        model_unref (model);
        if (!fine)
            CHECK (fine, "%s %ld of loading %s is refused: '%s'", of->what, good, path, error.text);
        if (!refused)
            return CHECK (fine, "%s", error.text) ? good : -1;
    }
    return CHECK (false, "%s: there is no end of each %s", path, of->what);
}

static bool is_small (const char *path)
{
    struct stat about;
    return !stat (path, &about) && about.st_size <= SMALL;
}

long memory_runs_short (const char *path)
{
    if (!is_small (path))
        return -1;
    runs_short (path, &of_work);
    return allocations_counted () ? runs_short (path, &of_memory) : -1;
}

void check_memory (void)
{
    check_group ("memory short");
    if (!allocations_counted ()) {
        SKIP ("allocations cannot be made to fail in this build");
        return;
    }
    struct onnx o = network ();
    const char *path = scratch_path ("memory.onnx");
    CHECK (write_file (path, o.file.data, o.file.size), "%s", path);
    onnx_free (&o);
    long count = memory_runs_short (path);
    CHECK (count > 100, "%ld allocations", count);
    printf ("# each of %ld allocations has failed once\n", count);
}
