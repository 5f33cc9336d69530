/* log.h - how long-running work reports what happens.
 *
 * The library never prints: it calls the sink it is given. NULL is a legal sink (silence).
 * Threads: a sink is called from the thread that started the work.
 */
#ifndef RAML_LOG_H
#define RAML_LOG_H

#include <stdbool.h>
#include <stddef.h>

#pragma GCC visibility push(default)

struct raml_sink {
    void (*line)(void *user, const char *text); /* a message worth keeping, without newline */
    /* Work `what` has done `done` of `total` units (`unit`: "tokens", "steps" …; total 0: unknown). `note` may be
     * NULL ("loss 0.41"). Called as often as the work likes; the sink decides what to show, with rate and time left. */
    void (*progress)(void *user, const char *what, double done, double total, const char *unit, const char *note);
    bool (*stop)(void *user); /* asked between steps: true ends the work cleanly (RAML_ESTOP); may be NULL */
    void *user;
};

void raml_say(const struct raml_sink *sink, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void raml_progress(const struct raml_sink *sink, const char *what, double done, double total, const char *unit,
                   const char *note);
bool raml_should_stop(const struct raml_sink *sink);

#pragma GCC visibility pop
#endif
