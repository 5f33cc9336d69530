/* distill.c - self-distillation with a hint: settings, the teacher's question, the objective. See raml/distill.h. */
#include "raml/distill.h"

#include <math.h>
#include <string.h>

#define AT(field) offsetof(struct raml_distill_options, field)
const struct raml_setting raml_distill_settings[] = {
    {"teacher", NULL, RAML_WORD, AT(teacher), "current", 0, 0, "current|start",
     "The model that is shown the hint: as it is now, or as it was when training started."},
    {"hint", NULL, RAML_WORD, AT(hint), "solution", 0, 0, "solution|answer",
     "What it is shown: the question's first trajectory that is not graded wrong, or its answer."},
    {"hint_format", NULL, RAML_TEXT, AT(hint_format),
     "{question}\n\nReference solution:\n{hint}\n\nNow solve it yourself, step by step.", 0, 0, NULL,
     "The teacher's question: {question}, {hint} and {answer} are replaced."},
    {"log_ratio_clip", NULL, RAML_REAL, AT(log_ratio_clip), "0", 0, 1e30, NULL,
     "Bound of the size of log p(student) - log p(teacher) as a token's coefficient; 0: none."},
    {"one_pass", NULL, RAML_FLAG, AT(one_pass), NULL, 0, 0, NULL,
     "Read the teacher in the student's pass, as a second root of its tree; costs more (to measure)."},
};
const size_t raml_n_distill_settings = sizeof raml_distill_settings / sizeof *raml_distill_settings;

enum raml_code raml_distill_check(const struct raml_distill_options *o, struct raml_err *err)
{
    enum raml_code rc = raml_settings_check(raml_distill_settings, raml_n_distill_settings, o, err);
    if (rc) return rc;
    if (!o->hint_format || !strstr(o->hint_format, "{hint}"))
        return raml_fail(err, RAML_EUSAGE, "hint_format is '%.100s'; expected a text with {hint} in it",
                         o->hint_format ? o->hint_format : "");
    if (o->one_pass && o->teacher != RAML_TEACHER_CURRENT)
        return raml_fail(err, RAML_EUSAGE,
                         "one_pass reads teacher and student with the same weights; expected teacher current");
    return RAML_OK;
}

/* -- The teacher's question ---------------------------------------------------------------------------------------- */

static const char *hint_of(const struct raml_distill_options *o, const struct raml_question *q)
{
    if (o->hint == RAML_HINT_ANSWER) return q->answer;
    for (size_t i = 0; i < q->n_trajectories; i++) {
        const struct raml_trajectory *t = &q->trajectory[i];
        if (t->correct != RAML_DIFFERENT && t->text && *t->text) return t->text;
    }
    return NULL;
}

enum raml_code raml_distill_question(const struct raml_distill_options *o, const struct raml_question *q, bool *has,
                                     struct raml_buf *out, struct raml_err *err)
{
    const char *hint = hint_of(o, q);
    const struct {
        const char *name, *text;
    } parts[] = {{"{question}", q->question}, {"{hint}", hint}, {"{answer}", q->answer ? q->answer : ""}};
    *has = hint && *hint;
    for (const char *at = o->hint_format; *has && *at;) {
        size_t i = 0, n = sizeof parts / sizeof *parts;
        while (i < n && strncmp(at, parts[i].name, strlen(parts[i].name)) != 0) i++;
        if (i < n) raml_buf_adds(out, parts[i].text);
        else raml_buf_add(out, at, 1);
        at += i < n ? strlen(parts[i].name) : 1;
    }
    return raml_buf_status(out, err);
}

/* -- The objective ------------------------------------------------------------------------------------------------- */

struct sums {
    double kl, student, teacher, entropy, clipped, weight, most;
};

/* What the teacher says of the row's tokens: [tokens of the row]; NULL: it says nothing. */
static const float *teacher_of(const struct raml_terms *t, size_t row)
{
    size_t n = t->start[row + 1] - t->start[row];
    if (!t->pair || t->pair[row] == 0) return t->ref_logp ? t->ref_logp + t->start[row] : NULL;
    for (size_t r = t->first_row; r < t->first_row + t->n_rows; r++)
        if (t->pair[r] == -t->pair[row] && t->start[r + 1] - t->start[r] == n) return t->logp + t->start[r];
    return NULL;
}

static void add_token(const struct raml_terms *t, size_t i, double teacher, double clip, double *d_logp, struct sums *s)
{
    double w = t->weight ? (double)t->weight[i] : 1, logp = (double)t->logp[i], ratio = logp - teacher;
    double bounded = clip > 0 ? fmax(-clip, fmin(clip, ratio)) : ratio;
    if (isnan(ratio)) bounded = ratio; /* fmin would lose it */
    s->kl += w * ratio;
    s->student -= w * logp;
    s->teacher -= w * teacher;
    if (t->entropy) s->entropy += w * (double)t->entropy[i];
    s->clipped += bounded != ratio ? w : 0;
    s->weight += w;
    s->most = fmax(s->most, fabs(ratio));
    if (d_logp) d_logp[i] = w * bounded / t->total;
}

static void report(const struct sums *s, double clip, struct raml_statistics *out)
{
    raml_statistics_add(out, "reverse_kl", s->kl, s->weight);
    raml_statistics_add(out, "student_nll", s->student, s->weight);
    raml_statistics_add(out, "teacher_nll", s->teacher, s->weight);
    raml_statistics_add(out, "entropy", s->entropy, s->weight);
    raml_statistics_max(out, "log_ratio_max", s->most);
    if (clip > 0) raml_statistics_add(out, "clipped_ratio", s->clipped, s->weight);
}

static enum raml_code evaluate(const void *user, const struct raml_terms *t, struct raml_objective_out *out,
                               struct raml_err *err)
{
    const struct raml_distill_options *o = user;
    struct sums s = {0};
    if (!(t->total > 0) || !isfinite(t->total))
        return raml_fail(err, RAML_ERANGE, "distillation: the sum of token weights is %g; expected a positive number",
                         t->total);
    for (size_t r = t->first_row; r < t->first_row + t->n_rows; r++) {
        bool taught = !t->pair || t->pair[r] >= 0;
        const float *teacher = taught ? teacher_of(t, r) : NULL;
        if (taught && !teacher)
            return raml_fail(err, RAML_ERANGE, "distillation: row %zu has no log-probabilities of a teacher", r + 1);
        for (size_t i = t->start[r]; i < t->start[r + 1]; i++) {
            if (out->d_logp) out->d_logp[i] = 0;
            if (out->d_entropy) out->d_entropy[i] = 0;
            if (taught && (!t->weight || t->weight[i] > 0))
                add_token(t, i, (double)teacher[i - t->start[r]], o->log_ratio_clip, out->d_logp, &s);
        }
    }
    out->loss = s.kl / t->total;
    if (out->statistics) report(&s, o->log_ratio_clip, out->statistics);
    return RAML_OK;
}

struct raml_objective raml_distill_objective(const struct raml_distill_options *o)
{
    return (struct raml_objective){.name = "distill", .evaluate = evaluate, .user = o, .no_entropy = true};
}
