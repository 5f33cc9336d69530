/* eval_measures.c - --k, --tau, --metrics and --by as measures of a table (eval.h). */
#include "cli/eval.h"

#include "core/ascii.h"

#include <stdlib.h>
#include <string.h>

enum { N_DRAWS = 1000, MAX_TAU = 32 };
enum { WANT_PASS = 1, WANT_GPASS = 2, WANT_MGPASS = 4, WANT_MAJ = 8 };

static enum raml_code read_k(const char *text, struct eval_measures *m, struct raml_err *err)
{
    const char *p = text;
    while (*p) {
        char *end;
        unsigned long v = is_digit(*p) ? strtoul(p, &end, 10) : 0;
        if (v < 1 || v > UINT32_MAX || (*end && (*end != ',' || !end[1])) || m->opt.n_k == RAML_TABLE_MAX_K)
            return raml_fail(err, RAML_EUSAGE, "--k: found '%s', expected up to %d counts such as 1,4,8", text,
                             RAML_TABLE_MAX_K);
        for (size_t i = 0; i < m->opt.n_k; i++)
            if (m->k[i] == v) return raml_fail(err, RAML_EUSAGE, "--k: %lu is in '%s' twice", v, text);
        m->k[m->opt.n_k++] = (uint32_t)v;
        p = *end ? end + 1 : end;
    }
    if (!m->opt.n_k) return raml_fail(err, RAML_EUSAGE, "--k is empty; expected counts such as 1,4,8");
    return RAML_OK;
}

/* The words of a list "a,b" as bits. */
static enum raml_code read_words(const char *option, const char *text, const char *const *word, const unsigned *bit,
                                 size_t n_words, unsigned *out, struct raml_err *err)
{
    *out = 0;
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, ","), i = 0;
        while (i < n_words && (strlen(word[i]) != n || strncmp(word[i], p, n))) i++;
        if (i == n_words) {
            raml_fail(err, RAML_EUSAGE, "--%s: found '%.*s', expected %s", option, (int)(n < 60 ? n : 60), p, word[0]);
            for (i = 1; i < n_words && err; i++) {
                strncat(err->msg, i + 1 < n_words ? ", " : " or ", sizeof err->msg - strlen(err->msg) - 1);
                strncat(err->msg, word[i], sizeof err->msg - strlen(err->msg) - 1);
            }
            return RAML_EUSAGE;
        }
        *out |= bit[i];
        p += n + (p[n] == ',');
    }
    return RAML_OK;
}

static enum raml_code read_taus(const char *text, struct raml_tau *tau, size_t *n, struct raml_err *err)
{
    for (const char *p = text; *p;) {
        char one[RAML_TAU_TEXT + 1];
        size_t len = strcspn(p, ",");
        if (len >= sizeof one || *n == MAX_TAU)
            return raml_fail(err, RAML_EUSAGE, "--tau: found '%.60s', expected up to %d thresholds such as 0.5,0.75", p,
                             MAX_TAU);
        memcpy(one, p, len);
        one[len] = 0;
        enum raml_code rc = raml_tau_read(one, &tau[*n], err);
        if (rc) return raml_wrap(err, rc, "--tau");
        for (size_t i = 0; i < *n; i++)
            if (!strcmp(tau[i].text, one)) return raml_fail(err, RAML_EUSAGE, "--tau: %s is given twice", one);
        ++*n;
        p += len + (p[len] == ',');
    }
    return RAML_OK;
}

static enum raml_code add(struct eval_measures *m, enum raml_measure_kind kind, uint32_t k, const struct raml_tau *tau,
                          struct raml_err *err)
{
    if (m->opt.n_measures == RAML_TABLE_MAX_MEASURES)
        return raml_fail(err, RAML_EUSAGE, "--k, --tau and --metrics ask for more than %d measures",
                         (int)RAML_TABLE_MAX_MEASURES);
    m->measure[m->opt.n_measures++] =
        (struct raml_measure){.kind = kind, .k = k, .tau = tau ? *tau : (struct raml_tau){0}};
    return RAML_OK;
}

static enum raml_code add_measures(struct eval_measures *m, unsigned want, const struct raml_tau *tau, size_t n_tau,
                                   struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < m->opt.n_k && !rc; i++) {
        for (size_t j = 0; j < n_tau && want & WANT_GPASS && !rc; j++)
            rc = add(m, RAML_MEASURE_GPASS, m->k[i], &tau[j], err);
        if (!rc && want & WANT_MGPASS) rc = add(m, RAML_MEASURE_MGPASS, m->k[i], NULL, err);
        bool counted = m->opt.maj_if_answers && m->k[i] == 1; /* maj@1 is accuracy */
        if (!rc && want & WANT_MAJ && !counted) rc = add(m, RAML_MEASURE_MAJ, m->k[i], NULL, err);
    }
    return rc;
}

enum raml_code cli_eval_measures_read(const struct cli *cli, const struct eval_settings *s, struct eval_measures *out,
                                      struct raml_err *err)
{
    static const char *const metric[] = {"pass", "gpass", "mgpass", "maj"};
    static const unsigned metric_bit[] = {WANT_PASS, WANT_GPASS, WANT_MGPASS, WANT_MAJ};
    static const char *const by[] = {"split", "family", "difficulty", "none"};
    static const unsigned by_bit[] = {RAML_BY_SPLIT, RAML_BY_FAMILY, RAML_BY_DIFFICULTY, 0};
    struct raml_tau tau[MAX_TAU];
    size_t n_tau = 0;
    unsigned want = WANT_PASS | WANT_MAJ;
    *out = (struct eval_measures){.opt = {.seed = cli->seed, .n_draws = N_DRAWS, .maj_if_answers = !s->metrics}};
    out->opt.k = out->k;
    out->opt.measure = out->measure;
    enum raml_code rc = read_k(s->k, out, err);
    if (!rc && s->metrics) rc = read_words("metrics", s->metrics, metric, metric_bit, 4, &want, err);
    if (!rc && !want) rc = raml_fail(err, RAML_EUSAGE, "--metrics is empty; expected some of pass, gpass, mgpass, maj");
    if (!rc) rc = read_words("by", s->by, by, by_bit, 4, &out->opt.by, err);
    if (!rc) rc = read_taus(s->tau, tau, &n_tau, err);
    if (!rc && want & WANT_GPASS && !n_tau) rc = raml_fail(err, RAML_EUSAGE, "--tau is empty; gpass needs thresholds");
    if (!rc) rc = add_measures(out, want, tau, n_tau, err);
    for (size_t i = 0; i < out->opt.n_k && !rc && cli_sampling_asks(&s->sampling); i++)
        if (out->k[i] > (uint64_t)s->sampling.n)
            rc = raml_fail(err, RAML_EUSAGE, "--k %u asks for more samples than --num_generations %lld", out->k[i],
                           (long long)s->sampling.n);
    if (!(want & WANT_PASS)) out->opt.n_k = 0;
    return rc;
}
