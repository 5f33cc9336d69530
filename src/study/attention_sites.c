/* attention_sites.c - groups, queries and units of a plan, one by one. See attention_parts.h. */
#include "study/attention_parts.h"

#include "core/array.h"

enum { MAX_GROUPS = 65535 };

enum raml_code raml_attention_plan_bundle(struct raml_attention_plan *p, enum raml_attention_group of, size_t step,
                                          struct raml_err *err)
{
    if (p->n_groups == MAX_GROUPS)
        return raml_fail(err, RAML_ERANGE, "a trajectory of %zu lines; at most %d groups of tokens", p->n_steps,
                         MAX_GROUPS);
    enum raml_code rc = RAML_GROW(p->bundle, p->cap_groups, p->n_groups + 1, "groups", err);
    if (!rc) p->bundle[p->n_groups++] = (struct raml_attention_bundle){of, (uint32_t)step};
    return rc;
}

enum raml_code raml_attention_plan_site(struct raml_attention_plan *p, enum raml_attention_query at, size_t step,
                                        size_t byte, uint16_t source, struct raml_err *err)
{
    size_t token = raml_pieces_token(&p->text, byte);
    if (token == 0) return RAML_OK;
    enum raml_code rc = RAML_GROW(p->site, p->cap_sites, p->n_sites + 1, "places", err);
    if (!rc) p->site[p->n_sites++] = (struct raml_attention_site){(uint32_t)token - 1, at, (uint32_t)step, source};
    return rc;
}

/* Bytes [from, to), to > from. */
enum raml_code raml_attention_plan_unit(struct raml_attention_plan *p, enum raml_attention_unit unit, size_t from,
                                        size_t to, struct raml_err *err)
{
    uint32_t first = (uint32_t)raml_pieces_token(&p->text, from), last = (uint32_t)raml_pieces_token(&p->text, to - 1);
    enum raml_code rc = RAML_GROW(p->unit, p->cap_units, p->n_units + 1, "places", err);
    if (!rc && first >= p->n_prompt) p->unit[p->n_units++] = (struct raml_attention_unit_at){unit, first, last};
    return rc;
}

enum raml_code raml_attention_plan_symbol(struct raml_attention_plan *p, enum raml_attention_query at, size_t step,
                                          size_t byte, size_t source, struct raml_err *err)
{
    size_t token = raml_pieces_token(&p->text, source);
    enum raml_code rc = RAML_OK;
    struct raml_attention_bundle of = p->bundle[p->group[token]];
    if (p->group[token] < RAML_ATTENTION_OF_LINES + p->n_steps) { /* a group of its own, of the same bundle */
        rc = raml_attention_plan_bundle(p, of.of, of.step, err);
        if (!rc) p->group[token] = (uint16_t)(p->n_groups - 1);
    }
    if (!rc) rc = raml_attention_plan_site(p, at, step, byte, p->group[token], err);
    enum raml_attention_unit unit =
        at == RAML_ATTENTION_STATE ? RAML_ATTENTION_RIGHT_STATE : RAML_ATTENTION_RIGHT_OPERAND;
    return rc ? rc : raml_attention_plan_unit(p, unit, byte, byte + 1, err);
}

enum raml_code raml_attention_plan_lookup(struct raml_attention_plan *p, size_t byte, struct raml_err *err)
{
    return raml_attention_plan_unit(p, RAML_ATTENTION_RIGHT_LOOKUP, byte, byte + 1, err);
}
