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

static void add_claim(const json_t *c, struct raml_buf *out)
{
    char interval[80] = "no interval", value[32] = "no value";
    double e = get(c, "estimate"), low = get(c, "low"), high = get(c, "high");
    raml_buf_addf(out, "%-14s %-13s ", text(c, "id"), text(c, "verdict"));
    if (isfinite(e)) snprintf(value, sizeof value, "%.3g", e);
    if (isfinite(low)) snprintf(interval, sizeof interval, "[%.3g, %.3g]", low, high);
    if (*text(c, "missing")) raml_buf_adds(out, text(c, "missing"));
    else raml_buf_addf(out, "%s %s%s%s", value, interval, *text(c, "unit") ? " " : "", text(c, "unit"));
    raml_buf_addf(out, "; holds %s %.4g\n               %s\n", text(c, "rule"), get(c, "by"), text(c, "says"));
}

/* "3 seeds", "3 seeds from 4 on" */
static void add_seeds(const json_t *study, struct raml_buf *out)
{
    double n = get(study, "seeds"), first = get(study, "first_seed");
    raml_buf_addf(out, "%g seed%s", n, n > 1 ? "s" : "");
    if (first > 1) raml_buf_addf(out, " from %g on", first);
}

/* "trajectories, quick, 3 seeds, declared 0123456789ab: what it is about" */
static void add_heading(const json_t *part, struct raml_buf *out)
{
    const json_t *study = json_object_get(part, "study");
    raml_buf_addf(out, "%s%s%s, ", text(part, "part"), *text(study, "scale") ? ", " : "", text(study, "scale"));
    add_seeds(study, out);
    raml_buf_addf(out, ", declared %.12s%s%s\n", text(study, "sha256"), *text(part, "about") ? ": " : "",
                  text(part, "about"));
}

void raml_study_print(const json_t *doc, struct raml_buf *out)
{
    const json_t *claims = json_object_get(doc, "claims"), *study = json_object_get(doc, "study");
    const json_t *parts = json_object_get(doc, "parts");
    size_t count[RAML_STUDY_VERDICTS] = {0}, n_parts = json_array_size(parts);
    for (size_t p = 0; p < (n_parts ? n_parts : 1); p++) {
        const json_t *part = json_array_get(parts, p);
        if (part) add_heading(part, out);
        for (size_t i = 0; i < json_array_size(claims); i++) {
            const json_t *c = json_array_get(claims, i);
            if (part && strcmp(text(c, "part"), text(part, "part"))) continue;
            add_claim(c, out);
            for (int v = 0; v < RAML_STUDY_VERDICTS; v++)
                count[v] += !strcmp(text(c, "verdict"), raml_study_verdict_name((enum raml_study_verdict)v));
        }
        if (part) raml_buf_adds(out, "\n");
    }
    raml_buf_addf(out, "%zu claim%s: %zu hold, %zu do not, %zu undecided", json_array_size(claims),
                  json_array_size(claims) == 1 ? "" : "s", count[RAML_STUDY_HOLDS], count[RAML_STUDY_DOES_NOT],
                  count[RAML_STUDY_UNDECIDED]);
    if (count[RAML_STUDY_NOT_MEASURED]) raml_buf_addf(out, ", %zu not measured", count[RAML_STUDY_NOT_MEASURED]);
    if (n_parts) raml_buf_addf(out, "; %zu part%s", n_parts, n_parts > 1 ? "s" : "");
    else {
        raml_buf_adds(out, "; ");
        add_seeds(study, out);
    }
    raml_buf_addf(out, "; declared %.12s\n", text(study, "sha256"));
}
