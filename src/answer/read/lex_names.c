/* lex_names.c - the names that the lexer knows (lex.h): LaTeX commands, words of plain notation, signs beyond ASCII. */
#include "answer/read/lex_names.h"

#include <string.h>

/* LaTeX, without the backslash. Sorted. */
/* clang-format off */
static const struct lex_name commands[] = {
    {"Alpha", T_SYMBOL, 0, "Alpha"}, {"Bbb", LEX_BB, 0, NULL}, {"Beta", T_SYMBOL, 0, "Beta"},
    {"Big", LEX_DROP, 0, NULL}, {"Bigg", LEX_DROP, 0, NULL}, {"Biggl", LEX_DROP, 0, NULL},
    {"Biggr", LEX_DROP, 0, NULL}, {"Bigl", LEX_DROP, 0, NULL}, {"Bigr", LEX_DROP, 0, NULL},
    {"Box", LEX_DROP, 0, NULL}, {"C", T_SET_NAME, 'C', NULL}, {"Delta", T_SYMBOL, 0, "Delta"},
    {"Gamma", T_SYMBOL, 0, "Gamma"}, {"Im", T_FN, FN_IM, NULL}, {"Lambda", T_SYMBOL, 0, "Lambda"},
    {"Leftrightarrow", T_RELATION, EXPR_EQUIV, NULL}, {"Longrightarrow", T_RELATION, EXPR_EQUIV, NULL},
    {"N", T_SET_NAME, 'N', NULL}, {"Omega", T_SYMBOL, 0, "Omega"}, {"Phi", T_SYMBOL, 0, "Phi"},
    {"Pi", T_SYMBOL, 0, "Pi"}, {"Pr", T_BIG, 0, "Pr"}, {"Psi", T_SYMBOL, 0, "Psi"}, {"Q", T_SET_NAME, 'Q', NULL},
    {"R", T_SET_NAME, 'R', NULL}, {"Re", T_FN, FN_RE, NULL}, {"Reals", T_SET_NAME, 'R', NULL},
    {"Rightarrow", T_RELATION, EXPR_EQUIV, NULL}, {"Sigma", T_SYMBOL, 0, "Sigma"}, {"Theta", T_SYMBOL, 0, "Theta"},
    {"Upsilon", T_SYMBOL, 0, "Upsilon"}, {"Vert", T_OPEN, '|', NULL}, {"Xi", T_SYMBOL, 0, "Xi"},
    {"Z", T_SET_NAME, 'Z', NULL}, {"abs", T_FN, FN_ABS, NULL}, {"acos", T_FN, FN_ACOS, NULL},
    {"acosh", T_FN, FN_ACOSH, NULL}, {"acot", T_FN, FN_ACOT, NULL}, {"acsc", T_FN, FN_ACSC, NULL},
    {"aleph", T_SYMBOL, 0, "aleph"}, {"allowbreak", LEX_DROP, 0, NULL}, {"alpha", T_SYMBOL, 0, "alpha"},
    {"angle", T_SYMBOL, 0, "angle"}, {"approx", T_RELATION, EXPR_APPROX, NULL},
    {"approxeq", T_RELATION, EXPR_APPROX, NULL}, {"arccos", T_FN, FN_ACOS, NULL}, {"arccosh", T_FN, FN_ACOSH, NULL},
    {"arccot", T_FN, FN_ACOT, NULL}, {"arccsc", T_FN, FN_ACSC, NULL}, {"arcctg", T_FN, FN_ACOT, NULL},
    {"arcosh", T_FN, FN_ACOSH, NULL}, {"arcsec", T_FN, FN_ASEC, NULL}, {"arcsin", T_FN, FN_ASIN, NULL},
    {"arcsinh", T_FN, FN_ASINH, NULL}, {"arctan", T_FN, FN_ATAN, NULL}, {"arctanh", T_FN, FN_ATANH, NULL},
    {"arctg", T_FN, FN_ATAN, NULL}, {"arg", T_FN, FN_ARG, NULL}, {"arsinh", T_FN, FN_ASINH, NULL},
    {"artanh", T_FN, FN_ATANH, NULL}, {"asec", T_FN, FN_ASEC, NULL}, {"asin", T_FN, FN_ASIN, NULL},
    {"asinh", T_FN, FN_ASINH, NULL}, {"ast", T_TIMES, 0, NULL}, {"atan", T_FN, FN_ATAN, NULL},
    {"atanh", T_FN, FN_ATANH, NULL}, {"backslash", T_SETMINUS, 0, NULL}, {"bar", T_ACCENT, 0, "bar"},
    {"because", LEX_DROP, 0, NULL}, {"begin", LEX_BEGIN, 0, NULL}, {"beta", T_SYMBOL, 0, "beta"},
    {"bf", LEX_DROP, 0, NULL}, {"big", LEX_DROP, 0, NULL}, {"bigcap", T_CAP, 0, NULL}, {"bigcup", T_CUP, 0, NULL},
    {"bigg", LEX_DROP, 0, NULL}, {"biggl", LEX_DROP, 0, NULL}, {"biggr", LEX_DROP, 0, NULL},
    {"bigl", LEX_DROP, 0, NULL}, {"bigm", LEX_DROP, 0, NULL}, {"bigr", LEX_DROP, 0, NULL},
    {"binom", T_BINOM, 0, NULL}, {"blacksquare", LEX_DROP, 0, NULL}, {"bm", LEX_ROMAN, 0, NULL},
    {"bmod", T_MOD, 0, NULL}, {"bold", LEX_TEXT, 0, NULL}, {"boldsymbol", LEX_ROMAN, 0, NULL},
    {"boxed", LEX_DROP, 0, NULL}, {"bullet", T_TIMES, 0, NULL}, {"cancel", T_ACCENT, 0, "cancel"},
    {"cap", T_CAP, 0, NULL}, {"cdot", T_TIMES, 0, NULL}, {"cdotp", T_TIMES, 0, NULL}, {"cdots", T_DOTS, 0, NULL},
    {"ceil", T_FN, FN_CEIL, NULL}, {"ceiling", T_FN, FN_CEIL, NULL}, {"centerdot", T_TIMES, 0, NULL},
    {"centering", LEX_DROP, 0, NULL}, {"cfrac", T_FRAC, 0, NULL}, {"chi", T_SYMBOL, 0, "chi"},
    {"choose", T_CHOOSE, 0, NULL}, {"circ", T_DEGREE, 0, NULL}, {"cis", T_FN, LEX_FN_CIS, NULL}, {"colon", T_COLON, 0, NULL},
    {"color", LEX_DROP_ARGUMENT, 0, NULL},
    {"cong", T_RELATION, EXPR_EQUIV, NULL}, {"cos", T_FN, FN_COS, NULL}, {"cosec", T_FN, FN_CSC, NULL},
    {"cosh", T_FN, FN_COSH, NULL}, {"cot", T_FN, FN_COT, NULL}, {"cotan", T_FN, FN_COT, NULL},
    {"coth", T_FN, FN_COTH, NULL}, {"cr", LEX_DROP, 0, NULL}, {"csc", T_FN, FN_CSC, NULL},
    {"csch", T_FN, FN_CSCH, NULL}, {"ctg", T_FN, FN_COT, NULL}, {"cup", T_CUP, 0, NULL}, {"dbinom", T_BINOM, 0, NULL},
    {"ddot", T_ACCENT, 0, "ddot"}, {"ddots", T_DOTS, 0, NULL}, {"deg", T_BIG, 0, "deg"},
    {"degree", T_DEGREE, 0, NULL}, {"degrees", T_DEGREE, 0, NULL}, {"delta", T_SYMBOL, 0, "delta"},
    {"det", T_BIG, 0, "det"}, {"dfrac", T_FRAC, 0, NULL}, {"dim", T_BIG, 0, "dim"},
    {"displaylimits", LEX_DROP, 0, NULL}, {"displaystyle", LEX_DROP, 0, NULL}, {"div", T_SLASH, 0, NULL},
    {"dot", T_ACCENT, 0, "dot"}, {"doteq", T_RELATION, EXPR_APPROX, NULL}, {"dots", T_DOTS, 0, NULL},
    {"dotsb", T_DOTS, 0, NULL}, {"dotsc", T_DOTS, 0, NULL}, {"dotsm", T_DOTS, 0, NULL}, {"dotso", T_DOTS, 0, NULL},
    {"ell", T_SYMBOL, 0, "ell"}, {"emph", LEX_TEXT, 0, NULL}, {"emptyset", T_EMPTY_SET, 0, NULL},
    {"end", LEX_END, 0, NULL}, {"enspace", LEX_DROP, 0, NULL}, {"ensuremath", LEX_DROP, 0, NULL},
    {"epsilon", T_SYMBOL, 0, "epsilon"}, {"eq", T_RELATION, EXPR_EQ, NULL}, {"equiv", T_RELATION, EXPR_EQUIV, NULL},
    {"eta", T_SYMBOL, 0, "eta"}, {"euro", T_CURRENCY, 0, "euro"}, {"exp", T_FN, FN_EXP, NULL},
    {"exponentialE", T_EULER, 0, NULL}, {"fbox", LEX_DROP, 0, NULL}, {"fboxsep", LEX_DROP, 0, NULL},
    {"floor", T_FN, FN_FLOOR, NULL}, {"frac", T_FRAC, 0, NULL}, {"gamma", T_SYMBOL, 0, "gamma"},
    {"gcd", T_FN, FN_GCD, NULL}, {"ge", T_RELATION, EXPR_GE, NULL}, {"geq", T_RELATION, EXPR_GE, NULL},
    {"geqq", T_RELATION, EXPR_GE, NULL}, {"geqslant", T_RELATION, EXPR_GE, NULL}, {"gt", T_RELATION, EXPR_GT, NULL},
    {"gteq", T_RELATION, EXPR_GE, NULL}, {"hat", T_ACCENT, 0, "hat"}, {"hbar", T_SYMBOL, 0, "hbar"},
    {"hbox", LEX_TEXT, 0, NULL}, {"hfill", LEX_DROP, 0, NULL}, {"hline", LEX_DROP, 0, NULL},
    {"hphantom", LEX_DROP_ARGUMENT, 0, NULL}, {"hskip", LEX_DROP_ARGUMENT, 0, NULL},
    {"hspace", LEX_DROP_ARGUMENT, 0, NULL}, {"iff", T_RELATION, EXPR_EQUIV, NULL}, {"iiint", T_BIG, 0, "iiint"},
    {"iint", T_BIG, 0, "iint"}, {"imaginaryI", T_IMAGINARY, 0, NULL}, {"imaginaryJ", T_IMAGINARY, 0, NULL},
    {"imath", T_IMAGINARY, 0, NULL}, {"implies", T_RELATION, EXPR_EQUIV, NULL}, {"in", T_RELATION, EXPR_IN, NULL},
    {"inf", T_BIG, 0, "inf"}, {"infin", T_INFINITY, 0, NULL}, {"infty", T_INFINITY, 0, NULL},
    {"int", T_BIG, 0, "int"}, {"integers", T_SET_NAME, 'Z', NULL}, {"iota", T_SYMBOL, 0, "iota"},
    {"isin", T_RELATION, EXPR_IN, NULL}, {"it", LEX_DROP, 0, NULL}, {"jmath", T_SYMBOL, 0, "jmath"},
    {"kappa", T_SYMBOL, 0, "kappa"}, {"ker", T_BIG, 0, "ker"}, {"kern", LEX_DROP_ARGUMENT, 0, NULL},
    {"lVert", T_OPEN, '|', NULL}, {"label", LEX_DROP_ARGUMENT, 0, NULL}, {"lambda", T_SYMBOL, 0, "lambda"},
    {"land", T_CAP, 0, NULL}, {"langle", T_OPEN, '<', NULL}, {"large", LEX_DROP, 0, NULL},
    {"lbrace", T_OPEN, '{', NULL}, {"lbrack", T_OPEN, '[', NULL}, {"lceil", T_OPEN, 'c', NULL},
    {"lcm", T_FN, FN_LCM, NULL}, {"ldots", T_DOTS, 0, NULL}, {"le", T_RELATION, EXPR_LE, NULL},
    {"left", LEX_DROP, 0, NULL}, {"leftrightarrow", T_RELATION, EXPR_EQUIV, NULL}, {"leq", T_RELATION, EXPR_LE, NULL},
    {"leqq", T_RELATION, EXPR_LE, NULL}, {"leqslant", T_RELATION, EXPR_LE, NULL}, {"less", T_RELATION, EXPR_LT, NULL},
    {"lfloor", T_OPEN, 'f', NULL}, {"lg", T_FN, FN_LOG, NULL}, {"lgroup", T_OPEN, '(', NULL},
    {"lim", T_BIG, 0, "lim"}, {"liminf", T_BIG, 0, "liminf"}, {"limits", LEX_DROP, 0, NULL},
    {"limsup", T_BIG, 0, "limsup"}, {"llcorner", T_OPEN, 'f', NULL}, {"ln", T_FN, FN_LN, NULL},
    {"log", T_FN, FN_LN, "log"}, {"longrightarrow", T_RELATION, EXPR_EQUIV, NULL}, {"lor", T_CUP, 0, NULL},
    {"lparen", T_OPEN, '(', NULL}, {"lrcorner", T_CLOSE, 'f', NULL}, {"lt", T_RELATION, EXPR_LT, NULL},
    {"lteq", T_RELATION, EXPR_LE, NULL}, {"lvert", T_OPEN, '|', NULL}, {"mapsto", T_RELATION, EXPR_EQUIV, NULL},
    {"mathbb", LEX_BB, 0, NULL}, {"mathbbP", T_BIG, 0, "mathbbP"}, {"mathbf", LEX_ROMAN, 0, NULL},
    {"mathcal", LEX_ROMAN, 0, NULL}, {"mathds", LEX_BB, 0, NULL}, {"mathfrak", LEX_ROMAN, 0, NULL},
    {"mathit", LEX_ROMAN, 0, NULL}, {"mathnormal", LEX_ROMAN, 0, NULL}, {"mathop", LEX_DROP, 0, NULL},
    {"mathord", LEX_DROP, 0, NULL}, {"mathrm", LEX_ROMAN, 0, NULL}, {"mathscr", LEX_ROMAN, 0, NULL},
    {"mathsf", LEX_ROMAN, 0, NULL}, {"mathstrut", LEX_DROP, 0, NULL}, {"mathtt", LEX_ROMAN, 0, NULL},
    {"max", T_FN, FN_MAX, NULL}, {"mbox", LEX_TEXT, 0, NULL}, {"medspace", LEX_DROP, 0, NULL},
    {"mid", T_MID, 0, NULL}, {"middle", LEX_DROP, 0, NULL}, {"min", T_FN, FN_MIN, NULL}, {"mleft", LEX_DROP, 0, NULL},
    {"mod", T_MOD, 0, NULL}, {"mp", T_PLUS_MINUS, 1, NULL}, {"mright", LEX_DROP, 0, NULL},
    {"mskip", LEX_DROP_ARGUMENT, 0, NULL}, {"mspace", LEX_DROP_ARGUMENT, 0, NULL}, {"mu", T_SYMBOL, 0, "mu"},
    {"nCr", T_FN, LEX_FN_NCR, NULL}, {"nPr", T_FN, LEX_FN_NPR, NULL}, {"nabla", T_SYMBOL, 0, "nabla"}, {"natnums", T_SET_NAME, 'N', NULL}, {"ne", T_RELATION, EXPR_NE, NULL},
    {"negmedspace", LEX_DROP, 0, NULL}, {"negthickspace", LEX_DROP, 0, NULL},
    {"negthinspace", LEX_DROP, 0, NULL}, {"neq", T_RELATION, EXPR_NE, NULL}, {"newline", LEX_DROP, 0, NULL},
    {"nobreak", LEX_DROP, 0, NULL}, {"noindent", LEX_DROP, 0, NULL}, {"nolimits", LEX_DROP, 0, NULL},
    {"nonumber", LEX_DROP, 0, NULL}, {"normalsize", LEX_DROP, 0, NULL}, {"notag", LEX_DROP, 0, NULL},
    {"notin", T_RELATION, EXPR_NOTIN, NULL}, {"nu", T_SYMBOL, 0, "nu"}, {"oint", T_BIG, 0, "oint"},
    {"omega", T_SYMBOL, 0, "omega"}, {"omicron", T_SYMBOL, 0, "omicron"}, {"operatorname", LEX_ROMAN, 0, NULL},
    {"over", T_OVER, 0, NULL}, {"overarc", T_ACCENT, 0, "arc"}, {"overbrace", T_ACCENT, 0, "brace"},
    {"overline", T_ACCENT, 0, "bar"}, {"overrightarrow", T_ACCENT, 0, "vec"}, {"overset", T_ACCENT, 0, "overset"},
    {"par", LEX_DROP, 0, NULL}, {"parallel", T_RELATION, EXPR_EQUIV, NULL}, {"partial", T_SYMBOL, 0, "partial"},
    {"percent", T_PERCENT, 0, NULL}, {"perp", T_RELATION, EXPR_EQUIV, NULL}, {"phantom", LEX_DROP_ARGUMENT, 0, NULL},
    {"phi", T_SYMBOL, 0, "phi"}, {"pi", T_PI, 0, NULL}, {"pm", T_PLUS_MINUS, 0, NULL}, {"pmb", LEX_ROMAN, 0, NULL},
    {"pmod", LEX_PMOD, 0, NULL}, {"pod", LEX_PMOD, 0, NULL}, {"pounds", T_CURRENCY, 0, "\xc2\xa3"},
    {"prec", T_RELATION, EXPR_EQUIV, NULL}, {"prime", T_PRIME, 0, NULL}, {"prod", T_BIG, 0, "prod"},
    {"propto", T_RELATION, EXPR_EQUIV, NULL}, {"psi", T_SYMBOL, 0, "psi"}, {"qed", LEX_DROP, 0, NULL},
    {"qquad", LEX_DROP, 0, NULL}, {"quad", LEX_DROP, 0, NULL}, {"rVert", T_CLOSE, '|', NULL},
    {"rangle", T_CLOSE, '>', NULL}, {"rbrace", T_CLOSE, '}', NULL}, {"rbrack", T_CLOSE, ']', NULL},
    {"rceil", T_CLOSE, 'c', NULL}, {"reals", T_SET_NAME, 'R', NULL}, {"ref", LEX_DROP_ARGUMENT, 0, NULL},
    {"rfloor", T_CLOSE, 'f', NULL}, {"rgroup", T_CLOSE, ')', NULL}, {"rho", T_SYMBOL, 0, "rho"},
    {"right", LEX_DROP, 0, NULL}, {"rightarrow", T_RELATION, EXPR_EQUIV, NULL}, {"rm", LEX_DROP, 0, NULL},
    {"rparen", T_CLOSE, ')', NULL}, {"rvert", T_CLOSE, '|', NULL}, {"scriptstyle", LEX_DROP, 0, NULL},
    {"sec", T_FN, FN_SEC, NULL}, {"sech", T_FN, FN_SECH, NULL}, {"setminus", T_SETMINUS, 0, NULL},
    {"sfrac", T_FRAC, 0, NULL}, {"sgn", T_FN, FN_SIGN, NULL}, {"sigma", T_SYMBOL, 0, "sigma"}, {"sign", T_FN, FN_SIGN, NULL},
    {"sim", T_RELATION, EXPR_EQUIV, NULL}, {"simeq", T_RELATION, EXPR_APPROX, NULL}, {"sin", T_FN, FN_SIN, NULL},
    {"sinh", T_FN, FN_SINH, NULL}, {"slash", T_SLASH, 0, NULL}, {"small", LEX_DROP, 0, NULL},
    {"smallsetminus", T_SETMINUS, 0, NULL}, {"smash", LEX_DROP, 0, NULL}, {"space", LEX_DROP, 0, NULL},
    {"sqrt", T_SQRT, 0, NULL}, {"square", LEX_DROP, 0, NULL}, {"stackrel", T_ACCENT, 0, "overset"},
    {"strut", LEX_DROP, 0, NULL}, {"subset", T_RELATION, EXPR_SUBSET, NULL},
    {"subseteq", T_RELATION, EXPR_SUBSET, NULL}, {"succ", T_RELATION, EXPR_EQUIV, NULL}, {"sum", T_BIG, 0, "sum"},
    {"sup", T_BIG, 0, "sup"}, {"supset", T_RELATION, EXPR_EQUIV, NULL}, {"supseteq", T_RELATION, EXPR_EQUIV, NULL},
    {"tag", LEX_DROP_ARGUMENT, 0, NULL}, {"tan", T_FN, FN_TAN, NULL}, {"tanh", T_FN, FN_TANH, NULL},
    {"tau", T_SYMBOL, 0, "tau"}, {"tbinom", T_BINOM, 0, NULL}, {"text", LEX_TEXT, 0, NULL},
    {"textbf", LEX_TEXT, 0, NULL}, {"textcolor", LEX_DROP_ARGUMENT, 0, NULL}, {"textdollar", T_CURRENCY, 0, "dollar"},
    {"textit", LEX_TEXT, 0, NULL}, {"textnormal", LEX_TEXT, 0, NULL}, {"textrm", LEX_TEXT, 0, NULL},
    {"textsc", LEX_TEXT, 0, NULL}, {"textsf", LEX_TEXT, 0, NULL}, {"textstyle", LEX_ROMAN, 0, NULL},
    {"texttt", LEX_TEXT, 0, NULL}, {"textup", LEX_TEXT, 0, NULL}, {"tfrac", T_FRAC, 0, NULL},
    {"tg", T_FN, FN_TAN, NULL}, {"therefore", LEX_DROP, 0, NULL}, {"theta", T_SYMBOL, 0, "theta"},
    {"thickspace", LEX_DROP, 0, NULL}, {"thinspace", LEX_DROP, 0, NULL}, {"tilde", T_ACCENT, 0, "tilde"},
    {"times", T_TIMES, 0, NULL}, {"to", T_RELATION, EXPR_EQUIV, NULL}, {"triangle", T_SYMBOL, 0, "triangle"},
    {"ulcorner", T_OPEN, 'c', NULL}, {"underbrace", T_ACCENT, 0, "brace"}, {"underline", T_ACCENT, 0, "underline"},
    {"underset", T_ACCENT, 0, "underset"}, {"upsilon", T_SYMBOL, 0, "upsilon"}, {"urcorner", T_CLOSE, 'c', NULL},
    {"varepsilon", T_SYMBOL, 0, "epsilon"}, {"variable", LEX_ROMAN, 0, NULL}, {"varkappa", T_SYMBOL, 0, "kappa"},
    {"varnothing", T_EMPTY_SET, 0, NULL}, {"varphi", T_SYMBOL, 0, "phi"}, {"varpi", T_SYMBOL, 0, "pi_var"},
    {"varrho", T_SYMBOL, 0, "rho"}, {"varsigma", T_SYMBOL, 0, "sigma"}, {"vartheta", T_SYMBOL, 0, "theta"},
    {"vdots", T_DOTS, 0, NULL}, {"vec", T_ACCENT, 0, "vec"}, {"vee", T_CUP, 0, NULL}, {"vert", T_OPEN, '|', NULL},
    {"vphantom", LEX_DROP_ARGUMENT, 0, NULL}, {"vspace", LEX_DROP_ARGUMENT, 0, NULL}, {"wedge", T_CAP, 0, NULL},
    {"widehat", T_ACCENT, 0, "hat"}, {"wideparen", T_ACCENT, 0, "arc"}, {"widetilde", T_ACCENT, 0, "tilde"},
    {"wp", T_SYMBOL, 0, "wp"}, {"xi", T_SYMBOL, 0, "xi"}, {"yen", T_CURRENCY, 0, "yen"},
    {"zeta", T_SYMBOL, 0, "zeta"},
};
/* clang-format on */

/* Words of plain notation: "sqrt(2)", "2 pi". Sorted. */
/* clang-format off */
static const struct lex_name plain[] = {
    {"AND", T_AND, 0, NULL}, {"And", T_AND, 0, NULL}, {"Degrees", T_DEGREE, 0, NULL}, {"Delta", T_SYMBOL, 0, "Delta"},
    {"Infinity", T_INFINITY, 0, NULL}, {"OR", T_AND, 0, NULL}, {"Omega", T_SYMBOL, 0, "Omega"},
    {"Or", T_AND, 0, NULL}, {"Percent", T_PERCENT, 0, NULL}, {"Pi", T_PI, 0, NULL}, {"abs", T_FN, FN_ABS, NULL},
    {"acos", T_FN, FN_ACOS, NULL}, {"acosh", T_FN, FN_ACOSH, NULL}, {"acot", T_FN, FN_ACOT, NULL},
    {"acsc", T_FN, FN_ACSC, NULL}, {"alpha", T_SYMBOL, 0, "alpha"}, {"and", T_AND, 0, NULL},
    {"arccos", T_FN, FN_ACOS, NULL}, {"arccosh", T_FN, FN_ACOSH, NULL}, {"arccot", T_FN, FN_ACOT, NULL},
    {"arccsc", T_FN, FN_ACSC, NULL}, {"arcctg", T_FN, FN_ACOT, NULL}, {"arcosh", T_FN, FN_ACOSH, NULL},
    {"arcsec", T_FN, FN_ASEC, NULL}, {"arcsin", T_FN, FN_ASIN, NULL}, {"arcsinh", T_FN, FN_ASINH, NULL},
    {"arctan", T_FN, FN_ATAN, NULL}, {"arctanh", T_FN, FN_ATANH, NULL}, {"arctg", T_FN, FN_ATAN, NULL},
    {"arsinh", T_FN, FN_ASINH, NULL}, {"artanh", T_FN, FN_ATANH, NULL}, {"asec", T_FN, FN_ASEC, NULL},
    {"asin", T_FN, FN_ASIN, NULL}, {"asinh", T_FN, FN_ASINH, NULL}, {"atan", T_FN, FN_ATAN, NULL},
    {"atanh", T_FN, FN_ATANH, NULL}, {"beta", T_SYMBOL, 0, "beta"}, {"binomial", T_FN, FN_BINOMIAL, NULL},
    {"cbrt", T_FN, FN_ROOT, NULL}, {"ceil", T_FN, FN_CEIL, NULL}, {"ceiling", T_FN, FN_CEIL, NULL},
    {"cis", T_FN, LEX_FN_CIS, NULL}, {"cos", T_FN, FN_COS, NULL}, {"cosec", T_FN, FN_CSC, NULL}, {"cosh", T_FN, FN_COSH, NULL},
    {"cot", T_FN, FN_COT, NULL}, {"cotan", T_FN, FN_COT, NULL}, {"coth", T_FN, FN_COTH, NULL},
    {"csc", T_FN, FN_CSC, NULL}, {"csch", T_FN, FN_CSCH, NULL}, {"ctg", T_FN, FN_COT, NULL}, {"cup", T_CUP, 0, NULL},
    {"deg", T_DEGREE, 0, NULL}, {"degree", T_DEGREE, 0, NULL}, {"degrees", T_DEGREE, 0, NULL},
    {"delta", T_SYMBOL, 0, "delta"}, {"epsilon", T_SYMBOL, 0, "epsilon"}, {"et", T_AND, 0, NULL},
    {"exp", T_FN, FN_EXP, NULL}, {"factorial", T_FN, FN_FACTORIAL, NULL}, {"floor", T_FN, FN_FLOOR, NULL},
    {"gamma", T_SYMBOL, 0, "gamma"}, {"gcd", T_FN, FN_GCD, NULL}, {"inf", T_INFINITY, 0, NULL},
    {"infinity", T_INFINITY, 0, NULL}, {"infty", T_INFINITY, 0, NULL}, {"lambda", T_SYMBOL, 0, "lambda"},
    {"lcm", T_FN, FN_LCM, NULL}, {"lg", T_FN, FN_LOG, NULL}, {"ln", T_FN, FN_LN, NULL}, {"log", T_FN, FN_LN, "log"},
    {"max", T_FN, FN_MAX, NULL}, {"min", T_FN, FN_MIN, NULL}, {"mod", T_MOD, 0, NULL}, {"mu", T_SYMBOL, 0, "mu"},
    {"nCr", T_FN, LEX_FN_NCR, NULL}, {"nPr", T_FN, LEX_FN_NPR, NULL}, {"oder", T_AND, 0, NULL}, {"omega", T_SYMBOL, 0, "omega"}, {"oo", T_INFINITY, 0, NULL}, {"or", T_AND, 0, NULL},
    {"ou", T_AND, 0, NULL}, {"pct", T_PERCENT, 0, NULL}, {"percent", T_PERCENT, 0, NULL},
    {"percents", T_PERCENT, 0, NULL}, {"phi", T_SYMBOL, 0, "phi"}, {"pi", T_PI, 0, NULL}, {"psi", T_SYMBOL, 0, "psi"},
    {"rho", T_SYMBOL, 0, "rho"}, {"sec", T_FN, FN_SEC, NULL}, {"sech", T_FN, FN_SECH, NULL},
    {"sgn", T_FN, FN_SIGN, NULL}, {"sigma", T_SYMBOL, 0, "sigma"}, {"sign", T_FN, FN_SIGN, NULL},
    {"sin", T_FN, FN_SIN, NULL}, {"sinh", T_FN, FN_SINH, NULL}, {"sqrt", T_SQRT, 0, NULL},
    {"tan", T_FN, FN_TAN, NULL}, {"tanh", T_FN, FN_TANH, NULL}, {"tau", T_SYMBOL, 0, "tau"},
    {"theta", T_SYMBOL, 0, "theta"}, {"und", T_AND, 0, NULL}, {"union", T_CUP, 0, NULL},
};
/* clang-format on */

/* Sorted by code. */
static const struct {
    uint32_t code;
    struct lex_name name;
    /* clang-format off */
} signs[] = {
    {0xa2, {"", T_CURRENCY, 0, "cent"}}, {0xa3, {"", T_CURRENCY, 0, "\xc2\xa3"}}, {0xa5, {"", T_CURRENCY, 0, "yen"}}, {0xb0, {"", T_DEGREE, 0, NULL}},
    {0xb1, {"", T_PLUS_MINUS, 0, NULL}}, {0xb5, {"", T_SYMBOL, 0, "mu"}}, {0xb7, {"", T_TIMES, 0, NULL}},
    {0xd7, {"", T_TIMES, 0, NULL}}, {0xf7, {"", T_SLASH, 0, NULL}}, {0x393, {"", T_SYMBOL, 0, "Gamma"}},
    {0x394, {"", T_SYMBOL, 0, "Delta"}}, {0x398, {"", T_SYMBOL, 0, "Theta"}}, {0x39b, {"", T_SYMBOL, 0, "Lambda"}},
    {0x39e, {"", T_SYMBOL, 0, "Xi"}}, {0x3a0, {"", T_SYMBOL, 0, "Pi"}}, {0x3a3, {"", T_SYMBOL, 0, "Sigma"}},
    {0x3a6, {"", T_SYMBOL, 0, "Phi"}}, {0x3a8, {"", T_SYMBOL, 0, "Psi"}}, {0x3a9, {"", T_SYMBOL, 0, "Omega"}},
    {0x3b1, {"", T_SYMBOL, 0, "alpha"}}, {0x3b2, {"", T_SYMBOL, 0, "beta"}}, {0x3b3, {"", T_SYMBOL, 0, "gamma"}},
    {0x3b4, {"", T_SYMBOL, 0, "delta"}}, {0x3b5, {"", T_SYMBOL, 0, "epsilon"}}, {0x3b6, {"", T_SYMBOL, 0, "zeta"}},
    {0x3b7, {"", T_SYMBOL, 0, "eta"}}, {0x3b8, {"", T_SYMBOL, 0, "theta"}}, {0x3b9, {"", T_SYMBOL, 0, "iota"}},
    {0x3ba, {"", T_SYMBOL, 0, "kappa"}}, {0x3bb, {"", T_SYMBOL, 0, "lambda"}}, {0x3bc, {"", T_SYMBOL, 0, "mu"}},
    {0x3bd, {"", T_SYMBOL, 0, "nu"}}, {0x3be, {"", T_SYMBOL, 0, "xi"}}, {0x3c0, {"", T_PI, 0, NULL}},
    {0x3c1, {"", T_SYMBOL, 0, "rho"}}, {0x3c3, {"", T_SYMBOL, 0, "sigma"}}, {0x3c4, {"", T_SYMBOL, 0, "tau"}},
    {0x3c5, {"", T_SYMBOL, 0, "upsilon"}}, {0x3c6, {"", T_SYMBOL, 0, "phi"}}, {0x3c7, {"", T_SYMBOL, 0, "chi"}},
    {0x3c8, {"", T_SYMBOL, 0, "psi"}}, {0x3c9, {"", T_SYMBOL, 0, "omega"}}, {0x3d5, {"", T_SYMBOL, 0, "phi"}},
    {0x2010, {"", T_MINUS, 0, NULL}}, {0x2011, {"", T_MINUS, 0, NULL}}, {0x2012, {"", T_MINUS, 0, NULL}},
    {0x2013, {"", T_MINUS, 0, NULL}}, {0x2014, {"", T_MINUS, 0, NULL}}, {0x2019, {"", T_PRIME, 0, NULL}},
    {0x2022, {"", T_TIMES, 0, NULL}}, {0x2026, {"", T_DOTS, 0, NULL}}, {0x2027, {"", T_TIMES, 0, NULL}},
    {0x2032, {"", T_PRIME, 0, NULL}}, {0x2044, {"", T_SLASH, 0, NULL}}, {0x20ac, {"", T_CURRENCY, 0, "euro"}},
    {0x20b9, {"", T_CURRENCY, 0, "rupee"}}, {0x2102, {"", T_SET_NAME, 'C', NULL}}, {0x2113, {"", T_SYMBOL, 0, "ell"}},
    {0x2115, {"", T_SET_NAME, 'N', NULL}}, {0x211a, {"", T_SET_NAME, 'Q', NULL}},
    {0x211d, {"", T_SET_NAME, 'R', NULL}}, {0x2124, {"", T_SET_NAME, 'Z', NULL}},
    {0x2192, {"", T_RELATION, EXPR_EQUIV, NULL}}, {0x21d2, {"", T_RELATION, EXPR_EQUIV, NULL}},
    {0x2202, {"", T_SYMBOL, 0, "partial"}}, {0x2205, {"", T_EMPTY_SET, 0, NULL}},
    {0x2206, {"", T_SYMBOL, 0, "Delta"}}, {0x2208, {"", T_RELATION, EXPR_IN, NULL}},
    {0x2209, {"", T_RELATION, EXPR_NOTIN, NULL}}, {0x220f, {"", T_BIG, 0, "prod"}}, {0x2211, {"", T_BIG, 0, "sum"}},
    {0x2212, {"", T_MINUS, 0, NULL}}, {0x2213, {"", T_PLUS_MINUS, 1, NULL}}, {0x2215, {"", T_SLASH, 0, NULL}},
    {0x2216, {"", T_SETMINUS, 0, NULL}}, {0x2217, {"", T_TIMES, 0, NULL}}, {0x2219, {"", T_TIMES, 0, NULL}},
    {0x221a, {"", T_SQRT, 0, NULL}}, {0x221b, {"", T_FN, FN_ROOT, NULL}},
    {0x221d, {"", T_RELATION, EXPR_EQUIV, NULL}}, {0x221e, {"", T_INFINITY, 0, NULL}},
    {0x2220, {"", T_SYMBOL, 0, "angle"}}, {0x2223, {"", T_MID, 0, NULL}},
    {0x2225, {"", T_RELATION, EXPR_EQUIV, NULL}}, {0x2227, {"", T_CAP, 0, NULL}}, {0x2228, {"", T_CUP, 0, NULL}},
    {0x2229, {"", T_CAP, 0, NULL}}, {0x222a, {"", T_CUP, 0, NULL}}, {0x222b, {"", T_BIG, 0, "int"}},
    {0x2230, {"", T_BIG, 0, "int"}}, {0x2248, {"", T_RELATION, EXPR_APPROX, NULL}},
    {0x2260, {"", T_RELATION, EXPR_NE, NULL}}, {0x2261, {"", T_RELATION, EXPR_EQUIV, NULL}},
    {0x2264, {"", T_RELATION, EXPR_LE, NULL}}, {0x2265, {"", T_RELATION, EXPR_GE, NULL}},
    {0x2266, {"", T_RELATION, EXPR_LE, NULL}}, {0x2267, {"", T_RELATION, EXPR_GE, NULL}},
    {0x2282, {"", T_RELATION, EXPR_SUBSET, NULL}}, {0x2286, {"", T_RELATION, EXPR_SUBSET, NULL}},
    {0x22a5, {"", T_RELATION, EXPR_EQUIV, NULL}}, {0x22c5, {"", T_TIMES, 0, NULL}}, {0x22ef, {"", T_DOTS, 0, NULL}},
    {0x2308, {"", T_OPEN, 'c', NULL}}, {0x2309, {"", T_CLOSE, 'c', NULL}}, {0x230a, {"", T_OPEN, 'f', NULL}},
    {0x230b, {"", T_CLOSE, 'f', NULL}}, {0x25b3, {"", T_SYMBOL, 0, "triangle"}}, {0x2715, {"", T_TIMES, 0, NULL}}, {0x2716, {"", T_TIMES, 0, NULL}},
    {0x27e8, {"", T_OPEN, '<', NULL}},
    {0x27e9, {"", T_CLOSE, '>', NULL}}, {0x2a2f, {"", T_TIMES, 0, NULL}}, {0x2a7d, {"", T_RELATION, EXPR_LE, NULL}},
    {0x2a7e, {"", T_RELATION, EXPR_GE, NULL}}, {0x3001, {"", T_COMMA, 0, NULL}}, {0x3002, {"", T_DOT, 0, NULL}},
    {0x548c, {"", T_AND, 0, NULL}}, {0x6216, {"", T_AND, 0, NULL}}, {0xff0c, {"", T_COMMA, 0, NULL}},
    {0xffe5, {"", T_CURRENCY, 0, "yen"}}, {0x1d70b, {"", T_PI, 0, NULL}},
};
/* clang-format on */

static const struct lex_name *look(const struct lex_name *table, size_t n_table, const char *name, size_t n)
{
    size_t low = 0, high = n_table;
    while (low < high) {
        size_t mid = (low + high) / 2;
        size_t m = strlen(table[mid].name);
        int c = memcmp(table[mid].name, name, m < n ? m : n);
        if (!c) c = (m > n) - (m < n);
        if (!c) return &table[mid];
        if (c < 0) low = mid + 1;
        else high = mid;
    }
    return NULL;
}

const struct lex_name *raml_lex_command(const char *name, size_t n)
{
    return look(commands, sizeof commands / sizeof *commands, name, n);
}

const struct lex_name *raml_lex_plain(const char *name, size_t n)
{
    return look(plain, sizeof plain / sizeof *plain, name, n);
}

const struct lex_name *raml_lex_sign(uint32_t code)
{
    size_t low = 0, high = sizeof signs / sizeof *signs;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (signs[mid].code == code) return &signs[mid].name;
        if (signs[mid].code < code) low = mid + 1;
        else high = mid;
    }
    return NULL;
}

size_t raml_lex_decode(const char *text, size_t left, uint32_t *code)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc2 ? 2 : 1;
    *code = n == 1 && s[0] < 0x80 ? s[0] : 0xfffd;
    if (n == 1 || n > left) return 1;
    uint32_t c = s[0] & (0xffu >> (n + 1));
    for (size_t k = 1; k < n; k++) {
        if ((s[k] & 0xc0) != 0x80) return 1;
        c = c << 6 | (s[k] & 0x3f);
    }
    *code = c;
    return n;
}

char raml_lex_superscript(uint32_t code)
{
    switch (code) {
    case 0xb2: return '2';
    case 0xb3: return '3';
    case 0xb9: return '1';
    case 0x207b: return '-';
    case 0x207a: return '+';
    case 0x207f: return 'n';
    default: return code == 0x2070 || (code >= 0x2074 && code <= 0x2079) ? (char)('0' + (code - 0x2070)) : 0;
    }
}

bool raml_lex_fraction(uint32_t code, const char **above, const char **below)
{
    static const struct {
        uint32_t code;
        const char *above, *below;
    } known[] = {{0xbc, "1", "4"},   {0xbd, "1", "2"},   {0xbe, "3", "4"},   {0x2153, "1", "3"}, {0x2154, "2", "3"},
                 {0x2155, "1", "5"}, {0x2156, "2", "5"}, {0x2157, "3", "5"}, {0x2158, "4", "5"}, {0x2159, "1", "6"},
                 {0x215a, "5", "6"}, {0x215b, "1", "8"}, {0x215c, "3", "8"}, {0x215d, "5", "8"}, {0x215e, "7", "8"}};
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        if (known[k].code != code) continue;
        *above = known[k].above;
        *below = known[k].below;
        return true;
    }
    return false;
}
