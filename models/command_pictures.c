/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* command_pictures.c: pictures and clips -> pixels, decoded by GStreamer's gst-launch-1.0, so that the command itself
 * needs no GStreamer and reads whatever the element's pipelines read.
 *
 *   file -> stdin of gst-launch-1.0: decoded, cut to the network's shape, scaled to 8/7 of its size, the middle of it
 *        -> stdout: width x height x RGBx, one picture after the other; of a clip up to 64
 *           at equal distances */
#include "models/command.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CLIP_PICTURES_MAX = 64, SILENCE_MS = 20 * 1000 /* after so long nothing more is waited for */ };

/* -1: it was said why. */
static int open_regular (const char *path)
{
    struct stat status;
    int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        complain ("%s: cannot be opened: %s", path, strerror (errno));
        return -1;
    }
    if (fstat (fd, &status) || !S_ISREG (status.st_mode)) {
        complain ("%s: is not a regular file", path);
        close (fd);
        return -1;
    }
    return fd;
}

/* The pipeline, a word each; g_strfreev () it. */
static char **pipeline_words (const char *decoder, int width, int height)
{
    int wide = (width * 8 + 6) / 7, high = (height * 8 + 6) / 7;
    char *text = g_strdup_printf ("gst-launch-1.0 -q fdsrc fd=0 ! %s ! videoconvert ! "
                                  "aspectratiocrop aspect-ratio=%d/%d ! videoscale add-borders=false ! "
                                  "video/x-raw,format=RGBx,width=%d,height=%d,pixel-aspect-ratio=1/1 ! "
                                  "videocrop left=%d right=%d top=%d bottom=%d ! fdsink fd=1 sync=false",
                                  decoder, width, height, wide, high, (wide - width) / 2, (wide - width + 1) / 2,
                                  (high - height) / 2, (high - height + 1) / 2);
    char **words = g_strsplit (text, " ", -1);
    g_free (text);
    return words;
}

/* One picture of `bytes` bytes; false: there is no whole one. */
static bool read_picture (int fd, unsigned char *to, size_t bytes)
{
    while (bytes) {
        struct pollfd wait = { .fd = fd, .events = POLLIN };
        if (poll (&wait, 1, SILENCE_MS) == 0)
            return false; /* some decoders neither decode nor end where there is no picture */
        ssize_t got = read (fd, to, bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        to += got;
        bytes -= (size_t)got;
    }
    return true;
}

/* Keeps every other one of `count` pictures of `bytes` bytes. */
static void thin_out (unsigned char *rgb, int count, size_t bytes)
{
    for (int i = 1; 2 * i < count; i++)
        memmove (rgb + (size_t)i * bytes, rgb + 2 * (size_t)i * bytes, bytes);
}

/* Appends pictures 0, distance, 2 distance, ... of the stream: where they become too many, the distance doubles. */
static bool read_pictures (int fd, size_t pixels, struct pictures *pictures)
{
    unsigned char *rgbx = malloc (4 * pixels);
    size_t before = (size_t)pictures->count;
    int kept = 0, distance = 1;
    bool good = rgbx != NULL;
    for (int n = 0; good && read_picture (fd, rgbx, 4 * pixels); n++) {
        if (n % distance)
            continue;
        unsigned char *grown = realloc (pictures->rgb, (before + (size_t)kept + 1) * 3 * pixels);
        good = grown != NULL;
        if (!good)
            break;
        pictures->rgb = grown;
        grown += (before + (size_t)kept++) * 3 * pixels;
        for (size_t i = 0; i < pixels; i++)
            memcpy (grown + 3 * i, rgbx + 4 * i, 3);
        if (kept == CLIP_PICTURES_MAX) {
            thin_out (pictures->rgb + before * 3 * pixels, kept, 3 * pixels);
            kept /= 2;
            distance *= 2;
        }
    }
    pictures->count += kept;
    free (rgbx);
    return good;
}

/* Appends what this decoder makes of the file, which may be nothing. False: it was said why. */
static bool decode_by (const char *decoder, const char *path, int width, int height, struct pictures *pictures)
{
    int from = open_regular (path), pipe_ends[2] = { -1, -1 };
    if (from < 0)
        return false;
    if (pipe2 (pipe_ends, O_CLOEXEC)) {
        complain ("no pipe: %s", strerror (errno));
        close (from);
        return false;
    }
    char **words = pipeline_words (decoder, width, height);
    GError *failure = NULL;
    GPid child;
    bool good = g_spawn_async_with_fds (NULL, words, NULL,
                                        G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDERR_TO_DEV_NULL,
                                        NULL, NULL, &child, from, pipe_ends[1], -1, &failure);
    close (from);
    close (pipe_ends[1]);
    if (!good) {
        complain ("%s: GStreamer's gst-launch-1.0 is needed to decode it: %s", path, failure->message);
    } else {
        good = read_pictures (pipe_ends[0], (size_t)width * (size_t)height, pictures);
        if (!good)
            complain ("%s: no memory for its pictures", path);
    }
    close (pipe_ends[0]);
    if (!failure) {
        kill (child, SIGKILL); /* what it may still do is not wanted */
        waitpid (child, NULL, 0);
        g_spawn_close_pid (child);
    }
    g_clear_error (&failure);
    g_strfreev (words);
    return good;
}

bool command_decode (const char *path, int width, int height, struct pictures *pictures)
{
    static const char *const decoders[] = { "decodebin",
                                            "gdkpixbufdec" }; /* the second, unasked never used, has more */
    int before = pictures->count;
    for (size_t i = 0; i < sizeof decoders / sizeof decoders[0] && pictures->count == before; i++) {
        if (!decode_by (decoders[i], path, width, height, pictures))
            return false;
    }
    if (pictures->count == before)
        complain ("%s: GStreamer can decode no picture from it", path);
    return pictures->count > before;
}
