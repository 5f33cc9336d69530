/* exits_page.c - trajectories with the places where policies would have stopped. See exits_parts.h. */
#include "study/exits_parts.h"

#include "core/array.h"
#include "core/file.h"
#include "core/path.h"
#include "study/colour.h"
#include "study/text_sum.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PAGE = 1 << 28, TITLE = 400, TEXT = 200, SHOW_PIECES = 4000, KINDS = RAML_EXIT_KINDS };

struct stops { /* of one trajectory: a mark for the best setting of every kind */
    struct raml_coloured_mark mark[KINDS];
    char text[KINDS][TEXT];
    size_t n;
};
/* What all trajectories of the page share. */
struct page {
    const struct raml_exits_runs *r;
    const struct raml_exits_row *row;
    bool by_accuracy;
};

static void find_stops(const struct page *p, size_t i, struct stops *s)
{
    const struct raml_exits_runs *r = p->r;
    const struct raml_exits_trajectory *t = &r->set->trajectory[i];
    s->n = 0;
    for (int k = RAML_EXIT_BUDGET; k < KINDS; k++) {
        size_t policy = raml_exits_chosen_of(p->row, r->policies->n, (enum raml_exit_kind)k, p->by_accuracy);
        if (policy == r->policies->n) continue;
        const struct raml_exits_run *x = raml_exits_run_of(r, policy, i);
        if (!strcmp(x->reason, "end")) continue; /* it did not stop */
        char *text = s->text[s->n];
        snprintf(text, TEXT, "%s; answer %.60s, %s; %u tokens with probes", x->reason, t->probe[x->answer].answer,
                 x->right ? "right" : "wrong", x->total);
        s->mark[s->n++] = (struct raml_coloured_mark){.at = x->stop,
                                                      .kind = "exit",
                                                      .name = raml_exits_label((enum raml_exit_kind)k),
                                                      .text = text,
                                                      .value = NAN};
    }
}

/* -- marks.jsonl --------------------------------------------------------------------------------------------------- */

static json_t *marks_json(const struct raml_exits_trajectory *t, const struct stops *s)
{
    json_t *list = json_array();
    int failed = !list;
    for (size_t k = 0; !failed && k < s->n; k++)
        failed =
            json_array_append_new(list, json_pack("{s:I, s:s, s:s, s:s}", "at", (json_int_t)s->mark[k].at, "kind",
                                                  s->mark[k].kind, "name", s->mark[k].name, "text", s->mark[k].text));
    list = raml_json_checked(list, failed);
    json_t *o = list ? json_pack("{s:s, s:I, s:o}", "id", t->id, "sample", (json_int_t)t->sample, "marks", list) : NULL;
    struct raml_text_sum sum = {0};
    for (size_t k = 0; k + 1 < t->n_probes; k++) raml_text_sum_add(&sum, t->piece[k], strlen(t->piece[k]));
    return raml_json_checked(o, o && !raml_text_sum_set(o, t->n_tokens, &sum));
}

static enum raml_code write_marks(const struct page *p, const char *dir, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    struct raml_buf b;
    enum raml_code rc = raml_path_join(path, dir, "marks.jsonl", err);
    raml_buf_init(&b, MAX_PAGE);
    for (size_t i = 0; !rc && i < p->r->set->n; i++) {
        struct stops s;
        find_stops(p, i, &s);
        json_t *o = marks_json(&p->r->set->trajectory[i], &s);
        if (o) raml_json_add(&b, o);
        else rc = raml_fail(err, RAML_ENOMEM, "no memory for a record");
        raml_buf_adds(&b, "\n");
        json_decref(o);
    }
    if (!rc) rc = raml_buf_status(&b, err);
    if (!rc) rc = raml_file_write(path, b.data ? b.data : "", b.len, err);
    raml_buf_deinit(&b);
    return rc;
}

/* -- The page ------------------------------------------------------------------------------------------------------ */

static bool has_losses(const struct raml_exits_trajectory *t)
{
    for (size_t k = 0; k < t->n_probes; k++)
        if (isnan(t->probe[k].loss)) return false;
    return true;
}

static void add_heading(struct raml_buf *b, const struct raml_exits_trajectory *t)
{
    raml_text_visible(b, t->id, strlen(t->id));
    raml_buf_addf(b, " #%zu, %s%s%s: %zu tokens, answer %s", t->sample,
                  t->correct == RAML_EQUAL       ? "right"
                  : t->correct == RAML_DIFFERENT ? "wrong"
                                                 : "unlabelled",
                  t->family ? ", " : "", t->family ? t->family : "", t->n_tokens, t->gold);
}

static enum raml_code add_trajectory(struct raml_buf *b, const struct page *p, size_t i, struct raml_err *err)
{
    const struct raml_exits_trajectory *t = &p->r->set->trajectory[i];
    struct stops stops;
    struct raml_buf heading;
    double *value = malloc(2 * t->n_probes * sizeof *value);
    size_t *length = malloc(t->n_probes * sizeof *length);
    bool *greedy = malloc(t->n_probes * sizeof *greedy);
    raml_buf_init(&heading, MAX_PAGE);
    add_heading(&heading, t);
    enum raml_code rc = value && length && greedy ? raml_buf_status(&heading, err)
                                                  : raml_fail(err, RAML_ENOMEM, "no memory for a trajectory's page");
    for (size_t k = 0; !rc && k < t->n_probes; k++) {
        value[k] = t->probe[k].loss;
        value[t->n_probes + k] = (double)t->probe[k].at;
        greedy[k] = !strcmp(t->probe[k].answer, t->gold);
        length[k] = k + 1 < t->n_probes ? strlen(t->piece[k]) : 0;
    }
    find_stops(p, i, &stops);
    const struct raml_coloured c = {.heading = heading.data,
                                    .question = t->question,
                                    .piece = t->piece,
                                    .piece_len = length,
                                    .loss = value,
                                    .greedy = greedy,
                                    .at = value ? value + t->n_probes : NULL,
                                    .n_tokens = t->n_probes - 1,
                                    .show = SHOW_PIECES,
                                    .mark = stops.mark,
                                    .n_marks = stops.n};
    if (!rc) rc = raml_colour_trajectory(b, &c, err);
    raml_buf_deinit(&heading);
    free(value);
    free(length);
    free(greedy);
    return rc;
}

static enum raml_code write_page(const struct page *p, const size_t *shown, size_t n, const char *dir,
                                 const char *title, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    struct raml_buf b;
    enum raml_code rc = raml_path_join(path, dir, "trajectories.html", err);
    if (rc) return rc;
    raml_buf_init(&b, MAX_PAGE);
    raml_colour_begin(&b, title);
    raml_buf_addf(
        &b,
        "<p class=\"scale\">Here a coloured piece is what lies between two probes: up to %zu tokens, for which "
        "the loss changed by that much. A sign stands where a policy stops; one without a sign thinks to the "
        "end.</p>\n",
        p->r->set->stride);
    for (size_t i = 0; !rc && i < n; i++) rc = add_trajectory(&b, p, shown[i], err);
    raml_colour_end(&b);
    if (!rc) rc = raml_buf_status(&b, err);
    if (!rc) rc = raml_file_write(path, b.data, b.len, err);
    raml_buf_deinit(&b);
    return rc;
}

/* The first of the test half, one of each question, right and wrong in turn as they come. */
static size_t choose_shown(const struct raml_exits_set *s, size_t n_shown, size_t *shown)
{
    size_t n = 0, last = SIZE_MAX;
    for (size_t i = 0; i < s->n && n < n_shown; i++) {
        const struct raml_exits_trajectory *t = &s->trajectory[i];
        if (t->half != RAML_EXITS_TEST || t->number == last || !has_losses(t)) continue;
        last = t->number;
        shown[n++] = i;
    }
    return n;
}

enum raml_code raml_exits_page(const struct raml_exits_runs *r, const struct raml_exits_row *row,
                               const struct raml_exits_files_options *opt, const char *dir, const char *name,
                               struct raml_err *err)
{
    char title[TITLE];
    const struct page p = {.r = r, .row = row, .by_accuracy = opt->by_accuracy};
    size_t n_shown = opt->n_shown, *shown = malloc((n_shown + 1) * sizeof *shown);
    if (!shown) return raml_fail(err, RAML_ENOMEM, "no memory for the page of %zu trajectories", n_shown);
    snprintf(title, sizeof title, "Where thinking would have stopped%s%s", name ? ": " : "", name ? name : "");
    size_t n = choose_shown(r->set, n_shown, shown);
    enum raml_code rc = write_marks(&p, dir, err);
    if (!rc) rc = write_page(&p, shown, n, dir, title, err);
    free(shown);
    return rc;
}
