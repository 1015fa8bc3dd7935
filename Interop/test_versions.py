"""Operator sets that are raised: everything in a model, the bodies of its control flow too, takes the newer form."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL


def value(name, kind=FLOAT, shape=None):
    return helper.make_tensor_value_info(name, kind, shape)


def outdated(inputs, prefix):
    """Nodes whose attributes became inputs or changed their meaning after operator set 11; all without names."""
    return [
        helper.make_node("Unsqueeze", [inputs], [f"{prefix}0"], axes=[0]),
        helper.make_node("ReduceSum", [f"{prefix}0"], [f"{prefix}1"], axes=[1], keepdims=1),
        helper.make_node("Squeeze", [f"{prefix}1"], [f"{prefix}2"], axes=[0]),
        helper.make_node("Softmax", [inputs], [f"{prefix}3"], axis=0),
        helper.make_node("Dropout", [f"{prefix}3"], [f"{prefix}4"], ratio=0.3),
        helper.make_node("Add", [f"{prefix}2", f"{prefix}4"], [f"{prefix}5"]),
    ]


def branching():
    """If in If; both read a value around them."""
    inner = [helper.make_graph(outdated("h", name), name, [], [value(f"{name}5")]) for name in ("a", "b")]
    deep = helper.make_node("If", ["low"], ["c5"], then_branch=inner[0], else_branch=inner[1])
    branches = [
        helper.make_graph([deep], "deep", [], [value("c5")]),
        helper.make_graph(outdated("h", "d"), "plain", [], [value("d5")]),
    ]
    return [helper.make_node("If", ["high"], ["z"], then_branch=branches[0], else_branch=branches[1])]


def looping():
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), *outdated("state", "l")], "body",
        [value("step", INT64, []), value("go", BOOL, []), value("state", FLOAT, [None, 64])],
        [value("on", BOOL, []), value("l5", FLOAT, [None, 64])],
    )
    return [helper.make_node("Loop", ["three", "", "h"], ["z"], body=body)]


def scanning():
    body = helper.make_graph(
        [*outdated("state", "s"), helper.make_node("ReduceMax", ["row"], ["top"], axes=[0], keepdims=0), helper.make_node("Add", ["s5", "top"], ["s6"])],
        "body", [value("state", FLOAT, [None, 64]), value("row", FLOAT, [64])], [value("s6", FLOAT, [None, 64])],
    )
    return [helper.make_node("Scan", ["h", "h"], ["z"], body=body, num_scan_inputs=1)]


@pytest.mark.parametrize("control", [branching, looping, scanning])
def test_bodies_follow_a_raised_operator_set(winnow, tmp_path, control):
    random = np.random.default_rng(0)
    weight = random.normal(size=(64, 64)).astype(np.float32)
    nodes = [helper.make_node("MatMul", ["x", "w"], ["h"]), *control(), *outdated("z", "y")]
    graph = helper.make_graph(
        nodes, "old", [value("x", FLOAT, ["N", 64]), value("high", BOOL, []), value("low", BOOL, [])], [value("y5", FLOAT, ["N", 64])],
        [numpy_helper.from_array(weight, "w"), numpy_helper.from_array(np.array(3), "three")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=6)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, tmp_path / "old.onnx")
    winnow("apply", "weight-only-quantization", tmp_path / "old.onnx", "--set", "bits=4", "--set", "per-channel=true", "-o", tmp_path / "new.onnx")
    new = onnx.load(tmp_path / "new.onnx")
    assert {entry.domain: entry.version for entry in new.opset_import}[""] >= 21
    onnx.checker.check_model(new, full_check=True)
    # The old model with the weights that the new one has.
    codes = {tensor.name: numpy_helper.to_array(tensor) for tensor in new.graph.initializer}
    kept = next(node for node in new.graph.node if node.op_type == "DequantizeLinear")
    numbers, scale = codes[kept.input[0]].astype(np.float32), codes[kept.input[1]]
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array((numbers * scale).astype(np.float32), "w"))
    # Optimized, it computes products with int4 weights in int8.
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    old_session, new_session = (
        onnxruntime.InferenceSession(each.SerializeToString(), options, providers=["CPUExecutionProvider"]) for each in (model, new)
    )
    for high in (True, False):
        for low in (True, False):
            inputs = {"x": random.normal(size=(2, 64)).astype(np.float32), "high": np.array(high), "low": np.array(low)}
            inputs = {name: array for name, array in inputs.items() if name in {entry.name for entry in new_session.get_inputs()}}
            expected, found = old_session.run(None, inputs)[0], new_session.run(None, inputs)[0]
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_the_first_operator_set_is_raised(winnow, tmp_path):
    """Reshape had its shape, and GlobalLpPool a float, as attributes; weights of few bits need a newer set."""
    random = np.random.default_rng(2)
    weight = random.normal(size=(64, 18)).astype(np.float32)
    nodes = [
        helper.make_node("Reshape", ["x"], ["a"], shape=[2, 2, 3, 3]), helper.make_node("Reshape", ["a"], ["b"], shape=[0, -1]),
        helper.make_node("Gemm", ["b", "w", "c"], ["y"], transB=1, broadcast=1), helper.make_node("GlobalLpPool", ["a"], ["z"], p=2.0),
    ]  # fmt: skip
    graph = helper.make_graph(
        nodes, "old", [value("x", FLOAT, [2, 18])], [value("y", FLOAT, [2, 64]), value("z", FLOAT, [2, 2, 1, 1])],
        [numpy_helper.from_array(weight, "w"), numpy_helper.from_array(np.zeros(64, np.float32), "c")],
    )
    graph.input.extend([value("w", FLOAT, [64, 18]), value("c", FLOAT, [64])])
    path, coded = tmp_path / "old.onnx", tmp_path / "coded.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 1)], ir_version=3), path)
    x = random.normal(size=(2, 18)).astype(np.float32)
    np.savez(tmp_path / "x.npz", x=x)
    winnow("infer", path, "--input", tmp_path / "x.npz", "-o", tmp_path / "y.npz")
    found = np.load(tmp_path / "y.npz")
    np.testing.assert_allclose(found["y"], x @ weight.T, atol=1e-5)
    np.testing.assert_allclose(found["z"][..., 0, 0], np.sqrt((x.reshape(2, 2, 9) ** 2).sum(-1)), rtol=1e-5)
    winnow("apply", "fold-constants", path, "-o", tmp_path / "folded.onnx", "--set", "defaults=true")
    winnow("apply", "weight-only-quantization", tmp_path / "folded.onnx", "-o", coded)
    onnx.checker.check_model(onnx.load(coded), full_check=True)
    for level in (onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL, onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL):
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = level
        session = onnxruntime.InferenceSession(coded, options, providers=["CPUExecutionProvider"])
        np.testing.assert_allclose(session.run(["y"], {"x": x})[0], x @ weight.T, atol=0.1)
