/* Many continuations side by side: each is what it is alone, whatever shares the run, its group or its batch. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

#include "inner/generate.h"
#include "inner/texts.h"
#include "model/rig.h"

enum { MOST = 200, TEXT = 560 };

static struct raml_device *dev;
static struct raml_model *m;
static size_t V;

static int set_up(void **state)
{
    (void)state;
    struct raml_config c = rig_config(RIG_QWEN2, false);
    struct raml_err err = {0};
    if (far_device_open(2, "auto", &dev, &err) || raml_model_init(&c, 3, RAML_F32, RAML_TRAINING, dev, &m, &err))
        return -1;
    rig_stir(m, 5, 3);
    V = (size_t)c.vocab_size;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    raml_model_close(m);
    raml_device_close(dev);
    return 0;
}

struct jobs {
    struct raml_generate_job job[MOST];
    int32_t text[MOST][TEXT];
    size_t n;
};
struct results {
    struct raml_generated of[MOST];
    size_t calls[MOST], n;
};

static uint32_t draw(size_t i, uint32_t n)
{
    struct raml_key key = {.seed = 77, .purpose = RAML_FOR_TEST};
    return raml_below(&key, i, n);
}

static void add(struct jobs *j, size_t group, size_t from, size_t keep, size_t own)
{
    int32_t *t = j->text[j->n];
    for (size_t i = 0; i < keep; i++) t[i] = j->text[from][i];
    for (size_t i = 0; i < own; i++) t[keep + i] = (int32_t)draw(1000 * j->n + i, (uint32_t)V);
    j->job[j->n] = (struct raml_generate_job){.text = t,
                                              .n_text = keep + own,
                                              .group = group,
                                              .max_tokens = 3 + draw(j->n, 20),
                                              .question = group,
                                              .sample = (uint32_t)j->n,
                                              .first = j->n % 3};
    j->n++;
}

/* Groups whose texts fork anywhere: at and within pages, in the middle of forks, at once; some are another's beginning,
 * some repeat one, some have nothing in common with the others. */
static struct jobs *forks(void)
{
    struct jobs *j = calloc(1, sizeof *j);
    for (size_t g = 0; g < 4; g++) {
        size_t base = j->n;
        add(j, g, 0, 0, 100 + 40 * g);
        add(j, g, base, 0, 1 + g);
        for (size_t k = 2; k < (far_asked() ? 8 : 14); k++) {
            size_t from = base + draw(500 + j->n, (uint32_t)k), length = j->job[from].n_text;
            size_t keep = draw(700 + j->n, (uint32_t)length + 1), own = draw(900 + j->n, 4) ? draw(800 + j->n, 80) : 0;
            add(j, g, from, keep, keep + own ? own : 1);
        }
    }
    return j;
}

static enum raml_code keep_result(void *user, size_t job, struct raml_generated *g, struct raml_err *err)
{
    (void)err;
    struct results *r = user;
    r->of[job] = *g;
    r->calls[job]++;
    r->n++;
    *g = (struct raml_generated){0};
    return RAML_OK;
}

static struct raml_generate_options options(size_t batch_size)
{
    static const int32_t end[] = {1, 2};
    return (struct raml_generate_options){
        .batch_size = batch_size, .sampling = {1, 1, 0, 0}, .seed = 9, .end = end, .n_ends = 2};
}

static struct results *run(const struct raml_generate_options *o, const struct raml_generate_job *job, size_t n,
                           struct raml_generate_guide guide, struct raml_generate_stats *stats)
{
    struct results *r = calloc(1, sizeof *r);
    if (!guide.user) guide.user = r;
    if (!guide.done) guide.done = keep_result;
    MUST(raml_generate(m, o, job, n, &guide, stats, NULL, err));
    if (guide.user == r) {
        assert_int_equal(r->n, n);
        for (size_t i = 0; i < n; i++) assert_int_equal(r->calls[i], 1);
    }
    return r;
}

static void drop(struct results *r)
{
    for (size_t i = 0; i < MOST; i++) raml_generated_deinit(&r->of[i]);
    free(r);
}

static void check_same(const struct raml_generated *a, const struct raml_generated *b)
{
    assert_int_equal(a->n, b->n);
    assert_int_equal(a->ended, b->ended);
    assert_memory_equal(a->token, b->token, a->n * sizeof *a->token);
    assert_memory_equal(a->logp, b->logp, a->n * sizeof *a->logp);
}

/* -- Jobs ---------------------------------------------------------------------------------------------------------- */
static void test_batches(void **state)
{
    (void)state;
    static const size_t batch[] = {3, 7, 64};
    struct jobs *j = forks();
    struct raml_generate_options o = options(1);
    struct raml_generate_stats one, stats;
    struct results *want = run(&o, j->job, j->n, (struct raml_generate_guide){0}, &one);
    for (size_t b = 0; b < COUNT(batch); b++) {
        o.batch_size = batch[b];
        struct results *got = run(&o, j->job, j->n, (struct raml_generate_guide){0}, &stats);
        for (size_t i = 0; i < j->n; i++) check_same(&got->of[i], &want->of[i]);
        assert_int_equal(stats.text_tokens, one.text_tokens);
        assert_int_equal(stats.tokens, one.tokens);
        assert_true(stats.steps < one.steps);
        drop(got);
    }
    drop(want);
    free(j);
}

/* Alone in its group a job has the same tokens; its log-probabilities differ by rounding. */
static void check_alone(const struct raml_generate_options *o)
{
    struct jobs *j = forks();
    struct results *got = run(o, j->job, j->n, (struct raml_generate_guide){0}, NULL);
    size_t ended = 0;
    for (size_t i = 0; i < j->n; i++) {
        struct results *alone = run(o, &j->job[i], 1, (struct raml_generate_guide){0}, NULL);
        const struct raml_generated *a = &alone->of[0], *b = &got->of[i];
        assert_int_equal(a->n, b->n);
        assert_memory_equal(a->token, b->token, a->n * sizeof *a->token);
        for (size_t k = 0; k < a->n; k++) assert_true(fabsf(a->logp[k] - b->logp[k]) <= 1e-4F);
        bool end = b->token[b->n - 1] == 1 || b->token[b->n - 1] == 2;
        assert_int_equal(b->ended, end);
        assert_true(end || b->n == j->job[i].max_tokens);
        ended += end;
        drop(alone);
    }
    assert_true(ended > 0 && ended < j->n);
    drop(got);
    free(j);
}

static void test_alone(void **state)
{
    (void)state;
    struct raml_generate_options o = options(16);
    check_alone(&o);
    o.sampling = (struct raml_token_sampling){.temperature = 0.7, .top_p = 0.9, .top_k = 20};
    check_alone(&o);
    o.sampling = (struct raml_token_sampling){.temperature = 0, .top_p = 1};
    check_alone(&o);
}

struct read { /* by a pass over a text and what follows it */
    float logp[TEXT], entropy[TEXT];
    int32_t argmax[TEXT];
};

static void read_whole(const int32_t *text, size_t n_text, const int32_t *more, size_t n, struct read *r)
{
    struct raml_tree tree = {0};
    struct raml_pack pack = {0};
    struct raml_pass *pass = NULL;
    struct raml_logprobs out = {.logp = r->logp, .entropy = r->entropy, .argmax = r->argmax};
    MUST(raml_tree_add(&tree, -1, 0, text, n_text, n_text, NULL, err));
    MUST(raml_tree_add(&tree, 0, (uint32_t)n_text, more, n, 0, NULL, err));
    MUST(raml_pack_add(&pack, &tree, err));
    MUST(raml_pass_open(m, false, &pass, err));
    MUST(raml_pass_forward(pass, &pack, &out, err));
    raml_pass_close(pass);
    raml_pack_deinit(&pack);
    raml_tree_deinit(&tree);
}

static void test_against_a_pass(void **state)
{
    (void)state;
    struct jobs *j = forks();
    struct raml_generate_options o = options(16);
    static struct read r;
    o.sampling.temperature = 0;
    struct results *got = run(&o, j->job, j->n, (struct raml_generate_guide){0}, NULL);
    for (size_t i = 0; i < j->n; i++) {
        const struct raml_generated *g = &got->of[i];
        read_whole(j->job[i].text, j->job[i].n_text, g->token, g->n, &r);
        assert_memory_equal(g->token, r.argmax, g->n * sizeof *g->token);
        for (size_t k = 0; k < g->n; k++) assert_true(fabsf(g->logp[k] - r.logp[k]) <= 1e-4F);
    }
    drop(got);
    free(j);
}

/* Random numbers are those of the job's own stream, from `first` on. */
static void test_stream(void **state)
{
    (void)state;
    struct jobs *j = calloc(1, sizeof *j);
    struct raml_generate_options o = options(4);
    add(j, 0, 0, 0, 30);
    add(j, 0, 0, 30, 0);
    add(j, 0, 0, 30, 0);
    for (size_t i = 0; i < 3; i++) j->job[i].max_tokens = 12, j->job[i].sample = 4, j->job[i].first = 0;
    o.n_ends = 0;
    j->job[2].first = 1;
    struct results *r = run(&o, j->job, 3, (struct raml_generate_guide){0}, NULL);
    check_same(&r->of[0], &r->of[1]);
    assert_memory_not_equal(r->of[0].token, r->of[2].token, 12 * sizeof(int32_t));
    o.allowed = 5;
    struct results *few = run(&o, j->job, 3, (struct raml_generate_guide){0}, NULL);
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < few->of[i].n; k++) assert_true(few->of[i].token[k] < 5);
    drop(few);
    drop(r);
    free(j);
}

/* -- Sharing ------------------------------------------------------------------------------------------------------- */
static void test_shared(void **state)
{
    (void)state;
    struct jobs *j = calloc(1, sizeof *j);
    struct raml_generate_options o = options(8);
    struct raml_generate_stats stats;
    struct raml_texts x;
    add(j, 7, 0, 0, 40);   /* 0: the beginning of 1; its last token is its own */
    add(j, 7, 0, 40, 100); /* 1: the longest */
    add(j, 7, 1, 70, 5);   /* 2 leaves 1 */
    add(j, 7, 2, 73, 2);   /* 3 leaves 2 in its own tokens */
    add(j, 7, 2, 75, 0);   /* 4 is 2 */
    add(j, 7, 2, 70, 1);   /* 5 leaves where 2 does: it hangs from 1 */
    add(j, 8, 1, 140, 0);  /* 6: another group shares nothing */
    j->text[3][73] = (j->text[2][73] + 1) % (int32_t)V;
    j->text[5][70] = (j->text[2][70] + 1) % (int32_t)V;
    MUST(raml_texts_init(&x, j->job, j->n, err));
    static const struct {
        int parent; /* a job */
        size_t start;
    } want[] = {{1, 39}, {-1, 0}, {1, 70}, {2, 73}, {1, 70}, {1, 70}, {-1, 0}};
    for (size_t i = 0; i < j->n; i++) {
        const struct raml_text *t = &x.text[x.of_job[i]];
        assert_memory_equal(t->token, j->job[i].text, t->n * sizeof *t->token);
        assert_int_equal(t->start, want[i].start);
        if (want[i].parent < 0) assert_int_equal(t->parent, -1);
        else assert_int_equal(t->parent, x.of_job[want[i].parent]);
    }
    assert_int_equal(x.n, 6);
    assert_int_equal(x.of_job[2], x.of_job[4]);
    assert_int_equal(x.own, 1 + 140 + 5 + 2 + 1 + 140);
    struct results *r = run(&o, j->job, j->n, (struct raml_generate_guide){0}, &stats);
    assert_int_equal(stats.text_tokens, x.own);
    assert_int_equal(stats.all_texts, 40 + 140 + 75 + 75 + 75 + 71 + 140);
    raml_texts_deinit(&x);
    drop(r);
    free(j);
}

/* More tokens of texts than one pass reads: texts are cut, and nothing changes. */
static void test_pieces(void **state)
{
    (void)state;
    struct jobs *j = calloc(1, sizeof *j);
    struct raml_generate_options o = options(12);
    for (size_t i = 0; i < 12; i++) add(j, i, 0, 0, 550);
    struct results *all = run(&o, j->job, j->n, (struct raml_generate_guide){0}, NULL);
    o.batch_size = 1;
    struct results *one = run(&o, j->job, j->n, (struct raml_generate_guide){0}, NULL);
    for (size_t i = 0; i < j->n; i++) check_same(&all->of[i], &one->of[i]);
    drop(all);
    drop(one);
    free(j);
}

/* A pool that holds few jobs makes them wait, no more; one that can't hold one of them is an error. */
static void test_pool(void **state)
{
    (void)state;
    struct jobs *j = forks();
    struct raml_generate_options o = options(16);
    struct raml_generate_stats wide, narrow;
    struct raml_err err = {0};
    struct results *want = run(&o, j->job, j->n, (struct raml_generate_guide){0}, &wide);
    o.pool_tokens = 14 * (size_t)64;
    struct results *got = run(&o, j->job, j->n, (struct raml_generate_guide){0}, &narrow);
    for (size_t i = 0; i < j->n; i++) check_same(&got->of[i], &want->of[i]);
    assert_true(narrow.steps > wide.steps);
    o.pool_tokens = 3 * (size_t)64;
    assert_int_equal(raml_generate(m, &o, j->job, j->n, NULL, NULL, NULL, &err), RAML_EUSAGE);
    assert_non_null(strstr(err.msg, "the pool has 192"));
    drop(want);
    drop(got);
    free(j);
}

/* -- Guides -------------------------------------------------------------------------------------------------------- */
struct guided {
    struct results *results;
    size_t n_probes, n_answers, wrong, stride;
    uint64_t hash;
    const struct jobs *jobs;
    bool compare;
};

static int32_t force_fourth(void *user, size_t job, const struct raml_generated *so_far)
{
    (void)user;
    return so_far->n == 3 ? (int32_t)(10 + job % 3) : -1;
}

static int32_t replace_tens(void *user, size_t job, const struct raml_generated *so_far, int32_t token)
{
    (void)user, (void)job, (void)so_far;
    return token % 5 ? token : 3;
}

static enum raml_code end_at_six(void *user, size_t job, const struct raml_generated *so_far, bool *ends,
                                 struct raml_err *err)
{
    (void)user, (void)err;
    *ends = job % 2 && so_far->n == 6;
    return RAML_OK;
}

static void test_guide(void **state)
{
    (void)state;
    struct jobs *j = forks();
    struct raml_generate_options o = options(5);
    size_t sixes = 0, forced = 0, replaced = 0;
    struct raml_generate_guide guide = {.force = force_fourth, .replace = replace_tens, .added = end_at_six};
    struct results *r = run(&o, j->job, j->n, guide, NULL);
    for (size_t i = 0; i < j->n; i++) {
        const struct raml_generated *g = &r->of[i];
        if (g->n > 3) {
            assert_int_equal(g->token[3], 10 + i % 3);
            assert_true(isnan(g->logp[3]));
            forced++;
        }
        for (size_t k = 0; k < g->n; k++) {
            assert_true(k == 3 || g->token[k] % 5);
            assert_true(k == 3 || g->token[k] == 3 || !isnan(g->logp[k]));
            replaced += k != 3 && isnan(g->logp[k]);
        }
        if (i % 2) assert_true(g->n <= 6);
        if (i % 2 && g->n == 6) assert_true(g->ended);
        sixes += i % 2 && g->n == 6;
    }
    assert_true(sixes > 0 && forced > 0 && replaced > 0);
    drop(r);
    free(j);
}

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

/* The likeliest tokens after the job's text, its tokens and the cue, and the entropy there, by a pass. */
static void compare_probe(const struct jobs *j, size_t job, const struct raml_generated *so_far,
                          const struct raml_generated *answer, double entropy)
{
    static struct read r;
    int32_t text[TEXT + 50];
    size_t n = j->job[job].n_text, end = 0;
    memcpy(text, j->job[job].text, n * sizeof *text);
    if (so_far->n) memcpy(text + n, so_far->token, so_far->n * sizeof *text);
    n += so_far->n;
    memcpy(text + n, cue, sizeof cue);
    int32_t any = 0;
    read_whole(text, n + COUNT(cue), answer->n ? answer->token : &any, answer->n ? answer->n : 1, &r);
    if (answer->n) assert_memory_equal(answer->token, r.argmax, answer->n * sizeof *answer->token);
    for (size_t k = 0; k < answer->n; k++) {
        assert_true(fabsf(answer->logp[k] - r.logp[k]) <= 1e-4F);
        bool stop = answer->token[k] == 11 || answer->token[k] == 1 || answer->token[k] == 2;
        assert_true(stop == (k + 1 == answer->n && answer->ended));
        end += stop;
    }
    if (job % 4 == 2) assert_int_equal(answer->n, 0);
    else assert_true(end == 1 || answer->n == 7);
    if (job % 2 == 0) assert_true(fabs(entropy - (double)r.entropy[0]) <= 1e-4);
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
    return RAML_OK;
}

static enum raml_code return_once(void *user, size_t job, const struct raml_generated *so_far,
                                  const struct raml_generated *answer, double entropy, enum raml_generate_next *next,
                                  struct raml_err *err)
{
    bool *returned = user;
    (void)so_far, (void)answer, (void)entropy, (void)err;
    returned[job] = true;
    *next = RAML_GENERATE_RETURNS;
    return RAML_OK;
}

static struct results *kept_results;

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
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_batches),
                                       cmocka_unit_test(test_alone),
                                       cmocka_unit_test(test_against_a_pass),
                                       cmocka_unit_test(test_stream),
                                       cmocka_unit_test(test_shared),
                                       cmocka_unit_test(test_pieces),
                                       cmocka_unit_test(test_pool),
                                       cmocka_unit_test(test_guide),
                                       cmocka_unit_test(test_probes_change_nothing),
                                       cmocka_unit_test(test_probe_ends_job),
                                       cmocka_unit_test(test_returns),
                                       cmocka_unit_test(test_faults),
                                       cmocka_unit_test(test_device_fails)};
    return cmocka_run_group_tests_name("generation", tests, set_up, tear_down);
}
