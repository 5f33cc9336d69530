/* metaspace.c - see metaspace.h. */
#include "text/metaspace.h"

#include "core/utf8.h"

#include <stdlib.h>
#include <string.h>

#define METASPACE "\xe2\x96\x81" /* U+2581 */

enum { METASPACE_BYTES = 3, BYTE_TOKEN = 6 };

/* ---- the file --------------------------------------------------------------------------------------------------- */

static bool same(const json_t *v, const char *text, bool *enough)
{
    json_t *want = raml_json_value(text, strlen(text), enough);
    bool yes = want && json_equal(v, want);
    json_decref(want);
    return yes;
}

static enum raml_code no_memory(const struct raml_source *s)
{
    return raml_fail(s->err, RAML_ENOMEM, "%s: no memory to read it", s->at.path);
}

/* "field 'F' is FOUND; ...": found is the value, truncated. */
static enum raml_code refuse_value(const struct raml_source *s, const char *field, const json_t *v,
                                   const char *expected)
{
    char *found = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
    enum raml_code rc = raml_refuse(s, field, found ? raml_show(found).text : "of another kind", expected);
    free(found);
    return rc;
}

static const char replace[] = "{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"" METASPACE "\"}";

/* Replace alone, or in a Sequence, with or without Prepend. */
static enum raml_code read_normalizer(const struct raml_source *s, const json_t *v)
{
    static const char prepend[] = "{\"type\":\"Prepend\",\"prepend\":\"" METASPACE "\"}";
    const json_t *steps = json_object_get(v, "normalizers");
    const char *type = json_string_value(json_object_get(v, "type"));
    bool list = json_is_array(steps) && type && !strcmp(type, "Sequence"), replaces = false, other = false;
    bool enough = true, more = true;
    if (raml_absent(v)) return RAML_OK;
    for (size_t i = 0; i < (list ? json_array_size(steps) : 1) && !other; i++) {
        const json_t *step = list ? json_array_get(steps, i) : v;
        bool is_replace = same(step, replace, &enough), is_prepend = enough && same(step, prepend, &more);
        if (!enough || !more) return no_memory(s);
        if (is_prepend && s->t->prefix == RAML_PREFIX_NEVER) s->t->prefix = RAML_PREFIX_ALWAYS;
        else if (is_replace && !replaces) replaces = true;
        else other = true;
    }
    if (replaces && !other) return RAML_OK;
    return refuse_value(s, "normalizer", v, "with byte_fallback Replace, or a Sequence of Prepend and Replace");
}

static enum raml_code read_pre_tokenizer(const struct raml_source *s, const json_t *v, bool normalized)
{
    static const char expected[] = "with byte_fallback null after a normalizer, 'Metaspace' without one";
    static const char nothing[] =
        "{\"type\":\"Split\",\"pattern\":{\"String\":\" \"},\"behavior\":\"MergedWithPrevious\","
        "\"invert\":false}"; /* Gemma's: the normalizer leaves no space */
    bool enough = true, splits = normalized && !same(v, nothing, &enough);
    static const struct {
        const char *name;
        enum raml_prefix prefix;
    } schemes[] = {{"always", RAML_PREFIX_UNLESS_SPACE}, {"first", RAML_PREFIX_AT_START}, {"never", RAML_PREFIX_NEVER}};
    if (raml_absent(v) && normalized) return RAML_OK;
    if (!enough) return no_memory(s);
    if (normalized && !splits) return RAML_OK;
    const char *type = json_string_value(json_object_get(v, "type"));
    if (normalized || !type || strcmp(type, "Metaspace") != 0) return refuse_value(s, "pre_tokenizer", v, expected);
    const char *metaspace = json_string_value(json_object_get(v, "replacement"));
    if (!metaspace || strcmp(metaspace, METASPACE) != 0)
        return raml_refuse(s, "pre_tokenizer.replacement", metaspace ? raml_show(metaspace).text : "missing", "U+2581");
    bool add = true;
    const json_t *scheme = json_object_get(v, "prepend_scheme");
    enum raml_code rc = raml_read_flag(s, v, "pre_tokenizer.", "split", true, &s->t->split_spaces);
    if (!rc) rc = raml_read_flag(s, v, "pre_tokenizer.", "add_prefix_space", true, &add);
    if (rc) return rc;
    if (raml_absent(scheme)) { /* files from before prepend_scheme */
        s->t->prefix = add ? RAML_PREFIX_UNLESS_SPACE : RAML_PREFIX_NEVER;
        return RAML_OK;
    }
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        if (!json_is_string(scheme) || strcmp(json_string_value(scheme), schemes[i].name) != 0) continue;
        s->t->prefix = schemes[i].prefix;
        return RAML_OK;
    }
    return refuse_value(s, "pre_tokenizer.prepend_scheme", scheme, "'always', 'first' and 'never'");
}

static enum raml_code read_decoder(const struct raml_source *s, const json_t *v)
{
#define STEPS                                                                                                          \
    "{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Replace\",\"pattern\":{\"String\":\"" METASPACE                  \
    "\"},\"content\":\" \"},{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"}"
    bool enough, also;
    s->t->strip_first = same(v, STEPS ",{\"type\":\"Strip\",\"content\":\" \",\"start\":1,\"stop\":0}]}", &enough);
    if (s->t->strip_first || same(v, STEPS "]}", &also)) return RAML_OK;
    if (!enough || !also) return no_memory(s);
#undef STEPS
    return raml_absent(v) ? raml_refuse(s, "decoder", "null", "with byte_fallback a Sequence")
                          : refuse_value(s, "decoder", v,
                                         "with byte_fallback a Sequence of Replace, ByteFallback, Fuse and Strip");
}

enum raml_code raml_read_metaspace(const struct raml_source *s, const json_t *root)
{
    const json_t *normalizer = json_object_get(root, "normalizer"), *pre = json_object_get(root, "pre_tokenizer");
    enum raml_code rc = read_normalizer(s, normalizer);
    if (!rc && raml_absent(normalizer) && raml_absent(pre))
        rc = raml_refuse(s, "pre_tokenizer", "null", "with byte_fallback 'Metaspace' where there is no normalizer");
    if (!rc) rc = read_pre_tokenizer(s, pre, !raml_absent(normalizer));
    return rc ? rc : read_decoder(s, json_object_get(root, "decoder"));
}

/* ---- texts ------------------------------------------------------------------------------------------------------ */

static int hex_digit(char c) /* upper case, as `tokenizers` writes them */
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

void raml_metaspace_piece(const char *token, struct raml_buf *out, bool *byte)
{
    size_t n = strlen(token);
    *byte = n == BYTE_TOKEN && memcmp(token, "<0x", 3) == 0 && hex_digit(token[3]) >= 0 && hex_digit(token[4]) >= 0 &&
            token[5] == '>';
    if (*byte) {
        char c = (char)(hex_digit(token[3]) * 16 + hex_digit(token[4]));
        raml_buf_add(out, &c, 1);
        return;
    }
    raml_metaspace_text(token, n, out);
}

void raml_metaspace_text(const char *s, size_t n, struct raml_buf *out)
{
    const char *metaspace;
    for (size_t k; (metaspace = memmem(s, n, METASPACE, METASPACE_BYTES)) != NULL; s += k, n -= k) {
        k = (size_t)(metaspace - s);
        raml_buf_add(out, s, k);
        raml_buf_add(out, " ", 1);
        k += METASPACE_BYTES;
    }
    raml_buf_add(out, s, n);
}

static bool is_metaspace(const unsigned char *s, size_t n)
{
    return n >= METASPACE_BYTES && memcmp(s, METASPACE, METASPACE_BYTES) == 0;
}

static size_t next_metaspace(const unsigned char *s, size_t n)
{
    const unsigned char *p = memmem(s, n, METASPACE, METASPACE_BYTES);
    return p ? (size_t)(p - s) : n;
}

enum raml_code raml_metaspace(const struct raml_tokenizer *t, const unsigned char *text, size_t n, bool first,
                              struct raml_buf *out, struct raml_origin *origin, struct raml_err *err)
{
    bool space = text[0] == ' ' || is_metaspace(text, n);
    bool prefix = t->prefix == RAML_PREFIX_ALWAYS || (t->prefix == RAML_PREFIX_UNLESS_SPACE && !space) ||
                  (t->prefix == RAML_PREFIX_AT_START && first && !space);
    size_t i = 0;
    enum raml_code rc = RAML_OK;
    if (prefix) { /* it comes from the first character, as that character does */
        unsigned len = raml_utf8_char(text, n);
        i = len ? len : 1;
        raml_buf_add(out, " ", 1);
        if (is_metaspace(text, n)) raml_buf_add(out, " ", 1);
        else raml_buf_add(out, text, i);
        rc = raml_origin_add(origin, out->len, i, false, err);
    }
    while (i < n && !rc) {
        size_t k = next_metaspace(text + i, n - i);
        raml_buf_add(out, text + i, k);
        rc = raml_origin_add(origin, k, k, true, err);
        i += k;
        if (i == n || rc) break;
        raml_buf_add(out, " ", 1);
        rc = raml_origin_add(origin, 1, METASPACE_BYTES, false, err);
        i += METASPACE_BYTES;
    }
    return rc ? rc : raml_buf_status(out, err);
}
