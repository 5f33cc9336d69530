/* hooks_rig.h - what the tests of hooks share: a small pack, a tap that keeps what it reads, and a layer's equations on
 * the host. Include after cmocka's own headers. */
#ifndef RAML_TESTS_MODEL_HOOKS_RIG_H
#define RAML_TESTS_MODEL_HOOKS_RIG_H

#include "model/rig.h"
#include "raml/tap.h"

enum { N = 23, MOST_LAYERS = 2 };

/* A root of 9 tokens, a trunk of 6, and two leaves of 4; every token but the root's first is a target. */
static inline void make_pack(struct raml_pack *pack, int vocab)
{
    struct raml_tree t = {0};
    int32_t token[N];
    for (int i = 0; i < N; i++) token[i] = (i * 7 + i * i) % vocab;
    MUST(raml_tree_add(&t, -1, 0, token, 9, 1, NULL, err));
    MUST(raml_tree_add(&t, 0, 9, token + 9, 6, 0, NULL, err));
    MUST(raml_tree_add(&t, 1, 3, token + 15, 4, 0, NULL, err));
    MUST(raml_tree_add(&t, 1, 6, token + 19, 4, 0, NULL, err));
    MUST(raml_pack_add(pack, &t, err));
    raml_tree_deinit(&t);
    assert_int_equal(pack->n_rows, N);
}

/* What a tap read, by layer. */
struct reading {
    size_t n_rows, d, F, n_layers;
    float *value[MOST_LAYERS][4]; /* z, inner, residual, output */
};
static inline enum raml_code keep(void *user, const struct raml_tapped *t, struct raml_err *err)
{
    struct reading *r = user;
    const float *from[] = {t->z, t->inner, t->residual, t->output};
    (void)err;
    assert_int_equal(t->layer, r->n_layers++);
    assert_int_equal(t->n_rows, r->n_rows);
    for (int k = 0; k < 4; k++) {
        size_t n = t->n_rows * (k == 1 ? r->F : r->d);
        assert_non_null(from[k]);
        r->value[t->layer][k] = rig_floats(n);
        memcpy(r->value[t->layer][k], from[k], n * sizeof(float));
    }
    return RAML_OK;
}
static inline struct reading reading_of(const struct raml_model *m, size_t n_rows)
{
    const struct raml_config *c = raml_model_config(m);
    return (struct reading){.n_rows = n_rows, .d = (size_t)c->hidden_size, .F = (size_t)c->intermediate_size};
}
static inline struct raml_tap tap_of(struct reading *r, const uint32_t *row)
{
    return (struct raml_tap){.row = row,
                             .n_rows = r->n_rows,
                             .z = true,
                             .inner = true,
                             .residual = true,
                             .output = true,
                             .read = keep,
                             .user = r};
}
static inline void drop_reading(struct reading *r)
{
    for (size_t l = 0; l < MOST_LAYERS; l++)
        for (int k = 0; k < 4; k++) free(r->value[l][k]);
}

/* |got - want| <= tol (1 + |want|) */
static inline void check_close(const char *what, double got, double want, double tol)
{
    if (!(fabs(got - want) <= tol * (1 + fabs(want)))) fail_msg("%s: %.9g, expected %.9g", what, got, want);
}

static inline double dot(const float *w, const float *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)w[i] * (double)x[i];
    return sum;
}
static inline void norm_row(double *out, const float *x, const float *w, size_t d)
{
    double s = 1 / sqrt(dot(x, x, d) / (double)d + 1e-6);
    for (size_t i = 0; i < d; i++) out[i] = (double)x[i] * s * (double)w[i];
}

/* A layer's equations on one row, from the weights; du, dg, dd: what patches add to rows of gate, up and down. */
static inline void check_row(const struct raml_model *m, const float *w, const struct reading *r, size_t layer,
                             size_t row, const struct raml_patch *patch, bool patched)
{
    const struct raml_layer_offsets *at = &m->layer[layer].at;
    size_t d = r->d, F = r->F;
    const float *z = r->value[layer][0] + row * d, *s = r->value[layer][1] + row * F;
    const float *res = r->value[layer][2] + row * d, *out = r->value[layer][3] + row * d;
    double want[200];
    norm_row(want, res, w + at->norm2, d);
    for (size_t i = 0; i < d; i++) check_close("z", z[i], want[i], 1e-5);
    for (size_t i = 0; i < F; i++) {
        double g = dot(w + at->gu + i * d, z, d), u = dot(w + at->gu + (F + i) * d, z, d);
        if (patched && patch->matrix == RAML_LAYER_GATE)
            for (size_t k = 0; k < patch->rank; k++)
                g += (double)patch->left[i * patch->rank + k] * dot(patch->right + k * d, z, d);
        if (patched && patch->matrix == RAML_LAYER_UP)
            for (size_t k = 0; k < patch->rank; k++)
                u += (double)patch->left[i * patch->rank + k] * dot(patch->right + k * d, z, d);
        check_close("inner", s[i], g / (1 + exp(-g)) * u, 2e-5);
    }
    for (size_t i = 0; i < d; i++) {
        double y = dot(w + at->down + i * F, s, F);
        if (patched && patch->matrix == RAML_LAYER_DOWN)
            for (size_t k = 0; k < patch->rank; k++)
                y += (double)patch->left[i * patch->rank + k] * dot(patch->right + k * F, s, F);
        check_close("output", out[i], (double)res[i] + y, 2e-5);
    }
}

static inline void each_model(void (*check)(struct raml_model *m, int kind))
{
    static const char *const levels[] = {"auto", "ref"};
    for (size_t l = 0; l < COUNT(levels); l++)
        for (int kind = 0; kind < RIG_PLAIN; kind++) {
            struct raml_config c = rig_config(kind, false);
            struct raml_device *dev = rig_device(2, levels[l], false);
            if (!dev) continue;
            struct raml_model *m = rig_open(&c, RAML_F32, dev);
            check(m, kind);
            raml_model_close(m);
            raml_device_close(dev);
        }
}

#endif
