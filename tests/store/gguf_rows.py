#!/usr/bin/env python3
"""gguf_rows.py - blocks of each type and their numbers, by the package `gguf` of PyPI: prints gguf_rows.h.

    python3 -m venv venv && venv/bin/pip install gguf==0.19.0 numpy==2.4.6 && venv/bin/python gguf_rows.py > gguf_rows.h

The package packs what it can (normal numbers times 2^-6 .. 2^5); blocks of the K and IQ types, which it only reads, are random
bytes with scales of either sign, a subnormal one among them. Zeros are written as +0 (store/blocks.h).
"""
from importlib.metadata import version

import gguf
import numpy as np

rng = np.random.default_rng(20)
T = gguf.GGMLQuantizationType
HALVES = {T.Q4_K: (0, 2), T.Q5_K: (0, 2), T.Q6_K: (208,), T.Q2_K: (80, 82), T.Q3_K: (108,), T.IQ4_NL: (0,), T.IQ4_XS: (0,)}
SCALES = np.array([0.01, -0.02, 3e-6, 0.5], dtype=np.float16)


def blocks_of(t, count):
    n, size = gguf.GGML_QUANT_SIZES[t]
    if t not in HALVES:
        x = rng.standard_normal((count, n)) * 2.0 ** rng.integers(-6, 6, (count, 1))
        return gguf.quants.quantize(x.astype(np.float32), t).view(np.uint8)
    b = rng.integers(0, 256, (count, size), dtype=np.uint8)
    for at in HALVES[t]:
        b[:, at:at + 2] = rng.choice(SCALES, count)[:, None].view(np.uint8)
    return b


def lines(words, per_line):
    for i in range(0, len(words), per_line):
        print("    " + ", ".join(words[i:i + per_line]) + ",")


print("/* gguf_rows.h - blocks of each type and the bits of their numbers as f32. Made by gguf_rows.py, which says with what")
print(" * (gguf %s, numpy %s). */" % (version("gguf"), np.__version__))
print("#ifndef TESTS_GGUF_ROWS_H\n#define TESTS_GGUF_ROWS_H\n\n#include <stddef.h>\n#include <stdint.h>\n")
rows = []
for t, count in [(T.F16, 16), (T.BF16, 16), (T.Q8_0, 2), (T.Q4_0, 3), (T.Q4_1, 3), (T.Q5_0, 3), (T.Q5_1, 3),
                 (T.Q4_K, 1), (T.Q5_K, 1), (T.Q6_K, 1), (T.Q2_K, 1), (T.Q3_K, 1), (T.IQ4_NL, 3), (T.IQ4_XS, 1)]:
    b = blocks_of(t, count)
    want = (gguf.quants.dequantize(b, t).astype(np.float32) + np.float32(0)).reshape(-1).view(np.uint32)
    name = t.name.lower()
    print("static const unsigned char %s_bytes[] = {" % name)
    lines([str(v) for v in b.reshape(-1)], 22)
    print("};\nstatic const uint32_t %s_bits[] = {" % name)
    lines(["0x%08x" % v for v in want], 9)
    print("};")
    rows.append("    {%d, %d, sizeof %s_bytes, %s_bytes, %s_bits}," % (t.value, want.size, name, name, name))
print("\nstatic const struct gguf_row {\n    uint32_t type;\n    size_t n, bytes;\n    const unsigned char *data;")
print("    const uint32_t *bits;\n} gguf_rows[] = {")
print("\n".join(rows))
print("};\n\n#endif")
