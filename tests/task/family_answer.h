/* family_answer.h - the answers of made questions, computed again only from their text, by other means than the
 * families use. For tests; each returns false when the text cannot be read. */
#ifndef RAML_TEST_FAMILY_ANSWER_H
#define RAML_TEST_FAMILY_ANSWER_H

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- Expressions of numbers, + - * and brackets -------------------------------------------------------------------- */

struct test_expr {
    const char *at, *end;
    bool bad;
};

static long test_sum(struct test_expr *e);

static long test_atom(struct test_expr *e)
{
    if (e->at < e->end && *e->at == '(') {
        e->at++;
        long v = test_sum(e);
        if (e->at >= e->end || *e->at != ')') e->bad = true;
        e->at++;
        return v;
    }
    if (e->at >= e->end || !isdigit((unsigned char)*e->at)) {
        e->bad = true;
        e->at = e->end;
        return 0;
    }
    long v = 0;
    for (; e->at < e->end && isdigit((unsigned char)*e->at); e->at++) v = (v * 10 + (*e->at - '0')) % 1000000007L;
    return v;
}

static long test_product(struct test_expr *e)
{
    long v = test_atom(e);
    while (e->at < e->end && *e->at == '*') {
        e->at++;
        v = v * test_atom(e) % 1000000007L;
    }
    return v;
}

static long test_sum(struct test_expr *e)
{
    long v = test_product(e);
    while (e->at < e->end && (*e->at == '+' || *e->at == '-')) {
        bool plus = *e->at++ == '+';
        long w = test_product(e);
        v += plus ? w : -w;
    }
    return v;
}

/* All of [text, end), modulo `modulus` (0: modulo 10^9 + 7, which separates what these tests could confuse). */
static bool test_value(const char *text, const char *end, long modulus, long *out)
{
    struct test_expr e = {.at = text, .end = end};
    long m = modulus ? modulus : 1000000007L;
    if (text >= end) return false;
    *out = test_sum(&e) % m;
    if (*out < 0) *out += m;
    return !e.bad && e.at == end;
}

/* Every "x=y=..." of plain numbers in a line is true; *n counts the equations checked. Parts with letters are not
 * numbers and are skipped. */
static bool test_equations(const char *line, const char *end, long modulus, int *n)
{
    static const char inside[] = "0123456789+-*()=";
    for (const char *at = line; at < end;) {
        const char *stop = at;
        while (stop < end && strchr(inside, *stop)) stop++;
        bool have = false;
        long before = 0, value;
        for (const char *part = at; part <= stop && at < stop;) {
            const char *close = part;
            while (close < stop && *close != '=') close++;
            if (test_value(part, close, modulus, &value)) {
                if (have) {
                    ++*n;
                    if (value != before) return false;
                }
                before = value;
                have = true;
            }
            part = close + 1;
        }
        at = stop + 1;
    }
    return true;
}

/* -- One for each family ------------------------------------------------------------------------------------------- */

static bool answer_modchain(const char *q, char name, int depth, long *out)
{
    const char *def = q;
    while (*def && !(def[0] == name && def[1] == '=')) def++;
    if (!*def || depth > 30) return false;
    const char *at = def + 2;
    long v[2] = {0, 0};
    char op = 0;
    for (int i = 0; i < 2; i++) {
        if (isdigit((unsigned char)*at)) v[i] = strtol(at, (char **)&at, 10);
        else if (!answer_modchain(q, *at++, depth + 1, &v[i])) return false;
        if (i == 0) {
            op = *at;
            if (op == ';') break;
            at++;
        }
    }
    long r = op == ';' ? v[0] : op == '+' ? v[0] + v[1] : op == '-' ? v[0] - v[1] : v[0] * v[1];
    *out = ((r % 11) + 11) % 11;
    return *at == ';';
}

static bool check_modchain(const char *q, const char *a)
{
    const char *ask = strrchr(q, ';');
    long v;
    return ask && strcmp(ask + 2, " mod 11?") == 0 && answer_modchain(q, ask[1], 0, &v) && v == strtol(a, NULL, 10);
}

/* "4783+2596=?" against its answer, modulo a prime, and by length. */
static bool check_arithmetic(const char *q, const char *a)
{
    const char *ask = strstr(q, "=?");
    long x, y;
    return ask && !ask[2] && test_value(q, ask, 0, &x) && test_value(a, a + strlen(a), 0, &y) && x == y &&
           a[0] != '0' && strlen(a) <= strlen(q) && test_value(q, ask, 9, &x) && test_value(a, a + strlen(a), 9, &y);
}

static bool check_countdown(const char *q, const char *a)
{
    const char *arrow = strstr(q, " -> ");
    int count[100] = {0};
    long v;
    if (!arrow) return false;
    for (const char *at = q; at < arrow;) count[strtol(at, (char **)&at, 10) % 100]++;
    for (const char *at = a; *at;) {
        if (!isdigit((unsigned char)*at)) at++;
        else if (--count[strtol(at, (char **)&at, 10) % 100] < 0) return false;
    }
    return test_value(a, a + strlen(a), 0, &v) && v == strtol(arrow + 4, NULL, 10);
}

static bool check_perm(const char *q, const char *a)
{
    const char *word = strrchr(q, ';');
    char now[6] = "12345";
    if (!word) return false;
    for (word++; *word != '?'; word++) {
        char key[3] = {*word, '=', 0};
        const char *p = strstr(q, key);
        if (!p) return false;
        for (int i = 0; i < 5; i++) now[i] = p[2 + now[i] - '1'];
    }
    return strcmp(now, a) == 0;
}

/* Bellman-Ford over "ab3 ..." ; distance[letter], -1: not reached. */
static bool answer_graph(const char *q, int distance[128])
{
    const char *end = strchr(q, ':');
    for (int i = 0; i < 128; i++) distance[i] = -1;
    if (!end) return false;
    distance[(unsigned char)end[1] & 127] = 0;
    for (int round = 0; round < 30; round++) {
        for (const char *at = q; at < end; at += 4) {
            int from = at[0] & 127, to = at[1] & 127, d = distance[from] + (at[2] - '0');
            if (distance[from] >= 0 && (distance[to] < 0 || d < distance[to])) distance[to] = d;
        }
    }
    return true;
}

static bool check_graph(const char *q, const char *a)
{
    int distance[128];
    if (!answer_graph(q, distance)) return false;
    const char *to = strchr(q, '-');
    return to && distance[to[1] & 127] == strtol(a, NULL, 10) && distance[to[1] & 127] > 0;
}

struct test_count {
    char who[16], thing[16];
    long n;
};

static long *count_of(struct test_count *c, int *n, const char *who, const char *thing)
{
    for (int i = 0; i < *n; i++)
        if (!strcmp(c[i].who, who) && !strcmp(c[i].thing, thing)) return &c[i].n;
    if (*n == 63) return NULL;
    snprintf(c[*n].who, sizeof c->who, "%s", who);
    snprintf(c[*n].thing, sizeof c->thing, "%s", thing);
    return &c[(*n)++].n;
}

/* Reads one sentence and keeps everybody's counts of everything. */
static bool word_sentence(const char *s, struct test_count *c, int *n)
{
    char a[16], b[16], thing[16], verb[16];
    long k;
    if (sscanf(s, "%15s has %ld times as many %15s as %15[A-Za-z].", a, &k, thing, b) == 4) {
        *count_of(c, n, a, thing) = k * *count_of(c, n, b, thing);
    } else if (sscanf(s, "%15s has twice as many %15s as %15[A-Za-z].", a, thing, b) == 3) {
        *count_of(c, n, a, thing) = 2 * *count_of(c, n, b, thing);
    } else if (sscanf(s, "%15s has %ld more %15s than %15[A-Za-z].", a, &k, thing, b) == 4) {
        *count_of(c, n, a, thing) = *count_of(c, n, b, thing) + k;
    } else if (sscanf(s, "%15s has %ld fewer %15s than %15[A-Za-z].", a, &k, thing, b) == 4) {
        *count_of(c, n, a, thing) = *count_of(c, n, b, thing) - k;
    } else if (sscanf(s, "%15s has %ld %15[a-z].", a, &k, thing) == 3) {
        *count_of(c, n, a, thing) = k;
    } else if (sscanf(s, "%15s gives away %ld %15[a-z].", a, &k, thing) == 3) {
        *count_of(c, n, a, thing) -= k;
    } else if (sscanf(s, "%15s %15s %ld %15[a-z].", a, verb, &k, thing) == 4) {
        bool loses = !strcmp(verb, "loses") || !strcmp(verb, "sells");
        if (!loses && strcmp(verb, "buys") && strcmp(verb, "finds") && strcmp(verb, "gets")) return false;
        *count_of(c, n, a, thing) += loses ? -k : k;
    } else {
        return false;
    }
    return true;
}

static bool check_word(const char *q, const char *a)
{
    struct test_count c[64];
    memset(c, 0, sizeof c);
    int n = 0;
    char who[16], thing[16];
    for (;;) {
        if (sscanf(q, "How many %15s does %15s have?", thing, who) == 2) break;
        if (!word_sentence(q, c, &n)) return false;
        q = strstr(q, ". ");
        if (!q) return false;
        q += 2;
    }
    long v = *count_of(c, &n, who, thing);
    return v == strtol(a, NULL, 10) && v > 0 && v < 100;
}

#endif
