/* tokenizer_config.c - see tokenizer.h. */
#include "raml/tokenizer.h"

#include "core/file.h"
#include "core/json.h"
#include "core/path.h"
#include "core/utf8.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_TEMPLATE = 1 << 20, MAX_CONFIG = 32 << 20 };

void raml_tokenizer_config_deinit(struct raml_tokenizer_config *c)
{
    free(c->chat_template);
    free(c->template_place);
    free(c->tool_template);
    json_decref(c->special);
    free(c->bos);
    free(c->eos);
    *c = (struct raml_tokenizer_config){.add_bos = -1};
}

const char *raml_tokenizer_config_begin(const struct raml_tokenizer_config *c, const struct raml_tokenizer *t)
{
    const char *text = c->add_bos == 0 ? NULL : c->add_bos == 1 && c->bos ? c->bos : raml_tokenizer_begin(t);
    return text && raml_tokenizer_id(t, text) >= 0 ? text : NULL;
}

static enum raml_code copy(char **out, const char *bytes, size_t n, const char *path, struct raml_err *err)
{
    if (memchr(bytes, 0, n)) return raml_fail(err, RAML_EFORMAT, "%s: a text contains a 0 byte", path);
    char *text = *out = malloc(n + 1);
    if (!text) return raml_fail(err, RAML_ENOMEM, "%s: no memory for a text", path);
    memcpy(text, bytes, n);
    text[n] = 0;
    return RAML_OK;
}

static enum raml_code copy_template(struct raml_tokenizer_config *c, const char *bytes, size_t n, const char *path,
                                    const char *field, struct raml_err *err)
{
    enum raml_code rc = copy(&c->chat_template, bytes, n, path, err);
    if (!rc && asprintf(&c->template_place, field ? "%s (%s)" : "%s", path, field) < 0) {
        c->template_place = NULL;
        rc = raml_fail(err, RAML_ENOMEM, "%s: no memory for a name", path);
    }
    return rc;
}

/* -- Folder -------------------------------------------------------------------------------------------------------- */

static const char *kind_of(const json_t *v)
{
    if (json_is_object(v)) return "an object";
    if (json_is_array(v)) return "an array";
    return json_is_number(v) ? "a number" : "true or false";
}

/* A text, or {"content": text}; absent or null is nothing. */
static enum raml_code read_token(const char *path, const json_t *obj, const char *field, char **out,
                                 struct raml_err *err)
{
    const json_t *v = json_object_get(obj, field);
    if (json_is_object(v)) v = json_object_get(v, "content");
    if (!v || json_is_null(v)) return RAML_OK;
    if (!json_is_string(v))
        return raml_fail(err, RAML_EFORMAT, "%s: field '%s' is %s; expected a text, or an object with field 'content'",
                         path, field, kind_of(v));
    return copy(out, json_string_value(v), json_string_length(v), path, err);
}

/* Of a list of {"name", "template"}; NULL: there is none of that name. */
static const json_t *find_named(const json_t *list, const char *want)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        const char *name = json_string_value(json_object_get(one, "name"));
        if (name && !strcmp(name, want)) return json_object_get(one, "template");
    }
    return NULL;
}

/* A text, or such a list. */
static enum raml_code read_template(const char *path, const json_t *v, struct raml_tokenizer_config *c,
                                    struct raml_err *err)
{
    if (!v || json_is_null(v)) return RAML_OK;
    const json_t *tools = find_named(v, "tool_use"), *own = find_named(v, "default");
    if (own) v = own;
    if (json_is_string(tools) && !c->tool_template) {
        enum raml_code rc = copy(&c->tool_template, json_string_value(tools), json_string_length(tools), path, err);
        if (rc) return rc;
    }
    if (json_is_array(v))
        return raml_fail(err, RAML_EFORMAT, "%s: field 'chat_template' is a list of %zu without one named \"default\"",
                         path, json_array_size(v));
    if (!json_is_string(v))
        return raml_fail(err, RAML_EFORMAT,
                         "%s: field 'chat_template' is %s; expected a text, or a list of {name, template}", path,
                         kind_of(v));
    return copy_template(c, json_string_value(v), json_string_length(v), path, "chat_template", err);
}

/* The special tokens of o by name, as texts (a list for additional_special_tokens), over those that are there. */
static enum raml_code read_special(const char *path, const json_t *o, struct raml_tokenizer_config *c,
                                   struct raml_err *err)
{
    static const char *const names[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                        "pad_token", "cls_token", "mask_token"};
    int bad = 0;
    if (!c->special) c->special = json_object();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        json_t *v = json_object_get(o, names[i]);
        if (json_is_object(v)) v = json_object_get(v, "content");
        if (json_is_string(v)) bad |= json_object_set(c->special, names[i], v);
    }
    const json_t *list = json_object_get(o, "additional_special_tokens"),
                 *more = json_object_get(o, "extra_special_tokens");
    json_t *texts = json_is_array(list) ? json_array() : NULL;
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *v = json_array_get(list, i);
        if (json_is_object(v)) v = json_object_get(v, "content");
        if (json_is_string(v)) bad |= json_array_append(texts, v);
    }
    if (texts) bad |= json_object_set_new(c->special, "additional_special_tokens", texts);
    for (void *it = json_object_iter((json_t *)more); it; it = json_object_iter_next((json_t *)more, it)) {
        json_t *v = json_object_iter_value(it); /* a model's own: {"image_token": "<image>"} */
        if (json_is_object(v)) v = json_object_get(v, "content");
        if (json_is_string(v)) bad |= json_object_set(c->special, json_object_iter_key(it), v);
    }
    return bad || !c->special ? raml_fail(err, RAML_ENOMEM, "%s: no memory for its special tokens", path) : RAML_OK;
}

/* bos_token and eos_token of o, over those that are there. */
static enum raml_code read_borders(const char *path, const json_t *o, struct raml_tokenizer_config *c,
                                   struct raml_err *err)
{
    char *bos = NULL, *eos = NULL;
    enum raml_code rc = read_token(path, o, "bos_token", &bos, err);
    if (!rc) rc = read_token(path, o, "eos_token", &eos, err);
    if (bos) free(c->bos);
    if (bos) c->bos = bos;
    if (eos) free(c->eos);
    if (eos) c->eos = eos;
    return rc ? rc : read_special(path, o, c, err);
}

/* special_tokens_map.json of the same folder, which counts where tokenizer_config.json is of the time before it listed
 * added tokens. */
static enum raml_code read_map(const char *dir, struct raml_tokenizer_config *c, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    json_t *o = NULL;
    enum raml_code rc = raml_path_join(path, dir, "special_tokens_map.json", err);
    if (rc || !raml_is_file(path)) return rc;
    rc = raml_json_load(path, MAX_CONFIG, &o, err);
    if (!rc && !json_is_object(o)) rc = raml_fail(err, RAML_EFORMAT, "%s: expected a JSON object", path);
    if (!rc) rc = read_borders(path, o, c, err);
    json_decref(o);
    return rc;
}

static enum raml_code read_json(const char *path, struct raml_tokenizer_config *c, bool *lists_added,
                                struct raml_err *err)
{
    json_t *o = NULL;
    /* transformers writes a model_max_length of 1e30 as an integer of 31 digits */
    enum raml_code rc = raml_json_load(path, MAX_CONFIG, &o, err);
    if (!rc && !json_is_object(o)) rc = raml_fail(err, RAML_EFORMAT, "%s: expected a JSON object", path);
    if (!rc) rc = read_borders(path, o, c, err);
    *lists_added = json_is_object(json_object_get(o, "added_tokens_decoder"));
    if (!rc && !c->chat_template) rc = read_template(path, json_object_get(o, "chat_template"), c, err);
    const json_t *flag = json_object_get(o, "add_bos_token");
    if (json_is_boolean(flag)) c->add_bos = json_is_true(flag);
    json_decref(o);
    return rc;
}

static enum raml_code read_folder(const char *dir, struct raml_tokenizer_config *c, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    struct raml_buf text;
    raml_buf_init(&text, MAX_TEMPLATE);
    enum raml_code rc = raml_path_join(path, dir, "chat_template.jinja", err);
    if (!rc && raml_is_file(path)) {
        rc = raml_file_read(path, &text, err);
        if (!rc) rc = copy_template(c, text.data ? text.data : "", text.len, path, NULL, err);
    }
    bool lists_added = false;
    raml_buf_clear(&text);
    if (!rc) rc = raml_path_join(path, dir, "additional_chat_templates/tool_use.jinja", err);
    if (!rc && raml_is_file(path)) {
        rc = raml_file_read(path, &text, err);
        if (!rc) rc = copy(&c->tool_template, text.data ? text.data : "", text.len, path, err);
    }
    if (!rc) rc = raml_path_join(path, dir, "tokenizer_config.json", err);
    if (!rc && raml_is_file(path)) rc = read_json(path, c, &lists_added, err);
    if (!rc && !lists_added) rc = read_map(dir, c, err);
    raml_buf_deinit(&text);
    return rc;
}

/* -- GGUF ---------------------------------------------------------------------------------------------------------- */
static enum raml_code find_token(const struct raml_gguf *g, const char *key, char **out, struct raml_err *err)
{
    const struct raml_gguf_value *v = raml_gguf_value_find(g, "tokenizer.ggml.tokens");
    struct raml_gguf_string s;
    int64_t id = -1;
    if (!v || v->element != RAML_GGUF_STRING || !raml_gguf_value_find(g, key)) return RAML_OK;
    enum raml_code rc = raml_gguf_integer(g, key, &id, err);
    if (!rc && (id < 0 || (uint64_t)id >= v->n))
        rc = raml_fail(err, RAML_ERANGE, "%s: metadata '%s' is %lld; there are %zu tokens", raml_gguf_path(g), key,
                       (long long)id, v->n);
    if (!rc) rc = raml_gguf_element_string(v, (size_t)id, &s, err);
    return rc ? rc : copy(out, s.bytes, s.n, raml_gguf_path(g), err);
}

/* The special tokens that keys name, as transformers calls them. */
static enum raml_code find_special(const struct raml_gguf *g, struct raml_tokenizer_config *c, struct raml_err *err)
{
    static const char *const names[][2] = {
        {"tokenizer.ggml.bos_token_id", "bos_token"},     {"tokenizer.ggml.eos_token_id", "eos_token"},
        {"tokenizer.ggml.unknown_token_id", "unk_token"}, {"tokenizer.ggml.seperator_token_id", "sep_token"},
        {"tokenizer.ggml.padding_token_id", "pad_token"}, {"tokenizer.ggml.cls_token_id", "cls_token"},
        {"tokenizer.ggml.mask_token_id", "mask_token"},
    };
    enum raml_code rc = RAML_OK;
    int bad = 0;
    c->special = json_object();
    for (size_t i = 0; i < sizeof names / sizeof *names && !rc; i++) {
        char *text = NULL;
        rc = find_token(g, names[i][0], &text, err);
        if (text) bad |= json_object_set_new(c->special, names[i][1], json_string(text));
        free(text);
    }
    if (!rc && (bad || !c->special))
        rc = raml_fail(err, RAML_ENOMEM, "%s: no memory for its special tokens, or they are not UTF-8",
                       raml_gguf_path(g));
    return rc;
}

/* Where a file does not say whether texts begin with a token, llama.cpp goes by the pre-tokenizer. */
static bool begins_by_name(const struct raml_gguf *g)
{
    static const char *const names[] = {"llama3",   "llama-v3", "llama-bpe", "falcon3",   "falcon-h1",   "pixtral",
                                        "midm-2.0", "lfm2",     "tekken",    "chameleon", "jina-v5-nano"};
    struct raml_gguf_string s;
    if (!raml_gguf_string(g, "tokenizer.ggml.model", &s, NULL) && s.n == 5 && !memcmp(s.bytes, "llama", 5)) return true;
    if (raml_gguf_string(g, "tokenizer.ggml.pre", &s, NULL)) return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (s.n == strlen(names[i]) && !memcmp(s.bytes, names[i], s.n)) return true;
    return false;
}

static enum raml_code read_gguf(const struct raml_gguf *g, struct raml_tokenizer_config *c, struct raml_err *err)
{
    struct raml_gguf_string s;
    bool flag = false;
    enum raml_code rc = RAML_OK;
    if (raml_gguf_value_find(g, "tokenizer.chat_template")) {
        rc = raml_gguf_string(g, "tokenizer.chat_template", &s, err);
        if (!rc) rc = copy_template(c, s.bytes, s.n, raml_gguf_path(g), "tokenizer.chat_template", err);
    }
    if (!rc && raml_gguf_value_find(g, "tokenizer.chat_template.tool_use")) {
        rc = raml_gguf_string(g, "tokenizer.chat_template.tool_use", &s, err);
        if (!rc) rc = copy(&c->tool_template, s.bytes, s.n, raml_gguf_path(g), err);
    }
    if (!rc) rc = find_token(g, "tokenizer.ggml.bos_token_id", &c->bos, err);
    if (!rc) rc = find_token(g, "tokenizer.ggml.eos_token_id", &c->eos, err);
    if (!rc) rc = find_special(g, c, err);
    if (rc) return rc;
    if (!raml_gguf_value_find(g, "tokenizer.ggml.add_bos_token")) {
        if (begins_by_name(g)) c->add_bos = 1;
        return rc;
    }
    rc = raml_gguf_bool(g, "tokenizer.ggml.add_bos_token", &flag, err);
    c->add_bos = flag;
    return rc;
}

enum raml_code raml_tokenizer_config_read(const char *path, struct raml_tokenizer_config *out, struct raml_err *err)
{
    struct raml_tokenizer_config c = {.add_bos = -1};
    struct raml_gguf *g = NULL;
    enum raml_code rc;
    if (raml_is_gguf(path)) {
        rc = raml_gguf_open(path, &g, err);
        if (!rc) rc = read_gguf(g, &c, err);
        raml_gguf_close(g);
    } else {
        rc = read_folder(path, &c, err);
    }
    if (rc) raml_tokenizer_config_deinit(&c);
    *out = c;
    return rc;
}

enum raml_code raml_tokenizer_config_write(const struct raml_tokenizer_config *c, const char *path,
                                           struct raml_err *err)
{
    const struct {
        const char *field, *text;
        /* clang-format off */
    } texts[] = {{"tokenizer_class", "PreTrainedTokenizerFast"}, {"bos_token", c->bos}, {"eos_token", c->eos},
                 {"chat_template", c->chat_template}};
    /* clang-format on */
    json_t *o = json_object();
    bool bad = !o;
    for (size_t i = 0; i < sizeof texts / sizeof *texts && !bad; i++)
        if (texts[i].text) bad = json_object_set_new(o, texts[i].field, json_string(texts[i].text)) != 0;
    if (!bad && c->tool_template && c->chat_template)
        bad = json_object_set_new(o, "chat_template",
                                  json_pack("[{s:s, s:s}, {s:s, s:s}]", "name", "default", "template", c->chat_template,
                                            "name", "tool_use", "template", c->tool_template)) != 0;
    for (void *it = json_object_iter(c->special); it && !bad; it = json_object_iter_next(c->special, it))
        bad = json_object_set(o, json_object_iter_key(it), json_object_iter_value(it)) != 0;
    if (!bad && c->add_bos >= 0) bad = json_object_set_new(o, "add_bos_token", json_boolean(c->add_bos)) != 0;
    if (!bad) bad = json_object_set_new(o, "clean_up_tokenization_spaces", json_false()) != 0;
    char *text = bad ? NULL : json_dumps(o, JSON_INDENT(2));
    json_decref(o);
    for (size_t i = 0; i < sizeof texts / sizeof *texts && !text; i++) {
        size_t n = texts[i].text ? strlen(texts[i].text) : 0;
        if (n && raml_utf8_valid((const unsigned char *)texts[i].text, n) < n)
            return raml_fail(err, RAML_EFORMAT, "%s: %s is not UTF-8", path, texts[i].field);
    }
    if (!text) return raml_fail(err, RAML_ENOMEM, "%s: no memory to write it", path);
    enum raml_code rc = raml_file_write(path, text, strlen(text), err);
    free(text);
    return rc;
}
