/* part_settings.c - the end of the report: the summary, settings and their differences, and what could not be read. */
#include "study/page.h"

#include <stdio.h>
#include <string.h>

/* The next unindented line "key: value" of a recipe, from *at on; false at the end. Nested blocks and comments are
 * skipped: recipes are flat (cli.h). */
static bool next_setting(const char **at, const char **key, size_t *key_len, const char **value, size_t *value_len)
{
    while (**at) {
        const char *line = *at, *end = strchr(line, '\n');
        size_t n = end ? (size_t)(end - line) : strlen(line);
        *at = line + n + (end != NULL);
        const char *colon = memchr(line, ':', n);
        if (!colon || colon == line || *line == ' ' || *line == '#' || *line == '-') continue;
        *key = line;
        *key_len = (size_t)(colon - line);
        for (colon++; colon < line + n && *colon == ' '; colon++) {
        }
        *value = colon;
        *value_len = (size_t)(line + n - colon);
        return true;
    }
    return false;
}

static bool find_setting(const char *recipe, const char *key, size_t key_len, const char **value, size_t *value_len)
{
    const char *other;
    size_t other_len;
    while (next_setting(&recipe, &other, &other_len, value, value_len))
        if (other_len == key_len && memcmp(other, key, key_len) == 0) return true;
    return false;
}

static void add_span(struct raml_page *p, const char *text, size_t n)
{
    struct raml_buf b;
    raml_buf_init(&b, 1 << 20);
    raml_buf_add(&b, text, n);
    raml_page_text(p, b.data ? b.data : "");
    raml_buf_deinit(&b);
}

static bool differs(const struct raml_findings *f, const char *key, size_t key_len, const char *value, size_t value_len)
{
    for (size_t r = 0; r < f->n_runs; r++) {
        const char *other;
        size_t n;
        if (!f->run[r]->recipe) continue;
        if (!find_setting(f->run[r]->recipe, key, key_len, &other, &n)) return true;
        if (n != value_len || memcmp(other, value, n) != 0) return true;
    }
    return false;
}

static void add_row(struct raml_page *p, const char *key, size_t key_len)
{
    const struct raml_findings *f = p->found;
    raml_buf_adds(&p->html, "<tr><td class=\"t\">");
    add_span(p, key, key_len);
    for (size_t r = 0; r < f->n_runs; r++) {
        const char *value;
        size_t n;
        if (!f->run[r]->recipe) continue;
        raml_buf_adds(&p->html, "</td><td class=\"t\">");
        if (find_setting(f->run[r]->recipe, key, key_len, &value, &n)) add_span(p, value, n);
        else raml_buf_adds(&p->html, "\u2013");
    }
    raml_buf_adds(&p->html, "</td></tr>\n");
}

/* Settings that differ between runs: each once, in the order of the first recipe that has it. */
static void add_differences(struct raml_page *p)
{
    const struct raml_findings *f = p->found;
    raml_buf_adds(&p->html, "<p>Settings that differ between the runs:</p>\n<div class=\"wide\"><table><tr>"
                            "<th class=\"t\">setting</th>");
    for (size_t r = 0; r < f->n_runs; r++) {
        if (!f->run[r]->recipe) continue;
        raml_buf_adds(&p->html, "<th class=\"t\">");
        raml_page_text(p, raml_page_run_name(f->run[r]));
        raml_buf_adds(&p->html, "</th>");
    }
    raml_buf_adds(&p->html, "</tr>\n");
    for (size_t r = 0; r < f->n_runs; r++) {
        const char *at = f->run[r]->recipe, *key, *value, *unused;
        size_t key_len, value_len, n;
        while (at && next_setting(&at, &key, &key_len, &value, &value_len)) {
            bool seen = false;
            for (size_t q = 0; q < r; q++)
                seen = seen || (f->run[q]->recipe && find_setting(f->run[q]->recipe, key, key_len, &unused, &n));
            if (!seen && differs(f, key, key_len, value, value_len)) add_row(p, key, key_len);
        }
    }
    raml_buf_adds(&p->html, "</table></div>\n");
}

/* Text of several lines: each made visible, line ends kept. */
static void add_lines(struct raml_page *p, const char *text, const char *before, const char *after)
{
    while (*text) {
        size_t n = strcspn(text, "\n");
        raml_buf_adds(&p->html, before);
        add_span(p, text, n);
        raml_buf_adds(&p->html, after);
        text += n + (text[n] == '\n');
    }
}

void raml_part_settings(struct raml_page *p)
{
    const struct raml_findings *f = p->found;
    struct raml_buf *b = &p->html;
    size_t n_recipes = 0;
    for (size_t r = 0; r < f->n_runs; r++) n_recipes += f->run[r]->recipe != NULL;
    if (f->summary) {
        raml_buf_adds(b, "<h2>Summary</h2>\n<details><summary>summary.json as tables</summary>\n");
        raml_page_json(p, f->summary);
        raml_buf_adds(b, "</details>\n");
    }
    if (n_recipes) raml_buf_adds(b, "<h2>Settings</h2>\n");
    if (n_recipes > 1) add_differences(p);
    for (size_t r = 0; r < f->n_runs; r++) {
        if (!f->run[r]->recipe) continue;
        raml_buf_adds(b, "<details><summary>all settings of ");
        raml_page_text(p, raml_page_run_name(f->run[r]));
        raml_buf_adds(b, " (recipe.yaml)</summary>\n<pre>");
        add_lines(p, f->run[r]->recipe, "", "\n");
        raml_buf_adds(b, "</pre></details>\n");
    }
    if (f->notes.len || p->left_out.len) {
        raml_buf_adds(b, "<h2>Skipped</h2>\n<ul>\n");
        if (f->notes.len) add_lines(p, f->notes.data, "<li>", "</li>\n");
        if (p->left_out.len) add_lines(p, p->left_out.data, "<li>", "</li>\n");
        raml_buf_adds(b, "</ul>\n");
    }
}
