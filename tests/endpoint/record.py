#!/usr/bin/env python3
"""record.py URL OUT.jsonl [sglang]: asks a real server what the tests ask, and writes down what it answers (tests/endpoint/records).

The first line says which server it was. Ids, times and paths are replaced: they are of the machine, not of the server's form.
"""
import json
import sys
import urllib.error
import urllib.request

TEXT = [1780, 314, 216, 33, 34, 1232, 216, 35, 32, 47]
HEAD = {"model": "smol"}
REQUESTS = [
    {"prompt": TEXT, "max_tokens": 1, "temperature": 0, "prompt_logprobs": 0},
    {"prompt": TEXT, "max_tokens": 1, "temperature": 0, "echo": True, "logprobs": 1, "return_tokens_as_token_ids": True},
    {"prompt": TEXT[:8], "max_tokens": 1, "temperature": 0, "prompt_logprobs": 0},
    {"prompt": TEXT[:8], "max_tokens": 1, "temperature": 0, "echo": True, "logprobs": 1, "return_tokens_as_token_ids": True},
    {"prompt": TEXT[:7], "max_tokens": 1, "temperature": 0, "ignore_eos": True, "logprobs": 0, "logprob_token_ids": [35],
     "return_tokens_as_token_ids": True},
    {"prompt": TEXT, "max_tokens": 12, "seed": 7, "logprobs": 0, "return_tokens_as_token_ids": True, "return_token_ids": True,
     "temperature": 1, "top_p": 1, "top_k": -1, "repetition_penalty": 1, "min_p": 0, "skip_special_tokens": False,
     "include_stop_str_in_output": True, "stop_token_ids": [2, 198]},
    {"prompt": [1780, 99999], "max_tokens": 1, "temperature": 0, "prompt_logprobs": 0},
]
LOGPROBS = {"return_logprob": True}
GENERATE = [  # of SGLang
    {"input_ids": TEXT[:8], "sampling_params": {"max_new_tokens": 1, "temperature": 0}, **LOGPROBS, "logprob_start_len": 0, "top_logprobs_num": 1},
    {"input_ids": TEXT, "sampling_params": {"max_new_tokens": 1, "temperature": 0}, **LOGPROBS, "logprob_start_len": 0, "top_logprobs_num": 1},
    {"input_ids": TEXT, "sampling_params": {"max_new_tokens": 1, "temperature": 0}, **LOGPROBS, "logprob_start_len": 7, "top_logprobs_num": 1},
    {"input_ids": [1780, 49151, 314], "sampling_params": {"max_new_tokens": 1, "temperature": 0}, **LOGPROBS, "logprob_start_len": 0,
     "top_logprobs_num": 1},
    {"input_ids": TEXT, "sampling_params": {"max_new_tokens": 12, "sampling_seed": 7, "temperature": 1, "top_p": 1, "top_k": -1, "min_p": 0,
                                            "stop_token_ids": [2, 198], "no_stop_trim": True, "skip_special_tokens": False}, **LOGPROBS},
]


def ask(url, body):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=600) as r:
            return r.status, json.load(r)
    except urllib.error.HTTPError as e:
        return e.code, json.load(e)


def clean(x):
    if isinstance(x, list):
        return [clean(y) for y in x]
    if not isinstance(x, dict):
        return x
    fixed = {"created": 0, "root": "smol"}
    return {k: "x" if k == "id" and isinstance(v, str) and "-" in v else fixed.get(k, clean(v)) for k, v in x.items()}


def main():
    url, out = sys.argv[1].rstrip("/"), sys.argv[2]
    sglang = sys.argv[3:] == ["sglang"]
    with open(out, "w", encoding="utf-8") as f:
        if sglang:
            version = "SGLang " + ask(url[:-3] + "/server_info", None)[1]["version"]
        else:
            version = "vLLM " + ask(url[:-3] + "/version", None)[1]["version"]
        about = f"{version}, on a CPU, float32, SmolLM2-135M-Instruct (Q4_1 expanded, bf16); made by record.py"
        f.write(json.dumps({"about": about}) + "\n")
        if not sglang:
            status, reply = ask(url + "/models", None)
            f.write(json.dumps({"path": "/v1/models", "status": status, "reply": clean(reply)}) + "\n")
        for body in GENERATE if sglang else REQUESTS:
            path = "/generate" if sglang else "/v1/completions"
            body = body if sglang else {**HEAD, **body}
            status, reply = ask(url[:-3] + path, body)
            f.write(json.dumps({"path": path, "request": body, "status": status, "reply": clean(reply)}) + "\n")


main()
