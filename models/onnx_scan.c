/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_scan.c: walks over the fields of an ONNX file as they lie in it, and charges what unpacking them will cost.
 *
 * protobuf-c is quick but for one thing: a message that is given in pieces. For each piece it copies all lists of those
 * before, which takes the square of the file's size. No exporter writes pieces; each is charged what came before it.
 *
 * Messages inside messages are kept on a stack of our own, which the schema bounds: nothing in it contains itself. */
#include "models/onnx_scan.h"

#include "engine/work.h"
#include "models/report.h"
#include "onnx.pb-c.h"

#include <string.h>

enum {
    DEPTH_MAX = 8,      /* model, graph, value info, type, tensor type, shape, dimension */
    FIELD_STEPS = 20,   /* a field */
    OBJECT_STEPS = 100, /* an allocation besides */
};

/* A message that is being walked over. */
struct level {
    const ProtobufCMessageDescriptor *type;
    const uint8_t *end;
    uint64_t before; /* bytes of the one message that it may hold once, so far */
};

struct scan {
    const char *path;
    struct error *error;
    const uint8_t *at;
    struct level stack[DEPTH_MAX];
    int depth;
};

static bool spend (struct scan *s, uint64_t steps)
{
    char refusal[100];
    return work_spend (steps) || report (s->error, "%s: %s", report_path (s->path), work_refusal (refusal));
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

/* `length` bytes of a field (NULL: none that is known), at s->at. */
static bool scan_bytes (struct scan *s, const ProtobufCFieldDescriptor *field, uint64_t length)
{
    struct level *level = &s->stack[s->depth - 1];
    const uint8_t *at = s->at;
    if (field && field->type == PROTOBUF_C_TYPE_MESSAGE && s->depth < DEPTH_MAX) {
        bool once = field->label != PROTOBUF_C_LABEL_REPEATED;
        if (!spend (s, OBJECT_STEPS + (once ? 4 * level->before : 0)))
            return false;
        level->before += once ? length : 0;
        s->stack[s->depth++] = (struct level) { field->descriptor, at + length, 0 };
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

/* One field, or the end of a message. False: that was all, or an error. */
static bool scan_next (struct scan *s)
{
    const struct level *level = &s->stack[s->depth - 1];
    uint64_t tag, length = 0;
    if (s->at >= level->end)
        return --s->depth > 0;
    if (!spend (s, FIELD_STEPS) || !read_varint (s, level->end, &tag))
        return false;
    const ProtobufCFieldDescriptor *field =
        tag >> 3 <= INT32_MAX ? protobuf_c_message_descriptor_get_field (level->type, (unsigned)(tag >> 3)) : NULL;
    switch (tag & 7) {
    case PROTOBUF_C_WIRE_TYPE_VARINT:
        return read_varint (s, level->end, &length);
    case PROTOBUF_C_WIRE_TYPE_64BIT:
        length = 8;
        break;
    case PROTOBUF_C_WIRE_TYPE_32BIT:
        length = 4;
        break;
    case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED:
        if (!read_varint (s, level->end, &length) || length > (uint64_t)(level->end - s->at))
            return false;
        return scan_bytes (s, field, length);
    default:
        return false;
    }
    if (length > (uint64_t)(level->end - s->at))
        return false;
    s->at += length;
    return true;
}

bool onnx_scan (const char *path, const void *bytes, size_t size, struct error *error)
{
    struct scan s = { .path = path, .error = error, .at = bytes, .depth = 1 };
    s.stack[0] = (struct level) { &convrelu__onnx_model__descriptor, s.at + size, 0 };
    error->text[0] = 0;
    while (scan_next (&s))
        continue;
    return !error->text[0];
}
