/* folder.h - folders that appear whole or not at all.
 *
 * One is filled beside its place, as NAME.tmp or, where that is taken, NAME.1.tmp, ...; _commit puts it in place at once.
 * What a killed process has left of one is known by a file in it that no living process holds locked: the next folder of
 * that name takes its place. Nothing else that is there is touched.
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
/* Puts it in place, where there is nothing, or an empty folder. With old (RAML_PATH_BYTES): or a folder, which gets the
 * path *old, beside it, for the caller to remove; "": there was none. */
RAML_CHECKED enum raml_code raml_folder_commit(struct raml_folder *f, char *old, struct raml_err *err);
void raml_folder_deinit(struct raml_folder *f); /* after begin or commit: what was not committed is removed */
bool raml_folder_is_empty(const char *path);    /* a folder, and nothing in it */

#endif
