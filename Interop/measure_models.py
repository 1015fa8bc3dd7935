"""Prints the table of Guides/RealModels.md: published models in winnow and ONNX Runtime, one thread, batch 1, in turns A B A B."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from test_real_models import MODELS, inputs

try:
    from trained_networks import TRAINED, export, real_inputs
except ModuleNotFoundError:
    TRAINED = {}

ROOT = Path(__file__).resolve().parent.parent
WINNOW = os.environ.get("WINNOW", ROOT / ".build/release/winnow")
FOLDER = Path(os.environ.get("WINNOW_MODELS", ROOT / ".deps/models"))
SECONDS = 1.0


def parameters(graph: onnx.GraphProto) -> int:
    """Elements of the float and 8-bit constants, those inside branches too."""
    tensors = list(graph.initializer)
    bodies = []
    for node in graph.node:
        for attribute in node.attribute:
            tensors += [attribute.t] * (attribute.type == attribute.TENSOR)
            bodies += [attribute.g] * (attribute.type == attribute.GRAPH)
    kinds = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.INT8, onnx.TensorProto.UINT8)
    return sum(int(np.prod(t.dims)) for t in tensors if t.data_type in kinds) + sum(map(parameters, bodies))


def session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def run(*arguments) -> str:
    return subprocess.run([WINNOW, *map(str, arguments)], check=True, capture_output=True, text=True).stdout


def ours_once(path: Path, folder: Path) -> float:
    start = time.perf_counter()
    run("infer", path, "--input", folder / "x.npz", "-o", folder / "y.npz", "--threads", 1)
    return time.perf_counter() - start


def theirs_once(path: Path, arrays: dict) -> float:
    start = time.perf_counter()
    session(path).run(None, arrays)
    return time.perf_counter() - start


def ours(path: Path, folder: Path) -> float:
    """Median milliseconds of one execution."""
    result = run("benchmark", path, "--json", "--threads", 1, "--seconds", SECONDS, "--input", folder / "x.npz")
    return json.loads(result)[0]["latency"]["medianMilliseconds"]


def theirs(path: Path, arrays: dict) -> float:
    model, times = session(path), []
    end = time.perf_counter() + 1.25 * SECONDS
    while time.perf_counter() < end or len(times) < 8:
        start = time.perf_counter()
        model.run(None, arrays)
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times[len(times) // 5 :])


def row(name: str, path: Path, arrays: dict, folder: Path) -> str:
    np.savez(folder / "x.npz", **arrays)
    first = [(ours_once(path, folder), theirs_once(path, arrays)) for _ in range(3)]
    found, model = np.load(folder / "y.npz"), session(path)
    error = max(
        np.abs(found[entry.name].astype(np.float64) - expected).max() / max(np.abs(expected).max(), 1e-2)
        for entry, expected in zip(model.get_outputs(), model.run(None, arrays))
    )
    pairs = [(ours(path, folder), theirs(path, arrays)) for _ in range(2)]
    start = [1000 * statistics.median(times) for times in zip(*first)]
    columns = [f"{a:.3g}, {b:.3g}" for a, b in zip(*pairs)]
    count = parameters(onnx.load(path).graph)
    return f"| {name} | {count:,} | {error:.1e} | {start[0]:.0f} | {start[1]:.0f} | {columns[0]} | {columns[1]} |"


print("| model | parameters | difference | first output, winnow | ONNX Runtime | latency, winnow | ONNX Runtime |")
print("|---|--:|--:|--:|--:|--:|--:|")
with tempfile.TemporaryDirectory() as temporary:
    folder = Path(temporary)
    for name, extents in MODELS.items():
        path = FOLDER / name
        print(row(name, path, inputs(session(path), extents), folder), flush=True)
    for name in TRAINED:
        path = folder / f"{name}.onnx"
        export(name, FOLDER, path)
        print(row(name, path, {key: array[:1] for key, array in real_inputs(name, FOLDER).items()}, folder), flush=True)
