/* reward.c - see reward.h: components by name, and what they add up to. */
#include "raml/reward.h"

#include "core/nearest.h"
#include "outer/curve_reward.h"
#include "outer/outcome_reward.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROW(field) offsetof(struct raml_reward_options, field)
const struct raml_setting raml_reward_settings[] = {
    {"reward", NULL, RAML_TEXT, ROW(reward), "exact", 0, 0, NULL,
     "components with their weights, exact:1,logp:0.5: exact, paper, length, logp, sum_logp, prob, geometric_mean, "
     "mean_prob, rlpr, mig, repro, termination"},
    {"answer_coefficient", NULL, RAML_WORD, ROW(answer_coefficient), "own", 0, 0, "own|none|reward|advantage|one",
     "coefficient of the reference answer's log-probability in the loss: the reward's own derivative, nothing, the "
     "reward, the advantage, or 1"},
    {"repro_weight", NULL, RAML_REAL, ROW(repro_weight), "0.1", 0, 1, NULL,
     "share of steadiness in reward repro; the rest is magnitude"},
    {"repro_from_start", NULL, RAML_FLAG, ROW(repro_from_start), NULL, 0, 0, NULL,
     "count the loss before the trajectory in the steadiness of reward repro"},
    {"termination_at", NULL, RAML_REAL, ROW(termination_at), "0", 0, 1, NULL,
     "share of the trajectory after which thinking might have ended, for reward and advantage termination"},
    {"no_answer_logp", NULL, RAML_REAL, ROW(no_answer_logp), "-30", -1e6, 0, NULL,
     "nats that logp and sum_logp are for a sample that has no place for an answer"},
};
const size_t raml_n_reward_settings = sizeof raml_reward_settings / sizeof *raml_reward_settings;
#undef ROW

static const char *const names[RAML_REWARD_KINDS] = {
    [RAML_REWARD_EXACT] = "exact",
    [RAML_REWARD_PAPER] = "paper",
    [RAML_REWARD_LENGTH] = "length",
    [RAML_REWARD_LOGP] = "logp",
    [RAML_REWARD_SUM_LOGP] = "sum_logp",
    [RAML_REWARD_PROB] = "prob",
    [RAML_REWARD_GEOMETRIC_MEAN] = "geometric_mean",
    [RAML_REWARD_MEAN_PROB] = "mean_prob",
    [RAML_REWARD_RLPR] = "rlpr",
    [RAML_REWARD_MIG] = "mig",
    [RAML_REWARD_REPRO] = "repro",
    [RAML_REWARD_TERMINATION] = "termination",
};
enum { WORD_BYTES = 64 };

const char *raml_reward_name(enum raml_reward_kind kind)
{
    return names[kind];
}

/* -- "exact:1,logp:0.5" --------------------------------------------------------------------------------------------- */
static enum raml_code find_kind(const char *word, enum raml_reward_kind *kind, struct raml_err *err)
{
    for (size_t i = 0; i < RAML_REWARD_KINDS; i++) {
        if (strcmp(names[i], word) != 0) continue;
        *kind = (enum raml_reward_kind)i;
        return RAML_OK;
    }
    const char *near = raml_nearest(word, names, RAML_REWARD_KINDS);
    if (near) return raml_fail(err, RAML_EUSAGE, "reward: unknown component '%s'; did you mean '%s'?", word, near);
    char known[256] = "";
    for (size_t i = 0; i < RAML_REWARD_KINDS; i++) {
        if (i) strcat(known, ", ");
        strcat(known, names[i]);
    }
    return raml_fail(err, RAML_EUSAGE, "reward: unknown component '%s'; expected %s", word, known);
}

/* One component, word[0..n): "logp" or "logp:0.5". */
static enum raml_code parse_part(const char *part, size_t n, struct raml_reward_mix *mix, struct raml_err *err)
{
    char word[WORD_BYTES];
    if (n >= sizeof word)
        return raml_fail(err, RAML_EUSAGE, "reward: found '%.40s...'; expected NAME or NAME:WEIGHT", part);
    memcpy(word, part, n);
    word[n] = 0;
    char *colon = strchr(word, ':'), *end = NULL;
    if (colon) *colon++ = 0;
    enum raml_reward_kind kind = RAML_REWARD_KINDS;
    enum raml_code rc = find_kind(word, &kind, err);
    if (rc) return rc;
    double weight = 1;
    if (colon) weight = strtod(colon, &end);
    if (colon && (!strspn(colon, "-+.0123456789") || *end || !isfinite(weight)))
        return raml_fail(err, RAML_EUSAGE, "reward: weight of '%s' is '%s'; expected a number", word, colon);
    for (size_t i = 0; i < mix->n; i++)
        if (mix->kind[i] == kind) return raml_fail(err, RAML_EUSAGE, "reward: '%s' is given twice", word);
    mix->kind[mix->n] = kind;
    mix->weight[mix->n++] = weight;
    return RAML_OK;
}

enum raml_code raml_reward_parse(const char *text, struct raml_reward_mix *out, struct raml_err *err)
{
    struct raml_reward_mix mix = {0};
    if (!text || !*text)
        return raml_fail(err, RAML_EUSAGE, "reward is empty; expected components such as exact or exact:1,logp:0.5");
    for (const char *p = text, *end; p; p = *end ? end + 1 : NULL) {
        end = p + strcspn(p, ",");
        if (p == end) return raml_fail(err, RAML_EUSAGE, "reward: a component is empty in '%.80s'", text);
        enum raml_code rc = parse_part(p, (size_t)(end - p), &mix, err);
        if (rc) return rc;
    }
    *out = mix;
    return RAML_OK;
}

/* -- Points --------------------------------------------------------------------------------------------------------- */
static unsigned points_of(enum raml_reward_kind kind)
{
    switch (kind) {
    case RAML_REWARD_EXACT:
    case RAML_REWARD_PAPER:
    case RAML_REWARD_LENGTH: return 0;
    case RAML_REWARD_RLPR: return RAML_REWARD_AT_END | RAML_REWARD_AT_START;
    case RAML_REWARD_MIG:
    case RAML_REWARD_REPRO: return RAML_REWARD_AT_END | RAML_REWARD_AT_START | RAML_REWARD_ALONG;
    case RAML_REWARD_TERMINATION: return RAML_REWARD_AT_END | RAML_REWARD_AT_TERMINATION;
    default: return RAML_REWARD_AT_END;
    }
}

unsigned raml_reward_points(const struct raml_reward_options *opt, const struct raml_reward_mix *mix)
{
    bool own = opt->answer_coefficient == RAML_ANSWER_OWN || opt->answer_coefficient == RAML_ANSWER_NONE;
    unsigned points = own ? 0 : RAML_REWARD_AT_END;
    for (size_t i = 0; i < mix->n; i++) points |= points_of(mix->kind[i]);
    return points;
}

uint32_t raml_reward_termination_place(const struct raml_reward_options *opt, size_t T)
{
    return (uint32_t)(opt->termination_at * (double)T + 0.5);
}

/* -- Values --------------------------------------------------------------------------------------------------------- */
static bool has_answer(const struct raml_reward_sample *s)
{
    return s->curve && s->curve->n_points && s->curve->n_answer;
}

/* The point at the place of termination_at; n_points: there is none. */
static size_t termination_point(const struct raml_reward_options *opt, const struct raml_answer_curve *c)
{
    uint32_t place = raml_reward_termination_place(opt, c->at[c->n_points - 1]);
    size_t k = 0;
    while (k < c->n_points && c->at[k] != place) k++;
    return k;
}

static enum raml_code check_curve(const struct raml_reward_options *opt, const struct raml_reward_mix *mix,
                                  const struct raml_answer_curve *c, struct raml_err *err)
{
    unsigned needed = raml_reward_points(opt, mix);
    for (size_t k = 0; k < c->n_points; k++) {
        if (k && c->at[k] <= c->at[k - 1])
            return raml_fail(err, RAML_ERANGE,
                             "reward: point %zu of the curve is at %u after %u; expected rising places", k + 1,
                             (unsigned)c->at[k], (unsigned)c->at[k - 1]);
        for (size_t j = 0; j < c->n_answer; j++)
            if (!isfinite(c->logp[k * c->n_answer + j]))
                return raml_fail(err, RAML_ERANGE,
                                 "reward: log-probability of answer token %zu after %u trajectory tokens is %g", j + 1,
                                 (unsigned)c->at[k], (double)c->logp[k * c->n_answer + j]);
    }
    if (needed & RAML_REWARD_AT_START && c->at[0] != 0)
        return raml_fail(err, RAML_ERANGE, "reward: the curve begins after %u trajectory tokens; expected 0",
                         (unsigned)c->at[0]);
    if (needed & RAML_REWARD_AT_TERMINATION && termination_point(opt, c) == c->n_points)
        return raml_fail(err, RAML_ERANGE, "reward: the curve has no point after %u trajectory tokens, for termination",
                         (unsigned)raml_reward_termination_place(opt, c->at[c->n_points - 1]));
    return RAML_OK;
}

/* The last score of raml_repro. */
static enum raml_code repro_of(const struct raml_reward_options *opt, const struct raml_answer_curve *c, double *value,
                               struct raml_err *err)
{
    double *loss = calloc(2 * c->n_points, sizeof *loss), *score = loss + c->n_points;
    if (!loss) return raml_fail(err, RAML_ENOMEM, "no memory for a loss curve of %zu points", c->n_points);
    raml_curve_losses(c, loss);
    raml_repro(loss, c->n_points, opt->repro_weight, opt->repro_from_start, &(struct raml_repro){.score = score});
    *value = score[c->n_points - 1];
    free(loss);
    return RAML_OK;
}

static double without_answer(const struct raml_reward_options *opt, enum raml_reward_kind kind)
{
    return kind == RAML_REWARD_LOGP || kind == RAML_REWARD_SUM_LOGP ? opt->no_answer_logp : 0;
}

static enum raml_code component_of(const struct raml_reward_options *opt, const struct raml_reward_sample *s,
                                   enum raml_reward_kind kind, double *value, struct raml_err *err)
{
    const struct raml_answer_curve *c = s->curve;
    *value = 0;
    if (kind < RAML_REWARD_LOGP)
        *value = raml_outcome_reward(kind, s->verdict, s->well_formed, s->n_tokens, s->max_tokens);
    else if (!has_answer(s)) *value = without_answer(opt, kind);
    else if (kind == RAML_REWARD_REPRO) return repro_of(opt, c, value, err);
    else if (kind == RAML_REWARD_TERMINATION)
        *value = raml_curve_probability(c, c->n_points - 1) - raml_curve_probability(c, termination_point(opt, c));
    else *value = raml_curve_reward(c, kind);
    return RAML_OK;
}

/* An answer that is forced is in form: exact and paper are both 1 where it is right and 0 where it is not. */
static double expected_at_termination(const struct raml_reward_options *opt, const struct raml_reward_mix *mix,
                                      const struct raml_reward_sample *s)
{
    if (!has_answer(s)) return NAN;
    size_t k = termination_point(opt, s->curve);
    if (k == s->curve->n_points) return NAN;
    double weight = 0;
    for (size_t i = 0; i < mix->n; i++)
        if (mix->kind[i] == RAML_REWARD_EXACT || mix->kind[i] == RAML_REWARD_PAPER) weight += mix->weight[i];
    return weight * raml_curve_probability(s->curve, k);
}

enum raml_code raml_reward_of(const struct raml_reward_options *opt, const struct raml_reward_mix *mix,
                              const struct raml_reward_sample *sample, struct raml_reward *out, struct raml_err *err)
{
    struct raml_reward r = {.total = 0};
    enum raml_code rc = has_answer(sample) ? check_curve(opt, mix, sample->curve, err) : RAML_OK;
    for (size_t i = 0; !rc && i < mix->n; i++) {
        rc = component_of(opt, sample, mix->kind[i], &r.component[i], err);
        r.total += mix->weight[i] * r.component[i];
    }
    if (rc) return rc;
    r.termination = expected_at_termination(opt, mix, sample);
    *out = r;
    return RAML_OK;
}

void raml_reward_coefficients(const struct raml_reward_options *opt, const struct raml_reward_mix *mix,
                              const struct raml_reward_sample *sample, const struct raml_reward *reward,
                              double advantage, double *coefficient)
{
    if (!has_answer(sample)) return;
    double all = 0;
    switch ((enum raml_answer_coefficient)opt->answer_coefficient) {
    case RAML_ANSWER_REWARD: all = reward->total; break;
    case RAML_ANSWER_ADVANTAGE: all = advantage; break;
    case RAML_ANSWER_ONE: all = 1; break;
    case RAML_ANSWER_OWN:
    case RAML_ANSWER_NONE: break;
    }
    for (size_t j = 0; j < sample->curve->n_answer; j++) coefficient[j] = all;
    for (size_t i = 0; opt->answer_coefficient == RAML_ANSWER_OWN && i < mix->n; i++)
        raml_curve_add_gradient(sample->curve, mix->kind[i], mix->weight[i], coefficient);
}
