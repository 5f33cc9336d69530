/* part_trajectories.c - some of the report's trajectories, coloured token by token. */
#include "study/page.h"

#include "core/array.h"
#include "core/elementary.h"

#include "study/colour.h"
#include "study/curve_fields.h"
#include "study/trajectory_view.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SHOW_TOKENS = 3000 };

static void add_word(struct raml_page *p, const json_t *selected, const char *key, const char *before)
{
    const json_t *v = json_object_get(selected, key);
    if (!v || json_is_null(v)) return;
    raml_buf_adds(&p->html, before);
    if (json_is_string(v)) raml_page_text(p, json_string_value(v));
    else raml_page_number(p, json_is_number(v) ? json_number_value(v) : NAN);
}

static void add_head(struct raml_page *p, const json_t *selected, const double *loss, size_t n_tokens,
                     const char *verdict)
{
    struct raml_buf *b = &p->html;
    double answer = raml_page_get(selected, "n_answer"), stated = raml_page_get(selected, "n_tokens");
    double solved = raml_page_get(selected, "solved_at");
    size_t kind[RAML_ANSWER_KINDS] = {0};
    kind[raml_answer_kind_of(selected)] = 1;
    raml_buf_addf(b, "<p><b>%s</b>", verdict);
    add_word(p, selected, "family", " \u00B7 ");
    add_word(p, selected, "difficulty", ", difficulty ");
    add_word(p, selected, "style", " \u00B7 ");
    add_word(p, selected, "id", " \u00B7 ");
    add_word(p, selected, "sample", " #");
    raml_buf_addf(b, "<br><span class=\"dim\">L of the %s: %.3f \u2192 %.3f in %.0f tokens",
                  raml_answer_kind_words(kind), loss[0], loss[n_tokens], isnan(stated) ? (double)n_tokens : stated);
    if (answer > 0)
        raml_buf_addf(b, " \u00B7 p(answer): %.3g \u2192 %.3g", raml_exp(-answer * loss[0]),
                      raml_exp(-answer * loss[n_tokens]));
    if (solved >= 0) raml_buf_addf(b, " \u00B7 solved at token %.0f", solved);
    raml_buf_adds(b, "</span></p>\n");
    add_word(p, selected, "question", "<p class=\"dim\">");
    if (json_is_string(json_object_get(selected, "question"))) raml_buf_adds(b, "</p>\n");
}

static enum raml_code add_selected(struct raml_page *p, const json_t *selected, size_t verdict, struct raml_err *err)
{
    static const char *const name[] = {"wrong", "correct", "not graded"}, *const css[] = {"wrong", "right", "open"};
    const json_t *tokens = json_object_get(selected, "tokens"), *truth = json_object_get(selected, "greedy");
    size_t n = json_array_size(tokens);
    double *loss = raml_json_numbers(json_object_get(selected, "L"));
    const char **piece = calloc(n + 1, sizeof *piece);
    size_t *len = calloc(n + 1, sizeof *len);
    bool *greedy = calloc(n + 1, sizeof *greedy);
    struct raml_curve_fields fields;
    enum raml_code rc = raml_curve_fields_read(selected, n, &fields, err);
    if (!rc && (!loss || !piece || !len || !greedy))
        rc = raml_fail(err, RAML_ENOMEM, "no memory for a trajectory of %zu tokens", n);
    if (rc) goto out;
    for (size_t i = 0; i < n; i++) {
        piece[i] = json_string_value(json_array_get(tokens, i));
        len[i] = json_string_length(json_array_get(tokens, i));
    }
    for (size_t i = 0; truth && i <= n; i++) greedy[i] = json_is_true(json_array_get(truth, i));
    double answer = raml_page_get(selected, "n_answer");
    /* clang-format off */
    struct raml_coloured t = {.piece = piece, .piece_len = len, .loss = loss, .greedy = truth ? greedy : NULL,
                                    .n_tokens = n, .show = SHOW_TOKENS,
                                    .n_answer = answer >= 1 && answer < 1e9 ? (size_t)answer : 0};
    /* clang-format on */
    raml_curve_fields_show(&fields, &t);
    raml_buf_addf(&p->html, "<div class=\"sample %s\">\n", css[verdict]);
    add_head(p, selected, loss, n, name[verdict]);
    rc = raml_colour_trajectory(&p->html, &t, err);
    raml_buf_adds(&p->html, "</div>\n");
out:
    raml_curve_fields_deinit(&fields);
    free(loss);
    free(piece);
    free(len);
    free(greedy);
    return rc;
}

enum raml_code raml_part_trajectories(struct raml_page *p, struct raml_err *err)
{
    static const size_t order[] = {RAML_CORRECT, RAML_WRONG, RAML_UNJUDGED};
    const struct raml_findings *f = p->found;
    size_t n = 0, n_traces = 0;
    for (size_t r = 0; r < f->n_runs; r++)
        for (size_t t = 0; t < f->run[r]->n_traces; t++, n_traces++)
            for (size_t v = 0; v < RAML_N_VERDICTS; v++) n += f->run[r]->trace[t]->group[v].n_selected;
    if (n == 0) return RAML_OK;
    enum raml_code rc = RAML_OK;
    raml_buf_adds(&p->html, "<h2>What single tokens do</h2>\n<p class=\"dim\">Not chosen for looks: of correct "
                            "and of wrong trajectories the first of each family in the order of the file, of different "
                            "questions where there are such.</p>\n");
    raml_colour_legend(&p->html);
    for (size_t r = 0; !rc && r < f->n_runs; r++)
        for (size_t t = 0; !rc && t < f->run[r]->n_traces; t++) {
            const struct raml_trace *trace = f->run[r]->trace[t];
            if (n_traces > 1) {
                raml_buf_adds(&p->html, "<h3>");
                raml_page_text(p, raml_page_run_name(f->run[r]));
                if (*trace->name) raml_buf_adds(&p->html, ": ");
                raml_page_text(p, trace->name);
                raml_buf_adds(&p->html, "</h3>\n");
            }
            raml_buf_adds(&p->html, "<div class=\"grid\">\n"); /* one column per verdict */
            for (size_t v = 0; !rc && v < RAML_N_VERDICTS; v++) {
                if (trace->group[order[v]].n_selected == 0) continue;
                raml_buf_adds(&p->html, "<div>\n");
                for (size_t i = 0; !rc && i < trace->group[order[v]].n_selected; i++)
                    rc = add_selected(p, trace->group[order[v]].selected[i], order[v], err);
                raml_buf_adds(&p->html, "</div>\n");
            }
            raml_buf_adds(&p->html, "</div>\n");
        }
    raml_view_script(&p->html);
    return rc;
}
