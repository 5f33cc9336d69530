/* answer_kind.c - see answer_kind.h. */
#include "study/answer_kind.h"

#include <string.h>

static const char *const name[RAML_KIND_UNKNOWN] = {"gold", "own", "majority", "wrong", "choice", "given"};
static const char *const words[RAML_ANSWER_KINDS] = {
    "correct answer", "sample\u2019s own answer", "majority answer", "most frequent wrong answer", "traced option",
    "given answer",   "answer of another kind"};

enum raml_answer_kind raml_answer_kind_of(const json_t *line)
{
    const json_t *field = json_object_get(line, "answer_kind");
    const char *text = json_string_value(field);
    if (!field) return RAML_KIND_GOLD;
    for (size_t k = 0; text && k < RAML_KIND_UNKNOWN; k++)
        if (strcmp(text, name[k]) == 0) return (enum raml_answer_kind)k;
    return RAML_KIND_UNKNOWN;
}

static size_t count_kinds(const size_t n[RAML_ANSWER_KINDS], size_t *last)
{
    size_t found = 0;
    for (size_t k = 0; k < RAML_ANSWER_KINDS; k++) {
        if (n[k] == 0) continue;
        *last = k;
        found++;
    }
    return found;
}

const char *raml_answer_kind_words(const size_t n[RAML_ANSWER_KINDS])
{
    size_t kind = 0;
    return count_kinds(n, &kind) == 1 ? words[kind] : "traced answer";
}

bool raml_answer_kinds_mixed(const size_t n[RAML_ANSWER_KINDS])
{
    size_t kind = 0;
    return count_kinds(n, &kind) > 1;
}

void raml_answer_kinds_list(struct raml_buf *b, const size_t n[RAML_ANSWER_KINDS])
{
    const char *before = "";
    for (size_t k = 0; k < RAML_ANSWER_KINDS; k++) {
        if (n[k] == 0) continue;
        raml_buf_addf(b, "%s%s %zu", before, words[k], n[k]);
        before = ", ";
    }
}
