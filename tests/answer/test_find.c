/* test_find.c - where a text's answer is found: a table of texts, the cases of other graders, hostile texts. */
#include "core/clock.h"
#include "raml/answer.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(x) (sizeof(x) / sizeof *(x))

enum { PLAIN, TAKE_LAST, LETTERS };
enum {
    NOTHING = RAML_FOUND_NOTHING,
    BARE = RAML_FOUND_BARE,
    BOXED = RAML_FOUND_BOXED,
    FINAL = RAML_FOUND_FINAL,
    HASHES = RAML_FOUND_HASHES,
    PHRASE = RAML_FOUND_PHRASE,
    LETTER = RAML_FOUND_LETTER,
    FORMULA = RAML_FOUND_FORMULA,
    LAST = RAML_FOUND_LAST,
    LINE = RAML_FOUND_LINE
};

static const struct {
    const char *text;
    int found;
    const char *answer;
    int option;
} cases[] = {
    {"so it is \\boxed{42}.", BOXED, "42", PLAIN},
    {"\\boxed{1} then \\boxed{2}. And so \\boxed{3}", BOXED, "3", PLAIN},
    {"\\boxed{\\frac{1}{2}}", BOXED, "\\frac{1}{2}", PLAIN},
    {"\\fbox{7}", BOXED, "7", PLAIN},
    {"\\boxed 5", BOXED, "5", PLAIN},
    {"$\\boxed 12$ is it", BOXED, "12", PLAIN},
    {"$\\boxed\\frac{1}{2}$", BOXED, "\\frac{1}{2}", PLAIN},
    {"\\boxed{1}\\boxed{2}", BOXED, "1, 2", PLAIN},
    {"\\boxed{1} and \\boxed{2}", BOXED, "1, 2", PLAIN},
    {"\\boxed{k = 45} \\quad \\text{and} \\quad \\boxed{n = 2}", BOXED, "k = 45, n = 2", PLAIN},
    {"$$\\boxed{2}, \\boxed{3}, \\boxed{5}$$", BOXED, "2, 3, 5", PLAIN},
    {"\\boxed{1} papers and \\boxed{2} bins", BOXED, "1, 2", PLAIN},
    {"\\boxed{(3, 3)} \\text{ for part (a) and } \\boxed{(1, 1)}", BOXED, "(3, 3), (1, 1)", PLAIN},
    {"\\( y_1 = \\boxed{x} \\) and \\( y_2 = \\boxed{2x}\\)", BOXED, "x, 2x", PLAIN},
    {"\\boxed{1} no no no no no \\boxed{2}", BOXED, "2", PLAIN},
    {"\\boxed{1} and and and or thus but \\boxed{2} and \\boxed{3}", BOXED, "2, 3", PLAIN},
    {"\\boxed{5}\n\n\\boxed{5}", BOXED, "5", PLAIN},
    {"\\boxed{3}. So \\boxed{4}", BOXED, "4", PLAIN},
    {"\\boxed{1} and \\boxed 2", BOXED, "1, 2", PLAIN},
    {"\\boxed{1} and \\boxed\\,eft({2}", BOXED, "1, \\,eft({2}", PLAIN},
    {"\\boxed{5} or \\boxed{6}; \\boxed{7}", BOXED, "5, 6, 7", PLAIN},
    {"\\boxed{1} \\quad \\boxed{2}", BOXED, "1, 2", PLAIN},
    {"\\boxed{20} percent", BOXED, "20\\%", PLAIN},
    {"$\\boxed{28}$ pct", BOXED, "28\\%", PLAIN},
    {"$\\boxed{28}\\%$", BOXED, "28\\%", PLAIN},
    {"\\boxed{28\\%}%", BOXED, "28\\%", PLAIN},
    {"x \\in \\boxed{[0,7)}", BOXED, "[0,7)", PLAIN},
    {"\\\\boxed{004}", BOXED, "004", PLAIN},
    {"\x08oxed{8}", BOXED, "8", PLAIN},
    {"\\boxed{12 $ and $13 }. $", BOXED, "12 $ and $13", PLAIN},
    {"\\\\boxed{W(n) = 1 \\\\text{ and } W(n) = -1", BOXED, "W(n) = 1 \\\\text{ and } W(n) = -1", PLAIN},
    {"$\\boxed{12", BOXED, "12", PLAIN},
    {"It goes within \\boxed{}. We get \\boxed{9}. As asked, in \\boxed{}.", BOXED, "9", PLAIN},
    {"\\boxed{}", NOTHING, "", PLAIN},
    {"$\\boxed{ }$.", NOTHING, "", PLAIN},
    {"\\boxed{\\boxed{6}}", BOXED, "6", PLAIN},
    {"\\boxed{\\{1, 2\\}}", BOXED, "\\{1, 2\\}", PLAIN},
    {"\\boxed{a} = \\boxed{b}", BOXED, "b", PLAIN},
    {"<think>\\boxed{1}</think>\\boxed{2}", BOXED, "2", PLAIN},
    {"<think>\\boxed{1}</think>It is unclear to me what this says", NOTHING, "", PLAIN},
    {"<think> the answer is 5", NOTHING, "", PLAIN},
    {" \n<thinking>x is \\boxed{5}", NOTHING, "", PLAIN},
    {"a</think>b \\boxed{1}</THINK> 7", BARE, "7", PLAIN},
    {"\xe2\x97\x81think\xe2\x96\xb7\\boxed{1}\xe2\x97\x81/think\xe2\x96\xb7The answer is 3.", PHRASE, "3", PLAIN},
    {"<|begin_of_thought|>1<|end_of_thought|> 4", BARE, "4", PLAIN},
    {"<REASONING_START> x </REASONING_END> \\boxed{9}", BOXED, "9", PLAIN},
    {"<seed:think>1</seed:think>8", BARE, "8", PLAIN},
    {"<think>a</think>\\boxed{4}<think>no, \\boxed{5}", BOXED, "4", PLAIN},
    {"\\boxed{4}<|im_end|>\n<|im_start|>user\n\\boxed{5}", BOXED, "4", PLAIN},
    {"<|im_start|>assistant\n\\boxed{4}<|im_end|>", BOXED, "4", PLAIN},
    {"12</s>13", BARE, "12", PLAIN},
    {"12<\xef\xbd\x9c"
     "end\xe2\x96\x81of\xe2\x96\x81sentence\xef\xbd\x9c>13",
     BARE, "12", PLAIN},
    {"<think>x</think><answer>42</answer>", FINAL, "42", PLAIN},
    {"<answer>so \\boxed{42} it is</answer> \\boxed{1}", BOXED, "42", PLAIN},
    {"<answer>1</answer><answer>2</answer>", FINAL, "2", PLAIN},
    {"<conclusion>The answer is 6.</conclusion>", PHRASE, "6", PLAIN},
    {"<answer> 17", FINAL, "17", PLAIN},
    {"**Final Answer**\n\n42", FINAL, "42", PLAIN},
    {"**Final Answer:** $x = 3$", FINAL, "x = 3", PLAIN},
    {"### Final Answer\n\\[ 5 \\]", FINAL, "5", PLAIN},
    {"Final Answer: The final answer is $28 \\%$. I hope it is correct.", FINAL, "28 \\%", PLAIN},
    {"Final Answer: The largest $n$ is 34.", FINAL, "34", PLAIN},
    {"Final answer: -3.5", FINAL, "-3.5", PLAIN},
    {"Final Answer: Jane started it 3 hours ago. I hope it is correct.", FINAL, "3", PLAIN},
    {"\\boxed{255} so far. Final Answer: The final answer is $10,455$. I hope it is correct.", FINAL, "10,455", PLAIN},
    {"final answer is $9999$, \\boxed{1}", BOXED, "1", PLAIN},
    {"\\textbf{Final Answer:} 12", FINAL, "12", PLAIN},
    {"Final Answer: Yes", FINAL, "Yes", PLAIN},
    {"3 + 4 = 7\n#### 7", HASHES, "7", PLAIN},
    {"#### 1,234\nThat is it, as one can see.", HASHES, "1,234", PLAIN},
    {"#### Step 1: think\nThe answer is 5.", PHRASE, "5", PLAIN},
    {"#### 1. Compute\nThe answer is 6.", PHRASE, "6", PLAIN},
    {"a\n#### $18", HASHES, "$18", PLAIN},
    {"Therefore the answer is +7", PHRASE, "+7", PLAIN},
    {"So the answer is 34.", PHRASE, "34", PLAIN},
    {"The answer is $x \\geq 5$.", PHRASE, "x \\geq 5", PLAIN},
    {"The answer is $28$ percent.", PHRASE, "28\\%", PLAIN},
    {"The answer is \\(10\\) cm.", PHRASE, "10 cm", PLAIN},
    {"Answer $ 9 $", PHRASE, "9", PLAIN},
    {"Answer: \\[ \n 9 \n \\]", PHRASE, "9", PLAIN},
    {"The answer is 5, because 2 + 3 = 5.", PHRASE, "5", PLAIN},
    {"The answer is 3.5. And no other.", PHRASE, "3.5", PLAIN},
    {"The answer is 4. I hope it is correct.", PHRASE, "4", PLAIN},
    {"First the answer is 3. No, the answer is 4.", PHRASE, "4", PLAIN},
    {"**Answer:** 12 apples", PHRASE, "12 apples", PLAIN},
    {"**The answer is 12**", PHRASE, "12", PLAIN},
    {"The answer is **12**.", PHRASE, "12", PLAIN},
    {"The answer to the question is 6.", PHRASE, "6", PLAIN},
    {"the correct answer is B.", PHRASE, "B", PLAIN},
    {"Thus $x <= 2$ is our answer.", PHRASE, "x <= 2", PLAIN},
    {"Therefore $x \\geq 5$ is the solution.", PHRASE, "x \\geq 5", PLAIN},
    {"What is the answer? We compute it to be $5$ as asked.", FORMULA, "5", PLAIN},
    {"The solution is $x != 5$", PHRASE, "x != 5", PLAIN},
    {"The result is 12.", PHRASE, "12", PLAIN},
    {"The answer is $1$ and $2$.", PHRASE, "$1$ and $2$", PLAIN},
    {"The answer is $x$ = 5", PHRASE, "$x$ = 5", PLAIN},
    {"The answer is approximately 3.14.", PHRASE, "3.14", PLAIN},
    {"The answer is for sure 5, it cannot be 6", PHRASE, "5", PLAIN},
    {"The answer is:\n\n$$\\frac{1}{3}$$", PHRASE, "\\frac{1}{3}", PLAIN},
    {"The answers are 3 and 4.", PHRASE, "3 and 4", PLAIN},
    {"The answer is: Not possible", PHRASE, "Not possible", PLAIN},
    {"Answer: There is no way to make 24 of them.", PHRASE, "There is no way to make 24 of them", PLAIN},
    {"The answer is 5. The answer is not 6.", PHRASE, "5", PLAIN},
    {"Steps:\n6 - 4 = 2 (left: 2 5)\n5 * 2 = 10\n10 + 5 = 15\nend", NOTHING, "", PLAIN},
    {"the answer is 7!", PHRASE, "7", PLAIN},
    {"The answer is 'yes'.", PHRASE, "yes", PLAIN},
    {"\xe7\xad\x94\xe6\xa1\x88\xe6\x98\xaf B", PHRASE, "B", PLAIN},
    {"\xe6\x89\x80\xe4\xbb\xa5\xe7\xad\x94\xe6\xa1\x88\xe6\x98\xaf\xef\xbc\x9a"
     "42\xe3\x80\x82\xe5\x9b\xa0"
     "\xe4\xb8\xba\xe8\xbf\x99\xe6\xa0\xb7",
     PHRASE, "42", PLAIN},
    {"\xe7\xad\x94\xe6\xa1\x88\xe4\xb8\xba $3$\xe3\x80\x82", PHRASE, "3", PLAIN},
    {"\xe7\xad\x94\xe6\xa1\x88\xef\xbc\x9a"
     "12\xef\xbc\x8c\xe5\x9b\xa0\xe4\xb8\xba 3 + 9",
     PHRASE, "12", PLAIN},
    {"La r\xc3\xa9ponse est 42.", PHRASE, "42", PLAIN},
    {"R\xc3\xa9ponse : 12", PHRASE, "12", PLAIN},
    {"R\xc3\x89PONSE FINALE : 13", PHRASE, "13", PLAIN},
    {"r\xc3\xa9ponse est (35 + 70 = 105).", PHRASE, "(35 + 70 = 105)", PLAIN},
    {"Die Antwort ist 42.", PHRASE, "42", PLAIN},
    {"Die Antwort lautet: 43.", PHRASE, "43", PLAIN},
    {"La respuesta es 42.", PHRASE, "42", PLAIN},
    {"La risposta \xc3\xa8 42.", PHRASE, "42", PLAIN},
    {"A resposta \xc3\xa9 42.", PHRASE, "42", PLAIN},
    {"\xd0\x9e\xd1\x82\xd0\xb2\xd0\xb5\xd1\x82: 42.", PHRASE, "42", PLAIN},
    {"\xd0\xbe\xd1\x82\xd0\xb2\xd0\xb5\xd1\x82 17", PHRASE, "17", PLAIN},
    {"\xd8\xa7\xd9\x84\xd8\xa5\xd8\xac\xd8\xa7\xd8\xa8\xd8\xa9 \xd9\x87\xd9\x8a 66.", PHRASE, "66", PLAIN},
    {"\xd8\xa7\xd9\x84\xd8\xa5\xd8\xac\xd8\xa7\xd8\xa8\xd8\xa9: 66", PHRASE, "66", PLAIN},
    {"\xe7\xad\x94\xe3\x81\x88\xe3\x81\xaf 12 \xe3\x81\xa7\xe3\x81\x99\xe3\x80\x82", PHRASE, "12", PLAIN},
    {"\xe0\xa4\x89\xe0\xa4\xa4\xe0\xa5\x8d\xe0\xa4\xa4\xe0\xa4\xb0: 12", PHRASE, "12", PLAIN},
    {"Cevap: 12", PHRASE, "12", PLAIN},
    {"42", BARE, "42", PLAIN},
    {"-5", BARE, "-5", PLAIN},
    {"x + y - z + 2 = 0", BARE, "x + y - z + 2 = 0", PLAIN},
    {"10 cm", BARE, "10 cm", PLAIN},
    {"Even", BARE, "Even", PLAIN},
    {"1, 2 and 3", BARE, "1, 2 and 3", PLAIN},
    {"1/3 miles", BARE, "1/3 miles", PLAIN},
    {"10\\text{ units}", BARE, "10\\text{ units}", PLAIN},
    {"11 = x", BARE, "11 = x", PLAIN},
    {"(D) Alina", BARE, "(D) Alina", PLAIN},
    {"17\\text{ any text}", BARE, "17\\text{ any text}", PLAIN},
    {"$[0,1)$", BARE, "$[0,1)$", PLAIN},
    {"$1$ and $2$ and $3$", BARE, "$1$ and $2$ and $3$", PLAIN},
    {"W(x)=1orW(x)=-1", BARE, "W(x)=1orW(x)=-1", PLAIN},
    {"f'", BARE, "f'", PLAIN},
    {"185\\", BARE, "185\\", PLAIN},
    {"72 degrees", BARE, "72 degrees", PLAIN},
    {"\\frac{10}{9}", BARE, "\\frac{10}{9}", PLAIN},
    {"no real solutions", BARE, "no real solutions", PLAIN},
    {"all real numbers", BARE, "all real numbers", PLAIN},
    {"\\\\frac{1}{2} + 2/3", BARE, "\\\\frac{1}{2} + 2/3", PLAIN},
    {"Alice, Bob, Carol, Dave", BARE, "Alice, Bob, Carol, Dave", PLAIN},
    {"\\begin{pmatrix} 1 & 0 \\\\ 0 & 1 \\end{pmatrix}", BARE, "\\begin{pmatrix} 1 & 0 \\\\ 0 & 1 \\end{pmatrix}",
     PLAIN},
    {"4000\xe5\x8d\x83\xe5\x85\x8b", BARE, "4000\xe5\x8d\x83\xe5\x85\x8b", PLAIN},
    {"12:00", BARE, "12:00", PLAIN},
    {"1,000.99$", BARE, "1,000.99$", PLAIN},
    {"  **42**. ", BARE, "42", PLAIN},
    {"Even.", BARE, "Even", PLAIN},
    {"", NOTHING, "", PLAIN},
    {" \n ", NOTHING, "", PLAIN},
    {"We find that $x \\neq 3$.", FORMULA, "x \\neq 3", PLAIN},
    {"It is clear that $5$, I mean $5$, is what we want to see.", FORMULA, "5", PLAIN},
    {"Here is a zero matrix: $ \\begin{pmatrix}0 & 0\\end{pmatrix} $", FORMULA, "\\begin{pmatrix}0 & 0\\end{pmatrix}",
     PLAIN},
    {"Hence $x = 5$.", FORMULA, "x = 5", PLAIN},
    {"There are no such positive integers $n$", NOTHING, "", PLAIN},
    {"The largest value of n is 12.", PHRASE, "12", PLAIN},
    {"It costs me $10 and you pay $20 for it", NOTHING, "", PLAIN},
    {"Between $3$ and $5$ there is one prime number", NOTHING, "", PLAIN},
    {"So we need to see how this goes on from here.", NOTHING, "", PLAIN},
    {"So we need 3 apples and then 13 pears to go on.", LAST, "13", TAKE_LAST},
    {"so the number is 10 which is 1,000.99m\xc2\xb2", LAST, "1,000.99", TAKE_LAST},
    {"not it's not 10 it's 1,000.99m\xc2\xb2", LAST, "1,000.99", TAKE_LAST},
    {"Soucis : 2,74 $ a..", LAST, "2,74", TAKE_LAST},
    {"The volume of AZYUK2A must be looked up", NOTHING, "", TAKE_LAST},
    {"Haley\xe6\x80\xbb\xe5\x85\xb1\xe6\x9c\x89"
     "99\xe9\xa2\x97\xe5\xbc\xb9\xe7\x8f\xa0\xe3\x80\x82",
     LAST, "99", TAKE_LAST},
    {"\xe6\x89\x80\xe4\xbb\xa5\xe4\xb8\x80\xe5\x85\xb1\xe6\x9c\x89"
     "3 + 10 = 13\xe5\x8f\xaa\xe9\xb8\x9f\xe5"
     "\x92\x8c\xe9\xb9\xb3\xe9\xb8\x9f\xe3\x80\x82",
     LAST, "13", TAKE_LAST},
    {"\xd9\x86\xd8\xa7\xd8\xaa\xd8\xac \xd8\xa7\xd9\x84\xd8\xb9\xd9\x85\xd9\x84\xd9\x8a\xd8\xa9 \xd8\xa7\xd9"
     "\x84\xd8\xad\xd8\xb3\xd8\xa7\xd8\xa8\xd9\x8a\xd8\xa9 55 * 3 - 99 \xd9\x87\xd9\x88 **66**.",
     LINE, "66", TAKE_LAST},
    {"\xe8\xae\xa1\xe5\x88\x92\xe7\x9a\x84\xe6\xaf\x94\xe4\xbe\x8b\xe4\xb8\xba"
     "13/28",
     LAST, "13/28", TAKE_LAST},
    {"the error increases by at least 100%.", LAST, "100%", TAKE_LAST},
    {"the system is solved by $(x, y)$ which gives us $(7, 6)$ here", LAST, "(7, 6)", TAKE_LAST},
    {"we lose some -3.5 points at the end", LAST, "-3.5", TAKE_LAST},
    {"she pays him -$5 for that one book", LAST, "-$5", TAKE_LAST},
    {"In the end we see that $x = 5+6 = 11$ and $y$ are there", LAST, "x = 5+6 = 11", TAKE_LAST},
    {"we do get 4 of them in all:\n1. one\n2. two", LAST, "4", TAKE_LAST},
    {"this gives us \\frac{63}{400} in all cases", LAST, "\\frac{63}{400}", TAKE_LAST},
    {"10 cm", BARE, "10 cm", TAKE_LAST},
    {"x = 1 or x = 2", BARE, "x = 1 or x = 2", TAKE_LAST},
    {"Let's think. It's not A because it makes no sense, therefore I think it's B", LETTER, "B", LETTERS},
    {"The answer is for sure D, it can't be A or B", LETTER, "D", LETTERS},
    {"The answer: D, it is not A or B", LETTER, "D", LETTERS},
    {"D. it can't be A or B", LETTER, "D", LETTERS},
    {"(D) Alina", LETTER, "D", LETTERS},
    {"(C) Cecile", LETTER, "C", LETTERS},
    {"Alina and the answer is\n(C) Cecile", LETTER, "C", LETTERS},
    {"Alina and the answer is\nC Cecile", LETTER, "C", LETTERS},
    {"r\xc3\xa9ponse est C non A", LETTER, "C", LETTERS},
    {"B\xe3\x80\x82\xe4\xb8\x8d\xe6\x98\xaf A", LETTER, "B", LETTERS},
    {"**C**", LETTER, "C", LETTERS},
    {"\\boxed{C}", LETTER, "C", LETTERS},
    {"\\boxed{\\text{(C)}}", LETTER, "C", LETTERS},
    {"Option B", LETTER, "B", LETTERS},
    {"Answer: (B)", LETTER, "B", LETTERS},
    {"answer: b", LETTER, "B", LETTERS},
    {"The answer is A.", LETTER, "A", LETTERS},
    {"Final answer is B", LETTER, "B", LETTERS},
    {"A. Because B is not valid", LETTER, "A", LETTERS},
    {"Because B is valid", LETTER, "B", LETTERS},
    {"\xe7\xad\x94\xe6\xa1\x88\xe6\x98\xaf B", LETTER, "B", LETTERS},
    {"A then C then B", LETTER, "B", LETTERS},
    {"\xe6\x95\x85\xe9\x80\x89\xef\xbc\x9a"
     "C",
     LETTER, "C", LETTERS},
    {"\xe7\xad\x94\xe6\xa1\x88\xe9\x80\x89"
     "D",
     LETTER, "D", LETTERS},
    {"A cat sat on it, I think, so C", LETTER, "C", LETTERS},
    {"The answer is not A but D", LETTER, "D", LETTERS},
    {"<think>A</think>The answer is C.", LETTER, "C", LETTERS},
    {"<answer>(B)</answer>", LETTER, "B", LETTERS},
    {"$\\textbf{(E)}\\ 12$", LETTER, "E", LETTERS},
    {"\xd0\x9e\xd1\x82\xd0\xb2\xd0\xb5\xd1\x82: B", LETTER, "B", LETTERS},
    {"No valid answer here", NOTHING, "", LETTERS},
    {"abcdef", NOTHING, "", LETTERS},
};

static struct raml_answer_options options(int option)
{
    struct raml_answer_options o = raml_answer_default();
    o.last = option == TAKE_LAST;
    o.letters = option == LETTERS;
    return o;
}

/* The text is first copied to memory of exactly its size, so that the sanitizer sees a read past its end. */
static enum raml_found find(const char *text, size_t n, const struct raml_answer_options *o, struct raml_buf *out)
{
    enum raml_found found;
    char *copy = malloc(n ? n : 1);
    assert_non_null(copy);
    if (n) memcpy(copy, text, n);
    raml_buf_init(out, 1 << 28);
    assert_int_equal(raml_answer_find(copy, n, o, out, &found, NULL), RAML_OK);
    free(copy);
    return found;
}

static void the_table(void **state)
{
    (void)state;
    size_t bad = 0;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_answer_options o = options(cases[i].option);
        struct raml_buf out;
        enum raml_found found = find(cases[i].text, strlen(cases[i].text), &o, &out);
        const char *answer = out.data ? out.data : "";
        if ((int)found != cases[i].found || strcmp(answer, cases[i].answer) != 0) {
            print_error("%s\n  found %s '%s'\n  wanted %s '%s'\n", cases[i].text, raml_found_name(found), answer,
                        raml_found_name((enum raml_found)cases[i].found), cases[i].answer);
            bad++;
        }
        raml_buf_deinit(&out);
    }
    assert_true(COUNT(cases) >= 100);
    assert_int_equal(bad, 0);
}

static void the_end_of_thinking(void **state)
{
    (void)state;
    struct raml_answer_options o = raml_answer_default();
    static const struct {
        const char *text, *answer;
    } texts[] = {
        {"x = 3 END x = 4", "x = 4"},
        {"x = 3 END x = 4 END x = 5", "x = 5"},
        {"a </think> 7 END 8", "8"}, /* the text given is the only tag */
    };
    o.think_end = "END";
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct raml_buf out;
        assert_int_equal(find(texts[i].text, strlen(texts[i].text), &o, &out), BARE);
        assert_string_equal(out.data, texts[i].answer);
        raml_buf_deinit(&out);
    }
    struct raml_buf out;
    assert_int_equal(find("12", 2, &o, &out), RAML_FOUND_NOTHING); /* thinking has not ended */
    raml_buf_deinit(&out);
}

/* What other graders find, row by row. Where they define an answer differently the row's number is listed here. */
static const struct {
    int row;
    const char *why;
} differing[] = {
    {7, "a box is preferred to a phrase before it; the source puts boxes last here"},
    {8, "reading LaTeX without braces is switched off in the source"},
    {20, "the source takes every letter of the text as one of several choices"},
    {22, "the source keeps what comes before thinking"},
};

static int option_of(const json_t *row)
{
    const char *source = json_string_value(json_object_get(row, "source"));
    static const char *const letters[] = {"test_string_extraction", "capital", "option_postprocess", "multiple_select"};
    for (size_t i = 0; i < COUNT(letters); i++)
        if (strstr(source, letters[i])) return LETTERS;
    return strstr(source, "number") ? TAKE_LAST : PLAIN;
}

static bool among(const json_t *expected, const char *answer)
{
    const json_t *v;
    size_t i;
    json_array_foreach (expected, i, v) {
        const char *want = json_string_value(v);
        if (strcmp(want, answer) == 0 || raml_answer_check(want, answer) == RAML_EQUAL) return true;
    }
    return json_array_size(expected) == 0 && !*answer;
}

static void cases_of_other_graders(void **state)
{
    (void)state;
    FILE *f = fopen(RAML_SHARED "/data/verify/extract_cases.jsonl", "r");
    if (!f) {
        print_message("NOT TESTED: no " RAML_SHARED "/data/verify/extract_cases.jsonl\n");
        skip();
        return;
    }
    char line[8192];
    size_t bad = 0, n_differ = 0;
    int n = 0;
    for (; fgets(line, sizeof line, f); n++) {
        json_t *row = json_loads(line, 0, NULL);
        assert_non_null(row);
        const char *text = json_string_value(json_object_get(row, "input"));
        struct raml_answer_options o = options(option_of(row));
        struct raml_buf out;
        find(text, strlen(text), &o, &out);
        bool same = among(json_object_get(row, "expected"), out.data ? out.data : ""), known = false;
        for (size_t i = 0; i < COUNT(differing); i++) known = known || differing[i].row == n + 1;
        n_differ += known;
        if (same == known) {
            print_error("row %d: %s: found '%s', %s\n", n + 1, text, out.data ? out.data : "",
                        known ? "which is no difference" : "not what is expected");
            bad++;
        }
        raml_buf_deinit(&out);
        json_decref(row);
    }
    fclose(f);
    assert_int_equal(n_differ, COUNT(differing));
    assert_true(n >= 22);
    assert_int_equal(bad, 0);
}

/* clang-format off */
static const char *const pieces[] = {
    "\\boxed{",   "$",          "answer is ",  "{",     "}",          "\\boxed{}",      "\\boxed{1} ", "\\boxed{1},",
    "\\(",        "\\[",        "$$",          "<think>", "</think>", "final answer",   "**Final Answer**\n",
    "\\boxed ",   "\\text{",    "####",        "#### 1\n", "1,",      "-",              "a ",          "A ",
    "is our answer ", "\\",     "****",        "1",     "$1$ ",       "$a b c d $",     "<answer>",    "</answer>",
    "\xe7\xad\x94\xe6\xa1\x88", "answer to the ", "\n", "\\frac{",    "1.",             "not A ",      "\\boxed{5",
    "x is ",      "\xff",       "\xe2",        " ",     "answer **",  "the answer is is not ", "<",
    "\\boxed{\\boxed{1}}",
    "\\boxed{{",  "\\text{\\text{a", "answer: $", "\\frac{1}{", "\\boxed{a}b", "answer of",
};
/* clang-format on */

/* A million bytes of one repeated piece. Quadratic work would take minutes; 20 s is far from both. */
static void long_texts(void **state)
{
    (void)state;
    enum { N = 1 << 20 };
    char *text = malloc(N);
    assert_non_null(text);
    for (size_t k = 0; k < COUNT(pieces); k++) {
        const char *piece = pieces[k];
        size_t n = strlen(piece);
        for (size_t i = 0; i < N; i++) text[i] = piece[i % n];
        struct raml_answer_options o = options((int)(k % 3));
        struct raml_buf out;
        double begin = raml_clock_process();
        find(text, N, &o, &out);
        double took = raml_clock_process() - begin;
        if (!(took < 20)) print_error("'%s' took %.1f s\n", piece, took);
        assert_true(took < 20);
        raml_buf_deinit(&out);
    }
    free(text);
}

/* Every text of the table truncated at every byte, and pieces one after the other: no crash, no read outside. */
static void broken_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (size_t n = 0; n <= strlen(cases[i].text); n++) {
            struct raml_answer_options o = options((int)(n % 3));
            struct raml_buf out;
            find(cases[i].text, n, &o, &out);
            raml_buf_deinit(&out);
        }
    }
    for (size_t i = 0; i < COUNT(pieces); i++) {
        for (size_t k = 0; k < COUNT(pieces); k++) {
            char text[128];
            int n = snprintf(text, sizeof text, "%s%s%s%s", pieces[i], pieces[k], pieces[i], pieces[k]);
            struct raml_answer_options o = options((int)(k % 3));
            struct raml_buf out;
            find(text, (size_t)n, &o, &out);
            raml_buf_deinit(&out);
        }
    }
}

static void a_full_buffer(void **state)
{
    (void)state;
    enum raml_found found;
    struct raml_buf out;
    raml_buf_init(&out, 3);
    assert_int_equal(raml_answer_find("\\boxed{12345}", 13, NULL, &out, &found, NULL), RAML_ENOMEM);
    raml_buf_deinit(&out);
}

static void names(void **state)
{
    (void)state;
    assert_string_equal(raml_found_name(RAML_FOUND_NOTHING), "nothing");
    assert_string_equal(raml_found_name(RAML_FOUND_LAST), "last");
    assert_string_equal(raml_verdict_name(RAML_EQUAL), "equal");
    assert_string_equal(raml_verdict_name(RAML_DIFFERENT), "different");
    assert_string_equal(raml_verdict_name(RAML_UNKNOWN), "unknown");
}

/* The boxes of a whole text: those that are joined, without their braces, and empty ones. */
static void boxes(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want; /* NULL: there is no box */
    } t[] = {
        {"", NULL},
        {"no box", NULL},
        {"\\boxed", NULL},
        {"\\boxed{", NULL},
        {"\\boxed{}", ""},
        {"\\boxed{ }", ""},
        {"\\boxed {a}", "a"},
        {"\\boxed{a{b}c}", "a{b}c"},
        {"\\fbox{a}", "a"},
        {"x } \\boxed{a} } y", "a"},
        {"\\boxed{a\\}b}", "a\\}b"},
        {"\\boxed{a\\\\} b}", "a\\\\"},
        {"\\boxed{\\boxed{b}}", "b"},
        {"\\boxed{1} {2}", "1"},
        {"\\boxed{5} and more \\boxed{}", "5"},
        {"\\boxed{1} and \\boxed{2}", "1, 2"},
        {"\\boxed{1}, \\boxed{2} or \\boxed{3}", "1, 2, 3"},
        {"\\boxed{x+11} or \\boxed{11+x}", "11+x"},
        {"\\boxed{1}. Then it is \\boxed{2}", "2"},
        {"$\\boxed 5$", "5"},
        {"so \\boxed{12 and", "12 and"},
        {"\\boxed{10}\\%", "10\\%"},
        {"<think>\\boxed{1}", "1"}, /* wherever it is */
    };
    for (size_t i = 0; i < COUNT(t); i++) {
        struct raml_buf out;
        raml_buf_init(&out, 64);
        bool found = raml_answer_boxed(t[i].text, strlen(t[i].text), &out);
        if (found != (t[i].want != NULL)) fail_msg("'%s': found %d", t[i].text, found);
        if (found && (out.len != strlen(t[i].want) || (out.len && memcmp(out.data, t[i].want, out.len))))
            fail_msg("'%s': got '%.*s', want '%s'", t[i].text, (int)out.len, out.data, t[i].want);
        raml_buf_deinit(&out);
    }
}

int main(void)
{
    /* clang-format off */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boxes),
        cmocka_unit_test(the_table),    cmocka_unit_test(the_end_of_thinking), cmocka_unit_test(cases_of_other_graders),
        cmocka_unit_test(long_texts),   cmocka_unit_test(broken_texts),        cmocka_unit_test(a_full_buffer),
        cmocka_unit_test(names),
    };
    /* clang-format on */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
