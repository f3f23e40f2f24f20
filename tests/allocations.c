/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* allocations.c: see allocations.h. glibc calls these in place of its own and keeps its own under __libc_ names. */
#include "tests/allocations.h"

#include <errno.h>
#include <link.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#endif

static atomic_long calls;
static atomic_size_t largest;
static _Thread_local long good_left = -1;         /* -1: all are good */
static _Thread_local size_t too_large = SIZE_MAX; /* from so many bytes on none is good */
static _Thread_local bool has_failed;

void allocations_start (void)
{
    calls = 0;
    largest = 0;
}

long allocations_calls (void)
{
    return calls;
}

size_t allocations_largest (void)
{
    return largest;
}

void allocations_fail_after (long good)
{
    has_failed = false;
    good_left = good;
}

void allocations_fail_from (size_t bytes)
{
    has_failed = false;
    too_large = bytes;
}

bool allocations_heal (void)
{
    good_left = -1;
    too_large = SIZE_MAX;
    return has_failed;
}

/* ---- of some libraries, in all threads --------------------------------------------------------------------------- */

enum { SPANS = 32 };

static struct {
    uintptr_t from[SPANS], to[SPANS];
    int count;
    bool once;
    atomic_bool on, failed;
    atomic_long left;
} chosen;

static int add_spans (struct dl_phdr_info *library, size_t size, void *data)
{
    for (const char *const *name = data; *name; name++)
        for (int i = 0; strstr (library->dlpi_name, *name) && i < library->dlpi_phnum && chosen.count < SPANS; i++) {
            if (library->dlpi_phdr[i].p_type != PT_LOAD || !(library->dlpi_phdr[i].p_flags & PF_X))
                continue;
            chosen.from[chosen.count] = library->dlpi_addr + library->dlpi_phdr[i].p_vaddr;
            chosen.to[chosen.count] = chosen.from[chosen.count] + library->dlpi_phdr[i].p_memsz;
            chosen.count++;
        }
    return 0;
}

void allocations_fail_in (const char *const *libraries, long good, bool once)
{
    chosen.count = 0;
    chosen.once = once;
    chosen.failed = false;
    chosen.left = good;
    dl_iterate_phdr (add_spans, (void *)libraries);
    chosen.on = true;
}

bool allocations_heal_all (void)
{
    chosen.on = false;
    return chosen.failed;
}

bool allocations_fails (const void *caller)
{
    bool there = false;
    for (int i = 0; chosen.on && i < chosen.count; i++)
        there |= (uintptr_t)caller >= chosen.from[i] && (uintptr_t)caller < chosen.to[i];
    if (!there)
        return false;
    long left = atomic_fetch_sub (&chosen.left, 1);
    bool fails = left == 0 || (left < 0 && !chosen.once);
    if (fails)
        chosen.failed = true;
    return fails;
}

#if defined(__GLIBC__) && !defined(SANITIZED)

extern void *__libc_malloc (size_t size);
extern void *__libc_calloc (size_t count, size_t size);
extern void *__libc_realloc (void *memory, size_t size);
extern void *__libc_memalign (size_t alignment, size_t size);
extern void __libc_free (void *memory);

bool allocations_counted (void)
{
    return true;
}

/* Counts one call; false when it shall fail. */
static bool granted (size_t size, const void *caller)
{
    if (chosen.on && allocations_fails (caller)) {
        errno = ENOMEM;
        return false;
    }
    atomic_fetch_add (&calls, 1);
    size_t seen = largest;
    while (size > seen && !atomic_compare_exchange_weak (&largest, &seen, size))
        ;
    if (good_left < 0 && size < too_large)
        return true;
    if (good_left <= 0) {
        has_failed = true;
        errno = ENOMEM;
        return false;
    }
    good_left--;
    return true;
}

__attribute__ ((visibility ("default"))) void *malloc (size_t size)
{
    return granted (size, __builtin_return_address (0)) ? __libc_malloc (size) : NULL;
}

__attribute__ ((visibility ("default"))) void *calloc (size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow (count, size, &bytes))
        bytes = SIZE_MAX;
    return granted (bytes, __builtin_return_address (0)) ? __libc_calloc (count, size) : NULL;
}

__attribute__ ((visibility ("default"))) void *realloc (void *memory, size_t size)
{
    return granted (size, __builtin_return_address (0)) ? __libc_realloc (memory, size) : NULL;
}

__attribute__ ((visibility ("default"))) void *memalign (size_t alignment, size_t size)
{
    return granted (size, __builtin_return_address (0)) ? __libc_memalign (alignment, size) : NULL;
}

__attribute__ ((visibility ("default"))) void *aligned_alloc (size_t alignment, size_t size)
{
    return granted (size, __builtin_return_address (0)) ? __libc_memalign (alignment, size) : NULL;
}

__attribute__ ((visibility ("default"))) int posix_memalign (void **memory, size_t alignment, size_t size)
{
    void *made = granted (size, __builtin_return_address (0)) ? __libc_memalign (alignment, size) : NULL;
    if (!made)
        return ENOMEM;
    *memory = made;
    return 0;
}

/* Of the program; the C library's own mappings are its malloc's. */
__attribute__ ((visibility ("default"))) void *mmap (void *at, size_t size, int protection, int flags, int fd,
                                                     off_t offset)
{
    return granted (size, __builtin_return_address (0))
               ? (void *)syscall (SYS_mmap, at, size, protection, flags, fd, offset)
               : MAP_FAILED;
}

__attribute__ ((visibility ("default"))) int munmap (void *memory, size_t size)
{
    atomic_fetch_add (&calls, 1);
    return (int)syscall (SYS_munmap, memory, size);
}

__attribute__ ((visibility ("default"))) void free (void *memory)
{
    atomic_fetch_add (&calls, 1);
    __libc_free (memory);
}

#else

bool allocations_counted (void)
{
    return false;
}

#endif
