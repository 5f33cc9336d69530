/* writer.c - files that appear whole or not at all: the writing half of file.h.
 *
 * The bytes go to a file without a name (O_TMPFILE) in the target's folder, which gets one in _commit: a killed process
 * leaves nothing. Where a file system has none, or /proc is missing, it has a name that no other process uses.
 */
#include "core/file.h"

#include "core/memory.h"
#include "core/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_LINKS = 40, MAX_NAMES = 100000, FD_PATH = 40 };

/* path with the links that its last part is followed, though the last may lead to nothing: a new string, or NULL. */
static char *follow(const char *path)
{
    char *at = strdup(path), to[RAML_PATH_BYTES];
    for (int i = 0; at && i < MAX_LINKS; i++) {
        ssize_t n = readlink(at, to, sizeof to - 1);
        if (n < 0) return at;
        to[n] = 0;
        const char *slash = strrchr(at, '/');
        int head = *to == '/' || !slash ? 0 : (int)(slash - at) + 1;
        char *next = raml_path_new("%.*s%s", head, at, to);
        free(at);
        at = next;
    }
    if (at) errno = ELOOP;
    free(at);
    return NULL;
}

/* The folder of path: "." where it names none. A new string, or NULL. */
static char *parent(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
}

static void sync_parent(const char *path)
{
    char *dir = parent(path);
    if (dir) raml_sync_dir(dir);
    free(dir);
}

/* A name beside `path` that `make` can give to a file: a new string; NULL with errno: it can't. */
static char *take_name(const char *path, int (*make)(const char *name, void *user), void *user)
{
    char *dir = parent(path), *name = NULL;
    bool brief = false; /* path is so long that nothing can be added to it */
    for (unsigned i = 0; dir && i < MAX_NAMES; i++) {
        if (brief) name = raml_path_new("%s/raml-%ld-%u.tmp", dir, (long)getpid(), i);
        else name = i ? raml_path_new("%s.%u.tmp", path, i) : raml_path_new("%s.tmp", path);
        if (!name || !make(name, user)) break;
        int saved = errno;
        free(name);
        name = NULL;
        errno = saved;
        if (saved == ENAMETOOLONG && !brief) brief = true;
        else if (saved != EEXIST) break;
    }
    free(dir);
    return name;
}

static int create(const char *name, void *fd)
{
    int *out = fd;
    *out = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    return *out < 0 ? -1 : 0;
}

/* A name for the nameless file fd. */
static int link_to(const char *name, void *fd)
{
    char from[FD_PATH];
    snprintf(from, sizeof from, "/proc/self/fd/%d", *(const int *)fd);
    return linkat(AT_FDCWD, from, AT_FDCWD, name, AT_SYMLINK_FOLLOW);
}

/* A file to fill beside the target: without a name, or w->tmp. -1 with errno. */
static int open_beside(struct raml_writer *w)
{
    char *dir = parent(w->target);
    int fd = dir && !access("/proc/self/fd", X_OK) ? open(dir, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666) : -1;
    free(dir);
    if (fd >= 0) return fd;
    w->tmp = take_name(w->target, create, &fd);
    return w->tmp ? fd : -1;
}

/* Where the bytes go; -1 with errno. */
static int open_target(struct raml_writer *w, const struct stat *st)
{
    w->direct = true;
    int own = raml_open_file_of(w->path);
    if (own == STDOUT_FILENO) fflush(stdout);
    if (own >= 0) return fcntl(own, F_DUPFD_CLOEXEC, 0);
    if (st && !S_ISREG(st->st_mode)) return open(w->target, O_WRONLY | O_CLOEXEC);
    w->direct = false;
    w->replaces = st != NULL;
    int fd = open_beside(w);
    if (fd >= 0 && st) { /* the owner only where this process may give files away */
        (void)!fchown(fd, st->st_uid, st->st_gid);
        (void)fchmod(fd, st->st_mode & 07777);
    }
    return fd;
}

enum raml_code raml_writer_init(struct raml_writer *w, const char *path, struct raml_err *err)
{
    struct stat st;
    *w = (struct raml_writer){.path = strdup(path), .target = follow(path), .noted = raml_memory_mark()};
    enum raml_code rc = RAML_OK;
    bool exists = w->target && !stat(w->target, &st);
    if (!*path) rc = raml_fail(err, RAML_EUSAGE, "a file's name is empty; expected the name of a file to write");
    else if (!w->target && errno == ELOOP) rc = raml_fail_errno(err, "%s: cannot be created", path);
    else if (!w->path || !w->target) rc = raml_fail(err, RAML_ENOMEM, "%s: no memory to write it", path);
    else if (exists && S_ISDIR(st.st_mode))
        rc = raml_fail(err, RAML_EIO, "%s: is a folder; expected the name of a file to write", path);
    else {
        int fd = open_target(w, exists ? &st : NULL);
        if (fd >= 0 && !(w->f = fdopen(fd, "wb"))) close(fd);
        if (!w->f && errno == EINTR) rc = raml_fail(err, RAML_ESTOP, "%s: stopped while it waited for a reader", path);
        else if (!w->f) rc = raml_fail_errno(err, "%s: cannot be %s", path, w->direct ? "written to" : "created");
    }
    if (rc) raml_writer_deinit(w);
    return rc;
}

enum raml_code raml_writer_add(struct raml_writer *w, const void *bytes, size_t n, struct raml_err *err)
{
    if (!w->f) return raml_fail(err, RAML_EIO, "%s: not open for writing", w->path ? w->path : "(file)");
    errno = 0;
    if (!n || fwrite(bytes, 1, n, w->f) == n) return RAML_OK;
    if (errno == EINTR) return raml_fail(err, RAML_ESTOP, "%s: stopped while it waited for a reader", w->path);
    return raml_fail_errno(err, "%s: writing failed", w->path);
}

/* The whole file, w->f, gets the target's name. */
static int publish(struct raml_writer *w)
{
    int fd = fileno(w->f), failed = -1;
    if (!w->tmp && !link_to(w->target, &fd)) return 0; /* there is nothing of that name */
    if (!w->tmp && errno == EEXIST && w->fresh) return -1;
    if (!w->tmp) w->tmp = take_name(w->target, link_to, &fd);
    if (!w->tmp) return -1;
    if (w->fresh) { /* a file system without links: what came meanwhile is replaced */
        failed = link(w->tmp, w->target);
        if (failed && errno == EEXIST) return -1;
        if (!failed) unlink(w->tmp);
    }
    if (failed && rename(w->tmp, w->target)) return -1;
    free(w->tmp);
    w->tmp = NULL;
    return 0;
}

/* 0, or -1 with errno. */
static int flush(struct raml_writer *w)
{
    errno = 0;
    int bad = ferror(w->f) || fflush(w->f);
    if (!bad) bad = fsync(fileno(w->f)) && errno != EINVAL && errno != ENOTSUP && errno != EROFS;
    if (bad && !errno) errno = EIO;
    return bad ? -1 : 0;
}

enum raml_code raml_writer_commit(struct raml_writer *w, struct raml_err *err)
{
    if (!w->f) return raml_fail(err, RAML_EIO, "%s: not open for writing", w->path ? w->path : "(file)");
    enum raml_code rc = RAML_OK;
    const char *kept = w->replaces ? "; what was there before is kept" : "";
    if (raml_memory_noted() != w->noted) {
        rc = raml_fail(err, RAML_ENOMEM, "%s: memory ran out while it was written%s", w->path, kept);
    } else if (flush(w)) {
        if (errno == EINTR) rc = raml_fail(err, RAML_ESTOP, "%s: stopped while it waited for a reader", w->path);
        else rc = raml_fail_errno(err, "%s: writing failed%s", w->path, kept);
    } else if (!w->direct && publish(w)) {
        if (errno == EEXIST)
            rc = raml_fail(err, RAML_EIO, "%s: came to be there meanwhile, and is not replaced", w->path);
        else rc = raml_fail_errno(err, "%s: cannot be put in place%s", w->path, kept);
    } else if (fclose(w->f)) {
        w->f = NULL;
        rc = raml_fail_errno(err, "%s: writing failed", w->path);
    } else {
        w->f = NULL;
        if (!w->direct) sync_parent(w->target);
    }
    raml_writer_deinit(w);
    return rc;
}

void raml_writer_deinit(struct raml_writer *w)
{
    if (w->f) fclose(w->f);
    if (w->tmp) unlink(w->tmp);
    free(w->path);
    free(w->target);
    free(w->tmp);
    *w = (struct raml_writer){0};
}

enum raml_code raml_file_write(const char *path, const void *bytes, size_t n, struct raml_err *err)
{
    struct raml_writer w;
    enum raml_code rc = raml_writer_init(&w, path, err);
    if (rc) return rc;
    rc = raml_writer_add(&w, bytes, n, err);
    if (!rc) rc = raml_writer_commit(&w, err);
    raml_writer_deinit(&w);
    return rc;
}
