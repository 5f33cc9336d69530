/* backend.c - the processor's table: from device/backend.h to the kernels of its level (ops.h). The host's memory is
 * the device's, and work is done when a function returns.
 */
#include "device/cpu/cpu.h"

#include "core/elementary.h"
#include "core/half.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

/* The lists of attention are those of the kernels, under this layer's names. */
#define SAME(a, b, member)                                                                                             \
    _Static_assert(offsetof(struct a, member) == offsetof(struct b, member) && sizeof(struct a) == sizeof(struct b),   \
                   "one layout")
SAME(raml_query_tile, raml_attn_tile, row);
SAME(raml_query_tile, raml_attn_tile, n);
SAME(raml_query_tile, raml_attn_tile, pair);
SAME(raml_query_tile, raml_attn_tile, n_pairs);
SAME(raml_key_page, raml_attn_pair, page);
SAME(raml_key_page, raml_attn_pair, row0);
SAME(raml_key_page, raml_attn_pair, n_rows);
SAME(raml_key_page, raml_attn_pair, mask);
_Static_assert((int)RAML_KEYS == (int)RAML_PAGE, "one size of pages");

enum { SLACK_ROWS = 256, CHUNK_ROWS = 1024, HEAD_TILE = 4096, HEAD_ROWS = 1024 };

void *raml_cpu_scratch(const struct raml_device *d, struct raml_scratch *r, size_t bytes, const char *what)
{
    if (bytes <= r->bytes) return r->p;
    free(r->p);
    r->bytes = 0;
    r->p = raml_device_alloc(bytes, 1);
    if (r->p) {
        r->bytes = bytes;
        return r->p;
    }
    struct raml_err why = {0};
    raml_device_fault(d, raml_fail(&why, RAML_ENOMEM, "no memory for %s (%zu bytes)", what, bytes), &why);
    return NULL;
}

/* Linux hands out the tiles' state on request (arch_prctl; Documentation/arch/x86/xstate.rst). */
bool raml_cpu_may_use_tiles(void)
{
#if defined(__linux__) && defined(__x86_64__)
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
    return raml_mm_has_amx() && syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
#else
    return false;
#endif
}

/* -- What it is ---------------------------------------------------------------------------------------------------- */
enum raml_code raml_cpu_open(struct raml_device *d, struct raml_err *err)
{
    d->cpu = calloc(1, sizeof *d->cpu);
    if (!d->cpu) return raml_fail(err, RAML_ENOMEM, "no memory for the device");
    enum raml_code rc = raml_mm_open(d->ops, &d->mm, err);
    if (rc) return rc;
    d->cpu->bf16 = d->ops->has_bf16 && raml_cpu_usable("avx512bf16") && raml_mm_has_bf16(d->mm) &&
                   raml_mm_trusted(d->ops, true, d->cpu->distrust, sizeof d->cpu->distrust);
    d->cpu->tiles = d->cpu->bf16 && raml_cpu_may_use_tiles();
    return RAML_OK;
}

static void cpu_close(struct raml_device *d)
{
    raml_mm_close(d->mm);
    if (!d->cpu) return;
    free(d->cpu->transposed.p);
    free(d->cpu->parts.p);
    free(d->cpu->attention.p);
    free(d->cpu);
}

static const char *cpu_level(const struct raml_device *d)
{
    return d->ops->level;
}

static int cpu_threads(const struct raml_device *d)
{
    return d->threads;
}

static bool cpu_has(const struct raml_device *d, enum raml_type act)
{
    if (act == RAML_TYPE_F32) return true;
    return act == RAML_TYPE_BF16 && d->cpu->bf16;
}

static void processor_name(char *out, size_t cap)
{
    snprintf(out, cap, "unknown");
    FILE *f = fopen("/proc/cpuinfo", "r");
    char line[256];
    while (f && fgets(line, sizeof line, f)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) || !colon) continue;
        line[strcspn(line, "\n")] = 0;
        snprintf(out, cap, "%.63s", colon + 2);
        break;
    }
    if (f) fclose(f);
}

static void cpu_describe(const struct raml_device *d, struct raml_device_info *out)
{
    raml_mm_version(out->matmul, sizeof out->matmul);
    snprintf(out->distrust, sizeof out->distrust, "%s", d->cpu->distrust);
    processor_name(out->cpu, sizeof out->cpu);
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    (void)d;
    if (pages > 0 && page > 0) out->memory_bytes = (size_t)pages * (size_t)page;
}

static enum raml_code cpu_peak(const struct raml_device *d, enum raml_type act, double *gflops, struct raml_err *err)
{
    raml_device_use(d);
    return raml_mm_peak(d->mm, raml_is_bf16(act), gflops, err);
}

static struct raml_sizes cpu_sizes(const struct raml_device *d)
{
    (void)d;
    return (struct raml_sizes){SLACK_ROWS, CHUNK_ROWS, HEAD_TILE, HEAD_ROWS};
}

static size_t cpu_page_bytes(const struct raml_device *d, enum raml_type act, size_t D)
{
    (void)d;
    return raml_page_elements(D) * raml_type_block_bytes(act);
}

static size_t parts_bytes(const struct raml_device *d, size_t width)
{
    return (size_t)d->threads * width * sizeof(float);
}

static size_t cpu_scratch_bytes(const struct raml_device *d, const struct raml_work *w)
{
    if (!w->backward) return 0;
    size_t width = (w->H + 2 * w->K) * w->D, chunk = w->rows < CHUNK_ROWS ? w->rows : CHUNK_ROWS;
    size_t parts = width + 2 * w->D > w->widest ? width + 2 * w->D : w->widest;
    return raml_cpu_transposed_bytes(w->type, chunk, w->widest) + parts_bytes(d, parts) +
           d->ops->attn_scratch((size_t)d->threads, w->D, w->tree_tiles, w->rows * width);
}

/* -- Memory -------------------------------------------------------------------------------------------------------- */
static void *cpu_alloc(const struct raml_device *d, size_t n, size_t size)
{
    (void)d;
    return raml_device_alloc(n, size);
}

static void cpu_free(const struct raml_device *d, void *p)
{
    (void)d;
    free(p);
}

static void cpu_copy(const struct raml_device *d, void *to, const void *from, size_t bytes)
{
    if (raml_device_failed(d)) return;
    if (bytes) memcpy(to, from, bytes);
}

static const void *cpu_view(const struct raml_device *d, const void *p)
{
    (void)d;
    return p;
}

static void cpu_copy_rows(const struct raml_device *d, void *to, size_t to_stride, const void *from, size_t from_stride,
                          size_t bytes, size_t rows)
{
    if (raml_device_failed(d)) return;
    raml_device_use(d);
#pragma omp parallel for schedule(static) if (rows * bytes > 1 << 20)
    for (size_t r = 0; r < rows; r++) memcpy((char *)to + r * to_stride, (const char *)from + r * from_stride, bytes);
}

static void cpu_zero(const struct raml_device *d, void *to, size_t bytes)
{
    if (raml_device_failed(d)) return;
    if (bytes) memset(to, 0, bytes);
}

/* -- Rows ---------------------------------------------------------------------------------------------------------- */
static void cpu_embed(const struct raml_device *d, float *x, const void *table, enum raml_type type,
                      const int32_t *token, size_t n, size_t width)
{
    if (raml_device_failed(d)) return;
    const struct raml_ops *ops = raml_cpu_ops(d);
    if (type == RAML_TYPE_F32) {
        ops->embed(x, table, token, n, width);
        return;
    }
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < n; r++)
        raml_widen_bf16(x + r * width, (const uint16_t *)table + (size_t)token[r] * width, width);
}

static void cpu_embed_back(const struct raml_device *d, float *d_table, const float *dx, const int32_t *token, size_t n,
                           size_t width)
{
    if (raml_device_failed(d)) return;
    raml_cpu_ops(d)->embed_back(d_table, dx, token, n, width);
}

static void cpu_add_norm(const struct raml_device *d, enum raml_type type, float *sum, void *y, float *rstd,
                         const float *x, const void *add, const float *w, size_t n, size_t width, float eps)
{
    if (raml_device_failed(d)) return;
    raml_cpu_ops(d)->add_norm(raml_is_bf16(type), sum, y, rstd, x, add, w, n, width, eps);
}

static void cpu_norm_back(const struct raml_device *d, enum raml_type type, float *dx, void *dx_act, float *dw,
                          const void *dy, const float *x, const float *rstd, const float *w, size_t n, size_t width)
{
    if (raml_device_failed(d)) return;
    float *part = raml_cpu_scratch(d, &d->cpu->parts, parts_bytes(d, width), "sums over rows");
    if (part) raml_cpu_ops(d)->norm_back(raml_is_bf16(type), dx, dx_act, dw, dy, x, rstd, w, n, width, part);
}

static struct raml_heads heads_of(const struct raml_head_rows *h)
{
    return (struct raml_heads){.bf16 = raml_is_bf16(h->type),
                               .n = h->n,
                               .H = h->H,
                               .K = h->K,
                               .D = h->D,
                               .qkv = h->qkv,
                               .raw = h->raw,
                               .bias = h->bias,
                               .q_w = h->q_w,
                               .k_w = h->k_w,
                               .whole = h->whole,
                               .position = h->position,
                               .cos_sin = h->cos_sin,
                               .eps = h->eps};
}

static void cpu_heads(const struct raml_device *d, const struct raml_head_rows *h)
{
    if (raml_device_failed(d)) return;
    struct raml_heads a = heads_of(h);
    raml_cpu_ops(d)->heads(&a);
}

static void cpu_heads_back(const struct raml_device *d, const struct raml_head_rows *h, void *dqkv, float *d_bias,
                           float *dq_w, float *dk_w)
{
    if (raml_device_failed(d)) return;
    struct raml_heads a = heads_of(h);
    size_t width = (h->H + 2 * h->K + 2) * h->D;
    float *part = raml_cpu_scratch(d, &d->cpu->parts, parts_bytes(d, width), "sums over rows");
    if (part) raml_cpu_ops(d)->heads_back(&a, dqkv, d_bias, dq_w, dk_w, part);
}

static void cpu_silu_mul(const struct raml_device *d, enum raml_type type, void *out, const void *gu, size_t n,
                         size_t f)
{
    if (raml_device_failed(d)) return;
    raml_cpu_ops(d)->silu_mul(raml_is_bf16(type), out, gu, n, f);
}

static void cpu_silu_mul_back(const struct raml_device *d, enum raml_type type, void *d_gu, const void *d_out,
                              const void *gu, size_t n, size_t f)
{
    if (raml_device_failed(d)) return;
    raml_cpu_ops(d)->silu_mul_back(raml_is_bf16(type), d_gu, d_out, gu, n, f);
}

static void cpu_gelu_mul(const struct raml_device *d, enum raml_type type, void *out, const void *gu, size_t n,
                         size_t f)
{
    if (raml_device_failed(d)) return;
    raml_cpu_ops(d)->gelu_mul(raml_is_bf16(type), out, gu, n, f);
}

static void cpu_gelu_mul_back(const struct raml_device *d, enum raml_type type, void *d_gu, const void *d_out,
                              const void *gu, size_t n, size_t f)
{
    if (raml_device_failed(d)) return;
    raml_cpu_ops(d)->gelu_mul_back(raml_is_bf16(type), d_gu, d_out, gu, n, f);
}

static void cpu_scale_add(const struct raml_device *d, enum raml_type type, float *sum, void *out, const float *x,
                          const void *add, float scale, size_t n)
{
    if (raml_device_failed(d)) return;
    raml_cpu_ops(d)->scale_add(raml_is_bf16(type), sum, out, x, add, scale, n);
}

static void cpu_to_act(const struct raml_device *d, enum raml_type type, void *out, const float *in, size_t n)
{
    if (raml_device_failed(d)) return;
    raml_cpu_ops(d)->to_act(raml_is_bf16(type), out, in, n);
}

static void cpu_gather(const struct raml_device *d, enum raml_type type, void *out, const void *in, const uint32_t *row,
                       size_t stride, size_t n, size_t width)
{
    if (raml_device_failed(d)) return;
    raml_cpu_ops(d)->gather(raml_is_bf16(type), out, in, row, stride, n, width);
}

static void cpu_scatter_add(const struct raml_device *d, float *out, const float *in, const uint32_t *row,
                            size_t stride, size_t n, size_t width)
{
    if (raml_device_failed(d)) return;
    raml_cpu_ops(d)->scatter_add(out, in, row, stride, n, width);
}

static void cpu_add(const struct raml_device *d, float *out, const float *in, size_t n)
{
    if (raml_device_failed(d)) return;
    raml_cpu_ops(d)->add(out, in, n);
}

static void cpu_combine(const struct raml_device *d, float *out, const float *base, float a, const float *x, float b,
                        const float *y, size_t n)
{
    if (raml_device_failed(d)) return;
    raml_device_use(d);
    raml_cpu_combine(out, base, a, x, b, y, n);
}

static void cpu_low_rank(const struct raml_device *d, const struct raml_low_rank *r)
{
    if (raml_device_failed(d)) return;
    const struct raml_low_rank_rows f = {.bf16 = raml_is_bf16(r->type),
                                         .x = r->x,
                                         .y = r->y,
                                         .y_width = r->y_width,
                                         .K = r->K,
                                         .N = r->N,
                                         .rank = r->rank,
                                         .right = r->right,
                                         .left = r->left,
                                         .row = r->row,
                                         .n = r->n};
    raml_cpu_ops(d)->low_rank(&f);
}

static void cpu_rank_down(const struct raml_device *d, const struct raml_rank_rows *r)
{
    if (!raml_device_failed(d)) raml_cpu_ops(d)->rank_down(r);
}

static void cpu_rank_up(const struct raml_device *d, const struct raml_rank_rows *r)
{
    if (!raml_device_failed(d)) raml_cpu_ops(d)->rank_up(r);
}

static void cpu_rank_grad(const struct raml_device *d, const struct raml_rank_rows *r)
{
    if (!raml_device_failed(d)) raml_cpu_ops(d)->rank_grad(r);
}

static void cpu_rank_pick(const struct raml_device *d, const struct raml_rank_rows *r)
{
    if (!raml_device_failed(d)) raml_cpu_ops(d)->rank_pick(r);
}

static void cpu_rank_put(const struct raml_device *d, const struct raml_rank_rows *r)
{
    if (!raml_device_failed(d)) raml_cpu_ops(d)->rank_put(r);
}

static void cpu_transpose(const struct raml_device *d, float *out, const float *in, size_t n, size_t width)
{
    if (!raml_device_failed(d)) raml_cpu_ops(d)->transpose(false, out, in, n, width, n);
}

static void cpu_gram(const struct raml_device *d, double *out, const float *x, size_t n, size_t K)
{
    if (raml_device_failed(d)) return;
    raml_cpu_ops(d)->gram(out, x, n, K);
}

/* -- Attention ----------------------------------------------------------------------------------------------------- */
static void cpu_store_kv(const struct raml_device *d, enum raml_type type, void *k, void *v, const void *qkv,
                         const uint32_t *page, const uint8_t *slot, size_t n, size_t H, size_t K, size_t D)
{
    if (raml_device_failed(d)) return;
    raml_cpu_ops(d)->store_kv(raml_is_bf16(type), k, v, qkv, page, slot, n, H, K, D);
}

static struct raml_attn attn_of(const struct raml_device *d, const struct raml_attention *a)
{
    return (struct raml_attn){.bf16 = raml_is_bf16(a->type),
                              .tiles = raml_is_bf16(a->type) && d->cpu->tiles,
                              .n = a->n,
                              .H = a->H,
                              .K = a->K,
                              .D = a->D,
                              .qkv = a->qkv,
                              .k = a->k,
                              .v = a->v,
                              .tile = (const struct raml_attn_tile *)(const void *)a->tile,
                              .n_tiles = a->n_tiles,
                              .pair = (const struct raml_attn_pair *)(const void *)a->pair,
                              .mask = a->mask,
                              .scale = a->scale,
                              .o = a->o,
                              .lse = a->lse};
}

static void cpu_attention(const struct raml_device *d, const struct raml_attention *a)
{
    if (raml_device_failed(d)) return;
    struct raml_attn t = attn_of(d, a);
    raml_cpu_ops(d)->attn(&t);
}

static void cpu_attention_back(const struct raml_device *d, const struct raml_attention_back *a)
{
    if (raml_device_failed(d)) return;
    const struct raml_ops *ops = raml_cpu_ops(d);
    size_t bytes =
        ops->attn_scratch((size_t)d->threads, a->f.D, a->tree_tiles, a->f.n * (a->f.H + 2 * a->f.K) * a->f.D);
    struct raml_attn_back b = {.f = attn_of(d, &a->f),
                               .d_o = a->d_o,
                               .dqkv = a->dqkv,
                               .tree_tile = a->tree_tile,
                               .n_trees = a->n_trees,
                               .scratch = raml_cpu_scratch(d, &d->cpu->attention, bytes, "attention's backward")};
    if (b.scratch) ops->attn_back(&b);
}

static void cpu_attention_sums(const struct raml_device *d, const struct raml_attention_sums *a)
{
    if (raml_device_failed(d)) return;
    raml_device_use(d);
    struct raml_err why = {0};
    if (raml_cpu_attention_sums(a)) return;
    raml_device_fault(d, raml_fail(&why, RAML_ENOMEM, "no memory for %zu sums of attention", a->n_groups), &why);
}

/* -- Loss ---------------------------------------------------------------------------------------------------------- */
static struct raml_loss_rows rows_of(const struct raml_loss_state *s)
{
    return (struct raml_loss_rows){s->max, s->sum, s->dot, s->target, s->argmax};
}

static void cpu_loss_start(const struct raml_device *d, const struct raml_loss_state *s, size_t n)
{
    if (raml_device_failed(d)) return;
    for (size_t i = 0; i < n; i++) {
        s->max[i] = -INFINITY;
        s->sum[i] = s->dot[i] = s->target[i] = 0;
        if (s->argmax) s->argmax[i] = 0;
    }
}

static void cpu_loss_tile(const struct raml_device *d, const struct raml_loss_state *s,
                          const struct raml_logits_tile *z, const struct raml_targets *t)
{
    if (raml_device_failed(d)) return;
    struct raml_loss_rows rows = rows_of(s);
    raml_cpu_ops(d)->loss_tile(&rows, z->z, z->ld, t->token, t->stride, t->n, z->v0, z->v);
}

static void cpu_loss_end(const struct raml_device *d, const struct raml_loss_state *s, const struct raml_loss_end *out,
                         size_t n)
{
    if (raml_device_failed(d)) return;
    for (size_t i = 0; i < n; i++) {
        out->lse[i] = (float)((double)s->max[i] + raml_log((double)s->sum[i]));
        out->entropy[i] = out->lse[i] - s->dot[i] / s->sum[i];
        out->logp[i] = s->target[i] - out->lse[i];
    }
}

static void cpu_loss_back(const struct raml_device *d, enum raml_type type, void *dz, const struct raml_loss_back *b,
                          const struct raml_logits_tile *z, const struct raml_targets *t)
{
    if (raml_device_failed(d)) return;
    raml_cpu_ops(d)->loss_tile_back(raml_is_bf16(type), dz, z->z, z->ld, b->lse, b->entropy, b->c, b->e, t->token,
                                    t->stride, t->n, z->v0, z->v);
}

static void cpu_top_tile(const struct raml_device *d, const struct raml_top_logits *top,
                         const struct raml_logits_tile *z, size_t n)
{
    if (raml_device_failed(d)) return;
    raml_device_use(d);
    raml_cpu_top(top, z, n);
}

/* -- Optimizer and tokens ------------------------------------------------------------------------------------------ */
static void cpu_adamw(const struct raml_device *d, const struct raml_adamw_factors *f, float *w, float *m, float *v,
                      const float *g, size_t n)
{
    if (raml_device_failed(d)) return;
    raml_device_use(d);
    raml_cpu_adamw(f, w, m, v, g, n);
}

static void cpu_adamw_back(const struct raml_device *d, const struct raml_adamw_factors *f, const float *dw, float *dm,
                           float *dv, float *dg, const float *m, const float *v, const float *g, size_t n)
{
    if (raml_device_failed(d)) return;
    raml_device_use(d);
    raml_cpu_adamw_back(f, dw, dm, dv, dg, m, v, g, n);
}

static void cpu_square_sum(const struct raml_device *d, double *out, const float *g, size_t n)
{
    if (raml_device_failed(d)) return;
    raml_device_use(d);
    *out = raml_cpu_square_sum(g, n);
}

static void cpu_sample_tokens(const struct raml_device *d, const struct raml_token_rows *r,
                              struct raml_token_sampled *out)
{
    if (raml_device_failed(d)) return;
    raml_cpu_sample(raml_cpu_ops(d), r, out);
}

const struct raml_backend raml_cpu_backend = {
    .close = cpu_close,
    .level = cpu_level,
    .threads = cpu_threads,
    .has = cpu_has,
    .describe = cpu_describe,
    .peak = cpu_peak,
    .sizes = cpu_sizes,
    .page_bytes = cpu_page_bytes,
    .scratch_bytes = cpu_scratch_bytes,
    .alloc = cpu_alloc,
    .free = cpu_free,
    .upload = cpu_copy,
    .download = cpu_copy,
    .view = cpu_view,
    .copy = cpu_copy,
    .copy_rows = cpu_copy_rows,
    .zero = cpu_zero,
    .sync = raml_device_fault_take,
    .weight_init = raml_cpu_weight_init,
    .weight_deinit = raml_cpu_weight_deinit,
    .weight_set = raml_cpu_weight_set,
    .weight_fill = raml_cpu_weight_fill,
    .weight_bytes = raml_cpu_weight_bytes,
    .forward = raml_cpu_forward,
    .backward = raml_cpu_backward,
    .weight_grad = raml_cpu_weight_grad,
    .embed = cpu_embed,
    .embed_back = cpu_embed_back,
    .add_norm = cpu_add_norm,
    .norm_back = cpu_norm_back,
    .heads = cpu_heads,
    .heads_back = cpu_heads_back,
    .silu_mul = cpu_silu_mul,
    .silu_mul_back = cpu_silu_mul_back,
    .gelu_mul = cpu_gelu_mul,
    .gelu_mul_back = cpu_gelu_mul_back,
    .to_act = cpu_to_act,
    .scale_add = cpu_scale_add,
    .gather = cpu_gather,
    .scatter_add = cpu_scatter_add,
    .add = cpu_add,
    .combine = cpu_combine,
    .low_rank = cpu_low_rank,
    .rank_down = cpu_rank_down,
    .rank_up = cpu_rank_up,
    .rank_grad = cpu_rank_grad,
    .rank_pick = cpu_rank_pick,
    .rank_put = cpu_rank_put,
    .transpose = cpu_transpose,
    .gram = cpu_gram,
    .store_kv = cpu_store_kv,
    .attention = cpu_attention,
    .attention_back = cpu_attention_back,
    .attention_sums = cpu_attention_sums,
    .loss_start = cpu_loss_start,
    .loss_tile = cpu_loss_tile,
    .loss_end = cpu_loss_end,
    .loss_back = cpu_loss_back,
    .top_tile = cpu_top_tile,
    .adamw = cpu_adamw,
    .adamw_back = cpu_adamw_back,
    .square_sum = cpu_square_sum,
    .sample_tokens = cpu_sample_tokens,
};
