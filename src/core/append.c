/* append.c - see append.h. */
#include "core/append.h"

#include "core/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum raml_code raml_append_init(struct append *a, const char *path, struct raml_err *err)
{
    *a = (struct append){.fd = -1, .path = strdup(path), .noted = raml_memory_mark()};
    if (!a->path) return raml_fail(err, RAML_ENOMEM, "%s: no memory to open it", path);
    a->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (a->fd >= 0) return RAML_OK;
    enum raml_code rc = raml_fail_errno(err, "%s: cannot be opened for appending", path);
    raml_append_deinit(a);
    return rc;
}

void raml_append_deinit(struct append *a)
{
    if (a->path && a->fd >= 0) close(a->fd);
    free(a->path);
    *a = (struct append){.fd = -1};
}

enum raml_code raml_append_add(struct append *a, const void *bytes, size_t n, struct raml_err *err)
{
    if (raml_memory_noted() != a->noted)
        return raml_fail(err, RAML_ENOMEM, "%s: memory ran out; nothing more is written", a->path);
    off_t before = lseek(a->fd, 0, SEEK_END);
    const char *p = bytes;
    while (n) {
        ssize_t w = write(a->fd, p, n);
        if (w < 0 && errno == EINTR) continue;
        if (w <= 0) {
            enum raml_code rc = raml_fail_errno(err, "%s: writing failed", a->path);
            if (before >= 0 && p != (const char *)bytes && ftruncate(a->fd, before))
                return raml_wrap(err, rc, "the last line is torn, and is dropped on resume");
            return rc;
        }
        p += w;
        n -= (size_t)w;
    }
    return RAML_OK;
}

enum raml_code raml_append_sync(struct append *a, struct raml_err *err)
{
    if (fsync(a->fd) && errno != EINVAL && errno != ENOTSUP)
        return raml_fail_errno(err, "%s: writing to the disk failed", a->path);
    return RAML_OK;
}
