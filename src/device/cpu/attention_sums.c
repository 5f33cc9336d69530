/* attention_sums.c - attention's probabilities of chosen rows, summed over groups of keys: one row and head per task, in
 * double. See device/backend.h, raml_attention_sums.
 *
 * A row's keys are walked twice, for the largest score and then for the sums: nothing is kept by key, and the largest
 * does not depend on the order.
 */
#include "device/impl.h"

#include "core/elementary.h"
#include "core/half.h"

#include <math.h>
#include <stdlib.h>

enum { T = RAML_PAGE };

struct line { /* one row of one head */
    const struct raml_attention_sums *a;
    const struct raml_query_tile *tile;
    size_t r, g; /* row of the tile, head of the keys */
    double q[RAML_MAX_HEAD_DIM];
};

static void read_query(struct line *l, size_t row, size_t head)
{
    const struct raml_attention_sums *a = l->a;
    size_t at = (row * (a->H + 2 * a->K) + head) * a->D;
    double scale = a->scale != 0 ? (double)a->scale : 1 / sqrt((double)a->D);
    for (size_t i = 0; i < a->D; i++) {
        float x = a->type == RAML_TYPE_BF16 ? raml_from_bf16(((const uint16_t *)a->qkv)[at + i])
                                            : ((const float *)a->qkv)[at + i];
        l->q[i] = (double)x * scale;
    }
}

/* Scores of all keys of a page, of those too that nobody sees. */
static void score(const struct line *l, size_t page, double s[T])
{
    const struct raml_attention_sums *a = l->a;
    size_t at = (page * a->K + l->g) * raml_page_elements(a->D);
    for (size_t k = 0; k < T; k++) s[k] = 0;
    if (a->type != RAML_TYPE_BF16) {
        const float *key = (const float *)a->k + at;
        for (size_t i = 0; i < a->D; i++)
            for (size_t k = 0; k < T; k++) s[k] += l->q[i] * (double)key[i * T + k];
        return;
    }
    const uint16_t *key = (const uint16_t *)a->k + at; /* pairs of elements side by side */
    for (size_t i = 0; i < a->D; i++)
        for (size_t k = 0; k < T; k++) s[k] += l->q[i] * (double)raml_from_bf16(key[(i / 2 * T + k) * 2 + i % 2]);
}

/* The keys of the pair's page that the row sees. */
static uint64_t seen(const struct line *l, const struct raml_key_page *p)
{
    if (l->r < p->row0 || l->r >= (size_t)p->row0 + p->n_rows) return 0;
    return p->mask < 0 ? ~UINT64_C(0) : l->a->mask[(size_t)p->mask + l->r - p->row0];
}

static void add_up(const struct line *l, double *sum)
{
    const struct raml_attention_sums *a = l->a;
    const struct raml_key_page *pair = a->pair + l->tile->pair;
    double s[T], most = -INFINITY, all = 0;
    for (size_t j = 0; j < a->n_groups; j++) sum[j] = 0;
    for (int pass = 0; pass < 2; pass++)
        for (size_t j = 0; j < l->tile->n_pairs; j++) {
            uint64_t mask = seen(l, &pair[j]);
            if (!mask) continue;
            score(l, pair[j].page, s);
            for (size_t k = 0; k < T; k++) {
                if (!(mask >> k & 1)) continue;
                if (pass == 0) {
                    if (s[k] > most) most = s[k];
                    continue;
                }
                double p = raml_exp(s[k] - most);
                all += p;
                sum[a->group[pair[j].page * T + k]] += p;
            }
        }
    for (size_t j = 0; j < a->n_groups; j++) sum[j] /= all;
}

bool raml_cpu_attention_sums(const struct raml_attention_sums *a)
{
    bool failed = false;
#pragma omp parallel
    {
        double *sum = malloc((a->n_groups + 1) * sizeof *sum);
#pragma omp for schedule(dynamic, 1)
        for (size_t i = 0; i < a->n * a->H; i++) {
            const struct raml_attention_row *q = &a->query[i / a->H];
            struct line l = {.a = a, .tile = &a->tile[q->tile]};
            l.r = q->row - l.tile->row;
            l.g = i % a->H / (a->H / a->K);
            read_query(&l, q->row, i % a->H);
            if (sum) add_up(&l, sum);
            else {
#pragma omp atomic write
                failed = true;
            }
            for (size_t j = 0; sum && j < a->n_groups; j++) a->sum[i * a->n_groups + j] = (float)sum[j];
        }
        free(sum);
    }
    return !failed;
}
