/* output.c - see output.h. */
#include "cli/output.h"

#include "core/path.h"
#include "raml/buf.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_RECIPE = 1 << 22, VALUE = 160 };

static bool same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Is `out` one of the files of the list, with commas between them? */
static bool is_listed(const char *list, const struct stat *out)
{
    char one[RAML_PATH_BYTES];
    struct stat st;
    if (!stat(list, &st)) return same(&st, out);
    for (const char *at = list; *at; at += strcspn(at, ","), at += *at == ',')
        if (!raml_path_format(one, NULL, "%.*s", (int)strcspn(at, ","), at) && !stat(one, &st) && same(&st, out))
            return true;
    return false;
}

/* Is `path` given as another option than `name` too? */
static enum raml_code check_others(const struct cli *cli, const char *name, const char *path, const struct stat *out,
                                   struct raml_err *err)
{
    for (size_t i = 0; i < cli->n_paths; i++) {
        const struct cli_path *p = &cli->path[i];
        bool equal = !strcmp(p->path, path);
        if (p->path == path || (equal && !strcmp(p->name, name))) continue; /* itself */
        if (equal || (out && is_listed(p->path, out)))
            return raml_fail(err, RAML_EUSAGE, "%s: is also --%s, and is not replaced", path, p->name);
    }
    return RAML_OK;
}

/* Would the command read what it writes? (convert's path is an argument too.) */
static enum raml_code check_inputs(const struct cli *cli, const char *name, const char *path, const struct stat *out,
                                   struct raml_err *err)
{
    struct stat in;
    for (size_t i = 0; i < cli->n_args; i++)
        if (cli->arg[i] != path && strcmp(cli->arg[i], "-") && !stat(cli->arg[i], &in) && same(&in, out))
            return raml_fail(err, RAML_EUSAGE, "%s: is the input %s, which is not replaced", path, cli->arg[i]);
    if (!fstat(STDIN_FILENO, &in) && S_ISREG(in.st_mode) && same(&in, out))
        return raml_fail(err, RAML_EUSAGE, "%s: is the standard input, which is not replaced", path);
    return check_others(cli, name, path, out, err);
}

enum raml_code cli_output_check(const struct cli *cli, const char *name, const char *path, struct raml_err *err)
{
    struct stat st;
    struct raml_writer w;
    if (!path) return RAML_OK;
    if (!*path) return raml_fail(err, RAML_EUSAGE, "--%s is empty; expected the name of a file to write", name);
    if (raml_open_file_of(path) >= 0) return RAML_OK;
    bool exists = !stat(path, &st);
    if (exists && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        return RAML_OK; /* it may wait for a reader: when it is written to */
    enum raml_code rc = exists ? RAML_OK : check_others(cli, name, path, NULL, err);
    if (exists) {
        if (S_ISREG(st.st_mode)) rc = check_inputs(cli, name, path, &st, err);
        if (!rc && S_ISREG(st.st_mode) && st.st_size && !cli->overwrite)
            rc = raml_fail(err, RAML_EUSAGE, "%s: exists; --overwrite replaces it", path);
    }
    if (!rc) rc = raml_writer_init(&w, path, err);
    if (!rc) raml_writer_deinit(&w);
    return rc;
}

enum raml_code cli_output_or_stdout(const struct cli *cli, const char **path, struct raml_err *err)
{
    enum raml_code rc = cli_output_check(cli, "out", *path, err);
    if (!rc && raml_is_stdout(*path)) *path = NULL;
    return rc;
}

enum raml_code cli_output_open(const struct cli *cli, struct raml_writer *w, const char *path, struct raml_err *err)
{
    struct stat st;
    enum raml_code rc = raml_writer_init(w, path, err);
    if (rc || cli->overwrite) return rc;
    w->fresh = !w->replaces;
    if (w->replaces && !stat(path, &st) && st.st_size) { /* since it was looked for */
        raml_writer_deinit(w);
        return raml_fail(err, RAML_EUSAGE, "%s: exists; --overwrite replaces it", path);
    }
    return RAML_OK;
}

enum raml_code cli_output_kept(const struct cli *cli, const char *dir, const char *record, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    enum raml_code rc = raml_path_join(path, dir, record, err);
    if (rc || cli->overwrite || !raml_is_file(path)) return rc;
    return raml_fail(err, RAML_EUSAGE, "%s: holds a result already (%s); --overwrite replaces it", dir, record);
}

/* Can it be written to, or made? */
static enum raml_code check_folder(const char *dir, struct raml_err *err)
{
    char at[RAML_PATH_BYTES];
    if (!*dir) return raml_fail(err, RAML_EUSAGE, "--out is empty; expected a folder");
    enum raml_code rc = raml_path_format(at, err, "%s", dir);
    while (!rc && access(at, F_OK)) { /* the folder that is there, or the nearest above it */
        char *slash = strrchr(at, '/');
        if (slash) slash[slash == at] = 0;
        else rc = raml_path_format(at, err, ".");
    }
    if (!rc && !raml_is_dir(at))
        rc = raml_fail(err, RAML_EIO, "%s: is a file; expected a folder or an unused name", at);
    if (!rc && access(at, W_OK | X_OK)) rc = raml_fail_errno(err, "%s: cannot be written to", at);
    return rc;
}

enum raml_code cli_output_folder(const struct cli *cli, const char *dir, const char *record, struct raml_err *err)
{
    enum raml_code rc = cli_output_kept(cli, dir, record, err);
    return rc ? rc : check_folder(dir, err);
}

/* The next line "key: value" of a recipe. false: there is none. */
static bool next_setting(const char **at, char key[RAML_SHOWN], char value[VALUE])
{
    for (; **at; *at += **at == '\n') {
        const char *line = *at, *colon = strchr(line, ':');
        size_t n = strcspn(line, "\n");
        *at += n;
        if (*line == '#' || !colon || colon >= line + n) continue;
        snprintf(key, RAML_SHOWN, "%.*s", (int)(colon - line), line);
        colon += 1 + strspn(colon + 1, " ");
        snprintf(value, VALUE, "%.*s", (int)(line + n - colon), colon);
        return true;
    }
    return false;
}

/* How a command runs, and where to. */
static bool is_no_matter(const char *key)
{
    static const char *const none[] = {"raml_version", "out", "threads", "cpu"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (!strcmp(key, none[i])) return true;
    return false;
}

static enum raml_code compare(const char *dir, const char *record, const char *was, const char *now,
                              struct raml_err *err)
{
    char a[RAML_SHOWN], b[RAML_SHOWN], there[VALUE], here[VALUE];
    while (next_setting(&was, a, there)) {
        const char *at = now;
        bool has = false;
        while (!has && next_setting(&at, b, here)) has = !strcmp(a, b);
        if (is_no_matter(a) || (has && !strcmp(there, here))) continue;
        return raml_fail(err, RAML_EUSAGE,
                         "%s: holds a result of other settings already (%s): %s is %s there, and %s here; --overwrite "
                         "replaces it",
                         dir, record, a, there, has ? here : "nothing");
    }
    return RAML_OK;
}

enum raml_code cli_output_again(const struct cli *cli, const char *dir, const char *record, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    struct raml_buf was;
    enum raml_code rc = raml_path_join(path, dir, record, err);
    if (!rc) rc = check_folder(dir, err);
    if (rc || cli->overwrite || !raml_is_file(path) || !cli->recipe) return rc;
    raml_buf_init(&was, MAX_RECIPE);
    rc = raml_file_read(path, &was, err);
    raml_buf_add(&was, "", 1);
    if (!rc) rc = raml_buf_status(&was, err);
    if (!rc) rc = compare(dir, record, was.data, cli->recipe, err);
    raml_buf_deinit(&was);
    return rc;
}

FILE *cli_output_notes(const char *path)
{
    return raml_is_stdout(path) ? stderr : stdout;
}

enum raml_code cli_output_tell_json(const char *path, json_t *o, struct raml_err *err)
{
    char *text = o ? json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(o);
    if (!text) return raml_fail(err, RAML_ENOMEM, "no memory for the result");
    fprintf(cli_output_notes(path), "%s\n", text);
    free(text);
    return RAML_OK;
}
