"""A model with an operator that Winnow doesn't know: everything but running it works."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper


@pytest.fixture
def model(tmp_path):
    """MatMul, an operator of nobody's domain with attributes of every kind, one a graph that reads a tensor around, MatMul."""
    weights = np.random.default_rng(0).normal(size=(2, 64, 64)).astype(np.float32)
    inner = helper.make_graph(
        [helper.make_node("Add", ["h", "seen"], ["sum"], name="inner")], "inner", [], [helper.make_tensor_value_info("sum", TensorProto.FLOAT, None)]
    )
    odd = helper.make_node(
        "Oddity", ["h"], ["g", "extra"], name="odd", domain="org.nobody", strength=0.5, labels=["a", "b"], sizes=[1, 2],
        table=numpy_helper.from_array(np.arange(3), "a named table"),
        tables=[numpy_helper.from_array(np.arange(2), name) for name in ("one", "two")],
        kind=helper.make_tensor_type_proto(TensorProto.FLOAT16, [2]), code=b"\xff\x00", inner=inner, inners=[inner, inner],
    )
    nodes = [helper.make_node("MatMul", ["x", "w0"], ["h"], name="first"), odd, helper.make_node("MatMul", ["g", "w1"], ["y"], name="last")]
    graph = helper.make_graph(
        nodes, "odd", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 64])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 64])],
        [numpy_helper.from_array(weights[index], f"w{index}") for index in range(2)] + [numpy_helper.from_array(weights[0, 0], "seen")],
    )
    path = tmp_path / "odd.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("org.nobody", 3)], ir_version=8), path)
    return path


def test_prints(winnow, model):
    assert "Oddity" in winnow("inspect", model).stdout


@pytest.mark.parametrize("method", ["weight-only-quantization", "magnitude-pruning", "palettization"])
def test_takes_weight_only_passes(winnow, model, tmp_path, method):
    winnow("apply", method, model, "-o", tmp_path / "small.onnx")
    old, new = onnx.load(model), onnx.load(tmp_path / "small.onnx")
    kept = next(node for node in new.graph.node if node.op_type == "Oddity")
    before = next(node for node in old.graph.node if node.op_type == "Oddity")
    for node in (before, kept):
        node.attribute.sort(key=lambda attribute: attribute.name)
    assert kept == before
    seen = next(tensor for tensor in new.graph.initializer if tensor.name == "seen")
    assert np.array_equal(numpy_helper.to_array(seen), numpy_helper.to_array(old.graph.initializer[2]))
    assert {entry.domain: entry.version for entry in new.opset_import}["org.nobody"] == 3
    changed = [numpy_helper.to_array(tensor) for tensor in new.graph.initializer if tensor.name == "w0"]
    assert not changed or not np.array_equal(changed[0], numpy_helper.to_array(old.graph.initializer[0]))


def test_running_names_operator_node_and_opset(winnow, model, tmp_path):
    np.savez(tmp_path / "x.npz", x=np.zeros((1, 64), np.float32))
    result = winnow("infer", model, "--input", tmp_path / "x.npz", "-o", tmp_path / "y.npz", check=False)
    assert result.returncode != 0
    for word in ("org.nobody.Oddity", "odd", "opset 3"):
        assert word in result.stderr
