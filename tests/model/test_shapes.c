/* Shapes by name, and what differs from them. */
#include "raml/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
/* after what it needs */
#include <cmocka.h>

static void shape(const char *text, const char *type, size_t params, struct raml_config *c)
{
    struct raml_err err;
    assert_int_equal(raml_config_preset(text, c, &err), RAML_OK);
    assert_string_equal(c->model_type, type);
    assert_int_equal(raml_config_params(c), params);
}

static void refuses(const char *text, const char *said)
{
    struct raml_config c = {.vocab_size = 7};
    struct raml_err err;
    assert_int_not_equal(raml_config_preset(text, &c, &err), RAML_OK);
    if (!strstr(err.msg, said)) fail_msg("%s: '%s' has no '%s'", text, err.msg, said);
    assert_int_equal(c.vocab_size, 7);
}

static void test_what_differs(void **state)
{
    struct raml_config c;
    (void)state;
    /* d (2 H + 2 K) D + 3 d m + 2 d a layer, d the last norm, V d the embedding; qwen2: (H + 2 K) D biases a layer; qwen3:
     * 2 D norms a layer; olmo2: (H + K) D */
    shape("micro", "llama", 4 * (128 * 12 * 32 + 3 * 128 * 352 + 256) + 128 + 512 * 128, &c);
    shape("micro,hidden_size=64,intermediate_size=176", "llama",
          4 * (64 * 12 * 16 + 3 * 64 * 176 + 128) + 64 + 512 * 64, &c);
    assert_int_equal(c.head_dim, 16);
    shape("micro,model_type=qwen2", "qwen2", 803968 + 4 * 8 * 32, &c);
    assert_true(c.qkv_bias);
    shape("micro,model_type=qwen3", "qwen3", 803968 + 4 * 2 * 32, &c);
    assert_int_equal(c.qk_norm, RAML_QK_NORM_HEADS);
    shape("micro,model_type=olmo2", "olmo2", 803968 + 4 * 6 * 32, &c);
    assert_int_equal(c.norms, RAML_NORMS_AFTER);
    shape("qwen2.5-0.5b,model_type=llama,num_hidden_layers=1", "llama",
          896 * 32 * 64 + 3 * 896 * 4864 + 3 * 896 + 151936 * 896, &c);
    assert_false(c.qkv_bias);
    shape("micro,head_dim=64,num_key_value_heads=4", "llama",
          4 * (128 * 16 * 64 + 3 * 128 * 352 + 256) + 128 + 512 * 128, &c);
}

static void test_refusals(void **state)
{
    (void)state;
    refuses("big", "known: micro, small, medium");
    refuses("a name that no preset has, and that is longer than any of them has ever been", "unknown preset");
    refuses("micro,", "expected pairs");
    refuses("micro,hidden_size", "expected pairs");
    refuses("micro,hidden_size=", "expected a whole number");
    refuses("micro,hidden_size=64x", "expected a whole number");
    refuses("micro,hidden_size=99999999999999999999", "expected a whole number");
    refuses("micro,hidden_size=-4", "expected a whole number");
    refuses("micro,n_layers=2", "unknown 'n_layers'; known: model_type, vocab_size");
    refuses("micro,model_type=gemma3_text", "expected llama, qwen2, qwen3 or olmo2");
    refuses("micro,hidden_size=130", "not a multiple of num_attention_heads 4");
    refuses("micro,hidden_size=4", "head_dim");
    refuses("micro,num_key_value_heads=3", "not a multiple of num_key_value_heads");
    refuses("micro,num_hidden_layers=5000", "num_hidden_layers");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_differs), cmocka_unit_test(test_refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
