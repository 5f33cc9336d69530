/* tail.c - see tail.h. */
#include "store/tail.h"

#include "core/file.h"
#include "core/json.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

/* Whether the line is whole and of a step <= last_step. */
static enum raml_code is_kept(const char *path, const char *line, size_t n, uint64_t last_step, bool *kept,
                              struct raml_err *err)
{
    struct raml_place at = {path, 0};
    json_t *obj = NULL;
    long long step = 0;
    enum raml_code rc = raml_json_parse(&at, line, n, &obj, NULL);
    if (!rc) rc = raml_json_int(&at, obj, "step", 0, INT64_MAX, &step, NULL);
    json_decref(obj);
    *kept = !rc && (uint64_t)step <= last_step;
    return rc == RAML_ENOMEM ? raml_fail(err, rc, "%s: no memory to read it", path) : RAML_OK;
}

/* *end: bytes of the file up to the end of the last line that is kept. */
static enum raml_code find_end(const char *path, const struct raml_map *m, uint64_t last_step, size_t *end,
                               struct raml_err *err)
{
    const char *text = (const char *)m->data;
    *end = m->size;
    while (*end) {
        size_t line_end = *end - (text[*end - 1] == '\n');
        const char *before = memrchr(text, '\n', line_end);
        size_t start = before ? (size_t)(before - text) + 1 : 0;
        bool kept = false;
        enum raml_code rc = is_kept(path, text + start, line_end - start, last_step, &kept, err);
        if (rc || kept) return rc;
        *end = start;
    }
    return RAML_OK;
}

static enum raml_code change_file(const char *path, size_t end, bool add_newline, struct raml_err *err)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return raml_fail_errno(err, "%s: cannot be opened", path);
    enum raml_code rc = RAML_OK;
    if (add_newline ? pwrite(fd, "\n", 1, (off_t)end) != 1 : ftruncate(fd, (off_t)end) != 0)
        rc = raml_fail_errno(err, "%s: cannot be truncated to its whole lines", path);
    if (!rc && fsync(fd) && errno != EINVAL && errno != ENOTSUP)
        rc = raml_fail_errno(err, "%s: writing to the disk failed", path);
    close(fd);
    return rc;
}

enum raml_code raml_tail_truncate(const char *path, uint64_t last_step, struct raml_err *err)
{
    struct raml_map m;
    if (!raml_is_file(path)) return RAML_OK;
    enum raml_code rc = raml_map_init(&m, path, err);
    if (rc) return rc;
    size_t size = m.size, end = 0;
    rc = find_end(path, &m, last_step, &end, err);
    bool add_newline = !rc && end && m.data[end - 1] != '\n';
    raml_map_deinit(&m);
    if (rc || (end == size && !add_newline)) return rc;
    return change_file(path, end, add_newline, err);
}
