/* inspect.h - what `raml inspect` found out; shared by its sources only. */
#ifndef RAML_CLI_INSPECT_H
#define RAML_CLI_INSPECT_H

#include "cli/cli.h"

#include "raml/model.h"
#include "raml/tokenizer.h"

struct tensor { /* one row of the table */
    char name[160], dtype[8];
    int n_dims;
    size_t shape[RAML_MAX_DIMS], n;
    /* with --check, over finite values: */
    size_t n_bad, first_bad; /* NaN or infinite */
    double low, high, rms;
};

struct memory {                /* bytes */
    size_t weights;            /* 4 N: f32 master weights */
    size_t packed;             /* s M: copies for the products, M the elements of matrices and head, s 2 (bf16) or 4 */
    size_t plain;              /* s M: copies that backward reads; training only */
    size_t gradients, moments; /* 4 N; 8 N: AdamW's two */
    size_t rotary;             /* 4 positions x head size: cosines and sines */
    size_t score_pass, train_pass; /* activations, as measured at `tokens` */
};

struct inspection {
    const char *source; /* folder, or "init:PRESET" */
    struct raml_config config;
    size_t parameters, matrix; /* N, M */
    struct tensor *tensor;
    size_t n_tensors;
    bool checked, bf16;
    size_t tokens; /* that memory is told for; 0: not measured */
    struct memory memory;
    struct raml_tokenizer *tokenizer; /* NULL: none, or not readable */
    char tokenizer_fault[256];        /* why not; "" */
    size_t chat_template;             /* bytes; 0: none */
    bool template_thinks;             /* it mentions <think> */
};

/* inspect_weights.c: the table from a folder's model.safetensors, with statistics when `check`. */
RAML_CHECKED enum raml_code cli_inspect_tensors(struct inspection *x, const char *dir, bool check,
                                                struct raml_err *err);
/* Fills memory, and with tokens > 0 measures activations of chains of at most 256 tokens. The table too when it is
 * empty. */
RAML_CHECKED enum raml_code cli_inspect_memory(struct inspection *x, const struct cli *cli, const char *dir,
                                               struct raml_err *err);

/* inspect_print.c */
void cli_inspect_print(const struct inspection *x);
RAML_CHECKED enum raml_code cli_inspect_print_json(const struct inspection *x, struct raml_err *err);

#endif
