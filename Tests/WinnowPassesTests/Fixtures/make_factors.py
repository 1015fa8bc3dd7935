"""Writes factors.json: ranks of empirical variational Bayes, errors of Tucker-2 (tensorly's HOOI) and of truncated singular values.

Matrices come from the formula of make_pruning.py; those of a known rank are products of two such with a tenth of noise. Ranks follow
Nakajima et al. (2013), "Global analytic solution of fully-observed variational Bayesian matrix factorization", the noise by SciPy's
bounded search on the matrix scaled to a noise of about 1. Run with numpy, scipy and tensorly: python3 make_factors.py
"""
import json
import pathlib

import numpy as np
import tensorly
from make_pruning import numbers
from scipy.optimize import minimize_scalar
from tensorly.decomposition import partial_tucker


def evbmf(matrix):
    """The number of components that are kept."""
    rows, columns = sorted(matrix.shape)
    alpha = rows / columns
    tau_bar = 2.5129 * np.sqrt(alpha)
    limit = (1 + tau_bar) * (1 + alpha / tau_bar)
    s = np.linalg.svd(matrix, compute_uv=False)
    start = int(min(np.ceil(rows / (1 + alpha)) - 1, rows)) - 1
    upper = np.sum(s**2) / (rows * columns)
    lower = max(s[start + 1] ** 2 / (columns * limit), np.mean(s[start + 1 :] ** 2) / columns)
    s = s / np.sqrt(lower)

    def free_energy(noise):
        x = s**2 / (columns * noise)
        inside, outside = x[x <= limit], x[x > limit]
        tau = 0.5 * (outside - (1 + alpha) + np.sqrt((outside - (1 + alpha)) ** 2 - 4 * alpha))
        return (
            np.sum(inside - np.log(inside)) + np.sum(outside - tau)
            + np.sum(np.log((tau + 1) / outside)) + alpha * np.sum(np.log(tau / alpha + 1))
        )  # fmt: skip

    noise = minimize_scalar(free_energy, bounds=[1, upper / lower], method="bounded").x
    return int(np.sum(s > np.sqrt(columns * noise * limit)))


def noisy(rows, columns, rank):
    product = numbers(rows, rank, 17, 29, 5) @ numbers(rank, columns, 23, 31, 3)
    return product + 0.1 * numbers(rows, columns, 7919, 7907, 31)


def relative(weight, other):
    return float(np.linalg.norm(weight - other) / np.linalg.norm(weight))


def tucker(weight, ranks):
    (core, factors), _ = partial_tucker(weight, rank=ranks, modes=[0, 1], init="svd", tol=1e-9, n_iter_max=500)
    return relative(weight, tensorly.tenalg.multi_mode_dot(core, factors, modes=[0, 1]))


if __name__ == "__main__":
    shapes = [(20, 60, 3), (60, 20, 5), (40, 40, 8), (64, 144, 12), (16, 72, 1)]
    plain = [(24, 96), (50, 50), (8, 160)]
    filters = {
        "smooth": noisy(12, 72, 4).reshape(12, 8, 3, 3), "rough": numbers(16, 10 * 9, 523, 6007, 91).reshape(16, 10, 3, 3),
    }  # fmt: skip
    result = {
        "evbmf": [{"rows": r, "columns": c, "rank": k, "kept": evbmf(noisy(r, c, k))} for r, c, k in shapes]
        + [{"rows": r, "columns": c, "rank": 0, "kept": evbmf(numbers(r, c, 7919, 7907, 31))} for r, c in plain],
        "tucker": [
            {"filter": name, "ranks": list(ranks), "error": tucker(weight, list(ranks))}
            for name, weight in filters.items() for ranks in [(4, 3), (6, 5), (3, 7), (1, 1)]
        ],
        "truncated": [
            {"rank": rank, "error": relative(w, (u[:, :rank] * s[:rank]) @ v[:rank])}
            for w in [numbers(16, 90, 523, 6007, 91)] for u, s, v in [np.linalg.svd(w, full_matrices=False)] for rank in [1, 4, 9]
        ],
    }  # fmt: skip
    pathlib.Path(__file__).with_name("factors.json").write_text(json.dumps(result, separators=(",", ":")))
