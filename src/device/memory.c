/* memory.c - memory for arrays, and how much of it there is. See impl.h and raml/device.h. */
#include "device/impl.h"

#include "core/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* "MemAvailable:   24117248 kB" of /proc/meminfo. */
static size_t system_free(void)
{
    char line[128];
    unsigned long long kib = 0;
    FILE *f = fopen("/proc/meminfo", "r");
    if (!f) return SIZE_MAX;
    while (fgets(line, sizeof line, f) && sscanf(line, "MemAvailable: %llu kB", &kib) != 1) kib = 0;
    fclose(f);
    return kib ? (size_t)kib * 1024 : SIZE_MAX;
}

/* One number in a file; SIZE_MAX where it is "max", or can't be read. */
static size_t number_in(const char *path)
{
    unsigned long long n;
    FILE *f = fopen(path, "r");
    if (!f) return SIZE_MAX;
    int got = fscanf(f, "%llu", &n);
    fclose(f);
    return got == 1 ? (size_t)n : SIZE_MAX;
}

/* What is left under a container's limit (cgroup version 2). Pages of files count as used there and can be reclaimed,
 * so only the limit is used where it is less. */
static size_t group_free(void)
{
    size_t most = number_in("/sys/fs/cgroup/memory.max"), used = number_in("/sys/fs/cgroup/memory.current");
    char line[128];
    unsigned long long cached = 0, n;
    FILE *f = most == SIZE_MAX ? NULL : fopen("/sys/fs/cgroup/memory.stat", "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "file %llu", &n) == 1) cached = n;
    if (f) fclose(f);
    if (most == SIZE_MAX || used == SIZE_MAX) return most;
    used -= cached < used ? (size_t)cached : used;
    return used < most ? most - used : 0;
}

size_t raml_device_free_memory(void)
{
    size_t a = system_free(), b = group_free();
    return a < b ? a : b;
}

enum { LARGE = 64 << 20, HUGE_PAGE = 2 << 20 }; /* from LARGE bytes on it is worth checking how much is free */

void *raml_device_alloc_uninit(size_t n, size_t size)
{
    /* What is too large must fail here: where the system overcommits memory, touching it would get us killed. */
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    size_t most = pages > 0 && page > 0 ? (size_t)pages * (size_t)page : SIZE_MAX / 2;
    if (size && n > most / size) return NULL;
    size_t bytes = (n * size + 63) / 64 * 64;
    if (bytes > LARGE && bytes > raml_device_free_memory()) return NULL;
    if (bytes < 2 * (size_t)HUGE_PAGE) return aligned_alloc(64, bytes ? bytes : 64);
    /* large pages: a five-hundredth of the page faults, and far fewer look-ups later */
    bytes = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    void *p = aligned_alloc(HUGE_PAGE, bytes);
    if (p) (void)!madvise(p, bytes, MADV_HUGEPAGE);
    return p;
}

void *raml_device_alloc(size_t n, size_t size)
{
    void *p = raml_device_alloc_uninit(n, size);
    return p ? memset(p, 0, (n * size + 63) / 64 * 64) : NULL;
}

enum raml_code raml_device_need(size_t bytes, const char *what, struct raml_err *err)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p != MAP_FAILED && !munmap(p, bytes)) return RAML_OK;
    raml_memory_note(bytes);
    return raml_fail(err, RAML_ENOMEM, "no memory for %s (%zu MiB)", what, bytes >> 20);
}
