/* sample_token.h - sampling tokens from logits, each as a pure function of its logits and one random number.
 *
 * The logits are divided by the temperature; of that distribution only the top_k most likely tokens stay, of those the
 * most likely that together reach top_p (at least one), of those the ones at least min_p times as likely as the
 * most likely; what stays is normalised and sampled from. Ties go to the lower index. Temperature 0 takes the most
 * likely token. Cost: two passes over the vocabulary, on the device; with top_k or top_p a sort of what is above a
 * bound, on the host.
 */
#ifndef RAML_INNER_SAMPLE_TOKEN_H
#define RAML_INNER_SAMPLE_TOKEN_H

#include "raml/device.h"
#include "raml/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct raml_token_sampling {
    double temperature, top_p, min_p; /* 0 <= temperature; 0 < top_p <= 1 (1: off); 0 <= min_p <= 1 (0: off) */
    int top_k;                        /* 0: off */
};
struct raml_sampled_token {
    int32_t token;
    float logp;           /* at temperature 1, nothing filtered out; of the same logits, to the last bit a pass's */
    float behaviour_logp; /* of the distribution that was sampled from: logp, where that is the same */
    float lse;            /* of all logits of the row: logp is the token's logit less this */
};
/* RAML_EUSAGE names the setting that is out of range. */
RAML_CHECKED enum raml_code raml_token_sampling_check(const struct raml_token_sampling *o, struct raml_err *err);

struct raml_token_sampler; /* scratch memory for sampling */
/* For up to max_rows rows of `vocab` logits at once. */
RAML_CHECKED enum raml_code raml_token_sampler_open(const struct raml_device *dev, size_t max_rows, size_t vocab,
                                                    struct raml_token_sampler **out, struct raml_err *err);
void raml_token_sampler_close(struct raml_token_sampler *p);
/* Bytes of a token sampler from its shape; sorts: once it has been asked for top_k or top_p. */
size_t raml_token_sampler_estimate(const struct raml_device *dev, size_t max_rows, size_t vocab, bool sorts);
/* out[i]: a token for row row[i] of the logits, [.., vocab] in the device's memory, by the random number u[i] in [0,
 * 1); n rows. Tokens from `allowed` on are never sampled: a model's vocabulary may be larger than its tokenizer's. logp
 * still counts them. RAML_ERANGE: a logit is NaN or infinite, or no allowed one is finite; token is -1 for each such
 * row, the others are valid. */
RAML_CHECKED enum raml_code raml_sample_tokens(struct raml_token_sampler *p, const float *logits, const uint32_t *row,
                                               const double *u, size_t n, size_t allowed,
                                               const struct raml_token_sampling *o, struct raml_sampled_token *out,
                                               struct raml_err *err);

#endif
