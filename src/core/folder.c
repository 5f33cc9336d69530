/* folder.c - see folder.h. */
#include "core/folder.h"

#include "core/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_NAMES = 1000 };
static const char mark[] = ".raml-unfinished";

bool raml_folder_is_empty(const char *path)
{
    DIR *d = opendir(path);
    int n = 0;
    while (d && n < 3 && readdir(d)) n++;
    if (d) closedir(d);
    return d && n < 3;
}

/* place without what would make NAME.tmp another folder's. */
static enum raml_code set_place(struct raml_folder *f, const char *place, struct raml_err *err)
{
    char *real = realpath(place, NULL);
    if (!*place) return raml_fail(err, RAML_EUSAGE, "a folder's name is empty");
    enum raml_code rc = raml_path_format(f->place, err, "%s", real && *place ? real : place);
    free(real);
    for (size_t n = strlen(f->place); !rc && n > 1; n--) { /* "a/", "a/." */
        bool dot = n > 2 && f->place[n - 1] == '.' && f->place[n - 2] == '/';
        if (f->place[n - 1] != '/' && !dot) break;
        f->place[n - 1] = 0;
    }
    struct stat st;
    if (!rc && !stat(f->place, &st) && !S_ISDIR(st.st_mode))
        rc = raml_fail(err, RAML_EIO, "%s: is a file; expected a folder or an unused name", place);
    return rc;
}

/* Makes the mark, or takes the one of a process that is no more. -1: it is held, or there is none. */
static int hold(const char *dir, bool made)
{
    char path[RAML_PATH_BYTES];
    if (raml_path_join(path, dir, mark, NULL)) return -1;
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (made ? O_CREAT | O_EXCL : 0), 0666);
    if (fd < 0 || !flock(fd, LOCK_EX | LOCK_NB) || errno != EWOULDBLOCK) return fd;
    close(fd);
    return -1;
}

/* Makes f->path, where it is free, or what a killed process left. *taken: it is neither. */
static enum raml_code take(struct raml_folder *f, bool *taken, struct raml_err *err)
{
    *taken = false;
    if (mkdir(f->path, 0777)) {
        if (errno != EEXIST) return raml_fail_errno(err, "%s: cannot be created", f->path);
        f->lock = hold(f->path, false);
        *taken = f->lock < 0;
        if (*taken) return RAML_OK;
        enum raml_code rc = raml_remove_tree(f->path, err);
        close(f->lock);
        f->lock = -1;
        if (!rc && mkdir(f->path, 0777)) rc = raml_fail_errno(err, "%s: cannot be created", f->path);
        if (rc) return rc;
    }
    f->lock = hold(f->path, true);
    return f->lock >= 0 ? RAML_OK : raml_fail_errno(err, "%s/%s: cannot be created", f->path, mark);
}

enum raml_code raml_folder_begin(struct raml_folder *f, const char *place, struct raml_err *err)
{
    f->lock = -1;
    f->path[0] = 0;
    enum raml_code rc = set_place(f, place, err);
    char parent[RAML_PATH_BYTES];
    const char *slash = rc ? NULL : strrchr(f->place, '/');
    if (slash && slash > f->place) {
        snprintf(parent, sizeof parent, "%.*s", (int)(slash - f->place), f->place);
        rc = raml_make_dir(parent, err);
    }
    bool taken = !rc;
    for (int i = 0; !rc && taken && i < MAX_NAMES; i++) {
        if (i) rc = raml_path_format(f->path, err, "%s.%d.tmp", f->place, i);
        else rc = raml_path_format(f->path, err, "%s.tmp", f->place);
        if (!rc) rc = take(f, &taken, err);
    }
    if (!rc && taken) rc = raml_fail(err, RAML_EIO, "%s: exists", f->path);
    if (rc || taken) f->path[0] = 0;
    return rc;
}

/* f->path and f->place change their names. */
static int exchange(const struct raml_folder *f, char *old)
{
    char away[RAML_PATH_BYTES];
    memcpy(old, f->path, RAML_PATH_BYTES);
    if (!renameat2(AT_FDCWD, f->path, AT_FDCWD, f->place, RENAME_EXCHANGE)) return 0;
    if (errno != EINVAL && errno != ENOSYS) return -1; /* a file system that can't do that */
    if (raml_path_format(away, NULL, "%s.old", f->path)) return -1;
    if (rename(f->place, away)) return -1;
    memcpy(old, away, sizeof away);
    if (!rename(f->path, f->place)) return 0;
    int saved = errno;
    (void)!rename(away, f->place);
    errno = saved;
    return -1;
}

enum raml_code raml_folder_commit(struct raml_folder *f, char *old, struct raml_err *err)
{
    char path[RAML_PATH_BYTES], parent[RAML_PATH_BYTES];
    enum raml_code rc = raml_path_join(path, f->path, mark, err);
    if (old) *old = 0;
    if (rc) return rc;
    if (unlink(path)) return raml_fail_errno(err, "%s: cannot be removed", path);
    raml_sync_dir(f->path);
    bool there = raml_is_dir(f->place) && !raml_folder_is_empty(f->place);
    if (there && !old) rc = raml_fail(err, RAML_EIO, "%s: is there, and is not replaced", f->place);
    else if (there ? exchange(f, old) : rename(f->path, f->place))
        rc = raml_fail_errno(err, "%s: cannot be renamed to %s", f->path, f->place);
    if (rc) return rc;
    snprintf(parent, sizeof parent, "%s", f->place);
    char *slash = strrchr(parent, '/');
    if (slash) slash[slash == parent] = 0;
    raml_sync_dir(slash ? parent : ".");
    f->path[0] = 0;
    return RAML_OK;
}

void raml_folder_deinit(struct raml_folder *f)
{
    if (f->lock < 0) return;
    if (f->path[0]) (void)!raml_remove_tree(f->path, NULL);
    close(f->lock);
    f->lock = -1;
}
