#!/bin/sh
# trl 1.16.0 (PyPI; with transformers 5.24.0, torch 2.15.0): GRPOTrainer with use_transformers_continuous_batching=True and
# its default bf16=True, which elsewhere means mixed precision: f32 weights, bf16 arithmetic. Expected: the way completions
# are generated leaves the weights that are trained in f32, as generate() does. Seen: the model is cast to bf16 in place for
# the first rollout and stays so; the optimizer's moments are bf16 too. Nothing says so. At GRPO's default rate of 1e-6 almost
# every update is less than half a unit in bf16's last place and is rounded away: the run trains nearly nothing, with loss,
# gradient norm and learning rate reported as usual. Counted: weights that three updates moved (from their first value, or
# from that in bf16). Output seen: "generate(): torch.float32, moments torch.float32, 99.8 % moved; continuous batching:
# torch.bfloat16, moments torch.bfloat16, 1.8 % moved". Exit code 0 while it is so, 1 when it has changed.
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


def run(continuous):
    """Type of weights and moments after three updates, and the share of weights that moved."""
    model = AutoModelForCausalLM.from_pretrained(f"{folder}/base", dtype=torch.float32)
    start = {name: p.detach().clone() for name, p in model.named_parameters()}
    args = GRPOConfig(
        output_dir=f"{folder}/out", use_cpu=True, gradient_checkpointing=False, per_device_train_batch_size=8, num_generations=8,
        max_completion_length=8, max_steps=3, lr_scheduler_type="constant", report_to="none", save_strategy="no",
        use_transformers_continuous_batching=continuous,
        transformers_continuous_batching_config={"num_blocks": 64, "max_batch_tokens": 64} if continuous else None)
    trainer = GRPOTrainer(model=model, args=args, processing_class=words,
                          reward_funcs=lambda completion_ids, **_: [float(sum(ids) % 7) for ids in completion_ids],
                          train_dataset=Dataset.from_list([{"prompt": "1 + 1 ="}] * 8))
    trainer.train()
    weights = dict(model.named_parameters())
    moved = sum((p != start[name].to(p.dtype)).sum().item() for name, p in weights.items())
    moments = {state["exp_avg"].dtype for state in trainer.optimizer.state.values()}
    return {p.dtype for p in weights.values()}, moments, moved / sum(p.numel() for p in weights.values())


plain, batched = run(False), run(True)
print("; ".join(f"{name}: {w.copy().pop()}, moments {m.copy().pop()}, {100 * share:.1f} % moved"
                for name, (w, m, share) in (("generate()", plain), ("continuous batching", batched))))
same = (plain[:2] == ({torch.float32},) * 2 and plain[2] > 0.5 and batched[:2] == ({torch.bfloat16},) * 2 and batched[2] < 0.05)
open(f"{folder}/verdict", "w").write("as described" if same else "changed")
P
[ "$(cat "$dir/verdict")" = "as described" ]
