"""The same tasks by lm-evaluation-harness through `raml serve` (its local-completions, unchanged) and by transformers (its hf): the same numbers?

    python lm_eval.py MODEL --raml build --shared ../shared --lm_eval PROGRAM --out DIR [--n 60] [--max_tokens 64] [--only served|hf]

MODEL: what `raml serve` reads, with a tokenizer that names its end-of-text token. Two tasks are made of the first N questions of GSM8K's
test set, with local data: raml_mc (the right answer and three wrong ones) and raml_gen (greedy completions). Prints what both sides
gave (--only: one side, the other is done in another run), and fails where a log-probability of a choice differs by more than 1e-2, or where is_greedy, a choice, or a greedy text is another.
Not part of the tests: it needs a model (docs/real-model.md) and pip install 'lm-eval[api]' torch transformers.
"""
import argparse
import glob
import json
import os
import random
import re
import signal
import subprocess
import sys
import time

NEAR = 1e-2
HEAD = """task: {name}
dataset_path: json
dataset_kwargs:
  data_files:
    test: {data}
test_split: test
doc_to_text: "Question: {{{{question}}}}\\nAnswer:"
"""
CHOICE = """output_type: multiple_choice
doc_to_choice: choices
doc_to_target: gold
metric_list:
  - metric: acc
  - metric: acc_norm
"""
WRITE = """output_type: generate_until
doc_to_target: answer
generation_kwargs:
  until: ["Question:", "\\n\\n"]
  do_sample: false
  max_gen_toks: {max_tokens}
metric_list:
  - metric: exact_match
filter_list:
  - name: flexible-extract
    filter:
      - function: regex
        regex_pattern: "(-?[$0-9.,]{{2,}})|(-?[0-9]+)"
        group_select: -1
      - function: take_first
"""


def write_tasks(a, folder):
    """Wrong answers are the right one, changed by numbers that the question's place gives."""
    os.makedirs(folder, exist_ok=True)
    with open(a.shared + "/data/datasets/gsm8k/test.jsonl", encoding="utf-8") as f:
        lines = [json.loads(f.readline()) for _ in range(a.n)]
    with open(folder + "/data.json", "w", encoding="utf-8") as f:
        for i, q in enumerate(lines):
            right, r = q["answer"].split("####")[1].strip().replace(",", ""), random.Random(i)
            choices = {right}
            while len(choices) < 4:
                choices.add(str(max(0, int(float(right)) + r.choice([-1, 1]) * r.randint(1, 12))))
            choices = sorted(choices)
            r.shuffle(choices)
            f.write(json.dumps({"question": q["question"], "answer": right, "choices": choices, "gold": choices.index(right)}) + "\n")
    for name, text in (("raml_mc", CHOICE), ("raml_gen", WRITE)):
        with open(f"{folder}/{name}.yaml", "w", encoding="utf-8") as f:
            f.write((HEAD + text).format(name=name, data=folder + "/data.json", max_tokens=a.max_tokens))


def run(*words, **more):
    r = subprocess.run([str(w) for w in words], capture_output=True, text=True, **more)
    if r.returncode:
        sys.exit(f"{' '.join(map(str, words[:6]))}: {r.stderr[-3000:]}")
    return r.stdout


def evaluate(a, tasks, name, *words):
    env = dict(os.environ, HF_HUB_OFFLINE="1", HF_DATASETS_CACHE=a.out + "/cache", HF_HOME=a.out + "/home")
    if a.only and a.only != name:
        return
    begin = time.time()
    out = run(a.lm_eval, *words, "--tasks", "raml_mc,raml_gen", "--include_path", tasks, "--output_path", f"{a.out}/{name}", "--log_samples", env=env)
    print(f"{name}: {time.time() - begin:.0f} s\n{out[out.find('|'):].strip()}", flush=True)


def read(a, name):
    found = {}
    for task in ("raml_mc", "raml_gen"):
        newest = sorted(glob.glob(f"{a.out}/{name}/**/samples_{task}_*.jsonl", recursive=True), key=os.path.getmtime)[-1]
        with open(newest, encoding="utf-8") as f:
            found[task] = {o["doc_id"]: o["resps"] for o in map(json.loads, f)}
    return found


def choices(resps):
    """(log-probability, is_greedy) of each choice."""
    flat = [r[0] if isinstance(r[0], list) else r for r in resps]
    return [(float(x[0]), str(x[1]) == "True") for x in flat]


def through_raml(a, tasks, hf):
    with open(a.out + "/serve.log", "w+", encoding="utf-8") as log:
        p = subprocess.Popen([a.raml + "/raml", "serve", "--model", a.model, "--served_model_name", "model", "--dtype", "f32", "--port", "0"],
                             stdout=log, stderr=log)
        try:
            url = None
            while not url:
                if p.poll() is not None:
                    sys.exit(f"raml serve ended; see {log.name}")
                time.sleep(0.2)
                url = re.search(r"listening on (http://\S+/v1) ", open(log.name, encoding="utf-8").read())
            evaluate(a, tasks, "served", "--model", "local-completions", "--model_args",
                            f"base_url={url.group(1)}/completions,model=model,tokenizer={hf},num_concurrent=16,tokenized_requests=True,timeout=3600")
        finally:
            p.send_signal(signal.SIGTERM)
            p.wait()


def compare(served, here):
    worst = same_choice = same_greedy = n = same_text = 0
    for k, resps in here["raml_mc"].items():
        x, y = choices(resps), choices(served["raml_mc"][k])
        worst = max([worst] + [abs(p[0] - q[0]) for p, q in zip(x, y)])
        same_choice += max(range(4), key=lambda i: x[i][0]) == max(range(4), key=lambda i: y[i][0])
        same_greedy += sum(p[1] == q[1] for p, q in zip(x, y))
        n += len(x)
    for k, resps in here["raml_gen"].items():
        same_text += resps == served["raml_gen"][k]
        if resps != served["raml_gen"][k]:
            print(f"BAD text of question {k}:\n  transformers {resps}\n  raml         {served['raml_gen'][k]}")
    mc, gen = len(here["raml_mc"]), len(here["raml_gen"])
    print(f"raml_mc: {mc} questions, {n} choices; log-probabilities differ by at most {worst:.2g}; same choice {same_choice} of {mc}, same is_greedy "
          f"{same_greedy} of {n}")
    print(f"raml_gen: {same_text} of {gen} greedy texts are the same")
    return len(served["raml_mc"]) == mc and worst <= NEAR and same_choice == mc and same_greedy == n and same_text == gen


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model")
    for name, default in (("raml", "build"), ("shared", "../shared"), ("lm_eval", "lm_eval"), ("out", None)):
        p.add_argument("--" + name, default=default, required=default is None)
    p.add_argument("--n", type=int, default=60)
    p.add_argument("--max_tokens", type=int, default=64)
    p.add_argument("--only", choices=["served", "hf"])
    a = p.parse_args()
    a.out = os.path.abspath(a.out)
    os.makedirs(a.out, exist_ok=True)
    tasks, hf = a.out + "/tasks", a.out + "/hf"
    write_tasks(a, tasks)
    if not os.path.exists(hf):
        run(a.raml + "/raml", "convert", a.model, hf, "--dtype", "f32")
    if a.only != "hf":
        through_raml(a, tasks, hf)
    evaluate(a, tasks, "hf", "--model", "hf", "--model_args", f"pretrained={hf},dtype=float32", "--device", "cpu", "--batch_size", 4)
    if not all(glob.glob(f"{a.out}/{name}/**/samples_raml_gen_*.jsonl", recursive=True) for name in ("served", "hf")):
        sys.exit(0)
    sys.exit(0 if compare(read(a, "served"), read(a, "hf")) else "the two are not the same")


main()
