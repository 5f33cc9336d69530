/* verdicts.c - see verdicts.h. */
#include "cli/verdicts.h"

#include "core/clock.h"
#include "core/json.h"

#include <stdio.h>
#include <stdlib.h>

enum { UNKNOWN, DIFFERENT, EQUAL, N_VERDICTS };

void cli_verdicts_begin(struct cli_verdicts *v)
{
    *v = (struct cli_verdicts){.began = raml_clock_monotonic()};
}

void cli_verdicts_add(struct cli_verdicts *v, const struct cli_verdict *one)
{
    int k = one->verdict == RAML_EQUAL ? EQUAL : one->verdict == RAML_DIFFERENT ? DIFFERENT : UNKNOWN;
    v->n++;
    v->count[k]++;
    if (one->label >= 0) v->labelled[k][one->label]++;
}

static size_t n_labelled(const struct cli_verdicts *v)
{
    size_t n = 0;
    for (int k = 0; k < N_VERDICTS; k++) n += v->labelled[k][0] + v->labelled[k][1];
    return n;
}

static json_t *row(const struct cli_verdicts *v, int k)
{
    return json_pack("{s:I, s:I}", "equal", (json_int_t)v->labelled[k][1], "different", (json_int_t)v->labelled[k][0]);
}

static enum raml_code print_json(const struct cli_verdicts *v, double per_second, const char *out, FILE *f,
                                 struct raml_err *err)
{
    json_t *o = json_pack("{s:s?, s:I, s:I, s:I, s:I, s:f}", "out", out, "checks", (json_int_t)v->n, "equal",
                          (json_int_t)v->count[EQUAL], "different", (json_int_t)v->count[DIFFERENT], "unknown",
                          (json_int_t)v->count[UNKNOWN], "checks_per_second", per_second);
    if (o && n_labelled(v))
        o = raml_json_checked(o, json_object_set_new(o, "by_label",
                                                     json_pack("{s:o, s:o, s:o}", "equal", row(v, EQUAL), "different",
                                                               row(v, DIFFERENT), "unknown", row(v, UNKNOWN))));
    char *text = o ? json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(o);
    if (!text) return raml_fail(err, RAML_ENOMEM, "no memory for the summary");
    fprintf(f, "%s\n", text);
    free(text);
    return RAML_OK;
}

enum raml_code cli_verdicts_print(const struct cli_verdicts *v, bool json, const char *out, struct raml_err *err)
{
    static const char *const names[N_VERDICTS] = {"unknown", "different", "equal"};
    FILE *f = out ? stdout : stderr;
    double took = raml_clock_monotonic() - v->began, per_second = took > 0 ? (double)v->n / took : 0;
    if (json) return print_json(v, per_second, out, f, err);
    if (out) fprintf(f, "%s: ", out);
    fprintf(f, "%zu checks: %zu equal, %zu different, %zu unknown; %.0f checks/s\n", v->n, v->count[EQUAL],
            v->count[DIFFERENT], v->count[UNKNOWN], per_second);
    size_t n = n_labelled(v), agree = v->labelled[EQUAL][1] + v->labelled[DIFFERENT][0];
    if (!n) return RAML_OK;
    fprintf(f, "\n%-12s %16s %20s\n", "", "labelled equal", "labelled different");
    for (int k = EQUAL; k >= UNKNOWN; k--)
        fprintf(f, "%-12s %16zu %20zu\n", names[k], v->labelled[k][1], v->labelled[k][0]);
    fprintf(f, "agreement: %zu of %zu labelled lines, %.1f %%\n", agree, n, 100.0 * (double)agree / (double)n);
    return RAML_OK;
}
