/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* labels_tree.c: names of classes in JSON, in a Python literal, or in YAML's [a, b] and {0: a}.
 *
 *     ["tench", "goldfish"]                          in order
 *     {"0": "tench", "1": "goldfish"}                by number
 *     {"tench": 0, "goldfish": 1}                    by name
 *     {"0": ["n01440764", "tench"]}                  with WordNet's number
 *     [{"id": 0, "name": "tench"}]                   as COCO has its categories
 *     {"id2label": {"0": "tench"}, ...}              any of these within a configuration
 *
 * jansson reads JSON; what it cannot, labels_literal.c tries, into the same tree. */
#include "models/labels_literal.h"

#include <string.h>

enum { TREE_BYTES_MAX = 4 << 20 }; /* a tree takes up to 60 times its text */

/* The name within a value: the value itself, or the first of its strings that is no WordNet number. NULL: none. */
static const char *name_of (const json_t *value)
{
    if (json_is_string (value) || !json_is_array (value))
        return json_string_value (value);
    for (size_t i = 0; i < json_array_size (value); i++) {
        const char *text = json_string_value (json_array_get (value, i));
        size_t length = text ? strlen (text) : 0;
        if (text && !(length == 9 && span_is_wordnet ((struct span) { text, length }) && json_array_size (value) > 1))
            return text;
    }
    return NULL;
}

/* The member with the first of these names that is there. */
static json_t *member (const json_t *object, const char *const *names)
{
    json_t *found = NULL;
    for (; *names && !found; names++)
        found = json_object_get (object, *names);
    return found;
}

static bool add_text (struct label_entries *entries, int64_t id, const char *name, int place)
{
    return label_entries_add (entries, id, name, strlen (name), place);
}

/* One of a list of objects; `numbered`: whether the first has a number, so that all must. */
static bool add_object (struct label_entries *entries, const json_t *object, bool numbered, int place)
{
    static const char *const names[] = { "display_name", "name", "label", "class", "class_name", NULL };
    static const char *const ids[] = { "id", "index", "class_id", "label_id", "category_id", NULL };
    const char *name = json_string_value (member (object, names));
    const json_t *id = member (object, ids);
    if (!name)
        return label_entries_refuse (entries, "entry %d has no name", place), false;
    if (numbered != json_is_integer (id))
        return label_entries_refuse (entries, "entry %d ('%.60s') has %s number", place, name, numbered ? "no" : "a"),
               false;
    int64_t number = numbered ? json_integer_value (id) : -1;
    if (numbered && number < 0)
        return label_entries_refuse (entries, "entry %d is for class %lld", place, (long long)number), false;
    return add_text (entries, number, name, place);
}

static bool add_array (struct label_entries *entries, const json_t *array)
{
    bool numbered = false;
    for (size_t i = 0; i < json_array_size (array); i++) {
        const json_t *value = json_array_get (array, i);
        const char *name = json_is_null (value) ? "" : name_of (value);
        if (i == 0)
            numbered = json_is_object (value) && json_is_integer (json_object_get (value, "id"));
        if (json_is_object (value) ? !add_object (entries, value, numbered, (int)i)
                                   : !name || numbered || !add_text (entries, -1, name, (int)i)) {
            label_entries_refuse (entries, "entry %zu is %s, not a name", i,
                                  json_is_number (value) ? "a number" : "of another kind");
            return false;
        }
    }
    return true;
}

/* Whether names point at numbers; numbers at names otherwise. */
static bool by_name (json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach (object, key, value)
    {
        if (!json_is_integer (value))
            return false;
    }
    return true;
}

static bool add_map (struct label_entries *entries, json_t *object)
{
    const char *key;
    json_t *value;
    bool swapped = by_name (object);
    int place = 0;
    json_object_foreach (object, key, value)
    {
        int64_t id;
        const char *name = swapped ? key : json_is_null (value) ? "" : name_of (value);
        if (swapped)
            id = json_integer_value (value);
        else if (!span_is_number ((struct span) { key, strlen (key) }, &id))
            return label_entries_refuse (entries, "'%.60s' is no number of a class", key), false;
        if (id < 0)
            return label_entries_refuse (entries, "entry %d is for class %lld; classes are numbered from 0", place,
                                         (long long)id),
                   false;
        if (!name)
            return label_entries_refuse (entries, "class %lld has no name but %s", (long long)id,
                                         json_is_number (value) ? "a number" : "something else"),
                   false;
        if (!add_text (entries, id, name, place++))
            return false;
    }
    return true;
}

enum label_format labels_tree_add (json_t *root, struct label_entries *entries)
{
    static const char *const inner[] = { "id2label",     "names",      "labels",    "classes",
                                         "class_names",  "label2id",   "label_map", "idx2label",
                                         "class_to_idx", "categories", NULL };
    entries->unit = "entry";
    json_t *found = json_is_object (root) ? member (root, inner) : NULL;
    if (json_is_object (found) || (json_is_array (found) && json_is_string (json_array_get (found, 0))) ||
        (json_is_array (found) && json_is_object (json_array_get (found, 0))))
        root = found;
    bool array = json_is_array (root), good = array ? add_array (entries, root) : add_map (entries, root);
    if (good && !entries->count)
        return label_entries_refuse (entries, "holds no labels");
    return good ? LABELS_TAKEN : LABELS_REFUSED;
}

/* Where the bracket is that all of it lies in: at its start, or behind `name =`. NULL: it is another format. */
static const char *find_bracket (const char *text, const char *end)
{
    const char *at = text;
    struct span line = { text, 0 };
    do {
        text = at;
        if (!span_line (&at, end, &line))
            return NULL;
    } while (!line.length || line.at[0] == '#');
    if (line.at[0] == '{' || line.at[0] == '[')
        return line.at;
    const char *equals = memchr (line.at, '=', line.length);
    if (!equals)
        return NULL;
    for (const char *c = line.at; c < equals; c++) {
        if (!strchr ("_.: ", *c) && !((*c | 32) >= 'a' && (*c | 32) <= 'z') && !(*c >= '0' && *c <= '9'))
            return NULL;
    }
    struct span rest = span_trim ((struct span) { equals + 1, (size_t)(line.at + line.length - equals - 1) });
    return rest.length && (rest.at[0] == '{' || rest.at[0] == '[') ? rest.at : NULL;
}

enum label_format labels_tree (const char *text, const char *end, struct label_entries *entries)
{
    const char *at = find_bracket (text, end), *after;
    json_error_t why;
    if (!at)
        return LABELS_OTHER;
    if (end - at > TREE_BYTES_MAX)
        return label_entries_refuse (entries, "is %td bytes of JSON or Python; the limit is %d", end - at,
                                     TREE_BYTES_MAX);
    json_t *root = json_loadb (at, (size_t)(end - at), JSON_REJECT_DUPLICATES, &why);
    enum json_error_code code = root ? json_error_unknown : json_error_code (&why);
    if (!root && (code == json_error_duplicate_key || code == json_error_stack_overflow))
        return label_entries_refuse (entries, "line %d: %s", why.line, why.text);
    if (!root)
        root = labels_literal (text, at, end, &after, entries);
    if (!root)
        return LABELS_REFUSED;
    enum label_format format = labels_tree_add (root, entries);
    json_decref (root);
    return format;
}
