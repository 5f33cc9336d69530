/* `raml score` and `raml trace` as commands: lines in and out, what they refuse and their messages, and that the two
 * agree with each other. */
#include "core/scratch.h"

#include "cli/commands.h"
#include "core/json.h"
#include "raml/model.h"
#include "raml/tokenizer.h"

#include <math.h>

enum { MAX_ARGS = 24 };

struct fixture { /* a random model with the built-in tokenizer, and one without any */
    char dir[64], model[128], bare[128];
    struct raml_device *dev;
};

static void save_model(const struct fixture *f, const char *dir, bool with_tokenizer)
{
    struct raml_err err = {0};
    struct raml_config c;
    struct raml_model *model;
    struct raml_tokenizer *tokenizer;
    char path[256];
    must(raml_make_dir(dir, &err), &err);
    must(raml_config_preset("micro", &c, &err), &err);
    c.max_positions = 200;
    c.n_layers = 2;
    must(raml_model_init(&c, 11, RAML_F32, RAML_TRAINING, f->dev, &model, &err), &err);
    must(raml_model_save(model, dir, &err), &err);
    raml_model_close(model);
    if (!with_tokenizer) return;
    must(raml_tokenizer_bytes(&tokenizer, &err), &err);
    snprintf(path, sizeof path, "%s/tokenizer.json", dir);
    must(raml_tokenizer_save(tokenizer, path, &err), &err);
    raml_tokenizer_close(tokenizer);
}

static int enter(void **state)
{
    static struct fixture f;
    struct raml_err err = {0};
    snprintf(f.dir, sizeof f.dir, "/tmp/raml-measure-XXXXXX");
    if (!mkdtemp(f.dir)) return -1;
    must(raml_device_open(2, "auto", &f.dev, &err), &err);
    snprintf(f.model, sizeof f.model, "%s/model", f.dir);
    snprintf(f.bare, sizeof f.bare, "%s/bare", f.dir);
    save_model(&f, f.model, true);
    save_model(&f, f.bare, false);
    *state = &f;
    return 0;
}

static int leave(void **state)
{
    struct fixture *f = *state;
    struct raml_err err = {0};
    raml_device_close(f->dev);
    return raml_remove_tree(f->dir, &err) ? -1 : 0;
}

/* Runs a command with arguments up to a NULL, as the program would; standard output goes to dir/stdout. */
static enum raml_code call(const struct fixture *f, const struct cli_command *cmd, char *const *argv,
                           struct raml_err *err)
{
    int argc = 0;
    while (argv[argc]) argc++;
    struct cli cli = {0};
    struct cli_parsed *parsed = NULL;
    bool help = false;
    char path[4200];
    void *settings = calloc(1, cmd->settings_size);
    *err = (struct raml_err){0};
    enum raml_code rc = cli_parse(cmd, argc, argv, settings, &cli, &help, &parsed, err);
    fflush(stdout);
    int kept = dup(STDOUT_FILENO);
    FILE *out = fopen(in(f->dir, "stdout", path), "wb");
    assert_non_null(out);
    dup2(fileno(out), STDOUT_FILENO);
    cli.dev = f->dev;
    if (!rc) rc = cmd->run(&cli, settings, err);
    fflush(stdout);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    fclose(out);
    cli_parse_free(parsed);
    free(settings);
    return rc;
}
#define CALL(f, cmd, err, ...) call((f), (cmd), (char *const[]){__VA_ARGS__, NULL}, (err))

static char *put(const struct fixture *f, const char *name, const char *content, char path[4200])
{
    in(f->dir, name, path);
    spill(path, content, strlen(content));
    return path;
}

/* The lines of a file as one array. */
static json_t *lines_of(const char *path)
{
    struct raml_err err = {0};
    struct raml_lines lines;
    json_t *list = json_array();
    must(raml_lines_init(&lines, path, 1 << 24, &err), &err);
    for (bool more = true;;) {
        must(raml_lines_next(&lines, &more, &err), &err);
        if (!more) break;
        const struct raml_place place = {path, lines.number};
        json_t *obj;
        must(raml_json_parse(&place, lines.line.data, lines.line.len, &obj, &err), &err);
        assert_int_equal(json_array_append_new(list, obj), 0);
    }
    raml_lines_deinit(&lines);
    return list;
}

static const char good[] =
    "{\"id\":\"a\",\"prompt\":\"<|question|>1+2<think>\",\"completions\":[{\"text\":\"3</think>3\"},"
    "{\"tokens\":[51,259,51]}]}\n"
    "\n"
    "{\"id\":5,\"prompt_tokens\":[257,49],\"completions\":[{\"tokens\":[50]}]}\n"
    "{\"prompt\":\"x\",\"completions\":[{\"text\":\"y\"}],\"note\":\"ignored\"}\n";

static void check_scores(const json_t *list)
{
    static const size_t n_completions[] = {2, 1, 1}, n_tokens[][2] = {{3, 3}, {1, 0}, {1, 0}};
    assert_int_equal(json_array_size(list), 3);
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "id")), "a");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 1), "id")), 5);
    assert_true(json_is_null(json_object_get(json_array_get(list, 2), "id")));
    for (size_t i = 0; i < 3; i++) {
        const json_t *all = json_object_get(json_array_get(list, i), "completions");
        assert_int_equal(json_array_size(all), n_completions[i]);
        for (size_t k = 0; k < n_completions[i]; k++) {
            const json_t *c = json_array_get(all, k), *logp = json_object_get(c, "logp");
            double sum = 0;
            assert_int_equal(json_array_size(logp), n_tokens[i][k]);
            assert_int_equal(json_array_size(json_object_get(c, "entropy")), n_tokens[i][k]);
            for (size_t t = 0; t < n_tokens[i][k]; t++) {
                sum += json_number_value(json_array_get(logp, t));
                assert_true(json_number_value(json_array_get(json_object_get(c, "entropy"), t)) > 0);
            }
            assert_true(sum < 0);
            if (!(fabs(sum - json_number_value(json_object_get(c, "logp_sum"))) <= 1e-6)) fail_msg("logp_sum");
        }
    }
    /* the first line's completions spell the same tokens: </think> in a text is the special token. In f32 they have the
     * same bits at two places of a tree. */
    const json_t *twice = json_object_get(json_array_get(list, 0), "completions");
    const json_t *a = json_object_get(json_array_get(twice, 0), "logp"),
                 *b = json_object_get(json_array_get(twice, 1), "logp");
    for (size_t t = 0; t < 3; t++)
        if (json_number_value(json_array_get(a, t)) != json_number_value(json_array_get(b, t)))
            fail_msg("token %zu of two equal completions differs", t);
}

static void score(void **state)
{
    const struct fixture *f = *state;
    struct raml_err err;
    char path[4200], out[4200], printed[4200];
    put(f, "good.jsonl", good, path);
    in(f->dir, "scores.jsonl", out);
    must(CALL(f, &cli_score, &err, "--model", (char *)f->model, path, "--out", out), &err);
    json_t *list = lines_of(out);
    check_scores(list);
    json_decref(list);
    char *text = slurp(in(f->dir, "stdout", printed), NULL);
    assert_true(has(text, "scores.jsonl: 3 prompts, 4 completions, 8 tokens scored"));
    free(text);
    must(CALL(f, &cli_score, &err, "--model", (char *)f->model, path), &err); /* the same on standard output */
    char *there = slurp(out, NULL), *here = slurp(printed, NULL);
    assert_string_equal(here, there);
    free(here);
    must(CALL(f, &cli_score, &err, "--model", (char *)f->model, path, "--max_batch_tokens", "30"), &err);
    here = slurp(printed, NULL); /* one line per pass: the same bits */
    assert_string_equal(here, there);
    free(here);
    free(there);
    must(CALL(f, &cli_score, &err, "--model", (char *)f->model, path, "--no-parse_special"), &err);
    list = lines_of(printed); /* "3</think>3" is ten bytes now */
    const json_t *first = json_array_get(json_object_get(json_array_get(list, 0), "completions"), 0);
    assert_int_equal(json_array_size(json_object_get(first, "logp")), 10);
    json_decref(list);
}

/* The built-in tokenizer with a token for "ab" (261) and one for "bc" (262), as a file. */
static void put_merging(const struct fixture *f, char path[4200])
{
    json_t *root = json_load_file(in(f->model, "tokenizer.json", path), 0, NULL);
    json_t *model = json_object_get(root, "model");
    assert_int_equal(json_object_set_new(json_object_get(model, "vocab"), "ab", json_integer(261)), 0);
    assert_int_equal(json_object_set_new(json_object_get(model, "vocab"), "bc", json_integer(262)), 0);
    assert_int_equal(json_object_set_new(model, "merges", json_pack("[ss]", "a b", "b c")), 0);
    assert_int_equal(json_dump_file(root, in(f->dir, "merging.json", path), 0), 0);
    json_decref(root);
}

static double sum_of(const json_t *lines, size_t line, size_t completion, size_t *n, json_int_t *border_bytes)
{
    const json_t *c = json_array_get(json_object_get(json_array_get(lines, line), "completions"), completion);
    *n = json_array_size(json_object_get(c, "logp"));
    *border_bytes = json_integer_value(json_object_get(c, "border_bytes"));
    return json_number_value(json_object_get(c, "logp_sum"));
}

/* "xa" and "b", "c", "bc" as one text each: x|ab, x|a|c, x|ab|c. Line 2 is the same in ids. */
static void score_joins(void **state)
{
    static const struct {
        const char *join;
        size_t n[3];
        json_int_t border_bytes[3];
        const char *ids; /* line 2 */
    } cases[] = {
        {"joint",
         {1, 1, 2},
         {1, 0, 1},
         "{\"prompt_tokens\":[120],\"completions\":[{\"tokens\":[261]},{\"tokens\":[97,99]},{\"tokens\":[261,99]}]}"},
        {"split",
         {1, 1, 1},
         {0, 0, 0},
         "{\"prompt_tokens\":[120,97],\"completions\":[{\"tokens\":[98]},{\"tokens\":[99]},{\"tokens\":[262]}]}"}};
    const struct fixture *f = *state;
    struct raml_err err;
    char path[4200], merging[4200], printed[4200];
    put_merging(f, merging);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_buf text;
        raml_buf_init(&text, 4096);
        raml_buf_addf(&text,
                      "{\"prompt\":\"xa\",\"completions\":[{\"text\":\"b\"},{\"text\":\"c\"},{\"text\":\"bc\"}]}\n%s\n",
                      cases[i].ids);
        put(f, "join.jsonl", text.data, path);
        raml_buf_deinit(&text);
        must(CALL(f, &cli_score, &err, "--model", (char *)f->model, path, "--tokenizer", merging, "--join",
                  (char *)cases[i].join),
             &err);
        json_t *list = lines_of(in(f->dir, "stdout", printed));
        assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "join")), cases[i].join);
        assert_string_equal(json_string_value(json_object_get(json_array_get(list, 1), "join")), "split");
        for (size_t k = 0; k < 3; k++) {
            size_t n, n_ids;
            json_int_t border_bytes, none;
            double got = sum_of(list, 0, k, &n, &border_bytes), want = sum_of(list, 1, k, &n_ids, &none);
            assert_int_equal(n, cases[i].n[k]);
            assert_int_equal(border_bytes, cases[i].border_bytes[k]);
            assert_int_equal(none, 0);
            if (k == 1 && i == 0) { /* "a" is context in the text, scored in the ids */
                const json_t *all = json_object_get(json_array_get(list, 1), "completions");
                want = json_number_value(json_array_get(json_object_get(json_array_get(all, 1), "logp"), 1));
            }
            if (!(fabs(got - want) <= 1e-5)) fail_msg("%s, completion %zu: %g, by ids %g", cases[i].join, k, got, want);
        }
        json_decref(list);
    }
    put(f, "all.jsonl", "{\"prompt\":\"a\",\"completions\":[{\"text\":\"c\"},{\"text\":\"b\"}]}\n", path);
    assert_int_equal(CALL(f, &cli_score, &err, "--model", (char *)f->model, path, "--tokenizer", merging), RAML_ERANGE);
    assert_true(has(err.msg, "all.jsonl:1: completion 2: its first token contains the whole prompt"));
}

static void score_refuses(void **state)
{
    static const struct {
        const char *line, *message;
    } cases[] = {
        {"{\"id\":\"q\",\"prompt\":\"x\",\"completions\":[{\"text\":\"\"}]}", ":5: id 'q': completion 1 has no token"},
        {"{\"id\":\"q\",\"prompt\":\"\",\"completions\":[{\"text\":\"a\"}]}", ":5: id 'q': the prompt has no token"},
        {"{\"id\":7,\"prompt\":\"x\",\"completions\":[]}", ":5: id 7: field 'completions' is empty"},
        {"{\"id\":7,\"prompt\":\"x\"}", ":5: id 7: field 'completions' is missing; found fields: id, prompt"},
        {"{\"prompt\":\"x\",\"completions\":4}", ":5: field 'completions' is not an array"},
        {"{\"prompt\":\"x\",\"completions\":[4]}", ":5: completion 1: is not an object"},
        {"{\"prompt\":\"x\",\"prompt_tokens\":[1],\"completions\":[{\"text\":\"a\"}]}", "has both 'prompt' and"},
        {"{\"prompt\":\"x\",\"completions\":[{\"text\":\"a\"},{\"t\":1}]}",
         "completion 2: has neither 'text' nor 'tokens'"},
        {"{\"prompt\":5,\"completions\":[{\"text\":\"a\"}]}", "field 'prompt' is not a string"},
        {"{\"prompt_tokens\":\"5\",\"completions\":[{\"text\":\"a\"}]}", "field 'prompt_tokens' is not a list"},
        {"{\"prompt\":\"x\",\"completions\":[{\"tokens\":[1,-1]}]}", "field 'tokens', entry 2 is not a token id"},
        {"{\"prompt\":\"x\",\"completions\":[{\"tokens\":[1,512]}]}", "completion 1: token 2 is 512; the model's"},
        {"{\"id\":{},\"prompt\":\"x\",\"completions\":[{\"text\":\"a\"}]}", ":5: field 'id' is neither"},
        {"{\"id\":", ":5: not valid JSON"},
    };
    const struct fixture *f = *state;
    struct raml_err err;
    struct raml_buf text;
    char path[4200], out[4200], missing[4200];
    raml_buf_init(&text, 1 << 20);
    in(f->dir, "never.jsonl", out);
    for (size_t i = 0; i < COUNT(cases); i++) {
        raml_buf_clear(&text);
        raml_buf_addf(&text, "%s%s\n", good, cases[i].line);
        put(f, "bad.jsonl", text.data, path);
        assert_int_not_equal(CALL(f, &cli_score, &err, "--model", (char *)f->model, path, "--out", out), RAML_OK);
        assert_true(has(err.msg, "bad.jsonl") && has(err.msg, cases[i].message));
        assert_false(raml_is_file(out));
    }
    raml_buf_clear(&text);
    raml_buf_addf(&text, "{\"id\":\"long\",\"prompt\":\"%0199d\",\"completions\":[{\"text\":\"ab\"}]}", 1);
    put(f, "bad.jsonl", text.data, path);
    assert_int_equal(CALL(f, &cli_score, &err, "--model", (char *)f->model, path), RAML_ERANGE);
    assert_true(has(err.msg, ":1: id 'long': completion 1: 199 prompt tokens and 2 of the completion are longer than"));
    raml_buf_deinit(&text);
    assert_int_equal(CALL(f, &cli_score, &err, path), RAML_EUSAGE);
    assert_true(has(err.msg, "--model is missing"));
    assert_int_equal(CALL(f, &cli_score, &err, "--model", (char *)f->model), RAML_EUSAGE);
    in(f->dir, "none", missing);
    assert_int_not_equal(CALL(f, &cli_score, &err, "--model", (char *)f->model, missing), RAML_OK);
    put(f, "text.jsonl", good, path); /* a model without a tokenizer takes only token ids */
    assert_int_not_equal(CALL(f, &cli_score, &err, "--model", (char *)f->bare, path), RAML_OK);
    assert_true(has(err.msg, "text.jsonl:1: id 'a': the model's tokenizer (--tokenizer gives another)"));
    put(f, "ids.jsonl", "{\"prompt_tokens\":[257,49],\"completions\":[{\"tokens\":[50]}]}\n", path);
    must(CALL(f, &cli_score, &err, "--model", (char *)f->bare, path), &err);
}

/* The curve's L(i), i = 0, 2 and 5, from scores of the answer after prompt, trajectory and answer prefix as texts. */
static void trace_agrees_with_score(void **state)
{
    static const size_t place[] = {0, 2, 5};
    const struct fixture *f = *state;
    struct raml_err err;
    char path[4200], out[4200], curves[4200];
    put(f, "q.jsonl",
        "{\"id\":\"a\",\"question\":\"1+2\",\"answer\":\"36\",\"trajectories\":[{\"text\":\"hello\",\"correct\":true}]}"
        "\n",
        path);
    in(f->dir, "trace", out);
    must(CALL(f, &cli_trace, &err, "--model", (char *)f->model, path, "--out", out, "--n_curves", "1"), &err);
    json_t *list = lines_of(in(out, "curves.jsonl", curves));
    const json_t *L = json_object_get(json_array_get(list, 0), "L");
    assert_int_equal(json_array_size(L), 6);
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "join")), "joint");
    assert_null(json_object_get(json_array_get(list, 0), "border_bytes"));
    put(f, "s.jsonl",
        "{\"prompt\":\"<|question|>1+2<think></think>\",\"completions\":[{\"text\":\"36\"}]}\n"
        "{\"prompt\":\"<|question|>1+2<think>he</think>\",\"completions\":[{\"text\":\"36\"}]}\n"
        "{\"prompt\":\"<|question|>1+2<think>hello</think>\",\"completions\":[{\"text\":\"36\"}]}\n",
        path);
    must(CALL(f, &cli_score, &err, "--model", (char *)f->model, path), &err);
    json_t *scores = lines_of(in(f->dir, "stdout", path));
    for (size_t i = 0; i < COUNT(place); i++) {
        const json_t *c = json_array_get(json_object_get(json_array_get(scores, i), "completions"), 0);
        double want = -json_number_value(json_object_get(c, "logp_sum")) / 2;
        double got = json_number_value(json_array_get(L, place[i]));
        if (!(fabs(got - want) <= 1e-5)) fail_msg("L(%zu) is %.8f; the scores give %.8f", place[i], got, want);
    }
    json_decref(scores);
    json_decref(list);
    assert_true(raml_is_file(in(out, "trace.yaml", path)));
    assert_true(raml_is_file(in(out, "trajectories.html", path)));
}

/* The answer prefix </think> as plain text, with a token for ">b": the answer "b" begins in it, or not. */
static void trace_joins(void **state)
{
    const struct fixture *f = *state;
    struct raml_err err;
    char path[4200], out[4200], merging[4200], curves[4200];
    put_merging(f, merging);
    json_t *root = json_load_file(merging, 0, NULL);
    json_array_remove(json_object_get(root, "added_tokens"), 3);
    assert_int_equal(
        json_object_set_new(json_object_get(json_object_get(root, "model"), "vocab"), ">b", json_integer(259)), 0);
    assert_int_equal(
        json_array_append_new(json_object_get(json_object_get(root, "model"), "merges"), json_string("> b")), 0);
    assert_int_equal(json_dump_file(root, merging, 0), 0);
    json_decref(root);
    put(f, "q2.jsonl",
        "{\"id\":\"a\",\"question\":\"1+2\",\"answer\":\"b\",\"trajectories\":[{\"text\":\"hello\",\"correct\":true}]}"
        "\n",
        path);
    in(f->dir, "trace3", out);
    for (int split = 0; split < 2; split++) {
        must(CALL(f, &cli_trace, &err, "--model", (char *)f->model, "--tokenizer", merging, path, "--out", out,
                  "--n_curves", "0", "--overwrite", "--join", split ? "split" : "joint"),
             &err);
        json_t *list = lines_of(in(out, "curves.jsonl", curves));
        const json_t *o = json_array_get(list, 0);
        assert_string_equal(json_string_value(json_object_get(o, "join")), split ? "split" : "joint");
        assert_int_equal(json_integer_value(json_object_get(o, "border_bytes")), !split);
        assert_int_equal(json_integer_value(json_object_get(o, "n_answer")), 1);
        json_decref(list);
    }
}

static void trace_prints(void **state)
{
    const struct fixture *f = *state;
    struct raml_err err;
    char path[4200], out[4200], printed[4200];
    put(f, "two.jsonl",
        "{\"id\":\"a\",\"question\":\"1+2\",\"answer\":\"3\",\"trajectories\":[{\"text\":\"hello\",\"correct\":true},"
        "{\"text\":\"you\",\"correct\":false}]}\n",
        path);
    in(f->dir, "trace2", out);
    must(CALL(f, &cli_trace, &err, "--model", (char *)f->model, path, "--out", out, "--overwrite", "--n_curves", "0"),
         &err);
    char *text = slurp(in(f->dir, "stdout", printed), NULL);
    assert_true(has(text, "right             1      5.0") && has(text, "wrong             1      3.0"));
    assert_true(has(text, "all               2      4.0") && has(text, "tokens/s"));
    assert_null(strstr(text, "unlabelled"));
    free(text);
    must(CALL(f, &cli_trace, &err, "--model", (char *)f->model, path, "--out", out, "--overwrite", "--n_curves", "0",
              "--json"),
         &err);
    json_t *list = lines_of(printed);
    const json_t *o = json_array_get(list, 0);
    assert_int_equal(json_array_size(list), 1);
    assert_int_equal(json_integer_value(json_object_get(o, "trajectories")), 2);
    assert_int_equal(json_integer_value(json_object_get(o, "probes")), 10);
    assert_true(json_number_value(json_object_get(o, "tokens_per_s")) > 0);
    assert_true(json_number_value(json_object_get(json_object_get(o, "wrong"), "L0")) > 0);
    json_decref(list);
    assert_int_equal(CALL(f, &cli_trace, &err, "--model", (char *)f->model), RAML_EUSAGE);
    assert_int_equal(CALL(f, &cli_trace, &err, path), RAML_EUSAGE);
    assert_int_equal(CALL(f, &cli_trace, &err, "--model", (char *)f->model, path, "--stride", "0"), RAML_EUSAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(score),         cmocka_unit_test(score_joins),
        cmocka_unit_test(score_refuses), cmocka_unit_test(trace_agrees_with_score),
        cmocka_unit_test(trace_joins),   cmocka_unit_test(trace_prints),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
