/* A declared study: what its file may hold, which steps it comes to, how numbers are found, and what follows from them. */
#include "study/declared.h"

#include "core/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "check_near.h"
#include "declared_texts.h"
#include "folder.h"

static struct raml_err err;
static char file[300];
static const char *folder; /* of all tests here */

static int open_folder(void **state)
{
    int rc = set_up(state);
    folder = *state;
    return rc;
}

static int close_folder(void **state)
{
    return tear_down(state);
}

static enum raml_code read_study(const char *text, const struct raml_study_options *o, struct raml_study **s)
{
    static const struct raml_study_options none = {0};
    snprintf(file, sizeof file, "%s/study.yaml", folder);
    CHECK_OK(raml_file_write(file, text, strlen(text), &err));
    err = (struct raml_err){0};
    return raml_study_open(file, o ? o : &none, s, &err);
}

/* -- What is refused ------------------------------------------------------------------------------------------------ */

static const struct {
    const char *text, *message; /* after the file's name */
} refused[] = {
    {"", ": is empty"},
    {"[a]", ":1: found a list, expected a mapping"},
    {"name: x\nnam: y\n" STEPS, ":2: there is no field 'nam'; did you mean 'name'?"},
    {"name: x\nname: y\n", ":2: name is given twice, first in line 1"},
    {"name: x\nabout: &a b\n", ":2: anchors (&) and tags (!) are not supported"},
    {"name: x\nabout: *a\n", ":2: aliases (*name) are not supported"},
    {"name: x\n---\nname: y\n", ":2: a second document; expected one"},
    {"about: x\n", ":1: name: expected the study's name"},
    {"name: x\n", ":1: steps is missing"},
    {"name: x\n" STEPS MEASURES CLAIMS, ":1: expected either arms or axes"},
    {"name: ../x\n" STEPS ARMS MEASURES CLAIMS,
     ":1: name: found '../x', expected at most 64 bytes without /, not begun by - or ."},
    {"name: x\n" STEPS ARMS CLAIMS, ":1: measures: expected a mapping of at least one measure"},
    {"name: x\n" STEPS ARMS MEASURES, ":1: claims: expected a mapping of at least one claim"},
    {"name: x\nsteps: {seed: doctor}\n", ":2: seed: {seed} has a meaning of its own; expected another name"},
    {"name: x\nsteps: {a b: doctor}\n", ":2: a b: as the name of a step expected letters, digits, _ and -, at most 64"},
    {"name: x\nsteps: {a: [[doctor]]}\n", ":2: run: found a list, expected a command without the leading raml"},
    {"name: x\nvalues: {a: 1}\n" STEPS ARMS MEASURES CLAIMS, ":2: a: a step has that name, in line 3"},
    {"name: x\nseeds: 0\n" STEPS ARMS MEASURES CLAIMS, ":2: seeds: expected a number from 1 to 64"},
    {"name: x\nsteps: {b: 'eval {lr}'}\n" ARMS MEASURES CLAIMS,
     ":2: {lr}: no step, and no value for the arm with, of that name; steps are below steps, values below values, "
     "scales and arms"},
    {"name: x\nsteps: {b: 'eval {b}'}\n" ARMS MEASURES CLAIMS, ":2: step b needs itself"},
    {"name: x\nsteps: {b: 'eval {v}'}\nvalues: {v: '{v}'}\n" ARMS MEASURES CLAIMS,
     ":2: {v}: values within values, more than 8 deep"},
    {"name: x\nsteps: {b: 'eval }x'}\n" ARMS MEASURES CLAIMS, ":2: '}x': a brace alone; {name} is a place, {{ a brace"},
    {"name: x\nsteps: {b: 'eval \"x'}\n" ARMS MEASURES CLAIMS, ":2: '\"x': a quote that is not closed"},
    {"name: x\n" STEPS ARMS "measures: {m: {step: c, file: x, at: v}}\n" CLAIMS,
     ":4: there is no step 'c'; expected one of a, b"},
    {"name: x\n" STEPS ARMS "measures: {m: {step: b, file: x, at: 'v[1'}}\n" CLAIMS,
     ":4: at: 'v[1': a bracket that is not closed"},
    {"name: x\n" STEPS ARMS "measures: {m: {step: b, file: x, at: v, low: v}}\n" CLAIMS,
     ":4: m: low and high go together"},
    {"name: x\n" STEPS ARMS "measures: {m: {step: b, file: 'x*', at: v, low: l, high: h}}\n" CLAIMS,
     ":4: m: low and high are of one file, not of a mean over 'x*'"},
    {"name: x\n" STEPS ARMS "measures: {m: {step: b, file: x, at: v, arms: [other]}}\n" CLAIMS,
     ":4: arms: there is no arm 'other'"},
    {"name: x\n" STEPS ARMS "measures: {m: {step: b, file: x, at: v, arms: [with]}}\n" CLAIMS,
     ":5: of: m is not measured for the arm without"},
    {"name: x\n" STEPS ARMS MEASURES "claims: {c: {says: it, of: with.n, holds: above 0}}\n",
     ":5: of: there is no measure 'n'"},
    {"name: x\n" STEPS ARMS MEASURES "claims: {c: {says: it, of: other.m, holds: above 0}}\n",
     ":5: of: there is no arm 'other'"},
    {"name: x\n" STEPS ARMS MEASURES "claims: {c: {says: it, of: with.m without.m, holds: above 0}}\n",
     ":5: of: found 'without.m', expected + or -"},
    {"name: x\n" STEPS ARMS MEASURES "claims: {c: {says: it, of: with.m -, holds: above 0}}\n",
     ":5: of: ends where ARM.MEASURE is expected"},
    {"name: x\n" STEPS ARMS MEASURES "claims: {c: {says: it, of: 2 with.m, holds: above 0}}\n",
     ":5: of: expected * after the number 2"},
    {"name: x\n" STEPS ARMS MEASURES "claims: {c: {says: it, of: with.m, holds: more}}\n",
     ":5: holds: found 'more', expected above X, below X or within X"},
    {"name: x\n" STEPS ARMS MEASURES "claims: {c: {says: it, of: with.m, holds: within -1}}\n",
     ":5: holds: found 'within -1', expected above X, below X or within X"},
    {"name: x\n" STEPS ARMS MEASURES "claims: {c: {says: it, of: with.m, holds: above 0, interval: file}}\n",
     ":5: interval: file, but the measure m has no low and high"},
    {"name: x\n" STEPS ARMS MEASURES "claims: {c: {says: it, of: with.m, holds: above 0, compare: spread}}\n",
     ":5: compare: spread is for a claim of two measures, 'A.x - B.y'"},
    {"name: x\n" STEPS ARMS MEASURES
     "claims: {c: {says: it, of: with.m + without.m, holds: above 0, compare: spread}}\n",
     ":5: compare: spread is for a claim of two measures, 'A.x - B.y'"},
    {"name: x\n" STEPS ARMS MEASURES "claims: {c: {says: it, of: with.m, holds: above 0, compare: median}}\n",
     ":5: compare: found 'median', expected mean or spread"},
    {"name: x\n" STEPS ARMS MEASURES "claims: {c: {says: it, of: with.m - with.m, holds: above 0, compare: spread}}\n",
     ":5: compare: spread is for a claim of two measures, 'A.x - B.y'"},
    {"name: x\n" STEPS ARMS MEASURES "claims: {c: {says: it, of: with.m, holds: above 0, over: arms}}\n",
     ":5: over needs x: the value that the slope is against"},
    {"name: x\n" STEPS "arms: {with: {w: 1}, without: {w: some}}\n" MEASURES
     "claims: {c: {says: it, of: '{arms}.m', holds: above 0, over: arms, x: w}}\n",
     ":5: x: w of the arm without is 'some'; expected a number"},
    {"name: x\n" STEPS ARMS MEASURES
     "claims: {c: {says: it, of: '{arms}.m', holds: above 0, over: arms, x: w, log: x}}\n",
     ":5: x: w is 0; no logarithm"},
    {"name: x\n" STEPS "arms: {with: {w: 1}, without: {w: 1}}\n" MEASURES
     "claims: {c: {says: it, of: '{arms}.m', holds: above 0, over: arms, x: w}}\n",
     ":5: x: w is 1 at every point of arms; a slope needs two values"},
    {"name: x\n" STEPS ARMS MEASURES "claims: {c: {says: it, of: with.m, holds: above 0, over: arms, x: w}}\n",
     ":5: of: no arm of 'with.m' has {arms}, which the claim is over"},
    {"name: x\nseeds: 3\nsteps: {b: 'eval {w}'}\n" ARMS MEASURES CLAIMS,
     ":6: c: its 3 seeds are one run: no step that it measures, and none that these need, has {seed}; give seeds: 1, "
     "or "
     "{seed} where there is chance"},
    {"name: x\nvalues: {a: '{b}{b}{b}{b}{b}{b}{b}{b}{b}{b}', b: '{c}{c}{c}{c}{c}{c}{c}{c}{c}{c}', c: "
     "'{d}{d}{d}{d}{d}{d}{d}{d}{d}{d}', d: '{e}{e}{e}{e}{e}{e}{e}{e}{e}{e}', e: "
     "'{f}{f}{f}{f}{f}{f}{f}{f}{f}{f}', f: '{g}{g}{g}{g}{g}{g}{g}{g}{g}{g}', g: ''}\n"
     "steps: {s: 'eval x{a}'}\n" ARMS "measures: {m: {step: s, file: x.json, at: v}}\n" CLAIMS,
     ":3: values within values come to more than 65536 places"},
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        struct raml_study *s = NULL;
        enum raml_code rc = read_study(refused[i].text, NULL, &s);
        char want[900];
        snprintf(want, sizeof want, "%s%s", file, refused[i].message);
        if (rc != RAML_EUSAGE || strcmp(err.msg, want) != 0 || s) {
            print_error("case %zu: code %d, '%s', expected '%s'\n", i, rc, err.msg, want);
            fail();
        }
    }
}

static void test_options_refused(void **state)
{
    (void)state;
    static const char text[] = "name: x\nscales: {quick: {t: 1}, long: {t: 2}}\n" STEPS ARMS MEASURES CLAIMS;
    const char *set[] = {"tt=1", "w"}, *twice[] = {"t=3", "t=4"}, *arms[] = {"w=1"};
    struct raml_study *s = NULL;
    struct raml_study_options o = {.scale = "longer"};
    assert_int_equal(read_study(text, &o, &s), RAML_EUSAGE);
    assert_string_equal(err.msg, "there is no scale 'longer'; did you mean 'long'?");
    o = (struct raml_study_options){.set = set, .n_set = 1};
    assert_int_equal(read_study(text, &o, &s), RAML_EUSAGE);
    assert_non_null(strstr(err.msg, "has no value called 'tt'"));
    o.set = set + 1;
    assert_int_equal(read_study(text, &o, &s), RAML_EUSAGE);
    assert_string_equal(err.msg, "found 'w', expected name=value");
    o = (struct raml_study_options){.set = twice, .n_set = 2};
    assert_int_equal(read_study(text, &o, &s), RAML_EUSAGE);
    assert_string_equal(err.msg, "'t' is set twice: t=3, t=4");
    o = (struct raml_study_options){.set = arms, .n_set = 1};
    assert_int_equal(read_study(text, &o, &s), RAML_EUSAGE);
    assert_non_null(strstr(err.msg, ": 'w' is what the arms differ in, and can't be set"));
    o = (struct raml_study_options){.seeds = RAML_STUDY_MAX_SEEDS + 1};
    assert_int_equal(read_study(text, &o, &s), RAML_EUSAGE);
}

/* -- Steps ---------------------------------------------------------------------------------------------------------- */

static void word_is(const struct raml_study *s, size_t step, size_t command, size_t w, const char *want)
{
    struct raml_buf b;
    raml_buf_init(&b, 1 << 16);
    bool is = raml_study_word(s, step, command, w, "store", &b);
    if (!want) assert_false(is);
    else assert_string_equal(b.data ? b.data : "", want);
    raml_buf_deinit(&b);
}

/* Arms that read the same share a step; a seed is its own where it is named. */
static void test_shared(void **state)
{
    (void)state;
    struct raml_study *s = NULL;
    CHECK_OK(read_study("name: x\nseeds: 2\n" STEPS ARMS MEASURES CLAIMS, NULL, &s));
    assert_int_equal(raml_study_n_steps(s), 2 + 4); /* a: per seed; b: per seed and arm */
    size_t n_a = 0;
    for (size_t i = 0; i < 6; i++) {
        const struct raml_study_step *t = raml_study_step(s, i);
        n_a += !strcmp(t->name, "a");
        for (size_t k = 0; k < t->n_needs; k++) assert_true(t->needs[k] < i);
        assert_int_equal(t->n_needs, strcmp(t->name, "a") ? 1 : 0);
    }
    assert_int_equal(n_a, 2);
    const struct raml_study_step *a = raml_study_step(s, 0), *b = raml_study_step(s, 1);
    assert_string_equal(a->used, "with 1; without 1");
    char want[200];
    word_is(s, 1, 0, 0, "eval");
    snprintf(want, sizeof want, "store/a-%s", a->id);
    word_is(s, 1, 0, 1, want);
    word_is(s, 1, 0, 2, "1");
    snprintf(want, sizeof want, "store/b-%s/x.json", b->id);
    word_is(s, 1, 0, 4, want);
    word_is(s, 1, 0, 5, NULL);
    raml_study_close(s);
}

/* The identity changes with what the step says and with what it needs, with nothing else. */
static void test_identity(void **state)
{
    (void)state;
    static const char *const text[] = {
        "name: x\n" STEPS ARMS MEASURES CLAIMS,
        "name: y\nabout: other words\nseeds: 2\n" STEPS ARMS MEASURES
        "claims: {c: {says: no, of: with.m, holds: below 1}}\n",
        "name: x\nsteps: {a: 'doctor {seed} ', b: 'eval {a} {w}  --out {out}/x.json'}\n" ARMS MEASURES CLAIMS,
        "name: x\nsteps: {a: 'doctor {seed} --json', b: 'eval {a} {w} --out {out}/x.json'}\n" ARMS MEASURES CLAIMS,
    };
    char id[4][2][RAML_STUDY_ID];
    for (size_t i = 0; i < 4; i++) {
        struct raml_study *s = NULL;
        CHECK_OK(read_study(text[i], NULL, &s));
        for (size_t k = 0; k < 2; k++) strcpy(id[i][k], raml_study_step(s, k)->id);
        raml_study_close(s);
    }
    for (size_t k = 0; k < 2; k++) {
        assert_string_equal(id[1][k], id[0][k]);
        assert_string_equal(id[2][k], id[0][k]);     /* spaces between words do not count */
        assert_string_not_equal(id[3][k], id[0][k]); /* b says the same, but a does not */
    }
}

static void test_words(void **state)
{
    (void)state;
    const char *set[] = {"t=9"};
    struct raml_study_options o = {.scale = "long", .set = set, .n_set = 1};
    struct raml_study *s = NULL;
    CHECK_OK(read_study("name: x\n"
                        "values: {more: '--json {t} \"a {u}\"', u: default, none: ''}\n"
                        "scales: {quick: {t: 1}, long: {t: 2, u: of the scale}}\n"
                        "arms: {with: {w: 1}, without: {w: 0, u: of the arm}}\n"
                        "steps: {b: {minutes: '{t}', run: [\"doctor 'one word' {more*} {none*} {none} x{w}y {{z}} "
                        "{u}\", eval]}}\n" MEASURES CLAIMS,
                        &o, &s));
    static const char *const want[] = {"doctor", "one word", "--json", "9",           "a of the scale",
                                       "",       "x1y",      "{z}",    "of the scale"};
    for (size_t w = 0; w < COUNT(want); w++) word_is(s, 0, 0, w, want[w]);
    word_is(s, 0, 0, COUNT(want), NULL);
    word_is(s, 0, 1, 0, "eval");
    word_is(s, 1, 0, 4, "a of the arm"); /* an arm's value before the scale's */
    CHECK_NEAR("minutes", raml_study_step(s, 0)->minutes, 9, 0);
    raml_study_close(s);
}

static void test_axes(void **state)
{
    (void)state;
    struct raml_study *s = NULL;
    CHECK_OK(
        read_study("name: x\naxes: {size: {small: {n: 10}, large: {n: 1000}}, how: {with: {w: 1}, without: {w: 0}}}\n"
                   "steps: {b: 'eval {n} {w}'}\n" MEASURES
                   "claims: {c: {says: it, of: '{size}/with.m - 0.5 * {size}/without.m', over: size, x: n, log: x, "
                   "holds: within 2}}\n",
                   NULL, &s));
    assert_int_equal(s->n_arms, 4);
    assert_string_equal(s->arm[1].name, "small/without");
    assert_string_equal(s->arm[2].name, "large/with");
    struct raml_study_value v[4] = {{.value = 3}, {.value = 2}, {.value = 9}, {.value = 4}};
    struct study_outcome o;
    CHECK_OK(raml_study_decide(s, v, 0, &o, &err)); /* (9 - 2) - (3 - 1) over log(100) */
    CHECK_NEAR("slope", o.estimate.value, 5 / log(100), 1e-12);
    assert_int_equal(o.verdict, RAML_STUDY_UNDECIDED); /* one seed: no interval */
    raml_study_close(s);
    CHECK_OK(
        read_study("name: x\naxes: {size: {small: {n: 10}, large: {n: 1000}}, how: {with: {w: 1}, without: {w: 0}}}\n"
                   "steps: {b: 'eval {n} {w}'}\n" MEASURES
                   "claims: {c: {says: it, of: '{size}/with.m', over: size, x: n, log: xy, holds: within 2}}\n",
                   NULL, &s));
    v[2].value = 0; /* of large/with: no logarithm */
    CHECK_OK(raml_study_decide(s, v, 0, &o, &err));
    assert_int_equal(o.verdict, RAML_STUDY_NOT_MEASURED);
    assert_string_equal(o.missing, "a slope of logarithms, and a number that is not above 0");
    raml_study_close(s);
}

/* -- Numbers in files ----------------------------------------------------------------------------------------------- */

static void test_paths(void **state)
{
    (void)state;
    static const char json[] = "{\"all\": {\"v\": 1.5, \"a.b\": 7, \"none\": null, \"t\": \"x\"}, \"rows\": ["
                               "{\"split\": \"in\", \"n\": 3, \"x\": 1}, {\"split\": \"out\", \"n\": 3, \"x\": 2},"
                               "{\"split\": \"out\", \"n\": 4, \"x\": 4}, {\"split\": null, \"n\": 4, \"x\": null}]}";
    static const struct {
        const char *path;
        double want;
        const char *message; /* NULL: none */
    } c[] = {
        {"all.v", 1.5, NULL},
        {"all[\"a.b\"]", 7, NULL},
        {"rows[1].x", 2, NULL},
        {"rows[-2].x", 4, NULL},
        {"rows[split=in].x", 1, NULL},
        {"rows[split=out,n=4].x", 4, NULL},
        {"rows[*].x", 7.0 / 3, NULL}, /* of those that there are */
        {"rows[*,split=out].x", 3, NULL},
        {"all.none", NAN, NULL},
        {"all.w", 0, "all.w: no field w; found fields: v, a.b, none, t"},
        {"all.t", 0, "all.t: not a number"},
        {"rows[4].x", 0, "rows[4].x: no element 4 of 4"},
        {"rows[-5].x", 0, "rows[-5].x: no element -5 of 4"},
        {"rows[split=no].x", 0, "rows[split=no].x: no element has split=no"},
        {"rows[split=out].x", 0, "rows[split=out].x: several elements have split=out; [*,split=out] is their mean"},
        {"all[0]", 0, "all[0]: no list at 'all[0]'"},
    };
    json_t *doc = json_loads(json, 0, NULL);
    for (size_t i = 0; i < COUNT(c); i++) {
        double got = -1;
        err = (struct raml_err){0};
        enum raml_code rc = raml_study_follow(doc, c[i].path, &got, &err);
        if (c[i].message) {
            assert_int_equal(rc, RAML_EFORMAT);
            assert_string_equal(err.msg, c[i].message);
        } else if (isnan(c[i].want)) {
            assert_int_equal(rc, RAML_OK);
            assert_true(isnan(got));
        } else {
            assert_int_equal(rc, RAML_OK);
            CHECK_NEAR(c[i].path, got, c[i].want, 1e-12);
        }
    }
    json_decref(doc);
    static const char *const bad[] = {"", ".", "a..b", "a[", "a[]", "a[x]", "a[*x]", "a[\"\"]", "a["};
    for (size_t i = 0; i < COUNT(bad); i++) assert_int_equal(raml_study_path_check(bad[i], &err), RAML_EUSAGE);
}

static void test_files(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text, *path;
        double want;
    } c[] = {
        {"a.tsv", "by\tgroup\tvalue\nall\tall\t2.5\nverdict\tright\t-1e-3\n", "[by=verdict,group=right].value", -1e-3},
        {"a.jsonl", "{\"loss\": 3}\n{\"loss\": 0.25}\n", "[-1].loss", 0.25},
        {"a.json", "[{\"x\": 4}]", "[0].x", 4},
    };
    for (size_t i = 0; i < COUNT(c); i++) {
        char path[300];
        json_t *doc = NULL;
        double got = 0;
        snprintf(path, sizeof path, "%s/%s", folder, c[i].name);
        CHECK_OK(raml_file_write(path, c[i].text, strlen(c[i].text), &err));
        CHECK_OK(raml_study_file(path, &doc, &err));
        CHECK_OK(raml_study_follow(doc, c[i].path, &got, &err));
        CHECK_NEAR(c[i].name, got, c[i].want, 1e-15);
        json_decref(doc);
    }
}

/* -- Verdicts ------------------------------------------------------------------------------------------------------- */

/* Three seeds with mean m and standard error 1: the interval is m -+ 4.302652... */
static void test_verdicts(void **state)
{
    (void)state;
    static const struct {
        const char *holds;
        double m;
        enum raml_study_verdict want;
    } c[] = {
        {"above 0", 4.4, RAML_STUDY_HOLDS},       {"above 0", 4.2, RAML_STUDY_UNDECIDED},
        {"above 0", -4.2, RAML_STUDY_UNDECIDED},  {"above 0", -4.4, RAML_STUDY_DOES_NOT},
        {"above 1", 4.4, RAML_STUDY_UNDECIDED},   {"below -1", -5.4, RAML_STUDY_HOLDS},
        {"below -1", -5.2, RAML_STUDY_UNDECIDED}, {"below -1", 3.4, RAML_STUDY_DOES_NOT},
        {"within 5", 0.6, RAML_STUDY_HOLDS},      {"within 5", -0.6, RAML_STUDY_HOLDS},
        {"within 5", 0.8, RAML_STUDY_UNDECIDED},  {"within 5", 9.4, RAML_STUDY_DOES_NOT},
        {"within 5", -9.4, RAML_STUDY_DOES_NOT},  {"within 5", 9.2, RAML_STUDY_UNDECIDED},
        {"above 0", NAN, RAML_STUDY_UNDECIDED},
    };
    for (size_t i = 0; i < COUNT(c); i++) {
        char text[900];
        struct raml_study *s = NULL;
        snprintf(text, sizeof text,
                 "name: x\nseeds: 3\n" STEPS ARMS MEASURES "claims: {c: {says: it, of: with.m, holds: %s}}\n",
                 c[i].holds);
        CHECK_OK(read_study(text, NULL, &s));
        double d = sqrt(3);
        struct raml_study_value v[6] = {{.value = c[i].m - d}, {.value = c[i].m}, {.value = c[i].m + d}};
        struct study_outcome o;
        CHECK_OK(raml_study_decide(s, v, 0, &o, &err));
        if (o.verdict != c[i].want) print_error("%s of %g: verdict %d\n", c[i].holds, c[i].m, o.verdict);
        assert_int_equal(o.verdict, c[i].want);
        if (!isnan(c[i].m)) CHECK_NEAR("low", o.estimate.low, c[i].m - 4.302652729749464, 1e-9);
        raml_study_close(s);
    }
}

static void test_interval_of_file(void **state)
{
    (void)state;
    struct raml_study *s = NULL;
    CHECK_OK(read_study("name: x\n" STEPS ARMS "measures: {m: {step: b, file: x.json, at: v, low: l, high: h}}\n"
                        "claims: {c: {says: it, of: with.m, holds: above 1, interval: file}}\n",
                        NULL, &s));
    struct raml_study_value v[2] = {{.value = 2, .low = 1.5, .high = 2.5}};
    struct study_outcome o;
    CHECK_OK(raml_study_decide(s, v, 0, &o, &err));
    assert_int_equal(o.verdict, RAML_STUDY_HOLDS);
    assert_int_equal(o.n_seeds, 0);
    v[0].low = 0.5;
    CHECK_OK(raml_study_decide(s, v, 0, &o, &err));
    assert_int_equal(o.verdict, RAML_STUDY_UNDECIDED);
    raml_study_close(s);
}

/* ln of the ratio of standard deviations, and half the logarithm of F's 97.5 % quantile to either side: 39 at (2, 2), 9.60453 at (4, 4). */
static void test_spread(void **state)
{
    (void)state;
    static const struct {
        int seeds;
        double f;
    } c[] = {{3, 39}, {5, 9.604529883}};
    for (size_t i = 0; i < COUNT(c); i++) {
        char text[900];
        struct raml_study *s = NULL;
        snprintf(text, sizeof text,
                 "name: x\nseeds: %d\n" STEPS ARMS MEASURES
                 "claims: {c: {says: it, of: with.m - without.m, compare: spread, holds: below 0}}\n",
                 c[i].seeds);
        CHECK_OK(read_study(text, NULL, &s));
        struct raml_study_value v[10] = {0};
        struct study_outcome o;
        for (int k = 0; k < c[i].seeds; k++) v[k].value = k % 2 ? 1 : -2;
        for (int k = 0; k < c[i].seeds; k++) v[c[i].seeds + k].value = k % 2 ? 25 : 10;
        CHECK_OK(raml_study_decide(s, v, 0, &o, &err));
        assert_int_equal(o.n_seeds, 0);
        assert_int_equal(o.estimate.n, c[i].seeds);
        CHECK_NEAR("ratio", o.estimate.value, log(0.2), 1e-12);
        CHECK_NEAR("low", o.estimate.low, log(0.2) - log(c[i].f) / 2, 1e-8);
        CHECK_NEAR("high", o.estimate.high, log(0.2) + log(c[i].f) / 2, 1e-8);
        assert_int_equal(o.verdict, i == 0 ? RAML_STUDY_UNDECIDED : RAML_STUDY_HOLDS);
        for (int k = 0; k < c[i].seeds; k++) v[k].value = 1; /* no spread at all: no ratio */
        CHECK_OK(raml_study_decide(s, v, 0, &o, &err));
        assert_int_equal(o.verdict, RAML_STUDY_NOT_MEASURED);
        assert_string_equal(o.missing, "a ratio of spreads over seeds, and one of the two does not vary");
        raml_study_close(s);
    }
}

/* -- Results -------------------------------------------------------------------------------------------------------- */

static void put_text(const struct raml_study *s, size_t step, const char *store, const char *text)
{
    char dir[4096], path[4200];
    CHECK_OK(raml_study_folder(s, step, store, dir, &err));
    CHECK_OK(raml_make_dir(dir, &err));
    snprintf(path, sizeof path, "%s/x.json", dir);
    CHECK_OK(raml_file_write(path, text, strlen(text), &err));
}
static void put(const struct raml_study *s, size_t step, const char *store, double value)
{
    char text[64];
    snprintf(text, sizeof text, "{\"v\": %g}", value);
    put_text(s, step, store, text);
}

/* A pattern names several files: their mean. */
static void test_several_files(void **state)
{
    (void)state;
    struct raml_study *s = NULL;
    char store[300], dir[4096], path[4300];
    json_t *doc = NULL;
    snprintf(store, sizeof store, "%s/a[b]*store", folder);
    CHECK_OK(read_study("name: x\nseeds: 1\narms: {one: {}}\nsteps: {b: 'doctor --seed {seed}'}\nmeasures: {m: {step: "
                        "b, file: 'p*/x.json', at: v}}\n"
                        "claims: {c: {says: it, of: one.m, holds: above 0}}\n",
                        NULL, &s));
    CHECK_OK(raml_study_folder(s, 0, store, dir, &err));
    CHECK_OK(raml_make_dir(store, &err));
    CHECK_OK(raml_make_dir(dir, &err));
    CHECK_OK(raml_study_results(s, store, folder, NULL, NULL, &doc, &err));
    assert_non_null(
        strstr(json_string_value(json_object_get(json_array_get(json_object_get(doc, "claims"), 0), "missing")),
               "no such file"));
    json_decref(doc);
    static const char *const text[] = {"{\"v\": 1}", "{\"v\": 4}", "{\"v\": null}", "{\"v\": 100}"};
    static const char *const name[] = {"p1", "p2", "p3", "q1"}; /* the last one is not named by the pattern */
    for (size_t i = 0; i < COUNT(name); i++) {
        snprintf(path, sizeof path, "%s/%s", dir, name[i]);
        CHECK_OK(raml_make_dir(path, &err));
        snprintf(path, sizeof path, "%s/%s/x.json", dir, name[i]);
        CHECK_OK(raml_file_write(path, text[i], strlen(text[i]), &err));
    }
    CHECK_OK(raml_study_results(s, store, folder, NULL, NULL, &doc, &err));
    CHECK_NEAR("mean",
               json_number_value(json_object_get(json_array_get(json_object_get(doc, "claims"), 0), "estimate")), 2.5,
               1e-12);
    json_decref(doc);
    raml_study_close(s);
}

static void test_results(void **state)
{
    (void)state;
    static const double value[] = {3, 1, 4, 1, 5, 2}; /* of b, as it comes: seed by seed, arm by arm */
    struct raml_study *s = NULL;
    char store[300], path[330];
    json_t *doc = NULL;
    size_t n = 0;
    snprintf(store, sizeof store, "%s/store", folder);
    CHECK_OK(read_study("name: x\nseeds: 3\n" STEPS ARMS MEASURES CLAIMS, NULL, &s));
    CHECK_OK(raml_study_results(s, store, folder, NULL, NULL, &doc, &err)); /* nothing has run */
    const json_t *none = json_array_get(json_object_get(doc, "claims"), 0);
    assert_string_equal(json_string_value(json_object_get(none, "verdict")), "not measured");
    assert_non_null(strstr(json_string_value(json_object_get(none, "missing")), "measure m ("));
    assert_int_equal(json_array_size(json_object_get(doc, "missing")), 6);
    json_decref(doc);
    for (size_t i = 0; i < raml_study_n_steps(s); i++)
        if (!strcmp(raml_study_step(s, i)->name, "b")) put(s, i, store, value[n++]);
    assert_int_equal(n, 6);
    CHECK_OK(raml_study_results(s, store, folder, NULL, NULL, &doc, &err));
    const json_t *claim = json_array_get(json_object_get(doc, "claims"), 0);
    /* with: seeds 3, 1, 4; without: 1, 5, 2 (arm after arm): differences 2, -4, 2 */
    CHECK_NEAR("estimate", json_number_value(json_object_get(claim, "estimate")), 0, 1e-12);
    CHECK_NEAR("a seed", json_number_value(json_array_get(json_object_get(claim, "per_seed"), 1)), -4, 1e-12);
    assert_string_equal(json_string_value(json_object_get(claim, "verdict")), "undecided");
    json_decref(doc);
    for (size_t i = 0; i < raml_study_n_steps(s); i++) /* a training that diverged: one seed of one arm */
        if (!strcmp(raml_study_step(s, i)->name, "b")) {
            put_text(s, i, store, "{\"v\": null}");
            break;
        }
    CHECK_OK(raml_study_results(s, store, folder, NULL, NULL, &doc, &err));
    claim = json_array_get(json_object_get(doc, "claims"), 0);
    assert_string_equal(json_string_value(json_object_get(claim, "verdict")), "not measured");
    assert_non_null(strstr(json_string_value(json_object_get(claim, "missing")), "not a finite number"));
    assert_int_equal(json_array_size(json_object_get(doc, "missing")), 1);
    json_decref(doc);
    put(s, 0, store, 3);
    static const char *const files[] = {"results.json", "claims.tsv", "values.tsv"};
    for (size_t i = 0; i < COUNT(files); i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        assert_true(raml_is_file(path));
    }
    raml_study_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),  cmocka_unit_test(test_options_refused),
        cmocka_unit_test(test_shared),   cmocka_unit_test(test_identity),
        cmocka_unit_test(test_words),    cmocka_unit_test(test_axes),
        cmocka_unit_test(test_paths),    cmocka_unit_test(test_files),
        cmocka_unit_test(test_verdicts), cmocka_unit_test(test_interval_of_file),
        cmocka_unit_test(test_spread),   cmocka_unit_test(test_several_files),
        cmocka_unit_test(test_results),
    };
    return cmocka_run_group_tests(tests, open_folder, close_folder);
}
