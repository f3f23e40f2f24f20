/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* safetensors_private.h: what safetensors.c and safetensors_index.c share. */
#ifndef CONVRELU_SAFETENSORS_PRIVATE_H
#define CONVRELU_SAFETENSORS_PRIVATE_H

#include "models/safetensors.h"

#include <jansson.h>

/* Parses an object, looked over before and charged for. NULL and a filled error: it is none, or too deep, too long. */
json_t *safetensors_json (const char *path, const char *text, size_t length, struct error *error);

/* For qsort and bsearch. */
int safetensors_by_name (const void *a, const void *b);

#endif
