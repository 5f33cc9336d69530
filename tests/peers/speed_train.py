"""Parts `train` and `trl` of speed.py: training beside PyTorch, fine-tuning and GRPO beside TRL."""
import json
import os
import shutil
import statistics

from speed_common import KEEP, Failed, Table, Worker, bench, best, note, run

SHAPES = {"small": ((512, 256, 704, 6, 8, 4), 16), "medium": ((4096, 512, 1408, 8, 8, 4), 8)}  # vocabulary, d, ffn, layers, heads, kv; rows of 256
SKIPPED = 2


def train(a):
    with Table("Training: forward, backward, clipping, AdamW", "tokens/s") as table:
        train_shapes(a, table)


def train_shapes(a, table):
    for name in a.shapes.split(","):
        shape, rows = SHAPES[name]
        w = Worker(a, a.torch, "speed_torch.py", **KEEP)
        ask = lambda kind: w.ask(do="train", kind=kind, shape=shape, rows=rows, length=256, seconds=a.seconds)["tokens_per_s"]
        for dtype in ("bf16", "f32"):
            kinds = [f"{model}-{dtype}-{how}" for model in ("plain", "transformers") for how in (("eager",) if a.eager else ("eager", "compile"))]
            fastest = best(a, f"train {dtype} {name}", {k: (lambda k=k: ask(k)) for k in kinds})
            ways = {f"raml {dtype}": lambda: bench(a, "--bench", "train", "--preset", name, "--dtype", dtype)["tokens_per_s"]}
            if fastest:
                said = "bf16 autocast" if dtype == "bf16" else "f32"
                ways[f"PyTorch {said}, {fastest.split('-')[0]} model, {fastest.split('-')[2]}"] = lambda: ask(fastest)
            table.measure(f"`{name}`, {dtype}", ways, a.rounds)
        w.close()


def steps_of(folder):
    """Seconds of the steps of a run, and its metrics."""
    timing = [json.loads(line) for line in open(folder + "/timing.jsonl")]
    at = [0.0] + [t["seconds"] for t in timing]
    return [b - c for b, c in zip(at[1:], at)][SKIPPED:], [json.loads(line) for line in open(folder + "/metrics.jsonl")]


def raml_run(a, *words):
    out = a.out + "/raml-run"
    shutil.rmtree(out, ignore_errors=True)
    run(a, a.raml + "/raml", "train", *words, "--threads", a.threads, "--logging_steps", 1, "--quiet", "--out", out)
    return steps_of(out)


def rows_of(a, file, n, base, out):
    """The tokens of each question of a file, as raml trains on them."""
    rows = {}
    for line in run(a, a.raml + "/raml", "data", "show", file, "--n", n, "--tokenizer", base, "--json").splitlines():
        t = json.loads(line)
        r = rows.setdefault(t["line"], {"ids": [], "trained": []})
        r["ids"].append(t["token"])
        r["trained"].append(t["trained"])
    with open(out, "w") as f:
        f.writelines(json.dumps(r) + "\n" for r in rows.values())
    return list(rows.values())


def sft_row(a, w, table, start):
    batch, steps = 16, 8 if a.quick else 14
    questions = a.out + "/sft.jsonl"
    with open(a.shared + "/data/datasets/gsm8k/train.jsonl") as f, open(questions, "w") as g:
        g.writelines(next(f) for _ in range(batch * steps))
    rows = rows_of(a, questions, batch * steps, start, a.out + "/sft-rows.jsonl")
    tokens = sum(len(r["ids"]) for r in rows) / steps

    def mine():
        seconds, metrics = raml_run(a, "sft", "--model", start, questions, "--batch_size", batch, "--max_steps", steps, "--learning_rate", 1e-4, "--dtype", "bf16")
        mine.said = metrics[-1]
        return tokens / statistics.mean(seconds)

    def theirs(bf16, compiled):
        theirs.said = w.ask(do="sft", base=start, rows=a.out + "/sft-rows.jsonl", out=a.out + "/trl", batch=batch, steps=steps, bf16=bf16, compiled=compiled)
        return tokens / theirs.said["seconds"]
    kinds = {"bf16 autocast": (True, False), "f32": (False, False)} if a.quick else \
        {"bf16 autocast": (True, False), "bf16 autocast, torch_compile": (True, True), "f32": (False, False)}
    fastest = best(a, "SFT", {k: (lambda v=v: theirs(*v)) for k, v in kinds.items()})
    ways = {"raml bf16": mine}
    if fastest:
        ways["TRL " + fastest] = lambda: theirs(*kinds[fastest])
    table.measure(f"SFT, {batch} GSM8K solutions a step, {tokens:.0f} tokens in bytes: tokens/s", ways, a.rounds)
    note(f"SFT: tokens in all: {tokens * steps:.0f} by raml data, {mine.said['tokens']} by raml, {getattr(theirs, 'said', {}).get('tokens')} by TRL; "
         f"last loss {mine.said['loss']:.4f} raml, {getattr(theirs, 'said', {}).get('loss')} TRL")


def grpo_row(a, w, table, start):
    batch, group, length, steps = 8, 8, 64, 3 if a.quick else 8
    questions, prompts = a.out + "/grpo.jsonl", a.out + "/grpo-prompts.jsonl"
    if os.path.exists(questions):
        os.remove(questions)
    run(a, a.raml + "/raml", "task", "make", "--families", "add:2-3", "--num_questions", batch * steps * 2, "--seed", 5, "--out", questions)
    rows = rows_of(a, questions, batch * steps * 2, start, a.out + "/grpo-rows.jsonl")
    golds = [json.loads(line)["answer"] for line in open(questions)]
    from tokenizers import Tokenizer
    words = Tokenizer.from_file(start + "/tokenizer.json")
    with open(prompts, "w") as f:
        for r, g in zip(rows, golds):
            ids = r["ids"][:r["trained"].index(True)]
            f.write(json.dumps({"ids": ids, "text": words.decode(ids, skip_special_tokens=False), "gold": g}) + "\n")
    lengths = {}

    def mine():
        seconds, metrics = raml_run(a, "grpo", "--model", start, questions, "--preset", "trl-2026-07", "--batch_size", batch, "--num_generations", group,
                                    "--max_completion_length", length, "--max_steps", steps, "--learning_rate", 1e-6, "--dtype", "bf16")
        each = [m["completions/mean_length"] for m in metrics[SKIPPED:]]
        lengths["raml"] = (statistics.mean(each), statistics.mean(m["reward"] for m in metrics))
        return batch * group * statistics.mean(each) / statistics.mean(seconds)

    def theirs(bf16, continuous, n=steps):
        r = w.ask(do="grpo", base=start, prompts=prompts, out=a.out + "/trl", batch=batch, group=group, length=length, steps=n, bf16=bf16, continuous=continuous)
        lengths["TRL"] = (r["completion_tokens"] / batch / group, r["reward"])
        return r["completion_tokens"] / r["seconds"]
    kinds = {"bf16 autocast": (True, False), "f32": (False, False), "f32, continuous batching": (False, True)}
    fastest = best(a, "GRPO", {k: (lambda v=v: theirs(*v, SKIPPED + (1 if a.quick else 2))) for k, v in kinds.items()})
    ways = {"raml bf16": mine}
    if fastest:
        ways["TRL " + fastest] = lambda: theirs(*kinds[fastest])
    table.measure(f"GRPO, {batch} questions x {group} samples of at most {length} tokens a step: completion tokens/s", ways, a.rounds)
    note("GRPO: mean tokens of a completion, reward: " + "; ".join(f"{k} {v[0]:.1f}, {v[1]:.3f}" for k, v in lengths.items()))


def beside_trl(a, rows):
    start = a.out + ("/start-quick" if a.quick else "/start")
    if not os.path.exists(start):
        shutil.rmtree(start + "-run", ignore_errors=True)
        run(a, a.raml + "/raml", "train", "sft", "--model", "init:small", "--families", "add:2-3", "--num_questions", 5000, "--batch_size", 32, "--learning_rate", 1e-3,
            "--max_steps", 40 if a.quick else 250, "--dtype", "bf16", "--threads", a.threads, "--quiet", "--out", start + "-run")
        run(a, a.raml + "/raml", "convert", start + "-run", start)
    with Table("Fine-tuning and GRPO of `small`", "tokens/s") as table:
        w = Worker(a, a.torch, "speed_trl.py", **KEEP)
        for row in rows:
            try:
                row(a, w, table, start)
            except Failed as e:
                note(f"{row.__name__}: failed: {e}")
        w.close()


def trl(a):
    beside_trl(a, (sft_row, grpo_row))


def sft(a):
    beside_trl(a, (sft_row,))


def grpo(a):
    beside_trl(a, (grpo_row,))
