/* table_json.c - a table as JSON (table.h). */
#include "raml/table.h"

#include "eval/json_parts.h"

#include <math.h>
#include <stdio.h>

/* Accuracy, with its error from differing questions and from random samples. */
static json_t *accuracy(const struct raml_table_row *r)
{
    json_t *o = raml_json_estimate(&r->accuracy);
    double n = (double)r->n_questions, between = r->spread.total - r->spread.noise;
    int bad = !o;
    bad |= json_object_set_new(o, "stderr", raml_json_number(sqrt(r->spread.total / n)));
    bad |=
        json_object_set_new(o, "stderr_between", raml_json_number(isnan(between) ? NAN : sqrt(fmax(between, 0) / n)));
    bad |= json_object_set_new(o, "stderr_within", raml_json_number(sqrt(r->spread.noise / n)));
    return raml_json_checked(o, bad);
}

/* The measures by name; NULL when a setter failed. */
static json_t *measures(const struct raml_table *t, const struct raml_table_row *r)
{
    json_t *o = json_object();
    int bad = 0;
    for (size_t j = 0; j < t->n_measures; j++) {
        char name[RAML_MEASURE_NAME];
        raml_measure_name(&t->measure[j], name);
        bad |= json_object_set_new(o, name, raml_json_estimate(&r->measure[j]));
    }
    return raml_json_checked(o, bad);
}

static json_t *row_json(const struct raml_table *t, const struct raml_table_row *r, unsigned by)
{
    json_t *o = json_object(), *pass = json_object();
    int bad = 0;
    if (by & RAML_BY_SPLIT) bad |= json_object_set_new(o, "split", raml_json_text(r->split));
    if (by & RAML_BY_FAMILY) bad |= json_object_set_new(o, "family", raml_json_text(r->family));
    if (by & RAML_BY_DIFFICULTY)
        bad |= json_object_set_new(o, "difficulty", r->difficulty < 0 ? json_null() : json_integer(r->difficulty));
    bad |= json_object_set_new(o, "questions", json_integer((json_int_t)r->n_questions));
    bad |= json_object_set_new(o, "samples", json_integer((json_int_t)r->n_samples));
    bad |= json_object_set_new(o, "samples_min", json_integer(r->n_min));
    bad |= json_object_set_new(o, "samples_max", json_integer(r->n_max));
    bad |= json_object_set_new(o, "right", json_integer((json_int_t)r->n_correct));
    bad |= json_object_set_new(o, "correct", json_integer((json_int_t)r->n_correct));
    bad |= json_object_set_new(o, "accuracy", accuracy(r));
    for (size_t j = 0; j < t->n_k; j++) {
        char k[16];
        snprintf(k, sizeof k, "%u", t->k[j]);
        bad |= json_object_set_new(pass, k, raml_json_estimate(&r->pass[j]));
    }
    bad |= json_object_set_new(o, "pass_at_k", pass);
    if (t->n_measures) bad |= json_object_set_new(o, "measures", measures(t, r));
    bad |= json_object_set_new(o, "truncated", json_integer((json_int_t)r->n_truncated));
    bad |= json_object_set_new(o, "unclosed", json_integer((json_int_t)r->n_unclosed));
    return raml_json_checked(o, bad);
}

json_t *raml_table_json(const struct raml_table *t)
{
    json_t *o = json_object(), *by = json_array(), *rows = json_array();
    int bad = 0;
    if (t->by & RAML_BY_SPLIT) bad |= json_array_append_new(by, json_string("split"));
    if (t->by & RAML_BY_FAMILY) bad |= json_array_append_new(by, json_string("family"));
    if (t->by & RAML_BY_DIFFICULTY) bad |= json_array_append_new(by, json_string("difficulty"));
    for (size_t i = 0; i + 1 < t->n_rows; i++) bad |= json_array_append_new(rows, row_json(t, &t->row[i], t->by));
    bad |= json_object_set_new(o, "by", by);
    bad |= json_object_set_new(o, "rows", rows);
    bad |= json_object_set_new(o, "all", t->n_rows ? row_json(t, &t->row[t->n_rows - 1], 0) : json_null());
    return raml_json_checked(o, bad);
}
