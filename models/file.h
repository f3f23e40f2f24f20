/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* file.h: reads regular files as bytes: one that is named, or one beside it in the same folder.
 *
 * Files are read, never mapped: one that shrinks meanwhile is an error, not a SIGBUS. Directories, pipes and devices
 * are refused without waiting for them. Any thread. */
#ifndef CONVRELU_FILE_H
#define CONVRELU_FILE_H

#include "engine/engine.h"

#include <time.h>

/* Which file it is, in which state: another one, or one that was written to since, differs. Zeros: none. */
struct file_identity {
    uint64_t device, inode, size;
    struct timespec modified, changed; /* its bytes; anything about it */
};
bool file_same (const struct file_identity *a, const struct file_identity *b);
/* Of what is there now, a link followed. False: nothing is, or it may not be looked at. */
bool file_identify (const char *path, struct file_identity *identity);

/* Whether it is a regular file that can be opened; false and a filled error otherwise. */
bool file_can_be_read (const char *path, struct error *error);

/* Files that numbers were read from. */
struct file_list {
    struct file_entry {
        char *path;
        struct file_identity identity;
    } * list;  /* [count] */
    int count; /* -1: there was no memory to tell */
};
/* `path` NULL: there was no memory for it, which the list then says. */
void file_list_add (struct file_list *files, const char *path, const struct file_identity *identity);
void file_list_free (struct file_list *files);

/* An open file; zeroed when there is none. */
struct file {
    char *path; /* named in errors */
    int fd;
    uint64_t size;           /* bytes, when it was opened */
    struct timespec changed; /* its modification time then */
    struct file_identity identity;
};

/* The file `name` in the folder where `path` is. False and a filled error on failure, and nothing to close. `name`
 * comes from an untrusted file and must be plain: no separator, not "." or "..", text; a symbolic link is followed only
 * to another plain name in that folder, and a file that has other names besides (hard links) is not read. */
bool file_open_beside (const char *path, const char *name, struct file *file, struct error *error);
/* `size` bytes from `offset` on; false and a filled error when they are not there (any more). */
bool file_read_at (const struct file *file, uint64_t offset, void *to, size_t size, struct error *error);
/* Whether it has its first size and modification time still; false and a filled error otherwise. */
bool file_unchanged (const struct file *file, struct error *error);
bool file_open (const char *path, struct file *file, struct error *error); /* one that is named; else the same */
void file_close (struct file *file);                                       /* a closed one too */

/* Where the last name of a path begins; where its suffix does, at the end if it has none. */
size_t file_name_start (const char *path);
size_t file_suffix_start (const char *path);
/* The first `length` bytes of a path and a suffix, malloc'd; NULL: no memory. */
char *file_path_with (const char *path, size_t length, const char *suffix);

/* All bytes of a side file that nobody named, in the folder where it stands at the end of `path`; else as file_read. A
 * folder may come out of an archive: only a regular file with this one name is read, or a symbolic link to such a one
 * in the same folder. errno is ENOENT also where such a file cannot be: a name too long, a loop of links, one that may
 * not be read. */
char *file_read_side (const char *path, size_t limit, size_t *size, struct error *error);

/* All bytes of a file of at most `limit` bytes, with one zero byte behind them that *size does not count; the caller
 * frees them. Nothing stays open: the file may be replaced at any time afterwards.
 * NULL and a filled error on failure; errno is then ENOENT when there is no such file, and something else otherwise. */
char *file_read (const char *path, size_t limit, size_t *size, struct error *error);
/* The same; *identity is of the file that was read. */
char *file_read_identified (const char *path, size_t limit, size_t *size, struct file_identity *identity,
                            struct error *error);

#endif
