/* training_resume.c - is a run that is resumed given the model and the data that it was started with? See training.h. */
#include "cli/training.h"

#include "core/file.h"
#include "core/path.h"
#include "raml/buf.h"

#include <stdio.h>
#include <string.h>

enum { MAX_RECIPE = 1 << 22, VALUE = 160 };

/* The value of a recipe's line "key: value" as it is written there; false: it has none. */
static bool value_of(const char *recipe, const char *key, char out[VALUE])
{
    size_t n = strlen(key);
    for (const char *at = recipe; *at; at += strcspn(at, "\n"), at += *at == '\n') {
        if (strncmp(at, key, n) != 0 || at[n] != ':') continue;
        const char *value = at + n + 1 + strspn(at + n + 1, " ");
        snprintf(out, VALUE, "%.*s", (int)strcspn(value, "\n"), value);
        return true;
    }
    snprintf(out, VALUE, "nothing");
    return false;
}

/* Do both recipes say the same of key? there, here: what they say. */
static bool same(const char *was, const char *now, const char *key, char there[VALUE], char here[VALUE])
{
    bool had = value_of(was, key, there), has = value_of(now, key, here);
    return had == has && !strcmp(there, here);
}

/* By the hash where there is one: a file may have been moved. */
static enum raml_code compare_one(const struct training *t, const char *was, const char *now, const char *name,
                                  const char *hash, struct raml_err *err)
{
    char there[VALUE], here[VALUE], a[VALUE], b[VALUE];
    bool named = same(was, now, name, there, here), had = value_of(was, hash, a), has = value_of(now, hash, b);
    if (had && has ? !strcmp(a, b) : named) return RAML_OK;
    if (!named)
        return raml_fail(err, RAML_EUSAGE, "%s: the run was started with %s %s; resume it with that, not %s",
                         t->settings->out, name, there, here);
    return raml_fail(err, RAML_EUSAGE, "%s: %s %s is another file than the run was started with (%s there, %s here)",
                     t->settings->out, name, there, a, b);
}

static enum raml_code compare_data(const struct training *t, const char *was, const char *now, struct raml_err *err)
{
    static const char *const made[] = {"families", "num_questions", "map", "limit", "styles", "paraphrases", "seed"};
    char there[VALUE], here[VALUE], key[40], a[VALUE], b[VALUE];
    enum raml_code rc = compare_one(t, was, now, "data", "raml_data_hash", err);
    bool sure = true, more = true;
    for (size_t i = 1; !rc && more; i++) {
        snprintf(key, sizeof key, "raml_data_hash_%zu", i);
        bool had = value_of(was, key, a), has = value_of(now, key, b);
        more = had || has;
        sure &= had == has && (more || i > 1);
        if (had && has && strcmp(a, b) != 0)
            rc = raml_fail(err, RAML_EUSAGE,
                           "%s: file %zu of the data is another than the run was started with (%s there, %s here)",
                           t->settings->out, i, a, b);
    }
    if (!rc && !sure && !same(was, now, "raml_arguments", there, here))
        rc = raml_fail(err, RAML_EUSAGE, "%s: the run was started with the data %s; resume it with that, not %s",
                       t->settings->out, there, here);
    for (size_t i = 0; !rc && i < sizeof made / sizeof *made; i++)
        if (!same(was, now, made[i], there, here))
            rc = raml_fail(err, RAML_EUSAGE, "%s: the run was started with %s %s; resume it with that, not %s",
                           t->settings->out, made[i], there, here);
    return rc;
}

enum raml_code cli_training_compare(const struct training *t, const char *now, struct raml_err *err)
{
    static const struct {
        const char *key, *name;
    } machine[] = {{"raml_threads", "threads"}, {"raml_kernels", "kernels"}};
    char path[RAML_PATH_BYTES], there[VALUE], here[VALUE];
    struct raml_buf was;
    raml_buf_init(&was, MAX_RECIPE);
    enum raml_code rc = raml_path_join(path, t->settings->out, "recipe.yaml", err);
    if (!rc && !raml_is_file(path)) return RAML_OK; /* of a run that a program started */
    if (!rc) rc = raml_file_read(path, &was, err);
    raml_buf_add(&was, "", 0);
    if (!rc) rc = raml_buf_status(&was, err);
    if (!rc) rc = compare_one(t, was.data, now, "model_name_or_path", "raml_model_hash", err);
    if (!rc) rc = compare_one(t, was.data, now, "adapter", "raml_adapter_hash", err);
    if (!rc) rc = compare_data(t, was.data, now, err);
    for (size_t i = 0; !rc && i < sizeof machine / sizeof *machine; i++)
        if (!same(was.data, now, machine[i].key, there, here))
            raml_say(t->cli->sink, "%s: the run was started with %s %s, and goes on with %s; %s", t->settings->out,
                     machine[i].name, there, here,
                     raml_model_dtype(t->model) == RAML_BF16 ? "in bf16 its bits may differ from then on"
                                                             : "in f32 that changes no bit");
    raml_buf_deinit(&was);
    return rc;
}
