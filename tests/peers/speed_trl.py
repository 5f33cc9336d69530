"""Worker of speed.py: steps of TRL's SFTTrainer and GRPOTrainer on a model that raml made."""
import json
import os
import statistics
import time
import warnings

warnings.simplefilter("ignore")

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast, TrainerCallback

from speed_common import serve

torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
SKIPPED = 2  # first steps: what is allocated and made then


class Clock(TrainerCallback):
    """From the end of a step to the end of the next: with the reading of data, and the samples of GRPO."""

    def __init__(self):
        self.ends = []

    def on_step_end(self, args, state, control, **more):
        self.ends.append(time.perf_counter())

    def seconds(self):
        return [b - a for a, b in zip(self.ends, self.ends[1:])][SKIPPED - 1:]


def opened(base):
    words = PreTrainedTokenizerFast(tokenizer_file=base + "/tokenizer.json", eos_token="<|endoftext|>", pad_token="<|endoftext|>")
    return words, AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32, attn_implementation="sdpa")


def common(out, bf16, compiled, steps, rows, rate):
    return dict(output_dir=out, use_cpu=True, bf16=bf16, torch_compile=compiled, gradient_checkpointing=False, per_device_train_batch_size=rows,
                logging_steps=1, report_to="none", save_strategy="no", max_steps=steps, learning_rate=rate, seed=1, disable_tqdm=True, optim="adamw_torch_fused",
                dataloader_pin_memory=False)


def sft(base, rows, out, batch, steps, bf16, compiled):
    """rows: a file with {"ids", "trained"} a line; steps * batch of them are used, each once."""
    from trl import SFTConfig, SFTTrainer
    words, model = opened(base)
    data = [json.loads(line) for line in open(rows)][:batch * steps]
    args = SFTConfig(max_length=None, **common(out, bf16, compiled, steps, batch, 1e-4))
    set_ = Dataset.from_list([{"input_ids": r["ids"], "labels": [t if m else -100 for t, m in zip(r["ids"], r["trained"])]} for r in data])
    clock = Clock()
    trainer = SFTTrainer(model=model, args=args, train_dataset=set_, processing_class=words, callbacks=[clock])
    trainer.train()
    log = [x for x in trainer.state.log_history if "loss" in x]
    return {"seconds": statistics.mean(clock.seconds()), "tokens": log[-1].get("num_tokens"), "loss": log[-1]["loss"], "first_loss": log[0]["loss"]}


def grpo(base, prompts, out, batch, group, length, steps, bf16, continuous):
    """prompts: a file with {"ids", "text", "gold"} a line."""
    from trl import GRPOConfig, GRPOTrainer
    words, model = opened(base)
    data = [json.loads(line) for line in open(prompts)]
    assert all(words(r["text"], add_special_tokens=False)["input_ids"] == r["ids"] for r in data), "a prompt has other tokens than raml's"

    def right(completion_ids, gold, **more):
        return [float(words.decode(c, skip_special_tokens=False).replace("<|endoftext|>", "").split("</think>")[-1].strip() == g) for c, g in zip(completion_ids, gold)]
    args = GRPOConfig(num_generations=group, max_completion_length=length, temperature=1.0, steps_per_generation=1, beta=0.0,
                      use_transformers_continuous_batching=continuous, transformers_continuous_batching_config={"max_memory_percent": 0.05} if continuous else None,
                      **common(out, bf16, False, steps, batch * group, 1e-6))
    clock = Clock()
    trainer = GRPOTrainer(model=model, reward_funcs=right, args=args, processing_class=words, callbacks=[clock],
                          train_dataset=Dataset.from_list([{"prompt": r["text"], "gold": r["gold"]} for r in data]))
    trainer.train()
    log = [x for x in trainer.state.log_history if "completions/mean_length" in x]
    return {"seconds": statistics.mean(clock.seconds()), "completion_tokens": batch * group * statistics.mean(x["completions/mean_length"] for x in log[SKIPPED:]),
            "reward": statistics.mean(x["reward"] for x in log)}


def version():
    from importlib.metadata import version as of
    return {"version": of("trl"), "transformers": of("transformers"), "torch": of("torch")}


if __name__ == "__main__":
    serve({"sft": sft, "grpo": grpo, "version": version})
