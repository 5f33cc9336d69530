/* answers.h - answers as people and models write them: the seeds of random inputs. */
#ifndef RAML_FUZZ_ANSWERS_H
#define RAML_FUZZ_ANSWERS_H

/* clang-format off */
static const char *const answers[] = {
    "42", "-5", "+7", "0", "-0", "007", "1,234,567", "10{,}000", "10,\\!000", "12\\,345", "3.14159", "0.333", ".5",
    "5.", "1e5", "1.5\\times 10^{-3}", "2.5 \\cdot 10^6", "1/2", "-3/4", "7 / 8", "1 1/2", "\\frac{1}{2}",
    "\\dfrac{-3}{4}", "\\tfrac12", "\\frac34", "-\\frac{5}{6}", "2\\frac{1}{3}", "\\frac{\\frac{1}{2}}{3}",
    "\\cfrac{1}{1+\\cfrac{1}{2}}", "50%", "50\\%", "12.5 \\%", "\\$5", "$5.25", "\\$1{,}000", "5 dollars", "10 cm",
    "10\\text{ cm}", "15\\mbox{ cm}^2", "3 \\mathrm{m/s}", "90^\\circ", "90 degrees", "72\xc2\xb0", "\\pi", "2\\pi",
    "\\frac{\\pi}{3}", "\\frac94\\pi", "e^2", "\\ln 2", "\\log_{10} 100", "\\log_2 8", "\\sqrt{2}", "\\sqrt2",
    "\\sqrt[3]{5}", "\\sqrt{2+\\sqrt{3}}", "2\\sqrt{3}", "\\frac{1+\\sqrt5}{2}", "\\frac{\\sqrt{3}}{3}",
    "3\\sqrt{2}-4", "(1+\\sqrt{2})^3", "2^{10}", "2^{100}", "2^{1/2}", "x^{-1}", "4^{3^2}", "5!", "\\binom{5}{2}",
    "\\dbinom{10}{3}", "\\gcd(12, 18)", "10 \\bmod 3", "i", "3+4i", "2-i", "e^{i\\pi}", "\\frac{1}{1+i}", "\\omega",
    "\\infty", "-\\infty", "+\\infty", "\\varnothing", "\\emptyset", "x", "2x", "x+1", "x^2+2x+1", "(x+1)^2",
    "(x-2)(x+2)", "3x^2-5x+2", "\\frac{x}{x+1}", "\\frac{x^2-1}{x-1}", "\\sqrt{x^2}", "|x|", "|x-1|+|x+1|",
    "\\left|x\\right|", "a b c", "ab+bc+ca", "a^2+b^2", "\\alpha+\\beta", "x_1+x_2", "x_{n+1}", "f(x)=x^2",
    "f(x) = 2x+1", "y = 3x - 4", "x=5", "x = 5, y = 6", "k = 45 \\text{ and } n = 2", "x+y=10", "2x+3y-z=0",
    "x^2+y^2=1", "\\frac{x^2}{4}+\\frac{y^2}{3}=1", "x>5", "x \\geq 5", "x \\le -2", "-2 \\le x \\le 7", "0<x<1",
    "x \\neq 3", "1<2<3", "(1,2)", "(1, 2, 3)", "\\left(\\frac12, 3\\right)", "(3, \\frac{\\pi}{2})", "(-6, 10)",
    "[0,1)", "[0, \\infty)", "(-\\infty, 2) \\cup (3, \\infty)", "(-\\infty,-3]\\cup[5,+\\infty)", "x \\in [-2,7]",
    "\\mathbb{R}", "\\mathbb{Z}", "\\{1,2,3\\}", "\\{-1\\} \\cup [0,7)", "\\{x \\mid x > 0\\}", "1, 2, 3",
    "1,2 and 3", "3, 5, 7 or 11", "\\pm 3", "2 \\pm \\sqrt{5}", "\\frac{-1 \\pm \\sqrt{13}}{4}",
    "\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}", "\\begin{bmatrix} 0 & 1 \\\\ -1 & 0 \\end{bmatrix}",
    "\\begin{pmatrix} 3 \\\\ 2 \\\\ -6 \\end{pmatrix}", "\\begin{vmatrix} a & b \\\\ c & d \\end{vmatrix}",
    "\\left[\\begin{array}{cc}1 & 2 \\\\3 & 4\\end{array}\\right]", "\\begin{cases} a+b=1 \\\\ a-b=3 \\end{cases}",
    "\\sin x", "\\sin(x)", "\\cos^2 x", "\\sin^2 x + \\cos^2 x", "\\tan\\frac{\\pi}{4}", "\\arctan 1",
    "\\sin 30^\\circ", "\\sinh x", "\\sec^2 y", "\\exp(1)", "\\ln(x+1)", "e^{-at}", "b\\delta(t)+1-e^{-at}",
    "\\int_0^1 x^2 dx", "\\sum_{k=1}^{n} k", "\\prod_{i=1}^n i", "\\lim_{x \\to 0} \\frac{\\sin x}{x}",
    "\\lfloor 3.7 \\rfloor", "\\lceil x \\rceil", "\\max(1, 2)", "1112_3", "2012_{3}", "0x1F", "101_2", "11:21",
    "12:00", "8:34 p.m.", "Even", "odd", "Yes", "No", "True", "\\text{Evelyn}", "\\text{yes}", "(D) Alina", "(A)",
    "C", "\\textbf{(E)}\\ 12", "\\text{(C)}", "Monday", "no solution", "all real numbers", "\\text{even function}",
    "\\boxed{42}", "$\\boxed{\\frac{1}{2}}$", "$$\\boxed{2}, \\boxed{3}$$", "\\boxed{1} and \\boxed{2}", "\\fbox{7}",
    "\\boxed 5", "The answer is $x = 5$.", "So the answer is 34.", "**Final Answer**\n\n42",
    "Final Answer: The final answer is $28 \\%$. I hope it is correct.", "3 + 4 = 7\n#### 7",
    "Therefore $x \\geq 5$ is the solution.", "<think>let me see</think>\\boxed{9}", "<answer>17</answer>",
    "\xe7\xad\x94\xe6\xa1\x88\xe6\x98\xaf B", "R\xc3\xa9ponse : 12", "\xd0\x9e\xd1\x82\xd0\xb2\xd0\xb5\xd1\x82: 42",
    "\xd8\xa7\xd9\x84\xd8\xa5\xd8\xac\xd8\xa7\xd8\xa8\xd8\xa9 \xd9\x87\xd9\x8a 66",
    "\xe7\xad\x94\xe3\x81\x88\xe3\x81\xaf 12", "\xef\xbc\x99\xef\xbc\x99", "\xef\xbc\x91\xef\xbc\x8f\xef\xbc\x92",
    "\xe2\x88\x92" "5", "3\xc3\x97" "4", "6\xc3\xb7" "2", "\xc2\xbd", "x\xc2\xb2+1", "\xe2\x88\x9a" "2",
    "\xe2\x88\x9e", "\xcf\x80/2", "\xe2\x89\xa4" "5", "\xe2\x88\x85", "x\xe2\x88\x88[0,1]", "2\xe2\x81\xbb\xc2\xb9",
    "m\xc2\xb2", "1+1", "2+2", "9-5=4", "1/3+1/6", "2*3", "2**3", "2^6 3^5 5^4", "x*y", "sqrt(2)", "pi", "a/b/c",
    "1/2/3", "-2^2", "(-2)^2", "--5", "1/0", "0/0", "\\frac{1}{0}", "0^0", "\\ln 0", "\\sqrt{-1}", "10^{10^{10}}",
    "9^{9^9}", "999999999999999999999999999999", "0.1000000000000000000000000001", "\\sqrt{\\sqrt{\\sqrt{2}}}",
    "\\sqrt{2}+\\sqrt{3}+\\sqrt{5}+\\sqrt{7}", "(x+y+z)^{20}", "(1+x)^{100}", "x^{1000000}", "\\frac{x^{50}-1}{x-1}",
    "\\overline{AB}", "\\angle ABC", "\\triangle ABC", "\\vec{a}\\cdot\\vec{b}", "\\hat{i}+2\\hat{j}",
    "\\overrightarrow{OA}", "AB \\parallel CD", "V_{1}:V_{2}=11:21", "3:4:5", "0.\\overline{3}", "0.1\\dot{6}",
    "1.2\\ldots", "1+\\ldots+100", "\\frac", "\\frac{}{}", "\\sqrt", "\\left(", "\\right)", "{{{{", "}}}}",
    "\\boxed{", "$", "$$", "\\(", "\\[", "\\\\", "^", "_", "&",
};
/* clang-format on */

#endif
