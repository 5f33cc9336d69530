/* attention_plan.c - what the tokens of a prompt and a trajectory are, and where its steps begin. See attention_parts.h. */
#include "study/attention_parts.h"

#include "core/array.h"
#include "core/ascii.h"
#include "raml/trace.h"

#include <stdlib.h>
#include <string.h>

enum { QUESTION = RAML_ATTENTION_OF_QUESTION, PROMPT = RAML_ATTENTION_OF_PROMPT, FIRST_LINE = RAML_ATTENTION_OF_LINES };

void raml_attention_plan_deinit(struct raml_attention_plan *p)
{
    raml_tokens_deinit(&p->token);
    raml_pieces_deinit(&p->text);
    free(p->step);
    free(p->site);
    free(p->unit);
    free(p->bundle);
    free(p->group);
    free(p->query);
    free(p->piece);
    *p = (struct raml_attention_plan){0};
}

/* -- Tokens -------------------------------------------------------------------------------------------------------- */

static enum raml_code encode(struct raml_attention_plan *p, const struct raml_tokenizer *t,
                             const struct raml_format *format, const struct raml_question *q, size_t sample,
                             struct raml_err *err)
{
    const struct raml_trace_source source = {.tokenizer = t, .format = *format};
    struct raml_trace_text x = {0};
    p->token.n = 0;
    enum raml_code rc = raml_format_prompt(format, t, q->question, &p->token, err);
    p->n_prompt = p->token.n;
    if (!rc) rc = raml_trace_encode_trajectory(&source, q, sample, &x, err);
    if (!rc) rc = raml_tokens_add(&p->token, x.trajectory.id, x.trajectory.n, err);
    raml_trace_text_deinit(&x);
    if (!rc) rc = RAML_GROW(p->piece, p->cap_piece, p->token.n + 1, "tokens", err);
    for (size_t i = 0; !rc && i < p->token.n; i++)
        rc = raml_tokenizer_piece(t, p->token.id[i], &p->piece[i].s, &p->piece[i].n, err);
    raml_pieces_deinit(&p->text);
    return rc ? rc : raml_pieces_join(p->piece, p->token.n, &p->text, err);
}

/* The last place in the prompt where the question stands as it is. */
static void find_question(struct raml_attention_plan *p, const char *question)
{
    size_t n = strlen(question), end = p->text.start[p->n_prompt];
    p->question = p->question_end = 0;
    for (size_t at = n && n <= end ? end - n + 1 : 0; at-- > 0;)
        if (memcmp(p->text.s + at, question, n) == 0) {
            p->question = at;
            p->question_end = at + n;
            return;
        }
}

/* -- Lines --------------------------------------------------------------------------------------------------------- */

/* Bytes of what parts words at s[0 .. n): 0, none. */
static size_t parts(const char *s, size_t n)
{
    static const char *const arrow[] = {"\u2192", "\u21d2", "\u00d7"};
    if (is_space(*s) || strchr("=:;,()[]{}<>$|", *s)) return 1;
    for (size_t i = 0; i < sizeof arrow / sizeof *arrow; i++)
        if (strlen(arrow[i]) <= n && memcmp(s, arrow[i], strlen(arrow[i])) == 0) return strlen(arrow[i]);
    return 0;
}

/* The last word of a line, or its last with a digit where any has one. */
static void find_result(const char *s, struct raml_attention_step *l)
{
    bool any_digit = false;
    l->result = l->from;
    l->result_end = l->to;
    for (size_t at = l->from; at < l->to;) {
        size_t n = parts(s + at, l->to - at), end = at;
        bool digit = false;
        if (n) {
            at += n;
            continue;
        }
        while (end < l->to && !parts(s + end, l->to - end)) {
            digit |= s[end] >= '0' && s[end] <= '9';
            end++;
        }
        size_t next = end;
        while (end > at && strchr(".!?\"'*", s[end - 1])) end--;
        if (end > at && (digit || !any_digit)) {
            l->result = at;
            l->result_end = end;
            any_digit |= digit;
        }
        at = next;
    }
}

static enum raml_code find_lines(struct raml_attention_plan *p, struct raml_err *err)
{
    const char *s = p->text.s;
    size_t at = p->text.start[p->n_prompt];
    enum raml_code rc = RAML_OK;
    p->n_steps = 0;
    while (!rc && at < p->text.n) {
        size_t end = at, from = at;
        while (end < p->text.n && s[end] != '\n') end++;
        while (from < end && is_space(s[from])) from++;
        struct raml_attention_step l = {.from = from, .to = end};
        while (l.to > l.from && is_space(s[l.to - 1])) l.to--;
        at = end + 1;
        if (l.from == l.to) continue;
        find_result(s, &l);
        rc = RAML_GROW(p->step, p->cap_steps, p->n_steps + 1, "lines", err);
        if (!rc) p->step[p->n_steps++] = l;
    }
    return rc;
}

/* -- Groups -------------------------------------------------------------------------------------------------------- */

/* A token is of the line that its first byte is in, or after: a newline ends its line. */
static enum raml_code group_tokens(struct raml_attention_plan *p, struct raml_err *err)
{
    p->n_groups = 0;
    enum raml_code rc = raml_attention_plan_bundle(p, RAML_ATTENTION_TO_QUESTION, 0, err);
    if (!rc) rc = raml_attention_plan_bundle(p, RAML_ATTENTION_TO_PROMPT, 0, err);
    for (size_t i = 0; !rc && i < p->n_steps; i++) rc = raml_attention_plan_bundle(p, RAML_ATTENTION_TO_LINE, i, err);
    if (!rc) rc = RAML_GROW(p->group, p->cap_group, p->token.n + 1, "tokens", err);
    for (size_t i = 0, line = 0; !rc && i < p->token.n; i++) {
        size_t from = p->text.start[i], to = p->text.start[i + 1];
        if (i < p->n_prompt) p->group[i] = from < p->question_end && to > p->question ? QUESTION : PROMPT;
        else {
            while (line + 1 < p->n_steps && p->step[line + 1].from <= from) line++;
            p->group[i] = (uint16_t)(p->n_steps ? FIRST_LINE + line : PROMPT);
        }
    }
    return rc;
}

/* -- Queries ------------------------------------------------------------------------------------------------------- */

static enum raml_code add_steps(struct raml_attention_plan *p, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t i = 1; !rc && i < p->n_steps; i++) {
        const struct raml_attention_step *l = &p->step[i];
        rc = raml_attention_plan_site(p, RAML_ATTENTION_LINE, i, l->from, 0, err);
        if (!rc) rc = raml_attention_plan_site(p, RAML_ATTENTION_RESULT, i, l->result, 0, err);
        if (!rc) rc = raml_attention_plan_unit(p, RAML_ATTENTION_RIGHT_LINE, l->from, l->to, err);
        if (!rc) rc = raml_attention_plan_unit(p, RAML_ATTENTION_RIGHT_RESULT, l->result, l->result_end, err);
    }
    size_t from = p->text.start[p->n_prompt];
    if (!rc && from < p->text.n)
        rc = raml_attention_plan_unit(p, RAML_ATTENTION_RIGHT_TRAJECTORY, from, p->text.n, err);
    return rc;
}

static int by_token(const void *a, const void *b)
{
    const struct raml_attention_site *x = a, *y = b;
    if (x->token != y->token) return x->token < y->token ? -1 : 1;
    if (x->at != y->at) return x->at < y->at ? -1 : 1;
    return x->source < y->source ? -1 : x->source > y->source;
}

enum raml_code raml_attention_plan_fill(struct raml_attention_plan *p, const struct raml_tokenizer *t,
                                        const struct raml_format *format, const struct raml_question *q, size_t sample,
                                        struct raml_err *err)
{
    p->n_sites = p->n_units = p->n_queries = 0;
    enum raml_code rc = encode(p, t, format, q, sample, err);
    if (rc) return rc;
    find_question(p, q->question);
    rc = find_lines(p, err);
    if (!rc) rc = group_tokens(p, err);
    if (!rc) rc = add_steps(p, err);
    if (!rc && p->question_end > p->question && q->family && !strcmp(q->family, "perm"))
        rc = raml_attention_perm(p, err);
    if (!rc) rc = RAML_GROW(p->query, p->cap_query, p->n_sites + 1, "places", err);
    if (rc) return rc;
    if (p->n_sites) qsort(p->site, p->n_sites, sizeof *p->site, by_token);
    for (size_t i = 0; i < p->n_sites; i++)
        if (p->n_queries == 0 || p->query[p->n_queries - 1] != p->site[i].token)
            p->query[p->n_queries++] = p->site[i].token;
    return RAML_OK;
}
