/* log.c - see err.h. */
#include "raml/err.h"

#include <stdarg.h>
#include <stdio.h>

enum { LINE_BYTES = 4096 }; /* longer messages are truncated */

void raml_say(const struct raml_sink *sink, const char *fmt, ...)
{
    if (!sink || !sink->line) return;
    char text[LINE_BYTES];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n >= 0) sink->line(sink->user, text);
}

void raml_progress(const struct raml_sink *sink, const char *what, double done, double total, const char *unit,
                   const char *note)
{
    if (sink && sink->progress) sink->progress(sink->user, what, done, total, unit, note);
}

bool raml_should_stop(const struct raml_sink *sink)
{
    return sink && sink->stop && sink->stop(sink->user);
}
