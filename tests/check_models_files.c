/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_models_files.c: what lies beside a model: labels, .modelinfo, and the arrays of `convrelu run`. */
/* Tables leave out the fields that are zero. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#include "tests/check_models.h"

#include "models/file.h"
#include "models/labels.h"
#include "models/modelinfo.h"
#include "models/npy.h"

#include <errno.h>
#include <float.h>
#include <glib.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- labels -------------------------------------------------------------------------------------------------- */

/* The names joined by "|", or "error: ..." */
static const char *read_labels (const void *text, size_t size, char joined[4096])
{
    struct labels labels;
    struct error error = { "" };
    const char *path = scratch_path ("l.txt");
    joined[0] = 0;
    if (!write_file (path, text, size) || !labels_read (path, &labels, &error)) {
        snprintf (joined, 4096, "error: %s", error.text);
        return joined;
    }
    for (int i = 0; i < labels.count; i++) {
        size_t used = strlen (joined);
        snprintf (joined + used, 4096 - used, "%s%s", i ? "|" : "", labels.names[i]);
    }
    labels_clear (&labels);
    return joined;
}

static void check_label_texts (void)
{
    static const struct {
        const char *what, *text;
        size_t size;        /* 0: up to the zero byte */
        const char *wanted; /* "error: " and what must be said */
    } cases[] = {
        { "plain", "a\nb\nc\n", 0, "a|b|c" },
        { "no newline at the end", "a\nb", 0, "a|b" },
        { "CR LF", "a\r\nb\r\n", 0, "a|b" },
        { "byte order mark",
          "\xef\xbb\xbf"
          "a\nb\n",
          0, "a|b" },
        { "empty lines count", "a\n\nc\n", 0, "a||c" },
        { "empty lines at the end do not", "a\nb\n\n  \n\n", 0, "a|b" },
        { "blanks around", "  a b \t\n\tc\n", 0, "a b|c" },
        { "not UTF-8", "caf\xe9\n\xff\n", 0, "caf\xef\xbf\xbd|\xef\xbf\xbd" },
        { "cut in a character", "a\n\xe2\x82", 0, "a|\xef\xbf\xbd\xef\xbf\xbd" },
        { "a zero byte", "a\0b\nc\n", 6,
          "error: byte 1 of 6 is zero" }, /* a picture, a program, another encoding: no text */
        { "control characters", "a\033[31mb\nc\n", 0, "a\xef\xbf\xbd[31mb|c" },
        { "percent and markup", "%n%s\n<b>&\n", 0, "%n%s|<b>&" },
        { "own numbers", "0  background\n1  tench\n2: goldfish\n", 0, "background|tench|goldfish" },
        { "other numbers stay", "7 of 9\n8 of 9\n", 0, "7 of 9|8 of 9" },
        { "one number stays", "0 day\n", 0, "0 day" },
        { "WordNet ids", "n01440764 tench, Tinca tinca\nn01443537 goldfish\n", 0, "tench, Tinca tinca|goldfish" },
        { "empty", "", 0, "error: no labels" },
        { "only newlines", "\n\n\n", 0, "error: no labels" },
        { "UTF-16",
          "\xff\xfe"
          "a\0\n\0",
          6, "error: UTF-16" },
    };
    char joined[4096];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t size = cases[i].size ? cases[i].size : strlen (cases[i].text);
        read_labels (cases[i].text, size, joined);
        bool wrong = !strncmp (cases[i].wanted, "error: ", 7);
        bool said = !strncmp (joined, "error: ", 7) && strstr (joined, "l.txt") && strstr (joined, cases[i].wanted + 7);
        CHECK (wrong ? said : !strcmp (joined, cases[i].wanted), "%s: '%s'", cases[i].what, joined);
        CHECK (g_utf8_validate (joined, -1, NULL), "%s is UTF-8", cases[i].what);
    }
}

static void check_large_labels (void)
{
    char joined[4096];
    char *text = malloc ((17 << 20) + 1);
    memset (text, 'a', 17 << 20);
    read_labels (text, 1 << 20, joined);
    CHECK (strlen (joined) == 255, "a line of a megabyte is cut to %zu bytes", strlen (joined));
    memset (text, 0xff, 17 << 20);
    read_labels (text, 1 << 20, joined);
    CHECK (strlen (joined) == 255 && g_utf8_validate (joined, -1, NULL), "a megabyte of 0xff becomes %zu bytes",
           strlen (joined));
    for (int i = 0; i + 3 < 300; i += 3)
        memcpy (text + i, "\xe2\x82\xac", 3);
    read_labels (text, 300, joined);
    CHECK (strlen (joined) == 255 && g_utf8_validate (joined, -1, NULL), "euros cut to %zu bytes", strlen (joined));
    memset (text, '\n', 17 << 20);
    read_labels (text, 17 << 20, joined);
    CHECK (strstr (joined, "limit"), "17 MiB: '%s'", joined);
    for (int i = 0; i < 4 << 20; i += 2)
        text[i] = 'b';
    const char *path = scratch_path ("many.txt");
    struct labels labels;
    struct error error = { "" };
    bool good = write_file (path, text, 4 << 20) && labels_read (path, &labels, &error);
    if (CHECK (good, "two million lines: %s", error.text)) {
        CHECK (labels.count == 1 << 20, "of two million lines %d are kept", labels.count);
        labels_clear (&labels);
    }
    free (text);
}

static void check_metadata (void)
{
    static const struct {
        const char *what, *text, *wanted;
    } cases[] = {
        { "JSON list", "[\"a\", \"b \\\"c\\\"\"]", "a|b \"c\"" },
        { "Python dictionary", "{0: 'tench', 1: 'gold, fish', 3: \"it's\"}", "tench|gold, fish||it's" },
        { "JSON dictionary", "{\"1\": \"b\", \"0\": \"a\"}", "a|b" },
        { "lines", "a\nb\n", "a|b" },
        { "commas", "a, b,c", "a|b|c" },
        { "cut short", "{0: 'tench', 1: 'gold", "none" },
        { "huge class", "{99999999999: 'a', 0: 'b'}", "none" },
        { "nothing", "", "none" },
        { "numbers only", "[1, 2, 3]", "none" },
        { "names to numbers", "{'a': 0, 'b': 1}", "a|b" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char joined[512] = "none";
        struct labels labels;
        if (labels_from_metadata ("m.onnx", cases[i].text, &labels, NULL))
            joined[0] = 0;
        for (int k = 0; k < labels.count; k++) {
            size_t used = strlen (joined);
            snprintf (joined + used, sizeof joined - used, "%s%s", k ? "|" : "", labels.names[k]);
        }
        CHECK (!strcmp (joined, cases[i].wanted), "%s: '%s'", cases[i].what, joined);
        labels_clear (&labels);
    }
}

/* A list of so many lines for so many classes: what the classes 0, 1 and the last are called. */
static void check_fitting (void)
{
    static const struct {
        int lines, classes;
        bool background;
        const char *first, *second;
        int last;
    } cases[] = {
        { 1001, 1001, true, "background", "name 1", 1000 }, { 1001, 1000, true, "name 1", "name 2", 1000 },
        { 1000, 1001, false, "background", "name 0", 999 }, { 1000, 1000, false, "name 0", "name 1", 999 },
        { 1001, 1000, false, "name 0", "name 1", 1000 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        GString *text = g_string_new (NULL);
        for (int k = 0; k < cases[i].lines; k++) {
            if (k == 0 && cases[i].background)
                g_string_append (text, "background\n");
            else
                g_string_append_printf (text, "name %d\n", k);
        }
        const char *path = scratch_path ("fit.txt");
        struct labels labels;
        struct error error = { "" };
        char last[32];
        snprintf (last, sizeof last, "name %d", cases[i].last);
        if (CHECK (write_file (path, text->str, text->len) && labels_read (path, &labels, &error), "%s", error.text)) {
            labels_fit (&labels, cases[i].classes);
            CHECK (!strcmp (labels.names[0], cases[i].first) && !strcmp (labels.names[1], cases[i].second) &&
                       !strcmp (labels.names[labels.count - 1], last),
                   "%d lines for %d classes: %s, %s, ..., %s", cases[i].lines, cases[i].classes, labels.names[0],
                   labels.names[1], labels.names[labels.count - 1]);
            labels_clear (&labels);
        }
        g_string_free (text, TRUE);
    }
}

/* ---- a model with files beside it ---------------------------------------------------------------------------- */

/* Three classes, scores = mean of each channel. */
static const char *write_model (const char *file, const char *metadata)
{
    struct onnx o = onnx_new (13);
    const char *path = scratch_path (file);
    onnx_input (&o, "pixels", "1 3 4 4");
    onnx_node (&o, "GlobalAveragePool", "pixels", "mean", "");
    onnx_node (&o, "Flatten", "mean", "scores", "");
    onnx_output (&o, "scores", "1 3");
    onnx_finish (&o);
    if (metadata) {
        struct message entry = { 0 };
        put_text (&entry, 1, "names");
        put_text (&entry, 2, metadata);
        put_message (&o.file, 14, &entry);
    }
    CHECK (write_file (path, o.file.data, o.file.size), "%s: %s", path, strerror (errno));
    onnx_free (&o);
    return path;
}

static void expect_labels (const char *what, const char *path, const char *labels, const char *a, const char *b,
                           const char *c)
{
    struct error error = { "" };
    struct model *model = model_load (path, labels, &error);
    if (CHECK (model != NULL, "%s: %s", what, error.text))
        CHECK (!strcmp (model_label (model, 0), a) && !strcmp (model_label (model, 1), b) &&
                   !strcmp (model_label (model, 2), c),
               "%s: %s, %s, %s", what, model_label (model, 0), model_label (model, 1), model_label (model, 2));
    model_unref (model);
}

static void check_labels_beside (void)
{
    struct error error = { "" };
    const char *path = write_model ("net.onnx", NULL);
    expect_labels ("no labels", path, NULL, "class 0", "class 1", "class 2");
    path = write_model ("net.onnx", "{0: 'm0', 2: 'm2'}");
    expect_labels ("from the metadata", path, NULL, "m0", "class 1", "m2");
    CHECK (write_file (scratch_path ("labels.txt"), "f0\nf1\nf2\nf3\n", 12), "labels.txt");
    expect_labels ("from the folder", path, NULL, "f0", "f1", "f2");
    CHECK (write_file (scratch_path ("net.onnx.labels.txt"), "n0\n", 3), "net.onnx.labels.txt");
    expect_labels ("from beside the model, too few", path, NULL, "n0", "class 1", "class 2");
    CHECK (write_file (scratch_path ("own.txt"), "o0\no1\no2\n", 9), "own.txt");
    expect_labels ("named", path, scratch_path ("own.txt"), "o0", "o1", "o2");
    CHECK (!model_load (path, scratch_path ("none.txt"), &error) && strstr (error.text, "none.txt"), "missing: '%s'",
           error.text);
    error.text[0] = 0;
    CHECK (!model_load (path, scratch (), &error) && strstr (error.text, "folder"), "a folder: '%s'", error.text);
    error.text[0] = 0;
    const char *pipe = scratch_path ("pipe.txt");
    if (CHECK (mkfifo (pipe, 0600) == 0, "mkfifo: %s", strerror (errno)))
        CHECK (!model_load (path, pipe, &error) && strstr (error.text, "regular file"), "a pipe: '%s'", error.text);
    unlink (scratch_path ("net.onnx.labels.txt"));
    CHECK (mkfifo (scratch_path ("net.onnx.labels.txt"), 0600) == 0, "mkfifo: %s", strerror (errno));
    expect_labels ("a pipe beside the model is passed over", path, NULL, "f0", "f1", "f2");
    unlink (scratch_path ("net.onnx.labels.txt"));
    unlink (scratch_path ("labels.txt"));
}

/* What is said of net.onnx, three classes, with the file `name` of `text` beside it: one sentence with all of `words`,
 * or (NULL) none. */
static void expect_notice (const char *what, const char *metadata, const char *name, const char *text,
                           const char *const words[3])
{
    struct error error = { "" };
    const char *path = write_model ("net.onnx", metadata);
    if (name)
        CHECK (write_file (scratch_path (name), text, strlen (text)), "%s", name);
    struct model *model = model_load (path, NULL, &error);
    if (!CHECK (model != NULL, "%s: %s", what, error.text))
        return;
    CHECK (model_notices (model) == (words[0] != NULL), "%s: %d notices: %s", what, model_notices (model),
           model_notices (model) ? model_notice (model, 0) : "");
    for (int i = 0; i < 3 && words[i] && model_notices (model); i++)
        CHECK (strstr (model_notice (model, 0), words[i]), "%s: no '%s' in '%s'", what, words[i],
               model_notice (model, 0));
    model_unref (model);
    if (name)
        unlink (scratch_path (name));
}

static void check_notices (void)
{
    static const struct {
        const char *what, *metadata, *name, *text, *words[3];
    } cases[] = {
        { "as many names as classes", NULL, "labels.txt", "a\nb\nc\n", { NULL } },
        { "as many in the metadata", "['a', 'b', 'c']", NULL, NULL, { NULL } },
        { "no labels at all", NULL, NULL, NULL, { NULL } },
        { "too few", NULL, "labels.txt", "a\nb\n", { "/labels.txt: 2 names for 3 classes", "\"class 2\" and so on" } },
        { "one", NULL, "net.labels.txt", "a\n", { "/net.labels.txt: 1 name for 3 classes", "\"class 1\"" } },
        { "with a gap", NULL, "labels.txt", "{\"1\": \"b\"}", { "1 name for 3 classes", "\"class 0\"" } },
        { "too many", NULL, "labels.txt", "a\nb\nc\nd\ne\n", { "5 names", "for 3 classes", "from class 3 on" } },
        { "too few in the metadata", "['a', 'b']", NULL, NULL, { "/net.onnx: 2 names for 3 classes" } },
        { "a page",
          NULL,
          "labels.txt",
          "<!DOCTYPE html><p>404</p>\n",
          { "/labels.txt: is a web page", "passed over" } },
        { "damaged", NULL, "labels.txt", "{\"0\": \"a\",", { "/labels.txt: ", "passed over" } },
        { "damaged metadata", "{0: 'a',", NULL, NULL, { "/net.onnx: ", "metadata are passed over" } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_notice (cases[i].what, cases[i].metadata, cases[i].name, cases[i].text, cases[i].words);
}

/* Weights, biases, what a batch norm does and slopes that are none are counted, and the first layer of theirs named. */
static void check_not_finite (void)
{
    for (int kind = 0; kind < 5; kind++) {
        struct onnx o = onnx_new (13);
        struct error error = { "" };
        float weights[36], bias[4] = { 1, 2, 3, 4 }, scale[4] = { 1, 1, 1, 1 }, slope[4] = { 0 };
        fill (weights, 36, 5);
        weights[7] = kind == 1 ? (float)NAN : FLT_MAX;
        weights[35] = kind == 1 ? -INFINITY : FLT_MIN / 2;
        bias[3] = kind == 2 ? INFINITY : 0;
        scale[2] = kind == 3 ? (float)NAN : 1;
        slope[0] = kind == 4 ? INFINITY : 0;
        onnx_input (&o, "x", "1 1 8 8");
        onnx_floats (&o, "w", "4 1 3 3", weights);
        onnx_floats (&o, "b", "4", bias);
        onnx_floats (&o, "s", "4", scale);
        onnx_floats (&o, "ones", "4", (const float[]) { 1, 1, 1, 1 });
        onnx_floats (&o, "a", "4 1 1", slope);
        onnx_node (&o, "Conv", "x w b", "c", "");
        onnx_node (&o, "BatchNormalization", "c s b ones ones", "n", "");
        onnx_node (&o, "PRelu", "n a", "p", "");
        onnx_node (&o, "GlobalAveragePool", "p", "y", "");
        onnx_output (&o, "y", "1 4 1 1");
        struct model *model = load_onnx (scratch_path ("finite.onnx"), &o, &error);
        static const char *const says[] = { NULL, "2 of its weights are", "first in 'c'", "1 of its weights is",
                                            "first in 'p'" };
        const char *notice = model && model_notices (model) ? model_notice (model, 0) : "";
        CHECK (model && (says[kind] ? strstr (notice, says[kind]) != NULL : !*notice), "%d: '%s' %s", kind, notice,
               error.text);
        model_unref (model);
    }
}

static void check_references (void)
{
    struct error error = { "" };
    struct model *model = model_load (write_model ("net.onnx", NULL), NULL, &error);
    if (!CHECK (model != NULL, "%s", error.text))
        return;
    CHECK (model_ref (model) == model, "a second reference");
    model_unref (model);
    CHECK (model_classes (model) == 3 && !strcmp (model_label (model, 70000), "class 70000"), "label beyond all");
    const char *low = model_label (model, 0), *far = model_label (model, 70000);
    CHECK (!strcmp (low, "class 0") && !strcmp (far, "class 70000"), "%s, %s", low, far);
    CHECK (!model_input (model)->given && fabsf (model_input (model)->mean[0] - 123.675f) < 1e-3f, "ImageNet's mean %g",
           (double)model_input (model)->mean[0]);
    model_unref (model);
    model_unref (NULL);
    CHECK (model_ref (NULL) == NULL, "no model");
}

static void check_modelinfo (void)
{
    static const struct {
        const char *what, *text;
        bool good, given;
        float mean[3], std[3];
        enum channel_order order;
    } cases[] = {
        { "one range",
          "[modelinfo]\nversion=1.0\n[pixels]\ndir=input\nranges=-1.0,1.0\n",
          true,
          true,
          { 127.5f, 127.5f, 127.5f },
          { 127.5f, 127.5f, 127.5f },
          CHANNEL_ORDER_RGB },
        { "three ranges",
          "[pixels]\nranges=0,255;0,1;-1,1;\n",
          true,
          true,
          { 0, 0, 127.5f },
          { 1, 255, 127.5f },
          CHANNEL_ORDER_RGB },
        { "another name, the only input",
          "[other]\ndir=input\ntype=float32\nranges=0,1\n[out]\ndir=output\n",
          true,
          true,
          { 0, 0, 0 },
          { 255, 255, 255 },
          CHANNEL_ORDER_RGB },
        { "order",
          "[pixels]\nchannel-order=bgr\nranges=-104,151;-117,138;-123,132\n",
          true,
          true,
          { 104, 117, 123 },
          { 1, 1, 1 },
          CHANNEL_ORDER_BGR },
        { "unknown keys",
          "[pixels]\nfoo=bar\ndims=1,3,4,4\n[more]\nx=y\n",
          true,
          false,
          { 1, 2, 3 },
          { 4, 5, 6 },
          CHANNEL_ORDER_RGB },
        { "two inputs of other names",
          "[a]\ndir=input\nranges=0,1\n[b]\ndir=input\nranges=0,1\n",
          true,
          false,
          { 1, 2, 3 },
          { 4, 5, 6 },
          CHANNEL_ORDER_RGB },
        { "version 2", "[modelinfo]\nversion=2.0\n[pixels]\nranges=0,1\n", false, false, { 0 }, { 0 }, 0 },
        { "two ranges", "[pixels]\nranges=0,1;0,1\n", false, false, { 0 }, { 0 }, 0 },
        { "no numbers", "[pixels]\nranges=a,b\n", false, false, { 0 }, { 0 }, 0 },
        { "an empty range", "[pixels]\nranges=1,1\n", false, false, { 0 }, { 0 }, 0 },
        { "an infinite range", "[pixels]\nranges=0,inf\n", false, false, { 0 }, { 0 }, 0 },
        { "not a number", "[pixels]\nranges=nan,1\n", false, false, { 0 }, { 0 }, 0 },
        { "a tiny range", "[pixels]\nranges=0,1e-300\n", false, false, { 0 }, { 0 }, 0 },
        { "no order", "[pixels]\nchannel-order=grb\n", false, false, { 0 }, { 0 }, 0 },
        { "no key file", "this is no key file\n", false, false, { 0 }, { 0 }, 0 },
        { "bytes", "\xff\xfe\xfd\xfc\n[", false, false, { 0 }, { 0 }, 0 },
    };
    const char *path = scratch_path ("n.modelinfo");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct input_spec spec = { .channels = 3, .height = 4, .width = 4, .mean = { 1, 2, 3 }, .std = { 4, 5, 6 } };
        struct error error = { "" };
        struct notices notices = { .count = 0 };
        struct modelinfo *info = NULL;
        bool good = write_file (path, cases[i].text, strlen (cases[i].text)) && modelinfo_open (path, &info, &error) &&
                    modelinfo_apply (info, "pixels", &spec, &notices, &error);
        modelinfo_close (info);
        CHECK (good == cases[i].good && (good || strstr (error.text, "n.modelinfo")), "%s: %s", cases[i].what,
               error.text);
        for (int c = 0; good && c < 3; c++)
            CHECK (fabsf (spec.mean[c] - cases[i].mean[c]) < 1e-3f && fabsf (spec.std[c] - cases[i].std[c]) < 1e-3f,
                   "%s: channel %d: mean %g, std %g", cases[i].what, c, (double)spec.mean[c], (double)spec.std[c]);
        CHECK (!good || (spec.given == cases[i].given && spec.order == cases[i].order), "%s: given %d, order %d",
               cases[i].what, spec.given, spec.order);
    }
}

static void check_modelinfo_beside (void)
{
    static const char *const files[] = { "net.modelinfo", "net.onnx.modelinfo" };
    const char *path = write_model ("net.onnx", NULL);
    for (int i = 0; i < 2; i++) {
        struct error error = { "" };
        char text[64];
        snprintf (text, sizeof text, "[pixels]\nranges=0,%d\n", i + 1);
        CHECK (write_file (scratch_path (files[i]), text, strlen (text)), "%s", files[i]);
        struct model *model = model_load (path, NULL, &error);
        if (CHECK (model != NULL, "%s", error.text))
            CHECK (model_input (model)->given && fabsf (model_input (model)->std[1] - 255.0f / (float)(i + 1)) < 1e-3f,
                   "%s: std %g", files[i], (double)model_input (model)->std[1]);
        model_unref (model);
    }
    struct error error = { "" };
    CHECK (write_file (scratch_path (files[1]), "[pixels]\nranges=?\n", 18), "%s", files[1]);
    CHECK (!model_load (path, NULL, &error) && strstr (error.text, files[1]), "a wrong one: '%s'", error.text);
    for (int i = 0; i < 2; i++)
        unlink (scratch_path (files[i]));
}

/* ---- arrays -------------------------------------------------------------------------------------------------- */

/* A file of this version and header, with so many floats 0, 1, 2, ... behind it. */
static void write_array (const char *path, int version, const char *header, int floats)
{
    struct message file = { 0 };
    uint8_t start[12] = { 0x93, 'N', 'U', 'M', 'P', 'Y', (uint8_t)version, 0, (uint8_t)strlen (header) };
    put_bytes (&file, start, version == 1 ? 10 : 12);
    put_bytes (&file, header, strlen (header));
    for (int i = 0; i < floats; i++) {
        float number = (float)i;
        put_bytes (&file, &number, sizeof number);
    }
    CHECK (write_file (path, file.data, file.size), "%s: %s", path, strerror (errno));
    free (file.data);
}

static void check_arrays (void)
{
    static const struct {
        const char *what;
        int version;
        const char *header;
        int floats, rank; /* rank -1: refused */
        int64_t shape[4];
    } cases[] = {
        { "usual", 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 3), }   \n", 6, 3, { 1, 2, 3 } },
        { "version 2", 2, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n", 2, 1, { 2 } },
        { "another order", 1, "{'shape': (2, 1), 'fortran_order': False, 'descr': '<f4'}\n", 2, 2, { 2, 1 } },
        { "a number", 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (), }\n", 1, 0, { 0 } },
        { "nothing", 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3), }\n", 0, 2, { 0, 3 } },
        { "version 3", 3, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n", 2, -1, { 0 } },
        { "doubles", 1, "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }\n", 2, -1, { 0 } },
        { "big-endian", 1, "{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }\n", 2, -1, { 0 } },
        { "Fortran order", 1, "{'descr': '<f4', 'fortran_order': True, 'shape': (2,), }\n", 2, -1, { 0 } },
        { "too few numbers", 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }\n", 2, -1, { 0 } },
        { "too many numbers", 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }\n", 2, -1, { 0 } },
        { "a negative size", 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }\n", 2, -1, { 0 } },
        { "2^64 numbers",
          1,
          "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }\n",
          0,
          -1,
          { 0 } },
        { "2^70", 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1180591620717411303424,), }\n", 0, -1, { 0 } },
        { "nine axes",
          1,
          "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1, 1, 1, 1, 1, 1, 1), }\n",
          1,
          -1,
          { 0 } },
        { "no shape", 1, "{'descr': '<f4', 'fortran_order': False, }\n", 0, -1, { 0 } },
        { "two shapes", 1, "{'descr': '<f4', 'shape': (2,), 'fortran_order': False, 'shape': (1,), }\n", 2, -1, { 0 } },
        { "something more", 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1, }\n", 2, -1, { 0 } },
        { "no dictionary", 1, "hello\n", 2, -1, { 0 } },
        { "unfinished", 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,", 2, -1, { 0 } },
    };
    const char *path = scratch_path ("a.npy");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct npy array;
        struct error error = { "" };
        write_array (path, cases[i].version, cases[i].header, cases[i].floats);
        bool good = npy_read (path, &array, &error);
        CHECK (good == (cases[i].rank >= 0) && (good || strstr (error.text, "a.npy")), "%s: %s", cases[i].what,
               error.text);
        CHECK (!good || (array.rank == cases[i].rank && array.count == (size_t)cases[i].floats &&
                         !memcmp (array.shape, cases[i].shape, (size_t)array.rank * sizeof array.shape[0])),
               "%s: %d axes, %zu numbers", cases[i].what, array.rank, array.count);
        CHECK (!good || array.count == 0 || array.data[array.count - 1] == (float)(array.count - 1), "%s: last number",
               cases[i].what);
        npy_clear (&array);
    }
}

static void check_array_round_trip (void)
{
    float numbers[24];
    const int64_t shape[4] = { 1, 2, 3, 4 };
    const char *path = scratch_path ("round.npy");
    struct npy array;
    struct error error = { "" };
    fill (numbers, 24, 51);
    for (int rank = 1; rank <= 4; rank++) {
        size_t count = 1;
        for (int i = 0; i < rank; i++)
            count *= (size_t)shape[i];
        bool good = npy_write (path, numbers, rank, shape, &error) && npy_read (path, &array, &error);
        if (CHECK (good, "%s", error.text)) {
            CHECK (array.rank == rank && array.count == count && !memcmp (array.data, numbers, count * sizeof (float)),
                   "%d axes come back", rank);
            npy_clear (&array);
        }
        size_t size;
        char *bytes = slurp (path, &size);
        CHECK (bytes && (size - count * 4) % 64 == 0 && bytes[size - count * 4 - 1] == '\n', "the header of %d axes",
               rank);
        for (size_t cut = 0; bytes && cut < size; cut++) {
            struct error reason = { "" };
            bool accepted = write_file (path, bytes, cut) && npy_read (path, &array, &reason);
            CHECK (!accepted && strstr (reason.text, "round.npy"), "cut after %zu bytes: '%s'", cut, reason.text);
            npy_clear (&array);
        }
        free (bytes);
    }
    CHECK (!npy_write (scratch (), numbers, 1, shape, &error) && error.text[0], "writing to a folder");
}

/* What a program may ask before it takes a file. */
static void check_readable (void)
{
    struct error error = { "" };
    const char *path = scratch_path ("readable");
    CHECK (!file_can_be_read (path, &error) && strstr (error.text, "readable: cannot be opened"), "'%s'", error.text);
    error.text[0] = 0;
    CHECK (!file_can_be_read (scratch (), &error) && strstr (error.text, "is a folder"), "'%s'", error.text);
    CHECK (write_file (path, "x", 1) && file_can_be_read (path, &error), "'%s'", error.text);
}

void check_side_files (void)
{
    check_group ("labels");
    check_label_texts ();
    check_large_labels ();
    check_metadata ();
    check_fitting ();
    check_labels_beside ();
    check_notices ();
    check_not_finite ();
    check_references ();
    check_readable ();
    check_group ("modelinfo");
    check_modelinfo ();
    check_modelinfo_beside ();
    check_group ("arrays");
    check_arrays ();
    check_array_round_trip ();
}
