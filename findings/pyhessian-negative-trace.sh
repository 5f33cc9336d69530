#!/bin/sh
# PyHessian 0.1 (PyPI, of 2021 and the newest there; with torch 2.15.0): hessian(..).trace(maxIter, tol), Hutchinson's estimate
# with random signs. Documented: at most maxIter vectors, and tol is "the relative tolerance". Seen: the change of the mean is
# divided by the mean, not by its size, and a negative quotient is below any tolerance: where the trace is negative, as in an
# untrained network or near a saddle, the second vector is the last one, whatever tol asks for. The repository has been mended
# since, the package has not. No warning says so.
# Expected: as many vectors for minus the loss as for the loss. Here the loss is a quadratic form, whose trace is known.
# raml landscape estimates the trace with a standard error: figures of PyHessian beside it need their number of vectors.
# Output seen: "tol 0, at most 100 vectors, 40 times: trace 300: 100 vectors, error 8.4; trace -300: 2 vectors, error 54.8". The
# errors may vary. Exit code 0 while it is so, 1 when it has changed.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" -q install --no-compile torch==2.15.0 numpy==2.4.6
"$dir/venv/bin/pip" -q install --no-compile --no-deps pyhessian==0.1
CUDA_VISIBLE_DEVICES='' "$dir/venv/bin/python" - <<'P'
import sys

import numpy as np
import torch
from pyhessian import hessian


class Weights(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.w = torch.nn.Parameter(torch.randn(60))

    def forward(self, x):
        return self.w


def estimates(matrix):
    """Numbers of vectors and root mean square error of 40 estimates of the trace of a matrix that is the loss's Hessian."""
    with torch.enable_grad():
        h = hessian(Weights(), lambda w, a: 0.5 * w @ a @ w, data=(torch.zeros(1), matrix), cuda=False)
        runs = [h.trace(maxIter=100, tol=0.0) for _ in range(40)]
    errors = [np.mean(r) - matrix.trace().item() for r in runs]
    return sorted({len(r) for r in runs}), float(np.sqrt(np.mean(np.square(errors))))


torch.manual_seed(0)
a = torch.randn(60, 60)
a = (a + a.T) / 2 ** 0.5
a.fill_diagonal_(5.0)
seen = {m.trace().item(): estimates(m) for m in (a, -a)}
print("tol 0, at most 100 vectors, 40 times: "
      + "; ".join(f"trace {t:g}: {' or '.join(map(str, n))} vectors, error {e:.1f}" for t, (n, e) in seen.items()))
sys.exit(0 if [n for n, _ in seen.values()] == [[100], [2]] else 1)
P
