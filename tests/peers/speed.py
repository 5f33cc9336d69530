"""raml beside other programs, in turns in one run, on this machine: training, sampling, scoring, loss curves, checking of answers.

    python speed.py --raml build --out DIR [--only train,trl,infer,curve,verify,eval] [--quick] ...

Prints a Markdown table a part; notes go to standard error. Each program is first tried in all the settings of its part, once, and the fastest
is then measured in turns with raml. docs/peers.md says what is compared and how the programs are had. Programs whose option is
missing are left out. Run with a Python that has torch, transformers, tokenizers, datasets and trl.
"""
import argparse
import os
import platform
import signal
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)


def parts():
    from speed_answers import evaluate, verify
    from speed_infer import curve, infer
    from speed_train import grpo, sft, train, trl
    return {"train": train, "trl": trl, "sft": sft, "grpo": grpo, "infer": infer, "curve": curve, "verify": verify, "eval": evaluate}


def processor():
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.machine()


def ended(number, frame):
    """A run that is ended prints the rows that it has."""
    sys.exit(128 + number)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--raml", default="build", help="raml's build folder, with raml and raml-bench")
    p.add_argument("--shared", default="../shared", help="the folder with the tests' data")
    p.add_argument("--out", required=True, help="folder for what is made on the way, kept for the next run")
    p.add_argument("--only", default="train,trl,infer,curve,verify,eval", help="of these, and sft and grpo of trl")
    p.add_argument("--torch", default=sys.executable, help="Python with torch, transformers and trl")
    p.add_argument("--vllm", help="Python with vLLM for processors")
    p.add_argument("--preload", help="libraries that vLLM's page says to preload: an allocator, OpenMP")
    p.add_argument("--llama", help="llama.cpp: SOURCE:BUILD, compiled on this machine with -DBUILD_SHARED_LIBS=ON")
    p.add_argument("--ik", help="ik_llama.cpp: the same")
    p.add_argument("--mathverify", help="Python with math-verify")
    p.add_argument("--lighteval", help="Python with lighteval")
    p.add_argument("--model", help="a small real model: SmolLM2 as GGUF (docs/real-model.md)")
    p.add_argument("--presets", default="qwen2.5-0.5b,small", help="models of random weights, for infer and curve")
    p.add_argument("--shapes", default="small,medium", help="models that train trains")
    p.add_argument("--types", default="Q4_1,Q8_0,BF16", help="types of weights that infer measures")
    p.add_argument("--measures", default="score,decode1,decode8,decode32", help="what infer measures")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--rounds", type=int, default=3, help="measurements of each program, in turns")
    p.add_argument("--tried", action="store_true", help="the settings that earlier runs with the same --out found best, without trying all again")
    p.add_argument("--seconds", type=float, default=1.5, help="of one measurement, about")
    p.add_argument("--limit", type=float, default=900, help="seconds that a command may take")
    p.add_argument("--eager", action="store_true", help="vLLM and PyTorch without compilation")
    p.add_argument("--quick", action="store_true", help="little of everything, to see whether it runs; its figures say nothing")
    a = p.parse_args()
    if a.quick:
        a.rounds, a.seconds = 1, 0.2
    for name in ("out", "raml", "shared"):
        setattr(a, name, os.path.abspath(getattr(a, name)))
    os.makedirs(a.out, exist_ok=True)
    print(f"{processor()}, {a.threads} threads, {a.rounds} rounds{', --quick' if a.quick else ''}\n", flush=True)
    known = parts()
    signal.signal(signal.SIGTERM, ended)
    for name in a.only.split(","):
        if name not in known:
            p.error(f"--only: found '{name}', expected of {', '.join(known)}")
        if name in ("verify", "eval") and not (a.mathverify if name == "verify" else a.lighteval):
            print(f"{name}: left out, its program is not given\n")
            continue
        known[name](a)


if __name__ == "__main__":
    main()
