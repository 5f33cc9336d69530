/* bits_table.h - checksums (FNV-1a) of the results of bits_runs.h's kernels for 33 rows of 100, in f32 and bf16, on
 * every machine and at every level but the reference. test_bits prints what it finds where it differs; a line changes
 * only with a kernel's arithmetic, and the commit gives the reason. */
#ifndef RAML_TESTS_DEVICE_BITS_TABLE_H
#define RAML_TESTS_DEVICE_BITS_TABLE_H

#include <stdint.h>

static const struct {
    const char *name;
    uint64_t f32, bf16;
} table[] = {
    {"embed", 0x8c0cd3ca1260d9dc, 0x8c0cd3ca1260d9dc},     {"norm", 0x58d8aedd90ab5f44, 0x3ffce3f17c73c67a},
    {"silu", 0xb9e9229a9f6f4c9a, 0xc7400794fc704afc},      {"heads", 0x68205a4e12251b4c, 0xd8e5f649b37aee1e},
    {"loss", 0xdc4102fbeb7bd79e, 0x8d72fb999831ffd8},      {"moves", 0xd01adc1a66bfae18, 0xe63534b1c296a5fd},
    {"exp", 0xb9812ff90f6239d2, 0xb9812ff90f6239d2},       {"low_rank", 0xdf30ef999fd16e23, 0xe11ddd96a4e56016},
    {"rank", 0x1cba3c99923a40f5, 0x9f063764d050015d},      {"gelu", 0x02954a2e61aad448, 0x8c29d9205d26b99e},
    {"scale_add", 0x3a71e4d5c58a39bd, 0x3f59083e69650594}, {"whole", 0x48507d6eef644281, 0x6e1b1812204e80c6},
};

#endif
