/* A landscape's files: arrays and tables that agree with the landscape itself, runs that are killed and go on with the
 * same bytes, settings of another grid, weights put back after all of it. */
#include "core/scratch.h"

#include "device/far.h"
#include "raml/landscape_files.h"
#include "raml/model.h"
#include "raml/safetensors.h"

#include <math.h>
#include <signal.h>
#include <sys/wait.h>

enum { T = 12 };
struct fixture {
    struct raml_device *dev;
    struct raml_model *model;
    int32_t token[40];
    uint32_t frame[3];
    struct raml_landscape_files_job job;
    struct raml_landscape_files_options opt;
    int points; /* after that many the process kills itself; 0: never */
};

static void open_fixture(struct fixture *f, const char *dir)
{
    struct raml_err err = {0};
    struct raml_config c;
    *f = (struct fixture){.frame = {0, 5, T}};
    must(far_device_open(2, "auto", &f->dev, &err), &err);
    must(raml_config_preset("micro", &c, &err), &err);
    c.n_layers = 1;
    must(raml_model_init(&c, 4, RAML_F32, RAML_TRAINING, f->dev, &f->model, &err), &err);
    for (size_t i = 0; i < COUNT(f->token); i++) f->token[i] = (int32_t)(i * 37 % 251);
    f->job = (struct raml_landscape_files_job){.model = f->model,
                                               .input = {.text = {.prompt = f->token,
                                                                  .trajectory = f->token + 8,
                                                                  .answer_prefix = f->token + 8 + T,
                                                                  .answer = f->token + 10 + T,
                                                                  .n_prompt = 8,
                                                                  .n_trajectory = T,
                                                                  .n_answer_prefix = 2,
                                                                  .n_answer = 3},
                                                         .frame = f->frame,
                                                         .n_frames = 3},
                                               .title = "a test",
                                               .dir = dir};
    f->opt = raml_landscape_files_default();
    f->opt.n_alpha = 4;
    f->opt.n_beta = 3;
    f->opt.curvature = false;
}

static void close_fixture(struct fixture *f)
{
    raml_model_close(f->model);
    raml_device_close(f->dev);
}

static char *weights_of(const struct fixture *f)
{
    struct raml_err err = {0};
    size_t bytes = raml_model_n(f->model) * sizeof(float);
    char *w = malloc(bytes);
    must(raml_array_read(f->dev, w, raml_model_weights_const(f->model), bytes, &err), &err);
    return w;
}

/* Every number of the array and of the table is the loss at its own place: first index, first direction. */
static void agrees(void **state)
{
    struct raml_err err = {0};
    struct fixture f;
    struct raml_landscape_files_summary r;
    char dir[4200], path[4200];
    size_t n = 0;
    open_fixture(&f, in(*state, "agrees", dir));
    char *before = weights_of(&f);
    must(raml_landscape_files(&f.job, &f.opt, &r, &err), &err);
    char *after = weights_of(&f);
    assert_memory_equal(before, after, raml_model_n(f.model) * sizeof(float));
    char *npy = slurp(in(dir, "landscape.npy", path), &n), *tsv = slurp(in(dir, "landscape.tsv", path), NULL);
    assert_true(has(npy + 10, "'shape': (3, 4, 3), }"));
    assert_int_equal(n, 128 + 3 * 4 * 3 * 8);
    struct raml_landscape *l;
    must(raml_landscape_open(f.model, &f.job.input, &l, &err), &err);
    for (size_t k = 0; k < 2; k++) must(raml_landscape_random(l, k, RAML_DIRECTION_FILTER, 0, &err), &err);
    static const double alpha[] = {-1, -1.0 / 3, 1.0 / 3, 1}, beta[] = {-1, 0, 1};
    for (size_t a = 0; a < 4; a++)
        for (size_t b = 0; b < 3; b++) {
            double loss[3];
            must(raml_landscape_loss(l, alpha[a], beta[b], loss, &err), &err);
            for (size_t i = 0; i < 3; i++) {
                char row[200];
                assert_memory_equal(npy + 128 + 8 * (12 * i + 3 * a + b), &loss[i], 8);
                snprintf(row, sizeof row, "\n%u\t%.17g\t%.17g\t%.17g\n", (unsigned)f.frame[i], alpha[a], beta[b],
                         loss[i]);
                assert_true(has(tsv, row));
            }
        }
    double centre[3];
    must(raml_landscape_loss(l, 0, 0, centre, &err), &err);
    for (size_t i = 0; i < 3; i++) assert_true(r.frame[i].loss == centre[i]);
    raml_landscape_close(l);
    assert_int_equal(r.n_points, 12);
    assert_int_equal(r.n_resumed, 0);
    raml_landscape_files_summary_deinit(&r);
    free(before);
    free(after);
    free(npy);
    free(tsv);
    close_fixture(&f);
}

/* The directions in a file are those of the grid, under the parameters' names. */
static void saved_directions(void **state)
{
    struct raml_err err = {0};
    struct fixture f;
    struct raml_landscape_files_summary r;
    char dir[4200], path[4200];
    const struct raml_param *p;
    open_fixture(&f, in(*state, "directions", dir));
    f.opt.save_directions = true;
    must(raml_landscape_files(&f.job, &f.opt, &r, &err), &err);
    raml_landscape_files_summary_deinit(&r);
    size_t n = raml_model_params(f.model, &p);
    float *want = malloc(raml_model_n(f.model) * sizeof *want);
    struct raml_landscape *l;
    must(raml_landscape_open(f.model, &f.job.input, &l, &err), &err);
    assert_int_equal(raml_landscape_read_direction(l, 1, want, &err), RAML_EUSAGE);
    for (size_t k = 0; k < 2; k++) {
        struct raml_safetensors *s;
        must(raml_landscape_random(l, k, RAML_DIRECTION_FILTER, 0, &err), &err);
        must(raml_landscape_read_direction(l, k, want, &err), &err);
        must(raml_safetensors_open(in(dir, k ? "direction_2.safetensors" : "direction_1.safetensors", path), &s, &err),
             &err);
        assert_int_equal(raml_safetensors_count(s), n);
        for (size_t i = 0; i < n; i++) {
            const struct raml_tensor_view *v = raml_safetensors_find(s, p[i].name);
            assert_non_null(v);
            assert_int_equal(v->n, p[i].n);
            assert_int_equal(v->shape[0], p[i].shape[0]);
            assert_memory_equal(v->data, want + p[i].offset, p[i].n * sizeof *want);
        }
        raml_safetensors_close(s);
    }
    raml_landscape_close(l);
    free(want);
    close_fixture(&f);
}

/* -- Killed ---------------------------------------------------------------------------------------------------------- */

static void die(void *user, const char *what, double done, double total, const char *unit, const char *note)
{
    const struct fixture *f = user;
    (void)what;
    (void)total;
    (void)unit;
    (void)note;
    if (f->points && (int)done >= f->points) raise(SIGKILL);
}

static void in_a_child(const char *dir, enum raml_direction_kind kind, int points)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct fixture f;
        struct raml_landscape_files_summary r;
        open_fixture(&f, dir);
        f.opt.kind = kind;
        f.points = points;
        const struct raml_sink sink = {.progress = die, .user = &f};
        f.job.sink = &sink;
        _exit(raml_landscape_files(&f.job, &f.opt, &r, NULL) == RAML_OK ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (points) assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    else assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void same_file(const char *one, const char *two, const char *name)
{
    char path[4200];
    size_t n = 0, m = 0;
    char *a = slurp(in(one, name, path), &n), *b = slurp(in(two, name, path), &m);
    if (!a && !b) return; /* a picture, without gnuplot */
    assert_non_null(a);
    assert_non_null(b);
    assert_int_equal(n, m);
    assert_memory_equal(a, b, n);
    free(a);
    free(b);
}

static void killed(void **state)
{
    static const char *const name[] = {"grid.journal", "landscape.npy", "landscape.tsv", "landscape.csv",
                                       "frames.tsv",   "path.tsv",      "alpha.npy",     "beta.npy",
                                       "contours.svg", "contour_5.tsv", "contour_5.svg"};
    char whole[4200], cut[4200], path[4200];
    size_t n = 0;
    for (int kind = RAML_DIRECTION_FILTER; kind <= RAML_DIRECTION_PATH; kind++) {
        snprintf(whole, sizeof whole, "%s/whole%d", (const char *)*state, kind);
        snprintf(cut, sizeof cut, "%s/cut%d", (const char *)*state, kind);
        in_a_child(whole, (enum raml_direction_kind)kind, 0);
        in_a_child(cut, (enum raml_direction_kind)kind, 2);
        assert_int_equal(access(in(cut, "landscape.npy", path), F_OK), -1); /* nothing half-written */
        in_a_child(cut, (enum raml_direction_kind)kind, 7);
        char *journal = slurp(in(cut, "grid.journal", path), &n);
        spill(path, journal, n - 9); /* torn as by a power failure */
        free(journal);
        in_a_child(cut, (enum raml_direction_kind)kind, 0);
        for (size_t i = 0; i < COUNT(name); i++) same_file(whole, cut, name[i]);
    }
}

/* -- Others ----------------------------------------------------------------------------------------------------------- */

static void refuse(struct fixture *f, const char *what)
{
    struct raml_err err = {0};
    struct raml_landscape_files_summary r;
    char *before = weights_of(f);
    assert_int_equal(raml_landscape_files(&f->job, &f->opt, &r, &err), RAML_EUSAGE);
    assert_true(has(err.msg, what));
    char *after = weights_of(f);
    assert_memory_equal(before, after, raml_model_n(f->model) * sizeof(float));
    free(before);
    free(after);
}

static void another_grid(void **state)
{
    struct raml_err err = {0};
    struct fixture f;
    struct raml_landscape_files_summary r;
    char dir[4200], path[4200];
    size_t n = 0, m = 0;
    open_fixture(&f, in(*state, "another", dir));
    must(raml_landscape_files(&f.job, &f.opt, &r, &err), &err);
    raml_landscape_files_summary_deinit(&r);
    char *before = slurp(in(dir, "grid.journal", path), &n);
    f.opt.seed = 1;
    refuse(&f, "seed is 0 there, and 1 here");
    f.opt.seed = 0;
    f.opt.range = 0.5;
    refuse(&f, "range is 1 there, and 0.5 here");
    f.opt.range = 0;
    f.opt.kind = RAML_DIRECTION_TENSOR;
    refuse(&f, "directions is \"filter\" there, and \"tensor\" here");
    f.opt.kind = RAML_DIRECTION_FILTER;
    f.token[0]++;
    refuse(&f, "text is ");
    f.token[0]--;
    f.job.input.n_frames = 2;
    refuse(&f, "is of another landscape: text is ");
    f.job.input.n_frames = 3;
    struct raml_model *own = f.model;
    struct raml_config c = *raml_model_config(own);
    must(raml_model_init(&c, 5, RAML_F32, RAML_TRAINING, f.dev, &f.model, &err), &err);
    f.job.model = f.model;
    refuse(&f, "grid.journal: is of another landscape: weights is ");
    raml_model_close(f.model);
    f.job.model = f.model = own;
    char *after = slurp(path, &m);
    assert_int_equal(n, m);
    assert_memory_equal(before, after, n);
    must(raml_landscape_files(&f.job, &f.opt, &r, &err), &err); /* finished: drawn without computing */
    assert_int_equal(r.n_resumed, 12);
    raml_landscape_files_summary_deinit(&r);
    free(before);
    free(after);
    close_fixture(&f);
}

static bool stop_now(void *user)
{
    return ++*(int *)user > 3;
}

static double fake_seconds;
static double fake_clock(void)
{
    return fake_seconds += 0.25;
}

static char said[2000];
static void hear(void *user, const char *text)
{
    (void)user;
    snprintf(said + strlen(said), sizeof said - strlen(said), "%s\n", text);
}

/* Seconds a point are said before the grid; a stop keeps what is finished; curves where there is one direction. */
static void timed_and_stopped(void **state)
{
    struct raml_err err = {0};
    struct fixture f;
    struct raml_landscape_files_summary r;
    char dir[4200], path[4200];
    int asked = 0;
    open_fixture(&f, in(*state, "timed", dir));
    struct raml_sink sink = {.line = hear, .stop = stop_now, .user = &asked};
    f.job.sink = &sink;
    f.job.clock = fake_clock;
    f.opt.n_beta = 1;
    char *before = weights_of(&f);
    assert_int_equal(raml_landscape_files(&f.job, &f.opt, &r, &err), RAML_ESTOP);
    assert_true(has(err.msg, "stopped; 3 of 4 points are in"));
    assert_true(has(said, "4 points of 3 frames, 0.25 s a point: about 1 s\n"));
    char *after = weights_of(&f);
    assert_memory_equal(before, after, raml_model_n(f.model) * sizeof(float));
    sink.stop = NULL;
    must(raml_landscape_files(&f.job, &f.opt, &r, &err), &err);
    assert_true(has(said, "3 of 4 points are there from an earlier run\n1 points of 3 frames"));
    assert_int_equal(r.n_resumed, 3);
    char *tsv = slurp(in(dir, "slice.tsv", path), NULL);
    assert_true(has(tsv, "i = 12"));
    free(tsv);
    char *script = slurp(in(dir, "slice.gp", path), NULL); /* frames in order have colours in order */
    assert_true(has(script, "#00440154") && has(script, "#00A5CE2F"));
    free(script);
    assert_int_equal(access(in(dir, "contours.svg", path), F_OK), -1);
    raml_landscape_files_summary_deinit(&r);
    free(before);
    free(after);
    close_fixture(&f);
}

static void path_and_curvature(void **state)
{
    struct raml_err err = {0};
    struct fixture f;
    struct raml_landscape_files_summary r;
    char dir[4200], path[4200];
    open_fixture(&f, in(*state, "path", dir));
    f.opt.kind = RAML_DIRECTION_PATH;
    f.opt.curvature = true;
    f.opt.measure.iterations = 5;
    f.opt.measure.probes = 2;
    must(raml_landscape_files(&f.job, &f.opt, &r, &err), &err);
    assert_int_equal(r.path.n, T + 1);
    assert_int_equal(r.n_points, 12 + T + 1);
    double most = 0;
    for (size_t i = 0; i < r.path.n; i++) most = fmax(most, fmax(fabs(r.path.x[i]), fabs(r.path.y[i])));
    assert_true(r.range == 1.5 * most);
    for (size_t i = 0; i < 3; i++)
        assert_true(isfinite(r.frame[i].curvature.top.value) && r.frame[i].curvature.trace_error > 0);
    char *tsv = slurp(in(dir, "path.tsv", path), NULL), row[200];
    assert_true(!strncmp(tsv, "i\talpha\tbeta\tlength\toff_plane\tloss\theight_0\theight_5\theight_12\n", 59));
    snprintf(row, sizeof row, "\n0\t0\t0\t0\t0\t%.17g\t%.17g\t%.17g\t%.17g\n", r.frame[0].loss, r.frame[0].loss,
             r.frame[1].loss, r.frame[2].loss); /* θ itself: L(0), and all frames' centres */
    assert_true(has(tsv, row));
    free(tsv);
    tsv = slurp(in(dir, "plane.tsv", path), NULL);
    snprintf(row, sizeof row, "axis\texplained\twalk\n1\t%.17g\t%.17g\n2\t%.17g\t", r.path.explained[0],
             raml_landscape_walk_share(T, 0), r.path.explained[1]);
    assert_true(!strncmp(tsv, row, strlen(row)));
    snprintf(row, sizeof row, "\nboth\t%.17g\t", r.path.explained[0] + r.path.explained[1]);
    assert_true(has(tsv, row));
    free(tsv);
    raml_landscape_files_summary_deinit(&r);
    f.opt.n_alpha = 1;
    assert_int_equal(raml_landscape_files(&f.job, &f.opt, &r, &err), RAML_ERANGE);
    assert_true(has(err.msg, "a grid of 1 x 3 points"));
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed), /* before threads were started: it forks */
        cmocka_unit_test(agrees),
        cmocka_unit_test(saved_directions),
        cmocka_unit_test(another_grid),
        cmocka_unit_test(timed_and_stopped),
        cmocka_unit_test(path_and_curvature),
    };
    return cmocka_run_group_tests(tests, enter_scratch, leave_scratch);
}
