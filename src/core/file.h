/* file.h - files that appear whole or not at all, and bounded reading.
 *
 * Writing  goes to a file beside `path` that has no name, or one of its own, is flushed to disk and put in place by
 *          _commit; without _commit nothing at `path` changes and _deinit removes it. Every write is checked: a full disk
 *          is an error at the latest in _commit. A file that is replaced leaves its mode to the new one; of a link,
 *          what it leads to is replaced. Two processes that write one path never mix their bytes.
 *          What is neither file nor folder at `path` (a device, a FIFO) is written to directly and stays. "-",
 *          /dev/stdout and /dev/fd/N are files that this process has open: written to where they stand.
 * Reading  _read copies the whole file (refused above max_bytes); _map maps it read-only.
 * Waiting  for a pipe, a FIFO or a terminal ends with RAML_ESTOP where a signal interrupts it whose handler was installed
 *          without SA_RESTART.
 * Lines    raml_lines walks a text file line by line with a bounded line length; line numbers start at 1. A byte order
 *          mark at the start of the file is skipped. A file that is compressed, or UTF-16, is refused by that name.
 */
#ifndef RAML_FILE_H
#define RAML_FILE_H

#include "raml/buf.h"
#include "raml/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct raml_writer {
    FILE *f;
    char *path, *target, *tmp; /* as given; without links; the name of what is being filled, NULL: it has none */
    bool direct;               /* target itself is written to */
    bool replaces;             /* there was a file when this one was begun */
    size_t noted;              /* raml_memory_mark: what memory ran out for is not put in place */
    bool fresh; /* the caller's, after _init: what another process puts there meanwhile is not replaced */
};
RAML_CHECKED enum raml_code raml_writer_init(struct raml_writer *w, const char *path, struct raml_err *err);
RAML_CHECKED enum raml_code raml_writer_add(struct raml_writer *w, const void *bytes, size_t n, struct raml_err *err);
RAML_CHECKED enum raml_code raml_writer_commit(struct raml_writer *w, struct raml_err *err);
/* N of /dev/fd/N, /dev/stdout and what else names one of this process's open files ("-": standard output); -1: path names
 * none. */
int raml_open_file_of(const char *path);
bool raml_is_stdout(const char *path);          /* "-", /dev/stdout, /dev/fd/1; NULL: no */
void raml_writer_deinit(struct raml_writer *w); /* after init, commit or failure; safe to call twice */

/* Writes a whole file atomically. */
RAML_CHECKED enum raml_code raml_file_write(const char *path, const void *bytes, size_t n, struct raml_err *err);
/* Opens path to read; "-": standard input. A pipe that this process has open (/dev/fd/5) is that pipe, which its name need not lead to any more.
 * -1 with errno. */
int raml_open_input(const char *path);
/* Appends to *out (initialised by the caller; its maximum bounds the file's size). */
RAML_CHECKED enum raml_code raml_file_read(const char *path, struct raml_buf *out, struct raml_err *err);

struct raml_map {
    const unsigned char *data;
    size_t size;
};
RAML_CHECKED enum raml_code raml_map_init(struct raml_map *m, const char *path, struct raml_err *err);
void raml_map_deinit(struct raml_map *m);

/* What a file that begins with these bytes is instead of a text in UTF-8, and how to make it one; NULL: it may be one. */
const char *raml_file_no_text(const char *bytes, size_t n);

struct raml_lines {
    FILE *f;
    struct raml_buf line;
    const char *path; /* the caller's; must outlive the walk */
    size_t number;    /* of the line last returned */
    bool own;         /* f is closed by _deinit ("-" is standard input and is not) */
};
RAML_CHECKED enum raml_code raml_lines_init(struct raml_lines *l, const char *path, size_t max_line_bytes,
                                            struct raml_err *err);
/* *more = false at the end. The line (no newline, no carriage return) is l->line until the next call. */
RAML_CHECKED enum raml_code raml_lines_next(struct raml_lines *l, bool *more, struct raml_err *err);
void raml_lines_deinit(struct raml_lines *l);

RAML_CHECKED enum raml_code raml_make_dir(const char *path, struct raml_err *err); /* with parents; existing is fine */
bool raml_is_dir(const char *path);
bool raml_is_file(const char *path);
/* Removes a folder and the regular files and folders below it. Missing is fine. */
RAML_CHECKED enum raml_code raml_remove_tree(const char *path, struct raml_err *err);
/* Flushes a folder's entries to disk, so that renames in it survive a power failure. */
void raml_sync_dir(const char *path);
/* XXH3-64 of bytes; of a file (a folder's: of the names and hashes of its regular files, sorted by name). */
uint64_t raml_hash(const void *bytes, size_t n, uint64_t seed);
RAML_CHECKED enum raml_code raml_hash_path(const char *path, uint64_t *hash, struct raml_err *err);

#endif
