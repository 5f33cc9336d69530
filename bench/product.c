/* product.c - our matrix products in f32 beside oneDNN's, for the matrices of a preset. See bench.h.
 *
 * The two take turns, so that other load on the machine affects both; of each the best of several runs counts.
 */
#include "bench/bench.h"

#include "core/clock.h"
#include "device/impl.h"
#include "raml/device.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHAPES = 5, TURNS = 5, MOST_ROWS = 4096, HEAD = 4096 };

enum kind { FORWARD, BACKWARD, GRADIENT };
static const char *const kind_name[] = {"forward", "backward", "gradient"};

struct rig {
    struct raml_device *dev;
    size_t N, K;
    float *x, *y, *w, *t; /* rows of K or N; the weight; a transposed gradient */
    char *panels, *back;  /* W and W^T */
    struct raml_weight mm;
    bool json;
    const char *preset;
    double log_ratio, lowest, own_s, other_s, flop;
    size_t n;
};

static void *panels_of(const float *w, size_t N, size_t K, bool transposed)
{
    size_t rows = transposed ? K : N, k = transposed ? N : K, count = (rows + RAML_PANEL_ROWS - 1) / RAML_PANEL_ROWS;
    size_t bytes = raml_panel_bytes(RAML_TYPE_F32, k);
    char *out = raml_device_alloc(count, bytes);
    float *scratch = malloc(RAML_PANEL_ROWS * k * sizeof *scratch);
    for (size_t q = 0; out && scratch && q < count; q++) {
        const void *row[RAML_PANEL_ROWS] = {NULL};
        for (size_t c = 0; c < RAML_PANEL_ROWS && q * RAML_PANEL_ROWS + c < rows; c++) {
            size_t r = q * RAML_PANEL_ROWS + c;
            for (size_t i = 0; i < k; i++) scratch[c * k + i] = transposed ? w[i * K + r] : w[r * K + i];
            row[c] = scratch + c * k;
        }
        raml_panel_pack(RAML_TYPE_F32, out + q * bytes, row, k);
    }
    free(scratch);
    return out;
}

static void close_shape(struct rig *r)
{
    raml_weight_deinit(&r->mm);
    free(r->x);
    free(r->y);
    free(r->w);
    free(r->t);
    free(r->panels);
    free(r->back);
}

static enum raml_code open_shape(struct rig *r, size_t N, size_t K, struct raml_err *err)
{
    size_t wide = N > K ? N : K, rows = MOST_ROWS + 256;
    r->N = N;
    r->K = K;
    r->x = raml_device_alloc(rows * wide, sizeof *r->x);
    r->y = raml_device_alloc(rows * wide, sizeof *r->y);
    r->t = raml_device_alloc(rows * wide, sizeof *r->t);
    r->w = raml_device_alloc(N * K, sizeof *r->w);
    if (!r->x || !r->y || !r->t || !r->w) return raml_fail(err, RAML_ENOMEM, "no memory for a product");
    for (size_t i = 0; i < rows * wide; i++) r->x[i] = r->t[i] = (float)(i * 2654435761u % 1000) / 500 - 1;
    for (size_t i = 0; i < N * K; i++) r->w[i] = (float)(i * 2246822519u % 1000) / 500 - 1;
    r->panels = panels_of(r->w, N, K, false);
    r->back = panels_of(r->w, N, K, true);
    if (!r->panels || !r->back) return raml_fail(err, RAML_ENOMEM, "no memory for a product");
    enum raml_code rc = raml_weight_init(r->dev->mm, &r->mm, N, K, false, true, err);
    return rc ? rc : raml_weight_fill(r->dev->mm, &r->mm, r->w, err);
}

static void own(const struct rig *r, enum kind kind, size_t n)
{
    /* clang-format off */
    struct raml_product p = {.m = n, .n = r->N, .k = r->K, .a = r->x, .lda = r->K, .b = r->panels, .c = r->y,
                             .ldc = r->N, .type = RAML_TYPE_F32};
    /* clang-format on */
    if (kind == BACKWARD) {
        p = (struct raml_product){.m = n,
                                  .n = r->K,
                                  .k = r->N,
                                  .a = r->x,
                                  .lda = r->N,
                                  .b = r->back,
                                  .c = r->y,
                                  .ldc = r->K,
                                  .type = RAML_TYPE_F32};
    } else if (kind == GRADIENT) {
        p = (struct raml_product){.m = r->N,
                                  .n = r->K,
                                  .k = n,
                                  .a = r->t,
                                  .lda = r->N,
                                  .a_columns = true,
                                  .b = r->x,
                                  .ldb = r->K,
                                  .c = r->w,
                                  .ldc = r->K,
                                  .add = true,
                                  .type = RAML_TYPE_F32};
    } else if (n <= RAML_SKINNY_ROWS) {
        size_t panels = (r->N + RAML_PANEL_ROWS - 1) / RAML_PANEL_ROWS, bytes = raml_panel_bytes(RAML_TYPE_F32, r->K);
        size_t runs = 4 * (size_t)r->dev->threads, each = (panels + runs - 1) / runs;
#pragma omp parallel for schedule(dynamic, 1)
        for (size_t q = 0; q < panels; q += each) {
            size_t from = q * RAML_PANEL_ROWS, left = r->N - from, most = each * RAML_PANEL_ROWS;
            struct raml_skinny_panels f = {.type = RAML_TYPE_F32,
                                           .R = n,
                                           .K = r->K,
                                           .x = r->x,
                                           .ldx = r->K,
                                           .panels = r->panels + q * bytes,
                                           .N = left < most ? left : most,
                                           .y = r->y + from,
                                           .ldy = r->N};
            r->dev->ops->panel->skinny(&f);
        }
        return;
    }
    r->dev->ops->product(&p);
}

static enum raml_code other(const struct rig *r, enum kind kind, size_t n, struct raml_err *err)
{
    if (kind == FORWARD) return raml_mm_forward(r->dev->mm, &r->mm, r->x, n, r->y, true, false, err);
    if (kind == BACKWARD) return raml_mm_backward(r->dev->mm, &r->mm, r->x, n, r->y, true, false, err);
    r->dev->ops->transpose(false, r->y, r->t, n, r->N, raml_mm_rows(n)); /* dy^T, in the layout of its product */
    return raml_mm_weight_grad(r->dev->mm, false, r->y, r->x, n, r->N, r->K, r->w, err);
}

/* Seconds per call of each, the best of several turns. */
static enum raml_code take_turns(const struct rig *r, enum kind kind, size_t n, double seconds[2], struct raml_err *err)
{
    seconds[0] = seconds[1] = INFINITY;
    own(r, kind, n);
    enum raml_code rc = other(r, kind, n, err);
    double start = raml_clock_monotonic();
    own(r, kind, n);
    size_t times = (size_t)(2e-3 / (raml_clock_monotonic() - start + 1e-7)) + 1;
    for (int turn = 0; turn < TURNS && !rc; turn++) {
        double t = raml_clock_monotonic();
        for (size_t i = 0; i < times; i++) own(r, kind, n);
        t = (raml_clock_monotonic() - t) / (double)times;
        if (t < seconds[0]) seconds[0] = t;
        t = raml_clock_monotonic();
        for (size_t i = 0; i < times && !rc; i++) rc = other(r, kind, n, err);
        t = (raml_clock_monotonic() - t) / (double)times;
        if (t < seconds[1]) seconds[1] = t;
    }
    return rc;
}

static enum raml_code compare(struct rig *r, enum kind kind, size_t n, struct raml_err *err)
{
    double s[2], flop = 2e-9 * (double)n * (double)r->N * (double)r->K;
    enum raml_code rc = take_turns(r, kind, n, s, err);
    if (rc) return rc;
    double ratio = s[1] / s[0];
    r->log_ratio += log(ratio);
    if (!r->n || ratio < r->lowest) r->lowest = ratio;
    r->n++;
    r->own_s += s[0];
    r->other_s += s[1];
    r->flop += flop;
    if (r->json)
        printf("{\"bench\": \"product\", \"preset\": \"%s\", \"kind\": \"%s\", \"rows\": %zu, \"N\": %zu, \"K\": %zu, "
               "\"gflops\": %.1f, \"onednn_gflops\": %.1f, \"ratio\": %.3f}\n",
               r->preset, kind_name[kind], n, r->N, r->K, flop / s[0], flop / s[1], ratio);
    else
        printf("  %-8s %4zu x %5zu x %5zu %7.1f GFLOP/s, oneDNN %7.1f: %.2f\n", kind_name[kind], n, r->N, r->K,
               flop / s[0], flop / s[1], ratio);
    return RAML_OK;
}

static enum raml_code all_rows(struct rig *r, struct raml_err *err)
{
    static const size_t rows[] = {1, 2, 4, 8, 16, 32, 64, 256, 1024, 4096};
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < sizeof rows / sizeof *rows && !rc; i++) rc = compare(r, FORWARD, rows[i], err);
    if (!rc) rc = compare(r, BACKWARD, 1024, err);
    return rc ? rc : compare(r, GRADIENT, 1024, err);
}

enum raml_code bench_product(const struct bench_options *opt, struct bench_result *out, struct raml_err *err)
{
    struct raml_config c;
    struct rig r = {.json = opt->json, .preset = opt->preset};
    enum raml_code rc = raml_config_preset(opt->preset, &c, err);
    if (!rc) rc = raml_device_open(opt->threads, "auto", &r.dev, err);
    if (rc) return rc;
    raml_device_use(r.dev);
    size_t d = (size_t)c.hidden_size, F = (size_t)c.intermediate_size, D = (size_t)c.head_dim,
           q = (size_t)c.n_heads * D;
    /* clang-format off */
    const size_t shape[SHAPES][2] = {{q + 2 * (size_t)c.n_kv_heads * D, d}, {d, q}, {2 * F, d}, {d, F},
                                     {c.vocab_size < HEAD ? (size_t)c.vocab_size : HEAD, d}};
    /* clang-format on */
    for (int i = 0; i < SHAPES && !rc; i++) {
        rc = open_shape(&r, shape[i][0], shape[i][1], err);
        if (!rc) rc = all_rows(&r, err);
        close_shape(&r);
        r.mm = (struct raml_weight){0};
        r.x = r.y = r.w = r.t = NULL;
        r.panels = r.back = NULL;
    }
    out->threads = raml_device_threads(r.dev);
    raml_device_close(r.dev);
    if (rc) return rc;
    out->gflops = r.flop / r.own_s;
    out->peak_gflops = r.flop / r.other_s;
    out->seconds = r.own_s;
    double mean = exp(r.log_ratio / (double)r.n);
    snprintf(out->note, sizeof out->note, "beside oneDNN: %.2f x on average over %zu products, %.2f at least", mean,
             r.n, r.lowest);
    snprintf(out->extra, sizeof out->extra, "\"onednn_ratio\": %.3f, \"lowest_ratio\": %.3f", mean, r.lowest);
    return RAML_OK;
}
