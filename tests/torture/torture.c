/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* torture.c: what must not do any harm: bad files, bad streams, bad times to stop, no memory.
 *
 *   torture                        the short form, as ./dev test runs it
 *   torture --random N [--seed S]  N files made at random (pieces.c) in place of 12
 *   torture --files FOLDER         every file of a folder, with the rest
 *   torture --cycles               10,000 changes of state and 1,000 swaps of the network, every live fault 100 times
 *
 * The seed is printed: the same one makes the same files. docs/reliability.md lists the cases. */
#include "tests/torture/torture.h"

#include <string.h>
#include <time.h>

int main (int argc, char **argv)
{
    int random = 12;
    bool cycles = false, whole = false;
    const char *folder = NULL;
    uint32_t seed = 1;
    for (int i = 1; i < argc; i++) {
        if (!strcmp (argv[i], "--random") && i + 1 < argc) {
            random = atoi (argv[++i]);
            whole = true;
        } else if (!strcmp (argv[i], "--seed") && i + 1 < argc) {
            seed = (uint32_t)strtoul (argv[++i], NULL, 10);
        } else if (!strcmp (argv[i], "--files") && i + 1 < argc) {
            folder = argv[++i];
            whole = true;
        } else if (!strcmp (argv[i], "--cycles")) {
            cycles = true;
        } else {
            fprintf (stderr, "usage: torture [--random N] [--seed S] [--files FOLDER] [--cycles]\n");
            return 2;
        }
    }
    if (!cycles) {
        torture_files (whole);
        if (folder)
            torture_hostile_folder (folder);
        torture_random (random, seed);
        torture_numbers ();
    }
    torture_live (cycles ? 100 : 1);
    torture_locks ();
    torture_cycles (cycles ? 10000 : 100, cycles ? 1000 : 20);
    torture_faults (cycles || whole ? 1 : 17);
    return check_end ();
}
