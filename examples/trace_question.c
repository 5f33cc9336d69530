/* trace_question.c - what each token of a trajectory does to the loss of the answer.
 *
 * usage: trace_question MODEL QUESTION TRAJECTORY ANSWER [FORMAT]
 * MODEL: a run of `raml train sft`, a Hugging Face folder or a GGUF file. FORMAT: how a question is put to it: builtin
 * (models trained by raml; the default), qwen, qwen3, r1, llama3 or plain.
 *
 * Prints one line a prefix: its length i, L(i) in nats per answer token, whether greedy decoding gives the answer after
 * it, and the token that it ends in. All prefixes are read in one pass, as one token tree.
 */
#include <raml/device.h>
#include <raml/model.h>
#include <raml/run.h>
#include <raml/trace.h>

#include <stdio.h>

enum { PATH_BYTES = 4096 };

/* The token as one can print it: what is no printable ASCII shows as a dot. */
static void print_token(const struct raml_tokenizer *t, int32_t id)
{
    const char *bytes;
    size_t n;
    if (raml_tokenizer_piece(t, id, &bytes, &n, NULL)) return;
    for (size_t i = 0; i < n; i++) putchar(bytes[i] >= ' ' && bytes[i] <= '~' ? bytes[i] : '.');
}

static void print_curve(const struct raml_loss_curve *c, const struct raml_tokenizer *t)
{
    for (size_t k = 0; k < c->n_points; k++) {
        printf("%4u  %8.4f  %s  ", (unsigned)c->at[k], c->loss[k], c->greedy[k] ? "yes" : "no ");
        if (c->at[k] > 0) print_token(t, c->token[c->at[k] - 1]);
        putchar('\n');
    }
    double first = c->loss[0], last = c->loss[c->n_points - 1];
    printf("L(0) %.4f, L(T) %.4f: %.4f nats down\n", first, last, first - last);
}

/* Every object has one owner, who closes it; closing what was never opened (NULL) is fine, so one exit does for all. */
static enum raml_code trace(char **arg, const char *format, struct raml_err *err)
{
    char path[PATH_BYTES];
    struct raml_device *device = NULL;
    struct raml_model *model = NULL;
    struct raml_tokenizer *tokenizer = NULL;
    struct raml_tracer *tracer = NULL;
    struct raml_loss_curve curve = {0};
    struct raml_trace_source source = {0}; /* the question's answer, not the sample's own */
    const struct raml_trace_options options = raml_trace_default();

    /* A question with one trajectory. Texts are borrowed: they only have to live as long as they are used. */
    struct raml_trajectory trajectory = {.text = arg[2], .correct = RAML_UNKNOWN};
    const struct raml_question question = {.id = "asked",
                                           .question = arg[1],
                                           .answer = arg[3],
                                           .difficulty = -1,
                                           .trajectory = &trajectory,
                                           .n_trajectories = 1};

    enum raml_code rc = raml_device_open(0, "auto", &device, err); /* every processor, its strongest instructions */
    if (!rc) rc = raml_run_newest(arg[0], path, sizeof path, err); /* a run's newest checkpoint, or the folder itself */
    if (!rc) rc = raml_model_open(path, RAML_STORED, RAML_INFERENCE, device, &model, err);
    if (!rc) rc = raml_tokenizer_open(path, &tokenizer, err);
    if (!rc) rc = raml_format_named(format, tokenizer, &source.format, err);
    if (!rc) rc = raml_tracer_open(model, &options, &tracer, err);
    source.tokenizer = tokenizer;
    if (!rc) rc = raml_trace_run(tracer, &source, &question, 0, &curve, err);
    if (!rc) print_curve(&curve, tokenizer);

    raml_loss_curve_deinit(&curve);
    raml_tracer_close(tracer);
    raml_tokenizer_close(tokenizer);
    raml_model_close(model);
    raml_device_close(device);
    return rc;
}

int main(int argc, char **argv)
{
    struct raml_err err = {0};
    if (argc < 5 || argc > 6) {
        fprintf(stderr, "usage: trace_question MODEL QUESTION TRAJECTORY ANSWER [FORMAT]\n");
        return 2;
    }
    if (!trace(argv + 1, argc > 5 ? argv[5] : "builtin", &err)) return 0;
    fprintf(stderr, "trace_question: %s\n", err.msg);
    return 1;
}
