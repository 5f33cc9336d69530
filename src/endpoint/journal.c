/* journal.c - see journal.h. */
#include "endpoint/journal.h"

#include "core/array.h"
#include "core/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static const char first_line[] = "{\"raml_endpoint_journal\":1}\n";
static const size_t MAX_LINE = (size_t)1 << 28;

static uint32_t find(const struct raml_journal *j, const struct raml_journal_key *key)
{
    uint32_t i;
    for (size_t step = 0; (i = raml_hash_map_next(&j->index, key->part[0], &step)) != RAML_HASH_NONE;)
        if (!memcmp(&j->entry[i].key, key, sizeof *key)) break;
    return i;
}

/* {"key":"0123456789abcdef0123456789abcdef", as _add writes it. */
static bool read_key(const char *line, size_t n, struct raml_journal_key *key)
{
    static const char head[] = "{\"key\":\"";
    char digits[17] = "";
    if (n < sizeof head - 1 + 32 || memcmp(line, head, sizeof head - 1) != 0) return false;
    for (int k = 0; k < 2; k++) {
        char *end;
        memcpy(digits, line + sizeof head - 1 + 16 * k, 16);
        key->part[k] = strtoull(digits, &end, 16);
        if (end != digits + 16) return false;
    }
    return true;
}

static enum raml_code read_line(struct raml_journal *j, size_t start, size_t n, size_t number, struct raml_err *err)
{
    struct raml_journal_entry e = {.start = start, .n = n};
    const char *text = (const char *)j->map.data + start;
    if (number == 1)
        return n + 1 == sizeof first_line - 1 && !memcmp(text, first_line, n)
                   ? RAML_OK
                   : raml_fail(err, RAML_EFORMAT, "%s:1: is no journal of an endpoint; expected %.*s", j->path,
                               (int)sizeof first_line - 2, first_line);
    if (!read_key(text, n, &e.key))
        return raml_fail(err, RAML_EFORMAT, "%s:%zu: field 'key' is missing; expected 32 hexadecimal digits", j->path,
                         number);
    enum raml_code rc = RAML_GROW(j->entry, j->cap, j->n + 1, "lines of a journal", err);
    if (rc || find(j, &e.key) != RAML_HASH_NONE) return rc;
    if (!raml_hash_map_add(&j->index, e.key.part[0], (uint32_t)j->n))
        return raml_fail(err, RAML_ENOMEM, "%s: no memory for its lines", j->path);
    j->entry[j->n++] = e;
    return RAML_OK;
}

static enum raml_code read_all(struct raml_journal *j, struct raml_err *err)
{
    enum raml_code rc = raml_map_init(&j->map, j->path, err);
    size_t at = 0, number = 0;
    while (!rc && at < j->map.size) {
        const unsigned char *end = memchr(j->map.data + at, '\n', j->map.size - at);
        if (!end) break;
        size_t n = (size_t)(end - j->map.data) - at;
        rc = read_line(j, at, n, ++number, err);
        at += n + 1;
    }
    if (!rc && at < j->map.size && ftruncate(j->file.fd, (off_t)at))
        rc = raml_fail_errno(err, "%s: its torn last line can't be removed", j->path);
    if (!rc && !at) rc = raml_append_add(&j->file, first_line, sizeof first_line - 1, err);
    return rc;
}

enum raml_code raml_journal_open(struct raml_journal *j, const char *path, struct raml_err *err)
{
    *j = (struct raml_journal){.file.fd = -1};
    raml_buf_init(&j->line, MAX_LINE);
    if (!path) return RAML_OK;
    j->path = strdup(path);
    if (!j->path) return raml_fail(err, RAML_ENOMEM, "no memory for a path");
    enum raml_code rc = raml_append_init(&j->file, path, err);
    if (!rc && flock(j->file.fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
        rc = raml_fail(err, RAML_EIO, "%s: another process is writing it", path);
    if (!rc) rc = read_all(j, err);
    if (rc) raml_journal_close(j);
    return rc;
}

void raml_journal_close(struct raml_journal *j)
{
    if (j->path) raml_append_deinit(&j->file);
    raml_map_deinit(&j->map);
    raml_hash_map_deinit(&j->index);
    raml_buf_deinit(&j->line);
    free(j->entry);
    free(j->path);
    *j = (struct raml_journal){.file.fd = -1};
}

enum raml_code raml_journal_find(const struct raml_journal *j, const struct raml_journal_key *key, json_t **out,
                                 struct raml_err *err)
{
    uint32_t i = find(j, key);
    *out = NULL;
    if (i == RAML_HASH_NONE) return RAML_OK;
    const struct raml_place at = {j->path, 0};
    return raml_json_parse(&at, (const char *)j->map.data + j->entry[i].start, j->entry[i].n, out, err);
}

enum raml_code raml_journal_add(struct raml_journal *j, const struct raml_journal_key *key, json_t *o,
                                struct raml_err *err)
{
    if (!o) return raml_fail(err, RAML_ENOMEM, "no memory for a line of the journal");
    if (!j->path) {
        json_decref(o);
        return RAML_OK;
    }
    raml_buf_clear(&j->line);
    raml_buf_addf(&j->line, "{\"key\":\"%016" PRIx64 "%016" PRIx64 "\",", key->part[0], key->part[1]);
    size_t head = j->line.len;
    raml_json_add(&j->line, o);
    json_decref(o);
    enum raml_code rc = raml_buf_status(&j->line, err);
    if (rc) return rc;
    memmove(j->line.data + head, j->line.data + head + 1, j->line.len - head - 1); /* o's own brace */
    j->line.data[j->line.len - 1] = '\n';
    return raml_append_add(&j->file, j->line.data, j->line.len, err);
}
