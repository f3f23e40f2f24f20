/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* region_choice.h: the properties that say which parts of a frame the network is shown. Part of struct settings; the
 * same rules hold (settings.h). */
#ifndef CONVRELU_REGION_CHOICE_H
#define CONVRELU_REGION_CHOICE_H

#include <gst/gst.h>

/* Also the values of the GObject enum of the property `regions`. */
enum region_source { REGIONS_FRAME, REGIONS_ROI, REGIONS_DETECTIONS };

struct region_choice {
    enum region_source source;
    char *types;    /* names with commas between; NULL: all */
    guint min_size; /* pixels, of the shorter side */
    guint max;      /* regions a frame; 0: no limit */
    guint interval; /* frames */
};

enum { REGION_FIRST_PROPERTY = 500 };
enum region_property {
    PROPERTY_REGIONS = REGION_FIRST_PROPERTY,
    PROPERTY_REGION_TYPES,
    PROPERTY_REGION_MIN_SIZE,
    PROPERTY_REGION_MAX,
    PROPERTY_REGION_INTERVAL,
};

void region_choice_install (GObjectClass *klass);
void region_choice_init (struct region_choice *choice);
void region_choice_clear (struct region_choice *choice);
void region_choice_copy (struct region_choice *to, const struct region_choice *from); /* what `to` held is not freed */

/* FALSE when `id` is not one of them. */
gboolean region_choice_set (struct region_choice *choice, guint id, const GValue *value);
gboolean region_choice_get (const struct region_choice *choice, guint id, GValue *value);

/* Whether regions called `type` (NULL: they have no name) are meant. Without region-types all are, but for those that
 * an element convrelu has put over a whole frame, whose type is "classification". */
gboolean region_choice_means (const struct region_choice *choice, const char *type);

/* What to warn of, or NULL; g_free it. `tensors`: they are to be handed on. */
char *region_choice_remark (const struct region_choice *choice, gboolean tensors);

#endif
