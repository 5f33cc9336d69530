/* gpass.c - see metric.h. */
#include "raml/metric.h"

#include "core/ascii.h"

#include <stdbool.h>
#include <string.h>

/* ---- thresholds -------------------------------------------------------------------------------------------------- */

static enum raml_code bad_tau(const char *text, struct raml_err *err)
{
    return raml_fail(err, RAML_EUSAGE,
                     "threshold '%.40s': expected a number from 0 to 1 such as 0.55 (at most 9 decimals) or 7/25",
                     text);
}

/* Digits at *p as a number of at most RAML_TAU_MAX_DEN; false: none, or larger. */
static bool read_digits(const char **p, uint64_t *value, int *n)
{
    for (*n = 0; is_digit(**p); ++*p, ++*n) {
        *value = *value * 10 + (uint64_t)(**p - '0');
        if (*value > RAML_TAU_MAX_DEN) return false;
    }
    return true;
}

enum raml_code raml_tau_read(const char *text, struct raml_tau *out, struct raml_err *err)
{
    const char *p = text;
    uint64_t num = 0, den = 1;
    int whole = 0, part = 0;
    if (!read_digits(&p, &num, &whole)) return bad_tau(text, err);
    if (*p == '/') {
        p++;
        den = 0;
        if (!whole || !read_digits(&p, &den, &part) || !part || !den) return bad_tau(text, err);
    } else if (*p == '.') {
        p++;
        if (!read_digits(&p, &num, &part) || whole + part == 0 || part > 9) return bad_tau(text, err);
        for (int i = 0; i < part; i++) den *= 10;
    } else if (!whole) {
        return bad_tau(text, err);
    }
    if (*p || num > den || strlen(text) >= RAML_TAU_TEXT) return bad_tau(text, err);
    *out = (struct raml_tau){.num = (uint32_t)num, .den = (uint32_t)den};
    memcpy(out->text, text, strlen(text) + 1);
    return RAML_OK;
}

uint32_t raml_tau_of(const struct raml_tau *tau, uint32_t k)
{
    uint64_t product = (uint64_t)tau->num * k; /* below 2^62 */
    uint64_t m = product / tau->den + (product % tau->den != 0);
    return m ? (uint32_t)m : 1;
}

/* ---- the hypergeometric tail ------------------------------------------------------------------------------------- */

static enum raml_code check(uint32_t n, uint32_t c, uint32_t k, struct raml_err *err)
{
    if (k == 0 || k > n)
        return raml_fail(err, RAML_ERANGE, "k = %u of %u samples; k must be 1 to the number of samples", k, n);
    if (c > n) return raml_fail(err, RAML_ERANGE, "%u correct samples of %u", c, n);
    return RAML_OK;
}

/* P(J = j + 1) / P(J = j) = (c-j)(k-j) / ((j+1)(n-c-k+j+1)) */
static double step_up(double n, double c, double k, double j)
{
    return (c - j) * (k - j) / ((j + 1) * (n - c - k + j + 1));
}

struct tail {
    double all, least, excess; /* weight of all j; of j >= m; sum of weight * (j - m + 1) over j >= m */
};

static void add(struct tail *t, double weight, uint64_t j, uint64_t m)
{
    t->all += weight;
    if (j < m) return;
    t->least += weight;
    t->excess += weight * (double)(j - m + 1);
}

/* Weights relative to the likeliest j, which has 1: outward from it until they vanish. 1 <= k <= n, c <= n. */
static struct tail sum_tail(uint64_t n, uint64_t c, uint64_t k, uint64_t m)
{
    struct tail t = {0};
    uint64_t low = c + k > n ? c + k - n : 0, high = c < k ? c : k;
    double product = ((double)c + 1) * ((double)k + 1) / ((double)n + 2);
    uint64_t mode = (uint64_t)product;
    mode = mode < low ? low : mode > high ? high : mode;
    double N = (double)n, C = (double)c, K = (double)k, w = 1;
    for (uint64_t j = mode; j < high && w > 0;) {
        w *= step_up(N, C, K, (double)j);
        add(&t, w, ++j, m);
    }
    w = 1;
    for (uint64_t j = mode; j > low && w > 0;) {
        w /= step_up(N, C, K, (double)--j);
        add(&t, w, j, m);
    }
    add(&t, 1, mode, m);
    return t;
}

enum raml_code raml_gpass_least(uint32_t n, uint32_t c, uint32_t k, uint32_t m, double *out, struct raml_err *err)
{
    enum raml_code rc = check(n, c, k, err);
    if (rc) return rc;
    if (m == 0 || m > k) return raml_fail(err, RAML_ERANGE, "at least %u correct of %u; expected 1 to %u", m, k, k);
    if (m == 1) return raml_pass_at_k(n, c, k, out, err);
    if (m > c) {
        *out = 0;
        return RAML_OK;
    }
    struct tail t = sum_tail(n, c, k, m);
    *out = t.least < t.all ? t.least / t.all : 1;
    return RAML_OK;
}

enum raml_code raml_gpass_at_k(uint32_t n, uint32_t c, uint32_t k, const struct raml_tau *tau, double *out,
                               struct raml_err *err)
{
    if (!tau->den || tau->num > tau->den)
        return raml_fail(err, RAML_ERANGE, "threshold %u/%u is outside [0, 1]", tau->num, tau->den);
    return raml_gpass_least(n, c, k, raml_tau_of(tau, k), out, err);
}

/* sum_{i = m..k} P(J >= i) = sum_{j >= m} P(J = j) (j - m + 1) */
enum raml_code raml_mgpass_at_k(uint32_t n, uint32_t c, uint32_t k, double *out, struct raml_err *err)
{
    enum raml_code rc = check(n, c, k, err);
    if (rc) return rc;
    uint64_t m = (uint64_t)k / 2 + k % 2 + 1;
    struct tail t = sum_tail(n, c, k, m);
    *out = 2 * (t.excess / t.all) / (double)k;
    return RAML_OK;
}
