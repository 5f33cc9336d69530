"""A Llama in numpy on a GGUF file's own blocks, its products' inputs exact, or rounded to 8 bits as llama.cpp rounds them.

llama.cpp multiplies matrices of Q4_1 and Q8_0 in integers: every 32 inputs are divided by a scale d, which is stored in f16, and rounded to
8 bits; for Q4_1 it also stores d times their sum in f16, which is multiplied with the block's minimum (ggml: block_q8_0, block_q8_1). real_model.py
asks whether that is all in which llama.cpp and raml differ on such a file.
"""
import numpy as np

KINDS = {"Q4_1": 3, "Q8_0": 8, "F32": 0}


def dequantised(t):
    from gguf.quants import dequantize
    return dequantize(t.data, t.tensor_type)


def minima(t):
    """The minima of a Q4_1 matrix, [outputs, blocks]."""
    raw = np.ascontiguousarray(t.data).reshape(t.data.shape[0], -1, 20)
    return np.ascontiguousarray(raw[:, :, 2:4]).view("<f2")[..., 0].astype(np.float32)


class Matrix:
    def __init__(self, t):
        self.w, self.kind = dequantised(t), t.tensor_type.name
        if self.kind not in KINDS:
            raise ValueError(f"{t.name} is {self.kind}: only {', '.join(KINDS)} are rounded here")
        self.low = minima(t) if self.kind == "Q4_1" else None

    def times(self, x, rounded):
        """x: [rows, inputs]"""
        if not rounded or self.kind == "F32":
            return x @ self.w.T
        y = x.reshape(len(x), -1, 32)
        most = np.abs(y).max(-1, keepdims=True)
        d = most / np.float32(127)
        with np.errstate(divide="ignore"):
            inverse = np.where(most > 0, np.float32(127) / most, 0).astype(np.float32)
        q = np.rint(y * inverse)
        stored = d.astype(np.float16).astype(np.float32)
        out = (q * stored).reshape(x.shape) @ self.w.T
        if self.low is not None:
            total = q.sum(-1)
            kept = (d[..., 0] * total).astype(np.float16).astype(np.float32)
            out = out + (kept - stored[..., 0] * total) @ self.low.T
        return out


class Llama:
    def __init__(self, path):
        from gguf import GGUFReader
        r = GGUFReader(path)
        get = lambda key: r.fields["llama." + key].contents()
        t = {x.name: x for x in r.tensors}
        self.n, self.eps, self.base = get("block_count"), get("attention.layer_norm_rms_epsilon"), get("rope.freq_base")
        self.heads, self.kv = get("attention.head_count"), get("attention.head_count_kv")
        self.moved = None
        self.head, self.norm = Matrix(t.get("output.weight", t["token_embd.weight"])), dequantised(t["output_norm.weight"])
        self.embedding = dequantised(t["token_embd.weight"])
        names = "attn_norm", "attn_q", "attn_k", "attn_v", "attn_output", "ffn_norm", "ffn_gate", "ffn_up", "ffn_down"
        self.layer = [{x: dequantised(t[f"blk.{i}.{x}.weight"]) if "norm" in x else Matrix(t[f"blk.{i}.{x}.weight"]) for x in names}
                      for i in range(self.n)]

    def rms(self, x, w):
        y = (x / np.sqrt((x.astype(np.float64) ** 2).mean(-1, keepdims=True) + self.eps)).astype(np.float32) * w
        return y if self.moved is None else y * (1 + self.moved.integers(-1, 2, y.shape) * np.float32(2) ** -23).astype(np.float32)

    def turned(self, x):
        """Rotary embedding of neighbours, as GGUF's Llama has them. x: [rows, heads, size]"""
        half = x.shape[-1] // 2
        angle = np.arange(len(x))[:, None] * self.base ** (-np.arange(half) / half)
        c, s = np.cos(angle)[:, None].astype(np.float32), np.sin(angle)[:, None].astype(np.float32)
        a, b = x[..., 0::2], x[..., 1::2]
        return np.stack([a * c - b * s, a * s + b * c], -1).reshape(x.shape)

    def attention(self, q, k, v):
        n, size = len(q), q.shape[1] // self.heads
        q, k = self.turned(q.reshape(n, self.heads, size)), self.turned(k.reshape(n, self.kv, size))
        k, v = (np.repeat(x.reshape(n, self.kv, size), self.heads // self.kv, 1) for x in (k, v))
        z = np.einsum("ihd,jhd->hij", q, k) / np.float32(np.sqrt(size)) + np.triu(np.full((n, n), -np.inf, np.float32), 1)
        p = np.exp(z - z.max(-1, keepdims=True))
        return np.einsum("hij,jhd->ihd", p / p.sum(-1, keepdims=True), v).reshape(n, -1)

    def logits(self, ids, rounded, seed=None):
        """seed: what norms give is moved by at most a unit in the last place, at random."""
        self.moved = None if seed is None else np.random.default_rng(seed)
        x = self.embedding[ids]
        for l in self.layer:
            y = self.rms(x, l["attn_norm"])
            q, k, v = (l["attn_" + w].times(y, rounded) for w in "qkv")
            x = x + l["attn_output"].times(self.attention(q, k, v), rounded)
            y = self.rms(x, l["ffn_norm"])
            gate = l["ffn_gate"].times(y, rounded)
            x = x + l["ffn_down"].times(gate / (1 + np.exp(-gate)) * l["ffn_up"].times(y, rounded), rounded)
        return self.head.times(self.rms(x, self.norm), rounded)

