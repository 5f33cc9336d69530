/* drive.h - runs a target on many cases, in processes of their own that are watched. */
#ifndef RAML_FUZZ_DRIVE_H
#define RAML_FUZZ_DRIVE_H

#include "fuzz/target.h"

#include <stdbool.h>

enum { FUZZ_MAX_JOBS = 256, FUZZ_MAX_FILES = 4096 };

struct fuzz_settings {
    uint64_t n, seed, replay;
    bool one, n_given;              /* replay, n were given */
    double time_s, limit_s, hang_s; /* of a run; of a case, processor time; of a case, until it is stopped */
    unsigned jobs;
    const char *corpus, *out, *write_seeds; /* NULL: not given */
    const char *const *file;
    size_t n_files;
};

/* 0: no fault. 1: a case ended its process, hung, took too long, or a seed was refused; the case is then a file in
 * settings.out. 2: nothing could be run. */
int fuzz_drive(const struct fuzz_target *t, const struct fuzz_settings *s);

#endif
