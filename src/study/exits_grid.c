/* exits_grid.c - the policies that a study replays: grids of all kinds, or those of a list. See exits_parts.h. */
#include "study/exits_parts.h"

#include "core/array.h"

#include <stdio.h>
#include <string.h>

enum { BUDGETS = 40, CHUNK = 64, LIST_ITEM = 400 };
#define COUNT(a) (sizeof(a) / sizeof *(a))

/* -- One policy ---------------------------------------------------------------------------------------------------- */

static void set_family(struct raml_exits_policy *x)
{
    static const char *const mean[] = {" geometric", " arithmetic", " min"};
    const struct raml_exit_policy *p = &x->p;
    bool places = p->kind != RAML_EXIT_FULL && p->kind != RAML_EXIT_BUDGET;
    const char *variant = p->released                                       ? ", released"
                          : p->kind == RAML_EXIT_DYNASOR && !p->whole_words ? ", substrings"
                                                                            : "";
    snprintf(x->family, sizeof x->family, "%s%s%s%s", raml_exit_kind_name(p->kind),
             p->kind == RAML_EXIT_CONFIDENCE ? mean[p->mean] : "", places && !p->stride ? " at waits" : "", variant);
    x->oracle = p->kind == RAML_EXIT_LOSS || p->kind == RAML_EXIT_FIRST_RIGHT;
}

enum raml_code raml_exits_policies_add(struct raml_exits_policies *out, const struct raml_exit_policy *p, size_t *index,
                                       struct raml_err *err)
{
    struct raml_exits_policy x = {.p = *p};
    raml_exit_policy_text(p, x.settings);
    set_family(&x);
    for (size_t i = 0; i < out->n; i++) {
        if (strcmp(out->policy[i].settings, x.settings) != 0) continue;
        *index = i;
        return RAML_OK;
    }
    enum raml_code rc = RAML_GROW(out->policy, out->cap, out->n + 1, "policies", err);
    if (rc) return rc;
    *index = out->n;
    out->policy[out->n++] = x;
    return RAML_OK;
}

/* -- Grids --------------------------------------------------------------------------------------------------------- */

struct grid {
    struct raml_exits_policies *out;
    size_t stride, longest;
    bool waits;
    enum raml_code rc;
    struct raml_err *err;
};

static void add(struct grid *g, struct raml_exit_policy p)
{
    size_t index;
    if (!g->rc) g->rc = raml_exits_policies_add(g->out, &p, &index, g->err);
}

/* As it should be and as it is released. */
static void add_both(struct grid *g, struct raml_exit_policy p)
{
    p.released = false;
    add(g, p);
    p.released = true;
    add(g, p);
}

/* At most BUDGETS multiples of the stride, evenly spaced, below the longest trajectory. */
static void add_budgets(struct grid *g)
{
    size_t n = g->longest / g->stride, step = n / BUDGETS + 1;
    for (size_t k = 0; k * g->stride < g->longest; k += step) {
        struct raml_exit_policy p = raml_exit_policy_default(RAML_EXIT_BUDGET);
        p.budget = k * g->stride;
        add(g, p);
    }
}

/* Probes every s, 2s and 4s tokens, as long as that is within some trajectory. */
static size_t strides(const struct grid *g, size_t out[3])
{
    size_t n = 0;
    for (size_t k = 1; k <= 4; k *= 2)
        if (k == 1 || k * g->stride < g->longest) out[n++] = k * g->stride;
    return n;
}

static void add_stability(struct grid *g)
{
    static const size_t repeats[] = {1, 2, 3, 4, 6, 8};
    static const double bound[] = {0, 0.9, 0.99};
    size_t every[3], n = strides(g, every);
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < COUNT(repeats); i++)
            for (size_t j = 0; j < COUNT(bound); j++) {
                struct raml_exit_policy p = raml_exit_policy_default(RAML_EXIT_STABILITY);
                p.stride = every[k];
                p.repeats = repeats[i];
                p.bound = bound[j];
                add(g, p);
            }
}

/* At words that wait the most probes are the authors' 10; at a stride there is no bound. */
static size_t places(const struct grid *g, size_t out[3])
{
    size_t every[3], n = 0, n_every = strides(g, every);
    if (g->waits) out[n++] = 0;
    for (size_t k = 0; k < 2 && k < n_every; k++) out[n++] = every[k];
    return n;
}

static void add_confidence(struct grid *g)
{
    static const double bound[] = {0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.97, 0.99, 0.995, 0.999};
    size_t every[3], n = places(g, every);
    for (int mean = RAML_EXIT_GEOMETRIC; mean <= RAML_EXIT_MIN; mean++)
        for (size_t k = 0; k < n; k++)
            for (size_t i = 0; i < COUNT(bound); i++) {
                struct raml_exit_policy p = raml_exit_policy_default(RAML_EXIT_CONFIDENCE);
                p.mean = (enum raml_exit_mean)mean;
                p.stride = every[k];
                if (p.stride) p.most = 0;
                p.bound = bound[i];
                add_both(g, p);
            }
}

static void add_dynasor_at(struct grid *g, size_t repeats, size_t chunk)
{
    struct raml_exit_policy p = raml_exit_policy_default(RAML_EXIT_DYNASOR);
    p.repeats = repeats;
    p.stride = chunk;
    add(g, p);
    p.whole_words = false;
    add_both(g, p);
}

/* The authors' levels, mild to crazy, where the set has their places; the same at strides of the set. */
static void add_dynasor(struct grid *g)
{
    static const size_t level[] = {8, 5, 3, 2};
    size_t every[3], n = strides(g, every);
    for (size_t i = 0; i < COUNT(level); i++) {
        if (CHUNK % g->stride == 0) add_dynasor_at(g, level[i], CHUNK);
        for (size_t k = 0; k < n; k++) add_dynasor_at(g, level[i], every[k]);
    }
    if (CHUNK / 2 % g->stride == 0) add_dynasor_at(g, 2, CHUNK / 2);
}

static void add_code_stop(struct grid *g)
{
    static const double tau[] = {0.5, 1, 2, 3.5, 5, 8, 1e9};
    size_t every[3], n = places(g, every);
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < COUNT(tau); i++) {
            struct raml_exit_policy p = raml_exit_policy_default(RAML_EXIT_CODE_STOP);
            p.stride = every[k];
            p.tau = tau[i];
            add_both(g, p);
        }
}

static void add_eat(struct grid *g)
{
    static const double alpha[] = {0.1, 0.2, 0.5}, delta[] = {1e-5, 1e-4, 1e-3, 1e-2, 1e-1};
    static const size_t warm[] = {1, 4, 25};
    size_t every[3], n = strides(g, every);
    for (size_t k = 0; k < 2 && k < n; k++)
        for (size_t a = 0; a < COUNT(alpha); a++)
            for (size_t d = 0; d < COUNT(delta); d++)
                for (size_t w = 0; w < COUNT(warm); w++) {
                    struct raml_exit_policy p = raml_exit_policy_default(RAML_EXIT_EAT);
                    p.stride = every[k];
                    p.alpha = alpha[a];
                    p.delta = delta[d];
                    p.warm = warm[w];
                    add_both(g, p);
                }
}

static void add_oracles(struct grid *g)
{
    static const double bound[] = {0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1};
    struct raml_exit_policy p = raml_exit_policy_default(RAML_EXIT_FIRST_RIGHT);
    p.stride = g->stride;
    add(g, p);
    p = raml_exit_policy_default(RAML_EXIT_LOSS);
    p.stride = g->stride;
    for (size_t i = 0; i < COUNT(bound); i++) {
        p.bound = bound[i];
        add(g, p);
    }
}

/* -- A list -------------------------------------------------------------------------------------------------------- */

static enum raml_code add_list(struct raml_exits_policies *out, const char *list, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (const char *at = list; !rc; at++) {
        char one[LIST_ITEM];
        struct raml_exit_policy p;
        size_t n = strcspn(at, ";"), index;
        while (n && *at == ' ') at++, n--;
        if (n >= sizeof one) return raml_fail(err, RAML_EUSAGE, "policies: '%.60s...' is too long", at);
        memcpy(one, at, n);
        one[n] = 0;
        rc = raml_exit_policy_read(one, &p, err);
        if (!rc) rc = raml_exits_policies_add(out, &p, &index, err);
        at += n;
        if (!*at) break;
    }
    return rc;
}

enum raml_code raml_exits_policies(const struct raml_exits_set *s, const char *list, struct raml_exits_policies *out,
                                   struct raml_err *err)
{
    struct grid g = {.out = out, .stride = s->stride, .waits = s->has_waits, .err = err};
    for (size_t i = 0; i < s->n; i++)
        if (s->trajectory[i].n_tokens > g.longest) g.longest = s->trajectory[i].n_tokens;
    add(&g, raml_exit_policy_default(RAML_EXIT_FULL));
    add_budgets(&g);
    if (g.rc) return g.rc;
    if (list) return add_list(out, list, err);
    add_stability(&g);
    add_confidence(&g);
    add_dynasor(&g);
    add_code_stop(&g);
    add_eat(&g);
    add_oracles(&g);
    return g.rc;
}
