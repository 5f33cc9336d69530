/* Supervised fine-tuning of adapters: the loss falls, the base stays as it is, checkpoints hold A and B and their
 * moments and nothing else, and a run that was stopped ends in the bytes of one that was not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/stat.h>

#include "raml/lora.h"
#include "raml/safetensors.h"

#include "outer/trainer.h"

static void plan_of(struct raml_lora *plan)
{
    struct raml_err err = {0};
    const struct raml_lora_options o = {.r = 6, .alpha = 12, .target_modules = "all-linear"};
    CHECK_OK(raml_lora_plan(&o, &tiny, plan, &err));
}

/* The bench's model: the tiny one's file, with fresh adapters, or with those of a checkpoint. */
static void open_adapted(struct bench *b, const char *checkpoint)
{
    struct raml_err err = {0};
    struct raml_lora plan = {0};
    char base[PATH_CAP + 16], dir[PATH_CAP + 64];
    float *block = NULL;
    snprintf(base, sizeof base, "%s/base", b->root);
    if (!raml_is_dir(base)) {
        assert_int_equal(mkdir(base, 0755), 0);
        new_model(b, NULL);
        CHECK_OK(raml_model_save(b->model, base, &err));
    }
    raml_model_close(b->model);
    b->model = NULL;
    CHECK_OK(raml_model_open(base, RAML_F32, RAML_ADAPTING, b->dev, &b->model, &err));
    if (checkpoint) {
        snprintf(dir, sizeof dir, "%s/%s", b->root, checkpoint);
        CHECK_OK(raml_lora_read(dir, &tiny, &plan, &block, &err));
    } else {
        plan_of(&plan);
    }
    CHECK_OK(raml_model_adapt(b->model, &plan, block, 3, &err));
    raml_lora_deinit(&plan);
    free(block);
}

/* Logits of a few tokens, with B set to zero: those of the base. */
static void base_logits(struct bench *b, float *z)
{
    enum { N = 5 };
    static const int32_t token[N] = {3, 1, 4, 1, 5};
    struct raml_err err = {0};
    struct raml_tree t = {0};
    struct raml_pack pack = {0};
    struct raml_pass *p = NULL;
    float *kept = host_weights(b->model), *zero = calloc(raml_model_n(b->model), sizeof *zero);
    assert_non_null(zero);
    CHECK_OK(host_set_weights(b->model, zero, &err));
    CHECK_OK(raml_tree_add(&t, -1, 0, token, N, 1, NULL, &err));
    CHECK_OK(raml_pack_add(&pack, &t, &err));
    CHECK_OK(raml_pass_open(b->model, false, &p, &err));
    CHECK_OK(raml_pass_forward(p, &pack, NULL, &err));
    CHECK_OK(raml_pass_logits(p, N - 1, 1, z, &err));
    raml_pass_close(p);
    raml_pack_deinit(&pack);
    raml_tree_deinit(&t);
    CHECK_OK(host_set_weights(b->model, kept, &err));
}

static void test_loss_falls(void **state)
{
    struct bench *b = *state;
    struct raml_train_options o = options(3);
    float before[261], after[261];
    open_adapted(b, NULL);
    base_logits(b, before);
    struct outcome first = go(b, "three", &o, NULL, 0, true, 0);
    CHECK_DONE(first);
    o.max_steps = 150;
    open_adapted(b, NULL);
    struct outcome last = go(b, "long", &o, NULL, 0, true, 0);
    CHECK_DONE(last);
    print_message("loss %.4f after 3 steps, %.4f after 150\n", first.result.loss, last.result.loss);
    assert_true(last.result.loss < 0.7 * first.result.loss);
    assert_int_equal(last.result.parameters, raml_model_n(b->model));
    base_logits(b, after);
    assert_memory_equal(before, after, sizeof before);
}

/* optimizer.safetensors has two moments of every A and B. */
static void check_checkpoint(const struct bench *b, const char *run, int step)
{
    struct raml_err err = {0};
    char path[PATH_CAP + 128];
    struct raml_safetensors *s;
    struct raml_lora plan = {0};
    plan_of(&plan);
    snprintf(path, sizeof path, "%s/%s/checkpoint-%d/model.safetensors", b->root, run, step);
    assert_false(raml_is_file(path));
    snprintf(path, sizeof path, "%s/%s/checkpoint-%d/optimizer.safetensors", b->root, run, step);
    CHECK_OK(raml_safetensors_open(path, &s, &err));
    assert_int_equal(raml_safetensors_count(s), 4 * plan.n_modules);
    size_t n = 0;
    for (size_t i = 0; i < raml_safetensors_count(s); i++) {
        assert_non_null(strstr(raml_safetensors_at(s, i)->name, ".lora_"));
        n += raml_safetensors_at(s, i)->n;
    }
    assert_int_equal(n, 2 * plan.n);
    raml_safetensors_close(s);
    raml_lora_deinit(&plan);
}

static void test_resume(void **state)
{
    static const char *const files[] = {"adapter_config.json", "adapter_model.safetensors", "optimizer.safetensors",
                                        "trainer_state.json"};
    struct bench *b = *state;
    struct raml_train_options o = options(9);
    open_adapted(b, NULL);
    CHECK_DONE(go(b, "whole", &o, NULL, 0, true, 0));
    open_adapted(b, NULL);
    struct outcome stopped = go(b, "stopped", &o, NULL, 0, true, 4);
    assert_int_equal(stopped.rc, RAML_ESTOP);
    assert_int_equal(stopped.result.steps, 4);
    open_adapted(b, "stopped/checkpoint-4");
    CHECK_DONE(go(b, "stopped", &o, NULL, 1, true, 0));
    for (size_t i = 0; i < COUNT(files); i++) {
        char name[64];
        snprintf(name, sizeof name, "checkpoint-9/%s", files[i]);
        same_file(b, "whole", "stopped", name);
    }
    check_checkpoint(b, "whole", 9);
    o.micro_batch_tokens = 1;
    o.max_grad_norm = 0; /* the norm is a sum over the block: the same, but the loss is added in another order */
    open_adapted(b, NULL);
    CHECK_DONE(go(b, "alone", &o, NULL, 0, true, 0));
    o.micro_batch_tokens = 100000;
    open_adapted(b, NULL);
    CHECK_DONE(go(b, "together", &o, NULL, 0, true, 0));
    if (!far_asked()) same_file(b, "alone", "together", "checkpoint-9/adapter_model.safetensors");
}

/* A checkpoint of other adapters is not resumed from. */
static void test_other_adapters(void **state)
{
    struct bench *b = *state;
    struct raml_train_options o = options(4);
    open_adapted(b, NULL);
    CHECK_DONE(go(b, "run", &o, NULL, 0, true, 0));
    open_adapted(b, NULL); /* fresh ones */
    o.max_steps = 6;
    struct outcome out = go(b, "run", &o, NULL, 1, true, 0);
    assert_int_not_equal(out.rc, RAML_OK);
    print_message("  %s\n", out.err.msg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_loss_falls, setup, teardown),
                                       cmocka_unit_test_setup_teardown(test_resume, setup, teardown),
                                       cmocka_unit_test_setup_teardown(test_other_adapters, setup, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
