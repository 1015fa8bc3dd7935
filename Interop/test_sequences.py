"""Lists in models, as torch exports `split`, `chunk` and `append`: beside ONNX Runtime, and through a pass."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL


def value(name, kind=FLOAT, shape=None):
    return helper.make_tensor_value_info(name, kind, shape)


def split():
    """Nodes, constants, their names and the result's rank: parts of known lengths, one taken, the others joined."""
    nodes = [
        helper.make_node("SplitToSequence", ["h", "lengths"], ["parts"], axis=1),
        helper.make_node("SequenceAt", ["parts", "second"], ["part"]),
        helper.make_node("SequenceErase", ["parts", "second"], ["others"]),
        helper.make_node("ConcatFromSequence", ["others"], ["joined"], axis=-1),
        helper.make_node("SequenceLength", ["others"], ["count"]),
        helper.make_node("Cast", ["count"], ["number"], to=FLOAT),
        helper.make_node("ReduceSum", ["part", "one"], ["sum"], keepdims=1),
        helper.make_node("Mul", ["joined", "sum"], ["scaled"]),
        helper.make_node("Div", ["scaled", "number"], ["y"]),
    ]
    return nodes, [np.array([16, 32, 16]), np.array(1), np.array([1])], ["lengths", "second", "one"], 2


def append():
    """Rows collected by a loop, stacked behind it."""
    sequence = helper.make_tensor_sequence_value_info
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["on"]),
            helper.make_node("Cast", ["i"], ["number"], to=FLOAT),
            helper.make_node("Mul", ["h", "number"], ["row"]),
            helper.make_node("SequenceInsert", ["rows", "row"], ["longer"]),
        ],
        "body", [value("i", INT64, []), value("go", BOOL, []), sequence("rows", FLOAT, None)], [value("on", BOOL, []), sequence("longer", FLOAT, None)],
    )
    nodes = [
        helper.make_node("Shape", ["h"], ["shape"]),
        helper.make_node("Gather", ["shape", "first"], ["steps"]),
        helper.make_node("SequenceEmpty", [], ["none"], dtype=FLOAT),
        helper.make_node("Loop", ["steps", "", "none"], ["all"], body=body),
        helper.make_node("ConcatFromSequence", ["all"], ["stacked"], axis=0, new_axis=1),
        helper.make_node("Relu", ["stacked"], ["y"]),
    ]
    return nodes, [np.array(0)], ["first"], 3


@pytest.mark.parametrize("make", [split, append])
def test_lists_inside(winnow, tmp_path, make):
    random = np.random.default_rng(0)
    nodes, constants, names, rank = make()
    initializers = [numpy_helper.from_array(array, name) for array, name in zip(constants, names)]
    weight = numpy_helper.from_array(random.normal(size=(64, 64)).astype(np.float32), "w")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["h"], name="product"), *nodes], "lists", [value("x", FLOAT, ["N", 64])], [value("y", FLOAT, [None] * rank)],
        [weight, *initializers],
    )
    path = tmp_path / "lists.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    x = random.normal(size=(3, 64)).astype(np.float32)
    np.savez(tmp_path / "x.npz", x=x)
    small = tmp_path / "small.onnx"
    winnow("apply", "weight-only-quantization", path, "-o", small)
    # Optimized, ONNX Runtime computes products with int8 weights in int8.
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    assert "Sequence" in winnow("inspect", small).stdout
    for model in (path, small):
        onnx.checker.check_model(onnx.load(model), full_check=True)
        winnow("infer", model, "--input", tmp_path / "x.npz", "-o", tmp_path / "y.npz")
        expected = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
        np.testing.assert_allclose(np.load(tmp_path / "y.npz")["y"], expected, rtol=1e-4, atol=1e-3)
