/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_triggers.c: classes that an application waits for: the words of trigger-classes, when begin and end are posted
 * and how often, and which results are posted (message-on). Linked with the plugin's own objects; all time is the
 * frames' own. */
#include "element.h"
#include "plugin/overlay/channel_choice.h"
#include "plugin/triggers.h"
#include "tests/looker.h"

/* ---- words ----------------------------------------------------------------------------------------------------- */

static void check_words (void)
{
    static const struct {
        const char *words;
        int count, ids[4];
        bool remark;
    } tests[] = {
        { NULL, 0, { 0 }, false },
        { "", 0, { 0 }, false },
        { "red", 1, { 0 }, false },
        { " BLUE , 1 ", 2, { 2, 1 }, false },
        { "tabby, tabby cat", 1, { 3 }, false },
        { "red,tabby, tabby cat,1", 3, { 0, 3, 1 }, false },
        { "red,0,red", 1, { 0 }, false },
        { "purple", 0, { 0 }, true },
        { "purple,red", 1, { 0 }, true },
        { "tabby, tab", 1, { 3 }, true }, /* "tabby" is how the drawing shortens it */
        { "4", 0, { 0 }, true },
        { "-1", 0, { 0 }, true },
        { "99999999999999999999999999", 0, { 0 }, true },
        { ",,,,", 0, { 0 }, false },
        { ", red,", 1, { 0 }, false },
        { "\xff\xfe,red", 1, { 0 }, true },
    };
    static const char labels[] = "red\ngreen\nblue\ntabby, tabby cat\n";
    char path[64];
    struct error error;
    group ("the words of trigger-classes");
    in_folder (path, sizeof path, "commas.txt");
    write_file (path, labels, sizeof labels - 1);
    struct model *model = model_load (model_file, path, &error);
    if (!CHECK (model != NULL, "%s", error.text))
        return;
    struct network network = { .model = model, .names = class_names_new (model) };
    for (gsize i = 0; i < G_N_ELEMENTS (tests); i++) {
        char *remark = NULL;
        struct trigger_list list = trigger_list_read (&network, tests[i].words, &remark);
        bool same = (int)list.count == tests[i].count;
        for (int n = 0; same && n < tests[i].count; n++)
            same = list.ids[n] == tests[i].ids[n];
        CHECK (same && (remark != NULL) == tests[i].remark, "\"%s\": %d classes, the first %d; %s", tests[i].words,
               (int)list.count, list.ids[0], remark ? remark : "no remark");
        g_free (remark);
    }
    GString *many = g_string_new (NULL);
    for (int n = 0; n < 20000; n++)
        g_string_append (many, n % 2 ? "," : " red");
    char *remark = NULL;
    struct trigger_list list = trigger_list_read (&network, many->str, &remark);
    CHECK (list.count == 1 && !remark, "10,000 times the same: %d classes", (int)list.count);
    g_free (remark);
    g_string_free (many, TRUE);
    g_hash_table_unref (network.names);
    model_unref (model);
}

/* Words are read when they are others than before: not for every property that a controller moves. */
static void check_reading (void)
{
    static const int poison = 77;
    group ("when words are read");
    struct looker looker;
    if (!looker_start (&looker, GST_VIDEO_FORMAT_RGB))
        return;
    struct inference *inference = looker.inference;
    looker_set (&looker, PROPERTY_TRIGGER_CLASSES, "red");
    inference_follow (inference);
    CHECK (inference->triggers.count == 1 && inference->triggers.ids[0] == 0, "red is %d", inference->triggers.ids[0]);
    inference->triggers.ids[0] = poison;
    looker_set (&looker, PROPERTY_TRIGGER_CLASSES, "red");
    looker_set (&looker, PROPERTY_CHANNEL_SELECT, "first");
    inference_follow (inference);
    CHECK (inference->triggers.ids[0] == poison, "they are read though they are the same");
    listen_to (looker.bus);
    looker_set (&looker, PROPERTY_CLASS, "purple");
    inference_follow (inference);
    CHECK (inference->triggers.ids[0] == 0 && listen_to (looker.bus).warnings == 1, "class=purple is not read");
    looker_set (&looker, PROPERTY_CHANNEL_SELECT, "purple");
    inference_follow (inference);
    CHECK (listen_to (looker.bus).warnings == 1, "channel-select=purple is not read");
    looker_set (&looker, PROPERTY_CHANNEL_SELECT, "first");
    looker_set (&looker, PROPERTY_CLASS, NULL);
    looker_set (&looker, PROPERTY_TRIGGER_CLASSES, "purplered");
    inference_follow (inference);
    CHECK (inference->triggers.count == 0 && listen_to (looker.bus).warnings == 1, "purplered is not read");
    looker_set (&looker, PROPERTY_TRIGGER_CLASSES, "blue,0");
    inference_follow (inference);
    CHECK (inference->triggers.count == 2 && inference->triggers.ids[0] == 2, "blue is %d", inference->triggers.ids[0]);
    inference->triggers.count = 0;
    inference_stop (inference); /* another life has other networks */
    CHECK (inference_open (inference) && inference_start (inference) && inference->triggers.count == 2,
           "not read again after a start");
    looker_end (&looker);
}

/* Each class by its label, whole or short, in any case; of two with the same name the first. */
static void check_names (void)
{
    static const char labels[] = "Red\nred\n1\ncrane, bird\n";
    static const struct {
        const char *word;
        int id;
    } tests[] = { { "RED", 0 }, { "red", 0 },   { "1", 1 },  { "3", 3 },        { "Crane", 3 }, { "CRANE, Bird", 3 },
                  { "", -1 },   { "cran", -1 }, { "4", -1 }, { "class 0", -1 }, { "\xff", -1 } };
    char path[64];
    struct error error;
    group ("names of classes");
    in_folder (path, sizeof path, "names.txt");
    write_file (path, labels, sizeof labels - 1);
    struct model *model = model_load (model_file, path, &error);
    if (!CHECK (model != NULL, "%s", error.text))
        return;
    struct network network = { .model = model, .names = class_names_new (model) };
    for (gsize i = 0; i < G_N_ELEMENTS (tests); i++)
        CHECK (class_choice_named (&network, tests[i].word) == tests[i].id, "\"%s\" is %d", tests[i].word,
               class_choice_named (&network, tests[i].word));
    CHECK (g_hash_table_size (network.names) <= 2 * CLASSES, "%u names", g_hash_table_size (network.names));
    g_hash_table_unref (network.names);
    model_unref (model);
}

/* ---- events ---------------------------------------------------------------------------------------------------- */

struct event {
    gboolean begin;
    int id;
    double score;
    guint64 at, since, begun;
    char label[32], reason[32];
};

struct heard {
    int events, results, warnings;
    struct event event[16]; /* the first ones */
};

static void read_event (const GstStructure *said, struct event *event)
{
    const char *what = gst_structure_get_string (said, "event"), *label = gst_structure_get_string (said, "label");
    const char *reason = gst_structure_get_string (said, "reason");
    event->begin = g_strcmp0 (what, "begin") == 0;
    CHECK (event->begin || g_strcmp0 (what, "end") == 0, "event \"%s\"", what);
    event->begun = GST_CLOCK_TIME_NONE;
    CHECK (gst_structure_get_int (said, "class-id", &event->id) &&
               gst_structure_get_double (said, "score", &event->score) &&
               gst_structure_get_uint64 (said, "running-time", &event->at) &&
               gst_structure_get_uint64 (said, "since-running-time", &event->since) && label && reason &&
               gst_structure_has_field_typed (said, "timestamp", G_TYPE_UINT64) &&
               gst_structure_has_field_typed (said, "stream-time", G_TYPE_UINT64) &&
               gst_structure_has_field_typed (said, "element", G_TYPE_STRING),
           "a field is missing");
    CHECK (gst_structure_get_uint64 (said, "begin-running-time", &event->begun) == !event->begin, "of its begin");
    g_strlcpy (event->label, label ? label : "", sizeof event->label);
    g_strlcpy (event->reason, reason ? reason : "", sizeof event->reason);
}

static struct heard hear (struct rig *rig)
{
    struct heard heard = { .events = 0 };
    for (GstMessage *message; (message = gst_bus_pop (rig->bus)); gst_message_unref (message)) {
        heard.results += gst_message_has_name (message, "convrelu");
        heard.warnings += GST_MESSAGE_TYPE (message) == GST_MESSAGE_WARNING;
        if (gst_message_has_name (message, "convrelu-event") && heard.events++ < 16)
            read_event (gst_message_get_structure (message), &heard.event[heard.events - 1]);
    }
    return heard;
}

static unsigned colour; /* of the next frame */

static unsigned paint_colour (int x, int y, int width, int height)
{
    return colour;
}

/* Red scores 0.95, 0.47 and 0.02 on these: e^(4 x red / 255), divided by the sum of that of all three and 1. */
enum { RED = 0xff0000, REDDISH = 0x623131, BLUE = 0x0000ff };

static void pass (struct rig *rig, unsigned what, int n)
{
    colour = what;
    GstBuffer *frame = new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint_colour);
    GstFlowReturn flow = gst_harness_push (rig->h, n < 0 ? frame : timed (frame, n));
    CHECK (flow == GST_FLOW_OK, "frame %d: %s", n, gst_flow_get_name (flow));
    gst_clear_buffer (&(GstBuffer *) { gst_harness_try_pull (rig->h) });
}

static guint64 time_of (int n)
{
    return gst_util_uint64_scale (GST_SECOND, (guint64)n, 30);
}

static void check_begin_and_end (void)
{
    group ("begin and end, once each");
    struct rig rig = rig_new ("trigger-classes=red,blue trigger-on=0.8 trigger-off=0.3 repeat-messages=false");
    rig_caps (&rig, "RGB", 50, 40);
    for (int n = 0; n < 10; n++)
        pass (&rig, BLUE, n);
    struct heard heard = hear (&rig);
    CHECK (heard.events == 1 && heard.results == 10 && heard.event[0].begin && heard.event[0].id == 2 &&
               heard.event[0].at == 0 && heard.event[0].since == 0 && strcmp (heard.event[0].label, "blue") == 0 &&
               strcmp (heard.event[0].reason, "score") == 0 && heard.event[0].score > 0.9,
           "blue: %d events, %d results", heard.events, heard.results);
    for (int n = 10; n < 20; n++)
        pass (&rig, RED, n);
    heard = hear (&rig);
    CHECK (heard.events == 2 && heard.event[0].id == 0 && heard.event[0].begin && heard.event[1].id == 2 &&
               !heard.event[1].begin && heard.event[1].begun == 0 && heard.event[1].at == time_of (10),
           "from blue to red: %d events", heard.events);
    for (int n = 20; n < 30; n++)
        pass (&rig, REDDISH, n); /* between the two thresholds */
    CHECK (hear (&rig).events == 0, "between the thresholds");
    pass (&rig, BLUE, 30);
    heard = hear (&rig);
    CHECK (heard.events == 2 && !heard.event[0].begin && heard.event[0].id == 0 && heard.event[0].score < 0.1 &&
               heard.event[0].begun == time_of (10) && heard.event[1].id == 2 && heard.event[1].begin,
           "red ends: %d events", heard.events);
    pass (&rig, REDDISH, 31);
    heard = hear (&rig);
    CHECK (heard.events == 1 && !heard.event[0].begin && heard.event[0].id == 2, "not high enough to begin");
    g_object_set (rig.element, "trigger-off", 1.0, "trigger-on", 0.4, NULL); /* the lesser of the two ends it */
    pass (&rig, REDDISH, 32);
    pass (&rig, REDDISH, 33);
    heard = hear (&rig);
    CHECK (heard.events == 1 && heard.event[0].begin, "trigger-off above trigger-on: %d events", heard.events);
    gst_harness_push_event (rig.h, gst_event_new_eos ());
    heard = hear (&rig);
    CHECK (heard.events == 1 && !heard.event[0].begin && strcmp (heard.event[0].reason, "end-of-stream") == 0 &&
               heard.event[0].at == time_of (33),
           "the end of the stream: %d events", heard.events);
    gst_element_set_state (rig.element, GST_STATE_READY);
    CHECK (hear (&rig).events == 0, "it ends once more");
    rig_free (&rig);
}

/* Six frames are 200 ms. */
static void check_hold (const char *properties)
{
    group (properties);
    struct rig rig = rig_new (properties);
    rig_caps (&rig, "RGB", 50, 40);
    for (int n = 0; n < 40; n++) /* glimpses of red */
        pass (&rig, n % 8 < 5 ? RED : BLUE, n);
    CHECK (hear (&rig).events == 0, "glimpses are told");
    for (int n = 40; n < 60; n++)
        pass (&rig, RED, n);
    struct heard heard = hear (&rig);
    CHECK (heard.events == 1 && heard.event[0].begin && heard.event[0].since == time_of (40) &&
               heard.event[0].at == time_of (46),
           "%d events, at %" GST_TIME_FORMAT, heard.events, GST_TIME_ARGS (heard.event[0].at));
    for (int n = 60; n < 96; n++) /* gaps */
        pass (&rig, n % 8 < 5 ? BLUE : RED, n);
    CHECK (hear (&rig).events == 0, "gaps are told");
    for (int n = 96; n < 120; n++)
        pass (&rig, BLUE, n);
    heard = hear (&rig);
    CHECK (heard.events == 1 && !heard.event[0].begin && heard.event[0].begun == time_of (40) &&
               heard.event[0].since == time_of (96) && heard.event[0].at == time_of (102),
           "%d events, at %" GST_TIME_FORMAT, heard.events, GST_TIME_ARGS (heard.event[0].at));
    pass (&rig, RED, -1); /* no time to wait for */
    heard = hear (&rig);
    CHECK (heard.events == 1 && heard.event[0].begin, "a frame without a time: %d events", heard.events);
    rig_free (&rig);
}

/* The hold time passes although the network ran only once. */
static void check_hold_at_rest (const char *properties)
{
    group (properties);
    struct rig rig = rig_new (properties);
    rig_caps (&rig, "RGB", 50, 40);
    for (int n = 0; n < 10; n++)
        pass (&rig, RED, n);
    CHECK (stat_of (rig.element, "inferred") == 1, "%d runs", (int)stat_of (rig.element, "inferred"));
    struct heard heard = hear (&rig);
    CHECK (heard.events == 1 && heard.event[0].begin && heard.event[0].since == 0 && heard.event[0].at == time_of (6),
           "%d events", heard.events);
    rig_free (&rig);
}

static void check_reasons (void)
{
    group ("a jump, other classes, another network, the end");
    struct rig rig = rig_new ("trigger-classes=red");
    rig_caps (&rig, "RGB", 50, 40);
    pass (&rig, RED, 0);
    CHECK (hear (&rig).events == 1, "it does not begin");
    gst_harness_push_event (rig.h, gst_event_new_flush_start ());
    gst_harness_push_event (rig.h, gst_event_new_flush_stop (TRUE));
    GstSegment segment;
    gst_segment_init (&segment, GST_FORMAT_TIME);
    gst_harness_push_event (rig.h, gst_event_new_segment (&segment));
    struct heard heard = hear (&rig);
    CHECK (heard.events == 1 && !heard.event[0].begin && strcmp (heard.event[0].reason, "jump") == 0, "%d events",
           heard.events);
    pass (&rig, RED, 1);
    hear (&rig);
    g_object_set (rig.element, "trigger-classes", "blue", NULL);
    pass (&rig, RED, 2);
    heard = hear (&rig);
    CHECK (heard.events == 1 && !heard.event[0].begin && heard.event[0].id == 0 &&
               strcmp (heard.event[0].reason, "settings") == 0,
           "%d events", heard.events);
    g_object_set (rig.element, "trigger-classes", "red,violet", NULL);
    pass (&rig, RED, 3);
    heard = hear (&rig);
    CHECK (heard.events == 1 && heard.warnings == 1, "%d events, %d warnings of violet", heard.events, heard.warnings);
    g_object_set (rig.element, "trigger-hold", (guint64)0, "trigger-classes", NULL, NULL);
    pass (&rig, RED, 4);
    heard = hear (&rig);
    CHECK (heard.events == 1 && !heard.event[0].begin, "no classes: %d events", heard.events);
    g_object_set (rig.element, "trigger-classes", "0", NULL);
    pass (&rig, RED, 5);
    g_object_set (rig.element, "post-messages", FALSE, NULL);
    hear (&rig);
    pass (&rig, BLUE, 6);
    CHECK (hear (&rig).events == 0, "an event though messages are off");
    g_object_set (rig.element, "post-messages", TRUE, NULL);
    pass (&rig, RED, 7);
    hear (&rig);
    gst_element_set_bus (rig.element, rig.bus);
    gst_element_set_state (rig.element, GST_STATE_READY);
    heard = hear (&rig);
    CHECK (heard.events == 1 && !heard.event[0].begin && strcmp (heard.event[0].reason, "stop") == 0, "%d events",
           heard.events);
    rig_free (&rig);
}

/* Beside the stream each frame hands on what is known by then; at the end all is. */
static void check_beside (void)
{
    group ("beside the stream");
    struct rig rig = rig_new ("async=true trigger-classes=red,blue");
    rig_caps (&rig, "RGB", 50, 40);
    for (int n = 0; n < 20; n++)
        pass (&rig, RED, n);
    gst_harness_push_event (rig.h, gst_event_new_eos ());
    struct heard heard = hear (&rig);
    CHECK (heard.events == 2 && heard.event[0].begin && heard.event[0].id == 0 && !heard.event[1].begin &&
               heard.event[1].id == 0,
           "%d events", heard.events);
    rig_free (&rig);
}

/* The network ran on the first frame only: what ends with the stream ends with its last frame. */
static void check_last_frame (void)
{
    group ("beside the stream, at rest");
    struct rig rig = rig_new ("async=true still-threshold=2 trigger-classes=red trigger-hold=500000000");
    rig_caps (&rig, "RGB", 50, 40);
    pass (&rig, RED, 0);
    GstMessage *message;
    do
        message = gst_bus_timed_pop_filtered (rig.bus, 60 * GST_SECOND, GST_MESSAGE_ELEMENT);
    while (message && !gst_message_has_name (message, "convrelu") && (gst_message_unref (message), TRUE));
    CHECK (message != NULL, "no result");
    gst_clear_message (&message);
    for (int n = 1; n < 60; n++)
        pass (&rig, RED, n);
    gst_harness_push_event (rig.h, gst_event_new_eos ());
    struct heard heard = hear (&rig);
    CHECK (stat_of (rig.element, "inferred") == 1, "%d runs", (int)stat_of (rig.element, "inferred"));
    CHECK (heard.events == 2 && heard.event[0].begin && heard.event[0].at == time_of (15) &&
               heard.event[0].since == 0 && !heard.event[1].begin && heard.event[1].at == time_of (59) &&
               heard.event[1].since == time_of (59) && heard.event[1].begun == 0,
           "%d events, the last at %" GST_TIME_FORMAT, heard.events, GST_TIME_ARGS (heard.event[1].at));
    rig_free (&rig);
}

/* A result of red with that score, seen in and carried by the frame at that running time; the one event that comes of
 * it. */
static struct event follow_at (struct rig *rig, struct triggers *triggers, struct messages *messages,
                               struct result *result, float score, GstClockTime at)
{
    struct settings settings;
    struct carrier carrier = { .element = rig->element, .moment = { at, GST_CLOCK_TIME_NONE, at, at }, .fresh = TRUE };
    settings_init (&settings);
    result->triggers[0].score = score;
    result->seen = carrier.moment;
    triggers_follow (triggers, messages, &settings, result, &carrier);
    settings_clear (&settings);
    struct heard heard = hear (rig);
    CHECK (heard.events == 1, "%d events at %d", heard.events, (int)at);
    return heard.event[0];
}

/* Results of frames before the last one, as slices and threads give them. */
static void check_order (void)
{
    group ("results out of order");
    struct error error;
    struct rig rig = rig_new (NULL);
    struct triggers *triggers = triggers_new ();
    struct messages *messages = messages_new ();
    struct trigger_score red = { .id = 0 };
    struct result result = { .valid = TRUE, .triggers = &red, .trigger_count = 1 };
    result.model = model_load (model_file, labels_file, &error);
    hear (&rig);
    CHECK (follow_at (&rig, triggers, messages, &result, 0.9f, 100).at == 100, "the first frame");
    struct event event = follow_at (&rig, triggers, messages, &result, 0.1f, 50);
    CHECK (!event.begin && event.at == 100, "back from 100 to %d", (int)event.at);
    triggers_again (triggers);
    event = follow_at (&rig, triggers, messages, &result, 0.9f, 20);
    CHECK (event.begin && event.at == 20 && event.since == 20, "another segment: at %d", (int)event.at);
    triggers_free (triggers);
    messages_free (messages);
    model_unref (result.model);
    rig_free (&rig);
}

/* ---- which results --------------------------------------------------------------------------------------------- */

static void check_message_on (void)
{
    static const struct {
        const char *properties;
        int results;
    } tests[] = {
        { "repeat-messages=false", 5 },
        { "repeat-messages=true", 10 },
        { "repeat-messages=false message-on=fresh", 5 },
        { "repeat-messages=false message-on=every", 10 },
        { "repeat-messages=true message-on=change", 3 },
        { "message-on=event", 0 },
        { "message-on=every post-messages=false", 0 },
    };
    group ("message-on");
    for (gsize i = 0; i < G_N_ELEMENTS (tests); i++) {
        char *properties = g_strconcat ("inference-interval=2 trigger-classes=red ", tests[i].properties, NULL);
        struct rig rig = rig_new (properties);
        rig_caps (&rig, "RGB", 50, 40);
        for (int n = 0; n < 10; n++) /* looked at: red, red, blue, blue, red */
            pass (&rig, n / 4 % 2 ? BLUE : RED, n);
        struct heard heard = hear (&rig);
        int events = strstr (properties, "post-messages=false") ? 0 : 3;
        CHECK (heard.results == tests[i].results && heard.events == events, "%s: %d results, %d events", properties,
               heard.results, heard.events);
        rig_free (&rig);
        g_free (properties);
    }
}

/* A change that found no room on the bus is told with the next frame. */
static void check_full_bus (void)
{
    group ("a change that was dropped");
    struct rig rig = rig_new ("message-on=change max-unread-messages=1");
    rig_caps (&rig, "RGB", 50, 40);
    wait_until_loaded (rig.bus);
    pass (&rig, RED, 0);
    pass (&rig, BLUE, 1);
    CHECK (stat_of (rig.element, "messages-dropped") == 1 && hear (&rig).results == 1, "there was room");
    pass (&rig, BLUE, 2);
    CHECK (hear (&rig).results == 1, "it is never told");
    pass (&rig, BLUE, 3);
    CHECK (hear (&rig).results == 0, "it is told again");
    rig_free (&rig);
}

int main (int argc, char **argv)
{
    if (!start_tests (&argc, &argv))
        return EXIT_FAILURE;
    check_words ();
    check_reading ();
    check_names ();
    check_begin_and_end ();
    check_hold ("trigger-classes=red trigger-hold=200000000 repeat-messages=false");
    check_hold_at_rest ("trigger-classes=red trigger-hold=200000000 inference-interval=1000");
    check_hold_at_rest ("trigger-classes=red trigger-hold=200000000 still-threshold=3");
    check_reasons ();
    check_beside ();
    check_last_frame ();
    check_order ();
    check_message_on ();
    check_full_bus ();
    return end_tests ();
}
