/* options.c - command line to settings; --help. See cli.h and options.h. */
#include "cli/options.h"

#include "cli/load.h"
#include "core/nearest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_BYTES = 16 << 20 }; /* of all texts in a command line and its recipe */

const struct raml_setting cli_common_option[] = {
    {"config", NULL, RAML_PATH, offsetof(struct cli_common, config), NULL, 0, 0, NULL,
     "Settings from this YAML recipe; the command line wins."},
    {"seed", NULL, RAML_INT, offsetof(struct cli_common, seed), "0", 0, 0x1p63, NULL,
     "Seed of every random number; equal seeds give equal results."},
    {"threads", NULL, RAML_INT, offsetof(struct cli_common, threads), "0", 0, 4096, NULL,
     "Number of threads; 0 uses every processor."},
    {"cpu", NULL, RAML_ONE, offsetof(struct cli_common, cpu), "auto", 0, 0, "auto|ref|base|avx2|avx512|avx512bf16",
     "Instruction set to use; auto chooses the strongest that the processor has."},
    {"skip_bad_rows", NULL, RAML_FLAG, offsetof(struct cli_common, skip_bad_rows), NULL, 0, 0, NULL,
     "Rows of input files that can't be read are named, counted and passed over; else the first one ends the command."},
    {"overwrite", NULL, RAML_FLAG, offsetof(struct cli_common, overwrite), NULL, 0, 0, NULL,
     "Replace what is there already of the name that is written to; else nothing is replaced."},
    {"json", NULL, RAML_FLAG, offsetof(struct cli_common, json), NULL, 0, 0, NULL,
     "Write results as JSON on standard output."},
    {"quiet", NULL, RAML_FLAG, offsetof(struct cli_common, quiet), NULL, 0, 0, NULL,
     "No progress, and no messages except errors."},
    {"help", NULL, RAML_FLAG, offsetof(struct cli_common, help), NULL, 0, 0, NULL, "Show this text."},
};
const size_t cli_n_common = sizeof cli_common_option / sizeof *cli_common_option;

/* -- slots --------------------------------------------------------------------------------------------------------- */

size_t cli_n_tables(const struct cli_command *cmd)
{
    return cmd->n_shared + 2;
}

struct cli_shared cli_table(const struct cli_command *cmd, size_t i)
{
    if (i == 0) return (struct cli_shared){cmd->option, &cmd->n_options, 0, NULL, NULL};
    if (i <= cmd->n_shared) return cmd->shared[i - 1];
    return (struct cli_shared){cli_common_option, &cli_n_common, 0, "options of every command", NULL};
}

struct raml_setting cli_row(const struct cli_shared *t, size_t i, char value[CLI_DEFAULT])
{
    struct raml_setting row = t->table[i];
    size_t len = strlen(row.name);
    for (const char *at = t->defaults; at && *at; at += strspn(at, " ")) {
        size_t n = strcspn(at, " ");
        if (n > len && !strncmp(at, row.name, len) && at[len] == '=') {
            snprintf(value, CLI_DEFAULT, "%.*s", (int)(n - len - 1), at + len + 1);
            row.value = value;
        }
        at += n;
    }
    return row;
}

struct cli_slot *cli_slot_find(const struct cli_parsed *p, const char *name, size_t len)
{
    for (size_t i = 0; i < p->n_slots; i++)
        if (raml_setting_called(p->slot[i].option, name, len)) return &p->slot[i];
    return NULL;
}

/* A name of earlier versions that means something else in other commands, so that it is no alias, or one of other
 * programs: what it is called here, of several the first that the command has; NULL: none. */
static const char *renamed(const struct cli_parsed *p, const char *name, const char **more)
{
    static const struct {
        struct raml_setting row; /* the aliases are the names here */
        const char *more;
    } was[] = {
        {{.name = "max_tokens", .alias = "token_budget|max_length"}, ""},
        {{.name = "loss_type", .alias = "loss_aggregation"}, " (a whole method is a --preset)"},
    };
    const char *now;
    for (size_t k = 0; k < sizeof was / sizeof *was; k++) {
        const struct raml_setting only = {.name = was[k].row.name};
        if (!raml_setting_called(&only, name, strlen(name))) continue;
        for (size_t i = 0, n; (n = raml_setting_alias(&was[k].row, i, &now)) > 0; i++) {
            const struct cli_slot *slot = cli_slot_find(p, now, n);
            *more = was[k].more;
            if (slot) return slot->option->name;
        }
    }
    *more = "";
    return NULL;
}

const char *cli_slot_nearest(const struct cli_parsed *p, const char *name, const char **more)
{
    enum { NAMES = 4 }; /* of an option at most that are suggested */
    const char **known = raml_arena_alloc(p->arena, NAMES * p->n_slots, sizeof *known), *alias;
    const char *now = renamed(p, name, more);
    size_t n = 0, len;
    if (now) return now;
    for (size_t i = 0; known && i < p->n_slots; i++) {
        const struct raml_setting *o = p->slot[i].option;
        known[n++] = o->name;
        for (size_t k = 0; k < NAMES - 1 && (len = raml_setting_alias(o, k, &alias)) > 0; k++)
            if ((known[n] = raml_arena_text(p->arena, alias, len)) != NULL) n++;
    }
    return raml_nearest(name, known, n);
}

enum raml_code cli_slot_set(struct cli_parsed *p, struct cli_slot *s, const char *text, size_t len,
                            struct raml_err *err)
{
    char *copy = raml_arena_text(p->arena, text, len);
    if (!copy) return raml_fail(err, RAML_ENOMEM, "settings take more than %d bytes", MAX_BYTES);
    if (strlen(copy) != len) return raml_fail(err, RAML_EUSAGE, "found a zero byte inside the value");
    enum raml_code rc = raml_settings_set(s->option, s->base, copy, err);
    if (!rc) s->given = true;
    return rc;
}

static bool is_display(const char *name)
{
    static const char *const display[] = {"config", "overwrite", "json", "quiet", "help"};
    for (size_t i = 0; i < sizeof display / sizeof *display; i++)
        if (strcmp(name, display[i]) == 0) return true;
    return false;
}

/* Adds a table's rows to slot[] and sets their defaults. A default that its own row rejects is a bug in the table. */
static enum raml_code fill_table(struct cli_parsed *p, const struct cli_shared *t, void *base, bool common,
                                 struct raml_err *err)
{
    for (size_t i = 0; i < *t->n; i++) {
        const struct raml_setting *o = &t->table[i];
        struct cli_slot *slot = &p->slot[p->n_slots++];
        *slot = (struct cli_slot){.option = o, .base = base, .field = (char *)base + o->offset};
        slot->display = common && is_display(o->name);
        char own[CLI_DEFAULT];
        const char *value = cli_row(t, i, own).value;
        if (!value) continue;
        enum raml_code rc = cli_slot_set(p, slot, value, strlen(value), err);
        if (rc) return raml_wrap(err, rc, "default of --%s", o->name);
        slot->given = false;
    }
    return RAML_OK;
}

/* The struct of every setting was zeroed: what has no default is 0, false or NULL. */
static enum raml_code fill_slots(struct cli_parsed *p, void *settings, struct raml_err *err)
{
    size_t n = 0, n_tables = cli_n_tables(p->cmd);
    for (size_t i = 0; i < n_tables; i++) n += *cli_table(p->cmd, i).n;
    p->slot = raml_arena_alloc(p->arena, n, sizeof *p->slot);
    if (!p->slot) return raml_fail(err, RAML_ENOMEM, "no memory for settings");
    for (size_t i = 0; i < n_tables; i++) {
        struct cli_shared t = cli_table(p->cmd, i);
        bool common = i + 1 == n_tables;
        void *base = common ? (void *)&p->common : (char *)settings + t.offset;
        enum raml_code rc = fill_table(p, &t, base, common, err);
        if (rc) return rc;
    }
    return RAML_OK;
}

/* -- command line -------------------------------------------------------------------------------------------------- */

struct given { /* one option as given on the command line */
    struct cli_slot *slot;
    const char *value;
};

static enum raml_code unknown(const struct cli_parsed *p, const char *name, size_t len, struct raml_err *err)
{
    char shown[RAML_SHOWN];
    raml_shown(name, len, shown);
    const char *more, *near = cli_slot_nearest(p, shown, &more);
    if (near) return raml_fail(err, RAML_EUSAGE, "unknown option --%s; did you mean --%s?%s", shown, near, more);
    return raml_fail(err, RAML_EUSAGE, "unknown option --%s; 'raml %s --help' lists them", shown, p->cmd->name);
}

/* Reads the option at argv[*i] (it begins with "--") and skips its value. */
static enum raml_code read_option(const struct cli_parsed *p, int argc, char *const *argv, int *i, struct given *out,
                                  struct raml_err *err)
{
    const char *name = argv[*i] + 2, *equals = strchr(name, '=');
    size_t len = equals ? (size_t)(equals - name) : strlen(name);
    struct cli_slot *slot = cli_slot_find(p, name, len);
    bool no = false;
    if (!slot && len > 3 && strncmp(name, "no", 2) == 0 && (name[2] == '-' || name[2] == '_')) {
        slot = cli_slot_find(p, name + 3, len - 3);
        if (slot && slot->option->type != RAML_FLAG)
            return raml_fail(err, RAML_EUSAGE, "--no-%s: %s is not a switch", slot->option->name, slot->option->name);
        no = slot != NULL;
    }
    if (!slot) return unknown(p, name, len, err);
    const struct raml_setting *o = slot->option;
    *out = (struct given){.slot = slot, .value = equals ? equals + 1 : no ? "false" : "true"};
    if (no && equals) return raml_fail(err, RAML_EUSAGE, "--no-%s takes no value", o->name);
    if (o->type == RAML_FLAG || equals) return RAML_OK;
    char want[RAML_EXPECTED];
    raml_setting_expected(o, want);
    if (*i + 1 == argc) return raml_fail(err, RAML_EUSAGE, "--%s needs a value: %s", o->name, want);
    const char *value = argv[*i + 1];
    if (strncmp(value, "--", 2) == 0)
        return raml_fail(err, RAML_EUSAGE, "--%s needs a value: %s; found %s (write --%s=%s if that is the value)",
                         o->name, want, value, o->name, value);
    out->value = value;
    ++*i;
    return RAML_OK;
}

enum raml_code cli_refuse_argument(const struct cli_parsed *p, const char *arg, struct raml_err *err)
{
    char shown[RAML_SHOWN];
    if (p->cmd->args[0]) return RAML_OK;
    raml_shown(arg, strlen(arg), shown);
    return raml_fail(err, RAML_EUSAGE, "found '%s', expected no arguments; see 'raml %s --help'", shown, p->cmd->name);
}

static enum raml_code read_line(struct cli_parsed *p, int argc, char *const *argv, struct given *given, size_t *n_given,
                                struct raml_err *err)
{
    bool options = true;
    for (int i = 0; i < argc; i++) {
        const char *a = argv[i];
        if (options && strcmp(a, "--") == 0) {
            options = false;
        } else if (options && strncmp(a, "--", 2) == 0) {
            enum raml_code rc = read_option(p, argc, argv, &i, &given[*n_given], err);
            if (rc) return rc;
            ++*n_given;
        } else if (options && a[0] == '-' && a[1]) {
            char shown[RAML_SHOWN];
            raml_shown(a, strlen(a), shown);
            return raml_fail(err, RAML_EUSAGE,
                             "unknown option %s: options begin with two dashes; put -- before "
                             "arguments that begin with one",
                             shown);
        } else {
            p->arg[p->n_args++] = raml_arena_text(p->arena, a, strlen(a));
            if (!p->arg[p->n_args - 1]) return raml_fail(err, RAML_ENOMEM, "no memory for arguments");
        }
    }
    p->args_given = p->n_args > 0;
    return p->n_args ? cli_refuse_argument(p, p->arg[0], err) : RAML_OK;
}

static bool wants_help(int argc, char *const *argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return true;
    return false;
}

static enum raml_code set_given(struct cli_parsed *p, const struct given *given, size_t n, struct raml_err *err)
{
    for (size_t i = 0; i < n; i++) {
        enum raml_code rc = cli_slot_set(p, given[i].slot, given[i].value, strlen(given[i].value), err);
        if (rc) return raml_wrap(err, rc, "--%s", given[i].slot->option->name);
    }
    return RAML_OK;
}

/* Bytes of the first of names joined by +, a sign that a name may hold too. */
static size_t first_name(const struct cli_command *cmd, const char *names)
{
    size_t longest = 0;
    const char *known;
    for (size_t i = 0; (known = cmd->preset_name(i)) != NULL; i++) {
        size_t n = strlen(known);
        if (n > longest && !strncmp(names, known, n) && (names[n] == 0 || names[n] == '+')) longest = n;
    }
    return longest ? longest : strcspn(names, "+");
}

static enum raml_code apply_presets(const struct cli_command *cmd, const char *names, void *settings,
                                    struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (const char *at = names; at && !rc;) {
        char name[RAML_SHOWN];
        size_t n = first_name(cmd, at);
        raml_shown(at, n, name);
        rc = cmd->preset(name, settings, err);
        at = at[n] ? at + n + 1 : NULL;
    }
    return rc ? raml_wrap(err, rc, "--preset") : RAML_OK;
}

/* The presets that recipe or command line name, before both are applied again. */
static enum raml_code set_preset(struct cli_parsed *p, void *settings, struct raml_err *err)
{
    const struct cli_slot *slot = cli_slot_find(p, "preset", strlen("preset"));
    const char *names;
    memcpy(&names, slot->field, sizeof names);
    return apply_presets(p->cmd, names, settings, err);
}

/* Defaults are set: the recipe overrides them, the command line overrides both. */
static enum raml_code apply(struct cli_parsed *p, const struct given *given, size_t n, void *settings,
                            struct raml_err *err)
{
    const char *config = NULL;
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < n; i++)
        if (given[i].slot->field == &p->common.config) config = given[i].value;
    for (int pass = p->cmd->preset ? 0 : 1; pass < 2 && !rc; pass++) {
        for (size_t i = 0; i < p->n_slots; i++) p->slot[i].line = 0;
        if (config) rc = cli_recipe_read(p, config, err);
        if (!rc) rc = set_given(p, given, n, err);
        if (!rc && pass == 0) rc = set_preset(p, settings, err);
    }
    return rc;
}

static enum raml_code list_paths(struct cli_parsed *p, struct raml_err *err)
{
    struct cli_path *list = raml_arena_alloc(p->arena, p->n_slots + 1, sizeof *list);
    if (!list) return raml_fail(err, RAML_ENOMEM, "no memory for settings");
    p->path = list;
    for (size_t i = 0; i < p->n_slots; i++) {
        const char *path = NULL;
        if (p->slot[i].option->type == RAML_PATH) memcpy(&path, p->slot[i].field, sizeof path);
        if (path && *path) list[p->n_paths++] = (struct cli_path){p->slot[i].option->name, path};
    }
    return RAML_OK;
}

static enum raml_code parse(struct cli_parsed *p, int argc, char *const *argv, void *settings, bool *help,
                            struct raml_err *err)
{
    p->arena = raml_arena_open(MAX_BYTES);
    if (!p->arena) return raml_fail(err, RAML_ENOMEM, "no memory for settings");
    enum raml_code rc = fill_slots(p, settings, err);
    if (rc) return rc;
    *help = wants_help(argc, argv);
    if (*help) return RAML_OK;
    struct given *given = raml_arena_alloc(p->arena, (size_t)argc + 1, sizeof *given);
    p->arg = raml_arena_alloc(p->arena, (size_t)argc + 1, sizeof *p->arg);
    if (!given || !p->arg) return raml_fail(err, RAML_ENOMEM, "no memory for %d arguments", argc);
    size_t n_given = 0;
    rc = read_line(p, argc, argv, given, &n_given, err);
    if (!rc) rc = apply(p, given, n_given, settings, err);
    if (!rc) rc = cli_recipe_write(p, &p->recipe, err);
    return rc ? rc : list_paths(p, err);
}

static const char *text_of(const struct cli_slot *s)
{
    const char *text = NULL;
    if (s) memcpy(&text, s->field, sizeof text);
    return text;
}

/* What comes by a pipe, unless something else is read in its place. */
static void take_pipe(struct cli_parsed *p, struct cli *cli)
{
    static const char *const instead[] = {"data", "families", "probes"};
    for (size_t i = 0; i < sizeof instead / sizeof *instead; i++)
        if (text_of(cli_slot_find(p, instead[i], strlen(instead[i])))) return;
    const char *input = cli->n_args ? NULL : cli_one_input(cli);
    if (!input) return;
    p->arg[0] = input;
    cli->n_args = 1;
}

enum raml_code cli_defaults(const struct cli_command *cmd, const char *names, void *settings, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    memset(settings, 0, cmd->settings_size);
    for (size_t i = 0; i + 1 < cli_n_tables(cmd) && !rc; i++) {
        struct cli_shared t = cli_table(cmd, i);
        void *base = (char *)settings + t.offset;
        raml_settings_default(t.table, *t.n, base);
        if (t.defaults) rc = raml_settings_apply(t.table, *t.n, base, t.defaults, err);
    }
    return rc || !cmd->preset ? rc : apply_presets(cmd, names, settings, err);
}

enum raml_code cli_parse(const struct cli_command *cmd, int argc, char *const *argv, void *settings, struct cli *cli,
                         bool *help, struct cli_parsed **out, struct raml_err *err)
{
    *out = NULL;
    *help = false;
    struct cli_parsed *p = calloc(1, sizeof *p);
    if (!p) return raml_fail(err, RAML_ENOMEM, "no memory for settings");
    p->cmd = cmd;
    raml_buf_init(&p->recipe, MAX_BYTES);
    if (cmd->settings_size) memset(settings, 0, cmd->settings_size);
    enum raml_code rc = parse(p, argc, argv, settings, help, err);
    if (rc) {
        cli_parse_free(p);
        return rc;
    }
    *cli = (struct cli){.path = p->path,
                        .n_paths = p->n_paths,
                        .json = p->common.json,
                        .quiet = p->common.quiet,
                        .skip_bad_rows = p->common.skip_bad_rows,
                        .overwrite = p->common.overwrite,
                        .seed = (uint64_t)p->common.seed,
                        .threads = (int)p->common.threads,
                        .level = p->common.cpu,
                        .arg = p->arg,
                        .n_args = p->n_args,
                        .recipe = p->recipe.data ? p->recipe.data : ""};
    if (cmd->pipes) take_pipe(p, cli);
    *out = p;
    return RAML_OK;
}

void cli_parse_free(struct cli_parsed *p)
{
    if (!p) return;
    raml_arena_close(p->arena);
    raml_buf_deinit(&p->recipe);
    free(p);
}
