"""What the parts of speed.py share: raml's commands, workers in other programs' Python, runs in turns, tables."""
import json
import os
import statistics
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
# glibc otherwise returns large buffers to the system at every step, and gets them back page by page
KEEP = {"MALLOC_TRIM_THRESHOLD_": str(1 << 36), "MALLOC_MMAP_THRESHOLD_": str(1 << 36), "MALLOC_TOP_PAD_": str(1 << 26)}
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error", "TOKENIZERS_PARALLELISM": "false", "CUDA_VISIBLE_DEVICES": "",
           "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}


class Failed(Exception):
    pass


def note(text):
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


def environment(a, **more):
    env = {**os.environ, **OFFLINE, "OMP_NUM_THREADS": str(a.threads), "TORCHINDUCTOR_CACHE_DIR": a.out + "/inductor-torch", **more}
    env.pop("OMP_WAIT_POLICY", None)  # each program's own, unless others use the processors
    if a.quick:
        env.update({"OMP_WAIT_POLICY": "passive", "KMP_BLOCKTIME": "0"})
    return env


def run(a, *words, **more):
    """The standard output of a command."""
    r = subprocess.run([str(w) for w in words], capture_output=True, text=True, env=environment(a, **more), timeout=a.limit)
    if r.returncode:
        raise Failed(f"{' '.join(map(str, words[:4]))}: {r.stderr.strip()[-600:]}")
    return r.stdout


def run_json(a, *words, **more):
    return json.loads(run(a, *words, **more).splitlines()[-1])


def bench(a, *words):
    """A line of raml-bench."""
    return run_json(a, a.raml + "/raml-bench", "--json", "--threads", a.threads, "--seconds", a.seconds, *words)


class Worker:
    """A script in another Python that answers lines of JSON by lines of JSON, so that it loads and compiles once. One that takes longer than
    --limit for an answer is ended, and started anew for the next."""

    def __init__(self, a, python, script, *words, **more):
        self.name, self.limit = script, a.limit
        self.words = [python, os.path.join(HERE, script), *map(str, words)]
        self.env = environment(a, **more)
        self.log = open(os.path.join(a.out, script + ".log"), "a")
        self.start()

    def start(self):
        self.p = subprocess.Popen(self.words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True, env=self.env)

    def ask(self, **what):
        if self.p.poll() is not None:
            self.start()
        late = threading.Timer(self.limit, self.p.kill)
        late.start()
        try:
            return self.answer(what)
        finally:
            late.cancel()

    def answer(self, what):
        begin = time.monotonic()
        try:
            self.p.stdin.write(json.dumps(what) + "\n")
            self.p.stdin.flush()
        except BrokenPipeError:
            pass
        for line in self.p.stdout:
            if line.startswith('{"answer"'):
                answer = json.loads(line)["answer"]
                if isinstance(answer, dict) and "failed" in answer:
                    raise Failed(f"{self.name}: {answer['failed']}")
                return answer
        self.p.wait()
        raise Failed(f"{self.name} ended after {time.monotonic() - begin:.0f} s; see {self.log.name}")

    def close(self):
        try:
            self.p.stdin.close()
        except BrokenPipeError:
            pass
        try:
            self.p.wait(10)
        except subprocess.TimeoutExpired:
            self.p.kill()
            self.p.wait()
        self.log.close()


def serve(functions):
    """A worker's side: {"do": NAME, ...} calls functions[NAME](...)."""
    for line in sys.stdin:
        what = json.loads(line)
        try:
            answer = functions[what.pop("do")](**what)
        except Exception as e:  # the one who asked gets to know it
            import traceback
            traceback.print_exc()
            answer = {"failed": f"{type(e).__name__}: {e}"[:500]}
        print(json.dumps({"answer": answer}), flush=True)


def remembered(a):
    """{what: the best way's name} of the trials that earlier runs made."""
    try:
        with open(a.out + "/tried.json") as f:
            return json.load(f)
    except OSError:
        return {}


def best(a, what, ways, better=max):
    """Each way once; the name of the best. A way that fails is named and left out. With --tried, what an earlier run found best is not tried again:
    for the same `what`, or for the same but its last word, which is a file."""
    known, short = remembered(a), what.rsplit(" ", 1)[0]
    before = known.get(what) or known.get(short)
    if a.tried and before in ways:
        note(f"{what}: {before}: tried before")
        return before
    first = {}
    for name, way in ways.items():
        try:
            first[name] = way()
            note(f"{what}: {name}: {first[name]:.4g}")
        except (Failed, subprocess.TimeoutExpired) as e:
            note(f"{what}: {name}: failed: {str(e)[:400]}")
    found = better(first, key=first.get) if first else None
    if found and not a.quick:
        with open(a.out + "/tried.json.tmp", "w") as f:
            json.dump({**known, what: found, short: found}, f, indent=1)
        os.replace(a.out + "/tried.json.tmp", a.out + "/tried.json")
    return found


class Table:
    """Rows of programs that were measured in turns; shown when its `with` ends, however it does."""

    def __init__(self, title, unit, lower=False):
        self.title, self.unit, self.lower, self.rows = title, unit, lower, []

    def __enter__(self):
        return self

    def __exit__(self, *how):
        self.show()

    def measure(self, what, ways, rounds):
        """ways: {program: function}; the first is raml's. Rounds in turns, every other one backwards. A way may name its setting: ("program", "setting")."""
        got = {name: [] for name in ways}
        try:
            for i in range(rounds):
                for name in list(ways)[::-1 if i % 2 else 1]:
                    if got[name] is not None:
                        got[name] = self.once(what, name, ways[name], got[name])
        except SystemExit:
            got = {name: values for name, values in got.items() if values is None or values}
            raise
        finally:
            self.add(what, got, next(iter(ways)))

    def once(self, what, name, way, values):
        try:
            return values + [way()]
        except (Failed, subprocess.TimeoutExpired) as e:
            note(f"{what}: {name}: failed: {str(e)[:400]}")
            return None

    def add(self, what, got, first):
        mine = got.get(first)
        for name, values in got.items():
            if not values or not mine:
                self.rows.append((what, name, values or None, None))
                continue
            ratios = [(v / m if self.lower else m / v) for m, v in zip(mine, values)]
            self.rows.append((what, name, values, ratios))
            note(f"{what}: {name}: {statistics.median(values):.4g} {self.unit}, raml {statistics.median(ratios):.2f} x")

    def show(self):
        def number(x):
            return f"{x:,.0f}" if x >= 100 else f"{x:.1f}" if x >= 10 else f"{x:.3g}"
        lines = [f"### {self.title}", "", f"| | program, its best setting | {self.unit}: median (range) | raml is faster by: median (range) |", "| --- | --- | --- | --- |"]
        last = None
        mine_of = {}
        for what, _, values, _ in self.rows:
            mine_of.setdefault(what, values)  # the first of a group is raml
        for what, name, values, ratios in self.rows:
            first = "" if what == last else what
            last = what
            if values is None:
                lines.append(f"| {first} | {name} | failed | |")
                continue
            said = f"{number(statistics.median(values))} ({number(min(values))} to {number(max(values))})"
            ratio = "" if values is mine_of.get(what) or not ratios else \
                f"{statistics.median(ratios):.2f} x ({min(ratios):.2f} to {max(ratios):.2f})"
            lines.append(f"| {first} | {name} | {said} | {ratio} |")
        print("\n".join(lines) + "\n", flush=True)


def peers_python(a, name):
    path = getattr(a, name)
    return path if path and os.path.exists(path) else None
