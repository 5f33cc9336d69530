/* The device on which tests check that nothing touches a device's memory: it catches what does. And the types. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

#include "device/check.h"
#include "device/far.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static struct raml_device *far;
static const struct raml_backend *b;

/* The signal that ends a child which calls this; 0: none. */
static int ends_by(void (*act)(float *p), float *p)
{
    int status;
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        signal(SIGABRT, SIG_DFL);
        if (!freopen("/dev/null", "w", stderr)) _exit(1);
        act(p);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void touch_write(float *p)
{
    *(volatile float *)p = 1;
}
static void touch_read(float *p)
{
    if (*(volatile float *)p != 0) _exit(2);
}
static void touch_nothing(float *p)
{
    if ((uintptr_t)p % 64) _exit(2);
}
static void host_array(float *p)
{
    float host[4] = {0};
    b->add(far, p, host, 4);
}
static void device_side(float *p)
{
    b->upload(far, p, p + 4, 16);
}

static void test_catches(void **state)
{
    (void)state;
    float *p = b->alloc(far, 8, sizeof *p), back[8];
    assert_non_null(p);
    assert_int_equal(ends_by(touch_nothing, p), 0);
    assert_int_equal(ends_by(touch_write, p), SIGSEGV);
    assert_int_equal(ends_by(touch_read, p), SIGSEGV);
    assert_int_equal(ends_by(touch_read, p + 7), SIGSEGV);
    assert_int_equal(ends_by(host_array, p), SIGABRT);
    assert_int_equal(ends_by(device_side, p), SIGABRT);
    b->download(far, back, p, sizeof back);
    assert_int_equal(b->sync(far, NULL), RAML_OK);
    for (size_t i = 0; i < 8; i++) assert_true(back[i] == 0);
    assert_int_equal(ends_by(touch_read, p), SIGSEGV); /* after an operation too */
    b->free(far, p);
}

/* Blocks are zeroed, do not overlap, and are given back. */
static void test_memory(void **state)
{
    (void)state;
    enum { BLOCKS = 200 };
    float *p[BLOCKS] = {0}, value[64];
    uint64_t seed = 1;
    for (size_t round = 0; round < 1000; round++) {
        size_t i = draw(&seed) % BLOCKS;
        float back[64];
        if (p[i]) {
            b->download(far, back, p[i], sizeof back);
            for (size_t k = 0; k < 64; k++) assert_true(back[k] == (float)i);
            b->free(far, p[i]);
            p[i] = NULL;
            continue;
        }
        p[i] = b->alloc(far, 64 + draw(&seed) % 3000, sizeof(float));
        assert_non_null(p[i]);
        assert_int_equal((uintptr_t)p[i] % 64, 0);
        b->download(far, back, p[i], sizeof back);
        for (size_t k = 0; k < 64; k++) assert_true(back[k] == 0), value[k] = (float)i;
        b->upload(far, p[i], value, sizeof value);
    }
    assert_int_equal(b->sync(far, NULL), RAML_OK);
    assert_true(far_in_use(far) > 0);
    for (size_t i = 0; i < BLOCKS; i++) b->free(far, p[i]);
    assert_int_equal(far_in_use(far), 0);
    assert_null(b->alloc(far, SIZE_MAX / 8, 16));
}

/* A failure is kept until sync, which reports it once; until then nothing is done; the first of two is reported. */
static void test_status(void **state)
{
    (void)state;
    struct raml_err err = {0};
    float one[4] = {1, 2, 3, 4}, back[4] = {0};
    float *p = b->alloc(far, 4, sizeof *p);
    far_fail_at(far, 2);
    b->upload(far, p, one, sizeof one);
    b->zero(far, p, sizeof one); /* fails */
    assert_true(far_failed(far));
    b->add(far, p, p, 4);
    b->download(far, back, p, sizeof back);
    assert_true(back[0] == 0);
    assert_int_equal(b->sync(far, &err), RAML_EIO);
    assert_string_equal(err.msg, "far: operation 'zero' fails as requested");
    b->download(far, back, p, sizeof back);
    assert_int_equal(b->sync(far, &err), RAML_OK);
    assert_memory_equal(back, one, sizeof one); /* neither was done */
    struct raml_err first = {.msg = "first"}, second = {.msg = "second"};
    raml_device_fault(far, RAML_ENOMEM, &first);
    raml_device_fault(far, RAML_EIO, &second);
    assert_int_equal(b->sync(far, &err), RAML_ENOMEM);
    assert_string_equal(err.msg, "first");
    far_fail_at(far, 1);
    assert_null(b->alloc(far, 1, 1));
    assert_int_equal(b->sync(far, &err), RAML_OK); /* reported by NULL */
    struct raml_matrix w = {0};
    const struct raml_weight_part part = {RAML_TYPE_F32, 3};
    far_fail_at(far, 1);
    assert_int_equal(b->weight_init(far, &w, RAML_TYPE_F32, 4, &part, 1, false, &err), RAML_EIO);
    assert_null(w.own);
    b->free(far, p);
}

/* Weights by parts, set a few rows at a time, give the product of weights that were filled at once; so do parts of
 * other types, with the same numbers. */
static void test_weights(void **state)
{
    (void)state;
    enum { A = 130, B = 6, C = 3, N = A + B + C, K = 20, ROWS = 3, CAPACITY = ROWS + 256 };
    static const struct raml_weight_part part[] = {{RAML_TYPE_F32, A}, {RAML_TYPE_F32, B}, {RAML_TYPE_F32, C}};
    static const struct raml_weight_part mixed[] = {{RAML_TYPE_BF16, A}, {RAML_TYPE_F32, B}, {RAML_TYPE_BF16, C}};
    static const struct raml_weight_part blocks[] = {{RAML_TYPE_Q8_0, A}};
    struct raml_matrix m[3] = {{0}}, none = {0};
    static float value[N * K], x[ROWS * K], got[3][ROWS * N];
    static uint16_t half[N * K];
    uint64_t seed = 3;
    struct raml_err err = {0};
    for (size_t i = 0; i < N * K; i++) {
        half[i] = bf16_down(draw_unit(&seed));
        value[i] = bf16_up(half[i]);
    }
    for (size_t i = 0; i < ROWS * K; i++) x[i] = draw_unit(&seed);
    float *dx = b->alloc(far, CAPACITY * K, 4), *dy = b->alloc(far, CAPACITY * N, 4), *dw = b->alloc(far, N * K, 4);
    b->upload(far, dx, x, sizeof x);
    b->upload(far, dw, value, sizeof value);
    assert_int_equal(b->weight_init(far, &m[0], RAML_TYPE_F32, K, part, 3, false, &err), RAML_OK);
    assert_int_equal(b->weight_init(far, &m[1], RAML_TYPE_F32, K, part, 3, false, &err), RAML_OK);
    assert_int_equal(b->weight_init(far, &m[2], RAML_TYPE_F32, K, mixed, 3, false, &err), RAML_OK);
    assert_true(m[0].N == N && m[0].K == K && b->weight_bytes(far, &m[0]) >= sizeof value);
    assert_true(b->weight_bytes(far, &m[2]) < b->weight_bytes(far, &m[0]) * 2 / 3);
    assert_int_equal(b->weight_fill(far, &m[1], dw, &err), RAML_OK);
    static const size_t row[] = {0, 64, 128, A, A + B, N};
    for (size_t i = 0; row[i] < N; i++) {
        size_t n = row[i + 1] - row[i], at = row[i] * K;
        const void *kept = row[i] == A ? (const void *)(value + at) : (const void *)(half + at);
        assert_int_equal(b->weight_set(far, &m[0], row[i], n, value + at, &err), RAML_OK);
        assert_int_equal(b->weight_set(far, &m[2], row[i], n, kept, &err), RAML_OK);
    }
    for (int i = 0; i < 3; i++) {
        b->forward(far, &m[i], dx, RAML_TYPE_F32, ROWS, dy, RAML_TYPE_F32, false);
        b->download(far, got[i], dy, sizeof got[i]);
    }
    assert_int_equal(b->sync(far, &err), RAML_OK);
    assert_memory_equal(got[0], got[1], sizeof got[0]);
    assert_memory_equal(got[0], got[2], sizeof got[0]);
    for (size_t r = 0; r < ROWS; r++)
        for (size_t c = 0; c < N; c++) {
            double want = 0;
            for (size_t k = 0; k < K; k++) want += (double)x[r * K + k] * (double)value[c * K + k];
            assert_true(fabs((double)got[0][r * N + c] - want) <= 1e-5);
        }
    assert_int_equal(b->weight_init(far, &none, RAML_TYPE_F32, K, blocks, 1, false, &err), RAML_ESHAPE);
    assert_string_equal(err.msg, "a matrix of Q8_0 with rows of 20: expected a multiple of 32");
    assert_int_equal(b->weight_set(far, &m[0], 3, 5, value, &err), RAML_EUSAGE);
    for (int i = 0; i < 3; i++) b->weight_deinit(far, &m[i]);
    b->free(far, dx), b->free(far, dy), b->free(far, dw);
}

/* Bytes of a block: as in ggml. */
static void test_types(void **state)
{
    (void)state;
    static const struct {
        enum raml_type t;
        const char *name;
        size_t block, bytes;
    } want[] = {
        {RAML_TYPE_F32, "F32", 1, 4},       {RAML_TYPE_BF16, "BF16", 1, 2},    {RAML_TYPE_F16, "F16", 1, 2},
        {RAML_TYPE_Q8_0, "Q8_0", 32, 34},   {RAML_TYPE_Q4_0, "Q4_0", 32, 18},  {RAML_TYPE_Q4_1, "Q4_1", 32, 20},
        {RAML_TYPE_Q5_0, "Q5_0", 32, 22},   {RAML_TYPE_Q5_1, "Q5_1", 32, 24},  {RAML_TYPE_Q4_K, "Q4_K", 256, 144},
        {RAML_TYPE_Q5_K, "Q5_K", 256, 176}, {RAML_TYPE_Q6_K, "Q6_K", 256, 210}};
    assert_int_equal(COUNT(want), RAML_TYPES);
    for (size_t i = 0; i < COUNT(want); i++) {
        assert_string_equal(raml_type_name(want[i].t), want[i].name);
        assert_int_equal(raml_type_block(want[i].t), want[i].block);
        assert_int_equal(raml_type_block_bytes(want[i].t), want[i].bytes);
        assert_int_equal(raml_type_bytes(want[i].t, 512), 512 / want[i].block * want[i].bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_catches), cmocka_unit_test(test_memory),
                                       cmocka_unit_test(test_status), cmocka_unit_test(test_weights),
                                       cmocka_unit_test(test_types)};
    if (far_open(&far, NULL)) return 1;
    b = raml_backend_of(far);
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    raml_device_close(far);
    return rc;
}
