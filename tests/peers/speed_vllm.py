"""Worker of speed.py: vLLM on the processor, in this process: scoring, sampling, the loss curve.

The loss curve can be had of vLLM in three ways, all of which are here:
  prompts  a request with prompt_logprobs for every prefix; such requests do not read the prefix cache
  tokens   a request for every answer token (logprob_token_ids, max_tokens 1), whose prompts the prefix cache serves
  forced   a request for every prefix that the prefix cache serves; a logits processor of ours makes it write the answer, token by token,
           with the log-probability that each has before that
"""
import os
import statistics
import time

from speed_common import serve

held = {}
QUESTION, PREFIX, ANSWER = 128, 1, 12


def forcing():
    import torch
    from vllm.v1.sample.logits_processor import AdapterLogitsProcessor

    class Forced(AdapterLogitsProcessor):
        def is_argmax_invariant(self):
            return False

        def new_req_logits_processor(self, params):
            words = (params.extra_args or {}).get("write")
            if not words:
                return None

            def write(output_ids, logits):
                t = words[len(output_ids)]
                out = torch.full_like(logits, float("-inf"))
                out[t] = 0
                return out
            return write
    return Forced


def open_model(path, compiled, sequences, vocabulary, block):
    import torch
    from vllm import LLM
    close_model()
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    held["llm"] = LLM(model=path, dtype="bfloat16", skip_tokenizer_init=True, max_model_len=2304, max_num_seqs=sequences, max_num_batched_tokens=2304,
                      enforce_eager=not compiled, enable_prefix_caching=True, block_size=block, logits_processors=[forcing()], disable_log_stats=True)
    held["vocabulary"] = vocabulary
    return {}


def close_model():
    import gc
    held.clear()
    gc.collect()
    return {}


def token(i):
    i = ((i + 1) * 2654435761) & 0xffffffff
    i ^= i >> 15
    i = (i * 2246822519) & 0xffffffff
    return (i ^ (i >> 13)) % held["vocabulary"]


def ask(prompts, params):
    from vllm import SamplingParams
    made = [SamplingParams(**p) for p in params] if isinstance(params, list) else SamplingParams(**params)
    start = time.perf_counter()
    out = held["llm"].generate([{"prompt_token_ids": p} for p in prompts], made, use_tqdm=False)
    return time.perf_counter() - start, out


def fresh():
    held["llm"].reset_prefix_cache()


def score(runs, length):
    times = []
    for _ in range(runs):
        fresh()
        seconds, out = ask([[token(i) for i in range(length)]], {"max_tokens": 1, "prompt_logprobs": 0, "detokenize": False})
        assert len(out[0].prompt_logprobs) == length
        times.append(seconds)
    return {"tokens_per_s": length / statistics.median(times)}


def sample(batch, steps, runs):
    """The steps alone: 1 + steps tokens less 1 token, both with the prompt in the prefix cache."""
    prompt, rate = [token(i) for i in range(512)], []
    for _ in range(runs):
        base = {"temperature": 1.0, "ignore_eos": True, "detokenize": False, "n": batch}
        ask([prompt], {**base, "max_tokens": 1})
        first, _ = ask([prompt], {**base, "max_tokens": 1})
        whole, out = ask([prompt], {**base, "max_tokens": 1 + steps})
        assert sum(len(o.token_ids) for o in out[0].outputs) == batch * (1 + steps)
        rate.append(batch * steps / (whole - first))
    return {"tokens_per_s": statistics.median(rate)}


def curve(way, length, every):
    """Seconds for all prefixes; those left out are counted as the mean of the others."""
    fresh()
    text = [token(i) for i in range(QUESTION + length)]
    answer = [token(5000 + i) for i in range(PREFIX + ANSWER)]
    cuts = list(range(0, length + 1, every))
    base = {"detokenize": False, "ignore_eos": True}
    reading, _ = ask([text], {**base, "max_tokens": 1})
    if way == "prompts":
        seconds, out = ask([text[:QUESTION + c] + answer for c in cuts], {**base, "max_tokens": 1, "prompt_logprobs": 0})
        value = [sum(next(iter(p.values())).logprob for p in o.prompt_logprobs[-ANSWER:]) for o in out]
        cached = [o.num_cached_tokens or 0 for o in out]
    elif way == "tokens":
        places = [(c, k) for c in cuts for k in range(ANSWER)]
        seconds, out = ask([text[:QUESTION + c] + answer[:PREFIX + k] for c, k in places],
                           [{**base, "max_tokens": 1, "temperature": 0.0, "logprobs": 1, "logprob_token_ids": [answer[PREFIX + k]]} for _, k in places])
        each = [o.outputs[0].logprobs[0][answer[PREFIX + k]].logprob for o, (_, k) in zip(out, places)]
        value = [sum(each[i:i + ANSWER]) for i in range(0, len(each), ANSWER)]
        cached = [o.num_cached_tokens or 0 for o in out]
    else:
        seconds, out = ask([text[:QUESTION + c] + answer[:PREFIX] for c in cuts],
                           {**base, "max_tokens": ANSWER, "temperature": 0.0, "logprobs": 0, "extra_args": {"write": answer[PREFIX:]}})
        assert all(list(o.outputs[0].token_ids) == answer[PREFIX:] for o in out)
        value = [sum(p[t].logprob for p, t in zip(o.outputs[0].logprobs, answer[PREFIX:])) for o in out]
        cached = [o.num_cached_tokens or 0 for o in out]
    whole = reading + seconds * (length + 1) / len(cuts)
    return {"seconds": whole, "cuts": len(cuts), "cached_share": sum(cached) / max(1, sum(len(o.prompt_token_ids) for o in out)), "values": value[:3] + value[-3:]}


def version():
    from importlib.metadata import version as of
    return {"version": of("vllm"), "torch": of("torch")}


if __name__ == "__main__":
    serve({"open": open_model, "close": close_model, "score": score, "sample": sample, "curve": curve, "version": version})
