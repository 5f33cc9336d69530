/* landscape_journal.c - see landscape_journal.h. */
#include "study/landscape_journal.h"

#include "core/file.h"
#include "core/json.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { HASH = 16, MAX_BYTES = 1 << 30, MAX_LINE_BYTES = 1 << 20, SHOWN = 120 };

struct reading {
    const char *path;
    const char *text;
    size_t len, line; /* line: number of the last one taken */
    size_t good;      /* bytes up to which lines are whole */
};

/* The payload of the next line. *more false: the end, or a torn last line. */
static enum raml_code next_line(struct reading *r, const char **payload, size_t *n, bool *more, struct raml_err *err)
{
    const char *at = r->text + r->good, *end = memchr(at, '\n', r->len - r->good);
    char hash[HASH + 1];
    *more = false;
    if (!end) return RAML_OK;
    r->line++;
    size_t len = (size_t)(end - at);
    bool whole = len > HASH + 1 && at[HASH] == ' ';
    if (whole) {
        snprintf(hash, sizeof hash, "%016" PRIx64, raml_hash(at + HASH + 1, len - HASH - 1, 0));
        whole = !memcmp(hash, at, HASH);
    }
    if (!whole && r->good + len + 1 == r->len && r->line > 1) return RAML_OK;
    if (!whole)
        return raml_fail(err, RAML_EFORMAT,
                         "%s:%zu: the line does not have the hash that it begins with; --overwrite begins anew",
                         r->path, r->line);
    *payload = at + HASH + 1;
    *n = len - HASH - 1;
    *more = true;
    r->good += len + 1;
    return RAML_OK;
}

static void show(const json_t *value, char out[SHOWN])
{
    char *text = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    snprintf(out, SHOWN, "%s", text ? text : "nothing");
    free(text);
}

static enum raml_code differs(const char *path, const char *field, const json_t *found, const json_t *wanted,
                              struct raml_err *err)
{
    char a[SHOWN], b[SHOWN];
    show(found, a);
    show(wanted, b);
    return raml_fail(err, RAML_EUSAGE,
                     "%s: is of another landscape: %s is %s there, and %s here; --overwrite begins anew", path, field,
                     a, b);
}

static enum raml_code same_settings(const char *path, const char *text, size_t n, const char *settings,
                                    struct raml_err *err)
{
    if (n == strlen(settings) && !memcmp(text, settings, n)) return RAML_OK;
    const struct raml_place at = {path, 1}, here = {"settings", 0};
    json_t *found = NULL, *wanted = NULL;
    enum raml_code rc = raml_json_parse(&at, text, n, &found, err);
    if (!rc) rc = raml_json_parse(&here, settings, strlen(settings), &wanted, err);
    const char *key;
    json_t *value;
    if (!rc) {
        json_object_foreach (wanted, key, value) {
            const json_t *other = json_object_get(found, key);
            if (!rc && !(other && json_equal(other, value))) rc = differs(path, key, other, value, err);
        }
        if (!rc) rc = raml_fail(err, RAML_EUSAGE, "%s: is of another landscape; --overwrite begins anew", path);
    }
    json_decref(found);
    json_decref(wanted);
    return rc;
}

/* "17 6.5 7.25": false when it is not that. */
static bool take_point(struct raml_landscape_journal *j, const char *text, size_t n)
{
    char line[64], *end;
    const char *at = memchr(text, ' ', n), *last = text + n;
    if (!at || (size_t)(at - text) >= sizeof line) return false;
    memcpy(line, text, (size_t)(at - text));
    line[at - text] = 0;
    errno = 0;
    unsigned long long point = strtoull(line, &end, 10);
    if (*end || end == line || errno || point >= j->n_points) return false;
    double *loss = j->loss + point * j->n_frames;
    for (size_t f = 0; f < j->n_frames; f++) {
        if (at == last || *at != ' ') return false;
        loss[f] = strtod(at + 1, &end); /* a newline follows the payload */
        if (end == at + 1 || end > last) return false;
        at = end;
    }
    if (at != last) return false;
    j->n_done += !j->done[point];
    j->done[point] = true;
    return true;
}

/* What is there, and how many bytes of it are whole. */
static enum raml_code take_all(struct raml_landscape_journal *j, const char *path, const struct raml_buf *file,
                               const char *settings, size_t *good, struct raml_err *err)
{
    struct reading r = {.path = path, .text = file->data, .len = file->len};
    const char *payload = "";
    size_t n = 0;
    bool more;
    enum raml_code rc = next_line(&r, &payload, &n, &more, err);
    if (!rc && !more && file->len > HASH + 1 + strlen(settings))
        rc = raml_fail(err, RAML_EFORMAT, "%s: is no journal of a landscape", path);
    if (!rc && more) rc = same_settings(path, payload, n, settings, err);
    while (!rc && more) {
        rc = next_line(&r, &payload, &n, &more, err);
        if (!rc && more && !take_point(j, payload, n))
            rc = raml_fail(err, RAML_EFORMAT, "%s:%zu: found '%.*s', expected a point below %zu and %zu losses", path,
                           r.line, (int)(n < 60 ? n : 60), payload, j->n_points, j->n_frames);
    }
    *good = r.good;
    return rc;
}

static enum raml_code add_line(struct raml_landscape_journal *j, const char *payload, size_t n, struct raml_err *err)
{
    struct raml_buf line;
    raml_buf_init(&line, MAX_LINE_BYTES + HASH + 2);
    raml_buf_addf(&line, "%016" PRIx64 " ", raml_hash(payload, n, 0));
    raml_buf_add(&line, payload, n);
    raml_buf_adds(&line, "\n");
    enum raml_code rc = raml_buf_status(&line, err);
    if (!rc) rc = raml_append_add(&j->file, line.data, line.len, err);
    raml_buf_deinit(&line);
    return rc;
}

static enum raml_code begin(struct raml_landscape_journal *j, const char *path, const char *settings,
                            struct raml_err *err)
{
    struct raml_buf file;
    size_t good = 0;
    raml_buf_init(&file, MAX_BYTES);
    raml_buf_add(&file, "", 0);
    enum raml_code rc = raml_file_read(path, &file, err);
    if (!rc) rc = take_all(j, path, &file, settings, &good, err);
    if (!rc && good < file.len && ftruncate(j->file.fd, (off_t)good))
        rc = raml_fail_errno(err, "%s: its torn last line can't be removed", path);
    if (!rc && good == 0) rc = add_line(j, settings, strlen(settings), err);
    raml_buf_deinit(&file);
    return rc;
}

enum raml_code raml_landscape_journal_open(struct raml_landscape_journal *j, const char *path, const char *settings,
                                           size_t n_points, size_t n_frames, struct raml_err *err)
{
    *j = (struct raml_landscape_journal){.n_points = n_points, .n_frames = n_frames, .file = {.fd = -1}};
    raml_buf_init(&j->line, MAX_LINE_BYTES);
    j->loss = calloc(n_points * n_frames + 1, sizeof *j->loss);
    j->done = calloc(n_points + 1, sizeof *j->done);
    enum raml_code rc =
        j->loss && j->done ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for %zu points", n_points);
    if (!rc) rc = raml_append_init(&j->file, path, err);
    if (!rc && flock(j->file.fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
        rc = raml_fail(err, RAML_EIO, "%s: another process is writing this landscape", path);
    if (!rc) rc = begin(j, path, settings, err);
    if (rc) raml_landscape_journal_close(j);
    return rc;
}

void raml_landscape_journal_close(struct raml_landscape_journal *j)
{
    raml_append_deinit(&j->file);
    raml_buf_deinit(&j->line);
    free(j->loss);
    free(j->done);
    *j = (struct raml_landscape_journal){.file = {.fd = -1}};
}

enum raml_code raml_landscape_journal_add(struct raml_landscape_journal *j, size_t point, const double *loss,
                                          struct raml_err *err)
{
    raml_buf_clear(&j->line);
    raml_buf_addf(&j->line, "%zu", point);
    for (size_t f = 0; f < j->n_frames; f++) {
        if (isnan(loss[f])) raml_buf_adds(&j->line, " nan"); /* without a sign */
        else raml_buf_addf(&j->line, " %.17g", loss[f]);
    }
    enum raml_code rc = raml_buf_status(&j->line, err);
    if (!rc) rc = add_line(j, j->line.data, j->line.len, err);
    if (rc) return rc;
    memcpy(j->loss + point * j->n_frames, loss, j->n_frames * sizeof *loss);
    j->n_done += !j->done[point];
    j->done[point] = true;
    return RAML_OK;
}

enum raml_code raml_landscape_journal_sync(struct raml_landscape_journal *j, struct raml_err *err)
{
    return raml_append_sync(&j->file, err);
}
