/* The values of file tensors: against a simple loop over their rows, for every type and number of threads; and that
 * what is not finite is counted where it is. */
#include "core/scratch.h"
#include "modelfile/gguf_edit.h"
#include "modelfile/on_disk.h"

#include "raml/modelfile.h"
#include "raml/device.h"
#include "raml/model.h"

#include <math.h>
#include <omp.h>

struct reference {
    double low, high, squares;
    size_t n_bad, first_bad, n;
};

/* Row by row from raml_file_tensor_f32, and a refused one element by element (only rows of types without blocks). */
static struct reference walk(const struct raml_file_tensor *s)
{
    struct reference p = {.low = INFINITY, .high = -INFINITY};
    size_t cols = s->n_dims == 2 ? s->shape[1] : 1;
    float *x = malloc(cols * sizeof *x);
    struct raml_err err = {0};
    assert_non_null(x);
    for (size_t r = 0; r < s->shape[0]; r++) {
        (void)!raml_file_tensor_f32(s, r, 1, x, &err); /* all are converted anyway */
        for (size_t i = 0; i < cols; i++) {
            if (!isfinite(x[i])) {
                if (p.n_bad++ == 0) p.first_bad = r * cols + i;
                continue;
            }
            p.low = fmin(p.low, (double)x[i]);
            p.high = fmax(p.high, (double)x[i]);
            p.squares += (double)x[i] * (double)x[i];
            p.n++;
        }
    }
    free(x);
    return p;
}

static size_t check_file(const char *path)
{
    struct raml_model_file *f = open_file(path);
    struct raml_err err = {0};
    size_t n_bad = 0;
    for (size_t i = 0; i < raml_model_file_count(f); i++) {
        const struct raml_file_tensor *s = raml_model_file_at(f, i);
        struct raml_file_tensor_values one, many;
        struct reference want = walk(s);
        omp_set_num_threads(1);
        must(raml_file_tensor_measure(s, &one, &err), &err);
        omp_set_num_threads(3);
        must(raml_file_tensor_measure(s, &many, &err), &err);
        assert_memory_equal(&one, &many, sizeof one);
        double rms = sqrt(want.squares / (double)want.n);
        if (one.low != want.low || one.high != want.high || !(fabs(one.rms - rms) <= 1e-12 * rms))
            fail_msg("%s %s: %g %g %g, expected %g %g %g", path, s->name, one.low, one.high, one.rms, want.low,
                     want.high, rms);
        assert_int_equal(one.n_bad, want.n_bad);
        assert_int_equal(one.first_bad, want.first_bad);
        n_bad += one.n_bad;
    }
    raml_model_file_close(f);
    return n_bad;
}

static void test_golden(void **state)
{
    (void)state;
    char path[4200];
    need_golden();
    for (size_t i = 0; i < COUNT(names); i++) {
        assert_int_equal(check_file(golden(names[i], NULL, path)), 0);
        assert_int_equal(check_file(golden(names[i], "model.gguf", path)), 0);
    }
}

/* Tensors of several pieces, the last one not whole, in bf16 and in blocks. */
static void test_types(void **state)
{
    static const enum raml_store_as as[] = {RAML_STORE_KEEP, RAML_STORE_BF16, RAML_STORE_Q8_0};
    struct raml_err err = {0};
    struct raml_device *dev;
    struct raml_config c;
    struct raml_model *m;
    char dir[4200], path[4200];
    must(raml_config_preset("small", &c, &err), &err);
    c.n_layers = 1;
    must(raml_device_open(2, "auto", &dev, &err), &err);
    must(raml_model_init(&c, 3, RAML_F32, RAML_TRAINING, dev, &m, &err), &err);
    in(*state, "folder", dir);
    must(raml_make_dir(dir, &err), &err);
    must(raml_model_save(m, dir, &err), &err);
    raml_model_close(m);
    raml_device_close(dev);
    struct raml_model_file *f = open_file(dir);
    for (size_t i = 0; i < COUNT(as); i++) {
        struct raml_save_options o = raml_save_options_default();
        o.as = as[i];
        in(*state, "small.gguf", path);
        must(raml_model_file_save_gguf(f, path, &o, &err), &err);
        assert_int_equal(check_file(path), 0);
    }
    raml_model_file_close(f);
}

/* llama's q is permuted in a GGUF file: row 1 of the file (of heads of 12) is row 6 of the tensor. */
static void test_not_finite(void **state)
{
    char from[4200], to[4200];
    struct gguf_edit e;
    need_golden();
    edit_open(&e, golden("llama", "model.gguf", from));
    struct raml_gguf_output *t = edit_tensor(&e, "blk.1.attn_q.weight");
    size_t n = t->view.n, cols = t->view.shape[1];
    float *x = malloc(n * sizeof *x);
    assert_non_null(x);
    memcpy(x, t->view.data, n * sizeof *x);
    x[cols + 5] = NAN;
    x[2 * cols + 7] = -INFINITY; /* row 1 of the tensor */
    t->view.data = x;
    edit_write(&e, in(*state, "bad.gguf", to));
    free(x);
    assert_int_equal(check_file(to), 2);
    struct raml_err err = {0};
    struct raml_file_tensor_values v;
    struct raml_model_file *f = open_file(to);
    must(raml_file_tensor_measure(raml_model_file_find(f, "model.layers.1.self_attn.q_proj.weight"), &v, &err), &err);
    assert_int_equal(v.n_bad, 2);
    assert_int_equal(v.first_bad, cols + 7);
    raml_model_file_close(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test_setup_teardown(test_types, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_not_finite, enter_scratch, leave_scratch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
