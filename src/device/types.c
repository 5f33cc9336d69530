/* types.c - see types.h. */
#include "device/types.h"

static const struct {
    const char *name;
    size_t block, bytes;
} types[RAML_TYPES] = {
    [RAML_TYPE_F32] = {"F32", 1, 4},       [RAML_TYPE_BF16] = {"BF16", 1, 2},     [RAML_TYPE_F16] = {"F16", 1, 2},
    [RAML_TYPE_Q8_0] = {"Q8_0", 32, 34}, /* a scale in f16, and 32 signed bytes */
    [RAML_TYPE_Q4_0] = {"Q4_0", 32, 18},   [RAML_TYPE_Q4_1] = {"Q4_1", 32, 20},   [RAML_TYPE_Q5_0] = {"Q5_0", 32, 22},
    [RAML_TYPE_Q5_1] = {"Q5_1", 32, 24},   [RAML_TYPE_Q4_K] = {"Q4_K", 256, 144}, [RAML_TYPE_Q5_K] = {"Q5_K", 256, 176},
    [RAML_TYPE_Q6_K] = {"Q6_K", 256, 210},
};

const char *raml_type_name(enum raml_type t)
{
    return types[t].name;
}

size_t raml_type_block(enum raml_type t)
{
    return types[t].block;
}

size_t raml_type_block_bytes(enum raml_type t)
{
    return types[t].bytes;
}

size_t raml_type_bytes(enum raml_type t, size_t n)
{
    return n / types[t].block * types[t].bytes;
}
