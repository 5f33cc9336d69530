/* test_families.c - every family, difficulty and style: correct answers, true steps, same text from the same stream. */
#include "raml/family.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "task/family_answer.h"

enum { N_INSTANCES = 200, MAX_TEXT = 1 << 16 };

static const struct row {
    const char *name;
    bool (*check)(const char *question, const char *answer);
    long modulus; /* of the equations in its trajectories; 0: none */
    bool equations;
    size_t max_question, max_concise; /* bytes, at the default difficulties */
} rows[] = {
    {"modchain", check_modchain, 11, true, 60, 100}, {"add", check_arithmetic, 0, true, 20, 80},
    {"mul", check_arithmetic, 0, true, 20, 220},     {"countdown", check_countdown, 0, true, 30, 120},
    {"perm", check_perm, 0, false, 60, 180},         {"graph", check_graph, 0, true, 60, 200},
    {"word", check_word, 0, true, 330, 160},
};
#define COUNT(x) (sizeof(x) / sizeof *(x))

static struct raml_rng stream(enum raml_purpose purpose, uint64_t question, uint32_t sample)
{
    return (struct raml_rng){.key = {.seed = 11, .purpose = (uint32_t)purpose, .question = question, .sample = sample}};
}

struct instance {
    struct raml_buf question, answer, text, again;
};

static void instance_init(struct instance *x)
{
    raml_buf_init(&x->question, MAX_TEXT);
    raml_buf_init(&x->answer, MAX_TEXT);
    raml_buf_init(&x->text, MAX_TEXT);
    raml_buf_init(&x->again, MAX_TEXT);
}

static void instance_deinit(struct instance *x)
{
    raml_buf_deinit(&x->question);
    raml_buf_deinit(&x->answer);
    raml_buf_deinit(&x->text);
    raml_buf_deinit(&x->again);
}

static void make(const struct raml_family *f, int d, uint64_t i, struct instance *x)
{
    raml_buf_clear(&x->question);
    raml_buf_clear(&x->answer);
    f->make(stream(RAML_FOR_QUESTION, i, 0), d, &x->question, &x->answer);
    assert_int_equal(raml_buf_status(&x->question, NULL), RAML_OK);
    assert_int_equal(raml_buf_status(&x->answer, NULL), RAML_OK);
}

static void solve(const struct raml_family *f, int d, uint64_t i, enum raml_style style, uint32_t sample,
                  struct raml_buf *out)
{
    raml_buf_clear(out);
    raml_family_solve(f, stream(RAML_FOR_QUESTION, i, 0), d, style, stream(RAML_FOR_SOLUTION, i, sample), out);
    assert_int_equal(raml_buf_status(out, NULL), RAML_OK);
}

static const char *line_end(const char *line)
{
    return line + strcspn(line, "\n");
}

/* The last line, except for a full stop, ends with the answer and nothing that would make it a longer number. */
static bool ends_with_answer(const char *text, const char *answer)
{
    size_t n = strlen(text), m = strlen(answer);
    if (n && text[n - 1] == '.') n--;
    if (n < m || memcmp(text + n - m, answer, m) != 0) return false;
    return n == m || (!isalnum((unsigned char)text[n - m - 1]) && text[n - m - 1] != '\n');
}

/* "m:12 24 33 45 51;45 33 12 24 51;53241": the second list is the first one's pairs, the word is their ends. */
static bool perm_line(const char *line, const char *end)
{
    if (end - line != 37) return line[1] == ':' && end - line == 7;
    const char *map = line + 2, *pairs = line + 17, *word = line + 32;
    for (int i = 0; i < 5; i++) {
        if (map[3 * i] != '1' + i || word[i] != pairs[3 * i + 1]) return false;
        if (map[3 * (pairs[3 * i] - '1') + 1] != word[i]) return false;
    }
    return true;
}

/* What a true line states besides its equations. */
static bool line_holds(const struct row *row, const struct instance *x, const char *line, const char *end)
{
    if (!strcmp(row->name, "perm") && line[1] == ':') return perm_line(line, end);
    const char *sign = memchr(line, '>', (size_t)(end - line));
    if (!strcmp(row->name, "add") && sign) {
        size_t n = (size_t)(end - sign - 1);
        return n <= x->answer.len && !memcmp(x->answer.data + x->answer.len - n, sign + 1, n);
    }
    const char *colon = memchr(line, ':', (size_t)(end - line));
    if (!strcmp(row->name, "graph") && colon && isdigit((unsigned char)line[1])) {
        int distance[128];
        return answer_graph(x->question.data, distance) && distance[line[0] & 127] == strtol(line + 1, NULL, 10);
    }
    long v;
    if (!strcmp(row->name, "modchain") && line[1] == '=') {
        const char *value = end;
        while (value > line && value[-1] != '=') value--;
        return answer_modchain(x->question.data, line[0], 0, &v) && v == strtol(value, NULL, 10);
    }
    return true;
}

/* Every line is true, except one that the next takes back with "wait"; returns how many are taken back, -1: a line is
 * false. *n_equations: those that were checked. */
static int check_lines(const struct row *row, const struct instance *x, int *n_equations)
{
    int n_continuations = 0;
    *n_equations = 0;
    for (const char *line = x->text.data; *line;) {
        const char *end = line_end(line), *next = *end ? end + 1 : end;
        if (end == line) return -1;
        bool taken_back = !strncmp(next, "wait", 4);
        bool holds = test_equations(line, end, row->modulus, n_equations) && line_holds(row, x, line, end);
        if (!holds && !taken_back) return -1;
        n_continuations += taken_back;
        line = next;
    }
    return n_continuations;
}

static void check_text(const struct row *row, const struct instance *x, enum raml_style style, int d)
{
    int n_equations, n_continuations = check_lines(row, x, &n_equations);
    bool continuations =
        style == RAML_STYLE_REFLECT ? n_continuations >= 1 && n_continuations <= 2 : n_continuations == 0;
    bool equations = n_equations > 0 || !row->equations;
    if (!continuations || !equations || !ends_with_answer(x->text.data, x->answer.data))
        fail_msg("%s at %d, %s:\n%s\nanswer %s\n%s\n(waits %d, equations %d)", row->name, d, raml_style_name(style),
                 x->question.data, x->answer.data, x->text.data, n_continuations, n_equations);
}

static void check_instance(const struct row *row, const struct raml_family *f, int d, uint64_t i, struct instance *x,
                           size_t longest[1 + RAML_N_STYLES])
{
    make(f, d, i, x);
    if (!row->check(x->question.data, x->answer.data))
        fail_msg("%s at %d: %s gives %s", row->name, d, x->question.data, x->answer.data);
    struct raml_question q = {.question = x->question.data, .answer = x->answer.data, .family = f->name};
    assert_int_equal(raml_question_check(&q, x->answer.data), RAML_EQUAL);
    if (x->question.len > longest[0]) longest[0] = x->question.len;
    for (int s = 0; s < RAML_STYLE_EMPTY; s++) {
        for (uint32_t sample = 0; sample < 2; sample++) {
            solve(f, d, i, (enum raml_style)s, sample, &x->text);
            check_text(row, x, (enum raml_style)s, d);
            solve(f, d, i, (enum raml_style)s, sample, &x->again);
            assert_string_equal(x->text.data, x->again.data);
            if (x->text.len > longest[1 + s]) longest[1 + s] = x->text.len;
        }
    }
}

static void test_instances(void **state)
{
    (void)state;
    struct instance x;
    instance_init(&x);
    print_message("longest, bytes: question, concise, verbose, reflect, checked\n");
    for (size_t k = 0; k < COUNT(rows); k++) {
        const struct raml_family *f = raml_family_find(rows[k].name);
        assert_non_null(f);
        for (int d = f->low; d <= f->high; d++) {
            size_t longest[1 + RAML_N_STYLES] = {0};
            for (uint64_t i = 0; i < N_INSTANCES; i++) check_instance(&rows[k], f, d, i, &x, longest);
            if (d != f->low && d != f->high && (d < f->easy || d > f->hard)) continue;
            print_message("%-10s %2d: %5zu %5zu %5zu %5zu %5zu\n", f->name, d, longest[0], longest[1], longest[2],
                          longest[3], longest[4]);
            if (d >= f->easy && d <= f->hard)
                assert_true(longest[0] <= rows[k].max_question && longest[1] <= rows[k].max_concise);
        }
    }
    instance_deinit(&x);
}

/* This file's checker detects what it is for: a wrong sum, a wrong digit, a missing "wait". */
static void test_checks_see_faults(void **state)
{
    (void)state;
    static const struct {
        const char *family, *question, *answer, *text;
        int continuations;
    } cases[] = {
        {"add", "12+19=?", "31", "2+9+0=11>1\n1+1+1=03>31", 0},
        {"add", "12+19=?", "31", "2+9+0=12>1\n1+1+1=03>31", -1},
        {"add", "12+19=?", "31", "2+9+0=11>2\n1+1+1=03>31", -1},
        {"add", "12+19=?", "31", "2+9+0=12>2\nwait, no\n2+9+0=11>1\n1+1+1=03>31", 1},
        {"modchain", "b=a+9;a=8;b mod 11?", "6", "b<a\na=8\nb=a+9=8+9=6", 0},
        {"modchain", "b=a+9;a=8;b mod 11?", "6", "b<a\na=8\nb=a+9=8+9=17=6", 0},
        {"modchain", "b=a+9;a=8;b mod 11?", "6", "b<a\na=8\nb=a+9=8+9=16=6", -1},
        {"modchain", "b=a+9;a=8;b mod 11?", "6", "b<a\na=8\nb=a+9=8+9=7", -1},
        {"modchain", "b=a+9;a=8;b mod 11?", "6", "b<a\na=7\nb=a+9=8+9=6", -1},
        {"graph", "ab3:a-b?", "3", "a0:b=0+3=3|b3\nb=3", 0},
        {"graph", "ab3:a-b?", "3", "a1:b=0+3=3|b3\nb=3", -1},
        {"perm", "a=21345;b=21345;ab?", "12345", "a:21345\nb:12 21 33 44 55;21 12 33 44 55;12345", 0},
        {"perm", "a=21345;b=21345;ab?", "12345", "a:21345\nb:12 21 33 44 55;21 12 33 44 55;21345", -1},
        {"word", "", "5", "Tom 2\nTom buys 3: 2+3=5", 0},
        {"word", "", "5", "Tom 2\nTom buys 3: 2+3=6", -1},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct row *row = rows;
        while (strcmp(row->name, cases[i].family) != 0) row++;
        struct instance x;
        int n;
        instance_init(&x);
        raml_buf_adds(&x.question, cases[i].question);
        raml_buf_adds(&x.answer, cases[i].answer);
        raml_buf_adds(&x.text, cases[i].text);
        if (check_lines(row, &x, &n) != cases[i].continuations) fail_msg("%s", cases[i].text);
        instance_deinit(&x);
    }
    assert_false(ends_with_answer("b=14", "4"));
    assert_false(check_modchain("b=a+9;a=8;b mod 11?", "7"));
    assert_false(check_perm("a=21345;b=21354;ab?", "12345"));
    assert_true(check_perm("a=23145;b=21345;ba?", "32145"));
    assert_false(check_graph("ab3 bc4 ac6:a-c?", "7"));
    assert_false(check_countdown("2 3 -> 5", "2+2+1"));
    assert_false(check_word("Tom has 5 pens. How many pens does Tom have?", "6"));
}

/* Samples of a question differ, in the styles and families whose steps leave a choice. least: distinct texts among six
 * samples, mean over instances, at the family's hardest default difficulty. */
static void test_samples_differ(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double least[RAML_N_STYLES];
    } want[] = {
        {"modchain", {1.5, 2.5, 4.0, 1.4}},  {"add", {1.5, 4.5, 4.5, 1.5}},  {"mul", {1.5, 4.5, 4.5, 1.5}},
        {"countdown", {1.2, 4.0, 4.0, 1.2}}, {"perm", {1.5, 4.5, 5.0, 1.5}}, {"graph", {2.0, 4.5, 4.5, 2.0}},
        {"word", {1.5, 4.5, 4.5, 1.5}},
    };
    enum { SAMPLES = 6 };
    struct raml_buf text[SAMPLES];
    for (int k = 0; k < SAMPLES; k++) raml_buf_init(&text[k], MAX_TEXT);
    for (size_t r = 0; r < COUNT(want); r++) {
        const struct raml_family *f = raml_family_find(want[r].name);
        for (int s = 0; s < RAML_STYLE_EMPTY; s++) {
            double distinct = 0;
            for (uint64_t i = 0; i < N_INSTANCES; i++) {
                for (uint32_t k = 0; k < SAMPLES; k++) {
                    solve(f, f->hard, i, (enum raml_style)s, k, &text[k]);
                    bool is_new = true;
                    for (uint32_t j = 0; j < k; j++) is_new = is_new && strcmp(text[j].data, text[k].data) != 0;
                    distinct += is_new;
                }
            }
            distinct /= N_INSTANCES;
            print_message("%-10s %-8s %.2f distinct of %d\n", f->name, raml_style_name((enum raml_style)s), distinct,
                          SAMPLES);
            assert_true(distinct >= want[r].least[s]);
        }
    }
    for (int k = 0; k < SAMPLES; k++) raml_buf_deinit(&text[k]);
}

/* A checked trajectory is the concise one, a line that says so, and a concise one of the same instance again: another one
 * where the family has several. */
static void test_checked(void **state)
{
    (void)state;
    struct raml_buf checked, concise;
    raml_buf_init(&checked, MAX_TEXT);
    raml_buf_init(&concise, MAX_TEXT);
    for (size_t r = 0; r < COUNT(rows); r++) {
        const struct raml_family *f = raml_family_find(rows[r].name);
        int differ = 0;
        for (uint64_t i = 0; i < N_INSTANCES; i++) {
            solve(f, f->hard, i, RAML_STYLE_CHECKED, 1, &checked);
            solve(f, f->hard, i, RAML_STYLE_CONCISE, 1, &concise);
            assert_memory_equal(checked.data, concise.data, concise.len);
            assert_memory_equal(checked.data + concise.len, "\ncheck:\n", 8);
            differ += strcmp(checked.data + concise.len + 8, concise.data) != 0;
        }
        print_message("%-10s checked another way: %d of %d\n", f->name, differ, N_INSTANCES);
        if (!strcmp(f->name, "add") || !strcmp(f->name, "mul") || !strcmp(f->name, "perm"))
            assert_true(differ > N_INSTANCES * 9 / 10);
    }
    raml_buf_deinit(&checked);
    raml_buf_deinit(&concise);
}

/* Answers are spread: the most common is rare enough that guessing stays far below half. */
static void test_guessing_is_poor(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double most;
    } want[] = {
        {"modchain", 0.13}, {"add", 0.02}, {"mul", 0.02}, {"perm", 0.03}, {"graph", 0.20}, {"word", 0.12},
    };
    enum { N = 2000, BINS = 4096 };
    struct instance x;
    instance_init(&x);
    for (size_t r = 0; r < COUNT(want); r++) {
        const struct raml_family *f = raml_family_find(want[r].name);
        int bin[BINS] = {0}, most = 0;
        for (uint64_t i = 0; i < N; i++) {
            make(f, f->easy + (int)(i % (uint64_t)(f->hard - f->easy + 1)), i, &x);
            int *b = &bin[strtol(x.answer.data, NULL, 10) % BINS];
            if (++*b > most) most = *b;
        }
        print_message("%-10s most common answer: %.3f\n", f->name, most / (double)N);
        assert_true(most <= want[r].most * N);
    }
    instance_deinit(&x);
}

static void test_table(void **state)
{
    (void)state;
    const struct raml_family *const *all;
    assert_int_equal(raml_families(&all), COUNT(rows));
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct raml_family *f = all[i];
        assert_string_equal(f->name, rows[i].name); /* the order names random streams: it must not change */
        assert_ptr_equal(raml_family_find(f->name), f);
        assert_true(f->low <= f->easy && f->easy <= f->hard && f->hard < f->high);
    }
    assert_null(raml_family_find("nothing"));
    assert_null(raml_family_find(NULL));
    assert_string_equal(raml_style_name(RAML_STYLE_REFLECT), "reflect");
    assert_string_equal(raml_style_name(RAML_STYLE_CHECKED), "checked");
}

int main(void)
{
    /* clang-format off */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),          cmocka_unit_test(test_instances),
        cmocka_unit_test(test_checks_see_faults), cmocka_unit_test(test_samples_differ), cmocka_unit_test(test_checked),
        cmocka_unit_test(test_guessing_is_poor),
    };
    /* clang-format on */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
