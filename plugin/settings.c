/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* settings.c: the element's properties: their types and texts, and a plain struct of their values.
 *
 * See settings.h for who may touch which copy. Every property can change while playing; the numbers can also be driven
 * by a GstController. */
#include "plugin/settings.h"

#include <math.h>
#include <string.h>

#define DEFAULT_MAX_INFERENCE_TIME (2 * GST_SECOND)

enum { DEFAULT_TOP_K = 5, TOP_K_MAX = 1000, THREADS_MAX = 256, DEFAULT_MAX_UNREAD = 256 };

/* ---- enums ----------------------------------------------------------------------------------------------------- */

static GType order_choice_type (void)
{
    static const GEnumValue values[] = {
        { ORDER_CHOICE_MODEL, "What the model's side file says, else RGB", "model" },
        { ORDER_CHOICE_RGB, "Red, green, blue", "rgb" },
        { ORDER_CHOICE_BGR, "Blue, green, red", "bgr" },
        { 0, NULL, NULL },
    };
    static gsize type;
    if (g_once_init_enter (&type))
        g_once_init_leave (&type, g_enum_register_static ("GstConvReluChannelOrder", values));
    return type;
}

static GType resize_type (void)
{
    static const GEnumValue values[] = {
        { RESIZE_CROP, "The centre: of the largest part of the network's shape, 7/8 of each side", "crop" },
        { RESIZE_STRETCH, "The whole frame, its shape changed to the network's", "stretch" },
        { RESIZE_LETTERBOX, "The whole frame, its shape kept, between bars of the mean colour", "letterbox" },
        { 0, NULL, NULL },
    };
    static gsize type;
    if (g_once_init_enter (&type))
        g_once_init_leave (&type, g_enum_register_static ("GstConvReluResize", values));
    return type;
}

static GType deadline_type (void)
{
    static const GEnumValue values[] = {
        { DEADLINE_NONE, "Run the network on every frame, however late", "none" },
        { DEADLINE_SKIP, "Let frames that would be late pass without running the network", "skip" },
        { 0, NULL, NULL },
    };
    static gsize type;
    if (g_once_init_enter (&type))
        g_once_init_leave (&type, g_enum_register_static ("GstConvReluDeadline", values));
    return type;
}

static GType algorithm_type (void)
{
    static const GEnumValue values[] = {
        { ALGORITHM_AUTO, "The fastest for each layer", "auto" },
        { ALGORITHM_DIRECT, "Always the plain sum", "direct" },
        { ALGORITHM_F23, "Winograd F(2x2, 3x3) where it applies", "f23" },
        { ALGORITHM_F43, "Winograd F(4x4, 3x3) where it applies", "f43" },
        { ALGORITHM_F42, "Winograd F(4x2, 3x3) where it applies", "f42" },
        { ALGORITHM_STRASSEN, "Strassen's algorithm for 1x1 where it applies", "strassen" },
        { 0, NULL, NULL },
    };
    static gsize type;
    if (g_once_init_enter (&type))
        g_once_init_leave (&type, g_enum_register_static ("GstConvReluAlgorithm", values));
    return type;
}

static GType precision_type (void)
{
    static const GEnumValue values[] = {
        { PRECISION_CHOICE_AUTO, "For quantised files int8, where the CPU multiplies bytes; else fp32", "auto" },
        { PRECISION_CHOICE_FP32, "Floating point of 32 bits", "fp32" },
        { PRECISION_CHOICE_INT8, "Whole numbers of 8 bits; what gains nothing by them stays fp32", "int8" },
        { PRECISION_CHOICE_BF16, "Products of floats of 16 bits, sums of 32", "bf16" },
        { 0, NULL, NULL },
    };
    static gsize type;
    if (g_once_init_enter (&type))
        g_once_init_leave (&type, g_enum_register_static ("GstConvReluPrecision", values));
    return type;
}

static GType scores_type (void)
{
    static const GEnumValue values[] = {
        { SCORES_AUTO, "As the end of the network says; `convrelu inspect` prints what that is", "auto" },
        { SCORES_SOFTMAX, "Softmax of its numbers: one of the classes is right, all scores add up to 1", "softmax" },
        { SCORES_SIGMOID, "Sigmoid of each number: every class is right or wrong for itself", "sigmoid" },
        { SCORES_NONE, "Its numbers as they are: probabilities already, or no probabilities at all", "none" },
        { 0, NULL, NULL },
    };
    static gsize type;
    if (g_once_init_enter (&type))
        g_once_init_leave (&type, g_enum_register_static ("GstConvReluScores", values));
    return type;
}

/* What each choice but the first puts in the place of the network's own. */
static const struct activation choices[] = {
    [ACTIVATION_CHOICE_MODEL] = { ACTIVATION_NONE, 0, 0 },
#define CHOICE(KIND, alpha, beta, text) [ACTIVATION_CHOICE_##KIND] = { ACTIVATION_##KIND, alpha, beta },
#include "engine/activations.def"
};

static GType activation_type (void)
{
    static GEnumValue values[] = {
        { ACTIVATION_CHOICE_MODEL, "The network's own", "model" },
#define CHOICE(KIND, alpha, beta, text) { ACTIVATION_CHOICE_##KIND, text, NULL },
#include "engine/activations.def"
        { 0, NULL, NULL },
    };
    static gsize type;
    if (g_once_init_enter (&type)) {
        for (guint i = 1; i < G_N_ELEMENTS (choices); i++)
            values[i].value_nick = activation_name (choices[i].kind);
        g_once_init_leave (&type, g_enum_register_static ("GstConvReluActivation", values));
    }
    return type;
}

/* ---- properties ------------------------------------------------------------------------------------------------ */

#define FLAGS (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING)
#define CONTROL_FLAGS (FLAGS | GST_PARAM_CONTROLLABLE) /* a GstControlBinding may drive it from frame to frame */
#define READ_FLAGS (G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)

static void install_model (GObjectClass *klass)
{
    g_object_class_install_property (
        klass, PROPERTY_MODEL_FILE,
        g_param_spec_string (
            "model-file", "Model file",
            "The network to run: an ONNX file with one picture as input and one score per class as first output, or a "
            "safetensors file whose tensors are called as torchvision and timm call those of ResNet, MobileNet, "
            "EfficientNet, VGG, SqueezeNet, DenseNet, ConvNeXt or RegNet. When it changes while playing, the new "
            "network takes over between two frames as soon as it is loaded; one that cannot be loaded leaves the old "
            "one running and posts a warning. Unset: the built-in network",
            NULL, FLAGS));
    g_object_class_install_property (
        klass, PROPERTY_LABELS_FILE,
        g_param_spec_string (
            "labels-file", "Labels file",
            "Names of the classes: a text file with one name a line or \"0: name\", JSON, a Python literal, "
            "CSV, YAML or a TensorFlow label map. Unset: <model-file>.labels.txt, the same without "
            "the model's suffix, or labels.txt beside the model, else the names inside the model, "
            "else \"class 0\", \"class 1\", ...",
            NULL, FLAGS));
    /* No element spec: with one, GstParamSpecArray silently replaces numbers of another type (the ints and doubles that
     * people write in a shell or in Python) by the spec's default. settings_set takes any number. */
    g_object_class_install_property (
        klass, PROPERTY_MEAN,
        gst_param_spec_array (
            "mean", "Mean",
            "Subtracted from each channel of a pixel, whose values are 0 to 255: three numbers in the order the "
            "network "
            "takes its channels (see channel-order), or one for all, for instance \"<123.68, 116.78, 103.94>\"; "
            "numbers for pixels of 0 to 1, \"<0.485, 0.456, 0.406>\", are multiplied by 255, with a warning. Empty: "
            "what the model's side file says, else ImageNet's; for networks of one channel (which are shown luma) and "
            "for alpha, 0",
            NULL, FLAGS));
    g_object_class_install_property (
        klass, PROPERTY_STD,
        gst_param_spec_array ("std", "Standard deviation",
                              "Each channel is divided by it after the mean was subtracted: three numbers in the order "
                              "the network takes its channels, or one for all; not zero. For instance \"<1>\" or "
                              "\"<58.4, 57.1, 57.4>\". Empty: what the model's side file says, else ImageNet's; for "
                              "networks of one channel and for alpha, 255",
                              NULL, FLAGS));
    g_object_class_install_property (klass, PROPERTY_CHANNEL_ORDER,
                                     g_param_spec_enum ("channel-order", "Channel order",
                                                        "Which colour the network takes as its first, second and third "
                                                        "channel",
                                                        order_choice_type (), ORDER_CHOICE_MODEL, CONTROL_FLAGS));
}

static void install_frame (GObjectClass *klass)
{
    g_object_class_install_property (klass, PROPERTY_RESIZE,
                                     g_param_spec_enum ("resize", "Resize",
                                                        "How a frame is brought to the network's input size. crop is "
                                                        "how ImageNet networks are evaluated: the shorter "
                                                        "side is scaled to 8/7 of the network's (256 for 224) and the "
                                                        "centre is cut out; it ignores what lies at the "
                                                        "sides. Pixel aspect ratio is respected by crop and letterbox",
                                                        resize_type (), RESIZE_CROP, CONTROL_FLAGS));
    g_object_class_install_property (
        klass, PROPERTY_INFERENCE_INTERVAL,
        g_param_spec_uint (
            "inference-interval", "Inference interval",
            "Run the network on every n-th frame (1 = on every frame). The frames between carry the last "
            "result, marked as not fresh",
            1, G_MAXUINT, 1, CONTROL_FLAGS));
    g_object_class_install_property (
        klass, PROPERTY_DEADLINE,
        g_param_spec_enum (
            "deadline", "Deadline",
            "What to do in step (async=false) with a frame that would be shown too late if the network ran on it: by "
            "the pipeline's latency, its clock and the time the network takes, and by the sink's QoS events. skip lets "
            "it pass with the last result, marked as not fresh; where there is never time for a whole run, the "
            "network runs in slices over several frames. No frame is ever dropped, and one a second at least is "
            "analysed",
            deadline_type (), DEADLINE_SKIP, CONTROL_FLAGS));
    g_object_class_install_property (
        klass, PROPERTY_MAX_INFERENCE_TIME,
        g_param_spec_uint64 (
            "max-inference-time", "Maximum inference time",
            "Refuse a network that would take longer than this for a frame, in ns: as estimated from its layers for "
            "one core of 3 GHz, before it is run. A file of a few bytes can ask for minutes; raise this for networks "
            "that are meant to be so large. Holds for what is loaded from then on",
            1, G_MAXINT64, DEFAULT_MAX_INFERENCE_TIME, CONTROL_FLAGS));
    g_object_class_install_property (
        klass, PROPERTY_ASYNC,
        g_param_spec_boolean (
            "async", "Asynchronous",
            "Run the network beside the stream, on a thread of its own and always on the newest frame. Frames never "
            "wait: each carries and shows the newest result there is, marked as not fresh, with the time of the frame "
            "it was seen in. For live video and networks that take longer than a frame lasts. FALSE: in step, each "
            "result with its own frame",
            FALSE, CONTROL_FLAGS));
}

static void install_results (GObjectClass *klass)
{
    g_object_class_install_property (
        klass, PROPERTY_SCORES,
        g_param_spec_enum (
            "scores", "Scores",
            "How the numbers that leave the network become the scores of the classes. auto looks at what "
            "the network ends in: the numbers of a softmax or sigmoid stay as they are, of log-softmax "
            "e^x is taken, of anything else the softmax, or the sigmoid where it has one output only",
            scores_type (), SCORES_AUTO, CONTROL_FLAGS));
    g_object_class_install_property (klass, PROPERTY_TOP_K,
                                     g_param_spec_uint ("top-k", "Top k", "How many of the best classes to report", 1,
                                                        TOP_K_MAX, DEFAULT_TOP_K, CONTROL_FLAGS));
    g_object_class_install_property (
        klass, PROPERTY_THRESHOLD,
        g_param_spec_float ("threshold", "Threshold",
                            "Report only classes of at least this score, a probability from 0 to 1 (see scores)", 0.0f,
                            1.0f, 0.0f, CONTROL_FLAGS));
}

static void install_messages (GObjectClass *klass)
{
    g_object_class_install_property (
        klass, PROPERTY_POST_MESSAGES,
        g_param_spec_boolean (
            "post-messages", "Post messages",
            "Post an element message \"convrelu\" for every frame that the network has seen, with the fields "
            "timestamp, "
            "stream-time, running-time, duration (of the frame), inference-time (ns), fresh, labels, class-ids, scores "
            "(arrays, best first), label, class-id, score (of the best), element, seen-timestamp, seen-running-time; "
            "and "
            "\"convrelu-model\" when a network begins to run",
            TRUE, CONTROL_FLAGS));
    g_object_class_install_property (
        klass, PROPERTY_REPEAT_MESSAGES,
        g_param_spec_boolean (
            "repeat-messages", "Repeat messages",
            "Post the message also for every frame that carries the result of an earlier frame again, "
            "with fresh=false",
            FALSE, CONTROL_FLAGS));
    g_object_class_install_property (
        klass, PROPERTY_MAX_UNREAD_MESSAGES,
        g_param_spec_uint ("max-unread-messages", "Max unread messages",
                           "While this many of the element's messages wait on a bus that is not read, no more are "
                           "posted, so that memory "
                           "stays as it is; stats counts them as messages-dropped (0 = no limit)",
                           0, G_MAXUINT, DEFAULT_MAX_UNREAD, CONTROL_FLAGS));
}

static void install_running (GObjectClass *klass)
{
    g_object_class_install_property (
        klass, PROPERTY_THREADS,
        g_param_spec_uint (
            "threads", "Threads",
            "How many threads share one inference, the streaming thread among them (0 = one for each CPU "
            "this process may run on). The result does not depend on it",
            0, THREADS_MAX, 0, CONTROL_FLAGS));
    g_object_class_install_property (klass, PROPERTY_ALGORITHM,
                                     g_param_spec_enum ("algorithm", "Algorithm",
                                                        "How convolutions are computed: all but auto are for comparing",
                                                        algorithm_type (), ALGORITHM_AUTO, CONTROL_FLAGS));
    g_object_class_install_property (
        klass, PROPERTY_STATS,
        g_param_spec_boxed (
            "stats", "Statistics",
            "Since the element left READY: frames, inferred, skipped (passed without inference) and, of these, late, "
            "still (see still-threshold), over-rate (max-rate) and over-cpu (cpu-limit); regions (classified, see the "
            "property regions) and regions-skipped; messages-dropped (see max-unread-messages); over the last 256 "
            "frames of each kind (times: of the network that is running): "
            "convert-mean, convert-p99 (frame to network input), inference-mean, inference-p99, overlay-mean, "
            "overlay-p99 (drawing; ns) and fps; latency (ns), as answered to the LATENCY query; layers, an array with "
            "a structure for each layer shown: name, zero (share of its values at zero or below in the last frame), "
            "channels, dead (channels that had no value above zero since it is shown); steps, an array with a "
            "structure for each step of the network in its order: name, time (ns, smoothed)",
            GST_TYPE_STRUCTURE, READ_FLAGS));
    g_object_class_install_property (
        klass, PROPERTY_LAYER_NAMES,
        gst_param_spec_array (
            "layer-names", "Layer names",
            "The layers of the network that is running, from input to output; empty in NULL and READY",
            g_param_spec_string ("layer-name", "Layer name", "Name of a layer", NULL, READ_FLAGS), READ_FLAGS));
}

static void install_precision (GObjectClass *klass)
{
    g_object_class_install_property (
        klass, PROPERTY_PRECISION,
        g_param_spec_enum (
            "precision", "Precision",
            "In which numbers the network computes. auto: quantised files in int8, others in "
            "fp32. int8 is made for CPUs that multiply bytes (VNNI, dot products), is "
            "slower than fp32 on others, and names nearly always the same classes. While the network loads its answers "
            "to two drawings are compared with those of fp32; where they differ too much, fp32 is used and a warning "
            "says so. bf16 needs AVX512_BF16 and no pictures; on CPUs without it fp32 is used and a warning says so",
            precision_type (), PRECISION_CHOICE_AUTO, FLAGS));
    g_object_class_install_property (
        klass, PROPERTY_RANGES_FILE,
        g_param_spec_string (
            "ranges-file", "Ranges file",
            "For precision=int8: the range of the numbers of each tensor, as `convrelu calibrate MODEL PICTURE...` "
            "writes it. Unset: <model-file>.ranges, the same without the model's suffix, else ranges seen in eight "
            "drawings while the network loads, which takes as long as some runs",
            NULL, FLAGS));
    gst_type_mark_as_plugin_api (precision_type (), 0);
}

static void install_cache (GObjectClass *klass)
{
    g_object_class_install_property (
        klass, PROPERTY_CACHE_DIR,
        g_param_spec_string (
            "cache-dir", "Cache folder",
            "Keeps weights as they are packed for this CPU in this folder, a file for each network, so that the next "
            "start is a fraction as long. It must be yours alone (made so if it is not there) on a file system that "
            "nobody else writes to; files may be removed at any time while nothing runs. What is damaged or of another "
            "state of the network is packed anew. Counts when a network is loaded; written beside the stream, so that "
            "one that ends at once keeps nothing. Unset: nothing is kept",
            NULL, FLAGS));
}

static void install_activation (GObjectClass *klass)
{
    g_object_class_install_property (
        klass, PROPERTY_ACTIVATION,
        g_param_spec_enum ("activation", "Activation",
                           "Puts this function in the place of every activation of the network, to watch what it does "
                           "to the feature maps and the classes. The weights were trained for the network's own, so "
                           "most others spoil the result",
                           activation_type (), ACTIVATION_CHOICE_MODEL, CONTROL_FLAGS));
    gst_type_mark_as_plugin_api (activation_type (), 0);
}

void settings_install (GObjectClass *klass)
{
    install_model (klass);
    install_activation (klass);
    install_precision (klass);
    install_cache (klass);
    appearance_install (klass);
    install_frame (klass);
    install_results (klass);
    install_messages (klass);
    install_running (klass);
    region_choice_install (klass);
    spending_install (klass);
    telling_install (klass);
    handing_install (klass);
    gst_type_mark_as_plugin_api (order_choice_type (), 0);
    gst_type_mark_as_plugin_api (scores_type (), 0);
    gst_type_mark_as_plugin_api (resize_type (), 0);
    gst_type_mark_as_plugin_api (deadline_type (), 0);
    gst_type_mark_as_plugin_api (algorithm_type (), 0);
}

/* ---- values ---------------------------------------------------------------------------------------------------- */

void settings_init (struct settings *settings)
{
    *settings = (struct settings) {
        .preparation = { .channel_order = ORDER_CHOICE_MODEL },
        .resize = RESIZE_CROP,
        .top_k = DEFAULT_TOP_K,
        .scores = SCORES_AUTO,
        .algorithm = ALGORITHM_AUTO,
        .inference_interval = 1,
        .deadline = DEADLINE_SKIP,
        .max_inference_time = DEFAULT_MAX_INFERENCE_TIME,
        .post_messages = TRUE,
        .max_unread_messages = DEFAULT_MAX_UNREAD,
        .activation = ACTIVATION_CHOICE_MODEL,
    };
    region_choice_init (&settings->regions);
    telling_init (&settings->telling);
    appearance_init (&settings->appearance);
}

void settings_clear (struct settings *settings)
{
    g_clear_pointer (&settings->model_file, g_free);
    g_clear_pointer (&settings->labels_file, g_free);
    g_clear_pointer (&settings->ranges_file, g_free);
    region_choice_clear (&settings->regions);
    g_clear_pointer (&settings->cache_dir, g_free);
    telling_clear (&settings->telling);
    handing_clear (&settings->handing);
    appearance_clear (&settings->appearance);
}

void settings_copy (struct settings *to, const struct settings *from)
{
    settings_clear (to);
    *to = *from;
    to->model_file = g_strdup (from->model_file);
    to->labels_file = g_strdup (from->labels_file);
    to->ranges_file = g_strdup (from->ranges_file);
    region_choice_copy (&to->regions, &from->regions);
    to->cache_dir = g_strdup (from->cache_dir);
    telling_copy (&to->telling, &from->telling);
    handing_copy (&to->handing, &from->handing);
    appearance_copy (&to->appearance, &from->appearance);
}

/* Where a property of text is kept; NULL: it is none. */
static char **string_of (struct settings *settings, guint id)
{
    return id == PROPERTY_MODEL_FILE    ? &settings->model_file
           : id == PROPERTY_LABELS_FILE ? &settings->labels_file
           : id == PROPERTY_RANGES_FILE ? &settings->ranges_file
           : id == PROPERTY_CACHE_DIR   ? &settings->cache_dir
                                        : NULL;
}

static gboolean set_string (char **string, const GValue *value)
{
    const char *text = g_value_get_string (value);
    g_free (*string);
    *string = text && *text ? g_strdup (text) : NULL; /* "" in a launch line means: not set */
    return TRUE;
}

static gboolean get_string (char *const *string, GValue *value)
{
    g_value_set_string (value, *string);
    return TRUE;
}

/* Those that say how and when the network is run. */
static gboolean set_running (struct settings *settings, guint id, const GValue *value)
{
    switch (id) {
    case PROPERTY_THREADS:
        settings->threads = g_value_get_uint (value);
        return TRUE;
    case PROPERTY_ALGORITHM:
        settings->algorithm = g_value_get_enum (value);
        return TRUE;
    case PROPERTY_INFERENCE_INTERVAL:
        settings->inference_interval = g_value_get_uint (value);
        return TRUE;
    case PROPERTY_DEADLINE:
        settings->deadline = g_value_get_enum (value);
        return TRUE;
    case PROPERTY_MAX_INFERENCE_TIME:
        settings->max_inference_time = g_value_get_uint64 (value);
        return TRUE;
    case PROPERTY_ASYNC:
        settings->async = g_value_get_boolean (value);
        return TRUE;
    default:
        return FALSE;
    }
}

gboolean settings_set (struct settings *settings, guint id, const GValue *value)
{
    char **string = string_of (settings, id);
    if (string)
        return set_string (string, value);
    switch ((enum property)id) {
    case PROPERTY_MEAN:
        triple_set (&settings->preparation.mean, value);
        return TRUE;
    case PROPERTY_STD:
        triple_set (&settings->preparation.std, value);
        return TRUE;
    case PROPERTY_CHANNEL_ORDER:
        settings->preparation.channel_order = g_value_get_enum (value);
        return TRUE;
    case PROPERTY_RESIZE:
        settings->resize = g_value_get_enum (value);
        return TRUE;
    case PROPERTY_TOP_K:
        settings->top_k = g_value_get_uint (value);
        return TRUE;
    case PROPERTY_THRESHOLD:
        settings->threshold = g_value_get_float (value);
        return TRUE;
    case PROPERTY_SCORES:
        settings->scores = g_value_get_enum (value);
        return TRUE;
    case PROPERTY_POST_MESSAGES:
        settings->post_messages = g_value_get_boolean (value);
        return TRUE;
    case PROPERTY_REPEAT_MESSAGES:
        settings->repeat_messages = g_value_get_boolean (value);
        return TRUE;
    case PROPERTY_MAX_UNREAD_MESSAGES:
        settings->max_unread_messages = g_value_get_uint (value);
        return TRUE;
    case PROPERTY_ACTIVATION:
        settings->activation = g_value_get_enum (value);
        return TRUE;
    case PROPERTY_PRECISION:
        settings->precision = g_value_get_enum (value);
        return TRUE;
    default:
        return set_running (settings, id, value) || spending_set (&settings->spending, id, value) ||
               region_choice_set (&settings->regions, id, value) || telling_set (&settings->telling, id, value) ||
               handing_set (&settings->handing, id, value) || appearance_set (&settings->appearance, id, value);
    }
}

static gboolean get_running (const struct settings *settings, guint id, GValue *value)
{
    switch (id) {
    case PROPERTY_THREADS:
        g_value_set_uint (value, settings->threads);
        return TRUE;
    case PROPERTY_ALGORITHM:
        g_value_set_enum (value, settings->algorithm);
        return TRUE;
    case PROPERTY_INFERENCE_INTERVAL:
        g_value_set_uint (value, settings->inference_interval);
        return TRUE;
    case PROPERTY_DEADLINE:
        g_value_set_enum (value, settings->deadline);
        return TRUE;
    case PROPERTY_MAX_INFERENCE_TIME:
        g_value_set_uint64 (value, settings->max_inference_time);
        return TRUE;
    case PROPERTY_ASYNC:
        g_value_set_boolean (value, settings->async);
        return TRUE;
    default:
        return FALSE;
    }
}

gboolean settings_get (const struct settings *settings, guint id, GValue *value)
{
    char *const *string = string_of ((struct settings *)settings, id);
    if (string)
        return get_string (string, value);
    switch ((enum property)id) {
    case PROPERTY_MEAN:
        triple_get (&settings->preparation.mean, value);
        return TRUE;
    case PROPERTY_STD:
        triple_get (&settings->preparation.std, value);
        return TRUE;
    case PROPERTY_CHANNEL_ORDER:
        g_value_set_enum (value, settings->preparation.channel_order);
        return TRUE;
    case PROPERTY_RESIZE:
        g_value_set_enum (value, settings->resize);
        return TRUE;
    case PROPERTY_TOP_K:
        g_value_set_uint (value, settings->top_k);
        return TRUE;
    case PROPERTY_THRESHOLD:
        g_value_set_float (value, settings->threshold);
        return TRUE;
    case PROPERTY_SCORES:
        g_value_set_enum (value, settings->scores);
        return TRUE;
    case PROPERTY_POST_MESSAGES:
        g_value_set_boolean (value, settings->post_messages);
        return TRUE;
    case PROPERTY_REPEAT_MESSAGES:
        g_value_set_boolean (value, settings->repeat_messages);
        return TRUE;
    case PROPERTY_MAX_UNREAD_MESSAGES:
        g_value_set_uint (value, settings->max_unread_messages);
        return TRUE;
    case PROPERTY_ACTIVATION:
        g_value_set_enum (value, settings->activation);
        return TRUE;
    case PROPERTY_PRECISION:
        g_value_set_enum (value, settings->precision);
        return TRUE;
    default:
        return get_running (settings, id, value) || spending_get (&settings->spending, id, value) ||
               region_choice_get (&settings->regions, id, value) || telling_get (&settings->telling, id, value) ||
               handing_get (&settings->handing, id, value) || appearance_get (&settings->appearance, id, value);
    }
}

gboolean settings_revert (struct settings *settings, const struct settings *tried, const char *model_file,
                          const char *labels_file, const struct preparation *preparation)
{
    if (!settings_same_files (settings, tried)) /* something else is wanted by now */
        return FALSE;
    gboolean changed = g_strcmp0 (settings->model_file, model_file) || g_strcmp0 (settings->labels_file, labels_file);
    g_free (settings->model_file);
    g_free (settings->labels_file);
    settings->model_file = g_strdup (model_file);
    settings->labels_file = g_strdup (labels_file);
    if (settings_same_preparation (&settings->preparation, &tried->preparation))
        settings->preparation = *preparation;
    return changed;
}

gboolean settings_check (const struct settings *settings, GError **error)
{
    return triple_check ("mean", &settings->preparation.mean, -INFINITY, error) &&
           triple_check ("std", &settings->preparation.std, 1e-6f, error);
}

gboolean settings_same_preparation (const struct preparation *a, const struct preparation *b)
{
    return triple_same (&a->mean, &b->mean) && triple_same (&a->std, &b->std) && a->channel_order == b->channel_order;
}

gboolean settings_same_files (const struct settings *a, const struct settings *b)
{
    return g_strcmp0 (a->model_file, b->model_file) == 0 && g_strcmp0 (a->labels_file, b->labels_file) == 0;
}

/* What is seen in drawings depends on how they are prepared. */
static gboolean same_precision (const struct settings *a, const struct settings *b)
{
    if (a->precision != b->precision)
        return FALSE;
    return a->precision != PRECISION_CHOICE_INT8 || (g_strcmp0 (a->ranges_file, b->ranges_file) == 0 &&
                                                     settings_same_preparation (&a->preparation, &b->preparation));
}

gboolean settings_same_plan (const struct settings *a, const struct settings *b)
{
    return settings_same_files (a, b) && same_precision (a, b) && a->threads == b->threads &&
           a->algorithm == b->algorithm && a->activation == b->activation &&
           handing_same_layers (&a->handing, &b->handing) && appearance_same_tensors (&a->appearance, &b->appearance);
}

gboolean settings_replacement (const struct settings *settings, struct activation *replacement)
{
    *replacement = choices[settings->activation];
    return settings->activation != ACTIVATION_CHOICE_MODEL;
}
