/* setting_text.c - a setting's value from text, strictly, and what was expected if it fails. See setting.h. */
#include "core/setting.h"

#include "core/ascii.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- What is expected ---------------------------------------------------------------------------------------------- */

static bool bounded_above(const struct raml_setting *row)
{
    /* Limits from 2^53 on are not shown. */
    return row->low != row->high && row->high < 0x1p53;
}

static void number_text(const struct raml_setting *row, double x, char out[32])
{
    if (row->type == RAML_INT) snprintf(out, 32, "%" PRId64, (int64_t)x);
    else snprintf(out, 32, "%g", x);
}

static void expected_number(const struct raml_setting *row, char out[RAML_EXPECTED])
{
    const char *what = row->type == RAML_INT ? "an integer" : "a number";
    bool below = row->low != row->high && row->low > -0x1p53;
    char low[32] = "", high[32] = "";
    if (below) number_text(row, row->low, low);
    if (bounded_above(row)) number_text(row, row->high, high);
    if (below && bounded_above(row)) snprintf(out, RAML_EXPECTED, "%s from %s to %s", what, low, high);
    else if (below) snprintf(out, RAML_EXPECTED, "%s of at least %s", what, low);
    else if (bounded_above(row)) snprintf(out, RAML_EXPECTED, "%s of at most %s", what, high);
    else snprintf(out, RAML_EXPECTED, "%s", what);
}

static void expected_word(const char *words, char out[RAML_EXPECTED])
{
    size_t n = (size_t)snprintf(out, RAML_EXPECTED, "one of ");
    for (const char *w = words; w && *w && n + 3 < RAML_EXPECTED; w++) {
        if (*w == '|') out[n++] = ',', out[n++] = ' ';
        else out[n++] = *w;
    }
    out[n] = 0;
}

void raml_setting_expected(const struct raml_setting *row, char out[RAML_EXPECTED])
{
    switch (row->type) {
    case RAML_FLAG: snprintf(out, RAML_EXPECTED, "true or false"); break;
    case RAML_INT:
    case RAML_REAL: expected_number(row, out); break;
    case RAML_TEXT: snprintf(out, RAML_EXPECTED, "text"); break;
    case RAML_PATH: snprintf(out, RAML_EXPECTED, "a path"); break;
    case RAML_ONE:
    case RAML_WORD: expected_word(row->words, out); break;
    }
}

void raml_shown(const char *text, size_t len, char out[RAML_SHOWN])
{
    size_t n = len < RAML_SHOWN - 4 ? len : RAML_SHOWN - 4;
    while (n < len && n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80) n--; /* not inside a UTF-8 character */
    for (size_t i = 0; i < n; i++) out[i] = is_control(text[i]) ? '?' : text[i];
    memcpy(out + n, n < len ? "..." : "", n < len ? 4 : 1);
}

/* -- What is allowed ----------------------------------------------------------------------------------------------- */

size_t raml_setting_word(const struct raml_setting *row, size_t i, const char **word)
{
    const char *w = row->words ? row->words : "";
    for (; i > 0 && *w; i--) {
        w += strcspn(w, "|");
        w += *w == '|';
    }
    *word = w;
    return strcspn(w, "|");
}

/* The number of the word; -1: it is none of them. */
static int word_number(const struct raml_setting *row, const char *text)
{
    const char *word;
    size_t len = strlen(text), n;
    for (int i = 0; (n = raml_setting_word(row, (size_t)i, &word)) > 0; i++)
        if (n == len && memcmp(word, text, n) == 0) return i;
    return -1;
}

static bool in_range(const struct raml_setting *row, double x)
{
    return isfinite(x) && (row->low == row->high || (x >= row->low && x <= row->high));
}

bool raml_setting_allows(const struct raml_setting *row, const void *field)
{
    const char *text = raml_setting_holds_text(row) ? *(const char *const *)field : NULL;
    switch (row->type) {
    case RAML_FLAG: break;
    case RAML_INT: return in_range(row, (double)*(const int64_t *)field);
    case RAML_REAL: return in_range(row, *(const double *)field);
    case RAML_WORD: return *(const int *)field >= 0 && raml_setting_word(row, (size_t) * (const int *)field, &text) > 0;
    case RAML_ONE: return text ? word_number(row, text) >= 0 : !row->value;
    case RAML_TEXT:
    case RAML_PATH: return text || !row->value;
    }
    return true;
}

/* -- Strict reading: numbers are [-]digits[.digits][e[+-]digits], nothing before or after; no infinity, no NaN ------- */

enum number_form { NOT_A_NUMBER, DIGITS, FRACTION, EXPONENT };

static size_t digits(const char *s)
{
    size_t n = 0;
    while (is_digit(s[n])) n++;
    return n;
}

static enum number_form number_form(const char *s)
{
    if (*s == '-') s++;
    size_t whole = digits(s), part = 0;
    s += whole;
    enum number_form form = DIGITS;
    if (*s == '.') {
        form = FRACTION;
        part = digits(s + 1);
        s += 1 + part;
    }
    if (whole + part == 0) return NOT_A_NUMBER;
    if (*s == 'e' || *s == 'E') {
        form = EXPONENT;
        s++;
        if (*s == '-' || *s == '+') s++;
        size_t n = digits(s);
        if (n == 0) return NOT_A_NUMBER;
        s += n;
    }
    return *s ? NOT_A_NUMBER : form;
}

static bool read_int(const char *text, int64_t *out)
{
    enum number_form form = number_form(text);
    errno = 0;
    if (form == DIGITS) {
        *out = (int64_t)strtoll(text, NULL, 10);
        return errno == 0;
    }
    if (form != EXPONENT) return false;
    double x = strtod(text, NULL); /* 1e6; exact up to 2^53 */
    if (errno || !(fabs(x) <= 0x1p53) || x != floor(x)) return false;
    *out = (int64_t)x;
    return true;
}

static bool read_real(const char *text, double *out)
{
    if (number_form(text) == NOT_A_NUMBER) return false;
    errno = 0;
    *out = strtod(text, NULL);
    bool vanished = errno == ERANGE && *out == 0.0;
    return !vanished;
}

static bool read_flag(const char *text, bool *out)
{
    *out = strcmp(text, "true") == 0;
    return *out || strcmp(text, "false") == 0;
}

enum raml_code raml_settings_set(const struct raml_setting *row, void *settings, const char *text, struct raml_err *err)
{
    void *field = (char *)settings + row->offset;
    union {
        bool flag;
        int64_t integer;
        double real;
        int word;
        const char *text;
    } value;
    static const size_t size[] = {
        [RAML_FLAG] = sizeof value.flag, [RAML_INT] = sizeof value.integer, [RAML_REAL] = sizeof value.real,
        [RAML_TEXT] = sizeof value.text, [RAML_PATH] = sizeof value.text,   [RAML_ONE] = sizeof value.text,
        [RAML_WORD] = sizeof value.word};
    bool fits = true;
    switch (row->type) {
    case RAML_FLAG: fits = read_flag(text, &value.flag); break;
    case RAML_INT: fits = read_int(text, &value.integer); break;
    case RAML_REAL: fits = read_real(text, &value.real); break;
    case RAML_WORD: value.word = word_number(row, text); break;
    case RAML_TEXT:
    case RAML_PATH:
    case RAML_ONE: value.text = text; break;
    }
    if (fits && raml_setting_allows(row, &value)) {
        memcpy(field, &value, size[row->type]);
        return RAML_OK;
    }
    char want[RAML_EXPECTED], shown[RAML_SHOWN];
    raml_setting_expected(row, want);
    raml_shown(text, strlen(text), shown);
    return raml_fail(err, RAML_EUSAGE, "found '%s', expected %s", shown, want);
}
