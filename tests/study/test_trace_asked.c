/* test_trace_asked.c - which answers a trajectory is asked for: kinds, votes, equal answers, options, files, and what is
 * wrong with lists and files. */
#include "core/scratch.h"

#include "study/trace_answers.h"

static struct raml_trajectory samples[] = {
    {.text = "a", .answer = "1/2", .correct = RAML_EQUAL, .think_closed = true},
    {.text = "b", .answer = "7", .correct = RAML_DIFFERENT, .think_closed = true},
    {.text = "c", .answer = "0.5", .correct = RAML_EQUAL, .think_closed = true},
    {.text = "d", .answer = "3", .correct = RAML_DIFFERENT, .think_closed = true},
    {.text = "e", .answer = "7.0", .correct = RAML_DIFFERENT, .think_closed = true},
    {.text = "f", .answer = "3", .correct = RAML_DIFFERENT, .think_closed = true, .finish_reason = "length"},
    {.text = "g", .answer = "3", .correct = RAML_DIFFERENT, .think_closed = false},
    {.text = "h", .answer = "7", .correct = RAML_DIFFERENT, .think_closed = true},
    {.text = "i", .answer = NULL, .correct = RAML_DIFFERENT, .think_closed = true},
    {.text = "j", .answer = "3", .correct = RAML_DIFFERENT, .think_closed = true, .finish_reason = "length"},
    {.text = "k", .answer = "3", .correct = RAML_DIFFERENT, .think_closed = true, .finish_reason = "length"},
};
static const struct raml_question half = {.id = "half",
                                          .question = "1/4 + 1/4 = ?",
                                          .answer = "0.5",
                                          .trajectory = samples,
                                          .n_trajectories = COUNT(samples)};

static struct raml_trajectory right[] = {{.text = "x", .answer = "4", .correct = RAML_EQUAL, .think_closed = true}};
static const struct raml_question four = {
    .id = "four", .question = "2 + 2 = ?", .answer = "4", .trajectory = right, .n_trajectories = 1};

static struct raml_trajectory graded[] = {
    /* by a person: the checker does not see that a tenth is right */
    {.text = "a", .answer = "a tenth", .correct = RAML_EQUAL, .think_closed = true},
    {.text = "b", .answer = "a tenth", .correct = RAML_EQUAL, .think_closed = true},
    {.text = "c", .answer = "9", .correct = RAML_DIFFERENT, .think_closed = true},
};
static const struct raml_question tenth = {
    .id = "tenth", .question = "1/10?", .answer = "0.1", .trajectory = graded, .n_trajectories = COUNT(graded)};

static struct raml_trajectory letter[] = {
    {.text = "x", .answer = "C", .correct = RAML_DIFFERENT, .think_closed = true}};
static const struct raml_question choice = {.id = "choice",
                                            .question =
                                                "\nA) p\nB) q\nC) r\nD) s\nE) t\n\nA) one\nB) two\nC) three\nE) no",
                                            .answer = "B",
                                            .letters = true,
                                            .trajectory = letter,
                                            .n_trajectories = 1};

static struct raml_answer_chooser *opened(const char *kinds, const char *given)
{
    struct raml_err err = {0};
    struct raml_answer_chooser *c;
    must(raml_answer_chooser_open(kinds, given, &c, &err), &err);
    return c;
}

static struct raml_asked_list choose(struct raml_answer_chooser *c, const struct raml_question *q, size_t sample)
{
    struct raml_err err = {0};
    struct raml_asked_list list;
    must(raml_answer_choose(c, q, sample, &list, &err), &err);
    return list;
}

static void check_text(const struct raml_asked_list *list, size_t k, size_t slot, const char *text)
{
    if (k >= list->n) fail_msg("there are %zu answers", list->n);
    assert_int_equal(list->answer[k].slot, slot);
    assert_string_equal(list->answer[k].text, text);
    assert_int_equal(list->of_slot[slot], (int)k);
    assert_true(list->answer[k].also >> slot & 1);
}

static void kinds(void **state)
{
    (void)state;
    struct raml_answer_chooser *c = opened("gold,own,majority,wrong", NULL);
    assert_true(raml_answer_chooser_several(c));
    assert_int_equal(raml_answer_chooser_first(c), RAML_ANSWER_GOLD);
    /* votes: 7 of three samples (one writes 7.0), the right one of two, 3 of one: truncated and open ones don't vote.
     * A right sample's own answer, 1/2, is the question's. */
    struct raml_asked_list list = choose(c, &half, 0);
    assert_int_equal(list.n, 2);
    check_text(&list, 0, RAML_ANSWER_GOLD, "0.5");
    check_text(&list, 1, RAML_ANSWER_MAJORITY, "7");
    assert_int_equal(list.of_slot[RAML_ANSWER_OWN], 0);
    assert_int_equal(list.of_slot[RAML_ANSWER_WRONG], 1);
    list = choose(c, &half, 3);
    assert_int_equal(list.n, 3);
    check_text(&list, 1, RAML_ANSWER_OWN, "3");
    check_text(&list, 2, RAML_ANSWER_MAJORITY, "7");
    list = choose(c, &half, 4); /* its own text stands, since it comes first */
    check_text(&list, 1, RAML_ANSWER_OWN, "7.0");
    assert_int_equal(list.n, 2);
    list = choose(c, &half, 8);
    assert_int_equal(list.of_slot[RAML_ANSWER_OWN], -1);
    list = choose(c, &four, 0);
    assert_int_equal(list.n, 1);
    assert_int_equal(list.of_slot[RAML_ANSWER_MAJORITY], 0);
    assert_int_equal(list.of_slot[RAML_ANSWER_WRONG], -1);
    list = choose(c, &half, 1); /* back to a question of before */
    check_text(&list, 1, RAML_ANSWER_OWN, "7");
    list = choose(c, &tenth, 2);
    check_text(&list, 1, RAML_ANSWER_OWN, "9");
    assert_int_equal(list.of_slot[RAML_ANSWER_WRONG], 1); /* not what two samples were graded right for */
    raml_answer_chooser_close(c);
}

static void first_kind(void **state)
{
    (void)state;
    struct raml_answer_chooser *c = opened("wrong,gold", NULL);
    struct raml_asked_list list = choose(c, &half, 0);
    check_text(&list, 0, RAML_ANSWER_WRONG, "7");
    check_text(&list, 1, RAML_ANSWER_GOLD, "0.5");
    list = choose(c, &four, 0);
    assert_int_equal(list.n, 0); /* without the first kind there is none */
    raml_answer_chooser_close(c);
    c = opened("own", NULL);
    assert_false(raml_answer_chooser_several(c));
    list = choose(c, &half, 8);
    assert_int_equal(list.n, 0);
    raml_answer_chooser_close(c);
}

static void options(void **state)
{
    (void)state;
    struct raml_answer_chooser *c = opened("choices,own", NULL);
    assert_true(raml_answer_chooser_several(c));
    struct raml_asked_list list = choose(c, &choice, 0);
    assert_int_equal(list.n, 3);
    check_text(&list, 0, RAML_ANSWER_LETTERS, "A");
    check_text(&list, 2, RAML_ANSWER_LETTERS + 2, "C");
    assert_int_equal(list.of_slot[RAML_ANSWER_OWN], 2);
    assert_string_equal(raml_answer_slot_name(RAML_ANSWER_LETTERS + 2), "C");
    raml_answer_chooser_close(c);
    /* an option in another spelling is traced as its letter, wherever it stands */
    static struct raml_trajectory spelled[] = {
        {.text = "x", .answer = "(C)", .correct = RAML_DIFFERENT, .think_closed = true}};
    struct raml_question other = choice;
    other.trajectory = spelled;
    static const char *const orders[] = {"own,choices", "choices,own", "gold,own,choices"};
    for (size_t i = 0; i < COUNT(orders); i++) {
        c = opened(orders[i], NULL);
        list = choose(c, &other, 0);
        assert_int_equal(list.n, 3);
        size_t at = (size_t)list.of_slot[RAML_ANSWER_LETTERS + 2];
        assert_int_equal(list.of_slot[RAML_ANSWER_OWN], at);
        assert_string_equal(list.answer[at].text, "C");
        raml_answer_chooser_close(c);
    }
    c = opened("own", NULL);
    list = choose(c, &other, 0);
    assert_string_equal(list.answer[0].text, "(C)");
    raml_answer_chooser_close(c);
    c = opened("choices,own", NULL);
    struct raml_question open = choice; /* no multiple choice, whatever it looks like */
    open.letters = false;
    list = choose(c, &open, 0);
    assert_int_equal(list.n, 0);
    raml_answer_chooser_close(c);
}

static void put(const char *path, const char *text)
{
    struct raml_err err = {0};
    must(raml_file_write(path, text, strlen(text), &err), &err);
}

static void given(void **state)
{
    char path[4200];
    in(*state, "given.jsonl", path);
    put(path, "{\"id\":\"half\",\"answers\":[\"1/2\",\"9\"]}\n\n{\"id\":\"nobody\",\"answers\":[\"1\"]}\n");
    struct raml_answer_chooser *c = opened("gold", path);
    assert_true(raml_answer_chooser_several(c));
    struct raml_asked_list list = choose(c, &half, 0);
    assert_int_equal(list.n, 2);
    assert_int_equal(list.of_slot[RAML_ANSWER_GIVEN], 0); /* 1/2 is the question's */
    check_text(&list, 1, RAML_ANSWER_GIVEN + 1, "9");
    assert_string_equal(raml_answer_slot_name(RAML_ANSWER_GIVEN + 1), "given 2");
    list = choose(c, &four, 0);
    assert_int_equal(list.n, 1);
    assert_int_equal(raml_answer_chooser_unused(c), 1);
    raml_answer_chooser_close(c);
}

static void bad(void **state)
{
    static const struct {
        const char *kinds, *file, *message;
        enum raml_code code;
    } cases[] = {
        {"gold,silver", NULL, "answers: found 'silver'; expected a list of gold, own, majority", RAML_EUSAGE},
        {"", NULL, "answers: found ''", RAML_EUSAGE},
        {"gold,", NULL, "answers: found ''", RAML_EUSAGE},
        {"own,gold,own", NULL, "answers: 'own' is there twice", RAML_EUSAGE},
        {"gold", "{\"id\":\"a\"}\n", "given.jsonl:1: field 'answers' is missing", RAML_EFORMAT},
        {"gold", "{\"id\":\"a\",\"answers\":[]}\n", "given.jsonl:1: field 'answers' has 0 entries", RAML_EFORMAT},
        {"gold", "{\"id\":\"a\",\"answers\":[\"x\",\"\"]}\n", "given.jsonl:1: answers[1] is empty", RAML_EFORMAT},
        {"gold", "{\"id\":\"a\",\"answers\":[\"\\t \"]}\n", "given.jsonl:1: answers[0] is empty", RAML_EFORMAT},
        {"gold", "\n", "given.jsonl: there is no answer in it", RAML_EFORMAT},
        {"gold", "{\"id\":\"a\",\"answers\":[7]}\n", "given.jsonl:1: answers[0] is no text", RAML_EFORMAT},
        {"gold", "\n{\"id\":\"a\",\"answers\":[\"1\"]}\n{\"id\":\"a\",\"answers\":[\"2\"]}\n",
         "given.jsonl:3: id 'a' is also in line 2", RAML_EFORMAT},
    };
    char path[4200];
    in(*state, "given.jsonl", path);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_err err = {0};
        struct raml_answer_chooser *c;
        if (cases[i].file) put(path, cases[i].file);
        assert_int_equal(raml_answer_chooser_open(cases[i].kinds, cases[i].file ? path : NULL, &c, &err),
                         cases[i].code);
        assert_true(has(err.msg, cases[i].message));
    }
}

static void slot_kinds(void **state)
{
    (void)state;
    assert_string_equal(raml_answer_slot_kind(RAML_ANSWER_GOLD), "gold");
    assert_string_equal(raml_answer_slot_kind(RAML_ANSWER_WRONG), "wrong");
    assert_string_equal(raml_answer_slot_kind(RAML_ANSWER_LETTERS + 25), "choice");
    assert_string_equal(raml_answer_slot_kind(RAML_ANSWER_GIVEN), "given");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds),
        cmocka_unit_test(first_kind),
        cmocka_unit_test(options),
        cmocka_unit_test(slot_kinds),
        cmocka_unit_test_setup_teardown(given, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(bad, enter_scratch, leave_scratch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
