/* declared_print.c - a study's verdicts as lines of text. See study.h. */
#include "study/declared.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static double get(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

static const char *text(const json_t *o, const char *key)
{
    const char *t = json_string_value(json_object_get(o, key));
    return t ? t : "";
}

void raml_study_print(const json_t *doc, struct raml_buf *out)
{
    const json_t *claims = json_object_get(doc, "claims"), *study = json_object_get(doc, "study");
    size_t count[3] = {0};
    for (size_t i = 0; i < json_array_size(claims); i++) {
        const json_t *c = json_array_get(claims, i);
        char interval[80] = "no interval", value[32] = "no value";
        double e = get(c, "estimate"), low = get(c, "low"), high = get(c, "high");
        if (isfinite(e)) snprintf(value, sizeof value, "%.3g", e);
        if (isfinite(low)) snprintf(interval, sizeof interval, "[%.3g, %.3g]", low, high);
        for (int v = 0; v < 3; v++)
            count[v] += !strcmp(text(c, "verdict"), raml_study_verdict_name((enum raml_study_verdict)v));
        raml_buf_addf(out, "%-14s %-13s %s %s%s%s; holds %s %.4g\n               %s\n", text(c, "id"),
                      text(c, "verdict"), value, interval, *text(c, "unit") ? " " : "", text(c, "unit"),
                      text(c, "rule"), get(c, "by"), text(c, "says"));
    }
    raml_buf_addf(out, "%zu claims: %zu hold, %zu do not, %zu undecided; %g seeds; declared %.12s\n",
                  json_array_size(claims), count[RAML_STUDY_HOLDS], count[RAML_STUDY_DOES_NOT],
                  count[RAML_STUDY_UNDECIDED], get(study, "seeds"), text(study, "sha256"));
}
