"""Writes distillation.json: T²·KL(softmax(t/T) ‖ softmax(s/T)) and its gradient for the student, in float64.

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
out = {"teacher": teacher.ravel().tolist(), "student": student.ravel().tolist(), "cases": cases}
(pathlib.Path(__file__).parent / "distillation.json").write_text(json.dumps(out) + "\n")
