/* distill.h - self-distillation with a hint: the model teaches itself, the teacher being shown the solution.
 *
 * The student samples completions of a question. The teacher is the same model, or the one that training started from,
 * after the same question with a hint in it; it reads the student's own tokens. What is minimised is the reverse KL from
 * student to teacher at each of these tokens, given what is before it:
 *
 *     KL_i = sum over tokens v of pi(v | q, y_<i) (log pi(v | q, y_<i) - log pi_T(v | q with hint, y_<i))
 *
 * One sampled token y_i gives an unbiased gradient: (log pi(y_i) - log pi_T(y_i)) d log pi(y_i), the bracket a constant.
 * The loss that is reported is the mean of the bracket over trained tokens, an estimate of the mean KL_i. How the choice of
 * y_<i depends on the weights is not differentiated, nor is the teacher. docs/distill.md says whose estimator it is, and
 * which others there are.
 *
 * A step      samples of batch_size questions, the teacher's log-probabilities of them from one forward pass, and one
 *             optimizer step. The teacher is read by itself, right before: in one tree and pass with the student, as two
 *             roots (one_pass), its rows would be differentiated too, with coefficients of 0: 3 s + 3 t row passes in place
 *             of 3 s + t, s and t being the rows of student and teacher. Both give the same gradient.
 * Questions   need a solution, or an answer: others are left out, and counted. Rewards are not trained on; accuracy is
 *             reported.
 * The rest    is as in rollouts.h: random numbers, files, resume, evaluation, ranks.
 */
#ifndef RAML_DISTILL_H
#define RAML_DISTILL_H

#include "raml/buf.h"
#include "raml/rollouts.h"

#pragma GCC visibility push(default)

enum raml_distill_teacher { RAML_TEACHER_CURRENT, RAML_TEACHER_START };
enum raml_distill_hint { RAML_HINT_SOLUTION, RAML_HINT_ANSWER };
struct raml_distill_options { /* defaults and ranges: raml_distill_settings, src/outer/distill.c */
    int teacher;              /* the model as it is now, or job->reference */
    int hint;                 /* the first trajectory of the question that is not graded wrong, or its answer */
    const char *hint_format;  /* the teacher's question: {question}, {hint}, {answer}; other braces are text */
    double log_ratio_clip;    /* bound of the size of a token's coefficient; 0: none */
    bool one_pass;            /* both roots in one tree and pass (to measure) */
};
extern const struct raml_setting raml_distill_settings[];
extern const size_t raml_n_distill_settings;
/* RAML_EUSAGE: out of range, no {hint} in hint_format, one_pass with another teacher than the current model. */
RAML_CHECKED enum raml_code raml_distill_check(const struct raml_distill_options *o, struct raml_err *err);

/* The question as the teacher is asked it, appended to *out. *has: the question has the hint; else nothing is added. */
RAML_CHECKED enum raml_code raml_distill_question(const struct raml_distill_options *o, const struct raml_question *q,
                                                  bool *has, struct raml_buf *out, struct raml_err *err);

/* With w a token's weight, t what the teacher says of it: ref_logp, or, of a row with pair p > 0, the log-probability of
 * the row with pair -p, of as many tokens, in the same part. loss = sum w (logp - t) / total, d_logp = w clip(logp - t) /
 * total, which is no derivative of it (see above). Rows with pair < 0, and tokens of weight 0: 0. Reports "reverse_kl",
 * "student_nll", "teacher_nll", "entropy", means over trained tokens, "log_ratio_max", and with a clip "clipped_ratio".
 * o is borrowed. RAML_ERANGE: a row whose teacher is not there; total is not positive. */
struct raml_objective raml_distill_objective(const struct raml_distill_options *o);

/* rollouts->policy is not used. Errors as raml_train_grpo, and: RAML_EUSAGE: samples that are not the model's own
 * distribution (temperature, top_k, top_p, min_p), more than one step a round, fork_samples, no job->reference where the
 * teacher is the model of the start. RAML_ERANGE: no question has a hint, or a prompt with its hint fills the context
 * (skip_long leaves such questions out). */
RAML_CHECKED enum raml_code raml_train_distill(const struct raml_train_job *job, const struct raml_train_options *opt,
                                               const struct raml_rollout_job *rollouts,
                                               const struct raml_distill_options *distill,
                                               struct raml_train_result *out, struct raml_err *err);

#pragma GCC visibility pop
#endif
