"""Factors of matrices side by side, of weights of Einsums and of gates: NumPy's truncated singular values, computed by ONNX Runtime."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

RANK = 3
# The equation, which MatMul means too, the shapes of data and weight, and the weight's axes: side by side, outputs, summed over; its place.
PRODUCTS = {
    "experts": ("MatMul", "nbmk,bko->nbmo", (2, 4, 5, 16), (4, 16, 24), ([0], [2], [1]), 1),
    "left": ("MatMul", "bok,nbkm->nbom", (2, 4, 16, 5), (4, 24, 16), ([0], [1], [2]), 0),
    "shared data": ("MatMul", "mk,bko->bmo", (5, 16), (4, 16, 24), ([0], [2], [1]), 1),
    "heads": ("Einsum", "bshd,hdo->bso", (2, 5, 4, 6), (4, 6, 20), ([], [2], [0, 1]), 1),
    "between": ("Einsum", "bshd,hod->bso", (2, 5, 4, 6), (4, 20, 6), ([], [1], [0, 2]), 1),
    "two outputs": ("Einsum", "bsi,ihd->bhsd", (2, 5, 16), (16, 4, 6), ([], [1, 2], [0]), 1),
    "grouped": ("Einsum", "bsgd,gdo->bsgo", (2, 5, 3, 16), (3, 16, 24), ([0], [2], [1]), 1),
    "weight first": ("Einsum", "oi,...i->...o", (2, 5, 16), (24, 16), ([], [0], [1]), 0),
}


def write(path, kind, equation, data, weight, place):
    names = ["w", "x"] if place == 0 else ["x", "w"]
    attributes = {"equation": equation} if kind == "Einsum" else {}
    graph = helper.make_graph(
        [helper.make_node(kind, names, ["y"], name="layer", **attributes)],
        "product",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, data)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(weight, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(onnx.shape_inference.infer_shapes(model), path)


def nearest(weight, roles, rank):
    """The weight with every matrix replaced by the nearest of this rank."""
    order = [axis for axes in roles for axis in axes]
    turned = weight.transpose(order).astype(np.float64)
    rows = int(np.prod([weight.shape[axis] for axis in roles[1]]))
    columns = int(np.prod([weight.shape[axis] for axis in roles[2]]))
    u, s, v = np.linalg.svd(turned.reshape(-1, rows, columns), full_matrices=False)
    product = (u[:, :, :rank] * s[:, None, :rank]) @ v[:, :rank]
    return product.reshape(turned.shape).transpose(np.argsort(order))


def run(path, **feeds):
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, feeds)


@pytest.mark.parametrize("name", PRODUCTS)
def test_factors_are_the_nearest(winnow, tmp_path, name):
    kind, equation, data, shape, roles, place = PRODUCTS[name]
    random = np.random.default_rng(5)
    weight = random.standard_normal(shape).astype(np.float32)
    x = random.standard_normal(data).astype(np.float32)
    write(tmp_path / "model.onnx", kind, equation, data, weight, place)
    winnow("apply", "svd-factorization", tmp_path / "model.onnx", "-o", tmp_path / "factors.onnx", "--set", f"rank={RANK}")
    onnx.checker.check_model(str(tmp_path / "factors.onnx"), full_check=True)
    factors = onnx.load(tmp_path / "factors.onnx").graph
    assert [node.op_type for node in factors.node] == [kind, kind]
    assert sum(int(np.prod(tensor.dims)) for tensor in factors.initializer) < weight.size
    goal = nearest(weight, roles, RANK)
    operands = (goal, x) if place == 0 else (x, goal)
    expected = np.einsum(equation, *operands)
    (found,) = run(tmp_path / "factors.onnx", x=x)
    assert found.shape == expected.shape and np.linalg.norm(found - expected) < 1e-4 * np.linalg.norm(expected)

    winnow("apply", "merge-factors", tmp_path / "factors.onnx", "-o", tmp_path / "merged.onnx", "--set", "always=true")
    merged = onnx.load(tmp_path / "merged.onnx").graph
    assert [(node.op_type, node.name) for node in merged.node] == [(kind, "layer")]
    (initializer,) = merged.initializer
    assert initializer.name == "w" and tuple(initializer.dims) == shape
    assert np.linalg.norm(numpy_helper.to_array(initializer) - goal) < 1e-4 * np.linalg.norm(goal)
    (again,) = run(tmp_path / "merged.onnx", x=x)
    assert np.linalg.norm(again - expected) < 1e-4 * np.linalg.norm(expected)


def test_gates_keep_what_else_they_read(winnow, tmp_path):
    """A bidirectional LSTM with biases, lengths, states and peepholes, whose input weights have the rank that is asked for."""
    random = np.random.default_rng(6)
    hidden, features = 10, 24

    def normal(*shape):
        return random.standard_normal(shape).astype(np.float32)

    w = (normal(8 * hidden, RANK) @ normal(RANK, features)).reshape(2, 4 * hidden, features)
    constants = {"w": w, "r": 0.3 * normal(2, 4 * hidden, hidden), "b": normal(2, 8 * hidden), "p": normal(2, 3 * hidden)}
    node = helper.make_node(
        "LSTM", ["x", "w", "r", "b", "lengths", "h", "c", "p"], ["y", "yh", "yc"], name="lstm", hidden_size=hidden, direction="bidirectional"
    )
    types = {"x": (TensorProto.FLOAT, [5, 3, features]), "lengths": (TensorProto.INT32, [3])}
    types |= {name: (TensorProto.FLOAT, [2, 3, hidden]) for name in "hc"}
    graph = helper.make_graph(
        [node],
        "lstm",
        [helper.make_tensor_value_info(name, *type) for name, type in types.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in node.output],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(onnx.shape_inference.infer_shapes(model), tmp_path / "model.onnx")
    result = winnow(
        "apply", "svd-factorization", tmp_path / "model.onnx", "-o", tmp_path / "factors.onnx", "--set", f"rank={RANK}", "--verbose"
    )
    assert "no other layer fits between" in result.stdout
    assert [node.op_type for node in onnx.load(tmp_path / "factors.onnx").graph.node] == ["MatMul", "LSTM"]
    feeds = {"x": normal(5, 3, features), "lengths": np.array([5, 2, 4], np.int32), "h": normal(2, 3, hidden), "c": normal(2, 3, hidden)}
    for before, after in zip(run(tmp_path / "model.onnx", **feeds), run(tmp_path / "factors.onnx", **feeds), strict=True):
        assert np.linalg.norm(before - after) < 1e-4 * np.linalg.norm(before)
