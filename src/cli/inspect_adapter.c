/* inspect_adapter.c - `raml inspect` of an adapter: its modules, their ranks, scales and parameters. */
#include "cli/inspect.h"
#include "cli/load.h"
#include "cli/source.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t n_parameters(const struct raml_lora_module *m)
{
    return m->rank * (m->n_in + m->n_out);
}

static json_t *module_json(const struct raml_lora_module *m)
{
    return json_pack("{s:s, s:[I,I], s:I, s:f, s:f, s:I}", "module", m->name, "shape", (json_int_t)m->n_out,
                     (json_int_t)m->n_in, "rank", (json_int_t)m->rank, "alpha", m->alpha, "scale", m->scale,
                     "parameters", (json_int_t)n_parameters(m));
}

static enum raml_code print_json(const struct cli_source *s, const struct raml_lora *l, struct raml_err *err)
{
    char hash[17];
    json_t *modules = json_array();
    int bad = !modules;
    snprintf(hash, sizeof hash, "%016" PRIx64, l->base_hash);
    for (size_t i = 0; i < l->n_modules && !bad; i++) bad = json_array_append_new(modules, module_json(&l->module[i]));
    json_t *o =
        json_pack("{s:s, s:s, s:s, s:I, s:f, s:b, s:s, s:I, s:o}", "adapter", s->adapter, "base", s->model, "base_hash",
                  hash, "r", (json_int_t)l->r, "lora_alpha", l->alpha, "use_rslora", l->use_rslora, "target_modules",
                  l->target_modules ? l->target_modules : "", "parameters", (json_int_t)l->n, "modules", modules);
    if (bad) json_decref(o);
    return cli_print_json(bad ? NULL : o, err);
}

/* What two layers' modules of one matrix share a line by. */
static bool alike(const struct raml_lora_module *a, const struct raml_lora_module *b)
{
    return a->layer >= 0 && b->layer >= 0 && a->matrix == b->matrix && a->rank == b->rank && a->alpha == b->alpha;
}

static void print_module(const struct raml_lora *l, size_t i, bool all)
{
    const struct raml_lora_module *m = &l->module[i];
    char name[128], shape[48];
    size_t n = 1;
    if (!all)
        for (size_t k = 0; k < i; k++)
            if (alike(&l->module[k], m)) return; /* printed with that one */
    for (size_t k = i + 1; k < l->n_modules && !all; k++) n += alike(m, &l->module[k]);
    const char *part = m->layer >= 0 && n > 1 ? strchr(m->name + strlen("model.layers."), '.') : NULL;
    snprintf(name, sizeof name, "%s%s", part ? "model.layers.*" : m->name, part ? part : "");
    snprintf(shape, sizeof shape, "[%zu, %zu]", m->n_out, m->n_in);
    printf("  %-40s %16s %6zu %6zu %8g %8g %12zu\n", name, shape, n, m->rank, m->alpha, m->scale, n * n_parameters(m));
}

static void print_text(const struct cli_source *s, const struct raml_lora *l, bool all)
{
    printf("%s: low-rank adapters (LoRA) of %s\n", s->adapter, s->model);
    printf("  r %zu, lora_alpha %g%s, target_modules %.200s\n\n", l->r, l->alpha,
           l->use_rslora ? ", scaled by 1 / sqrt(r) (rsLoRA)" : "", l->target_modules ? l->target_modules : "");
    printf("  %-40s %16s %6s %6s %8s %8s %12s\n", "module", "shape", "count", "rank", "alpha", "scale", "parameters");
    for (size_t i = 0; i < l->n_modules; i++) print_module(l, i, all);
    printf("  %-40s %16s %6zu %6s %8s %8s %12zu\n", "all", "", l->n_modules, "", "", "", l->n);
}

enum raml_code cli_inspect_adapter(const struct cli *cli, const char *adapter, const char *base, bool all,
                                   struct raml_err *err)
{
    struct cli_source s;
    struct raml_model_file *f = NULL;
    struct raml_lora l = {0};
    float *block = NULL;
    enum raml_code rc = base ? cli_source_find(base, adapter, &s, err) : cli_source_find(adapter, NULL, &s, err);
    if (!rc) rc = raml_model_file_open(s.model, &f, err);
    if (!rc) rc = cli_source_lora(&s, f, &l, &block, err);
    if (!rc && cli->json) rc = print_json(&s, &l, err);
    else if (!rc) print_text(&s, &l, all);
    raml_model_file_close(f);
    raml_lora_deinit(&l);
    free(block);
    return rc;
}
