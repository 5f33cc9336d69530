/* matmul_verdict.c - the verdict of a trial, kept between runs. See device/matmul.h.
 *
 * One small text file per level and type: a line with the library, the trial and the processor that the verdict is about, then "good"
 * or what was wrong. Another library or processor makes a new one; a trial that could not be made leaves none.
 * A file that can't be read or written costs a trial, nothing more.
 */
#include "device/matmul.h"

#include "core/path.h"
#include "device/impl.h"
#include "core/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LINE = 256 };
#define GOOD "good"

/* The processor's name as the system has it; "" where it has none. */
static void processor(char *out, size_t cap)
{
    char line[LINE];
    FILE *f = fopen("/proc/cpuinfo", "r");
    out[0] = 0;
    while (f && !out[0] && fgets(line, sizeof line, f)) {
        const char *name = strncmp(line, "model name", 10) ? NULL : strchr(line, ':');
        if (name) snprintf(out, cap, "%.*s", (int)strcspn(name + 1, "\n"), name + 1);
    }
    if (f) fclose(f);
}

/* Where it is kept; false: nowhere. Makes the folder. */
static bool place(char path[RAML_PATH_BYTES], const char *level, bool bf16)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    bool given = cache && cache[0] == '/';
    char dir[RAML_PATH_BYTES];
    if (!given && !(home && home[0] == '/')) return false;
    if (raml_path_join(dir, given ? cache : home, given ? "raml" : ".cache/raml", NULL)) return false;
    if (raml_path_format(path, NULL, "%s/products-%s-%s", dir, level, bf16 ? "bf16" : "f32")) return false;
    (void)!mkdir(dir, 0777); /* whether it exists already or can't be made shows when the file is opened */
    return true;
}

/* The second line of the file, if its first one is `key`. */
static bool recall(const char *path, const char *key, char *verdict, size_t cap)
{
    char line[2 * LINE];
    FILE *f = fopen(path, "r");
    bool found = f && fgets(line, sizeof line, f) && !strncmp(line, key, strlen(key)) && line[strlen(key)] == '\n' &&
                 fgets(verdict, (int)cap, f) && strchr(verdict, '\n');
    if (f) fclose(f);
    if (found) *strchr(verdict, '\n') = 0;
    return found && verdict[0];
}

bool raml_mm_trusted(const struct raml_ops *ops, bool bf16, char *why, size_t cap)
{
    char path[RAML_PATH_BYTES], version[32], name[LINE / 2], key[LINE], verdict[LINE], text[2 * LINE + 2];
    processor(name, sizeof name);
    snprintf(key, sizeof key, "%s, trial 2, level %s, processor%s", raml_mm_version(version, sizeof version),
             ops->level, name);
    bool kept = place(path, ops->level, bf16);
    if (!kept || !recall(path, key, verdict, sizeof verdict)) {
        snprintf(verdict, sizeof verdict, "%s", GOOD);
        enum raml_verdict tried = raml_mm_trial(ops, bf16, verdict, sizeof verdict);
        int n = snprintf(text, sizeof text, "%s\n%s\n", key, verdict);
        struct raml_err err = {0};
        if (kept && tried != RAML_MM_UNKNOWN) (void)!raml_file_write(path, text, (size_t)n, &err);
    }
    bool good = !strcmp(verdict, GOOD);
    if (why && !good) snprintf(why, cap, "%s", verdict);
    return good;
}
