/* folder.c - see folder.h.
 *
 * The mark: a file that the process which works on a folder holds locked. An empty one is in a folder that is being filled.
 * In one that is being replaced it is REPLACED and the names of what is to move over, each with a 0 byte.
 *     killed while it is filled             NAME.tmp has an empty mark: it is removed
 *     killed before names are exchanged     the place has the earlier folder, with a mark: that is removed
 *     killed after                          NAME.tmp has the earlier folder: moved over, removed
 *     killed between two renames (a file system that can't exchange)
 *                                           there is no place: NAME.tmp.old, the earlier one, gets its name back
 */
#include "core/folder.h"

#include "core/file.h"
#include "raml/buf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MAX_NAMES = 1000, MAX_MARK = 1 << 24, TRIES = 3000, REMOVALS = 100, PAUSE_NS = 10000000 };
static const char mark[] = ".raml-unfinished", replaced[] = "replaced";

bool raml_folder_is_empty(const char *path)
{
    DIR *d = opendir(path);
    int n = 0;
    while (d && n < 3 && readdir(d)) n++;
    if (d) closedir(d);
    return d && n < 3;
}

static bool is_dot(const char *name)
{
    return !strcmp(name, ".") || !strcmp(name, "..");
}

/* The folder that path is in: "." where it names none. */
static enum raml_code parent_of(const char *path, char out[RAML_PATH_BYTES], struct raml_err *err)
{
    const char *slash = strrchr(path, '/');
    return raml_path_format(out, err, "%.*s", slash ? (int)(slash - path) + (slash == path) : 1, slash ? path : ".");
}

/* -- The mark ------------------------------------------------------------------------------------------------------ */

/* Locks dir's mark, which with make is made where there is none; O_EXCL: or is no other's. -1: there is none, or another
 * process has it (*busy). */
static int hold(const char *dir, int make, bool *busy)
{
    char path[RAML_PATH_BYTES];
    struct stat there, here;
    *busy = false;
    if (raml_path_join(path, dir, mark, NULL)) return -1;
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | make, 0666);
    if (fd < 0) {
        *busy = errno == EEXIST;
        return -1;
    }
    *busy = flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK;
    /* it may have gone with its folder meanwhile */
    if (!*busy && (stat(path, &there) || fstat(fd, &here) || there.st_ino != here.st_ino)) *busy = true;
    if (!*busy) return fd;
    close(fd);
    return -1;
}

static enum raml_code unmark(const char *dir, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    enum raml_code rc = raml_path_join(path, dir, mark, err);
    if (!rc && unlink(path) && errno != ENOENT) rc = raml_fail_errno(err, "%s: cannot be removed", path);
    return rc;
}

static enum raml_code empty_marked(const char *dir, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    DIR *d = opendir(dir);
    enum raml_code rc = d ? RAML_OK : raml_fail_errno(err, "%s: cannot be read", dir);
    for (const struct dirent *e; !rc && (e = readdir(d)) != NULL;) {
        if (is_dot(e->d_name) || !strcmp(e->d_name, mark)) continue;
        rc = raml_path_join(path, dir, e->d_name, err);
        struct stat st;
        if (rc) break;
        if (!lstat(path, &st) && S_ISDIR(st.st_mode)) rc = raml_remove_tree(path, err);
        else if (unlink(path) && errno != ENOENT) rc = raml_fail_errno(err, "%s: cannot be removed", path);
    }
    if (d) closedir(d);
    return rc;
}

/* The folder and all in it, its mark last. What a killed process has started (gnuplot) may still write there. */
static enum raml_code remove_marked(const char *dir, struct raml_err *err)
{
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    enum raml_code rc = RAML_OK;
    bool gone = false, busy;
    for (int i = 0; !rc && !gone && i < REMOVALS; i++) {
        rc = empty_marked(dir, err);
        if (!rc) rc = unmark(dir, err);
        gone = !rc && (!rmdir(dir) || errno == ENOENT);
        if (rc || gone) break;
        if (errno != ENOTEMPTY && errno != EEXIST) rc = raml_fail_errno(err, "%s: cannot be removed", dir);
        int fd = hold(dir, O_CREAT, &busy);
        if (fd >= 0) close(fd);
        nanosleep(&pause, NULL);
    }
    return rc || gone ? rc : raml_fail(err, RAML_EIO, "%s: cannot be removed: something is written there", dir);
}

/* -- What was replaced --------------------------------------------------------------------------------------------- */

/* What of dir/inside ("": dir; else with a slash at its end) is not its own: names, each with a 0 byte. */
static enum raml_code list_others(const char *dir, const char *inside, raml_folder_own_fn *own, struct raml_buf *b,
                                  struct raml_err *err)
{
    char path[RAML_PATH_BYTES], name[RAML_PATH_BYTES];
    enum raml_code rc = raml_path_join(path, dir, *inside ? inside : ".", err);
    DIR *d = rc ? NULL : opendir(path);
    if (!rc && !d) rc = raml_fail_errno(err, "%s: cannot be read", path);
    for (const struct dirent *e; !rc && (e = readdir(d)) != NULL;) {
        if (is_dot(e->d_name) || !strcmp(e->d_name, mark)) continue;
        struct stat st;
        rc = raml_path_format(name, err, "%s%s", inside, e->d_name);
        if (!rc) rc = raml_path_join(path, dir, name, err);
        bool folder = !rc && !lstat(path, &st) && S_ISDIR(st.st_mode);
        size_t n = strlen(name);
        if (folder && n + 1 < sizeof name) memcpy(name + n, "/", 2);
        if (rc) break;
        if (!own(name)) {
            raml_buf_add(b, name, n);
            raml_buf_add(b, "", 1);
        } else if (folder) rc = list_others(dir, name, own, b, err);
    }
    if (d) closedir(d);
    return rc ? rc : raml_buf_status(b, err);
}

/* Moves what old's mark lists to place, unless that has it; the rest of old goes. */
static enum raml_code finish(const char *old, const char *place, const struct raml_buf *marked, struct raml_err *err)
{
    char from[RAML_PATH_BYTES], to[RAML_PATH_BYTES], parent[RAML_PATH_BYTES];
    enum raml_code rc = RAML_OK;
    const char *end = marked->data + marked->len;
    for (const char *name = marked->data + sizeof replaced; !rc && name < end; name += strlen(name) + 1) {
        rc = raml_path_join(from, old, name, err);
        if (!rc) rc = raml_path_join(to, place, name, err);
        if (!rc) rc = parent_of(to, parent, err);
        if (!rc) rc = raml_make_dir(parent, err);
        struct stat st;
        if (!rc && lstat(to, &st) && rename(from, to) && errno != ENOENT)
            rc = raml_fail_errno(err, "%s: cannot be moved to %s", from, to);
    }
    return rc ? rc : remove_marked(old, err);
}

/* What a killed process has left of dir. */
static enum raml_code repair_one(const char *dir, const char *place, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    struct raml_buf marked;
    size_t n = strlen(dir);
    raml_buf_init(&marked, MAX_MARK);
    enum raml_code rc = raml_path_join(path, dir, mark, err);
    if (!rc) rc = raml_file_read(path, &marked, err);
    bool old = !rc && marked.len >= sizeof replaced && !memcmp(marked.data, replaced, sizeof replaced);
    if (old && marked.data[marked.len - 1]) old = false; /* cut short: before anything was exchanged */
    if (!rc && old && n > 4 && !strcmp(dir + n - 4, ".old") && access(place, F_OK)) {
        rc = rename(dir, place) ? raml_fail_errno(err, "%s: cannot be renamed to %s", dir, place) : unmark(place, err);
    } else if (!rc && old) rc = finish(dir, place, &marked, err);
    else if (!rc) rc = remove_marked(dir, err);
    raml_buf_deinit(&marked);
    return rc;
}

/* Is it a name beside `base` that raml gives: base.tmp, base.7.tmp, and with .old after it? */
static bool is_beside(const char *name, const char *base, bool old)
{
    size_t n = strlen(base);
    if (strncmp(name, base, n) != 0 || name[n] != '.') return false;
    name += n + 1;
    size_t digits = strspn(name, "0123456789");
    if (digits && name[digits] == '.') name += digits + 1;
    return !strcmp(name, old ? "tmp.old" : "tmp");
}

/* Finishes what killed processes have begun beside place. Where it can't, that stays. */
static void repair(const char *place)
{
    char parent[RAML_PATH_BYTES], path[RAML_PATH_BYTES];
    const char *slash = strrchr(place, '/'), *base = slash ? slash + 1 : place;
    bool busy;
    if (parent_of(place, parent, NULL)) return;
    for (int old = 1; old >= 0; old--) {
        DIR *d = opendir(parent);
        for (const struct dirent *e; d && (e = readdir(d)) != NULL;) {
            if (!is_beside(e->d_name, base, old) || raml_path_join(path, parent, e->d_name, NULL)) continue;
            int fd = hold(path, 0, &busy);
            if (fd >= 0) (void)!repair_one(path, place, NULL);
            if (fd >= 0) close(fd);
        }
        if (d) closedir(d);
    }
    int fd = hold(place, 0, &busy);
    if (fd < 0) return;
    (void)!unmark(place, NULL);
    close(fd);
}

/* -- A folder to fill ---------------------------------------------------------------------------------------------- */

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

/* Makes f->path, or takes an empty one. *taken: something is there. */
static enum raml_code take(struct raml_folder *f, bool *taken, struct raml_err *err)
{
    bool made = !mkdir(f->path, 0777);
    if (!made && errno != EEXIST) return raml_fail_errno(err, "%s: cannot be created", f->path);
    *taken = !made && !raml_folder_is_empty(f->path);
    if (*taken) return RAML_OK;
    f->lock = hold(f->path, O_CREAT | O_EXCL, taken);
    return f->lock >= 0 || *taken ? RAML_OK : raml_fail_errno(err, "%s/%s: cannot be created", f->path, mark);
}

enum raml_code raml_folder_begin(struct raml_folder *f, const char *place, struct raml_err *err)
{
    f->lock = -1;
    f->path[0] = 0;
    char parent[RAML_PATH_BYTES];
    enum raml_code rc = set_place(f, place, err);
    if (!rc) rc = parent_of(f->place, parent, err);
    if (!rc) rc = raml_make_dir(parent, err);
    if (!rc) repair(f->place);
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

/* -- In its place -------------------------------------------------------------------------------------------------- */

/* Marks the folder at place as one that is replaced: *fd is its mark, marked what that has. */
static enum raml_code mark_replaced(const struct raml_folder *f, raml_folder_own_fn *own, struct raml_buf *marked,
                                    int *fd, struct raml_err *err)
{
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    bool busy = true;
    raml_buf_add(marked, replaced, sizeof replaced);
    enum raml_code rc = own ? list_others(f->place, "", own, marked, err) : raml_buf_status(marked, err);
    for (int i = 0; !rc && busy && i < TRIES; i++) { /* another process is just putting its own in place */
        if (i) nanosleep(&pause, NULL);
        *fd = hold(f->place, O_CREAT, &busy);
    }
    if (!rc && *fd < 0 && busy) rc = raml_fail(err, RAML_EIO, "%s: another process is replacing it", f->place);
    if (!rc && *fd < 0) rc = raml_fail_errno(err, "%s/%s: cannot be created", f->place, mark);
    bool written = !rc && !ftruncate(*fd, 0) && write(*fd, marked->data, marked->len) == (ssize_t)marked->len;
    if (!rc && (!written || fsync(*fd))) rc = raml_fail_errno(err, "%s/%s: writing failed", f->place, mark);
    return rc;
}

/* f->path and f->place change their names; old: what was at place. */
static int exchange(const struct raml_folder *f, char old[RAML_PATH_BYTES])
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

static enum raml_code replace_old(struct raml_folder *f, raml_folder_own_fn *own, struct raml_err *err)
{
    char old[RAML_PATH_BYTES];
    struct raml_buf marked;
    int fd = -1;
    raml_buf_init(&marked, MAX_MARK);
    struct stat st;
    if (!stat(f->place, &st)) { /* the owner only where this process may give files away */
        (void)!chown(f->path, st.st_uid, st.st_gid);
        (void)chmod(f->path, st.st_mode & 07777);
    }
    enum raml_code rc = mark_replaced(f, own, &marked, &fd, err);
    if (!rc && exchange(f, old)) rc = raml_fail_errno(err, "%s: cannot be renamed to %s", f->path, f->place);
    if (rc && fd >= 0) (void)!unmark(f->place, NULL);
    if (!rc) {
        f->path[0] = 0; /* it is in place */
        rc = unmark(f->place, err);
        if (!rc) rc = finish(old, f->place, &marked, err);
    }
    if (fd >= 0) close(fd);
    raml_buf_deinit(&marked);
    return rc;
}

enum raml_code raml_folder_commit(struct raml_folder *f, bool replace, raml_folder_own_fn *own, struct raml_err *err)
{
    char parent[RAML_PATH_BYTES];
    raml_sync_dir(f->path);
    bool there = raml_is_dir(f->place) && !raml_folder_is_empty(f->place);
    enum raml_code rc = parent_of(f->place, parent, err);
    if (!rc && there && !replace) return raml_fail(err, RAML_EIO, "%s: is there, and is not replaced", f->place);
    if (!rc && there) rc = replace_old(f, own, err);
    else if (!rc && rename(f->path, f->place))
        rc = raml_fail_errno(err, "%s: cannot be renamed to %s", f->path, f->place);
    else if (!rc) {
        f->path[0] = 0;
        rc = unmark(f->place, err);
    }
    raml_sync_dir(parent);
    return rc;
}

void raml_folder_deinit(struct raml_folder *f)
{
    if (f->lock < 0) return;
    if (f->path[0]) (void)!remove_marked(f->path, NULL);
    close(f->lock);
    f->lock = -1;
}
