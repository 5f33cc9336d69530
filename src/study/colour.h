/* colour.h - a trajectory as HTML, each token coloured by what it did to the loss of the answer.
 *
 * Token i (1 .. T) moved the loss by ΔL(i) = L(i) - L(i-1). Blue: the loss fell, the token helped; red: it rose; no
 * colour: it did not matter. The scale is linear, in 8 steps each way, and clipped at ±clip. Blue and red stay
 * distinct to the colour-blind (ColorBrewer RdBu), and the colours are translucent, so that they work on light and
 * dark pages. An underline means that after the token greedy decoding would give the correct answer. Pointing at
 * a token shows its i, L, ΔL and p = exp(-A L), the probability of the whole answer of A tokens.
 * A page is: raml_colour_begin, raml_colour_trajectory for each, raml_colour_end. A larger page (the report) puts
 * raml_colour_css into its own style sheet and uses only the trajectories.
 * Text     tokens are any bytes. Markup is escaped; bytes that are not UTF-8 (a token may hold half a character) are
 *          shown as \xE2, control and direction-changing characters as \u{202E}; line ends and tabs are made visible.
 * Errors   buffers keep theirs (buf.h); a curve that is not finite is RAML_ERANGE and adds nothing.
 */
#ifndef RAML_STUDY_COLOUR_H
#define RAML_STUDY_COLOUR_H

#include "raml/buf.h"
#include "raml/err.h"

#include <stdbool.h>
#include <stddef.h>

#define RAML_COLOUR_LEVELS 8

struct raml_coloured_answer { /* one of the answers that were probed at the same places */
    const char *name, *text;  /* "gold", "42"; NULL: not known */
    const double *loss;       /* [n_tokens + 1] */
    const bool *greedy;       /* [n_tokens + 1]; NULL: not known */
    const double *p, *p_mean; /* [n_tokens + 1] its share among the answers, by the sum and by the mean of its tokens'
                                 log-probabilities; NULL: not known */
    size_t n_answer;          /* 0: not known */
};
struct raml_coloured {        /* "tokens" are pieces of several where the loss was not read after every token */
    const char *heading;      /* plain text over the trajectory; NULL: none */
    const char *const *piece; /* [n_tokens] bytes of each token */
    const size_t *piece_len;  /* [n_tokens] */
    const double *loss;       /* [n_tokens + 1], nats per answer token */
    const bool *greedy;       /* [n_tokens + 1]; NULL: not known */
    size_t n_tokens;
    size_t n_answer; /* A; 0: not known, p is not shown */
    size_t show;     /* at most this many tokens are written, and how many are left out is shown; 0: all */
    /* What only the view shows. NULL, 0, and NaN in an array: not known, and not shown. */
    const double *at;                          /* [n_tokens + 1] i of each loss; NULL: 0, 1, 2 ... */
    const struct raml_coloured_answer *answer; /* [n_answers] to switch between; one with the very values of `loss` */
    size_t n_answers;                          /* is the traced one, and gives it its name */
    const double *commitment;                  /* [n_tokens + 1] of the answers' distribution */
    const double *layer, *layer_loss;          /* [n_layers], [n_layers, n_tokens + 1]: L read after so many layers */
    size_t n_layers;
    const double *entropy, *logp; /* [n_tokens] of the token itself, given what precedes it */
    const char *const *role;      /* [n_tokens]; an entry may be NULL */
    const double *update;         /* [n_tokens + 1] size of the step of the implicit update */
};

/* -8 .. 8: the step of the scale for a change of the loss; negative where it fell. clip > 0. NaN gives 0. */
int raml_colour_level(double delta, double clip);
/* A scale for these steps: the 95th percentile of those |delta| that are at least 0.01, rounded up to 1, 2 or 5 times a
 * power of ten; 0.1 where there are none. NaN entries are skipped. RAML_ENOMEM. */
RAML_CHECKED enum raml_code raml_colour_clip(const double *delta, size_t n, double *clip, struct raml_err *err);

void raml_colour_css(struct raml_buf *b);                 /* rules for a <style> element */
void raml_colour_legend(struct raml_buf *b, double clip); /* one <p> */
RAML_CHECKED enum raml_code raml_colour_trajectory(struct raml_buf *b, const struct raml_coloured *t, double clip,
                                                   struct raml_err *err);
void raml_colour_begin(struct raml_buf *b, const char *title, double clip);
void raml_colour_end(struct raml_buf *b);

/* Arbitrary bytes as valid, printable UTF-8 on one line: \xE2 for bytes that are not UTF-8, \u{202E} for control and
 * direction-changing characters, \n and \t as such. For messages and for JSON, which can't hold broken UTF-8. */
void raml_text_visible(struct raml_buf *b, const char *bytes, size_t n);

#endif
