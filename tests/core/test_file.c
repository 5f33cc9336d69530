/* test_file.c - files appear whole or not at all; reading is bounded. */
#include "core/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void assert_content(const char *path, const char *want)
{
    size_t n = 0;
    char *text = slurp(path, &n);
    assert_non_null(text);
    assert_int_equal(n, strlen(want));
    assert_string_equal(text, want);
    free(text);
}

static void write_is_atomic(void **state)
{
    char path[4200], tmp[4210];
    struct raml_err e = {0};
    struct raml_writer w;
    in(*state, "a.txt", path);
    snprintf(tmp, sizeof tmp, "%s.tmp", path);
    must(raml_file_write(path, "old", 3, &e), &e);
    assert_content(path, "old");

    must(raml_writer_init(&w, path, &e), &e);
    must(raml_writer_add(&w, "half", 4, &e), &e);
    assert_content(path, "old"); /* nothing changes before the commit */
    raml_writer_deinit(&w);
    raml_writer_deinit(&w); /* twice is safe */
    assert_content(path, "old");
    assert_false(raml_is_file(tmp));

    must(raml_writer_init(&w, path, &e), &e);
    must(raml_writer_add(&w, "new ", 4, &e), &e);
    must(raml_writer_add(&w, NULL, 0, &e), &e);
    must(raml_writer_add(&w, "text", 4, &e), &e);
    must(raml_writer_commit(&w, &e), &e);
    assert_content(path, "new text");
    assert_int_equal(raml_writer_add(&w, "x", 1, &e), RAML_EIO); /* closed: an error, no crash */
    assert_int_equal(raml_writer_commit(&w, &e), RAML_EIO);
    raml_writer_deinit(&w);
    assert_content(path, "new text");
    assert_false(raml_is_file(tmp));
    must(raml_file_write(path, "", 0, &e), &e);
    assert_content(path, "");
}

/* A file that may not grow past `limit` stands in for a full disk; in a child, so that the limit ends with it. Exit
 * code 0: the write failed with RAML_EIO, and the message gives the reason. */
static int write_on_full_disk(const char *path, size_t n, size_t limit)
{
    pid_t pid = fork();
    if (pid == 0) {
        struct raml_err e = {0};
        char *big = calloc(n, 1);
        signal(SIGXFSZ, SIG_IGN);
        struct rlimit r = {limit, limit};
        if (!big || setrlimit(RLIMIT_FSIZE, &r)) _exit(2);
        enum raml_code rc = raml_file_write(path, big, n, &e);
        free(big);
        _exit(rc == RAML_EIO && has(e.msg, "writing failed") && has(e.msg, "File too large") ? 0 : 1);
    }
    int status = -1;
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void full_disk_keeps_the_old_file(void **state)
{
    char path[4200], tmp[4210];
    struct raml_err e = {0};
    in(*state, "a.txt", path);
    snprintf(tmp, sizeof tmp, "%s.tmp", path);
    must(raml_file_write(path, "old", 3, &e), &e);
    static const struct {
        size_t n, limit;
    } cases[] = {{100, 50}, {1 << 20, 100000}, {1 << 20, 0}}; /* detected in commit, while writing, at once */
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(write_on_full_disk(path, cases[i].n, cases[i].limit), 0);
        assert_false(raml_is_file(tmp));
    }
    assert_content(path, "old");
}

static void bad_places_are_errors(void **state)
{
    char path[4200];
    struct raml_err e = {0};
    struct raml_writer w;
    in(*state, "missing/a.txt", path);
    assert_int_equal(raml_file_write(path, "x", 1, &e), RAML_EIO);
    assert_true(has(e.msg, "missing/a.txt: cannot be created: No such file or directory"));
    assert_int_equal(raml_writer_init(&w, *state, &e), RAML_EIO);
    assert_true(has(e.msg, "is a folder"));
    raml_writer_deinit(&w); /* after a failed init */
}

/* A pipe, by its name and through a link: it gets the bytes, and is still a pipe afterwards. */
static void what_is_no_file_stays(void **state)
{
    char path[4200], link[4200], tmp[4210], got[8];
    struct raml_err e = {0};
    struct raml_writer w;
    struct stat st;
    in(*state, "pipe", path);
    in(*state, "link", link);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(symlink(path, link), 0);
    int fd = open(path, O_RDWR); /* a reader, so that opening it to write does not wait */
    assert_true(fd >= 0);
    const char *const names[] = {path, link};
    for (size_t i = 0; i < COUNT(names); i++) {
        must(raml_file_write(names[i], "bytes", 5, &e), &e);
        assert_int_equal(lstat(names[i], &st), 0);
        assert_true(i ? S_ISLNK(st.st_mode) : S_ISFIFO(st.st_mode));
        assert_int_equal(read(fd, got, sizeof got), 5);
        assert_memory_equal(got, "bytes", 5);
        must(raml_writer_init(&w, names[i], &e), &e); /* abandoned: nothing is removed */
        raml_writer_deinit(&w);
        assert_int_equal(lstat(names[i], &st), 0);
        snprintf(tmp, sizeof tmp, "%s.tmp", names[i]);
        assert_false(raml_is_file(tmp));
    }
    close(fd);
}

static int entries(const char *dir)
{
    int n = 0;
    DIR *d = opendir(dir);
    assert_non_null(d);
    while (readdir(d)) n++;
    closedir(d);
    return n - 2;
}

/* A link stays a link, also one to what is not there yet; a mode stays; a file called NAME.tmp is somebody's. */
static void what_is_replaced_keeps_its_place(void **state)
{
    char path[4200], link[4200], far[4200], other[4200];
    struct raml_err e = {0};
    struct raml_writer w;
    struct stat st;
    must(raml_make_dir(in(*state, "sub", path), &e), &e);
    in(*state, "sub/target", path);
    in(*state, "link", link);
    in(*state, "far", far);
    in(*state, "sub/target.tmp", other);
    spill(other, "mine", 4);
    assert_int_equal(symlink("sub/target", link), 0);
    assert_int_equal(symlink("link", far), 0);
    must(raml_file_write(far, "one", 3, &e), &e); /* what the links lead to comes to be */
    assert_content(path, "one");
    assert_int_equal(chmod(path, 0600), 0);
    const char *const names[] = {path, link, far};
    for (size_t i = 0; i < COUNT(names); i++) {
        must(raml_file_write(names[i], "two", 3, &e), &e);
        assert_content(path, "two");
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        assert_true(!lstat(link, &st) && S_ISLNK(st.st_mode) && !lstat(far, &st) && S_ISLNK(st.st_mode));
    }
    must(raml_writer_init(&w, path, &e), &e);
    must(raml_writer_add(&w, "lost", 4, &e), &e);
    raml_writer_deinit(&w);
    assert_content(path, "two");
    assert_content(other, "mine");
    in(*state, "sub", path);
    assert_int_equal(entries(path), 2);
    assert_int_equal(symlink("loop", in(*state, "loop", link)), 0);
    assert_int_equal(raml_file_write(link, "x", 1, &e), RAML_EIO);
    assert_true(has(e.msg, "loop: cannot be created: Too many levels of symbolic links"));
    assert_int_equal(raml_file_write("", "x", 1, &e), RAML_EUSAGE);
    struct raml_err null = {0};
    must(raml_file_write("/dev/null", "gone", 4, &null), &null);
    assert_true(!stat("/dev/null", &st) && S_ISCHR(st.st_mode));
}

/* Files that this process has open are written to where they stand. */
static void open_files(void **state)
{
    char path[4200], name[40];
    struct raml_err e = {0};
    in(*state, "out", path);
    int fd = open(path, O_RDWR | O_CREAT, 0600), saved = dup(STDOUT_FILENO);
    assert_int_equal(write(fd, "begin ", 6), 6);
    snprintf(name, sizeof name, "/dev/fd/%d", fd);
    must(raml_file_write(name, "fd ", 3, &e), &e);
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    must(raml_file_write(name, "proc ", 5, &e), &e);
    fflush(stdout);
    dup2(fd, STDOUT_FILENO);
    printf("printed ");
    enum raml_code rc = raml_file_write("-", "dash ", 5, &e);
    if (!rc) rc = raml_file_write("/dev/stdout", "name ", 5, &e);
    printf("end");
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    close(fd);
    must(rc, &e);
    assert_content(path, "begin fd proc printed dash name end");
    assert_false(raml_is_file("-"));
    assert_int_equal(raml_file_write("/dev/fd/99", "x", 1, &e), RAML_EIO);
}

/* Eight processes write one path: each file that a reader sees is one of theirs, whole; no two mix. */
static void writers_do_not_mix(void **state)
{
    enum { WRITERS = 8, ROUNDS = 60, BYTES = 20000 };
    char path[4200], *text = malloc(BYTES + 1);
    pid_t child[WRITERS];
    in(*state, "shared", path);
    for (int k = 0; k < WRITERS; k++) {
        child[k] = fork();
        assert_true(child[k] >= 0);
        if (child[k]) continue;
        memset(text, 'a' + k, BYTES);
        int bad = 0;
        for (int i = 0; i < ROUNDS; i++) {
            struct raml_writer w;
            bad |= raml_writer_init(&w, path, NULL) != RAML_OK;
            for (int part = 0; part < 4; part++) bad |= raml_writer_add(&w, text, BYTES / 4, NULL) != RAML_OK;
            bad |= raml_writer_commit(&w, NULL) != RAML_OK;
        }
        _exit(bad);
    }
    int left = WRITERS, status, seen = 0;
    while (left) {
        while (waitpid(-1, &status, WNOHANG) > 0) {
            assert_int_equal(status, 0);
            left--;
        }
        size_t n = 0;
        char *got = slurp(path, &n);
        if (!got) continue;
        seen++;
        assert_int_equal(n, BYTES);
        for (size_t i = 1; i < n; i++)
            if (got[i] != got[0]) fail_msg("byte %zu is %c in a file of %c", i, got[i], got[0]);
        free(got);
    }
    free(text);
    assert_true(seen > 0);
    assert_int_equal(entries(*state), 1);
}

/* What comes to be there while a fresh file is written is not replaced. */
static void fresh(void **state)
{
    char path[4200];
    struct raml_err e = {0};
    struct raml_writer w;
    in(*state, "a.txt", path);
    for (int again = 0; again < 2; again++) {
        must(raml_writer_init(&w, path, &e), &e);
        w.fresh = true;
        must(raml_writer_add(&w, "late", 4, &e), &e);
        if (again) {
            assert_int_equal(raml_writer_commit(&w, &e), RAML_EIO);
            assert_true(has(e.msg, "a.txt: came to be there meanwhile, and is not replaced"));
        } else {
            must(raml_writer_commit(&w, &e), &e);
            spill(path, "theirs", 6);
        }
    }
    assert_content(path, "theirs");
    assert_int_equal(entries(*state), 1);
}

static void read_is_bounded(void **state)
{
    char path[4200];
    struct raml_err e = {0};
    struct raml_buf b;
    in(*state, "a.bin", path);
    char big[200000];
    for (size_t i = 0; i < sizeof big; i++) big[i] = (char)(i * 7);
    must(raml_file_write(path, big, sizeof big, &e), &e);
    raml_buf_init(&b, sizeof big + 1);
    raml_buf_adds(&b, ">");
    must(raml_file_read(path, &b, &e), &e); /* appends; exactly at the limit */
    assert_int_equal(b.len, sizeof big + 1);
    assert_memory_equal(b.data + 1, big, sizeof big);
    raml_buf_deinit(&b);
    raml_buf_init(&b, sizeof big);
    raml_buf_adds(&b, ">");
    assert_int_equal(raml_file_read(path, &b, &e), RAML_ERANGE);
    assert_true(has(e.msg, "a.bin: larger than the limit of 199999 bytes"));
    assert_string_equal(b.data, ">");
    assert_int_equal(raml_file_read("/nonexistent/x", &b, &e), RAML_EIO);
    assert_true(has(e.msg, "/nonexistent/x: cannot be opened: No such file"));
    assert_int_equal(raml_file_read(*state, &b, &e), RAML_EIO);
    assert_true(has(e.msg, "Is a directory"));
    raml_buf_deinit(&b);
}

static void maps(void **state)
{
    char path[4200];
    struct raml_err e = {0};
    struct raml_map m;
    in(*state, "a.bin", path);
    spill(path, "mapped", 6);
    must(raml_map_init(&m, path, &e), &e);
    assert_int_equal(m.size, 6);
    assert_memory_equal(m.data, "mapped", 6);
    raml_map_deinit(&m);
    raml_map_deinit(&m);
    spill(path, "", 0);
    must(raml_map_init(&m, path, &e), &e); /* an empty file is not an error */
    assert_int_equal(m.size, 0);
    raml_map_deinit(&m);
    assert_int_equal(raml_map_init(&m, *state, &e), RAML_EIO);
    assert_true(has(e.msg, "is not a regular file"));
    raml_map_deinit(&m);
    assert_int_equal(raml_map_init(&m, "/nonexistent", &e), RAML_EIO);
    raml_map_deinit(&m);
}

static void lines(void **state)
{
    static const struct {
        const char *what, *text;
        size_t bytes;
        const char *want[5];
    } cases[] = {
        {"plain", "a\nbb\n", 5, {"a", "bb"}},
        {"no newline at the end", "a\nbb", 4, {"a", "bb"}},
        {"carriage returns", "a\r\nbb\r\n", 7, {"a", "bb"}},
        {"carriage return at the end of the file", "a\r", 2, {"a"}},
        {"empty lines count", "\n\nx\n\n", 5, {"", "", "x", ""}},
        {"byte order mark", "\xef\xbb\xbf{}\n\xef\xbb\xbf\n", 9, {"{}", "\xef\xbb\xbf"}},
        {"empty", "", 0, {NULL}},
        {"as long as allowed", "0123456789\nx", 12, {"0123456789", "x"}},
    };
    char path[4200];
    struct raml_err e = {0};
    in(*state, "a.jsonl", path);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_lines l;
        bool more = true;
        spill(path, cases[i].text, cases[i].bytes);
        must(raml_lines_init(&l, path, 10, &e), &e);
        size_t n = 0;
        for (;; n++) {
            must(raml_lines_next(&l, &more, &e), &e);
            assert_int_equal(more, cases[i].want[n] != NULL);
            if (!more) break;
            assert_int_equal(l.number, n + 1);
            assert_string_equal(l.line.data, cases[i].want[n]);
            assert_int_equal(l.line.len, strlen(cases[i].want[n]));
        }
        assert_int_equal(l.number, n); /* of the last line, at the end too */
        raml_lines_deinit(&l);
        raml_lines_deinit(&l);
    }
}

static void lines_are_bounded(void **state)
{
    char path[4200], text[6000];
    struct raml_err e = {0};
    struct raml_lines l;
    bool more = false;
    in(*state, "a.jsonl", path);
    memset(text, 'x', sizeof text);
    text[0] = text[2] = '\n';
    text[1] = 0; /* a zero byte is kept: the parser reports it */
    spill(path, text, sizeof text);
    must(raml_lines_init(&l, path, 5000, &e), &e);
    must(raml_lines_next(&l, &more, &e), &e);
    must(raml_lines_next(&l, &more, &e), &e);
    assert_int_equal(l.line.len, 1);
    assert_int_equal(raml_lines_next(&l, &more, &e), RAML_ERANGE);
    assert_true(has(e.msg, "a.jsonl:3: line is longer than the limit of 5000 bytes"));
    raml_lines_deinit(&l);
    must(raml_lines_init(&l, path, 5997, &e), &e);
    for (int i = 0; i < 3; i++) must(raml_lines_next(&l, &more, &e), &e);
    assert_int_equal(l.line.len, 5997);
    raml_lines_deinit(&l);
    assert_int_equal(raml_lines_init(&l, "/nonexistent", 10, &e), RAML_EIO);
    raml_lines_deinit(&l);
    must(raml_lines_init(&l, *state, 10, &e), &e); /* a folder opens; reading it fails */
    assert_int_equal(raml_lines_next(&l, &more, &e), RAML_EIO);
    assert_false(more);
    raml_lines_deinit(&l);
}

static void folders(void **state)
{
    char path[4200], file[4200], keep[4200], link[4200];
    struct raml_err e = {0};
    must(raml_make_dir(in(*state, "a//b/c/", path), &e), &e);
    must(raml_make_dir(path, &e), &e); /* existing is fine */
    assert_true(raml_is_dir(path));
    spill(in(*state, "a/b/file", file), "x", 1);
    assert_int_equal(raml_make_dir(in(*state, "a/b/file/d", path), &e), RAML_EIO);
    assert_true(has(e.msg, "a/b/file: is a file"));
    assert_int_equal(raml_make_dir("", &e), RAML_EUSAGE);
    assert_int_equal(raml_make_dir("/proc/nothing/here", &e), RAML_EIO);
    assert_true(has(e.msg, "/proc/nothing: cannot be created"));

    must(raml_make_dir(in(*state, "keep", keep), &e), &e);
    spill(in(*state, "keep/mine", path), "x", 1);
    assert_int_equal(symlink(keep, in(*state, "a/b/link", link)), 0);
    must(raml_remove_tree(in(*state, "a", path), &e), &e);
    assert_false(raml_is_dir(path));
    assert_true(raml_is_file(in(*state, "keep/mine", path))); /* links are not followed */
    must(raml_remove_tree(in(*state, "a", path), &e), &e);    /* missing is fine */
    assert_int_equal(raml_remove_tree(in(*state, "keep/mine", path), &e), RAML_EIO);
    assert_true(raml_is_file(path));
    assert_int_equal(symlink(keep, in(*state, "link", link)), 0);
    assert_int_equal(raml_remove_tree(link, &e), RAML_EIO);
    assert_true(raml_is_dir(keep));
    raml_sync_dir(*state);
    raml_sync_dir("/nonexistent");
}

static void hashes(void **state)
{
    /* XXH3-64 of nothing, seed 0, as its specification lists it. */
    assert_true(raml_hash("", 0, 0) == UINT64_C(0x2D06800538D394C2));
    assert_true(raml_hash("abc", 3, 0) == UINT64_C(0x78AF5F94892F3950));
    assert_true(raml_hash("abc", 3, 1) != raml_hash("abc", 3, 0));
    char path[4200], other[4200];
    struct raml_err e = {0};
    static char big[300000];
    for (size_t i = 0; i < sizeof big; i++) big[i] = (char)(i >> 3);
    spill(in(*state, "b", path), big, sizeof big);
    uint64_t h = 0, dir = 0, again = 0;
    must(raml_hash_path(path, &h, &e), &e);
    assert_true(h == raml_hash(big, sizeof big, 0)); /* in pieces, as in one */
    spill(in(*state, "a", other), "x", 1);
    must(raml_hash_path(*state, &dir, &e), &e);
    must(raml_hash_path(*state, &again, &e), &e);
    assert_true(dir == again && dir != 0);
    spill(other, "y", 1);
    must(raml_hash_path(*state, &again, &e), &e);
    assert_true(dir != again); /* content counts */
    spill(other, "x", 1);
    assert_int_equal(rename(other, in(*state, "c", path)), 0);
    must(raml_hash_path(*state, &again, &e), &e);
    assert_true(dir != again); /* names count */
    assert_int_equal(raml_hash_path("/nonexistent", &h, &e), RAML_EIO);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, enter_scratch, leave_scratch)
    /* clang-format off */
    const struct CMUnitTest tests[] = {
        T(write_is_atomic), T(full_disk_keeps_the_old_file), T(bad_places_are_errors),
        T(what_is_no_file_stays), T(what_is_replaced_keeps_its_place), T(open_files), T(writers_do_not_mix), T(fresh),
        T(read_is_bounded), T(maps),                         T(lines),
        T(lines_are_bounded), T(folders),                    T(hashes),
    };
    /* clang-format on */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
