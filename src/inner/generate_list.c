/* generate_list.c - a generator that is opened for one list of jobs. See generate.h. */
#include "inner/generate_parts.h"

enum raml_code raml_generate(const struct raml_model *m, const struct raml_generate_options *opt,
                             const struct raml_generate_job *job, size_t n_jobs,
                             const struct raml_generate_guide *guide, struct raml_generate_stats *stats,
                             const struct raml_sink *sink, struct raml_err *err)
{
    struct raml_generate_options o = *opt;
    struct raml_generator *g = NULL;
    if (stats) *stats = (struct raml_generate_stats){0};
    if (n_jobs && n_jobs < o.batch_size) o.batch_size = n_jobs;
    enum raml_code rc = raml_generator_open(m, &o, guide, &g, err);
    if (rc) return rc;
    if (n_jobs) rc = raml_generator_submit(g, job, n_jobs, err);
    while (!rc && raml_generator_jobs(g)) rc = raml_generator_drive(g, sink, err);
    if (stats) *stats = g->stats;
    raml_generator_close(g);
    return rc;
}
