/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* allocations.h: counts what the program and every library in it allocate, and can make it fail.
 *
 * Stands in front of the C library's malloc family. Only with glibc and without sanitizers, which do the same. */
#ifndef CONVRELU_ALLOCATIONS_H
#define CONVRELU_ALLOCATIONS_H

#include <stdbool.h>
#include <stddef.h>

bool allocations_counted (void); /* false: everything below does nothing and gives 0 */

/* From now on: calls of malloc, calloc, realloc, free, aligned_alloc, posix_memalign, mmap, ... in all threads, and the
 * most bytes that one of them asked for. */
void allocations_start (void);
long allocations_calls (void);
size_t allocations_largest (void);

/* The next `good` allocations of this thread succeed and every later one fails, until allocations_heal. */
void allocations_fail_after (long good);
/* Every allocation of this thread that asks for so many bytes or more fails, until allocations_heal. */
void allocations_fail_from (size_t bytes);
/* The same for what these libraries ask for themselves, in every thread: parts of their file names, NULL at the end; of
 * others none fails. `once`: only the next after those good ones. Until allocations_heal_all, which says whether one
 * has failed. */
void allocations_fail_in (const char *const *libraries, long good, bool once);
bool allocations_heal_all (void);
/* Of a function that stands in front of another library's, and was called by `caller`: whether it shall fail. */
bool allocations_fails (const void *caller);
/* Whether one has failed since allocations_fail_after. */
bool allocations_heal (void);

#endif
