/* outcome_reward.c - see outcome_reward.h. */
#include "outer/outcome_reward.h"

#include "core/ascii.h"

#include <string.h>

double raml_outcome_reward(enum raml_reward_kind kind, enum raml_verdict verdict, bool well_formed, size_t n_tokens,
                           size_t max_tokens)
{
    bool right = verdict == RAML_EQUAL;
    switch (kind) {
    case RAML_REWARD_EXACT: return right;
    case RAML_REWARD_PAPER: return well_formed ? right : right ? -0.5 : -1; /* arXiv 2505.19815, appendix C */
    case RAML_REWARD_LENGTH: return max_tokens ? 0 - (double)n_tokens / (double)max_tokens : 0;
    default: return 0;
    }
}

/* Does a text of the prompt have this? */
static bool prompt_has(const struct raml_format *f, const char *what)
{
    const char *const texts[] = {f->system, f->before,  f->question_prefix, f->instruction,
                                 f->after,  f->prefill, f->answer_prefix};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i] && strstr(texts[i], what)) return true;
    return false;
}

static bool is_whitespace(const char *s, const char *end)
{
    while (s < end && is_space(*s)) s++;
    return s == end;
}

/* Narrows [*text, *end) to what is between an opening and a closing mark. */
static bool between(const char **text, const char **end, const char *open, const char *close)
{
    const char *a = memmem(*text, (size_t)(*end - *text), open, strlen(open));
    if (!a) return false;
    a += strlen(open);
    const char *b = memmem(a, (size_t)(*end - a), close, strlen(close));
    if (!b) return false;
    *text = a;
    *end = b;
    return true;
}

/* A \boxed{} that says something. */
static bool has_box(const char *text, const char *end)
{
    static const char box[] = "\\boxed{";
    const char *p = text;
    while ((p = memmem(p, (size_t)(end - p), box, sizeof box - 1)) != NULL) {
        p += sizeof box - 1;
        const char *close = memchr(p, '}', (size_t)(end - p));
        if (close && !is_whitespace(p, close)) return true;
    }
    return false;
}

/* The text after the thinking, which was opened and closed once; NULL: it was not. */
static const char *after_thinking(const struct raml_format *f, const char *text)
{
    if (!f->think_close) return text;
    const char *close = strstr(text, f->think_close), *open = f->think_open ? strstr(text, f->think_open) : NULL;
    if (!close) return NULL;
    const char *rest = close + strlen(f->think_close);
    if (strstr(rest, f->think_close)) return NULL;
    bool opens = f->think_open && !f->think_opened;
    if (opens && (!open || !is_whitespace(text, open))) return NULL;
    if (opens) open = strstr(open + strlen(f->think_open), f->think_open);
    return open ? NULL : rest;
}

bool raml_outcome_form(const struct raml_format *f, const char *text, const char *finish_reason)
{
    static const char *const tags[][2] = {{"<conclusion>", "</conclusion>"}, {"<answer>", "</answer>"}};
    if (!finish_reason || strcmp(finish_reason, "stop") != 0) return false;
    const char *rest = after_thinking(f, text), *end = text + strlen(text);
    if (!rest) return false;
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        if (prompt_has(f, tags[i][1]) && !between(&rest, &end, tags[i][0], tags[i][1])) return false;
    return prompt_has(f, "\\boxed{") ? has_box(rest, end) : !is_whitespace(rest, end);
}

enum raml_code raml_reward_form(const struct raml_tokenizer *t, const struct raml_format *f, const int32_t *token,
                                size_t n, const char *finish_reason, bool *well_formed, struct raml_err *err)
{
    struct raml_buf text;
    raml_buf_init(&text, (size_t)64 << 20);
    enum raml_code rc = raml_tokenizer_decode(t, token, n, true, &text, err);
    if (!rc) raml_buf_add(&text, "", 1);
    if (!rc) rc = raml_buf_status(&text, err);
    if (!rc) *well_formed = raml_outcome_form(f, text.data, finish_reason);
    raml_buf_deinit(&text);
    return rc;
}
