/* signals.c - see signals.h. */
#include "cli/signals.h"

#include "core/clock.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { N_SIGNALS = 4, STACK_BYTES = 1 << 16, THREAD_BYTES = 1 << 18 };
static const int watched[N_SIGNALS] = {SIGINT, SIGTERM, SIGPIPE, SIGUSR1};
static const int poke = SIGURG; /* interrupts a wait; ignored by default */

/* Milliseconds within which several are one request. A person does not press Ctrl-C twice as fast as that. */
enum { ONE_SIGTERM = 1000, ONE_SIGINT = 100 };
#define LOOK_SECONDS 1e-3
enum { FIRST_POKE_MS = 2, LAST_POKE_MS = 200 };

/* The only mutable statics of the program: a signal handler has no argument for its owner. */
static struct {
    atomic_int caught, caught_at; /* a signal's number; when it came, in milliseconds */
    atomic_bool heeded, quit;     /* heeded: the opening thread knows */
    sem_t wake;                   /* something for the thread to look at */
    bool open;
    double looked; /* the opening thread, for signals of its own */
    pthread_t opener, thread;
    void *stack[2]; /* alternate ones: the opening thread's, the other's */
    sigset_t mask;  /* before */
    struct sigaction before[N_SIGNALS];
} all;

/* timeout(1) sends its signal to a program and at once to its group, and so twice to the program; a SIGTERM with a value
 * is from a raml that passes its own on (cli_signals_pass_on). Neither is a person who has lost patience. */
static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)context;
    int saved = errno;
    unsigned now = (unsigned)(int64_t)(raml_clock_monotonic() * 1000);
    int caught = atomic_load(&all.caught);
    bool again = caught == SIGTERM || caught == SIGINT;
    bool counts = again && number != SIGUSR1 && number != SIGPIPE && info->si_code != SI_QUEUE;
    if (!again) atomic_store(&all.caught_at, (int)(now & INT_MAX));
    if (!again || number == SIGINT) atomic_store(&all.caught, number);
    unsigned since = (now - (unsigned)atomic_load(&all.caught_at)) & INT_MAX;
    if (counts && since >= (number == SIGINT ? ONE_SIGINT : ONE_SIGTERM)) { /* it ends the program here */
        sigset_t only;
        sigemptyset(&only);
        sigaddset(&only, number);
        signal(number, SIG_DFL);
        pthread_sigmask(SIG_UNBLOCK, &only, NULL);
        raise(number);
    }
    sem_post(&all.wake);
    errno = saved;
}

static void on_poke(int number)
{
    (void)number;
}

static sigset_t watched_set(void)
{
    sigset_t set;
    sigemptyset(&set);
    for (int i = 0; i < N_SIGNALS; i++) sigaddset(&set, watched[i]);
    return set;
}

/* Those of the opening thread alone (the SIGPIPE of its own write) reach nobody else. Asking the system costs more than the
 * clock. */
static void take_own(void)
{
    const sigset_t set = watched_set();
    const struct timespec now = {0};
    siginfo_t info;
    double at = raml_clock_monotonic();
    if (at - all.looked < LOOK_SECONDS) return;
    all.looked = at;
    while (sigtimedwait(&set, &info, &now) > 0) on_signal(info.si_signo, &info, NULL);
}

int cli_signals_asked(void)
{
    if (all.open && pthread_equal(pthread_self(), all.opener)) take_own();
    int caught = atomic_load(&all.caught);
    if (caught) atomic_store(&all.heeded, true);
    return caught;
}

void cli_signals_pass_on(pid_t pid)
{
    sigqueue(pid, SIGTERM, (union sigval){0});
}

static void use_stack(void *stack)
{
    const stack_t s = {.ss_sp = stack, .ss_size = STACK_BYTES};
    sigaltstack(&s, NULL);
}

/* Waits until something comes; with ms for no longer than that. */
static void wait_for_wake(long ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += ms % 1000 * 1000000L;
    until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    (void)(ms ? sem_timedwait(&all.wake, &until) : sem_wait(&all.wake)); /* EINTR: a handler, which has posted */
}

static void *take_signals(void *unused)
{
    (void)unused;
    const sigset_t set = watched_set();
    const struct sigaction on = {.sa_handler = on_poke, .sa_flags = SA_ONSTACK};
    long pause = 0;
    use_stack(all.stack[1]);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    while (!atomic_load(&all.quit)) {
        wait_for_wake(pause);
        if (!atomic_load(&all.caught) || atomic_load(&all.heeded) || atomic_load(&all.quit)) {
            pause = 0;
            continue;
        }
        if (!pause) sigaction(poke, &on, NULL);
        pthread_kill(all.opener, poke);
        pause = pause ? 2 * pause : FIRST_POKE_MS;
        if (pause > LAST_POKE_MS) pause = LAST_POKE_MS;
    }
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    return NULL;
}

static void take_handlers(void)
{
    for (int i = 0; i < N_SIGNALS; i++) {
        struct sigaction a = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
        sigfillset(&a.sa_mask);
        sigaction(watched[i], &a, &all.before[i]);
        if (watched[i] != SIGPIPE && all.before[i].sa_handler == SIG_IGN) /* a background job of sh, nohup */
            sigaction(watched[i], &all.before[i], NULL);
    }
}

static void restore(void)
{
    const stack_t none = {.ss_flags = SS_DISABLE};
    for (int i = 0; i < N_SIGNALS; i++) sigaction(watched[i], &all.before[i], NULL);
    signal(poke, SIG_DFL);
    pthread_sigmask(SIG_SETMASK, &all.mask, NULL);
    sigaltstack(&none, NULL);
    for (int i = 0; i < 2; i++)
        if (all.stack[i] != MAP_FAILED) munmap(all.stack[i], STACK_BYTES);
}

static int start_thread(void)
{
    pthread_attr_t attr;
    int failed = pthread_attr_init(&attr);
    if (failed) return failed;
    pthread_attr_setstacksize(&attr, THREAD_BYTES);
    failed = pthread_create(&all.thread, &attr, take_signals, NULL);
    pthread_attr_destroy(&attr);
    if (!failed) pthread_setname_np(all.thread, "raml-signals");
    return failed;
}

enum raml_code cli_signals_open(struct raml_err *err)
{
    const sigset_t set = watched_set();
    memset(&all, 0, sizeof all);
    sem_init(&all.wake, 0, 0);
    all.opener = pthread_self();
    pthread_sigmask(SIG_BLOCK, &set, &all.mask);
    int failed = 0;
    for (int i = 0; i < 2; i++) {
        all.stack[i] = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (all.stack[i] == MAP_FAILED) failed = ENOMEM;
    }
    if (!failed) use_stack(all.stack[0]);
    take_handlers();
    if (!failed) failed = start_thread();
    if (failed) {
        restore();
        errno = failed;
        return raml_fail_errno(err, "no thread can be started that takes signals");
    }
    all.open = true;
    return RAML_OK;
}

void cli_signals_close(void)
{
    if (!all.open) return;
    atomic_store(&all.quit, true);
    sem_post(&all.wake);
    pthread_join(all.thread, NULL);
    all.open = false;
    restore();
    sem_destroy(&all.wake);
}

void cli_signals_in_child(void)
{
    if (!all.open) return;
    for (int i = 0; i < N_SIGNALS; i++) sigaction(watched[i], &all.before[i], NULL);
    signal(poke, SIG_DFL);
    sigprocmask(SIG_SETMASK, &all.mask, NULL);
}
