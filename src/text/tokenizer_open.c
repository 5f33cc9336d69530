/* tokenizer_open.c - a tokenizer from a path: a tokenizer.json, its folder, or a GGUF file. See tokenizer.h. */
#include "raml/tokenizer.h"

#include "core/file.h"
#include "core/json.h"
#include "core/path.h"
#include "raml/gguf.h"
#include "text/vocab.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAX_CONFIG = 32 << 20 };

static enum raml_code open_gguf(const char *path, struct raml_tokenizer **out, struct raml_err *err)
{
    struct raml_gguf *g = NULL;
    enum raml_code rc = raml_gguf_open(path, &g, err);
    if (!rc) rc = raml_tokenizer_from_gguf(g, out, err);
    raml_gguf_close(g);
    return rc;
}

/* A folder's tokenizer_config.json; *out stays NULL where there is none. */
static enum raml_code read_config(const char *dir, json_t **out, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    if (!raml_is_dir(dir)) return RAML_OK;
    enum raml_code rc = raml_path_join(path, dir, "tokenizer_config.json", err);
    return rc || !raml_is_file(path) ? rc : raml_json_load(path, MAX_CONFIG, out, err);
}

enum raml_code raml_tokenizer_open(const char *path, struct raml_tokenizer **out, struct raml_err *err)
{
    char *file = NULL;
    if (raml_is_gguf(path)) return open_gguf(path, out, err);
    if (asprintf(&file, "%s%s", path, raml_is_dir(path) ? "/tokenizer.json" : "") < 0)
        return raml_fail(err, RAML_ENOMEM, "%s: no memory for a path", path);
    struct raml_buf text;
    raml_buf_init(&text, RAML_TOKENIZER_MAX_BYTES);
    enum raml_code rc = raml_file_read(file, &text, err);
    json_t *config = NULL;
    if (!rc) rc = read_config(path, &config, err);
    if (rc) raml_buf_deinit(&text);
    else rc = raml_tokenizer_open_with(&text, file, config, out, err);
    json_decref(config);
    free(file);
    return rc;
}
