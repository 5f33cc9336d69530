/* samples.h - files of samples that were marked right or wrong, question by question.
 *
 * What is read (the file's own fields say which; docs/samples.md has each):
 *   ours             a line a question, `trajectories` with answer, correct, finish_reason, think_closed
 *   marks            a line a question, `correct`: [0, 1, ...], with `pred` or not; or counts alone, `n` and `c`
 *   lm-evaluation-harness  samples_<task>_<time>.jsonl: resps, filtered_resps, target, a metric's value
 *   lighteval        details: one record a question
 *   OpenCompass      predictions/ and results/ JSON
 * Questions are handed on one at a time, so memory is that of one question, however long the file is. Formats that spread
 * a question's samples over the file (one line a sample) need them side by side, or a table of them: the report says so.
 * A sample that was cut off, or whose thinking never closed, is wrong, whatever the file says of it.
 * Errors   with file, line, field, found and expected.
 */
#ifndef RAML_SAMPLES_H
#define RAML_SAMPLES_H

#include "raml/answer.h"
#include "raml/graded.h"

enum raml_scored_layout {
    RAML_LAYOUT_AUTO, RAML_LAYOUT_RAML, RAML_LAYOUT_MARKS, RAML_LAYOUT_LM_EVAL, RAML_LAYOUT_LIGHTEVAL,
    RAML_LAYOUT_OPENCOMPASS
};

struct raml_scored_options {
    enum raml_scored_layout layout;
    bool recheck; /* mark again: the sample's text or answer against gold by raml_answer_compare */
    const char *metric; /* lm-eval, lighteval: which of several metrics is the mark; NULL: the only one */
    struct raml_answer_options answer; /* with recheck */
};

struct raml_scored_report {
    enum raml_scored_layout layout; /* what it was */
    const char *metric;             /* the mark's field; "" when marks were made here; static or the reader's */
    uint64_t n_questions, n_samples;
    uint64_t n_remarked; /* with recheck: samples whose mark changed */
    char note[256]; /* what a reader should know: "marks of the first response alone" ...; "" */
};

/* Hands every question of the file to fn, in order. Ends early with fn's code when that is not RAML_OK. */
RAML_CHECKED enum raml_code raml_scored_read(const char *path, const struct raml_scored_options *opt,
                                             raml_scored_fn *fn, void *user, struct raml_scored_report *report,
                                             struct raml_err *err);

#endif
