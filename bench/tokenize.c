/* tokenize.c - tokenizing, in MB/s: cold, with a tokenizer that was just opened, and warm. */
#include "bench/bench.h"

#include "core/clock.h"
#include "core/file.h"
#include "raml/tokenizer.h"

#include <stdio.h>
#include <string.h>

enum { MAX_TEXT_BYTES = 1 << 30, MAX_PASSES = 1000 };

static enum raml_code encode(const struct raml_tokenizer *t, const struct raml_buf *text, struct raml_tokens *ids,
                             double *seconds, struct raml_err *err)
{
    double start = raml_clock_process();
    ids->n = 0;
    enum raml_code rc = raml_tokenizer_encode(t, text->data ? text->data : "", text->len, false, ids, err);
    *seconds = raml_clock_process() - start;
    return rc;
}

/* The fastest of the passes: other programs on the machine can only slow one down. */
static enum raml_code measure(const struct bench_options *opt, const struct raml_buf *text, struct raml_tokens *ids,
                              double *cold, double *warm, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    *cold = *warm = 1e30;
    for (int i = 0; !rc && i < 3; i++) {
        struct raml_tokenizer *t = NULL;
        double s = 0;
        rc = raml_tokenizer_open(opt->tokenizer, &t, err);
        if (!rc) rc = encode(t, text, ids, &s, err);
        if (!rc && s < *cold) *cold = s;
        double start = raml_clock_process();
        for (int k = 0; !rc && k < MAX_PASSES && (k < 2 || raml_clock_process() - start < opt->seconds / 3); k++) {
            rc = encode(t, text, ids, &s, err);
            if (!rc && s < *warm) *warm = s;
        }
        raml_tokenizer_close(t);
    }
    return rc;
}

enum raml_code bench_tokenize(const struct bench_options *opt, struct bench_result *out, struct raml_err *err)
{
    struct raml_buf text;
    struct raml_tokens ids = {0};
    double cold = 0, warm = 0;
    if (!opt->tokenizer) return raml_fail(err, RAML_EUSAGE, "--tokenizer is missing; give a tokenizer.json");
    raml_buf_init(&text, MAX_TEXT_BYTES);
    enum raml_code rc = raml_file_read(opt->preset, &text, err);
    if (!rc) rc = measure(opt, &text, &ids, &cold, &warm, err);
    if (!rc) {
        double mb = 1e-6 * (double)text.len, bytes = ids.n ? (double)text.len / (double)ids.n : 0;
        out->threads = 1;
        out->seconds = warm;
        out->tokens_per_s = (double)ids.n / warm;
        snprintf(out->note, sizeof out->note, "%6.1f MB/s, cold %6.1f   %.2f bytes per token", mb / warm, mb / cold,
                 bytes);
        snprintf(out->extra, sizeof out->extra,
                 "\"mb_per_s\": %.2f, \"cold_mb_per_s\": %.2f, \"bytes_per_token\": %.3f", mb / warm, mb / cold, bytes);
    }
    raml_tokens_deinit(&ids);
    raml_buf_deinit(&text);
    return rc;
}
