#!/bin/sh
# transformers 5.24.0 (PyPI; with torch 2.15.0): Cache.crop on a model whose layers are partly linear attention (Qwen3-Next;
# Qwen3.5 has the same layers). After activate_past_recording, which the error message asks for, crop(-n) takes n tokens off
# the keys, the values, the convolution's states and get_seq_length, raises nothing, and leaves the recurrent states as they
# were: what is read next still knows the tokens that were cropped. The cache's property is_croppable says False; crop does
# not look at it. Expected: an error, as without activate_past_recording, or states as they were n tokens before.
# So a trajectory of such a model can't be forked by cropping its cache; the states have to be computed again (or kept).
# raml's cache of keys and values takes models of full attention alone, and its forks are tested against paths read alone.
# Output seen: "attention: croppable True, fork - alone 0.000; hybrid: croppable False, 20 tokens left, recurrent states
# changed 0.000, fork - alone 0.524". Exit code 0 while it is so, 1 when it has changed.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" -q install transformers==5.24.0 torch==2.15.0 numpy==2.4.6
"$dir/venv/bin/python" - 2>/dev/null <<'P'
import sys

import torch
from transformers import DynamicCache, Qwen3Config, Qwen3ForCausalLM, Qwen3NextConfig, Qwen3NextForCausalLM

torch.manual_seed(0)
shape = dict(vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=4, num_attention_heads=2,
             num_key_value_heads=1, head_dim=16, max_position_embeddings=128, initializer_range=0.2)
linear = dict(linear_num_key_heads=2, linear_num_value_heads=2, linear_key_head_dim=16, linear_value_head_dim=16,
              num_experts=4, num_experts_per_tok=2, moe_intermediate_size=32, shared_expert_intermediate_size=32)
attention = Qwen3ForCausalLM(Qwen3Config(**shape)).eval()
hybrid = Qwen3NextForCausalLM(Qwen3NextConfig(**shape, **linear)).eval()
text = torch.randint(0, 64, (1, 24))
word = torch.randint(0, 64, (1, 4))


def states(cache):
    return [layer.recurrent_states[0].clone() for layer in cache.layers if hasattr(layer, "recurrent_states")]


def fork(model):
    """Logits after text[:16] + word: from the cropped cache of text, and read alone. And how recurrent states changed."""
    with torch.no_grad():
        cache = DynamicCache(config=model.config)
        cache.activate_past_recording()
        model(text, cache=cache, use_cache=True)
        croppable, before = cache.is_croppable, states(cache)
        cache.crop(-8)
        change = max([(a - b).abs().max().item() for a, b in zip(before, states(cache))], default=0.0)
        forked = model(word, cache=cache, use_cache=True).logits[0, -1]
        alone = model(torch.cat([text[:, :16], word], dim=1)).logits[0, -1]
    return croppable, cache.get_seq_length(), change, ((forked - alone).abs().max() / alone.abs().max()).item()


a, h = fork(attention), fork(hybrid)
print(f"attention: croppable {a[0]}, fork - alone {a[3]:.3f}; hybrid: croppable {h[0]}, {h[1]} tokens left, "
      f"recurrent states changed {h[2]:.3f}, fork - alone {h[3]:.3f}")
sys.exit(0 if a[0] and a[3] < 1e-4 and not h[0] and h[1] == 20 and h[2] == 0 and h[3] > 0.01 else 1)
P
