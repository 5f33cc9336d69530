/* test_gguf_types.c - conversions against a second implementation, files written and read again.
 *
 * The second implementation goes the other way: it draws the numbers that a block represents, packs them bit by bit as
 * the tables in gguf-py/gguf/quants.py show the bytes, and expects the numbers' formula, in double, from the
 * conversion.
 */
#include "core/scratch.h"
#include "store/blocks.h"
#include "store/gguf_format.h"
#include "store/gguf_rows.h"

#include "raml/rng.h"

#include <float.h>
#include <math.h>

enum { BLOCKS = 300 };

static struct raml_rng random_of(uint64_t seed)
{
    return (struct raml_rng){.key = {.seed = seed, .purpose = RAML_FOR_TEST}};
}

/* A half's value by its definition. */
static double half_value(unsigned h)
{
    int exponent = (int)(h >> 10 & 31), fraction = (int)(h & 1023);
    double x = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
    return h & 0x8000 ? -x : x;
}

/* A finite half of either sign, subnormals among them, stored at p. */
static double draw_half(struct raml_rng *r, unsigned char *p)
{
    unsigned h = raml_rng_below(r, 31 * 1024) | raml_rng_below(r, 2) << 15;
    p[0] = (unsigned char)(h & 255);
    p[1] = (unsigned char)(h >> 8);
    return half_value(h);
}

/* Bits [at, at + n) of p, at >= 8 * byte + shift, set to the low n bits of x (they are 0 before). */
static void set_bits(unsigned char *p, int byte, int shift, unsigned x, int n)
{
    p[byte] = (unsigned char)(p[byte] | (x & ((1u << n) - 1)) << shift);
}

struct block {
    unsigned char p[256];
    double want[256], most[256]; /* the value; the sum of the magnitudes whose difference it is */
};

static void pack_q8_0(struct raml_rng *r, struct block *b)
{
    double d = draw_half(r, b->p);
    for (int i = 0; i < 32; i++) {
        int q = (int)raml_rng_range(r, -128, 127);
        b->p[2 + i] = (unsigned char)q;
        b->want[i] = d * q;
    }
}

static void pack_q4_0(struct raml_rng *r, struct block *b)
{
    double d = draw_half(r, b->p);
    for (int i = 0; i < 32; i++) {
        int q = (int)raml_rng_range(r, -8, 7);
        set_bits(b->p, 2 + i % 16, i < 16 ? 0 : 4, (unsigned)(q + 8), 4);
        b->want[i] = d * q;
    }
}

/* d (q - middle), or d q + m where middle is 0. The fifth bits, one after another, are in the four bytes before the
 * nibbles. */
static void pack_small(struct raml_rng *r, struct block *b, int bits, int middle)
{
    int at = middle ? 2 : 4, low = bits == 5 ? at + 4 : at;
    double d = draw_half(r, b->p), m = middle ? -middle * d : draw_half(r, b->p + 2);
    for (int i = 0; i < 32; i++) {
        unsigned q = raml_rng_below(r, 1u << bits);
        set_bits(b->p, low + i % 16, i < 16 ? 0 : 4, q, 4);
        if (bits == 5) set_bits(b->p, at + i / 8, i % 8, q >> 4, 1);
        b->want[i] = d * q + m;
        b->most[i] = fabs(d * q) + fabs(m);
    }
}

static void pack_q4_1(struct raml_rng *r, struct block *b)
{
    pack_small(r, b, 4, 0);
}

static void pack_q5_0(struct raml_rng *r, struct block *b)
{
    pack_small(r, b, 5, 16);
}

static void pack_q5_1(struct raml_rng *r, struct block *b)
{
    pack_small(r, b, 5, 0);
}

/* Scales A to H and minima a to h in 12 bytes: 0 EEAAAAAA, 1 FFBBBBBB, 2 GGCCCCCC, 3 HHDDDDDD, 4 eeaaaaaa, 5 ffbbbbbb,
 * 6 ggcccccc, 7 hhdddddd, 8 eeeeEEEE, 9 ffffFFFF, 10 ggggGGGG, 11 hhhhHHHH; EE and ee are the upper bits. */
static void pack_k(struct raml_rng *r, struct block *b, int bits, int at_low)
{
    double d = draw_half(r, b->p), dmin = draw_half(r, b->p + 2);
    unsigned scale[8], min[8];
    unsigned char *s = b->p + 4;
    for (int j = 0; j < 8; j++) {
        scale[j] = raml_rng_below(r, 64);
        min[j] = raml_rng_below(r, 64);
    }
    for (int j = 0; j < 4; j++) {
        set_bits(s, j, 0, scale[j], 6);
        set_bits(s, j, 6, scale[j + 4] >> 4, 2);
        set_bits(s, j + 4, 0, min[j], 6);
        set_bits(s, j + 4, 6, min[j + 4] >> 4, 2);
        set_bits(s, j + 8, 0, scale[j + 4], 4);
        set_bits(s, j + 8, 4, min[j + 4], 4);
    }
    for (int i = 0; i < 256; i++) {
        unsigned q = raml_rng_below(r, 1u << bits);
        set_bits(b->p, at_low + i / 64 * 32 + i % 32, i % 64 < 32 ? 0 : 4, q, 4);
        if (bits == 5) set_bits(b->p, 16 + i % 32, i / 32, q >> 4, 1);
        b->want[i] = d * scale[i / 32] * q - dmin * min[i / 32];
        b->most[i] = fabs(d * scale[i / 32] * q) + fabs(dmin * min[i / 32]);
    }
}

static void pack_q4_k(struct raml_rng *r, struct block *b)
{
    pack_k(r, b, 4, 16);
}

static void pack_q5_k(struct raml_rng *r, struct block *b)
{
    pack_k(r, b, 5, 48);
}

static void pack_q6_k(struct raml_rng *r, struct block *b)
{
    int scale[16];
    double d = draw_half(r, b->p + 208);
    for (int j = 0; j < 16; j++) b->p[192 + j] = (unsigned char)(scale[j] = (int)raml_rng_range(r, -128, 127));
    for (int i = 0; i < 256; i++) {
        int q = (int)raml_rng_range(r, -32, 31), half = i / 128, rest = i % 128;
        set_bits(b->p, half * 64 + rest % 64, rest < 64 ? 0 : 4, (unsigned)(q + 32), 4);
        set_bits(b->p, 128 + half * 32 + rest % 32, rest / 32 * 2, (unsigned)(q + 32) >> 4, 2);
        b->want[i] = d * scale[i / 16] * q;
    }
}

/* Element i of the pairs of bits from byte `at` on. */
static void set_pair(struct block *b, int at, int i, unsigned q)
{
    set_bits(b->p, at + i / 128 * 32 + i % 32, i / 32 % 4 * 2, q, 2);
}

static void pack_q2_k(struct raml_rng *r, struct block *b)
{
    double d = draw_half(r, b->p + 80), dmin = draw_half(r, b->p + 82);
    for (int j = 0; j < 16; j++) {
        unsigned scale = raml_rng_below(r, 16), min = raml_rng_below(r, 16);
        b->p[j] = (unsigned char)(scale | min << 4);
        for (int i = 16 * j; i < 16 * j + 16; i++) {
            unsigned q = raml_rng_below(r, 4);
            set_pair(b, 16, i, q);
            b->want[i] = d * scale * q - dmin * min;
            b->most[i] = fabs(d * scale * q) + fabs(dmin * min);
        }
    }
}

/* Scales A to P in 12 bytes: 0 IIIIAAAA, 1 JJJJBBBB, .. 7 PPPPHHHH, 8 MMIIEEAA, 9 NNJJFFBB, 10 OOKKGGCC, 11 PPLLHHDD. */
static void pack_q3_k(struct raml_rng *r, struct block *b)
{
    double d = draw_half(r, b->p + 108);
    for (int j = 0; j < 16; j++) {
        unsigned scale = raml_rng_below(r, 64);
        set_bits(b->p, 96 + j % 8, j < 8 ? 0 : 4, scale, 4);
        set_bits(b->p, 104 + j % 4, j / 4 * 2, scale >> 4, 2);
        for (int i = 16 * j; i < 16 * j + 16; i++) {
            int q = (int)raml_rng_range(r, -4, 3);
            set_pair(b, 32, i, (unsigned)(q + 4));
            set_bits(b->p, i % 32, i / 32, q >= 0, 1);
            b->want[i] = d * ((int)scale - 32) * q;
        }
    }
}

static const int iq4_table[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

static void pack_iq4_nl(struct raml_rng *r, struct block *b)
{
    double d = draw_half(r, b->p);
    for (int i = 0; i < 32; i++) {
        unsigned q = raml_rng_below(r, 16);
        set_bits(b->p, 2 + i % 16, i < 16 ? 0 : 4, q, 4);
        b->want[i] = d * iq4_table[q];
    }
}

static void pack_iq4_xs(struct raml_rng *r, struct block *b)
{
    double d = draw_half(r, b->p);
    for (int j = 0; j < 8; j++) {
        unsigned scale = raml_rng_below(r, 64);
        set_bits(b->p, 2 + j / 4, j % 4 * 2, scale >> 4, 2);
        set_bits(b->p, 4 + j / 2, j % 2 * 4, scale, 4);
        for (int i = 0; i < 32; i++) {
            unsigned q = raml_rng_below(r, 16);
            set_bits(b->p, 8 + 16 * j + i % 16, i < 16 ? 0 : 4, q, 4);
            b->want[32 * j + i] = d * ((int)scale - 32) * iq4_table[q];
        }
    }
}

/* In the type in which it is kept, a block has the same numbers, to the last bit. */
static void check_kept(uint32_t type, const unsigned char *bytes, size_t n, const float *want)
{
    uint32_t kept = raml_blocks_kept(type);
    size_t size, block = raml_ggml_block(kept, &size);
    unsigned char *p = malloc(n / block * size);
    float *got = malloc(n * sizeof *got);
    assert_true(p && got && raml_blocks_kept(kept) == kept);
    raml_blocks_keep(type, bytes, n, p);
    assert_int_equal(raml_blocks_f32(kept, p, n, got), n);
    assert_memory_equal(got, want, n * sizeof *got);
    free(p);
    free(got);
}

/* At most three roundings: d * scale, times q, minus the minimum's product. Overflow to infinity cannot happen. */
static void every_block_type(void **state)
{
    static const struct {
        uint32_t type;
        size_t n, bytes;
        void (*pack)(struct raml_rng *r, struct block *b);
    } kinds[] = {{RAML_GGML_Q8_0, 32, 34, pack_q8_0},     {RAML_GGML_Q4_0, 32, 18, pack_q4_0},
                 {RAML_GGML_Q4_1, 32, 20, pack_q4_1},     {RAML_GGML_Q5_0, 32, 22, pack_q5_0},
                 {RAML_GGML_Q5_1, 32, 24, pack_q5_1},     {RAML_GGML_Q4_K, 256, 144, pack_q4_k},
                 {RAML_GGML_Q5_K, 256, 176, pack_q5_k},   {RAML_GGML_Q6_K, 256, 210, pack_q6_k},
                 {RAML_GGML_Q2_K, 256, 84, pack_q2_k},    {RAML_GGML_Q3_K, 256, 110, pack_q3_k},
                 {RAML_GGML_IQ4_NL, 32, 18, pack_iq4_nl}, {RAML_GGML_IQ4_XS, 256, 136, pack_iq4_xs}};
    (void)state;
    for (size_t k = 0; k < COUNT(kinds); k++) {
        struct raml_rng r = random_of(k);
        struct raml_err e = {0};
        size_t n = BLOCKS * kinds[k].n, n_bad = 0;
        unsigned char *bytes = malloc(BLOCKS * kinds[k].bytes);
        struct block *b = calloc(BLOCKS, sizeof *b);
        float *got = malloc(n * sizeof *got);
        assert_true(bytes && b && got);
        for (size_t i = 0; i < BLOCKS; i++) {
            kinds[k].pack(&r, &b[i]);
            memcpy(bytes + i * kinds[k].bytes, b[i].p, kinds[k].bytes);
        }
        struct raml_gguf_tensor t = {"t", kinds[k].type, 2, {BLOCKS, kinds[k].n}, n, BLOCKS * kinds[k].bytes, bytes};
        must(raml_gguf_to_f32(&t, got, true, &e), &e);
        for (size_t i = 0; i < n; i++) {
            const struct block *from = &b[i / kinds[k].n];
            size_t at = i % kinds[k].n;
            double want = from->want[at], tol = 2 * FLT_EPSILON * fmax(from->most[at], fabs(want));
            n_bad += !(fabs(got[i] - want) <= tol);
        }
        check_kept(kinds[k].type, bytes, n, got);
        if (n_bad) print_error("%s: %zu of %zu differ\n", raml_ggml_type_name(kinds[k].type), n_bad, n);
        assert_int_equal(n_bad, 0);
        free(bytes);
        free(b);
        free(got);
    }
}

/* What an independent program reads from the same blocks, bit for bit. */
static void independent_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(gguf_rows); i++) {
        const struct gguf_row *r = &gguf_rows[i];
        struct raml_gguf_tensor t = {"t", r->type, 1, {r->n}, r->n, r->bytes, r->data};
        struct raml_err e = {0};
        float got[256];
        assert_true(r->n <= COUNT(got));
        must(raml_gguf_to_f32(&t, got, true, &e), &e);
        for (size_t k = 0; k < r->n; k++) {
            uint32_t bits;
            memcpy(&bits, got + k, sizeof bits);
            if (bits != r->bits[k])
                fail_msg("%s, element %zu: got %a (%08x), expected %08x", raml_ggml_type_name(r->type), k,
                         (double)got[k], (unsigned)bits, (unsigned)r->bits[k]);
        }
    }
}

static void halves(void **state)
{
    static unsigned char bytes[2 * 65536];
    static float got[65536];
    struct raml_err e = {0};
    (void)state;
    for (unsigned i = 0; i < 65536; i++) {
        bytes[2 * i] = (unsigned char)(i & 255);
        bytes[2 * i + 1] = (unsigned char)(i >> 8);
    }
    struct raml_gguf_tensor t = {"h", RAML_GGML_F16, 1, {65536}, 65536, sizeof bytes, bytes};
    must(raml_gguf_to_f32(&t, got, false, &e), &e);
    for (unsigned i = 0; i < 65536; i++) {
        if ((i >> 10 & 31) == 31)
            assert_true(i & 1023 ? isnan(got[i]) : isinf(got[i]) && !signbit(got[i]) == !(i >> 15));
        else assert_true(got[i] == half_value(i) && !signbit(got[i]) == !(i >> 15));
    }
    assert_int_equal(raml_gguf_to_f32(&t, got, true, &e), RAML_ERANGE);
    assert_true(has(e.msg, "tensor 'h': element 31744 of 65536 is infinite"));
    /* Back: each to itself, the midpoint of two neighbours to the even one, what is beside it to the nearer. */
    for (unsigned i = 0; i < 0x7bff; i++) {
        float low = got[i], middle = (float)((half_value(i) + half_value(i + 1)) / 2);
        assert_int_equal(raml_half_from_float(low), i);
        assert_int_equal(raml_half_from_float(middle), i + (i & 1));
        assert_int_equal(raml_half_from_float(nextafterf(middle, 0)), i);
        assert_int_equal(raml_half_from_float(nextafterf(middle, 1e9f)), i + 1);
    }
    assert_int_equal(raml_half_from_float(65519.0f), 0x7bff);
    assert_int_equal(raml_half_from_float(65520.0f), 0x7c00);
    assert_int_equal(raml_half_from_float(1e30f), 0x7c00);
    assert_int_equal(raml_half_from_float(INFINITY), 0x7c00);
}

static void other_types(void **state)
{
    static const unsigned char bytes[300];
    struct raml_err e = {0};
    float out[256];
    size_t n_known = 0;
    (void)state;
    for (uint32_t type = 0; type < 100; type++) {
        size_t size, n = raml_ggml_block(type, &size);
        if (!n) continue;
        n_known++;
        struct raml_gguf_tensor t = {"blk.0.w", type, 1, {n}, n, size, bytes};
        enum raml_code rc = raml_gguf_to_f32(&t, out, true, &e);
        if (rc) assert_true(rc == RAML_ESUPPORT && has(e.msg, "blk.0.w") && has(e.msg, raml_ggml_type_name(type)));
        n_known += rc ? 0 : 100;
    }
    assert_int_equal(n_known, 15 * 100 + 33);
    struct raml_gguf_tensor t = {"t", RAML_GGML_Q8_0, 1, {32}, 32, 33, bytes};
    assert_int_equal(raml_gguf_to_f32(&t, out, true, &e), RAML_ESHAPE);
    assert_string_equal(raml_ggml_type_name(4), "unknown");
    assert_string_equal(raml_ggml_type_name(UINT32_MAX), "unknown");
}

/* Writing */

static const struct raml_gguf_string words[] = {{"one", 3}, {"", 0}, {"a\0b", 3}};
static const uint32_t file_type = 7;
static const int16_t shorts[] = {-1, 300};
static const bool flags[] = {true, false, true};
static const double third = 1.0 / 3, infinite = INFINITY;
static const float nans[] = {1, NAN};
static const struct raml_gguf_entry entries[] = {
    {"general.architecture", RAML_GGUF_STRING, 0, 0, &words[0]}, {"words", RAML_GGUF_ARRAY, RAML_GGUF_STRING, 3, words},
    {"general.file_type", RAML_GGUF_U32, 0, 0, &file_type},      {"shorts", RAML_GGUF_ARRAY, RAML_GGUF_I16, 2, shorts},
    {"flags", RAML_GGUF_ARRAY, RAML_GGUF_BOOL, 3, flags},        {"third", RAML_GGUF_F64, 0, 0, &third},
    {"empty", RAML_GGUF_ARRAY, RAML_GGUF_F32, 0, NULL},          {"infinite", RAML_GGUF_F64, 0, 0, &infinite},
    {"nans", RAML_GGUF_ARRAY, RAML_GGUF_F32, 2, nans},
};

static void check_entries(const struct raml_gguf *g)
{
    struct raml_err e = {0};
    struct raml_gguf_string s;
    int64_t n = 0;
    double x = 0;
    bool b = false;
    must(raml_gguf_string(g, "general.architecture", &s, &e), &e);
    assert_true(s.n == 3 && !memcmp(s.bytes, "one", 3));
    const struct raml_gguf_value *v = raml_gguf_value_find(g, "words");
    for (size_t i = 0; i < 3; i++) {
        must(raml_gguf_element_string(v, i, &s, &e), &e);
        assert_int_equal(s.n, words[i].n);
        assert_memory_equal(s.bytes, words[i].bytes, s.n);
    }
    must(raml_gguf_integer(g, "general.file_type", &n, &e), &e);
    assert_int_equal(n, 7);
    must(raml_gguf_element_integer(raml_gguf_value_find(g, "shorts"), 0, &n, &e), &e);
    assert_true(n == -1);
    must(raml_gguf_element_bool(raml_gguf_value_find(g, "flags"), 2, &b, &e), &e);
    assert_true(b);
    must(raml_gguf_real(g, "third", &x, &e), &e);
    assert_true(x == third);
    assert_int_equal(raml_gguf_value_find(g, "empty")->n, 0);
    assert_int_equal(raml_gguf_real(g, "infinite", &x, &e), RAML_ERANGE);
    assert_true(has(e.msg, "'infinite' is infinite; expected a finite number") && has(e.msg, "m.gguf"));
    must(raml_gguf_element_real(raml_gguf_value_find(g, "nans"), 0, &x, &e), &e);
    assert_int_equal(raml_gguf_element_real(raml_gguf_value_find(g, "nans"), 1, &x, &e), RAML_ERANGE);
}

/* Random bits, NaNs and infinities among them, come back bit for bit. */
static void round_trip(void **state)
{
    enum { N = 3 * 5000 };
    static uint32_t f32[N];
    static uint16_t bf16[N];
    char path[4200];
    struct raml_err e = {0};
    struct raml_gguf *g = NULL;
    struct raml_rng r = random_of(11);
    for (int i = 0; i < N; i++) {
        uint32_t bits[4];
        raml_random4(&r.key, (uint64_t)i, bits);
        f32[i] = bits[0];
        bf16[i] = (uint16_t)bits[1];
    }
    const struct raml_gguf_output out[] = {
        {{"blk.0.attn_q.weight", RAML_F32, 2, {3, 5000}, N, f32}, RAML_GGML_F32},
        {{"odd", RAML_F32, 1, {3}, 3, f32}, RAML_GGML_F32},
        {{"token_embd.weight", RAML_BF16, 3, {5, 3000, 1}, N, bf16}, RAML_GGML_BF16},
        {{"none", RAML_F32, 2, {0, 4}, 0, f32}, RAML_GGML_F32},
        {{"one", RAML_F32, 0, {0}, 1, f32}, RAML_GGML_F32},
    };
    must(raml_gguf_write(in(*state, "m.gguf", path), entries, COUNT(entries), out, COUNT(out), &e), &e);
    must(raml_gguf_open(path, &g, &e), &e);
    assert_int_equal(raml_gguf_version(g), 3);
    assert_int_equal(raml_gguf_alignment(g), 32);
    assert_int_equal(raml_gguf_n_values(g), COUNT(entries));
    check_entries(g);
    for (size_t i = 0; i < COUNT(out); i++) {
        const struct raml_tensor_view *v = &out[i].view;
        const struct raml_gguf_tensor *t = raml_gguf_tensor_at(g, i);
        assert_ptr_equal(t, raml_gguf_tensor_find(g, v->name));
        assert_int_equal(t->type, out[i].type);
        assert_int_equal(t->n_dims, v->n_dims);
        for (int d = 0; d < v->n_dims; d++) assert_int_equal(t->shape[d], v->shape[d]);
        assert_int_equal(t->bytes, v->n * raml_dtype_size(v->dtype));
        assert_int_equal((uintptr_t)t->data % 32, 0);
        assert_memory_equal(t->data, v->data, t->bytes);
    }
    raml_gguf_close(g);
    must(raml_gguf_write(path, NULL, 0, NULL, 0, &e), &e); /* nothing is a file too */
    must(raml_gguf_open(path, &g, &e), &e);
    raml_gguf_close(g);
}

/* f32 to bf16: exactly the nearer of the two neighbours, the even one of two equally near; f16 to f32: exact. */
static void narrower_and_wider(void **state)
{
    static const struct {
        uint32_t from;
        uint16_t to;
    } cases[] = {{0x3f800000, 0x3f80}, {0x3f808000, 0x3f80}, {0x3f808001, 0x3f81}, {0x3f818000, 0x3f82},
                 {0x3f817fff, 0x3f81}, {0xbf818000, 0xbf82}, {0x7f7fffff, 0x7f80}, {0x7f800000, 0x7f80},
                 {0x7f800001, 0x7fc0}, {0x00008000, 0x0000}, {0x00018000, 0x0002}, {0x80000000, 0x8000}};
    static const uint16_t f16[] = {0x3c00, 0x0001, 0xfbff};
    char path[4200];
    struct raml_err e = {0};
    struct raml_gguf *g = NULL;
    uint32_t from[COUNT(cases)];
    uint16_t to[COUNT(cases)];
    float x[3];
    for (size_t i = 0; i < COUNT(cases); i++) from[i] = cases[i].from;
    const struct raml_gguf_output out[] = {
        {{"a", RAML_F32, 1, {COUNT(cases)}, COUNT(cases), from}, RAML_GGML_BF16},
        {{"b", RAML_F16, 1, {3}, 3, f16}, RAML_GGML_F32},
    };
    must(raml_gguf_write(in(*state, "m.gguf", path), NULL, 0, out, 2, &e), &e);
    must(raml_gguf_open(path, &g, &e), &e);
    memcpy(to, raml_gguf_tensor_at(g, 0)->data, sizeof to);
    for (size_t i = 0; i < COUNT(cases); i++) assert_int_equal(to[i], cases[i].to);
    memcpy(x, raml_gguf_tensor_at(g, 1)->data, sizeof x);
    assert_true(x[0] == 1 && x[1] == 0x1p-24f && x[2] == -65504);
    raml_gguf_close(g);
}

/* Rows of magnitudes from 2^-40 to 2^22, zeros, the largest that fits. */
static void q8_0_within_half_a_step(void **state)
{
    enum { ROWS = 200, N = ROWS * 64 };
    static float x[N], got[N];
    char path[4200];
    struct raml_err e = {0};
    struct raml_gguf *g = NULL;
    struct raml_rng r = random_of(12);
    int64_t version = 0;
    for (int i = 0; i < N; i++) x[i] = (float)ldexp(2 * raml_rng_uniform(&r) - 1, i / 64 % 63 - 40);
    memset(x + 64 * 5, 0, 64 * sizeof *x);
    x[64 * 7] = 127.0f * 65504.0f;
    const struct raml_gguf_output out = {{"w", RAML_F32, 2, {ROWS, 64}, N, x}, RAML_GGML_Q8_0};
    must(raml_gguf_write(in(*state, "m.gguf", path), NULL, 0, &out, 1, &e), &e);
    must(raml_gguf_open(path, &g, &e), &e);
    must(raml_gguf_integer(g, "general.quantization_version", &version, &e), &e);
    assert_int_equal(version, 2);
    const struct raml_gguf_tensor *t = raml_gguf_tensor_find(g, "w");
    must(raml_gguf_to_f32(t, got, true, &e), &e);
    for (int i = 0; i < N; i++) {
        const unsigned char *p = (const unsigned char *)t->data + i / 32 * 34;
        double scale = half_value((unsigned)(p[0] | p[1] << 8)), most = 0;
        for (int k = i / 32 * 32; k < i / 32 * 32 + 32; k++) most = fmax(most, fabs((double)x[k]));
        if (!(fabs((double)got[i] - x[i]) <= 0.5 * scale * (1 + 1e-6))) fail_msg("element %d: %g %g", i, got[i], x[i]);
        double off = fmax(most / 127 * 0x1p-11 * (1 + 1e-6), 0x1p-24);
        if (!(fabs(scale - most / 127) <= off)) fail_msg("row %d: scale %g, largest %g", i / 64, scale, most);
    }
    raml_gguf_close(g);
}

static void writer_refuses(void **state)
{
    static const float x[64] = {1, [40] = INFINITY}, big[32] = {[3] = -8320000};
    static const struct {
        struct raml_gguf_output t[2];
        size_t n;
        enum raml_code code;
        const char *part;
    } cases[] = {
        {{{{"a", RAML_F32, 1, {1}, 1, x}, 0}, {{"a", RAML_F32, 1, {1}, 1, x}, 0}}, 2, RAML_EUSAGE, "two tensors 'a'"},
        {{{{"a", RAML_F32, 2, {2, 3}, 5, x}, 0}}, 1, RAML_ESHAPE, "'a' has 5 elements; its shape has 6"},
        {{{{"a", RAML_I32, 1, {1}, 1, x}, 0}}, 1, RAML_EUSAGE, "'a' has dtype I32"},
        {{{{"a", RAML_F32, 1, {1}, 1, x}, RAML_GGML_Q6_K}}, 1, RAML_EUSAGE, "type Q6_K is not written"},
        {{{{"a", RAML_F32, 5, {1, 1, 1, 1, 1}, 1, x}, 0}}, 1, RAML_EUSAGE, "'a' has 5 dimensions"},
        {{{{"", RAML_F32, 1, {1}, 1, x}, 0}}, 1, RAML_EUSAGE, "tensor name ''"},
        {{{{NULL, RAML_F32, 1, {1}, 1, x}, 0}}, 1, RAML_EUSAGE, "tensor name ''"},
        {{{{"a\n", RAML_F32, 1, {1}, 1, x}, 0}}, 1, RAML_EUSAGE, "no control characters"},
        {{{{"a", RAML_F32, 2, {SIZE_MAX, 2}, SIZE_MAX - 1, x}, 0}}, 1, RAML_ESHAPE, "too large"},
        {{{{"a", RAML_F32, 2, {2, 16}, 32, x}, RAML_GGML_Q8_0}}, 1, RAML_ESHAPE, "rows of 16 elements; Q8_0 needs"},
        {{{{"a", RAML_F32, 1, {64}, 64, x}, RAML_GGML_Q8_0}}, 1, RAML_ERANGE, "one of the elements 32 to 63"},
        {{{{"a", RAML_F32, 1, {32}, 32, big}, RAML_GGML_Q8_0}}, 1, RAML_ERANGE, "magnitude is above 8319008"},
    };
    static const struct {
        struct raml_gguf_entry m[2];
        size_t n;
        const char *part;
    } metas[] = {
        {{{"k", RAML_GGUF_F32, 0, 0, x}, {"k", RAML_GGUF_F32, 0, 0, x}}, 2, "two metadata keys 'k'"},
        {{{"general.alignment", RAML_GGUF_F32, 0, 0, x}}, 1, "general.alignment is not for the caller"},
        {{{"k", RAML_GGUF_ARRAY, RAML_GGUF_ARRAY, 1, x}}, 1, "type array, which is not written"},
        {{{"k", RAML_GGUF_N_TYPES, 0, 0, x}}, 1, "'k' has no data, or type unknown"},
        {{{"k", RAML_GGUF_F32, 0, 0, NULL}}, 1, "'k' has no data"},
        {{{"", RAML_GGUF_F32, 0, 0, x}}, 1, "metadata key ''"},
        {{{"\xc3\xa4", RAML_GGUF_F32, 0, 0, x}}, 1, "printable ASCII"},
    };
    char path[4200], tmp[4210];
    struct raml_err e = {0};
    in(*state, "m.gguf", path);
    snprintf(tmp, sizeof tmp, "%s.tmp", path);
    spill(path, "old", 3);
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(raml_gguf_write(path, NULL, 0, cases[i].t, cases[i].n, &e), cases[i].code);
        assert_true(has(e.msg, cases[i].part) && has(e.msg, "m.gguf"));
    }
    for (size_t i = 0; i < COUNT(metas); i++) {
        assert_int_equal(raml_gguf_write(path, metas[i].m, metas[i].n, NULL, 0, &e), RAML_EUSAGE);
        assert_true(has(e.msg, metas[i].part) && has(e.msg, "m.gguf"));
    }
    char *text = slurp(path, NULL);
    assert_string_equal(text, "old");
    free(text);
    assert_false(raml_is_file(tmp));
    assert_int_equal(raml_gguf_write("/nonexistent/m.gguf", NULL, 0, NULL, 0, &e), RAML_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_block_type),
        cmocka_unit_test(independent_rows),
        cmocka_unit_test(halves),
        cmocka_unit_test(other_types),
        cmocka_unit_test_setup_teardown(round_trip, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(narrower_and_wider, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(q8_0_within_half_a_step, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(writer_refuses, enter_scratch, leave_scratch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
