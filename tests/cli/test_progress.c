/* test_progress.c - what progress leaves on standard error. */
#include "cli/cli.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* Runs work with standard error going to a file; the output is in text. */
struct capture {
    int saved;
    FILE *file;
    char text[4096];
};

static void begin(struct capture *c)
{
    fflush(stderr);
    c->file = tmpfile();
    assert_non_null(c->file);
    c->saved = dup(STDERR_FILENO);
    assert_true(c->saved >= 0 && dup2(fileno(c->file), STDERR_FILENO) >= 0);
}

static void end(struct capture *c)
{
    fflush(stderr);
    dup2(c->saved, STDERR_FILENO);
    close(c->saved);
    rewind(c->file);
    size_t n = fread(c->text, 1, sizeof c->text - 1, c->file);
    c->text[n] = 0;
    fclose(c->file);
}

static void work(bool quiet, struct capture *c)
{
    begin(c);
    struct cli_progress *p = cli_progress_open(quiet);
    const struct raml_sink *sink = cli_progress_sink(p);
    for (int i = 0; i <= 2000; i++) raml_progress(sink, "train", i, 2000, "steps", i == 2000 ? "loss 0.41" : NULL);
    raml_progress(sink, "train", 2000, 2000, "steps", NULL); /* reported twice: one line */
    raml_say(sink, "saved %d", 7);
    raml_progress(sink, "read", 81234, 0, "bytes", NULL);
    raml_progress(sink, "sample", 5, 10, "tokens", NULL);
    cli_progress_close(p);
    end(c);
}

/* A file is not a terminal: one line for each piece of work, because all end within ten seconds. */
static void test_plain(void **state)
{
    (void)state;
    struct capture c;
    work(false, &c);
    static const char *const want[] = {"train  100 %  2,000/2,000 steps  ", "saved 7", "read  81,234 bytes  0s",
                                       "sample  50 %  5/10 tokens  0s"};
    char *line = c.text;
    for (size_t i = 0; i < COUNT(want); i++) {
        size_t n = strcspn(line, "\n");
        if (strncmp(line, want[i], strlen(want[i])) != 0 || line[n] != '\n')
            fail_msg("line %zu: expected '%s...' in:\n%s", i + 1, want[i], c.text);
        line += n + 1;
    }
    assert_string_equal(line, "");
    assert_non_null(strstr(c.text, "s  loss 0.41\n"));
    assert_null(strpbrk(c.text, "\r\033"));
}

/* A terminal of 40 columns: one line that is rewritten and never longer than that, then the end as a separate line. */
static void test_terminal(void **state)
{
    (void)state;
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    if (terminal < 0) { /* a container without /dev/pts */
        fprintf(stderr, "terminals not checked: this machine gives none (posix_openpt)\n");
        skip();
    }
    assert_true(grantpt(terminal) == 0 && unlockpt(terminal) == 0);
    int screen = open(ptsname(terminal), O_RDWR | O_NOCTTY), saved = dup(STDERR_FILENO);
    struct winsize size = {.ws_row = 10, .ws_col = 40};
    assert_true(screen >= 0 && saved >= 0 && ioctl(screen, TIOCSWINSZ, &size) == 0);
    setenv("TERM", "xterm", 1);
    fflush(stderr);
    dup2(screen, STDERR_FILENO);
    struct cli_progress *p = cli_progress_open(false);
    const struct raml_sink *sink = cli_progress_sink(p);
    raml_progress(sink, "train", 1, 10, "steps", "a note that is longer than what is left of the line");
    usleep(150000);
    raml_progress(sink, "train", 2, 10, "steps",
                  "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9");
    raml_progress(sink, "train", 3, 10, "steps", NULL); /* too soon to be shown */
    cli_progress_close(p);
    dup2(saved, STDERR_FILENO);
    close(screen);
    char text[2048];
    size_t n = 0;
    for (ssize_t got; (got = read(terminal, text + n, sizeof text - 1 - n)) > 0;) n += (size_t)got;
    assert_true(n > 2);
    text[n] = 0;
    close(saved);
    close(terminal);
    assert_int_equal(text[0], '\r');
    assert_non_null(strstr(text, "train  10 %  1/10 steps"));
    assert_non_null(strstr(text, "\rtrain  20 %  2/10 steps"));
    assert_non_null(strstr(text, " left"));
    assert_non_null(strstr(text, "train  30 %  3/10 steps"));
    assert_string_equal(text + n - 2, "\r\n");
    char *last = strstr(text, "train  30 %");
    for (char *line = text; line < last;) { /* what is rewritten fits */
        size_t len = strcspn(line, "\r");
        if (len > 39) fail_msg("%zu bytes on 40 columns: %.*s", len, (int)len, line);
        line += len + 1;
    }
}

static void test_quiet(void **state)
{
    (void)state;
    struct capture c;
    work(true, &c);
    assert_string_equal(c.text, "");
}

/* What a number looks like, as progress shows it. */
static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        double x;
        const char *want;
    } cases[] = {{0, "0"},           {7, "7"},           {999, "999"},        {1000, "1,000"},     {8720, "8,720"},
                 {9999, "9,999"},    {10000, "10,000"},  {81234, "81,234"},   {999999, "999,999"}, {1e6, "1.0 M"},
                 {3220000, "3.2 M"}, {12345678, "12 M"}, {99949999, "100 M"}, {9.96e6, "10 M"},    {320e6, "320 M"},
                 {999.6e6, "1.0 G"}, {1.28e9, "1.3 G"},  {5e13, "50 T"},      {4e16, "40,000 T"},  {0.25, "0.25"},
                 {3.14159, "3.14"},  {12.34, "12.3"},    {999.96, "1,000"},   {8720.4, "8,720"},   {0.00123, "0.00123"},
                 {99.96, "100"},     {999999.7, "1.0 M"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct capture c;
        char want[64];
        begin(&c);
        struct cli_progress *p = cli_progress_open(false);
        raml_progress(cli_progress_sink(p), "read", cases[i].x, 0, "bytes", NULL);
        cli_progress_close(p);
        end(&c);
        snprintf(want, sizeof want, "read  %s bytes  0s\n", cases[i].want);
        assert_string_equal(c.text, want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_plain), cmocka_unit_test(test_terminal),
                                       cmocka_unit_test(test_quiet), cmocka_unit_test(test_numbers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
