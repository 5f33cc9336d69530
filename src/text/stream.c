/* stream.c - bytes as text for people: whole UTF-8 characters only (tokenizer.h).
 *
 * Well-formed sequences: Unicode 15, table 3-7. A run of bytes that starts like a character and then doesn't go on is
 * one U+FFFD (the "maximal subpart" practice of section 3.9), so any split into tokens gives the same text. */
#include "raml/tokenizer.h"

#include "core/utf8.h"

struct held { /* the first n bytes of a character still to come */
    unsigned char byte[4];
    unsigned n;
};

/* Length of the character that starts with this byte; 0: none, or it is 0, which C strings can't hold. */
static unsigned char_bytes(unsigned char lead)
{
    return lead ? raml_utf8_bytes(lead) : 0;
}

static void add_replacement(struct raml_buf *out)
{
    raml_buf_add(out, "\xef\xbf\xbd", 3);
}

static void feed(struct held *h, unsigned char c, struct raml_buf *out)
{
    if (h->n && !raml_utf8_may_follow(h->byte[0], h->n, c)) {
        add_replacement(out);
        h->n = 0;
    }
    if (!h->n && !char_bytes(c)) {
        add_replacement(out);
        return;
    }
    h->byte[h->n++] = c;
    if (h->n < char_bytes(h->byte[0])) return;
    raml_buf_add(out, h->byte, h->n);
    h->n = 0;
}

void raml_utf8_clean(struct raml_buf *out, const char *bytes, size_t n)
{
    struct held h = {0};
    for (size_t i = 0; i < n; i++) feed(&h, (unsigned char)bytes[i], out);
    if (h.n) add_replacement(out);
}
