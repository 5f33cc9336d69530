/* policy_inputs.h - a small step for tests of policy-gradient objectives: rows, inputs, and every policy loss. */
#ifndef TESTS_POLICY_INPUTS_H
#define TESTS_POLICY_INPUTS_H

#include "policy_rig.h"

enum { N_ROWS = 6, N = 23 };
/* Rows of 5, 4, 1, 6, 3 and 4 tokens in groups of two; a row without trained tokens, a token in the middle of another. */
static const size_t start[N_ROWS + 1] = {0, 5, 9, 10, 16, 19, 23};

struct inputs {
    float weight[N], logp[N], old_logp[N], mu_logp[N], ref_logp[N], entropy[N];
    double advantage[N], correction[N], scale[3][N];
    double exact[N]; /* logp in double, for slopes */
};

static inline float drawn(uint32_t what, size_t i, double low, double high)
{
    return (float)(low + (high - low) * fmod(sin((double)(i * 12 + what + 1)) * 43758.5453 + 65536.0, 1.0));
}

static inline void fill(struct inputs *in)
{
    for (size_t i = 0; i < N; i++) {
        in->weight[i] = i == 2 || (i >= 16 && i < 19) ? 0.0f : 1.0f;
        in->logp[i] = drawn(0, i, -2.5, -0.2);
        in->old_logp[i] = in->logp[i] + drawn(1, i, -0.4, 0.4);
        in->mu_logp[i] = in->old_logp[i] + drawn(2, i, -0.4, 0.4);
        in->ref_logp[i] = in->logp[i] + drawn(3, i, -0.8, 0.8);
        in->entropy[i] = drawn(4, i, 0.1, 2.0);
        in->advantage[i] = (double)drawn(5, i < 5 ? 0 : i < 10 ? 1 : 2, -1.0, 1.0) + 0.2;
        in->correction[i] = 1.0 + (double)drawn(6, i, -0.3, 0.3);
        in->exact[i] = (double)in->logp[i];
    }
    in->advantage[9] = -0.75; /* a row of one token, whose advantage is negative */
}

static inline void scales(const struct raml_policy_options *opt, struct inputs *in)
{
    struct raml_err err = {0};
    for (int term = 0; term < 3; term++)
        CHECK_OK(raml_aggregation(opt, (enum raml_policy_term)term, N_ROWS, start, in->weight, raml_comm_alone(),
                                  in->scale[term], &err));
}

static inline struct raml_terms terms(const struct inputs *in)
{
    return (struct raml_terms){
        .n_rows = N_ROWS,
        .start = start,
        .total = N - 4,
        .logp = in->logp,
        .entropy = in->entropy,
        .weight = in->weight,
        .old_logp = in->old_logp,
        .mu_logp = in->mu_logp,
        .ref_logp = in->ref_logp,
        .advantage = in->advantage,
        .correction = in->correction,
        .scale = in->scale[RAML_TERM_POLICY],
        .kl_scale = in->scale[RAML_TERM_KL],
        .entropy_scale = in->scale[RAML_TERM_ENTROPY],
    };
}

static const char *const losses[] = {
    "policy_loss=clip dual_clip=3",
    "policy_loss=clip delta=1.4",
    "policy_loss=clip ratio_level=sequence",
    "policy_loss=clip ratio_log_clamp=0.3",
    "policy_loss=cispo ratio_low=0.8 ratio_high=1.2",
    "policy_loss=sapo",
    "policy_loss=sapo ratio_level=sequence",
    "policy_loss=gmpo epsilon=0.1 epsilon_high=0.1",
    "policy_loss=reinforce",
    "policy_loss=dppo-tv ratio_high=3",
    "policy_loss=dppo-kl epsilon=0.05 epsilon_high=0.05",
    "policy_loss=dppo-tv-ratio ratio_against=sampler log_ratio_square=0.1",
    "policy_loss=ipo-ratio ratio_against=sampler",
    "policy_loss=dro",
    "policy_loss=vespo",
    "policy_loss=nll",
    "policy_loss=dft",
};

#endif
