/* arrays.c - what all readers of layouts.h share: arrays for a question's samples, and passing it on. */
#include "samples/layouts.h"

#include "core/array.h"

#include <stdlib.h>
#include <string.h>

enum raml_code raml_graded_arrays_reserve(struct raml_graded_arrays *arrays, size_t n, struct raml_err *err)
{
    if (n > RAML_SAMPLES_MAX_N)
        return raml_fail(err, RAML_ERANGE, "%zu samples of a question; at most %d", n, (int)RAML_SAMPLES_MAX_N);
    static const char what[] = "samples of a question";
    size_t correct = arrays->cap, truncated = arrays->cap, unclosed = arrays->cap, answer = arrays->cap;
    enum raml_code rc = RAML_RESERVE(arrays->correct, correct, n, what, err);
    if (!rc) rc = RAML_RESERVE(arrays->truncated, truncated, n, what, err);
    if (!rc) rc = RAML_RESERVE(arrays->unclosed, unclosed, n, what, err);
    if (!rc) rc = RAML_RESERVE(arrays->answer, answer, n, what, err);
    if (!rc) arrays->cap = answer;
    if (rc || !n) return rc;
    memset(arrays->correct, 0, n * sizeof *arrays->correct);
    memset(arrays->truncated, 0, n * sizeof *arrays->truncated);
    memset(arrays->unclosed, 0, n * sizeof *arrays->unclosed);
    for (size_t i = 0; i < n; i++) arrays->answer[i] = NULL;
    return RAML_OK;
}

void raml_graded_arrays_deinit(struct raml_graded_arrays *arrays)
{
    free(arrays->correct);
    free(arrays->truncated);
    free(arrays->unclosed);
    free(arrays->answer);
    *arrays = (struct raml_graded_arrays){0};
}

enum raml_code raml_samples_emit(struct raml_graded *q, bool *correct, raml_graded_fn *fn, void *user,
                                 struct raml_samples_report *report, struct raml_err *err)
{
    for (uint32_t i = 0; i < q->n; i++) correct[i] = correct[i] && !q->truncated[i] && !q->unclosed[i];
    report->n_questions++;
    report->n_samples += q->n;
    enum raml_code rc = fn(user, q, err);
    if (rc) report->stopped = true;
    return rc;
}

bool raml_samples_pass_over(const struct raml_samples_options *opt, struct raml_samples_report *report, size_t line,
                            enum raml_code rc, struct raml_err *err)
{
    if (!opt->skip_bad || report->stopped || (rc != RAML_EFORMAT && rc != RAML_ERANGE)) return false;
    report->n_bad++;
    if (opt->on_bad) opt->on_bad(opt->on_bad_user, line, err ? err->msg : "a row that can't be read");
    if (err) *err = (struct raml_err){0};
    return true;
}
