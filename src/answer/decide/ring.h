/* ring.h - private: quotients of polynomials in generators that have meanings and relations (see normal.h).
 *
 * A ring belongs to one decision. Generators are identified by their meaning: two with the same kind, name and
 * arguments are one. Arguments are quotients in older generators, so the relations form a triangle:
 *     gen^degree = power         used from the newest to the oldest; the variables are the oldest
 *     x = gen^L                  where a root of a variable is taken, it replaces the variable
 * Every function that returns bool fails (false) when a limit is reached, work is spent, or a divisor is 0; its output
 * is then in any state that can be cleared.
 */
#ifndef RAML_ANSWER_RING_H
#define RAML_ANSWER_RING_H

#include "answer/expr.h"
#include "answer/decide/flint.h"
#include "answer/work.h"

enum { RING_MAX_GENS = 48 };

struct ratio {
    fmpz_mpoly_t num, den;
};

enum gen_kind {
    GEN_VARIABLE, /* text */
    GEN_PI,
    GEN_I,     /* i^2 = -1 */
    GEN_ROOT,  /* the L-th root of arg[0], a polynomial; positive */
    GEN_ABS,   /* |arg[0]|, a polynomial */
    GEN_LN,    /* ln arg[0], a polynomial or a prime */
    GEN_EXP,   /* exp(arg[0] / D) */
    GEN_COS,   /* cos(arg[0] / D) */
    GEN_SIN,   /* sin(arg[0] / D); sin^2 = 1 - cos^2 */
    GEN_CALL,  /* sub: enum expr_fn */
    GEN_POWER, /* arg[0]^(sub/text): a root that could not be factored */
    GEN_APPLY  /* text */
};

struct gen {
    enum gen_kind kind;
    int sub;
    const char *text;
    uint32_t n_text, n_args;
    struct ratio *arg;
    slong degree;       /* 0: no relation */
    fmpz_mpoly_t power; /* of a relation */
    slong gives_way;    /* of a variable: the index of its root; else 0, which is never a root's index */
    bool valued;        /* a real constant */
    arb_t value;
};

struct ring {
    fmpz_mpoly_ctx_t ctx;
    struct gen gen[RING_MAX_GENS];
    slong n_gens, max_gens;
    slong n_plain; /* variables among them */
    slong L, D;    /* D is a multiple of L */
    struct work *w;
    bool positive; /* variables are assumed to be positive */
    bool assumed;  /* something that need not be positive was assumed to be */
    bool trig, roots, quotients;
    slong i; /* the index of GEN_I; -1: none yet */
};

void raml_ring_init(struct ring *r, slong max_gens, slong L, slong D, struct work *w);
void raml_ring_clear(struct ring *r);

/* The index of the generator with this meaning; -1: the limit is reached. arg[0..n) are copied. */
slong raml_ring_gen(struct ring *r, enum gen_kind kind, int sub, const char *text, uint32_t n_text,
                    const struct ratio *arg, uint32_t n);
/* gen^e as a quotient. */
bool raml_ring_gen_power(struct ring *r, slong gen, slong e, struct ratio *out);
bool raml_ring_imaginary_unit(struct ring *r, struct ratio *out);
bool raml_ring_pi(struct ring *r, struct ratio *out);

/* Polynomials. */
bool raml_ring_mul(struct ring *r, fmpz_mpoly_t out, const fmpz_mpoly_t a, const fmpz_mpoly_t b);
bool raml_ring_reduce(struct ring *r, fmpz_mpoly_t a);
/* +1, -1: certainly of this sign; 2: positive for positive variables; 0: unknown. */
int raml_ring_sign(struct ring *r, const fmpz_mpoly_t a);
/* The index of the generator that a is; -1: it is not a single one. */
slong raml_ring_is_gen(const struct ring *r, const fmpz_mpoly_t a);
bool raml_ring_has_i(const struct ring *r, const struct ratio *a);

/* Quotients. out may be an argument. */
void raml_ratio_init(struct ring *r, struct ratio *a);
void raml_ratio_clear(struct ring *r, struct ratio *a);
void raml_ratio_set(struct ring *r, struct ratio *out, const struct ratio *a);
void raml_ratio_set_si(struct ring *r, struct ratio *out, slong v);
void raml_ratio_set_fmpq(struct ring *r, struct ratio *out, const fmpq_t v);
bool raml_ratio_get_fmpq(struct ring *r, const struct ratio *a, fmpq_t out); /* false: not a number */
void raml_ratio_neg(struct ring *r, struct ratio *a);
bool raml_ratio_add(struct ring *r, struct ratio *out, const struct ratio *a, const struct ratio *b);
bool raml_ratio_sub(struct ring *r, struct ratio *out, const struct ratio *a, const struct ratio *b);
bool raml_ratio_mul(struct ring *r, struct ratio *out, const struct ratio *a, const struct ratio *b);
bool raml_ratio_mul_fmpq(struct ring *r, struct ratio *a, const fmpq_t v);
bool raml_ratio_div(struct ring *r, struct ratio *out, const struct ratio *a, const struct ratio *b);
bool raml_ratio_pow(struct ring *r, struct ratio *out, const struct ratio *a, slong e);
bool raml_ratio_equal(struct ring *r, const struct ratio *a, const struct ratio *b);
/* Applies relations, and cancels common factors where that is cheap. */
bool raml_ratio_tidy(struct ring *r, struct ratio *a);

#endif
