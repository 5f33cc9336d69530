/* evaluator.c - see evaluator.h. */
#include "inner/evaluator.h"

#include <stdlib.h>

enum raml_code raml_evaluator_init(struct raml_evaluator *s, const struct raml_model *m, size_t max_rows,
                                   struct raml_err *err)
{
    *s = (struct raml_evaluator){.model = m, .max_rows = max_rows};
    return raml_pass_open(m, false, &s->pass, err);
}

void raml_evaluator_deinit(struct raml_evaluator *s)
{
    raml_pass_close(s->pass);
    raml_pack_deinit(&s->pack);
    free(s->logp);
    free(s->entropy);
    free(s->argmax);
    *s = (struct raml_evaluator){0};
}

bool raml_evaluator_fits(const struct raml_evaluator *s, size_t n_tokens)
{
    size_t used = s->pack.n_rows;
    return s->pack.n_trees == 0 || (used <= s->max_rows && n_tokens <= s->max_rows - used);
}

static enum raml_code reserve(struct raml_evaluator *s, size_t n, struct raml_err *err)
{
    if (n <= s->cap) return RAML_OK;
    free(s->logp);
    free(s->entropy);
    free(s->argmax);
    s->cap = 0;
    s->logp = malloc(n * sizeof *s->logp);
    s->entropy = malloc(n * sizeof *s->entropy);
    s->argmax = malloc(n * sizeof *s->argmax);
    if (!s->logp || !s->entropy || !s->argmax)
        return raml_fail(err, RAML_ENOMEM, "no memory for the log-probabilities of %zu tokens", n);
    s->cap = n;
    return RAML_OK;
}

enum raml_code raml_evaluator_run(struct raml_evaluator *s, struct raml_err *err)
{
    enum raml_code rc = reserve(s, s->pack.n_targets, err);
    const struct raml_logprobs out = {.logp = s->logp, .entropy = s->entropy, .argmax = s->argmax};
    if (!rc) rc = raml_pass_forward(s->pass, &s->pack, &out, err);
    if (rc) return rc;
    s->n_tokens += s->pack.n_rows;
    s->n_passes++;
    return RAML_OK;
}

void raml_evaluator_clear(struct raml_evaluator *s)
{
    raml_pack_clear(&s->pack);
}

enum raml_code raml_evaluator_check(const struct raml_evaluator *s, const char *what, const int32_t *token, size_t n,
                                    struct raml_err *err)
{
    int vocab = raml_model_config(s->model)->vocab_size;
    for (size_t i = 0; i < n; i++)
        if (token[i] < 0 || token[i] >= vocab)
            return raml_fail(err, RAML_ERANGE, "%s: token %zu is %d; the model's vocabulary is 0 to %d", what, i + 1,
                             (int)token[i], vocab - 1);
    return RAML_OK;
}
