/* scored_judge.c - the one place where the readers of sample files ask whether two answers are the same, and where in a
 * text its answer stands. See scored_foreign.h. */
#include "eval/scored_foreign.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct part { /* of a text */
    const char *at;
    size_t n;
};

static struct part trimmed(const char *at, size_t n)
{
    while (n && isspace((unsigned char)*at)) at++, n--;
    while (n && isspace((unsigned char)at[n - 1])) n--;
    return (struct part){at, n};
}

/* What stands behind the last `mark`; the whole text when there is none. */
static const char *behind(const char *text, const char *mark)
{
    const char *hit, *last = NULL;
    for (hit = strstr(text, mark); hit; hit = strstr(hit + 1, mark)) last = hit;
    return last ? last + strlen(mark) : text;
}

/* The last \boxed{} behind the thinking; else what follows "####"; else all of it. marked: it was one of the first two.
 */
static struct part answer_part(const struct raml_scored_options *opt, const char *text, bool *marked)
{
    const char *end = opt->answer.think_end ? opt->answer.think_end : "</think>";
    const char *rest = *end ? behind(text, end) : text, *inner;
    size_t n = strlen(rest), len;
    *marked = true;
    if (raml_answer_boxed(rest, n, &inner, &len)) return trimmed(inner, len);
    const char *hashes = behind(rest, "####");
    *marked = hashes != rest;
    return trimmed(hashes, strlen(hashes));
}

enum raml_code raml_scored_find(const struct raml_scored_options *opt, const char *text, struct raml_buf *out,
                                struct raml_err *err)
{
    bool marked;
    struct part p = answer_part(opt, text, &marked);
    if (marked || !memchr(p.at, '\n', p.n)) raml_buf_add(out, p.at, p.n);
    return raml_buf_status(out, err);
}

enum raml_code raml_scored_judge(const struct raml_scored_options *opt, const char *gold, const char *text,
                                 enum raml_verdict *verdict, struct raml_err *err)
{
    bool marked;
    struct part g = answer_part(opt, gold, &marked), p = answer_part(opt, text, &marked);
    char *two = malloc(g.n + p.n + 2);
    if (!two) return raml_fail(err, RAML_ENOMEM, "no memory for two answers of %zu and %zu bytes", g.n, p.n);
    memcpy(two, g.at, g.n);
    two[g.n] = 0;
    memcpy(two + g.n + 1, p.at, p.n);
    two[g.n + 1 + p.n] = 0;
    *verdict = raml_answer_check(two, two + g.n + 1);
    free(two);
    return RAML_OK;
}
