/* fuzz_tokenizer.c - tokenizer.json: what opens encodes and decodes, and is saved byte for byte. */
#include "fuzz/check.h"
#include "fuzz/scratch.h"
#include "fuzz/target.h"
#include "fuzz/texts.h"
#include "core/file.h"
#include "raml/tokenizer.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILE = 1 << 20 };

static void save_again(const struct raml_tokenizer *t, const uint8_t *data, size_t size)
{
    char path[FUZZ_PATH];
    struct raml_err err = {0};
    struct raml_buf b;
    raml_buf_init(&b, MAX_FILE);
    FUZZ_MUST(raml_tokenizer_save(t, fuzz_path("again.json", path), &err), &err);
    FUZZ_MUST(raml_file_read(path, &b, &err), &err);
    FUZZ_CHECK(b.len == size && !memcmp(b.data, data, size), "%zu bytes were saved as %zu", size, b.len);
    raml_buf_deinit(&b);
}

static int run(const uint8_t *data, size_t size)
{
    char path[FUZZ_PATH];
    struct raml_tokenizer *t = NULL;
    struct raml_err err = {0};
    enum raml_code rc = raml_tokenizer_open(fuzz_file("tokenizer.json", data, size, path), &t, &err);
    if (rc) return fuzz_refused(rc, &err);
    fuzz_use_tokenizer(t, data, size);
    save_again(t, data, size);
    raml_tokenizer_close(t);
    return FUZZ_READ;
}

/* -- seeds --------------------------------------------------------------------------------------------------------- */

/* GPT-2's character for byte b, in UTF-8. */
static void byte_text(unsigned b, char out[4])
{
    unsigned shifted = b < 33    ? b
                       : b < 161 ? b - 127 + 33
                                 : 67; /* how many bytes below b have no character of their own */
    bool own = (b >= 33 && b <= 126) || (b >= 161 && b != 173);
    unsigned c = own ? b : 256 + shifted;
    snprintf(out, 4, c < 0x80 ? "%c" : "%c%c", (int)(c < 0x80 ? c : 0xc0 | c >> 6), (int)(0x80 | (c & 0x3f)));
}

static void pattern_seed(struct fuzz_corpus *c, const char *pattern)
{
    static const char *const more[] = {"ab",
                                       ("\xc4\xa0"
                                        "a"),
                                       "12", "<|endoftext|>", "<think>"};
    static const struct raml_str merge[] = {{"a b", 3}, {"\xc4\xa0 a", 4}, {"1 2", 3}};
    char text[256][4], path[FUZZ_PATH], name[40];
    struct raml_str token[256 + FUZZ_COUNT(more)];
    int32_t type[256 + FUZZ_COUNT(more)];
    struct raml_tokenizer *t = NULL;
    struct raml_err err = {0};
    for (unsigned i = 0; i < FUZZ_COUNT(token); i++) {
        if (i < 256) byte_text(i, text[i]);
        const char *s = i < 256 ? text[i] : more[i - 256];
        token[i] = (struct raml_str){s, strlen(s)};
        type[i] = i == 256 + 3 ? 3 : i == 256 + 4 ? 4 : 1; /* control, user-defined, normal */
    }
    const struct raml_tokenizer_parts parts = {.name = pattern,
                                               .token = token,
                                               .type = type,
                                               .n_tokens = FUZZ_COUNT(token),
                                               .merge = merge,
                                               .n_merges = FUZZ_COUNT(merge),
                                               .pattern = pattern};
    FUZZ_MUST(raml_tokenizer_from_parts(&parts, &t, &err), &err);
    FUZZ_MUST(raml_tokenizer_save(t, fuzz_path("seed.json", path), &err), &err);
    snprintf(name, sizeof name, "pattern-%s", pattern);
    fuzz_seed_file(c, name, path);
    raml_tokenizer_close(t);
}

#define LOW_LINE "\xe2\x96\x81" /* U+2581 */

/* A file with byte_fallback, as Llama 2 has (legacy: a normalizer) and Mistral (Metaspace). */
static void fallback_seed(struct fuzz_corpus *c, const char *name, const char *normalizer, const char *pre_tokenizer)
{
    static const char *const special[] = {"<unk>", "<s>", "</s>"}, *const tokens[] = {LOW_LINE, "a", "b",
                                                                                      (LOW_LINE "a"), "ab"};
    static const char decoder[] =
        "{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Replace\",\"pattern\":{\"String\":\"" LOW_LINE
        "\"},\"content\":\" \"},{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"},{\"type\":\"Strip\",\"content\":\" "
        "\",\"start\":1,\"stop\":0}]}";
    json_t *vocab = json_object(), *added = json_array();
    int id = 0;
    for (size_t i = 0; i < FUZZ_COUNT(special); i++, id++) {
        json_object_set_new(vocab, special[i], json_integer(id));
        json_array_append_new(
            added, json_pack("{si ss sb sb}", "id", id, "content", special[i], "special", 1, "normalized", 0));
    }
    for (unsigned b = 0; b < 256; b++, id++) {
        char byte[8];
        snprintf(byte, sizeof byte, "<0x%02X>", b);
        json_object_set_new(vocab, byte, json_integer(id));
    }
    for (size_t i = 0; i < FUZZ_COUNT(tokens); i++, id++) json_object_set_new(vocab, tokens[i], json_integer(id));
    json_t *model = json_pack("{ss ss sb sb so s[ss]}", "type", "BPE", "unk_token", "<unk>", "fuse_unk", 1,
                              "byte_fallback", 1, "vocab", vocab, "merges", LOW_LINE " a", "a b");
    json_t *root = json_pack("{so so so so so}", "added_tokens", added, "normalizer",
                             json_loads(normalizer, JSON_DECODE_ANY, NULL), "pre_tokenizer",
                             json_loads(pre_tokenizer, JSON_DECODE_ANY, NULL), "decoder",
                             json_loads(decoder, JSON_DECODE_ANY, NULL), "model", model);
    char *text = json_dumps(root, JSON_COMPACT);
    FUZZ_CHECK(text != NULL, "%s is no JSON", name);
    fuzz_seed_text(c, name, text);
    free(text);
    json_decref(root);
}

static void seeds(struct fuzz_corpus *c)
{
    static const char *const patterns[] = {"gpt-2", "llama-bpe", "qwen2", "qwen35", "deepseek-llm", "deepseek-r1-qwen"};
    struct raml_tokenizer *t = NULL;
    struct raml_err err = {0};
    char path[FUZZ_PATH];
    FUZZ_MUST(raml_tokenizer_bytes(&t, &err), &err);
    FUZZ_MUST(raml_tokenizer_save(t, fuzz_path("seed.json", path), &err), &err);
    fuzz_seed_file(c, "bytes", path);
    raml_tokenizer_close(t);
    for (size_t i = 0; i < FUZZ_COUNT(patterns); i++) pattern_seed(c, patterns[i]);
    fallback_seed(c, "fallback-prepend",
                  "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\",\"prepend\":\"" LOW_LINE
                  "\"},{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"" LOW_LINE "\"}]}",
                  "null");
    fallback_seed(c, "fallback-metaspace", "null",
                  "{\"type\":\"Metaspace\",\"replacement\":\"" LOW_LINE
                  "\",\"prepend_scheme\":\"first\",\"split\":false}");
}

/* clang-format off */
static const char *const words[] = {
    "{", "}", "[", "]", ",", ":", "null", "true", "false", "\"\"", "\" \"", "\\u0000", "\\ud800", "\xff",
    "{\"type\":\"NFC\"}",
    "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":true}", "\"Sequence\"",
    "\"pretokenizers\":[",
    ("{\"type\":\"Split\",\"pattern\":{\"Regex\":\"\\\\p{L}+|\\\\s+(?!\\\\S)|.\"},\"behavior\":"
     "\"Isolated\",\"invert\":false}"),
    "{\"type\":\"Digits\",\"individual_digits\":true}", "\"Regex\":\"(a+)+$\"", "\"Regex\":\"\"", "\"Regex\":\"(?=a)\"",
    "\"Regex\":\"[\"", "\"ignore_merges\":true,", "\"byte_fallback\":true,", "\"dropout\":0.1,", "\"unk_token\":\"a\",",
    "\"special\":true", "\"lstrip\":true", "\"rstrip\":true", "\"single_word\":true", "\"normalized\":true",
    "\"content\":\"\"", "\"content\":\"a\"", "\"id\":0", "\"id\":2147483647", "\"id\":-1", "\"a b\"", "[\"a\",\"b\"]",
    "\"a\":", "\"ab\":", "\"vocab\":{", "\"merges\":[", "\"model\":{", "\"added_tokens\":[", "\"type\":\"WordPiece\"",
    "\"type\":\"Metaspace\"", "\"prepend_scheme\":\"always\"", "\"split\":true", LOW_LINE, NULL
};
/* clang-format on */

const struct fuzz_target raml_fuzz_tokenizer = {
    .name = "tokenizer",
    .about = "tokenizer.json, and texts through what it holds",
    .run = run,
    .seeds = seeds,
    .words = words,
    .max_bytes = 1 << 16,
};
