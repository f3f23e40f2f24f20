/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* arena.h: lifetimes and sizes of buffers -> their offsets in one block of memory. */
#ifndef CONVRELU_ARENA_H
#define CONVRELU_ARENA_H

#include <stddef.h>

/* A range of the arena that is in use from step `first` to step `last`, both included. */
struct buffer {
    size_t bytes, offset; /* bytes: a multiple of 64; offset, in bytes, is arena_layout's to fill: also one */
    int first, last;
};

/* Gives every buffer an offset such that no two that live at the same time overlap. Returns the bytes needed in all.
 * `order` is scratch for 2 * count ints. Largest first, each at the lowest offset where it fits. SIZE_MAX: the
 * thread's account of work (work.h) refused it. */
size_t arena_layout (struct buffer *buffers, int count, int *order);

#endif
