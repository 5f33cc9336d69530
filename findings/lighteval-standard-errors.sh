#!/bin/sh
# lighteval 0.13.0 (PyPI; with numpy 2.4.6, scipy 1.17.1): the ..._stderr of a result. Documented: "bootstraps the stderr of the given
# metric"; an average over subtasks. Seen: what is no plain mean (perplexity, bits per byte, F1, Matthews correlation, ..) is
# resampled, and the deviation of the resampled values is then divided by the root of their number: 31.6 times too small with
# the usual 1000, and the smaller the more are asked for. And the error of an average over subtasks is the mean of theirs, which is
# too large by the root of their number (57 for MMLU: 7.5 times). No warning says so.
# Expected: the deviation itself; the root of the sum of squares, over the number of subtasks.
# So an interval from lighteval's result is no interval. raml eval reads lighteval's samples and resamples the questions itself.
# Output seen: "perplexity: 0.1876 by our own bootstrap, 0.0061 from lighteval, 0.0030 with 4000 resamples; average of 16 subtasks:
# 0.0125 by the formula, 0.0500 from lighteval". Exit code 0 while it is so, 1 when it has changed.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" -q install --no-compile numpy==2.4.6 scipy==1.17.1 tqdm packaging
"$dir/venv/bin/pip" -q install --no-compile --no-deps lighteval==0.13.0
cat >"$dir/mine.py" <<'P'
import math


def perplexity(losses):
    return math.exp(sum(losses) / len(losses))
P
cd "$dir"
LIGHTEVAL_DISABLE_TQDM=1 venv/bin/python - <<'P'
import importlib.util
import sys
import types
from unittest.mock import MagicMock

# lighteval.metrics imports every metric (torch, transformers, ..): its files are used as they are, without that; and what the
# logger of metrics does not use
metrics = types.ModuleType("lighteval.metrics")
metrics.__path__ = [importlib.util.find_spec("lighteval").submodule_search_locations[0] + "/metrics"]
sys.modules["lighteval.metrics"] = metrics
for name in ("git", "xxhash", "lighteval.models.abstract_model", "lighteval.models.model_output", "lighteval.tasks",
             "lighteval.tasks.lighteval_task", "lighteval.tasks.requests"):
    sys.modules[name] = MagicMock()
sys.path.insert(0, ".")
import numpy as np
from lighteval.logging.info_loggers import MetricsLogger
from mine import perplexity


def result(values, metric, resamples=1000):
    """What lighteval reports of the values of each task."""
    log = MetricsLogger()
    for task, row in values.items():
        for value in row:
            log.log(task, {"it": value})
    log.aggregate({task: types.SimpleNamespace(aggregation=lambda: {"it": metric}) for task in values}, resamples)
    return log.metric_aggregated


random = np.random.default_rng(0)
losses = [float(x) for x in random.gamma(2.0, 0.5, 100)]  # nats per token of 100 texts
ours = float(np.std([perplexity(random.choice(losses, len(losses))) for _ in range(10000)]))
theirs, more = (result({"text|0": losses}, perplexity, n)["text|0"]["it_stderr"] for n in (1000, 4000))
right = {f"group:{i}|0": [float(x) for x in random.random(100) < 0.5] for i in range(16)}
formula = float(np.sqrt(sum(np.var(row, ddof=1) / len(row) for row in right.values())) / len(right))
average = result(right, np.mean)["group:_average|0"]["it_stderr"]
print(f"perplexity: {ours:.4f} by our own bootstrap, {theirs:.4f} from lighteval, {more:.4f} with 4000 resamples; "
      f"average of {len(right)} subtasks: {formula:.4f} by the formula, {average:.4f} from lighteval")
near = lambda a, b: abs(a / b - 1) < 0.1
sys.exit(0 if near(theirs * 1000 ** 0.5, ours) and near(more * 2, theirs) and near(average, 4 * formula) else 1)
P
