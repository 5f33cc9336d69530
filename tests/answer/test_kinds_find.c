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

/* With `letters`: choices, and texts that make none. */
static const struct kind_case letters[] = {
    {"I", "ANSWER: I don't know", N},
    {"I", "Answer: I don\xe2\x80\x99t know", N},
    {"I", "Answer: I am not sure", N},
    {"I", "Answer: I'm not sure", N},
    {"I", "Answer: I'd say that it depends", N},
    {"I", "ANSWER: I DON'T KNOW", N},
    {"I", "I think that this question has no answer.", N},
    {"I", "Answer: I Cannot Answer This", N},
    {"I", "Answer: I", E},
    {"I", "The answer is (I).", E},
    {"I", "The answer is I because it is last.", E},
    {"A", "Answer: A definite answer can't be given.", N},
    {"A", "Answer: A good question.", N},
    {"A", "Answer: A Good Question About Trains And Cars", N},
    {"A", "ANSWER: A DEFINITE ANSWER IS IMPOSSIBLE", N},
    {"A", "A train leaves the station.", N},
    {"A", "ANSWER: None of the above", N},
    {"A", "Answer: A", E},
    {"A", "Answer: A, since the others are odd.", E},
    {"A", "Answer: A because the others are odd.", E},
    {"A", "Answer: A Paris", E},
    {"A", "The answer is (A) good.", E},
    {"A", "a", E},
    {"B", "Answer: B or C", N},
    {"B", "Answer: B or possibly C", N},
    {"B", "Answer: (B) 4 or (C) 5", N},
    {"C", "It is either B or C.", N},
    {"B", "\\boxed{B \\text{ or } C}", N},
    {"B", "Answer: B, C", N},
    {"B", "Answer: B and C", N},
    {"B", "Answer: B, not C", E},
    {"B", "Answer: B. C is wrong", E},
    {"B", "Answer: B, C is wrong", E},
    {"D", "D. it can't be A or B", E},
    {"D", "D. A or B", E},
    {"D", "(D) A and B", E},
    {"D", "d", E},
    {"D", "d.", E},
    {"D", "(d)", E},
    {"D", "[d]", E},
    {"D", "d)", E},
    {"B", "b. 4", E},
    {"B", "b) 4", E},
    {"B", "b: 4", E},
    {"B", "(b) 4", E},
    {"B", "**b**", E},
    {"B", "\\boxed{b}", E},
    {"B", "\\boxed{\\text{b}}", E},
    {"B", "Answer: b", E},
    {"B", "The answer is (b).", E},
    {"A", "a) First we add. b) Then we divide.\nSo it is C.", N},
    {"C", "a) First we add. b) Then we divide.\nSo it is C.", E},
    {"AC", "\xe6\x95\x85\xe9\x80\x89\xef\xbc\x9a" "AC", E},
    {"AC", "\xe6\x95\x85\xe9\x80\x89" "AC\xe3\x80\x82", E},
    {"AC", "Answer: AC", E},
    {"AC", "Answer: A, C", E},
    {"AC", "Answer: A and C", E},
    {"AC", "Answer: (A) and (C)", E},
    {"AC", "Answer: A\xe3\x80\x81" "C", E},
    {"AC", "Answer: C, A", E},
    {"AC", "\\boxed{AC}", E},
    {"AC", "\\boxed{A, C}", E},
    {"AC", "\\boxed{A} and \\boxed{C}", E},
    {"A, C", "AC", E},
    {"ABD", "The correct options are A, B, and D.", E},
    {"ABD", "The answer is ABD.", E},
    {"ABD", "Answer: ABC", N},
    {"AC", "Answer: A", N},
    {"A", "Answer: AC", N},
    {"AB", "Answer: A or B", N},
    {"C", "So V = $\\boxed{V = \\frac{1}{2}}$, which is option two. The answer is C.", E},
    {"V", "So V = $\\boxed{V = \\frac{1}{2}}$, which is option two. The answer is C.", N},
    {"C", "$\\boxed{12}$. The answer is (C).", E},
    {"C", "$\\boxed{A = 12}$\n\n**Answer: C**", E},
    {"C", "$\\boxed{x + B}$ is what we get. Answer: C", E},
    {"C", "The answer is B? Let me check. No: $\\boxed{\\text{C}}$", E},
    {"C", "\\boxed{C}", E},
    {"C", "\\boxed{\\text{(C) } x^2 + 1}", E},
    {"C", "\\boxed{C. x = 5}", E},
    {"C", "\\boxed{\\textbf{(C)}\\ 12}", E},
    {"C", "Answer: B? No, the answer is C.", E},
};

/* Without `letters`: a choice with what it stands for answers its letter, and what it stands for. */
static const struct kind_case labels[] = {
    {"C", "\\boxed{\\text{(C) } 12}", E},
    {"C", "\\boxed{\\textbf{(C)}\\ 12}", E},
    {"C", "\\boxed{\\textbf{(C) }12}", E},
    {"C", "\\boxed{\\textbf{(C) 12}}", E},
    {"C", "\\boxed{\\mathrm{(C)}\\ 12}", E},
    {"C", "$\\textbf{(C)}~12$", E},
    {"C", "\\boxed{(\\text{C})\\ 12}", E},
    {"C", "\\boxed{\\text{C. } 12}", E},
    {"C", "**(C) 12**", E},
    {"C", "C) 12", E},
    {"C", "The answer is (C) 12.", E},
    {"C", "\\textbf{(C)}", E},
    {"C", "(c) 12", E},
    {"12", "\\boxed{\\textbf{(C)}\\ 12}", E},
    {"12", "\\boxed{\\text{(C) } 12}", E},
    {"12", "\\boxed{\\textbf{(C) 12}}", E},
    {"12", "The answer is (C) 12.", E},
    {"12", "C. 12", E},
    {"12", "**(C) 12**", E},
    {"12", "\\boxed{\\text{(C)}\\ 24/2}", E},
    {"\\frac{1}{2}", "\\textbf{(A)}\\ \\frac{1}{2}", E},
    {"\\textbf{(C)}\\ 12", "12", E},
    {"\\textbf{(C)}\\ 12", "C", E},
    {"\\textbf{(C)}\\ 12", "(C) 12.0", E},
    {"Cecile", "(C) Cecile", E},
    {"\\textbf{(C)}\\ 12", "\\textbf{(D)}\\ 12", N},
    {"\\textbf{(C)}\\ 12", "\\textbf{(C)}\\ 13", N},
    {"\\textbf{(C)}\\ 12", "13", N},
    {"C", "\\textbf{(D)}\\ 12", D},
    {"12", "\\textbf{(C)}\\ 13", N},
    {"12", "\\textbf{(C)}", N},
    {"12", "C12", N},
    {"C", "12", N},
    {"12C", "(C) (12)", E},
    {"x", "C. y", N},
};
/* clang-format on */

static void test_labels(void **state)
{
    (void)state;
    assert_int_equal(kind_cases(labels, COUNT(labels), NULL), 0);
}

static void test_letters(void **state)
{
    (void)state;
    struct raml_answer_options o = raml_answer_default();
    o.letters = true;
    assert_int_equal(kind_cases(letters, COUNT(letters), &o), 0);
}

static void test_unfinished(void **state)
{
    (void)state;
    assert_int_equal(kind_cases(unfinished, COUNT(unfinished), NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unfinished),
        cmocka_unit_test(test_letters),
        cmocka_unit_test(test_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
