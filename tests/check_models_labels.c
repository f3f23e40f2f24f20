/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_models_labels.c: names of classes: every kind of file that people keep them in, and what is made of the names. */
#include "tests/check_models.h"

#include "models/labels.h"
#include "models/short_labels.h"

#include <glib.h>
#include <string.h>

/* ---- short names --------------------------------------------------------------------------------------------- */

enum { SHORTENED = 6 };

static void check_short_names (void)
{
    static const struct {
        const char *names[SHORTENED], *wanted[SHORTENED];
    } cases[] = {
        { { "tench, Tinca tinca", "goldfish" }, { "tench", "goldfish" } },
        { { "face", "face, close-up", "hen" }, { "face", "face, close-up", "hen" } },
        { { "face, close-up", "face, profile, left" }, { "face, close-up", "face, profile" } },
        { { "a, b, c, d", "a, b, c, e", "a, f" }, { "a, b, c, d", "a, b, c, e", "a, f" } },
        { { "crane", "hen", "crane" }, { "crane (0)", "hen", "crane (2)" } },
        { { "crane, bird", "crane, bird", "crane" }, { "crane, bird (0)", "crane, bird (1)", "crane" } },
        { { "", ",", ",a", "a , b", ",a,b" }, { "", ",", ",a", "a", ",a,b" } },
        { { "a ", "a , b", "a,b" }, { "a ", "a , b", "a,b" } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int count = 0;
        while (count < SHORTENED && cases[i].names[count])
            count++;
        char **shortened = short_labels (cases[i].names, count);
        if (!CHECK (shortened != NULL, "case %zu", i))
            return;
        for (int k = 0; k < count; k++) {
            const char *got = shortened[k] ? shortened[k] : cases[i].names[k];
            CHECK (!strcmp (got, cases[i].wanted[k]), "case %zu: '%s' becomes '%s'", i, cases[i].names[k], got);
        }
        short_labels_free (shortened, count);
    }
}

/* 65536 classes, all the same up to their last comma: no two of what is shown may be the same. */
static void check_many_short_names (void)
{
    enum { COUNT = 65536 };
    char **names = g_new0 (char *, COUNT + 1);
    GHashTable *seen = g_hash_table_new (g_str_hash, g_str_equal);
    for (int i = 0; i < COUNT; i++)
        names[i] = i % 3 ? g_strdup_printf ("a, b, %d", i / 2) : g_strdup ("a");
    char **shortened = short_labels ((const char *const *)names, COUNT);
    for (int i = 0; CHECK (shortened != NULL, "no memory") && i < COUNT; i++)
        g_hash_table_add (seen, shortened[i] ? shortened[i] : names[i]);
    CHECK (g_hash_table_size (seen) == COUNT, "%u of %d short names are different", g_hash_table_size (seen), COUNT);
    g_hash_table_unref (seen);
    short_labels_free (shortened, COUNT);
    g_strfreev (names);
}

void check_labels (void)
{
    check_group ("short labels");
    check_short_names ();
    check_many_short_names ();
}
