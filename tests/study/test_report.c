/* test_report.c - the report of folders that are whole, empty, broken and hostile: always one well-formed page. */
#include "raml/report.h"

#include "core/file.h"
#include "study/html_check.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct folder {
    char path[64];
    bool gnuplot;
};

static int set_up(void **state)
{
    struct folder *f = calloc(1, sizeof *f);
    assert_non_null(f);
    snprintf(f->path, sizeof f->path, "/tmp/raml-report-XXXXXX");
    assert_non_null(mkdtemp(f->path));
    f->gnuplot = system("command -v gnuplot >/dev/null 2>&1") == 0;
    if (!f->gnuplot) fprintf(stderr, "test_report: gnuplot is not installed: pictures are NOT checked\n");
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct folder *f = *state;
    struct raml_err err = {0};
    if (raml_remove_tree(f->path, &err)) fprintf(stderr, "%s\n", err.msg);
    free(f);
    return 0;
}

static void put(const struct folder *f, const char *name, const char *text)
{
    char path[256];
    struct raml_err err = {0};
    snprintf(path, sizeof path, "%s/%s", f->path, name);
    *strrchr(path, '/') = 0;
    if (raml_make_dir(path, &err)) fail_msg("%s", err.msg);
    path[strlen(path)] = '/';
    if (raml_file_write(path, text, strlen(text), &err)) fail_msg("%s", err.msg);
}

/* Writes the report and returns the page, checked. */
static char *report(const struct folder *f)
{
    char path[256], why[300];
    struct raml_err err = {0};
    struct raml_buf b;
    if (raml_report(f->path, NULL, NULL, &err)) fail_msg("%s", err.msg);
    snprintf(path, sizeof path, "%s/report.html", f->path);
    raml_buf_init(&b, 1 << 26);
    if (raml_file_read(path, &b, &err)) fail_msg("%s", err.msg);
    assert_int_equal(strlen(b.data), b.len);
    const char *fault = html_fault(b.data, why, sizeof why);
    if (fault) fail_msg("%s", fault);
    json_t *text = json_stringn(b.data, b.len);
    if (!text) fail_msg("the page is not UTF-8");
    json_decref(text);
    return raml_buf_take(&b);
}

static void expect(const char *page, const char *text)
{
    if (!strstr(page, text)) fail_msg("not on the page: %s", text);
}

static void expect_none(const char *page, const char *text)
{
    if (strstr(page, text)) fail_msg("on the page: %s", text);
}

static size_t count(const char *page, const char *text)
{
    size_t n = 0;
    for (const char *at = page; (at = strstr(at, text)); at++) n++;
    return n;
}

/* Several pictures on one page: every id once, and every reference to one that is there. */
static void check_ids(const char *page)
{
    static const char *const before[] = {" id='", " id=\"", " href='#"};
    for (size_t k = 0; k < COUNT(before); k++)
        for (const char *at = page; (at = strstr(at, before[k]));) {
            char id[64], single[80], both[80];
            at += strlen(before[k]);
            size_t n = strcspn(at, "'\"");
            assert_true(n > 0 && n < sizeof id);
            memcpy(id, at, n);
            id[n] = 0;
            snprintf(single, sizeof single, " id='%s'", id);
            snprintf(both, sizeof both, " id=\"%s\"", id);
            size_t found = count(page, single) + count(page, both);
            if (found != 1) fail_msg("%zu elements have the id '%s'", found, id);
        }
}

static const char table[] =
    "{\"by\":[\"split\",\"family\"],\"rows\":["
    "{\"split\":\"in_range\",\"family\":\"modchain\",\"questions\":100,\"samples\":400,\"right\":386,"
    "\"accuracy\":{\"value\":0.965,\"low\":0.94,\"high\":0.981},\"pass_at_k\":{\"1\":{\"value\":0.965,\"low\":0.94,"
    "\"high\":0.981},\"4\":{\"value\":0.99,\"low\":0.97,\"high\":1}},\"truncated\":1,\"unclosed\":2},"
    "{\"split\":\"in_range\",\"family\":\"addition\",\"questions\":300,\"samples\":1200,\"right\":1,"
    "\"accuracy\":{\"value\":0.885,\"low\":0.8,\"high\":0.9},\"pass_at_k\":{},\"truncated\":0,\"unclosed\":0},"
    "{\"split\":null,\"family\":null,\"questions\":0,\"accuracy\":{\"value\":null,\"low\":null,\"high\":null}}],"
    "\"all\":{\"questions\":400,\"samples\":1600,\"accuracy\":{\"value\":0.905,\"low\":0.88,\"high\":0.92},"
    "\"pass_at_k\":{\"1\":{\"value\":0.905,\"low\":0.88,\"high\":0.92},\"4\":{\"value\":0.99,\"low\":0.97,\"high\":1}},"
    "\"truncated\":1,\"unclosed\":2}}";

static const char curves[] =
    "{\"id\":\"q1\",\"sample\":0,\"family\":\"modchain\",\"difficulty\":3,\"style\":\"reflect\",\"correct\":true,"
    "\"n_tokens\":2,\"n_answer\":2,\"tokens\":[\"a\",\"b\\n\"],\"L\":[2,1.5,0.5],\"greedy\":[false,false,true],"
    "\"solved_at\":2}\n"
    "{\"id\":\"q2\",\"correct\":true,\"n_tokens\":4,\"n_answer\":2,\"tokens\":[\"x\"],\"L\":[4,0.5],"
    "\"greedy\":[false,true]}\n"
    "{\"id\":\"q3\",\"family\":\"addition\",\"correct\":false,\"n_answer\":1,\"tokens\":[\"</div><script>\"],"
    "\"L\":[3,3.25],\"greedy\":[false,false],\"solved_at\":-1}\n"
    "{\"id\":\"q4\",\"correct\":null,\"L\":[1]}\n";

static void put_run(const struct folder *f, const char *name, const char *loss)
{
    char path[128], text[400];
    snprintf(path, sizeof path, "%s/metrics.jsonl", name);
    snprintf(text, sizeof text,
             "{\"step\":10,\"epoch\":0.1,\"loss\":2.5,\"grad_norm\":1,\"learning_rate\":0.001,"
             "\"entropy\":0.25}\n{\"step\":15,\"entropy\":0.5}\n{\"step\":20,\"epoch\":0.2,\"loss\":%s,\"grad_norm\":0."
             "5,\"learning_rate\":0.0005,"
             "\"eval_loss\":1.5}\n",
             loss);
    put(f, path, text);
    snprintf(path, sizeof path, "%s/timing.jsonl", name);
    put(f, path,
        "{\"step\":10,\"seconds\":1,\"tokens_per_s\":50000}\n"
        "{\"step\":20,\"seconds\":2,\"tokens_per_s\":52000}\n");
    snprintf(path, sizeof path, "%s/recipe.yaml", name);
    snprintf(text, sizeof text, "# written by raml\nlearning_rate: 0.001\nnote: %s & <b>\n", name);
    put(f, path, text);
    snprintf(path, sizeof path, "%s/eval.json", name);
    put(f, path, table);
}

static void whole_demo(void **state)
{
    const struct folder *f = *state;
    put_run(f, "with", "0.25");
    put_run(f, "without", "1.75");
    put(f, "with/trace/curves.jsonl", curves);
    put(f, "summary.json",
        "{\"accuracy\":{\"value\":0.5,\"low\":0.25,\"high\":0.75},\"phases\":[{\"phase\":\"train\","
        "\"seconds\":1.5},{\"phase\":\"eval\",\"seconds\":null}],\"list\":[1,2,\"<\"],"
        "\"no\":false}");
    char *page = report(f);
    expect(page, "Found: with: recipe, training curves, 1 evaluation, 4 traced trajectories; without: recipe, "
                 "training curves, 1 evaluation; summary.");
    /* headline: the split's mean weighted by questions (0.965 * 100 + 0.885 * 300) / 400 */
    expect(page, "<b>90.5\u00A0%</b><span>in_range, 400\u00A0questions</span>");
    expect(page, "<b>3\u00A0\u2192\u00A00.5</b><span>nats per token, along 2 correct trajectories</span>");
    expect(page, "<b>3\u00A0\u2192\u00A03.25</b><span>nats per token, along 1 wrong trajectories</span>");
    expect(page,
           "<span>validation loss, with</span><b>1.5</b><span>training loss 0.25</span><span>after 20 steps, 52000 "
           "tokens/s</span>");
    /* tables: accuracy, pass@4 and not pass@1; a row without questions */
    expect(page, "<td>96.5\u00A0%\u00A0<small>[94.0,\u00A098.1]</small></td>"
                 "<td>99.0\u00A0%\u00A0<small>[97.0,\u00A0100.0]</small></td><td>1 / 2</td>");
    expect_none(page, "<th>pass@1</th>");
    assert_int_equal(count(page, "<th>pass@4</th>"), 2);
    expect(page, "<td class=\"t\">\u2013</td><td class=\"t\">\u2013</td><td>0</td><td>\u2013</td>");
    /* mean of correct trajectories: 3 tokens, L 3 -> 0.5, descent 2.5, p = (e^-1 + e^-1)/2, all down, efficiency 1 */
    expect(page, "<tr><td class=\"t\">correct</td><td>2</td><td>3.0</td><td>3.000</td><td>0.500</td><td>2.500</td>"
                 "<td>36.8\u00A0%</td><td>100.0\u00A0%</td><td>1.000</td><td>1.000</td><td>100.0\u00A0%</td></tr>");
    expect(page, "<tr><td class=\"t\">wrong</td><td>1</td><td>1.0</td><td>3.000</td><td>3.250</td>"
                 "<td>\u22120.250</td>");
    expect(page, "<td class=\"t\">not graded</td><td>1</td>");
    /* coloured trajectories; hostile text is text */
    expect(page, "&lt;/div&gt;&lt;script&gt;</span>");
    expect(page, "modchain, difficulty 3 \u00B7 reflect \u00B7 q1 #0");
    /* settings: only what differs in the table */
    expect(page, "<tr><td class=\"t\">note</td><td class=\"t\">with &amp; &lt;b&gt;</td>"
                 "<td class=\"t\">without &amp; &lt;b&gt;</td></tr>");
    expect_none(page, "<tr><td class=\"t\">learning_rate");
    expect(page, "50.0\u00A0%\u00A0<small>[25.0,\u00A075.0]</small>");
    expect_none(page, "Skipped");
    /* figures: accuracy, pass@k, loss, greedy, and loss, gradient, rate, entropy, speed of the training */
    assert_int_equal(count(page, "<figure>"), 9);
    assert_int_equal(count(page, "<figure>\n<svg "), f->gnuplot ? 9 : 0);
    assert_int_equal(count(page, "Not drawn: "), f->gnuplot ? 0 : 9);
    check_ids(page);
    char path[128];
    struct raml_buf tsv;
    struct raml_err err = {0};
    snprintf(path, sizeof path, "%s/figures/training-loss.tsv", f->path);
    raml_buf_init(&tsv, 1 << 20);
    if (raml_file_read(path, &tsv, &err)) fail_msg("%s", err.msg);
    expect(tsv.data, "with, training\t20\t0.25\tnan\tnan\n");
    expect(tsv.data, "without, training\t20\t1.75\tnan\tnan\n");
    expect(tsv.data, "without, validation\t20\t1.5\tnan\tnan\n");
    raml_buf_deinit(&tsv);
    char *again = report(f); /* no date, no random order; its own output is not input */
    assert_string_equal(page, again);
    free(page);
    free(again);
}

static void each_part_by_itself(void **state)
{
    const struct folder *base = *state;
    static const struct {
        const char *file, *text, *want;
        int n_figures;
    } cases[] = {
        {"recipe.yaml", "seed: 0\n", "recipe.yaml)</summary>\n<pre>seed: 0\n</pre>", 0},
        {"metrics.jsonl", "{\"step\":1,\"loss\":2}\n", "training loss</span><b>2</b><span>after 1 step</span>", 0},
        {"timing.jsonl", "{\"step\":1,\"tokens_per_s\":2}\n", "Logged once: tokens_per_s\u00A02.", 0},
        {"eval-longer.json", table, "<th>accuracy</th><th>pass@4</th><th>truncated / not closed</th>", 2},
        {"eval.json", "{\"rows\":[]}", "<h2>Accuracy</h2>", 0},
        {"eval.json", "{\"by\":3,\"rows\":[1,{\"accuracy\":2}],\"all\":\"x\"}", "<h2>Accuracy</h2>", 0},
        {"eval.json", "{\"table\":{\"rows\":[]}}", "<h2>Accuracy</h2>", 0},
        {"summary.json", "[1,[2,[3,[4,[5,[6,[7,[8]]]]]]]]", "summary.json as tables", 0},
        {"summary.json", "{}", "summary.json as tables", 0},
        {"trace/curves.jsonl", curves, "What single tokens do", 2},
        {"trace-x/curves.jsonl", "{\"correct\":true,\"L\":[2,1]}\n", "1 correct trajectories", 1},
        {"curves.jsonl", "{\"L\":[1e300,-1e300,0]}\n", "not graded", 1},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct folder f = *base;
        if (snprintf(f.path, sizeof f.path, "%s/%zu", base->path, i) >= (int)sizeof f.path) fail();
        put(&f, cases[i].file, cases[i].text);
        char *page = report(&f);
        if (!strstr(page, cases[i].want)) fail_msg("case %zu: '%s' is not on the page", i, cases[i].want);
        if (count(page, "<figure>") != (size_t)cases[i].n_figures)
            fail_msg("case %zu: %zu figures, expected %d", i, count(page, "<figure>"), cases[i].n_figures);
        expect_none(page, "<th>pass@1</th>"); /* it is the accuracy */
        free(page);
    }
}

/* The page of "." has the folder's name; a legend of many runs leaves the plot its height. */
static void name_and_legend(void **state)
{
    const struct folder *f = *state;
    char path[300], title[100];
    struct raml_err err = {0};
    struct raml_buf b;
    for (int run = 0; run < 6; run++) {
        char name[8];
        snprintf(name, sizeof name, "run-%d", run);
        put_run(f, name, "1.75");
    }
    char *page = report(f), *here = getcwd(NULL, 0);
    snprintf(title, sizeof title, "<h1>%s <small>", strrchr(f->path, '/') + 1);
    expect(page, title);
    free(page);
    assert_non_null(here);
    assert_int_equal(chdir(f->path), 0);
    enum raml_code rc = raml_report("./", "report.html", NULL, &err);
    assert_int_equal(chdir(here), 0);
    free(here);
    if (rc) fail_msg("%s", err.msg);
    raml_buf_init(&b, 1 << 26);
    snprintf(path, sizeof path, "%s/report.html", f->path);
    if (raml_file_read(path, &b, &err)) fail_msg("%s", err.msg);
    expect(b.data, title);
    raml_buf_deinit(&b);
    raml_buf_init(&b, 1 << 20);
    snprintf(path, sizeof path, "%s/figures/training-loss.gp", f->path);
    if (raml_file_read(path, &b, &err)) fail_msg("%s", err.msg);
    expect(b.data, "size 520,392 "); /* 12 names: six lines, four more than fit in 320 */
    raml_buf_deinit(&b);
    put_run(f, "a-run-with-a-long-name", "1.75");
    free(report(f));
    raml_buf_init(&b, 1 << 20);
    if (raml_file_read(path, &b, &err)) fail_msg("%s", err.msg);
    expect(b.data, "size 520,536 "); /* 14 names, each on its line */
    raml_buf_deinit(&b);
}

static void broken_input(void **state)
{
    const struct folder *f = *state;
    put(f, "run <i>/recipe.yaml", "a: \xFF\nb: \"</pre><script>\"\nnested:\n  c: 1\n");
    put(f, "metrics.jsonl",
        "{\"step\":1,\"loss\":2,\"bad\":\"x\",\"<u>'\":3}\nnot json\n{\"loss\":1}\n"
        "{\"step\":3,\"loss\":1,");
    put(f, "eval.json", "{\"rows\": 3}");
    put(f, "eval2.json", "{");
    put(f, "summary.json", "{\"a\":");
    put(f, "trace/curves.jsonl",
        "{\"L\":[]}\n{\"L\":[1,\"x\"]}\n{\"L\":[1,2],\"tokens\":[]}\n"
        "{\"L\":[1,2],\"tokens\":[7]}\n{\"L\":[1,2],\"greedy\":[true]}\n{\"L\":7}\n"
        "{\"L\":[2,1],\"tokens\":[\"ok\"]}\n");
    char *page = report(f);
    expect(page, "<h2>Skipped</h2>");
    expect(page, "metrics.jsonl:2");
    expect(page, "3 of 4 lines were skipped");
    expect(page, "curves.jsonl:1: L has 0 values");
    expect(page, "6 of 7 lines were skipped");
    expect(page, "eval.json: contains no table with &quot;rows&quot;");
    expect(page, "eval2.json");
    expect(page, "summary.json");
    expect(page, "a: \\xFF\n");
    expect(page, "&lt;/pre&gt;&lt;script&gt;");
    expect(page, "run &lt;i&gt;");
    expect(page, "1 traced trajectories");
    free(page);
}

/* The data of the page's i-th trajectory, for json_decref. */
static json_t *view_data(const char *page, size_t i)
{
    static const char begin[] = "class=\"trajectory-data\">";
    const char *at = page;
    for (size_t k = 0; k <= i; k++) {
        at = strstr(at, begin);
        assert_non_null(at);
        at += strlen(begin);
    }
    json_t *data = json_loadb(at, (size_t)(strstr(at, "</script>") - at), 0, NULL);
    assert_non_null(data);
    return data;
}

static void expect_json(const json_t *obj, const char *key, const char *want)
{
    json_t *v = json_loads(want, JSON_DECODE_ANY, NULL);
    assert_non_null(v);
    if (!json_equal(json_object_get(obj, key), v)) {
        char *got = json_dumps(json_object_get(obj, key), JSON_ENCODE_ANY | JSON_COMPACT);
        fail_msg("%s is %s, expected %s", key, got ? got : "absent", want);
    }
    json_decref(v);
}

static const char full_line[] =
    "{\"id\":\"q1\",\"sample\":1,\"correct\":true,\"n_answer\":2,\"tokens\":[\"a\",\"b\"],\"L\":[2,1.5,0.5],\"at\":[0,"
    "4,6],"
    "\"answers\":[{\"name\":\"gold\",\"text\":\"42\",\"n_answer\":2,\"L\":[2,1.5,0.5],\"greedy\":[false,false,true],"
    "\"p\":[0.5,0.25,null],\"p_mean\":[0.5,0.5,0.75]},{\"name\":\"wrong\",\"text\":\"</script>\",\"n_answer\":1,"
    "\"L\":[1,1.25,3]}],\"commitment\":[0,0.5,1],\"layers\":{\"layer\":[1,4],\"L\":[[5,4.5,4],[3,2.5,2]]},"
    "\"entropy\":[0.5,null],\"logp\":[-1,-2.5],\"role\":[\"number\",null],"
    "\"marks\":[{\"at\":6,\"kind\":\"exit\",\"name\":\"<b>\",\"value\":0.5,\"text\":null},"
    "{\"at\":0,\"kind\":\"fork\",\"name\":\"Wait\",\"value\":null,\"text\":\"none\"}]}\n";

/* The view has what the line and update.jsonl have. */
static void view_fields(void **state)
{
    const struct folder *f = *state;
    put(f, "trace/curves.jsonl", full_line);
    put(f, "update/update.jsonl",
        "{\"id\":\"q1\",\"sample\":0,\"at\":[0,4,6],\"size\":[9,9,9]}\n"
        "{\"id\":\"q1\",\"sample\":1,\"at\":[2,4,5],\"size\":[1,0.25,7],\"trajectory\":\"real\"}\n"
        "{\"id\":\"q1\",\"sample\":1,\"at\":[0,4,6],\"size\":[9,9,9],\"trajectory\":\"filler\"}\n"
        "{\"id\":\"q2\",\"sample\":1,\"at\":[0,4,6],\"size\":[9,9,9]}\n"
        "{\"id\":\"q1\",\"sample\":2,\"at\":[0,4,6],\"size\":[9,9,9]}\n");
    char *page = report(f);
    expect_none(page, "Skipped");
    json_t *d = view_data(page, 0);
    expect_json(d, "at", "[0,4,6]");
    expect_json(d, "answers",
                "[{\"L\":[2,1.5,0.5],\"name\":\"gold\",\"text\":\"42\",\"A\":2,\"p\":[0.5,0.25,null],"
                "\"p_mean\":[0.5,0.5,0.75]},{\"L\":[1,1.25,3],\"name\":\"wrong\",\"text\":\"</script>\",\"A\":1}]");
    expect_json(d, "commitment", "[0,0.5,1]");
    expect_json(d, "layers", "{\"L\":[[5,4.5,4],[3,2.5,2]],\"layer\":[1,4]}");
    expect_json(d, "entropy", "[0.5,null]");
    expect_json(d, "logp", "[-1,-2.5]");
    expect_json(d, "roles", "[\"number\"]");
    expect_json(d, "role", "[0,-1]");
    expect_json(d, "update", "[null,0.25,null]");
    expect_json(d, "marks",
                "[{\"at\":6,\"kind\":\"exit\",\"name\":\"<b>\",\"value\":0.5},"
                "{\"at\":0,\"kind\":\"fork\",\"name\":\"Wait\",\"text\":\"none\"}]");
    json_decref(d);
    free(page);
}

/* The page says whose answer the loss is of, and where it is of several answers'. */
static void whose_answer(void **state)
{
    const struct folder *f = *state;
    static const struct {
        const char *folder, *kind, *words; /* kind NULL: no such field */
    } cases[] = {{"a", NULL, "correct answer"},
                 {"b", "\"gold\"", "correct answer"},
                 {"c", "\"own\"", "sample\u2019s own answer"},
                 {"d", "\"majority\"", "majority answer"},
                 {"e", "\"wrong\"", "most frequent wrong answer"},
                 {"f", "\"choice\"", "traced option"},
                 {"g", "\"given\"", "given answer"},
                 {"h", "7", "answer of another kind"}};
    static const char *const around[][2] = {{"<span>loss of the ", "</span>"},
                                            {"<p>Here the answer is the ", ".</p>"},
                                            {"Loss of the ", ", mean over trajectories"},
                                            {"after whose first i tokens the ", " is the greedy one"},
                                            {"<span class=\"dim\">L of the ", ": 2.000"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct folder one = *f;
        char line[300], want[200];
        if (snprintf(one.path, sizeof one.path, "%s/%s", f->path, cases[i].folder) >= (int)sizeof one.path) fail();
        snprintf(line, sizeof line, "{\"correct\":true,%s%s%s\"tokens\":[\"a\"],\"L\":[2,1],\"greedy\":[false,true]}\n",
                 cases[i].kind ? "\"answer_kind\":" : "", cases[i].kind ? cases[i].kind : "", cases[i].kind ? "," : "");
        put(&one, "curves.jsonl", line);
        char *page = report(&one);
        for (size_t k = 0; k < COUNT(around); k++) {
            snprintf(want, sizeof want, "%s%s%s", around[k][0], cases[i].words, around[k][1]);
            expect(page, want);
        }
        if (strcmp(cases[i].words, "correct answer") != 0) expect_none(page, "correct answer");
        expect(page, "after it the answer that is shown is the greedy one");
        free(page);
    }
    put(f, "curves.jsonl",
        "{\"correct\":false,\"answer_kind\":\"own\",\"tokens\":[\"a\"],\"L\":[3,1]}\n"
        "{\"correct\":false,\"tokens\":[\"a\"],\"L\":[2,1]}\n{\"correct\":true,\"tokens\":[\"a\"],\"L\":[4,1]}\n");
    char *page = report(f);
    expect(page,
           "<p>Here the trajectories\u2019 curves are of different answers, and the means mix them: correct answer 2, "
           "sample\u2019s own answer 1.</p>");
    expect(page,
           "<span>loss of the traced answer</span><b>2.5\u00A0\u2192\u00A01</b><span>nats per token, along 2 wrong "
           "trajectories</span><span>of different answers: correct answer 1, sample\u2019s own answer 1</span>");
    expect(page, "<span>loss of the correct answer</span><b>4\u00A0\u2192\u00A01</b>");
    expect(page, "L of the sample\u2019s own answer: 3.000");
    free(page);
}

/* What is not as it should be is not shown; the rest is, and one note says what was wrong first. */
static void wrong_fields(void **state)
{
    static const struct {
        const char *field, *note;
        bool answers; /* an answer is left */
    } cases[] = {
        {"\"at\":[0,1,1]", "curves.jsonl:1: at has 3 values, or one of a wrong type; expected 3 numbers", false},
        {"\"at\":3", "curves.jsonl:1: at has 0 values", false},
        {"\"commitment\":[0,1]", "commitment has 2 values, or one of a wrong type; expected 3 numbers", false},
        {"\"entropy\":[0,1,2]", "entropy has 3 values, or one of a wrong type; expected 2 numbers", false},
        {"\"logp\":[0,\"x\"]", "logp has 2 values, or one of a wrong type; expected 2 numbers", false},
        {"\"role\":[\"number\"]", "role has 1 values, or one of a wrong type; expected 2 texts", false},
        {"\"update_size\":[]", "update_size has 0 values", false},
        {"\"layers\":{\"layer\":[1,2],\"L\":[[1,2,3]]}", "layers is not {&quot;layer&quot;: [m]", false},
        {"\"layers\":{\"layer\":[1],\"L\":[[1,2]]}", "&quot;L&quot;: [m][3]} in numbers", false},
        {"\"layers\":[]", "layers is not", false},
        {"\"answers\":[{\"L\":[1,2]},{\"L\":[3,2,1]}]", "answers[0] has no L of 3 numbers", true},
        {"\"answers\":[{\"L\":[3,2,1]},{\"L\":[3,2,1],\"p\":[1]}]", "answers[1] has no L", true},
        {"\"answers\":[{\"L\":[3,2,1]},7,{\"L\":[3,2,1],\"name\":7}]", "answers[2] has no L", true},
        {"\"marks\":[{\"kind\":\"exit\",\"name\":\"x\",\"at\":3}]",
         "marks[0] is at 3, beyond the trajectory's last token; expected 0 to 2", false},
        {"\"marks\":[{\"kind\":\"exit\",\"at\":1},{\"kind\":\"\",\"name\":\"x\",\"at\":1}]", "marks[1] has no kind",
         false},
        {"\"marks\":[{\"kind\":\"exit\",\"name\":\"x\",\"at\":-1}]", "marks[0] has", false},
        {"\"marks\":[{\"kind\":\"exit\",\"name\":\"x\",\"at\":1,\"value\":\"y\"}]", "marks[0] has", false},
        {"\"marks\":[{\"kind\":\"exit\",\"name\":\"x\",\"at\":1,\"text\":1},7]", "marks[1] has", false},
        {"\"marks\":{}", "curves.jsonl:1: marks is not an array", false},
        {"\"marks\":null,\"answers\":null,\"layers\":null,\"role\":null,\"at\":null,\"entropy\":null", NULL, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct folder f = *(const struct folder *)*state;
        const struct folder *base = *state;
        char line[400];
        if (snprintf(f.path, sizeof f.path, "%s/%zu", base->path, i) >= (int)sizeof f.path) fail();
        snprintf(line, sizeof line, "{\"L\":[2,1.5,0.5],\"tokens\":[\"a\",\"b\"],%s}\n", cases[i].field);
        put(&f, "curves.jsonl", line);
        char *page = report(&f);
        if (cases[i].note) {
            if (!strstr(page, cases[i].note)) fail_msg("case %zu: '%s' is not on the page", i, cases[i].note);
            expect(page, "such fields of 1 of 1 lines were skipped");
        } else expect_none(page, "Skipped");
        json_t *d = view_data(page, 0);
        assert_int_equal(json_object_size(d), 2); /* text, answers */
        expect_json(d, "text", "[\"a\",\"b\"]");
        expect_json(d, "answers", cases[i].answers ? "[{\"L\":[2,1.5,0.5]},{\"L\":[3,2,1]}]" : "[{\"L\":[2,1.5,0.5]}]");
        json_decref(d);
        free(page);
    }
}

/* Whose updates they are: a run's own, or, where the folder has no trajectories, anyone's of that name. */
static void whose_updates(void **state)
{
    const struct folder *f = *state;
    static const char line[] = "{\"id\":\"q\",\"sample\":0,\"correct\":true,\"tokens\":[\"a\"],\"L\":[2,1]}\n";
    put(f, "a/curves.jsonl", line);
    put(f, "b/trace/curves.jsonl", line);
    put(f, "b/update-1/update.jsonl", "{\"id\":\"q\",\"sample\":0,\"at\":[0,1],\"size\":[0,5]}\n");
    char *page = report(f);
    json_t *a = view_data(page, 0), *b = view_data(page, 1);
    assert_null(json_object_get(a, "update"));
    expect_json(b, "update", "[0,5]");
    json_decref(a);
    json_decref(b);
    free(page);
    put(f, "c/update.jsonl",
        "{\"id\":\"q\",\"sample\":0,\"at\":[1],\"size\":[3]}\n"
        "{\"id\":\"q\",\"sample\":0,\"at\":[1],\"size\":[]}\n{\"id\":\"q\"\n"
        "{\"id\":\"q\",\"sample\":0,\"at\":[1],\"size\":[\"x\"]}\n");
    page = report(f);
    expect(page, "update.jsonl:2: at has 1 values, size 0; expected as many; 3 of 4 lines were skipped");
    a = view_data(page, 0);
    b = view_data(page, 1);
    expect_json(a, "update", "[null,3]");
    expect_json(b, "update", "[0,5]"); /* its own win */
    json_decref(a);
    json_decref(b);
    free(page);
}

static void refusals(void **state)
{
    const struct folder *f = *state;
    struct raml_err err = {0};
    char path[256];
    assert_int_equal(raml_report(f->path, NULL, NULL, &err), RAML_EFORMAT);
    assert_non_null(strstr(err.msg, "nothing to report; looked there and one level below for recipe.yaml"));
    snprintf(path, sizeof path, "%s/absent", f->path);
    assert_int_equal(raml_report(path, NULL, NULL, &err), RAML_EIO);
    put(f, "recipe.yaml", "seed: 0\n");
    assert_int_equal(raml_report(f->path, "/dev/null/x.html", NULL, &err), RAML_EIO);
    snprintf(path, sizeof path, "%s/report.html", f->path);
    assert_false(raml_is_file(path));
    snprintf(path, sizeof path, "%s/elsewhere.html", f->path);
    assert_int_equal(raml_report(f->path, path, NULL, &err), RAML_OK);
    assert_true(raml_is_file(path));
}

/* Without gnuplot the page has the numbers and how to make the picture. */
static void without_gnuplot(void **state)
{
    const struct folder *f = *state;
    put(f, "trace/curves.jsonl", curves);
    char *path = strdup(getenv("PATH") ? getenv("PATH") : "");
    setenv("PATH", "/nonexistent", 1);
    char *page = report(f);
    setenv("PATH", path, 1);
    free(path);
    expect(page, "gnuplot was not found (Debian: gnuplot-nox). <code>gnuplot loss.gp</code>");
    expect(page, "<td class=\"t\">correct (n = 2)</td><td>0</td><td>3</td>");
    expect_none(page, "<figure>\n<svg");
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(whole_demo, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_part_by_itself, set_up, tear_down),
        cmocka_unit_test_setup_teardown(broken_input, set_up, tear_down),
        cmocka_unit_test_setup_teardown(view_fields, set_up, tear_down),
        cmocka_unit_test_setup_teardown(name_and_legend, set_up, tear_down),
        cmocka_unit_test_setup_teardown(whose_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_fields, set_up, tear_down),
        cmocka_unit_test_setup_teardown(whose_updates, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refusals, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_gnuplot, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
