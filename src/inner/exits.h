/* exits.h - when to stop thinking: the policies of early exit, each as what it makes of one probe after another
 * (docs/methods.md, section 2).
 *
 * A probe at a place asks for the answer after the trajectory's first `at` tokens. The same policy replays a stored set
 * of probes (raml_exit_replay) and decides in a running sample (raml_exit_wants, raml_exit_see): there is one
 * implementation.
 *
 * Released  as the authors' code runs, with its defects. Where such code decides at another place than the one that it
 *         probed (Dynasor, EAT), only the replay does so: raml_exit_see decides at the probe itself.
 * Cost    a decoded probe reads the cue and writes n_tokens; an entropy probe reads what closes thinking and one token.
 *         Every policy ends with one decoded answer where it stops; if that very probe was made before, it is not paid
 *         again. total = stop + all of these.
 * Places  stride s: 0, s, 2s .. < T. At waits: in front of a word that waits (roles.h), < T. The end T is no place to
 *         stop early.
 * Sources  DEER arXiv 2504.15895; Dynasor 2412.20993; CoDE-Stop 2604.04930v2; EAT 2509.26522.
 * Errors  RAML_EUSAGE: a policy that is none (opening it); RAML_ERANGE: a probe that lacks what the policy asks for.
 * Threads pure functions; a state has one thread at a time.
 */
#ifndef RAML_INNER_EXITS_H
#define RAML_INNER_EXITS_H

#include "raml/err.h"

#include <stdbool.h>
#include <stddef.h>

enum raml_exit_kind {
    RAML_EXIT_FULL,
    RAML_EXIT_BUDGET,      /* `budget` tokens; of a stored set the last place at <= budget */
    RAML_EXIT_STABILITY,   /* `repeats` equal, non-empty answers in a row, geometric mean probability > bound */
    RAML_EXIT_CONFIDENCE,  /* DEER: mean probability of the answer's own tokens > bound */
    RAML_EXIT_DYNASOR,     /* `repeats` equal, non-empty answers in a row whose texts hold no word of doubt */
    RAML_EXIT_CODE_STOP,   /* confidence against a rising bound, or degradation */
    RAML_EXIT_EAT,         /* moving variance of the entropy after the end of thinking < delta */
    RAML_EXIT_LOSS,        /* of the question's answer < bound: an oracle's, no policy that could be run */
    RAML_EXIT_FIRST_RIGHT, /* the same: the first right answer */
    RAML_EXIT_KINDS
};
const char *raml_exit_kind_name(enum raml_exit_kind kind); /* "stability" */

enum raml_exit_mean { RAML_EXIT_GEOMETRIC, RAML_EXIT_ARITHMETIC, RAML_EXIT_MIN };

struct raml_exit_policy {
    enum raml_exit_kind kind;
    enum raml_exit_mean mean; /* confidence */
    size_t stride;            /* tokens between probes; 0: at waits */
    size_t most;              /* probes at most; 0: no bound */
    size_t budget;
    size_t repeats;
    double bound;                      /* stability, confidence, loss */
    double low, high, ramp, fall, tau; /* CoDE-Stop: bound low .. high over `ramp` probes; 2 c_i - c_(i-1) < fall */
    double alpha, delta;               /* EAT */
    size_t warm;                       /* EAT: probes before the first that may stop */
    bool whole_words;                  /* Dynasor: words of doubt are whole words; else "note" holds "no" */
    bool released;                     /* confidence, dynasor, code_stop, eat */
};
/* A kind with its authors' settings; stability: 3 equal answers, every 64 tokens; loss: 0.2. */
struct raml_exit_policy raml_exit_policy_default(enum raml_exit_kind kind);
RAML_CHECKED enum raml_code raml_exit_policy_check(const struct raml_exit_policy *p, struct raml_err *err);

enum { RAML_EXIT_TEXT = 160 };
/* "stability:stride=64,most=0,repeats=3,bound=0.9": the kind, and each setting that it has (field `mean`: geometric,
 * arithmetic, min; `released`, `whole_words`: 0 or 1; numbers with the digits that give them back). */
void raml_exit_policy_text(const struct raml_exit_policy *p, char out[RAML_EXIT_TEXT]);
/* Reads that; settings that are not named are raml_exit_policy_default's. RAML_EUSAGE says what it could not read. */
RAML_CHECKED enum raml_code raml_exit_policy_read(const char *text, struct raml_exit_policy *out, struct raml_err *err);

struct raml_exit_probe { /* borrowed */
    size_t at;
    bool wait;              /* in front of a word that waits */
    const char *answer;     /* "": none was found */
    const char *text;       /* all that the probe wrote */
    const double *prob;     /* [n_prob] probability of each of the answer's own tokens */
    const double *all_prob; /* [n_tokens] of all that the probe wrote, over which released code takes its means; NULL:
                               not known, and released code takes them over `prob` */
    size_t n_prob, n_tokens;
    double entropy; /* NaN: not measured */
    double loss;    /* of the question's answer; NaN: not measured */
    bool right;
};
/* Mean of probabilities; 0 of none, and where one is 0 the geometric one. */
double raml_exit_mean_of(const double *prob, size_t n, enum raml_exit_mean mean);

/* -- Probe after probe --------------------------------------------------------------------------------------------- */
struct raml_exit_state; /* of one trajectory */
RAML_CHECKED enum raml_code raml_exit_open(const struct raml_exit_policy *p, struct raml_exit_state **out,
                                           struct raml_err *err);
void raml_exit_close(struct raml_exit_state *s);
enum raml_exit_want {
    RAML_EXIT_NOTHING,
    RAML_EXIT_ANSWER,  /* a decoded probe */
    RAML_EXIT_ENTROPY, /* an entropy probe */
    RAML_EXIT_ORACLE   /* what only the question's answer tells: a stored set's loss, or right */
};
/* What the policy asks of this place. */
enum raml_exit_want raml_exit_wants(const struct raml_exit_state *s, size_t at, bool wait);
/* A probe at a place of which something was asked. *stop: thinking ends at this probe. reason: static text ("budget",
 * "stable", "confident", "certain", "degraded", "settled", "loss", "right"), set where *stop is. */
RAML_CHECKED enum raml_code raml_exit_see(struct raml_exit_state *s, const struct raml_exit_probe *probe, bool *stop,
                                          const char **reason, struct raml_err *err);

/* -- A stored set -------------------------------------------------------------------------------------------------- */
struct raml_exit_stored { /* one trajectory's probes by rising `at`, 0 and n_tokens among them */
    size_t n_tokens;      /* T */
    const struct raml_exit_probe *probe;
    size_t n_probes;
};
struct raml_exit_costs {
    size_t cue, entropy; /* tokens of a decoded probe beside what it writes; of an entropy probe */
};
struct raml_exit_run {
    size_t stop, answer; /* answer: index of the probe that is the run's answer */
    const char *reason;  /* of raml_exit_see, or "end": all of the thinking */
    bool right;
    size_t n_probes; /* decoded ones, the last included */
    size_t n_entropy_probes, probe_tokens, total;
};
/* RAML_ERANGE: no probe at a place that the policy asks for; probes out of order. */
RAML_CHECKED enum raml_code raml_exit_replay(const struct raml_exit_policy *p, const struct raml_exit_stored *t,
                                             const struct raml_exit_costs *cost, struct raml_exit_run *out,
                                             struct raml_err *err);

#endif
