"""Writes optimizers.json and schedules.json: the update rules and learning rates of torch.optim, step by step in float64.

Each rule is spelled out as in torch's documentation (torch.optim.SGD, Adam, AdamW; lr_scheduler.StepLR, CosineAnnealingLR in
its recursive form, OneCycleLR, LinearLR joined by SequentialLR). Run: python3 make_fixtures.py
"""
import json
import math
import pathlib

HERE = pathlib.Path(__file__).parent
START = [0.5, -1.25, 2.0, 0.0]
GRADIENTS = [[math.sin(3 * t + i) for i in range(4)] for t in range(6)]


def sgd(lr, momentum=0.0, nesterov=False, weight_decay=0.0):
    x, buffer = list(START), None
    for gradient in GRADIENTS:
        g = [a + weight_decay * b for a, b in zip(gradient, x)]
        if momentum:
            buffer = list(g) if buffer is None else [momentum * b + a for a, b in zip(g, buffer)]
            g = [a + momentum * b for a, b in zip(g, buffer)] if nesterov else buffer
        x = [a - lr * b for a, b in zip(x, g)]
    return x


def adam(lr, weight_decay=0.0, decoupled=False, beta1=0.9, beta2=0.999, epsilon=1e-8):
    x, m, v = list(START), [0.0] * 4, [0.0] * 4
    for t, gradient in enumerate(GRADIENTS, start=1):
        if decoupled:
            x = [a - lr * weight_decay * a for a in x]
            g = gradient
        else:
            g = [a + weight_decay * b for a, b in zip(gradient, x)]
        m = [beta1 * a + (1 - beta1) * b for a, b in zip(m, g)]
        v = [beta2 * a + (1 - beta2) * b * b for a, b in zip(v, g)]
        for i in range(4):
            mean, variance = m[i] / (1 - beta1**t), v[i] / (1 - beta2**t)
            x[i] -= lr * mean / (math.sqrt(variance) + epsilon)
    return x


def step_rates(total, size, factor):
    return [factor ** (t // size) for t in range(total)]


def cosine_rates(total, minimum):
    rates = [1.0]
    for t in range(1, total):
        above, below = 1 + math.cos(math.pi * t / total), 1 + math.cos(math.pi * (t - 1) / total)
        rates.append(above / below * (rates[-1] - minimum) + minimum)
    return rates


def one_cycle_rates(total, rise=0.3, initial=25.0, final=1e4):
    def anneal(start, end, fraction):
        return end + (start - end) / 2.0 * (math.cos(math.pi * fraction) + 1)

    low, rates = 1 / initial, []
    first_end, last_end = float(rise * total) - 1, float(total) - 1
    for t in range(total):
        if t <= first_end:
            rates.append(anneal(low, 1.0, t / first_end))
        else:
            rates.append(anneal(1.0, low / final, (t - first_end) / (last_end - first_end)))
    return rates


def warm(total, steps, start, rest):
    return [start + (1 - start) * t / steps for t in range(steps)] + rest(total - steps)


OPTIMIZERS = [
    {"optimizer": {"rule": "sgd"}, "learningRate": 0.1, "result": sgd(0.1)},
    {"optimizer": {"rule": "sgd", "momentum": 0.9}, "learningRate": 0.1, "result": sgd(0.1, 0.9)},
    {"optimizer": {"rule": "sgd", "momentum": 0.9, "nesterov": True, "weightDecay": 0.01}, "learningRate": 0.1,
     "result": sgd(0.1, 0.9, True, 0.01)},
    {"optimizer": {"rule": "adam"}, "learningRate": 0.05, "result": adam(0.05)},
    {"optimizer": {"rule": "adam", "weightDecay": 0.1, "beta1": 0.8, "beta2": 0.95}, "learningRate": 0.05,
     "result": adam(0.05, 0.1, False, 0.8, 0.95)},
    {"optimizer": {"rule": "adamw"}, "learningRate": 0.05, "result": adam(0.05, 0.01, True)},
    {"optimizer": {"rule": "adamw", "weightDecay": 0.2}, "learningRate": 0.05, "result": adam(0.05, 0.2, True)},
]
SCHEDULES = [
    {"schedule": "constant", "rates": [1.0] * 20},
    {"schedule": {"shape": "step", "interval": 2, "factor": 0.5}, "rates": step_rates(20, 10, 0.5)},
    {"schedule": "cosine", "rates": cosine_rates(20, 0.0)},
    {"schedule": {"shape": "cosine", "minimumFactor": 0.1}, "rates": cosine_rates(20, 0.1)},
    {"schedule": "one-cycle", "rates": one_cycle_rates(20)},
    {"schedule": {"shape": "one-cycle", "riseFraction": 0.5, "initialDivisor": 10, "finalDivisor": 100},
     "rates": one_cycle_rates(20, 0.5, 10.0, 100.0)},
    {"schedule": {"shape": "cosine", "warmupEpochs": 1, "warmupFactor": 0.2},
     "rates": warm(20, 5, 0.2, lambda n: cosine_rates(n, 0.0))},
    {"schedule": {"shape": "step", "interval": 1, "factor": 0.1, "warmupEpochs": 0.6, "warmupFactor": 0.5},
     "rates": warm(20, 3, 0.5, lambda n: step_rates(n, 5, 0.1))},
]

if __name__ == "__main__":
    fixtures = {"start": START, "gradients": GRADIENTS, "cases": OPTIMIZERS}
    (HERE / "optimizers.json").write_text(json.dumps(fixtures, indent=1) + "\n")
    (HERE / "schedules.json").write_text(json.dumps({"stepsPerEpoch": 5, "cases": SCHEDULES}, indent=1) + "\n")
