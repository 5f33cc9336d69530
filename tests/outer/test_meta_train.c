/* Meta-learning as a training: tasks, tokens, what it equals, stopping and resuming, ranks, settings that are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "trainer.h"

#include "outer/meta_deck.h"
#include "outer/rank_threads.h"

static struct raml_meta_options meta(const char *method, const char *settings)
{
    struct raml_err err = {0};
    struct raml_meta_options o;
    CHECK_OK(raml_meta_default(method, &o, &err));
    CHECK_OK(raml_settings_apply(raml_meta_settings, raml_n_meta_settings, &o, settings, &err));
    return o;
}

static void done(struct outcome out)
{
    CHECK_DONE(out);
}

/* 12 questions with 3 trajectories of three families: a 6, b 4, c 2. */
static void add_families(struct raml_questions *qs)
{
    static const char *const names[] = {"a", "b", "c", "a", "b", "a"};
    raml_questions_init(qs);
    add_questions(qs, 12, 3);
    for (size_t i = 0; i < qs->n; i++) qs->question[i].family = names[i % 6];
}

/* -- Which rows ---------------------------------------------------------------------------------------------------- */

struct dealing {
    struct training_set set;
    struct raml_meta_options o;
    struct raml_meta_deck deck;
};

static void open_dealing(struct dealing *d, struct bench *b, const struct raml_questions *qs, const char *settings)
{
    struct raml_err err = {0};
    struct raml_train_options opt = options(1);
    opt.trajectories = 3;
    if (!b->model) new_model(b, NULL);
    const struct raml_train_job job = {.model = b->model, .tokenizer = b->tokenizer, .format = raml_format_default()};
    d->o = meta("fomaml", settings);
    CHECK_OK(raml_training_set_init(&d->set, &job, &opt, qs, "made", 0, &err));
    CHECK_OK(raml_meta_deck_init(&d->deck, &d->set, &d->o, &err));
}

static void close_dealing(struct dealing *d)
{
    raml_meta_deck_deinit(&d->deck);
    raml_training_set_deinit(&d->set);
}

/* Support and query of questions have no trajectory in common, and all of them together; which are support changes. */
static void test_deal_questions(void **state)
{
    struct bench *b = *state;
    static const struct {
        const char *settings;
        size_t support, rows; /* trajectories; trees of it */
    } each[] = {{"support=0", 1, 1}, {"support=2", 2, 1}, {"support=9", 2, 1}, {"support=2 inner_batch_size=1", 2, 2}};
    for (size_t i = 0; i < COUNT(each); i++) {
        struct dealing d;
        unsigned seen = 0;
        open_dealing(&d, b, &b->data, each[i].settings);
        assert_int_equal(d.deck.n_tasks, 10);
        for (uint64_t at = 0; at < 40; at++) {
            unsigned of_support = 0, of_query = 0;
            uint64_t tokens = 0;
            raml_meta_deal(&d.deck, at, RAML_DEAL_SPLIT);
            assert_true(raml_meta_is_split(&d.deck));
            assert_int_equal(d.deck.n_support, each[i].rows);
            assert_int_equal(d.deck.n_rows, each[i].rows + 1);
            for (size_t r = 0; r < d.deck.n_rows; r++)
                for (size_t k = 0; k < d.deck.row[r].n; k++)
                    *(r < d.deck.n_support ? &of_support : &of_query) |= 1u << d.deck.row[r].selected[k];
            assert_int_equal(__builtin_popcount(of_support), each[i].support);
            assert_int_equal(of_support & of_query, 0);
            assert_int_equal(of_support | of_query, 7);
            for (uint64_t s = 0; s < 5; s++) tokens += d.deck.row[s % each[i].rows].n_tokens;
            assert_int_equal(raml_meta_support_tokens(&d.deck, 5), tokens);
            seen |= 1u << of_support;
        }
        assert_int_equal(__builtin_popcount(seen), 3); /* every choice comes up */
        close_dealing(&d);
    }
}

static void test_deal_families(void **state)
{
    struct bench *b = *state;
    struct raml_questions qs;
    struct dealing d;
    add_families(&qs);
    open_dealing(&d, b, &qs, "task=family task_size=3 support=1");
    assert_int_equal(d.deck.n_families, 3);
    assert_int_equal(d.deck.n_tasks, 2 + 1 + 1);
    for (uint64_t at = 0; at < 30; at++) {
        size_t n = at % 3 == 2 ? 2 : 3;
        raml_meta_deal(&d.deck, at, RAML_DEAL_SPLIT);
        assert_int_equal(d.deck.n_rows, n);
        assert_int_equal(d.deck.n_support, 1);
        for (size_t i = 0; i < n; i++) {
            const struct raml_question *q = &qs.question[d.set.item[d.deck.row[i].item].question];
            assert_string_equal(q->family, at % 3 == 0 ? "a" : at % 3 == 1 ? "b" : "c");
            for (size_t k = 0; k < i; k++) assert_int_not_equal(d.deck.row[i].item, d.deck.row[k].item);
        }
    }
    close_dealing(&d);
    raml_questions_deinit(&qs);
}

/* A question with one trajectory is its own query. */
static void test_one_row(void **state)
{
    struct bench *b = *state;
    struct raml_questions qs;
    struct dealing d;
    raml_questions_init(&qs);
    add_questions(&qs, 2, 1);
    open_dealing(&d, b, &qs, "");
    raml_meta_deal(&d.deck, 0, RAML_DEAL_SPLIT);
    assert_false(raml_meta_is_split(&d.deck));
    assert_int_equal(d.deck.n_rows, 2);
    assert_int_equal(d.deck.n_support, 1);
    assert_int_equal(d.deck.row[0].selected[0], d.deck.row[1].selected[0]);
    close_dealing(&d);
    raml_questions_deinit(&qs);
}

/* -- What it equals ------------------------------------------------------------------------------------------------ */

static void same_weights(struct bench *b, const char *one, const char *two, int step)
{
    static const char *const files[] = {"model.safetensors", "optimizer.safetensors"};
    for (size_t i = 0; i < COUNT(files); i++) {
        char name[64];
        snprintf(name, sizeof name, "checkpoint-%d/%s", step, files[i]);
        same_file(b, one, two, name);
    }
    same_file(b, one, two, "metrics.jsonl");
}

static void test_no_step_is_sft(void **state)
{
    static const char *const methods[] = {"fomaml", "maml", "anil"};
    static const int64_t micro[] = {8, 40, 4096};
    struct bench *b = *state;
    size_t n = 0;
    for (int bf16 = 0; bf16 <= raml_device_has_bf16(b->dev); bf16++)
        for (size_t k = 0; k < COUNT(micro); k++)
            for (size_t i = 0; i < (k ? 1 : COUNT(methods)); i++, n++) {
                struct raml_train_options o = options(5);
                const struct raml_meta_options none = meta(methods[i], "inner_steps=0");
                char one[32], two[32];
                o.micro_batch_tokens = micro[k];
                o.eval_steps = 2;
                o.logging_steps = 1;
                snprintf(one, sizeof one, "sft-%zu", n);
                snprintf(two, sizeof two, "meta-%zu", n);
                b->dtype = bf16 ? RAML_BF16 : RAML_F32;
                b->meta = NULL;
                done(go(b, one, &o, NULL, 0, false, 0));
                b->meta = &none;
                done(go(b, two, &o, NULL, 0, false, 0));
                same_weights(b, one, two, 5);
            }
    b->meta = NULL;
    b->dtype = RAML_F32;
    print_message("%zu pairs of runs, %s\n", n, raml_device_has_bf16(b->dev) ? "f32 and bf16" : "f32 alone");
}

/* A step of sgd at rate 1 from one task goes where reptile's inner step went. */
static void test_reptile_step(void **state)
{
    struct bench *b = *state;
    struct raml_train_options o = options(1);
    o.batch_size = 1;
    o.optimizer = RAML_OPTIMIZER_SGD;
    o.max_grad_norm = o.weight_decay = 0;
    o.warmup_ratio = 0;
    o.lr_scheduler_type = RAML_DECAY_CONSTANT;
    const struct raml_meta_options reptile = meta("reptile", "inner_steps=1 inner_learning_rate=0.25");
    float *w[2];
    for (int k = 0; k < 2; k++) {
        b->meta = k ? &reptile : NULL;
        o.learning_rate = k ? 1 : 0.25;
        done(go(b, k ? "reptile" : "plain", &o, NULL, 0, false, 0));
        w[k] = host_weights(b->model);
    }
    b->meta = NULL;
    double worst = 0;
    for (size_t i = 0; i < raml_model_n(b->model); i++)
        worst = worse_of(worst, fabs((double)w[0][i] - (double)w[1][i]));
    CHECK_NEAR("weights", worst, 0, 1e-6);
    free(w[0]);
    free(w[1]);
}

/* -- Stopping and resuming ----------------------------------------------------------------------------------------- */

static const char *const runs[][2] = {{"fomaml", "inner_steps=2 inner_learning_rate=0.05"},
                                      {"reptile", "inner_steps=3 inner_batch_size=1 inner_optimizer=adam "
                                                  "inner_learning_rate=1e-3"},
                                      {"maml", "inner_steps=1 inner_learning_rate=0.05"},
                                      {"anil", "inner_steps=2 inner_learning_rate=0.05 task=family task_size=4"}};

static void test_resume(void **state)
{
    struct bench *b = *state;
    struct raml_questions qs;
    add_families(&qs);
    for (size_t i = 0; i < b->data.n; i++) b->data.question[i].family = i % 2 ? "a" : "b"; /* the validation set */
    for (size_t i = 0; i < COUNT(runs); i++) {
        struct raml_meta_options o = meta(runs[i][0], runs[i][1]);
        struct raml_train_options opt = options(6);
        char whole[32], parts[32];
        opt.batch_size = 2;
        opt.eval_steps = 3;
        if (i == 1) opt.optimizer = RAML_OPTIMIZER_SGD;
        o.loss_before = i == 2;
        o.eval_adapted = true;
        b->meta = &o;
        snprintf(whole, sizeof whole, "whole-%zu", i);
        snprintf(parts, sizeof parts, "parts-%zu", i);
        done(go(b, whole, &opt, &qs, 0, false, 0));
        struct outcome stopped = go(b, parts, &opt, &qs, 0, false, 2);
        assert_int_equal(stopped.rc, RAML_ESTOP);
        assert_int_equal(stopped.result.steps, 2);
        done(go(b, parts, &opt, &qs, 1, false, 0));
        same_checkpoint(b, whole, parts, 6);
        same_file(b, whole, parts, "metrics.jsonl");
        o.inner_steps++;
        struct outcome other = go(b, parts, &opt, &qs, 1, false, 0);
        assert_int_equal(other.rc, RAML_EUSAGE);
        assert_non_null(strstr(other.err.msg, "inner_steps"));
    }
    b->meta = NULL;
    raml_questions_deinit(&qs);
}

struct ask { /* a sink that asks to stop the n-th time that it is asked */
    size_t at, asked;
};

static bool on_ask(void *user)
{
    struct ask *a = user;
    return ++a->asked >= a->at;
}

/* Asked to stop in the middle of a step, between its tasks: the checkpoint is that of the step before. */
static void test_stop_within(void **state)
{
    struct bench *b = *state;
    struct raml_train_options opt = options(4);
    const struct raml_meta_options o = meta("fomaml", "inner_steps=2 inner_learning_rate=0.05");
    size_t within = 0;
    opt.save_steps = 1;
    opt.save_total_limit = 0;
    b->meta = &o;
    done(go(b, "all", &opt, NULL, 0, false, 0));
    for (size_t at = 1; at <= 14; at++) {
        struct ask ask = {.at = at};
        struct raml_sink sink = {.stop = on_ask, .user = &ask};
        struct raml_err err = {0};
        struct raml_train_result result;
        struct raml_run *run;
        uint64_t step;
        char dir[PATH_CAP + 64], name[32];
        snprintf(name, sizeof name, "stop-%zu", at);
        snprintf(dir, sizeof dir, "%s/%s", b->root, name);
        CHECK_OK(raml_run_open(dir, false, &run, &step, &err));
        new_model(b, NULL);
        float *before = host_weights(b->model);
        const struct raml_train_job job = {.model = b->model,
                                           .tokenizer = b->tokenizer,
                                           .format = raml_format_default(),
                                           .data_name = "made.jsonl",
                                           .data = &b->data,
                                           .run = run,
                                           .sink = &sink,
                                           .validation = &b->data};
        assert_int_equal(raml_train_meta(&job, &opt, &o, &result, &err), RAML_ESTOP);
        raml_run_close(run);
        if (result.steps) same_checkpoint(b, "all", name, (int)result.steps);
        float *after = host_weights(b->model);
        if (!result.steps) assert_memory_equal(before, after, raml_model_n(b->model) * sizeof *before);
        within += at % 5 != 0; /* four tasks a step are asked before each, and the step's end */
        free(before);
        free(after);
    }
    b->meta = NULL;
    assert_true(within > 8);
}

/* -- Ranks --------------------------------------------------------------------------------------------------------- */

struct trained {
    struct rank rank;
    char root[PATH_CAP];
    const struct raml_meta_options *o;
    float *weights;
    uint64_t tokens;
};

static void *train_rank(void *user)
{
    struct trained *t = user;
    struct bench *b;
    struct raml_train_options opt = options(3);
    const struct raml_comm comm = threads_comm(&t->rank);
    if (setup((void **)&b)) abort();
    b->meta = t->o;
    b->comm = &comm;
    struct outcome out = go(b, "run", &opt, NULL, 0, false, 0);
    if (out.rc) fprintf(stderr, "rank %d: %s\n", comm.rank, out.err.msg);
    t->weights = out.rc ? NULL : host_weights(b->model);
    t->tokens = out.result.tokens;
    teardown((void **)&b);
    return NULL;
}

static void test_ranks(void **state)
{
    struct bench *b = *state;
    if (far_asked()) skip(); /* its operations run one at a time in the whole program */
    new_model(b, NULL);
    size_t n = raml_model_n(b->model);
    for (size_t i = 0; i < 3; i++) {
        const struct raml_meta_options o = meta(runs[i][0], runs[i][1]);
        float *of[3] = {NULL};
        uint64_t tokens[2];
        for (int size = 1; size <= 2; size++) {
            struct shared shared = {.size = size};
            struct trained t[2] = {{.rank = {&shared, 0}, .o = &o}, {.rank = {&shared, 1}, .o = &o}};
            pthread_barrier_init(&shared.barrier, NULL, (unsigned)size);
            on_threads(size, train_rank, t, sizeof *t);
            pthread_barrier_destroy(&shared.barrier);
            for (int k = 0; k < size; k++) assert_non_null(of[size - 1 + k] = t[k].weights);
            tokens[size - 1] = t[0].tokens;
        }
        double worst = 0;
        for (size_t k = 0; k < n; k++) worst = worse_of(worst, fabs((double)of[0][k] - (double)of[1][k]));
        assert_memory_equal(of[1], of[2], n * sizeof **of);
        print_message("%s: two ranks and one differ by at most %.1e\n", runs[i][0], worst);
        CHECK_NEAR(runs[i][0], worst, 0, i == 2 ? 2e-4 : 2e-5);
        assert_int_equal(tokens[0], tokens[1]);
        for (size_t k = 0; k < 3; k++) free(of[k]);
    }
}

/* -- Tokens -------------------------------------------------------------------------------------------------------- */

static void test_tokens(void **state)
{
    struct bench *b = *state;
    static const struct {
        const char *method, *settings;
        bool before;
        unsigned of_support, of_query; /* times that each is read */
    } each[] = {{"fomaml", "inner_steps=0", false, 0, 1},
                {"fomaml", "inner_steps=3", false, 3, 1},
                {"fomaml", "inner_steps=3", true, 3, 2},
                {"maml", "inner_steps=2", false, 6, 1},
                {"reptile", "inner_steps=4", false, 4, 0}};
    for (size_t i = 0; i < COUNT(each); i++) {
        struct dealing d;
        struct raml_meta_options o = meta(each[i].method, each[i].settings);
        struct raml_train_options opt = options(0);
        char name[32];
        uint64_t want = 0, steps = 0;
        opt.trajectories = 3;
        opt.token_budget = 1500;
        o.inner_learning_rate = 1e-3;
        o.loss_before = each[i].before;
        open_dealing(&d, b, &b->data, each[i].settings);
        bool reptile = o.method == RAML_META_REPTILE;
        for (; want < 1500; steps++)
            for (uint64_t k = 0; k < 4; k++) {
                raml_meta_deal(&d.deck, steps * 4 + k,
                               reptile         ? RAML_DEAL_SUPPORT
                               : o.inner_steps ? RAML_DEAL_SPLIT
                                               : RAML_DEAL_QUERY);
                for (size_t r = 0; r < d.deck.n_rows; r++)
                    want += d.deck.row[r].n_tokens * (r < d.deck.n_support ? each[i].of_support : each[i].of_query);
            }
        close_dealing(&d);
        b->meta = &o;
        snprintf(name, sizeof name, "tokens-%zu", i);
        struct outcome out = go(b, name, &opt, NULL, 0, false, 0);
        CHECK_DONE(out);
        assert_int_equal(out.result.tokens, want);
        assert_int_equal(out.result.steps, steps);
        assert_int_equal(out.result.n_steps, steps);
    }
    b->meta = NULL;
}

/* -- What is refused ----------------------------------------------------------------------------------------------- */

static void refused(struct bench *b, struct raml_meta_options o, const struct raml_train_options *opt,
                    const struct raml_questions *data, enum raml_code code, const char *want)
{
    b->meta = &o;
    struct outcome out = go(b, "refused", opt, data, 0, false, 0);
    b->meta = NULL;
    struct raml_err err = {0};
    char dir[PATH_CAP + 64];
    snprintf(dir, sizeof dir, "%s/refused", b->root);
    CHECK_OK(raml_remove_tree(dir, &err));
    if (out.rc != code || !strstr(out.err.msg, want)) {
        print_error("found %d, '%s'; expected %d, '%s'\n", out.rc, out.err.msg, code, want);
        fail();
    }
}

static void test_refused(void **state)
{
    struct bench *b = *state;
    struct raml_train_options opt = options(2);
    struct raml_questions one;
    raml_questions_init(&one);
    add_questions(&one, 3, 1);
    refused(b, meta("reptile", "inner_steps=0"), &opt, NULL, RAML_EUSAGE, "inner_steps is 0");
    refused(b, meta("fomaml", "task=family"), &opt, NULL, RAML_ERANGE, "names no family");
    struct raml_meta_options o = meta("anil", "");
    o.adapted_layers = 7;
    refused(b, o, &opt, NULL, RAML_EUSAGE, "adapted_layers is 7; the model has 2 layers");
    o = meta("maml", "");
    o.difference = 0;
    refused(b, o, &opt, NULL, RAML_EUSAGE, "difference is 0");
    o = meta("fomaml", "");
    o.inner_learning_rate = NAN;
    refused(b, o, &opt, NULL, RAML_EUSAGE, "inner_learning_rate is nan");
    o.inner_learning_rate = 1e6;
    o.inner_steps = 4;
    refused(b, o, &opt, NULL, RAML_ERANGE, "the task of question '");
    refused(b, o, &opt, NULL, RAML_ERANGE, "), adapted at inner_learning_rate 1e+06: inner step ");
    if (raml_device_has_bf16(b->dev)) {
        b->dtype = RAML_BF16;
        refused(b, meta("maml", ""), &opt, NULL, RAML_ESUPPORT, "bf16 rounds away; use dtype f32, or fomaml");
        b->dtype = RAML_F32;
    }
    raml_questions_deinit(&b->data);
    raml_questions_init(&b->data);
    add_questions(&b->data, 3, 1); /* the validation set too */
    opt.eval_steps = 1;
    o = meta("fomaml", "");
    o.eval_adapted = true;
    refused(b, o, &opt, &one, RAML_EUSAGE, "eval_adapted: no task of the validation set has two rows");
    struct raml_err err = {0};
    assert_int_equal(raml_meta_default("mamml", &o, &err), RAML_EUSAGE);
    assert_string_equal(err.msg, "found method 'mamml', expected reptile, fomaml, maml or anil");
    raml_questions_deinit(&one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_deal_questions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_deal_families, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_row, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_step_is_sft, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reptile_step, setup, teardown),
        cmocka_unit_test_setup_teardown(test_resume, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stop_within, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ranks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tokens, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
