/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* meaning.c: what the numbers of a graph's output are: logits, probabilities or logarithms of them; see scores.h.
 *
 * Every tensor is gone through once, in order: its meaning follows from what makes it and from the meanings of what it
 * is made from. Beside it stands the range of its numbers, as far as that is known: x / 2 + 1/2 of a tanh is a
 * probability again, a softmax times 100 one in per cent. */
#include "models/scores.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum meaning {
    MEANING_PLAIN,       /* anything: logits, a quantity */
    MEANING_EXCLUSIVE,   /* probabilities that exclude each other: a softmax's */
    MEANING_INDEPENDENT, /* probabilities each for itself: a sigmoid's */
    MEANING_LOGARITHMS,  /* of probabilities */
    MEANING_BOUNDED,     /* within a range that is not 0 to 1: tanh */
};

struct state {
    enum meaning meaning;
    int from;         /* the tensor that gave it that meaning */
    double low, high; /* all numbers are within; may be infinite */
};

static const double slack = 1e-3; /* by which a probability may leave 0..1: constants may be 16-bit floats */

static bool probabilities (struct state s)
{
    return s.meaning == MEANING_EXCLUSIVE || s.meaning == MEANING_INDEPENDENT;
}

static bool within_one (struct state s)
{
    return s.low >= -slack && s.high <= 1 + slack;
}

static bool is (const struct tensor_info *t, const char *operation)
{
    return !strcmp (t->operation, operation);
}

static struct state plain (int id)
{
    return (struct state) { MEANING_PLAIN, id, -INFINITY, INFINITY };
}

/* ---- one operation -------------------------------------------------------------------------------------------- */

/* Numbers kept between two limits. */
static struct state clipped (struct state in, double low, double high, int id)
{
    struct state out = in;
    out.low = fmin (fmax (in.low, low), high);
    out.high = fmax (fmin (in.high, high), low);
    bool narrowed = out.low > in.low || out.high < in.high;
    bool bounded = in.meaning == MEANING_PLAIN || in.meaning == MEANING_BOUNDED;
    if (bounded && narrowed && within_one (out) && out.high > out.low) {
        out.meaning = MEANING_INDEPENDENT;
        out.from = id;
    } else if (in.meaning == MEANING_LOGARITHMS && high <= 0 && low < high) {
        out.meaning = MEANING_LOGARITHMS;
    } else if (in.meaning == MEANING_LOGARITHMS && low > -1) { /* ReLU leaves nothing of them */
        out.meaning = MEANING_PLAIN;
    }
    return out;
}

static struct state activated (struct state in, struct activation activation, int id)
{
    switch (activation.kind) {
    case ACTIVATION_NONE:
        return in;
    case ACTIVATION_SIGMOID:
    case ACTIVATION_HARD_SIGMOID:
        return (struct state) { MEANING_INDEPENDENT, id, 0, 1 };
    case ACTIVATION_TANH:
    case ACTIVATION_SOFTSIGN:
        return (struct state) { MEANING_BOUNDED, id, -1, 1 };
    case ACTIVATION_CLIP:
        return clipped (in, (double)activation.alpha, (double)activation.beta, id);
    case ACTIVATION_RELU:
        return clipped (in, 0, INFINITY, id);
    case ACTIVATION_LEAKY_RELU: /* these leave alone what is above zero */
    case ACTIVATION_PRELU:
    case ACTIVATION_ELU:
        return probabilities (in) && in.low >= 0 ? in : plain (id);
    default:
        return plain (id);
    }
}

/* x * scale + shift of each channel. */
static struct state scaled (const struct graph *g, int id, struct state in)
{
    int channels = graph_tensor (g, id).channels;
    double low = INFINITY, high = -INFINITY, scale = 1, shift = 0, most_shift = 0, least_scale = INFINITY;
    bool unchanged = true;
    for (int c = 0; c < channels && graph_scale (g, id, c, &scale, &shift); c++) {
        double a = in.low * scale + shift, b = in.high * scale + shift;
        low = fmin (low, fmin (a, b));
        high = fmax (high, fmax (a, b));
        most_shift = fmax (most_shift, fabs (shift));
        least_scale = fmin (least_scale, scale);
        unchanged = unchanged && scale == 1 && shift == 0;
    }
    if (unchanged)
        return in;
    if (in.meaning == MEANING_PLAIN || in.meaning == MEANING_LOGARITHMS || !(low < high))
        return plain (id);
    struct state out = { in.meaning, in.from, low, high };
    if (probabilities (in) && most_shift < slack && least_scale >= 0)
        return out;
    out.meaning = within_one (out) ? MEANING_INDEPENDENT : MEANING_BOUNDED;
    return out;
}

/* a + b, a * b. */
static struct state combined (struct state a, struct state b, bool product, int id)
{
    if (!probabilities (a) || !probabilities (b) || a.low < 0 || b.low < 0)
        return plain (id);
    bool same = a.meaning == b.meaning && !product;
    return (struct state) { same ? a.meaning : MEANING_INDEPENDENT, a.from, 0,
                            product ? a.high * b.high : a.high + b.high };
}

/* Several tensors behind one another. */
static struct state joined (const struct graph *g, int id, const struct state *states)
{
    struct state out = states[graph_source (g, id, 0)];
    for (int i = 1, from; (from = graph_source (g, id, i)) >= 0; i++) {
        struct state next = states[from];
        if (probabilities (out) && probabilities (next))
            out.meaning = out.meaning == next.meaning ? out.meaning : MEANING_INDEPENDENT;
        else if (out.meaning != next.meaning)
            return plain (id);
        out.low = fmin (out.low, next.low);
        out.high = fmax (out.high, next.high);
    }
    return out;
}

static struct state state_of (const struct graph *g, int id, const struct state *states)
{
    struct tensor_info t = graph_tensor (g, id);
    if (is (&t, "softmax"))
        return (struct state) { MEANING_EXCLUSIVE, id, 0, 1 };
    if (is (&t, "log-softmax"))
        return (struct state) { MEANING_LOGARITHMS, id, -INFINITY, 0 };
    if (t.inputs[0] < 0)
        return plain (id);
    struct state in = states[t.inputs[0]];
    if (is (&t, "log") && probabilities (in) && in.high <= 1 + slack)
        return (struct state) { MEANING_LOGARITHMS, id, -INFINITY, 0 };
    if (is (&t, "exp") && in.meaning == MEANING_LOGARITHMS && in.high <= 0)
        return (struct state) { MEANING_INDEPENDENT, id, 0, 1 };
    if (is (&t, "activation"))
        return activated (in, t.activation, id);
    if (is (&t, "affine") || is (&t, "batch-norm"))
        return scaled (g, id, in);
    if (is (&t, "add") || is (&t, "mul"))
        return combined (in, states[t.inputs[1]], is (&t, "mul"), id);
    if (is (&t, "concat"))
        return joined (g, id, states);
    if (is (&t, "max-pool") || is (&t, "global-max-pool"))
        in.meaning = in.meaning == MEANING_EXCLUSIVE ? MEANING_INDEPENDENT : in.meaning;
    else if (!is (&t, "reshape") && !is (&t, "pick") && !is (&t, "quantise") && !is (&t, "average-pool") &&
             !is (&t, "global-average-pool"))
        return plain (id);
    return in;
}

/* ---- the end --------------------------------------------------------------------------------------------------- */

__attribute__ ((format (printf, 2, 3))) static void say (struct score_rule *rule, const char *format, ...)
{
    va_list list;
    va_start (list, format);
    vsnprintf (rule->sentence, sizeof rule->sentence, format, list);
    va_end (list);
}

/* "Softmax at node" ..., for people. */
static const char *made_by_words (const struct graph *g, int id)
{
    struct tensor_info t = graph_tensor (g, id);
    return is (&t, "activation") ? activation_name (t.activation.kind) : t.operation;
}

static void rule_of_probabilities (const struct graph *g, struct state end, struct score_rule *rule)
{
    const char *what = made_by_words (g, end.from), *name = graph_tensor (g, end.from).name;
    const char *how = end.meaning == MEANING_EXCLUSIVE ? "probabilities" : "independent probabilities";
    rule->kind = SCORES_NONE;
    if (end.high > 1 + slack) {
        rule->unit = (float)end.high;
        say (rule, "%s at node \"%.160s\": %s, divided by %g, the most they can be", what, name, how, end.high);
    } else {
        say (rule, "%s at node \"%.160s\": %s, as they are", what, name, how);
    }
}

static void rule_of_numbers (int classes, struct state end, const char *name, struct score_rule *rule)
{
    if (classes == 1 && end.low >= 0) {
        rule->kind = SCORES_NONE;
        say (rule, "one output, never below zero, at node \"%.160s\": a quantity, as it is", name);
    } else if (classes == 1) {
        rule->kind = SCORES_SIGMOID;
        say (rule, "one output and no activation at node \"%.160s\": sigmoid of it", name);
    } else {
        rule->kind = SCORES_SOFTMAX;
        say (rule, "logits at node \"%.160s\": softmax of them", name);
    }
}

void scores_say_asked (struct score_rule *rule)
{
    static const char *const words[] = { [SCORES_AUTO] = "softmax of the network's numbers",
                                         [SCORES_SOFTMAX] = "softmax of the network's numbers",
                                         [SCORES_SIGMOID] = "sigmoid of each of the network's numbers",
                                         [SCORES_EXP] = "e^x of the network's numbers",
                                         [SCORES_NONE] = "the network's numbers, as they are" };
    say (rule, "%s, as was asked for", words[rule->kind]);
}

bool scores_decide (const struct graph *g, int index, struct score_rule *rule)
{
    int count = graph_tensors (g), output = graph_output_id (g, index);
    struct state *states = malloc (((size_t)count + 1) * sizeof *states);
    *rule = (struct score_rule) { .kind = SCORES_SOFTMAX, .unit = 1, .node = output };
    if (!states)
        return false;
    for (int id = 0; id < count; id++)
        states[id] = state_of (g, id, states);
    struct state end = states[output];
    struct tensor_info t = graph_tensor (g, output), from = graph_tensor (g, end.from);
    free (states);
    if (probabilities (end)) {
        rule_of_probabilities (g, end, rule);
    } else if (end.meaning == MEANING_LOGARITHMS) {
        rule->kind = SCORES_EXP;
        say (rule, "%s at node \"%.160s\": logarithms of probabilities, e^x of them", from.operation, from.name);
    } else if (end.meaning == MEANING_BOUNDED) {
        rule->kind = SCORES_NONE;
        say (rule, "%s at node \"%.160s\": numbers from %g to %g that are no probabilities, as they are",
             made_by_words (g, end.from), from.name, end.low, end.high);
    } else {
        rule_of_numbers (t.channels * t.height * t.width, end, t.name, rule);
    }
    if (end.meaning != MEANING_PLAIN)
        rule->node = end.from;
    rule->activation = end.meaning != MEANING_PLAIN && is (&from, "activation");
    return true;
}
