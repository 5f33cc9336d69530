/* processors.c - see processors.h. */
#include "cli/processors.h"

#include <stdlib.h>
#include <unistd.h>

void cli_share_processors(char **argv)
{
    char self[4096];
    if (getenv("OMP_WAIT_POLICY") || getenv("GOMP_SPINCOUNT")) return;
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1); /* its name stays what `ps` shows */
    if (n <= 0 || setenv("GOMP_SPINCOUNT", "10000", 1)) return;
    self[n] = 0;
    execv(self, argv);
}
