/* dataset_text.c - texts from JSON values, and where thinking ends in a model's text. See dataset.h. */
#include "task/dataset.h"

#include "core/ascii.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_BYTES = 48, WHY_BYTES = 320 };

enum raml_code raml_dataset_fault(const struct dataset_row *r, const char *field, struct raml_err *err, const char *fmt,
                                  ...)
{
    char why[WHY_BYTES];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, sizeof why, fmt, ap);
    va_end(ap);
    return raml_fail(err, RAML_EFORMAT, "%s:%zu: field '%.64s' %s", r->at.path, r->at.line, field, why);
}

const char *raml_dataset_copy(struct dataset_row *r, struct dataset_text t)
{
    return raml_arena_text(r->scratch, t.s, t.n);
}

struct dataset_text raml_dataset_trim(const char *s, size_t n)
{
    while (n && is_space(s[0])) s++, n--;
    while (n && is_space(s[n - 1])) n--;
    return (struct dataset_text){s, n};
}

const char *raml_dataset_scalar(struct dataset_row *r, const json_t *v)
{
    if (json_is_array(v) && json_array_size(v) == 1) v = json_array_get(v, 0);
    if (json_is_string(v)) return json_string_value(v);
    if (json_is_boolean(v)) return json_is_true(v) ? "true" : "false";
    char text[NUMBER_BYTES];
    if (json_is_integer(v)) {
        snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
    } else if (json_is_real(v)) {
        double x = json_real_value(v);
        if (x == floor(x) && fabs(x) < 9007199254740992.0) { /* 2^53: 27.0 means 27 */
            snprintf(text, sizeof text, "%.0f", x + 0.0);
        } else {
            int digits = 15; /* the fewest digits that read back as the same double */
            do snprintf(text, sizeof text, "%.*g", digits, x);
            while (strtod(text, NULL) != x && ++digits <= 17);
        }
    } else {
        return NULL;
    }
    return raml_dataset_copy(r, (struct dataset_text){text, strlen(text)});
}

static const char *text_field(const json_t *obj, const char *a, const char *b)
{
    const char *s = json_string_value(json_object_get(obj, a));
    return s ? s : json_string_value(json_object_get(obj, b));
}

bool raml_dataset_speaks(const json_t *m, const char *speaker)
{
    const char *other = strcmp(speaker, "user") == 0 ? "human" : "gpt"; /* as the ShareGPT layout calls them */
    const char *who = text_field(m, "role", "from");
    return who && (strcmp(who, speaker) == 0 || strcmp(who, other) == 0);
}

const char *raml_dataset_message(const json_t *chat, const char *speaker)
{
    for (size_t i = json_array_size(chat); i-- > 0;) {
        const json_t *m = json_array_get(chat, i);
        if (raml_dataset_speaks(m, speaker)) return text_field(m, "content", "value");
    }
    return NULL;
}

bool raml_dataset_split_hashes(const char *text, struct dataset_text *before, struct dataset_text *after)
{
    const char *hashes = NULL;
    for (const char *p = text; (p = strstr(p, "####")) != NULL; p += 4)
        if (p == text || p[-1] == '\n') hashes = p;
    if (!hashes) return false;
    struct dataset_text rest = raml_dataset_trim(hashes + 4, strlen(hashes + 4));
    if (!rest.n || rest.s[0] == '#' || memchr(rest.s, '\n', rest.n)) return false; /* a heading, not an answer */
    *before = raml_dataset_trim(text, (size_t)(hashes - text));
    *after = rest;
    return true;
}

/* The text between <tag> and </tag>; false: none. */
static bool between(struct dataset_text t, const char *open, const char *close, struct dataset_text *out)
{
    const char *a = memmem(t.s, t.n, open, strlen(open));
    if (!a) return false;
    a += strlen(open);
    const char *b = memmem(a, (size_t)(t.s + t.n - a), close, strlen(close));
    if (!b) return false;
    *out = raml_dataset_trim(a, (size_t)(b - a));
    return true;
}

bool raml_dataset_boxed(struct dataset_row *r, struct dataset_text t, const char **boxed)
{
    struct raml_buf b;
    raml_buf_init(&b, 2 * t.n + 64);
    *boxed = NULL;
    bool found = raml_answer_boxed(t.s, t.n, &b);
    if (found && !b.code) *boxed = raml_dataset_copy(r, raml_dataset_trim(b.data ? b.data : "", b.len));
    raml_buf_deinit(&b);
    return !found || *boxed;
}

/* An answer outside any box. */
static struct dataset_text unboxed_answer(struct dataset_text t, bool whole)
{
    struct dataset_text out, before;
    if (between(t, "<answer>", "</answer>", &out) || between(t, "<conclusion>", "</conclusion>", &out) ||
        between(t, "<|begin_of_solution|>", "<|end_of_solution|>", &out))
        return out;
    if (raml_dataset_split_hashes(t.s, &before, &out)) return out; /* t reaches to the end of its text */
    return whole ? (struct dataset_text){t.s, 0} : raml_dataset_trim(t.s, t.n);
}

/* The final answer in the text after the thinking (whole: of all the text, when there are no tags of thinking). False:
 * no memory. */
static bool find_answer(struct dataset_row *r, struct dataset_text t, bool whole, struct dataset_text *out)
{
    const char *boxed;
    if (!raml_dataset_boxed(r, t, &boxed)) return false;
    *out = boxed ? (struct dataset_text){boxed, strlen(boxed)} : unboxed_answer(t, whole);
    return true;
}

static enum raml_code no_memory(struct raml_err *err)
{
    return raml_fail(err, RAML_ENOMEM, "no memory for a row's texts");
}

/* What begins and ends thinking, as models write it; <think> where nothing of the kind is in the text. */
static const char *const *marks_of(const char *text)
{
    static const char *const marks[][2] = {
        {"<think>", "</think>"},         {"<|begin_of_thought|>", "<|end_of_thought|>"},
        {"<thinking>", "</thinking>"},   {"<thought>", "</thought>"},
        {"<reasoning>", "</reasoning>"}, {"<seed:think>", "</seed:think>"},
        {"[THINK]", "[/THINK]"},
    };
    const char *const *best = marks[0];
    const char *first = NULL;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        for (size_t k = 0; k < 2; k++) {
            const char *at = strstr(text, marks[i][k]);
            if (!at || (first && first <= at)) continue;
            first = at;
            best = marks[i];
        }
    return best;
}

enum raml_code raml_dataset_split_think(struct dataset_row *r, const char *text, struct raml_trajectory *t,
                                        struct raml_err *err)
{
    const char *const *marks = marks_of(text);
    *t = (struct raml_trajectory){.correct = RAML_UNKNOWN, .think_closed = true, .logp_sum = NAN};
    const char *a = strstr(text, marks[0]), *b = strstr(a ? a : text, marks[1]);
    const char *from = a ? a + strlen(marks[0]) : text, *end = text + strlen(text);
    struct dataset_text thinking = raml_dataset_trim(from, (size_t)((b ? b : end) - from)), answer = {text, 0};
    if (b) {
        b += strlen(marks[1]);
        if (!find_answer(r, (struct dataset_text){b, (size_t)(end - b)}, false, &answer)) return no_memory(err);
    } else if (a) { /* truncated while thinking: whatever is there is no answer */
        t->think_closed = false;
        t->finish_reason = "length";
    } else {
        if (!find_answer(r, (struct dataset_text){text, (size_t)(end - text)}, true, &answer)) return no_memory(err);
        struct dataset_text before, after; /* "... #### 18" is the answer, not a thought */
        if (raml_dataset_split_hashes(text, &before, &after) && after.s == answer.s) thinking = before;
    }
    t->text = raml_dataset_copy(r, thinking);
    t->answer = answer.n ? raml_dataset_copy(r, answer) : NULL;
    return t->text && (!answer.n || t->answer) ? RAML_OK : no_memory(err);
}
