/* unit_names.c - see unit_names.h. Factors: the international yard and pound (1959), US customary volumes, the SI
 * (BIPM, 9th edition). A ton is not among them (three masses have that name), nor a calendar year in days. */
#include "answer/read/unit_names.h"

#include "core/ascii.h"

#include <string.h>

enum { MAX_WORD = 32 };

#define L DIM_LENGTH
#define M DIM_MASS
#define T DIM_TIME
#define A DIM_CURRENT

/* clang-format off */
/* Symbols; those of the first table take the prefixes of SI. */
static const struct unit_name symbols[] = {
    {"m", "1", {[L] = 1}, 0}, {"g", "0.001", {[M] = 1}, 0}, {"s", "1", {[T] = 1}, 0}, {"A", "1", {[A] = 1}, 0},
    {"K", "1", {[DIM_TEMPERATURE] = 1}, 'K'}, {"mol", "1", {[DIM_AMOUNT] = 1}, 0}, {"Hz", "1", {[T] = -1}, 0},
    {"N", "1", {[L] = 1, [M] = 1, [T] = -2}, 0}, {"J", "1", {[L] = 2, [M] = 1, [T] = -2}, 0},
    {"W", "1", {[L] = 2, [M] = 1, [T] = -3}, 0}, {"Pa", "1", {[L] = -1, [M] = 1, [T] = -2}, 0},
    {"V", "1", {[L] = 2, [M] = 1, [T] = -3, [A] = -1}, 0}, {"C", "1", {[T] = 1, [A] = 1}, 0},
    {"\xce\xa9", "1", {[L] = 2, [M] = 1, [T] = -3, [A] = -2}, 0},
    {"Omega", "1", {[L] = 2, [M] = 1, [T] = -3, [A] = -2}, 0}, {"S", "1", {[L] = -2, [M] = -1, [T] = 3, [A] = 2}, 0},
    {"F", "1", {[L] = -2, [M] = -1, [T] = 4, [A] = 2}, 0}, {"T", "1", {[M] = 1, [T] = -2, [A] = -1}, 0},
    {"H", "1", {[L] = 2, [M] = 1, [T] = -2, [A] = -2}, 0}, {"Wb", "1", {[L] = 2, [M] = 1, [T] = -2, [A] = -1}, 0},
    {"L", "0.001", {[L] = 3}, 0}, {"l", "0.001", {[L] = 3}, 0},
    {"eV", "0.0000000000000000001602176634", {[L] = 2, [M] = 1, [T] = -2}, 0},
    {"cal", "4.184", {[L] = 2, [M] = 1, [T] = -2}, 0}, {"Wh", "3600", {[L] = 2, [M] = 1, [T] = -2}, 0},
    {"bar", "100000", {[L] = -1, [M] = 1, [T] = -2}, 0},
};
static const struct unit_name others[] = {
    {"in", "0.0254", {[L] = 1}, 0}, {"ft", "0.3048", {[L] = 1}, 0}, {"yd", "0.9144", {[L] = 1}, 0},
    {"yds", "0.9144", {[L] = 1}, 0}, {"mi", "1609.344", {[L] = 1}, 0}, {"lb", "0.45359237", {[M] = 1}, 0},
    {"lbs", "0.45359237", {[M] = 1}, 0}, {"oz", "0.028349523125", {[M] = 1}, 0}, {"t", "1000", {[M] = 1}, 0},
    {"sec", "1", {[T] = 1}, 0}, {"secs", "1", {[T] = 1}, 0}, {"min", "60", {[T] = 1}, 0},
    {"mins", "60", {[T] = 1}, 0}, {"h", "3600", {[T] = 1}, 0}, {"hr", "3600", {[T] = 1}, 0},
    {"hrs", "3600", {[T] = 1}, 0}, {"d", "86400", {[T] = 1}, 0}, {"wk", "604800", {[T] = 1}, 0},
    {"yr", "12", {[DIM_MONTH] = 1}, 0}, {"yrs", "12", {[DIM_MONTH] = 1}, 0}, {"mo", "1", {[DIM_MONTH] = 1}, 0},
    {"mph", "0.44704", {[L] = 1, [T] = -1}, 0}, {"kph", "1000/3600", {[L] = 1, [T] = -1}, 0},
    {"kmh", "1000/3600", {[L] = 1, [T] = -1}, 0}, {"kmph", "1000/3600", {[L] = 1, [T] = -1}, 0},
    {"fps", "0.3048", {[L] = 1, [T] = -1}, 0}, {"mps", "1", {[L] = 1, [T] = -1}, 0},
    {"mpg", "1609.344/0.003785411784", {[L] = -2}, 0}, {"kn", "1852/3600", {[L] = 1, [T] = -1}, 0}, {"nmi", "1852", {[L] = 1}, 0},
    {"cc", "0.000001", {[L] = 3}, 0}, {"gal", "0.003785411784", {[L] = 3}, 0},
    {"qt", "0.000946352946", {[L] = 3}, 0}, {"pt", "0.000473176473", {[L] = 3}, 0},
    {"tbsp", "0.00001478676478125", {[L] = 3}, 0}, {"tsp", "0.00000492892159375", {[L] = 3}, 0},
    {"ha", "10000", {[L] = 2}, 0}, {"atm", "101325", {[L] = -1, [M] = 1, [T] = -2}, 0},
    {"ohm", "1", {[L] = 2, [M] = 1, [T] = -3, [A] = -2}, 0},
    {"\xe5\x85\x83", "1", {[DIM_CNY] = 1}, 0}, {"\xe5\x9d\x97", "1", {[DIM_CNY] = 1}, 0}, /* yuan, kuai */
    {"\xe5\x86\x86", "1", {[DIM_JPY] = 1}, 0}, {"JPY", "1", {[DIM_JPY] = 1}, 0}, {"INR", "1", {[DIM_INR] = 1}, 0},
    {"CNY", "1", {[DIM_CNY] = 1}, 0}, {"RMB", "1", {[DIM_CNY] = 1}, 0},
    {"$", "1", {[DIM_USD] = 1}, 0}, {"USD", "1", {[DIM_USD] = 1}, 0}, {"usd", "1", {[DIM_USD] = 1}, 0},
    {"\xc2\xa2", "0.01", {[DIM_USD] = 1}, 0}, {"EUR", "1", {[DIM_EUR] = 1}, 0},
    {"\xe2\x82\xac", "1", {[DIM_EUR] = 1}, 0}, {"GBP", "1", {[DIM_GBP] = 1}, 0}, {"\xc2\xa3", "1", {[DIM_GBP] = 1}, 0},
    {"\xc2\xb0" "C", "1", {[DIM_TEMPERATURE] = 1}, 'C'}, {"\xc2\xb0" "F", "1", {[DIM_TEMPERATURE] = 1}, 'F'},
    {"\xc2\xb0" "K", "1", {[DIM_TEMPERATURE] = 1}, 'K'}, {"\xe2\x84\x83", "1", {[DIM_TEMPERATURE] = 1}, 'C'},
    {"\xe2\x84\x89", "1", {[DIM_TEMPERATURE] = 1}, 'F'},
};
/* Words; those of the first table take kilo, centi and the like. */
static const struct unit_name words[] = {
    {"meter", "1", {[L] = 1}, 0}, {"metre", "1", {[L] = 1}, 0}, {"gram", "0.001", {[M] = 1}, 0},
    {"gramme", "0.001", {[M] = 1}, 0}, {"second", "1", {[T] = 1}, 0}, {"liter", "0.001", {[L] = 3}, 0},
    {"litre", "0.001", {[L] = 3}, 0}, {"newton", "1", {[L] = 1, [M] = 1, [T] = -2}, 0},
    {"joule", "1", {[L] = 2, [M] = 1, [T] = -2}, 0}, {"watt", "1", {[L] = 2, [M] = 1, [T] = -3}, 0},
    {"pascal", "1", {[L] = -1, [M] = 1, [T] = -2}, 0}, {"hertz", "1", {[T] = -1}, 0},
    {"volt", "1", {[L] = 2, [M] = 1, [T] = -3, [A] = -1}, 0}, {"amp", "1", {[A] = 1}, 0},
    {"ampere", "1", {[A] = 1}, 0}, {"coulomb", "1", {[T] = 1, [A] = 1}, 0},
    {"ohm", "1", {[L] = 2, [M] = 1, [T] = -3, [A] = -2}, 0}, {"mole", "1", {[DIM_AMOUNT] = 1}, 0},
    {"calorie", "4.184", {[L] = 2, [M] = 1, [T] = -2}, 0},
};
static const struct unit_name plain_words[] = {
    {"inch", "0.0254", {[L] = 1}, 0}, {"foot", "0.3048", {[L] = 1}, 0}, {"yard", "0.9144", {[L] = 1}, 0},
    {"mile", "1609.344", {[L] = 1}, 0}, {"pound", "0.45359237", {[M] = 1}, 0}, {"ounce", "0.028349523125", {[M] = 1}, 0},
    {"tonne", "1000", {[M] = 1}, 0}, {"stone", "6.35029318", {[M] = 1}, 0}, {"carat", "0.0002", {[M] = 1}, 0},
    {"minute", "60", {[T] = 1}, 0}, {"hour", "3600", {[T] = 1}, 0}, {"day", "86400", {[T] = 1}, 0},
    {"week", "604800", {[T] = 1}, 0}, {"fortnight", "1209600", {[T] = 1}, 0}, {"month", "1", {[DIM_MONTH] = 1}, 0},
    {"year", "12", {[DIM_MONTH] = 1}, 0}, {"decade", "120", {[DIM_MONTH] = 1}, 0},
    {"century", "1200", {[DIM_MONTH] = 1}, 0}, {"knot", "1852/3600", {[L] = 1, [T] = -1}, 0},
    {"gallon", "0.003785411784", {[L] = 3}, 0}, {"quart", "0.000946352946", {[L] = 3}, 0},
    {"pint", "0.000473176473", {[L] = 3}, 0}, {"cup", "0.0002365882365", {[L] = 3}, 0},
    {"tablespoon", "0.00001478676478125", {[L] = 3}, 0}, {"teaspoon", "0.00000492892159375", {[L] = 3}, 0},
    {"acre", "4046.8564224", {[L] = 2}, 0}, {"hectare", "10000", {[L] = 2}, 0},
    {"atmosphere", "101325", {[L] = -1, [M] = 1, [T] = -2}, 0}, {"kelvin", "1", {[DIM_TEMPERATURE] = 1}, 'K'},
    {"celsius", "1", {[DIM_TEMPERATURE] = 1}, 'C'}, {"fahrenheit", "1", {[DIM_TEMPERATURE] = 1}, 'F'},
    {"centigrade", "1", {[DIM_TEMPERATURE] = 1}, 'C'}, {"dollar", "1", {[DIM_USD] = 1}, 0},
    {"buck", "1", {[DIM_USD] = 1}, 0}, {"cent", "0.01", {[DIM_USD] = 1}, 0}, {"euro", "1", {[DIM_EUR] = 1}, 0},
    {"sterling", "1", {[DIM_GBP] = 1}, 0}, {"pence", "0.01", {[DIM_GBP] = 1}, 0}, {"yen", "1", {[DIM_JPY] = 1}, 0},
    {"rupee", "1", {[DIM_INR] = 1}, 0}, {"paisa", "0.01", {[DIM_INR] = 1}, 0}, {"yuan", "1", {[DIM_CNY] = 1}, 0},
    {"rmb", "1", {[DIM_CNY] = 1}, 0},
};
static const struct {
    const char *name;
    int8_t ten;
} prefixes[] = {{"k", 3}, {"c", -2}, {"m", -3}, {"d", -1}, {"M", 6}, {"G", 9}, {"T", 12}, {"n", -9}, {"p", -12},
                {"h", 2}, {"\xc2\xb5", -6}, {"\xce\xbc", -6}, {"mu", -6}},
  long_prefixes[] = {{"kilo", 3}, {"centi", -2}, {"milli", -3}, {"deci", -1}, {"mega", 6}, {"giga", 9}, {"tera", 12},
                     {"micro", -6}, {"nano", -9}, {"pico", -12}, {"hecto", 2}};
static const struct {
    const char *many, *one;
} irregular[] = {{"feet", "foot"}, {"inches", "inch"}, {"people", "person"}, {"children", "child"}, {"men", "man"},
                 {"women", "woman"}, {"mice", "mouse"}, {"dice", "die"}, {"halves", "half"}, {"hertz", "hertz"},
                 {"celsius", "celsius"}, {"bus", "bus"}, {"gas", "gas"}, {"loss", "loss"}, {"sheep", "sheep"},
                 {"pennies", "penny"}, {"centuries", "century"}, {"leaves", "leaf"}, {"knives", "knife"},
                 {"loaves", "loaf"}, {"vertices", "vertex"}, {"indices", "index"}, {"geese", "goose"},
                 {"teeth", "tooth"}, {"less", "less"}, {"this", "this"}, {"is", "is"}, {"was", "was"}};
/* clang-format on */

#undef L
#undef M
#undef T
#undef A

#define COUNT(x) (sizeof(x) / sizeof *(x))

static const struct unit_name *look(const struct unit_name *table, size_t n_table, const char *s, size_t n)
{
    for (size_t i = 0; i < n_table; i++)
        if (table[i].name[0] == s[0] && strlen(table[i].name) == n && !memcmp(table[i].name, s, n)) return &table[i];
    return NULL;
}

size_t raml_unit_singular(const char *s, size_t n, char *out, size_t cap)
{
    if (n + 1 >= cap) return 0;
    for (size_t i = 0; i < n; i++) out[i] = to_lower(s[i]);
    out[n] = 0;
    for (size_t k = 0; k < COUNT(irregular); k++)
        if (irregular[k].many[0] == out[0] && !strcmp(irregular[k].many, out)) {
            n = strlen(irregular[k].one);
            memcpy(out, irregular[k].one, n + 1);
            return n;
        }
    if (n > 3 && !strcmp(out + n - 3, "ies")) {
        out[n - 3] = 'y';
        n -= 2;
    } else if (n > 4 && (!strcmp(out + n - 4, "ches") || !strcmp(out + n - 4, "shes") || !strcmp(out + n - 4, "sses") ||
                         !strcmp(out + n - 3, "xes"))) {
        n -= 2;
    } else if (n > 2 && out[n - 1] == 's' && out[n - 2] != 's' && out[n - 2] != 'u') {
        n--;
    }
    out[n] = 0;
    return n;
}

static const struct unit_name *symbol(const char *s, size_t n, int8_t *ten)
{
    const struct unit_name *u = look(others, COUNT(others), s, n);
    if (!u) u = look(symbols, COUNT(symbols), s, n);
    for (size_t k = 0; k < COUNT(prefixes) && !u; k++) {
        size_t m = strlen(prefixes[k].name);
        if (n <= m || memcmp(prefixes[k].name, s, m) != 0) continue;
        u = look(symbols, COUNT(symbols), s + m, n - m);
        if (u && u->degrees) u = NULL;
        if (u) *ten = prefixes[k].ten;
    }
    return u;
}

const struct unit_name *raml_unit_name(const char *s, size_t n, int8_t *ten)
{
    char one[MAX_WORD];
    *ten = 0;
    if (!n) return NULL;
    const struct unit_name *u = symbol(s, n, ten);
    size_t m = u ? 0 : raml_unit_singular(s, n, one, sizeof one);
    if (u || m < 3) return u;
    u = look(plain_words, COUNT(plain_words), one, m);
    if (!u) u = look(words, COUNT(words), one, m);
    for (size_t k = 0; k < COUNT(long_prefixes) && !u; k++) {
        size_t p = strlen(long_prefixes[k].name);
        if (m <= p || memcmp(long_prefixes[k].name, one, p) != 0) continue;
        u = look(words, COUNT(words), one + p, m - p);
        if (u) *ten = long_prefixes[k].ten;
    }
    return u;
}
