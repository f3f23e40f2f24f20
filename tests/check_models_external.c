/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_models_external.c: ONNX models that keep numbers in other files: what is read, what is refused, what changes
 * meanwhile.
 *
 * The reader's pread is this file's, so that a test can do something to a file at a known moment of its reading. */
#include "tests/allocations.h"
#include "tests/check_models.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CONV = 4 * 3 * 3 * 3, FULL = 4 * 5, BYTES = (CONV + FULL) * 4 };

static void (*before_read) (void); /* called once, before the reading in `reads_until` calls */
static int reads_until;

ssize_t pread (int fd, void *to, size_t size, off_t offset)
{
    if (before_read && reads_until-- == 0) {
        void (*act) (void) = before_read;
        before_read = NULL;
        act ();
    }
    return (ssize_t)syscall (SYS_pread64, fd, to, size, offset);
}

/* ---- models -------------------------------------------------------------------------------------------------- */

/* A tensor with numbers elsewhere; NULL: that key is left out. */
static struct message tensor_elsewhere (const char *name, int type, const char *dims, const char *location,
                                        const char *offset, const char *length)
{
    struct message tensor = tensor_message (name, type, dims, "", 0);
    const char *const keys[] = { "location", "offset", "length" }, *const values[] = { location, offset, length };
    for (int i = 0; i < 3; i++) {
        struct message entry = { 0 };
        if (!values[i])
            continue;
        put_text (&entry, 1, keys[i]);
        put_text (&entry, 2, values[i]);
        put_message (&tensor, 13, &entry);
    }
    put_int (&tensor, 14, 1);
    return tensor;
}

/* 3 x 6 x 6 -> Conv by w -> Relu -> mean -> Gemm by m -> 5. Both matrices are as given, or inside where that is
 * NULL. */
static struct onnx network (const float *numbers, struct message *w, struct message *m)
{
    struct onnx o = onnx_new (13);
    onnx_input (&o, "x", "1 3 6 6");
    if (w)
        put_message (&o.graph, 5, w);
    else
        onnx_floats (&o, "w", "4 3 3 3", numbers);
    if (m)
        put_message (&o.graph, 5, m);
    else
        onnx_floats (&o, "m", "4 5", numbers + CONV);
    onnx_node (&o, "Conv", "x w", "c", "pads=1,1,1,1");
    onnx_node (&o, "Relu", "c", "r", "");
    onnx_node (&o, "ReduceMean", "r", "p", "axes=2,3 keepdims=0");
    onnx_node (&o, "Gemm", "p m", "y", "");
    onnx_output (&o, "y", "1 5");
    onnx_finish (&o);
    return o;
}

static const float *numbers (void)
{
    static float list[CONV + FULL];
    fill (list, CONV + FULL, 81);
    return list;
}

/* Writes net.onnx with both tensors in net.data. */
static const char *write_network (void)
{
    struct message w = tensor_elsewhere ("w", 1, "4 3 3 3", "net.data", "0", "432");
    struct message m = tensor_elsewhere ("m", 1, "4 5", "net.data", "432", NULL);
    struct onnx o = network (numbers (), &w, &m);
    const char *path = scratch_path ("net.onnx");
    CHECK (write_file (path, o.file.data, o.file.size), "%s", path);
    CHECK (write_file (scratch_path ("net.data"), numbers (), BYTES), "net.data");
    onnx_free (&o);
    return path;
}

/* ---- what is read -------------------------------------------------------------------------------------------- */

/* The model's scores are bit for bit those of the same numbers inside the file. */
static void check_same (const char *what, struct onnx *o)
{
    struct error error = { "" };
    struct onnx inside = network (numbers (), NULL, NULL);
    struct onnx *const both[2] = { o, &inside };
    float input[108], scores[2][5] = { { 0 } };
    fill (input, 108, 82);
    for (int i = 0; i < 2; i++) {
        const char *path = scratch_path ("same.onnx");
        write_file (path, both[i]->file.data, both[i]->file.size);
        struct model *model = model_load (path, NULL, &error);
        struct plan *plan = model ? plan_new (model_graph (model), NULL, &error) : NULL;
        if (CHECK (plan != NULL, "%s: %s", what, error.text)) {
            plan_run (plan, input);
            memcpy (scores[i], plan_output (plan, 0)->data, sizeof scores[i]);
        }
        plan_free (plan);
        model_unref (model);
        onnx_free (both[i]);
    }
    CHECK (!memcmp (scores[0], scores[1], sizeof scores[0]), "%s: %g instead of %g", what, (double)scores[0][0],
           (double)scores[1][0]);
}

static void check_read (void)
{
    check_group ("external data");
    write_network ();
    struct message w = tensor_elsewhere ("w", 1, "4 3 3 3", "net.data", "0", "432");
    struct message m = tensor_elsewhere ("m", 1, "4 5", "net.data", "432", "80");
    struct onnx o = network (numbers (), &w, &m);
    check_same ("offset and length", &o);
    w = tensor_elsewhere ("w", 1, "4 3 3 3", "net.data", NULL, NULL);
    o = network (numbers (), &w, NULL);
    check_same ("neither", &o);
    CHECK (write_file (scratch_path ("odd.data"), "?", 1), "odd.data");
    FILE *file = fopen (scratch_path ("odd.data"), "ab");
    CHECK (file && fwrite (numbers () + CONV, 1, FULL * 4, file) == FULL * 4 && !fclose (file), "odd.data");
    w = tensor_elsewhere ("w", 1, "4 3 3 3", "net.data", "0", NULL);
    m = tensor_elsewhere ("m", 1, "4 5", "odd.data", "1", NULL);
    o = network (numbers (), &w, &m);
    check_same ("two files, numbers at an odd place", &o);
    CHECK (!symlink ("net.data", scratch_path ("link.data")), "link.data");
    m = tensor_elsewhere ("m", 1, "4 5", "link.data", "432", NULL);
    o = network (numbers (), NULL, &m);
    check_same ("through a link in the folder", &o);
    unlink (scratch_path ("link.data"));
}

/* x * Clip (x + 3, 0, 6) / 6 with every number elsewhere is one hard-swish; integers and a Constant node's tensor
 * too. */
static void check_small (void)
{
    static const struct {
        float three, six, nought;
        int64_t shape[2];
    } there = { 3, 6, 0, { 1, -1 } };
    struct error error = { "" };
    struct onnx o = onnx_new (13);
    struct message list[3] = { tensor_elsewhere ("three", 1, "", "small.data", "0", "4"),
                               tensor_elsewhere ("six", 1, "1", "small.data", "4", "4"),
                               tensor_elsewhere ("nought", 1, "", "small.data", "8", "4") };
    struct message shape = tensor_elsewhere ("shape", 7, "2", "small.data", "16", "16"), node = { 0 }, a = { 0 };
    CHECK (write_file (scratch_path ("small.data"), &there, sizeof there), "small.data");
    onnx_input (&o, "x", "1 2 2 2");
    for (int i = 0; i < 3; i++)
        put_message (&o.graph, 5, &list[i]);
    put_text (&a, 1, "value");
    put_message (&a, 5, &shape);
    put_int (&a, 20, 4);
    put_text (&node, 2, "shape");
    put_text (&node, 4, "Constant");
    put_message (&node, 5, &a);
    put_message (&o.graph, 1, &node);
    onnx_node (&o, "Add", "x three", "t", "");
    onnx_node (&o, "Clip", "t nought six", "u", "");
    onnx_node (&o, "Mul", "x u", "v", "");
    onnx_node (&o, "Div", "v six", "w", "");
    onnx_node (&o, "Reshape", "w shape", "y", "");
    onnx_output (&o, "y", "1 8");
    onnx_finish (&o);
    const char *path = scratch_path ("small.onnx");
    CHECK (write_file (path, o.file.data, o.file.size), "%s", path);
    onnx_free (&o);
    struct model *model = model_load (path, NULL, &error);
    if (CHECK (model != NULL, "%s", error.text)) {
        struct tensor_info t = graph_tensor (model_graph (model), 1);
        CHECK (t.activation.kind == ACTIVATION_HARD_SWISH, "a %s", t.operation);
        CHECK (model_classes (model) == 8, "%d", model_classes (model));
    }
    model_unref (model);
}

/* ---- what is refused ----------------------------------------------------------------------------------------- */

static void expect_refusal (const char *what, struct message *w, const char *why)
{
    struct error error = { "" };
    struct onnx o = network (numbers (), w, NULL);
    const char *path = scratch_path ("refused.onnx");
    CHECK (write_file (path, o.file.data, o.file.size), "%s", path);
    struct model *model = model_load (path, NULL, &error);
    CHECK (!model && strstr (error.text, "refused.onnx") && strstr (error.text, why), "%s: %s '%s'", what,
           model ? "is accepted" : "says", error.text);
    model_unref (model);
    onnx_free (&o);
}

static void check_refused (void)
{
    static const struct {
        const char *location, *offset, *length, *why;
    } cases[] = {
        { NULL, "0", "432", "in which file" },
        { "", "0", "432", "plain name" },
        { ".", "0", "432", "plain name" },
        { "..", "0", "432", "plain name" },
        { "../net.data", "0", "432", "plain name" },
        { "./net.data", "0", "432", "plain name" },
        { "inside/net.data", "0", "432", "plain name" },
        { "inside\\net.data", "0", "432", "plain name" },
        { "/etc/passwd", "0", "432", "plain name" },
        { "*/_ORT_MEM_ADDR_/*", "0", "432", "plain name" },
        { "\xff\xfe", "0", "432", "plain name" },
        { "none.data", "0", "432", "No such file" },
        { "inside", "0", "432", "folder" },
        { "pipe", "0", "432", "not a regular file" },
        { "out", "0", "432", "link that leaves" },
        { "up", "0", "432", "link that leaves" },
        { "loop", "0", "432", "cannot be opened" },
        { "dangling", "0", "432", "cannot be opened" },
        { "large", "0", "432", "the limit is" },
        { "empty", "0", "432", "has 0" },
        { "empty", NULL, NULL, "has 0" },
        { "net.data", "81", "432", "bytes from 81" },
        { "net.data", "513", NULL, "bytes from 513" },
        { "net.data", "9223372036854775807", "432", "bytes from 9223372036854775807" },
        { "net.data", "9223372036854775808", "432", "no offset" },
        { "net.data", "18446744073709551616", "432", "no offset" },
        { "net.data", "-1", "432", "no offset" },
        { "net.data", "1e2", "432", "no offset" },
        { "net.data", "", "432", "no offset" },
        { "net.data", "0", "431", "431 bytes instead of 432" },
        { "net.data", "0", "512", "512 bytes instead of 432" },
        { "net.data", "0", "0", "0 bytes instead of 432" },
        { "net.data", "0", "0x1b0", "no length" },
    };
    write_network ();
    mkdir (scratch_path ("inside"), 0700);
    write_file (scratch_path ("inside/net.data"), numbers (), BYTES);
    write_file (scratch_path ("empty"), "", 0);
    write_file (scratch_path ("large"), "", 0);
    CHECK (!truncate (scratch_path ("large"), (off_t)3 << 30) && !mkfifo (scratch_path ("pipe"), 0600) &&
               !symlink ("/etc/passwd", scratch_path ("out")) && !symlink ("inside/net.data", scratch_path ("up")) &&
               !symlink ("loop", scratch_path ("loop")) && !symlink ("none", scratch_path ("dangling")),
           "files to refuse");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct message w = tensor_elsewhere ("w", 1, "4 3 3 3", cases[i].location, cases[i].offset, cases[i].length);
        char what[100];
        snprintf (what, sizeof what, "'%s' %s %s", cases[i].location ? cases[i].location : "no location",
                  cases[i].offset ? cases[i].offset : "-", cases[i].length ? cases[i].length : "-");
        expect_refusal (what, &w, cases[i].why);
    }
    struct message w = tensor_elsewhere ("w", 1, "4 3 3 3", "net.data", "0", NULL), entry = { 0 };
    put_text (&entry, 1, "location");
    put_text (&entry, 2, "other.data");
    put_message (&w, 13, &entry);
    expect_refusal ("two locations", &w, "twice");
    w = tensor_elsewhere ("w", 1, "4 3 3 3", "net.data", "0", NULL);
    put_block (&w, 9, numbers (), 432);
    expect_refusal ("inside and elsewhere", &w, "twice");
    w = tensor_elsewhere ("w", 1, "2147483647", "net.data", "0", NULL);
    expect_refusal ("more than any file has", &w, "8589934588 bytes from 0");
    static const char *const made[] = { "empty", "large", "pipe", "out", "up", "loop", "dangling", "inside/net.data" };
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++)
        unlink (scratch_path (made[i]));
    rmdir (scratch_path ("inside"));
}

/* A file of every length but its own is refused; one of any other bytes is not. */
static void check_lengths (void)
{
    const char *path = write_network ();
    for (int size = 0; size < BYTES; size += 3) {
        struct error error = { "" };
        write_file (scratch_path ("net.data"), numbers (), (size_t)size);
        struct model *model = model_load (path, NULL, &error);
        CHECK (!model && strstr (error.text, "net.data"), "%d bytes: '%s'", size, error.text);
        model_unref (model);
    }
}

/* Every byte of the model altered: a model or one error, and nothing but files of the folder is opened. */
static void check_altered (void)
{
    const char *path = write_network ();
    size_t size;
    char *bytes = slurp (path, &size);
    int good = 0;
    for (size_t i = 0; i < size; i++) {
        struct error error = { "" };
        char before = bytes[i];
        bytes[i] = (char)(before ^ (1 << i % 8));
        write_file (path, bytes, size);
        struct model *model = model_load (path, NULL, &error);
        CHECK (model || strstr (error.text, "net.onnx"), "byte %zu: '%s'", i, error.text);
        good += model != NULL;
        model_unref (model);
        bytes[i] = before;
    }
    free (bytes);
    CHECK (good > 10, "%d of %zu altered files are models", good, size);
}

/* ---- what changes -------------------------------------------------------------------------------------------- */

static void shrink (void)
{
    CHECK (!truncate (scratch_path ("net.data"), 200), "truncate");
}

static void touch (void)
{
    const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = 1000 } };
    CHECK (!utimensat (AT_FDCWD, scratch_path ("net.data"), times, 0), "utimensat");
}

/* Another file of the same size under the name. */
static void replace (void)
{
    CHECK (write_file (scratch_path ("net.new"), numbers (), BYTES), "net.new");
    CHECK (!rename (scratch_path ("net.new"), scratch_path ("net.data")), "rename");
    touch ();
}

static void swap_model (void)
{
    CHECK (!truncate (scratch_path ("net.onnx"), 100), "truncate");
}

static void check_changes (void)
{
    static const struct {
        const char *what;
        void (*act) (void);
        int read;
        const char *why;
    } cases[] = { { "data shrinks before the first tensor", shrink, 1, "changed while being read" },
                  { "data shrinks before the second tensor", shrink, 2, "changed while being read" },
                  { "data is written before the last tensor", touch, 2, "changed while being read" },
                  { "the model shrinks", swap_model, 0, "changed while being read" } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error error = { "" };
        const char *path = write_network ();
        before_read = cases[i].act;
        reads_until = cases[i].read;
        struct model *model = model_load (path, NULL, &error);
        CHECK (!before_read, "%s: only %d readings", cases[i].what, cases[i].read - reads_until);
        before_read = NULL;
        CHECK (!model && strstr (error.text, cases[i].why), "%s: '%s'", cases[i].what, error.text);
        model_unref (model);
    }
}

/* net.data is looked at, then closed because other.data is read: when it is opened again it must be what it was. */
static void check_replaced (void)
{
    struct error error = { "" };
    const char *path = write_network ();
    CHECK (write_file (scratch_path ("other.data"), numbers (), CONV * 4), "other.data");
    for (int i = 0; i < 2; i++) {
        struct message w = tensor_elsewhere ("w", 1, "4 3 3 3", "other.data", NULL, NULL);
        struct message m = tensor_elsewhere ("m", 1, "4 5", "net.data", "432", NULL);
        struct onnx o = onnx_new (13);
        onnx_input (&o, "x", "1 3 6 6");
        put_message (&o.graph, 5, &m);
        put_message (&o.graph, 5, &w);
        onnx_node (&o, "Conv", "x w", "c", "");
        onnx_node (&o, "ReduceMean", "c", "p", "axes=2,3 keepdims=0");
        onnx_node (&o, "Gemm", "p m", "y", "");
        onnx_output (&o, "y", "1 5");
        onnx_finish (&o);
        CHECK (write_file (path, o.file.data, o.file.size), "%s", path);
        onnx_free (&o);
        before_read = i ? replace : NULL; /* before w is read */
        reads_until = 1;
        struct model *model = model_load (path, NULL, &error);
        CHECK (i ? !model && !before_read && strstr (error.text, "changed") : model != NULL, "%d: '%s'", i, error.text);
        model_unref (model);
        before_read = NULL;
    }
}

/* ---- the whole ----------------------------------------------------------------------------------------------- */

/* Every single allocation of loading one fails once; each time there is one error. */
static void check_allocations (void)
{
    const char *path = write_network ();
    for (long good = 0; allocations_counted () && good < 10000; good++) {
        struct error error = { "" };
        allocations_fail_after (good);
        struct model *model = model_load (path, NULL, &error);
        bool failed = allocations_heal ();
        CHECK (model ? !failed || good > 20 : strstr (error.text, "net.") != NULL, "%ld: '%s'", good, error.text);
        model_unref (model);
        if (!failed)
            return;
    }
}

/* Models share a graph as long as the file with its numbers is the same, too. */
static void check_shared_numbers (void)
{
    struct error error = { "" };
    const char *path = write_network (), *data = scratch_path ("net.data");
    struct model *model[3];
    for (int i = 0; i < 3; i++) {
        float other[CONV + FULL];
        memcpy (other, numbers (), sizeof other);
        other[0] += 1;
        if (i == 2)
            CHECK (unlink (data) == 0 && write_file (data, other, BYTES), "%s", data);
        model[i] = model_share (path, NULL, &error);
        if (!CHECK (model[i], "'%s'", error.text))
            return;
        model_release (model[i]);
    }
    CHECK (model_graph (model[0]) == model_graph (model[1]), "the same files are read twice");
    CHECK (model_graph (model[0]) != model_graph (model[2]), "a file of numbers was replaced, the graph was not");
    CHECK (model_hold (model[0], &error) && !model_need_weights (model[0], &error) &&
               strstr (error.text, "was changed"),
           "'%s'", error.text);
    model_release (model[0]);
    CHECK (model_hold (model[2], &error) && model_need_weights (model[2], &error), "'%s'", error.text);
    model_release (model[2]);
    for (int i = 0; i < 3; i++)
        model_unref (model[i]);
}

/* ---- a file that does not answer ----------------------------------------------------------------------------- */

static const char *silent; /* the name that stat does not answer for; NULL: none */
static atomic_int asked;   /* 1: it was asked for that, 2: it may answer, 3: it has waited for that in vain */

/* In the place of the C library's. */
int stat (const char *restrict path, struct stat *restrict about)
{
    if (silent && strstr (path, silent)) {
        atomic_store (&asked, 1);
        for (int i = 0; i < 20000 && atomic_load (&asked) == 1; i++)
            usleep (1000);
        int waits = 1;
        atomic_compare_exchange_strong (&asked, &waits, 3);
    }
    return fstatat (AT_FDCWD, path, about, 0);
}

static void *share_again (void *path)
{
    struct error error = { "" };
    struct model *model = model_share (path, NULL, &error);
    if (model)
        model_release (model);
    return model;
}

/* While one thread asks for a file of numbers on a mount that is gone, others load, hold and give back theirs. */
static void check_silent (void)
{
    struct error error = { "" };
    pthread_t thread;
    void *again = NULL;
    const char *path = write_network ();
    struct model *first = model_share (path, NULL, &error);
    if (!CHECK (first, "'%s'", error.text))
        return;
    model_release (first);
    atomic_store (&asked, 0);
    silent = "net.data";
    if (!CHECK (pthread_create (&thread, NULL, share_again, (void *)path) == 0, "no thread"))
        return;
    for (int i = 0; i < 60000 && !atomic_load (&asked); i++)
        usleep (1000);
    CHECK (atomic_load (&asked), "nobody asks for the network's other file");
    struct model *other = model_share (NULL, NULL, &error);
    CHECK (other, "'%s'", error.text);
    if (other)
        model_release (other);
    CHECK (model_hold (first, &error), "'%s'", error.text);
    model_release (first);
    model_unref (other);
    int expected = 1;
    CHECK (atomic_compare_exchange_strong (&asked, &expected, 2), "they have waited for it");
    pthread_join (thread, &again);
    silent = NULL;
    CHECK (again && model_graph (again) == model_graph (first), "the same files are read twice");
    model_unref (again);
    model_unref (first);
}

void check_external (void)
{
    check_read ();
    check_small ();
    check_group ("external data refused");
    check_refused ();
    check_lengths ();
    check_altered ();
    check_group ("external data that changes");
    check_changes ();
    check_replaced ();
    check_allocations ();
    check_shared_numbers ();
    check_silent ();
    static const char *const made[] = { "net.onnx",  "net.data",     "odd.data",   "other.data",
                                        "same.onnx", "refused.onnx", "small.onnx", "small.data" };
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++)
        unlink (scratch_path (made[i]));
}
