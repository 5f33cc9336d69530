/* parts.c - a tokenizer from a vocabulary, merges and the name of a family: written as a tokenizer.json, and read like
 * any other, so that there is one reader and _save has a file to write. (The reader is given the parsed form.) */
#include "text/pretokenizers.h"
#include "text/sentencepiece.h"
#include "core/json.h"
#include "core/utf8.h"
#include "text/vocab.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_TOKENS = 1 << 22 };

static json_t *make_string(const struct raml_str *s)
{
    return s->s && !memchr(s->s, 0, s->n) ? json_stringn(s->s, s->n) : NULL; /* NULL: not UTF-8 */
}

static enum raml_code fail_memory(const struct raml_tokenizer_parts *p, struct raml_err *err)
{
    return raml_fail(err, RAML_ENOMEM, "%s: no memory for a tokenizer", p->name);
}

/* Why there is no make_string of it. */
static enum raml_code fail_string(const struct raml_tokenizer_parts *p, const char *what, size_t i,
                                  const struct raml_str *s, struct raml_err *err)
{
    if (s->s && !memchr(s->s, 0, s->n) && raml_utf8_valid((const unsigned char *)s->s, s->n) == s->n)
        return fail_memory(p, err);
    return raml_fail(err, RAML_EFORMAT, "%s: %s %zu is not UTF-8, or contains a 0", p->name, what, i);
}

static enum raml_code add_token(const struct raml_tokenizer_parts *p, size_t i, json_t *vocab, json_t *added,
                                struct raml_err *err)
{
    int type = p->type ? (int)p->type[i] : RAML_GGUF_NORMAL;
    bool other = type == RAML_GGUF_UNKNOWN || type == RAML_GGUF_BYTE; /* only SentencePiece has them */
    if (type < RAML_GGUF_NORMAL || type > RAML_GGUF_BYTE || (other && !p->score))
        return raml_fail(err, RAML_ESUPPORT, "%s: token %zu has type %d; this version reads %s", p->name, i, type,
                         p->score ? "1 to 6" : "1, 3, 4 and 5");
    bool special = type == RAML_GGUF_CONTROL || type == RAML_GGUF_UNKNOWN;
    json_t *text = make_string(&p->token[i]);
    if (!text) return fail_string(p, "token", i, &p->token[i], err);
    enum raml_code rc = RAML_OK;
    if (special || type == RAML_GGUF_USER_DEFINED) {
        json_t *one = json_pack("{sI sO sb sb sb sb sb}", "id", (json_int_t)i, "content", text, "single_word", 0,
                                "lstrip", 0, "rstrip", 0, "normalized", 0, "special", (int)special);
        if (json_array_append_new(added, one)) rc = fail_memory(p, err);
    } else if (json_object_get(vocab, json_string_value(text))) {
        rc = raml_fail(err, RAML_EFORMAT, "%s: token %zu has the text of token %lld", p->name, i,
                       (long long)json_integer_value(json_object_get(vocab, json_string_value(text))));
    } else if (json_object_set_new(vocab, json_string_value(text), json_integer((json_int_t)i)) != 0) {
        rc = fail_memory(p, err);
    }
    json_decref(text);
    return rc;
}

/* Where `tokenizers` would number the added tokens in another way (added.h), they are part of the vocabulary too, as in
 * the files of models that have them at the start. */
static enum raml_code keep_ids(const struct raml_tokenizer_parts *p, const json_t *added, json_t *vocab,
                               struct raml_err *err)
{
    json_int_t next = (json_int_t)json_object_size(vocab);
    size_t n = json_array_size(added), i = 0;
    while (i < n && json_integer_value(json_object_get(json_array_get(added, i), "id")) == next) i++, next++;
    if (i == n) return RAML_OK;
    for (i = 0; i < n; i++) {
        const json_t *a = json_array_get(added, i);
        const char *text = json_string_value(json_object_get(a, "content"));
        if (json_object_get(vocab, text)) continue; /* its reader says so, where the ids differ */
        if (json_object_set(vocab, text, json_object_get(a, "id"))) return fail_memory(p, err);
    }
    return RAML_OK;
}

static enum raml_code fill(const struct raml_tokenizer_parts *p, json_t *root, struct raml_err *err)
{
    json_t *model = json_object_get(root, "model"), *vocab = json_object_get(model, "vocab");
    json_t *merges = json_object_get(model, "merges"), *added = json_object_get(root, "added_tokens");
    enum raml_code rc = RAML_OK;
    size_t n = p->n_tokens; /* unused ones at the end only pad a model's vocabulary: no text gives them */
    while (n && p->type && p->type[n - 1] == RAML_GGUF_UNUSED) n--;
    for (size_t i = 0; i < n && !rc; i++) rc = add_token(p, i, vocab, added, err);
    if (!rc) rc = keep_ids(p, added, vocab, err);
    if (p->score && !rc) return raml_spm_merges(p, merges, err);
    for (size_t i = 0; i < p->n_merges && !rc; i++) {
        json_t *text = make_string(&p->merge[i]);
        if (!text) return fail_string(p, "merge", i, &p->merge[i], err);
        if (json_array_append_new(merges, text)) rc = fail_memory(p, err);
    }
    return rc;
}

/* Everything but tokens and merges; NULL: no memory. */
static json_t *make_root(const struct raml_pretokenizer *f)
{
    json_t *steps = json_array(), *root = NULL;
    bool good = steps != NULL;
    for (size_t i = 0; i < RAML_PRETOKENIZERS && f->regex[i] && good; i++)
        good = !json_array_append_new(steps, json_pack("{ss s{ss} ss sb}", "type", "Split", "pattern", "Regex",
                                                       f->regex[i], "behavior", "Isolated", "invert", 0));
    good = good && !json_array_append_new(steps, json_pack("{ss sb sb sb}", "type", "ByteLevel", "add_prefix_space", 0,
                                                           "trim_offsets", 0, "use_regex", 0));
    if (good)
        root = json_pack("{ss sn sn s[] sn s{ss sO} sn s{ss sb sb sb} s{ss sb s{} s[]}}", "version", "1.0",
                         "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "type", "Sequence",
                         "pretokenizers", steps, "post_processor", "decoder", "type", "ByteLevel", "add_prefix_space",
                         0, "trim_offsets", 0, "use_regex", 0, "model", "type", "BPE", "ignore_merges",
                         (int)f->ignore_merges, "vocab", "merges");
    if (root && f->nfc && json_object_set_new(root, "normalizer", json_pack("{ss}", "type", "NFC")) != 0) {
        json_decref(root);
        root = NULL;
    }
    json_decref(steps);
    return root;
}

static json_t *make_spm_root(const struct raml_tokenizer_parts *p)
{
    size_t i = 0;
    while (i < p->n_tokens && !(p->type && p->type[i] == RAML_GGUF_UNKNOWN)) i++;
    char *unknown = i < p->n_tokens ? strndup(p->token[i].s, p->token[i].n) : NULL;
    json_t *root = i < p->n_tokens && !unknown ? NULL : raml_spm_root(p->space_prefix, unknown);
    free(unknown);
    return root;
}

enum raml_code raml_tokenizer_from_parts(const struct raml_tokenizer_parts *p, struct raml_tokenizer **out,
                                         struct raml_err *err)
{
    const struct raml_pretokenizer *f = p->score ? NULL : raml_pretokenizer(p->pattern);
    if (!f && !p->score)
        return raml_fail(err, RAML_ESUPPORT, "%s: unknown pre-tokenizer '%.48s'; this version has %s", p->name,
                         p->pattern, raml_pretokenizer_names());
    if (p->n_tokens > MAX_TOKENS || p->n_merges > (size_t)4 * MAX_TOKENS)
        return raml_fail(err, RAML_ERANGE, "%s: %zu tokens and %zu merges; expected at most %d and %d", p->name,
                         p->n_tokens, p->n_merges, MAX_TOKENS, 4 * MAX_TOKENS);
    json_t *root = p->score ? make_spm_root(p) : make_root(f);
    if (!root) return fail_memory(p, err);
    enum raml_code rc = fill(p, root, err);
    struct raml_buf text;
    raml_buf_init(&text, RAML_TOKENIZER_MAX_BYTES);
    if (!rc) raml_json_add(&text, root);
    if (!rc) rc = raml_buf_status(&text, err);
    if (rc) {
        json_decref(root);
        raml_buf_deinit(&text);
        return rc;
    }
    rc = raml_tokenizer_open_root(&text, root, p->name, out, err);
    if (!rc && p->score) raml_spm_rank(*out, p->score);
    return rc;
}
