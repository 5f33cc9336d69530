/* scratch.c - see scratch.h. LLVMFuzzerTestOneInput has no argument for it, so the folder's name is this file's own. */
#include "fuzz/scratch.h"

#include "fuzz/check.h"
#include "core/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[FUZZ_PATH / 2];
static pid_t owner;

static void leave(void)
{
    if (owner == getpid() && raml_remove_tree(folder, NULL)) fprintf(stderr, "%s is left\n", folder);
}

static void enter(void)
{
    const char *const bases[] = {getenv("TMPDIR"), "/dev/shm", "/tmp"};
    for (size_t i = 0; i < FUZZ_COUNT(bases) && !owner; i++) {
        if (!bases[i] || !*bases[i]) continue;
        if (snprintf(folder, sizeof folder, "%s/raml-fuzz-XXXXXX", bases[i]) >= (int)sizeof folder) continue;
        if (mkdtemp(folder)) owner = getpid();
    }
    FUZZ_CHECK(owner, "no folder for files in $TMPDIR, /dev/shm or /tmp");
    atexit(leave);
}

void fuzz_scratch_fork(void)
{
    char own[FUZZ_PATH];
    char name[32];
    snprintf(name, sizeof name, "%ld", (long)getpid());
    fuzz_path(name, own);
    FUZZ_CHECK(snprintf(folder, sizeof folder, "%s", own) < (int)sizeof folder, "%s: too long", own);
    FUZZ_CHECK(mkdir(folder, 0700) == 0, "%s cannot be made", folder);
}

const char *fuzz_path(const char *name, char out[FUZZ_PATH])
{
    if (!owner) enter();
    FUZZ_CHECK(snprintf(out, FUZZ_PATH, "%s/%s", folder, name) < FUZZ_PATH, "%s/%s: too long", folder, name);
    return out;
}

const char *fuzz_file(const char *name, const uint8_t *data, size_t size, char out[FUZZ_PATH])
{
    int fd = open(fuzz_path(name, out), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FUZZ_CHECK(fd >= 0, "%s cannot be written", out);
    for (size_t at = 0; at < size;) {
        ssize_t n = write(fd, data + at, size - at);
        FUZZ_CHECK(n > 0, "%s: a write failed at byte %zu", out, at);
        at += (size_t)n;
    }
    close(fd);
    return out;
}
