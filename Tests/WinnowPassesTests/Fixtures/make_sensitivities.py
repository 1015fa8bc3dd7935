"""Writes sensitivities.json: ratios by loss bound, and by what is to be removed of the multiply-accumulates, as formulas say.

By bound: the largest measured ratio whose loss is within it, plus the linear part of the way to the next. By what is removed: the bound in
(0, 1) is halved until what is removed is met or repeats in four digits; with a multiple, what is left of each extent is
round((1 - r) n / multiple) multiple, at least one. The layers are a chain of products. Run: python3 make_sensitivities.py
"""
import json
import pathlib

import numpy as np

RATIOS = [round(0.1 * step, 1) for step in range(1, 10)]


def by_loss(table, bound):
    ratios = {}
    for name, curve in table.items():
        within = [place for place, (_, loss) in enumerate(curve) if loss <= bound]
        if within:
            here = curve[within[-1]]
            after = curve[within[-1] + 1 :]
            ratios[name] = here[0] if not after else here[0] + (bound - here[1]) * (after[0][0] - here[0]) / (after[0][1] - here[1])
    return ratios


def aligned(ratios, multiple, extents):
    left = {name: max(multiple, round((1 - ratio) * extents[name] / multiple) * multiple) for name, ratio in ratios.items()}
    return {name: max(0.0, (extents[name] - left[name]) / extents[name]) for name in ratios}


def removed(ratios, names, extents):
    """The part of the products of neighbouring widths, the input's being 3, that is gone."""
    def cost(ratios):
        widths = [3.0] + [extents[name] * (1 - ratios.get(name, 0.0)) for name in names]
        return sum(a * b for a, b in zip(widths, widths[1:]))

    return (cost({}) - cost(ratios)) / cost({})


def by_sensitivity(table, fraction, multiple, names, extents):
    low, high, seen = 0.0, 1.0, set()
    while True:
        bound = (low + high) / 2
        ratios = by_loss(table, bound)
        if multiple:
            ratios = aligned(ratios, multiple, extents)
        gone = removed(ratios, names, extents)
        if round(gone, 4) in seen or gone == fraction:
            return ratios, gone
        seen.add(round(gone, 4))
        low, high = (bound, high) if gone < fraction else (low, bound)


random = np.random.default_rng(3)
names = [f"conv{index}.weight" for index in range(1, 7)]
extents = dict(zip(names, [16, 24, 32, 64, 96, 128]))
table = {}
for place, name in enumerate(names):
    losses = np.cumsum(random.exponential(0.02 * (1 + place), 9)) - 0.01
    losses[3] -= 0.02  # curves need not rise everywhere
    table[name] = list(zip(RATIOS, losses.tolist()))
table["conv6.weight"] = [(ratio, 0.3 + ratio) for ratio in RATIOS]
out = {
    "table": {name: {str(ratio): loss for ratio, loss in curve} for name, curve in table.items()},
    "names": names,
    "extents": extents,
    "bounds": [{"bound": bound, "ratios": by_loss(table, bound)} for bound in (-1, 0, 0.01, 0.05, 0.1, 0.35, 0.5, 2)],
    "searches": [],
}
for fraction in (0.1, 0.3, 0.5, 0.7):
    for multiple in (None, 4, 8):
        ratios, gone = by_sensitivity(table, fraction, multiple, names, extents)
        out["searches"].append({"fraction": fraction, "multiple": multiple, "ratios": ratios, "removed": gone})
(pathlib.Path(__file__).parent / "sensitivities.json").write_text(json.dumps(out) + "\n")
