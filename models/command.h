/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* command.h: private, what the files of the command `convrelu` share. */
#ifndef CONVRELU_COMMAND_H
#define CONVRELU_COMMAND_H

#include "models/npy.h"
#include "models/precision.h"

enum {
    EXIT_GOOD = 0,
    EXIT_BAD = 1,
    EXIT_USAGE = 2
}; /* of the command: fine; bad model, input or machine; bad command line */

/* The command line, checked. Strings belong to it. */
struct settings {
    const char *model; /* NULL: the bundled network */
    int threads;       /* 0: one per CPU */
    char *isa;         /* NULL: the best */
    enum algorithm algorithm;
    enum precision precision;
    bool precision_is_auto; /* `precision` is not looked at: precision_auto */
    char *ranges;           /* file of ranges; NULL: the one beside the model, else from drawings */
    char *const *pictures;  /* calibrate: files, ends with NULL */
    char *cache_dir;        /* inspect, run, bench: where packed weights are kept; NULL: nowhere */
    char *input, *output;   /* run; output: calibrate and quantize, too */
    char **taps;            /* run: "NAME=FILE", ends with NULL; NULL: none */
    double seconds;         /* bench */
    double most_seconds;    /* that a run may take, as estimated */
    bool layers, json;      /* bench */
};

/* A model and a plan made of it. */
struct network {
    struct model *model;
    struct plan *plan;
    struct precision_report report; /* in which precision it computes */
};

/* The model that is named, with its notices printed; NULL: it was said why. */
struct model *command_model (const struct settings *settings);
/* Says so where nothing says how the input is prepared: ranges that are seen now depend on it. */
void command_note_preparation (const struct model *model);
/* What `report` has for a person, when its ranges were looked for. */
void command_note_precision (const struct model *model, const struct precision_report *report);
/* A number of runs, where somebody looks on; as struct calibration's go_on. */
bool command_tell_runs (void *data, int done, int runs);
/* An array of the input's shape, channels first. False, and nothing to free: it was said why. */
bool command_read_array (const char *path, const struct model *model, struct npy *array);
/* Pictures and clips (command_pictures.c): files decoded by GStreamer's own program, cut and scaled to `width` x
 * `height` as the element does (its resize=crop). */
struct pictures {
    unsigned char *rgb; /* [count][height][width][3] */
    int count;
};
bool command_decode (const char *path, int width, int height, struct pictures *pictures);

/* Loads and plans with the given taps. Prints the reason on failure. */
bool network_open (const struct settings *settings, const char *const *taps, int tap_count, bool timed,
                   struct network *network);
/* Keeps what was packed, where --cache-dir says so. */
void network_close (struct network *network);

/* Prints "convrelu: reason" on stderr; returns EXIT_BAD. */
__attribute__ ((format (printf, 1, 2))) int complain (const char *format, ...);

int command_calibrate (const struct settings *settings);
int command_quantize (const struct settings *settings);
int command_inspect (const struct settings *settings);
int command_run (const struct settings *settings);
int command_bench (const struct settings *settings);

/* "64 x 56 x 56", or "1000" for a vector. */
const char *shape_words (int channels, int height, int width, char text[64]);
/* "44.6 MiB". */
const char *byte_words (double bytes, char text[32]);
/* How many columns the text takes on a terminal. */
int text_columns (const char *text);

#endif
