#!/bin/sh
# higher 0.2.1 (PyPI; with torch 2.15.0), the inner loop of MAML and other meta-learning code: innerloop_ctx(model, optimizer) takes
# steps that can be differentiated, with the settings of the torch optimizer it is given. Expected: after k inner steps the
# parameters that the optimizer itself would have reached; so it is for SGD, to the last bits.
# Seen for Adam: eps is added before the bias correction, as torch did until 2019, so that it acts 1 / sqrt(1 - 0.999^k) times as
# strong, 32 times in the first step, and the inner loop has only first steps; and maximize=True is not looked at: the inner loop
# descends where the optimizer ascends (SGD too). Neither is said. The meta-gradient is exact for the wrong trajectory, which a
# finite difference of the inner loop itself does not show.
# Output seen (5 steps of 0.01; distance of the parameters, in units of how far they moved): "SGD 0.000; Adam, eps 1e-8 0.000;
# Adam, eps 1e-3 0.126; SGD, maximize 1.938; Adam, maximize 1.993". Exit code 0 while it is so, 1 when it has changed.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" -q install --no-compile higher==0.2.1 torch==2.15.0 numpy==2.4.6
CUDA_VISIBLE_DEVICES='' "$dir/venv/bin/python" - "$dir" <<'P' 2>"$dir/log" | tail -n 1
import sys
import warnings

import higher
import torch

folder = sys.argv[1]


def distance(optimizer, **settings):
    """How far the inner loop's parameters are from the optimizer's after 5 steps, over how far the optimizer moved them."""
    torch.manual_seed(0)
    model = torch.nn.Linear(4, 1).double()
    x, y = torch.randn(32, 4).double(), 0.1 * torch.randn(32, 1).double()
    start = [p.detach().clone() for p in model.parameters()]
    steps = optimizer(model.parameters(), lr=0.01, **settings)
    with higher.innerloop_ctx(model, steps) as (inner, differentiable):
        for _ in range(5):
            differentiable.step(((inner(x) - y) ** 2).mean())
        theirs = [p.detach() for p in inner.parameters()]
    for _ in range(5):
        steps.zero_grad()
        ((model(x) - y) ** 2).mean().backward()
        steps.step()
    ours = [p.detach() for p in model.parameters()]

    def far(a, b):
        return max((p - q).abs().max().item() for p, q in zip(a, b))

    return far(theirs, ours) / far(ours, start)


with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    seen = {"SGD": distance(torch.optim.SGD), "Adam, eps 1e-8": distance(torch.optim.Adam),
            "Adam, eps 1e-3": distance(torch.optim.Adam, eps=1e-3), "SGD, maximize": distance(torch.optim.SGD, maximize=True),
            "Adam, maximize": distance(torch.optim.Adam, maximize=True)}
said = [str(w.message) for w in said if "eps" in str(w.message) or "maximize" in str(w.message)]
print("; ".join(f"{name} {value:.3f}" for name, value in seen.items()))
sgd, fine, coarse, *ascent = seen.values()
same = sgd < 1e-9 and fine < 1e-4 and 0.05 < coarse < 1 and all(value > 1.5 for value in ascent) and not said
open(f"{folder}/verdict", "w").write("as described" if same else "changed")
P
[ "$(cat "$dir/verdict")" = "as described" ]
