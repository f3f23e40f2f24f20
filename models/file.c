/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* file.c: reads regular files as bytes.
 *
 * The path comes from a person or an application, what it leads to may be anything: a pipe that nobody writes to, a
 * device without end, a sparse file of a terabyte, a file that shrinks while it is read. The name of a file beside it
 * comes from the file itself, which nobody vouches for. */
#include "models/file.h"

#include "models/report.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPEN_FLAGS = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, LINK_BYTES = 256 };

static bool fail_errno (const char *path, const char *what, struct error *error)
{
    int reason = errno;
    report (error, "%s: cannot be %s: %s", report_path (path), what, strerror (reason));
    errno = reason;
    return false;
}

/* ---- opening ------------------------------------------------------------------------------------------------- */

/* Takes fd, on failure too. */
static bool take (int fd, const char *path, struct file *file, struct error *error)
{
    struct stat about;
    bool good = !fstat (fd, &about) || fail_errno (path, "read", error);
    if (good && (!S_ISREG (about.st_mode) || about.st_size < 0))
        good = report (error, "%s: %s", report_path (path),
                       S_ISDIR (about.st_mode) ? "is a folder, not a file" : "is not a regular file");
    char *copy = good ? strdup (path) : NULL;
    if (good && !copy)
        good = report (error, "%s: no memory for its name", report_path (path));
    if (good) {
        *file = (struct file) { copy, fd, (uint64_t)about.st_size, about.st_mtim };
        return true;
    }
    close (fd);
    errno = EIO;
    return false;
}

static bool open_file (const char *path, struct file *file, struct error *error)
{
    *file = (struct file) { .path = NULL };
    int fd = open (path, OPEN_FLAGS);
    return fd >= 0 ? take (fd, path, file, error) : fail_errno (path, "opened", error);
}

/* A name that leads nowhere but into the folder it is looked for in. */
static bool is_plain (const char *name)
{
    return *name && strcmp (name, ".") && strcmp (name, "..") && !strpbrk (name, "/\\") &&
           g_utf8_validate (name, -1, NULL);
}

/* Opens `name` in the folder; where it is a link, what that names in the same folder. -1 and an error. */
static int open_in (int folder, const char *path, const char *name, struct error *error)
{
    char target[LINK_BYTES];
    int fd = openat (folder, name, OPEN_FLAGS | O_NOFOLLOW);
    if (fd < 0 && errno == ELOOP) {
        ssize_t length = readlinkat (folder, name, target, sizeof target - 1);
        target[length < 0 ? 0 : length] = 0;
        if (length == (ssize_t)sizeof target - 1 || !is_plain (target)) {
            report (error, "%s: is a link that leaves its folder, which is not followed", report_path (path));
            errno = EIO;
            return -1;
        }
        fd = openat (folder, target, OPEN_FLAGS | O_NOFOLLOW);
    }
    if (fd < 0)
        fail_errno (path, "opened", error);
    return fd;
}

bool file_open_beside (const char *path, const char *name, struct file *file, struct error *error)
{
    *file = (struct file) { .path = NULL };
    if (!is_plain (name)) {
        errno = EINVAL;
        return report (error, "%s: '%.100s' is not the plain name of a file beside it", report_path (path), name);
    }
    const char *slash = strrchr (path, '/');
    size_t length = slash ? (size_t)(slash - path) + 1 : 0;
    size_t size = length + strlen (name) + 3;
    char *folder = malloc (size), *whole = malloc (size);
    bool good = false;
    if (folder && whole) {
        snprintf (folder, size, "%.*s", length ? (int)length : 2, length ? path : "./");
        snprintf (whole, size, "%.*s%s", (int)length, path, name);
        int in = open (folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
        int fd = in >= 0 ? open_in (in, whole, name, error) : (fail_errno (whole, "opened", error), -1);
        int reason = errno;
        if (in >= 0)
            close (in);
        errno = reason;
        good = fd >= 0 && take (fd, whole, file, error);
    } else
        report (error, "%s: no memory for the name of a file beside it", report_path (path));
    int reason = errno;
    free (folder);
    free (whole);
    errno = reason;
    return good;
}

void file_close (struct file *file)
{
    if (file->path)
        close (file->fd);
    free (file->path);
    *file = (struct file) { .path = NULL };
}

/* ---- reading ------------------------------------------------------------------------------------------------- */

bool file_read_at (const struct file *file, uint64_t offset, void *to, size_t size, struct error *error)
{
    for (size_t done = 0; done < size;) {
        ssize_t got = pread (file->fd, (char *)to + done, size - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_errno (file->path, "read", error);
        if (got == 0)
            return report (error, "%s: ended after %llu of %llu bytes: it was changed while being read",
                           report_path (file->path), (unsigned long long)(offset + done),
                           (unsigned long long)file->size);
        done += (size_t)got;
    }
    return true;
}

bool file_unchanged (const struct file *file, struct error *error)
{
    struct stat about;
    if (fstat (file->fd, &about))
        return fail_errno (file->path, "read", error);
    bool same = (uint64_t)about.st_size == file->size && about.st_mtim.tv_sec == file->changed.tv_sec &&
                about.st_mtim.tv_nsec == file->changed.tv_nsec;
    return same || report (error, "%s: was changed while being read", report_path (file->path));
}

char *file_read (const char *path, size_t limit, size_t *size, struct error *error)
{
    struct file file;
    char *bytes = NULL;
    if (!open_file (path, &file, error))
        return NULL;
    *size = (size_t)file.size;
    bool good = file.size <= limit || report (error, "%s: is %llu bytes large, the limit is %zu", report_path (path),
                                              (unsigned long long)file.size, limit);
    if (good && !(bytes = malloc (*size + 1)))
        good = report (error, "%s: no memory for its %zu bytes", report_path (path), *size);
    good = good && file_read_at (&file, 0, bytes, *size, error) && file_unchanged (&file, error);
    file_close (&file);
    if (good) {
        bytes[*size] = 0;
        return bytes;
    }
    free (bytes);
    errno = EIO;
    return NULL;
}
