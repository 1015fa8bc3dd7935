"""SparseGPT moves the outputs of every layer of a published model less than magnitude does, and 2:4 is what it says."""

import numpy as np
import onnx
import pytest
from layer_errors import layer_errors
from onnx import numpy_helper

MODEL = "magika/models/standard_v3_3/model.onnx"


def first_and_last_bytes(paths) -> np.ndarray:
    """Files as Magika reads them: their first and last 1024 bytes."""
    contents = (path.read_bytes() for path in paths)
    return np.stack([np.frombuffer(c[:1024] + c[-1024:], np.uint8) for c in contents if len(c) > 2048]).astype(np.int32)


@pytest.mark.parametrize("pattern", ["unstructured", "2:4"])
def test_sparsegpt_beats_magnitude_on_every_layer(models, root, winnow, tmp_path, pattern):
    samples = first_and_last_bytes(sorted((root / "Sources").rglob("*.swift")) + sorted((root / "Interop").glob("*.py")))
    np.savez(tmp_path / "calibration.npz", bytes=samples[::2])
    errors = {}
    for importance in ("magnitude", "sparsegpt"):
        out = tmp_path / f"{importance}.onnx"
        settings = [part for setting in (f"importance={importance}", f"pattern={pattern}") for part in ("--set", setting)]
        winnow("apply", "magnitude-pruning", models / MODEL, "-o", out, "--data", tmp_path / "calibration.npz", *settings)
        errors[importance] = layer_errors(models / MODEL, out, {"bytes": samples[1::2][:32]})
    assert errors["magnitude"].keys() == errors["sparsegpt"].keys() and len(errors["magnitude"]) >= 2
    for layer, error in errors["sparsegpt"].items():
        assert error < errors["magnitude"][layer], layer
    if pattern == "2:4":
        dense = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(tmp_path / "sparsegpt.onnx").graph.initializer}
        for layer in errors["sparsegpt"]:
            weight = dense[layer] if dense[layer].ndim > 2 else dense[layer].T[:, :, None, None]
            groups = weight.reshape(weight.shape[0], -1, 4, *weight.shape[2:])
            assert ((groups != 0).sum(axis=2) <= 2).all(), layer
