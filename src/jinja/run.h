/* run.h - running a parsed template (private to src/jinja and src/text/chat.c).
 *
 * Names are looked up in a chain of scopes, the innermost first: each loop iteration, macro call, `with` and block has
 * its own; `if` has none. A macro sees the scope that it is defined in, as that is when it is called. A name in no
 * scope may be a global function; else it is undefined.
 */
#ifndef RAML_JINJA_RUN_H
#define RAML_JINJA_RUN_H

#include "jinja/parse.h"

enum { RAML_J_MAX_PARAMS = 8 };

struct raml_jvar {
    const char *name;
    struct raml_jv value;
    struct raml_jvar *next;
};
struct raml_jscope {
    struct raml_jscope *parent;
    struct raml_jvar *vars;
};
struct raml_jargs {
    struct raml_jv *pos;
    size_t n;
    const char **name; /* [n_named] */
    struct raml_jv *named;
    size_t n_named;
};

/* A function, filter, test or method. params: names separated by spaces; those from index `need` on may be omitted, and
 * are then RAML_J_ABSENT in a[]. "*": arguments are not bound, `run` reads them itself. run == NULL: Jinja or Python
 * has it, this version does not: looking it up is a failure. self: what the filter, test or method is applied to. */
struct raml_jfunc {
    const char *name, *params;
    unsigned need;
    struct raml_jv (*run)(struct raml_jinja *in, struct raml_jv self, const struct raml_jargs *args, struct raml_jv *a);
};
struct raml_jcall { /* a callable: a function (perhaps bound to self), or a macro */
    const struct raml_jfunc *func;
    struct raml_jv self;
    const struct raml_jnode *macro;
    struct raml_jscope *scope; /* the macro's */
};

/* eval.c, expr.c */
void raml_j_exec(struct raml_jinja *in, const struct raml_jnodes *body);
struct raml_jv raml_j_eval(struct raml_jinja *in, const struct raml_jnode *n);
/* A filter block's or block set's filters over `input`. */
struct raml_jv raml_j_eval_filters(struct raml_jinja *in, const struct raml_jnode *filters, struct raml_jv input);
struct raml_jargs raml_j_eval_args(struct raml_jinja *in, const struct raml_jnodes *args);
/* The body's text, in a scope below `parent`. */
struct raml_jv raml_j_capture(struct raml_jinja *in, const struct raml_jnodes *body, struct raml_jscope *scope);
void raml_j_set(struct raml_jinja *in, struct raml_jscope *scope, const char *name, struct raml_jv v);
struct raml_jscope *raml_j_new_scope(struct raml_jinja *in, struct raml_jscope *parent);

/* call.c */
struct raml_jv raml_j_call(struct raml_jinja *in, struct raml_jv callee, const struct raml_jargs *args);
/* what: "filter", "test" ... for messages. */
struct raml_jv raml_j_run(struct raml_jinja *in, const char *what, const struct raml_jfunc *f, struct raml_jv self,
                          const struct raml_jargs *args);
struct raml_jv raml_j_bound(struct raml_jinja *in, const struct raml_jfunc *f, struct raml_jv self);
const struct raml_jfunc *raml_j_find(const struct raml_jfunc *table, size_t n, const char *name);
const struct raml_jfunc *raml_j_global(const char *name);
struct raml_jv raml_j_filter(struct raml_jinja *in, const char *name, struct raml_jv v, const struct raml_jargs *args);
bool raml_j_test(struct raml_jinja *in, const char *name, struct raml_jv v, const struct raml_jargs *args);
const struct raml_jfunc *raml_j_find_filter(const char *name); /* filters.c */
const struct raml_jfunc *raml_j_find_test(const char *name);   /* tests.c */
/* methods.c: those of text and, from methods_seq.c, of the others. */
const struct raml_jfunc *raml_j_find_method(struct raml_jv object, const char *name);
const struct raml_jfunc *raml_j_find_other_method(struct raml_jv object, const char *name);

/* ops.c */
struct raml_jv raml_j_binary(struct raml_jinja *in, int op, struct raml_jv a, struct raml_jv b);
struct raml_jv raml_j_negative(struct raml_jinja *in, struct raml_jv v);
bool raml_j_contains(struct raml_jinja *in, struct raml_jv all, struct raml_jv one);
bool raml_j_compare(struct raml_jinja *in, int op, struct raml_jv a, struct raml_jv b);

/* access.c */
struct raml_jv raml_j_attr(struct raml_jinja *in, struct raml_jv object, const char *name);      /* object.name */
struct raml_jv raml_j_attr_only(struct raml_jinja *in, struct raml_jv object, const char *name); /* no item */
struct raml_jv raml_j_item(struct raml_jinja *in, struct raml_jv object, struct raml_jv key);    /* object[key] */
struct raml_jv raml_j_slice(struct raml_jinja *in, struct raml_jv object, const struct raml_jv part[3]);
/* Its elements, as `for` visits them; a generator is used up. NULL: failed. */
struct raml_jseq *raml_j_iterate(struct raml_jinja *in, struct raml_jv v);
/* len(v), or -1: it has none. */
int64_t raml_j_length(struct raml_jv v);

/* Bound arguments as int, as text, with a default for one omitted. Another type: a failure. */
int64_t raml_j_arg_int(struct raml_jinja *in, struct raml_jv v, int64_t unless);
const struct raml_jstr *raml_j_arg_text(struct raml_jinja *in, struct raml_jv v, const char *what); /* NULL: failed */

/* text.c: shared by filters and methods. */
struct raml_jv raml_j_strip(struct raml_jinja *in, const struct raml_jstr *s, struct raml_jv chars, int ends);
enum { RAML_J_LEFT = 1, RAML_J_RIGHT = 2 };
enum raml_jcase { RAML_J_LOWER, RAML_J_UPPER, RAML_J_TITLE, RAML_J_CAPITALIZE, RAML_J_SWAP, RAML_J_JINJA_TITLE };
struct raml_jv raml_j_case(struct raml_jinja *in, const struct raml_jstr *s, enum raml_jcase to);
struct raml_jv raml_j_replace(struct raml_jinja *in, const struct raml_jstr *s, const struct raml_jstr *old,
                              const struct raml_jstr *new_text, int64_t count);
struct raml_jv raml_j_join(struct raml_jinja *in, const struct raml_jstr *between, const struct raml_jseq *q);
struct raml_jseq *raml_j_split_lines(struct raml_jinja *in, const struct raml_jstr *s, bool keep_ends);
struct raml_jv raml_j_center(struct raml_jinja *in, const struct raml_jstr *s, int64_t width, uint32_t fill, int side);
struct raml_jv raml_j_escape(struct raml_jinja *in, struct raml_jv v); /* Markup */
struct raml_jv raml_j_safe(struct raml_jinja *in, struct raml_jv v);   /* Markup, as it is */
/* First place of part in s at or after byte `from`; s->n + 1: none. */
size_t raml_j_find_text(const struct raml_jstr *s, size_t from, const struct raml_jstr *part);

/* format.c: text % values, text.format(...). date.c: strftime of in->date. */
struct raml_jv raml_j_percent(struct raml_jinja *in, const struct raml_jstr *s, struct raml_jv values);
struct raml_jv raml_j_braces(struct raml_jinja *in, const struct raml_jstr *s, const struct raml_jargs *args);
struct raml_jv raml_j_strftime(struct raml_jinja *in, const struct raml_jstr *format);

/* json.c */
struct raml_jjson_style { /* json.dumps */
    bool ascii, sort_keys;
    const struct raml_jstr *indent, *comma, *colon; /* indent NULL: one line */
};
void raml_j_to_json(struct raml_jout *o, struct raml_jv v, const struct raml_jjson_style *style, unsigned level);

#endif
