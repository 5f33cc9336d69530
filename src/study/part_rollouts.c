/* part_rollouts.c - some groups of rollouts: a question and its samples, each text once, with reward and advantage. */
#include "study/page.h"

#include <math.h>
#include <string.h>

enum { MAX_TEXTS = 8, MAX_BYTES = 1200 }; /* of a group; of a text */

static const char *text_of(const json_t *sample)
{
    const char *text = json_string_value(json_object_get(sample, "text"));
    return text ? text : "";
}

static bool same(const json_t *a, const json_t *b)
{
    static const char *const key[] = {"text", "answer", "reward", "advantage", "trained", "fork"};
    for (size_t i = 0; i < sizeof key / sizeof *key; i++) {
        const json_t *x = json_object_get(a, key[i]), *y = json_object_get(b, key[i]);
        if (x != y && !json_equal(x, y)) return false;
    }
    return true;
}

/* How many of the samples are the same as sample i; 0: an earlier one is. */
static size_t count_same(const json_t *list, size_t i)
{
    size_t n = 0;
    for (size_t k = 0; k < json_array_size(list); k++) {
        if (!same(json_array_get(list, i), json_array_get(list, k))) continue;
        if (k < i) return 0;
        n++;
    }
    return n;
}

static void add_number(struct raml_page *p, const json_t *sample, const char *key, const char *before)
{
    double v = raml_page_get(sample, key);
    if (isnan(v)) return;
    raml_buf_adds(&p->html, before);
    raml_page_number(p, round(v * 1e3) / 1e3);
}

/* Lines as they are, what can't be seen made visible. */
static void add_text(struct raml_page *p, const char *text)
{
    size_t n = strlen(text), shown = n < MAX_BYTES ? n : MAX_BYTES;
    char line[MAX_BYTES + 1];
    while (shown < n && shown > 0 && ((unsigned char)text[shown] & 0xC0) == 0x80) shown--; /* whole characters */
    raml_buf_adds(&p->html, "<pre>");
    for (size_t at = 0; at < shown;) {
        const char *end = memchr(text + at, '\n', shown - at);
        size_t len = end ? (size_t)(end - text) - at : shown - at;
        memcpy(line, text + at, len);
        line[len] = 0;
        raml_page_text(p, line);
        if (end) raml_buf_adds(&p->html, "\n");
        at += len + (end != NULL);
    }
    if (shown < n) raml_buf_addf(&p->html, " \u2026 (%zu more bytes)", n - shown);
    raml_buf_adds(&p->html, "</pre>\n");
}

/* advantages: the method has them. */
static void add_sample(struct raml_page *p, const json_t *sample, size_t n, bool advantages)
{
    const json_t *right = json_object_get(sample, "correct"), *answer = json_object_get(sample, "answer");
    const json_t *fork = json_object_get(sample, "fork");
    const char *finish = json_string_value(json_object_get(sample, "finish_reason"));
    const char *css = json_is_true(right) ? "right" : json_is_false(right) ? "wrong" : "open";
    const char *word = json_is_true(right) ? "right" : json_is_false(right) ? "wrong" : "not graded";
    raml_buf_addf(&p->html, "<div class=\"sample %s\"><p><b>%s</b>", css, word);
    if (n > 1) raml_buf_addf(&p->html, " \u00B7 %zu samples", n);
    add_number(p, sample, "reward", " \u00B7 reward ");
    if (advantages) add_number(p, sample, "advantage", " \u00B7 advantage ");
    add_number(p, sample, "reverse_kl", " \u00B7 reverse KL ");
    add_number(p, sample, "n_tokens", " \u00B7 tokens ");
    if (json_is_string(answer)) {
        raml_buf_adds(&p->html, " \u00B7 answer ");
        raml_page_text(p, json_string_value(answer));
    }
    if (finish && strcmp(finish, "length") == 0) raml_buf_adds(&p->html, " \u00B7 truncated");
    if (fork) {
        add_number(p, fork, "parent", " \u00B7 fork of sample ");
        add_number(p, fork, "token", " at token ");
    }
    if (json_is_false(json_object_get(sample, "trained"))) raml_buf_adds(&p->html, " \u00B7 not trained on");
    raml_buf_adds(&p->html, "</p>\n");
    add_text(p, text_of(sample));
    raml_buf_adds(&p->html, "</div>\n");
}

static void add_group(struct raml_page *p, const json_t *group, bool advantages)
{
    const json_t *list = json_object_get(group, "trajectories");
    const char *question = json_string_value(json_object_get(group, "question"));
    const char *answer = json_string_value(json_object_get(group, "answer"));
    size_t texts = 0, left = 0;
    raml_buf_adds(&p->html, "<div>\n<h3>");
    raml_page_text(p, question ? question : "\u2013");
    raml_buf_adds(&p->html, "</h3>\n<p class=\"dim\">");
    raml_buf_addf(&p->html, "%zu samples \u00B7 answer ", json_array_size(list));
    raml_page_text(p, answer ? answer : "\u2013");
    add_number(p, group, "step", " \u00B7 step ");
    if (json_is_false(json_object_get(group, "used"))) raml_buf_adds(&p->html, " \u00B7 replaced, not trained on");
    raml_buf_adds(&p->html, "</p>\n");
    for (size_t i = 0; i < json_array_size(list); i++) {
        size_t n = count_same(list, i);
        if (n == 0) continue;
        if (texts++ < MAX_TEXTS) add_sample(p, json_array_get(list, i), n, advantages);
        else left += n;
    }
    if (left) raml_buf_addf(&p->html, "<p class=\"dim\">\u2026 and %zu more samples</p>\n", left);
    raml_buf_adds(&p->html, "</div>\n");
}

void raml_part_rollouts(struct raml_page *p)
{
    const struct raml_findings *f = p->found;
    size_t n = 0;
    for (size_t r = 0; r < f->n_runs; r++) n += f->run[r]->rollouts.n_first + f->run[r]->rollouts.n_last;
    if (n == 0) return;
    raml_buf_addf(
        &p->html,
        "<h2>Rollouts</h2>\n<p class=\"dim\">Not chosen for looks: among the first and among the last %d lines of "
        "rollouts.jsonl the first groups whose samples have different rewards. Equal samples are shown "
        "once.</p>\n",
        RAML_ROLLOUT_LINES);
    for (size_t r = 0; r < f->n_runs; r++) {
        const struct raml_rollouts_found *found = &f->run[r]->rollouts;
        bool advantages = raml_method_of(f->run[r]) != RAML_METHOD_RFT;
        if (found->n_first + found->n_last == 0) continue;
        if (f->n_runs > 1) {
            raml_buf_adds(&p->html, "<h3>");
            raml_page_text(p, raml_page_run_name(f->run[r]));
            raml_buf_adds(&p->html, "</h3>\n");
        }
        raml_buf_adds(&p->html, "<div class=\"grid\">\n");
        for (size_t i = 0; i < found->n_first; i++) add_group(p, found->first[i], advantages);
        for (size_t i = 0; i < found->n_last; i++) add_group(p, found->last[i], advantages);
        raml_buf_adds(&p->html, "</div>\n");
    }
}
