/* failing_malloc.c - preloaded (LD_PRELOAD) into raml by test_memory.sh: the n-th allocation fails.
 *
 *   FAIL_AT=n       the n-th of those that are counted: all but oneDNN's, the C++ and OpenMP libraries', BLAS's and the
 *                   loader's, which end the process by themselves
 *   FAIL_EVER=1     and so does every one after it
 *   FAIL_COUNT=FILE gets how many there were
 * With glibc, whose own functions are under the names __libc_*. Nothing fails in other programs (gnuplot, sh).
 */
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t n);
void *__libc_memalign(size_t align, size_t n);
void *memalign(size_t align, size_t n); /* of malloc.h */

enum { MOST = 96 };

static struct {
    uintptr_t begin, end;
} spared[MOST];
static int n_spared;
static atomic_long count;
static long at;
static bool ever, on;

static int spare(struct dl_phdr_info *lib, size_t size, void *user)
{
    static const char *const names[] = {"libdnnl",  "libstdc++", "libgomp", "libomp",   "libgcc",
                                        "ld-linux", "blas",      "lapack",  "gfortran", "failing_malloc"};
    bool is = false;
    (void)size;
    (void)user;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) is = is || strstr(lib->dlpi_name, names[i]);
    for (int k = 0; is && k < lib->dlpi_phnum && n_spared < MOST; k++) {
        if (lib->dlpi_phdr[k].p_type != PT_LOAD) continue;
        spared[n_spared].begin = lib->dlpi_addr + lib->dlpi_phdr[k].p_vaddr;
        spared[n_spared].end = spared[n_spared].begin + lib->dlpi_phdr[k].p_memsz;
        n_spared++;
    }
    return 0;
}

__attribute__((constructor)) static void begin(void)
{
    const char *n = getenv("FAIL_AT");
    at = n ? strtol(n, NULL, 10) : 0;
    ever = getenv("FAIL_EVER") != NULL;
    dl_iterate_phdr(spare, NULL);
    on = strncmp(program_invocation_short_name, "raml", 4) == 0;
}

__attribute__((destructor)) static void end(void)
{
    const char *path = getenv("FAIL_COUNT");
    char text[32];
    if (!path || !on) return;
    int n = snprintf(text, sizeof text, "%ld\n", atomic_load(&count));
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd < 0 || write(fd, text, (size_t)n) != n) abort();
    close(fd);
}

static bool fails(const void *caller)
{
    uintptr_t from = (uintptr_t)caller;
    if (!on) return false;
    for (int i = 0; i < n_spared; i++)
        if (from >= spared[i].begin && from < spared[i].end) return false;
    long n = atomic_fetch_add(&count, 1) + 1;
    if (!at || (ever ? n < at : n != at)) return false;
    errno = ENOMEM;
    return true;
}

#define CALLER __builtin_return_address(0)

void *malloc(size_t n)
{
    return fails(CALLER) ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    return fails(CALLER) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *old, size_t n)
{
    return fails(CALLER) ? NULL : __libc_realloc(old, n);
}

void *memalign(size_t align, size_t n)
{
    return fails(CALLER) ? NULL : __libc_memalign(align, n);
}

void *aligned_alloc(size_t align, size_t n)
{
    return fails(CALLER) ? NULL : __libc_memalign(align, n);
}

int posix_memalign(void **out, size_t align, size_t n)
{
    void *p = fails(CALLER) ? NULL : __libc_memalign(align, n);
    if (!p) return ENOMEM;
    *out = p;
    return 0;
}
