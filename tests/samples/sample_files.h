/* sample_files.h - a folder for sample files, and what a reader passes on. Include after cmocka's own headers. */
#ifndef RAML_TESTS_SAMPLE_FILES_H
#define RAML_TESTS_SAMPLE_FILES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check_near.h"
#include "samples/foreign.h"
#include "core/file.h"
#include "raml/metric.h"

struct seen_question {
    char id[64], family[64], gold[64], grades[64], answers[256]; /* "10x?": correct, wrong, truncated, unclosed */
    int difficulty;
    uint32_t n, c;
    bool has_answers;
};
struct taken { /* what a file gave */
    struct seen_question *q;
    size_t n, cap;
    struct raml_samples_report report;
    struct raml_err err;
    enum raml_code rc;
};

static char folder[64];

static inline int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/raml_samples_XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static inline int drop_folder(void **state)
{
    (void)state;
    return raml_remove_tree(folder, NULL);
}

static inline const char *path_in_folder(const char *name, char out[160])
{
    snprintf(out, 160, "%s/%s", folder, name);
    return out;
}

static inline void copy_text(char *out, size_t cap, const char *text)
{
    snprintf(out, cap, "%.*s", (int)cap - 1, text ? text : "(none)");
}

static inline enum raml_code take_question(void *user, const struct raml_graded *q, struct raml_err *err)
{
    struct taken *t = user;
    (void)err;
    if (t->n == t->cap) {
        t->cap = t->cap ? 2 * t->cap : 64;
        t->q = realloc(t->q, t->cap * sizeof *t->q);
        assert_non_null(t->q);
    }
    struct seen_question *s = &t->q[t->n++];
    *s = (struct seen_question){.difficulty = q->difficulty, .n = q->n, .has_answers = q->has_answers};
    assert_non_null(q->id);
    copy_text(s->id, sizeof s->id, q->id);
    copy_text(s->family, sizeof s->family, q->family);
    copy_text(s->gold, sizeof s->gold, q->gold);
    size_t used = 0;
    for (uint32_t i = 0; i < q->n; i++) {
        s->c += q->correct[i];
        if (i + 1 < sizeof s->grades)
            s->grades[i] = q->correct[i] ? '1' : q->truncated[i] ? 'x' : q->unclosed[i] ? '?' : '0';
        int wrote = snprintf(s->answers + used, sizeof s->answers - used, "%s%s", i ? "|" : "",
                             q->answer[i] ? q->answer[i] : "-");
        if (wrote > 0 && used + (size_t)wrote < sizeof s->answers) used += (size_t)wrote;
    }
    return RAML_OK;
}

static inline struct taken take_file(const struct raml_samples_layout_row *row, const char *path, const char *metric,
                                     bool regrade)
{
    struct taken t = {.n = 0};
    struct raml_samples_options opt = {.layout = row->layout, .regrade = regrade, .metric = metric};
    t.rc = row->read(path, &opt, take_question, &t, &t.report, &t.err);
    return t;
}

/* Writes text as a file of the folder and reads it. */
static inline struct taken take_text(const struct raml_samples_layout_row *row, const char *text, const char *metric,
                                     bool regrade)
{
    char path[160];
    struct raml_err err = {0};
    CHECK_OK(raml_file_write(path_in_folder("samples.json", path), text, strlen(text), &err));
    return take_file(row, path, metric, regrade);
}

static inline void taken_deinit(struct taken *t)
{
    free(t->q);
    t->q = NULL;
}

/* One question with these grades, answers and note (NULL: not checked). */
static inline void expect_one(struct taken t, const char *grades, const char *answers, const char *note)
{
    if (t.rc) print_error("%s\n", t.err.msg);
    assert_int_equal(t.rc, RAML_OK);
    assert_int_equal(t.n, 1);
    assert_int_equal(t.report.n_questions, 1);
    assert_string_equal(t.q[0].grades, grades);
    if (answers) assert_string_equal(t.q[0].answers, answers);
    if (note && !strstr(t.report.note, note)) {
        print_error("note '%s' does not contain '%s'\n", t.report.note, note);
        fail();
    }
    taken_deinit(&t);
}

static inline void expect_refused(struct taken t, enum raml_code code, const char *says)
{
    if (t.rc != code || !strstr(t.err.msg, says)) {
        print_error("code %d, '%s'; expected code %d, '%s'\n", t.rc, t.err.msg, code, says);
        fail();
    }
    taken_deinit(&t);
}

static inline bool looks(const struct raml_samples_layout_row *row, const char *text, bool as_value)
{
    json_t *first = as_value ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
    struct raml_samples_head head = {.path = "x", .bytes = text, .n = strlen(text), .whole = true, .first = first};
    bool yes = row->looks_like(&head);
    json_decref(first);
    return yes;
}

#endif
