#!/usr/bin/env python3
"""endpoint_restart.py RAML TOKENIZER URL WORK [score,sample,trace] -- SERVER ARG...: some 200 requests to a real inference server that is killed and
started again in the middle; raml is killed once too. Nothing may be lost, and nothing asked twice that was answered.

Starts the server and runs each command (score) undisturbed, then once more with a journal: after a third of the answers raml gets SIGKILL, and
goes on; after two thirds the server gets SIGKILL, and is started again. Answered + found must be as many as were asked, no key may be twice in the
journal, and the results must be the same: log-probabilities and losses to 1e-4, where the server gives the same samples for a seed those too.

Examples, with vLLM on the CPU (docs/endpoint.md) and with raml itself:
  tests/peers/endpoint_restart.py build/raml smollm2 http://127.0.0.1:8100/v1 /tmp/restart trace -- vllm serve smollm2 --port 8100
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
    p = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    begin = time.time()
    while not answers(url):
        if p.poll() is not None or time.time() - begin > 900:
            raise SystemExit("the server did not start; see server.log")
        time.sleep(1)
    print(f"server: answers after {time.time() - begin:.0f} s", flush=True)
    return p


def kill(p):
    os.killpg(p.pid, signal.SIGKILL)
    p.wait()


def keys(journal):
    try:
        with open(journal, encoding="utf-8") as f:
            return [json.loads(line).get("key") for line in f.read().split("\n")[:-1]][1:]
    except OSError:
        return []


def score_input(path):
    with open(path, "w", encoding="utf-8") as f:
        for i in range(N):
            text = {"id": f"q{i}", "prompt": f"Question {i}: what is {i} + {7 * i % 31}? Answer:",
                    "completions": [{"text": f" {i + 7 * i % 31}."}]}
            f.write(json.dumps(text) + "\n")


def trace_input(path):
    """Trajectories of some 80 tokens: with every fourth of them about 20 probes each, two requests or more a probe where a token is asked for at a time."""
    with open(path, "w", encoding="utf-8") as f:
        for i in range(N // 40):
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


def command_of(kind, raml, url, tokenizer, path):
    """What raml is asked, without --out."""
    data = path(kind + "_in.jsonl")
    at = ["--endpoint", url, "--parallel", "8", "--model" if kind != "score" else "--tokenizer", tokenizer]
    if kind == "score":
        score_input(data)
        return [raml, "score", data] + at
    if kind == "trace":
        trace_input(data)
        return [raml, "trace", data, "--stride", "4"] + at
    return [raml, "sample", "--families", "add:3", "--num_questions", str(N), "--num_generations", "4", "--max_completion_length", "8"] + at


def undisturbed(kind, run, out):
    """The requests that it takes."""
    begin = time.time()
    r = subprocess.run(run + ["--out", out], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    said = SAID.search(r.stderr)
    if r.returncode or not said:
        raise SystemExit(f"{kind}: undisturbed, it fails: {r.stderr[-500:]}")
    total = int(said.group(1))
    print(f"{kind}: undisturbed: {total} requests, {time.time() - begin:.0f} s", flush=True)
    return total


def wait_for(p, journal, n):
    while len(keys(journal)) < n:
        if p.poll() is not None:
            raise SystemExit(f"raml ended before {n} answers were in its journal")
        time.sleep(0.05)


def disturbed(kind, run, out, path, total, server, restart):
    """Both are killed; the new server, and whether all is as it should be."""
    journal = out + ".journal"
    run = run + ["--out", out, "--overwrite"]
    p = subprocess.Popen(run, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(p, journal, total // 3)
    p.kill()
    p.wait()
    before = len(keys(journal))
    print(f"{kind}: raml killed with {before} answers in the journal", flush=True)

    said = open(path(kind + "_raml.log"), "w+", encoding="utf-8")
    p = subprocess.Popen(run, stdout=subprocess.DEVNULL, stderr=said)
    wait_for(p, journal, 2 * total // 3)
    kill(server)
    time.sleep(3)
    last = keys(journal)
    print(f"{kind}: server killed with {len(last)} answers in the journal", flush=True)
    server = restart()
    while p.poll() is None:
        now = keys(journal)
        last = now if len(now) >= len(last) else last
        time.sleep(0.05)
    said.seek(0)
    m = SAID.search(said.read())
    if p.returncode or not m:
        print(f"{kind}: raml ends with {p.returncode}; see {said.name}")
        return server, False
    print(f"{kind}: {m.group(0)}")
    print(f"{kind}: keys seen in the journal: {len(last)}, different ones: {len(set(last))}")
    return server, len(set(last)) == len(last) and int(m.group(1)) + before == total and int(m.group(3)) == before


def main():
    cut = sys.argv.index("--")
    raml, tokenizer, url, work = sys.argv[1:5]
    kinds, command = (sys.argv[5:cut] or ["score"])[0].split(","), sys.argv[cut + 1:]
    os.makedirs(work, exist_ok=True)
    path = lambda name: os.path.join(work, name)
    log = open(path("server.log"), "ab")
    restart = lambda: start(command, url, log)
    server, bad = restart(), []
    try:
        for kind in kinds:
            calm, hard = path(kind + "_calm"), path(kind + "_hard")
            for old in (calm, hard, calm + ".journal", hard + ".journal"):
                shutil.rmtree(old, ignore_errors=True)
                if os.path.exists(old):
                    os.remove(old)
            run = command_of(kind, raml, url, tokenizer, path)
            total = undisturbed(kind, run, calm)
            server, right = disturbed(kind, run, hard, path, total, server, restart)
            right = right and same(kind, read(kind, calm), read(kind, hard))
            print(f"{kind}: " + ("nothing lost, nothing twice" if right else "FAIL: something was lost, asked twice or changed"), flush=True)
            bad += [] if right else [kind]
    finally:
        kill(server)
    raise SystemExit(1 if bad else 0)


main()
