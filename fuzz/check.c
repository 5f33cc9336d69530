/* check.c - see check.h. */
#include "fuzz/check.h"

#include "fuzz/target.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fuzz_fault(const char *file, int line, const char *what, const char *fmt, ...)
{
    va_list args;
    fflush(stdout);
    fprintf(stderr, "%s:%d: does not hold: %s: ", file, line, what);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    abort();
}

void fuzz_must(const char *file, int line, const char *what, enum raml_code rc, const struct raml_err *err)
{
    if (rc) fuzz_fault(file, line, what, "code %d: %s", (int)rc, err->msg);
}

static char sentence[sizeof(struct raml_err)];

const char *fuzz_sentence(void)
{
    return sentence;
}

int fuzz_refused(enum raml_code rc, const struct raml_err *err)
{
    size_t n = strnlen(err->msg, sizeof err->msg);
    FUZZ_CHECK(err->code == rc, "code %d is reported, the error says %d: %s", (int)rc, (int)err->code, err->msg);
    FUZZ_CHECK(n > 0 && n < sizeof err->msg, "a refusal (code %d) without a sentence", (int)rc);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)err->msg[i];
        FUZZ_CHECK(c >= 0x20 && c != 0x7f, "byte %zu of the sentence is the control character %d: %s", i, c, err->msg);
    }
    memcpy(sentence, err->msg, n + 1);
    return FUZZ_REFUSED;
}
