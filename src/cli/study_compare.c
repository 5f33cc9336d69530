/* study_compare.c - `raml study compare`: whether a study that is run again says the same. */
#include "cli/commands.h"
#include "cli/load.h"

#include "core/file.h"

#include "raml/study.h"

#include <stdio.h>

enum { MAX_TEXT = 1 << 22 };

struct settings {
    const char *out;
};
static const struct raml_setting options[] = {
    {"out", NULL, RAML_PATH, offsetof(struct settings, out), NULL, 0, 0, NULL,
     "Also write the table into this file, with tabs, a line a claim."},
};

static enum raml_code run(const struct cli *cli, const void *settings, struct raml_err *err)
{
    const struct settings *s = settings;
    struct raml_buf table, text;
    json_t *doc = NULL;
    if (cli->n_args != 2)
        return raml_fail(err, RAML_EUSAGE, "found %zu folders, expected two: FIRST SECOND", cli->n_args);
    raml_buf_init(&table, MAX_TEXT);
    raml_buf_init(&text, MAX_TEXT);
    enum raml_code rc = raml_study_compare(cli->arg[0], cli->arg[1], &doc, err);
    if (!rc) raml_study_compare_table(doc, &table);
    if (!rc) raml_study_compare_print(doc, &text);
    if (!rc) rc = raml_buf_status(&table, err);
    if (!rc) rc = raml_buf_status(&text, err);
    if (!rc && s->out) rc = raml_file_write(s->out, table.data, table.len, err);
    if (!rc && cli->json) rc = cli_print_json(json_incref(doc), err);
    else if (!rc) fputs(text.data, stdout);
    json_decref(doc);
    raml_buf_deinit(&text);
    raml_buf_deinit(&table);
    return rc;
}

const struct cli_command cli_study_compare = {
    .name = "study compare",
    .about = "two runs of a study beside each other: which verdicts come again",
    .args = "FIRST SECOND",
    .detail =
        "Takes the folders of two runs (--out of raml study run): the same study with other seeds (--first_seed), "
        "another scale, program or machine. Claims that both declare alike are put beside each other: verdicts, "
        "estimates, and the second estimate less the first with its interval. Runs nothing.",
    .example = "raml study compare paper again --out again.tsv",
    .option = options,
    .n_options = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
    .run = run,
};
