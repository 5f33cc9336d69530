/* parser.h - private to parse*.c: the state of one parse, and the mutually recursive rules. */
#ifndef RAML_ANSWER_PARSER_H
#define RAML_ANSWER_PARSER_H

#include "answer/read/parse.h"

struct parser {
    const char *source;
    struct token *token; /* [n + 1] */
    uint32_t n, i, depth, bars, steps;
    bool split, two_ways; /* commas and "and" always part numbers; they might not have */
    struct expr_pool *pool;
    const char *why; /* the first reason; NULL: none yet */
};

/* The rules. NULL: no such thing there, and p->why is the reason. */
const struct expr *raml_parse_list(struct parser *p, bool top_level);
const struct expr *raml_parse_sum(struct parser *p);
const struct expr *raml_parse_term(struct parser *p);
const struct expr *raml_parse_power(struct parser *p);
const struct expr *raml_parse_primary(struct parser *p);
const struct expr *raml_parse_number(struct parser *p);
const struct expr *raml_parse_group(struct parser *p); /* { ... } */
const struct expr *raml_parse_function(struct parser *p);
const struct expr *raml_parse_big(struct parser *p);
/* One argument of \frac and the like: a group, or one token; of a number, its first digit when `digit`. */
const struct expr *raml_parse_argument(struct parser *p, bool digit);
bool raml_parse_begins_factor(const struct parser *p); /* may the next token begin a factor without a sign? */

/* parse_spelled.c. A number in words; NULL, and nothing has moved: none is next. */
const struct expr *raml_parse_spelled(struct parser *p);
/* e times the words after it: "thousand", "tenths"; e itself when there are none. Of an amount of money also "k", "M". */
const struct expr *raml_parse_scale(struct parser *p, const struct expr *e);
const struct expr *raml_parse_money_scale(struct parser *p, const struct expr *e);
/* "2 and a half", "2 and 3/4", after the whole number; NULL, and nothing has moved: none. */
const struct expr *raml_parse_and_part(struct parser *p, const struct expr *first);
const struct expr *raml_parse_index(struct parser *p, const struct expr *symbol); /* x^2_1: the index after the power */
const struct expr *raml_parse_stop(struct parser *p, const char *why);            /* always NULL */
bool raml_parse_enter(struct parser *p); /* one level deeper; false: too deep */
void raml_parse_leave(struct parser *p);
const struct token *raml_parse_peek(const struct parser *p, uint32_t ahead);
bool raml_parse_take(struct parser *p, enum token_kind kind);
bool raml_parse_take_close(struct parser *p, char sub);
/* The source of tokens [from, to) without whitespace and braces, for names. */
const char *raml_parse_slice(struct parser *p, uint32_t from, uint32_t to, size_t *n);
/* Tokens [from, to) as an EXPR_TEXT. */
const struct expr *raml_parse_words(struct parser *p, uint32_t from, uint32_t to);
/* parse_qualifier.c: "for all real x", "(k \in \mathbb{Z})". `item`: a new item of a list begins here. */
bool raml_parse_begins_qualifier(const struct parser *p, bool item);
/* e with what is said of its letters from here to the end. */
const struct expr *raml_parse_qualifier(struct parser *p, const struct expr *e);
/* "k\pi, k \in \mathbb{Z}": a list whose last elements are conditions on the letters of the first; else list. */
const struct expr *raml_parse_conditions(struct parser *p, const struct expr *list);
/* parse_base.c. The base that tokens [from, to) say: "base 8", "(base eight)", "in binary", and if `alone` "8", "eight";
 * 0: none. */
long raml_parse_base_words(const struct parser *p, uint32_t from, uint32_t to, bool alone);
/* digits with the base in an index; p->i at T_SUB. */
const struct expr *raml_parse_based(struct parser *p, const char *digits, size_t n);
/* 0x1F, and ABF_{16}. NULL and no reason: something else. */
const struct expr *raml_parse_prefixed(struct parser *p);
const struct expr *raml_parse_digits(struct parser *p);
/* parse_spelled.c: "dollars" and the like after the next token. */
bool raml_parse_money_words(const struct parser *p);
/* parse_table.c. p->i at T_BEGIN; p->i after T_SET_NAME c. */
const struct expr *raml_parse_table(struct parser *p);
const struct expr *raml_parse_number_set(struct parser *p, char c);
/* parse_count.c. A letter C, P or A (p->i after it) with n and k: C_5^2, C(5,2). NULL and no reason: a name. */
const struct expr *raml_parse_combination(struct parser *p, char letter);
/* _5C_2, ^5P_2; p->i at the sign. */
const struct expr *raml_parse_combination_before(struct parser *p);
/* 5C2: p->i after the number n. NULL and no reason: something else. */
const struct expr *raml_parse_combination_between(struct parser *p, const struct expr *n);
/* \Gamma(x), \zeta(x), p->i after the name t. NULL and no reason: a name. */
const struct expr *raml_parse_gamma_or_zeta(struct parser *p, const struct token *t);
/* \operatorname{cis} and the like (enum lex_fn) of what is in its brackets. */
const struct expr *raml_parse_written_function(struct parser *p, int fn, const struct expr *inside);
const struct expr *raml_parse_zeta(struct parser *p, const struct expr *x);
/* parse_unit.c: the value e with what follows it up to the end of its item, a unit or words; e itself where nothing
 * does. */
const struct expr *raml_parse_unit(struct parser *p, const struct expr *e);
/* "5 m", "9.8 m/s^2": a number and symbols of units. NULL and no reason: it is something else. */
const struct expr *raml_parse_letter_unit(struct parser *p);
/* "30 degrees 15' 20''", p->i at the first minutes; degrees itself where there are none. */
const struct expr *raml_parse_minutes(struct parser *p, const struct expr *degrees);
bool raml_parse_parts_items(uint8_t kind); /* a token that ends an item of a list */
/* Is this word a unit of measure, or like one ("cm", "dollars", "apples")? */
bool raml_parse_is_unit(const char *word, size_t n);
/* A small number by its name ("seven"); -1: none. */
long raml_parse_number_word(const char *word, size_t n);

#endif
