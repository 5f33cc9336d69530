/* inspect.h - the findings of `raml inspect`; shared by its sources only. */
#ifndef RAML_CLI_INSPECT_H
#define RAML_CLI_INSPECT_H

#include "cli/cli.h"
#include "core/path.h"

#include "raml/model.h"
#include "raml/modelfile.h"
#include "raml/tokenizer.h"

enum { INSPECT_SAMPLING = 4, INSPECT_PROMPTS = 4096 };

struct tensor {          /* one row of the table; names are borrowed from the file or the table of parameters */
    const char *name;    /* Hugging Face's */
    const char *in_file; /* NULL: there is no file */
    const char *type;    /* "BF16", "Q4_K" ...; NULL: unknown without a file */
    int n_dims;
    size_t shape[2], n, bytes;             /* bytes: in the file; 0 if the type is unknown */
    struct raml_file_tensor_values values; /* with --check */
};

struct memory { /* bytes */
    struct raml_model_size read, train;
    size_t mapped; /* the embedding of a model opened for inference: it stays in the file */
    size_t gradients, moments;
    size_t score_pass, train_pass; /* activations: tokens, micro_batch_tokens; 0 with tokens = 0 */
    size_t scoring, training;      /* sums */
    /* Sampling: batch[b] samples, each of context[t] tokens, none shared. */
    size_t batch[INSPECT_SAMPLING], context[INSPECT_SAMPLING], n_contexts;
    size_t sampling[INSPECT_SAMPLING][INSPECT_SAMPLING]; /* [b][t]: sums */
    size_t kv_token;                                     /* keys and values of a token, all layers */
    size_t prompts; /* buffers while prompts of INSPECT_PROMPTS tokens in all are computed at once */
    size_t free;    /* SIZE_MAX: unknown */
};

struct inspection {
    char source[RAML_PATH_BYTES]; /* what was looked at: a folder, a file, or a preset's name */
    struct raml_config config;
    size_t parameters;
    struct raml_model_file *file; /* NULL: only a configuration */
    struct raml_param *param;     /* of a configuration: its tensors' names */
    struct tensor *tensor;
    size_t n_tensors;
    bool checked, random_init;         /* randomly initialised: --init */
    enum raml_dtype kept, trained;     /* the type of matrices: for inference (RAML_STORED: as in the file, which is not
                                     * BF16 that is multiplied in bf16), and for training */
    size_t tokens, micro_batch_tokens; /* of the memory estimate; tokens 0: without activations */
    int threads;
    struct memory memory;
    struct raml_tokenizer *tokenizer; /* NULL: none, or not readable */
    char tokenizer_fault[512];        /* why not; "" */
    struct raml_tokenizer_config text;
    char template_fault[512];
    bool template_thinks; /* it mentions <think> */
    const char *thinking; /* who opens it: "model", "prompt"; "closed": the prompt opens and closes it; "none"; NULL: no
                            * format */
    char prompt_format[32]; /* what --prompt_format auto chooses; "": none, and format_fault is the reason */
    char format_fault[512];
};

/* inspect_adapter.c: prints an adapter: modules, ranks, scales. base: NULL, as it names it. */
RAML_CHECKED enum raml_code cli_inspect_adapter(const struct cli *cli, const char *adapter, const char *base, bool all,
                                                struct raml_err *err);
/* inspect_weights.c: the table from an open file, with values when `check`; or from the configuration. */
RAML_CHECKED enum raml_code cli_inspect_tensors(struct inspection *x, bool check, struct raml_err *err);
/* inspect_memory.c: kept and trained, by the word of --dtype, from the table of tensors; memory, from these. */
void cli_inspect_types(struct inspection *x, const char *dtype, const struct raml_device *dev);
void cli_inspect_memory(struct inspection *x, const struct raml_device *dev);
/* inspect_tokens.c: tokenizer, template and format. dir: folder or GGUF file; NULL: those of a new model. What can't be
 * read is reported in the faults. */
RAML_CHECKED enum raml_code cli_inspect_tokens(struct inspection *x, const char *dir, struct raml_err *err);
/* Calls `each` with the id and text of every special token. */
void cli_inspect_specials(const struct raml_tokenizer *t,
                          void (*each)(int32_t id, const char *text, size_t len, void *user), void *user);
const char *cli_inspect_rope(enum raml_rope r);
const char *cli_inspect_kept(enum raml_dtype t); /* as in --dtype */

/* inspect_print.c; inspect_table.c: the tensors, layers folded unless `all`; inspect_json.c */
RAML_CHECKED enum raml_code cli_inspect_print(const struct inspection *x, bool all, struct raml_err *err);
RAML_CHECKED enum raml_code cli_inspect_print_table(const struct inspection *x, bool all, struct raml_err *err);
RAML_CHECKED enum raml_code cli_inspect_print_json(const struct inspection *x, struct raml_err *err);

struct type_total {
    const char *type;
    size_t tensors, elements, bytes;
};
/* "3.95 GB": thousands, three digits. */
const char *cli_inspect_bytes(size_t bytes, char out[32]);
enum { INSPECT_TYPES = 16 };
/* By type, in order of appearance; returns how many. */
size_t cli_inspect_totals(const struct inspection *x, struct type_total total[INSPECT_TYPES]);

#endif
