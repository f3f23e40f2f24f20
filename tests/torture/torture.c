/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* torture.c: what must not do any harm: bad files, bad streams, bad times to stop, no memory.
 *
 *   torture                        the short form, as ./dev test runs it
 *   torture --random N [--seed S]  N files made at random (pieces.c) in place of 12
 *   torture --files FOLDER         every file of a folder, with the rest
 *   torture --cycles               10,000 changes of state and 1,000 swaps of the network, every live fault 100 times
 *   torture --only GROUP           files, random, numbers, streams, locks, cycles or memory
 *
 * The seed is printed: the same one makes the same files. docs/reliability.md lists the cases. */
#include "tests/torture/torture.h"

#include <string.h>
#include <unistd.h>

struct choice {
    int random;
    bool cycles, whole;
    const char *folder, *only;
    uint32_t seed;
};

static bool read_choice (int argc, char **argv, struct choice *choice)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (!strcmp (argv[i], "--cycles")) {
            choice->cycles = true;
            continue;
        }
        if (!value)
            return false;
        if (!strcmp (argv[i], "--random")) {
            choice->random = atoi (value);
            choice->whole = true;
        } else if (!strcmp (argv[i], "--seed")) {
            choice->seed = (uint32_t)strtoul (value, NULL, 10);
        } else if (!strcmp (argv[i], "--files")) {
            choice->folder = value;
            choice->whole = true;
        } else if (!strcmp (argv[i], "--only")) {
            choice->only = value;
        } else {
            return false;
        }
        i++;
    }
    return true;
}

static bool wanted (const struct choice *choice, const char *group)
{
    return choice->only ? !strcmp (choice->only, group) : true;
}

int main (int argc, char **argv)
{
    struct choice choice = { .random = 12, .seed = 1 };
    if (!read_choice (argc, argv, &choice)) {
        fprintf (stderr, "usage: torture [--random N] [--seed S] [--files FOLDER] [--cycles] [--only GROUP]\n");
        return 2;
    }
    bool files = !choice.cycles;
    if (files && wanted (&choice, "files"))
        torture_files (choice.whole);
    if (files && choice.folder && wanted (&choice, "files"))
        torture_hostile_folder (choice.folder);
    if (files && wanted (&choice, "random"))
        torture_random (choice.random, choice.seed);
    if (files && wanted (&choice, "numbers"))
        torture_numbers ();
    if (wanted (&choice, "streams"))
        torture_live (choice.cycles ? 100 : 1);
    if (wanted (&choice, "locks"))
        torture_locks ();
    if (wanted (&choice, "cycles"))
        torture_cycles (choice.cycles ? 10000 : 100, choice.cycles ? 1000 : 20);
    if (wanted (&choice, "memory"))
        torture_faults (choice.cycles || choice.whole ? 1 : 17);
    rmdir (torture_folder ());
    return check_end ();
}
