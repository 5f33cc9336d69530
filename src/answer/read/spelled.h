/* spelled.h - private: numbers written in words, and the words that multiply one.
 *
 *     "two hundred and five"   "three and a half"   "minus one third"   "half a million"   一百二十三   三分之二
 *     70 thousand   1.5 million   3 lakh   2 dozen   7万   1.5亿
 *
 * Both read the front of a text and say how many bytes they took; 0: it does not begin with one. A word ends where no
 * letter follows. Ordinals ("twenty-first"), plurals without a count ("hundreds of") and numbers that words go on to
 * change ("two or three") are left to the caller, who sees what follows.
 */
#ifndef RAML_ANSWER_SPELLED_H
#define RAML_ANSWER_SPELLED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct spelled {           /* above / below, negated */
    uint64_t above, below; /* below > 0 */
    bool minus;
    bool cjk; /* in Chinese characters */
};

/* English words or Chinese characters. */
size_t raml_spelled_number(const char *s, size_t n, struct spelled *out);
size_t raml_spelled_chinese(const char *s, size_t n, struct spelled *out);

/* Words that multiply the number before them, one or more: "hundred thousand". *times: by what. */
size_t raml_spelled_scale(const char *s, size_t n, uint64_t *times);
/* "tenths", or "tenth" where not `plural`: *below is 10. "Quarters" and "halves" are none: they are things, too. */
size_t raml_spelled_part(const char *s, size_t n, bool plural, uint64_t *below);
/* The letters of money: "k", "M", "bn". */
size_t raml_spelled_money_scale(const char *s, size_t n, uint64_t *times);
/* Does a letter of some script begin at s[i]? */
bool raml_spelled_letter(const char *s, size_t n, size_t i);

#endif
