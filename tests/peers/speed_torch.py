"""Worker of speed.py: training steps of a Llama in PyTorch: forward, loss, backward, gradient clipping, AdamW.

Two models of the same shape: transformers' LlamaForCausalLM, and one written down with as few operations as PyTorch has.
"""
import os
import statistics
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

from speed_common import serve

torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
torch.manual_seed(0)
held = {}


class Block(nn.Module):
    def __init__(self, d, heads, kv, ffn):
        super().__init__()
        self.heads, self.kv, self.size = heads, kv, d // heads
        self.qkv = nn.Linear(d, (heads + 2 * kv) * self.size, bias=False)
        self.out = nn.Linear(d, d, bias=False)
        self.up = nn.Linear(d, 2 * ffn, bias=False)
        self.down = nn.Linear(ffn, d, bias=False)
        self.norm1, self.norm2 = nn.RMSNorm(d, eps=1e-5), nn.RMSNorm(d, eps=1e-5)

    def rotate(self, x, cos, sin):
        a, b = x.chunk(2, -1)
        return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)

    def forward(self, x, cos, sin):
        B, T, d = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(B, T, -1, self.size).transpose(1, 2).split((self.heads, self.kv, self.kv), 1)
        q, k = self.rotate(q, cos, sin), self.rotate(k, cos, sin)
        y = F.scaled_dot_product_attention(q, k.to(v.dtype), v, is_causal=True, enable_gqa=True) if q.dtype == v.dtype else \
            F.scaled_dot_product_attention(q.to(v.dtype), k.to(v.dtype), v, is_causal=True, enable_gqa=True)
        x = x + self.out(y.transpose(1, 2).reshape(B, T, d))
        a, b = self.up(self.norm2(x)).chunk(2, -1)
        return x + self.down(F.silu(a) * b)


class Plain(nn.Module):
    def __init__(self, vocabulary, d, ffn, layers, heads, kv):
        super().__init__()
        self.embed = nn.Embedding(vocabulary, d)
        self.blocks = nn.ModuleList(Block(d, heads, kv, ffn) for _ in range(layers))
        self.norm = nn.RMSNorm(d, eps=1e-5)
        size = d // heads
        angle = torch.outer(torch.arange(4096.0), 1e4 ** (-torch.arange(0, size, 2) / size))
        self.register_buffer("cos", angle.cos())
        self.register_buffer("sin", angle.sin())
        for x in self.parameters():
            if x.dim() > 1:
                nn.init.normal_(x, std=0.02)

    def forward(self, ids):
        x, T = self.embed(ids), ids.shape[1]
        for b in self.blocks:
            x = b(x, self.cos[:T], self.sin[:T])
        logits = F.linear(self.norm(x[:, :-1]), self.embed.weight)
        return F.cross_entropy(logits.float().flatten(0, 1), ids[:, 1:].flatten())


def make(kind, shape):
    model, dtype, how = kind.split("-")
    if model == "plain":
        m = Plain(*shape)
    else:
        from transformers import LlamaConfig, LlamaForCausalLM
        vocabulary, d, ffn, layers, heads, kv = shape
        m = LlamaForCausalLM(LlamaConfig(vocab_size=vocabulary, hidden_size=d, intermediate_size=ffn, num_hidden_layers=layers, num_attention_heads=heads,
                                         num_key_value_heads=kv, max_position_embeddings=4096, tie_word_embeddings=True, use_cache=False, attn_implementation="sdpa"))
    m.train()
    decays = [x for x in m.parameters() if x.dim() > 1]
    opt = torch.optim.AdamW([{"params": decays}, {"params": [x for x in m.parameters() if x.dim() < 2], "weight_decay": 0.0}], lr=1e-4, fused=True)
    return m, (torch.compile(m) if how == "compile" else m), opt, dtype == "bf16", model == "plain"


def train(kind, shape, rows, length, seconds):
    """The median step's tokens/s."""
    key = (kind, tuple(shape))
    fresh = key not in held
    if fresh:
        held[key] = make(kind, shape)
    m, f, opt, bf16, plain = held[key]
    ids = torch.randint(0, shape[0], (rows, length))
    times, began = [], time.perf_counter()
    i = 0
    while i < (6 if fresh else 4) or time.perf_counter() - began < seconds:
        start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            loss = f(ids) if plain else f(input_ids=ids, labels=ids).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(m.parameters(), 1.0)
        opt.step()
        opt.zero_grad(set_to_none=True)
        times.append(time.perf_counter() - start)
        i += 1
        if i == (3 if fresh else 1):
            times, began = [], time.perf_counter()  # what is compiled and allocated at first
    return {"tokens_per_s": rows * length / statistics.median(times), "loss": loss.item(), "parameters": sum(x.numel() for x in m.parameters())}


def forget():
    held.clear()
    torch._dynamo.reset()
    return {}


if __name__ == "__main__":
    serve({"train": train, "forget": forget, "version": lambda: {"torch": torch.__version__, "python": sys.version.split()[0]}})
