"""A model that raml trained, in transformers: does it load, ask, and stop as in raml?

    python trained.py --raml build --out DIR

Trains a small model, also converts it to GGUF and back, and compares both folders: the classes that load, ends, 40 prompts by the
chat template, 40 greedy samples of up to 200 tokens (where they part, the gap of the two logits must be below 1e-3), and that
several prompts of different lengths can be padded. Not part of the tests: it needs
    pip install torch transformers
"""
import argparse
import json
import os
import subprocess
import sys

os.environ["HF_HUB_OFFLINE"] = "1"
NEAR = 1e-3
bad = []


def row(ok, what, said=""):
    print(f"{'ok ' if ok else 'BAD'} {what:58s} {said}", flush=True)
    if not ok:
        bad.append(what)


def run(*words):
    r = subprocess.run([str(w) for w in words], capture_output=True, text=True)
    if r.returncode:
        sys.exit(f"{' '.join(map(str, words[:3]))}: {r.stderr.strip()}")
    return r.stdout


def compare(name, folder, questions, samples):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    t = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    end = t.convert_tokens_to_ids("<|endoftext|>")
    row(t.eos_token_id == end and model.config.eos_token_id == end and model.generation_config.eos_token_id in (end, [end]),
        f"{name}: what ends a text", f"{t.eos_token}, {model.generation_config.eos_token_id}")
    prompts = [t.apply_chat_template([{"role": "user", "content": q}], add_generation_prompt=True)["input_ids"] for q in questions]
    want = [[t.convert_tokens_to_ids("<|question|>"), *q.encode(), t.convert_tokens_to_ids("<think>")] for q in questions]
    row(prompts == want, f"{name}: {len(prompts)} prompts by the chat template")
    same = 0
    for ids, mine in zip(prompts, samples):
        x = torch.tensor([ids])
        theirs = model.generate(x, attention_mask=torch.ones_like(x), do_sample=False, max_new_tokens=200)[0, len(ids):].tolist()
        if mine == theirs or mine + [end] == theirs:
            same += 1
            continue
        k = next((k for k, (p, q) in enumerate(zip(mine, theirs)) if p != q), -1)
        gap = NEAR + 1
        if k >= 0:
            with torch.no_grad():
                z = model(torch.tensor([ids + mine[:k]])).logits[0, -1]
            gap = float(z[theirs[k]] - z[mine[k]])
        row(0 <= gap <= NEAR, f"{name}: parts at token {k}", f"logits apart by {gap:.1e}; {mine} and {theirs}")
    row(same > 0, f"{name}: greedy samples", f"{same} of {len(samples)} equal, ends included")
    t.padding_side = "left"
    x = t([t.decode(p) for p in prompts[:8]], return_tensors="pt", padding=True)
    y = model.generate(**x, do_sample=False, max_new_tokens=200, pad_token_id=t.pad_token_id)
    row(all(end in line.tolist() or len(m) >= 200 for line, m in zip(y, samples)), f"{name}: padded prompts end too")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--raml", default="build", help="raml's build folder")
    p.add_argument("--out", required=True, help="folder for what is made on the way")
    a = p.parse_args()
    os.makedirs(a.out, exist_ok=True)
    raml, made = a.raml + "/raml", a.out + "/run"
    if not os.path.exists(made):
        run(raml, "train", "sft", "--model", "init:micro", "--families", "add:1", "--num_questions", 70, "--max_steps", 80, "--batch_size",
            32, "--learning_rate", "1e-3", "--seed", 3, "--out", made, "--quiet")
    gguf, back = a.out + "/model.gguf", a.out + "/back"
    run(raml, "convert", made, gguf, "--overwrite", "--quiet")
    run(raml, "convert", gguf, back, "--overwrite", "--quiet")
    questions = [f"{i % 10}+{i // 10}=?" for i in range(40)]
    with open(a.out + "/q.jsonl", "w", encoding="utf-8") as f:
        f.writelines(json.dumps({"question": q, "answer": "0"}) + "\n" for q in questions)
    run(raml, "sample", "--model", made, a.out + "/q.jsonl", "--temperature", 0, "--n", 1, "--max_tokens", 200, "--dtype", "f32", "--out",
        a.out + "/s.jsonl", "--overwrite", "--quiet")
    samples = [json.loads(line)["trajectories"][0]["tokens"] for line in open(a.out + "/s.jsonl", encoding="utf-8")]
    compare("checkpoint", made + "/checkpoint-80", questions, samples)
    compare("from GGUF", back, questions, samples)
    sys.exit(f"{len(bad)} of the rows above" if bad else 0)


main()
