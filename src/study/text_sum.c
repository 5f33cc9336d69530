/* text_sum.c - see text_sum.h. The sum is FNV-1a, 64 bits. */
#include "study/text_sum.h"

#include <inttypes.h>
#include <stdio.h>

static const uint64_t basis = 0xcbf29ce484222325u, prime = 0x100000001b3u;

void raml_text_sum_add(struct raml_text_sum *s, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)bytes[i];
        s->unknown |= c >= 128 || c == 0 || (s->last == '\\' && c == 'x');
        s->sum = ((s->sum ^ basis) ^ c) * prime ^ basis; /* a sum that was zero begins at the basis */
        s->last = (char)c;
    }
}

const char *raml_text_sum_text(const struct raml_text_sum *s, char out[RAML_TEXT_SUM_BYTES])
{
    out[0] = 0;
    if (!s->unknown) snprintf(out, RAML_TEXT_SUM_BYTES, "%016" PRIx64, s->sum ^ basis);
    return out;
}

bool raml_text_sum_set(json_t *o, size_t n_tokens, const struct raml_text_sum *s)
{
    char text[RAML_TEXT_SUM_BYTES];
    if (json_object_set_new(o, "n_tokens", json_integer((json_int_t)n_tokens))) return false;
    return s->unknown || !json_object_set_new(o, "text_hash", json_string(raml_text_sum_text(s, text)));
}
