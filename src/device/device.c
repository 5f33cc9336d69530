/* device.c - opening the processor: threads, instruction set, matrix products. See device.h. */
#include "device/impl.h"

#include <omp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void raml_device_share_processors(char **argv)
{
    char self[4096];
    if (getenv("OMP_WAIT_POLICY") || getenv("GOMP_SPINCOUNT")) return;
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1); /* its name stays what `ps` shows */
    if (n <= 0 || setenv("GOMP_SPINCOUNT", "10000", 1)) return;
    self[n] = 0;
    execv(self, argv);
}

/* Levels, strongest first; `usable` asks the processor. */
static const struct raml_ops *const levels[] = {
#ifdef RAML_HAS_avx512bf16
    &raml_ops_avx512bf16,
#endif
#ifdef RAML_HAS_avx512
    &raml_ops_avx512,
#endif
#ifdef RAML_HAS_avx2
    &raml_ops_avx2,
#endif
#ifdef RAML_HAS_base
    &raml_ops_base,
#endif
    &raml_ops_ref,
};
enum { N_LEVELS = sizeof levels / sizeof *levels };

static bool usable(const char *level)
{
#if defined(__x86_64__)
    bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
    bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
              __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
              __builtin_cpu_supports("avx512cd");
    if (!strcmp(level, "avx512bf16")) return v4 && __builtin_cpu_supports("avx512bf16");
    if (!strcmp(level, "avx512")) return v4;
    if (!strcmp(level, "avx2")) return v3;
#endif
    return !strcmp(level, "base") || !strcmp(level, "ref");
}

static enum raml_code pick(const char *level, const struct raml_ops **out, struct raml_err *err)
{
    bool automatic = !level || !strcmp(level, "auto");
    for (int i = 0; i < N_LEVELS; i++) {
        if (!automatic && strcmp(level, levels[i]->level)) continue;
        if (usable(levels[i]->level)) {
            *out = levels[i];
            return RAML_OK;
        }
        if (!automatic) return raml_fail(err, RAML_ESUPPORT, "this processor can't run level '%s'", level);
    }
    char known[128] = "auto";
    for (int i = 0; i < N_LEVELS; i++)
        snprintf(known + strlen(known), sizeof known - strlen(known), ", %s", levels[i]->level);
    return raml_fail(err, RAML_EUSAGE, "unknown kernel level '%s'; known: %s", level, known);
}

void raml_device_use(const struct raml_device *d)
{
    omp_set_num_threads(d->threads);
}

static int processors(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set);
}

enum raml_code raml_device_open(int threads, const char *level, struct raml_device **out, struct raml_err *err)
{
    if (threads < 0 || threads > 4096)
        return raml_fail(err, RAML_EUSAGE, "threads: found %d, expected 0 (all) to 4096", threads);
    struct raml_device *d = calloc(1, sizeof *d);
    if (!d) return raml_fail(err, RAML_ENOMEM, "no memory for the device");
    d->threads = threads ? threads : processors();
    enum raml_code rc = pick(level, &d->ops, err);
    raml_device_use(d);
    if (!rc) rc = raml_mm_open(d->ops, &d->mm, err);
    if (rc) {
        raml_device_close(d);
        return rc;
    }
    *out = d;
    return RAML_OK;
}

void raml_device_close(struct raml_device *d)
{
    if (!d) return;
    raml_mm_close(d->mm);
    free(d);
}

int raml_device_threads(const struct raml_device *d)
{
    return d->threads;
}

const char *raml_device_level(const struct raml_device *d)
{
    return d->ops->level;
}

bool raml_device_has_bf16(const struct raml_device *d)
{
    return d->ops->has_bf16 && usable("avx512bf16") && raml_mm_has_bf16(d->mm);
}

double raml_device_exp(const struct raml_device *d, float *out, const float *z, size_t n, float top, float scale,
                       double *part)
{
    return d->ops->exp_all(out, z, n, top, scale, part);
}

float raml_device_top(const struct raml_device *d, const float *z, size_t n)
{
    return d->ops->top(z, n);
}

static void processor_name(char *out, size_t cap)
{
    snprintf(out, cap, "unknown");
    FILE *f = fopen("/proc/cpuinfo", "r");
    char line[256];
    while (f && fgets(line, sizeof line, f)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) || !colon) continue;
        line[strcspn(line, "\n")] = 0;
        snprintf(out, cap, "%.63s", colon + 2);
        break;
    }
    if (f) fclose(f);
}

void raml_device_describe(const struct raml_device *d, struct raml_device_info *out)
{
    *out = (struct raml_device_info){.level = d->ops->level, .threads = d->threads, .bf16 = raml_device_has_bf16(d)};
    raml_mm_version(out->matmul, sizeof out->matmul);
    processor_name(out->cpu, sizeof out->cpu);
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    if (pages > 0 && page > 0) out->memory_bytes = (size_t)pages * (size_t)page;
}

enum raml_code raml_device_peak(const struct raml_device *d, bool bf16, double *gflops, struct raml_err *err)
{
    raml_device_use(d);
    return raml_mm_peak(d->mm, bf16, gflops, err);
}
