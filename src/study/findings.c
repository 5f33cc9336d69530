/* findings.c - walks a folder and its immediate subfolders and reads what a report can show (findings.h). */
#include "study/findings.h"

#include "core/path.h"
#include "study/visible.h"
#include "core/file.h"
#include "core/json.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

enum { RECIPE_MAX = 1 << 20, JSON_MAX = 1 << 26, NOTES_MAX = 1 << 20, ENTRIES_MAX = 4096 };

struct names { /* the entries of a folder, sorted */
    char *name[ENTRIES_MAX];
    size_t n;
};

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void names_free(struct names *names)
{
    for (size_t i = 0; names && i < names->n; i++) free(names->name[i]);
    free(names);
}

static enum raml_code list_folder(const char *dir, struct names **out, struct raml_err *err)
{
    struct names *names = calloc(1, sizeof *names);
    DIR *d = opendir(dir);
    enum raml_code rc = RAML_OK;
    if (!d) rc = raml_fail_errno(err, "%s: cannot be read as a folder", dir);
    else if (!names) rc = raml_fail(err, RAML_ENOMEM, "%s: no memory for its list of files", dir);
    for (struct dirent *e; !rc && names->n < ENTRIES_MAX && (e = readdir(d));) {
        if (e->d_name[0] == '.') continue;
        names->name[names->n] = strdup(e->d_name);
        if (names->name[names->n]) names->n++;
        else rc = raml_fail(err, RAML_ENOMEM, "%s: no memory for its list of files", dir);
    }
    if (d) closedir(d);
    if (rc) {
        names_free(names);
        return rc;
    }
    qsort(names->name, names->n, sizeof *names->name, by_text);
    *out = names;
    return RAML_OK;
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static bool ends(const char *text, const char *with)
{
    size_t n = strlen(text), m = strlen(with);
    return n >= m && strcmp(text + n - m, with) == 0;
}

static bool has(const struct names *names, const char *name)
{
    for (size_t i = 0; i < names->n; i++)
        if (!strcmp(names->name[i], name)) return true;
    return false;
}

static void note(struct raml_buf *notes, const struct raml_err *err)
{
    raml_text_visible(notes, err->msg, strlen(err->msg));
    raml_buf_adds(notes, "\n");
}

static void read_recipe(struct raml_run_found *run, const char *path, struct raml_buf *notes)
{
    if (!raml_is_file(path)) return;
    struct raml_buf text;
    struct raml_err bad = {0};
    raml_buf_init(&text, RECIPE_MAX);
    if (raml_file_read(path, &text, &bad)) note(notes, &bad);
    else if (text.len && strlen(text.data) == text.len) run->recipe = raml_buf_take(&text);
    raml_buf_deinit(&text);
}

/* An evaluation is the object of table.h, itself or under "table". */
static void read_eval(struct raml_run_found *run, const char *path, const char *file, struct raml_buf *notes)
{
    struct raml_err bad = {0};
    json_t *doc = NULL;
    if (run->n_evals == RAML_MAX_EVALS) return;
    if (raml_json_load(path, JSON_MAX, &doc, &bad)) {
        note(notes, &bad);
        return;
    }
    json_t *table = json_object_get(doc, "rows") ? doc : json_object_get(doc, "table");
    char *name = strdup(file);
    if (json_is_array(json_object_get(table, "rows")) && name) {
        name[strlen(name) - strlen(".json")] = 0;
        run->eval[run->n_evals++] = (struct raml_evaluation){name, doc, table};
        return;
    }
    raml_buf_addf(notes, "%s: contains no table with \"rows\"; skipped\n", path);
    free(name);
    json_decref(doc);
}

static enum raml_code read_trace(struct raml_run_found *run, const char *path, const char *name, struct raml_buf *notes,
                                 struct raml_err *err)
{
    if (run->n_traces == RAML_MAX_TRACES) return RAML_OK;
    struct raml_trace *t = NULL;
    enum raml_code rc = raml_trace_read(path, name, &t, notes, err);
    if (!rc && t) run->trace[run->n_traces++] = t;
    return rc;
}

static enum raml_code add_beside(struct raml_run_found *run, enum raml_beside_kind kind, const char *path,
                                 struct raml_err *err)
{
    struct raml_beside *b = &run->beside[kind];
    if (b->n == RAML_MAX_BESIDE || !raml_is_file(path)) return RAML_OK;
    b->path[b->n] = strdup(path);
    if (!b->path[b->n]) return raml_fail(err, RAML_ENOMEM, "%s: no memory to read it", path);
    b->n++;
    return RAML_OK;
}

/* Such a file itself, or a folder that may have one. */
static enum raml_code read_beside(struct raml_run_found *run, const char *path, const char *entry,
                                  enum raml_beside_kind kind, struct raml_err *err)
{
    char file[RAML_PATH_BYTES];
    if (strcmp(entry, raml_beside_file(kind)) == 0) return add_beside(run, kind, path, err);
    if (!raml_beside_folder(kind, entry) || !raml_is_dir(path) ||
        raml_path_join(file, path, raml_beside_file(kind), NULL))
        return RAML_OK;
    return add_beside(run, kind, file, err);
}

static void beside_deinit(struct raml_beside beside[RAML_BESIDE_KINDS])
{
    for (size_t k = 0; k < RAML_BESIDE_KINDS; k++)
        for (size_t i = 0; i < beside[k].n; i++) free(beside[k].path[i]);
}

static void run_free(struct raml_run_found *run)
{
    if (!run) return;
    beside_deinit(run->beside);
    for (size_t i = 0; i < run->n_evals; i++) {
        free(run->eval[i].name);
        json_decref(run->eval[i].doc);
    }
    for (size_t i = 0; i < run->n_traces; i++) raml_trace_free(run->trace[i]);
    raml_metrics_deinit(&run->metrics);
    raml_rollouts_found_deinit(&run->rollouts);
    free(run->recipe);
    free(run->name);
    free(run->path);
    free(run);
}

/* One entry of a run's folder. */
static enum raml_code read_entry(struct raml_run_found *run, const char *path, const char *entry,
                                 struct raml_buf *notes, struct raml_err *err)
{
    if (strcmp(entry, "metrics.jsonl") == 0 || strcmp(entry, "timing.jsonl") == 0)
        return raml_metrics_read(&run->metrics, path, notes, err);
    if (strcmp(entry, "rollouts.jsonl") == 0) return raml_rollouts_read(&run->rollouts, path, notes, err);
    if (strcmp(entry, "curves.jsonl") == 0) return read_trace(run, path, "", notes, err);
    if (strcmp(entry, "recipe.yaml") == 0) read_recipe(run, path, notes);
    else if (begins(entry, "eval") && ends(entry, ".json")) read_eval(run, path, entry, notes);
    else if (begins(entry, "trace") && raml_is_dir(path)) {
        char curves[RAML_PATH_BYTES];
        if (!raml_path_join(curves, path, "curves.jsonl", NULL)) return read_trace(run, curves, entry, notes, err);
    }
    enum raml_code rc = RAML_OK;
    for (int k = 0; !rc && k < RAML_BESIDE_KINDS; k++)
        rc = read_beside(run, path, entry, (enum raml_beside_kind)k, err);
    return rc;
}

/* Reads dir as a run named `name` and adds it to f if it contains anything of a run. */
static enum raml_code read_run(struct raml_findings *f, const char *dir, const char *name, const struct names *names,
                               struct raml_err *err)
{
    struct raml_run_found *run = calloc(1, sizeof *run);
    if (!run || !(run->name = strdup(name)) || !(run->path = strdup(dir))) {
        run_free(run);
        return raml_fail(err, RAML_ENOMEM, "%s: no memory to read it", dir);
    }
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < names->n; i++) {
        char path[RAML_PATH_BYTES];
        if (!raml_path_join(path, dir, names->name[i], NULL))
            rc = read_entry(run, path, names->name[i], &f->notes, err);
    }
    if (!rc) rc = raml_labs_find(f, run, names->name, names->n, err);
    bool any = run->recipe || run->metrics.n || run->n_evals || run->n_traces || run->rollouts.n_lines;
    if (!rc && any && f->n_runs < RAML_MAX_RUNS) {
        f->run[f->n_runs++] = run;
        return RAML_OK;
    }
    for (size_t k = 0; !rc && k < RAML_BESIDE_KINDS; k++) {
        struct raml_beside *from = &run->beside[k], *to = &f->beside[k];
        while (from->n && to->n < RAML_MAX_BESIDE) to->path[to->n++] = from->path[--from->n];
    }
    run_free(run);
    return rc;
}

static bool has_other(const struct raml_beside *b, const char *path)
{
    for (size_t i = 0; i < b->n; i++)
        if (raml_beside_same_kind(path, b->path[i])) return true;
    return false;
}

/* Reads one for the runs. Where another file of a folder of its kind reaches them too, marks have the folder's name. */
static enum raml_code give_file(struct raml_findings *f, enum raml_beside_kind kind, const char *path,
                                struct raml_run_found *const *run, size_t n_runs, struct raml_err *err)
{
    char folder[RAML_PATH_BYTES];
    bool other = has_other(&f->beside[kind], path);
    for (size_t r = 0; r < n_runs; r++) other |= has_other(&run[r]->beside[kind], path);
    raml_beside_folder_of(path, folder);
    return raml_beside_read(kind, path, other ? folder : NULL, run, n_runs, &f->notes, err);
}

/* A run's files are of its own trajectories; where it has none, and from folders that are no run, of anyone's. */
static enum raml_code give_beside(struct raml_findings *f, enum raml_beside_kind kind, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < f->beside[kind].n; i++)
        rc = give_file(f, kind, f->beside[kind].path[i], f->run, f->n_runs, err);
    for (size_t r = 0; r < f->n_runs; r++) {
        const struct raml_beside *b = &f->run[r]->beside[kind];
        bool own = f->run[r]->n_traces > 0;
        for (size_t i = 0; !rc && i < b->n; i++)
            rc = give_file(f, kind, b->path[i], own ? &f->run[r] : f->run, own ? 1 : f->n_runs, err);
    }
    return rc;
}

/* Subfolders that are part of the folder's own run, or contain no results. */
static bool is_part(const char *name)
{
    return begins(name, "trace") || begins(name, "update") || raml_beside_folder(RAML_BESIDE_MARKS, name) ||
           begins(name, "checkpoint-") || strcmp(name, "figures") == 0;
}

enum raml_code raml_findings_read(const char *dir, struct raml_findings *f, struct raml_err *err)
{
    struct raml_findings got = {0};
    struct names *names = NULL;
    char path[RAML_PATH_BYTES];
    raml_buf_init(&got.notes, NOTES_MAX);
    enum raml_code rc = list_folder(dir, &names, err);
    if (!rc) rc = read_run(&got, dir, "", names, err);
    bool study = !rc && has(names, "declared.json"); /* its parts are its own section's, its steps nobody's */
    for (size_t i = 0; !rc && !study && i < names->n; i++) {
        struct names *below = NULL;
        if (is_part(names->name[i]) || raml_path_join(path, dir, names->name[i], NULL) || !raml_is_dir(path)) continue;
        struct raml_err bad = {0};
        if (list_folder(path, &below, &bad)) {
            note(&got.notes, &bad);
            continue;
        }
        rc = read_run(&got, path, names->name[i], below, err);
        names_free(below);
    }
    for (int k = 0; !rc && k < RAML_BESIDE_KINDS; k++) rc = give_beside(&got, (enum raml_beside_kind)k, err);
    struct raml_err bad = {0};
    if (!rc && !raml_path_join(path, dir, "summary.json", NULL) && raml_is_file(path))
        if (raml_json_load(path, JSON_MAX, &got.summary, &bad)) note(&got.notes, &bad);
    if (!rc && got.n_runs == 0 && got.n_labs == 0 && !got.summary)
        rc = raml_fail(err, RAML_EFORMAT,
                       "%s: nothing to report; looked there and one level below for recipe.yaml, metrics.jsonl, "
                       "timing.jsonl, rollouts.jsonl, eval*.json, summary.json, curves.jsonl, trace*/curves.jsonl and "
                       "figures in trace*, "
                       "update*, landscape*, roles* and so on%s%.300s",
                       dir, got.notes.len ? ": " : "", got.notes.len ? got.notes.data : "");
    names_free(names);
    if (rc) raml_findings_deinit(&got);
    else *f = got;
    return rc;
}

void raml_findings_deinit(struct raml_findings *f)
{
    for (size_t i = 0; i < f->n_runs; i++) run_free(f->run[i]);
    beside_deinit(f->beside);
    raml_labs_deinit(f);
    json_decref(f->summary);
    raml_buf_deinit(&f->notes);
    *f = (struct raml_findings){0};
}
