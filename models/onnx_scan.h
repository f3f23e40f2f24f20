/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_scan.h: what taking an ONNX file apart will cost, before protobuf-c does it. */
#ifndef CONVRELU_ONNX_SCAN_H
#define CONVRELU_ONNX_SCAN_H

#include "engine/engine.h"

/* Charges the account of this thread (engine/work.h) what it takes to unpack `size` bytes of an ONNX model. False and a
 * filled error: that is refused, or a name holds a zero byte, behind which protobuf-c would not see it. Bytes that are
 * no protobuf are left to protobuf-c to refuse. */
bool onnx_scan (const char *path, const void *bytes, size_t size, struct error *error);

#endif
