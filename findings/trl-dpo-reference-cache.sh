#!/bin/sh
# trl 1.16.0 (PyPI; with transformers 5.24.0, datasets 5.2.0, torch 2.15.0): DPOTrainer with precompute_ref_log_probs=True on a
# data set that was loaded from a file. Documented: "whether to precompute the reference model log probabilities for the entire
# training dataset before training". Seen: they are also written beside the data set's cache, under a name made of rows and weights,
# and a later run with the same rows and weights reads them. ld_alpha, and max_length with truncation_mode="keep_end", decide which
# tokens are summed and are not in that name: of runs that differ in them, all but the first train against another run's
# reference. No warning says so. (With max_length and the usual truncation_mode, long prompts are dropped by a filter whose name
# hangs on all the arguments, and each run has its own.) Expected: in the first step the policy is the reference, the loss ln 2 = 0.6931.
# raml train dpo computes the reference in the run, and has neither option; a comparison over them in trl needs a cache for each run.
# Output seen: "loss of the first step: max_length None 0.6931; then ld_alpha 0 36.6542, in a new cache 0.6931; then the last 12
# tokens 13.0935, in a new cache 0.6931". The large numbers may vary. Exit code 0 while it is so, 1 when it has changed.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" -q install --no-compile trl==1.16.0 transformers==5.24.0 accelerate==1.15.0 datasets==5.2.0 torch==2.15.0 numpy==2.4.6
HF_HUB_OFFLINE=1 CUDA_VISIBLE_DEVICES='' "$dir/venv/bin/python" - "$dir" <<'P' 2>"$dir/log" | tail -n 1
import json
import math
import sys

import torch
from datasets import load_dataset
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM
from trl import DPOConfig, DPOTrainer

folder = sys.argv[1]
words = Tokenizer(models.WordLevel({w: i for i, w in enumerate([*"0123456789+=", "<end>", "<pad>"])}, unk_token="<pad>"))
words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
words = PreTrainedTokenizerFast(tokenizer_object=words, eos_token="<end>", pad_token="<pad>")
torch.manual_seed(0)
Qwen3ForCausalLM(Qwen3Config(vocab_size=14, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
                             num_key_value_heads=1, head_dim=16, max_position_embeddings=64)).save_pretrained(f"{folder}/base")
with open(f"{folder}/pairs.jsonl", "w") as f:
    for i in range(4):
        f.write(json.dumps({"prompt": f"{i} + {i} = ", "chosen": f"{2 * i}", "rejected": "1 + 2 + 3 + 4 + 5 + 6 + 7 = 9"}) + "\n")


def first_loss(cache, **options):
    """Loss of the first step of a run; data sets are cached in the folder `cache`."""
    data = load_dataset("json", data_files=f"{folder}/pairs.jsonl", split="train", cache_dir=f"{folder}/{cache}")
    args = DPOConfig(output_dir=f"{folder}/out", use_cpu=True, bf16=False, gradient_checkpointing=False, max_steps=1, beta=1.0,
                     per_device_train_batch_size=4, report_to="none", logging_steps=1, save_strategy="no", seed=1,
                     precompute_ref_log_probs=True, **options)
    t = DPOTrainer(model=AutoModelForCausalLM.from_pretrained(f"{folder}/base", dtype=torch.float32), args=args,
                   processing_class=words, train_dataset=data)
    t.train()
    return float(t.state.log_history[0]["loss"])


short, last = {"max_length": None, "ld_alpha": 0.0}, {"max_length": 12, "truncation_mode": "keep_end"}
seen = [first_loss("shared", max_length=None), first_loss("shared", **short), first_loss("a", **short),
        first_loss("shared", **last), first_loss("b", **last)]
print("loss of the first step: max_length None %.4f; then ld_alpha 0 %.4f, in a new cache %.4f; then the last 12 tokens %.4f, "
      "in a new cache %.4f" % tuple(seen))
right = [abs(x - math.log(2)) < 1e-3 for x in seen]
open(f"{folder}/verdict", "w").write("as described" if right == [True, False, True, False, True] else "changed")
P
[ "$(cat "$dir/verdict")" = "as described" ]
