/* test_signals.c - requests to stop: who takes them, on which stack, what they interrupt, what a second one does. */
#include "cli/cli.h"
#include "cli/signals.h"
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <omp.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
static const int stopping[] = {SIGINT, SIGTERM, SIGUSR1, SIGPIPE};

static void sleep_ms(long ms)
{
    struct timespec left = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&left, &left) && errno == EINTR) {
    }
}

/* Within ten seconds. */
static bool asked_in_time(void)
{
    for (int i = 0; i < 10000 && !cli_signals_asked(); i++) sleep_ms(1);
    return cli_signals_asked() != 0;
}

static void test_asks(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stopping); i++) {
        for (int own = 0; own < 2; own++) { /* to the process; to the thread alone, as the SIGPIPE of a write is */
            assert_int_equal(cli_signals_open(NULL), RAML_OK);
            struct cli_progress *p = cli_progress_open(true);
            assert_false(raml_should_stop(cli_progress_sink(p)));
            assert_int_equal(own ? raise(stopping[i]) : kill(getpid(), stopping[i]), 0);
            assert_true(asked_in_time());
            assert_int_equal(cli_signals_asked(), stopping[i]);
            assert_true(raml_should_stop(cli_progress_sink(p)));
            cli_progress_close(p);
            cli_signals_close();
        }
    }
}

static void test_announces(void **state)
{
    (void)state;
    static const char *const said[] = {"Ctrl-C: stopping at the end of this step; a second one ends at once\n",
                                       "SIGTERM: stopping at the end of this step; a second one ends at once\n",
                                       "SIGUSR1: stopping at the end of this step\n", ""};
    for (size_t i = 0; i < COUNT(stopping); i++) {
        char text[256] = "";
        FILE *file = tmpfile();
        assert_non_null(file);
        fflush(stderr);
        int saved = dup(STDERR_FILENO);
        dup2(fileno(file), STDERR_FILENO);
        enum raml_code rc = cli_signals_open(NULL);
        struct cli_progress *p = cli_progress_open(false);
        kill(getpid(), stopping[i]);
        bool asked =
            !rc && asked_in_time() && raml_should_stop(cli_progress_sink(p)) && raml_should_stop(cli_progress_sink(p));
        cli_progress_close(p);
        cli_signals_close();
        fflush(stderr);
        dup2(saved, STDERR_FILENO);
        close(saved);
        rewind(file);
        text[fread(text, 1, sizeof text - 1, file)] = 0;
        fclose(file);
        assert_true(asked);
        assert_string_equal(text, said[i]);
    }
}

/* Threads that were started since block all of them: also those of a larger team, and those that come later. */
static void test_others_block(void **state)
{
    (void)state;
    assert_int_equal(cli_signals_open(NULL), RAML_OK);
    static const int teams[] = {3, 2, 7, 4, 9};
    for (size_t t = 0; t < COUNT(teams); t++) {
        atomic_int blocked = 0, seen = 0;
#pragma omp parallel num_threads(teams[t])
        {
            sigset_t mask;
            pthread_sigmask(SIG_BLOCK, NULL, &mask);
            for (size_t i = 0; i < COUNT(stopping); i++) blocked += sigismember(&mask, stopping[i]) == 1;
            seen++;
        }
        assert_true(seen >= 2);
        assert_int_equal(blocked, seen * (int)COUNT(stopping));
    }
    cli_signals_close();
}

static atomic_int n_inside, n_outside;
static pthread_t computing;
static void (*theirs)(int, siginfo_t *, void *);

/* In front of the handler: is its frame on an alternate stack, and on a thread that computes? */
static void look(int number, siginfo_t *info, void *context)
{
    stack_t s;
    char here;
    bool on = !sigaltstack(NULL, &s) && (s.ss_flags & SS_ONSTACK) && &here > (char *)s.ss_sp &&
              &here < (char *)s.ss_sp + s.ss_size;
    (on && !pthread_equal(pthread_self(), computing) ? n_inside++ : n_outside++);
    theirs(number, info, context);
}

static void test_stack(void **state)
{
    (void)state;
    enum { N = 300 };
    computing = pthread_self();
    for (int i = 0; i < N; i++) {
        struct sigaction a;
        const int number = stopping[(size_t)i % COUNT(stopping)];
        assert_int_equal(cli_signals_open(NULL), RAML_OK);
        assert_int_equal(sigaction(number, NULL, &a), 0);
        assert_true(a.sa_flags & SA_ONSTACK);
        assert_false(a.sa_flags & SA_RESTART);
        theirs = a.sa_sigaction;
        a.sa_sigaction = look;
        assert_int_equal(sigaction(number, &a, NULL), 0);
        assert_int_equal(kill(getpid(), number), 0);
        while (n_inside + n_outside < i + 1) sleep_ms(1);
        cli_signals_close();
    }
    assert_int_equal(n_inside, N);
    assert_int_equal(n_outside, 0);
}

/* -- Waits --------------------------------------------------------------------------------------------------------- */
static char folder[] = "/tmp/raml-signals-XXXXXX";

static const char *in(const char *name, char out[64])
{
    snprintf(out, 64, "%s/%s", folder, name);
    return out;
}

/* Each waits for what never comes; the code that it ends with. */
static enum raml_code wait_for_line(void)
{
    struct raml_lines l;
    bool more;
    char path[64];
    enum raml_code rc = raml_lines_init(&l, in("open", path), 1000, NULL);
    if (!rc) rc = raml_lines_next(&l, &more, NULL);
    raml_lines_deinit(&l);
    return rc;
}

static enum raml_code wait_for_file(void)
{
    struct raml_buf b;
    char path[64];
    raml_buf_init(&b, 1000);
    enum raml_code rc = raml_file_read(in("open", path), &b, NULL);
    raml_buf_deinit(&b);
    return rc;
}

static enum raml_code wait_for_writer(void)
{
    struct raml_lines l;
    char path[64];
    enum raml_code rc = raml_lines_init(&l, in("alone", path), 1000, NULL);
    raml_lines_deinit(&l);
    return rc;
}

static enum raml_code wait_for_hash(void)
{
    uint64_t hash;
    char path[64];
    return raml_hash_path(in("alone", path), &hash, NULL);
}

static enum raml_code wait_for_reader(void)
{
    struct raml_writer w;
    char path[64];
    enum raml_code rc = raml_writer_init(&w, in("alone", path), NULL);
    raml_writer_deinit(&w);
    return rc;
}

static enum raml_code wait_for_room(void)
{
    struct raml_writer w;
    char path[64], text[1 << 12] = "";
    enum raml_code rc = raml_writer_init(&w, in("full", path), NULL);
    for (int i = 0; !rc && i < 1000; i++) rc = raml_writer_add(&w, text, sizeof text, NULL);
    raml_writer_deinit(&w);
    return rc;
}

struct sender {
    long after_us;
    int number;
};

static void *send(void *user)
{
    const struct sender *s = user;
    usleep((useconds_t)s->after_us);
    kill(getpid(), s->number);
    return NULL;
}

/* Signals at 40 moments around the beginning of each wait: every one is heeded. */
static void test_waits_end(void **state)
{
    (void)state;
    enum raml_code (*const waits[])(void) = {wait_for_line, wait_for_file,   wait_for_writer,
                                             wait_for_hash, wait_for_reader, wait_for_room};
    char path[64];
    assert_non_null(mkdtemp(folder));
    static const char *const fifo[] = {"open", "alone", "full"};
    for (size_t i = 0; i < COUNT(fifo); i++) assert_int_equal(mkfifo(in(fifo[i], path), 0600), 0);
    int open_end = open(in("open", path), O_RDWR), full_end = open(in("full", path), O_RDWR);
    for (size_t w = 0; w < COUNT(waits); w++)
        for (int i = 0; i < 40; i++) {
            struct sender s = {i < 20 ? i : 100 * i, i % 2 ? SIGTERM : SIGINT};
            pthread_t thread;
            assert_int_equal(cli_signals_open(NULL), RAML_OK);
            assert_int_equal(pthread_create(&thread, NULL, send, &s), 0);
            assert_int_equal(waits[w](), RAML_ESTOP);
            assert_int_equal(cli_signals_asked(), s.number);
            pthread_join(thread, NULL);
            cli_signals_close();
        }
    close(open_end);
    close(full_end);
    for (size_t i = 0; i < COUNT(fifo); i++) unlink(in(fifo[i], path));
    rmdir(folder);
}

/* -- A second one -------------------------------------------------------------------------------------------------- */

/* The status of a child that takes signals and acts; 0 where it lives. */
static int status_of(void (*act)(void))
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (cli_signals_open(NULL)) _exit(3);
        act();
        cli_signals_close(); /* what has been sent has been taken by then */
        _exit(0);
    }
    int status = 0;
    assert_true(waitpid(child, &status, 0) == child);
    return status;
}

/* And waits until it is taken. */
static void ask(int number)
{
    sigset_t pending;
    kill(getpid(), number);
    for (int i = 0; i < 10000; i++) {
        if (!sigpending(&pending) && !sigismember(&pending, number)) break;
        sleep_ms(1);
    }
}

static void interrupt_twice(void)
{
    ask(SIGINT);
    sleep_ms(150);
    ask(SIGINT);
}

static void interrupt_twice_at_once(void) /* as timeout -s INT does */
{
    kill(getpid(), SIGINT);
    kill(getpid(), SIGINT);
}

static void end_twice_at_once(void)
{
    kill(getpid(), SIGTERM);
    kill(getpid(), SIGTERM);
}

static void end_and_pass_on(void)
{
    ask(SIGTERM);
    sleep_ms(1100);
    cli_signals_pass_on(getpid());
}

static void end_twice(void)
{
    end_and_pass_on();
    sleep_ms(20); /* pending signals of one number are one */
    ask(SIGTERM);
}

static void end_after_a_pipe(void) /* one that nobody reads was not a person */
{
    ask(SIGPIPE);
    sleep_ms(1100);
    ask(SIGTERM);
}

static void test_second_signal_kills(void **state)
{
    (void)state;
    int status = status_of(interrupt_twice);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
    assert_int_equal(status_of(interrupt_twice_at_once), 0);
    assert_int_equal(status_of(end_twice_at_once), 0);
    assert_int_equal(status_of(end_and_pass_on), 0);
    status = status_of(end_twice);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    assert_int_equal(status_of(end_after_a_pipe), 0);
}

static void exec_false(void)
{
    sigset_t mask;
    struct sigaction a;
    cli_signals_in_child();
    sigprocmask(SIG_BLOCK, NULL, &mask);
    for (size_t i = 0; i < COUNT(stopping); i++)
        if (sigismember(&mask, stopping[i]) || sigaction(stopping[i], NULL, &a) || a.sa_flags & SA_SIGINFO) _exit(1);
    _exit(0);
}

/* A child has handlers and mask as they were; an ignored one stays ignored. */
static void test_child(void **state)
{
    (void)state;
    assert_int_equal(status_of(exec_false), 0);
    signal(SIGINT, SIG_IGN);
    assert_int_equal(cli_signals_open(NULL), RAML_OK);
    kill(getpid(), SIGINT);
    sleep_ms(50);
    assert_int_equal(cli_signals_asked(), 0);
    cli_signals_close();
    signal(SIGINT, SIG_DFL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_asks),         cmocka_unit_test(test_announces),
                                       cmocka_unit_test(test_others_block), cmocka_unit_test(test_stack),
                                       cmocka_unit_test(test_waits_end),    cmocka_unit_test(test_second_signal_kills),
                                       cmocka_unit_test(test_child)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
