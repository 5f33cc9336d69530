/* merge.h - adapters added to a model's matrices as it is written (convert.c). */
#ifndef MODELFILE_MERGE_H
#define MODELFILE_MERGE_H

#include "modelfile/modelfile.h"
#include "raml/lora.h"

/* Of a tensor's name; NULL: it has no adapter. l may be NULL. */
const struct raml_lora_module *raml_merge_find(const struct raml_lora *l, const char *tensor);
/* raml_lora_add_rows for rows that are rounded to this type afterwards: together the sum in double rounded once, to F32,
 * BF16 or F16. */
void raml_merge_rows(const struct raml_lora_module *m, const float *block, uint32_t type, size_t row, size_t n,
                     float *rows);
/* Are all modules f's, of types that can be written? type: [f->n], of the tensors to be written. */
RAML_CHECKED enum raml_code raml_merge_check(const struct raml_lora *l, const struct raml_model_file *f,
                                             const uint32_t *type, struct raml_err *err);

#endif
