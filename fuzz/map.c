/* map.c - files that are mapped, in a block that ends where the file does: the last page of a mapping hides a read
 * after the file's end, the address sanitizer sees one after a block's. The linker puts these in the place of
 * raml_map_init and raml_map_deinit (--wrap), in the fuzzers only. */
#include "fuzz/check.h"
#include "core/file.h"

#include <stdlib.h>
#include <string.h>

enum { LINE = 64 }; /* a mapping is aligned, and so is a block */

enum raml_code __real_raml_map_init(struct raml_map *m, const char *path, struct raml_err *err);
void __real_raml_map_deinit(struct raml_map *m);
enum raml_code __wrap_raml_map_init(struct raml_map *m, const char *path, struct raml_err *err);
void __wrap_raml_map_deinit(struct raml_map *m);

enum raml_code __wrap_raml_map_init(struct raml_map *m, const char *path, struct raml_err *err)
{
    struct raml_map file;
    void *block = NULL;
    enum raml_code rc = __real_raml_map_init(&file, path, err);
    if (!rc && file.size) {
        FUZZ_CHECK(posix_memalign(&block, LINE, file.size) == 0, "no memory for %zu bytes", file.size);
        memcpy(block, file.data, file.size);
        *m = (struct raml_map){block, file.size};
        __real_raml_map_deinit(&file);
    } else {
        *m = file;
    }
    return rc;
}

void __wrap_raml_map_deinit(struct raml_map *m)
{
    if (m->size) free((void *)(uintptr_t)m->data);
    *m = (struct raml_map){0};
}
