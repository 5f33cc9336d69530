/* declared_tables.c - the tables and JSON files of results. See declared.h. */
#include "study/declared.h"

#include "core/file.h"
#include "core/path.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TABLE = 64 << 20 };

enum raml_code raml_study_write_json(const char *out, const json_t *doc, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    char *text = json_dumps(doc, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
    enum raml_code rc =
        text ? raml_path_join(path, out, "results.json", err) : raml_fail(err, RAML_ENOMEM, "no memory for results");
    if (!rc) rc = raml_file_write(path, text, strlen(text), err);
    free(text);
    return rc;
}

static enum raml_code write_table(struct raml_buf *b, const char *out, const char *name, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    enum raml_code rc = raml_buf_status(b, err);
    if (!rc) rc = raml_path_join(path, out, name, err);
    if (!rc) rc = raml_file_write(path, b->data, b->len, err);
    raml_buf_deinit(b);
    return rc;
}

/* -- Claims --------------------------------------------------------------------------------------------------------- */

/* A cell without the bytes that would end it. */
static void add_cell(struct raml_buf *b, const json_t *text)
{
    for (const char *c = json_string_value(text); c && *c; c++) raml_buf_add(b, strchr("\t\n\r", *c) ? " " : c, 1);
}

static double number(const json_t *claim, const char *key)
{
    const json_t *v = json_object_get(claim, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

void raml_study_claims_begin(struct study_claims_table *t, bool part)
{
    raml_buf_init(&t->text, MAX_TABLE);
    t->part = part;
    if (part) raml_buf_adds(&t->text, "part\t");
    raml_buf_adds(&t->text,
                  "claim\tverdict\testimate\testimate_low\testimate_high\tn\tunit\tholds\tof\tsays\tmissing\n");
}

void raml_study_claims_add(struct study_claims_table *t, const char *part, const json_t *claims)
{
    struct raml_buf *b = &t->text;
    for (size_t i = 0; i < json_array_size(claims); i++) {
        const json_t *c = json_array_get(claims, i);
        bool slope = json_object_get(c, "slope_against") != NULL;
        if (t->part) raml_buf_addf(b, "%s\t", part);
        add_cell(b, json_object_get(c, "id"));
        raml_buf_addf(b, "\t%s\t%.9g\t%.9g\t%.9g\t%g\t", json_string_value(json_object_get(c, "verdict")),
                      number(c, "estimate"), number(c, "low"), number(c, "high"), number(c, "n"));
        if (slope) raml_buf_adds(b, "slope");
        else add_cell(b, json_object_get(c, "unit"));
        raml_buf_addf(b, "\t%s %g\t", json_string_value(json_object_get(c, "rule")), number(c, "by"));
        add_cell(b, json_object_get(c, "of"));
        raml_buf_adds(b, "\t");
        add_cell(b, json_object_get(c, "says"));
        raml_buf_adds(b, "\t");
        add_cell(b, json_object_get(c, "missing"));
        raml_buf_adds(b, "\n");
    }
}

enum raml_code raml_study_claims_write(struct study_claims_table *t, const char *out, struct raml_err *err)
{
    return write_table(&t->text, out, "claims.tsv", err);
}

/* -- Values --------------------------------------------------------------------------------------------------------- */

enum raml_code raml_study_write_values(const struct raml_study *s, const struct raml_study_value *value,
                                       const char *out, struct raml_err *err)
{
    struct raml_buf b;
    raml_buf_init(&b, MAX_TABLE);
    raml_buf_adds(&b, "measure\tarm\tseed\tvalue\tlow\thigh\n");
    for (size_t m = 0; m < s->n_measures; m++)
        for (size_t a = 0; a < s->n_arms; a++)
            for (size_t k = 0; k < s->n_seeds && raml_study_measured(s, &s->measure[m], &s->arm[a]); k++) {
                const struct raml_study_value *v = &value[raml_study_at(s, a, k, m)];
                raml_buf_addf(&b, "%s\t%s\t%zu\t%.9g\t%.9g\t%.9g\n", s->measure[m].at->key, s->arm[a].name,
                              s->first_seed + k, v->value, v->low, v->high);
            }
    return write_table(&b, out, "values.tsv", err);
}
