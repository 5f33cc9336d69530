/* preset.c - shapes by name, and what differs from them. See raml/config.h. */
#include "shape/arch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME = 32, FIELD = 64 };

/* The last two are the shapes of Qwen2.5 (their config.json on the hub). */
static enum raml_code find(const char *name, struct raml_config *out, struct raml_err *err)
{
    static const struct {
        const char *name, *type;
        int vocab, d, ffn, layers, heads, kv, positions;
        double eps, theta;
    } table[] = {
        {"micro", "llama", 512, 128, 352, 4, 4, 2, 4096, 1e-5, 1e4},
        {"small", "llama", 512, 256, 704, 6, 8, 4, 4096, 1e-5, 1e4},
        {"medium", "llama", 4096, 512, 1408, 8, 8, 4, 4096, 1e-5, 1e4},
        {"gpt2", "llama", 50257, 768, 2048, 12, 12, 12, 4096, 1e-5, 1e4},
        {"qwen2.5-0.5b", "qwen2", 151936, 896, 4864, 24, 14, 2, 32768, 1e-6, 1e6},
        {"qwen2.5-1.5b", "qwen2", 151936, 1536, 8960, 28, 12, 2, 32768, 1e-6, 1e6},
    };
    char known[160] = "";
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", i ? ", " : "", table[i].name);
        if (strcmp(name, table[i].name)) continue;
        *out = (struct raml_config){.vocab_size = table[i].vocab,
                                    .hidden_size = table[i].d,
                                    .intermediate_size = table[i].ffn,
                                    .n_layers = table[i].layers,
                                    .n_heads = table[i].heads,
                                    .n_kv_heads = table[i].kv,
                                    .max_positions = table[i].positions,
                                    .rms_norm_eps = table[i].eps,
                                    .rope_theta = table[i].theta,
                                    .tied = true,
                                    .bos_token = -1,
                                    .eos_token = -1};
        raml_arch_set(raml_arch_find(table[i].type), out);
        return RAML_OK;
    }
    return raml_fail(err, RAML_EUSAGE, "unknown preset '%s'; known: %s", name, known);
}

/* What a type alone makes of a plain shape; those with further settings of their own need a config.json. */
static enum raml_code set_type(const char *type, struct raml_config *c, struct raml_err *err)
{
    static const char *const plain[] = {"llama", "qwen2", "qwen3", "olmo2"};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        if (strcmp(type, plain[i]) != 0) continue;
        raml_arch_set(raml_arch_find(type), c);
        return RAML_OK;
    }
    return raml_fail(err, RAML_EUSAGE,
                     "model_type '%s': expected llama, qwen2, qwen3 or olmo2; others by init:config.json", type);
}

static enum raml_code set(const char *shape, const char *field, const char *value, struct raml_config *c,
                          struct raml_err *err)
{
    const struct {
        const char *name;
        int *at;
    } number[] = {
        {"vocab_size", &c->vocab_size},
        {"hidden_size", &c->hidden_size},
        {"intermediate_size", &c->intermediate_size},
        {"num_hidden_layers", &c->n_layers},
        {"num_attention_heads", &c->n_heads},
        {"num_key_value_heads", &c->n_kv_heads},
        {"head_dim", &c->head_dim},
        {"max_position_embeddings", &c->max_positions},
    };
    char known[240] = "model_type";
    if (!strcmp(field, "model_type")) return set_type(value, c, err);
    for (size_t i = 0; i < sizeof number / sizeof *number; i++) {
        snprintf(known + strlen(known), sizeof known - strlen(known), ", %s", number[i].name);
        if (strcmp(field, number[i].name) != 0) continue;
        char *end;
        long n = strtol(value, &end, 10);
        if (end == value || *end || n < 1 || n > 1 << 30)
            return raml_fail(err, RAML_EUSAGE, "%s: %s '%s': expected a whole number", shape, field, value);
        *number[i].at = (int)n;
        return RAML_OK;
    }
    return raml_fail(err, RAML_EUSAGE, "%s: unknown '%s'; known: %s", shape, field, known);
}

/* Reads up to `n - 1` bytes of *s before `stop` or the end; leaves *s after them. false: there are more. */
static bool take(const char **s, char stop, char *out, size_t n)
{
    size_t len = strcspn(*s, (char[]){stop, ',', 0});
    if (len >= n) return false;
    memcpy(out, *s, len);
    out[len] = 0;
    *s += len;
    return true;
}

enum raml_code raml_config_preset(const char *shape, struct raml_config *out, struct raml_err *err)
{
    struct raml_config c;
    char name[NAME], field[FIELD], value[FIELD];
    const char *at = shape;
    if (!take(&at, ',', name, sizeof name)) return raml_fail(err, RAML_EUSAGE, "unknown preset '%.80s'", shape);
    enum raml_code rc = find(name, &c, err);
    while (!rc && *at) {
        at++;
        bool pair = take(&at, '=', field, sizeof field) && *at == '=' && (at++, take(&at, ',', value, sizeof value));
        if (!pair)
            return raml_fail(err, RAML_EUSAGE,
                             "%.80s: after the preset expected pairs such as hidden_size=64, parted by commas", shape);
        rc = set(shape, field, value, &c, err);
    }
    if (!rc && !c.head_dim) {
        if (c.n_heads < 1 || c.hidden_size % c.n_heads)
            return raml_fail(err, RAML_ESHAPE, "%s: hidden_size %d is not a multiple of num_attention_heads %d", shape,
                             c.hidden_size, c.n_heads);
        c.head_dim = c.hidden_size / c.n_heads;
    }
    if (!rc) rc = raml_config_check(&c, err);
    if (!rc) *out = c;
    return rc;
}
