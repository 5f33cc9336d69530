/* corpus.h - inputs to begin with: those that a target makes, and files. Out of memory, or a file that cannot be read,
 * ends the program. */
#ifndef RAML_FUZZ_CORPUS_H
#define RAML_FUZZ_CORPUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fuzz_seed {
    char *name;
    uint8_t *data;
    size_t size;
    bool valid; /* made by the target: has to be read */
};
struct fuzz_corpus { /* zero-initialise */
    struct fuzz_seed *seed;
    size_t n, cap;
};
void fuzz_corpus_deinit(struct fuzz_corpus *c);
/* Copies. name: letters, digits, - and _, for files and messages. */
void fuzz_seed_add(struct fuzz_corpus *c, const char *name, const void *data, size_t size);
void fuzz_seed_text(struct fuzz_corpus *c, const char *name, const char *text);
void fuzz_seed_file(struct fuzz_corpus *c, const char *name, const char *path);
/* Adds the plain files of a folder, or one file; they need not be valid. False: there is no such folder or file. */
bool fuzz_corpus_read(struct fuzz_corpus *c, const char *path, size_t max_bytes);
/* Writes dir/NAME for each. */
bool fuzz_corpus_write(const struct fuzz_corpus *c, const char *dir);

#endif
