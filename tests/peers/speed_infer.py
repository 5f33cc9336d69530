"""Parts `infer` and `curve` of speed.py: scoring, decoding and the loss curve beside llama.cpp, ik_llama.cpp and vLLM."""
import json
import os
import shutil

from speed_common import HERE, Failed, Table, Worker, bench, best, note, run, run_json

LIBRARIES = {"llama.cpp": "llama", "ik_llama.cpp": "ik"}


def built(a):
    """{library: program}: speed_llama.c with each library that there is."""
    out = {}
    for name, option in LIBRARIES.items():
        source, build = (getattr(a, option) or ":").split(":")
        if not source:
            continue
        libs = [d for d in (build + "/bin", build + "/src", build + "/ggml/src") if os.path.isdir(d)]
        program = f"{a.out}/speed_{option}"
        words = ["cc", "-std=c11", "-D_GNU_SOURCE", "-O3", "-ffast-math", "-march=native", "-fopenmp", *(["-DIK"] if option == "ik" else []), HERE + "/speed_llama.c",
                 "-I", source + "/include", "-I", source + "/ggml/include", "-o", program]
        for d in libs:
            words += ["-L", d, "-Wl,-rpath," + os.path.abspath(d), "-Wl,-rpath-link," + d]
        try:
            run(a, *words, "-lllama", "-lggml", *(["-lggml-base"] if option == "llama" else []), "-lm")
            out[name] = program
        except Failed as e:
            note(f"{name}: {e}")
    return out


SHAPES = {"small": ("llama", 512, 256, 704, 6, 8, 4, 4096, 1e-5, 1e4),  # type, vocabulary, d, ffn, layers, heads, kv heads, context, eps, rotary base
          "qwen2.5-0.5b": ("qwen2", 151936, 896, 4864, 24, 14, 2, 32768, 1e-6, 1e6)}


def random_model(a, preset, folder):
    """A folder in Hugging Face layout: bf16, head tied to the embedding, raml's tokenizer of bytes."""
    import torch
    from safetensors.torch import save_file
    kind, vocabulary, d, ffn, layers, heads, kv, context, eps, base = SHAPES[preset]
    size = d // heads
    shapes = {"model.embed_tokens.weight": (vocabulary, d), "model.norm.weight": (d,)}
    for i in range(layers):
        at = f"model.layers.{i}."
        for name, rows in (("q", heads * size), ("k", kv * size), ("v", kv * size)):
            shapes[f"{at}self_attn.{name}_proj.weight"] = (rows, d)
            if kind == "qwen2":
                shapes[f"{at}self_attn.{name}_proj.bias"] = (rows,)
        shapes.update({at + "self_attn.o_proj.weight": (d, heads * size), at + "mlp.gate_proj.weight": (ffn, d), at + "mlp.up_proj.weight": (ffn, d),
                       at + "mlp.down_proj.weight": (d, ffn), at + "input_layernorm.weight": (d,), at + "post_attention_layernorm.weight": (d,)})
    g = torch.Generator().manual_seed(1)
    value = lambda name, s: torch.ones(s) if "norm" in name else torch.randn(s, generator=g) * 0.02
    run_folder = a.out + "/tokenizer-run"
    shutil.rmtree(run_folder, ignore_errors=True)
    run(a, a.raml + "/raml", "train", "sft", "--model", "init:micro", "--families", "add:1", "--num_questions", 8, "--max_steps", 1, "--quiet", "--out", run_folder)
    os.makedirs(folder + ".tmp", exist_ok=True)
    save_file({n: value(n, s).to(torch.bfloat16) for n, s in shapes.items()}, folder + ".tmp/model.safetensors", {"format": "pt"})
    shutil.copy(run_folder + "/checkpoint-1/tokenizer.json", folder + ".tmp")
    with open(folder + ".tmp/config.json", "w") as f:
        json.dump({"architectures": [{"llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM"}[kind]], "model_type": kind, "vocab_size": vocabulary, "hidden_size": d,
                   "intermediate_size": ffn, "num_hidden_layers": layers, "num_attention_heads": heads, "num_key_value_heads": kv, "head_dim": size,
                   "max_position_embeddings": context, "rms_norm_eps": eps, "rope_theta": base, "tie_word_embeddings": True, "hidden_act": "silu",
                   "torch_dtype": "bfloat16"}, f)
    os.rename(folder + ".tmp", folder)


def files(a):
    """{model: {type: path}} as GGUF, and the Hugging Face folder for vLLM under "hf"."""
    out = {}
    raml = a.raml + "/raml"

    def made(path, command, source, *words):
        if not os.path.exists(path):
            note("making " + path)
            run(a, raml, command, source, path, *words)
        return path
    if a.model:
        smol = {"Q4_1": a.model}
        smol["BF16"] = made(a.out + "/smol-bf16.gguf", "convert", a.model, "--dtype", "bf16")
        smol["Q8_0"] = made(a.out + "/smol-q8_0.gguf", "convert", a.model, "--dtype", "q8_0")
        smol["hf"] = made(a.out + "/smol-hf", "convert", smol["BF16"])
        out["SmolLM2-135M"] = smol
    for preset in filter(None, a.presets.split(",")):
        folder = a.out + f"/{preset}-hf"
        if not os.path.exists(folder):
            note("making " + folder)
            random_model(a, preset, folder)
        gguf = made(a.out + f"/{preset}-bf16.gguf", "convert", folder)
        out[preset] = {"BF16": gguf, "hf": folder}
        if preset.startswith("qwen"):
            out[preset]["Q8_0"] = made(a.out + f"/{preset}-q8_0.gguf", "convert", folder, "--dtype", "q8_0")
    return out


def llama(a, program, path, what, key="tokens_per_s", **settings):
    words = [f"{k}={v}" for k, v in settings.items()]
    return run_json(a, program, path, what, f"threads={a.threads}", *words)[key]


def llama_best(a, name, program, path, what, grid, screen, key="tokens_per_s", better=max, **settings):
    """A way to measure the best of the grid's settings."""
    asked = {", ".join(f"{k} {v}" for k, v in g.items()): {**settings, **g} for g in grid}
    fastest = best(f"{name} {what} {os.path.basename(path)}", {k: (lambda s=s: llama(a, program, path, what, key, runs=1, **{**s, **screen})) for k, s in asked.items()}, better)
    if fastest is None:
        return None
    return f"{name} ({fastest})", lambda: llama(a, program, path, what, key, runs=1 if what == "curve" else 3, **asked[fastest])


def raml_ways(a, path, bench_name, *words, key="tokens_per_s"):
    """raml on a file: in its own types, or in bf16; the faster."""
    kinds = {"stored": "auto", "bf16": "bf16"}
    ask = lambda dtype: bench(a, "--bench", bench_name, "--model", path, "--dtype", dtype, *words)[key]
    if "bf16" in os.path.basename(path):
        kinds = {"stored": "auto"}
    fastest = best(f"raml {bench_name} {os.path.basename(path)}", {k: (lambda v=v: ask(v)) for k, v in kinds.items()}, min if key == "seconds" else max)
    if fastest is None:
        raise Failed(f"raml-bench {bench_name} fails")
    return f"raml, weights {'as stored' if fastest == 'stored' else fastest}", lambda: ask(kinds[fastest])


def vllm_open(a, folder, vocabulary, w=None):
    w = w or Worker(a, a.vllm, "speed_vllm.py", VLLM_ENABLE_V1_MULTIPROCESSING="0", VLLM_CPU_KVCACHE_SPACE="2", VLLM_CPU_OMP_THREADS_BIND="nobind",
                    TORCHINDUCTOR_CACHE_DIR=a.out + "/inductor", VLLM_CACHE_ROOT=a.out + "/vllm-cache", **({"LD_PRELOAD": a.preload} if a.preload else {}))
    w.ask(do="open", path=folder, compiled=not (a.quick or a.eager), sequences=64, vocabulary=vocabulary, block=32)
    return w


VOCABULARY = {"SmolLM2-135M": 49152, "qwen2.5-0.5b": 151936, "small": 512}


def infer(a):
    programs, models = built(a), files(a)
    steps = 32 if a.quick else 64
    table = Table("Scoring 2,048 tokens; decoding after a shared prompt of 512", "tokens/s")
    for model, kinds in models.items():
        if model == "small":
            continue
        w = None
        for kind, path in kinds.items():
            if kind == "hf":
                continue
            if kind == "BF16" and a.vllm:
                try:
                    w = vllm_open(a, kinds["hf"], VOCABULARY[model])
                except Failed as e:
                    note(f"vLLM: {e}")
            for what in a.measures.split(","):
                batch = int(what[6:] or 1) if what != "score" else 0
                name, mine = raml_ways(a, path, "score") if not batch else raml_ways(a, path, "decode", "--batch", batch, "--steps", steps)
                ways = {name: mine}
                for library, program in programs.items():
                    if batch:
                        grid = [{"fa": f, "unified": u} for f in (0, 1) for u in ((1, 0) if batch > 1 and library == "llama.cpp" else (1,))]
                        way = llama_best(a, library, program, path, "decode", grid, {"steps": 16}, batch=batch, steps=steps)
                    else:
                        grid = [{"fa": f, "ubatch": u} for f in (0, 1) for u in (512, 2048)]
                        way = llama_best(a, library, program, path, "score", grid, {})
                    if way:
                        ways[way[0]] = way[1]
                if kind == "BF16" and w:
                    ways["vLLM"] = (lambda: w.ask(do="sample", batch=batch, steps=steps, runs=1)["tokens_per_s"]) if batch else \
                        (lambda: w.ask(do="score", runs=2, length=2048)["tokens_per_s"])
                table.measure(f"{model}, {kind}, " + (f"decode, {batch} at once" if batch else "score"), ways, a.rounds)
            if w:
                w.close()
                w = None
    table.show()


def curve(a):
    programs, models = built(a), files(a)
    table = Table("The loss curve: prompt 128, trajectory 1,024, 12 answer tokens after each of 1,025 prefixes", "seconds", lower=True)
    for model in ("small", "SmolLM2-135M"):
        if model not in models:
            continue
        path = models[model]["BF16"]
        ask = lambda: bench(a, "--bench", "trace", "--model", path)["seconds"]
        ways = {"raml, one pass": ask}
        for library, program in programs.items():
            grid = [{"fa": f, "branches": b, "ubatch": u} for f in (0, 1) for b, u in ((16, 512), (42, 512), (85, 1024), (170, 2048)) if not (a.quick and b > 42)]
            way = llama_best(a, library, program, path, "curve", grid, {"every": 8 if a.quick else 2}, "seconds", min)
            if way:
                ways[way[0] + (", extrapolated" if a.quick else "")] = way[1] if not a.quick else lambda p=program: llama(a, p, path, "curve", "seconds", runs=1, every=8)
        w = None
        if a.vllm:
            try:
                w = vllm_open(a, models[model]["hf"], VOCABULARY[model])
                every = 128 if a.quick else 32
                for way, share in (("prompts", every), ("tokens", every), ("forced", 16 if a.quick else 1)):
                    def vllm(way=way, share=share):
                        r = w.ask(do="curve", way=way, length=1024, every=share)
                        vllm.cached = r
                        note(f"vLLM {way}: {r['cuts']} cuts, {100 * r['cached_share']:.0f} % of the prompts' tokens from the cache, answers {r['values']}")
                        return r["seconds"]
                    ways[{"prompts": "vLLM, prompt_logprobs", "tokens": "vLLM, a request a token, prefix cache", "forced": "vLLM, answers forced by a logits processor, prefix cache"}[way]
                         + (f", 1 of {share} prefixes, extrapolated" if share > 1 else "")] = vllm
            except Failed as e:
                note(f"vLLM: {e}")
        table.measure(f"{model}, BF16", ways, a.rounds)
        if w:
            w.close()
    table.show()
