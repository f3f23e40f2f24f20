/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bundled.h: the network inside the program. */
#ifndef CONVRELU_BUNDLED_H
#define CONVRELU_BUNDLED_H

#include <stddef.h>

extern const char *const bundled_path; /* what model_path says of it */

/* The bytes of its safetensors file, valid for ever, or NULL: this build has none. Any thread. */
const char *bundled_network (size_t *size);

#endif
