/* update_stats.c - measures of updates, averaged over questions. See update_parts.h. */
#include "study/update_parts.h"

#include "core/path.h"
#include "inner/update_measure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { M = RAML_UPDATE_MEASURES, G = RAML_TRACE_GROUPS, MATRICES = RAML_UPDATE_MATRICES, MAX_TABLE_BYTES = 1 << 28 };

const char *raml_update_kind_name(enum raml_update_kind k)
{
    static const char *const name[] = {"real",          "filler",         "foreign",        "shuffled",
                                       "real - filler", "real - foreign", "real - shuffled"};
    return k < RAML_UPDATE_KINDS ? name[k] : "?";
}

const char *raml_update_measure_name(enum raml_update_measure m)
{
    static const char *const name[] = {"distance",   "step",  "turn",       "straightness", "rank_updates",
                                       "rank_steps", "align", "align_mean", "align_left",   "attainable"};
    return m < RAML_UPDATE_MEASURES ? name[m] : "?";
}

enum raml_code raml_update_stats_init(struct raml_update_stats *s, size_t n_layers, struct raml_err *err)
{
    *s = (struct raml_update_stats){.n_layers = n_layers, .n_slots = n_layers * (MATRICES + 1) + 3};
    size_t each = G * s->n_slots * M;
    s->sum = calloc(UPDATE_KINDS * each, sizeof *s->sum);
    s->n = calloc(UPDATE_KINDS * each, sizeof *s->n);
    s->mean = calloc(RAML_UPDATE_KINDS * each, sizeof *s->mean);
    s->m2 = calloc(RAML_UPDATE_KINDS * each, sizeof *s->m2);
    s->n_questions = calloc(RAML_UPDATE_KINDS * each, sizeof *s->n_questions);
    if (s->sum && s->n && s->mean && s->m2 && s->n_questions) return RAML_OK;
    return raml_fail(err, RAML_ENOMEM, "no memory for the means of %zu layers", n_layers);
}

void raml_update_stats_deinit(struct raml_update_stats *s)
{
    free(s->sum);
    free(s->n);
    free(s->mean);
    free(s->m2);
    free(s->n_questions);
    *s = (struct raml_update_stats){0};
}

size_t raml_update_slot_layer(const struct raml_update_stats *s, size_t layer)
{
    return s->n_layers * MATRICES + layer;
}

size_t raml_update_slot_gate_up(const struct raml_update_stats *s)
{
    return s->n_layers * (MATRICES + 1);
}

size_t raml_update_slot_all(const struct raml_update_stats *s)
{
    return raml_update_slot_gate_up(s) + 1;
}

size_t raml_update_slot_average(const struct raml_update_stats *s)
{
    return raml_update_slot_gate_up(s) + 2;
}

static size_t index_of(const struct raml_update_stats *s, size_t kind, size_t group, size_t slot, size_t m)
{
    return ((kind * G + group) * s->n_slots + slot) * M + m;
}

/* -- One trajectory ------------------------------------------------------------------------------------------------ */

double raml_update_mean_of(const double *x, size_t n)
{
    double sum = 0;
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(x[i])) continue;
        sum += x[i];
        count++;
    }
    return count ? sum / (double)count : NAN;
}

static void values_of(const struct raml_update_measures *m, size_t n, double out[M])
{
    const double pi = 3.14159265358979323846;
    double sum = 0;
    for (size_t i = 0; i + 1 < n; i++) sum += m->step[i];
    out[RAML_UPDATE_DISTANCE] = m->distance[n - 1];
    out[RAML_UPDATE_STEP] = n > 1 ? sum / (double)(n - 1) : NAN;
    out[RAML_UPDATE_TURN] = n > 2 ? raml_update_mean_of(m->turn, n - 2) * 180 / pi : NAN;
    out[RAML_UPDATE_STRAIGHTNESS] = sum > 0 ? m->distance[n - 1] / sum : NAN;
    out[RAML_UPDATE_RANK_UPDATES] = m->rank_updates;
    out[RAML_UPDATE_RANK_STEPS] = m->rank_steps;
    out[RAML_UPDATE_ALIGN] = m->align[n - 1];
    out[RAML_UPDATE_ALIGN_MEAN] = raml_update_mean_of(m->align, n);
    out[RAML_UPDATE_ALIGN_LEFT] = m->align_left[n - 1] * sqrt((double)m->n_left);
    out[RAML_UPDATE_ATTAINABLE] = m->attainable[n - 1];
}

void raml_update_layer_measures(const struct raml_update *u, size_t layer, double *own,
                                struct raml_update_measures *out)
{
    const struct raml_update_measures *m = &u->matrix[layer * MATRICES];
    double weight = 0, gradient = 0;
    raml_update_measures_set(out, own, u->n_points);
    for (size_t k = 0; k < MATRICES; k++) {
        weight += m[k].weight_norm * m[k].weight_norm;
        gradient += m[k].gradient_norm * m[k].gradient_norm;
    }
    out->weight_norm = sqrt(weight);
    out->gradient_norm = sqrt(gradient);
    out->n_left = 1;
    for (size_t i = 0; i < u->n_points; i++) {
        double length = 0, step = 0, dot = 0, left = 0;
        for (size_t k = 0; k < MATRICES; k++) {
            double l = m[k].distance[i] * m[k].weight_norm, s = i ? m[k].step[i - 1] * m[k].weight_norm : 0;
            length += l * l;
            step += s * s;
            dot += m[k].align[i] * l * m[k].gradient_norm;
            left += m[k].align_left[i] * sqrt((double)m[k].n_left) / MATRICES;
        }
        out->distance[i] = sqrt(length / weight);
        if (i) out->step[i - 1] = sqrt(step / weight);
        out->align[i] = dot / sqrt(length * gradient);
        out->align_left[i] = left;
    }
}

static void add_slot(struct raml_update_stats *s, const struct raml_updated *t, size_t slot, const double value[M])
{
    const size_t group[] = {(size_t)t->verdict, RAML_TRACE_ALL};
    for (size_t g = 0; g < 2; g++) {
        size_t at = index_of(s, (size_t)t->kind, group[g], slot, 0);
        for (size_t k = 0; k < M; k++) {
            if (isnan(value[k])) continue;
            s->sum[at + k] += value[k];
            s->n[at + k]++;
        }
    }
}

void raml_update_stats_add(struct raml_update_stats *s, const struct raml_updated *t,
                           const struct raml_update_measures *layer)
{
    const struct raml_update *u = t->update;
    size_t n = u->n_points, n_matrices = s->n_layers * MATRICES;
    double value[M], average[M] = {0};
    for (size_t i = 0; i < n_matrices; i++) {
        values_of(&u->matrix[i], n, value);
        for (size_t k = 0; k < M; k++) average[k] += value[k] / (double)n_matrices;
        add_slot(s, t, i, value);
    }
    add_slot(s, t, raml_update_slot_average(s), average);
    for (size_t l = 0; l < s->n_layers; l++) {
        values_of(&layer[l], n, value);
        add_slot(s, t, raml_update_slot_layer(s, l), value);
    }
    values_of(&u->gate_up, n, value);
    add_slot(s, t, raml_update_slot_gate_up(s), value);
    values_of(&u->all, n, value);
    add_slot(s, t, raml_update_slot_all(s), value);
}

/* -- Over questions ------------------------------------------------------------------------------------------------ */

static void add_question(struct raml_update_stats *s, size_t at, double x) /* Welford's update */
{
    double n = (double)++s->n_questions[at], off = x - s->mean[at];
    s->mean[at] += off / n;
    s->m2[at] += off * (x - s->mean[at]);
}

void raml_update_stats_end_question(struct raml_update_stats *s)
{
    size_t each = G * s->n_slots * M;
    for (size_t i = 0; i < each; i++) {
        double mean[UPDATE_KINDS];
        for (size_t kind = 0; kind < UPDATE_KINDS; kind++) {
            size_t at = kind * each + i;
            mean[kind] = s->n[at] ? s->sum[at] / (double)s->n[at] : NAN;
            if (s->n[at]) add_question(s, at, mean[kind]);
            s->sum[at] = 0;
            s->n[at] = 0;
        }
        for (size_t kind = RAML_UPDATE_FILLER; kind < UPDATE_KINDS; kind++) {
            double difference = mean[RAML_UPDATE_REAL] - mean[kind];
            if (!isnan(difference)) add_question(s, (kind + UPDATE_KINDS - 1) * each + i, difference);
        }
    }
}

struct raml_update_mean raml_update_stats_read(const struct raml_update_stats *s, enum raml_update_kind kind,
                                               size_t group, size_t slot, enum raml_update_measure m)
{
    size_t at = index_of(s, (size_t)kind, group, slot, (size_t)m), n = s->n_questions[at];
    double half = n > 1 ? 1.96 * sqrt(s->m2[at] / (double)(n - 1) / (double)n) : NAN;
    if (n == 0) return (struct raml_update_mean){NAN, NAN, NAN, 0};
    return (struct raml_update_mean){s->mean[at], s->mean[at] - half, s->mean[at] + half, n};
}

static void add_number(struct raml_buf *b, double x)
{
    if (isfinite(x)) raml_buf_addf(b, "\t%.7g", x);
    else raml_buf_adds(b, "\tnan");
}

static void add_name(const struct raml_update_stats *s, size_t slot, struct raml_buf *b)
{
    if (slot < s->n_layers * MATRICES)
        raml_buf_addf(b, "\t%zu\t%s", slot / MATRICES,
                      raml_update_matrix_name((enum raml_update_matrix)(slot % MATRICES)));
    else if (slot < raml_update_slot_gate_up(s)) raml_buf_addf(b, "\t%zu\tall", slot - s->n_layers * MATRICES);
    else if (slot == raml_update_slot_average(s)) raml_buf_adds(b, "\tmean\tmean");
    else raml_buf_addf(b, "\tall\t%s", slot == raml_update_slot_all(s) ? "all" : "gate_up");
}

enum raml_code raml_update_stats_write(const struct raml_update_stats *s, const char *dir, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    struct raml_buf b;
    enum raml_code rc = raml_path_join(path, dir, "update.tsv", err);
    if (rc) return rc;
    raml_buf_init(&b, MAX_TABLE_BYTES);
    raml_buf_adds(&b, "trajectory\tgroup\tlayer\tmatrix\tmeasure\tn\tmean\tlow\thigh\n");
    for (size_t i = 0; i < (size_t)RAML_UPDATE_KINDS * G * s->n_slots * M; i++) {
        size_t m = i % M, slot = i / M % s->n_slots, group = i / M / s->n_slots % G, kind = i / M / s->n_slots / G;
        const struct raml_update_mean x =
            raml_update_stats_read(s, (enum raml_update_kind)kind, group, slot, (enum raml_update_measure)m);
        if (x.n == 0) continue;
        raml_buf_addf(&b, "%s\t%s", raml_update_kind_name((enum raml_update_kind)kind),
                      raml_trace_verdict_name((enum raml_trace_verdict)group));
        add_name(s, slot, &b);
        raml_buf_addf(&b, "\t%s\t%zu", raml_update_measure_name((enum raml_update_measure)m), x.n);
        add_number(&b, x.mean);
        add_number(&b, x.low);
        add_number(&b, x.high);
        raml_buf_adds(&b, "\n");
    }
    rc = raml_buf_status(&b, err);
    if (!rc) rc = raml_file_write(path, b.data, b.len, err);
    raml_buf_deinit(&b);
    return rc;
}
