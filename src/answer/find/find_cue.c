/* find_cue.c - the words that announce an answer, in several languages. See find.h.
 *
 * A noun ("answer"), then a colon or a verb ("is"), at once or, where `gap` allows, after a few words ("the answer to
 * this question is"). What a cue announces is read by find_phrase.c, from the last cue backwards until one gives an
 * answer; so only the last FIND_CUES are kept.
 */
#include "answer/find/find.h"

#include <string.h>

enum { GAP_BYTES = 60 };

struct noun {
    const char *word, *verbs;
    const char *gap; /* words that may follow the noun before its verb; NULL: the verb follows at once */
    bool direct;     /* a number or a formula may follow without a verb */
    bool colon;      /* a colon works as well as a verb */
};
static const char is_en[] = "is|are|equals|=|would be|must be|should be|will be|was|be";
static const char of_en[] = "to|for|of|in|here|we|that|therefore|thus|then";
static const char fr[] = "est|sont|serait";
static const struct noun nouns[] = {
    {"final answer", is_en, of_en, true, true},
    {"answer", is_en, of_en, true, true},
    {"answers", is_en, of_en, false, true},
    {"result", "is|equals", NULL, false, true},
    {"solution", "is|are", NULL, false, false},
    {"solutions", "is|are", NULL, false, false},
    {"correct option", is_en, NULL, false, true},
    {"correct choice", is_en, NULL, false, true},
    {"r\xc3\xa9ponse", fr, "finale|correcte|\xc3\xa0|au|\xc3\xa0 la|de", true, true},
    {"reponse", fr, "finale|correcte", true, true},
    {"r\xc3\xa9sultat", fr, "final|de", false, true},
    {"solution", fr, "finale", false, false},
    {"antwort", "ist|lautet|sind", "auf|also|daher|somit", true, true},
    {"ergebnis", "ist|lautet", "also|daher|somit", false, true},
    {"l\xc3\xb6sung", "ist|lautet", NULL, false, true},
    {"respuesta",
     "es|son|ser\xc3\xad"
     "a",
     "final|correcta|a|de", true, true},
    {"soluci\xc3\xb3n", "es", "final", false, false},
    {"resultado", "es|\xc3\xa9", "final", false, true},
    {"risposta", "\xc3\xa8|sono", "finale|corretta|a|alla", true, true},
    {"soluzione", "\xc3\xa8", NULL, false, false},
    {"resposta", "\xc3\xa9|s\xc3\xa3o", "final|correta|a|da", true, true},
    {"antwoord", "is", "op", true, true},
    {"odpowied\xc5\xba", "to|brzmi", NULL, true, true},
    {"\xd0\xbe\xd1\x82\xd0\xb2\xd0\xb5\xd1\x82", "-|\xe2\x80\x94|\xe2\x80\x93|\xd1\x80\xd0\xb0\xd0\xb2\xd0\xb5\xd0\xbd",
     NULL, true, true},
    {"\xd8\xa7\xd9\x84\xd8\xa5\xd8\xac\xd8\xa7\xd8\xa8\xd8\xa9", /* al-ijaba, "the answer" */
     "\xd9\x87\xd9\x8a|\xd9\x87\xd9\x88",
     "\xd8\xa7\xd9\x84\xd9\x86\xd9\x87\xd8\xa7\xd8\xa6\xd9\x8a\xd8\xa9|"
     "\xd8\xa7\xd9\x84\xd8\xb5\xd8\xad\xd9\x8a\xd8\xad\xd8\xa9",
     true, true},
    {"\xd8\xa7\xd9\x84\xd8\xac\xd9\x88\xd8\xa7\xd8\xa8", "\xd9\x87\xd9\x88|\xd9\x87\xd9\x8a", NULL, true, true},
    {"\xe0\xa4\x89\xe0\xa4\xa4\xe0\xa5\x8d\xe0\xa4\xa4\xe0\xa4\xb0", "\xe0\xa4\xb9\xe0\xa5\x88", NULL, true, true},
    {"cevap", "=", NULL, true, true},
    {"cevab\xc4\xb1", "=", NULL, true, true},
    {"\xc4\x91\xc3\xa1p \xc3\xa1n", "l\xc3\xa0", NULL, true, true},
    {"\xc4\x91\xc3\xa1p s\xe1\xbb\x91", "l\xc3\xa0", NULL, true, true}, /* vi: the number that answers */
    {"svar", "\xc3\xa4r|er", NULL, true, true},                         /* sv, da, no */
    {"svaret", "\xc3\xa4r|er", NULL, true, true},                       /* sv, da, no */
    {"jawaban", "adalah|ialah", "akhir|akhirnya|dari", true, true},     /* id */
    {"jawabannya", "adalah|ialah", NULL, true, true},                   /* id */
    {"vastaus", "on", NULL, true, true},                                /* fi */
    {"odpov\xc4\x9b\xc4\x8f", "je|zn\xc3\xad", NULL, true, true},       /* cs */
    {"odpove\xc4\x8f", "je|znie", NULL, true, true},                    /* sk */
    {"r\xc4\x83spuns", "este|e", "final", true, true},                  /* ro */
    {"r\xc4\x83spunsul", "este|e", "final|corect", true, true},         /* ro */
    {"v\xc3\xa1lasz", "=", NULL, true, true},                           /* hu */
    {"\xce\xb1\xcf\x80\xce\xac\xce\xbd\xcf\x84\xce\xb7\xcf\x83\xce\xb7", "\xce\xb5\xce\xaf\xce\xbd\xce\xb1\xce\xb9",
     NULL, true, true}, /* el */
    {"\xd0\xb2\xd1\x96\xd0\xb4\xd0\xbf\xd0\xbe\xd0\xb2\xd1\x96\xd0\xb4\xd1\x8c", "-|\xe2\x80\x94|\xe2\x80\x93", NULL,
     true, true},                                                                                       /* uk */
    {"\xd7\xaa\xd7\xa9\xd7\x95\xd7\x91\xd7\x94", "\xd7\x94\xd7\x99\xd7\x90", NULL, true, true},         /* he */
    {"\xd7\x94\xd7\xaa\xd7\xa9\xd7\x95\xd7\x91\xd7\x94", "\xd7\x94\xd7\x99\xd7\x90", NULL, true, true}, /* he */
    {"\xe0\xb8\x84\xe0\xb8\xb3\xe0\xb8\x95\xe0\xb8\xad\xe0\xb8\x9a", "\xe0\xb8\x84\xe0\xb8\xb7\xe0\xb8\xad", NULL, true,
     true},                                                      /* th */
    {"\xd9\xbe\xd8\xa7\xd8\xb3\xd8\xae", "=", NULL, true, true}, /* fa */
    {"\xe7\xad\x94\xe6\xa1\x88",                                 /* zh: answer */
     "\xe6\x98\xaf|\xe4\xb8\xba|\xe7\x82\xba|\xe5\xba\x94\xe8\xaf\xa5\xe6\x98\xaf|\xe5\xb0\xb1\xe6\x98\xaf|"
     "\xe7\xad\x89\xe4\xba\x8e|\xe9\x80\x89|\xe6\x87\x89\xe8\xa9\xb2\xe6\x98\xaf|\xe5\xba\x94\xe4\xb8\xba|"
     "\xe5\xba\x94\xe9\x80\x89",
     NULL, true, true},
    {"\xe7\xad\x94", "\xe6\x98\xaf", NULL, false, true}, /* zh: the answer's mark, with a colon */
    {"\xe7\xbb\x93\xe6\x9e\x9c", "\xe6\x98\xaf|\xe4\xb8\xba", NULL, false, true},
    {"\xe6\xad\xa3\xe7\xa1\xae\xe9\x80\x89\xe9\xa1\xb9", "\xe6\x98\xaf|\xe4\xb8\xba", NULL, true, true},
    {"\xe6\x95\x85\xe9\x80\x89", "", NULL, true, true},             /* zh: hence choose */
    {"\xe7\xad\x94\xe3\x81\x88", "\xe3\x81\xaf", NULL, true, true}, /* ja: answer, topic mark */
    {"\xe6\xad\xa3\xe8\xa7\xa3", "\xe3\x81\xaf", NULL, true, true},
    {"\xe8\xa7\xa3\xe7\xad\x94", "\xe3\x81\xaf", NULL, false, true},
    {"\xeb\x8b\xb5", "\xec\x9d\x80", NULL, true, true}, /* ko: answer, topic mark */
    {"\xec\xa0\x95\xeb\x8b\xb5", "\xec\x9d\x80", NULL, true, true},
};
/* The answer comes before these. */
static const char after[] = "is our answer|is our final answer|is the answer|is the final answer|is the solution|"
                            "is the correct answer|is the required answer|are the solutions|is our solution";

/* Signs between a noun and its verb or colon: emphasis, closing braces. */
static size_t signs(struct text t, size_t i, bool *emphasis)
{
    size_t at = i;
    while (at < t.n && raml_find_one_of(t.s[at], "*_}#\"` \t")) {
        *emphasis = *emphasis || t.s[at] == '*' || t.s[at] == '}' || t.s[at] == '_';
        at++;
    }
    return at - i;
}

static size_t colon(struct text t, size_t i)
{
    return raml_find_any(t, i, ":|\xef\xbc\x9a", false);
}

/* A verb or a colon a few words after i: the byte after it; 0: none. */
static size_t after_gap(struct text t, size_t i, const struct noun *noun)
{
    if (!noun->gap || !raml_find_any(t, i, noun->gap, true)) return 0;
    for (size_t at = i; at < t.n && at - i < GAP_BYTES; at++) {
        if (raml_find_one_of(t.s[at], ".\n!?")) return 0;
        size_t n = noun->colon ? colon(t, at) : 0;
        if (!n && at > i && is_space(t.s[at - 1])) n = raml_find_any(t, at, noun->verbs, true);
        if (n) return at + n;
    }
    return 0;
}

/* May an answer without an introduction start at i? */
static bool starts_answer(struct text t, size_t i)
{
    size_t to;
    struct text value;
    if (i >= t.n) return false;
    return raml_find_one_of(t.s[i], "$(") || raml_find_any(t, i, "\\(|\\[|**", false) ||
           raml_find_number(t, i, &to, &value);
}

/* Does the line before byte i contain only heading markup? */
static bool heads_line(struct text t, size_t i)
{
    size_t n = 0;
    while (n < i && n < 16 && raml_find_one_of(t.s[i - 1 - n], "*#_ \t{>")) n++;
    return n == i || t.s[i - 1 - n] == '\n';
}

/* The noun that ends at i, with what makes it announce something. */
static bool announces(struct text t, size_t begin, size_t i, const struct noun *noun, struct cue *out)
{
    bool emphasis = false, final = noun == nouns;
    size_t at = i + signs(t, i, &emphasis), n = noun->colon ? colon(t, at) : 0;
    *out = (struct cue){begin, at + n, final ? RAML_FOUND_FINAL : RAML_FOUND_PHRASE, false};
    if (n) return true;
    size_t verb = at + raml_find_space(t, at);
    n = raml_find_any(t, verb, noun->verbs, true);
    if (!noun->verbs[0] && verb < t.n && is_upper(t.s[verb])) return true; /* "hence choose B" */
    size_t gap = n ? verb + n : after_gap(t, verb, noun);
    if (gap) {
        out->to = gap;
        out->kind = RAML_FOUND_PHRASE;
        return true;
    }
    bool line_end = at >= t.n || t.s[at] == '\n' || t.s[at] == '\r';
    if (final && heads_line(t, begin) && (line_end || emphasis)) return true;
    out->kind = RAML_FOUND_PHRASE;
    return (noun->direct && starts_answer(t, verb)) || (emphasis && line_end && heads_line(t, begin));
}

static bool cue_at(struct text t, size_t i, struct cue *out)
{
    char c = t.s[i];
    if (is_alpha(c) && !raml_find_one_of(c, "FARSCELOIJVfarscleoijv")) return false; /* first letters of all below */
    size_t n = raml_find_any(t, i, after, true);
    *out = (struct cue){i, i + n, RAML_FOUND_PHRASE, true};
    if (n) return true;
    for (size_t k = 0; k < sizeof nouns / sizeof *nouns; k++) {
        char first = nouns[k].word[0];
        if (to_lower(c) != first) continue; /* beyond ASCII: a capital has the same first byte */
        n = raml_find_any(t, i, nouns[k].word, true);
        if (n && announces(t, i, i + n, &nouns[k], out)) return true;
    }
    return false;
}

void raml_find_cues(struct text t, struct cues *out)
{
    out->n = 0;
    for (size_t i = 0; i < t.n;) {
        size_t len = 1;
        unsigned char c = (unsigned char)t.s[i];
        bool begins = c >= 0xe0 || ((is_alpha((char)c) || c >= 0xc2) && !raml_find_joined(t, i));
        struct cue hit;
        if (begins && cue_at(t, i, &hit)) {
            out->hit[out->n++ % FIND_CUES] = hit;
            len = hit.to > i ? hit.to - i : 1;
        }
        i += len;
    }
}
