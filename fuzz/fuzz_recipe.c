/* fuzz_recipe.c - YAML recipes, for the command with the most settings: what is read is written as a recipe that gives
 * the same settings, and the same recipe. */
#include "cli/cli.h"
#include "cli/commands.h"
#include "fuzz/check.h"
#include "fuzz/scratch.h"
#include "fuzz/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct cli_command *const command = &cli_train_sft;

struct parsed { /* as by `raml train sft --config FILE`; free with drop */
    void *settings;
    struct cli cli;
    struct cli_parsed *parsed;
};

static void drop(struct parsed *p)
{
    cli_parse_free(p->parsed);
    free(p->settings);
}

/* path NULL: no recipe. */
static enum raml_code parse(const char *path, struct parsed *out, struct raml_err *err)
{
    char option[] = "--config", *argv[] = {option, path ? strdup(path) : NULL};
    bool help = false;
    *out = (struct parsed){.settings = calloc(1, command->settings_size)};
    FUZZ_CHECK(out->settings && (argv[1] || !path), "no memory for settings");
    enum raml_code rc = cli_parse(command, path ? 2 : 0, argv, out->settings, &out->cli, &help, &out->parsed, err);
    FUZZ_CHECK(!help, "a recipe asked for help");
    free(argv[1]);
    return rc;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

static bool same_value(const struct raml_setting *o, const char *a, const char *b)
{
    switch (o->type) {
    case RAML_FLAG: return *(const bool *)a == *(const bool *)b;
    case RAML_INT: return *(const int64_t *)(const void *)a == *(const int64_t *)(const void *)b;
    case RAML_REAL: return !memcmp(a, b, sizeof(double)); /* NaN: not given */
    default: return same_text(*(const char *const *)(const void *)a, *(const char *const *)(const void *)b);
    }
}

static void same(const struct parsed *a, const struct parsed *b)
{
    for (size_t i = 0; i < command->n_options; i++) {
        const struct raml_setting *o = &command->option[i];
        FUZZ_CHECK(same_value(o, (const char *)a->settings + o->offset, (const char *)b->settings + o->offset),
                   "'%s' changed by writing and reading:\n%s\n%s", o->name, a->cli.recipe, b->cli.recipe);
    }
    FUZZ_CHECK(a->cli.seed == b->cli.seed && a->cli.threads == b->cli.threads && same_text(a->cli.level, b->cli.level),
               "a setting of every command changed by writing and reading");
    FUZZ_CHECK(!strcmp(a->cli.recipe, b->cli.recipe), "recipes differ:\n%s\n%s", a->cli.recipe, b->cli.recipe);
}

static int run(const uint8_t *data, size_t size)
{
    char path[FUZZ_PATH];
    struct parsed first, again;
    struct raml_err err = {0};
    enum raml_code rc = parse(fuzz_file("recipe.yaml", data, size, path), &first, &err);
    if (rc) {
        drop(&first);
        return fuzz_refused(rc, &err);
    }
    const char *text = first.cli.recipe;
    FUZZ_MUST(parse(fuzz_file("again.yaml", (const uint8_t *)text, strlen(text), path), &again, &err), &err);
    same(&first, &again);
    drop(&first);
    drop(&again);
    return FUZZ_READ;
}

static void seeds(struct fuzz_corpus *c)
{
    struct raml_err err = {0};
    struct parsed p;
    FUZZ_MUST(parse(NULL, &p, &err), &err);
    fuzz_seed_text(c, "defaults", p.cli.recipe);
    drop(&p);
    fuzz_seed_text(c, "nothing", "# nothing but a comment\n");
    fuzz_seed_text(c, "few", "learning_rate: 3.0e-4\nseed: 7\nout: \"runs/first\"\nquiet: true\n");
    fuzz_seed_text(c, "styles",
                   "---\n'out': 'it''s'\ndata: \"\\x41\\u00e9\\n\\\"\"\n# note\nthreads:   2\nlr: 1\n"
                   "raml_note: {a: [1, 2, {b: c}], d: \"e\"\n  }\n...\n");
    fuzz_seed_text(c, "blocks",
                   "data: >-\n  folded\n  text\nout: |\n  literal\n\nraml_version: \"0.1.0\"\n"
                   "raml_command: train sft\nraml_arguments: [\"a\", \"b\"]\n");
}

/* clang-format off */
static const char *const words[] = {
    ": ", "- ", "\n", "\n  ", "#", "&a ", "*a", "!!str ", "!x ", "|\n  ", ">-\n  ", "---\n", "...\n", "%YAML 1.1\n",
    "{", "}", "[", "]", ",", "\"", "'", "\\x00", "\\u0000", "\\n", "\t", "\r\n", "\xef\xbb\xbf", "\xc2\x85",
    "\xe2\x80\xa8", "\xff", "? ", "<<: ", "null", "~", "true", "false", "yes", "1", "-1", "0x10", "1e-4", "1e", ".inf",
    ".nan", "0o7", "1_000", "learning_rate: ", "learning-rate: ", "lr: ", "seed: ", "threads: ", "out: ", "data: ",
    "config: x\n", "help: true\n", "json: true\n", "raml_command: train sft\n", "raml_command: eval\n", "raml_x: ",
    "cpu: ref\n", "unknown: 1\n", NULL
};
/* clang-format on */

const struct fuzz_target raml_fuzz_recipe = {
    .name = "recipe",
    .about = "YAML recipes of settings",
    .run = run,
    .seeds = seeds,
    .words = words,
    .max_bytes = 1 << 14,
};
