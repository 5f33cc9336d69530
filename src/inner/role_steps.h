/* role_steps.h - what happens to the answer's loss at tokens of a role or at a word, in nats, and beside matched
 * windows of the same trajectory (docs/methods.md, section 2).
 *
 * A unit is a run of tokens first..last: a match of a reflection word, or one token of another role. Its step is
 * ΔL = L(last) - L(first - 1), from before its first to after its last token. |ΔL|/L(first - 1), which the paper
 * averages, is decided by places where L -> 0: it is here for comparison only.
 *
 * loss     [T + 1], NaN where there was no probe: units that touch such a place are left out.
 * Errors   RAML_ENOMEM; output as before.     Threads  one writer a struct.
 */
#ifndef RAML_INNER_ROLE_STEPS_H
#define RAML_INNER_ROLE_STEPS_H

#include "inner/roles.h"

struct raml_steps {    /* of units, of any number of trajectories; zero-initialise; free with _deinit */
    double *delta;     /* [n] ΔL */
    double *log_ratio; /* [n_log_ratio] ln(L(last)/L(first - 1)), of units where both are > 0 */
    double *relative;  /* [n_relative] |ΔL|/L(first - 1), of units where that is > 0 */
    size_t n, n_log_ratio, n_relative, n_tokens;
    size_t cap, cap_log_ratio, cap_relative;
};
void raml_steps_deinit(struct raml_steps *s);
RAML_CHECKED enum raml_code raml_steps_add(struct raml_steps *s, const double *loss, size_t first, size_t last,
                                           struct raml_err *err);
/* The units of a role in one trajectory; RAML_TOKEN_ROLES: every token as a unit. */
RAML_CHECKED enum raml_code raml_steps_add_role(struct raml_steps *s, const struct raml_token_roles *r,
                                                enum raml_token_role role, const double *loss, struct raml_err *err);
RAML_CHECKED enum raml_code raml_steps_add_word(struct raml_steps *s, const struct raml_token_roles *r, size_t word,
                                                const double *loss, struct raml_err *err);

struct raml_moments {
    size_t n;
    double mean, median, deviation; /* sample deviation; NaN where n is too small */
};
struct raml_steps_summary {
    size_t n_units, n_tokens;
    struct raml_moments delta, log_ratio, relative;
    double share_falling; /* of units with ΔL <= 0; NaN: no unit */
};
/* Sorts the arrays of s. */
struct raml_steps_summary raml_steps_summarise(struct raml_steps *s);

/* -- Matched controls ----------------------------------------------------------------------------------------------
 * For a unit of k tokens at token a: all windows of k tokens g .. g+k-1 with no token of reflection and no delimiter,
 * of the same position bucket floor((g-1) B/T), and whose first token has the same entropy bucket: edges 0.1, 0.5, 1
 * and 2 nats. Windows may overlap. The unit itself is none of its windows: that matters for units that are no match. */
struct raml_matching {
    const struct raml_token_roles *roles;
    const double *loss;      /* [T + 1] */
    const float *entropy;    /* [T] of the distribution that each token is read from */
    size_t position_buckets; /* B >= 1 */
};
struct raml_matched {
    double delta, control_mean, effect; /* effect = delta - control_mean; NaN: no window */
    size_t n_windows;
};
struct raml_matched raml_match(const struct raml_matching *m, size_t first, size_t last);
/* Is the window that begins at token g a control of the unit? */
bool raml_matches(const struct raml_matching *m, size_t first, size_t last, size_t g);
/* out[T]: raml_match of every token as a unit, to rounding; O(T + B). */
RAML_CHECKED enum raml_code raml_match_tokens(const struct raml_matching *m, struct raml_matched *out,
                                              struct raml_err *err);

#endif
