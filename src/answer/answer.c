/* answer.c - see answer.h: from two texts to a verdict. */
#include "answer/compare/compare.h"
#include "answer/decide/guard.h"
#include "answer/find/find.h"
#include "core/memory.h"
#include "raml/answer.h"

#include <string.h>

enum { MAX_ARENA_BYTES = 1 << 26 }; /* above what the bounds of lex.h and expr.h allow one check */
static const uint64_t DEFAULT_WORK = 100000;

/* A letter, a digit, a sign of some script: what an answer has one of. */
static bool has_sign(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char ch = (unsigned char)s[i];
        if (ch == '{' && i + 1 < n && (s[i + 1] == '}' || (i && s[i - 1] == '\\'))) return true; /* the empty set */
        if (ch >= 0x80 || is_digit((char)ch) || ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z')) return true;
    }
    return false;
}

/* No answer was found: is there nothing that could be one? Words alone are no answer; a number that nothing marks may
 * be. */
static enum raml_code nothing_found(struct check *c, const struct raml_buf *gold, const char *pred, size_t n,
                                    const struct raml_answer_options *opt, enum raml_verdict *v, struct raml_err *err)
{
    struct raml_answer_options any = *opt;
    struct raml_buf b;
    enum raml_found found;
    any.last = true;
    raml_buf_init(&b, n + 64);
    enum raml_code rc = raml_answer_find(pred, n, &any, &b, &found, err);
    raml_buf_deinit(&b);
    *v = RAML_DIFFERENT;
    if (found == RAML_FOUND_NOTHING || !has_sign(pred, n)) c->rule = "pred holds no answer";
    else if (raml_find_never_said((struct text){gold->data, gold->len}, (struct text){pred, n}))
        c->rule = "pred never says the number";
    else *v = raml_compare_said(c, RAML_UNKNOWN, "no answer found");
    return rc;
}

static enum raml_code find_both(const char *const text[2], const size_t n[2], const struct raml_answer_options *opt,
                                struct raml_buf out[2], enum raml_found found[2], struct check *c, struct raml_err *err)
{
    static const char *const who[] = {"gold", "pred"};
    struct raml_answer_options gold = *opt;
    gold.last = false;
    gold.think_end = NULL;
    for (int i = 0; i < 2; i++) {
        enum raml_code rc = raml_answer_find(text[i], n[i], i ? opt : &gold, &out[i], &found[i], err);
        if (rc) return rc;
        if (!i && found[0] == RAML_FOUND_NOTHING && raml_find_says_something((struct text){text[0], n[0]}))
            raml_buf_add(&out[0], text[0], n[0]); /* gold is what it says */
        rc = raml_buf_status(&out[i], err);
        if (rc) return rc;
        raml_buf_add(&out[i], "", 0); /* even an empty one has data */
        raml_work_say(&c->work, "%s: %s: %.200s", who[i], raml_found_name(found[i]), out[i].data ? out[i].data : "");
    }
    return RAML_OK;
}

/* Gold is one of the letters A to J, and pred gives its answer in words: the letter that these choose, in *out. */
static enum raml_code choose(const struct raml_buf *gold, const char *pred, size_t n,
                             const struct raml_answer_options *opt, struct raml_buf *out, enum raml_found *found,
                             struct raml_err *err)
{
    struct raml_answer_options letters = *opt;
    struct raml_buf letter;
    enum raml_found how;
    if (opt->letters || gold->len != 1 || gold->data[0] < 'A' || gold->data[0] > 'J' ||
        (*found != RAML_FOUND_NOTHING && *found != RAML_FOUND_PHRASE))
        return RAML_OK;
    letters.letters = true;
    raml_buf_init(&letter, 64);
    enum raml_code rc = raml_answer_find(pred, n, &letters, &letter, &how, err);
    if (!rc && how == RAML_FOUND_LETTER) {
        raml_buf_clear(out);
        raml_buf_add(out, letter.data, letter.len);
        *found = how;
        rc = raml_buf_status(out, err);
    }
    raml_buf_deinit(&letter);
    return rc;
}

struct pair {
    const char *from[2]; /* gold, pred */
    size_t n[2];
    const struct raml_answer_options *opt;
    struct check c;
    struct raml_buf text[2]; /* the answers found in them */
    enum raml_verdict verdict;
};

/* The answers that were found. A box that the text breaks off within a number may have gone on. */
static enum raml_verdict compare_found(struct check *c, const struct pair *p, enum raml_found found)
{
    enum raml_verdict v = raml_compare_texts(c, &p->text[0], &p->text[1]);
    if (v == RAML_EQUAL && found == RAML_FOUND_BOXED && raml_find_broken_off((struct text){p->from[1], p->n[1]}))
        return raml_compare_said(c, RAML_UNKNOWN, "a box that the text breaks off");
    return v;
}

static enum raml_code compare_pair(void *user, struct raml_err *err)
{
    struct pair *p = user;
    struct check *c = &p->c;
    enum raml_found found[2];
    enum raml_verdict v = RAML_UNKNOWN;
    const char *gold = p->from[0], *pred = p->from[1];
    enum raml_code rc = find_both(p->from, p->n, p->opt, p->text, found, c, err);
    if (!rc) rc = choose(&p->text[0], pred, p->n[1], p->opt, &p->text[1], &found[1], err);
    if (rc) return rc;
    if (!p->text[0].len) v = raml_compare_said(c, RAML_UNKNOWN, "gold is empty");
    else if (p->n[0] == p->n[1] && !memcmp(gold, pred, p->n[0]) &&
             raml_find_says_something((struct text){gold, p->n[0]}))
        v = raml_compare_said(c, RAML_EQUAL, "same text");
    else if (found[1] == RAML_FOUND_NOTHING || !p->text[1].len)
        rc = nothing_found(c, &p->text[0], pred, p->n[1], p->opt, &v, err);
    else if (!has_sign(p->text[1].data, p->text[1].len) && has_sign(p->text[0].data, p->text[0].len))
        v = raml_compare_said(c, RAML_DIFFERENT, "pred holds no answer");
    else v = compare_found(c, p, found[1]);
    if (c->work.spent && v != RAML_EQUAL) v = raml_compare_said(c, RAML_UNKNOWN, "too much work");
    p->verdict = v;
    return rc;
}

enum raml_code raml_answer_compare(const char *gold, size_t n_gold, const char *pred, size_t n_pred,
                                   const struct raml_answer_options *opt, struct raml_answer_result *out,
                                   struct raml_buf *explain, struct raml_err *err)
{
    const struct raml_answer_options usual = raml_answer_default();
    const size_t noted = raml_memory_mark();
    if (!opt) opt = &usual;
    struct pair p = {.from = {gold, pred},
                     .n = {n_gold, n_pred},
                     .opt = opt,
                     .c = {.worked_out = opt->worked_out,
                           .decimals = opt->decimals,
                           .work = {.left = opt->max_work ? opt->max_work : DEFAULT_WORK, .explain = explain}}};
    p.c.pool.arena = raml_arena_open(MAX_ARENA_BYTES);
    if (!p.c.pool.arena) return raml_fail(err, RAML_ENOMEM, "no memory to compare two answers");
    raml_buf_init(&p.text[0], n_gold + n_pred + 64);
    raml_buf_init(&p.text[1], n_gold + n_pred + 64);
    enum raml_code rc = raml_guarded(compare_pair, &p, err);
    if (!rc) *out = (struct raml_answer_result){p.verdict, p.c.rule, p.c.work.used};
    if (!rc && (p.c.pool.no_memory || raml_memory_noted() != noted))
        rc = raml_fail(err, RAML_ENOMEM, "no memory to compare two answers");
    raml_buf_deinit(&p.text[0]);
    raml_buf_deinit(&p.text[1]);
    raml_arena_close(p.c.pool.arena);
    return rc;
}

enum raml_verdict raml_answer_check(const char *gold, const char *pred)
{
    struct raml_answer_result r = {.verdict = RAML_UNKNOWN};
    if (!gold || !pred) return RAML_UNKNOWN;
    if (raml_answer_compare(gold, strlen(gold), pred, strlen(pred), NULL, &r, NULL, NULL)) return RAML_UNKNOWN;
    return r.verdict;
}

static bool equal(struct text a, struct text b)
{
    struct raml_answer_result r;
    return !raml_answer_compare(a.s, a.n, b.s, b.n, NULL, &r, NULL, NULL) && r.verdict == RAML_EQUAL;
}

bool raml_answer_boxed(const char *text, size_t n, struct raml_buf *out)
{
    return raml_find_boxes((struct text){text, n}, equal, out);
}
