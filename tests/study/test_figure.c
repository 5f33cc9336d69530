/* test_figure.c - a figure's three files: the data read back, the script redraws the picture, texts stay texts. */
#include "study/figure.h"

#include "core/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define AT(folder) (&(struct raml_drawing){.dir = (folder)})

struct folder {
    char path[64];
    bool gnuplot;
};

static int set_up(void **state)
{
    struct folder *f = calloc(1, sizeof *f);
    assert_non_null(f);
    snprintf(f->path, sizeof f->path, "/tmp/raml-figure-XXXXXX");
    assert_non_null(mkdtemp(f->path));
    f->gnuplot = system("command -v gnuplot >/dev/null 2>&1") == 0;
    if (!f->gnuplot) fprintf(stderr, "test_figure: gnuplot is not installed: pictures are NOT checked\n");
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct folder *f = *state;
    struct raml_err err = {0};
    if (raml_remove_tree(f->path, &err)) fprintf(stderr, "%s\n", err.msg);
    free(f);
    return 0;
}

static char *slurp(const struct folder *f, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", f->path, name);
    struct raml_buf b;
    struct raml_err err = {0};
    raml_buf_init(&b, 1 << 24);
    if (raml_file_read(path, &b, &err)) fail_msg("%s", err.msg);
    raml_buf_add(&b, "", 0);
    return raml_buf_take(&b);
}

/* Draws NAME.gp again, as a user would: no word from gnuplot, and the same picture. */
static void redraw(const struct folder *f, const char *name)
{
    char file[128], command[400];
    snprintf(file, sizeof file, "%s.svg", name);
    char *svg = slurp(f, file);
    snprintf(command, sizeof command, "cd %s && rm %s.svg && gnuplot %s.gp >said 2>&1", f->path, name, name);
    assert_int_equal(system(command), 0);
    char *again = slurp(f, file), *said = slurp(f, "said");
    assert_string_equal(said, "");
    assert_string_equal(svg, again);
    free(svg);
    free(again);
    free(said);
}

static bool exists(const struct folder *f, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", f->path, name);
    return raml_is_file(path);
}

static const double x3[] = {1, 2, 4}, y3[] = {0.5, NAN, 0.123456789}, low3[] = {0.4, NAN, 0.1},
                    high3[] = {0.6, NAN, 0.2};

static void three_files(void **state)
{
    const struct folder *f = *state;
    const struct raml_series s[] = {
        {.name = "right\t\"it's\" <b>_^2</b>\n", .x = x3, .y = y3, .low = low3, .high = high3, .n = 3},
        {.name = "two", .x = x3, .y = high3, .n = 1, .colour = 1, .style = RAML_PLOT_POINTS},
    };
    const struct raml_figure fig = {
        .title = "a 'title'\n", .x_label = "k", .y_label = "y", .series = s, .n_series = 2, .log_x = true};
    struct raml_err err = {0};
    bool made = false;
    if (raml_figure_write(AT(f->path), "first-1", &fig, &made, &err)) fail_msg("%s", err.msg);
    assert_int_equal(made, f->gnuplot);
    char *tsv = slurp(f, "first-1.tsv"), *gp = slurp(f, "first-1.gp");
    assert_string_equal(tsv, "series\tx\ty\tlow\thigh\n"
                             "right  it's  <b>_^2</b> \t1\t0.5\t0.4\t0.6\n"
                             "right  it's  <b>_^2</b> \t2\tnan\tnan\tnan\n"
                             "right  it's  <b>_^2</b> \t4\t0.123456789\t0.1\t0.2\n"
                             "\n\n"
                             "two\t1\t0.6\tnan\tnan\n");
    assert_non_null(strstr(gp, "title 'right \"it''s\" <b>_^2</b> '"));
    assert_non_null(strstr(gp, "set title 'a ''title'' '"));
    assert_non_null(strstr(gp, "size 720,420"));
    assert_non_null(strstr(gp, "set xtics (1, 2, 4)"));
    assert_null(strstr(gp, f->path)); /* the folder can be moved */
    if (made) {
        char *svg = slurp(f, "first-1.svg");
        assert_non_null(strstr(svg, "</svg>"));
        assert_non_null(strstr(svg, "it's"));
        assert_non_null(strstr(svg, "&lt;b>_^2&lt;/b>"));
        free(svg);
        redraw(f, "first-1");
    }
    assert_false(exists(f, "first-1.svg.tmp"));
    free(tsv);
    free(gp);
}

/* An id may be any text. */
static void any_text(void **state)
{
    const struct folder *f = *state;
    static const char *const texts[] = {"'",      "''",      "'''", "'x",   "x'",          "a''b", "a'''b",
                                        "it's",   "'a' 'b'", "\\'", "`ls`", "\"$x\"",      "%d%s", "{}",
                                        "# a; b", "\\",      "@x",  "-",    "\xE2\x80\x99"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        const char *const category[] = {texts[i], "b", "c"};
        const struct raml_series line[] = {{.name = texts[i], .x = x3, .y = high3, .n = 3}};
        const struct raml_series bars[] = {{.name = texts[i], .x = x3, .y = high3, .n = 1, .style = RAML_PLOT_BARS}};
        const struct raml_figure a = {
            .title = texts[i], .x_label = texts[i], .y_label = texts[i], .series = line, .n_series = 1};
        const struct raml_figure b = {
            .title = texts[i], .series = bars, .n_series = 1, .category = category, .n_categories = 3};
        struct raml_err err = {0};
        bool made = false;
        if (raml_figure_write(AT(f->path), "line", &a, &made, &err)) fail_msg("%s: %s", texts[i], err.msg);
        assert_int_equal(made, f->gnuplot);
        if (raml_figure_write(AT(f->path), "bars", &b, &made, &err)) fail_msg("%s: %s", texts[i], err.msg);
        assert_int_equal(made, f->gnuplot);
    }
}

static void every_kind(void **state)
{
    const struct folder *f = *state;
    static const char *const names[] = {"one", "t'wo"};
    const double x[] = {0, 1}, y[] = {0.2, 0.9}, low[] = {0.1, 0.8}, high[] = {0.3, 1};
    static const enum raml_plot_style style[] = {RAML_PLOT_LINE, RAML_PLOT_POINTS, RAML_PLOT_LINE_POINTS,
                                                 RAML_PLOT_BARS};
    for (size_t m = 0; m < COUNT(style); m++)
        for (int bits = 0; bits < 16; bits++) {
            const struct raml_series s[] = {
                {"a", x, y, bits & 1 ? low : NULL, bits & 1 ? high : NULL, 2, 0, style[m], bits & 2, bits & 4, 0},
                {"b", x, high, NULL, NULL, 2, 12, style[m], false, false, 0},
                {"empty", NULL, NULL, NULL, NULL, 0, 3, style[m], false, false, 0}};
            const struct raml_figure fig = {.series = s,
                                            .n_series = 3,
                                            .log_y = bits & 8,
                                            .width = 300,
                                            .height = 200,
                                            .category = style[m] == RAML_PLOT_BARS ? names : NULL,
                                            .n_categories = 2};
            struct raml_err err = {0};
            bool made = false;
            if (raml_figure_write(AT(f->path), "kind", &fig, &made, &err)) fail_msg("%zu %d: %s", m, bits, err.msg);
            assert_int_equal(made, f->gnuplot);
            if (!made) continue;
            char *svg = slurp(f, "kind.svg");
            assert_non_null(strstr(svg, "viewBox=\"0 0 300 200\""));
            assert_non_null(strstr(svg, "rgb( 72, 120, 208)")); /* #4878D0 was drawn */
            free(svg);
            redraw(f, "kind");
        }
}

/* Open points, moved aside where they are drawn but not in the data; whiskers with caps, also of no length. */
static void points(void **state)
{
    const struct folder *f = *state;
    const double x[] = {1, 2}, y[] = {0.5, 0.75}, low[] = {0.25, 0.75}, high[] = {0.625, 0.75};
    const struct raml_series s[] = {
        {.name = "a", .x = x, .y = y, .low = low, .high = high, .n = 2, .style = RAML_PLOT_POINTS, .shift = 0.25},
        {.name = "b", .x = x, .y = high, .n = 2, .colour = 1, .style = RAML_PLOT_POINTS, .dashed = true}};
    const struct raml_figure fig = {.series = s, .n_series = 2};
    struct raml_err err = {0};
    bool made = false;
    if (raml_figure_write(AT(f->path), "points", &fig, &made, &err)) fail_msg("%s", err.msg);
    char *tsv = slurp(f, "points.tsv"), *gp = slurp(f, "points.gp");
    assert_non_null(strstr(tsv, "a\t1\t0.5\t0.25\t0.625\n"));
    assert_non_null(strstr(gp, "using ($2+0.25):4:(0):($5-$4) with vectors heads "));
    assert_non_null(strstr(gp, "using ($2+0.25):3 with points pt 7 "));
    assert_non_null(strstr(gp, "using ($2+0):3 with points pt 6 "));
    if (made) redraw(f, "points");
    free(tsv);
    free(gp);
}

static void refusals(void **state)
{
    const struct folder *f = *state;
    const struct raml_series s = {.name = "a", .x = x3, .y = y3, .n = 3}, none = {.x = x3, .y = y3 + 1, .n = 1};
    const struct raml_figure good = {.series = &s, .n_series = 1}, empty = {.series = NULL},
                             nan = {.series = &none, .n_series = 1};
    static const char *const names[] = {"", "../up", "a b", "a'b", "a.b"};
    struct raml_err err = {0};
    for (size_t i = 0; i < COUNT(names); i++)
        assert_int_equal(raml_figure_write(AT(f->path), names[i], &good, NULL, &err), RAML_ERANGE);
    assert_int_equal(raml_figure_write(AT(f->path), "x", &empty, NULL, &err), RAML_ERANGE);
    assert_int_equal(raml_figure_write(AT(f->path), "x", &nan, NULL, &err), RAML_ERANGE);
    assert_non_null(strstr(err.msg, "figure 'x' has no point to draw"));
    assert_int_equal(raml_figure_write(AT("/dev/null/x"), "x", &good, NULL, &err), RAML_EIO);
    assert_false(exists(f, "x.tsv"));
}

/* An empty PATH: data and script are written, no error, and an older picture of other data is removed. */
static void without_gnuplot(void **state)
{
    const struct folder *f = *state;
    const struct raml_series s = {.name = "a", .x = x3, .y = y3, .n = 3};
    const struct raml_figure fig = {.series = &s, .n_series = 1};
    struct raml_err err = {0};
    bool made = false;
    if (raml_figure_write(AT(f->path), "old", &fig, &made, &err)) fail_msg("%s", err.msg);
    char *path = strdup(getenv("PATH") ? getenv("PATH") : "");
    setenv("PATH", "/nonexistent", 1);
    made = true;
    enum raml_code rc = raml_figure_write(AT(f->path), "old", &fig, &made, &err);
    setenv("PATH", path, 1);
    free(path);
    assert_int_equal(rc, RAML_OK);
    assert_false(made);
    assert_true(exists(f, "old.tsv"));
    assert_true(exists(f, "old.gp"));
    assert_false(exists(f, "old.svg"));
}

/* Programs in the place of gnuplot. */
static const struct {
    const char *script, *why;
    bool hopeless;
} stubs[] = {
    {"exit 1", "gnuplot ended with exit code 1", false},
    {"echo 'line 3: no  such\tfile' >&2; exit 2", "gnuplot ended with exit code 2: line 3: no such file", false},
    {"kill -9 $$", "gnuplot was ended by signal 9", false},
    {"kill -SEGV $$", "gnuplot was ended by signal 11", false},
    {"exit 0", "gnuplot left no whole picture", false},
    {"printf '\\001\\377garbage\\n\\n'; exit 0", "gnuplot left no whole picture: garbage", false},
    {"echo '<?xml version=\"1.0\"?><svg>half' >\"${4%.gp}.svg.tmp\"", "gnuplot left no whole picture", false},
    {"mkdir \"${4%.gp}.svg.tmp\"", "gnuplot left no whole picture", false},
    {"exit 127", "gnuplot ended with exit code 127", true},
    {"head -c 300000 /dev/zero; exit 3", "gnuplot ended with exit code 3", false},
    /* its own child keeps the pipe open and lives on */
    {"sleep 100 & exit 4", "gnuplot ended with exit code 4", false},
    {"exec >&- 2>&-; sleep 0.2; exit 5", "gnuplot ended with exit code 5", false},
};

static void stub_gnuplot(const struct folder *f, const char *script, const char *interpreter)
{
    char path[256];
    snprintf(path, sizeof path, "%s/gnuplot", f->path);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fprintf(out, "%s%s\n", interpreter, script);
    fclose(out);
    assert_int_equal(chmod(path, 0755), 0);
}

static void keep_line(void *user, const char *text)
{
    snprintf(user, 600, "%s", text);
}

/* Whatever gnuplot does, data and script are there, no picture of other data, and no error. */
static void failing_gnuplot(void **state)
{
    const struct folder *f = *state;
    const struct raml_series s = {.name = "a", .x = x3, .y = y3, .n = 3};
    const struct raml_figure fig = {.series = &s, .n_series = 1};
    char *path = strdup(getenv("PATH") ? getenv("PATH") : ""), with[600], old[300], said[600];
    snprintf(with, sizeof with, "%s:%s", f->path, path);
    snprintf(old, sizeof old, "%s/s.svg", f->path);
    setenv("PATH", with, 1);
    for (size_t i = 0; i < COUNT(stubs); i++) {
        const struct raml_sink sink = {.line = keep_line, .user = said};
        struct raml_drawing d = {.dir = f->path, .sink = &sink};
        struct raml_err err = {0};
        bool made = true;
        stub_gnuplot(f, stubs[i].script, "#!/bin/sh\n");
        FILE *before = fopen(old, "w");
        assert_non_null(before);
        fclose(before);
        if (raml_figure_write(&d, "s", &fig, &made, &err)) fail_msg("%s: %s", stubs[i].script, err.msg);
        if (raml_figure_write(&d, "t", &fig, NULL, &err)) fail_msg("%s: %s", stubs[i].script, err.msg);
        assert_false(made);
        assert_string_equal(d.first_why, stubs[i].why);
        assert_int_equal(d.hopeless, stubs[i].hopeless);
        assert_true(exists(f, "s.tsv") && exists(f, "s.gp") && exists(f, "t.gp"));
        assert_false(exists(f, "s.svg") || exists(f, "s.svg.tmp"));
        raml_drawing_tell(&d);
        assert_non_null(strstr(said, "2 of 2 pictures are not drawn: "));
        assert_non_null(strstr(said, "`gnuplot s.gp`"));
    }
    /* what is no program */
    struct raml_drawing d = {.dir = f->path};
    struct raml_err err = {0};
    stub_gnuplot(f, "\001", "#!/nonexistent/interpreter\n");
    setenv("PATH", f->path, 1);
    assert_int_equal(raml_figure_write(&d, "s", &fig, NULL, &err), RAML_OK);
    assert_true(d.hopeless);
    assert_int_equal(d.n_missing, 1);
    setenv("PATH", path, 1);
    free(path);
}

static void palette(void **state)
{
    (void)state;
    assert_string_equal(raml_figure_colour(0), "#4878D0");
    assert_string_equal(raml_figure_colour(1), "#EE854A");
    assert_string_equal(raml_figure_colour(11), "#EE854A");
    assert_string_equal(raml_figure_colour(-1), "#82C6E2");
    /* in order: from one end of the scale to the other, whatever their number; one alone has the first */
    assert_string_equal(raml_figure_colour(raml_figure_ordered(0, 1)), "#440154");
    for (size_t n = 2; n < 40; n += 5) {
        assert_string_equal(raml_figure_colour(raml_figure_ordered(0, n)), "#440154");
        assert_string_equal(raml_figure_colour(raml_figure_ordered(n - 1, n)), "#A5CE2F");
        for (size_t i = 1; i < n; i++) assert_true(raml_figure_ordered(i, n) >= raml_figure_ordered(i - 1, n));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(three_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(any_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_kind, set_up, tear_down),
        cmocka_unit_test_setup_teardown(points, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refusals, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_gnuplot, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failing_gnuplot, set_up, tear_down),
        cmocka_unit_test(palette),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
