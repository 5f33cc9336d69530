/* parse.h - private: tokens to an expression, by recursive descent.
 *
 *   answer     list ["."]
 *   list       item { ("," | ";" | "and" | "or") item }        groups if ";" or "and" separate lists of equal length
 *   item       words | [currency] relation [unit]
 *   relation   ratio { (= | < | in | ...) ratio }
 *   ratio      set { ":" set }
 *   set        sum { (union | intersection | minus) sum }
 *   sum        [+ | - | +-] term { (+ | - | +-) term }
 *   term       power { [* | / | mod] power }                    products need no sign
 *   power      primary { ! | ' | % | degree } [ ^ power ]
 *   primary    number | name | group | \frac | \sqrt | function | |a| | matrix | ...
 * Where notation is ambiguous one reading is chosen; docs/verify.md lists which.
 * Work is linear except for short lookahead; depth and nodes are bounded by expr.h.
 */
#ifndef RAML_ANSWER_PARSE_H
#define RAML_ANSWER_PARSE_H

#include "answer/expr.h"
#include "answer/read/lex.h"

/* text[0..n) as an expression in the pool's arena; NULL: it can't be read, *why (static) is the reason.
 * split: commas never separate thousands. *thousands (may be NULL): some comma was taken as a thousands separator. */
const struct expr *raml_parse(const char *text, size_t n, bool split, struct expr_pool *pool, bool *thousands,
                              const char **why);

#endif
