/* checkpoints.c - see checkpoints.h. */
#include "store/checkpoints.h"

#include "core/ascii.h"
#include "core/path.h"
#include "raml/buf.h"
#include "core/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_DEPTH = 8, MAX_LISTED = 1 << 20 };

static const char prefix[] = "checkpoint-";

char *raml_checkpoints_path(const char *dir, uint64_t step, const char *suffix)
{
    return raml_path_new("%s/%s%" PRIu64 "%s", dir, prefix, step, suffix);
}

/* "checkpoint-17.tmp" with suffix ".tmp" gives 17; other names, and 017, are not ours. */
static bool parse_name(const char *name, const char *suffix, uint64_t *step)
{
    if (strncmp(name, prefix, sizeof prefix - 1) != 0) return false;
    const char *p = name + sizeof prefix - 1;
    if (!is_digit(*p) || (*p == '0' && is_digit(p[1]))) return false;
    uint64_t x = 0;
    for (; is_digit(*p); p++) {
        uint64_t digit = (uint64_t)(*p - '0');
        if (x > (UINT64_MAX - digit) / 10) return false;
        x = x * 10 + digit;
    }
    *step = x;
    return !strcmp(p, suffix);
}

static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static enum raml_code list_folders(const char *dir, const char *suffix, struct checkpoints *out, struct raml_err *err)
{
    *out = (struct checkpoints){0};
    DIR *d = opendir(dir);
    if (!d && errno == ENOENT) return RAML_OK;
    if (!d) return raml_fail_errno(err, "%s: cannot be read", dir);
    struct raml_buf steps;
    struct stat st;
    raml_buf_init(&steps, MAX_LISTED * sizeof(uint64_t));
    for (struct dirent *e; (e = readdir(d));) {
        uint64_t step;
        if (!parse_name(e->d_name, suffix, &step)) continue;
        if (fstatat(dirfd(d), e->d_name, &st, 0) || !S_ISDIR(st.st_mode)) continue;
        raml_buf_add(&steps, &step, sizeof step);
    }
    closedir(d);
    enum raml_code rc = raml_buf_status(&steps, err);
    if (!rc) {
        out->n = steps.len / sizeof *out->step;
        out->step = (uint64_t *)(void *)raml_buf_take(&steps);
        if (out->n) qsort(out->step, out->n, sizeof *out->step, ascending);
    }
    raml_buf_deinit(&steps);
    return rc;
}

enum raml_code raml_checkpoints_list(const char *dir, struct checkpoints *out, struct raml_err *err)
{
    return list_folders(dir, "", out, err);
}

static enum raml_code rename_folder(const char *from, const char *to, struct raml_err *err)
{
    if (rename(from, to)) return raml_fail_errno(err, "%s: cannot be renamed to %s", from, to);
    return RAML_OK;
}

/* Removes one of a step's three folders. A whole one is renamed first: half a checkpoint must not have its name. */
static enum raml_code remove_folder(const char *dir, uint64_t step, const char *suffix, struct raml_err *err)
{
    char *path = raml_checkpoints_path(dir, step, suffix), *tmp = raml_checkpoints_path(dir, step, ".tmp");
    enum raml_code rc = path && tmp ? RAML_OK : raml_fail(err, RAML_ENOMEM, "%s: no memory", dir);
    if (!rc) rc = raml_remove_tree(tmp, err);
    if (!rc && strcmp(suffix, ".tmp") != 0) {
        rc = rename_folder(path, tmp, err);
        if (!rc) raml_sync_dir(dir);
        if (!rc) rc = raml_remove_tree(tmp, err);
    }
    free(path);
    free(tmp);
    return rc;
}

/* checkpoint-N.old becomes checkpoint-N again, unless the new one is there. */
static enum raml_code restore_old(const char *dir, uint64_t step, struct raml_err *err)
{
    char *whole = raml_checkpoints_path(dir, step, ""), *old = raml_checkpoints_path(dir, step, ".old");
    enum raml_code rc;
    if (!whole || !old) rc = raml_fail(err, RAML_ENOMEM, "%s: no memory", dir);
    else if (raml_is_dir(whole)) rc = remove_folder(dir, step, ".old", err);
    else rc = rename_folder(old, whole, err);
    free(whole);
    free(old);
    return rc;
}

enum raml_code raml_checkpoints_recover(const char *dir, struct raml_err *err)
{
    struct checkpoints old, tmp = {0};
    enum raml_code rc = list_folders(dir, ".old", &old, err);
    for (size_t i = 0; i < old.n && !rc; i++) rc = restore_old(dir, old.step[i], err);
    if (!rc) rc = list_folders(dir, ".tmp", &tmp, err);
    for (size_t i = 0; i < tmp.n && !rc; i++) rc = remove_folder(dir, tmp.step[i], ".tmp", err);
    if (!rc) raml_sync_dir(dir);
    free(old.step);
    free(tmp.step);
    return rc;
}

/* Flushes every file and folder below fd, which it takes; 0 or -1 with errno. */
static int sync_below(int fd, int depth)
{
    DIR *d = fdopendir(fd);
    if (!d) {
        close(fd);
        return -1;
    }
    int bad = 0, saved = 0;
    for (struct dirent *e; !bad && (e = readdir(d));) {
        struct stat st;
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
        if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) || !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
            continue;
        int sub = openat(dirfd(d), e->d_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (sub >= 0 && S_ISDIR(st.st_mode) && depth < MAX_DEPTH) {
            bad = sync_below(sub, depth + 1);
        } else {
            bad = sub < 0 || (fsync(sub) && errno != EINVAL && errno != ENOTSUP);
            saved = errno;
            if (sub >= 0) close(sub);
            errno = saved;
        }
        saved = errno;
    }
    if (!bad && fsync(dirfd(d)) && errno != EINVAL && errno != ENOTSUP) {
        bad = 1;
        saved = errno;
    }
    closedir(d);
    errno = saved;
    return bad ? -1 : 0;
}

static enum raml_code sync_tree(const char *path, struct raml_err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return raml_fail_errno(err, "%s: cannot be opened", path);
    if (sync_below(fd, 0)) return raml_fail_errno(err, "%s: writing it to the disk failed", path);
    return RAML_OK;
}

enum raml_code raml_checkpoints_commit(const char *dir, uint64_t step, struct raml_err *err)
{
    char *whole = raml_checkpoints_path(dir, step, ""), *old = raml_checkpoints_path(dir, step, ".old");
    char *tmp = raml_checkpoints_path(dir, step, ".tmp");
    enum raml_code rc = whole && old && tmp ? RAML_OK : raml_fail(err, RAML_ENOMEM, "%s: no memory", dir);
    bool replace = false;
    if (!rc) rc = sync_tree(tmp, err);
    if (!rc && raml_is_dir(whole)) {
        if (raml_is_dir(old)) rc = raml_remove_tree(old, err); /* useless beside a whole one */
        if (!rc) rc = rename_folder(whole, old, err);
        replace = !rc;
    }
    if (!rc) {
        rc = rename_folder(tmp, whole, err);
        if (rc && replace) (void)!rename(old, whole);
    }
    if (!rc) raml_sync_dir(dir);
    if (!rc && replace) rc = remove_folder(dir, step, ".old", err);
    free(whole);
    free(old);
    free(tmp);
    return rc;
}

enum raml_code raml_checkpoints_prune(const char *dir, size_t keep, uint64_t protect, struct raml_err *err)
{
    struct checkpoints all;
    enum raml_code rc = raml_checkpoints_list(dir, &all, err);
    for (size_t i = 0; !rc && i + keep < all.n; i++)
        if (all.step[i] != protect) rc = remove_folder(dir, all.step[i], "", err);
    free(all.step);
    return rc;
}
