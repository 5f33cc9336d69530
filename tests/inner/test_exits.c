/* Policies of early exit: replayed on a stored set against an independent implementation, and what released code does
 * beside what it should. */
#include "inner/oracle.h"

#include "check_near.h"
#include "inner/exits.h"

#include <string.h>

enum { TRAJECTORIES = 10, POLICIES = 56, MOST = 300 };

struct set {
    json_t *root;
    struct raml_exit_probe probe[TRAJECTORIES][MOST];
    struct raml_exit_stored stored[TRAJECTORIES];
    double *prob[TRAJECTORIES][MOST];
    struct raml_exit_costs cost;
    size_t checked;
};

static const char *text_of(const json_t *o, const char *field)
{
    const char *text = json_string_value(json_object_get(o, field));
    assert_non_null(text);
    return text;
}

static size_t count_of(const json_t *o, const char *field)
{
    const json_t *x = json_object_get(o, field);
    assert_true(json_is_integer(x));
    return (size_t)json_integer_value(x);
}

static double number_of(const json_t *o, const char *field)
{
    return oracle_number(json_object_get(o, field));
}

static bool true_of(const json_t *o, const char *field)
{
    const json_t *x = json_object_get(o, field);
    assert_true(json_is_boolean(x));
    return json_is_true(x);
}

static void open_trajectory(struct set *s, size_t i, const json_t *t)
{
    const json_t *list = json_object_get(t, "probes"), *x;
    size_t k;
    assert_true(json_array_size(list) > 1 && json_array_size(list) <= MOST);
    json_array_foreach (list, k, x) {
        struct raml_exit_probe *p = &s->probe[i][k];
        *p = (struct raml_exit_probe){.at = count_of(x, "at"),
                                      .wait = true_of(x, "wait"),
                                      .answer = text_of(x, "answer"),
                                      .text = text_of(x, "text"),
                                      .n_tokens = count_of(x, "tokens"),
                                      .entropy = number_of(x, "entropy"),
                                      .loss = number_of(x, "loss"),
                                      .right = !strcmp(text_of(x, "answer"), text_of(t, "gold"))};
        p->prob = s->prob[i][k] = oracle_numbers(json_object_get(x, "token_probs"), &p->n_prob);
        if (!*p->answer) p->n_prob = 0; /* the oracle has one number there, of what is no answer */
    }
    s->stored[i] = (struct raml_exit_stored){.n_tokens = count_of(t, "tokens"), .probe = s->probe[i], .n_probes = k};
}

static void set_open(struct set *s)
{
    const json_t *t;
    size_t i;
    memset(s, 0, sizeof *s);
    s->root = oracle_open("exits.json");
    s->cost = (struct raml_exit_costs){count_of(s->root, "cue_tokens"), count_of(s->root, "entropy_probe_tokens")};
    assert_int_equal(json_array_size(json_object_get(s->root, "trajectories")), TRAJECTORIES);
    json_array_foreach (json_object_get(s->root, "trajectories"), i, t) open_trajectory(s, i, t);
}

static void set_close(struct set *s)
{
    for (size_t i = 0; i < TRAJECTORIES; i++)
        for (size_t k = 0; k < MOST; k++) free(s->prob[i][k]);
    json_decref(s->root);
}

static enum raml_exit_mean mean_of(const char *how)
{
    if (!strcmp(how, "geometric")) return RAML_EXIT_GEOMETRIC;
    if (!strcmp(how, "arithmetic")) return RAML_EXIT_ARITHMETIC;
    assert_string_equal(how, "min");
    return RAML_EXIT_MIN;
}

static enum raml_exit_kind kind_of(const char *name)
{
    for (size_t k = 0; k < RAML_EXIT_KINDS; k++)
        if (!strcmp(raml_exit_kind_name((enum raml_exit_kind)k), name)) return (enum raml_exit_kind)k;
    fail_msg("no policy '%s'", name);
    return RAML_EXIT_KINDS;
}

static struct raml_exit_policy policy_of(const json_t *o)
{
    struct raml_exit_policy p = {.kind = kind_of(text_of(o, "policy"))};
    const json_t *settings = json_object_get(o, "settings"), *x;
    const char *name;
    json_object_foreach ((json_t *)(uintptr_t)settings, name, x) {
        double v = json_number_value(x);
        if (!strcmp(name, "B")) p.budget = (size_t)v;
        else if (!strcmp(name, "r") || !strcmp(name, "N")) p.repeats = (size_t)v;
        else if (!strcmp(name, "stride") || !strcmp(name, "chunk")) p.stride = (size_t)v;
        else if (!strcmp(name, "bound")) p.bound = v;
        else if (!strcmp(name, "how")) p.mean = mean_of(json_string_value(x));
        else if (!strcmp(name, "most")) p.most = (size_t)v;
        else if (!strcmp(name, "released")) p.released = json_is_true(x);
        else if (!strcmp(name, "tau")) p.tau = v;
        else if (!strcmp(name, "low")) p.low = v;
        else if (!strcmp(name, "high")) p.high = v;
        else if (!strcmp(name, "ramp")) p.ramp = v;
        else if (!strcmp(name, "delta") && p.kind == RAML_EXIT_CODE_STOP) p.fall = v;
        else if (!strcmp(name, "delta")) p.delta = v;
        else if (!strcmp(name, "alpha")) p.alpha = v;
        else if (!strcmp(name, "warm")) p.warm = (size_t)v;
        else fail_msg("policy %s has an unknown setting '%s'", text_of(o, "policy"), name);
    }
    return p;
}

/* -- Every number of the oracle ------------------------------------------------------------------------------------ */

static void same(struct set *s, const char *what, size_t got, size_t want)
{
    if (got != want) fail_msg("%s: got %zu, expected %zu", what, got, want);
    s->checked++;
}

static void check_run(struct set *s, const struct raml_exit_policy *p, size_t i, const json_t *want,
                      struct raml_exit_run *r)
{
    struct raml_err err = {0};
    must(raml_exit_replay(p, &s->stored[i], &s->cost, r, &err), &err);
    same(s, "stop", r->stop, count_of(want, "stop"));
    assert_string_equal(r->reason, text_of(want, "reason"));
    assert_string_equal(s->stored[i].probe[r->answer].answer, text_of(want, "answer"));
    same(s, "right", r->right, true_of(want, "right"));
    same(s, "probes", r->n_probes, count_of(want, "probes"));
    same(s, "entropy probes", r->n_entropy_probes, count_of(want, "entropy_probes"));
    same(s, "tokens of probes", r->probe_tokens, count_of(want, "probe_tokens"));
    same(s, "total", r->total, count_of(want, "total"));
    s->checked += 2;
}

static void check_mean(struct set *s, const json_t *summary, const char *field, double sum, double over)
{
    oracle_near(field, sum / over, json_object_get(summary, field), 1e-15);
    s->checked++;
}

static void check_summary(struct set *s, const json_t *summary, const struct raml_exit_run *run, size_t full)
{
    size_t right = 0, stop = 0, probes = 0, total = 0, T = 0, reasons = 0;
    const char *reason;
    const json_t *n;
    for (size_t i = 0; i < TRAJECTORIES; i++) {
        right += run[i].right;
        stop += run[i].stop;
        probes += run[i].probe_tokens;
        total += run[i].total;
        T += s->stored[i].n_tokens;
    }
    check_mean(s, summary, "accuracy", (double)right, TRAJECTORIES);
    check_mean(s, summary, "stop", (double)stop, TRAJECTORIES);
    check_mean(s, summary, "probe_tokens", (double)probes, TRAJECTORIES);
    check_mean(s, summary, "total", (double)total, TRAJECTORIES);
    check_mean(s, summary, "kept", (double)stop, (double)T);
    check_mean(s, summary, "cost_kept", (double)total, (double)full);
    json_object_foreach (json_object_get(summary, "reasons"), reason, n) {
        size_t seen = 0;
        for (size_t i = 0; i < TRAJECTORIES; i++) seen += !strcmp(run[i].reason, reason);
        same(s, reason, seen, (size_t)json_integer_value(n));
        reasons += seen;
    }
    assert_int_equal(reasons, TRAJECTORIES);
}

static void oracle_numbers_of_all_policies(void **state)
{
    (void)state;
    static struct set s;
    set_open(&s);
    const json_t *p, *run;
    size_t k, i, full = 0;
    json_array_foreach (json_object_get(s.root, "policies"), k, p) {
        struct raml_exit_policy policy = policy_of(p);
        struct raml_exit_run r[TRAJECTORIES];
        assert_int_equal(json_array_size(json_object_get(p, "runs")), TRAJECTORIES);
        json_array_foreach (json_object_get(p, "runs"), i, run) check_run(&s, &policy, i, run, &r[i]);
        for (i = 0; k == 0 && i < TRAJECTORIES; i++) full += r[i].total; /* the first is full thinking */
        check_summary(&s, json_object_get(p, "summary"), r, full);
    }
    assert_int_equal(k, POLICIES);
    print_message("%zu numbers and texts of %d policies on %d trajectories\n", s.checked, POLICIES, TRAJECTORIES);
    set_close(&s);
}

/* -- By hand ------------------------------------------------------------------------------------------------------- */

/* Probes every 32 tokens of thinking with as many answers, the last at the end. Each: one token of its answer with
 * probability 0.5, and one after it. */
struct hand {
    struct raml_exit_probe probe[40];
    struct raml_exit_stored stored;
    double prob[40][2];
};

static void hand_open(struct hand *h, const char *const *answer, size_t n)
{
    memset(h, 0, sizeof *h);
    for (size_t k = 0; k < n; k++) {
        h->prob[k][0] = h->prob[k][1] = 0.5;
        h->probe[k] = (struct raml_exit_probe){.at = 32 * k,
                                               .wait = true,
                                               .answer = answer[k],
                                               .text = answer[k],
                                               .prob = h->prob[k],
                                               .n_prob = *answer[k] ? 1 : 0,
                                               .n_tokens = 2,
                                               .entropy = NAN,
                                               .loss = NAN,
                                               .right = !strcmp(answer[k], "7")};
    }
    h->stored = (struct raml_exit_stored){.n_tokens = 32 * (n - 1), .probe = h->probe, .n_probes = n};
}

static struct raml_exit_run replay(const struct hand *h, const struct raml_exit_policy *p)
{
    struct raml_err err = {0};
    struct raml_exit_run r;
    const struct raml_exit_costs cost = {10, 2};
    must(raml_exit_replay(p, &h->stored, &cost, &r, &err), &err);
    return r;
}

static const char *const answers[] = {"", "3", "3", "7", "7", "7", "7", "7"};

static void stability_by_hand(void **state)
{
    (void)state;
    struct hand h;
    hand_open(&h, answers, COUNT(answers));
    struct raml_exit_policy p = {.kind = RAML_EXIT_STABILITY, .stride = 32, .repeats = 3};
    struct raml_exit_run r = replay(&h, &p); /* 3 times "7" at 96, 128, 160: 6 probes */
    assert_int_equal(r.stop, 160);
    assert_int_equal(r.n_probes, 6);
    assert_int_equal(r.total, 160 + 6 * 12);
    assert_true(r.right);
    p.bound = 0.5; /* not exceeded by 0.5 */
    r = replay(&h, &p);
    assert_string_equal(r.reason, "end");
    assert_int_equal(r.total, 224 + 7 * 12 + 12);
    p = (struct raml_exit_policy){.kind = RAML_EXIT_STABILITY, .stride = 64, .repeats = 2};
    r = replay(&h, &p); /* "", "3", "7", "7" */
    assert_int_equal(r.stop, 192);
    p.most = 3;
    assert_string_equal(replay(&h, &p).reason, "end");
}

static void empty_answers_are_never_equal(void **state)
{
    (void)state;
    const char *const none[] = {"", "", "", "", "7"};
    struct hand h;
    hand_open(&h, none, COUNT(none));
    const struct raml_exit_policy stable = {.kind = RAML_EXIT_STABILITY, .stride = 32, .repeats = 1},
                                  certain = {.kind = RAML_EXIT_DYNASOR, .stride = 32, .repeats = 1};
    assert_string_equal(replay(&h, &stable).reason, "end");
    assert_string_equal(replay(&h, &certain).reason, "end");
}

static void means_of_probabilities(void **state)
{
    (void)state;
    const double prob[] = {0.5, 1, 0.25, 1}, zero[] = {0, 1};
    CHECK_NEAR("geometric", raml_exit_mean_of(prob, 4, RAML_EXIT_GEOMETRIC), pow(0.125, 0.25), 1e-15);
    CHECK_NEAR("arithmetic", raml_exit_mean_of(prob, 4, RAML_EXIT_ARITHMETIC), 0.6875, 0);
    CHECK_NEAR("min", raml_exit_mean_of(prob, 4, RAML_EXIT_MIN), 0.25, 0);
    CHECK_NEAR("of a zero", raml_exit_mean_of(zero, 2, RAML_EXIT_GEOMETRIC), 0, 0);
    for (int m = RAML_EXIT_GEOMETRIC; m <= RAML_EXIT_MIN; m++)
        CHECK_NEAR("of none", raml_exit_mean_of(prob, 0, (enum raml_exit_mean)m), 0, 0);
}

/* A running sample asks and sees what the replay does. */
static void probe_after_probe(void **state)
{
    (void)state;
    struct hand h;
    struct raml_err err = {0};
    struct raml_exit_state *s;
    hand_open(&h, answers, COUNT(answers));
    const struct raml_exit_policy p = {.kind = RAML_EXIT_STABILITY, .stride = 64, .repeats = 2};
    must(raml_exit_open(&p, &s, &err), &err);
    size_t asked = 0, at = 0;
    bool stop = false;
    const char *reason = NULL;
    for (; !stop; at++) {
        if (raml_exit_wants(s, at, false) == RAML_EXIT_NOTHING) continue;
        assert_int_equal(at % 64, 0);
        must(raml_exit_see(s, &h.probe[at / 32], &stop, &reason, &err), &err);
        asked++;
    }
    raml_exit_close(s);
    struct raml_exit_run r = replay(&h, &p);
    assert_int_equal(at - 1, r.stop);
    assert_int_equal(asked, r.n_probes);
    assert_string_equal(reason, "stable");
}

static void budget_of_a_running_sample(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_exit_state *s;
    const struct raml_exit_policy p = {.kind = RAML_EXIT_BUDGET, .budget = 50};
    must(raml_exit_open(&p, &s, &err), &err);
    assert_int_equal(raml_exit_wants(s, 49, true), RAML_EXIT_NOTHING);
    assert_int_equal(raml_exit_wants(s, 50, false), RAML_EXIT_ANSWER);
    raml_exit_close(s);
    struct hand h;
    hand_open(&h, answers, COUNT(answers));
    assert_int_equal(replay(&h, &p).stop, 32); /* the last place that is stored */
}

/* -- What released code does, beside what it should ---------------------------------------------------------------- */

static void confidence_is_of_the_answer_alone(void **state)
{
    (void)state;
    const char *const one[] = {"7", "7"};
    struct hand h;
    hand_open(&h, one, COUNT(one));
    h.prob[0][0] = 0.6;  /* "7" */
    h.prob[0][1] = 0.99; /* the bracket after it, which is certain whatever the answer */
    h.probe[0].all_prob = h.prob[0];
    struct raml_exit_policy p = {.kind = RAML_EXIT_CONFIDENCE, .bound = 0.95};
    assert_string_equal(replay(&h, &p).reason, "end");
    p.released = true;
    assert_string_equal(replay(&h, &p).reason, "confident");
    struct raml_exit_policy c = raml_exit_policy_default(RAML_EXIT_CODE_STOP);
    c.low = c.high = 0.65;
    assert_string_equal(replay(&h, &c).reason, "end");
    c.released = true; /* sqrt(0.6 0.99) = 0.77 */
    assert_string_equal(replay(&h, &c).reason, "confident");
}

static void no_answer_is_no_confidence(void **state)
{
    (void)state;
    const char *const one[] = {"", "7"};
    struct hand h;
    hand_open(&h, one, COUNT(one));
    h.prob[0][0] = h.prob[0][1] = 1;
    h.probe[0].all_prob = h.prob[0];
    struct raml_exit_policy p = {.kind = RAML_EXIT_CONFIDENCE, .bound = 0.95};
    assert_string_equal(replay(&h, &p).reason, "end");
    p.released = true;
    assert_string_equal(replay(&h, &p).reason, "end");
}

static void note_is_no_word_of_doubt(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool whole, within;
    } cases[] = {{"7} note", false, true},       {"7} Wait, is it", true, true},  {"7} button", false, true},
                 {"7} it is so", false, false},  {"7} hmm", true, true},          {"No. 7}", true, true},
                 {"7} knots or NO", true, true}, {"7} no\xc3\xabl", false, true}, {"7} no2", false, true}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *const one[] = {"7", "7", "7"};
        struct hand h;
        hand_open(&h, one, COUNT(one));
        h.stored = (struct raml_exit_stored){.n_tokens = 32, .probe = h.probe, .n_probes = 2};
        h.probe[0].text = cases[i].text;
        struct raml_exit_policy p = {.kind = RAML_EXIT_DYNASOR, .stride = 32, .repeats = 1, .whole_words = true};
        assert_string_equal(replay(&h, &p).reason, cases[i].whole ? "end" : "certain");
        p.whole_words = false; /* the paper's filter, as published */
        assert_string_equal(replay(&h, &p).reason, cases[i].within ? "end" : "certain");
        p.whole_words = p.released = true; /* as released as well */
        h.stored = (struct raml_exit_stored){.n_tokens = 64, .probe = h.probe, .n_probes = 3};
        h.probe[1].text = cases[i].text;
        assert_string_equal(replay(&h, &p).reason, cases[i].within ? "end" : "certain");
    }
}

static void a_chunk_is_not_paid_for_waiting(void **state)
{
    (void)state;
    struct hand h;
    hand_open(&h, answers, COUNT(answers));
    struct raml_exit_policy p = {.kind = RAML_EXIT_DYNASOR, .stride = 32, .repeats = 3};
    struct raml_exit_run r = replay(&h, &p), late;
    p.released = true;
    late = replay(&h, &p);
    assert_int_equal(r.stop, 160);
    assert_int_equal(late.stop, 192);
    assert_int_equal(late.total, r.total + 32);
    assert_int_equal(late.n_probes, r.n_probes);
    p.repeats = 4; /* stops at 192: released, the thinking has ended when the probe would be looked at */
    late = replay(&h, &p);
    p.released = false;
    assert_int_equal(replay(&h, &p).stop, 192);
    assert_string_equal(late.reason, "end");
    assert_int_equal(late.n_probes, 8);
}

static void eat_returns_the_place_that_it_measured(void **state)
{
    (void)state;
    struct hand h;
    hand_open(&h, answers, COUNT(answers));
    for (size_t k = 0; k < COUNT(answers); k++) h.probe[k].entropy = k < 3 ? 1 - 0.3 * (double)k : 0.4;
    struct raml_exit_policy p = {.kind = RAML_EXIT_EAT, .stride = 32, .alpha = 1, .delta = 1e-9, .warm = 3};
    struct raml_exit_run r = replay(&h, &p), late; /* alpha 1: M = H, V = 0 always: the first after the warm-up */
    assert_int_equal(r.stop, 96);
    p.delta = 0; /* not below */
    assert_string_equal(replay(&h, &p).reason, "end");
    p.delta = 1e-9;
    assert_int_equal(r.n_entropy_probes, 4);
    assert_int_equal(r.total, 96 + 4 * 2 + 12);
    p.released = true; /* measured one later, returned one earlier */
    late = replay(&h, &p);
    assert_int_equal(late.n_entropy_probes, 5);
    assert_int_equal(late.stop, 96);
    assert_int_equal(late.answer, 3);
}

static void code_stop_falls_in_probabilities(void **state)
{
    (void)state;
    const char *const same_answer[] = {"7", "7", "7", "7", "7"};
    struct hand h;
    hand_open(&h, same_answer, COUNT(same_answer));
    const double c[] = {0.6, 0.55, 0.7, 0.69, 0.9};
    for (size_t k = 0; k < COUNT(c); k++) h.prob[k][0] = c[k];
    /* 2c - before: 0.5 falls; 0.85, 0.68, 1.11 do not. D at 64: ln(64/32) + 1 = 1.69; at 96: ln 3 + 1 = 2.1 */
    struct raml_exit_policy p = raml_exit_policy_default(RAML_EXIT_CODE_STOP);
    p.tau = 2;
    struct raml_exit_run r = replay(&h, &p);
    assert_string_equal(r.reason, "degraded");
    assert_int_equal(r.stop, 96);
    p.released = true; /* in logarithms the strict drops at 32 and 96 fall: at 96 D = 2.1 + 1 */
    p.tau = 3;
    assert_int_equal(replay(&h, &p).stop, 96);
    p.released = false;
    assert_string_equal(replay(&h, &p).reason, "end");
}

/* Ours reaches a bound, released code must exceed it; released code degrades at the third probe or later. */
static void code_stop_at_its_bounds(void **state)
{
    (void)state;
    const char *const same_answer[] = {"7", "7", "7", "7", "7"};
    struct hand h;
    hand_open(&h, same_answer, COUNT(same_answer)); /* confidence 0.5 at every place */
    struct raml_exit_policy p = raml_exit_policy_default(RAML_EXIT_CODE_STOP);
    p.low = p.high = h.prob[0][0] = 1;
    assert_int_equal(replay(&h, &p).stop, 0);
    p.released = true;
    assert_string_equal(replay(&h, &p).reason, "end");
    p.released = false;
    h.prob[0][0] = 0.99;
    p.tau = 1; /* 0.99 to 0.5: a fall, whose weight at its own place is 1 */
    assert_string_equal(replay(&h, &p).reason, "degraded");
    assert_int_equal(replay(&h, &p).stop, 32);
    p.released = true;
    p.tau = 0.9;
    assert_int_equal(replay(&h, &p).stop, 64);
}

/* -- Refusals ------------------------------------------------------------------------------------------------------ */

static void refused(const struct hand *h, const struct raml_exit_policy *p, enum raml_code code, const char *why)
{
    struct raml_err err = {0};
    struct raml_exit_run r = {.stop = 77};
    const struct raml_exit_costs cost = {10, 2};
    assert_int_equal(raml_exit_replay(p, &h->stored, &cost, &r, &err), code);
    if (!strstr(err.msg, why)) fail_msg("'%s' does not say '%s'", err.msg, why);
    assert_int_equal(r.stop, 77);
}

static void refusals(void **state)
{
    (void)state;
    struct hand h;
    hand_open(&h, answers, COUNT(answers));
    struct raml_exit_policy p = {.kind = RAML_EXIT_STABILITY, .stride = 48, .repeats = 2};
    refused(&h, &p, RAML_ERANGE, "no probe is stored after 48 of 224 tokens: policy stability asks for one every 48");
    p.stride = 16;
    refused(&h, &p, RAML_ERANGE, "after 16 of 224 tokens");
    p.stride = 32;
    p.repeats = 0;
    refused(&h, &p, RAML_EUSAGE, "no repeats");
    h.stored = (struct raml_exit_stored){.n_tokens = 193, .probe = h.probe, .n_probes = 7};
    h.probe[6].at = 193;
    p.repeats = 9;
    refused(&h, &p, RAML_ERANGE, "after 192 of 193 tokens");
    hand_open(&h, answers, COUNT(answers));
    p = raml_exit_policy_default(RAML_EXIT_EAT);
    refused(&h, &p, RAML_ERANGE, "probe after 0 tokens: the entropy");
    p.alpha = 0;
    refused(&h, &p, RAML_EUSAGE, "alpha");
    p = raml_exit_policy_default(RAML_EXIT_LOSS);
    refused(&h, &p, RAML_ERANGE, "the loss of the question's answer");
    p.bound = NAN;
    refused(&h, &p, RAML_EUSAGE, "not finite");
    p = raml_exit_policy_default(RAML_EXIT_CODE_STOP);
    p.ramp = 0;
    refused(&h, &p, RAML_EUSAGE, "a ramp of no probes");
    p = raml_exit_policy_default(RAML_EXIT_FULL);
    h.probe[3].at = 64;
    refused(&h, &p, RAML_ERANGE, "probe 4: after 64 tokens after 64");
    hand_open(&h, answers, COUNT(answers));
    h.stored.n_tokens = 225;
    refused(&h, &p, RAML_ERANGE, "none at 0 or none at the end");
    p.kind = RAML_EXIT_KINDS;
    hand_open(&h, answers, COUNT(answers));
    refused(&h, &p, RAML_EUSAGE, "no known kind");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(oracle_numbers_of_all_policies),
        cmocka_unit_test(stability_by_hand),
        cmocka_unit_test(empty_answers_are_never_equal),
        cmocka_unit_test(means_of_probabilities),
        cmocka_unit_test(probe_after_probe),
        cmocka_unit_test(budget_of_a_running_sample),
        cmocka_unit_test(confidence_is_of_the_answer_alone),
        cmocka_unit_test(no_answer_is_no_confidence),
        cmocka_unit_test(note_is_no_word_of_doubt),
        cmocka_unit_test(a_chunk_is_not_paid_for_waiting),
        cmocka_unit_test(eat_returns_the_place_that_it_measured),
        cmocka_unit_test(code_stop_falls_in_probabilities),
        cmocka_unit_test(code_stop_at_its_bounds),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
