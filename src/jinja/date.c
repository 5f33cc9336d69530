/* date.c - see run.h: strftime of the day that the caller gave; no clock is read.
 *
 * The day is read as "26 Jul 2024", "26 July 2024", "July 26, 2024" or "2024-07-26". Only codes of the day are known:
 * %d %m %y %Y %b %B %a %A %j %e %F %D %u %w %%, and %-d, %-m, %-j without leading zeros.
 */
#include "jinja/run.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct day {
    int year, month, day; /* month, day: from 1 */
    int of_year, of_week; /* from 1; from 0 = Sunday */
};

static const char *const months[] = {"January", "February", "March",     "April",   "May",      "June",
                                     "July",    "August",   "September", "October", "November", "December"};
static const char *const days[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};

static int month_of(const char *word)
{
    for (int i = 0; i < 12; i++)
        if (!strcasecmp(word, months[i]) || (strlen(word) == 3 && !strncasecmp(word, months[i], 3))) return i + 1;
    return 0;
}

static bool leap(int y)
{
    return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

/* Fills in the rest; false: there is no such day. */
static bool complete(struct day *d)
{
    static const int length[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (d->year < 1 || d->year > 9999 || d->month < 1 || d->month > 12 || d->day < 1) return false;
    if (d->day > length[d->month - 1] + (d->month == 2 && leap(d->year))) return false;
    d->of_year = d->day + (d->month > 2 && leap(d->year));
    for (int i = 0; i < d->month - 1; i++) d->of_year += length[i];
    int y = d->year - 1; /* 1 January of the year 1 was a Monday */
    d->of_week = (y * 365 + y / 4 - y / 100 + y / 400 + d->of_year) % 7;
    return true;
}

static bool read_day(const char *text, struct day *d)
{
    char word[16];
    int end = -1;
    *d = (struct day){0};
    if (sscanf(text, "%4d-%2d-%2d%n", &d->year, &d->month, &d->day, &end) == 3 && end > 0 && !text[end])
        return complete(d);
    end = -1;
    if (sscanf(text, "%2d %15[A-Za-z] %4d%n", &d->day, word, &d->year, &end) == 3 && end > 0 && !text[end]) {
        d->month = month_of(word);
        return complete(d);
    }
    end = -1;
    if (sscanf(text, "%15[A-Za-z] %2d, %4d%n", word, &d->day, &d->year, &end) == 3 && end > 0 && !text[end]) {
        d->month = month_of(word);
        return complete(d);
    }
    return false;
}

/* The text of one code; false: unknown. bare: without leading zeros. */
static bool code_text(const struct day *d, char code, bool bare, char *out, size_t cap)
{
    switch (code) {
    case 'd': snprintf(out, cap, bare ? "%d" : "%02d", d->day); return true;
    case 'm': snprintf(out, cap, bare ? "%d" : "%02d", d->month); return true;
    case 'j': snprintf(out, cap, bare ? "%d" : "%03d", d->of_year); return true;
    case 'e': snprintf(out, cap, bare ? "%d" : "%2d", d->day); return true;
    default: break;
    }
    if (bare) return false;
    switch (code) {
    case 'y': snprintf(out, cap, "%02d", d->year % 100); return true;
    case 'Y': snprintf(out, cap, "%d", d->year); return true;
    case 'b':
    case 'h': snprintf(out, cap, "%.3s", months[d->month - 1]); return true;
    case 'B': snprintf(out, cap, "%s", months[d->month - 1]); return true;
    case 'a': snprintf(out, cap, "%.3s", days[d->of_week]); return true;
    case 'A': snprintf(out, cap, "%s", days[d->of_week]); return true;
    case 'F': snprintf(out, cap, "%d-%02d-%02d", d->year, d->month, d->day); return true;
    case 'D': snprintf(out, cap, "%02d/%02d/%02d", d->month, d->day, d->year % 100); return true;
    case 'u': snprintf(out, cap, "%d", d->of_week ? d->of_week : 7); return true;
    case 'w': snprintf(out, cap, "%d", d->of_week); return true;
    case '%': snprintf(out, cap, "%%"); return true;
    default: return false;
    }
}

struct raml_jv raml_j_strftime(struct raml_jinja *in, const struct raml_jstr *format)
{
    struct day d;
    struct raml_jout o;
    char text[32];
    if (!in->date)
        return raml_j_fail(in, RAML_ERANGE,
                           "the template asks for today's date, and none was given; give one "
                           "(--date_string \"26 Jul 2024\")");
    if (!read_day(in->date, &d))
        return raml_j_fail(in, RAML_ERANGE, "the date '%.40s' is not understood; expected one like '26 Jul 2024'",
                           in->date);
    raml_jout_init(&o, in);
    for (size_t i = 0; i < format->n && !in->code; i++) {
        if (format->s[i] != '%') {
            raml_jout_part(&o, format, i, i + 1);
            continue;
        }
        bool bare = i + 2 < format->n && format->s[i + 1] == '-';
        i += bare ? 2 : 1;
        char code = i < format->n ? format->s[i] : 0;
        if (!code_text(&d, code, bare, text, sizeof text))
            return raml_j_fail(in, RAML_ESUPPORT,
                               "strftime_now: '%%%c' is not supported: a day is known, no time of day",
                               isprint((unsigned char)code) ? code : '?');
        raml_jout_adds(&o, text);
    }
    return raml_jout_done(&o);
}
