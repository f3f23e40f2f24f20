/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* starting.c: see starting.h. */
#include "plugin/starting.h"

#include <fenv.h>

#include "engine/work.h"
#include "plugin/log.h"

struct starting {
    GThread *thread; /* NULL: none could be made */
    struct inference *inference;
    atomic_bool stop; /* read by the account of what loading takes, from step to step */

    GMutex lock; /* guards the rest */
    GCond changed;
    gboolean done, good; /* good: there is a network */
    gboolean flushing;
};

static gpointer load (gpointer data)
{
    struct starting *starting = data;
    struct work work;
    fenv_t host; /* the thread's is the host's where it rounds otherwise, or traps */
    fegetenv (&host);
    fesetenv (FE_DFL_ENV);
    work_begin (&work, WORK_STEPS, &starting->stop);
    gboolean good = inference_start (starting->inference);
    work_end (&work);
    fesetenv (&host);
    g_mutex_lock (&starting->lock);
    starting->good = good;
    starting->done = TRUE;
    g_cond_broadcast (&starting->changed);
    g_mutex_unlock (&starting->lock);
    return NULL;
}

struct starting *starting_new (struct inference *inference)
{
    if (!inference_open (inference))
        return NULL;
    struct starting *starting = g_new0 (struct starting, 1);
    starting->inference = inference;
    g_mutex_init (&starting->lock);
    g_cond_init (&starting->changed);
    starting->thread = g_thread_try_new ("convrelu-load", load, starting, NULL);
    if (starting->thread)
        return starting;
    load (starting);
    if (!starting->good)
        g_clear_pointer (&starting, starting_free);
    return starting;
}

GstFlowReturn starting_wait (struct starting *starting)
{
    g_mutex_lock (&starting->lock);
    while (!starting->done && !starting->flushing && !atomic_load (&starting->stop))
        g_cond_wait (&starting->changed, &starting->lock);
    GstFlowReturn flow = !starting->done || atomic_load (&starting->stop) ? GST_FLOW_FLUSHING
                         : starting->good                                 ? GST_FLOW_OK
                                                                          : GST_FLOW_ERROR;
    g_mutex_unlock (&starting->lock);
    return flow;
}

gboolean starting_over (struct starting *starting)
{
    if (!starting)
        return TRUE;
    g_mutex_lock (&starting->lock);
    gboolean over = starting->done && starting->good;
    g_mutex_unlock (&starting->lock);
    return over;
}

void starting_flushing (struct starting *starting, gboolean flushing)
{
    g_mutex_lock (&starting->lock);
    starting->flushing = flushing;
    g_cond_broadcast (&starting->changed);
    g_mutex_unlock (&starting->lock);
}

void starting_stop (struct starting *starting)
{
    if (!starting)
        return;
    g_mutex_lock (&starting->lock);
    atomic_store (&starting->stop, true);
    g_cond_broadcast (&starting->changed);
    g_mutex_unlock (&starting->lock);
}

void starting_free (struct starting *starting)
{
    if (!starting)
        return;
    starting_stop (starting);
    if (starting->thread)
        g_thread_join (starting->thread);
    g_cond_clear (&starting->changed);
    g_mutex_clear (&starting->lock);
    g_free (starting);
}
