/* block.c - a model's parameters as one block: its own, or its adapters'. See model.h. */
#include "model/adapter.h"

struct block raml_model_block(const struct raml_model *m)
{
    const struct adapters *a = m->lora;
    if (m->use != RAML_ADAPTING) return (struct block){m->at.param, m->at.n_params, m->at.n, m->weights};
    return a ? (struct block){a->param, a->n_params, a->plan.n, a->block} : (struct block){0};
}

enum raml_code raml_model_has_block(const struct raml_model *m, struct raml_err *err)
{
    if (raml_model_block(m).weights) return RAML_OK;
    return raml_fail(err, RAML_EUSAGE,
                     m->use == RAML_ADAPTING ? "the model has no adapters yet: it has no parameters"
                                             : "the model was opened for inference: it has no weights in f32");
}

size_t raml_model_params(const struct raml_model *m, const struct raml_param **table)
{
    struct block b = raml_model_block(m);
    *table = b.param;
    return b.n_params;
}

static size_t embedding_n(const struct raml_model *m)
{
    return (size_t)m->config.vocab_size * (size_t)m->config.hidden_size;
}

/* Is the gradient of the embedding in two parts? */
static bool has_two_parts(const struct raml_model *m)
{
    return m->config.tied && m->use != RAML_ADAPTING;
}

size_t raml_gradient_n(const struct raml_model *m)
{
    return raml_model_block(m).n + (has_two_parts(m) ? embedding_n(m) : 0);
}

enum raml_code raml_gradient_join(const struct raml_model *m, float *grad, struct raml_err *err)
{
    if (!has_two_parts(m)) return RAML_OK;
    m->b->add(m->dev, grad + m->at.embed, grad + m->at.n, embedding_n(m));
    m->b->zero(m->dev, grad + m->at.n, embedding_n(m) * sizeof *grad);
    return m->b->sync(m->dev, err);
}

size_t raml_model_n(const struct raml_model *m)
{
    return raml_model_block(m).n;
}

float *raml_model_weights(struct raml_model *m)
{
    return raml_model_block(m).weights;
}

const float *raml_model_weights_const(const struct raml_model *m)
{
    return raml_model_block(m).weights;
}
