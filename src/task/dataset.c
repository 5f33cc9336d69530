/* dataset.c - walks JSONL, JSON arrays and CSV tables row by row. See question.h; rows are read in dataset_row.c. */
#include "task/dataset.h"

#include "core/ascii.h"
#include "task/csv.h"

#include "core/file.h"

#include <stdio.h>
#include <string.h>

static const size_t MAX_LINE_BYTES = (size_t)1 << 28, MAX_ROW_BYTES = (size_t)1 << 30;
enum { PEEK_BYTES = 4096 };

struct walk {
    struct raml_questions *qs;
    const char *path, *file; /* for messages; to open */
    const struct raml_read_options *opt;
    struct dataset_names names;
    size_t n_first; /* questions in the set at the start */
    size_t n_bad;
};

static bool is_whitespace(const char *s, size_t n)
{
    while (n && is_space(*s)) s++, n--;
    return n == 0;
}

static bool enough(const struct walk *w)
{
    return w->opt->limit && w->qs->n - w->n_first >= w->opt->limit;
}

/* Adds a row, taking over its reference. */
static enum raml_code add_row(struct walk *w, json_t *obj, size_t line, struct raml_err *err)
{
    struct dataset_row row = {.at = {w->path, line}, .obj = obj, .names = &w->names, .seed = w->opt->seed};
    struct raml_question q;
    enum raml_code rc = RAML_OK;
    row.scratch = raml_arena_open(MAX_ROW_BYTES);
    if (!row.scratch) rc = raml_fail(err, RAML_ENOMEM, "%s:%zu: no memory to read the row", w->path, line);
    if (!rc) rc = raml_dataset_row_read(&row, &q, err);
    if (!rc) rc = raml_questions_add(w->qs, &q, err);
    raml_arena_close(row.scratch);
    json_decref(obj);
    return rc;
}

/* Returns a failure, or counts and reports it when the row is faulty and bad rows may be skipped. */
static enum raml_code settle_fault(struct walk *w, enum raml_code rc, size_t line, const struct raml_err *own,
                                   struct raml_err *err)
{
    if (rc && w->opt->skip_bad && (rc == RAML_EFORMAT || rc == RAML_ERANGE)) {
        w->n_bad++;
        if (w->opt->on_bad) w->opt->on_bad(w->opt->user, line, own->msg);
        return RAML_OK;
    }
    if (rc && err) *err = *own;
    return rc;
}

static enum raml_code take_row(struct walk *w, const char *text, size_t n, size_t line, struct raml_err *err)
{
    struct raml_err own = {0};
    struct raml_place at = {w->path, line};
    json_t *obj = NULL;
    enum raml_code rc = raml_json_parse(&at, text, n, &obj, &own);
    if (!rc) rc = add_row(w, obj, line, &own);
    return settle_fault(w, rc, line, &own, err);
}

static enum raml_code map_text(struct raml_map *map, const char *file, const char *path, struct raml_err *err)
{
    enum raml_code rc = raml_map_init(map, file, err);
    const char *other = rc ? NULL : raml_file_no_text((const char *)map->data, map->size);
    if (!other) return rc;
    raml_map_deinit(map);
    return raml_fail(err, RAML_EFORMAT, "%s: %s", path, other);
}

struct cursor { /* in a JSON array; p < end */
    const char *p, *end;
    size_t line;
};

static void skip_space(struct cursor *c)
{
    for (; c->p < c->end && is_space(*c->p); c->p++) c->line += *c->p == '\n';
}

/* Moves to the end of the value at the cursor: to the comma or bracket after it. Malformed contents are found when the
 * value is parsed. */
static void skip_value(struct cursor *c)
{
    size_t depth = 0;
    bool string = false;
    for (; c->p < c->end; c->p++) {
        char ch = *c->p;
        c->line += ch == '\n';
        if (string) {
            if (ch == '\\' && c->p + 1 < c->end) c->p++;
            else if (ch == '"') string = false;
        } else if (ch == '"') {
            string = true;
        } else if (ch == '{' || ch == '[') {
            depth++;
        } else if (depth == 0 && (ch == ',' || ch == ']')) {
            return;
        } else if (ch == '}' || ch == ']') {
            if (depth) depth--;
        }
    }
}

static enum raml_code walk_text(struct walk *w, const char *text, size_t n, struct raml_err *err)
{
    struct cursor c = {text, text + n, 1};
    enum raml_code rc = RAML_OK;
    while (c.p < c.end && *c.p != '[') c.line += *c.p++ == '\n';
    if (c.p < c.end) c.p++;
    skip_space(&c);
    bool closed = c.p < c.end && *c.p == ']'; /* an empty list */
    if (closed) c.p++;
    skip_space(&c);
    while (!rc && !closed && !enough(w)) {
        const char *from = c.p;
        size_t line = c.line;
        skip_value(&c);
        if (c.p == c.end) {
            rc = raml_fail(err, RAML_EFORMAT, "%s:%zu: the list of rows is not closed; the row at line %zu is its last",
                           w->path, c.line, line);
            break;
        }
        rc = take_row(w, from, (size_t)(c.p - from), line, err);
        closed = *c.p++ == ']';
        skip_space(&c);
    }
    if (!rc && closed && c.p < c.end)
        rc = raml_fail(err, RAML_EFORMAT, "%s:%zu: text after the list of rows", w->path, c.line);
    return rc;
}

static enum raml_code walk_array(struct walk *w, struct raml_err *err)
{
    struct raml_map map;
    enum raml_code rc = map_text(&map, w->file, w->path, err);
    if (rc) return rc;
    rc = walk_text(w, (const char *)map.data, map.size, err);
    raml_map_deinit(&map);
    return rc;
}

/* A list of rows that comes through a pipe: its first line that is not empty, and what is left. */
static enum raml_code walk_rest(struct walk *w, struct raml_lines *lines, struct raml_err *err)
{
    struct raml_buf all;
    bool more = true;
    raml_buf_init(&all, MAX_ROW_BYTES);
    for (size_t i = 1; i < lines->number; i++) raml_buf_adds(&all, "\n"); /* line numbers are the input's */
    enum raml_code rc = RAML_OK;
    while (!rc && more) {
        raml_buf_add(&all, lines->line.data, lines->line.len);
        raml_buf_adds(&all, "\n");
        rc = raml_lines_next(lines, &more, err);
    }
    if (!rc) rc = raml_buf_status(&all, err);
    if (!rc) rc = walk_text(w, all.data, all.len, err);
    raml_buf_deinit(&all);
    return rc;
}

static enum raml_code walk_lines(struct walk *w, struct raml_err *err)
{
    struct raml_lines lines;
    bool first = !raml_is_file(w->file); /* of a file, is_array has seen the beginning */
    enum raml_code rc = raml_lines_init(&lines, w->file, MAX_LINE_BYTES, err);
    if (rc) return rc;
    lines.path = w->path;
    for (bool more = true; !rc && !enough(w);) {
        rc = raml_lines_next(&lines, &more, err);
        if (rc || !more) break;
        const char *text = lines.line.data;
        if (is_whitespace(text, lines.line.len)) continue;
        bool array = first && text[strspn(text, " \t")] == '[';
        first = false;
        if (array) rc = walk_rest(w, &lines, err);
        if (array) break;
        rc = take_row(w, text, lines.line.len, lines.number, err);
    }
    raml_lines_deinit(&lines);
    return rc;
}

static enum raml_code walk_table(struct walk *w, struct raml_err *err)
{
    struct raml_map map;
    struct csv c;
    enum raml_code rc = map_text(&map, w->file, w->path, err);
    if (rc) return rc;
    rc = raml_csv_init(&c, w->path, (const char *)map.data, map.size, err);
    if (rc) {
        raml_map_deinit(&map);
        return rc;
    }
    while (!rc && !enough(w)) {
        struct raml_err own = {0};
        json_t *row = NULL;
        size_t line;
        rc = raml_csv_next(&c, &row, &line, &own);
        if (!rc && !row) break;
        if (!rc) rc = add_row(w, row, line, &own);
        rc = settle_fault(w, rc, line, &own, err);
    }
    raml_csv_deinit(&c);
    raml_map_deinit(&map);
    return rc;
}

/* Does a plain file begin with '['? Anything else is read as lines. */
static bool is_array(const char *path)
{
    char head[PEEK_BYTES];
    FILE *f = raml_is_file(path) ? fopen(path, "rb") : NULL;
    if (!f) return false;
    size_t n = fread(head, 1, sizeof head, f), i = 0;
    fclose(f);
    if (n >= 3 && memcmp(head, "\xef\xbb\xbf", 3) == 0) i = 3;
    while (i < n && is_space(head[i])) i++;
    return i < n && head[i] == '[';
}

enum raml_code raml_questions_read(struct raml_questions *qs, const char *path, const struct raml_read_options *opt,
                                   struct raml_fields *fields, size_t *n_bad, struct raml_err *err)
{
    static const struct raml_read_options plain = {0};
    struct walk w = {.qs = qs, .path = path, .file = path, .opt = opt ? opt : &plain, .n_first = qs->n};
    if (w.opt->name) path = w.path = w.opt->name;
    enum raml_code rc = raml_dataset_names_init(&w.names, w.opt->map, err);
    if (rc) return rc;
    if (raml_csv_named(path)) rc = walk_table(&w, err);
    else rc = is_array(w.file) ? walk_array(&w, err) : walk_lines(&w, err);
    if (!rc && qs->n == w.n_first && !w.n_bad) rc = raml_fail(err, RAML_EFORMAT, "%s: contains no question", path);
    if (!rc && fields) raml_dataset_report(&w.names, fields);
    if (!rc && n_bad) *n_bad = w.n_bad;
    if (rc) qs->n = w.n_first; /* as before; the texts stay in the arena until the set is freed */
    raml_dataset_names_deinit(&w.names);
    return rc;
}
