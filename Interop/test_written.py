"""Every model that the Swift laws write is valid, and runs in ONNX Runtime with and without its optimizations.

`scripts/test` has the laws keep their models in the folder that WINNOW_WRITTEN names.
"""

import os
import re
import struct
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

# What a file of an older operator set may hold that only newer ones allow: the law raises a sample's operator, not its types.
TYPES = re.compile(r"has unsupported type|has inconsistent type|must be an optional-type")
# Left as it is: the checker takes no GroupNormalization before operator set 21, it does not know what onnxruntime adds to ONNX's
# domain, and for a list of parts of length 1 onnxruntime and torch take the axis away.
KEPT = re.compile(
    r"Op registered for GroupNormalization is deprecated|No Op registered for SimplifiedLayerNormalization"
    r"|op_type:ConcatFromSequence.*Inferred shape and existing shape differ in rank"
)


def models(kind):
    """Names and bytes in the order in which they were written."""
    folder = os.environ.get("WINNOW_WRITTEN")
    if folder is None:
        pytest.skip("the Swift laws have kept no models; run scripts/test")
    data = (Path(folder) / f"{kind}.models").read_bytes()
    position = 0
    while position < len(data):
        name, size = struct.unpack_from("<QQ", data, position)
        position += 16
        yield data[position : position + name].decode(), data[position + name : position + name + size]
        position += name + size


def problem(data):
    """What the checker says; empty where the model is valid."""
    try:
        onnx.checker.check_model(onnx.load_model_from_string(data), full_check=True)
    except Exception as error:  # noqa: BLE001
        return " ".join(str(error).split())
    return ""


def test_operators_are_valid_in_every_operator_set():
    count, wrong = 0, []
    for name, data in models("operators"):
        count += 1
        found = problem(data)
        if found and not TYPES.search(found) and not KEPT.search(found):
            wrong.append(f"{name[:160]}: {found[:200]}")
    assert count > 5000
    assert not wrong, f"{len(wrong)} of {count}\n" + "\n".join(wrong[:200])


def feed(random, entry):
    """Normal numbers, tokens below 3; open extents are 3."""
    shape = [extent if isinstance(extent, int) else 3 for extent in entry.shape]
    if entry.type in ("tensor(float)", "tensor(float16)"):
        return random.normal(size=shape).astype(np.float16 if "16" in entry.type else np.float32)
    return random.integers(0, 3, size=shape).astype({"tensor(int64)": np.int64, "tensor(bool)": bool}[entry.type])


def outputs(data, optimized):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    if not optimized:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    random = np.random.default_rng(0)
    feeds = {entry.name: feed(random, entry) for entry in session.get_inputs()}
    return session.run(None, feeds)


def test_what_passes_write_is_valid_and_runs():
    count, wrong = 0, []
    for name, data in models("passes"):
        count += 1
        found = problem(data)
        if found:
            wrong.append(f"{name}: {found[:200]}")
            continue
        try:
            results = [outputs(data, optimized) for optimized in (False, True)]
            if not all(np.isfinite(array).all() for result in results for array in result):
                wrong.append(f"{name}: gives numbers that are not finite")
        except Exception as error:  # noqa: BLE001
            wrong.append(f"{name}: {' '.join(str(error).split())[:200]}")
    assert count > 50
    assert not wrong, f"{len(wrong)} of {count}\n" + "\n".join(wrong)
