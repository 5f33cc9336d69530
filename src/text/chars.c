/* chars.c - the byte-to-character table of byte-level BPE (see vocab.h) and the built-in tokenizer's file. */
#include "text/vocab.h"

#include <string.h>

/* Printable in Latin-1, whitespace excluded: these bytes stand for themselves. */
static bool stands_for_itself(unsigned b)
{
    return (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
}

size_t raml_byte_to_char(unsigned char byte, char out[2])
{
    unsigned cp = byte;
    if (!stands_for_itself(byte)) {
        cp = 0x100;
        for (unsigned b = 0; b < byte; b++) cp += !stands_for_itself(b);
    }
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    out[0] = (char)(0xc0 | cp >> 6);
    out[1] = (char)(0x80 | (cp & 0x3f));
    return 2;
}

/* The byte that a character stands for, -1: none. *len: bytes of the character read. */
static int char_to_byte(const unsigned char *s, size_t n, size_t *len)
{
    *len = 1;
    if (s[0] < 0x80) return stands_for_itself(s[0]) ? s[0] : -1;
    if (n < 2 || s[0] < 0xc2 || s[0] > 0xdf || (s[1] & 0xc0) != 0x80) return -1;
    *len = 2;
    unsigned cp = (unsigned)(s[0] & 0x1f) << 6 | (s[1] & 0x3f);
    if (cp < 0x100) return stands_for_itself(cp) ? (int)cp : -1;
    unsigned rank = cp - 0x100;
    for (unsigned b = 0; b < 256; b++)
        if (!stands_for_itself(b) && rank-- == 0) return (int)b;
    return -1;
}

void raml_chars_to_bytes(const char *chars, size_t n, struct raml_buf *out)
{
    const unsigned char *s = (const unsigned char *)chars;
    size_t before = out->len, len;
    for (size_t i = 0; i < n; i += len) {
        int b = char_to_byte(s + i, n - i, &len);
        if (b < 0) { /* not written in the table's characters: stands for itself */
            if (out->data) out->data[out->len = before] = 0;
            raml_buf_add(out, chars, n);
            return;
        }
        char c = (char)b;
        raml_buf_add(out, &c, 1);
    }
}

enum raml_code raml_vocab_builtin(struct raml_buf *out, struct raml_err *err)
{
    static const char *const special[] = {"<|endoftext|>", "<|question|>", "<think>", "</think>", "<|pad|>"};
    static const char byte_level[] =
        "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":false,\"use_regex\":false}";
    raml_buf_adds(out, "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\n\"added_tokens\":[\n");
    for (unsigned i = 0; i < sizeof special / sizeof *special; i++)
        raml_buf_addf(out,
                      "%s{\"id\":%u,\"content\":\"%s\",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,"
                      "\"normalized\":false,\"special\":true}",
                      i ? ",\n" : "", 256 + i, special[i]);
    raml_buf_addf(out, "],\n\"normalizer\":null,\n\"pre_tokenizer\":%s,\n\"post_processor\":null,\n\"decoder\":%s,\n",
                  byte_level, byte_level);
    raml_buf_adds(out, "\"model\":{\"type\":\"BPE\",\"dropout\":null,\"unk_token\":null,"
                       "\"continuing_subword_prefix\":null,\"end_of_word_suffix\":null,\"fuse_unk\":false,"
                       "\"byte_fallback\":false,\"ignore_merges\":false,\n\"vocab\":{");
    for (unsigned b = 0; b < 256; b++) {
        char c[2];
        size_t n = raml_byte_to_char((unsigned char)b, c);
        raml_buf_addf(out, "%s\"%s%.*s\":%u", b ? "," : "", b == '"' || b == '\\' ? "\\" : "", (int)n, c, b);
    }
    raml_buf_adds(out, "},\n\"merges\":[]}}\n");
    return raml_buf_status(out, err);
}
