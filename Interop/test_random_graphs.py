"""Random graphs over all operators, element types and operator sets give in Winnow what they give in ONNX Runtime.

`WINNOW_GRAPHS=10000` makes so many (default 400), `WINNOW_GRAPHS_SEED` says where seeds begin (default 0). What ONNX Runtime
refuses is in no graph; where only Winnow refuses one, the test fails. Each output may be off by 2e-5 of its largest number and
eight times what roundings of the values before it change; integers that quantized kernels round, by as much as that gives.
"""

import json
import os
import re
from collections import Counter

import onnx
from onnx import numpy_helper

from random_graphs import Graph, Refused
from random_operators import GENERATORS, fitting

COUNT = int(os.environ.get("WINNOW_GRAPHS", 400))
FIRST = int(os.environ.get("WINNOW_GRAPHS_SEED", 0))
CHUNK = 200
#: Operators of the catalogue that no graph has, and why.
ABSENT = {
    "Bernoulli": "random", "Multinomial": "random", "RandomNormal": "random", "RandomNormalLike": "random", "RandomUniform": "random",
    "RandomUniformLike": "random", "Adagrad": "training", "Adam": "training", "Momentum": "training", "Constant": "comes with others",
}  # fmt: skip


def grown(seed: int):
    """The graph of a seed; nil where nothing came of it."""
    g = Graph(seed)
    wanted, operators = g.integer(3, 12), fitting(g)
    for _ in range(4 * wanted):
        if len(g.operators) >= wanted:
            break
        name = g.pick(*operators)
        try:
            GENERATORS[name](g, name.split("/")[-1])
        except Refused:
            continue
    try:
        return g.finished()
    except Refused:
        return None


def write(sample, folder):
    """A test case for each output, for each has a tolerance of its own."""
    for place, (name, array) in enumerate(sample.outputs.items()):
        case = folder / f"{folder.name}.{place}"
        (case / "test_data_set_0").mkdir(parents=True)
        onnx.save(sample.model, case / "model.onnx")
        for index, item in enumerate(sample.model.graph.input):
            tensor = numpy_helper.from_array(sample.feeds[item.name], item.name)
            (case / f"test_data_set_0/input_{index}.pb").write_bytes(tensor.SerializeToString())
        (case / f"test_data_set_0/output_{place}.pb").write_bytes(numpy_helper.from_array(array, name).SerializeToString())
        (case / "data.json").write_text(json.dumps({"rtol": 0, "atol": sample.tolerances[name]}))


def faults_in(winnow, folder):
    result = winnow("conformance", folder, "--json", check=False)
    assert result.returncode in (0, 1), result.stderr
    cases = [case for entry in json.loads(result.stdout) for case in entry["cases"]]
    return len(cases), [f"{case['name']} {case['outcome']}: {case['reason']}" for case in cases if case["outcome"] != "passed"]


def test_random_graphs(winnow, tmp_path):
    faults, operators, versions, compared = [], Counter(), Counter(), 0
    for start in range(FIRST, FIRST + COUNT, CHUNK):
        folder = tmp_path / f"from{start}"
        for seed in range(start, min(start + CHUNK, FIRST + COUNT)):
            sample = grown(seed)
            if sample is not None:
                write(sample, folder / f"seed{seed}")
                operators.update(sample.operators)
                versions.update([sample.model.opset_import[0].version])
        count, found = faults_in(winnow, folder)
        compared += count
        faults += found
    print(f"{COUNT} graphs, {sum(operators.values())} nodes of {len(operators)} operators, {compared} outputs, sets {sorted(versions.items())}")
    if "WINNOW_GRAPHS_LOG" in os.environ:
        with open(os.environ["WINNOW_GRAPHS_LOG"], "w") as log:
            log.write("\n".join([*faults, *[f"{name} {count}" for name, count in sorted(operators.items())]]))
    assert not faults, "\n".join(faults)
    assert sum(versions.values()) > 0.9 * COUNT


def test_every_operator_of_the_catalogue_has_a_generator(root):
    known = set()
    for file in (root / "Sources/WinnowOperators").rglob("*.swift"):
        known |= set(re.findall(r'OperatorType\("(\w+)"(?:, domain: "([\w.]+)")?\)', file.read_text()))
    stored = {f"{domain}/{name}" if domain == "com.microsoft" else name for name, domain in known if domain != "winnow"}
    assert stored - set(GENERATORS) - set(ABSENT) == set()
