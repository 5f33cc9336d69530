#!/usr/bin/env python3
"""endpoint_restart.py RAML TOKENIZER URL WORK -- SERVER ARG...: 200 requests to a real inference server that is killed and
started again in the middle; raml is killed once too. Nothing may be lost, and nothing asked twice that was answered.

Starts the server, scores 200 texts undisturbed, then once more with a journal: after about 60 answers raml gets SIGKILL, and
goes on; after about 120 the server gets SIGKILL, and is started again. Both results must be the same, to 1e-4 a token, and
answered + found in the journal must be 200 at the end, with no key twice.

Example, with vLLM on the CPU (docs/endpoint.md):
  tests/peers/endpoint_restart.py build/raml smollm2 http://127.0.0.1:8100/v1 /tmp/restart -- vllm serve smollm2 --port 8100
"""
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request

N = 200


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


def read(path):
    with open(path, encoding="utf-8") as f:
        return {o["id"]: o["completions"][0]["logp"] for o in map(json.loads, f)}


def main():
    raml, tokenizer, url, work = sys.argv[1:5]
    command = sys.argv[sys.argv.index("--") + 1:]
    os.makedirs(work, exist_ok=True)
    path = lambda name: os.path.join(work, name)
    with open(path("in.jsonl"), "w", encoding="utf-8") as f:
        for i in range(N):
            text = {"id": f"q{i}", "prompt": f"Question {i}: what is {i} + {7 * i % 31}? Answer:",
                    "completions": [{"text": f" {i + 7 * i % 31}."}]}
            f.write(json.dumps(text) + "\n")
    score = [raml, "score", path("in.jsonl"), "--endpoint", url, "--tokenizer", tokenizer, "--parallel", "8"]
    log = open(path("server.log"), "ab")
    server = start(command, url, log)
    begin = time.time()
    subprocess.run(score + ["--out", path("calm.jsonl"), "--overwrite"], check=True, stdout=subprocess.DEVNULL)
    print(f"undisturbed: {time.time() - begin:.0f} s", flush=True)

    journal = path("hard.jsonl.journal")
    for old in (journal, path("hard.jsonl")):
        if os.path.exists(old):
            os.remove(old)
    hard = score + ["--out", path("hard.jsonl"), "--overwrite"]
    p = subprocess.Popen(hard, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while len(keys(journal)) < 60:
        time.sleep(0.1)
    p.kill()
    p.wait()
    before = len(keys(journal))
    print(f"raml killed with {before} answers in the journal", flush=True)

    said = open(path("raml.log"), "w+", encoding="utf-8")
    p = subprocess.Popen(hard, stdout=subprocess.DEVNULL, stderr=said)
    while len(keys(journal)) < 120:
        time.sleep(0.1)
    kill(server)
    time.sleep(3)
    middle = keys(journal)
    print(f"server killed with {len(middle)} answers in the journal", flush=True)
    server = start(command, url, log)
    last = middle
    while p.poll() is None:
        now = keys(journal)
        last = now if len(now) >= len(last) else last
        time.sleep(0.05)
    said.seek(0)
    text = said.read()
    kill(server)
    m = re.search(r"(\d+) requests answered, (\d+) asked again, (\d+) found in the journal", text)
    calm, got = read(path("calm.jsonl")), read(path("hard.jsonl"))
    worst = max(abs(a - b) for k in calm for a, b in zip(calm[k], got[k]))
    print(f"raml: {m.group(0)}")
    print(f"largest difference of a log-probability: {worst:.2g}")
    print(f"keys seen in the journal: {len(last)}, different ones: {len(set(last))}")
    ok = (p.returncode == 0 and list(calm) == list(got) and len(got) == N and worst <= 1e-4
          and int(m.group(1)) + before == N and int(m.group(3)) == before and len(set(last)) == len(last))
    print("nothing lost, nothing twice" if ok else "FAIL")
    raise SystemExit(not ok)


main()
