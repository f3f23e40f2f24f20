/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* memory.c: the large blocks: weights as given and packed, the arena.
 *
 * A ResNet reads 50 to 100 MB of weights a frame. On pages of 4 KiB that is a page walk every 64 lines, where the
 * hardware prefetcher stops; on huge pages (2 MiB on x86) ResNet-50 takes 4 to 6 % less time. So the kernel is asked
 * for them where it can be. It may refuse: nothing depends on it.
 *
 * The C library keeps what lies between small blocks that are still in use: 448 of 907 MiB stayed with the process
 * after eight networks were gone (docs/measurements.md, "Memory"). Mappings do not. */
#include "engine/memory.h"

#include <stdlib.h>
#include <string.h>

#ifdef __linux__
#include <sys/mman.h>
#include <unistd.h>
#endif

enum { HUGE_PAGE = 2 << 20, WORTH_ASKING = 64 << 10 };

static void ask_for_huge_pages (void *memory, size_t bytes)
{
#ifdef MADV_HUGEPAGE
    long page = sysconf (_SC_PAGESIZE);
    if (page <= 0 || bytes < WORTH_ASKING)
        return;
    /* Outwards to whole pages, so that what is asked for neighbours in memory is one range. */
    uintptr_t mask = (uintptr_t)page - 1, first = (uintptr_t)memory & ~mask;
    uintptr_t last = ((uintptr_t)memory + bytes + mask) & ~mask;
    (void)madvise ((void *)first, last - first, MADV_HUGEPAGE);
#else
    (void)memory;
    (void)bytes;
#endif
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define CHECKED_MEMORY /* the sanitizer's own blocks have borders and are looked for when the process ends */
#endif
#endif
#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__) && !defined(CHECKED_MEMORY)
#define MAPS

/* Whole pages; those for huge pages begin on such a one. */
static void *map (size_t bytes)
{
    size_t extra = bytes >= HUGE_PAGE ? HUGE_PAGE : 0;
    char *all = mmap (NULL, bytes + extra, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED)
        return NULL;
    size_t before = extra ? (HUGE_PAGE - (uintptr_t)all % HUGE_PAGE) % HUGE_PAGE : 0;
    if (before)
        munmap (all, before);
    if (extra - before)
        munmap (all + before + bytes, extra - before);
    return all + before;
}

static size_t whole_pages (size_t bytes)
{
    long page = sysconf (_SC_PAGESIZE);
    size_t unit = page > 64 ? (size_t)page : 4096;
    return (bytes + unit - 1) / unit * unit;
}
#endif

void *memory_new (size_t bytes)
{
    if (bytes > SIZE_MAX - 2 * HUGE_PAGE)
        return NULL;
#ifdef MAPS
    if (bytes >= MEMORY_LARGE) { /* the system's pages are zeros */
        void *pages = map (whole_pages (bytes));
        if (pages)
            ask_for_huge_pages (pages, bytes);
        return pages;
    }
#endif
    bytes = bytes ? (bytes + 63) / 64 * 64 : 64;
    void *memory;
    if (posix_memalign (&memory, bytes >= HUGE_PAGE ? HUGE_PAGE : 64, bytes) != 0)
        return NULL;
    ask_for_huge_pages (memory, bytes);
    return memset (memory, 0, bytes);
}

void memory_free (void *memory, size_t bytes)
{
#ifdef MAPS
    if (memory && bytes >= MEMORY_LARGE) {
        munmap (memory, whole_pages (bytes));
        return;
    }
#endif
    free (memory);
    (void)bytes;
}

void memory_forget (void *memory, size_t bytes)
{
#if defined(__linux__) && defined(MADV_DONTNEED)
    long page = sysconf (_SC_PAGESIZE);
    if (page <= 0)
        return;
    uintptr_t mask = (uintptr_t)page - 1, first = ((uintptr_t)memory + mask) & ~mask;
    uintptr_t end = ((uintptr_t)memory + bytes) & ~mask;
    if (first < end)
        (void)madvise ((void *)first, end - first, MADV_DONTNEED);
#else
    (void)memory;
    (void)bytes;
#endif
}

void *memory_add (struct memory_list *list, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow (count, size, &bytes))
        return NULL;
    if (list->count == list->capacity) {
        int capacity = list->capacity ? 2 * list->capacity : 64;
        struct memory_block *blocks = realloc (list->blocks, (size_t)capacity * sizeof *blocks);
        if (!blocks)
            return NULL;
        list->blocks = blocks;
        list->capacity = capacity;
    }
    void *memory = memory_new (bytes);
    if (memory)
        list->blocks[list->count++] = (struct memory_block) { memory, bytes };
    return memory;
}

void memory_free_all (struct memory_list *list)
{
    for (int i = 0; i < list->count; i++)
        memory_free (list->blocks[i].memory, list->blocks[i].bytes);
    free (list->blocks);
    *list = (struct memory_list) { 0 };
}
