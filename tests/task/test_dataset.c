/* test_dataset.c - real data sets' files, every error with its place, and writing that loses nothing. */
#include "raml/buf.h"
#include "core/file.h"
#include "raml/question.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "task/question_file.h"

#define COUNT(x) (sizeof(x) / sizeof *(x))

/* Reads text as a file named d.jsonl into an empty set. */
static enum raml_code read_text(struct fixture *f, const char *text, const struct raml_read_options *opt, size_t *n_bad)
{
    raml_questions_deinit(&f->qs);
    raml_questions_init(&f->qs);
    memset(&f->err, 0, sizeof f->err);
    assert_int_equal(raml_file_write(f->path, text, strlen(text), NULL), RAML_OK);
    return raml_questions_read(&f->qs, f->path, opt, &f->fields, n_bad, &f->err);
}

static void must_read(struct fixture *f, const char *text, const char *map)
{
    struct raml_read_options opt = {.map = map};
    if (read_text(f, text, &opt, NULL)) fail_msg("%s: %s", text, f->err.msg);
}

static bool same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* -- One row of each layout -------------------------------------------------------------------------------------- */

static const struct one { /* the first trajectory is checked; n: how many there are */
    const char *what, *row, *map, *layout, *question, *answer;
    size_t n;
    const char *text, *own;
    int correct;
    bool closed;
} ones[] = {
    {"ours",
     "{\"id\":\"a\",\"question\":\"q?\",\"answer\":\"5\",\"trajectories\":[{\"text\":\"t\",\"answer\":\"5\","
     "\"correct\":true}]}",
     NULL, "raml", "q?", "5", 1, "t", "5", RAML_EQUAL, true},
    {"ours without trajectories", "{\"id\":\"a\",\"question\":\"q?\",\"answer\":\"5\"}", NULL, "raml", "q?", "5", 0,
     NULL, NULL, 0, 0},
    {"GSM8K", "{\"question\":\"q?\",\"answer\":\"1+1=<<1+1=2>>2\\nso\\n#### 1,234\"}", NULL, "gsm8k", "q?", "1,234", 1,
     "1+1=<<1+1=2>>2\nso", "1,234", RAML_EQUAL, true},
    {"MATH", "{\"problem\":\"q?\",\"level\":\"Level 3\",\"solution\":\"So $\\\\boxed{\\\\frac{1}{2}}$.\"}", NULL,
     "math", "q?", "\\frac{1}{2}", 1, "So $\\boxed{\\frac{1}{2}}$.", "\\frac{1}{2}", RAML_EQUAL, true},
    {"MATH-500", "{\"problem\":\"q?\",\"answer\":\"7\",\"solution\":\"So $\\\\boxed{8}$.\"}", NULL, "math", "q?", "7",
     1, "So $\\boxed{8}$.", "8", RAML_DIFFERENT, true},
    {"a solution without a box", "{\"problem\":\"q?\",\"answer\":\"7\",\"solution\":\"Clear.\"}", NULL, "math", "q?",
     "7", 1, "Clear.", NULL, RAML_UNKNOWN, true},
    {"RaML rollouts",
     "{\"problem\":\"q?\",\"answer\":\"7\",\"generations\":[\"<think>\\nhm\\n</think>\\n\\nIt is \\\\boxed{7}.\","
     "\"<think>ah\"],"
     "\"labels\":[1,0]}",
     NULL, "rollouts", "q?", "7", 2, "hm", "7", RAML_EQUAL, true},
    {"labels take precedence",
     "{\"problem\":\"q?\",\"answer\":\"7\",\"generations\":[\"<think>hm</think>7\"],"
     "\"labels\":[false]}",
     NULL, "rollouts", "q?", "7", 1, "hm", "7", RAML_DIFFERENT, true},
    {"an unknown label",
     "{\"problem\":\"q?\",\"answer\":\"7\",\"generations\":[\"<think>hm</think>7\"],"
     "\"correctness_math_verify\":[null]}",
     NULL, "rollouts", "q?", "7", 1, "hm", "7", RAML_UNKNOWN, true},
    {"without labels answers are checked",
     "{\"problem\":\"q?\",\"answer\":\"0.5\","
     "\"generations\":[\"<think>hm</think> 1/2\"]}",
     NULL, "rollouts", "q?", "0.5", 1, "hm", "1/2", RAML_EQUAL, true},
    {"truncated while thinking", "{\"problem\":\"q?\",\"answer\":\"7\",\"generations\":[\"<think>hm \\\\boxed{7}\"]}",
     NULL, "rollouts", "q?", "7", 1, "hm \\boxed{7}", NULL, RAML_UNKNOWN, false},
    {"think opened by the template", "{\"problem\":\"q?\",\"answer\":\"7\",\"generations\":[\"hm</think>7\"]}", NULL,
     "rollouts", "q?", "7", 1, "hm", "7", RAML_EQUAL, true},
    {"no answer after the thinking",
     "{\"problem\":\"q?\",\"answer\":\"7\",\"generations\":[\"<think>hm</think> "
     "\"]}",
     NULL, "rollouts", "q?", "7", 1, "hm", NULL, RAML_UNKNOWN, true},
    {"answer tags", "{\"problem\":\"q?\",\"answer\":\"7\",\"generation\":\"<think>hm</think><answer> 7 </answer>\"}",
     NULL, "generic", "q?", "7", 1, "hm", "7", RAML_EQUAL, true},
    {"a heading is not an answer", "{\"problem\":\"q?\",\"answer\":\"7\",\"response\":\"#### Step\\nhm\"}", NULL,
     "generic", "q?", "7", 1, "#### Step\nhm", NULL, RAML_UNKNOWN, true},
    {"a deeper heading is none either", "{\"problem\":\"q?\",\"answer\":\"7\",\"response\":\"hm\\n##### 7\"}", NULL,
     "generic", "q?", "7", 1, "hm\n##### 7", NULL, RAML_UNKNOWN, true},
    {"a response in GSM8K's way", "{\"problem\":\"q?\",\"answer\":\"7\",\"response\":\"hm\\n#### 7\"}", NULL, "generic",
     "q?", "7", 1, "hm", "7", RAML_EQUAL, true},
    {"alpaca", "{\"instruction\":\"Add.\",\"input\":\"1, 2\",\"output\":\"<think>1+2</think>3\"}", NULL, "generic",
     "Add.\n1, 2", "", 1, "1+2", "3", RAML_UNKNOWN, true},
    {"alpaca, empty input", "{\"instruction\":\"Add.\",\"input\":\"\",\"output\":\"3\"}", NULL, "generic", "Add.", "",
     1, "3", NULL, RAML_UNKNOWN, true},
    {"integer answer", "{\"Problem\":\"q?\",\"Answer\":204}", NULL, "generic", "q?", "204", 0, NULL, NULL, 0, 0},
    {"float answer", "{\"problem\":\"q?\",\"answer\":27.0}", NULL, "generic", "q?", "27", 0, NULL, NULL, 0, 0},
    {"negative float answer", "{\"problem\":\"q?\",\"answer\":-0.1}", NULL, "generic", "q?", "-0.1", 0, NULL, NULL, 0,
     0},
    {"yes or no", "{\"problem\":\"q?\",\"answer\":true}", NULL, "generic", "q?", "true", 0, NULL, NULL, 0, 0},
    {"list of one", "{\"problem\":\"q?\",\"answer\":[\"204\"]}", NULL, "generic", "q?", "204", 0, NULL, NULL, 0, 0},
    {"boxed answer", "{\"query\":\"q?\",\"answer\":\" $\\\\boxed{5}$ \"}", NULL, "generic", "q?", "5", 0, NULL, NULL, 0,
     0},
    {"no answer at all", "{\"prompt\":\"q?\"}", NULL, "generic", "q?", "", 0, NULL, NULL, 0, 0},
    {"verl",
     "{\"prompt\":[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":\"q?\"}],"
     "\"reward_model\":{\"style\":\"rule\",\"ground_truth\":\"9\"},\"data_source\":\"gsm\"}",
     NULL, "generic", "q?", "9", 0, NULL, NULL, 0, 0},
    {"chat",
     "{\"messages\":[{\"role\":\"user\",\"content\":\"old\"},{\"role\":\"user\",\"content\":\"q?\"},"
     "{\"role\":\"assistant\",\"content\":\"<think>a</think>b\"}]}",
     NULL, "generic", "q?", "", 1, "a", "b", RAML_UNKNOWN, true},
    {"ShareGPT", "{\"conversations\":[{\"from\":\"human\",\"value\":\"q?\"},{\"from\":\"gpt\",\"value\":\"x\"}]}", NULL,
     "generic", "q?", "", 1, "x", NULL, RAML_UNKNOWN, true},
    {"completions as chats",
     "{\"prompt\":\"q?\",\"answer\":\"1\",\"completions\":[[{\"role\":\"assistant\","
     "\"content\":\"\\\\boxed{1}\"}]]}",
     NULL, "rollouts", "q?", "1", 1, "\\boxed{1}", "1", RAML_EQUAL, true},
    {"mapping", "{\"q\":\"q?\",\"question\":\"no\",\"gt\":{\"a\":3},\"cot\":\"so\"}",
     "question=q,answer=gt.a,"
     "trajectory=cot",
     "generic", "q?", "3", 1, "so", NULL, RAML_UNKNOWN, true},
    {"mapping away", "{\"problem\":\"q?\",\"answer\":\"1\",\"solution\":\"s\"}", "trajectory=", "generic", "q?", "1", 0,
     NULL, NULL, 0, 0},
    {"an answer that is called solution", "{\"problem\":\"q?\",\"solution\":\"42\"}", "answer=solution", "generic",
     "q?", "42", 0, NULL, NULL, 0, 0},
    {"question wins over problem", "{\"problem\":\"p\",\"question\":\"q?\",\"answer\":\"1\"}", NULL, "generic", "q?",
     "1", 0, NULL, NULL, 0, 0},
    {"a field that is null is not there",
     "{\"question\":null,\"problem\":\"q?\",\"answer\":\"1\","
     "\"solution\":null}",
     NULL, "generic", "q?", "1", 0, NULL, NULL, 0, 0},
};

static void test_layouts(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < COUNT(ones); i++) {
        const struct one *o = &ones[i];
        must_read(f, o->row, o->map);
        assert_int_equal(f->qs.n, 1);
        const struct raml_question *q = &f->qs.question[0];
        if (!same(f->fields.layout, o->layout)) fail_msg("%s: layout %s", o->what, f->fields.layout);
        if (!same(q->question, o->question)) fail_msg("%s: question '%s'", o->what, q->question);
        if (!same(q->answer, o->answer)) fail_msg("%s: answer '%s'", o->what, q->answer);
        if (q->n_trajectories != o->n) fail_msg("%s: %zu trajectories", o->what, q->n_trajectories);
        if (!o->n) continue;
        const struct raml_trajectory *t = &q->trajectory[0];
        if (!same(t->text, o->text)) fail_msg("%s: text '%s'", o->what, t->text);
        if (!same(t->answer, o->own)) fail_msg("%s: own answer '%s'", o->what, t->answer ? t->answer : "(none)");
        if ((int)t->correct != o->correct) fail_msg("%s: correct %d", o->what, t->correct);
        if (t->think_closed != o->closed) fail_msg("%s: closed %d", o->what, t->think_closed);
        if (!same(t->finish_reason, o->closed ? NULL : "length")) fail_msg("%s: finish reason", o->what);
    }
}

static void test_fields(void **state)
{
    struct fixture *f = *state;
    must_read(f,
              "{\"unique_id\":\"u/1\",\"problem\":\"q\",\"solution\":\"\\\\boxed{1}\",\"subject\":\"Algebra\","
              "\"level\":4}\n"
              "{\"problem\":\"q2\",\"solution\":\"\\\\boxed{2}\",\"level\":\"Level 5\",\"split\":\"test\"}\n"
              "{\"problem\":\"q3\",\"solution\":\"\\\\boxed{3}\",\"level\":\"Level ?\"}\n",
              NULL);
    assert_string_equal(f->fields.id, "unique_id");
    assert_string_equal(f->fields.question, "problem");
    assert_string_equal(f->fields.answer, "solution");
    assert_string_equal(f->fields.trajectory, "solution");
    assert_string_equal(f->fields.labels, "");
    assert_string_equal(f->fields.family, "subject");
    assert_string_equal(f->fields.difficulty, "level");
    assert_string_equal(f->fields.split, "split");
    static const struct {
        const char *id, *family, *split;
        int difficulty;
    } want[] = {{"u/1", "Algebra", NULL, 4}, {"d:2", NULL, "test", 5}, {"d:3", NULL, NULL, -1}};
    for (size_t i = 0; i < 3; i++) {
        const struct raml_question *q = &f->qs.question[i];
        assert_string_equal(q->id, want[i].id);
        assert_true(same(q->family, want[i].family));
        assert_true(same(q->split, want[i].split));
        assert_int_equal(q->difficulty, want[i].difficulty);
        assert_int_equal(q->line, i + 1);
    }
    must_read(f, "{\"question\":\"q\",\"answer\":\"s\\n#### 1\"}", NULL);
    assert_string_equal(f->fields.trajectory, "answer");
    must_read(f, "{\"instruction\":\"q\",\"output\":\"o\"}", NULL);
    assert_string_equal(f->fields.question, "instruction+input");
    assert_string_equal(f->fields.answer, "");
}

/* -- Faults ------------------------------------------------------------------------------------------------------- */

static const struct fault {
    const char *text, *map;
    enum raml_code code;
    const char *want; /* after the file's path */
} faults[] = {
    {"", NULL, RAML_EFORMAT, ": contains no question"},
    {" \n\n", NULL, RAML_EFORMAT, ": contains no question"},
    {"[]", NULL, RAML_EFORMAT, ": contains no question"},
    {"{\"question\":\"a\",\"answer\":1}\n\n{\"answer\":2}\n", NULL, RAML_EFORMAT,
     ":3: field 'question' is missing; found fields: answer"},
    {"{\"question\":\"a\",\"answer\":1}\n{\"question\":\"b\"}\n", NULL, RAML_EFORMAT,
     ":2: field 'answer' is missing; found fields: question"},
    {"{\"question\":\"a\",\"answer\":1}\n{\"question\":\"b\",\"answer\":null}\n", NULL, RAML_EFORMAT,
     ":2: field 'answer' is null; expected a value"},
    {"{\"x\":\"a\",\"y\":1}\n", NULL, RAML_EFORMAT,
     ":1: no known field for a question; found fields: x, y; expected question, problem, prompt, ..., or a "
     "mapping "
     "question=FIELD"},
    {"{\"question\":5}\n", NULL, RAML_EFORMAT,
     ":1: field 'question' is an integer; expected a string or a list of messages"},
    {"{\"question\":\" \\n\"}\n", NULL, RAML_EFORMAT, ":1: field 'question' is empty; expected a question"},
    {"{\"prompt\":[{\"role\":\"system\",\"content\":\"s\"}]}\n", NULL, RAML_EFORMAT,
     ":1: field 'prompt' has no message with role user and a text"},
    {"{\"question\":\"a\",\"answer\":[1,2]}\n", NULL, RAML_EFORMAT,
     ":1: field 'answer' is a list; expected a string, a number or a list of one of these"},
    {"{\"question\":\"a\",\"answer\":{}}\n", NULL, RAML_EFORMAT,
     ":1: field 'answer' is an object; expected a string, a number or a list of one of these"},
    {"{\"question\":\"a\",\"answer\":\"x\\n#### 1\"}\n{\"question\":\"b\",\"answer\":\"2\"}\n", NULL, RAML_EFORMAT,
     ":2: field 'answer' does not end in a line '#### answer', as the rows before it do"},
    {"{\"question\":\"a\",\"answer\":\"1\"}\n{\"question\":\"b\",\"answer\":\"x\\n#### 2\"}\n", NULL, RAML_EFORMAT,
     ":2: field 'answer' ends in a line '#### answer', which the rows before it do not"},
    {"{\"problem\":\"a\",\"solution\":\"so 5\"}\n", NULL, RAML_EFORMAT,
     ":1: field 'solution' has no \\boxed{...}; expected the answer in one"},
    {"{\"problem\":\"a\",\"generations\":[\"x\",\"y\"],\"labels\":[1]}\n", NULL, RAML_EFORMAT,
     ":1: field 'labels' has 1 entries; expected 2, as many as 'generations'"},
    {"{\"problem\":\"a\",\"generations\":[\"x\"],\"labels\":[0.5]}\n", NULL, RAML_EFORMAT,
     ":1: field 'labels' is another number; expected true, false, 0 or 1"},
    {"{\"problem\":\"a\",\"generations\":[\"x\"],\"labels\":1}\n", NULL, RAML_EFORMAT,
     ":1: field 'labels' is an integer; expected a list"},
    {"{\"problem\":\"a\",\"generations\":[3]}\n", NULL, RAML_EFORMAT,
     ":1: field 'generations' contains an integer; expected a text or an object with a text"},
    {"{\"question\":\"a\",\"trajectories\":[{\"answer\":\"1\"}]}\n", NULL, RAML_EFORMAT, ":1: field 'text' is missing"},
    {"{\"question\":\"a\",\"trajectories\":[{\"text\":\"t\",\"tokens\":[1,-1]}]}\n", NULL, RAML_EFORMAT,
     ":1: field 'tokens' entry 2 is out of range; expected a token id"},
    {"{\"question\":\"a\",\"trajectories\":[{\"text\":\"t\",\"tokens\":[1.5]}]}\n", NULL, RAML_EFORMAT,
     ":1: field 'tokens' entry 1 is a number with a fraction; expected a token id"},
    {"{\"question\":\"a\",\"trajectories\":[{\"text\":\"t\",\"seed\":-1}]}\n", NULL, RAML_EFORMAT,
     ":1: field 'seed' is an integer; expected a number from 0 on"},
    {"{\"question\":\"a\",\"trajectories\":[{\"text\":\"t\",\"correct\":\"yes\"}]}\n", NULL, RAML_EFORMAT,
     ":1: field 'correct' is a string; expected true, false, 0 or 1"},
    {"{\"question\":\"a\",\"trajectories\":[{\"text\":\"t\",\"exit\":3}]}\n", NULL, RAML_EFORMAT,
     ":1: field 'exit' is an integer; expected an object with policy, at, reason, probes, probe_tokens"},
    {"{\"question\":\"a\",\"trajectories\":[{\"text\":\"t\",\"exit\":{\"policy\":null,\"reason\":\"end\",\"at\":-1,"
     "\"probes\":0,\"probe_tokens\":0}}]}\n",
     NULL, RAML_EFORMAT,
     ":1: field 'exit' is an object; expected an object with policy, at, reason, probes, probe_tokens"},
    {"{\"question\":\"a\",\"trajectories\":[{\"text\":\"t\",\"think_closed\":1}]}\n", NULL, RAML_EFORMAT,
     ":1: field 'think_closed' is an integer; expected true or false"},
    {"{\"question\":\"a\",\"id\":{}}\n", NULL, RAML_EFORMAT,
     ":1: field 'id' is an object; expected a string or a "
     "number"},
    {"{\"question\":\"a\"}\n{\"question\":\"b\"\n", NULL, RAML_EFORMAT, ":2: not valid JSON at column "},
    {"{\"question\":\"a\"}\n{\"question\":\"b\",\"question\":\"c\"}\n", NULL, RAML_EFORMAT,
     ":2: not valid JSON at "
     "column "},
    {"{\"question\":\"a\"}\n7\n", NULL, RAML_EFORMAT, ":2: expected a JSON object, found an integer"},
    {"[\n{\"question\":\"a\"},\n{\"question\":\n 5}\n]\n", NULL, RAML_EFORMAT,
     ":3: field 'question' is an integer; expected a string or a list of messages"},
    {"[{\"question\":\"a\"},\n", NULL, RAML_EFORMAT,
     ":2: the list of rows is not closed; the row at line 2 is its "
     "last"},
    {"[{\"question\":\"a\"},]", NULL, RAML_EFORMAT, ":1: empty; expected a JSON object"},
    {"[{\"question\":\"a\"}]\n]", NULL, RAML_EFORMAT, ":2: text after the list of rows"},
    {"{\"q\":\"a\"}\n", "question=p", RAML_EFORMAT, ":1: field 'p', mapped to question, is missing; found fields: q"},
    {"{\"q\":\"a\",\"t\":\"x\"}\n{\"q\":\"a\"}\n", "question=q,trajectory=t", RAML_EFORMAT,
     ":2: field 't' is missing; found fields: q"},
    {"{\"q\":\"a\",\"d\":\"easy\"}\n", "question=q,difficulty=d", RAML_EFORMAT,
     ":1: field 'd' is a string without a level; expected 3 or 'Level 3'"},
};

static void test_faults(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < COUNT(faults); i++) {
        struct raml_read_options opt = {.map = faults[i].map};
        enum raml_code rc = read_text(f, faults[i].text, &opt, NULL);
        size_t n = strlen(f->path), whole = strlen(faults[i].want);
        if (rc != faults[i].code) fail_msg("fault %zu: code %d, '%s'; want '%s'", i, rc, f->err.msg, faults[i].want);
        assert_memory_equal(f->err.msg, f->path, n);
        bool begins = faults[i].want[whole - 1] == ' '; /* the rest is the JSON library's own words */
        if (begins ? strncmp(f->err.msg + n, faults[i].want, whole) : strcmp(f->err.msg + n, faults[i].want))
            fail_msg("fault %zu:\n got %s\nwant PATH%s", i, f->err.msg, faults[i].want);
        assert_int_equal(f->qs.n, 0);
    }
}

static void test_map_faults(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *map, *want;
    } t[] = {
        {"question", "map: found 'question'; expected role=field, as in question=Problem"},
        {"question=a,", "map: found ''; expected role=field, as in question=Problem"},
        {"gold=a", "map: found role 'gold'; expected id, question, choices, answer, trajectory, labels, family, "
                   "difficulty or split"},
        {"answer=a,answer=b", "map: role 'answer' is given twice"},
        {"question=", "map: role 'question' has no field; it is required"},
    };
    for (size_t i = 0; i < COUNT(t); i++) {
        struct raml_read_options opt = {.map = t[i].map};
        assert_int_equal(read_text(f, "{\"question\":\"a\"}\n", &opt, NULL), RAML_EUSAGE);
        assert_string_equal(f->err.msg, t[i].want);
    }
    assert_int_equal(raml_questions_read(&f->qs, "/nonexistent/x.jsonl", NULL, NULL, NULL, &f->err), RAML_EIO);
}

static void note_bad(void *user, size_t line, const char *message)
{
    raml_buf_addf(user, "%zu %s|", line, strrchr(message, '/'));
}

static void test_skip_and_limit(void **state)
{
    struct fixture *f = *state;
    struct raml_buf reported;
    raml_buf_init(&reported, 4096);
    struct raml_read_options opt = {.skip_bad = true, .on_bad = note_bad, .user = &reported};
    size_t n_bad = 99;
    static const char text[] = "\xef\xbb\xbf{\"question\":\"a\",\"answer\":1}\r\n  "
                               "\n{\"answer\":2}\n{\"question\":\"c\","
                               "\"answer\":3}\n[]\n{\"question\":\"d\",\"answer\":4}";
    assert_int_equal(read_text(f, text, &opt, &n_bad), RAML_OK);
    assert_int_equal(f->qs.n, 3);
    assert_int_equal(n_bad, 2);
    assert_string_equal(reported.data, "3 /d.jsonl:3: field 'question' is missing; found fields: answer|"
                                       "5 /d.jsonl:5: expected a JSON object, found an array|");
    raml_buf_deinit(&reported);
}

static void test_limit(void **state)
{
    struct fixture *f = *state;
    struct raml_read_options opt = {.limit = 2};
    size_t n_bad = 99;
    assert_int_equal(read_text(f, "{\"question\":\"a\"}\n{\"question\":\"b\"}\nnever read\n", &opt, &n_bad), RAML_OK);
    assert_int_equal(f->qs.n, 2);
    assert_int_equal(n_bad, 0);
    /* A second file is appended to the first, and one that fails leaves the set as it was. */
    assert_int_equal(raml_questions_read(&f->qs, f->path, &opt, NULL, NULL, NULL), RAML_OK);
    assert_int_equal(f->qs.n, 4);
    opt.limit = 0;
    assert_int_equal(raml_questions_read(&f->qs, f->path, &opt, NULL, NULL, NULL), RAML_EFORMAT);
    assert_int_equal(f->qs.n, 4);
    opt.limit = 1;
    assert_int_equal(read_text(f, " [ {\"question\":\"]}\\\"[\"} , {\"question\":\"b\"} ] ", &opt, NULL), RAML_OK);
    assert_int_equal(f->qs.n, 1);
    assert_string_equal(f->qs.question[0].question, "]}\"[");
}

/* -- Whole data sets ---------------------------------------------------------------------------------------------- */

static const struct set {
    const char *path, *layout, *question, *answer, *trajectory;
    size_t n, n_trajectories, n_equal; /* n_equal: solutions that arrive at the answer, counted by hand and by script */
    const char *first, *last;          /* answers */
} sets[] = {
    {"gsm8k/train.jsonl", "gsm8k", "question", "answer", "answer", 7473, 7473, 7473, "72", "50"},
    {"gsm8k/test.jsonl", "gsm8k", "question", "answer", "answer", 1319, 1319, 1319, "18", "14"},
    {"math/test.jsonl", "math", "problem", "solution", "solution", 5000, 5000, 5000, "2",
     "\\begin{pmatrix} 1 \\\\ -2 \\\\ -1 \\end{pmatrix}"},
    {"math500/test.jsonl", "math", "problem", "answer", "solution", 500, 500, 500,
     "\\left( 3, \\frac{\\pi}{2} "
     "\\right)",
     NULL},
    {"aime24/test.jsonl", "math", "question", "answer", "solution", 30, 30, 29, "204", NULL},
    {"aime25/test.jsonl", "math", "problem", "expected_answer", "reference_solution", 30, 29, 28, "70", NULL},
    {"amc23/test.jsonl", "generic", "question", "answer", "", 40, 0, 0, "27", NULL},
    {"minerva_ocw/test.jsonl", "math", "problem", "solution", "solution", 272, 272, 272, "1.6", NULL},
    {"gaokao2024_mix/test.jsonl", "generic", "question", "answer", "", 91, 0, 0, "C", NULL},
};

static void test_sets(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < COUNT(sets); i++) {
        const struct set *s = &sets[i];
        char path[512];
        snprintf(path, sizeof path, "%s/data/datasets/%s", RAML_SHARED, s->path);
        if (!raml_is_file(path)) {
            fprintf(stderr, "\n*** NOT TESTED: %s is absent ***\n\n", path);
            skip();
        }
        raml_questions_deinit(&f->qs);
        raml_questions_init(&f->qs);
        if (raml_questions_read(&f->qs, path, NULL, &f->fields, NULL, &f->err)) fail_msg("%s", f->err.msg);
        assert_int_equal(f->qs.n, s->n);
        assert_string_equal(f->fields.layout, s->layout);
        assert_string_equal(f->fields.question, s->question);
        assert_string_equal(f->fields.answer, s->answer);
        assert_string_equal(f->fields.trajectory, s->trajectory);
        size_t n = 0, equal = 0;
        for (size_t j = 0; j < f->qs.n; j++) {
            const struct raml_question *q = &f->qs.question[j];
            n += q->n_trajectories;
            assert_true(q->answer[0] && q->question[0]);
            for (size_t k = 0; k < q->n_trajectories; k++) equal += q->trajectory[k].correct == RAML_EQUAL;
        }
        assert_int_equal(n, s->n_trajectories);
        if (equal != s->n_equal) fail_msg("%s: %zu correct solutions", s->path, equal);
        assert_string_equal(f->qs.question[0].answer, s->first);
        if (s->last) assert_string_equal(f->qs.question[s->n - 1].answer, s->last);
    }
}

/* -- Writing ------------------------------------------------------------------------------------------------------ */

static void slurp(const char *path, struct raml_buf *b)
{
    raml_buf_init(b, (size_t)1 << 28);
    assert_int_equal(raml_file_read(path, b, NULL), RAML_OK);
}

/* Writes the set, reads that, writes it again: the bytes are the same. */
static void round_trip(struct fixture *f, const struct raml_questions *qs, struct raml_buf *first)
{
    char again[112];
    struct raml_questions back;
    struct raml_buf second;
    snprintf(again, sizeof again, "%s.2", f->path);
    assert_int_equal(raml_questions_write(qs, f->path, &f->err), RAML_OK);
    raml_questions_init(&back);
    if (raml_questions_read(&back, f->path, NULL, NULL, NULL, &f->err)) fail_msg("%s", f->err.msg);
    assert_int_equal(back.n, qs->n);
    assert_int_equal(raml_questions_write(&back, again, &f->err), RAML_OK);
    raml_questions_deinit(&back);
    slurp(f->path, first);
    slurp(again, &second);
    assert_int_equal(first->len, second.len);
    assert_memory_equal(first->data, second.data, first->len);
    raml_buf_deinit(&second);
}

static void test_write(void **state)
{
#define BAD "\xef\xbf\xbd" /* U+FFFD */
    struct fixture *f = *state;
    int32_t tokens[] = {0, 7, 2147483647}, no_tokens[1] = {0};
    const struct raml_trajectory_exit stopped = {.policy = "stability:repeats=2",
                                                 .at = 12,
                                                 .reason = "stable",
                                                 .probes = 3,
                                                 .probe_tokens = 17},
                                      whole = {.reason = "end", .at = 1};
    /* clang-format off */
    struct raml_trajectory t[] = {
        {.text = "2 + 2\n= \"4\"", .answer = "4", .correct = RAML_EQUAL, .finish_reason = "stop", .think_closed = true,
         .tokens = tokens, .n_tokens = 3, .logp_sum = -0.1f, .seed = UINT64_MAX, .exit = &stopped},
        {.text = "", .correct = RAML_DIFFERENT, .finish_reason = "budget", .tokens = no_tokens, .logp_sum = NAN, .exit = &whole},
        {.text = "caf\xc3\xa9 \xf0\x9f\x98\x80 \xed\xa0\x80 \xc0\x80 \xe2\x82",
         .correct = RAML_UNKNOWN, .style = "reflect", .mode = "empty", .think_closed = true,
     .logp_sum = -INFINITY},
        {.text = "x", .correct = RAML_UNKNOWN, .logp_sum = 1e-30, .seed = 3},
    };
    /* clang-format on */
    /* clang-format off */
    struct raml_question q[] = {
        {.id = "a", .question = "2+2?", .answer = "4", .family = "add", .split = "test", .difficulty = 0,
     .trajectory = t,
         .n_trajectories = 4},
        {.id = "b", .question = "caf\xc3\xa9", .answer = "", .difficulty = -1},
    };
    /* clang-format on */
    for (size_t i = 0; i < COUNT(q); i++) assert_int_equal(raml_questions_add(&f->qs, &q[i], NULL), RAML_OK);
    struct raml_buf text;
    round_trip(f, &f->qs, &text);
    assert_string_equal(
        text.data,
        "{\"id\":\"a\",\"question\":\"2+2?\",\"answer\":\"4\",\"family\":\"add\",\"difficulty\":0,\"split\":\"test\","
        "\"trajectories\":[{\"text\":\"2 + 2\\n= \\\"4\\\"\",\"answer\":\"4\",\"correct\":true,"
        "\"finish_reason\":\"stop\","
        "\"think_closed\":true,\"tokens\":[0,7,2147483647],\"logp_sum\":-0.100000001,"
        "\"seed\":\"18446744073709551615\",\"exit\":{\"policy\":\"stability:repeats=2\",\"at\":12,"
        "\"reason\":\"stable\",\"probes\":3,\"probe_tokens\":17}},"
        "{\"text\":\"\",\"correct\":false,\"finish_reason\":\"budget\",\"think_closed\":false,\"tokens\":[],"
        "\"seed\":0,\"exit\":{\"policy\":null,\"at\":1,\"reason\":\"end\",\"probes\":0,\"probe_tokens\":0}},"
        "{\"text\":\"caf\xc3\xa9 \xf0\x9f\x98\x80 " BAD BAD BAD " " BAD BAD " " BAD BAD
        "\",\"style\":\"reflect\",\"mode\":\"empty\"},"
        "{\"text\":\"x\",\"think_closed\":false,\"logp_sum\":1e-30,\"seed\":3}]}\n"
        "{\"id\":\"b\",\"question\":\"caf\xc3\xa9\",\"answer\":\"\"}\n");
    raml_buf_deinit(&text);
    struct raml_questions back;
    raml_questions_init(&back);
    assert_int_equal(raml_questions_read(&back, f->path, NULL, &f->fields, NULL, NULL), RAML_OK);
    assert_string_equal(f->fields.layout, "raml");
    const struct raml_trajectory *u = back.question[0].trajectory;
    assert_true(u[0].seed == UINT64_MAX && u[0].n_tokens == 3 && u[0].tokens[2] == 2147483647);
    assert_true((float)u[0].logp_sum == -0.1f && isnan(u[1].logp_sum) && u[1].correct == RAML_DIFFERENT);
    assert_true(u[1].tokens && u[1].n_tokens == 0 && !u[1].think_closed && !u[2].tokens && !u[3].finish_reason);
    assert_string_equal(u[0].exit->policy, "stability:repeats=2");
    assert_string_equal(u[0].exit->reason, "stable");
    assert_true(u[0].exit->at == 12 && u[0].exit->probes == 3 && u[0].exit->probe_tokens == 17);
    assert_true(u[1].exit && !u[1].exit->policy && !u[2].exit);
    assert_string_equal(u[2].style, "reflect");
    assert_string_equal(u[2].mode, "empty");
    raml_questions_deinit(&back);
}

/* Every layout, once read and written, is ours and stays the same thereafter. */
static void test_round_trips(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < COUNT(ones); i++) {
        struct raml_buf text;
        must_read(f, ones[i].row, ones[i].map);
        round_trip(f, &f->qs, &text);
        raml_buf_deinit(&text);
    }
    char path[512];
    snprintf(path, sizeof path, "%s/data/datasets/gsm8k/test.jsonl", RAML_SHARED);
    if (!raml_is_file(path)) {
        fprintf(stderr, "\n*** NOT TESTED: %s is absent ***\n\n", path);
        skip();
    }
    raml_questions_deinit(&f->qs);
    raml_questions_init(&f->qs);
    assert_int_equal(raml_questions_read(&f->qs, path, NULL, NULL, NULL, NULL), RAML_OK);
    struct raml_buf text;
    round_trip(f, &f->qs, &text);
    raml_buf_deinit(&text);
}

/* A file that can't be written leaves the old one. */
static void test_write_fails(void **state)
{
    struct fixture *f = *state;
    must_read(f, "{\"question\":\"a\"}\n", NULL);
    assert_int_equal(raml_questions_write(&f->qs, "/nonexistent/folder/x.jsonl", &f->err), RAML_EIO);
    assert_int_equal(raml_questions_write(&f->qs, f->dir, &f->err), RAML_EIO);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        TEST(test_layouts), TEST(test_fields), TEST(test_faults), TEST(test_map_faults),  TEST(test_skip_and_limit),
        TEST(test_limit),   TEST(test_sets),   TEST(test_write),  TEST(test_round_trips), TEST(test_write_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
