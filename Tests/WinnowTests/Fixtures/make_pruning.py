"""Writes pruning.json: what torch.nn.utils.prune does to the weights that `numbers` makes, masks as FNV-1a hashes.

Run with torch: python3 make_pruning.py
"""
import json
import math
import pathlib

import numpy as np
import torch
from torch import nn
from torch.nn.utils import prune

SHAPES = [(3, 5), (256, 784), (20, 1, 5, 5), (50, 20, 5, 5), (64, 32, 3, 3)]
AMOUNTS = [0, 1, 7, 0.2, 0.3, 0.5, 0.9, 1.0]


def numbers(count, start=0):
    """Numbers of distinct magnitudes in (0, 1], signs mixed, exact in float32: a bijection of 20 bits."""
    x = (np.arange(start, start + count, dtype=np.uint64)) & 0xFFFFF
    for shift, factor in ((7, 0x9E375), (9, 0x2C1B3), (11, 0x97D2D)):
        x = ((x ^ (x >> np.uint64(shift))) * np.uint64(factor)) & np.uint64(0xFFFFF)
    x ^= x >> np.uint64(10)
    signs = np.where((x >> np.uint64(3)) & np.uint64(1), -1.0, 1.0)
    return (signs * (x + np.uint64(1)).astype(np.float64) / 2**20).astype(np.float32)


def tensor(shape, start=0):
    return torch.from_numpy(numbers(math.prod(shape), start).reshape(shape))


def fnv(mask):
    value = 0xCBF29CE484222325
    for byte in np.packbits(mask.numpy().reshape(-1).astype(bool)).tobytes():
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


class Holder(nn.Module):
    def __init__(self, *tensors):
        super().__init__()
        for index, values in enumerate(tensors):
            self.register_parameter(f"w{index}", nn.Parameter(values.clone()))


def attempt(case, action):
    """The case with the mask that comes out, or with `error` where torch refuses."""
    try:
        mask = action()
    except (ValueError, IndexError, TypeError, RuntimeError):
        return case | {"error": True}
    return case | {"left": int(mask.sum()), "mask": fnv(mask)}


def single():
    cases = []
    for shape in SHAPES:
        values = tensor(shape)
        for amount in AMOUNTS:
            base = {"shape": shape, "amount": amount, "isCount": isinstance(amount, int)}
            cases.append(attempt(base | {"method": "l1"}, lambda: prune.L1Unstructured(amount).prune(values).ne(0)))
            for norm in (1, 2, math.inf, -math.inf):
                for axis in (0, 1, -1):
                    ln = base | {"method": "ln", "norm": str(norm), "axis": axis}
                    holder = Holder(values)
                    cases.append(attempt(ln, lambda: prune.ln_structured(holder, "w0", amount, norm, axis).w0_mask))
    for norm in ("fro", "nuc", 3, 0.5, -1):
        holder = Holder(tensor((7, 4, 6)))
        case = {"shape": (7, 4, 6), "amount": 3, "isCount": True, "method": "ln", "norm": str(norm), "axis": 0}
        cases.append(attempt(case, lambda: prune.ln_structured(holder, "w0", 3, norm, 0).w0_mask))
    return cases


def sequence():
    holder = Holder(tensor((24, 10, 3, 3)))
    masks = []
    for step in (
        lambda: prune.l1_unstructured(holder, "w0", 0.3),
        lambda: prune.ln_structured(holder, "w0", 0.5, 2, 0),
        lambda: prune.l1_unstructured(holder, "w0", 0.2),
        lambda: prune.ln_structured(holder, "w0", 0.25, math.inf, -3),
    ):
        step()
        masks.append({"left": int(holder.w0_mask.sum()), "mask": fnv(holder.w0_mask)})
    length = len(next(iter(holder._forward_pre_hooks.values())))
    return {"shape": (24, 10, 3, 3), "masks": masks, "length": length}


def together():
    shapes, cases = [(16, 12), (8, 16), (4, 3, 3, 3)], []
    for amounts in ((0.8,), (10,), (0.8, 0.5), (10, 0.25)):
        holder = Holder(*(tensor(shape, 1000 * index) for index, shape in enumerate(shapes)))
        for amount in amounts:
            prune.global_unstructured([(holder, f"w{i}") for i in range(3)], prune.L1Unstructured, amount=amount)
        masks = [getattr(holder, f"w{i}_mask") for i in range(3)]
        case = {"amounts": amounts, "isCount": [isinstance(amount, int) for amount in amounts]}
        cases.append(case | {"left": [int(mask.sum()) for mask in masks], "masks": [fnv(mask) for mask in masks]})
    return {"shapes": shapes, "cases": cases}


def scores():
    values = tensor((12, 9))
    ranks = values.abs().flatten().argsort(descending=True).argsort().reshape(12, 9).float() + 1
    first, second = Holder(values), Holder(values)
    prune.l1_unstructured(first, "w0", 0.4, importance_scores=ranks)
    prune.ln_structured(second, "w0", 0.4, 1, 1, importance_scores=ranks)
    return {"shape": (12, 9), "l1": fnv(first.w0_mask), "ln": fnv(second.w0_mask)}


def training():
    torch.set_num_threads(1)
    net = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3))
    with torch.no_grad():
        for start, parameter in zip((0, 100, 200, 300), net.parameters()):
            parameter.copy_(tensor(parameter.shape, start))
    prune.l1_unstructured(net[0], "weight", 0.5)
    prune.ln_structured(net[2], "weight", 2, 2, 1)
    x, y = tensor((16, 6), 5000), torch.arange(16) % 3
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    for _ in range(20):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()
    net(x)
    return {name: getattr(net[index], field).detach().flatten().tolist() for name, index, field in
            (("fc1.weight", 0, "weight"), ("fc1.bias", 0, "bias"), ("fc2.weight", 2, "weight"), ("fc2.bias", 2, "bias"))}


result = {"single": single(), "sequence": sequence(), "together": together(), "scores": scores(), "training": training()}
(pathlib.Path(__file__).parent / "pruning.json").write_text(json.dumps(result, separators=(",", ":")) + "\n")
