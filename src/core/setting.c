/* setting.c - a table of settings and the struct that it describes. See raml/setting.h. */
#include "core/setting.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* -- Names --------------------------------------------------------------------------------------------------------- */

/* known: [n] bytes of a name. */
static bool same_name(const char *known, size_t n, const char *name, size_t len)
{
    if (n != len) return false;
    for (size_t i = 0; i < len; i++)
        if (known[i] != (name[i] == '-' ? '_' : name[i])) return false;
    return true;
}

size_t raml_setting_alias(const struct raml_setting *row, size_t i, const char **alias)
{
    const char *s = row->alias ? row->alias : "";
    for (; i > 0 && *s; i--) {
        s += strcspn(s, "|");
        s += *s == '|';
    }
    *alias = s;
    return strcspn(s, "|");
}

bool raml_setting_called(const struct raml_setting *row, const char *name, size_t len)
{
    const char *alias;
    size_t n;
    bool is = same_name(row->name, strlen(row->name), name, len);
    for (size_t i = 0; !is && (n = raml_setting_alias(row, i, &alias)) > 0; i++) is = same_name(alias, n, name, len);
    return is;
}

const struct raml_setting *raml_settings_find(const struct raml_setting *table, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (raml_setting_called(&table[i], name, strlen(name))) return &table[i];
    return NULL;
}

/* -- The struct ---------------------------------------------------------------------------------------------------- */

/* The type decides how many bytes a field has. */
static void set_zero(const struct raml_setting *row, void *field)
{
    switch (row->type) {
    case RAML_FLAG: *(bool *)field = false; break;
    case RAML_INT: *(int64_t *)field = 0; break;
    case RAML_REAL: *(double *)field = 0; break;
    case RAML_WORD: *(int *)field = 0; break;
    case RAML_TEXT:
    case RAML_PATH:
    case RAML_ONE: *(const char **)field = NULL; break;
    }
}

void raml_settings_default(const struct raml_setting *table, size_t n, void *settings)
{
    for (size_t i = 0; i < n; i++) {
        enum raml_code rc = RAML_OK;
        set_zero(&table[i], (char *)settings + table[i].offset);
        if (table[i].value) rc = raml_settings_set(&table[i], settings, table[i].value, NULL);
        assert(!rc); /* a default that its own row rejects is a bug in the table */
        (void)rc;
    }
}

static const char *value_text(const struct raml_setting *row, const void *field, char out[RAML_SHOWN])
{
    const char *text = raml_setting_holds_text(row) ? *(const char *const *)field : NULL;
    out[0] = 0;
    if (row->type == RAML_INT) snprintf(out, RAML_SHOWN, "%" PRId64, *(const int64_t *)field);
    else if (row->type == RAML_REAL) snprintf(out, RAML_SHOWN, "%g", *(const double *)field);
    else if (row->type == RAML_WORD) snprintf(out, RAML_SHOWN, "%d", *(const int *)field);
    else if (text) raml_shown(text, strlen(text), out);
    else return "not given";
    return out;
}

enum raml_code raml_settings_check(const struct raml_setting *table, size_t n, const void *settings,
                                   struct raml_err *err)
{
    for (size_t i = 0; i < n; i++) {
        const void *field = (const char *)settings + table[i].offset;
        char want[RAML_EXPECTED], found[RAML_SHOWN];
        if (raml_setting_allows(&table[i], field)) continue;
        raml_setting_expected(&table[i], want);
        return raml_fail(err, RAML_EUSAGE, "%s is %s; expected %s", table[i].name, value_text(&table[i], field, found),
                         want);
    }
    return RAML_OK;
}

static json_t *value_json(const struct raml_setting *row, const void *field)
{
    const char *text = raml_setting_holds_text(row) ? *(const char *const *)field : NULL;
    switch (row->type) {
    case RAML_FLAG: return json_boolean(*(const bool *)field);
    case RAML_INT: return json_integer((json_int_t) * (const int64_t *)field);
    case RAML_REAL: return json_real(*(const double *)field);
    case RAML_WORD: {
        size_t len = raml_setting_word(row, (size_t) * (const int *)field, &text);
        return json_stringn(text, len);
    }
    case RAML_TEXT:
    case RAML_PATH:
    case RAML_ONE: break;
    }
    return text ? json_string(text) : json_null();
}

json_t *raml_settings_json(const struct raml_setting *table, size_t n, const void *settings)
{
    json_t *out = json_object();
    int failed = !out;
    for (size_t i = 0; !failed && i < n; i++)
        failed =
            json_object_set_new(out, table[i].name, value_json(&table[i], (const char *)settings + table[i].offset));
    if (!failed) return out;
    json_decref(out);
    return NULL;
}

/* One "name=value" of len bytes. */
static enum raml_code apply_one(const struct raml_setting *table, size_t n, void *settings, const char *text,
                                size_t len, struct raml_err *err)
{
    char word[128];
    snprintf(word, sizeof word, "%.*s", (int)len, text);
    char *value = strchr(word, '=');
    if (!value || len >= sizeof word)
        return raml_fail(err, RAML_EUSAGE, "found '%s', expected a setting and its value", word);
    *value++ = 0;
    const struct raml_setting *row = raml_settings_find(table, n, word);
    if (!row) return raml_fail(err, RAML_EUSAGE, "there is no setting '%s'", word);
    if (row->type == RAML_TEXT || row->type == RAML_PATH || row->type == RAML_ONE)
        return raml_fail(err, RAML_EUSAGE, "%s is a text; expected a number, a switch or a word", word);
    return raml_settings_set(row, settings, value, err);
}

enum raml_code raml_settings_apply(const struct raml_setting *table, size_t n, void *settings, const char *text,
                                   struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (text += strspn(text, " "); *text && !rc; text += strspn(text, " ")) {
        size_t len = strcspn(text, " ");
        rc = apply_one(table, n, settings, text, len, err);
        text += len;
    }
    return rc;
}
