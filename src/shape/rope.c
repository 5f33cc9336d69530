/* rope.c - angles of the rotary embedding, unscaled and scaled. See rope.h. */
#include "shape/rope.h"

#include "core/elementary.h"
#include "core/parallel.h"

#include <math.h>
#include <stdlib.h>

/* yarn (Peng et al. 2023, arXiv 2309.00071, section 3.2; ranges rounded as in transformers): dimensions that turn more
 * than beta_fast times within the original context keep their frequency, those below beta_slow turns are divided by
 * `factor`, with a ramp in between. */
static double yarn_frequency(const struct raml_config *c, double f, int i)
{
    double per_turn = c->rope_original_positions / (2 * M_PI), step = 2 * raml_log(c->rope_theta);
    double low = floor(c->head_dim * raml_log(per_turn / c->rope_beta_fast) / step);
    double high = ceil(c->head_dim * raml_log(per_turn / c->rope_beta_slow) / step);
    low = fmax(low, 0);
    high = fmin(high, c->head_dim - 1);
    if (high == low) high += 0.001;
    double ramp = fmin(fmax((i - low) / (high - low), 0), 1);
    return (1 - ramp) * f + ramp * f / c->rope_factor;
}

struct raml_config raml_rope_windowed(const struct raml_config *c)
{
    struct raml_config w = *c;
    if (c->window_theta > 0) w.rope = RAML_ROPE_PLAIN, w.rope_theta = c->window_theta;
    return w;
}

/* Angles of the rotary embedding: Su et al. 2021; linear scaling divides positions; llama3 scaling (Llama 3.1) divides
 * low frequencies by `factor`, leaves high ones, and blends in between. */
double raml_rope_frequency(const struct raml_config *c, int i)
{
    double f = raml_pow(c->rope_theta, -2.0 * i / c->head_dim);
    if (c->rope == RAML_ROPE_LINEAR) return f / c->rope_factor;
    if (c->rope == RAML_ROPE_YARN) return yarn_frequency(c, f, i);
    if (c->rope != RAML_ROPE_LLAMA3) return f;
    double wave = 2 * M_PI / f, low = c->rope_original_positions / c->rope_low_freq,
           high = c->rope_original_positions / c->rope_high_freq;
    if (wave < high) return f;
    if (wave > low) return f / c->rope_factor;
    double blend = (c->rope_original_positions / wave - c->rope_low_freq) / (c->rope_high_freq - c->rope_low_freq);
    return (1 - blend) * f / c->rope_factor + blend * f;
}

struct angles {
    const double *frequency; /* [D / 2] */
    size_t D;
    double scale;
    float *cos_sin; /* [positions, D] */
};

static void angles_at(void *user, size_t p, int worker)
{
    const struct angles *a = user;
    (void)worker;
    for (size_t i = 0; i < a->D / 2; i++) {
        double angle = (double)p * a->frequency[i];
        a->cos_sin[p * a->D + i] = (float)(a->scale * raml_cos(angle));
        a->cos_sin[p * a->D + a->D / 2 + i] = (float)(a->scale * raml_sin(angle));
    }
}

enum raml_code raml_rope_table(const struct raml_config *c, int threads, float *cos_sin, struct raml_err *err)
{
    size_t D = (size_t)c->head_dim;
    double *frequency = malloc((D / 2 + 1) * sizeof *frequency);
    if (!frequency) return raml_fail(err, RAML_ENOMEM, "no memory for %zu rotary frequencies", D / 2);
    struct angles a = {frequency, D, c->rope == RAML_ROPE_YARN ? c->rope_attention : 1, cos_sin};
    for (size_t i = 0; i < D / 2; i++) frequency[i] = raml_rope_frequency(c, (int)i);
    raml_parallel(threads, (size_t)c->max_positions, angles_at, &a);
    free(frequency);
    return RAML_OK;
}
