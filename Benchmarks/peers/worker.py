"""The protocol of every peer: one JSON task a line on standard input, one JSON answer a line on standard output."""

import argparse
import json
import sys
import time


def thread_count() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args().threads


def measure(body, seconds: float) -> dict:
    """Median and 95th percentile of one call in milliseconds, after a warm-up of a quarter of the time."""
    end = time.perf_counter() + seconds / 4
    while True:
        body()
        if time.perf_counter() >= end:
            break
    times = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 5:
        start = time.perf_counter()
        body()
        times.append(1000 * (time.perf_counter() - start))
    times.sort()
    return {
        "medianMilliseconds": times[len(times) // 2],
        "percentile95Milliseconds": times[len(times) * 95 // 100],
    }


def serve(prepare) -> None:
    """Answers tasks; `prepare(task)` gives a function of no arguments that does the work once."""
    ready = {}
    for line in sys.stdin:
        task = json.loads(line)
        key = (task["work"], task["model"], task["batch"])
        try:
            if key not in ready:
                ready[key] = prepare(task)
            answer = measure(ready[key], task["seconds"])
        except Exception as error:  # noqa: BLE001: whatever a runtime refuses is an answer
            answer = {"error": " ".join(str(error).split())[:200] or type(error).__name__}
        print(json.dumps(answer), flush=True)


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
