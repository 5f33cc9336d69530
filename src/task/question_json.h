/* question_json.h - a question as a line of our own files (docs/data.md). */
#ifndef RAML_TASK_QUESTION_JSON_H
#define RAML_TASK_QUESTION_JSON_H

#include "raml/question.h"

#include <jansson.h>

json_t *raml_question_json(const struct raml_question *q); /* NULL: no memory */

#endif
