/* server.c - see server.h. */
#include "endpoint/server.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_REQUEST = 1 << 22, MAX_IDS = 1 << 16 };

static uint64_t hash(const void *bytes, size_t n)
{
    uint64_t h = 1469598103934665603u; /* FNV-1a */
    for (size_t i = 0; i < n; i++) h = (h ^ ((const unsigned char *)bytes)[i]) * 1099511628211u;
    return h;
}

float server_logp(const int32_t *token, size_t i, bool *likeliest)
{
    uint64_t h = hash(token, (i + 1) * sizeof *token);
    *likeliest = h % 3 == 0;
    return -(float)(h >> 20 & 1023) / 128;
}

/* -- Replies ---------------------------------------------------------------------------------------------------------- */

/* A line of a file of records is {"path", "request", "status", "reply"}. */
static json_t *recorded_in(const char *file, const char *path, const json_t *request)
{
    FILE *f = fopen(file, "r");
    char *line = NULL;
    size_t cap = 0;
    json_t *found = NULL;
    while (f && !found && getline(&line, &cap, f) > 0) {
        json_t *o = json_loads(line, 0, NULL);
        const char *at = json_string_value(json_object_get(o, "path"));
        if (at && !strcmp(at, path) && (!request || json_equal(json_object_get(o, "request"), request)))
            found = json_incref(o);
        json_decref(o);
    }
    free(line);
    if (f) fclose(f);
    return found;
}

/* What vLLM or SGLang said to this request; NULL: there is no record. */
static json_t *recorded(const char *path, const json_t *request)
{
    return recorded_in(strcmp(path, "/generate") ? RECORDS "/vllm-0.32.0.jsonl" : RECORDS "/sglang-0.5.23.jsonl", path,
                       request);
}

static json_t *entry(int32_t id, double logp, bool likeliest, const char *text)
{
    char key[16];
    snprintf(key, sizeof key, "%d", (int)id);
    return json_pack("{s:{s:f, s:i, s:s}}", key, "logprob", logp, "rank", likeliest ? 1 : 2, "decoded_token", text);
}

static json_t *prompt_logprobs(const int32_t *id, size_t n, enum server_fault fault)
{
    json_t *list = json_array();
    size_t count = n - (fault == SERVER_FEWER) + (fault == SERVER_MORE);
    json_array_append_new(list, json_null());
    for (size_t i = 1; i < count; i++) {
        bool likeliest = false;
        char text[32];
        float logp = i < n ? server_logp(id, i, &likeliest) : -1;
        snprintf(text, sizeof text, fault == SERVER_SPELLING ? "other%d" : "word%d", i < n ? (int)id[i] : 0);
        json_t *x = entry(i < n ? id[i] + (fault == SERVER_OTHER) : 0, (double)logp, likeliest, text);
        if (fault == SERVER_NULL && i + 1 == n) {
            const char *key;
            json_t *value;
            json_object_foreach (x, key, value) json_object_set_new(value, "logprob", json_null());
        }
        json_array_append_new(list, x);
    }
    return list;
}

/* The next token's numbers, as for logprob_token_ids. */
static json_t *next_logprobs(const int32_t *id, size_t n, int32_t asked)
{
    int32_t *all = malloc((n + 1) * sizeof *all);
    char key[32], other[32];
    bool likeliest;
    memcpy(all, id, n * sizeof *all);
    all[n] = asked;
    double logp = (double)server_logp(all, n, &likeliest);
    free(all);
    snprintf(key, sizeof key, "token_id:%d", (int)asked);
    snprintf(other, sizeof other, "token_id:%d", (int)asked + 1);
    return json_pack("{s:[f], s:[s], s:[{s:f, s:f}]}", "token_logprobs", likeliest ? logp : -0.25, "tokens",
                     likeliest ? key : other, "top_logprobs", key, logp, other, -0.25);
}

/* As many tokens as are allowed: a hash of the prompt and what came before, made small. */
static json_t *continuation(const int32_t *id, size_t n, size_t max_tokens, json_int_t seed, json_t *choice)
{
    json_t *ids = json_array(), *list = json_array();
    uint64_t h = hash(id, n * sizeof *id) + (uint64_t)seed * 77777;
    for (size_t i = 0; i < max_tokens; i++) {
        h = hash(&h, sizeof h);
        json_array_append_new(ids, json_integer((json_int_t)(h % 200)));
        json_array_append_new(list, json_real(-0.5));
    }
    json_object_set_new(choice, "token_ids", ids);
    return json_pack("{s:o}", "token_logprobs", list);
}

static json_t *reply_to(const json_t *request, enum server_fault fault)
{
    static int32_t id[MAX_IDS];
    const json_t *prompt = json_object_get(request, "prompt"),
                 *asked = json_array_get(json_object_get(request, "logprob_token_ids"), 0);
    size_t n = json_array_size(prompt);
    for (size_t i = 0; i < n && i < MAX_IDS; i++) id[i] = (int32_t)json_integer_value(json_array_get(prompt, i));
    json_t *choice = json_pack("{s:i, s:s, s:s}", "index", 0, "text", "", "finish_reason", "length");
    if (asked) json_object_set_new(choice, "logprobs", next_logprobs(id, n, (int32_t)json_integer_value(asked)));
    else if (json_object_get(request, "prompt_logprobs") && fault != SERVER_NONE)
        json_object_set_new(choice, "prompt_logprobs", prompt_logprobs(id, n, fault));
    else if (json_object_get(request, "seed"))
        json_object_set_new(choice, "logprobs",
                            continuation(id, n, (size_t)json_integer_value(json_object_get(request, "max_tokens")),
                                         json_integer_value(json_object_get(request, "seed")), choice));
    return json_pack("{s:[o]}", "choices", choice);
}

/* -- HTTP -------------------------------------------------------------------------------------------------------------- */

static void put(int fd, const char *bytes, size_t n)
{
    while (n) {
        ssize_t k = write(fd, bytes, n);
        if (k <= 0) return;
        bytes += k;
        n -= (size_t)k;
    }
}

static void send_reply(int fd, int status, const char *more, const char *body, size_t n, size_t said)
{
    char head[400];
    int k = snprintf(head, sizeof head,
                     "HTTP/1.1 %d X\r\nContent-Type: application/json\r\nConnection: close\r\n%s"
                     "Content-Length: %zu\r\n\r\n",
                     status, more, said);
    put(fd, head, (size_t)k);
    put(fd, body, n);
}

static void misbehave(int fd, enum server_fault fault, const char *good)
{
    static const struct {
        enum server_fault fault;
        int status;
        const char *more, *body;
    } plain[] = {
        {SERVER_500, 500, "", "{\"error\":{\"message\":\"EngineCore encountered an issue\",\"code\":500}}"},
        {SERVER_503, 503, "Retry-After: 0\r\n", "{\"detail\":\"starting\"}"},
        {SERVER_429, 429, "Retry-After: 0\r\n", "{\"error\":\"too many\"}"},
        {SERVER_401, 401, "", "{\"error\":\"Unauthorized\"}"},
        {SERVER_404, 404, "", "{\"detail\":\"Not Found\"}"},
        {SERVER_400, 400, "", "{\"error\":{\"message\":\"This model's maximum context length is 2048 tokens.\"}}"},
        {SERVER_REDIRECT, 307, "Location: http://elsewhere:1/v1/\r\n", ""},
        {SERVER_NO_JSON, 200, "", "<html>it works</html>"},
    };
    size_t n = strlen(good);
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (plain[i].fault == fault)
            send_reply(fd, plain[i].status, plain[i].more, plain[i].body, strlen(plain[i].body), strlen(plain[i].body));
    if (fault == SERVER_CUT) send_reply(fd, 200, "", good, n / 2, n);
    if (fault == SERVER_HUGE) {
        char *many = malloc(10000000);
        memset(many, ' ', 10000000);
        send_reply(fd, 200, "", many, 10000000, 10000000);
        free(many);
    }
}

static bool in_reply(enum server_fault f) /* the reply itself has the fault */
{
    return f == SERVER_FINE || f == SERVER_FEWER || f == SERVER_NULL || f == SERVER_MORE || f == SERVER_OTHER ||
           f == SERVER_NONE || f == SERVER_SLOW || f == SERVER_SPELLING;
}

static void answer_post(struct server_state *s, int fd, const char *path, const char *body)
{
    size_t number = s->n_posts++;
    enum server_fault fault = number < SERVER_REQUESTS ? s->fault[number] : SERVER_FINE;
    if (fault == SERVER_FINE) fault = s->always;
    json_t *request = json_loads(body, 0, NULL), *record = recorded(path, request),
           *reply = record ? json_incref(json_object_get(record, "reply")) : reply_to(request, fault);
    int status = record ? (int)json_integer_value(json_object_get(record, "status")) : 200;
    char *text = json_dumps(reply, JSON_COMPACT);
    if (fault == SERVER_FINE && s->n_answered < SERVER_REQUESTS)
        s->answered[s->n_answered++] = hash(body, strlen(body));
    if (fault == SERVER_SLOW) nanosleep(&(struct timespec){0, 500000000}, NULL);
    if (in_reply(fault)) send_reply(fd, status, "", text, strlen(text), strlen(text));
    else if (fault != SERVER_CLOSED) misbehave(fd, fault, text);
    free(text);
    json_decref(reply);
    json_decref(record);
    json_decref(request);
}

static void answer_get(struct server_state *s, int fd, const char *path)
{
    json_t *record = recorded(path, NULL);
    char *text = record ? json_dumps(json_object_get(record, "reply"), JSON_COMPACT) : NULL;
    if (s->of_models) misbehave(fd, s->of_models, text ? text : "");
    else if (text) send_reply(fd, 200, "", text, strlen(text), strlen(text));
    else send_reply(fd, 404, "", "{}", 2, 2);
    free(text);
    json_decref(record);
}

static void answer(struct server_state *s, int fd)
{
    static char all[MAX_REQUEST + 1];
    size_t n = 0, body = 0, length = 0;
    char path[100];
    while (n < MAX_REQUEST && (!body || n < body + length)) {
        ssize_t k = read(fd, all + n, MAX_REQUEST - n);
        if (k <= 0) return;
        n += (size_t)k;
        all[n] = 0;
        if (all[0] == 0x16) { /* TLS begins */
            send_reply(fd, 400, "", "", 0, 0);
            return;
        }
        const char *end = strstr(all, "\r\n\r\n"), *said = strcasestr(all, "content-length:");
        if (body || !end) continue;
        body = (size_t)(end - all) + 4;
        length = said && said < end ? strtoul(said + 15, NULL, 10) : 0;
        if (strcasestr(all, "expect: 100-continue")) put(fd, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    }
    snprintf(s->header, sizeof s->header, "%.*s", (int)(body < 4000 ? body : 4000), all);
    if (sscanf(all, "POST %99s", path) == 1) answer_post(s, fd, path, all + body);
    else if (sscanf(all, "GET %99s", path) == 1) answer_get(s, fd, path);
}

static void serve(struct server_state *s, int listener)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0) _exit(1);
        answer(s, fd);
        shutdown(fd, SHUT_RDWR);
        close(fd);
    }
}

/* -- The process ------------------------------------------------------------------------------------------------------- */

bool server_start(struct server *s, int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t n = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) || listen(fd, 512) ||
        getsockname(fd, (struct sockaddr *)&at, &n))
        return false;
    if (!s->state) s->state = mmap(NULL, sizeof *s->state, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    s->port = ntohs(at.sin_port);
    snprintf(s->url, sizeof s->url, "http://127.0.0.1:%d/v1", s->port);
    s->pid = fork();
    if (!s->pid) serve(s->state, fd);
    close(fd);
    return s->pid > 0;
}

void server_kill(struct server *s)
{
    if (s->pid <= 0) return;
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
    s->pid = 0;
}

void server_end(struct server *s)
{
    server_kill(s);
    if (s->state) munmap(s->state, sizeof *s->state);
    *s = (struct server){0};
}
