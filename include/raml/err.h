/* err.h - what went wrong: a code for the program, a message for the person.
 *
 * Every function that can fail returns enum raml_code and takes a struct raml_err last (it may be NULL). The message
 * names the file, line and field, what was found and what was expected. The first cause is kept: a caller puts
 * context in front of it with raml_wrap, and never overwrites it; control characters become '?'. The library never
 * prints and never exits.
 */
#ifndef RAML_ERR_H
#define RAML_ERR_H

#include <stdbool.h>
#include <stddef.h>

#pragma GCC visibility push(default)

enum raml_code {
    RAML_OK = 0,
    RAML_ENOMEM,   /* memory, or a limit set on it, is used up */
    RAML_EIO,      /* the operating system refused; the message has its words */
    RAML_EFORMAT,  /* a file's bytes are not as its format requires */
    RAML_ERANGE,   /* a value is outside what is allowed */
    RAML_ESHAPE,   /* two tensors, or a tensor and a configuration, disagree */
    RAML_EUSAGE,   /* a setting or a command line is wrong (exit code 2) */
    RAML_ESUPPORT, /* understood, but not supported by this build, machine or version */
    RAML_ESTOP     /* asked to stop (signal or callback); what was done is kept */
};

struct raml_err {
    enum raml_code code;
    char msg[768];
};

#define RAML_CHECKED __attribute__((warn_unused_result))
#define RAML_PRINTF(a, b) __attribute__((format(printf, a, b)))

/* Sets err (when not NULL) and returns code. */
enum raml_code raml_fail(struct raml_err *err, enum raml_code code, const char *fmt, ...) RAML_PRINTF(3, 4);

/* Puts "context: " in front of err's message and returns err's code unchanged (code when err is NULL). */
enum raml_code raml_wrap(struct raml_err *err, enum raml_code code, const char *fmt, ...) RAML_PRINTF(3, 4);

/* As raml_fail with RAML_EIO, and ": " plus strerror(errno) after the message. */
enum raml_code raml_fail_errno(struct raml_err *err, const char *fmt, ...) RAML_PRINTF(2, 3);

#ifdef __clang_analyzer__ /* which looks at one source at a time: states what these return */
#define raml_fail(err, code, ...) ((void)(raml_fail)(err, code, __VA_ARGS__), (code))
#define raml_wrap(err, code, ...) ((void)(raml_wrap)(err, code, __VA_ARGS__), (code))
#define raml_fail_errno(err, ...) ((void)(raml_fail_errno)(err, __VA_ARGS__), RAML_EIO)
#endif

/* ---------------------------------------------------------------------------------------------------------------- */

/* How long-running work reports what happens.
 *
 * The library never prints: it calls the sink it is given. NULL is a legal sink (silence).
 * Threads: a sink is called from the thread that started the work.
 */

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
