/* answer_table.h - tables of answers that are the same, and that are not. Include after cmocka.h. */
#ifndef RAML_TEST_ANSWER_TABLE_H
#define RAML_TEST_ANSWER_TABLE_H

#include "raml/answer.h"

#define COUNT(x) (sizeof(x) / sizeof *(x))

enum { E = RAML_EQUAL, D = RAML_DIFFERENT, U = RAML_UNKNOWN };

struct answer_case {
    const char *gold, *pred;
    int want;
};

/* How many are not as wanted; each is reported. */
static inline size_t answer_cases(const struct answer_case *c, size_t n)
{
    size_t wrong = 0;
    for (size_t i = 0; i < n; i++) {
        enum raml_verdict v = raml_answer_check(c[i].gold, c[i].pred);
        if ((int)v == c[i].want) continue;
        print_error("%s, %s: %s, expected %s\n", c[i].gold, c[i].pred, raml_verdict_name(v),
                    raml_verdict_name((enum raml_verdict)c[i].want));
        wrong++;
    }
    return wrong;
}

#endif
