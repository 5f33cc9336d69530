/* test_more_read.c - how answers of every kind are found and read: more neighbours of each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "kinds.h"

/* clang-format off */
/* Words that scale, boxes that break off, letters. */
static const struct kind_case unsound[] = {
    {"50000", "50K dollars", E}, {"50K dollars", "50000", E}, {"12000", "1\xe4\xb8\x87" "2000", E},
    {"1\xe4\xb8\x87" "2000", "12000", E}, {"5000000", "5 millions d'euros", E}, {"5 millions d'euros", "5000000", E},
    {"4", "\\boxed{41}. Hmm, wait: \\boxed{4", N}, {"42", "So the answer is \\boxed{42", N},
    {"x+1", "\\boxed{x+1", N}, {"3", "\\boxed{3\\text{", N}, {"A", "A number of people say so.", N},
    {"A", "A good question.", N}, {"B", "Option B is correct", E}, {"AC", "A and C", E}, {"7000", "7k dollars", E},
    {"7k dollars", "7000", E}, {"2000000000", "2 milliards d'habitants", E},
    {"2 milliards d'habitants", "2000000000", E}, {"4000000", "4 millones de d\xc3\xb3lares", E},
    {"4 millones de d\xc3\xb3lares", "4000000", E}, {"5000000", "5 milh\xc3\xb5" "es de reais", E},
    {"5 milh\xc3\xb5" "es de reais", "5000000", E}, {"3 zillion", "3", N}, {"3", "3 zillion", N},
    {"7", "\\boxed{7}. Wait. \\boxed{7", N}, {"I", "I guess A", N}, {"A", "A more careful look is needed.", N},
    {"AB", "A, B", E}, {"ABD", "A, B, D", E}, {"ABD", "A, B and D", E}, {"ABD", "B, A, D", E}, {"A", "A apple", N},
    {"2500000", "The population is $2.5\\times 10^6$.", E}, {"5,000", "5 thousand", E}, {"$3.2bn", "3.2", N},
    {"2 million dollars", "$2", D}, {"\xe2\x82\xac" "2.5M", "2.5", N}, {"D", "None of the above", N},
    {"\xc2\xa3" "3.2 bn", "3.2", N}, {"7", "#### 7 thousand", N}, {"5000000", "5 Millionen", E},
    {"1200000", "1.2 million euros", E}, {"$2.5 mn", "2.5", N}, {"3\xeb\xa7\x8c", "3", N}, {"2", "dos mil", N},
    {"A", "It must be A or D", N}, {"2.5", "$2.5 mn", N}, {"10000000", "1 crore", E},
    {"1.2", "\xe2\x82\xac" "1.2 million", N}, {"3 milh\xc3\xb5" "es", "3000000", E}, {"three dozen eggs", "3", N},
    {"A", "none of A, B, C", N}, {"450 thousand km", "450", N}, {"5", "\\boxed{5}\n<|endoftext|>", E},
    {"200000000", "2\xec\x96\xb5", E}, {"30000000", "3 crore", E}, {"1.5", "\\boxed{1.5} million", N},
    {"3 trillion", "3000000000000", E}, {"12", "12 dozens", N}, {"30", "2.5 dozen", E},
    {"4000000000", "4 milliards", E}, {"2 dozen", "24", E}, {"1e6", "1 million", E}, {"150000", "Rs 1.5 lakh", E},
    {"A", "A or maybe B", N}, {"twelve hundred", "12", N}, {"12 million", "12 thousand thousand", E},
    {"3.2", "$3.2bn", N}, {"1000000", "a million", E}, {"I", "I am", N},
    {"5000", "5 \xd1\x82\xd1\x8b\xd1\x81\xd1\x8f\xd1\x87", E}, {"$50K", "50000", E}, {"half a dozen", "0.5", N},
    {"1 million", "10^6", E}, {"\xe2\x82\xac" "2.5M", "2500000", E}, {"3\xe5\x84\x84", "300000000", E},
    {"a hundred", "100", E},
};

/* Digits, units of physics, doubles, bases, choices. */
static const struct kind_case notations[] = {
    {"1.6\\times 10^{-19}", "1.6 x 10^-19 C", E}, {"1.6 x 10^-19 C", "1.6\\times 10^{-19}", E},
    {"1.6\\times 10^{-19}\\text{ C}", "1.6e-19 C", E}, {"1.6e-19 C", "1.6\\times 10^{-19}\\text{ C}", E},
    {"6.63 x 10^-34 J s", "6.63e-34", E}, {"6.63e-34", "6.63 x 10^-34 J s", E},
    {"6.67 x 10^-11 N m^2/kg^2", "6.67e-11", E}, {"6.67e-11", "6.67 x 10^-11 N m^2/kg^2", E},
    {"6.67 x 10^-11 N m^2 kg^-2", "6.67 \\times 10^{-11}\\, \\text{N}\\,\\text{m}^2/\\text{kg}^2", E},
    {"6.67 \\times 10^{-11}\\, \\text{N}\\,\\text{m}^2/\\text{kg}^2", "6.67 x 10^-11 N m^2 kg^-2", E},
    {"5 x 10^14 Hz", "5e14 s^-1", E}, {"5e14 s^-1", "5 x 10^14 Hz", E}, {"5 \\Omega", "5 ohms", E},
    {"5 ohms", "5 \\Omega", E}, {"5 k\xce\xa9", "5000 ohm", E}, {"5000 ohm", "5 k\xce\xa9", E},
    {"3 \\mu F", "3e-6 F", E}, {"3e-6 F", "3 \\mu F", E}, {"3 \xce\xbc" "F", "3 x 10^-6 F", E},
    {"3 x 10^-6 F", "3 \xce\xbc" "F", E}, {"8.85 x 10^-12 F/m", "8.85e-12 F m^-1", E},
    {"8.85e-12 F m^-1", "8.85 x 10^-12 F/m", E},
    {"\\frac{\\sqrt2}{2}+\\frac{\\sqrt2}{2}i", "0.7071067811865476+0.7071067811865475i", E},
    {"0.7071067811865476+0.7071067811865475i", "\\frac{\\sqrt2}{2}+\\frac{\\sqrt2}{2}i", E},
    {"\\frac{\\sqrt2}{2}+\\frac{\\sqrt2}{2}i", "0.7071067811865476+0.7071067811865475j", E},
    {"0.7071067811865476+0.7071067811865475j", "\\frac{\\sqrt2}{2}+\\frac{\\sqrt2}{2}i", E},
    {"\\frac{\\sqrt2}{2}+\\frac{\\sqrt2}{2}i", "(0.7071067811865476+0.7071067811865475j)", E},
    {"(0.7071067811865476+0.7071067811865475j)", "\\frac{\\sqrt2}{2}+\\frac{\\sqrt2}{2}i", E},
    {"e^{i\\pi/4}", "0.7071067811865476+0.7071067811865475i", E},
    {"0.7071067811865476+0.7071067811865475i", "e^{i\\pi/4}", E}, {"1+2i", "1.0000000000000002+2.0i", E},
    {"1.0000000000000002+2.0i", "1+2i", E},
    {"-\\frac12+\\frac{\\sqrt3}{2}i", "-0.4999999999999998+0.8660254037844387i", E},
    {"-0.4999999999999998+0.8660254037844387i", "-\\frac12+\\frac{\\sqrt3}{2}i", E},
    {"f(n)=n", "$f(n)=n$ for all positive integers $n$", E}, {"18", "A: 3 eggs a day.\nB: 15.\n\n**Total = 18**", E},
    {"A: 3 eggs a day.\nB: 15.\n\n**Total = 18**", "18", E}, {"(A)", "a", E}, {"a", "(A)", E}, {"(A)", "a)", E},
    {"a)", "(A)", E}, {"(A)", "Choice A", E}, {"Choice A", "(A)", E}, {"(A)", "option a", E}, {"option a", "(A)", E},
    {"A,C", "AC", E}, {"AC", "A,C", E}, {"1.6e-19 C", "1.6 \\times 10^{-19}\\,\\mathrm{C}", E},
    {"1.6 \\times 10^{-19}\\,\\mathrm{C}", "1.6e-19 C", E}, {"1.6e-19 C", "1.6 \\times 10^{-19}", E},
    {"1.6 \\times 10^{-19}", "1.6e-19 C", E}, {"8.99 x 10^9 N m^2/C^2", "8.99 \\times 10^9", E},
    {"8.99 \\times 10^9", "8.99 x 10^9 N m^2/C^2", E}, {"5.5 x 10^-7 m", "0.55 \xce\xbcm", E},
    {"0.55 \xce\xbcm", "5.5 x 10^-7 m", E}, {"4 \xce\xbc" "C", "4 x 10^-6 C", E},
    {"4 x 10^-6 C", "4 \xce\xbc" "C", E}, {"4 \\mu\\text{C}", "4 x 10^-6 C", E},
    {"4 x 10^-6 C", "4 \\mu\\text{C}", E}, {"6 M\xce\xa9", "6 x 10^6 \\Omega", E},
    {"6 x 10^6 \\Omega", "6 M\xce\xa9", E}, {"20 m/s^2", "20 m s^-2", E}, {"20 m s^-2", "20 m/s^2", E},
    {"20 kg m/s", "20 N s", E}, {"20 N s", "20 kg m/s", E}, {"50 N/m", "50 N m^-1", E}, {"50 N m^-1", "50 N/m", E},
    {"5 J", "5 N\xc2\xb7m", E}, {"5 N\xc2\xb7m", "5 J", E},
    {"\\frac{1}{3}+\\frac{2}{3}i", "0.3333333333333333+0.6666666666666666j", E},
    {"0.3333333333333333+0.6666666666666666j", "\\frac{1}{3}+\\frac{2}{3}i", E},
    {"\\sqrt{3}i", "1.7320508075688772j", E}, {"1.7320508075688772j", "\\sqrt{3}i", E},
    {"2i", "(1.2246467991473532e-16+2j)", E}, {"(1.2246467991473532e-16+2j)", "2i", E},
    {"-1", "-1+1.2246467991473532e-16j", E}, {"-1+1.2246467991473532e-16j", "-1", E},
    {"f(x)=0", "$f(x)=0$ for all real $x$", E}, {"1{,}5", "1.5", E}, {"1.5", "1{,}5", E}, {"1011_2", "1011", D},
    {"101_{10}", "101", E}, {"3-4i", "\\overline{3+4i}", E}, {"\\overline{3+4i}", "3-4i", E}, {"B", "Option B", E},
    {"Option B", "B", E}, {"B", "choice (B)", E}, {"choice (B)", "B", E}, {"B, D", "BD", E}, {"BD", "B, D", E},
    {"7.5", "seven and a half", E}, {"1/3", "33.333333333333336\\%", E}, {"1358", "2516_8", E}, {"B", "B)", E},
    {"(A)", "A)", E}, {"2516 (base 8)", "2516_8", E}, {"AC", "A", D}, {"1.41421356237309504880", "\\sqrt2", E},
    {"6.63 \\times 10^{-34}\\ \\mathrm{J\\cdot s}", "6.63 x 10^-34 J\xc2\xb7s", E},
    {"0.45\xc3\x97" "10^4", "4.5\\times 10^{3}", E},
    {"\\frac{1}{3}+\\frac{2}{3}i", "0.3333333333333333-0.6666666666666666j", D}, {"i", "\\sqrt{-1}", E},
    {"0", "zero", E}, {"0x1f", "31", E}, {"$(t,2t)$ for $t\\in\\mathbb{R}$", "(s,2s)", E}, {"2+3\\imath", "2+3i", E},
    {"2 + 3 i", "2+3i", E}, {"\xe4\xb8\x89\xe4\xb8\x87\xe4\xba\x94\xe5\x8d\x83", "35000", E},
    {"12", "\\textbf{(C)}\\ 12", E}, {"0.666666666667", "2/3", E}, {"1.6\\times 10^{-19} C", "1.6 x 10^-19 C", E},
    {"12,345", "12345", E}, {"300000 km/s", "3e8 m/s", E}, {"(A)", "\\textbf{(A)}", E}, {"10,000.00", "10000", E},
    {"15", "(B) 14", N}, {"1A_{16}", "1a_{16}", E}, {"4.5E+03", "4.5\\times 10^{3}", E},
    {"2.5\\times10^{-4}", "2.5 \\mathrm{x} 10^{-4}", E}, {"+1000", "1000", E}, {"1_234_567", "1234567", E},
    {"does not exist", "\\text{DNE}", E}, {"1234.56", "1\xe2\x80\x99" "234.56", E},
    {"\xe5\x8d\x81\xe4\xba\x94", "15", E}, {"4.5*10**3", "4.5\\times 10^{3}", E}, {"-j", "-i", E},
    {"f(x)=0 for all x", "0", E}, {"2", "\xe4\xb8\xa4", E}, {"5", "|3-4i|", E}, {"777_8", "511", E},
    {"18", "Step 1: 3*6=18.\n\nTherefore:\n$$18$$", E}, {"\xe2\x88\x92" "1 000", "-1000", E},
    {"0.7071067811865476", "\\frac{\\sqrt2}{2}", E}, {"200", "\xe4\xb8\xa4\xe7\x99\xbe", E},
    {"18", "Some steps: 3+15.\n\n**Answer:** 18", E},
};

/* Marked sentences with several numbers. */
static const struct kind_case marked[] = {
    {"12", "La r\xc3\xa9ponse est 12 pommes pour 4 enfants.", E},
    {"12", "Die Antwort ist 12 \xc3\x84pfel f\xc3\xbcr 4 Kinder.", E}, {"12", "Antwort: 12 km in 3 Stunden", E},
    {"12", "La respuesta es 12 manzanas en 3 cajas.", E}, {"12", "La risposta \xc3\xa8 12 mele in 3 giorni", E},
    {"12", "Het antwoord is 12 appels voor 4 kinderen", E},
    {"12", "Odpowied\xc5\xba: 12 jab\xc5\x82" "ek na 3 dni", E},
    {"12", "\xd0\x9e\xd1\x82\xd0\xb2\xd0\xb5\xd1\x82: 12 \xd1\x8f\xd0\xb1\xd0\xbb\xd0\xbe\xd0\xba \xd0\xb7\xd0\xb0 3 \xd0\xb4\xd0\xbd\xd1\x8f", E},
    {"12", "Final Answer: 12 apples in 3 boxes", E}, {"12", "The answer is 12 apples in 3 boxes.", E},
    {"12", "Thus, the final answer is: 12 (which is 3 dozen divided by 3).", E},
    {"12", "So the answer is 12 and not 15.", E},
    {"70000", "\xe7\xad\x94\xe6\xa1\x88\xef\xbc\x9a" "7\xe4\xb8\x87\xe4\xba\xba\xe5\x9c\xa8" "3\xe4\xb8\xaa\xe5\x9f\x8e\xe5\xb8\x82", E},
    {"15", "R\xc3\xa9ponse : 15 \xe2\x82\xac apr\xc3\xa8s 3 jours", E},
    {"15", "Le r\xc3\xa9sultat est 15 en 3 \xc3\xa9tapes.", E},
    {"15", "Die Antwort lautet: 15 \xc3\x84pfel in 3 K\xc3\xb6rben.", E},
    {"15", "Das Ergebnis ist 15 bei 3 Versuchen.", E}, {"15", "La respuesta final es 15 manzanas en 3 cestas", E},
    {"15", "La risposta corretta \xc3\xa8 15 mele in 3 cesti.", E},
    {"15", "A resposta final \xc3\xa9 15 ma\xc3\xa7\xc3\xa3s em 3 cestos.", E},
    {"15", "\xe7\xad\x94\xe6\xa1\x88\xef\xbc\x9a\xe8\xbf\x98\xe5\x89\xa9" "15\xe5\x85\x83\xef\xbc\x8c\xe5\xa4\x9f\xe7\x94\xa8" "3\xe4\xb8\xaa\xe6\x9c\x88", E},
    {"15", "\xec\xa0\x95\xeb\x8b\xb5: 15\xea\xb0\x9c\xea\xb0\x80 3\xec\x83\x81\xec\x9e\x90\xec\x97\x90", E},
    {"15", "\xd8\xa7\xd9\x84\xd8\xac\xd9\x88\xd8\xa7\xd8\xa8: 15 \xd8\xaa\xd9\x81\xd8\xa7\xd8\xad\xd8\xa9 \xd9\x81\xd9\x8a 3 \xd8\xb5\xd9\x86\xd8\xa7\xd8\xaf\xd9\x8a\xd9\x82", E},
    {"15", "\xc4\x90\xc3\xa1p \xc3\xa1n: 15 qu\xe1\xba\xa3 trong 3 h\xe1\xbb\x99p", E},
    {"15", "Svaret \xc3\xa4r 15.", E}, {"15", "The answer is 15 km in 3 hours.", E},
    {"15", "The final answer is 15 marbles for 3 boys.", E}, {"15", "The answer is $15$ (that is, $3\\cdot5$).", E},
    {"12.5", "Antwort: 12,5 m in 3 s", E},
    {"15", "\xe7\xad\x94\xe6\xa1\x88\xe6\x98\xaf" "15\xe5\x85\x83\xe5\x8f\xaf\xe4\xbb\xa5\xe7\x94\xa8" "3\xe5\xa4\xa9", E},
    {"15", "The answer is 15, which equals 3 times 5.", E}, {"70", "Answer: she has 70 left of the 100.", E},
    {"12", "The answer is\n\n12", E}, {"15", "Antwoord: er blijven 15 euro over na 3 maanden", E},
    {"1", "Answer: 1 hour 30 minutes", N}, {"15", "The answer is clear.", N},
    {"70", "Answer: 70 thousand people in 3 towns", N}, {"15", "The answers are 15 and 20.", N},
    {"12", "answer is: 12", E}, {"12,5", "Antwort: 12,5 m", E}, {"12", "The answer is $12$ for $n=3$.", E},
    {"3", "Jean a 12 pommes. Il en donne 3.", N}, {"15", "Answer: 15 dollars left after 3 months", E},
    {"12", "Cevap: 12 elma", E}, {"3", "Antwort: 12 km in 3 Stunden", N}, {"15", "The answer is 15 1/2", N},
    {"12", "\xd8\xa7\xd9\x84\xd8\xac\xd9\x88\xd8\xa7\xd8\xa8: 12", E},
    {"3", "The answer is 12 apples in 3 boxes.", N}, {"3", "The answer is 15, which equals 3 times 5.", N},
    {"15", "\xd0\x9e\xd1\x82\xd0\xb2\xd0\xb5\xd1\x82: \xd0\xbe\xd1\x81\xd1\x82\xd0\xb0\xd0\xbd\xd0\xb5\xd1\x82\xd1\x81\xd1\x8f 15 \xd1\x80\xd1\x83\xd0\xb1\xd0\xbb\xd0\xb5\xd0\xb9 \xd1\x87\xd0\xb5\xd1\x80\xd0\xb5\xd0\xb7 3 \xd0\xbc\xd0\xb5\xd1\x81\xd1\x8f\xd1\x86\xd0\xb0", E},
    {"15", "The answer is 15 or 20.", N},
    {"15", "Odpowied\xc5\xba: zosta\xc5\x82o 15 z\xc5\x82 na 3 miesi\xc4\x85" "ce", E},
    {"3", "Respuesta: quedan 15 euros para 3 meses.", N},
    {"12", "\xec\xa0\x95\xeb\x8b\xb5\xec\x9d\x80 12\xec\x9e\x85\xeb\x8b\x88\xeb\x8b\xa4.", E},
    {"15", "\xe7\xad\x94\xe3\x81\x88\xe3\x81\xaf" "15\xe3\x81\xa7\xe3\x81\x99\xe3\x80\x82", E},
    {"12", "\xeb\x8b\xb5: 12\xea\xb0\x9c", E}, {"12", "\xe7\xad\x94\xe3\x81\x88\xef\xbc\x9a" "12", E},
    {"12", "\xe7\xad\x94\xe6\xa1\x88\xe6\x98\xaf" "12\xe4\xb8\xaa\xe8\x8b\xb9\xe6\x9e\x9c\xef\xbc\x8c\xe5\x88\x86\xe7\xbb\x99" "3\xe4\xb8\xaa\xe5\xad\xa9\xe5\xad\x90", E},
    {"12", "Risposta: 12", E}, {"-5", "R\xc3\xa9ponse : \xe2\x88\x92" "5 \xc2\xb0" "C", E},
    {"12", "**Antwort:** 12", E}, {"15", "La r\xc3\xa9ponse est donc 15 euros par personne.", E},
    {"4", "La r\xc3\xa9ponse est 12 pommes pour 4 enfants.", N},
    {"3", "\xe7\xad\x94\xe6\xa1\x88\xef\xbc\x9a\xe8\xbf\x98\xe5\x89\xa9" "15\xe5\x85\x83\xef\xbc\x8c\xe5\xa4\x9f\xe7\x94\xa8" "3\xe4\xb8\xaa\xe6\x9c\x88", N},
    {"15", "The answer is 15 out of 20", N}, {"12", "\xc4\x90\xc3\xa1p \xc3\xa1n: 12", E},
    {"2.5", "La r\xc3\xa9ponse est 2,5 kg.", E}, {"3", "R\xc3\xa9ponse : il reste 12 $ d'ici 3 mois", N},
    {"1220", "R\xc3\xa9ponse : il reste 1 220 $ d'ici 12 mois", E},
    {"15", "Respuesta: quedan 15 euros para 3 meses.", E},
    {"12", "\xd8\xa7\xd9\x84\xd8\xa5\xd8\xac\xd8\xa7\xd8\xa8\xd8\xa9 \xd9\x87\xd9\x8a 12", E},
    {"15", "Antwort: Es bleiben 15 \xe2\x82\xac nach 3 Tagen.", E}, {"15", "The answer is 15 unless n = 3.", N},
    {"15", "Die Antwort ist nicht 15.", N},
};
/* clang-format on */

static void test_unsound(void **state)
{
    (void)state;
    assert_int_equal(kind_cases(unsound, COUNT(unsound), NULL), 0);
}

static void test_notations(void **state)
{
    (void)state;
    assert_int_equal(kind_cases(notations, COUNT(notations), NULL), 0);
}

static void test_marked(void **state)
{
    (void)state;
    assert_int_equal(kind_cases(marked, COUNT(marked), NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unsound),
        cmocka_unit_test(test_notations),
        cmocka_unit_test(test_marked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
