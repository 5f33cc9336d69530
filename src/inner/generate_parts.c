/* generate_parts.c - see generate_parts.h: what a job writes, and its name. */
#include "inner/generate_parts.h"

#include "core/array.h"

#include <stdio.h>
#include <stdlib.h>

void raml_generated_deinit(struct raml_generated *s)
{
    free(s->token);
    free(s->logp);
    free(s->mu_logp);
    *s = (struct raml_generated){0};
}

enum raml_code raml_generated_add(struct raml_generated *s, int32_t token, float logp, float mu_logp,
                                  struct raml_err *err)
{
    size_t cap = s->cap, cap_mu = cap;
    enum raml_code rc = RAML_GROW(s->token, cap, s->n + 1, "tokens of a sample", err);
    if (!rc) rc = RAML_GROW(s->mu_logp, cap_mu, s->n + 1, "tokens of a sample", err);
    if (!rc) rc = RAML_GROW(s->logp, s->cap, s->n + 1, "tokens of a sample", err);
    if (rc) return rc;
    s->token[s->n] = token;
    s->mu_logp[s->n] = mu_logp;
    s->logp[s->n++] = logp;
    return RAML_OK;
}

const char *raml_generate_name(const struct raml_generate_job *j, size_t job, char number[32])
{
    if (j->name) return j->name;
    snprintf(number, 32, "job %zu", job + 1);
    return number;
}
