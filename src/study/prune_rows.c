/* prune_rows.c - pruned trajectories as training rows: questions with trajectories. See prune_files.h. */
#include "study/prune_parts.h"

#include "core/array.h"
#include "core/path.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TEXT_BYTES = 1 << 28, RATIO_BYTES = 16 };

void raml_prune_rows_init(struct raml_prune_rows *r)
{
    *r = (struct raml_prune_rows){.last = NULL};
    raml_questions_init(&r->questions);
}

static void clear(struct raml_prune_rows *r)
{
    for (size_t i = 0; i < r->n; i++) {
        free((char *)(uintptr_t)r->trajectory[i].text);
        free((char *)(uintptr_t)r->trajectory[i].answer);
    }
    r->n = 0;
    r->last = NULL;
}

void raml_prune_rows_deinit(struct raml_prune_rows *r)
{
    clear(r);
    free(r->trajectory);
    raml_questions_deinit(&r->questions);
}

/* The question with the trajectories gathered for it. question: NULL: as it is. */
static enum raml_code add_question(struct raml_prune_rows *r, const char *question, struct raml_err *err)
{
    if (r->n == 0) return RAML_OK;
    struct raml_question q = *r->last;
    q.trajectory = r->trajectory;
    q.n_trajectories = r->n;
    if (question) q.question = question;
    enum raml_code rc = raml_questions_add(&r->questions, &q, err);
    if (!rc) r->n_written += r->n;
    clear(r);
    return rc;
}

/* The bytes of the kept tokens; what is no UTF-8 becomes U+FFFD. */
static enum raml_code text_of(const struct raml_prune_plan *p, const struct raml_prune_item *it,
                              const struct raml_prune_set *s, struct raml_buf *out, struct raml_err *err)
{
    struct raml_buf raw;
    raml_buf_init(&raw, MAX_TEXT_BYTES);
    enum raml_code rc = raml_tokenizer_decode(p->source.tokenizer, it->pool.id + s->at, s->n, true, &raw, err);
    raml_buf_add(out, "", 0);
    if (!rc && raw.data) raml_utf8_clean(out, raw.data, raw.len);
    if (!rc) rc = raml_buf_status(out, err);
    raml_buf_deinit(&raw);
    return rc;
}

/* The ratio's text after the question's. */
static enum raml_code with_ratio(const char *question, const char *ratio_text, double share, struct raml_buf *out,
                                 struct raml_err *err)
{
    char ratio[RATIO_BYTES];
    const char *at = strstr(ratio_text, "{}");
    snprintf(ratio, sizeof ratio, "%.1f", share);
    raml_buf_adds(out, question);
    raml_buf_add(out, ratio_text, (size_t)(at - ratio_text));
    raml_buf_adds(out, ratio);
    raml_buf_adds(out, at + 2);
    return raml_buf_status(out, err);
}

static enum raml_code add_trajectory(struct raml_prune_rows *r, const struct raml_prune_plan *p,
                                     const struct raml_prune_item *it, const struct raml_prune_set *s,
                                     struct raml_err *err)
{
    struct raml_buf text;
    raml_buf_init(&text, MAX_TEXT_BYTES);
    enum raml_code rc = RAML_GROW(r->trajectory, r->cap, r->n + 1, "pruned trajectories", err);
    if (!rc) rc = text_of(p, it, s, &text, err);
    char *answer = !rc && s->answer ? strdup(s->answer) : NULL;
    char *owned = rc ? NULL : raml_buf_take(&text);
    raml_buf_deinit(&text);
    if (rc) return rc;
    if (!owned || (s->answer && !answer)) {
        free(owned);
        free(answer);
        return raml_fail(err, RAML_ENOMEM, "no memory for a pruned trajectory");
    }
    r->trajectory[r->n++] = (struct raml_trajectory){.text = owned,
                                                     .answer = answer,
                                                     .correct = s->answer ? s->verdict : RAML_UNKNOWN,
                                                     .think_closed = true,
                                                     .logp_sum = NAN};
    return RAML_OK;
}

enum raml_code raml_prune_rows_add(struct raml_prune_rows *r, const struct raml_prune_plan *p,
                                   const struct raml_prune_item *it, struct raml_err *err)
{
    if (p->write == RAML_PRUNE_NONE) return RAML_OK;
    size_t cell = raml_prune_cell(p, p->write, raml_prune_own_method(p->level[p->write].kind), 0);
    if (it->kept[cell].set == RAML_PRUNE_NONE) return RAML_OK; /* it has no summary */
    const struct raml_prune_set *s = &it->set[it->kept[cell].set];
    bool right = s->verdict == RAML_EQUAL && s->answer;
    if (!right && !p->opt->write_wrong) {
        r->n_not_right++;
        return RAML_OK;
    }
    enum raml_code rc = r->last && r->last != it->q ? add_question(r, NULL, err) : RAML_OK;
    if (rc) return rc;
    r->last = it->q;
    rc = add_trajectory(r, p, it, s, err);
    if (rc || !p->opt->ratio_text) return rc;
    struct raml_buf question; /* the ratio is the trajectory's own: a row for each */
    raml_buf_init(&question, MAX_TEXT_BYTES);
    rc = with_ratio(it->q->question, p->opt->ratio_text, (double)s->n / (double)it->text.trajectory.n, &question, err);
    if (!rc) rc = add_question(r, question.data, err);
    raml_buf_deinit(&question);
    return rc;
}

enum raml_code raml_prune_rows_write(struct raml_prune_rows *r, const struct raml_prune_plan *p, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    if (p->write == RAML_PRUNE_NONE) return RAML_OK;
    enum raml_code rc = add_question(r, NULL, err);
    if (!rc) rc = raml_path_join(path, p->job->dir, "pruned.jsonl", err);
    return rc ? rc : raml_questions_write(&r->questions, path, err);
}
