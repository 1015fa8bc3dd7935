"""The protocol of every peer: one JSON task a line on standard input, one JSON answer a line on standard output."""

import argparse
import importlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

arguments = argparse.ArgumentParser()
arguments.add_argument("--threads", type=int, default=1)
arguments.add_argument("--compile", action="store_true")
arguments.add_argument("--check", action="store_true", help="only tells whether the runtime is there: ends with 1 and why where it is not")
arguments = arguments.parse_args()
# Runtimes print to standard output too, which is for answers alone.
answers = os.fdopen(os.dup(1), "w")
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def needed(package: str):
    """Imports what not every machine has for a peer; without it the process ends with why, as the set-up found it."""
    try:
        return importlib.import_module(package)
    except Exception as error:  # noqa: BLE001: a library that does not load here raises what it likes
        reason = Path(sys.prefix, Path(sys.argv[0]).stem.removesuffix("_worker") + ".missing")
        sys.exit(reason.read_text().strip() if reason.exists() else f"{package} cannot be imported: {error}")


def converted(converter: str, command: list[str], *files: Path, folder: str | None = None) -> list[str]:
    """The files that a converter writes; where it fails or leaves one out, its last words are the error."""
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace")
    if result.returncode or not all(file.exists() for file in files):
        raise ValueError(f"{converter} refuses the file: {(result.stderr or result.stdout).strip()[-150:]}")
    return [str(file) for file in files]


def percentiles(times: list[float]) -> tuple[float, float]:
    times.sort()
    return times[len(times) // 2], times[len(times) * 95 // 100]


def once(body) -> float:
    """Milliseconds of one call."""
    start = time.perf_counter()
    body()
    return 1000 * (time.perf_counter() - start)


def measure(body, task: dict) -> dict:
    """Median and 95th percentile of one call in milliseconds, after a warm-up of a quarter of the time; cold calls after."""
    end = time.perf_counter() + task["seconds"] / 4
    while True:
        body()
        if time.perf_counter() >= end:
            break
    times = []
    end = time.perf_counter() + task["seconds"]
    while time.perf_counter() < end or len(times) < 3:
        times.append(once(body))
    median, tail = percentiles(times)
    answer = {"medianMilliseconds": median, "percentile95Milliseconds": tail}
    if task["coldRuns"]:
        answer["coldMilliseconds"] = cold(body, task["coldRuns"])
    return answer


def cold(body, count: int) -> float:
    """The median with the processor's caches emptied before each call, as Winnow empties them."""
    import numpy as np

    memory = np.zeros(128 << 20, np.uint8)
    times = []
    for _ in range(count):
        memory[::64] += 1
        times.append(once(body))
    return percentiles(times)[0]


def serve(prepare, quantize=None) -> None:
    """Answers tasks; `prepare(task)` gives a function of no arguments that does the work once."""
    if arguments.check:
        return
    ready = (None, None)
    for line in sys.stdin:
        task = json.loads(line)
        key = (task["work"], task["model"], task["batch"])
        try:
            if task["work"] == "quantization":
                answer = {"medianMilliseconds": once(lambda: quantize(task))}  # noqa: B023: called at once
            else:
                if key != ready[0]:
                    ready = (None, None)
                    ready = (key, prepare(task))
                answer = measure(ready[1], task)
        except Exception as error:  # noqa: BLE001: whatever a runtime refuses is an answer
            answer = {"error": " ".join(str(error).split())[:200] or type(error).__name__}
        print(json.dumps(answer), file=answers, flush=True)


def random_inputs(path: str, batch: int) -> dict:
    """Seeded inputs by name: normal floats, zeros and ones for integers; free extents are the batch size."""
    import numpy as np
    import onnx

    graph = onnx.load(path, load_external_data=False).graph
    weights = {tensor.name for tensor in graph.initializer}
    random = np.random.default_rng(0)
    arrays = {}
    for value in graph.input:
        if value.name in weights:
            continue
        kind = onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        shape = [extent.dim_value or batch for extent in value.type.tensor_type.shape.dim]
        floating = np.issubdtype(kind, np.floating)
        values = random.standard_normal(shape) if floating else random.integers(0, 2, shape)
        arrays[value.name] = values.astype(kind)
    return arrays


def checked(run, path: str, inputs: dict):
    """`run`, once its results are ONNX Runtime's for the same inputs, so that nothing else is timed.

    The largest difference may be 0.001 of the largest result; where data are rounded to codes, which half a code may move, 0.05.
    """
    import numpy as np
    import onnx
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    nodes = onnx.load(path, load_external_data=False).graph.node
    tolerance = 0.05 if any(node.op_type.endswith("QuantizeLinear") for node in nodes) else 0.001
    for found, right in zip(run(), session.run(None, inputs), strict=True):
        difference = np.abs(np.reshape(found, right.shape) - right).max() / max(np.abs(right).max(), 1e-9)
        if not difference < tolerance:
            raise ValueError(f"computes something else: {difference:.1e} of the largest result away from onnxruntime")
    return run
