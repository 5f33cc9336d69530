/* laboratory.c - finds the folders of a laboratory (findings.h). */
#include "study/laboratory_parts.h"

#include "core/file.h"
#include "core/path.h"
#include "study/visible.h"

#include <stdlib.h>
#include <string.h>

static bool is_of_kind(const char *path, enum raml_lab_kind_id kind)
{
    char file[RAML_PATH_BYTES];
    for (const char *const *known = raml_lab_kind[kind]->file; *known; known++)
        if (!raml_path_join(file, path, *known, NULL) && raml_is_file(file)) return true;
    return false;
}

static enum raml_code add(struct raml_findings *f, enum raml_lab_kind_id kind, const char *path, const char *name,
                          bool mean_drawn, struct raml_err *err)
{
    if (!is_of_kind(path, kind)) return RAML_OK;
    size_t n = 0;
    for (size_t i = 0; i < f->n_labs; i++) n += f->lab[i].kind == kind;
    if (n == RAML_MAX_LABS) {
        raml_text_visible(&f->notes, path, strlen(path));
        raml_buf_addf(&f->notes, ": its figures are skipped; the report has those of at most %d folders of a kind\n",
                      RAML_MAX_LABS);
        return RAML_OK;
    }
    struct raml_lab_found lab = {kind, strdup(name), strdup(path), mean_drawn};
    if (!lab.name || !lab.path) {
        free(lab.name);
        free(lab.path);
        return raml_fail(err, RAML_ENOMEM, "%s: no memory to read it", path);
    }
    f->lab[f->n_labs++] = lab;
    return RAML_OK;
}

/* Does the run have a trace of this folder: "" is the run's own? */
static bool has_trace(const struct raml_run_found *run, const char *name)
{
    for (size_t i = 0; i < run->n_traces; i++)
        if (strcmp(run->trace[i]->name, name) == 0) return true;
    return false;
}

static enum raml_code add_entry(struct raml_findings *f, const struct raml_run_found *run, const char *entry,
                                enum raml_lab_kind_id kind, struct raml_err *err)
{
    char path[RAML_PATH_BYTES], name[RAML_PATH_BYTES], below[RAML_PATH_BYTES];
    const char *subfolder = raml_lab_kind[kind]->subfolder;
    if (raml_path_join(path, run->path, entry, NULL) || !raml_is_dir(path)) return RAML_OK;
    enum raml_code rc = raml_path_format(name, err, "%s%s%s", run->name, *run->name ? "/" : "", entry);
    if (!rc) rc = add(f, kind, path, name, has_trace(run, entry), err);
    if (rc || !subfolder || raml_path_join(below, path, subfolder, NULL)) return rc;
    rc = raml_path_format(path, err, "%s/%s", name, subfolder);
    return rc ? rc : add(f, kind, below, path, false, err);
}

/* A folder that has a kind's name is found from the folder above it, which has it among its entries. */
static bool found_above(const struct raml_run_found *run, enum raml_lab_kind_id kind)
{
    const char *begin = raml_lab_kind[kind]->name;
    return strncmp(run->name, begin, strlen(begin)) == 0;
}

enum raml_code raml_labs_find(struct raml_findings *f, const struct raml_run_found *run, char *const *entry,
                              size_t n_entries, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (int k = 0; !rc && k < RAML_LAB_KINDS; k++) {
        enum raml_lab_kind_id kind = (enum raml_lab_kind_id)k;
        if (!found_above(run, kind)) rc = add(f, kind, run->path, run->name, has_trace(run, ""), err);
        for (size_t i = 0; !rc && i < n_entries; i++)
            if (strncmp(entry[i], raml_lab_kind[k]->name, strlen(raml_lab_kind[k]->name)) == 0)
                rc = add_entry(f, run, entry[i], kind, err);
    }
    return rc;
}

void raml_labs_deinit(struct raml_findings *f)
{
    for (size_t i = 0; i < f->n_labs; i++) {
        free(f->lab[i].name);
        free(f->lab[i].path);
    }
    f->n_labs = 0;
}
