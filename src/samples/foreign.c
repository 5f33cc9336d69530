/* foreign.c - see foreign.h. */
#include "samples/foreign.h"

#include "core/array.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FOUND_MAX_BYTES = 1 << 30 };

void raml_foreign_open(struct raml_foreign *f, const struct raml_samples_options *opt, raml_graded_fn *fn, void *user,
                       struct raml_samples_report *report)
{
    *f = (struct raml_foreign){.opt = opt, .fn = fn, .user = user, .report = report};
    raml_buf_init(&f->found, FOUND_MAX_BYTES);
    report->metric = "";
}

void raml_foreign_deinit(struct raml_foreign *f)
{
    raml_graded_arrays_deinit(&f->arrays);
    raml_buf_deinit(&f->found);
    free(f->at);
    f->at = NULL;
}

enum raml_code raml_foreign_begin(struct raml_foreign *f, size_t n, struct raml_err *err)
{
    enum raml_code rc = raml_graded_arrays_reserve(&f->arrays, n, err);
    if (rc) return rc;
    rc = RAML_RESERVE(f->at, f->at_cap, n, "samples of a question", err);
    if (rc) return rc;
    if (n) memset(f->at, 0, n * sizeof *f->at);
    raml_buf_clear(&f->found);
    f->has_answers = false;
    return RAML_OK;
}

static enum raml_code keep_answer(struct raml_foreign *f, size_t i, const struct raml_foreign_sample *s,
                                  struct raml_err *err)
{
    if (s->answer || s->text) f->has_answers = true;
    if (s->answer) {
        f->arrays.answer[i] = s->answer;
        return RAML_OK;
    }
    if (!s->text) return RAML_OK;
    size_t begin = f->found.len;
    enum raml_code rc = raml_samples_find(f->opt, s->text, &f->found, err);
    if (rc || f->found.len == begin) return rc;
    raml_buf_add(&f->found, "", 1);
    f->at[i] = begin + 1;
    return raml_buf_status(&f->found, err);
}

static enum raml_code judge_all(struct raml_foreign *f, const struct raml_place *at,
                                const struct raml_foreign_gold *gold, const struct raml_foreign_sample *s,
                                bool *correct, struct raml_err *err)
{
    const char *said = s->text ? s->text : s->answer;
    bool undecided = false;
    *correct = false;
    if (!gold->n)
        return raml_fail(err, RAML_EFORMAT, "%s:%zu: no gold answer to grade the samples by; regrading needs one",
                         at->path, at->line);
    for (size_t g = 0; said && g < gold->n && !*correct; g++) {
        enum raml_verdict v;
        enum raml_code rc = raml_samples_grade(f->opt, gold->text[g], said, &v, err);
        if (rc) return raml_wrap(err, rc, "%s:%zu", at->path, at->line);
        *correct = v == RAML_EQUAL;
        undecided |= v == RAML_UNKNOWN;
    }
    f->n_unknown += undecided && !*correct;
    return RAML_OK;
}

enum raml_code raml_foreign_put(struct raml_foreign *f, const struct raml_place *at, size_t i,
                                const struct raml_foreign_gold *gold, const struct raml_foreign_sample *s,
                                struct raml_err *err)
{
    bool correct = s->grade == 1;
    enum raml_code rc;
    f->arrays.truncated[i] = s->truncated;
    f->arrays.unclosed[i] = s->unclosed || (s->text && raml_foreign_unclosed(s->prompt, s->text));
    bool whole = !f->arrays.truncated[i] && !f->arrays.unclosed[i];
    if (f->opt->regrade && whole) {
        rc = judge_all(f, at, gold, s, &correct, err);
        if (rc) return rc;
    } else if (!f->opt->regrade && s->grade < 0) {
        return raml_fail(err, RAML_EFORMAT, "%s:%zu: sample %zu is graded neither correct nor wrong; regrading does it",
                         at->path, at->line, i + 1);
    }
    f->arrays.correct[i] = correct && whole;
    if (f->opt->regrade && s->grade >= 0 && f->arrays.correct[i] != (s->grade == 1)) f->report->n_regraded++;
    rc = keep_answer(f, i, s, err);
    return rc ? raml_wrap(err, rc, "%s:%zu", at->path, at->line) : RAML_OK;
}

enum raml_code raml_foreign_put_count(struct raml_foreign *f, size_t n, uint32_t c, struct raml_err *err)
{
    f->has_answers = false;
    if (c > n) return raml_fail(err, RAML_EFORMAT, "%u correct samples of %zu", c, n);
    for (size_t i = 0; i < n && c; i++)
        if (!f->arrays.truncated[i] && !f->arrays.unclosed[i]) f->arrays.correct[i] = true, c--;
    return RAML_OK;
}

enum raml_code raml_foreign_emit(struct raml_foreign *f, const char *id, const struct raml_foreign_gold *gold, size_t n,
                                 const char *family, int difficulty, struct raml_err *err)
{
    for (size_t i = 0; i < n; i++) {
        if (f->at[i]) f->arrays.answer[i] = f->found.data + f->at[i] - 1;
        f->n_correct += f->arrays.correct[i];
    }
    struct raml_graded q = {.id = id,
                            .family = family,
                            .difficulty = difficulty,
                            .gold = gold->n ? gold->text[0] : NULL,
                            .n = (uint32_t)n,
                            .correct = f->arrays.correct,
                            .truncated = f->arrays.truncated,
                            .unclosed = f->arrays.unclosed,
                            .answer = f->arrays.answer,
                            .has_answers = f->has_answers};
    return raml_samples_emit(&q, f->arrays.correct, f->fn, f->user, f->report, err);
}

void raml_foreign_note(struct raml_foreign *f, const char *fmt, ...)
{
    char *note = f->report->note;
    size_t cap = sizeof f->report->note, used = strlen(note);
    if (used && used + 3 < cap) used += (size_t)snprintf(note + used, cap - used, "; ");
    va_list args;
    va_start(args, fmt);
    vsnprintf(note + used, cap - used, fmt, args);
    va_end(args);
}

void raml_foreign_close(struct raml_foreign *f)
{
    if (f->n_unknown)
        raml_foreign_note(f, "%llu samples could not be decided and count as wrong", (unsigned long long)f->n_unknown);
}
