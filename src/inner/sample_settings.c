/* sample_settings.c - settings of sampling and the memory that they take. See sample.h. */
#include "raml/sample.h"

#include "inner/sample_parts.h"
#include "model/cache.h"

struct raml_sample_options raml_sample_default(void)
{
    return (struct raml_sample_options){
        .n = 1,
        .batch_size = 64,
        .max_completion_length = 512,
        .temperature = 1,
        .top_p = 1,
        .probe_tokens = 32,
        .share_prompts = true,
    };
}

static struct raml_token_sampling sampling_of(const struct raml_sample_options *o)
{
    return (struct raml_token_sampling){o->temperature, o->top_p, o->min_p, o->top_k};
}

enum raml_code raml_sample_settings(const struct raml_sample_options *o, struct raml_exits *e, struct raml_err *err)
{
    if (o->n < 1 || o->batch_size < 1 || o->max_completion_length < 1)
        return raml_fail(err, RAML_EUSAGE, "sampling: expected at least 1 sample, 1 row and 1 token");
    struct raml_token_sampling p = sampling_of(o);
    enum raml_code rc = raml_token_sampling_check(&p, err);
    return rc ? rc : raml_exits_init(e, o, err);
}

enum raml_code raml_sample_check(const struct raml_sample_options *opt, struct raml_err *err)
{
    struct raml_exits e = {0};
    enum raml_code rc = raml_sample_settings(opt, &e, err);
    raml_exits_deinit(&e);
    return rc;
}

/* -- Memory -------------------------------------------------------------------------------------------------------- */
static size_t pages_of(size_t tokens)
{
    return (tokens + RAML_TILE - 1) / RAML_TILE;
}

struct raml_generate_options raml_sample_generation(const struct raml_sample_options *o, size_t tokens, size_t n_cue)
{
    bool probes = o->exit || o->force_continuation_below > 0;
    struct raml_generate_options g = {.batch_size = o->batch_size, .sampling = sampling_of(o), .seed = o->seed};
    size_t pages = pages_of(tokens);
    if (probes) {
        g.probe_tokens = n_cue + o->probe_tokens;
        g.max_returns = 1 + (o->force_continuation > 0 ? (size_t)o->force_continuation : 0);
        pages += pages_of(g.probe_tokens) + RAML_GENERATE_RETURN_PAGES * g.max_returns;
    }
    g.pool_tokens = o->batch_size * pages * RAML_TILE;
    return g;
}

size_t raml_sample_estimate(const struct raml_config *c, enum raml_dtype dtype, const struct raml_device *dev,
                            const struct raml_sample_options *opt, size_t tokens)
{
    struct raml_generate_options o = raml_sample_generation(opt, tokens, 0);
    return raml_generate_estimate(c, dtype, dev, &o);
}

/* Of a cache for `rows` rows and that many pages of tokens. */
static size_t cache_bytes(const struct raml_config *c, enum raml_dtype dtype, const struct raml_device *dev,
                          size_t rows, size_t pages)
{
    struct raml_cache_options o = {.max_rows = rows, .max_tokens = pages * RAML_TILE};
    return raml_cache_estimate(c, dtype, dev, &o);
}

size_t raml_sample_token_bytes(const struct raml_config *c, enum raml_dtype dtype, const struct raml_device *dev)
{
    return (cache_bytes(c, dtype, dev, 1, 2) - cache_bytes(c, dtype, dev, 1, 1)) / RAML_TILE;
}

size_t raml_sample_prompt_bytes(const struct raml_config *c, enum raml_dtype dtype, const struct raml_device *dev,
                                size_t n_prompts)
{
    return cache_bytes(c, dtype, dev, n_prompts, 1) - cache_bytes(c, dtype, dev, 1, 1);
}
