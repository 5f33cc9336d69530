/* reward_describe.c - a reward in plain lines, as it is recorded with a run; see reward.h. */
#include "raml/buf.h"
#include "raml/reward.h"

static const char *const coefficient[] = {
    [RAML_ANSWER_OWN] = "the reward's own derivative by log p(a_j)",
    [RAML_ANSWER_NONE] = NULL,
    [RAML_ANSWER_REWARD] = "the sample's reward",
    [RAML_ANSWER_ADVANTAGE] = "the sample's advantage",
    [RAML_ANSWER_ONE] = "1",
};

enum raml_code raml_reward_describe(const struct raml_reward_options *opt, struct raml_buf *out, struct raml_err *err)
{
    struct raml_reward_mix mix;
    bool curve = false, derivative = false;
    enum raml_code rc = raml_reward_parse(opt->reward, &mix, err);
    if (rc) return rc;
    raml_buf_adds(out, "reward       ");
    for (size_t i = 0; i < mix.n; i++) {
        raml_buf_addf(out, "%s%g %s", i ? " + " : "", mix.weight[i], raml_reward_name(mix.kind[i]));
        curve |= mix.kind[i] >= RAML_REWARD_LOGP;
        derivative |= mix.kind[i] >= RAML_REWARD_LOGP && mix.kind[i] <= RAML_REWARD_RLPR;
    }
    raml_buf_adds(out, "\n");
    const char *c = coefficient[opt->answer_coefficient];
    if (c && (opt->answer_coefficient == RAML_ANSWER_OWN ? derivative : curve))
        raml_buf_addf(out,
                      "answer       - sum c_j log p(a_j) of the reference answer after each sample, a mean over "
                      "samples; c_j = %s\n",
                      c);
    return raml_buf_status(out, err);
}
