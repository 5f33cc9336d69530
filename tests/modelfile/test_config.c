/* config.json as written by several versions of transformers: what is read, and that it round-trips. */
#include "core/scratch.h"

#include "modelfile/on_disk.h"

#include <math.h>

static const char base[] = "\"hidden_size\": 48, \"intermediate_size\": 64, \"num_hidden_layers\": 2, "
                           "\"num_attention_heads\": 4, \"vocab_size\": 99, \"max_position_embeddings\": 8192";

static struct raml_config read_text(const char *dir, const char *type, const char *more)
{
    char path[4200], text[2000];
    struct raml_err err = {0};
    struct raml_config c = {0}, again = {0};
    snprintf(text, sizeof text, "{\"model_type\": \"%s\", %s%s%s}", type, base, *more ? ", " : "", more);
    spill(in(dir, "config.json", path), text, strlen(text));
    must(raml_config_read(path, &c, &err), &err);
    must(raml_config_write(&c, path, &err), &err);
    must(raml_config_read(path, &again, &err), &err);
    same_config("written", &c, &again);
    return c;
}

static void test_mistral(void **state)
{
    /* clang-format off */
    static const char *const fine[] = {
        "\"sliding_window\": null", "\"sliding_window\": 8192", "\"sliding_window\": 100000, \"head_dim\": 12",
        "\"sliding_window\": null, \"layer_types\": [\"full_attention\", \"full_attention\"]",
    };
    /* clang-format on */
    for (size_t i = 0; i < COUNT(fine); i++) {
        struct raml_config c = read_text(*state, "mistral", fine[i]);
        assert_string_equal(c.model_type, "llama");
        assert_int_equal(c.head_dim, 12);
        assert_true(!c.qkv_bias && !c.qk_norm && !c.tied && c.n_kv_heads == 4);
    }
}

static void test_defaults(void **state)
{
    struct raml_config c = read_text(*state, "qwen3",
                                     "\"sliding_window\": 4096, \"use_sliding_window\": false, "
                                     "\"attention_bias\": false, \"num_key_value_heads\": 2");
    assert_true(c.head_dim == 128 && c.qk_norm && c.n_kv_heads == 2 && c.rms_norm_eps == 1e-6 && c.rope_theta == 1e4);
    c = read_text(*state, "qwen2",
                  "\"sliding_window\": 100, \"rope_scaling\": null, \"eos_token_id\": [5, 6], "
                  "\"bos_token_id\": null");
    assert_true(c.head_dim == 12 && c.qkv_bias && c.rope == RAML_ROPE_PLAIN && c.eos_token == 5 && c.bos_token == -1);
}

/* rope_parameters is rope_scaling with rope_theta in it. */
static void test_rope_parameters(void **state)
{
    struct raml_config c = read_text(*state, "qwen2",
                                     "\"rope_parameters\": {\"rope_type\": \"default\", "
                                     "\"rope_theta\": 1000000.0}");
    assert_true(c.rope == RAML_ROPE_PLAIN && c.rope_theta == 1e6);
    c = read_text(*state, "qwen2",
                  "\"rope_theta\": 5, \"rope_parameters\": {\"rope_type\": \"yarn\", \"rope_theta\": 1e5, "
                  "\"factor\": 4.0, \"original_max_position_embeddings\": 2048}, \"rope_scaling\": null");
    assert_true(c.rope == RAML_ROPE_YARN && c.rope_theta == 1e5 && c.rope_factor == 4);
    assert_true(c.rope_original_positions == 2048 && c.rope_beta_fast == 32 && c.rope_beta_slow == 1);
    assert_true(fabs(c.rope_attention - (0.1 * log(4) + 1)) < 1e-15);
    c = read_text(*state, "llama",
                  "\"rope_parameters\": {\"rope_type\": \"llama3\", \"rope_theta\": 500000, \"factor\": 8, "
                  "\"low_freq_factor\": 1, \"high_freq_factor\": 4, "
                  "\"original_max_position_embeddings\": 8192}");
    assert_true(c.rope == RAML_ROPE_LLAMA3 && c.rope_theta == 5e5 && c.rope_original_positions == 8192);
    c = read_text(*state, "llama",
                  "\"rope_scaling\": {\"type\": \"linear\", \"factor\": 2}, "
                  "\"rope_parameters\": {\"type\": \"linear\", \"factor\": 2}");
    assert_true(c.rope == RAML_ROPE_LINEAR && c.rope_factor == 2 && c.rope_theta == 1e4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_mistral, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_defaults, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_rope_parameters, enter_scratch, leave_scratch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
