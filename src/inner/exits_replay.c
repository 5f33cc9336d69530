/* exits_replay.c - a policy of early exit on a stored set of probes: see exits.h. */
#include "inner/exits.h"

struct replay {
    const struct raml_exit_policy *p;
    const struct raml_exit_stored *t;
    const struct raml_exit_costs *cost;
    struct raml_exit_state *state;
    struct raml_exit_run run;
    size_t expected; /* the next place that the stride asks for */
    size_t before;   /* the entropy probe before this one */
    bool paid;       /* the probe that is the answer was decoded */
};

static enum raml_code check(const struct raml_exit_stored *t, struct raml_err *err)
{
    for (size_t k = 1; k < t->n_probes; k++)
        if (t->probe[k].at <= t->probe[k - 1].at)
            return raml_fail(err, RAML_ERANGE, "probe %zu: after %zu tokens after %zu; expected rising places", k + 1,
                             t->probe[k].at, t->probe[k - 1].at);
    if (t->n_probes == 0 || t->probe[0].at != 0 || t->probe[t->n_probes - 1].at != t->n_tokens)
        return raml_fail(err, RAML_ERANGE, "probes of %zu tokens: none at 0 or none at the end", t->n_tokens);
    return RAML_OK;
}

/* The budget that a stored place has. */
static struct raml_exit_policy adapted(const struct raml_exit_policy *p, const struct raml_exit_stored *t)
{
    struct raml_exit_policy own = *p;
    if (p->kind != RAML_EXIT_BUDGET) return own;
    own.budget = 0;
    for (size_t k = 0; k < t->n_probes && t->probe[k].at <= p->budget; k++) own.budget = t->probe[k].at;
    return own;
}

static void pay_answer(struct replay *r, const struct raml_exit_probe *probe)
{
    r->run.n_probes++;
    r->run.probe_tokens += r->cost->cue + probe->n_tokens;
}

static enum raml_code missing(const struct replay *r, size_t at, struct raml_err *err)
{
    return raml_fail(err, RAML_ERANGE, "no probe is stored after %zu of %zu tokens: policy %s asks for one every %zu",
                     at, r->t->n_tokens, raml_exit_kind_name(r->p->kind), r->p->stride);
}

static bool places_by_stride(const struct raml_exit_policy *p)
{
    return p->stride && p->kind != RAML_EXIT_FULL && p->kind != RAML_EXIT_BUDGET;
}

/* Stops at probe k. Released code writes a chunk meanwhile (Dynasor), or takes the place before (EAT). */
static bool stop_at(struct replay *r, size_t k, enum raml_exit_want want)
{
    const struct raml_exit_policy *p = r->p;
    size_t at = r->t->probe[k].at;
    if (p->released && p->kind == RAML_EXIT_DYNASOR) {
        at += p->stride;
        if (at >= r->t->n_tokens) return false; /* never looked at: the thinking has ended */
    }
    r->run.answer = k;
    r->paid = want == RAML_EXIT_ANSWER;
    if (p->released && p->kind == RAML_EXIT_EAT) {
        r->run.answer = r->before;
        at = r->t->probe[r->before].at;
    }
    r->run.stop = at;
    return true;
}

static enum raml_code probe(struct replay *r, size_t k, bool *stop, struct raml_err *err)
{
    const struct raml_exit_probe *x = &r->t->probe[k];
    enum raml_exit_want want = raml_exit_wants(r->state, x->at, x->wait);
    if (places_by_stride(r->p) && x->at >= r->expected) {
        if (x->at > r->expected) return missing(r, r->expected, err);
        r->expected += r->p->stride;
    }
    if (want == RAML_EXIT_NOTHING) return RAML_OK;
    bool found;
    const char *reason;
    enum raml_code rc = raml_exit_see(r->state, x, &found, &reason, err);
    if (rc) return rc;
    if (want == RAML_EXIT_ANSWER) pay_answer(r, x);
    if (want == RAML_EXIT_ENTROPY) {
        r->run.n_entropy_probes++;
        r->run.probe_tokens += r->cost->entropy;
    }
    *stop = found && stop_at(r, k, want);
    if (*stop) r->run.reason = reason;
    r->before = k;
    return RAML_OK;
}

enum raml_code raml_exit_replay(const struct raml_exit_policy *p, const struct raml_exit_stored *t,
                                const struct raml_exit_costs *cost, struct raml_exit_run *out, struct raml_err *err)
{
    struct replay r = {.p = p, .t = t, .cost = cost};
    enum raml_code rc = check(t, err);
    if (rc) return rc;
    struct raml_exit_policy own = adapted(p, t);
    if ((rc = raml_exit_open(&own, &r.state, err))) return rc;
    size_t last = t->n_probes - 1;
    r.run = (struct raml_exit_run){.stop = t->n_tokens, .answer = last, .reason = "end"};
    bool stop = false;
    for (size_t k = 0; !rc && !stop && k < last; k++) rc = probe(&r, k, &stop, err);
    if (!rc && !stop && places_by_stride(p) && r.expected < t->n_tokens) rc = missing(&r, r.expected, err);
    raml_exit_close(r.state);
    if (rc) return rc;
    if (!r.paid) pay_answer(&r, &t->probe[r.run.answer]);
    r.run.right = t->probe[r.run.answer].right;
    r.run.total = r.run.stop + r.run.probe_tokens;
    *out = r.run;
    return RAML_OK;
}
