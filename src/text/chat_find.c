/* chat_find.c - see chat.h: a model folder's template and its tokens. */
#include "raml/chat.h"

#include "raml/file.h"
#include "raml/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_CONFIG_BYTES = 1 << 26 };

struct finder {
    const char *folder;
    char *config_path, *template_path;
    json_t *config; /* tokenizer_config.json; NULL: the folder has none */
    const char *bos, *eos;
};

static const char *name_of_type(const json_t *v)
{
    if (json_is_object(v)) return "an object";
    if (json_is_array(v)) return "an array";
    return json_is_number(v) ? "a number" : "true or false";
}

/* bos_token: a text, {"content": text}, or nothing. */
static enum raml_code token(const struct finder *f, const char *field, const char **out, struct raml_err *err)
{
    const json_t *v = json_object_get(f->config, field);
    if (json_is_object(v)) v = json_object_get(v, "content");
    if (!v || json_is_null(v)) return RAML_OK;
    if (!json_is_string(v))
        return raml_fail(err, RAML_EFORMAT, "%s: field '%s' is %s; expected a text, or an object with field 'content'",
                         f->config_path, field, name_of_type(v));
    *out = json_string_value(v);
    return RAML_OK;
}

/* The config's template: *out stays NULL when there is none. */
static enum raml_code own_template(const struct finder *f, const json_t **out, struct raml_err *err)
{
    const json_t *v = json_object_get(f->config, "chat_template"), *entry;
    size_t i;
    if (json_is_array(v)) {
        const json_t *list = v;
        v = NULL;
        json_array_foreach(list, i, entry)
        {
            const char *name = json_string_value(json_object_get(entry, "name"));
            if (name && !strcmp(name, "default")) v = json_object_get(entry, "template");
        }
        if (!v)
            return raml_fail(err, RAML_EFORMAT, "%s: field 'chat_template' is a list of %zu without one named \"default\"",
                             f->config_path, json_array_size(list));
    }
    if (!v || json_is_null(v)) return RAML_OK;
    if (!json_is_string(v))
        return raml_fail(err, RAML_EFORMAT, "%s: field 'chat_template' is %s; expected a text, or a list of {name, template}",
                         f->config_path, name_of_type(v));
    *out = v;
    return RAML_OK;
}

static enum raml_code open_found(const struct finder *f, const char *path, struct raml_chat_template **out,
                                 struct raml_err *err)
{
    const json_t *own = NULL;
    if (path) return raml_chat_template_open_file(path, f->bos, f->eos, out, err);
    if (raml_is_file(f->template_path))
        return raml_chat_template_open_file(f->template_path, f->bos, f->eos, out, err);
    enum raml_code rc = own_template(f, &own, err);
    if (rc) return rc;
    if (own) {
        char *name = NULL;
        if (asprintf(&name, "%s (chat_template)", f->config_path) < 0)
            return raml_fail(err, RAML_ENOMEM, "%s: no memory for a name", f->config_path);
        rc = raml_chat_template_open(name, json_string_value(own), json_string_length(own), f->bos, f->eos, out, err);
        free(name);
        return rc;
    }
    return raml_fail(err, RAML_ERANGE,
                     "%s: has no chat template: no chat_template.jinja, and %s. " RAML_CHAT_INSTEAD,
                     f->folder, f->config ? "no field 'chat_template' in tokenizer_config.json" : "no tokenizer_config.json");
}

enum raml_code raml_chat_template_find(const char *folder, const char *path, struct raml_chat_template **out,
                                       struct raml_err *err)
{
    struct finder f = {.folder = folder};
    enum raml_code rc = RAML_OK;
    size_t n = strlen(folder), tail = strlen(".gguf");
    if (n > tail && !strcmp(folder + n - tail, ".gguf")) return raml_chat_template_of_gguf(folder, path, out, err);
    if (!raml_is_dir(folder)) return raml_fail(err, RAML_EIO, "%s: no such folder; expected a model's", folder);
    if (asprintf(&f.config_path, "%s/tokenizer_config.json", folder) < 0) f.config_path = NULL;
    if (asprintf(&f.template_path, "%s/chat_template.jinja", folder) < 0) f.template_path = NULL;
    if (!f.config_path || !f.template_path) rc = raml_fail(err, RAML_ENOMEM, "%s: no memory for a path", folder);
    if (!rc && raml_is_file(f.config_path)) rc = raml_json_load(f.config_path, MAX_CONFIG_BYTES, &f.config, err);
    if (!rc) rc = token(&f, "bos_token", &f.bos, err);
    if (!rc) rc = token(&f, "eos_token", &f.eos, err);
    if (!rc) rc = open_found(&f, path, out, err);
    json_decref(f.config);
    free(f.config_path);
    free(f.template_path);
    return rc;
}
