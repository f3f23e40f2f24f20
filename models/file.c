/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* file.c: reads regular files as bytes.
 *
 * The path comes from a person or an application, what it leads to may be anything: a pipe that nobody writes to, a
 * device without end, a sparse file of a terabyte, a file that shrinks while it is read. The name of a file beside it
 * comes from the file itself, which nobody vouches for. */
#include "models/file.h"

#include "engine/work.h"
#include "models/report.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE_BYTES = 8 << 20, READ_STEPS = 1000 }; /* read at once; of one call */
enum { OPEN_FLAGS = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, LINK_BYTES = 256 };

static bool fail_errno (const char *path, const char *what, struct error *error)
{
    int reason = errno;
    report (error, "%s: cannot be %s: %s", report_path (path), what, strerror (reason));
    errno = reason;
    return false;
}

/* ---- opening ------------------------------------------------------------------------------------------------- */

static struct file_identity identity_of (const struct stat *about)
{
    return (struct file_identity) { about->st_dev, about->st_ino, (uint64_t)about->st_size, about->st_mtim,
                                    about->st_ctim };
}

static bool same_time (struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool file_same (const struct file_identity *a, const struct file_identity *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           same_time (a->modified, b->modified) && same_time (a->changed, b->changed);
}

bool file_identify (const char *path, struct file_identity *identity)
{
    struct stat about;
    *identity = (struct file_identity) { 0 };
    if (stat (path, &about))
        return false;
    *identity = identity_of (&about);
    return true;
}

/* Takes fd, on failure too. `beside`: nobody named it. */
static bool take (int fd, const char *path, bool beside, struct file *file, struct error *error)
{
    struct stat about;
    bool good = !fstat (fd, &about) || fail_errno (path, "read", error);
    if (good && (!S_ISREG (about.st_mode) || about.st_size < 0))
        good = report (error, "%s: %s", report_path (path),
                       S_ISDIR (about.st_mode) ? "is a folder, not a file" : "is not a regular file");
    if (good && beside && about.st_nlink > 1)
        good = report (error, "%s: has %lu names, of which others may be in other folders (hard links)",
                       report_path (path), (unsigned long)about.st_nlink);
    char *copy = good ? strdup (path) : NULL;
    if (good && !copy)
        good = report (error, "%s: no memory for its name", report_path (path));
    if (good) {
        *file = (struct file) { copy, fd, (uint64_t)about.st_size, about.st_mtim, identity_of (&about) };
        return true;
    }
    close (fd);
    errno = EIO;
    return false;
}

bool file_open (const char *path, struct file *file, struct error *error)
{
    *file = (struct file) { .path = NULL };
    int fd = open (path, OPEN_FLAGS);
    return fd >= 0 ? take (fd, path, false, file, error) : fail_errno (path, "opened", error);
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

size_t file_name_start (const char *path)
{
    const char *slash = strrchr (path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

size_t file_suffix_start (const char *path)
{
    const char *dot = strrchr (path + file_name_start (path), '.');
    return dot ? (size_t)(dot - path) : strlen (path);
}

char *file_path_with (const char *path, size_t length, const char *suffix)
{
    size_t size = strlen (suffix) + 1;
    char *whole = malloc (length + size);
    if (!whole)
        return NULL;
    memcpy (whole, path, length);
    memcpy (whole + length, suffix, size);
    return whole;
}

/* Opens what the path names, beginning with its folder. */
static bool open_beside (const char *path, struct file *file, struct error *error)
{
    char folder[PATH_MAX] = "./"; /* so much the system takes */
    size_t start = file_name_start (path), length = start ? start : 2;
    *file = (struct file) { .path = NULL };
    errno = ENAMETOOLONG;
    if (length >= sizeof folder)
        return fail_errno (path, "opened", error);
    if (start)
        memcpy (folder, path, length);
    folder[length] = 0;
    int in = open (folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = in >= 0 ? open_in (in, path, path + start, error) : (fail_errno (path, "opened", error), -1);
    int reason = errno;
    if (in >= 0)
        close (in);
    errno = reason;
    return fd >= 0 && take (fd, path, true, file, error);
}

bool file_open_beside (const char *path, const char *name, struct file *file, struct error *error)
{
    *file = (struct file) { .path = NULL };
    if (!is_plain (name)) {
        errno = EINVAL;
        return report (error, "%s: '%.100s' is not the plain name of a file beside it", report_path (path), name);
    }
    char *whole = file_path_with (path, file_name_start (path), name);
    if (!whole)
        return report (error, "%s: no memory for the name of a file beside it", report_path (path));
    bool good = open_beside (whole, file, error);
    int reason = errno;
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
    char refusal[100];
    for (size_t done = 0; done < size;) {
        size_t piece = size - done < PIECE_BYTES ? size - done : PIECE_BYTES;
        if (!work_spend (READ_STEPS + piece / 4))
            return report (error, "%s: %s", report_path (file->path), work_refusal (refusal));
        ssize_t got = pread (file->fd, (char *)to + done, piece, (off_t)(offset + done));
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
    bool same = (uint64_t)about.st_size == file->size && same_time (about.st_mtim, file->changed);
    return same || report (error, "%s: was changed while being read", report_path (file->path));
}

/* Reads the file, if it is open, and closes it. */
static char *read_whole (struct file *file, bool good, size_t limit, size_t *size, struct error *error)
{
    char *bytes = NULL;
    if (!good)
        return NULL;
    const char *path = file->path;
    *size = (size_t)file->size;
    good = file->size <= limit || report (error, "%s: is %llu bytes large, the limit is %zu", report_path (path),
                                          (unsigned long long)file->size, limit);
    if (good)
        work_allow_bytes (file->size);
    if (good && !(bytes = malloc (*size + 1)))
        good = report (error, "%s: no memory for its %zu bytes", report_path (path), *size);
    good = good && file_read_at (file, 0, bytes, *size, error) && file_unchanged (file, error);
    file_close (file);
    if (good) {
        bytes[*size] = 0;
        return bytes;
    }
    free (bytes);
    errno = EIO;
    return NULL;
}

char *file_read_identified (const char *path, size_t limit, size_t *size, struct file_identity *identity,
                            struct error *error)
{
    struct file file;
    bool good = file_open (path, &file, error);
    *identity = file.identity;
    return read_whole (&file, good, limit, size, error);
}

char *file_read (const char *path, size_t limit, size_t *size, struct error *error)
{
    struct file_identity unused;
    return file_read_identified (path, limit, size, &unused, error);
}

char *file_read_side (const char *path, size_t limit, size_t *size, struct error *error)
{
    struct file file;
    bool good = open_beside (path, &file, error);
    if (!good && (errno == ENAMETOOLONG || errno == ELOOP || errno == EACCES || errno == ENOTDIR))
        errno = ENOENT;
    return read_whole (&file, good, limit, size, error);
}

bool file_can_be_read (const char *path, struct error *error)
{
    struct file file;
    bool good = file_open (path, &file, error);
    file_close (&file);
    return good;
}

/* ---- lists ------------------------------------------------------------------------------------------------------- */

void file_list_add (struct file_list *files, const char *path, const struct file_identity *identity)
{
    if (files->count < 0)
        return;
    char *copy = path ? strdup (path) : NULL;
    struct file_entry *list = copy ? realloc (files->list, ((size_t)files->count + 1) * sizeof *list) : NULL;
    if (list) {
        list[files->count++] = (struct file_entry) { copy, *identity };
        files->list = list;
        return;
    }
    free (copy);
    file_list_free (files);
    files->count = -1;
}

void file_list_free (struct file_list *files)
{
    for (int i = 0; i < files->count; i++)
        free (files->list[i].path);
    free (files->list);
    *files = (struct file_list) { 0 };
}
