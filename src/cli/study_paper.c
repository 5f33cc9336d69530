/* study_paper.c - `raml study paper`: the study of the paper's claims, which comes with the program. */
#include "cli/commands.h"
#include "cli/study_run.h"

#include "core/file.h"
#include "core/path.h"

#include <string.h>
#include <unistd.h>

static const char file[] = "studies/paper.yaml";
/* Where it may be, as seen from the program's folder: below the data that were installed with it, or beside what was
 * built (RAML_DATA: cmake/install.cmake). */
static const char *const folder[] = {RAML_DATA, "."};

/* The program's own folder. */
static enum raml_code program_folder(char out[RAML_PATH_BYTES], struct raml_err *err)
{
    ssize_t n = readlink("/proc/self/exe", out, RAML_PATH_BYTES - 1);
    if (n < 0) return raml_fail_errno(err, "/proc/self/exe");
    out[n] = 0;
    char *end = strrchr(out, '/');
    if (end) *end = 0;
    return RAML_OK;
}

static enum raml_code find_paper(char out[RAML_PATH_BYTES], struct raml_err *err)
{
    char program[RAML_PATH_BYTES];
    enum raml_code rc = program_folder(program, err);
    for (size_t i = 0; i < sizeof folder / sizeof *folder && !rc; i++) {
        rc = raml_path_format(out, err, "%s/%s/%s", program, folder[i], file);
        if (!rc && raml_is_file(out)) return RAML_OK;
    }
    return rc ? rc
              : raml_fail(err, RAML_EIO,
                          "%s is neither in %s/%s nor in %s: it is installed with the program (./run install), and "
                          "`raml study run FILE` takes it from anywhere",
                          file, program, RAML_DATA, program);
}

static enum raml_code run(const struct cli *cli, const void *settings, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    if (cli->n_args)
        return raml_fail(err, RAML_EUSAGE, "found '%s', expected no file: raml study run takes one", cli->arg[0]);
    enum raml_code rc = find_paper(path, err);
    return rc ? rc : cli_study_start(cli, settings, path, err);
}

const struct cli_command cli_study_paper = {
    .name = "study paper",
    .about = "the paper, claim by claim: the study that comes with the program",
    .args = "",
    .detail =
        "Runs studies/paper.yaml as `raml study run` would: every claim of arXiv 2505.19815 with its mirror and its "
        "control, a part each. --scale (or --budget) says how large, --parts which of them.",
    .example = "raml study paper --plan",
    .option = cli_study_run_options,
    .n_options = CLI_STUDY_RUN_OPTIONS,
    .settings_size = sizeof(struct study_run_settings),
    .ranks = true,
    .run = run,
};
