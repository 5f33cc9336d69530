/* declared_fail.c - what is wrong with a study, and where. See declared.h. */
#include "study/declared.h"

#include <stdarg.h>
#include <stdio.h>

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
