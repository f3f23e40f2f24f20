/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* settings.h: the values of the element's properties, apart from the element.
 *
 * A property setter only stores into the element's `struct settings` under the object lock and bumps a serial; the
 * streaming thread copies the whole with settings_copy when the serial has moved, lets go of the lock, and acts on its
 * copy. Nothing here locks, posts or loads anything. */
#ifndef CONVRELU_SETTINGS_H
#define CONVRELU_SETTINGS_H

#include <gst/gst.h>

#include "engine/engine.h"
#include "models/scores.h"
#include "plugin/overlay/properties.h"
#include "plugin/region_choice.h"
#include "plugin/spending.h"
#include "plugin/tensors.h"
#include "plugin/triggers.h"
#include "plugin/triple.h"

/* Also the values of the GObject enums of the same names. */
enum order_choice { ORDER_CHOICE_MODEL, ORDER_CHOICE_RGB, ORDER_CHOICE_BGR };
enum resize { RESIZE_CROP, RESIZE_STRETCH, RESIZE_LETTERBOX };
enum deadline { DEADLINE_NONE, DEADLINE_SKIP };

enum precision_choice { PRECISION_CHOICE_AUTO, PRECISION_CHOICE_FP32, PRECISION_CHOICE_INT8, PRECISION_CHOICE_BF16 };

enum activation_choice {
    ACTIVATION_CHOICE_MODEL,
#define CHOICE(KIND, alpha, beta, text) ACTIVATION_CHOICE_##KIND,
#include "engine/activations.def"
};

/* How a pixel becomes what the network takes. */
struct preparation {
    struct triple mean, std; /* in units of 0..255 */
    enum order_choice channel_order;
};

struct settings {
    char *model_file, *labels_file; /* NULL: not set */
    struct preparation preparation;
    enum resize resize;
    guint top_k;
    float threshold;
    enum score_kind scores;
    guint threads;
    enum algorithm algorithm;
    enum precision_choice precision;
    char *ranges_file, *cache_dir; /* NULL: not set */
    guint inference_interval;
    enum deadline deadline;
    guint64 max_inference_time; /* ns, estimated */
    gboolean async;
    gboolean post_messages, repeat_messages;
    guint max_unread_messages; /* 0: no limit */
    enum activation_choice activation;
    struct region_choice regions;
    struct spending spending;
    struct telling telling;
    struct handing handing;
    struct appearance appearance;
};

enum property {
    PROPERTY_0,
    PROPERTY_MODEL_FILE,
    PROPERTY_LABELS_FILE,
    PROPERTY_MEAN,
    PROPERTY_STD,
    PROPERTY_CHANNEL_ORDER,
    PROPERTY_RESIZE,
    PROPERTY_TOP_K,
    PROPERTY_THRESHOLD,
    PROPERTY_SCORES,
    PROPERTY_THREADS,
    PROPERTY_ALGORITHM,
    PROPERTY_INFERENCE_INTERVAL,
    PROPERTY_DEADLINE,
    PROPERTY_MAX_INFERENCE_TIME,
    PROPERTY_ASYNC,
    PROPERTY_POST_MESSAGES,
    PROPERTY_REPEAT_MESSAGES,
    PROPERTY_MAX_UNREAD_MESSAGES,
    PROPERTY_ACTIVATION,
    PROPERTY_PRECISION,
    PROPERTY_RANGES_FILE,
    PROPERTY_CACHE_DIR,
    PROPERTY_STATS, /* read-only: the element answers these two itself */
    PROPERTY_LAYER_NAMES,
    /* and those of overlay/properties.h, region_choice.h, spending.h, triggers.h and tensors.h */
};

void settings_install (GObjectClass *klass); /* every property, with its text for gst-inspect */

void settings_init (struct settings *settings); /* the defaults */
void settings_clear (struct settings *settings);
void settings_copy (struct settings *to, const struct settings *from); /* what `to` held is freed; both initialised */

/* FALSE when `id` is not a stored property. */
gboolean settings_set (struct settings *settings, guint id, const GValue *value);
gboolean settings_get (const struct settings *settings, guint id, GValue *value);

/* After what `tried` names could not be loaded: whatever is still set as it was tried (the two files, and the
 * preparation, which was set for them) goes back to what runs. TRUE: model-file or labels-file changed. */
gboolean settings_revert (struct settings *settings, const struct settings *tried, const char *model_file,
                          const char *labels_file, const struct preparation *preparation);

/* What a GParamSpec cannot check: mean and std. FALSE and a GST_RESOURCE_ERROR_SETTINGS that names the property. */
gboolean settings_check (const struct settings *settings, GError **error);

/* The activation that takes the place of all others. FALSE: the model's own stay. */
gboolean settings_replacement (const struct settings *settings, struct activation *replacement);

gboolean settings_same_preparation (const struct preparation *a, const struct preparation *b);
gboolean settings_same_files (const struct settings *a, const struct settings *b); /* the same model and labels */
gboolean settings_same_plan (const struct settings *a, const struct settings *b);  /* and run in the same way */

#endif
