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
    static const char *const names[RAML_N_STYLES] = {"concise", "verbose", "reflect", "checked", "empty"};
    return (unsigned)s < RAML_N_STYLES ? names[s] : "unknown";
}

void raml_family_solve(const struct raml_family *f, struct raml_rng r, int difficulty, enum raml_style style,
                       struct raml_rng s, struct raml_buf *out)
{
    enum { TRIES = 8, FIRST = 1 << 20 /* beyond the samples that are asked for */, MAX_TEXT = 1 << 20 };
    if (style == RAML_STYLE_EMPTY) {
        raml_buf_adds(out, "");
        return;
    }
    if (style != RAML_STYLE_CHECKED) {
        f->solve(r, difficulty, style, s, out);
        return;
    }
    size_t at = out->len;
    struct raml_buf again;
    f->solve(r, difficulty, RAML_STYLE_CONCISE, s, out);
    raml_buf_init(&again, MAX_TEXT);
    bool same = true;
    for (uint32_t i = 0; i < TRIES && same; i++) {
        struct raml_rng other = s;
        other.key.sample = s.key.sample ^ (FIRST + i);
        raml_buf_clear(&again);
        f->solve(r, difficulty, RAML_STYLE_CONCISE, other, &again);
        same = again.len == out->len - at && !memcmp(again.data, out->data + at, again.len);
    }
    raml_buf_adds(out, "\ncheck:\n");
    raml_buf_add(out, again.data, again.len);
    if (raml_buf_status(&again, NULL) && !raml_buf_status(out, NULL)) out->code = raml_buf_status(&again, NULL);
    raml_buf_deinit(&again);
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
