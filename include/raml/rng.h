/* rng.h - random numbers as a pure function of what they are for.
 *
 * Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"; library Random123). A draw is
 * named by (seed, purpose, question, sample, round, position): the same name gives the same draw whatever the thread
 * count, the batch split, or how often a run was resumed. No state is carried; 0 is a seed like any other.
 * Threads: any number.
 */
#ifndef RAML_RNG_H
#define RAML_RNG_H

#include <stdint.h>

#pragma GCC visibility push(default)

/* One row per use, so that no two uses share draws. Values are part of the file format: append only. */
enum raml_purpose {
    RAML_FOR_INIT = 1,  /* initial weights: question = tensor, position = element */
    RAML_FOR_SAMPLE,    /* sampling a token: question, sample, position = token index */
    RAML_FOR_QUESTION,  /* writing question number `question` of a family */
    RAML_FOR_SOLUTION,  /* writing trajectory `sample` of it */
    RAML_FOR_SHUFFLE,   /* order of training data: question = epoch */
    RAML_FOR_SELECTION, /* which trajectories of a question are trained on: question, sample = step */
    RAML_FOR_BOOTSTRAP,
    RAML_FOR_TEST,
    RAML_FOR_CHOICES,   /* order of a question's options: question = hash of its text */
    RAML_FOR_DIRECTION, /* random directions in weights: question = tensor, sample = which, position = element */
    RAML_FOR_CURVATURE, /* vectors that a Hessian is multiplied with: sample = which, position = element */
    RAML_FOR_CONTROL,   /* order of a shuffled trajectory: question, sample, position = 2^32 tokens + draw
                         * (below 2^32: which trajectory is foreign to it) */
    RAML_FOR_PRUNE,     /* order in which steps are kept: question, sample, position = 2^32 draw + number */
    RAML_FOR_UPDATES,   /* which samples of a question enter the loss: question, round */
    RAML_FOR_PAIR,      /* which trajectories of a question are paired: question, round = epoch */
    RAML_FOR_TASK,      /* which rows of a question are adapted on: question, round = epoch */
    RAML_FOR_ADAPTER,   /* initial adapters: question = module of the plan, position = element */
};

struct raml_key { /* names a stream of draws; position numbers the draws within it */
    uint64_t seed;
    uint32_t purpose; /* enum raml_purpose */
    uint64_t question;
    uint32_t sample;
    uint64_t round; /* of training: what is drawn for the same question and sample once more; 0 where there is none */
};

void raml_random4(const struct raml_key *key, uint64_t position, uint32_t out[4]);
double raml_uniform(const struct raml_key *key, uint64_t position);             /* [0, 1), 53 bits */
double raml_normal(const struct raml_key *key, uint64_t position);              /* mean 0, deviation 1 (Box-Muller) */
uint32_t raml_below(const struct raml_key *key, uint64_t position, uint32_t n); /* [0, n), n >= 1, unbiased to 2^-32 */

/* A walk along one stream, for code that draws an unknown number of values (solvers, shufflers). */
struct raml_rng {
    struct raml_key key;
    uint64_t position;
};
uint32_t raml_rng_below(struct raml_rng *r, uint32_t n);
double raml_rng_uniform(struct raml_rng *r);
int64_t raml_rng_range(struct raml_rng *r, int64_t low, int64_t high);  /* [low, high], both ends, high - low < 2^32 */
void raml_rng_shuffle(struct raml_rng *r, uint32_t *index, uint32_t n); /* Fisher-Yates in place */

#pragma GCC visibility pop
#endif
