/* gguf_ends.c - see gguf_ends.h. */
#include "modelfile/gguf_ends.h"

#include <string.h>

enum { MAX_ID = 1 << 30 };

/* Texts of tokens that end a text: eot and eom, then those of the fim kind, of which llama.cpp looks for one each. */
static const char *const ends[] = {
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<|flush|>",
    "<|calls|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "</s>",
    "<|eom_id|>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "[EOS]",
    "<|end_of_text|>",
    "<end_of_utterance>",
    "<eos>",
    "<turn|>",
    "<|tool_response>",
    "<\357\275\234end\342\226\201of\342\226\201sentence\357\275\234>", /* DeepSeek's */
    "[e~[",
};
static const struct {
    const char *key, *text[5];
} fim[] = {
    {"tokenizer.ggml.fim_pad_token_id", {"<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]"}},
    {"tokenizer.ggml.fim_rep_token_id", {"<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>"}},
    {"tokenizer.ggml.fim_sep_token_id", {"<|file_sep|>"}},
};
enum { N_ENDS = sizeof ends / sizeof *ends, N_FIM = sizeof fim / sizeof *fim };

static bool is_text(const struct raml_gguf_string *s, const char *text)
{
    return text && s->n == strlen(text) && !memcmp(s->bytes, text, s->n);
}

struct found {
    bool has_return, has_call, has_flush, has_tool_response;
    int end, s; /* ids of <|end|> and </s>; -1: none */
    int fim[N_FIM];
};

static void look_at(const struct raml_gguf_string *s, int id, struct found *f)
{
    f->has_return |= is_text(s, "<|return|>");
    f->has_call |= is_text(s, "<|call|>") || is_text(s, "<|calls|>");
    f->has_flush |= is_text(s, "<|flush|>");
    f->has_tool_response |= is_text(s, "<|tool_response>");
    if (is_text(s, "<|end|>")) f->end = id;
    if (is_text(s, "</s>")) f->s = id;
    for (size_t k = 0; k < N_FIM; k++)
        for (size_t j = 0; j < sizeof fim[k].text / sizeof *fim[k].text && f->fim[k] < 0; j++)
            if (is_text(s, fim[k].text[j])) f->fim[k] = id;
}

/* Texts of ends begin with one of < _ [: the others, nearly all, are not compared. */
static bool may_end(const struct raml_gguf_string *s)
{
    return s->n >= 3 && s->n <= 32 && (s->bytes[0] == '<' || s->bytes[0] == '_' || s->bytes[0] == '[');
}

/* <|end|> closes a part of a message where <|return|> and <|call|>, or <|call|> and <|flush|>, end texts; </s> is no end
 * beside <|tool_response>. */
static bool is_exempt(const struct found *f, int id)
{
    return (id == f->end && f->has_call && (f->has_return || f->has_flush)) || (id == f->s && f->has_tool_response);
}

bool raml_gguf_ends_by_rule(const struct raml_gguf_ends_source *s, struct raml_config *c)
{
    static const char *const keys[] = {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id",
                                       "tokenizer.ggml.eom_token_id"};
    struct found f = {.end = -1, .s = -1, .fim = {-1, -1, -1}};
    struct raml_gguf_string text;
    bool room = true;
    for (size_t i = 0; i < s->n_tokens; i++)
        if (s->token(s->user, i, &text) && may_end(&text)) look_at(&text, (int)i, &f);
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
        int id = s->id(s->user, keys[k]);
        if (!is_exempt(&f, id)) room &= raml_config_add_eos(c, id);
    }
    for (size_t i = 0; i < s->n_tokens; i++) {
        if (!s->token(s->user, i, &text) || !may_end(&text) || is_exempt(&f, (int)i)) continue;
        for (size_t k = 0; k < N_ENDS; k++)
            if (is_text(&text, ends[k])) room &= raml_config_add_eos(c, (int)i);
    }
    for (size_t k = 0; k < N_FIM; k++) {
        int id = s->id(s->user, fim[k].key);
        if (id < 0) id = f.fim[k];
        if (!is_exempt(&f, id)) room &= raml_config_add_eos(c, id);
    }
    return room;
}

struct reading {
    const struct raml_gguf *g;
    const struct raml_gguf_value *tokens;
    struct raml_err *err;
    enum raml_code rc;
};

static int read_id(void *user, const char *key)
{
    struct reading *r = user;
    int64_t v = -1;
    if (!r->rc && raml_gguf_value_find(r->g, key)) r->rc = raml_gguf_integer(r->g, key, &v, r->err);
    return v >= 0 && v < MAX_ID ? (int)v : -1;
}

static bool read_token(void *user, size_t i, struct raml_gguf_string *out)
{
    struct reading *r = user;
    return raml_gguf_element_string(r->tokens, i, out, NULL) == RAML_OK;
}

static enum raml_code too_many(const struct raml_gguf *g, struct raml_err *err)
{
    return raml_fail(err, RAML_ERANGE, "%s: more than %d tokens end a text", raml_gguf_path(g), RAML_MAX_EOS);
}

enum raml_code raml_gguf_ends(const struct raml_gguf *g, struct raml_config *c, struct raml_err *err)
{
    const struct raml_gguf_value *all = NULL, *tokens = raml_gguf_value_find(g, "tokenizer.ggml.tokens");
    c->eos_token = -1;
    c->n_more_eos = 0;
    if (raml_gguf_value_find(g, RAML_GGUF_END_IDS)) {
        enum raml_code rc = raml_gguf_array(g, RAML_GGUF_END_IDS, &all, err);
        for (size_t i = 0; !rc && i < all->n; i++) {
            int64_t id = -1;
            rc = raml_gguf_element_integer(all, i, &id, err);
            if (rc) return raml_wrap(err, rc, "%s", raml_gguf_path(g));
            if (!raml_config_add_eos(c, id >= 0 && id < MAX_ID ? (int)id : -1)) return too_many(g, err);
        }
        return rc;
    }
    struct reading r = {.g = g, .tokens = tokens, .err = err};
    bool texts = tokens && tokens->type == RAML_GGUF_ARRAY && tokens->element == RAML_GGUF_STRING;
    const struct raml_gguf_ends_source s = {&r, read_id, read_token, texts ? tokens->n : 0};
    bool room = raml_gguf_ends_by_rule(&s, c);
    if (r.rc) return r.rc;
    return room ? RAML_OK : too_many(g, err);
}
