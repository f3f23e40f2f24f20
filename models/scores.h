/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* scores.h: how the numbers that leave a network become scores from 0 to 1.
 *
 * A network may end in logits, in probabilities (of classes that exclude each other, or each for itself) or in
 * logarithms of them. meaning.c tells which from the graph; scores.c does what follows from it. */
#ifndef CONVRELU_SCORES_H
#define CONVRELU_SCORES_H

#include "engine/engine.h"

enum score_kind {
    SCORES_AUTO,    /* as the graph's end says; never in a rule */
    SCORES_SOFTMAX, /* of logits: one of the classes is right */
    SCORES_SIGMOID, /* of logits: each class for itself */
    SCORES_EXP,     /* of logarithms of probabilities */
    SCORES_NONE,    /* the numbers as they are */
};

struct score_rule {
    enum score_kind kind;
    float unit;         /* of SCORES_NONE: what a number is divided by; 1, or 100 of probabilities in per cent */
    int node;           /* the tensor of the graph that decided it */
    bool activation;    /* which is an activation, so that another one may be put in its place */
    char sentence[320]; /* all that in words: "sigmoid at node "prob": independent probabilities, as they are" */
};

/* The rule for the graph's output `index`. False: no memory, and the rule is softmax. */
bool scores_decide (const struct graph *g, int index, struct score_rule *rule);

void scores_say_asked (struct score_rule *rule); /* a sentence for a kind that the graph did not decide */

/* The k best of `count` numbers, best first: indices to ids, scores by the rule's kind and unit (the rest of it is not
 * looked at) to scores. Returns how many were written: min (k, count). NaN counts as smallest, and has the score 0
 * except with SCORES_NONE, which leaves it. Softmax shares everything among infinite numbers. Any thread. */
int model_top (const float *values, int count, const struct score_rule *rule, int k, int *ids, float *scores);
/* The same of all classes, in their order: scores [count], which may be `values`. */
void model_scores_of_all (const float *values, int count, const struct score_rule *rule, float *scores);

#endif
