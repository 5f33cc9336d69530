/* normal.c - see normal.h. */
#include "answer/normal.h"

struct normal_verdict raml_normal_decide(const struct expr *a, const struct expr *b, struct work *w)
{
    (void)a, (void)b, (void)w;
    return (struct normal_verdict){RAML_UNKNOWN, false, "not decided: no normal form"};
}
