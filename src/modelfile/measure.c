/* measure.c - the values of a file tensor: lowest, highest, root mean square, and what is not finite. See
 * raml/modelfile.h.
 *
 * A tensor is split into pieces of PIECE elements, in the order of the file. Each is summed separately and the sums are
 * added in that order, so that the number of threads changes nothing. */
#include "modelfile/modelfile.h"

#include "core/parallel.h"
#include "store/blocks.h"

#include <math.h>
#include <stdlib.h>

enum {
    PIECE = 1 << 16, /* elements: whole blocks of every type */
    GROUP = 512,     /* pieces between two releases of pages */
    LANES = 8
};

struct piece {
    float low, high;
    double sum; /* of squares */
    size_t n_finite, n_bad, first_bad;
};

/* Which element of the tensor is at place k of the file (see raml_file_tensor.rope_permuted_heads). */
static size_t element_at(const struct raml_file_tensor *s, size_t k)
{
    if (!s->rope_permuted_heads) return k;
    size_t cols = s->shape[1], row = k / cols, D = s->shape[0] / s->rope_permuted_heads, at = row % D;
    return (row - at + at % 2 * (D / 2) + at / 2) * cols + k % cols;
}

static void measure_finite(const float *x, size_t n, struct piece *p)
{
    float low[LANES], high[LANES];
    double sum[LANES] = {0};
    size_t i = 0;
    for (int k = 0; k < LANES; k++) low[k] = INFINITY, high[k] = -INFINITY;
    for (; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++) {
            float v = x[i + (size_t)k];
            low[k] = v < low[k] ? v : low[k];
            high[k] = v > high[k] ? v : high[k];
            sum[k] += (double)v * (double)v;
        }
    for (; i < n; i++) { /* the tail: at most LANES - 1 */
        low[0] = fminf(low[0], x[i]);
        high[0] = fmaxf(high[0], x[i]);
        sum[0] += (double)x[i] * (double)x[i];
    }
    *p = (struct piece){.low = INFINITY, .high = -INFINITY, .n_finite = n};
    for (int k = 0; k < LANES; k++) {
        p->low = fminf(p->low, low[k]);
        p->high = fmaxf(p->high, high[k]);
        p->sum += sum[k];
    }
}

static void measure_piece(const struct raml_file_tensor *s, size_t first, size_t n, float *x, struct piece *p)
{
    size_t size, block = raml_ggml_block(s->type, &size);
    if (raml_blocks_f32(s->type, (const char *)s->data + first / block * size, n, x) == n) {
        measure_finite(x, n, p);
        return;
    }
    *p = (struct piece){.low = INFINITY, .high = -INFINITY, .first_bad = SIZE_MAX};
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(x[i])) {
            size_t at = element_at(s, first + i);
            if (at < p->first_bad) p->first_bad = at;
            p->n_bad++;
            continue;
        }
        p->low = fminf(p->low, x[i]);
        p->high = fmaxf(p->high, x[i]);
        p->sum += (double)x[i] * (double)x[i];
        p->n_finite++;
    }
}

struct group { /* pieces that are measured at once */
    const struct raml_file_tensor *s;
    size_t first;
    float *scratch; /* PIECE numbers per worker */
    struct piece *piece;
};

static void measure_one(void *user, size_t i, int worker)
{
    const struct group *g = user;
    size_t at = (g->first + i) * PIECE, len = g->s->n - at < PIECE ? g->s->n - at : PIECE;
    measure_piece(g->s, at, len, g->scratch + (size_t)worker * PIECE, &g->piece[i]);
}

enum raml_code raml_file_tensor_measure(const struct raml_file_tensor *s, struct raml_file_tensor_values *out,
                                        struct raml_err *err)
{
    size_t size, block = raml_ggml_block(s->type, &size), n_pieces = (s->n + PIECE - 1) / PIECE, n_finite = 0;
    struct raml_file_tensor_values v = {.low = INFINITY, .high = -INFINITY, .first_bad = SIZE_MAX};
    double sum = 0;
    struct piece *piece = calloc(GROUP, sizeof *piece);
    float *scratch = malloc((size_t)raml_parallel_workers(0) * PIECE * sizeof *scratch);
    bool good = piece && scratch;
    for (size_t g = 0; good && g < n_pieces; g += GROUP) {
        size_t n = n_pieces - g < GROUP ? n_pieces - g : GROUP;
        struct group group = {s, g, scratch, piece};
        raml_parallel(0, n, measure_one, &group);
        for (size_t i = 0; i < n; i++) {
            const struct piece *p = &piece[i];
            v.low = fmin(v.low, (double)p->low);
            v.high = fmax(v.high, (double)p->high);
            sum += p->sum;
            n_finite += p->n_finite;
            if (p->n_bad && p->first_bad < v.first_bad) v.first_bad = p->first_bad;
            v.n_bad += p->n_bad;
        }
        size_t end = (g + n) * (PIECE / block) * size;
        raml_file_tensor_release_bytes(s, g * (PIECE / block) * size, end < s->bytes ? end : s->bytes);
    }
    free(piece);
    free(scratch);
    if (!good) return raml_fail(err, RAML_ENOMEM, "%s: no memory to read tensor '%s'", s->path, s->in_file);
    if (!v.n_bad) v.first_bad = 0;
    if (!n_finite) v.low = v.high = NAN;
    v.rms = n_finite ? sqrt(sum / (double)n_finite) : NAN;
    *out = v;
    return RAML_OK;
}
