/* attention.h - how much the heads of a model attend to groups of a text's tokens, at some of its tokens; and which token
 * the model would have written at each place, all from one pass.
 *
 * Texts go into passes of at most max_rows tokens, or alone. A text's results do not depend on the others of its pass.
 * Memory   of one layer: n_queries n_heads n_groups floats for all texts of a pass (tap.h).
 */
#ifndef RAML_INNER_ATTENTION_H
#define RAML_INNER_ATTENTION_H

#include "raml/tap.h"

struct raml_attention_text { /* borrowed for the call */
    const int32_t *token;    /* [n] */
    size_t n, n_prompt;      /* n_prompt >= 1: tokens from there on are predicted */
    const uint16_t *group;   /* [n] below n_groups */
    size_t n_groups;
    const uint32_t *query; /* [n_queries] tokens whose attention is read, strictly rising */
    size_t n_queries;
    float *logp;     /* [n - n_prompt] log p of each token after the prompt */
    int32_t *argmax; /* [n - n_prompt] the likeliest token there */
};
struct raml_attention_mass { /* of one layer and text; valid during the call */
    size_t layer, text, n_heads;
    const float *mass; /* query i, head h, group g: mass[(i n_heads + h) stride + g] */
    size_t stride;
};
struct raml_attention_listener {
    enum raml_code (*read)(void *user, const struct raml_attention_mass *m, struct raml_err *err);
    void *user;
};

struct raml_attention_reader;
RAML_CHECKED enum raml_code raml_attention_reader_open(const struct raml_model *m, size_t max_rows,
                                                       struct raml_attention_reader **out, struct raml_err *err);
void raml_attention_reader_close(struct raml_attention_reader *r); /* NULL is fine */
/* RAML_ERANGE: no prompt, a query that is no token, a text longer than the model's context, a token outside its
 * vocabulary. */
RAML_CHECKED enum raml_code raml_attention_check(const struct raml_attention_reader *r,
                                                 const struct raml_attention_text *text, struct raml_err *err);
/* For every text and layer the listener is called once; then text[i].logp and argmax are filled. */
RAML_CHECKED enum raml_code raml_attention_run(struct raml_attention_reader *r, const struct raml_attention_text *text,
                                               size_t n, const struct raml_attention_listener *to,
                                               struct raml_err *err);
uint64_t raml_attention_tokens(const struct raml_attention_reader *r); /* read so far */
uint64_t raml_attention_passes(const struct raml_attention_reader *r);

#endif
