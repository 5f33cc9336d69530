/* trajectory_view.h - what makes a coloured trajectory (colour.h) a view that answers to pointer and keyboard.
 *
 * A page that shows trajectories contains, in this order: raml_view_policy and raml_view_css in its head; for each
 * trajectory <div class="view">, the trajectory, raml_view_data, </div>; raml_view_script once, after the last.
 * Without the script (switched off, or blocked) all of it is invisible, and the trajectory is what colour.h makes it.
 * Data     JSON in a script element of a type that is not run: the values of raml_coloured in 8 digits, "greedy" as
 *          digits 0 and 1, texts in visible form. No '<' is in it, whatever the texts are.
 * Policy   nothing is loaded, and only this script is run, by its hash: text that got out of its place would not be.
 * Bounds   at most 16 answers and 32 layers (evenly spaced, with the last), the first 2000 marks; a text's first 200
 *          bytes.
 */
#ifndef RAML_STUDY_TRAJECTORY_VIEW_H
#define RAML_STUDY_TRAJECTORY_VIEW_H

#include "raml/buf.h"

#include <stdbool.h>
#include <stddef.h>

struct raml_coloured_answer { /* one of the answers that were probed at the same places */
    const char *name, *text;  /* "gold", "42"; NULL: not known */
    const double *loss;       /* [n_tokens + 1] */
    const bool *greedy;       /* [n_tokens + 1]; NULL: not known */
    const double *p, *p_mean; /* [n_tokens + 1] its share among the answers, by the sum and by the mean of its tokens'
                                 log-probabilities; NULL: not known */
    size_t n_answer;          /* 0: not known */
};
/* What happened, or would have, at a place of the trajectory: a small sign in the text and under the curve, one letter for
 * each pair of kind and name, explained under the text. Of kind "fork" the value is the signed effect of what was put
 * there (one unit for all of a trajectory): the sign shows its direction, the curve its size. Of any other kind, such as
 * "exit", where a policy would have stopped, the place is what counts, and the value is only shown. */
struct raml_coloured_mark {
    double at;               /* after how many tokens: 0 .. T, in the units of raml_coloured.at */
    const char *kind, *name; /* "exit", "DEER" */
    const char *text;        /* more to say where it is read; NULL: nothing */
    double value;            /* NaN: none */
};
struct raml_coloured {        /* "tokens" are pieces of several where the loss was not read after every token */
    const char *heading;      /* plain text over the trajectory; NULL: none */
    const char *question;     /* plain text under the heading; NULL: none */
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
    const double *layer, *layer_loss;          /* [n_layers], [n_layers, n_tokens + 1]: L read after that many layers */
    size_t n_layers;
    const double *entropy, *logp;          /* [n_tokens] of the token itself, given what precedes it */
    const char *const *role;               /* [n_tokens]; an entry may be NULL */
    const double *update;                  /* [n_tokens + 1] size of the implicit update */
    const struct raml_coloured_mark *mark; /* [n_marks] in any order */
    size_t n_marks;
};

/* A <meta> element. pictures: those that are in the page as data may be shown. */
void raml_view_policy(struct raml_buf *b, bool pictures);
void raml_view_css(struct raml_buf *b); /* rules for a <style> element */
/* Of the first n tokens, n >= 1. */
void raml_view_data(struct raml_buf *b, const struct raml_coloured *t, size_t n);
void raml_view_script(struct raml_buf *b); /* a <script> element */

extern const char raml_view_program[]; /* trajectory_view.js, made part of the program by cmake/embed.cmake */

#endif
