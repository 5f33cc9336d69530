/* exits.c - see exits.h. */
#include "inner/exits.h"

#include "core/array.h"
#include "core/ascii.h"
#include "core/elementary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct raml_exit_state {
    struct raml_exit_policy p;
    size_t n;            /* probes seen */
    char *answer;        /* of the last one; NULL: none yet, or "" */
    size_t equal, clean; /* equal answers, texts without doubt, in a row up to the last one */
    double confidence;   /* CoDE-Stop: of the last one */
    double *fall;        /* [n_falls] where it fell */
    size_t n_falls, cap_falls;
    double mean, variance; /* EAT */
};

const char *raml_exit_kind_name(enum raml_exit_kind kind)
{
    static const char *const name[RAML_EXIT_KINDS] = {"full",      "budget", "stability", "confidence", "dynasor",
                                                      "code_stop", "eat",    "loss",      "first_right"};
    return name[kind];
}

/* DEER: 10 probes at most, and geometric mean (avg2); Dynasor: "mid"; CoDE-Stop: tau 3.5; EAT: section 5. */
struct raml_exit_policy raml_exit_policy_default(enum raml_exit_kind kind)
{
    static const struct raml_exit_policy of[RAML_EXIT_KINDS] = {
        [RAML_EXIT_STABILITY] = {.stride = 64, .repeats = 3},
        [RAML_EXIT_CONFIDENCE] = {.most = 10, .bound = 0.95},
        [RAML_EXIT_DYNASOR] = {.stride = 64, .repeats = 3, .whole_words = true},
        [RAML_EXIT_CODE_STOP] = {.low = 0.9, .high = 0.95, .ramp = 2, .fall = 0.55, .tau = 3.5},
        [RAML_EXIT_EAT] = {.stride = 32, .alpha = 0.1, .delta = 1e-5, .warm = 25},
        [RAML_EXIT_LOSS] = {.stride = 32, .bound = 0.2},
        [RAML_EXIT_FIRST_RIGHT] = {.stride = 32},
    };
    struct raml_exit_policy p = of[kind];
    p.kind = kind;
    return p;
}

double raml_exit_mean_of(const double *prob, size_t n, enum raml_exit_mean mean)
{
    double sum = 0, least = INFINITY;
    for (size_t i = 0; i < n; i++) {
        sum += mean == RAML_EXIT_GEOMETRIC ? raml_log(prob[i]) : prob[i];
        if (prob[i] < least) least = prob[i];
    }
    if (n == 0 || (mean == RAML_EXIT_GEOMETRIC && !(least > 0))) return 0;
    if (mean == RAML_EXIT_MIN) return least;
    return mean == RAML_EXIT_GEOMETRIC ? raml_exp(sum / (double)n) : sum / (double)n;
}

/* -- Settings ------------------------------------------------------------------------------------------------------ */

static bool finite_all(const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i])) return false;
    return true;
}

static bool is_share(double x)
{
    return x >= 0 && x <= 1;
}

static const char *fault_of_code_stop(const struct raml_exit_policy *p)
{
    if (!(p->ramp > 0)) return "a ramp of no probes; expected a positive number";
    if (!is_share(p->low) || !is_share(p->high)) return "low and high are probabilities; expected 0 to 1";
    if (p->tau < 0) return "tau is negative; expected a sum";
    return NULL;
}

static const char *fault_of(const struct raml_exit_policy *p)
{
    if ((size_t)p->kind >= RAML_EXIT_KINDS || (size_t)p->mean > RAML_EXIT_MIN) return "it is of no known kind";
    if (!finite_all((const double[]){p->bound, p->low, p->high, p->ramp, p->fall, p->tau, p->alpha, p->delta}, 8))
        return "a setting is not finite";
    if ((p->kind == RAML_EXIT_STABILITY || p->kind == RAML_EXIT_DYNASOR) && p->repeats == 0)
        return "no repeats; expected at least 1";
    if ((p->kind == RAML_EXIT_STABILITY || p->kind == RAML_EXIT_CONFIDENCE) && !is_share(p->bound))
        return "bound is a probability; expected 0 to 1";
    if (p->kind == RAML_EXIT_LOSS && p->bound < 0) return "bound is negative; expected a loss";
    if (p->kind == RAML_EXIT_CODE_STOP) return fault_of_code_stop(p);
    if (p->kind == RAML_EXIT_EAT && !(p->alpha > 0 && p->alpha <= 1)) return "alpha is not in (0, 1]";
    if (p->kind == RAML_EXIT_EAT && p->delta < 0) return "delta is negative; expected a variance";
    return NULL;
}

enum raml_code raml_exit_policy_check(const struct raml_exit_policy *p, struct raml_err *err)
{
    const char *fault = fault_of(p);
    return fault ? raml_fail(err, RAML_EUSAGE, "policy of early exit: %s", fault) : RAML_OK;
}

enum raml_code raml_exit_open(const struct raml_exit_policy *p, struct raml_exit_state **out, struct raml_err *err)
{
    enum raml_code rc = raml_exit_policy_check(p, err);
    *out = NULL;
    if (rc) return rc;
    struct raml_exit_state *s = calloc(1, sizeof *s);
    if (!s) return raml_fail(err, RAML_ENOMEM, "no memory for a policy of early exit");
    s->p = *p;
    *out = s;
    return RAML_OK;
}

void raml_exit_close(struct raml_exit_state *s)
{
    if (!s) return;
    free(s->answer);
    free(s->fall);
    free(s);
}

enum raml_exit_want raml_exit_wants(const struct raml_exit_state *s, size_t at, bool wait)
{
    const struct raml_exit_policy *p = &s->p;
    if (p->kind == RAML_EXIT_FULL) return RAML_EXIT_NOTHING;
    if (p->kind == RAML_EXIT_BUDGET) return at >= p->budget ? RAML_EXIT_ANSWER : RAML_EXIT_NOTHING;
    if (p->stride ? at % p->stride != 0 : !wait) return RAML_EXIT_NOTHING;
    if (p->most && s->n >= p->most) return RAML_EXIT_NOTHING;
    if (p->kind == RAML_EXIT_EAT) return RAML_EXIT_ENTROPY;
    return p->kind == RAML_EXIT_LOSS || p->kind == RAML_EXIT_FIRST_RIGHT ? RAML_EXIT_ORACLE : RAML_EXIT_ANSWER;
}

/* -- What policies make of a probe --------------------------------------------------------------------------------- */

static bool in_word(char c)
{
    return is_alnum(c) || (unsigned char)c >= 0x80;
}

/* Is `word` in the lower-case text? */
static bool holds(const char *text, const char *word, bool whole)
{
    size_t n = strlen(word);
    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
        if (!whole || !((at > text && in_word(at[-1])) || in_word(at[n]))) return true;
    return false;
}

static enum raml_code doubts(const char *text, bool whole, bool *any, struct raml_err *err)
{
    static const char *const word[] = {"wait", "hold", "but", "okay", "no", "hmm"}; /* dynasor/core/cot.py */
    size_t n = strlen(text);
    char *lower = malloc(n + 1);
    if (!lower) return raml_fail(err, RAML_ENOMEM, "no memory for a probe's text of %zu bytes", n);
    for (size_t i = 0; i <= n; i++) lower[i] = to_lower(text[i]);
    *any = false;
    for (size_t i = 0; !*any && i < sizeof word / sizeof *word; i++) *any = holds(lower, word[i], whole);
    free(lower);
    return RAML_OK;
}

/* Counts equal answers in a row. */
static enum raml_code see_answer(struct raml_exit_state *s, const struct raml_exit_probe *probe, struct raml_err *err)
{
    if (s->answer && !strcmp(s->answer, probe->answer)) {
        s->equal++;
        return RAML_OK;
    }
    char *copy = NULL;
    if (*probe->answer && !(copy = strdup(probe->answer)))
        return raml_fail(err, RAML_ENOMEM, "no memory for a probe's answer");
    free(s->answer);
    s->answer = copy;
    s->equal = copy ? 1 : 0;
    return RAML_OK;
}

static enum raml_code stability(struct raml_exit_state *s, const struct raml_exit_probe *probe, const char **reason,
                                struct raml_err *err)
{
    enum raml_code rc = see_answer(s, probe, err);
    if (!rc && s->equal >= s->p.repeats &&
        raml_exit_mean_of(probe->prob, probe->n_prob, RAML_EXIT_GEOMETRIC) > s->p.bound)
        *reason = "stable";
    return rc;
}

static enum raml_code dynasor(struct raml_exit_state *s, const struct raml_exit_probe *probe, const char **reason,
                              struct raml_err *err)
{
    bool any = false;
    enum raml_code rc = doubts(probe->text, s->p.whole_words && !s->p.released, &any, err);
    if (!rc) rc = see_answer(s, probe, err);
    if (rc) return rc;
    s->clean = any ? 0 : s->clean + 1;
    if (s->equal >= s->p.repeats && s->clean >= s->p.repeats) *reason = "certain";
    return RAML_OK;
}

/* Of the answer's own tokens. Released: over all that was written, DEER without its first token. */
static double confidence_of(const struct raml_exit_policy *p, const struct raml_exit_probe *probe)
{
    size_t skipped = p->kind == RAML_EXIT_CONFIDENCE ? 1 : 0;
    if (!*probe->answer) return 0;
    if (!p->released || !probe->all_prob || probe->n_tokens <= skipped)
        return raml_exit_mean_of(probe->prob, probe->n_prob, p->mean);
    return raml_exit_mean_of(probe->all_prob + skipped, probe->n_tokens - skipped, p->mean);
}

static enum raml_code add_fall(struct raml_exit_state *s, size_t at, struct raml_err *err)
{
    enum raml_code rc = RAML_GROW(s->fall, s->cap_falls, s->n_falls + 1, "falls of confidence", err);
    if (!rc) s->fall[s->n_falls++] = (double)at;
    return rc;
}

/* Did the confidence fall from `before` to `now`? Released: in logarithms, where the bound is met by nearly all. */
static bool fell(const struct raml_exit_policy *p, double now, double before)
{
    if (!p->released) return 2 * now - before < p->fall;
    double l = raml_log(fmax(now, 1e-12)), l_before = raml_log(fmax(before, 1e-12));
    return l < l_before && 2 * l - l_before < p->fall;
}

static enum raml_code code_stop(struct raml_exit_state *s, const struct raml_exit_probe *probe, const char **reason,
                                struct raml_err *err)
{
    const struct raml_exit_policy *p = &s->p;
    double c = confidence_of(p, probe), k = (double)s->n, sum = 0;
    double bound = p->low + (p->high - p->low) * fmin(1, k / p->ramp);
    if (s->n && fell(p, c, s->confidence)) {
        enum raml_code rc = add_fall(s, probe->at, err);
        if (rc) return rc;
    }
    s->confidence = c;
    for (size_t i = 0; i < s->n_falls; i++) sum += raml_log((double)probe->at / s->fall[i]) + 1;
    if (p->released && s->n < 2) sum = 0;
    if (p->released ? c > bound : c >= bound) *reason = "confident";
    else if (p->released ? sum > p->tau : sum >= p->tau) *reason = "degraded";
    return RAML_OK;
}

static void eat(struct raml_exit_state *s, const struct raml_exit_probe *probe, const char **reason)
{
    const struct raml_exit_policy *p = &s->p;
    double h = probe->entropy, a = p->alpha;
    s->mean = s->n ? a * h + (1 - a) * s->mean : h;
    s->variance = s->n ? a * ((h - s->mean) * (h - s->mean)) + (1 - a) * s->variance : 0;
    size_t warm = p->warm + (p->released ? 1 : 0);
    if (s->n >= warm && s->variance < p->delta) *reason = "settled";
}

static enum raml_code lacks(const struct raml_exit_probe *probe, const char *what, struct raml_err *err)
{
    return raml_fail(err, RAML_ERANGE, "probe after %zu tokens: %s, which the policy asks for, was not measured",
                     probe->at, what);
}

enum raml_code raml_exit_see(struct raml_exit_state *s, const struct raml_exit_probe *probe, bool *stop,
                             const char **reason, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    const char *why = NULL;
    switch (s->p.kind) {
    case RAML_EXIT_BUDGET: why = "budget"; break;
    case RAML_EXIT_STABILITY: rc = stability(s, probe, &why, err); break;
    case RAML_EXIT_CONFIDENCE:
        if (confidence_of(&s->p, probe) > s->p.bound) why = "confident";
        break;
    case RAML_EXIT_DYNASOR: rc = dynasor(s, probe, &why, err); break;
    case RAML_EXIT_CODE_STOP: rc = code_stop(s, probe, &why, err); break;
    case RAML_EXIT_EAT:
        if (isnan(probe->entropy)) return lacks(probe, "the entropy after the end of thinking", err);
        eat(s, probe, &why);
        break;
    case RAML_EXIT_LOSS:
        if (isnan(probe->loss)) return lacks(probe, "the loss of the question's answer", err);
        if (probe->loss < s->p.bound) why = "loss";
        break;
    case RAML_EXIT_FIRST_RIGHT:
        if (probe->right) why = "right";
        break;
    case RAML_EXIT_FULL:
    case RAML_EXIT_KINDS: break;
    }
    if (rc) return rc;
    s->n++;
    *stop = why != NULL;
    if (why) *reason = why;
    return RAML_OK;
}
