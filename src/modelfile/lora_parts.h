/* lora_parts.h - what the sources of LoRA's plans and files share. */
#ifndef MODELFILE_LORA_PARTS_H
#define MODELFILE_LORA_PARTS_H

#include "raml/lora.h"

#include <stdbool.h>

/* What can be done about an adapter of one of a tied matrix' two uses. PEFT's merge into the tied base itself moves both. */
#define LORA_UNTIE                                                                                                     \
    "merge it in PEFT into a copy of the base that is untied (tie_word_embeddings false, lm_head.weight a copy of "    \
    "model.embed_tokens.weight), or train without it"

enum { LORA_MAX_RANK = 1 << 16, LORA_MAX_KEYS = 4096 };

/* lora_match.c: patterns and targets by PEFT's rules. `what` is how messages name them; texts are copied. Zeroed structs
 * are fine for _deinit. */
struct lora_regex;
struct lora_patterns { /* rank_pattern, alpha_pattern */
    struct lora_key {
        char *key;
        struct lora_regex *regex;
        double value;
        bool used; /* it matched some name */
    } * key;
    size_t n, cap;
    const char *what;
};
/* text: "key=number,key=number" or an object in JSON; NULL or empty: none. */
RAML_CHECKED enum raml_code raml_lora_patterns_init(struct lora_patterns *p, const char *what, const char *text,
                                                    struct raml_err *err);
void raml_lora_patterns_deinit(struct lora_patterns *p);
/* *value: of the first key that matches; as it was where none does. */
RAML_CHECKED enum raml_code raml_lora_patterns_find(struct lora_patterns *p, const char *name, double *value,
                                                    struct raml_err *err);

struct lora_targets { /* target_modules, exclude_modules */
    bool all_linear;
    char **name; /* [n] whole names, or ends after a dot */
    bool *used;  /* [n] */
    size_t n, cap;
    struct lora_regex *regex; /* or an expression of whole names */
    const char *what;
};
RAML_CHECKED enum raml_code raml_lora_targets_init(struct lora_targets *t, const char *what, const char *text,
                                                   struct raml_err *err);
RAML_CHECKED enum raml_code raml_lora_targets_add(struct lora_targets *t, const char *name, size_t n,
                                                  struct raml_err *err);
void raml_lora_targets_deinit(struct lora_targets *t);
RAML_CHECKED enum raml_code raml_lora_targets_match(struct lora_targets *t, const struct raml_lora_module *m, bool *yes,
                                                    struct raml_err *err);
bool raml_lora_is_names(const char *text); /* names joined by commas, not an expression */

/* lora_plan.c */

/* All modules that a model of this shape has, without rank and place: to be freed. */
RAML_CHECKED enum raml_code raml_lora_candidates(const struct raml_config *c, struct raml_lora_module **out, size_t *n,
                                                 struct raml_err *err);
/* Rank, alpha, scale and place of l's modules, from its settings; where: put before the patterns' names in messages. */
RAML_CHECKED enum raml_code raml_lora_measure(struct raml_lora *l, const char *where, bool all_used,
                                              struct raml_err *err);
/* target_modules becomes the modules' names. */
RAML_CHECKED enum raml_code raml_lora_name_targets(struct raml_lora *l, struct raml_err *err);
const struct raml_lora_module *raml_lora_find(const struct raml_lora_module *m, size_t n, const char *name);

/* lora_config.c: adapter_config.json, for a base of this shape. The plan has modules, ranks and scales. listed: the file
 * says which modules are targets; else all that the shape has. */
RAML_CHECKED enum raml_code raml_lora_config(const char *path, const struct raml_config *base, struct raml_lora *out,
                                             bool *listed, struct raml_err *err);

/* lora_gguf.c: the GGUF name of a module's matrix, "blk.0.attn_q.weight"; and which row of B in Hugging Face's order is row
 * r of the file. */
enum { LORA_GGUF_NAME = 80 };
void raml_lora_gguf_name(const struct raml_lora_module *m, const char *end, char out[LORA_GGUF_NAME]);
size_t raml_lora_gguf_row(const struct raml_config *c, const struct raml_lora_module *m, size_t r);
/* lora_gguf_read.c */
RAML_CHECKED enum raml_code raml_lora_read_gguf(const char *path, const struct raml_config *base, struct raml_lora *out,
                                                float **block, struct raml_err *err);

#endif
