/* json_parts.c - see json_parts.h. */
#include "eval/json_parts.h"

json_t *raml_json_estimate(const struct raml_estimate *e)
{
    json_t *o = json_object();
    int bad = json_object_set_new(o, "value", raml_json_number(e->value));
    bad |= json_object_set_new(o, "low", raml_json_number(e->low));
    bad |= json_object_set_new(o, "high", raml_json_number(e->high));
    return raml_json_checked(o, bad);
}
