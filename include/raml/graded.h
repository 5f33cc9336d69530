/* graded.h - one question with its samples, each graded correct or not: what metrics are computed from (samples.h reads
 * files of them). */
#ifndef RAML_GRADED_H
#define RAML_GRADED_H

#include "raml/err.h"

#include <stdbool.h>
#include <stdint.h>

#pragma GCC visibility push(default)

struct raml_graded {            /* one question; all of it borrowed for the duration of the call */
    const char *id;             /* never NULL; the line's number where the file has none */
    const char *family, *split; /* NULL: not known */
    int difficulty;             /* -1: not known */
    const char *gold;           /* NULL: not known */
    uint32_t n;                 /* samples */
    const bool *correct;        /* [n] */
    const bool *truncated;      /* [n] finish_reason "length" */
    const bool *unclosed;       /* [n] thinking began and did not end */
    const char *const *answer;  /* [n] the sample's answer; NULL: none, or the file has none */
    bool has_answers;           /* false: the file has no answers, so majority votes can't be counted */
};

typedef enum raml_code raml_graded_fn(void *user, const struct raml_graded *q, struct raml_err *err);

#pragma GCC visibility pop
#endif
