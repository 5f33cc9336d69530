/* json.c - see json.h. */
#include "core/json.h"

#include "core/ascii.h"
#include "core/file.h"
#include "core/json_text.h"
#include "core/memory.h"
#include "raml/buf.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WHERE_BYTES = 320, NAMES_BYTES = 256 };

/* "path:17", or only "path" for line 0; long paths keep their end, which is more useful. */
static const char *where(const struct raml_place *at, char out[WHERE_BYTES])
{
    const char *path = at && at->path ? at->path : "(text)";
    size_t n = strlen(path), keep = WHERE_BYTES - 40;
    const char *dots = n > keep ? "..." : "";
    if (n > keep) path += n - keep;
    if (at && at->line) snprintf(out, WHERE_BYTES, "%s%s:%zu", dots, path, at->line);
    else snprintf(out, WHERE_BYTES, "%s%s", dots, path);
    return out;
}

static const char *type_name(const json_t *v)
{
    if (!v) return "nothing";
    switch (json_typeof(v)) {
    case JSON_OBJECT: return "an object";
    case JSON_ARRAY: return "an array";
    case JSON_STRING: return "a string";
    case JSON_INTEGER: return "an integer";
    case JSON_REAL: return "a number with a fraction";
    case JSON_TRUE:
    case JSON_FALSE: return "true or false";
    default: return "null";
    }
}

/* jansson quotes the text near a fault: keep its control characters off the terminal. */
static void make_printable(char *text)
{
    for (; *text; text++)
        if (is_control(*text)) *text = ' ';
}

/* jansson's own code for it is hardly set: it ends without any. */
static bool is_no_memory(const json_error_t *je)
{
    enum json_error_code code = json_error_code(je);
    return code == json_error_unknown || code == json_error_out_of_memory;
}

static void set_no_memory(json_error_t *je)
{
    je->text[JSON_ERROR_TEXT_LENGTH - 1] = (char)json_error_out_of_memory;
}

static enum raml_code fail_parse(const struct raml_place *at, json_error_t *je, struct raml_err *err)
{
    char w[WHERE_BYTES];
    make_printable(je->text);
    if (is_no_memory(je)) return raml_fail(err, RAML_ENOMEM, "%s: no memory to read it", where(at, w));
    if (at && !at->line && je->line > 0) /* a whole file: the line is jansson's */
        return raml_fail(err, RAML_EFORMAT, "%s:%d: not valid JSON at column %d: %s", where(at, w), je->line,
                         je->column, je->text);
    return raml_fail(err, RAML_EFORMAT, "%s: not valid JSON at column %d: %s", where(at, w), je->column, je->text);
}

/* Where a thread's reading ends when jansson's memory does: it goes on without what it could not keep. */
static _Thread_local jmp_buf *no_memory;

static void *guarded_malloc(size_t n)
{
    void *p = malloc(n);
    if (p || !n) return p;
    raml_memory_note(n);
    if (no_memory) longjmp(*no_memory, 1);
    return NULL;
}

void raml_json_guard(void)
{
    json_set_alloc_funcs(guarded_malloc, free);
}

/* json_loadb; what it had read is not freed where memory ended. */
static json_t *load(const char *text, size_t n, size_t flags, json_error_t *je)
{
    jmp_buf here;
    if (setjmp(here)) {
        no_memory = NULL;
        set_no_memory(je);
        return NULL;
    }
    no_memory = &here;
    json_t *v = json_loadb(text, n, flags, je);
    no_memory = NULL;
    return v;
}

/* jansson's value of text, changed (json_text.h) where it can't be read as it is; NULL with *je set. */
static json_t *read_value(const char *text, size_t n, unsigned how, size_t flags, json_error_t *je)
{
    bool nul = how & RAML_JSON_KEEP_NUL;
    flags |= nul ? JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL : JSON_REJECT_DUPLICATES;
    json_t *v = load(text, n, flags, je);
    if (v || is_no_memory(je) || how & RAML_JSON_STRICT) return v;
    struct raml_buf mended;
    json_error_t again = {.text = ""};
    raml_buf_init(&mended, 2 * n + 64);
    bool changed = raml_json_text_mend(text, n, how, &mended);
    if (mended.code) set_no_memory(je);
    if (changed && !mended.code) {
        if (how & RAML_JSON_KEEP_NUMBERS) flags |= JSON_ALLOW_NUL;
        v = load(mended.data, mended.len, flags, &again);
        if (!v) {
            *je = again;
            if (again.position > 0 && !is_no_memory(je))
                je->column -= (int)raml_json_text_shift(text, n, how, (size_t)again.position);
        }
    }
    raml_buf_deinit(&mended);
    return v;
}

enum raml_code raml_json_parse_as(const struct raml_place *at, const char *text, size_t n, unsigned how, json_t **out,
                                  struct raml_err *err)
{
    json_error_t je = {.text = ""};
    char w[WHERE_BYTES];
    if (!n) return raml_fail(err, RAML_EFORMAT, "%s: empty; expected a JSON object", where(at, w));
    json_t *v = read_value(text, n, how, JSON_DECODE_ANY, &je);
    const char *other = v || at->line > 1 ? NULL : raml_file_no_text(text, n);
    if (other) return raml_fail(err, RAML_EFORMAT, "%s: %s", at->path, other);
    if (!v) return fail_parse(at, &je, err);
    if (!json_is_object(v)) {
        enum raml_code rc =
            raml_fail(err, RAML_EFORMAT, "%s: expected a JSON object, found %s", where(at, w), type_name(v));
        json_decref(v);
        return rc;
    }
    *out = v;
    return RAML_OK;
}

/* No text begins with U+0000 unless RAML_JSON_KEEP_NUL is asked for. */
const char *raml_json_beyond(const json_t *v)
{
    const char *text = json_string_value(v);
    return text && !*text && json_string_length(v) ? text + 1 : NULL;
}

enum raml_code raml_json_parse(const struct raml_place *at, const char *text, size_t n, json_t **out,
                               struct raml_err *err)
{
    return raml_json_parse_as(at, text, n, 0, out, err);
}

json_t *raml_json_value(const char *text, size_t n, bool *enough)
{
    json_error_t je = {.text = ""};
    json_t *v = read_value(text, n, 0, JSON_DECODE_ANY, &je);
    *enough = v || !is_no_memory(&je);
    return v;
}

enum raml_code raml_json_lines(const char *path, size_t max_line_bytes,
                               enum raml_code (*take)(void *user, const struct raml_place *at, json_t *object,
                                                      struct raml_err *err),
                               void *user, struct raml_err *err)
{
    struct raml_lines lines;
    bool more = true;
    enum raml_code rc = raml_lines_init(&lines, path, max_line_bytes, err);
    if (rc) return rc;
    while (!rc && !(rc = raml_lines_next(&lines, &more, err)) && more) {
        const char *text = lines.line.data ? lines.line.data : "";
        const struct raml_place at = {path, lines.number};
        json_t *object = NULL;
        if (text[strspn(text, " \t")] == 0) continue;
        rc = raml_json_parse(&at, text, lines.line.len, &object, err);
        if (!rc) rc = take(user, &at, object, err);
        json_decref(object);
    }
    raml_lines_deinit(&lines);
    return rc;
}

enum raml_code raml_json_load(const char *path, size_t max_bytes, json_t **out, struct raml_err *err)
{
    struct raml_place at = {path, 0};
    struct raml_buf text;
    char w[WHERE_BYTES];
    raml_buf_init(&text, max_bytes);
    enum raml_code rc = raml_file_read(path, &text, err);
    if (!rc && !text.len) rc = raml_fail(err, RAML_EFORMAT, "%s: empty; expected JSON", where(&at, w));
    const char *other = rc ? NULL : raml_file_no_text(text.data, text.len);
    if (other) rc = raml_fail(err, RAML_EFORMAT, "%s: %s", where(&at, w), other);
    if (!rc) {
        json_error_t je = {.text = ""};
        json_t *v = read_value(text.data, text.len, 0, 0, &je);
        if (v) *out = v;
        else rc = fail_parse(&at, &je, err);
    }
    raml_buf_deinit(&text);
    return rc;
}

const char *raml_json_fields(const json_t *obj, char *out, size_t cap)
{
    if (!cap) return out;
    size_t used = 0;
    out[0] = 0;
    for (void *it = json_object_iter((json_t *)obj); it; it = json_object_iter_next((json_t *)obj, it)) {
        const char *key = json_object_iter_key(it);
        int n = snprintf(out + used, cap - used, "%s%s", used ? ", " : "", key);
        if (n < 0) break;
        if ((size_t)n >= cap - used) { /* full: whole names and, where it fits, an ellipsis */
            snprintf(out + used, cap - used, "%s", cap - used > 5 ? ", ..." : "");
            break;
        }
        used += (size_t)n;
    }
    make_printable(out);
    return out;
}

/* The field's value, or NULL with err set. */
static json_t *need(const struct raml_place *at, const json_t *obj, const char *field, struct raml_err *err)
{
    json_t *v = json_object_get(obj, field);
    if (v) return v;
    char w[WHERE_BYTES], names[NAMES_BYTES];
    raml_fail(err, RAML_EFORMAT, "%s: field '%s' is missing; found fields: %s", where(at, w), field,
              json_object_size(obj) ? raml_json_fields(obj, names, sizeof names) : "none");
    return NULL;
}

/* An integer beyond 64 bits, of which the digits were kept (json_text.h)? */
static bool is_digits(const json_t *v)
{
    const char *s = json_is_string(v) ? json_string_value(v) : "";
    size_t sign = *s == '-', n = strspn(s + sign, "0123456789");
    return n >= 19 && s[sign] != '0' && sign + n == json_string_length(v);
}

static enum raml_code fail_type(const struct raml_place *at, const char *field, const json_t *v, const char *expected,
                                struct raml_err *err)
{
    char w[WHERE_BYTES];
    return raml_fail(err, RAML_EFORMAT, "%s: field '%s' is %s; expected %s", where(at, w), field, type_name(v),
                     expected);
}

enum raml_code raml_json_str(const struct raml_place *at, const json_t *obj, const char *field, const char **out,
                             size_t *len, struct raml_err *err)
{
    json_t *v = need(at, obj, field, err);
    if (!v) return RAML_EFORMAT;
    if (!json_is_string(v)) return fail_type(at, field, v, "a string", err);
    *out = json_string_value(v);
    if (len) *len = json_string_length(v);
    return RAML_OK;
}

enum raml_code raml_json_int(const struct raml_place *at, const json_t *obj, const char *field, long long low,
                             long long high, long long *out, struct raml_err *err)
{
    char w[WHERE_BYTES];
    json_t *v = need(at, obj, field, err);
    if (!v) return RAML_EFORMAT;
    if (is_digits(v))
        return raml_fail(err, RAML_ERANGE, "%s: field '%s' is %.40s; expected %lld to %lld", where(at, w), field,
                         json_string_value(v), low, high);
    if (!json_is_integer(v)) return fail_type(at, field, v, "an integer", err);
    long long x = json_integer_value(v);
    if (x < low || x > high)
        return raml_fail(err, RAML_ERANGE, "%s: field '%s' is %lld; expected %lld to %lld", where(at, w), field, x, low,
                         high);
    *out = x;
    return RAML_OK;
}

enum raml_code raml_json_num(const struct raml_place *at, const json_t *obj, const char *field, double *out,
                             struct raml_err *err)
{
    json_t *v = need(at, obj, field, err);
    if (!v) return RAML_EFORMAT;
    double big = is_digits(v) ? strtod(json_string_value(v), NULL) : NAN;
    if (!json_is_number(v) && !isfinite(big)) return fail_type(at, field, v, "a number", err);
    *out = json_is_number(v) ? json_number_value(v) : big;
    return RAML_OK;
}

enum raml_code raml_json_array(const struct raml_place *at, const json_t *obj, const char *field, json_t **out,
                               struct raml_err *err)
{
    json_t *v = need(at, obj, field, err);
    if (!v) return RAML_EFORMAT;
    if (!json_is_array(v)) return fail_type(at, field, v, "an array", err);
    *out = v;
    return RAML_OK;
}

json_t *raml_json_number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

json_t *raml_json_text(const char *text)
{
    return text ? json_string(text) : json_null();
}

json_t *raml_json_checked(json_t *obj, int failed)
{
    if (!failed) return obj;
    json_decref(obj);
    return NULL;
}

static int add_bytes(const char *bytes, size_t n, void *user)
{
    struct raml_buf *b = user;
    raml_buf_add(b, bytes, n);
    return b->code ? -1 : 0;
}

void raml_json_add(struct raml_buf *b, const json_t *obj)
{
    if (b->code) return;
    size_t before = b->len;
    if (json_dump_callback(obj, add_bytes, b, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(9)) == 0) return;
    if (b->data) b->data[b->len = before] = 0; /* a failed append leaves the buffer as it was */
    if (!b->code) b->code = RAML_ENOMEM;
}
