/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* command_inspect.c: `convrelu inspect`: one line per step of the network, and totals. */
#include "models/command.h"

#include <inttypes.h>
#include <stdio.h>

enum { NAME_COLUMNS = 48 }; /* longer names are pushed over, not cut: they are what --tap wants */

static void print_tensor (const char *what, const struct graph *graph, int id)
{
    struct tensor_info t = graph_tensor (graph, id);
    char shape[64];
    printf ("%-7s %s  (%s)\n", what, t.name, shape_words (t.channels, t.height, t.width, shape));
}

static int name_width (const struct plan *plan)
{
    int width = 4;
    for (int i = 0; i < plan_steps (plan); i++) {
        int own = text_columns (plan_step (plan, i).name);
        width = own > width ? own : width;
    }
    return width < NAME_COLUMNS ? width : NAME_COLUMNS;
}

static void print_steps (const struct plan *plan)
{
    int width = name_width (plan);
    char shape[64], bytes[32];
    uint64_t macs = 0, multiplications = 0, weights = 0;
    printf ("\n%4s  %-*s  %-20s  %-16s  %-12s  %10s  %10s\n", "step", width, "name", "operation", "output", "algorithm",
            "MMAC", "weights");
    for (int i = 0; i < plan_steps (plan); i++) {
        struct step s = plan_step (plan, i);
        int pad = width - text_columns (s.name);
        printf ("%4d  %s%*s  %-20s  %-16s  %-12s  %10.2f", i, s.name, pad > 0 ? pad : 0, "", s.operation,
                shape_words (s.channels, s.height, s.width, shape), s.algorithm, (double)s.macs / 1e6);
        if (s.weight_bytes)
            printf ("  %10s", byte_words ((double)s.weight_bytes, bytes));
        printf ("\n");
        macs += s.macs;
        multiplications += s.multiplications;
        weights += s.weight_bytes;
    }
    printf ("\n%d steps, %.1f million multiply-accumulates a run", plan_steps (plan), (double)macs / 1e6);
    if (multiplications < macs)
        printf (" (%.1f million multiplications with these algorithms)", (double)multiplications / 1e6);
    printf (",\nweights %s", byte_words ((double)weights, bytes));
    printf (", tensors %s, instruction set %s, threads %d\n", byte_words ((double)plan_arena_bytes (plan), bytes),
            plan_isa (plan), plan_threads (plan));
}

int command_inspect (const struct settings *settings)
{
    struct network network;
    if (!network_open (settings, NULL, 0, false, &network))
        return EXIT_BAD;
    const struct graph *graph = model_graph (network.model);
    printf ("%s\n", model_path (network.model));
    print_tensor ("input", graph, 0);
    for (int i = 0; i < graph_outputs (graph); i++)
        print_tensor ("output", graph, graph_output_id (graph, i));
    printf ("%-7s %s\n", "prepare", input_spec_words (model_input (network.model)).text);
    printf ("%-7s %s\n", "scores", model_scores (network.model, SCORES_AUTO, NULL).sentence);
    print_steps (network.plan);
    network_close (&network);
    return EXIT_GOOD;
}
