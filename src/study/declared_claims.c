/* declared_claims.c - what a study measures and claims. See study.h, declared.h.
 *
 *     measures:
 *       longer: {step: eval, file: eval.json, at: "rows[split=longer].accuracy.value", unit: share}
 *     claims:
 *       7: {says: "...", of: with.longer - without.longer, holds: above 0.05}
 *       12: {says: "...", of: "{size}/with.longer - {size}/without.longer", over: size, x: parameters, log: x, holds: above 0}
 */
#include "study/declared.h"

#include "core/nearest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_WORD = 256 };

/* -- Fields --------------------------------------------------------------------------------------------------------- */

/* A field that is text; NULL where it is missing and need not be there. */
static enum raml_code text_field(const struct raml_study *s, const struct raml_yaml *map, const char *field,
                                 bool needed, const char **out, struct raml_err *err)
{
    const struct raml_yaml *y = raml_yaml_find(map, field);
    *out = y ? y->text : NULL;
    if (!y && needed) return raml_study_fail(s, map, err, "%s: %s is missing", map->key, field);
    if (y && (!y->text || !*y->text))
        return raml_study_fail(s, y, err, "%s: found %s, expected text", field,
                               y->text ? "nothing" : raml_yaml_kind_name(y));
    return RAML_OK;
}

/* -- Measures ------------------------------------------------------------------------------------------------------- */

static bool is_point(const struct raml_study *s, const char *name)
{
    for (size_t a = 0; a < s->n_axes; a++)
        for (size_t k = 0; k < s->axis[a].n; k++)
            if (!strcmp(s->axis[a].point[k]->key, name)) return true;
    return false;
}

static enum raml_code measured_arms(const struct raml_study *s, const struct raml_yaml *y, struct study_measure *m,
                                    struct raml_err *err)
{
    m->arms = raml_yaml_find(y, "arms");
    if (m->arms && (m->arms->kind != RAML_YAML_LIST || !m->arms->n))
        return raml_study_fail(s, m->arms, err, "arms: expected a list of arms' names");
    for (const struct raml_yaml *e = m->arms ? m->arms->child : NULL; e; e = e->next)
        if (!e->text || !is_point(s, e->text))
            return raml_study_fail(s, e, err, "arms: there is no arm '%s'", e->text ? e->text : "");
    return RAML_OK;
}

static enum raml_code check_path(const struct raml_study *s, const struct raml_yaml *y, const char *field,
                                 const char *path, struct raml_err *err)
{
    enum raml_code rc = path ? raml_study_path_check(path, err) : RAML_OK;
    return rc ? raml_wrap(err, rc, "%s:%zu: %s", s->path, raml_yaml_find(y, field)->line, field) : rc;
}

static enum raml_code read_measure(const struct raml_study *s, const struct raml_yaml *y, struct study_measure *m,
                                   struct raml_err *err)
{
    static const char *const known[] = {"step", "file", "at", "low", "high", "unit", "arms"};
    const char *step = NULL, *unit = NULL, *steps[STUDY_MAX_STEPS];
    m->at = y;
    enum raml_code rc = raml_study_check_fields(s, y, known, sizeof known / sizeof *known, err);
    if (!rc) rc = text_field(s, y, "step", true, &step, err);
    if (!rc) rc = text_field(s, y, "file", true, &m->file, err);
    if (!rc) rc = text_field(s, y, "at", true, &m->path, err);
    if (!rc) rc = text_field(s, y, "low", false, &m->low, err);
    if (!rc) rc = text_field(s, y, "high", false, &m->high, err);
    if (!rc) rc = text_field(s, y, "unit", false, &unit, err);
    if (!rc) rc = check_path(s, y, "at", m->path, err);
    if (!rc) rc = check_path(s, y, "low", m->low, err);
    if (!rc) rc = check_path(s, y, "high", m->high, err);
    if (!rc && !m->low != !m->high) rc = raml_study_fail(s, y, err, "%s: low and high go together", y->key);
    if (!rc && m->low && strchr(m->file, '*'))
        rc = raml_study_fail(s, y, err, "%s: low and high are of one file, not of a mean over '%s'", y->key, m->file);
    if (rc) return rc;
    m->unit = unit ? unit : "";
    for (size_t i = 0; i < s->n_steps; i++) steps[i] = s->step[i].at->key;
    for (m->step = 0; m->step < s->n_steps && strcmp(steps[m->step], step); m->step++) continue;
    if (m->step == s->n_steps)
        return raml_wrap(err, raml_fail_unknown(err, "step", step, steps, s->n_steps), "%s:%zu", s->path, y->line);
    return measured_arms(s, y, m, err);
}

enum raml_code raml_study_read_measures(struct raml_study *s, struct raml_err *err)
{
    const struct raml_yaml *map = raml_yaml_find(s->root, "measures");
    if (!map || map->kind != RAML_YAML_MAP || !map->n)
        return raml_study_fail(s, map ? map : s->root, err, "measures: expected a mapping of at least one measure");
    s->measure = raml_arena_alloc(s->arena, map->n, sizeof *s->measure);
    if (!s->measure) return raml_fail(err, RAML_ENOMEM, "%s: no memory for its measures", s->path);
    for (const struct raml_yaml *y = map->child; y; y = y->next) {
        if (strpbrk(y->key, "./{} "))
            return raml_study_fail(s, y, err, "%s: expected a name without . / { } and spaces", y->key);
        enum raml_code rc = read_measure(s, y, &s->measure[s->n_measures++], err);
        if (rc) return rc;
    }
    return RAML_OK;
}

bool raml_study_measured(const struct raml_study *s, const struct study_measure *m, const struct study_arm *arm)
{
    if (!m->arms) return true;
    for (const struct raml_yaml *e = m->arms->child; e; e = e->next)
        for (size_t a = 0; a < s->n_axes; a++)
            if (!strcmp(s->axis[a].point[arm->point[a]]->key, e->text)) return true;
    return false;
}

/* -- Claims --------------------------------------------------------------------------------------------------------- */

const struct study_arm *raml_study_arm(const struct raml_study *s, const char *pattern, int over, size_t point)
{
    char name[1024];
    size_t n = 0;
    for (const char *c = pattern; *c && n + 1 < sizeof name;) {
        if (*c != '{') {
            name[n++] = *c++;
            continue;
        }
        size_t len = strcspn(c + 1, "}");
        if (over < 0 || strlen(s->axis[over].name) != len || memcmp(c + 1, s->axis[over].name, len) || !c[1 + len])
            return NULL;
        const char *key = s->axis[over].point[point]->key;
        for (size_t i = 0; key[i] && n + 1 < sizeof name; i++) name[n++] = key[i];
        c += len + 2;
    }
    name[n] = 0;
    for (size_t i = 0; i < s->n_arms; i++)
        if (!strcmp(s->arm[i].name, name)) return &s->arm[i];
    return NULL;
}

/* "micro/with.longer" */
static enum raml_code read_reference(const struct raml_study *s, struct study_claim *c, const char *word,
                                     struct study_term *t, struct raml_err *err)
{
    const char *dot = strrchr(word, '.');
    if (!dot || dot == word) return raml_study_fail(s, c->at, err, "of: found '%s', expected ARM.MEASURE", word);
    t->arm = raml_arena_text(s->arena, word, (size_t)(dot - word));
    if (!t->arm) return raml_fail(err, RAML_ENOMEM, "%s: no memory for its claims", s->path);
    for (t->measure = 0; t->measure < s->n_measures; t->measure++)
        if (!strcmp(s->measure[t->measure].at->key, dot + 1)) break;
    if (t->measure == s->n_measures) return raml_study_fail(s, c->at, err, "of: there is no measure '%s'", dot + 1);
    for (size_t k = 0; k < (c->over < 0 ? 1 : s->axis[c->over].n); k++) {
        const struct study_arm *arm = raml_study_arm(s, t->arm, c->over, k);
        if (!arm)
            return raml_study_fail(s, c->at, err, "of: there is no arm '%s'%s", t->arm,
                                   c->over < 0 ? "" : " for every point that the claim is over");
        if (!raml_study_measured(s, &s->measure[t->measure], arm))
            return raml_study_fail(s, c->at, err, "of: %s is not measured for the arm %s", dot + 1, arm->name);
    }
    return RAML_OK;
}

bool raml_study_goes_over(const struct raml_study *s, const struct study_claim *c, const struct study_term *t)
{
    const char *axis = s->axis[c->over].name;
    size_t n = strlen(axis);
    for (const char *at = strchr(t->arm, '{'); at; at = strchr(at + 1, '{'))
        if (!strncmp(at + 1, axis, n) && at[n + 1] == '}') return true;
    return false;
}

/* A slope is of something that changes along its axis. */
static enum raml_code check_over(const struct raml_study *s, const struct study_claim *c, struct raml_err *err)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->over < 0 || raml_study_goes_over(s, c, &c->term[i])) return RAML_OK;
    return raml_study_fail(s, c->at, err, "of: no arm of '%s' has {%s}, which the claim is over", c->of,
                           s->axis[c->over].name);
}

/* "a.x - 0.5 * b.y + c.z", its words apart. */
static enum raml_code read_sum(const struct raml_study *s, struct study_claim *c, struct raml_err *err)
{
    double factor = 1;
    bool wants_term = true, has_factor = false;
    for (const char *at = c->of + strspn(c->of, " \n"); *at; at += strspn(at, " \n")) {
        char word[MAX_WORD], *end = NULL;
        size_t n = strcspn(at, " \n");
        if (n >= sizeof word) return raml_study_fail(s, c->at, err, "of: a word of more than %d bytes", MAX_WORD - 1);
        memcpy(word, at, n);
        word[n] = 0;
        at += n;
        bool sign = !strcmp(word, "+") || !strcmp(word, "-");
        if (sign && (!wants_term || (c->n == 0 && !has_factor))) {
            factor = *word == '-' ? -1 : 1;
            wants_term = true;
            continue;
        }
        if (!wants_term || sign)
            return raml_study_fail(s, c->at, err, "of: found '%s', expected %s", word, sign ? "ARM.MEASURE" : "+ or -");
        double number = strtod(word, &end);
        if (!*end && end != word && !has_factor && isfinite(number)) {
            at += strspn(at, " \n");
            if (*at != '*' || !strchr(" \n", at[1]))
                return raml_study_fail(s, c->at, err, "of: expected * after the number %s", word);
            at++;
            factor *= number;
            has_factor = true;
            continue;
        }
        if (c->n == STUDY_MAX_TERMS) return raml_study_fail(s, c->at, err, "of: more than %d terms", STUDY_MAX_TERMS);
        struct study_term *t = &c->term[c->n++];
        enum raml_code rc = read_reference(s, c, word, t, err);
        if (rc) return rc;
        t->factor = factor;
        factor = 1;
        wants_term = has_factor = false;
    }
    if (wants_term) return raml_study_fail(s, c->at, err, "of: ends where ARM.MEASURE is expected");
    return RAML_OK;
}

static enum raml_code read_rule(const struct raml_study *s, struct study_claim *c, const char *holds,
                                struct raml_err *err)
{
    static const char *const word[] = {"above ", "below ", "within "};
    for (size_t i = 0; i < 3; i++) {
        size_t n = strlen(word[i]);
        char *end = NULL;
        if (strncmp(holds, word[i], n)) continue;
        c->rule = (enum study_rule)i;
        c->by = strtod(holds + n, &end);
        if (end == holds + n || *end || !isfinite(c->by) || (c->rule == STUDY_WITHIN && !(c->by > 0))) break;
        return RAML_OK;
    }
    return raml_study_fail(s, c->at, err, "holds: found '%.60s', expected above X, below X or within X", holds);
}

static enum raml_code read_over(const struct raml_study *s, struct study_claim *c, const char *over, const char *log,
                                struct raml_err *err)
{
    c->over = -1;
    for (size_t a = 0; a < s->n_axes && over; a++)
        if (!strcmp(s->axis[a].name, over)) c->over = (int)a;
    if (over && c->over < 0) return raml_study_fail(s, c->at, err, "over: there is no axis '%s'", over);
    if (over && !c->x) return raml_study_fail(s, c->at, err, "over needs x: the value that the slope is against");
    if (!over && (c->x || log)) return raml_study_fail(s, c->at, err, "x and log belong to a slope; over is missing");
    if (over && s->axis[c->over].n < 2)
        return raml_study_fail(s, c->at, err, "over: %s has one point; a slope needs two", over);
    c->log_x = log && strchr(log, 'x');
    c->log_y = log && strchr(log, 'y');
    if (log && strcmp(log, "x") && strcmp(log, "y") && strcmp(log, "xy"))
        return raml_study_fail(s, c->at, err, "log: found '%s', expected x, y or xy", log);
    return RAML_OK;
}

static enum raml_code read_interval(const struct raml_study *s, struct study_claim *c, const char *interval,
                                    struct raml_err *err)
{
    c->from_file = interval && !strcmp(interval, "file");
    if (interval && !c->from_file && strcmp(interval, "seeds"))
        return raml_study_fail(s, c->at, err, "interval: found '%s', expected seeds or file", interval);
    if (!c->from_file) return RAML_OK;
    if (c->n != 1 || c->over >= 0 || c->term[0].factor < 1 || c->term[0].factor > 1)
        return raml_study_fail(s, c->at, err, "interval: file is for a claim of one measure, as it is");
    if (!s->measure[c->term[0].measure].low)
        return raml_study_fail(s, c->at, err, "interval: file, but the measure %s has no low and high",
                               s->measure[c->term[0].measure].at->key);
    return RAML_OK;
}

/* Two arms' standard deviations over seeds. */
static enum raml_code read_compare(const struct raml_study *s, struct study_claim *c, const char *compare,
                                   struct raml_err *err)
{
    c->spread = compare && !strcmp(compare, "spread");
    if (compare && !c->spread && strcmp(compare, "mean"))
        return raml_study_fail(s, c->at, err, "compare: found '%s', expected mean or spread", compare);
    if (!c->spread) return RAML_OK;
    bool difference = c->n == 2 && fabs(c->term[0].factor - 1) <= 0 && fabs(c->term[1].factor + 1) <= 0;
    bool same = difference && c->term[0].measure == c->term[1].measure && !strcmp(c->term[0].arm, c->term[1].arm);
    if (!difference || same || c->over >= 0 || c->from_file)
        return raml_study_fail(s, c->at, err, "compare: spread is for a claim of two measures, 'A.x - B.y'");
    return RAML_OK;
}

static enum raml_code read_claim(const struct raml_study *s, const struct raml_yaml *y, struct study_claim *c,
                                 struct raml_err *err)
{
    static const char *const known[] = {"says", "of", "holds", "over", "x", "log", "interval", "compare", "unit"};
    const char *holds = NULL, *over = NULL, *log = NULL, *interval = NULL, *compare = NULL, *unit = NULL;
    c->at = y;
    c->id = y->key;
    enum raml_code rc = raml_study_check_fields(s, y, known, sizeof known / sizeof *known, err);
    if (!rc) rc = text_field(s, y, "says", true, &c->says, err);
    if (!rc) rc = text_field(s, y, "of", true, &c->of, err);
    if (!rc) rc = text_field(s, y, "holds", true, &holds, err);
    if (!rc) rc = text_field(s, y, "over", false, &over, err);
    if (!rc) rc = text_field(s, y, "x", false, &c->x, err);
    if (!rc) rc = text_field(s, y, "log", false, &log, err);
    if (!rc) rc = text_field(s, y, "interval", false, &interval, err);
    if (!rc) rc = text_field(s, y, "compare", false, &compare, err);
    if (!rc) rc = text_field(s, y, "unit", false, &unit, err);
    if (!rc) rc = read_over(s, c, over, log, err);
    if (!rc) rc = read_sum(s, c, err);
    if (!rc) rc = check_over(s, c, err);
    if (!rc) rc = read_rule(s, c, holds, err);
    if (!rc) rc = read_interval(s, c, interval, err);
    if (!rc) rc = read_compare(s, c, compare, err);
    c->unit = unit ? unit : rc || over ? "" : c->spread ? "log ratio" : s->measure[c->term[0].measure].unit;
    return rc;
}

enum raml_code raml_study_read_claims(struct raml_study *s, struct raml_err *err)
{
    const struct raml_yaml *map = raml_yaml_find(s->root, "claims");
    if (!map || map->kind != RAML_YAML_MAP || !map->n)
        return raml_study_fail(s, map ? map : s->root, err, "claims: expected a mapping of at least one claim");
    s->claim = raml_arena_alloc(s->arena, map->n, sizeof *s->claim);
    if (!s->claim) return raml_fail(err, RAML_ENOMEM, "%s: no memory for its claims", s->path);
    enum raml_code rc = RAML_OK;
    for (const struct raml_yaml *y = map->child; y && !rc; y = y->next)
        rc = read_claim(s, y, &s->claim[s->n_claims++], err);
    return rc;
}
