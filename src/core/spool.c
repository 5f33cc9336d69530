/* spool.c - see spool.h. */
#include "core/spool.h"

#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK_BYTES = 1 << 16 };

static enum raml_code copy_all(int from, FILE *to, const char *path, struct raml_err *err)
{
    char *chunk = malloc(CHUNK_BYTES);
    if (!chunk) return raml_fail(err, RAML_ENOMEM, "%s: no memory to read it", path);
    enum raml_code rc = RAML_OK;
    ssize_t n;
    while (!rc && (n = read(from, chunk, CHUNK_BYTES)) > 0)
        if (fwrite(chunk, 1, (size_t)n, to) != (size_t)n)
            rc = raml_fail_errno(err, "%s: its copy in the folder of temporary files can't be written", path);
    if (!rc && n < 0 && errno == EINTR) rc = raml_fail(err, RAML_ESTOP, "%s: stopped while it waited for input", path);
    else if (!rc && n < 0) rc = raml_fail_errno(err, "%s: reading failed", path);
    if (!rc && fflush(to))
        rc = raml_fail_errno(err, "%s: its copy in the folder of temporary files can't be written", path);
    free(chunk);
    return rc;
}

enum raml_code raml_spool_init(struct raml_spool *s, const char *path, struct raml_err *err)
{
    struct stat st;
    bool input = !strcmp(path, "-");
    *s = (struct raml_spool){.path = path};
    if (!input && (stat(path, &st) || S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))) return RAML_OK;
    int fd = raml_open_input(path);
    if (fd < 0 && errno == EINTR) return raml_fail(err, RAML_ESTOP, "%s: stopped while it waited for a writer", path);
    if (fd < 0) return raml_fail_errno(err, "%s: cannot be opened", path);
    enum raml_code rc = RAML_OK;
    if (input) path = "standard input";
    s->copy = tmpfile();
    if (!s->copy) rc = raml_fail_errno(err, "%s: no temporary file to copy it to", path);
    else rc = copy_all(fd, s->copy, path, err);
    close(fd);
    if (rc) {
        raml_spool_deinit(s, path, NULL);
        return rc;
    }
    snprintf(s->own, sizeof s->own, "/proc/self/fd/%d", fileno(s->copy));
    s->path = s->own;
    return RAML_OK;
}

void raml_spool_deinit(struct raml_spool *s, const char *name, struct raml_err *err)
{
    char *at = s->copy && err ? strstr(err->msg, s->own) : NULL;
    if (at) {
        char after[sizeof err->msg];
        snprintf(after, sizeof after, "%s", at + strlen(s->own));
        snprintf(at, sizeof err->msg - (size_t)(at - err->msg), "%s%s", name, after);
    }
    if (s->copy) fclose(s->copy);
    *s = (struct raml_spool){.path = NULL};
}
