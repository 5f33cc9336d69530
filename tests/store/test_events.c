/* test_events.c - TensorBoard files byte for byte, and truncating them. */
#include "core/scratch.h"

#include "store/events.h"

#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* CRC-32C by long division over GF(2), most significant bit first on reflected bytes: not how events.c does it. */
static uint32_t reflect(uint32_t x, int n)
{
    uint32_t y = 0;
    for (int i = 0; i < n; i++) y |= (x >> i & 1) << (n - 1 - i);
    return y;
}

static uint32_t crc32c(const unsigned char *p, size_t n)
{
    uint32_t c = 0xffffffffu;
    for (size_t i = 0; i < n; i++) {
        c ^= reflect(p[i], 8) << 24;
        for (int k = 0; k < 8; k++) c = c & 0x80000000u ? c << 1 ^ 0x1edc6f41u : c << 1;
    }
    return ~reflect(c, 32);
}

static uint32_t masked(const unsigned char *p, size_t n)
{
    uint32_t c = crc32c(p, n);
    return (uint32_t)((c >> 15 | c << 17) + 0xa282ead8u);
}

static void checksum_is_castagnoli(void **state)
{
    (void)state;
    unsigned char zeros[32] = {0};
    assert_int_equal(crc32c((const unsigned char *)"123456789", 9), 0xe3069283); /* the catalogue's check value */
    assert_int_equal(crc32c(zeros, 32), 0x8a9136aa);                             /* RFC 3720, B.4 */
}

/* Walks the records; *n: how many. Fails on a wrong checksum or a torn end. at[i]: where record i starts. */
static void walk(const unsigned char *p, size_t bytes, size_t *at, size_t max, size_t *n)
{
    size_t pos = 0;
    for (*n = 0; pos < bytes; ++*n) {
        assert_true(*n < max && bytes - pos >= 16);
        uint64_t len;
        uint32_t a, b;
        memcpy(&len, p + pos, 8);
        memcpy(&a, p + pos + 8, 4);
        assert_int_equal(a, masked(p + pos, 8));
        assert_true(len <= bytes - pos - 16);
        memcpy(&b, p + pos + 12 + len, 4);
        assert_int_equal(b, masked(p + pos + 12, len));
        at[*n] = pos;
        pos += 16 + len;
    }
}

static void bytes_are_as_tensorboard_wants(void **state)
{
    /* Event{wall_time: 1.5, file_version} and Event{wall_time: 2, step: 300, summary{loss 0.5, x/y -1}} by hand. */
    static const unsigned char first[] = "\x18\0\0\0\0\0\0\0\xa3\x7f\x4b\x22"
                                         "\x09\0\0\0\0\0\0\xf8\x3f\x1a\x0d"
                                         "brain.Event:2";
    static const unsigned char second[] = "\x09\0\0\0\0\0\0\0\x40\x10\xac\x02\x2a\x19"
                                          "\x0a\x0b\x0a\x04"
                                          "loss"
                                          "\x15\0\0\0\x3f"
                                          "\x0a\x0a\x0a\x03"
                                          "x/y"
                                          "\x15\0\0\x80\xbf";
    const struct raml_scalar s[] = {{"loss", 0.5}, {"x/y", -1}};
    char path[4200];
    struct raml_err e = {0};
    struct raml_events *ev = NULL;
    in(*state, "events", path);
    must(raml_events_open(path, 1.5, &ev, &e), &e);
    must(raml_events_add(ev, 300, 2, s, 2, &e), &e);
    must(raml_events_add(ev, 300, 2, s, 0, &e), &e); /* nothing */
    must(raml_events_sync(ev, &e), &e);
    raml_events_close(ev);
    raml_events_close(NULL);
    size_t bytes = 0, n = 0, at[4];
    unsigned char *p = (unsigned char *)slurp(path, &bytes);
    walk(p, bytes, at, 4, &n);
    assert_int_equal(n, 2);
    assert_memory_equal(p, first, sizeof first - 1);
    assert_int_equal(p[at[1]], sizeof second - 1);
    assert_memory_equal(p + at[1] + 12, second, sizeof second - 1);
    free(p);
    must(raml_events_open(path, 9, &ev, &e), &e); /* again: appends, no second version record */
    must(raml_events_add(ev, 301, 3, s, 1, &e), &e);
    raml_events_close(ev);
    p = (unsigned char *)slurp(path, &bytes);
    walk(p, bytes, at, 4, &n);
    assert_int_equal(n, 3);
    free(p);
}

static void write_steps(const char *path, uint64_t from, uint64_t to)
{
    struct raml_err e = {0};
    struct raml_events *ev = NULL;
    must(raml_events_open(path, 0, &ev, &e), &e);
    for (uint64_t i = from; i <= to; i++) {
        struct raml_scalar s = {"loss", 1.0 / (double)i};
        must(raml_events_add(ev, i, (double)i, &s, 1, &e), &e);
    }
    raml_events_close(ev);
}

static void assert_same(const char *path, const unsigned char *want, size_t n)
{
    size_t have = 0;
    char *p = slurp(path, &have);
    assert_non_null(p);
    assert_int_equal(have, n);
    assert_memory_equal(p, want, n);
    free(p);
}

/* Wherever a file is torn, truncating it to step k and continuing gives the file of a run that was never stopped. */
static void every_torn_end_is_mended(void **state)
{
    char path[4200], other[4200];
    struct raml_err e = {0};
    size_t bytes = 0, n = 0, at[32];
    write_steps(in(*state, "whole", path), 1, 6);
    unsigned char *p = (unsigned char *)slurp(path, &bytes);
    walk(p, bytes, at, 32, &n);
    assert_int_equal(n, 7);
    in(*state, "torn", other);
    for (size_t size = 0; size <= bytes; size++) {
        spill(other, p, size);
        must(raml_events_truncate(other, 4, &e), &e);
        size_t keep = 0; /* whole records of steps <= 4 */
        for (size_t i = 0; i < n && i <= 4; i++)
            if (at[i + 1] <= size) keep = at[i + 1];
        assert_same(other, p, keep);
    }
    write_steps(other, 5, 6);
    assert_same(other, p, bytes);
    free(p);
}

static void damage_ends_the_file(void **state)
{
    char path[4200];
    struct raml_err e = {0};
    size_t bytes = 0, n = 0, at[32];
    write_steps(in(*state, "e", path), 1, 4);
    unsigned char *p = (unsigned char *)slurp(path, &bytes);
    walk(p, bytes, at, 32, &n);
    for (size_t i = at[2]; i < at[3]; i++) { /* each byte of the third record */
        p[i] ^= 0x10;
        spill(path, p, bytes);
        must(raml_events_truncate(path, 100, &e), &e);
        p[i] ^= 0x10;
        assert_same(path, p, at[2]);
    }
    memset(p + at[3], 0, bytes - at[3]); /* zeros, as a power failure leaves */
    spill(path, p, bytes);
    must(raml_events_truncate(path, 100, &e), &e);
    assert_same(path, p, at[3]);
    free(p);
    must(raml_events_truncate(in(*state, "missing", path), 1, &e), &e);
    assert_false(raml_is_file(path));
    assert_int_equal(raml_events_truncate(*state, 1, &e), RAML_EIO);
    struct raml_events *ev = NULL;
    assert_int_equal(raml_events_open("/nonexistent/e", 0, &ev, &e), RAML_EIO);
    assert_null(ev);
}

/* A valid frame around bytes that are not an Event. */
static void frames_of_other_bytes(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
        bool event; /* kept: it contains a message, if a strange one */
    } cases[] = {
        {"\x10", 1, false},                                              /* key without value */
        {"\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12, false}, /* varint without end */
        {"\x2a\x05"
         "ab",
         4, false},                                                  /* length beyond the record */
        {"\x2a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, false}, /* a huge one */
        {"\x09\0\0", 3, false},                                      /* half a double */
        {"\x0b", 1, false},                                          /* a group: obsolete */
        {"", 0, true},
        {"\x10\x03\x7d\1\2\3\4", 7, true}, /* step 3 and an unknown fixed32 */
    };
    char path[4200];
    struct raml_err e = {0};
    in(*state, "e", path);
    for (size_t i = 0; i < COUNT(cases); i++) {
        unsigned char r[64];
        uint64_t len = cases[i].n;
        memcpy(r, &len, 8);
        uint32_t c = masked(r, 8);
        memcpy(r + 8, &c, 4);
        memcpy(r + 12, cases[i].bytes, len);
        c = masked(r + 12, len);
        memcpy(r + 12 + len, &c, 4);
        spill(path, r, 16 + len);
        must(raml_events_truncate(path, 3, &e), &e);
        assert_same(path, r, cases[i].event ? 16 + len : 0);
        spill(path, r, 16 + len);
        must(raml_events_truncate(path, 2, &e), &e);
        assert_same(path, r, cases[i].event && !len ? 16 : 0);
    }
}

static void full_disk_leaves_whole_records(void **state)
{
    char path[4200];
    write_steps(in(*state, "e", path), 1, 2);
    size_t before = 0, bytes = 0, n = 0, at[64];
    free(slurp(path, &before));
    pid_t pid = fork();
    if (pid == 0) {
        struct raml_err e = {0};
        struct raml_events *ev = NULL;
        struct raml_scalar s = {"loss", 1};
        struct rlimit r = {before + 100, before + 100};
        signal(SIGXFSZ, SIG_IGN);
        if (setrlimit(RLIMIT_FSIZE, &r) || raml_events_open(path, 0, &ev, &e)) _exit(2);
        enum raml_code rc = RAML_OK;
        for (uint64_t i = 3; i < 50 && !rc; i++) rc = raml_events_add(ev, i, 0, &s, 1, &e);
        raml_events_close(ev);
        _exit(rc == RAML_EIO && has(e.msg, "writing failed") ? 0 : 1);
    }
    int status = -1;
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    unsigned char *p = (unsigned char *)slurp(path, &bytes);
    walk(p, bytes, at, 64, &n); /* fails on a torn end */
    assert_true(n > 3);
    free(p);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, enter_scratch, leave_scratch)
    /* clang-format off */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checksum_is_castagnoli), T(bytes_are_as_tensorboard_wants), T(every_torn_end_is_mended),
        T(damage_ends_the_file),                  T(frames_of_other_bytes),          T(full_disk_leaves_whole_records),
    };
    /* clang-format on */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
