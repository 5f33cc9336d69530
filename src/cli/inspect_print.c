/* inspect_print.c - a model's inspection as text. */
#include "cli/inspect.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SPECIALS = 32 }; /* listed one by one */

const char *cli_inspect_rope(enum raml_rope r)
{
    switch (r) {
    case RAML_ROPE_PLAIN: return "plain";
    case RAML_ROPE_LINEAR: return "linear";
    case RAML_ROPE_LLAMA3: return "llama3";
    case RAML_ROPE_YARN: return "yarn";
    }
    return "?";
}

const char *cli_inspect_kept(enum raml_dtype t)
{
    return t == RAML_STORED ? "stored" : t == RAML_BF16 ? "bf16" : "f32";
}

static const char *yes(bool b)
{
    return b ? "yes" : "no";
}

/* What most models have not. */
static void print_more(const struct raml_config *c)
{
    int windowed = raml_layers_in(&c->windowed), unturned = raml_layers_in(&c->unturned);
    if (windowed) {
        printf("window      %d tokens in %d of %d layers", c->window, windowed, c->n_layers);
        if (c->window_theta > 0) printf(", rotary base %g there", c->window_theta);
        printf("\n");
    }
    if (unturned) printf("positions   no rotary embedding in %d of %d layers\n", unturned, c->n_layers);
    if (c->norms != RAML_NORMS_BEFORE)
        printf("norms       %s attention and MLP\n", c->norms == RAML_NORMS_BOTH ? "before and after" : "after");
    if (c->gate == RAML_GATE_GELU) printf("gate        gelu (tanh)\n");
    const struct {
        const char *name;
        double value;
    } scale[] = {{"embedding x", c->embedding_scale},
                 {"scores x", c->attention_scale},
                 {"layers x", c->residual_scale},
                 {"logits /", c->logit_divisor}};
    bool any = false;
    for (size_t i = 0; i < sizeof scale / sizeof *scale; i++) {
        if (scale[i].value <= 0) continue;
        printf("%s%s %g", any ? ", " : "multipliers ", scale[i].name, scale[i].value);
        any = true;
    }
    if (any) printf("\n");
}

static void print_config(const struct inspection *x)
{
    const struct raml_config *c = &x->config;
    printf("model       %s (%s)\n", x->source, c->model_type);
    printf("layers      %d, width %d, MLP %d\n", c->n_layers, c->hidden_size, c->intermediate_size);
    printf("heads       %d of size %d, %d of keys and values\n", c->n_heads, c->head_dim, c->n_kv_heads);
    printf("vocabulary  %d, %s head\n", c->vocab_size, c->tied ? "tied" : "untied");
    printf("context     %d tokens, rotary base %g, scaling %s", c->max_positions, c->rope_theta,
           cli_inspect_rope(c->rope));
    if (c->rope != RAML_ROPE_PLAIN) printf(" by %g", c->rope_factor);
    printf("\nq/k norm    %s; q/k/v bias %s; norm epsilon %g\n", yes(c->qk_norm != RAML_QK_NORM_NONE), yes(c->qkv_bias),
           c->rms_norm_eps);
    print_more(c);
}

/* -- Memory -------------------------------------------------------------------------------------------------------- */
static void print_row(const char *what, size_t bytes, const char *how)
{
    char text[32];
    if (bytes) printf("  %-15s %9s  %s\n", what, cli_inspect_bytes(bytes, text), how);
}

static void print_sum(const struct inspection *x, const char *what, size_t bytes)
{
    char need[32], have[32];
    size_t free_bytes = x->memory.free;
    printf("  %-15s %9s  sum%s", what, cli_inspect_bytes(bytes, need), x->tokens ? "" : " without activations");
    if (free_bytes == SIZE_MAX) printf("; free memory is unknown\n");
    else
        printf(": %s, %s of memory are free\n", bytes <= free_bytes ? "fits" : "DOES NOT FIT",
               cli_inspect_bytes(free_bytes, have));
}

static void print_sampling(const struct inspection *x)
{
    const struct memory *m = &x->memory;
    bool over = false;
    char text[32], more[32];
    printf("\nsampling: the weights as above, keys and values (%s per token), logits; samples at once by tokens of "
           "each\n",
           cli_inspect_bytes(m->kv_token, text));
    printf("  %-7s", "");
    for (size_t t = 0; t < m->n_contexts; t++) printf("  %10zu", m->context[t]);
    printf("\n");
    for (size_t b = 0; b < INSPECT_SAMPLING; b++) {
        bool large = false;
        printf("  %-7zu", m->batch[b]);
        for (size_t t = 0; t < m->n_contexts; t++) {
            printf("%c %10s", large ? '!' : ' ', cli_inspect_bytes(m->sampling[b][t], text));
            large = m->free != SIZE_MAX && m->sampling[b][t] > m->free;
            over |= large;
        }
        printf("%s\n", large ? "!" : "");
    }
    if (m->free == SIZE_MAX) printf("  free memory is unknown\n");
    else
        printf("  %s %s of memory that are free\n", over ? "! DOES NOT FIT: more than the" : "all fit in the",
               cli_inspect_bytes(m->free, text));
    printf("  samples share no prompt; while prompts of %d tokens are computed at once, %s more\n", INSPECT_PROMPTS,
           cli_inspect_bytes(m->prompts, more));
}

static void print_memory(const struct inspection *x)
{
    const struct memory *m = &x->memory;
    char line[96];
    printf("\nmemory, estimated for %d threads, texts as long as pass and context allow\n", x->threads);
    printf("\nscoring\n");
    snprintf(line, sizeof line, "matrices and head %s%s", x->kept == RAML_STORED ? "" : "in ",
             x->kept == RAML_STORED ? "as in the file" : cli_inspect_kept(x->kept));
    print_row("weights", m->read.copies, line);
    print_row("norms, biases", m->read.vectors, "f32");
    print_row("embedding", m->read.table, "random, so there is no file to read rows from");
    print_row("rotary table", m->read.rotary, "cosines and sines of every position, f32");
    snprintf(line, sizeof line, "a pass of %zu tokens", x->tokens);
    print_row("activations", m->score_pass, line);
    print_sum(x, "scoring", m->scoring);
    print_row("mapped", m->mapped, "the embedding: mapped from the file, rows are read when they are needed");
    print_sampling(x);
    printf("\ntraining\n");
    print_row("weights", m->train.master, "f32, updated by the optimizer");
    snprintf(line, sizeof line, "matrices and head in %s", cli_inspect_kept(x->trained));
    print_row("copies", m->train.copies, line);
    print_row("more copies", m->train.row_major, "the same, as backward reads them");
    print_row("rotary table", m->train.rotary, "cosines and sines of every position, f32");
    print_row("gradients", m->gradients, "f32");
    print_row("moments", m->moments, "two of AdamW, f32");
    snprintf(line, sizeof line, "of a micro batch of %zu tokens, kept for backward", x->micro_batch_tokens);
    print_row("activations", m->train_pass, line);
    print_sum(x, "training", m->training);
}

/* -- Tokenizer ----------------------------------------------------------------------------------------------------- */
static void print_special(int32_t id, const char *text, size_t len, void *user)
{
    size_t *n = user;
    if ((*n)++ < SPECIALS) printf("  %6" PRId32 "  %.*s\n", id, (int)len, text);
}

static void print_id(const struct inspection *x, const char *lead, int id)
{
    const char *text;
    size_t len;
    printf("%s%d", lead, id);
    if (x->tokenizer && raml_tokenizer_piece(x->tokenizer, id, &text, &len, NULL) == RAML_OK)
        printf(" %.*s", (int)len, text);
}

static void print_ends(const struct inspection *x)
{
    const struct raml_config *c = &x->config;
    if (c->bos_token >= 0) {
        print_id(x, "begin       ", c->bos_token);
        printf("%s\n",
               x->tokenizer && raml_tokenizer_config_begin(&x->text, x->tokenizer) ? "; prepended to every text" : "");
    }
    if (c->eos_token >= 0) {
        print_id(x, "end         ", c->eos_token);
        for (int i = 0; i < c->n_more_eos; i++) print_id(x, ", ", c->more_eos[i]);
        printf("\n");
    }
}

static const char *thinks(const struct inspection *x)
{
    if (!x->thinking) return x->template_thinks ? "mentions <think>" : "does not mention <think>";
    if (!strcmp(x->thinking, "model")) return "thinks: the model opens <think>";
    if (!strcmp(x->thinking, "prompt")) return "thinks: the prompt opens <think>";
    if (!strcmp(x->thinking, "closed")) return "closes <think> at once unless --enable_thinking says otherwise";
    return "does not think";
}

static void print_tokens(const struct inspection *x)
{
    size_t n = 0;
    printf("\ntokenizer   ");
    if (x->tokenizer) {
        int lacking = raml_tokenizer_lacks_bytes(x->tokenizer);
        printf("%d ids; ", (int)raml_tokenizer_size(x->tokenizer));
        if (lacking) printf("%d bytes of 243 have no token, texts are read without them; ", lacking);
        printf("special tokens:\n");
        cli_inspect_specials(x->tokenizer, print_special, &n);
        if (n > SPECIALS) printf("          and %zu more; --json has all\n", n - SPECIALS);
    } else {
        printf("%s%s\n", *x->tokenizer_fault ? "not readable: " : "none", x->tokenizer_fault);
    }
    print_ends(x);
    if (*x->template_fault) printf("template    not readable: %s\n", x->template_fault);
    else if (x->text.chat_template)
        printf("template    %s, %zu bytes; %s\n", x->text.template_place, strlen(x->text.chat_template), thinks(x));
    else printf("template    none\n");
    if (*x->prompt_format) printf("format      --prompt_format auto is '%s'\n", x->prompt_format);
    else printf("format      --prompt_format auto finds none: %s\n", x->format_fault);
    if (x->tokenizer && raml_tokenizer_size(x->tokenizer) > x->config.vocab_size)
        printf("the tokenizer has more ids than the model's vocabulary of %d\n", x->config.vocab_size);
}

enum raml_code cli_inspect_print(const struct inspection *x, bool all, struct raml_err *err)
{
    print_config(x);
    enum raml_code rc = cli_inspect_print_table(x, all, err);
    if (rc) return rc;
    print_memory(x);
    print_tokens(x);
    return RAML_OK;
}
