/* plain.h - a transformer read from a configuration the long way: one path of tokens, one loop for each sum, in double.
 * Shares no code with the model. Include after rig.h. */
#ifndef RAML_TESTS_MODEL_PLAIN_H
#define RAML_TESTS_MODEL_PLAIN_H

#include "model/rig.h"

struct plain {
    const struct raml_config *c;
    const struct raml_param *param;
    size_t n_params;
    const float *w;
    double *attention; /* [layers, n, heads, n] probabilities of row and key; NULL: not kept */
};

static inline const float *plain_find(const struct plain *p, int layer, const char *name)
{
    char full[128];
    if (layer < 0) snprintf(full, sizeof full, "%s", name);
    else snprintf(full, sizeof full, "model.layers.%d.%s", layer, name);
    for (size_t i = 0; i < p->n_params; i++)
        if (!strcmp(p->param[i].name, full)) return p->w + p->param[i].offset;
    return NULL;
}

static inline double *plain_new(size_t n)
{
    double *x = calloc(n ? n : 1, sizeof *x);
    if (!x) abort();
    return x;
}

/* y[n_out] = x[n_in] M^T */
static inline void plain_product(double *y, const double *x, const float *m, size_t n_out, size_t n_in)
{
    for (size_t i = 0; i < n_out; i++) {
        y[i] = 0;
        for (size_t k = 0; k < n_in; k++) y[i] += x[k] * m[i * n_in + k];
    }
}

/* y = norm(x); w NULL: y = x */
static inline void plain_norm(const struct plain *p, double *y, const double *x, const float *w, size_t n)
{
    double sq = 0;
    for (size_t i = 0; i < n; i++) sq += x[i] * x[i];
    double s = w ? 1 / sqrt(sq / (double)n + p->c->rms_norm_eps) : 1;
    for (size_t i = 0; i < n; i++) y[i] = x[i] * s * (w ? (double)w[i] + (p->c->norm_plus_one ? 1 : 0) : 1);
}

/* The angle per position of pair i, and the factor of its cosine and sine; formulas: Peng et al. 2023 for yarn. */
static inline double plain_angle(const struct raml_config *c, bool near, int i, double *factor)
{
    double theta = near && c->window_theta > 0 ? c->window_theta : c->rope_theta, pi = acos(-1);
    double f = pow(theta, -2.0 * i / c->head_dim);
    *factor = 1;
    if (near && c->window_theta > 0) return f;
    if (c->rope == RAML_ROPE_LINEAR) return f / c->rope_factor;
    if (c->rope == RAML_ROPE_LLAMA3) {
        double turns = c->rope_original_positions * f / (2 * pi);
        double s = (turns - c->rope_low_freq) / (c->rope_high_freq - c->rope_low_freq);
        s = s < 0 ? 0 : s > 1 ? 1 : s;
        return s * f + (1 - s) * f / c->rope_factor;
    }
    if (c->rope == RAML_ROPE_YARN) {
        const double beta[] = {c->rope_beta_fast, c->rope_beta_slow};
        double end[2];
        for (int k = 0; k < 2; k++)
            end[k] = c->head_dim * log(c->rope_original_positions / (beta[k] * 2 * pi)) / (2 * log(theta));
        double low = fmax(floor(end[0]), 0), high = fmin(ceil(end[1]), c->head_dim - 1);
        double ramp = fmin(fmax((i - low) / fmax(high - low, 0.001), 0), 1);
        *factor = c->rope_attention;
        return f * (1 - ramp) + f / c->rope_factor * ramp;
    }
    return f;
}

static inline void plain_turn(const struct raml_config *c, int layer, double *x, size_t position)
{
    int half = c->head_dim / 2;
    if (raml_layer_in(&c->unturned, layer)) return;
    for (int i = 0; i < half; i++) {
        double factor, angle = (double)position * plain_angle(c, raml_layer_in(&c->windowed, layer), i, &factor);
        double a = x[i], b = x[i + half], co = factor * cos(angle), si = factor * sin(angle);
        x[i] = a * co - b * si;
        x[i + half] = b * co + a * si;
    }
}

/* q, k and v of one row: bias, norms, rotary embedding. */
static inline void plain_heads(const struct plain *p, int layer, double *q, double *k, double *v, size_t position)
{
    const struct raml_config *c = p->c;
    size_t D = (size_t)c->head_dim, H = (size_t)c->n_heads, K = (size_t)c->n_kv_heads;
    double *const each[] = {q, k, v};
    static const char *const bias[] = {"self_attn.q_proj.bias", "self_attn.k_proj.bias", "self_attn.v_proj.bias"};
    static const char *const norm[] = {"self_attn.q_norm.weight", "self_attn.k_norm.weight"};
    for (int s = 0; s < 3; s++) {
        size_t heads = s ? K : H;
        const float *b = c->qkv_bias ? plain_find(p, layer, bias[s]) : NULL;
        for (size_t i = 0; b && i < heads * D; i++) each[s][i] += b[i];
        if (s == 2) break;
        const float *w = c->qk_norm ? plain_find(p, layer, norm[s]) : NULL;
        if (c->qk_norm == RAML_QK_NORM_WHOLE) plain_norm(p, each[s], each[s], w, heads * D);
        for (size_t j = 0; j < heads; j++) {
            if (c->qk_norm == RAML_QK_NORM_HEADS) plain_norm(p, each[s] + j * D, each[s] + j * D, w, D);
            plain_turn(c, layer, each[s] + j * D, position);
        }
    }
}

/* out[H D] of row r from all rows' queries, keys and values; keep: NULL, or its probabilities, a head's n apart. */
static inline void plain_attend(const struct raml_config *c, int layer, double *out, const double *q, const double *k,
                                const double *v, size_t r, double *keep, size_t n)
{
    size_t D = (size_t)c->head_dim, H = (size_t)c->n_heads, K = (size_t)c->n_kv_heads, first = 0;
    double scale = c->attention_scale > 0 ? c->attention_scale : 1 / sqrt((double)D), *p = plain_new(r + 1);
    if (raml_layer_in(&c->windowed, layer) && r + 1 > (size_t)c->window) first = r + 1 - (size_t)c->window;
    for (size_t h = 0; h < H; h++) {
        size_t g = h / (H / K);
        double most = -INFINITY, sum = 0;
        for (size_t j = first; j <= r; j++) {
            p[j] = 0;
            for (size_t i = 0; i < D; i++) p[j] += scale * q[(r * H + h) * D + i] * k[(j * K + g) * D + i];
            if (p[j] > most) most = p[j];
        }
        for (size_t j = first; j <= r; j++) sum += p[j] = exp(p[j] - most);
        for (size_t j = first; keep && j <= r; j++) keep[h * n + j] = p[j] / sum;
        for (size_t i = 0; i < D; i++) {
            out[h * D + i] = 0;
            for (size_t j = first; j <= r; j++) out[h * D + i] += p[j] / sum * v[(j * K + g) * D + i];
        }
    }
    free(p);
}

/* x += what the MLP makes of z; then, as after attention, norm and multiplier */
static inline void plain_mlp(const struct plain *p, int layer, double *y, const double *z)
{
    size_t d = (size_t)p->c->hidden_size, F = (size_t)p->c->intermediate_size;
    double *g = plain_new(F), *u = plain_new(F);
    plain_product(g, z, plain_find(p, layer, "mlp.gate_proj.weight"), F, d);
    plain_product(u, z, plain_find(p, layer, "mlp.up_proj.weight"), F, d);
    for (size_t i = 0; i < F; i++) {
        double x = g[i];
        g[i] = p->c->gate == RAML_GATE_GELU ? x / 2 * (1 + tanh(sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x)))
                                            : x / (1 + exp(-x));
        g[i] *= u[i];
    }
    plain_product(y, g, plain_find(p, layer, "mlp.down_proj.weight"), d, F);
    free(g);
    free(u);
}

static inline void plain_add(const struct plain *p, double *x, double *y, const float *after)
{
    size_t d = (size_t)p->c->hidden_size;
    plain_norm(p, y, y, after, d);
    for (size_t i = 0; i < d; i++) x[i] += (p->c->residual_scale > 0 ? p->c->residual_scale : 1) * y[i];
}

static inline void plain_layer(const struct plain *p, int l, double *x, size_t n)
{
    const struct raml_config *c = p->c;
    size_t d = (size_t)c->hidden_size, D = (size_t)c->head_dim, q = (size_t)c->n_heads * D,
           kv = (size_t)c->n_kv_heads * D;
    bool before = c->norms != RAML_NORMS_AFTER, after = c->norms != RAML_NORMS_BEFORE;
    const float *n1 = before ? plain_find(p, l, "input_layernorm.weight") : NULL;
    const float *post = plain_find(p, l, "post_attention_layernorm.weight");
    const float *n2 = !before ? NULL : after ? plain_find(p, l, "pre_feedforward_layernorm.weight") : post;
    const float *b2 = after ? plain_find(p, l, "post_feedforward_layernorm.weight") : NULL;
    double *Q = plain_new(n * q), *K = plain_new(n * kv), *V = plain_new(n * kv), *z = plain_new(d), *o = plain_new(q),
           *y = plain_new(d);
    for (size_t r = 0; r < n; r++) {
        plain_norm(p, z, x + r * d, n1, d);
        plain_product(Q + r * q, z, plain_find(p, l, "self_attn.q_proj.weight"), q, d);
        plain_product(K + r * kv, z, plain_find(p, l, "self_attn.k_proj.weight"), kv, d);
        plain_product(V + r * kv, z, plain_find(p, l, "self_attn.v_proj.weight"), kv, d);
        plain_heads(p, l, Q + r * q, K + r * kv, V + r * kv, r);
    }
    for (size_t r = 0; r < n; r++) {
        size_t at = ((size_t)l * n + r) * (size_t)c->n_heads * n;
        plain_attend(c, l, o, Q, K, V, r, p->attention ? p->attention + at : NULL, n);
        plain_product(y, o, plain_find(p, l, "self_attn.o_proj.weight"), d, q);
        plain_add(p, x + r * d, y, after ? post : NULL);
        plain_norm(p, z, x + r * d, n2, d);
        plain_mlp(p, l, y, z);
        plain_add(p, x + r * d, y, b2);
    }
    double *const own[] = {Q, K, V, z, o, y};
    for (size_t i = 0; i < COUNT(own); i++) free(own[i]);
}

static inline double *plain_run(const struct plain *p, const int32_t *token, size_t n)
{
    const struct raml_config *c = p->c;
    size_t d = (size_t)c->hidden_size, V = (size_t)c->vocab_size;
    const float *embed = plain_find(p, -1, "model.embed_tokens.weight");
    const float *head = c->tied ? embed : plain_find(p, -1, "lm_head.weight");
    double *x = plain_new(n * d), *out = plain_new(n * V), *z = plain_new(d);
    for (size_t r = 0; r < n; r++)
        for (size_t i = 0; i < d; i++)
            x[r * d + i] = embed[(size_t)token[r] * d + i] * (c->embedding_scale > 0 ? c->embedding_scale : 1);
    for (int l = 0; l < c->n_layers; l++) plain_layer(p, l, x, n);
    for (size_t r = 0; r < n; r++) {
        plain_norm(p, z, x + r * d, plain_find(p, -1, "model.norm.weight"), d);
        plain_product(out + r * V, z, head, V, d);
        for (size_t i = 0; i < V && c->logit_divisor > 0; i++) out[r * V + i] /= c->logit_divisor;
    }
    free(x);
    free(z);
    return out;
}

/* Logits after each of n tokens, [n, vocab]; w: the model's parameters. The caller frees them. */
static inline double *plain_logits(const struct raml_config *c, const struct raml_param *param, size_t n_params,
                                   const float *w, const int32_t *token, size_t n)
{
    const struct plain p = {c, param, n_params, w, NULL};
    return plain_run(&p, token, n);
}

/* What each head of each layer attends to, [layers, n, heads, n] of row and key. The caller frees it. */
static inline double *plain_attention(const struct raml_config *c, const struct raml_param *param, size_t n_params,
                                      const float *w, const int32_t *token, size_t n)
{
    const struct plain p = {c, param, n_params, w, plain_new((size_t)c->n_layers * n * (size_t)c->n_heads * n)};
    free(plain_run(&p, token, n));
    return p.attention;
}

#endif
