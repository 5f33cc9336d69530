/* arrays.c - what all readers of scored_layouts.h share: room for a question's samples, and handing it over. */
#include "samples/layouts.h"

#include "core/array.h"

#include <stdlib.h>
#include <string.h>

enum raml_code raml_scored_room_for(struct raml_scored_room *room, size_t n, struct raml_err *err)
{
    if (n > RAML_SCORED_MAX_N)
        return raml_fail(err, RAML_ERANGE, "%zu samples of a question; at most %d", n, (int)RAML_SCORED_MAX_N);
    static const char what[] = "samples of a question";
    size_t right = room->cap, truncated = room->cap, unclosed = room->cap, answer = room->cap;
    enum raml_code rc = RAML_RESERVE(room->right, right, n, what, err);
    if (!rc) rc = RAML_RESERVE(room->truncated, truncated, n, what, err);
    if (!rc) rc = RAML_RESERVE(room->unclosed, unclosed, n, what, err);
    if (!rc) rc = RAML_RESERVE(room->answer, answer, n, what, err);
    if (!rc) room->cap = answer;
    if (rc || !n) return rc;
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
