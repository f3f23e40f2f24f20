/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rig.h: a case with an element, alone: besides its end, nobody may be called mistaken by GLib or GStreamer. */
#ifndef CONVRELU_TORTURE_RIG_H
#define CONVRELU_TORTURE_RIG_H

#include "tests/element.h"
#include "tests/torture/torture.h"

struct rig_case {
    void (*work) (const void *data);
    const void *data;
};

static void rig_work (const void *data)
{
    const struct rig_case *rig = data;
    g_log_set_default_handler (count_criticals, NULL); /* of this file */
    atomic_store (&criticals, 0);
    rig->work (rig->data);
    CHECK (criticals == 0, "%d criticals and warnings were logged", (int)criticals);
}

/* 120 s, and for what a sanitizer adds. */
static struct ending rig_alone (const char *name, void (*work) (const void *data), const void *data)
{
    struct rig_case rig = { work, data };
    return alone (name, rig_work, &rig, SECONDS_PER_GROUP * 5);
}

#endif
