/* Training of every kind of model (model/rig.h): a run that was stopped ends in the same bytes, rows are what they are
 * alone when they share passes, windows that cross from a prompt into what follows it, and every tensor is trained. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/rig.h"
#include "outer/trainer.h"
#include "raml/safetensors.h"

static struct raml_config config_of(int kind)
{
    struct raml_config c = rig_config(kind, false);
    c.vocab_size = 261;
    c.max_positions = CONTEXT;
    c.eos_token = 256;
    return c;
}

static void test_resumed(void **state)
{
    struct bench *b = *state;
    struct raml_train_options o = options(5);
    o.save_steps = 5;
    for (int kind = 0; kind < RIG_KINDS; kind++) {
        const struct raml_config c = config_of(kind);
        char whole[32], halves[32];
        snprintf(whole, sizeof whole, "whole-%d", kind);
        snprintf(halves, sizeof halves, "halves-%d", kind);
        b->config = &c;
        CHECK_DONE(go(b, whole, &o, NULL, 0, false, 0));
        assert_int_equal(go(b, halves, &o, NULL, 0, false, 2).rc, RAML_ESTOP);
        CHECK_DONE(go(b, halves, &o, NULL, 1, false, 0));
        same_file(b, whole, halves, "metrics.jsonl");
        same_checkpoint(b, whole, halves, 5);
    }
    b->config = NULL;
}

static struct raml_safetensors *moments(const struct bench *b, const char *run)
{
    struct raml_safetensors *s = NULL;
    char path[PATH_CAP + 128];
    snprintf(path, sizeof path, "%s/%s/checkpoint-1/optimizer.safetensors", b->root, run);
    MUST(raml_safetensors_open(path, &s, err));
    return s;
}

/* First moments after a step: 0.1 times its gradient. */
static void test_rows_together(void **state)
{
    struct bench *b = *state;
    struct raml_train_options o = options(1);
    o.logging_steps = 1;
    o.max_grad_norm = 0;
    o.batch_size = 6;
    for (int kind = 0; kind < RIG_KINDS; kind++) {
        const struct raml_config c = config_of(kind);
        char name[2][32];
        struct raml_safetensors *s[2];
        size_t n = 0;
        b->config = &c;
        for (int i = 0; i < 2; i++) {
            snprintf(name[i], sizeof name[i], "%s-%d", i ? "alone" : "together", kind);
            o.micro_batch_tokens = i ? 1 : 100000;
            CHECK_DONE(go(b, name[i], &o, NULL, 0, false, 0));
            s[i] = moments(b, name[i]);
        }
        for (size_t t = 0; t < raml_safetensors_count(s[0]); t++) {
            const struct raml_tensor_view *x = raml_safetensors_at(s[0], t), *y = raml_safetensors_find(s[1], x->name);
            double worst = 0, most = 0;
            if (strncmp(x->name, "exp_avg.", 8) != 0) continue;
            assert_non_null(y);
            for (size_t i = 0; i < x->n; i++) {
                double p = ((const float *)x->data)[i], q = ((const float *)y->data)[i];
                worst = worse_of(worst, fabs(p - q));
                most = fmax(most, fabs(p));
            }
            CHECK_NEAR(x->name, worst, 0, 1e-6);
            if (!(most > 1e-6)) fail_msg("%s: %s has no gradient", c.model_type, x->name);
            n++;
        }
        const struct raml_param *param;
        assert_int_equal(n, raml_model_params(b->model, &param));
        raml_safetensors_close(s[0]);
        raml_safetensors_close(s[1]);
    }
    b->config = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_resumed, setup, teardown),
                                       cmocka_unit_test_setup_teardown(test_rows_together, setup, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
