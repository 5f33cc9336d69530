#!/usr/bin/env python3
"""endpoint_restart.py RAML TOKENIZER URL WORK [score|sample|trace] -- SERVER ARG...: some 200 requests to a real inference server that is killed and
started again in the middle; raml is killed once too. Nothing may be lost, and nothing asked twice that was answered.

Starts the server and runs the command (score) undisturbed, then once more with a journal: after a third of the answers raml gets SIGKILL, and
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
    """Eight trajectories of about 100 words: with every fourth token, some 25 probes each."""
    with open(path, "w", encoding="utf-8") as f:
        for i in range(8):
            steps = " ".join(f"Then {k} and {i + 1} make {k + i + 1}." for k in range(14))
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


def same(kind, calm, got):
    if sorted(calm) != sorted(got):
        print(f"results: {len(calm)} undisturbed, {len(got)} after both were killed")
        return False
    if kind == "sample":
        n = sum(calm[k] == got[k] for k in calm)
        print(f"{n} of {len(calm)} questions have the same samples")
        return True
    worst = max(abs(a - b) for k in calm for a, b in zip(calm[k], got[k]))
    print(f"largest difference: {worst:.2g}")
    return worst <= 1e-4 and all(len(calm[k]) == len(got[k]) for k in calm)


def main():
    cut = sys.argv.index("--")
    raml, tokenizer, url, work = sys.argv[1:5]
    kind, command = (sys.argv[5:cut] or ["score"])[0], sys.argv[cut + 1:]
    os.makedirs(work, exist_ok=True)
    path = lambda name: os.path.join(work, name)
    data = path(kind + "_in.jsonl")
    at = ["--endpoint", url, "--parallel", "8", "--model" if kind != "score" else "--tokenizer", tokenizer]
    if kind == "score":
        score_input(data)
        run = [raml, "score", data] + at
    elif kind == "trace":
        trace_input(data)
        run = [raml, "trace", data, "--stride", "4"] + at
    else:
        run = [raml, "sample", "--families", "add:3", "--num_questions", str(N // 4), "--num_generations", "4", "--max_completion_length", "16"] + at
    calm, hard, journal = path(kind + "_calm"), path(kind + "_hard"), path(kind + "_hard.journal")
    for old in (calm, hard, journal):
        shutil.rmtree(old, ignore_errors=True)
        if os.path.exists(old):
            os.remove(old)
    log = open(path("server.log"), "ab")
    server = start(command, url, log)
    begin = time.time()
    text = subprocess.run(run + ["--out", calm], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True).stderr
    total = int(SAID.search(text).group(1))
    print(f"undisturbed: {total} requests, {time.time() - begin:.0f} s", flush=True)

    run += ["--out", hard, "--overwrite"]
    p = subprocess.Popen(run, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while len(keys(journal)) < total // 3:
        time.sleep(0.05)
    p.kill()
    p.wait()
    before = len(keys(journal))
    print(f"raml killed with {before} answers in the journal", flush=True)

    said = open(path("raml.log"), "w+", encoding="utf-8")
    p = subprocess.Popen(run, stdout=subprocess.DEVNULL, stderr=said)
    while len(keys(journal)) < 2 * total // 3:
        time.sleep(0.05)
    kill(server)
    time.sleep(3)
    last = keys(journal)
    print(f"server killed with {len(last)} answers in the journal", flush=True)
    server = start(command, url, log)
    while p.poll() is None:
        now = keys(journal)
        last = now if len(now) >= len(last) else last
        time.sleep(0.05)
    said.seek(0)
    m = SAID.search(said.read())
    kill(server)
    print(f"raml: {m.group(0)}")
    print(f"keys seen in the journal: {len(last)}, different ones: {len(set(last))}")
    ok = same(kind, read(kind, calm), read(kind, hard)) and len(set(last)) == len(last) and int(m.group(1)) + before == total and p.returncode == 0
    if not ok:
        raise SystemExit("FAIL: something was lost, asked twice or changed")
    print(f"{kind}: nothing lost, nothing twice")


main()
