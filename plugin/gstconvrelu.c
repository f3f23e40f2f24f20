/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-convrelu
 * @title: convrelu
 * @short_description: Runs a convolutional network on every frame of a video
 *
 * convrelu shows every video frame to a convolutional network (ResNet and its relatives, in an ONNX or safetensors
 * file) and says what the network sees: as classification metadata on the buffer and as an element message on the bus.
 * It runs on the CPU and needs no other inference library. Frames pass through unchanged, in any raw format and size;
 * no pixel of them is copied, unless #GstConvRelu:overlay asks for a drawing.
 *
 * Inference happens on the streaming thread, so a slow network holds up the stream. In front of a live source's other
 * branches put `queue leaky=downstream max-size-buffers=1` before the element; after a sink has reported a frame late,
 * late frames pass without inference (#GstConvRelu:deadline) and carry the last result, marked as not fresh. So do
 * buffers with the flag GAP, as the duplicates that videorate makes.
 *
 * ## Drawing
 *
 * #GstConvRelu:overlay shows, on the frame, the best classes, the feature maps inside the network
 * (#GstConvRelu:layers, #GstConvRelu:stage), where in the picture the best class is seen, and times. Where downstream
 * draws #GstVideoOverlayComposition itself, as most GL sinks do, it is handed on as a meta; else it is blended into the
 * frame. Layers that are watched before their activation cost some time, as the two steps cannot be done in one.
 * Everything can be changed while playing and shows in the next frame.
 *
 * ## Metadata
 *
 * From GStreamer 1.24 on a #GstAnalyticsClsMtd, best class first, and a #GstCustomMeta `convrelu` with the boolean
 * `fresh`. Before that, a #GstVideoRegionOfInterestMeta of type `classification` with one #GstStructure for each class:
 * `label` (string), `label-id` (int), `confidence` (float), `fresh` (boolean).
 *
 * ## Messages
 *
 * With #GstConvRelu:post-messages an element message named `convrelu` for every frame that has a result:
 *
 * * `timestamp`, `stream-time`, `running-time`, `duration` (guint64): of the buffer, ns
 * * `labels` (array of strings), `class-ids` (array of ints), `scores` (array of floats): best class first
 * * `inference-time` (guint64): how long the network took, ns
 * * `fresh` (boolean): FALSE when this is the result of an earlier frame
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 -m filesrc location=parrot.jpg ! decodebin ! convrelu model-file=resnet18.onnx ! fakesink
 * ]| What a photograph shows, printed as messages.
 * |[
 * gst-launch-1.0 -m v4l2src ! videoconvert ! queue leaky=downstream max-size-buffers=1 ! convrelu model-file=squeezenet.onnx channel-order=bgr mean="<104,117,123>" std="<1>" top-k=1 ! videoconvert ! autovideosink
 * ]| A camera, with a network that wants blue first, 104, 117 and 123 subtracted, and no division.
 * |[
 * gst-launch-1.0 -m videotestsrc num-buffers=30 ! convrelu inference-interval=10 ! fakesink
 * ]| Three inferences, and thirty messages, of which three are fresh.
 * |[
 * gst-launch-1.0 v4l2src ! videoconvert ! convrelu overlay=labels+feature-maps ! videoconvert ! autovideosink
 * ]| What a camera sees, what the network calls it, and 16 maps each of an early, a middle and a late layer.
 * |[
 * gst-launch-1.0 v4l2src ! videoconvert ! convrelu overlay=feature-maps layers=early stage=both placement=full ! videoconvert ! autovideosink
 * ]| The first layer before and after its activation: what is blue on the left, below zero, is gone on the right. Add
 * `activation=gelu` to see what another function keeps of it.
 * |[
 * gst-launch-1.0 filesrc location=clip.mp4 ! decodebin ! videoconvert ! convrelu model-file=resnet50.onnx overlay=labels+class-activation+stats ! videoconvert ! autovideosink
 * ]| Where in the picture the best class is seen, and how long it all takes.
 *
 * Since: 0.1
 */

/* gstconvrelu.c: the element: properties, state, negotiation, queries and events, and the order of work on a frame.
 *
 * Locking. The object lock guards `settings`, `serial`, `model`, `stats` and the QoS values, and is held only to copy
 * them; nothing is posted, loaded or computed under it. All else is the streaming thread's (and that of start and stop,
 * which never run beside it). Setters only store; the streaming thread copies and applies before the next frame. */
#include "plugin/gstconvrelu.h"

#include <gst/video/video.h>
#include <string.h>

#include "plugin/blend.h"
#include "plugin/frame.h"
#include "plugin/mapping.h"
#include "plugin/moment.h"
#include "plugin/negotiate.h"
#include "plugin/network.h"
#include "plugin/overlay.h"
#include "plugin/results.h"
#include "plugin/settings.h"
#include "plugin/timing.h"

GST_DEBUG_CATEGORY_STATIC (convrelu_debug);
#define GST_CAT_DEFAULT convrelu_debug

/* However late the stream is, the network sees a frame this often. */
static const GstClockTime longest_blind = GST_SECOND;

struct _GstConvRelu {
    GstBaseTransform parent;

    /* under the object lock */
    struct settings settings; /* as set */
    guint serial;             /* moves with every set */
    struct model *model;      /* of the network that is running, for readers of layer-names */
    struct stats stats;
    struct layer_figures figures[LAYERS_MAX]; /* of the layers shown */
    int figure_count;
    struct step_times step_times; /* of network's plan */
    GstClockTime earliest;        /* running time before which a frame is late, or NONE */
    gint64 jitter;                /* of the last QoS event, for the QOS message */
    gdouble proportion;

    /* the streaming thread's */
    struct settings active; /* the copy being acted on */
    guint active_serial;
    struct settings wanted;         /* those for which a network was last loaded, or tried to be */
    gboolean refused;               /* mean or std as set are unusable, and a warning has said so */
    struct network *network;        /* never NULL between start and stop */
    struct preparation preparation; /* for that one; what is set along with another file is for the next */
    struct loading *loading;        /* the next one, or NULL */
    gboolean failed;                /* none came of the last one; `wanted` is what it was to be */
    struct frame_reader *reader;
    GstVideoInfo info;
    struct overlay *overlay;
    char *unknown_layers;     /* what the last warning said of them, or NULL */
    struct result result;     /* the last one */
    guint since;              /* frames since then, that one counted */
    GstClockTime inferred_at; /* running time of that frame, or NONE */
};

#define CAPS                                                                                                           \
    GST_VIDEO_CAPS_MAKE (GST_VIDEO_FORMATS_ALL)                                                                        \
    ";" GST_VIDEO_CAPS_MAKE_WITH_FEATURES (GST_CAPS_FEATURE_MEMORY_SYSTEM_MEMORY                                       \
                                           "," GST_CAPS_FEATURE_META_GST_VIDEO_OVERLAY_COMPOSITION,                    \
                                           GST_VIDEO_FORMATS_ALL)

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS (CAPS));
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS (CAPS));

G_DEFINE_TYPE (GstConvRelu, gst_conv_relu, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE (convrelu, "convrelu", GST_RANK_NONE, GST_TYPE_CONV_RELU)

/* ---- object ---------------------------------------------------------------------------------------------------- */

static void gst_conv_relu_init (GstConvRelu *self)
{
    GstBaseTransform *base = GST_BASE_TRANSFORM (self);
    gst_base_transform_set_in_place (base, TRUE);
    gst_base_transform_set_passthrough (base, FALSE); /* metadata is added */
    gst_base_transform_set_gap_aware (base, TRUE);
    gst_base_transform_set_qos_enabled (base, FALSE); /* it would drop frames; see `deadline` */
    settings_init (&self->settings);
    settings_init (&self->active);
    settings_init (&self->wanted);
    stats_reset (&self->stats, GST_CLOCK_TIME_NONE);
    self->earliest = self->inferred_at = GST_CLOCK_TIME_NONE;
    self->reader = frame_reader_new ();
    self->overlay = overlay_new ();
    gst_video_info_init (&self->info);
}

static void gst_conv_relu_finalize (GObject *object)
{
    GstConvRelu *self = GST_CONV_RELU (object);
    settings_clear (&self->settings);
    settings_clear (&self->active);
    settings_clear (&self->wanted);
    result_clear (&self->result);
    frame_reader_free (self->reader);
    overlay_free (self->overlay);
    g_free (self->unknown_layers);
    step_times_clear (&self->step_times);
    G_OBJECT_CLASS (gst_conv_relu_parent_class)->finalize (object);
}

static void gst_conv_relu_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
    GstConvRelu *self = GST_CONV_RELU (object);
    GST_OBJECT_LOCK (self);
    gboolean known = settings_set (&self->settings, id, value);
    self->serial++;
    GST_OBJECT_UNLOCK (self);
    if (!known)
        G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void get_stats (GstConvRelu *self, GValue *value)
{
    GST_OBJECT_LOCK (self);
    struct stats stats = self->stats;
    struct layer_figures figures[LAYERS_MAX];
    int count = self->figure_count;
    memcpy (figures, self->figures, sizeof figures);
    GST_OBJECT_UNLOCK (self);
    GstStructure *structure = stats_structure (&stats);
    GST_OBJECT_LOCK (self);
    step_times_put (&self->step_times, structure);
    GST_OBJECT_UNLOCK (self);
    GValue layers = G_VALUE_INIT;
    g_value_init (&layers, GST_TYPE_ARRAY);
    for (int i = 0; i < count; i++) {
        GValue layer = G_VALUE_INIT;
        g_value_init (&layer, GST_TYPE_STRUCTURE);
        g_value_take_boxed (&layer, gst_structure_new ("layer", "name", G_TYPE_STRING, figures[i].name, "zero",
                                                       G_TYPE_DOUBLE, figures[i].zero, "channels", G_TYPE_INT,
                                                       figures[i].channels, "dead", G_TYPE_INT, figures[i].dead, NULL));
        gst_value_array_append_and_take_value (&layers, &layer);
    }
    gst_structure_take_value (structure, "layers", &layers);
    g_value_take_boxed (value, structure);
}

static void get_layer_names (GstConvRelu *self, GValue *value)
{
    GST_OBJECT_LOCK (self);
    struct model *model = self->model ? model_ref (self->model) : NULL;
    GST_OBJECT_UNLOCK (self);
    if (!model)
        return;
    const struct graph *graph = model_graph (model);
    GArray *layers = layers_all (graph);
    for (guint i = 0; i < layers->len; i++) {
        GValue name = G_VALUE_INIT;
        g_value_init (&name, G_TYPE_STRING);
        g_value_set_string (&name, graph_tensor (graph, g_array_index (layers, struct layer, i).post).name);
        gst_value_array_append_and_take_value (value, &name);
    }
    g_array_unref (layers);
    model_unref (model);
}

static void gst_conv_relu_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    GstConvRelu *self = GST_CONV_RELU (object);
    if (id == PROPERTY_STATS) {
        get_stats (self, value);
    } else if (id == PROPERTY_LAYER_NAMES) {
        get_layer_names (self, value);
    } else {
        GST_OBJECT_LOCK (self);
        gboolean known = settings_get (&self->settings, id, value);
        GST_OBJECT_UNLOCK (self);
        if (!known)
            G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

/* ---- the running network --------------------------------------------------------------------------------------- */

/* As GST_ELEMENT_ERROR and _WARNING, for a GError, which it frees. Never with the object lock held. */
static void post_error (GstConvRelu *self, GstMessageType type, GError *error, const char *consequence, int line)
{
    gst_element_message_full (GST_ELEMENT (self), type, error->domain, error->code,
                              g_strconcat (error->message, consequence, NULL), NULL, __FILE__, "convrelu", line);
    g_error_free (error);
}
#define POST_ERROR(self, error) post_error (self, GST_MESSAGE_ERROR, error, "", __LINE__)
#define POST_WARNING(self, error, consequence) post_error (self, GST_MESSAGE_WARNING, error, consequence, __LINE__)

/* Copies the settings. FALSE when mean or std are unusable: `active` then keeps those it had. */
static gboolean copy_settings (GstConvRelu *self, GError **error)
{
    struct preparation before = self->active.preparation;
    GST_OBJECT_LOCK (self);
    settings_copy (&self->active, &self->settings);
    self->active_serial = self->serial;
    GST_OBJECT_UNLOCK (self);
    if (settings_check (&self->active, error))
        return TRUE;
    self->active.preparation.mean = before.mean;
    self->active.preparation.std = before.std;
    return FALSE;
}

/* The same while playing, when a property was set since. */
static void update_settings (GstConvRelu *self)
{
    GError *error = NULL;
    GST_OBJECT_LOCK (self);
    gboolean moved = self->serial != self->active_serial;
    GST_OBJECT_UNLOCK (self);
    if (!moved)
        return;
    gboolean refused = !copy_settings (self, &error);
    if (refused && !self->refused) /* once, though other properties move while these are wrong */
        POST_WARNING (self, g_steal_pointer (&error), "; the values before stay in use");
    g_clear_error (&error);
    self->refused = refused;
}

static void forget_result (GstConvRelu *self)
{
    self->result.valid = FALSE;
    self->inferred_at = GST_CLOCK_TIME_NONE;
}

/* Says once which words of `layers` mean nothing to this network. */
static void warn_of_layers (GstConvRelu *self, const struct network *network)
{
    const char *unknown = network->layers.unknown;
    if (unknown && g_strcmp0 (unknown, self->unknown_layers) != 0)
        GST_ELEMENT_WARNING (self, RESOURCE, SETTINGS, ("%s", unknown), ("The property layer-names lists them all."));
    g_free (self->unknown_layers);
    self->unknown_layers = g_strdup (unknown);
}

/* Puts `network` (NULL: none) in place of the one before. */
static void use_network (GstConvRelu *self, struct network *network)
{
    struct network *before = self->network;
    struct model *shown = network ? model_ref (network->model) : NULL;
    GST_OBJECT_LOCK (self);
    struct model *hidden = self->model;
    self->model = shown;
    self->figure_count = 0;
    step_times_clear (&self->step_times);
    if (before && network)
        stats_swapped (&self->stats);
    GST_OBJECT_UNLOCK (self);
    self->network = network;
    overlay_reset (self->overlay);
    forget_result (self); /* its classes are the other network's */
    model_unref (hidden);
    network_free (before);
    if (!network)
        return;
    const struct input_spec *spec = model_input (network->model);
    GST_INFO_OBJECT (self, "running %s: input %d x %d, %d classes, %d threads, %s", model_path (network->model),
                     spec->width, spec->height, model_classes (network->model), plan_threads (network->plan),
                     plan_isa (network->plan));
    warn_of_layers (self, network);
    if (network->stand_in)
        GST_ELEMENT_WARNING (self, RESOURCE, SETTINGS,
                             ("No model-file is set. A small network of fixed filters stands in: it tells edges and "
                              "colours apart and recognises nothing."),
                             (NULL));
}

/* Changed files are loaded on another thread; a change in how the same network is run takes effect at once. */
static void follow_settings (GstConvRelu *self)
{
    GError *error = NULL;
    struct network *network = NULL;
    if (self->loading && loading_done (self->loading)) {
        network = loading_finish (g_steal_pointer (&self->loading), &error);
        self->failed = !network;
        if (network) {
            use_network (self, network);
            self->preparation = self->wanted.preparation;
        } else {
            POST_WARNING (self, error, "; the network before stays in use");
            self->wanted.preparation = self->active.preparation;
        }
    }
    if (self->loading || settings_same_plan (&self->active, &self->wanted))
        return;
    if (settings_same_files (&self->active, &self->wanted))
        network = network_again (self->network, &self->active, NULL);
    else
        network = NULL;
    settings_copy (&self->wanted, &self->active);
    if (network)
        use_network (self, network);
    else
        self->loading = loading_start (&self->active);
}

/* After follow_settings. While another file is loaded, and after one that could not be, what was set along with it does
 * not apply to the network before. */
static void follow_preparation (GstConvRelu *self)
{
    const struct preparation *set = &self->active.preparation;
    if (self->loading || (self->failed && settings_same_preparation (set, &self->wanted.preparation)))
        return;
    self->preparation = *set;
    self->failed = FALSE;
}

static gboolean gst_conv_relu_start (GstBaseTransform *base)
{
    GstConvRelu *self = GST_CONV_RELU (base);
    GError *error = NULL;
    struct network *network = NULL;
    if (copy_settings (self, &error))
        network = network_load (&self->active, &error);
    if (!network) {
        POST_ERROR (self, error);
        return FALSE;
    }
    settings_copy (&self->wanted, &self->active);
    self->refused = self->failed = FALSE;
    GST_OBJECT_LOCK (self);
    stats_reset (&self->stats, network->first_run);
    self->earliest = GST_CLOCK_TIME_NONE;
    GST_OBJECT_UNLOCK (self);
    use_network (self, network);
    return TRUE;
}

static gboolean gst_conv_relu_stop (GstBaseTransform *base)
{
    GstConvRelu *self = GST_CONV_RELU (base);
    if (self->loading)
        network_free (loading_finish (g_steal_pointer (&self->loading), NULL));
    use_network (self, NULL);
    g_clear_pointer (&self->unknown_layers, g_free); /* the next start says it again */
    gst_video_info_init (&self->info);
    return TRUE;
}

/* ---- negotiation, queries, events ------------------------------------------------------------------------------ */

static gboolean gst_conv_relu_set_caps (GstBaseTransform *base, GstCaps *in, GstCaps *out)
{
    GstConvRelu *self = GST_CONV_RELU (base);
    if (!gst_video_info_from_caps (&self->info, in)) {
        GST_ERROR_OBJECT (self, "cannot read the caps %" GST_PTR_FORMAT, in);
        return FALSE;
    }
    forget_result (self); /* another picture may come */
    return TRUE;
}

static gboolean gst_conv_relu_query (GstBaseTransform *base, GstPadDirection direction, GstQuery *query)
{
    GstConvRelu *self = GST_CONV_RELU (base);
    if (!GST_BASE_TRANSFORM_CLASS (gst_conv_relu_parent_class)->query (base, direction, query))
        return FALSE;
    if (GST_QUERY_TYPE (query) == GST_QUERY_LATENCY && direction == GST_PAD_SRC) {
        gboolean live;
        GstClockTime least, most;
        GST_OBJECT_LOCK (self);
        GstClockTime own = self->stats.latency;
        GST_OBJECT_UNLOCK (self);
        if (GST_CLOCK_TIME_IS_VALID (own)) {
            gst_query_parse_latency (query, &live, &least, &most);
            gst_query_set_latency (query, live, least + own, GST_CLOCK_TIME_IS_VALID (most) ? most + own : most);
        }
    }
    return TRUE;
}

static gboolean gst_conv_relu_src_event (GstBaseTransform *base, GstEvent *event)
{
    GstConvRelu *self = GST_CONV_RELU (base);
    if (GST_EVENT_TYPE (event) == GST_EVENT_QOS) {
        GstQOSType type;
        gdouble proportion;
        GstClockTimeDiff jitter;
        GstClockTime timestamp;
        gst_event_parse_qos (event, &type, &proportion, &jitter, &timestamp);
        GST_OBJECT_LOCK (self);
        self->proportion = proportion;
        self->jitter = jitter;
        /* Running time; may come out before zero when the sink is far ahead. */
        self->earliest = jitter < 0 && timestamp < (GstClockTime)-jitter ? 0 : timestamp + jitter;
        GST_OBJECT_UNLOCK (self);
    }
    return GST_BASE_TRANSFORM_CLASS (gst_conv_relu_parent_class)->src_event (base, event);
}

static gboolean gst_conv_relu_sink_event (GstBaseTransform *base, GstEvent *event)
{
    GstConvRelu *self = GST_CONV_RELU (base);
    /* Another stream, or another place in this one. Both with the stream lock held. */
    if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP || GST_EVENT_TYPE (event) == GST_EVENT_STREAM_START) {
        GST_OBJECT_LOCK (self);
        self->earliest = GST_CLOCK_TIME_NONE;
        self->stats.last_frame = GST_CLOCK_TIME_NONE;
        GST_OBJECT_UNLOCK (self);
        forget_result (self);
    }
    return GST_BASE_TRANSFORM_CLASS (gst_conv_relu_parent_class)->sink_event (base, event);
}

/* ---- frames ---------------------------------------------------------------------------------------------------- */

/* Tells the application that quality was reduced for this frame. */
static void post_qos (GstConvRelu *self, GstBuffer *buffer, const struct moment *moment)
{
    GST_OBJECT_LOCK (self);
    gint64 jitter = self->jitter;
    gdouble proportion = self->proportion;
    guint64 processed = self->stats.inferred, skipped = self->stats.late;
    GST_OBJECT_UNLOCK (self);
    GstMessage *message = gst_message_new_qos (GST_OBJECT (self), FALSE, moment->running_time, moment->stream_time,
                                               GST_BUFFER_PTS (buffer), GST_BUFFER_DURATION (buffer));
    gst_message_set_qos_values (message, jitter, proportion, 1000000);
    gst_message_set_qos_stats (message, GST_FORMAT_BUFFERS, processed, skipped);
    gst_element_post_message (GST_ELEMENT (self), message);
}

/* Whether this frame passes with the last result, if there is one. Counts it. */
static gboolean skip_frame (GstConvRelu *self, GstBuffer *buffer, const struct moment *moment)
{
    gboolean gap = GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_GAP); /* nothing new in it: videorate's duplicates */
    gboolean interval = gap || (self->result.valid && self->since < self->active.inference_interval);
    gboolean late = FALSE;
    gboolean timed = GST_CLOCK_TIME_IS_VALID (self->inferred_at) && GST_CLOCK_TIME_IS_VALID (moment->running_time);
    gboolean again = timed && moment->running_time < self->inferred_at; /* running time has started again */
    gboolean blind =
        !self->result.valid || !timed || again || moment->running_time >= self->inferred_at + longest_blind;
    GST_OBJECT_LOCK (self);
    stats_frame (&self->stats, gst_util_get_timestamp ());
    if (again)
        self->earliest = GST_CLOCK_TIME_NONE;
    if (!interval && !blind && self->active.deadline == DEADLINE_SKIP)
        late = GST_CLOCK_TIME_IS_VALID (self->earliest) && moment->running_time <= self->earliest;
    self->stats.skipped += interval || late;
    self->stats.late += late;
    GST_OBJECT_UNLOCK (self);
    if (late)
        post_qos (self, buffer, moment);
    return interval || late;
}

/* Shows the frame to the network. FALSE: an error was posted. */
static gboolean infer (GstConvRelu *self, GstBuffer *buffer, const struct moment *moment)
{
    struct network *network = self->network;
    struct input_spec spec = frame_input_spec (model_input (network->model), &self->preparation);
    GError *error = NULL;
    GstClockTime start = gst_util_get_timestamp ();
    frame_reader_set (self->reader, &self->info, &spec, self->active.resize);
    if (!frame_reader_read (self->reader, buffer, network, &error)) {
        POST_ERROR (self, error);
        return FALSE;
    }
    GstClockTime converted = gst_util_get_timestamp ();
    plan_run (network->plan, network->input);
    GstClockTime end = gst_util_get_timestamp ();
    result_take (&self->result, network, &self->active, end - converted);
    self->since = 0;
    self->inferred_at = moment->running_time;

    GST_OBJECT_LOCK (self);
    stats_inferred (&self->stats, converted - start, end - converted);
    step_times_add (&self->step_times, network->plan);
    gboolean moved = stats_latency_moved (&self->stats);
    GST_OBJECT_UNLOCK (self);
    if (moved)
        gst_element_post_message (GST_ELEMENT (self), gst_message_new_latency (GST_OBJECT (self)));
    return TRUE;
}

/* Draws what the settings ask for. Without that, and where downstream draws, no pixel of the frame is touched. */
static void draw (GstConvRelu *self, GstBuffer *buffer)
{
    GstVideoFrame pixels;
    GstClockTime start = gst_util_get_timestamp ();
    GST_OBJECT_LOCK (self);
    const struct overlay_times times = { stats_fps (&self->stats), window_mean (&self->stats.convert),
                                         window_mean (&self->stats.inference), window_mean (&self->stats.overlay) };
    GST_OBJECT_UNLOCK (self);
    struct overlay_frame frame = {
        .appearance = &self->active.appearance,
        .network = self->network,
        .result = &self->result,
        .times = times,
        .width = GST_VIDEO_INFO_WIDTH (&self->info),
        .height = GST_VIDEO_INFO_HEIGHT (&self->info),
        .view = frame_reader_view (self->reader),
    };
    GstVideoOverlayComposition *composition = overlay_draw (self->overlay, &frame);
    if (composition && negotiate_attaches (GST_BASE_TRANSFORM (self))) {
        gst_buffer_add_video_overlay_composition_meta (buffer, composition);
    } else if (composition && mapping_write (&pixels, &self->info, buffer)) {
        if (!blend_composition (composition, &pixels))
            GST_WARNING_OBJECT (self, "cannot draw on %s frames", GST_VIDEO_INFO_NAME (&self->info));
        gst_video_frame_unmap (&pixels);
    }
    GstClockTime end = gst_util_get_timestamp ();
    GST_OBJECT_LOCK (self);
    stats_drawn (&self->stats, end - start);
    self->figure_count = overlay_figures (self->overlay, self->network, self->figures);
    GST_OBJECT_UNLOCK (self);
}

static GstFlowReturn gst_conv_relu_transform_ip (GstBaseTransform *base, GstBuffer *buffer)
{
    GstConvRelu *self = GST_CONV_RELU (base);
    struct moment moment = buffer_moment (&base->segment, buffer);
    if (GST_CLOCK_TIME_IS_VALID (moment.stream_time))
        gst_object_sync_values (GST_OBJECT (self), moment.stream_time);
    update_settings (self);
    follow_settings (self);
    follow_preparation (self);

    gboolean fresh = !skip_frame (self, buffer, &moment);
    if (fresh && !infer (self, buffer, &moment))
        return GST_FLOW_ERROR;
    if (!self->result.valid)
        return GST_FLOW_OK; /* a gap before the first picture */
    self->since++;
    result_attach (&self->result, self->network, buffer, GST_VIDEO_INFO_WIDTH (&self->info),
                   GST_VIDEO_INFO_HEIGHT (&self->info), fresh);
    if (self->active.appearance.overlay != OVERLAY_NONE)
        draw (self, buffer);
    if (self->active.post_messages)
        gst_element_post_message (
            GST_ELEMENT (self),
            gst_message_new_element (GST_OBJECT (self),
                                     result_message (&self->result, self->network, buffer, &base->segment, fresh)));
    return GST_FLOW_OK;
}

/* ---- class ----------------------------------------------------------------------------------------------------- */

static void gst_conv_relu_class_init (GstConvReluClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS (klass);
    GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
    GstBaseTransformClass *base_class = GST_BASE_TRANSFORM_CLASS (klass);

    GST_DEBUG_CATEGORY_INIT (convrelu_debug, "convrelu", 0, "convolutional networks on video");
    results_init ();

    object_class->finalize = gst_conv_relu_finalize;
    object_class->set_property = gst_conv_relu_set_property;
    object_class->get_property = gst_conv_relu_get_property;
    settings_install (object_class);

    gst_element_class_set_static_metadata (
        element_class, "Convolutional network", "Filter/Analyzer/Effect/Video",
        "Shows every frame to a convolutional network and attaches what it recognises", "The convrelu authors");
    gst_element_class_add_static_pad_template (element_class, &sink_template);
    gst_element_class_add_static_pad_template (element_class, &src_template);

    base_class->start = gst_conv_relu_start;
    base_class->stop = gst_conv_relu_stop;
    base_class->transform_caps = negotiate_transform_caps;
    base_class->fixate_caps = negotiate_fixate_caps;
    base_class->set_caps = gst_conv_relu_set_caps;
    base_class->query = gst_conv_relu_query;
    base_class->src_event = gst_conv_relu_src_event;
    base_class->sink_event = gst_conv_relu_sink_event;
    base_class->transform_ip = gst_conv_relu_transform_ip;
}
