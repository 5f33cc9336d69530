/* study_steps.c - see study_steps.h. */
#include "cli/study_steps.h"

#include "cli/child.h"
#include "cli/options.h"
#include "cli/signals.h"

#include "core/file.h"
#include "core/json.h"
#include "core/path.h"

#include "raml/run.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MAX_WORDS = 520, MAX_WORD = 1 << 17, MAX_LINE = 1000, MAX_RECORD = 1 << 20, STUDY_PATH = RAML_PATH_BYTES };

/* -- Words ---------------------------------------------------------------------------------------------------------- */

struct words {
    char *word[MAX_WORDS];
    size_t n;
};

static void words_free(struct words *w)
{
    for (size_t i = 0; i < w->n; i++) free(w->word[i]);
    w->n = 0;
}

static enum raml_code add_word(struct words *w, const char *text, struct raml_err *err)
{
    char *copy = w->n < MAX_WORDS - 1 ? strdup(text) : NULL;
    if (!copy) return raml_fail(err, RAML_ENOMEM, "no memory for a step's words");
    w->word[w->n++] = copy;
    return RAML_OK;
}

enum { MAX_WHAT = 400 };
/* "train-0123456789abcdef (trajectories: with 1)" */
static const char *what(const struct study_runner *r, size_t work, char out[MAX_WHAT])
{
    const struct raml_study_step *s = cli_study_step_of(r, work);
    const char *part = raml_study_parts_work(r->parts, work)->part.name;
    snprintf(out, MAX_WHAT, "%s-%s (%s%s%.200s)", s->name, s->id, part, *part ? ": " : "", s->used);
    return out;
}

static enum raml_code words_of(const struct study_runner *r, size_t step, size_t command, struct words *w,
                               struct raml_err *err)
{
    const struct raml_study_work *work = raml_study_parts_work(r->parts, step);
    struct raml_buf text;
    raml_buf_init(&text, MAX_WORD);
    enum raml_code rc = RAML_OK;
    w->n = 0;
    for (size_t i = 0; !rc && raml_study_word(work->part.study, work->step, command, i, r->store, &text); i++) {
        rc = raml_buf_status(&text, err);
        if (!rc) rc = add_word(w, text.data ? text.data : "", err);
    }
    raml_buf_deinit(&text);
    return rc;
}

/* -- Before anything runs ------------------------------------------------------------------------------------------- */

static enum raml_code check_words(const struct study_runner *r, const struct words *w, struct raml_err *err)
{
    int n_words = 0;
    const struct cli_command *cmd = r->cli->find((int)w->n, w->word, &n_words);
    if (!cmd)
        return raml_fail(err, RAML_EUSAGE, "there is no command 'raml %s%s%s'", w->word[0], w->n > 1 ? " " : "",
                         w->n > 1 ? w->word[1] : "");
    struct cli cli = {0};
    struct cli_parsed *parsed = NULL;
    bool help = false;
    void *settings = calloc(1, cmd->settings_size ? cmd->settings_size : 1);
    if (!settings) return raml_fail(err, RAML_ENOMEM, "no memory for settings");
    enum raml_code rc = cli_parse(cmd, (int)w->n - n_words, w->word + n_words, settings, &cli, &help, &parsed, err);
    if (!rc && help) rc = raml_fail(err, RAML_EUSAGE, "--help in a step");
    cli_parse_free(parsed);
    free(settings);
    return rc ? raml_wrap(err, rc, "raml %s", cmd->name) : rc;
}

/* A step that is done stays as it is: no other one writes into its folder. */
static enum raml_code check_out(const struct study_runner *r, size_t step, const struct words *w, struct raml_err *err)
{
    const struct raml_study_work *work = raml_study_parts_work(r->parts, step);
    char own[STUDY_PATH];
    enum raml_code rc = raml_study_folder(work->part.study, work->step, r->store, own, err);
    size_t n_store = strlen(r->store), n_own = rc ? 0 : strlen(own);
    for (size_t i = 0; i + 1 < w->n && !rc; i++) {
        const char *path = w->word[i + 1];
        if (strcmp(w->word[i], "--out") || strncmp(path, r->store, n_store) || path[n_store] != '/') continue;
        if (!strncmp(path, own, n_own) && (!path[n_own] || path[n_own] == '/')) continue;
        rc = raml_fail(err, RAML_EUSAGE, "--out is %s, another step's; expected {out} or what is in it", path);
    }
    return rc;
}

enum raml_code cli_study_check(const struct study_runner *r, struct raml_err *err)
{
    struct words w = {.n = 0};
    enum raml_code rc = RAML_OK;
    char name[MAX_WHAT];
    for (size_t i = 0; i < r->n_works && !rc; i++) {
        const struct raml_study_step *s = cli_study_step_of(r, i);
        for (size_t c = 0; c < s->n_commands && !rc; c++) {
            rc = words_of(r, i, c, &w, err);
            if (!rc) rc = check_words(r, &w, err);
            if (!rc) rc = check_out(r, i, &w, err);
            words_free(&w);
        }
        if (rc) rc = raml_wrap(err, rc, "step %s", what(r, i, name));
    }
    return rc;
}

/* -- What is done --------------------------------------------------------------------------------------------------- */

static enum raml_code beside(const struct study_runner *r, size_t step, const char *suffix, char out[STUDY_PATH],
                             struct raml_err *err)
{
    const struct raml_study_step *s = cli_study_step_of(r, step);
    return raml_path_format(out, err, "%s/%s-%s%s", r->store, s->name, s->id, suffix);
}

/* Its record, where there is one; else whether it has failed since this process was started. */
static enum raml_code look(struct study_runner *r, size_t step, struct raml_err *err)
{
    char path[STUDY_PATH], failed[STUDY_PATH], dir[STUDY_PATH];
    json_t *o = NULL;
    struct stat st;
    enum raml_code rc = r->state[step] == STUDY_OPEN ? beside(r, step, ".json", path, err) : RAML_OK;
    if (!rc) rc = beside(r, step, ".failed", failed, err);
    if (!rc) rc = beside(r, step, "", dir, err);
    if (rc || r->state[step] != STUDY_OPEN) return rc;
    if (!raml_is_file(path) || !raml_is_dir(dir)) { /* a record without its folder: somebody removed that */
        bool later =
            !stat(failed, &st) && (st.st_mtim.tv_sec > r->opened.tv_sec ||
                                   (st.st_mtim.tv_sec == r->opened.tv_sec && st.st_mtim.tv_nsec > r->opened.tv_nsec));
        if (later) r->state[step] = STUDY_FAILED;
        return RAML_OK;
    }
    double seconds = 0;
    const struct raml_place at = {path, 0};
    rc = raml_json_load(path, MAX_RECORD, &o, err);
    if (!rc) rc = raml_json_num(&at, o, "seconds", &seconds, err);
    json_decref(o);
    if (rc) return raml_wrap(err, rc, "the record of a step that is done (without it the step runs again)");
    r->seconds[step] = seconds >= 0 ? seconds : 0;
    r->state[step] = STUDY_DONE;
    r->n_done++;
    return RAML_OK;
}

enum raml_code cli_study_runner_open(struct study_runner *r, struct raml_err *err)
{
    r->n_works = raml_study_parts_n_works(r->parts);
    r->seconds = calloc(r->n_works, sizeof *r->seconds);
    r->state = calloc(r->n_works, sizeof *r->state);
    clock_gettime(CLOCK_REALTIME, &r->opened);
    if (!r->seconds || !r->state) return raml_fail(err, RAML_ENOMEM, "no memory for %zu steps", r->n_works);
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < r->n_works && !rc; i++) rc = look(r, i, err);
    return rc ? rc : cli_study_read_costs(r, err);
}

void cli_study_runner_close(struct study_runner *r)
{
    free(r->seconds);
    free(r->state);
    free(r->others);
    r->others = NULL;
    r->seconds = NULL;
    r->state = NULL;
}

enum raml_code cli_study_print_step(const struct study_runner *r, size_t step, struct raml_err *err)
{
    const struct raml_study_step *s = cli_study_step_of(r, step);
    struct words w = {.n = 0};
    enum raml_code rc = RAML_OK;
    char name[MAX_WHAT];
    printf("# %s%s\n", what(r, step, name), r->state[step] == STUDY_DONE ? ", done" : "");
    for (size_t c = 0; c < s->n_commands && !rc; c++) {
        rc = words_of(r, step, c, &w, err);
        printf("raml");
        for (size_t i = 0; i < w.n; i++) {
            printf(" ");
            cli_print_word(w.word[i]);
        }
        printf("\n");
        words_free(&w);
    }
    return rc;
}

/* -- One step ------------------------------------------------------------------------------------------------------- */

static bool has_option(const struct cli_command *cmd, const char *name)
{
    for (size_t t = 0; t < cli_n_tables(cmd); t++) {
        struct cli_shared table = cli_table(cmd, t);
        for (size_t i = 0; i < *table.n; i++)
            if (!strcmp(table.table[i].name, name)) return true;
    }
    return false;
}

/* What an earlier attempt left is gone on with where the command can (output.h: --overwrite replaces what is of other settings,
 * or whole), else replaced. */
static enum raml_code add_again(const struct study_runner *r, struct words *w, struct raml_err *err)
{
    int n_words = 0;
    const struct cli_command *cmd = r->cli->find((int)w->n, w->word, &n_words);
    return add_word(w, has_option(cmd, "resume") ? "--resume" : "--overwrite", err);
}

static enum raml_code run_command(struct study_runner *r, size_t step, size_t command, bool again, const char *log,
                                  double *seconds, struct raml_err *err)
{
    struct words w = {.n = 0};
    char threads[16];
    int n_threads = r->cli->comm ? raml_device_threads(r->cli->dev) : r->cli->threads; /* ranks share a host */
    enum raml_code rc = words_of(r, step, command, &w, err);
    if (!rc && again) rc = add_again(r, &w, err);
    snprintf(threads, sizeof threads, "%d", n_threads);
    if (!rc && n_threads) rc = add_word(&w, "--threads", err);
    if (!rc && n_threads) rc = add_word(&w, threads, err);
    if (!rc && strcmp(r->cli->level, "auto")) rc = add_word(&w, "--cpu", err);
    if (!rc && strcmp(r->cli->level, "auto")) rc = add_word(&w, r->cli->level, err);
    if (!rc && r->cli->quiet) rc = add_word(&w, "--quiet", err);
    struct cli_child child = {
        .word = (const char *const *)w.word, .n = w.n, .stdout_path = log, .append = true, .errors_too = true};
    if (!rc) rc = cli_child_run(&child, err);
    *seconds += child.seconds;
    words_free(&w);
    if (rc && child.stopped) return raml_fail(err, RAML_ESTOP, "stopped; the same command goes on from there");
    return rc;
}

/* {"name", "id", "used", "seconds", "commands": done so far}; the step's record once all are done, before under another
 * name. */
static enum raml_code write_record(const struct study_runner *r, size_t step, const char *path, size_t commands,
                                   double seconds, struct raml_err *err)
{
    const struct raml_study_step *s = cli_study_step_of(r, step);
    json_t *o = json_pack("{s:s, s:s, s:s, s:f, s:I}", "name", s->name, "id", s->id, "used", s->used, "seconds",
                          seconds, "commands", (json_int_t)commands);
    char *text = o ? json_dumps(o, JSON_INDENT(1) | JSON_REAL_PRECISION(6)) : NULL;
    json_decref(o);
    enum raml_code rc = text ? raml_file_write(path, text, strlen(text), err)
                             : raml_fail(err, RAML_ENOMEM, "no memory for a step's record");
    free(text);
    return rc;
}

/* How far an earlier attempt came. */
static enum raml_code read_progress(const char *path, size_t n_commands, size_t *commands, double *seconds,
                                    struct raml_err *err)
{
    json_t *o = NULL;
    long long done = 0;
    const struct raml_place at = {path, 0};
    if (!raml_is_file(path)) return RAML_OK;
    enum raml_code rc = raml_json_load(path, MAX_RECORD, &o, err);
    if (!rc) rc = raml_json_int(&at, o, "commands", 0, (long long)n_commands, &done, err);
    if (!rc) rc = raml_json_num(&at, o, "seconds", seconds, err);
    json_decref(o);
    *commands = rc ? 0 : (size_t)done;
    return rc;
}

/* Two thirds of a checkpoint are the optimizer's state, which only its own step reads, to go on: a step that is done leaves
 * the models alone (remove). Whether one of a run's checkpoints has lost it: that run can't go on. */
static enum raml_code optimizers(const char *dir, bool remove_them, bool *lost, struct raml_err *err)
{
    char path[STUDY_PATH];
    uint64_t *at = NULL;
    size_t n = 0;
    *lost = false;
    enum raml_code rc = raml_run_checkpoints(dir, &at, &n, err);
    for (size_t i = 0; i < n && !rc; i++) {
        rc = raml_path_format(path, err, "%s/checkpoint-%" PRIu64 "/optimizer.safetensors", dir, at[i]);
        if (!rc && remove_them) (void)remove(path); /* what can't be removed stays */
        else if (!rc) *lost = *lost || !raml_is_file(path);
    }
    free(at);
    return rc;
}

/* The step's folder, new or as an earlier attempt left it. *again: any of its commands may have run there. A run that can't go
 * on (the step's record is gone, the step was done) begins anew. */
static enum raml_code open_folder(const char *dir, bool *again, struct raml_err *err)
{
    bool lost = false;
    *again = raml_is_dir(dir);
    enum raml_code rc = *again ? optimizers(dir, false, &lost, err) : RAML_OK;
    if (!rc && lost) rc = raml_remove_tree(dir, err);
    if (lost) *again = false;
    return rc ? rc : raml_make_dir(dir, err);
}

/* With its lock held. */
static enum raml_code run_step(struct study_runner *r, size_t step, struct raml_err *err)
{
    const struct raml_study_work *w = raml_study_parts_work(r->parts, step);
    const struct raml_study_step *s = cli_study_step_of(r, step);
    char dir[STUDY_PATH], log[STUDY_PATH], record[STUDY_PATH], progress[STUDY_PATH];
    size_t command = 0;
    double seconds = 0, before = 0;
    bool again = false, lost = false;
    enum raml_code rc = raml_study_folder(w->part.study, w->step, r->store, dir, err);
    if (!rc) rc = beside(r, step, ".log", log, err);
    if (!rc) rc = beside(r, step, ".json", record, err);
    if (!rc) rc = beside(r, step, ".part.json", progress, err);
    if (!rc) rc = open_folder(dir, &again, err);
    if (!rc) rc = read_progress(progress, s->n_commands, &command, &seconds, err);
    before = seconds;
    while (command < s->n_commands && !rc) {
        rc = run_command(r, step, command, again, log, &seconds, err);
        enum raml_code written = write_record(r, step, progress, command + !rc, seconds, rc ? NULL : err);
        if (!rc) rc = written;
        command++;
    }
    r->ran += seconds - before;
    if (!rc) rc = write_record(r, step, record, s->n_commands, seconds, err);
    if (!rc) (void)remove(progress);
    return rc ? rc : optimizers(dir, true, &lost, err);
}

/* -- Failures ------------------------------------------------------------------------------------------------------- */

/* The last line of a file, "" where there is none. */
static void last_line(const char *path, char out[MAX_LINE])
{
    char text[MAX_LINE];
    out[0] = 0;
    FILE *f = fopen(path, "r");
    if (!f) return;
    if (fseek(f, 1 - (long)MAX_LINE, SEEK_END)) rewind(f);
    size_t n = fread(text, 1, MAX_LINE - 1, f);
    fclose(f);
    while (n && strchr("\n\r ", text[n - 1])) n--;
    text[n] = 0;
    const char *line = strrchr(text, '\n');
    snprintf(out, MAX_LINE, "%s", line ? line + 1 : text);
}

/* Says so in the store, for the other processes and for the end. */
static enum raml_code note_failure(struct study_runner *r, size_t step, const struct raml_err *why,
                                   struct raml_err *err)
{
    char path[STUDY_PATH], log[STUDY_PATH], line[MAX_LINE], name[MAX_WHAT];
    enum raml_code rc = beside(r, step, ".failed", path, err);
    if (!rc) rc = beside(r, step, ".log", log, err);
    if (rc) return rc;
    last_line(log, line);
    struct raml_buf text;
    raml_buf_init(&text, MAX_RECORD);
    bool of_command = *line && !strncmp(why->msg, "the step", strlen("the step")); /* its own message says more */
    raml_buf_addf(&text, "step %s: %s (%s)\n", what(r, step, name), of_command ? line : why->msg, log);
    rc = raml_buf_status(&text, err);
    if (!rc) rc = raml_file_write(path, text.data, text.len, err);
    raml_buf_deinit(&text);
    r->state[step] = STUDY_FAILED;
    raml_say(r->cli->sink, "failed: %s; steps that do not need it go on", name);
    return rc;
}

enum raml_code cli_study_failures(const struct study_runner *r, struct raml_err *err)
{
    size_t n_failed = 0, n_blocked = 0;
    char path[STUDY_PATH], first[STUDY_PATH] = "";
    for (size_t i = 0; i < r->n_works; i++) {
        struct raml_buf text;
        n_blocked += r->state[i] == STUDY_BLOCKED;
        if (r->state[i] != STUDY_FAILED) continue;
        raml_buf_init(&text, MAX_RECORD);
        enum raml_code rc = beside(r, i, ".failed", path, err);
        if (!rc) rc = raml_file_read(path, &text, err);
        bool speaks = !r->cli->comm || r->cli->comm->rank == 0;
        if (!rc && speaks) fprintf(stderr, "raml study: %s", text.data ? text.data : "\n");
        raml_buf_deinit(&text);
        if (rc) return rc;
        if (n_failed++ == 0) rc = beside(r, i, ".log", first, err);
        if (rc) return rc;
    }
    if (n_failed == 0) return RAML_OK;
    return raml_fail(err, RAML_EIO,
                     "%zu step%s failed, and %zu that need%s were not run; %s%s; the same command tries again",
                     n_failed, n_failed > 1 ? "s" : "", n_blocked, n_failed > 1 ? " them" : " it",
                     n_failed > 1 ? "the first one's log is " : "its log is ", first);
}

/* -- All of them ---------------------------------------------------------------------------------------------------- */

/* Blocked where one that it needs has failed, or is blocked. */
static bool is_ready(struct study_runner *r, size_t step)
{
    const struct raml_study_work *w = raml_study_parts_work(r->parts, step);
    bool ready = true;
    for (size_t i = 0; i < w->n_needs; i++) {
        enum study_state needed = r->state[w->needs[i]];
        if (needed == STUDY_FAILED || needed == STUDY_BLOCKED) r->state[step] = STUDY_BLOCKED;
        ready = ready && needed == STUDY_DONE;
    }
    return ready;
}

static void tell(const struct study_runner *r, size_t step)
{
    char took[STUDY_DURATION], left[STUDY_DURATION], name[MAX_WHAT];
    size_t unknown = 0;
    double more = cli_study_left(r, &unknown);
    raml_say(r->cli->sink, "%zu of %zu steps done: %s in %s; about %s left%s", r->n_done, r->n_works,
             what(r, step, name), cli_study_duration(r->seconds[step], took), cli_study_duration(more, left),
             unknown ? ", and steps of unknown length" : "");
}

/* What is neither done nor failed, with its lock held. */
static enum raml_code work(struct study_runner *r, size_t step, struct raml_err *err)
{
    char log[STUDY_PATH], failed[STUDY_PATH], name[MAX_WHAT];
    struct raml_err why = {0};
    enum raml_code rc = beside(r, step, ".failed", failed, err);
    if (!rc) rc = beside(r, step, ".log", log, err);
    if (rc) return rc;
    raml_say(r->cli->sink, "%s: %s", what(r, step, name), log);
    rc = run_step(r, step, &why);
    if (rc == RAML_ESTOP) return raml_fail(err, rc, "%s", why.msg);
    if (rc) return note_failure(r, step, &why, err);
    (void)remove(failed);
    rc = look(r, step, err);
    if (!rc) tell(r, step);
    return rc;
}

/* Runs the step unless another process does, or has meanwhile. *mine: it was run here. */
static enum raml_code try_step(struct study_runner *r, size_t step, bool *mine, struct raml_err *err)
{
    char lock[STUDY_PATH];
    *mine = false;
    enum raml_code rc = beside(r, step, ".lock", lock, err);
    if (rc) return rc;
    /* The step's command keeps it open too: it may outlive a study that is killed, while it saves what it has. */
    int fd = open(lock, O_RDWR | O_CREAT, 0666);
    if (fd < 0) return raml_fail_errno(err, "%s", lock);
    struct stat held, named;
    bool busy = flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK;
    if (busy || fstat(fd, &held) || stat(lock, &named) || held.st_ino != named.st_ino) { /* or another's, gone since */
        close(fd);
        return RAML_OK;
    }
    rc = look(r, step, err);
    if (!rc && r->state[step] == STUDY_OPEN) {
        *mine = true;
        rc = work(r, step, err);
    }
    (void)unlink(lock); /* before it is let go: who waits for this one's name opens another, and finds the record */
    close(fd);
    return rc;
}

/* One look at all of them, to the first that is run here. *open: how many are neither done nor given up. */
static enum raml_code pass(struct study_runner *r, bool *ran, size_t *open, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    *ran = false;
    *open = 0;
    for (size_t i = 0; i < r->n_works && !*ran && !rc; i++) {
        rc = look(r, i, err);
        if (!rc && cli_signals_asked()) rc = raml_fail(err, RAML_ESTOP, "stopped; the same command goes on from there");
        bool ready = !rc && r->state[i] == STUDY_OPEN && is_ready(r, i);
        *open += r->state[i] == STUDY_OPEN;
        if (ready) rc = try_step(r, i, ran, err);
    }
    return rc;
}

enum raml_code cli_study_run_steps(struct study_runner *r, struct raml_err *err)
{
    const struct timespec pause = {.tv_nsec = 300000000};
    for (bool said = false;;) {
        bool ran = false;
        size_t open = 0;
        enum raml_code rc = pass(r, &ran, &open, err);
        if (rc) return rc;
        if (ran) continue;
        if (open == 0) return RAML_OK;
        if (!said) raml_say(r->cli->sink, "what is left waits for steps that other processes run");
        said = true;
        nanosleep(&pause, NULL);
    }
}
