/* access.c - see run.h: attributes, items, slices, iteration. */
#include "jinja/run.h"

#include <string.h>

int64_t raml_j_length(struct raml_jv v)
{
    switch (v.type) {
    case RAML_J_UNDEFINED: return 0;
    case RAML_J_STR: return (int64_t)v.s->n_chars;
    case RAML_J_SEQ: return v.q->kind == RAML_J_ITER ? -1 : (int64_t)v.q->n;
    case RAML_J_DICT: return (int64_t)v.m->n;
    default: return -1;
    }
}

static struct raml_jseq *characters(struct raml_jinja *in, const struct raml_jstr *s)
{
    struct raml_jseq *q = raml_j_new_seq(in, RAML_J_LIST, s->n_chars);
    for (size_t i = 0, len; i < s->n && !in->code; i += len) {
        raml_j_char(s->s + i, &len);
        raml_j_push(in, q, raml_j_part(in, s, i, i + len));
    }
    return q;
}

struct raml_jseq *raml_j_iterate(struct raml_jinja *in, struct raml_jv v)
{
    struct raml_jseq *q = NULL;
    if (in->code) return NULL;
    switch (v.type) {
    case RAML_J_UNDEFINED: return raml_j_new_seq(in, RAML_J_LIST, 0);
    case RAML_J_STR: return characters(in, v.s);
    case RAML_J_SEQ:
        if (v.q->kind != RAML_J_ITER) return v.q;
        q = raml_j_new_seq(in, RAML_J_LIST, 0);
        if (!q) return NULL;
        if (v.q->item) q->item = v.q->item + v.q->next; /* none at all: no address to add to */
        q->n = q->cap = v.q->n - v.q->next;
        v.q->next = v.q->n;
        return q;
    case RAML_J_DICT:
        q = raml_j_new_seq(in, RAML_J_LIST, v.m->n);
        for (size_t i = 0; i < v.m->n; i++) raml_j_push(in, q, v.m->key[i]);
        return q;
    default: raml_j_fail(in, RAML_ERANGE, "'%s' object is not iterable", raml_j_type_name(v)); return NULL;
    }
}

/* ---- attributes ---- */

static struct raml_jv neighbour(struct raml_jinja *in, const struct raml_jloop *l, bool next)
{
    if (next && l->i + 1 < l->n) return l->item[l->i + 1];
    if (!next && l->i > 0) return l->item[l->i - 1];
    return raml_j_undefined_why(in, next ? "there is no next item" : "there is no previous item");
}

static struct raml_jv loop_attr(struct raml_jinja *in, struct raml_jv loop, const char *name)
{
    const struct raml_jloop *l = loop.loop;
    const struct {
        const char *name;
        int64_t value;
    } numbers[] = {
        {"index", (int64_t)l->i + 1}, {"index0", (int64_t)l->i},
        {"length", (int64_t)l->n},    {"revindex", (int64_t)(l->n - l->i)},
        {"depth", l->depth},          {"revindex0", (int64_t)(l->n - l->i) - 1},
        {"depth0", l->depth - 1},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!strcmp(name, numbers[i].name)) return raml_j_int(numbers[i].value);
    if (!strcmp(name, "first")) return raml_j_bool(l->i == 0);
    if (!strcmp(name, "last")) return raml_j_bool(l->i + 1 == l->n);
    if (!strcmp(name, "previtem")) return neighbour(in, l, false);
    if (!strcmp(name, "nextitem")) return neighbour(in, l, true);
    const struct raml_jfunc *f = raml_j_find_method(loop, name);
    return f ? raml_j_bound(in, f, loop) : raml_j_undefined(in, raml_j_type_name(loop), name);
}

struct raml_jv raml_j_attr_only(struct raml_jinja *in, struct raml_jv object, const char *name)
{
    struct raml_jv v;
    if (in->code) return raml_j_none();
    if (object.type == RAML_J_UNDEFINED) return raml_j_fail_undefined(in, object);
    if (object.type == RAML_J_LOOP) return loop_attr(in, object, name);
    if (object.type == RAML_J_NAMESPACE && raml_j_get_text(object.m, name, strlen(name), &v)) return v;
    const struct raml_jfunc *f = raml_j_find_method(object, name);
    if (f) return raml_j_bound(in, f, object);
    return raml_j_undefined(in, raml_j_type_name(object), name);
}

struct raml_jv raml_j_attr(struct raml_jinja *in, struct raml_jv object, const char *name)
{
    struct raml_jv v = raml_j_attr_only(in, object, name);
    if (v.type == RAML_J_UNDEFINED && object.type == RAML_J_DICT) {
        if (!raml_j_work(in, object.m->n / 4)) return raml_j_none();
        raml_j_get_text(object.m, name, strlen(name), &v);
    }
    return v;
}

/* ---- items ---- */

static bool index_in(int64_t i, size_t n, size_t *out)
{
    if (i < 0) i += (int64_t)n;
    if (i < 0 || (uint64_t)i >= n) return false;
    *out = (size_t)i;
    return true;
}

static bool find_item(struct raml_jinja *in, struct raml_jv object, struct raml_jv key, struct raml_jv *out)
{
    size_t i;
    if (object.type == RAML_J_DICT) {
        bool hashable = !(key.type == RAML_J_DICT || (key.type == RAML_J_SEQ && key.q->kind == RAML_J_LIST));
        return hashable && raml_j_get(in, object.m, key, out);
    }
    if (!raml_j_is_integral(key)) return false;
    if (object.type == RAML_J_SEQ && object.q->kind <= RAML_J_RANGE && index_in(raml_j_integer(key), object.q->n, &i)) {
        *out = object.q->item[i];
        return true;
    }
    if (object.type == RAML_J_STR && index_in(raml_j_integer(key), object.s->n_chars, &i)) {
        if (!raml_j_work(in, object.s->n / 32)) return false;
        size_t at = raml_j_byte_of(object.s, i), len;
        raml_j_char(object.s->s + at, &len);
        *out = raml_j_part(in, object.s, at, at + len);
        return true;
    }
    return false;
}

struct raml_jv raml_j_item(struct raml_jinja *in, struct raml_jv object, struct raml_jv key)
{
    struct raml_jv v;
    if (in->code) return raml_j_none();
    if (object.type == RAML_J_UNDEFINED) return raml_j_fail_undefined(in, object);
    if (find_item(in, object, key, &v) || in->code) return in->code ? raml_j_none() : v;
    const char *name = "";
    if (key.type == RAML_J_STR && !memchr(key.s->s, 0, key.s->n)) {
        char *copy = raml_j_alloc(in, key.s->n + 1, 1);
        if (!copy) return raml_j_none();
        memcpy(copy, key.s->s, key.s->n);
        return raml_j_attr_only(in, object, copy);
    }
    struct raml_jout o;
    raml_jout_init(&o, in);
    raml_j_repr(&o, key);
    raml_jout_add(&o, "", 1, RAML_J_FRAME);
    if (!in->code) name = o.s;
    return raml_j_undefined(in, raml_j_type_name(object), name);
}

/* Python's slice.indices: the number of elements, and the first. */
static size_t clip(const struct raml_jv part[3], int64_t n, int64_t step, int64_t *start)
{
    int64_t low = step > 0 ? 0 : -1, high = step > 0 ? n : n - 1,
            end[2] = {step > 0 ? low : high, step > 0 ? high : low};
    for (int k = 0; k < 2; k++) {
        if (part[k].type == RAML_J_NONE) continue;
        int64_t i = raml_j_integer(part[k]);
        if (i < 0) i = i < -n ? low : i + n;
        end[k] = i < low ? low : i > high ? high : i;
    }
    *start = end[0];
    uint64_t distance = step > 0 ? (uint64_t)end[1] - (uint64_t)end[0] : (uint64_t)end[0] - (uint64_t)end[1];
    if (step > 0 ? end[1] <= end[0] : end[1] >= end[0]) return 0;
    uint64_t stride = step > 0 ? (uint64_t)step : 0 - (uint64_t)step;
    return (size_t)((distance - 1) / stride + 1);
}

static struct raml_jv slice_text(struct raml_jinja *in, const struct raml_jstr *s, int64_t start, int64_t step,
                                 size_t n)
{
    if (!raml_j_work(in, s->n / 32)) return raml_j_none();
    if (n == 0) return raml_j_part(in, s, 0, 0);
    if (step == 1) {
        size_t from = raml_j_byte_of(s, (size_t)start);
        size_t to = (size_t)start + n == s->n_chars ? s->n : raml_j_byte_of(s, (size_t)start + n);
        return raml_j_part(in, s, from, to);
    }
    const struct raml_jseq *all = raml_j_iterate(in, (struct raml_jv){.type = RAML_J_STR, .s = s});
    struct raml_jout o;
    raml_jout_init(&o, in);
    for (size_t i = 0; all && i < n && !in->code; i++) raml_j_print(&o, all->item[start + (int64_t)i * step]);
    return raml_jout_done(&o);
}

struct raml_jv raml_j_slice(struct raml_jinja *in, struct raml_jv object, const struct raml_jv part[3])
{
    int64_t start, step = part[2].type == RAML_J_NONE ? 1 : raml_j_integer(part[2]);
    if (in->code) return raml_j_none();
    if (object.type == RAML_J_UNDEFINED) return raml_j_fail_undefined(in, object);
    bool seq = object.type == RAML_J_SEQ && object.q->kind <= RAML_J_RANGE;
    for (int k = 0; k < 3; k++)
        if ((!seq && object.type != RAML_J_STR) || (part[k].type != RAML_J_NONE && !raml_j_is_integral(part[k])))
            return raml_j_undefined(in, raml_j_type_name(object), "slice"); /* as Jinja does */
    if (step == 0) return raml_j_fail(in, RAML_ERANGE, "slice step cannot be zero");
    size_t n = clip(part, raml_j_length(object), step, &start);
    if (object.type == RAML_J_STR) return slice_text(in, object.s, start, step, n);
    struct raml_jseq *q = raml_j_new_seq(in, object.q->kind, n);
    if (!q) return raml_j_none();
    for (size_t i = 0; i < n; i++) raml_j_push(in, q, object.q->item[start + (int64_t)i * step]);
    if (q->kind == RAML_J_RANGE) q->kind = RAML_J_LIST;
    return raml_j_seq(q);
}
