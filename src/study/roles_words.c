/* roles_words.c - lists of words and delimiters, from a setting or a file. See roles_parts.h. */
#include "study/roles_parts.h"

#include "core/array.h"
#include "core/ascii.h"
#include "core/json.h"
#include "core/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_WORD_BYTES = 200, MAX_FILE_BYTES = 1 << 20, WHERE_BYTES = 400 };

/* Words that Liu et al. 2025 (arXiv 2505.19815, figure 6) look at. */
static const char *const paper_words[] = {"wait", "therefore", "since", "alternatively", "hold on"};

void raml_roles_words_deinit(struct raml_roles_words *w)
{
    for (size_t i = 0; i < w->n; i++) free(w->word[i]);
    free(w->word);
    *w = (struct raml_roles_words){0};
}

/* -- One entry ----------------------------------------------------------------------------------------------------- */

struct entry {
    const char *text;
    size_t n;
    const char *where; /* for messages: "words: entry 3" */
    bool is_word;      /* else a delimiter, which is taken as it stands */
};

/* out: room for n + 1 bytes. */
static void fold(const struct entry *e, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < e->n; i++) {
        char c = e->text[i];
        if (e->is_word && is_space(c)) c = ' ';
        if (e->is_word && c == ' ' && n && out[n - 1] == ' ') continue;
        out[n++] = e->is_word ? to_lower(c) : c;
    }
    out[n] = 0;
}

/* Without whitespace at its ends. RAML_EFORMAT: nothing is left, or it is no text. */
static enum raml_code check_entry(struct entry *e, struct raml_err *err)
{
    const char *what = e->is_word ? "a word" : "a delimiter";
    size_t had = e->n;
    while (e->n && is_space(e->text[0])) {
        e->text++;
        e->n--;
    }
    while (e->n && is_space(e->text[e->n - 1])) e->n--;
    if (e->n == 0)
        return raml_fail(err, RAML_EFORMAT, "%s: found %s; expected %s", e->where,
                         had ? "only spaces" : "an empty text", what);
    for (size_t i = 0; i < e->n; i++)
        if (is_control(e->text[i]) && !is_space(e->text[i]))
            return raml_fail(err, RAML_EFORMAT, "%s: found a byte 0x%02x; expected text", e->where,
                             (unsigned)(unsigned char)e->text[i]);
    if (raml_utf8_valid((const unsigned char *)e->text, e->n) < e->n)
        return raml_fail(err, RAML_EFORMAT, "%s: not text: bytes that are no UTF-8", e->where);
    if (e->n > MAX_WORD_BYTES)
        return raml_fail(err, RAML_EFORMAT, "%s: %zu bytes; at most %d", e->where, e->n, MAX_WORD_BYTES);
    return RAML_OK;
}

static enum raml_code add(struct raml_roles_words *w, struct entry e, struct raml_err *err)
{
    enum raml_code rc = check_entry(&e, err);
    if (!rc && w->n == RAML_ROLES_MAX_WORDS)
        rc = raml_fail(err, RAML_EFORMAT, "%s: too many; at most %d", e.where, RAML_ROLES_MAX_WORDS);
    if (!rc) rc = RAML_GROW(w->word, w->cap, w->n + 1, "words", err);
    if (rc) return rc;
    char *word = malloc(e.n + 1);
    if (!word) return raml_fail(err, RAML_ENOMEM, "no memory for a list of words");
    fold(&e, word);
    for (size_t i = 0; i < w->n; i++) {
        if (strcmp(w->word[i], word) != 0) continue;
        rc = raml_fail(err, RAML_EFORMAT, "%s: '%s' is there twice", e.where, word);
        free(word);
        return rc;
    }
    w->word[w->n++] = word;
    return RAML_OK;
}

static enum raml_code add_list(struct raml_roles_words *w, const char *const *list, size_t n, const char *where,
                               struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < n; i++) rc = add(w, (struct entry){list[i], strlen(list[i]), where, true}, err);
    return rc;
}

/* "@reflection", "@paper" */
static enum raml_code add_named(struct raml_roles_words *w, const struct entry *e, struct raml_err *err)
{
    size_t n;
    const char *const *reflection = raml_reflection_words(&n);
    if (e->n == strlen("@reflection") && !strncmp(e->text, "@reflection", e->n))
        return add_list(w, reflection, n, e->where, err);
    if (e->n == strlen("@paper") && !strncmp(e->text, "@paper", e->n))
        return add_list(w, paper_words, sizeof paper_words / sizeof *paper_words, e->where, err);
    return raml_fail(err, RAML_EFORMAT, "%s: there is no list '%.*s'; expected @reflection or @paper", e->where,
                     (int)(e->n < 40 ? e->n : 40), e->text);
}

/* -- Sources ------------------------------------------------------------------------------------------------------- */

static enum raml_code from_setting(struct raml_roles_words *w, const char *what, const char *text, bool is_word,
                                   struct raml_err *err)
{
    char where[WHERE_BYTES];
    enum raml_code rc = RAML_OK;
    for (size_t i = 1; !rc; i++) {
        size_t n = strcspn(text, ",");
        snprintf(where, sizeof where, "%s: entry %zu", what, i);
        const struct entry e = {text, n, where, is_word};
        rc = is_word && *text == '@' ? add_named(w, &e, err) : add(w, e, err);
        if (!text[n]) break;
        text += n + 1;
    }
    return rc == RAML_EFORMAT ? RAML_EUSAGE : rc;
}

static enum raml_code from_array(struct raml_roles_words *w, const char *path, struct raml_err *err)
{
    char where[WHERE_BYTES];
    json_t *list;
    enum raml_code rc = raml_json_load(path, MAX_FILE_BYTES, &list, err);
    if (rc) return rc;
    if (json_array_size(list) == 0) rc = raml_fail(err, RAML_EFORMAT, "%s: an empty list; expected words", path);
    for (size_t i = 0; !rc && i < json_array_size(list); i++) {
        const json_t *v = json_array_get(list, i);
        snprintf(where, sizeof where, "%.300s: entry %zu", path, i + 1);
        if (!json_is_string(v)) rc = raml_fail(err, RAML_EFORMAT, "%s: not a text", where);
        else rc = add(w, (struct entry){json_string_value(v), json_string_length(v), where, true}, err);
    }
    json_decref(list);
    return rc;
}

static enum raml_code from_lines(struct raml_roles_words *w, const char *path, struct raml_err *err)
{
    char where[WHERE_BYTES];
    struct raml_lines lines;
    bool more = true;
    enum raml_code rc = raml_lines_init(&lines, path, MAX_FILE_BYTES, err);
    if (rc) return rc;
    while (!rc && !(rc = raml_lines_next(&lines, &more, err)) && more) {
        snprintf(where, sizeof where, "%.300s:%zu", path, lines.number);
        rc = add(w, (struct entry){lines.line.data ? lines.line.data : "", lines.line.len, where, true}, err);
    }
    raml_lines_deinit(&lines);
    if (!rc && w->n == 0) rc = raml_fail(err, RAML_EFORMAT, "%s: is empty; expected a word a line", path);
    return rc;
}

/* An array begins with '['. */
static enum raml_code from_file(struct raml_roles_words *w, const char *path, struct raml_err *err)
{
    struct raml_buf b;
    raml_buf_init(&b, MAX_FILE_BYTES);
    enum raml_code rc = raml_file_read(path, &b, err);
    size_t i = 0;
    while (!rc && i < b.len && is_space(b.data[i])) i++;
    bool is_array = !rc && i < b.len && b.data[i] == '[';
    raml_buf_deinit(&b);
    if (rc) return rc;
    return is_array ? from_array(w, path, err) : from_lines(w, path, err);
}

enum raml_code raml_roles_words_read(struct raml_roles_words *w, const struct raml_roles_files_options *opt,
                                     struct raml_err *err)
{
    if (opt->words && opt->words_file) return raml_fail(err, RAML_EUSAGE, "words and words_file exclude each other");
    if (opt->words_file) return from_file(w, opt->words_file, err);
    return from_setting(w, "words", opt->words ? opt->words : "@reflection", true, err);
}

static bool has(const struct raml_roles_words *w, const char *text)
{
    for (size_t i = 0; i < w->n; i++)
        if (!strcmp(w->word[i], text)) return true;
    return false;
}

enum raml_code raml_roles_delimiters_read(struct raml_roles_words *w, const struct raml_roles_files_options *opt,
                                          const struct raml_format *format, struct raml_err *err)
{
    if (opt->delimiters) return from_setting(w, "delimiters", opt->delimiters, false, err);
    size_t n;
    const char *const *usual = raml_thinking_delimiters(&n);
    const char *const own[] = {format->think_open, format->think_close};
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < n; i++)
        rc = add(w, (struct entry){usual[i], strlen(usual[i]), "delimiters", false}, err);
    for (size_t i = 0; !rc && i < 2; i++) { /* the format's with whitespace at its ends is the same to a token */
        struct entry e = {own[i], own[i] ? strlen(own[i]) : 0, "prompt format: delimiter", false};
        char text[MAX_WORD_BYTES + 1];
        if (check_entry(&e, NULL)) continue; /* none, or only whitespace: no token is one */
        fold(&e, text);
        if (!has(w, text)) rc = add(w, e, err);
    }
    return rc;
}
