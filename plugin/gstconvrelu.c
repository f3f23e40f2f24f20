/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-convrelu
 * @title: convrelu
 * @short_description: Runs a convolutional network on every frame of a video
 *
 * convrelu shows every video frame to a convolutional network (ResNet and its relatives, in an ONNX or safetensors
 * file) and says what the network sees: as classification metadata on the buffer and as an element message on the bus.
 * It runs on the CPU. Frames of any raw format and size pass unchanged, unless #GstConvRelu:overlay asks for a drawing.
 *
 * ## In step or beside the stream
 *
 * In step (#GstConvRelu:async FALSE) the network runs on the streaming thread, and each result goes with its own frame.
 * A network that takes longer than a frame lasts is let run only when there is time (#GstConvRelu:deadline); the others
 * pass with the last result, marked as not fresh. For that to work there must be a queue behind the element: without
 * one the sink's wait for the time of each frame takes the same thread. Then, and behind a source or a leaky queue that
 * drops what it cannot hand on, the network runs in slices, over several frames. Where no sink keeps to the clock
 * (sync=false) every frame is analysed, but those that a sink has reported late. Buffers with the flag GAP, as the
 * duplicates that videorate makes, always pass.
 *
 * Beside the stream (#GstConvRelu:async TRUE) the network has a thread of its own and always takes the newest frame.
 * Frames never wait, no latency is added, and each carries the newest result there is. This is for live video.
 *
 * ## Drawing
 *
 * #GstConvRelu:overlay shows, on the frame, the best classes, the feature maps inside the network
 * (#GstConvRelu:layers, #GstConvRelu:stage), where in the picture the best class is seen, and times. Where downstream
 * draws #GstVideoOverlayComposition itself, as most GL sinks do, it is handed on as a meta; else it is blended into the
 * frame. Everything can be changed while playing; what needs another plan shows as soon as that is ready.
 *
 * While something is drawn, and with #GstConvRelu:interactive, clicks and keys of the window that shows the stream
 * (GstNavigation events) choose what is drawn; h draws all the keys. Each sets a property.
 *
 * ## Metadata
 *
 * On every frame that carries a result, a #GstCustomMeta `convrelu`, whose structure has a #GstStructure for each
 * element that the frame went through, by the element's name. Besides, from GStreamer 1.24 on, a #GstAnalyticsClsMtd
 * (its number is `mtd-id`, uint); before that, a #GstVideoRegionOfInterestMeta of type `classification` with one
 * structure for each class, as readers of Intel DL Streamer expect them.
 *
 * With #GstConvRelu:regions the classes are those of parts of the frame that other elements have marked, and lie there:
 * as parameters of their #GstVideoRegionOfInterestMeta, or as a #GstAnalyticsClsMtd that their #GstAnalyticsODMtd
 * contains; the #GstCustomMeta has an array `regions`, and each region a message with `x`, `y`, `width`, `height`.
 *
 * ## Messages
 *
 * With #GstConvRelu:post-messages an element message named `convrelu` for every frame that the network has seen, and
 * with #GstConvRelu:repeat-messages for those between: its times, the arrays `labels`, `class-ids` and `scores`, best
 * first, `fresh`, and `element`; none while #GstConvRelu:max-unread-messages wait unread.
 *
 * `convrelu-event` says once that a class of #GstConvRelu:trigger-classes has begun to be seen, or that this has ended;
 * `convrelu-model` which network has begun to run. docs/element.md has all their fields, and those of the metadata.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 -m filesrc location=parrot.jpg ! decodebin ! convrelu model-file=resnet18.onnx ! fakesink
 * ]| What a photograph shows, printed as messages.
 * |[
 * gst-launch-1.0 -m v4l2src ! videoconvert ! convrelu async=true model-file=squeezenet.onnx channel-order=bgr mean="<104,117,123>" std="<1>" top-k=1 ! videoconvert ! autovideosink
 * ]| A camera, with a network that wants blue first, 104, 117 and 123 subtracted, and no division.
 * |[
 * gst-launch-1.0 v4l2src ! videoconvert ! convrelu async=true overlay=labels+feature-maps ! videoconvert ! autovideosink
 * ]| What a camera sees, what the network calls it, and 16 maps each of an early, a middle and a late layer.
 * |[
 * gst-launch-1.0 v4l2src ! videoconvert ! convrelu async=true overlay=feature-maps layers=early stage=both placement=full ! videoconvert ! autovideosink
 * ]| The first layer before and after its activation: what is blue on the left, below zero, is gone on the right. Add
 * `activation=gelu` to see what another function keeps of it.
 * |[
 * gst-launch-1.0 filesrc location=clip.mp4 ! decodebin ! videoconvert ! convrelu model-file=resnet50.onnx overlay=labels+class-activation+stats ! videoconvert ! autovideosink
 * ]| Where in the picture the best class is seen, and how long it all takes.
 *
 * |[
 * gst-launch-1.0 v4l2src ! videoconvert ! tee name=t ! queue ! compositor name=both sink_1::xpos=640 ! videoconvert ! autovideosink t. ! queue ! convrelu async=true overlay=feature-maps+network placement=full ! both.
 * ]| The drawing beside the video and not on it: frames are changed in place and stay as large as they are, so that two
 * pictures side by side are compositor's work (here for a camera of 640 pixels a row).
 *
 * Since: 0.1
 */

/* gstconvrelu.c: the element: properties, state, negotiation, queries and events, and the order of work on a frame.
 *
 *   a frame --- async=false: pace.h says whether there is time --- inference.h, here --------+
 *          \--- async=true: newest result so far --- async.h, whose thread has the inference -+- results.h, blend.h
 *
 * Locking. The object lock guards `shared`, the first part of `time`, `enough`, `told`, `no_thread` and the pointers
 * `async` and `starting`, and is held only to copy them; nothing is posted, loaded or computed under it. All else is
 * the streaming thread's (and that of start and stop, which never run beside it; the inference is first that of
 * starting.h). Setters only store; whoever has the inference copies and applies before the next frame. */
#include "plugin/gstconvrelu.h"

#include <fenv.h>
#include <gst/video/video.h>
#include <string.h>

#include "plugin/async.h"
#include "plugin/inference.h"
#include "plugin/log.h"
#include "plugin/messages.h"
#include "plugin/negotiate.h"
#include "plugin/pace.h"
#include "plugin/pipeline_time.h"
#include "plugin/pointing.h"
#include "plugin/region_results.h"
#include "plugin/regions.h"
#include "plugin/results.h"
#include "plugin/settings.h"
#include "plugin/shared.h"
#include "plugin/starting.h"
#include "plugin/triggers.h"

GST_DEBUG_CATEGORY (convrelu_debug);

struct _GstConvRelu {
    GstBaseTransform parent;

    /* under the object lock */
    struct shared shared;
    struct pipeline_time time; /* part of it */
    GstClockTime enough;       /* latency that is asked for at most, or NONE */
    GstClockTime told;         /* latency of its own that the last LATENCY message was about */
    struct async *async;       /* NULL: in step */
    struct starting *starting; /* never NULL between start and stop */
    gboolean no_thread;        /* there was none for async=true, and a warning has said so */

    /* the streaming thread's */
    struct inference *inference; /* while there is `async`: of its thread */
    struct messages *messages;
    struct pointing *pointing;
    struct triggers *triggers;
    struct settings settings; /* the copy being acted on */
    guint serial;
    GstVideoInfo info;
    struct pace pace;
    guint since;            /* frames since the last one that went to the network, that one counted */
    struct outcome outcome; /* of `async`, the newest */
    struct result together; /* of all regions, for the triggers */
};

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS (NEGOTIATE_CAPS));
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS (NEGOTIATE_CAPS));

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
    shared_init (&self->shared, GST_ELEMENT (self));
    settings_init (&self->settings);
    self->messages = messages_new ();
    self->triggers = triggers_new ();
    self->pointing = pointing_new (GST_ELEMENT (self), &self->shared);
    self->inference = inference_new (GST_ELEMENT (self), &self->shared, self->messages);
    pipeline_time_init (&self->time, GST_ELEMENT (self));
    self->enough = GST_CLOCK_TIME_NONE;
    pace_reset (&self->pace);
    gst_video_info_init (&self->info);
}

static void gst_conv_relu_finalize (GObject *object)
{
    GstConvRelu *self = GST_CONV_RELU (object);
    inference_free (self->inference);
    messages_free (self->messages);
    pointing_free (self->pointing);
    triggers_free (self->triggers);
    result_clear (&self->together);
    settings_clear (&self->settings);
    shared_clear (&self->shared);
    G_OBJECT_CLASS (gst_conv_relu_parent_class)->finalize (object);
}

/* Whether the properties ask for a drawing by now; any thread. */
static gboolean is_drawing (GstConvRelu *self)
{
    GST_OBJECT_LOCK (self);
    gboolean drawing = self->shared.settings.appearance.overlay != OVERLAY_NONE;
    GST_OBJECT_UNLOCK (self);
    return drawing;
}

static void gst_conv_relu_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
    GstConvRelu *self = GST_CONV_RELU (object);
    gboolean before = is_drawing (self);
    if (!shared_set (&self->shared, id, value))
        G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    if (is_drawing (self) != before)
        gst_base_transform_reconfigure_src (GST_BASE_TRANSFORM (self)); /* a mark: the next frame's caps may change */
}

static void gst_conv_relu_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    GstConvRelu *self = GST_CONV_RELU (object);
    if (!shared_get (&self->shared, id, value))
        G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    else if (id == PROPERTY_STATS)
        gst_structure_set ((GstStructure *)g_value_get_boxed (value), "messages-dropped", G_TYPE_UINT64,
                           messages_dropped (self->messages), NULL);
}

/* ---- states ---------------------------------------------------------------------------------------------------- */

/* What has begun is over. */
static void end_triggers (GstConvRelu *self, const char *reason)
{
    triggers_end (self->triggers, self->messages, GST_ELEMENT (self), &self->settings, reason);
}

/* Another stream, or another place in this one: what was seen is of another picture. */
static void forget (GstConvRelu *self)
{
    end_triggers (self, "jump");
    triggers_again (self->triggers);
    pace_again (&self->pace);
    pipeline_time_forget (&self->time);
    self->since = 0;
    GST_OBJECT_LOCK (self);
    self->shared.stats.last_frame = GST_CLOCK_TIME_NONE;
    GST_OBJECT_UNLOCK (self);
    if (self->async)
        async_forget (self->async);
    else if (starting_over (self->starting))
        inference_forget (self->inference);
    outcome_clear (&self->outcome);
    result_clear (&self->together);
}

/* Ends or begins the thread beside the stream. */
static void set_async (GstConvRelu *self, struct async *async)
{
    GST_OBJECT_LOCK (self);
    struct async *before = self->async;
    self->async = async;
    GST_OBJECT_UNLOCK (self);
    async_free (before);
    outcome_clear (&self->outcome);
    self->outcome.serial = 0;
    self->since = 0;
}

/* As the property says by now. */
static void follow_async (GstConvRelu *self)
{
    if (self->settings.async == (self->async != NULL) || (self->settings.async && self->no_thread))
        return;
    GST_DEBUG_OBJECT (self, "the network runs %s", self->settings.async ? "beside the stream" : "in step");
    if (!self->settings.async) {
        set_async (self, NULL);
    } else {
        struct async *async = async_new (self->inference);
        set_async (self, async);
        GST_OBJECT_LOCK (self);
        self->no_thread = !async;
        GST_OBJECT_UNLOCK (self);
        if (!async)
            GST_ELEMENT_WARNING (self, RESOURCE, FAILED,
                                 ("No thread could be started for async=true: the network runs in step"), (NULL));
    }
}

static void set_starting (GstConvRelu *self, struct starting *starting)
{
    GST_OBJECT_LOCK (self);
    struct starting *before = self->starting;
    self->starting = starting;
    GST_OBJECT_UNLOCK (self);
    starting_free (before);
}

static gboolean gst_conv_relu_start (GstBaseTransform *base)
{
    GstConvRelu *self = GST_CONV_RELU (base);
    pace_reset (&self->pace);
    GST_OBJECT_LOCK (self);
    self->no_thread = FALSE;
    self->enough = GST_CLOCK_TIME_NONE;
    self->told = 0;
    GST_OBJECT_UNLOCK (self);
    forget (self);
    set_starting (self, starting_new (self->inference));
    return self->starting != NULL;
}

static gboolean gst_conv_relu_stop (GstBaseTransform *base)
{
    GstConvRelu *self = GST_CONV_RELU (base);
    end_triggers (self, "stop");
    set_async (self, NULL);
    set_starting (self, NULL);
    inference_stop (self->inference);
    pipeline_time_stop (&self->time);
    gst_video_info_init (&self->info);
    return TRUE;
}

static void set_flushing (GstConvRelu *self, gboolean flushing)
{
    GST_OBJECT_LOCK (self); /* keeps both alive; they take their own locks for a moment, and call nothing */
    if (self->async)
        async_flushing (self->async, flushing);
    if (self->starting)
        starting_flushing (self->starting, flushing);
    inference_hurry (self->inference, HURRY_FLUSH, flushing);
    GST_OBJECT_UNLOCK (self);
}

static GstStateChangeReturn gst_conv_relu_change_state (GstElement *element, GstStateChange change)
{
    if (change == GST_STATE_CHANGE_PAUSED_TO_READY) {
        set_flushing (GST_CONV_RELU (element), TRUE); /* nobody waits for the last frame */
        starting_stop (GST_CONV_RELU (element)->starting);
    }
    return GST_ELEMENT_CLASS (gst_conv_relu_parent_class)->change_state (element, change);
}

/* ---- negotiation, queries, events ------------------------------------------------------------------------------ */

static GstCaps *gst_conv_relu_fixate_caps (GstBaseTransform *base, GstPadDirection direction, GstCaps *caps,
                                           GstCaps *others)
{
    return negotiate_fixate_caps (base, direction, others, is_drawing (GST_CONV_RELU (base)));
}

static gboolean gst_conv_relu_set_caps (GstBaseTransform *base, GstCaps *in, GstCaps *out)
{
    GstConvRelu *self = GST_CONV_RELU (base);
    GstVideoInfo before = self->info;
    if (!gst_video_info_from_caps (&self->info, in)) {
        GST_ERROR_OBJECT (self, "cannot read the caps %" GST_PTR_FORMAT, in);
        return FALSE;
    }
    GST_DEBUG_OBJECT (self, "frames are %" GST_PTR_FORMAT ", handed on as %" GST_PTR_FORMAT, in, out);
    if (!gst_video_info_is_equal (&before, &self->info))
        forget (self); /* another picture may come; else only how it is drawn has changed */
    return TRUE;
}

/* Latency of its own, ns. With the object lock held. */
static GstClockTime own_latency (const GstConvRelu *self)
{
    GstClockTime own = MIN (self->shared.stats.latency, self->enough);
    gboolean beside = self->async || (self->shared.settings.async && !self->no_thread);
    return beside || !GST_CLOCK_TIME_IS_VALID (own) ? 0 : own; /* not valid: not measured yet */
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
        GstClockTime own = own_latency (self);
        GST_OBJECT_UNLOCK (self);
        gst_query_parse_latency (query, &live, &least, &most);
        gst_query_set_latency (query, live, least + own, GST_CLOCK_TIME_IS_VALID (most) ? most + own : most);
    }
    return TRUE;
}

static gboolean gst_conv_relu_src_event (GstBaseTransform *base, GstEvent *event)
{
    if (!pipeline_time_event (&GST_CONV_RELU (base)->time, event)) {
        gst_event_unref (event);
        return FALSE;
    }
    if (pointing_take (GST_CONV_RELU (base)->pointing, event)) {
        gst_event_unref (event);
        return TRUE;
    }
    return GST_BASE_TRANSFORM_CLASS (gst_conv_relu_parent_class)->src_event (base, event);
}

/* Says what comes of a run of which the last frame was not the one it was begun for. */
static void post_result (GstConvRelu *self, const struct result *result)
{
    struct carrier carrier = { .element = GST_ELEMENT (self), .moment = result->seen, .fresh = TRUE };
    messages_post_result (self->messages, &self->settings, result, &carrier);
    triggers_follow (self->triggers, self->messages, &self->settings, result, &carrier);
}

/* The last frame's result still comes. */
static void finish_stream (GstConvRelu *self)
{
    if (starting_wait (self->starting) != GST_FLOW_OK) /* where no frame has come, the end waits, for errors' sake */
        return;
    if (self->async) {
        async_drain (self->async);
        const struct result *result = &self->outcome.result;
        gboolean news = async_latest (self->async, &self->outcome);
        struct carrier carrier = { .element = GST_ELEMENT (self), .moment = self->outcome.seen, .fresh = TRUE };
        if (news && self->outcome.regions)
            result = region_results_last (self->outcome.regions, &carrier, &self->together);
        if (news && result->valid) {
            carrier.moment = result->seen;
            triggers_follow (self->triggers, self->messages, &self->settings, result, &carrier);
        }
    } else if (inference_begun (self->inference)) {
        inference_go_on (self->inference, GST_CLOCK_TIME_NONE);
        post_result (self, &self->inference->result);
    }
    end_triggers (self, "end-of-stream");
}

static gboolean gst_conv_relu_sink_event (GstBaseTransform *base, GstEvent *event)
{
    GstConvRelu *self = GST_CONV_RELU (base);
    gboolean again; /* running time starts */
    switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_FLUSH_START: /* from any thread */
        set_flushing (self, TRUE);
        break;
    case GST_EVENT_FLUSH_STOP: /* this and the others with the stream lock held */
        set_flushing (self, FALSE);
        forget (self);
        gst_event_parse_flush_stop (event, &again);
        if (again)
            pipeline_time_reset (&self->time);
        break;
    case GST_EVENT_STREAM_START:
        forget (self);
        break;
    case GST_EVENT_SEGMENT:
        triggers_again (self->triggers);
        break;
    case GST_EVENT_EOS:
        finish_stream (self);
        break;
    default:
        break;
    }
    return GST_BASE_TRANSFORM_CLASS (gst_conv_relu_parent_class)->sink_event (base, event);
}

/* ---- frames ---------------------------------------------------------------------------------------------------- */

/* Counts a frame that is late, and tells the application that quality was reduced for it. */
static void report_late (GstConvRelu *self, const struct moment *moment)
{
    GST_OBJECT_LOCK (self);
    guint64 processed = self->shared.stats.inferred, late = ++self->shared.stats.late;
    GST_OBJECT_UNLOCK (self);
    GstMessage *message = pipeline_time_message (&self->time, moment, processed, late);
    messages_post (self->messages, GST_ELEMENT (self), message, self->settings.max_unread_messages);
}

/* Tells the pipeline when it has to ask for the latency again. Where pace.h says that upstream drops what it cannot
 * hand on none is asked for: slices make do with what the others leave. */
static void tell_latency (GstConvRelu *self)
{
    gboolean loses = pace_loses (&self->pace);
    GST_OBJECT_LOCK (self);
    self->enough = loses ? 0 : GST_CLOCK_TIME_NONE;
    GstClockTime own = own_latency (self);
    gboolean moved = own != self->told;
    self->told = own;
    GST_OBJECT_UNLOCK (self);
    if (!moved)
        return;
    GST_DEBUG_OBJECT (self, "the latency is %" GST_TIME_FORMAT " now; upstream %s what it cannot hand on",
                      GST_TIME_ARGS (own), loses ? "drops" : "keeps");
    gst_element_post_message (GST_ELEMENT (self), gst_message_new_latency (GST_OBJECT (self)));
}

/* Whether inference-interval lets this frame pass, or it has no region that it is time for. */
static gboolean is_between (const GstConvRelu *self)
{
    const struct inference *inference = self->inference;
    return (inference->result.valid && self->since > 0 && self->since < self->settings.inference_interval) ||
           (regions_wanted (inference) && inference->regions->due->len == 0);
}

/* Whether this frame goes to the network, in step; *left as pace_choose. */
static enum pace_choice choose (GstConvRelu *self, const struct sight *sight, GstClockTime *left)
{
    const struct inference *inference = self->inference;
    const struct moment *moment = &sight->moment;
    gboolean gap = GST_BUFFER_FLAG_IS_SET (sight->buffer, GST_BUFFER_FLAG_GAP); /* videorate's duplicates */
    gboolean between = is_between (self);
    struct pace_frame frame = {
        .running_time = moment->running_time,
        .now = pipeline_time_now (&self->time, GST_BASE_TRANSFORM_SRC_PAD (self), moment->running_time),
        .period = frame_period (&GST_BASE_TRANSFORM (self)->segment, GST_VIDEO_INFO_FPS_N (&self->info),
                                GST_VIDEO_INFO_FPS_D (&self->info), moment),
        .need = inference_need (inference),
        .skips = self->settings.deadline == DEADLINE_SKIP,
        .has_result = inference->result.valid,
        .begun = inference_begun (inference),
    };
    if (pace_restarted (&self->pace, moment->running_time)) {
        pace_again (&self->pace);
        pipeline_time_forget (&self->time);
    }
    pipeline_time_fill (&self->time, &frame);
    if (!frame.begun && (gap || between || !gates_open (self->inference, sight))) {
        pace_passed (&self->pace, &frame);
        return PACE_PASS;
    }
    static const char *const words[] = { [PACE_RUN] = "run", [PACE_SLICE] = "slice", [PACE_PASS] = "pass" };
    enum pace_choice choice = pace_choose (&self->pace, &frame, left);
    GST_LOG_OBJECT (self, "frame at %" GST_TIME_FORMAT " now %" GST_TIME_FORMAT " needs %" GST_TIME_FORMAT ": %s",
                    GST_TIME_ARGS (frame.running_time), GST_TIME_ARGS (frame.now), GST_TIME_ARGS (frame.need),
                    words[choice]);
    if (choice == PACE_PASS)
        report_late (self, moment);
    return choice;
}

static struct carrier carry (GstConvRelu *self, const struct moment *moment, gboolean fresh)
{
    return (struct carrier) { .element = GST_ELEMENT (self),
                              .moment = *moment,
                              .width = (guint)GST_VIDEO_INFO_WIDTH (&self->info),
                              .height = (guint)GST_VIDEO_INFO_HEIGHT (&self->info),
                              .fresh = fresh };
}

/* The drawing of the last result, where one is asked for; the inference keeps the reference. */
static GstVideoOverlayComposition *drawing_of (GstConvRelu *self, const struct carrier *carrier)
{
    if (self->settings.appearance.overlay == OVERLAY_NONE || !self->inference->result.valid)
        return NULL;
    return inference_draw (self->inference, (int)carrier->width, (int)carrier->height);
}

/* A result and its drawing on the frame, and the messages. Of regions those of the run `fresh` are of this frame. */
static void hand_on (GstConvRelu *self, GstBuffer *buffer, const struct carrier *carrier, const struct outcome *outcome,
                     guint64 fresh)
{
    const struct result *result = &outcome->result;
    GArray *found, *memory = outcome->regions;
    if (memory) {
        found = region_results_find (buffer, carrier, &self->settings.regions, memory);
        region_results_attach (found, memory, fresh, buffer, carrier);
        region_results_post (found, memory, fresh, self->messages, &self->settings, carrier);
        region_results_together (found, memory, carrier, &self->together);
        g_array_unref (found);
    } else if (result->valid) { /* else nothing was seen yet */
        result_attach (result, buffer, carrier);
        messages_post_result (self->messages, &self->settings, result, carrier);
    }
    if (self->settings.appearance.overlay != OVERLAY_NONE && (memory || result->valid))
        negotiate_draw (GST_BASE_TRANSFORM (self), &self->info, outcome->composition, buffer);
    triggers_follow (self->triggers, self->messages, &self->settings, memory ? &self->together : result, carrier);
}

/* Of a frame in step. */
static void count_frame (GstConvRelu *self, gboolean ran)
{
    self->since = ran ? 1 : self->since + 1;
    GST_OBJECT_LOCK (self);
    self->shared.stats.skipped += !ran;
    GST_OBJECT_UNLOCK (self);
}

/* async=false, regions: the network runs over those that it is time for. */
static GstFlowReturn pass_regions_in_step (GstConvRelu *self, const struct sight *sight, GstClockTime start)
{
    struct inference *inference = self->inference;
    struct regions *regions = inference->regions;
    GstClockTime left;
    inference_give_up (inference); /* what has begun over a whole frame */
    regions_find (inference, sight);
    enum pace_choice choice = choose (self, sight, &left);
    gboolean runs = choice != PACE_PASS;
    if (runs && !regions_run (inference, sight, choice == PACE_RUN ? GST_CLOCK_TIME_NONE : start + left))
        return GST_FLOW_ERROR;
    count_frame (self, runs);
    struct carrier carrier = carry (self, &sight->moment, FALSE);
    GstClockTime drawing = gst_util_get_timestamp ();
    const struct outcome outcome = { .regions = regions->memory, .composition = drawing_of (self, &carrier) };
    hand_on (self, sight->buffer, &carrier, &outcome, regions->fresh ? regions->run : 0);
    if (outcome.composition)
        shared_drawn (&self->shared, gst_util_get_timestamp () - drawing);
    return GST_FLOW_OK;
}

/* async=false: the network runs here, when there is time. */
static GstFlowReturn pass_in_step (GstConvRelu *self, GstBuffer *buffer, const struct moment *moment)
{
    struct inference *inference = self->inference;
    const struct sight sight = { buffer, &self->info, *moment };
    GstClockTime left, start = gst_util_get_timestamp ();
    inference_follow (inference);
    if (regions_wanted (inference))
        return pass_regions_in_step (self, &sight, start);
    enum pace_choice choice = choose (self, &sight, &left);
    gboolean begins = choice != PACE_PASS && !inference_begun (inference), over = FALSE, next = FALSE;
    if (begins && !inference_begin (inference, &sight))
        return GST_FLOW_ERROR;
    if (choice != PACE_PASS)
        over = inference_go_on (inference, choice == PACE_RUN ? GST_CLOCK_TIME_NONE : start + left);
    struct carrier carrier = carry (self, moment, over && begins);
    GstClockTime drawing = gst_util_get_timestamp ();
    struct outcome outcome = { .composition = drawing_of (self, &carrier) };
    gboolean wanted = !is_between (self) && !GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_GAP);
    if (choice == PACE_SLICE && over && !begins && wanted && gst_util_get_timestamp () + GST_MSECOND < start + left &&
        gates_open (inference, &sight)) {
        next = inference_begin (inference, &sight); /* the rest of the time is for this frame, before it is drawn on */
        if (!next)
            return GST_FLOW_ERROR;
        pace_began (&self->pace, moment->running_time);
    }
    count_frame (self, begins || next);
    if (over && !begins) /* of an earlier frame than this one */
        post_result (self, &inference->result);
    outcome.result = inference->result; /* which keeps what is in it */
    hand_on (self, buffer, &carrier, &outcome, 0);
    if (outcome.composition && !next)
        shared_drawn (&self->shared, gst_util_get_timestamp () - drawing);
    if (next && inference_go_on (inference, start + left))
        post_result (self, &inference->result);
    return GST_FLOW_OK;
}

/* async=true: the frame goes on at once with the newest result there is. */
static GstFlowReturn pass_beside (GstConvRelu *self, GstBuffer *buffer, const struct moment *moment)
{
    const struct sight sight = { buffer, &self->info, *moment };
    gboolean between = self->since > 0 && self->since < self->settings.inference_interval;
    gboolean pass = between || GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_GAP);
    if (!pass && !async_submit (self->async, &sight))
        return GST_FLOW_ERROR;
    self->since = pass ? self->since + 1 : 1;
    async_latest (self->async, &self->outcome);
    struct carrier carrier = carry (self, moment, FALSE);
    struct outcome newest = self->outcome; /* no new references */
    gboolean whole = self->settings.regions.source == REGIONS_FRAME;
    newest.regions = whole ? NULL : newest.regions;
    if (newest.regions || whole)
        hand_on (self, buffer, &carrier, &newest, 0);
    return GST_FLOW_OK;
}

static GstFlowReturn gst_conv_relu_transform_ip (GstBaseTransform *base, GstBuffer *buffer)
{
    GstConvRelu *self = GST_CONV_RELU (base);
    struct moment moment = buffer_moment (&base->segment, buffer);
    GstFlowReturn flow = starting_wait (self->starting);
    if (flow != GST_FLOW_OK)
        return flow;
    if (GST_CLOCK_TIME_IS_VALID (moment.stream_time))
        gst_object_sync_values (GST_OBJECT (self), moment.stream_time);
    shared_follow (&self->shared, &self->settings, &self->serial);
    follow_async (self);
    GST_OBJECT_LOCK (self);
    stats_frame (&self->shared.stats, gst_util_get_timestamp ());
    GST_OBJECT_UNLOCK (self);
    fenv_t host; /* who may round otherwise, or trap: the numbers here are the same everywhere */
    fegetenv (&host);
    fesetenv (FE_DFL_ENV);
    flow = self->async ? pass_beside (self, buffer, &moment) : pass_in_step (self, buffer, &moment);
    fesetenv (&host);
    tell_latency (self);
    return flow;
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

    element_class->change_state = gst_conv_relu_change_state;
    gst_element_class_set_static_metadata (
        element_class, "Convolutional network", "Filter/Analyzer/Effect/Video",
        "Shows every frame to a convolutional network and attaches what it recognises", "The convrelu authors");
    gst_element_class_add_static_pad_template (element_class, &sink_template);
    gst_element_class_add_static_pad_template (element_class, &src_template);

    base_class->start = gst_conv_relu_start;
    base_class->stop = gst_conv_relu_stop;
    base_class->transform_caps = negotiate_transform_caps;
    base_class->fixate_caps = gst_conv_relu_fixate_caps;
    base_class->set_caps = gst_conv_relu_set_caps;
    base_class->query = gst_conv_relu_query;
    base_class->src_event = gst_conv_relu_src_event;
    base_class->sink_event = gst_conv_relu_sink_event;
    base_class->transform_ip = gst_conv_relu_transform_ip;
}
