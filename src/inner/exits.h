/* exits.h - when to stop thinking: the policies of early exit, each as what it makes of one probe after another
 * (docs/methods.md, section 2).
 *
 * A probe at a place asks for the answer after the trajectory's first `at` tokens. The same policy replays a stored set
 * of probes (raml_exit_replay) and decides in a running sample (raml_exit_wants, raml_exit_see): there is one
 * implementation.
 *
 * Cost    a decoded probe reads the cue and writes n_tokens; an entropy probe reads what closes thinking and one token.
 *         Every policy ends with one decoded answer where it stops; if that very probe was made before, it is not paid
 *         again. total = stop + all of these.
 * Places  stride s: 0, s, 2s .. < T. At waits: in front of a word that waits (roles.h), < T. The end T is no place to
 *         stop early.
 * Sources  DEER arXiv 2504.15895; Dynasor 2412.20993; CoDE-Stop 2604.04930v2; EAT 2509.26522.
 * Threads pure functions.
 */
#ifndef RAML_INNER_EXITS_H
#define RAML_INNER_EXITS_H

#include "raml/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum raml_exit_kind {
    RAML_EXIT_FULL,
    RAML_EXIT_BUDGET,      /* the last place at <= budget */
    RAML_EXIT_STABILITY,   /* `repeats` equal, non-empty answers in a row, geometric mean probability > bound */
    RAML_EXIT_CONFIDENCE,  /* DEER: mean probability of the answer's own tokens > bound, at most `most` probes */
    RAML_EXIT_DYNASOR,     /* `repeats` equal answers in a row whose texts hold no word of doubt */
    RAML_EXIT_CODE_STOP,   /* confidence against a rising bound, or degradation */
    RAML_EXIT_EAT,         /* variance of the entropy after the end of thinking */
    RAML_EXIT_LOSS,        /* oracle with the question's answer: no policy, a bound */
    RAML_EXIT_FIRST_RIGHT, /* the same */
    RAML_EXIT_KINDS
};
const char *raml_exit_kind_name(enum raml_exit_kind kind); /* "stability" */

enum raml_exit_mean { RAML_EXIT_GEOMETRIC, RAML_EXIT_ARITHMETIC, RAML_EXIT_MIN };

struct raml_exit_policy {
    enum raml_exit_kind kind;
    size_t stride; /* tokens between probes; 0: at waits */
    size_t budget;
    size_t repeats, most; /* most 0: no bound */
    double bound;         /* stability, confidence, loss */
    enum raml_exit_mean mean;
    double low, high, ramp, tau;  /* CoDE-Stop */
    double alpha, delta;          /* EAT */
    size_t warm;                  /* EAT */
    bool released;                /* as the released code runs, with its defects (dynasor, code_stop, eat) */
};
struct raml_exit_probe { /* borrowed */
    size_t at;
    bool wait;               /* in front of a word that waits */
    const char *answer;      /* "": none was found */
    const char *text;        /* all that the probe wrote */
    const double *prob;      /* [n_prob] probability of each of the answer's own tokens */
    size_t n_prob, n_tokens; /* n_tokens: written by the probe */
    double entropy;          /* NaN: not measured */
    double loss;             /* of the question's answer; NaN: not measured */
    bool right;
};

/* -- Probe after probe --------------------------------------------------------------------------------------------- */
enum { RAML_EXIT_ANSWER_BYTES = 256, RAML_EXIT_MAX_PROBES = 1 << 16 };
struct raml_exit_state; /* of one trajectory */
RAML_CHECKED enum raml_code raml_exit_open(const struct raml_exit_policy *p, struct raml_exit_state **out,
                                           struct raml_err *err);
void raml_exit_close(struct raml_exit_state *s);
enum raml_exit_want { RAML_EXIT_NOTHING, RAML_EXIT_ANSWER, RAML_EXIT_ENTROPY };
/* What the policy asks of this place. */
enum raml_exit_want raml_exit_wants(const struct raml_exit_state *s, size_t at, bool wait);
/* *stop: thinking ends at this probe. reason: static text ("stable", "confident", "degraded", ..). */
RAML_CHECKED enum raml_code raml_exit_see(struct raml_exit_state *s, const struct raml_exit_probe *probe, bool *stop,
                                          const char **reason, struct raml_err *err);

/* -- A stored set -------------------------------------------------------------------------------------------------- */
struct raml_exit_stored { /* probes by rising `at`, 0 and n_tokens among them */
    size_t n_tokens;      /* T */
    const struct raml_exit_probe *probe;
    size_t n_probes;
};
struct raml_exit_costs {
    size_t cue, entropy; /* tokens of a decoded probe beside what it writes; of an entropy probe */
};
struct raml_exit_run {
    size_t stop, answer; /* answer: index of the probe that is the run's answer */
    const char *reason;
    bool right;
    size_t n_probes, n_entropy_probes, probe_tokens, total;
};
/* RAML_ERANGE: no probe at a place that the policy asks for. */
RAML_CHECKED enum raml_code raml_exit_replay(const struct raml_exit_policy *p, const struct raml_exit_stored *t,
                                             const struct raml_exit_costs *cost, struct raml_exit_run *out,
                                             struct raml_err *err);

#endif
