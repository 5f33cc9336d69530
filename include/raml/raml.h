/* raml.h - all of the library: language-model reasoning as optimization (docs/library.md, docs/architecture.md).
 *
 * A program may include this, or the headers that it uses. Each is the manual of its part: shapes, units, ownership,
 * errors, threads, cost, source.
 */
#ifndef RAML_H
#define RAML_H

#include "raml/answer.h"
#include "raml/buf.h"
#include "raml/chat.h"
#include "raml/completion.h"
#include "raml/config.h"
#include "raml/device.h"
#include "raml/err.h"
#include "raml/exits_files.h"
#include "raml/family.h"
#include "raml/fork_files.h"
#include "raml/format.h"
#include "raml/gguf.h"
#include "raml/landscape.h"
#include "raml/landscape_files.h"
#include "raml/leak.h"
#include "raml/lm_eval_export.h"
#include "raml/metric.h"
#include "raml/model.h"
#include "raml/modelfile.h"
#include "raml/paired.h"
#include "raml/policy.h"
#include "raml/preference.h"
#include "raml/prune_files.h"
#include "raml/question.h"
#include "raml/report.h"
#include "raml/rng.h"
#include "raml/reward.h"
#include "raml/roles_files.h"
#include "raml/row.h"
#include "raml/run.h"
#include "raml/safetensors.h"
#include "raml/sample.h"
#include "raml/sampler.h"
#include "raml/samples.h"
#include "raml/table.h"
#include "raml/tap.h"
#include "raml/tokenizer.h"
#include "raml/trace.h"
#include "raml/train.h"
#include "raml/tree.h"
#include "raml/update.h"
#include "raml/update_files.h"

#endif
