/* curves.c - loss curves from curves.jsonl: each line is averaged into its verdict's group and dropped; only the few
 * trajectories that will be shown are kept. */
#include "study/findings.h"

#include "core/elementary.h"

#include "core/file.h"
#include "core/json.h"
#include "study/curve_fields.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_BYTES = 1 << 26, CURVE_POINTS = 101 };

double *raml_json_numbers(const json_t *array)
{
    size_t n = json_array_size(array);
    double *out = malloc((n ? n : 1) * sizeof *out);
    for (size_t i = 0; out && i < n; i++) {
        const json_t *v = json_array_get(array, i);
        out[i] = json_is_number(v) ? json_number_value(v) : NAN;
        if (isfinite(out[i])) continue;
        free(out);
        return NULL;
    }
    return out;
}

#define COUNT_IN(field, v) ((field).sum += isnan(v) ? 0 : (v), (field).n += !isnan(v))

/* A valid line: L of T+1 finite numbers; tokens, if given, T texts; greedy, if given, T+1 truth values. */
static enum raml_code check_line(const struct raml_place *at, const json_t *obj, size_t *n, double **loss,
                                 struct raml_err *err)
{
    json_t *curve;
    enum raml_code rc = raml_json_array(at, obj, "L", &curve, err);
    if (rc) return rc;
    *n = json_array_size(curve);
    const json_t *tokens = json_object_get(obj, "tokens"), *greedy = json_object_get(obj, "greedy");
    if (*n == 0 || (tokens && json_array_size(tokens) + 1 != *n) || (greedy && json_array_size(greedy) != *n))
        return raml_fail(err, RAML_EFORMAT, "%s:%zu: L has %zu values, tokens %zu, greedy %zu; expected T+1, T and T+1",
                         at->path, at->line, *n, json_array_size(tokens), json_array_size(greedy));
    for (size_t i = 0; i < json_array_size(tokens); i++)
        if (!json_is_string(json_array_get(tokens, i)))
            return raml_fail(err, RAML_EFORMAT, "%s:%zu: tokens[%zu] is not a text", at->path, at->line, i);
    *loss = raml_json_numbers(curve);
    if (!*loss)
        return raml_fail(err, RAML_EFORMAT, "%s:%zu: L contains something other than finite numbers", at->path,
                         at->line);
    return RAML_OK;
}

static bool same(const json_t *a, const json_t *b, const char *key)
{
    const json_t *x = json_object_get(a, key), *y = json_object_get(b, key);
    return x && y && json_equal(x, y);
}

/* What a line adds to these n ones: 0, a text that is there; 1, another text of a question; 2, a question; 3, a family. */
static int news(json_t *const *shown, size_t n, const json_t *obj)
{
    int least = 3;
    for (size_t i = 0; i < n; i++) {
        int by = same(shown[i], obj, "family") || !json_object_get(obj, "family") ? 2 : 3;
        if (same(shown[i], obj, "id")) by = same(shown[i], obj, "tokens") ? 0 : 1;
        if (by < least) least = by;
    }
    return least;
}

/* Keeps the first line of each family; where there are fewer, of further questions, then further texts of these. */
static void consider(struct raml_trace_group *g, json_t *obj)
{
    if (!json_object_get(obj, "tokens")) return;
    int adds = news(g->selected, g->n_selected, obj), least = adds;
    size_t at = RAML_MAX_SELECTED;
    if (adds > 0 && g->n_selected < RAML_MAX_SELECTED) {
        g->selected[g->n_selected++] = json_incref(obj);
        return;
    }
    for (size_t i = g->n_selected; i-- > 1;) { /* the last of those that add least */
        int by = news(g->selected, i, g->selected[i]);
        if (by >= least) continue;
        least = by;
        at = i;
    }
    if (at == RAML_MAX_SELECTED) return;
    json_decref(g->selected[at]);
    g->selected[at] = json_incref(obj);
}

/* Trajectories of a question stand one after another in the file. */
static enum raml_code add_to_mean(struct raml_curve_mean *m, const json_t *obj, const double *value, size_t n,
                                  struct raml_err *err)
{
    const char *id = json_string_value(json_object_get(obj, "id"));
    return id ? raml_curve_mean_add_to(m, raml_hash(id, strlen(id), 0), value, n, err)
              : raml_curve_mean_add(m, value, n, err);
}

static enum raml_code add_within(struct raml_within *w, const json_t *obj, const double *loss, size_t n,
                                 struct raml_err *err)
{
    const json_t *verdict = json_object_get(obj, "correct");
    const char *id = json_string_value(json_object_get(obj, "id"));
    if (!id || !json_is_boolean(verdict)) return RAML_OK;
    return raml_within_add(w, raml_hash(id, strlen(id), 0), json_is_true(verdict), loss, n, err);
}

static enum raml_code add_greedy(struct raml_trace_group *g, const json_t *obj, size_t n, struct raml_err *err)
{
    const json_t *greedy = json_object_get(obj, "greedy");
    if (!greedy) return RAML_OK;
    double *share = malloc(n * sizeof *share);
    if (!share) return raml_fail(err, RAML_ENOMEM, "no memory for a curve of %zu values", n);
    for (size_t i = 0; i < n; i++) share[i] = json_is_true(json_array_get(greedy, i));
    enum raml_code rc = add_to_mean(&g->greedy, obj, share, n, err);
    free(share);
    return rc;
}

static enum raml_code add_line(struct raml_trace *t, json_t *obj, const double *loss, size_t n, struct raml_err *err)
{
    const json_t *verdict = json_object_get(obj, "correct"), *solved = json_object_get(obj, "solved_at");
    struct raml_trace_group *g = &t->group[json_is_true(verdict)    ? RAML_CORRECT
                                           : json_is_false(verdict) ? RAML_WRONG
                                                                    : RAML_UNJUDGED];
    struct raml_descent d;
    enum raml_code rc = raml_descent(loss, n, 0, &d, err);
    if (!rc) rc = add_to_mean(&g->loss, obj, loss, n, err);
    if (!rc) rc = add_within(&t->within, obj, loss, n, err);
    if (!rc) rc = add_greedy(g, obj, n, err);
    if (rc) return rc;
    const json_t *n_tokens = json_object_get(obj, "n_tokens"); /* more than steps where L was not read at every token */
    double answer = json_number_value(json_object_get(obj, "n_answer"));
    g->n++;
    g->of_kind[raml_answer_kind_of(obj)]++;
    COUNT_IN(g->tokens, json_is_integer(n_tokens) ? json_number_value(n_tokens) : (double)d.n_steps);
    COUNT_IN(g->first, d.first);
    COUNT_IN(g->last, d.last);
    COUNT_IN(g->total, d.total);
    COUNT_IN(g->monotonicity, d.monotonicity);
    COUNT_IN(g->efficiency, d.efficiency);
    COUNT_IN(g->tau_b, d.tau_b);
    COUNT_IN(g->p_last, answer > 0 ? raml_exp(-answer * d.last) : NAN);
    COUNT_IN(g->solved, json_is_number(solved) ? (double)(json_number_value(solved) >= 0) : NAN);
    consider(g, obj);
    return RAML_OK;
}

static enum raml_code read_lines(struct raml_lines *lines, struct raml_trace *t, struct raml_buf *notes,
                                 struct raml_err *err)
{
    size_t n_bad = 0, n_good = 0, n_cut = 0;
    struct raml_err first = {0}, first_cut = {0};
    enum raml_code rc = RAML_OK;
    for (bool more = true; !rc;) {
        struct raml_err bad = {0}, cut = {0};
        if (raml_lines_next(lines, &more, &bad)) { /* what was read so far is still worth showing */
            raml_buf_addf(notes, "%s; the rest of the file was skipped\n", bad.msg);
            break;
        }
        if (!more) break;
        struct raml_place at = {lines->path, lines->number};
        json_t *obj = NULL;
        double *loss = NULL;
        size_t n = 0;
        const char *text = lines->line.data ? lines->line.data : "";
        enum raml_code line_rc = raml_json_parse(&at, text, lines->line.len, &obj, &bad);
        if (!line_rc) line_rc = check_line(&at, obj, &n, &loss, &bad);
        if (!line_rc) {
            n_good++;
            if (raml_curve_fields_check(&at, obj, n - 1, &cut) && n_cut++ == 0) first_cut = cut;
            rc = add_line(t, obj, loss, n, err);
        } else if (line_rc == RAML_ENOMEM) {
            rc = raml_fail(err, line_rc, "%s", bad.msg);
        } else if (n_bad++ == 0) {
            first = bad;
        }
        free(loss);
        json_decref(obj);
    }
    if (!rc && n_cut)
        raml_buf_addf(notes, "%s; such fields of %zu of %zu lines were skipped\n", first_cut.msg, n_cut, n_good);
    if (!rc && n_bad)
        raml_buf_addf(notes, "%s; %zu of %zu lines were skipped for such reasons\n", first.msg, n_bad, n_bad + n_good);
    return rc;
}

enum raml_code raml_trace_read(const char *path, const char *name, struct raml_trace **out, struct raml_buf *notes,
                               struct raml_err *err)
{
    *out = NULL;
    if (!raml_is_file(path)) return RAML_OK;
    struct raml_trace *t = calloc(1, sizeof *t);
    if (!t || !(t->name = strdup(name))) {
        raml_trace_free(t);
        return raml_fail(err, RAML_ENOMEM, "no memory for the loss curves of %s", path);
    }
    enum raml_code rc = RAML_OK;
    for (size_t v = 0; !rc && v < RAML_N_VERDICTS; v++) {
        rc = raml_curve_mean_init(&t->group[v].loss, CURVE_POINTS, err);
        if (!rc) rc = raml_curve_mean_init(&t->group[v].greedy, CURVE_POINTS, err);
    }
    if (!rc) rc = raml_within_init(&t->within, CURVE_POINTS, err);
    struct raml_lines lines;
    if (!rc) rc = raml_lines_init(&lines, path, LINE_MAX_BYTES, err);
    if (!rc) {
        rc = read_lines(&lines, t, notes, err);
        if (!rc) rc = raml_within_end(&t->within, err);
        raml_lines_deinit(&lines);
    }
    size_t n = 0;
    for (size_t v = 0; v < RAML_N_VERDICTS; v++) n += t->group[v].n;
    if (rc || n == 0) raml_trace_free(t);
    else *out = t;
    return rc;
}

void raml_trace_kinds(const struct raml_trace *t, size_t kinds[RAML_ANSWER_KINDS])
{
    for (size_t v = 0; v < RAML_N_VERDICTS; v++)
        for (size_t k = 0; k < RAML_ANSWER_KINDS; k++) kinds[k] += t->group[v].of_kind[k];
}

void raml_trace_free(struct raml_trace *t)
{
    if (!t) return;
    for (size_t v = 0; v < RAML_N_VERDICTS; v++)
        for (size_t i = 0; i < t->group[v].n_selected; i++) json_decref(t->group[v].selected[i]);
    free(t->name);
    free(t);
}
