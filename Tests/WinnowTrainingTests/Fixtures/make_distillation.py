"""Writes distillation.json: T²·KL(softmax(t/T) ‖ softmax(s/T)) and its gradient for the student, in float64, and the decoupled loss.

The logits come from numpy's default_rng(0), teacher first. Run: python3 make_distillation.py
"""
import json
import pathlib

import numpy as np


def log_softmax(z):
    z = z - z.max(axis=1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


random = np.random.default_rng(0)
teacher = random.standard_normal((8, 10))
student = random.standard_normal((8, 10))
cases = []
for temperature in (1, 2, 4, 10, 20):
    own, wanted = log_softmax(student / temperature), log_softmax(teacher / temperature)
    loss = temperature**2 * (np.exp(wanted) * (wanted - own)).sum() / 8
    gradient = temperature * (np.exp(own) - np.exp(wanted)) / 8
    cases.append({"temperature": temperature, "loss": loss, "gradient": gradient.ravel().tolist()})
labels = np.arange(8) % 10
right = np.eye(10)[labels]


def decoupled(student, temperature, beta):
    """As its authors' code has it: the right class against all others, then the others among themselves."""
    def both(z):
        p = np.exp(log_softmax(z / temperature))
        return np.stack([(p * right).sum(1), (p * (1 - right)).sum(1)], 1), log_softmax(z / temperature - 1000 * right)

    (own, own_rest), (wanted, wanted_rest) = both(student), both(teacher)
    target = (wanted * (np.log(wanted) - np.log(own))).sum() * temperature**2 / 8
    others = (np.exp(wanted_rest) * (wanted_rest - own_rest) * (1 - right)).sum() * temperature**2 / 8
    return target + beta * others


def slopes(loss, step=1e-5):
    """Central differences."""
    gradient = np.zeros_like(student)
    for place in np.ndindex(student.shape):
        moved = [student.copy(), student.copy()]
        moved[0][place] += step
        moved[1][place] -= step
        gradient[place] = (loss(moved[0]) - loss(moved[1])) / (2 * step)
    return gradient


parts = [
    {"temperature": t, "beta": beta, "loss": decoupled(student, t, beta), "gradient": slopes(lambda s: decoupled(s, t, beta)).ravel().tolist()}
    for t, beta in ((1, 1), (4, 8))
]
out = {"labels": labels.tolist(), "decoupled": parts, "teacher": teacher.ravel().tolist(), "student": student.ravel().tolist(), "cases": cases}
(pathlib.Path(__file__).parent / "distillation.json").write_text(json.dumps(out) + "\n")
