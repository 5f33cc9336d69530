/* stream.c - tokens as text for people: whole UTF-8 characters only (tokenizer.h).
 *
 * Well-formed sequences: Unicode 15, table 3-7. A run of bytes that starts like a character and then doesn't go on is
 * one U+FFFD (the "maximal subpart" practice of section 3.9), so any cut into tokens gives the same text. */
#include "raml/tokenizer.h"

/* Length of the character that starts with this byte; 0: none does. */
static unsigned char_bytes(unsigned char lead)
{
    if (lead < 0x80) return lead != 0;
    if (lead >= 0xc2 && lead <= 0xdf) return 2;
    if (lead >= 0xe0 && lead <= 0xef) return 3;
    return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}

/* May byte c follow at place `at` of a character that starts with lead? Place 1 shuts out overlong forms, surrogates
 * and what lies above U+10FFFF. */
static bool may_follow(unsigned char lead, unsigned at, unsigned char c)
{
    unsigned low = 0x80, high = 0xbf;
    if (at == 1 && lead == 0xe0) low = 0xa0;
    if (at == 1 && lead == 0xed) high = 0x9f;
    if (at == 1 && lead == 0xf0) low = 0x90;
    if (at == 1 && lead == 0xf4) high = 0x8f;
    return c >= low && c <= high;
}

static void add_replacement(struct raml_buf *out)
{
    raml_buf_add(out, "\xef\xbf\xbd", 3);
}

static void feed(struct raml_stream_decoder *s, unsigned char c, struct raml_buf *out)
{
    if (s->n_held && !may_follow(s->held[0], s->n_held, c)) {
        add_replacement(out);
        s->n_held = 0;
    }
    if (!s->n_held && !char_bytes(c)) {
        add_replacement(out);
        return;
    }
    s->held[s->n_held++] = c;
    if (s->n_held < char_bytes(s->held[0])) return;
    raml_buf_add(out, s->held, s->n_held);
    s->n_held = 0;
}

void raml_stream_init(struct raml_stream_decoder *s, const struct raml_tokenizer *t, bool keep_special)
{
    *s = (struct raml_stream_decoder){.t = t, .keep_special = keep_special};
}

enum raml_code raml_stream_add(struct raml_stream_decoder *s, int32_t id, struct raml_buf *out, struct raml_err *err)
{
    const char *bytes;
    size_t n;
    enum raml_code rc = raml_tokenizer_piece(s->t, id, &bytes, &n, err);
    if (rc) return rc;
    if (raml_tokenizer_is_special(s->t, id) && !s->keep_special) return RAML_OK;
    for (size_t i = 0; i < n; i++) feed(s, (unsigned char)bytes[i], out);
    return raml_buf_status(out, err);
}

enum raml_code raml_stream_flush(struct raml_stream_decoder *s, struct raml_buf *out, struct raml_err *err)
{
    if (s->n_held) add_replacement(out);
    s->n_held = 0;
    return raml_buf_status(out, err);
}

void raml_utf8_clean(struct raml_buf *out, const char *bytes, size_t n)
{
    struct raml_stream_decoder s = {0};
    for (size_t i = 0; i < n; i++) feed(&s, (unsigned char)bytes[i], out);
    if (s.n_held) add_replacement(out);
}
