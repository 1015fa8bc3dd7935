"""Writes pruning.json: what Wanda and SparseGPT make of one linear layer, as their papers' algorithms say, in float64.

Rows of data and the weight (8 outputs by 160 inputs: two blocks of SparseGPT) come from the formulas below, which the test repeats;
input 5 is always 0. Wanda's weights are moved by half a step, so that none is 0. Run: python3 make_pruning.py
"""
import json
import pathlib

import numpy as np

ROWS, OUTPUTS, INPUTS, BLOCK = 400, 8, 160, 128


def numbers(rows, columns, a, b, c):
    """Whole numbers below 1009, centred: the same in every language."""
    i, j = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
    return ((i * a + j * b + (i * j % 977) * c + i * i % 4801 * 13) % 1009 - 504) / 504


def data():
    x = numbers(ROWS, INPUTS, 7919, 7907, 31)
    for column in range(1, INPUTS):
        x[:, column] += 0.75 * x[:, column - 1]
    x *= np.where(np.arange(INPUTS) % 16 == 3, 8, 1)
    x[:, 5] = 0
    return x.astype(np.float32).astype(np.float64)


def wanda(w, x, fraction):
    scores = np.abs(w) * np.linalg.norm(x, axis=0)
    keep = np.ones_like(w, dtype=bool)
    for row, order in enumerate(np.argsort(scores, axis=1, kind="stable")):
        keep[row, order[: int(INPUTS * fraction)]] = False
    return keep


def sparsegpt(w, x, fraction=None, lost=0, group=0):
    """Inputs that are always 0 cost nothing: their weights go first, the smallest before the others, and no more than asked for."""
    w, hessian, removed = w.copy(), 2 / len(x) * x.T @ x, w == 0
    gone, dead = removed.copy(), np.diag(hessian) == 0
    hessian[dead, dead] = 1
    hessian[np.arange(INPUTS), np.arange(INPUTS)] += 0.01 * np.diag(hessian).mean()
    upper = np.linalg.cholesky(np.linalg.inv(hessian)).T
    rest = 0
    if fraction is not None:
        count = round(fraction * int((~gone).sum()))
        free = np.argwhere(~gone & dead)
        for row, column in sorted(free.tolist(), key=lambda place: abs(w[tuple(place)]))[:count]:
            removed[row, column] = True
        rest = max(0, count - len(free))
    target, given = int(removed.sum()) + rest, 0
    for start in range(0, INPUTS, BLOCK):
        end = min(start + BLOCK, INPUTS)
        if fraction is not None:
            # As many of every block, with what goes anyway.
            share = target * end // INPUTS - given - int(removed[:, start:end].sum())
            given = target * end // INPUTS
            scores = np.where(removed[:, start:end], np.inf, w[:, start:end] ** 2 / np.diag(upper)[start:end] ** 2)
            order = np.argsort(scores, axis=None, kind="stable")
            print("cut:", scores.ravel()[order[share - 1]], scores.ravel()[order[share]])
            rows, columns = np.unravel_index(order[:share], scores.shape)
            removed[rows, start + columns] = True
        for column in range(start, end):
            if group and column % group == 0:
                members = np.arange(column, column + group)
                scores = w[:, members] ** 2 / np.diag(upper)[members] ** 2
                scores = np.where(gone[:, members], -2, np.where(dead[members], -1 / (1 + np.abs(w[:, members])), scores))
                for row, order in enumerate(np.argsort(scores, axis=1, kind="stable")):
                    removed[row, members[order[:lost]]] = True
            error = np.where(removed[:, column], w[:, column], 0) / upper[column, column]
            w[:, column:] -= np.outer(error, upper[column, column:])
            w[removed[:, column], column] = 0
    return w


def error(change, x):
    return float(np.square(x @ change.T).sum())


def bits(keep):
    return "".join("1" if x else "0" for x in keep.ravel())


def main():
    x, w = data(), numbers(OUTPUTS, INPUTS, 523, 6007, 91).astype(np.float32).astype(np.float64)
    shifted = (numbers(OUTPUTS, INPUTS, 523, 6007, 91) + 0.5 / 504).astype(np.float32).astype(np.float64)
    half, pairs = sparsegpt(w, x, 0.5), sparsegpt(w, x, lost=2, group=4)
    out = {
        "wanda": bits(wanda(shifted, x, 0.5)),
        "half": [float(f"{value:.7g}") for value in half.ravel()],
        "pairs": [float(f"{value:.7g}") for value in pairs.ravel()],
    }
    keep = wanda(w, x, 0.5)
    print("errors:", error(w * ~keep, x), error(w - half, x), error(w - pairs, x))
    (pathlib.Path(__file__).parent / "pruning.json").write_text(json.dumps(out) + "\n")


if __name__ == "__main__":
    main()
