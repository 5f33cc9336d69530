/* compare.h - private to compare*.c: the state of one comparison.
 *
 * Scalars go to decide.h. Here are the conventions of mathematical answers: names before values, units, lists in any
 * order, tuples in order, sets and intervals as sets of real numbers, relations by their solutions.
 */
#ifndef RAML_ANSWER_COMPARE_H
#define RAML_ANSWER_COMPARE_H

#include "answer/decide/decide.h"
#include "answer/expr.h"
#include "answer/work.h"
#include "raml/answer.h"

enum { COMPARE_MAX_DEPTH = 24 };

struct check {
    struct expr_pool pool;
    struct work work;
    const char *rule;
    int depth;
    int decimals;    /* of struct raml_answer_options */
    bool worked_out; /* unfinished arithmetic is no answer unless gold has some */
};

/* Each: a verdict, with c->rule what decided. */
enum raml_verdict raml_compare_texts(struct check *c, const struct raml_buf *a, const struct raml_buf *b);
/* "(C) Cecile", "C. Cecile", "C": by their letters; false: a or b is no choice. */
bool raml_compare_choices(struct check *c, const struct raml_buf *a, const struct raml_buf *b, enum raml_verdict *v);
/* "(C) 12" against "12", or against "(C) 12.0": what the letters stand for, in out, which owns nothing; false: no letter
 * is given with what it stands for, or they are other letters. */
bool raml_compare_labelled(const struct raml_buf *a, const struct raml_buf *b, struct raml_buf out[2]);
enum raml_verdict raml_compare(struct check *c, const struct expr *a, const struct expr *b);
enum raml_verdict raml_compare_scalars(struct check *c, const struct expr *a, const struct expr *b);
enum raml_verdict raml_compare_relations(struct check *c, const struct expr *a, const struct expr *b);
/* Sets of real numbers; UNKNOWN with c->rule NULL when one of them is not such a set. */
enum raml_verdict raml_compare_sets(struct check *c, const struct expr *a, const struct expr *b);
/* An inequality in one variable, solved for it: a relation of x, or a list of such; NULL: not one that is solved. */
const struct expr *raml_compare_solve(struct check *c, const struct expr *e);
enum raml_verdict raml_compare_units(struct check *c, const struct expr *a, const struct expr *b);

/* A sum or product with bounds in closed form; e itself where none is known. */
const struct expr *raml_compare_sum(struct check *c, const struct expr *e);
/* The same for a sum of a rational function of k between numbers, or to infinity; e itself where it has none. */
const struct expr *raml_compare_rational_sum(struct check *c, const struct expr *e, const struct expr *k);
/* A sum up to a letter, and a closed form of it, by induction. UNKNOWN: not such a sum, or not proved. */
enum raml_verdict raml_compare_induction(struct check *c, const struct expr *sum, const struct expr *f);
/* The TUPLE of e, a sum of unit vectors, where the other side is a tuple or column of two or three, or such a sum too;
 * NULL: it is none. */
const struct expr *raml_compare_vector(struct check *c, const struct expr *e, const struct expr *other);
/* One of them at least is a TEXT. */
enum raml_verdict raml_compare_words(struct check *c, const struct expr *a, const struct expr *b);
/* "5 March" and "March 5"; false: not two dates. */
bool raml_compare_dates(struct check *c, const struct expr *a, const struct expr *b, enum raml_verdict *v);
/* One of them at least is qualified. */
enum raml_verdict raml_compare_qualified(struct check *c, const struct expr *a, const struct expr *b);
/* The same family of angles, by the names of their parameters (k, n)? UNKNOWN: multiples of one angle. */
enum raml_verdict raml_compare_families(struct check *c, const struct expr *a, const struct expr *b);
/* The same but for the name of a constant of integration (x^2 + c, x^2 + C)? */
bool raml_compare_constants(struct check *c, const struct expr *a, const struct expr *b);

/* "x = 5", "f(x) = 5", "x = 2 + 3 = 5": the value; e itself when it has no such form. *name (may be NULL): the left
 * side, NULL when there is none. */
const struct expr *raml_compare_value(struct check *c, const struct expr *e, const struct expr **name);
/* +- written out as two, sums and multiples of matrices computed, units moved to the outside. */
const struct expr *raml_compare_tidy(struct check *c, const struct expr *e);
/* The value of an EXPR_BASE; NULL: its base is not a small number, or lacks a digit. */
const struct expr *raml_compare_based_value(struct check *c, const struct expr *e);
/* Could e be a set of numbers: an interval, a union, an inequality? */
bool raml_compare_is_set(const struct expr *e);

enum raml_verdict raml_compare_said(struct check *c, enum raml_verdict v, const char *rule);

#endif
