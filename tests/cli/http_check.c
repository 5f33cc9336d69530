/* http_check PORT METHOD PATH [BODY]: run by test_serve.sh: one request to this machine; the answer's body on standard
 * output. Exit code 0: its status was 200; else 1, and the status is on standard error. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    static char answer[1 << 22];
    const char *body = argc > 4 ? argv[4] : "";
    size_t n = 0;
    ssize_t k;
    int status = 0;
    if (argc < 4) return 2;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[1]))};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a)) return 1;
    FILE *to = fdopen(fd, "r+");
    if (!to) return 1;
    fprintf(to,
            "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
            "Connection: close\r\n\r\n%s",
            argv[2], argv[3], strlen(body), body);
    fflush(to);
    while (n < sizeof answer - 1 && (k = recv(fd, answer + n, sizeof answer - 1 - n, 0)) > 0) n += (size_t)k;
    fclose(to);
    const char *text = strstr(answer, "\r\n\r\n");
    if (!text || sscanf(answer, "HTTP/1.1 %d", &status) != 1) return 1;
    fputs(text + 4, stdout);
    if (status != 200) fprintf(stderr, "%d\n", status);
    return status != 200;
}
