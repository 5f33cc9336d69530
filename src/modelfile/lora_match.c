/* lora_match.c - see lora_parts.h. Which modules a pattern or a list of targets means, as PEFT decides it.
 *
 * peft 5d602fdbf: get_pattern_key (utils/other.py) matches (.*\.)?(KEY)$ from the start of the name; an expression as
 * target_modules is a full match, a list is a name or its end after a dot (tuners_utils.py, check_target_module_exists). */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "modelfile/lora_parts.h"

#include "core/array.h"
#include "core/json.h"

#include <pcre2.h>

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_REGEX = 8192, MATCH_STEPS = 200000, MATCH_KILOBYTES = 20000 };

struct lora_regex {
    pcre2_code *code;
    pcre2_match_data *match;
    pcre2_match_context *limits;
};

static void regex_close(struct lora_regex *r)
{
    if (!r) return;
    pcre2_code_free(r->code);
    pcre2_match_data_free(r->match);
    pcre2_match_context_free(r->limits);
    free(r);
}

/* before and after enclose the text; it must match a whole name. */
static enum raml_code regex_open(const char *what, const char *before, const char *text, const char *after,
                                 struct lora_regex **out, struct raml_err *err)
{
    char whole[MAX_REGEX + 16];
    int code = 0;
    PCRE2_SIZE at = 0;
    if (strlen(text) > MAX_REGEX)
        return raml_fail(err, RAML_ERANGE, "%s: an expression of %zu bytes; expected at most %d", what, strlen(text),
                         MAX_REGEX);
    int n = snprintf(whole, sizeof whole, "%s%s%s", before, text, after);
    struct lora_regex *r = calloc(1, sizeof *r);
    if (!r) return raml_fail(err, RAML_ENOMEM, "%s: no memory for an expression", what);
    r->code = pcre2_compile((PCRE2_SPTR)whole, (PCRE2_SIZE)n, PCRE2_ANCHORED | PCRE2_ENDANCHORED, &code, &at, NULL);
    if (!r->code) {
        PCRE2_UCHAR says[160] = {0};
        size_t skip = strlen(before);
        pcre2_get_error_message(code, says, sizeof says);
        regex_close(r);
        return raml_fail(err, RAML_EUSAGE, "%s: '%.200s' is not a regular expression: %s, at byte %zu", what, text,
                         (char *)says, at > skip ? (size_t)at - skip : 0);
    }
    r->match = pcre2_match_data_create_from_pattern(r->code, NULL);
    r->limits = pcre2_match_context_create(NULL);
    if (!r->match || !r->limits) {
        regex_close(r);
        return raml_fail(err, RAML_ENOMEM, "%s: no memory for an expression", what);
    }
    pcre2_set_match_limit(r->limits, MATCH_STEPS);
    pcre2_set_depth_limit(r->limits, MATCH_STEPS);
    pcre2_set_heap_limit(r->limits, MATCH_KILOBYTES);
    *out = r;
    return RAML_OK;
}

static enum raml_code regex_match(const struct lora_regex *r, const char *what, const char *text, const char *name,
                                  bool *yes, struct raml_err *err)
{
    int n = pcre2_match(r->code, (PCRE2_SPTR)name, strlen(name), 0, 0, r->match, r->limits);
    *yes = n >= 0;
    if (n >= 0 || n == PCRE2_ERROR_NOMATCH) return RAML_OK;
    PCRE2_UCHAR says[160] = {0};
    pcre2_get_error_message(n, says, sizeof says);
    return raml_fail(err, RAML_ERANGE, "%s: '%.200s' on '%s': %s; expected a simpler expression", what, text, name,
                     (char *)says);
}

/* -- rank_pattern, alpha_pattern ----------------------------------------------------------------------------------- */

static enum raml_code add_key(struct lora_patterns *p, const char *key, size_t n, double value, struct raml_err *err)
{
    if (p->n == LORA_MAX_KEYS) return raml_fail(err, RAML_ERANGE, "%s: more than %d keys", p->what, (int)LORA_MAX_KEYS);
    if (!n) return raml_fail(err, RAML_EUSAGE, "%s: key %zu is empty; expected a module's name", p->what, p->n + 1);
    enum raml_code rc = RAML_RESERVE(p->key, p->cap, p->n + 1, "keys", err);
    if (rc) return rc;
    struct lora_key *k = &p->key[p->n];
    *k = (struct lora_key){.key = strndup(key, n), .value = value};
    if (!k->key) return raml_fail(err, RAML_ENOMEM, "%s: no memory for a key", p->what);
    p->n++;
    return regex_open(p->what, "(.*\\.)?(", k->key, ")", &k->regex, err);
}

static enum raml_code add_object(struct lora_patterns *p, const char *text, struct raml_err *err)
{
    struct raml_place at = {p->what, 0};
    json_t *o = NULL, *value;
    const char *key;
    enum raml_code rc = raml_json_parse(&at, text, strlen(text), &o, err);
    json_object_foreach (o, key, value) {
        if (rc) break;
        if (!json_is_number(value)) rc = raml_fail(err, RAML_EFORMAT, "%s: '%.100s' is no number", p->what, key);
        else rc = add_key(p, key, strlen(key), json_number_value(value), err);
    }
    json_decref(o);
    return rc;
}

/* Where "=number" ends that begins at text and is followed by a comma or nothing; NULL: there is none. */
static const char *end_of_value(const char *text, double *value)
{
    char *end = NULL;
    if (*text != '=' || isspace((unsigned char)text[1])) return NULL;
    *value = strtod(text + 1, &end);
    return end > text + 1 && (!*end || *end == ',') ? end : NULL;
}

static enum raml_code add_pairs(struct lora_patterns *p, const char *text, struct raml_err *err)
{
    const char *from = text, *end = NULL;
    for (const char *c = text; *c; c++) {
        double value = 0;
        end = end_of_value(c, &value);
        if (!end) continue;
        enum raml_code rc = add_key(p, from, (size_t)(c - from), value, err);
        if (rc) return rc;
        if (!*end) return RAML_OK;
        from = end + 1;
        c = end;
    }
    return raml_fail(err, RAML_EUSAGE, "%s: found '%.100s', expected NAME=NUMBER, several joined by commas", p->what,
                     from);
}

enum raml_code raml_lora_patterns_init(struct lora_patterns *p, const char *what, const char *text,
                                       struct raml_err *err)
{
    *p = (struct lora_patterns){.what = what};
    if (!text || !*text) return RAML_OK;
    enum raml_code rc = *text == '{' ? add_object(p, text, err) : add_pairs(p, text, err);
    if (rc) raml_lora_patterns_deinit(p);
    return rc;
}

void raml_lora_patterns_deinit(struct lora_patterns *p)
{
    for (size_t i = 0; i < p->n; i++) {
        free(p->key[i].key);
        regex_close(p->key[i].regex);
    }
    free(p->key);
    *p = (struct lora_patterns){0};
}

enum raml_code raml_lora_patterns_find(struct lora_patterns *p, const char *name, double *value, struct raml_err *err)
{
    bool found = false;
    for (size_t i = 0; i < p->n; i++) { /* all of them, to know which are used */
        bool yes;
        enum raml_code rc = regex_match(p->key[i].regex, p->what, p->key[i].key, name, &yes, err);
        if (rc) return rc;
        if (!yes) continue;
        p->key[i].used = true;
        if (!found) *value = p->key[i].value;
        found = true;
    }
    return RAML_OK;
}

/* -- target_modules, exclude_modules ------------------------------------------------------------------------------- */

bool raml_lora_is_names(const char *text)
{
    for (; *text; text++)
        if (!isalnum((unsigned char)*text) && !strchr("_.,-", *text)) return false;
    return true;
}

enum raml_code raml_lora_targets_add(struct lora_targets *t, const char *name, size_t n, struct raml_err *err)
{
    if (t->n == LORA_MAX_KEYS)
        return raml_fail(err, RAML_ERANGE, "%s: more than %d names", t->what, (int)LORA_MAX_KEYS);
    if (!n) return raml_fail(err, RAML_EUSAGE, "%s: name %zu is empty", t->what, t->n + 1);
    enum raml_code rc = RAML_OK;
    if (t->n == t->cap) {
        size_t cap = t->cap ? 2 * t->cap : 16;
        char **names = realloc(t->name, cap * sizeof *names);
        if (names) t->name = names;
        bool *used = realloc(t->used, cap * sizeof *used);
        if (used) t->used = used;
        if (!names || !used) return raml_fail(err, RAML_ENOMEM, "%s: no memory for a name", t->what);
        t->cap = cap;
    }
    t->used[t->n] = false;
    t->name[t->n] = strndup(name, n);
    if (!t->name[t->n]) return raml_fail(err, RAML_ENOMEM, "%s: no memory for a name", t->what);
    t->n++;
    return rc;
}

enum raml_code raml_lora_targets_init(struct lora_targets *t, const char *what, const char *text, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    *t = (struct lora_targets){.what = what, .all_linear = !strcasecmp(text, "all-linear")};
    if (t->all_linear) return RAML_OK;
    if (!*text) rc = raml_fail(err, RAML_EUSAGE, "%s: is empty; expected names of modules, or all-linear", what);
    else if (!raml_lora_is_names(text)) rc = regex_open(what, "(?:", text, ")", &t->regex, err);
    else
        for (const char *p = text; !rc; p++) {
            size_t n = strcspn(p, ",");
            rc = raml_lora_targets_add(t, p, n, err);
            p += n;
            if (!*p) break;
        }
    if (!rc && t->regex) rc = raml_lora_targets_add(t, text, strlen(text), err); /* for messages */
    if (rc) raml_lora_targets_deinit(t);
    return rc;
}

void raml_lora_targets_deinit(struct lora_targets *t)
{
    for (size_t i = 0; i < t->n; i++) free(t->name[i]);
    free(t->name);
    free(t->used);
    regex_close(t->regex);
    *t = (struct lora_targets){0};
}

static bool ends_in(const char *name, const char *end)
{
    size_t n = strlen(name), k = strlen(end);
    return n >= k && !strcmp(name + n - k, end) && (n == k || name[n - k - 1] == '.');
}

enum raml_code raml_lora_targets_match(struct lora_targets *t, const struct raml_lora_module *m, bool *yes,
                                       struct raml_err *err)
{
    *yes = t->all_linear && m->layer >= 0;
    if (t->regex) {
        enum raml_code rc = regex_match(t->regex, t->what, t->name[0], m->name, yes, err);
        t->used[0] |= *yes;
        return rc;
    }
    for (size_t i = 0; i < t->n; i++) {
        if (!ends_in(m->name, t->name[i])) continue;
        t->used[i] = true;
        *yes = true;
    }
    return RAML_OK;
}
