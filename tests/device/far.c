/* far.c - see far.h. */
#include "device/far.h"

#include "device/far_region.h"
#include "device/impl.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* -- What it is ---------------------------------------------------------------------------------------------------- */
static const struct raml_device *inner(const struct raml_device *d)
{
    return ((struct far *)d->own)->in;
}

static void far_close(struct raml_device *d)
{
    struct far *f = d->own;
    if (f->n_blocks) {
        fprintf(stderr, "far: %zu blocks of memory are still in use\n", f->n_blocks);
        abort();
    }
    munmap(f->mapped, REGION + STEP);
    raml_device_close(f->in);
    pthread_mutex_destroy(&f->lock);
    free(f->block);
    free(f);
}

static const char *far_level(const struct raml_device *d)
{
    (void)d;
    return "far";
}

static int far_threads(const struct raml_device *d)
{
    return raml_device_threads(inner(d));
}

static bool far_has(const struct raml_device *d, enum raml_type act)
{
    return raml_cpu_backend.has(inner(d), act);
}

static void far_describe(const struct raml_device *d, struct raml_device_info *out)
{
    raml_cpu_backend.describe(inner(d), out);
}

static enum raml_code far_peak(const struct raml_device *d, enum raml_type act, double *gflops, struct raml_err *err)
{
    return raml_cpu_backend.peak(inner(d), act, gflops, err);
}

/* Different from the processor's, so that nothing relies on those. */
static struct raml_sizes far_sizes(const struct raml_device *d)
{
    struct raml_sizes z = raml_cpu_backend.sizes(inner(d));
    z.chunk_rows = 256;
    z.head_tile = 1024;
    z.head_rows = 512;
    return z;
}

static size_t far_page_bytes(const struct raml_device *d, enum raml_type act, size_t D)
{
    return raml_cpu_backend.page_bytes(inner(d), act, D);
}

static size_t far_scratch_bytes(const struct raml_device *d, const struct raml_work *w)
{
    return raml_cpu_backend.scratch_bytes(inner(d), w);
}

/* -- Memory -------------------------------------------------------------------------------------------------------- */
/* The first gap that is wide enough; blocks keep 64 bytes apart. */
static void *place(struct far *f, size_t bytes)
{
    size_t at = 0, i = 0;
    for (; i < f->n_blocks && f->block[i].at - at < bytes + 64; i++) at = f->block[i].at + f->block[i].bytes + 64;
    if (f->n_blocks == MOST_BLOCKS || bytes + 64 > REGION - at) return NULL;
    memmove(f->block + i + 1, f->block + i, (f->n_blocks++ - i) * sizeof *f->block);
    f->block[i] = (struct block){at, bytes};
    size_t top = (at + bytes + STEP - 1) / STEP * STEP;
    if (top > f->top) {
        f->top = top;
        protect(f, PROT_READ | PROT_WRITE);
    }
    return memset(f->base + at, 0, bytes);
}

static void *far_alloc(const struct raml_device *d, size_t n, size_t size)
{
    struct far *f = d->own;
    void *p = NULL;
    if (size && n > REGION / size) return NULL;
    bool late = raml_device_failed(d), good = enter(d, "alloc");
    size_t bytes = (n * size + 63) / 64 * 64;
    if (good) p = place(f, bytes > 0 ? bytes : 64);
    else if (!late) {
        struct raml_err forget = {0};
        enum raml_code fault = raml_device_fault_take(d, &forget); /* by NULL */
        (void)fault;
    }
    leave(d);
    return p;
}

static void far_free(const struct raml_device *d, void *p)
{
    struct far *f = d->own;
    size_t i = 0;
    if (!p) return;
    pthread_mutex_lock(&f->lock);
    while (i < f->n_blocks && f->base + f->block[i].at != (char *)p) i++;
    if (i == f->n_blocks) {
        fprintf(stderr, "far: free of what alloc did not return\n");
        abort();
    }
    memmove(f->block + i, f->block + i + 1, (--f->n_blocks - i) * sizeof *f->block);
    pthread_mutex_unlock(&f->lock);
}

static void far_upload(const struct raml_device *d, void *to, const void *host, size_t bytes)
{
    check_places(d, "upload, from", false, LIST(host));
    RUN(d, upload, LIST(to), to, host, bytes);
}

static void far_download(const struct raml_device *d, void *host, const void *from, size_t bytes)
{
    check_places(d, "download, to", false, LIST(host));
    RUN(d, download, LIST(from), host, from, bytes);
}

static const void *far_view(const struct raml_device *d, const void *p)
{
    (void)d, (void)p;
    return NULL;
}

static void far_copy(const struct raml_device *d, void *to, const void *from, size_t bytes)
{
    RUN(d, copy, LIST(to, from), to, from, bytes);
}

static void far_copy_rows(const struct raml_device *d, void *to, size_t to_stride, const void *from, size_t from_stride,
                          size_t bytes, size_t rows)
{
    RUN(d, copy_rows, LIST(to, from), to, to_stride, from, from_stride, bytes, rows);
}

static void far_zero(const struct raml_device *d, void *to, size_t bytes)
{
    RUN(d, zero, LIST(to), to, bytes);
}

static enum raml_code far_sync(const struct raml_device *d, struct raml_err *err)
{
    struct raml_err late = {0};
    enum raml_code rc = raml_device_fault_take(d, err), under = raml_cpu_backend.sync(inner(d), &late);
    if (!rc && under && err) *err = late;
    return rc ? rc : under;
}

/* -- Weights and products ------------------------------------------------------------------------------------------ */
static enum raml_code far_weight_init(const struct raml_device *d, struct raml_matrix *w, enum raml_type act, size_t K,
                                      const struct raml_weight_part *part, size_t n_parts, bool backward,
                                      struct raml_err *err)
{
    enum raml_code rc = enter(d, "weight_init")
                            ? raml_cpu_backend.weight_init(inner(d), w, act, K, part, n_parts, backward, err)
                            : raml_device_fault_take(d, err);
    leave(d);
    return rc;
}

static void far_weight_deinit(const struct raml_device *d, struct raml_matrix *w)
{
    raml_cpu_backend.weight_deinit(inner(d), w);
}

static enum raml_code far_weight_set(const struct raml_device *d, struct raml_matrix *w, size_t row, size_t n,
                                     const void *host_rows, struct raml_err *err)
{
    check_places(d, "weight_set", false, LIST(host_rows));
    enum raml_code rc = enter(d, "weight_set") ? raml_cpu_backend.weight_set(inner(d), w, row, n, host_rows, err)
                                               : raml_device_fault_take(d, err);
    leave(d);
    return rc;
}

static enum raml_code far_weight_fill(const struct raml_device *d, struct raml_matrix *w, const float *value,
                                      struct raml_err *err)
{
    check_places(d, "weight_fill", true, LIST(value));
    enum raml_code rc = enter(d, "weight_fill") ? raml_cpu_backend.weight_fill(inner(d), w, value, err)
                                                : raml_device_fault_take(d, err);
    leave(d);
    return rc;
}

static size_t far_weight_bytes(const struct raml_device *d, const struct raml_matrix *w)
{
    return raml_cpu_backend.weight_bytes(inner(d), w);
}

static void far_forward(const struct raml_device *d, const struct raml_matrix *w, const void *x, enum raml_type x_type,
                        size_t n, void *y, enum raml_type y_type, bool add)
{
    RUN(d, forward, LIST(x, y), w, x, x_type, n, y, y_type, add);
}

static void far_backward(const struct raml_device *d, const struct raml_matrix *w, const void *dy, enum raml_type type,
                         size_t n, void *dx, enum raml_type dx_type, bool add)
{
    RUN(d, backward, LIST(dy, dx), w, dy, type, n, dx, dx_type, add);
}

static void far_weight_grad(const struct raml_device *d, enum raml_type type, const void *dy, void *x, size_t n,
                            size_t N, size_t K, float *dw)
{
    RUN(d, weight_grad, LIST(dy, x, dw), type, dy, x, n, N, K, dw);
}

/* -- Rows ---------------------------------------------------------------------------------------------------------- */
static void far_embed(const struct raml_device *d, float *x, const void *table, enum raml_type type,
                      const int32_t *token, size_t n, size_t width)
{
    RUN(d, embed, LIST(x, table, token), x, table, type, token, n, width);
}

static void far_embed_back(const struct raml_device *d, float *d_table, const float *dx, const int32_t *token, size_t n,
                           size_t width)
{
    RUN(d, embed_back, LIST(d_table, dx, token), d_table, dx, token, n, width);
}

static void far_add_norm(const struct raml_device *d, enum raml_type type, float *sum, void *y, float *rstd,
                         const float *x, const void *add, const float *w, size_t n, size_t width, float eps)
{
    RUN(d, add_norm, LIST(sum, y, rstd, x, add, w), type, sum, y, rstd, x, add, w, n, width, eps);
}

static void far_norm_back(const struct raml_device *d, enum raml_type type, float *dx, void *dx_act, float *dw,
                          const void *dy, const float *x, const float *rstd, const float *w, size_t n, size_t width)
{
    RUN(d, norm_back, LIST(dx, dx_act, dw, dy, x, rstd, w), type, dx, dx_act, dw, dy, x, rstd, w, n, width);
}

static void far_heads(const struct raml_device *d, const struct raml_head_rows *h)
{
    RUN(d, heads, LIST(h->qkv, h->raw, h->bias, h->q_w, h->k_w, h->position, h->cos_sin), h);
}

static void far_heads_back(const struct raml_device *d, const struct raml_head_rows *h, void *dqkv, float *d_bias,
                           float *dq_w, float *dk_w)
{
    RUN(d, heads_back, LIST(h->raw, h->bias, h->q_w, h->k_w, h->position, h->cos_sin, dqkv, d_bias, dq_w, dk_w), h,
        dqkv, d_bias, dq_w, dk_w);
}

static void far_silu_mul(const struct raml_device *d, enum raml_type t, void *out, const void *gu, size_t n, size_t w)
{
    RUN(d, silu_mul, LIST(out, gu), t, out, gu, n, w);
}

static void far_silu_mul_back(const struct raml_device *d, enum raml_type type, void *d_gu, const void *d_out,
                              const void *gu, size_t n, size_t w)
{
    RUN(d, silu_mul_back, LIST(d_gu, d_out, gu), type, d_gu, d_out, gu, n, w);
}

static void far_gelu_mul(const struct raml_device *d, enum raml_type type, void *out, const void *gu, size_t n,
                         size_t w)
{
    RUN(d, gelu_mul, LIST(out, gu), type, out, gu, n, w);
}

static void far_gelu_mul_back(const struct raml_device *d, enum raml_type type, void *d_gu, const void *d_out,
                              const void *gu, size_t n, size_t w)
{
    RUN(d, gelu_mul_back, LIST(d_gu, d_out, gu), type, d_gu, d_out, gu, n, w);
}

static void far_scale_add(const struct raml_device *d, enum raml_type type, float *sum, void *out, const float *x,
                          const void *add, float scale, size_t n)
{
    RUN(d, scale_add, LIST(sum, out, x, add), type, sum, out, x, add, scale, n);
}

static void far_to_act(const struct raml_device *d, enum raml_type type, void *out, const float *in, size_t n)
{
    RUN(d, to_act, LIST(out, in), type, out, in, n);
}

static void far_gather(const struct raml_device *d, enum raml_type type, void *out, const void *in, const uint32_t *row,
                       size_t stride, size_t n, size_t width)
{
    RUN(d, gather, LIST(out, in, row), type, out, in, row, stride, n, width);
}

static void far_scatter_add(const struct raml_device *d, float *out, const float *in, const uint32_t *row,
                            size_t stride, size_t n, size_t width)
{
    RUN(d, scatter_add, LIST(out, in, row), out, in, row, stride, n, width);
}

static void far_add(const struct raml_device *d, float *out, const float *in, size_t n)
{
    RUN(d, add, LIST(out, in), out, in, n);
}

static void far_combine(const struct raml_device *d, float *out, const float *base, float a, const float *x, float b,
                        const float *y, size_t n)
{
    RUN(d, combine, LIST(out, base, x, y), out, base, a, x, b, y, n);
}

static void far_low_rank(const struct raml_device *d, const struct raml_low_rank *r)
{
    RUN(d, low_rank, LIST(r->x, r->y, r->left, r->right, r->row), r);
}

static void far_rank_down(const struct raml_device *d, const struct raml_rank_rows *r)
{
    RUN(d, rank_down, LIST(r->x, r->token, r->m, r->u), r);
}

static void far_rank_up(const struct raml_device *d, const struct raml_rank_rows *r)
{
    RUN(d, rank_up, LIST(r->x, r->token, r->m, r->u), r);
}

static void far_rank_grad(const struct raml_device *d, const struct raml_rank_rows *r)
{
    RUN(d, rank_grad, LIST(r->x, r->token, r->m, r->u), r);
}

static void far_rank_pick(const struct raml_device *d, const struct raml_rank_rows *r)
{
    RUN(d, rank_pick, LIST(r->x, r->token, r->m, r->u), r);
}

static void far_rank_put(const struct raml_device *d, const struct raml_rank_rows *r)
{
    RUN(d, rank_put, LIST(r->x, r->token, r->m, r->u), r);
}

static void far_transpose(const struct raml_device *d, float *out, const float *in, size_t n, size_t width)
{
    RUN(d, transpose, LIST(out, in), out, in, n, width);
}

static void far_gram(const struct raml_device *d, double *out, const float *x, size_t n, size_t K)
{
    RUN(d, gram, LIST(out, x), out, x, n, K);
}

/* -- Attention, loss, optimizer, tokens ---------------------------------------------------------------------------- */
static void far_store_kv(const struct raml_device *d, enum raml_type type, void *k, void *v, const void *qkv,
                         const uint32_t *page, const uint8_t *slot, size_t n, size_t H, size_t K, size_t D)
{
    RUN(d, store_kv, LIST(k, v, qkv, page, slot), type, k, v, qkv, page, slot, n, H, K, D);
}

static void far_attention(const struct raml_device *d, const struct raml_attention *a)
{
    RUN(d, attention, LIST(a->qkv, a->k, a->v, a->tile, a->pair, a->mask, a->o, a->lse), a);
}

static void far_attention_back(const struct raml_device *d, const struct raml_attention_back *a)
{
    RUN(d, attention_back,
        LIST(a->f.qkv, a->f.tile, a->f.pair, a->f.mask, a->f.o, a->f.lse, a->d_o, a->dqkv, a->tree_tile), a);
}

static void far_attention_sums(const struct raml_device *d, const struct raml_attention_sums *a)
{
    RUN(d, attention_sums, LIST(a->qkv, a->k, a->tile, a->pair, a->mask, a->query, a->group, a->sum), a);
}

static void far_loss_start(const struct raml_device *d, const struct raml_loss_state *s, size_t n)
{
    RUN(d, loss_start, LIST(s->max, s->sum, s->dot, s->target, s->argmax), s, n);
}

static void far_loss_tile(const struct raml_device *d, const struct raml_loss_state *s,
                          const struct raml_logits_tile *z, const struct raml_targets *t)
{
    RUN(d, loss_tile, LIST(s->max, s->sum, s->dot, s->target, s->argmax, z->z, t->token), s, z, t);
}

static void far_loss_end(const struct raml_device *d, const struct raml_loss_state *s, const struct raml_loss_end *out,
                         size_t n)
{
    RUN(d, loss_end, LIST(s->max, s->sum, s->dot, s->target, out->lse, out->entropy, out->logp), s, out, n);
}

static void far_loss_back(const struct raml_device *d, enum raml_type type, void *dz, const struct raml_loss_back *b,
                          const struct raml_logits_tile *z, const struct raml_targets *t)
{
    RUN(d, loss_back, LIST(dz, b->lse, b->entropy, b->c, b->e, z->z, t->token), type, dz, b, z, t);
}

static void far_top_tile(const struct raml_device *d, const struct raml_top_logits *top,
                         const struct raml_logits_tile *z, size_t n)
{
    RUN(d, top_tile, LIST(top->logit, top->token, z->z), top, z, n);
}

static void far_adamw(const struct raml_device *d, const struct raml_adamw_factors *factors, float *w, float *m,
                      float *v, const float *g, size_t n)
{
    RUN(d, adamw, LIST(w, m, v, g), factors, w, m, v, g, n);
}

static void far_adamw_back(const struct raml_device *d, const struct raml_adamw_factors *factors, const float *dw,
                           float *dm, float *dv, float *dg, const float *m, const float *v, const float *g, size_t n)
{
    RUN(d, adamw_back, LIST(dw, dm, dv, dg, m, v, g), factors, dw, dm, dv, dg, m, v, g, n);
}

static void far_square_sum(const struct raml_device *d, double *out, const float *g, size_t n)
{
    RUN(d, square_sum, LIST(out, g), out, g, n);
}

static void far_sample_tokens(const struct raml_device *d, const struct raml_token_rows *r,
                              struct raml_token_sampled *o)
{
    RUN(d, sample_tokens, LIST(r->logits, r->row, r->u, r->weight, o), r, o);
}

static const struct raml_backend far_backend = {
    .close = far_close,
    .level = far_level,
    .threads = far_threads,
    .has = far_has,
    .describe = far_describe,
    .peak = far_peak,
    .sizes = far_sizes,
    .page_bytes = far_page_bytes,
    .scratch_bytes = far_scratch_bytes,
    .alloc = far_alloc,
    .free = far_free,
    .upload = far_upload,
    .download = far_download,
    .view = far_view,
    .copy = far_copy,
    .copy_rows = far_copy_rows,
    .zero = far_zero,
    .sync = far_sync,
    .weight_init = far_weight_init,
    .weight_deinit = far_weight_deinit,
    .weight_set = far_weight_set,
    .weight_fill = far_weight_fill,
    .weight_bytes = far_weight_bytes,
    .forward = far_forward,
    .backward = far_backward,
    .weight_grad = far_weight_grad,
    .embed = far_embed,
    .embed_back = far_embed_back,
    .add_norm = far_add_norm,
    .norm_back = far_norm_back,
    .heads = far_heads,
    .heads_back = far_heads_back,
    .silu_mul = far_silu_mul,
    .silu_mul_back = far_silu_mul_back,
    .gelu_mul = far_gelu_mul,
    .gelu_mul_back = far_gelu_mul_back,
    .to_act = far_to_act,
    .scale_add = far_scale_add,
    .gather = far_gather,
    .scatter_add = far_scatter_add,
    .add = far_add,
    .combine = far_combine,
    .low_rank = far_low_rank,
    .rank_down = far_rank_down,
    .rank_up = far_rank_up,
    .rank_grad = far_rank_grad,
    .rank_pick = far_rank_pick,
    .rank_put = far_rank_put,
    .transpose = far_transpose,
    .gram = far_gram,
    .store_kv = far_store_kv,
    .attention = far_attention,
    .attention_back = far_attention_back,
    .attention_sums = far_attention_sums,
    .loss_start = far_loss_start,
    .loss_tile = far_loss_tile,
    .loss_end = far_loss_end,
    .loss_back = far_loss_back,
    .top_tile = far_top_tile,
    .adamw = far_adamw,
    .adamw_back = far_adamw_back,
    .square_sum = far_square_sum,
    .sample_tokens = far_sample_tokens,
};

/* -- For tests ----------------------------------------------------------------------------------------------------- */
enum raml_code far_open(struct raml_device **out, struct raml_err *err)
{
    struct far *f = calloc(1, sizeof *f);
    pthread_mutexattr_t again;
    if (!f || pthread_mutexattr_init(&again) || pthread_mutexattr_settype(&again, PTHREAD_MUTEX_RECURSIVE) ||
        pthread_mutex_init(&f->lock, &again))
        abort();
    pthread_mutexattr_destroy(&again);
    f->block = malloc(MOST_BLOCKS * sizeof *f->block);
    f->mapped = mmap(NULL, REGION + STEP, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (!f->block || f->mapped == MAP_FAILED || raml_device_open(1, "ref", &f->in, NULL)) abort();
    f->base = f->mapped + (-(uintptr_t)f->mapped & (STEP - 1));
    (void)madvise(f->base, REGION, MADV_HUGEPAGE); /* only for speed */
    return raml_device_wrap(&far_backend, f, out, err);
}

void far_fail_at(const struct raml_device *d, size_t n)
{
    struct far *f = d->own;
    f->n_ops = 0;
    f->fail_at = n;
    f->failed = false;
}

size_t far_operations(const struct raml_device *d)
{
    return ((const struct far *)d->own)->n_ops;
}

bool far_failed(const struct raml_device *d)
{
    return ((const struct far *)d->own)->failed;
}

size_t far_in_use(const struct raml_device *d)
{
    const struct far *f = d->own;
    size_t bytes = 0;
    for (size_t i = 0; i < f->n_blocks; i++) bytes += f->block[i].bytes;
    return bytes;
}

bool far_asked(void)
{
    const char *which = getenv("RAML_TEST_DEVICE");
    return which && !strcmp(which, "far");
}

enum raml_code far_device_open(int threads, const char *level, struct raml_device **out, struct raml_err *err)
{
    if (!far_asked()) return raml_device_open(threads, level, out, err);
    if (level && strcmp(level, "auto"))
        return raml_fail(err, RAML_ESUPPORT, "level '%s' is not the far device's", level);
    return far_open(out, err);
}
