/* bench.h - the measurements of raml-bench. */
#ifndef RAML_BENCH_H
#define RAML_BENCH_H

#include "raml/err.h"
#include "raml/model.h"

#include <stdbool.h>
#include <stddef.h>

struct bench_options {
    const char *preset;    /* of the model; a text file for bench_tokenize */
    const char *model;     /* of bench_trace, _score and _decode: a file or folder; NULL: the preset's */
    enum raml_dtype dtype; /* of a model that is read; RAML_STORED: its own types */
    const char *tokenizer; /* only for bench_tokenize */
    bool bf16, json;
    int threads, batch, steps; /* steps: of bench_decode */
    int tokens;                /* of a text; of bench_lora and bench_lora_full */
    double seconds;            /* about how long to measure */
};
struct bench_result {
    double tokens_per_s, gflops, peak_gflops, seconds; /* seconds: of one step, curve or run (the median) */
    int threads;
    bool f32;                   /* measured in f32 whatever was asked for */
    char note[256], extra[768]; /* text for people; more JSON fields ("\"a\": 1") */
};

bool bench_has_bf16(void);

struct bench_rig { /* a randomly initialised model of the preset, or opt->model */
    struct raml_device *dev;
    struct raml_model *m;
    bool bf16;   /* type of its activations, and so of the peak product */
    double peak; /* GFLOP/s of the best matrix product, the better of before and after */
};
RAML_CHECKED enum raml_code bench_rig_open(const struct bench_options *opt, enum raml_use use, struct bench_rig *r,
                                           struct bench_result *out, struct raml_err *err);
void bench_rig_close(struct bench_rig *r, struct bench_result *out);
int32_t bench_token(const struct bench_rig *r, uint64_t i); /* a random token */
int bench_by_value(const void *a, const void *b);           /* of doubles, for qsort */
double bench_forward_flops(const struct raml_model *m, const struct raml_pack *p);

/* One optimizer step (forward, backward, AdamW, repacking the weights) on chains of 256 tokens. */
RAML_CHECKED enum raml_code bench_train(const struct bench_options *opt, struct bench_result *out,
                                        struct raml_err *err);
/* The loss curve: |q| = 128, T = 1024, 12 answer tokens after every token, one tree pass. */
RAML_CHECKED enum raml_code bench_trace(const struct bench_options *opt, struct bench_result *out,
                                        struct raml_err *err);
/* The same curve by one pass per prefix (every 32nd, extrapolated), and the largest difference of the values. */
RAML_CHECKED enum raml_code bench_prefix(const struct bench_options *opt, struct bench_result *out,
                                         struct raml_err *err);
/* A trajectory of 1024 tokens after a prompt of 128, answer prefix of 8, answers of 4: three answers beside one, and three
 * with up to five curves by layer. tokens/s are of the last. */
RAML_CHECKED enum raml_code bench_answers(const struct bench_options *opt, struct bench_result *out,
                                          struct raml_err *err);
/* The implicit updates of that trajectory, without alignment, beside its loss curve. */
RAML_CHECKED enum raml_code bench_update(const struct bench_options *opt, struct bench_result *out,
                                         struct raml_err *err);
/* 64 samples of 256 tokens of one 128-token prompt, keys and values cached. */
RAML_CHECKED enum raml_code bench_sample(const struct bench_options *opt, struct bench_result *out,
                                         struct raml_err *err);
/* Our f32 products beside oneDNN's, for the preset's matrices and 1 to 4096 rows: a line each (JSON with opt->json),
 * then the mean ratio. "peak" is oneDNN's rate over the same products. */
RAML_CHECKED enum raml_code bench_product(const struct bench_options *opt, struct bench_result *out,
                                          struct raml_err *err);
/* Tokenizes the text of opt->preset, on one processor core. */
RAML_CHECKED enum raml_code bench_tokenize(const struct bench_options *opt, struct bench_result *out,
                                           struct raml_err *err);

/* One pass over a chain of 2048 tokens, all of them targets. */
RAML_CHECKED enum raml_code bench_score(const struct bench_options *opt, struct bench_result *out,
                                        struct raml_err *err);
/* opt->batch samples of opt->steps tokens after one shared prompt of 512: tokens/s of only the steps, at temperature 1.
 * weight_bytes: of the matrices that a step reads (all of them, once), and the share of the memory's bandwidth that
 * they, keys and values take; the bandwidth is measured in the same run. */
RAML_CHECKED enum raml_code bench_decode(const struct bench_options *opt, struct bench_result *out,
                                         struct raml_err *err);
/* 64 samples of 256 tokens of one 128-token prompt, with a probe every 16 tokens that writes 4: seconds of that.
 * ratio: to sampling without probes, measured in turn; the cue has one token, as in the built-in format, or 8. */
RAML_CHECKED enum raml_code bench_probes(const struct bench_options *opt, struct bench_result *out,
                                         struct raml_err *err);
/* 64 continuations of 64 tokens at each of 32 places of a trajectory of 1024 tokens after a 128-token prompt, on one
 * tree; beside it each place with a prompt of its own, and each continuation (4 at a place, extrapolated). */
RAML_CHECKED enum raml_code bench_forks(const struct bench_options *opt, struct bench_result *out,
                                        struct raml_err *err);
/* Steps of GRPO (raml_train_grpo) on 4 questions with 8 samples of 64 tokens after a prompt of 512 (_short: 64), the prompt
 * shared and not: tokens/s are completion tokens with it shared. JSON: what sharing saves (ratio), parts of the time,
 * tree_token_ratio, peak memory of the process after the first run of either, the shared one's first. */
RAML_CHECKED enum raml_code bench_grpo(const struct bench_options *opt, struct bench_result *out, struct raml_err *err);
RAML_CHECKED enum raml_code bench_grpo_short(const struct bench_options *opt, struct bench_result *out,
                                             struct raml_err *err);
/* Optimizer steps on texts of opt->tokens tokens, 2048 in all: of adapters of rank 16 on all seven matrices (JSON: the
 * share of the time that they take, which is what a step takes beyond one of a single adapter of rank 1, and the peak
 * memory before that is measured), and of all parameters (_full). */
RAML_CHECKED enum raml_code bench_lora(const struct bench_options *opt, struct bench_result *out, struct raml_err *err);
RAML_CHECKED enum raml_code bench_lora_full(const struct bench_options *opt, struct bench_result *out,
                                            struct raml_err *err);
/* Only attention, f32, for trees and steps of several shapes (shown on stderr); the result: the loss curve's. */
RAML_CHECKED enum raml_code bench_attention(const struct bench_options *opt, struct bench_result *out,
                                            struct raml_err *err);
/* A landscape's points, random directions, 5 frames. micro, with what its own questions have: |q| = 32, T = 64, 6 answer
 * tokens, 25 x 25 points; others: |q| = 128, T = 1024, 12 answer tokens, 2 x 2 points. Beside it some of the points by a
 * pass, and a move of the weights, for each frame alone, and the largest difference of the losses. */
RAML_CHECKED enum raml_code bench_landscape(const struct bench_options *opt, struct bench_result *out,
                                            struct raml_err *err);

#endif
