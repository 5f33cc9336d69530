/* families.c - see family.h: the table of families. */
#include "raml/family.h"

#include "task/family_util.h"

#include <string.h>

/* A family's position is part of the names of its random streams: append only. */
static const struct raml_family *const families[] = {
    &raml_family_modchain, &raml_family_add,   &raml_family_mul,  &raml_family_countdown,
    &raml_family_perm,     &raml_family_graph, &raml_family_word,
};

const char *raml_style_name(enum raml_style s)
{
    static const char *const names[RAML_N_STYLES] = {"concise", "verbose", "reflect"};
    return (unsigned)s < RAML_N_STYLES ? names[s] : "unknown";
}

size_t raml_families(const struct raml_family *const **out)
{
    *out = families;
    return sizeof families / sizeof *families;
}

const struct raml_family *raml_family_find(const char *name)
{
    for (size_t i = 0; name && i < sizeof families / sizeof *families; i++)
        if (strcmp(families[i]->name, name) == 0) return families[i];
    return NULL;
}

enum raml_verdict raml_question_check(const struct raml_question *q, const char *pred)
{
    const struct raml_family *f = q->letters ? NULL : raml_family_find(q->family);
    if (f && f->check) return f->check(q->question, pred);
    struct raml_answer_options opt = raml_answer_default();
    struct raml_answer_result r = {.verdict = RAML_UNKNOWN};
    opt.letters = q->letters;
    opt.worked_out = f != NULL; /* made questions are arithmetic: given back, they must not be a correct answer */
    if (!pred || raml_answer_compare(q->answer, strlen(q->answer), pred, strlen(pred), &opt, &r, NULL, NULL))
        return RAML_UNKNOWN;
    return r.verdict;
}
