/* samples.c - which layout a file has (samples.h, layouts.h). */
#include "samples/layouts.h"

#include "core/array.h"
#include "core/file.h"
#include "core/json.h"
#include "core/spool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- detection --------------------------------------------------------------------------------------------------- */

static size_t first_line(const struct raml_buf *b)
{
    const char *end = b->len ? memchr(b->data, '\n', b->len) : NULL;
    return end ? (size_t)(end - b->data) : 0;
}

/* The line at *at as an object, *at then being the next line's; NULL: it is not one, or it does not end. */
static json_t *object_at(const struct raml_buf *b, size_t *at, bool whole, bool *enough)
{
    const char *end = *at < b->len ? memchr(b->data + *at, '\n', b->len - *at) : NULL;
    size_t from = *at, n = end ? (size_t)(end - b->data) - from : whole ? b->len - from : 0;
    json_t *v = n ? raml_json_value(b->data + from, n, enough) : NULL;
    *at = end ? from + n + 1 : b->len;
    if (json_is_object(v)) return v;
    json_decref(v);
    return NULL;
}

static size_t bom_of(const struct raml_buf *b)
{
    return b->len >= 3 && !memcmp(b->data, "\xef\xbb\xbf", 3) ? 3 : 0;
}

/* The beginning of the file into *b: its first line and some more; if that is not an object, the whole file, or
 * RAML_SAMPLES_LOOK bytes of it. *first: a new reference, or NULL. */
static enum raml_code read_head(const char *path, struct raml_buf *b, bool *whole, json_t **first, struct raml_err *err)
{
    enum { STEP = 1 << 16 };
    FILE *f = fopen(path, "rb");
    if (!f) return raml_fail_errno(err, "%s: cannot be opened", path);
    char *step = malloc(STEP);
    enum raml_code rc = step ? RAML_OK : raml_fail(err, RAML_ENOMEM, "%s: no memory to read it", path);
    bool tried = false, enough = true;
    *whole = false;
    *first = NULL;
    while (!rc && !*first && !*whole && b->len + STEP <= RAML_SAMPLES_LOOK) {
        size_t n = fread(step, 1, STEP, f);
        if (n < STEP && ferror(f)) rc = raml_fail_errno(err, "%s: reading failed", path);
        raml_buf_add(b, step, n);
        *whole = n < STEP;
        if (rc || tried || !(first_line(b) || *whole)) continue;
        tried = true;
        size_t at = bom_of(b);
        *first = object_at(b, &at, *whole, &enough);
    }
    if (!rc && !*first && *whole && b->len) {
        size_t bom = bom_of(b);
        *first = raml_json_value(b->data + bom, b->len - bom, &enough);
    }
    if (!rc && !enough) rc = raml_fail(err, RAML_ENOMEM, "%s: no memory to read it", path);
    free(step);
    fclose(f);
    return rc ? rc : raml_buf_status(b, err);
}

static enum raml_code no_layout(const char *path, struct raml_err *err)
{
    struct raml_buf list;
    raml_buf_init(&list, 4096);
    for (size_t i = 0; i < raml_samples_n_layouts; i++)
        raml_buf_addf(&list, "%s%s (%s)", i ? "; " : "", raml_samples_layouts[i]->name,
                      raml_samples_layouts[i]->known_by);
    enum raml_code rc =
        raml_fail(err, RAML_EFORMAT, "%s: no known layout of samples has this first line; expected %.500s", path,
                  list.data ? list.data : "one of the layouts");
    raml_buf_deinit(&list);
    return rc;
}

static const struct raml_samples_layout_row *find(const struct raml_samples_head *head)
{
    for (size_t i = 0; i < raml_samples_n_layouts; i++)
        if (raml_samples_layouts[i]->looks_like(head)) return raml_samples_layouts[i];
    return NULL;
}

/* any: where the first line says nothing, one of the next lines that are there. */
static enum raml_code look(const char *path, bool any, const struct raml_samples_layout_row **out, struct raml_err *err)
{
    struct raml_buf b;
    bool whole = false;
    json_t *first = NULL;
    raml_buf_init(&b, RAML_SAMPLES_LOOK);
    enum raml_code rc = read_head(path, &b, &whole, &first, err);
    const char *other = !rc && b.len ? raml_file_no_text(b.data, b.len) : NULL;
    if (other) rc = raml_fail(err, RAML_EFORMAT, "%s: %s", path, other);
    size_t bom = bom_of(&b), at = bom;
    bool enough = true;
    *out = NULL;
    while (!rc && !*out) {
        struct raml_samples_head head = {
            .path = path, .bytes = b.data ? b.data + bom : "", .n = b.len - bom, .whole = whole, .first = first};
        *out = find(&head);
        if (!*out && (!any || at >= b.len)) rc = no_layout(path, err);
        if (rc || *out) break;
        json_decref(first);
        first = object_at(&b, &at, whole, &enough);
        if (!enough) rc = raml_fail(err, RAML_ENOMEM, "%s: no memory to read it", path);
    }
    json_decref(first);
    raml_buf_deinit(&b);
    return rc;
}

static enum raml_code read_path(const char *path, const struct raml_samples_options *opt, raml_graded_fn *fn,
                                void *user, struct raml_samples_report *report, struct raml_err *err)
{
    const struct raml_samples_layout_row *row = NULL;
    struct raml_samples_report mine = {.metric = ""};
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < raml_samples_n_layouts && opt->layout != RAML_LAYOUT_AUTO; i++)
        if (raml_samples_layouts[i]->layout == opt->layout) row = raml_samples_layouts[i];
    if (!row && opt->layout != RAML_LAYOUT_AUTO)
        return raml_fail(err, RAML_ESUPPORT, "%s: this layout is not supported here", path);
    if (!row) rc = look(path, opt->skip_bad, &row, err);
    if (rc) return rc;
    rc = row->read(path, opt, fn, user, &mine, err);
    mine.layout = row->layout;
    if (!rc && mine.n_bad && !mine.n_questions)
        rc =
            raml_fail(err, RAML_EFORMAT, "%s: none of its %llu rows can be read", path, (unsigned long long)mine.n_bad);
    if (!rc) *report = mine;
    return rc;
}

enum raml_code raml_samples_read(const char *path, const struct raml_samples_options *opt, raml_graded_fn *fn,
                                 void *user, struct raml_samples_report *report, struct raml_err *err)
{
    struct raml_spool spool; /* a file is read twice, or three times: what layout it has, and then that */
    enum raml_code rc = raml_spool_init(&spool, path, err);
    if (rc) return rc;
    rc = read_path(spool.path, opt, fn, user, report, err);
    raml_spool_deinit(&spool, path, rc ? err : NULL);
    return rc;
}
