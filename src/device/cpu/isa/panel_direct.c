/* panel_direct.c - skinny products of very few rows with panels: numbers are made in registers, never written to
 * memory. See panel.h.
 *
 * The sums of several panels run side by side for each k, which hides the latency of a multiply-add; the scales of a
 * group wait in the first-level cache. V vectors (of P panels) are used at once, as many as leave registers for sums
 * and offsets.
 */
#include "device/cpu/isa/panel.h"

#include "device/cpu/isa/unpack.h"

enum { DIRECT_ROWS = 2, MOST = 8 > VP ? 8 : VP /* vectors side by side */ };

/* What runs side by side: R rows of x, P panels. */
struct side {
    const unsigned char *panel[MOST / VP];
    const float *x;
    size_t ldx, K, bytes; /* bytes: of a panel */
    float *acc;           /* [R][P ROWS] */
};

/* Prefetches what panel p of P reads after q: past its end, the panel that follows all P. */
INLINE void ask_side(const int P, const struct side *s, int p, const unsigned char *q, size_t n)
{
    size_t end = (size_t)(q - s->panel[p]) + AHEAD;
    q += end < s->bytes ? 0 : (size_t)(P - 1) * s->bytes;
    ask(q, n);
}

#define EACH(i, n) _Pragma("GCC unroll 8") for (int i = 0; i < (n); i++)

INLINE void start(const int n, const struct side *s, lf *sum)
{
    EACH(i, n) sum[i] = lf_load(s->acc + i * LANES);
}
INLINE void end(const int n, const struct side *s, const lf *sum)
{
    EACH(i, n) lf_store(s->acc + i * LANES, sum[i]);
}

/* sum[r][v] += x[r, k] w[v], x at k. */
INLINE void add_one(const int R, const int V, const float *x, size_t ldx, const lf *w, lf *sum)
{
    EACH(r, R)
    {
        lf a = lf_set(x[(size_t)r * ldx]);
        EACH(i, V) sum[r * V + i] = lf_fma(a, w[i], sum[r * V + i]);
    }
}

INLINE void direct_blocks(const enum raml_type type, const int R, const int P, const struct side *s)
{
    const int bits = type_bits(type), group = type_group(type), V = P * VP;
    const size_t bytes = (size_t)group * (size_t)bits / 32 * UNIT;
    lf sum[DIRECT_ROWS * MOST];
    start(R * V, s, sum);
    for (size_t k = 0; k < s->K; k += (size_t)group) {
        const unsigned char *q[MOST / VP];
        struct scales scale[MOST];
        EACH(p, P)
        {
            const unsigned char *head;
            q[p] = group_at(type, s->panel[p], k, &head);
            ask_side(P, s, p, q[p], bytes);
            EACH(v, VP) scale[p * VP + v] = group_scales(type, head, k, v * LANES);
        }
        __asm__ volatile("" : : "r"(scale) : "memory"); /* scales are memory operands: registers are for sums */
        for (int j = 0; j < group / 8; j++) {
            const float *x = s->x + k + 8 * j;
            EACH(t, 2)
            {
                lu four[MOST];
                EACH(i, V) four[i] = bytes_at(bits, q[i / VP], j, t, i % VP * LANES);
                EACH(b, 4)
                {
                    lf a[DIRECT_ROWS];
                    EACH(r, R) a[r] = lf_set(x[(size_t)r * s->ldx + (size_t)(4 * t + b)]);
                    EACH(i, V)
                    {
                        lf w = number(bits, four[i], b, &scale[i]);
                        EACH(r, R) sum[r * V + i] = lf_fma(a[r], w, sum[r * V + i]);
                    }
                }
            }
        }
    }
    end(R * V, s, sum);
}

INLINE void direct_bf16(const int R, const int P, const struct side *s)
{
    const int V = P * VP;
    lf sum[DIRECT_ROWS * MOST], w[MOST];
    lu two[MOST];
    start(R * V, s, sum);
    for (size_t k = 0; k < s->K; k += 2) {
        EACH(i, V) two[i] = lu_load(s->panel[i / VP] + k / 2 * UNIT + i % VP * 4 * LANES);
        EACH(p, P) ask(s->panel[p] + k / 2 * UNIT, UNIT);
        EACH(i, V) w[i] = lf_bits(two[i] << 16);
        add_one(R, V, s->x + k, s->ldx, w, sum);
        if (k + 1 == s->K) break;
        EACH(i, V) w[i] = lf_bits(two[i] & 0xffff0000u);
        add_one(R, V, s->x + k + 1, s->ldx, w, sum);
    }
    end(R * V, s, sum);
}

INLINE void direct_f16(const int R, const int P, const struct side *s)
{
    const int V = P * VP;
    lf sum[DIRECT_ROWS * MOST], w[MOST];
    start(R * V, s, sum);
    for (size_t k = 0; k < s->K; k++) {
        EACH(p, P) ask(s->panel[p] + k * HALVES, HALVES);
        EACH(i, V) w[i] = lf_halves(s->panel[i / VP] + k * HALVES + i % VP * 2 * LANES);
        add_one(R, V, s->x + k, s->ldx, w, sum);
    }
    end(R * V, s, sum);
}

INLINE void direct(const enum raml_type type, const int R, const int P, const struct side *s)
{
    if (type == RAML_TYPE_BF16) direct_bf16(R, P, s);
    else if (type == RAML_TYPE_F16) direct_f16(R, P, s);
    else direct_blocks(type, R, P, s);
}

/* Panels side by side: more hide more latency, fewer leave registers for numbers of many parts. */
INLINE size_t side_panels(const enum raml_type type, const int R)
{
    const bool halves = type == RAML_TYPE_BF16 || type == RAML_TYPE_F16;
    const int bits = halves ? 16 : type_bits(type);
    const size_t V = halves && R == 1 ? 8 : bits == 5 || bits == 6 ? 2 : 4;
    return V > VP ? V / VP : 1;
}

/* Groups from the first panel to the last; the last group's missing panels are its first one again, and are dropped. */
INLINE void direct_all(const enum raml_type type, const int R, const struct raml_skinny_panels *f)
{
    const size_t P = side_panels(type, R), bytes = raml_panel_bytes(type, f->K);
    const unsigned char *panel = f->panels;
    for (size_t at = 0; at < f->N; at += P * ROWS, panel += P * bytes) {
        _Alignas(64) float acc[DIRECT_ROWS * MOST * LANES];
        const size_t columns = f->N - at < P * ROWS ? f->N - at : P * ROWS;
        struct side s = {.x = f->x, .ldx = f->ldx, .K = f->K, .bytes = bytes, .acc = acc};
        for (size_t p = 0; p < P; p++) s.panel[p] = panel + (p * ROWS < columns ? p : 0) * bytes;
        memset(acc, 0, sizeof acc);
        for (size_t r = 0; r < (size_t)R && f->add; r++)
            memcpy(acc + r * P * ROWS, f->y + r * f->ldy + at, columns * sizeof *acc);
        direct(type, R, (int)P, &s);
        for (size_t r = 0; r < (size_t)R; r++)
            memcpy(f->y + r * f->ldy + at, acc + r * P * ROWS, columns * sizeof *acc);
    }
}

#define DIRECT(TYPE, name)                                                                                             \
    static void name(const struct raml_skinny_panels *f)                                                               \
    {                                                                                                                  \
        if (f->R == 1) direct_all(TYPE, 1, f);                                                                         \
        else direct_all(TYPE, 2, f);                                                                                   \
    }
DIRECT(RAML_TYPE_BF16, bf16)
DIRECT(RAML_TYPE_F16, f16)
DIRECT(RAML_TYPE_Q8_0, q8_0)
DIRECT(RAML_TYPE_Q4_0, q4_0)
DIRECT(RAML_TYPE_Q4_1, q4_1)
DIRECT(RAML_TYPE_Q5_0, q5_0)
DIRECT(RAML_TYPE_Q5_1, q5_1)
DIRECT(RAML_TYPE_Q4_K, q4_k)
DIRECT(RAML_TYPE_Q5_K, q5_k)
DIRECT(RAML_TYPE_Q6_K, q6_k)

panel_skinny *panel_direct_isa(enum raml_type type, size_t R)
{
    static panel_skinny *const all[RAML_TYPES] = {
        [RAML_TYPE_BF16] = bf16, [RAML_TYPE_F16] = f16,   [RAML_TYPE_Q8_0] = q8_0, [RAML_TYPE_Q4_0] = q4_0,
        [RAML_TYPE_Q4_1] = q4_1, [RAML_TYPE_Q5_0] = q5_0, [RAML_TYPE_Q5_1] = q5_1, [RAML_TYPE_Q4_K] = q4_k,
        [RAML_TYPE_Q5_K] = q5_k, [RAML_TYPE_Q6_K] = q6_k,
    };
    return R <= DIRECT_ROWS ? all[type] : NULL;
}
