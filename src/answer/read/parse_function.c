/* parse_function.c - functions and their arguments, sums and limits, words (parse.h). */
#include "answer/read/parser.h"

#include "core/ascii.h"

#include <string.h>

enum { MAX_EXPANDED = 200, MAX_FACTORS = 16 };

/* The argument of \sin x, \ln 2x, \cos\frac{\pi}{3}: factors without signs between them, up to a function or bracket.
 */
static const struct expr *bare_argument(struct parser *p)
{
    const struct token *t = raml_parse_peek(p, 0);
    const struct expr *e;
    if (t->kind == T_MINUS) {
        p->i++;
        return raml_expr_1(p->pool, EXPR_NEG, bare_argument(p));
    }
    e = raml_parse_power(p);
    for (int n = 0; e && n < MAX_FACTORS && raml_parse_begins_factor(p); n++) {
        t = raml_parse_peek(p, 0);
        if (t->kind == T_FN || t->kind == T_BIG || t->kind == T_OPEN || t->kind == T_GROUP || t->kind == T_WORD) break;
        e = raml_expr_2(p->pool, EXPR_MUL, e, raml_parse_power(p));
    }
    return e;
}

static enum expr_fn inverse(enum expr_fn fn)
{
    switch (fn) {
    case FN_SIN: return FN_ASIN;
    case FN_COS: return FN_ACOS;
    case FN_TAN: return FN_ATAN;
    case FN_COT: return FN_ACOT;
    case FN_SEC: return FN_ASEC;
    case FN_CSC: return FN_ACSC;
    case FN_SINH: return FN_ASINH;
    case FN_COSH: return FN_ACOSH;
    case FN_TANH: return FN_ATANH;
    default: return fn;
    }
}

static bool takes_many(enum expr_fn fn)
{
    return fn == FN_GCD || fn == FN_LCM || fn == FN_MIN || fn == FN_MAX || fn == FN_ROOT || fn == FN_BINOMIAL ||
           fn == FN_LOG || fn == FN_LN;
}

static const struct expr *call(struct parser *p, enum expr_fn fn, const struct expr *inside)
{
    if (!inside) return NULL;
    bool many = inside->kind == EXPR_LIST || inside->kind == EXPR_TUPLE || inside->kind == EXPR_SET;
    if (!many) return raml_expr_call(p->pool, fn, inside, NULL);
    if (!takes_many(fn) || !inside->n) return raml_parse_stop(p, "a function of too many arguments");
    if ((fn == FN_LN || fn == FN_ROOT || fn == FN_BINOMIAL || fn == FN_LOG) && inside->n != 2)
        return raml_parse_stop(p, "a function of too many arguments");
    struct expr *e = raml_expr_new(p->pool, EXPR_CALL, inside->n);
    if (!e) return NULL;
    e->sub = fn == FN_LN ? FN_LOG : (uint8_t)fn; /* log(8, 2) */
    memcpy(e->arg, inside->arg, inside->n * sizeof *e->arg);
    return e;
}

/* \sin^2, \log_2^3: what stands between a function's name and its argument, in any order. False: it can't be read. */
static bool scripts(struct parser *p, const struct expr **power, const struct expr **base)
{
    for (int k = 0; k < 2; k++) {
        if (!*power && raml_parse_take(p, T_POWER)) {
            bool minus = raml_parse_take(p, T_MINUS);
            *power = raml_parse_argument(p, false);
            if (minus) *power = raml_expr_1(p->pool, EXPR_NEG, *power);
            if (!*power) return false;
        }
        if (!*base && raml_parse_take(p, T_SUB)) {
            *base = raml_parse_argument(p, raml_parse_peek(p, 0)->kind == T_WORD); /* \log_ab: the base is a */
            if (!*base) return false;
        }
    }
    return true;
}

const struct expr *raml_parse_function(struct parser *p)
{
    const struct token *t = &p->token[p->i++];
    const int t_fn = t->sub;
    const bool bare_log = t->n == 3;
    enum expr_fn fn = t->sub;
    const struct expr *power = NULL, *base = NULL, *e;
    if (!scripts(p, &power, &base)) return NULL;
    if (power && power->kind == EXPR_NEG && power->arg[0]->kind == EXPR_NUMBER && power->arg[0]->n_text == 1 &&
        power->arg[0]->text[0] == '1' && inverse(fn) != fn) {
        fn = inverse(fn);
        power = NULL;
    }
    t = raml_parse_peek(p, 0);
    if (t->kind == T_OPEN && t->sub != '|') {
        char open = (char)t->sub;
        p->i++;
        uint32_t outer = p->bars;
        p->bars = 0;
        e = raml_parse_list(p, false);
        p->bars = outer;
        if (e && !raml_parse_take_close(p, open == '(' ? ')' : open == '[' ? ']' : open == '{' ? '}' : open))
            return raml_parse_stop(p, "a bracket that is not closed");
    } else if (t->kind == T_GROUP) {
        e = raml_parse_group(p);
    } else {
        e = bare_argument(p);
    }
    if (t_fn >= EXPR_N_FNS) {
        e = raml_parse_written_function(p, t_fn, e);
    } else if (fn == FN_LOG) { /* \lg */
        e = e ? raml_expr_call(p->pool, FN_LOG, e, raml_expr_int(p->pool, 10)) : NULL;
    } else if (fn == FN_ROOT && t->kind != T_OPEN) {
        e = e ? raml_expr_call(p->pool, FN_ROOT, e, raml_expr_int(p->pool, 3)) : NULL;
    } else if (fn == FN_ROOT && e && e->kind != EXPR_LIST) { /* cbrt(x) */
        e = raml_expr_call(p->pool, FN_ROOT, e, raml_expr_int(p->pool, 3));
    } else if (fn == FN_LN && base) {
        e = e ? raml_expr_call(p->pool, FN_LOG, e, base) : NULL;
    } else {
        e = call(p, fn, e);
        if (e && fn == FN_LN && e->sub == FN_LN && bare_log) ((struct expr *)e)->rows = 1; /* the base is not said */
    }
    return power ? raml_expr_2(p->pool, EXPR_POW, e, power) : e;
}

/* ---- sums, products, limits ---- */

static bool small_int(const struct expr *e, long *out)
{
    bool minus = e->kind == EXPR_NEG;
    if (minus) e = e->arg[0];
    if (e->kind != EXPR_NUMBER || e->scale || e->n_text > 6) return false;
    *out = 0;
    for (uint32_t i = 0; i < e->n_text; i++) *out = *out * 10 + (e->text[i] - '0');
    if (minus) *out = -*out;
    return true;
}

/* A sum or product over few whole numbers, written out; NULL: not one of these. */
static const struct expr *written_out(struct parser *p, bool sum, const char *var, const struct expr *low,
                                      const struct expr *high, const struct expr *body)
{
    long a, b;
    if (!small_int(low, &a) || !small_int(high, &b) || b - a >= MAX_EXPANDED || b < a) return NULL;
    if (!raml_expr_fits(body, EXPR_MAX_NODES / (uint32_t)(b - a + 1))) return NULL;
    if (a == b) return raml_expr_replace(p->pool, body, var, low);
    struct expr *e = raml_expr_new(p->pool, sum ? EXPR_ADD : EXPR_MUL, (uint32_t)(b - a + 1));
    for (long k = a; e && k <= b; k++) {
        e->arg[k - a] = raml_expr_replace(p->pool, body, var, raml_expr_int(p->pool, k));
        if (!e->arg[k - a]) return NULL;
    }
    return e;
}

static const struct expr *opaque(struct parser *p, const char *name, size_t n, const struct expr *const *arg,
                                 uint32_t n_arg)
{
    struct expr *e = raml_expr_new(p->pool, EXPR_APPLY, n_arg);
    if (!e) return NULL;
    for (uint32_t i = 0; i < n_arg; i++) e->arg[i] = arg[i];
    e->text = name;
    e->n_text = (uint32_t)n;
    return e;
}

/* How many sums inside e have bound a name of their own (at most 9): an outer one needs another. */
static int nesting(const struct expr *e)
{
    int most = e->kind == EXPR_SYMBOL && e->text[0] == '_' ? e->text[2] - '0' + 1 : 0;
    for (uint32_t i = 0; i < e->n; i++) {
        int here = nesting(e->arg[i]);
        if (here > most) most = here;
    }
    return most < 9 ? most : 9;
}

/* Does a name in e have the letter var in its index, as a_k has k? Then its terms are not the same. */
static bool index_mentions(const struct expr *e, const char *var)
{
    const char *index = e->kind == EXPR_SYMBOL || e->kind == EXPR_APPLY ? strchr(e->text, '_') : NULL;
    if (index && index > e->text && strstr(index, var)) return true;
    for (uint32_t i = 0; i < e->n; i++)
        if (index_mentions(e->arg[i], var)) return true;
    return false;
}

const struct expr *raml_parse_big(struct parser *p)
{
    const struct token *t = &p->token[p->i++];
    const struct expr *low = NULL, *high = NULL, *arg[4];
    bool sum = !strcmp(t->text, "sum"), product = !strcmp(t->text, "prod");
    for (int k = 0; k < 2; k++) {
        if (!low && raml_parse_take(p, T_SUB)) {
            if (raml_parse_take(p, T_GROUP)) {
                low = raml_parse_list(p, false);
                if (low && !raml_parse_take(p, T_GROUP_END)) low = NULL;
            } else {
                low = raml_parse_argument(p, false);
            }
            if (!low) return raml_parse_stop(p, "a lower bound that can't be read");
        }
        if (!high && raml_parse_take(p, T_POWER)) {
            high = raml_parse_argument(p, false);
            if (!high) return NULL;
        }
    }
    const struct expr *body = sum || product || t->text[0] == 'l' ? raml_parse_term(p) : raml_parse_sum(p);
    if (!body) return NULL;
    uint32_t n = 0;
    bool bound = low && low->kind == EXPR_RELATION && low->n == 2 && low->text[0] == EXPR_EQ &&
                 (low->arg[0]->kind == EXPR_SYMBOL || low->arg[0]->kind == EXPR_I);
    if ((sum || product) && bound && high) {
        const char *var = low->arg[0]->kind == EXPR_I ? "i" : low->arg[0]->text;
        bool indexed = index_mentions(body, var);
        const struct expr *e = indexed ? NULL : written_out(p, sum, var, low->arg[1], high, body);
        if (e || p->pool->too_large) return e;
        arg[n++] = low->arg[1];
        arg[n++] = high;
        char name[4] = {'_', 'k', (char)('0' + nesting(body)), 0};
        arg[n++] = raml_expr_replace(p->pool, body, var, raml_expr_text(p->pool, EXPR_SYMBOL, name, 3));
        if (!arg[n - 1]) return NULL;
        return indexed ? opaque(p, "terms", 5, arg, n) : opaque(p, t->text, t->n, arg, n);
    }
    if (low && low->kind == EXPR_RELATION) { /* lim_{x -> 3}, sum_{d | n} ... */
        for (uint32_t i = 0; i < low->n && i < 2; i++) arg[n++] = low->arg[i];
    } else if (low) {
        arg[n++] = low;
    }
    if (high) arg[n++] = high;
    arg[n++] = body;
    return opaque(p, t->text, t->n, arg, n);
}

/* ---- words ---- */

static bool listed(const char *const *list, size_t n_list, const char *word, size_t n)
{
    for (size_t i = 0; i < n_list; i++)
        if (strlen(list[i]) == n && !memcmp(list[i], word, n)) return true;
    return false;
}

bool raml_parse_is_unit(const char *word, size_t n)
{
    static const char *const units[] = {
        "cm",  "mm",  "km",  "dm",  "nm",  "in",  "ft",  "yd",  "mi",  "kg",  "mg",  "lb",  "lbs", "oz",  "ml",
        "mL",  "hr",  "hrs", "sec", "min", "ms",  "mph", "kph", "am",  "pm",  "AM",  "PM",  "sq",  "cu",  "per",
        "Hz",  "kHz", "MHz", "eV",  "keV", "MeV", "GeV", "Pa",  "kPa", "kJ",  "kW",  "MW",  "mA",  "mV",  "kV",
        "nF",  "pF",  "mH",  "rad", "deg", "mol", "cal", "rpm", "gal", "day", "wk",  "yr",  "yrs", "USD", "EUR",
        "cts", "psi", "atm", "bar", "AU",  "pc",  "kpc", "Mpc", "K",   "erg", "lux", "pts", "ppm", "dB"};
    return listed(units, sizeof units / sizeof *units, word, n);
}

long raml_parse_number_word(const char *word, size_t n)
{
    static const char *const names[] = {"zero",     "one",      "two",      "three",   "four",    "five",
                                        "six",      "seven",    "eight",    "nine",    "ten",     "eleven",
                                        "twelve",   "thirteen", "fourteen", "fifteen", "sixteen", "seventeen",
                                        "eighteen", "nineteen", "twenty"};
    char small[12];
    if (n >= sizeof small) return -1;
    for (size_t i = 0; i < n; i++) small[i] = to_lower(word[i]);
    for (size_t k = 0; k < sizeof names / sizeof *names; k++)
        if (strlen(names[k]) == n && !memcmp(names[k], small, n)) return (long)k;
    return -1;
}
