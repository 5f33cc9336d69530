/* work.c - see work.h. */
#include "answer/work.h"

#include <stdarg.h>
#include <stdio.h>

bool raml_work_charge(struct work *w, uint64_t units)
{
    if (units > w->left) {
        w->spent = true;
        return false;
    }
    w->left -= units;
    w->used += units;
    return true;
}

void raml_work_say(struct work *w, const char *fmt, ...)
{
    char line[512];
    if (!w->explain) return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    raml_buf_adds(w->explain, line);
    raml_buf_adds(w->explain, "\n");
}
