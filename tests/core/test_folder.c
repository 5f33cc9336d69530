/* test_folder.c - folders that are filled, put in place, and killed at every point of it. */
#include "core/folder.h"

#include "core/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int set_up(void **state)
{
    char *path = strdup("/tmp/raml-folder-XXXXXX");
    assert_non_null(path);
    assert_non_null(mkdtemp(path));
    *state = path;
    return chdir(path);
}

static int tear_down(void **state)
{
    struct raml_err err = {0};
    if (chdir("/") || raml_remove_tree(*state, &err)) fprintf(stderr, "%s\n", err.msg);
    free(*state);
    return 0;
}

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

/* "": there is none. */
static const char *get(const char *path)
{
    static char text[200];
    FILE *f = fopen(path, "r");
    text[f ? fread(text, 1, sizeof text - 1, f) : 0] = 0;
    if (f) fclose(f);
    return text;
}

static size_t count(const char *dir)
{
    size_t n = 0;
    DIR *d = opendir(dir);
    assert_non_null(d);
    while (readdir(d)) n++;
    closedir(d);
    return n - 2;
}

static bool own(const char *name)
{
    return !strcmp(name, "a") || !strcmp(name, "b") || !strcmp(name, "sub/") || !strcmp(name, "sub/a");
}

static void fill(const char *dir, const char *text)
{
    char path[300];
    static const char *const name[] = {"a", "b", "sub/a"};
    snprintf(path, sizeof path, "%s/sub", dir);
    assert_int_equal(mkdir(path, 0777), 0);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, name[i]);
        put(path, text);
    }
}

static void make(const char *text, bool replace)
{
    struct raml_folder f;
    struct raml_err err = {0};
    if (raml_folder_begin(&f, "place", &err)) fail_msg("%s", err.msg);
    fill(f.path, text);
    if (raml_folder_commit(&f, replace, own, &err)) fail_msg("%s", err.msg);
    raml_folder_deinit(&f);
}

/* An earlier folder, in which somebody has put things. */
static void make_old(void)
{
    make("old", false);
    put("place/notes.txt", "mine");
    put("place/sub/more", "mine");
    assert_int_equal(mkdir("place/own folder", 0777), 0);
    put("place/own folder/x", "mine");
}

static void check_others(void)
{
    assert_string_equal(get("place/notes.txt"), "mine");
    assert_string_equal(get("place/sub/more"), "mine");
    assert_string_equal(get("place/own folder/x"), "mine");
}

static void whole(const char *text)
{
    assert_string_equal(get("place/a"), text);
    assert_string_equal(get("place/b"), text);
    assert_string_equal(get("place/sub/a"), text);
}

static void replaces(void **state)
{
    (void)state;
    struct raml_folder f;
    struct raml_err err = {0};
    make_old();
    whole("old");
    assert_int_equal(raml_folder_begin(&f, "place/", &err), RAML_OK);
    fill(f.path, "new");
    assert_int_equal(raml_folder_commit(&f, false, own, &err), RAML_EIO);
    assert_non_null(strstr(err.msg, "place: is there, and is not replaced"));
    raml_folder_deinit(&f);
    whole("old");
    assert_int_equal(count("."), 1);
    struct stat st;
    assert_int_equal(chmod("place", 0710), 0);
    make("new", true);
    whole("new");
    check_others();
    assert_int_equal(stat("place", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0710);
    assert_int_equal(count("."), 1);
    assert_int_equal(count("place"), 5);
    /* all of it goes where all is its own */
    assert_int_equal(raml_folder_begin(&f, "place", &err), RAML_OK);
    assert_int_equal(raml_folder_commit(&f, true, NULL, &err), RAML_OK);
    raml_folder_deinit(&f);
    assert_int_equal(count("place"), 0);
}

static void leaves_what_is_not_its_own(void **state)
{
    (void)state;
    assert_int_equal(mkdir("place.tmp", 0777), 0);
    put("place.tmp/mine", "mine");
    put("place.1.tmp", "mine");
    make("new", false);
    whole("new");
    assert_string_equal(get("place.tmp/mine"), "mine");
    assert_string_equal(get("place.1.tmp"), "mine");
    assert_int_equal(count("."), 3);
}

static void two_at_once(void **state)
{
    (void)state;
    struct raml_folder a, b;
    struct raml_err err = {0};
    make_old();
    assert_int_equal(raml_folder_begin(&a, "place", &err), RAML_OK);
    assert_int_equal(raml_folder_begin(&b, "place", &err), RAML_OK);
    assert_string_not_equal(a.path, b.path);
    fill(a.path, "one");
    fill(b.path, "two");
    assert_int_equal(raml_folder_commit(&b, true, own, &err), RAML_OK);
    whole("two");
    assert_int_equal(raml_folder_commit(&a, true, own, &err), RAML_OK);
    raml_folder_deinit(&a);
    raml_folder_deinit(&b);
    whole("one");
    check_others();
    assert_int_equal(count("."), 1);
}

static void replace_once(void)
{
    struct raml_folder f;
    struct raml_err err = {0};
    if (raml_folder_begin(&f, "place", &err)) _exit(2);
    fill(f.path, "new");
    if (raml_folder_commit(&f, true, own, &err)) _exit(3);
    raml_folder_deinit(&f);
}

static void begin_once(void)
{
    struct raml_folder f;
    struct raml_err err = {0};
    if (raml_folder_begin(&f, "place", &err)) _exit(2);
    raml_folder_deinit(&f);
}

/* A child process that works, stopped at its n-th system call; 0: it ended before. */
static pid_t stopped_at(int n, void (*work)(void))
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) || raise(SIGSTOP)) _exit(1);
        work();
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    for (int i = 0; i < n && WIFSTOPPED(status); i++) {
        assert_int_equal(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
    }
    if (WIFSTOPPED(status)) return pid;
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return 0;
}

/* After a kill at any system call the place is whole, and the next folder of that name leaves nothing of it. */
static void killed_everywhere(void **state)
{
    (void)state;
    bool killed = true;
    int n_old = 0, n_new = 0;
    for (int n = 1; killed; n += 2) {
        struct raml_err err = {0};
        if (raml_remove_tree("place", &err)) fail_msg("%s", err.msg);
        make_old();
        pid_t pid = stopped_at(n, replace_once);
        killed = pid != 0;
        if (killed) {
            kill(pid, SIGKILL);
            assert_int_equal(waitpid(pid, NULL, 0), pid);
        }
        if (!strcmp(get("place/a"), "old")) {
            n_old++;
            whole("old");
            check_others();
        } else {
            n_new++;
            whole("new");
        }
        make("newest", true);
        whole("newest");
        check_others();
        if (count(".") != 1 || count("place") != 5) fail_msg("killed at %d: something is left", n);
    }
    assert_true(n_old > 20 && n_new > 10);
}

/* What a killed process has left is removed, also where something that it started still writes there. */
static void somebody_writes(void **state)
{
    (void)state;
    int n_written = 0;
    for (int n = 1;; n += 2) {
        assert_int_equal(mkdir("place.tmp", 0777), 0);
        put("place.tmp/.raml-unfinished", "");
        put("place.tmp/a", "a");
        pid_t pid = stopped_at(n, begin_once);
        if (!pid) break;
        FILE *late = fopen("place.tmp/late", "w");
        n_written += late != NULL;
        if (late) fclose(late);
        int status = 0;
        assert_int_equal(ptrace(PTRACE_DETACH, pid, NULL, NULL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        begin_once();
        if (count(".")) fail_msg("written at %d: something is left", n);
    }
    assert_true(n_written > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(replaces, set_up, tear_down),
        cmocka_unit_test_setup_teardown(leaves_what_is_not_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(killed_everywhere, set_up, tear_down),
        cmocka_unit_test_setup_teardown(somebody_writes, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("folder", tests, NULL, NULL);
}
