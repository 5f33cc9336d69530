/* stream.c - tokens as text for people: whole UTF-8 characters only (tokenizer.h).
 *
 * Well-formed sequences: Unicode 15, table 3-7. A run of bytes that starts like a character and then doesn't go on is
 * one U+FFFD (the "maximal subpart" practice of section 3.9), so any split into tokens gives the same text. */
#include "raml/tokenizer.h"

#include "core/utf8.h"
#include "text/vocab.h"

/* Length of the character that starts with this byte; 0: none, or it is 0, which C strings can't hold. */
static unsigned char_bytes(unsigned char lead)
{
    return lead ? raml_utf8_bytes(lead) : 0;
}

static void add_replacement(struct raml_buf *out)
{
    raml_buf_add(out, "\xef\xbf\xbd", 3);
}

static void feed(struct raml_stream_decoder *s, unsigned char c, struct raml_buf *out)
{
    if (s->n_held && !raml_utf8_may_follow(s->held[0], s->n_held, c)) {
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
    size_t first = !s->begun && n && bytes[0] == ' ' && s->t->strip_first;
    for (size_t i = first; i < n; i++) feed(s, (unsigned char)bytes[i], out);
    s->begun = s->begun || n;
    return raml_buf_status(out, err);
}

enum raml_code raml_stream_flush(struct raml_stream_decoder *s, struct raml_buf *out, struct raml_err *err)
{
    if (s->n_held) add_replacement(out);
    s->n_held = 0;
    s->begun = false;
    return raml_buf_status(out, err);
}

void raml_utf8_clean(struct raml_buf *out, const char *bytes, size_t n)
{
    struct raml_stream_decoder s = {0};
    for (size_t i = 0; i < n; i++) feed(&s, (unsigned char)bytes[i], out);
    if (s.n_held) add_replacement(out);
}
