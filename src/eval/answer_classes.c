/* answer_classes.c - see answer_classes.h. */
#include "eval/answer_classes.h"

#include "core/array.h"
#include "raml/answer.h"

#include "core/file.h"
#include "raml/table.h"

#include <stdlib.h>
#include <string.h>

enum { KNOWN = 1 << 16 }; /* verdicts kept */

/* -?(0|[1-9][0-9]*), which has one spelling a number; -0 is another spelling of 0. */
static bool is_whole(const char *s)
{
    if (!strcmp(s, "-0")) return false;
    if (*s == '-') s++;
    if (*s == '0') return s[1] == 0;
    size_t n = strspn(s, "0123456789");
    return n && s[n] == 0;
}

/* At most 18 digits at *p. */
static bool take_digits(const char **p, int64_t *out)
{
    size_t n = strspn(*p, "0123456789");
    *out = 0;
    for (size_t i = 0; i < n && n <= 18; i++) *out = *out * 10 + ((*p)[i] - '0');
    *p += n;
    return n >= 1 && n <= 18;
}

static bool take_text(const char **p, const char *text)
{
    size_t n = strlen(text);
    if (strncmp(*p, text, n)) return false;
    *p += n;
    return true;
}

/* 7, -7, 7/2, -\frac{7}{2}: numbers that are compared without the checker. */
static void read_rational(const char *s, struct raml_answer_class *c)
{
    bool minus = take_text(&s, "-"), frac = take_text(&s, "\\frac{");
    int64_t a, b = 1;
    if (!take_digits(&s, &a)) return;
    if (frac && !take_text(&s, "}{")) return;
    if ((frac || take_text(&s, "/")) && (!take_digits(&s, &b) || b == 0)) return;
    if ((frac && !take_text(&s, "}")) || *s) return;
    int64_t x = a, y = b;
    while (y) {
        int64_t rest = x % y;
        x = y;
        y = rest;
    }
    c->num = minus ? -a / x : a / x;
    c->den = b / x;
}

static bool equal(struct raml_answer_classes *b, const struct raml_answer_class *x, const struct raml_answer_class *y)
{
    if (x->whole && y->whole) return false; /* of other text */
    if (x->den && y->den) return x->num == y->num && x->den == y->den;
    struct raml_verdict_place *p = &b->known[(x->hash ^ (y->hash * 0x9e3779b97f4a7c15u)) >> 7 & (KNOWN - 1)];
    if (p->a != x->hash || p->b != y->hash || (!p->a && !p->b))
        *p = (struct raml_verdict_place){x->hash, y->hash, raml_answer_check(x->text, y->text) == RAML_EQUAL};
    return p->equal;
}

static size_t class_of(struct raml_answer_classes *b, const char *text, uint64_t hash)
{
    struct raml_answer_class c = {.text = text, .hash = hash, .whole = is_whole(text)};
    read_rational(text, &c);
    for (size_t g = 0; g < b->n && g < RAML_TALLY_CHECKED; g++)
        if (equal(b, &b->first[g], &c)) return g;
    b->first[b->n] = c;
    b->vote[b->n] = (struct raml_vote){0};
    return b->n++;
}

static enum raml_code reserve(struct raml_answer_classes *b, size_t n, struct raml_err *err)
{
    static const char what[] = "answers of a question";
    size_t vote = b->cap, first = b->cap, text = b->cap;
    enum raml_code rc = RAML_RESERVE(b->vote, vote, n, what, err);
    if (!rc) rc = RAML_RESERVE(b->first, first, n, what, err);
    if (!rc) rc = RAML_RESERVE(b->text, text, n, what, err);
    if (rc) return rc;
    b->cap = text;
    if (!b->known) b->known = calloc(KNOWN, sizeof *b->known);
    if (b->known && raml_hash_map_reserve(&b->map, n)) return RAML_OK;
    return raml_fail(err, RAML_ENOMEM, "no memory for %zu %s", n, what);
}

/* The class of an answer. */
static enum raml_code find_class(struct raml_answer_classes *b, const char *text, size_t *class, struct raml_err *err)
{
    uint64_t hash = raml_hash(text, strlen(text), 0);
    uint32_t i;
    for (size_t step = 0; (i = raml_hash_map_next(&b->map, hash, &step)) != RAML_HASH_NONE;) {
        if (b->text[i].hash != hash || strcmp(b->text[i].text, text)) continue;
        *class = b->text[i].class;
        return RAML_OK;
    }
    *class = class_of(b, text, hash);
    b->text[b->n_texts] = (struct classes_text){hash, text, *class};
    if (raml_hash_map_add(&b->map, hash, (uint32_t)b->n_texts++)) return RAML_OK;
    return raml_fail(err, RAML_ENOMEM, "no memory for an answer");
}

enum raml_code raml_answer_classes_count(struct raml_answer_classes *b, const struct raml_graded *q,
                                         struct raml_err *err)
{
    enum raml_code rc = reserve(b, q->n, err);
    if (rc) return rc;
    b->n = b->n_texts = 0;
    raml_hash_map_clear(&b->map);
    for (uint32_t i = 0; i < q->n; i++) {
        const char *text = q->answer[i];
        if (!text || !*text || q->truncated[i] || q->unclosed[i]) continue;
        size_t class = 0;
        rc = find_class(b, text, &class, err);
        if (rc) return rc;
        struct raml_vote *v = &b->vote[class];
        v->n++;
        v->correct += q->correct[i];
    }
    return RAML_OK;
}

void raml_answer_classes_deinit(struct raml_answer_classes *b)
{
    free(b->vote);
    free(b->first);
    free(b->text);
    raml_hash_map_deinit(&b->map);
    free(b->known);
    *b = (struct raml_answer_classes){0};
}
