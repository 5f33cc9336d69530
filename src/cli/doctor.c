/* doctor.c - `raml doctor`: what this machine and this build can do, measured where possible. */
#include "cli/commands.h"
#include "cli/ranks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct settings {
    bool peak;
};

static const struct raml_setting options[] = {
    {"peak", NULL, RAML_FLAG, offsetof(struct settings, peak), "true", 0, 0, NULL,
     "Measure the speed of matrix products (about a second)."},
};

#ifdef __clang__ /* whose __VERSION__ begins with its name */
#define COMPILER __VERSION__
#else
#define COMPILER "gcc " __VERSION__
#endif

/* The first executable file called `name` on PATH. */
static bool find_program(const char *name, char *out, size_t cap)
{
    const char *path = getenv("PATH");
    while (path && *path) {
        size_t len = strcspn(path, ":");
        int n = snprintf(out, cap, "%.*s/%s", (int)len, path, name);
        struct stat s;
        if (n > 0 && (size_t)n < cap && stat(out, &s) == 0 && S_ISREG(s.st_mode) && access(out, X_OK) == 0) return true;
        path += len;
        path += *path == ':';
    }
    return false;
}

/* Strongest last; the device reports which it chose. */
static void levels(const struct raml_device_info *info, char out[64])
{
    static const char *const name[] = {"ref", "base", "avx2", "avx512", "avx512bf16"};
    snprintf(out, 64, "%s", "");
    for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
        struct raml_device *d;
        if (raml_device_open(1, name[i], &d, NULL) != RAML_OK) continue;
        raml_device_close(d);
        size_t n = strlen(out);
        snprintf(out + n, 64 - n, "%s%s", n ? " " : "", name[i]);
    }
    if (!*out) snprintf(out, 64, "%s", info->level);
}

struct findings {
    struct raml_device_info info;
    char levels[64], gnuplot[512];
    double f32, bf16; /* GFLOP/s; 0: not measured */
};

static enum raml_code examine(const struct cli *cli, const struct settings *s, struct findings *f, struct raml_err *err)
{
    raml_device_describe(cli->dev, &f->info);
    levels(&f->info, f->levels);
    if (!find_program("gnuplot", f->gnuplot, sizeof f->gnuplot)) f->gnuplot[0] = 0;
    if (!s->peak) return RAML_OK;
    enum raml_code rc = raml_device_peak(cli->dev, false, &f->f32, err);
    if (!rc && f->info.bf16) rc = raml_device_peak(cli->dev, true, &f->bf16, err);
    return rc ? raml_wrap(err, rc, "measuring the matrix product") : RAML_OK;
}

static void print_text(const struct findings *f)
{
    const struct raml_device_info *i = &f->info;
    printf("raml      %s\n", RAML_VERSION);
    printf("compiler  %s\n", COMPILER);
    printf("cpu       %s\n", i->cpu);
    printf("levels    %s; using %s\n", f->levels, i->level);
    printf("threads   %d\n", i->threads);
    printf("memory    %.1f GiB\n", (double)i->memory_bytes / (double)(1 << 30));
    printf("bf16      %s%s\n",
           i->bf16          ? "yes"
           : i->distrust[0] ? "no: "
                            : "no: this processor does not multiply it; bf16 weights "
                              "are kept as they are and multiplied in f32",
           i->distrust);
    printf("matmul    %s", i->matmul);
    if (f->f32 > 0) printf(", f32 %.0f GFLOP/s", f->f32);
    if (f->bf16 > 0) printf(", bf16 %.0f GFLOP/s", f->bf16);
    if (f->bf16 > 0 && f->f32 > 1.2 * f->bf16) /* seen on an Intel without AMX */
        printf("\n          bf16 is the slower here: --dtype f32 is more exact, and faster for all but tiny models");
    const char *mpi = cli_ranks_library();
    printf("\nmpi       %s", mpi ? mpi : "none: built without it, so training runs in one process");
    printf("\ngnuplot   %s\n", *f->gnuplot ? f->gnuplot : "not found: figures keep their data and script, without SVG");
}

static enum raml_code print_json(const struct findings *f, struct raml_err *err)
{
    const struct raml_device_info *i = &f->info;
    json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:I, s:b, s:s}", "version", RAML_VERSION, "compiler",
                          COMPILER, "cpu", i->cpu, "levels", f->levels, "level", i->level, "threads", i->threads,
                          "memory_bytes", (json_int_t)i->memory_bytes, "bf16", i->bf16, "matmul", i->matmul);
    int bad = !o;
    bad |= json_object_set_new(o, "peak_f32_gflops", f->f32 > 0 ? json_real(f->f32) : json_null());
    bad |= json_object_set_new(o, "peak_bf16_gflops", f->bf16 > 0 ? json_real(f->bf16) : json_null());
    bad |= json_object_set_new(o, "gnuplot", *f->gnuplot ? json_string(f->gnuplot) : json_null());
    bad |= json_object_set_new(o, "mpi", cli_ranks_library() ? json_string(cli_ranks_library()) : json_null());
    char *text = bad ? NULL : json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(6));
    json_decref(o);
    if (!text) return raml_fail(err, RAML_ENOMEM, "the findings could not be written as JSON");
    puts(text);
    free(text);
    return RAML_OK;
}

static enum raml_code run(const struct cli *cli, const void *settings, struct raml_err *err)
{
    struct findings f = {0};
    enum raml_code rc = examine(cli, settings, &f, err);
    if (rc) return rc;
    if (cli->json) return print_json(&f, err);
    print_text(&f);
    return RAML_OK;
}

const struct cli_command cli_doctor = {
    .name = "doctor",
    .about = "what this machine and build can do",
    .args = "",
    .detail = "Shows the processor's instruction levels, threads and memory, the speed of matrix products in f32 and "
              "bf16, and which helpers were found.",
    .example = "raml doctor --json",
    .option = options,
    .n_options = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
    .run = run,
};
