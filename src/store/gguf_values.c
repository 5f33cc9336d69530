/* gguf_values.c - a GGUF file's metadata as C values. See gguf.h. */
#include "store/gguf_format.h"

#include <math.h>
#include <string.h>

static enum raml_code fail_type(const struct raml_gguf_value *v, const char *expected, struct raml_err *err)
{
    return raml_fail(err, RAML_EFORMAT, "metadata '%.64s' has type %s; expected %s", v->key,
                     raml_gguf_type_name(v->element), expected);
}

static enum raml_code check_index(const struct raml_gguf_value *v, size_t i, struct raml_err *err)
{
    if (i < v->n) return RAML_OK;
    return raml_fail(err, RAML_ERANGE, "metadata '%.64s': element %zu is requested; it has %zu", v->key, i, v->n);
}

/* The element's bytes; string elements are found by their place. */
static const unsigned char *bytes_of(const struct raml_gguf_value *v, size_t i)
{
    const unsigned char *base = v->data;
    if (v->element == RAML_GGUF_STRING) return base + (v->place ? v->place[i] : 0);
    return base + i * raml_gguf_type_size(v->element);
}

enum raml_code raml_gguf_element_integer(const struct raml_gguf_value *v, size_t i, int64_t *out, struct raml_err *err)
{
    enum raml_code rc = check_index(v, i, err);
    if (rc) return rc;
    const unsigned char *p = bytes_of(v, i);
    uint64_t u = 0; /* the unsigned reading, which sign extension then makes the signed one */
    unsigned bits = 8 * (unsigned)raml_gguf_type_size(v->element);
    switch (v->element) {
    case RAML_GGUF_U8:
    case RAML_GGUF_U16:
    case RAML_GGUF_U32:
    case RAML_GGUF_U64: memcpy(&u, p, bits / 8); break;
    case RAML_GGUF_I8:
    case RAML_GGUF_I16:
    case RAML_GGUF_I32:
    case RAML_GGUF_I64:
        memcpy(&u, p, bits / 8);
        if (bits < 64 && u >> (bits - 1)) u |= UINT64_MAX << bits;
        memcpy(out, &u, sizeof *out);
        return RAML_OK;
    default: return fail_type(v, "an integer", err);
    }
    if (u > INT64_MAX)
        return raml_fail(err, RAML_ERANGE, "metadata '%.64s' is %llu; expected at most %lld", v->key,
                         (unsigned long long)u, (long long)INT64_MAX);
    *out = (int64_t)u;
    return RAML_OK;
}

enum raml_code raml_gguf_element_real(const struct raml_gguf_value *v, size_t i, double *out, struct raml_err *err)
{
    enum raml_code rc = check_index(v, i, err);
    if (rc) return rc;
    float narrow;
    double x;
    if (v->element == RAML_GGUF_F32) {
        memcpy(&narrow, bytes_of(v, i), sizeof narrow);
        x = narrow;
    } else if (v->element == RAML_GGUF_F64) {
        memcpy(&x, bytes_of(v, i), sizeof x);
    } else {
        return fail_type(v, "f32 or f64", err);
    }
    if (!isfinite(x))
        return raml_fail(err, RAML_ERANGE, "metadata '%.64s' is %s; expected a finite number", v->key,
                         isnan(x) ? "NaN" : "infinite");
    *out = x;
    return RAML_OK;
}

enum raml_code raml_gguf_element_bool(const struct raml_gguf_value *v, size_t i, bool *out, struct raml_err *err)
{
    enum raml_code rc = check_index(v, i, err);
    if (rc) return rc;
    if (v->element != RAML_GGUF_BOOL) return fail_type(v, "bool", err);
    *out = *bytes_of(v, i) != 0;
    return RAML_OK;
}

enum raml_code raml_gguf_element_string(const struct raml_gguf_value *v, size_t i, struct raml_gguf_string *out,
                                        struct raml_err *err)
{
    enum raml_code rc = check_index(v, i, err);
    if (rc) return rc;
    if (v->element != RAML_GGUF_STRING) return fail_type(v, "string", err);
    const unsigned char *p = bytes_of(v, i);
    uint64_t n;
    memcpy(&n, p, sizeof n);
    *out = (struct raml_gguf_string){(const char *)p + sizeof n, (size_t)n};
    return RAML_OK;
}

/* The value of a key that is an array, or is not. */
static enum raml_code find(const struct raml_gguf *g, const char *key, bool array, const struct raml_gguf_value **out,
                           struct raml_err *err)
{
    const struct raml_gguf_value *v = raml_gguf_value_find(g, key);
    if (!v) return raml_fail(err, RAML_EFORMAT, "%s: metadata '%.64s' is missing", raml_gguf_path(g), key);
    if ((v->type == RAML_GGUF_ARRAY) != array)
        return raml_fail(err, RAML_EFORMAT, "%s: metadata '%.64s' has type %s; expected %s", raml_gguf_path(g), key,
                         raml_gguf_type_name(v->type), array ? "array" : "one value");
    *out = v;
    return RAML_OK;
}

enum raml_code raml_gguf_array(const struct raml_gguf *g, const char *key, const struct raml_gguf_value **out,
                               struct raml_err *err)
{
    return find(g, key, true, out, err);
}

enum raml_code raml_gguf_integer(const struct raml_gguf *g, const char *key, int64_t *out, struct raml_err *err)
{
    const struct raml_gguf_value *v = NULL;
    enum raml_code rc = find(g, key, false, &v, err);
    if (rc) return rc;
    rc = raml_gguf_element_integer(v, 0, out, err);
    return rc ? raml_wrap(err, rc, "%s", raml_gguf_path(g)) : RAML_OK;
}

enum raml_code raml_gguf_real(const struct raml_gguf *g, const char *key, double *out, struct raml_err *err)
{
    const struct raml_gguf_value *v = NULL;
    enum raml_code rc = find(g, key, false, &v, err);
    if (rc) return rc;
    rc = raml_gguf_element_real(v, 0, out, err);
    return rc ? raml_wrap(err, rc, "%s", raml_gguf_path(g)) : RAML_OK;
}

enum raml_code raml_gguf_bool(const struct raml_gguf *g, const char *key, bool *out, struct raml_err *err)
{
    const struct raml_gguf_value *v = NULL;
    enum raml_code rc = find(g, key, false, &v, err);
    if (rc) return rc;
    rc = raml_gguf_element_bool(v, 0, out, err);
    return rc ? raml_wrap(err, rc, "%s", raml_gguf_path(g)) : RAML_OK;
}

enum raml_code raml_gguf_string(const struct raml_gguf *g, const char *key, struct raml_gguf_string *out,
                                struct raml_err *err)
{
    const struct raml_gguf_value *v = NULL;
    enum raml_code rc = find(g, key, false, &v, err);
    if (rc) return rc;
    rc = raml_gguf_element_string(v, 0, out, err);
    return rc ? raml_wrap(err, rc, "%s", raml_gguf_path(g)) : RAML_OK;
}
