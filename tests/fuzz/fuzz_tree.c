/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz_tree.c: changes an ONNX file field by field; see fuzz.h.
 *
 * Changed bytes hardly ever leave a protobuf message whole: the lengths in front of it and of all that hold it would
 * have to change too. So the fields on the way down to one are remembered, and their lengths are written anew. */
#include "tests/fuzz/fuzz.h"

#include "onnx.pb-c.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 10, FIELDS_MAX = 20000 };

/* Where a field lies: its tag at `tag`, its value (behind the length) from `value` to `end`. */
struct field {
    size_t tag, value, end;
    int wire, number;
    int parent; /* the field that holds it, or -1 */
    const ProtobufCMessageDescriptor *inside;
};

struct tree {
    const uint8_t *bytes;
    struct field *list;
    int count;
};

static bool read_varint (const uint8_t *bytes, size_t *at, size_t end, uint64_t *number)
{
    *number = 0;
    for (int shift = 0; *at < end && shift < 64; shift += 7) {
        uint8_t byte = bytes[(*at)++];
        *number |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            return true;
    }
    return false;
}

static size_t write_varint (uint8_t *to, uint64_t number)
{
    size_t size = 0;
    for (; number >= 128; number >>= 7)
        to[size++] = (uint8_t)(number | 128);
    to[size++] = (uint8_t)number;
    return size;
}

/* The fields from `at` to `end`, of a message of this type in field `parent`. */
static void take_fields (struct tree *t, size_t at, size_t end, const ProtobufCMessageDescriptor *type, int parent)
{
    while (at < end && t->count < FIELDS_MAX) {
        struct field f = { .tag = at, .parent = parent };
        uint64_t tag, length;
        if (!read_varint (t->bytes, &at, end, &tag))
            return;
        f.wire = (int)(tag & 7);
        f.number = (int)(tag >> 3 & 0xfffff);
        f.value = at;
        if (f.wire == 0 && !read_varint (t->bytes, &at, end, &length))
            return;
        if (f.wire == 2 && (!read_varint (t->bytes, &at, end, &length) || length > end - at))
            return;
        if (f.wire == 2)
            f.value = at;
        at += f.wire == 2 ? (size_t)length : f.wire == 5 ? 4 : f.wire == 1 ? 8 : 0;
        if (at > end || f.wire == 3 || f.wire == 4 || f.wire > 5)
            return;
        f.end = at;
        const ProtobufCFieldDescriptor *known = protobuf_c_message_descriptor_get_field (type, (unsigned)f.number);
        f.inside = f.wire == 2 && known && known->type == PROTOBUF_C_TYPE_MESSAGE ? known->descriptor : NULL;
        t->list[t->count++] = f;
    }
}

/* The list grows while it is walked over: no recursion. */
static void take_all (struct tree *t, size_t size)
{
    take_fields (t, 0, size, &convrelu__onnx_model__descriptor, -1);
    for (int i = 0; i < t->count; i++) {
        if (t->list[i].inside)
            take_fields (t, t->list[i].value, t->list[i].end, t->list[i].inside, i);
    }
}

/* Bytes [from, to) become `with` [size]; every message around grows or shrinks with them. Returns the new size of all,
 * or 0: there is no room. */
static size_t splice (struct tree *t, int parent, size_t whole, size_t most, size_t from, size_t to,
                      const uint8_t *with, size_t size, uint8_t *bytes)
{
    uint8_t *inner = malloc (most), *outer = malloc (most);
    size_t inner_size = size, result = 0;
    if (inner && outer && size <= most) {
        memcpy (inner, with, size);
        for (int p = parent;; p = t->list[p].parent) {
            size_t begin = p < 0 ? 0 : t->list[p].value, end = p < 0 ? whole : t->list[p].end;
            size_t body = (from - begin) + inner_size + (end - to), at = 0;
            if (body + 20 > most)
                break;
            if (p >= 0) {
                at = write_varint (outer, (uint64_t)t->list[p].number << 3 | 2);
                at += write_varint (outer + at, body);
            }
            memcpy (outer + at, t->bytes + begin, from - begin);
            memcpy (outer + at + (from - begin), inner, inner_size);
            memcpy (outer + at + (from - begin) + inner_size, t->bytes + to, end - to);
            inner_size = at + body;
            uint8_t *swap = inner;
            inner = outer;
            outer = swap;
            if (p < 0) {
                result = inner_size;
                break;
            }
            from = t->list[p].tag;
            to = t->list[p].end;
        }
    }
    if (result)
        memcpy (bytes, inner, result);
    free (inner);
    free (outer);
    return result;
}

/* A field with another value behind its tag. */
static size_t replace (struct tree *t, const struct field *f, size_t whole, size_t most, const uint8_t *value,
                       size_t size, uint8_t *bytes)
{
    uint8_t *field = malloc (size + 30);
    size_t at = 0, result = 0;
    if (field) {
        at = write_varint (field, (uint64_t)f->number << 3 | (unsigned)f->wire);
        at += f->wire == 2 ? write_varint (field + at, size) : 0;
        memcpy (field + at, value, size);
        result = splice (t, f->parent, whole, most, f->tag, f->end, field, at + size, bytes);
    }
    free (field);
    return result;
}

static size_t change (struct tree *t, size_t whole, size_t most, uint32_t random, uint8_t *bytes,
                      size_t (*inside) (uint8_t *value, size_t size, size_t most))
{
    static const uint64_t interesting[] = { 0,  1,   2,   3,    7,     8,          16,         17,
                                            64, 127, 255, 1024, 65536, 1000000000, 2147483647, UINT64_MAX };
    const struct field *f = &t->list[random % (uint32_t)t->count], *other = &t->list[random / 7 % (uint32_t)t->count];
    uint8_t *value = malloc (most), number[16];
    size_t size = f->end - f->value, result = 0;
    if (!value)
        return 0;
    switch (random >> 20 & 7) {
    case 0: /* left out */
        result = splice (t, f->parent, whole, most, f->tag, f->end, value, 0, bytes);
        break;
    case 1: /* twice */
        result = splice (t, f->parent, whole, most, f->end, f->end, t->bytes + f->tag, f->end - f->tag, bytes);
        break;
    case 2: /* another field besides */
        result =
            splice (t, f->parent, whole, most, f->end, f->end, t->bytes + other->tag, other->end - other->tag, bytes);
        break;
    case 3: /* another field's value, of the same kind where one is near */
        for (int i = 0; i < 16 && (other->wire != f->wire || other->number != f->number || other == f); i++)
            other = &t->list[(random / 7 + (uint32_t)i * 13) % (uint32_t)t->count];
        if (other->wire == f->wire)
            result = replace (t, f, whole, most, t->bytes + other->value, other->end - other->value, bytes);
        break;
    default:
        if (f->wire == 0) {
            size = write_varint (number, interesting[random >> 24 & 15] + (random >> 28 & 1));
            result = replace (t, f, whole, most, number, size, bytes);
        } else if (size <= most) {
            memcpy (value, t->bytes + f->value, size);
            size_t room = f->wire == 2 && whole < most ? size + (most - whole) / 2 : size;
            result = replace (t, f, whole, most, value, f->wire == 2 ? inside (value, size, room) : size, bytes);
        }
    }
    free (value);
    return result;
}

size_t fuzz_tree_change (uint8_t *bytes, size_t size, size_t most, uint32_t random,
                         size_t (*inside) (uint8_t *value, size_t size, size_t most))
{
    uint8_t *copy = malloc (size + 1);
    struct tree t = { copy, calloc (FIELDS_MAX, sizeof *t.list), 0 };
    size_t result = 0;
    if (copy && t.list) {
        memcpy (copy, bytes, size);
        take_all (&t, size);
        if (t.count)
            result = change (&t, size, most, random, bytes, inside);
    }
    free (copy);
    free (t.list);
    return result;
}
