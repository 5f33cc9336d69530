/* source.c - fields of a tokenizer.json, and what is reported of those that are not understood. See source.h. */
#include "text/source.h"

#include <stdio.h>
#include <string.h>

struct raml_shown raml_show(const char *text)
{
    struct raml_shown s;
    size_t n = 0;
    for (; text[n] && n < sizeof s.text - 4; n++)
        s.text[n] = (unsigned char)text[n] < 0x20 || text[n] == 0x7f ? '?' : text[n];
    if (text[n]) {
        while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80) n--; /* cut between characters */
        memcpy(s.text + n, "...", 3);
        n += 3;
    }
    s.text[n] = 0;
    return s;
}

bool raml_absent(const json_t *v)
{
    return !v || json_is_null(v);
}

enum raml_code raml_refuse(const struct raml_source *s, const char *field, const char *found, const char *expected)
{
    return raml_fail(s->err, RAML_ESUPPORT, "%s: field '%s' is %s; this version reads %s", s->at.path, field, found,
                     expected);
}

enum raml_code raml_need_off(const struct raml_source *s, const json_t *obj, const char *in, const char *field)
{
    const json_t *v = json_object_get(obj, field);
    if (raml_absent(v) || json_is_false(v) || (json_is_string(v) && !json_string_length(v))) return RAML_OK;
    if (json_is_number(v) && !(json_number_value(v) > 0) && !(json_number_value(v) < 0)) return RAML_OK;
    char name[RAML_PLACE_BYTES + 32];
    snprintf(name, sizeof name, "%s%s", in, field);
    return raml_refuse(s, name, json_is_true(v) ? "true" : "set", "files without it");
}

enum raml_code raml_read_flag(const struct raml_source *s, const json_t *obj, const char *in, const char *field,
                              bool unless, bool *out)
{
    const json_t *v = json_object_get(obj, field);
    *out = raml_absent(v) ? unless : json_is_true(v);
    if (raml_absent(v) || json_is_boolean(v)) return RAML_OK;
    return raml_fail(s->err, RAML_EFORMAT, "%s: field '%s%s' is not true or false", s->at.path, in, field);
}
