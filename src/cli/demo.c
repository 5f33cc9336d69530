/* demo.c - raml demo: the whole story on built-in questions, as a sequence of the other commands.
 *
 * Each step runs this program anew with a command line that a person could type; it is printed before it runs. So
 * a step's time and peak memory are its own, and the demo shows how the commands are used. The steps' results go into
 * summary.json.
 * A request to stop is passed on to the step, which keeps what it has done (training: a checkpoint). demo.json says
 * which steps are done; --resume goes on with the first that is not.
 */
#include "cli/commands.h"
#include "cli/demo.h"
#include "cli/signals.h"

#include "core/clock.h"
#include "core/path.h"
#include "raml/family.h"
#include "core/file.h"
#include "raml/question.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct settings {
    const char *out, *preset, *families, *longer, *unseen;
    int64_t token_budget, num_questions, num_test, batch_size;
    double learning_rate;
    bool resume;
};

#define AT(field) offsetof(struct settings, field)
static const struct raml_setting options[] = {
    {"out", "output_dir", RAML_PATH, AT(out), "demo", 0, 0, NULL, "Folder to write."},
    {"preset", NULL, RAML_TEXT, AT(preset), "micro", 0, 0, NULL, "Model to train: micro, small, medium, gpt2."},
    {"families", NULL, RAML_TEXT, AT(families), DEMO_FAMILIES, 0, 0, NULL,
     "Question families, with the range trained on."},
    {"longer", NULL, RAML_TEXT, AT(longer), DEMO_LONGER, 0, 0, NULL, "The same families, longer than trained."},
    {"unseen", NULL, RAML_TEXT, AT(unseen), DEMO_UNSEEN, 0, 0, NULL, "Families never trained on."},
    {"token_budget", NULL, RAML_INT, AT(token_budget), DEMO_TOKENS, 1000, 1e15, NULL,
     "Tokens each of the two models is trained on."},
    {"num_questions", NULL, RAML_INT, AT(num_questions), DEMO_QUESTIONS, 10, 1e9, NULL, "Questions to train on."},
    {"num_test", NULL, RAML_INT, AT(num_test), "300", 3, 1e9, NULL, "Questions of each of the three test sets."},
    {"batch_size", NULL, RAML_INT, AT(batch_size), DEMO_BATCH, 1, 1 << 20, NULL, "Questions per optimizer step."},
    {"learning_rate", "lr", RAML_REAL, AT(learning_rate), DEMO_RATE, 1e-9, 10, NULL, "Peak learning rate."},
    {"resume", NULL, RAML_FLAG, AT(resume), NULL, 0, 0, NULL,
     "Go on with a demo that was stopped, at the step and checkpoint that it had reached."},
};

/* -- Steps --------------------------------------------------------------------------------------------------------- */
enum { MAX_WORDS = 48, WORD = 512 };
struct step {
    char word[MAX_WORDS][WORD];
    int n;
    const char *stdout_path; /* where the step's output goes; NULL: ours */
};

static void add(struct step *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(struct step *s, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (s->n < MAX_WORDS) vsnprintf(s->word[s->n++], WORD, fmt, ap);
    va_end(ap);
}

/* The words of a line; none contains a space. */
static void add_words(struct step *s, const char *line)
{
    while (*line) {
        size_t n = strcspn(line, " ");
        if (n) add(s, "%.*s", (int)n, line);
        line += n + strspn(line + n, " ");
    }
}

static void child(const struct step *s, pid_t parent)
{
    char *argv[MAX_WORDS + 2] = {"raml"};
    for (int i = 0; i < s->n; i++) argv[i + 1] = (char *)(uintptr_t)s->word[i];
    cli_signals_in_child();
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* a step does not outlive a demo that is killed */
    if (getppid() != parent) _exit(1);
    int fd = s->stdout_path ? open(s->stdout_path, O_WRONLY | O_CREAT | O_TRUNC, 0666) : 1;
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n > 0) {
        self[n] = 0;
        if (fd >= 0 && (fd == 1 || dup2(fd, 1) >= 0)) execv(self, argv);
    }
    fprintf(stderr, "raml demo: cannot start a step: %s\n", strerror(errno));
    _exit(1);
}

/* Waits for the step; a request to stop is passed on to it. */
static enum raml_code wait_for(pid_t pid, int *status, struct rusage *use, struct raml_err *err)
{
    const struct timespec pause = {.tv_nsec = 20000000};
    for (bool passed = false;;) {
        pid_t got = wait4(pid, status, WNOHANG, use);
        if (got == pid) return RAML_OK;
        if (got < 0 && errno != EINTR) return raml_fail_errno(err, "can't wait for a step");
        if (!passed && cli_signals_asked()) {
            cli_signals_pass_on(pid);
            passed = true;
        }
        nanosleep(&pause, NULL);
    }
}

static enum raml_code run_step(const struct cli *cli, struct step *s, struct demo_phase *phase, struct raml_err *err)
{
    if (cli->threads) {
        add(s, "--threads");
        add(s, "%d", cli->threads);
    }
    if (strcmp(cli->level, "auto")) {
        add(s, "--cpu");
        add(s, "%s", cli->level);
    }
    if (cli->quiet) add(s, "--quiet");
    if (!cli->quiet && !cli->json) {
        printf("\n$ raml");
        for (int i = 0; i < s->n; i++) printf(" %s", s->word[i]);
        printf("\n");
    }
    fflush(stdout);
    double start = raml_clock_monotonic();
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) child(s, parent);
    if (pid < 0) return raml_fail_errno(err, "cannot start a step");
    int status = 0;
    struct rusage use = {0};
    enum raml_code rc = wait_for(pid, &status, &use, err);
    if (rc) return rc;
    phase->seconds += raml_clock_monotonic() - start;
    size_t memory = (size_t)use.ru_maxrss * 1024;
    if (memory > phase->peak_memory_bytes) phase->peak_memory_bytes = memory;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return RAML_OK;
    if (cli_signals_asked())
        return raml_fail(err, RAML_ESTOP, "stopped during `raml %s`; the same command with --resume goes on from there",
                         s->word[0]);
    return raml_fail(err, RAML_EIO, "the step `raml %s %s` failed; its message is above", s->word[0],
                     s->n > 1 ? s->word[1] : "");
}

static enum raml_code train(const struct cli *cli, const struct settings *s, bool with, struct demo_phase *phase,
                            struct raml_err *err)
{
    struct step step = {0};
    add_words(&step, "train sft --model");
    add(&step, "init:%s", s->preset);
    add(&step, "--families");
    add(&step, "%s", s->families);
    add(&step, "--num_questions");
    add(&step, "%lld", (long long)s->num_questions);
    add_words(&step, with ? "--trajectories 1" : "--trajectories 0");
    add(&step, "--token_budget");
    add(&step, "%lld", (long long)s->token_budget);
    add(&step, "--batch_size");
    add(&step, "%lld", (long long)(with ? s->batch_size : s->batch_size * DEMO_MORE_ANSWERS));
    add(&step, "--learning_rate");
    add(&step, "%g", s->learning_rate);
    add_words(&step, "--adam_beta2 0.99 --dtype f32 --logging_steps 20 --seed");
    add(&step, "%llu", (unsigned long long)cli->seed);
    add(&step, "--out");
    add(&step, "%s/%s", s->out, with ? "with" : "without");
    if (s->resume) add(&step, "--resume");
    return run_step(cli, &step, phase, err);
}

static enum raml_code evaluate(const struct cli *cli, const struct settings *s, bool with, struct demo_phase *phase,
                               struct raml_err *err)
{
    struct step step = {0};
    const char *name = with ? "with" : "without";
    add_words(&step, "eval --model");
    add(&step, "%s/%s", s->out, name);
    add(&step, "%s/test.jsonl", s->out);
    add_words(&step, "--temperature 0 --by split,family --out");
    add(&step, "%s/%s/eval.json", s->out, name);
    add_words(&step, "--dtype f32 --max_completion_length 400");
    if (!with) add(&step, "--answer_only");
    if (s->resume) add(&step, "--overwrite"); /* done, but not recorded */
    return run_step(cli, &step, phase, err);
}

static enum raml_code sample(const struct cli *cli, const struct settings *s, struct demo_phase *phase,
                             struct raml_err *err)
{
    struct step step = {0};
    add_words(&step, "sample --model");
    add(&step, "%s/with", s->out);
    add(&step, "%s/trace.jsonl", s->out);
    add_words(&step, "--dtype f32 --num_generations 4 --max_completion_length 400 --seed");
    add(&step, "%llu", (unsigned long long)cli->seed);
    add(&step, "--out");
    add(&step, "%s/with/samples.jsonl", s->out);
    if (s->resume) add(&step, "--overwrite"); /* done, but not recorded */
    return run_step(cli, &step, phase, err);
}

static enum raml_code trace(const struct cli *cli, const struct settings *s, struct demo_phase *phase,
                            struct raml_err *err)
{
    struct step step = {0};
    add_words(&step, "trace --model");
    add(&step, "%s/with", s->out);
    add(&step, "%s/with/samples.jsonl", s->out);
    add_words(&step, "--dtype f32 --skip_long");
    add(&step, "--out");
    add(&step, "%s/with/trace", s->out);
    if (s->resume) add(&step, "--overwrite"); /* done, but not recorded */
    return run_step(cli, &step, phase, err);
}

/* Of one trajectory a question: a few seconds. */
static enum raml_code roles(const struct cli *cli, const struct settings *s, struct demo_phase *phase,
                            struct raml_err *err)
{
    struct step step = {0};
    add_words(&step, "roles --model");
    add(&step, "%s/with", s->out);
    add(&step, "%s/with/samples.jsonl", s->out);
    add_words(&step, "--dtype f32 --max_samples 1 --skip_long --seed");
    add(&step, "%llu", (unsigned long long)cli->seed);
    add(&step, "--out");
    add(&step, "%s/with/roles", s->out);
    if (s->resume) add(&step, "--overwrite"); /* done, but not recorded */
    return run_step(cli, &step, phase, err);
}

/* Of one trajectory a question: what the updates show is a mean over questions. */
static enum raml_code update(const struct cli *cli, const struct settings *s, struct demo_phase *phase,
                             struct raml_err *err)
{
    struct step step = {0};
    add_words(&step, "update --model");
    add(&step, "%s/with", s->out);
    add(&step, "%s/with/samples.jsonl", s->out);
    add_words(&step, "--max_samples 1 --shuffled --check --skip_long");
    add(&step, "--out");
    add(&step, "%s/with/update", s->out);
    if (s->resume) add(&step, "--overwrite"); /* done, but not recorded */
    return run_step(cli, &step, phase, err);
}

static enum raml_code landscape(const struct cli *cli, const struct settings *s, struct demo_phase *phase,
                                struct raml_err *err)
{
    struct step step = {0};
    add_words(&step, "landscape --model");
    add(&step, "%s/with", s->out);
    add(&step, "%s/with/samples.jsonl", s->out);
    add_words(&step, "--directions path --frames 0,25%,50%,75%,100% --seed");
    add(&step, "%llu", (unsigned long long)cli->seed);
    add(&step, "--out");
    add(&step, "%s/with/landscape", s->out);
    return run_step(cli, &step, phase, err);
}

static enum raml_code report(const struct cli *cli, const struct settings *s, struct demo_phase *phase,
                             struct raml_err *err)
{
    struct step step = {0};
    add(&step, "report");
    add(&step, "%s", s->out);
    return run_step(cli, &step, phase, err);
}

/* -- Questions ----------------------------------------------------------------------------------------------------- */
static enum raml_code add_set(const struct cli *cli, struct raml_questions *qs, const char *families, const char *name,
                              size_t n, struct raml_err *err)
{
    size_t first = qs->n;
    struct raml_make_options o = {.seed = cli->seed + 1, .families = families, .n = n, .split = "test"};
    enum raml_code rc = raml_make_questions(qs, &o, err);
    for (size_t i = first; i < qs->n && !rc; i++) qs->question[i].split = name;
    return rc;
}

/* The list of families without its weights: tests have equally many questions of each. */
static void drop_weights(const char *families, char *out, size_t cap)
{
    size_t n = 0;
    for (const char *at = families; *at && n + 1 < cap;) {
        if (*at == '*') at += strcspn(at, ",");
        else out[n++] = *at++;
    }
    out[n] = 0;
}

/* test.jsonl: in-range, longer, unseen; trace.jsonl: the questions that are sampled several times and traced. */
static enum raml_code make_questions(const struct cli *cli, const struct settings *s, struct raml_err *err)
{
    char path[RAML_PATH_BYTES], families[WORD];
    struct raml_questions qs;
    raml_questions_init(&qs);
    drop_weights(s->families, families, sizeof families);
    enum raml_code rc = add_set(cli, &qs, families, "in-range", (size_t)s->num_test, err);
    size_t in_range = qs.n;
    if (!rc) rc = add_set(cli, &qs, s->longer, "longer", (size_t)s->num_test, err);
    size_t all = qs.n;
    if (!rc) rc = add_set(cli, &qs, s->unseen, "unseen", (size_t)s->num_test, err);
    if (!rc) rc = raml_path_join(path, s->out, "test.jsonl", err);
    if (!rc) rc = raml_questions_write(&qs, path, err);
    if (!rc) { /* the first of both sets, where families are mixed: they give correct and wrong samples */
        size_t few = (in_range + 5) / 6, many = in_range + (all - in_range + 2) / 3;
        for (size_t i = in_range; i < many; i++) qs.question[few + i - in_range] = qs.question[i];
        qs.n = few + many - in_range;
        rc = raml_path_join(path, s->out, "trace.jsonl", err);
        if (!rc) rc = raml_questions_write(&qs, path, err);
    }
    raml_questions_deinit(&qs);
    return rc;
}

enum { N_STEPS = 10 };

static enum raml_code one_step(const struct cli *cli, const struct settings *s, size_t i, struct demo_phase *phase,
                               struct raml_err *err)
{
    switch (i) {
    case 0: return train(cli, s, true, &phase[DEMO_TRAIN_WITH], err);
    case 1: return train(cli, s, false, &phase[DEMO_TRAIN_WITHOUT], err);
    case 2: return evaluate(cli, s, true, &phase[DEMO_EVAL], err);
    case 3: return evaluate(cli, s, false, &phase[DEMO_EVAL], err);
    case 4: return sample(cli, s, &phase[DEMO_SAMPLE], err);
    case 5: return trace(cli, s, &phase[DEMO_TRACE], err);
    case 6: return roles(cli, s, &phase[DEMO_ROLES], err);
    case 7: return update(cli, s, &phase[DEMO_UPDATE], err);
    case 8: return landscape(cli, s, &phase[DEMO_LANDSCAPE], err);
    default: return report(cli, s, &phase[DEMO_REPORT], err);
    }
}

/* One that was stopped leaves its time in the record. */
static enum raml_code next_step(const struct cli *cli, const struct settings *s, struct demo_record *r,
                                struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    if (cli_signals_asked())
        return raml_fail(err, RAML_ESTOP, "stopped; the same command with --resume goes on from there");
    if (r->n_done == N_STEPS - 1) rc = cli_demo_summary(s->out, r->phase, err); /* the report shows it */
    if (!rc) rc = one_step(cli, s, r->n_done, r->phase, err);
    if (rc && rc != RAML_ESTOP) return rc;
    if (!rc) r->n_done++;
    enum raml_code written = cli_demo_record_write(s->out, r, rc ? NULL : err);
    return rc ? rc : written;
}

/* Those that are not done yet. */
static enum raml_code steps(const struct cli *cli, const struct settings *s, struct demo_record *r,
                            struct raml_err *err)
{
    enum raml_code rc = make_questions(cli, s, err);
    if (!rc) rc = cli_demo_record_write(s->out, r, err);
    while (!rc && r->n_done < N_STEPS) rc = next_step(cli, s, r, err);
    return rc;
}

/* Removes an earlier demo's own files, with --overwrite. What no demo made is left alone: then there is none. */
static enum raml_code clear(const struct cli *cli, const char *out, struct raml_err *err)
{
    static const char *const own[] = {"with",         "without",     "test.jsonl", "trace.jsonl",
                                      "summary.json", "report.html", "demo.json"};
    char path[RAML_PATH_BYTES];
    enum raml_code rc = raml_path_join(path, out, "demo.json", err);
    bool demo = !rc && raml_is_file(path);
    if (demo && !cli->overwrite)
        return raml_fail(err, RAML_EUSAGE,
                         "%s: holds a demo already; --resume goes on with it, --overwrite replaces it", out);
    for (size_t i = 0; i < sizeof own / sizeof *own && !rc; i++) { /* demo.json last: a stopped removal goes on */
        rc = raml_path_join(path, out, own[i], err);
        if (rc || !(raml_is_dir(path) || raml_is_file(path))) continue;
        if (!demo) rc = raml_fail(err, RAML_EUSAGE, "%s: exists, and no demo made it; give another --out", path);
        else if (raml_is_dir(path)) rc = raml_remove_tree(path, err);
        else if (remove(path)) rc = raml_fail_errno(err, "%s: cannot be removed", path);
    }
    return rc ? rc : raml_make_dir(out, err);
}

/* All settings that results depend on. */
static enum raml_code start_record(const struct cli *cli, const struct settings *s, struct demo_record *r,
                                   struct raml_err *err)
{
    r->settings = raml_settings_json(options, sizeof options / sizeof *options, s);
    if (!r->settings || json_object_set_new(r->settings, "seed", json_integer((json_int_t)cli->seed)))
        return raml_fail(err, RAML_ENOMEM, "no memory for the demo's record");
    json_object_del(r->settings, "out");
    json_object_del(r->settings, "resume");
    return RAML_OK;
}

static enum raml_code run(const struct cli *cli, const void *settings, struct raml_err *err)
{
    const struct settings *s = settings;
    struct demo_record record = {0};
    if (strpbrk(s->out, " ") || strlen(s->out) > 200)
        return raml_fail(err, RAML_EUSAGE, "--out: expected a short path without spaces");
    double start = raml_clock_monotonic();
    enum raml_code rc = start_record(cli, s, &record, err);
    if (!rc) rc = s->resume ? raml_make_dir(s->out, err) : clear(cli, s->out, err);
    if (!rc && s->resume) rc = cli_demo_record_read(s->out, N_STEPS, &record, err);
    for (size_t i = 0; i < DEMO_PHASES; i++) start -= record.phase[i].seconds; /* what was done before counts too */
    if (!rc) rc = steps(cli, s, &record, err);
    json_decref(record.settings);
    return rc ? rc : cli_demo_tell(s->out, raml_clock_monotonic() - start, cli->json, err);
}

const struct cli_command cli_demo = {
    .name = "demo",
    .about = "the whole story on built-in questions: train, evaluate, look inside, report",
    .args = "",
    .detail =
        "Trains one model on questions with reasoning trajectories and one only on the answers (same model, questions "
        "and token budget), compares them on unseen questions of the trained range, on longer ones and on families "
        "never trained on, measures the answer's loss after every token of sampled reasoning, and writes a report. "
        "Every step is an ordinary command, printed before it runs.",
    .example = "raml demo --out demo",
    .option = options,
    .n_options = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
    .run = run,
};
