/* meta_problems.h - the problems of ../shared/oracle/meta.json in double: a space of arrays, losses, gradients, products of
 * their Hessians. */
#ifndef TESTS_META_PROBLEMS_H
#define TESTS_META_PROBLEMS_H

#include "raml/meta.h"

#include "policy_rig.h"

enum { META_MOST = 8, META_ROWS = 5, META_X = 3 };

/* -- A space of double arrays -------------------------------------------------------------------------------------- */

struct meta_arrays {
    size_t n;
    bool adapted[META_MOST];
    double at[META_MOST];
    size_t vectors, most; /* allocated now, at most so far */
};

static inline enum raml_code arrays_alloc(void *user, bool gradient, void **vector, struct raml_err *err)
{
    struct meta_arrays *a = user;
    (void)gradient;
    *vector = calloc(META_MOST, sizeof(double));
    if (!*vector) return raml_fail(err, RAML_ENOMEM, "no memory");
    if (++a->vectors > a->most) a->most = a->vectors;
    return RAML_OK;
}

static inline void arrays_free(void *user, void *vector)
{
    struct meta_arrays *a = user;
    a->vectors -= vector != NULL;
    free(vector);
}

static inline enum raml_code arrays_zero(void *user, void *x, struct raml_err *err)
{
    (void)user;
    (void)err;
    memset(x, 0, META_MOST * sizeof(double));
    return RAML_OK;
}

static inline enum raml_code arrays_copy(void *user, void *to, const void *from, struct raml_err *err)
{
    (void)user;
    (void)err;
    memcpy(to, from, META_MOST * sizeof(double));
    return RAML_OK;
}

static inline enum raml_code arrays_axpy(void *user, void *y_, double a, const void *x_, bool adapted,
                                         struct raml_err *err)
{
    const struct meta_arrays *s = user;
    double *y = y_;
    const double *x = x_;
    (void)err;
    for (size_t i = 0; i < s->n; i++)
        if (!adapted || s->adapted[i]) y[i] += a * x[i];
    return RAML_OK;
}

static inline enum raml_code arrays_norm(void *user, const void *x_, double *out, struct raml_err *err)
{
    const struct meta_arrays *s = user;
    const double *x = x_;
    double sum = 0;
    (void)err;
    for (size_t i = 0; i < s->n; i++) sum += x[i] * x[i];
    *out = sqrt(sum);
    return RAML_OK;
}

static inline enum raml_code arrays_adam(void *user, const struct raml_meta_adam *o, void *x_, void *m_, void *v_,
                                         const void *g_, bool adapted, struct raml_err *err)
{
    const struct meta_arrays *s = user;
    double *x = x_, *m = m_, *v = v_;
    const double *g = g_;
    (void)err;
    for (size_t i = 0; i < s->n; i++) {
        if (adapted && !s->adapted[i]) continue;
        m[i] = o->beta1 * m[i] + (1 - o->beta1) * g[i];
        v[i] = o->beta2 * v[i] + (1 - o->beta2) * g[i] * g[i];
        double mean = m[i] / (1 - pow(o->beta1, (double)o->t)), square = v[i] / (1 - pow(o->beta2, (double)o->t));
        x[i] -= o->rate * mean / (sqrt(square) + o->epsilon);
    }
    return RAML_OK;
}

static inline enum raml_code arrays_adam_adjoint(void *user, const struct raml_meta_adam *o, const void *d_x_,
                                                 void *d_m_, void *d_v_, void *d_g_, const void *m_, const void *v_,
                                                 const void *g_, bool adapted, struct raml_err *err)
{
    const struct meta_arrays *s = user;
    const double *d_x = d_x_, *m = m_, *v = v_, *g = g_;
    double *d_m = d_m_, *d_v = d_v_, *d_g = d_g_, c1 = 1 - pow(o->beta1, (double)o->t);
    double c2 = 1 - pow(o->beta2, (double)o->t);
    (void)err;
    for (size_t i = 0; i < s->n; i++) {
        d_g[i] = 0;
        if (adapted && !s->adapted[i]) continue;
        double m1 = o->beta1 * m[i] + (1 - o->beta1) * g[i], v1 = o->beta2 * v[i] + (1 - o->beta2) * g[i] * g[i];
        double root = sqrt(v1 / c2), below = root + o->epsilon;
        double dm = d_m[i] - d_x[i] * o->rate / (c1 * below);
        double dv = d_v[i] + (root > 0 ? d_x[i] * o->rate * m1 / (2 * c1 * c2 * root * below * below) : 0);
        d_g[i] = (1 - o->beta1) * dm + 2 * (1 - o->beta2) * g[i] * dv;
        d_m[i] = o->beta1 * dm;
        d_v[i] = o->beta2 * dv;
    }
    return RAML_OK;
}

static inline struct raml_meta_space arrays_space(struct meta_arrays *a)
{
    return (struct raml_meta_space){a,           a->at,       arrays_alloc, arrays_free, arrays_zero,
                                    arrays_copy, arrays_axpy, arrays_norm,  arrays_adam, arrays_adam_adjoint};
}

/* -- Losses -------------------------------------------------------------------------------------------------------- */

enum meta_kind { META_QUADRATIC, META_REGRESSION, META_NETWORK };
struct meta_half {                       /* support or query */
    double A[META_X][META_X], a[META_X]; /* quadratic: matrix and centre */
    double x[META_ROWS][META_X], y[META_ROWS];
};
struct meta_task {
    enum meta_kind kind;
    const struct meta_arrays *space;
    struct meta_half support, query;
    size_t gradients, losses, products; /* evaluations */
};

/* H (at - a), or H v */
static inline void quadratic_product(const struct meta_half *h, const double *v, double *out)
{
    for (size_t i = 0; i < META_X; i++)
        for (size_t k = 0; k < META_X; k++) out[i] += h->A[i][k] * v[k];
}

static inline double row_output(enum meta_kind kind, const double *at, const double *x)
{
    double y = kind == META_REGRESSION ? at[META_X] : 0;
    for (size_t k = 0; k < META_X; k++)
        y += x[k] * (kind == META_REGRESSION ? at[k] : at[6] * at[k] + at[7] * at[META_X + k]);
    return y;
}

/* out += f d output / d at; along (with f2): += f2 d (d output / d at . v) / d at, of the network. */
static inline void add_slope(enum meta_kind kind, const double *at, const double *x, double f, double *out)
{
    for (size_t k = 0; k < META_X; k++) {
        if (kind == META_REGRESSION) {
            out[k] += f * x[k];
            continue;
        }
        for (size_t unit = 0; unit < 2; unit++) {
            out[unit * META_X + k] += f * at[6 + unit] * x[k];
            out[6 + unit] += f * at[unit * META_X + k] * x[k];
        }
    }
    if (kind == META_REGRESSION) out[META_X] += f;
}

static inline double half_loss(const struct meta_task *t, const struct meta_half *h, double *g)
{
    const double *at = t->space->at;
    double loss = 0;
    if (t->kind == META_QUADRATIC) {
        double from[META_X], slope[META_X] = {0};
        for (size_t i = 0; i < META_X; i++) from[i] = at[i] - h->a[i];
        quadratic_product(h, from, slope);
        for (size_t i = 0; i < META_X; i++) {
            loss += from[i] * slope[i] / 2;
            if (g) g[i] += slope[i];
        }
        return loss;
    }
    for (size_t r = 0; r < META_ROWS; r++) {
        double error = row_output(t->kind, at, h->x[r]) - h->y[r];
        loss += error * error / (2 * META_ROWS);
        if (g) add_slope(t->kind, at, h->x[r], error / META_ROWS, g);
    }
    return loss;
}

static inline enum raml_code task_support(void *user, size_t step, void *g, double *loss, struct raml_err *err)
{
    struct meta_task *t = user;
    (void)step;
    (void)err;
    *(g ? &t->gradients : &t->losses) += 1;
    *loss = half_loss(t, &t->support, g);
    return RAML_OK;
}

static inline enum raml_code task_query(void *user, void *g, double *loss, struct raml_err *err)
{
    struct meta_task *t = user;
    (void)err;
    *(g ? &t->gradients : &t->losses) += 1;
    *loss = half_loss(t, &t->query, g);
    return RAML_OK;
}

/* Of a mean of squares: sum of slope slope' v + error second v, over the rows' number. */
static inline enum raml_code task_product(void *user, size_t step, const void *v_, void *out_, struct raml_err *err)
{
    struct meta_task *t = user;
    const double *v = v_, *at = t->space->at;
    double *out = out_;
    (void)step;
    (void)err;
    t->products++;
    memset(out, 0, META_MOST * sizeof *out);
    if (t->kind == META_QUADRATIC) {
        quadratic_product(&t->support, v, out);
        return RAML_OK;
    }
    for (size_t r = 0; r < META_ROWS; r++) {
        const double *x = t->support.x[r];
        double slope[META_MOST] = {0}, along = 0, error = row_output(t->kind, at, x) - t->support.y[r];
        add_slope(t->kind, at, x, 1, slope);
        for (size_t i = 0; i < t->space->n; i++) along += slope[i] * v[i];
        add_slope(t->kind, at, x, along / META_ROWS, out);
        if (t->kind == META_NETWORK) add_slope(t->kind, v, x, error / META_ROWS, out);
    }
    return RAML_OK;
}

/* -- From the oracle ----------------------------------------------------------------------------------------------- */

static inline void read_numbers(const json_t *from, double *out, size_t n)
{
    assert_int_equal(json_array_size(from), n);
    for (size_t i = 0; i < n; i++) out[i] = json_number_value(json_array_get(from, i));
}

static inline void read_half(const json_t *task, const char *what, enum meta_kind kind, struct meta_half *h)
{
    char name[4][32];
    const char *const parts[] = {"matrix", "centre", "x", "y"};
    for (size_t i = 0; i < 4; i++) snprintf(name[i], sizeof *name, "%s_%s", what, parts[i]);
    const json_t *A = json_object_get(task, name[0]), *x = json_object_get(task, name[2]);
    if (kind == META_QUADRATIC) read_numbers(json_object_get(task, name[1]), h->a, META_X);
    else read_numbers(json_object_get(task, name[3]), h->y, META_ROWS);
    for (size_t i = 0; i < META_X && A; i++) read_numbers(json_array_get(A, i), h->A[i], META_X);
    for (size_t i = 0; i < META_ROWS && x; i++) read_numbers(json_array_get(x, i), h->x[i], META_X);
}

static inline struct meta_task read_task(const json_t *problem, size_t i, const struct meta_arrays *space)
{
    const json_t *task = json_array_get(json_object_get(problem, "tasks"), i);
    struct meta_task t = {.space = space};
    t.kind = json_object_get(task, "support_matrix") ? META_QUADRATIC
             : rig_number(problem, "dimension") == 4 ? META_REGRESSION
                                                     : META_NETWORK;
    read_half(task, "support", t.kind, &t.support);
    read_half(task, "query", t.kind, &t.query);
    return t;
}

#endif
