#!/bin/sh
# peft 0.21.2 (PyPI; with transformers 5.24.0, torch 2.15.0): hotswap_adapter between LoRA adapters with the same rank_pattern
# or alpha_pattern.
# Documented: replaces the weights of the loaded adapter by those of another one, in place; the two may differ in rank and alpha,
# and adapters whose use_rslora or alpha_pattern differ are refused ("Configs are incompatible"). Seen: with a pattern that is the
# same in both, every module gets the scale lora_alpha / r, as if there were no pattern. Even an adapter that is swapped in for
# itself gives other logits. No warning. Expected: the logits of the adapter that was swapped in.
# Output seen: "an adapter swapped in for itself: no pattern: scales 1.0 and 1.0, then 1.0 and 1.0, logits differ by 0.00;
# alpha_pattern: scales 8.0 and 1.0, then 1.0 and 1.0, logits differ by 4.26; rank_pattern: scales 4.0 and 1.0, then 1.0 and 1.0,
# logits differ by 3.30; no warning". Exit code 0 while it is so, 1 when it has changed.
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
from peft.utils.hotswap import hotswap_adapter
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

folder = sys.argv[1]
torch.manual_seed(0)
LlamaForCausalLM(LlamaConfig(vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
                             num_key_value_heads=2, initializer_range=0.2)).save_pretrained(f"{folder}/base")
tokens = torch.arange(1, 17).unsqueeze(0)


def base():
    return AutoModelForCausalLM.from_pretrained(f"{folder}/base", dtype=torch.float32)


def swapped(**patterns):
    """Largest change of a logit, and scales of q_proj and v_proj before and after, of an adapter swapped in for itself."""
    torch.manual_seed(1)
    get_peft_model(base(), LoraConfig(task_type="CAUSAL_LM", r=8, lora_alpha=8, target_modules=["q_proj", "v_proj"],
                                      init_lora_weights=False, **patterns)).save_pretrained(f"{folder}/adapter")
    model = PeftModel.from_pretrained(base(), f"{folder}/adapter").eval()
    attention = model.base_model.model.model.layers[0].self_attn

    def scales():
        return [getattr(attention, name).scaling["default"] for name in ("q_proj", "v_proj")]

    with torch.no_grad():
        before, scale = model(tokens).logits, scales()
        hotswap_adapter(model, f"{folder}/adapter", adapter_name="default")
        return (model(tokens).logits - before).abs().max().item(), scale, scales()


with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    seen = {"no pattern": swapped(), "alpha_pattern": swapped(alpha_pattern={"q_proj": 64}), "rank_pattern": swapped(rank_pattern={"q_proj": 2})}
said = [str(w.message) for w in said if "pattern" in str(w.message) or "swap" in str(w.message) or "scal" in str(w.message)]
print("an adapter swapped in for itself: " + "; ".join(f"{name}: scales {a[0]} and {a[1]}, then {b[0]} and {b[1]}, logits differ by {d:.2f}"
                                                       for name, (d, a, b) in seen.items()) + f"; {said or 'no warning'}")
none, alpha, rank = seen.values()
same = none[0] == 0 and alpha[0] > 0.01 and rank[0] > 0.01 and not said
same = same and alpha[1:] == ([8.0, 1.0], [1.0, 1.0]) and rank[1:] == ([4.0, 1.0], [1.0, 1.0])
open(f"{folder}/verdict", "w").write("as described" if same else "changed")
P
[ "$(cat "$dir/verdict")" = "as described" ]
