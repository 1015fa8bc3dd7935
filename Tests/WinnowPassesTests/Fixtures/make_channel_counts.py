"""Writes channel-counts.json: how many channels of three layers are kept by three rules on the scales of their normalizations.

ratio f: those above the (0-based) int(f N)-th largest of all; order t: those above t; energy p: those above the middle between the last
scale with which the sum of squares stays within p of the whole and the next, all where the largest is below 20 times the smallest, none
where it is below 0.001. At least one is kept. Run: python3 make_channel_counts.py
"""
import json
import pathlib

import numpy as np

random = np.random.default_rng(4)
layers = [
    (np.exp(random.normal(-2, 2, 12)) * (random.random(12) > 0.3) + 1e-4).astype(np.float32),
    random.uniform(0.5, 1.5, 20).astype(np.float32),
    (np.exp(random.normal(-9, 1, 10)) * 1e-1).astype(np.float32),
]
layers[1][3] = layers[1][7]


def above(threshold):
    return [max(1, int((layer.astype(np.float64) > threshold).sum())) for layer in layers]


def ratio(kept):
    scores = sorted((float(score) for layer in layers for score in layer), reverse=True)
    return above(scores[int(kept * len(scores))])


def energy_threshold(layer, part):
    scores = np.sort(np.maximum(layer.astype(np.float64), 1e-18))
    if scores[-1] < 1e-3:
        return 1
    if scores[-1] < 20 * scores[0]:
        return 0
    sums = np.cumsum(scores**2) / (scores**2).sum()
    place = int(np.argmax(sums > part))
    return (scores[place - 1] + scores[place]) / 2 if place > 0 else 0


out = {"layers": [layer.tolist() for layer in layers], "ratio": [], "order": [], "energy": []}
for kept in (0.05, 0.3, 0.5, 0.62, 0.9):
    out["ratio"].append({"value": kept, "kept": ratio(kept)})
for threshold in (0.0, 0.001, 0.1, 0.7, 5.0):
    out["order"].append({"value": threshold, "kept": above(threshold)})
for part in (1e-6, 1e-4, 1e-2, 0.3):
    kept = [max(1, int((layer.astype(np.float64) > energy_threshold(layer, part)).sum())) for layer in layers]
    out["energy"].append({"value": part, "kept": kept})
(pathlib.Path(__file__).parent / "channel-counts.json").write_text(json.dumps(out) + "\n")
