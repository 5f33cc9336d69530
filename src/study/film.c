/* film.c - see film.h. */
#include "study/film.h"

#include "core/base64.h"
#include "core/file.h"
#include "core/path.h"

#include <string.h>

enum { PICTURE_MAX = 1 << 26, FILM_MAX = 1 << 30 };

/* Visible from its turn to the next; before and after, hidden. The last is visible where nothing is animated. */
static void add_turn(struct raml_buf *b, size_t i, size_t n, double seconds)
{
    raml_buf_addf(b,
                  "<animate attributeName=\"visibility\" calcMode=\"discrete\" repeatCount=\"indefinite\" dur=\"%gs\" "
                  "values=\"",
                  seconds * (double)n);
    for (size_t k = 0; k < n; k++) raml_buf_addf(b, "%s%s", k ? ";" : "", k == i ? "visible" : "hidden");
    raml_buf_adds(b, "\" keyTimes=\"");
    for (size_t k = 0; k < n; k++) raml_buf_addf(b, "%s%.6g", k ? ";" : "", (double)k / (double)n);
    raml_buf_adds(b, "\"/>");
}

static enum raml_code add_frame(struct raml_buf *b, const char *dir, const char *name, size_t i, size_t n,
                                double seconds, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    struct raml_buf picture;
    raml_buf_init(&picture, PICTURE_MAX);
    enum raml_code rc = raml_path_format(path, err, "%s/%s.svg", dir, name);
    if (!rc) rc = raml_file_read(path, &picture, err);
    if (!rc) {
        raml_buf_addf(b, "<image width=\"100%%\" height=\"100%%\" visibility=\"%s\" href=\"data:image/svg+xml;base64,",
                      i + 1 == n ? "visible" : "hidden");
        raml_buf_add_base64(b, picture.data, picture.len);
        raml_buf_adds(b, "\">");
        if (n > 1) add_turn(b, i, n, seconds);
        raml_buf_adds(b, "</image>\n");
    }
    raml_buf_deinit(&picture);
    return rc;
}

enum raml_code raml_film_write(const char *dir, const char *name, const char *title, const char *const *frame,
                               size_t n_frames, double seconds, int width, int height, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    struct raml_buf b;
    enum raml_code rc = RAML_OK;
    raml_buf_init(&b, FILM_MAX);
    raml_buf_addf(&b,
                  "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
                  "height=\"%d\" viewBox=\"0 0 %d %d\" role=\"img\">\n<title>",
                  width, height, width, height);
    raml_buf_add_html(&b, title, strlen(title));
    raml_buf_adds(&b, "</title>\n");
    for (size_t i = 0; i < n_frames && !rc; i++) rc = add_frame(&b, dir, frame[i], i, n_frames, seconds, err);
    raml_buf_adds(&b, "</svg>\n");
    if (!rc) rc = raml_buf_status(&b, err);
    if (!rc) rc = raml_path_format(path, err, "%s/%s.svg", dir, name);
    if (!rc) rc = raml_file_write(path, b.data, b.len, err);
    raml_buf_deinit(&b);
    return rc;
}
