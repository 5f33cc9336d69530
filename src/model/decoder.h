/* decoder.h - growing leaves of the token tree: prompts computed once, many samples decoded side by side.
 *
 * Keys and values live in pages of 64 tokens. A prompt's pages are shared by every sample forked from it; each sample
 * appends to its own pages, which go back to the pool when it is dropped. Samples come and go between steps
 * (continuous batching): a sample's logits do not depend, to the last bit, on what shares the batch.
 * Ownership  prompts and samples are numbers that belong to the decoder; drop each once (a prompt goes when it and all
 *            samples forked from it are dropped).
 * Errors     on failure of _prompts, _fork and _step nothing has changed (a failure of the device too); logits may hold
 *            anything. RAML_ENOMEM from _step: the pool is used up.
 * Cost       _step: one pass over the weights for all rows; attention reads a shared prompt once for its samples.
 */
#ifndef RAML_DECODER_H
#define RAML_DECODER_H

#include "raml/model.h"

struct raml_decoder;

struct raml_decoder_options {
    size_t max_rows;   /* samples in one step, at most */
    size_t max_tokens; /* capacity of the pool: tokens of all live prompts and samples together, rounded up to pages */
};
RAML_CHECKED enum raml_code raml_decoder_open(const struct raml_model *m, const struct raml_decoder_options *opt,
                                              struct raml_decoder **out, struct raml_err *err);
void raml_decoder_close(struct raml_decoder *d);
size_t raml_decoder_bytes(const struct raml_decoder *d);
/* The same, from the shape only. */
size_t raml_decoder_estimate(const struct raml_config *c, enum raml_dtype dtype, const struct raml_device *dev,
                             const struct raml_decoder_options *opt);
size_t raml_decoder_free_tokens(const struct raml_decoder *d); /* what the pool still has space for, in whole pages */

/* Computes n_prompts prompts at once. prompt[i] gets a number; logits[i * vocab_size ...] (f32, in the device's memory:
 * device.h; NULL: not wanted) what follows its last token. Every prompt has at least one token. */
RAML_CHECKED enum raml_code raml_decoder_prompts(struct raml_decoder *d, const int32_t *const *token,
                                                 const size_t *n_tokens, size_t n_prompts, int *prompt, float *logits,
                                                 struct raml_err *err);
/* A new sample that continues a prompt. */
RAML_CHECKED enum raml_code raml_decoder_fork(struct raml_decoder *d, int prompt, int *sample, struct raml_err *err);
/* Appends token[i] to sample[i] (each at most once a step) and gives the logits of what follows: logits[i * vocab_size
 * ...], in the device's memory. Samples of one prompt should be adjacent: their prompt is then read once. */
RAML_CHECKED enum raml_code raml_decoder_step(struct raml_decoder *d, const int *sample, const int32_t *token, size_t n,
                                              float *logits, struct raml_err *err);
size_t raml_decoder_length(const struct raml_decoder *d, int sample); /* prompt and sample tokens so far */
void raml_decoder_drop_sample(struct raml_decoder *d, int sample);
void raml_decoder_drop_prompt(struct raml_decoder *d, int prompt);

#endif
