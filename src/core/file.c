/* file.c - see file.h. */
#include "core/file.h"

#include "core/path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_NO_LONG_LONG_WARNING
#include <xxhash.h>

enum { CHUNK_BYTES = 64 * 1024, MAX_DEPTH = 64 };

/* Writing */

/* Is there something at path that is neither file nor folder: a device, a pipe? */
static bool is_special(const char *path)
{
    struct stat st;
    return !stat(path, &st) && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

enum raml_code raml_writer_init(struct raml_writer *w, const char *path, struct raml_err *err)
{
    *w = (struct raml_writer){0};
    w->path = strdup(path);
    bool special = is_special(path);
    w->tmp = special ? NULL : raml_path_new("%s.tmp", path);
    enum raml_code rc = RAML_OK;
    if (!w->path || (!special && !w->tmp)) rc = raml_fail(err, RAML_ENOMEM, "%s: no memory to write it", path);
    else if (raml_is_dir(path))
        rc = raml_fail(err, RAML_EIO, "%s: is a folder; expected the name of a file to write", path);
    else {
        int fd =
            special ? open(path, O_WRONLY | O_CLOEXEC) : open(w->tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (fd >= 0 && !(w->f = fdopen(fd, "wb"))) close(fd);
        if (!w->f) rc = raml_fail_errno(err, "%s: cannot be %s", path, special ? "written to" : "created");
    }
    if (rc) raml_writer_deinit(w);
    return rc;
}

enum raml_code raml_writer_add(struct raml_writer *w, const void *bytes, size_t n, struct raml_err *err)
{
    if (!w->f) return raml_fail(err, RAML_EIO, "%s: not open for writing", w->path ? w->path : "(file)");
    errno = 0;
    if (n && fwrite(bytes, 1, n, w->f) != n) return raml_fail_errno(err, "%s: writing failed", w->path);
    return RAML_OK;
}

/* The folder that holds path, flushed. */
static void sync_parent(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash) {
        raml_sync_dir(".");
        return;
    }
    char *dir = strndup(path, slash == path ? 1 : (size_t)(slash - path));
    if (dir) raml_sync_dir(dir);
    free(dir);
}

enum raml_code raml_writer_commit(struct raml_writer *w, struct raml_err *err)
{
    if (!w->f) return raml_fail(err, RAML_EIO, "%s: not open for writing", w->path ? w->path : "(file)");
    errno = 0;
    int bad = ferror(w->f) || fflush(w->f);
    if (!bad) bad = fsync(fileno(w->f)) && errno != EINVAL && errno != ENOTSUP;
    int saved = errno;
    if (fclose(w->f) && !bad) {
        bad = 1;
        saved = errno;
    }
    w->f = NULL;
    enum raml_code rc = RAML_OK;
    errno = saved ? saved : EIO;
    if (bad)
        rc = raml_fail_errno(err, "%s: writing failed%s", w->path, w->tmp ? "; what was there before is kept" : "");
    else if (w->tmp && rename(w->tmp, w->path)) rc = raml_fail_errno(err, "%s: cannot replace the old one", w->path);
    if (rc && w->tmp) {
        unlink(w->tmp);
    } else if (w->tmp) {
        sync_parent(w->path);
        free(w->tmp); /* renamed: there is nothing left for _deinit to remove */
        w->tmp = NULL;
    }
    raml_writer_deinit(w);
    return rc;
}

void raml_writer_deinit(struct raml_writer *w)
{
    if (w->f) {
        fclose(w->f);
        if (w->tmp) unlink(w->tmp);
    }
    free(w->path);
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

/* Reading */

enum raml_code raml_file_read(const char *path, struct raml_buf *out, struct raml_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return raml_fail_errno(err, "%s: cannot be opened", path);
    char *chunk = malloc(CHUNK_BYTES);
    size_t before = out->len;
    enum raml_code rc = chunk ? RAML_OK : raml_fail(err, RAML_ENOMEM, "%s: no memory to read it", path);
    while (!rc) {
        ssize_t n = read(fd, chunk, CHUNK_BYTES);
        if (n < 0 && errno == EINTR) continue;
        if (n == 0) break;
        if (n < 0) rc = raml_fail_errno(err, "%s: reading failed", path);
        else if ((size_t)n > out->max - out->len)
            rc = raml_fail(err, RAML_ERANGE, "%s: larger than the limit of %zu bytes", path, out->max - before);
        else {
            raml_buf_add(out, chunk, (size_t)n);
            rc = raml_buf_status(out, err);
            if (rc) rc = raml_wrap(err, rc, "%s", path);
        }
    }
    if (rc && out->data) out->data[out->len = before] = 0;
    free(chunk);
    close(fd);
    return rc;
}

enum raml_code raml_map_init(struct raml_map *m, const char *path, struct raml_err *err)
{
    *m = (struct raml_map){(const unsigned char *)"", 0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return raml_fail_errno(err, "%s: cannot be opened", path);
    struct stat st;
    enum raml_code rc = RAML_OK;
    if (fstat(fd, &st)) rc = raml_fail_errno(err, "%s: cannot be examined", path);
    else if (!S_ISREG(st.st_mode)) rc = raml_fail(err, RAML_EIO, "%s: is not a regular file", path);
    else if (st.st_size > 0) { /* an empty file cannot be mapped: it stays "", 0 */
        void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (p == MAP_FAILED) rc = raml_fail_errno(err, "%s: cannot be mapped", path);
        else *m = (struct raml_map){p, (size_t)st.st_size};
    }
    close(fd);
    return rc;
}

void raml_map_deinit(struct raml_map *m)
{
    if (m->size) munmap((void *)m->data, m->size);
    *m = (struct raml_map){0};
}

/* Lines */

const char *raml_file_no_text(const char *bytes, size_t n)
{
#define COMPRESSED(by, with) "is compressed by " by "; expected text (`" with "` gives it)"
#define UTF_16 "is in UTF-16; expected UTF-8 (`iconv -f UTF-16 -t UTF-8` gives it)"
    static const struct {
        const char *magic;
        size_t n;
        const char *what;
    } kinds[] = {
        {"\x1f\x8b", 2, COMPRESSED("gzip", "gzip -dc")},
        {"\x28\xb5\x2f\xfd", 4, COMPRESSED("zstd", "zstd -dc")},
        {"\xfd"
         "7zXZ",
         5, COMPRESSED("xz", "xz -dc")},
        {"BZh", 3, COMPRESSED("bzip2", "bzip2 -dc")},
        {"PK\3\4", 4, COMPRESSED("zip", "unzip -p")},
        {"PAR1", 4, "is a Parquet file; expected text (docs/data.md has a line of Python that gives it)"},
        {"ARROW1", 6, "is an Arrow file; expected text"},
        {"\xff\xfe\0\0", 4, "is in UTF-32; expected UTF-8 (`iconv -f UTF-32 -t UTF-8` gives it)"},
        {"\0\0\xfe\xff", 4, "is in UTF-32; expected UTF-8 (`iconv -f UTF-32 -t UTF-8` gives it)"},
        {"\xff\xfe", 2, UTF_16},
        {"\xfe\xff", 2, UTF_16},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (n >= kinds[i].n && !memcmp(bytes, kinds[i].magic, kinds[i].n)) return kinds[i].what;
    /* without a mark, what every file of ours begins with in UTF-16: '{', '[', a space or a letter */
    if (n >= 2 && bytes[0] > 0 && !bytes[1])
        return "is in UTF-16LE; expected UTF-8 (`iconv -f UTF-16LE -t UTF-8` gives it)";
    if (n >= 2 && !bytes[0] && bytes[1] > 0)
        return "is in UTF-16BE; expected UTF-8 (`iconv -f UTF-16BE -t UTF-8` gives it)";
    return NULL;
#undef COMPRESSED
#undef UTF_16
}

enum raml_code raml_lines_init(struct raml_lines *l, const char *path, size_t max_line_bytes, struct raml_err *err)
{
    *l = (struct raml_lines){.path = path};
    raml_buf_init(&l->line, max_line_bytes);
    l->own = strcmp(path, "-") != 0;
    l->f = l->own ? fopen(path, "rbe") : stdin;
    if (!l->f) return raml_fail_errno(err, "%s: cannot be opened", path);
    return RAML_OK;
}

/* Adds n bytes to the line; past the limit, names the line. */
static enum raml_code grow_line(struct raml_lines *l, const char *bytes, size_t n, struct raml_err *err)
{
    if (n > l->line.max - l->line.len)
        return raml_fail(err, RAML_ERANGE, "%s:%zu: line is longer than the limit of %zu bytes", l->path, l->number,
                         l->line.max);
    raml_buf_add(&l->line, bytes, n);
    enum raml_code rc = raml_buf_status(&l->line, err);
    return rc ? raml_wrap(err, rc, "%s:%zu", l->path, l->number) : rc;
}

enum raml_code raml_lines_next(struct raml_lines *l, bool *more, struct raml_err *err)
{
    char chunk[1024];
    size_t n = 0;
    int c;
    *more = false;
    raml_buf_clear(&l->line);
    if (!l->f) return raml_fail(err, RAML_EIO, "%s: not open for reading", l->path ? l->path : "(file)");
    l->number++;
    errno = 0;
    while ((c = getc_unlocked(l->f)) != EOF && c != '\n') {
        *more = true;
        chunk[n++] = (char)c;
        if (n < sizeof chunk) continue;
        enum raml_code rc = grow_line(l, chunk, n, err);
        if (rc) return rc;
        n = 0;
    }
    if (c == EOF && ferror(l->f)) {
        *more = false;
        return raml_fail_errno(err, "%s:%zu: reading failed", l->path, l->number);
    }
    if (c == '\n') *more = true;
    if (!*more) l->number--; /* the end: the number stays that of the last line */
    enum raml_code rc = grow_line(l, chunk, n, err);
    if (rc) return rc;
    struct raml_buf *b = &l->line;
    const char *other = l->number == 1 && b->len ? raml_file_no_text(b->data, b->len) : NULL;
    if (other) return raml_fail(err, RAML_EFORMAT, "%s: %s", l->path, other);
    if (b->len && b->data[b->len - 1] == '\r') b->data[--b->len] = 0;
    if (l->number == 1 && b->len >= 3 && !memcmp(b->data, "\xef\xbb\xbf", 3)) { /* byte order mark */
        memmove(b->data, b->data + 3, b->len - 2);
        b->len -= 3;
    }
    return RAML_OK;
}

void raml_lines_deinit(struct raml_lines *l)
{
    if (l->f && l->own) fclose(l->f);
    raml_buf_deinit(&l->line);
    *l = (struct raml_lines){0};
}

/* Folders */

bool raml_is_dir(const char *path)
{
    struct stat st;
    return !stat(path, &st) && S_ISDIR(st.st_mode);
}

bool raml_is_file(const char *path)
{
    struct stat st;
    return !stat(path, &st) && S_ISREG(st.st_mode);
}

enum raml_code raml_make_dir(const char *path, struct raml_err *err)
{
    char *p = strdup(path);
    if (!p) return raml_fail(err, RAML_ENOMEM, "%s: no memory to create it", path);
    enum raml_code rc = RAML_OK;
    if (!*p) rc = raml_fail(err, RAML_EUSAGE, "a folder's name is empty");
    for (char *s = p; !rc && *s;) { /* each parent in turn, then the folder itself */
        s += strspn(s, "/");
        s += strcspn(s, "/");
        char byte = *s;
        *s = 0;
        if (mkdir(p, 0777) && !raml_is_dir(p)) { /* errno is mkdir's only when the name does not exist at all */
            int exists = raml_is_file(p);
            if (exists) rc = raml_fail(err, RAML_EIO, "%s: is a file; expected a folder or an unused name", p);
            else if (mkdir(p, 0777)) /* again, for its errno */ rc = raml_fail_errno(err, "%s: cannot be created", p);
        }
        *s = byte;
    }
    free(p);
    return rc;
}

static int remove_below(int fd, int depth) /* takes fd; 0 or -1 with errno */
{
    DIR *d = fdopendir(fd);
    if (!d) {
        close(fd);
        return -1;
    }
    int bad = 0, saved = 0;
    for (struct dirent *e; !bad && (e = readdir(d));) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
        if (!unlinkat(dirfd(d), e->d_name, 0)) continue; /* regular files and links; links are not followed */
        if (errno == EISDIR || errno == EPERM) {
            int sub = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            if (depth >= MAX_DEPTH && sub >= 0) {
                close(sub);
                sub = -1;
                errno = ELOOP;
            }
            bad = sub < 0 || remove_below(sub, depth + 1) || unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR);
        } else {
            bad = 1;
        }
        saved = errno;
    }
    closedir(d);
    errno = saved;
    return bad ? -1 : 0;
}

enum raml_code raml_remove_tree(const char *path, struct raml_err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) return RAML_OK;
    if (fd < 0) return raml_fail_errno(err, "%s: cannot be removed", path);
    if (remove_below(fd, 0) || rmdir(path)) return raml_fail_errno(err, "%s: cannot be removed", path);
    return RAML_OK;
}

void raml_sync_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    (void)!fsync(fd); /* some file systems refuse; the rename itself was checked */
    close(fd);
}

/* Hashes */

uint64_t raml_hash(const void *bytes, size_t n, uint64_t seed)
{
    return XXH3_64bits_withSeed(bytes, n, seed);
}

static enum raml_code hash_file(const char *path, uint64_t *hash, struct raml_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return raml_fail_errno(err, "%s: cannot be opened", path);
    XXH3_state_t *state = XXH3_createState();
    unsigned char *chunk = malloc(CHUNK_BYTES);
    enum raml_code rc = RAML_OK;
    if (!state || !chunk || XXH3_64bits_reset(state) != XXH_OK)
        rc = raml_fail(err, RAML_ENOMEM, "%s: no memory to read it", path);
    while (!rc) {
        ssize_t n = read(fd, chunk, CHUNK_BYTES);
        if (n < 0 && errno == EINTR) continue;
        if (n == 0) break;
        if (n < 0) rc = raml_fail_errno(err, "%s: reading failed", path);
        else XXH3_64bits_update(state, chunk, (size_t)n);
    }
    if (!rc) *hash = XXH3_64bits_digest(state);
    free(chunk);
    XXH3_freeState(state);
    close(fd);
    return rc;
}

static int is_entry(const struct dirent *e)
{
    return strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b) /* not alphasort: that depends on the locale */
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static enum raml_code hash_dir(const char *path, uint64_t *hash, struct raml_err *err)
{
    struct dirent **names = NULL;
    char file[RAML_PATH_BYTES];
    struct raml_buf all;
    int n = scandir(path, &names, is_entry, by_bytes);
    if (n < 0) return raml_fail_errno(err, "%s: cannot be read", path);
    raml_buf_init(&all, (size_t)1 << 26);
    enum raml_code rc = RAML_OK;
    for (int i = 0; i < n; i++) {
        if (!rc) rc = raml_path_join(file, path, names[i]->d_name, err);
        if (!rc && raml_is_file(file)) {
            uint64_t one = 0;
            rc = hash_file(file, &one, err);
            raml_buf_addf(&all, "%s/%016llx\n", names[i]->d_name, (unsigned long long)one); /* a name has no '/' */
        }
        free(names[i]);
    }
    free(names);
    if (!rc) rc = raml_buf_status(&all, err);
    if (!rc) *hash = raml_hash(all.data, all.len, 0);
    raml_buf_deinit(&all);
    return rc;
}

enum raml_code raml_hash_path(const char *path, uint64_t *hash, struct raml_err *err)
{
    return raml_is_dir(path) ? hash_dir(path, hash, err) : hash_file(path, hash, err);
}
