/* json_parts.h - numbers and estimates as JSON, for tables and comparisons.
 *
 * A setter that is given NULL, or has no memory, returns -1; the results are combined and checked once.
 */
#ifndef RAML_EVAL_JSON_PARTS_H
#define RAML_EVAL_JSON_PARTS_H

#include "raml/metric.h"

#include <jansson.h>

json_t *raml_json_number(double x);                        /* null where it is not finite */
json_t *raml_json_estimate(const struct raml_estimate *e); /* {"value", "low", "high"} */
/* obj when all went well; else NULL, and obj is released. */
json_t *raml_json_checked(json_t *obj, int failed);

#endif
