/* value.h - a template's values: Python's, as far as chat templates use them (private to src/jinja).
 *
 * Text is UTF-8; length, indices and slices count code points. A text remembers which of its bytes came from a message:
 * sorted, disjoint ranges [start, end), each with the message's index. Every operation on text keeps this
 * provenance, so the finished prompt distinguishes content from frame.
 *
 * Errors   the first failure is kept in raml_jinja.code, with its message; from then on every function returns at once,
 *          with None or nothing done. A caller looks at `code` where it loops, and at its end.
 * Memory   everything lives in the arena of the rendering (or, for constants, of the template); texts of messages are
 *          the caller's.
 * Bounds   steps (work, bytes included), depth (nesting of anything recursive), bytes of memory, bytes of output.
 */
#ifndef RAML_JINJA_VALUE_H
#define RAML_JINJA_VALUE_H

#include "core/arena.h"
#include "raml/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RAML_J_MAX_DEPTH = 400, RAML_J_MAX_PARSE_DEPTH = 120, RAML_J_MAX_RANGE = 100000, RAML_J_SHOWN = 80 };
#define RAML_J_MAX_STEPS UINT64_C(20000000)
#define RAML_J_FRAME SIZE_MAX /* as a message's index: not from a message */

struct raml_jscope;
struct raml_jout;
struct raml_jinja { /* one parsing or one rendering */
    struct raml_arena *arena;
    const char *name; /* of the template, for messages */
    size_t line;      /* where we are, for messages */
    struct raml_err *err;
    enum raml_code code; /* of the first failure */
    uint64_t steps;
    unsigned depth;
    enum raml_jflow { RAML_J_GOES_ON, RAML_J_BREAK, RAML_J_CONTINUE } flow;
    struct raml_jscope *scope;
    struct raml_jout *out;
    const char *date; /* the day of strftime_now; NULL: not given */
};

enum raml_jtype {
    RAML_J_ABSENT, /* an argument that was not given */
    RAML_J_UNDEFINED,
    RAML_J_NONE,
    RAML_J_BOOL,
    RAML_J_INT,
    RAML_J_BIG, /* an integer beyond 64 bits, by its digits: written and compared, not reckoned with */
    RAML_J_FLOAT,
    RAML_J_STR,
    RAML_J_SEQ,
    RAML_J_DICT,
    RAML_J_NAMESPACE,
    RAML_J_CALL,
    RAML_J_LOOP
};
struct raml_jv {
    enum raml_jtype type;
    union {
        bool b;
        int64_t i;
        double d;
        const struct raml_jstr *s; /* of a BIG too */
        struct raml_jseq *q;
        struct raml_jdict *m; /* of a namespace too */
        const struct raml_jundef *u;
        const struct raml_jcall *f;
        struct raml_jloop *loop;
    };
};

struct raml_jprovenance {
    size_t start, end, message;
};
struct raml_jstr {
    const char *s;
    size_t n, n_chars;
    const struct raml_jprovenance *provenance;
    size_t n_provenance;
    bool safe; /* Markup: + escapes what is joined to it */
};
enum raml_jseq_kind { RAML_J_LIST, RAML_J_TUPLE, RAML_J_RANGE, RAML_J_ITER, RAML_J_KEYS, RAML_J_VALUES, RAML_J_ITEMS };
struct raml_jseq {
    enum raml_jseq_kind kind;
    struct raml_jv *item;
    size_t n, cap;
    size_t next;               /* ITER (a generator): the next element */
    int64_t start, stop, step; /* RANGE */
};
struct raml_jdict { /* keys in insertion order */
    struct raml_jv *key, *value;
    size_t n, cap;
};
struct raml_jundef {  /* for the message when it is used */
    const char *of;   /* type that lacks it; NULL: a variable */
    const char *name; /* of the variable or attribute; NULL: `why` is the whole message */
    const char *why;
};
struct raml_jloop {
    struct raml_jv *item, changed;
    size_t n, i;
    int64_t depth;
};

static inline struct raml_jv raml_j_none(void)
{
    return (struct raml_jv){.type = RAML_J_NONE};
}
static inline struct raml_jv raml_j_bool(bool b)
{
    return (struct raml_jv){.type = RAML_J_BOOL, .b = b};
}
static inline struct raml_jv raml_j_int(int64_t i)
{
    return (struct raml_jv){.type = RAML_J_INT, .i = i};
}
static inline struct raml_jv raml_j_float(double d)
{
    return (struct raml_jv){.type = RAML_J_FLOAT, .d = d};
}
static inline struct raml_jv raml_j_seq(struct raml_jseq *q)
{
    return q ? (struct raml_jv){.type = RAML_J_SEQ, .q = q} : raml_j_none();
}
static inline struct raml_jv raml_j_dict(struct raml_jdict *m)
{
    return m ? (struct raml_jv){.type = RAML_J_DICT, .m = m} : raml_j_none();
}

/* Keeps the message "NAME:LINE: ..." unless there was a failure before. Returns None. */
struct raml_jv raml_j_fail(struct raml_jinja *in, enum raml_code code, const char *fmt, ...) RAML_PRINTF(3, 4);
/* Counts work. False: the budget is used up, or something failed before. */
bool raml_j_work(struct raml_jinja *in, size_t steps);
/* One level deeper; false: too deep, or something failed before (then there is nothing to leave). */
bool raml_j_enter(struct raml_jinja *in);
void raml_j_leave(struct raml_jinja *in);
void *raml_j_alloc(struct raml_jinja *in, size_t n, size_t size); /* zeroed; NULL: failed */

/* Text. The bytes are not copied. */
struct raml_jv raml_j_str(struct raml_jinja *in, const char *s, size_t n, size_t message);
struct raml_jv raml_j_copy(struct raml_jinja *in, const char *s, size_t n); /* copied; part of the frame */
struct raml_jv raml_j_part(struct raml_jinja *in, const struct raml_jstr *s, size_t from, size_t to); /* bytes */
bool raml_j_is_text(struct raml_jv v, const char *text);
size_t raml_j_byte_of(const struct raml_jstr *s, size_t i_char); /* i_char <= n_chars */
size_t raml_j_message_at(const struct raml_jstr *s, size_t at);
/* One character's code point at s[0..); *bytes: its length. s is valid UTF-8. */
uint32_t raml_j_char(const char *s, size_t *bytes);
bool raml_j_is_space(uint32_t c);     /* str.isspace, and \s */
bool raml_j_is_printable(uint32_t c); /* str.isprintable */

/* Text being built, with its provenance. */
struct raml_jout {
    struct raml_jinja *in;
    char *s;
    size_t n, cap, max;
    struct raml_jprovenance *provenance;
    size_t n_provenance, cap_provenance;
};
void raml_jout_init(struct raml_jout *o, struct raml_jinja *in);
void raml_jout_add(struct raml_jout *o, const char *s, size_t n, size_t message);
void raml_jout_adds(struct raml_jout *o, const char *s);
void raml_jout_char(struct raml_jout *o, uint32_t c, size_t message);
void raml_jout_part(struct raml_jout *o, const struct raml_jstr *s, size_t from, size_t to);
void raml_jout_str(struct raml_jout *o, const struct raml_jstr *s);
struct raml_jv raml_jout_done(struct raml_jout *o);

/* Sequences and dicts. New ones are NULL when something failed; adding to NULL does nothing. */
struct raml_jseq *raml_j_new_seq(struct raml_jinja *in, enum raml_jseq_kind kind, size_t cap);
void raml_j_push(struct raml_jinja *in, struct raml_jseq *q, struct raml_jv v);
struct raml_jv raml_j_pair(struct raml_jinja *in, struct raml_jv a, struct raml_jv b);
struct raml_jdict *raml_j_new_dict(struct raml_jinja *in, size_t cap);
void raml_j_append(struct raml_jinja *in, struct raml_jdict *m, struct raml_jv key, struct raml_jv value); /* new key */
void raml_j_put(struct raml_jinja *in, struct raml_jdict *m, struct raml_jv key, struct raml_jv value);
bool raml_j_get(struct raml_jinja *in, const struct raml_jdict *m, struct raml_jv key, struct raml_jv *out);
bool raml_j_get_text(const struct raml_jdict *m, const char *key, size_t n, struct raml_jv *out);

struct raml_jv raml_j_undefined(struct raml_jinja *in, const char *of, const char *name);
struct raml_jv raml_j_undefined_why(struct raml_jinja *in, const char *why);
struct raml_jv raml_j_fail_undefined(struct raml_jinja *in, struct raml_jv v);

/* compare.c */
const char *raml_j_type_name(struct raml_jv v); /* Python's: "str", "NoneType" ... */
bool raml_j_truth(struct raml_jinja *in, struct raml_jv v);
bool raml_j_equal(struct raml_jinja *in, struct raml_jv a, struct raml_jv b);
int raml_j_order(struct raml_jinja *in, struct raml_jv a, struct raml_jv b, const char *op); /* < 0, 0, > 0 */
bool raml_j_same(struct raml_jv a, struct raml_jv b);                                        /* Python's `is` */
bool raml_j_is_number(struct raml_jv v);                                                     /* bool, int or float */
bool raml_j_is_integral(struct raml_jv v);                                                   /* bool or int */
double raml_j_number(struct raml_jv v);                                                      /* of a number */
int64_t raml_j_integer(struct raml_jv v);                                                    /* of bool or int */

/* print.c: str(v), repr(v). */
void raml_j_print(struct raml_jout *o, struct raml_jv v);
void raml_j_repr(struct raml_jout *o, struct raml_jv v);
void raml_j_print_float(struct raml_jout *o, double d);
struct raml_jv raml_j_to_str(struct raml_jinja *in, struct raml_jv v);

/* json.c */
struct raml_jv raml_j_from_json(struct raml_jinja *in, const void *json, size_t message);
struct raml_jv raml_j_from_messages(struct raml_jinja *in, const void *json);

#endif
