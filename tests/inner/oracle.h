/* oracle.h - the numbers of ../shared/oracle/lab, to test the inner loop's pure functions. */
#ifndef TESTS_ORACLE_H
#define TESTS_ORACLE_H

#include "core/json.h"
#include "core/scratch.h"

#include <math.h>

/* Skips the test, loudly, where the oracle is absent. name: "curves.json". */
static inline json_t *oracle_open(const char *name)
{
    struct raml_err err = {0};
    json_t *root = NULL;
    char path[700];
    if (!raml_is_dir(RAML_SHARED "/oracle/lab")) {
        fprintf(stderr, "\n*** %s/oracle/lab is absent: nothing was checked against it ***\n\n", RAML_SHARED);
        skip();
    }
    snprintf(path, sizeof path, "%s/oracle/lab/%s", RAML_SHARED, name);
    must(raml_json_load(path, 1 << 24, &root, &err), &err);
    return root;
}

/* What the oracle has as null is NaN here. */
static inline double oracle_number(const json_t *x)
{
    assert_non_null(x);
    return json_is_null(x) ? NAN : json_number_value(x);
}

/* Numbers of a list, in memory of the caller's to free. */
static inline double *oracle_numbers(const json_t *list, size_t *n)
{
    assert_true(json_is_array(list));
    *n = json_array_size(list);
    double *x = calloc(*n + 1, sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < *n; i++) x[i] = oracle_number(json_array_get(list, i));
    return x;
}

static inline void oracle_near(const char *what, double got, const json_t *want_, double tol)
{
    double want = oracle_number(want_), scale = fmax(1, fabs(want));
    if (isnan(want) ? isnan(got) : fabs(got - want) <= tol * scale) return;
    fail_msg("%s: got %.17g, expected %.17g", what, got, want);
}

#endif
