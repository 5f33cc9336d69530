/* curve_fields.h - the optional fields of a line of curves.jsonl that the trajectory view shows beside L.
 *
 * They are of use to the view only, so a line keeps its curve when one of them is wrong: _check removes it.
 * docs/report.md lists them.
 */
#ifndef RAML_STUDY_CURVE_FIELDS_H
#define RAML_STUDY_CURVE_FIELDS_H

#include "core/json.h"
#include "raml/err.h"
#include "study/trajectory_view.h"

#include <jansson.h>

/* Removes from obj, whose L has n_tokens + 1 values, what is not as it should be: a field, or one of several answers or marks.
 * Fields that are null are as good as absent. RAML_EFORMAT: something was removed; the message names the first. */
RAML_CHECKED enum raml_code raml_curve_fields_check(const struct raml_place *at, json_t *obj, size_t n_tokens,
                                                    struct raml_err *err);

struct raml_curve_fields { /* owned; texts are borrowed from the object */
    double *at, *commitment, *layer, *layer_loss, *entropy, *logp, *update;
    const char **role;
    struct raml_coloured_answer *answer;
    struct raml_coloured_mark *mark;
    size_t n_answers, n_layers, n_marks;
};
/* Of a checked object. RAML_ENOMEM; *f can be freed then too. */
RAML_CHECKED enum raml_code raml_curve_fields_read(const json_t *obj, size_t n_tokens, struct raml_curve_fields *f,
                                                   struct raml_err *err);
void raml_curve_fields_deinit(struct raml_curve_fields *f);
/* The fields become part of what is shown. */
void raml_curve_fields_show(const struct raml_curve_fields *f, struct raml_coloured *t);

#endif
