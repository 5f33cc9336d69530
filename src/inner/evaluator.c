/* evaluator.c - see evaluator.h. */
#include "inner/evaluator.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum raml_code raml_evaluator_init(struct raml_evaluator *s, const struct raml_model *m, size_t max_rows,
                                   struct raml_err *err)
{
    return raml_evaluator_open(s, m, NULL, max_rows, err);
}

enum raml_code raml_evaluator_open(struct raml_evaluator *s, const struct raml_model *m,
                                   const struct raml_remote *remote, size_t max_rows, struct raml_err *err)
{
    *s = (struct raml_evaluator){.model = m, .remote = remote, .max_rows = max_rows};
    return remote ? RAML_OK : raml_pass_open(m, false, &s->pass, err);
}

enum raml_code raml_evaluator_read_layers(struct raml_evaluator *s, const size_t *layer, size_t n, struct raml_err *err)
{
    if (s->remote && n)
        return raml_fail(err, RAML_EUSAGE, "layers: %s gives no states of layers; the model itself does",
                         s->remote->name);
    size_t all = s->remote ? 0 : (size_t)raml_model_config(s->model)->n_layers;
    for (size_t i = 0; i < n; i++)
        if (layer[i] > all || (i && layer[i] <= layer[i - 1]))
            return raml_fail(
                err, RAML_ERANGE,
                "layers: number %zu is %zu; expected strictly rising numbers from 0 (the embedding) to %zu "
                "(the model's layers)",
                i + 1, layer[i], all);
    s->lens = calloc(n ? n : 1, sizeof *s->lens);
    if (!s->lens) return raml_fail(err, RAML_ENOMEM, "no memory for the curves of %zu layers", n);
    for (size_t i = 0; i < n; i++) s->lens[i].layer = layer[i];
    s->n_layers = n;
    return RAML_OK;
}

void raml_evaluator_deinit(struct raml_evaluator *s)
{
    raml_pass_close(s->pass);
    raml_pack_deinit(&s->pack);
    raml_chains_deinit(&s->chains);
    free(s->logp);
    free(s->entropy);
    free(s->argmax);
    free(s->lens);
    free(s->layer_logp);
    *s = (struct raml_evaluator){0};
}

bool raml_evaluator_fits(const struct raml_evaluator *s, size_t n_tokens)
{
    size_t used = s->pack.n_rows;
    return s->pack.n_trees == 0 || (used <= s->max_rows && n_tokens <= s->max_rows - used);
}

enum raml_code raml_evaluator_add(struct raml_evaluator *s, const struct raml_tree *t, struct raml_err *err)
{
    enum raml_code rc = raml_pack_add(&s->pack, t, err);
    return rc || !s->remote ? rc : raml_chains_add(&s->chains, t, err);
}

static enum raml_code reserve(struct raml_evaluator *s, size_t n, struct raml_err *err)
{
    if (n <= s->cap) return RAML_OK;
    free(s->logp);
    free(s->entropy);
    free(s->argmax);
    free(s->layer_logp);
    s->layer_logp = NULL;
    s->cap = 0;
    s->logp = malloc(n * sizeof *s->logp);
    s->entropy = malloc(n * sizeof *s->entropy);
    s->argmax = malloc(n * sizeof *s->argmax);
    if (s->n_layers && n <= SIZE_MAX / s->n_layers) s->layer_logp = calloc(s->n_layers * n, sizeof *s->layer_logp);
    if (!s->logp || !s->entropy || !s->argmax || (s->n_layers && !s->layer_logp))
        return raml_fail(err, RAML_ENOMEM, "no memory for the log-probabilities of %zu tokens", n);
    s->cap = n;
    for (size_t l = 0; l < s->n_layers; l++) s->lens[l].out = (struct raml_logprobs){.logp = s->layer_logp + l * n};
    return RAML_OK;
}

static enum raml_code run_remote(struct raml_evaluator *s, struct raml_err *err)
{
    enum raml_code rc = raml_chains_read(&s->chains, s->remote, s->logp, s->argmax, err);
    for (size_t i = 0; i < s->pack.n_targets; i++) s->entropy[i] = NAN;
    if (rc) return rc;
    s->n_tokens += s->chains.n_tokens;
    s->n_passes += s->chains.n;
    return RAML_OK;
}

enum raml_code raml_evaluator_run(struct raml_evaluator *s, struct raml_err *err)
{
    enum raml_code rc = reserve(s, s->pack.n_targets, err);
    if (rc || s->remote) return rc ? rc : run_remote(s, err);
    const struct raml_logprobs out = {.logp = s->logp, .entropy = s->entropy, .argmax = s->argmax};
    bool last = s->n_layers && s->lens[s->n_layers - 1].layer == (size_t)raml_model_config(s->model)->n_layers;
    const struct raml_hooks hooks = {.lens = s->lens, .n_lenses = s->n_layers - last}; /* the last is the model's own */
    if (!rc && s->n_layers) rc = raml_pass_forward_hooked(s->pass, &s->pack, &hooks, &out, err);
    else if (!rc) rc = raml_pass_forward(s->pass, &s->pack, &out, err);
    if (rc) return rc;
    if (last && s->pack.n_targets)
        memcpy(s->lens[s->n_layers - 1].out.logp, s->logp, s->pack.n_targets * sizeof *s->logp);
    s->n_tokens += s->pack.n_rows;
    s->n_passes++;
    return RAML_OK;
}

void raml_evaluator_clear(struct raml_evaluator *s)
{
    raml_pack_clear(&s->pack);
    raml_chains_clear(&s->chains);
}

size_t raml_evaluator_context(const struct raml_evaluator *s)
{
    if (!s->remote) return (size_t)raml_model_config(s->model)->max_positions;
    return s->remote->max_positions ? s->remote->max_positions : SIZE_MAX;
}

static enum raml_code check_vocabulary(int vocab, const char *what, const int32_t *token, size_t n,
                                       struct raml_err *err)
{
    for (size_t i = 0; i < n; i++)
        if (token[i] < 0 || token[i] >= vocab)
            return raml_fail(err, RAML_ERANGE, "%s: token %zu is %d; the model's vocabulary is 0 to %d", what, i + 1,
                             (int)token[i], vocab - 1);
    return RAML_OK;
}

enum raml_code raml_evaluator_check(const struct raml_evaluator *s, const char *what, const int32_t *token, size_t n,
                                    struct raml_err *err)
{
    if (!s->remote) return raml_vocabulary_check(s->model, what, token, n, err);
    return check_vocabulary(s->remote->vocab_size ? s->remote->vocab_size : INT32_MAX, what, token, n, err);
}

enum raml_code raml_vocabulary_check(const struct raml_model *m, const char *what, const int32_t *token, size_t n,
                                     struct raml_err *err)
{
    return check_vocabulary(raml_model_config(m)->vocab_size, what, token, n, err);
}
