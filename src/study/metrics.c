/* metrics.c - training curves from metrics.jsonl and timing.jsonl: every number of a line, over the line's "step". */
#include "study/findings.h"

#include "core/array.h"
#include "core/file.h"
#include "core/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_BYTES = 1 << 20, POINTS_MAX = 1 << 22, NAME_MAX_BYTES = 64, END_SHARE = 5 };

static struct raml_metric_series *find_or_add(struct raml_metrics *m, const char *name)
{
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(m->series[i].name, name) == 0) return &m->series[i];
    if (m->n == RAML_MAX_METRICS || strlen(name) > NAME_MAX_BYTES) return NULL;
    char *copy = strdup(name);
    if (!copy) return NULL;
    m->series[m->n] = (struct raml_metric_series){.name = copy};
    return &m->series[m->n++];
}

/* False: no memory. */
static bool add_point(struct raml_metric_series *s, double step, double value)
{
    if (s->n == POINTS_MAX) return true; /* a curve of millions of points shows nothing more */
    size_t x = s->cap, y = s->cap;
    if (RAML_GROW(s->step, x, s->n + 1, "points", NULL) || RAML_GROW(s->value, y, s->n + 1, "points", NULL))
        return false;
    s->cap = y;
    s->step[s->n] = step;
    s->value[s->n++] = value;
    return true;
}

static enum raml_code add_line(struct raml_metrics *m, const json_t *obj, double step, struct raml_err *err)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)obj, key, value) {
        if (!json_is_number(value) || strcmp(key, "step") == 0 || !isfinite(json_number_value(value))) continue;
        struct raml_metric_series *s = find_or_add(m, key);
        if (s && !add_point(s, step, json_number_value(value)))
            return raml_fail(err, RAML_ENOMEM, "no memory for the curve '%s'", key);
    }
    return RAML_OK;
}

enum raml_code raml_metrics_read(struct raml_metrics *m, const char *path, struct raml_buf *notes, struct raml_err *err)
{
    if (!raml_is_file(path)) return RAML_OK;
    struct raml_lines lines;
    size_t n_bad = 0, n_good = 0;
    struct raml_err first = {0};
    enum raml_code rc = raml_lines_init(&lines, path, LINE_MAX_BYTES, err);
    if (rc) return rc;
    for (bool more = true; !rc;) {
        struct raml_err bad = {0};
        if (raml_lines_next(&lines, &more, &bad)) { /* what was read so far is still worth showing */
            raml_buf_addf(notes, "%s; the rest of the file was skipped\n", bad.msg);
            break;
        }
        if (!more) break;
        struct raml_place at = {path, lines.number};
        json_t *obj = NULL;
        double step = 0;
        const char *text = lines.line.data ? lines.line.data : "";
        enum raml_code line_rc = raml_json_parse(&at, text, lines.line.len, &obj, &bad);
        if (!line_rc) line_rc = raml_json_num(&at, obj, "step", &step, &bad);
        if (line_rc == RAML_ENOMEM) {
            rc = raml_fail(err, line_rc, "%s", bad.msg);
        } else if (line_rc) {
            if (n_bad++ == 0) first = bad;
        } else {
            n_good++;
            rc = add_line(m, obj, step, err);
        }
        json_decref(obj);
    }
    if (!rc && n_bad)
        raml_buf_addf(notes, "%s; %zu of %zu lines were skipped for such reasons\n", first.msg, n_bad, n_bad + n_good);
    raml_lines_deinit(&lines);
    return rc;
}

void raml_metrics_deinit(struct raml_metrics *m)
{
    for (size_t i = 0; i < m->n; i++) {
        free(m->series[i].name);
        free(m->series[i].step);
        free(m->series[i].value);
    }
    m->n = 0;
}

const struct raml_metric_series *raml_metrics_find(const struct raml_metrics *m, const char *name)
{
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(m->series[i].name, name) == 0 && m->series[i].n) return &m->series[i];
    return NULL;
}

bool raml_metric_is_evaluation(const struct raml_metric_series *s)
{
    return strncmp(s->name, "eval_", strlen("eval_")) == 0;
}

void raml_metric_ends(const struct raml_metric_series *s, double *first, double *last)
{
    size_t n = s->n < END_SHARE || raml_metric_is_evaluation(s) ? 1 : s->n / END_SHARE;
    *first = *last = 0;
    for (size_t i = 0; i < n; i++) {
        *first += s->value[i] / (double)n;
        *last += s->value[s->n - 1 - i] / (double)n;
    }
}

static bool has(const struct raml_run_found *run, const char *name)
{
    return raml_metrics_find(&run->metrics, name) != NULL;
}

/* Has the recipe a line that sets loss_type to a value that begins with ipo? */
static bool is_ipo(const char *recipe)
{
    static const char key[] = "loss_type:";
    for (const char *line = recipe; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        if (strncmp(line, key, strlen(key)) != 0) continue;
        const char *value = line + strlen(key);
        return strncmp(value + strspn(value, " \""), "ipo", strlen("ipo")) == 0;
    }
    return false;
}

enum raml_method raml_method_of(const struct raml_run_found *run)
{
    if (has(run, "rewards/margins")) return is_ipo(run->recipe) ? RAML_METHOD_IPO : RAML_METHOD_PAIRS;
    if (has(run, "reverse_kl")) return RAML_METHOD_DISTILL;
    if (has(run, "policy_loss") || has(run, "clip_ratio/region_mean")) return RAML_METHOD_POLICY;
    if (has(run, "reward")) return RAML_METHOD_RFT;
    return has(run, "nll") ? RAML_METHOD_DFT : RAML_METHOD_SFT;
}
