/* declared_compare.c - the results of two runs of a study beside each other. See study.h. */
#include "study/declared.h"

#include "core/file.h"
#include "core/json.h"
#include "core/path.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_RESULTS = 64 << 20, LABEL = 100, CELL = 80 };

struct half { /* one of the two */
    json_t *doc;
    struct raml_place at;
    char path[RAML_PATH_BYTES];
};

struct side { /* a claim's in one of them */
    enum raml_study_verdict verdict;
    double estimate, low, high;
};

static const char *text_of(const json_t *o, const char *key)
{
    const char *t = json_string_value(json_object_get(o, key));
    return t ? t : "";
}

static double number_of(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

/* -- Reading -------------------------------------------------------------------------------------------------------- */

static enum raml_code open_half(struct half *h, const char *folder, struct raml_err *err)
{
    json_t *list;
    enum raml_code rc = raml_path_join(h->path, folder, "results.json", err);
    if (!rc) rc = raml_json_load(h->path, MAX_RESULTS, &h->doc, err);
    if (rc) return rc;
    h->at = (struct raml_place){h->path, 0};
    if (!json_is_object(h->doc) || !json_is_object(json_object_get(h->doc, "study")))
        return raml_fail(err, RAML_EFORMAT, "%s: expected results of raml study run, with the fields study and claims",
                         h->path);
    return raml_json_array(&h->at, h->doc, "claims", &list, err);
}

/* Whose seeds a part's are: its own study, else the whole. */
static const json_t *study_of(const struct half *h, const char *part)
{
    const json_t *parts = json_object_get(h->doc, "parts");
    for (size_t i = 0; i < json_array_size(parts); i++)
        if (!strcmp(text_of(json_array_get(parts, i), "part"), part))
            return json_object_get(json_array_get(parts, i), "study");
    return json_object_get(h->doc, "study");
}

/* The other's claim of this one's part and id; NULL: it has none. */
static const json_t *find(const struct half *h, const json_t *claim)
{
    const json_t *claims = json_object_get(h->doc, "claims");
    for (size_t i = 0; i < json_array_size(claims); i++) {
        const json_t *c = json_array_get(claims, i);
        if (!strcmp(text_of(c, "id"), text_of(claim, "id")) && !strcmp(text_of(c, "part"), text_of(claim, "part")))
            return c;
    }
    return NULL;
}

/* Whether the two were declared alike: their formula, the rule, its bound. */
static bool alike(const json_t *a, const json_t *b)
{
    static const char *const key[] = {"of", "slope_against", "compare", "rule", "by", "interval", "unit"};
    for (size_t i = 0; i < sizeof key / sizeof *key; i++) {
        const json_t *x = json_object_get(a, key[i]), *y = json_object_get(b, key[i]);
        if (x != y && !json_equal(x, y)) return false;
    }
    return true;
}

static enum raml_code read_side(const struct half *h, const json_t *claim, struct side *out, struct raml_err *err)
{
    const char *verdict;
    size_t n;
    enum raml_code rc = raml_json_str(&h->at, claim, "verdict", &verdict, &n, err);
    if (rc) return rc;
    int v = 0;
    while (v < RAML_STUDY_VERDICTS && strcmp(verdict, raml_study_verdict_name((enum raml_study_verdict)v))) v++;
    if (v == RAML_STUDY_VERDICTS)
        return raml_fail(err, RAML_EFORMAT, "%s: claim %s: field 'verdict' is '%.40s'; expected a verdict", h->path,
                         text_of(claim, "id"), verdict);
    *out = (struct side){(enum raml_study_verdict)v, number_of(claim, "estimate"), number_of(claim, "low"),
                         number_of(claim, "high")};
    return RAML_OK;
}

/* -- Beside each other ---------------------------------------------------------------------------------------------- */

static const char *outcome(enum raml_study_verdict a, enum raml_study_verdict b)
{
    if (a == RAML_STUDY_NOT_MEASURED || b == RAML_STUDY_NOT_MEASURED) return "not measured";
    if (a == b) return a == RAML_STUDY_UNDECIDED ? "undecided" : "again";
    if (a == RAML_STUDY_UNDECIDED) return "decided now";
    return b == RAML_STUDY_UNDECIDED ? "undecided now" : "opposite";
}

/* The second estimate less the first, with the interval that follows from theirs where the two are independent. */
static json_t *difference(const struct side *a, const struct side *b)
{
    double d = b->estimate - a->estimate;
    double low = d - hypot(b->estimate - b->low, a->high - a->estimate);
    double high = d + hypot(b->high - b->estimate, a->estimate - a->low);
    json_t *o = json_object();
    int bad = json_object_set_new(o, "estimate", raml_json_number(d));
    bad |= json_object_set_new(o, "low", raml_json_number(low));
    bad |= json_object_set_new(o, "high", raml_json_number(high));
    return raml_json_checked(o, bad);
}

static json_t *side_record(const json_t *claim)
{
    static const char *const key[] = {"verdict", "estimate", "low", "high", "n"};
    json_t *o = json_object();
    int bad = 0;
    for (size_t i = 0; i < sizeof key / sizeof *key; i++) {
        json_t *v = json_object_get(claim, key[i]);
        bad |= json_object_set_new(o, key[i], v ? json_incref(v) : json_null());
    }
    return raml_json_checked(o, bad);
}

/* Whether two studies' seeds meet. */
static bool share_seeds(const json_t *a, const json_t *b)
{
    double from_a = number_of(a, "first_seed"), from_b = number_of(b, "first_seed");
    if (isnan(from_a)) from_a = 1;
    if (isnan(from_b)) from_b = 1;
    return from_a < from_b + number_of(b, "seeds") && from_b < from_a + number_of(a, "seeds");
}

/* "part/id", "id" */
static json_t *label(const json_t *claim)
{
    const char *part = text_of(claim, "part");
    return *part ? json_sprintf("%s/%s", part, text_of(claim, "id")) : json_string(text_of(claim, "id"));
}

static enum raml_code add_pair(const struct half h[2], const json_t *a, const json_t *b, json_t *to,
                               struct raml_err *err)
{
    struct side s[2];
    enum raml_code rc = read_side(&h[0], a, &s[0], err);
    if (!rc) rc = read_side(&h[1], b, &s[1], err);
    if (rc) return rc;
    const char *part = text_of(a, "part");
    bool shared = share_seeds(study_of(&h[0], part), study_of(&h[1], part));
    json_t *o =
        json_pack("{s:o, s:s, s:s, s:s, s:o, s:o, s:o, s:s, s:o, s:b}", "claim", label(a), "says", text_of(a, "says"),
                  "unit", text_of(a, "unit"), "rule", text_of(a, "rule"), "by", raml_json_number(number_of(a, "by")),
                  "first", side_record(a), "second", side_record(b), "outcome", outcome(s[0].verdict, s[1].verdict),
                  "difference", difference(&s[0], &s[1]), "shared_seeds", shared);
    return json_array_append_new(to, o) ? raml_fail(err, RAML_ENOMEM, "no memory for a comparison") : RAML_OK;
}

/* Pairs, and names of the claims that have no counterpart, or one that was declared otherwise. */
struct lists {
    json_t *pairs, *only_first, *only_second, *otherwise;
};

static enum raml_code pair_all(const struct half h[2], const struct lists *l, struct raml_err *err)
{
    const json_t *first = json_object_get(h[0].doc, "claims"), *second = json_object_get(h[1].doc, "claims");
    enum raml_code rc = RAML_OK;
    int bad = 0;
    for (size_t i = 0; i < json_array_size(first) && !rc; i++) {
        const json_t *a = json_array_get(first, i), *b = find(&h[1], a);
        if (!b) bad |= json_array_append_new(l->only_first, label(a));
        else if (!alike(a, b)) bad |= json_array_append_new(l->otherwise, label(a));
        else rc = add_pair(h, a, b, l->pairs, err);
    }
    for (size_t i = 0; i < json_array_size(second) && !rc; i++) {
        const json_t *b = json_array_get(second, i);
        if (!find(&h[0], b)) bad |= json_array_append_new(l->only_second, label(b));
    }
    if (!rc && bad) rc = raml_fail(err, RAML_ENOMEM, "no memory for a comparison");
    return rc;
}

enum raml_code raml_study_compare(const char *first, const char *second, json_t **doc, struct raml_err *err)
{
    struct half h[2] = {{.doc = NULL}, {.doc = NULL}};
    struct lists l = {json_array(), json_array(), json_array(), json_array()};
    enum raml_code rc = open_half(&h[0], first, err);
    if (!rc) rc = open_half(&h[1], second, err);
    if (!rc) rc = pair_all(h, &l, err);
    if (!rc && json_array_size(l.pairs) == 0)
        rc = raml_fail(err, RAML_EFORMAT, "%s and %s have no claim in common", h[0].path, h[1].path);
    *doc = rc ? NULL
              : json_pack("{s:O, s:O, s:O, s:O, s:O, s:O}", "first", json_object_get(h[0].doc, "study"), "second",
                          json_object_get(h[1].doc, "study"), "claims", l.pairs, "only_first", l.only_first,
                          "only_second", l.only_second, "otherwise", l.otherwise);
    if (!rc && !*doc) rc = raml_fail(err, RAML_ENOMEM, "no memory for a comparison");
    json_decref(l.pairs);
    json_decref(l.only_first);
    json_decref(l.only_second);
    json_decref(l.otherwise);
    json_decref(h[0].doc);
    json_decref(h[1].doc);
    return rc;
}

/* -- As text -------------------------------------------------------------------------------------------------------- */

/* "-0.29 [-0.54, -0.055]" */
static const char *cell(const json_t *o, char out[CELL])
{
    double e = number_of(o, "estimate"), low = number_of(o, "low"), high = number_of(o, "high");
    if (isnan(e)) snprintf(out, CELL, "-");
    else if (isnan(low) || isnan(high)) snprintf(out, CELL, "%.3g", e);
    else snprintf(out, CELL, "%.3g [%.3g, %.3g]", e, low, high);
    return out;
}

static bool is(const json_t *claim, const char *side, enum raml_study_verdict v)
{
    return !strcmp(text_of(json_object_get(claim, side), "verdict"), raml_study_verdict_name(v));
}

/* "  12 hold in the first; in the second 10 hold, 0 do not, 2 are undecided" */
static void add_count(const json_t *claims, enum raml_study_verdict first, const char *what, struct raml_buf *out)
{
    size_t n = 0, second[RAML_STUDY_VERDICTS] = {0};
    for (size_t i = 0; i < json_array_size(claims); i++) {
        const json_t *c = json_array_get(claims, i);
        if (!is(c, "first", first) || is(c, "second", RAML_STUDY_NOT_MEASURED)) continue;
        n++;
        for (int v = 0; v < RAML_STUDY_VERDICTS; v++) second[v] += is(c, "second", (enum raml_study_verdict)v);
    }
    raml_buf_addf(out, "%4zu %s in the first; in the second %zu hold, %zu do not, %zu are undecided\n", n, what,
                  second[RAML_STUDY_HOLDS], second[RAML_STUDY_DOES_NOT], second[RAML_STUDY_UNDECIDED]);
}

/* How many estimates agree, and what is not compared or not independent. */
static void add_agreement(const json_t *doc, struct raml_buf *out)
{
    static const char *const list[] = {"only_first", "only_second", "otherwise"};
    static const char *const what[] = {"in the first alone", "in the second alone", "declared otherwise"};
    const json_t *claims = json_object_get(doc, "claims");
    size_t n = 0, agree = 0, shared = 0, unmeasured = 0;
    for (size_t i = 0; i < json_array_size(claims); i++) {
        const json_t *c = json_array_get(claims, i), *d = json_object_get(c, "difference");
        double low = number_of(d, "low"), high = number_of(d, "high");
        shared += json_is_true(json_object_get(c, "shared_seeds"));
        unmeasured += is(c, "first", RAML_STUDY_NOT_MEASURED) || is(c, "second", RAML_STUDY_NOT_MEASURED);
        if (isnan(low) || isnan(high)) continue;
        n++;
        agree += low <= 0 && high >= 0;
    }
    raml_buf_addf(out, "%4zu of %zu estimates agree: 0 lies inside the interval of their difference\n", agree, n);
    if (unmeasured) raml_buf_addf(out, "%4zu are not measured in one of them\n", unmeasured);
    for (size_t k = 0; k < 3; k++) {
        const json_t *names = json_object_get(doc, list[k]);
        if (!json_array_size(names)) continue;
        raml_buf_addf(out, "%4zu %s:", json_array_size(names), what[k]);
        for (size_t i = 0; i < json_array_size(names) && i < 5; i++)
            raml_buf_addf(out, "%s %s", i ? "," : "", json_string_value(json_array_get(names, i)));
        raml_buf_adds(out, json_array_size(names) > 5 ? ", ...\n" : "\n");
    }
    if (shared)
        raml_buf_addf(out,
                      "%4zu of seeds that are in both: they agree more than other seeds would, and their intervals "
                      "are too wide\n",
                      shared);
}

/* The longest of a field's values. */
static int widest(const json_t *claims, const char *key)
{
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(claims); i++) {
        size_t len = strlen(text_of(json_array_get(claims, i), key));
        n = len > n ? len : n;
    }
    return (int)(n < LABEL ? n : LABEL);
}

void raml_study_compare_print(const json_t *doc, struct raml_buf *out)
{
    const json_t *claims = json_object_get(doc, "claims");
    char first[CELL], second[CELL], less[CELL], verdicts[CELL];
    int name = widest(claims, "claim");
    for (size_t i = 0; i < json_array_size(claims); i++) {
        const json_t *c = json_array_get(claims, i), *a = json_object_get(c, "first"),
                     *b = json_object_get(c, "second");
        snprintf(verdicts, sizeof verdicts, "%s, %s", text_of(a, "verdict"), text_of(b, "verdict"));
        raml_buf_addf(out, "%-*s  %-13s  %-28s  %-24s  %-24s  %s\n", name, text_of(c, "claim"), text_of(c, "outcome"),
                      verdicts, cell(a, first), cell(b, second), cell(json_object_get(c, "difference"), less));
    }
    raml_buf_addf(out, "\n%zu claim%s in both: outcome; verdicts; first and second estimate; second less first\n",
                  json_array_size(claims), json_array_size(claims) == 1 ? "" : "s");
    add_count(claims, RAML_STUDY_HOLDS, "hold", out);
    add_count(claims, RAML_STUDY_DOES_NOT, "do not hold", out);
    add_count(claims, RAML_STUDY_UNDECIDED, "are undecided", out);
    add_agreement(doc, out);
}

void raml_study_compare_table(const json_t *doc, struct raml_buf *out)
{
    static const char *const side[] = {"first", "second"};
    const json_t *claims = json_object_get(doc, "claims");
    raml_buf_adds(out,
                  "claim\toutcome\tfirst_verdict\tfirst\tfirst_low\tfirst_high\tsecond_verdict\tsecond\tsecond_low\t"
                  "second_high\tdifference\tdifference_low\tdifference_high\tunit\n");
    for (size_t i = 0; i < json_array_size(claims); i++) {
        const json_t *c = json_array_get(claims, i), *d = json_object_get(c, "difference");
        raml_buf_addf(out, "%s\t%s", text_of(c, "claim"), text_of(c, "outcome"));
        for (size_t k = 0; k < 2; k++) {
            const json_t *s = json_object_get(c, side[k]);
            raml_buf_addf(out, "\t%s\t%.9g\t%.9g\t%.9g", text_of(s, "verdict"), number_of(s, "estimate"),
                          number_of(s, "low"), number_of(s, "high"));
        }
        raml_buf_addf(out, "\t%.9g\t%.9g\t%.9g\t%s\n", number_of(d, "estimate"), number_of(d, "low"),
                      number_of(d, "high"), text_of(c, "unit"));
    }
}
