/* borders.h - where in a trajectory to probe: after every s tokens, or at the borders of its text.
 *
 *   stride      after 0, s, 2s … tokens
 *   line        after the last newline of a run of whitespace that has one
 *   paragraph   after the last newline of a run of whitespace that has two or more ("\n\n")
 *   sentence    after . ! ? … with the quotes and brackets that close after it, where whitespace or the end follows;
 *               after 。 ！ ？ always; and after a line. A sentence's end within the token of the line's is one place
 *   reflection  before the first and after the last token of each match of a reflection word (roles.h), so that the
 *               step of the word is there
 * A border inside a token is put after that token. Places 0 and T are always among them.
 * Errors   RAML_ENOMEM, RAML_ERANGE (a stride of 0); output as before.     Threads  pure functions.
 */
#ifndef RAML_INNER_BORDERS_H
#define RAML_INNER_BORDERS_H

#include "inner/roles.h"

enum raml_border_kind {
    RAML_BORDER_STRIDE,
    RAML_BORDER_LINE,
    RAML_BORDER_SENTENCE,
    RAML_BORDER_PARAGRAPH,
    RAML_BORDER_REFLECTION,
    RAML_BORDER_KINDS
};
const char *raml_border_kind_name(enum raml_border_kind kind); /* "paragraph" */

struct raml_places { /* zero-initialise; may be used again; free with _deinit */
    uint32_t *at;    /* [n] strictly rising, from 0 to T: as struct raml_trace_input takes them */
    size_t n, cap;
};
void raml_places_deinit(struct raml_places *p);
/* text: pieces, and for reflection the words and delimiters. stride: of RAML_BORDER_STRIDE. *out is replaced. */
RAML_CHECKED enum raml_code raml_borders(const struct raml_token_text *text, enum raml_border_kind kind, size_t stride,
                                         struct raml_places *out, struct raml_err *err);

#endif
