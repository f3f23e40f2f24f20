/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_models_labels.c: names of classes: every kind of file that people keep them in, and what is made of the
 * names. */
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

/* ---- kinds of files ------------------------------------------------------------------------------------------ */

/* The names joined by "|" as a network of so many classes has them, or "error: ..." */
static void read_text (const char *text, int classes, char joined[4096])
{
    struct labels labels;
    struct error error = { "" };
    const char *path = scratch_path ("kind.txt");
    joined[0] = 0;
    if (!write_file (path, text, strlen (text)) || !labels_read (path, &labels, &error)) {
        snprintf (joined, 4096, "error: %s", error.text);
        return;
    }
    labels_fit (&labels, classes);
    for (int i = 0; i < labels.count; i++) {
        size_t used = strlen (joined);
        snprintf (joined + used, 4096 - used, "%s%s", i ? "|" : "", labels.names[i]);
    }
    labels_clear (&labels);
}

static const struct {
    const char *what, *text;
    int classes;
    const char *wanted;
} kinds[] = {
    { "JSON map, one line", "{\"0\": \"tench\", \"1\": \"hen\"}", 2, "tench|hen" },
    { "JSON map, many lines", "{\n \"1\": \"hen\",\r\n \"0\": \"tench, Tinca\"\n}\n", 2, "tench, Tinca|hen" },
    { "JSON map, ten", "{\"10\":\"k\",\"0\":\"a\",\"1\":\"b\",\"2\":\"c\"}", 11, "a|b|c||||||||k" },
    { "JSON list", "\xef\xbb\xbf[\"a\", \"b, c\", \"\\u00e9\"]", 3, "a|b, c|\xc3\xa9" },
    { "JSON with WordNet", "{\"0\": [\"n01440764\", \"tench\"], \"1\": [\"n01443537\", \"goldfish\"]}", 2,
      "tench|goldfish" },
    { "JSON list of pairs", "[[\"n01440764\", \"tench\"], [\"n01443537\", \"hen\"]]", 2, "tench|hen" },
    { "JSON by name", "{\"hen\": 1, \"tench\": 0}", 2, "tench|hen" },
    { "JSON, numbers for names", "{\"0\": \"5\", \"1\": \"7\"}", 2, "5|7" },
    { "COCO", "{\"categories\": [{\"id\": 1, \"name\": \"a\"}, {\"id\": 3, \"name\": \"c\"}]}", 4, "|a||c" },
    { "COCO from one", "[{\"id\": 2, \"name\": \"b\"}, {\"id\": 1, \"name\": \"a\"}]", 2, "a|b" },
    { "a configuration", "{\"model_type\": \"vit\", \"id2label\": {\"0\": \"a\", \"1\": \"b\"}, \"n\": 3}", 2, "a|b" },
    { "Python", "{0: 'tench, Tinca',\n 1: \"it's\",\n 2: 'it\\'s', 3: u'x', 4: 'caf\\xe9',}\n", 5,
      "tench, Tinca|it's|it's|x|caf\xc3\xa9" },
    { "Python, assigned", "# names\nclasses = ['a', # first\n  'b']\n", 2, "a|b" },
    { "Python tuples", "(0)\n", 1, "(0)" },
    { "JavaScript", "module.exports = {\n 0: 'a',\n 1: 'b'\n};\n", 2, "a|b" },
    { "CSV", "0,tench\n1,hen\n", 2, "tench|hen" },
    { "CSV with a heading", "id,name\n1,hen\n0,\"tench, \"\"T\"\"\"\n", 2, "tench, \"T\"|hen" },
    { "CSV, other words", "index;label\r\n0;tench\r\n1;hen\r\n", 2, "tench|hen" },
    { "CSV from one", "class_id,class_name\n1,a\n2,b\n", 2, "a|b" },
    { "CSV, label is the number", "name,label\ntench,1\nhen,0\n", 2, "hen|tench" },
    { "CSV of pandas", ",name\n0,a\n1,b\n", 2, "a|b" },
    { "CSV with WordNet", "wnid,name\nn01440764,tench\nn01443537,hen\n", 2, "tench|hen" },
    { "CSV, commas unquoted", "0,tench, Tinca\n1,hen\n", 2, "tench, Tinca|hen" },
    { "CSV, name first", "tench,1\nhen,0\n", 2, "hen|tench" },
    { "tabs", "0\ttench\n1\then\n", 2, "tench|hen" },
    { "a column of names", "name\ntench\nhen\n", 2, "tench|hen" },
    { "a class called name", "name\ntench\nhen\n", 3, "name|tench|hen" },
    { "synonyms are no table", "tench, Tinca\nhen, biddy\n", 2, "tench, Tinca|hen, biddy" },
    { "one line of names", "a, b,c\n", 3, "a|b|c" },
    { "numbers", "0 tench\n1 hen\n", 2, "tench|hen" },
    { "numbers, any order", "2 c\n0 a\n1 b\n", 3, "a|b|c" },
    { "numbers from one", "1 a\n2 b\n3 c\n", 3, "a|b|c" },
    { "numbers from one, room for a background", "1 a\n2 b\n", 3, "|a|b" },
    { "colons, a hole", "0: a\n4: e\n", 5, "a||||e" },
    { "one colon", "1: b\n", 2, "|b" },
    { "names with numbers", "7up bottle\n101 dalmatians\n3.5 inch disk\n", 3,
      "7up bottle|101 dalmatians|3.5 inch disk" },
    { "coins", "1 cent\n2 cents\n5 cents\n", 3, "1 cent|2 cents|5 cents" },
    { "times", "10:30\n11:30\n", 2, "10:30|11:30" },
    { "synset.txt", "n01440764 tench, Tinca\nn01443537 hen\n", 2, "tench, Tinca|hen" },
    { "map_clsloc.txt", "n02119789 1 kit_fox\nn02100735 2 English_setter\n", 2, "kit_fox|English_setter" },
    { "quotes and commas", "'a',\n'b'\n", 2, "a|b" },
    { "label map", "item {\n  id: 1\n  name: \"/m/1\"\n  display_name: 'a'\n}\nitem {\n  name: 'b' id: 2\n}\n", 2,
      "a|b" },
    { "label map with a background", "item { id: 1 name: 'a' }\nitem { id: 2 name: 'b' }\n", 3, "|a|b" },
    { "YAML map", "path: x\nnames:\n  0: person\n  1: 'it''s' # two\n\nnc: 2\n", 2, "person|it's" },
    { "YAML list", "nc: 2\nnames:\n- person\n- bicycle\n", 2, "person|bicycle" },
    { "YAML list, indented", "names: # all\n  - a\n  - \"b: c\"\n", 2, "a|b: c" },
    { "YAML flow", "nc: 3\nnames: [a b, 'c',\n  it's]\nx: 1\n", 3, "a b|c|it's" },
    { "YAML flow map", "names: {0: a, 1: b}\n", 2, "a|b" },
    { "dashes", "- a\n- b\n", 2, "a|b" },
    { "CSV, a long name first", "a name of more than thirty-two letters,1\nhen,0\n", 2,
      "hen|a name of more than thirty-two letters" },
    { "label map with colons", "item: { id: 0 name: 'a' }\nitem: { id: 1 name: 'b' }\n", 2, "a|b" },
    /* refused, each with a reason */
    { "a heading alone", "id,name\n", 2, "error none of its 2 columns holds names" },
    { "a class below 0 in CSV", "id,name\n0,hen\n-1,tench\n", 2, "error line 3: '-1' is no number of a class" },
    { "cut JSON", "{\"0\": \"tench\", \"1\": \"he", 2, "error quote" },
    { "cut JSON list", "[\"a\", \"b\"", 2, "error ends before" },
    { "a key twice", "{\"0\": \"a\", \"0\": \"b\"}", 2, "error duplicate" },
    { "a number twice", "{\"0\": \"a\", \"00\": \"b\"}", 2, "error already" },
    { "a key twice, Python", "{0: 'a', 0: 'b'}", 2, "error twice" },
    { "a number twice in lines", "0: a\n0: b\n", 2, "error already" },
    { "a number twice in CSV", "id,name\n3,a\n3,b\n", 2, "error already" },
    { "a huge number", "{\"4294967296\": \"a\", \"0\": \"b\"}", 2, "error 4294967296" },
    { "a number beyond 64 bits", "{\"99999999999999999999999\": \"a\"}", 2, "error classes are" },
    { "a huge number in lines", "0: a\n99999999: b\n", 2, "error 99999999" },
    { "a negative number", "{\"-1\": \"a\"}", 2, "error -1" },
    { "a negative number, by name", "{\"a\": -1}", 2, "error -1" },
    { "a negative number among others", "0: a\n-5: b\n1 c\n", 3, "0: a|-5: b|1 c" },
    { "a negative number of 64 bits", "0: a\n-9223372036854775808: b\n1 c\n", 3, "0: a|-9223372036854775808: b|1 c" },
    { "negative numbers in lines", "-2: a\n-3: b\n", 2, "error -2" },
    { "a negative number in a label map", "item { id: -5 name: 'a' }", 2, "error id" },
    { "a negative number in YAML", "names:\n  -1: a\n", 2, "error below" },
    { "no numbers", "{\"a\": \"b\"}", 2, "error 'a'" },
    { "names that are numbers", "[1, 2]", 2, "error number" },
    { "an empty list", "[]", 2, "error no labels" },
    { "an empty map", "{}", 2, "error no labels" },
    { "a comma missing", "{0: 'a' 1: 'b'}", 2, "error comma" },
    { "text behind", "[\"a\"] b\n", 1, "error follows" },
    { "brackets", "[[[[[[[[[[[[[[[[\"a\"]]]]]]]]]]]]]]]]", 1, "error" },
    { "a quote in CSV", "id,name\n0,\"a\n1,b\n", 2, "error quote" },
    { "a field missing", "id,name\n0,a\n1\n", 2, "error line 3" },
    { "a number missing", "0: a\n1: b\nc\n", 3, "error line 3" },
    { "a table without names", "id,label\n0,1\n1,2\n", 2, "error none of its 2" },
    { "an item without an id", "item { name: 'a' }", 1, "error no id" },
    { "a cut label map", "item { id: 1 name: 'a'", 1, "error ends" },
    { "no names below", "names:\nnc: 2\n", 2, "error no names" },
    { "two kinds in YAML", "names:\n  - a\n  1: b\n", 2, "error kind" },
    { "mappings in YAML", "names:\n  - name: a\n", 1, "error plain" },
    { "a map to nothing", "{0: 'a', 1: [2]}", 2, "error no name" },
    { "a category below 0", "[{\"id\": 0, \"name\": \"a\"}, {\"id\": -1, \"name\": \"b\"}]", 2, "error class -1" },
    { "a surrogate pair", "['\\ud83d\\ude00 a', 'b']", 2, "\xf0\x9f\x98\x80 a|b" },
    { "a page", "\n<!DOCTYPE html>\n<html></html>\n", 1, "error web page" },
};

static void check_kinds (void)
{
    char joined[4096];
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const char *wanted = kinds[i].wanted;
        read_text (kinds[i].text, kinds[i].classes, joined);
        bool wrong = !strncmp (wanted, "error", 5);
        CHECK (wrong ? !strncmp (joined, "error: ", 7) && strstr (joined, "kind.txt: ") && !strchr (joined, '\n') &&
                           strstr (joined, wanted + 5 + (wanted[5] == ' '))
                     : !strcmp (joined, wanted),
               "%s: '%s'", kinds[i].what, joined);
    }
}

/* Every text above cut anywhere, and with a byte changed: names or one error. */
static void check_damaged_kinds (void)
{
    char joined[4096], text[512];
    unsigned seed = 1;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t size = strlen (kinds[i].text);
        for (size_t cut = 0; cut < size && size < sizeof text; cut++) {
            memcpy (text, kinds[i].text, size + 1);
            seed = seed * 1664525u + 1013904223u;
            if (cut % 2)
                text[cut] = (char)("[]{}\"',:;\\-9\xff\n"[(seed >> 16) % 13]);
            else
                text[cut] = 0;
            read_text (text, kinds[i].classes, joined);
            CHECK (joined[0] && g_utf8_validate (joined, -1, NULL), "%s, byte %zu: '%s'", kinds[i].what, cut, joined);
        }
    }
}

static void check_large_kinds (void)
{
    char joined[4096];
    GString *text = g_string_new ("[");
    for (int i = 0; i < 100000; i++)
        g_string_append_c (text, '[');
    read_text (text->str, 1, joined);
    CHECK (strstr (joined, "error: "), "100000 brackets: '%s'", joined);
    g_string_assign (text, "[");
    while (text->len < 5 << 20)
        g_string_append (text, "[],");
    read_text (text->str, 1, joined);
    CHECK (strstr (joined, "limit"), "5 MiB of JSON: '%s'", joined);
    g_string_free (text, TRUE);
}

/* The shared case: names as they are written, none shifted. */
static void check_shared_map (void)
{
    if (!check_cases ()) {
        SKIP ("no shared cases");
        return;
    }
    char *net = g_build_filename (check_cases (), "17-label-files", "net.onnx", NULL);
    char *map = g_build_filename (check_cases (), "17-label-files", "map.json", NULL);
    static const char *const names[] = { "tench",      "goldfish",     "great_white_shark", "tiger_shark",
                                         "hammerhead", "electric_ray", "stingray",          "cock",
                                         "hen",        "ostrich" };
    struct error error = { "" };
    struct model *model = model_load (net, map, &error);
    for (int i = 0; CHECK (model != NULL, "%s", error.text) && i < 10; i++)
        CHECK (!strcmp (model_label (model, i), names[i]), "class %d: '%s'", i, model_label (model, i));
    model_unref (model);
    g_free (net);
    g_free (map);
}

/* Of a model: cut at the comma, and never NULL. */
static void check_short_labels_of_models (void)
{
    static const char names[] = "tench, Tinca tinca\nhen\n";
    struct error error = { "" };
    const char *path = scratch_path ("short.txt");
    write_file (path, names, sizeof names - 1);
    struct model *model = model_load (NULL, path, &error);
    if (!CHECK (model != NULL, "%s", error.text))
        return;
    CHECK (!strcmp (model_label (model, 0), "tench, Tinca tinca") && !strcmp (model_short_label (model, 0), "tench"),
           "'%s', '%s'", model_label (model, 0), model_short_label (model, 0));
    CHECK (!strcmp (model_short_label (model, 1), model_label (model, 1)), "'%s'", model_short_label (model, 1));
    model_unref (model);
}

void check_labels (void)
{
    check_group ("label files");
    check_kinds ();
    check_damaged_kinds ();
    check_large_kinds ();
    check_shared_map ();
    check_group ("short labels");
    check_short_names ();
    check_many_short_names ();
    check_short_labels_of_models ();
}
