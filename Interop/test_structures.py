"""Structured pruning of random structures: without channels a network computes what it computes with channels of zeros.

`WINNOW_NETWORKS=300` makes so many (default 40).
"""

import os

import numpy as np
import onnx
import onnxruntime
import pytest
from random_networks import network


def outputs(path, image, optimized: bool) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if not optimized:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"]).run(None, {"image": image})[0]


def elements(path) -> int:
    return sum(int(np.prod(tensor.dims)) for tensor in onnx.load(path).graph.initializer)


@pytest.mark.parametrize("seed", range(int(os.environ.get("WINNOW_NETWORKS", 40))))
def test_shrunk_equals_masked(winnow, tmp_path, seed):
    onnx.save(network(seed), tmp_path / "model.onnx")
    image = np.random.default_rng(seed).normal(size=(3, 3, 6, 8)).astype(np.float32)
    results, reports = {}, []
    for name, removes in (("shrunk", "true"), ("masked", "false")):
        path = tmp_path / f"{name}.onnx"
        settings = ["--set", "sparsity=0.5", "--set", f"remove={removes}"]
        reports.append(winnow("apply", "structured-pruning", tmp_path / "model.onnx", "-o", path, *settings, "--json").stdout)
        onnx.checker.check_model(str(path), full_check=True)
        results[name] = [outputs(path, image, optimized) for optimized in (False, True)]
    assert elements(tmp_path / "shrunk.onnx") < 0.9 * elements(tmp_path / "model.onnx")
    if "normalized together with extents that are not known" in reports[1]:
        return
    scale = np.linalg.norm(results["masked"][0])
    for result in results["shrunk"] + results["masked"][1:]:
        assert np.linalg.norm(result - results["masked"][0]) <= 1e-4 * scale
