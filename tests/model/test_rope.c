/* Rotary scaling by yarn, against frequencies that another program computed from the paper's formulas in double, with
 * the defaults of transformers (bookkeeping of `_compute_yarn_parameters`). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

#include "model/rig.h"

#include "core/scratch.h"
#include "model/impl.h"

static void read_yarn(const char *dir, const char *scaling, struct raml_config *c)
{
    char path[4200], text[2000];
    struct raml_err err = {0};
    snprintf(text, sizeof text,
             "{\"model_type\": \"llama\", \"vocab_size\": 40, \"hidden_size\": 32, \"intermediate_size\": 48, "
             "\"num_hidden_layers\": 1, \"num_attention_heads\": 2, \"num_key_value_heads\": 1, \"head_dim\": 16, "
             "\"max_position_embeddings\": 512, \"rms_norm_eps\": 1e-5, \"rope_theta\": 10000, "
             "\"tie_word_embeddings\": true, \"rope_scaling\": %s}",
             scaling);
    must(raml_file_write(in(dir, "config.json", path), text, strlen(text), &err), &err);
    must(raml_config_read(path, c, &err), &err);
}

static void test_yarn(void **state)
{
    static const double frequency[] = {1,       0.223994667595,    0.0416666666667, 0.00395284707521,
                                       0.00125, 0.000395284707521, 0.000125,        3.95284707521e-05};
    const double attention = 1.2079441541679836; /* 0.1 ln 8 + 1 */
    static const size_t at[] = {0, 1, 63, 64, 500, 511};
    char path[4200];
    struct raml_config c, again;
    struct raml_model *m;
    read_yarn(*state, "{\"type\": \"yarn\", \"factor\": 8.0, \"original_max_position_embeddings\": 64}", &c);
    MUST(raml_config_write(&c, in(*state, "config.json", path), err));
    MUST(raml_config_read(path, &again, err));
    assert_int_equal(again.rope, RAML_ROPE_YARN);
    assert_int_equal(again.rope_original_positions, 64);
    assert_true(again.rope_beta_fast == 32 && again.rope_beta_slow == 1);
    struct raml_device *dev;
    MUST(raml_device_open(1, "auto", &dev, err));
    MUST(raml_model_init(&again, 1, RAML_F32, RAML_TRAINING, dev, &m, err));
    for (size_t k = 0; k < COUNT(at); k++)
        for (size_t i = 0; i < 8; i++) {
            double angle = (double)at[k] * frequency[i];
            double gc = (double)m->cos_sin[at[k] * 16 + i], gs = (double)m->cos_sin[at[k] * 16 + 8 + i];
            if (!(fabs(gc - attention * cos(angle)) <= 1e-6) || !(fabs(gs - attention * sin(angle)) <= 1e-6))
                fail_msg("position %zu, pair %zu: got %.9g, %.9g", at[k], i, gc, gs);
        }
    raml_model_close(m);
    raml_device_close(dev);
}

/* What else a file may set: its own attention factor and ramp; the original context defaults to the model's. */
static void test_settings(void **state)
{
    struct raml_config c;
    read_yarn(*state,
              "{\"rope_type\": \"yarn\", \"factor\": 4, \"attention_factor\": 1.5, \"beta_fast\": 16, "
              "\"beta_slow\": 2, \"truncate\": true}",
              &c);
    assert_true(c.rope_attention == 1.5 && c.rope_beta_fast == 16 && c.rope_beta_slow == 2 && c.rope_factor == 4);
    assert_int_equal(c.rope_original_positions, 512);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_yarn, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_settings, enter_scratch, leave_scratch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
