/* rollouts.c - some groups of rollouts.jsonl, which may be long: only its first and last lines are parsed. */
#include "study/findings.h"

#include "core/file.h"
#include "core/json.h"

#include <string.h>

enum { LINE_MAX_BYTES = 1 << 26 };

struct held { /* the last lines, in a ring: line k of the file (from 0) is at k % RAML_ROLLOUT_LINES */
    struct raml_buf line[RAML_ROLLOUT_LINES];
    size_t number[RAML_ROLLOUT_LINES];
};

/* Do the samples' rewards differ? */
static bool has_signal(const json_t *group)
{
    const json_t *list = json_object_get(group, "trajectories");
    const json_t *first = json_object_get(json_array_get(list, 0), "reward");
    for (size_t i = 1; i < json_array_size(list); i++)
        if (json_number_value(json_object_get(json_array_get(list, i), "reward")) != json_number_value(first))
            return true;
    return false;
}

struct faults {
    struct raml_err first;
    size_t n;
    bool no_memory; /* for one of them */
};

/* A group that could be read and has samples; NULL: none. */
static json_t *read_group(const struct raml_buf *line, const char *path, size_t number, struct faults *faults)
{
    struct raml_place at = {path, number};
    struct raml_err bad = {0};
    json_t *o = NULL;
    enum raml_code rc = raml_json_parse(&at, line->data ? line->data : "", line->len, &o, &bad);
    if (!rc && json_array_size(json_object_get(o, "trajectories"))) return o;
    if (!rc) raml_fail(&bad, RAML_EFORMAT, "%s:%zu: found no samples in 'trajectories'", path, number);
    if (rc == RAML_ENOMEM) faults->no_memory = true;
    if (faults->n++ == 0) faults->first = bad;
    json_decref(o);
    return NULL;
}

/* Takes group if it is among those to show. *spare: the first without signal. */
static void take(json_t *group, json_t **list, size_t *n, json_t **spare)
{
    if (!group) return;
    if (has_signal(group) && *n < RAML_MAX_GROUPS) list[(*n)++] = group;
    else if (!*spare) *spare = group;
    else json_decref(group);
}

static void settle(json_t **list, size_t *n, json_t *spare)
{
    if (*n == 0 && spare) list[(*n)++] = spare;
    else json_decref(spare);
}

static enum raml_code keep(struct held *h, size_t k, const struct raml_lines *lines, struct raml_err *err)
{
    struct raml_buf *to = &h->line[k % RAML_ROLLOUT_LINES];
    h->number[k % RAML_ROLLOUT_LINES] = lines->number;
    raml_buf_clear(to);
    raml_buf_add(to, lines->line.data ? lines->line.data : "", lines->line.len);
    return raml_buf_status(to, err);
}

enum raml_code raml_rollouts_read(struct raml_rollouts_found *r, const char *path, struct raml_buf *notes,
                                  struct raml_err *err)
{
    if (!raml_is_file(path)) return RAML_OK;
    struct raml_lines lines;
    struct held held;
    json_t *spare = NULL;
    struct faults faults = {0};
    enum raml_code rc = raml_lines_init(&lines, path, LINE_MAX_BYTES, err);
    if (rc) return rc;
    for (size_t i = 0; i < RAML_ROLLOUT_LINES; i++) raml_buf_init(&held.line[i], LINE_MAX_BYTES);
    for (bool more = true; !rc;) {
        struct raml_err bad = {0};
        if (raml_lines_next(&lines, &more, &bad)) { /* what was read so far is still worth showing */
            raml_buf_addf(notes, "%s; the rest of the file was skipped\n", bad.msg);
            break;
        }
        if (!more) break;
        size_t k = r->n_lines++;
        if (k < RAML_ROLLOUT_LINES)
            take(read_group(&lines.line, path, lines.number, &faults), r->first, &r->n_first, &spare);
        else rc = keep(&held, k, &lines, err);
    }
    settle(r->first, &r->n_first, spare);
    spare = NULL;
    size_t from = r->n_lines > 2 * RAML_ROLLOUT_LINES ? r->n_lines - RAML_ROLLOUT_LINES : RAML_ROLLOUT_LINES;
    for (size_t k = from; !rc && k < r->n_lines; k++)
        take(read_group(&held.line[k % RAML_ROLLOUT_LINES], path, held.number[k % RAML_ROLLOUT_LINES], &faults),
             r->last, &r->n_last, &spare);
    settle(r->last, &r->n_last, spare);
    if (!rc && faults.no_memory) rc = raml_fail(err, RAML_ENOMEM, "%s: no memory to read it", path);
    if (faults.n) raml_buf_addf(notes, "%s; %zu lines were skipped for such reasons\n", faults.first.msg, faults.n);
    for (size_t i = 0; i < RAML_ROLLOUT_LINES; i++) raml_buf_deinit(&held.line[i]);
    raml_lines_deinit(&lines);
    return rc;
}

void raml_rollouts_found_deinit(struct raml_rollouts_found *r)
{
    for (size_t i = 0; i < r->n_first; i++) json_decref(r->first[i]);
    for (size_t i = 0; i < r->n_last; i++) json_decref(r->last[i]);
    *r = (struct raml_rollouts_found){0};
}
