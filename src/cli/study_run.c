/* study_run.c - `raml study run`: an experiment that was declared before it ran. See study.h. */
#include "cli/child.h"
#include "cli/commands.h"
#include "cli/load.h"
#include "cli/output.h"
#include "cli/study_steps.h"

#include "core/file.h"
#include "core/json.h"
#include "core/path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SET = 64, MAX_RECORD = 1 << 20, MAX_TEXT = 1 << 20 };

struct study_run_settings {
    const char *out, *store, *scale, *set;
    int64_t seeds;
    bool plan;
};

#define AT(field) offsetof(struct study_run_settings, field)
static const struct raml_setting options[] = {
    {"out", "output_dir", RAML_PATH, AT(out), NULL, 0, 0, NULL,
     "Folder for the results; what is there of the same study goes on. Default: the study's name."},
    {"store", NULL, RAML_PATH, AT(store), NULL, 0, 0, NULL,
     "Folder of the steps, which studies may share; default: steps/ in --out."},
    {"scale", "budget", RAML_TEXT, AT(scale), NULL, 0, 0, NULL, "Which of the file's scales; default: its first."},
    {"seeds", NULL, RAML_INT, AT(seeds), "0", 0, RAML_STUDY_MAX_SEEDS, NULL, "Seeds of each arm; 0: the file's."},
    {"set", NULL, RAML_TEXT, AT(set), NULL, 0, 0, NULL,
     "Values in place of the file's, joined by commas: model=smollm2.gguf,limit=20. Part of what is declared."},
    {"plan", NULL, RAML_FLAG, AT(plan), NULL, 0, 0, NULL,
     "Print the steps as commands and what they will cost, and run nothing."},
};

/* -- The declaration ------------------------------------------------------------------------------------------------ */

/* RAML_EUSAGE names what differs from the declaration that the folder has. */
static enum raml_code compare(const char *path, const json_t *mine, const json_t *had, struct raml_err *err)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)mine, key, value) {
        const json_t *other = json_object_get(had, key);
        if (json_equal(value, other)) continue;
        char *was = json_dumps(other, JSON_ENCODE_ANY | JSON_COMPACT),
             *is = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        enum raml_code rc =
            raml_fail(err, RAML_EUSAGE,
                      "%s: declared with %s %s, now it is %s; a study is not changed while it runs: give "
                      "another --out (--store can be the same)",
                      path, key, was ? was : "missing", is ? is : "missing");
        free(was);
        free(is);
        return rc;
    }
    return RAML_OK;
}

/* Writes it before anything runs, with the file as it is; or finds the same. */
static enum raml_code declare(const struct raml_study *s, const char *out, struct raml_err *err)
{
    char path[RAML_PATH_BYTES], copy[RAML_PATH_BYTES];
    json_t *mine = raml_study_declaration(s), *had = NULL;
    size_t len = 0;
    const char *text = raml_study_text(s, &len);
    enum raml_code rc = mine ? raml_make_dir(out, err) : raml_fail(err, RAML_ENOMEM, "no memory for the declaration");
    if (!rc) rc = raml_path_join(path, out, "declared.json", err);
    if (!rc) rc = raml_path_join(copy, out, "study.yaml", err);
    if (!rc && raml_is_file(path)) {
        rc = raml_json_load(path, MAX_RECORD, &had, err);
        if (!rc) rc = compare(path, mine, had, err);
    } else if (!rc) {
        char *record = json_dumps(mine, JSON_INDENT(1));
        rc = record ? raml_file_write(copy, text, len, err) : raml_fail(err, RAML_ENOMEM, "no memory");
        if (!rc) rc = raml_file_write(path, record, strlen(record), err);
        free(record);
    }
    json_decref(had);
    json_decref(mine);
    return rc;
}

/* -- The command ---------------------------------------------------------------------------------------------------- */

static enum raml_code print_plan(const struct study_runner *r, struct raml_err *err)
{
    char left[STUDY_DURATION];
    size_t unknown = 0, n = raml_study_n_steps(r->study);
    double seconds = cli_study_left(r, &unknown);
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < n && !rc; i++) rc = cli_study_print_step(r, i, err);
    printf("# %zu steps, %zu done; about %s for the rest", n, r->n_done, cli_study_duration(seconds, left));
    if (unknown) printf(", and %zu of unknown length", unknown);
    printf("\n");
    return rc;
}

static void tell_before(const struct study_runner *r)
{
    char left[STUDY_DURATION];
    size_t unknown = 0;
    double seconds = cli_study_left(r, &unknown);
    raml_say(r->cli->sink, "%s, declared %.12s: %zu steps, %zu done; about %s for the rest%s",
             raml_study_name(r->study), raml_study_hash(r->study), raml_study_n_steps(r->study), r->n_done,
             cli_study_duration(seconds, left), unknown ? ", and steps of unknown length" : "");
}

static enum raml_code finish(const struct study_runner *r, const char *out, struct raml_err *err)
{
    json_t *doc = NULL;
    struct raml_buf text;
    enum raml_code rc = raml_study_results(r->study, r->store, out, r->cli->sink, &doc, err);
    const char *report[] = {"report", out, "--overwrite", "--quiet"};
    struct cli_child child = {.word = report, .n = 4, .stdout_path = "/dev/null"};
    if (!rc) rc = cli_child_run(&child, err);
    if (rc) {
        json_decref(doc);
        return rc;
    }
    if (r->cli->json) return cli_print_json(doc, err);
    raml_buf_init(&text, MAX_TEXT);
    raml_study_print(doc, &text);
    rc = raml_buf_status(&text, err);
    if (!rc) fputs(text.data, stdout);
    if (!rc) printf("%s/report.html; claims.tsv, values.tsv and results.json beside it\n", out);
    raml_buf_deinit(&text);
    json_decref(doc);
    return rc;
}

static enum raml_code run_study(const struct cli *cli, const struct study_run_settings *s,
                                const struct raml_study *study, struct raml_err *err)
{
    char store[RAML_PATH_BYTES];
    const char *out = s->out && *s->out ? s->out : raml_study_name(study);
    enum raml_code rc =
        s->store ? raml_path_format(store, err, "%s", s->store) : raml_path_join(store, out, "steps", err);
    struct study_runner r = {.cli = cli, .study = study, .store = store};
    if (!rc) rc = cli_study_runner_open(&r, err);
    if (!rc) rc = cli_study_check(&r, err);
    if (!rc && s->plan) rc = print_plan(&r, err);
    else if (!rc) {
        rc = declare(study, out, err);
        if (!rc) rc = raml_make_dir(store, err);
        if (!rc) tell_before(&r);
        if (!rc) rc = cli_study_run_steps(&r, err);
        if (!rc) rc = finish(&r, out, err);
    }
    cli_study_runner_close(&r);
    return rc;
}

static enum raml_code run(const struct cli *cli, const void *settings, struct raml_err *err)
{
    const struct study_run_settings *s = settings;
    const char *set[MAX_SET];
    if (cli->n_args != 1) return raml_fail(err, RAML_EUSAGE, "found %zu files, expected one: STUDY.yaml", cli->n_args);
    char *texts = strdup(s->set ? s->set : "");
    if (!texts) return raml_fail(err, RAML_ENOMEM, "no memory for --set");
    struct raml_study_options o = {.scale = s->scale, .seeds = (size_t)s->seeds, .set = set};
    enum raml_code rc = RAML_OK;
    for (char *at = texts, *next; at && *at && !rc; at = next) {
        next = strchr(at, ',');
        if (next) *next++ = 0;
        if (o.n_set == MAX_SET) rc = raml_fail(err, RAML_EUSAGE, "--set: more than %d values", MAX_SET);
        else set[o.n_set++] = at;
    }
    struct raml_study *study = NULL;
    if (!rc) rc = raml_study_open(cli->arg[0], &o, &study, err);
    if (!rc) rc = run_study(cli, s, study, err);
    raml_study_close(study);
    free(texts);
    return rc;
}

const struct cli_command cli_study_run = {
    .name = "study run",
    .about = "a declared experiment: run what is missing, decide its claims",
    .args = "STUDY.yaml",
    .detail = "Reads what is run, measured and claimed (docs/study.md), runs the steps that are not done yet, each "
              "once however "
              "many arms and seeds need it, and decides every claim by its own rule: holds, does not hold, undecided. "
              "What is "
              "declared is kept with its hash, and a changed file is refused. The same line, started on several "
              "machines that "
              "share the folder, shares out the steps. Stopped or killed, it goes on where it was.",
    .example = "raml study run studies/trajectories.yaml --scale quick --plan",
    .option = options,
    .n_options = sizeof options / sizeof *options,
    .settings_size = sizeof(struct study_run_settings),
    .run = run,
};
