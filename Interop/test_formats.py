"""The files Winnow writes, as the reference implementations of their formats see them."""

import numpy as np
import onnx
import onnxruntime
import pytest

ARCHITECTURES = ["lenet-300-100", "lenet-5", "resnet-20"]


@pytest.fixture(scope="module", params=ARCHITECTURES)
def model(request, winnow, tmp_path_factory):
    """A new model's file."""
    path = tmp_path_factory.mktemp("formats") / f"{request.param}.onnx"
    winnow("new", request.param, "-o", path)
    return path


def sample(path, count=2):
    """Random values for the model's only input."""
    (value,) = onnx.load(path).graph.input
    extents = [d.dim_value or count for d in value.type.tensor_type.shape.dim]
    return value.name, np.random.default_rng(1).standard_normal(extents).astype(np.float32)


def test_models_pass_the_checker_and_its_type_inference(model):
    onnx.checker.check_model(str(model), full_check=True)


def test_declared_types_are_the_inferred_ones(model):
    loaded = onnx.load(model)
    declared = {v.name: v.type for v in [*loaded.graph.value_info, *loaded.graph.output]}
    del loaded.graph.value_info[:]
    inferred = onnx.shape_inference.infer_shapes(loaded, strict_mode=True, data_prop=True)
    assert declared
    for value in inferred.graph.value_info:
        ours, theirs = declared[value.name].tensor_type, value.type.tensor_type
        assert ours.elem_type == theirs.elem_type
        for a, b in zip(ours.shape.dim, theirs.shape.dim, strict=True):
            assert not b.HasField("dim_value") or a.dim_value == b.dim_value, value.name


def test_arrays_travel_both_ways_and_results_agree(model, winnow, tmp_path):
    name, x = sample(model)
    np.savez_compressed(tmp_path / "x.npz", **{name: x})
    winnow("infer", model, "--input", tmp_path / "x.npz", "-o", tmp_path / "y.npz")
    ours = np.load(tmp_path / "y.npz")
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    outputs = [output.name for output in session.get_outputs()]
    assert sorted(ours.files) == sorted(outputs)
    for output, theirs in zip(outputs, session.run(None, {name: x})):
        np.testing.assert_allclose(ours[output], theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("opset, version", [(11, 6), (17, 8), (21, 10), (23, 11)])
def test_numbers_among_the_nodes_stay_known_as_such(winnow, tmp_path, opset, version):
    """They become initializers, whose metadata no older file has and no reader minds."""
    generator = np.random.default_rng(2)
    weight, scale = (generator.normal(size=shape).astype(np.float32) for shape in [(6, 4), (4,)])
    nodes = [
        onnx.helper.make_node("MatMul", ["x", "weight"], ["h"]),
        onnx.helper.make_node("Constant", [], ["scale"], value=onnx.numpy_helper.from_array(scale)),
        onnx.helper.make_node("Mul", ["h", "scale"], ["y"]),
    ]
    values = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", width]) for name, width in [("x", 6), ("y", 4)]]
    graph = onnx.helper.make_graph(nodes, "scaled", values[:1], values[1:], [onnx.numpy_helper.from_array(weight, "weight")])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)], ir_version=version)
    x = generator.normal(size=(16, 6)).astype(np.float32)
    y = x @ weight * scale
    onnx.save(model, tmp_path / "model.onnx")
    np.savez(tmp_path / "data.npz", x=x, target=y + 1)
    path, objective = tmp_path / "trained.onnx", "objective=[{loss: mse, output: y, target: target}]"
    winnow("finetune", tmp_path / "model.onnx", "-o", path, "--data", tmp_path / "data.npz", "--epochs", "2", "--set", objective)
    onnx.checker.check_model(str(path), full_check=True)
    written = onnx.load(path)
    stored = {tensor.name: tensor for tensor in written.graph.initializer}
    (kept,) = [tensor for tensor in stored.values() if np.array_equal(onnx.numpy_helper.to_array(tensor), scale)]
    assert [(entry.key, entry.value) for entry in kept.metadata_props] == [("winnow.role", "constant")]
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    trained = next(onnx.numpy_helper.to_array(tensor) for tensor in stored.values() if list(tensor.dims) == [6, 4])
    assert not np.array_equal(trained, weight)
    np.testing.assert_allclose(session.run(None, {"x": x})[0], x @ trained * scale, rtol=1e-5, atol=1e-5)
