#!/bin/sh
# transformers 5.24.0 (PyPI; with gguf 0.19.0, accelerate 1.15.0, torch 2.15.0): from_pretrained(.., gguf_file=FILE). Documented: GGUF files are
# loaded for further training in torch. Seen: how a model was stretched to a longer context is in the file and is not read.
# PREFIX.rope.scaling.* (YaRN and linear; read for gpt-oss alone) and the tensor rope_freqs.weight, in which llama.cpp's converter
# stores Llama 3.1's factors: the model is built with rope_type "default" and turns every position as if it had no scaling. No
# warning says so. Expected: what the same model has when it is loaded from safetensors, or a refusal.
# raml reads both; logits of such a file differ from transformers', and transformers' from the checkpoint's that it was made of.
# Output seen: "qwen2, yarn by 4 in the file: default, slowest frequency 0.000316; llama, factors of Llama 3.1 in the file: default,
# slowest frequency 0.000316; from safetensors' config: 0.000079 and 0.000040". Exit code 0 while it is so, 1 when it has changed.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" -q install --no-compile transformers==5.24.0 accelerate==1.15.0 gguf==0.19.0 torch==2.15.0 numpy==2.4.6
cd "$dir"
HF_HUB_OFFLINE=1 CUDA_VISIBLE_DEVICES='' "$dir/venv/bin/python" - <<'P'
import sys

import numpy as np
from gguf import GGUFWriter
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

SIZE, HEADS, WORDS = 32, 2, 16


def write(path, kind):
    """A model of one layer: qwen2 with YaRN's keys, or llama with the tensor of factors."""
    w = GGUFWriter(path, kind)
    random = np.random.default_rng(0)

    def put(name, *shape):
        value = np.ones(shape) if len(shape) == 1 else random.standard_normal(shape) * 0.3
        w.add_tensor(name, value.astype(np.float32))
    w.add_context_length(256)
    w.add_embedding_length(SIZE)
    w.add_block_count(1)
    w.add_feed_forward_length(2 * SIZE)
    w.add_head_count(HEADS)
    w.add_head_count_kv(HEADS)
    w.add_layer_norm_rms_eps(1e-6)
    w.add_rope_freq_base(10000.0)
    w.add_rope_dimension_count(SIZE // HEADS)
    w.add_vocab_size(WORDS)
    w.add_tokenizer_model("gpt2")
    w.add_token_list([chr(97 + i) for i in range(WORDS)])
    w.add_token_types([1] * WORDS)
    w.add_token_merges([])
    w.add_eos_token_id(1)
    if kind == "llama":
        w.add_tensor("rope_freqs.weight", np.array([1, 1, 1, 1, 2, 4, 8, 8], dtype=np.float32))
    else:
        w.add_string("qwen2.rope.scaling.type", "yarn")
        w.add_rope_scaling_factor(4.0)
        w.add_rope_scaling_orig_ctx_len(64)
    put("token_embd.weight", WORDS, SIZE)
    put("output.weight", WORDS, SIZE)
    put("output_norm.weight", SIZE)
    for name in "qkv":
        put(f"blk.0.attn_{name}.weight", SIZE, SIZE)
        if kind == "qwen2":
            put(f"blk.0.attn_{name}.bias", SIZE)
    put("blk.0.attn_output.weight", SIZE, SIZE)
    put("blk.0.ffn_gate.weight", 2 * SIZE, SIZE)
    put("blk.0.ffn_up.weight", 2 * SIZE, SIZE)
    put("blk.0.ffn_down.weight", SIZE, 2 * SIZE)
    put("blk.0.attn_norm.weight", SIZE)
    put("blk.0.ffn_norm.weight", SIZE)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def slowest(model):
    return model.model.rotary_emb.inv_freq[-1].item()


def of_config(kind, model, scaling):
    """The same model's as its own config has it."""
    return slowest(model(kind(hidden_size=SIZE, intermediate_size=2 * SIZE, num_hidden_layers=1, num_attention_heads=HEADS, vocab_size=WORDS,
                              num_key_value_heads=HEADS, max_position_embeddings=256,
                              rope_parameters={"rope_theta": 10000.0, "original_max_position_embeddings": 64, **scaling})))


seen = {}
for kind in ("qwen2", "llama"):
    write(f"{kind}.gguf", kind)
    model = AutoModelForCausalLM.from_pretrained(".", gguf_file=f"{kind}.gguf")
    seen[kind] = model.config.rope_parameters["rope_type"], slowest(model)
yarn = of_config(Qwen2Config, Qwen2ForCausalLM, {"rope_type": "yarn", "factor": 4.0})
llama3 = of_config(LlamaConfig, LlamaForCausalLM,
                   {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0})
print("qwen2, yarn by 4 in the file: %s, slowest frequency %.6f; llama, factors of Llama 3.1 in the file: %s, slowest frequency %.6f; "
      "from safetensors' config: %.6f and %.6f" % (*seen["qwen2"], *seen["llama"], yarn, llama3))
plain = 10000.0 ** (-14 / 16)
dropped = all(t == "default" and abs(f / plain - 1) < 1e-5 for t, f in seen.values())
sys.exit(0 if dropped and yarn < plain / 3 and llama3 < plain / 7 else 1)
P
