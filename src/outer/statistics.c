/* statistics.c - see objective.h. */
#include "raml/objective.h"

#include <math.h>
#include <string.h>

/* The item of a name, a new one of zeros where there is none; NULL: refused. */
static struct raml_statistic *find(struct raml_statistics *s, const char *name, bool is_max)
{
    size_t i = 0;
    while (i < s->n && strcmp(s->item[i].name, name) != 0) i++;
    if (i == RAML_STATISTICS || (i < s->n && s->item[i].is_max != is_max)) {
        if (!s->refused) s->refused = name;
        return NULL;
    }
    if (i == s->n) s->item[s->n++] = (struct raml_statistic){.name = name, .most = -INFINITY, .is_max = is_max};
    return &s->item[i];
}

void raml_statistics_add(struct raml_statistics *s, const char *name, double sum, double count)
{
    struct raml_statistic *item = find(s, name, false);
    if (!item) return;
    item->sum += sum;
    item->count += count;
}

void raml_statistics_max(struct raml_statistics *s, const char *name, double value)
{
    struct raml_statistic *item = find(s, name, true);
    if (item && !(item->most >= value) && !isnan(item->most)) item->most = value;
}

double raml_statistic_value(const struct raml_statistic *x)
{
    return x->is_max ? x->most : x->count != 0 ? x->sum / x->count : NAN;
}

double raml_statistics_value(const struct raml_statistics *s, const char *name)
{
    for (size_t i = 0; i < s->n; i++)
        if (!strcmp(s->item[i].name, name)) return raml_statistic_value(&s->item[i]);
    return NAN;
}

void raml_statistics_join(struct raml_statistics *s, const struct raml_statistics *part)
{
    for (size_t i = 0; i < part->n; i++) {
        const struct raml_statistic *item = &part->item[i];
        if (item->is_max) raml_statistics_max(s, item->name, item->most);
        else raml_statistics_add(s, item->name, item->sum, item->count);
    }
    if (!s->refused) s->refused = part->refused;
}

enum raml_code raml_statistics_status(const struct raml_statistics *s, struct raml_err *err)
{
    if (!s->refused) return RAML_OK;
    for (size_t i = 0; i < s->n; i++)
        if (!strcmp(s->item[i].name, s->refused))
            return raml_fail(err, RAML_ERANGE, "statistic '%s' is reported both as a mean and as a maximum",
                             s->refused);
    return raml_fail(err, RAML_ERANGE, "statistic '%s' is one too many; expected at most %d names", s->refused,
                     RAML_STATISTICS);
}
