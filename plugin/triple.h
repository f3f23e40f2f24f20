/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* triple.h: the value of the properties mean and std: a number for each channel. */
#ifndef CONVRELU_TRIPLE_H
#define CONVRELU_TRIPLE_H

#include <gst/gst.h>

/* count 0: the model's own; 1: the same for all; 3: in the order the network takes them. */
struct triple {
    guint count;    /* as given, so 2 or 7 are possible until triple_check */
    float value[3]; /* NaN where the element given was no number */
};

void triple_set (struct triple *triple, const GValue *value); /* from a GstValueArray of numbers of any type */
void triple_get (const struct triple *triple, GValue *value); /* floats, appended to a GstValueArray */
gboolean triple_same (const struct triple *a, const struct triple *b);

/* FALSE and a GST_RESOURCE_ERROR_SETTINGS that names the property: another count, or a number that is not finite or
 * less than `least`. */
gboolean triple_check (const char *name, const struct triple *triple, float least, GError **error);

#endif
