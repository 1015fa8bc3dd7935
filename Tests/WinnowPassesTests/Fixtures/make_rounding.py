"""Writes rounding.json: the codes that GPTQ gives one linear layer, as its paper's algorithm says, in float64.

Rows of data and the weight are those of make_pruning.py. Weights of inputs that are always 0 go to the nearest code, and so do outputs
that nearest rounding would move less. Run: python3 make_rounding.py
"""
import json
import pathlib

import numpy as np
from make_pruning import INPUTS, OUTPUTS, data, numbers

LIMIT = 7


def scale(block):
    return np.abs(block).max(axis=1) / LIMIT


def rounded(column, steps):
    return steps * np.clip(np.round(column / steps), -LIMIT, LIMIT)


def gptq(w, x, damping=0.01, block=INPUTS, static=True, ordered=False):
    """The weight in numbers that codes stand for, and the scale of every block."""
    original = w
    hessian = 2 / len(x) * x.T @ x
    dead = np.diag(hessian) == 0
    hessian[dead, dead] = 1
    order = np.argsort(-np.diag(hessian), kind="stable") if ordered else np.arange(INPUTS)
    steps = np.stack([scale(w[:, start : start + block]) for start in range(0, INPUTS, block)], axis=1)
    first, w, hessian = steps.copy(), w[:, order].copy(), hessian[np.ix_(order, order)]
    hessian[np.arange(INPUTS), np.arange(INPUTS)] += damping * np.diag(hessian).mean()
    upper = np.linalg.cholesky(np.linalg.inv(hessian)).T
    result = np.zeros_like(w)
    for column in range(INPUTS):
        if not static and column % block == 0:
            steps[:, column // block] = scale(w[:, column : column + block])
        result[:, column] = rounded(w[:, column], steps[:, order[column] // block])
        error = (w[:, column] - result[:, column]) / upper[column, column]
        w[:, column:] -= np.outer(error, upper[column, column:])
    result = result[:, np.argsort(order)]
    nearest = np.stack([rounded(original[:, column], first[:, column // block]) for column in range(INPUTS)], axis=1)
    moved = [(((form - original) @ x.T) ** 2).sum(axis=1) for form in (nearest, result)]
    worse = moved[1] >= moved[0]
    result[worse], steps[worse] = nearest[worse], first[worse]
    return np.round(result / steps.repeat(block, axis=1)).astype(int)


if __name__ == "__main__":
    w = numbers(OUTPUTS, INPUTS, 523, 6007, 91).astype(np.float32).astype(np.float64)
    settings = {
        "plain": {}, "ordered": {"ordered": True}, "blocks": {"block": 32, "static": False},
        "static": {"block": 32}, "damped": {"damping": 0.3},
    }  # fmt: skip
    codes = {name: gptq(w, data(), **values).ravel().tolist() for name, values in settings.items()}
    pathlib.Path(__file__).with_name("rounding.json").write_text(json.dumps(codes, separators=(",", ":")))
