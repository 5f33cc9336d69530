/* update_gradient.c - the loss before any trajectory, and its gradient. See update_parts.h. */
#include "inner/update_parts.h"

#include "core/array.h"
#include "inner/trace_curve.h"
#include "raml/device.h"

#include <stdlib.h>
#include <string.h>

void raml_question_gradient_deinit(struct raml_question_gradient *g, const struct raml_model *m)
{
    raml_pass_close(g->pass);
    raml_pack_deinit(&g->pack);
    raml_tokens_deinit(&g->text);
    free(g->d_logp);
    free(g->logp);
    if (g->grad) raml_array_free(raml_model_device(m), g->grad);
    *g = (struct raml_question_gradient){0};
}

bool raml_question_gradient_is_of(const struct raml_question_gradient *g, const struct raml_trace_input *in)
{
    size_t n = in->n_answer_prefix, at = in->n_prompt;
    if (g->n_prompt != at || g->n_answer != in->n_answer || g->text.n != at + n + in->n_answer) return false;
    return memcmp(g->text.id, in->prompt, at * sizeof *in->prompt) == 0 &&
           (n == 0 || memcmp(g->text.id + at, in->answer_prefix, n * sizeof *in->prompt) == 0) &&
           memcmp(g->text.id + at + n, in->answer, in->n_answer * sizeof *in->prompt) == 0;
}

enum raml_code raml_question_gradient_set(struct raml_question_gradient *g, const struct raml_trace_input *in,
                                          struct raml_err *err)
{
    size_t n = in->n_answer, cap = g->cap;
    struct raml_tree tree = {0};
    g->text.n = g->n_prompt = g->n_answer = 0;
    raml_pack_clear(&g->pack);
    enum raml_code rc = raml_tokens_add(&g->text, in->prompt, in->n_prompt, err);
    if (!rc) rc = raml_tokens_add(&g->text, in->answer_prefix, in->n_answer_prefix, err);
    if (!rc) rc = raml_tokens_add(&g->text, in->answer, n, err);
    if (!rc) rc = RAML_RESERVE(g->d_logp, cap, n, "coefficients", err);
    if (!rc) rc = RAML_RESERVE(g->logp, g->cap, n, "log-probabilities", err);
    if (!rc) rc = raml_tree_add(&tree, -1, 0, in->prompt, in->n_prompt, in->n_prompt, NULL, err);
    if (!rc)
        rc = raml_tree_add(&tree, 0, (uint32_t)in->n_prompt, g->text.id + in->n_prompt, in->n_answer_prefix + n,
                           in->n_answer_prefix, NULL, err);
    if (!rc) rc = raml_pack_add(&g->pack, &tree, err);
    raml_tree_deinit(&tree);
    if (rc) {
        g->text.n = 0;
        return rc;
    }
    for (size_t j = 0; j < n; j++) g->d_logp[j] = (float)(-1.0 / (double)n);
    g->n_prompt = in->n_prompt;
    g->n_answer = n;
    return RAML_OK;
}

enum raml_code raml_question_gradient_run(struct raml_question_gradient *g, const struct raml_model *m, bool backward,
                                          double *loss, struct raml_err *err)
{
    const struct raml_device *dev = raml_model_device(m);
    size_t n = raml_gradient_n(m);
    enum raml_code rc = g->pass ? RAML_OK : raml_pass_open(m, true, &g->pass, err);
    if (!rc && !g->grad) {
        g->grad = raml_array_new(dev, n, sizeof *g->grad);
        if (!g->grad) rc = raml_fail(err, RAML_ENOMEM, "no memory for a gradient of %zu numbers", n);
    }
    const struct raml_logprobs out = {.logp = g->logp};
    if (!rc && backward) rc = raml_array_zero(dev, g->grad, n * sizeof *g->grad, err);
    if (!rc && backward) rc = raml_pass_train(g->pass, &g->pack, g->d_logp, &out, g->grad, err);
    if (!rc && backward) rc = raml_gradient_join(m, g->grad, err);
    if (!rc && !backward) rc = raml_pass_forward(g->pass, &g->pack, &out, err);
    double sum = 0;
    for (size_t j = 0; !rc && j < g->n_answer; j++) sum += g->logp[j];
    if (!rc && loss) *loss = raml_answer_loss(sum, g->n_answer);
    return rc;
}
