/* score.c - log-probabilities of prompts: their tokens as trees, as many as a pass has space for. See parts.h.
 *
 * In lexical order a text hangs from the path of the one before it, where it leaves that. Every token but a root's first
 * is a target; what follows a text is read at an end target.
 */
#include "serve/parts.h"

#include "core/array.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct text { /* a prompt that is scored */
    struct raml_exchange *x;
    size_t prompt, order; /* order: of the request, for requests that share nothing */
    const int32_t *token;
    size_t n;
    struct score *score;
    size_t leaf; /* the node in which it ends */
};
struct node {                        /* a span of a tree of the pass */
    size_t parent, depth, n, target; /* parent: SIZE_MAX: none. target: of its first one */
    bool root;
};
struct scorer {
    struct raml_pass *pass;
    struct raml_pack pack;
    struct raml_tree tree;
    struct text *text; /* [n] */
    size_t n, cap;
    struct node *node; /* [n_nodes] of the pass; those from tree_node on are of the tree */
    size_t n_nodes, cap_nodes, tree_node;
    size_t pass_text, tree_text; /* the first text of the pass, of the tree */
    float *logp, *top_logp;
    int32_t *top_token;
    size_t cap_logp, cap_top_logp, cap_top_token;
};

enum raml_code raml_serve_score_open(struct raml_server *s, struct raml_err *err)
{
    s->scorer = calloc(1, sizeof *s->scorer);
    if (!s->scorer) return raml_fail(err, RAML_ENOMEM, "no memory to score");
    return raml_pass_open(s->model, false, &s->scorer->pass, err);
}

void raml_serve_score_close(struct raml_server *s)
{
    struct scorer *c = s->scorer;
    if (!c) return;
    raml_pass_close(c->pass);
    raml_pack_deinit(&c->pack);
    raml_tree_deinit(&c->tree);
    free(c->text);
    free(c->node);
    free(c->logp);
    free(c->top_logp);
    free(c->top_token);
    free(c);
}

bool raml_serve_wants_score(const struct raml_exchange *x)
{
    const struct api_request *r = &x->request;
    return r->prompt_logprobs >= 0 || (r->echo && r->logprobs >= 0);
}

bool raml_serve_takes_next(const struct raml_exchange *x)
{
    const struct api_request *r = &x->request;
    return raml_serve_wants_score(x) && r->max_tokens == 1 && r->own.sampling.temperature <= 0;
}

/* -- What is scored -------------------------------------------------------------------------------------------------- */
static enum raml_code add_text(struct scorer *c, struct raml_exchange *x, size_t i, size_t order, struct raml_err *err)
{
    const struct api_request *r = &x->request;
    struct score *s = &x->score[i];
    bool next = raml_serve_takes_next(x);
    size_t n = r->prompt[i].token.n, places = n - 1 + next;
    int64_t k = r->logprobs > r->prompt_logprobs ? r->logprobs : r->prompt_logprobs;
    *s = (struct score){.top.k = k > 0 ? (size_t)k : next, .next = next};
    s->logp = calloc(n, sizeof *s->logp);
    s->top.token = calloc(places * s->top.k + 1, sizeof *s->top.token);
    s->top.logp = calloc(places * s->top.k + 1, sizeof *s->top.logp);
    if (!s->logp || !s->top.token || !s->top.logp)
        return raml_fail(err, RAML_ENOMEM, "no memory for the scores of %zu tokens", n);
    if (!places) return RAML_OK;
    enum raml_code rc = RAML_GROW(c->text, c->cap, c->n + 1, "texts", err);
    if (!rc)
        c->text[c->n++] =
            (struct text){.x = x, .prompt = i, .order = order, .token = r->prompt[i].token.id, .n = n, .score = s};
    return rc;
}

static size_t common(const struct text *a, const struct text *b)
{
    size_t i = 0, n = a->n < b->n ? a->n : b->n;
    while (i < n && a->token[i] == b->token[i]) i++;
    return i;
}

static int by_tokens(const void *pa, const void *pb)
{
    const struct text *a = pa, *b = pb;
    if (a->order != b->order) return a->order < b->order ? -1 : 1;
    size_t i = common(a, b);
    if (i < a->n && i < b->n) return a->token[i] < b->token[i] ? -1 : 1;
    if (a->n != b->n) return a->n < b->n ? -1 : 1;
    return 0;
}

/* -- Trees ----------------------------------------------------------------------------------------------------------- */
/* The span of the path of text `t`, below its node `at`, that holds depth `depth`, or ends there. */
static size_t span_at(const struct scorer *c, size_t at, size_t depth)
{
    while (c->node[at].parent != SIZE_MAX && c->node[at].depth >= depth) at = c->node[at].parent;
    return at;
}

/* The text's own tokens, after the first `shared`, which are on the path of the text before it. */
static enum raml_code add_span(struct scorer *c, struct text *t, size_t shared, struct raml_err *err)
{
    struct node new = {.parent = SIZE_MAX, .depth = shared, .n = t->n - shared, .root = !shared};
    int32_t span, parent = -1;
    size_t after = 0;
    enum raml_code rc = RAML_GROW(c->node, c->cap_nodes, c->n_nodes + 1, "spans", err);
    if (!rc && shared) {
        new.parent = span_at(c, t[-1].leaf, shared);
        parent = (int32_t)(new.parent - c->tree_node);
        after = shared - c->node[new.parent].depth;
    }
    if (!rc) rc = raml_tree_add(&c->tree, parent, (uint32_t)after, t->token + shared, new.n, new.root, &span, err);
    if (rc) return rc;
    t->leaf = c->n_nodes;
    c->node[c->n_nodes++] = new;
    return RAML_OK;
}

static enum raml_code add_next(struct scorer *c, const struct text *t, struct raml_err *err)
{
    int32_t span = (int32_t)(t->leaf - c->tree_node);
    if (!t->score->next || c->tree.span[span].has_end_target) return RAML_OK;
    return raml_tree_add_end_target(&c->tree, span, 0, err); /* of whichever token: its likeliest are asked for */
}

/* The tree is whole: its targets get their numbers in the pass. */
static enum raml_code close_tree(struct scorer *c, struct raml_err *err)
{
    size_t target = c->pack.n_targets;
    if (!c->tree.n_spans) return RAML_OK;
    for (size_t i = 0; i < c->tree.n_spans; i++) {
        const struct raml_span *s = &c->tree.span[i];
        c->node[c->tree_node + i].target = target;
        target += s->n - s->first_target + s->has_end_target;
    }
    enum raml_code rc = raml_pack_add(&c->pack, &c->tree, err);
    raml_tree_clear(&c->tree);
    c->tree_node = c->n_nodes;
    return rc;
}

/* -- Passes ---------------------------------------------------------------------------------------------------------- */
struct values { /* of a pass */
    const float *logp, *top_logp;
    const int32_t *top_token;
    size_t k;
};

static void copy_top(struct top_list *to, size_t at, const struct values *v, size_t target)
{
    if (!to->k) return;
    memcpy(to->token + at * to->k, v->top_token + target * v->k, to->k * sizeof *to->token);
    memcpy(to->logp + at * to->k, v->top_logp + target * v->k, to->k * sizeof *to->logp);
}

/* What the pass gave for a text, from its end to its beginning; false: a log-probability is not finite. */
static bool read_text(const struct scorer *c, const struct text *t, const struct values *v)
{
    size_t end = t->n, at = t->leaf;
    struct score *s = t->score;
    bool finite = true;
    if (s->next) {
        const struct node *leaf = &c->node[at];
        copy_top(&s->top, t->n - 1, v, leaf->target + leaf->n - leaf->root);
        finite = s->top.token[(t->n - 1) * s->top.k] >= 0 && isfinite(s->top.logp[(t->n - 1) * s->top.k]);
    }
    for (; at != SIZE_MAX; at = c->node[at].parent) {
        const struct node *n = &c->node[at];
        for (size_t d = n->depth + n->root; d < end; d++) {
            size_t target = n->target + d - n->depth - n->root;
            s->logp[d - 1] = v->logp[target];
            copy_top(&s->top, d - 1, v, target);
            finite &= isfinite(v->logp[target]) != 0;
        }
        end = n->depth;
    }
    return finite;
}

static enum raml_code reserve(struct scorer *c, size_t n, size_t k, struct raml_err *err)
{
    enum raml_code rc = RAML_RESERVE(c->logp, c->cap_logp, n, "log-probabilities", err);
    if (!rc) rc = RAML_RESERVE(c->top_logp, c->cap_top_logp, n * k, "log-probabilities", err);
    return rc ? rc : RAML_RESERVE(c->top_token, c->cap_top_token, n * k, "tokens", err);
}

/* Runs the pass over the trees that are closed: those of the texts before `end`. */
static enum raml_code run_pass(struct raml_server *s, size_t end, struct raml_err *err)
{
    struct scorer *c = s->scorer;
    size_t k = 0;
    for (size_t i = c->pass_text; i < end; i++)
        if (c->text[i].score->top.k > k) k = c->text[i].score->top.k;
    enum raml_code rc = c->pack.n_targets ? reserve(c, c->pack.n_targets, k, err) : RAML_OK;
    const struct raml_logprobs out = {.logp = c->logp, .n_top = k, .top_token = c->top_token, .top_logp = c->top_logp};
    if (!rc && c->pack.n_targets) rc = raml_pass_forward(c->pass, &c->pack, &out, err);
    const struct values v = {c->logp, c->top_logp, c->top_token, k};
    for (size_t i = c->pass_text; i < end && !rc; i++) {
        struct raml_exchange *x = c->text[i].x;
        struct api_error e;
        if (read_text(c, &c->text[i], &v) || x->dead) continue;
        (void)raml_api_refuse(&e, 500, "prompt", NULL, "prompt number %zu: its log-probabilities are not finite",
                              c->text[i].prompt + 1);
        raml_exchange_fail(x, &e);
    }
    pthread_mutex_lock(&s->lock);
    s->figures.scored_tokens += c->pack.n_rows;
    s->figures.passes += c->pack.n_rows > 0;
    pthread_mutex_unlock(&s->lock);
    raml_pack_clear(&c->pack);
    c->n_nodes = c->tree_node = 0;
    c->pass_text = end;
    return rc;
}

static enum raml_code place_text(struct raml_server *s, size_t i, struct raml_err *err)
{
    struct scorer *c = s->scorer;
    struct text *t = &c->text[i];
    size_t most = (size_t)s->opt.max_batch_tokens;
    bool same = i > c->tree_text && t->order == t[-1].order;
    size_t shared = same ? common(t, t - 1) : 0;
    enum raml_code rc = RAML_OK;
    if (!shared || c->tree.n_tokens + t->n - shared > most) {
        shared = 0;
        rc = close_tree(c, err);
        c->tree_text = i;
        if (!rc && c->pack.n_rows && c->pack.n_rows + t->n > most) rc = run_pass(s, i, err);
    }
    if (rc) return rc;
    if (shared && shared == t->n) t->leaf = t[-1].leaf; /* the text before it is the same */
    else rc = add_span(c, t, shared, err);
    return rc ? rc : add_next(c, t, err);
}

enum raml_code raml_serve_score(struct raml_server *s, struct raml_exchange *const *x, size_t n, struct raml_err *err)
{
    struct scorer *c = s->scorer;
    enum raml_code rc = RAML_OK;
    c->n = c->n_nodes = c->tree_node = c->pass_text = c->tree_text = 0;
    for (size_t i = 0; i < n && !rc; i++)
        for (size_t k = 0; k < x[i]->request.n_prompts && !rc && raml_serve_wants_score(x[i]) && !x[i]->dead; k++)
            rc = add_text(c, x[i], k, s->across ? 0 : i, err);
    if (c->n) qsort(c->text, c->n, sizeof *c->text, by_tokens);
    for (size_t i = 0; i < c->n && !rc; i++) rc = place_text(s, i, err);
    if (!rc) rc = close_tree(c, err);
    if (!rc && c->n) rc = run_pass(s, c->n, err);
    raml_tree_clear(&c->tree);
    raml_pack_clear(&c->pack);
    return rc;
}
