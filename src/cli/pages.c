/* pages.c - which page is asked for. See pages.h. */
#include "cli/pages.h"

#include <string.h>

enum { MAX_NAME_WORDS = 2 };
static const char option[] = "--format";

/* The word of --format at argv[i], which may be that option with "=" or in two words; *n: how many it takes. */
static const char *format_at(int argc, char *const *argv, int i, int *n)
{
    size_t len = strlen(option);
    *n = 1;
    if (strncmp(argv[i], option, len) != 0) return NULL;
    if (argv[i][len] == '=') return argv[i] + len + 1;
    if (argv[i][len]) return NULL;
    *n = i + 1 < argc ? 2 : 1;
    return i + 1 < argc ? argv[i + 1] : "";
}

bool cli_asks_page(int argc, char *const *argv)
{
    int n;
    for (int i = 0; i < argc; i++)
        if (format_at(argc, argv, i, &n)) return true;
    return false;
}

enum raml_code cli_page(int argc, char *const *argv, cli_find *find, struct raml_buf *out, struct raml_err *err)
{
    static const struct {
        const char *name;
        void (*write)(struct raml_buf *out);
    } shell[] = {{"bash", cli_bash}, {"zsh", cli_zsh}, {"fish", cli_fish}};
    const char *format = "";
    char *name[MAX_NAME_WORDS];
    int n_name = 0, n_words = 0;
    for (int i = 0, n = 1; i < argc; i += n) {
        const char *word = format_at(argc, argv, i, &n);
        if (word) format = word;
        else if (n_name == MAX_NAME_WORDS) return raml_fail(err, RAML_EUSAGE, "found '%.64s' after a command", argv[i]);
        else name[n_name++] = argv[i];
    }
    const struct cli_command *cmd = n_name ? find(n_name, name, &n_words) : NULL;
    if (n_name && (!cmd || n_words != n_name))
        return raml_fail(err, RAML_EUSAGE, "unknown command '%.64s%s%.64s'; 'raml --help' lists them", name[0],
                         n_name > 1 ? " " : "", n_name > 1 ? name[1] : "");
    if (!strcmp(format, "man")) {
        cli_man(cmd, out);
        return raml_buf_status(out, err);
    }
    for (size_t i = 0; i < sizeof shell / sizeof *shell; i++) {
        if (strcmp(format, shell[i].name) != 0) continue;
        if (cmd) return raml_fail(err, RAML_EUSAGE, "--format %s is one file for all commands", format);
        shell[i].write(out);
        return raml_buf_status(out, err);
    }
    return raml_fail(err, RAML_EUSAGE, "--format: found '%.64s', expected man, bash, zsh or fish", format);
}
