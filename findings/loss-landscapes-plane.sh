#!/bin/sh
# loss-landscapes 3.0.6 (PyPI; with torch 2.15.0), random_plane, which draws the loss around a model's weights. Two things:
# - `distance`, documented as the maximum distance in parameter space from the start point, divides: a plane of distance 2
#   reaches half as far as one of distance 1. Expected: twice as far.
# - Element [i][j] of the result is at start + (i - s/2) d1 + (j + 1 - s/2) d2 for even i, and at j instead of j + 1 for odd i:
#   every other row of points is one step off. Expected: one grid. On a tilted plane the picture has teeth.
# raml's grid is tested on a surface that is known (tests/inner/test_landscape.c, axes).
# Output seen: "farthest point at distance 2 / at distance 1: 0.50; columns start at 1 0 1 0". Exit code 0 while it is so,
# 1 when it has changed.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" -q install loss-landscapes==3.0.6 torch==2.15.0 numpy==2.4.6
"$dir/venv/bin/python" - <<'P'
import sys

import torch
from loss_landscapes import random_plane
from loss_landscapes.metrics.metric import Metric

STEPS = 4


class Point(Metric):
    """Numbers the points in the order of evaluation, and keeps their weights."""

    def __init__(self):
        super().__init__()
        self.weights = []

    def __call__(self, model):
        self.weights.append(model.get_module_parameters().parameters[0].detach().clone().flatten().double())
        return float(len(self.weights) - 1)


def plane(distance):
    torch.manual_seed(0)
    model = torch.nn.Linear(64, 64, bias=False)
    metric = Point()
    order = random_plane(model, metric, distance=distance, steps=STEPS, normalization="filter", deepcopy_model=True)
    start = model.weight.detach().flatten().double()
    return order.astype(int), torch.stack(metric.weights) - start


order, near = plane(1)
far = plane(2)[1].norm(dim=1).max() / near.norm(dim=1).max()
d2 = near[1] - near[0]  # the first two points of a column are one step of d2 apart
d1 = near[2 * STEPS] - near[0]  # two columns on
d1 = (d1 - (d1 @ d2) / (d2 @ d2) * d2) / 2
corner = -STEPS / 2 * d2
basis = torch.stack([d1, d2], dim=1)
at = torch.linalg.lstsq(basis, (near - corner).T).solution[1].round().int().tolist()
first = [at[order[i][0]] for i in range(STEPS)]
print(f"farthest point at distance 2 / at distance 1: {far:.2f}; columns start at {' '.join(map(str, first))}")
sys.exit(0 if abs(far - 0.5) < 0.01 and first == [1, 0, 1, 0] else 1)
P
