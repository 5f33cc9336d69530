/* families.c - see family.h: the table of families. */
#include "raml/family.h"

#include "task/family_util.h"

#include <string.h>

/* A family's place is part of the names of its random streams: append only. */
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

/* The letter that s[0..n) begins with, alone ("C", "(C)", "**C**", "\text{C}") or in front of its option ("C) text").
 * 0: none; "A cat" begins with a word. */
static char letter_at(const char *s, size_t n)
{
    static const char skip[] = " \t\r\n*$({[", behind[] = " \t\r\n*$)}].,:;";
    const char *end = s + n;
    while (s < end && strchr(skip, *s)) s++;
    if (end - s > 6 && strncmp(s, "\\text{", 6) == 0)
        for (s += 6; s < end && strchr(skip, *s);) s++;
    if (s == end || *s < 'A' || *s > 'Z') return 0;
    char letter = *s++;
    if (s < end && strchr(").:,", *s)) return letter;
    while (s < end && strchr(behind, *s)) s++;
    return s == end ? letter : 0;
}

/* The letter that an answer gives: in its last box, behind its last "answer:" or "answer is", or at its begin. */
static char letter_of(const char *s)
{
    const char *box, *from = s;
    size_t n;
    if (raml_answer_boxed(s, strlen(s), &box, &n)) return letter_at(box, n);
    for (const char *p = s; (p = strcasestr(p, "answer")) != NULL;) {
        p += 6;
        p += strspn(p, " *");
        if (*p == ':') from = p + 1;
        else if (strncmp(p, "is", 2) == 0) from = p + 2 + (p[2] == ':');
    }
    return letter_at(from, strlen(from));
}

static enum raml_verdict check_letter(const char *gold, const char *pred)
{
    char letter = pred ? letter_of(pred) : 0;
    if (!letter || !gold[0]) return RAML_UNKNOWN;
    return letter == gold[0] ? RAML_EQUAL : RAML_DIFFERENT;
}

enum raml_verdict raml_question_check(const struct raml_question *q, const char *pred)
{
    if (q->letters) return check_letter(q->answer, pred);
    const struct raml_family *f = raml_family_find(q->family);
    if (!f) return raml_answer_check(q->answer, pred);
    if (f->check) return f->check(q->question, pred);
    /* The questions are arithmetic: their own text, handed back, must not be a right answer. */
    struct raml_answer_options opt = raml_answer_default();
    struct raml_answer_result r = {.verdict = RAML_UNKNOWN};
    opt.worked_out = true;
    if (!pred || raml_answer_compare(q->answer, strlen(q->answer), pred, strlen(pred), &opt, &r, NULL, NULL))
        return RAML_UNKNOWN;
    return r.verdict;
}
