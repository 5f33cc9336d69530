/* exits_runs.c - every policy replayed on every trajectory of a stored set. See exits_parts.h. */
#include "study/exits_parts.h"

#include <stdlib.h>

static struct raml_exits_run small(const struct raml_exit_run *r)
{
    return (struct raml_exits_run){.stop = (uint32_t)r->stop,
                                   .answer = (uint32_t)r->answer,
                                   .probe_tokens = (uint32_t)r->probe_tokens,
                                   .total = (uint32_t)r->total,
                                   .n_probes = (uint32_t)r->n_probes,
                                   .n_entropy_probes = (uint32_t)r->n_entropy_probes,
                                   .reason = r->reason,
                                   .right = r->right};
}

enum raml_code raml_exits_runs(const struct raml_exits_set *s, const struct raml_exits_policies *p,
                               struct raml_exits_runs *out, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    *out = (struct raml_exits_runs){.set = s, .policies = p};
    out->run = calloc(p->n * s->n + 1, sizeof *out->run);
    if (!out->run) return raml_fail(err, RAML_ENOMEM, "no memory for %zu policies on %zu trajectories", p->n, s->n);
    for (size_t k = 0; !rc && k < p->n; k++)
        for (size_t i = 0; !rc && i < s->n; i++) {
            const struct raml_exits_trajectory *t = &s->trajectory[i];
            const struct raml_exit_stored stored = raml_exits_stored(t, &p->policy[k].p);
            struct raml_exit_run r;
            rc = raml_exit_replay(&p->policy[k].p, &stored, &s->cost, &r, err);
            if (rc) rc = raml_wrap(err, rc, "policy %s: '%.100s', sample %zu", p->policy[k].settings, t->id, t->sample);
            else out->run[k * s->n + i] = small(&r);
        }
    if (rc) raml_exits_runs_deinit(out);
    return rc;
}

void raml_exits_runs_deinit(struct raml_exits_runs *r)
{
    free(r->run);
    *r = (struct raml_exits_runs){0};
}

const struct raml_exits_run *raml_exits_run_of(const struct raml_exits_runs *r, size_t policy, size_t trajectory)
{
    return &r->run[policy * r->set->n + trajectory];
}
