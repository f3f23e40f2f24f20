/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* torture.h: each case in a process of its own, whose end, CPU time and memory are looked at.
 *
 *   torture.c   the program: which cases, how many rounds
 *   alone.c     a case in a process of its own
 *   files.c     files: what is written, and whether it is refused or runs (with pieces.c)
 *   numbers.c   numbers that are none, numbers of threads
 *   pieces.c    files made at random out of what is bad for readers
 *   live.c      streams, events and states in odd order; locks.c: locks that could hold each other
 *   faults.c    every allocation of what the element does fails in turn
 *
 * docs/reliability.md has the list of cases. A case's name begins with its number there. */
#ifndef CONVRELU_TORTURE_H
#define CONVRELU_TORTURE_H

#include "tests/check.h"

#include <stdint.h>

/* Sanitizers make everything slower and keep freed memory. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TORTURE_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TORTURE_SANITIZED
#endif

/* Reading and planning: 1 s of CPU time; of a machine half as fast, or whose other half computes something else, 2.
 * Memory: 256 MiB, and the file twice: as it was read, and its weights. */
#ifdef TORTURE_SANITIZED
#define TORTURE_SECONDS 40.0
#define TORTURE_BYTES UINT64_MAX
#else
#define TORTURE_SECONDS 2.0
#define TORTURE_BYTES ((uint64_t)256 << 20)
#endif

/* What became of a process. */
struct ending {
    bool finished;                /* by itself, within its time, and not by a signal */
    char how[80];                 /* otherwise */
    double seconds;               /* CPU time, of all its threads */
    uint64_t bytes;               /* the most memory it had, beyond what it began with */
    long passed, failed, skipped; /* checks, which are counted here, too */
    char note[512];               /* what `work` wrote with alone_note */
    double loaded;                /* CPU time until alone_loaded was called; 0: it was not */
};

/* Runs work (data) in a process of its own, for at most `wait` seconds of this one's life, and counts its checks and
 * one of its own: that it finished. */
struct ending alone (const char *name, void (*work) (const void *data), const void *data, int wait);
/* In that process. */
void alone_note (const char *text);
void alone_loaded (void);

/* A folder of this run, and a file there; the next call's name takes its place. */
const char *torture_folder (void);
const char *torture_path (const char *name);
bool torture_write (const char *path, const void *data, size_t size);

/* Reads and plans the file and runs it once, alone. `says`: part of the refusal, "" any, or NULL: it must run;
 * `either`: both will do. Writes what happened to `to` unless NULL. */
void torture_file (const char *name, const char *path, const char *says, bool either, struct ending *to);

/* Writes a network that takes some tenths of a second for a frame of video. */
bool torture_long_network (const char *path);

/* The groups. `rounds`: how long for. */
void torture_files (bool whole);
void torture_hostile_folder (const char *folder); /* every file there */
void torture_random (int count, uint32_t seed);
void torture_live (int rounds);
void torture_numbers (void);
void torture_locks (void);
void torture_cycles (int states, int swaps);
void torture_faults (int step); /* every `step`th allocation */

struct message; /* onnx_writer.h */
/* pieces.c: writes one file; returns its name's end, ".onnx" or ".safetensors". `what` tells of what it consists. */
const char *pieces_write (uint32_t seed, struct message *to, char what[200]);

#endif
