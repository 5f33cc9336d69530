/* inspect_memory.c - how much memory a model will take, from its shape, and its file's types where those are kept. */
#include "cli/inspect.h"

#include "cli/load.h"
#include "raml/sample.h"

#include <string.h>

static size_t sum_of(const struct raml_model_size *z)
{
    return z->master + z->copies + z->row_major + z->table + z->vectors + z->rotary;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* 512, 2048, 8192, up to the model's own context. */
static size_t choose_contexts(size_t context[INSPECT_SAMPLING], size_t most)
{
    static const size_t want[INSPECT_SAMPLING - 1] = {512, 2048, 8192};
    size_t n = 0;
    for (size_t i = 0; i < INSPECT_SAMPLING - 1; i++)
        if (want[i] < most) context[n++] = want[i];
    context[n++] = most;
    return n;
}

static void sampling(struct inspection *x, enum raml_dtype dtype, const struct raml_device *dev)
{
    static const size_t batch[INSPECT_SAMPLING] = {1, 8, 32, 64};
    struct memory *m = &x->memory;
    struct raml_sample_options o = raml_sample_default();
    size_t held = sum_of(&m->read);
    o.top_p = 0.95; /* the dearest way to choose */
    m->n_contexts = choose_contexts(m->context, (size_t)x->config.max_positions);
    for (size_t b = 0; b < INSPECT_SAMPLING; b++) {
        m->batch[b] = batch[b];
        for (size_t t = 0; t < m->n_contexts; t++) {
            o.batch_size = batch[b];
            m->sampling[b][t] = held + raml_sample_estimate(&x->config, dtype, dev, &o, m->context[t]);
        }
    }
    m->prompts = raml_sample_prompt_bytes(&x->config, dtype, dev, INSPECT_PROMPTS);
    m->kv_token = raml_sample_token_bytes(&x->config, dtype, dev);
}

void cli_inspect_types(struct inspection *x, const char *dtype, const struct raml_device *dev)
{
    bool has_bf16 = raml_device_has_bf16(dev), all_bf16 = x->file != NULL;
    for (size_t i = 0; i < x->n_tensors; i++)
        if (x->tensor[i].n_dims == 2 && (!x->tensor[i].type || strcmp(x->tensor[i].type, "BF16"))) all_bf16 = false;
    x->kept = cli_load_kept(dev, dtype, x->file);
    if (x->kept == RAML_STORED && all_bf16 && has_bf16) x->kept = RAML_BF16; /* as raml_model_load allocates it */
    x->trained = has_bf16 && strcmp(dtype, "f32") ? RAML_BF16 : RAML_F32;
}

/* Bytes of the matrices as the file has them; the first is the embedding, which is also the head if that is tied. */
static size_t stored_bytes(const struct inspection *x)
{
    size_t n = 0;
    for (size_t i = x->config.tied ? 0 : 1; i < x->n_tensors; i++)
        if (x->tensor[i].n_dims == 2)
            n += x->file ? raml_file_tensor_kept_bytes(raml_model_file_at(x->file, i)) : x->tensor[i].bytes;
    return n;
}

void cli_inspect_memory(struct inspection *x, const struct raml_device *dev)
{
    const struct raml_config *c = &x->config;
    struct memory *m = &x->memory;
    size_t most = (size_t)c->max_positions;
    x->parameters = raml_config_params(c);
    x->threads = raml_device_threads(dev);
    m->read = raml_model_estimate_parts(c, x->kept, RAML_INFERENCE, x->random_init);
    if (x->kept == RAML_STORED) m->read.copies = stored_bytes(x);
    m->train = raml_model_estimate_parts(c, x->trained, RAML_TRAINING, x->random_init);
    if (x->file && x->n_tensors) m->mapped = x->tensor[0].bytes; /* the embedding is the first */
    m->gradients = 4 * x->parameters; /* and the embedding separately, if it is also the head */
    if (c->tied) m->gradients += 4 * (size_t)c->vocab_size * (size_t)c->hidden_size;
    m->moments = 8 * x->parameters;
    if (x->tokens) {
        m->score_pass = raml_pass_estimate(c, x->kept, dev, false, x->tokens, least(x->tokens, most));
        m->train_pass =
            raml_pass_estimate(c, x->trained, dev, true, x->micro_batch_tokens, least(x->micro_batch_tokens, most));
    }
    m->scoring = sum_of(&m->read) + m->score_pass;
    m->training = sum_of(&m->train) + m->gradients + m->moments + m->train_pass;
    sampling(x, x->kept, dev);
    m->free = raml_device_free_memory();
}
