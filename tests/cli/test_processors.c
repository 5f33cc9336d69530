/* A program starts itself anew once, with OpenMP set to sleep sooner, and only where nothing sets it otherwise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/processors.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { AGAIN = 7, RETURNED = 8, WRONG = 9 };

/* What a program does that has `name` = value (NULL: neither variable) in its environment: an exit code of above. */
static int code_of(const char *name, const char *value)
{
    char *argv[] = {"a name of its own", "again", NULL};
    pid_t child = fork();
    if (child == 0) {
        unsetenv("OMP_WAIT_POLICY");
        unsetenv("GOMP_SPINCOUNT");
        if (name && setenv(name, value, 1)) _exit(WRONG);
        cli_share_processors(argv);
        _exit(RETURNED);
    }
    int status = 0;
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_processors(void **state)
{
    (void)state;
    assert_int_equal(code_of(NULL, NULL), AGAIN);
    assert_int_equal(code_of("GOMP_SPINCOUNT", "300000"), RETURNED);
    assert_int_equal(code_of("OMP_WAIT_POLICY", "active"), RETURNED);
}

/* In the program that was started anew: it has its name and argument, and does not start itself again. */
static int started_anew(char **argv)
{
    const char *spin = getenv("GOMP_SPINCOUNT");
    if (!spin || strcmp(spin, "10000") != 0 || strcmp(argv[0], "a name of its own") != 0) return WRONG;
    cli_share_processors(argv);
    return AGAIN;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "again") == 0) return started_anew(argv);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_processors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
