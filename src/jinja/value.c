/* value.c - see value.h: memory, bounds, texts with provenance, sequences, dicts. */
#include "jinja/value.h"

#include "core/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <utf8proc.h>

enum { BYTES_A_STEP = 32, MESSAGE_BYTES = 640 };

struct raml_jv raml_j_fail(struct raml_jinja *in, enum raml_code code, const char *fmt, ...)
{
    if (!in->code) {
        char msg[MESSAGE_BYTES];
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(msg, sizeof msg, fmt, ap);
        va_end(ap);
        in->code = raml_fail(in->err, code, "%s:%zu: %s", in->name, in->line, msg);
    }
    return raml_j_none();
}

bool raml_j_work(struct raml_jinja *in, size_t steps)
{
    if (in->code) return false;
    if (steps > RAML_J_MAX_STEPS - in->steps) {
        raml_j_fail(in, RAML_ERANGE, "the template does not end: more than %llu steps",
                    (unsigned long long)RAML_J_MAX_STEPS);
        return false;
    }
    in->steps += steps;
    return true;
}

bool raml_j_enter(struct raml_jinja *in)
{
    if (!raml_j_work(in, 1)) return false;
    if (in->depth >= RAML_J_MAX_DEPTH) {
        raml_j_fail(in, RAML_ERANGE, "nested deeper than %d levels", RAML_J_MAX_DEPTH);
        return false;
    }
    in->depth++;
    return true;
}

void raml_j_leave(struct raml_jinja *in)
{
    in->depth--;
}

void *raml_j_alloc(struct raml_jinja *in, size_t n, size_t size)
{
    if (in->code) return NULL;
    void *p = raml_arena_alloc(in->arena, n, size);
    if (!p) raml_j_fail(in, RAML_ENOMEM, "no memory for %zu times %zu bytes, or the template needs too much", n, size);
    return p;
}

/* ---- text ---- */

static size_t count_chars(const char *s, size_t n)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++) k += ((unsigned char)s[i] & 0xc0) != 0x80;
    return k;
}

static struct raml_jv make(struct raml_jinja *in, const char *s, size_t n, const struct raml_jprovenance *provenance,
                           size_t n_provenance)
{
    if (!raml_j_work(in, n / BYTES_A_STEP)) return raml_j_none();
    struct raml_jstr *t = raml_j_alloc(in, 1, sizeof *t);
    if (!t) return raml_j_none();
    *t = (struct raml_jstr){
        .s = s, .n = n, .n_chars = count_chars(s, n), .provenance = provenance, .n_provenance = n_provenance};
    return (struct raml_jv){.type = RAML_J_STR, .s = t};
}

struct raml_jv raml_j_str(struct raml_jinja *in, const char *s, size_t n, size_t message)
{
    struct raml_jprovenance *provenance = NULL;
    if (message != RAML_J_FRAME && n) {
        provenance = raml_j_alloc(in, 1, sizeof *provenance);
        if (!provenance) return raml_j_none();
        *provenance = (struct raml_jprovenance){0, n, message};
    }
    return make(in, s, n, provenance, provenance != NULL);
}

struct raml_jv raml_j_copy(struct raml_jinja *in, const char *s, size_t n)
{
    char *p = raml_j_alloc(in, n + 1, 1);
    if (!p) return raml_j_none();
    if (n) memcpy(p, s, n);
    return make(in, p, n, NULL, 0);
}

struct raml_jv raml_j_part(struct raml_jinja *in, const struct raml_jstr *s, size_t from, size_t to)
{
    size_t a = 0, b = s->n_provenance;
    while (a < b && s->provenance[a].end <= from) a++;
    while (b > a && s->provenance[b - 1].start >= to) b--;
    struct raml_jprovenance *provenance = NULL;
    if (!raml_j_work(in, s->n_provenance / BYTES_A_STEP)) return raml_j_none();
    if (b > a && from < to) {
        provenance = raml_j_alloc(in, b - a, sizeof *provenance);
        if (!provenance) return raml_j_none();
        for (size_t i = a; i < b; i++) {
            size_t start = s->provenance[i].start < from ? from : s->provenance[i].start;
            size_t end = s->provenance[i].end > to ? to : s->provenance[i].end;
            provenance[i - a] = (struct raml_jprovenance){start - from, end - from, s->provenance[i].message};
        }
    }
    struct raml_jv v = make(in, s->s + from, to - from, provenance, provenance ? b - a : 0);
    if (v.type == RAML_J_STR && s->safe) {
        struct raml_jstr *t = (struct raml_jstr *)v.s;
        t->safe = true;
    }
    return v;
}

bool raml_j_is_text(struct raml_jv v, const char *text)
{
    return v.type == RAML_J_STR && v.s->n == strlen(text) && memcmp(v.s->s, text, v.s->n) == 0;
}

size_t raml_j_byte_of(const struct raml_jstr *s, size_t i_char)
{
    if (s->n == s->n_chars) return i_char;
    size_t at = 0;
    for (; i_char && at < s->n; i_char--) at += raml_utf8_bytes((unsigned char)s->s[at]);
    return at;
}

size_t raml_j_message_at(const struct raml_jstr *s, size_t at)
{
    size_t a = 0, b = s->n_provenance; /* the first range that ends after `at` */
    while (a < b) {
        size_t mid = a + (b - a) / 2;
        if (s->provenance[mid].end <= at) a = mid + 1;
        else b = mid;
    }
    return a < s->n_provenance && s->provenance[a].start <= at ? s->provenance[a].message : RAML_J_FRAME;
}

uint32_t raml_j_char(const char *s, size_t *bytes)
{
    const unsigned char *u = (const unsigned char *)s;
    *bytes = raml_utf8_bytes(u[0]);
    switch (*bytes) {
    case 2: return (uint32_t)(u[0] & 0x1f) << 6 | (u[1] & 0x3f);
    case 3: return (uint32_t)(u[0] & 0x0f) << 12 | (uint32_t)(u[1] & 0x3f) << 6 | (u[2] & 0x3f);
    case 4:
        return (uint32_t)(u[0] & 0x07) << 18 | (uint32_t)(u[1] & 0x3f) << 12 | (uint32_t)(u[2] & 0x3f) << 6 |
               (u[3] & 0x3f);
    default: *bytes = 1; return u[0];
    }
}

/* Bidirectional types WS, B and S, and category Zs: what Python's str.isspace is true of. */
bool raml_j_is_space(uint32_t c)
{
    return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

bool raml_j_is_printable(uint32_t c)
{
    if (c < 0x7f) return c >= 0x20;
    switch (utf8proc_category((utf8proc_int32_t)c)) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP: return false;
    default: return true;
    }
}

/* ---- text being built ---- */

void raml_jout_init(struct raml_jout *o, struct raml_jinja *in)
{
    *o = (struct raml_jout){.in = in, .max = SIZE_MAX / 4};
}

static bool reserve(struct raml_jout *o, size_t n)
{
    struct raml_jinja *in = o->in;
    if (!raml_j_work(in, n / BYTES_A_STEP)) return false;
    if (n > o->max - o->n) {
        raml_j_fail(in, RAML_ERANGE, "the text grows beyond %zu bytes", o->max);
        return false;
    }
    if (o->n + n < o->cap) return true;
    size_t cap = o->cap ? 2 * o->cap : 64;
    if (cap < o->n + n + 1) cap = o->n + n + 1;
    char *p = raml_j_alloc(in, cap, 1);
    if (!p) return false;
    if (o->n) memcpy(p, o->s, o->n);
    o->s = p;
    o->cap = cap;
    return true;
}

static void add_provenance(struct raml_jout *o, size_t start, size_t end, size_t message)
{
    struct raml_jprovenance *last = o->n_provenance ? &o->provenance[o->n_provenance - 1] : NULL;
    if (last && last->end == start && last->message == message) {
        last->end = end;
        return;
    }
    if (!o->provenance || o->n_provenance == o->cap_provenance) {
        size_t cap = o->cap_provenance ? 2 * o->cap_provenance : 4;
        struct raml_jprovenance *p = raml_j_alloc(o->in, cap, sizeof *p);
        if (!p) return;
        if (o->provenance) memcpy(p, o->provenance, o->n_provenance * sizeof *p);
        o->provenance = p;
        o->cap_provenance = cap;
    }
    o->provenance[o->n_provenance++] = (struct raml_jprovenance){start, end, message};
}

void raml_jout_add(struct raml_jout *o, const char *s, size_t n, size_t message)
{
    if (!n || !reserve(o, n) || !o->s) return;
    memcpy(o->s + o->n, s, n);
    if (message != RAML_J_FRAME) add_provenance(o, o->n, o->n + n, message);
    o->n += n;
}

void raml_jout_adds(struct raml_jout *o, const char *s)
{
    raml_jout_add(o, s, strlen(s), RAML_J_FRAME);
}

void raml_jout_char(struct raml_jout *o, uint32_t c, size_t message)
{
    utf8proc_uint8_t bytes[4];
    raml_jout_add(o, (char *)bytes, (size_t)utf8proc_encode_char((utf8proc_int32_t)c, bytes), message);
}

void raml_jout_part(struct raml_jout *o, const struct raml_jstr *s, size_t from, size_t to)
{
    if (from >= to || !reserve(o, to - from) || !raml_j_work(o->in, s->n_provenance / BYTES_A_STEP)) return;
    memcpy(o->s + o->n, s->s + from, to - from);
    for (size_t i = 0; s->provenance && i < s->n_provenance && s->provenance[i].start < to; i++) {
        if (s->provenance[i].end <= from) continue;
        size_t start = s->provenance[i].start < from ? from : s->provenance[i].start;
        size_t end = s->provenance[i].end > to ? to : s->provenance[i].end;
        add_provenance(o, o->n + start - from, o->n + end - from, s->provenance[i].message);
    }
    o->n += to - from;
}

void raml_jout_str(struct raml_jout *o, const struct raml_jstr *s)
{
    raml_jout_part(o, s, 0, s->n);
}

struct raml_jv raml_jout_done(struct raml_jout *o)
{
    return make(o->in, o->s ? o->s : "", o->n, o->provenance, o->n_provenance);
}

/* ---- sequences and dicts ---- */

struct raml_jseq *raml_j_new_seq(struct raml_jinja *in, enum raml_jseq_kind kind, size_t cap)
{
    struct raml_jseq *q = raml_j_alloc(in, 1, sizeof *q);
    if (!q) return NULL;
    q->kind = kind;
    if (cap && !(q->item = raml_j_alloc(in, cap, sizeof *q->item))) return NULL;
    q->cap = cap;
    return q;
}

void raml_j_push(struct raml_jinja *in, struct raml_jseq *q, struct raml_jv v)
{
    if (!q || !raml_j_work(in, 1)) return;
    if (q->n == q->cap) {
        size_t cap = q->cap ? 2 * q->cap : 4;
        struct raml_jv *p = raml_j_alloc(in, cap, sizeof *p);
        if (!p) return;
        if (q->n) memcpy(p, q->item, q->n * sizeof *p);
        q->item = p;
        q->cap = cap;
    }
    q->item[q->n++] = v;
}

struct raml_jv raml_j_pair(struct raml_jinja *in, struct raml_jv a, struct raml_jv b)
{
    struct raml_jseq *q = raml_j_new_seq(in, RAML_J_TUPLE, 2);
    raml_j_push(in, q, a);
    raml_j_push(in, q, b);
    return raml_j_seq(q);
}

struct raml_jdict *raml_j_new_dict(struct raml_jinja *in, size_t cap)
{
    struct raml_jdict *m = raml_j_alloc(in, 1, sizeof *m);
    if (!m || !cap) return m;
    m->key = raml_j_alloc(in, 2 * cap, sizeof *m->key);
    if (!m->key) return NULL;
    m->value = m->key + cap;
    m->cap = cap;
    return m;
}

void raml_j_append(struct raml_jinja *in, struct raml_jdict *m, struct raml_jv key, struct raml_jv value)
{
    if (!m || !raml_j_work(in, 1)) return;
    if (m->n == m->cap) {
        size_t cap = m->cap ? 2 * m->cap : 8;
        struct raml_jv *p = raml_j_alloc(in, 2 * cap, sizeof *p);
        if (!p) return;
        if (m->n) memcpy(p, m->key, m->n * sizeof *p);
        if (m->n) memcpy(p + cap, m->value, m->n * sizeof *p);
        m->key = p;
        m->value = p + cap;
        m->cap = cap;
    }
    m->key[m->n] = key;
    m->value[m->n++] = value;
}

static size_t find(struct raml_jinja *in, const struct raml_jdict *m, struct raml_jv key)
{
    for (size_t i = 0; i < m->n && raml_j_work(in, 1); i++)
        if (raml_j_equal(in, m->key[i], key)) return i;
    return m->n;
}

/* A key must be hashable. */
static bool check_key(struct raml_jinja *in, struct raml_jv key)
{
    if (in->code) return false;
    bool list = key.type == RAML_J_SEQ && key.q->kind == RAML_J_LIST;
    if (list || key.type == RAML_J_DICT) {
        raml_j_fail(in, RAML_ERANGE, "unhashable type: '%s'", raml_j_type_name(key));
        return false;
    }
    if (key.type == RAML_J_SEQ && key.q->kind == RAML_J_TUPLE) {
        if (!raml_j_enter(in)) return false;
        for (size_t i = 0; i < key.q->n && check_key(in, key.q->item[i]); i++) {
        }
        raml_j_leave(in);
    }
    return !in->code;
}

void raml_j_put(struct raml_jinja *in, struct raml_jdict *m, struct raml_jv key, struct raml_jv value)
{
    if (!m || !check_key(in, key)) return;
    size_t i = find(in, m, key);
    if (i < m->n) m->value[i] = value;
    else raml_j_append(in, m, key, value);
}

bool raml_j_get(struct raml_jinja *in, const struct raml_jdict *m, struct raml_jv key, struct raml_jv *out)
{
    if (!check_key(in, key)) return false;
    if (key.type == RAML_J_STR && !raml_j_work(in, m->n)) return false;
    if (key.type == RAML_J_STR) return raml_j_get_text(m, key.s->s, key.s->n, out);
    size_t i = find(in, m, key);
    if (in->code || i == m->n) return false;
    *out = m->value[i];
    return true;
}

bool raml_j_get_text(const struct raml_jdict *m, const char *key, size_t n, struct raml_jv *out)
{
    for (size_t i = 0; i < m->n; i++) {
        const struct raml_jv *k = &m->key[i];
        if (k->type != RAML_J_STR || k->s->n != n || memcmp(k->s->s, key, n) != 0) continue;
        *out = m->value[i];
        return true;
    }
    return false;
}

/* ---- undefined ---- */

struct raml_jv raml_j_undefined(struct raml_jinja *in, const char *of, const char *name)
{
    struct raml_jundef *u = raml_j_alloc(in, 1, sizeof *u);
    if (!u) return raml_j_none();
    *u = (struct raml_jundef){.of = of, .name = name};
    return (struct raml_jv){.type = RAML_J_UNDEFINED, .u = u};
}

struct raml_jv raml_j_undefined_why(struct raml_jinja *in, const char *why)
{
    struct raml_jv v = raml_j_undefined(in, NULL, NULL);
    if (v.type == RAML_J_UNDEFINED) ((struct raml_jundef *)v.u)->why = why;
    return v;
}

struct raml_jv raml_j_fail_undefined(struct raml_jinja *in, struct raml_jv v)
{
    const struct raml_jundef *u = v.u;
    if (!u->name) return raml_j_fail(in, RAML_ERANGE, "%s", u->why);
    if (!u->of) return raml_j_fail(in, RAML_ERANGE, "'%.200s' is undefined", u->name);
    return raml_j_fail(in, RAML_ERANGE, "'%s object' has no attribute '%.200s'", u->of, u->name);
}
