/* test_laboratory.c - the report's sections on traces, updates and landscapes: whole, broken, hostile and too large. */
#include "raml/report.h"

#include "core/base64.h"
#include "core/file.h"
#include "study/html_check.h"
#include "study/tsv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include "study/folder.h"
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

static void put_bytes(const char *dir, const char *name, const char *text, size_t n)
{
    char path[256];
    struct raml_err err = {0};
    snprintf(path, sizeof path, "%s/%s", dir, name);
    *strrchr(path, '/') = 0;
    if (raml_make_dir(path, &err)) fail_msg("%s", err.msg);
    path[strlen(path)] = '/';
    if (raml_file_write(path, text, n, &err)) fail_msg("%s", err.msg);
}

static void put(const char *dir, const char *name, const char *text)
{
    put_bytes(dir, name, text, strlen(text));
}

/* A picture that is unlike any other, with its data and its script. */
static const char *picture_text(const char *name)
{
    static char text[400];
    snprintf(text, sizeof text, "<?xml version=\"1.0\"?>\n<svg viewBox=\"0 0 9 9\"><title>%s</title></svg>\n\n", name);
    return text;
}

static void put_picture(const char *dir, const char *name)
{
    char file[200];
    snprintf(file, sizeof file, "%s.svg", name);
    put(dir, file, picture_text(name));
    snprintf(file, sizeof file, "%s.tsv", name);
    put(dir, file, "x\n");
    snprintf(file, sizeof file, "%s.gp", name);
    put(dir, file, "plot\n");
}

/* The report of dir, written to out (NULL: where it belongs), checked. */
static char *report(const char *dir, const char *out)
{
    char path[256], why[300];
    struct raml_err err = {0};
    struct raml_buf b;
    if (raml_report(dir, out, NULL, &err)) fail_msg("%s", err.msg);
    snprintf(path, sizeof path, "%s/report.html", dir);
    raml_buf_init(&b, 1 << 28);
    if (raml_file_read(out ? out : path, &b, &err)) fail_msg("%s", err.msg);
    assert_int_equal(strlen(b.data), b.len);
    const char *fault = html_fault(b.data, why, sizeof why);
    if (fault) fail_msg("%s", fault);
    return raml_buf_take(&b);
}

static const char *expect(const char *page, const char *text)
{
    const char *at = strstr(page, text);
    if (!at) fail_msg("not on the page: %s", text);
    return at;
}

static void expect_none(const char *page, const char *text)
{
    if (strstr(page, text)) fail_msg("on the page: %s", text);
}

static size_t count(const char *page, const char *text)
{
    size_t n = 0;
    for (const char *at = page; (at = strstr(at, text)); at++) n++;
    return n;
}

/* Where the picture of this name is on the page, as data; NULL: it is not. */
static const char *find_picture(const char *page, const char *name)
{
    const char *text = picture_text(name);
    struct raml_buf b;
    raml_buf_init(&b, 4096);
    raml_buf_adds(&b, "src=\"data:image/svg+xml;base64,");
    raml_buf_add_base64(&b, text, strlen(text));
    raml_buf_adds(&b, "\">");
    const char *at = strstr(page, b.data);
    raml_buf_deinit(&b);
    return at;
}

/* Each of these pictures once, in this order. */
static void expect_pictures(const char *page, const char *const *name, size_t n)
{
    const char *before = page;
    for (size_t i = 0; i < n; i++) {
        const char *at = find_picture(page, name[i]);
        if (!at) fail_msg("the page does not have %s", name[i]);
        if (at < before) fail_msg("%s comes too early", name[i]);
        assert_null(find_picture(at + 1, name[i]));
        before = at;
    }
    assert_int_equal(count(page, "<img "), n);
}

static const char groups[] = "by\tgroup\tcurve\tmeasure\ttrajectories\tquestions\tvalue\tlow\thigh\n"
                             "all\tall\tgold\tL0\t40\t10\t9.6461\t8.064\t10.87\n"
                             "all\tall\tgold\tdescent\t40\t10\t7.7885\t5.655\t9.397\n"
                             "all\tall\tshuffle\teffect\t40\t10\t0.32349\t-0.21601\t0.989\n"
                             "all\tall\t<b>x</b>\tdescent\t40\t10\t1500.4\tnan\tnan\n"
                             "verdict\tright\tgold\tL0\t30\t8\t9.44\t7.59\t10.9\n"
                             "verdict\tright\tgold\tmonotonicity\t30\t8\t0.5432\t0.5008\t0.58\n"
                             "verdict\tright\tshuffle\teffect\t30\t8\t0\t0\t0\n"
                             "all\tall\tgold\tmonotonicity\t40\t10\t-0.068\tnan\tnan\n"
                             "mode\tthinking\tgold\tL0\t40\t10\t1\t1\t1\n";
static const char updates[] = "trajectory\tgroup\tlayer\tmatrix\tmeasure\tn\tmean\tlow\thigh\n"
                              "real\tright\t0\tgate\tdistance\t10\t7\t7\t7\n"
                              "real\tright\tall\tgate_up\tdistance\t10\t7\t7\t7\n"
                              "real\tright\tall\tall\tdistance\t10\t0.07442\t0.06838\t0.08046\n"
                              "real\tright\tall\tall\tturn\t10\t87.878\t86.25\t89.5\n"
                              "filler\tright\tall\tall\tdistance\t10\t7\t7\t7\n"
                              "filler\tall\tall\tall\tdistance\t13\t0.1025\t0.0975\t0.1075\n"
                              "real - filler\tall\tall\tall\tdistance\t13\t-0.02669\t-0.0311\t-0.02227\n";
static const char frames[] = "i\tloss\tleast\tleast_alpha\tleast_beta\tgradient\teigenvalue\teigenvalue_error\tother\t"
                             "other_error\ttrace\ttrace_error\n"
                             "0\t7.12466\t3.89446\t2.75439\t0.688597\t111.45\t-7101.1\t129.7\t2366.2\t46.94\t-23034.6\t"
                             "1903.3\n"
                             "9\t0.000162506\tNaN\t0\t-1\t0.0038\t0.6378\t0.0099\t-0.02978\t0.0057\tNaN\tNaN\n";
static const char path[] = "i\talpha\tbeta\tlength\toff_plane\tloss\n0\t0\t0\t0\t0\t7\n1\t3\t0\t5\t4\t6\n"
                           "2\t0\t-4\t5\t3\t5\n";

static void put_laboratory(const char *dir)
{
    static const char *const name[] = {
        "trace/mean_curve",     "trace/wrong_answer",       "trace/commitment",     "trace/layers",
        "trace/control",        "trace/modes_tokens",       "trace/modes_position", "trace/curve_1",
        "trace/curve_2",        "update/update_step",       "update/update_align",  "update/update_distance",
        "update/exchange_rate", "update/update_align_left", "landscape/contour_9",  "landscape/contour_10",
        "landscape/contour_0",  "landscape/surface_0",      "landscape-1d/slice",   "trace/reader/mean_curve",
        "landscape/contours",   "landscape/surfaces"};
    for (size_t i = 0; i < sizeof name / sizeof *name; i++) put_picture(dir, name[i]);
    put(dir, "trace/curves.jsonl", "{\"L\":[2,1],\"correct\":true}\n");
    put(dir, "trace/groups.tsv", groups);
    put(dir, "trace/reader/groups.tsv", groups);
    put(dir, "update/update.tsv", updates);
    put(dir, "landscape/frames.tsv", frames);
    put(dir, "landscape/path.tsv", path);
}

/* A trace without the question's answer: the first table is of the answer that there is, and says so. */
static void other_answer(void **state)
{
    const char *dir = *state;
    put_picture(dir, "trace/wrong_answer");
    put(dir, "trace/groups.tsv",
        "by\tgroup\tcurve\tmeasure\ttrajectories\tquestions\tvalue\tlow\thigh\n"
        "all\tall\town\ttokens\t4\t2\t50\t40\t60\nall\tall\town\tL0\t4\t2\t9.5\t9\t10\n"
        "all\tall\tmajority\tL0\t4\t2\t8.5\t8\t9\nall\tall\tmajority\tdescent\t4\t2\t3\t2\t4\n");
    char *page = report(dir, NULL);
    expect(page, "<th class=\"t\">trajectories, own answer</th>");
    expect(page, "<td class=\"t\">all</td><td>4</td><td>2</td><td>9.50 <small>[9.00,\u00A010.0]</small></td>");
    expect(page, "<td class=\"t\">majority</td>");
    expect_none(page, "<td class=\"t\">own</td>");
    free(page);
}

static void whole(void **state)
{
    static const char *const want[] = {
        "trace/wrong_answer",       "trace/commitment",       "trace/control",        "trace/layers",
        "trace/modes_position",     "trace/modes_tokens",     "trace/curve_1",        "trace/curve_2",
        "trace/reader/mean_curve",  "update/update_distance", "update/update_step",   "update/update_align",
        "update/update_align_left", "update/exchange_rate",   "landscape/contours",   "landscape/surfaces",
        "landscape/contour_0",      "landscape/contour_9",    "landscape/contour_10", "landscape/surface_0",
        "landscape-1d/slice"};
    const char *dir = *state;
    put_laboratory(dir);
    char *page = report(dir, NULL);
    expect_pictures(page, want, sizeof want / sizeof *want); /* not trace/mean_curve: the report draws it itself */
    expect_none(page, "Skipped");
    expect(page, "; img-src data:\">");
    expect(page, "; figures of trace, trace/reader, update, landscape, landscape-1d.</p>");
    expect(page, "<a href=\"./trace/wrong_answer.tsv\"><code>wrong_answer.tsv</code></a>, "
                 "<a href=\"./trace/wrong_answer.gp\"><code>.gp</code></a>, <a href=\"./trace/wrong_answer.svg\">");
    expect(page, "@media (prefers-reduced-motion:reduce){.film img{display:none}");
    assert_int_equal(count(page, "<figure class=\"lab map film\">"), 2);
    /* numbers: a row a verdict, a share in per cent, a curve's main measure; only the groups that there are */
    expect(page, "<td class=\"t\">right</td><td>30</td><td>8</td><td>9.44 <small>[7.59,\u00A010.9]</small></td>"
                 "<td>\u2013</td><td>\u2013</td><td>54.3\u00A0% <small>[50.1,\u00A058.0]</small></td>");
    expect(page, "<td class=\"t\">all</td><td>40</td><td>10</td><td>9.65 <small>[8.06,\u00A010.9]</small></td>"
                 "<td>\u2013</td><td>7.79 <small>[5.66,\u00A09.40]</small></td><td>\u22126.8\u00A0%</td>");
    expect(page, "<th class=\"t\">measure</th><th>right</th><th>all</th></tr>");
    expect(page, "<td class=\"t\">shuffle</td><td class=\"t\">L of it \u2212 L(i)</td>"
                 "<td>0 <small>[0,\u00A00]</small></td><td>0.323 <small>[\u22120.216,\u00A00.989]</small></td>");
    expect(page, "<td class=\"t\">&lt;b&gt;x&lt;/b&gt;</td><td class=\"t\">descent, L(0)\u00A0\u2212\u00A0L(T)</td>"
                 "<td>\u2013</td><td>1500</td>");
    expect(page, "<td class=\"t\">real, right</td><td>10</td><td>0.0744 <small>[0.0684,\u00A00.0805]</small></td>"
                 "<td>\u2013</td><td>87.9 <small>[86.2,\u00A089.5]</small></td>");
    expect(page, "<td class=\"t\">filler, all</td><td>13</td><td>0.102");
    expect(page, "<td class=\"t\">real - filler, all</td><td>13</td><td>\u22120.0267 ");
    expect_none(page, "filler, right");
    expect(page, "<tr><td>0</td><td>7.125</td><td>3.894</td><td>2.75,\u00A00.689</td><td>111</td>"
                 "<td>\u22127101 <small>\u00B1\u00A0130</small></td><td>2366 <small>\u00B1\u00A047</small></td>"
                 "<td>\u221223035 <small>\u00B1\u00A01903</small></td></tr>");
    expect(page, "<tr><td>9</td><td>0.0001625</td><td>\u2013</td><td>0,\u00A0\u22121.00</td>");
    expect(page, "It has 18.0\u00A0% + 32.0\u00A0% of their squares"); /* 9 and 16 of 25 + 25 */
    char *again = report(dir, NULL);
    assert_string_equal(page, again);
    free(page);
    free(again);
}

static void elsewhere(void **state)
{
    const char *dir = *state;
    char out[128];
    put_laboratory(dir);
    snprintf(out, sizeof out, "%s/update/page.html", dir);
    char *page = report(dir, out); /* from there "./trace/..." leads nowhere */
    expect_none(page, "<a href");
    expect(page, "<code>wrong_answer.tsv</code>, <code>.gp</code>");
    free(page);
    snprintf(out, sizeof out, "%s/page.html", dir);
    page = report(dir, out);
    expect(page, "<a href=\"./trace/wrong_answer.tsv\">");
    free(page);
}

/* Below a run; the folder by itself; and with nothing of a laboratory, nothing of one. */
static void where(void **state)
{
    const char *dir = *state;
    char below[128];
    put(dir, "a/recipe.yaml", "seed: 0\n");
    char *page = report(dir, NULL);
    expect_none(page, "img-src");
    expect_none(page, ".lab");
    free(page);
    put_picture(dir, "a/landscape-2/contours");
    put_picture(dir, "landscape/contours");
    page = report(dir, NULL);
    expect(page, "figures of landscape, a/landscape-2.");
    expect(page, "<a href=\"./a/landscape-2/contours.svg\">");
    assert_non_null(find_picture(page, "a/landscape-2/contours"));
    assert_int_equal(count(page, "<img "), 2);
    free(page);
    snprintf(below, sizeof below, "%s/landscape", dir);
    page = report(below, NULL);
    expect(page, "Found: figures of this folder.");
    expect(page, "<a href=\"./contours.svg\">");
    free(page);
}

static void broken(void **state)
{
    const char *dir = *state;
    put(dir, "trace/groups.tsv", "by\tgroup\n1\t2\t3\n");
    put(dir, "trace/commitment.svg", "<svg viewBox=\"0 0 1 1\">");
    put(dir, "trace/layers.svg", "GIF89a</svg>");
    put(dir, "trace/control.svg", "");
    put_bytes(dir, "trace/wrong_answer.svg", "<svg>\0</svg>", 12);
    put(dir, "trace/modes_tokens.tsv", "x\n");
    put_picture(dir, "trace/modes_position");
    put(dir, "update/update.tsv", "trajectory\tgroup\tlayer\n");
    put(dir, "landscape/frames.tsv", "");
    put_bytes(dir, "landscape/path.tsv", "a\0b\n", 4);
    char *page = report(dir, NULL);
    expect(page, "groups.tsv:2: 3 cells; expected 2, as in the first line</li>");
    expect(page, "trace/commitment.svg: not an SVG picture, or cut short; skipped</li>");
    expect(page, "trace/layers.svg: not an SVG picture");
    expect(page, "trace/control.svg: not an SVG picture");
    expect(page, "trace/wrong_answer.svg: not an SVG picture");
    expect(page, "trace: 5 of 7 files were skipped</li>");
    expect(page, "update.tsv:1: there is no column &quot;matrix&quot;</li>");
    expect(page, "update: 1 of 1 files were skipped</li>");
    expect(page, "frames.tsv: is empty; expected a table");
    expect(page, "path.tsv: has a zero byte");
    expect(page, "landscape: 2 of 2 files were skipped</li>");
    expect(page, "Not drawn: <code>gnuplot modes_tokens.gp</code> in its folder draws it. <span class=\"files\">"
                 "<a href=\"./trace/modes_tokens.tsv\">");
    assert_int_equal(count(page, "<img "), 1);
    free(page);
}

/* A name is text and an address, a picture is data, a cell is text: nothing of them is markup. */
static void hostile(void **state)
{
    const char *dir = *state;
    put(dir, "trace\"><script>'&#%/layers.svg", "<svg><script>alert(1)</script></svg>");
    put(dir, "trace\"><script>'&#%/layers.tsv", "x\n");
    put(dir, "trace\"><script>'&#%/groups.tsv",
        "by\tgroup\tcurve\tmeasure\ttrajectories\tquestions\tvalue\tlow\thigh\n"
        "all\tall\t</td><img>\tdescent\t1\t1\t</td>\t1e999\t--\n");
    put(dir, "trace\"><script>'&#%/curve_1.tsv", "x\n");
    put(dir, "trace\xFF\n/groups.tsv", "</li>\n1\t2\n");
    char *page = report(dir, NULL);
    expect(page, "<h3>trace&quot;&gt;&lt;script&gt;'&amp;#%</h3>");
    expect(page, "<a href=\"./trace%22%3E%3Cscript%3E%27%26%23%25/layers.tsv\">");
    expect(page, "<td class=\"t\">&lt;/td&gt;&lt;img&gt;</td>");
    expect(page, "<h3>trace\\xFF\\n</h3>");
    expect_none(page, "alert");
    assert_int_equal(count(page, "<img "), 1);
    free(page);
}

static void too_large(void **state)
{
    static const char *const file[] = {"trace/wrong_answer.svg", "trace/commitment.svg", "trace/layers.svg",
                                       "trace/control.svg"};
    const char *dir = *state;
    const size_t n[] = {(1 << 25) + 1, 24 << 20, 24 << 20, 24 << 20};
    char *text = malloc(n[0]);
    assert_non_null(text);
    put(dir, "trace/groups.tsv", groups);
    for (size_t i = 0; i < 4; i++) {
        memset(text, ' ', n[i]);
        memcpy(text, "<svg>", 5);
        memcpy(text + n[i] - 6, "</svg>", 6);
        put_bytes(dir, file[i], text, n[i]);
    }
    free(text);
    char *page = report(dir, NULL);
    assert_int_equal(count(page, "<img "), 2); /* two of 24 MiB; a third would be more than 64 MiB together */
    expect(page, "trace/wrong_answer.svg: larger than the limit of 33554432 bytes</li>");
    expect(page, "trace/layers.svg: skipped; a page has at most 64 MiB of pictures</li>");
    expect(page, "trace: 2 of 5 files were skipped</li>");
    free(page);
}

static void many_frames(void **state)
{
    const char *dir = *state;
    for (unsigned i = 0; i < 30; i++) {
        char name[48];
        snprintf(name, sizeof name, "landscape/contour_%u", 10 * i);
        put_picture(dir, name);
    }
    put_picture(dir, "landscape/contour_x");
    put_picture(dir, "landscape/contour_1x");
    put(dir, "landscape/path.tsv", path);
    for (unsigned i = 0; i < 40; i++) {
        char name[48];
        snprintf(name, sizeof name, "update-%02u/update.tsv", i);
        put(dir, name, updates);
    }
    char *page = report(dir, NULL);
    assert_int_equal(count(page, "<img "), 12);
    expect(page, "12 of 30 frames.");
    assert_non_null(find_picture(page, "landscape/contour_0"));
    assert_non_null(find_picture(page, "landscape/contour_290"));
    assert_int_equal(
        count(page, ": its figures are skipped; the report has those of at most 16 folders of a kind</li>"), 24);
    free(page);
}

/* A kind that is a row of the table of kinds: pictures, tables with some rows, columns with and without an interval, and
 * marks for the trajectories that are shown. */
static void roles(void **state)
{
    static const char *const column[] = {"units",
                                         "questions",
                                         "few",
                                         "no_window",
                                         "delta",
                                         "delta_low",
                                         "delta_high",
                                         "delta_median",
                                         "log_ratio",
                                         "log_ratio_median",
                                         "falling",
                                         "falling_low",
                                         "falling_high",
                                         "effect",
                                         "effect_low",
                                         "effect_high",
                                         "effect_median",
                                         "relative",
                                         "relative_deviation",
                                         "relative_top_share",
                                         "relative_top_loss",
                                         "relative_half",
                                         "relative_half_loss"};
    static const struct {
        const char *file, *name, *verdict, *cells;
    } row[] = {
        {"words", "wait", "all",
         "40\t9\t0\t2\t-0.5\t-0.75\t-0.25\t-0.125\t-1\t-2\t0.5\t0.25\t0.75\t-0.125\t-0.25\t0.5\t0\t16.5\t90\t0.875\t0."
         "001\t12\t0.005"},
        {"words", "<b>", "all", "3\t2\t1\t0\t1\tnan\tnan\t1\t1\t1\t0\tnan\tnan\t1\tnan\tnan\t1\t1\t1\t1\t1\t1\t1"},
        {"words", "wait", "right", "77\t9\t0\t2\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0"},
        {"roles", "all", "all", "5000\t9\t0\t2\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0"},
    };
    const char *dir = *state;
    char text[2][4000], file[64], *page;
    for (size_t t = 0; t < 2; t++) {
        const char *name = t ? "roles" : "words";
        size_t n = (size_t)snprintf(text[t], sizeof text[t], "%s\tverdict", t ? "role" : "word");
        for (size_t c = 0; c < sizeof column / sizeof *column; c++)
            n += (size_t)snprintf(text[t] + n, sizeof text[t] - n, "\t%s", column[c]);
        n += (size_t)snprintf(text[t] + n, sizeof text[t] - n, "\n");
        for (size_t r = 0; r < sizeof row / sizeof *row; r++)
            if (!strcmp(row[r].file, name))
                n += (size_t)snprintf(text[t] + n, sizeof text[t] - n, "%s\t%s\t%s\n", row[r].name, row[r].verdict,
                                      row[r].cells);
        snprintf(file, sizeof file, "roles-1/%s.tsv", name);
        put(dir, file, text[t]);
    }
    put_picture(dir, "roles-1/effect_by_word");
    put(dir, "trace/curves.jsonl",
        "{\"id\":\"q\",\"sample\":0,\"correct\":true,\"tokens\":[\"a\",\"b\"],\"L\":[2,1,0]}\n");
    put(dir, "roles-1/marks.jsonl",
        "{\"id\":\"q\",\"sample\":0,\"marks\":[{\"at\":1,\"kind\":\"exit\",\"name\":\"DEER\"},{\"at\":3,\"kind\":"
        "\"exit\",\"name\":\"late\"}]}\n{\"id\":\"q\",\"sample\":1,\"marks\":[]}\n{\"id\":\"q\",\"sample\":0}\n");
    page = report(dir, NULL);
    expect(page, "figures of roles-1.");
    assert_non_null(find_picture(page, "roles-1/effect_by_word"));
    expect(page,
           "<tr><td class=\"t\">wait</td><td>40</td><td>9</td><td>\u22120.125 <small>[\u22120.250,\u00A00.500]</small>"
           "</td><td>0</td><td>2</td><td>\u22120.500 <small>[\u22120.750,\u00A0\u22120.250]</small></td>");
    expect(page, "<tr class=\"dim\"><td class=\"t\">&lt;b&gt;</td><td>3</td><td>2</td><td>1.00</td>");
    expect(page, "<td>16.5</td><td>90.0</td><td>87.5\u00A0%</td><td>12</td><td>0.00500</td></tr>");
    expect_none(page, "<td>77</td>");
    expect(page, "<tr class=\"all\"><td class=\"t\">all</td><td>5000</td>");
    expect(page, "\"marks\":[{\"at\":1,\"kind\":\"exit\",\"name\":\"DEER\"}]}</script>");
    expect(page, "marks.jsonl:1: marks[1] is at 3, beyond the trajectory's last token; expected 0 to 2; such "
                 "marks of 1 of 2 lines were skipped</li>");
    expect(page, "marks.jsonl:3: ");
    expect(page, "; 1 of 3 lines were skipped for such reasons</li>");
    free(page);
    put(dir, "roles-1/words.tsv", "word\tverdict\n");
    page = report(dir, NULL);
    expect(page, "words.tsv:1: there is no column &quot;units&quot;");
    expect(page, "roles-1: 2 of 5 files were skipped</li>");
    free(page);
}

static void tables(void **state)
{
    const char *dir = *state;
    char file[128];
    struct raml_err err = {0};
    struct raml_tsv t;
    size_t column[2];
    snprintf(file, sizeof file, "%s/t.tsv", dir);
    put(dir, "t.tsv", "a\tb\n1\t\n-2.5\tnan\n1e3x\t0x"); /* no line end */
    if (raml_tsv_read(&t, file, 100, &err)) fail_msg("%s", err.msg);
    assert_int_equal(t.n_rows, 4);
    assert_int_equal(raml_tsv_columns(&t, file, (const char *const[]){"b", "a"}, 2, column, &err), RAML_OK);
    assert_int_equal(column[0], 1);
    assert_int_equal(column[1], 0);
    assert_true(raml_tsv_number(&t, 1, 0) == 1 && raml_tsv_number(&t, 2, 0) == -2.5);
    assert_true(isnan(raml_tsv_number(&t, 1, 1)) && isnan(raml_tsv_number(&t, 2, 1)));
    assert_true(isnan(raml_tsv_number(&t, 3, 0)) && isnan(raml_tsv_number(&t, 3, 1)));
    assert_string_equal(raml_tsv_cell(&t, 3, 1), "0x");
    raml_tsv_deinit(&t);
    assert_int_equal(raml_tsv_read(&t, file, 10, &err), RAML_ERANGE);
    raml_tsv_deinit(&t);
    put(dir, "t.tsv", "a\tb\n\n");
    assert_int_equal(raml_tsv_read(&t, file, 100, &err), RAML_EFORMAT);
    assert_non_null(strstr(err.msg, "t.tsv:2: 1 cells; expected 2"));
    raml_tsv_deinit(&t);
}

/* A folder of each kind, and one whose name goes on, below the report's folder and below a run's: once each. */
static void once(void **state)
{
    static const char *const file[] = {"trace/control",       "update/update_step", "landscape/slice",
                                       "roles/delta_by_word", "fork/fork_accuracy", "prune/prune_loss",
                                       "exits/exits_cost",    "prune-x/prune_loss", "with/prune/prune_loss"};
    const char *dir = *state;
    put(dir, "with/recipe.yaml", "a: 1\n");
    put(dir, "roles/roles.tsv", "role\n");
    put(dir, "fork/fork.tsv", "edit\n");
    for (size_t i = 0; i < sizeof file / sizeof *file; i++) put_picture(dir, file[i]);
    char *page = report(dir, NULL);
    for (size_t i = 0; i < sizeof file / sizeof *file; i++) {
        char heading[80];
        snprintf(heading, sizeof heading, "<h3>%.*s</h3>", (int)(strrchr(file[i], '/') - file[i]), file[i]);
        if (count(page, heading) != 1) fail_msg("%zu times on the page: %s", count(page, heading), heading);
        const char *at = find_picture(page, file[i]);
        if (!at || find_picture(at + 1, file[i])) fail_msg("not once on the page: %s", file[i]);
    }
    free(page);
}

/* Pictures of any width have letters of one size, and rows that are not the main ones are folded up. */
static void sizes(void **state)
{
    const char *dir = *state;
    put_picture(dir, "prune/prune_loss");
    put_picture(dir, "prune/prune_accuracy");
    put(dir, "prune/prune_loss.svg", "<svg viewBox=\"0 0 580 380\"></svg>");
    put(dir, "prune/prune_accuracy.svg", "<svg viewBox=\"0 0 1160 380\"></svg>");
    put(dir, "prune/prune.tsv",
        "level\tvalue\tmethod\ttrajectories\tshare\tloss\tloss_less\taccuracy\taccuracy_less\n"
        "slack\t0.25\tgreedy\t3\t1\t1\t1\t1\t1\nslack\t0.25\tbudget\t3\t1\t1\t1\t1\t1\n"
        "slack\t0.25\trandom\t3\t1\t1\t1\t1\t1\nslack\t0.25\tdescent\t3\t1\t1\t1\t1\t1\n");
    char *page = report(dir, NULL);
    expect(page, "<figure class=\"lab \" style=\"max-width:512px\">");
    expect(page, "<figure class=\"lab alone\" style=\"max-width:1024px\">");
    expect_none(page, "min-width:4");
    const char *rest = expect(page, "<details><summary>2 more rows</summary>");
    assert_true(expect(page, "<td class=\"t\">greedy</td>") < rest);
    assert_true(expect(page, "<td class=\"t\">random</td>") < rest);
    assert_true(expect(page, "<td class=\"t\">budget</td>") > rest);
    assert_true(expect(page, "<td class=\"t\">descent</td>") > rest);
    assert_int_equal(count(page, "<td class=\"t\">0.25</td>"), 4);
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(elsewhere, set_up, tear_down),
        cmocka_unit_test_setup_teardown(where, set_up, tear_down),
        cmocka_unit_test_setup_teardown(broken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hostile, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_large, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_frames, set_up, tear_down),
        cmocka_unit_test_setup_teardown(roles, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tables, set_up, tear_down),
        cmocka_unit_test_setup_teardown(once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sizes, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
