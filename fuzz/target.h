/* target.h - the parsers that are fuzzed: one row each, one file each (fuzz_NAME.c).
 *
 * run      one case: any bytes, as a file (scratch.h) or a text. It parses them, uses what comes out as a reader of the
 *          library would, checks what must hold of it, and frees it all. What does not hold ends the process (check.h).
 *          The same bytes have the same outcome: there is no clock and no random number in a target.
 * seeds    small inputs of every kind that the parser reads. Each must be read: a fuzzer that only ever sees refusals
 *          tests nothing.
 * words    what the format is spelled with, for the edits of mutate.h.
 *
 * To add a target: fuzz_NAME.c with its row, its declaration here, its line in targets.c. CMake, ctest and ./run fuzz
 * find it by its file's name.
 */
#ifndef RAML_FUZZ_TARGET_H
#define RAML_FUZZ_TARGET_H

#include "fuzz/corpus.h"

#include <stddef.h>
#include <stdint.h>

enum { FUZZ_READ, FUZZ_REFUSED }; /* what became of an input; both are fine */

struct fuzz_target {
    const char *name, *about;
    int (*run)(const uint8_t *data, size_t size);
    void (*seeds)(struct fuzz_corpus *c);
    const char *const *words; /* ended by NULL */
    size_t max_bytes;         /* of an input */
};

extern const struct fuzz_target raml_fuzz_answers, raml_fuzz_completions, raml_fuzz_config, raml_fuzz_gguf,
    raml_fuzz_jinja, raml_fuzz_journal, raml_fuzz_lora, raml_fuzz_questions, raml_fuzz_recipe, raml_fuzz_safetensors,
    raml_fuzz_samples, raml_fuzz_study, raml_fuzz_tokenizer;

extern const struct fuzz_target raml_fuzz_planted; /* planted.c: with faults; not in the list */

extern const struct fuzz_target *const fuzz_targets[]; /* targets.c */
extern const size_t fuzz_n_targets;

#endif
