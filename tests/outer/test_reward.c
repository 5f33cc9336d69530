/* The reward of a sample: components by name, their sum, the second gradient term, form and outcome. */
#include "core/json.h"
#include "core/scratch.h"

#include "outer/outcome_reward.h"

#include "check_near.h"

enum { MAX_SAMPLES = 16, MAX_ANSWER = 16 };

static struct raml_reward_options options(void)
{
    struct raml_reward_options opt;
    raml_settings_default(raml_reward_settings, raml_n_reward_settings, &opt);
    return opt;
}

static struct raml_reward_mix mix_of(const char *text)
{
    struct raml_err err = {0};
    struct raml_reward_mix mix;
    CHECK_OK(raml_reward_parse(text, &mix, &err));
    return mix;
}

/* -- Against the oracle's two-term losses --------------------------------------------------------------------------- */
struct batch {
    size_t n;
    struct raml_answer_curve curve[MAX_SAMPLES];
    float logp[MAX_SAMPLES][MAX_ANSWER];
    double think[MAX_SAMPLES]; /* sum of the trajectory's log-probabilities */
    int group[MAX_SAMPLES];
    double value[MAX_SAMPLES], advantage[MAX_SAMPLES], coefficient[MAX_SAMPLES][MAX_ANSWER];
};
static const uint32_t at_end[] = {5};

static void read_batch(struct batch *b, const json_t *two_term)
{
    const json_t *list, *x;
    size_t i, j;
    memset(b, 0, sizeof *b);
    b->n = json_array_size(json_object_get(two_term, "group"));
    assert_true(b->n >= 2 && b->n <= MAX_SAMPLES);
    for (i = 0; i < b->n; i++) {
        b->group[i] = (int)json_integer_value(json_array_get(json_object_get(two_term, "group"), i));
        json_array_foreach (json_array_get(json_object_get(two_term, "think_logp"), i), j, x)
            b->think[i] += json_number_value(x);
        list = json_array_get(json_object_get(two_term, "answer_logp"), i);
        assert_true(json_array_size(list) <= MAX_ANSWER);
        json_array_foreach (list, j, x) b->logp[i][j] = (float)json_number_value(x);
        b->curve[i] = (struct raml_answer_curve){b->logp[i], at_end, 1, json_array_size(list)};
    }
}

/* Leave-one-out: the value less the mean of the others of its group. */
static void set_advantages(struct batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        double others = 0, n = 0;
        for (size_t k = 0; k < b->n; k++) {
            if (k == i || b->group[k] != b->group[i]) continue;
            others += b->value[k];
            n++;
        }
        b->advantage[i] = b->value[i] - others / n;
    }
}

static bool near(double got, double want)
{
    return fabs(got - want) <= 1e-12 * fmax(1, fabs(want));
}

/* Values, advantages, loss and the gradient by the answer's tokens. */
static bool check_two_term(struct batch *b, const json_t *c)
{
    static const struct {
        const char *theirs, *ours;
    } words[] = {{"logp-mean", "logp"}, {"mean-prob", "mean_prob"}, {"prob", "prob"}, {"own gradient", "own"}};
    struct raml_err err = {0};
    struct raml_reward_options opt = options();
    const char *reward = json_string_value(json_object_get(c, "reward"));
    const char *rule = json_string_value(json_object_get(c, "answer_coefficient"));
    for (size_t i = 0; i < COUNT(words); i++) {
        if (!strcmp(reward, words[i].theirs)) reward = words[i].ours;
        if (!strcmp(rule, words[i].theirs)) rule = words[i].ours;
    }
    CHECK_OK(raml_settings_set(raml_settings_find(raml_reward_settings, raml_n_reward_settings, "answer_coefficient"),
                               &opt, rule, &err));
    struct raml_reward_mix mix = mix_of(reward);
    struct raml_reward r[MAX_SAMPLES];
    double loss = 0, n = (double)b->n;
    bool same = true, own = opt.answer_coefficient == RAML_ANSWER_OWN;
    for (size_t i = 0; i < b->n; i++) {
        CHECK_OK(raml_reward_of(&opt, &mix, &(struct raml_reward_sample){.curve = &b->curve[i]}, &r[i], &err));
        b->value[i] = r[i].total;
    }
    set_advantages(b);
    for (size_t i = 0; i < b->n; i++) {
        const json_t *want = json_array_get(json_object_get(c, "dloss_dlogp_answer"), i);
        raml_reward_coefficients(&opt, &mix, &(struct raml_reward_sample){.curve = &b->curve[i]}, &r[i],
                                 b->advantage[i], b->coefficient[i]);
        same = same && near(b->value[i], json_number_value(json_array_get(json_object_get(c, "value"), i)));
        same = same && near(b->advantage[i], json_number_value(json_array_get(json_object_get(c, "advantage"), i)));
        assert_int_equal(json_array_size(want), b->curve[i].n_answer);
        loss -= b->advantage[i] * b->think[i] / n;
        if (own && b->curve[i].n_answer) loss -= b->value[i] / n;
        for (size_t j = 0; j < b->curve[i].n_answer; j++) {
            /* the second term of the loss; with its own derivative that is the reward itself */
            if (!own) loss -= b->coefficient[i][j] * (double)b->logp[i][j] / n;
            same = same && near(-b->coefficient[i][j] / n, json_number_value(json_array_get(want, j)));
        }
    }
    return same && near(loss, json_number_value(json_object_get(c, "loss")));
}

static void two_term(void **state)
{
    (void)state;
    struct raml_err err = {0};
    json_t *root = NULL, *c;
    size_t i, passed = 0;
    static struct batch b;
    if (!raml_is_dir(RAML_SHARED "/oracle")) {
        fprintf(stderr, "\n*** %s/oracle is absent: nothing was checked against it ***\n\n", RAML_SHARED);
        skip();
    }
    CHECK_OK(raml_json_load(RAML_SHARED "/oracle/likelihood_reward.json", 1 << 24, &root, &err));
    const json_t *t = json_object_get(root, "two_term");
    read_batch(&b, t);
    json_array_foreach (json_object_get(t, "cases"), i, c) {
        if (check_two_term(&b, c)) passed++;
        else print_error("two_term case %zu differs\n", i);
    }
    json_decref(root);
    printf("likelihood_reward.json, two_term: %zu passed of %zu\n", passed, i);
    assert_int_equal(i, 5);
    assert_int_equal(passed, i);
}

/* -- The text ------------------------------------------------------------------------------------------------------- */
static void parsed(void **state)
{
    (void)state;
    struct raml_reward_mix mix = mix_of("logp:0.5,exact,length:-1e-2");
    assert_int_equal(mix.n, 3);
    assert_int_equal(mix.kind[0], RAML_REWARD_LOGP);
    assert_int_equal(mix.kind[1], RAML_REWARD_EXACT);
    assert_int_equal(mix.kind[2], RAML_REWARD_LENGTH);
    assert_true(mix.weight[0] == 0.5 && mix.weight[1] == 1 && mix.weight[2] == -0.01);
    char all[400] = "";
    for (int i = 0; i < RAML_REWARD_KINDS; i++)
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", i ? "," : "", raml_reward_name(i));
    assert_int_equal(mix_of(all).n, RAML_REWARD_KINDS);
    for (int i = 0; i < RAML_REWARD_KINDS; i++) assert_int_equal(mix_of(all).kind[i], i);
}

static void not_parsed(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "reward is empty; expected components such as exact or exact:1,logp:0.5"},
        {"lopg", "reward: unknown component 'lopg'; did you mean 'logp'?"},
        {"exact,prb:2", "reward: unknown component 'prb'; did you mean 'prob'?"},
        {"kindness",
         "reward: unknown component 'kindness'; expected exact, paper, length, logp, sum_logp, prob, geometric_mean, "
         "mean_prob, rlpr, mig, repro, termination"},
        {"exact,", "reward: a component is empty in 'exact,'"},
        {"exact:", "reward: weight of 'exact' is ''; expected a number"},
        {"exact: 1", "reward: weight of 'exact' is ' 1'; expected a number"},
        {"exact:1x", "reward: weight of 'exact' is '1x'; expected a number"},
        {"exact:inf", "reward: weight of 'exact' is 'inf'; expected a number"},
        {"exact:1e999", "reward: weight of 'exact' is '1e999'; expected a number"},
        {"exact:1:2", "reward: weight of 'exact' is '1:2'; expected a number"},
        {"exact,logp,exact:2", "reward: 'exact' is given twice"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_err err = {0};
        struct raml_reward_mix mix = {.n = 7};
        assert_int_equal(raml_reward_parse(cases[i].text, &mix, &err), RAML_EUSAGE);
        assert_string_equal(err.msg, cases[i].message);
        assert_int_equal(mix.n, 7);
    }
    assert_int_equal(raml_reward_parse(NULL, &(struct raml_reward_mix){0}, NULL), RAML_EUSAGE);
}

/* -- Outcome and form ----------------------------------------------------------------------------------------------- */
static void outcomes(void **state)
{
    (void)state;
    static const struct {
        enum raml_reward_kind kind;
        enum raml_verdict verdict;
        bool well_formed;
        double want;
    } cases[] = {
        {RAML_REWARD_EXACT, RAML_EQUAL, false, 1},      {RAML_REWARD_EXACT, RAML_DIFFERENT, true, 0},
        {RAML_REWARD_EXACT, RAML_UNKNOWN, true, 0},     {RAML_REWARD_PAPER, RAML_EQUAL, true, 1},
        {RAML_REWARD_PAPER, RAML_DIFFERENT, true, 0},   {RAML_REWARD_PAPER, RAML_EQUAL, false, -0.5},
        {RAML_REWARD_PAPER, RAML_DIFFERENT, false, -1}, {RAML_REWARD_PAPER, RAML_UNKNOWN, false, -1},
        {RAML_REWARD_LENGTH, RAML_EQUAL, true, -0.25},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_true(raml_outcome_reward(cases[i].kind, cases[i].verdict, cases[i].well_formed, 16, 64) ==
                    cases[i].want);
    assert_true(raml_outcome_reward(RAML_REWARD_LENGTH, RAML_EQUAL, true, 16, 0) == 0);
}

static void forms(void **state)
{
    (void)state;
    struct raml_format builtin = raml_format_default();
    struct raml_format boxed = {.instruction = "\nAnswer within \\boxed{}."};
    struct raml_format thinks = boxed, paper = {.think_open = "<think>", .think_close = "</think>"};
    thinks.think_open = "<think>", thinks.think_close = "</think>", thinks.think_opened = true;
    paper.system = "... <conclusion>\nThe answer is \\boxed{...final answer...}\n</conclusion>";
    struct raml_format answer = {.system = "<answer>\n...\n</answer>"};
    const struct {
        const struct raml_format *f;
        const char *text, *finish_reason;
        bool want;
    } cases[] = {
        {&builtin, "1+1=2</think>2", "stop", true},
        {&builtin, "1+1=2</think>2", "length", false},
        {&builtin, "1+1=2</think>2", "budget", false},
        {&builtin, "1+1=2</think>2", NULL, false},
        {&builtin, "1+1=2</think> \n", "stop", false},
        {&builtin, "1+1=2", "stop", false},
        {&builtin, "1+1=2</think>2</think>2", "stop", false},
        {&builtin, "<think>1+1=2</think>2", "stop", false}, /* the prompt has opened it */
        {&boxed, "so \\boxed{2}", "stop", true},
        {&boxed, "so \\boxed{}, that is \\boxed{2}", "stop", true},
        {&boxed, "so \\boxed{ }", "stop", false},
        {&boxed, "so \\boxed{2", "stop", false},
        {&boxed, "so 2", "stop", false},
        {&thinks, "is it \\boxed{2}?</think>It is \\boxed{2}.", "stop", true},
        {&thinks, "is it \\boxed{2}?</think>It is 2.", "stop", false},
        {&paper, "<think>a</think>\n<conclusion>\\boxed{2}</conclusion>", "stop", true},
        {&paper, " <think>a</think><conclusion>\\boxed{2}</conclusion>", "stop", true},
        {&paper, "a</think><conclusion>\\boxed{2}</conclusion>", "stop", false},
        {&paper, "b<think>a</think><conclusion>\\boxed{2}</conclusion>", "stop", false},
        {&paper, "<think>a<think></think><conclusion>\\boxed{2}</conclusion>", "stop", false},
        {&paper, "</think><think><conclusion>\\boxed{2}</conclusion>", "stop", false},
        {&paper, "<think>a</think><conclusion>\\boxed{2}", "stop", false},
        {&paper, "<think>a</think><conclusion>2</conclusion>\\boxed{2}", "stop", false},
        {&answer, "a <answer>2</answer>", "stop", true},
        {&answer, "a <answer> </answer>", "stop", false},
        {&answer, "a", "stop", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        if (raml_outcome_form(cases[i].f, cases[i].text, cases[i].finish_reason) != cases[i].want)
            fail_msg("form of '%s' (%s)", cases[i].text, cases[i].finish_reason ? cases[i].finish_reason : "none");
}

static void form_of_tokens(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_tokenizer *t = NULL;
    struct raml_tokens text = {0};
    struct raml_format f = raml_format_default();
    bool good = false;
    CHECK_OK(raml_tokenizer_bytes(&t, &err));
    CHECK_OK(raml_tokenizer_encode(t, "1+1=2</think>2", 14, true, &text, &err)); /* </think> is one special token */
    assert_true(text.n < 14);
    CHECK_OK(raml_reward_form(t, &f, text.id, text.n, "stop", &good, &err));
    assert_true(good);
    CHECK_OK(raml_reward_form(t, &f, text.id, text.n - 1, "stop", &good, &err));
    assert_false(good);
    CHECK_OK(raml_reward_form(t, &f, NULL, 0, "stop", &good, &err));
    assert_false(good);
    text.id[0] = 1 << 20;
    assert_int_equal(raml_reward_form(t, &f, text.id, text.n, "stop", &good, &err), RAML_ERANGE);
    raml_tokens_deinit(&text);
    raml_tokenizer_close(t);
}

/* -- Samples -------------------------------------------------------------------------------------------------------- */
static const float logp[] = {-2, -1, /**/ -1.5f, -0.5f, /**/ -0.5f, -0.25f};
static const uint32_t at[] = {0, 3, 6};
static const struct raml_answer_curve curve = {logp, at, 3, 2};

static void sums(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_reward_options opt = options();
    struct raml_reward_mix mix = mix_of("exact:2,logp:0.5,length,termination:4,mig,paper:3");
    struct raml_reward_sample s = {RAML_EQUAL, true, 10, 40, &curve};
    struct raml_reward r;
    double d[2];
    CHECK_OK(raml_reward_of(&opt, &mix, &s, &r, &err));
    const double want[] = {1, -0.375, -0.25, exp(-0.75) - exp(-3), 1.125, 1};
    double total = 2 - 0.1875 - 0.25 + 4 * (exp(-0.75) - exp(-3)) + 1.125 + 3;
    for (size_t i = 0; i < mix.n; i++) CHECK_NEAR(raml_reward_name(mix.kind[i]), r.component[i], want[i], 1e-14);
    CHECK_NEAR("total", r.total, total, 1e-14);
    CHECK_NEAR("what stopping at the start would bring", r.termination, 5 * exp(-3), 1e-14);
    raml_reward_coefficients(&opt, &mix, &s, &r, NAN, d);
    CHECK_NEAR("own coefficient: of logp alone", d[0], 0.25, 0);
    CHECK_NEAR("own coefficient: of logp alone", d[1], 0.25, 0);
    opt.answer_coefficient = RAML_ANSWER_NONE;
    raml_reward_coefficients(&opt, &mix, &s, &r, NAN, d);
    assert_true(d[0] == 0 && d[1] == 0);
    opt.termination_at = 0.5;
    CHECK_OK(raml_reward_of(&opt, &mix, &s, &r, &err));
    CHECK_NEAR("termination half-way", r.component[3], exp(-0.75) - exp(-2), 1e-14);
    CHECK_NEAR("what stopping half-way would bring", r.termination, 5 * exp(-2), 1e-14);
}

/* RePro is (1 - w) magnitude + w steadiness at the last point. */
static void repro(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_reward_options opt = options();
    struct raml_reward_mix mix = mix_of("repro");
    const float bumpy[] = {-1, -2, -0.5f};
    const struct raml_answer_curve c = {bumpy, at, 3, 1};
    struct raml_reward r;
    CHECK_OK(raml_reward_of(&opt, &mix, &(struct raml_reward_sample){.curve = &c}, &r, &err));
    CHECK_NEAR("default", r.total, 0.9 * (1 - tanh(0.5)) + 0.1 * 1, 1e-14);
    opt.repro_from_start = true;
    opt.repro_weight = 1;
    CHECK_OK(raml_reward_of(&opt, &mix, &(struct raml_reward_sample){.curve = &c}, &r, &err));
    CHECK_NEAR("from the start: two pairs of three rise", r.total, 0.5 + 0.5 / 3, 1e-14);
}

/* A sample whose thinking was not closed has no curve. */
static void without_answer(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_reward_options opt = options();
    struct raml_reward_mix mix = mix_of("logp,prob,repro,exact,termination,sum_logp:2");
    struct raml_reward_sample s = {RAML_DIFFERENT, false, 40, 40, NULL};
    struct raml_reward r;
    double d = 7;
    CHECK_OK(raml_reward_of(&opt, &mix, &s, &r, &err));
    CHECK_NEAR("total", r.total, -30 + 2 * -30, 0);
    assert_true(isnan(r.termination));
    raml_reward_coefficients(&opt, &mix, &s, &r, 1, &d);
    assert_true(d == 7);
}

static void points(void **state)
{
    (void)state;
    static const struct {
        const char *reward;
        int coefficient;
        unsigned want;
    } cases[] = {
        {"exact,paper,length", RAML_ANSWER_OWN, 0},
        {"exact", RAML_ANSWER_ONE, RAML_REWARD_AT_END},
        {"exact,logp", RAML_ANSWER_NONE, RAML_REWARD_AT_END},
        {"prob", RAML_ANSWER_OWN, RAML_REWARD_AT_END},
        {"rlpr", RAML_ANSWER_OWN, RAML_REWARD_AT_END | RAML_REWARD_AT_START},
        {"mig", RAML_ANSWER_OWN, RAML_REWARD_AT_END | RAML_REWARD_AT_START | RAML_REWARD_ALONG},
        {"repro", RAML_ANSWER_OWN, RAML_REWARD_AT_END | RAML_REWARD_AT_START | RAML_REWARD_ALONG},
        {"termination", RAML_ANSWER_OWN, RAML_REWARD_AT_END | RAML_REWARD_AT_TERMINATION},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_reward_options opt = options();
        struct raml_reward_mix mix = mix_of(cases[i].reward);
        opt.answer_coefficient = cases[i].coefficient;
        assert_int_equal(raml_reward_points(&opt, &mix), cases[i].want);
    }
    struct raml_reward_options opt = options();
    opt.termination_at = 0.5;
    assert_int_equal(raml_reward_termination_place(&opt, 7), 4);
    assert_int_equal(raml_reward_termination_place(&opt, 0), 0);
}

static void refuse(const char *reward, const struct raml_answer_curve *c, const char *message)
{
    struct raml_err err = {0};
    struct raml_reward_options opt = options();
    struct raml_reward_mix mix = mix_of(reward);
    struct raml_reward r = {.total = 7};
    opt.termination_at = 0.25;
    assert_int_equal(raml_reward_of(&opt, &mix, &(struct raml_reward_sample){.curve = c}, &r, &err), RAML_ERANGE);
    assert_string_equal(err.msg, message);
    assert_true(r.total == 7);
}

static void refused(void **state)
{
    (void)state;
    const float bad[] = {-1, -1, -1, -INFINITY};
    const uint32_t late[] = {2, 8}, equal[] = {3, 3};
    refuse("logp", &(struct raml_answer_curve){bad, at, 2, 2},
           "reward: log-probability of answer token 2 after 3 trajectory tokens is -inf");
    refuse("prob", &(struct raml_answer_curve){logp, equal, 2, 2},
           "reward: point 2 of the curve is at 3 after 3; expected rising places");
    refuse("rlpr", &(struct raml_answer_curve){logp, late + 1, 1, 2},
           "reward: the curve begins after 8 trajectory tokens; expected 0");
    refuse("mig", &(struct raml_answer_curve){logp, late, 2, 2},
           "reward: the curve begins after 2 trajectory tokens; expected 0");
    refuse("termination", &curve, "reward: the curve has no point after 2 trajectory tokens, for termination");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_term), cmocka_unit_test(parsed),  cmocka_unit_test(not_parsed),
        cmocka_unit_test(outcomes), cmocka_unit_test(forms),   cmocka_unit_test(form_of_tokens),
        cmocka_unit_test(sums),     cmocka_unit_test(repro),   cmocka_unit_test(without_answer),
        cmocka_unit_test(points),   cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
