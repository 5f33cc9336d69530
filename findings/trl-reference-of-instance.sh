#!/bin/sh
# trl 1.16.0 (PyPI; with transformers 5.24.0, torch 2.15.0): the reference policy of DPOTrainer and GRPOTrainer when the model
# is passed as an object. Documented (DPOTrainer, ref_model): "the initial policy corresponding to `model`, i.e. the model state
# before DPO training starts". Seen: the weights are loaded anew from the folder or name in the model's configuration. A model
# that was trained or merged in the same program, and passed on, is pulled towards the weights from before that: here after 20
# steps of SFTTrainer. No warning says so. Expected at the first step, before any update: DPO's loss ln 2 = 0.6931 and margin 0,
# GRPO's KL 0 (both are, when the same weights are saved and loaded first).
# Output seen: "as loaded: DPO loss 0.6931, GRPO kl 0.0000; after SFT, saved and loaded: DPO loss 0.6931, GRPO kl 0.0000;
# after SFT, passed on: DPO loss 0.3879, GRPO kl 1.5216". Exit code 0 while it is so, 1 when it has changed.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" -q install trl==1.16.0 transformers==5.24.0 accelerate==1.15.0 datasets==5.2.0 torch==2.15.0 numpy==2.4.6
HF_HUB_OFFLINE=1 CUDA_VISIBLE_DEVICES='' "$dir/venv/bin/python" - "$dir" <<'P' 2>"$dir/log" | tail -n 1
import math
import sys

import torch
from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM
from trl import DPOConfig, DPOTrainer, GRPOConfig, GRPOTrainer, SFTConfig, SFTTrainer

folder = sys.argv[1]
words = Tokenizer(models.WordLevel({w: i for i, w in enumerate([*"0123456789+=", "<end>", "<pad>"])}, unk_token="<pad>"))
words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
words = PreTrainedTokenizerFast(tokenizer_object=words, eos_token="<end>", pad_token="<pad>")
torch.manual_seed(0)
Qwen3ForCausalLM(Qwen3Config(vocab_size=14, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
                             num_key_value_heads=1, head_dim=16, max_position_embeddings=64)).save_pretrained(f"{folder}/base")
common = dict(output_dir=f"{folder}/out", use_cpu=True, bf16=False, gradient_checkpointing=False, per_device_train_batch_size=4,
              logging_steps=1, report_to="none", save_strategy="no")


def load(name):
    return AutoModelForCausalLM.from_pretrained(f"{folder}/{name}", dtype=torch.float32)


def trained(save):
    """A model after 20 steps of SFT: the object itself, or its weights saved and loaded."""
    model = load("base")
    data = Dataset.from_list([{"prompt": "1 + 1 =", "completion": " 2"}] * 80)
    SFTTrainer(model=model, args=SFTConfig(learning_rate=1e-2, max_steps=20, **common), train_dataset=data,
               processing_class=words).train()
    if save:
        model.save_pretrained(f"{folder}/sft")
        model = load("sft")
    return model


def first(trainer, key):
    trainer.train()
    return next(line[key] for line in trainer.state.log_history if key in line)


def dpo(model):
    data = Dataset.from_list([{"prompt": "1 + 1 =", "chosen": " 2", "rejected": " 3"}] * 4)
    return first(DPOTrainer(model=model, args=DPOConfig(max_steps=1, **common), train_dataset=data, processing_class=words), "loss")


def grpo(model):
    data = Dataset.from_list([{"prompt": "1 + 1 ="}] * 4)
    args = GRPOConfig(max_steps=1, beta=0.04, num_generations=4, max_completion_length=4, **common)
    return first(GRPOTrainer(model=model, reward_funcs=lambda completions, **_: [float(len(c)) for c in completions], args=args,
                             train_dataset=data, processing_class=words), "kl")


cases = {"as loaded": lambda: load("base"), "after SFT, saved and loaded": lambda: trained(True),
         "after SFT, passed on": lambda: trained(False)}
seen = {name: (dpo(make()), grpo(make())) for name, make in cases.items()}
print("; ".join(f"{name}: DPO loss {d:.4f}, GRPO kl {k:.4f}" for name, (d, k) in seen.items()))
same = [abs(d - math.log(2)) < 1e-3 and abs(k) < 1e-3 for d, k in seen.values()]
open(f"{folder}/verdict", "w").write("as described" if same == [True, True, False] else "changed")
P
[ "$(cat "$dir/verdict")" = "as described" ]
