/* text.c - the text of tokens: pieces, characters, the texts that end a completion. See parts.h. */
#include "serve/parts.h"

#include "core/utf8.h"

#include <string.h>

void raml_serve_piece(const struct raml_tokenizer *t, int32_t id, const char **bytes, size_t *n)
{
    if (id >= 0 && id < raml_tokenizer_size(t) && !raml_tokenizer_piece(t, id, bytes, n, NULL)) return;
    *bytes = "";
    *n = 0;
}

size_t raml_serve_find_stop(const struct api_request *r, const char *text, size_t n, size_t from, int *which)
{
    size_t best = n;
    *which = -1;
    for (int64_t i = 0; i < r->n_stops && from < n; i++) {
        const char *at = memmem(text + from, n - from, r->stop[i].text, r->stop[i].n);
        if (!at || (size_t)(at - text) >= best) continue;
        best = (size_t)(at - text);
        *which = (int)i;
    }
    return best;
}

/* Bytes at the end that are the beginning of a character. */
static size_t begun_character(const char *text, size_t n)
{
    const unsigned char *s = (const unsigned char *)text;
    for (size_t k = 1; k <= 3 && k <= n; k++) {
        unsigned char lead = s[n - k];
        if (raml_utf8_bytes(lead) <= k) continue; /* whole, or no lead */
        bool follows = true;
        for (size_t i = 1; i < k; i++) follows &= raml_utf8_may_follow(lead, (unsigned)i, s[n - k + i]);
        if (follows) return k;
    }
    return 0;
}

size_t raml_serve_held_back(const struct api_request *r, const char *text, size_t n)
{
    size_t held = begun_character(text, n);
    for (int64_t i = 0; i < r->n_stops; i++) {
        const struct api_stop *stop = &r->stop[i];
        for (size_t k = stop->n - 1 < n ? stop->n - 1 : n; k > held; k--)
            if (!memcmp(text + n - k, stop->text, k)) held = k;
    }
    return held;
}

size_t raml_serve_character_end(const char *text, size_t n, size_t at)
{
    const unsigned char *s = (const unsigned char *)text;
    unsigned len = raml_utf8_bytes(s[at]), k = 1;
    while (k < len && at + k < n && raml_utf8_may_follow(s[at], k, s[at + k])) k++;
    return at + (len ? k : 1); /* what starts like a character and does not go on is one */
}
