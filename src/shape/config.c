/* config.c - the shape of a model: checks, sizes. See raml/config.h. */
#include "raml/config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* What only some architectures have. */
static enum raml_code check_scales(const struct raml_config *c, struct raml_err *err)
{
    const struct {
        const char *name;
        double value;
    } scale[] = {
        {"embedding_multiplier", c->embedding_scale},        {"attention_multiplier", c->attention_scale},
        {"residual_multiplier", c->residual_scale},          {"logits_scaling", c->logit_divisor},
        {"rotary base of windowed layers", c->window_theta},
    };
    for (size_t i = 0; i < sizeof scale / sizeof *scale; i++)
        if (!(scale[i].value >= 0) || !isfinite((float)scale[i].value) ||
            (scale[i].value > 0 && (float)scale[i].value == 0))
            return raml_fail(err, RAML_ERANGE, "%s: found %g, expected a positive number", scale[i].name,
                             scale[i].value);
    if (raml_layers_in(&c->windowed) && c->window < 1)
        return raml_fail(err, RAML_ERANGE, "sliding_window: found %d, expected 1 or more", c->window);
    return RAML_OK;
}

enum raml_code raml_config_check(const struct raml_config *c, struct raml_err *err)
{
    const struct {
        const char *name;
        int value, low, high;
    } range[] = {
        {"vocab_size", c->vocab_size, 1, 1 << 24},
        {"hidden_size", c->hidden_size, 1, 1 << 17},
        {"intermediate_size", c->intermediate_size, 1, 1 << 20},
        {"num_hidden_layers", c->n_layers, 1, RAML_MAX_LAYERS},
        {"num_attention_heads", c->n_heads, 1, 1 << 12},
        {"num_key_value_heads", c->n_kv_heads, 1, c->n_heads},
        {"head_dim", c->head_dim, 2, 256},
        {"max_position_embeddings", c->max_positions, 1, 1 << 20}, /* bounds the rotary table */
    };
    for (size_t i = 0; i < sizeof range / sizeof *range; i++)
        if (range[i].value < range[i].low || range[i].value > range[i].high)
            return raml_fail(err, RAML_ERANGE, "%s: found %d, expected %d to %d", range[i].name, range[i].value,
                             range[i].low, range[i].high);
    if (c->n_heads % c->n_kv_heads)
        return raml_fail(err, RAML_ESHAPE, "num_attention_heads %d is not a multiple of num_key_value_heads %d",
                         c->n_heads, c->n_kv_heads);
    if (c->head_dim % 2) return raml_fail(err, RAML_ERANGE, "head_dim: found %d, expected an even number", c->head_dim);
    if (!(c->rms_norm_eps >= 0 && c->rms_norm_eps < 1) || !(c->rope_theta > 0) || !isfinite(c->rope_theta))
        return raml_fail(err, RAML_ERANGE, "rms_norm_eps %g or rope_theta %g is out of range", c->rms_norm_eps,
                         c->rope_theta);
    if (c->rope != RAML_ROPE_PLAIN && !(c->rope_factor >= 1))
        return raml_fail(err, RAML_ERANGE, "rope_scaling factor: found %g, expected 1 or more", c->rope_factor);
    return check_scales(c, err);
}

int raml_layers_in(const struct raml_layer_set *s)
{
    int n = 0;
    for (size_t i = 0; i < sizeof s->word / sizeof *s->word; i++) n += __builtin_popcountll(s->word[i]);
    return n;
}

bool raml_config_has_window(const struct raml_config *c, size_t n)
{
    return (size_t)c->window < n && raml_layers_in(&c->windowed) > 0;
}

/* -- Sizes --------------------------------------------------------------------------------------------------------- */
static size_t layer_matrix(const struct raml_config *c)
{
    size_t d = (size_t)c->hidden_size, D = (size_t)c->head_dim, H = (size_t)c->n_heads, K = (size_t)c->n_kv_heads;
    return d * (2 * H + 2 * K) * D + 3 * d * (size_t)c->intermediate_size;
}

size_t raml_config_params(const struct raml_config *c)
{
    size_t d = (size_t)c->hidden_size, D = (size_t)c->head_dim, L = (size_t)c->n_layers;
    size_t layer = layer_matrix(c) + (c->norms == RAML_NORMS_BOTH ? 4 : 2) * d;
    if (c->qk_norm == RAML_QK_NORM_HEADS) layer += 2 * D;
    if (c->qk_norm == RAML_QK_NORM_WHOLE) layer += (size_t)(c->n_heads + c->n_kv_heads) * D;
    if (c->qkv_bias) layer += (size_t)(c->n_heads + 2 * c->n_kv_heads) * D;
    return L * layer + d + (c->tied ? 1 : 2) * (size_t)c->vocab_size * d;
}

double raml_config_train_flops(const struct raml_config *c, size_t T)
{
    double matrix = (double)c->n_layers * (double)layer_matrix(c) + (double)c->vocab_size * c->hidden_size;
    double window = (double)c->window < (double)T ? c->window : (double)T; /* twice the keys of a row, on average: */
    double full = (double)T, near = T ? window * (2 - window / (double)T) : 0;
    int n = raml_layers_in(&c->windowed);
    return 6 * matrix + 6.0 * ((c->n_layers - n) * full + n * near) * c->n_heads * c->head_dim;
}
