/* study_run.c - `raml study run`: an experiment that was declared before it ran. See study.h. */
#include "cli/study_run.h"

#include "cli/child.h"
#include "cli/commands.h"
#include "cli/load.h"
#include "cli/study_steps.h"

#include "core/file.h"
#include "core/path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LIST = 64, MAX_TEXT = 1 << 22 };

#define AT(field) offsetof(struct study_run_settings, field)
const struct raml_setting cli_study_run_options[CLI_STUDY_RUN_OPTIONS] = {
    {"out", "output_dir", RAML_PATH, AT(out), NULL, 0, 0, NULL,
     "Folder for the results; what is there of the same study goes on. Default: the study's name."},
    {"store", NULL, RAML_PATH, AT(store), NULL, 0, 0, NULL,
     "Folder of the steps, which studies may share; default: steps/ in --out."},
    {"scale", "budget", RAML_TEXT, AT(scale), NULL, 0, 0, NULL,
     "Which of the file's scales, which every part must have; default: the first one (of its first part)."},
    {"parts", NULL, RAML_TEXT, AT(parts), NULL, 0, 0, NULL,
     "Only these of its parts, joined by commas; the whole table is then of these. Default: all."},
    {"seeds", NULL, RAML_INT, AT(seeds), "0", 0, RAML_STUDY_MAX_SEEDS, NULL, "Seeds of each arm; 0: the file's."},
    {"first_seed", NULL, RAML_INT, AT(first_seed), "1", 1, 1000000, NULL,
     "The first one of them: with others than before, the same study is run anew. Part of what is declared."},
    {"set", NULL, RAML_TEXT, AT(set), NULL, 0, 0, NULL,
     "Values in place of the file's, joined by commas: model=smollm2.gguf,limit=20. Part of what is declared."},
    {"plan", NULL, RAML_FLAG, AT(plan), NULL, 0, 0, NULL,
     "Print the steps as commands and what they will cost, and run nothing."},
    {"report", NULL, RAML_FLAG, AT(report), NULL, 0, 0, NULL,
     "Write tables and page from the steps that are done, also while others run them, and run nothing."},
};

/* -- What is said --------------------------------------------------------------------------------------------------- */

/* Its last line says where a run would refuse the file, because another was declared in `out`. */
static enum raml_code print_plan(const struct study_runner *r, const char *out, struct raml_err *err)
{
    struct raml_err differs = {0};
    char left[STUDY_DURATION];
    size_t unknown = 0;
    double seconds = cli_study_left(r, &unknown);
    const char *part = "";
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < r->n_works && !rc; i++) {
        const char *of = raml_study_parts_work(r->parts, i)->part.name;
        if (strcmp(part, of)) printf("\n# part %s\n", of);
        part = of;
        rc = cli_study_print_step(r, i, err);
    }
    if (*part) printf("\n");
    printf("# %zu steps, %zu done; about %s for the rest", r->n_works, r->n_done, cli_study_duration(seconds, left));
    if (unknown) printf(", and %zu of unknown length", unknown);
    printf("\n");
    if (!rc && cli_study_declare(r, out, true, &differs)) printf("# a run is refused: %s\n", differs.msg);
    return rc;
}

static void tell_before(const struct study_runner *r)
{
    char left[STUDY_DURATION];
    size_t unknown = 0;
    double seconds = cli_study_left(r, &unknown);
    raml_say(r->cli->sink, "%s, declared %.12s: %zu steps, %zu done; about %s for the rest%s",
             raml_study_parts_name(r->parts), raml_study_parts_hash(r->parts), r->n_works, r->n_done,
             cli_study_duration(seconds, left), unknown ? ", and steps of unknown length" : "");
}

static enum raml_code print_results(const struct study_runner *r, const json_t *doc, const char *out,
                                    struct raml_err *err)
{
    struct raml_buf text;
    if (r->cli->json) return cli_print_json(json_incref((json_t *)(uintptr_t)doc), err);
    raml_buf_init(&text, MAX_TEXT);
    raml_study_print(doc, &text);
    enum raml_code rc = raml_buf_status(&text, err);
    if (!rc) fputs(text.data, stdout);
    if (!rc) rc = cli_study_say_before(out, err);
    if (!rc)
        printf("%s/report.html; claims.tsv, values.tsv and results.json %s\n", out,
               json_object_get(doc, "parts") ? "of the whole and of each part below" : "beside it");
    raml_buf_deinit(&text);
    return rc;
}

/* A step that is done and left no number where one was declared: the study is wrong there. */
static enum raml_code check_missing(const json_t *doc, struct raml_err *err)
{
    const json_t *missing = json_object_get(doc, "missing"), *first = NULL;
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(missing); i++) {
        const json_t *m = json_array_get(missing, i);
        if (!json_is_true(json_object_get(m, "done"))) continue;
        if (n++ == 0) first = m;
    }
    if (n == 0) return RAML_OK;
    const char *why = json_string_value(json_object_get(first, "why"));
    return raml_fail(err, RAML_EFORMAT, "%zu number%s missing: %s", n, n > 1 ? "s are" : " is", why ? why : "");
}

/* -- Results -------------------------------------------------------------------------------------------------------- */

static enum raml_code write_results(const struct study_runner *r, const char *out, json_t **doc, struct raml_err *err)
{
    bool *done = malloc(r->n_works * sizeof *done);
    if (!done) return raml_fail(err, RAML_ENOMEM, "no memory for results");
    for (size_t i = 0; i < r->n_works; i++) done[i] = r->state[i] == STUDY_DONE;
    enum raml_code rc = raml_study_parts_results(r->parts, r->store, out, done, r->cli->sink, doc, err);
    free(done);
    const char *report[] = {"report", out, "--overwrite", "--quiet"};
    struct cli_child child = {.word = report, .n = 4, .stdout_path = "/dev/null"};
    return rc ? rc : cli_child_run(&child, err);
}

/* By rank 0, which the others wait for. */
static enum raml_code finish(const struct study_runner *r, const char *out, struct raml_err *err)
{
    json_t *doc = NULL;
    enum raml_code rc = write_results(r, out, &doc, err);
    if (!rc) rc = print_results(r, doc, out, err);
    if (!rc) rc = cli_study_failures(r, err);
    if (!rc) rc = check_missing(doc, err);
    json_decref(doc);
    return rc;
}

/* -- The command ---------------------------------------------------------------------------------------------------- */

/* By rank 0, for all. */
static enum raml_code prepare(struct study_runner *r, const char *out, struct raml_err *err)
{
    const struct raml_comm *comm = r->cli->comm;
    enum raml_code rc = RAML_OK;
    if (!comm || comm->rank == 0) {
        rc = raml_make_dir(r->store, err);
        if (!rc) rc = cli_study_declare(r, out, false, err);
    }
    if (comm) rc = raml_comm_agree(comm, rc, err);
    if (!rc && comm) rc = comm->broadcast(comm->user, &r->opened, sizeof r->opened, err);
    if (!rc) tell_before(r);
    return rc;
}

static enum raml_code run_study(const struct cli *cli, const struct study_run_settings *s,
                                const struct raml_study_parts *parts, struct raml_err *err)
{
    char store[RAML_PATH_BYTES];
    const char *out = s->out && *s->out ? s->out : raml_study_parts_name(parts);
    bool first = !cli->comm || cli->comm->rank == 0;
    enum raml_code rc =
        s->store ? raml_path_format(store, err, "%s", s->store) : raml_path_join(store, out, "steps", err);
    struct study_runner r = {.cli = cli, .parts = parts, .store = store};
    if (!rc) rc = cli_study_runner_open(&r, err);
    if (!rc) rc = cli_study_check(&r, err);
    if (!rc && s->plan) {
        if (first) rc = print_plan(&r, out, err);
    } else if (!rc) {
        rc = prepare(&r, out, err);
        if (!rc && !s->report) rc = cli_study_run_steps(&r, err);
        bool over = !rc;
        if (over) rc = first ? finish(&r, out, err) : cli_study_failures(&r, err);
        if (over && cli->comm) rc = raml_comm_agree(cli->comm, rc, err);
    }
    cli_study_runner_close(&r);
    return rc;
}

/* Cuts a list at its commas. */
static enum raml_code cut(char *text, const char *option, const char **out, size_t *n, struct raml_err *err)
{
    for (char *at = text, *next; at && *at; at = next) {
        next = strchr(at, ',');
        if (next) *next++ = 0;
        if (*n == MAX_LIST) return raml_fail(err, RAML_EUSAGE, "--%s: more than %d values", option, MAX_LIST);
        out[(*n)++] = at;
    }
    return RAML_OK;
}

enum raml_code cli_study_start(const struct cli *cli, const struct study_run_settings *s, const char *path,
                               struct raml_err *err)
{
    const char *set[MAX_LIST], *part[MAX_LIST];
    char *sets = strdup(s->set ? s->set : ""), *chosen = strdup(s->parts ? s->parts : "");
    struct raml_study_options o = {
        .scale = s->scale, .seeds = (size_t)s->seeds, .first_seed = (size_t)s->first_seed, .set = set, .part = part};
    struct raml_study_parts *parts = NULL;
    enum raml_code rc = sets && chosen ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for --set and --parts");
    if (!rc && cli->seed)
        rc = raml_fail(err, RAML_EUSAGE, "--seed %llu: a study has several: --seeds N, and --first_seed for others",
                       (unsigned long long)cli->seed);
    if (!rc && s->plan && s->report) rc = raml_fail(err, RAML_EUSAGE, "either --plan or --report");
    if (!rc) rc = cut(sets, "set", set, &o.n_set, err);
    if (!rc) rc = cut(chosen, "parts", part, &o.n_parts, err);
    if (!rc) rc = raml_study_parts_open(path, &o, &parts, err);
    if (!rc) rc = run_study(cli, s, parts, err);
    raml_study_parts_close(parts);
    free(chosen);
    free(sets);
    return rc;
}

static enum raml_code run(const struct cli *cli, const void *settings, struct raml_err *err)
{
    if (cli->n_args != 1) return raml_fail(err, RAML_EUSAGE, "found %zu files, expected one: STUDY.yaml", cli->n_args);
    return cli_study_start(cli, settings, cli->arg[0], err);
}

const struct cli_command cli_study_run = {
    .name = "study run",
    .about = "a declared experiment: run what is missing, decide its claims",
    .args = "STUDY.yaml",
    .detail = "Reads what is run, measured and claimed (docs/study.md), runs the steps that are not done yet, each "
              "once however many parts, arms and seeds need it, and decides every claim by its own rule: holds, does "
              "not hold, undecided. What is declared is kept with its hash, and a changed file is refused. The same "
              "line, started on several machines that share the folder or by mpirun, shares out the steps. Stopped or "
              "killed, it goes on where it was. Claims whose steps failed are not measured; the others are decided.",
    .example = "raml study run studies/trajectories.yaml --scale quick --plan",
    .option = cli_study_run_options,
    .n_options = CLI_STUDY_RUN_OPTIONS,
    .settings_size = sizeof(struct study_run_settings),
    .ranks = true,
    .run = run,
};
