/* layouts.c - every layout, narrow ones first (layouts.h). To add one: its line here. */
#include "samples/layouts.h"

#include "samples/foreign.h"

const struct raml_scored_layout_row *const raml_scored_layouts[] = {
    &raml_scored_layout_own,
    &raml_scored_layout_lm_eval,
    &raml_scored_layout_lighteval,
    &raml_scored_layout_opencompass,
    &raml_scored_layout_marks,
};
const size_t raml_scored_n_layouts = sizeof raml_scored_layouts / sizeof *raml_scored_layouts;
