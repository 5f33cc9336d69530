/* divisors.c - llama3's rotary scaling as GGUF stores it: rope_freqs.weight, the divisor of each unscaled frequency.
 *
 * With x = turns per position of an unscaled frequency, F the factor, C the original context, and low < high, the
 * divisor d is 1 where C x > high, F where C x < low, and 1/d = (1 - s)/F + s between, with s = (C x - low)/(high -
 * low). So s(x) is a line, and two points of it give low/C and high/C. Nothing else is determined: (C, low, high) and
 * (2 C, 2 low, 2 high) are the same scaling. The result is the smallest integer low for which C is an integer, if there
 * is one, unless the file has C (files written by raml do; llama.cpp ignores it); Llama's own have low = 1, high = 4.
 */
#include "shape/rope.h"

#include "core/elementary.h"
#include "modelfile/modelfile.h"

#include <math.h>

enum { MAX_LOW = 16, CONTEXT = 8192 };
/* Of x, where it was computed in f32, as llama.cpp's converter does; 1/d is off by this times high/(high - low). */
static const double close_by = 2e-6;

void raml_rope_divisors(const struct raml_config *c, float *out)
{
    struct raml_config unscaled = *c;
    unscaled.rope = RAML_ROPE_PLAIN;
    for (int i = 0; i < c->head_dim / 2; i++)
        out[i] = (float)(raml_rope_frequency(&unscaled, i) / raml_rope_frequency(c, i));
}

static bool fits(const struct raml_config *c, const float *d)
{
    struct raml_config unscaled = *c;
    double tol = close_by;
    unscaled.rope = RAML_ROPE_PLAIN;
    if (c->rope == RAML_ROPE_LLAMA3) tol *= c->rope_high_freq / (c->rope_high_freq - c->rope_low_freq);
    for (int i = 0; i < c->head_dim / 2; i++)
        if (!(fabs(1 / (double)d[i] - raml_rope_frequency(c, i) / raml_rope_frequency(&unscaled, i)) <= tol))
            return false;
    return true;
}

static bool try(struct raml_config *c, const float *d, double context, double low, double high)
{
    if (!(context >= 1) || context > 1 << 30 || !(low > 0) || !(high > low)) return false;
    c->rope_original_positions = (int)round(context);
    c->rope_low_freq = low;
    c->rope_high_freq = high;
    return fits(c, d);
}

/* Numbers that people write: 1, 4, 2.5. */
static double tidy(double x)
{
    double near = round(x * 8) / 8;
    return fabs(near - x) < 1e-3 * x ? near : x;
}

/* Sets c's scaling to (C, low, high) with low/C = low_share and high/low = ratio: with the file's C, else in integers
 * if there are any. */
static bool settle(struct raml_config *c, const float *d, int declared, double low_share, double ratio)
{
    if (declared && try(c, d, declared, tidy(declared * low_share), tidy(declared * low_share * ratio))) return true;
    for (int low = 1; low <= MAX_LOW; low++)
        if (try(c, d, low / low_share, low, tidy(ratio * low))) return true;
    return try(c, d, CONTEXT, CONTEXT * low_share, CONTEXT * low_share * ratio);
}

/* No dimension is in between: any limits that separate the same dimensions are the same scaling. */
static bool settle_step(struct raml_config *c, const float *d, int declared)
{
    if (declared && settle(c, d, declared, 1.0 / declared, 4)) return true;
    for (int context = 1 << 5; context <= 1 << 20; context *= 2)
        if (settle(c, d, 0, 1.0 / context, 4)) return true;
    return false;
}

/* s and x of the first and the last dimension in between; returns how many there are. */
static size_t between(const struct raml_config *c, const float *d, double s[2], double x[2])
{
    size_t n = 0;
    double F = c->rope_factor;
    for (int i = 0; i < c->head_dim / 2; i++) {
        double share = (1 / (double)d[i] - 1 / F) / (1 - 1 / F);
        if (share < close_by || share > 1 - close_by) continue;
        size_t k = n++ ? 1 : 0;
        s[k] = share;
        x[k] = raml_pow(c->rope_theta, -2.0 * i / c->head_dim) / (2 * M_PI);
    }
    return n;
}

enum raml_code raml_rope_from_divisors(const char *path, const float *d, int declared, struct raml_config *c,
                                       struct raml_err *err)
{
    double most = 1, s[2], x[2];
    for (int i = 0; i < c->head_dim / 2; i++) {
        if (!(d[i] > 0) || !isfinite(d[i]))
            return raml_fail(err, RAML_ERANGE,
                             "%s: tensor 'rope_freqs.weight': element [%d] is %g; expected a positive "
                             "number",
                             path, i, (double)d[i]);
        most = fmax(most, d[i]);
    }
    struct raml_config t = *c;
    t.rope = RAML_ROPE_LLAMA3;
    t.rope_factor = most;
    bool found = most == 1 && fits(c, d); /* all are 1: no scaling */
    if (found) return RAML_OK;
    size_t n = most > 1 ? between(&t, d, s, x) : 0;
    if (n > 1) {
        double slope = (s[0] - s[1]) / (x[0] - x[1]), at0 = s[0] - slope * x[0];
        found = settle(&t, d, declared, -at0 / slope, (1 - at0) / -at0);
    } else if (n == 1) {
        static const double ratio[] = {4, 2, 1.25}; /* one point: any line that excludes the others */
        for (size_t k = 0; k < sizeof ratio / sizeof *ratio && !found; k++)
            found = settle(&t, d, declared, x[0] / ((ratio[k] - 1) * s[0] + 1), ratio[k]);
    } else if (most > 1) {
        found = settle_step(&t, d, declared);
    }
    if (!found)
        return raml_fail(err, RAML_ESUPPORT,
                         "%s: tensor 'rope_freqs.weight': its divisors (largest: %g) are those of no "
                         "llama3 scaling, and no other is supported",
                         path, most);
    *c = t;
    return RAML_OK;
}
