/* reader.c - see reader.h. */
#include "shape/reader.h"

bool raml_reader_has(const struct raml_config_reader *r, const char *field)
{
    const json_t *v = json_object_get(r->obj, field);
    return v && !json_is_null(v);
}

int raml_reader_int(struct raml_config_reader *r, const char *field, const int *otherwise)
{
    long long v = 0;
    if (r->rc || (otherwise && !raml_reader_has(r, field))) return otherwise ? *otherwise : 0;
    r->rc = raml_json_int(r->at, r->obj, field, 0, 1 << 30, &v, r->err);
    return (int)v;
}

double raml_reader_num(struct raml_config_reader *r, const char *field, double otherwise)
{
    double v = otherwise;
    if (!r->rc && raml_reader_has(r, field)) r->rc = raml_json_num(r->at, r->obj, field, &v, r->err);
    return v;
}

bool raml_reader_flag(struct raml_config_reader *r, const char *field, bool otherwise)
{
    const json_t *v = json_object_get(r->obj, field);
    if (r->rc || !v || json_is_null(v)) return otherwise;
    if (!json_is_boolean(v))
        r->rc = raml_fail(r->err, RAML_EFORMAT, "%s: field '%s': expected true or false", r->at->path, field);
    return json_is_true(v);
}
