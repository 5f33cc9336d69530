"""Parts `verify` and `eval` of speed.py: answers beside math-verify, metrics beside lighteval."""
import json
import random
import subprocess
import time

from speed_common import Failed, Table, Worker, environment, note


def timed_raml(a, *words):
    start = time.perf_counter()
    r = subprocess.run([a.raml + "/raml", *map(str, words)], capture_output=True, text=True, env=environment(a), timeout=a.limit)
    seconds = time.perf_counter() - start
    if r.returncode:
        raise Failed(r.stderr[-400:])
    return seconds, r.stdout


def wanted(row):
    for key in ("equal", "label"):
        if key in row:
            return bool(row[key])
    return None


def verify(a):
    table = Table("Is the answer equal? One thread, the program's start included (raml), the libraries loaded (math-verify)", "checks/s")
    w = Worker(a, a.mathverify, "speed_verify.py")
    note(f"math-verify {w.ask(do='version', package='math-verify')['version']}")
    for name in ("model_pairs", "cases"):
        path = f"{a.shared}/data/verify/{name}.jsonl"
        rows = [json.loads(line) for line in open(path)]
        if name == "model_pairs":
            rows = rows[::16 if a.quick else 3]
        rows = [r for r in rows if r.get("pred") is not None]
        path = f"{a.out}/{name}.jsonl"
        with open(path, "w") as f:
            f.writelines(json.dumps({"id": i, "gold": r["gold"], "pred": r["pred"]}) + "\n" for i, r in enumerate(rows))
        said = {}

        def mine():
            seconds, out = timed_raml(a, "verify", path, "--threads", 1, "--quiet")
            said["raml"] = [json.loads(line)["verdict"] == "equal" for line in out.splitlines()]
            return len(rows) / seconds

        def theirs():
            r = w.ask(do="verify", path=path)
            said["math-verify"] = r["equal"]
            return len(rows) / r["seconds"]
        table.measure(f"{name}.jsonl, {len(rows)} pairs", {"raml verify": mine, "math-verify": theirs}, min(2, a.rounds))
        labels = [wanted(r) for r in rows]
        for who, verdicts in said.items():
            note(f"{name}: {who}: as the label says: {sum(x == y for x, y in zip(verdicts, labels) if y is not None)} of {sum(y is not None for y in labels)}")
    w.close()
    table.show()


def samples(a, n, extract):
    """Questions with n samples: whole numbers as texts of their own, or answers of models to real questions."""
    if not extract:
        r = random.Random(1)
        out = []
        for i in range(200 if a.quick else 2000):
            gold, skill = str(r.randrange(1000)), r.random()
            out.append({"gold": gold, "pred": [gold if r.random() < skill else str(r.randrange(1000, 1008)) for _ in range(n)]})
        return out
    by = {}
    for line in open(a.shared + "/data/verify/model_pairs.jsonl"):
        p = json.loads(line)
        if isinstance(p["gold"], str) and isinstance(p["pred"], str):
            by.setdefault(p["gold"], []).append(p["pred"])
    return [{"gold": f"${g}$", "pred": [f"The answer is ${x}$." for x in p[:n]]} for g, p in by.items() if len(p) >= n][:50 if a.quick else 10000]


def evaluate(a):
    table = Table("Metrics of samples: graded, then accuracy, pass@k, G-Pass@k, mG-Pass@k, maj@n with their means (raml: and intervals)", "seconds", lower=True)
    w = Worker(a, a.lighteval, "speed_verify.py")
    note(f"lighteval {w.ask(do='version', package='lighteval')['version']}")
    for n, ks, extract in ((16, [4, 8], False), (4, [2, 4], True)):
        rows = samples(a, n, extract)
        theirs_file, mine_file = a.out + "/eval-theirs.jsonl", a.out + "/eval-mine.jsonl"
        with open(theirs_file, "w") as f, open(mine_file, "w") as g:
            for i, r in enumerate(rows):
                f.write(json.dumps(r) + "\n")
                g.write(json.dumps({"doc": {"id": str(i), "choices": [r["gold"]], "gold_index": [0]}, "model_response": {"input": "", "text": r["pred"]},
                                    "metric": {f"avg@n:n={n}": 0.0}}) + "\n")
        said = {}

        def mine():
            seconds, out = timed_raml(a, "eval", mine_file, "--layout", "lighteval", "--regrade", "--k", ",".join(map(str, sorted({*ks, n}))), "--metrics", "pass,gpass,mgpass,maj",
                                      "--tau", "0.5,1", "--json", "--threads", 1, "--quiet")
            said["raml"] = json.loads(out)
            return seconds

        def theirs():
            said["lighteval"] = w.ask(do="evaluate", path=theirs_file, n=n, ks=ks, extract=extract)
            return said["lighteval"]["seconds"]
        table.measure(f"{len(rows)} questions x {n} samples, " + ("answers extracted and compared as mathematics" if extract else "answers compared as texts (raml: as mathematics)"),
                      {"raml eval": mine, "lighteval": theirs}, min(2, a.rounds))
        if len(said) == 2:
            compare(said, ks, n)
    w.close()
    table.show()


def compare(said, ks, n):
    all_ = said["raml"]["all"]
    mine = {"accuracy": all_["accuracy"]["value"], **{f"pass@{k}": v["value"] for k, v in all_["pass_at_k"].items()},
            **{k: v["value"] for k, v in all_["measures"].items()}}
    theirs = said["lighteval"]["values"]
    names = {"accuracy": "accuracy", f"maj@{n}": f"maj@{n}"}
    for k in ks:
        names.update({f"pass@{k}": f"pass@{k}", f"g-pass@{k}_0.5": f"G-Pass@{k}_0.5", f"g-pass@{k}_1.0": f"G-Pass@{k}_1", f"mg-pass@{k}": f"mG-Pass@{k}"})
    for a, b in names.items():
        if b in mine and a in theirs:
            note(f"{b}: raml {mine[b]:.6f}, lighteval {theirs[a]:.6f}, apart by {abs(mine[b] - theirs[a]):.1e}")
        else:
            note(f"{b}: not in both: {b in mine} {a in theirs}")
