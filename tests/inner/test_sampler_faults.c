/* A sampler's faults: what is in it is dropped, and it can be used again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "inner/sampler_rig.h"

static bool stop_now(void *user)
{
    size_t *left = user;
    return *left && --*left == 0;
}

/* It can be used again, as if nothing had been. */
static void check_usable(struct rig *r, struct raml_sampler *s, const struct raml_questions *want)
{
    check_empty(s);
    submit(r, s, 1, 4, 0);
    submit(r, s, 0, 4, 0);
    for (size_t i = 0; i < 2; i++) {
        struct raml_sampler_group g = next(s);
        check_group(s, &g, want);
    }
    check_empty(s);
}

static void test_faults(void **state)
{
    struct rig *r = *state;
    struct raml_sample_options o = options(3);
    struct raml_questions want = list(r, &o);
    struct raml_sampler *s = open_sampler(r, r->m, &o);
    struct raml_err err = {0};
    struct raml_sampler_group g;
    bool more;
    int32_t token[POSITIONS] = {0};
    const struct {
        struct raml_sampler_job job;
        enum raml_code code;
        const char *message;
    } cases[] = {
        {{.prompt = token, .n_prompt = 3}, RAML_EUSAGE, "found 0 samples"},
        {{.prompt = token, .n = 2}, RAML_ERANGE, "its text has no tokens"},
        {{.prompt = token, .n_prompt = POSITIONS, .n = 2, .name = "question 'q'"},
         RAML_ERANGE,
         "question 'q': its text of 300 tokens"},
        {{.prompt = (const int32_t[]){1, 261}, .n_prompt = 2, .n = 2}, RAML_ERANGE, "token 2 is 261"},
    };
    submit(r, s, 2, 4, 0);
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(raml_sampler_submit(s, &cases[i].job, &err), cases[i].code);
        if (!strstr(err.msg, cases[i].message)) fail_msg("'%s' is not in '%s'", cases[i].message, err.msg);
    }
    g = next(s); /* what is in it is not touched */
    check_group(s, &g, &want);
    for (size_t left = 1; left < 30; left += 7) {
        const struct raml_sink sink = {.stop = stop_now, .user = &(size_t){left}};
        for (size_t q = 0; q < N_QUESTIONS; q++) submit(r, s, q, 4, 0);
        enum raml_code rc = RAML_OK;
        more = true;
        while (!rc && more) rc = raml_sampler_next(s, &g, &more, &sink, &err);
        assert_int_equal(rc, RAML_ESTOP);
        check_usable(r, s, &want);
    }
    raml_sampler_close(s);
    raml_questions_deinit(&want);
    o.batch_size = 0;
    assert_int_equal(raml_sampler_open(r->m, r->t, &r->f, &o, &s, &err), RAML_EUSAGE);
    o.batch_size = 1;
    o.n = 0; /* is not used */
    s = open_sampler(r, r->m, &o);
    raml_sampler_close(s);
}

static void set_weights(struct raml_model *m, float *w)
{
    MUST(host_set_weights(m, w, err));
}

/* Logits that are not finite, until the weights are mended. */
static void test_not_finite(void **state)
{
    struct rig *r = *state;
    struct raml_sample_options o = options(3);
    struct raml_model *m = open_model(r->dev, 261, RAML_F32);
    struct raml_questions want = list(r, &o);
    struct raml_sampler *s = open_sampler(r, m, &o);
    struct raml_err err = {0};
    struct raml_sampler_group g;
    bool more;
    float *w = host_weights(m), kept = w[7];
    w[7] = NAN;
    set_weights(m, w);
    submit(r, s, 0, 4, 0);
    submit(r, s, 1, 4, 0);
    assert_int_equal(raml_sampler_next(s, &g, &more, NULL, &err), RAML_ERANGE);
    assert_non_null(strstr(err.msg, "1+1=?, sample 1, token 1: the model's logits are not finite"));
    w = host_weights(m);
    w[7] = kept;
    set_weights(m, w);
    check_usable(r, s, &want);
    raml_sampler_close(s);
    raml_questions_deinit(&want);
    raml_model_close(m);
}

/* Whatever operation of the device fails, what is in the sampler is dropped, and it can be used again. */
static void test_device_fails(void **state)
{
    struct rig *r = *state;
    if (!far_asked()) return;
    struct raml_sample_options o = options(2);
    o.max_completion_length = 5;
    o.exit = "stability:stride=2,repeats=2";
    o.probe_tokens = 3;
    struct raml_questions want = list(r, &o);
    size_t before = far_in_use(r->dev), failed = 0;
    struct raml_sampler *s = NULL;
    for (size_t n = 1;; n += 1 + n / 20) {
        struct raml_err err = {0};
        struct raml_sampler_group g;
        bool more = true;
        far_fail_at(r->dev, n);
        enum raml_code rc = raml_sampler_open(r->m, r->t, &r->f, &o, &s, &err);
        bool opened = !rc;
        struct raml_sampler_job job = job_of(r, 0, 3, 0);
        for (size_t i = 0; i < 2 && !rc; i++) rc = raml_sampler_submit(s, &job, &err);
        while (!rc && more) rc = raml_sampler_next(s, &g, &more, NULL, &err);
        bool fault = far_failed(r->dev);
        far_fail_at(r->dev, 0);
        if (opened && n % 3 == 0) check_usable(r, s, &want);
        if (opened) raml_sampler_close(s);
        assert_int_equal(far_in_use(r->dev), before);
        if (!fault) break;
        assert_true(rc == RAML_EIO || rc == RAML_ENOMEM);
        failed++;
    }
    assert_true(failed > 50);
    raml_questions_deinit(&want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_faults), cmocka_unit_test(test_not_finite),
                                       cmocka_unit_test(test_device_fails)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
