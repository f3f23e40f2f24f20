/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* command_run.c: `convrelu run`: one array through the network, scores and tapped tensors into files. */
#include "models/command.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

/* "NAME=FILE" each; the last '=' counts, names may hold others. */
struct taps {
    char **names; /* [count], NULL-terminated */
    const char **files;
    int count;
};

static bool taps_split (char *const *words, struct taps *taps)
{
    int count = words ? (int)g_strv_length ((char **)words) : 0;
    taps->names = g_new0 (char *, count + 1);
    taps->files = g_new0 (const char *, count + 1);
    for (int i = 0; i < count; i++) {
        const char *equals = strrchr (words[i], '=');
        if (!equals || equals == words[i] || !equals[1]) {
            complain ("--tap '%s' is not NAME=FILE", words[i]);
            return false;
        }
        taps->names[taps->count] = g_strndup (words[i], (gsize)(equals - words[i]));
        taps->files[taps->count++] = equals + 1;
    }
    return true;
}

static void taps_free (struct taps *taps)
{
    g_strfreev (taps->names);
    g_free (taps->files);
}

/* A vector as (1, n), everything else as (1, channels, height, width). */
static bool write_tensor (const struct tensor *t, const char *path)
{
    struct error error = { "" };
    bool vector = t->height == 1 && t->width == 1;
    int64_t shape[4] = { 1, t->channels, t->height, t->width };
    return npy_write (path, t->data, vector ? 2 : 4, shape, &error) || (complain ("%s", error.text), false);
}

/* Whether the array is `wanted`, with or without a 1 in front. */
static bool is_shape (const struct npy *array, const int64_t wanted[3])
{
    bool batch = array->rank == 4 && array->shape[0] == 1;
    return (batch || array->rank == 3) && !memcmp (array->shape + batch, wanted, 3 * sizeof wanted[0]);
}

/* [pixels][channels] -> [channels][pixels], in place. False: no memory. */
static bool put_channels_first (struct npy *array, size_t channels)
{
    size_t pixels = array->count / channels;
    float *to = malloc (array->count * sizeof *to + 1);
    for (size_t p = 0; to && p < pixels; p++) {
        for (size_t c = 0; c < channels; c++)
            to[c * pixels + p] = array->data[p * channels + c];
    }
    if (!to)
        return false;
    free (array->data);
    array->data = to;
    return true;
}

/* The array must be what the file takes, with channels first or last, or what the graph takes, (1, c, h, w); the 1 may
 * be left out. Afterwards it is (c, h, w). */
static bool fit_array (struct npy *array, const struct model *model, const char *path)
{
    struct tensor_info in = graph_tensor (model_graph (model), 0);
    const int64_t first[3] = { in.channels, in.height, in.width }, last[3] = { in.height, in.width, in.channels };
    bool channels_last = model_input (model)->channels_last;
    bool vector = in.height == 1 && in.width == 1 && array->rank == 2 && array->shape[0] == 1;
    if (channels_last && is_shape (array, last))
        return put_channels_first (array, (size_t)in.channels) || (complain ("no memory"), false);
    if (vector ? array->shape[1] == in.channels : is_shape (array, first))
        return true;
    const int64_t *wanted = channels_last ? last : first;
    GString *text = g_string_new (NULL);
    for (int i = 0; i < array->rank; i++)
        g_string_append_printf (text, "%s%lld", i ? ", " : "", (long long)array->shape[i]);
    complain ("%s: has shape (%s), the input '%s' of %s is (1, %lld, %lld, %lld)", path, text->str, in.name,
              model_path (model), (long long)wanted[0], (long long)wanted[1], (long long)wanted[2]);
    g_string_free (text, TRUE);
    return false;
}

bool command_read_array (const char *path, const struct model *model, struct npy *array)
{
    struct error error = { "" };
    if (!npy_read (path, array, &error)) {
        complain ("%s", error.text);
        return false;
    }
    bool good = fit_array (array, model, path);
    if (!good)
        npy_clear (array);
    return good;
}

static bool run_once (const struct settings *settings, const struct network *network, const struct taps *taps)
{
    struct npy array;
    if (!command_read_array (settings->input, network->model, &array))
        return false;
    plan_run (network->plan, array.data);
    npy_clear (&array);
    bool good = write_tensor (plan_output (network->plan, 0), settings->output);
    for (int i = 0; good && i < taps->count; i++)
        good = write_tensor (plan_tap (network->plan, i), taps->files[i]);
    return good;
}

int command_run (const struct settings *settings)
{
    struct taps taps = { 0 };
    struct network network = { .model = NULL };
    bool good = taps_split (settings->taps, &taps) &&
                network_open (settings, (const char *const *)taps.names, taps.count, false, &network) &&
                run_once (settings, &network, &taps);
    network_close (&network);
    taps_free (&taps);
    return good ? EXIT_GOOD : EXIT_BAD;
}
