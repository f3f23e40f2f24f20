/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* scores.c: the numbers that leave the network -> the best classes with their scores. */
#include "models/scores.h"

#include <math.h>

/* NaN counts as smallest. */
static bool better (float a, float b)
{
    return a > b || (isnan (b) && !isnan (a));
}

/* exp (x - largest), where the largest numbers may be infinite: they then share everything. */
static double weight (float x, float largest)
{
    if (isnan (x))
        return 0;
    if (isinf (largest))
        return x == largest;
    return exp ((double)x - (double)largest);
}

/* Every kind keeps the order, so the best are found before. */
static float score (const struct score_rule *rule, float x, float largest, double sum)
{
    if (rule->kind == SCORES_NONE)
        return x / rule->unit;
    if (isnan (x))
        return 0;
    if (rule->kind == SCORES_SIGMOID)
        return (float)(1 / (1 + exp (-(double)x)));
    if (rule->kind == SCORES_EXP)
        return x < 0 ? (float)exp ((double)x) : 1;
    return sum > 0 ? (float)(weight (x, largest) / sum) : 0;
}

/* What the weights of a softmax add up to; other kinds need none. */
static double total (const float *values, int count, const struct score_rule *rule, float largest)
{
    double sum = 0;
    bool softmax = rule->kind == SCORES_SOFTMAX || rule->kind == SCORES_AUTO;
    for (int i = 0; softmax && i < count; i++)
        sum += weight (values[i], largest);
    return sum;
}

int model_top (const float *values, int count, const struct score_rule *rule, int k, int *ids, float *scores)
{
    int found = 0;
    for (int i = 0; i < count && k > 0; i++) {
        if (found == k && !better (values[i], values[ids[k - 1]]))
            continue;
        int at = found < k ? found++ : k - 1;
        for (; at > 0 && better (values[i], values[ids[at - 1]]); at--)
            ids[at] = ids[at - 1];
        ids[at] = i;
    }
    float largest = found ? values[ids[0]] : 0;
    double sum = found ? total (values, count, rule, largest) : 0;
    for (int i = 0; i < found; i++)
        scores[i] = score (rule, values[ids[i]], largest, sum);
    return found;
}

void model_scores_of_all (const float *values, int count, const struct score_rule *rule, float *scores)
{
    float largest = count > 0 ? values[0] : 0;
    for (int i = 1; i < count; i++)
        largest = better (values[i], largest) ? values[i] : largest;
    double sum = total (values, count, rule, largest);
    for (int i = 0; i < count; i++)
        scores[i] = score (rule, values[i], largest, sum);
}
