/* gguf_vocab.c - a tokenizer from a GGUF file's metadata, and to it. See tokenizer.h and tokenizer.h.
 *
 * Keys and types of tokens: gguf-py/gguf/constants.py of llama.cpp; how its converter fills gaps: TextModel.
 * get_vocab_base in convert_hf_to_gguf.py. */
#include "text/pretokenizers.h"
#include "raml/gguf.h"
#include "core/json.h"
#include "raml/tokenizer.h"
#include "text/added.h"
#include "text/sentencepiece.h"
#include "text/vocab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define METASPACE "\xe2\x96\x81" /* U+2581 */

enum { PAD_BYTES = 24 };

/* -- Reading ------------------------------------------------------------------------------------------------------- */
static enum raml_code read_strings(const struct raml_gguf *g, const char *key, struct raml_str **out, size_t *n,
                                   struct raml_err *err)
{
    const struct raml_gguf_value *v = NULL;
    struct raml_gguf_string s;
    enum raml_code rc = raml_gguf_array(g, key, &v, err);
    if (rc) return rc;
    *out = calloc(v->n + 1, sizeof **out);
    if (!*out) return raml_fail(err, RAML_ENOMEM, "%s: no memory for %zu texts", raml_gguf_path(g), v->n);
    for (size_t i = 0; i < v->n && !rc; i++) {
        rc = raml_gguf_element_string(v, i, &s, err);
        if (rc) return raml_wrap(err, rc, "%s", raml_gguf_path(g));
        (*out)[i] = (struct raml_str){s.bytes, s.n};
    }
    *n = v->n;
    return rc;
}

static enum raml_code read_types(const struct raml_gguf *g, size_t n, int32_t **out, struct raml_err *err)
{
    static const char key[] = "tokenizer.ggml.token_type";
    const struct raml_gguf_value *v = NULL;
    enum raml_code rc = RAML_OK;
    int64_t x = 0;
    *out = NULL;
    if (!raml_gguf_value_find(g, key)) return RAML_OK; /* all are normal */
    rc = raml_gguf_array(g, key, &v, err);
    if (!rc && v->n != n)
        rc = raml_fail(err, RAML_ESHAPE, "%s: metadata '%s' has %zu entries, tokenizer.ggml.tokens has %zu",
                       raml_gguf_path(g), key, v->n, n);
    if (rc) return rc;
    *out = calloc(n + 1, sizeof **out);
    if (!*out) return raml_fail(err, RAML_ENOMEM, "%s: no memory for %zu tokens", raml_gguf_path(g), n);
    for (size_t i = 0; i < n; i++) {
        rc = raml_gguf_element_integer(v, i, &x, err);
        if (rc) return raml_wrap(err, rc, "%s", raml_gguf_path(g));
        (*out)[i] = x >= 0 && x <= INT32_MAX ? (int32_t)x : -1;
    }
    return RAML_OK;
}

/* tokenizer.ggml.model: "gpt2", or "llama" (*spm). */
static enum raml_code read_model(const struct raml_gguf *g, bool *spm, struct raml_err *err)
{
    struct raml_gguf_string s;
    enum raml_code rc = raml_gguf_string(g, "tokenizer.ggml.model", &s, err);
    if (rc) return rc;
    *spm = s.n == 5 && !memcmp(s.bytes, "llama", 5);
    if (*spm || (s.n == 4 && !memcmp(s.bytes, "gpt2", 4))) return RAML_OK;
    return raml_fail(err, RAML_ESUPPORT,
                     "%s: tokenizer.ggml.model is '%.*s'; this version reads 'gpt2' (byte-level BPE) and 'llama' "
                     "(SentencePiece's BPE)",
                     raml_gguf_path(g), s.n < 40 ? (int)s.n : 40, s.bytes);
}

/* Without the key a score is 0, as in llama.cpp. */
static enum raml_code read_scores(const struct raml_gguf *g, size_t n, float **out, struct raml_err *err)
{
    static const char key[] = "tokenizer.ggml.scores";
    const struct raml_gguf_value *v = NULL;
    enum raml_code rc = RAML_OK;
    *out = calloc(n + 1, sizeof **out);
    if (!*out) return raml_fail(err, RAML_ENOMEM, "%s: no memory for %zu tokens", raml_gguf_path(g), n);
    if (!raml_gguf_value_find(g, key)) return RAML_OK;
    rc = raml_gguf_array(g, key, &v, err);
    if (!rc && v->n < n)
        rc = raml_fail(err, RAML_ESHAPE, "%s: metadata '%s' has %zu entries, tokenizer.ggml.tokens has %zu",
                       raml_gguf_path(g), key, v->n, n);
    for (size_t i = 0; i < n && !rc; i++) {
        double x = 0;
        rc = raml_gguf_element_real(v, i, &x, err);
        (*out)[i] = (float)x;
    }
    return rc ? raml_wrap(err, rc, "%s", raml_gguf_path(g)) : RAML_OK;
}

static enum raml_code read_pattern(const struct raml_gguf *g, char pattern[64], struct raml_err *err)
{
    struct raml_gguf_string s;
    snprintf(pattern, 64, "default"); /* as llama.cpp reads files from before there was the key */
    if (!raml_gguf_value_find(g, "tokenizer.ggml.pre")) return RAML_OK;
    enum raml_code rc = raml_gguf_string(g, "tokenizer.ggml.pre", &s, err);
    if (!rc) snprintf(pattern, 64, "%.*s", s.n < 63 ? (int)s.n : 63, s.bytes);
    return rc;
}

enum raml_code raml_tokenizer_from_gguf(const struct raml_gguf *g, struct raml_tokenizer **out, struct raml_err *err)
{
    char pattern[64];
    struct raml_str *token = NULL, *merge = NULL;
    int32_t *type = NULL;
    struct raml_tokenizer_parts p = {.name = raml_gguf_path(g), .pattern = pattern};
    bool spm = false, prefix = true;
    float *score = NULL;
    enum raml_code rc = read_model(g, &spm, err);
    if (!rc && !spm) rc = read_pattern(g, pattern, err);
    if (!rc) rc = read_strings(g, "tokenizer.ggml.tokens", &token, &p.n_tokens, err);
    if (!rc && !spm) rc = read_strings(g, "tokenizer.ggml.merges", &merge, &p.n_merges, err);
    if (!rc) rc = read_types(g, p.n_tokens, &type, err);
    if (!rc && spm) rc = read_scores(g, p.n_tokens, &score, err);
    if (!rc && spm && raml_gguf_value_find(g, "tokenizer.ggml.add_space_prefix"))
        rc = raml_gguf_bool(g, "tokenizer.ggml.add_space_prefix", &prefix, err);
    p.score = score;
    p.space_prefix = prefix;
    p.token = token;
    p.merge = merge;
    p.type = type;
    if (!rc) rc = raml_tokenizer_from_parts(&p, out, err);
    free(token);
    free(merge);
    free(type);
    free(score);
    return rc;
}

/* -- Writing ------------------------------------------------------------------------------------------------------- */

/* The regular expressions of a pre-tokenizer, in order; RAML_PRETOKENIZERS + 1 where there are more. */
static size_t list_patterns(const json_t *pre, const char *regex[RAML_PRETOKENIZERS])
{
    const json_t *list = json_object_get(pre, "pretokenizers");
    size_t n = 0, n_steps = list ? json_array_size(list) : 1;
    for (size_t i = 0; i < n_steps; i++) {
        const json_t *step = list ? json_array_get(list, i) : pre;
        const char *type = json_string_value(json_object_get(step, "type")), *text = NULL;
        const json_t *flag = json_object_get(step, "use_regex");
        if (type && !strcmp(type, "Split"))
            text = json_string_value(json_object_get(json_object_get(step, "pattern"), "Regex"));
        else if (type && !strcmp(type, "Digits"))
            text = json_is_true(json_object_get(step, "individual_digits")) ? "\\p{N}" : "\\p{N}+";
        else if (!flag || !json_is_false(flag)) text = raml_pattern_gpt2;
        if (text && n == RAML_PRETOKENIZERS) return n + 1;
        if (text) regex[n++] = text;
    }
    return n;
}

/* tokenizer.ggml.pre of a tokenizer; NULL: none. */
static const char *name_pattern(const struct raml_tokenizer *t, const json_t *root)
{
    const char *regex[RAML_PRETOKENIZERS] = {0};
    size_t n = list_patterns(json_object_get(root, "pre_tokenizer"), regex);
    if (t->spaced) return NULL;
    if (t->n_merges == 0 && !t->nfc && !t->ignore_merges) return "gpt-2"; /* words are bytes, however they are split */
    return n <= RAML_PRETOKENIZERS ? raml_family_name(regex, n, t->nfc, t->ignore_merges) : NULL;
}

/* An added token as llama.cpp finds it in a text, before spaces are U+2581: *pool is where the next one goes. */
static struct raml_gguf_string spaced(const json_t *content, char **pool)
{
    struct raml_gguf_string s = {json_string_value(content), json_string_length(content)};
    if (!strstr(s.bytes, METASPACE)) return s;
    char *to = *pool;
    for (size_t i = 0; i < s.n; i++) {
        bool metaspace = !strncmp(s.bytes + i, METASPACE, 3);
        *to++ = metaspace ? ' ' : s.bytes[i];
        i += metaspace ? 2 : 0;
    }
    s = (struct raml_gguf_string){*pool, (size_t)(to - *pool)};
    *pool = to;
    return s;
}

/* Types of a SentencePiece vocabulary, and its user-defined tokens. spare: space for their texts. */
static void fill_spm(struct raml_gguf_vocabulary *v, const struct raml_tokenizer *t, const json_t *root, char *spare)
{
    const json_t *added = json_object_get(root, "added_tokens");
    const char *unknown = json_string_value(json_object_get(json_object_get(root, "model"), "unk_token"));
    for (int32_t i = 0; i < t->size; i++)
        if (t->piece[i].kind == RAML_PIECE_BYTE) v->type[i] = RAML_GGUF_BYTE;
    for (size_t k = 0; k < json_array_size(added); k++) {
        const json_t *a = json_array_get(added, k), *content = json_object_get(a, "content");
        size_t i = (size_t)json_integer_value(json_object_get(a, "id"));
        if (unknown && !strcmp(json_string_value(content), unknown)) v->type[i] = RAML_GGUF_UNKNOWN;
        else if (v->type[i] == RAML_GGUF_USER_DEFINED) v->token[i] = spaced(content, &spare);
    }
}

/* Texts and types by id. pads: space for size names of PAD_BYTES. */
static void fill_tokens(struct raml_gguf_vocabulary *v, const json_t *root, size_t size, char *pads)
{
    const char *text;
    json_t *id, *vocab = json_object_get(json_object_get(root, "model"), "vocab");
    const json_t *added = json_object_get(root, "added_tokens");
    json_object_foreach (vocab, text, id) {
        size_t i = (size_t)json_integer_value(id);
        v->token[i] = (struct raml_gguf_string){text, strlen(text)};
        v->type[i] = RAML_GGUF_NORMAL;
    }
    for (size_t k = 0; k < json_array_size(added); k++) {
        const json_t *a = json_array_get(added, k), *content = json_object_get(a, "content");
        size_t i = (size_t)json_integer_value(json_object_get(a, "id"));
        v->token[i] = (struct raml_gguf_string){json_string_value(content), json_string_length(content)};
        v->type[i] = json_is_true(json_object_get(a, "special")) ? RAML_GGUF_CONTROL : RAML_GGUF_USER_DEFINED;
    }
    for (size_t i = 0; i < size; i++) {
        if (v->type[i]) continue;
        int n = snprintf(pads + i * PAD_BYTES, PAD_BYTES, "[PAD%zu]", i);
        v->token[i] = (struct raml_gguf_string){pads + i * PAD_BYTES, (size_t)n};
        v->type[i] = RAML_GGUF_UNUSED;
    }
}

/* "left right" by rank. In a file they are either that or ["left", "right"]. */
static void fill_merges(struct raml_gguf_vocabulary *v, const json_t *merges, char *scratch)
{
    for (size_t i = 0; i < json_array_size(merges); i++) {
        const json_t *m = json_array_get(merges, i), *left = json_array_get(m, 0), *right = json_array_get(m, 1);
        if (json_is_string(m)) {
            v->merge[i] = (struct raml_gguf_string){json_string_value(m), json_string_length(m)};
            continue;
        }
        size_t a = json_string_length(left), b = json_string_length(right);
        v->merge[i] = (struct raml_gguf_string){scratch, a + 1 + b};
        memcpy(scratch, json_string_value(left), a);
        scratch[a] = ' ';
        memcpy(scratch + a + 1, json_string_value(right), b);
        scratch += a + 1 + b;
    }
}

static size_t joined_bytes(const json_t *merges)
{
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(merges); i++) {
        const json_t *m = json_array_get(merges, i);
        if (json_is_array(m))
            n += json_string_length(json_array_get(m, 0)) + json_string_length(json_array_get(m, 1)) + 1;
    }
    return n;
}

static void add(struct raml_gguf_vocabulary *v, const char *key, enum raml_gguf_type type, const void *data)
{
    v->entry[v->n++] = (struct raml_gguf_entry){key, type, type, 1, data};
}

static void add_array(struct raml_gguf_vocabulary *v, const char *key, enum raml_gguf_type element, const void *data,
                      size_t n)
{
    v->entry[v->n++] = (struct raml_gguf_entry){key, RAML_GGUF_ARRAY, element, n, data};
}

static void add_entries(struct raml_gguf_vocabulary *v, const char *pattern, size_t size, size_t n_merges)
{
    const char *model = v->score ? "llama" : "gpt2";
    v->one[0] = (struct raml_gguf_string){model, strlen(model)};
    v->one[1] = (struct raml_gguf_string){pattern, strlen(pattern)};
    add(v, "tokenizer.ggml.model", RAML_GGUF_STRING, &v->one[0]);
    add(v, "tokenizer.ggml.pre", RAML_GGUF_STRING, &v->one[1]);
    add_array(v, "tokenizer.ggml.tokens", RAML_GGUF_STRING, v->token, size);
    add_array(v, "tokenizer.ggml.token_type", RAML_GGUF_I32, v->type, size);
    if (!v->score) {
        add_array(v, "tokenizer.ggml.merges", RAML_GGUF_STRING, v->merge, n_merges);
        return;
    }
    add_array(v, "tokenizer.ggml.scores", RAML_GGUF_F32, v->score, size);
    add(v, "tokenizer.ggml.add_space_prefix", RAML_GGUF_BOOL, &v->space_prefix);
}

/* What GGUF's model "llama" needs of a tokenizer with byte_fallback. */
static enum raml_code fill_scores(struct raml_gguf_vocabulary *v, const struct raml_tokenizer *t, size_t size,
                                  const char *name, struct raml_err *err)
{
    if (t->split_spaces)
        return raml_fail(err, RAML_ESUPPORT,
                         "%s: field 'pre_tokenizer.split' is true; GGUF's model 'llama' merges across spaces", name);
    v->space_prefix = t->prefix != RAML_PREFIX_NEVER;
    v->score = malloc((size + 1) * sizeof *v->score);
    if (!v->score) return raml_fail(err, RAML_ENOMEM, "%s: no memory for %zu tokens", name, size);
    for (size_t i = 0; i < size; i++)
        v->score[i] = i < (size_t)t->size && t->piece[i].kind == RAML_PIECE_BYTE ? 0 : -1000;
    return raml_spm_scores(t, v->score, size, name, err);
}

static void add_config(struct raml_gguf_vocabulary *v, const struct raml_tokenizer *t,
                       const struct raml_tokenizer_config *c)
{
    int32_t bos = c && c->bos ? raml_tokenizer_id(t, c->bos) : -1,
            eos = c && c->eos ? raml_tokenizer_id(t, c->eos) : -1;
    v->bos = (uint32_t)bos;
    v->eos = (uint32_t)eos;
    v->add_bos = c && c->add_bos >= 0 ? c->add_bos : raml_tokenizer_begin(t) != NULL;
    if (bos >= 0) add(v, "tokenizer.ggml.bos_token_id", RAML_GGUF_U32, &v->bos);
    if (eos >= 0) add(v, "tokenizer.ggml.eos_token_id", RAML_GGUF_U32, &v->eos);
    add(v, "tokenizer.ggml.add_bos_token", RAML_GGUF_BOOL, &v->add_bos);
    static const char *const special[][2] = {
        {"unk_token", "tokenizer.ggml.unknown_token_id"}, {"sep_token", "tokenizer.ggml.seperator_token_id"},
        {"pad_token", "tokenizer.ggml.padding_token_id"}, {"cls_token", "tokenizer.ggml.cls_token_id"},
        {"mask_token", "tokenizer.ggml.mask_token_id"},
    };
    for (size_t i = 0; c && i < sizeof special / sizeof *special; i++) {
        const char *text = json_string_value(json_object_get(c->special, special[i][0]));
        int32_t id = text ? raml_tokenizer_id(t, text) : -1;
        if (id < 0) continue;
        v->special[i] = (uint32_t)id;
        add(v, special[i][1], RAML_GGUF_U32, &v->special[i]);
    }
    if (!c || !c->chat_template) return;
    v->one[2] = (struct raml_gguf_string){c->chat_template, strlen(c->chat_template)};
    add(v, "tokenizer.chat_template", RAML_GGUF_STRING, &v->one[2]);
    if (!c->tool_template) return;
    v->one[3] = (struct raml_gguf_string){c->tool_template, strlen(c->tool_template)};
    v->one[4] = (struct raml_gguf_string){"tool_use", strlen("tool_use")};
    add_array(v, "tokenizer.chat_templates", RAML_GGUF_STRING, &v->one[4], 1);
    add(v, "tokenizer.chat_template.tool_use", RAML_GGUF_STRING, &v->one[3]);
}

static enum raml_code no_pattern(const char *name, struct raml_err *err)
{
    return raml_fail(err, RAML_ESUPPORT,
                     "%s: GGUF has no name (tokenizer.ggml.pre) for the way that this tokenizer "
                     "splits a text into words; known: those of %s",
                     name, raml_pretokenizer_names());
}

enum raml_code raml_gguf_vocabulary_init(struct raml_gguf_vocabulary *v, const struct raml_tokenizer *t,
                                         const struct raml_tokenizer_config *c, size_t size, const char *name,
                                         struct raml_err *err)
{
    *v = (struct raml_gguf_vocabulary){0};
    if ((size_t)t->size > size)
        return raml_fail(err, RAML_ESHAPE, "%s: the tokenizer has %d tokens; the model has %zu", name, (int)t->size,
                         size);
    json_t *root = NULL;
    enum raml_code rc = raml_json_parse(&(struct raml_place){name, 0}, t->text.data, t->text.len, &root, err);
    if (rc) return rc;
    v->text = root;
    raml_added_number(root);
    const json_t *merges = json_object_get(json_object_get(root, "model"), "merges");
    const char *pattern = t->byte_fallback ? "default" : name_pattern(t, root);
    size_t n = json_array_size(merges), texts = t->byte_fallback ? t->text.len : joined_bytes(merges);
    if (!pattern) rc = no_pattern(name, err);
    if (!rc && t->byte_fallback) rc = fill_scores(v, t, size, name, err);
    if (rc) goto fail;
    v->token = calloc(size + 1, sizeof *v->token);
    v->type = calloc(size + 1, sizeof *v->type);
    v->merge = calloc(n + 1, sizeof *v->merge);
    v->pool = malloc(size * PAD_BYTES + texts + 1);
    if (!v->token || !v->type || !v->merge || !v->pool) {
        rc = raml_fail(err, RAML_ENOMEM, "%s: no memory for %zu tokens", name, size);
        goto fail;
    }
    fill_tokens(v, root, size, v->pool);
    if (t->byte_fallback) fill_spm(v, t, root, v->pool + size * PAD_BYTES);
    else fill_merges(v, merges, v->pool + size * PAD_BYTES);
    add_entries(v, pattern, size, n);
    add_config(v, t, c);
    return RAML_OK;
fail:
    raml_gguf_vocabulary_deinit(v);
    return rc;
}

void raml_gguf_vocabulary_deinit(struct raml_gguf_vocabulary *v)
{
    json_decref(v->text);
    free(v->pool);
    free(v->token);
    free(v->merge);
    free(v->type);
    free(v->score);
    *v = (struct raml_gguf_vocabulary){0};
}
