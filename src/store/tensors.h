/* tensors.h - the tensors of a model's folder: one model.safetensors, or several files and an index (Hugging Face).
 *
 * The index, model.safetensors.index.json, holds "weight_map": {tensor: file}. It and the files have to agree: every
 * tensor is in the file that the map names, and in no other; no file holds more. Files are named without a folder.
 * Ownership: all files are memory-mapped; names and data stay valid until _close.
 */
#ifndef RAML_TENSORS_H
#define RAML_TENSORS_H

#include "raml/safetensors.h"

struct raml_tensors;
/* dir with model.safetensors, which wins, or with the index. */
RAML_CHECKED enum raml_code raml_tensors_open(const char *dir, struct raml_tensors **out, struct raml_err *err);
void raml_tensors_close(struct raml_tensors *t);
const char *raml_tensors_path(const struct raml_tensors *t); /* of the file or the index, for messages */
size_t raml_tensors_count(const struct raml_tensors *t);
const struct raml_tensor_view *raml_tensors_at(const struct raml_tensors *t, size_t i);           /* file by file */
const struct raml_tensor_view *raml_tensors_find(const struct raml_tensors *t, const char *name); /* NULL */

#endif
