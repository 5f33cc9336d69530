/* arrays.c - what all readers of scored_layouts.h share: room for a question's samples, and handing it over. */
#include "samples/layouts.h"

#include <stdlib.h>
#include <string.h>

enum raml_code raml_scored_room_for(struct raml_scored_room *room, size_t n, struct raml_err *err)
{
    if (n > RAML_SCORED_MAX_N)
        return raml_fail(err, RAML_ERANGE, "%zu samples of a question; at most %d", n, (int)RAML_SCORED_MAX_N);
    if (n > room->cap) {
        bool *right = realloc(room->right, n * sizeof *right);
        if (right) room->right = right;
        bool *truncated = realloc(room->truncated, n * sizeof *truncated);
        if (truncated) room->truncated = truncated;
        bool *unclosed = realloc(room->unclosed, n * sizeof *unclosed);
        if (unclosed) room->unclosed = unclosed;
        const char **answer = realloc(room->answer, n * sizeof *answer);
        if (answer) room->answer = answer;
        if (!right || !truncated || !unclosed || !answer)
            return raml_fail(err, RAML_ENOMEM, "no memory for %zu samples of a question", n);
        room->cap = (uint32_t)n;
    }
    if (!n) return RAML_OK;
    memset(room->right, 0, n * sizeof *room->right);
    memset(room->truncated, 0, n * sizeof *room->truncated);
    memset(room->unclosed, 0, n * sizeof *room->unclosed);
    for (size_t i = 0; i < n; i++) room->answer[i] = NULL;
    return RAML_OK;
}

void raml_scored_room_deinit(struct raml_scored_room *room)
{
    free(room->right);
    free(room->truncated);
    free(room->unclosed);
    free(room->answer);
    *room = (struct raml_scored_room){0};
}

enum raml_code raml_scored_hand(struct raml_scored *q, bool *right, raml_scored_fn *fn, void *user,
                                struct raml_scored_report *report, struct raml_err *err)
{
    for (uint32_t i = 0; i < q->n; i++) right[i] = right[i] && !q->truncated[i] && !q->unclosed[i];
    report->n_questions++;
    report->n_samples += q->n;
    return fn(user, q, err);
}
