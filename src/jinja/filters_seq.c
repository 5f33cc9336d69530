/* filters_seq.c - see filters.h: filters for sequences and dicts. Those that are generators in Jinja are
 * evaluated at once but, as there, can be iterated only once. */
#include "jinja/filters.h"

#include "core/ascii.h"

#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof *(table))

FILTER(length)
{
    UNUSED;
    int64_t n = raml_j_length(v);
    if (n < 0) return raml_j_fail(in, RAML_ERANGE, "object of type '%s' has no len()", raml_j_type_name(v));
    return raml_j_int(n);
}
FILTER(fallback)
{
    UNUSED;
    bool missing = v.type == RAML_J_UNDEFINED;
    if (a[1].type != RAML_J_ABSENT && raml_j_truth(in, a[1])) missing = !raml_j_truth(in, v);
    if (!missing) return v;
    return a[0].type == RAML_J_ABSENT ? raml_j_copy(in, "", 0) : a[0];
}
FILTER(first)
{
    UNUSED;
    if (v.type == RAML_J_SEQ && v.q->kind == RAML_J_ITER && v.q->next < v.q->n) return v.q->item[v.q->next++];
    const struct raml_jseq *q = raml_j_iterate(in, v);
    if (!q) return raml_j_none();
    return q->n ? q->item[0] : raml_j_undefined_why(in, "No first item, sequence was empty.");
}
FILTER(last)
{
    UNUSED;
    if (v.type == RAML_J_SEQ && v.q->kind == RAML_J_ITER)
        return raml_j_fail(in, RAML_ERANGE, "'generator' object is not reversible");
    const struct raml_jseq *q = raml_j_iterate(in, v);
    if (!q) return raml_j_none();
    return q->n ? q->item[q->n - 1] : raml_j_undefined_why(in, "No last item, sequence was empty.");
}

static struct raml_jv copied(struct raml_jinja *in, struct raml_jv v, enum raml_jseq_kind kind, bool backwards)
{
    const struct raml_jseq *q = raml_j_iterate(in, v);
    struct raml_jseq *out = q ? raml_j_new_seq(in, kind, q->n) : NULL;
    for (size_t i = 0; out && i < q->n; i++) raml_j_push(in, out, q->item[backwards ? q->n - 1 - i : i]);
    return raml_j_seq(out);
}
FILTER(list)
{
    UNUSED;
    return copied(in, v, RAML_J_LIST, false);
}
FILTER(reverse)
{
    UNUSED;
    const struct raml_jv whole[3] = {raml_j_none(), raml_j_none(), raml_j_int(-1)};
    return v.type == RAML_J_STR ? raml_j_slice(in, v, whole) : copied(in, v, RAML_J_ITER, true);
}
FILTER(items)
{
    UNUSED;
    struct raml_jseq *q = raml_j_new_seq(in, RAML_J_ITER, 0);
    if (v.type == RAML_J_UNDEFINED) return raml_j_seq(q);
    if (v.type != RAML_J_DICT) return raml_j_fail(in, RAML_ERANGE, "Can only get item pairs from a mapping.");
    for (size_t i = 0; i < v.m->n; i++) raml_j_push(in, q, raml_j_pair(in, v.m->key[i], v.m->value[i]));
    return raml_j_seq(q);
}

/* ---- attributes by name: "a.b.0" ---- */

static struct raml_jv path_item(struct raml_jinja *in, struct raml_jv v, struct raml_jv path, struct raml_jv unless)
{
    if (path.type != RAML_J_STR) return raml_j_item(in, v, path);
    for (size_t at = 0; at <= path.s->n && !in->code;) {
        const char *dot = memchr(path.s->s + at, '.', path.s->n - at);
        size_t end = dot ? (size_t)(dot - path.s->s) : path.s->n;
        int64_t index = 0;
        bool number = end > at && end - at < 18;
        for (size_t i = at; i < end && number; i++) {
            number = is_digit(path.s->s[i]);
            index = index * 10 + (path.s->s[i] - '0');
        }
        v = raml_j_item(in, v, number ? raml_j_int(index) : raml_j_part(in, path.s, at, end));
        if (v.type == RAML_J_UNDEFINED && unless.type != RAML_J_ABSENT) v = unless;
        at = end + 1;
    }
    return v;
}

static struct raml_jv absent(void)
{
    return (struct raml_jv){.type = RAML_J_ABSENT};
}

static struct raml_jv named(const struct raml_jargs *args, const char *name)
{
    for (size_t i = 0; i < args->n_named; i++)
        if (!strcmp(args->name[i], name)) return args->named[i];
    return absent();
}

/* map and select and their kin make nothing of none, false, 0 and "", before they look at their arguments. */
static struct raml_jv nothing(struct raml_jinja *in)
{
    return raml_j_seq(raml_j_new_seq(in, RAML_J_ITER, 0));
}

FILTER(map)
{
    UNUSED;
    if (!raml_j_truth(in, v)) return nothing(in);
    const struct raml_jseq *q = raml_j_iterate(in, v);
    struct raml_jseq *out = raml_j_new_seq(in, RAML_J_ITER, q ? q->n : 0);
    struct raml_jv path = named(args, "attribute"), unless = named(args, "default");
    struct raml_jargs rest = *args;
    if (!args->n && path.type == RAML_J_ABSENT) return raml_j_fail(in, RAML_ERANGE, "map requires a filter argument");
    if (args->n) {
        rest.pos++;
        rest.n--;
        const struct raml_jstr *name = raml_j_arg_text(in, args->pos[0], "map");
        path = name ? raml_j_copy(in, name->s, name->n) : raml_j_none();
    }
    for (size_t i = 0; out && q && i < q->n && !in->code; i++)
        raml_j_push(in, out,
                    args->n ? raml_j_filter(in, path.s->s, q->item[i], &rest)
                            : path_item(in, q->item[i], path, unless));
    return raml_j_seq(out);
}

/* select, reject, selectattr, rejectattr. */
static struct raml_jv chosen(struct raml_jinja *in, struct raml_jv v, const struct raml_jargs *args, bool keep,
                             bool attr)
{
    if (!raml_j_truth(in, v)) return nothing(in);
    const struct raml_jseq *q = raml_j_iterate(in, v);
    struct raml_jseq *out = raml_j_new_seq(in, RAML_J_ITER, 0);
    struct raml_jargs rest = *args;
    struct raml_jv name = absent();
    if (attr && !args->n) return raml_j_fail(in, RAML_ERANGE, "Missing parameter for attribute name");
    if (attr) rest.pos++, rest.n--;
    if (rest.n) {
        const struct raml_jstr *s = raml_j_arg_text(in, rest.pos[0], "the name of a test");
        name = s ? raml_j_copy(in, s->s, s->n) : raml_j_none();
        rest.pos++;
        rest.n--;
    }
    for (size_t i = 0; out && q && i < q->n && !in->code; i++) {
        struct raml_jv x = attr ? path_item(in, q->item[i], args->pos[0], absent()) : q->item[i];
        bool yes = name.type == RAML_J_ABSENT ? raml_j_truth(in, x) : raml_j_test(in, name.s->s, x, &rest);
        if (yes == keep) raml_j_push(in, out, q->item[i]);
    }
    return raml_j_seq(out);
}
FILTER(select)
{
    UNUSED;
    return chosen(in, v, args, true, false);
}
FILTER(reject)
{
    UNUSED;
    return chosen(in, v, args, false, false);
}
FILTER(selectattr)
{
    UNUSED;
    return chosen(in, v, args, true, true);
}
FILTER(rejectattr)
{
    UNUSED;
    return chosen(in, v, args, false, true);
}
FILTER(join)
{
    UNUSED;
    const struct raml_jseq *q = raml_j_iterate(in, v);
    struct raml_jv between = a[0].type == RAML_J_ABSENT ? raml_j_copy(in, "", 0) : raml_j_to_str(in, a[0]);
    if (q && a[1].type != RAML_J_ABSENT && a[1].type != RAML_J_NONE) {
        struct raml_jseq *out = raml_j_new_seq(in, RAML_J_LIST, q->n);
        for (size_t i = 0; i < q->n && !in->code; i++) raml_j_push(in, out, path_item(in, q->item[i], a[1], absent()));
        q = out;
    }
    return q && !in->code ? raml_j_join(in, between.s, q) : raml_j_none();
}
FILTER(attr)
{
    UNUSED;
    const struct raml_jstr *s = raml_j_arg_text(in, a[0], "attr");
    struct raml_jv name = s ? raml_j_copy(in, s->s, s->n) : raml_j_none();
    return in->code ? name : raml_j_attr_only(in, v, name.s->s);
}

/* ---- order ---- */

/* The value that an element is sorted or compared by. */
static struct raml_jv key_of(struct raml_jinja *in, struct raml_jv v, struct raml_jv path, bool fold)
{
    if (path.type != RAML_J_ABSENT && path.type != RAML_J_NONE) v = path_item(in, v, path, absent());
    return fold && v.type == RAML_J_STR && !in->code ? raml_j_case(in, v.s, RAML_J_LOWER) : v;
}

/* "a,b": by a, then by b. */
static struct raml_jv keys_of(struct raml_jinja *in, struct raml_jv v, struct raml_jv path, bool fold)
{
    if (path.type != RAML_J_STR || !memchr(path.s->s, ',', path.s->n)) return key_of(in, v, path, fold);
    struct raml_jseq *q = raml_j_new_seq(in, RAML_J_TUPLE, 0);
    for (size_t at = 0; at <= path.s->n && !in->code;) {
        const char *comma = memchr(path.s->s + at, ',', path.s->n - at);
        size_t end = comma ? (size_t)(comma - path.s->s) : path.s->n;
        raml_j_push(in, q, key_of(in, v, raml_j_part(in, path.s, at, end), fold));
        at = end + 1;
    }
    return raml_j_seq(q);
}

/* Stable merge sort of item[0..n) by key[0..n); equal elements keep their order, backwards too. */
static void sort(struct raml_jinja *in, struct raml_jv *item, struct raml_jv *key, size_t n, bool backwards)
{
    struct raml_jv *to = key ? raml_j_alloc(in, 2 * n + 1, sizeof *to) : NULL;
    for (size_t width = 1; to && width < n; width *= 2) {
        for (size_t lo = 0; lo < n; lo += 2 * width) {
            size_t mid = lo + width < n ? lo + width : n, hi = lo + 2 * width < n ? lo + 2 * width : n;
            for (size_t k = lo, i = lo, j = mid; k < hi; k++) {
                bool right = i == mid;
                if (!right && j < hi)
                    right = backwards ? raml_j_order(in, key[i], key[j], "<") < 0
                                      : raml_j_order(in, key[j], key[i], "<") < 0;
                size_t from = right ? j++ : i++;
                to[k] = item[from];
                to[n + k] = key[from];
            }
            if (in->code) return;
        }
        memcpy(item, to, n * sizeof *item);
        memcpy(key, to + n, n * sizeof *key);
    }
}

static struct raml_jv sorted(struct raml_jinja *in, const struct raml_jseq *q, struct raml_jv path, bool fold,
                             bool back)
{
    struct raml_jseq *out = q ? raml_j_new_seq(in, RAML_J_LIST, q->n) : NULL;
    struct raml_jv *key = out ? raml_j_alloc(in, q->n + 1, sizeof *key) : NULL;
    for (size_t i = 0; key && i < q->n && !in->code; i++) {
        raml_j_push(in, out, q->item[i]);
        key[i] = keys_of(in, q->item[i], path, fold);
    }
    if (out && !in->code) sort(in, out->item, key, out->n, back);
    return raml_j_seq(out);
}

static bool flag(struct raml_jinja *in, struct raml_jv v)
{
    return v.type != RAML_J_ABSENT && raml_j_truth(in, v);
}
FILTER(sort_by)
{
    UNUSED;
    return sorted(in, raml_j_iterate(in, v), a[2], !flag(in, a[1]), flag(in, a[0]));
}
FILTER(dictsort)
{
    UNUSED;
    struct raml_jseq *q = raml_j_new_seq(in, RAML_J_LIST, 0);
    if (v.type != RAML_J_DICT)
        return raml_j_fail(in, RAML_ERANGE, "dictsort: found %s; expected dict", raml_j_type_name(v));
    bool by_value = raml_j_is_text(a[1], "value");
    if (a[1].type != RAML_J_ABSENT && !by_value && !raml_j_is_text(a[1], "key"))
        return raml_j_fail(in, RAML_ERANGE, "You can only sort by either \"key\" or \"value\"");
    for (size_t i = 0; i < v.m->n; i++) raml_j_push(in, q, raml_j_pair(in, v.m->key[i], v.m->value[i]));
    return sorted(in, q, raml_j_int(by_value), !flag(in, a[0]), flag(in, a[2]));
}
FILTER(unique)
{
    UNUSED;
    const struct raml_jseq *q = raml_j_iterate(in, v);
    struct raml_jseq *out = raml_j_new_seq(in, RAML_J_ITER, 0);
    struct raml_jdict *seen = raml_j_new_dict(in, 0);
    for (size_t i = 0; q && i < q->n && !in->code; i++) {
        struct raml_jv key = key_of(in, q->item[i], a[1], !flag(in, a[0])), had;
        if (raml_j_get(in, seen, key, &had)) continue;
        raml_j_put(in, seen, key, key);
        raml_j_push(in, out, q->item[i]);
    }
    return raml_j_seq(out);
}

static struct raml_jv extreme(struct raml_jinja *in, struct raml_jv v, const struct raml_jv *a, int sign)
{
    const struct raml_jseq *q = raml_j_iterate(in, v);
    size_t best = 0;
    struct raml_jv best_key = absent();
    for (size_t i = 0; q && i < q->n && !in->code; i++) {
        struct raml_jv key = key_of(in, q->item[i], a[1], !flag(in, a[0]));
        if (i && raml_j_order(in, key, best_key, "<") * sign <= 0) continue;
        best = i;
        best_key = key;
    }
    if (!q || in->code) return raml_j_none();
    return q->n ? q->item[best] : raml_j_undefined_why(in, "No aggregated item, sequence was empty.");
}
FILTER(min)
{
    UNUSED;
    return extreme(in, v, a, -1);
}
FILTER(max)
{
    UNUSED;
    return extreme(in, v, a, 1);
}
FILTER(sum)
{
    UNUSED;
    const struct raml_jseq *q = raml_j_iterate(in, v);
    struct raml_jv total = a[1].type == RAML_J_ABSENT ? raml_j_int(0) : a[1];
    for (size_t i = 0; q && i < q->n && !in->code; i++)
        total = raml_j_binary(in, '+', total, key_of(in, q->item[i], a[0], false));
    return total;
}
FILTER(batch)
{
    UNUSED;
    const struct raml_jseq *q = raml_j_iterate(in, v);
    struct raml_jseq *out = raml_j_new_seq(in, RAML_J_ITER, 0), *part = NULL;
    int64_t size = raml_j_arg_int(in, a[0], 1);
    for (size_t i = 0; q && i < q->n && !in->code; i++) {
        if (!part || (int64_t)part->n == size) {
            part = raml_j_new_seq(in, RAML_J_LIST, 0);
            raml_j_push(in, out, raml_j_seq(part));
        }
        raml_j_push(in, part, q->item[i]);
    }
    if (a[1].type != RAML_J_ABSENT && a[1].type != RAML_J_NONE)
        while (part && (int64_t)part->n < size && !in->code) raml_j_push(in, part, a[1]);
    return raml_j_seq(out);
}

const struct raml_jfunc *raml_j_find_seq_filter(const char *name)
{
    static const struct raml_jfunc table[] = {
        {"length", "", 0, length},
        {"count", "", 0, length},
        {"default", "default_value boolean", 0, fallback},
        {"d", "default_value boolean", 0, fallback},
        {"first", "", 0, first},
        {"last", "", 0, last},
        {"list", "", 0, list},
        {"reverse", "", 0, reverse},
        {"items", "", 0, items},
        {"map", "*", 0, map},
        {"select", "*", 0, select},
        {"reject", "*", 0, reject},
        {"selectattr", "*", 0, selectattr},
        {"rejectattr", "*", 0, rejectattr},
        {"join", "d attribute", 0, join},
        {"attr", "name", 1, attr},
        {"sort", "reverse case_sensitive attribute", 0, sort_by},
        {"dictsort", "case_sensitive by reverse", 0, dictsort},
        {"unique", "case_sensitive attribute", 0, unique},
        {"min", "case_sensitive attribute", 0, min},
        {"max", "case_sensitive attribute", 0, max},
        {"sum", "attribute start", 0, sum},
        {"batch", "linecount fill_with", 1, batch},
        {"filesizeformat", "*", 0, NULL},
        {"groupby", "*", 0, NULL},
        {"pprint", "*", 0, NULL},
        {"random", "*", 0, NULL},
        {"slice", "*", 0, NULL},
        {"striptags", "*", 0, NULL},
        {"truncate", "*", 0, NULL},
        {"urlencode", "*", 0, NULL},
        {"urlize", "*", 0, NULL},
        {"wordwrap", "*", 0, NULL},
        {"xmlattr", "*", 0, NULL},
    };
    return raml_j_find(table, COUNT(table), name);
}
