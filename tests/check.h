/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check.h: the harness every test program uses, in one file or in several that share the count.
 *
 *   int main (void)
 *   {
 *       check_group ("conv");                                      until the next check_group or check_end
 *       CHECK (n == 3, "%d outputs instead of 3", n);              counts one; says why when it fails; goes on
 *       if (!check_data ())
 *           SKIP ("no shared data");                               counts one skipped and prints the reason
 *       return check_end ();                                       the exit code: 1 if anything failed
 *   }
 *
 * Prints one line per group, "ok 2 - conv: 412 passed", a line per failure as it happens (at most CHECK_SHOWN of them
 * in one group, the rest are only counted), and at the end "N passed, N failed, N skipped".
 * CHECK and SKIP may be used from any thread; the other calls belong to the main thread. */
#ifndef CONVRELU_CHECK_H
#define CONVRELU_CHECK_H

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { CHECK_SHOWN = 12 }; /* failures printed per group: enough to see the pattern, short enough to read */

struct check_state {
    const char *group;                     /* the group that is open, or NULL */
    int groups;                            /* opened so far */
    atomic_long passed, failed, skipped;   /* of the whole program */
    long at_passed, at_failed, at_skipped; /* the same when the group was opened */
};

/* Weak: one for all files of a program. */
__attribute__ ((weak)) struct check_state check;

/* The value is the condition's, so that a test can stop early: if (!CHECK (...)) return; What follows the condition is
 * only evaluated when it fails. */
#define CHECK(condition, ...)                                                                                          \
    ((condition) ? check_passed () : check_failed (__FILE__, __LINE__, #condition, __VA_ARGS__))
#define SKIP(...) check_skip (__VA_ARGS__)

__attribute__ ((unused)) static bool check_passed (void)
{
    atomic_fetch_add (&check.passed, 1);
    return true;
}

__attribute__ ((format (printf, 4, 5), unused)) static bool check_failed (const char *file, int line,
                                                                          const char *condition, const char *format,
                                                                          ...)
{
    long failures = atomic_fetch_add (&check.failed, 1) + 1 - check.at_failed;
    if (failures <= CHECK_SHOWN) {
        char text[1024];
        va_list arguments;
        va_start (arguments, format);
        vsnprintf (text, sizeof text, format, arguments);
        va_end (arguments);
        printf ("# %s: %s:%d: %s: %s\n", check.group ? check.group : "-", file, line, condition, text);
    } else if (failures == CHECK_SHOWN + 1) {
        printf ("# %s: more failures, not shown\n", check.group ? check.group : "-");
    }
    fflush (stdout);
    return false;
}

__attribute__ ((format (printf, 1, 2), unused)) static void check_skip (const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start (arguments, format);
    vsnprintf (text, sizeof text, format, arguments);
    va_end (arguments);
    atomic_fetch_add (&check.skipped, 1);
    printf ("# %s: skipped: %s\n", check.group ? check.group : "-", text);
    fflush (stdout);
}

static void check_close_group (void)
{
    if (!check.group)
        return;
    long passed = check.passed - check.at_passed, failed = check.failed - check.at_failed;
    long skipped = check.skipped - check.at_skipped;
    bool empty = passed + failed + skipped == 0;
    if (empty) { /* a group that checks nothing is a mistake in the test */
        atomic_fetch_add (&check.failed, 1);
        failed = 1;
    }
    printf ("%s %d - %s: %ld passed", failed ? "not ok" : "ok", check.groups, check.group, passed);
    if (failed)
        printf (", %ld failed%s", failed, empty ? " (no check ran)" : "");
    if (skipped)
        printf (", %ld skipped", skipped);
    printf ("\n");
    fflush (stdout);
    check.group = NULL;
}

/* Ends the group before and opens one. `name` must stay valid until the next call. */
__attribute__ ((unused)) static void check_group (const char *name)
{
    check_close_group ();
    check.group = name;
    check.groups++;
    check.at_passed = check.passed;
    check.at_failed = check.failed;
    check.at_skipped = check.skipped;
}

/* Ends the last group and prints the closing line. Returns the exit code. A program without any check has failed. */
__attribute__ ((unused)) static int check_end (void)
{
    check_close_group ();
    if (check.passed + check.failed + check.skipped == 0)
        atomic_fetch_add (&check.failed, 1);
    printf ("%ld passed, %ld failed, %ld skipped\n", (long)check.passed, (long)check.failed, (long)check.skipped);
    return check.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* The folder of shared networks, photographs and clips, or NULL where there is none. */
__attribute__ ((unused)) static const char *check_data (void)
{
    const char *folder = getenv ("CONVRELU_DATA");
    return folder && *folder ? folder : NULL;
}

/* The folder of small files out of bug reports, or NULL where there is none. */
__attribute__ ((unused)) static const char *check_cases (void)
{
    const char *folder = getenv ("CONVRELU_CASES");
    return folder && *folder ? folder : NULL;
}

#endif
