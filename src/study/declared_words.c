/* declared_words.c - a step's words: split as a shell splits them, places filled in. See declared.h.
 *
 *   {name}    the value in one word, or in a part of one     {name*}  a word of its own: the value's words
 *   {{ }}     braces                                          'a b' "a b"  one word
 * Values may have places themselves.
 */
#include "study/declared.h"

#include "core/nearest.h"

#include <stdio.h>
#include <string.h>

enum { MAX_DEPTH = 8, MAX_WORDS = 512, MAX_WORD = 1 << 16, MAX_WORK = 1 << 16 };

static const char *in_map(const struct raml_yaml *map, const char *name, size_t n)
{
    for (const struct raml_yaml *y = map ? map->child : NULL; y; y = y->next)
        if (y->key && strlen(y->key) == n && !memcmp(y->key, name, n)) return y->text;
    return NULL;
}

const char *raml_study_value_of(const struct study_place *p, const char *name, size_t n)
{
    const struct raml_study *s = p->study;
    for (size_t i = 0; i < s->n_set; i++)
        if (!strncmp(s->set[i], name, n) && s->set[i][n] == '=') return s->set[i] + n + 1;
    const char *v = NULL;
    for (size_t a = 0; a < s->n_axes && !v && p->arm; a++) v = in_map(s->axis[a].point[p->arm->point[a]], name, n);
    if (!v) v = in_map(s->scale, name, n);
    return v ? v : in_map(s->values, name, n);
}

static enum raml_code unknown(const struct study_place *p, const struct raml_yaml *at, const char *name, size_t n,
                              struct raml_err *err)
{
    char arm[80] = "";
    if (p->arm) snprintf(arm, sizeof arm, " for the arm %.60s", p->arm->name);
    return raml_study_fail(p->study, at, err,
                           "{%.*s}: no step, and no value%s, of that name; steps are below steps, values below values, "
                           "scales and arms",
                           (int)(n < 60 ? n : 60), name, arm);
}

/* The folder of a step. */
static enum raml_code fill_step(struct study_place *p, const struct raml_yaml *at, size_t step, struct raml_buf *out,
                                struct raml_err *err)
{
    size_t instance = 0;
    enum raml_code rc = p->step(p, step, &instance, err);
    if (rc) return rc;
    bool had = false;
    for (size_t i = 0; i < p->n_needs; i++) had = had || p->need[i] == instance;
    if (!had && p->n_needs == STUDY_MAX_NEEDS)
        return raml_study_fail(p->study, at, err, "needs more than %d other steps", STUDY_MAX_NEEDS);
    if (!had) p->need[p->n_needs++] = instance;
    const struct raml_study_step *t = &p->study->instance[instance].step;
    raml_buf_addf(out, "\1%s-%s", t->name, t->id);
    return RAML_OK;
}

static enum raml_code fill_place(struct study_place *p, const struct raml_yaml *at, const char *name, size_t n,
                                 struct raml_buf *out, struct raml_err *err)
{
    const struct raml_study *s = p->study;
    if (++p->work > MAX_WORK)
        return raml_study_fail(s, at, err, "values within values come to more than %d places", MAX_WORK);
    if (n == 4 && !memcmp(name, "seed", 4)) {
        raml_buf_addf(out, "%zu", p->seed);
        return RAML_OK;
    }
    if (n == 3 && !memcmp(name, "out", 3)) {
        raml_buf_adds(out, "\2");
        return RAML_OK;
    }
    for (size_t i = 0; i < s->n_steps; i++)
        if (strlen(s->step[i].at->key) == n && !memcmp(s->step[i].at->key, name, n))
            return fill_step(p, at, i, out, err);
    const char *v = raml_study_value_of(p, name, n);
    if (!v) return unknown(p, at, name, n, err);
    if (p->depth == MAX_DEPTH)
        return raml_study_fail(s, at, err, "{%.*s}: values within values, more than %d deep", (int)n, name, MAX_DEPTH);
    p->depth++;
    enum raml_code rc = raml_study_fill(p, at, v, out, err);
    p->depth--;
    return rc;
}

enum raml_code raml_study_fill(struct study_place *p, const struct raml_yaml *at, const char *text,
                               struct raml_buf *out, struct raml_err *err)
{
    for (const char *c = text; *c;) {
        if (*c != '{' && *c != '}') {
            size_t n = strcspn(c, "{}");
            raml_buf_add(out, c, n);
            c += n;
            continue;
        }
        if (c[0] == c[1]) {
            raml_buf_add(out, c, 1);
            c += 2;
            continue;
        }
        size_t n = *c == '{' ? strcspn(c + 1, "{}") : 0;
        if (n == 0 || c[1 + n] != '}')
            return raml_study_fail(p->study, at, err, "'%.40s': a brace alone; {name} is a place, {{ a brace", c);
        if (c[n] == '*')
            return raml_study_fail(p->study, at, err, "{%.*s}: expected as a word of its own", (int)n, c + 1);
        enum raml_code rc = fill_place(p, at, c + 1, n, out, err);
        if (rc) return rc;
        c += n + 2;
    }
    return raml_buf_status(out, err);
}

struct words {
    const char *word[MAX_WORDS + 1];
    size_t n;
};

static enum raml_code add_word(struct study_place *p, const struct raml_yaml *at, const char *text, struct words *w,
                               struct raml_err *err)
{
    struct raml_buf filled;
    raml_buf_init(&filled, MAX_WORD);
    enum raml_code rc = raml_study_fill(p, at, text, &filled, err);
    if (!rc && w->n == MAX_WORDS) rc = raml_study_fail(p->study, at, err, "more than %d words", MAX_WORDS);
    if (!rc) {
        w->word[w->n] = raml_arena_text(p->study->arena, filled.data ? filled.data : "", filled.len);
        if (!w->word[w->n++]) rc = raml_fail(err, RAML_ENOMEM, "%s: no memory for its steps", p->study->path);
    }
    raml_buf_deinit(&filled);
    return rc;
}

/* One word of text at *c, without its quotes, into raw. false: there is none. */
static enum raml_code next_word(const struct study_place *p, const struct raml_yaml *at, const char **c,
                                struct raml_buf *raw, bool *any, struct raml_err *err)
{
    *c += strspn(*c, " \t\r\n");
    *any = **c != 0;
    raml_buf_clear(raw);
    while (**c && !strchr(" \t\r\n", **c)) {
        if (**c != '\'' && **c != '"') {
            raml_buf_add(raw, (*c)++, 1);
            continue;
        }
        const char *end = strchr(*c + 1, **c);
        if (!end) return raml_study_fail(p->study, at, err, "'%.40s': a quote that is not closed", *c);
        raml_buf_add(raw, *c + 1, (size_t)(end - *c - 1));
        *c = end + 1;
    }
    return raml_buf_status(raw, err);
}

static enum raml_code split(struct study_place *p, const struct raml_yaml *at, const char *text, struct words *w,
                            struct raml_err *err);

/* {name*}: the value's words. */
static enum raml_code splice(struct study_place *p, const struct raml_yaml *at, const char *name, size_t n,
                             struct words *w, struct raml_err *err)
{
    const char *v = raml_study_value_of(p, name, n);
    if (!v) return unknown(p, at, name, n, err);
    if (++p->work > MAX_WORK)
        return raml_study_fail(p->study, at, err, "values within values come to more than %d places", MAX_WORK);
    if (p->depth == MAX_DEPTH)
        return raml_study_fail(p->study, at, err, "{%.*s*}: values within values, more than %d deep", (int)n, name,
                               MAX_DEPTH);
    p->depth++;
    enum raml_code rc = split(p, at, v, w, err);
    p->depth--;
    return rc;
}

static enum raml_code split(struct study_place *p, const struct raml_yaml *at, const char *text, struct words *w,
                            struct raml_err *err)
{
    struct raml_buf raw;
    raml_buf_init(&raw, MAX_WORD);
    enum raml_code rc = RAML_OK;
    for (bool any = true; any && !rc;) {
        rc = next_word(p, at, &text, &raw, &any, err);
        if (rc || !any) break;
        const char *word = raw.data ? raw.data : "";
        size_t n = raw.len;
        bool list = n > 3 && word[0] == '{' && word[1] != '{' && !strcmp(word + n - 2, "*}");
        rc = list ? splice(p, at, word + 1, n - 3, w, err) : add_word(p, at, word, w, err);
    }
    raml_buf_deinit(&raw);
    return rc;
}

enum raml_code raml_study_words(struct study_place *p, const struct raml_yaml *at, const char *text,
                                const char ***words, struct raml_err *err)
{
    struct words w = {.n = 0};
    enum raml_code rc = split(p, at, text, &w, err);
    if (!rc && w.n == 0) rc = raml_study_fail(p->study, at, err, "an empty command");
    if (rc) return rc;
    *words = raml_arena_alloc(p->study->arena, w.n + 1, sizeof **words);
    if (!*words) return raml_fail(err, RAML_ENOMEM, "%s: no memory for its steps", p->study->path);
    memcpy(*words, w.word, w.n * sizeof **words);
    return RAML_OK;
}
