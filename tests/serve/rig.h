/* rig.h - a small model that is served in this process: requests as texts, answers as JSON. Include after cmocka's own. */
#ifndef RAML_TESTS_SERVE_RIG_H
#define RAML_TESTS_SERVE_RIG_H

#include "core/json.h"
#include "model/rig.h"
#include "raml/buf.h"
#include "raml/question.h"
#include "raml/serve.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

struct served {
    struct raml_device *dev;
    struct raml_model *m;
    struct raml_tokenizer *t;
    struct raml_server *s;
    pthread_t thread;
    atomic_bool stop;
    int32_t eos;
};

static inline bool served_stops(void *user)
{
    struct served *r = user;
    return atomic_load(&r->stop);
}

static inline void *served_run(void *user)
{
    struct served *r = user;
    const struct raml_sink sink = {.stop = served_stops, .user = r};
    struct raml_err err = {0};
    if (raml_server_run(r->s, &sink, &err)) abort();
    return NULL;
}

static inline struct raml_serve_options served_options(struct served *r)
{
    struct raml_serve_options o;
    raml_settings_default(raml_serve_settings, raml_serve_n_settings, &o);
    o.name = "small";
    o.seed = 1;
    o.begin = NULL;
    o.eos = &r->eos;
    o.n_eos = 1;
    return o;
}

static inline void served_model_with(struct served *r, struct raml_config c, enum raml_dtype dtype)
{
    r->eos = 256;       /* <|endoftext|> */
    c.vocab_size = 300; /* more than the tokenizer has */
    c.max_positions = 300;
    MUST(far_device_open(2, "auto", &r->dev, err));
    MUST(raml_tokenizer_bytes(&r->t, err));
    MUST(raml_model_init(&c, 3, dtype, RAML_TRAINING, r->dev, &r->m, err));
    rig_stir(r->m, 5, 3);
}

static inline void served_model_of(struct served *r, enum raml_dtype dtype)
{
    struct raml_config c;
    MUST(raml_config_preset("micro", &c, err));
    c.hidden_size = 48;
    c.head_dim = 12;
    c.intermediate_size = 112;
    c.n_layers = 2;
    served_model_with(r, c, dtype);
}

static inline void served_model(struct served *r)
{
    served_model_of(r, RAML_F32);
}

static inline void served_start(struct served *r, const struct raml_serve_options *o)
{
    atomic_store(&r->stop, false);
    MUST(raml_server_open(r->m, r->t, o, &r->s, err));
    assert_int_equal(pthread_create(&r->thread, NULL, served_run, r), 0);
}

static inline void served_end(struct served *r)
{
    atomic_store(&r->stop, true);
    assert_int_equal(pthread_join(r->thread, NULL), 0);
    raml_server_close(r->s);
    r->s = NULL;
}

static inline void served_close(struct served *r)
{
    raml_tokenizer_close(r->t);
    raml_model_close(r->m);
    raml_device_close(r->dev);
}

/* -- A request ------------------------------------------------------------------------------------------------------- */
struct asked {
    struct raml_exchange *x;
    atomic_int ready, gone;
};

static inline void asked_ready(void *user)
{
    struct asked *a = user;
    atomic_fetch_add(&a->ready, 1);
}

static inline bool asked_gone(void *user)
{
    struct asked *a = user;
    return atomic_load(&a->gone);
}

static inline void asked_open(struct served *r, struct asked *a, const char *body)
{
    const struct raml_exchange_client client = {asked_ready, asked_gone, a};
    atomic_store(&a->ready, 0);
    atomic_store(&a->gone, 0);
    a->x = raml_exchange_open(r->s, body, strlen(body), &client);
    assert_non_null(a->x);
}

static inline void asked_ask(struct served *r, struct asked *a, const char *body)
{
    asked_open(r, a, body);
    raml_exchange_submit(a->x);
}

/* The whole answer, waited for; *status. free() it. */
static inline char *asked_answer(struct asked *a, int *status)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    struct raml_buf text;
    bool end = false;
    raml_buf_init(&text, 1 << 26);
    raml_buf_adds(&text, "");
    for (size_t waited = 0; !end && waited < 120000;) { /* two minutes */
        char part[37];
        size_t n = raml_exchange_read(a->x, part, sizeof part, &end);
        raml_buf_add(&text, part, n);
        if (n || end) continue;
        nanosleep(&pause, NULL);
        waited++;
    }
    assert_true(end);
    *status = raml_exchange_status(a->x);
    raml_exchange_close(a->x);
    a->x = NULL;
    return raml_buf_take(&text);
}

static inline json_t *json_of(const char *text)
{
    bool enough = true;
    json_t *v = raml_json_value(text, strlen(text), &enough);
    if (!v) fail_msg("not JSON: %s", text);
    return v;
}

/* An answer that has to be one of status 200. */
static inline json_t *answer_to(struct served *r, const char *body)
{
    struct asked a;
    int status;
    asked_ask(r, &a, body);
    char *text = asked_answer(&a, &status);
    if (status != 200) fail_msg("%d: %s to %s", status, text, body);
    json_t *v = json_of(text);
    free(text);
    return v;
}

static inline const json_t *choice_of(const json_t *answer, size_t i)
{
    const json_t *c = json_array_get(json_object_get(answer, "choices"), i);
    assert_non_null(c);
    assert_int_equal(json_integer_value(json_object_get(c, "index")), i);
    return c;
}

static inline const char *text_of(const json_t *answer, size_t i)
{
    return json_string_value(json_object_get(choice_of(answer, i), "text"));
}

/* What differs between two answers to one request is taken out. */
static inline char *without_names(json_t *answer)
{
    json_object_del(answer, "id");
    json_object_del(answer, "created");
    char *text = json_dumps(answer, JSON_COMPACT);
    assert_non_null(text);
    json_decref(answer);
    return text;
}

#endif
