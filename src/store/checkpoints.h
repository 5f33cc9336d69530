/* checkpoints.h - the checkpoint-N folders of a run.
 *
 * Invariant: a folder named checkpoint-N (N without leading zeros) is whole. Other names are intermediate states:
 *   checkpoint-N.tmp  being filled, or being removed: worthless
 *   checkpoint-N.old  whole, and about to be replaced by a new checkpoint-N; it is the one that counts while
 *                     checkpoint-N is missing
 * Every change is one rename, so a process killed between any two leaves one of these states; _recover tidies them.
 */
#ifndef STORE_CHECKPOINTS_H
#define STORE_CHECKPOINTS_H

#include "raml/err.h"

#include <stddef.h>
#include <stdint.h>

struct checkpoints {
    uint64_t *step; /* ascending; free() it */
    size_t n;
};
/* Whole checkpoints below dir. A missing folder has none. */
RAML_CHECKED enum raml_code raml_checkpoints_list(const char *dir, struct checkpoints *out, struct raml_err *err);
/* Path of a checkpoint; suffix "", ".tmp" or ".old". NULL: out of memory. free() it. */
char *raml_checkpoints_path(const char *dir, uint64_t step, const char *suffix);
/* Removes or renames what a killed process left. */
RAML_CHECKED enum raml_code raml_checkpoints_recover(const char *dir, struct raml_err *err);
/* Flushes checkpoint-N.tmp to the disk and makes it checkpoint-N, replacing one that is there. */
RAML_CHECKED enum raml_code raml_checkpoints_commit(const char *dir, uint64_t step, struct raml_err *err);
/* Removes all but the `keep` newest (keep >= 1) and checkpoint-`protect`. */
RAML_CHECKED enum raml_code raml_checkpoints_prune(const char *dir, size_t keep, uint64_t protect,
                                                   struct raml_err *err);

#endif
