/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* triple.c: a number for each channel; see triple.h. */
#include "plugin/triple.h"

#include <math.h>
#include <string.h>

void triple_set (struct triple *triple, const GValue *value)
{
    triple->count = gst_value_array_get_size (value);
    for (guint i = 0; i < MIN (triple->count, G_N_ELEMENTS (triple->value)); i++) {
        GValue number = G_VALUE_INIT;
        g_value_init (&number, G_TYPE_DOUBLE);
        gboolean good = g_value_transform (gst_value_array_get_value (value, i), &number);
        triple->value[i] = good ? (float)g_value_get_double (&number) : NAN;
        g_value_unset (&number);
    }
}

void triple_get (const struct triple *triple, GValue *value)
{
    for (guint i = 0; i < MIN (triple->count, G_N_ELEMENTS (triple->value)); i++) {
        GValue number = G_VALUE_INIT;
        g_value_init (&number, G_TYPE_FLOAT);
        g_value_set_float (&number, triple->value[i]);
        gst_value_array_append_and_take_value (value, &number);
    }
}

gboolean triple_same (const struct triple *a, const struct triple *b)
{
    return a->count == b->count && memcmp (a->value, b->value, MIN (a->count, 3) * sizeof *a->value) == 0;
}

gboolean triple_check (const char *name, const struct triple *triple, float least, GError **error)
{
    if (triple->count != 0 && triple->count != 1 && triple->count != 3) {
        g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
                     "%s has %u values; it takes three, one for each channel, or one for all, or none", name,
                     triple->count);
        return FALSE;
    }
    for (guint i = 0; i < triple->count; i++) {
        if (!isfinite (triple->value[i]) || triple->value[i] < least) {
            g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
                         "%s: value %u is %g; it must be a finite number%s", name, i, (double)triple->value[i],
                         least > -INFINITY ? " above zero" : "");
            return FALSE;
        }
    }
    return TRUE;
}
