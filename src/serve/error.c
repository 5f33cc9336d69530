/* error.c - the API's error objects. See parts.h. */
#include "serve/parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool raml_api_refuse(struct api_error *e, int status, const char *param, const char *code, const char *fmt, ...)
{
    va_list args;
    *e = (struct api_error){.status = status, .code = code};
    snprintf(e->param, sizeof e->param, "%s", param ? param : "");
    va_start(args, fmt);
    vsnprintf(e->message, sizeof e->message, fmt, args);
    va_end(args);
    return false;
}

void raml_server_error(int status, const char *param, const char *code, const char *message, struct raml_buf *out)
{
    raml_buf_adds(out, "{\"error\":{\"message\":");
    raml_json_out_text(out, message, strlen(message));
    raml_buf_addf(out, ",\"type\":\"%s\",\"param\":", status < 500 ? "invalid_request_error" : "server_error");
    if (param && *param) raml_json_out_text(out, param, strlen(param));
    else raml_buf_adds(out, "null");
    raml_buf_adds(out, ",\"code\":");
    if (code) raml_json_out_text(out, code, strlen(code));
    else raml_buf_adds(out, "null");
    raml_buf_adds(out, "}}\n");
}
