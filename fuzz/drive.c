/* drive.c - see drive.h. Job j of J runs the cases j, j + J, ...: which cases a run has does not depend on J. A job
 * writes each case to memory that it shares with the process that watches, before the target sees it. */
#include "fuzz/drive.h"

#include "fuzz/check.h"
#include "fuzz/mutate.h"
#include "fuzz/scratch.h"
#include "core/file.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct slot {             /* of a job */
    _Atomic uint64_t now; /* number of the case plus 1; 0: none */
    _Atomic int64_t since_ms;
    uint64_t done, outcome[2], slowest;
    double slowest_s;
    size_t size;
    bool refused; /* case `now - 1`, a seed, was refused */
    bool slow;
    uint8_t input[]; /* target.max_bytes */
};
struct run {
    const struct fuzz_target *target;
    const struct fuzz_settings *s;
    struct fuzz_corpus corpus;
    struct slot *slot[FUZZ_MAX_JOBS];
    pid_t pid[FUZZ_MAX_JOBS]; /* 0: ended */
};

static double clock_s(clockid_t which)
{
    struct timespec t;
    clock_gettime(which, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The target sees a block that ends where the input does. */
static int once(const struct fuzz_target *t, const void *data, size_t size)
{
    uint8_t *block = malloc(size ? size : 1);
    FUZZ_CHECK(block != NULL, "no memory for %zu bytes", size);
    memcpy(block, data, size);
    int outcome = t->run(block, size);
    free(block);
    return outcome;
}

/* -- a job --------------------------------------------------------------------------------------------------------- */

/* False: a fault that the slot tells. */
static bool take(const struct run *r, struct slot *slot, uint64_t i, const struct raml_buf *input)
{
    memcpy(slot->input, input->data, input->len);
    slot->size = input->len;
    atomic_store(&slot->since_ms, (int64_t)(1000 * clock_s(CLOCK_MONOTONIC)));
    atomic_store(&slot->now, i + 1);
    double begin = clock_s(CLOCK_PROCESS_CPUTIME_ID);
    int outcome = once(r->target, slot->input, slot->size);
    double took = clock_s(CLOCK_PROCESS_CPUTIME_ID) - begin;
    slot->done++;
    slot->outcome[outcome == FUZZ_READ ? 0 : 1]++;
    if (took > slot->slowest_s) {
        slot->slowest_s = took;
        slot->slowest = i;
    }
    slot->refused = outcome != FUZZ_READ && i < r->corpus.n && r->corpus.seed[i].valid;
    slot->slow = r->s->limit_s > 0 && took > r->s->limit_s;
    return !slot->refused && !slot->slow;
}

static int work(const struct run *r, unsigned job)
{
    struct raml_buf input;
    struct slot *slot = r->slot[job];
    double end = clock_s(CLOCK_MONOTONIC) + r->s->time_s;
    bool ok = true;
    raml_buf_init(&input, r->target->max_bytes);
    fuzz_scratch_fork();
    for (uint64_t i = job; ok && i < r->s->n; i += r->s->jobs) {
        if (r->s->time_s > 0 && i >= r->corpus.n && clock_s(CLOCK_MONOTONIC) > end) break;
        fuzz_case(&r->corpus, r->target->words, r->s->seed, i, &input);
        ok = take(r, slot, i, &input);
    }
    raml_buf_deinit(&input);
    if (ok) atomic_store(&slot->now, 0); /* what is found after this, leaks, is no case's */
    return ok ? 0 : 1;
}

/* -- the process that watches -------------------------------------------------------------------------------------- */

static void show_case(const struct run *r, const struct slot *slot)
{
    uint64_t i = atomic_load(&slot->now) - 1;
    char path[4096];
    struct raml_err err = {0};
    snprintf(path, sizeof path, "%s/raml-fuzz-%s-%llu-%llu", r->s->out ? r->s->out : ".", r->target->name,
             (unsigned long long)r->s->seed, (unsigned long long)i);
    printf("case %llu of seed %llu, %zu bytes", (unsigned long long)i, (unsigned long long)r->s->seed, slot->size);
    if (i < r->corpus.n) printf(" (%s as it is)", r->corpus.seed[i].name);
    if (raml_file_write(path, slot->input, slot->size, &err)) printf("; it could not be kept: %s\n", err.msg);
    else printf(", kept in %s\n  again: raml-fuzz %s %s\n", path, r->target->name, path);
    printf("  or:    raml-fuzz %s --seed %llu --replay %llu\n", r->target->name, (unsigned long long)r->s->seed,
           (unsigned long long)i);
}

/* A job that ended, other than by doing all of its cases. */
static void show_end(const struct run *r, unsigned job, int status)
{
    const struct slot *slot = r->slot[job];
    bool signal = WIFSIGNALED(status);
    printf("FAULT: %s: ", r->target->name);
    if (slot->refused) printf("a seed was refused: ");
    else if (slot->slow) printf("took more than %g s: ", r->s->limit_s);
    else printf("ended by %s %d: ", signal ? "signal" : "exit code", signal ? WTERMSIG(status) : WEXITSTATUS(status));
    if (atomic_load(&slot->now)) show_case(r, slot);
    else
        printf(
            "after the last case; a sanitizer found memory that was not freed, or exit() failed: try a smaller --n\n");
}

static void stop_all(struct run *r)
{
    for (unsigned j = 0; j < r->s->jobs; j++) {
        if (!r->pid[j]) continue;
        kill(r->pid[j], SIGKILL);
        waitpid(r->pid[j], NULL, 0);
        r->pid[j] = 0;
    }
}

static bool hangs(const struct run *r, unsigned job)
{
    const struct slot *slot = r->slot[job];
    int64_t now = (int64_t)(1000 * clock_s(CLOCK_MONOTONIC));
    if (!atomic_load(&slot->now) || (double)(now - atomic_load(&slot->since_ms)) < 1000 * r->s->hang_s) return false;
    printf("FAULT: %s: takes more than %g s: ", r->target->name, r->s->hang_s);
    show_case(r, slot);
    return true;
}

/* Waits for all jobs; the first fault stops them. */
static int watch(struct run *r)
{
    const struct timespec pause = {.tv_nsec = 10000000};
    for (unsigned running = r->s->jobs; running; nanosleep(&pause, NULL)) {
        for (unsigned j = 0; j < r->s->jobs; j++) {
            int status = 0;
            if (!r->pid[j]) continue;
            bool ended = waitpid(r->pid[j], &status, WNOHANG) == r->pid[j];
            if (ended) {
                r->pid[j] = 0;
                running--;
                if (WIFEXITED(status) && WEXITSTATUS(status) == 0) continue;
                show_end(r, j, status);
            } else if (!hangs(r, j)) {
                continue;
            }
            stop_all(r);
            return 1;
        }
    }
    return 0;
}

static void summary(const struct run *r, double took)
{
    struct slot all = {.slowest_s = -1};
    struct rusage usage;
    for (unsigned j = 0; j < r->s->jobs; j++) {
        const struct slot *s = r->slot[j];
        all.done += s->done;
        for (int k = 0; k < 2; k++) all.outcome[k] += s->outcome[k];
        if (s->slowest_s <= all.slowest_s) continue;
        all.slowest_s = s->slowest_s;
        all.slowest = s->slowest;
    }
    getrusage(RUSAGE_CHILDREN, &usage);
    printf("%-12s%llu cases from %zu seeds: %llu read, %llu refused; %.0f cases/s; slowest %.3f s (case %llu); up to "
           "%ld MiB\n",
           r->target->name, (unsigned long long)all.done, r->corpus.n, (unsigned long long)all.outcome[0],
           (unsigned long long)all.outcome[1], took > 0 ? (double)all.done / took : 0, all.slowest_s,
           (unsigned long long)all.slowest, usage.ru_maxrss / 1024);
}

static int run_cases(struct run *r)
{
    size_t bytes = sizeof(struct slot) + r->target->max_bytes;
    for (unsigned j = 0; j < r->s->jobs; j++) {
        r->slot[j] = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        FUZZ_CHECK(r->slot[j] != MAP_FAILED, "no memory for %zu bytes", bytes);
    }
    double begin = clock_s(CLOCK_MONOTONIC);
    fflush(NULL);
    for (unsigned j = 0; j < r->s->jobs; j++) {
        r->pid[j] = fork();
        FUZZ_CHECK(r->pid[j] >= 0, "no process for job %u", j);
        if (r->pid[j] == 0) exit(work(r, j));
    }
    int code = watch(r);
    summary(r, clock_s(CLOCK_MONOTONIC) - begin);
    for (unsigned j = 0; j < r->s->jobs; j++) munmap(r->slot[j], bytes);
    return code;
}

/* -- cases by name ------------------------------------------------------------------------------------------------- */

static void show_outcome(int outcome)
{
    if (outcome == FUZZ_READ) printf("read");
    else printf("refused: %s", fuzz_sentence());
}

static int run_files(const struct run *r)
{
    struct fuzz_corpus c = {.n = 0};
    bool ok = true;
    for (size_t i = 0; ok && i < r->s->n_files; i++) {
        ok = fuzz_corpus_read(&c, r->s->file[i], r->target->max_bytes);
        if (!ok)
            fprintf(stderr, "raml-fuzz: %s: cannot be read, or is longer than %zu bytes\n", r->s->file[i],
                    r->target->max_bytes);
    }
    for (size_t i = 0; ok && i < c.n; i++) {
        printf("%s: ", c.seed[i].name);
        fflush(stdout);
        show_outcome(once(r->target, c.seed[i].data, c.seed[i].size));
        putchar('\n');
    }
    fuzz_corpus_deinit(&c);
    return ok ? 0 : 2;
}

static int replay(const struct run *r)
{
    struct raml_buf input;
    raml_buf_init(&input, r->target->max_bytes);
    fuzz_case(&r->corpus, r->target->words, r->s->seed, r->s->replay, &input);
    printf("case %llu, %zu bytes: ", (unsigned long long)r->s->replay, input.len);
    fflush(stdout);
    double begin = clock_s(CLOCK_PROCESS_CPUTIME_ID);
    int outcome = once(r->target, input.data, input.len);
    double took = clock_s(CLOCK_PROCESS_CPUTIME_ID) - begin;
    show_outcome(outcome);
    printf("\n%.3f s\n", took);
    raml_buf_deinit(&input);
    return 0;
}

/* And DIR.dict beside it, the words as libFuzzer's -dict wants them. */
static int write_seeds(const struct run *r)
{
    struct raml_buf dict;
    struct raml_err err = {0};
    char path[4096];
    raml_buf_init(&dict, 1 << 20);
    for (const char *const *w = r->target->words; *w; w++) {
        raml_buf_adds(&dict, "\"");
        for (const char *c = *w; *c; c++) raml_buf_addf(&dict, "\\x%02x", (unsigned)(unsigned char)*c);
        raml_buf_adds(&dict, "\"\n");
    }
    snprintf(path, sizeof path, "%s.dict", r->s->write_seeds);
    bool ok = fuzz_corpus_write(&r->corpus, r->s->write_seeds);
    if (ok && raml_file_write(path, dict.data, dict.len, &err)) {
        fprintf(stderr, "raml-fuzz: %s\n", err.msg);
        ok = false;
    }
    raml_buf_deinit(&dict);
    if (ok) printf("%zu seeds in %s, words in %s\n", r->corpus.n, r->s->write_seeds, path);
    return ok ? 0 : 2;
}

int fuzz_drive(const struct fuzz_target *t, const struct fuzz_settings *s)
{
    struct run r = {.target = t, .s = s};
    int code = 2;
    t->seeds(&r.corpus);
    for (size_t i = 0; i < r.corpus.n; i++)
        FUZZ_CHECK(r.corpus.seed[i].size <= t->max_bytes, "%s: %zu bytes", r.corpus.seed[i].name,
                   r.corpus.seed[i].size);
    if (s->write_seeds) code = write_seeds(&r);
    else if (s->n_files) code = run_files(&r);
    else if (s->corpus && !fuzz_corpus_read(&r.corpus, s->corpus, t->max_bytes))
        fprintf(stderr, "raml-fuzz: %s: no such folder\n", s->corpus);
    else code = s->one ? replay(&r) : run_cases(&r);
    fflush(stdout);
    fuzz_corpus_deinit(&r.corpus);
    return code;
}
