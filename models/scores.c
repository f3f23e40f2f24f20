/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* scores.c: the numbers that leave the network -> the best classes with their probabilities. */
#include "models/model.h"

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

int model_top (const float *values, int count, bool logits, int k, int *ids, float *scores)
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
    double sum = 0;
    float largest = found ? values[ids[0]] : 0;
    for (int i = 0; logits && found && i < count; i++)
        sum += weight (values[i], largest);
    for (int i = 0; i < found; i++)
        scores[i] = !logits ? values[ids[i]] : sum > 0 ? (float)(weight (values[ids[i]], largest) / sum) : 0;
    return found;
}
