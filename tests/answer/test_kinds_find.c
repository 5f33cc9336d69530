/* test_kinds_find.c - texts that end before their answer does, choices among letters, last lines, marked sentences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "kinds.h"

/* clang-format off */
/* An answer that the text breaks off: what stood there before was given up. */
static const struct kind_case unfinished[] = {
    {"41", "First \\boxed{41}. No: the answer is \\boxed{42", N},
    {"42", "First \\boxed{41}. No: the answer is \\boxed{42", E},
    {"41", "The answer is \\boxed{41}. Wait, let me redo this: \\boxed{", N},
    {"41", "So $\\boxed{41}$. Checking again: $\\boxed{", N},
    {"41", "\\boxed{41} is wrong, it is \\boxed{\\frac{1}{2", N},
    {"41", "\\boxed{41} is wrong, it is \\boxed{\\text{", N},
    {"1/2", "\\boxed{41} is wrong, it is \\boxed{\\frac{1}{2}", E},
    {"5", "\\boxed{5} or \\boxed{6", N},
    {"5, 6", "\\boxed{5} and \\boxed{6", E},
    {"41", "#### 41\nNo, wait: \\boxed{", N},
    {"41", "The answer is 41. In a box: \\boxed{", N},
    {"41", "The answer is 41. In a box: \\fbox{", N},
    {"41", "**Final Answer** 41\n\nSo \\boxed{", N},
    {"41", "<answer>41</answer> No, I was wrong. <answer>", N},
    {"41", "<answer>41</answer> No, I was wrong. <answer>42", N},
    {"42", "<answer>41</answer> No, I was wrong. <answer>42", E},
    {"41", "<answer>\\boxed{41} no, \\boxed{</answer>", N},
    {"41", "#### 41\nI made a mistake.\n####", N},
    {"41", "#### 41\nI made a mistake.\n#### ", N},
    {"41", "#### 41\nI made a mistake.\n#### 42", N},
    {"41", "The answer is 41. Hmm, let me check. No: the answer is", N},
    {"41", "The answer is 41. Hmm, let me check.\n\n**Answer:**", N},
    {"41", "So \\boxed{41}? Rather not.\n\n**Final Answer**\n\n", N},
    {"41", "\xe7\xad\x94\xe6\xa1\x88\xe6\x98\xaf" "41\xe3\x80\x82\xe4\xb8\x8d\xe5\xaf\xb9\xef\xbc\x8c\xe7\xad\x94\xe6\xa1\x88\xe6\x98\xaf", N},
    {"41", "The answer is 41. So 41 is the answer", E},
    {"5", "so \\boxed{5}\n\nI have put the answer in \\boxed{} as asked.", E},
    {"5", "I write it as \\boxed{}: \\boxed{5}", E},
    {"12", "$\\boxed{12", E},
    {"12", "So it is \\boxed{12$.", E},
    {"41", "\\boxed{", N},
};
/* clang-format on */

static void test_unfinished(void **state)
{
    (void)state;
    assert_int_equal(kind_cases(unfinished, COUNT(unfinished), NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unfinished),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
