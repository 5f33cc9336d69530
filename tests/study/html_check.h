/* html_check.h - is this page well formed and self-contained? Shared by the tests of what writes HTML. The only script
 * it may run is the trajectory view's. */
#ifndef RAML_TEST_HTML_CHECK_H
#define RAML_TEST_HTML_CHECK_H

#include "study/trajectory_view.h"

#include <ctype.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool html_in(const char *word, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(word, *list) == 0) return true;
    return false;
}

/* Reads the tag at *at ('<' passed): its name in lower case; *close, *empty. Returns what follows '>', or NULL. */
static const char *html_tag(const char *at, char name[32], bool *close, bool *empty)
{
    size_t n = 0;
    *close = *at == '/';
    if (*close) at++;
    while (isalnum((unsigned char)*at) && n < 31) name[n++] = (char)tolower((unsigned char)*at++);
    name[n] = 0;
    if (n == 0) return NULL;
    for (char quote = 0; *at; at++) {
        if (quote) {
            if (*at == quote) quote = 0;
            else if (*at == '<') return NULL; /* we always escape it */
        } else if (*at == '"' || *at == '\'') quote = *at;
        else if (*at == '<') return NULL;
        else if (*at == '>') {
            *empty = at[-1] == '/';
            return at + 1;
        }
    }
    return NULL;
}

/* What follows a script element whose start tag begins at `start` and whose content at `at`; NULL: it is not one of ours.
 * Data has to be JSON, and without '<'. */
static const char *html_script(const char *start, const char *at)
{
    static const char data[] = "script type=\"application/json\" class=\"trajectory-data\">";
    const char *end = strstr(at, "</script>");
    if (!end) return NULL;
    size_t n = (size_t)(end - at);
    if (strncmp(start, data, sizeof data - 1) == 0) {
        json_t *v = memchr(at, '<', n) ? NULL : json_loadb(at, n, JSON_REJECT_DUPLICATES, NULL);
        if (!json_is_object(v)) n = 0;
        json_decref(v);
    } else if (strncmp(start, "script>", 7) != 0 || n != strlen(raml_view_program) ||
               memcmp(at, raml_view_program, n) != 0)
        n = 0;
    return n ? end + strlen("</script>") : NULL;
}

/* NULL when every tag is closed in order and nothing is loaded from elsewhere or run; otherwise a message. */
static const char *html_fault(const char *page, char *out, size_t cap)
{
    static const char *const empty_tags[] = {"meta", "br", "hr", "img", "link", "input", NULL};
    static const char *const bad_tags[] = {"link", "iframe", "object", "embed", "base", "form", NULL};
    static const char *const bad_texts[] = {"http://", "https://", "url(", "@import", "javascript:", NULL};
    static const char picture[] = "src=\"data:image/svg+xml;base64,"; /* the only source that an image may have */
    char stack[64][32];
    size_t depth = 0;
    for (const char *const *bad = bad_texts; *bad; bad++)
        if (strstr(page, *bad)) return snprintf(out, cap, "contains '%s': %.60s", *bad, strstr(page, *bad)), out;
    for (const char *at = page; (at = strstr(at, "src=")); at++)
        if (strncmp(at, picture, sizeof picture - 1) != 0) return snprintf(out, cap, "contains '%.60s'", at), out;
    for (const char *at = page; *at;) {
        if (*at++ != '<') continue;
        if (*at == '!') {
            at = strchr(at, '>');
            if (!at) return "a declaration does not end";
            continue;
        }
        char name[32];
        bool close = false, empty = false;
        const char *start = at;
        at = html_tag(at, name, &close, &empty);
        if (!at) return snprintf(out, cap, "broken tag: <%.60s", start), out;
        if (strcmp(name, "script") == 0 && !close) {
            at = html_script(start, at);
            if (!at) return snprintf(out, cap, "a script that is not the view's, or bad data: <%.60s", start), out;
            continue;
        }
        if (html_in(name, bad_tags)) return snprintf(out, cap, "<%s> is not allowed", name), out;
        if (empty || html_in(name, empty_tags)) continue;
        if (!close) {
            if (depth == 64) return "nested too deep";
            memcpy(stack[depth++], name, sizeof name);
        } else if (depth == 0 || strcmp(stack[--depth], name) != 0) {
            return snprintf(out, cap, "</%s> closes <%s>: %.60s", name, depth ? stack[depth] : "", start), out;
        }
    }
    if (depth) return snprintf(out, cap, "<%s> is not closed", stack[depth - 1]), out;
    return NULL;
}

#endif
