/* hooks.h - one pass's hooks (raml/tap.h) at work: what the layers call at the places where something may be read or
 * changed. With hooks NULL every call does nothing.
 *
 * Rows reach the layers in chunks of the device's chunk_rows; the lists of rows on the device count from the start of
 * their chunk, except those that rows are taken from, which count from the start of the pack.
 */
#ifndef RAML_MODEL_HOOKS_H
#define RAML_MODEL_HOOKS_H

#include "raml/tap.h"

#include "model/impl.h"

/* What a tap of attention needs on the device. */
struct tapped_attention {
    struct list row, group; /* struct raml_attention_row [n_rows of the tap]; uint16_t [tiles, RAML_KEYS] */
    float *sum;             /* dev [n_rows, H, n_groups]; NULL: not asked for */
    float *read;            /* of the host, as many */
    size_t n;
};
struct chunk_of_rows { /* [row, row + n) of the pack */
    size_t row, n;
};
enum tapped { TAPPED_Z, TAPPED_INNER, TAPPED_RESIDUAL, TAPPED_OUTPUT, TAPPED };

struct hooks {
    const struct raml_model *m;
    const struct raml_hooks *of;
    struct raml_pass *pass; /* for lenses */
    struct list tap_row, take_from, patch_row, patch_value;
    size_t *patch_at;       /* [n_patches]: offset of its values in patch_value, in floats: left^T, then right */
    size_t *patch_row_at;   /* [n_patches]: offset of its rows in patch_row */
    void *read_dev;         /* dev: the tapped values of a layer, one array after the other */
    void *read_raw;         /* of the host: one array of them, as it comes */
    float *read[TAPPED];    /* of the host, as f32 */
    size_t read_at[TAPPED]; /* offset in read_dev, bytes */
    struct tapped_attention attention;
    float *lens; /* dev [head_rows + slack_rows, d] */
};

/* Checks hooks against pack and model, and sends what the device needs. On failure h may be dropped. */
RAML_CHECKED enum raml_code raml_hooks_open(struct hooks *h, struct raml_pass *p, const struct raml_pack *pack,
                                            const struct raml_hooks *of, struct raml_err *err);
void raml_hooks_drop(struct hooks *h);
/* To y [c.n, ..], the product of a layer's matrix with x [c.n, n_in]; y starts at the matrix's first column. */
void raml_hooks_patch(const struct hooks *h, size_t layer, enum raml_layer_matrix matrix, struct chunk_of_rows c,
                      const void *x, void *y, size_t y_width);
/* values [c.n, width] of act or f32 */
void raml_hooks_tap(const struct hooks *h, size_t layer, enum tapped what, struct chunk_of_rows c, const void *values);
/* Rows of the chunk whose stream is taken from others: in x [all rows, d], then their norm in xn [c.n, d]. */
void raml_hooks_take(const struct hooks *h, struct chunk_of_rows c, float *x, void *xn, float *rstd, const float *norm);
/* After a layer's attention, of which t is. */
void raml_hooks_attention(const struct hooks *h, size_t layer, const struct raml_attention *t);
/* After all rows of iteration i (stream: x, after i layers): passes on what was tapped of layer i - 1, evaluates a
 * lens. */
RAML_CHECKED enum raml_code raml_hooks_layer(const struct hooks *h, size_t i, const float *x, struct raml_err *err);

#endif
