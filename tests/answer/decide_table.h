/* decide_table.h - tables of pairs for raml_decide, written in the notation of infix.h. Include after cmocka.h. */
#ifndef RAML_TEST_DECIDE_TABLE_H
#define RAML_TEST_DECIDE_TABLE_H

#include "answer/decide/decide.h"

#include "infix.h"

#define COUNT(x) (sizeof(x) / sizeof *(x))

enum { E = RAML_EQUAL, D = RAML_DIFFERENT, U = RAML_UNKNOWN, WORK = 50000, POOL_BYTES = 1 << 22 };

struct decide_case {
    const char *a, *b;
    int want;
};

static inline const char *decide_name(enum raml_verdict v)
{
    return v == RAML_EQUAL ? "equal" : v == RAML_DIFFERENT ? "different" : "unknown";
}

/* Both ways round, which must agree. */
static inline enum raml_verdict decide_texts(const char *a, const char *b, struct work *w, const char **rule)
{
    struct raml_arena *arena = raml_arena_open(POOL_BYTES);
    struct expr_pool pool = {.arena = arena};
    const struct expr *x = infix_read(&pool, a), *y = infix_read(&pool, b);
    if (!x || !y) fail_msg("not understood: %s or %s", a, b);
    struct work mirror = *w;
    const char *unused;
    enum raml_verdict v = raml_decide(x, y, w, rule), mirrored = raml_decide(y, x, &mirror, &unused);
    if (v != mirrored) fail_msg("%s, %s: %s, and the other way round %s", a, b, decide_name(v), decide_name(mirrored));
    raml_arena_close(arena);
    return v;
}

/* How many are not as wanted; each is reported. */
static inline size_t decide_cases(const struct decide_case *c, size_t n)
{
    size_t wrong = 0;
    for (size_t i = 0; i < n; i++) {
        struct work w = {.left = WORK};
        const char *rule = "";
        enum raml_verdict v = decide_texts(c[i].a, c[i].b, &w, &rule);
        if ((int)v == c[i].want) continue;
        print_error("%s, %s: %s by %s\n", c[i].a, c[i].b, decide_name(v), rule);
        wrong++;
    }
    return wrong;
}

#endif
