/* part_laboratory.c - the report's sections of the laboratory: a kind of folder each, as laboratory_kinds.c has them. */
#include "study/laboratory_parts.h"

#include <stdio.h>

static void add_lab(struct raml_page *p, const struct raml_lab_found *lab)
{
    const struct raml_lab_kind *kind = raml_lab_kind[lab->kind];
    struct raml_lab_view v = {.p = p, .lab = lab};
    if (*lab->name || lab->kind != RAML_LAB_STUDY) { /* a study's own page is of nothing else */
        raml_buf_adds(&p->html, "<h3>");
        raml_page_text(p, *lab->name ? lab->name : "this folder");
        raml_buf_adds(&p->html, "</h3>\n");
    }
    if (kind->n_pictures) raml_buf_adds(&p->html, "<div class=\"grid\">\n");
    for (size_t i = 0; i < kind->n_pictures; i++) (void)raml_lab_picture(&v, &kind->picture[i]);
    if (kind->n_pictures) raml_buf_adds(&p->html, "</div>\n");
    for (size_t i = 0; i < kind->n_tables; i++) raml_lab_table(&v, &kind->table[i]);
    if (kind->add) kind->add(&v);
    if (v.n_left_out)
        raml_buf_addf(&p->left_out, "%s: %zu of %zu files were skipped\n", lab->path, v.n_left_out, v.n_files);
}

void raml_part_laboratory(struct raml_page *p)
{
    const struct raml_findings *f = p->found;
    for (int k = 0; k < RAML_LAB_KINDS; k++) {
        size_t n = 0;
        for (size_t i = 0; i < f->n_labs; i++) {
            if (f->lab[i].kind != (enum raml_lab_kind_id)k) continue;
            if (n++ == 0) raml_buf_adds(&p->html, raml_lab_kind[k]->heading);
            add_lab(p, &f->lab[i]);
        }
    }
}
