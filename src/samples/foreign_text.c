/* foreign_text.c - other programs' metric names, and texts (foreign.h). */
#include "samples/foreign.h"

#include "core/ascii.h"
#include "raml/metric.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT_MAX_N = 1 << 16 };

static const char *const thinking[][2] = {
    /* begins, ends */
    {"<think>", "</think>"},
    {"<thinking>", "</thinking>"},
    {"<thought>", "</thought>"},
    {"<reasoning>", "</reasoning>"},
    {"<seed:think>", "</seed:think>"},
    {"[THINK]", "[/THINK]"},
    {"<|begin_of_thought|>", "<|end_of_thought|>"},
};

static bool ends_with(const char *text, const char *word)
{
    size_t n = strlen(text), m = strlen(word);
    while (n && is_space(text[n - 1])) n--;
    return n >= m && !memcmp(text + n - m, word, m);
}

bool raml_foreign_unclosed(const char *prompt, const char *text)
{
    for (size_t i = 0; i < sizeof thinking / sizeof *thinking; i++) {
        bool opened = prompt && ends_with(prompt, thinking[i][0]);
        const char *from = opened ? text : strstr(text, thinking[i][0]);
        if (from && !strstr(from, thinking[i][1])) return true;
    }
    return false;
}

int raml_foreign_grade(const json_t *v)
{
    if (json_is_boolean(v)) return json_is_true(v);
    if (json_is_string(v))
        return !strcmp(json_string_value(v), "True") ? 1 : !strcmp(json_string_value(v), "False") ? 0 : -1;
    if (!json_is_number(v)) return -1;
    double x = json_number_value(v);
    return x >= 1.0 && x <= 1.0 ? 1 : x >= 0.0 && x <= 0.0 ? 0 : -1;
}

const char *raml_foreign_text(const json_t *v)
{
    while (json_is_array(v) && json_array_size(v)) v = json_array_get(v, json_array_size(v) - 1);
    return json_string_value(v);
}

void raml_foreign_traits(const json_t *doc, const char **family, int *difficulty)
{
    static const char *const names[] = {"subject", "type", "category"};
    *family = NULL;
    *difficulty = -1;
    for (size_t i = 0; i < sizeof names / sizeof *names && !*family; i++)
        *family = json_string_value(json_object_get(doc, names[i]));
    const json_t *level = json_object_get(doc, "level");
    const char *text = json_string_value(level);
    if (json_is_integer(level) && json_integer_value(level) >= 0 && json_integer_value(level) < 1000)
        *difficulty = (int)json_integer_value(level);
    else if (text && !strncmp(text, "Level ", 6) && is_digit(text[6]) && !text[7]) *difficulty = text[6] - '0';
}

bool raml_head_holds(const struct raml_samples_head *head, const char *word)
{
    size_t m = strlen(word);
    const char *at = head->bytes, *end = head->bytes + head->n;
    while (at && (size_t)(end - at) >= m) {
        at = memchr(at, word[0], (size_t)(end - at) - m + 1);
        if (at && !memcmp(at, word, m)) return true;
        if (at) at++;
    }
    return false;
}

/* Reads a number without sign at *s, moving it on. False: none, or above 2^31. */
static bool number(const char **s, uint32_t *out)
{
    if (!is_digit(**s)) return false;
    char *end;
    unsigned long long v = strtoull(*s, &end, 10);
    *s = end;
    *out = (uint32_t)v;
    return v > 0 && v <= 1u << 31;
}

/* ":k=1&n=64" in any order, perhaps among other settings. all: both letters give the number of samples. */
static bool settings(const char *s, struct raml_foreign_metric *m, bool all)
{
    for (; *s == ':' || *s == '&'; s += strcspn(s, "&")) {
        bool k = s[1] == 'k' && s[2] == '=', n = s[1] == 'n' && s[2] == '=';
        if (!k && !n) { /* "&strip_strings=True" */
            s++;
            continue;
        }
        s += 3;
        if (!number(&s, k && !all ? &m->k : &m->n)) return false;
    }
    return !*s;
}

bool raml_foreign_metric(const char *name, struct raml_foreign_metric *out)
{
    *out = (struct raml_foreign_metric){0};
    const char *at = strchr(name, '@');
    if (!at || at - name < 3) return false;
    bool pass = at - name >= 4 && !memcmp(at - 4, "pass", 4), avg = !memcmp(at - 3, "avg", 3);
    const char *before = at - (pass ? 4 : 3), *s = at + 1;
    if ((!pass && !avg) || (before > name && before[-1] != '_')) return false;
    if (avg) out->k = 1;
    if (*s == 'k' || (avg && *s == 'n')) return settings(s + 1, out, avg) && out->k > 0;
    if (!number(&s, avg ? &out->n : &out->k)) return false;
    if (!*s) return true;
    if (*s++ != ':' || !number(&s, &out->n)) return false;
    return !*s || !strcmp(s, "_samples");
}

bool raml_foreign_count(uint32_t n, uint32_t k, double value, uint32_t *c)
{
    const double same = 1e-8; /* files round to ten digits or more */
    if (!n || !k || k > n || n > COUNT_MAX_N || !(value >= 0.0 && value <= 1.0)) return false;
    if (k == 1) {
        double x = value * n;
        *c = (uint32_t)(x + 0.5);
        return fabs(x - *c) <= 1e-3;
    }
    uint32_t low = 0, high = n - k + 1; /* pass@k rises with c up to here; above it is 1 */
    double p = 0.0, next = 1.0;
    while (low < high) { /* the first c whose pass@k is not below value */
        uint32_t mid = low + (high - low) / 2;
        if (raml_pass_at_k(n, mid, k, &p, NULL)) return false;
        if (p < value - same) low = mid + 1;
        else high = mid;
    }
    if (low > n - k || raml_pass_at_k(n, low, k, &p, NULL) || raml_pass_at_k(n, low + 1, k, &next, NULL)) return false;
    *c = low;
    return fabs(p - value) <= same && next - value > same;
}

const char *raml_foreign_metric_name(const struct raml_samples_options *opt, const char *name)
{
    static const char *const usual[] = {
        "exact_match", "acc",        "acc_norm",        "math_verify",      "em",
        "qem",         "pass@1",     "pass_at_1",       "extractive_match", "correct",
        "accuracy",    "is_correct", "cascade_correct", "exact_matches",    "exact_match_original",
    };
    if (opt->metric) return opt->metric;
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (!strcmp(usual[i], name)) return usual[i];
    return "";
}
