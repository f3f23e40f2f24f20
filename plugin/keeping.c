/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* keeping.c: see keeping.h. */
#include "plugin/keeping.h"

#include "engine/work.h"

#include <stdio.h>

#ifdef __linux__
#include <sys/resource.h>
#endif

struct keeping {
    GThread *thread; /* NULL: none could be made */
    struct model *model;
    struct packed_kept *kept;
    atomic_bool stop;
    struct error remark; /* the thread's until `over` */
    gint over;           /* atomic */
};

static gpointer keep (gpointer data)
{
    struct keeping *keeping = data;
    struct work work;
#ifdef __linux__ /* where a thread has a priority of its own; frames go first */
    (void)setpriority (PRIO_PROCESS, 0, 19);
#endif
    work_begin (&work, WORK_STEPS, &keeping->stop);
    model_keep (keeping->model, keeping->kept, &keeping->remark);
    work_end (&work);
    g_atomic_int_set (&keeping->over, 1);
    return NULL;
}

struct keeping *keeping_start (struct model *model, struct packed_kept *kept)
{
    struct keeping *keeping = g_new0 (struct keeping, 1);
    keeping->model = model_ref (model);
    keeping->kept = kept;
    keeping->thread = g_thread_try_new ("convrelu-keep", keep, keeping, NULL);
    if (keeping->thread)
        return keeping;
    model_forgo (model, kept);
    snprintf (keeping->remark.text, sizeof keeping->remark.text,
              "%s: packed weights are not kept: there is no thread that would write them", model_path (model));
    keeping->over = 1;
    return keeping;
}

gboolean keeping_over (struct keeping *keeping)
{
    return g_atomic_int_get (&keeping->over);
}

const char *keeping_remark (const struct keeping *keeping)
{
    return keeping->remark.text[0] ? keeping->remark.text : NULL;
}

void keeping_give_up (struct keeping *keeping)
{
    atomic_store (&keeping->stop, true);
}

void keeping_free (struct keeping *keeping)
{
    if (!keeping)
        return;
    keeping_give_up (keeping);
    if (keeping->thread)
        g_thread_join (keeping->thread);
    model_unref (keeping->model);
    g_free (keeping);
}
