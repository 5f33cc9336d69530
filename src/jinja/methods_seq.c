/* methods_seq.c - see run.h: methods of list, tuple, dict and loop. */
#include "jinja/run.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))
#define METHOD(name)                                                                                                   \
    static struct raml_jv name(struct raml_jinja *in, struct raml_jv self, const struct raml_jargs *args,              \
                               struct raml_jv *a)
#define UNUSED ((void)in, (void)self, (void)args, (void)a)

METHOD(blocked)
{
    UNUSED;
    return raml_j_fail(in, RAML_ERANGE, "a %s can't be changed by a template (Jinja's sandbox forbids it)",
                       raml_j_type_name(self));
}

/* ---- dict ---- */

METHOD(get)
{
    UNUSED;
    struct raml_jv v;
    if (raml_j_get(in, self.m, a[0], &v)) return v;
    return a[1].type == RAML_J_ABSENT ? raml_j_none() : a[1];
}

static struct raml_jv view(struct raml_jinja *in, const struct raml_jdict *m, enum raml_jseq_kind kind)
{
    struct raml_jseq *q = raml_j_new_seq(in, kind, m->n);
    for (size_t i = 0; i < m->n && !in->code; i++)
        raml_j_push(in, q,
                    kind == RAML_J_ITEMS  ? raml_j_pair(in, m->key[i], m->value[i])
                    : kind == RAML_J_KEYS ? m->key[i]
                                          : m->value[i]);
    return raml_j_seq(q);
}
METHOD(items)
{
    UNUSED;
    return view(in, self.m, RAML_J_ITEMS);
}
METHOD(keys)
{
    UNUSED;
    return view(in, self.m, RAML_J_KEYS);
}
METHOD(values)
{
    UNUSED;
    return view(in, self.m, RAML_J_VALUES);
}
METHOD(copy)
{
    UNUSED;
    return self; /* nothing can be changed, so a copy would be no different */
}

/* ---- list, tuple ---- */

METHOD(count)
{
    UNUSED;
    int64_t n = 0;
    for (size_t i = 0; i < self.q->n && raml_j_work(in, 1); i++) n += raml_j_equal(in, self.q->item[i], a[0]);
    return raml_j_int(n);
}
METHOD(index)
{
    UNUSED;
    for (size_t i = 0; i < self.q->n && raml_j_work(in, 1); i++)
        if (raml_j_equal(in, self.q->item[i], a[0])) return raml_j_int((int64_t)i);
    return raml_j_fail(in, RAML_ERANGE, "index: the value is not in the %s", raml_j_type_name(self));
}

/* ---- loop ---- */

METHOD(cycle)
{
    UNUSED;
    if (!args->n) return raml_j_fail(in, RAML_ERANGE, "no items for cycling given");
    return args->pos[self.loop->i % args->n];
}
METHOD(changed)
{
    UNUSED;
    struct raml_jseq *q = raml_j_new_seq(in, RAML_J_TUPLE, args->n);
    for (size_t i = 0; i < args->n; i++) raml_j_push(in, q, args->pos[i]);
    struct raml_jv now = raml_j_seq(q), before = self.loop->changed;
    bool same = before.type != RAML_J_ABSENT && raml_j_equal(in, before, now);
    self.loop->changed = now;
    return raml_j_bool(!same);
}

static const struct raml_jfunc dict_methods[] = {
    {"get", "key default", 1, get}, {"items", "", 0, items},      {"keys", "", 0, keys},
    {"values", "", 0, values},      {"copy", "", 0, copy},        {"clear", "*", 0, blocked},
    {"pop", "*", 0, blocked},       {"popitem", "*", 0, blocked}, {"setdefault", "*", 0, blocked},
    {"update", "*", 0, blocked},    {"fromkeys", "*", 0, NULL},
};
static const struct raml_jfunc list_methods[] = {
    {"count", "value", 1, count}, {"index", "value", 1, index}, {"copy", "", 0, copy},
    {"append", "*", 0, blocked},  {"clear", "*", 0, blocked},   {"extend", "*", 0, blocked},
    {"insert", "*", 0, blocked},  {"pop", "*", 0, blocked},     {"remove", "*", 0, blocked},
    {"reverse", "*", 0, blocked}, {"sort", "*", 0, blocked},
};
static const struct raml_jfunc loop_methods[] = {
    {"cycle", "*", 0, cycle},
    {"changed", "*", 0, changed},
};

/* clang-format off */
static const struct raml_jfunc number_methods[] = {
    {"real", "*", 0, NULL},           {"imag", "*", 0, NULL},         {"numerator", "*", 0, NULL},
    {"denominator", "*", 0, NULL},    {"bit_length", "*", 0, NULL},   {"bit_count", "*", 0, NULL},
    {"is_integer", "*", 0, NULL},     {"conjugate", "*", 0, NULL},    {"hex", "*", 0, NULL},
    {"to_bytes", "*", 0, NULL},       {"as_integer_ratio", "*", 0, NULL},
};
/* clang-format on */

const struct raml_jfunc *raml_j_find_other_method(struct raml_jv object, const char *name)
{
    if (object.type == RAML_J_DICT) return raml_j_find(dict_methods, COUNT(dict_methods), name);
    if (raml_j_is_number(object)) return raml_j_find(number_methods, COUNT(number_methods), name);
    if (object.type == RAML_J_LOOP) return raml_j_find(loop_methods, COUNT(loop_methods), name);
    if (object.type != RAML_J_SEQ || object.q->kind > RAML_J_RANGE) return NULL;
    return raml_j_find(list_methods, object.q->kind == RAML_J_LIST ? COUNT(list_methods) : 2, name);
}
