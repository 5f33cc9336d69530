#!/bin/sh
# peft 0.21.2 (PyPI; with transformers 5.24.0, torch 2.15.0): add_weighted_adapter of LoRA adapters that have use_rslora.
# Documented: merges the adapters with the weights; `cat` and `svd` "are precise methods and will give you good accuracy".
# Seen: the new adapter is made with lora_alpha = r, so that its scale were 1, but inherits use_rslora, and its scale is
# r / sqrt(r): the sum is sqrt(r) times too strong, r being the new rank (twice the old one after `cat` of two). Adapters without
# use_rslora are summed as they should, and so are two where only the second has it: the first one's settings are taken. No
# warning says so. Expected: delta W of the new adapter is 0.5 delta W of the first + 0.5 delta W of the second.
# Output seen: "new / expected: alpha/r: cat 1.000, svd 1.000; rslora: cat 2.828, svd 2.828; rslora second only: cat 1.000,
# svd 1.000; no warning". Exit code 0 while it is so, 1 when it has changed.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" -q install --no-compile peft==0.21.2 transformers==5.24.0 torch==2.15.0 numpy==2.4.6
HF_HUB_OFFLINE=1 CUDA_VISIBLE_DEVICES='' "$dir/venv/bin/python" - "$dir" <<'P' 2>"$dir/log" | tail -n 1
import math
import sys
import warnings

import torch
from peft import LoraConfig, get_peft_model

folder = sys.argv[1]


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(32, 24, bias=False)

    def forward(self, x):
        return self.layer(x)


def ratio(kind, first, second):
    """Change of the output by the new adapter over what the weights ask for, after two adapters of rank 4."""
    torch.manual_seed(0)
    model = get_peft_model(Net(), LoraConfig(r=4, lora_alpha=4, target_modules=["layer"], init_lora_weights=False, use_rslora=first), "one")
    model.add_adapter("two", LoraConfig(r=4, lora_alpha=4, target_modules=["layer"], init_lora_weights=False, use_rslora=second))
    layer, x = model.base_model.model.layer, torch.randn(64, 32)
    with torch.no_grad():
        def change(name):
            model.set_adapter(name)
            return model(x) - layer.base_layer(x)

        expected = 0.5 * change("one") + 0.5 * change("two")
        model.add_weighted_adapter(["one", "two"], [0.5, 0.5], "sum", combination_type=kind, svd_rank=8)
        return (change("sum").norm() / expected.norm()).item()


with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    seen = {name: {kind: ratio(kind, *rs) for kind in ("cat", "svd")}
            for name, rs in {"alpha/r": (False, False), "rslora": (True, True), "rslora second only": (False, True)}.items()}
print("new / expected: " + "; ".join(f"{name}: " + ", ".join(f"{kind} {v:.3f}" for kind, v in by.items()) for name, by in seen.items())
      + f"; {[str(w.message) for w in said] or 'no warning'}")
wanted = {"alpha/r": 1.0, "rslora": math.sqrt(8), "rslora second only": 1.0}
same = all(abs(v / wanted[name] - 1) < 1e-4 for name, by in seen.items() for v in by.values()) and not said
open(f"{folder}/verdict", "w").write("as described" if same else "changed")
P
[ "$(cat "$dir/verdict")" = "as described" ]
