"""The files of the main job and a shrunk residual network in OpenVINO."""

import numpy as np
import pytest

from runtimes import logits, test_split

openvino = pytest.importorskip("openvino")


def outputs(path, images):
    """The first output for all images at once."""
    model = openvino.Core().read_model(path)
    name = model.inputs[0].get_any_name()
    shape = [-1] + [extent.get_length() for extent in list(model.inputs[0].partial_shape)[1:]]
    # Without the hint OpenVINO computes in bfloat16 where the processor has it.
    compiled = openvino.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return compiled({name: images.reshape(shape)})[0]


@pytest.mark.parametrize("network", ["lenet-300-100", "lenet-5", "resnet-20"])
def test_outputs_equal_onnxruntimes(winnow, data_folder, tmp_path, network):
    images, labels = test_split(data_folder)
    np.savez(tmp_path / "data.npz", **{"input": shaped(network, images[:512]), "labels": labels[:512]})
    winnow("new", network, "-o", tmp_path / "start.onnx")
    winnow("train", tmp_path / "start.onnx", "-o", tmp_path / "dense.onnx", "--data", tmp_path / "data.npz", "--epochs", 3)
    for name, step in (("shrunk", "structured-pruning"), ("int8", "static-quantization"), ("dynamic", "dynamic-quantization")):
        winnow("apply", step, tmp_path / "dense.onnx", "-o", tmp_path / f"{name}.onnx", "--data", tmp_path / "data.npz")
    # A rounding on an edge moves an activation by a step, which the layers behind it carry on.
    for name, tolerance in (("dense", 1e-4), ("shrunk", 1e-4), ("int8", 0.05), ("dynamic", 0.05)):
        path = tmp_path / f"{name}.onnx"
        theirs, others = outputs(path, shaped(network, images[:64])), logits(path, images[:64])
        assert np.abs(theirs - others).max() <= tolerance * np.abs(others).max(), name


def shaped(network, images):
    return images.reshape(-1, 784) if network == "lenet-300-100" else images.reshape(-1, 1, 28, 28)
