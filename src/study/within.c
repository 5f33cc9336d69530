/* within.c - see within.h. */
#include "study/within.h"

enum { WRONG, RIGHT };

enum raml_code raml_within_init(struct raml_within *w, size_t n_points, struct raml_err *err)
{
    struct raml_curve_mean *const all[] = {&w->side[WRONG], &w->side[RIGHT], &w->difference, &w->right, &w->wrong};
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < sizeof all / sizeof *all && !rc; i++) rc = raml_curve_mean_init(all[i], n_points, err);
    return rc;
}

enum raml_code raml_within_end(struct raml_within *w, struct raml_err *err)
{
    struct raml_curve_mean *side = w->side;
    size_t n = side->n_points;
    enum raml_code rc = RAML_OK;
    if (side[WRONG].n_curves && side[RIGHT].n_curves) {
        double difference[RAML_CURVE_POINTS_MAX];
        for (size_t i = 0; i < n; i++) difference[i] = side[RIGHT].mean[i] - side[WRONG].mean[i];
        rc = raml_curve_mean_add(&w->difference, difference, n, err);
        if (!rc) rc = raml_curve_mean_add(&w->right, side[RIGHT].mean, n, err);
        if (!rc) rc = raml_curve_mean_add(&w->wrong, side[WRONG].mean, n, err);
    }
    for (size_t k = 0; k < 2 && !rc; k++) rc = raml_curve_mean_init(&side[k], n, err);
    return rc;
}

enum raml_code raml_within_add(struct raml_within *w, uint64_t question, bool right, const double *loss, size_t n,
                               struct raml_err *err)
{
    enum raml_code rc = question == w->question ? RAML_OK : raml_within_end(w, err);
    w->question = question;
    return rc ? rc : raml_curve_mean_add(&w->side[right], loss, n, err);
}
