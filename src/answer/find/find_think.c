/* find_think.c - removes thinking, and what follows the end of a turn, from a text. See find.h. */
#include "answer/find/find.h"

#include <string.h>

#define COUNT(x) (sizeof(x) / sizeof *(x))

/* clang-format off */
static const char *const opens[] = {"<think>",   "<thinking>", "<reasoning>", "<thought>", "<|begin_of_thought|>",
                                    "<reasoning_start>", "\xe2\x97\x81think\xe2\x96\xb7", "<seed:think>"};
/* clang-format on */
/* clang-format off */
static const char *const closes[] = {"</think>",  "</thinking>", "</reasoning>", "</thought>", "<|end_of_thought|>",
                                     "</reasoning_end>", "\xe2\x97\x81/think\xe2\x96\xb7", "</seed:think>",
                                     "\\end{think}"};
/* clang-format on */
/* clang-format off */
static const char *const turns[] = {"<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|eot_id|>", "</s>",
                                    "<\xef\xbd\x9c\x65nd\xe2\x96\x81of\xe2\x96\x81sentence\xef\xbd\x9c>",
                                    "<|end_of_text|>", "<|end|>", "<|return|>", "<end_of_turn>"};
/* clang-format on */

/* The length of the tag of the list that is at byte i. */
static size_t tag_at(struct text t, size_t i, const char *const *list, size_t n_list)
{
    if (t.s[i] != '<' && t.s[i] != '\xe2') return 0;
    for (size_t k = 0; k < n_list; k++) {
        size_t n = raml_find_match(t, i, list[k]);
        if (n) return n;
    }
    return 0;
}

/* The text after the last tag that ends thinking. False: there is none. */
static bool after_last(struct text *t, const char *think_end)
{
    size_t after = 0;
    if (think_end && *think_end) {
        size_t n = strlen(think_end);
        for (const char *p = t->s; t->n && (p = memmem(p, (size_t)(t->s + t->n - p), think_end, n)) != NULL; p += n)
            after = (size_t)(p - t->s) + n;
    } else {
        for (size_t i = 0; i < t->n; i++) {
            size_t n = tag_at(*t, i, closes, COUNT(closes));
            if (n) after = i + n;
        }
    }
    *t = raml_find_skip(*t, after);
    return after > 0;
}

/* Up to the first tag of the list; tags with nothing before them are skipped, with the role they name. */
static struct text up_to(struct text t, const char *const *list, size_t n_list)
{
    bool empty = true;
    for (size_t i = 0; i < t.n; i++) {
        size_t n = tag_at(t, i, list, n_list);
        if (n && !empty) return (struct text){t.s, i};
        if (n) {
            size_t role = raml_find_any(t, i + n, "assistant", true);
            t = raml_find_skip(t, i + n + role);
            i = (size_t)-1;
            continue;
        }
        empty = empty && is_space(t.s[i]);
    }
    return t;
}

bool raml_find_spoken(struct text t, const char *think_end, struct text *out)
{
    bool ended = after_last(&t, think_end);
    if (think_end && *think_end && !ended) return false; /* the caller knows of thinking: it has not ended */
    t = up_to(t, turns, COUNT(turns));
    size_t i = raml_find_space(t, 0);
    if (i < t.n && tag_at(t, i, opens, COUNT(opens))) return false;
    if (ended) t = up_to(t, opens, COUNT(opens)); /* thinking that starts again and does not end */
    *out = raml_find_trim(t);
    return true;
}

bool raml_find_block(struct text t, struct text *out)
{
    static const char *const open[] = {"<answer>", "<conclusion>"}, *const close[] = {"</answer>", "</conclusion>"};
    bool found = false, inside[2] = {false, false};
    size_t from[2] = {0, 0};
    for (size_t i = 0; i < t.n; i++) {
        if (t.s[i] != '<') continue;
        for (size_t k = 0; k < 2; k++) {
            size_t n = raml_find_match(t, i, open[k]);
            if (n) {
                from[k] = i + n;
                inside[k] = true;
            } else if (inside[k] && raml_find_match(t, i, close[k])) {
                *out = raml_find_trim(raml_find_slice(t, from[k], i));
                inside[k] = false;
                found = true;
            }
        }
    }
    for (size_t k = 0; k < 2; k++) { /* one that was truncated */
        if (!inside[k]) continue;
        *out = raml_find_trim(raml_find_skip(t, from[k]));
        return true;
    }
    return found && out->n;
}
