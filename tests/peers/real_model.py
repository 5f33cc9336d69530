"""A real model in raml, transformers, tokenizers and llama.cpp: the same ids, prompts, logits and greedy samples? And how fast?

    python real_model.py MODEL.gguf --raml build --shared ../shared --llama FOLDER --out DIR [--only ids,prompts,logits,weights,rounding,greedy,speed]

Prints a table, and fails where raml differs from transformers by more than 1e-3 in a logit, in an id, or in a greedy token whose
logits are not that close. Not part of the tests: it needs a downloaded model (docs/real-model.md) and
    pip install torch transformers tokenizers gguf cffi
llamacpp.py says what FOLDER is; without --llama the rows of llama.cpp are left out.
"""
import argparse
import json
import os
import resource
import subprocess
import sys
import time

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
NEAR = 1e-3
bad = []


def row(ok, what, said):
    print(f"{'ok ' if ok else 'BAD'} {what:58s} {said}", flush=True)
    if not ok:
        bad.append(what)


def run(*words, text=None):
    r = subprocess.run([str(w) for w in words], input=text, capture_output=True, text=True)
    if r.returncode:
        sys.exit(f"{' '.join(map(str, words[:3]))}: {r.stderr.strip()}")
    return r.stdout


class Both:
    """What all parts share: the model in every form, and the programs."""

    def __init__(self, a):
        self.a, self.raml = a, a.raml + "/raml"
        os.makedirs(a.out, exist_ok=True)
        self.hf, self.f32 = a.out + "/hf", a.out + "/f32.gguf"
        if not os.path.exists(self.hf):
            run(self.raml, "convert", a.model, self.hf)
        if not os.path.exists(self.f32):
            run(self.raml, "convert", a.model, self.f32, "--dtype", "f32")
        self.tool = a.out + "/logits"
        run("cc", "-O1", "-I", HERE + "/../../include", HERE + "/logits.c", "-o", self.tool, "-L", a.raml, "-lraml",
            "-Wl,-rpath," + os.path.abspath(a.raml), "-lm")
        self.llama = None
        if a.llama:
            sys.path.insert(0, HERE)
            from llamacpp import LlamaCpp
            self.llama = LlamaCpp(a.llama)
        self._torch = None

    def tokenizer(self):
        from transformers import AutoTokenizer
        return AutoTokenizer.from_pretrained(self.hf)

    def torch_model(self):
        import torch
        from transformers import AutoModelForCausalLM
        if self._torch is None:
            torch.set_num_threads(2)
            self._torch = AutoModelForCausalLM.from_pretrained(self.hf, dtype=torch.float32).eval()
        return self._torch

    def logits(self, path, chains, dtype="stored"):
        run(self.tool, path, dtype, 2, self.a.out + "/logits.f32",
            text="".join(" ".join(map(str, c)) + "\n" for c in chains))
        flat, out, at = np.fromfile(self.a.out + "/logits.f32", "<f4"), [], 0
        size = flat.size // sum(map(len, chains))
        for c in chains:
            out.append(flat[at:at + len(c) * size].reshape(len(c), size))
            at += len(c) * size
        return out

    def questions(self, n):
        with open(self.a.shared + "/data/datasets/gsm8k/test.jsonl") as f:
            return [json.loads(next(f)) for _ in range(n)]


# ---- ids ------------------------------------------------------------------------------------------------------------

def texts(shared):
    """Texts that were made to be hard to tokenize, and some of GSM8K."""
    out = {}
    for name in ("extra_qwen2.jsonl", "extra_llama-bpe.jsonl", "official_vectors.jsonl"):
        for line in open(f"{shared}/data/tokenizer/{name}"):
            out[json.loads(line)["text"]] = 1
    for line in open(shared + "/data/datasets/gsm8k/test.jsonl"):
        o = json.loads(line)
        out[o["question"] + "\n" + o["answer"]] = 1
    for c in range(1, 32):
        out[f"a{chr(c)}b !{chr(c)}! {chr(c)}"] = 1
    out["\U00050000 \U00090000x\U000e0001"] = 1
    return [t for t in out if "\0" not in t]


def original(path, gguf_path):
    """The tokenizer as its authors wrote it (digits one by one, then GPT-2's), of the GGUF file's tokens and merges."""
    from gguf import GGUFReader
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    f = GGUFReader(gguf_path).fields
    tokens = f["tokenizer.ggml.tokens"].contents()
    merges = [tuple(m.split(" ")) for m in f["tokenizer.ggml.merges"].contents()]
    kinds = f["tokenizer.ggml.token_type"].contents()
    if f["tokenizer.ggml.pre"].contents() != "smollm":
        return None
    t = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, merges))
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True),
                                               pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    t.decoder = decoders.ByteLevel()
    t.add_special_tokens([AddedToken(x, special=True, normalized=False) for x, k in zip(tokens, kinds) if k == 3])
    return t


def compare_ids(b):
    from tokenizers import Tokenizer
    all_texts = texts(b.a.shared)
    peers = {"tokenizers, converted folder": Tokenizer.from_file(b.hf + "/tokenizer.json")}
    o = original(b.hf, b.a.model)
    if o:
        peers["tokenizers, as the authors set it up"] = o
    llama = b.llama.open(b.a.model) if b.llama else None
    lines = "".join(json.dumps({"text": t}) + "\n" for t in all_texts)
    for special in (False, True):
        words = ["--parse_special"] if special else []
        mine = [json.loads(x)["ids"] for x in
                run(b.raml, "tokenize", "--tokenizer", b.a.model, "-", "--quiet", *words, text=lines).splitlines()]
        folder = [json.loads(x)["ids"] for x in
                  run(b.raml, "tokenize", "--tokenizer", b.hf, "-", "--quiet", *words, text=lines).splitlines()]
        kind = "special tokens parsed" if special else "as plain text"
        row(mine == folder, f"ids of {len(mine)} texts, {kind}: raml, GGUF and folder", f"{sum(map(len, mine))} ids")
        for name, t in peers.items():
            t.encode_special_tokens = not special
            differ = [i for i, x in enumerate(all_texts) if t.encode(x, add_special_tokens=False).ids != mine[i]]
            row(not differ, f"  {name}", f"{len(differ)} differ" + "".join(f" {all_texts[i][:20]!r}" for i in differ[:3]))
        if llama:
            differ = [i for i, x in enumerate(all_texts) if llama.ids(x, special) != mine[i]]
            lost = [i for i in differ if peers["tokenizers, converted folder"].encode(
                all_texts[i], add_special_tokens=False).ids == mine[i]]
            row(lost == differ, "  llama.cpp, the file",
                f"{len(differ)} differ, in all of them raml is as tokenizers" + "".join(f" {all_texts[i][:20]!r}" for i in differ[:6]))


def compare_prompts(b):
    t = b.tokenizer()
    u, s, a = (lambda r: lambda x: {"role": r, "content": x})("user"), {"role": "system", "content": "Be brief."}, \
        {"role": "assistant", "content": "31"}
    talks = [[u(q["question"])] for q in b.questions(10)] + [[s, u("12+19=?")], [u("12+19=?"), a, u("And 1 more?")],
                                                            [u("What is <|im_end|>?")], [u("\n x \n")]]
    mine = [json.loads(x)["text"] for x in
            run(b.raml, "prompt", "--model", b.a.model, "-", "--add_generation_prompt", "--quiet",
                text="".join(json.dumps({"messages": m}) + "\n" for m in talks)).splitlines()]
    differ = [i for i, m in enumerate(talks)
              if t.apply_chat_template(m, tokenize=False, add_generation_prompt=True) != mine[i]]
    row(not differ, f"{len(talks)} prompts by the chat template, transformers", f"{len(differ)} differ")


# ---- logits ---------------------------------------------------------------------------------------------------------

def far(x, y):
    d = np.concatenate([np.abs(a - b).ravel() for a, b in zip(x, y)])
    return f"largest difference {d.max():.1e}, mean {d.mean():.1e}", float(d.max()), float(d.mean())


def compare_logits(b):
    import torch
    t, model = b.tokenizer(), b.torch_model()
    chains = [t(q["question"] + "\n" + q["answer"])["input_ids"] for q in b.questions(3)]
    chains.append(t.apply_chat_template([{"role": "user", "content": "What is 12+19?"}], add_generation_prompt=True)["input_ids"])

    def torch_logits():
        with torch.no_grad():
            return [model(torch.tensor([c])).logits[0].float().numpy() for c in chains]
    theirs, stored = torch_logits(), b.logits(b.a.model, chains)
    n = sum(map(len, chains))
    row(True, f"logits of {n} tokens, size", f"root mean square {np.sqrt(np.mean(np.concatenate(theirs) ** 2)):.1f}")
    for what, mine in (("the GGUF file as stored", stored), ("the folder in f32", b.logits(b.hf, chains, "f32")),
                       ("the GGUF file in f32", b.logits(b.f32, chains, "f32"))):
        said, most, _ = far(mine, theirs)
        row(most <= NEAR, f"  raml, {what}: transformers on the folder, f32", said)
    said, _, _ = far(b.logits(b.a.model, chains, "bf16"), theirs)
    row(True, "  raml --dtype bf16: the same (no bound)", said)
    if not b.llama:
        return
    m = b.llama.open(b.f32)
    said, most, _ = far([m.logits(c) for c in chains], stored)
    row(most <= NEAR, "  llama.cpp on the f32 GGUF: raml as stored", said)
    m.close()


# ---- quantised files ------------------------------------------------------------------------------------------------

def compare_weights(b):
    """Every number of the file, as gguf reads it."""
    from gguf import GGUFReader
    from q8_inputs import dequantised
    mine = {t.name: t for t in GGUFReader(b.f32).tensors}
    theirs, kinds, differ, n = GGUFReader(b.a.model).tensors, set(), [], 0
    for t in theirs:
        x, y = dequantised(t).astype("<f4"), np.asarray(mine[t.name].data, "<f4")
        kinds.add(t.tensor_type.name)
        n += x.size
        if x.shape != y.shape or x.tobytes() != y.tobytes():
            differ.append(t.name)
    row(not differ and len(mine) == len(theirs), f"{len(theirs)} tensors ({', '.join(sorted(kinds))}), raml's f32 GGUF: gguf",
        f"{n} numbers, {len(differ)} tensors differ" + "".join(" " + x for x in differ[:3]))


def compare_rounding(b):
    """Does llama.cpp differ from raml by more than what it rounds? Each of its products, of the input that it had, is what its rounding
    gives. The logits of all can't be: where a last bit differs, an input now and then is rounded to the next of its 8-bit values, so the same
    roundings with last bits moved are as far from each other as llama.cpp is from them."""
    from gguf import GGUFReader
    from q8_inputs import Llama, Matrix
    if not b.llama:
        return
    chains = [b.tokenizer()(q["question"])["input_ids"][:64] for q in b.questions(2)]
    m, tensors, n, rounded_by, exact_by = b.llama.open(b.a.model), {t.name: t for t in GGUFReader(b.a.model).tensors}, 0, 0, []
    for name, x, y in m.products(chains[0]):
        w, size, n = Matrix(tensors[name]), np.sqrt(np.mean(y ** 2)), n + 1
        rounded_by = max(rounded_by, float(np.abs(w.times(x, True) - y).max() / size))
        exact_by.append(float(np.sqrt(np.mean((w.times(x, False) - y) ** 2)) / size))
    row(n == 7 * (len(tensors) // 9) + 1 and rounded_by <= 3e-4, f"llama.cpp's {n} products on the file: inputs rounded to 8 bits",
        f"{rounded_by:.1e} at most, of their root mean square; with exact inputs {np.mean(exact_by):.1e} on average")
    theirs, mine, numpy = [m.logits(c) for c in chains], b.logits(b.a.model, chains), Llama(b.a.model)
    m.close()
    exact, rounded = ([numpy.logits(c, r) for c in chains] for r in (False, True))
    said, most, _ = far(mine, exact)
    row(most <= NEAR, f"logits of {sum(map(len, chains))} tokens, raml: numpy on gguf's numbers", said)
    said, _, apart = far(theirs, mine)
    row(True, "  llama.cpp: raml", said)
    said, _, apart_rounded = far(rounded, exact)
    row(0.5 <= apart / apart_rounded <= 2, "  numpy with inputs so rounded: numpy", said)
    said, _, noise = far(rounded, [numpy.logits(c, True, 1) for c in chains])
    row(True, "  numpy so rounded: the same with last bits of norms moved", said)
    said, _, left = far(theirs, rounded)
    row(left <= 1.5 * noise, "  llama.cpp: numpy so rounded", said)


# ---- greedy samples -------------------------------------------------------------------------------------------------

def compare_greedy(b):
    import torch
    t, model = b.tokenizer(), b.torch_model()
    questions = [q["question"] for q in b.questions(20)]
    with open(b.a.out + "/greedy.jsonl", "w") as f:
        f.writelines(json.dumps({"question": q, "answer": "0"}) + "\n" for q in questions)
    run(b.raml, "sample", "--model", b.a.model, b.a.out + "/greedy.jsonl", "--temperature", 0, "--n", 1, "--max_tokens", 100,
        "--prompt_preset", "none", "--dtype", "stored", "--out", b.a.out + "/greedy-out.jsonl", "--overwrite", "--quiet")
    same = 0
    for i, line in enumerate(open(b.a.out + "/greedy-out.jsonl")):
        mine = json.loads(line)["trajectories"][0]["tokens"]
        ids = t.apply_chat_template([{"role": "user", "content": questions[i]}], add_generation_prompt=True)["input_ids"]
        x = torch.tensor([ids])
        theirs = model.generate(x, attention_mask=torch.ones_like(x), do_sample=False, max_new_tokens=100,
                                pad_token_id=2)[0, len(ids):].tolist()
        n = min(len(mine), len(theirs))
        k = next((k for k in range(n) if mine[k] != theirs[k]), n)
        if k == n and len(mine) - len(theirs) in (0, -1):  # the end is a token of theirs
            same += 1
            continue
        p, q = mine[k], theirs[k]
        with torch.no_grad():
            z = model(torch.tensor([ids + mine[:k]])).logits[0, -1]
        w = b.logits(b.a.model, [ids + mine[:k]])[0][-1]
        gap, own = float(z[q] - z[p]), float(w[p] - w[q])
        row(0 <= gap <= NEAR and 0 <= own <= NEAR, f"  question {i + 1} parts at token {k}: {p}, transformers {q}",
            f"logits apart by {own:.1e} (raml), {gap:.1e} (transformers)")
    row(True, f"{len(questions)} greedy samples of 100 tokens, transformers", f"{same} equal")


# ---- speed ----------------------------------------------------------------------------------------------------------

def timed(words, times):
    """Least wall time and the largest memory of a command."""
    best, most = 1e9, 0
    for _ in range(times):
        start = time.monotonic()
        p = subprocess.Popen([str(w) for w in words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        said = p.stderr.read()
        _, status, use = os.wait4(p.pid, 0)
        if status:
            sys.exit(said.decode())
        best, most = min(best, time.monotonic() - start), max(most, use.ru_maxrss / 1024)
    return best, most


def speed_raml(b, dtype, n, length, batch):
    q = b.a.out + "/speed.jsonl"
    with open(q, "w") as f:
        f.write(json.dumps({"question": b.questions(1)[0]["question"], "answer": "0"}) + "\n")
    sample = [b.raml, "sample", "--model", b.a.model, q, "--out", b.a.out + "/speed-out.jsonl", "--overwrite", "--quiet", "--threads", 2,
              "--dtype", dtype, "--temperature", 1, "--top_p", 1, "--n"]
    load, memory = timed(sample + [1, "--max_tokens", 1], n)
    print(f"    raml {dtype}: first token after {load:.2f} s, {memory:.0f} MiB")
    for k in (1, batch):
        t, memory = timed(sample + [k, "--max_tokens", length], n)
        tokens = sum(len(x["tokens"]) for x in json.loads(open(b.a.out + "/speed-out.jsonl").readline())["trajectories"])
        print(f"    raml {dtype}: {k:2d} samples, {(tokens - k) / (t - load):7.0f} tokens/s, {memory:.0f} MiB")
    lines = b.a.out + "/speed-score.jsonl"
    ids = b.tokenizer()("\n".join(q["question"] + q["answer"] for q in b.questions(20)))["input_ids"][:1024]
    for k in (0, 4):
        with open(lines, "w") as f:
            f.writelines(json.dumps({"prompt_tokens": [i + 20], "completions": [{"tokens": ids if k else ids[:1]}]}) + "\n"
                         for i in range(max(k, 1)))
        t, memory = timed([b.raml, "score", "--model", b.a.model, lines, "--out", b.a.out + "/speed-scored.jsonl", "--overwrite", "--quiet",
                           "--threads", 2, "--dtype", dtype], n)
        if k:
            print(f"    raml {dtype}: scoring {k * 1024 / (t - load):7.0f} tokens/s, {memory:.0f} MiB")
        load = t


def speed_llama(b, length):
    start = time.monotonic()
    m = b.llama.open(b.a.model)
    load = time.monotonic() - start
    ids = b.tokenizer()("\n".join(q["question"] + q["answer"] for q in b.questions(20)))["input_ids"][:1024]
    context = m.context(2048)
    start = time.monotonic()
    m.decode(context, ids, 0, True)
    score = time.monotonic() - start
    start = time.monotonic()
    for i in range(length):
        m.decode(context, [ids[i]], 1024 + i, False)
    print(f"    llama.cpp: load {load:.2f} s, scoring {1024 / score:.0f} tokens/s, 1 sample {length / (time.monotonic() - start):.0f} tokens/s "
          "(without token sampling)")
    m.lib.llama_free(context)
    m.close()


def speed(b):
    print("speed with 2 threads")
    for dtype in ("stored", "bf16"):
        speed_raml(b, dtype, b.a.times, b.a.length, b.a.batch)
    if b.llama:
        speed_llama(b, b.a.length)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model")
    p.add_argument("--raml", default="build", help="raml's build folder")
    p.add_argument("--shared", default="../shared", help="the folder with the tests' data")
    p.add_argument("--llama", help="folder of llamacpp.py")
    p.add_argument("--out", required=True, help="folder for what is made on the way")
    p.add_argument("--times", type=int, default=3, help="runs of each command that is timed; the fastest counts")
    p.add_argument("--length", type=int, default=128, help="tokens of a sample that is timed")
    p.add_argument("--batch", type=int, default=32, help="samples that are timed at once")
    p.add_argument("--only", default="ids,prompts,logits,weights,rounding,greedy,speed")
    b = Both(p.parse_args())
    parts = {"ids": compare_ids, "prompts": compare_prompts, "logits": compare_logits, "weights": compare_weights,
             "rounding": compare_rounding, "greedy": compare_greedy, "speed": speed}
    for name in b.a.only.split(","):
        parts[name](b)
    print(f"{len(bad)} differences" if bad else "no difference")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
