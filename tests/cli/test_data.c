/* test_data.c - `raml data check` and `raml data show`: what they print, and when they fail. */
#include "cli/printed.h"

static const char good[] = "{\"question\":\"2+2?\",\"answer\":\"so\\n#### 4\"}\n"
                           "{\"question\":\"3+3?\",\"answer\":\"then\\n#### 6\"}\n"
                           "{\"question\":\"2+2? \",\"answer\":\"so\\n#### 4\"}\n";

static void test_check(void **state)
{
    struct fixture *f = *state;
    put("a.jsonl", good);
    if (run(f, &cli_data_check, "a.jsonl --max_length 12")) fail_msg("%s", f->err.msg);
    assert_string_equal(f->out.data, "a.jsonl\n"
                                     "  layout        gsm8k\n"
                                     "  fields        question: question, answer: answer, trajectory: answer\n"
                                     "  questions     3, 3 with an answer, 0 without\n"
                                     "  trajectories  3: 3 correct, 0 wrong, 0 unknown\n"
                                     "  repeated      1 (the first: line 3 repeats line 1)\n"
                                     "  same words    0\n"
                                     "  tokens              n    least     mean   median     95 %     most\n"
                                     "    prompt            3        6      6.3        6        7        7\n"
                                     "    trajectory        3        2      2.7        2        4        4\n"
                                     "    answer            3        1      1.0        1        1        1\n"
                                     "    row               3       11     12.0       12       13       13\n"
                                     "  too long      1 rows of more than 12 tokens\n"
                                     "  faulty        0 rows\n");
}

static void test_check_same_words(void **state)
{
    struct fixture *f = *state;
    put("a.jsonl", "{\"question\":\"Find $x$.\",\"answer\":\"1\"}\n{\"question\":\"Find y\",\"answer\":\"1\"}\n"
                   "{\"question\":\"find  $X$.\",\"answer\":\"1\"}\n{\"question\":\"Find x\",\"answer\":\"1\"}\n");
    if (run(f, &cli_data_check, "a.jsonl")) fail_msg("%s", f->err.msg);
    must_hold(f, "  repeated      1 (the first: line 3 repeats line 1)\n"
                 "  same words    1 (the first: line 4 has those of line 1)\n");
    if (run(f, &cli_data_check, "a.jsonl --json")) fail_msg("%s", f->err.msg);
    must_hold(f, "\"repeated\":1,\"same_words\":1,");
}

static void test_check_faults(void **state)
{
    struct fixture *f = *state;
    put("a.jsonl", "{\"question\":\"q\",\"answer\":\"1\"}\n{\"question\":\"r\"}\n{\n{\"question\":5,\"answer\":1}\n");
    assert_int_equal(run(f, &cli_data_check, "a.jsonl"), RAML_EFORMAT);
    assert_string_equal(f->err.msg, "faulty rows: 3");
    must_hold(f, "  faulty        3 rows\n    a.jsonl:2: field 'answer' is missing; found fields: question\n"
                 "    a.jsonl:3: not valid JSON at column ");
    must_hold(f, "    a.jsonl:4: field 'question' is an integer; expected a string or a list of messages\n");
    assert_int_equal(run(f, &cli_data_check, "a.jsonl --max_faults 1"), RAML_EFORMAT);
    must_hold(f, "found fields: question\n    and 2 more (--max_faults)\n");
    assert_int_equal(run(f, &cli_data_check, "a.jsonl --json"), RAML_EFORMAT);
    must_hold(f, "\"questions\":1,\"answered\":1,\"trajectories\":0");
    must_hold(f, "\"n_faults\":3,\"faults\":[\"a.jsonl:2: field 'answer' is missing; found fields: question\",");
    assert_int_equal(run(f, &cli_data_check, "absent.jsonl"), RAML_EIO);
    assert_int_equal(run(f, &cli_data_check, ""), RAML_EUSAGE);
    assert_string_equal(f->err.msg, "data check needs at least one FILE");
}

static void test_check_overlap(void **state)
{
    struct fixture *f = *state;
    put("a.jsonl", good);
    put("b.jsonl", "{\"question\":\"x\",\"answer\":1}\n{\"question\":\"3+3? \",\"answer\":6}\n");
    put("c.jsonl", "{\"question\":\"y\",\"answer\":1}\n");
    assert_int_equal(run(f, &cli_data_check, "a.jsonl b.jsonl c.jsonl"), RAML_EFORMAT);
    assert_string_equal(f->err.msg, "questions in more than one file: 1");
    must_hold(f, "a.jsonl and b.jsonl share 1 questions (the first: line 2 is line 2 there)\n"
                 "a.jsonl and c.jsonl share 0 questions\nb.jsonl and c.jsonl share 0 questions\n");
    assert_int_equal(run(f, &cli_data_check, "a.jsonl c.jsonl"), RAML_OK);
}

static void test_show(void **state)
{
    struct fixture *f = *state;
    put("a.jsonl", good);
    if (run(f, &cli_data_show, "a.jsonl --n 2")) fail_msg("%s", f->err.msg);
    assert_string_equal(f->out.data, "a:1 (line 1): 11 tokens, 5 trained\n"
                                     "  prompt             6           <|question|>2+2?<think>\n"
                                     "  trajectory         2  trained  so\n"
                                     "  answer_prefix      1  trained  </think>\n"
                                     "  answer             1  trained  4\n"
                                     "  end                1  trained  <|endoftext|>\n"
                                     "a:2 (line 2): 13 tokens, 7 trained\n"
                                     "  prompt             6           <|question|>3+3?<think>\n"
                                     "  trajectory         4  trained  then\n"
                                     "  answer_prefix      1  trained  </think>\n"
                                     "  answer             1  trained  6\n"
                                     "  end                1  trained  <|endoftext|>\n");
    assert_int_equal(run(f, &cli_data_show, "a.jsonl --line 2 --trajectories 0 --pieces"), RAML_OK);
    assert_string_equal(f->out.data, "a:2 (line 2): 9 tokens, 2 trained\n"
                                     "  prompt             6           <|question|>|3|+|3|?|<think>\n"
                                     "  answer_prefix      1           </think>\n"
                                     "  answer             1  trained  6\n"
                                     "  end                1  trained  <|endoftext|>\n");
}

static void test_show_json(void **state)
{
    struct fixture *f = *state;
    put("a.jsonl", "{\"id\":\"e\",\"question\":\"\xc3\xa9\\u001b\",\"answer\":\"1\"}\n");
    assert_int_equal(run(f, &cli_data_show, "a.jsonl --json"), RAML_OK);
    must_hold(f, "{\"id\":\"e\",\"line\":1,\"span\":0,\"position\":1,\"index\":1,\"token\":195,\"bytes\":\"c3\","
                 "\"role\":\"prompt\",\"trained\":false}\n");
    must_hold(f, "{\"id\":\"e\",\"line\":1,\"span\":1,\"position\":6,\"index\":6,\"token\":49,\"text\":\"1\","
                 "\"role\":\"answer\",\"trained\":true}\n");
    assert_int_equal(run(f, &cli_data_show, "a.jsonl"), RAML_OK);
    must_hold(f, "<|question|>\xc3\xa9\\x1b<think>\n"); /* nothing in a file reaches the terminal as a command */
}

static void test_show_faults(void **state)
{
    struct fixture *f = *state;
    put("a.jsonl", good);
    put("b.jsonl", "{\"id\":\"m\",\"question\":\"q\"}\n");
    assert_int_equal(run(f, &cli_data_show, "a.jsonl --max_length 10"), RAML_ERANGE);
    assert_string_equal(f->err.msg, "a.jsonl: question 'a:1' (line 1): 6 prompt tokens and 5 after them make 11; "
                                    "at most 10 fit");
    assert_int_equal(run(f, &cli_data_show, "b.jsonl"), RAML_ERANGE);
    assert_string_equal(f->err.msg, "b.jsonl: question 'm' (line 1) has no answer to train on");
    assert_int_equal(run(f, &cli_data_show, "a.jsonl --line 4"), RAML_ERANGE);
    assert_string_equal(f->err.msg, "a.jsonl: no question at or after line 4; the last is on line 3");
    assert_int_equal(run(f, &cli_data_show, "a.jsonl b.jsonl"), RAML_EUSAGE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        TEST(test_check), TEST(test_check_same_words), TEST(test_check_faults), TEST(test_check_overlap),
        TEST(test_show),  TEST(test_show_json),        TEST(test_show_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
