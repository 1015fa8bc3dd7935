"""Writes random graphs as test cases: `random_cases.py FOLDER FIRST COUNT`. A program of its own, for ONNX Runtime may crash."""

import json
import sys
from pathlib import Path

import onnx
from onnx import numpy_helper

from random_graphs import Graph, Refused, Sample
from random_operators import GENERATORS, fitting


def grown(seed: int) -> Sample | None:
    """The graph of a seed; None where nothing came of it."""
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


def write(sample: Sample, folder: Path):
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


def main(folder: str, first: int, count: int):
    """Prints a line for each seed when it begins, and one with what came of it."""
    for seed in range(first, first + count):
        print(json.dumps({"seed": seed}), flush=True)
        sample = grown(seed)
        if sample is not None:
            write(sample, Path(folder) / f"seed{seed}")
            print(json.dumps({"version": sample.model.opset_import[0].version, "operators": sample.operators}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
