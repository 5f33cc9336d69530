/* kinds.h - tables of golds and answers, a kind of fault each. Include after cmocka.h. */
#ifndef RAML_TEST_KINDS_H
#define RAML_TEST_KINDS_H

#include "raml/answer.h"

#include <string.h>

#define COUNT(x) (sizeof(x) / sizeof *(x))

enum { E = RAML_EQUAL, D = RAML_DIFFERENT, U = RAML_UNKNOWN, N = 2 /* not equal: either of the others */ };

struct kind_case {
    const char *gold, *pred;
    int want;
};

static inline enum raml_verdict kind_verdict(const char *gold, const char *pred, const struct raml_answer_options *o,
                                             const char **rule)
{
    struct raml_answer_result r;
    if (raml_answer_compare(gold, strlen(gold), pred, strlen(pred), o, &r, NULL, NULL)) fail_msg("no memory");
    *rule = r.rule;
    return r.verdict;
}

/* How many are not as wanted; each is reported. */
static inline size_t kind_cases(const struct kind_case *c, size_t n, const struct raml_answer_options *o)
{
    size_t wrong = 0;
    for (size_t i = 0; i < n; i++) {
        const char *rule;
        enum raml_verdict v = kind_verdict(c[i].gold, c[i].pred, o, &rule);
        if (c[i].want == N ? v != RAML_EQUAL : (int)v == c[i].want) continue;
        print_error("gold %s, pred %s: %s by %s\n", c[i].gold, c[i].pred, raml_verdict_name(v), rule);
        wrong++;
    }
    return wrong;
}

#endif
