/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* alone.c: a case in a process of its own, which may crash, hang and eat. */
#include "tests/torture/torture.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TICK = 5 * 1000 * 1000 }; /* ns between two looks */

static struct ending *shared; /* of the child and its parent */

static double seconds_of (const struct rusage *usage)
{
    return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) +
           1e-6 * (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec);
}

void alone_note (const char *text)
{
    snprintf (shared->note, sizeof shared->note, "%s", text);
}

void alone_loaded (void)
{
    struct rusage usage;
    getrusage (RUSAGE_SELF, &usage);
    shared->loaded = seconds_of (&usage);
}

static uint64_t resident (void)
{
    long pages = 0, rest;
    FILE *file = fopen ("/proc/self/statm", "r");
    if (file && fscanf (file, "%ld %ld", &rest, &pages) != 2)
        pages = 0;
    if (file)
        fclose (file);
    return (uint64_t)pages * (uint64_t)sysconf (_SC_PAGESIZE);
}

static void be_child (const char *name, void (*work) (const void *data), const void *data)
{
    check.passed = check.failed = check.skipped = 0;
    check.at_passed = check.at_failed = check.at_skipped = 0;
    work (data);
    shared->passed = check.passed;
    shared->failed = check.failed;
    shared->skipped = check.skipped;
    shared->finished = true;
    fflush (stdout);
    _exit (EXIT_SUCCESS);
}

/* Waits by its own ticks: a machine that is stopped for a while stops them, too. */
static bool wait_for (pid_t child, int seconds, struct ending *ending)
{
    struct rusage usage;
    int status = 0;
    pid_t got = 0;
    for (long ticks = 0; ticks < (long)seconds * 1000000000L / TICK; ticks++) {
        got = wait4 (child, &status, WNOHANG, &usage);
        if (got)
            break;
        nanosleep (&(struct timespec) { 0, TICK }, NULL);
    }
    bool hangs = got == 0;
    if (hangs) {
        kill (child, SIGKILL);
        got = wait4 (child, &status, 0, &usage);
    }
    if (got == child) {
        ending->seconds = seconds_of (&usage);
        ending->bytes = (uint64_t)usage.ru_maxrss * 1024;
    }
    if (hangs)
        snprintf (ending->how, sizeof ending->how, "hangs for %d s, %.1f s of CPU time", seconds, ending->seconds);
    else if (WIFSIGNALED (status))
        snprintf (ending->how, sizeof ending->how, "dies by signal %d (%s)", WTERMSIG (status),
                  strsignal (WTERMSIG (status)));
    else if (WEXITSTATUS (status))
        snprintf (ending->how, sizeof ending->how, "ends with status %d", WEXITSTATUS (status));
    return !ending->how[0];
}

struct ending alone (const char *name, void (*work) (const void *data), const void *data, int wait)
{
    if (!shared)
        shared = mmap (NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (!CHECK (shared != MAP_FAILED, "no memory for two processes: %s", strerror (errno)))
        exit (EXIT_FAILURE);
    *shared = (struct ending) { .finished = false };
    fflush (stdout);
    uint64_t before = resident ();
    pid_t child = fork ();
    if (child == 0)
        be_child (name, work, data);
    struct ending ending = { .finished = false };
    bool ended = child > 0 && wait_for (child, wait, &ending);
    struct ending said = *shared;
    said.seconds = ending.seconds;
    said.bytes = ending.bytes > before ? ending.bytes - before : 0;
    memcpy (said.how, ending.how, sizeof said.how);
    said.finished = said.finished && ended;
    atomic_fetch_add (&check.passed, said.passed);
    atomic_fetch_add (&check.failed, said.failed);
    atomic_fetch_add (&check.skipped, said.skipped);
    CHECK (said.finished, "%s: %s", name, said.how[0] ? said.how : "has not come to its end");
    return said;
}
