"""Models whose weights are float16 or float64 are trained, and stay what they are."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

FEATURES, CLASSES, COUNT = 16, 4, 512


def write(path, kind, dtype):
    random = np.random.default_rng(4)
    first = random.standard_normal((FEATURES, 24)) / 4
    first.reshape(-1)[::5] = 0
    constants = {"w1": first, "b1": np.zeros(24) + 0.01, "w2": random.standard_normal((24, CLASSES)) / 5}
    nodes = [
        helper.make_node("MatMul", ["x", "w1"], ["a"]),
        helper.make_node("Add", ["a", "b1"], ["b"]),
        helper.make_node("Relu", ["b"], ["c"]),
        helper.make_node("MatMul", ["c", "w2"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes,
        "perceptron",
        [helper.make_tensor_value_info("x", kind, ["n", FEATURES])],
        [helper.make_tensor_value_info("scores", kind, ["n", CLASSES])],
        [numpy_helper.from_array(value.astype(dtype), name) for name, value in constants.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def accuracy(path, x, labels):
    (scores,) = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, {"x": x})
    return (scores.argmax(1) == labels).mean()


def weights(path):
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer}


@pytest.fixture
def data(tmp_path):
    random = np.random.default_rng(5)
    x = random.standard_normal((COUNT, FEATURES)).astype(np.float32)
    labels = (x @ random.standard_normal((FEATURES, CLASSES))).argmax(1)
    np.savez(tmp_path / "data.npz", x=x, labels=labels)
    return x, labels


@pytest.mark.parametrize("kind, dtype", [(TensorProto.FLOAT16, np.float16), (TensorProto.DOUBLE, np.float64)], ids=["float16", "float64"])
def test_weights_are_trained_in_their_type(winnow, tmp_path, data, kind, dtype):
    x, labels = data
    model, result, student = (tmp_path / f"{name}.onnx" for name in ("model", "result", "student"))
    write(model, kind, dtype)
    settings = ["--data", tmp_path / "data.npz", "--epochs", 20, "--set", "batch-size=32", "--set", "learning-rate=0.01"]
    winnow("finetune", model, "-o", result, *settings)
    before, after = weights(model), weights(result)
    assert all(value.dtype == dtype and np.isfinite(value).all() for value in after.values())
    assert before.keys() == after.keys() and all((before[name] != after[name]).any() for name in before)
    assert (after["w1"][before["w1"] == 0] == 0).all()
    assert [node.op_type for node in onnx.load(result).graph.node] == [node.op_type for node in onnx.load(model).graph.node]
    x = x.astype(dtype)
    assert accuracy(model, x, labels) < 0.5 < 0.8 < accuracy(result, x, labels)
    # As a student of what it has become, from where it began.
    winnow("distill", model, "--teacher", result, "-o", student, *settings)
    assert all(value.dtype == dtype for value in weights(student).values())
    assert accuracy(student, x, labels) > 0.8


def test_numbers_that_are_no_parameters_stay_so(winnow, tmp_path, data):
    """What a file has as a Constant node beside stored weights is not trained, in half precision either."""
    path, half, trained = tmp_path / "model.onnx", tmp_path / "half.onnx", tmp_path / "trained.onnx"
    write(path, TensorProto.FLOAT, np.float32)
    model = onnx.load(path)
    mean = numpy_helper.from_array(np.linspace(0.1, 0.3, FEATURES).astype(np.float32), "mean")
    model.graph.node.insert(0, helper.make_node("Constant", [], ["mean"], value=mean))
    model.graph.node.insert(1, helper.make_node("Sub", ["x", "mean"], ["centred"]))
    model.graph.node[2].input[0] = "centred"
    onnx.save(model, path)
    winnow("apply", "float16-conversion", path, "-o", half)
    winnow("finetune", half, "-o", trained, "--data", tmp_path / "data.npz", "--epochs", "2", "--learning-rate", "0.01")
    before, after = weights(half), weights(trained)
    assert sorted(before) == sorted(after)
    constants = [name for name, value in before.items() if value.shape == (FEATURES,)]
    assert constants and all((before[name] == after[name]).all() for name in constants)
    assert any((before[name] != after[name]).any() for name in before)
