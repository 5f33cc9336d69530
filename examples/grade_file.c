/* grade_file.c - grades a file of answers: is each the same as the correct one?
 *
 * usage: grade_file FILE.jsonl
 * One JSON object a line with the texts "gold" and "pred", which may hold their answers anywhere: in \boxed{}, after
 * "the answer is", "####". Prints one line each: the verdict, the rule that decided, what was found and how. A verdict
 * is proved or "unknown": no float is compared.
 *
 * Checks work side by side here, in threads: the library keeps no state of its own, and each thread has its results.
 */
#include <raml/answer.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ANSWER_BYTES = 1 << 20 };

struct line {
    json_t *object; /* owns gold and pred */
    const char *gold, *pred;
    struct raml_answer_result result;
    enum raml_found found;
    struct raml_buf answer; /* pred's */
    enum raml_code code;
    struct raml_err err;
};

/* Reads one line; what is wrong with it, or NULL. */
static const char *read_line(const char *text, size_t n, struct line *out)
{
    json_error_t why;
    *out = (struct line){.object = json_loadb(text, n, 0, &why)};
    raml_buf_init(&out->answer, MAX_ANSWER_BYTES);
    if (!out->object) return "not valid JSON";
    out->gold = json_string_value(json_object_get(out->object, "gold"));
    out->pred = json_string_value(json_object_get(out->object, "pred"));
    return out->gold && out->pred ? NULL : "expected the texts \"gold\" and \"pred\"";
}

static struct line *read_file(const char *path, size_t *n)
{
    FILE *file = fopen(path, "r");
    struct line *list = NULL;
    char *text = NULL;
    size_t cap = 0, n_lines = 0;
    ssize_t len;
    if (!file) {
        perror(path);
        exit(1);
    }
    for (*n = 0; (len = getline(&text, &cap, file)) > 0;) {
        n_lines++;
        if (strspn(text, " \t\r\n") == (size_t)len) continue;
        list = realloc(list, (*n + 1) * sizeof *list);
        const char *wrong = list ? read_line(text, (size_t)len, &list[*n]) : "no memory";
        if (wrong) {
            fprintf(stderr, "%s:%zu: %s\n", path, n_lines, wrong);
            exit(1);
        }
        ++*n;
    }
    free(text);
    fclose(file);
    return list;
}

static void grade(struct line *l)
{
    const struct raml_answer_options options = raml_answer_default();
    l->code =
        raml_answer_compare(l->gold, strlen(l->gold), l->pred, strlen(l->pred), &options, &l->result, NULL, &l->err);
    if (!l->code) l->code = raml_answer_find(l->pred, strlen(l->pred), &options, &l->answer, &l->found, &l->err);
}

int main(int argc, char **argv)
{
    size_t n, count[3] = {0}; /* of unknown, different, equal */
    int failed = 0;
    if (argc != 2) {
        fprintf(stderr, "usage: grade_file FILE.jsonl\n");
        return 2;
    }
    struct line *list = read_file(argv[1], &n);
#pragma omp parallel /* without -fopenmp: one thread */
    {
#pragma omp for schedule(dynamic)
        for (size_t i = 0; i < n; i++) grade(&list[i]);
        raml_answer_thread_end(); /* what the arithmetic library keeps for this thread */
    }
    for (size_t i = 0; i < n; i++) {
        struct line *l = &list[i];
        if (l->code) fprintf(stderr, "grade_file: answer %zu: %s\n", i + 1, l->err.msg);
        else
            printf("%-9s  %-20s  %s (%s)\n", raml_verdict_name(l->result.verdict), l->result.rule,
                   l->answer.len ? l->answer.data : "-", raml_found_name(l->found));
        failed |= l->code != RAML_OK;
        count[l->result.verdict + 1]++;
        json_decref(l->object);
        raml_buf_deinit(&l->answer);
    }
    free(list);
    printf("%zu answers: %zu equal, %zu different, %zu unknown\n", n, count[2], count[1], count[0]);
    return failed;
}
