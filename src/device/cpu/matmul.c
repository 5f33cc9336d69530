/* matmul.c - matrix products through oneDNN's C API. The one file that knows oneDNN, and both of its versions. See
 * matmul.h. */
#include "device/matmul.h"

#include "core/half.h"
#include "core/hash_map.h"
#include "device/impl.h"

#include <oneapi/dnnl/dnnl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- The difference between 2.6 and 3.x: descriptors by value or by handle, and how a matmul is described. --------- */
#if DNNL_VERSION_MAJOR >= 3
typedef dnnl_memory_desc_t md_t;
static dnnl_status_t md_new(md_t *out, const dnnl_dims_t dims, dnnl_data_type_t type, dnnl_format_tag_t tag)
{
    return dnnl_memory_desc_create_with_tag(out, 2, dims, type, tag);
}
static void md_free(md_t md)
{
    if (md) dnnl_memory_desc_destroy(md);
}
static dnnl_status_t md_copy(md_t *out, const_dnnl_memory_desc_t in)
{
    return dnnl_memory_desc_clone(out, in);
}
static dnnl_status_t pd_new(dnnl_primitive_desc_t *pd, dnnl_engine_t e, md_t a, md_t b, md_t c,
                            dnnl_primitive_attr_t attr)
{
    return dnnl_matmul_primitive_desc_create(pd, e, a, b, NULL, c, attr);
}
static dnnl_status_t add_sum(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_sum(ops, 1.0f, 0, dnnl_data_type_undef);
}
static int inner_blocks(md_t md, dnnl_dims_t size, dnnl_dims_t index, dnnl_dims_t stride)
{
    int n = 0;
    if (dnnl_memory_desc_query(md, dnnl_query_inner_nblks_s32, &n) || n > 3) return 0;
    dnnl_dims_t *of = NULL;
    if (dnnl_memory_desc_query(md, dnnl_query_inner_blks, &of)) return 0;
    for (int i = 0; i < n; i++) size[i] = (*of)[i];
    if (dnnl_memory_desc_query(md, dnnl_query_inner_idxs, &of)) return 0;
    for (int i = 0; i < n; i++) index[i] = (*of)[i];
    if (dnnl_memory_desc_query(md, dnnl_query_strides, &of)) return 0;
    for (int i = 0; i < 2; i++) stride[i] = (*of)[i];
    return n;
}
#else
typedef dnnl_memory_desc_t *md_t;
static dnnl_status_t md_copy(md_t *out, const dnnl_memory_desc_t *in)
{
    *out = malloc(sizeof **out);
    if (!*out) return dnnl_out_of_memory;
    **out = *in;
    return dnnl_success;
}
static dnnl_status_t md_new(md_t *out, const dnnl_dims_t dims, dnnl_data_type_t type, dnnl_format_tag_t tag)
{
    dnnl_memory_desc_t md;
    dnnl_status_t rc = dnnl_memory_desc_init_by_tag(&md, 2, dims, type, tag);
    return rc ? rc : md_copy(out, &md);
}
static void md_free(md_t md)
{
    free(md);
}
static dnnl_status_t pd_new(dnnl_primitive_desc_t *pd, dnnl_engine_t e, md_t a, md_t b, md_t c,
                            dnnl_primitive_attr_t attr)
{
    dnnl_matmul_desc_t d;
    dnnl_status_t rc = dnnl_matmul_desc_init(&d, a, b, NULL, c);
    return rc ? rc : dnnl_primitive_desc_create(pd, &d, attr, e, NULL);
}
static dnnl_status_t add_sum(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_sum(ops, 1.0f);
}
static int inner_blocks(md_t md, dnnl_dims_t size, dnnl_dims_t index, dnnl_dims_t stride)
{
    const dnnl_blocking_desc_t *b = &md->format_desc.blocking;
    if (md->format_kind != dnnl_blocked || b->inner_nblks > 3) return 0;
    for (int i = 0; i < b->inner_nblks; i++) {
        size[i] = b->inner_blks[i];
        index[i] = b->inner_idxs[i];
    }
    for (int i = 0; i < 2; i++) stride[i] = b->strides[i];
    return b->inner_nblks;
}
#endif

/* -- Compiled products -------------------------------------------------------------------------------------------- */
enum { LAYOUT_MAX = 64, PLAN_MAX = 768, ROOM = 32 << 20 };

struct shape {
    size_t M, K, N;
    const void *layout; /* of B: a struct layout, or NULL for row-major */
    bool bf16, out_f32, add;
};
struct plan { /* one compiled product with its memory objects, whose pointers are set at every use */
    struct shape shape;
    dnnl_primitive_t primitive;
    dnnl_memory_t a, b, c, scratch;
    size_t scratch_bytes;
};
struct layout { /* the blocked layout of B[K, N] = W^T */
    size_t N, K;
    bool bf16;
    md_t md;
    size_t bytes;
    size_t skinny_chunk;      /* of ops.h, skinny_gemm; 0: such products are oneDNN's too */
    size_t least, most;       /* rows of chunks whose results are those of CHUNK_SMALL rows */
    dnnl_primitive_t reorder; /* from act [N, K] row-major */
    dnnl_memory_t from, to;
};
struct raml_mm {
    const struct raml_ops *ops;
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    struct layout layout[LAYOUT_MAX];
    size_t n_layouts, n_plans;
    struct plan *plan;          /* [PLAN_MAX], n_plans of them made */
    struct raml_hash_map plans; /* shape -> plan */
    void *scratch;
    size_t scratch_bytes;
};

static enum raml_code fault(struct raml_err *err, dnnl_status_t status, const char *what)
{
    if (status == dnnl_out_of_memory) return raml_fail(err, RAML_ENOMEM, "oneDNN: no memory to %s", what);
    return raml_fail(err, RAML_ESUPPORT, "oneDNN can't %s (status %d)", what, (int)status);
}

/* oneDNN's code buffers, of 256 KiB a kernel and some dozens a product, are mapped and written to unchecked (2.6), and C++
 * ends the process where an object does not fit: asked before it makes something. */
static enum raml_code need_room(struct raml_err *err)
{
    return raml_device_need(ROOM, "oneDNN's generated code", err);
}

static dnnl_data_type_t type_of(bool bf16)
{
    return bf16 ? dnnl_bf16 : dnnl_f32;
}

enum raml_code raml_mm_open(const struct raml_ops *ops, struct raml_mm **out, struct raml_err *err)
{
    enum raml_code code = need_room(err);
    if (code) return code;
    struct raml_mm *mm = calloc(1, sizeof *mm);
    if (!mm) return raml_fail(err, RAML_ENOMEM, "no memory for the matrix products");
    mm->ops = ops;
    mm->plan = calloc(PLAN_MAX, sizeof *mm->plan);
    bool ok = mm->plan && raml_hash_map_reserve(&mm->plans, PLAN_MAX);
    dnnl_status_t rc = ok ? dnnl_engine_create(&mm->engine, dnnl_cpu, 0) : dnnl_out_of_memory;
    if (!rc) rc = dnnl_stream_create(&mm->stream, mm->engine, dnnl_stream_default_flags);
    if (rc) {
        raml_mm_close(mm);
        return fault(err, rc, "start");
    }
    *out = mm;
    return RAML_OK;
}

static void plan_free(struct plan *p)
{
    if (p->primitive) dnnl_primitive_destroy(p->primitive);
    if (p->a) dnnl_memory_destroy(p->a);
    if (p->b) dnnl_memory_destroy(p->b);
    if (p->c) dnnl_memory_destroy(p->c);
    if (p->scratch) dnnl_memory_destroy(p->scratch);
    *p = (struct plan){0};
}

static void plans_drop(struct raml_mm *mm)
{
    for (size_t i = 0; i < mm->n_plans; i++) plan_free(&mm->plan[i]);
    mm->n_plans = 0;
    raml_hash_map_clear(&mm->plans);
}

void raml_mm_close(struct raml_mm *mm)
{
    if (!mm) return;
    plans_drop(mm);
    for (size_t i = 0; i < mm->n_layouts; i++) {
        struct layout *l = &mm->layout[i];
        if (l->reorder) dnnl_primitive_destroy(l->reorder);
        if (l->from) dnnl_memory_destroy(l->from);
        if (l->to) dnnl_memory_destroy(l->to);
        md_free(l->md);
    }
    if (mm->stream) dnnl_stream_destroy(mm->stream);
    if (mm->engine) dnnl_engine_destroy(mm->engine);
    free(mm->plan);
    raml_hash_map_deinit(&mm->plans);
    free(mm->scratch);
    free(mm);
}

const char *raml_mm_version(char *out, size_t cap)
{
    const dnnl_version_t *v = dnnl_version();
    snprintf(out, cap, "oneDNN %d.%d.%d", v->major, v->minor, v->patch);
    return out;
}

static uint64_t hash_shape(const struct shape *s)
{
    uint64_t h = raml_hash_u64(s->M) + s->K;
    h = raml_hash_u64(h) + s->N;
    h = raml_hash_u64(h) + ((uintptr_t)s->layout >> 4);
    return raml_hash_u64(h) + (uint64_t)(s->bf16 + 2 * s->out_f32 + 4 * s->add) * (UINT64_C(1) << 32);
}

static bool same_shape(const struct shape *a, const struct shape *b)
{
    return a->M == b->M && a->K == b->K && a->N == b->N && a->layout == b->layout && a->bf16 == b->bf16 &&
           a->out_f32 == b->out_f32 && a->add == b->add;
}

/* Describes the product; *layout_out (may be NULL) receives the layout of B that oneDNN chose. */
static dnnl_status_t describe(struct raml_mm *mm, const struct shape *s, dnnl_format_tag_t b_tag, md_t md[3],
                              dnnl_primitive_desc_t *pd)
{
    const dnnl_dims_t da = {(dnnl_dim_t)s->M, (dnnl_dim_t)s->K}, db = {(dnnl_dim_t)s->K, (dnnl_dim_t)s->N};
    const dnnl_dims_t dc = {(dnnl_dim_t)s->M, (dnnl_dim_t)s->N};
    const struct layout *l = s->layout;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_post_ops_t ops = NULL;
    dnnl_status_t rc = md_new(&md[0], da, type_of(s->bf16), dnnl_ab);
    if (!rc) rc = l ? md_copy(&md[1], l->md) : md_new(&md[1], db, type_of(s->bf16), b_tag);
    if (!rc) rc = md_new(&md[2], dc, s->out_f32 ? dnnl_f32 : type_of(s->bf16), dnnl_ab);
    if (!rc) rc = dnnl_primitive_attr_create(&attr);
    if (!rc) rc = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    if (!rc && s->add) {
        rc = dnnl_post_ops_create(&ops);
        if (!rc) rc = add_sum(ops);
        if (!rc) rc = dnnl_primitive_attr_set_post_ops(attr, ops);
    }
    if (!rc) rc = pd_new(pd, mm->engine, md[0], md[1], md[2], attr);
    if (ops) dnnl_post_ops_destroy(ops);
    if (attr) dnnl_primitive_attr_destroy(attr);
    return rc;
}

static dnnl_status_t plan_make(struct raml_mm *mm, struct plan *p, const struct shape *s)
{
    md_t md[3] = {0};
    dnnl_primitive_desc_t pd = NULL;
    dnnl_status_t rc = describe(mm, s, dnnl_ab, md, &pd);
    if (!rc) rc = dnnl_primitive_create(&p->primitive, pd);
    if (!rc) rc = dnnl_memory_create(&p->a, md[0], mm->engine, DNNL_MEMORY_NONE);
    if (!rc) rc = dnnl_memory_create(&p->b, md[1], mm->engine, DNNL_MEMORY_NONE);
    if (!rc) rc = dnnl_memory_create(&p->c, md[2], mm->engine, DNNL_MEMORY_NONE);
    if (!rc) {
        p->scratch_bytes = dnnl_memory_desc_get_size(dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0));
        rc = dnnl_memory_create(&p->scratch, dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0), mm->engine,
                                DNNL_MEMORY_NONE);
    }
    if (pd) dnnl_primitive_desc_destroy(pd);
    for (int i = 0; i < 3; i++) md_free(md[i]);
    if (rc) {
        plan_free(p);
        return rc;
    }
    p->shape = *s;
    return dnnl_success;
}

static enum raml_code plan_add(struct raml_mm *mm, const struct shape *s, uint64_t hash, struct raml_err *err)
{
    struct plan *p = &mm->plan[mm->n_plans];
    enum raml_code code = need_room(err);
    if (code) return code;
    dnnl_status_t rc = plan_make(mm, p, s);
    if (rc) return fault(err, rc, "make a matrix product");
    if (p->scratch_bytes > mm->scratch_bytes) {
        free(mm->scratch);
        mm->scratch = raml_device_alloc(p->scratch_bytes, 1);
        mm->scratch_bytes = mm->scratch ? p->scratch_bytes : 0;
    }
    if (mm->scratch_bytes < p->scratch_bytes || !raml_hash_map_add(&mm->plans, hash, (uint32_t)mm->n_plans)) {
        plan_free(p);
        return raml_fail(err, RAML_ENOMEM, "no memory for a matrix product's scratch space");
    }
    mm->n_plans++;
    return RAML_OK;
}

/* The compiled product of a shape, made on first use. A full table is emptied: rare, and only costs time. */
static enum raml_code plan_find(struct raml_mm *mm, const struct shape *s, struct plan **out, struct raml_err *err)
{
    uint64_t hash = hash_shape(s);
    uint32_t i;
    for (size_t step = 0; (i = raml_hash_map_next(&mm->plans, hash, &step)) != RAML_HASH_NONE;) {
        *out = &mm->plan[i];
        if (same_shape(&mm->plan[i].shape, s)) return RAML_OK;
    }
    if (mm->n_plans == PLAN_MAX) plans_drop(mm);
    *out = &mm->plan[mm->n_plans];
    return plan_add(mm, s, hash, err);
}

static enum raml_code multiply(struct raml_mm *mm, const struct shape *s, const void *a, const void *b, void *c,
                               struct raml_err *err)
{
    struct plan *p = NULL;
    enum raml_code code = plan_find(mm, s, &p, err);
    if (code) return code;
    dnnl_status_t rc = dnnl_memory_set_data_handle(p->a, (void *)(uintptr_t)a);
    if (!rc) rc = dnnl_memory_set_data_handle(p->b, (void *)(uintptr_t)b);
    if (!rc) rc = dnnl_memory_set_data_handle(p->c, c);
    if (!rc) rc = dnnl_memory_set_data_handle(p->scratch, mm->scratch);
    dnnl_exec_arg_t arg[] = {
        {DNNL_ARG_SRC, p->a}, {DNNL_ARG_WEIGHTS, p->b}, {DNNL_ARG_DST, p->c}, {DNNL_ARG_SCRATCHPAD, p->scratch}};
    if (!rc) rc = dnnl_primitive_execute(p->primitive, mm->stream, 4, arg);
    if (!rc) rc = dnnl_stream_wait(mm->stream);
    return rc ? fault(err, rc, "run a matrix product") : RAML_OK;
}

bool raml_mm_has_bf16(struct raml_mm *mm)
{
    md_t md[3] = {0};
    dnnl_primitive_desc_t pd = NULL;
    struct shape s = {.M = 64, .K = 64, .N = 64, .bf16 = true};
    if (need_room(NULL)) return false;
    dnnl_status_t rc = describe(mm, &s, dnnl_ab, md, &pd);
    if (pd) dnnl_primitive_desc_destroy(pd);
    for (int i = 0; i < 3; i++) md_free(md[i]);
    return !rc;
}

/* -- Chunks of rows ------------------------------------------------------------------------------------------------ */
enum { CHUNK_MAX = 4096, CHUNK_SMALL = 64, CHUNK_AMX = 512 };

/* least: a multiple of 8 up to CHUNK_SMALL; most: a power of two from CHUNK_SMALL on */
static size_t chunk(size_t left, size_t least, size_t most)
{
    if (left <= CHUNK_SMALL) return left <= least ? least : (left + 7) / 8 * 8;
    size_t c = most;
    left = (left + 63) / 64 * 64;
    while (c > left) c /= 2;
    return c;
}

size_t raml_mm_rows(size_t n)
{
    return n <= 512 ? (n + 63) / 64 * 64 : (n + 255) / 256 * 256;
}

/* -- Skinny products ----------------------------------------------------------------------------------------------- */
/* Is it the layout of ops.h, skinny_gemm? */
static bool pairs_of_64(const struct layout *l)
{
    static const dnnl_dim_t want[3] = {16, 64, 2}, of[3] = {0, 1, 0};
    dnnl_dims_t size, index, stride;
    if (!l->bf16 || l->K % 32 || inner_blocks(l->md, size, index, stride) != 3) return false;
    for (int i = 0; i < 3; i++)
        if (size[i] != want[i] || index[i] != of[i]) return false;
    return stride[0] == 2048 && stride[1] == (dnnl_dim_t)l->K * 64;
}

static void random_bf16(uint16_t *out, size_t n)
{
    uint32_t state = 1;
    /* Magnitudes from 2^-15 to 2, either sign: sums of a few products of numbers of one size are exact in f32, and in any
     * order the same. */
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        out[i] = (uint16_t)((state >> 16 & 0x87ffu) | 0x3800u);
    }
}

/* Finds the chunk with which skinny_gemm gives oneDNN's bits, if there is one: first by the columns of one block, then
 * all columns and rows must agree. A product's bits do not depend on its rows (test_matmul), so neither will ours. */
static enum raml_code find_skinny(struct raml_mm *mm, struct layout *l, struct raml_err *err)
{
    if (!mm->ops->skinny_gemm || !pairs_of_64(l)) return RAML_OK;
    size_t n = RAML_SKINNY, blocks = l->K / 32;
    uint16_t *w = raml_device_alloc(l->bytes, 1), *x = raml_device_alloc(l->least * l->K, sizeof *x);
    float *want = raml_device_alloc((l->least + n) * l->N, sizeof *want), *got = want ? want + l->least * l->N : NULL;
    struct shape s = {l->least, l->K, l->N, l, true, true, false};
    enum raml_code rc = w && x && want ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory to try a matrix product");
    if (!rc) {
        random_bf16(w, l->bytes / sizeof *w);
        random_bf16(x, n * l->K);
        rc = multiply(mm, &s, x, w, want, err);
    }
    struct raml_skinny f = {x, w, got, true, 1, l->N < 64 ? l->N : 64, l->K, 0};
    for (f.chunk = 1; !rc && f.chunk <= blocks; f.chunk++) {
        mm->ops->skinny_gemm(&f);
        if (memcmp(got, want, f.N * sizeof *got)) continue;
        struct raml_skinny all = {x, w, got, true, n, l->N, l->K, f.chunk};
        mm->ops->skinny_gemm(&all);
        if (memcmp(got, want, n * l->N * sizeof *got)) break;
        l->skinny_chunk = f.chunk;
        break;
    }
    free(w);
    free(x);
    free(want);
    return rc;
}

/* -- Chunks whose rows agree --------------------------------------------------------------------------------------- */
bool raml_mm_has_amx(void)
{
    return (dnnl_get_effective_cpu_isa() & dnnl_cpu_isa_avx512_core_amx) == dnnl_cpu_isa_avx512_core_amx;
}

struct chunks { /* a trial's products: x[CHUNK_AMX, K] by w; want: in chunks of CHUNK_SMALL rows */
    uint16_t *w, *x;
    float *want, *got; /* [CHUNK_AMX, N] */
};
/* Does a chunk of M rows give the bits of CHUNK_SMALL? */
static enum raml_code agrees(struct raml_mm *mm, const struct layout *l, const struct chunks *t, size_t M, bool *agree,
                             struct raml_err *err)
{
    struct shape s = {M, l->K, l->N, l, true, true, false};
    enum raml_code rc = multiply(mm, &s, t->x, t->w, t->got, err);
    *agree = !rc && !memcmp(t->got, t->want, M * l->N * sizeof *t->got);
    return rc;
}

static enum raml_code try_chunks(struct raml_mm *mm, struct layout *l, const struct chunks *t, struct raml_err *err)
{
    struct shape s = {CHUNK_SMALL, l->K, l->N, l, true, true, false};
    enum raml_code rc = RAML_OK;
    random_bf16(t->w, l->bytes / sizeof *t->w);
    random_bf16(t->x, CHUNK_AMX * l->K);
    for (size_t r = 0; !rc && r < CHUNK_AMX; r += s.M)
        rc = multiply(mm, &s, t->x + r * l->K, t->w, t->want + r * l->N, err);
    bool agree = true;
    for (l->most = CHUNK_SMALL; !rc && agree && l->most < CHUNK_AMX;) {
        rc = agrees(mm, l, t, 2 * l->most, &agree, err);
        if (agree) l->most *= 2;
    }
    agree = true;
    for (l->least = CHUNK_SMALL; !rc && agree && l->least > 8;) {
        rc = agrees(mm, l, t, l->least - 8, &agree, err);
        if (agree) l->least -= 8;
    }
    return rc;
}

/* With AMX oneDNN (2.6) cuts long sums of many rows into other pieces than those of few (from K of about 1024 and 128
 * rows on), and multiplies few rows by small matrices by other instructions (8 rows by 32 x 32): finds from how few to
 * how many rows at once give the bits of CHUNK_SMALL. Without AMX all chunks do, on all processors and shapes seen
 * (test_matmul). */
static enum raml_code find_chunks(struct raml_mm *mm, struct layout *l, struct raml_err *err)
{
    l->least = 8;
    l->most = CHUNK_MAX;
    if (!l->bf16 || !raml_mm_has_amx()) return RAML_OK;
    struct chunks t = {.w = raml_device_alloc(l->bytes, 1),
                       .x = raml_device_alloc(CHUNK_AMX * l->K, sizeof *t.x),
                       .want = raml_device_alloc(CHUNK_AMX * l->N, sizeof *t.want),
                       .got = raml_device_alloc(CHUNK_AMX * l->N, sizeof *t.got)};
    enum raml_code rc = t.w && t.x && t.want && t.got
                            ? try_chunks(mm, l, &t, err)
                            : raml_fail(err, RAML_ENOMEM, "no memory to try a matrix product");
    free(t.w);
    free(t.x);
    free(t.want);
    free(t.got);
    return rc;
}

/* -- Weights ------------------------------------------------------------------------------------------------------- */
static enum raml_code layout_find(struct raml_mm *mm, size_t N, size_t K, bool bf16, struct layout **out,
                                  struct raml_err *err)
{
    for (size_t i = 0; i < mm->n_layouts; i++)
        if (mm->layout[i].N == N && mm->layout[i].K == K && mm->layout[i].bf16 == bf16) {
            *out = &mm->layout[i];
            return RAML_OK;
        }
    if (mm->n_layouts == LAYOUT_MAX) return raml_fail(err, RAML_ENOMEM, "more than %d shapes of weights", LAYOUT_MAX);
    enum raml_code code = need_room(err);
    if (code) return code;
    struct layout *l = &mm->layout[mm->n_layouts];
    *l = (struct layout){.N = N, .K = K, .bf16 = bf16};
    md_t md[3] = {0}, row_major_md = NULL;
    dnnl_primitive_desc_t pd = NULL, rd = NULL;
    struct shape s = {.M = 64, .K = K, .N = N, .bf16 = bf16};
    const dnnl_dims_t dims = {(dnnl_dim_t)K, (dnnl_dim_t)N};
    dnnl_status_t rc = describe(mm, &s, dnnl_format_tag_any, md, &pd);
    if (!rc) rc = md_copy(&l->md, dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0));
    if (!rc) rc = md_new(&row_major_md, dims, type_of(bf16), dnnl_ba);
    if (!rc) rc = dnnl_reorder_primitive_desc_create(&rd, row_major_md, mm->engine, l->md, mm->engine, NULL);
    if (!rc) rc = dnnl_primitive_create(&l->reorder, rd);
    if (!rc) rc = dnnl_memory_create(&l->from, row_major_md, mm->engine, DNNL_MEMORY_NONE);
    if (!rc) rc = dnnl_memory_create(&l->to, l->md, mm->engine, DNNL_MEMORY_NONE);
    if (!rc) l->bytes = dnnl_memory_desc_get_size(l->md);
    if (pd) dnnl_primitive_desc_destroy(pd);
    if (rd) dnnl_primitive_desc_destroy(rd);
    for (int i = 0; i < 3; i++) md_free(md[i]);
    md_free(row_major_md);
    mm->n_layouts++; /* half-made ones are freed with the rest */
    if (rc) return fault(err, rc, "lay out a weight matrix");
    *out = l;
    code = find_chunks(mm, l, err);
    return code ? code : find_skinny(mm, l, err);
}

enum raml_code raml_weight_init(struct raml_mm *mm, struct raml_weight *w, size_t N, size_t K, bool bf16,
                                bool row_major, struct raml_err *err)
{
    *w = (struct raml_weight){.N = N, .K = K, .bf16 = bf16};
    struct layout *l = NULL;
    enum raml_code rc = layout_find(mm, N, K, bf16, &l, err);
    if (rc) return rc;
    size_t size = bf16 ? 2 : 4;
    w->layout = l;
    w->packed = raml_device_alloc(l->bytes, 1); /* zeroed: that a reorder writes all padding is not relied upon */
    if (row_major) w->row_major = raml_device_alloc(N * K, size);
    if (!w->packed || (row_major && !w->row_major)) {
        raml_weight_deinit(w);
        return raml_fail(err, RAML_ENOMEM, "no memory for a weight matrix of %zu x %zu", N, K);
    }
    w->bytes = l->bytes + (row_major ? N * K * size : 0);
    return RAML_OK;
}

void raml_weight_deinit(struct raml_weight *w)
{
    free(w->packed);
    free(w->row_major);
    *w = (struct raml_weight){0};
}

enum raml_code raml_weight_pack(struct raml_mm *mm, struct raml_weight *w, const void *act, struct raml_err *err)
{
    const struct layout *l = w->layout;
    if (w->row_major && w->row_major != act) memcpy(w->row_major, act, w->N * w->K * (w->bf16 ? 2 : 4));
    dnnl_status_t rc = dnnl_memory_set_data_handle(l->from, (void *)(uintptr_t)act);
    if (!rc) rc = dnnl_memory_set_data_handle(l->to, w->packed);
    dnnl_exec_arg_t arg[] = {{DNNL_ARG_FROM, l->from}, {DNNL_ARG_TO, l->to}};
    if (!rc) rc = dnnl_primitive_execute(l->reorder, mm->stream, 2, arg);
    if (!rc) rc = dnnl_stream_wait(mm->stream);
    return rc ? fault(err, rc, "lay out a weight matrix") : RAML_OK;
}

enum raml_code raml_weight_fill(struct raml_mm *mm, struct raml_weight *w, const float *value, struct raml_err *err)
{
    if (!w->bf16) return raml_weight_pack(mm, w, value, err);
    void *own = NULL;
    uint16_t *half = w->row_major ? w->row_major : (own = raml_device_alloc_uninit(w->N * w->K, sizeof *half));
    if (!half) return raml_fail(err, RAML_ENOMEM, "no memory to convert a weight matrix of %zu x %zu", w->N, w->K);
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < w->N; r++) raml_round_bf16(half + r * w->K, value + r * w->K, w->K);
    enum raml_code rc = raml_weight_pack(mm, w, half, err);
    free(own);
    return rc;
}

/* -- The products -------------------------------------------------------------------------------------------------- */
enum raml_code raml_mm_forward(struct raml_mm *mm, const struct raml_weight *w, const void *x, size_t n, void *y,
                               bool y_f32, bool add, struct raml_err *err)
{
    size_t in = w->bf16 ? 2 : 4, out = y_f32 ? 4 : in;
    const struct layout *l = w->layout;
    enum raml_code rc = RAML_OK;
    if (n && n <= RAML_SKINNY && l->skinny_chunk && !add) {
        struct raml_skinny f = {x, w->packed, y, y_f32, n, w->N, w->K, l->skinny_chunk};
        mm->ops->skinny_gemm(&f);
        return RAML_OK;
    }
    for (size_t r = 0; r < n && !rc;) {
        struct shape s = {chunk(n - r, l->least, l->most), w->K, w->N, w->layout, w->bf16, y_f32 || !w->bf16, add};
        rc = multiply(mm, &s, (const char *)x + r * w->K * in, w->packed, (char *)y + r * w->N * out, err);
        r += s.M;
    }
    return rc;
}

enum raml_code raml_mm_backward(struct raml_mm *mm, const struct raml_weight *w, const void *dy, size_t n, void *dx,
                                bool dx_f32, bool add, struct raml_err *err)
{
    size_t in = w->bf16 ? 2 : 4, out = dx_f32 ? 4 : in;
    enum raml_code rc = RAML_OK;
    for (size_t r = 0; r < n && !rc;) {
        struct shape s = {chunk(n - r, 8, CHUNK_MAX), w->N, w->K, NULL, w->bf16, dx_f32 || !w->bf16, add};
        rc = multiply(mm, &s, (const char *)dy + r * w->N * in, w->row_major, (char *)dx + r * w->K * out, err);
        r += s.M;
    }
    return rc;
}

enum raml_code raml_mm_weight_grad(struct raml_mm *mm, bool bf16, const void *dyt, const void *x, size_t n, size_t N,
                                   size_t K, float *dw, struct raml_err *err)
{
    struct shape s = {N, raml_mm_rows(n), K, NULL, bf16, true, true};
    return multiply(mm, &s, dyt, x, dw, err);
}
