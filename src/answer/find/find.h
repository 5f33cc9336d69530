/* find.h - private: the pieces that raml_answer_find is made of. See answer.h.
 *
 * A text is bytes with a length, not 0-terminated; what is not UTF-8 is skipped byte by byte. Every function walks
 * its text once, or a fixed number of times: nothing looks again for a closing delimiter that it knows to be missing.
 */
#ifndef RAML_ANSWER_FIND_H
#define RAML_ANSWER_FIND_H

#include "core/ascii.h"
#include "raml/answer.h"
#include "raml/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
    const char *s;
    size_t n;
};

/* find_text.c */
bool raml_find_one_of(char c, const char *set);
struct text raml_find_skip(struct text t, size_t n); /* without its first n bytes, n <= t.n */
struct text raml_find_slice(struct text t, size_t from, size_t to);
struct text raml_find_trim(struct text t);
/* Whitespace, emphasis markup, quotes and punctuation around an answer. */
struct text raml_find_strip(struct text t);
/* The character at byte i, in lower case (Latin, Cyrillic); *len: its bytes. Not UTF-8: U+FFFD, one byte. */
uint32_t raml_find_char(struct text t, size_t i, size_t *len);
/* Letters of scripts with spaces between words; and those of Chinese, Japanese and Korean. */
bool raml_find_letter(uint32_t c);
bool raml_find_cjk(uint32_t c);
/* Is there a letter or digit before byte i, or at it, that would make t.s[i..] part of a longer word? */
bool raml_find_joined(struct text t, size_t i);
bool raml_find_joins(struct text t, size_t i);
/* How many bytes from i on match `words` (lower case; a space matches any whitespace); 0: no match. */
size_t raml_find_match(struct text t, size_t i, const char *words);
/* The same for alternatives separated by | ; the longest that matches. word: no letter may follow. */
size_t raml_find_any(struct text t, size_t i, const char *words, bool word);
/* Bytes of whitespace at i. */
size_t raml_find_space(struct text t, size_t i);
/* Is there a percent sign, or the word, at i, after whitespace? */
bool raml_find_percent(struct text t, size_t i);

/* find_think.c: what comes after thinking and before the tags that end a turn. False: thinking never ends. */
bool raml_find_spoken(struct text t, const char *think_end, struct text *out);
/* The content of the last <answer> or <conclusion>; empty when the text ends after the tag that opens it. */
bool raml_find_block(struct text t, struct text *out);

/* find_math.c: the formulas $..$, $$..$$, \(..\), \[..\] of a text, one after the other. */
struct formula {
    struct text inner, whole; /* without and with its delimiters */
};
struct formulas {
    struct text t;
    size_t pos;
    bool no_round, no_square, no_double; /* no closing delimiter of that kind after pos */
};
bool raml_find_formula(struct formulas *f, struct formula *out);
/* The only formula of a text or, of several that are the same, the last. */
bool raml_find_only(struct text t, struct formula *out);

/* find_words.c: how a text reads. */
struct reading {
    size_t run;      /* most words in a row, outside formulas and \text{} */
    size_t words;    /* all of them, except "and" and "or" */
    size_t formulas; /* 0 when not wanted */
    size_t breaks;   /* between lines, outside formulas and braces */
    bool digits;     /* there are any, outside formulas */
    bool block;      /* there is a \begin: its lines belong to a formula */
    bool stops;      /* a full stop, and another sentence after it */
};
struct reading raml_find_read(struct text t, bool formulas);
bool raml_find_sentence(struct text t); /* too much of a sentence to be only an answer */

/* find_box.c: the last box that is not empty, with those joined to it. *end: the byte after it. */
bool raml_find_box(struct text t, struct raml_buf *out, size_t *end);
/* The same, without those that are `equal` to the last. False: there is no box; with empty ones only, nothing is
 * appended. */
typedef bool raml_find_same_fn(struct text a, struct text b);
bool raml_find_boxes(struct text t, raml_find_same_fn *equal, struct raml_buf *out);
/* Does t end within a box, in a number or a word that may go on? */
bool raml_find_broken_off(struct text t);
/* Is there more than whitespace, and, where there are boxes, one that says something? */
bool raml_find_says_something(struct text t);

/* find_cue.c: the places where a text announces its answer. */
struct cue {
    size_t from, to; /* the words that announce it; the answer follows at `to`, or ends at `from` (before) */
    enum raml_found kind;
    bool before;
};
enum { FIND_CUES = 8 };
struct cues { /* the last ones of a text: hit[(n - 1) % FIND_CUES] is the last */
    struct cue hit[FIND_CUES];
    size_t n;
};
void raml_find_cues(struct text t, struct cues *out);

/* find_phrase.c */
/* The part of t, which follows the words that announce an answer, up to the end of the sentence. */
struct text raml_find_clause(struct text t);
/* The sentence that ends at byte `end`. */
struct text raml_find_before(struct text t, size_t end);
/* The last announced answer of that kind (FINAL or PHRASE) that is not empty, from byte `from` on. clear: only a
 * formula or a number will do. */
bool raml_find_announced(struct text t, const struct cues *cues, enum raml_found kind, size_t from, bool clear,
                         struct raml_buf *out);
/* One sentence of the form "... is 12": what follows its last "is". */
bool raml_find_stated(struct text t, struct text *out);
/* Does the text end with words that announce an answer, after byte `from`? */
bool raml_find_cut(struct text t, const struct cues *cues, size_t from);
/* #### x; empty when the text ends there. */
bool raml_find_hashes(struct text t, struct text *out);

/* Is t a number or a formula with at most a word after it? "1. Step" is a heading. */
bool raml_find_plain(struct text t);

/* find_line.c */
/* "Total: 18": the 18. */
bool raml_find_labelled(struct text t, struct text *out);
/* The value that the last line shows, in bold or as a formula of its own. */
bool raml_find_last_line(struct text t, struct raml_buf *out);

/* find_number.c */
/* A number that begins at byte i: *to is after its last digit or percent sign; *value excludes the currency. */
bool raml_find_number(struct text t, size_t i, size_t *to, struct text *value);
/* A percent sign, or words that multiply a number, at byte i. */
void raml_find_add_suffix(struct text t, size_t i, struct raml_buf *out);
/* The last number or formula of a text. */
bool raml_find_last(struct text t, struct raml_buf *out);
/* The first one; the whole text where another number belongs to it. */
bool raml_find_first(struct text t, struct raml_buf *out);
/* Gold is a whole number, and none of the numbers that pred writes is: whatever its answer may be, it is not that. */
bool raml_find_never_said(struct text gold, struct text pred);

/* find_letter.c: the choice that a text makes: bit k for the letter 'A' + k; 0: none. */
uint32_t raml_find_choice(struct text t);

#endif
