/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* modelinfo.c: reads GStreamer's .modelinfo key file: https://gstreamer.freedesktop.org/documentation/analytics/ */
#include "models/modelinfo.h"

#include "models/file.h"
#include "models/report.h"

#include <errno.h>
#include <glib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 1 << 20, GROUPS_MAX = 4096 };

static char *get (GKeyFile *keys, const char *group, const char *key)
{
    return g_key_file_get_string (keys, group, key, NULL);
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

static bool parse_order (const char *text, const char *path, struct input_spec *spec, struct error *error)
{
    if (strcmp (text, "rgb") && strcmp (text, "bgr"))
        return report (error, "%s: channel-order '%.40s' is neither rgb nor bgr", report_path (path), text);
    spec->order = text[0] == 'b' ? CHANNEL_ORDER_BGR : CHANNEL_ORDER_RGB;
    return true;
}

static bool read_keys (GKeyFile *keys, const char *path, const char *name, struct input_spec *spec, struct error *error)
{
    if (!check_version (keys, path, error))
        return false;
    char *group = find_group (keys, name);
    if (!group)
        return true;
    char *ranges = get (keys, group, "ranges"), *order = get (keys, group, "channel-order");
    struct input_spec read = *spec;
    bool good =
        (!ranges || parse_ranges (ranges, path, &read, error)) && (!order || parse_order (order, path, &read, error));
    if (good && (ranges || order)) {
        read.given = true;
        *spec = read;
    }
    g_free (group);
    g_free (ranges);
    g_free (order);
    return good;
}

bool modelinfo_read (const char *path, const char *name, struct input_spec *spec, struct error *error)
{
    size_t size;
    struct error reason = { "" };
    char *text = file_read (path, FILE_MAX, &size, &reason);
    if (!text)
        return errno == ENOENT || report (error, "%s", reason.text);
    GKeyFile *keys = g_key_file_new ();
    GError *failure = NULL;
    bool good = g_key_file_load_from_data (keys, text, size, G_KEY_FILE_NONE, &failure);
    if (good)
        good = read_keys (keys, path, name, spec, error);
    else
        report (error, "%s: is no key file: %s", report_path (path), failure->message);
    g_clear_error (&failure);
    g_key_file_free (keys);
    free (text);
    return good;
}
