/* guard.c - see guard.h. */
#include "answer/decide/guard.h"

#include "answer/decide/flint.h"
#include "core/memory.h"
#include "raml/answer.h"

#include <setjmp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { NO_MEMORY = 1, GAVE_UP };

static _Thread_local jmp_buf *end; /* of this thread's check */
static atomic_bool broken;

static __attribute__((noreturn)) void leave(int why)
{
    static const char line[] = "raml: no memory for exact arithmetic (FLINT)\n";
    atomic_store(&broken, true);
    if (end) longjmp(*end, why);
    if (write(STDERR_FILENO, line, sizeof line - 1)) {
    } /* there is nothing left to tell it to */
    _exit(1);
}

static __attribute__((noreturn)) void out_of_memory(size_t bytes)
{
    raml_memory_note(bytes);
    leave(NO_MEMORY);
}

/* FLINT's fault; it has said what. */
static __attribute__((noreturn)) void give_up(void)
{
    leave(GAVE_UP);
}

static void *take(size_t n)
{
    void *p = malloc(n ? n : 1);
    if (!p) out_of_memory(n);
    return p;
}

static void *take_zeroed(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size ? size : 1);
    if (!p) out_of_memory(n * size);
    return p;
}

static void *take_more(void *old, size_t n)
{
    void *p = realloc(old, n ? n : 1);
    if (!p) out_of_memory(n);
    return p;
}

static void *gmp_more(void *old, size_t before, size_t n)
{
    (void)before;
    return take_more(old, n);
}

static void gmp_free(void *p, size_t n)
{
    (void)n;
    free(p);
}

void raml_answer_guard(void)
{
    __flint_set_memory_functions(take, take_zeroed, take_more, free);
    flint_set_abort(give_up);
    mp_set_memory_functions(take, gmp_more, gmp_free);
}

enum raml_code raml_guarded(enum raml_code (*work)(void *user, struct raml_err *err), void *user, struct raml_err *err)
{
    jmp_buf here;
    if (atomic_load(&broken)) return raml_fail(err, RAML_ENOMEM, "no memory for exact arithmetic");
    if (end) return work(user, err); /* a check within a check ends with it */
    int why = setjmp(here);
    if (why) {
        end = NULL;
        if (why == NO_MEMORY) return raml_fail(err, RAML_ENOMEM, "no memory for exact arithmetic");
        return raml_fail(err, RAML_ESUPPORT, "FLINT gave up on this pair of answers");
    }
    end = &here;
    enum raml_code rc = work(user, err);
    end = NULL;
    return rc;
}

bool raml_guard_broken(void)
{
    return atomic_load(&broken);
}
