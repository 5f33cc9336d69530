/* scale.c - words that multiply the number before them (spelled.h). */
#include "answer/read/spelled.h"

#include "answer/read/lex_names.h"
#include "core/ascii.h"

#include <string.h>

#define COUNT(x) (sizeof(x) / sizeof *(x))

struct scale {
    const char *words; /* separated by |, lower case */
    uint64_t times;
};

/* clang-format off */
static const struct scale scales[] = {
    {"hundred|hundreds|centaines|hundert", 100},
    {"thousand|thousands|mille|milliers|tausend|mil|mila|duizend|"
     "tys|tysi\xc4\x85" "ce|tysi\xc4\x99" "cy|"
     "\xd1\x82\xd1\x8b\xd1\x81|\xd1\x82\xd1\x8b\xd1\x81\xd1\x8f\xd1\x87|\xd1\x82\xd1\x8b\xd1\x81\xd1\x8f\xd1\x87\xd0\xb0|"
     "\xd1\x82\xd1\x8b\xd1\x81\xd1\x8f\xd1\x87\xd0\xb8|"                               /* ru: tys, tysyach, -a, -i */
     "\xe0\xa4\xb9\xe0\xa4\x9c\xe0\xa4\xbe\xe0\xa4\xb0|"                               /* hi: hazar */
     "\xd8\xa3\xd9\x84\xd9\x81|\xd8\xa2\xd9\x84\xd8\xa7\xd9\x81|"                      /* ar: alf, alaf */
     "ngh\xc3\xacn|ng\xc3\xa0n", 1000},
    {"million|millions|millionen|mill\xc3\xb3n|millones|milh\xc3\xa3o|milh\xc3\xb5" "es|milione|milioni|miljoen|mio|mln|"
     "milion|miliony|milion\xc3\xb3w|milyon|tri\xe1\xbb\x87u|"
     "\xd0\xbc\xd0\xbb\xd0\xbd|\xd0\xbc\xd0\xb8\xd0\xbb\xd0\xbb\xd0\xb8\xd0\xbe\xd0\xbd|" /* ru: mln, million, -a, -ov */
     "\xd0\xbc\xd0\xb8\xd0\xbb\xd0\xbb\xd0\xb8\xd0\xbe\xd0\xbd\xd0\xb0|"
     "\xd0\xbc\xd0\xb8\xd0\xbb\xd0\xbb\xd0\xb8\xd0\xbe\xd0\xbd\xd0\xbe\xd0\xb2|"
     "\xd9\x85\xd9\x84\xd9\x8a\xd9\x88\xd9\x86", 1000000},                             /* ar: malyun */
    {"billion|billions|milliard|milliards|milliarde|milliarden|miliardo|miliardi|miljard|mrd|mld|bilh\xc3\xa3o|"
     "bilh\xc3\xb5" "es|miliard|miliardy|miliard\xc3\xb3w|milyar|t\xe1\xbb\xb7|t\xe1\xbb\x89|"
     "\xd0\xbc\xd0\xbb\xd1\x80\xd0\xb4|\xd0\xbc\xd0\xb8\xd0\xbb\xd0\xbb\xd0\xb8\xd0\xb0\xd1\x80\xd0\xb4|"
     "\xd0\xbc\xd0\xb8\xd0\xbb\xd0\xbb\xd0\xb8\xd0\xb0\xd1\x80\xd0\xb4\xd0\xb0|"       /* ru: mlrd, milliard, -a, -ov */
     "\xd0\xbc\xd0\xb8\xd0\xbb\xd0\xbb\xd0\xb8\xd0\xb0\xd1\x80\xd0\xb4\xd0\xbe\xd0\xb2|"
     "\xd9\x85\xd9\x84\xd9\x8a\xd8\xa7\xd8\xb1", 1000000000},                          /* ar: milyar */
    {"trillion|trillions", 1000000000000}, {"quadrillion|quadrillions", 1000000000000000},
    {"quintillion|quintillions", 1000000000000000000},
    {"dozen|dozens|dutzend|dozijn|douzaine|douzaines|docena|docenas|dozzine", 12},
    {"lakh|lakhs|lac|lacs|\xe0\xa4\xb2\xe0\xa4\xbe\xe0\xa4\x96", 100000},              /* hi: lakh */
    {"crore|crores|\xe0\xa4\x95\xe0\xa4\xb0\xe0\xa5\x8b\xe0\xa4\xa1\xe0\xa4\xbc|"      /* hi: karor, both spellings */
     "\xe0\xa4\x95\xe0\xa4\xb0\xe0\xa5\x8b\xe0\xa5\x9c", 10000000},
};
/* Chinese and Japanese, Korean: no space, and nothing that ends the word. */
static const struct scale joined[] = {
    {"\xe7\x99\xbe|\xe4\xbd\xb0|\xeb\xb0\xb1", 100},                     /* bai */
    {"\xe5\x8d\x83|\xe4\xbb\x9f|\xec\xb2\x9c", 1000},                    /* qian */
    {"\xe4\xb8\x87|\xe8\x90\xac|\xeb\xa7\x8c", 10000},                   /* wan */
    {"\xe4\xba\xbf|\xe5\x84\x84|\xe5\x84\x85|\xec\x96\xb5", 100000000},  /* yi */
};
/* After qian and bai these make a unit, "kilogram": gram, metre, watt, joule, calorie, hertz, pascal, volt, byte, per
 * cent. */
static const char kilo[] = "\xe5\x85\x8b|\xe7\xb1\xb3|\xe7\x93\xa6|\xe7\x84\xa6|\xe5\x8d\xa1|\xe8\xb5\xab|\xe5\xb8\x95|"
                           "\xe4\xbc\x8f|\xe5\xad\x97|\xe5\x88\x86";
static const struct scale letters[] = {
    {"k", 1000}, {"m|mm|mn|mln|mio", 1000000}, {"b|bn|mrd|mld", 1000000000}, {"t|tn", 1000000000000},
};
/* clang-format on */

bool raml_spelled_letter(const char *s, size_t n, size_t i)
{
    if (i >= n) return false;
    uint32_t c;
    raml_lex_decode(s + i, n - i, &c);
    return c < 0x80 ? is_alpha((char)c)
                    : c >= 0xc0 && c != 0xd7 && c != 0xf7 && !(c >= 0x2000 && c < 0x2c00) && c < 0xfffd;
}

/* The longest of the words that s begins with. */
static size_t longest(const char *s, size_t n, const char *words, bool ends)
{
    size_t best = 0;
    while (*words) {
        size_t m = strcspn(words, "|"), k = 0;
        while (k < m && k < n && to_lower(s[k]) == words[k]) k++;
        if (k == m && m > best && !(ends && raml_spelled_letter(s, n, m))) best = m;
        words += m + (words[m] == '|');
    }
    return best;
}

static size_t one_of(const struct scale *table, size_t n_table, const char *s, size_t n, bool ends, uint64_t *times)
{
    for (size_t k = 0; k < n_table; k++) {
        size_t len = longest(s, n, table[k].words, ends);
        if (!len) continue;
        *times = table[k].times;
        return len;
    }
    return 0;
}

size_t raml_spelled_scale(const char *s, size_t n, uint64_t *times)
{
    size_t at = 0;
    *times = 1;
    for (;;) {
        size_t gap = 0;
        uint64_t by;
        while (at && at + gap < n && is_space(s[at + gap])) gap++;
        if (!raml_spelled_letter(s, n, at + gap)) return at;
        const char *here = s + at + gap;
        size_t left = n - at - gap, len = one_of(scales, COUNT(scales), here, left, true, &by);
        if (!len) {
            len = one_of(joined, COUNT(joined), here, left, false, &by);
            if (len && by <= 1000 && longest(here + len, left - len, kilo, false)) len = 0;
        }
        if (!len || *times > UINT64_MAX / 1000 / by) return at;
        *times *= by;
        at += gap + len;
    }
}

size_t raml_spelled_money_scale(const char *s, size_t n, uint64_t *times)
{
    return one_of(letters, COUNT(letters), s, n, true, times);
}
