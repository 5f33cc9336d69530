#!/bin/sh
# peft 0.21.2 (PyPI; with transformers 5.24.0, torch 2.15.0): a LoRA adapter with alpha_pattern, saved and loaded again.
# Documented (LoraConfig): a mapping from layer names or regular expressions to alphas; where several keys match a module, the
# first one counts (get_pattern_key goes through the mapping in its order), so that one puts the special case before the rule.
# Seen: save_pretrained writes adapter_config.json with its keys sorted, those of the mapping too. After loading, another key
# comes first: the module has another alpha, and the model other logits than the one that was saved. No warning.
# A rule is sorted before what it would have yielded to whenever it begins with . or [ or a letter below: here ".*_proj".
# Expected: the same function. (rank_pattern is sorted too; there loading ends with a size mismatch.)
# Output seen: "special case first: scale 8.0 saved, 2.0 loaded, logits differ by 3.88; written in sorted order: scale 2.0
# saved, 2.0 loaded, logits differ by 0.00; no warning". Exit code 0 while it is so, 1 when it has changed.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" -q install --no-compile peft==0.21.2 transformers==5.24.0 torch==2.15.0 numpy==2.4.6
HF_HUB_OFFLINE=1 CUDA_VISIBLE_DEVICES='' "$dir/venv/bin/python" - "$dir" <<'P' 2>"$dir/log" | tail -n 1
import sys
import warnings

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

folder = sys.argv[1]
torch.manual_seed(0)
LlamaForCausalLM(LlamaConfig(vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
                             num_key_value_heads=2, initializer_range=0.2)).save_pretrained(f"{folder}/base")
tokens = torch.arange(1, 17).unsqueeze(0)


def base():
    return AutoModelForCausalLM.from_pretrained(f"{folder}/base", dtype=torch.float32)


def alphas(pattern):
    """Scale of q_proj in layer 0 and all logits, of an adapter as it was made and as it was loaded; warnings of peft."""
    torch.manual_seed(1)
    config = LoraConfig(task_type="CAUSAL_LM", r=8, lora_alpha=8, target_modules=["q_proj", "v_proj"], alpha_pattern=pattern,
                        init_lora_weights=False)
    made = get_peft_model(base(), config).eval()
    made.save_pretrained(f"{folder}/adapter")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        loaded = PeftModel.from_pretrained(base(), f"{folder}/adapter").eval()
    scale = [m.base_model.model.model.layers[0].self_attn.q_proj.scaling["default"] for m in (made, loaded)]
    with torch.no_grad():
        difference = (made(tokens).logits - loaded(tokens).logits).abs().max().item()
    return *scale, difference, [str(w.message) for w in said if "pattern" in str(w.message) or "adapter" in str(w.message)]


special, rule = {"model.layers.0.self_attn.q_proj": 64}, {".*_proj": 16}
cases = {"special case first": {**special, **rule}, "written in sorted order": {**rule, **special}}
seen = {name: alphas(pattern) for name, pattern in cases.items()}
said = [w for *_, warned in seen.values() for w in warned]
print("; ".join(f"{name}: scale {made} saved, {loaded} loaded, logits differ by {d:.2f}" for name, (made, loaded, d, _) in seen.items())
      + f"; {said or 'no warning'}")
first, second = seen.values()
same = first[:2] == (8.0, 2.0) and first[2] > 0.01 and second[:2] == (2.0, 2.0) and second[2] == 0 and not said
open(f"{folder}/verdict", "w").write("as described" if same else "changed")
P
[ "$(cat "$dir/verdict")" = "as described" ]
