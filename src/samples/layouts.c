/* layouts.c - every layout, narrow ones first (layouts.h). To add one: its line here. */
#include "samples/layouts.h"

#include "samples/foreign.h"

const struct raml_samples_layout_row *const raml_samples_layouts[] = {
    &raml_samples_layout_own,         &raml_samples_layout_lm_eval, &raml_samples_layout_lighteval,
    &raml_samples_layout_opencompass, &raml_samples_layout_grades,
};
const size_t raml_samples_n_layouts = sizeof raml_samples_layouts / sizeof *raml_samples_layouts;
