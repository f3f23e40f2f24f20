/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_fuzz.c: the targets of tests/fuzz without a fuzzer: their seeds are accepted; neither seeds that are changed
 * nor the files of tests/fuzz/corpus do any harm. */
#include "tests/check.h"
#include "tests/fuzz/fuzz.h"

#include <glib.h>
#include <string.h>

enum { CHANGES = 400, ROOM = 1 << 17 };

static uint32_t state = 1;

static uint32_t next_random (void)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

/* Some bytes become others, in place. */
static size_t change_bytes (uint8_t *value, size_t size, size_t most)
{
    (void)most;
    for (uint32_t i = next_random () % 4; size && i < 4; i++)
        value[next_random () % size] = (uint8_t)(next_random () % 2 ? next_random () : '0' + next_random () % 10);
    return next_random () % 8 ? size : size / 2;
}

static void run_changed (const struct fuzz_target *target, const void *bytes, size_t size)
{
    static uint8_t changed[ROOM];
    int accepted = 0;
    for (int i = 0; i < CHANGES; i++) {
        bool tree = !strcmp (target->name, "onnx") && i % 4;
        size_t now = 0;
        memcpy (changed, bytes, size);
        if (tree)
            now = fuzz_tree_change (changed, size, ROOM, next_random (), change_bytes);
        if (!now)
            now = change_bytes (changed, size, ROOM);
        accepted += target->run (changed, now);
    }
    CHECK (accepted < CHANGES, "%s: every change of %zu bytes is accepted", target->name, size);
}

static void run_seed (void *data, const void *bytes, size_t size)
{
    const struct fuzz_target *target = data;
    CHECK (size < ROOM && size <= target->most, "%s: a seed of %zu bytes", target->name, size);
    CHECK (target->run (bytes, size), "%s: a seed is refused", target->name);
    run_changed (target, bytes, size);
}

static void run_corpus (const struct fuzz_target *target)
{
    char *folder = g_build_filename (TESTS, "fuzz", "corpus", target->name, NULL);
    GDir *dir = g_dir_open (folder, 0, NULL);
    int count = 0;
    for (const char *name; dir && (name = g_dir_read_name (dir)); count++) {
        char *path = g_build_filename (folder, name, NULL), *bytes;
        gsize size;
        if (CHECK (g_file_get_contents (path, &bytes, &size, NULL), "%s", path)) {
            target->run ((const uint8_t *)bytes, size);
            g_free (bytes);
        }
        g_free (path);
    }
    CHECK (count > 0, "%s: nothing is there", folder);
    if (dir)
        g_dir_close (dir);
    g_free (folder);
}

int main (void)
{
    for (const struct fuzz_target *target = fuzz_targets; target->name; target++) {
        check_group (target->name);
        target->seeds (run_seed, (void *)target);
        run_corpus (target);
    }
    return check_end ();
}
