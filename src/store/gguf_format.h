/* gguf_format.h - what the reader, the writer and the conversions of GGUF share. */
#ifndef STORE_GGUF_FORMAT_H
#define STORE_GGUF_FORMAT_H

#include "raml/gguf.h"

enum {
    GGUF_HEADER_BYTES = 24,
    GGUF_MAX_KEY = 65535, /* bytes (ggml's docs/gguf.md) */
    GGUF_MAX_NAME = 64,   /* bytes of a tensor's name (ggml's docs/gguf.md) */
    GGUF_ALIGN = 32,      /* where a file has none */
    GGUF_BLOCK = 32       /* elements of a Q8_0, Q4_0, Q4_1, Q5_0 or Q5_1 block */
};

size_t raml_gguf_type_size(enum raml_gguf_type t); /* of one value in the file; 0 for strings and arrays */
/* A key: 1 to GGUF_MAX_KEY printable ASCII characters. A tensor's name: 1 to GGUF_MAX_NAME bytes, no control ones. */
bool raml_gguf_legal_key(const char *key, size_t n);
bool raml_gguf_legal_name(const char *name, size_t n);

float raml_half_to_float(uint16_t h);
/* x >= 0 to the nearest half, ties to even; above 65504: 0x7c00, infinity. */
uint16_t raml_half_from_float(float x);

#endif
