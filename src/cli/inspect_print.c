/* inspect_print.c - a model's inspection as text and as JSON. */
#include "cli/inspect.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *rope_name(enum raml_rope r)
{
    switch (r) {
    case RAML_ROPE_PLAIN: return "plain";
    case RAML_ROPE_LINEAR: return "linear";
    case RAML_ROPE_LLAMA3: return "llama3";
    case RAML_ROPE_YARN: return "yarn";
    }
    return "?";
}

static const char *yes(bool b)
{
    return b ? "yes" : "no";
}

static size_t scoring_bytes(const struct memory *m)
{
    return m->weights + m->packed + m->rotary + m->score_pass;
}

static size_t training_bytes(const struct memory *m)
{
    return m->weights + m->packed + m->plain + m->rotary + m->gradients + m->moments + m->train_pass;
}

static void print_config(const struct inspection *x)
{
    const struct raml_config *c = &x->config;
    printf("model       %s (%s)\n", x->source, c->model_type);
    printf("layers      %d, width %d, MLP %d\n", c->n_layers, c->hidden_size, c->intermediate_size);
    printf("heads       %d of size %d, %d of keys and values\n", c->n_heads, c->head_dim, c->n_kv_heads);
    printf("vocabulary  %d, %s head\n", c->vocab_size, c->tied ? "tied" : "untied");
    printf("context     %d tokens, rotary base %g, scaling %s", c->max_positions, c->rope_theta, rope_name(c->rope));
    if (c->rope != RAML_ROPE_PLAIN) printf(" by %g", c->rope_factor);
    printf("\nq/k norm    %s; q/k/v bias %s; norm epsilon %g\n", yes(c->qk_norm), yes(c->qkv_bias), c->rms_norm_eps);
}

static void print_tensors(const struct inspection *x)
{
    int width = 6;
    for (size_t i = 0; i < x->n_tensors; i++) {
        int n = (int)strlen(x->tensor[i].name);
        if (n > width) width = n;
    }
    printf("\n%-*s  %-5s %-16s %12s", width, "tensor", "dtype", "shape", "elements");
    if (x->checked) printf("  %11s %11s %11s", "lowest", "highest", "rms");
    printf("\n");
    for (size_t i = 0; i < x->n_tensors; i++) {
        const struct tensor *t = &x->tensor[i];
        char shape[128] = "";
        size_t n = 0;
        for (int k = 0; k < t->n_dims && n + 24 < sizeof shape; k++)
            n += (size_t)snprintf(shape + n, sizeof shape - n, "%s%zu", k ? " x " : "", t->shape[k]);
        printf("%-*s  %-5s %-16s %12zu", width, t->name, t->dtype, shape, t->n);
        if (x->checked) printf("  %11.4g %11.4g %11.4g", t->low, t->high, t->rms);
        if (t->n_bad) printf("  %zu NOT FINITE, first: element %zu", t->n_bad, t->first_bad);
        printf("\n");
    }
    printf("%-*s  %-5s %-16s %12zu\n", width, "parameters", "", "", x->parameters);
}

static void print_row(const char *what, size_t bytes, const char *how)
{
    printf("  %-12s %12.2f MB  %s\n", what, 1e-6 * (double)bytes, how);
}

static void print_memory(const struct inspection *x)
{
    const struct memory *m = &x->memory;
    const char *s = x->bf16 ? "2 M" : "4 M";
    char tokens[128];
    snprintf(tokens, sizeof tokens, "measured: %zu tokens at once, in chains of at most 256", x->tokens);
    printf("\nmemory in %s (N = %zu parameters, M = %zu in matrices, the output head counted)\n",
           x->bf16 ? "bf16" : "f32", x->parameters, x->matrix);
    print_row("weights", m->weights, "4 N");
    print_row("packed", m->packed, s);
    print_row("rotary", m->rotary, "4 context x head size");
    if (x->tokens) print_row("activations", m->score_pass, tokens);
    print_row("scoring", scoring_bytes(m), x->tokens ? "sum" : "sum, without activations");
    print_row("plain", m->plain, s);
    print_row("gradients", m->gradients, "4 N");
    print_row("moments", m->moments, "8 N (AdamW)");
    if (x->tokens) print_row("activations", m->train_pass, "the same, kept for backward");
    print_row("training", training_bytes(m), x->tokens ? "sum" : "sum, without activations");
}

/* Each special token's id and text, one call of `each` a token. */
static void for_specials(const struct raml_tokenizer *t,
                         void (*each)(int32_t id, const char *text, size_t len, void *user), void *user)
{
    const char *bytes;
    size_t len;
    for (int32_t id = 0; id < raml_tokenizer_size(t); id++)
        if (raml_tokenizer_is_special(t, id) && raml_tokenizer_piece(t, id, &bytes, &len, NULL) == RAML_OK)
            each(id, bytes, len, user);
}

static void print_special(int32_t id, const char *text, size_t len, void *user)
{
    (void)user;
    printf("  %6d  %.*s\n", (int)id, (int)len, text);
}

static void print_tokens(const struct inspection *x)
{
    const struct raml_config *c = &x->config;
    if (!x->tokenizer) {
        printf("\ntokenizer   %s\n", *x->tokenizer_fault ? x->tokenizer_fault : "none");
        return;
    }
    printf("\ntokenizer   %d ids; chat template %s%s; special tokens:\n", (int)raml_tokenizer_size(x->tokenizer),
           yes(x->chat_template > 0), x->template_thinks ? " (with <think>)" : "");
    for_specials(x->tokenizer, print_special, NULL);
    if (c->bos_token >= 0) printf("  begin of text: %d\n", c->bos_token);
    if (c->eos_token >= 0) printf("  end of text: %d\n", c->eos_token);
    if (raml_tokenizer_size(x->tokenizer) > c->vocab_size)
        printf("  the tokenizer has more ids than the model's vocabulary of %d\n", c->vocab_size);
}

void cli_inspect_print(const struct inspection *x)
{
    print_config(x);
    print_tensors(x);
    print_memory(x);
    print_tokens(x);
}

/* -- JSON ---------------------------------------------------------------------------------------------------------- */

static json_t *real(double v)
{
    return isfinite(v) ? json_real(v) : json_null();
}

static json_t *config_json(const struct raml_config *c)
{
    return json_pack("{s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:f, s:f, s:b, s:b, s:b, s:s, s:i, s:i}",
                     "model_type", c->model_type, "vocab_size", c->vocab_size, "hidden_size", c->hidden_size,
                     "intermediate_size", c->intermediate_size, "num_hidden_layers", c->n_layers, "num_attention_heads",
                     c->n_heads, "num_key_value_heads", c->n_kv_heads, "head_dim", c->head_dim,
                     "max_position_embeddings", c->max_positions, "rms_norm_eps", c->rms_norm_eps, "rope_theta",
                     c->rope_theta, "tie_word_embeddings", c->tied, "qkv_bias", c->qkv_bias, "qk_norm", c->qk_norm,
                     "rope", rope_name(c->rope), "bos_token_id", c->bos_token, "eos_token_id", c->eos_token);
}

static json_t *tensor_json(const struct inspection *x, const struct tensor *t)
{
    json_t *shape = json_array();
    for (int k = 0; k < t->n_dims; k++) json_array_append_new(shape, json_integer((json_int_t)t->shape[k]));
    json_t *o =
        json_pack("{s:s, s:s, s:o, s:I}", "name", t->name, "dtype", t->dtype, "shape", shape, "n", (json_int_t)t->n);
    if (!x->checked || !o) return o;
    json_object_set_new(o, "not_finite", json_integer((json_int_t)t->n_bad));
    if (t->n_bad) json_object_set_new(o, "first_not_finite", json_integer((json_int_t)t->first_bad));
    json_object_set_new(o, "min", real(t->low));
    json_object_set_new(o, "max", real(t->high));
    json_object_set_new(o, "rms", real(t->rms));
    return o;
}

static json_t *memory_json(const struct inspection *x)
{
    const struct memory *m = &x->memory;
    json_t *o = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "dtype", x->bf16 ? "bf16" : "f32",
                          "matrix_elements", (json_int_t)x->matrix, "weights", (json_int_t)m->weights, "packed",
                          (json_int_t)m->packed, "plain", (json_int_t)m->plain, "gradients", (json_int_t)m->gradients,
                          "moments", (json_int_t)m->moments, "rotary", (json_int_t)m->rotary, "scoring",
                          (json_int_t)scoring_bytes(m), "training", (json_int_t)training_bytes(m));
    if (!o || x->tokens == 0) return o;
    json_object_set_new(o, "tokens", json_integer((json_int_t)x->tokens));
    json_object_set_new(o, "score_activations", json_integer((json_int_t)m->score_pass));
    json_object_set_new(o, "train_activations", json_integer((json_int_t)m->train_pass));
    return o;
}

static void add_special(int32_t id, const char *text, size_t len, void *user)
{
    json_t *value = json_stringn(text, len); /* NULL where it is not UTF-8 */
    json_array_append_new(user, json_pack("{s:i, s:o}", "id", (int)id, "text", value ? value : json_null()));
}

static json_t *tokenizer_json(const struct inspection *x)
{
    if (!x->tokenizer) return *x->tokenizer_fault ? json_pack("{s:s}", "fault", x->tokenizer_fault) : json_null();
    json_t *list = json_array();
    if (list) for_specials(x->tokenizer, add_special, list);
    return json_pack("{s:i, s:o, s:b, s:b}", "size", (int)raml_tokenizer_size(x->tokenizer), "special", list,
                     "chat_template", x->chat_template > 0, "template_thinks", x->template_thinks);
}

enum raml_code cli_inspect_print_json(const struct inspection *x, struct raml_err *err)
{
    json_t *tensors = json_array();
    for (size_t i = 0; i < x->n_tensors; i++) json_array_append_new(tensors, tensor_json(x, &x->tensor[i]));
    json_t *o = json_pack("{s:s, s:o, s:I, s:o, s:o, s:o}", "model", x->source, "config", config_json(&x->config),
                          "parameters", (json_int_t)x->parameters, "tensors", tensors, "memory_bytes", memory_json(x),
                          "tokenizer", tokenizer_json(x));
    char *text = o ? json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(o);
    if (!text) return raml_fail(err, RAML_ENOMEM, "the inspection could not be written as JSON");
    puts(text);
    free(text);
    return RAML_OK;
}
