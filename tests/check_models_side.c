/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_models_side.c: files beside a model that nobody named: what a folder out of an archive may hold in their place;
 * names and labels that would not be shown as they are. */
#include "models/file.h"
#include "models/notices.h"
#include "tests/check_models.h"

#include <errno.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char secret[] = "secret0\nsecret1\nsecret2\n";

/* Three classes; "x" and "y" may bear other names. */
static const char *write_net (const char *name, const char *input, const char *output)
{
    struct onnx o = onnx_new (13);
    const char *path = scratch_path (name);
    char dims[16] = "1 3 2 2";
    onnx_input (&o, input, dims);
    onnx_node (&o, "GlobalAveragePool", input, output, "");
    onnx_output (&o, output, "1 3 1 1");
    onnx_finish (&o);
    CHECK (write_file (path, o.file.data, o.file.size), "%s", path);
    onnx_free (&o);
    return path;
}

/* The first label of the model there, and what is said of it; *said "" where nothing is. */
static void expect (const char *what, const char *path, const char *label, const char *said)
{
    struct error error = { "" };
    struct model *model = model_load (path, NULL, &error);
    if (!CHECK (model != NULL, "%s: %s", what, error.text))
        return;
    const char *notice = model_notices (model) ? model_notice (model, 0) : "";
    CHECK (!strcmp (model_label (model, 0), label), "%s: '%s'", what, model_label (model, 0));
    CHECK (*said ? strstr (notice, said) != NULL : !*notice, "%s: '%s'", what, notice);
    CHECK (!strstr (notice, "secret"), "%s: '%s'", what, notice);
    model_unref (model);
}

static void check_links (void)
{
    const char *model = write_net ("net.onnx", "x", "y"), *labels = scratch_path ("labels.txt");
    const char *outside = scratch_path ("outside"), *file = scratch_path ("outside/file");
    CHECK (!mkdir (outside, 0700) && write_file (file, secret, strlen (secret)), "%s", file);
    CHECK (!symlink (file, labels), "%s", labels);
    expect ("a link to another folder", model, "class 0", "link that leaves its folder");
    unlink (labels);
    CHECK (!symlink ("outside/file", labels), "%s", labels);
    expect ("a link into a folder within", model, "class 0", "link that leaves its folder");
    unlink (labels);
    CHECK (!link (file, labels), "%s", labels);
    expect ("a hard link", model, "class 0", "has 2 names");
    unlink (labels);
    CHECK (!symlink ("labels.txt", labels), "%s", labels);
    expect ("a link to itself", model, "class 0", "");
    unlink (labels);
    CHECK (write_file (scratch_path ("names"), "a\nb\nc\n", 6) && !symlink ("names", labels), "%s", labels);
    expect ("a link within the folder", model, "a", "");
    unlink (labels);
    unlink (scratch_path ("names"));
    struct error error = { "" };
    const char *info = scratch_path ("net.modelinfo");
    CHECK (write_file (file, "[x]\ndir=input\n", 14) && !symlink (file, info), "%s", info);
    CHECK (!model_load (model, NULL, &error) && strstr (error.text, "net.modelinfo: is a link that leaves"), "'%s'",
           error.text);
    unlink (info);
    unlink (file);
    rmdir (outside);
    unlink (model);
}

/* A name that only just fits: with ".labels.txt" behind it there can be no such file. */
static void check_long_names (void)
{
    char name[NAME_MAX + 1];
    memset (name, 'x', NAME_MAX);
    for (int length = NAME_MAX - 16; length <= NAME_MAX; length += 4) {
        strcpy (name + length - 5, ".onnx");
        const char *path = write_net (name, "x", "y");
        expect ("a long name", path, "class 0", "");
        unlink (path);
        memset (name, 'x', NAME_MAX);
    }
    struct error error = { "" };
    static char deep[PATH_MAX + 100];
    size_t size;
    memset (deep, 'd', sizeof deep - 1);
    deep[sizeof deep - 10] = '/';
    errno = 0;
    CHECK (!file_read_side (deep, 100, &size, &error) && errno == ENOENT, "%s: '%s'", strerror (errno), error.text);
}

static void check_hidden (void)
{
    static const struct {
        const char *text, *label;
    } cases[] = {
        { "cat\xe2\x80\xaegod\n", "cat\xef\xbf\xbdgod" }, /* right-to-left override */
        { "\xe2\x81\xa6x\xe2\x81\xa9\n", "\xef\xbf\xbdx\xef\xbf\xbd" },
        { "a\xc2\x9b m\n", "a\xef\xbf\xbd m" }, /* C1: a terminal's escape */
        { "a\x1b[2Jb\n", "a\xef\xbf\xbd[2Jb" },
        { "a\tb\n", "a b" },
        { "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d\n", "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d" }, /* Hebrew stays */
    };
    const char *model = write_net ("net.onnx", "x", "y");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[64];
        snprintf (text, sizeof text, "%sb\nc\n", cases[i].text);
        CHECK (write_file (scratch_path ("labels.txt"), text, strlen (text)), "labels.txt");
        expect ("what is not shown", model, cases[i].label, "");
    }
    unlink (scratch_path ("labels.txt"));
    unlink (model);
    static const char *const names[] = { "a\xe2\x80\xae", "a\x01", "a\xc2\x85" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct error error = { "" };
        model = write_net ("net.onnx", "x", names[i]);
        CHECK (!model_load (model, NULL, &error) && strstr (error.text, "holds control characters"), "'%s'",
               error.text);
        CHECK (!strstr (error.text, "\xe2\x80\xae") && !strstr (error.text, "\xc2\x85"), "'%s'", error.text);
        unlink (model);
    }
}

/* protobuf-c would see the name up to its zero byte only. */
static void check_zero_bytes (void)
{
    struct error error = { "" };
    const char *path = write_net ("net.onnx", "xAz", "y");
    size_t size;
    char *bytes = slurp (path, &size);
    int changed = 0;
    for (size_t i = 0; bytes && i + 3 <= size; i++) {
        if (memcmp (bytes + i, "xAz", 3))
            continue;
        bytes[i + 1] = 0;
        changed++;
    }
    CHECK (changed == 2 && write_file (path, bytes, size), "%d changed", changed);
    CHECK (!model_load (path, NULL, &error) && strstr (error.text, "has a zero byte in it"), "'%s'", error.text);
    free (bytes);
    unlink (path);
}

/* Where numbers are written with a comma, files are read as anywhere. */
static void check_comma (void)
{
    char command[512];
    const char *folder = scratch_path ("locales");
    snprintf (command, sizeof command, "mkdir -p %s && localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8 >%s/log 2>&1", folder,
              folder, folder);
    int code = system (command);
    setenv ("LOCPATH", folder, 1);
    if (code != 0 || !setlocale (LC_ALL, "de_DE.UTF-8") || strcmp (localeconv ()->decimal_point, ",")) {
        SKIP ("no locale with a decimal comma could be made");
    } else {
        struct error error = { "" };
        const char *path = write_net ("net.onnx", "x", "y"), *info = scratch_path ("net.modelinfo");
        static const char said[] = "[x]\ndir=input\nmean=0.25,0.5,0.75\nstd=0.125,0.25,0.5\n";
        CHECK (write_file (info, said, strlen (said)), "%s", info);
        static const char names[] = "{\"0\": \"a\", \"1\": \"b\", \"2\": \"c\"}";
        CHECK (write_file (scratch_path ("labels.txt"), names, strlen (names)), "labels.txt");
        struct model *model = model_load (path, NULL, &error);
        if (CHECK (model != NULL, "%s", error.text)) {
            const struct input_spec *spec = model_input (model);
            CHECK (fabsf (spec->mean[0] - 63.75f) < 0.01f && fabsf (spec->std[0] - 31.875f) < 0.01f, "mean %f, std %f",
                   (double)spec->mean[0], (double)spec->std[0]);
            CHECK (!strcmp (model_label (model, 1), "b"), "'%s'", model_label (model, 1));
        }
        model_unref (model);
        unlink (info);
        unlink (scratch_path ("labels.txt"));
        unlink (path);
    }
    setlocale (LC_ALL, "C");
    unsetenv ("LOCPATH");
    snprintf (command, sizeof command, "rm -r %s", folder);
    CHECK (system (command) == 0, "%s", command);
}

/* Each sentence once, and no more than there is room for; what must not be shown is replaced. */
static void check_notices (void)
{
    struct notices notices = { .count = 0 };
    notices_add (&notices, "%s\n%d", "a", 1);
    notices_add (&notices, "%s\n%d", "a", 1);
    CHECK (notices.count == 1 && !strcmp (notices.list[0].text, "a?1"), "%d, '%s'", notices.count,
           notices.list[0].text);
    for (int i = 0; i < 2 * NOTICES_MAX; i++)
        notices_add (&notices, "%d", i);
    CHECK (notices.count == NOTICES_MAX && !strcmp (notices.list[NOTICES_MAX - 1].text, "6"), "%d, the last '%s'",
           notices.count, notices.list[NOTICES_MAX - 1].text);
}

void check_side (void)
{
    check_group ("files nobody named");
    check_notices ();
    check_links ();
    check_long_names ();
    check_group ("what must not be shown");
    check_hidden ();
    check_zero_bytes ();
    check_group ("a decimal comma");
    check_comma ();
}
