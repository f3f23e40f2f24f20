/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_models_command.c: the command `convrelu` as a person or a script meets it: exit codes, what it prints where,
 * and that what it writes does not depend on threads.
 *
 * The command is the one built beside this program: ../models/convrelu from where it lies. */
#include "tests/check_models.h"

#include "models/npy.h"

#include <math.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORDS_MAX = 16 };

static char command[1024];

static bool find_command (void)
{
    ssize_t length = readlink ("/proc/self/exe", command, sizeof command - 32);
    if (length <= 0)
        return false;
    command[length] = 0;
    for (int i = 0; i < 2; i++) {
        char *slash = strrchr (command, '/');
        if (!slash)
            return false;
        *slash = 0;
    }
    strncat (command, "/models/convrelu", sizeof command - strlen (command) - 1);
    return access (command, X_OK) == 0;
}

/* Runs it with the words of `line`; what it prints goes to out.txt and err.txt. Returns the exit code, or -1: it
 * crashed. */
static int run_command (const char *line, char **out, char **err)
{
    char words[2048], *list[WORDS_MAX + 2] = { command }, *at = words;
    size_t unused;
    int count = 1, status = -1;
    snprintf (words, sizeof words, "%s", line);
    for (char *word; count <= WORDS_MAX && (word = strsep (&at, " "));) {
        if (*word)
            list[count++] = word;
    }
    const char *out_path = scratch_path ("out.txt"), *err_path = scratch_path ("err.txt");
    fflush (stdout);
    pid_t child = fork ();
    if (child == 0) {
        if (freopen (out_path, "w", stdout) && freopen (err_path, "w", stderr))
            execv (command, list);
        _exit (127);
    }
    bool waited = child > 0 && waitpid (child, &status, 0) == child;
    *out = slurp (out_path, &unused);
    (*out)[unused] = 0;
    *err = slurp (err_path, &unused);
    (*err)[unused] = 0;
    return waited && WIFEXITED (status) ? WEXITSTATUS (status) : -1;
}

static int count_lines (const char *text)
{
    int lines = 0;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

/* `code` 0: something on stdout, nothing on stderr. 1: one line on stderr. 2: the reason and the usage. */
static void expect (const char *line, int code, const char *says)
{
    char *out, *err;
    int got = run_command (line, &out, &err);
    CHECK (got == code, "'%s' ends with %d instead of %d: %s", line, got, code, err);
    CHECK (strstr (code ? err : out, says) != NULL, "'%s' prints '%s' '%s'", line, out, err);
    CHECK (code ? *out == 0 : *err == 0, "'%s' prints '%s' '%s'", line, out, err);
    CHECK (code != 1 || count_lines (err) == 1, "'%s' gives %d lines as a reason: %s", line, count_lines (err), err);
    CHECK (code != 2 || strstr (err, "usage:"), "'%s' shows no usage: %s", line, err);
    free (out);
    free (err);
}

/* 3 x 6 x 6 -> Conv -> Relu -> mean -> 4. */
static void write_network (const char *path)
{
    float weights[108];
    struct onnx o = onnx_new (13);
    fill (weights, 108, 71);
    onnx_input (&o, "pixels", "1 3 6 6");
    onnx_floats (&o, "w", "4 3 3 3", weights);
    onnx_node (&o, "Conv", "pixels w", "conv=1", "pads=1,1,1,1");
    onnx_node (&o, "Relu", "conv=1", "relu", "");
    onnx_node (&o, "GlobalAveragePool", "relu", "mean", "");
    onnx_node (&o, "Flatten", "mean", "scores", "");
    onnx_output (&o, "scores", "1 4");
    onnx_finish (&o);
    CHECK (write_file (path, o.file.data, o.file.size), "%s", path);
    onnx_free (&o);
}

static void check_exit_codes (const char *model, const char *input)
{
    char line[2048];
    static const struct {
        const char *words; /* MODEL, INPUT and SCRATCH are replaced */
        int code;
        const char *says;
    } cases[] = {
        { "--help", 0, "--tap=NAME=FILE.npy" },
        { "--version", 0, "convrelu " },
        { "", 2, "no command" },
        { "frobnicate", 2, "no such command" },
        { "inspect --frobnicate", 2, "frobnicate" },
#ifdef BUNDLED_NETWORK
        { "inspect", 0, "(bundled)" },
        { "inspect --isa scalar --algorithm f43", 0, " million multiplications with these algorithms),\nweights" },
#else
        { "inspect", 1, "bundled" },
#endif
        { "inspect MODEL", 0, "scores" },
        { "inspect MODEL", 0, "(ImageNet's, nothing says otherwise), std" },
        { "inspect MODEL --isa scalar --threads 1 --algorithm direct --precision fp32", 0, "scalar" },
        { "inspect MODEL MODEL", 2, "one model" },
        { "inspect MODEL --json", 2, "belong to bench" },
        { "inspect MODEL --input INPUT", 2, "belong to run" },
        { "inspect SCRATCH/none.onnx", 1, "none.onnx: cannot be opened" },
        { "inspect INPUT", 1, "not an ONNX model" },
        { "inspect MODEL --precision auto", 0, "scores" },
        { "inspect MODEL --precision bf16 --isa scalar", 0, "bf16 where steps say so" },
        { "inspect MODEL --precision int8 --ranges SCRATCH/none.ranges", 1, "none.ranges: cannot be opened" },
        { "inspect MODEL --output SCRATCH/y", 2, "--output belongs to run, calibrate and quantize" },
        { "calibrate MODEL --input INPUT", 2, "--input and --tap belong to run" },
        { "calibrate MODEL SCRATCH/none.jpg", 1, "none.jpg: cannot be opened" },
        { "quantize MODEL", 2, "quantize needs --output" },
        { "quantize MODEL MODEL --output SCRATCH/q.onnx", 2, "one model" },
        { "quantize SCRATCH/none.onnx --output SCRATCH/q.onnx", 1, "none.onnx: cannot be opened" },
        { "quantize MODEL --ranges MODEL --output SCRATCH/q.onnx", 1, "no key file" },
        { "inspect MODEL --precision fp8", 2, "no such precision" },
        { "calibrate MODEL --precision bf16", 2, "calibrate is about int8, not --precision bf16" },
        { "quantize MODEL --precision fp32 --output SCRATCH/q.onnx", 2,
          "quantize is about int8, not --precision fp32" },
        { "inspect MODEL --algorithm f42", 0, "scores" },
        { "inspect MODEL --algorithm fft", 2, "no such algorithm" },
        { "inspect MODEL --isa z80", 2, "no such instruction set" },
        { "inspect MODEL --threads -1", 2, "--threads" },
        { "inspect MODEL --threads many", 2, "many" },
        { "run MODEL", 2, "needs --input and --output" },
        { "run MODEL --input INPUT", 2, "needs --input and --output" },
        { "run MODEL --input SCRATCH/none.npy --output SCRATCH/y.npy", 1, "none.npy" },
        { "run MODEL --input MODEL --output SCRATCH/y.npy", 1, "not a NumPy" },
        { "run MODEL --input INPUT --output SCRATCH/no/y.npy", 1, "cannot be written" },
        { "run MODEL --input INPUT --output /dev/full", 1, "cannot be written" },
        { "run MODEL --input INPUT --output SCRATCH/y.npy --tap relu", 1, "NAME=FILE" },
        { "run MODEL --input INPUT --output SCRATCH/y.npy --tap nothing=SCRATCH/t.npy", 1, "nothing" },
        { "run MODEL --input INPUT --output SCRATCH/y.npy --tap rleu=SCRATCH/t.npy", 1, "the nearest are relu" },
        { "run MODEL --input INPUT --output SCRATCH/y.npy --tap Conv=SCRATCH/t.npy", 1, "the nearest are conv=1" },
        { "bench MODEL --seconds 0", 2, "--seconds" },
        { "inspect MODEL --max-seconds 0", 2, "--max-seconds 0 is not between" },
        { "inspect MODEL --max-seconds 1e-12", 1, "with it a run would take more than" },
        { "inspect MODEL --max-seconds 60", 0, "steps" },
        { "bench MODEL --seconds 0.01", 0, "GFLOP/s" },
        { "bench MODEL --seconds 0.01 --layers", 0, "all steps" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        line[0] = 0;
        for (const char *at = cases[i].words; *at;) {
            size_t used = strlen (line), length = 1;
            const char *put = at;
            if (!strncmp (at, "MODEL", 5) || !strncmp (at, "INPUT", 5)) {
                put = *at == 'M' ? model : input;
                length = 5;
            } else if (!strncmp (at, "SCRATCH", 7)) {
                put = scratch ();
                length = 7;
            }
            snprintf (line + used, sizeof line - used, "%.*s", put == at ? 1 : 1000, put);
            at += length;
        }
        expect (line, cases[i].code, cases[i].says);
    }
}

/* 3 x 96 x 96 -> Conv 7 x 7 -> Relu -> MaxPool -> Conv 1 x 1 -> mean -> 32: a stem that makes its max-pool, too. */
static void write_stem (const char *path)
{
    float weights[64 * 3 * 49];
    struct onnx o = onnx_new (13);
    fill (weights, sizeof weights / sizeof *weights, 73);
    onnx_input (&o, "pixels", "1 3 96 96");
    onnx_floats (&o, "w", "64 3 7 7", weights);
    onnx_floats (&o, "v", "32 64 1 1", weights);
    onnx_node (&o, "Conv", "pixels w", "conv", "pads=3,3,3,3 strides=2,2");
    onnx_node (&o, "Relu", "conv", "relu", "");
    onnx_node (&o, "MaxPool", "relu", "pool", "kernel_shape=3,3 pads=1,1,1,1 strides=2,2");
    onnx_node (&o, "Conv", "pool v", "größer", "");
    onnx_node (&o, "GlobalAveragePool", "größer", "mean", "");
    onnx_node (&o, "Flatten", "mean", "scores", "");
    onnx_output (&o, "scores", "1 32");
    onnx_finish (&o);
    CHECK (write_file (path, o.file.data, o.file.size), "%s", path);
    onnx_free (&o);
}

/* Every line of it: names, sizes before and after a max-pool, columns one below the other, totals. */
static void check_inspect (const char *model)
{
    static const char *const lines[] = {
        "input   pixels  (3 x 96 x 96)",
        "output  scores  (32)",
        "prepare 96 x 96 (file), RGB (default), mean 123.7 116.3 103.5 (ImageNet's, nothing says otherwise), "
        "std 58.4 57.12 57.38 (ImageNet's, nothing says otherwise)",
        "scores  logits at node \"scores\": softmax of them",
        "",
        "step  name    operation             output                            algorithm                 MMAC     "
        "weights",
        "   0  relu    conv + max-pool       64 x 48 x 48 -> 64 x 24 x 24      direct, max-pool         21.68    36.8 "
        "KiB",
        "   1  größer  conv                  32 x 24 x 24                      direct                    1.18     "
        "8.0 KiB",
        "   2  mean    global-average-pool   32                                                          0.00",
        "",
        "3 steps, 22.9 million multiply-accumulates a run,",
        "weights 44.8 KiB, tensors 216 KiB, instruction set scalar, threads 1",
    };
    char line[1500], *out, *err;
    write_stem (model);
    snprintf (line, sizeof line, "inspect %s --isa scalar --threads 1 --algorithm direct", model);
    CHECK (run_command (line, &out, &err) == 0 && !*err, "%s", err);
    char *at = strchr (out, '\n'); /* behind the path */
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char *end = at ? strchr (at + 1, '\n') : NULL;
        if (!CHECK (end != NULL, "it ends before '%s'", lines[i]))
            break;
        *end = 0;
        CHECK (!strcmp (at + 1, lines[i]), "line %zu is '%s', not '%s'", i + 2, at + 1, lines[i]);
        at = end;
    }
    CHECK (at && !at[1], "more lines follow");
    free (out);
    free (err);
}

/* No share of the peak is above all of it, whatever the machine does meanwhile. */
static void check_shares (const char *model)
{
    char line[1500], *out, *err;
    int shares = 0;
    snprintf (line, sizeof line, "bench %s --seconds 0.01 --layers", model);
    CHECK (run_command (line, &out, &err) == 0, "%s", err);
    for (char *at = out; (at = strchr (at, '%')); at++) {
        char *digit = at;
        while (digit > out && (digit[-1] == ' ' || digit[-1] == '.' || (digit[-1] >= '0' && digit[-1] <= '9')))
            digit--;
        CHECK (atof (digit) <= 100, "%.60s", digit);
        shares++;
    }
    CHECK (shares >= 3, "%d shares in %s", shares, out);
    free (out);
    free (err);
}

/* What is odd about a model goes to stderr, and the command does its work. */
static void check_notes (const char *model)
{
    const char *labels = scratch_path ("command.labels.txt");
    char line[1500], *out, *err;
    snprintf (line, sizeof line, "inspect %s", model);
    CHECK (write_file (labels, "a\nb\n", 4), "%s", labels);
    CHECK (run_command (line, &out, &err) == 0 && strstr (out, "scores"), "%s", err);
    CHECK (count_lines (err) == 1 && !strncmp (err, "convrelu: note: ", 16) && strstr (err, "2 names for 4 classes"),
           "%s", err);
    free (out);
    free (err);
    unlink (labels);
}

/* Without being asked a quantised file is computed in int8; how true its steps are is said as well where its packed
 * weights come from a cache and the others have to be read for it. */
static void check_kept_bytes (const char *folder)
{
    char line[3000], *out[2], *err;
    usleep (150000); /* a file that may still change is not kept */
    snprintf (line, sizeof line, "inspect %s/q.onnx --cache-dir %s/kept", folder, folder);
    for (int i = 0; i < 2; i++) {
        CHECK (run_command (line, &out[i], &err) == 0 && !*err, "start %d: %s", i, err);
        free (err);
    }
    CHECK (!strcmp (out[0], out[1]), "at first '%s', from the cache '%s'", out[0], out[1]);
    CHECK (!engine_multiplies_bytes (NULL) || strstr (out[1], "computed in int8\n"), "'%s'", out[1]);
    free (out[0]);
    free (out[1]);
}

/* Ranges from arrays and from drawings into a file, and with them a file of 8 bits that runs. */
static void check_calibrate (const char *model, const char *input)
{
    static const char info[] = "[pixels]\ndir = input\nmean = 127.5\nstd = 127.5\n";
    const char *folder = scratch ();
    char line[9000], path[1200];
    snprintf (line, sizeof line, "calibrate %s", model);
    char *out, *err;
    CHECK (run_command (line, &out, &err) == 0 && strstr (err, "note: nothing says how the input of") &&
               count_lines (err) == 1 && strstr (out, "command.onnx.ranges: the ranges of 5 tensors, from drawings\n"),
           "%s%s", out, err);
    free (out);
    free (err);
    snprintf (path, sizeof path, "%s.modelinfo", model);
    CHECK (write_file (path, info, strlen (info)), "%s", path);
    expect (line, 0, "5 tensors, from drawings\n");
    snprintf (line, sizeof line, "calibrate %s %s %s --threads 1 --output %s/few.ranges", model, input, input, folder);
    CHECK (run_command (line, &out, &err) == 0 &&
               strstr (out, "few.ranges: the ranges of 5 tensors, from 2 pictures\n") &&
               strstr (err, "note: 2 pictures, of which 1 are neither flat nor like another") && count_lines (err) == 1,
           "%s%s", out, err);
    free (out);
    free (err);
    snprintf (line, sizeof line, "calibrate %s %s %s %s %s %s %s %s %s --output %s/r", model, input, input, input,
              input, input, input, input, input, folder);
    CHECK (run_command (line, &out, &err) == 0 && strstr (out, "r: the ranges of 5 tensors, from 8 pictures\n") &&
               strstr (err, "note: 8 pictures, of which 1 are"),
           "the same eight times: %s%s", out, err);
    free (out);
    free (err);
    int length = snprintf (line, sizeof line, "calibrate %s --output %s/r", model, folder);
    for (int i = 0; i < 8; i++) {
        float numbers[3 * 6 * 6];
        struct error error;
        snprintf (path, sizeof path, "%s/%d.npy", folder, i);
        for (int k = 0; k < 3 * 6 * 6; k++)
            numbers[k] = (float)((k * (i + 3) + i) % 17) / 8 - 1;
        CHECK (npy_write (path, numbers, 3, (const int64_t[]) { 3, 6, 6 }, &error), "%s", error.text);
        length += snprintf (line + length, sizeof line - (size_t)length, " %s", path);
    }
    expect (line, 0, "dB true to those of fp32\n");
    snprintf (path, sizeof path, "%s.modelinfo", model);
    snprintf (line, sizeof line, "calibrate %s --output %s/no/r", model, folder);
    expect (line, 1, "cannot be written");
    snprintf (line, sizeof line, "calibrate %s %s", model, model);
    expect (line, 1, "can decode no picture");
    snprintf (line, sizeof line, "calibrate %s %s", model, folder);
    expect (line, 1, "is not a regular file");
    snprintf (line, sizeof line, "inspect %s --precision int8", model);
    expect (line, 0, " type      dB  range\n");
    snprintf (line, sizeof line, "quantize %s --output %s/q.onnx", model, folder);
    expect (line, 0, "the weights of 1 layer in 8 bits; ranges from the file beside the model\n");
    snprintf (line, sizeof line, "quantize %s --output %s/q.onnx --ranges %s/few.ranges", model, folder, folder);
    CHECK (run_command (line, &out, &err) == 0 && strstr (err, "q.onnx.modelinfo is there already"), "%s%s", out, err);
    free (out);
    free (err);
    snprintf (line, sizeof line, "inspect %s/q.onnx", folder);
    expect (line, 0, "mean 127.5 (side file), std 127.5");
    snprintf (line, sizeof line, "run %s/q.onnx --input %s --output %s/q.npy", folder, input, folder);
    CHECK (run_command (line, &out, &err) == 0 && !*err, "%s%s", out, err);
    free (out);
    free (err);
    check_kept_bytes (folder);
    unlink (path);
    snprintf (path, sizeof path, "%s.ranges", model);
    unlink (path);
}

/* Photographs through GStreamer's decoders: the ranges are those of their pixels, so that black has the least. */
static void check_photographs (const char *model)
{
    const char *data = check_data ();
    char line[3000], *out, *err;
    if (!data) {
        check_skip ("no shared data");
        return;
    }
    snprintf (line, sizeof line,
              "calibrate %s %s/photos/cat_720p.jpg %s/photos/bird.bmp %s/videos/mse.webm --output %s/p", model, data,
              data, data, scratch ());
    int code = run_command (line, &out, &err);
    if (strstr (err, "gst-launch-1.0 is needed"))
        check_skip ("no gst-launch-1.0");
    else
        CHECK (code == 0 && strstr (out, "the ranges of 5 tensors, from ") && strstr (out, " pictures\n"), "%s%s", out,
               err);
    free (out);
    free (err);
}

static void check_json (const char *model)
{
    static const char *const keys[] = { "model",  "isa",       "threads", "precision", "runs",
                                        "min_ms", "median_ms", "p99_ms",  "gflops" };
    char line[1500], *out, *err;
    snprintf (line, sizeof line, "bench %s --seconds 0.01 --threads 1 --json", model);
    CHECK (run_command (line, &out, &err) == 0, "%s", err);
    CHECK (count_lines (out) == 1 && out[0] == '{' && strstr (out, "}\n"), "one object: %s", out);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        char key[32];
        snprintf (key, sizeof key, "\"%s\": ", keys[i]);
        CHECK (strstr (out, key) != NULL, "no %s in %s", keys[i], out);
    }
    free (out);
    free (err);
}

/* The scores and taps of one run; false when it fails. */
static bool run_once (const char *model, const char *input, const char *options, struct npy *scores)
{
    char line[2000], *out, *err;
    struct error error = { "" };
    const char *path = scratch_path ("y.npy");
    snprintf (line, sizeof line, "run %s --input %s --output %s %s", model, input, path, options);
    int code = run_command (line, &out, &err);
    bool good = CHECK (code == 0 && !*out && !*err, "'%s' ends with %d: %s%s", line, code, out, err) &&
                CHECK (npy_read (path, scores, &error), "%s", error.text);
    free (out);
    free (err);
    return good;
}

/* A file with channels last takes an array of its own shape, and one with channels first. */
static void check_channels_last (void)
{
    float numbers[12], first[3 * 90], last[3 * 90];
    struct onnx o = onnx_new (13);
    struct error error = { "" };
    const char *model = scratch_path ("last.onnx"), *arrays[3];
    fill (numbers, 12, 73);
    fill (first, 3 * 90, 74);
    for (int i = 0; i < 3 * 90; i++)
        last[i % 90 * 3 + i / 90] = first[i];
    onnx_input (&o, "pixels", "1 9 10 3");
    onnx_floats (&o, "m", "3 4", numbers);
    onnx_node (&o, "MatMul", "pixels m", "a", "");
    onnx_node (&o, "ReduceMax", "a", "y", "axes=1,2 keepdims=0");
    onnx_output (&o, "y", "1 4");
    onnx_finish (&o);
    CHECK (write_file (model, o.file.data, o.file.size), "%s", model);
    onnx_free (&o);
    for (int i = 0; i < 3; i++)
        arrays[i] = scratch_path (i == 0 ? "last.npy" : i == 1 ? "last3.npy" : "first.npy");
    CHECK (npy_write (arrays[0], last, 4, (const int64_t[]) { 1, 9, 10, 3 }, &error) &&
               npy_write (arrays[1], last, 3, (const int64_t[]) { 9, 10, 3 }, &error) &&
               npy_write (arrays[2], first, 4, (const int64_t[]) { 1, 3, 9, 10 }, &error),
           "%s", error.text);
    struct npy scores[3] = { { 0 } };
    for (int i = 0; i < 3; i++) {
        if (run_once (model, arrays[i], "", &scores[i]) && scores[0].data)
            CHECK (scores[i].count == 4 && !memcmp (scores[i].data, scores[0].data, 16), "%s: other scores", arrays[i]);
    }
    for (int i = 0; i < 3; i++)
        npy_clear (&scores[i]);
    char line[1500], *out, *err;
    CHECK (npy_write (arrays[0], last, 4, (const int64_t[]) { 1, 10, 9, 3 }, &error), "%s", error.text);
    snprintf (line, sizeof line, "run %s --input %s --output %s", model, arrays[0], arrays[1]);
    CHECK (run_command (line, &out, &err) == 1 && strstr (err, "(1, 9, 10, 3)"), "%s", err);
    free (out);
    free (err);
}

static void check_taps (const char *model, const char *input)
{
    char options[1500];
    const char *before = scratch_path ("before.npy"), *after = scratch_path ("after.npy");
    struct npy scores, taps[2] = { { 0 } };
    struct error error = { "" };
    snprintf (options, sizeof options, "--tap conv=1=%s --tap relu=%s", before, after);
    if (!run_once (model, input, options, &scores))
        return;
    CHECK (scores.rank == 2 && scores.shape[0] == 1 && scores.shape[1] == 4, "scores of %d axes", scores.rank);
    bool good = npy_read (before, &taps[0], &error) && npy_read (after, &taps[1], &error);
    if (CHECK (good && taps[0].count == 144 && taps[1].count == 144 && taps[0].rank == 4, "%s", error.text)) {
        int negative = 0;
        for (size_t i = 0; i < 144; i++) {
            CHECK (taps[1].data[i] == fmaxf (taps[0].data[i], 0), "tap %zu: %g is not ReLU of %g", i,
                   (double)taps[1].data[i], (double)taps[0].data[i]);
            negative += taps[0].data[i] < 0;
        }
        CHECK (negative > 0, "numbers before the ReLU are before it");
    }
    for (int c = 0; good && c < 4; c++) {
        double mean = 0;
        for (int i = 0; i < 36; i++)
            mean += (double)taps[1].data[c * 36 + i] / 36;
        CHECK (fabs ((double)scores.data[c] - mean) < 1e-5, "score %d: %g, not %g", c, (double)scores.data[c], mean);
    }
    npy_clear (&scores);
    npy_clear (&taps[0]);
    npy_clear (&taps[1]);
}

/* Every instruction set of this CPU gives nearly the same, and each the same bits for one, two and three threads. */
static void check_threads (const char *model, const char *input, double tolerance)
{
    struct npy first = { 0 };
    for (const char *const *isa = engine_isas (); *isa; isa++) {
        struct npy scores[3] = { { 0 } };
        for (int i = 0; i < 3; i++) {
            char options[64];
            snprintf (options, sizeof options, "--isa %s --threads %d", *isa, i + 1);
            if (!run_once (model, input, options, &scores[i]))
                continue;
            CHECK (scores[i].count == scores[0].count &&
                       !memcmp (scores[i].data, scores[0].data, scores[0].count * sizeof (float)),
                   "%s with %d threads: other bits than with one", *isa, i + 1);
        }
        if (!first.data) {
            first = scores[0];
            scores[0] = (struct npy) { 0 };
        }
        double worst = 0, largest = 0;
        for (size_t i = 0; scores[0].data && i < first.count; i++) {
            worst = fmax (worst, fabs ((double)(scores[0].data[i] - first.data[i])));
            largest = fmax (largest, fabs ((double)first.data[i]));
        }
        CHECK (worst <= tolerance * largest, "%s is off by %g of %g", *isa, worst, largest);
        for (int i = 0; i < 3; i++)
            npy_clear (&scores[i]);
    }
    npy_clear (&first);
}

void check_command (void)
{
    float pixels[108];
    const int64_t shape[4] = { 1, 3, 6, 6 };
    struct error error = { "" };
    check_group ("command");
    if (!find_command ()) {
        SKIP ("no %s", command);
        return;
    }
    char model[700], input[700], path[700];
    snprintf (model, sizeof model, "%s/command.onnx", scratch ());
    snprintf (input, sizeof input, "%s/command.npy", scratch ());
    fill (pixels, 108, 72);
    write_network (model);
    CHECK (npy_write (input, pixels, 4, shape, &error), "%s", error.text);
    check_exit_codes (model, input);
    check_notes (model);
    snprintf (path, sizeof path, "%s/stem.onnx", scratch ());
    check_inspect (path);
    check_calibrate (model, input);
    check_photographs (model);
    check_json (model);
    check_shares (model);
    check_taps (model, input);
    check_channels_last ();
    check_threads (model, input, 1e-5);
    CHECK (npy_write (input, pixels, 3, shape + 1, &error), "%s", error.text);
    struct npy scores;
    if (run_once (model, input, "", &scores))
        npy_clear (&scores);
    if (!check_data ()) {
        SKIP ("no shared data: resnet18 on all instruction sets");
        return;
    }
    snprintf (path, sizeof path, "%s/zoo/resnet18.onnx", check_data ());
    snprintf (input, sizeof input, "%s/zoo/input_224.npy", check_data ());
    check_threads (path, input, 1e-4);
}
