/* sample_file.c - see sample_file.h. */
#include "cli/sample_file.h"

#include "cli/output.h"
#include "core/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_RECORD = 1 << 20, SHOWN = 120 };
static const size_t MAX_LINE_BYTES = (size_t)1 << 30;

/* -- What was there ------------------------------------------------------------------------------------------------ */
static void show(const json_t *value, char out[SHOWN])
{
    char *text = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    snprintf(out, SHOWN, "%s", text ? text : "nothing");
    free(text);
}

/* RAML_EUSAGE: the first setting in which the record differs. */
static enum raml_code compare(const struct cli_sample_file *f, const json_t *had, const json_t *now,
                              struct raml_err *err)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)now, key, value) {
        const json_t *other = json_object_get(had, key);
        if (other && json_equal(other, value)) continue;
        char a[SHOWN], b[SHOWN];
        show(other, a);
        show(value, b);
        return raml_fail(
            err, RAML_EUSAGE,
            "%s: is of samples that are not finished: %s is %s there, and %s here; the same settings go on "
            "with them, --overwrite replaces them",
            f->record, key, a, b);
    }
    return RAML_OK;
}

/* The option that names the file: sample's --out, eval's --samples_out. */
static const char *option_of(const struct cli *cli, const char *path)
{
    for (size_t i = 0; i < cli->n_paths; i++)
        if (!strcmp(cli->path[i].path, path)) return cli->path[i].name;
    return "out";
}

/* *goes_on: there are samples of these very settings, that are not finished. */
static enum raml_code look(const struct cli *cli, const struct cli_sample_file *f, const json_t *settings,
                           bool *goes_on, struct raml_err *err)
{
    json_t *had = NULL;
    *goes_on = false;
    if (!raml_is_file(f->record)) return cli_output_check(cli, option_of(cli, f->path), f->path, err);
    enum raml_code rc = raml_json_load(f->record, MAX_RECORD, &had, err);
    if (!rc) rc = compare(f, had, settings, err);
    json_decref(had);
    *goes_on = !rc;
    if (!rc || !cli->overwrite || rc == RAML_ENOMEM) return rc;
    if (err) *err = (struct raml_err){0};
    return RAML_OK;
}

/* The file without its last line, where that is torn: a killed process or a power failure did it. */
static enum raml_code drop_torn_end(const struct cli_sample_file *f, struct raml_err *err)
{
    struct raml_map m;
    enum raml_code rc = raml_map_init(&m, f->path, err);
    if (rc) return rc;
    const char *text = (const char *)m.data, *end = m.size ? memrchr(text, '\n', m.size) : NULL;
    size_t whole = end ? (size_t)(end - text) + 1 : 0, size = m.size;
    raml_map_deinit(&m);
    if (whole < size && ftruncate(f->file.fd, (off_t)whole))
        return raml_fail_errno(err, "%s: its torn last line can't be removed", f->path);
    return RAML_OK;
}

/* Are they the first of qs, with n samples each? */
static enum raml_code check_done(const struct cli_sample_file *f, const struct raml_questions *qs, size_t n,
                                 struct raml_err *err)
{
    for (size_t i = 0; i < f->done.n; i++) {
        const struct raml_question *was = &f->done.question[i], *now = i < qs->n ? &qs->question[i] : NULL;
        if (now && !strcmp(was->question, now->question) && was->n_trajectories == n) continue;
        return raml_fail(err, RAML_EUSAGE, "%s:%zu: is not of the question that comes here%s; --overwrite begins anew",
                         f->path, i + 1, now && was->n_trajectories != n ? ", or has another number of samples" : "");
    }
    return RAML_OK;
}

static enum raml_code go_on(struct cli_sample_file *f, const struct raml_questions *qs, size_t n, struct raml_err *err)
{
    struct stat st;
    enum raml_code rc = drop_torn_end(f, err);
    if (rc || fstat(f->file.fd, &st) || !st.st_size) return rc;
    rc = raml_questions_read(&f->done, f->path, NULL, NULL, NULL, err);
    if (!rc) rc = check_done(f, qs, n, err);
    f->n = f->done.n;
    return rc;
}

/* With the first samples, or the end: until then nothing that is there is touched. */
static enum raml_code begin(struct cli_sample_file *f, struct raml_err *err)
{
    if (!f->settings) return RAML_OK;
    enum raml_code rc = raml_file_write(f->record, f->settings, strlen(f->settings), err);
    if (!rc && ftruncate(f->file.fd, 0)) rc = raml_fail_errno(err, "%s: can't be emptied", f->path);
    free(f->settings);
    f->settings = NULL;
    return rc;
}

/* -- The file ------------------------------------------------------------------------------------------------------ */
static bool is_direct(const char *path)
{
    struct stat st;
    return raml_open_file_of(path) >= 0 || (!stat(path, &st) && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode));
}

static enum raml_code open_file(const struct cli *cli, struct cli_sample_file *f, const json_t *settings,
                                const struct raml_questions *qs, size_t n, struct raml_err *err)
{
    bool goes_on = false;
    enum raml_code rc = raml_path_format(f->record, err, "%s.unfinished", f->path);
    if (!rc) rc = look(cli, f, settings, &goes_on, err);
    f->created = !raml_is_file(f->path);
    if (!rc) rc = raml_append_init(&f->file, f->path, err);
    if (!rc && flock(f->file.fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
        rc = raml_fail(err, RAML_EIO, "%s: another process is writing it", f->path);
    /* what the other process has made of it meanwhile */
    if (!rc && !goes_on) rc = look(cli, f, settings, &goes_on, err);
    if (!rc && goes_on) rc = go_on(f, qs, n, err);
    else if (!rc) {
        f->settings = json_dumps(settings, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
        if (!f->settings) rc = raml_fail(err, RAML_ENOMEM, "%s: no memory to write it", f->record);
    }
    if (!rc && f->n) raml_say(cli->sink, "%s: %zu of %zu questions are there", f->path, f->n, qs->n);
    return rc;
}

enum raml_code cli_sample_file_open(const struct cli *cli, const char *path, json_t *settings,
                                    const struct raml_questions *qs, size_t n, struct cli_sample_file *f,
                                    struct raml_err *err)
{
    *f = (struct cli_sample_file){.path = path, .file.fd = -1};
    raml_questions_init(&f->done);
    raml_buf_init(&f->line, MAX_LINE_BYTES);
    enum raml_code rc = settings ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for the settings of the samples");
    if (!rc && !*path) rc = cli_output_check(cli, "out", path, err);
    if (!rc) rc = is_direct(path) ? raml_writer_init(&f->direct, path, err) : open_file(cli, f, settings, qs, n, err);
    json_decref(settings);
    if (rc) cli_sample_file_close(f);
    return rc;
}

enum raml_code cli_sample_file_add(void *file, const struct raml_question *q, struct raml_err *err)
{
    struct cli_sample_file *f = file;
    raml_buf_clear(&f->line);
    enum raml_code rc = raml_question_print(q, &f->line, err);
    if (!rc && !f->direct.f) rc = begin(f, err);
    if (!rc && f->direct.f) rc = raml_writer_add(&f->direct, f->line.data, f->line.len, err);
    else if (!rc) rc = raml_append_add(&f->file, f->line.data, f->line.len, err);
    if (!rc && f->direct.f && fflush(f->direct.f)) rc = raml_fail_errno(err, "%s: writing failed", f->path);
    if (!rc) f->n++;
    return rc;
}

static void count_exit(const struct raml_trajectory_exit *e, struct raml_sample_stats *stats)
{
    stats->probes += e->probes;
    stats->probe_tokens += e->probe_tokens;
    if (!strcmp(e->reason, "end")) return;
    size_t i = 0;
    while (i + 1 < RAML_SAMPLE_REASONS && stats->stopped[i].reason && strcmp(stats->stopped[i].reason, e->reason) != 0)
        i++;
    if (!stats->stopped[i].reason) stats->stopped[i].reason = e->reason;
    stats->stopped[i].n++;
}

void cli_sample_file_count(const struct cli_sample_file *f, struct raml_sample_stats *stats)
{
    for (size_t i = 0; i < f->done.n; i++)
        for (size_t k = 0; k < f->done.question[i].n_trajectories; k++) {
            const struct raml_trajectory *t = &f->done.question[i].trajectory[k];
            stats->samples++;
            stats->tokens += t->n_tokens;
            stats->correct += t->correct == RAML_EQUAL;
            stats->truncated += t->finish_reason && !strcmp(t->finish_reason, "length");
            stats->unclosed += !t->think_closed;
            if (t->exit) count_exit(t->exit, stats);
        }
}

enum raml_code cli_sample_file_end(struct cli_sample_file *f, struct raml_err *err)
{
    if (f->direct.f) return raml_writer_commit(&f->direct, err);
    enum raml_code rc = begin(f, err);
    if (!rc) rc = raml_append_sync(&f->file, err);
    if (!rc && unlink(f->record)) rc = raml_fail_errno(err, "%s: cannot be removed", f->record);
    return rc;
}

void cli_sample_file_close(struct cli_sample_file *f)
{
    if (f->settings && f->created && f->file.path) unlink(f->path); /* nothing has been written to it */
    free(f->settings);
    f->settings = NULL;
    raml_append_deinit(&f->file);
    raml_writer_deinit(&f->direct);
    raml_questions_deinit(&f->done);
    raml_buf_deinit(&f->line);
}
