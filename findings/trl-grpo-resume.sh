#!/bin/sh
# trl 1.16.0 (PyPI; with transformers 5.24.0, torch 2.15.0): GRPOTrainer resumed from a checkpoint that was saved between two
# rollouts (steps_per_generation 4, save_steps 2; the same with num_iterations). Expected: training goes on where it stopped, or
# at least every prompt gets its steps. Seen: the trainer's own count of steps starts at 0 and is not in the checkpoint, while the
# data are moved on by global_step. So the prompts of the interrupted rollout are sampled again and trained from their first
# slice, all four steps; the rollouts stay two steps late to the end of the run, whose last prompts lose the steps that the first
# got too many. Nothing is said; a checkpoint at a multiple of steps_per_generation resumes in step.
# Output seen (rows trained of each rollout's 4 prompts, 2 samples each): "in one go: 8 8; stopped after step 2 and resumed: 12 4;
# after step 4: 8 8". Exit code 0 while it is so, 1 when it has changed.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" -q install trl==1.16.0 transformers==5.24.0 accelerate==1.15.0 datasets==5.2.0 torch==2.15.0 numpy==2.4.6
HF_HUB_OFFLINE=1 CUDA_VISIBLE_DEVICES='' "$dir/venv/bin/python" - "$dir" <<'P' 2>"$dir/log" | tail -n 1
import sys

import torch
from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM
from trl import GRPOConfig, GRPOTrainer

folder = sys.argv[1]
words = Tokenizer(models.WordLevel({w: i for i, w in enumerate([*"0123456789+=", "<end>", "<pad>"])}, unk_token="<pad>"))
words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
words = PreTrainedTokenizerFast(tokenizer_object=words, eos_token="<end>", pad_token="<pad>")
torch.manual_seed(0)
Qwen3ForCausalLM(Qwen3Config(vocab_size=14, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
                             num_key_value_heads=1, head_dim=16, max_position_embeddings=64)).save_pretrained(f"{folder}/base")
PROMPTS = [f"{i} =" for i in range(8)]  # 0 to 3 are the first rollout, 4 to 7 the second


class Counting(GRPOTrainer):
    """Counts the rows of each prompt whose loss was computed."""

    def _compute_loss(self, model, inputs):
        for row in self.processing_class.batch_decode(inputs["prompt_ids"], skip_special_tokens=True):
            rows[row] = rows.get(row, 0) + 1
        return super()._compute_loss(model, inputs)


def train(out, resume=None):
    args = GRPOConfig(output_dir=f"{folder}/{out}", use_cpu=True, bf16=False, gradient_checkpointing=False, shuffle_dataset=False,
                      per_device_train_batch_size=2, num_generations=2, steps_per_generation=4, max_completion_length=4,
                      max_steps=8, save_steps=2, report_to="none")
    Counting(model=AutoModelForCausalLM.from_pretrained(f"{folder}/base", dtype=torch.float32), args=args, processing_class=words,
             reward_funcs=lambda completion_ids, **_: [float(sum(ids) % 7) for ids in completion_ids],
             train_dataset=Dataset.from_list([{"prompt": p} for p in PROMPTS])).train(resume_from_checkpoint=resume)


def rollouts(seen):
    return [sum(seen.get(p, 0) for p in PROMPTS[i:i + 4]) for i in (0, 4)]


def stopped(after):
    """Rows of the steps before the checkpoint, and of the run resumed from it."""
    before = dict(until[after])
    rows.clear()
    train(f"resumed-{after}", f"{folder}/whole/checkpoint-{after}")
    return [a + b for a, b in zip(rollouts(before), rollouts(rows))]


rows, until = {}, {}
save = Counting._save_checkpoint
Counting._save_checkpoint = lambda self, *args: (until.setdefault(self.state.global_step, dict(rows)), save(self, *args))
train("whole")
whole, two, four = rollouts(rows), stopped(2), stopped(4)
print("; ".join(f"{name}: {a} {b}" for name, (a, b) in (
    ("in one go", whole), ("stopped after step 2 and resumed", two), ("after step 4", four))))
open(f"{folder}/verdict", "w").write("as described" if (whole, two, four) == ([8, 8], [12, 4], [8, 8]) else "changed")
P
[ "$(cat "$dir/verdict")" = "as described" ]
