/* options.c - the settings of a server. See raml/serve.h. */
#include "raml/serve.h"

#define AT(field) offsetof(struct raml_serve_options, field)
const struct raml_setting raml_serve_settings[] = {
    {"max_model_len", NULL, RAML_INT, AT(max_model_len), "0", 0, 1 << 24, NULL,
     "Tokens of a prompt and its completion together, at most; 0: the model's context, but no more than 32768."},
    {"batch_size", NULL, RAML_INT, AT(batch_size), "16", 1, 4096, NULL,
     "Completions that grow side by side; changes speed and memory, not results."},
    {"max_batch_tokens", NULL, RAML_INT, AT(max_batch_tokens), "4096", 1, 1 << 24, NULL,
     "Tokens of a pass that scores prompts; one longer prompt may exceed it. Bounds memory, not results."},
    {"cache_tokens", NULL, RAML_INT, AT(cache_tokens), "0", 0, 1 << 30, NULL,
     "Tokens whose keys and values are kept while completions grow; 0: twice max_model_len."},
    {"max_queue", NULL, RAML_INT, AT(max_queue), "256", 1, 1 << 20, NULL,
     "Requests that wait; one more is refused (503, with Retry-After)."},
    {"max_queued_tokens", NULL, RAML_INT, AT(max_queued_tokens), "4194304", 1, 1 << 30, NULL,
     "Tokens of the prompts that wait, in all; more are refused (503)."},
    {"max_choices", NULL, RAML_INT, AT(max_choices), "256", 1, 65536, NULL, "Prompts times n of a request, at most."},
    {"max_logprobs", NULL, RAML_INT, AT(max_logprobs), "20", 0, 1000, NULL,
     "Likeliest tokens at each place that logprobs and prompt_logprobs may ask for."},
    {"batch_window", NULL, RAML_REAL, AT(batch_window), "0.005", 0, 10, NULL,
     "Seconds that the first request of an idle server waits for others to share a pass with."},
    {"drain", NULL, RAML_REAL, AT(drain), "10", 0, 3600, NULL,
     "Seconds that requests in progress may take once the server is asked to stop; the rest is answered with 503."},
};
const size_t raml_serve_n_settings = sizeof raml_serve_settings / sizeof *raml_serve_settings;
