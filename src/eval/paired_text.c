/* paired_text.c - a comparison as lines of text and as JSON (paired.h). */
#include "raml/paired.h"

#include "eval/columns.h"
#include "eval/json_parts.h"

#include <math.h>

static void head(struct raml_columns *l, const char *first, const char *second)
{
    l->n = 0;
    raml_column_name(l, "measure");
    raml_column_name(l, first);
    raml_column_name(l, second);
    l->cell[1].left = l->cell[2].left = false; /* over numbers */
    raml_column_number(l, "difference");
    raml_column_number(l, "95 %% interval");
    raml_column_number(l, "p");
    raml_column_number(l, "better");
    raml_column_number(l, "worse");
    raml_column_number(l, "equal");
}

static void line(struct raml_columns *l, const struct raml_difference *d)
{
    char name[RAML_MEASURE_NAME];
    raml_measure_name(&d->measure, name);
    l->n = 0;
    raml_column_name(l, name);
    raml_column_rate(l, d->first);
    raml_column_rate(l, d->second);
    raml_column_number(l, "%+.1f", 100 * d->d.value);
    if (isnan(d->d.low) || isnan(d->d.high)) raml_column_number(l, "-");
    else raml_column_number(l, "%+.1f to %+.1f", 100 * d->d.low, 100 * d->d.high);
    raml_column_number(l, "%.4f", d->p);
    raml_column_number(l, "%zu", d->n_better);
    raml_column_number(l, "%zu", d->n_worse);
    raml_column_number(l, "%zu", d->n_equal);
}

static void tell_only(const char *which, size_t n, char *const *named, struct raml_buf *out)
{
    if (!n) return;
    raml_buf_addf(out, "%zu only in %s:", n, which);
    for (size_t i = 0; i < RAML_PAIRED_NAMED && named[i]; i++) raml_buf_addf(out, "%s %s", i ? "," : "", named[i]);
    raml_buf_adds(out, n > RAML_PAIRED_NAMED ? ", ...\n" : "\n");
}

void raml_paired_text(const struct raml_paired *p, const char *first, const char *second, struct raml_buf *out)
{
    struct raml_columns l;
    size_t width[RAML_MAX_COLUMNS] = {0};
    raml_buf_addf(out, "%zu questions in both\n", p->n_both);
    tell_only(first, p->n_only_first, p->only_first, out);
    tell_only(second, p->n_only_second, p->only_second, out);
    head(&l, first, second);
    raml_columns_widen(width, &l);
    for (size_t i = 0; i < p->n_differences; i++) {
        line(&l, &p->difference[i]);
        raml_columns_widen(width, &l);
    }
    head(&l, first, second);
    raml_columns_write(&l, width, out);
    for (size_t i = 0; i < p->n_differences; i++) {
        line(&l, &p->difference[i]);
        raml_columns_write(&l, width, out);
    }
    if (p->one_each)
        raml_buf_addf(out, "McNemar: %zu correct only in %s, %zu only in %s, p = %.4f\n", p->mcnemar_b, first,
                      p->mcnemar_c, second, p->mcnemar_p);
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

static json_t *difference(const struct raml_difference *d)
{
    json_t *o = json_object();
    int bad = json_object_set_new(o, "first", raml_json_number(d->first));
    bad |= json_object_set_new(o, "second", raml_json_number(d->second));
    bad |= json_object_set_new(o, "difference", raml_json_estimate(&d->d));
    bad |= json_object_set_new(o, "p", raml_json_number(d->p));
    bad |= json_object_set_new(o, "better", json_integer((json_int_t)d->n_better));
    bad |= json_object_set_new(o, "worse", json_integer((json_int_t)d->n_worse));
    bad |= json_object_set_new(o, "equal", json_integer((json_int_t)d->n_equal));
    return raml_json_checked(o, bad);
}

static json_t *only(size_t n, char *const *named)
{
    json_t *o = json_object(), *ids = json_array();
    int bad = json_object_set_new(o, "questions", json_integer((json_int_t)n));
    for (size_t i = 0; i < RAML_PAIRED_NAMED && named[i]; i++) bad |= json_array_append_new(ids, json_string(named[i]));
    bad |= json_object_set_new(o, "ids", ids);
    return raml_json_checked(o, bad);
}

static json_t *mcnemar(const struct raml_paired *p)
{
    json_t *o = json_object();
    int bad = json_object_set_new(o, "first_only", json_integer((json_int_t)p->mcnemar_b));
    bad |= json_object_set_new(o, "second_only", json_integer((json_int_t)p->mcnemar_c));
    bad |= json_object_set_new(o, "p", raml_json_number(p->mcnemar_p));
    return raml_json_checked(o, bad);
}

json_t *raml_paired_json(const struct raml_paired *p)
{
    json_t *o = json_object(), *measures = json_object();
    int bad = json_object_set_new(o, "questions", json_integer((json_int_t)p->n_both));
    bad |= json_object_set_new(o, "only_first", only(p->n_only_first, p->only_first));
    bad |= json_object_set_new(o, "only_second", only(p->n_only_second, p->only_second));
    for (size_t i = 0; i < p->n_differences; i++) {
        char name[RAML_MEASURE_NAME];
        raml_measure_name(&p->difference[i].measure, name);
        bad |= json_object_set_new(measures, name, difference(&p->difference[i]));
    }
    bad |= json_object_set_new(o, "measures", measures);
    if (p->one_each) bad |= json_object_set_new(o, "mcnemar", mcnemar(p));
    return raml_json_checked(o, bad);
}
