/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* process.h: what the system says of this process, for tests and benchmarks. */
#ifndef CONVRELU_TESTS_PROCESS_H
#define CONVRELU_TESTS_PROCESS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A number of /proc/self/status by its name with the colon, memory in KiB; 0: it is not there. */
static double process_status (const char *name)
{
    char line[200];
    double value = 0;
    FILE *file = fopen ("/proc/self/status", "r");
    while (file && fgets (line, sizeof line, file))
        if (!strncmp (line, name, strlen (name)))
            value = atof (line + strlen (name) + 1);
    if (file)
        fclose (file);
    return value;
}

#endif
