/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* memory.h: blocks of memory that every run walks through, and lists of them that are freed together. */
#ifndef CONVRELU_MEMORY_H
#define CONVRELU_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed memory on a 64-byte border, large blocks on huge pages where the system has them; free () it. NULL when
 * short. */
void *memory_new (size_t bytes);

/* What is freed with a plan. Starts as zeros. */
struct memory_list {
    void **blocks;
    int count, capacity;
};

/* `count` zeroed elements of `size` bytes on a 64-byte border, freed with the list; NULL when short. */
void *memory_add (struct memory_list *list, size_t count, size_t size);
void memory_free_all (struct memory_list *list);

#endif
