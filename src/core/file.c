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

/* Reading */

int raml_open_file_of(const char *path)
{
    static const char *const folder[] = {"/dev/fd/", "/proc/self/fd/"};
    if (!strcmp(path, "/dev/stdin")) return STDIN_FILENO;
    if (!strcmp(path, "-") || !strcmp(path, "/dev/stdout")) return STDOUT_FILENO;
    if (!strcmp(path, "/dev/stderr")) return STDERR_FILENO;
    for (size_t i = 0; i < sizeof folder / sizeof *folder; i++) {
        size_t n = strlen(folder[i]), digits = strncmp(path, folder[i], n) ? 0 : strspn(path + n, "0123456789");
        if (digits && digits < 6 && !path[n + digits]) return atoi(path + n);
    }
    return -1;
}

bool raml_is_stdout(const char *path)
{
    return path && raml_open_file_of(path) == STDOUT_FILENO;
}

int raml_open_input(const char *path)
{
    struct stat st;
    int own = raml_open_file_of(path);
    if (!strcmp(path, "-")) return fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
    if (own >= 0 && !fstat(own, &st) && !S_ISREG(st.st_mode)) return fcntl(own, F_DUPFD_CLOEXEC, 0);
    return open(path, O_RDONLY | O_CLOEXEC);
}

/* errno of an open. A signal interrupts only what waits: a FIFO. */
static enum raml_code cannot_open(const char *path, struct raml_err *err)
{
    if (errno == EINTR) return raml_fail(err, RAML_ESTOP, "%s: stopped while it waited for a writer", path);
    return raml_fail_errno(err, "%s: cannot be opened", path);
}

/* errno of a read; line: 0: none. A signal interrupts only what waits: a pipe, a terminal. */
static enum raml_code cannot_read(const char *path, size_t line, struct raml_err *err)
{
    const char *name = strcmp(path, "-") ? path : "standard input";
    if (errno == EINTR) return raml_fail(err, RAML_ESTOP, "%s: stopped while it waited for input", name);
    if (line) return raml_fail_errno(err, "%s:%zu: reading failed", path, line);
    return raml_fail_errno(err, "%s: reading failed", path);
}

enum raml_code raml_file_read(const char *path, struct raml_buf *out, struct raml_err *err)
{
    int fd = raml_open_input(path);
    if (fd < 0) return cannot_open(path, err);
    char *chunk = malloc(CHUNK_BYTES);
    size_t before = out->len;
    enum raml_code rc = chunk ? RAML_OK : raml_fail(err, RAML_ENOMEM, "%s: no memory to read it", path);
    while (!rc) {
        ssize_t n = read(fd, chunk, CHUNK_BYTES);
        if (n == 0) break;
        if (n < 0) rc = cannot_read(path, 0, err);
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

/* All that comes out of a pipe. */
static enum raml_code map_pipe(struct raml_map *m, int fd, const char *path, struct raml_err *err)
{
    size_t cap = CHUNK_BYTES, size = 0;
    char *p = mmap(NULL, cap, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ssize_t n = 0;
    while (p != MAP_FAILED && (n = read(fd, p + size, cap - size)) > 0) {
        size += (size_t)n;
        if (size < cap) continue;
        p = mremap(p, cap, 2 * cap, MREMAP_MAYMOVE);
        if (p != MAP_FAILED) cap *= 2;
    }
    if (p == MAP_FAILED) return raml_fail(err, RAML_ENOMEM, "%s: no memory for its %zu bytes", path, size);
    if (n < 0) {
        enum raml_code rc = cannot_read(path, 0, err);
        munmap(p, cap);
        return rc;
    }
    if (!size) munmap(p, cap);
    else *m = (struct raml_map){mremap(p, cap, size, 0), size};
    return RAML_OK;
}

enum raml_code raml_map_init(struct raml_map *m, const char *path, struct raml_err *err)
{
    *m = (struct raml_map){(const unsigned char *)"", 0};
    int fd = raml_open_input(path);
    if (fd < 0) return cannot_open(path, err);
    struct stat st;
    enum raml_code rc = RAML_OK;
    if (fstat(fd, &st)) rc = raml_fail_errno(err, "%s: cannot be examined", path);
    else if (S_ISFIFO(st.st_mode)) rc = map_pipe(m, fd, path, err);
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
    int fd = l->own ? raml_open_input(path) : -1;
    l->f = l->own ? (fd >= 0 ? fdopen(fd, "rb") : NULL) : stdin;
    if (l->f) return RAML_OK;
    enum raml_code rc = cannot_open(path, err);
    if (fd >= 0) close(fd);
    return rc;
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
        return cannot_read(l->path, l->number, err);
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
    int fd = raml_open_input(path);
    if (fd < 0) return cannot_open(path, err);
    XXH3_state_t *state = XXH3_createState();
    unsigned char *chunk = malloc(CHUNK_BYTES);
    enum raml_code rc = RAML_OK;
    if (!state || !chunk || XXH3_64bits_reset(state) != XXH_OK)
        rc = raml_fail(err, RAML_ENOMEM, "%s: no memory to read it", path);
    while (!rc) {
        ssize_t n = read(fd, chunk, CHUNK_BYTES);
        if (n == 0) break;
        if (n < 0) rc = cannot_read(path, 0, err);
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
