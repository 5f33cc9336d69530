/* scratch.h - a folder for the files that parsers want: in memory where there is such a file system, removed when the
 * process that made it exits. One a process tree: the driver's working processes have one each below it. */
#ifndef RAML_FUZZ_SCRATCH_H
#define RAML_FUZZ_SCRATCH_H

#include <stddef.h>
#include <stdint.h>

enum { FUZZ_PATH = 512 };
/* Folder and name, at out; made when it is first asked for. */
const char *fuzz_path(const char *name, char out[FUZZ_PATH]);
/* Writes data as the file of that name, at once and without flushing, and gives its path. */
const char *fuzz_file(const char *name, const uint8_t *data, size_t size, char out[FUZZ_PATH]);
/* A forked process calls this to have a folder of its own inside its parent's. */
void fuzz_scratch_fork(void);

#endif
