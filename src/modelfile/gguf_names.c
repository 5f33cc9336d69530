/* gguf_names.c - the tensors of a GGUF file under Hugging Face's names. See modelfile.h.
 *
 * Names: gguf-py/gguf/tensor_mapping.py of llama.cpp. Rows of llama's q and k: its converter's LlamaModel.permute. */
#include "modelfile/modelfile.h"
#include "shape/arch.h"
#include "store/blocks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *ours, *theirs;
} outer[] =
    {
        {"model.embed_tokens", "token_embd"},
        {"model.norm", "output_norm"},
        {"lm_head", "output"},
},
  inner[] =
      {
          {"input_layernorm", "attn_norm"},    {"self_attn.q_proj", "attn_q"},
          {"self_attn.k_proj", "attn_k"},      {"self_attn.v_proj", "attn_v"},
          {"self_attn.q_norm", "attn_q_norm"}, {"self_attn.k_norm", "attn_k_norm"},
          {"self_attn.o_proj", "attn_output"}, {"post_attention_layernorm", "ffn_norm"},
          {"mlp.gate_proj", "ffn_gate"},       {"mlp.up_proj", "ffn_up"},
          {"mlp.down_proj", "ffn_down"},
},
  after[] = {
      /* of models with norms after attention and MLP */
      {"post_attention_layernorm", "post_attention_norm"},
      {"pre_feedforward_layernorm", "ffn_norm"},
      {"post_feedforward_layernorm", "post_ffw_norm"},
};
#define COUNT(a) (sizeof(a) / sizeof *(a))

void raml_gguf_name(const struct raml_config *c, const char *name, char out[GGUF_NAME])
{
    static const char layers[] = "model.layers.";
    const char *dot = strrchr(name, '.'); /* before "weight" or "bias" */
    size_t n = (size_t)(dot - name);
    out[0] = 0;
    for (size_t i = 0; i < COUNT(outer); i++)
        if (n == strlen(outer[i].ours) && !memcmp(name, outer[i].ours, n))
            snprintf(out, GGUF_NAME, "%s%s", outer[i].theirs, dot);
    if (strncmp(name, layers, sizeof layers - 1) != 0) return;
    char *part = NULL;
    long layer = strtol(name + sizeof layers - 1, &part, 10);
    n = (size_t)(dot - ++part);
    for (size_t i = 0; i < COUNT(inner); i++)
        if (n == strlen(inner[i].ours) && !memcmp(part, inner[i].ours, n))
            snprintf(out, GGUF_NAME, "blk.%ld.%s%s", layer, inner[i].theirs, dot);
    for (size_t i = 0; i < COUNT(after) && c && c->norms != RAML_NORMS_BEFORE; i++)
        if (n == strlen(after[i].ours) && !memcmp(part, after[i].ours, n))
            snprintf(out, GGUF_NAME, "blk.%ld.%s%s", layer, after[i].theirs, dot);
}

size_t raml_gguf_rope_permuted(const struct raml_config *c, const char *name)
{
    const struct raml_arch *a = raml_arch_find(c->model_type);
    if (!a || !a->permuted) return 0;
    if (strstr(name, ".q_proj.")) return (size_t)c->n_heads;
    return strstr(name, ".k_proj.") ? (size_t)c->n_kv_heads : 0;
}

float raml_gguf_shift(const struct raml_config *c, const struct raml_param *p)
{
    return c->norm_plus_one && raml_param_is_norm(p) ? 1 : 0;
}

static enum raml_code take_tensor(struct raml_model_file *f, size_t i, struct raml_err *err)
{
    const struct raml_param *p = &f->param[i];
    char name[GGUF_NAME], want[64];
    raml_gguf_name(&f->config, p->name, name);
    const struct raml_gguf_tensor *t = raml_gguf_tensor_find(f->gguf, name);
    if (!t)
        return raml_fail(err, RAML_ESHAPE, "%s: tensor '%s' [%s] is missing", f->path, name,
                         raml_shape_text(p->shape, p->n_dims, want, sizeof want));
    enum raml_code rc = raml_file_tensor_check(f, p, name, t->shape, t->n_dims, err);
    if (rc) return rc;
    if (!raml_blocks_known(t->type))
        return raml_fail(err, RAML_ESUPPORT, "%s: tensor '%s' has type %s (%u); expected " RAML_BLOCKS_NAMES, f->path,
                         name, raml_ggml_type_name(t->type), (unsigned)t->type);
    struct raml_file_tensor *s = &f->tensor[i];
    *s = (struct raml_file_tensor){.in_file = t->name,
                                   .path = f->path,
                                   .type = t->type,
                                   .n_dims = p->n_dims,
                                   .shape = {p->shape[0], p->shape[1]},
                                   .n = t->n,
                                   .bytes = t->bytes,
                                   .data = t->data,
                                   .rope_permuted_heads = raml_gguf_rope_permuted(&f->config, p->name),
                                   .above = raml_gguf_shift(&f->config, p)};
    memcpy(s->name, p->name, sizeof s->name);
    return RAML_OK;
}

enum raml_code raml_gguf_tensors(struct raml_model_file *f, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    const struct raml_arch *a = raml_arch_find(f->config.model_type);
    for (size_t i = 0; i < f->n && !rc; i++) rc = take_tensor(f, i, err);
    for (size_t i = 0; i < raml_gguf_n_tensors(f->gguf) && !rc; i++) {
        const char *name = raml_gguf_tensor_at(f->gguf, i)->name;
        size_t k = 0;
        if (!strcmp(name, "rope_freqs.weight") && a && a->divisors) continue;
        while (k < f->n && strcmp(f->tensor[k].in_file, name)) k++;
        if (k == f->n)
            rc = raml_fail(err, RAML_ESHAPE, "%s: tensor '%s' belongs to no part of a %s model", f->path, name,
                           f->config.model_type);
    }
    return rc;
}
