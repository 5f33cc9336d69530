/* `raml sample --question`: what is printed is the text of the samples, in whole characters, as their tokens come. */
#include "core/scratch.h"

#include "cli/ask.h"
#include "core/utf8.h"
#include "raml/model.h"
#include "raml/tokenizer.h"

#include <fcntl.h>
#include <unistd.h>

enum { MAX_PRINTED = 1 << 16, PIPE_BYTES = 1 << 20 };

struct fixture {
    char dir[64], model[128];
    struct raml_device *dev;
    char printed[MAX_PRINTED];
    size_t n_printed, writes, broken; /* broken: writes that are not whole characters */
};

static int enter(void **state)
{
    static struct fixture f;
    struct raml_err err = {0};
    struct raml_config c;
    struct raml_model *model;
    struct raml_tokenizer *tokenizer;
    char path[256];
    snprintf(f.dir, sizeof f.dir, "/tmp/raml-ask-XXXXXX");
    if (!mkdtemp(f.dir)) return -1;
    must(raml_device_open(2, "auto", &f.dev, &err), &err);
    snprintf(f.model, sizeof f.model, "%s/model", f.dir);
    must(raml_make_dir(f.model, &err), &err);
    must(raml_config_preset("micro", &c, &err), &err);
    c.max_positions = 200;
    c.n_layers = 1;
    must(raml_model_init(&c, 11, RAML_F32, RAML_TRAINING, f.dev, &model, &err), &err);
    must(raml_model_save(model, f.model, &err), &err);
    raml_model_close(model);
    must(raml_tokenizer_bytes(&tokenizer, &err), &err);
    snprintf(path, sizeof path, "%s/tokenizer.json", f.model);
    must(raml_tokenizer_save(tokenizer, path, &err), &err);
    raml_tokenizer_close(tokenizer);
    *state = &f;
    return 0;
}

static int leave(void **state)
{
    struct fixture *f = *state;
    struct raml_err err = {0};
    raml_device_close(f->dev);
    return raml_remove_tree(f->dir, &err) ? -1 : 0;
}

static struct sampling_settings settings(const struct fixture *f, const char *format, int64_t n, int64_t tokens)
{
    return (struct sampling_settings){.model = f->model,
                                      .dtype = "f32",
                                      .n = n,
                                      .max_completion_length = tokens,
                                      .batch_size = 64,
                                      .temperature = "1",
                                      .top_k = "auto",
                                      .min_p = "auto",
                                      .top_p = "1",
                                      .prompting = {.format = format, .thinking = "auto"}};
}

/* Asks; what is printed comes through a pipe that keeps every write by itself. */
static void ask(struct fixture *f, const struct sampling_settings *s, uint64_t seed, struct raml_questions *out)
{
    struct raml_err err = {0};
    struct sampling_result r = {0};
    struct cli cli = {.dev = f->dev, .seed = seed};
    int ends[2], kept;
    char packet[4096];
    fflush(stdout);
    assert_int_equal(pipe2(ends, O_DIRECT | O_NONBLOCK), 0);
    assert_true(fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES) >= PIPE_BYTES);
    kept = dup(STDOUT_FILENO);
    assert_true(kept >= 0 && dup2(ends[1], STDOUT_FILENO) >= 0);
    enum raml_code rc = cli_ask(&cli, s, "12+19=?", out, &r, &err);
    fflush(stdout);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    close(ends[1]);
    must(rc, &err);
    f->n_printed = f->writes = f->broken = 0;
    for (ssize_t n; (n = read(ends[0], packet, sizeof packet)) > 0;) {
        assert_true(f->n_printed + (size_t)n < MAX_PRINTED);
        memcpy(f->printed + f->n_printed, packet, (size_t)n);
        f->n_printed += (size_t)n;
        f->writes++;
        f->broken += raml_utf8_valid((const unsigned char *)packet, (size_t)n) != (size_t)n;
    }
    f->printed[f->n_printed] = 0;
    close(ends[0]);
    assert_int_equal(f->broken, 0);
}

/* A format without thinking: a sample's trajectory is its whole text. */
static void test_text(void **state)
{
    struct fixture *f = *state;
    struct sampling_settings s = settings(f, "plain", 3, 60);
    size_t wide = 0;
    for (uint64_t seed = 0; seed < 6; seed++) {
        struct raml_questions got;
        struct raml_buf want;
        raml_questions_init(&got);
        raml_buf_init(&want, MAX_PRINTED);
        ask(f, &s, seed, &got);
        assert_int_equal(got.n, 1);
        assert_int_equal(got.question[0].n_trajectories, 3);
        for (size_t i = 0; i < 3; i++) {
            const char *text = got.question[0].trajectory[i].text;
            raml_buf_addf(&want, "%s%s%s", i ? "\n" : "", text, text[0] && text[strlen(text) - 1] == '\n' ? "" : "\n");
            for (const char *p = text; *p; p++) wide += (unsigned char)*p >= 0xc2 && (unsigned char)*p < 0xe0;
        }
        assert_string_equal(f->printed, want.data);
        assert_true(f->writes > 40); /* as it came, not at the end */
        raml_buf_deinit(&want);
        raml_questions_deinit(&got);
    }
    assert_true(wide > 0); /* some characters had several tokens */
}

/* Thinking and answer are on lines of their own, though what closes thinking is not shown; with early exit too. */
static void test_thinking(void **state)
{
    struct fixture *f = *state;
    for (int exits = 0; exits < 2; exits++) {
        struct sampling_settings s = settings(f, "builtin", 2, 30);
        struct raml_questions got;
        size_t at = 0;
        if (exits) s.exit = "budget:budget=9";
        else s.think_budget = 9;
        raml_questions_init(&got);
        ask(f, &s, 3, &got);
        for (size_t i = 0; i < 2; i++) {
            const struct raml_trajectory *t = &got.question[0].trajectory[i];
            assert_true(t->think_closed && strlen(t->text) > 0);
            assert_int_equal(strncmp(f->printed + at, t->text, strlen(t->text)), 0);
            assert_int_equal(f->printed[at + strlen(t->text)], '\n');
            assert_non_null(t->answer);
            assert_non_null(strstr(f->printed + at + strlen(t->text), t->answer));
            assert_null(strstr(f->printed, "</think>"));
            const char *next = strstr(f->printed + at + strlen(t->text) + 1 + strlen(t->answer), "\n\n");
            if (i == 0) assert_non_null(next);
            if (next) at = (size_t)(next - f->printed) + 2;
        }
        assert_int_equal(f->printed[f->n_printed - 1], '\n');
        assert_true(exits ? f->writes < 12
                          : f->writes > 20); /* early exit may take tokens back: nothing before its end */
        raml_questions_deinit(&got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_text), cmocka_unit_test(test_thinking)};
    return cmocka_run_group_tests(tests, enter, leave);
}
