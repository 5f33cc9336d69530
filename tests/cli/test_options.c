/* test_options.c - settings from defaults, recipe and command line; every fault with its exact message. */
#include "cli/cli.h"

#include "core/file.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

struct settings {
    bool resume, shuffle;
    int64_t steps, warmup, limit;
    double learning_rate, beta, shift;
    const char *out, *split, *note;
    const char *dtype, *style;
    struct rate {
        double peak;
        int decay;
        int64_t token_budget;
    } rate;
};
#define AT(f) offsetof(struct settings, f)
static const struct raml_setting options[] = {
    {"resume", NULL, RAML_FLAG, AT(resume), NULL, 0, 0, NULL, "Go on where a run ended."},
    {"shuffle", NULL, RAML_FLAG, AT(shuffle), "true", 0, 0, NULL, "Mix the order."},
    {"steps", "max_steps", RAML_INT, AT(steps), "100", 1, 1e9, NULL, "Steps."},
    {"warmup", NULL, RAML_INT, AT(warmup), "-3", 0, 0, NULL, "Any integer."},
    {"limit", NULL, RAML_INT, AT(limit), NULL, 1, 10, NULL, "Not given by default."},
    {"learning_rate", "lr|rate", RAML_REAL, AT(learning_rate), "3e-4", 0, 1, NULL, "Size of a step."},
    {"beta", NULL, RAML_REAL, AT(beta), NULL, 0, 1e300, NULL, "No less than 0."},
    {"shift", NULL, RAML_REAL, AT(shift), "-0.5", 0, 0, NULL, "Any number."},
    {"out", NULL, RAML_PATH, AT(out), NULL, 0, 0, NULL, "Folder."},
    {"split", NULL, RAML_TEXT, AT(split), "train", 0, 0, NULL, "Part of the data."},
    {"note", NULL, RAML_TEXT, AT(note), NULL, 0, 0, NULL, "Any text."},
    {"dtype", NULL, RAML_ONE, AT(dtype), "bf16", 0, 0, "f32|bf16", "Numbers of the matrix products."},
    {"style", NULL, RAML_ONE, AT(style), NULL, 0, 0, "concise|verbose", "How it is written."},
};
#define RATE(f) offsetof(struct rate, f)
static const struct raml_setting rate_rows[] = {
    {"peak", "peak_rate|top", RAML_REAL, RATE(peak), "0.5", 0, 1, NULL, "Highest rate."},
    {"decay_type", NULL, RAML_WORD, RATE(decay), "linear", 0, 0, "cosine|linear|constant", "How it falls."},
    {"token_budget", NULL, RAML_INT, RATE(token_budget), "0", 0, 1e15, NULL, "Tokens to read."},
};
static const size_t n_rate_rows = COUNT(rate_rows);
static const struct cli_shared shared[] = {{rate_rows, &n_rate_rows, AT(rate), "options of the rate", NULL}};
static const struct cli_command command = {.name = "train sft",
                                           .about = "Train.",
                                           .args = "FILE...",
                                           .example = "raml train sft --steps 2",
                                           .option = options,
                                           .n_options = COUNT(options),
                                           .shared = shared,
                                           .n_shared = COUNT(shared),
                                           .settings_size = sizeof(struct settings)};

struct result {
    struct settings s;
    struct cli cli;
    struct cli_parsed *parsed;
    bool help;
    enum raml_code rc;
    struct raml_err err;
};

/* line: arguments separated by '|' ("" is none). */
static struct result parse_as(const struct cli_command *cmd, const char *line)
{
    static char copy[8192]; /* arguments point into it; tests run one after another */
    char *argv[64];
    int argc = 0;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *a = *copy ? copy : NULL; a;) {
        argv[argc++] = a;
        char *bar = strchr(a, '|');
        if (bar) *bar = 0;
        a = bar ? bar + 1 : NULL;
    }
    struct result r;
    memset(&r, 0xa5, sizeof r.s); /* what is not set must not look set */
    r.err = (struct raml_err){0};
    r.rc = cli_parse(cmd, argc, argv, &r.s, &r.cli, &r.help, &r.parsed, &r.err);
    return r;
}

static struct result parse(const char *line)
{
    return parse_as(&command, line);
}

static void assert_fine(const struct result *r, const char *what)
{
    if (r->rc) fail_msg("%s: %s", what, r->err.msg);
    assert_non_null(r->parsed);
}

static char recipe_path[64];

static void write_recipe(const char *text, size_t n)
{
    struct raml_err err;
    if (raml_file_write(recipe_path, text, n, &err)) fail_msg("%s", err.msg);
}

static struct result parse_recipe(const char *text, const char *more)
{
    char line[8192];
    write_recipe(text, strlen(text));
    snprintf(line, sizeof line, "--config|%s%s%s", recipe_path, *more ? "|" : "", more);
    return parse(line);
}

static void test_defaults(void **state)
{
    (void)state;
    struct result r = parse("");
    assert_fine(&r, "no arguments");
    assert_false(r.help || r.s.resume || r.cli.json || r.cli.quiet);
    assert_true(r.s.shuffle);
    assert_int_equal(r.s.steps, 100);
    assert_int_equal(r.s.warmup, -3);
    assert_int_equal(r.s.limit, 0);
    assert_true(r.s.learning_rate == 3e-4);
    assert_true(r.s.beta == 0);
    assert_null(r.s.out);
    assert_null(r.s.style);
    assert_string_equal(r.s.split, "train");
    assert_string_equal(r.s.dtype, "bf16");
    assert_true(r.s.rate.peak == 0.5 && r.s.rate.decay == 1 && r.s.rate.token_budget == 0);
    assert_string_equal(r.cli.level, "auto");
    assert_int_equal(r.cli.seed, 0);
    assert_int_equal(r.cli.threads, 0);
    assert_int_equal(r.cli.n_args, 0);
    cli_parse_free(r.parsed);
}

static void test_forms(void **state)
{
    (void)state;
    struct result r =
        parse("a.jsonl|--steps|7|--learning-rate=0.5|--warmup|-8|--resume|--no-shuffle|--out|-x|--style=verbose|"
              "--seed=9223372036854775807|--threads|3|--cpu|ref|--json|--quiet|-|--note=|--|--steps|-5");
    assert_fine(&r, "all forms");
    assert_int_equal(r.s.steps, 7);
    assert_int_equal(r.s.warmup, -8);
    assert_true(r.s.learning_rate == 0.5);
    assert_true(r.s.resume && !r.s.shuffle && r.cli.json && r.cli.quiet);
    assert_string_equal(r.s.out, "-x");
    assert_string_equal(r.s.note, "");
    assert_string_equal(r.s.style, "verbose");
    assert_true(r.cli.seed == INT64_MAX);
    assert_int_equal(r.cli.threads, 3);
    assert_string_equal(r.cli.level, "ref");
    static const char *const want[] = {"a.jsonl", "-", "--steps", "-5"};
    assert_int_equal(r.cli.n_args, COUNT(want));
    for (size_t i = 0; i < COUNT(want); i++) assert_string_equal(r.cli.arg[i], want[i]);
    cli_parse_free(r.parsed);

    r = parse("--max_steps|5|--steps|6|--shuffle=false|--resume|--no-resume|--lr|1e-2");
    assert_fine(&r, "the last one counts");
    assert_int_equal(r.s.steps, 6);
    assert_false(r.s.shuffle || r.s.resume);
    assert_true(r.s.learning_rate == 0.01);
    cli_parse_free(r.parsed);
}

static void test_help_wins(void **state)
{
    (void)state;
    static const char *const lines[] = {"--help", "-h", "--bad|--help", "--steps|x|--help", "a|-h"};
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct result r = parse(lines[i]);
        assert_fine(&r, lines[i]);
        assert_true(r.help);
        cli_parse_free(r.parsed);
    }
    struct result r = parse("--|--help");
    assert_fine(&r, "after --");
    assert_false(r.help);
    cli_parse_free(r.parsed);
}

static void test_integers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t want;
    } good[] = {{"0", 0},
                {"-0", 0},
                {"12", 12},
                {"-12", -12},
                {"007", 7},
                {"1e6", 1000000},
                {"1.5e3", 1500},
                {"2E+2", 200},
                {"1e15", 1000000000000000},
                {"9223372036854775807", INT64_MAX},
                {"-9223372036854775808", INT64_MIN},
                {"9007199254740993", 9007199254740993}};
    for (size_t i = 0; i < COUNT(good); i++) {
        char line[64];
        snprintf(line, sizeof line, "--warmup|%s", good[i].text);
        struct result r = parse(line);
        assert_fine(&r, line);
        assert_int_equal(r.s.warmup, good[i].want);
        cli_parse_free(r.parsed);
    }
    static const char *const bad[] = {"",      " 1",   "1 ",    "+1",     "0x10", "4k",
                                      "1.0",   "1.5",  "1e-1",  "1.55e1", "1e",   "e5",
                                      "-",     "--1",  "1_000", "nan",    "inf",  "9223372036854775808",
                                      "1e300", "1e16", "true"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        char line[64], want[128];
        snprintf(line, sizeof line, "--warmup=%s", bad[i]);
        snprintf(want, sizeof want, "--warmup: found '%s', expected an integer", bad[i]);
        struct result r = parse(line);
        assert_int_equal(r.rc, RAML_EUSAGE);
        assert_string_equal(r.err.msg, want);
        assert_null(r.parsed);
    }
}

static void test_reals(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double want;
    } good[] = {{"0", 0},        {"1", 1},       {".5", .5},         {"1.", 1},
                {"2.5e3", 2500}, {"1E-3", 1e-3}, {"5e-324", 5e-324}, {"1e300", 1e300}};
    for (size_t i = 0; i < COUNT(good); i++) {
        char line[64];
        snprintf(line, sizeof line, "--beta|%s", good[i].text);
        struct result r = parse(line);
        assert_fine(&r, line);
        assert_true(r.s.beta == good[i].want);
        cli_parse_free(r.parsed);
    }
    static const char *const bad[] = {"",      ".",      "-",  "e3",  "0x1p3", "nan", "NaN", "inf",  "infinity",
                                      "1e400", "1e-400", "-1", "1,5", "1.5x",  " 1",  "+1",  "1e301"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        char line[64], want[128];
        snprintf(line, sizeof line, "--beta=%s", bad[i]);
        snprintf(want, sizeof want, "--beta: found '%s', expected a number of at least 0", bad[i]);
        struct result r = parse(line);
        assert_int_equal(r.rc, RAML_EUSAGE);
        assert_string_equal(r.err.msg, want);
    }
}

static void test_line_faults(void **state)
{
    (void)state;
    static const struct {
        const char *line, *want;
    } cases[] = {
        {"--learning_rat|1", "unknown option --learning_rat; did you mean --learning_rate?"},
        {"--max_tokens|5", "unknown option --max_tokens; did you mean --token_budget?"},
        {"--max-tokens=5", "unknown option --max-tokens; did you mean --token_budget?"},
        {"--decy_type|linear", "unknown option --decy_type; did you mean --decay_type?"},
        {"--peakrate|1", "unknown option --peakrate; did you mean --peak_rate?"},
        {"--decay_type|lin", "--decay_type: found 'lin', expected one of cosine, linear, constant"},
        {"--decay_type|1", "--decay_type: found '1', expected one of cosine, linear, constant"},
        {"--top|2", "--peak: found '2', expected a number from 0 to 1"},
        {"--qqqqqqq", "unknown option --qqqqqqq; 'raml train sft --help' lists them"},
        {"--no-steps", "--no-steps: steps is not a switch"},
        {"--no-shuffle=true", "--no-shuffle takes no value"},
        {"--=3", "unknown option --; 'raml train sft --help' lists them"},
        {"--steps", "--steps needs a value: an integer from 1 to 1000000000"},
        {"--out|--json", "--out needs a value: a path; found --json (write --out=--json if that is the value)"},
        {"-s|3", "unknown option -s: options begin with two dashes; put -- before arguments that begin with one"},
        {"--steps|0", "--steps: found '0', expected an integer from 1 to 1000000000"},
        {"--max-steps=1000000001", "--steps: found '1000000001', expected an integer from 1 to 1000000000"},
        {"--shift|1e400", "--shift: found '1e400', expected a number"},
        {"--shift|-1e400", "--shift: found '-1e400', expected a number"},
        {"--learning_rate|1.01", "--learning_rate: found '1.01', expected a number from 0 to 1"},
        {"--resume=yes", "--resume: found 'yes', expected true or false"},
        {"--dtype|fp16", "--dtype: found 'fp16', expected one of f32, bf16"},
        {"--dtype|f32/bf16", "--dtype: found 'f32/bf16', expected one of f32, bf16"},
        {"--dtype|bf1", "--dtype: found 'bf1', expected one of f32, bf16"},
        {"--dtype=", "--dtype: found '', expected one of f32, bf16"},
        {"--seed|-1", "--seed: found '-1', expected an integer of at least 0"},
        {"--threads|5000", "--threads: found '5000', expected an integer from 0 to 4096"},
        {"--cpu|sse", "--cpu: found 'sse', expected one of auto, ref, base, avx2, avx512, avx512bf16"},
        {"--steps|a\033[31mb", "--steps: found 'a?[31mb', expected an integer from 1 to 1000000000"},
        {"--steps|12345678901234567890123456789012345678901234567890123456789012345678901234567890",
         "--steps: found '123456789012345678901234567890123456789012345678901234567890...', expected an integer from 1 "
         "to "
         "1000000000"},
        {"--out|\xff\xfe", "out: the text is not UTF-8"},
        {"\xff", "an argument: the text is not UTF-8"},
        {"--config|/nonexistent/r.yaml", "--config: /nonexistent/r.yaml: cannot be opened: No such file or directory"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct result r = parse(cases[i].line);
        if (r.rc != (i + 1 == COUNT(cases) ? RAML_EIO : RAML_EUSAGE)) fail_msg("%s: code %d", cases[i].line, r.rc);
        assert_string_equal(r.err.msg, cases[i].want);
        assert_null(r.parsed);
    }
}

static void test_no_arguments(void **state)
{
    (void)state;
    struct cli_command none = command;
    none.args = "";
    struct result r = parse_as(&none, "--resume|file");
    assert_int_equal(r.rc, RAML_EUSAGE);
    assert_string_equal(r.err.msg, "found 'file', expected no arguments; see 'raml train sft --help'");
}

static void test_recipe(void **state)
{
    (void)state;
    struct result r = parse_recipe("# a recipe\nsteps: 1e3\nlearning-rate: 0.25   # half\nresume: true\nout: \"a: b\"\n"
                                   "split: 'it''s'\nlimit: ~\nnote:\ndtype: f32\ndecay_type: 'constant'\ntop: 1\nseed: "
                                   "5\ncpu: \"ref\"\njson: true\n"
                                   "raml_version: 9.9\nraml_hash: {model: 1, data: [2, 3]}\nraml_command: train sft\n",
                                   "--steps|8");
    assert_fine(&r, "recipe");
    assert_int_equal(r.s.steps, 8);
    assert_true(r.s.learning_rate == 0.25);
    assert_true(r.s.resume && r.s.shuffle && r.cli.json);
    assert_string_equal(r.s.out, "a: b");
    assert_string_equal(r.s.split, "it's");
    assert_null(r.s.note);
    assert_int_equal(r.s.limit, 0);
    assert_string_equal(r.s.dtype, "f32");
    assert_true(r.s.rate.decay == 2 && r.s.rate.peak == 1);
    assert_int_equal(r.cli.seed, 5);
    assert_string_equal(r.cli.level, "ref");
    cli_parse_free(r.parsed);

    r = parse_recipe("resume: true\nshuffle: false\nseed: 4", "--no-resume|--seed|6");
    assert_fine(&r, "the command line takes precedence");
    assert_false(r.s.resume || r.s.shuffle);
    assert_int_equal(r.cli.seed, 6);
    cli_parse_free(r.parsed);

    static const char *const empty[] = {"", "# nothing\n", "---\n", "{}", "---\n...\n", "\xef\xbb\xbf# mark\n", "null"};
    for (size_t i = 0; i < COUNT(empty); i++) {
        r = parse_recipe(empty[i], "");
        assert_fine(&r, empty[i]);
        assert_int_equal(r.s.steps, 100);
        cli_parse_free(r.parsed);
    }
    /* The last --config counts, even after the options that override it. */
    char line[256];
    write_recipe("steps: 3\nwarmup: 4", 18);
    snprintf(line, sizeof line, "--steps|2|--config|/nonexistent|--config=%s", recipe_path);
    r = parse(line);
    assert_fine(&r, line);
    assert_int_equal(r.s.steps, 2);
    assert_int_equal(r.s.warmup, 4);
    cli_parse_free(r.parsed);
}

/* The nameless arguments are the recipe's where the command line has none. */
static void test_recipe_arguments(void **state)
{
    (void)state;
    struct result r = parse_recipe("raml_arguments: [\"a b.jsonl\", '--x', 7]\nsteps: 3\n", "--steps|4");
    static const char *const want[] = {"a b.jsonl", "--x", "7"};
    assert_fine(&r, "a recipe's arguments");
    assert_int_equal(r.cli.n_args, COUNT(want));
    for (size_t i = 0; i < COUNT(want); i++) assert_string_equal(r.cli.arg[i], want[i]);
    assert_non_null(strstr(r.cli.recipe, "raml_arguments: [\"a b.jsonl\", \"--x\", \"7\"]\n"));
    cli_parse_free(r.parsed);

    r = parse_recipe("raml_arguments:\n- a\n- b\n", "c");
    assert_fine(&r, "the command line's own");
    assert_int_equal(r.cli.n_args, 1);
    assert_string_equal(r.cli.arg[0], "c");
    cli_parse_free(r.parsed);

    char text[4096] = "raml_arguments: [";
    for (int i = 0; i < 300; i++) snprintf(text + strlen(text), sizeof text - strlen(text), "%sf%d", i ? ", " : "", i);
    snprintf(text + strlen(text), sizeof text - strlen(text), "]\n");
    r = parse_recipe(text, "");
    assert_fine(&r, "many");
    assert_int_equal(r.cli.n_args, 300);
    for (int i = 0; i < 300; i++) {
        char name[16];
        snprintf(name, sizeof name, "f%d", i);
        assert_string_equal(r.cli.arg[i], name);
    }
    cli_parse_free(r.parsed);

    struct cli_command none = command;
    char line[128];
    none.args = "";
    snprintf(line, sizeof line, "--config|%s", recipe_path);
    r = parse_as(&none, line);
    assert_int_equal(r.rc, RAML_EUSAGE);
    assert_non_null(
        strstr(r.err.msg, ":1: raml_arguments: found 'f0', expected no arguments; see 'raml train sft --help'"));
}

/* want: "%s" is the recipe's path. */
static const struct {
    const char *text, *want;
} recipe_faults[] = {
    {"steps: 3\n\nlearning_rat: 1\n", "%s:3: unknown key 'learning_rat'; did you mean 'learning_rate'?"},
    {"steps: 3\nmax_tokens: 5\n", "%s:2: unknown key 'max_tokens'; did you mean 'token_budget'?"},
    {"decay_typ: linear\n", "%s:1: unknown key 'decay_typ'; did you mean 'decay_type'?"},
    {"decay_type: 2\n", "%s:1: decay_type: found '2', expected one of cosine, linear, constant"},
    {"decay_type: ~\n", "%s:1: decay_type: found no value (null), expected one of cosine, linear, constant"},
    {"top: 1\npeak-rate: 1\n", "%s:2: 'peak' is given twice (first on line 1)"},
    {"zzzzzzzz: 1\n", "%s:1: unknown key 'zzzzzzzz'; 'raml train sft --help' lists them"},
    {"common:\n  steps: 3\n", "%s:1: unknown key 'common'; 'raml train sft --help' lists them"},
    {"steps: 3\nsteps: 4\n", "%s:2: 'steps' is given twice (first on line 1)"},
    {"lr: 1\n\nlearning-rate: 0.5\n", "%s:3: 'learning_rate' is given twice (first on line 1)"},
    {"out: null\nout: x\n", "%s:2: 'out' is given twice (first on line 1)"},
    {"steps: many\n", "%s:1: steps: found 'many', expected an integer from 1 to 1000000000"},
    {"\nsteps: \"3\"\n", "%s:2: steps: found the quoted text '3', expected an integer from 1 to 1000000000"},
    {"resume: 'true'\n", "%s:1: resume: found the quoted text 'true', expected true or false"},
    {"steps: 0\n", "%s:1: steps: found '0', expected an integer from 1 to 1000000000"},
    {"steps:\n", "%s:1: steps: found no value (null), expected an integer from 1 to 1000000000"},
    {"split: ~\n", "%s:1: split: found no value (null), expected text"},
    {"steps: [1, 2]\n", "%s:1: steps: found a list, expected an integer from 1 to 1000000000"},
    {"out:\n  name: x\n", "%s:2: out: found a nested mapping, expected a path"},
    {"resume: yes\n", "%s:1: resume: found 'yes', expected true or false"},
    {"learning_rate: .nan\n", "%s:1: learning_rate: found '.nan', expected a number from 0 to 1"},
    {"dtype: bf61\n", "%s:1: dtype: found 'bf61', expected one of f32, bf16"},
    {"steps: !!int 3\n",
     "%s:1: steps: tags (!) and anchors (&) are not supported; expected an integer from 1 to 1000000000"},
    {"out: &x a\nnote: *x\n", "%s:1: out: tags (!) and anchors (&) are not supported; expected a path"},
    {"note: *x\n", "%s:1: note: found an alias (*name), expected text"},
    {"note: \"a\\0b\"\n", "%s:1: note: found a zero byte inside the value"},
    {"config: other.yaml\n", "%s:1: 'config' belongs on the command line, not in a recipe"},
    {"help: true\n", "%s:1: 'help' belongs on the command line, not in a recipe"},
    {"raml_command: sample\n", "%s:1: this recipe is for 'raml sample', not for 'raml train sft'"},
    {"raml_arguments: a\n", "%s:1: raml_arguments: found a plain value, expected a list"},
    {"raml_arguments: [a,\n  [b]]\n", "%s:2: raml_arguments: found a list, expected text"},
    {"raml_arguments: [\"a\\0b\"]\n", "%s:1: raml_arguments: found a zero byte inside the value"},
    {"[steps]: 1\n", "%s:1: found a list, expected the name of a setting"},
    {"- steps\n", "%s:1: found a list, expected lines of the form 'name: value'"},
    {"steps\n", "%s:1: found a plain value, expected lines of the form 'name: value'"},
    {"steps: 1\n---\nsteps: 2\n", "%s:2: a second document begins; expected one"},
    {"steps: 1\n\"\": 2\n", "%s:2: unknown key ''; 'raml train sft --help' lists them"},
    {"steps: 1\n: : :\n", "%s:2: not YAML: did not find expected key"},
    {"steps: 1\nout: \"open\n", "%s:3: not YAML: found unexpected end of stream"},
    {"steps: 1\n out: 2\n", "%s:1: steps: found '1 out', expected an integer from 1 to 1000000000"},
    {"steps: 1\nout: \xff\n", "%s: byte 14: not UTF-8 text (invalid leading UTF-8 octet)"},
};

static void test_recipe_faults(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(recipe_faults); i++) {
        char want[256];
        const char *text = recipe_faults[i].want + 2; /* after "%s" */
        snprintf(want, sizeof want, "%s%s", recipe_path, text);
        struct result r = parse_recipe(recipe_faults[i].text, "");
        if (!r.rc) fail_msg("accepted: %s", recipe_faults[i].text);
        assert_string_equal(r.err.msg, want);
        assert_int_equal(r.rc, RAML_EUSAGE);
        assert_null(r.parsed);
    }
}

static void test_recipe_size(void **state)
{
    (void)state;
    size_t n = (1 << 20) + 1;
    char *text = malloc(n);
    assert_non_null(text);
    memset(text, '#', n);
    char line[128];
    snprintf(line, sizeof line, "--config|%s", recipe_path);
    write_recipe(text, n - 1);
    struct result r = parse(line);
    assert_fine(&r, "1 MiB");
    cli_parse_free(r.parsed);
    write_recipe(text, n);
    r = parse(line);
    assert_int_not_equal(r.rc, RAML_OK);
    assert_non_null(strstr(r.err.msg, recipe_path));
    memset(text, '[', n - 1); /* deep nesting exhausts neither stack nor time */
    memcpy(text, "raml_x: ", 8);
    write_recipe(text, n - 1);
    r = parse(line);
    assert_int_equal(r.rc, RAML_EUSAGE);
    assert_non_null(strstr(r.err.msg, ":1: nested deeper than 16 levels"));
    free(text);
}

static void assert_same(const struct result *a, const struct result *b)
{
    static const size_t texts[] = {AT(out), AT(split), AT(note), AT(dtype), AT(style)};
    assert_true(a->s.resume == b->s.resume && a->s.shuffle == b->s.shuffle);
    assert_true(a->s.steps == b->s.steps && a->s.warmup == b->s.warmup && a->s.limit == b->s.limit);
    assert_memory_equal(&a->s.learning_rate, &b->s.learning_rate, sizeof(double));
    assert_memory_equal(&a->s.beta, &b->s.beta, sizeof(double));
    assert_memory_equal(&a->s.shift, &b->s.shift, sizeof(double));
    for (size_t i = 0; i < COUNT(texts); i++) {
        const char *x = *(const char *const *)(const void *)((const char *)&a->s + texts[i]);
        const char *y = *(const char *const *)(const void *)((const char *)&b->s + texts[i]);
        assert_true(!x == !y);
        if (x) assert_string_equal(x, y);
    }
    assert_true(a->cli.seed == b->cli.seed && a->cli.threads == b->cli.threads);
    assert_string_equal(a->cli.level, b->cli.level);
    assert_true(a->s.rate.peak == b->s.rate.peak && a->s.rate.decay == b->s.rate.decay);
    assert_true(a->s.rate.token_budget == b->s.rate.token_budget);
}

static void test_round_trip(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "",
        "--resume|--no-shuffle|--steps|1000000000|--warmup|-9223372036854775808|--limit|10",
        "--lr|0.1|--beta|0.3333333333333333|--seed|9223372036854775807|--threads|2|--cpu|ref|--style|verbose",
        "--lr|1e-5|--beta|5e-324|--dtype|f32|a b.jsonl|--|-x",
        "--top|0.25|--decay-type|constant|--token_budget|1e6",
        "--rate|1|--beta|1e300|--split=|--out=null|--note=true",
        "--note=a: b # c|--out=~|--split='quoted \"both\"",
        "--note=two\nlines\ttab \\ back\r|--out= lead and trail |--split=*star",
        "--note=\xc3\xa9\xe2\x82\xac \xf0\x9f\x98\x80|--out=-|--split=[1, 2]",
        "--note=xxxxxxxxxxxxxxxxx xxxxxxxxxxxxxxxxxxxxxxxxx xxxxxxxxxxxxxxxxxxxxxxxxx xxxxxxxxxxxxxxxxxx x",
    };
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct result a = parse(lines[i]);
        assert_fine(&a, lines[i]);
        struct result b = parse_recipe(a.cli.recipe, "");
        assert_fine(&b, a.cli.recipe);
        assert_same(&a, &b);
        assert_string_equal(a.cli.recipe, b.cli.recipe);
        cli_parse_free(a.parsed);
        cli_parse_free(b.parsed);
    }
}

static void test_recipe_text(void **state)
{
    (void)state;
    struct result r = parse("q.jsonl|--out|runs/a|--lr|1e-5|--json|--seed=7");
    assert_fine(&r, "recipe text");
    assert_string_equal(r.cli.recipe,
                        "raml_command: \"train sft\"\n"
                        "raml_version: \"" RAML_VERSION "\"\n"
                        "raml_arguments: [\"q.jsonl\"]\n"
                        "resume: false\nshuffle: true\nsteps: 100\nwarmup: -3\nlimit: null\n"
                        "learning_rate: 1.0e-05\nbeta: null\nshift: -0.5\nout: \"runs/a\"\nsplit: \"train\"\n"
                        "note: null\ndtype: \"bf16\"\nstyle: null\npeak: 0.5\ndecay_type: \"linear\"\n"
                        "token_budget: 0\nseed: 7\nthreads: 0\ncpu: \"auto\"\nskip_bad_rows: false\n");
    cli_parse_free(r.parsed);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(recipe_path, sizeof recipe_path, "/tmp/raml-options-XXXXXX");
    int fd = mkstemp(recipe_path);
    return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(recipe_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),     cmocka_unit_test(test_forms),      cmocka_unit_test(test_help_wins),
        cmocka_unit_test(test_integers),     cmocka_unit_test(test_reals),      cmocka_unit_test(test_line_faults),
        cmocka_unit_test(test_no_arguments), cmocka_unit_test(test_recipe),     cmocka_unit_test(test_recipe_faults),
        cmocka_unit_test(test_recipe_size),  cmocka_unit_test(test_round_trip), cmocka_unit_test(test_recipe_arguments),
        cmocka_unit_test(test_recipe_text),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
