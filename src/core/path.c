/* path.c - see path.h. */
#include "core/path.h"

#include <stdarg.h>
#include <stdio.h>

static enum raml_code check(char out[RAML_PATH_BYTES], int n, struct raml_err *err)
{
    if (n >= 0 && n < RAML_PATH_BYTES) return RAML_OK;
    enum raml_code rc = raml_fail(err, RAML_EUSAGE, "%.80s...: a path of more than %d bytes", out, RAML_PATH_BYTES - 1);
    out[0] = 0;
    return rc;
}

enum raml_code raml_path_join(char out[RAML_PATH_BYTES], const char *dir, const char *name, struct raml_err *err)
{
    return raml_path_format(out, err, "%s/%s", dir, name);
}

enum raml_code raml_path_format(char out[RAML_PATH_BYTES], struct raml_err *err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(out, RAML_PATH_BYTES, fmt, ap);
    va_end(ap);
    return check(out, n, err);
}

char *raml_path_new(const char *fmt, ...)
{
    char *out = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&out, fmt, ap);
    va_end(ap);
    return n < 0 ? NULL : out;
}
