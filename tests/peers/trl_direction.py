"""Fine-tuning against GRPO from one start, in raml and in TRL: do both programs say the same of claim 5 (studies/paper/outer-loop.yaml)?

    python trl_direction.py --raml build/raml --start RUN --out DIR [--families add:3,perm:3] [--tokens 600000] [--seeds 1,2,3] [--max_steps N]

RUN is a model that raml trained (in a study's store, steps/base-..). raml trains it further by `train sft` and `train grpo` with the study's
settings, --tokens each; TRL's SFTTrainer and GRPOTrainer take as many steps on as many rows, questions and samples, with the same rate. All five models answer the
same test questions. With --max_steps both programs only take that many steps of each: the ratio of their times is printed. Run with a
Python that has torch, transformers, datasets and trl.
"""
import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import time
import warnings

warnings.simplefilter("ignore")
os.environ.update({"HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error", "TOKENIZERS_PARALLELISM": "false", "CUDA_VISIBLE_DEVICES": ""})
BATCH, GROUP, SFT_RATE, GRPO_RATE, BETA2 = 16, 8, 5e-4, 1e-4, 0.95


def raml(a, *words):
    r = subprocess.run([a.raml, *map(str, words)], capture_output=True, text=True)
    if r.returncode:
        sys.exit(f"raml {' '.join(map(str, words[:3]))}: {r.stderr.strip()[-600:]}")
    return r.stdout


def steps_of(run):
    return json.loads(open(run + "/metrics.jsonl").read().splitlines()[-1])["step"]


def accuracy(a, model):
    d = json.loads(raml(a, "eval", "--model", model, "--families", a.families, "--num_questions", a.test, "--num_generations", 8, "--temperature", 1,
                        "--max_completion_length", a.length, "--dtype", "f32", "--seed", 1000, "--quiet", "--json"))["all"]["accuracy"]
    return d["value"], d["low"], d["high"]


def trained_by_raml(a, kind, seed):
    out = f"{a.out}/raml-{kind}-{seed}{a.tag}"
    shutil.rmtree(out, ignore_errors=True)
    how = ["--batch_size", BATCH, "--learning_rate", SFT_RATE] if kind == "sft" else \
        ["--batch_size", BATCH, "--num_generations", GROUP, "--max_completion_length", a.length, "--learning_rate", GRPO_RATE]
    end = ["--max_steps", a.max_steps] if a.max_steps else ["--num_train_epochs", 1000, "--token_budget", a.tokens]
    begin = time.monotonic()
    raml(a, "train", kind, "--model", a.start, "--families", a.families, "--num_questions", 12000, *how, *end, "--lr_scheduler_type", "constant", "--warmup_ratio", 0,
         "--weight_decay", 0, "--adam_beta2", BETA2, "--logging_steps", 1, "--seed", seed, "--out", out, "--quiet")
    return out, time.monotonic() - begin, steps_of(out)


def questions(a, seed):
    """Rows as raml trains on them: {"ids", "trained", "answer"}."""
    file = f"{a.out}/rows-{seed}.jsonl"
    if not os.path.exists(file):
        raml(a, "task", "make", "--families", a.families, "--split", "train", "--n", 12000, "--seed", seed, "--out", file)
    rows = {}
    for line in raml(a, "data", "show", file, "--n", 12000, "--tokenizer", a.hub, "--json").splitlines():
        t = json.loads(line)
        r = rows.setdefault(t["line"], {"ids": [], "trained": []})
        r["ids"].append(t["token"])
        r["trained"].append(t["trained"])
    rows = list(rows.values())
    golds = [json.loads(line)["answer"] for line in open(file)]
    order = list(range(len(golds)))
    random.Random(seed).shuffle(order)
    return [{**rows[i], "answer": golds[i]} for i in order]


def trained_by_trl(a, kind, seed, steps):
    import torch
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast
    from trl import GRPOConfig, GRPOTrainer, SFTConfig, SFTTrainer
    torch.set_num_threads(a.threads)
    torch.manual_seed(seed)
    words = PreTrainedTokenizerFast(tokenizer_file=a.hub + "/tokenizer.json", eos_token="<|endoftext|>", pad_token="<|endoftext|>")
    model = AutoModelForCausalLM.from_pretrained(a.hub, dtype=torch.float32, attn_implementation="sdpa")
    out = f"{a.out}/trl-{kind}-{seed}{a.tag}"
    shutil.rmtree(out, ignore_errors=True)
    common = dict(output_dir=out + "-run", use_cpu=True, bf16=a.bf16, gradient_checkpointing=False, logging_steps=1, report_to="none", save_strategy="no", max_steps=steps,
                  seed=seed, disable_tqdm=True, dataloader_pin_memory=False, lr_scheduler_type="constant", weight_decay=0.0,
                  optim="adamw_torch_fused", adam_beta1=0.9, adam_beta2=BETA2, adam_epsilon=1e-8, max_grad_norm=1.0)
    rows = questions(a, seed)
    if kind == "sft":
        data = [rows[i % len(rows)] for i in range(steps * BATCH)]
        args = SFTConfig(max_length=None, per_device_train_batch_size=BATCH, learning_rate=SFT_RATE, **common)
        trainer = SFTTrainer(model=model, args=args, processing_class=words, train_dataset=Dataset.from_list(
            [{"input_ids": r["ids"], "labels": [t if m else -100 for t, m in zip(r["ids"], r["trained"])]} for r in data]))
    else:
        def right(completion_ids, gold, **more):
            texts = [words.decode(c, skip_special_tokens=False).split("<|endoftext|>")[0] for c in completion_ids]
            return [float("</think>" in t and t.split("</think>")[-1].strip() == g) for t, g in zip(texts, gold)]
        prompts = [words.decode(r["ids"][:r["trained"].index(True)], skip_special_tokens=False) for r in rows]
        args = GRPOConfig(num_generations=GROUP, max_completion_length=a.length, temperature=1.0, steps_per_generation=1, beta=0.0, loss_type="dapo",
                          per_device_train_batch_size=BATCH * GROUP, learning_rate=GRPO_RATE, **common)
        trainer = GRPOTrainer(model=model, reward_funcs=right, args=args, processing_class=words,
                              train_dataset=Dataset.from_list([{"prompt": p, "gold": r["answer"]} for p, r in zip(prompts, rows)]))
    begin = time.monotonic()
    trainer.train()
    seconds = time.monotonic() - begin
    shutil.copytree(a.hub, out)
    trainer.model.save_pretrained(out)
    for name in os.listdir(a.hub):  # tokenizer, template and end tokens stay raml's
        if name != "model.safetensors":
            shutil.copy(os.path.join(a.hub, name), out)
    return out, seconds


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--raml", default="build/raml")
    p.add_argument("--start", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--families", default="add:3,perm:3")
    p.add_argument("--tokens", type=int, default=600000)
    p.add_argument("--seeds", default="1")
    p.add_argument("--length", type=int, default=160)
    p.add_argument("--test", type=int, default=300)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--max_steps", type=int, default=0, help="that number of steps of each, for their times")
    p.add_argument("--kinds", default="sft,grpo", help="which arms; the direction is looked at where there are both")
    p.add_argument("--bf16", action="store_true", help="TRL in bf16 autocast")
    a = p.parse_args()
    a.out, a.raml, a.tag = os.path.abspath(a.out), os.path.abspath(a.raml), "-short" if a.max_steps else ""
    os.makedirs(a.out, exist_ok=True)
    a.hub = a.out + "/start"
    if not os.path.exists(a.hub):
        raml(a, "convert", a.start, a.hub)
    if not a.max_steps:
        print("start: accuracy %.3f [%.3f, %.3f]" % accuracy(a, a.hub), flush=True)
    differences = []
    for seed in map(int, a.seeds.split(",")):
        value = {}
        for kind in a.kinds.split(","):
            mine, mine_s, steps = trained_by_raml(a, kind, seed)
            theirs, theirs_s = trained_by_trl(a, kind, seed, steps)
            line = f"seed {seed}, {kind}, {steps} steps: raml {mine_s:.1f} s, TRL {theirs_s:.1f} s, {theirs_s / mine_s:.1f} x"
            if not a.max_steps:
                value["raml", kind], value["TRL", kind] = accuracy(a, mine), accuracy(a, theirs)
                line += "; accuracy raml %.3f [%.3f, %.3f], TRL %.3f [%.3f, %.3f]" % (*value["raml", kind], *value["TRL", kind])
            print(line, flush=True)
        if len(value) == 4:
            differences.append([value[who, "grpo"][0] - value[who, "sft"][0] for who in ("raml", "TRL")])
            print("seed %d: GRPO less SFT: raml %+.3f, TRL %+.3f" % (seed, *differences[-1]), flush=True)
    if differences and any(x * y <= 0 for x, y in differences):
        sys.exit("the two programs differ in direction")


if __name__ == "__main__":
    main()
