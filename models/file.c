/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* file.c: reads one named file as bytes.
 *
 * The path comes from a person or an application, what it leads to may be anything: a pipe that nobody writes to, a
 * device without end, a sparse file of a terabyte, a file that shrinks while it is read. */
#include "models/file.h"

#include "models/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The size to read, or false and an error: not a plain file, or too large. */
static bool plain_size (int fd, const char *path, size_t limit, size_t *size, struct error *error)
{
    struct stat about;
    if (fstat (fd, &about))
        return report (error, "%s: cannot be read: %s", report_path (path), strerror (errno));
    if (!S_ISREG (about.st_mode))
        return report (error, "%s: %s", report_path (path),
                       S_ISDIR (about.st_mode) ? "is a folder, not a file" : "is not a regular file");
    if (about.st_size < 0 || (uint64_t)about.st_size > limit)
        return report (error, "%s: is %lld bytes large, the limit is %zu", report_path (path), (long long)about.st_size,
                       limit);
    *size = (size_t)about.st_size;
    return true;
}

static bool read_all (int fd, const char *path, char *bytes, size_t size, struct error *error)
{
    for (size_t done = 0; done < size;) {
        ssize_t got = read (fd, bytes + done, size - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return report (error, "%s: cannot be read: %s", report_path (path), strerror (errno));
        if (got == 0)
            return report (error, "%s: ended after %zu of %zu bytes: it was changed while being read",
                           report_path (path), done, size);
        done += (size_t)got;
    }
    return true;
}

char *file_read (const char *path, size_t limit, size_t *size, struct error *error)
{
    int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        int reason = errno;
        report (error, "%s: cannot be opened: %s", report_path (path), strerror (reason));
        errno = reason;
        return NULL;
    }
    char *bytes = NULL;
    bool good = plain_size (fd, path, limit, size, error);
    if (good && !(bytes = malloc (*size + 1)))
        good = report (error, "%s: no memory for its %zu bytes", report_path (path), *size);
    if (good)
        good = read_all (fd, path, bytes, *size, error);
    close (fd);
    if (good) {
        bytes[*size] = 0;
        return bytes;
    }
    free (bytes);
    errno = EIO;
    return NULL;
}
