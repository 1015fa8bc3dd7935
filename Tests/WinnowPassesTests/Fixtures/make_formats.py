"""Writes formats.json: what ml_dtypes makes of numbers in small floats, and the scales that the OCP Microscaling rules give.

Of each format: the codes of every midpoint between neighbours and of the numbers just beside it, and a checksum over the codes of a
million numbers that the test makes again. Scales of the four rules are computed from exact fractions. Run: python3 make_formats.py
"""
import json
import math
import pathlib
from fractions import Fraction

import ml_dtypes
import numpy as np

FORMATS = {
    "e2m1": ml_dtypes.float4_e2m1fn, "e2m3": ml_dtypes.float6_e2m3fn, "e3m2": ml_dtypes.float6_e3m2fn,
    "e4m3": ml_dtypes.float8_e4m3fn, "e5m2": ml_dtypes.float8_e5m2,
}  # fmt: skip
COUNT = 1_000_000


def codes(numbers, kind):
    return numbers.astype(np.float32).astype(kind).view(np.uint8)


def levels(kind):
    bits = ml_dtypes.finfo(kind).bits
    values = np.arange(2 ** (bits - 1), dtype=np.uint8).view(kind).astype(np.float32)
    return values[np.isfinite(values)]


def hashes(count):
    """Numbers of 24 bits, the same in every language (the finalizer of MurmurHash3)."""
    h = np.arange(count, dtype=np.uint32)
    with np.errstate(over="ignore"):
        for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
            h = (h ^ (h >> np.uint32(shift))) * np.uint32(factor)
    return h >> np.uint32(8)


def entry(kind):
    values = levels(kind)
    middles = (values[1:] + values[:-1]) / 2
    middles = np.concatenate([np.nextafter(middles, -np.inf), middles, np.nextafter(middles, np.inf)]).astype(np.float32)
    middles = np.concatenate([middles, -middles])
    limit = values.max()
    random = ((hashes(COUNT).astype(np.float64) - 2**23) / 2**23 * float(limit)).astype(np.float32)
    weights = np.arange(COUNT, dtype=np.uint64) % np.uint64(65521) + np.uint64(1)
    checksum = int((codes(random, kind).astype(np.uint64) * weights).sum())
    return {"limit": float(limit), "numbers": [float(x) for x in middles], "codes": [int(c) for c in codes(middles, kind)], "checksum": checksum}


def log2(x, up):
    """The exponent of a positive fraction, rounded down or up."""
    e = 0
    while Fraction(2) ** (e + 1) <= x:
        e += 1
    while Fraction(2) ** e > x:
        e -= 1
    return e + 1 if up and Fraction(2) ** e != x else e


def exponent(largest, limit, mantissa, rule):
    emax = int(math.log2(limit))
    if rule == "rceil":
        quotient = np.float32(largest) / np.float32(limit)
        return max(-127, log2(Fraction(float(quotient)), True)) if quotient > 0 else -127
    if largest < 2.0**-126:
        return -127
    if rule == "even":
        e = log2(Fraction(largest), False)
        step = Fraction(2) ** (e - mantissa)
        # Half of a step and more goes up.
        largest = (Fraction(largest) + step / 2) // step * step
    return min(127, max(-127, log2(Fraction(largest), rule == "ceil") - emax))


def scales(name, kind):
    limit, mantissa = float(levels(kind).max()), int(name[3])
    rng = np.random.default_rng(4)
    plain = [0, 1e-45, 1e-40, 2.0**-126, 1, 1.5, 1.75, 1.76, 1.9999, 2, 3, limit, np.nextafter(np.float32(limit), np.inf), 3.4028234e38]
    random = np.exp(rng.uniform(-60, 60, 40))
    largest = [float(np.float32(x)) for x in [*plain, *random]]
    return {
        "largest": largest,
        "exponents": {rule: [exponent(x, limit, mantissa, rule) for x in largest] for rule in ("floor", "ceil", "even", "rceil")},
    }


result = {name: {**entry(kind), "scales": scales(name, kind)} for name, kind in FORMATS.items()}
pathlib.Path(__file__).with_name("formats.json").write_text(json.dumps(result) + "\n")
