"""Recurrent layers with weights stored as codes, as ONNX Runtime runs them, and in the two forms with the batch first."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


def layer(tmp_path, kind, direction="forward", batch_first=False, size=48):
    """A file with one layer of 8 features; with the batch first, as torch exports it: transposed around it."""
    random = np.random.default_rng(0)
    directions = 2 if direction == "bidirectional" else 1
    gates = GATES[kind] * size
    shapes = {"W": (directions, gates, 8), "R": (directions, gates, size), "B": (directions, 2 * gates)}
    weights = [numpy_helper.from_array((random.normal(size=shape) * 0.1).astype(np.float32), name) for name, shape in shapes.items()]
    node = helper.make_node(kind, ["t" if batch_first else "x", "W", "R", "B"], ["h" if batch_first else "y"], name="layer", hidden_size=size, direction=direction)
    nodes = [node]
    if batch_first:
        nodes = [helper.make_node("Transpose", ["x"], ["t"], perm=[1, 0, 2]), node, helper.make_node("Transpose", ["h"], ["y"], perm=[2, 0, 1, 3])]
    graph = helper.make_graph(
        nodes, "layer", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 5, 8] if batch_first else [5, "N", 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)], weights,
    )
    path = tmp_path / "layer.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def outputs(winnow, tmp_path, path, x):
    np.savez(tmp_path / "x.npz", x=x)
    winnow("infer", path, "--input", tmp_path / "x.npz", "-o", tmp_path / "y.npz")
    own = np.load(tmp_path / "y.npz")["y"]
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return own, session.run(None, {"x": x})[0]


@pytest.mark.parametrize("kind", GATES)
@pytest.mark.parametrize("direction", ["forward", "bidirectional"])
def test_weights_as_codes(winnow, tmp_path, kind, direction):
    x = np.random.default_rng(1).normal(size=(5, 3, 8)).astype(np.float32)
    path = layer(tmp_path, kind, direction)
    _, exact = outputs(winnow, tmp_path, path, x)
    methods = ["weight-only-quantization"] + ["dynamic-quantization"] * (kind == "LSTM")
    for method in methods:
        small = tmp_path / f"{method}.onnx"
        winnow("apply", method, path, "-o", small)
        onnx.checker.check_model(onnx.load(small), full_check=True)
        assert small.stat().st_size < 0.5 * path.stat().st_size
        own, theirs = outputs(winnow, tmp_path, small, x)
        np.testing.assert_allclose(own, theirs, atol=1e-5 if method.startswith("weight") else 2e-2)
        np.testing.assert_allclose(own, exact, atol=3e-2)


@pytest.mark.parametrize("kind", GATES)
def test_the_batch_may_come_first(winnow, tmp_path, kind):
    x = np.random.default_rng(1).normal(size=(3, 5, 8)).astype(np.float32)
    own, theirs = outputs(winnow, tmp_path, layer(tmp_path, kind, "bidirectional", batch_first=True), x)
    np.testing.assert_allclose(own, theirs, atol=1e-5)


@pytest.mark.parametrize("kind", GATES)
@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 33])
def test_layers_of_any_width(winnow, tmp_path, kind, size):
    for rows in [1, 3, 16]:
        x = np.random.default_rng(size).normal(size=(5, rows, 8)).astype(np.float32)
        own, theirs = outputs(winnow, tmp_path, layer(tmp_path, kind, "bidirectional", size=size), x)
        np.testing.assert_allclose(own, theirs, atol=1e-6)
