/* curvature.c - the ends of a Hessian's spectrum, and its trace. See raml/landscape.h.
 *
 * Vectors are not normalised: with s = step |θ| / |v|, the difference d = g(θ + s v) - g(θ - s v) is 2 s H v, and all
 * that is wanted comes from the Gram matrix of v and d, which lie side by side: v'Hv = v'd / 2s, |Hv| = |d| / 2s.
 */
#include "raml/landscape.h"

#include "inner/landscape_parts.h"
#include "inner/trace_curve.h"
#include "raml/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct curvature { /* device memory but coef and logp */
    struct raml_landscape *l;
    struct raml_pass *pass;
    struct raml_pack pack; /* one chain */
    float *coef, *logp;    /* [n_answer] */
    float *v;              /* [n]; after it d: [gradient_n], of which [n] are the difference */
    float *d;
    float *g;     /* [gradient_n] */
    double *gram; /* [2, 2] */
    double step;  /* in units of |θ| */
};

static const double FIRST_STEP = 7e-5, LAST_STEP = 1e-7;

struct raml_curvature_options raml_curvature_default(void)
{
    return (struct raml_curvature_options){.iterations = 200, .tolerance = 0.02, .probes = 32};
}

static void deinit(struct curvature *c)
{
    const struct raml_device *dev = c->l->w.dev;
    raml_pass_close(c->pass);
    raml_pack_deinit(&c->pack);
    raml_array_free(dev, c->v);
    raml_array_free(dev, c->g);
    raml_array_free(dev, c->gram);
    free(c->coef);
    free(c->logp);
}

/* Prompt, trajectory to the frame, probe: one path. */
static enum raml_code chain(const struct raml_landscape *l, size_t frame, struct raml_pack *pack, struct raml_err *err)
{
    struct raml_tree tree = {0};
    size_t before = l->n_prompt + l->frame[frame], probe = l->n_prefix + l->n_answer;
    enum raml_code rc = raml_tree_add(&tree, -1, 0, l->token, before, before, NULL, err);
    if (!rc)
        rc = raml_tree_add(&tree, 0, (uint32_t)before, l->token + l->n_prompt + l->n_trajectory, probe, l->n_prefix,
                           NULL, err);
    if (!rc) rc = raml_pack_add(pack, &tree, err);
    raml_tree_deinit(&tree);
    return rc;
}

static enum raml_code init(struct curvature *c, struct raml_landscape *l, size_t frame, double step,
                           struct raml_err *err)
{
    const struct raml_device *dev = l->w.dev;
    size_t n = l->w.n, n_gradient = raml_gradient_n(l->w.model);
    *c = (struct curvature){.l = l, .step = step};
    if (frame >= l->n_frames)
        return raml_fail(err, RAML_ERANGE, "frame %zu; the landscape has %zu", frame, l->n_frames);
    if (!(step >= 0 && step <= 1))
        return raml_fail(err, RAML_ERANGE, "step is %g; expected above 0, at most 1, or 0: found", step);
    enum raml_code rc = chain(l, frame, &c->pack, err);
    if (!rc) rc = raml_pass_open(l->w.model, true, &c->pass, err);
    c->v = raml_array_new(dev, n + n_gradient, sizeof *c->v);
    c->g = raml_array_new(dev, n_gradient, sizeof *c->g);
    c->gram = raml_array_new(dev, 4, sizeof *c->gram);
    c->coef = malloc(l->n_answer * sizeof *c->coef);
    c->logp = malloc(l->n_answer * sizeof *c->logp);
    if (!rc && (!c->v || !c->g || !c->gram || !c->coef || !c->logp))
        rc = raml_fail(err, RAML_ENOMEM, "no memory for the gradients of %zu weights", n);
    if (rc) return rc;
    c->d = c->v + n;
    for (size_t i = 0; i < l->n_answer; i++) c->coef[i] = -1.0f / (float)l->n_answer;
    return RAML_OK;
}

/* The gradient at θ + s v into g[gradient_n]; *loss may be NULL. */
static enum raml_code gradient(struct curvature *c, double s, float *g, double *loss, struct raml_err *err)
{
    const struct raml_landscape *l = c->l;
    const struct raml_logprobs out = {.logp = c->logp};
    enum raml_code rc = raml_moved_weights_to(&c->l->w, s, s == 0 ? NULL : c->v, 0, NULL, err);
    if (!rc) rc = raml_array_zero(l->w.dev, g, raml_gradient_n(l->w.model) * sizeof *g, err);
    if (!rc) rc = raml_pass_train(c->pass, &c->pack, c->coef, &out, g, err);
    if (!rc) rc = raml_gradient_join(l->w.model, g, err);
    double sum = 0;
    for (size_t i = 0; i < l->n_answer && !rc; i++) sum += c->logp[i];
    if (loss && !rc) *loss = raml_answer_loss(sum, l->n_answer);
    return rc;
}

struct product {         /* of H and v */
    double v2, vHv, Hv2; /* |v|², v'Hv, |Hv|² */
    double s;            /* d = 2 s H v */
};

/* d = 2 s H v, and the numbers that follow from it. */
static enum raml_code multiply(struct curvature *c, double v_norm, struct product *p, struct raml_err *err)
{
    const struct raml_landscape *l = c->l;
    const struct raml_backend *b = raml_backend_of(l->w.dev);
    double gram[4] = {0};
    p->s = c->step * l->w.norm / v_norm;
    enum raml_code rc = gradient(c, p->s, c->d, NULL, err);
    if (!rc) rc = gradient(c, -p->s, c->g, NULL, err);
    if (rc) return rc;
    b->combine(l->w.dev, c->d, c->d, -1.0f, c->g, 0, NULL, l->w.n);
    b->gram(l->w.dev, c->gram, c->v, 2, l->w.n);
    b->download(l->w.dev, gram, c->gram, sizeof gram);
    rc = b->sync(l->w.dev, err);
    p->v2 = gram[0];
    p->vHv = gram[1] / (2 * p->s);
    p->Hv2 = gram[3] / (4 * p->s * p->s);
    if (!rc && !(isfinite(p->vHv) && isfinite(p->Hv2)))
        rc = raml_fail(err, RAML_ERANGE, "the gradient of the loss near the weights is not finite");
    return rc;
}

/* -- Vectors ------------------------------------------------------------------------------------------------------- */

enum { PIECE = 1 << 18 }; /* a multiple of 128 */

/* Elements [at, at + n) of a random vector. */
typedef void draw_fn(const struct raml_key *key, uint64_t at, float *out, size_t n);

static void draw_normal(const struct raml_key *key, uint64_t at, float *out, size_t n)
{
    for (size_t i = 0; i < n; i++) out[i] = (float)raml_normal(key, at + i);
}

/* A sign for each of the 128 bits of a draw; at is a multiple of 128. */
static void draw_signs(const struct raml_key *key, uint64_t at, float *out, size_t n)
{
    uint32_t word[4];
    for (size_t i = 0; i < n; i++) {
        if (i % 128 == 0) raml_random4(key, (at + i) / 128, word);
        out[i] = word[i % 128 / 32] >> i % 32 & 1 ? 1.0f : -1.0f;
    }
}

static enum raml_code draw(struct curvature *c, uint64_t seed, uint32_t number, draw_fn *elements, struct raml_err *err)
{
    const struct raml_key key = {.seed = seed, .purpose = RAML_FOR_CURVATURE, .sample = number};
    float *piece = malloc(PIECE * sizeof *piece);
    enum raml_code rc = piece ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for a random vector");
    for (size_t at = 0; at < c->l->w.n && !rc; at += PIECE) {
        size_t n = c->l->w.n - at < PIECE ? c->l->w.n - at : PIECE;
        elements(&key, at, piece, n);
        rc = raml_array_write(c->l->w.dev, c->v + at, piece, n * sizeof *piece, err);
    }
    free(piece);
    return rc;
}

double raml_eigenvalue_error(const struct raml_eigenvalue *e)
{
    return e->residual + e->step_error;
}

/* -- Eigenvalues --------------------------------------------------------------------------------------------------- */

static enum raml_code should_go_on(const struct raml_sink *sink, struct raml_err *err)
{
    return raml_should_stop(sink) ? raml_fail(err, RAML_ESTOP, "stopped while measuring curvature") : RAML_OK;
}

/* Power iteration on H - shift I with c->step, from the vector there is. */
static enum raml_code iterate(struct curvature *c, const struct raml_curvature_options *o, double shift,
                              const struct raml_sink *sink, struct raml_eigenvalue *out, struct raml_err *err)
{
    const struct raml_landscape *l = c->l;
    const struct raml_backend *b = raml_backend_of(l->w.dev);
    double norm = 0;
    bool found = false;
    enum raml_code rc = raml_model_norm(l->w.model, NULL, c->v, &norm, err);
    for (size_t i = 0; !rc && !found && i < o->iterations; i++) {
        struct product p;
        rc = should_go_on(sink, err);
        if (!rc) rc = multiply(c, norm, &p, err);
        if (rc) break;
        double value = p.vHv / p.v2, rest = p.Hv2 / p.v2 - value * value;
        out->value = value;
        out->residual = rest > 0 ? sqrt(rest) : 0;
        out->iterations++;
        found = out->residual <= o->tolerance * fabs(value);
        if (found) break;
        float back = (float)(-2 * p.s * shift); /* next v = 2 s (H - shift I) v */
        b->combine(l->w.dev, c->v, c->d, back, c->v, 0, NULL, l->w.n);
        rc = raml_model_norm(l->w.model, NULL, c->v, &norm, err);
        if (!rc && !(norm > 0)) break; /* H v = shift v to the last bit */
        raml_progress(sink, "curvature", (double)(i + 1), (double)o->iterations, "iterations", NULL);
    }
    return rc;
}

/* How far the quotient of c->v is off at a quarter of the step. */
static enum raml_code try_shorter(struct curvature *c, double value, double *off, struct raml_err *err)
{
    struct product p;
    double norm = 0, step = c->step;
    enum raml_code rc = raml_model_norm(c->l->w.model, NULL, c->v, &norm, err);
    if (rc || !(norm > 0)) return rc;
    c->step = step / 4;
    rc = multiply(c, norm, &p, err);
    c->step = step;
    if (!rc) *off = fabs(p.vHv / p.v2 - value);
    return rc;
}

/* One end of the spectrum of H - shift I, from random vector `number`, with the options' step or the first that agrees
 * with a shorter one. */
static enum raml_code find_end(struct curvature *c, const struct raml_curvature_options *o, uint32_t number,
                               double shift, const struct raml_sink *sink, struct raml_eigenvalue *out,
                               struct raml_err *err)
{
    struct raml_eigenvalue best = {0}, e = {0};
    double least = INFINITY; /* error of the step, as a share */
    enum raml_code rc = draw(c, o->seed, number, draw_normal, err);
    for (int worse = 0; !rc && worse < 2; e.step /= 4) {
        if (!(e.step > 0)) e.step = o->step > 0 ? o->step : FIRST_STEP;
        c->step = e.step;
        e.step_error = 0;
        rc = iterate(c, o, shift, sink, &e, err);
        if (!rc) rc = try_shorter(c, e.value, &e.step_error, err);
        if (rc) break;
        double share = e.step_error / fabs(e.value);
        size_t iterations = e.iterations;
        worse = share < least ? 0 : worse + 1;
        if (share < least || !(least < INFINITY)) best = e;
        if (share < least) least = share;
        best.iterations = iterations;
        if (o->step > 0 || share <= o->tolerance || e.step < LAST_STEP) break;
    }
    best.converged = fmax(best.residual, best.step_error) <= o->tolerance * fabs(best.value);
    if (!rc) *out = best;
    return rc;
}

/* Both ends. Where they are nearly as far from 0 as each other, iterating on H itself stays between the two; from the end
 * that was then found, the other one is reached as that was. */
static enum raml_code both_ends(struct curvature *c, const struct raml_curvature_options *o,
                                const struct raml_sink *sink, struct raml_curvature *out, struct raml_err *err)
{
    enum raml_code rc = find_end(c, o, 0, 0, sink, &out->top, err);
    if (!rc) rc = find_end(c, o, 1, out->top.value, sink, &out->other, err);
    if (!rc && !out->top.converged) {
        size_t before = out->top.iterations;
        rc = find_end(c, o, 0, out->other.value, sink, &out->top, err);
        out->top.iterations += before;
    }
    if (!rc && fabs(out->other.value) > fabs(out->top.value)) {
        struct raml_eigenvalue swap = out->top;
        out->top = out->other;
        out->other = swap;
    }
    return rc;
}

static enum raml_code trace(struct curvature *c, const struct raml_curvature_options *o, const struct raml_sink *sink,
                            struct raml_curvature *out, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    double mean = 0, squares = 0; /* Welford */
    c->step = out->top.step;
    for (size_t i = 0; i < o->probes && !rc; i++) {
        struct product p;
        rc = should_go_on(sink, err);
        if (!rc) rc = draw(c, o->seed, (uint32_t)(2 + i), draw_signs, err);
        if (!rc) rc = multiply(c, sqrt((double)c->l->w.n), &p, err);
        if (rc) break;
        double off = p.vHv - mean;
        mean += off / (double)(i + 1);
        squares += off * (p.vHv - mean);
        raml_progress(sink, "trace", (double)(i + 1), (double)o->probes, "probes", NULL);
    }
    double m = (double)o->probes;
    out->n_probes = o->probes;
    out->trace = o->probes ? mean : NAN;
    out->trace_error = o->probes > 1 ? sqrt(squares / (m - 1) / m) : NAN;
    return rc;
}

static enum raml_code check(const struct raml_curvature_options *o, struct raml_err *err)
{
    if (o->iterations == 0) return raml_fail(err, RAML_ERANGE, "power iteration of 0 steps; expected at least 1");
    if (!(o->tolerance > 0 && o->tolerance < 1))
        return raml_fail(err, RAML_ERANGE, "tolerance is %g; expected above 0 and below 1", o->tolerance);
    if (o->probes > UINT32_MAX - 2) return raml_fail(err, RAML_ERANGE, "%zu probes are too many", o->probes);
    return RAML_OK;
}

/* The code to return at the end of work that ended with rc: θ is put back in any case. */
static enum raml_code settle(struct curvature *c, enum raml_code rc, struct raml_err *err)
{
    struct raml_err other = {0};
    enum raml_code back = raml_landscape_restore(c->l, rc ? &other : err);
    deinit(c);
    return rc ? rc : back;
}

enum raml_code raml_landscape_curvature(struct raml_landscape *l, size_t i, const struct raml_curvature_options *opt,
                                        const struct raml_sink *sink, struct raml_curvature *out, struct raml_err *err)
{
    struct curvature c;
    struct raml_curvature r = {.weights_norm = l->w.norm};
    enum raml_code rc = check(opt, err);
    if (rc) return rc;
    rc = init(&c, l, i, opt->step, err);
    if (!rc) rc = gradient(&c, 0, c.g, &r.loss, err);
    if (!rc) rc = raml_model_norm(l->w.model, NULL, c.g, &r.gradient_norm, err);
    if (!rc) rc = both_ends(&c, opt, sink, &r, err);
    if (!rc) rc = trace(&c, opt, sink, &r, err);
    rc = settle(&c, rc, err);
    if (!rc) *out = r;
    return rc;
}

enum raml_code raml_landscape_hessian_product(struct raml_landscape *l, size_t i, double step, const float *v,
                                              float *hv, struct raml_err *err)
{
    struct curvature c;
    struct product p;
    double norm = 0;
    enum raml_code rc = init(&c, l, i, step, err);
    if (!rc && !(step > 0)) rc = raml_fail(err, RAML_ERANGE, "step is %g; expected above 0", step);
    if (!rc) rc = raml_array_write(l->w.dev, c.v, v, l->w.n * sizeof *v, err);
    if (!rc) rc = raml_model_norm(l->w.model, NULL, c.v, &norm, err);
    if (!rc && !(norm > 0)) rc = raml_fail(err, RAML_ERANGE, "the vector to multiply with is 0");
    if (!rc) rc = multiply(&c, norm, &p, err);
    if (!rc) rc = raml_array_read(l->w.dev, hv, c.d, l->w.n * sizeof *hv, err);
    for (size_t k = 0; k < l->w.n && !rc; k++) hv[k] = (float)(hv[k] / (2 * p.s));
    return settle(&c, rc, err);
}
