/* rng.c - see rng.h. */
#include "raml/rng.h"

#include "core/elementary.h"

#include <Random123/philox.h>
#include <math.h>

/* The counter carries position and question, the key carries seed, purpose and sample. Philox keys are two words, so
 * seed (64), purpose and sample (32 each) are first joined by one Philox application, and a round (64) that is not 0 by
 * one more: distinct names collide only as often as random 64-bit words do. */
void raml_random4(const struct raml_key *key, uint64_t position, uint32_t out[4])
{
    philox4x32_ctr_t name = {{key->purpose, key->sample, 0x52614d4cu, 0}}; /* "RaML" */
    philox4x32_key_t seed = {{(uint32_t)key->seed, (uint32_t)(key->seed >> 32)}};
    philox4x32_ctr_t mixed = philox4x32(name, seed);
    philox4x32_key_t k = {{mixed.v[0], mixed.v[1]}};
    if (key->round) {
        philox4x32_ctr_t round = {{(uint32_t)key->round, (uint32_t)(key->round >> 32), 0x52614d4cu, 1}};
        mixed = philox4x32(round, k);
        k = (philox4x32_key_t){{mixed.v[0], mixed.v[1]}};
    }
    philox4x32_ctr_t c = {
        {(uint32_t)position, (uint32_t)(position >> 32), (uint32_t)key->question, (uint32_t)(key->question >> 32)}};
    philox4x32_ctr_t r = philox4x32(c, k);
    for (int i = 0; i < 4; i++) out[i] = r.v[i];
}

double raml_uniform(const struct raml_key *key, uint64_t position)
{
    uint32_t w[4];
    raml_random4(key, position, w);
    uint64_t bits = ((uint64_t)w[0] << 32 | w[1]) >> 11;
    return (double)bits * 0x1p-53;
}

double raml_normal(const struct raml_key *key, uint64_t position)
{
    uint32_t w[4];
    raml_random4(key, position, w);
    double u = ((double)(((uint64_t)w[0] << 32 | w[1]) >> 11) + 0.5) * 0x1p-53; /* never 0 */
    double v = (double)(((uint64_t)w[2] << 32 | w[3]) >> 11) * 0x1p-53;
    return sqrt(-2.0 * raml_log(u)) * raml_cos(6.283185307179586476925 * v);
}

uint32_t raml_below(const struct raml_key *key, uint64_t position, uint32_t n)
{
    uint32_t w[4];
    raml_random4(key, position, w);
    return (uint32_t)(((uint64_t)w[0] * n) >> 32);
}

uint32_t raml_rng_below(struct raml_rng *r, uint32_t n)
{
    return raml_below(&r->key, r->position++, n);
}

double raml_rng_uniform(struct raml_rng *r)
{
    return raml_uniform(&r->key, r->position++);
}

int64_t raml_rng_range(struct raml_rng *r, int64_t low, int64_t high)
{
    return low + (int64_t)raml_rng_below(r, (uint32_t)(high - low + 1));
}

void raml_rng_shuffle(struct raml_rng *r, uint32_t *index, uint32_t n)
{
    for (uint32_t i = n; i > 1; i--) {
        uint32_t j = raml_rng_below(r, i), t = index[i - 1];
        index[i - 1] = index[j];
        index[j] = t;
    }
}
