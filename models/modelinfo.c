/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* modelinfo.c: reads GStreamer's .modelinfo key file: https://gstreamer.freedesktop.org/documentation/analytics/ */
#include "models/modelinfo.h"

#include "engine/work.h"
#include "models/file.h"
#include "models/preparation.h"
#include "models/report.h"

#include <errno.h>
#include <glib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 1 << 20, GROUPS_MAX = 4096, SIDE_MAX = 16384 };
enum { BYTE_STEPS = 50 }; /* to read a byte as a key file */

struct modelinfo {
    char *path;
    GKeyFile *keys;
};

/* The keys of an input that mean something here, and GStreamer's that need no word. */
static const char *const mean_keys[] = { "mean", "means", NULL };
static const char *const std_keys[] = { "std", "stds", NULL };
static const char *const scale_keys[] = { "scale", "scales", NULL };
static const char *const order_keys[] = { "channel-order", "channel_order", "order", "format", NULL };
static const char *const range_keys[] = { "ranges", "range", NULL };
static const char *const size_keys[] = { "size", "width", "height", "dims", NULL };
static const char *const other_keys[] = { "id", "group-id", "type", "dir", "dims-order", "name", "version", NULL };

static char *get (GKeyFile *keys, const char *group, const char *key)
{
    return g_key_file_get_string (keys, group, key, NULL);
}

/* The first of the keys that is there, and (if asked) which. NULL: none. */
static char *get_one_of (GKeyFile *keys, const char *group, const char *const *names, const char **which)
{
    for (; *names; names++) {
        char *value = get (keys, group, *names);
        if (value && which)
            *which = *names;
        if (value)
            return value;
    }
    return NULL;
}

/* Numbers between blanks, commas, semicolons, brackets and (`more`) other characters. How many, or -1: something else
 * is among them, or they are more than `most`. */
static int parse_numbers (const char *text, const char *more, double *numbers, int most)
{
    char between[32];
    int count = 0;
    g_snprintf (between, sizeof between, " \t,;[](){}<>%s", more);
    for (;;) {
        char *end;
        text += strspn (text, between);
        if (!*text)
            return count;
        double number = g_ascii_strtod (text, &end);
        if (end == text || (*end && !strchr (between, *end)) || count == most || !isfinite (number))
            return -1;
        numbers[count++] = number;
        text = end;
    }
}

/* "1.0" and every other 1.x; a file from before there were versions has none. */
static bool check_version (GKeyFile *keys, const char *path, struct error *error)
{
    char *version = get (keys, "modelinfo", "version");
    bool good = !version || g_str_has_prefix (version, "1.");
    if (!good)
        report (error, "%s: is of version '%.20s', supported is 1", report_path (path), version);
    g_free (version);
    return good;
}

/* The section of the input: the one with its name, else the only one that says it is an input. NULL: none. */
static char *find_group (GKeyFile *keys, const char *name)
{
    if (g_key_file_has_group (keys, name))
        return g_strdup (name);
    char **groups = g_key_file_get_groups (keys, NULL), *found = NULL;
    int inputs = 0;
    for (int i = 0; groups[i] && i < GROUPS_MAX; i++) {
        char *dir = get (keys, groups[i], "dir");
        if (dir && !strcmp (dir, "input") && ++inputs == 1)
            found = g_strdup (groups[i]);
        g_free (dir);
    }
    g_strfreev (groups);
    if (inputs != 1)
        g_clear_pointer (&found, g_free);
    return found;
}

/* "min,max": output = pixel * (max - min) / 255 + min, that is (pixel - mean) / std. */
static bool parse_range (const char *text, float *mean, float *std)
{
    char *end;
    double least = g_ascii_strtod (text, &end);
    end += strspn (end, " ");
    if (end == text || *end != ',')
        return false;
    const char *second = end + 1;
    double most = g_ascii_strtod (second, &end);
    end += strspn (end, " ");
    double spread = most - least;
    if (end == second || *end || !isfinite (least) || !isfinite (spread) || spread == 0)
        return false;
    *std = (float)(255 / spread);
    *mean = (float)(-least * 255 / spread);
    return isfinite (*std) && isfinite (*mean) && *std != 0;
}

static bool parse_ranges (const char *text, const char *path, struct input_spec *spec, struct error *error)
{
    char **parts = g_strsplit (text, ";", 8);
    int count = (int)g_strv_length (parts);
    while (count > 1 && !*g_strstrip (parts[count - 1])) /* a key file's lists may end in a separator */
        count--;
    bool good = count == 1 || count == spec->channels;
    for (int c = 0; good && c < 4; c++)
        good = c >= count && count > 1
                   ? true
                   : parse_range (g_strstrip (parts[count == 1 ? 0 : c]), &spec->mean[c], &spec->std[c]);
    g_strfreev (parts);
    return good || report (error, "%s: ranges '%.60s' are not one or %d pairs of minimum,maximum", report_path (path),
                           text, spec->channels);
}

/* ---- mean, std and order --------------------------------------------------------------------------------------- */

/* One number or one per colour, |number| within least..1e6. */
static bool parse_triple (const struct modelinfo *info, const char *key, const char *text, double least,
                          float values[COLOURS], struct error *error)
{
    double numbers[COLOURS];
    int count = parse_numbers (text, "", numbers, COLOURS);
    bool good = count == 1 || count == COLOURS;
    for (int c = 0; good && c < COLOURS; c++) {
        double number = numbers[count == 1 ? 0 : c];
        good = number <= 1e6 && number >= (least > 0 ? least : -1e6);
        values[c] = (float)number;
    }
    return good || report (error, "%s: %s '%.60s' is not one or %d %snumbers", report_path (info->path), key, text,
                           COLOURS, least > 0 ? "positive " : "");
}

static bool parse_order (const struct modelinfo *info, const char *key, const char *text, struct input_spec *spec,
                         struct error *error)
{
    if (g_ascii_strcasecmp (text, "rgb") && g_ascii_strcasecmp (text, "bgr"))
        return report (error, "%s: %s '%.40s' is neither rgb nor bgr", report_path (info->path), key, text);
    enum channel_order order = g_ascii_tolower (text[0]) == 'b' ? CHANNEL_ORDER_BGR : CHANNEL_ORDER_RGB;
    if (order != spec->order) { /* what is not said here was said for the other order */
        preparation_turn (spec->mean);
        preparation_turn (spec->std);
    }
    spec->order = order;
    spec->from.order = ORIGIN_SIDE_FILE;
    return true;
}

/* The texts of an input's keys, NULL where they are not there. */
struct said {
    char *ranges, *mean, *std, *scale, *order;
    const char *order_key;
};

static bool apply_numbers (const struct modelinfo *info, const struct said *said, struct input_spec *spec,
                           struct notices *notices, struct error *error)
{
    struct error remark;
    bool std = said->std || said->scale;
    if (said->std && said->scale)
        return report (error, "%s: says both std and scale, of which one is the other's reciprocal",
                       report_path (info->path));
    if (said->ranges && (said->mean || std))
        return report (error, "%s: says both ranges and mean or std", report_path (info->path));
    if ((said->ranges && !parse_ranges (said->ranges, info->path, spec, error)) ||
        (said->mean && !parse_triple (info, "mean", said->mean, 0, spec->mean, error)) ||
        (said->std && !parse_triple (info, "std", said->std, 1e-6, spec->std, error)) ||
        (said->scale && !parse_triple (info, "scale", said->scale, 1e-6, spec->std, error)))
        return false;
    for (int c = 0; said->scale && c < COLOURS; c++)
        spec->std[c] = 1 / spec->std[c];
    preparation_to_pixels (said->mean ? spec->mean : NULL, std ? spec->std : NULL, &remark);
    if (remark.text[0])
        notices_add (notices, "%s: %s", report_path (info->path), remark.text);
    if (said->mean || said->ranges)
        spec->from.mean = ORIGIN_SIDE_FILE;
    if (std || said->ranges)
        spec->from.std = ORIGIN_SIDE_FILE;
    return true;
}

/* ---- size ------------------------------------------------------------------------------------------------------ */

static bool parse_side (const struct modelinfo *info, const char *key, const char *text, int *side, struct error *error)
{
    double number;
    bool good =
        parse_numbers (text, "", &number, 1) == 1 && number >= 1 && number <= SIDE_MAX && number == floor (number);
    *side = good ? (int)number : 0;
    return good || report (error, "%s: %s '%.40s' is not a number of pixels in 1..%d", report_path (info->path), key,
                           text, SIDE_MAX);
}

/* "64x48" is width and height, "64" both. */
static bool parse_size (const struct modelinfo *info, const char *text, int *height, int *width, struct error *error)
{
    double numbers[2];
    int count = parse_numbers (text, "xX*", numbers, 2);
    for (int i = 0; i < count; i++) {
        if (numbers[i] < 1 || numbers[i] > SIDE_MAX || numbers[i] != floor (numbers[i]))
            count = -1;
    }
    if (count < 1)
        return report (error, "%s: size '%.40s' is not WIDTHxHEIGHT, each in 1..%d", report_path (info->path), text,
                       SIDE_MAX);
    *width = (int)numbers[0];
    *height = (int)numbers[count - 1];
    return true;
}

/* GStreamer's key: all dimensions, -1 where they are open. Those of no image say nothing here. */
static bool parse_dims (const struct modelinfo *info, const char *group, const char *text, int *height, int *width,
                        struct error *error)
{
    double numbers[8];
    int count = parse_numbers (text, "x", numbers, 8);
    if (count < 0)
        return report (error, "%s: dims '%.60s' are not up to 8 numbers", report_path (info->path), text);
    if (count != 3 && count != 4)
        return true;
    double *last = numbers + count - 3;
    char *turned = get (info->keys, group, "dims-order");
    if (turned && !strcmp (turned, "col-major")) {
        double swap = numbers[0];
        last = numbers; /* the batch comes last */
        last[0] = last[2];
        last[2] = swap;
    }
    g_free (turned);
    bool first = last[0] == 1 || last[0] == 3 || last[0] == 4;
    const double *side = first ? last + 1 : last;
    bool sides = side[0] >= 1 && side[0] <= SIDE_MAX && side[1] >= 1 && side[1] <= SIDE_MAX;
    if (sides && (first || last[2] == 1 || last[2] == 3 || last[2] == 4)) {
        *height = (int)side[0];
        *width = (int)side[1];
    }
    return true;
}

/* 0 where nothing is said. */
static bool find_size (const struct modelinfo *info, const char *group, int *height, int *width, struct error *error)
{
    char *dims = get (info->keys, group, "dims"), *size = get (info->keys, group, "size");
    char *high = get (info->keys, group, "height"), *wide = get (info->keys, group, "width");
    *height = *width = 0;
    bool good = (!dims || parse_dims (info, group, dims, height, width, error)) &&
                (!size || parse_size (info, size, height, width, error)) &&
                (!high || parse_side (info, "height", high, height, error)) &&
                (!wide || parse_side (info, "width", wide, width, error));
    g_free (dims);
    g_free (size);
    g_free (high);
    g_free (wide);
    return good;
}

void modelinfo_size (const struct modelinfo *info, const char *name, int *height, int *width)
{
    struct error unused = { "" }; /* modelinfo_apply says it */
    char *group = info ? find_group (info->keys, name) : NULL;
    *height = *width = 0;
    if (group && !find_size (info, group, height, width, &unused))
        *height = *width = 0;
    g_free (group);
}

static bool apply_size (const struct modelinfo *info, const char *group, const struct input_spec *spec,
                        struct notices *notices, struct error *error)
{
    int height, width;
    if (!find_size (info, group, &height, &width, error))
        return false;
    if ((height && height != spec->height) || (width && width != spec->width))
        notices_add (notices, "%s: says %d x %d pixels, but the network takes %d x %d, which is used",
                     report_path (info->path), width ? width : spec->width, height ? height : spec->height, spec->width,
                     spec->height);
    return true;
}

/* ---- all of it ------------------------------------------------------------------------------------------------- */

static void name_unknown_keys (const struct modelinfo *info, const char *group, struct notices *notices)
{
    static const char *const *const known[] = { mean_keys,  std_keys,  scale_keys, order_keys,
                                                range_keys, size_keys, other_keys };
    char **keys = g_key_file_get_keys (info->keys, group, NULL, NULL);
    const char *first = NULL;
    int unknown = 0;
    for (int i = 0; keys && keys[i]; i++) {
        bool found = false;
        for (size_t k = 0; !found && k < sizeof known / sizeof known[0]; k++)
            found = g_strv_contains (known[k], keys[i]);
        if (!found && ++unknown == 1)
            first = keys[i];
    }
    if (unknown)
        notices_add (notices, "%s: the key '%.40s'%s of [%.40s] is not known and passed over", report_path (info->path),
                     first, unknown > 1 ? " (and others)" : "", group);
    g_strfreev (keys);
}

static bool apply_group (const struct modelinfo *info, const char *group, struct input_spec *spec,
                         struct notices *notices, struct error *error)
{
    struct input_spec read = *spec;
    struct said said = { .ranges = get_one_of (info->keys, group, range_keys, NULL),
                         .mean = get_one_of (info->keys, group, mean_keys, NULL),
                         .std = get_one_of (info->keys, group, std_keys, NULL),
                         .scale = get_one_of (info->keys, group, scale_keys, NULL) };
    said.order = get_one_of (info->keys, group, order_keys, &said.order_key);
    bool good = (!said.order || parse_order (info, said.order_key, said.order, &read, error)) &&
                apply_numbers (info, &said, &read, notices, error) && apply_size (info, group, spec, notices, error);
    if (good && (said.ranges || said.mean || said.std || said.scale || said.order)) {
        read.given = true;
        *spec = read;
    }
    if (good)
        name_unknown_keys (info, group, notices);
    g_free (said.ranges);
    g_free (said.mean);
    g_free (said.std);
    g_free (said.scale);
    g_free (said.order);
    return good;
}

bool modelinfo_apply (const struct modelinfo *info, const char *name, struct input_spec *spec, struct notices *notices,
                      struct error *error)
{
    if (!info)
        return true;
    char *group = find_group (info->keys, name);
    bool good = true;
    if (group)
        good = apply_group (info, group, spec, notices, error);
    else
        notices_add (notices, "%s: is passed over: it has no section [%.60s], and not one section with dir=input",
                     report_path (info->path), name);
    g_free (group);
    return good;
}

bool modelinfo_parse (const char *path, const char *text, size_t size, struct modelinfo **info, struct error *error)
{
    char refusal[100];
    *info = NULL;
    if (!work_spend (BYTE_STEPS * (uint64_t)size))
        return report (error, "%s: %s", report_path (path), work_refusal (refusal));
    GKeyFile *keys = g_key_file_new ();
    GError *failure = NULL;
    bool good = g_key_file_load_from_data (keys, text, size, G_KEY_FILE_NONE, &failure);
    if (!good)
        report (error, "%s: is no key file: %s", report_path (path), failure->message);
    good = good && check_version (keys, path, error);
    g_clear_error (&failure);
    if (good) {
        *info = g_new0 (struct modelinfo, 1);
        (*info)->path = g_strdup (path);
        (*info)->keys = keys;
    } else {
        g_key_file_free (keys);
    }
    return good;
}

bool modelinfo_open (const char *path, struct modelinfo **info, struct error *error)
{
    size_t size;
    struct error reason = { "" };
    *info = NULL;
    char *text = file_read_side (path, FILE_MAX, &size, &reason);
    if (!text)
        return errno == ENOENT || report (error, "%s", reason.text);
    bool good = modelinfo_parse (path, text, size, info, error);
    free (text);
    return good;
}

void modelinfo_close (struct modelinfo *info)
{
    if (!info)
        return;
    g_key_file_free (info->keys);
    g_free (info->path);
    g_free (info);
}
