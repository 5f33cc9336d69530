/* Probes of jobs that grow: they change nothing and say what the model would; jobs that end or return; faults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

#include "inner/generate_rig.h"

struct guided {
    struct results *results;
    size_t n_probes, n_answers, wrong, stride;
    uint64_t hash;
    const struct jobs *jobs;
    bool compare;
};

/* -- Probes -------------------------------------------------------------------------------------------------------- */
static const int32_t cue[] = {4, 9, 4};

static enum raml_code every_few(void *user, size_t job, const struct raml_generated *so_far, bool *wanted,
                                struct raml_generate_probe *p, struct raml_err *err)
{
    struct guided *g = user;
    (void)err;
    *wanted = so_far->n % g->stride == 0 && job % 4 != 3;
    if (!*wanted) return RAML_OK;
    *p = (struct raml_generate_probe){
        .cue = cue, .n_cue = COUNT(cue), .max_tokens = job % 4 == 2 ? 0 : 7, .entropy = job % 2 == 0};
    g->n_probes++;
    return RAML_OK;
}

static enum raml_code ends_at_eleven(void *user, size_t job, const struct raml_generated *answer, bool *ends,
                                     struct raml_err *err)
{
    (void)user, (void)job, (void)err;
    *ends = answer->token[answer->n - 1] == 11;
    return RAML_OK;
}

/* The likeliest tokens after the job's text, its tokens but the last `back` and the cue, by a pass; *entropy: of the
 * first. */
static void check_likeliest(const struct jobs *j, size_t job, const struct raml_generated *so_far, size_t back,
                            const struct raml_generated *answer, float *entropy)
{
    static struct read r;
    int32_t text[TEXT + 50];
    size_t n = j->job[job].n_text;
    memcpy(text, j->job[job].text, n * sizeof *text);
    if (so_far->n > back) memcpy(text + n, so_far->token, (so_far->n - back) * sizeof *text);
    n += so_far->n - back;
    memcpy(text + n, cue, sizeof cue);
    int32_t any = 0;
    read_whole(text, n + COUNT(cue), answer->n ? answer->token : &any, answer->n ? answer->n : 1, &r);
    if (answer->n) assert_memory_equal(answer->token, r.argmax, answer->n * sizeof *answer->token);
    for (size_t k = 0; k < answer->n; k++) assert_true(fabsf(answer->logp[k] - r.logp[k]) <= 1e-4F);
    *entropy = r.entropy[0];
}

static void compare_probe(const struct jobs *j, size_t job, const struct raml_generated *so_far,
                          const struct raml_generated *answer, double entropy)
{
    size_t end = 0;
    float want;
    check_likeliest(j, job, so_far, 0, answer, &want);
    for (size_t k = 0; k < answer->n; k++) {
        bool stop = answer->token[k] == 11 || answer->token[k] == 1 || answer->token[k] == 2;
        assert_true(stop == (k + 1 == answer->n && answer->ended));
        end += stop;
    }
    if (job % 4 == 2) assert_int_equal(answer->n, 0);
    else assert_true(end == 1 || answer->n == 7);
    if (job % 2 == 0) assert_true(fabs(entropy - (double)want) <= 1e-4);
    else assert_true(isnan(entropy));
}

static enum raml_code note_answer(void *user, size_t job, const struct raml_generated *so_far,
                                  const struct raml_generated *answer, double entropy, enum raml_generate_next *next,
                                  struct raml_err *err)
{
    struct guided *g = user;
    (void)next, (void)err;
    g->n_answers++;
    g->wrong += so_far->n % g->stride != 0;
    uint64_t h = 1469598103934665603U; /* of one probe; their sum does not depend on the order */
    for (size_t i = 0; i < answer->n; i++) h = (h ^ (uint64_t)answer->token[i]) * 1099511628211U;
    uint64_t bits = 0;
    memcpy(&bits, &entropy, sizeof bits);
    g->hash += (h ^ bits) * (job * 1000 + so_far->n + 1);
    if (g->compare) compare_probe(g->jobs, job, so_far, answer, entropy);
    return RAML_OK;
}

static enum raml_code keep_guided(void *user, size_t job, struct raml_generated *g, struct raml_err *err)
{
    return keep_result(((struct guided *)user)->results, job, g, err);
}

static const struct raml_generate_guide probing = {
    .wants_probe = every_few, .probe_ends = ends_at_eleven, .probed = note_answer, .done = keep_guided};

static void test_probes_change_nothing(void **state)
{
    (void)state;
    static const size_t batch[] = {1, 6, 64};
    struct jobs *j = forks();
    struct raml_generate_options o = options(4);
    uint64_t hash = 0;
    struct results *want = run(&o, j->job, j->n, (struct raml_generate_guide){0}, NULL);
    for (size_t b = 0; b < COUNT(batch); b++) {
        struct guided g = {.results = calloc(1, sizeof *g.results), .stride = 4, .jobs = j, .compare = b == 2};
        struct raml_generate_guide guide = probing;
        struct raml_generate_stats stats;
        guide.user = &g;
        o.batch_size = batch[b];
        o.probe_tokens = COUNT(cue) + 7;
        free(run(&o, j->job, j->n, guide, &stats));
        for (size_t i = 0; i < j->n; i++) check_same(&g.results->of[i], &want->of[i]);
        assert_int_equal(stats.n_probes, g.n_probes);
        assert_int_equal(g.n_answers, g.n_probes);
        assert_int_equal(g.wrong, 0);
        assert_true(g.n_probes > j->n && stats.probe_tokens > g.n_probes * COUNT(cue));
        if (b == 0) hash = g.hash;
        assert_true(g.hash == hash);
        drop(g.results);
    }
    drop(want);
    free(j);
}

static enum raml_code stop_at_eight(void *user, size_t job, const struct raml_generated *so_far,
                                    const struct raml_generated *answer, double entropy, enum raml_generate_next *next,
                                    struct raml_err *err)
{
    if (so_far->n == 8) *next = RAML_GENERATE_ENDS;
    return note_answer(user, job, so_far, answer, entropy, next, err);
}

/* A probe may end its job. At the context's end probes are cut short, or not made. */
static void test_probe_ends_job(void **state)
{
    (void)state;
    struct jobs *j = forks();
    struct raml_generate_options o = options(6);
    struct guided g = {.results = calloc(1, sizeof *g.results), .stride = 4, .jobs = j};
    struct raml_generate_guide guide = probing;
    size_t eights = 0;
    guide.user = &g;
    guide.probed = stop_at_eight;
    o.probe_tokens = COUNT(cue) + 7;
    o.n_ends = 0;
    free(run(&o, j->job, j->n, guide, NULL));
    for (size_t i = 0; i < j->n; i++) {
        if (i % 4 != 3) assert_true(g.results->of[i].n <= 8);
        if (i % 4 != 3 && g.results->of[i].n == 8 && j->job[i].max_tokens > 8) {
            assert_true(g.results->of[i].ended);
            eights++;
        }
    }
    assert_true(eights > 0);
    drop(g.results);
    struct jobs *last = calloc(1, sizeof *last);
    for (size_t i = 0; i < 3; i++) {
        add(last, 0, 0, 0, 550);
        memset(&last->text[0][550], 0, 10 * sizeof(int32_t));
        last->job[i].n_text = TEXT;
        last->job[i].max_tokens = 100;
    }
    g = (struct guided){.results = calloc(1, sizeof *g.results), .stride = 1, .jobs = last};
    guide.probed = note_answer;
    free(run(&o, last->job, 3, guide, NULL));
    size_t n = (size_t)raml_model_config(m)->max_positions - TEXT;
    assert_int_equal(g.results->of[0].n, n);
    assert_int_equal(g.n_answers, 3 * (n - COUNT(cue))); /* with 0 .. n - 4 tokens the cue leaves space for one */
    drop(g.results);
    free(last);
    free(j);
}

/* -- Returns ------------------------------------------------------------------------------------------------------- */
enum { PLACE = 5 };

static enum raml_code look_back(void *user, size_t job, const struct raml_generated *so_far, bool *wanted,
                                struct raml_generate_probe *p, struct raml_err *err)
{
    bool *returned = user;
    (void)err;
    *p = (struct raml_generate_probe){.cue = cue, .n_cue = COUNT(cue), .max_tokens = 2, .back = job % 5};
    *wanted = so_far->n == PLACE + job % 5 && !returned[job];
    if (returned[job] && so_far->n == PLACE + 4) { /* once more, after the return */
        p->back = 2;
        *wanted = true;
    }
    return RAML_OK;
}

static struct results *kept_results;
static const struct jobs *kept_jobs;

static enum raml_code return_once(void *user, size_t job, const struct raml_generated *so_far,
                                  const struct raml_generated *answer, double entropy, enum raml_generate_next *next,
                                  struct raml_err *err)
{
    bool *returned = user;
    (void)err;
    float any;
    (void)entropy;
    if (!returned[job]) *next = RAML_GENERATE_RETURNS;
    check_likeliest(kept_jobs, job, so_far, returned[job] ? 2 : job % 5, answer, &any);
    returned[job] = true;
    return RAML_OK;
}

static enum raml_code keep_returned(void *user, size_t job, struct raml_generated *g, struct raml_err *err)
{
    (void)user;
    return keep_result(kept_results, job, g, err);
}

static int32_t force_ten(void *user, size_t job, const struct raml_generated *so_far)
{
    bool *returned = user;
    return returned[job] && so_far->n == PLACE ? 10 : -1;
}

/* A job that returns is what it would have been, had the token been forced there at once. */
static void test_returns(void **state)
{
    (void)state;
    struct jobs *j = forks();
    struct raml_generate_options o = options(5);
    struct raml_err err = {0};
    bool returned[MOST];
    struct raml_generate_guide guide = {.user = returned, .force = force_ten, .done = keep_returned};
    o.n_ends = 0;
    o.probe_tokens = COUNT(cue) + 2;
    for (size_t i = 0; i < j->n; i++) j->job[i].max_tokens += 7;
    memset(returned, true, sizeof returned);
    kept_jobs = j;
    struct results *want = kept_results = calloc(1, sizeof *want);
    free(run(&o, j->job, j->n, guide, NULL));
    struct results *got = kept_results = calloc(1, sizeof *got);
    memset(returned, false, sizeof returned);
    guide.wants_probe = look_back;
    guide.probed = return_once;
    o.max_returns = 1;
    free(run(&o, j->job, j->n, guide, NULL));
    for (size_t i = 0; i < j->n; i++) {
        const struct raml_generated *a = &want->of[i], *b = &got->of[i];
        assert_true(returned[i]);
        assert_int_equal(a->n, b->n);
        assert_memory_equal(a->token, b->token, a->n * sizeof *a->token);
        for (size_t k = 0; k < a->n; k++) assert_true(k == PLACE || fabsf(a->logp[k] - b->logp[k]) <= 1e-4F);
    }
    memset(returned, false, sizeof returned);
    guide.force = NULL;
    guide.done = NULL;
    assert_int_equal(raml_generate(m, &o, j->job, j->n, &guide, NULL, NULL, &err), RAML_EUSAGE);
    assert_non_null(strstr(err.msg, "is not forced"));
    o.max_returns = 0;
    memset(returned, false, sizeof returned);
    assert_int_equal(raml_generate(m, &o, j->job, j->n, &guide, NULL, NULL, &err), RAML_EUSAGE);
    assert_non_null(strstr(err.msg, "max_returns"));
    drop(got);
    drop(want);
    free(j);
}

/* -- Faults -------------------------------------------------------------------------------------------------------- */
static enum raml_code fail_third(void *user, size_t job, struct raml_generated *g, struct raml_err *err)
{
    size_t *n = user;
    (void)job, (void)g;
    return ++*n == 3 ? raml_fail(err, RAML_EIO, "the third failed") : RAML_OK;
}

static bool stop_now(void *user)
{
    size_t *left = user;
    return *left && --*left == 0;
}

static void test_faults(void **state)
{
    (void)state;
    struct jobs *j = forks();
    struct raml_generate_options o = options(4);
    struct raml_generate_job kept = j->job[2];
    struct raml_err err = {0};
    size_t n = 0, left = 20;
    struct raml_generate_guide guide = {.user = &n, .done = fail_third};
    const struct raml_sink sink = {.stop = stop_now, .user = &left};
    const struct {
        struct raml_generate_job job;
        enum raml_code code;
        const char *message;
    } cases[] = {
        {{.text = (const int32_t[]){1}, .max_tokens = 1}, RAML_ERANGE, "job 3: its text has no tokens"},
        {{.text = (const int32_t[]){1}, .n_text = 1}, RAML_EUSAGE, "job 3: max_tokens is 0"},
        {{.text = (const int32_t[]){1, 37}, .n_text = 2, .max_tokens = 1}, RAML_ERANGE, "job 3: token 2 is 37"},
        {{.text = (const int32_t[]){-1}, .n_text = 1, .max_tokens = 1}, RAML_ERANGE, "job 3: token 1 is -1"},
        {{.text = (const int32_t[]){1}, .n_text = 600, .max_tokens = 1}, RAML_ERANGE, "job 3: its text of 600 tokens"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        j->job[2] = cases[i].job;
        assert_int_equal(raml_generate(m, &o, j->job, j->n, NULL, NULL, NULL, &err), cases[i].code);
        if (!strstr(err.msg, cases[i].message)) fail_msg("'%s' is not in '%s'", cases[i].message, err.msg);
    }
    j->job[2] = kept;
    assert_int_equal(raml_generate(m, &o, j->job, j->n, &guide, NULL, NULL, &err), RAML_EIO);
    assert_non_null(strstr(err.msg, "the third failed"));
    assert_int_equal(raml_generate(m, &o, j->job, j->n, NULL, NULL, &sink, &err), RAML_ESTOP);
    assert_int_equal(raml_generate(m, &o, NULL, 0, NULL, NULL, NULL, &err), RAML_OK);
    struct guided g = {.stride = 4};
    struct raml_generate_guide narrow = probing;
    narrow.user = &g;
    assert_int_equal(raml_generate(m, &o, j->job, j->n, &narrow, NULL, NULL, &err), RAML_EUSAGE);
    o.probe_tokens = 9;
    assert_int_equal(raml_generate(m, &o, j->job, j->n, &narrow, NULL, NULL, &err), RAML_EUSAGE);
    assert_non_null(strstr(err.msg, "9 together at most"));
    o.batch_size = 0;
    assert_int_equal(raml_generate(m, &o, j->job, j->n, NULL, NULL, NULL, &err), RAML_EUSAGE);
    free(j);
}

/* Whatever operation of the device fails, the run ends with that error and holds nothing. */
static void test_device_fails(void **state)
{
    (void)state;
    if (!far_asked()) return;
    struct jobs *j = calloc(1, sizeof *j);
    struct raml_generate_options o = options(2);
    struct guided g = {.results = calloc(1, sizeof *g.results), .stride = 2, .jobs = j};
    struct raml_generate_guide guide = probing;
    size_t before = far_in_use(dev), failed = 0;
    guide.user = &g;
    o.probe_tokens = COUNT(cue) + 7;
    for (size_t i = 0; i < 3; i++) {
        add(j, 0, 0, i ? 5 : 0, 6);
        j->job[i].max_tokens = 4;
    }
    for (size_t n = 1;; n += 1 + n / 20) {
        struct raml_err err = {0};
        far_fail_at(dev, n);
        enum raml_code rc = raml_generate(m, &o, j->job, j->n, &guide, NULL, NULL, &err);
        bool fault = far_failed(dev);
        far_fail_at(dev, 0);
        assert_int_equal(far_in_use(dev), before);
        for (size_t i = 0; i < 3; i++) raml_generated_deinit(&g.results->of[i]);
        if (!fault) break;
        assert_true(rc == RAML_EIO || rc == RAML_ENOMEM);
        failed++;
    }
    assert_true(failed > 50);
    drop(g.results);
    free(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_probes_change_nothing),
                                       cmocka_unit_test(test_probe_ends_job), cmocka_unit_test(test_returns),
                                       cmocka_unit_test(test_faults), cmocka_unit_test(test_device_fails)};
    return cmocka_run_group_tests_name("probes of generation", tests, set_up, tear_down);
}
