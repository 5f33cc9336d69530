/* pattern.h - pre-tokenizer patterns: a text into words (private to src/text).
 *
 * A list of regular expressions as tokenizer.json has them in `Split` with behavior Isolated: the first splits the text
 * into its matches and what lies between them; the next splits each of these pieces as a separate text; and so
 * on. What comes out of the last is a word. Without patterns the whole text is one word.
 * Dialect  the `tokenizers` library runs Oniguruma in Ruby's syntax, this runs PCRE2. What means the same in both is
 *          accepted; \s and \S are written out as Unicode's whitespace (PCRE2's \s has U+180E too). What the two read
 *          differently (\w, \b, \h, scripts, named groups, (?i) to the end of a group ...) is refused: RAML_ESUPPORT.
 *          So is an expression that can match the empty string, and what PCRE2 does not compile (with its message).
 * Cost     one pass a pattern for the expressions in use. A match that needs more than MATCH_STEPS steps fails.
 */
#ifndef RAML_TEXT_PATTERN_H
#define RAML_TEXT_PATTERN_H

#include "raml/buf.h"

struct raml_patterns; /* NULL: none */

/* Adds one to *p (NULL at first). what: for messages. */
RAML_CHECKED enum raml_code raml_patterns_add(struct raml_patterns **p, const char *what, const char *regex, size_t n,
                                              struct raml_err *err);
void raml_patterns_close(struct raml_patterns *p);

/* Is given the words in order; none is empty. */
typedef enum raml_code raml_word_fn(void *to, const unsigned char *word, size_t n, struct raml_err *err);
/* text: well-formed UTF-8. Stops at the first failure of word. */
RAML_CHECKED enum raml_code raml_patterns_split(const struct raml_patterns *p, const unsigned char *text, size_t n,
                                                raml_word_fn *word, void *to, struct raml_err *err);

#endif
