/* ref.c - every operation in simple loops, sums in double: what the fast versions are tested against. Contracts: ops.h.
 */
#include "device/ops.h"

#include "device/cpu/ref_rank.h"
#include "device/cpu/scalar.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static float get(bool bf16, const void *p, size_t i)
{
    return bf16 ? raml_act_up(((const uint16_t *)p)[i]) : ((const float *)p)[i];
}

static void set(bool bf16, void *p, size_t i, double x)
{
    if (bf16) ((uint16_t *)p)[i] = raml_act_down((float)x);
    else ((float *)p)[i] = (float)x;
}

/* One element as it is, in its own bits. */
static void move(bool bf16, void *out, size_t to, const void *in, size_t from)
{
    size_t size = bf16 ? 2 : 4;
    memcpy((char *)out + to * size, (const char *)in + from * size, size);
}

static void embed(float *x, const float *table, const int32_t *token, size_t n, size_t d)
{
    for (size_t r = 0; r < n; r++)
        for (size_t i = 0; i < d; i++) x[r * d + i] = table[(size_t)token[r] * d + i];
}

static void embed_back(float *d_table, const float *dx, const int32_t *token, size_t n, size_t d)
{
    for (size_t r = 0; r < n; r++)
        for (size_t i = 0; i < d; i++) d_table[(size_t)token[r] * d + i] += dx[r * d + i];
}

static void add_norm(bool bf16, float *sum, void *y, float *rstd, const float *x, const void *add, const float *w,
                     size_t n, size_t d, float eps)
{
    for (size_t r = 0; r < n; r++) {
        double sq = 0;
        for (size_t i = 0; i < d; i++) {
            float a = (x ? x[r * d + i] : 0) + (add ? get(bf16, add, r * d + i) : 0);
            sum[r * d + i] = a;
            sq += (double)a * a;
        }
        double s = 1.0 / sqrt(sq / (double)d + eps);
        if (rstd) rstd[r] = (float)s;
        for (size_t i = 0; i < d; i++) set(bf16, y, r * d + i, sum[r * d + i] * s * w[i]);
    }
}

static void norm_back(bool bf16, float *dx, void *dx_act, float *dw, const void *dy, const float *x, const float *rstd,
                      const float *w, size_t n, size_t d, float *scratch) /* NOLINT(readability-non-const-parameter) */
{
    (void)scratch;
    for (size_t r = 0; r < n; r++) {
        double s = rstd[r], dot = 0;
        for (size_t i = 0; i < d; i++) {
            double g = get(bf16, dy, r * d + i);
            dot += g * w[i] * x[r * d + i];
            if (dw) dw[i] += (float)(g * x[r * d + i] * s);
        }
        for (size_t i = 0; i < d; i++) {
            double g = get(bf16, dy, r * d + i) * s * w[i] - x[r * d + i] * s * s * s * dot / (double)d;
            dx[r * d + i] += (float)g;
            if (dx_act) set(bf16, dx_act, r * d + i, dx[r * d + i]);
        }
    }
}

static double head_rstd(const double *x, size_t D, double eps)
{
    double sq = 0;
    for (size_t i = 0; i < D; i++) sq += x[i] * x[i];
    return 1.0 / sqrt(sq / (double)D + eps);
}

static void rotate(double *x, const float *cos_sin, size_t D, double sign)
{
    for (size_t i = 0; i < D / 2; i++) {
        double a = x[i], b = x[i + D / 2], c = cos_sin[i], s = sign * cos_sin[i + D / 2];
        x[i] = a * c - b * s;
        x[i + D / 2] = b * c + a * s;
    }
}

/* The norm's weights of head j, queries' heads first. */
static const float *weights_of(const struct raml_heads *h, size_t j)
{
    const float *w = j < h->H ? h->q_w : h->k_w;
    return w && h->whole ? w + (j < h->H ? j : j - h->H) * h->D : w;
}

/* 1 / rms of all queries (side 0), all keys of a row whose first head is at `at`; bias: theirs, or NULL. */
static double whole_rstd(const struct raml_heads *h, const void *p, size_t at, const float *bias, int side)
{
    size_t first = side ? h->H * h->D : 0, n = (side ? h->K : h->H) * h->D;
    double sq = 0;
    for (size_t i = first; i < first + n; i++) {
        double x = get(h->bf16, p, at + i) + (bias ? bias[i] : 0);
        sq += x * x;
    }
    return 1.0 / sqrt(sq / (double)n + h->eps);
}

static void heads(const struct raml_heads *h)
{
    size_t n_heads = h->H + 2 * h->K, n_rotated = h->H + h->K, D = h->D;
    double whole[2] = {0};
    for (size_t r = 0; r < h->n; r++)
        for (size_t j = 0; j < n_heads; j++) {
            double x[RAML_MAX_HEAD_DIM];
            size_t at = (r * n_heads + j) * D;
            const float *w = weights_of(h, j < n_rotated ? j : 0);
            for (int side = 0; side < 2 && j == 0 && h->whole; side++)
                whole[side] = whole_rstd(h, h->qkv, at, h->bias, side);
            for (size_t i = 0; i < D; i++) x[i] = get(h->bf16, h->qkv, at + i) + (h->bias ? h->bias[j * D + i] : 0);
            if (j < n_rotated) {
                for (size_t i = 0; h->raw && i < D; i++) set(h->bf16, h->raw, (r * n_rotated + j) * D + i, x[i]);
                double s = h->whole ? whole[j >= h->H] : w ? head_rstd(x, D, h->eps) : 1;
                for (size_t i = 0; w && i < D; i++) x[i] *= s * w[i];
                if (h->cos_sin) rotate(x, h->cos_sin + (size_t)h->position[r] * D, D, 1);
            }
            for (size_t i = 0; i < D; i++) set(h->bf16, h->qkv, at + i, x[i]);
        }
}

/* Gradient of head j of row r after the norm. */
static void unrotated(const struct raml_heads *h, const void *dqkv, size_t r, size_t j, double *g)
{
    size_t at = (r * (h->H + 2 * h->K) + j) * h->D;
    for (size_t i = 0; i < h->D; i++) g[i] = get(h->bf16, dqkv, at + i);
    if (j < h->H + h->K && h->cos_sin) rotate(g, h->cos_sin + (size_t)h->position[r] * h->D, h->D, -1);
}

/* The sum over the elements of heads [j0, j1) of row r that a norm's backward needs */
static double norm_dot(const struct raml_heads *h, const void *dqkv, size_t r, size_t j0, size_t j1)
{
    double g[RAML_MAX_HEAD_DIM], dot = 0;
    for (size_t j = j0; j < j1; j++) {
        unrotated(h, dqkv, r, j, g);
        for (size_t i = 0; i < h->D; i++)
            dot += g[i] * get(h->bf16, h->raw, (r * (h->H + h->K) + j) * h->D + i) * weights_of(h, j)[i];
    }
    return dot;
}

/* Through the norm of row r's head j: g is the gradient after it on entry, before it on return; dw gets the weights'. */
static void head_norm_back(const struct raml_heads *h, size_t r, size_t j, double dot, double *g, float *dw)
{
    size_t D = h->D, n_rotated = h->H + h->K, side = j >= h->H, n = h->whole ? (side ? h->K : h->H) * D : D;
    const float *w = weights_of(h, j);
    double x[RAML_MAX_HEAD_DIM];
    for (size_t i = 0; i < D; i++) x[i] = get(h->bf16, h->raw, (r * n_rotated + j) * D + i);
    double s = h->whole ? whole_rstd(h, h->raw, r * n_rotated * D, NULL, (int)side) : head_rstd(x, D, h->eps);
    for (size_t i = 0; dw && i < D; i++) dw[i] += (float)(g[i] * x[i] * s);
    for (size_t i = 0; i < D; i++) g[i] = g[i] * w[i] * s - x[i] * s * s * s * dot / (double)n;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the table's signature */
static void heads_back(const struct raml_heads *h, void *dqkv, float *d_bias, float *dq_w, float *dk_w, float *scratch)
{
    (void)scratch;
    size_t n_heads = h->H + 2 * h->K, n_rotated = h->H + h->K, D = h->D;
    double whole_dot[2] = {0};
    for (size_t r = 0; r < h->n; r++) {
        for (size_t k = 0; k < 2 && h->whole; k++)
            whole_dot[k] = norm_dot(h, dqkv, r, k ? h->H : 0, k ? n_rotated : h->H);
        for (size_t j = 0; j < n_heads; j++) {
            double g[RAML_MAX_HEAD_DIM];
            size_t at = (r * n_heads + j) * D, side = j >= h->H;
            float *dw = side ? dk_w : dq_w;
            if (dw && h->whole) dw += (side ? j - h->H : j) * D;
            unrotated(h, dqkv, r, j, g);
            if (j < n_rotated && weights_of(h, j))
                head_norm_back(h, r, j, h->whole ? whole_dot[side] : norm_dot(h, dqkv, r, j, j + 1), g, dw);
            for (size_t i = 0; i < D; i++) {
                set(h->bf16, dqkv, at + i, g[i]);
                if (d_bias) d_bias[j * D + i] += get(h->bf16, dqkv, at + i); /* as the products see it */
            }
        }
    }
}

static void silu_mul(bool bf16, void *out, const void *gu, size_t n, size_t f)
{
    for (size_t r = 0; r < n; r++)
        for (size_t i = 0; i < f; i++) {
            double g = get(bf16, gu, r * 2 * f + i), u = get(bf16, gu, r * 2 * f + f + i);
            set(bf16, out, r * f + i, g / (1 + exp(-g)) * u);
        }
}

static void silu_mul_back(bool bf16, void *d_gu, const void *d_out, const void *gu, size_t n, size_t f)
{
    for (size_t r = 0; r < n; r++)
        for (size_t i = 0; i < f; i++) {
            double g = get(bf16, gu, r * 2 * f + i), u = get(bf16, gu, r * 2 * f + f + i),
                   d = get(bf16, d_out, r * f + i);
            double s = 1 / (1 + exp(-g));
            set(bf16, d_gu, r * 2 * f + i, d * u * s * (1 + g * (1 - s)));
            set(bf16, d_gu, r * 2 * f + f + i, d * g * s);
        }
}

static double gelu_sigmoid(double g)
{
    double z = sqrt(2 / M_PI) * (g + 0.044715 * g * g * g);
    return 1 / (1 + exp(-2 * z));
}

static void gelu_mul(bool bf16, void *out, const void *gu, size_t n, size_t f)
{
    for (size_t r = 0; r < n; r++)
        for (size_t i = 0; i < f; i++) {
            double g = get(bf16, gu, r * 2 * f + i), u = get(bf16, gu, r * 2 * f + f + i);
            set(bf16, out, r * f + i, g * gelu_sigmoid(g) * u);
        }
}

static void gelu_mul_back(bool bf16, void *d_gu, const void *d_out, const void *gu, size_t n, size_t f)
{
    for (size_t r = 0; r < n; r++)
        for (size_t i = 0; i < f; i++) {
            double g = get(bf16, gu, r * 2 * f + i), u = get(bf16, gu, r * 2 * f + f + i),
                   d = get(bf16, d_out, r * f + i);
            double s = gelu_sigmoid(g), z_slope = sqrt(2 / M_PI) * (1 + 3 * 0.044715 * g * g);
            set(bf16, d_gu, r * 2 * f + i, d * u * s * (1 + g * (1 - s) * 2 * z_slope));
            set(bf16, d_gu, r * 2 * f + f + i, d * g * s);
        }
}

static void scale_add(bool bf16, float *sum, void *out, const float *x, const void *add, float scale, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double v = (double)scale * (add ? get(bf16, add, i) : x[i]) + (x && add ? x[i] : 0);
        if (sum) sum[i] = (float)v;
        if (out) set(bf16, out, i, (float)v);
    }
}

static void transpose(bool bf16, void *out, const void *in, size_t n, size_t d, size_t n_pad)
{
    for (size_t c = 0; c < d; c++)
        for (size_t r = 0; r < n_pad; r++) {
            if (r < n) move(bf16, out, c * n_pad + r, in, r * d + c);
            else set(bf16, out, c * n_pad + r, 0);
        }
}

static void to_act(bool bf16, void *out, const float *in, size_t n)
{
    for (size_t i = 0; i < n; i++) set(bf16, out, i, in[i]);
}

static uint32_t index_at(const void *first, size_t stride, size_t i)
{
    uint32_t x;
    memcpy(&x, (const char *)first + i * stride, sizeof x);
    return x;
}

static void gather(bool bf16, void *out, const void *in, const uint32_t *row, size_t stride, size_t n, size_t d)
{
    for (size_t r = 0; r < n; r++)
        for (size_t i = 0; i < d; i++) move(bf16, out, r * d + i, in, index_at(row, stride, r) * d + i);
}

static void scatter_add(float *out, const float *in, const uint32_t *row, size_t stride, size_t n, size_t d)
{
    for (size_t r = 0; r < n; r++)
        for (size_t i = 0; i < d; i++) out[index_at(row, stride, r) * d + i] += in[r * d + i];
}

static void add(float *out, const float *in, size_t n)
{
    for (size_t i = 0; i < n; i++) out[i] += in[i];
}

static void low_rank(const struct raml_low_rank_rows *f)
{
    for (size_t i = 0; i < f->n; i++)
        for (size_t k = 0; k < f->rank; k++) {
            double c = f->right ? 0 : 1;
            for (size_t j = 0; f->right && j < f->K; j++)
                c += get(f->bf16, f->x, f->row[i] * f->K + j) * (double)f->right[k * f->K + j];
            for (size_t j = 0; j < f->N; j++) {
                size_t at = f->row[i] * f->y_width + j;
                set(f->bf16, f->y, at, get(f->bf16, f->y, at) + c * (double)f->left[k * f->N + j]);
            }
        }
}

static void gram(double *out, const float *x, size_t n, size_t K)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = 0;
            for (size_t k = 0; k < K; k++) sum += (double)x[i * K + k] * (double)x[j * K + k];
            out[i * n + j] = sum;
        }
}

/* Element i of key `slot` in a key page (at element offset `page`); the same for values. */
static size_t key_at(bool bf16, size_t page, size_t slot, size_t i)
{
    return page + (bf16 ? (i / 2 * RAML_PAGE + slot) * 2 + i % 2 : i * RAML_PAGE + slot);
}
static size_t value_at(bool bf16, size_t page, size_t slot, size_t i, size_t Dp)
{
    return page + (bf16 ? (slot / 2 * Dp + i) * 2 + slot % 2 : slot * Dp + i);
}

static void store_kv(bool bf16, void *k, void *v, const void *qkv, const uint32_t *page, const uint8_t *slot, size_t n,
                     size_t H, size_t K, size_t D)
{
    for (size_t r = 0; r < n; r++)
        for (size_t g = 0; g < K; g++)
            for (size_t i = 0; i < D; i++) {
                size_t at = (page[r] * K + g) * raml_page_elements(D), from = (r * (H + 2 * K) + H + g) * D + i;
                move(bf16, k, key_at(bf16, at, slot[r], i), qkv, from);
                move(bf16, v, value_at(bf16, at, slot[r], i, raml_head_pad(D)), qkv, from + K * D);
            }
}

static bool sees(const struct raml_attn *a, const struct raml_attn_pair *p, size_t r, size_t key)
{
    if (r < p->row0 || r >= (size_t)p->row0 + p->n_rows) return false;
    return p->mask < 0 || (a->mask[(size_t)p->mask + r - p->row0] >> key & 1);
}

static double score_scale(const struct raml_attn *a)
{
    return a->scale != 0 ? (double)a->scale : 1 / sqrt((double)a->D);
}

static void attn_row(const struct raml_attn *a, const struct raml_attn_tile *t, size_t r, size_t h)
{
    size_t D = a->D, g = h / (a->H / a->K), q = ((t->row + r) * (a->H + 2 * a->K) + h) * D;
    double max = -INFINITY, sum = 0, o[RAML_MAX_HEAD_DIM] = {0};
    for (int pass = 0; pass < 2; pass++)
        for (size_t j = 0; j < t->n_pairs; j++)
            for (size_t key = 0; key < RAML_PAGE; key++) {
                const struct raml_attn_pair *p = &a->pair[t->pair + j];
                if (!sees(a, p, r, key)) continue;
                size_t page = (p->page * a->K + g) * raml_page_elements(D);
                double s = 0;
                for (size_t i = 0; i < D; i++)
                    s += (double)get(a->bf16, a->qkv, q + i) * get(a->bf16, a->k, key_at(a->bf16, page, key, i));
                s *= score_scale(a);
                if (pass == 0) {
                    if (s > max) max = s;
                    continue;
                }
                sum += exp(s - max);
                for (size_t i = 0; i < D; i++)
                    o[i] += exp(s - max) * get(a->bf16, a->v, value_at(a->bf16, page, key, i, raml_head_pad(D)));
            }
    for (size_t i = 0; i < D; i++) set(a->bf16, a->o, ((t->row + r) * a->H + h) * D + i, o[i] / sum);
    if (a->lse) a->lse[(t->row + r) * a->H + h] = (float)(max + log(sum));
}

static void attn(const struct raml_attn *a)
{
    for (size_t i = 0; i < a->n_tiles; i++)
        for (size_t r = 0; r < a->tile[i].n; r++)
            for (size_t h = 0; h < a->H; h++) attn_row(a, &a->tile[i], r, h);
}

/* One query row and key: adds to dq, dk, dv (doubles, laid out as dqkv). */
static void back_key(const struct raml_attn_back *b, double *dqkv, size_t row, size_t key_row, size_t h, double delta)
{
    const struct raml_attn *a = &b->f;
    size_t D = a->D, width = (a->H + 2 * a->K) * D, g = h / (a->H / a->K);
    size_t q = row * width + h * D, k = key_row * width + (a->H + g) * D, v = k + a->K * D, o = (row * a->H + h) * D;
    double s = 0, dp = 0, scale = score_scale(a);
    for (size_t i = 0; i < D; i++) {
        s += (double)get(a->bf16, a->qkv, q + i) * get(a->bf16, a->qkv, k + i);
        dp += (double)get(a->bf16, b->d_o, o + i) * get(a->bf16, a->qkv, v + i);
    }
    double p = exp(s * scale - a->lse[row * a->H + h]), ds = p * (dp - delta) * scale;
    for (size_t i = 0; i < D; i++) {
        dqkv[q + i] += ds * get(a->bf16, a->qkv, k + i);
        dqkv[k + i] += ds * get(a->bf16, a->qkv, q + i);
        dqkv[v + i] += p * get(a->bf16, b->d_o, o + i);
    }
}

static void attn_back(const struct raml_attn_back *b)
{
    const struct raml_attn *a = &b->f;
    size_t D = a->D, width = (a->H + 2 * a->K) * D;
    double *dqkv = b->scratch;
    memset(dqkv, 0, a->n * width * sizeof *dqkv);
    for (size_t t = 0; t < a->n_tiles; t++)
        for (size_t r = 0; r < a->tile[t].n; r++)
            for (size_t h = 0; h < a->H; h++) {
                size_t row = a->tile[t].row + r, o = (row * a->H + h) * D;
                double delta = 0;
                for (size_t i = 0; i < D; i++) delta += (double)get(a->bf16, b->d_o, o + i) * get(a->bf16, a->o, o + i);
                for (size_t j = 0; j < a->tile[t].n_pairs; j++)
                    for (size_t key = 0; key < RAML_PAGE; key++) {
                        const struct raml_attn_pair *p = &a->pair[a->tile[t].pair + j];
                        if (sees(a, p, r, key) && key < a->tile[p->page].n)
                            back_key(b, dqkv, row, a->tile[p->page].row + key, h, delta);
                    }
            }
    for (size_t i = 0; i < a->n * width; i++) set(a->bf16, b->dqkv, i, dqkv[i]);
}

static size_t attn_scratch(size_t threads, size_t D, size_t max_tiles, size_t n_values)
{
    (void)threads, (void)D, (void)max_tiles;
    return n_values * sizeof(double);
}

static void loss_tile(const struct raml_loss_rows *s, const float *z, size_t ld, const int32_t *token, size_t stride,
                      size_t n, size_t v0, size_t v)
{
    for (size_t r = 0; r < n; r++) {
        const float *zr = z + r * ld;
        size_t t = index_at(token, stride, r);
        double sum = 0, dot = 0;
        float old = s->max[r];
        for (size_t i = 0; i < v; i++)
            if (zr[i] > s->max[r]) {
                s->max[r] = zr[i];
                if (s->argmax) s->argmax[r] = (int32_t)(v0 + i);
            }
        for (size_t i = 0; i < v; i++) {
            sum += exp((double)zr[i] - s->max[r]);
            dot += exp((double)zr[i] - s->max[r]) * zr[i];
        }
        double scale = exp((double)old - s->max[r]);
        s->sum[r] = (float)(s->sum[r] * scale + sum);
        s->dot[r] = (float)(s->dot[r] * scale + dot);
        if (t >= v0 && t < v0 + v) s->target[r] = zr[t - v0];
    }
}

static void loss_tile_back(bool bf16, void *dz, const float *z, size_t ld, const float *lse, const float *entropy,
                           const float *c, const float *e, const int32_t *token, size_t stride, size_t n, size_t v0,
                           size_t v)
{
    for (size_t r = 0; r < n; r++)
        for (size_t i = 0; i < v; i++) {
            double lp = (double)z[r * ld + i] - lse[r], p = exp(lp), hit = index_at(token, stride, r) == v0 + i;
            set(bf16, dz, r * v + i, c[r] * (hit - p) - (e ? e[r] : 0) * p * (lp + entropy[r]));
        }
}

static void skinny_gemm(const struct raml_skinny *f)
{
    size_t blocks = f->K / 32;
    for (size_t r = 0; r < f->n; r++)
        for (size_t c = 0; c < f->N; c++) {
            double sum = 0;
            for (size_t k = 0; k < f->K; k++)
                sum +=
                    (double)get(true, f->x, r * f->K + k) *
                    (double)get(true, f->w, (c / 64 * blocks + k / 32) * 2048 + k % 32 / 2 * 128 + c % 64 * 2 + k % 2);
            set(!f->y_f32, f->y, r * f->N + c, sum);
        }
}

static float row_max(const float *z, size_t n)
{
    float most = z[0];
    for (size_t i = 1; i < n; i++)
        if (!(z[i] <= most)) most = z[i] == z[i] && most != most ? most : z[i];
    return most;
}

static double exp_all(float *out, const float *z, size_t n, float most, float scale, double *part)
{
    double total = 0;
    for (size_t from = 0; from < n; from += RAML_EXP_PART) {
        double sum = 0;
        for (size_t i = from; i < n && i < from + RAML_EXP_PART; i++) {
            out[i] = (float)exp(((double)z[i] - most) * scale);
            sum += out[i];
        }
        if (part) part[from / RAML_EXP_PART] = sum;
        total += sum;
    }
    return total;
}

const struct raml_ops raml_ops_ref = {
    .level = "ref",
    .has_bf16 = true, /* simple loops read any type; the matrix products still need the processor's support */
    .embed = embed,
    .embed_back = embed_back,
    .add_norm = add_norm,
    .norm_back = norm_back,
    .heads = heads,
    .heads_back = heads_back,
    .silu_mul = silu_mul,
    .silu_mul_back = silu_mul_back,
    .gelu_mul = gelu_mul,
    .gelu_mul_back = gelu_mul_back,
    .scale_add = scale_add,
    .transpose = transpose,
    .to_act = to_act,
    .gather = gather,
    .scatter_add = scatter_add,
    .add = add,
    .low_rank = low_rank,
    .rank_down = raml_ref_rank_down,
    .rank_up = raml_ref_rank_up,
    .rank_grad = raml_ref_rank_grad,
    .rank_pick = raml_ref_rank_pick,
    .rank_put = raml_ref_rank_put,
    .gram = gram,
    .store_kv = store_kv,
    .attn = attn,
    .attn_back = attn_back,
    .attn_scratch = attn_scratch,
    .loss_tile = loss_tile,
    .loss_tile_back = loss_tile_back,
    .row_max = row_max,
    .exp_all = exp_all,
    .skinny_gemm = skinny_gemm,
    .product = raml_product_ref,
    .panel = &raml_panel_ops_ref,
};
