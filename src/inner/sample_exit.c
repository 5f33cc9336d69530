/* sample_exit.c - early exit while sampling: when a sample is asked for its answer, and what follows from that.
 *
 * A place is a number of trajectory tokens. Policies with a stride ask once the trajectory is that long; policies at
 * waits once a word that waits is complete, that is when what follows it can't be part of it any more: the probe then
 * looks back, and if thinking stops the sample returns to the place.
 */
#include "inner/sample_parts.h"

#include "inner/exit_answer.h"
#include "inner/roles.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_TOKENS = 24, ARENA = 1 << 24 }; /* the last tokens, among which a word that waits is looked for */

/* -- Settings ------------------------------------------------------------------------------------------------------ */
static enum raml_code read_words(struct raml_exits *e, const char *text, struct raml_err *err)
{
    size_t n = 1;
    for (const char *p = text; *p; p++) n += *p == ',';
    e->word = calloc(n, sizeof *e->word);
    if (!e->word) return raml_fail(err, RAML_ENOMEM, "no memory for %zu words", n);
    for (const char *p = text; e->n_words < n; p += strcspn(p, ",") + 1) {
        size_t length = strcspn(p, ",");
        if (!length || strspn(p, " \t") >= length)
            return raml_fail(err, RAML_EUSAGE, "exit_words: found '%s', expected words with commas between them", text);
        e->word[e->n_words] = strndup(p, length);
        if (!e->word[e->n_words++]) return raml_fail(err, RAML_ENOMEM, "no memory for a word");
    }
    return RAML_OK;
}

static bool is_oracle(int kind)
{
    return kind == RAML_EXIT_LOSS || kind == RAML_EXIT_FIRST_RIGHT;
}

/* A name that is none: those that a running sample can have are listed. */
static enum raml_code check_kind(const char *text, struct raml_err *err)
{
    char known[120] = "";
    size_t n = strcspn(text, ":"), length = 0;
    for (int k = 0; k < RAML_EXIT_KINDS; k++) {
        const char *name = raml_exit_kind_name((enum raml_exit_kind)k);
        if (strlen(name) == n && !strncmp(name, text, n)) return RAML_OK;
        if (!is_oracle(k) && length < sizeof known)
            length += (size_t)snprintf(known + length, sizeof known - length, "%s%s", k ? ", " : "", name);
    }
    return raml_fail(err, RAML_EUSAGE,
                     "exit: no policy '%.*s'; expected one of %s, with settings as in stability:stride=64,repeats=3",
                     n < 60 ? (int)n : 60, text, known);
}

static enum raml_code read_policy(struct raml_exits *e, const struct raml_sample_options *opt, struct raml_err *err)
{
    struct raml_exit_policy *p = &e->policy;
    enum raml_code rc = check_kind(opt->exit, err);
    if (rc) return rc;
    rc = raml_exit_policy_read(opt->exit, p, err);
    if (rc) return raml_wrap(err, rc, "exit");
    if (is_oracle(p->kind))
        return raml_fail(err, RAML_EUSAGE, "exit: %s knows the question's answer, so it can only be replayed",
                         raml_exit_kind_name(p->kind));
    if (p->kind == RAML_EXIT_BUDGET && (!strstr(opt->exit, "budget=") || opt->think_budget))
        return raml_fail(err, RAML_EUSAGE,
                         "exit: budget needs a number of tokens, budget:budget=N, and no think_budget");
    raml_exit_policy_text(p, e->text);
    e->asked = true;
    e->probes = p->kind != RAML_EXIT_BUDGET && p->kind != RAML_EXIT_FULL;
    return RAML_OK;
}

enum raml_code raml_exits_init(struct raml_exits *e, const struct raml_sample_options *opt, struct raml_err *err)
{
    double below = opt->force_continuation_below;
    *e = (struct raml_exits){0};
    if (!(below >= 0 && below <= 1))
        return raml_fail(err, RAML_EUSAGE, "force_continuation_below: found %g, expected 0 to 1", below);
    if (below > 0 && opt->force_continuation < 1)
        return raml_fail(err, RAML_EUSAGE, "force_continuation_below needs force_continuation");
    if (opt->answer_only && (opt->exit || below > 0))
        return raml_fail(err, RAML_EUSAGE, "early exit: with answer_only nothing is thought that could be stopped");
    enum raml_code rc = opt->exit ? read_policy(e, opt, err) : RAML_OK;
    if (!rc && (e->probes || below > 0) && !opt->probe_tokens)
        rc = raml_fail(err, RAML_EUSAGE, "probe_tokens: found 0, expected at least 1");
    return rc ? rc : read_words(e, opt->exit_words ? opt->exit_words : "wait", err);
}

void raml_exits_deinit(struct raml_exits *e)
{
    for (size_t i = 0; i < e->n_words; i++) free(e->word[i]);
    free(e->word);
    *e = (struct raml_exits){0};
}

/* -- Places -------------------------------------------------------------------------------------------------------- */
/* The first match from place `from` on among the last tokens of the trajectory. A letter is put after them, so that a
 * word that may go on is none yet. */
static enum raml_code find_wait(const struct raml_sampler *s, const struct raml_sampled *out, size_t from, bool *found,
                                size_t *at, struct raml_err *err)
{
    struct raml_str piece[WORD_TOKENS + 1];
    size_t n = out->n_think < WORD_TOKENS ? out->n_think : WORD_TOKENS, first = out->n_think - n;
    struct raml_token_text text = {
        .piece = piece, .n = n + 1, .word = (const char *const *)s->exits.word, .n_words = s->exits.n_words};
    struct raml_token_roles roles = {0};
    enum raml_code rc = RAML_OK;
    *found = false;
    text.delimiter = raml_thinking_delimiters(&text.n_delimiters);
    for (size_t i = 0; i < n && !rc; i++)
        rc = raml_tokenizer_piece(s->texts.tokenizer, out->token[out->think_start + first + i], &piece[i].s,
                                  &piece[i].n, err);
    piece[n] = (struct raml_str){"a", 1};
    if (!rc) rc = raml_token_roles(&text, &roles, err);
    for (size_t i = 0; i < roles.n_matches && !*found && !rc; i++) {
        *at = first + roles.match[i].first - 1;
        bool whole = first == 0 || *at > first; /* else what precedes it is not seen */
        *found = whole && *at >= from;
    }
    raml_token_roles_deinit(&roles);
    return rc;
}

/* What the policy asks of the place that the last token has made known, if any. */
static enum raml_code ask(const struct raml_sampler *s, struct raml_sample_state *r, enum raml_exit_want *want,
                          struct raml_err *err)
{
    struct raml_sample_exit *e = &r->exit;
    bool found = r->out.n_think >= e->from;
    enum raml_code rc = RAML_OK;
    e->at = r->out.n_think;
    e->wait = s->exits.policy.stride == 0;
    *want = RAML_EXIT_NOTHING;
    if (e->wait) rc = find_wait(s, &r->out, e->from, &found, &e->at, err);
    if (rc || !found) return rc;
    e->from = e->at + 1;
    *want = raml_exit_wants(e->state, e->at, e->wait);
    return RAML_OK;
}

enum raml_code raml_sample_wants_probe(void *user, size_t job, const struct raml_generated *so_far, bool *wanted,
                                       struct raml_generate_probe *probe, struct raml_err *err)
{
    const struct raml_sampler *s = user;
    const struct sample_texts *x = &s->texts;
    struct raml_sample_state *r = raml_sample_state_of(s, job);
    enum raml_exit_want want = RAML_EXIT_NOTHING;
    enum raml_code rc = RAML_OK;
    *probe = (struct raml_generate_probe){x->answer_prefix.id, x->answer_prefix.n, s->opt.probe_tokens, 0, false};
    r->exit.trial = r->exit.just_closed && r->continuations > 0 && s->opt.force_continuation_below > 0;
    r->exit.just_closed = false;
    if (r->exit.trial) {
        want = RAML_EXIT_ANSWER;
        r->exit.at = r->out.n_think;
    } else if (s->exits.probes && r->out.thinking && !r->out.answer_forced) {
        rc = ask(s, r, &want, err);
    }
    if (want == RAML_EXIT_ENTROPY) *probe = (struct raml_generate_probe){x->close.id, x->close.n, 0, 0, true};
    *wanted = want == RAML_EXIT_ANSWER || want == RAML_EXIT_ENTROPY;
    probe->back = so_far->n - r->out.think_start - r->exit.at;
    return rc;
}

void raml_sample_force_answer(const struct raml_sampler *s, struct raml_sample_state *r)
{
    r->force = &s->texts.answer_prefix;
    r->n_forced = 0;
    r->out.answer_forced = true;
}

/* -- Answers ------------------------------------------------------------------------------------------------------- */
enum raml_code raml_sample_probe_ends(void *user, size_t job, const struct raml_generated *answer, bool *ends,
                                      struct raml_err *err)
{
    const struct raml_sampler *s = user;
    (void)job;
    return raml_exit_answer_ended(&s->texts, answer->token, answer->n, ends, err);
}

/* The continuation takes the place of what closed the thinking. */
static void think_on(const struct raml_sampler *s, struct raml_sample_state *r)
{
    r->out.closed = false;
    r->out.thinking = true;
    r->continuations--;
    r->force = &s->texts.continuation;
    r->n_forced = 0;
}

static enum raml_code decide(const struct raml_sampler *s, struct raml_sample_state *r,
                             const struct raml_exit_probe *probe, enum raml_generate_next *next, struct raml_err *err)
{
    bool stop = false;
    const char *reason = NULL;
    if (r->exit.trial) {
        double confidence = *probe->answer ? raml_exit_mean_of(probe->prob, probe->n_prob, RAML_EXIT_GEOMETRIC) : 0;
        if (confidence >= s->opt.force_continuation_below || !s->texts.continuation.n) return RAML_OK;
        think_on(s, r);
        *next = RAML_GENERATE_RETURNS;
        return RAML_OK;
    }
    enum raml_code rc = raml_exit_see(r->exit.state, probe, &stop, &reason, err);
    if (rc || !stop) return rc;
    r->out.n_think = r->exit.at;
    r->out.exit.reason = reason;
    raml_sample_force_answer(s, r);
    *next = RAML_GENERATE_RETURNS;
    return RAML_OK;
}

enum raml_code raml_sample_see(const struct raml_sampler *s, struct raml_sample_state *r,
                               const struct raml_generated *answer, double entropy, enum raml_generate_next *next,
                               struct raml_err *err)
{
    struct raml_exit_answer a = {.answer = "", .text = ""};
    struct raml_arena *arena = raml_arena_open(ARENA);
    double *prob = calloc(answer->n + 1, sizeof *prob);
    enum raml_code rc = arena && prob ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for a probe's answer");
    if (!rc && answer->n) rc = raml_exit_answer_read(&s->texts, r->of->about, answer->token, answer->n, arena, &a, err);
    for (size_t i = 0; i < answer->n && !rc; i++) prob[i] = exp((double)answer->logp[i]);
    r->out.exit.probes++;
    r->out.exit.probe_tokens += answer->n ? s->texts.answer_prefix.n + answer->n : s->texts.close.n + 1;
    const struct raml_exit_probe probe = {.at = r->exit.at,
                                          .wait = r->exit.wait,
                                          .answer = a.answer,
                                          .text = a.text,
                                          .prob = prob ? prob + a.first : NULL,
                                          .all_prob = prob,
                                          .n_prob = a.n_own,
                                          .n_tokens = answer->n,
                                          .entropy = entropy,
                                          .loss = NAN};
    if (!rc) rc = decide(s, r, &probe, next, err);
    raml_arena_close(arena);
    free(prob);
    return rc;
}

enum raml_code raml_sample_probed(void *user, size_t job, const struct raml_generated *so_far,
                                  const struct raml_generated *answer, double entropy, enum raml_generate_next *next,
                                  struct raml_err *err)
{
    const struct raml_sampler *s = user;
    (void)so_far;
    return raml_sample_see(s, raml_sample_state_of(s, job), answer, entropy, next, err);
}
