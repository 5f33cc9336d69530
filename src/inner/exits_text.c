/* exits_text.c - a policy of early exit as a line of text, and back: see exits.h. */
#include "inner/exits.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum setting_type { OF_SIZE, OF_REAL, OF_FLAG, OF_MEAN };
enum { MAX_NAME = 24, MAX_VALUE = 40, DIGITS_MOST = 17 };

/* Kinds as bits. */
#define BIT(kind) (1U << RAML_EXIT_##kind)
#define ASKING                                                                                                         \
    (BIT(STABILITY) | BIT(CONFIDENCE) | BIT(DYNASOR) | BIT(CODE_STOP) | BIT(EAT) | BIT(LOSS) | BIT(FIRST_RIGHT))

static const struct setting {
    const char *name;
    size_t at;
    enum setting_type type;
    unsigned kinds;
} settings[] = {
#define AT(field) offsetof(struct raml_exit_policy, field)
    {"budget", AT(budget), OF_SIZE, BIT(BUDGET)},
    {"stride", AT(stride), OF_SIZE, ASKING},
    {"most", AT(most), OF_SIZE, ASKING},
    {"repeats", AT(repeats), OF_SIZE, BIT(STABILITY) | BIT(DYNASOR)},
    {"bound", AT(bound), OF_REAL, BIT(STABILITY) | BIT(CONFIDENCE) | BIT(LOSS)},
    {"mean", AT(mean), OF_MEAN, BIT(CONFIDENCE)},
    {"whole_words", AT(whole_words), OF_FLAG, BIT(DYNASOR)},
    {"low", AT(low), OF_REAL, BIT(CODE_STOP)},
    {"high", AT(high), OF_REAL, BIT(CODE_STOP)},
    {"ramp", AT(ramp), OF_REAL, BIT(CODE_STOP)},
    {"fall", AT(fall), OF_REAL, BIT(CODE_STOP)},
    {"tau", AT(tau), OF_REAL, BIT(CODE_STOP)},
    {"alpha", AT(alpha), OF_REAL, BIT(EAT)},
    {"delta", AT(delta), OF_REAL, BIT(EAT)},
    {"warm", AT(warm), OF_SIZE, BIT(EAT)},
    {"released", AT(released), OF_FLAG, BIT(CONFIDENCE) | BIT(DYNASOR) | BIT(CODE_STOP) | BIT(EAT)},
#undef AT
};
enum { N_SETTINGS = sizeof settings / sizeof *settings };
static const char *const mean_name[] = {"geometric", "arithmetic", "min"};

/* -- Writing ------------------------------------------------------------------------------------------------------- */

/* The fewest digits that give x back. */
static void real_text(double x, char out[MAX_VALUE])
{
    for (int digits = 1; digits <= DIGITS_MOST; digits++) {
        snprintf(out, MAX_VALUE, "%.*g", digits, x);
        if (strtod(out, NULL) == x) return;
    }
}

static void value_text(const struct raml_exit_policy *p, const struct setting *s, char out[MAX_VALUE])
{
    const char *at = (const char *)p + s->at;
    size_t n = 0;
    double x = 0;
    bool flag = false;
    enum raml_exit_mean mean = RAML_EXIT_GEOMETRIC;
    switch (s->type) {
    case OF_SIZE:
        memcpy(&n, at, sizeof n);
        snprintf(out, MAX_VALUE, "%zu", n);
        break;
    case OF_REAL:
        memcpy(&x, at, sizeof x);
        real_text(x, out);
        break;
    case OF_FLAG:
        memcpy(&flag, at, sizeof flag);
        snprintf(out, MAX_VALUE, "%d", flag);
        break;
    case OF_MEAN:
        memcpy(&mean, at, sizeof mean);
        snprintf(out, MAX_VALUE, "%s", mean_name[mean]);
        break;
    }
}

void raml_exit_policy_text(const struct raml_exit_policy *p, char out[RAML_EXIT_TEXT])
{
    char value[MAX_VALUE];
    size_t n = (size_t)snprintf(out, RAML_EXIT_TEXT, "%s", raml_exit_kind_name(p->kind));
    const char *before = ":";
    for (size_t i = 0; i < N_SETTINGS; i++) {
        if (!(settings[i].kinds & (1U << p->kind))) continue;
        value_text(p, &settings[i], value);
        if (n < RAML_EXIT_TEXT)
            n += (size_t)snprintf(out + n, RAML_EXIT_TEXT - n, "%s%s=%s", before, settings[i].name, value);
        before = ",";
    }
}

/* -- Reading ------------------------------------------------------------------------------------------------------- */

static bool read_size(const char *text, size_t *n)
{
    if (!*text || strspn(text, "0123456789") != strlen(text) || strlen(text) > 9) return false;
    *n = (size_t)strtoul(text, NULL, 10);
    return true;
}

static bool read_real(const char *text, double *x)
{
    char *end;
    *x = strtod(text, &end);
    return end != text && !*end && isfinite(*x);
}

static bool read_mean(const char *text, enum raml_exit_mean *mean)
{
    for (int i = RAML_EXIT_GEOMETRIC; i <= RAML_EXIT_MIN; i++) {
        if (strcmp(text, mean_name[i]) != 0) continue;
        *mean = (enum raml_exit_mean)i;
        return true;
    }
    return false;
}

static bool read_value(const struct setting *s, const char *text, struct raml_exit_policy *p)
{
    char *at = (char *)p + s->at;
    size_t n;
    double x;
    bool flag;
    enum raml_exit_mean mean;
    switch (s->type) {
    case OF_SIZE:
        if (!read_size(text, &n)) return false;
        memcpy(at, &n, sizeof n);
        return true;
    case OF_REAL:
        if (!read_real(text, &x)) return false;
        memcpy(at, &x, sizeof x);
        return true;
    case OF_FLAG:
        flag = !strcmp(text, "1");
        memcpy(at, &flag, sizeof flag);
        return flag || !strcmp(text, "0");
    case OF_MEAN:
        if (!read_mean(text, &mean)) return false;
        memcpy(at, &mean, sizeof mean);
        return true;
    }
    return false;
}

/* seen: the settings that were read before, as bits. */
static enum raml_code read_setting(const char *text, struct raml_exit_policy *p, unsigned *seen, struct raml_err *err)
{
    const char *equals = strchr(text, '='), *kind = raml_exit_kind_name(p->kind);
    if (!equals)
        return raml_fail(err, RAML_EUSAGE, "policy %s: '%.40s'; expected NAME=VALUE, joined by commas", kind, text);
    for (size_t i = 0; i < N_SETTINGS; i++) {
        const struct setting *s = &settings[i];
        if (strlen(s->name) != (size_t)(equals - text) || strncmp(s->name, text, strlen(s->name)) != 0 ||
            !(s->kinds & (1U << p->kind)))
            continue;
        if (*seen & 1U << i) return raml_fail(err, RAML_EUSAGE, "policy %s: %s is set twice", kind, s->name);
        *seen |= 1U << i;
        if (read_value(s, equals + 1, p)) return RAML_OK;
        return raml_fail(err, RAML_EUSAGE, "policy %s: %s is '%.40s'; expected %s", kind, s->name, equals + 1,
                         s->type == OF_SIZE   ? "a whole number"
                         : s->type == OF_REAL ? "a number"
                         : s->type == OF_FLAG ? "0 or 1"
                                              : "geometric, arithmetic or min");
    }
    char known[200] = "";
    for (size_t i = 0, n = 0; i < N_SETTINGS && n < sizeof known; i++)
        if (settings[i].kinds & (1U << p->kind))
            n += (size_t)snprintf(known + n, sizeof known - n, "%s%s", n ? ", " : "", settings[i].name);
    return raml_fail(err, RAML_EUSAGE, "policy %s has no setting '%.*s'; it has: %s", kind, (int)(equals - text), text,
                     *known ? known : "none");
}

static enum raml_code read_kind(const char *text, size_t n, enum raml_exit_kind *kind, struct raml_err *err)
{
    for (int k = 0; k < RAML_EXIT_KINDS; k++) {
        const char *name = raml_exit_kind_name((enum raml_exit_kind)k);
        if (strlen(name) != n || strncmp(name, text, n) != 0) continue;
        *kind = (enum raml_exit_kind)k;
        return RAML_OK;
    }
    return raml_fail(err, RAML_EUSAGE,
                     "no policy '%.*s'; expected full, budget, stability, confidence, dynasor, code_stop, eat, loss or "
                     "first_right, with settings as in stability:stride=64,repeats=3",
                     n < 60 ? (int)n : 60, text);
}

enum raml_code raml_exit_policy_read(const char *text, struct raml_exit_policy *out, struct raml_err *err)
{
    char one[MAX_NAME + MAX_VALUE];
    size_t n = strcspn(text, ":");
    enum raml_exit_kind kind = RAML_EXIT_FULL;
    enum raml_code rc = read_kind(text, n, &kind, err);
    if (rc) return rc;
    struct raml_exit_policy p = raml_exit_policy_default(kind);
    unsigned seen = 0;
    for (const char *at = text + n; !rc && *at;) {
        size_t length = strcspn(++at, ",");
        snprintf(one, sizeof one, "%.*s", length < sizeof one ? (int)length : (int)sizeof one - 1, at);
        rc = length < sizeof one ? read_setting(one, &p, &seen, err)
                                 : raml_fail(err, RAML_EUSAGE, "policy: '%.40s...' is too long", one);
        at += length;
    }
    if (!rc) rc = raml_exit_policy_check(&p, err);
    if (!rc) *out = p;
    return rc;
}
