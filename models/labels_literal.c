/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* labels_literal.c: a Python literal or YAML's flow style -> jansson's tree; see labels_literal.h. */
#include "models/labels_literal.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 8 };

/* ---- strings ------------------------------------------------------------------------------------------------- */

/* Up to `digits` hexadecimal ones; how many there were. */
static int hexadecimal (const char *at, const char *end, int digits, gunichar *value)
{
    int i = 0;
    *value = 0;
    for (; i < digits && at + i < end && g_ascii_isxdigit (at[i]); i++)
        *value = *value * 16 + (gunichar)g_ascii_xdigit_value (at[i]);
    return i;
}

/* What the backslash at `at` stands for, to *to, which moves; returns what is behind it. */
static const char *escape (const char *at, const char *end, char **to)
{
    gunichar code, low;
    int digits = at[1] == 'x' ? 2 : at[1] == 'u' ? 4 : at[1] == 'U' ? 8 : 0;
    if (digits && hexadecimal (at + 2, end, digits, &code) == digits) {
        at += 2 + digits;
        if (code >= 0xd800 && code < 0xdc00 && end - at > 6 && at[0] == '\\' && at[1] == 'u' &&
            hexadecimal (at + 2, end, 4, &low) == 4 && low >= 0xdc00 && low < 0xe000) {
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            at += 6;
        }
        *to += g_unichar_to_utf8 (code && g_unichar_validate (code) ? code : 0xfffd, *to);
        return at;
    }
    if (strchr ("nrtabfv", at[1]))
        *(*to)++ = ' ';
    else if (strchr ("\\'\"/", at[1]))
        *(*to)++ = at[1];
    else { /* Python leaves what it does not know */
        *(*to)++ = '\\';
        *(*to)++ = at[1];
    }
    return at + 2;
}

const char *labels_literal_string (const char *at, const char *end, bool doubled, char *to, size_t *length)
{
    char quote = *at++, *start = to;
    bool plain = doubled && quote == '\''; /* YAML: no escapes but '' */
    while (at < end && *at != '\n') {
        if (*at == quote && plain && at + 1 < end && at[1] == quote) {
            *to++ = quote;
            at += 2;
        } else if (*at == quote) {
            *length = (size_t)(to - start);
            return at + 1;
        } else if (*at == '\\' && !plain && at + 1 < end && at[1] != '\n') {
            at = escape (at, end, &to);
        } else {
            *to++ = *at++;
        }
    }
    return NULL;
}

/* ---- the tree ------------------------------------------------------------------------------------------------ */

enum expect { EXPECT_ITEM, EXPECT_COLON, EXPECT_COMMA };

struct literal {
    const char *text, *at, *end;
    struct label_entries *entries;
    json_t *stack[DEPTH_MAX]; /* open brackets; each is held by the one before, the first by itself */
    int depth;
    char *scratch;         /* [length of the text + 4] */
    char *keys[DEPTH_MAX]; /* of an object's value that is to come, or NULL */
    enum expect expect;
};

static bool wrong (struct literal *l, const char *what)
{
    int line = 1;
    for (const char *at = l->text; at < l->at && at < l->end; at++)
        line += *at == '\n';
    label_entries_refuse (l->entries, "line %d: %s", line, what);
    return false;
}

static void skip_blanks (struct literal *l)
{
    while (l->at < l->end && (g_ascii_isspace (*l->at) || *l->at == '#')) {
        if (*l->at == '#') {
            while (l->at < l->end && *l->at != '\n')
                l->at++;
        } else {
            l->at++;
        }
    }
}

/* Takes `value`. */
static bool put (struct literal *l, json_t *value)
{
    json_t *into = l->stack[l->depth - 1];
    char **key = &l->keys[l->depth - 1];
    bool good = value != NULL;
    if (json_is_array (into)) {
        good = json_array_append_new (into, value) == 0;
    } else {
        if (json_object_get (into, *key)) {
            json_decref (value);
            label_entries_refuse (l->entries, "names '%.60s' twice", *key);
            return false;
        }
        good = json_object_set_new_nocheck (into, *key, value) == 0;
        free (*key);
        *key = NULL;
    }
    l->expect = EXPECT_COMMA;
    return good || wrong (l, "no memory for what follows");
}

/* A string or a bare word is a value, or the key of one. */
static bool put_text (struct literal *l, const char *text, size_t length, bool bare)
{
    int64_t number;
    json_t *into = l->stack[l->depth - 1];
    char **key = &l->keys[l->depth - 1];
    if (json_is_object (into) && !*key) {
        *key = malloc (length + 1);
        if (!*key)
            return wrong (l, "no memory for what follows");
        memcpy (*key, text, length);
        (*key)[length] = 0;
        l->expect = EXPECT_COLON;
        return true;
    }
    if (bare && span_is_number ((struct span) { text, length }, &number))
        return put (l, json_integer (number));
    bool nothing = bare && ((length == 4 && (!memcmp (text, "None", 4) || !memcmp (text, "null", 4))) ||
                            (length == 1 && *text == '~'));
    return put (l, nothing ? json_null () : json_stringn_nocheck (text, length));
}

/* A bare word: up to a comma, a bracket, or the end of the line; as a key up to its colon. */
static bool read_bare (struct literal *l)
{
    bool key = json_is_object (l->stack[l->depth - 1]) && !l->keys[l->depth - 1];
    const char *start = l->at;
    while (l->at < l->end && !strchr (",]})\n", *l->at) && !(key && *l->at == ':') &&
           !(*l->at == '#' && l->at[-1] == ' '))
        l->at++;
    struct span word = span_trim ((struct span) { start, (size_t)(l->at - start) });
    if (!word.length)
        return wrong (l, "a name is missing");
    if (!key && (memchr (word.at, '"', word.length) || memmem (word.at, word.length, ": ", 2)))
        return wrong (l, "quotes or a comma are missing");
    return put_text (l, word.at, word.length, true);
}

static bool read_string (struct literal *l)
{
    size_t length;
    const char *after = labels_literal_string (l->at, l->end, false, l->scratch, &length);
    if (!after)
        return wrong (l, "a quote is not closed");
    l->at = after;
    return put_text (l, l->scratch, length, false);
}

static bool open_bracket (struct literal *l)
{
    json_t *fresh = *l->at == '{' ? json_object () : json_array ();
    if (l->depth == DEPTH_MAX || !fresh) {
        json_decref (fresh);
        return wrong (l, l->depth == DEPTH_MAX ? "brackets within brackets, more than 8 of them" : "no memory");
    }
    if (l->depth && json_is_object (l->stack[l->depth - 1]) && !l->keys[l->depth - 1]) {
        json_decref (fresh);
        return wrong (l, "a bracket stands where a number or a name should");
    }
    if (l->depth && !put (l, fresh))
        return false;
    l->stack[l->depth++] = fresh;
    l->expect = EXPECT_ITEM;
    l->at++;
    return true;
}

static bool close_bracket (struct literal *l)
{
    bool object = json_is_object (l->stack[l->depth - 1]);
    if (object != (*l->at == '}') || l->expect == EXPECT_COLON || l->keys[l->depth - 1])
        return wrong (l, "a bracket closes what is not finished");
    l->depth--;
    l->expect = EXPECT_COMMA;
    l->at++;
    return true;
}

static bool step (struct literal *l)
{
    skip_blanks (l);
    if (l->at >= l->end)
        return wrong (l, "the file ends before its brackets are closed");
    char c = *l->at;
    if (c == ']' || c == '}' || c == ')')
        return close_bracket (l);
    if (l->expect != EXPECT_ITEM) {
        bool colon = l->expect == EXPECT_COLON;
        if (c != (colon ? ':' : ','))
            return wrong (l, colon ? "a colon is missing" : "a comma is missing");
        l->expect = EXPECT_ITEM;
        l->at++;
        return true;
    }
    if (c == '{' || c == '[' || c == '(')
        return open_bracket (l);
    if (strchr ("uUbBrR", c) && l->at + 1 < l->end && (l->at[1] == '\'' || l->at[1] == '"'))
        l->at++;
    return *l->at == '\'' || *l->at == '"' ? read_string (l) : read_bare (l);
}

json_t *labels_literal (const char *text, const char *at, const char *end, const char **after,
                        struct label_entries *entries)
{
    struct literal l = { .text = text, .at = at, .end = end, .entries = entries };
    l.scratch = malloc ((size_t)(end - at) + 8);
    bool good = l.scratch || wrong (&l, "no memory for what follows");
    json_t *root = NULL;
    for (bool first = true; good && (first || l.depth); first = false) {
        good = first ? open_bracket (&l) : step (&l);
        root = first && good ? l.stack[0] : root;
    }
    while (good && l.at < end && *l.at != '\n' && (g_ascii_isspace (*l.at) || *l.at == ';'))
        l.at++;
    if (good && l.at < end && *l.at != '\n' && *l.at != '#')
        good = wrong (&l, "something follows the last bracket");
    for (int i = 0; i < DEPTH_MAX; i++)
        free (l.keys[i]);
    free (l.scratch);
    *after = l.at;
    if (good)
        return root;
    json_decref (root);
    return NULL;
}
