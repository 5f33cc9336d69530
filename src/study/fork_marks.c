/* fork_marks.c - what the trajectory view shows of forks: an effect at each place, and where the answer stands. See
 * fork_parts.h. */
#include "study/fork_parts.h"

#include "core/array.h"
#include "study/visible.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_BYTES = 24, ANSWERS_SHOWN = 3, MAX_TEXT_BYTES = 1 << 20 };

void raml_fork_marks_deinit(struct raml_fork_marks *m)
{
    for (size_t i = 0; i < 2 * m->n; i++) free(m->text[i]);
    free(m->mark);
    free(m->text);
}

/* Takes name and text over. */
static enum raml_code add_mark(struct raml_fork_marks *m, double at, const char *kind, double value,
                               struct raml_buf *name, struct raml_buf *text, struct raml_err *err)
{
    enum raml_code rc = RAML_GROW(m->mark, m->cap, m->n + 1, "marks", err);
    if (!rc) rc = RAML_GROW(m->text, m->cap_text, 2 * (m->n + 1), "marks", err);
    if (!rc) rc = raml_buf_status(name, err);
    if (!rc) rc = raml_buf_status(text, err);
    if (!rc) {
        char **own = m->text + 2 * m->n;
        own[0] = raml_buf_take(name);
        own[1] = raml_buf_take(text);
        m->mark[m->n++] =
            (struct raml_coloured_mark){.at = at, .kind = kind, .name = own[0], .text = own[1], .value = value};
    }
    raml_buf_deinit(name);
    raml_buf_deinit(text);
    return rc;
}

/* The class that comes after class `last` by falling count, of equals the first; n_classes + 1: there is none. */
static size_t next_class(const struct raml_forked *f, const struct raml_forked_fork *x, size_t last)
{
    size_t none = f->n_classes + 1, best = none;
    for (size_t k = 0; k < none; k++) {
        bool later = last == none || x->count[k] < x->count[last] || (x->count[k] == x->count[last] && k > last);
        if (x->count[k] && later && (best == none || x->count[k] > x->count[best])) best = k;
    }
    return best;
}

static void add_answer(struct raml_buf *b, const char *text)
{
    size_t n = strlen(text);
    raml_text_visible(b, text, n < ANSWER_BYTES ? n : ANSWER_BYTES);
    if (n > ANSWER_BYTES) raml_buf_adds(b, "\u2026");
}

static void add_answers(struct raml_buf *b, const struct raml_forked *f, const struct raml_forked_fork *x)
{
    size_t none = f->n_classes + 1, shown = 0;
    for (size_t k = next_class(f, x, none); k < none && shown < ANSWERS_SHOWN; k = next_class(f, x, k)) {
        raml_buf_adds(b, shown++ ? ", " : "; answers: ");
        if (k < f->n_classes) add_answer(b, f->answer[k].text);
        else raml_buf_adds(b, "none");
        raml_buf_addf(b, " \u00d7 %u", x->count[k]);
    }
}

static enum raml_code mark_edit(struct raml_fork_marks *m, const struct raml_fork_plan *p, const struct raml_forked *f,
                                const struct raml_forked_edit *e, struct raml_err *err)
{
    const struct raml_fork_effect x = raml_forked_effect(f, e);
    const struct raml_forked_fork *fork = &f->fork[e->fork];
    const char *word = raml_fork_change_word(p, e->word);
    bool sampled = fork->count != NULL;
    struct raml_buf name, text;
    raml_buf_init(&name, MAX_TEXT_BYTES);
    raml_buf_init(&text, MAX_TEXT_BYTES);
    raml_buf_adds(&name, e->kind == RAML_FORK_END_THINKING ? "end thinking" : raml_fork_edit_name(e->kind));
    if (*word) raml_buf_adds(&name, " ");
    raml_text_visible(&name, word, strlen(word));
    raml_buf_adds(&text, "");
    if (sampled)
        raml_buf_addf(&text, "accuracy %.2f, unedited %.2f; KL %.2f", x.accuracy, x.accuracy - x.accuracy_change, x.kl);
    if (isfinite(x.now)) raml_buf_addf(&text, "%sL now %+.3f, carried %+.3f", sampled ? "; " : "", x.now, x.carried);
    if (sampled) add_answers(&text, f, fork);
    return add_mark(m, e->at, "fork", sampled ? x.accuracy_change : x.carried, &name, &text, err);
}

static enum raml_code mark_critical(struct raml_fork_marks *m, const struct raml_forked *f, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t k = 0; !rc && k < 2; k++) {
        struct raml_buf name, text;
        if (!(f->critical[k] >= 0)) continue;
        raml_buf_init(&name, MAX_TEXT_BYTES);
        raml_buf_init(&text, MAX_TEXT_BYTES);
        raml_buf_adds(&name, k ? "resampled" : "forced");
        raml_buf_adds(&text, "the final answer stands from here on");
        rc = add_mark(m, f->critical[k], "critical", NAN, &name, &text, err);
    }
    return rc;
}

enum raml_code raml_fork_marks_fill(struct raml_fork_marks *m, const struct raml_fork_plan *p,
                                    const struct raml_forked *f, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < f->n_edits; i++) {
        enum raml_fork_edit_kind kind = f->edit[i].kind;
        if (kind != RAML_FORK_UNEDITED && kind != RAML_FORK_WINDOW && kind != RAML_FORK_CONTROL &&
            kind != RAML_FORK_REPLACE_CONTROL)
            rc = mark_edit(m, p, f, &f->edit[i], err);
    }
    return rc ? rc : mark_critical(m, f, err);
}
