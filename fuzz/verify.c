/* verify.c - random and broken answers for raml_answer_compare: nothing may crash it, hang it, or make it contradict
 * itself.
 *
 *   raml-fuzz verify [--n N] [--threads T] [--seed S] [--max_work W] [--limit_s S] [--hang_s S] [--replay I]
 *                    [FILE.jsonl ...]
 *
 * Input number i is a pure function of the seed, i and the seed texts: the strings "gold", "pred", "input", "latex" of
 * the files, or the list in answers.h. It reports inputs, verdicts, checks per second and the slowest input. It fails
 * (1) when an answer is found different from itself, when a second check of a pair gives another verdict, when an
 * input takes longer than --limit_s (processor time), and when the checks crash or hang: they run in a separate
 * process, which leaves the numbers of its current inputs where the watching process can read them. --replay I shows
 * and checks only input I.
 */
#include "fuzz/verify.h"

#include "fuzz/inputs.h"

#include "core/clock.h"
#include "raml/answer.h"

#include <omp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_THREADS = 256, MAX_FILES = 64, SHOWN = 400, EXPLAIN_BYTES = 1 << 24 };

struct settings {
    uint64_t n, seed, max_work, replay;
    int threads;
    double limit_s, hang_s;
    bool one; /* --replay was given */
    const char *file[MAX_FILES];
    size_t n_files;
};

struct slot {               /* what a thread is working on, for the watching process */
    _Atomic uint64_t input; /* its number plus 1; 0: nothing */
    _Atomic int64_t since_ms;
};

struct tally {
    uint64_t verdict[3], faults;
    double slowest;
    uint64_t slowest_input;
};

static void show(const char *what, const struct raml_buf *b)
{
    printf("  %s (%zu bytes): ", what, b->len);
    for (size_t i = 0; i < b->len && i < SHOWN; i++) {
        unsigned char c = (unsigned char)b->data[i];
        if (c < 0x20 || c >= 0x7f) printf("\\x%02x", c);
        else putchar(c);
    }
    printf("%s\n", b->len > SHOWN ? "..." : "");
}

static void show_input(const struct fuzz_texts *texts, uint64_t seed, uint64_t i)
{
    struct fuzz_pair p;
    fuzz_pair_init(&p);
    fuzz_make(texts, seed, i, &p);
    printf("input %llu\n", (unsigned long long)i);
    show("gold", &p.gold);
    show("pred", &p.pred);
    fuzz_pair_deinit(&p);
}

static void fault(struct tally *t, const char *what, uint64_t i, const struct fuzz_pair *p)
{
#pragma omp critical
    {
        printf("FAULT: input %llu: %s\n", (unsigned long long)i, what);
        show("gold", &p->gold);
        show("pred", &p->pred);
        fflush(stdout);
    }
    t->faults++;
}

static bool check(const struct fuzz_pair *p, uint64_t max_work, struct raml_buf *explain,
                  struct raml_answer_result *out)
{
    struct raml_answer_options o = raml_answer_default();
    o.last = p->last;
    o.letters = p->letters;
    o.max_work = max_work;
    return raml_answer_compare(p->gold.data, p->gold.len, p->pred.data, p->pred.len, &o, out, explain, NULL) == RAML_OK;
}

static void take(const struct fuzz_texts *texts, const struct settings *s, uint64_t i, struct tally *t)
{
    struct fuzz_pair p;
    struct raml_answer_result r, again;
    struct raml_buf explain;
    fuzz_pair_init(&p);
    raml_buf_init(&explain, EXPLAIN_BYTES);
    fuzz_make(texts, s->seed, i, &p);
    double begin = raml_clock_seconds(CLOCK_THREAD_CPUTIME_ID);
    bool done = check(&p, s->max_work, i % 4 == 0 ? &explain : NULL, &r);
    double took = raml_clock_seconds(CLOCK_THREAD_CPUTIME_ID) - begin;
    if (!done) {
        fault(t, "the check failed", i, &p);
    } else {
        t->verdict[r.verdict == RAML_EQUAL ? 0 : r.verdict == RAML_DIFFERENT ? 1 : 2]++;
        if (!r.rule || !*r.rule) fault(t, "a verdict without its rule", i, &p);
        if (p.same && r.verdict == RAML_DIFFERENT) fault(t, "different from itself", i, &p);
        if (i % 16 == 1 && (!check(&p, s->max_work, NULL, &again) || again.verdict != r.verdict))
            fault(t, "a second check gives another verdict", i, &p);
    }
    if (took > t->slowest) {
        t->slowest = took;
        t->slowest_input = i;
    }
    if (s->limit_s > 0 && took > s->limit_s) fault(t, "too slow", i, &p);
    raml_buf_deinit(&explain);
    fuzz_pair_deinit(&p);
}

/* All inputs, on all threads. Runs in the process that is watched; its exit code. */
static int work(const struct fuzz_texts *texts, const struct settings *s, struct slot *slots)
{
    struct tally all = {.faults = 0};
    double begin = raml_clock_seconds(CLOCK_MONOTONIC);
#pragma omp parallel num_threads(s->threads)
    {
        struct tally mine = {.faults = 0};
        struct slot *slot = &slots[omp_get_thread_num()];
#pragma omp for schedule(dynamic, 32)
        for (uint64_t i = 0; i < s->n; i++) {
            atomic_store(&slot->since_ms, (int64_t)(1000 * raml_clock_seconds(CLOCK_MONOTONIC)));
            atomic_store(&slot->input, i + 1);
            take(texts, s, i, &mine);
        }
        atomic_store(&slot->input, 0);
        raml_answer_thread_end();
#pragma omp critical
        {
            for (int k = 0; k < 3; k++) all.verdict[k] += mine.verdict[k];
            all.faults += mine.faults;
            if (mine.slowest > all.slowest) {
                all.slowest = mine.slowest;
                all.slowest_input = mine.slowest_input;
            }
        }
    }
    double took = raml_clock_seconds(CLOCK_MONOTONIC) - begin;
    printf("%llu inputs: %llu equal, %llu different, %llu unknown; %llu faults; %.0f checks/s on %d threads\n",
           (unsigned long long)s->n, (unsigned long long)all.verdict[0], (unsigned long long)all.verdict[1],
           (unsigned long long)all.verdict[2], (unsigned long long)all.faults, took > 0 ? (double)s->n / took : 0,
           s->threads);
    printf("slowest: %.3f ms\n", 1e3 * all.slowest);
    show_input(texts, s->seed, all.slowest_input);
    fflush(stdout);
    return all.faults ? 1 : 0;
}

static void show_running(const struct fuzz_texts *texts, const struct settings *s, struct slot *slots)
{
    for (int k = 0; k < s->threads; k++) {
        uint64_t i = atomic_load(&slots[k].input);
        if (i) show_input(texts, s->seed, i - 1);
    }
}

/* Waits for the working process; stops it when an input takes too long. */
static int watch(pid_t child, const struct fuzz_texts *texts, const struct settings *s, struct slot *slots)
{
    const struct timespec pause = {.tv_nsec = 50000000};
    for (int status;; nanosleep(&pause, NULL)) {
        pid_t got = waitpid(child, &status, WNOHANG);
        if (got == child && WIFEXITED(status) && WEXITSTATUS(status) <= 1) return WEXITSTATUS(status);
        if (got == child) {
            printf("FAULT: the checks ended by %s %d; in progress were\n", WIFSIGNALED(status) ? "signal" : "exit code",
                   WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
            show_running(texts, s, slots);
            return 1;
        }
        int64_t now = (int64_t)(1000 * raml_clock_seconds(CLOCK_MONOTONIC));
        for (int k = 0; k < s->threads; k++) {
            uint64_t i = atomic_load(&slots[k].input);
            if (!i || (double)(now - atomic_load(&slots[k].since_ms)) < 1000 * s->hang_s) continue;
            printf("FAULT: an input takes more than %g s\n", s->hang_s);
            show_input(texts, s->seed, i - 1);
            kill(child, SIGKILL);
            waitpid(child, &status, 0);
            return 1;
        }
    }
}

static int replay(const struct fuzz_texts *texts, const struct settings *s)
{
    struct fuzz_pair p;
    struct raml_answer_result r;
    struct raml_buf explain;
    fuzz_pair_init(&p);
    raml_buf_init(&explain, EXPLAIN_BYTES);
    show_input(texts, s->seed, s->replay);
    fflush(stdout);
    fuzz_make(texts, s->seed, s->replay, &p);
    double begin = raml_clock_seconds(CLOCK_THREAD_CPUTIME_ID);
    bool done = check(&p, s->max_work, &explain, &r);
    double took = raml_clock_seconds(CLOCK_THREAD_CPUTIME_ID) - begin;
    if (done)
        printf("%s: %s; %llu units of work, %.3f ms\n%s", raml_verdict_name(r.verdict), r.rule,
               (unsigned long long)r.work, 1e3 * took, explain.data ? explain.data : "");
    raml_buf_deinit(&explain);
    fuzz_pair_deinit(&p);
    raml_answer_thread_end();
    return !done;
}

/* One setting, --name VALUE. False: there is no such setting. */
static bool set(struct settings *s, const char *name, const char *value)
{
    uint64_t *const whole[] = {&s->n, &s->seed, &s->max_work, &s->replay};
    static const char *const names[] = {"--n", "--seed", "--max_work", "--replay"};
    for (size_t k = 0; k < 4; k++) {
        if (strcmp(name, names[k]) != 0) continue;
        *whole[k] = strtoull(value, NULL, 10);
        s->one = s->one || k == 3;
        return true;
    }
    if (!strcmp(name, "--threads")) s->threads = atoi(value);
    else if (!strcmp(name, "--limit_s")) s->limit_s = atof(value);
    else if (!strcmp(name, "--hang_s")) s->hang_s = atof(value);
    else return false;
    return true;
}

static bool read_settings(struct settings *s, int argc, char **argv)
{
    *s = (struct settings){.n = 1000000, .seed = 1, .threads = omp_get_max_threads(), .hang_s = 120};
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) != 0) {
            if (s->n_files == MAX_FILES) return false;
            s->file[s->n_files++] = argv[i];
        } else if (i + 1 >= argc || !set(s, argv[i], argv[i + 1])) {
            return false;
        } else {
            i++;
        }
    }
    if (s->threads < 1) s->threads = omp_get_max_threads();
    if (s->threads > MAX_THREADS) s->threads = MAX_THREADS;
    return true;
}

/* The checks run in a separate process, forked before there are threads. */
static int run(const struct fuzz_texts *texts, const struct settings *s)
{
    struct slot *slots =
        mmap(NULL, MAX_THREADS * sizeof *slots, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (slots == MAP_FAILED) return 2;
    fflush(stdout);
    pid_t child = fork();
    if (child < 0) return 2;
    if (child == 0) {
        int code = work(texts, s, slots);
        exit(code);
    }
    int code = watch(child, texts, s, slots);
    munmap(slots, MAX_THREADS * sizeof *slots);
    return code;
}

int raml_fuzz_verify_main(int argc, char **argv)
{
    struct settings s;
    struct raml_err err = {0};
    struct fuzz_texts texts;
    if (!read_settings(&s, argc, argv)) {
        fprintf(stderr, "usage: raml-fuzz verify [--n N] [--threads T] [--seed S] [--max_work W] [--limit_s S] "
                        "[--hang_s S] [--replay I] [FILE.jsonl ...]\n");
        return 2;
    }
    enum raml_code rc = fuzz_texts_init(&texts, s.file, s.n_files, &err);
    int code = 2;
    if (rc) fprintf(stderr, "raml-fuzz verify: %s\n", err.msg);
    else code = s.one ? replay(&texts, &s) : run(&texts, &s);
    fuzz_texts_deinit(&texts);
    return code;
}
