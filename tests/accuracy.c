/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* accuracy.c: how many photographs the network names right, through the element itself: JPEG files are decoded, cut,
 * scaled and judged as frames of one live pipeline, and the element's messages are compared with the folders' names.
 *
 * usage: accuracy DATASET SPLIT LABELS [MODEL [PROPERTIES]]
 *   DATASET  a folder of pictures, one sub-folder for each class
 *   SPLIT    a text file, one "folder/picture.jpg" a line
 *   LABELS   a text file, one name of a class a line, in the byte order of the folders' names
 *   MODEL    the network; the bundled one when left out or -
 *   PROPERTIES  more of the element's, as gst-launch-1.0 takes them: "precision=int8 threads=1"
 * Environment: GST_PLUGIN_PATH, where libgstconvrelu.so lies. Prints top-1 and top-5; exit code 1 when something
 * failed.
 *
 *   this program -> appsrc (one JPEG file a buffer) ! jpegdec ! videoconvert ! convrelu ! fakesink
 *
 * The decoder works exactly (islow), as those do that networks are trained with; its default is a little faster. */
#include <gst/gst.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES_MAX = 4096 };

struct score {
    int pictures, top1, top5;
};

/* ---- lists ------------------------------------------------------------------------------------------------------ */

/* Lines of a text file without empty ones at the end, or NULL after saying why. */
static char **read_lines (const char *path)
{
    char *text = NULL;
    GError *error = NULL;
    if (!g_file_get_contents (path, &text, NULL, &error)) {
        g_printerr ("accuracy: %s\n", error->message);
        g_clear_error (&error);
        return NULL;
    }
    char **lines = g_strsplit (g_strchomp (text), "\n", -1);
    g_free (text);
    return lines;
}

static int by_bytes (const void *a, const void *b)
{
    return strcmp (*(const char *const *)a, *(const char *const *)b);
}

/* The names of the dataset's folders, sorted; *count how many. */
static char **read_folders (const char *dataset, size_t *count)
{
    GDir *dir = g_dir_open (dataset, 0, NULL);
    GPtrArray *names = g_ptr_array_new ();
    const char *name;
    while (dir && (name = g_dir_read_name (dir))) {
        char *path = g_build_filename (dataset, name, NULL);
        if (g_file_test (path, G_FILE_TEST_IS_DIR))
            g_ptr_array_add (names, g_strdup (name));
        g_free (path);
    }
    if (dir)
        g_dir_close (dir);
    qsort (names->pdata, names->len, sizeof *names->pdata, by_bytes);
    *count = names->len;
    g_ptr_array_add (names, NULL);
    return (char **)g_ptr_array_free (names, FALSE);
}

/* The class of "folder/picture.jpg", or -1. */
static int class_of (const char *picture, char **folders, size_t count)
{
    size_t length = strcspn (picture, "/");
    for (size_t i = 0; i < count; i++) {
        if (strlen (folders[i]) == length && !strncmp (picture, folders[i], length))
            return (int)i;
    }
    return -1;
}

/* ---- pipeline --------------------------------------------------------------------------------------------------- */

static GstElement *make_pipeline (const char *model, const char *properties)
{
    GError *error = NULL;
    char *line = g_strdup_printf ("appsrc name=from format=time caps=image/jpeg ! jpegdec idct-method=islow ! "
                                  "videoconvert ! convrelu name=judge top-k=5 %s ! fakesink sync=false",
                                  properties ? properties : "");
    GstElement *pipeline = gst_parse_launch (line, &error);
    g_free (line);
    if (error) {
        g_printerr ("accuracy: %s\n", error->message);
        g_clear_error (&error);
        return NULL;
    }
    GstElement *judge = gst_bin_get_by_name (GST_BIN (pipeline), "judge");
    g_object_set (judge, "model-file", model && strcmp (model, "-") != 0 ? model : NULL, NULL);
    gst_object_unref (judge);
    return pipeline;
}

static bool push (GstElement *from, const char *dataset, const char *picture, guint64 number)
{
    char *path = g_build_filename (dataset, picture, NULL), *bytes;
    gsize size;
    bool good = g_file_get_contents (path, &bytes, &size, NULL);
    GstFlowReturn flow = GST_FLOW_ERROR;
    if (good) {
        GstBuffer *buffer = gst_buffer_new_wrapped (bytes, size);
        GST_BUFFER_PTS (buffer) = number * GST_SECOND;
        GST_BUFFER_DURATION (buffer) = GST_SECOND;
        g_signal_emit_by_name (from, "push-buffer", buffer, &flow);
        gst_buffer_unref (buffer);
    } else {
        g_printerr ("accuracy: %s cannot be read\n", path);
    }
    g_free (path);
    return flow == GST_FLOW_OK;
}

/* Where class `wanted` is among the ids of the message, or -1. */
static int place_of (const GstStructure *said, int wanted)
{
    const GValue *ids = gst_structure_get_value (said, "class-ids");
    for (guint i = 0; ids && i < gst_value_array_get_size (ids); i++) {
        const GValue *id = gst_value_array_get_value (ids, i);
        GValue number = G_VALUE_INIT;
        g_value_init (&number, G_TYPE_INT);
        bool same = g_value_transform (id, &number) && g_value_get_int (&number) == wanted;
        g_value_unset (&number);
        if (same)
            return (int)i;
    }
    return -1;
}

/* Counts the pictures' verdicts until the end of the stream; wanted [count] has their classes. */
static bool count_verdicts (GstBus *bus, const int *wanted, guint64 count, struct score *score)
{
    for (;;) {
        GstMessage *message = gst_bus_timed_pop_filtered (bus, GST_CLOCK_TIME_NONE,
                                                          GST_MESSAGE_ELEMENT | GST_MESSAGE_ERROR | GST_MESSAGE_EOS);
        GstMessageType type = GST_MESSAGE_TYPE (message);
        const GstStructure *said = gst_message_get_structure (message);
        guint64 time;
        if (type == GST_MESSAGE_ELEMENT && gst_structure_has_name (said, "convrelu") &&
            gst_structure_get_uint64 (said, "timestamp", &time) && time / GST_SECOND < count) {
            int place = place_of (said, wanted[time / GST_SECOND]);
            score->pictures++;
            score->top1 += place == 0;
            score->top5 += place >= 0 && place < 5;
        } else if (type == GST_MESSAGE_ERROR) {
            GError *error = NULL;
            gst_message_parse_error (message, &error, NULL);
            g_printerr ("accuracy: %s\n", error->message);
            g_clear_error (&error);
        }
        gst_message_unref (message);
        if (type != GST_MESSAGE_ELEMENT)
            return type == GST_MESSAGE_EOS;
    }
}

/* network: the model and more properties, each or NULL. */
static bool run (const char *dataset, char **pictures, const int *wanted, guint64 count, const char *const network[2],
                 struct score *score)
{
    GstElement *pipeline = make_pipeline (network[0], network[1]);
    if (!pipeline)
        return false;
    GstElement *from = gst_bin_get_by_name (GST_BIN (pipeline), "from");
    GstBus *bus = gst_element_get_bus (pipeline);
    GstFlowReturn flow;
    gst_element_set_state (pipeline, GST_STATE_PLAYING);
    bool good = true;
    for (guint64 i = 0; good && i < count; i++) /* a few kB each: all of them may wait */
        good = push (from, dataset, pictures[i], i);
    g_signal_emit_by_name (from, "end-of-stream", &flow);
    good = count_verdicts (bus, wanted, count, score) && good;
    gst_element_set_state (pipeline, GST_STATE_NULL);
    gst_object_unref (bus);
    gst_object_unref (from);
    gst_object_unref (pipeline);
    return good;
}

/* ---- all of it -------------------------------------------------------------------------------------------------- */

static int measure (char **words, int word_count)
{
    size_t folder_count;
    char **pictures = read_lines (words[2]), **labels = read_lines (words[3]);
    char **folders = read_folders (words[1], &folder_count);
    guint64 count = pictures ? g_strv_length (pictures) : 0;
    int *wanted = g_new0 (int, count + 1);
    struct score score = { 0 };
    bool good = pictures && labels && count;
    if (good && g_strv_length (labels) != folder_count) {
        g_printerr ("accuracy: %u labels for %zu folders\n", g_strv_length (labels), folder_count);
        good = false;
    }
    for (guint64 i = 0; good && i < count; i++) {
        wanted[i] = class_of (pictures[i], folders, folder_count);
        good = wanted[i] >= 0;
        if (!good)
            g_printerr ("accuracy: there is no folder for %s\n", pictures[i]);
    }
    const char *const network[2] = { word_count > 4 ? words[4] : NULL, word_count > 5 ? words[5] : NULL };
    good = good && run (words[1], pictures, wanted, count, network, &score);
    if (score.pictures)
        g_print ("top-1 %.2f %%, top-5 %.2f %% of %d pictures (%" G_GUINT64_FORMAT " listed)\n",
                 100.0 * score.top1 / score.pictures, 100.0 * score.top5 / score.pictures, score.pictures, count);
    good = good && (guint64)score.pictures == count;
    g_free (wanted);
    g_strfreev (pictures);
    g_strfreev (labels);
    g_strfreev (folders);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main (int count, char **words)
{
    gst_init (&count, &words);
    if (count >= 4 && count <= 6)
        return measure (words, count);
    g_printerr ("usage: accuracy DATASET SPLIT LABELS [MODEL [PROPERTIES]]\n");
    return 2;
}
