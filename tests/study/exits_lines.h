/* exits_lines.h - stored sets of probes as text, for tests. */
#ifndef TESTS_STUDY_EXITS_LINES_H
#define TESTS_STUDY_EXITS_LINES_H

#include "study/exits_parts.h"

#include "core/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "check_near.h"

enum { LINES_STRIDE = 10 };

/* A stride of 10, a cue of 2 tokens, entropy probes of 2. */
static inline void lines_header(struct raml_buf *b, size_t n)
{
    raml_buf_addf(b,
                  "{\"raml\":\"exit probes\",\"version\":2,\"model\":\"00000000000000aa\",\"dtype\":\"f32\","
                  "\"data\":\"00000000000000bb\",\"answer_prefix\":\"</think>\",\"cue_tokens\":2,\"entropy_tokens\":2,"
                  "\"stride\":10,\"trajectories\":%zu}\n",
                  n);
}

/* A trajectory whose answer is 7: probes every 10 tokens and at the end, one for each letter of `answers`: R right, W
 * wrong, - none; each wrote one token, with this probability. */
static inline void lines_trajectory(struct raml_buf *b, const char *id, const char *question, size_t sample,
                                    const char *answers, const double *p)
{
    size_t n = strlen(answers);
    raml_buf_addf(b,
                  "{\"id\":\"%s\",\"sample\":%zu,\"family\":null,\"question\":\"%s\",\"answer\":\"7\",\"correct\":%s,"
                  "\"n_tokens\":%zu,\"pieces\":[",
                  id, sample, question, answers[n - 1] == 'R' ? "true" : "false", (n - 1) * LINES_STRIDE);
    for (size_t k = 0; k + 1 < n; k++) raml_buf_addf(b, "%s\"piece %zu \"", k ? "," : "", k);
    raml_buf_adds(b, "],\"probes\":[");
    for (size_t k = 0; k < n; k++) {
        const char *answer = answers[k] == 'R' ? "7" : answers[k] == 'W' ? "8" : "";
        raml_buf_addf(
            b,
            "%s{\"at\":%zu,\"wait\":false,\"answer\":\"%s\",\"text\":\"%s\",\"p\":[%s%.3g%s],\"p_all\":[%.3g],"
            "\"to_end\":1,\"entropy\":%.3g,\"loss\":%.3g,\"right\":%s}",
            k ? "," : "", k * LINES_STRIDE, answer, answer, "", *answer ? p[k] : 0.0, "", p[k], 1 - p[k],
            answers[k] == 'R' ? 0.1 : 2.0, answers[k] == 'R' ? "true" : "false");
    }
    raml_buf_adds(b, "]}\n");
}

/* The n-th question's text (from 0) whose rank with the seed 0 is low (validation) or high: of as many of both each is on
 * its half with a share of 0.5. */
static inline void lines_question(enum raml_exits_half half, size_t n, char out[32])
{
    for (size_t i = 0;; i++) {
        snprintf(out, 32, "question %zu", i);
        bool low = raml_exits_rank_of(out, 0) < UINT64_MAX / 2;
        if (low == (half == RAML_EXITS_VALIDATION) && n-- == 0) return;
    }
}

static inline char *lines_dir(void) /* for rm, and free() */
{
    char *dir = strdup("/tmp/raml-exits-XXXXXX");
    assert_non_null(dir);
    assert_non_null(mkdtemp(dir));
    return dir;
}

/* The text with the checks of a set at the ends of its lines; what is no whole line of a trajectory stays as it is. */
static inline void lines_seal(const char *text, size_t n, struct raml_buf *out)
{
    uint64_t check = 0;
    for (size_t from = 0, k = 0; from < n; k++) {
        const char *newline = memchr(text + from, '\n', n - from);
        size_t end = newline ? (size_t)(newline - text) + 1 : n, begin = out->len;
        raml_buf_add(out, text + from, end - from);
        if (newline && k == 0) check = raml_hash(text, end - 1, 0);
        else if (newline && end - from > 2 && newline[-1] == '}') raml_exits_seal(out, begin, &check);
        from = end;
    }
}

/* A set's text as a file, with its checks. */
static inline void lines_put(const char *dir, const char *name, const char *text, size_t n)
{
    char path[300];
    struct raml_err err = {0};
    struct raml_buf sealed;
    raml_buf_init(&sealed, SIZE_MAX / 2);
    raml_buf_add(&sealed, "", 0);
    lines_seal(text, n, &sealed);
    snprintf(path, sizeof path, "%s/%s", dir, name);
    CHECK_OK(raml_file_write(path, sealed.data, sealed.len, &err));
    raml_buf_deinit(&sealed);
}

#endif
