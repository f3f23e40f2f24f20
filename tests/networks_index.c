/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* networks_index.c: an index and the safetensors files that it names: good ones, and those that lie or lead
 * elsewhere. */
#include "tests/networks.h"

#include "engine/work.h"
#include "tests/allocations.h"
#include "tests/charges.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char index_name[] = "net.safetensors.index.json", first[] = "a.safetensors", second[] = "b.safetensors";

/* Writes the text as the index and loads it. */
static struct model *load (const char *text, struct error *error)
{
    *error = (struct error) { "" };
    bool written = CHECK (networks_write (index_name, text, strlen (text)), "the index cannot be written");
    return written ? model_load (networks_path (index_name), NULL, error) : NULL;
}

static void refuse (const char *what, const char *text, const char *says)
{
    struct error error;
    struct model *model = load (text, &error);
    CHECK (!model && strstr (error.text, says), "%s: '%s' without '%s'", what, model ? "accepted" : error.text, says);
    model_unref (model);
}

/* The index of two halves of a file, in a text of so many bytes; tensor `moved` is said to be in file `to`. */
static void make_index (char *text, size_t size, const struct safetensors *all, const char *moved, const char *to)
{
    size_t used = (size_t)snprintf (text, size, "{\"metadata\": {\"total_size\": 1}, \"weight_map\": {");
    for (size_t i = 0; i < all->count; i++) {
        const char *name = all->list[i].name, *file = i % 2 ? second : first;
        bool moves = moved && !strcmp (moved, name);
        if (moves && !to)
            continue;
        used += (size_t)snprintf (text + used, size - used, "%s\"%s\": \"%s\"", i ? "," : "", name, moves ? to : file);
    }
    snprintf (text + used, size - used, "}}");
}

/* Every second tensor, from `from` on, as a file of that name. */
static void write_half (const struct safetensors *all, size_t from, const char *name, const char *metadata)
{
    static struct writer w;
    struct error error = { "" };
    size_t size;
    w = (struct writer) { .metadata = metadata };
    for (size_t i = from; i < all->count; i += 2) {
        char shape[64] = "";
        for (int k = 0; k < all->list[i].rank; k++)
            snprintf (shape + strlen (shape), sizeof shape - strlen (shape), "%s%d", k ? "," : "",
                      (int)all->list[i].shape[k]);
        float *numbers = safetensors_floats (all, &all->list[i], &error);
        if (CHECK (numbers, "%s", error.text))
            writer_numbers (&w, all->list[i].name, shape, numbers);
        free (numbers);
    }
    unsigned char *bytes = writer_file (&w, &size);
    CHECK (networks_write (name, bytes, size), "%s cannot be written", name);
    free (bytes);
}

static void check_names (char *text, size_t size, const struct safetensors *all)
{
    static const struct {
        const char *file, *says;
    } cases[] = {
        { "../b.safetensors", "not the plain name" },
        { "/etc/passwd", "not the plain name" },
        { "folder/b.safetensors", "not the plain name" },
        { "..", "not the plain name" },
        { "", "not the plain name" },
        { "missing.safetensors", "cannot be opened" },
        { "folder.safetensors", "is a folder" },
        { "link.safetensors", "leaves its folder" },
        { "hard.safetensors", "hard links" },
        { "net.safetensors.index.json", "net.safetensors.index.json" }, /* itself */
        { "other.index.json", "other.index.json" },                     /* which names the first one */
        { "large.safetensors",
          "large.safetensors: is 2147483649 bytes large; all files of an index may have 2147483648" },
        { "b.safetensors", "does not say that it is in" },
    };
    const char *moved = all->list[0].name;
    mkdir (networks_path ("folder.safetensors"), 0700);
    CHECK (!symlink ("/etc/passwd", networks_path ("link.safetensors")), "no link");
    CHECK (networks_write ("one.bin", "x", 1) && !link (networks_path ("one.bin"), networks_path ("hard.safetensors")),
           "no hard link");
    static const char other[] = "{\"weight_map\": {\"x\": \"net.safetensors.index.json\"}}";
    networks_write ("other.index.json", other, sizeof other - 1);
    CHECK (networks_write ("large.safetensors", "x", 1) &&
               !truncate (networks_path ("large.safetensors"), (INT64_C (2) << 30) + 1),
           "no file of 2 GiB");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        make_index (text, size, all, moved, cases[i].file);
        refuse (cases[i].file, text, cases[i].says);
    }
    rmdir (networks_path ("folder.safetensors"));
    unlink (networks_path ("link.safetensors"));
    unlink (networks_path ("hard.safetensors"));
    unlink (networks_path ("one.bin"));
    unlink (networks_path ("large.safetensors"));
    unlink (networks_path ("other.index.json"));
}

static void check_texts (char *text, size_t size, const struct safetensors *all)
{
    refuse ("no map", "{\"metadata\": {}}", "without a weight_map");
    refuse ("a list", "{\"weight_map\": [\"a.safetensors\"]}", "without a weight_map");
    refuse ("a number for a name", "{\"weight_map\": {\"x\": 3}}", "no file's name for tensor 'x'");
    refuse ("an empty map", "{\"weight_map\": {}}", "no network");
    refuse ("cut", "{\"weight_map\": {\"x\": \"a.safetensors\"", "no JSON");
    refuse ("a name twice", "{\"weight_map\": {\"x\": \"a.safetensors\", \"x\": \"b.safetensors\"}}", "duplicate");
    make_index (text, size, all, all->list[1].name, NULL);
    refuse ("a tensor that the index leaves out", text, "does not say that it is in");
    make_index (text, size, all, NULL, NULL);
    char *end = strrchr (text, '}') - 1;
    snprintf (end, size - (size_t)(end - text), ", \"nowhere.weight\": \"%s\"}}", first);
    refuse ("a tensor that is nowhere", text, "'nowhere.weight': is not in the file");
    size_t length = 0;
    for (int i = 0; i < 300; i++) {
        char name[32];
        snprintf (name, sizeof name, "%d.safetensors", i);
        length += (size_t)snprintf (text + length, size - length, "%s\"%d\": \"%s\"", i ? "," : "{\"weight_map\": {", i,
                                    name);
        networks_write (name, "\2\0\0\0\0\0\0\0{}", 10);
    }
    snprintf (text + length, size - length, "}}");
    refuse ("too many files", text, "more than 256 files");
    for (int i = 0; i < 300; i++) {
        char name[32];
        snprintf (name, sizeof name, "%d.safetensors", i);
        unlink (networks_path (name));
    }
    memset (text, '{', size - 1);
    for (size_t i = 0; i + 6 < size; i += 5)
        memcpy (text + i, "{\"a\":", 5);
    text[size - 6] = 0;
    refuse ("deep", text, "deep");
}

/* The index and each of its files, cut anywhere: one error. */
static void check_cuts (const char *text)
{
    struct error error;
    for (size_t end = 1; end < strlen (text); end += 7) {
        networks_write (index_name, text, end);
        error = (struct error) { "" };
        struct model *model = model_load (networks_path (index_name), NULL, &error);
        CHECK (!model && error.text[0], "cut at %zu", end);
        model_unref (model);
    }
    networks_write (second, "\2\0\0\0\0\0\0\0{}", 10);
    refuse ("a file without its tensors", text, "is not in the file");
    networks_write (second, "PK", 2);
    refuse ("another file", text, "b.safetensors");
    networks_write (second, "", 0);
    refuse ("an empty file", text, "b.safetensors");
}

/* Which of its files are the same is part of which network it is. */
static void check_shared (const struct safetensors *all, const char *metadata)
{
    struct error error = { "" };
    struct model *a = model_share (networks_path (index_name), NULL, &error);
    if (!CHECK (a, "%s", error.text))
        return;
    model_release (a);
    struct model *b = model_share (networks_path (index_name), NULL, &error);
    CHECK (b && model_graph (a) == model_graph (b) && model_need_weights (b, &error), "%s", error.text);
    model_release (b);
    unlink (networks_path (second));
    write_half (all, 1, "new", metadata);
    char from[512];
    snprintf (from, sizeof from, "%s", networks_path ("new"));
    CHECK (rename (from, networks_path (second)) == 0, "%s", from);
    struct model *c = model_share (networks_path (index_name), NULL, &error);
    CHECK (c && model_graph (c) != model_graph (a), "one of its files was replaced, the network was not");
    model_release (c);
    CHECK (model_hold (a, &error) && !model_need_weights (a, &error) && strstr (error.text, "was changed"), "'%s'",
           error.text);
    model_release (a);
    model_unref (a);
    model_unref (b);
    model_unref (c);
}

/* What opening an index takes beside the parsing of both files; `more`: behind all others in the map. */
static uint64_t spent (const char *more, int count, bool opens)
{
    enum { HEADER_STEPS = 30 }; /* for each byte that is parsed */
    struct error error = { "" };
    struct safetensors file;
    struct work work;
    size_t room = (size_t)count * 100 + 200, used = 8, length = 0;
    char *shard = malloc (room), *text = malloc (room);
    if (!CHECK (shard && text, "no memory")) {
        free (shard);
        free (text);
        return 0;
    }
    for (int i = 0; i < count; i++) {
        used +=
            (size_t)snprintf (shard + used, room - used,
                              "%s\"%d\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}", i ? "," : "{", i);
        length +=
            (size_t)snprintf (text + length, room - length, "%s\"%d\":\"%s\"", i ? "," : "{\"weight_map\":{", i, first);
    }
    shard[used++] = '}';
    for (int i = 0; i < 8; i++)
        shard[i] = (char)((uint64_t)(used - 8) >> 8 * i);
    length += (size_t)snprintf (text + length, room - length, "%s}}", more);
    CHECK (networks_write (first, shard, used), "no file");
    work_begin (&work, UINT64_MAX / 2, NULL);
    bool opened = safetensors_open_index (networks_path (index_name), text, length, &file, &error);
    work_end (&work);
    CHECK (opened == opens && (opens || strstr (error.text, "is not in the file")), "'%s'", error.text);
    if (opened)
        safetensors_close (&file);
    free (shard);
    free (text);
    return work.spent - HEADER_STEPS * (used - 8 + length);
}

/* Tensors of an index are put in one list, sorted and looked for: all of it is charged. */
static void check_charges (void)
{
    enum { COUNT = 3000, JOINED_STEPS = 400, FOUND_STEPS = 800 };
    uint64_t good = spent ("", COUNT, true), bad = spent (",\"nowhere\":\"a.safetensors\"", COUNT, false);
    CHECK (good > COUNT * JOINED_STEPS, "%d steps to join %d tensors", (int)good, COUNT);
    CHECK (bad > good + COUNT * FOUND_STEPS, "%d steps to find one of %d missing, %d without", (int)bad, COUNT,
           (int)good);
}

/* Each allocation of loading it fails once: a network, or one error that names the index or a file of it. */
static void check_memory (const char *text)
{
    struct error error = { "" };
    struct model *model = load (text, &error);
    long good = 0;
    model_unref (model);
    for (bool failed = allocations_counted (); failed && good < 100000; good++) {
        error.text[0] = 0;
        allocations_fail_after (good);
        model = model_load (networks_path (index_name), NULL, &error);
        failed = allocations_heal ();
        CHECK (model || strstr (error.text, ".safetensors"), "allocation %ld fails: '%s'", good, error.text);
        model_unref (model);
    }
    CHECK (!allocations_counted () || (good > 100 && good < 100000), "%ld allocations", good);
}

/* The same of each charge of its work; weights that are not numbers may go unnoticed then. `says`: what is wrong with
 * the index itself, or NULL. */
static void check_refused (const char *text, const char *says)
{
    struct error error = { "" };
    struct model *model = load (text, &error);
    long good = 0;
    CHECK (says ? !model && strstr (error.text, says) : model != NULL, "'%s'", error.text);
    model_unref (model);
    for (bool refused = true; refused && good < 100000; good++) {
        error.text[0] = 0;
        charges_refuse_after (good);
        model = model_load (networks_path (index_name), NULL, &error);
        refused = charges_allow ();
        CHECK (says && !refused
                   ? !model && strstr (error.text, says)
                   : model || (strstr (error.text, ".safetensors") && strstr (error.text, "million steps")),
               "charge %ld is refused: '%s'", good, error.text);
        model_unref (model);
    }
    CHECK (good > 10 && good < 100000, "%ld charges", good);
}

void check_index (void)
{
    static struct twin t;
    static char text[32768];
    struct error error;
    struct safetensors all;
    size_t size;
    check_group ("an index of several files");
    t = (struct twin) { 0 };
    struct model *whole = networks_load (&networks_families[0], &t, &error);
    unsigned char *bytes = writer_file (&t.w, &size);
    if (CHECK (whole && safetensors_open ("x", (const char *)bytes, size, &all, &error), "%s", error.text)) {
        write_half (&all, 0, first, NULL);
        write_half (&all, 1, second, t.metadata);
        make_index (text, sizeof text, &all, NULL, NULL);
        struct model *model = load (text, &error);
        if (CHECK (model, "%s", error.text))
            networks_same ("two files", whole, model);
        model_unref (model);
        check_shared (&all, t.metadata);
        check_names (text, sizeof text, &all);
        check_texts (text, sizeof text, &all);
        make_index (text, sizeof text, &all, NULL, NULL);
        check_cuts (text);
        write_half (&all, 0, first, NULL); /* whole again */
        write_half (&all, 1, second, t.metadata);
        check_memory (text);
        check_refused (text, NULL);
        make_index (text, sizeof text, &all, NULL, NULL);
        char *end = strrchr (text, '}') - 1;
        snprintf (end, sizeof text - (size_t)(end - text), ", \"nowhere.weight\": \"%s\"}}", first);
        check_refused (text, "'nowhere.weight': is not in the file");
        check_charges ();
        unlink (networks_path (first));
        unlink (networks_path (second));
        unlink (networks_path (index_name));
        safetensors_close (&all);
    }
    model_unref (whole);
    free (bytes);
}
