/* Surfaces and films: data and script as text, colours, the frames of a film decoded again. */
#include "core/scratch.h"

#include "study/film.h"
#include "study/surface.h"

#include <math.h>

static const double x[] = {-1, 0, 1}, y[] = {-2, 2}, z[] = {1, 2, 3, 4, 60, NAN};
static const double px[] = {0, 0.5}, py[] = {0, 1}, pz[] = {3, 4};
static const char *const label[] = {"L(0) = 3", NULL};

static struct raml_surface example(void)
{
    return (struct raml_surface){.title = "it's a \"test\"\n",
                                 .x_label = "first",
                                 .z_label = "L",
                                 .x = x,
                                 .y = y,
                                 .z = z,
                                 .n_x = 3,
                                 .n_y = 2,
                                 .z_low = 1,
                                 .z_high = 5,
                                 .path_x = px,
                                 .path_y = py,
                                 .path_z = pz,
                                 .label = label,
                                 .n_path = 2,
                                 .marked = 1};
}

static void data(void **state)
{
    struct raml_err err = {0};
    char path[4200];
    const struct raml_surface s = example();
    bool made;
    for (int view = RAML_SURFACE_CONTOUR; view <= RAML_SURFACE_SOLID; view++) {
        must(raml_surface_write(&(struct raml_drawing){.dir = *state}, "s", &s, (enum raml_surface_view)view, &made,
                                &err),
             &err);
        char *tsv = slurp(in(*state, "s.tsv", path), NULL), *gp = slurp(in(*state, "s.gp", path), NULL);
        assert_string_equal(tsv,
                            "x\ty\tz\tlabel\n-1\t-2\t1\t\n-1\t2\t2\t\n\n0\t-2\t3\t\n0\t2\t4\t\n\n1\t-2\t60\t\n1\t2\tNaN"
                            "\t\n\n\n0\t0\t3\tL(0) = 3\n0.5\t1\t4\t\n");
        assert_true(has(gp, "set title 'it''s a \"test\" '"));
        assert_true(has(gp, "set xrange [-1:1]\nset yrange [-2:2]\n"));
        assert_true(has(gp, "every ::1::1"));
        if (made) {
            char *svg = slurp(in(*state, "s.svg", path), NULL);
            assert_true(has(svg, "</svg>"));
            assert_true(has(svg, "<polygon"));
            assert_true(has(svg, "first"));
            assert_true(view == RAML_SURFACE_SOLID || has(svg, "L(0) = 3"));
            char command[4400];
            snprintf(command, sizeof command, "cd %s && rm s.svg && gnuplot s.gp >said 2>&1", (const char *)*state);
            assert_int_equal(system(command), 0);
            char *again = slurp(in(*state, "s.svg", path), NULL), *said = slurp(in(*state, "said", path), NULL);
            assert_string_equal(said, "");
            assert_string_equal(again, svg);
            free(again);
            free(said);
            free(svg);
        } else {
            fprintf(stderr, "\n*** gnuplot is absent: no picture was checked ***\n\n");
        }
        free(tsv);
        free(gp);
    }
}

/* Where a point lies in the picture: x to the right, y upwards. */
static void axes(void **state)
{
    struct raml_err err = {0};
    char path[4200];
    struct raml_surface s = example();
    const double one_x[] = {0.9}, one_y[] = {-1.8}, one_z[] = {1};
    const char *const mark[] = {"here"};
    bool made;
    s.path_x = one_x;
    s.path_y = one_y;
    s.path_z = one_z;
    s.label = mark;
    s.n_path = 1;
    s.marked = 1;
    must(raml_surface_write(&(struct raml_drawing){.dir = *state}, "p", &s, RAML_SURFACE_CONTOUR, &made, &err), &err);
    if (!made) skip();
    char *svg = slurp(in(*state, "p.svg", path), NULL), *text = strstr(svg, ">here<");
    assert_non_null(text);
    double at[2] = {0};
    char *from = text;
    while (from > svg && strncmp(from, "translate(", 10)) from--;
    assert_int_equal(sscanf(from, "translate(%lf,%lf)", &at[0], &at[1]), 2);
    assert_true(at[0] > 320 && at[1] > 280); /* right and below the middle of 640 x 560 */
    free(svg);
}

static void refuses(void **state)
{
    struct raml_err err = {0};
    struct raml_surface s = example();
    s.n_y = 1;
    assert_int_equal(
        raml_surface_write(&(struct raml_drawing){.dir = *state}, "s", &s, RAML_SURFACE_CONTOUR, NULL, &err),
        RAML_ERANGE);
    assert_true(has(err.msg, "a grid of 3 by 1"));
    s = example();
    s.z_high = s.z_low;
    assert_int_equal(
        raml_surface_write(&(struct raml_drawing){.dir = *state}, "s", &s, RAML_SURFACE_CONTOUR, NULL, &err),
        RAML_ERANGE);
    s = example();
    assert_int_equal(
        raml_surface_write(&(struct raml_drawing){.dir = *state}, "../s", &s, RAML_SURFACE_CONTOUR, NULL, &err),
        RAML_ERANGE);
}

static void range(void **state)
{
    (void)state;
    struct raml_err err = {0};
    double low, high, many[100];
    must(raml_surface_range(z, 6, &low, &high, &err), &err);
    assert_true(low == 1 && high == 4); /* 60 towers over the rest */
    for (size_t i = 0; i < 100; i++) many[i] = (double)i;
    must(raml_surface_range(many, 100, &low, &high, &err), &err);
    assert_true(low == 0 && high == 99);
    const double flat[] = {2, 2}, none[] = {NAN};
    must(raml_surface_range(flat, 2, &low, &high, &err), &err);
    assert_true(low == 1.5 && high == 2.5);
    must(raml_surface_range(none, 1, &low, &high, &err), &err);
    assert_true(low < high);
}

/* Base64 of a frame, decoded. */
static size_t decode(const char *text, unsigned char *out)
{
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t n = 0, bits = 0, held = 0;
    for (; *text != '"' && *text != '='; text++) {
        const char *d = strchr(digit, *text);
        assert_non_null(d);
        held = held << 6 | (size_t)(d - digit);
        bits += 6;
        if (bits >= 8) out[n++] = (unsigned char)(held >> (bits -= 8));
    }
    return n;
}

static void film(void **state)
{
    struct raml_err err = {0};
    char path[4200];
    static const char *const frame[] = {"one", "two", "three"};
    static const char *const picture[] = {"<svg>1</svg>", "<svg>22</svg>", "<svg>333\xC3\xA9</svg>"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s.svg", (const char *)*state, frame[i]);
        spill(path, picture[i], strlen(picture[i]));
    }
    must(raml_film_write(*state, "film", "a < b", frame, 3, 0.5, 640, 560, &err), &err);
    char *svg = slurp(in(*state, "film.svg", path), NULL), *at = svg;
    assert_true(has(svg, "<title>a &lt; b</title>"));
    assert_true(has(svg, "dur=\"1.5s\" values=\"visible;hidden;hidden\" keyTimes=\"0;0.333333;0.666667\""));
    assert_true(has(svg, "values=\"hidden;hidden;visible\""));
    for (size_t i = 0; i < 3; i++) {
        unsigned char out[64];
        at = strstr(at, "base64,");
        assert_non_null(at);
        at += 7;
        assert_int_equal(decode(at, out), strlen(picture[i]));
        assert_memory_equal(out, picture[i], strlen(picture[i]));
    }
    assert_null(strstr(svg, "http://www.w3.org/1999/xlink")); /* nothing is fetched */
    free(svg);
    must(raml_film_write(*state, "still", "t", frame, 1, 1, 640, 560, &err), &err);
    svg = slurp(in(*state, "still.svg", path), NULL);
    assert_null(strstr(svg, "<animate"));
    free(svg);
    static const char *const absent[] = {"one", "four"};
    assert_int_equal(raml_film_write(*state, "bad", "t", absent, 2, 1, 640, 560, &err), RAML_EIO);
    assert_int_equal(access(in(*state, "bad.svg", path), F_OK), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data),  cmocka_unit_test(axes), cmocka_unit_test(refuses),
        cmocka_unit_test(range), cmocka_unit_test(film),
    };
    return cmocka_run_group_tests(tests, enter_scratch, leave_scratch);
}
