/* report.c - `raml report`: a folder's results as one HTML file. */
#include "cli/commands.h"
#include "cli/output.h"

#include "core/path.h"
#include "raml/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct settings {
    const char *out;
};

static const struct raml_setting options[] = {
    {"out", NULL, RAML_PATH, offsetof(struct settings, out), NULL, 0, 0, NULL,
     "The file to write; without it, report.html in the folder."},
};

static enum raml_code run(const struct cli *cli, const void *settings, struct raml_err *err)
{
    const struct settings *s = settings;
    if (cli->n_args != 1) return raml_fail(err, RAML_EUSAGE, "report takes one DIR; found %zu", cli->n_args);
    char path[RAML_PATH_BYTES];
    enum raml_code rc =
        s->out ? raml_path_format(path, err, "%s", s->out) : raml_path_join(path, cli->arg[0], "report.html", err);
    if (!rc) rc = cli_output_check(cli, "out", path, err);
    if (!rc) rc = raml_report(cli->arg[0], path, cli->sink, err);
    if (!rc && cli->json) rc = cli_output_tell_json(path, json_pack("{s:s}", "report", path), err);
    else if (!rc) fprintf(cli_output_notes(path), "%s\n", path);
    return rc;
}

const struct cli_command cli_report = {
    .name = "report",
    .about = "a folder's results as one HTML file",
    .args = "DIR",
    .detail =
        "Shows the contents of DIR and its immediate subfolders: recipe.yaml, metrics.jsonl, timing.jsonl, "
        "eval*.json, trace*/curves.jsonl, summary.json, and the figures and tables of trace*, update*, landscape*, "
        "roles*, fork*, prune*, attention* and exits*. The page needs no network. Its own figures are also in "
        "DIR/figures as data, "
        "gnuplot script and SVG. Prints "
        "the page's path.",
    .example = "raml report runs/demo --out demo.html",
    .option = options,
    .n_options = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
    .run = run,
};
