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
    {"42", "First \\boxed{41}. No: the answer is \\boxed{42", N},
    {"4", "First \\boxed{41}. No: the answer is \\boxed{4", N},
    {"42", "First \\boxed{41}. No: the answer is $\\boxed{42$", E},
    {"42", "so \\boxed{42<|im_end|>", E}, {"x+1", "\\boxed{x+1", N}, {"3", "\\boxed{3\\text{", N},
    {"41", "The answer is \\boxed{41}. Wait, let me redo this: \\boxed{", N},
    {"41", "So $\\boxed{41}$. Checking again: $\\boxed{", N},
    {"41", "\\boxed{41} is wrong, it is \\boxed{\\frac{1}{2", N},
    {"41", "\\boxed{41} is wrong, it is \\boxed{\\text{", N},
    {"1/2", "\\boxed{41} is wrong, it is \\boxed{\\frac{1}{2}", E},
    {"5", "\\boxed{5} or \\boxed{6", N},
    {"5, 6", "\\boxed{5} and \\boxed{6", N},
    {"5, 6", "$\\boxed{5}$ and $\\boxed{6$", E},
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
    {"12", "$\\boxed{12", N},
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

/* Nothing marks the answer, but the last line shows it. */
static const struct kind_case lines[] = {
    {"18", "Step one gives 9.\n\nTherefore the total is **18**.", E},
    {"18", "**Total: 18**", E},
    {"18", "Total: 18", E},
    {"18", "Total cost: $18", E},
    {"18", "Step one gives 9.\n\n**Total: 18**", E},
    {"18", "Step one gives 9.\n\n**18**", E},
    {"18", "Step one gives 9.\n\n**$18**", E},
    {"18", "Step one gives 9.\n\n**18 dollars**", E},
    {"18", "Step one gives 9.\n\nSo she pays **$18** in total.", E},
    {"18", "Step one gives 9.\n\n**So the total is 18.**", E},
    {"18", "Step one gives 9.\n\nSo **Tom** has **18** apples.", E},
    {"18", "Step one gives 9.\n\nSo the total is __18__.", E},
    {"18", "Step one gives 9.\n\nSo the total is \\textbf{18}.", E},
    {"18", "Step one gives 9.\n\n\\[ 9 + 9 = 18 \\]", E},
    {"18", "Step one gives $9$.\n\n$$18$$", E},
    {"18", "Step one gives $9$.\n\n$$x = 18$$", E},
    {"18", "Step one gives $9$.\n\n$x = 18$", E},
    {"18", "Step one gives 9 and then some more.\n\n18", E},
    {"18", "Step one gives 9 and then some more.\n\nTotal: 18", E},
    {"18000", "Step one gives 9.\n\nTherefore the total is **18** thousand.", E},
    {"18", "Step one gives 9.\n\nTherefore the total is **18** thousand.", N},
    {"18%", "Step one gives 9.\n\nTherefore the share is **18**%.", E},
    {"12", "Step one gives 9.\n\nTherefore the total is **twelve**.", E},
    {"9", "Step one gives **9**.\n\nTherefore the total is **18**.", N},
    {"18", "Tom has **18** and Ann has **20**.\n\nSo both **18** and **20** fit.", N},
    {"18", "Step one gives 9.\n\nThe total is not **18**.", N},
    {"18", "Step one gives 9.\n\nIt is more than **18**.", N},
    {"18", "Step one gives 9.\n\nHe got **18** out of 20.", N},
    {"5", "There were many of them.\n\nNote: we took **5** days for a week.", N},
    {"3", "First we add. Then we divide.\n\n**Step 3:** and we are done.", N},
    {"3", "First we add. Then we divide.\n\n3. And we are done", N},
    {"18", "**Total: 19**", D},
    {"3:4", "Ratio: 3:4", E},
};

/* A marked sentence: the first number after the mark, or none. */
static const struct kind_case sentences[] = {
    {"220", "Réponse: il reste 220 $ d'ici 12 mois", E},
    {"12", "Réponse: il reste 220 $ d'ici 12 mois", N},
    {"220", "Réponse : il reste 220 $ sur le compte d'ici 12 $ de frais", E},
    {"220", "Antwort: Es bleiben ihm 220 Euro nach den 12 Monaten übrig.", E},
    {"12", "Antwort: Es bleiben ihm 220 Euro nach den 12 Monaten übrig.", N},
    {"220", "Respuesta: le quedan todavía 220 dólares después de 12 meses.", E},
    {"12", "Respuesta: le quedan todavía 220 dólares después de 12 meses.", N},
    {"220", "Risposta: gli restano ancora 220 euro dopo tutti i 12 mesi.", E},
    {"220", "Resposta: restam ainda para ele 220 reais depois de 12 meses.", E},
    {"220", "Antwoord: hij heeft daarna nog 220 euro over na 12 maanden.", E},
    {"220", "Odpowiedź: po tym zostanie mu jeszcze 220 złotych po 12 miesiącach.", E},
    {"220", "Ответ: у него останется ещё 220 рублей через 12 месяцев.", E},
    {"12", "Ответ: у него останется ещё 220 рублей через 12 месяцев.", N},
    {"220", "答案：小明最后还剩下220元钱，12个月以后。", E},
    {"12", "答案：小明最后还剩下220元钱，12个月以后。", N},
    {"220", "Answer: he will still have 220 dollars left after 12 months.", E},
    {"12", "Answer: he will still have 220 dollars left after 12 months.", N},
    {"220", "Answer: 220 dollars are left to him after 12 months.", E},
    {"12", "Answer: 220 dollars are left to him after 12 months.", N},
    {"220", "Answer: there are 220 dollars left for him after 12 months.", E},
    {"12", "Answer: after 3 months the total that he has is 12 dollars.", E},
    {"12", "Réponse: après 3 mois le total de son compte est 12 euros.", E},
    {"12", "Antwort: nach 3 Monaten ist der Stand des Kontos 12 Euro.", N},
    {"34", "Final Answer: The largest $n$ is 34.", E},
    {"5", "Answer: he will get somewhere from 5 to 6 of them each day.", N},
    {"5", "Answer: he answers 5 out of 6 of the questions that he gets.", N},
    {"1", "Answer: on average it takes them 1 hour and 30 minutes to get home.", N},
    {"1", "Answer: on average it takes them 1 hour 30 minutes to get home.", N},
    {"5", "Answer: he has got 5 apples and 3 oranges in the big bag.", N},
    {"3", "Answer: he has got 5 apples and 3 oranges in the big bag.", N},
    {"70000", "Answer: in the end he gets 70 thousand dollars after 12 months.", E},
};
/* clang-format on */

static void test_lines(void **state)
{
    (void)state;
    assert_int_equal(kind_cases(lines, COUNT(lines), NULL), 0);
}

static void test_sentences(void **state)
{
    (void)state;
    assert_int_equal(kind_cases(sentences, COUNT(sentences), NULL), 0);
}

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
        cmocka_unit_test(test_unfinished), cmocka_unit_test(test_letters),   cmocka_unit_test(test_labels),
        cmocka_unit_test(test_lines),      cmocka_unit_test(test_sentences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
