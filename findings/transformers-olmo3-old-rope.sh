#!/bin/sh
# transformers 5.24.0 (PyPI; with torch 2.15.0): a config.json of OLMo 3 in the format of transformers 4, with one rope_theta
# for all layers. The full-attention layers take it; those with a sliding window (three of four) silently take 500000, the
# class's default. The same config.json with rope_parameters for both kinds of layer gives another model from the same
# weights. Expected: the one rope_theta of the file for all layers, as with transformers 4, or a warning.
# So a small OLMo 3 trained with another base than 500000 has other logits when it is loaded; one that has 500000 has not.
# raml reads the one base for both kinds of layer, and writes rope_parameters, which both read the same (docs/model.md).
# Output seen: "windowed 500000, full 10000; logits of the same weights differ by 0.69 of the largest". The last number
# may vary. Exit code 0 while it is so, 1 when it has changed.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" -q install transformers==5.24.0 torch==2.15.0 numpy==2.4.6
"$dir/venv/bin/python" - "$dir" 2>"$dir/said" <<'P'
import json
import sys

import torch
from transformers import AutoConfig, AutoModelForCausalLM

shape = dict(model_type="olmo3", architectures=["Olmo3ForCausalLM"], vocab_size=64, hidden_size=32, intermediate_size=64,
             num_hidden_layers=4, num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=128,
             initializer_range=0.3, sliding_window=64, pad_token_id=0, eos_token_id=1,
             layer_types=["sliding_attention"] * 3 + ["full_attention"])
base = {"rope_type": "default", "rope_theta": 10000.0}


def model(**rope):
    with open(sys.argv[1] + "/config.json", "w") as f:
        json.dump({**shape, **rope}, f)
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(sys.argv[1])).eval()


old = model(rope_theta=10000.0)
new = model(rope_parameters={"sliding_attention": base, "full_attention": base})
new.load_state_dict(old.state_dict())
text = torch.randint(0, 64, (1, 48))
with torch.no_grad():
    a, b = old(text).logits, new(text).logits
theta = {kind: p["rope_theta"] for kind, p in old.config.rope_parameters.items()}
gap = ((a - b).abs().max() / b.abs().max()).item()
print(f"windowed {theta['sliding_attention']:.0f}, full {theta['full_attention']:.0f}; "
      f"logits of the same weights differ by {gap:.2f} of the largest")
sys.exit(0 if theta == {"sliding_attention": 5e5, "full_attention": 1e4} and gap > 0.01 else 1)
P
if grep -i 'rope' "$dir/said"; then
    echo "transformers says something about it now"
    exit 1
fi
