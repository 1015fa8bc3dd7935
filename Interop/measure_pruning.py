"""Prints the table of Guides/StructuredPruning.md: networks before and after half of every group of channels is removed.

`measure_pruning.py FILE.onnx…`; latencies are those of one sample on one thread, in turns, the median of three.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime

ROOT = Path(__file__).resolve().parent.parent
WINNOW = os.environ.get("WINNOW", ROOT / ".build/release/winnow")


def winnow(*arguments) -> str:
    return subprocess.run([WINNOW, *map(str, arguments)], check=True, capture_output=True, text=True).stdout


def session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def samples(model: onnxruntime.InferenceSession) -> dict[str, np.ndarray]:
    """Normal floats and small integers; open axes are 1, or 128 where they count words."""
    random, arrays = np.random.default_rng(0), {}
    for entry in model.get_inputs():
        shape = [extent if isinstance(extent, int) else (128 if place == 1 else 1) for place, extent in enumerate(entry.shape)]
        isFloat = "float" in entry.type
        arrays[entry.name] = random.normal(size=shape).astype(np.float32) if isFloat else np.ones(shape, np.int64)
    return arrays


def ours(path: Path, inputs: Path) -> float:
    result = winnow("benchmark", path, "--json", "--threads", 1, "--seconds", 0.6, "--input", inputs)
    return json.loads(result)[0]["latency"]["medianMilliseconds"]


def theirs(path: Path, arrays: dict) -> float:
    model, times, end = session(path), [], time.perf_counter() + 0.6
    while time.perf_counter() < end or len(times) < 5:
        start = time.perf_counter()
        model.run(None, arrays)
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


def row(path: Path, folder: Path) -> str:
    small, inputs = folder / "small.onnx", folder / "x.npz"
    arrays = samples(session(path))
    np.savez(inputs, **arrays)
    findings = json.loads(winnow("apply", "structured-pruning", path, "-o", small, "--json"))
    stopped = {finding["reason"].split("its own stay: ")[-1] for finding in findings if "elements" not in finding["reason"]}
    stopped = sorted(reason for reason in stopped if any(word in reason for word in ("this axis", "taken apart", "sums over", "looked up")))
    sizes = [json.loads(winnow("inspect", file, "--json", *shapes(arrays))) for file in (path, small)]
    bytes = [sum(part.stat().st_size for part in file.parent.glob(file.name + "*")) for file in (path, small)]
    pairs = [[measure(file, data) for file in (path, small)] for _ in range(3) for measure, data in ((ours, inputs), (theirs, arrays))]
    own, other = ([statistics.median(times) for times in zip(*pairs[start::2])] for start in (0, 1))
    columns = [
        f"{sizes[0]['parameters'] / 1e6:.2f} → {sizes[1]['parameters'] / 1e6:.2f} M ({sizes[1]['parameters'] / sizes[0]['parameters']:.2f})",
        f"{sizes[0]['multiplyAccumulates'] / 1e6:.0f} → {sizes[1]['multiplyAccumulates'] / 1e6:.0f} M",
        f"{bytes[0] / 1e6:.1f} → {bytes[1] / 1e6:.1f} MB",
        f"{own[0]:.3g} → {own[1]:.3g} ms",
        f"{other[0]:.3g} → {other[1]:.3g} ms",
    ]
    return f"| {path.stem} | {' | '.join(columns)} | {'; '.join(stopped)} |"


def shapes(arrays: dict) -> list[str]:
    return [part for name, array in arrays.items() for part in ("--shape", f"{name}={'x'.join(map(str, array.shape))}")]


print("| network | parameters | MACs | bytes | winnow | ONNX Runtime | what stays |\n|---|--:|--:|--:|--:|--:|---|")
with tempfile.TemporaryDirectory() as temporary:
    for name in sys.argv[1:]:
        print(row(Path(name), Path(temporary)), flush=True)
