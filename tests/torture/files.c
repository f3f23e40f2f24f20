/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* files.c: files that are to be refused, or to run, each read in a process of its own; those of the catalogue
 * (docs/reliability.md) that no other test has. */
#include "tests/torture/torture.h"

#include "tests/onnx_writer.h"

#include "models/model.h"

#include <dirent.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { WAIT = 240 }; /* seconds: reading, and a run that may take 2 s, on a machine that is busy */

static char folder[] = "/tmp/torture-XXXXXX";

const char *torture_folder (void)
{
    static bool made;
    if (!made)
        made = mkdtemp (folder) != NULL;
    return folder;
}

const char *torture_path (const char *name)
{
    static char path[256];
    snprintf (path, sizeof path, "%s/%s", torture_folder (), name);
    return path;
}

bool torture_write (const char *path, const void *data, size_t size)
{
    FILE *file = fopen (path, "wb");
    bool good = file && fwrite (data, 1, size, file) == size;
    return file && fclose (file) == 0 && good;
}

/* ---- one file ---------------------------------------------------------------------------------------------------- */

static void read_it (const void *data)
{
    const char *path = data;
    struct error error = { "" };
    struct model *model = model_load (path, NULL, &error);
    struct plan *plan = model ? plan_new (model_graph (model), &(struct plan_options) { .threads = 1 }, &error) : NULL;
    alone_loaded ();
    if (plan) {
        struct tensor_info in = graph_tensor (model_graph (model), 0);
        float *input = calloc ((size_t)in.channels * (size_t)in.height * (size_t)in.width, sizeof *input);
        if (input)
            plan_run (plan, input);
        free (input);
        CHECK (plan_output (plan, 0)->data, "it has run, and has no output");
        alone_note (model_notices (model) ? model_notice (model, 0) : "");
    } else {
        CHECK (error.text[0] && !strchr (error.text, '\n'), "refused by '%s'", error.text);
        char text[512];
        snprintf (text, sizeof text, "! %.500s", error.text);
        alone_note (text);
    }
    plan_free (plan);
    model_unref (model);
}

void torture_file (const char *name, const char *path, const char *says, bool either, struct ending *to)
{
    struct stat about = { .st_size = 0 };
    stat (path, &about);
    struct ending end = alone (name, read_it, path, WAIT);
    bool refused = end.note[0] == '!';
    double run = end.seconds - end.loaded; /* and planning tries one */
    end.loaded -= !refused && run < end.loaded ? run : 0;
    if (end.finished) {
        CHECK (either || refused == (says != NULL), "%s: %s", name, refused ? end.note : "it runs");
        CHECK (!refused || !says || strstr (end.note, says), "%s: '%s' without '%s'", name, end.note, says);
        CHECK (end.loaded <= TORTURE_SECONDS, "%s: %.2f s of CPU time until it is %s", name, end.loaded,
               refused ? "refused" : "planned");
        /* a run may take what max-inference-time allows, three times over */
        CHECK (run < 3 * 2 * TORTURE_SECONDS, "%s: %.2f s for a run", name, run);
        uint64_t file = (uint64_t)about.st_size;
        CHECK (TORTURE_BYTES == UINT64_MAX || end.bytes <= TORTURE_BYTES + 2 * file,
               "%s: %llu KiB of memory for a file of %llu", name, (unsigned long long)end.bytes / 1024,
               (unsigned long long)file / 1024);
    }
    if (to)
        *to = end;
}

/* ---- those of the catalogue -------------------------------------------------------------------------------------- */

static void put_zeros (struct onnx *o, const char *name, const char *dims, size_t count)
{
    float *zeros = calloc (count ? count : 1, sizeof *zeros);
    struct message tensor = tensor_message (name, 1, dims, zeros, count * sizeof *zeros);
    put_message (&o->graph, 5, &tensor);
    free (zeros);
}

static void groups (struct onnx *o)
{
    onnx_node (o, "Relu", "x", "y", "");
    onnx_finish (o);
    for (int i = 0; i < 100000; i++)
        put_bytes (&o->file, "\x3b", 1);
    for (int i = 0; i < 100000; i++)
        put_bytes (&o->file, "\x3c", 1);
}

static void unknown_fields (struct onnx *o)
{
    onnx_node (o, "Relu", "x", "y", "");
    for (int i = 0; i < 1000000; i++)
        put_int (&o->graph, 1000 + i % 100, i);
}

/* A node of such a type, with such a name, [size], and such an output. */
static void put_named (struct onnx *o, const char *type, const char *name, size_t size, const char *output)
{
    struct message node = { 0 };
    put_text (&node, 1, "x");
    put_text (&node, 2, output);
    put_block (&node, 3, name, size);
    put_text (&node, 4, type);
    put_message (&o->graph, 1, &node);
}

static void put_long_name (struct onnx *o, const char *type)
{
    size_t size = 16 << 20;
    char *name = malloc (size);
    memset (name, 'n', size);
    put_named (o, type, name, size, "y");
    free (name);
}

static void long_name (struct onnx *o)
{
    put_long_name (o, "Relu");
}

static void long_name_said (struct onnx *o)
{
    put_long_name (o, "Nope");
}

static void zero_in_name (struct onnx *o)
{
    put_named (o, "Relu", "a\0b", 3, "y");
}

static void empty_names (struct onnx *o)
{
    put_named (o, "Relu", "", 0, "y");
    put_named (o, "Relu", "", 0, "");
}

static void million_initializers (struct onnx *o)
{
    char name[16];
    onnx_node (o, "Relu", "x", "y", "");
    for (int i = 0; i < 1000000; i++) {
        struct message tensor = { 0 };
        snprintf (name, sizeof name, "w%d", i);
        put_text (&tensor, 8, name);
        put_message (&o->graph, 5, &tensor);
    }
}

static void empty_nodes (struct onnx *o)
{
    onnx_node (o, "Relu", "x", "y", "");
    for (int i = 0; i < 10000000; i++)
        put_bytes (&o->graph, "\x0a\0", 2);
}

static void future_version (struct onnx *o)
{
    o->ir_version = (int64_t)1 << 40;
    onnx_node (o, "Relu", "x", "y", "");
}

/* FunctionProto: name 1, input 4, output 5, node 7, domain 10. */
static void recursive_function (struct onnx *o)
{
    struct message function = { 0 }, node = { 0 };
    o->domain = "own";
    onnx_node (o, "f", "x", "y", "");
    onnx_finish (o);
    put_text (&node, 1, "a");
    put_text (&node, 2, "b");
    put_text (&node, 4, "f");
    put_text (&node, 7, "own");
    put_text (&function, 1, "f");
    put_text (&function, 4, "a");
    put_text (&function, 5, "b");
    put_message (&function, 7, &node);
    put_text (&function, 10, "own");
    put_message (&o->file, 25, &function);
}

/* Graphs in attributes of nodes of graphs, written from the inside out: each one's head stands in front of it. */
static void subgraphs (struct onnx *o)
{
    enum { DEEP = 10000, ROOM = 64 * DEEP };
    uint8_t *bytes = malloc (ROOM);
    size_t at = ROOM;
    for (int i = 0; i < DEEP; i++)
        for (int level = 0; level < 3; level++) { /* graph.node 1 of attribute.g 6 of node.attribute 5 */
            static const int fields[] = { 1, 6, 5 };
            struct message head = { 0 };
            put_varint (&head, (uint64_t)fields[level] << 3 | 2);
            put_varint (&head, ROOM - at);
            at -= head.size;
            memcpy (bytes + at, head.data, head.size);
            free (head.data);
        }
    struct message node = { 0 };
    put_text (&node, 1, "x");
    put_text (&node, 2, "y");
    put_text (&node, 4, "If");
    put_bytes (&node, bytes + at, ROOM - at);
    put_message (&o->graph, 1, &node);
    free (bytes);
}

static void padded_more_than_kernel (struct onnx *o)
{
    put_zeros (o, "w", "3 3 3 3", 81);
    onnx_node (o, "Conv", "x w", "y", "pads=9,9,9,9");
}

static void unread_weights (struct onnx *o)
{
    onnx_input (o, "w", "3 3 3 3");
    onnx_node (o, "Conv", "x w", "y", "");
}

static void expanded (struct onnx *o)
{
    onnx_ints (o, "s", "1 3 2147483647 2147483647");
    onnx_node (o, "Expand", "x s", "y", "");
}

static void many_products (struct onnx *o)
{
    put_zeros (o, "w", "2048 3 7 7", 2048 * 147);
    put_zeros (o, "v", "2048 2048 1 1", 2048 * 2048);
    onnx_node (o, "Resize", "x - - s", "r", "");
    onnx_ints (o, "s", "1 3 4000 4000");
    onnx_node (o, "Conv", "r w", "c", "pads=3,3,3,3");
    onnx_node (o, "Conv", "c v", "y", "");
}

static void constant_of_shape (struct onnx *o)
{
    onnx_ints (o, "s", "4611686018427387904 4611686018427387904");
    onnx_node (o, "ConstantOfShape", "s", "c", "");
    onnx_node (o, "Mul", "x c", "y", "");
}

static void pool_stride (struct onnx *o)
{
    onnx_node (o, "MaxPool", "x", "y", "kernel_shape=2,2 strides=0,1");
}

static void pool_overhang (struct onnx *o)
{
    onnx_node (o, "AveragePool", "x", "y", "kernel_shape=3,3 strides=3,3 pads=2,2,2,2 ceil_mode=1 count_include_pad=1");
}

static void clip_crossed (struct onnx *o)
{
    onnx_number (o, "a", 5);
    onnx_number (o, "b", -5);
    onnx_node (o, "Clip", "x a b", "y", "");
}

static void resize_nan (struct onnx *o)
{
    onnx_floats (o, "s", "4", (const float[]) { 1, 1, NAN, 1 });
    onnx_node (o, "Resize", "x - s", "y", "");
}

static void resize_large (struct onnx *o)
{
    onnx_floats (o, "s", "4", (const float[]) { 1, 1, 1e9f, 1e9f });
    onnx_node (o, "Resize", "x - s", "y", "");
}

static void broadcast (struct onnx *o)
{
    onnx_node (o, "ReduceMean", "x", "a", "axes=2,3");
    onnx_ints (o, "s", "1 64 1 3");
    onnx_node (o, "Reshape", "x s", "b", "");
    onnx_node (o, "Add", "a b", "y", "");
}

static void not_numbers (struct onnx *o)
{
    float weights[27];
    for (int i = 0; i < 27; i++)
        weights[i] = i % 9 ? 0x1p-140f : i ? (float)NAN : -0.0f;
    weights[5] = INFINITY;
    onnx_floats (o, "w", "1 3 3 3", weights);
    onnx_node (o, "Relu", "x", "first", "");
    onnx_node (o, "Conv", "first w", "y", "");
}

static const struct {
    const char *name;
    void (*write) (struct onnx *o);
    const char *says; /* NULL: it runs */
    const char *note; /* and this is said of it, or NULL */
} cases[] = {
    { "O13 100,000 groups in one another", groups, "damaged", NULL },
    { "O14 a million unknown fields", unknown_fields, NULL, NULL },
    { "O19 a name of 16 MiB", long_name, NULL, NULL },
    { "O19 a name of 16 MiB in an error", long_name_said, "(Nope): operator not supported", NULL },
    { "O20 a zero byte in a name", zero_in_name, "", NULL },
    { "O20 empty names", empty_names, NULL, NULL },
    { "O21 a million initializers", million_initializers, "more than there is memory for", NULL },
    { "O21 ten million empty nodes", empty_nodes, "", NULL },
    { "O34 a version of the future", future_version, NULL, NULL },
    { "O37 a function that calls itself", recursive_function, "own", NULL },
    { "O38 subgraphs 10,000 deep", subgraphs, "(If): operator not supported", NULL },
    { "O56 weights that are no numbers", not_numbers, NULL, "3 of its weights are NaN or infinite, the first in 'y'" },
    { "O67 padding larger than the kernel", padded_more_than_kernel, NULL, NULL },
    { "O72 weights that are an input", unread_weights, "more than one input", NULL },
    { "O75 10^15 products", many_products, "limit", NULL },
    { "O77 expanded to 2^62", expanded, "", NULL },
    { "O77 a constant of 2^124", constant_of_shape, "", NULL },
    { "O78 a pool of stride 0", pool_stride, "strides 0", NULL },
    { "O78 windows of padding alone", pool_overhang, NULL, NULL },
    { "O80 limits the wrong way round", clip_crossed, NULL, NULL },
    { "O82 resized by NaN", resize_nan, "", NULL },
    { "O82 resized by 10^9", resize_large, "", NULL },
    { "O83 a sum larger than both", broadcast, "", NULL },
};

static void check_table (void)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct onnx o = onnx_new (13);
        struct ending end;
        onnx_input (&o, "x", "1 3 8 8");
        onnx_output (&o, "y", "1");
        cases[i].write (&o);
        if (!o.file.size)
            onnx_finish (&o);
        const char *path = torture_path ("case.onnx");
        CHECK (torture_write (path, o.file.data, o.file.size), "%s", path);
        onnx_free (&o);
        torture_file (cases[i].name, path, cases[i].says, false, &end);
        CHECK (!cases[i].note || strstr (end.note, cases[i].note), "%s: '%s'", cases[i].name, end.note);
        unlink (path);
    }
}

/* ---- safetensors, labels ----------------------------------------------------------------------------------------- */

/* S15, S26: a million tensors, all at the same place or one behind the other. */
static void check_many_tensors (bool apart)
{
    enum { COUNT = 1000000, LINE = 80 };
    const char *path = torture_path ("many.safetensors");
    char *text = malloc ((size_t)COUNT * LINE);
    size_t used = 8;
    for (int i = 0; text && i < COUNT; i++)
        used += (size_t)sprintf (text + used, "%s\"t%d\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[%d,%d]}",
                                 i ? "," : "{", i, apart * i, apart * i + 1);
    text[used++] = '}';
    for (int i = 0; i < 8; i++)
        text[i] = (char)((uint64_t)(used - 8) >> 8 * i);
    CHECK (torture_write (path, text, used) && !truncate (path, (off_t)used + (apart ? COUNT : 1)), "%s", path);
    free (text);
    torture_file (apart ? "S26 a million tensors" : "S15 a million tensors on one byte", path, "", false, NULL);
    unlink (path);
}

/* L6, L7: labels without an end, beside a network of one class. `line`: how long each. */
static void check_long_labels (const char *name, size_t line)
{
    size_t size = 64 << 20;
    char labels[256], *text = malloc (size);
    memset (text, 'l', size);
    for (size_t i = line; i < size; i += line)
        text[i] = '\n';
    snprintf (labels, sizeof labels, "%s", torture_path ("labels.txt"));
    CHECK (torture_write (labels, text, size), "%s", labels);
    free (text);
    struct onnx o = onnx_new (13);
    onnx_input (&o, "x", "1 3 8 8");
    onnx_node (&o, "GlobalMaxPool", "x", "y", "");
    onnx_output (&o, "y", "1 3 1 1");
    onnx_finish (&o);
    const char *path = torture_path ("model.onnx");
    CHECK (torture_write (path, o.file.data, o.file.size), "%s", path);
    onnx_free (&o);
    struct ending end;
    torture_file (name, path, NULL, false, &end);
    CHECK (strstr (end.note, "labels.txt"), "%s: nothing is said of it: '%s'", name, end.note);
    unlink (path);
    unlink (labels);
}

static void check_socket (void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf (address.sun_path, sizeof address.sun_path, "%s/s.onnx", torture_folder ());
    int fd = socket (AF_UNIX, SOCK_STREAM, 0);
    if (CHECK (fd >= 0 && !bind (fd, (struct sockaddr *)&address, sizeof address), "no socket"))
        torture_file ("O5 a socket", address.sun_path, "", false, NULL);
    close (fd);
    unlink (address.sun_path);
}

/* ---- a file that changes ----------------------------------------------------------------------------------------- */

struct changing {
    const char *path;
    const struct onnx *o;
    atomic_bool over;
};

static void *change (void *data)
{
    struct changing *c = data;
    for (unsigned n = 0; !atomic_load (&c->over); n++) {
        if (n % 3 == 2) {
            torture_write (c->path, c->o->file.data, c->o->file.size);
        } else if (truncate (c->path, (off_t)(c->o->file.size * (n * 7 % 11) / 11))) {
            break;
        }
        if (n % 4) /* it lies still for a while, now and then */
            nanosleep (&(struct timespec) { 0, n % 4 * 200000 }, NULL);
    }
    return NULL;
}

/* Some hundred times, and until it was read once and refused once. */
static void load_changing (const void *data)
{
    struct changing c = { .path = torture_path ("changes.onnx"), .o = data };
    int loaded = 0, refused = 0;
    pthread_t thread;
    if (!CHECK (torture_write (c.path, c.o->file.data, c.o->file.size), "%s", c.path) ||
        pthread_create (&thread, NULL, change, &c))
        return;
    while (loaded + refused < 300 || !loaded || !refused) {
        struct error error = { "" };
        struct model *model = model_load (c.path, NULL, &error);
        loaded += model != NULL;
        refused += model == NULL;
        if (!model && !strstr (error.text, "changes.onnx") && !CHECK (false, "'%s'", error.text))
            break;
        model_unref (model);
        sched_yield ();
    }
    atomic_store (&c.over, true);
    pthread_join (thread, NULL);
    CHECK (loaded && refused, "%d read, %d refused", loaded, refused);
    unlink (c.path);
}

static void check_changing (void)
{
    struct onnx o = onnx_new (13);
    onnx_input (&o, "x", "1 3 8 8");
    put_zeros (&o, "w", "64 3 7 7", 64 * 147);
    onnx_node (&o, "Conv", "x w", "y", "pads=3,3,3,3");
    onnx_output (&o, "y", "1");
    onnx_finish (&o);
    alone ("O8 a file that is cut and written while it is read", load_changing, &o, WAIT);
    onnx_free (&o);
}

bool torture_long_network (const char *path)
{
    struct onnx o = onnx_new (13);
    onnx_input (&o, "x", "1 3 224 224");
    put_zeros (&o, "w", "64 3 3 3", 64 * 27);
    put_zeros (&o, "v", "64 64 3 3", 64 * 64 * 9);
    onnx_node (&o, "Conv", "x w", "a", "pads=1,1,1,1");
    onnx_node (&o, "Conv", "a v", "b", "pads=1,1,1,1");
    onnx_node (&o, "Conv", "b v", "c", "pads=1,1,1,1");
    onnx_node (&o, "Conv", "c v", "d", "pads=1,1,1,1");
    onnx_node (&o, "GlobalAveragePool", "d", "y", "");
    onnx_output (&o, "y", "1 64 1 1");
    onnx_finish (&o);
    bool good = torture_write (path, o.file.data, o.file.size);
    onnx_free (&o);
    return good;
}

void torture_files (bool whole)
{
    check_group ("bad files");
    check_table ();
    check_socket ();
    check_changing ();
    check_many_tensors (false);
    check_many_tensors (true);
    check_long_labels ("L6 labels of one line", (size_t)1 << 40);
    if (whole)
        check_long_labels ("L7 labels of millions of lines", 4);
}

/* ---- folders, random files --------------------------------------------------------------------------------------- */

void torture_hostile_folder (const char *from)
{
    check_group ("files of a folder");
    DIR *dir = opendir (from);
    if (!CHECK (dir, "%s cannot be read", from))
        return;
    for (struct dirent *entry; (entry = readdir (dir));) {
        char path[1024];
        struct stat about;
        struct ending end;
        snprintf (path, sizeof path, "%s/%s", from, entry->d_name);
        if (stat (path, &about) || !S_ISREG (about.st_mode))
            continue;
        torture_file (entry->d_name, path, "", true, &end);
        printf ("# %-24s %6.2f s %7.1f MiB  %.110s\n", entry->d_name, end.loaded, (double)end.bytes / (1 << 20),
                end.note[0] == '!' ? end.note : "runs");
    }
    closedir (dir);
}

void torture_random (int count, uint32_t seed)
{
    double most = 0;
    uint64_t bytes = 0;
    int runs = 0;
    char slowest[400] = "";
    check_group ("files made at random");
    printf ("# seeds %u to %u\n", (unsigned)seed, (unsigned)seed + (unsigned)count - 1);
    for (int i = 0; i < count; i++) {
        struct message file = { 0 };
        struct ending end;
        char what[200], name[280], path[256];
        const char *suffix = pieces_write (seed + (uint32_t)i, &file, what);
        snprintf (path, sizeof path, "%s%s", torture_path ("random"), suffix);
        snprintf (name, sizeof name, "seed %u (%s), %zu bytes", (unsigned)seed + (unsigned)i, what, file.size);
        CHECK (torture_write (path, file.data, file.size), "%s", path);
        free (file.data);
        long failed = check.failed;
        torture_file (name, path, "", true, &end);
        if (check.failed > failed || end.loaded > 1)
            printf ("# %s: %.2f s, %.1f MiB: %.100s\n", name, end.loaded, (double)end.bytes / (1 << 20), end.note);
        if (end.loaded > most)
            snprintf (slowest, sizeof slowest, "%s: %.60s", name, end.note);
        most = fmax (most, end.loaded);
        bytes = end.bytes > bytes ? end.bytes : bytes;
        runs += end.note[0] != '!';
        unlink (path);
    }
    printf ("# %d files: %d run, %d are refused; at most %.2f s of CPU time, %.1f MiB beside what was there\n", count,
            runs, count - runs, most, (double)bytes / (1 << 20));
    printf ("# the slowest: %s\n", slowest);
}
