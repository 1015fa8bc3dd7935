"""Random graphs over all operators, element types and operator sets give in Winnow what they give in ONNX Runtime.

`WINNOW_GRAPHS=10000` makes so many (default 400), `WINNOW_GRAPHS_SEED` says where seeds begin (default 0), `WINNOW_GRAPHS_LOG`
where faults and counts go. What ONNX Runtime refuses is in no graph; where only Winnow refuses one, the test fails. Each output
may be off by 5e-5 of its largest number (float16: 2e-3; or of 0.01) and eight times what roundings of the values before it change.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

from random_operators import GENERATORS

COUNT = int(os.environ.get("WINNOW_GRAPHS", 400))
FIRST = int(os.environ.get("WINNOW_GRAPHS_SEED", 0))
CHUNK = 200
#: Operators of the catalogue that no graph has, and why.
ABSENT = {
    "Bernoulli": "random", "Multinomial": "random", "RandomNormal": "random", "RandomNormalLike": "random", "RandomUniform": "random",
    "RandomUniformLike": "random", "Adagrad": "training", "Adam": "training", "Momentum": "training", "Constant": "comes with others",
}  # fmt: skip


def made(folder: Path, first: int, count: int) -> tuple[list, list]:
    """Sets and operators of the graphs that were written, and the seeds at which ONNX Runtime crashed."""
    graphs, crashes, end = [], [], first + count
    while first < end:
        program = [sys.executable, Path(__file__).with_name("random_cases.py"), folder, str(first), str(end - first)]
        result = subprocess.run(program, capture_output=True, text=True)
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        graphs += [line for line in lines if "operators" in line]
        first = end
        if result.returncode != 0:
            assert result.returncode < 0, result.stderr
            crashes.append([line["seed"] for line in lines if "seed" in line][-1])
            first = crashes[-1] + 1
    return graphs, crashes


def faults_in(winnow, folder):
    result = winnow("conformance", folder, "--json", check=False)
    assert result.returncode in (0, 1), result.stderr
    cases = [case for entry in json.loads(result.stdout) for case in entry["cases"]]
    return len(cases), [f"{case['name']} {case['outcome']}: {case['reason']}" for case in cases if case["outcome"] != "passed"]


def test_random_graphs(winnow, tmp_path):
    faults, operators, versions, crashes, compared = [], Counter(), Counter(), [], 0
    for start in range(FIRST, FIRST + COUNT, CHUNK):
        folder = tmp_path / f"from{start}"
        graphs, crashed = made(folder, start, min(CHUNK, FIRST + COUNT - start))
        operators.update("/".join(name) for graph in graphs for name in graph["operators"])
        versions.update(graph["version"] for graph in graphs)
        count, found = faults_in(winnow, folder)
        faults, crashes, compared = faults + found, crashes + crashed, compared + count
        shutil.rmtree(folder)
    lines = [
        f"{sum(versions.values())} graphs of {COUNT} seeds, {sum(operators.values())} nodes of {len(operators)} operators, {compared} outputs,"
        f" sets {min(versions)} to {max(versions)}; ONNX Runtime crashed at {crashes}; {len(faults)} faults",
        *faults, *[f"{name} {count}" for name, count in sorted(operators.items())],
    ]  # fmt: skip
    print(lines[0])
    if "WINNOW_GRAPHS_LOG" in os.environ:
        Path(os.environ["WINNOW_GRAPHS_LOG"]).write_text("\n".join(lines) + "\n")
    assert not faults, "\n".join(faults)
    assert sum(versions.values()) > 0.9 * COUNT and len(operators) > 150


def test_every_operator_of_the_catalogue_has_a_generator(root):
    known = set()
    for file in (root / "Sources/WinnowOperators").rglob("*.swift"):
        known |= set(re.findall(r'OperatorType\("(\w+)"(?:, domain: "([\w.]+)")?\)', file.read_text()))
    stored = {f"{domain}/{name}" if domain == "com.microsoft" else name for name, domain in known if domain != "winnow"}
    assert stored - set(GENERATORS) - set(ABSENT) == set()
