/* fuzz_study.c - declared experiments, of parts too: a YAML file; after a 0 byte the JSON file that all measures are read from.
 * What is read is read again to the same steps, in an order in which they can run, each once; every claim comes to a verdict,
 * or to the reason why it is not measured. */
#include "fuzz/check.h"
#include "fuzz/scratch.h"
#include "fuzz/target.h"
#include "study/declared.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_WORD = 1 << 17, MAX_PRINTED = 1 << 22 };

static const char part[] = "name: part\nscales: {quick: {n: 3}, long: {n: 5}}\narms: {a: {x: 1}, b: {x: 2}}\n"
                           "steps: {s: 'doctor {seed}', t: 'eval {s}/f {n} {x}'}\n"
                           "measures: {m: {step: t, file: f.json, at: v}}\n"
                           "claims: {c: {says: it, of: b.m - a.m, holds: above 0}}\n";

/* Every word of every step. */
static void use_steps(const struct raml_study_parts *p)
{
    struct raml_err err = {0};
    char dir[4096];
    struct raml_buf word;
    raml_buf_init(&word, MAX_WORD);
    for (size_t i = 0; i < raml_study_parts_n_works(p); i++) {
        const struct raml_study_work *w = raml_study_parts_work(p, i);
        const struct raml_study_step *s = raml_study_step(w->part.study, w->step);
        for (size_t k = 0; k < w->n_needs; k++)
            FUZZ_CHECK(w->needs[k] < i, "step %zu needs step %zu, which comes after it", i, w->needs[k]);
        FUZZ_MUST(raml_study_folder(w->part.study, w->step, "store", dir, &err), &err);
        FUZZ_CHECK(s->n_commands > 0 && s->minutes >= 0, "step %zu: no command, or %g minutes", i, s->minutes);
        for (size_t c = 0; c < s->n_commands; c++) {
            size_t n = 0;
            while (raml_study_word(w->part.study, w->step, c, n, "store", &word)) n++;
            FUZZ_CHECK(n > 0, "step %zu: an empty command", i);
        }
    }
    raml_buf_deinit(&word);
}

static void same(const struct raml_study_parts *a, const struct raml_study_parts *b)
{
    size_t n = raml_study_parts_n_works(a);
    FUZZ_CHECK(!strcmp(raml_study_parts_hash(a), raml_study_parts_hash(b)), "another hash");
    FUZZ_CHECK(n == raml_study_parts_n_works(b), "%zu steps became %zu", n, raml_study_parts_n_works(b));
    for (size_t i = 0; i < n; i++) {
        const struct raml_study_work *v = raml_study_parts_work(a, i), *w = raml_study_parts_work(b, i);
        FUZZ_CHECK(!strcmp(raml_study_step(v->part.study, v->step)->id, raml_study_step(w->part.study, w->step)->id),
                   "step %zu has another identity", i);
    }
    json_t *x = raml_study_parts_declaration(a), *y = raml_study_parts_declaration(b);
    FUZZ_CHECK(x && y && json_equal(x, y), "another declaration");
    json_decref(x);
    json_decref(y);
}

/* Values as the file has them, or made up; then every claim. */
static void decide(const struct raml_study *s, const json_t *file)
{
    size_t n = s->n_arms * s->n_seeds * s->n_measures;
    struct raml_study_value *value = calloc(n, sizeof *value);
    FUZZ_CHECK(value, "no memory for %zu values", n);
    for (size_t i = 0; i < n; i++) {
        struct raml_err err = {0};
        const struct study_measure *m = &s->measure[i % s->n_measures];
        double x = (double)(i * i % 17) - 4;
        enum raml_code rc = i < 64 && file ? raml_study_follow(file, m->path, &x, &err) : RAML_OK;
        if (rc) (void)fuzz_refused(rc, &err);
        value[i] = (struct raml_study_value){.value = x, .low = x - 1, .high = x + 1};
    }
    for (size_t c = 0; c < s->n_claims; c++) {
        struct raml_err err = {0};
        struct study_outcome o;
        FUZZ_MUST(raml_study_decide(s, value, c, &o, &err), &err);
        FUZZ_CHECK(o.missing ? o.verdict == RAML_STUDY_NOT_MEASURED : o.verdict <= RAML_STUDY_UNDECIDED, "verdict %d",
                   (int)o.verdict);
    }
    free(value);
}

/* Nothing has run: every claim says so. */
static void report(const struct raml_study_parts *p)
{
    struct raml_err err = {0};
    struct raml_buf text;
    char out[FUZZ_PATH];
    json_t *doc = NULL;
    bool *done = calloc(raml_study_parts_n_works(p), sizeof *done);
    FUZZ_CHECK(done, "no memory");
    FUZZ_MUST(raml_study_parts_results(p, "none", fuzz_path("out", out), done, NULL, &doc, &err), &err);
    const json_t *claims = json_object_get(doc, "claims");
    for (size_t i = 0; i < json_array_size(claims); i++)
        FUZZ_CHECK(json_object_get(json_array_get(claims, i), "missing"), "claim %zu without a step", i);
    raml_buf_init(&text, MAX_PRINTED);
    raml_study_print(doc, &text);
    FUZZ_MUST(raml_buf_status(&text, &err), &err);
    raml_buf_deinit(&text);
    json_decref(doc);
    free(done);
}

static int run(const uint8_t *data, size_t size)
{
    char path[FUZZ_PATH], other[FUZZ_PATH];
    const uint8_t *end = size ? memchr(data, 0, size) : NULL;
    size_t n = end ? (size_t)(end - data) : size;
    struct raml_err err = {0};
    struct raml_study_parts *p = NULL, *again = NULL;
    static const struct raml_study_options none = {0};
    (void)fuzz_file("part.yaml", (const uint8_t *)part, strlen(part), other);
    enum raml_code rc = raml_study_parts_open(fuzz_file("study.yaml", data, n, path), &none, &p, &err);
    if (rc) {
        FUZZ_CHECK(!p, "refused, and a study");
        return fuzz_refused(rc, &err);
    }
    FUZZ_MUST(raml_study_parts_open(path, &none, &again, &err), &err);
    same(p, again);
    raml_study_parts_close(again);
    use_steps(p);
    json_t *file = end ? json_loadb((const char *)end + 1, size - n - 1, JSON_ALLOW_NUL, NULL) : NULL;
    for (size_t i = 0; i < raml_study_parts_n(p); i++) decide(raml_study_parts_get(p, i).study, file);
    json_decref(file);
    report(p);
    raml_study_parts_close(p);
    return FUZZ_READ;
}

static void seeds(struct fuzz_corpus *c)
{
    static const char axes[] =
        "name: 'it''s'\nabout: >-\n  two\n  lines\nseeds: 2\nvalues: {more: '--json {t} \"a {u}\"', t: 1, u: x, none: "
        "''}\n"
        "axes:\n  size: {small: {n: 10}, large: {n: 1000}}\n  how:\n    with: {w: 1}\n    without:\n"
        "steps:\n  a: 'doctor {more*} {none*} {{z}} {seed}'\n  b: {minutes: '{t}', run: [\"eval '{a} x' {n}\", 'eval "
        "{out}']}\n"
        "measures:\n  m: {step: b, file: x.json, at: 'rows[*,split=out].v', low: 'rows[-1].l', high: 'all[\"a.b\"]'}\n"
        "  k: {step: b, file: x.tsv, at: '[0].v', arms: [with], unit: nats}\n"
        "claims:\n  1: {says: it, of: '- 0.5 * {size}/with.m + {size}/with.k', over: size, x: n, log: xy, holds: "
        "within 2}\n"
        "  2: {says: so, of: large/without.m, interval: file, holds: below 1e-3, unit: bits}\n";
    static const char numbers[] = "{\"rows\": [{\"split\": \"out\", \"v\": 1, \"l\": 0}], \"all\": {\"a.b\": 2}}";
    struct raml_buf both;
    raml_buf_init(&both, 1 << 16);
    raml_buf_add(&both, axes, sizeof axes); /* with its 0 */
    raml_buf_adds(&both, numbers);
    fuzz_seed_add(c, "axes", both.data, both.len);
    raml_buf_deinit(&both);
    fuzz_seed_text(c, "part", part);
    fuzz_seed_text(c, "parts", "name: both\nabout: two of them\nparts:\n  one: part.yaml\n  two: ./part.yaml\n");
}

/* clang-format off */
static const char *const words[] = {
    ": ", "- ", "\n", "\n  ", "#", "&a ", "*a", "!!str ", "|\n  ", ">-\n  ", "---\n", "{", "}", "[", "]", ",", "\"", "'",
    "\\x00", "\t", "\xef\xbb\xbf", "\xff", "? ", "<<: ", "~", "1e", "-1", "1e999", "nan", "inf", "0x10", "name: x\n",
    "about: ", "seeds: ", "values: ", "scales: ", "arms: ", "axes: ", "steps: ", "measures: ", "claims: ", "parts: ",
    "run: ", "minutes: ", "step: ", "file: ", "at: ", "low: ", "high: ", "unit: ", "says: ", "of: ", "holds: ",
    "over: ", "log: ", "interval: file", "x: ", "above ", "below ", "within ", "{seed}", "{out}", "{a}", "{b*}", "{{",
    "}}", "{more*}", " + ", " - ", " * ", "part.yaml", "study.yaml", "../", "/", ".m", "{size}/", "[*]", "[-1]",
    "[x=y]", "[\"", NULL
};
/* clang-format on */

const struct fuzz_target raml_fuzz_study = {
    .name = "study",
    .about = "declared experiments and their parts",
    .run = run,
    .seeds = seeds,
    .words = words,
    .max_bytes = 1 << 14,
};
