/* test_run.c - a run folder survives being killed at any moment. */
#include "core/scratch.h"

#include "core/json.h"
#include "raml/rng.h"
#include "raml/run.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { LAST = 5, KEEP = 2, BEST = 2 };
static const char *const grown[] = {"metrics.jsonl", "timing.jsonl", "events.out.tfevents.0.raml", "recipe.yaml",
                                    "rollouts.jsonl"};

/* Lines of a step: two, the second one long enough to be torn in the middle of a page. */
static int write_rollouts(struct raml_run *r, uint64_t step, uint64_t value)
{
    json_t *lines = json_array(), *tokens = json_array();
    for (int i = 0; i < 1500; i++) json_array_append_new(tokens, json_integer((json_int_t)(value >> 50) + i));
    json_array_append_new(lines, json_pack("{s:I, s:s}", "step", (json_int_t)step, "text", "a\nb"));
    json_array_append_new(lines, json_pack("{s:I, s:o}", "step", (json_int_t)step, "tokens", tokens));
    int bad = raml_run_rollouts(r, lines, NULL) != RAML_OK;
    json_decref(lines);
    return bad;
}

/* A miniature training run: its state is a number that every step changes. 0: done. */
static int save(struct raml_run *r, uint64_t step, uint64_t value)
{
    const char *tmp = NULL;
    char path[4200], text[64];
    if (raml_run_checkpoint_begin(r, step, &tmp, NULL)) return 1;
    snprintf(text, sizeof text, "%llu\n", (unsigned long long)value);
    if (raml_file_write(in(tmp, "config.json", path), text, strlen(text), NULL)) return 1;
    FILE *f = fopen(in(tmp, "state", path), "w");
    if (!f || fputs(text, f) < 0 || fclose(f)) return 1;
    return raml_run_checkpoint_commit(r, step, KEEP, NULL) != RAML_OK;
}

static int load(const char *dir, uint64_t step, uint64_t *value)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/checkpoint-%llu/state", dir, (unsigned long long)step);
    FILE *f = fopen(path, "r");
    unsigned long long x = 0;
    int ok = f && fscanf(f, "%llu", &x) == 1;
    if (f) fclose(f);
    *value = x;
    return !ok;
}

static int work(const char *dir, int resume)
{
    struct raml_run *r = NULL;
    struct raml_err e = {0};
    uint64_t step = 0, value = 1;
    if (raml_run_open(dir, resume, &r, &step, &e)) {
        fprintf(stderr, "cannot be opened: %s\n", e.msg);
        return 1;
    }
    int bad = (step && load(dir, step, &value)) || raml_run_recipe(r, "seed: 1\n", &e);
    if (step >= BEST) raml_run_protect(r, BEST);
    for (uint64_t i = step ? step + 1 : 0; i <= LAST && !bad; i++) { /* step 0: a line before any training */
        if (i) value = value * 6364136223846793005u + i;
        json_t *line = json_pack("{s:I, s:f, s:{s:f}}", "step", (json_int_t)i, "loss", (double)(value >> 40), "eval",
                                 "accuracy", 1.0 / (double)(i + 1));
        json_t *timing = json_pack("{s:f, s:f}", "time", 1e9 + (double)i, "tokens_per_s", (double)i);
        bad = raml_run_metrics(r, line, timing, &e) != RAML_OK;
        json_decref(line);
        json_decref(timing);
        if (!bad && i) bad = write_rollouts(r, i, value);
        if (i == BEST) raml_run_protect(r, BEST);
        if (!bad && i && i % 2 == 0) bad = save(r, i, value);
        if (!bad && i == 4) bad = save(r, i, value); /* the same again: replaces it */
    }
    if (!bad) bad = save(r, LAST, value);
    raml_run_close(r);
    return bad;
}

/* Every file of the run is what an uninterrupted run leaves, and nothing else is there. */
static void assert_complete(const char *dir, const char *want_dir)
{
    char path[4200], name[64];
    for (size_t i = 0; i < COUNT(grown); i++) {
        size_t n = 0, want_n = 0;
        char *got = slurp(in(dir, grown[i], path), &n), *want = slurp(in(want_dir, grown[i], path), &want_n);
        assert_non_null(got);
        assert_non_null(want);
        assert_int_equal(n, want_n);
        assert_memory_equal(got, want, n);
        free(got);
        free(want);
    }
    uint64_t value = 1, saved = 0;
    for (uint64_t i = 1; i <= LAST; i++) {
        value = value * 6364136223846793005u + i;
        if (i + KEEP <= LAST && i != BEST) continue;
        assert_int_equal(load(dir, i, &saved), 0);
        assert_true(saved == value);
        snprintf(name, sizeof name, "checkpoint-%d/config.json", (int)i);
        assert_true(raml_is_file(in(dir, name, path)));
    }
    DIR *d = opendir(dir);
    size_t n = 0;
    while (readdir(d)) n++;
    closedir(d);
    assert_int_equal(n, 2 + COUNT(grown) + KEEP + 1);
}

/* Whatever has a checkpoint's name is complete. */
static void assert_whole(const char *dir)
{
    char path[4200], name[64];
    for (int i = 1; i <= LAST; i++) {
        uint64_t value = 0;
        snprintf(name, sizeof name, "checkpoint-%d", i);
        if (!raml_is_dir(in(dir, name, path))) continue;
        assert_int_equal(load(dir, (uint64_t)i, &value), 0);
        snprintf(name, sizeof name, "checkpoint-%d/config.json", i);
        assert_true(raml_is_file(in(dir, name, path)));
    }
}

/* Runs work() and kills it at its n-th stop at a system call: 1: killed, 0: it ended by itself with code 0, -1:
 * tracing is not allowed here. A signal does not tear a write, so system calls are all the moments that matter. */
static int work_killed(const char *dir, int resume, int n)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL)) _exit(99);
        raise(SIGSTOP);
        _exit(work(dir, resume));
    }
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
    for (int i = 0; WIFSTOPPED(status) && i < n; i++)
        if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) || waitpid(pid, &status, 0) != pid) break;
    if (WIFSTOPPED(status)) {
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return 1;
    }
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 99) return -1;
    assert_int_equal(WEXITSTATUS(status), 0);
    return 0;
}

static void killed_at_every_system_call(void **state)
{
    char want[4200], dir[4200];
    struct raml_err e = {0};
    struct raml_rng r = {.key = {.seed = 2, .purpose = RAML_FOR_TEST}};
    assert_int_equal(work(in(*state, "want", want), 0), 0);
    assert_complete(want, want);
    in(*state, "run", dir);
    int n = 1, killed = 1;
    for (; killed == 1; n += 2) { /* stops come in pairs, before and after a call: one of each pair will do */
        must(raml_remove_tree(dir, &e), &e);
        killed = work_killed(dir, 0, n);
        if (killed < 0) {
            fprintf(stderr, "SKIPPED: this machine does not let a test trace its child: kills were not tested\n");
            skip();
        }
        assert_whole(dir);
        if (killed) { /* once more, in the middle of resuming */
            int again = work_killed(dir, 1, (int)raml_rng_below(&r, n % 8 == 1 ? 400 : 80));
            assert_true(again >= 0);
            assert_whole(dir);
            assert_int_equal(work(dir, 1), 0);
        }
        assert_complete(dir, want);
    }
    assert_true(n > 200); /* it did reach the end step by step */
}

/* Lines of a step-2 checkpoint, then every way to tear what follows. */
static void torn_lines_are_truncated(void **state)
{
    static const char whole[] = "{\"step\":1,\"loss\":0.5}\n{\"step\":2}\n", more[] = "{\"step\":3,\"loss\":0.25}\n";
    char dir[4200], path[4200], text[200];
    struct raml_err e = {0};
    must(raml_make_dir(in(*state, "checkpoint-2", path), &e), &e);
    snprintf(dir, sizeof dir, "%s", (const char *)*state);
    in(dir, "metrics.jsonl", path);
    for (size_t size = 0; size < sizeof more; size++) {
        struct raml_run *r = NULL;
        uint64_t step = 0;
        int n = snprintf(text, sizeof text, "%s%.*s", whole, (int)size, more);
        spill(path, text, (size_t)n);
        must(raml_run_open(dir, 1, &r, &step, &e), &e);
        raml_run_close(r);
        assert_int_equal(step, 2);
        char *got = slurp(path, NULL);
        assert_string_equal(got, whole);
        free(got);
    }
    struct raml_run *r = NULL;
    uint64_t step = 0;
    spill(path, whole, sizeof whole - 2); /* a complete line that lacks its newline is kept, and gets one */
    must(raml_run_open(dir, 1, &r, &step, &e), &e);
    raml_run_close(r);
    char *got = slurp(path, NULL);
    assert_string_equal(got, whole);
    free(got);
    spill(path, "{\"step\":1}\n{\"step\":\n{\"step\":2}\n", 31); /* not a torn end: a person must look */
    assert_int_equal(raml_run_open(dir, 1, &r, &step, &e), RAML_EFORMAT);
    assert_true(has(e.msg, "metrics.jsonl:2: not valid JSON"));
    got = slurp(path, NULL);
    assert_string_equal(got, "{\"step\":1}\n{\"step\":\n{\"step\":2}\n"); /* untouched */
    free(got);
}

/* The same of rollouts, looked at from the end. */
static void torn_rollouts_are_truncated(void **state)
{
    static const char whole[] = "{\"step\":1,\"x\":[1,2]}\n{\"step\":2}\n{\"step\":2,\"x\":\"}\"}\n";
    static const char more[] = "{\"step\":3}\n{\"step\":3,\"x\":7}\n{\"step\":4,\"x\":[1,2,3]}\n";
    char path[4200], text[200];
    struct raml_err e = {0};
    struct raml_run *r = NULL;
    uint64_t step = 0;
    must(raml_make_dir(in(*state, "checkpoint-2", path), &e), &e);
    in(*state, "rollouts.jsonl", path);
    for (size_t size = 0; size < sizeof more; size++) {
        int n = snprintf(text, sizeof text, "%s%.*s", whole, (int)size, more);
        spill(path, text, (size_t)n);
        must(raml_run_open(*state, 1, &r, &step, &e), &e);
        raml_run_close(r);
        char *got = slurp(path, NULL);
        assert_string_equal(got, whole);
        free(got);
    }
    spill(path, whole, sizeof whole - 2); /* a complete line that lacks its newline is kept, and gets one */
    must(raml_run_open(*state, 1, &r, &step, &e), &e);
    raml_run_close(r);
    char *got = slurp(path, NULL);
    assert_string_equal(got, whole);
    free(got);
    static const char *const none[] = {"", "\n", "torn", "{\"step\":3}\n", "{\"x\":2}\n\n{\"step\":-1}\n[]\n"};
    for (size_t i = 0; i < COUNT(none); i++) { /* nothing is to be kept */
        size_t n = 1;
        spill(path, none[i], strlen(none[i]));
        must(raml_run_open(*state, 1, &r, &step, &e), &e);
        raml_run_close(r);
        got = slurp(path, &n);
        free(got);
        assert_int_equal(n, 0);
    }
    must(raml_run_open(*state, 1, &r, &step, &e), &e);
    json_t *lines = json_pack("[{s:i}]", "step", 1); /* the file is empty, but step 2 was done */
    assert_int_equal(raml_run_rollouts(r, lines, &e), RAML_ERANGE);
    assert_string_equal(e.msg, "rollouts.jsonl: step 1 comes after step 2");
    json_decref(lines);
    raml_run_close(r);
    must(raml_remove_tree(in(*state, "checkpoint-2", path), &e), &e); /* without a checkpoint: afresh */
    must(raml_run_open(*state, 1, &r, &step, &e), &e);
    raml_run_close(r);
    assert_int_equal(access(in(*state, "rollouts.jsonl", path), F_OK), -1);
}

static void rollouts(void **state)
{
    char path[4200];
    struct raml_err e = {0};
    struct raml_run *r = NULL;
    uint64_t step = 0;
    must(raml_run_open(*state, 0, &r, &step, &e), &e);
    json_t *lines = json_array();
    in(*state, "rollouts.jsonl", path);
    must(raml_run_rollouts(r, lines, &e), &e);
    assert_int_equal(access(path, F_OK), -1); /* runs that have none have no file */
    json_decref(lines);
    lines = json_pack("[{s:i,s:f},{s:i,s:[i,i]}]", "step", 3, "reward", 0.1, "step", 4, "tokens", 5, 6);
    must(raml_run_rollouts(r, lines, &e), &e);
    static const char want[] = "{\"step\":3,\"reward\":0.1}\n{\"step\":4,\"tokens\":[5,6]}\n";
    assert_int_equal(raml_run_rollouts(r, lines, &e), RAML_ERANGE); /* step 3 again */
    assert_string_equal(e.msg, "rollouts.jsonl: step 3 comes after step 4");
    json_decref(lines);
    lines = json_pack("[{s:i},{s:i}]", "step", 5, "stage", 1);
    assert_int_equal(raml_run_rollouts(r, lines, &e), RAML_EFORMAT); /* and the line before it is not written either */
    assert_true(has(e.msg, "rollouts.jsonl: field 'step' is missing"));
    json_decref(lines);
    lines = json_pack("[{s:i}]", "step", 4);
    must(raml_run_rollouts(r, lines, &e), &e); /* what was refused left no trace */
    json_decref(lines);
    raml_run_close(r);
    char *got = slurp(path, NULL);
    assert_true(has(got, want));
    assert_string_equal(got + sizeof want - 1, "{\"step\":4}\n");
    free(got);
}

/* The best checkpoint stays beside the newest, until another one is the best. */
static void protected_checkpoint(void **state)
{
    static const struct {
        uint64_t step, best;
        const char *have; /* afterwards, by first digit */
    } steps[] = {{1, 1, "1"}, {2, 1, "12"}, {3, 1, "13"}, {4, 4, "4"}, {5, 4, "45"}, {6, 0, "6"}, {7, 1, "7"}};
    struct raml_run *r = NULL;
    uint64_t found = 0;
    struct raml_err e = {0};
    must(raml_run_open(*state, 0, &r, &found, &e), &e);
    for (size_t i = 0; i < COUNT(steps); i++) {
        const char *tmp = NULL;
        char have[10] = "", path[4200], name[32];
        raml_run_protect(r, steps[i].best);
        must(raml_run_checkpoint_begin(r, steps[i].step, &tmp, &e), &e);
        must(raml_run_checkpoint_commit(r, steps[i].step, 1, &e), &e);
        for (int s = 1; s < 9; s++) {
            snprintf(name, sizeof name, "checkpoint-%d", s);
            if (raml_is_dir(in(*state, name, path))) have[strlen(have)] = (char)('0' + s);
        }
        assert_string_equal(have, steps[i].have);
    }
    raml_run_close(r);
}

static void opening(void **state)
{
    char dir[4200], path[4200];
    struct raml_err e = {0};
    struct raml_run *r = NULL, *second = NULL;
    uint64_t step = 77;
    in(*state, "a/b/run", dir);
    must(raml_run_open(dir, 1, &r, &step, &e), &e); /* nothing to resume: starts afresh, with parents */
    assert_int_equal(step, 0);
    assert_string_equal(raml_run_dir(r), dir);
    assert_int_equal(raml_run_open(dir, 1, &second, &step, &e), RAML_EUSAGE);
    assert_true(has(e.msg, "another process is writing this run"));
    assert_null(second);
    raml_run_close(r);
    raml_run_close(NULL);
    assert_int_equal(raml_run_open(dir, 0, &r, &step, &e), RAML_EUSAGE);
    assert_true(has(e.msg, "already holds a run; resume it, or give another folder"));
    must(raml_make_dir(in(*state, "plain/figures", path), &e), &e);
    must(raml_run_open(in(*state, "plain", dir), 0, &r, &step, &e), &e); /* other files are not a run */
    raml_run_close(r);
    must(raml_make_dir(in(*state, "ck/checkpoint-3", path), &e), &e);
    assert_int_equal(raml_run_open(in(*state, "ck", dir), 0, &r, &step, &e), RAML_EUSAGE);
    spill(in(*state, "file", path), "x", 1);
    assert_int_equal(raml_run_open(path, 0, &r, &step, &e), RAML_EIO);
    assert_true(has(e.msg, "is a file"));
}

/* Folders that a killed process leaves, and names that are not the run's. */
static void leftovers(void **state)
{
    /* clang-format off */
    static const char *const before[] = {
        "checkpoint-10", "checkpoint-9",       "checkpoint-12.tmp", "checkpoint-10.tmp/deep/er",
        "checkpoint-10.old", "checkpoint-11.old", "checkpoint-012",    "checkpoint-",
        "checkpoint-99x", "mine.tmp",          "checkpoint-18446744073709551616",
    };
    /* clang-format on */
    static const char *const stay[] = {"checkpoint-10", "checkpoint-9",   "checkpoint-11", "checkpoint-012",
                                       "checkpoint-",   "checkpoint-99x", "mine.tmp"};
    static const char *const gone[] = {"checkpoint-12.tmp", "checkpoint-10.tmp", "checkpoint-10.old",
                                       "checkpoint-11.old", "metrics.jsonl.tmp", "recipe.yaml.tmp"};
    char path[4200];
    struct raml_err e = {0};
    struct raml_run *r = NULL;
    uint64_t step = 0;
    for (size_t i = 0; i < COUNT(before); i++) must(raml_make_dir(in(*state, before[i], path), &e), &e);
    spill(in(*state, "checkpoint-10.old/which", path), "old", 3);
    spill(in(*state, "checkpoint-11.old/which", path), "eleven", 6);
    spill(in(*state, "checkpoint-10/which", path), "new", 3);
    spill(in(*state, "metrics.jsonl.tmp", path), "x", 1);
    spill(in(*state, "recipe.yaml.tmp", path), "x", 1);
    spill(in(*state, "checkpoint-50", path), "a file, not a folder", 20);
    must(raml_run_open(*state, 1, &r, &step, &e), &e);
    assert_int_equal(step, 11); /* the .old one: its successor never came */
    for (size_t i = 0; i < COUNT(stay); i++) assert_true(raml_is_dir(in(*state, stay[i], path)));
    for (size_t i = 0; i < COUNT(gone); i++) assert_int_equal(access(in(*state, gone[i], path), F_OK), -1);
    char *text = slurp(in(*state, "checkpoint-10/which", path), NULL);
    assert_string_equal(text, "new");
    free(text);
    text = slurp(in(*state, "checkpoint-11/which", path), NULL);
    assert_string_equal(text, "eleven");
    free(text);
    raml_run_close(r);
}

static void newest(void **state)
{
    char path[4200], out[4200], small[8];
    struct raml_err e = {0};
    assert_int_equal(raml_run_newest(*state, out, sizeof out, &e), RAML_EIO);
    assert_true(has(e.msg, "holds neither config.json nor a whole checkpoint-N"));
    assert_int_equal(raml_run_newest("/nonexistent", out, sizeof out, &e), RAML_EIO);
    assert_true(has(e.msg, "/nonexistent: is not a folder"));
    const char *const names[] = {"checkpoint-9", "checkpoint-100", "checkpoint-20", "checkpoint-300.tmp"};
    for (size_t i = 0; i < COUNT(names); i++) must(raml_make_dir(in(*state, names[i], path), &e), &e);
    must(raml_run_newest(*state, out, sizeof out, &e), &e);
    assert_string_equal(out, in(*state, "checkpoint-100", path)); /* by number, not alphabetically */
    assert_int_equal(raml_run_newest(*state, small, sizeof small, &e), RAML_ERANGE);
    spill(in(*state, "config.json", path), "{}", 2);
    must(raml_run_newest(*state, out, sizeof out, &e), &e);
    assert_string_equal(out, *state);
}

static void metrics(void **state)
{
    char path[4200];
    struct raml_err e = {0};
    struct raml_run *r = NULL;
    uint64_t step = 0;
    must(raml_run_open(*state, 0, &r, &step, &e), &e);
    json_t *line = json_pack("{s:i, s:f, s:s, s:b}", "step", 3, "loss", 0.1, "what", "text", "flag", 1);
    json_t *timing = json_pack("{s:f, s:i}", "seconds", 0.5, "step", 9);
    must(raml_run_metrics(r, line, timing, &e), &e);
    must(raml_run_metrics(r, line, NULL, &e), &e);
    json_object_del(line, "step");
    assert_int_equal(raml_run_metrics(r, line, timing, &e), RAML_EFORMAT);
    assert_true(has(e.msg, "metrics.jsonl: field 'step' is missing"));
    json_object_set_new(line, "step", json_integer(-1));
    assert_int_equal(raml_run_metrics(r, line, timing, &e), RAML_ERANGE);
    json_decref(line);
    json_decref(timing);
    raml_run_close(r);
    char *text = slurp(in(*state, "metrics.jsonl", path), NULL);
    assert_string_equal(text, "{\"step\":3,\"loss\":0.1,\"what\":\"text\",\"flag\":true}\n"
                              "{\"step\":3,\"loss\":0.1,\"what\":\"text\",\"flag\":true}\n");
    free(text);
    text = slurp(in(*state, "timing.jsonl", path), NULL);
    assert_string_equal(text, "{\"step\":3,\"seconds\":0.5}\n");
    free(text);
    size_t n = 0;
    text = slurp(in(*state, "events.out.tfevents.0.raml", path), &n);
    assert_non_null(memmem(text, n,
                           "\x04"
                           "loss",
                           5));
    assert_non_null(memmem(text, n,
                           "\x07"
                           "seconds",
                           8));
    assert_null(memmem(text, n, "flag", 4));
    assert_null(memmem(text, n, "step", 4));
    free(text);
}

/* A disk that fills up while a checkpoint is written: the earlier ones stay, and the run can continue from them. */
static void full_disk(void **state)
{
    char dir[4200], path[4200];
    struct raml_err e = {0};
    uint64_t value = 0;
    assert_int_equal(work(in(*state, "run", dir), 0), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct raml_run *r = NULL;
        uint64_t step = 0;
        const char *tmp = NULL;
        static char big[100000];
        struct rlimit limit = {50000, 50000};
        signal(SIGXFSZ, SIG_IGN);
        if (setrlimit(RLIMIT_FSIZE, &limit) || raml_run_open(dir, 1, &r, &step, &e) || step != LAST) _exit(2);
        if (raml_run_checkpoint_begin(r, 6, &tmp, &e)) _exit(3);
        enum raml_code rc = raml_file_write(in(tmp, "model.safetensors", path), big, sizeof big, &e);
        raml_run_close(r);
        _exit(rc == RAML_EIO && has(e.msg, "checkpoint-6.tmp/model.safetensors") ? 0 : 1);
    }
    int status = -1;
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(load(dir, LAST, &value), 0);
    assert_int_equal(work(dir, 1), 0);
    assert_false(raml_is_dir(in(dir, "checkpoint-6.tmp", path)));
    assert_false(raml_is_dir(in(dir, "checkpoint-6", path)));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, enter_scratch, leave_scratch)
    /* clang-format off */
    const struct CMUnitTest tests[] = {
        T(killed_at_every_system_call), T(torn_lines_are_truncated), T(opening),   T(leftovers),
        T(newest),                      T(metrics),            T(full_disk), T(torn_rollouts_are_truncated),
        T(rollouts), T(protected_checkpoint),
    };
    /* clang-format on */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
