/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_scan.c: walks over the fields of an ONNX file as they lie in it, and charges what unpacking them will cost.
 *
 * protobuf-c is quick but for one thing: a message that is given in pieces. For each piece it copies all lists of those
 * before, which takes the square of the file's size. No exporter writes pieces; each is charged what came before it.
 *
 * On the way the compact form is written. Messages on the way to a tensor get lengths of five bytes, which are filled
 * in at their ends; all other fields are copied as they are.
 *
 * Messages inside messages are kept on a stack of our own, which the schema bounds: nothing in it contains itself. */
#include "models/onnx_scan.h"

#include "engine/work.h"
#include "models/report.h"
#include "onnx.pb-c.h"

#include <stdlib.h>
#include <string.h>

enum {
    DEPTH_MAX = 8,      /* model, graph, value info, type, tensor type, shape, dimension */
    FIELD_STEPS = 20,   /* a field */
    OBJECT_STEPS = 100, /* an allocation besides */
    LENGTH_BYTES = 5,   /* of a message that is written anew */
    DATA_TYPE = 2,      /* fields of a tensor */
    FLOAT_DATA = 4,
    RAW_DATA = 9,
    FLOATS = 1,        /* a data type */
    LIST_BYTES = 4096, /* of a list of floats from which on it is worth a look at the other fields */
    ROOM = 64 << 10,   /* for the compact form, at first */
};

/* A message that is being walked over. */
struct level {
    const ProtobufCMessageDescriptor *type;
    const uint8_t *begin, *end;
    uint64_t before; /* bytes of the one message that it may hold once, so far */
    bool copied;     /* it is in the compact form already, as it is; else */
    size_t start;    /*   where its fields begin in there */
};

struct scan {
    const char *path;
    struct error *error;
    const uint8_t *bytes, *at;
    struct onnx_compact *out;
    struct level stack[DEPTH_MAX];
    int depth;
};

static bool spend (struct scan *s, uint64_t steps)
{
    char refusal[100];
    return work_spend (steps) || report (s->error, "%s: %s", report_path (s->path), work_refusal (refusal));
}

/* ---- the compact form ---------------------------------------------------------------------------------------- */

static bool write_bytes (struct scan *s, const void *bytes, size_t size)
{
    struct onnx_compact *out = s->out;
    if (size > out->capacity - out->size) {
        size_t capacity = 2 * out->capacity + size + ROOM;
        uint8_t *larger = capacity > size ? realloc (out->bytes, capacity) : NULL;
        if (!larger)
            return report (s->error, "%s: no memory for its description", report_path (s->path));
        out->bytes = larger;
        out->capacity = capacity;
    }
    memcpy (out->bytes + out->size, bytes, size);
    out->size += size;
    return true;
}

/* A length of exactly LENGTH_BYTES. */
static void put_length (uint8_t *at, uint64_t length)
{
    for (int i = 0; i < LENGTH_BYTES; i++, length >>= 7)
        at[i] = (uint8_t)(length & 127) | (i < LENGTH_BYTES - 1 ? 128 : 0);
}

/* Whether a tensor may be in a message of this type, or it is one. */
static bool leads_to_tensor (const ProtobufCMessageDescriptor *type)
{
    return type == &convrelu__onnx_graph__descriptor || type == &convrelu__onnx_node__descriptor ||
           type == &convrelu__onnx_attribute__descriptor || type == &convrelu__onnx_tensor__descriptor;
}

/* False: no number there before `end`. */
static bool read_varint (struct scan *s, const uint8_t *end, uint64_t *number)
{
    *number = 0;
    for (int shift = 0; shift < 70 && s->at < end; shift += 7) {
        uint8_t byte = *s->at++;
        *number |= shift < 64 ? (uint64_t)(byte & 127) << shift : 0;
        if (byte < 128)
            return true;
    }
    return false;
}

/* Whether the list of floats that begins at `list` is all that an initializer has of numbers, and its type is float:
 * then its bytes are what raw_data would hold, which need not be copied. A look costs as much as another walk. */
static bool is_all_floats (struct scan *s, const uint8_t *list)
{
    const struct level *tensor = &s->stack[s->depth - 1];
    const uint8_t *here = s->at;
    uint64_t tag = 0, number = 0, type = 0;
    bool good = true;
    s->at = tensor->begin;
    while (good && s->at < tensor->end && spend (s, FIELD_STEPS)) {
        const uint8_t *begin = s->at;
        good = read_varint (s, tensor->end, &tag);
        unsigned wire = tag & 7;
        bool prefixed = wire == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED, varint = wire == PROTOBUF_C_WIRE_TYPE_VARINT;
        good = good && (!(prefixed || varint) || read_varint (s, tensor->end, &number)) &&
               (tag >> 3 != FLOAT_DATA || begin == list) && tag >> 3 != RAW_DATA;
        uint64_t length = prefixed ? number : varint ? 0 : wire == PROTOBUF_C_WIRE_TYPE_64BIT ? 8 : 4;
        if (tag >> 3 == DATA_TYPE && varint)
            type = number;
        good = good && length <= (uint64_t)(tensor->end - s->at);
        s->at += good ? length : 0;
    }
    good = good && s->at == tensor->end;
    s->at = here;
    return good && type == FLOATS;
}

/* Whether the field of these bytes is where a tensor has its numbers, which the compact form leaves out. */
static bool is_payload (struct scan *s, const ProtobufCFieldDescriptor *field, const uint8_t *begin, uint64_t length)
{
    if (!field || s->stack[s->depth - 1].type != &convrelu__onnx_tensor__descriptor)
        return false;
    return field->id == RAW_DATA ||
           (field->id == FLOAT_DATA && length >= LIST_BYTES && length % sizeof (float) == 0 &&
            s->stack[s->depth - 2].type == &convrelu__onnx_graph__descriptor && is_all_floats (s, begin));
}

/* Writes what stands between `begin`, where the field's tag is, and its `length` bytes at s->at, or those too. *opened:
 * a message, of which only the tag and room for the length. */
static bool write_field (struct scan *s, const ProtobufCFieldDescriptor *field, const uint8_t *begin,
                         const uint8_t *length_at, uint64_t length, bool *opened)
{
    static const uint8_t room[LENGTH_BYTES],
        raw[2] = { RAW_DATA << 3 | PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED, sizeof (struct onnx_payload) };
    const struct onnx_payload payload = { (uint64_t)(s->at - s->bytes), length };
    size_t tag = (size_t)(length_at - begin);
    *opened = field && field->type == PROTOBUF_C_TYPE_MESSAGE && leads_to_tensor (field->descriptor);
    if (*opened)
        return write_bytes (s, begin, tag) && write_bytes (s, room, LENGTH_BYTES);
    if (is_payload (s, field, begin, length))
        return write_bytes (s, raw, sizeof raw) && write_bytes (s, &payload, sizeof payload);
    return write_bytes (s, begin, (size_t)(s->at + length - begin));
}

/* ---- the walk ------------------------------------------------------------------------------------------------ */

/* `length` bytes of a field (NULL: none that is known), at s->at. */
static bool scan_bytes (struct scan *s, const ProtobufCFieldDescriptor *field, uint64_t length, bool opened)
{
    struct level *level = &s->stack[s->depth - 1];
    const uint8_t *at = s->at;
    if (field && field->type == PROTOBUF_C_TYPE_MESSAGE && s->depth < DEPTH_MAX) {
        bool once = field->label != PROTOBUF_C_LABEL_REPEATED;
        if (!spend (s, OBJECT_STEPS + (once ? 4 * level->before : 0)))
            return false;
        level->before += once ? length : 0;
        s->stack[s->depth++] = (struct level) {
            .type = field->descriptor, .begin = at, .end = at + length, .copied = !opened, .start = s->out->size
        };
        return true; /* its own fields come next */
    }
    s->at += length;
    bool number = field && field->type != PROTOBUF_C_TYPE_STRING && field->type != PROTOBUF_C_TYPE_BYTES;
    if (!spend (s, OBJECT_STEPS + (number ? 4 * length : length / 4)))
        return false;
    if (field && field->type == PROTOBUF_C_TYPE_STRING && memchr (at, 0, (size_t)length))
        return report (s->error, "%s: the %s '%.100s' of a %s has a zero byte in it", report_path (s->path),
                       field->name, (const char *)at, level->type->short_name + strlen ("Onnx"));
    return true;
}

static bool damaged (struct scan *s)
{
    return report (s->error, "%s: is not an ONNX model, or a damaged one (%zu bytes)", report_path (s->path),
                   (size_t)(s->stack[0].end - s->bytes));
}

/* The end of a message. False: it was the last. */
static bool scan_end (struct scan *s)
{
    const struct level *level = &s->stack[--s->depth];
    if (s->depth && !level->copied)
        put_length (s->out->bytes + level->start - LENGTH_BYTES, s->out->size - level->start);
    return s->depth > 0;
}

/* One field, or the end of a message. False: that was all, or an error. */
static bool scan_next (struct scan *s)
{
    const struct level *level = &s->stack[s->depth - 1];
    const uint8_t *begin = s->at;
    uint64_t tag, length = 0;
    bool opened = false;
    if (s->at >= level->end)
        return scan_end (s);
    if (!spend (s, FIELD_STEPS))
        return false;
    if (!read_varint (s, level->end, &tag))
        return damaged (s);
    const uint8_t *length_at = s->at;
    const ProtobufCFieldDescriptor *field =
        tag >> 3 <= INT32_MAX ? protobuf_c_message_descriptor_get_field (level->type, (unsigned)(tag >> 3)) : NULL;
    unsigned wire = tag & 7;
    bool prefixed = wire == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED, varint = wire == PROTOBUF_C_WIRE_TYPE_VARINT;
    if (prefixed || varint ? !read_varint (s, level->end, &length)
                           : wire != PROTOBUF_C_WIRE_TYPE_64BIT && wire != PROTOBUF_C_WIRE_TYPE_32BIT)
        return damaged (s);
    if (!prefixed)
        length = varint ? 0 : wire == PROTOBUF_C_WIRE_TYPE_64BIT ? 8 : 4;
    if (length > (uint64_t)(level->end - s->at))
        return damaged (s);
    if (!level->copied && !write_field (s, prefixed ? field : NULL, begin, length_at, length, &opened))
        return false;
    if (prefixed)
        return scan_bytes (s, field, length, opened);
    s->at += length;
    return true;
}

bool onnx_scan (const char *path, const void *bytes, size_t size, struct onnx_compact *compact, struct error *error)
{
    struct scan s = { .path = path, .error = error, .bytes = bytes, .at = bytes, .out = compact, .depth = 1 };
    s.stack[0] = (struct level) { .type = &convrelu__onnx_model__descriptor, .begin = s.at, .end = s.at + size };
    *compact = (struct onnx_compact) { .bytes = NULL };
    error->text[0] = 0;
    while (scan_next (&s))
        continue;
    if (!error->text[0])
        return true;
    free (compact->bytes);
    *compact = (struct onnx_compact) { .bytes = NULL };
    return false;
}
