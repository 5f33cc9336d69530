/* tokenizer.h - text to token ids and back.
 *
 * Reads and writes Hugging Face `tokenizer.json` (byte-level BPE). The built-in tokenizer has one token per byte and
 * the special tokens of the built-in models; it is stored in the same format and read back like any other.
 * It reads files whose model is BPE over bytes: those of GPT-2, Llama 3, Qwen 2 to 3.5, DeepSeek and SmolLM2; those with
 * byte_fallback, over characters and, where they have no token, bytes: Llama 2, Mistral, Gemma (the last item); and the
 * vocabularies of GGUF files, of model "gpt2" and "llama" (SentencePiece's BPE).
 *   normalizer      null, NFC, or a Sequence of NFC
 *   pre_tokenizer   ByteLevel, with use_regex (GPT-2's pattern) or without (the whole text is one word), with
 *                   add_prefix_space (a space before every piece between added tokens) or without; or a Sequence
 *                   that ends in ByteLevel, preceded by Split (a Regex, behavior Isolated, not inverted) and Digits
 *   post_processor  null, ByteLevel, TemplateProcessing; decoder: ByteLevel
 *   model           merges as "a b" or ["a", "b"]; ignore_merges: a word that is in the vocabulary is one token
 *   byte_fallback   normalizer: Replace of spaces by U+2581, with Prepend or not, then no pre_tokenizer; or none, then
 *                   pre_tokenizer Metaspace. decoder: a Sequence of Replace, ByteFallback, Fuse and mostly Strip: then
 *                   decoding drops one space at the start. Every byte needs its token <0x00> to <0xFF>, so
 *                   nothing is unknown. U+2581 in a text is a space.
 *   truncation, padding  left aside: what a tokenizer was last used with, and no part of it
 * Ids of added tokens are those that `tokenizers` gives them, whatever the file says: a token of model.vocab keeps its
 * id, others are numbered from the number of model.vocab's entries on, in the file's order.
 * A folder's tokenizer_config.json may name more (added_tokens_decoder, then bos_token and its like): they are added last.
 * What is not supported (other models, expressions that PCRE2 reads differently from
 * Oniguruma: \w, \b, scripts ...) is refused with RAML_ESUPPORT and the field's name, never ignored.
 * The ids are those of the `tokenizers` library's encode with add_special_tokens=False: no token is put around a text.
 * Added tokens: those marked special are found in text only when the caller asks; the others always. At any place the
 * longest one wins, and the first place wins. Those marked "normalized" are looked for after the normalizer, in what
 * the others leave. Some swallow the whitespace before or after them (lstrip, rstrip), which decoding does not give
 * back; some match only where no word continues at either end (single_word).
 * Bytes that the vocabulary has no token for (SmolLM2's lacks six control characters, f1 and f2) are unk_token, or are left
 * out where there is none, as `tokenizers` does; raml_tokenizer_lacks_bytes counts them. Of c0, c1, f5 .. ff, which no
 * UTF-8 text contains, RAML_ERANGE names the one that has neither (DeepSeek LLM's).
 * Any other bytes can be encoded, and come back: where a file has a normalizer or patterns, each run of bytes that are part
 * of no UTF-8 character is its own word, and the text between such runs is normalized and split separately.
 * Decoding gives back the text that was encoded, or its form NFC. With byte_fallback, texts between special tokens
 * come back with the spaces that the file puts before them, and bytes that are no UTF-8 as U+FFFD.
 * Cost     _encode: O(n) without merges, O(n log n) with them, also for long runs of one character; some 60 bytes of
 *          memory for each byte of the longest word.  _piece: O(1).  _id: O(size).
 * Units    text is UTF-8 or any bytes, with explicit length; ids are int32_t in [0, raml_tokenizer_size).
 * Threads  any number of readers: what a tokenizer caches about its words is the same for all.
 */
#ifndef RAML_TOKENIZER_H
#define RAML_TOKENIZER_H

#include "raml/buf.h"
#include "raml/err.h"
#include "raml/gguf.h"

#include <stdbool.h>
#include <stdint.h>

#pragma GCC visibility push(default)

struct raml_tokenizer;

struct raml_tokens { /* a growing array of ids; zero-initialise; free with raml_tokens_deinit */
    int32_t *id;
    size_t n, cap;
};
void raml_tokens_deinit(struct raml_tokens *t);
RAML_CHECKED enum raml_code raml_tokens_add(struct raml_tokens *t, const int32_t *id, size_t n, struct raml_err *err);

struct raml_range { /* bytes [start, end) of a text */
    size_t start, end;
};
struct raml_ranges { /* a growing array; zero-initialise; free with raml_ranges_deinit */
    struct raml_range *range;
    size_t n, cap;
};
void raml_ranges_deinit(struct raml_ranges *r);
RAML_CHECKED enum raml_code raml_ranges_add(struct raml_ranges *r, struct raml_range range, struct raml_err *err);

/* path: a tokenizer.json, a folder that holds one, or a .gguf file (its tokenizer.ggml.*).
 * RAML_EFORMAT: broken; RAML_ESUPPORT: not read by this version. */
RAML_CHECKED enum raml_code raml_tokenizer_open(const char *path, struct raml_tokenizer **out, struct raml_err *err);
/* The built-in byte tokenizer: ids 0..255 are the bytes, then <|endoftext|>, <|question|>, <think>, </think>, <|pad|>.
 */
RAML_CHECKED enum raml_code raml_tokenizer_bytes(struct raml_tokenizer **out, struct raml_err *err);
/* A vocabulary as GGUF files have it. */
struct raml_str { /* UTF-8, no terminating 0 needed */
    const char *s;
    size_t n;
};
struct raml_tokenizer_parts {
    const char *name;             /* for messages */
    const struct raml_str *token; /* [n_tokens] by id: normal ones in GPT-2's characters for bytes, others as text */
    const int32_t *type;          /* [n_tokens] tokenizer.ggml.token_type; NULL: all are normal. Supported: 1 (normal),
                                     3 (control: added, special), 4 (user-defined: added) and 5 (unused: at the end of
                                     the list they are left out, since they only fill up a model's vocabulary) */
    size_t n_tokens;
    const struct raml_str *merge; /* [n_merges] "left right", by rank; not with scores */
    size_t n_merges;
    /* Of a SentencePiece vocabulary (tokenizer.ggml.model "llama"): [n_tokens] scores by id, instead of merges and pattern.
     * Normal tokens are then texts with U+2581 for spaces, types 2 (unknown: added, special) and 6 (byte) are supported
     * too. space_prefix: a text begins with a space that is not in it (tokenizer.ggml.add_space_prefix). NULL: byte-level. */
    const float *score;
    bool space_prefix;
    const char *pattern; /* tokenizer.ggml.pre: "gpt-2", "llama-bpe", "qwen2", "dbrx", "refact", .. and "default" (a
                            file's that has none): src/text/pretokenizers.c has all. Each means the patterns, the normalizer (NFC for qwen*, which
                            llama.cpp leaves out) and the ignore_merges (llama-bpe) of its models' own tokenizer.json */
};
/* The parts are copied. RAML_ESUPPORT: another pattern or type. Messages name the fields of the tokenizer.json
 * that _save then writes. */
RAML_CHECKED enum raml_code raml_tokenizer_from_parts(const struct raml_tokenizer_parts *p, struct raml_tokenizer **out,
                                                      struct raml_err *err);
/* The vocabulary of an open GGUF file, which may be closed afterwards. */
struct raml_gguf;
RAML_CHECKED enum raml_code raml_tokenizer_from_gguf(const struct raml_gguf *g, struct raml_tokenizer **out,
                                                     struct raml_err *err);
/* Writes a tokenizer.json, atomically: byte for byte the file that was opened. */
RAML_CHECKED enum raml_code raml_tokenizer_save(const struct raml_tokenizer *t, const char *path, struct raml_err *err);
void raml_tokenizer_close(struct raml_tokenizer *t);

int32_t raml_tokenizer_size(const struct raml_tokenizer *t); /* largest id + 1 */
/* How many of the 243 bytes that occur in UTF-8 have no token. */
int raml_tokenizer_lacks_bytes(const struct raml_tokenizer *t);
/* Text of the token that the file's post_processor puts in front of every text (_encode does not); NULL: none. */
const char *raml_tokenizer_begin(const struct raml_tokenizer *t);
int32_t raml_tokenizer_id(const struct raml_tokenizer *t, const char *token); /* of a whole token's text; -1: none */
bool raml_tokenizer_is_special(const struct raml_tokenizer *t, int32_t id);
/* Appends the ids of text. parse_special: text that spells a special token becomes that token; otherwise it is bytes.
 * On failure *out is as before. */
RAML_CHECKED enum raml_code raml_tokenizer_encode(const struct raml_tokenizer *t, const char *text, size_t len,
                                                  bool parse_special, struct raml_tokens *out, struct raml_err *err);
/* As raml_tokenizer_encode, for a text with plain parts: there, what spells a special token stays text (a
 * question, an answer), elsewhere special tokens are parsed (a template). A special token is parsed only where none of
 * its bytes is plain. Words and merges ignore the parts: the result is what `tokenizers` gives for the
 * whole text, if no special token is spelled in a plain part. Added tokens that are not special are found
 * everywhere. */
struct raml_encode_options {
    bool parse_special;
    const struct raml_range *plain; /* [n_plain] rising, none overlaps another; empty ones are ignored */
    size_t n_plain;
};
/* *where (NULL: not wanted) gets, for each token that *out gets, the bytes of text that it came from. Starts and ends
 * never fall, the first start is 0, the last end is len, and between two tokens no byte is left out. Ranges overlap
 * only where the normalizer changed what became several tokens: a character, with its combining marks if they are
 * affected, is not taken apart, and each of its tokens has all of it.
 * RAML_ERANGE: plain ranges out of order or beyond the text. On failure *out and *where are as before. */
RAML_CHECKED enum raml_code raml_tokenizer_encode_parts(const struct raml_tokenizer *t, const char *text, size_t len,
                                                        const struct raml_encode_options *opt, struct raml_tokens *out,
                                                        struct raml_ranges *where, struct raml_err *err);
/* Appends the bytes of ids; special tokens are written only when keep_special. With byte_fallback, byte tokens side by
 * side that are no UTF-8 together come out as a U+FFFD each, as from `tokenizers`. An id outside the vocabulary:
 * RAML_ERANGE, and *out is as before. */
RAML_CHECKED enum raml_code raml_tokenizer_decode(const struct raml_tokenizer *t, const int32_t *id, size_t n,
                                                  bool keep_special, struct raml_buf *out, struct raml_err *err);
/* How many of the tokens have a text that stays as it is, whatever tokens follow: all, or with byte_fallback those before
 * the byte tokens at the end. (Without special tokens, as a stream of text is printed.) */
size_t raml_tokenizer_settled(const struct raml_tokenizer *t, const int32_t *id, size_t n);
/* The bytes of one token (borrowed). */
RAML_CHECKED enum raml_code raml_tokenizer_piece(const struct raml_tokenizer *t, int32_t id, const char **bytes,
                                                 size_t *len, struct raml_err *err);

/* -- Text for people and for JSON ------------------------------------------------------------------------------------
 *
 * Tokens may hold parts of characters, and a model may write bytes that are not text. Here only whole UTF-8 characters
 * come out; every longest run of bytes that can't be part of one, and every 0 byte (JSON texts are C strings), becomes
 * U+FFFD.
 */
/* Appends bytes as UTF-8 that is valid and free of 0. The buffer keeps a failure. */
void raml_utf8_clean(struct raml_buf *out, const char *bytes, size_t n);

/* ---------------------------------------------------------------------------------------------------------------- */

/* The border between a context and its continuation (prompt and completion, answer prefix and answer).
 *
 * A model reads one text, and its tokens ignore where our context ends: after "\boxed{" the answer
 * "\frac12" begins, for Qwen2, inside the token "{\". So the border is found by bytes, never by counting tokens:
 *   joint   context and continuation are encoded as one text, as the model would see them. The continuation is what
 *           starts at the first token that has a byte of it; the context is all before. A token that has bytes of both
 *           spans the border and belongs to the continuation: `border_bytes` is how many bytes of context it holds.
 *   split   each is encoded separately, and the border is a border between tokens that the model may never have seen.
 * A continuation of at least one byte has at least one token (RAML_ERANGE: the vocabulary lacks all its bytes). The context may have none, where a spanning token took
 * all of it.
 */

enum raml_join { RAML_JOIN_JOINT, RAML_JOIN_SPLIT };
const char *raml_join_name(enum raml_join join); /* "joint", "split" */

struct raml_join_text { /* borrowed */
    const char *s;
    size_t n;
    struct raml_encode_options opt; /* its plain ranges are of this text */
};

struct raml_joined { /* zero-initialise; may be used again; free with raml_joined_deinit */
    struct raml_tokens context, continuation;
    size_t border_bytes; /* bytes of the context in the continuation's first token; 0 with split */
};
void raml_joined_deinit(struct raml_joined *j);

/* *out is overwritten, and empty after a failure. Errors: those of raml_tokenizer_encode_parts, where ranges are
 * counted through both texts. */
RAML_CHECKED enum raml_code raml_join(const struct raml_tokenizer *t, enum raml_join join,
                                      const struct raml_join_text *context, const struct raml_join_text *continuation,
                                      struct raml_joined *out, struct raml_err *err);

/* ---------------------------------------------------------------------------------------------------------------- */

/* What goes with a model's tokenizer: its chat template and the tokens that open and close texts.
 *
 * Folder   chat_template.jinja, or chat_template in tokenizer_config.json (of a list of named ones, "default"; "tool_use",
 *          or additional_chat_templates/tool_use.jinja, is for prompts with tools); bos_token, eos_token, other special
 *          tokens and add_bos_token from tokenizer_config.json, and where that has no added_tokens_decoder the tokens of
 *          special_tokens_map.json. Missing files give nothing.
 * GGUF     tokenizer.chat_template, tokenizer.chat_template.tool_use, tokenizer.ggml.bos_token_id, eos_token_id, those of
 *          unknown, padding, seperator, cls and mask, add_bos_token (without it: true for llama3's kin and tekken).
 */

struct raml_tokenizer_config { /* texts are UTF-8, terminated by 0; NULL: not given */
    char *chat_template, *bos, *eos;
    char *template_place; /* where the template is, for messages */
    char *tool_template;  /* the template named tool_use, which renders prompts with tools; NULL: none */
    struct json_t
        *special; /* object: the texts of all special tokens by name (pad_token, additional_special_tokens, ..) */
    int add_bos;  /* 0, 1; -1: not given */
};
/* path: a folder or a .gguf file. On failure *out is empty. */
RAML_CHECKED enum raml_code raml_tokenizer_config_read(const char *path, struct raml_tokenizer_config *out,
                                                       struct raml_err *err);
/* Writes a tokenizer_config.json that _read and Hugging Face's libraries read, atomically. */
RAML_CHECKED enum raml_code raml_tokenizer_config_write(const struct raml_tokenizer_config *c, const char *path,
                                                        struct raml_err *err);
void raml_tokenizer_config_deinit(struct raml_tokenizer_config *c);
/* Text of the token in front of every text: bos where c says so, none where c denies it, else the tokenizer's own
 * (raml_tokenizer_begin). NULL: none, or the tokenizer (borrowed, as c) has no such token. */
const char *raml_tokenizer_config_begin(const struct raml_tokenizer_config *c, const struct raml_tokenizer *t);

/* -- A tokenizer as GGUF metadata ---------------------------------------------------------------------------------- */
struct raml_gguf_vocabulary { /* entries for raml_gguf_write; the rest holds what they point to */
    struct raml_gguf_entry entry[24];
    size_t n;
    void *text;
    char *pool;
    struct raml_gguf_string *token, *merge, one[5];
    int32_t *type;
    float *score; /* of model "llama"; NULL: "gpt2" */
    uint32_t bos, eos, special[5];
    bool add_bos, space_prefix;
};
/* tokenizer.ggml.model ("gpt2"; with byte_fallback "llama", with scores and add_space_prefix), pre, tokens, token_type, merges, and what c holds; whether bos opens a text is taken from the
 * tokenizer's post_processor where c does not set it. c must outlive v. size: of the model's
 * vocabulary; ids that have no token are filled with unused ones, as llama.cpp's converter does ("[PAD7]"). name: for
 * messages. RAML_ESUPPORT: no tokenizer.ggml.pre describes how this tokenizer splits a text into words (a tokenizer
 * without merges needs none, and is gpt-2), or no scores describe its merges. RAML_ESHAPE: the tokenizer has more tokens than the model. */
RAML_CHECKED enum raml_code raml_gguf_vocabulary_init(struct raml_gguf_vocabulary *v, const struct raml_tokenizer *t,
                                                      const struct raml_tokenizer_config *c, size_t size,
                                                      const char *name, struct raml_err *err);
void raml_gguf_vocabulary_deinit(struct raml_gguf_vocabulary *v);

#pragma GCC visibility pop
#endif
