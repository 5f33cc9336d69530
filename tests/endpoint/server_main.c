/* server_main.c - the small server of server.h as a program, for scripts: prints its address, and serves until it is killed.
 * endpoint_server [PORT [FAULT]]: FAULT, a number of enum server_fault, at every 7th request. */
#include "endpoint/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

int main(int argc, char **argv)
{
    struct server s = {0};
    if (!server_start(&s, argc > 1 ? atoi(argv[1]) : 0)) return 1;
    if (argc > 2)
        for (size_t i = 3; i < SERVER_REQUESTS; i += 7) s.state->fault[i] = (enum server_fault)atoi(argv[2]);
    printf("%s\n", s.url);
    fflush(stdout);
    return waitpid(s.pid, NULL, 0) < 0;
}
