/* journal.h - what a server has answered, so that nobody asks it again: a file that grows by a line a reply.
 *
 * A line is {"key": 32 hex digits, ..}: the key is a hash of what was asked, model included; what follows is the caller's.
 * The first line says what the file is. A torn last line, which a killed process or a full disk leaves, is dropped.
 * Threads   one; two processes can't have the same journal open (RAML_EIO).
 */
#ifndef RAML_ENDPOINT_JOURNAL_H
#define RAML_ENDPOINT_JOURNAL_H

#include "core/append.h"
#include "core/file.h"
#include "core/hash_map.h"

#include <jansson.h>

struct raml_journal_key {
    uint64_t part[2];
};
struct raml_journal_entry {
    struct raml_journal_key key;
    size_t start, n; /* its line in the map */
};
struct raml_journal {
    char *path; /* NULL: none is kept */
    struct append file;
    struct raml_map map; /* the file as it was when it was opened */
    struct raml_journal_entry *entry;
    struct raml_hash_map index;
    struct raml_buf line;
    size_t n, cap;
};
/* path NULL: none; every other call is legal then, and does nothing. */
RAML_CHECKED enum raml_code raml_journal_open(struct raml_journal *j, const char *path, struct raml_err *err);
void raml_journal_close(struct raml_journal *j);
/* What was there with this key, a new reference; NULL: nothing. */
RAML_CHECKED enum raml_code raml_journal_find(const struct raml_journal *j, const struct raml_journal_key *key,
                                              json_t **out, struct raml_err *err);
/* Appends o, taken over, with the key. */
RAML_CHECKED enum raml_code raml_journal_add(struct raml_journal *j, const struct raml_journal_key *key, json_t *o,
                                             struct raml_err *err);

#endif
