/* gradients.c - logits of a chain of tokens and the gradient of its mean loss, for comparison with other programs
 * (tests/peers/architectures.py builds it).
 *
 * gradients MODEL LEVEL OUT.safetensors ID..: OUT gets "logits" [tokens, vocabulary] and a gradient under the name of
 * every parameter. The loss is the mean of -log p of all tokens but the first.
 * gradients -a ADAPTER COPY MODEL ..: with low-rank adapters, whose gradients these then are; they are also written to
 * the folder COPY.
 */
#include <raml/device.h>
#include <raml/lora.h>
#include <raml/model.h>
#include <raml/safetensors.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TOKENS = 8192 };

static void must(enum raml_code rc, const struct raml_err *err)
{
    if (!rc) return;
    fprintf(stderr, "%s\n", err->msg);
    exit(1);
}

static void *some(void *p)
{
    if (!p) exit(1);
    return p;
}

/* Reads adapters, gives them to the model, and writes them again. */
static void adapt(struct raml_model *m, const char *from, const char *copy)
{
    struct raml_err err = {0};
    struct raml_lora l = {0};
    float *block = NULL;
    must(raml_lora_read(from, raml_model_config(m), &l, &block, &err), &err);
    must(raml_model_adapt(m, &l, block, 0, &err), &err);
    must(raml_lora_write(&l, block, copy, &err), &err);
    free(block);
    raml_lora_deinit(&l);
}

int main(int argc, char **argv)
{
    static int32_t id[MAX_TOKENS];
    const char *adapter = argc > 3 && !strcmp(argv[1], "-a") ? argv[2] : NULL, *copy = adapter ? argv[3] : NULL;
    if (adapter) argc -= 3, argv += 3;
    static float c[MAX_TOKENS], logp[MAX_TOKENS];
    struct raml_err err = {0};
    struct raml_device *device = NULL;
    struct raml_model *m = NULL;
    struct raml_tree tree = {0};
    struct raml_pack pack = {0};
    struct raml_pass *pass = NULL;
    const struct raml_param *param;
    size_t n = argc > 4 ? (size_t)argc - 4 : 0;
    if (n < 2 || n > MAX_TOKENS) {
        fprintf(stderr, "usage: gradients [-a ADAPTER COPY] MODEL LEVEL OUT.safetensors ID ID..\n");
        return 2;
    }
    for (size_t i = 0; i < n; i++) id[i] = atoi(argv[i + 4]);
    for (size_t i = 0; i + 1 < n; i++) c[i] = -1.0f / (float)(n - 1);
    must(raml_device_open(2, argv[2], &device, &err), &err);
    must(raml_model_open(argv[1], RAML_F32, adapter ? RAML_ADAPTING : RAML_TRAINING, device, &m, &err), &err);
    if (adapter) adapt(m, adapter, copy);
    size_t V = (size_t)raml_model_config(m)->vocab_size, n_params = raml_model_params(m, &param);
    float *logits = some(malloc(n * V * sizeof *logits)), *host = some(malloc(raml_gradient_n(m) * sizeof *host));
    float *grad = some(raml_array_new(device, raml_gradient_n(m), sizeof *grad));
    must(raml_tree_add(&tree, -1, 0, id, n, 1, NULL, &err), &err);
    must(raml_pack_add(&pack, &tree, &err), &err);
    must(raml_pass_open(m, true, &pass, &err), &err);
    must(raml_pass_forward(pass, &pack, &(struct raml_logprobs){.logp = logp}, &err), &err);
    must(raml_pass_logits(pass, 0, n, logits, &err), &err);
    must(raml_pass_backward(pass, c, NULL, grad, &err), &err);
    must(raml_gradient_join(m, grad, &err), &err);
    must(raml_array_read(device, host, grad, raml_model_n(m) * sizeof *host, &err), &err);
    struct raml_tensor_view *v = some(calloc(n_params + 1, sizeof *v));
    v[0] = (struct raml_tensor_view){"logits", RAML_F32, 2, {n, V}, n * V, logits};
    for (size_t i = 0; i < n_params; i++)
        v[i + 1] = (struct raml_tensor_view){param[i].name,   RAML_F32,
                                             param[i].n_dims, {param[i].shape[0], param[i].shape[1]},
                                             param[i].n,      host + param[i].offset};
    must(raml_safetensors_write(argv[3], v, n_params + 1, NULL, &err), &err);
    raml_pass_close(pass);
    raml_pack_deinit(&pack);
    raml_tree_deinit(&tree);
    raml_array_free(device, grad);
    raml_model_close(m);
    raml_device_close(device);
    free(v);
    free(host);
    free(logits);
    return 0;
}
