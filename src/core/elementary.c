/* elementary.c - see elementary.h. Arguments are reduced exactly or in two doubles; the remainder is small, and Taylor
 * series do the rest. Compiled without contraction (CMakeLists.txt): sums of two doubles rely on every rounding. */
#include "core/elementary.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

struct two { /* an unevaluated sum; |lo| <= ulp(hi) / 2 */
    double hi, lo;
};

/* ln 2 in parts: the first has 42 bits, so that k times it is exact for |k| < 2^11; pi/2 in three doubles */
static const double ln2_hi = 0x1.62e42fefa38p-1, ln2_lo = 0x1.ef35793c7673p-45;
static const double half_pi[] = {0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54, -0x1.f1976b7ed8fbcp-110};
static const double magic = 0x1.8p52; /* adding and subtracting it rounds to an integer */

/* Knuth 1998, vol. 2, 4.2.2, theorem B: hi + lo = a + b exactly */
static struct two two_sum(double a, double b)
{
    double s = a + b, t = s - a;
    return (struct two){s, (a - (s - t)) + (b - t)};
}

/* c[0] + c[1] x + ... */
static double series(const double *c, size_t n, double x)
{
    double p = c[n - 1];
    while (--n > 0) p = p * x + c[n - 1];
    return p;
}

/* 2^k for -1022 <= k <= 1023 */
static double power_of_two(int k)
{
    uint64_t u = (uint64_t)(k + 1023) << 52;
    double x;
    memcpy(&x, &u, sizeof x);
    return x;
}

/* e^(x + more), more small against x: e^r = 1 + (r + r^2 (1/2! + r/3! + ...)), |r| <= ln 2 / 2; r^14 / 14! < 2^-57 */
static double exp_sum(double x, double more)
{
    static const double c[] = {1.0 / 2,       1.0 / 6,        1.0 / 24,        1.0 / 120,
                               1.0 / 720,     1.0 / 5040,     1.0 / 40320,     1.0 / 362880,
                               1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800.0};
    if (x != x) return x;
    if (x > 709.8) return INFINITY;
    if (x < -745.2) return 0;
    double k = (x * 0x1.71547652b82fep+0 + magic) - magic;
    double high = x - k * ln2_hi, low = more - k * ln2_lo; /* the first is exact */
    double r = high + low, lost = (high - r) + low;
    double p = 1 + (r + (r * r * series(c, COUNT(c), r) + (lost + lost * r)));
    int n = (int)k, half = n / 2;
    return p * power_of_two(half) * power_of_two(n - half); /* rounds once: the first product is never small */
}

double raml_exp(double x)
{
    return exp_sum(x, 0);
}

/* log x for 0 < x < infinity: x = 2^k m, sqrt(1/2) <= m < sqrt 2, s = (m - 1)/(m + 1), log m = 2 atanh s = 2 s + s (2
 * s^2/3 + 2 s^4/5 + ...). |s| < 0.172: the truncation error is below 2^-63 of it; the tail is a hundredth of the whole,
 * so its rounding is 2^-59. */
static struct two log_sum(double x)
{
    static const double c[] = {2.0 / 3,  2.0 / 5,  2.0 / 7,  2.0 / 9,  2.0 / 11, 2.0 / 13,
                               2.0 / 15, 2.0 / 17, 2.0 / 19, 2.0 / 21, 2.0 / 23};
    int k = 0;
    if (x < 0x1p-1022) x *= 0x1p54, k = -54;
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    k += (int)(u >> 52) - 1023;
    u = (u & UINT64_C(0xfffffffffffff)) | UINT64_C(0x3ff0000000000000);
    double m;
    memcpy(&m, &u, sizeof m);
    if (m > 1.4142135623730951) m *= 0.5, k++;
    double f = m - 1;
    struct two d = two_sum(2, f);
    double s = f / d.hi, lost = (fma(-s, d.hi, f) - s * d.lo) / d.hi;
    double tail = s * (s * s * series(c, COUNT(c), s * s));
    struct two sum = two_sum(k * ln2_hi, 2 * s);
    return two_sum(sum.hi, sum.lo + (tail + (2 * lost + k * ln2_lo)));
}

double raml_log(double x)
{
    if (x != x || x < 0) return NAN;
    if (x == 0) return -INFINITY;
    if (x > 0x1.fffffffffffffp1023) return x;
    return log_sum(x).hi;
}

double raml_pow(double x, double y)
{
    if (y == 0 || x == 1) return 1;
    if (x != x || y != y || x < 0) return NAN;
    if (x == 0) return y > 0 ? 0 : INFINITY;
    if (x > 0x1.fffffffffffffp1023) return y > 0 ? x : 0;
    struct two l = log_sum(x);
    double p = y * l.hi;
    if (!(fabs(p) <= 1000)) return p > 0 ? INFINITY : 0;
    return exp_sum(p, fma(y, l.hi, -p) + y * l.lo);
}

/* x - k pi/2 for the nearest k, and k modulo 4. The first product leaves an exact difference: k and the first part's
 * last bit are multiples of 2^-52, and the remainder is below 1. */
static struct two turn(double x, int *quarter)
{
    double k = (x * 0x1.45f306dc9c883p-1 + magic) - magic;
    double high = fma(-k, half_pi[0], x), p = k * half_pi[1];
    struct two r = two_sum(high, -p);
    *quarter = (int)((int64_t)k & 3);
    return two_sum(r.hi, (r.lo - fma(k, half_pi[1], -p)) - k * half_pi[2]);
}

/* |r| <= pi/4: r^19 / 19! < 2^-63 and r^20 / 20! < 2^-68 */
static double sin_small(struct two r)
{
    static const double c[] = {-1.0 / 6,         1.0 / 120,          -1.0 / 5040,           1.0 / 362880,
                               -1.0 / 39916800., 1.0 / 6227020800.0, -1.0 / 1307674368000., 1.0 / 355687428096000.};
    double z = r.hi * r.hi;
    return r.hi + (r.hi * z * series(c, COUNT(c), z) + r.lo * (1 - z / 2));
}
static double cos_small(struct two r)
{
    /* clang-format off */
    static const double c[] = {1.0 / 24,         -1.0 / 720,           1.0 / 40320,
                               -1.0 / 3628800,   1.0 / 479001600.0,    -1.0 / 87178291200.0,
                               1.0 / 20922789888000.0, -1.0 / 6402373705728000.0};
    /* clang-format on */
    double z = r.hi * r.hi, half = z / 2, w = 1 - half;
    return w + (((1 - w) - half) + (z * z * series(c, COUNT(c), z) - r.hi * r.lo));
}

/* sin(x + quarters pi/2) */
static double sin_from(double x, int quarters)
{
    if (!(fabs(x) <= 0x1p30)) return NAN;
    int q;
    struct two r = turn(x, &q);
    q = (q + quarters) & 3;
    double v = q & 1 ? cos_small(r) : sin_small(r);
    return q & 2 ? -v : v;
}

double raml_sin(double x)
{
    return sin_from(x, 0);
}

double raml_cos(double x)
{
    return sin_from(x, 1);
}
