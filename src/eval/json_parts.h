/* json_parts.h - estimates as JSON, for tables and comparisons. */
#ifndef RAML_EVAL_JSON_PARTS_H
#define RAML_EVAL_JSON_PARTS_H

#include "core/json.h"
#include "raml/metric.h"

json_t *raml_json_estimate(const struct raml_estimate *e); /* {"value", "low", "high"} */

#endif
