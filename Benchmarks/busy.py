"""Measures Winnow's default threads beside other work: busy loops on every core, and two trainings.

For each model and load: one execution with Winnow's default threads, with one thread, and in ONNX Runtime with its default
threads, in turns. The last columns are the default threads' median and 95th percentile over those of the better of the two others.
Results are written only where nobody but these neighbours used the cores, or with `--noisy`.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import numpy as np

import quiet

LOADS = {"quiet": 0, "1 loop a core": 1, "2 loops a core": 2, "4 loops a core": 4, "2 trainings": None}
ONNXRUNTIME = "onnxruntime"
HEADING = "## Beside busy neighbours"
INTRODUCTION = """Written by `{}`: milliseconds of one execution at batch 1 in float32 on {} cores, while busy loops or two
trainings run beside it; default: one thread a core. The last columns are the default's median and 95th percentile over those of
the better of one thread and ONNX Runtime's default.

"""


def peer(path: str, seconds: float) -> None:
    """One contestant of its own: prints median and 95th percentile as JSON."""
    import onnx
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    random = np.random.default_rng(0)
    inputs = {}
    for value in onnx.load(path, load_external_data=False).graph.input:
        kind = onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        shape = [extent.dim_value or 1 for extent in value.type.tensor_type.shape.dim]
        floating = np.issubdtype(kind, np.floating)
        inputs[value.name] = (random.standard_normal(shape) if floating else random.integers(0, 2, shape)).astype(kind)
    end = time.perf_counter() + seconds / 4
    while time.perf_counter() < end:
        session.run(None, inputs)
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 5:
        start = time.perf_counter()
        session.run(None, inputs)
        times.append(1000 * (time.perf_counter() - start))
    times.sort()
    print(json.dumps([times[len(times) // 2], times[len(times) * 95 // 100]]))


@contextlib.contextmanager
def load(name: str, winnow: str, folder: Path):
    """Keeps the machine busy as `name` says."""
    if LOADS[name] is None:
        start = folder / "lenet-5.onnx"
        commands = [
            [winnow, "train", start, "-o", folder / f"busy-{index}.onnx", "--data", "fashion-mnist", "--epochs", "1000"]
            for index in range(2)
        ]
    else:
        commands = [["sh", "-c", "while :; do :; done"]] * (LOADS[name] * os.cpu_count())
    neighbours = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for command in commands]
    time.sleep(3 if LOADS[name] is None else 0.2)
    try:
        yield
        assert all(neighbour.poll() is None for neighbour in neighbours), "a neighbour ended"
    finally:
        for neighbour in neighbours:
            neighbour.kill()
            neighbour.wait()


def measure(command: list[str], seconds: float) -> tuple[float, float]:
    answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    if isinstance(answer[0], dict):
        answer = [answer[0]["latency"][key] for key in ("medianMilliseconds", "percentile95Milliseconds")]
    return tuple(answer)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("models", nargs="+", type=Path)
    arguments.add_argument("--winnow", default=".build/release/winnow")
    arguments.add_argument("--seconds", type=float, default=1)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--loads", nargs="+", default=list(LOADS))
    arguments.add_argument("--results", type=Path, help="a file of results whose section about neighbours is written anew")
    arguments.add_argument("--noisy", action="store_true", help="write results although others use the cores")
    arguments = arguments.parse_args()
    watch = quiet.watch() if arguments.results and not arguments.noisy else None
    lines = [
        "| neighbours | model | default | p95 | 1 thread | p95 | onnxruntime | p95 | median × | p95 × |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    print("\n".join(lines))
    for name in arguments.loads:
        for model in arguments.models:
            with load(name, arguments.winnow, model.parent):
                own = [arguments.winnow, "benchmark", str(model), "--seconds", str(arguments.seconds), "--json"]
                commands = {
                    "default": own,
                    "one": [*own, "--threads", "1"],
                    ONNXRUNTIME: [sys.executable, __file__, "--peer", str(model), str(arguments.seconds)],
                }
                rounds = [{key: measure(command, arguments.seconds) for key, command in commands.items()} for _ in range(arguments.rounds)]
            found = {key: [median(row[key][place] for row in rounds) for place in range(2)] for key in commands}
            others = [min(found["one"][place], found[ONNXRUNTIME][place]) for place in range(2)]
            ratios = [found["default"][place] / others[place] for place in range(2)]
            cells = [f"{value:.3f}" for key in commands for value in found[key]] + [f"{value:.2f}" for value in ratios]
            lines.append(f"| {name} | {model.stem} | {' | '.join(cells)} |")
            print(lines[-1], flush=True)
    if arguments.results:
        quiet.refuse(watch)
        command = f"Benchmarks/busy.py --rounds {arguments.rounds} --seconds {arguments.seconds}"
        write(arguments.results, INTRODUCTION.format(command, os.cpu_count()) + "\n".join(lines) + "\n")


def write(path: Path, section: str) -> None:
    """Puts the section at the end of a file, in the place of the one that is there."""
    text = path.read_text() if path.exists() else ""
    path.write_text(text.split(HEADING)[0].rstrip() + f"\n\n{HEADING}\n\n{section}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peer"]:
        peer(sys.argv[2], float(sys.argv[3]))
    else:
        main()
