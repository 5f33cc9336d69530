/* samples.h - files of samples that were graded correct or wrong, question by question.
 *
 * What is read (recognised by the file's own fields; docs/samples.md has each):
 *   ours             a line per question, `trajectories` with answer, correct, finish_reason, think_closed
 *   grades           a line per question, `correct`: [0, 1, ...], with `pred` or not; or only counts, `n` and `c`
 *   lm-evaluation-harness  samples_<task>_<time>.jsonl: resps, filtered_resps, target, a metric's value
 *   lighteval        details: one record per question
 *   OpenCompass      predictions/ and results/ JSON
 * Questions are handed on one at a time, so memory is that of one question, however long the file is. Formats that
 * spread a question's samples over the file (one line per sample) need them adjacent, or a table of them: the report
 * says so.
 * A sample that was truncated, or whose thinking was not closed, is wrong, whatever grade the file gives it.
 * Errors   with file, line, field, found and expected.
 */
#ifndef RAML_SAMPLES_H
#define RAML_SAMPLES_H

#include "raml/answer.h"
#include "raml/table.h"

#pragma GCC visibility push(default)

/* clang-format off */
enum raml_samples_layout {
    RAML_LAYOUT_AUTO, RAML_LAYOUT_RAML, RAML_LAYOUT_GRADES, RAML_LAYOUT_LM_EVAL, RAML_LAYOUT_LIGHTEVAL,
    RAML_LAYOUT_OPENCOMPASS
};
/* clang-format on */

struct raml_samples_options {
    enum raml_samples_layout layout;
    bool regrade;       /* grade again: the sample's text or answer against gold by raml_answer_compare */
    const char *metric; /* lm-eval, lighteval: which of several metrics is the grade; NULL: the only one */
    struct raml_answer_options answer; /* with regrade */
    bool skip_bad; /* rows that can't be read are passed over, else the first one ends the reading */
    void (*on_bad)(void *user, size_t line, const char *message); /* is called for each of them; NULL: none */
    void *on_bad_user;
};

struct raml_samples_report {
    enum raml_samples_layout layout; /* what it was */
    const char *metric;              /* the grade's field; "" when graded here; static or the reader's */
    uint64_t n_questions, n_samples;
    uint64_t n_regraded; /* with regrade: samples whose grade changed */
    uint64_t n_bad;      /* rows passed over (skip_bad); RAML_EFORMAT where there is no other */
    bool stopped;        /* fn failed, which ended the reading */
    char note[256];      /* what a reader should know: "grades by 'exact_match'" ...; "" */
};

/* Hands every question of the file to fn, in order. Stops early with fn's code when that is not RAML_OK. */
RAML_CHECKED enum raml_code raml_samples_read(const char *path, const struct raml_samples_options *opt,
                                              raml_graded_fn *fn, void *user, struct raml_samples_report *report,
                                              struct raml_err *err);

#pragma GCC visibility pop
#endif
