/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_scan.h: what taking an ONNX file apart will cost, before protobuf-c does it, and the file without the numbers of
 * its tensors, which protobuf-c would copy. */
#ifndef CONVRELU_ONNX_SCAN_H
#define CONVRELU_ONNX_SCAN_H

#include "engine/engine.h"

/* A model without its raw_data, and without the float_data of initializers that have nothing else, which are the same
 * bytes: in the place of each stands, as raw_data, where it is in the file. */
struct onnx_compact {
    uint8_t *bytes; /* malloc'd */
    size_t size, capacity;
};

/* Where a tensor's numbers are: bytes [offset, offset + length) of the file. */
struct onnx_payload {
    uint64_t offset, length;
};

/* Charges the account of this thread (engine/work.h) what it takes to unpack `size` bytes of an ONNX model, and makes
 * the compact form of them, in which each raw_data is a struct onnx_payload. False, a filled error and nothing made:
 * that is refused, there is no memory for it, it is no whole protobuf, or a name holds a zero byte, behind which
 * protobuf-c would not see it. */
bool onnx_scan (const char *path, const void *bytes, size_t size, struct onnx_compact *compact, struct error *error);

#endif
