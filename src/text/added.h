/* added.h - which added tokens a tokenizer has, and their ids (private to src/text). */
#ifndef RAML_TEXT_ADDED_H
#define RAML_TEXT_ADDED_H

#include "text/source.h"

/* Gives the added tokens of a tokenizer.json the ids that the `tokenizers` library gives them on loading: without gaps.
 * A file whose vocabulary has gaps, or whose ids are not sound, is left as it is. */
void raml_added_number(json_t *root);
/* Adds to root those of a tokenizer_config.json that it lacks, as transformers does: the entries of
 * added_tokens_decoder by id, then what bos_token and its like name. *more: there were any. */
RAML_CHECKED enum raml_code raml_added_complete(const struct raml_source *s, json_t *root, const json_t *config,
                                                bool *more);

#endif
