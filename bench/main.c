/* main.c - the speed of this machine: training, tracing, sampling, each beside the best matrix product of the same run.
 *
 *   raml-bench [--json] [--bench train,trace,prefix,answers,update,landscape,sample,score,decode,probes,forks,grpo,grpo_short,lora,lora_full,product]
 *              [--preset micro,small,...] [--dtype bf16|f32] [--batch 1,8,32,64] [--steps N] [--tokens N] [--threads N] [--seconds S]
 *   raml-bench [--json] --bench trace,score,decode --model FILE,... [--dtype bf16|f32] [--batch 1,64] [--steps N] [--threads N] [--seconds S]
 *   raml-bench [--json] --bench tokenize --tokenizer tokenizer.json --text FILE,... [--seconds S]
 * Every measurement runs in its own process, so that its peak memory is its own.
 */
#include "bench/bench.h"

#include "cli/processors.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

struct settings {
    bool json;
    const char *bench, *preset, *model, *text, *batch; /* batch: of decode, one measurement each */
    struct bench_options opt;
};

static const struct {
    const char *name;
    enum raml_code (*run)(const struct bench_options *opt, struct bench_result *out, struct raml_err *err);
    const char *presets; /* when none is given */
} benches[] = {
    {"train", bench_train, "micro,small,medium,gpt2"},
    {"trace", bench_trace, "small"},
    {"prefix", bench_prefix, "small"},
    {"answers", bench_answers, "micro"},
    {"update", bench_update, "micro"},
    {"landscape", bench_landscape, "micro"},
    {"sample", bench_sample, "small"},
    {"score", bench_score, "small,qwen2.5-0.5b"},
    {"decode", bench_decode, "qwen2.5-0.5b"},
    {"probes", bench_probes, "small"},
    {"forks", bench_forks, "micro"},
    {"grpo", bench_grpo, "micro,small"},
    {"grpo_short", bench_grpo_short, "micro,small"},
    {"lora", bench_lora, "small,qwen2.5-0.5b"},
    {"lora_full", bench_lora_full, "small,qwen2.5-0.5b"},
    {"product", bench_product, "micro,small,medium,gpt2,qwen2.5-0.5b"},
    {"attention", bench_attention, "f32"},
    {"tokenize", bench_tokenize, ""},
};

/* Is `word` one of the comma-separated words of list? */
static bool listed(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = list; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
        if (!strncmp(p, word, n) && (p[n] == ',' || !p[n])) return true;
    return false;
}

static void print(const struct settings *s, const char *bench, const struct bench_result *r)
{
    bool stored = s->opt.model && s->opt.dtype == RAML_STORED;
    const char *dtype = stored ? "stored" : s->opt.bf16 && !r->f32 ? "bf16" : "f32";
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    double share = r->peak_gflops > 0 ? r->gflops / r->peak_gflops : 0;
    size_t memory = (size_t)use.ru_maxrss * 1024;
    if (s->json)
        printf("{\"bench\": \"%s\", \"preset\": \"%s\", \"dtype\": \"%s\", \"threads\": %d, \"tokens_per_s\": %.1f, "
               "\"gflops\": %.1f, \"peak_gflops\": %.1f, \"peak_share\": %.3f, \"peak_memory_bytes\": %zu, "
               "\"seconds\": %.4f%s%s}\n",
               bench, s->opt.preset, dtype, r->threads, r->tokens_per_s, r->gflops, r->peak_gflops, share, memory,
               r->seconds, r->extra[0] ? ", " : "", r->extra);
    else if (r->gflops > 0)
        printf("%-7s %-7s %-6s %10.0f tokens/s %7.1f GFLOP/s = %4.1f %% of %.0f   %8.3f s %7.0f MB   %s\n", bench,
               s->opt.preset, dtype, r->tokens_per_s, r->gflops, 100 * share, r->peak_gflops, r->seconds,
               1e-6 * (double)memory, r->note);
    else
        printf("%-8s %10.0f tokens/s %7.0f MB   %s   %s\n", bench, r->tokens_per_s, 1e-6 * (double)memory, r->note,
               s->opt.preset);
    fflush(stdout);
}

/* One measurement in a child; returns its exit code. */
static int measure(const struct settings *s, size_t i)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid < 0) {
        fprintf(stderr, "raml-bench: can't start a process: %s\n", strerror(errno));
        return 1;
    }
    if (pid == 0) {
        struct bench_result r = {0};
        struct raml_err err = {0};
        if (benches[i].run(&s->opt, &r, &err)) {
            fprintf(stderr, "raml-bench: %s %s: %s\n", benches[i].name, s->opt.preset, err.msg);
            exit(1);
        }
        print(s, benches[i].name, &r);
        exit(0);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* The same for each batch size where there are several. */
static int measure_batches(struct settings *s, size_t i)
{
    if (strcmp(benches[i].name, "decode")) return measure(s, i);
    int rc = 0;
    for (const char *p = s->batch; p && *p;) {
        char *end;
        s->opt.batch = (int)strtol(p, &end, 10);
        if (end == p || (*end && *end != ',') || s->opt.batch < 1 || s->opt.batch > 4096) {
            fprintf(stderr, "raml-bench: --batch: found '%s', expected numbers from 1 to 4096\n", s->batch);
            return 2;
        }
        if (measure(s, i)) rc = 1;
        p = *end ? end + 1 : end;
    }
    return rc;
}

static int usage(const char *what)
{
    fprintf(
        stderr,
        "raml-bench: %s\nusage: raml-bench [--json] [--bench "
        "train,trace,prefix,landscape,sample,score,decode,probes,forks,grpo,grpo_short,lora,lora_full,product] "
        "[--preset "
        "micro,small,medium,gpt2,qwen2.5-0.5b,...] [--dtype auto|bf16|f32] [--batch 1,8,32,64] [--steps N] "
        "[--tokens N] [--threads N] [--seconds S]\n"
        "       raml-bench [--json] --bench trace,score,decode --model FILE,... [--dtype auto|bf16|f32] [--batch 1,64] "
        "[--steps N] [--threads N] [--seconds S]\n"
        "       raml-bench [--json] --bench tokenize --tokenizer FILE --text FILE,... [--seconds S]\n",
        what);
    return 2;
}

/* 0, or the exit code of a usage error. */
static int parse(int argc, char **argv, struct settings *s, const char **dtype)
{
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--json")) {
            s->json = true;
            continue;
        }
        if (i + 1 == argc) return usage("an option lacks its value, or is unknown");
        const char *name = argv[i], *value = argv[++i];
        char *end = NULL;
        if (!strcmp(name, "--bench")) s->bench = value;
        else if (!strcmp(name, "--preset")) s->preset = value;
        else if (!strcmp(name, "--model")) s->model = value;
        else if (!strcmp(name, "--tokenizer")) s->opt.tokenizer = value;
        else if (!strcmp(name, "--text")) s->text = value;
        else if (!strcmp(name, "--dtype")) *dtype = value;
        else if (!strcmp(name, "--batch")) s->batch = value;
        else if (!strcmp(name, "--steps")) s->opt.steps = (int)strtol(value, &end, 10);
        else if (!strcmp(name, "--tokens")) s->opt.tokens = (int)strtol(value, &end, 10);
        else if (!strcmp(name, "--threads")) s->opt.threads = (int)strtol(value, &end, 10);
        else if (!strcmp(name, "--seconds")) s->opt.seconds = strtod(value, &end);
        else return usage(name);
        if (end && (*end || end == value)) return usage(value);
    }
    if (s->opt.steps < 1 || s->opt.steps > 65536) return usage("--steps is 1 to 65536");
    if (s->opt.tokens < 2 || s->opt.tokens > 4096) return usage("--tokens is 2 to 4096");
    if (strcmp(*dtype, "auto") && strcmp(*dtype, "bf16") && strcmp(*dtype, "f32")) return usage(*dtype);
    return 0;
}

int main(int argc, char **argv)
{
    struct settings s = {.bench = "train,trace,prefix,sample,score,decode",
                         .batch = "1,8,32,64",
                         .opt = {.seconds = 6, .steps = 128, .tokens = 512}};
    const char *dtype = "auto";
    int rc = parse(argc, argv, &s, &dtype);
    if (rc) return rc;
    cli_share_processors(argv); /* as the program does */
    s.opt.json = s.json;
    s.opt.bf16 = strcmp(dtype, "f32") && (!strcmp(dtype, "bf16") || bench_has_bf16());
    s.opt.dtype = !strcmp(dtype, "auto") ? RAML_STORED : s.opt.bf16 ? RAML_BF16 : RAML_F32;
    for (size_t i = 0; i < sizeof benches / sizeof *benches; i++) {
        if (!listed(s.bench, benches[i].name)) continue;
        bool reads = benches[i].run == bench_score || benches[i].run == bench_decode || benches[i].run == bench_trace;
        const char *asked = benches[i].run == bench_tokenize ? s.text : s.model ? s.model : s.preset;
        if (s.model && !reads) {
            rc = usage("--model is for --bench trace, score and decode");
            break;
        }
        char *list = strdup(asked ? asked : benches[i].presets), *rest = NULL;
        for (char *p = list ? strtok_r(list, ",", &rest) : NULL; p; p = strtok_r(NULL, ",", &rest)) {
            s.opt.preset = p;
            s.opt.model = s.model ? p : NULL;
            if (measure_batches(&s, i)) rc = 1;
        }
        free(list);
    }
    return rc;
}
