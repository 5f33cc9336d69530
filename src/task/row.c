/* row.c - see row.h. */
#include "raml/row.h"

#include "core/array.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct build { /* the row being built */
    struct raml_tree *tree;
    const struct raml_question *q;
    const struct raml_row_options *opt;
    struct raml_segments *segments; /* NULL: not wanted */
    struct raml_tokens span;        /* the span being built; its segments are added as it grows */
    bool too_long;
};

struct raml_row_options raml_row_default(const struct raml_tokenizer *tokenizer, struct raml_format format)
{
    return (struct raml_row_options){.tokenizer = tokenizer, .format = format};
}

void raml_segments_deinit(struct raml_segments *r)
{
    free(r->segment);
    *r = (struct raml_segments){0};
}

enum { NAME_BYTES = 160 };

/* "question 'gsm8k:17' (line 17)"; the line only if the question came from a file. */
static const char *name_of(const struct raml_question *q, char out[NAME_BYTES])
{
    if (q->line) snprintf(out, NAME_BYTES, "question '%.100s' (line %zu)", q->id, q->line);
    else snprintf(out, NAME_BYTES, "question '%.100s'", q->id);
    return out;
}

static enum raml_code add_segments(struct raml_segments *r, enum raml_segment segment, size_t n, struct raml_err *err)
{
    if (!r) return RAML_OK;
    enum raml_code rc = RAML_GROW(r->segment, r->cap, r->n + n, "segments of tokens", err);
    if (rc) return rc;
    if (n) memset(r->segment + r->n, (int)segment, n);
    r->n += n;
    return RAML_OK;
}

/* Appends one part to the span. text: of the question, trajectory or answer; answer prefix and end are the format's. */
static enum raml_code add_part(struct build *b, enum raml_segment segment, const char *text, struct raml_err *err)
{
    const struct raml_format *f = &b->opt->format;
    const struct raml_tokenizer *t = b->opt->tokenizer;
    size_t before = b->span.n;
    enum raml_code rc = RAML_OK;
    switch (segment) {
    case RAML_SEGMENT_PROMPT: rc = raml_format_prompt(f, t, text, &b->span, err); break;
    case RAML_SEGMENT_ANSWER_PREFIX: rc = raml_format_answer_prefix(f, t, &b->span, err); break;
    case RAML_SEGMENT_END: rc = raml_format_end(f, t, &b->span, err); break;
    case RAML_SEGMENT_TRAJECTORY:
    case RAML_SEGMENT_ANSWER: rc = raml_tokenizer_encode(t, text, strlen(text), false, &b->span, err); break;
    }
    if (!rc) rc = add_segments(b->segments, segment, b->span.n - before, err);
    char name[NAME_BYTES];
    return rc ? raml_wrap(err, rc, "%s, %s", name_of(b->q, name), raml_segment_name(segment)) : RAML_OK;
}

/* Attaches the finished span to the prompt and empties it. */
static enum raml_code add_span(struct build *b, size_t first_target, struct raml_err *err)
{
    size_t n_prompt = b->tree->span[0].n, n = b->span.n, max = b->opt->max_tokens;
    char name[NAME_BYTES];
    if (max && n + n_prompt > max) {
        b->too_long = true;
        return raml_fail(err, RAML_ERANGE, "%s: %zu prompt tokens and %zu after them make %zu; at most %zu fit",
                         name_of(b->q, name), n_prompt, n, n + n_prompt, max);
    }
    b->span.n = 0;
    enum raml_code rc = raml_tree_add(b->tree, 0, (uint32_t)n_prompt, b->span.id, n, first_target, NULL, err);
    return rc ? raml_wrap(err, rc, "%s", name_of(b->q, name)) : RAML_OK;
}

static enum raml_code add_prompt(struct build *b, struct raml_err *err)
{
    char name[NAME_BYTES];
    enum raml_code rc = add_part(b, RAML_SEGMENT_PROMPT, b->q->question, err);
    if (!rc && b->span.n == 0)
        rc = raml_fail(err, RAML_ERANGE, "%s: the prompt has no tokens, so everything would be trained",
                       name_of(b->q, name));
    if (!rc) rc = raml_tree_add(b->tree, -1, 0, b->span.id, b->span.n, b->span.n, NULL, err);
    b->span.n = 0;
    return rc;
}

/* A completion is what a model wrote: its special tokens are some, and only the stop is missing. */
static enum raml_code add_completion(struct build *b, const char *text, struct raml_err *err)
{
    const struct raml_tokenizer *t = b->opt->tokenizer;
    char name[NAME_BYTES];
    enum raml_code rc = raml_tokenizer_encode(t, text, strlen(text), true, &b->span, err);
    size_t n = b->span.n;
    if (!rc) rc = add_segments(b->segments, RAML_SEGMENT_TRAJECTORY, n, err);
    if (!rc) rc = raml_format_stop(&b->opt->format, t, &b->span, err);
    if (!rc) rc = add_segments(b->segments, RAML_SEGMENT_END, b->span.n - n, err);
    return rc ? raml_wrap(err, rc, "%s, completion", name_of(b->q, name)) : add_span(b, 0, err);
}

/* One span after the prompt; t NULL: only the answer. */
static enum raml_code add_trajectory(struct build *b, const struct raml_trajectory *t, struct raml_err *err)
{
    if (t && t->whole) return add_completion(b, t->text, err);
    bool own = t && t->answer && t->answer[0] && !(t->correct == RAML_EQUAL && b->q->answer && b->q->answer[0]);
    const char *answer = own ? t->answer : b->q->answer;
    char name[NAME_BYTES];
    if (!answer || !answer[0]) return raml_fail(err, RAML_ERANGE, "%s has no answer to train on", name_of(b->q, name));
    enum raml_code rc = t ? add_part(b, RAML_SEGMENT_TRAJECTORY, t->text, err) : RAML_OK;
    if (!rc) rc = add_part(b, RAML_SEGMENT_ANSWER_PREFIX, NULL, err);
    size_t first_target = t ? 0 : b->span.n;
    if (!rc) rc = add_part(b, RAML_SEGMENT_ANSWER, answer, err);
    if (!rc) rc = add_part(b, RAML_SEGMENT_END, NULL, err);
    return rc ? rc : add_span(b, first_target, err);
}

static enum raml_code check_mask(const struct build *b, struct raml_err *err)
{
    size_t n = b->tree->n_tokens, trained = b->tree->n_targets;
    char name[NAME_BYTES];
    if (trained == 0)
        return raml_fail(err, RAML_ERANGE, "%s: none of its %zu tokens would be trained", name_of(b->q, name), n);
    if (trained == n)
        return raml_fail(err, RAML_ERANGE, "%s: all of its %zu tokens would be trained", name_of(b->q, name), n);
    return RAML_OK;
}

enum raml_code raml_row_build(struct raml_tree *tree, const struct raml_question *q, const size_t *selected, size_t k,
                              const struct raml_row_options *opt, struct raml_segments *segments, struct raml_err *err)
{
    struct build b = {.tree = tree, .q = q, .opt = opt, .segments = segments};
    char name[NAME_BYTES];
    raml_tree_clear(tree);
    if (segments) segments->n = 0;
    enum raml_code rc = add_prompt(&b, err);
    if (!rc && k == 0) rc = add_trajectory(&b, NULL, err);
    for (size_t i = 0; !rc && i < k; i++) {
        if (selected[i] < q->n_trajectories) rc = add_trajectory(&b, &q->trajectory[selected[i]], err);
        else
            rc = raml_fail(err, RAML_ERANGE, "%s has %zu trajectories; number %zu was requested", name_of(q, name),
                           q->n_trajectories, selected[i] + 1);
    }
    if (!rc) rc = check_mask(&b, err);
    raml_tokens_deinit(&b.span);
    if (!rc) return RAML_OK;
    raml_tree_clear(tree);
    if (segments) segments->n = 0;
    return b.too_long && opt->skip_long ? RAML_OK : rc;
}
