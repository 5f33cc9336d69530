/* pretokenizers.h - the pre-tokenizers of model families that are known only by name (private to src/text). */
#ifndef RAML_TEXT_PRETOKENIZERS_H
#define RAML_TEXT_PRETOKENIZERS_H

#include <stdbool.h>
#include <stddef.h>

enum { RAML_PRETOKENIZERS = 6 };

struct raml_pretokenizer {
    const char *name; /* as in GGUF's tokenizer.ggml.pre */
    bool nfc, ignore_merges;
    const char *regex[RAML_PRETOKENIZERS]; /* one after the other; NULL after the last */
};

extern const char raml_pattern_gpt2[];                               /* also ByteLevel's own (use_regex) */
const struct raml_pretokenizer *raml_pretokenizer(const char *name); /* NULL: unknown */
/* The first family with these expressions, this normalizer and this flag; NULL: none. */
const char *raml_family_name(const char *const *regex, size_t n, bool nfc, bool ignore_merges);
const char *raml_pretokenizer_names(void); /* "a, b, c" */

#endif
