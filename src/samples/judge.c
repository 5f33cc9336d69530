/* judge.c - the only place where the readers of sample files check whether two answers are the same, and find a
 * text's answer. See foreign.h. */
#include "samples/foreign.h"

#include <string.h>

enum raml_code raml_samples_find(const struct raml_samples_options *opt, const char *text, struct raml_buf *out,
                                 struct raml_err *err)
{
    enum raml_found found;
    return raml_answer_find(text, strlen(text), &opt->answer, out, &found, err);
}

enum raml_code raml_samples_grade(const struct raml_samples_options *opt, const char *gold, const char *text,
                                  enum raml_verdict *verdict, struct raml_err *err)
{
    struct raml_answer_result r;
    enum raml_code rc = raml_answer_compare(gold, strlen(gold), text, strlen(text), &opt->answer, &r, NULL, err);
    if (!rc) *verdict = r.verdict;
    return rc;
}
