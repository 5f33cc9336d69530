/* main.c - raml-fuzz: every parser on broken inputs. See usage, and docs/development.md. */
#include "fuzz/drive.h"
#include "fuzz/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int usage(void)
{
    fprintf(stderr,
            "usage: raml-fuzz [TARGET|all] [--n N] [--seed S] [--time_s S] [--jobs J] [--limit_s S] [--hang_s S]\n"
            "                 [--corpus DIR] [--out DIR] [--replay I] [--write_seeds DIR] [FILE ...]\n"
            "       raml-fuzz verify ...   generated pairs of answers (fuzz/verify.c)\n"
            "       raml-fuzz list         the targets' names\n\n"
            "Case I is a function of --seed, I and the seeds (the target's own, and the files of --corpus). Runs N\n"
            "cases (100000), or for --time_s. Fails where one crashes, hangs (--hang_s), takes more than --limit_s of "
            "processor\n"
            "time, or breaks what must hold; the case is kept in --out. FILE: only these, in this process.\n\n");
    for (size_t i = 0; i < fuzz_n_targets; i++)
        fprintf(stderr, "  %-12s %s\n", fuzz_targets[i]->name, fuzz_targets[i]->about);
    return 2;
}

static bool whole(const char *text, uint64_t *out)
{
    char *end;
    *out = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && !*end;
}

static bool real(const char *text, double *out)
{
    char *end;
    *out = strtod(text, &end);
    return end != text && !*end && *out >= 0;
}

/* --name VALUE. False: there is no such setting, or no such value. */
static bool set(struct fuzz_settings *s, const char *name, const char *value)
{
    uint64_t jobs = 0;
    if (!strcmp(name, "--n")) return s->n_given = whole(value, &s->n);
    if (!strcmp(name, "--seed")) return whole(value, &s->seed);
    if (!strcmp(name, "--replay")) return s->one = whole(value, &s->replay);
    if (!strcmp(name, "--time_s")) return real(value, &s->time_s);
    if (!strcmp(name, "--limit_s")) return real(value, &s->limit_s);
    if (!strcmp(name, "--hang_s")) return real(value, &s->hang_s);
    if (!strcmp(name, "--corpus")) return (s->corpus = value) != NULL;
    if (!strcmp(name, "--out")) return (s->out = value) != NULL;
    if (!strcmp(name, "--write_seeds")) return (s->write_seeds = value) != NULL;
    if (strcmp(name, "--jobs") != 0 || !whole(value, &jobs) || jobs < 1 || jobs > FUZZ_MAX_JOBS) return false;
    s->jobs = (unsigned)jobs;
    return true;
}

static bool read_settings(struct fuzz_settings *s, const char **file, int argc, char **argv)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    *s = (struct fuzz_settings){.n = 100000, .seed = 1, .hang_s = 120, .jobs = 1, .file = file};
    if (processors > 1) s->jobs = processors < FUZZ_MAX_JOBS ? (unsigned)processors : FUZZ_MAX_JOBS;
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) != 0) {
            if (s->n_files == FUZZ_MAX_FILES) return false;
            file[s->n_files++] = argv[i];
        } else if (i + 1 >= argc || !set(s, argv[i], argv[i + 1])) {
            return false;
        } else {
            i++;
        }
    }
    return true;
}

/* Every target in turn, the generated answers too, whatever becomes of those before. */
static int run_all(const struct fuzz_settings *s)
{
    char n[32], seed[32], threads[32];
    char *argv[] = {"verify", "--seed", seed, "--threads", threads, s->n_given ? "--n" : NULL, n, NULL};
    int code = 0;
    if (s->n_files || s->one || s->corpus || s->write_seeds) return usage();
    for (size_t i = 0; i < fuzz_n_targets; i++) {
        int got = fuzz_drive(fuzz_targets[i], s);
        if (got > code) code = got;
    }
    snprintf(n, sizeof n, "%llu", (unsigned long long)s->n);
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)s->seed);
    snprintf(threads, sizeof threads, "%u", s->jobs);
    int got = raml_fuzz_verify_main(s->n_given ? 7 : 5, argv);
    return got > code ? got : code;
}

int main(int argc, char **argv)
{
    static const char *file[FUZZ_MAX_FILES];
    struct fuzz_settings s;
    const char *name = argc > 1 && strncmp(argv[1], "--", 2) != 0 ? argv[1] : "all";
    int skip = argc > 1 && name == argv[1] ? 2 : 1;
    if (!strcmp(name, "verify")) return raml_fuzz_verify_main(argc - 1, argv + 1);
    if (!strcmp(name, "list")) {
        for (size_t i = 0; i < fuzz_n_targets; i++) puts(fuzz_targets[i]->name);
        return 0;
    }
    if (!read_settings(&s, file, argc - skip, argv + skip)) return usage();
    if (!strcmp(name, "all")) return run_all(&s);
    if (!strcmp(name, raml_fuzz_planted.name)) return fuzz_drive(&raml_fuzz_planted, &s);
    for (size_t i = 0; i < fuzz_n_targets; i++)
        if (!strcmp(name, fuzz_targets[i]->name)) return fuzz_drive(fuzz_targets[i], &s);
    return usage();
}
