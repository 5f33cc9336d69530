/* modelfile.h - what the sources that open a model's files share. */
#ifndef MODEL_MODELFILE_H
#define MODEL_MODELFILE_H

#include "core/path.h"
#include "raml/generation.h"
#include "raml/modelfile.h"
#include "store/tensors.h"

struct raml_model_file {
    char path[RAML_PATH_BYTES]; /* of the tensors */
    struct raml_config config;
    struct raml_generation generation; /* a folder's; a GGUF file's metadata are copied as they are */
    struct raml_tensors *tensors;      /* a folder's; or */
    struct raml_gguf *gguf;
    struct raml_param *param;        /* what the configuration asks for: [n] */
    struct raml_file_tensor *tensor; /* [n], in the same order */
    size_t n;
};

/* "3, 4"; truncated to cap. Returns out. */
const char *raml_shape_text(const size_t *shape, int n_dims, char *out, size_t cap);

/* Is found's shape p's? RAML_ESHAPE names the tensor, by its name in the file, and both shapes. */
RAML_CHECKED enum raml_code raml_file_tensor_check(const struct raml_model_file *f, const struct raml_param *p,
                                                   const char *in_file, const size_t *shape, int n_dims,
                                                   struct raml_err *err);

/* Rows [row, row + n) in the type that they are kept in (raml_blocks_kept); RAML_ERANGE as raml_file_tensor_f32. scratch: a row's elements. */
RAML_CHECKED enum raml_code raml_file_tensor_copy(const struct raml_file_tensor *s, size_t row, size_t n,
                                                  float *scratch, void *out, struct raml_err *err);
/* The bytes of a row in the file, and how many. */
const void *raml_file_tensor_bytes(const struct raml_file_tensor *s, size_t row, size_t *n);

/* raml_file_tensor_release of the bytes [first, end) of the tensor. */
void raml_file_tensor_release_bytes(const struct raml_file_tensor *s, size_t first, size_t end);

/* gguf_config.c: the configuration from the metadata. `tied` and rope_freqs.weight are looked at among the tensors. */
RAML_CHECKED enum raml_code raml_gguf_config(const struct raml_gguf *g, struct raml_config *out, struct raml_err *err);
/* The shortest decimal number that rounds to x: its value before it was stored as f32 (1e-06, not 9.99999997e-07). */
double raml_gguf_meant(float x);
/* divisors.c. d: [head_dim / 2]. _from: sets c's scaling, which was none; declared: the original context, 0: unknown;
 * path is for messages. */
void raml_rope_divisors(const struct raml_config *c, float *d);
RAML_CHECKED enum raml_code raml_rope_from_divisors(const char *path, const float *d, int declared,
                                                    struct raml_config *c, struct raml_err *err);

/* gguf_names.c: a tensor's name in GGUF, in out (for all of raml_model_params; c NULL: not for norms); and the tensors of a file
 * whose table of parameters is made. */
enum { GGUF_NAME = 64 };
void raml_gguf_name(const struct raml_config *c, const char *name, char out[GGUF_NAME]);
RAML_CHECKED enum raml_code raml_gguf_tensors(struct raml_model_file *f, struct raml_err *err);
/* Does GGUF permute this tensor's rows (raml_file_tensor.rope_permuted_heads)? The number of heads; 0: no. */
size_t raml_gguf_rope_permuted(const struct raml_config *c, const char *name);
/* How much GGUF's numbers are above Hugging Face's (raml_file_tensor.above). */
float raml_gguf_shift(const struct raml_config *c, const struct raml_param *p);

/* gguf_entries.c: a model's metadata. Entries point into *m and into the sources. */
enum { ENTRIES_MAX = 48 };
#define RAML_GGUF_TURNED "raml.rope_layers" /* bools: which layers have rotary embedding */
struct raml_metadata {
    struct raml_gguf_entry *entry; /* [n] */
    size_t n, cap;
    struct raml_gguf_string **list; /* [n_lists] arrays of texts */
    size_t n_lists;
    char key[ENTRIES_MAX][64];
    union {
        uint32_t u;
        float f;
        struct raml_gguf_string s;
    } value[ENTRIES_MAX];
    int32_t end[RAML_MAX_EOS];                                  /* raml.end_token_ids */
    uint8_t windowed[RAML_MAX_LAYERS], turned[RAML_MAX_LAYERS]; /* a layer each */
    size_t n_own;
};
RAML_CHECKED enum raml_code raml_metadata_init(struct raml_metadata *m, const struct raml_model_file *f,
                                               uint32_t file_type, const char *name, const struct raml_gguf_entry *more,
                                               size_t n_more, struct raml_err *err);
void raml_metadata_deinit(struct raml_metadata *m);

#endif
