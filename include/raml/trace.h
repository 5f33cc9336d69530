/* trace.h - the loss curve: the answer's loss after every token of a trajectory (docs/methods.md, section 2).
 *
 *     L(i) = -1/A sum_j log p(a_j | prompt, t_1 .. t_i, prefix, a_1 .. a_j-1)        i = 0 .. T
 *
 * One token tree per trajectory: the prompt, the trajectory after it, and after the trajectory's first i tokens a probe
 * (answer prefix and answer) of which only the answer tokens are targets. The last of them takes no row (tree.h), so all
 * T+1 answers take one pass over |q| + T + (T+1)(|prefix| + A - 1) rows instead of T+1 passes over ever longer texts.
 * Bound     max_batch_tokens bounds the tokens of a pass. Short trajectories share passes, which changes nothing in the
 *           results, to the last bit. The probes of a long one are spread over several passes, each reading the prompt
 *           and the trajectory up to its last probe again; results then agree to rounding (1e-5). When prompt and
 *           trajectory alone fill more than half the bound, a pass still takes half a bound of probes, so a pass has at
 *           most max(bound, prompt + trajectory + bound/2 + one probe) tokens; a probe's own parent counts with it.
 * Stride    probes come after tokens 0, s, 2s … and T.
 * Answers   each further answer adds only what no earlier one begins with alike. The first
 *           answer's results are, to the last bit, those without the others, as long as the passes are split alike.
 * Elsewhere with raml_tracer_open_remote a model that is elsewhere is read, a text for every answer at every place: the
 *           trajectory's entropies are then NaN, and there are no layers.
 * Units     nats per answer token, natural logarithms, temperature 1.
 * Errors    RAML_ERANGE: no prompt token, no answer token, a token outside the vocabulary, more tokens than the model's
 *           context, places that do not rise from 0 to T, or a loss that is not finite (the message numbers the input
 *           from 1 when there are several, and the further answers from 2); when opened, layers that do not rise or
 *           that the model does not have. On failure no curve is left.
 * Threads   one tracer, one thread.
 */
#ifndef RAML_TRACE_H
#define RAML_TRACE_H

#include "raml/format.h"
#include "raml/tokenizer.h"
#include "raml/model.h"
#include "raml/remote.h"
#include "raml/question.h"

#pragma GCC visibility push(default)

struct raml_trace_options {
    size_t stride;           /* >= 1: where probes hang if an input does not say */
    size_t max_batch_tokens; /* >= 1 */
    const size_t *layer;     /* [n_layers] strictly rising: curves also of the stream after that many layers (tap.h) */
    size_t n_layers;         /* 0: none */
    bool tokens;             /* also log-probability and entropy of every trajectory token */
};
struct raml_trace_options raml_trace_default(void); /* every token; 16384; no layers, no tokens */

struct raml_trace_probe { /* what hangs from a place of a trajectory: answer prefix, then answer */
    const int32_t *token; /* borrowed */
    size_t n, n_prefix;   /* n_prefix < n: tokens before the answer */
};
struct raml_trace_input { /* token ids; borrowed for the call */
    const int32_t *prompt, *trajectory, *answer_prefix, *answer;
    size_t n_prompt, n_trajectory, n_answer_prefix, n_answer;
    const struct raml_trace_probe *other; /* further answers, probed at the same places in the same pass: what all */
    size_t n_other;                       /* answer prefixes begin with alike is read once */
    const uint32_t *at;                   /* [n_at] where probes hang, strictly rising, the first 0, the last T; */
    size_t n_at;                          /* NULL: every stride tokens */
    const int32_t *const *parent; /* [n_at], only with `at`: probe k hangs from the at[k] tokens parent[k] instead of */
};                                /* the trajectory's first at[k]; token_logp is then NULL (none is read). NULL: none */

struct raml_loss_curve {  /* zero-initialise; free with _deinit */
    size_t n_tokens;      /* T */
    size_t n_answer;      /* A */
    size_t n_points;      /* T+1 with stride 1 */
    uint32_t *at;         /* [n_points] i of each probe, rising from 0 to T; NULL in `other` */
    double *loss;         /* [n_points] L(i) */
    bool *greedy;         /* [n_points] every answer token is the most likely: greedy decoding gives the answer */
    float *logp;          /* [n_points, n_answer] of each answer token */
    int32_t *token;       /* [n_tokens] the trajectory; NULL in `other` */
    size_t n_layers;      /* 0: not asked for */
    double *layer_loss;   /* [n_layers, n_points] L(i) read after each of the options' layers */
    float *token_logp;    /* [n_tokens] log p(t_i | prompt, t_1 .. t_i-1); NULL: not asked for, and in `other` */
    float *token_entropy; /* [n_tokens] of the distribution that t_i is read from, nats; NULL as token_logp */
    struct raml_loss_curve *other; /* [n_other] of the further answers */
    size_t n_other;
};
void raml_loss_curve_deinit(struct raml_loss_curve *c);

struct raml_tracer;
RAML_CHECKED enum raml_code raml_tracer_open(const struct raml_model *m, const struct raml_trace_options *opt,
                                             struct raml_tracer **out, struct raml_err *err);
RAML_CHECKED enum raml_code raml_tracer_open_remote(const struct raml_remote *r, const struct raml_trace_options *opt,
                                                    struct raml_tracer **out, struct raml_err *err);
void raml_tracer_close(struct raml_tracer *t);
/* Only the checks of raml_tracer_run, for one input. */
RAML_CHECKED enum raml_code raml_tracer_check(const struct raml_tracer *t, const struct raml_trace_input *in,
                                              struct raml_err *err);
/* out[n]: written only on success. */
RAML_CHECKED enum raml_code raml_tracer_run(struct raml_tracer *t, const struct raml_trace_input *in, size_t n,
                                            struct raml_loss_curve *out, struct raml_err *err);
uint64_t raml_tracer_tokens(const struct raml_tracer *t); /* read by the model so far, with probes and prompts */
uint64_t raml_tracer_passes(const struct raml_tracer *t);
/* How many tokens the model reads for this input (the sum over its passes). */
size_t raml_tracer_cost(const struct raml_tracer *t, const struct raml_trace_input *in);
/* The same if every answer at every place were read as a text of its own; *n_texts: how many these are. */
size_t raml_tracer_cost_alone(const struct raml_tracer *t, const struct raml_trace_input *in, size_t *n_texts);

/* -- From a question's texts --------------------------------------------------------------------------------------- */

struct raml_trace_text { /* owned tokens of one input; zero-initialise; may be reused */
    struct raml_tokens prompt, trajectory, answer_prefix, answer;
    size_t border_bytes; /* bytes of the answer prefix in the answer's first token */
};
void raml_trace_text_deinit(struct raml_trace_text *x);
struct raml_trace_input raml_trace_text_input(const struct raml_trace_text *x);

struct raml_trace_source {
    const struct raml_tokenizer *tokenizer;
    struct raml_format format;
    bool own;            /* trace the sample's own answer; else the question's (gold) */
    bool score_end;      /* the format's end is part of the answer */
    enum raml_join join; /* of answer prefix and answer (and end); joint by default */
};
/* Fills *x from q's trajectory `sample`. A sample's recorded tokens are used as they are, up to the answer prefix, when
 * they spell its text with this tokenizer; otherwise the text is encoded separately. Answer prefix and answer are
 * joined as in tokenizer.h: a token that spans their border belongs to the answer, and the prefix is what is left.
 * RAML_ERANGE, with the question's id and line: no such trajectory, or no answer of the kind asked for. On failure *x
 * is empty. */
RAML_CHECKED enum raml_code raml_trace_encode(const struct raml_trace_source *src, const struct raml_question *q,
                                              size_t sample, struct raml_trace_text *x, struct raml_err *err);
/* The same with `answer`, any text that is not empty, in the place of the question's or the sample's own. */
RAML_CHECKED enum raml_code raml_trace_encode_with(const struct raml_trace_source *src, const struct raml_question *q,
                                                   size_t sample, const char *answer, struct raml_trace_text *x,
                                                   struct raml_err *err);
/* Only the parts of it: x->answer_prefix, x->answer and x->border_bytes; x->trajectory. The rest of *x stays. */
RAML_CHECKED enum raml_code raml_trace_encode_answer(const struct raml_trace_source *src, const char *answer,
                                                     struct raml_trace_text *x, struct raml_err *err);
RAML_CHECKED enum raml_code raml_trace_encode_trajectory(const struct raml_trace_source *src,
                                                         const struct raml_question *q, size_t sample,
                                                         struct raml_trace_text *x, struct raml_err *err);
/* One trajectory, from text to curve. */
RAML_CHECKED enum raml_code raml_trace_run(struct raml_tracer *t, const struct raml_trace_source *src,
                                           const struct raml_question *q, size_t sample, struct raml_loss_curve *out,
                                           struct raml_err *err);

#pragma GCC visibility pop
#endif
