/* foreign.h - shared by the readers of other programs' sample files: a question's samples are put together one
 * by one, with grades, answers and texts where the file has them.
 *
 * Use      _open once; for each question _begin(n), _put for each sample, _hand; _deinit at the end.
 * Grades   a sample is wrong when the file says that it was truncated, or when its text opens thinking and does not close
 * it. With options.regrade it is graded by raml_samples_grade: the text (else the answer) against each gold in turn.
 * Answers  the file's own; where it has none, what raml_samples_find finds in the text.
 */
#ifndef RAML_SAMPLES_FOREIGN_H
#define RAML_SAMPLES_FOREIGN_H

#include "samples/layouts.h"

#include "core/json.h"

enum { RAML_FOREIGN_MAX_LINE = 64 << 20, RAML_FOREIGN_MAX_GOLDS = 64 };

struct raml_foreign {
    const struct raml_samples_options *opt;
    raml_graded_fn *fn;
    void *user;
    struct raml_samples_report *report;
    struct raml_graded_arrays arrays;
    struct raml_buf found; /* answers found in texts, each 0-terminated */
    size_t *at;            /* [at_cap] where in `found` a sample's answer begins, plus 1; 0: not there */
    size_t at_cap;
    bool has_answers;
    uint64_t n_correct, n_unknown; /* over the file: correct samples; with regrade, samples that could not be decided */
};
void raml_foreign_open(struct raml_foreign *f, const struct raml_samples_options *opt, raml_graded_fn *fn, void *user,
                       struct raml_samples_report *report);
void raml_foreign_deinit(struct raml_foreign *f);

struct raml_foreign_gold { /* every text that answers the question; the first is the one passed on */
    const char *text[RAML_FOREIGN_MAX_GOLDS];
    size_t n;
};
struct raml_foreign_sample {   /* one sample; what the file lacks is NULL */
    const char *text, *prompt; /* the response; its prompt, of which only the end is checked (an opened <think>) */
    const char *answer;        /* what the other program took as the answer */
    int grade;                 /* 1, 0; -1: the file has none */
    bool truncated, unclosed;  /* according to the file */
};
RAML_CHECKED enum raml_code raml_foreign_begin(struct raml_foreign *f, size_t n, struct raml_err *err);
/* at: for messages. RAML_EFORMAT when the sample is not graded and not regraded (see raml_samples_options.regrade). */
RAML_CHECKED enum raml_code raml_foreign_put(struct raml_foreign *f, const struct raml_place *at, size_t i,
                                             const struct raml_foreign_gold *gold, const struct raml_foreign_sample *s,
                                             struct raml_err *err);
/* Grades of n samples, of which only the number of correct ones is known: complete samples first, without answers. */
RAML_CHECKED enum raml_code raml_foreign_put_count(struct raml_foreign *f, size_t n, uint32_t c, struct raml_err *err);
RAML_CHECKED enum raml_code raml_foreign_emit(struct raml_foreign *f, const char *id,
                                              const struct raml_foreign_gold *gold, size_t n, const char *family,
                                              int difficulty, struct raml_err *err);
/* Adds a remark to report.note ("; " between remarks), as far as it fits. */
void raml_foreign_note(struct raml_foreign *f, const char *fmt, ...) RAML_PRINTF(2, 3);
/* The note on undecided samples, if there are any. */
void raml_foreign_close(struct raml_foreign *f);

/* Did thinking begin, in the text or as the prompt's last word, and not end? */
bool raml_foreign_unclosed(const char *prompt, const char *text);

/* true, 1, 1.0, "True" are 1; false, 0, 0.0, "False" are 0; anything else is -1. */
int raml_foreign_grade(const json_t *v);
/* The last text of nested arrays (Math-Verify's [expression, text] pairs), or NULL. */
const char *raml_foreign_text(const json_t *v);
/* Subject and level as MATH and similar sets name them; NULL and -1: none. */
void raml_foreign_traits(const json_t *doc, const char **family, int *difficulty);

/* Is the word in the file's beginning? For a file whose first value is too long to be read for detection. */
bool raml_head_holds(const struct raml_samples_head *head, const char *word);

struct raml_foreign_metric { /* what a metric's name gives */
    uint32_t k, n;           /* pass@k of n samples; n = 0: not given. avg@n is k = 1 */
};
/* pass@1, pass@10:32_samples, math_pass@1:8_samples, pass@k:k=1&n=64, avg@n:n=8, avg@k:k=8, avg@8. False for everything
 * else, including g-pass@ and maj@. */
bool raml_foreign_metric(const char *name, struct raml_foreign_metric *out);
/* The c of n with pass@k = value. False: none, or several (every c > n - k gives 1). */
bool raml_foreign_count(uint32_t n, uint32_t k, double value, uint32_t *c);
/* A metric's name for report.metric, which must outlive the reader; "" if it is not one of the usual names. */
const char *raml_foreign_metric_name(const struct raml_samples_options *opt, const char *name);

/* judge.c: the only place that calls src/answer. */
RAML_CHECKED enum raml_code raml_samples_grade(const struct raml_samples_options *opt, const char *gold,
                                               const char *text, enum raml_verdict *verdict, struct raml_err *err);
/* Appends the answer that the text ends in to *out; nothing when it has none. */
RAML_CHECKED enum raml_code raml_samples_find(const struct raml_samples_options *opt, const char *text,
                                              struct raml_buf *out, struct raml_err *err);

extern const struct raml_samples_layout_row raml_samples_layout_lm_eval;
extern const struct raml_samples_layout_row raml_samples_layout_lighteval;
extern const struct raml_samples_layout_row raml_samples_layout_opencompass;

#endif
