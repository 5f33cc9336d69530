/* json.c - see value.h and run.h: JSON to values, and values to JSON as Python's json.dumps. */
#include "jinja/run.h"

#include "core/json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

/* ---- from JSON ---- */

/* A number that jansson has not. */
static struct raml_jv beyond(struct raml_jinja *in, const char *text, size_t message)
{
    if (!strcmp(text, "NaN")) return raml_j_float((double)NAN);
    if (strstr(text, "Infinity")) return raml_j_float(*text == '-' ? -HUGE_VAL : HUGE_VAL);
    struct raml_jv v = raml_j_str(in, text, strlen(text), message);
    if (v.type == RAML_J_STR) v.type = RAML_J_BIG;
    return v;
}

static struct raml_jv convert(struct raml_jinja *in, const json_t *json, size_t message, const char *frame_key)
{
    struct raml_jdict *m;
    struct raml_jseq *q;
    switch (json_typeof(json)) {
    case JSON_TRUE: return raml_j_bool(true);
    case JSON_FALSE: return raml_j_bool(false);
    case JSON_INTEGER: return raml_j_int(json_integer_value(json));
    case JSON_REAL: return raml_j_float(json_real_value(json));
    case JSON_STRING:
        if (raml_json_beyond(json)) return beyond(in, raml_json_beyond(json), message);
        return raml_j_str(in, json_string_value(json), json_string_length(json), message);
    case JSON_ARRAY:
        q = raml_j_new_seq(in, RAML_J_LIST, json_array_size(json));
        for (size_t i = 0; i < json_array_size(json) && !in->code; i++)
            raml_j_push(in, q, raml_j_from_json(in, json_array_get(json, i), message));
        return raml_j_seq(q);
    case JSON_OBJECT:
        m = raml_j_new_dict(in, json_object_size(json));
        for (void *it = json_object_iter((json_t *)json); it && !in->code;
             it = json_object_iter_next((json_t *)json, it)) {
            const char *key = json_object_iter_key(it);
            bool frame = frame_key && !strcmp(key, frame_key);
            struct raml_jv name = raml_j_str(in, key, strlen(key), frame_key ? RAML_J_FRAME : message);
            raml_j_append(in, m, name,
                          raml_j_from_json(in, json_object_iter_value(it), frame ? RAML_J_FRAME : message));
        }
        return raml_j_dict(m);
    default: return raml_j_none();
    }
}

struct raml_jv raml_j_from_json(struct raml_jinja *in, const void *json, size_t message)
{
    if (!raml_j_enter(in)) return raml_j_none();
    struct raml_jv v = convert(in, json, message, NULL);
    raml_j_leave(in);
    return v;
}

struct raml_jv raml_j_from_messages(struct raml_jinja *in, const void *json)
{
    const json_t *list = json;
    struct raml_jseq *q = raml_j_new_seq(in, RAML_J_LIST, json_array_size(list));
    for (size_t i = 0; i < json_array_size(list) && !in->code; i++)
        raml_j_push(in, q, convert(in, json_array_get(list, i), i, "role"));
    return raml_j_seq(q);
}

/* ---- to JSON ---- */

static void add_escaped(struct raml_jout *o, uint32_t c, size_t message)
{
    char text[16];
    if (c >= 0x10000)
        snprintf(text, sizeof text, "\\u%04x\\u%04x", (unsigned)(0xd800 + ((c - 0x10000) >> 10)),
                 (unsigned)(0xdc00 + ((c - 0x10000) & 0x3ff)));
    else snprintf(text, sizeof text, "\\u%04x", (unsigned)c);
    raml_jout_add(o, text, strlen(text), message);
}

static bool needs_escape(uint32_t c, bool ascii)
{
    return c < 0x20 || c == '"' || c == '\\' || (ascii && c >= 0x7f);
}

static void add_text(struct raml_jout *o, const struct raml_jstr *s, bool ascii)
{
    static const char plain[] = "\"\\\b\f\n\r\t", means[] = "\"\\bfnrt";
    size_t start = 0, i = 0;
    raml_jout_adds(o, "\"");
    while (i < s->n && !o->in->code) {
        size_t len;
        uint32_t c = raml_j_char(s->s + i, &len);
        if (needs_escape(c, ascii)) {
            size_t message = raml_j_message_at(s, i);
            const char *p = c && c < 0x80 ? strchr(plain, (int)c) : NULL;
            char two[2] = {'\\', p ? means[p - plain] : 0};
            raml_jout_part(o, s, start, i);
            if (p) raml_jout_add(o, two, 2, message);
            else add_escaped(o, c, message);
            start = i + len;
        }
        i += len;
    }
    raml_j_work(o->in, s->n / 16);
    raml_jout_part(o, s, start, s->n);
    raml_jout_adds(o, "\"");
}

static void line(struct raml_jout *o, const struct raml_jjson_style *style, unsigned level)
{
    if (!style->indent) return;
    raml_jout_adds(o, "\n");
    for (unsigned i = 0; i < level; i++) raml_jout_str(o, style->indent);
}

static void add_seq(struct raml_jout *o, const struct raml_jseq *q, const struct raml_jjson_style *style,
                    unsigned level)
{
    raml_jout_adds(o, "[");
    for (size_t i = 0; i < q->n && !o->in->code; i++) {
        if (i) raml_jout_str(o, style->comma);
        line(o, style, level + 1);
        raml_j_to_json(o, q->item[i], style, level + 1);
    }
    if (q->n) line(o, style, level);
    raml_jout_adds(o, "]");
}

/* Keys are texts; numbers, true, false and none become their texts. */
static void add_key(struct raml_jout *o, struct raml_jv key, const struct raml_jjson_style *style)
{
    bool text = key.type == RAML_J_STR;
    if (!text && !raml_j_is_number(key) && key.type != RAML_J_NONE && key.type != RAML_J_BIG) {
        raml_j_fail(o->in, RAML_ERANGE, "keys must be str, int, float, bool or None, not %s", raml_j_type_name(key));
        return;
    }
    if (!text) raml_jout_adds(o, "\"");
    raml_j_to_json(o, key, style, 0);
    if (!text) raml_jout_adds(o, "\"");
    raml_jout_str(o, style->colon);
}

/* The order in which the keys are written. */
static size_t *order(struct raml_jinja *in, const struct raml_jdict *m, bool sorted)
{
    size_t *at = raml_j_alloc(in, m->n + 1, sizeof *at);
    for (size_t i = 0; at && i < m->n; i++) {
        size_t k = i;
        while (sorted && k > 0 && !in->code && raml_j_order(in, m->key[at[k - 1]], m->key[i], "<") > 0) {
            at[k] = at[k - 1];
            k--;
        }
        at[k] = i;
    }
    return in->code ? NULL : at;
}

static void add_dict(struct raml_jout *o, const struct raml_jdict *m, const struct raml_jjson_style *style,
                     unsigned level)
{
    const size_t *at = order(o->in, m, style->sort_keys);
    if (!at) return;
    raml_jout_adds(o, "{");
    for (size_t i = 0; i < m->n && !o->in->code; i++) {
        if (i) raml_jout_str(o, style->comma);
        line(o, style, level + 1);
        add_key(o, m->key[at[i]], style);
        raml_j_to_json(o, m->value[at[i]], style, level + 1);
    }
    if (m->n) line(o, style, level);
    raml_jout_adds(o, "}");
}

void raml_j_to_json(struct raml_jout *o, struct raml_jv v, const struct raml_jjson_style *style, unsigned level)
{
    if (!raml_j_enter(o->in)) return;
    switch (v.type) {
    case RAML_J_NONE: raml_jout_adds(o, "null"); break;
    case RAML_J_BOOL: raml_jout_adds(o, v.b ? "true" : "false"); break;
    case RAML_J_INT:
    case RAML_J_BIG: raml_j_repr(o, v); break;
    case RAML_J_FLOAT:
        if (isnan(v.d) || isinf(v.d)) raml_jout_adds(o, isnan(v.d) ? "NaN" : v.d > 0 ? "Infinity" : "-Infinity");
        else raml_j_print_float(o, v.d);
        break;
    case RAML_J_STR: add_text(o, v.s, style->ascii); break;
    case RAML_J_DICT: add_dict(o, v.m, style, level); break;
    case RAML_J_SEQ:
        if (v.q->kind <= RAML_J_TUPLE) {
            add_seq(o, v.q, style, level);
            break;
        } /* fall through */
    default: raml_j_fail(o->in, RAML_ERANGE, "Object of type %s is not JSON serializable", raml_j_type_name(v));
    }
    raml_j_leave(o->in);
}
