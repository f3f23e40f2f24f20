/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* memory.h: blocks of memory that every run walks through, and lists of them that are freed together. */
#ifndef CONVRELU_MEMORY_H
#define CONVRELU_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MEMORY_LARGE = 256 << 10 };

/* Zeroed memory on a 64-byte border, on huge pages where the system has them. A block of MEMORY_LARGE bytes or more is
 * a mapping of its own, so that all of it goes back to the system when it is freed. NULL when short. Any thread. */
void *memory_new (size_t bytes);
void memory_free (void *memory, size_t bytes); /* as many as were asked for; NULL is fine */

/* The numbers there will not be read again: whole pages among them go back to the system now. Any memory that is read
 * and written by this process alone. */
void memory_forget (void *memory, size_t bytes);

/* What is freed with a plan. Starts as zeros. */
struct memory_list {
    struct memory_block {
        void *memory;
        size_t bytes;
    } * blocks;
    int count, capacity;
};

/* `count` zeroed elements of `size` bytes on a 64-byte border, freed with the list; NULL when short. */
void *memory_add (struct memory_list *list, size_t count, size_t size);
void memory_free_all (struct memory_list *list);

#endif
