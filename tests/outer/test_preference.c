/* Preference objectives: against an independent implementation in double, by hand, and by finite differences. */
#include "core/json.h"
#include "core/scratch.h"

#include "raml/preference.h"

#include "check_near.h"

enum { MAX_ROWS = 16, MAX_TOKENS = 512 };

struct step { /* rows of pairs, and what an objective says of them */
    struct raml_terms t;
    size_t start[MAX_ROWS + 1];
    float logp[MAX_TOKENS], weight[MAX_TOKENS];
    int32_t pair[MAX_ROWS];
    double ref_sum[MAX_ROWS];
    double d[MAX_TOKENS], d_entropy[MAX_TOKENS];
};

static void begin(struct step *s)
{
    memset(s, 0, sizeof *s);
    s->t = (struct raml_terms){
        .start = s->start, .logp = s->logp, .weight = s->weight, .pair = s->pair, .ref_sum = s->ref_sum};
}

/* A row of n tokens whose log-probabilities add up to sum, to the last bit: a double is the sum of three floats. A token
 * of weight 0, which counts for nothing, comes after them. */
static void add_row(struct step *s, int32_t pair, double sum, double ref, size_t n)
{
    size_t r = s->t.n_rows++, at = s->start[r];
    assert_true(n >= 1 && s->t.n_rows <= MAX_ROWS && at + n + 1 <= MAX_TOKENS);
    for (size_t i = 0; i < n; i++) {
        s->logp[at + i] = i < 3 ? (float)sum : 0;
        s->weight[at + i] = 1;
        sum -= (double)s->logp[at + i];
    }
    s->logp[at + n] = -100;
    s->start[r + 1] = at + n + 1;
    s->pair[r] = pair;
    s->ref_sum[r] = ref;
    s->t.n_pairs += pair > 0;
}

static double loss_of(struct step *s, const struct raml_preference_options *opt, struct raml_statistics *stats)
{
    struct raml_err err = {0};
    struct raml_objective o = raml_preference_objective(opt);
    struct raml_objective_out out = {.loss = NAN, .d_logp = s->d, .d_entropy = s->d_entropy, .statistics = stats};
    for (size_t i = 0; i < MAX_TOKENS; i++) s->d[i] = s->d_entropy[i] = NAN;
    CHECK_OK(o.evaluate(o.user, &s->t, &out, &err));
    for (size_t i = 0; i < s->start[s->t.n_rows]; i++) assert_true(s->d_entropy[i] == 0);
    return out.loss;
}

static struct raml_preference_options options(const char *loss_type, double beta, double label_smoothing)
{
    struct raml_err err = {0};
    struct raml_preference_options opt;
    raml_settings_default(raml_preference_settings, raml_n_preference_settings, &opt);
    CHECK_NEAR("default beta", opt.beta, 0.1, 0);
    const struct raml_setting *row =
        raml_settings_find(raml_preference_settings, raml_n_preference_settings, "loss_type");
    CHECK_OK(raml_settings_set(row, &opt, loss_type, &err));
    opt.beta = beta;
    opt.label_smoothing = label_smoothing;
    return opt;
}

static double at(const json_t *list, size_t i)
{
    const json_t *x = json_array_get(list, i);
    assert_true(json_is_number(x));
    return json_number_value(x);
}

static bool near(double got, double want)
{
    return fabs(got - want) <= 1e-10 * fmax(1, fabs(want));
}

/* Loss and gradient of one case; prints what differs. */
static bool check_case(struct step *s, const json_t *c)
{
    struct raml_preference_options opt =
        options(json_string_value(json_object_get(c, "loss_type")), json_number_value(json_object_get(c, "beta")),
                json_number_value(json_object_get(c, "label_smoothing")));
    double loss = loss_of(s, &opt, NULL);
    bool same = near(loss, json_number_value(json_object_get(c, "loss")));
    for (size_t r = 0; r < s->t.n_rows; r++) {
        const json_t *want = json_object_get(c, s->pair[r] > 0 ? "dloss_dchosen" : "dloss_drejected");
        for (size_t i = s->start[r]; i < s->start[r + 1]; i++)
            same = same && near(s->d[i], s->weight[i] > 0 ? at(want, r / 2) : 0);
    }
    if (!same)
        print_error("%s, beta %g: loss %.17g\n", json_string_value(json_object_get(c, "loss_type")), opt.beta, loss);
    return same;
}

static void of_the_oracle(void **state)
{
    (void)state;
    struct raml_err err = {0};
    json_t *root = NULL, *batch, *c;
    size_t b, k, passed = 0, total = 0;
    if (!raml_is_dir(RAML_SHARED "/oracle")) {
        fprintf(stderr, "\n*** %s/oracle is absent: nothing was checked against it ***\n\n", RAML_SHARED);
        skip();
    }
    CHECK_OK(raml_json_load(RAML_SHARED "/oracle/preference.json", 1 << 24, &root, &err));
    json_array_foreach (json_object_get(root, "cases"), b, batch) {
        static struct step s;
        begin(&s);
        size_t n = json_array_size(json_object_get(batch, "chosen"));
        for (size_t p = 0; p < n; p++) {
            add_row(&s, (int32_t)p + 1, at(json_object_get(batch, "chosen"), p),
                    at(json_object_get(batch, "ref_chosen"), p),
                    (size_t)at(json_object_get(batch, "chosen_length"), p));
            add_row(&s, -((int32_t)p + 1), at(json_object_get(batch, "rejected"), p),
                    at(json_object_get(batch, "ref_rejected"), p),
                    (size_t)at(json_object_get(batch, "rejected_length"), p));
        }
        json_array_foreach (json_object_get(batch, "cases"), k, c) {
            total++;
            passed += check_case(&s, c);
        }
    }
    json_decref(root);
    printf("preference.json: %zu passed of %zu\n", passed, total);
    assert_int_equal(total, 40);
    assert_int_equal(passed, total);
}

/* Two pairs and a row of none, in an order in which a pair's rows are no neighbours. */
static void fill(struct step *s)
{
    begin(s);
    add_row(s, -2, -3.5, -3, 2);
    add_row(s, 1, -2.25, -3, 3);
    add_row(s, 0, -1, 0, 2);
    add_row(s, 2, -5, -4.5, 4);
    add_row(s, -1, -6, -5.25, 1);
}

static const struct {
    const char *loss_type;
    double beta, label_smoothing;
} all[] = {{"sigmoid", 0.1, 0}, {"sigmoid", 0.5, 0.2}, {"robust", 0.3, 0.1},  {"hinge", 0.7, 0},
           {"ipo", 0.4, 0},     {"ipo_sum", 0.4, 0},   {"sigmoid_norm", 2, 0}};

/* h and g of the pairs of fill() are 1.5, 0 and 1, 0.125. */
static void by_hand(void **state)
{
    (void)state;
    static const struct {
        const char *loss_type;
        double beta, label_smoothing, loss;
    } cases[] = {
        {"sigmoid", 2, 0, (0.048587351573741992 + 0.69314718055994531) / 2}, /* sp(-3), sp(0) */
        {"sigmoid", 2, 0.25, (0.75 * 0.048587351573741992 + 0.25 * 3.0485873515737421 + 0.69314718055994531) / 2},
        {"robust", 2, 0.25,
         ((0.75 * 0.048587351573741992 - 0.25 * 3.0485873515737421) / 0.5 + 0.69314718055994531) / 2},
        {"hinge", 0.5, 0, (0.25 + 1) / 2},
        {"hinge", 2, 0, (0 + 1.0) / 2},
        {"ipo", 0.5, 0, (0 + 0.875 * 0.875) / 2},
        {"ipo_sum", 0.5, 0, (0.5 * 0.5 + 1) / 2},
        {"sigmoid_norm", 3, 0, (0.048587351573741992 + 0.52312326413984) / 2}, /* sp(-3), sp(-0.375) */
    };
    static struct step s;
    fill(&s);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_preference_options opt = options(cases[i].loss_type, cases[i].beta, cases[i].label_smoothing);
        CHECK_NEAR(cases[i].loss_type, loss_of(&s, &opt, NULL), cases[i].loss, 1e-14);
    }
    for (size_t i = s.start[2]; i < s.start[3]; i++) CHECK_NEAR("row of no pair", s.d[i], 0, 0);
}

/* Where the policy is its reference the loss of sigmoid is log 2, and the gradient -+ beta/2 of every token. */
static void at_the_start(void **state)
{
    (void)state;
    static struct step s;
    struct raml_preference_options opt = options("sigmoid", 0.1, 0);
    begin(&s);
    add_row(&s, 1, -7.25, -7.25, 3);
    add_row(&s, -1, -2.5, -2.5, 2);
    CHECK_NEAR("loss", loss_of(&s, &opt, NULL), 0.69314718055994531, 1e-15);
    CHECK_NEAR("chosen", s.d[0], -0.05, 1e-16);
    CHECK_NEAR("rejected", s.d[s.start[1]], 0.05, 1e-16);
}

/* Far from 0 nothing overflows, and small losses keep their digits: sp(-40) = 4.2e-18. */
static void far_off(void **state)
{
    (void)state;
    static struct step s;
    struct raml_preference_options opt = options("sigmoid", 1, 0);
    begin(&s);
    add_row(&s, 1, -10, -50, 1);
    add_row(&s, -1, -10, -10, 1);
    double loss = loss_of(&s, &opt, NULL);
    assert_true(fabs(loss / 4.2483542552915889e-18 - 1) <= 1e-14);
    s.ref_sum[0] = 2000;
    CHECK_NEAR("hopeless", loss_of(&s, &opt, NULL), 2010, 1e-12);
    CHECK_NEAR("its slope", s.d[0], -1, 0);
}

static void slopes(void **state)
{
    (void)state;
    static struct step s, moved;
    const double by = 0.0009765625;
    fill(&s);
    for (size_t k = 0; k < COUNT(all); k++) {
        struct raml_preference_options opt = options(all[k].loss_type, all[k].beta, all[k].label_smoothing);
        (void)loss_of(&s, &opt, NULL);
        for (size_t i = 0; i < s.start[s.t.n_rows]; i++) {
            moved = s;
            moved.t.start = moved.start, moved.t.logp = moved.logp, moved.t.weight = moved.weight;
            moved.t.pair = moved.pair, moved.t.ref_sum = moved.ref_sum;
            moved.logp[i] = s.logp[i] + (float)by;
            double up = loss_of(&moved, &opt, NULL);
            moved.logp[i] = s.logp[i] - (float)by;
            double down = loss_of(&moved, &opt, NULL);
            CHECK_NEAR(all[k].loss_type, s.d[i], (up - down) / (2 * by), 2e-7);
        }
    }
}

/* A step in parts, each with whole pairs, is the step. */
static void split(void **state)
{
    (void)state;
    static struct step s;
    struct raml_err err = {0};
    begin(&s);
    for (int32_t p = 1; p <= 5; p++) {
        add_row(&s, p, -1.5 * p, -p, (size_t)p);
        add_row(&s, -p, -4.0 / p, -1, 2);
    }
    for (size_t k = 0; k < COUNT(all); k++) {
        struct raml_preference_options opt = options(all[k].loss_type, all[k].beta, all[k].label_smoothing);
        struct raml_statistics whole = {0}, parts = {0};
        double loss = loss_of(&s, &opt, &whole), sum = 0, d[MAX_TOKENS];
        struct raml_objective o = raml_preference_objective(&opt);
        for (size_t first = 0, n = 2; first < s.t.n_rows;
             first += n, n = s.t.n_rows - first < 4 ? s.t.n_rows - first : 4) {
            struct raml_terms part = s.t;
            struct raml_objective_out out = {.d_logp = d, .statistics = &parts};
            part.first_row = first;
            part.n_rows = n;
            CHECK_OK(o.evaluate(o.user, &part, &out, &err));
            sum += out.loss;
        }
        CHECK_NEAR(all[k].loss_type, sum, loss, 1e-15);
        assert_memory_equal(d, s.d, s.start[s.t.n_rows] * sizeof *d);
        assert_int_equal(parts.n, whole.n);
        for (size_t i = 0; i < whole.n; i++) {
            CHECK_NEAR(whole.item[i].name, parts.item[i].sum, whole.item[i].sum, 1e-14);
            CHECK_NEAR(whole.item[i].name, parts.item[i].count, 5, 0);
        }
    }
}

static void statistics(void **state)
{
    (void)state;
    static struct step s;
    static const struct {
        const char *name;
        double value; /* the mean over the two pairs */
    } want[] = {
        {"rewards/chosen", 2 * (0.75 - 0.5) / 2}, {"rewards/rejected", 2 * (-0.75 - 0.5) / 2},
        {"rewards/margins", 2 * (1.5 + 0) / 2},   {"rewards/accuracies", 0.5}, /* equal rewards are not right */
        {"logps/chosen", (-2.25 - 5) / 2},        {"logps/rejected", (-6 - 3.5) / 2},
    };
    struct raml_statistics got = {0};
    struct raml_preference_options opt = options("ipo", 2, 0); /* rewards are sums for every loss */
    fill(&s);
    (void)loss_of(&s, &opt, &got);
    assert_int_equal(got.n, COUNT(want));
    for (size_t k = 0; k < COUNT(want); k++) {
        size_t i = 0;
        while (i < got.n && strcmp(got.item[i].name, want[k].name) != 0) i++;
        assert_true(i < got.n);
        CHECK_NEAR(want[k].name, got.item[i].sum / got.item[i].count, want[k].value, 1e-15);
    }
}

static void refuse(struct step *s, const struct raml_preference_options *opt, enum raml_code code, const char *message)
{
    struct raml_err err = {0};
    struct raml_objective o = raml_preference_objective(opt);
    struct raml_objective_out out = {.loss = 7, .d_logp = s->d};
    for (size_t i = 0; i < MAX_TOKENS; i++) s->d[i] = 7;
    assert_int_equal(o.evaluate(o.user, &s->t, &out, &err), code);
    assert_string_equal(err.msg, message);
    for (size_t i = 0; i < MAX_TOKENS; i++) assert_true(s->d[i] == 7);
    assert_true(out.loss == 7);
}

static void refused(void **state)
{
    (void)state;
    static struct step s;
    struct raml_preference_options opt = options("hinge", 0.1, 0.1);
    fill(&s);
    refuse(&s, &opt, RAML_EUSAGE, "label_smoothing is 0.1; expected 0, as only loss_type sigmoid and robust have it");
    opt = options("sigmoid", 0.1, 0);
    s.t.n_pairs = 0;
    refuse(&s, &opt, RAML_ERANGE, "preference loss: the step has 0 pairs; expected a positive number");
    fill(&s);
    s.t.n_rows = 3;
    refuse(&s, &opt, RAML_ERANGE, "pair 2: row 1 is its rejected one, and there is no chosen one beside it");
    fill(&s);
    s.pair[2] = 2;
    refuse(&s, &opt, RAML_ERANGE, "pair 2 has several chosen or rejected rows; row 4 is one of them");
    fill(&s);
    s.pair[2] = -1;
    refuse(&s, &opt, RAML_ERANGE, "pair 1 has several chosen or rejected rows; row 5 is one of them");
    fill(&s);
    s.weight[s.start[4]] = 0;
    refuse(&s, &opt, RAML_ERANGE, "pair 1: row 5, its rejected one, has no trained token");
    fill(&s);
    s.t.ref_sum = NULL;
    refuse(&s, &opt, RAML_ERANGE,
           "preference loss: the step has no reference log-probabilities; expected them of every row");
    s.t.pair = NULL;
    refuse(&s, &opt, RAML_ERANGE, "preference loss: the step has no pairs; expected them of every row");
}

/* A log-probability that is not finite is seen in the loss, whatever its kind. */
static void not_finite(void **state)
{
    (void)state;
    static struct step s;
    for (size_t k = 0; k < COUNT(all); k++) {
        struct raml_preference_options opt = options(all[k].loss_type, all[k].beta, all[k].label_smoothing);
        fill(&s);
        s.logp[s.start[1]] = NAN;
        assert_true(isnan(loss_of(&s, &opt, NULL)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_the_oracle), cmocka_unit_test(by_hand), cmocka_unit_test(at_the_start),
        cmocka_unit_test(far_off),       cmocka_unit_test(slopes),  cmocka_unit_test(split),
        cmocka_unit_test(statistics),    cmocka_unit_test(refused), cmocka_unit_test(not_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
