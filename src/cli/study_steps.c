/* study_steps.c - see study_steps.h. */
#include "cli/study_steps.h"

#include "cli/child.h"
#include "cli/options.h"
#include "cli/signals.h"

#include "core/file.h"
#include "core/json.h"
#include "core/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MAX_WORDS = 520, MAX_WORD = 1 << 17, MAX_RECORD = 1 << 20, STUDY_PATH = RAML_PATH_BYTES };

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

static enum raml_code words_of(const struct study_runner *r, size_t step, size_t command, struct words *w,
                               struct raml_err *err)
{
    struct raml_buf text;
    raml_buf_init(&text, MAX_WORD);
    enum raml_code rc = RAML_OK;
    w->n = 0;
    for (size_t i = 0; !rc && raml_study_word(r->study, step, command, i, r->store, &text); i++) {
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

enum raml_code cli_study_check(const struct study_runner *r, struct raml_err *err)
{
    struct words w = {.n = 0};
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < raml_study_n_steps(r->study) && !rc; i++) {
        const struct raml_study_step *s = raml_study_step(r->study, i);
        for (size_t c = 0; c < s->n_commands && !rc; c++) {
            rc = words_of(r, i, c, &w, err);
            if (!rc) rc = check_words(r, &w, err);
            words_free(&w);
        }
        if (rc) rc = raml_wrap(err, rc, "step %s (%s)", s->name, s->used);
    }
    return rc;
}

/* -- What is done --------------------------------------------------------------------------------------------------- */

static enum raml_code beside(const struct study_runner *r, size_t step, const char *suffix, char out[STUDY_PATH],
                             struct raml_err *err)
{
    const struct raml_study_step *s = raml_study_step(r->study, step);
    return raml_path_format(out, err, "%s/%s-%s%s", r->store, s->name, s->id, suffix);
}

/* seconds[step] from its record, where there is one. */
static enum raml_code look(struct study_runner *r, size_t step, struct raml_err *err)
{
    char path[STUDY_PATH];
    json_t *o = NULL;
    enum raml_code rc = beside(r, step, ".json", path, err);
    if (rc || r->seconds[step] >= 0 || !raml_is_file(path)) return rc;
    double seconds = 0;
    const struct raml_place at = {path, 0};
    rc = raml_json_load(path, MAX_RECORD, &o, err);
    if (!rc) rc = raml_json_num(&at, o, "seconds", &seconds, err);
    json_decref(o);
    if (rc) return rc;
    r->seconds[step] = seconds >= 0 ? seconds : 0;
    r->n_done++;
    return RAML_OK;
}

enum raml_code cli_study_runner_open(struct study_runner *r, struct raml_err *err)
{
    size_t n = raml_study_n_steps(r->study);
    r->seconds = malloc(n * sizeof *r->seconds);
    if (!r->seconds) return raml_fail(err, RAML_ENOMEM, "no memory for %zu steps", n);
    for (size_t i = 0; i < n; i++) r->seconds[i] = -1;
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < n && !rc; i++) rc = look(r, i, err);
    return rc;
}

void cli_study_runner_close(struct study_runner *r)
{
    free(r->seconds);
    r->seconds = NULL;
}

double cli_study_left(const struct study_runner *r, size_t *unknown)
{
    double left = 0;
    *unknown = 0;
    for (size_t i = 0; i < raml_study_n_steps(r->study); i++) {
        if (r->seconds[i] >= 0) continue;
        const struct raml_study_step *s = raml_study_step(r->study, i);
        double sum = 0;
        size_t n = 0;
        for (size_t k = 0; k < raml_study_n_steps(r->study); k++) {
            /* the file tells long ones from short ones: they have other minutes */
            const struct raml_study_step *o = raml_study_step(r->study, k);
            if (r->seconds[k] < 0 || strcmp(s->name, o->name)) continue;
            if (s->minutes < o->minutes || s->minutes > o->minutes) continue;
            sum += r->seconds[k];
            n++;
        }
        if (n) left += sum / (double)n;
        else if (s->minutes > 0) left += s->minutes * 60;
        else ++*unknown;
    }
    return left;
}

const char *cli_study_duration(double seconds, char out[STUDY_DURATION])
{
    if (seconds < 60) snprintf(out, STUDY_DURATION, "%.0f s", seconds);
    else if (seconds < 3600) snprintf(out, STUDY_DURATION, "%.0f min", seconds / 60);
    else
        snprintf(out, STUDY_DURATION, "%.0f h %.0f min", (double)(long)(seconds / 3600),
                 (double)((long)(seconds / 60) % 60));
    return out;
}

enum raml_code cli_study_print_step(const struct study_runner *r, size_t step, struct raml_err *err)
{
    const struct raml_study_step *s = raml_study_step(r->study, step);
    struct words w = {.n = 0};
    enum raml_code rc = RAML_OK;
    printf("# %s-%s: %s%s\n", s->name, s->id, s->used, r->seconds[step] >= 0 ? " (done)" : "");
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
    enum raml_code rc = words_of(r, step, command, &w, err);
    if (!rc && again) rc = add_again(r, &w, err);
    snprintf(threads, sizeof threads, "%d", r->cli->threads);
    if (!rc && r->cli->threads) rc = add_word(&w, "--threads", err);
    if (!rc && r->cli->threads) rc = add_word(&w, threads, err);
    if (!rc && strcmp(r->cli->level, "auto")) rc = add_word(&w, "--cpu", err);
    if (!rc && strcmp(r->cli->level, "auto")) rc = add_word(&w, r->cli->level, err);
    if (!rc && r->cli->quiet) rc = add_word(&w, "--quiet", err);
    struct cli_child child = {.word = (const char *const *)w.word, .n = w.n, .stdout_path = log, .append = true};
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
    const struct raml_study_step *s = raml_study_step(r->study, step);
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

/* With its lock held. */
static enum raml_code run_step(struct study_runner *r, size_t step, struct raml_err *err)
{
    const struct raml_study_step *s = raml_study_step(r->study, step);
    char dir[STUDY_PATH], log[STUDY_PATH], record[STUDY_PATH], progress[STUDY_PATH];
    size_t command = 0;
    double seconds = 0, before = 0;
    enum raml_code rc = raml_study_folder(r->study, step, r->store, dir, err);
    if (!rc) rc = beside(r, step, ".log", log, err);
    if (!rc) rc = beside(r, step, ".json", record, err);
    if (!rc) rc = beside(r, step, ".part.json", progress, err);
    bool again = !rc && raml_is_dir(dir); /* any of its commands may have run */
    if (!rc) rc = raml_make_dir(dir, err);
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
    if (rc == RAML_ESTOP) return rc;
    if (rc) return raml_wrap(err, rc, "step %s-%s (%s; %s)", s->name, s->id, s->used, log);
    (void)remove(progress);
    return RAML_OK;
}

/* -- All of them ---------------------------------------------------------------------------------------------------- */

static bool is_ready(const struct study_runner *r, size_t step)
{
    const struct raml_study_step *s = raml_study_step(r->study, step);
    for (size_t i = 0; i < s->n_needs; i++)
        if (r->seconds[s->needs[i]] < 0) return false;
    return true;
}

static void tell(const struct study_runner *r, size_t step)
{
    char took[STUDY_DURATION], left[STUDY_DURATION];
    size_t unknown = 0;
    double more = cli_study_left(r, &unknown);
    const struct raml_study_step *s = raml_study_step(r->study, step);
    raml_say(r->cli->sink, "%zu of %zu steps done: %s (%s) in %s; about %s left%s", r->n_done,
             raml_study_n_steps(r->study), s->name, s->used, cli_study_duration(r->seconds[step], took),
             cli_study_duration(more, left), unknown ? ", and steps of unknown length" : "");
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
    if (!rc && r->seconds[step] < 0) {
        rc = run_step(r, step, err);
        if (!rc) rc = look(r, step, err);
        *mine = !rc;
    }
    (void)unlink(lock); /* before it is let go: who waits for this one's name opens another, and finds the record */
    close(fd);
    if (*mine) tell(r, step);
    return rc;
}

enum raml_code cli_study_run_steps(struct study_runner *r, struct raml_err *err)
{
    const struct timespec pause = {.tv_nsec = 300000000};
    size_t n = raml_study_n_steps(r->study);
    for (bool said = false; r->n_done < n;) {
        bool any = false;
        for (size_t i = 0; i < n && !any; i++) {
            enum raml_code rc = look(r, i, err);
            if (!rc && cli_signals_asked())
                rc = raml_fail(err, RAML_ESTOP, "stopped; the same command goes on from there");
            if (!rc && r->seconds[i] < 0 && is_ready(r, i)) rc = try_step(r, i, &any, err);
            if (rc) return rc;
        }
        if (any || r->n_done == n) continue;
        if (!said) raml_say(r->cli->sink, "what is left waits for steps that other processes run");
        said = true;
        nanosleep(&pause, NULL);
    }
    return RAML_OK;
}
