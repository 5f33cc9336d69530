/* study_cost.c - how long a study's steps will take. See study_steps.h. */
#include "cli/study_steps.h"

#include "core/json.h"
#include "core/path.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_RECORD = 1 << 20, KEY = 400 };

/* "train: with; without" of "train" and "with 1; without 1": which step of which arms, whatever the seed. */
static void key_of(const char *name, const char *used, char out[KEY])
{
    size_t n = (size_t)snprintf(out, KEY, "%.100s: ", name);
    for (const char *at = used; *at && n + 1 < KEY;) {
        size_t len = strspn(at + 1, "0123456789");
        bool seed = *at == ' ' && len && (!at[1 + len] || at[1 + len] == ';');
        if (seed) at += 1 + len;
        else out[n++] = *at++;
    }
    out[n] = 0;
}

struct costs {
    char (*key)[KEY]; /* [works] */
    double *sum;
    size_t *n;
};

/* A record that can't be read says nothing here. */
static void add_record(const struct study_runner *r, const struct costs *c, const char *path)
{
    json_t *o = NULL;
    char key[KEY];
    if (raml_json_load(path, MAX_RECORD, &o, NULL)) return;
    const char *name = json_string_value(json_object_get(o, "name"));
    const char *used = json_string_value(json_object_get(o, "used"));
    double seconds = json_number_value(json_object_get(o, "seconds"));
    if (name && used && seconds >= 0) {
        key_of(name, used, key);
        for (size_t i = 0; i < r->n_works; i++) {
            if (strcmp(key, c->key[i])) continue;
            c->sum[i] += seconds;
            c->n[i]++;
        }
    }
    json_decref(o);
}

static bool is_record(const char *name)
{
    size_t n = strlen(name);
    return n > 5 && !strcmp(name + n - 5, ".json") && !(n > 10 && !strcmp(name + n - 10, ".part.json"));
}

static void add_records(const struct study_runner *r, const struct costs *c)
{
    char path[RAML_PATH_BYTES];
    DIR *d = opendir(r->store);
    if (!d) return; /* a store that is not there yet has no records */
    for (struct dirent *e; (e = readdir(d));)
        if (is_record(e->d_name) && !raml_path_join(path, r->store, e->d_name, NULL)) add_record(r, c, path);
    closedir(d);
}

enum raml_code cli_study_read_costs(struct study_runner *r, struct raml_err *err)
{
    struct costs c = {calloc(r->n_works, sizeof *c.key), calloc(r->n_works, sizeof *c.sum),
                      calloc(r->n_works, sizeof *c.n)};
    r->others = calloc(r->n_works, sizeof *r->others);
    enum raml_code rc = c.key && c.sum && c.n && r->others
                            ? RAML_OK
                            : raml_fail(err, RAML_ENOMEM, "no memory for %zu steps", r->n_works);
    for (size_t i = 0; i < r->n_works && !rc; i++)
        key_of(cli_study_step_of(r, i)->name, cli_study_step_of(r, i)->used, c.key[i]);
    if (!rc && r->n_done < r->n_works) add_records(r, &c);
    for (size_t i = 0; i < r->n_works && !rc; i++) r->others[i] = c.n[i] ? c.sum[i] / (double)c.n[i] : NAN;
    free(c.key);
    free(c.sum);
    free(c.n);
    return rc;
}

/* Whether two are of a kind: of one part, name and length (the file tells long ones from short ones by their minutes). */
static bool alike(const struct study_runner *r, size_t i, size_t k)
{
    const struct raml_study_step *a = cli_study_step_of(r, i), *b = cli_study_step_of(r, k);
    return raml_study_parts_work(r->parts, i)->part.study == raml_study_parts_work(r->parts, k)->part.study &&
           !strcmp(a->name, b->name) && !(a->minutes < b->minutes || a->minutes > b->minutes);
}

double cli_study_left(const struct study_runner *r, size_t *unknown)
{
    double left = 0;
    *unknown = 0;
    for (size_t i = 0; i < r->n_works; i++) {
        if (r->state[i] != STUDY_OPEN) continue;
        double sum = 0;
        size_t n = 0;
        for (size_t k = 0; k < r->n_works; k++) {
            if (r->state[k] != STUDY_DONE || !alike(r, i, k)) continue;
            sum += r->seconds[k];
            n++;
        }
        if (!isnan(r->others[i])) left += r->others[i];
        else if (n) left += sum / (double)n;
        else if (cli_study_step_of(r, i)->minutes > 0) left += cli_study_step_of(r, i)->minutes * 60;
        else ++*unknown;
    }
    return r->cli->comm ? left / r->cli->comm->size : left;
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
