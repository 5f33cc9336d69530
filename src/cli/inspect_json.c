/* inspect_json.c - a model's inspection as one JSON object. */
#include "cli/inspect.h"

#include "cli/load.h"
#include "core/json.h"

#include <string.h>

static json_t *whole(size_t n)
{
    return json_integer((json_int_t)n);
}

static json_t *text_or_null(const char *s)
{
    json_t *v = s && *s ? json_string(s) : NULL; /* NULL also if it is not UTF-8 */
    return v ? v : json_null();
}

static json_t *ends_json(const struct raml_config *c)
{
    json_t *list = json_array();
    int bad = 0;
    if (c->eos_token >= 0) bad |= json_array_append_new(list, json_integer(c->eos_token));
    for (int i = 0; i < c->n_more_eos; i++) bad |= json_array_append_new(list, json_integer(c->more_eos[i]));
    return raml_json_checked(list, bad);
}

static json_t *config_json(const struct raml_config *c)
{
    json_t *o = json_pack("{s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:f, s:f, s:b, s:b, s:b, s:s, s:i, s:i, s:o}",
                          "model_type", c->model_type, "vocab_size", c->vocab_size, "hidden_size", c->hidden_size,
                          "intermediate_size", c->intermediate_size, "num_hidden_layers", c->n_layers,
                          "num_attention_heads", c->n_heads, "num_key_value_heads", c->n_kv_heads, "head_dim",
                          c->head_dim, "max_position_embeddings", c->max_positions, "rms_norm_eps", c->rms_norm_eps,
                          "rope_theta", c->rope_theta, "tie_word_embeddings", c->tied, "qkv_bias", c->qkv_bias,
                          "qk_norm", c->qk_norm != RAML_QK_NORM_NONE, "rope", cli_inspect_rope(c->rope), "bos_token_id",
                          c->bos_token, "eos_token_id", c->eos_token, "eos_token_ids", ends_json(c));
    int windowed = raml_layers_in(&c->windowed), unturned = raml_layers_in(&c->unturned), bad = !o;
    const struct {
        const char *name;
        double value;
    } more[] = {{"sliding_window", c->window},
                {"windowed_layers", windowed},
                {"windowed_rope_theta", c->window_theta},
                {"layers_without_rope", unturned},
                {"embedding_multiplier", c->embedding_scale},
                {"attention_multiplier", c->attention_scale},
                {"residual_multiplier", c->residual_scale},
                {"logits_scaling", c->logit_divisor}};
    for (size_t i = 0; i < sizeof more / sizeof *more && !bad; i++)
        if (more[i].value > 0) bad = json_object_set_new(o, more[i].name, raml_json_number(more[i].value));
    return raml_json_checked(o, bad);
}

static json_t *tensor_json(const struct inspection *x, const struct tensor *t)
{
    const struct raml_file_tensor_values *v = &t->values;
    json_t *shape = json_array();
    int bad = 0;
    for (int k = 0; k < t->n_dims; k++) bad |= json_array_append_new(shape, whole(t->shape[k]));
    json_t *o = json_pack("{s:s, s:o, s:o, s:o}", "name", t->name, "dtype", text_or_null(t->type), "shape", shape, "n",
                          whole(t->n));
    if (t->type) bad |= json_object_set_new(o, "bytes", whole(t->bytes));
    if (t->in_file) bad |= json_object_set_new(o, "in_file", text_or_null(t->in_file));
    if (!x->checked || !o) return raml_json_checked(o, bad);
    bad |= json_object_set_new(o, "not_finite", whole(v->n_bad));
    if (v->n_bad) bad |= json_object_set_new(o, "first_not_finite", whole(v->first_bad));
    bad |= json_object_set_new(o, "min", raml_json_number(v->low));
    bad |= json_object_set_new(o, "max", raml_json_number(v->high));
    bad |= json_object_set_new(o, "rms", raml_json_number(v->rms));
    return raml_json_checked(o, bad);
}

static json_t *types_json(const struct inspection *x)
{
    struct type_total total[INSPECT_TYPES];
    size_t n = cli_inspect_totals(x, total);
    json_t *list = json_array();
    int bad = 0;
    for (size_t i = 0; i < n; i++)
        bad |= json_array_append_new(list, json_pack("{s:s, s:o, s:o, s:o}", "dtype", total[i].type, "tensors",
                                                     whole(total[i].tensors), "n", whole(total[i].elements), "bytes",
                                                     whole(total[i].bytes)));
    return raml_json_checked(list, bad);
}

/* One entry for each number of samples and length of context. */
static json_t *sampling_json(const struct memory *m)
{
    json_t *list = json_array();
    int bad = 0;
    for (size_t b = 0; b < INSPECT_SAMPLING; b++)
        for (size_t t = 0; t < m->n_contexts; t++) {
            json_t *o = json_pack("{s:o, s:o, s:o}", "batch_size", whole(m->batch[b]), "context", whole(m->context[t]),
                                  "bytes", whole(m->sampling[b][t]));
            if (m->free != SIZE_MAX) bad |= json_object_set_new(o, "fits", json_boolean(m->sampling[b][t] <= m->free));
            bad |= json_array_append_new(list, o);
        }
    return raml_json_checked(list, bad);
}

/* weights, packed, plain: for training. held: for inference. */
static json_t *memory_json(const struct inspection *x)
{
    const struct memory *m = &x->memory;
    const struct {
        const char *name;
        size_t value;
    } each[] =
        {
            {"matrix_elements", m->train.copies / (x->trained == RAML_BF16 ? 2 : 4)},
            {"weights", m->train.master},
            {"packed", m->train.copies},
            {"plain", m->train.row_major},
            {"gradients", m->gradients},
            {"moments", m->moments},
            {"rotary", m->train.rotary},
            {"scoring", m->scoring},
            {"training", m->training},
            {"held", m->read.copies + m->read.vectors + m->read.table},
            {"vectors", m->read.vectors},
            {"table", m->read.table},
            {"mapped", m->mapped},
            {"key_value_token", m->kv_token},
            {"prompt_tokens", INSPECT_PROMPTS},
            {"prompts", m->prompts},
        },
      passes[] = {
          {"tokens", x->tokens},
          {"score_activations", m->score_pass},
          {"micro_batch_tokens", x->micro_batch_tokens},
          {"train_activations", m->train_pass},
      };
    json_t *o = json_pack("{s:s, s:s, s:i, s:o}", "dtype", cli_inspect_kept(x->kept), "train_dtype",
                          cli_inspect_kept(x->trained), "threads", x->threads, "sampling", sampling_json(m));
    int bad = 0;
    for (size_t i = 0; i < sizeof each / sizeof *each; i++)
        bad |= json_object_set_new(o, each[i].name, whole(each[i].value));
    for (size_t i = 0; x->tokens && i < sizeof passes / sizeof *passes; i++)
        bad |= json_object_set_new(o, passes[i].name, whole(passes[i].value));
    if (m->free == SIZE_MAX) return raml_json_checked(o, bad);
    bad |= json_object_set_new(o, "free", whole(m->free));
    bad |= json_object_set_new(o, "scoring_fits", json_boolean(m->scoring <= m->free));
    bad |= json_object_set_new(o, "training_fits", json_boolean(m->training <= m->free));
    return raml_json_checked(o, bad);
}

struct specials {
    json_t *list;
    int bad;
};

static void add_special(int32_t id, const char *text, size_t len, void *user)
{
    json_t *value = json_stringn(text, len); /* NULL if it is not UTF-8 */
    struct specials *s = user;
    s->bad |=
        json_array_append_new(s->list, json_pack("{s:i, s:o}", "id", (int)id, "text", value ? value : json_null()));
}

static json_t *tokenizer_json(const struct inspection *x)
{
    if (!x->tokenizer) return *x->tokenizer_fault ? json_pack("{s:s}", "fault", x->tokenizer_fault) : json_null();
    struct specials s = {.list = json_array()};
    if (s.list) cli_inspect_specials(x->tokenizer, add_special, &s);
    return json_pack("{s:i, s:o, s:b, s:b}", "size", (int)raml_tokenizer_size(x->tokenizer), "special",
                     raml_json_checked(s.list, s.bad), "chat_template", x->text.chat_template != NULL,
                     "template_thinks", x->template_thinks);
}

static json_t *prompt_json(const struct inspection *x)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "template_place", text_or_null(x->text.template_place),
                     "template_fault", text_or_null(x->template_fault), "thinking", text_or_null(x->thinking), "format",
                     text_or_null(x->prompt_format), "format_fault", text_or_null(x->format_fault), "bos",
                     text_or_null(x->text.bos), "eos", text_or_null(x->text.eos));
}

enum raml_code cli_inspect_print_json(const struct inspection *x, struct raml_err *err)
{
    json_t *tensors = json_array();
    int bad = 0;
    for (size_t i = 0; i < x->n_tensors; i++) bad |= json_array_append_new(tensors, tensor_json(x, &x->tensor[i]));
    json_t *o =
        json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "model", x->source, "config", config_json(&x->config),
                  "parameters", whole(x->parameters), "tensors", tensors, "types", types_json(x), "memory_bytes",
                  memory_json(x), "tokenizer", tokenizer_json(x), "prompt", prompt_json(x));
    o = raml_json_checked(o, bad);
    return cli_print_json(o, err);
}
