/* folder.h - folders that appear whole or not at all, also where a process is killed.
 *
 * One is filled beside its place, as NAME.tmp or, where that is taken, NAME.1.tmp, ...; _commit puts it in place at once. An
 * earlier one that it replaces then has that name, until what is nobody's but the user's has moved over and the rest is gone.
 * Both are known by a file in them that no living process holds locked: the next _begin for the place removes what was not
 * finished, and finishes what was replaced. Nothing else that is there is touched.
 */
#ifndef CORE_FOLDER_H
#define CORE_FOLDER_H

#include "core/path.h"
#include "raml/err.h"

#include <stdbool.h>

struct raml_folder {
    char place[RAML_PATH_BYTES]; /* without links in its last part, and slashes at its end */
    char path[RAML_PATH_BYTES];  /* to fill */
    int lock;                    /* -1: closed */
};
/* RAML_EIO: it can't be made; at `place` there is a file. */
RAML_CHECKED enum raml_code raml_folder_begin(struct raml_folder *f, const char *place, struct raml_err *err);
/* Is "NAME" the earlier one's own, to go with it? "NAME/": a folder, of which "NAME/NAME" is then asked, and so on. */
typedef bool raml_folder_own_fn(const char *name);
/* Puts it in place, where there is nothing, or an empty folder; with replace, or a folder. What of that is not its own moves
 * over, unless the new one has the same; own NULL: all is. RAML_EIO: also where there is a folder, without replace. */
RAML_CHECKED enum raml_code raml_folder_commit(struct raml_folder *f, bool replace, raml_folder_own_fn *own,
                                               struct raml_err *err);
void raml_folder_deinit(struct raml_folder *f); /* after begin or commit: what was not committed is removed */
bool raml_folder_is_empty(const char *path);    /* a folder, and nothing in it */

#endif
