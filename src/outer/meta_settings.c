/* meta_settings.c - settings of meta-learning, a row each; see raml/meta.h. */
#include "raml/meta.h"

#include <string.h>

#define AT(field) offsetof(struct raml_meta_options, field)
const struct raml_setting raml_meta_settings[] = {
    {"task", NULL, RAML_WORD, AT(task), "question", 0, 0, "question|family",
     "A task is a question with its trajectories, or task_size questions of a family, families in turn."},
    {"task_size", NULL, RAML_INT, AT(task_size), "8", 1, 1 << 20, NULL, "With task = family: questions of a task."},
    {"support", NULL, RAML_INT, AT(support), "0", 0, 1 << 20, NULL,
     "Trajectories (task = family: questions) of a task that it adapts on; the rest is its query. 0: half. Reptile, "
     "which "
     "has no query, adapts on all; there it concerns eval_adapted."},
    {"inner_steps", NULL, RAML_INT, AT(inner_steps), "1", 0, 1 << 16, NULL,
     "Gradient steps that adapt to a task; 0: none (not for reptile)."},
    {"inner_learning_rate", "inner_lr", RAML_REAL, AT(inner_learning_rate), "0.01", 0, 1e6, NULL,
     "Learning rate of the inner steps."},
    {"inner_optimizer", NULL, RAML_WORD, AT(inner_optimizer), "sgd", 0, 0, "sgd|adam",
     "Inner steps are plain gradient steps, or Adam's, whose moments begin at zero for each task."},
    {"inner_batch_size", NULL, RAML_INT, AT(inner_batch_size), "0", 0, 1 << 20, NULL,
     "Trajectories (task = family: questions) that an inner step reads, the next ones in turn; 0: all it adapts on."},
    {"eval_adapted", NULL, RAML_FLAG, AT(eval_adapted), NULL, 0, 0, NULL,
     "With eval_steps, also the loss of validation tasks' queries before and after adapting; save_best goes by it."},
};
const size_t raml_n_meta_settings = sizeof raml_meta_settings / sizeof *raml_meta_settings;

const struct raml_setting raml_query_settings[] = {
    {"loss_before", NULL, RAML_FLAG, AT(loss_before), NULL, 0, 0, NULL,
     "Also log the query's loss before adapting, for a forward pass more."},
};
const size_t raml_n_query_settings = sizeof raml_query_settings / sizeof *raml_query_settings;

const struct raml_setting raml_second_order_settings[] = {
    {"difference", NULL, RAML_REAL, AT(difference), "7e-5", 1e-12, 1, NULL,
     "Step of the central differences that give the second order, as a share of the weights' norm."},
};
const size_t raml_n_second_order_settings = sizeof raml_second_order_settings / sizeof *raml_second_order_settings;

const struct raml_setting raml_anil_settings[] = {
    {"adapted_layers", NULL, RAML_INT, AT(adapted_layers), "1", 0, 1 << 12, NULL,
     "Last layers that inner steps change, with the final norm and the head (a head that is the embedding stays)."},
    {"first_order", NULL, RAML_FLAG, AT(first_order), NULL, 0, 0, NULL, "Leave the second order out."},
};
const size_t raml_n_anil_settings = sizeof raml_anil_settings / sizeof *raml_anil_settings;

enum raml_code raml_meta_default(const char *method, struct raml_meta_options *out, struct raml_err *err)
{
    static const struct {
        const char *name;
        enum raml_meta_method method;
        bool some;
    } known[] = {{"reptile", RAML_META_REPTILE, false},
                 {"fomaml", RAML_META_FOMAML, false},
                 {"maml", RAML_META_MAML, false},
                 {"anil", RAML_META_MAML, true}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(method, known[i].name) != 0) continue;
        *out = (struct raml_meta_options){.method = known[i].method, .some = known[i].some};
        raml_settings_default(raml_meta_settings, raml_n_meta_settings, out);
        raml_settings_default(raml_query_settings, raml_n_query_settings, out);
        raml_settings_default(raml_second_order_settings, raml_n_second_order_settings, out);
        raml_settings_default(raml_anil_settings, raml_n_anil_settings, out);
        return RAML_OK;
    }
    return raml_fail(err, RAML_EUSAGE, "found method '%s', expected reptile, fomaml, maml or anil", method);
}
