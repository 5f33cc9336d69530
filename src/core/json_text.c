/* json_text.c - see json_text.h. */
#include "core/json_text.h"

#include "core/ascii.h"
#include "core/json.h"
#include "core/memory.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ESCAPE = 6, NUMBER_BYTES = 64 }; /* bytes of \uXXXX */

struct mend {
    const char *s;
    size_t n, i, copied; /* of s: where we are, what is in out */
    unsigned how;
    bool changed;
    struct raml_buf *out; /* NULL: only counted */
    size_t n_out, until;  /* counted bytes; where counting ends */
    long shift;
};

/* s[i .. end) becomes text. */
static void replace(struct mend *m, size_t end, const char *text, size_t n)
{
    size_t plain = m->i - m->copied;
    m->changed = true;
    if (m->out) {
        raml_buf_add(m->out, m->s + m->copied, plain);
        raml_buf_add(m->out, text, n);
    }
    m->n_out += plain;
    if (m->n_out < m->until) m->shift += (long)n - (long)(end - m->i);
    m->n_out += n;
    m->i = m->copied = end;
}

/* The four digits after \u at s[i]; -1: there is no such escape. */
static int escape_at(const struct mend *m, size_t i)
{
    if (i + ESCAPE > m->n || m->s[i] != '\\' || m->s[i + 1] != 'u') return -1;
    int v = 0;
    for (size_t k = i + 2; k < i + ESCAPE; k++) {
        int digit = hex_value(m->s[k]);
        if (digit < 0) return -1;
        v = v * 16 + digit;
    }
    return v;
}

static bool is_name(const struct mend *m, size_t end)
{
    while (end < m->n && is_space(m->s[end])) end++;
    return end < m->n && m->s[end] == ':';
}

static size_t string_end(const struct mend *m)
{
    size_t k = m->i + 1;
    while (k < m->n && m->s[k] != '"') k += m->s[k] == '\\' ? 2 : 1;
    return k < m->n ? k + 1 : m->n;
}

static void mend_string(struct mend *m)
{
    size_t end = string_end(m);
    if (m->how & RAML_JSON_SOUND_TEXTS) m->i = end;
    bool keep_nul = m->how & RAML_JSON_KEEP_NUL && !is_name(m, end);
    while (m->i < end) {
        if (m->s[m->i] != '\\') {
            m->i++;
            continue;
        }
        int c = escape_at(m, m->i), next = escape_at(m, m->i + ESCAPE);
        bool high = c >= 0xd800 && c < 0xdc00, low = c >= 0xdc00 && c < 0xe000;
        if (high && next >= 0xdc00 && next < 0xe000) m->i += 2 * ESCAPE;
        else if (high || low || (c == 0 && !keep_nul)) replace(m, m->i + ESCAPE, "\\ufffd", ESCAPE);
        else m->i += 2;
    }
    m->i = end;
}

static size_t digits(const struct mend *m, size_t k)
{
    while (k < m->n && is_digit(m->s[k])) k++;
    return k;
}

/* Beyond what a double holds? s[i .. end) is a number with a fraction or an exponent. */
static bool overflows(const struct mend *m, size_t end)
{
    char small[NUMBER_BYTES], *text = end - m->i < sizeof small ? small : malloc(end - m->i + 1);
    if (!text) { /* the parser sees it then, and refuses it; what is made of it is refused (memory.h) */
        raml_memory_note(end - m->i + 1);
        return false;
    }
    memcpy(text, m->s + m->i, end - m->i);
    text[end - m->i] = 0;
    bool inf = isinf(strtod(text, NULL));
    if (text != small) free(text);
    return inf;
}

/* Is the integer s[i .. end) beyond 64 bits? Signs and leading zeros (which JSON does not have) as they are. */
static bool is_big(const struct mend *m, size_t end)
{
    size_t n = end - m->i;
    char text[NUMBER_BYTES];
    if (n < 19) return false;
    if (n > 20) return true;
    memcpy(text, m->s + m->i, n);
    text[n] = 0;
    errno = 0;
    (void)strtoll(text, NULL, 10);
    return errno == ERANGE;
}

static void mend_number(struct mend *m)
{
    size_t start = m->i + (m->s[m->i] == '-'), end = digits(m, start);
    bool zero = m->s[start < m->n ? start : m->i] == '0', real = false;
    if (end == start || (zero && end > start + 1)) { /* none, or one that is not JSON's: reported by the parser */
        m->i = end > m->i ? end : m->i + 1;
        return;
    }
    if (end < m->n && m->s[end] == '.' && digits(m, end + 1) > end + 1) {
        real = true;
        end = digits(m, end + 1);
    }
    if (end < m->n && (m->s[end] == 'e' || m->s[end] == 'E')) {
        size_t k = end + 1;
        if (k < m->n && (m->s[k] == '+' || m->s[k] == '-')) k++;
        real |= digits(m, k) > k;
        if (digits(m, k) > k) end = digits(m, k);
    }
    bool keep = m->how & RAML_JSON_KEEP_NUMBERS;
    if (real && overflows(m, end)) {
        const char *word = m->s[m->i] == '-' ? "\"\\u0000-Infinity\"" : "\"\\u0000Infinity\"";
        if (!keep) word = "null";
        replace(m, end, word, strlen(word));
    } else if (!real && is_big(m, end)) {
        size_t from = m->i;
        replace(m, from, "\"\\u0000", keep ? 1 + ESCAPE : 1);
        m->i = end;
        replace(m, end, "\"", 1);
    } else {
        m->i = end;
    }
}

static bool mend_word(struct mend *m)
{
    static const char *const words[] = {"NaN", "-Infinity", "Infinity"};
    for (size_t k = 0; k < sizeof words / sizeof *words; k++) {
        size_t n = strlen(words[k]);
        if (m->n - m->i < n || memcmp(m->s + m->i, words[k], n) != 0) continue;
        static const char *const kept[] = {"\"\\u0000NaN\"", "\"\\u0000-Infinity\"", "\"\\u0000Infinity\""};
        const char *word = m->how & RAML_JSON_KEEP_NUMBERS ? kept[k] : "null";
        replace(m, m->i + n, word, strlen(word));
        return true;
    }
    return false;
}

/* A word of other letters stays whole: xNaN is none of Python's. */
static void skip_word(struct mend *m)
{
    while (m->i < m->n && (is_alpha(m->s[m->i]) || is_digit(m->s[m->i]) || m->s[m->i] == '_')) m->i++;
}

static void mend(struct mend *m)
{
    while (m->i < m->n && m->n_out < m->until) {
        char c = m->s[m->i];
        if (c == '"') mend_string(m);
        else if (mend_word(m)) skip_word(m);
        else if (c == '-' || is_digit(c)) mend_number(m);
        else if (is_alpha(c)) skip_word(m);
        else m->i++;
    }
    if (m->out) raml_buf_add(m->out, m->s + m->copied, m->n - m->copied);
}

bool raml_json_text_mend(const char *text, size_t n, unsigned how, struct raml_buf *out)
{
    struct mend m = {.s = text, .n = n, .how = how, .out = out, .until = (size_t)-1};
    mend(&m);
    return m.changed;
}

long raml_json_text_shift(const char *text, size_t n, unsigned how, size_t position)
{
    struct mend m = {.s = text, .n = n, .how = how, .until = position};
    mend(&m);
    return m.shift;
}
