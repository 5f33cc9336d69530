/* vocab.h - the inside of a tokenizer (private to src/text).
 *
 * Byte-level BPE writes each byte as one character (GPT-2's table, Radford et al. 2019): the printable Latin-1
 * characters stand for themselves, the other 68 bytes are U+0100, U+0101, … in order. Pieces are kept as bytes; the
 * characters live only in the file.
 * metaspace.h has the other spelling.
 * Invariants  byte[b] names a piece of exactly that byte; else (lacks_bytes) the unknown token, or -1. Merges go by rank, each pair once.
 *             Added tokens are sorted by bytes.
 */
#ifndef RAML_TEXT_VOCAB_H
#define RAML_TEXT_VOCAB_H

#include "core/hash_map.h"
#include "raml/tokenizer.h"

#include <stdatomic.h>

/* The largest tokenizer.json in use has some 35 MB. */
#define RAML_TOKENIZER_MAX_BYTES ((size_t)256 << 20)

enum raml_piece_kind {
    RAML_PIECE_NONE,
    RAML_PIECE_PLAIN,
    RAML_PIECE_BYTE,  /* "<0x0A>" of metaspace.h; byte-level BPE has no such tokens */
    RAML_PIECE_APART, /* with a space, where spaces are U+2581: no word is spelled so */
    RAML_PIECE_ADDED,
    RAML_PIECE_SPECIAL
};

struct raml_piece {
    size_t start; /* pool[start .. start + len) */
    uint32_t len;
    uint8_t kind;       /* enum raml_piece_kind; NONE: no token has this id */
    uint8_t normalized; /* added tokens: matched after the normalizer (1) or before it (0) */
    uint8_t border;     /* added tokens: bits of enum raml_border */
};

enum raml_border { /* whitespace that the token takes in; only where no word continues at either end */
                   RAML_BORDER_LSTRIP = 1,
                   RAML_BORDER_RSTRIP = 2,
                   RAML_BORDER_SINGLE_WORD = 4
};

enum raml_prefix { /* metaspace.h: where a space is prepended to a text */
                   RAML_PREFIX_NEVER,
                   RAML_PREFIX_ALWAYS,
                   RAML_PREFIX_UNLESS_SPACE, /* unless the text starts with one */
                   RAML_PREFIX_AT_START      /* likewise, and only at the start of the whole text */
};

enum raml_whole { RAML_WHOLE_UNKNOWN, RAML_WHOLE_YES, RAML_WHOLE_NO };

struct raml_merge {
    int32_t left, right; /* the pair */
    int32_t to;          /* what it becomes */
    uint32_t rank; /* its place in the list, or one that it shares: lower ranks are merged first, then from the left */
};

struct raml_tokenizer {
    struct raml_buf text;     /* the file as it was read */
    struct raml_buf pool;     /* bytes of all pieces */
    struct raml_piece *piece; /* [size] */
    int32_t size;
    int32_t byte[256];
    bool lacks_bytes; /* some have no token */
    int32_t *added;   /* [n_added] ids */
    size_t n_added;
    bool starts_added[2][256];      /* [normalized]: some such added token starts with this byte */
    bool nfc;                       /* normalizer */
    struct raml_patterns *patterns; /* NULL: none */
    /* A piece that the patterns leave gets a space in front, unless it begins with one; it is then split by these. */
    bool spaced;
    struct raml_patterns *after_space; /* NULL: none */
    char *begin;                       /* text of the token in front of every text (post_processor); NULL: none */
    bool ignore_merges;
    bool byte_fallback; /* words are characters and bytes, not only bytes (metaspace.h) */
    enum raml_prefix prefix;
    bool split_spaces, strip_first; /* each space starts a word; the first space of what is decoded is left out */
    struct raml_hash_map words;     /* bytes of the vocabulary's tokens -> id */
    bool has_words;                 /* it was made: there are merges, or words are looked for whole */
    _Atomic uint8_t *whole;         /* [size] enum raml_whole: do the merges make the token of its bytes? */
    struct raml_merge *merge;       /* [n_merges] */
    size_t n_merges;
    /* Bit y of joins[x]: some merge puts byte y after byte x. Where none does, no token crosses. */
    uint64_t joins[256][4];
    struct raml_hash_map pairs; /* of two ids -> merge */
};

/* No UTF-8 text contains this byte. */
static inline bool raml_never_in_utf8(unsigned byte)
{
    return byte == 0xc0 || byte == 0xc1 || byte >= 0xf5;
}
/* The character that stands for a byte, as UTF-8; returns its length, 1 or 2. */
size_t raml_byte_to_char(unsigned char byte, char out[2]);
/* The bytes of a piece written in those characters. A text with any other character stands for itself, as in the
 * `tokenizers` library. Appends to out. */
void raml_chars_to_bytes(const char *chars, size_t n, struct raml_buf *out);

/* Fills *t (zeroed, t->text set) from its text, and what config adds. path: for messages. On failure t is fit for raml_tokenizer_close. */
RAML_CHECKED enum raml_code raml_vocab_parse(struct raml_tokenizer *t, const char *path, const void *config,
                                             struct raml_err *err);
/* The same from the text when it is parsed already (json_t *); takes root, even on failure. */
RAML_CHECKED enum raml_code raml_vocab_read(struct raml_tokenizer *t, const char *path, void *root,
                                            struct raml_err *err);
/* Parses *text, which the tokenizer takes over even on failure. path: for messages. */
RAML_CHECKED enum raml_code raml_tokenizer_open_text(struct raml_buf *text, const char *path,
                                                     struct raml_tokenizer **out, struct raml_err *err);
/* The same, with the added tokens of a tokenizer_config.json (parsed; NULL: none) that the text lacks: the text that
 * _save writes has them. */
RAML_CHECKED enum raml_code raml_tokenizer_open_with(struct raml_buf *text, const char *path, const void *config,
                                                     struct raml_tokenizer **out, struct raml_err *err);
/* Of *text and what it says as json_t *root, which large vocabularies need not be parsed for; takes both. */
RAML_CHECKED enum raml_code raml_tokenizer_open_root(struct raml_buf *text, void *root, const char *path,
                                                     struct raml_tokenizer **out, struct raml_err *err);
/* The built-in tokenizer's file. */
RAML_CHECKED enum raml_code raml_vocab_builtin(struct raml_buf *out, struct raml_err *err);

/* The id of a whole word; -1: none. */
int32_t raml_find_word(const struct raml_tokenizer *t, const unsigned char *word, size_t n);
static inline uint64_t raml_pair_hash(int32_t left, int32_t right)
{
    return raml_hash_u64((uint64_t)(uint32_t)left << 32 | (uint32_t)right);
}
/* The merge of a pair; NULL: none. */
const struct raml_merge *raml_find_merge(const struct raml_tokenizer *t, int32_t left, int32_t right);
/* Appends the ids of one word by byte-pair merging, and to *where (NULL: not wanted) each one's bytes of the word. On
 * failure some of them may have been appended. */
RAML_CHECKED enum raml_code raml_bpe_word(const struct raml_tokenizer *t, const unsigned char *text, size_t n,
                                          struct raml_tokens *out, struct raml_ranges *where, struct raml_err *err);

#endif
