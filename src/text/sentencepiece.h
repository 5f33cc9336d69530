/* sentencepiece.h - vocabularies of SentencePiece's BPE, as GGUF has them (tokenizer.ggml.model "llama"; private to
 * src/text).
 *
 * Such a vocabulary has no list of merges, but a score for each piece: of neighbours whose texts together are a piece,
 * those with the highest score are merged first, the leftmost among equals. Written as a tokenizer.json they are a list
 * of pairs, one for every way to cut a piece into two others, by falling score of the piece, which is how `transformers`
 * converts SentencePiece's files. In that list one of two ways to make the same piece comes first; here they are of one
 * rank, as SentencePiece and llama.cpp have it (raml_spm_rank).
 * Types of tokens  normal ones are merged; unknown, control and user-defined ones are added tokens, found as a whole;
 *                  bytes ("<0x0A>") are for characters without a token; unused ones are there and not merged.
 * Spaces are U+2581 in normal pieces (metaspace.h), and spaces in user-defined ones, which llama.cpp finds in a text
 * before it replaces its spaces.
 */
#ifndef RAML_TEXT_SENTENCEPIECE_H
#define RAML_TEXT_SENTENCEPIECE_H

#include "core/json.h"
#include "text/vocab.h"

/* The types of tokenizer.ggml.token_type. */
enum {
    RAML_GGUF_NORMAL = 1,
    RAML_GGUF_UNKNOWN,
    RAML_GGUF_CONTROL,
    RAML_GGUF_USER_DEFINED,
    RAML_GGUF_UNUSED,
    RAML_GGUF_BYTE
};

/* A tokenizer.json without tokens and merges. space_prefix: a text, and what follows an added token, begins with a space
 * that is not in it. unknown: text of the unknown token; NULL: none. NULL: no memory. */
json_t *raml_spm_root(bool space_prefix, const char *unknown);
/* Appends the merges "left right" of the parts' pieces, which have scores. */
RAML_CHECKED enum raml_code raml_spm_merges(const struct raml_tokenizer_parts *p, json_t *merges, struct raml_err *err);
/* Gives merges of pieces with one score the same rank. score: by id. */
void raml_spm_rank(struct raml_tokenizer *t, const float *score);
/* The other way: scores (by id, of those below size that merges make) by which the same merges come in the same order.
 * Pieces whose merges stand between each other's have one score, which is so in SentencePiece's files too (runs of spaces).
 * RAML_ESUPPORT: there are none, as where a list has not all the ways to make a piece. name: for messages. */
RAML_CHECKED enum raml_code raml_spm_scores(const struct raml_tokenizer *t, float *score, size_t size, const char *name,
                                            struct raml_err *err);

#endif
