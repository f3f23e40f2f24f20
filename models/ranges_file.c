/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ranges_file.c: key file <-> ranges. */
#include "models/ranges_file.h"

#include "models/bundled.h"
#include "models/file.h"
#include "models/report.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 4 << 20 };

static const char head_group[] = "ranges", tensor_group[] = "tensors";

/* ---- which network ---------------------------------------------------------------------------------------------- */

static uint64_t mix (uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C (0x9e3779b97f4a7c15);
    return hash ^ hash >> 29;
}

static uint64_t mix_floats (uint64_t hash, const float *numbers, size_t count)
{
    for (size_t i = 0; i + 1 < count; i += 2) {
        uint64_t word;
        memcpy (&word, numbers + i, sizeof word);
        hash = mix (hash, word);
    }
    uint32_t last = 0;
    if (count % 2)
        memcpy (&last, numbers + count - 1, sizeof last);
    return mix (hash, last + (uint64_t)count);
}

static uint64_t mix_node (const struct graph *g, int id, uint64_t hash, bool *dropped)
{
    struct tensor_info t = graph_tensor (g, id);
    struct conv conv;
    const float *bias;
    double scale, shift;
    for (const char *c = t.operation; *c; c++)
        hash = mix (hash, (unsigned char)*c);
    hash = mix (mix (mix (hash, (uint64_t)t.channels), (uint64_t)t.height), (uint64_t)t.width);
    for (int i = 0, from; (from = graph_source (g, id, i)) >= 0; i++)
        hash = mix (hash, (uint64_t)from);
    hash = mix_floats (hash, (float[]) { t.activation.alpha, t.activation.beta }, 2);
    hash = mix (hash, (uint64_t)t.activation.kind);
    if (graph_convolution (g, id, &conv, &bias)) {
        const float *weights = graph_weights (g, id);
        *dropped |= !weights;
        uint64_t each = (uint64_t)graph_tensor (g, t.inputs[0]).channels / (uint64_t)conv.groups *
                        (uint64_t)conv.kernel_h * (uint64_t)conv.kernel_w;
        if (weights)
            hash = mix_floats (hash, weights, (size_t)each * (size_t)conv.out_channels);
        if (bias)
            hash = mix_floats (hash, bias, (size_t)conv.out_channels);
    }
    for (int c = 0; graph_scale (g, id, c, &scale, &shift); c++)
        hash = mix_floats (hash, (float[]) { (float)scale, (float)shift }, 2);
    return hash;
}

/* Of operations, shapes and every weight. False and a filled error: the weights are gone. */
static bool fingerprint (const struct model *model, char text[17], struct error *error)
{
    const struct graph *g = model_graph (model);
    uint64_t hash = 0;
    bool dropped = false;
    for (int id = 0; id < graph_tensors (g); id++)
        hash = mix_node (g, id, hash, &dropped);
    g_snprintf (text, 17, "%016" PRIx64, hash);
    return !dropped || report (error, "%s: its weights are no longer in memory", report_path (model_path (model)));
}

/* ---- names ------------------------------------------------------------------------------------------------------ */

/* The name with all but letters, digits and what paths are made of as %XX; NULL: it has none. */
static char *key_of (const struct graph *g, int id)
{
    const char *name = graph_tensor (g, id).name;
    return *name ? g_uri_escape_string (name, "/:;,+@$!*()&'", FALSE) : NULL;
}

/* key -> id + 1 of every tensor; the last one of a name. */
static GHashTable *ids_by_key (const struct graph *g)
{
    GHashTable *ids = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    for (int id = 0; id < graph_tensors (g); id++) {
        char *key = key_of (g, id);
        if (key)
            g_hash_table_insert (ids, key, GINT_TO_POINTER (id + 1));
    }
    return ids;
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

static bool parse_number (const char **at, float *number)
{
    char *end;
    double value = g_ascii_strtod (*at, &end);
    bool good = end != *at && fabs (value) <= (double)G_MAXFLOAT; /* NaN is not */
    *at = end + strspn (end, " \t");
    *number = good ? (float)value : 0;
    return good;
}

static bool parse_range (const char *text, float *low, float *high)
{
    const char *at = text;
    return parse_number (&at, low) && *at++ == ',' && parse_number (&at, high) && !*at;
}

static bool read_tensor (const char *path, GKeyFile *keys, const char *key, GHashTable *ids, struct ranges *ranges,
                         struct error *error)
{
    int id = GPOINTER_TO_INT (g_hash_table_lookup (ids, key)) - 1;
    if (id < 0)
        return report (error, "%s: the network has no tensor '%.60s'", report_path (path), key);
    char *text = g_key_file_get_value (keys, tensor_group, key, NULL);
    float low = 0, high = 0;
    bool good = text && parse_range (text, &low, &high);
    if (!good)
        report (error, "%s: '%.40s' of tensor '%.60s' is not two numbers, the least and the largest",
                report_path (path), text ? text : "", key);
    else if (!ranges_set (ranges, id, low, high))
        good = report (error, "%s: the range of tensor '%.60s' begins at %g and ends at %g", report_path (path), key,
                       (double)low, (double)high);
    g_free (text);
    return good;
}

static bool read_tensors (const char *path, GKeyFile *keys, const struct model *model, struct ranges *ranges,
                          struct error *error)
{
    gsize count = 0;
    char **list = g_key_file_get_keys (keys, tensor_group, &count, NULL);
    GHashTable *ids = ids_by_key (model_graph (model));
    bool good = count || report (error, "%s: has no [%s], or nothing in it", report_path (path), tensor_group);
    for (gsize i = 0; good && i < count; i++)
        good = read_tensor (path, keys, list[i], ids, ranges, error);
    g_hash_table_destroy (ids);
    g_strfreev (list);
    return good;
}

static bool read_head (const char *path, GKeyFile *keys, const struct model *model, struct error *error)
{
    char *version = g_key_file_get_string (keys, head_group, "version", NULL);
    char *network = g_key_file_get_string (keys, head_group, "network", NULL), own[17];
    bool good = true;
    if (!version || !network)
        good = report (error, "%s: is no file of ranges: it has no [%s] with version and network", report_path (path),
                       head_group);
    else if (strcmp (version, "1"))
        good = report (error, "%s: is of version '%.20s', supported is 1", report_path (path), version);
    else if (!fingerprint (model, own, error))
        good = false;
    else if (strcmp (network, own))
        good = report (error, "%s: belongs to another network, %.20s, or was made by another version; this one is %s",
                       report_path (path), network, own);
    g_free (version);
    g_free (network);
    return good;
}

/* NaN where the file does not say it. */
static bool read_agreement (const char *path, GKeyFile *keys, double *agreement, struct error *error)
{
    char *text = g_key_file_get_value (keys, head_group, "agreement", NULL);
    const char *at = text;
    float number;
    bool good = !text || (parse_number (&at, &number) && !*at) ||
                report (error, "%s: agreement '%.40s' is not a number", report_path (path), text);
    *agreement = text && good ? (double)number : NAN;
    g_free (text);
    return good;
}

struct ranges *ranges_file_parse (const char *path, const char *text, size_t size, const struct model *model,
                                  double *agreement, struct error *error)
{
    double ignored;
    GKeyFile *keys = g_key_file_new ();
    GError *failure = NULL;
    struct ranges *ranges = ranges_new (model_graph (model));
    bool good = g_key_file_load_from_data (keys, text, size, G_KEY_FILE_KEEP_TRANSLATIONS, &failure);
    if (!good)
        report (error, "%s: is no key file: %s", report_path (path), failure->message);
    else if (!ranges)
        good = report (error, "%s: no memory for its ranges", report_path (path));
    good = good && read_head (path, keys, model, error) &&
           read_agreement (path, keys, agreement ? agreement : &ignored, error) &&
           read_tensors (path, keys, model, ranges, error);
    g_clear_error (&failure);
    g_key_file_free (keys);
    if (good)
        return ranges;
    ranges_free (ranges);
    return NULL;
}

/* `read` is file_read or file_read_side. */
static struct ranges *read_by (char *(*read) (const char *, size_t, size_t *, struct error *), const char *path,
                               const struct model *model, double *agreement, struct error *error)
{
    size_t size;
    char *text = read (path, FILE_MAX, &size, error);
    if (!text)
        return NULL; /* errno says why */
    struct ranges *ranges = ranges_file_parse (path, text, size, model, agreement, error);
    free (text);
    errno = 0;
    return ranges;
}

struct ranges *ranges_file_read (const char *path, const struct model *model, double *agreement, struct error *error)
{
    return read_by (file_read, path, model, agreement, error);
}

struct ranges *ranges_file_beside (const struct model *model, double *agreement, struct error *error)
{
    const char *path = model_path (model);
    const size_t lengths[2] = { strlen (path), file_suffix_start (path) };
    struct ranges *ranges = NULL;
    error->text[0] = 0;
    if (!strcmp (path, bundled_path)) /* nothing lies beside it */
        return NULL;
    for (int i = 0; !ranges && !error->text[0] && i < 2; i++) {
        struct error reason = { "" };
        char *beside = file_path_with (path, lengths[i], ".ranges");
        if (beside)
            ranges = read_by (file_read_side, beside, model, agreement, &reason);
        else
            report (error, "%s: no memory for its ranges", report_path (path));
        if (beside && !ranges && errno != ENOENT)
            *error = reason;
        free (beside);
    }
    return ranges;
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

bool ranges_file_write (const char *path, const struct model *model, const struct ranges *ranges, const char *made_from,
                        double agreement, struct error *error)
{
    const struct graph *g = model_graph (model);
    char network[17], number[2][G_ASCII_DTOSTR_BUF_SIZE];
    if (!fingerprint (model, network, error))
        return false;
    GString *text = g_string_new (NULL);
    g_string_append_printf (text, "[%s]\nversion = 1\nnetwork = %s\nmade-from = %s\n", head_group, network, made_from);
    if (isfinite (agreement))
        g_string_append_printf (text, "agreement = %s\n",
                                g_ascii_formatd (number[0], sizeof number[0], "%.1f", agreement));
    g_string_append_printf (text, "\n[%s]\n", tensor_group);
    GHashTable *ids = ids_by_key (g);
    for (int id = 0; id < graph_tensors (g); id++) {
        float low, high;
        char *key = ranges_get (ranges, id, &low, &high) ? key_of (g, id) : NULL;
        if (key && GPOINTER_TO_INT (g_hash_table_lookup (ids, key)) == id + 1)
            g_string_append_printf (text, "%s = %s, %s\n", key,
                                    g_ascii_formatd (number[0], sizeof number[0], "%.9g", (double)low),
                                    g_ascii_formatd (number[1], sizeof number[1], "%.9g", (double)high));
        g_free (key);
    }
    g_hash_table_destroy (ids);
    GError *failure = NULL;
    bool good = text->len <= FILE_MAX || report (error, "%s: would be too large", report_path (path));
    if (good && !g_file_set_contents (path, text->str, (gssize)text->len, &failure))
        good = report (error, "%s: cannot be written: %s", report_path (path), failure->message);
    g_clear_error (&failure);
    g_string_free (text, TRUE);
    return good;
}
