/* chat.c - see chat.h. */
#include "raml/chat.h"

#include "core/ascii.h"
#include "jinja/run.h"
#include "core/file.h"
#include "core/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_TEMPLATE_BYTES = 1 << 20,
    MAX_PARSE_BYTES = 1 << 28,
    MAX_RENDER_BYTES = 1 << 28,
    MAX_PROMPT_BYTES = 1 << 26
};

struct raml_chat_template {
    char *name, *bos, *eos;
    json_t *special;                  /* further tokens by name; NULL: none */
    struct raml_chat_template *tools; /* for prompts with tools; NULL: this one */
    bool thinks;
    struct raml_arena *arena; /* tokens and tree */
    struct raml_jnodes body;
};

static bool is_utf8(const char *s, size_t n)
{
    return raml_utf8_valid((const unsigned char *)s, n) == n;
}

static enum raml_code parse(struct raml_chat_template *t, const char *text, size_t n, struct raml_err *err)
{
    size_t ok = raml_utf8_valid((const unsigned char *)text, n), line = 1;
    for (size_t i = 0; i < ok; i++) line += text[i] == '\n';
    if (ok < n)
        return raml_fail(err, RAML_EFORMAT, "%s:%zu: byte %zu is not UTF-8; expected a template's text", t->name, line,
                         ok);
    if (memchr(text, 0, n))
        return raml_fail(err, RAML_EFORMAT, "%s: contains a 0 byte; expected a template's text", t->name);
    t->thinks = memmem(text, n, "<think>", strlen("<think>")) != NULL;
    struct raml_jinja in = {.arena = t->arena, .name = t->name, .err = err, .line = 1};
    t->body = raml_j_parse(&in, text, n);
    return in.code;
}

enum raml_code raml_chat_template_open(const char *name, const char *text, size_t n, const char *bos, const char *eos,
                                       struct raml_chat_template **out, struct raml_err *err)
{
    if (n > MAX_TEMPLATE_BYTES)
        return raml_fail(err, RAML_ERANGE, "%s: %zu bytes; a template has at most %d", name, n, MAX_TEMPLATE_BYTES);
    struct raml_chat_template *t = calloc(1, sizeof *t);
    enum raml_code rc = RAML_OK;
    if (t) {
        t->name = strdup(name);
        t->bos = strdup(bos ? bos : "");
        t->eos = strdup(eos ? eos : "");
        t->arena = raml_arena_open(MAX_PARSE_BYTES);
    }
    if (!t || !t->name || !t->bos || !t->eos || !t->arena)
        rc = raml_fail(err, RAML_ENOMEM, "%s: no memory for a template", name);
    if (!rc && (!is_utf8(t->bos, strlen(t->bos)) || !is_utf8(t->eos, strlen(t->eos))))
        rc = raml_fail(err, RAML_EFORMAT, "%s: bos_token or eos_token is not UTF-8", name);
    if (!rc) rc = parse(t, text, n, err);
    if (rc) raml_chat_template_close(t);
    else *out = t;
    return rc;
}

enum raml_code raml_chat_template_add(struct raml_chat_template *t, const json_t *special, const char *text,
                                      struct raml_err *err)
{
    json_decref(t->special);
    t->special = json_incref((json_t *)special);
    if (!text) return RAML_OK;
    char *name = NULL;
    struct raml_chat_template *tools = NULL;
    if (asprintf(&name, "%s, tool_use", t->name) < 0)
        return raml_fail(err, RAML_ENOMEM, "%s: no memory for a name", t->name);
    enum raml_code rc = raml_chat_template_open(name, text, strlen(text), t->bos, t->eos, &tools, err);
    free(name);
    if (rc) return rc;
    tools->special = json_incref(t->special);
    raml_chat_template_close(t->tools);
    t->tools = tools;
    return RAML_OK;
}

enum raml_code raml_chat_template_open_file(const char *path, const char *bos, const char *eos,
                                            struct raml_chat_template **out, struct raml_err *err)
{
    struct raml_buf text;
    raml_buf_init(&text, MAX_TEMPLATE_BYTES);
    enum raml_code rc = raml_file_read(path, &text, err);
    const char *other = !rc && text.len ? raml_file_no_text(text.data, text.len) : NULL;
    if (other) rc = raml_fail(err, RAML_EFORMAT, "%s: %s", path, other);
    if (!rc) rc = raml_chat_template_open(path, text.data ? text.data : "", text.len, bos, eos, out, err);
    raml_buf_deinit(&text);
    return rc;
}

void raml_chat_template_close(struct raml_chat_template *t)
{
    if (!t) return;
    raml_chat_template_close(t->tools);
    json_decref(t->special);
    raml_arena_close(t->arena);
    free(t->name);
    free(t->bos);
    free(t->eos);
    free(t);
}

bool raml_chat_template_thinks(const struct raml_chat_template *t)
{
    return t->thinks;
}

const char *raml_chat_template_bos(const struct raml_chat_template *t)
{
    return t->bos;
}

const char *raml_chat_template_eos(const struct raml_chat_template *t)
{
    return t->eos;
}

/* ---- rendering ---- */

struct raml_chat_input raml_chat_input_default(const json_t *messages, bool add_generation_prompt)
{
    return (struct raml_chat_input){.messages = messages, .add_generation_prompt = add_generation_prompt};
}

static void set_text(struct raml_jinja *in, const char *name, const char *text)
{
    if (!text) return;
    if (!is_utf8(text, strlen(text))) raml_j_fail(in, RAML_EFORMAT, "%s is not UTF-8", name);
    raml_j_set(in, in->scope, name, raml_j_str(in, text, strlen(text), RAML_J_FRAME));
}

static void set_variables(struct raml_jinja *in, const struct raml_chat_template *t,
                          const struct raml_chat_input *input)
{
    const json_t *kwargs = input->kwargs;
    struct raml_jv tools =
        json_is_array(input->tools) ? raml_j_from_json(in, input->tools, RAML_J_FRAME) : raml_j_none();
    raml_j_set(in, in->scope, "messages", raml_j_from_messages(in, input->messages));
    raml_j_set(in, in->scope, "tools", tools);
    raml_j_set(in, in->scope, "documents", raml_j_none());
    raml_j_set(in, in->scope, "add_generation_prompt", raml_j_bool(input->add_generation_prompt));
    for (void *it = json_object_iter(t->special); it && !in->code; it = json_object_iter_next(t->special, it))
        raml_j_set(in, in->scope, json_object_iter_key(it),
                   raml_j_from_json(in, json_object_iter_value(it), RAML_J_FRAME));
    set_text(in, "bos_token", input->bos_token ? input->bos_token : t->bos);
    set_text(in, "eos_token", input->eos_token ? input->eos_token : t->eos);
    set_text(in, "date_string", input->date_string);
    if (input->thinking)
        raml_j_set(in, in->scope, "enable_thinking", raml_j_bool(input->thinking == RAML_CHAT_THINKING_ON));
    for (void *it = kwargs ? json_object_iter((json_t *)kwargs) : NULL; it && !in->code;
         it = json_object_iter_next((json_t *)kwargs, it))
        raml_j_set(in, in->scope, json_object_iter_key(it),
                   raml_j_from_json(in, json_object_iter_value(it), RAML_J_FRAME));
    const json_t *date = json_object_get(kwargs, "date_string");
    in->date = json_is_string(date) ? json_string_value(date) : input->date_string;
}

static enum raml_code take(const struct raml_jout *o, struct raml_chat_prompt *out, struct raml_err *err)
{
    raml_buf_init(&out->text, MAX_PROMPT_BYTES);
    raml_buf_add(&out->text, o->s, o->n);
    enum raml_code rc = raml_buf_status(&out->text, err);
    if (rc || !o->n_provenance) return rc;
    out->span = malloc(o->n_provenance * sizeof *out->span);
    if (!out->span) return raml_fail(err, RAML_ENOMEM, "no memory for %zu spans", o->n_provenance);
    for (size_t i = 0; i < o->n_provenance; i++)
        out->span[i] = (struct raml_chat_span){o->provenance[i].start, o->provenance[i].end, o->provenance[i].message};
    out->n_spans = o->n_provenance;
    return RAML_OK;
}

static enum raml_code render(const struct raml_chat_template *t, const struct raml_chat_input *input,
                             struct raml_chat_prompt *out, struct raml_err *err)
{
    if (t->tools && json_is_array(input->tools)) t = t->tools;
    struct raml_jout o;
    struct raml_jinja in = {.name = t->name, .err = err, .line = 1, .out = &o};
    in.arena = raml_arena_open(MAX_RENDER_BYTES);
    if (!in.arena) return raml_fail(err, RAML_ENOMEM, "%s: no memory", t->name);
    raml_jout_init(&o, &in);
    o.max = MAX_PROMPT_BYTES;
    in.scope = raml_j_new_scope(&in, NULL);
    set_variables(&in, t, input);
    in.scope = raml_j_new_scope(&in, in.scope);
    raml_j_exec(&in, &t->body);
    enum raml_code rc = in.code ? in.code : take(&o, out, err);
    raml_arena_close(in.arena);
    return rc;
}

/* Where text with the generation prompt departs from text without it, moved back so that no tag is split. */
static size_t generation_start(const struct raml_chat_template *t, const struct raml_chat_input *input,
                               const struct raml_chat_prompt *with)
{
    struct raml_chat_prompt without = {0};
    struct raml_chat_input plain = *input;
    const char *a = with->text.data;
    size_t last = with->n_spans ? with->span[with->n_spans - 1].end : 0, at = last, n = with->text.len;
    plain.add_generation_prompt = false;
    if (render(t, &plain, &without, NULL) == RAML_OK) {
        const char *b = without.text.data;
        size_t common = 0, m = without.text.len;
        while (common < n && common < m && a[common] == b[common]) common++;
        if (common < n && common > last) {
            at = common;
            for (size_t i = common; i > last && common - i < 32; i--)
                if (a[i - 1] == '>' || a[i - 1] == '\n') break;
                else if (a[i - 1] == '<') at = i - 1;
        }
    }
    raml_chat_prompt_deinit(&without);
    return at;
}

/* The text of the last message, as transformers takes it: content or, in a list of parts, the last one that is text. */
static const char *final_text(const json_t *messages)
{
    const json_t *content = json_object_get(json_array_get(messages, json_array_size(messages) - 1), "content");
    const char *text = json_string_value(content);
    for (size_t i = json_array_size(content); !text && i-- > 0;)
        text = json_string_value(json_object_get(json_array_get(content, i), "text"));
    return text;
}

/* Truncates the prompt after the last occurrence of the last message's text; whitespace at its end stays if the
 * template kept it. */
static enum raml_code truncate_after_final(const struct raml_chat_input *input, struct raml_chat_prompt *p,
                                           const char *name, struct raml_err *err)
{
    const char *text = final_text(input->messages);
    if (input->add_generation_prompt)
        return raml_fail(err, RAML_EUSAGE,
                         "continue_final_message and add_generation_prompt exclude each other: one "
                         "continues the last message, the other begins a new one");
    if (!text)
        return raml_fail(err, RAML_EFORMAT, "continue_final_message: the last message has no text as its content");
    size_t n = strlen(text), m, at = 0;
    while (n && is_space(*text)) text++, n--;
    for (m = n; m && is_space(text[m - 1]);) m--;
    for (const char *s = p->text.data, *q = s; q && m;) {
        q = memmem(q, p->text.len - (size_t)(q - s), text, m);
        if (q) at = (size_t)(q++ - s) + 1;
    }
    if (!at)
        return raml_fail(err, RAML_ERANGE,
                         "%s: continue_final_message: the last message's text is not in the prompt, so "
                         "it is unclear where to continue",
                         name);
    size_t end = at - 1 + m;
    if (p->text.len - (at - 1) >= n && !memcmp(p->text.data + at - 1, text, n)) end = at - 1 + n;
    p->text.len = end;
    p->text.data[end] = 0;
    while (p->n_spans && p->span[p->n_spans - 1].start >= end) p->n_spans--;
    if (p->n_spans && p->span[p->n_spans - 1].end > end) p->span[p->n_spans - 1].end = end;
    return RAML_OK;
}

enum raml_code raml_chat_render(const struct raml_chat_template *t, const struct raml_chat_input *input,
                                struct raml_chat_prompt *out, struct raml_err *err)
{
    *out = (struct raml_chat_prompt){0};
    size_t n = json_array_size(input->messages);
    if (!json_is_array(input->messages)) return raml_fail(err, RAML_EFORMAT, "messages: expected an array");
    for (size_t i = 0; i < n; i++)
        if (!json_is_object(json_array_get(input->messages, i)))
            return raml_fail(err, RAML_EFORMAT, "message %zu of %zu: expected an object {\"role\", \"content\"}", i + 1,
                             n);
    if (input->kwargs && !json_is_object(input->kwargs))
        return raml_fail(err, RAML_EFORMAT, "kwargs: expected an object");
    if (input->tools && !json_is_array(input->tools) && !json_is_null(input->tools))
        return raml_fail(err, RAML_EFORMAT, "tools: expected an array");
    struct raml_chat_prompt p = {0};
    enum raml_code rc = render(t, input, &p, err);
    if (!rc && input->continue_final_message) rc = truncate_after_final(input, &p, t->name, err);
    if (rc) {
        raml_chat_prompt_deinit(&p);
        return rc;
    }
    p.generation = input->add_generation_prompt ? generation_start(t, input, &p) : p.text.len;
    *out = p;
    return RAML_OK;
}

void raml_chat_prompt_deinit(struct raml_chat_prompt *p)
{
    raml_buf_deinit(&p->text);
    free(p->span);
    *p = (struct raml_chat_prompt){0};
}

/* The end of the last `what` in s[0 .. n); 0: there is none. */
static size_t after_last(const char *s, size_t n, const char *what)
{
    size_t len = strlen(what), found = 0;
    for (const char *p = s; (p = memmem(p, n - (size_t)(p - s), what, len)); p += len) found = (size_t)(p - s) + len;
    return found;
}

enum raml_chat_think raml_chat_prompt_think(const struct raml_chat_prompt *p)
{
    size_t n = p->text.len - p->generation;
    if (!n) return RAML_CHAT_THINK_NONE;
    const char *s = p->text.data + p->generation;
    size_t opened = after_last(s, n, "<think>"), closed = after_last(s, n, "</think>");
    if (closed > opened) return RAML_CHAT_THINK_CLOSED;
    return opened ? RAML_CHAT_THINK_OPEN : RAML_CHAT_THINK_NONE;
}
