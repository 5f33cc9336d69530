/* fork.h - what one change of a trajectory does to the answer's loss, by forks of one token tree (docs/methods.md,
 * section 2).
 *
 * An edit keeps t_1 .. t_at, puts tokens w in, and goes on with t_resume+1 .. t_T: an insertion has resume = at; one
 * that deletes or replaces leaves out the unit t_at+1 .. t_resume.
 *     now      L(t_1 .. t_at w)                          what the answer's loss is right after the edit
 *     carried  L(t_1 .. t_at w g t_resume+1 .. t_T)      and when the rest of the trajectory has been read as well
 * g: tokens between w and the rest, a space where they would run together. The effect of an edit is its difference to
 * the same trajectory unedited: now - L(resume), carried - L(T).
 *
 *     prompt - t_1 .. t_at - t_at+1 ..  t_T        the trunk, read once for all edits of a pass
 *                       \- w - probe               now
 *                           \- g t_resume+1 .. t_T - probe       carried
 * Without w, now is L(t_1 .. t_at) itself. Where nothing follows, carried is now.
 * Bound    of a pass: max_batch_tokens; a pass has at least one edit, and so at most prompt, trajectory and an edit more.
 * Errors   RAML_ERANGE: at > resume, resume > T, a token outside the vocabulary (the message numbers the edit from 1), a
 *          text longer than the model's context, a loss that is not finite, and those of raml_tracer_check. On failure
 *          nothing is written to *out.     Threads  one forker, one thread.
 */
#ifndef RAML_INNER_FORK_H
#define RAML_INNER_FORK_H

#include "raml/trace.h"

struct raml_fork_edit {
    uint32_t at, resume;
    const int32_t *token; /* [n_token] w; borrowed */
    size_t n_token;
    const int32_t *gap; /* [n_gap] g */
    size_t n_gap;
};
struct raml_fork_loss { /* nats per answer token */
    double now, carried;
};

struct raml_forker;
RAML_CHECKED enum raml_code raml_forker_open(const struct raml_model *m, size_t max_batch_tokens,
                                             struct raml_forker **out, struct raml_err *err);
void raml_forker_close(struct raml_forker *f); /* NULL is fine */
/* out[n]: of the first answer of `in`; its places and further answers are not looked at. */
RAML_CHECKED enum raml_code raml_forker_run(struct raml_forker *f, const struct raml_trace_input *in,
                                            const struct raml_fork_edit *edit, size_t n, struct raml_fork_loss *out,
                                            struct raml_err *err);
uint64_t raml_forker_tokens(const struct raml_forker *f); /* read by the model so far */
/* What would be read if each of these texts were read by itself from its first token. */
uint64_t raml_fork_own_tokens(const struct raml_trace_input *in, const struct raml_fork_edit *edit, size_t n);

#endif
