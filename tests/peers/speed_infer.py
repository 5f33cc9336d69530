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


def llama_best(a, name, program, path, what, grid, trial, key="tokens_per_s", better=max, **settings):
    """A way to measure the best of the grid's settings. The trial is one run of each, with less to do."""
    asked = {", ".join(f"{k} {v}" for k, v in g.items()): {**settings, **g} for g in grid}
    said = f"{what}{settings.get('batch', '')} {os.path.basename(path)}"
    fastest = best(a, f"{name} {said}", {k: (lambda s=s: llama(a, program, path, what, key, runs=1, **{**s, **trial})) for k, s in asked.items()}, better)
    if fastest is None:
        return None
    return f"{name} ({fastest})", lambda: llama(a, program, path, what, key, runs=1, **asked[fastest])


def raml_ways(a, path, bench_name, *words, key="tokens_per_s"):
    """raml on a file: in its own types, or in bf16; the faster."""
    kinds = {"stored": "auto", "bf16": "bf16"}
    ask = lambda dtype: bench(a, "--bench", bench_name, "--model", path, "--dtype", dtype, *words)[key]
    if "bf16" in os.path.basename(path):
        kinds = {"stored": "auto"}
    said = " ".join(map(str, words)).replace("--", "")
    fastest = best(a, f"raml {bench_name} {said} {os.path.basename(path)}".replace("  ", " "), {k: (lambda v=v: ask(v)) for k, v in kinds.items()},
                   min if key == "seconds" else max) if len(kinds) > 1 else "stored"
    if fastest is None:
        raise Failed(f"raml-bench {bench_name} fails")
    return f"raml, weights {'as stored' if fastest == 'stored' else fastest}", lambda: ask(kinds[fastest])


def vllm_open(a, folder, vocabulary, w=None):
    w = w or Worker(a, a.vllm, "speed_vllm.py", VLLM_ENABLE_V1_MULTIPROCESSING="0", VLLM_CPU_KVCACHE_SPACE="2", VLLM_CPU_OMP_THREADS_BIND="nobind",
                    TORCHINDUCTOR_CACHE_DIR=a.out + "/inductor", VLLM_CACHE_ROOT=a.out + "/vllm-cache", **({"LD_PRELOAD": a.preload} if a.preload else {}))
    w.ask(do="open", path=folder, compiled=not a.eager, sequences=64, vocabulary=vocabulary, block=32)
    w.ask(do="score", runs=1, length=64)  # not measured: what is made at first
    w.ask(do="sample", batch=2, steps=2, runs=1)
    return w


VOCABULARY = {"SmolLM2-135M": 49152, "qwen2.5-0.5b": 151936, "small": 512}


def beside(a, programs, path, what, batch, steps):
    """llama.cpp and ik_llama.cpp at what infer measures, each in its best setting."""
    ways = {}
    for library, program in programs.items():
        if batch:
            grid = [{"fa": f, "unified": u} for f in (0, 1) for u in ((1, 0) if batch > 1 and library == "llama.cpp" else (1,))]
            way = llama_best(a, library, program, path, "decode", grid, {"steps": 4 if a.quick else 12}, batch=batch, steps=steps)
        else:
            grid = [{"fa": f, "ubatch": u} for f in (0, 1) for u in (512, 2048)]
            more = {"read": 256} if a.quick else {}
            way = llama_best(a, library, program, path, "score", grid, {}, **more)
        if way:
            ways[way[0]] = way[1]
    return ways


def infer(a):
    programs, models = built(a), files(a)
    with Table("Scoring 2,048 tokens; decoding after a shared prompt of 512", "tokens/s") as table:
        for model, kinds in models.items():
            if model != "small":
                infer_model(a, table, programs, model, kinds)


def infer_model(a, table, programs, model, kinds):
    steps = 8 if a.quick else 32
    for kind in a.types.split(","):
        if kind not in kinds:
            continue
        path, w = kinds[kind], None
        if kind == "BF16" and a.vllm:
            try:
                w = vllm_open(a, kinds["hf"], VOCABULARY[model])
            except Failed as e:
                note(f"vLLM: {e}")
        for what in a.measures.split(","):
            batch = int(what[6:] or 1) if what != "score" else 0
            name, mine = raml_ways(a, path, "score") if not batch else raml_ways(a, path, "decode", "--batch", batch, "--steps", steps)
            ways = {name: mine, **beside(a, programs, path, what, batch, steps)}
            if w:
                ways["vLLM"] = (lambda: w.ask(do="sample", batch=batch, steps=steps, runs=1)["tokens_per_s"]) if batch else \
                    (lambda: w.ask(do="score", runs=1, length=256 if a.quick else 2048)["tokens_per_s"])
            table.measure(f"{model}, {kind}, " + (f"decode, {batch} at once" if batch else "score"), ways, a.rounds)
        if w:
            w.close()


def curve(a):
    programs, models = built(a), files(a)
    with Table("The loss curve: prompt 128, trajectory 1,024, 12 answer tokens after each of 1,025 prefixes", "seconds", lower=True) as table:
        for model in ("small", "SmolLM2-135M"):
            if model in models:
                curve_model(a, table, programs, model, models[model])


def curve_model(a, table, programs, model, kinds):
    path, large = kinds["BF16"], model != "small"
    said = lambda share: f", 1 of {share} prefixes, extrapolated" if share > 1 else ""
    ways = {"raml, one pass": lambda: bench(a, "--bench", "trace", "--model", path)["seconds"]}
    for library, program in programs.items():
        every = 64 if a.quick else 12 if large else 2
        grid = [{"fa": f, "branches": b, "ubatch": u} for f in (0, 1) for b, u in ((16, 512), (42, 512), (85, 1024), (170, 2048)) if b < (43 if a.quick or large else 171)]
        way = llama_best(a, library, program, path, "curve", grid, {"every": every}, "seconds", min, **({"every": 64} if a.quick else {}))
        if way:
            ways[way[0] + said(64 if a.quick else 1)] = way[1]
    w = None
    if a.vllm:
        try:
            w = vllm_open(a, kinds["hf"], VOCABULARY[model])
            vllm_curves(a, w, ways, large, said)
        except Failed as e:
            note(f"vLLM: {e}")
    table.measure(f"{model}, BF16", ways, a.rounds)
    if w:
        w.close()


def vllm_curves(a, w, ways, large, said):
    few = 512 if a.quick else 64 if large else 32
    for way, share, name in (("prompts", few, "vLLM, prompt_logprobs"), ("tokens", few, "vLLM, a request a token, prefix cache"),
                             ("forced", 128 if a.quick else 4 if large else 1, "vLLM, answers forced by a logits processor, prefix cache")):
        def vllm(way=way, share=share):
            r = w.ask(do="curve", way=way, length=1024, every=share)
            note(f"vLLM {way}: {r['cuts']} cuts, {100 * r['cached_share']:.0f} % of the prompts' tokens from the cache, answers {r['values']}")
            return r["seconds"]
        ways[name + said(share)] = vllm
