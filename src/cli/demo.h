/* demo.h - the demo's parts, and its summary. */
#ifndef RAML_CLI_DEMO_H
#define RAML_CLI_DEMO_H

#include "raml/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Chosen so that two cores need about two minutes per model (docs/demo.md: how they were found). */
#define DEMO_FAMILIES "add:3-4,perm:2-3,mul:3"
#define DEMO_LONGER "add:5,perm:4,mul:4"
#define DEMO_UNSEEN "modchain:2,graph:3,countdown:3"
#define DEMO_TOKENS "1500000"
#define DEMO_QUESTIONS "60000"
#define DEMO_BATCH "16"
#define DEMO_RATE "2.5e-3"
enum { DEMO_MORE_ANSWERS = 2 }; /* rows without trajectories are shorter: that many more per step */

enum {
    DEMO_TRAIN_WITH,
    DEMO_TRAIN_WITHOUT,
    DEMO_EVAL,
    DEMO_SAMPLE,
    DEMO_TRACE,
    DEMO_ROLES,
    DEMO_UPDATE,
    DEMO_LANDSCAPE,
    DEMO_REPORT,
    DEMO_PHASES
};
struct demo_phase {
    double seconds;
    size_t peak_memory_bytes;
};

/* OUT/demo.json: what a demo was asked for, and how far it has come. */
struct demo_record {
    json_t *settings; /* all that the results depend on */
    size_t n_done;    /* steps, in their order */
    struct demo_phase phase[DEMO_PHASES];
};
/* Continues from what is there, if anything. RAML_EUSAGE: it was started with other settings than r->settings. */
RAML_CHECKED enum raml_code cli_demo_record_read(const char *out, size_t n_steps, struct demo_record *r,
                                                 struct raml_err *err);
RAML_CHECKED enum raml_code cli_demo_record_write(const char *out, const struct demo_record *r, struct raml_err *err);
/* Writes OUT/summary.json from the steps' files. */
RAML_CHECKED enum raml_code cli_demo_summary(const char *out, const struct demo_phase phase[DEMO_PHASES],
                                             struct raml_err *err);
/* Prints the headline of OUT/summary.json (json: all of it). */
RAML_CHECKED enum raml_code cli_demo_tell(const char *out, double seconds, bool json, struct raml_err *err);

#endif
