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
