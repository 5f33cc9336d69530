/* logits.c - all logits of chains of tokens, for comparison with other programs (tests/peers/real_model.py builds it).
 *
 * logits MODEL stored|f32|bf16 THREADS OUT.f32 < IDS: a line of IDS is a chain; OUT gets its logits [tokens, vocabulary], line after line.
 */
#include <raml/device.h>
#include <raml/model.h>

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

static void one(struct raml_model *m, const int32_t *id, size_t n, FILE *out)
{
    struct raml_err err = {0};
    struct raml_tree tree = {0};
    struct raml_pack pack = {0};
    struct raml_pass *pass = NULL;
    size_t size = (size_t)raml_model_config(m)->vocab_size;
    float *logp = malloc(n * sizeof *logp), *logits = malloc(n * size * sizeof *logits);
    if (!logp || !logits) exit(1);
    must(raml_tree_add(&tree, -1, 0, id, n, 1, NULL, &err), &err);
    must(raml_pack_add(&pack, &tree, &err), &err);
    must(raml_pass_open(m, false, &pass, &err), &err);
    must(raml_pass_forward(pass, &pack, &(struct raml_logprobs){.logp = logp}, &err), &err);
    must(raml_pass_logits(pass, 0, n, logits, &err), &err);
    if (fwrite(logits, sizeof *logits, n * size, out) != n * size) exit(1);
    raml_pass_close(pass);
    raml_pack_deinit(&pack);
    raml_tree_deinit(&tree);
    free(logits);
    free(logp);
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"stored", "f32", "bf16"};
    static const enum raml_dtype types[] = {RAML_STORED, RAML_F32, RAML_BF16};
    static int32_t id[MAX_TOKENS];
    struct raml_err err = {0};
    struct raml_device *device = NULL;
    struct raml_model *m = NULL;
    size_t n = 0, kind = 0;
    FILE *out = argc == 5 ? fopen(argv[4], "wb") : NULL;
    while (out && kind < 3 && strcmp(argv[2], names[kind])) kind++;
    if (!out || kind == 3) {
        fprintf(stderr, "usage: logits MODEL stored|f32|bf16 THREADS OUT.f32 < IDS\n");
        return 2;
    }
    must(raml_device_open(atoi(argv[3]), "auto", &device, &err), &err);
    must(raml_model_open(argv[1], types[kind], RAML_INFERENCE, device, &m, &err), &err);
    for (int x, c = 0; c != EOF;) {
        if (scanf("%d", &x) == 1 && n < MAX_TOKENS) id[n++] = x;
        while ((c = getchar()) == ' ') {
        }
        if (c != '\n' && c != EOF) ungetc(c, stdin);
        else if (n) one(m, id, n, out), n = 0;
    }
    raml_model_close(m);
    raml_device_close(device);
    return fclose(out) ? 1 : 0;
}
