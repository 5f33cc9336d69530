/* declared_fail.c - what is wrong with a study, and where. See declared.h. */
#include "study/declared.h"

#include "core/nearest.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum raml_code raml_study_fail(const struct raml_study *s, const struct raml_yaml *at, struct raml_err *err,
                               const char *fmt, ...)
{
    char text[600];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n < 0) text[0] = 0;
    return raml_fail(err, RAML_EUSAGE, "%s:%zu: %s", s->path, at ? at->line : 1, text);
}

enum raml_code raml_study_check_fields(const struct raml_study *s, const struct raml_yaml *map,
                                       const char *const *known, size_t n, struct raml_err *err)
{
    if (map->kind != RAML_YAML_MAP)
        return raml_study_fail(s, map, err, "%s%sfound %s, expected a mapping", map->key ? map->key : "",
                               map->key ? ": " : "", raml_yaml_kind_name(map));
    for (const struct raml_yaml *y = map->child; y; y = y->next) {
        bool is = false;
        for (size_t i = 0; i < n; i++) is = is || !strcmp(known[i], y->key);
        if (!is) return raml_wrap(err, raml_fail_unknown(err, "field", y->key, known, n), "%s:%zu", s->path, y->line);
    }
    return RAML_OK;
}
