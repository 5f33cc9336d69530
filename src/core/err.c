/* err.c - see err.h. */
#include "raml/err.h"

#include "core/memory.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Sentences quote what files hold, and are printed to terminals and logs: control characters, which may move the cursor
 * or begin a new line, become '?'. So do U+0080 to U+009F, of two bytes each. */
static void quieten(char *s)
{
    for (unsigned char *c = (unsigned char *)s; *c; c++) {
        bool second = c > (unsigned char *)s && c[-1] == 0xc2 && *c >= 0x80 && *c < 0xa0;
        if (*c < 0x20 || *c == 0x7f || second) *c = '?';
        if (second) c[-1] = '?';
    }
}

enum raml_code(raml_fail)(struct raml_err *err, enum raml_code code, const char *fmt, ...)
{
    if (!err) return code;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err->msg, sizeof err->msg, fmt, ap);
    va_end(ap);
    quieten(err->msg);
    err->code = code;
    return code;
}

/* Appends ": " and text to the n characters of err's message; n may be vsnprintf's length of a truncated one. */
static void append(struct raml_err *err, int n, const char *text)
{
    if (n < 0 || (size_t)n + 3 > sizeof err->msg) return;
    size_t at = (size_t)n + 2, space = sizeof err->msg - at - 1, len = strlen(text);
    if (len > space) len = space;
    memcpy(err->msg + n, ": ", 2);
    memcpy(err->msg + at, text, len);
    err->msg[at + len] = 0;
}

enum raml_code(raml_wrap)(struct raml_err *err, enum raml_code code, const char *fmt, ...)
{
    if (!err) return code;
    char old[sizeof err->msg];
    memcpy(old, err->msg, sizeof old);
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(err->msg, sizeof err->msg, fmt, ap);
    va_end(ap);
    append(err, n, old);
    quieten(err->msg);
    return code;
}

enum raml_code(raml_fail_errno)(struct raml_err *err, const char *fmt, ...)
{
    int saved = errno;
    if (saved == ENOMEM) raml_memory_note(0);
    if (!err) return RAML_EIO;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(err->msg, sizeof err->msg, fmt, ap);
    va_end(ap);
    append(err, n, strerror(saved));
    quieten(err->msg);
    err->code = RAML_EIO;
    return RAML_EIO;
}
