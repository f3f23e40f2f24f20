/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hash.h: FNV-1a in 64 bits, of anything piece by piece: hash = hash_bytes (hash, ...), beginning with HASH_START. For
 * telling apart what nobody forges. Any thread. */
#ifndef CONVRELU_HASH_H
#define CONVRELU_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_START UINT64_C (14695981039346656037)

static inline uint64_t hash_bytes (uint64_t hash, const void *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        hash = (hash ^ ((const unsigned char *)bytes)[i]) * UINT64_C (1099511628211);
    return hash;
}

#endif
