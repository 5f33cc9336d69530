/* line.c - see line.h. */
#include "samples/line.h"

#include <string.h>

static void skip_spaces(const char **p)
{
    while (**p == ' ' || **p == '\t') ++*p;
}

static bool take(const char **p, char c)
{
    skip_spaces(p);
    if (**p != c) return false;
    ++*p;
    skip_spaces(p);
    return true;
}

static bool whole_number(const char **p, uint64_t *out)
{
    size_t n = strspn(*p, "0123456789");
    if (!n || n > 18 || (n > 1 && **p == '0')) return false;
    for (*out = 0; n; n--, ++*p) *out = *out * 10 + (uint64_t)(**p - '0');
    return **p != '.' && **p != 'e' && **p != 'E';
}

/* A string as written between its quotes; capacity cap. */
static bool plain_string(const char **p, char *out, size_t cap)
{
    size_t n = 0;
    if (**p != '"') return false;
    for (++*p; **p != '"'; ++*p) {
        unsigned char c = (unsigned char)**p;
        if (c < 0x20 || c >= 0x7f || c == '\\' || n + 1 >= cap) return false;
        out[n++] = (char)c;
    }
    ++*p;
    out[n] = 0;
    return true;
}

static bool id_field(const char **p, struct raml_grade_line *out)
{
    if (out->has_id) return false;
    out->has_id = true;
    if (**p == '"') return plain_string(p, out->id, sizeof out->id);
    const char *from = *p;
    uint64_t value;
    if (!whole_number(p, &value)) return false;
    memcpy(out->id, from, (size_t)(*p - from));
    out->id[*p - from] = 0;
    return true;
}

static bool grade(const char **p, bool *correct)
{
    if (**p == '0' || **p == '1') {
        *correct = **p == '1';
        ++*p;
        return true;
    }
    *correct = **p == 't';
    size_t n = *correct ? 4 : 5;
    if (strncmp(*p, *correct ? "true" : "false", n)) return false;
    *p += n;
    return true;
}

static bool grades(const char **p, struct raml_grade_line *out, bool *correct)
{
    if (out->has_correct || !take(p, '[')) return false;
    out->has_correct = true;
    if (take(p, ']')) return true;
    do {
        if (!grade(p, &correct[out->n_grades])) return false;
        out->n_grades++;
    } while (take(p, ','));
    return take(p, ']');
}

static bool field(const char **p, struct raml_grade_line *out, bool *correct)
{
    char name[16];
    if (!plain_string(p, name, sizeof name) || !take(p, ':')) return false;
    if (!strcmp(name, "correct")) return grades(p, out, correct);
    if (!strcmp(name, "id")) return id_field(p, out);
    bool n = !strcmp(name, "n"), seen = n ? out->has_n : out->has_c;
    if (seen || (!n && strcmp(name, "c"))) return false;
    *(n ? &out->has_n : &out->has_c) = true;
    return whole_number(p, n ? &out->n : &out->c);
}

bool raml_grade_line_read(const char *text, size_t len, struct raml_grade_line *out, bool *correct)
{
    const char *p = text;
    memset(out, 0, sizeof *out);
    if (!take(&p, '{')) return false;
    do {
        if (!field(&p, out, correct)) return false;
    } while (take(&p, ','));
    return take(&p, '}') && p == text + len;
}
