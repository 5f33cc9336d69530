/* run.c - see run.h. */
#include "raml/run.h"

#include "core/path.h"
#include "raml/buf.h"
#include "store/events.h"
#include "core/file.h"
#include "raml/gguf.h"
#include "core/json.h"
#include "core/append.h"
#include "store/checkpoints.h"
#include "store/tail.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { MAX_LINE = 1 << 26, MAX_LINES = 1 << 30, MAX_TAGS = 1 << 24, MAX_NESTED = 4 };

static const char recipe_name[] = "recipe.yaml", metrics_name[] = "metrics.jsonl", timing_name[] = "timing.jsonl";
static const char rollouts_name[] = "rollouts.jsonl";
static const char events_name[] = "events.out.tfevents.0.raml"; /* TensorBoard takes any name with "tfevents" */

struct raml_run {
    char *dir;
    int lock; /* of the folder: held open and locked; the kernel releases it with the process */
    char *tmp_dir;
    struct append metrics, timing;
    struct append rollouts; /* opened with its first line */
    uint64_t rollouts_step; /* of its last line, or of the checkpoint */
    uint64_t protect;       /* the checkpoint that is kept whatever its age; 0: none */
    struct raml_events *events;
    double wall_time;
};

/* Opening */

static bool holds_run(const char *dir, const struct checkpoints *have)
{
    const char *names[] = {recipe_name, metrics_name};
    bool found = have->n > 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *p = raml_path_new("%s/%s", dir, names[i]);
        found |= p && raml_is_file(p);
        free(p);
    }
    return found;
}

/* Copies the kept lines of l to w. Lines that cannot be read are dropped at the end of the file (a killed process or a
 * power failure tore them); before a line to be kept they are an error that a person must look at. */
static enum raml_code copy_lines(struct raml_lines *l, struct raml_writer *w, uint64_t last_step, bool *dropped,
                                 struct raml_err *err)
{
    size_t bad = 0;
    struct raml_err why = {0};
    for (bool more;;) {
        json_t *obj = NULL;
        long long step = 0;
        struct raml_place at = {l->path, l->number + 1};
        enum raml_code rc = raml_lines_next(l, &more, err);
        if (rc || !more) return rc;
        rc = raml_json_parse(&at, l->line.data, l->line.len, &obj, bad ? NULL : &why);
        if (!rc) rc = raml_json_int(&at, obj, "step", 0, INT64_MAX, &step, bad ? NULL : &why);
        json_decref(obj);
        if (rc == RAML_ENOMEM) return raml_fail(err, rc, "%s: no memory to read it", l->path);
        if (rc && !bad) bad = at.line;
        if (rc || (uint64_t)step > last_step) {
            *dropped = true;
            continue;
        }
        if (bad) return raml_fail(err, RAML_EFORMAT, "%s (repair or remove that line, then resume)", why.msg);
        raml_buf_adds(&l->line, "\n");
        rc = raml_buf_status(&l->line, err);
        if (!rc) rc = raml_writer_add(w, l->line.data, l->line.len, err);
        if (rc) return rc;
    }
}

/* Whether the file's last byte is a newline (or there is none): a whole JSON line without one was torn. */
static bool ends_whole(const char *path)
{
    char c = '\n';
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return true;
    if (lseek(fd, -1, SEEK_END) >= 0 && read(fd, &c, 1) != 1) c = 0;
    close(fd);
    return c == '\n';
}

/* Truncates a file of lines with a step to those of step <= last_step. */
static enum raml_code truncate_lines(const char *path, uint64_t last_step, struct raml_err *err)
{
    struct raml_lines l = {0};
    struct raml_writer w = {0};
    bool dropped = !ends_whole(path);
    if (!raml_is_file(path)) return RAML_OK;
    enum raml_code rc = raml_lines_init(&l, path, MAX_LINE, err);
    if (!rc) rc = raml_writer_init(&w, path, err);
    if (!rc) rc = copy_lines(&l, &w, last_step, &dropped, err);
    if (!rc && dropped) rc = raml_writer_commit(&w, err);
    raml_writer_deinit(&w);
    raml_lines_deinit(&l);
    return rc;
}

static enum raml_code remove_file(const char *path, struct raml_err *err)
{
    if (unlink(path) && errno != ENOENT) return raml_fail_errno(err, "%s: cannot be removed", path);
    return RAML_OK;
}

/* One of the run's growing files on resume: its unfinished copy is removed, and it is truncated (has: to the checkpoint
 * `step`) or, without a checkpoint, removed. */
static enum raml_code truncate_file(const char *dir, const char *name, bool has, uint64_t step, struct raml_err *err)
{
    char *path = raml_path_new("%s/%s", dir, name), *tmp = raml_path_new("%s/%s.tmp", dir, name);
    enum raml_code rc = path && tmp ? RAML_OK : raml_fail(err, RAML_ENOMEM, "%s: no memory", dir);
    if (!rc) rc = remove_file(tmp, err);
    if (!rc && !has) rc = remove_file(path, err);
    else if (!rc && name == events_name) rc = raml_events_truncate(path, step, err);
    else if (!rc && name == rollouts_name) rc = raml_tail_truncate(path, step, err);
    else if (!rc) rc = truncate_lines(path, step, err);
    free(path);
    free(tmp);
    return rc;
}

static enum raml_code prepare(struct raml_run *r, int resume, uint64_t *step, struct raml_err *err)
{
    struct checkpoints have = {0};
    enum raml_code rc = resume ? raml_checkpoints_recover(r->dir, err) : RAML_OK;
    if (!rc) rc = raml_checkpoints_list(r->dir, &have, err);
    *step = have.n ? have.step[have.n - 1] : 0;
    if (!rc && !resume && holds_run(r->dir, &have))
        rc = raml_fail(err, RAML_EUSAGE, "%s: already holds a run; resume it, or give another folder", r->dir);
    free(have.step);
    if (rc || !resume) return rc;
    const char *names[] = {metrics_name, timing_name, events_name, rollouts_name};
    for (size_t i = 0; i < sizeof names / sizeof *names && !rc; i++)
        rc = truncate_file(r->dir, names[i], *step > 0, *step, err);
    char *tmp = raml_path_new("%s/%s.tmp", r->dir, recipe_name);
    if (!rc) rc = tmp ? remove_file(tmp, err) : raml_fail(err, RAML_ENOMEM, "%s: no memory", r->dir);
    free(tmp);
    return rc;
}

static enum raml_code lock_folder(struct raml_run *r, struct raml_err *err)
{
    r->lock = open(r->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (r->lock < 0) return raml_fail_errno(err, "%s: cannot be opened", r->dir);
    if (flock(r->lock, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK) /* file systems without locks do without */
        return raml_fail(err, RAML_EUSAGE, "%s: another process is writing this run", r->dir);
    return RAML_OK;
}

static enum raml_code open_files(struct raml_run *r, struct raml_err *err)
{
    char *metrics = raml_path_new("%s/%s", r->dir, metrics_name);
    char *timing = raml_path_new("%s/%s", r->dir, timing_name);
    enum raml_code rc = metrics && timing ? RAML_OK : raml_fail(err, RAML_ENOMEM, "%s: no memory", r->dir);
    if (!rc) rc = raml_append_init(&r->metrics, metrics, err);
    if (!rc) rc = raml_append_init(&r->timing, timing, err);
    free(metrics);
    free(timing);
    raml_sync_dir(r->dir);
    return rc;
}

enum raml_code raml_run_open(const char *dir, int resume, struct raml_run **out, uint64_t *step, struct raml_err *err)
{
    struct raml_run *r = calloc(1, sizeof *r);
    if (!r) return raml_fail(err, RAML_ENOMEM, "%s: no memory to open it", dir);
    r->lock = -1;
    r->dir = strdup(dir);
    uint64_t found = 0;
    enum raml_code rc = r->dir ? raml_make_dir(dir, err) : raml_fail(err, RAML_ENOMEM, "%s: no memory", dir);
    if (!rc) rc = lock_folder(r, err);
    if (!rc) rc = prepare(r, resume, &found, err);
    if (!rc) rc = open_files(r, err);
    if (rc) {
        raml_run_close(r);
        return rc;
    }
    r->rollouts_step = found;
    *out = r;
    *step = found;
    return RAML_OK;
}

void raml_run_close(struct raml_run *r)
{
    if (!r) return;
    raml_append_deinit(&r->metrics);
    raml_append_deinit(&r->timing);
    raml_append_deinit(&r->rollouts);
    raml_events_close(r->events);
    if (r->lock >= 0) close(r->lock);
    free(r->tmp_dir);
    free(r->dir);
    free(r);
}

const char *raml_run_dir(const struct raml_run *r)
{
    return r->dir;
}

enum raml_code raml_run_recipe(struct raml_run *r, const char *text, struct raml_err *err)
{
    char *path = raml_path_new("%s/%s", r->dir, recipe_name);
    if (!path) return raml_fail(err, RAML_ENOMEM, "%s: no memory", r->dir);
    enum raml_code rc = raml_file_write(path, text, strlen(text), err);
    free(path);
    return rc;
}

/* Metrics */

struct scalars { /* tags are one after another in `tags`, each with its 0; values in `values` */
    struct raml_buf tags, values;
};

/* Collects the numbers of obj; prefix: "" or "outer/". */
static void collect(struct scalars *s, const json_t *obj, const char *prefix, int depth)
{
    const char *key;
    json_t *v;
    json_object_foreach ((json_t *)obj, key, v) {
        bool top = depth == 0;
        if (top && (!strcmp(key, "step") || !strcmp(key, "time"))) continue;
        if (json_is_number(v)) {
            double x = json_number_value(v);
            raml_buf_addf(&s->tags, "%s%s%c", prefix, key, 0);
            raml_buf_add(&s->values, &x, sizeof x);
        } else if (json_is_object(v) && depth < MAX_NESTED) {
            struct raml_buf name;
            raml_buf_init(&name, 1 << 16);
            raml_buf_addf(&name, "%s%s/", prefix, key);
            if (name.data) collect(s, v, name.data, depth + 1);
            raml_buf_deinit(&name);
        }
    }
}

static enum raml_code add_events(struct raml_run *r, uint64_t step, const json_t *obj, const json_t *timing,
                                 struct raml_err *err)
{
    struct scalars s;
    raml_buf_init(&s.tags, MAX_TAGS);
    raml_buf_init(&s.values, MAX_TAGS);
    collect(&s, obj, "", 0);
    if (timing) collect(&s, timing, "", 0);
    size_t n = s.values.len / sizeof(double);
    struct raml_scalar *scalar = calloc(n + 1, sizeof *scalar);
    enum raml_code rc = raml_buf_status(&s.tags, err);
    if (!rc) rc = raml_buf_status(&s.values, err);
    if (!rc && !scalar) rc = raml_fail(err, RAML_ENOMEM, "%s: no memory", r->dir);
    const char *tag = s.tags.data;
    for (size_t i = 0; i < n && !rc; i++, tag += strlen(tag) + 1) {
        scalar[i].tag = tag;
        memcpy(&scalar[i].value, s.values.data + i * sizeof(double), sizeof(double));
    }
    if (!rc && !r->events) { /* made with the first line, whose time it bears */
        char *path = raml_path_new("%s/%s", r->dir, events_name);
        rc = path ? raml_events_open(path, r->wall_time, &r->events, err)
                  : raml_fail(err, RAML_ENOMEM, "%s: no memory", r->dir);
        free(path);
    }
    if (!rc) rc = raml_events_add(r->events, step, r->wall_time, scalar, n, err);
    free(scalar);
    raml_buf_deinit(&s.tags);
    raml_buf_deinit(&s.values);
    return rc;
}

static enum raml_code add_line(struct append *a, const json_t *obj, struct raml_err *err)
{
    struct raml_buf line;
    raml_buf_init(&line, MAX_LINE);
    raml_json_add(&line, obj);
    raml_buf_adds(&line, "\n");
    enum raml_code rc = raml_buf_status(&line, err);
    if (rc) rc = raml_wrap(err, rc, "%s", a->path);
    else rc = raml_append_add(a, line.data, line.len, err);
    raml_buf_deinit(&line);
    return rc;
}

enum raml_code raml_run_metrics(struct raml_run *r, const json_t *obj, const json_t *timing, struct raml_err *err)
{
    struct raml_place at = {r->metrics.path, 0};
    long long step = 0;
    enum raml_code rc = raml_json_int(&at, obj, "step", 0, INT64_MAX, &step, err);
    if (!rc) rc = add_line(&r->metrics, obj, err);
    if (!rc && timing) {
        json_t *line = json_pack("{s:I}", "step", (json_int_t)step);
        if (!line || json_object_update_missing(line, (json_t *)timing))
            rc = raml_fail(err, RAML_ENOMEM, "%s: no memory", r->timing.path);
        if (!rc) rc = add_line(&r->timing, line, err);
        json_decref(line);
        const json_t *t = json_object_get(timing, "time");
        if (json_is_number(t)) r->wall_time = json_number_value(t);
    }
    return rc ? rc : add_events(r, (uint64_t)step, obj, timing, err);
}

/* Rollouts */

/* The lines' text, their steps checked. *last: in and out, the step that none may be below. */
static enum raml_code print_rollouts(const json_t *lines, uint64_t *last, struct raml_buf *text, struct raml_err *err)
{
    const struct raml_place at = {rollouts_name, 0};
    size_t i;
    json_t *line;
    json_array_foreach ((json_t *)lines, i, line) {
        long long step = 0;
        enum raml_code rc = raml_json_int(&at, line, "step", 0, INT64_MAX, &step, err);
        if (!rc && (uint64_t)step < *last)
            rc = raml_fail(err, RAML_ERANGE, "%s: step %lld comes after step %" PRIu64, rollouts_name, step, *last);
        if (rc) return rc;
        *last = (uint64_t)step;
        raml_json_add(text, line);
        raml_buf_adds(text, "\n");
    }
    enum raml_code rc = raml_buf_status(text, err);
    return rc ? raml_wrap(err, rc, "%s", rollouts_name) : RAML_OK;
}

static enum raml_code open_rollouts(struct raml_run *r, struct raml_err *err)
{
    char *path = raml_path_new("%s/%s", r->dir, rollouts_name);
    if (!path) return raml_fail(err, RAML_ENOMEM, "%s: no memory", r->dir);
    enum raml_code rc = raml_append_init(&r->rollouts, path, err);
    free(path);
    if (!rc) raml_sync_dir(r->dir);
    return rc;
}

enum raml_code raml_run_rollouts(struct raml_run *r, const json_t *lines, struct raml_err *err)
{
    uint64_t last = r->rollouts_step;
    struct raml_buf text;
    raml_buf_init(&text, MAX_LINES);
    enum raml_code rc = print_rollouts(lines, &last, &text, err);
    if (!rc && text.len && !r->rollouts.path) rc = open_rollouts(r, err);
    if (!rc && text.len) rc = raml_append_add(&r->rollouts, text.data, text.len, err);
    if (!rc) r->rollouts_step = last;
    raml_buf_deinit(&text);
    return rc;
}

/* Checkpoints */

enum raml_code raml_run_checkpoint_begin(struct raml_run *r, uint64_t step, const char **tmp_dir, struct raml_err *err)
{
    free(r->tmp_dir);
    r->tmp_dir = raml_checkpoints_path(r->dir, step, ".tmp");
    if (!r->tmp_dir) return raml_fail(err, RAML_ENOMEM, "%s: no memory", r->dir);
    enum raml_code rc = raml_remove_tree(r->tmp_dir, err);
    if (!rc) rc = raml_make_dir(r->tmp_dir, err);
    if (!rc) *tmp_dir = r->tmp_dir;
    return rc;
}

enum raml_code raml_run_checkpoint_commit(struct raml_run *r, uint64_t step, size_t keep, struct raml_err *err)
{
    /* The lines up to here must survive a power failure if the checkpoint does. */
    enum raml_code rc = raml_append_sync(&r->metrics, err);
    if (!rc) rc = raml_append_sync(&r->timing, err);
    if (!rc && r->rollouts.path) rc = raml_append_sync(&r->rollouts, err);
    if (!rc && r->events) rc = raml_events_sync(r->events, err);
    if (!rc) rc = raml_checkpoints_commit(r->dir, step, err);
    if (rc || !keep) return rc;
    rc = raml_checkpoints_prune(r->dir, keep, r->protect, err);
    return rc ? raml_wrap(err, rc, "checkpoint-%" PRIu64 " is complete, but an older one remains", step) : RAML_OK;
}

void raml_run_protect(struct raml_run *r, uint64_t step)
{
    r->protect = step;
}

static const char *why_no_model(const char *dir)
{
    if (!raml_is_dir(dir)) return "is not a folder that can be read";
    char *tensors = raml_path_new("%s/adapter_model.safetensors", dir);
    bool adapter = tensors && raml_is_file(tensors);
    free(tensors);
    return adapter ? "holds adapter_model.safetensors, but no adapter_config.json"
                   : "holds neither config.json nor a whole checkpoint-N";
}

enum raml_code raml_run_newest(const char *dir, char *out, size_t cap, struct raml_err *err)
{
    struct checkpoints have = {0};
    char *config = raml_path_new("%s/config.json", dir), *adapter = raml_path_new("%s/adapter_config.json", dir);
    char *path = NULL;
    enum raml_code rc = RAML_OK;
    if ((config && raml_is_file(config)) || (adapter && raml_is_file(adapter)) ||
        (raml_is_gguf(dir) && raml_is_file(dir)))
        path = strdup(dir);
    else if (!(rc = raml_checkpoints_list(dir, &have, err))) {
        if (have.n) path = raml_checkpoints_path(dir, have.step[have.n - 1], "");
        else rc = raml_fail(err, RAML_EIO, "%s: %s", dir, why_no_model(dir));
    }
    if (!rc && !path) rc = raml_fail(err, RAML_ENOMEM, "%s: no memory", dir);
    if (!rc && strlen(path) >= cap) rc = raml_fail(err, RAML_ERANGE, "%s: the path is longer than %zu bytes", dir, cap);
    if (!rc) memcpy(out, path, strlen(path) + 1);
    free(path);
    free(config);
    free(adapter);
    free(have.step);
    return rc;
}

enum raml_code raml_run_checkpoints(const char *dir, uint64_t **step, size_t *n, struct raml_err *err)
{
    struct checkpoints have = {0};
    enum raml_code rc = raml_checkpoints_list(dir, &have, err);
    if (rc) return rc;
    *step = have.step;
    *n = have.n;
    return RAML_OK;
}
