/* tests.c - see run.h: `x is TEST`. */
#include "jinja/run.h"

#include <utf8proc.h>

#define COUNT(table) (sizeof(table) / sizeof *(table))
#define TEST(name)                                                                                                     \
    static struct raml_jv name(struct raml_jinja *in, struct raml_jv v, const struct raml_jargs *args,                 \
                               struct raml_jv *a)
#define UNUSED ((void)in, (void)v, (void)args, (void)a)

TEST(defined)
{
    UNUSED;
    return raml_j_bool(v.type != RAML_J_UNDEFINED);
}
TEST(undefined)
{
    UNUSED;
    return raml_j_bool(v.type == RAML_J_UNDEFINED);
}
TEST(none)
{
    UNUSED;
    return raml_j_bool(v.type == RAML_J_NONE);
}
TEST(boolean)
{
    UNUSED;
    return raml_j_bool(v.type == RAML_J_BOOL);
}
TEST(is_true)
{
    UNUSED;
    return raml_j_bool(v.type == RAML_J_BOOL && v.b);
}
TEST(is_false)
{
    UNUSED;
    return raml_j_bool(v.type == RAML_J_BOOL && !v.b);
}
TEST(integer)
{
    UNUSED;
    return raml_j_bool(v.type == RAML_J_INT || v.type == RAML_J_BIG);
}
TEST(is_float)
{
    UNUSED;
    return raml_j_bool(v.type == RAML_J_FLOAT);
}
TEST(number)
{
    UNUSED;
    return raml_j_bool(raml_j_is_number(v) || v.type == RAML_J_BIG);
}
TEST(string)
{
    UNUSED;
    return raml_j_bool(v.type == RAML_J_STR);
}
TEST(mapping)
{
    UNUSED;
    return raml_j_bool(v.type == RAML_J_DICT);
}
TEST(iterable)
{
    UNUSED;
    return raml_j_bool(v.type == RAML_J_STR || v.type == RAML_J_SEQ || v.type == RAML_J_DICT ||
                       v.type == RAML_J_UNDEFINED || v.type == RAML_J_LOOP);
}
TEST(sequence)
{
    UNUSED;
    return raml_j_bool(v.type == RAML_J_STR || v.type == RAML_J_DICT || v.type == RAML_J_UNDEFINED ||
                       (v.type == RAML_J_SEQ && v.q->kind <= RAML_J_RANGE));
}
TEST(callable)
{
    UNUSED;
    return raml_j_bool(v.type == RAML_J_CALL);
}
TEST(escaped)
{
    UNUSED;
    return raml_j_bool(v.type == RAML_J_STR && v.s->safe);
}
TEST(sameas)
{
    UNUSED;
    return raml_j_bool(raml_j_same(v, a[0]));
}
TEST(eq)
{
    UNUSED;
    return raml_j_bool(raml_j_compare(in, RAML_JO_EQ, v, a[0]));
}
TEST(ne)
{
    UNUSED;
    return raml_j_bool(raml_j_compare(in, RAML_JO_NE, v, a[0]));
}
TEST(lt)
{
    UNUSED;
    return raml_j_bool(raml_j_compare(in, '<', v, a[0]));
}
TEST(le)
{
    UNUSED;
    return raml_j_bool(raml_j_compare(in, RAML_JO_LE, v, a[0]));
}
TEST(gt)
{
    UNUSED;
    return raml_j_bool(raml_j_compare(in, '>', v, a[0]));
}
TEST(ge)
{
    UNUSED;
    return raml_j_bool(raml_j_compare(in, RAML_JO_GE, v, a[0]));
}
TEST(is_in)
{
    UNUSED;
    return raml_j_bool(raml_j_contains(in, a[0], v));
}
TEST(odd)
{
    UNUSED;
    return raml_j_bool(raml_j_equal(in, raml_j_binary(in, '%', v, raml_j_int(2)), raml_j_int(1)));
}
TEST(even)
{
    UNUSED;
    return raml_j_bool(raml_j_equal(in, raml_j_binary(in, '%', v, raml_j_int(2)), raml_j_int(0)));
}
TEST(divisibleby)
{
    UNUSED;
    return raml_j_bool(raml_j_equal(in, raml_j_binary(in, '%', v, a[0]), raml_j_int(0)));
}

/* There are cased letters, and all are of this case. */
static struct raml_jv all_of(struct raml_jinja *in, struct raml_jv v, utf8proc_category_t want)
{
    bool any = false;
    v = raml_j_to_str(in, v);
    if (in->code) return v;
    for (size_t i = 0, len; i < v.s->n && raml_j_work(in, 1); i += len) {
        utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)raml_j_char(v.s->s + i, &len));
        if (k == want) any = true;
        else if (k == UTF8PROC_CATEGORY_LU || k == UTF8PROC_CATEGORY_LL || k == UTF8PROC_CATEGORY_LT)
            return raml_j_bool(false);
    }
    return raml_j_bool(any);
}
TEST(lower)
{
    UNUSED;
    return all_of(in, v, UTF8PROC_CATEGORY_LL);
}
TEST(upper)
{
    UNUSED;
    return all_of(in, v, UTF8PROC_CATEGORY_LU);
}
TEST(is_filter)
{
    UNUSED;
    const struct raml_jfunc *f = v.type == RAML_J_STR ? raml_j_find_filter(v.s->s) : NULL;
    return raml_j_bool(f && f->run);
}
TEST(is_test)
{
    UNUSED;
    return raml_j_bool(v.type == RAML_J_STR && raml_j_find_test(v.s->s));
}

const struct raml_jfunc *raml_j_find_test(const char *name)
{
    static const struct raml_jfunc table[] = {
        {"defined", "", 0, defined},
        {"undefined", "", 0, undefined},
        {"none", "", 0, none},
        {"boolean", "", 0, boolean},
        {"true", "", 0, is_true},
        {"false", "", 0, is_false},
        {"integer", "", 0, integer},
        {"float", "", 0, is_float},
        {"number", "", 0, number},
        {"string", "", 0, string},
        {"mapping", "", 0, mapping},
        {"iterable", "", 0, iterable},
        {"sequence", "", 0, sequence},
        {"callable", "", 0, callable},
        {"escaped", "", 0, escaped},
        {"sameas", "other", 1, sameas},
        {"eq", "other", 1, eq},
        {"equalto", "other", 1, eq},
        {"==", "other", 1, eq},
        {"ne", "other", 1, ne},
        {"!=", "other", 1, ne},
        {"lt", "other", 1, lt},
        {"lessthan", "other", 1, lt},
        {"<", "other", 1, lt},
        {"le", "other", 1, le},
        {"<=", "other", 1, le},
        {"gt", "other", 1, gt},
        {"greaterthan", "other", 1, gt},
        {">", "other", 1, gt},
        {"ge", "other", 1, ge},
        {">=", "other", 1, ge},
        {"in", "seq", 1, is_in},
        {"odd", "", 0, odd},
        {"even", "", 0, even},
        {"divisibleby", "num", 1, divisibleby},
        {"lower", "", 0, lower},
        {"upper", "", 0, upper},
        {"filter", "", 0, is_filter},
        {"test", "", 0, is_test},
    };
    return raml_j_find(table, COUNT(table), name);
}
