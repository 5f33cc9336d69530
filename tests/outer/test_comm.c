/* One process alone: sums stay, and what is scattered and gathered is its own. Ranks that agree on what came of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>

#include "outer/rank_threads.h"

#include "check_near.h"

static void test_alone(void **state)
{
    (void)state;
    struct raml_err err = {0};
    const struct raml_comm *c = raml_comm_alone();
    assert_int_equal(c->rank, 0);
    assert_int_equal(c->size, 1);
    double x[3] = {1.5, -2, 0}, want[3] = {1.5, -2, 0};
    float f[2] = {0.25f, -8}, want_f[2] = {0.25f, -8};
    CHECK_OK(c->sum(c->user, x, 3, &err));
    const size_t first[2] = {0, 2};
    float dealt[2] = {0};
    CHECK_OK(c->deal_parts(c->user, f, first, dealt, &err));
    assert_memory_equal(dealt, want_f, sizeof dealt);
    CHECK_OK(c->share_parts(c->user, f, first, &err));
    CHECK_OK(c->gather_parts(c->user, f, first, &err));
    CHECK_OK(c->scatter_parts(c->user, f, first, &err));
    CHECK_OK(c->broadcast(c->user, f, sizeof f, &err));
    assert_memory_equal(x, want, sizeof x);
    assert_memory_equal(f, want_f, sizeof f);
    char all[6] = "abcde", part[6] = "-----", back[6] = "-----";
    CHECK_OK(c->scatter(c->user, all, part, 3, &err));
    assert_string_equal(part, "abc--");
    CHECK_OK(c->gather(c->user, part, back, 4, &err));
    assert_string_equal(back, "abc--");
    CHECK_OK(c->gather(c->user, all, all, 6, &err)); /* in place */
    assert_string_equal(all, "abcde");
    CHECK_OK(c->scatter(c->user, NULL, NULL, 0, &err));
}

/* -- Outcomes ------------------------------------------------------------------------------------------------------ */

struct teller {
    struct rank rank;
    enum raml_code rc, agreed;
    bool wants; /* the message */
    struct raml_err err;
};

static void *tell(void *user)
{
    struct teller *t = user;
    const struct raml_comm c = threads_comm(&t->rank);
    if (t->rc) snprintf(t->err.msg, sizeof t->err.msg, "failure %d", t->rank.number);
    t->agreed = raml_comm_agree(&c, t->rc, t->wants ? &t->err : NULL);
    return NULL;
}

static void agree(const enum raml_code *rc, enum raml_code want, const char *begin, const char *end)
{
    struct shared shared = {.size = 3};
    struct teller t[3];
    pthread_barrier_init(&shared.barrier, NULL, 3);
    for (int k = 0; k < 3; k++) t[k] = (struct teller){.rank = {&shared, k}, .rc = rc[k], .wants = k != 1 || rc[k]};
    on_threads(3, tell, t, sizeof *t);
    pthread_barrier_destroy(&shared.barrier);
    for (int k = 0; k < 3; k++) {
        assert_int_equal(t[k].agreed, want);
        if (!want || !t[k].wants) continue;
        assert_int_equal(strncmp(t[k].err.msg, begin, strlen(begin)), 0);
        assert_string_equal(t[k].err.msg + strlen(t[k].err.msg) - strlen(end), end);
    }
}

static void test_agree(void **state)
{
    (void)state;
    struct raml_err err = {.msg = "as it is"};
    assert_int_equal(raml_comm_agree(raml_comm_alone(), RAML_EIO, &err), RAML_EIO);
    assert_string_equal(err.msg, "as it is");
    agree((enum raml_code[]){RAML_OK, RAML_OK, RAML_OK}, RAML_OK, "", "");
    agree((enum raml_code[]){RAML_OK, RAML_EIO, RAML_ENOMEM}, RAML_EIO, "rank 1 on ", ": failure 1");
    agree((enum raml_code[]){RAML_OK, RAML_OK, RAML_EFORMAT}, RAML_EFORMAT, "rank 2 on ", ": failure 2");
    agree((enum raml_code[]){RAML_EUSAGE, RAML_EIO, RAML_EIO}, RAML_EUSAGE, "failure 0", "failure 0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_alone), cmocka_unit_test(test_agree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
