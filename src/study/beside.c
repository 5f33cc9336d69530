/* beside.c - sizes of implicit updates from update.jsonl and marks from marks.jsonl, given to those trajectories that
 * will be shown. See findings.h. */
#include "study/curve_fields.h"
#include "study/laboratory_parts.h"

#include "core/file.h"
#include "core/json.h"
#include "study/text_sum.h"

#include <string.h>

enum { LINE_MAX_BYTES = 1 << 26 };

static bool same_trajectory(const json_t *a, const json_t *b)
{
    const json_t *id = json_object_get(a, "id"), *sample = json_object_get(a, "sample");
    return json_is_string(id) && json_equal(id, json_object_get(b, "id")) && json_is_integer(sample) &&
           json_equal(sample, json_object_get(b, "sample"));
}

/* i of L's value k. */
static double place(const json_t *selected, size_t k)
{
    const json_t *at = json_object_get(selected, "at");
    return json_is_array(at) ? json_number_value(json_array_get(at, k)) : (double)k;
}

/* "update_size": a number for each value of L; null where the line has none. at rises, as L's places do. */
static enum raml_code give_sizes(const struct raml_place *where, const char *folder, json_t *selected,
                                 const json_t *line, struct raml_err *wrong, struct raml_err *err)
{
    (void)where;
    (void)folder;
    (void)wrong;
    const json_t *at = json_object_get(line, "at"), *size = json_object_get(line, "size");
    json_t *list = json_array();
    size_t n = json_array_size(json_object_get(selected, "L")), j = 0;
    int failed = !list;
    for (size_t k = 0; !failed && k < n; k++) {
        while (j < json_array_size(at) && json_number_value(json_array_get(at, j)) < place(selected, k)) j++;
        const json_t *v = json_array_get(at, j);
        bool here = json_is_number(v) && json_number_value(v) == place(selected, k);
        failed = json_array_append_new(list, here ? json_incref(json_array_get(size, j)) : json_null());
    }
    failed |= json_object_set_new(selected, "update_size", list);
    return failed ? raml_fail(err, RAML_ENOMEM, "no memory for the updates of a trajectory") : RAML_OK;
}

/* Has the line what text_sum.h tells of a trajectory, and is this another one? */
static bool is_of_text(const struct raml_place *where, const json_t *selected, const json_t *line,
                       struct raml_err *wrong)
{
    const json_t *n = json_object_get(line, "n_tokens"), *has = json_object_get(selected, "n_tokens");
    const char *hash = json_string_value(json_object_get(line, "text_hash"));
    const json_t *tokens = json_object_get(selected, "tokens"), *v;
    const char *id = json_string_value(json_object_get(selected, "id"));
    long long sample = json_integer_value(json_object_get(selected, "sample"));
    struct raml_text_sum sum = {0};
    char text[RAML_TEXT_SUM_BYTES];
    size_t i;
    if (json_is_integer(n) && json_is_integer(has) && !json_equal(n, has)) {
        (void)raml_fail(wrong, RAML_EFORMAT,
                        "%s:%zu: marks are of another trajectory: n_tokens is %lld; sample %lld of '%.100s' that is "
                        "shown has %lld",
                        where->path, where->line, (long long)json_integer_value(n), sample, id ? id : "",
                        (long long)json_integer_value(has));
        return false;
    }
    json_array_foreach (tokens, i, v) raml_text_sum_add(&sum, json_string_value(v), json_string_length(v));
    if (!hash || !json_is_array(tokens) || sum.unknown || !strcmp(hash, raml_text_sum_text(&sum, text))) return true;
    (void)raml_fail(wrong, RAML_EFORMAT,
                    "%s:%zu: marks are of another trajectory: text_hash is %.40s; the text of sample %lld of '%.100s' "
                    "that is shown has %s",
                    where->path, where->line, hash, sample, id ? id : "", text);
    return false;
}

/* The marks, each name with its folder before it; NULL: no memory. */
static json_t *with_folder(json_t *marks, const char *folder)
{
    if (!folder) return json_incref(marks);
    json_t *list = json_deep_copy(marks), *mark;
    size_t i;
    int failed = !list;
    json_array_foreach (list, i, mark) {
        json_t *name = json_sprintf("%s: %s", folder, json_string_value(json_object_get(mark, "name")));
        failed |= json_object_set_new(mark, "name", name);
    }
    return raml_json_checked(list, failed);
}

/* Marks that are not as they should be are left out, as the trajectory's own are (curve_fields.h); *wrong has the first. */
static enum raml_code give_marks(const struct raml_place *where, const char *folder, json_t *selected,
                                 const json_t *line, struct raml_err *wrong, struct raml_err *err)
{
    json_t *marks = json_object_get(line, "marks"), *own = json_object_get(selected, "marks");
    if (!is_of_text(where, selected, line, wrong)) return RAML_OK;
    json_t *alone = json_pack("{s:O, s:O*}", "marks", marks, "at", json_object_get(selected, "at"));
    size_t n = json_array_size(json_object_get(selected, "L"));
    int failed = !alone;
    if (alone) (void)!raml_curve_fields_check(where, alone, n - 1, wrong); /* L has at least one value: curves.c */
    json_decref(alone);
    if (!failed && !json_is_array(own)) {
        own = json_array();
        failed = json_object_set_new(selected, "marks", own);
    }
    json_t *named = failed ? NULL : with_folder(marks, folder);
    failed = failed || json_array_extend(own, named);
    json_decref(named);
    return failed ? raml_fail(err, RAML_ENOMEM, "no memory for the marks of a trajectory") : RAML_OK;
}

/* A line of the trajectory itself, not of a control in its place. */
static bool is_real(const json_t *line)
{
    const char *kind = json_string_value(json_object_get(line, "trajectory"));
    return !kind || strcmp(kind, "real") == 0;
}

static enum raml_code check_sizes(const struct raml_place *where, const json_t *line, struct raml_err *err)
{
    json_t *at, *size;
    enum raml_code rc = raml_json_array(where, line, "at", &at, err);
    if (!rc) rc = raml_json_array(where, line, "size", &size, err);
    if (rc) return rc;
    size_t n = json_array_size(at);
    if (json_array_size(size) != n)
        return raml_fail(err, RAML_EFORMAT, "%s:%zu: at has %zu values, size %zu; expected as many", where->path,
                         where->line, n, json_array_size(size));
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(size, i);
        if (!json_is_number(json_array_get(at, i)) || !(json_is_number(v) || json_is_null(v)))
            return raml_fail(err, RAML_EFORMAT, "%s:%zu: at[%zu] or size[%zu] is not a number", where->path,
                             where->line, i, i);
    }
    return RAML_OK;
}

static enum raml_code check_marks(const struct raml_place *where, const json_t *line, struct raml_err *err)
{
    json_t *marks;
    return raml_json_array(where, line, "marks", &marks, err);
}

/* -- The files ----------------------------------------------------------------------------------------------------- */

static const struct {
    const char *file;
    enum raml_code (*check)(const struct raml_place *where, const json_t *line, struct raml_err *err);
    enum raml_code (*give)(const struct raml_place *where, const char *folder, json_t *selected, const json_t *line,
                           struct raml_err *wrong, struct raml_err *err);
} kinds[RAML_BESIDE_KINDS] = {{"update.jsonl", check_sizes, give_sizes}, {"marks.jsonl", check_marks, give_marks}};

const char *raml_beside_file(enum raml_beside_kind kind)
{
    return kinds[kind].file;
}

static int kind_of_folder(const char *name) /* RAML_LAB_KINDS: none */
{
    int k = 0;
    while (k < RAML_LAB_KINDS && strncmp(name, raml_lab_kind[k]->name, strlen(raml_lab_kind[k]->name)) != 0) k++;
    return k;
}

void raml_beside_folder_of(const char *path, char name[RAML_PATH_BYTES])
{
    const char *end = strrchr(path, '/'), *begin = end;
    while (begin && begin > path && begin[-1] != '/') begin--;
    size_t n = end ? (size_t)(end - begin) : 0;
    memcpy(name, begin ? begin : "", n);
    name[n] = 0;
}

bool raml_beside_same_kind(const char *path, const char *other)
{
    char a[RAML_PATH_BYTES], b[RAML_PATH_BYTES];
    raml_beside_folder_of(path, a);
    raml_beside_folder_of(other, b);
    int kind = kind_of_folder(a);
    return strcmp(path, other) != 0 && kind != RAML_LAB_KINDS && kind == kind_of_folder(b);
}

bool raml_beside_folder(enum raml_beside_kind kind, const char *name)
{
    for (size_t k = 0; k < RAML_LAB_KINDS; k++) {
        bool has = kind == RAML_BESIDE_MARKS ? raml_lab_kind[k]->marks : k == RAML_LAB_UPDATE;
        if (has && strncmp(name, raml_lab_kind[k]->name, strlen(raml_lab_kind[k]->name)) == 0) return true;
    }
    return false;
}

static enum raml_code give_to_run(enum raml_beside_kind kind, const struct raml_place *where, const char *folder,
                                  struct raml_run_found *run, const json_t *line, struct raml_err *wrong,
                                  struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t t = 0; t < run->n_traces; t++)
        for (size_t v = 0; v < RAML_N_VERDICTS; v++) {
            struct raml_trace_group *g = &run->trace[t]->group[v];
            for (size_t i = 0; !rc && i < g->n_selected; i++)
                if (same_trajectory(g->selected[i], line))
                    rc = kinds[kind].give(where, folder, g->selected[i], line, wrong, err);
        }
    return rc;
}

static enum raml_code read_lines(enum raml_beside_kind kind, struct raml_lines *lines, const char *folder,
                                 struct raml_run_found *const *run, size_t n_runs, struct raml_buf *notes,
                                 struct raml_err *err)
{
    size_t n_bad = 0, n_good = 0, n_wrong = 0;
    struct raml_err first = {0}, first_wrong = {0};
    enum raml_code rc = RAML_OK;
    for (bool more = true; !rc;) {
        struct raml_err bad = {0}, wrong = {0};
        if (raml_lines_next(lines, &more, &bad)) {
            raml_buf_addf(notes, "%s; the rest of the file was skipped\n", bad.msg);
            break;
        }
        if (!more) break;
        struct raml_place where = {lines->path, lines->number};
        json_t *line = NULL;
        enum raml_code line_rc =
            raml_json_parse(&where, lines->line.data ? lines->line.data : "", lines->line.len, &line, &bad);
        if (!line_rc) line_rc = kinds[kind].check(&where, line, &bad);
        if (!line_rc) n_good++;
        else if (line_rc == RAML_ENOMEM) rc = raml_fail(err, line_rc, "%s", bad.msg);
        else if (n_bad++ == 0) first = bad;
        for (size_t r = 0; !rc && !line_rc && r < n_runs && is_real(line); r++)
            rc = give_to_run(kind, &where, folder, run[r], line, &wrong, err);
        if (wrong.code && n_wrong++ == 0) first_wrong = wrong;
        json_decref(line);
    }
    if (!rc && n_wrong)
        raml_buf_addf(notes, "%s; such marks of %zu of %zu lines were skipped\n", first_wrong.msg, n_wrong, n_good);
    if (!rc && n_bad)
        raml_buf_addf(notes, "%s; %zu of %zu lines were skipped for such reasons\n", first.msg, n_bad, n_bad + n_good);
    return rc;
}

enum raml_code raml_beside_read(enum raml_beside_kind kind, const char *path, const char *folder,
                                struct raml_run_found *const *run, size_t n_runs, struct raml_buf *notes,
                                struct raml_err *err)
{
    struct raml_lines lines;
    enum raml_code rc = raml_lines_init(&lines, path, LINE_MAX_BYTES, err);
    if (rc) return rc;
    rc = read_lines(kind, &lines, folder, run, n_runs, notes, err);
    raml_lines_deinit(&lines);
    return rc;
}
