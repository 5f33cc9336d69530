#!/usr/bin/env python3
"""endpoint_restart.py RAML TOKENIZER URL WORK [score,sample,trace] -- SERVER ARG...: some 200 requests to a real inference server that is killed and
started again in the middle; raml is killed too. Nothing may be lost, and nothing asked twice that was answered.

Starts the server and runs the commands (score), all at the same time, undisturbed; then once more with a journal: each gets SIGKILL after a third of its answers, and
goes on; when one has two thirds the server gets SIGKILL, and is started again. Answered + found must be as many as were asked, no key may be twice in a
journal, and the results must be the same: log-probabilities and losses to 1e-4, where the server gives the same samples for a seed those too.

Examples, with vLLM on the CPU (docs/endpoint.md) and with raml itself:
  tests/peers/endpoint_restart.py build/raml smollm2 http://127.0.0.1:8100/v1 /tmp/restart score,sample,trace -- vllm serve smollm2 --port 8100
  tests/peers/endpoint_restart.py build/raml smollm2 http://127.0.0.1:8100/v1 /tmp/restart sample -- build/raml serve --model smollm2 --port 8100
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request

N = 200
SAID = re.compile(r"(\d+) requests answered, (\d+) asked again, (\d+) found in the journal")


def answers(url):
    try:
        with urllib.request.urlopen(url.rstrip("/") + "/models", timeout=5) as r:
            return r.status == 200
    except OSError:
        return False


def start(command, url, log):
    if answers(url):
        raise SystemExit(f"something serves {url} already")
    p = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    begin = time.time()
    try:
        while not answers(url):
            if p.poll() is not None or time.time() - begin > 900:
                raise SystemExit("the server did not start; see server.log")
            time.sleep(1)
    except BaseException:
        kill(p)
        raise
    print(f"server: answers after {time.time() - begin:.0f} s", flush=True)
    return p


def kill(p):
    try:
        os.killpg(p.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    p.wait()


def keys(journal):
    try:
        with open(journal, encoding="utf-8") as f:
            return [json.loads(line).get("key") for line in f.read().split("\n")[:-1]][1:]
    except OSError:
        return []


def score_input(path, n):
    with open(path, "w", encoding="utf-8") as f:
        for i in range(n):
            text = {"id": f"q{i}", "prompt": f"Question {i}: what is {i} + {7 * i % 31}? Answer:",
                    "completions": [{"text": f" {i + 7 * i % 31}."}]}
            f.write(json.dumps(text) + "\n")


def trace_input(path, n):
    """n trajectories of some 80 tokens: with every fourth of them about 20 probes each, two requests or more a probe where a token is asked for at a time."""
    with open(path, "w", encoding="utf-8") as f:
        for i in range(n):
            steps = " ".join(f"Then {k} and {i + 1} make {k + i + 1}." for k in range(7))
            f.write(json.dumps({"question": f"What is 14 + {i}?", "answer": str(14 + i), "trajectories": [{"text": steps}]}) + "\n")


def read(kind, out):
    """Numbers by name."""
    name = out + "/curves.jsonl" if kind == "trace" else out
    with open(name, encoding="utf-8") as f:
        lines = [json.loads(line) for line in f]
    if kind == "score":
        return {o["id"]: o["completions"][0]["logp"] for o in lines}
    if kind == "trace":
        return {i: o["L"] for i, o in enumerate(lines)}
    return {i: json.dumps(o, sort_keys=True) for i, o in enumerate(lines)}


def same_questions(a, b):
    """The same question and as many samples: a server that batches differently may round, and then draw, differently."""
    a, b = json.loads(a), json.loads(b)
    samples = [k for k, v in a.items() if isinstance(v, list)]
    return all(a[k] == b[k] for k in a if k not in samples) and all(len(a[k]) == len(b[k]) for k in samples)


def same(kind, calm, got):
    if sorted(calm) != sorted(got):
        print(f"results: {len(calm)} undisturbed, {len(got)} after both were killed")
        return False
    if kind == "sample":
        n = sum(calm[k] == got[k] for k in calm)
        print(f"{n} of {len(calm)} questions have the same samples")
        return all(calm[k] == got[k] or same_questions(calm[k], got[k]) for k in calm)
    worst = max(abs(a - b) for k in calm for a, b in zip(calm[k], got[k]))
    print(f"largest difference: {worst:.2g}")
    return worst <= 1e-4 and all(len(calm[k]) == len(got[k]) for k in calm)


def command_of(kind, n, raml, url, tokenizer, path):
    """What raml is asked for about n requests, without --out."""
    data = path(kind + "_in.jsonl")
    at = ["--endpoint", url, "--parallel", "8", "--model" if kind != "score" else "--tokenizer", tokenizer]
    if kind == "score":
        score_input(data, n)
        return [raml, "score", data] + at
    if kind == "trace":
        trace_input(data, max(2, n // 40))
        return [raml, "trace", data, "--stride", "4"] + at
    return [raml, "sample", "--families", "add:3", "--num_questions", str(-(-n // 4)), "--num_generations", "4", "--max_completion_length", "8"] + at


class Task:
    """One command: its undisturbed run, and the one in which raml and the server are killed."""

    def __init__(self, kind, n, raml, url, tokenizer, path):
        self.kind, self.calm, self.hard = kind, path(kind + "_calm"), path(kind + "_hard")
        self.journal, self.log = self.hard + ".journal", path(kind + "_raml.log")
        for old in (self.calm, self.hard, self.calm + ".journal", self.journal):
            shutil.rmtree(old, ignore_errors=True)
            if os.path.exists(old):
                os.remove(old)
        self.run = command_of(kind, n, raml, url, tokenizer, path)
        self.last, self.p = [], None

    def start(self, out, *more):
        with open(self.log, "w") as log:
            self.p = subprocess.Popen(self.run + ["--out", out, *more], stdout=subprocess.DEVNULL, stderr=log)

    def end(self):
        """Answered, asked again, found."""
        self.p.wait()
        with open(self.log, encoding="utf-8") as f:
            text = f.read()
        said = SAID.search(text)
        if self.p.returncode or not said:
            raise SystemExit(f"{self.kind}: fails: {text[-500:]}")
        return [int(x) for x in said.groups()]

    def look(self):
        """The journal, which is removed at the end, as it was last."""
        now = keys(self.journal)
        self.last = now if len(now) >= len(self.last) else self.last
        return len(self.last)

    def good(self):
        answered, again, found = self.end()
        print(f"{self.kind}: {answered} requests answered, {again} asked again, {found} found in the journal; "
              f"keys seen in the journal: {len(self.last)}, different ones: {len(set(self.last))}")
        return same(self.kind, read(self.kind, self.calm), read(self.kind, self.hard)) and len(set(self.last)) == len(self.last) and \
            answered + self.before == self.total and found <= self.before  # sample has whole questions from its own file


def disturb(tasks, server, restart):
    """All commands are killed and started again, and then the server; the new one."""
    for t in tasks:
        t.start(t.hard, "--overwrite")
    left = list(tasks)
    while left:
        for t in [t for t in left if t.look() >= t.total // 3]:
            t.p.kill()
            t.p.wait()
            t.before = t.look()
            if t.before >= t.total:
                raise SystemExit(f"{t.kind}: raml ended before it was killed")
            left.remove(t)
            print(f"{t.kind}: raml killed with {t.before} answers in the journal", flush=True)
        time.sleep(0.05)
    for t in tasks:
        t.start(t.hard, "--overwrite")
    while all(t.look() < 2 * t.total // 3 for t in tasks):
        time.sleep(0.05)
    kill(server)
    time.sleep(3)
    print("server killed with " + ", ".join(f"{t.look()} of {t.total} ({t.kind})" for t in tasks) + " answers in the journals", flush=True)
    return restart()


def main():
    signal.signal(signal.SIGTERM, lambda *how: sys.exit("stopped"))
    cut = sys.argv.index("--")
    raml, tokenizer, url, work = sys.argv[1:5]
    kinds, command = (sys.argv[5:cut] or ["score"])[0].split(","), sys.argv[cut + 1:]
    os.makedirs(work, exist_ok=True)
    path = lambda name: os.path.join(work, name)
    log = open(path("server.log"), "ab")
    restart = lambda: start(command, url, log)
    tasks = [Task(kind, -(-N // len(kinds)), raml, url, tokenizer, path) for kind in kinds]
    server = restart()
    try:
        begin = time.time()
        for t in tasks:
            t.start(t.calm)
        for t in tasks:
            t.total = t.end()[0]
        print("undisturbed: " + ", ".join(f"{t.total} requests ({t.kind})" for t in tasks) + f", {time.time() - begin:.0f} s", flush=True)
        server = disturb(tasks, server, restart)
        while any(t.p.poll() is None for t in tasks):
            for t in tasks:
                t.look()
            time.sleep(0.05)
        good = [t.good() for t in tasks]
    finally:
        kill(server)
        for t in tasks:
            if t.p:
                t.p.kill()
    if not all(good):
        raise SystemExit("FAIL: something was lost, asked twice or changed")
    print(f"{', '.join(kinds)}: nothing lost, nothing twice")


main()
