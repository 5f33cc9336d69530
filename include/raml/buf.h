/* buf.h - bytes that grow, up to a maximum given at init.
 *
 * Invariant: data[len] == 0 whenever data is not NULL, so text can be read as a C string.
 * Errors    a failed append leaves the buffer as it was and is remembered: `code` stays set, later appends do nothing,
 *           so a long run of appends is checked once at its end with raml_buf_status.
 * Ownership raml_buf_deinit frees; raml_buf_take hands the bytes over to the caller (free() them).
 */
#ifndef RAML_BUF_H
#define RAML_BUF_H

#include "raml/err.h"

#include <stddef.h>

#pragma GCC visibility push(default)

struct raml_buf {
    char *data;
    size_t len, cap, max;
    enum raml_code code;
};

void raml_buf_init(struct raml_buf *b, size_t max_bytes);
void raml_buf_deinit(struct raml_buf *b);
void raml_buf_clear(struct raml_buf *b); /* length 0, memory and maximum kept, code reset */
void raml_buf_add(struct raml_buf *b, const void *bytes, size_t n);
void raml_buf_adds(struct raml_buf *b, const char *text);
void raml_buf_addf(struct raml_buf *b, const char *fmt, ...) RAML_PRINTF(2, 3);
/* Appends text with < > & " escaped for HTML. */
void raml_buf_add_html(struct raml_buf *b, const char *text, size_t n);
char *raml_buf_take(struct raml_buf *b);
RAML_CHECKED enum raml_code raml_buf_status(const struct raml_buf *b, struct raml_err *err);

#pragma GCC visibility pop
#endif
