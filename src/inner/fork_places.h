/* fork_places.h - where a trajectory is forked, what is put in there as which tokens, and matched controls of what is
 * taken out (docs/methods.md, section 2).
 *
 * Place      after t_1 .. t_at; its unit t_at+1 .. t_end is what stands there: at a border the step up to the next one,
 *            before a reflection word the word, before a token the token. At the end of the trajectory there is none
 *            (end = at).
 * Word       a text as it would stand between two others: with a space before it where the text before ends in a letter,
 *            digit or closing mark and the word begins with a letter or digit; with a gap (a space of its own) after it
 *            where the text after begins with a letter or digit and the word does not end in whitespace. The space before
 *            is part of the word's tokens. Tokens that stand there already are never encoded anew: what is put in is
 *            encoded together with the text before it (at most 64 bytes), and where a token would span the border, by
 *            itself.
 * Windows    of a unit of k tokens: those that raml_matches (role_steps.h) allows, without any that overlaps the unit;
 *            of more than `most`, evenly spaced ones.
 * Errors     RAML_ERANGE, RAML_ENOMEM; output as before.     Threads  pure functions.
 */
#ifndef RAML_INNER_FORK_PLACES_H
#define RAML_INNER_FORK_PLACES_H

#include "inner/borders.h"
#include "inner/role_steps.h"

enum raml_fork_kind {
    RAML_FORK_LINE,
    RAML_FORK_SENTENCE,
    RAML_FORK_PARAGRAPH,
    RAML_FORK_REFLECTION,
    RAML_FORK_ENTROPY, /* before the k tokens whose distribution had the highest entropy; of equals the first */
    RAML_FORK_GIVEN,
    RAML_FORK_KINDS
};
const char *raml_fork_kind_name(enum raml_fork_kind kind); /* "entropy" */

struct raml_fork_place {
    uint32_t at, end;
};
struct raml_fork_place_list {      /* zero-initialise; may be used again; free with _deinit */
    struct raml_fork_place *place; /* [n] by rising at */
    size_t n, cap;
};
void raml_fork_place_list_deinit(struct raml_fork_place_list *p);

struct raml_fork_choice {
    enum raml_fork_kind kind;
    size_t k;              /* RAML_FORK_ENTROPY */
    const float *entropy;  /* [T] RAML_FORK_ENTROPY */
    const uint32_t *given; /* [n_given] RAML_FORK_GIVEN: any order, repeats count once */
    size_t n_given;
    size_t most; /* places, evenly spaced, the first and the last among them; 0: all. Not of RAML_FORK_ENTROPY */
};
/* *out is replaced. RAML_ERANGE: a given place beyond the end. */
RAML_CHECKED enum raml_code raml_fork_places(const struct raml_token_text *text, const struct raml_fork_choice *choice,
                                             struct raml_fork_place_list *out, struct raml_err *err);

/* Appends the word's tokens, and the gap's (there may be none). before, after: bytes on both sides. */
RAML_CHECKED enum raml_code raml_fork_word(const struct raml_tokenizer *t, const struct raml_str *before,
                                           const struct raml_str *after, const char *word, struct raml_tokens *out,
                                           struct raml_tokens *gap, struct raml_err *err);

/* first[]: room for `most`; tokens from 1. Returns how many. */
size_t raml_fork_windows(const struct raml_matching *m, const struct raml_fork_place *unit, size_t most, size_t *first);

#endif
