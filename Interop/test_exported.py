"""Networks exported from torch: their outputs equal ONNX Runtime's, before and after compression."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import onnx  # noqa: E402
import onnxruntime  # noqa: E402
from exported_networks import NETWORKS, export, samples  # noqa: E402

COMPRESSED = ["resnet-18", "mobilenet-v2", "vit-tiny"]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The path of a network, exported once."""
    folder = tmp_path_factory.mktemp("exported")

    def path(name: str) -> Path:
        file = folder / f"{name}.onnx"
        if not file.exists():
            export(name, file)
        return file

    return path


def difference(winnow, model: Path, arrays: dict[str, np.ndarray], folder: Path) -> float:
    """The largest difference of an output between winnow and onnxruntime, relative to that output's range."""
    np.savez(folder / "x.npz", **arrays)
    winnow("infer", model, "--input", folder / "x.npz", "-o", folder / "y.npz")
    ours = np.load(folder / "y.npz")
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    errors = []
    for entry, theirs in zip(session.get_outputs(), session.run(None, arrays)):
        assert ours[entry.name].shape == theirs.shape and np.ptp(theirs) > 0
        errors.append(float(np.abs(ours[entry.name] - theirs).max() / np.ptp(theirs)))
    return max(errors)


def arrays(name: str, count: int = 2) -> dict[str, np.ndarray]:
    return {key: value.numpy() for key, value in samples(name, count).items()}


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("name", NETWORKS)
def test_outputs_equal_onnxruntimes(winnow, exported, tmp_path, name, count):
    assert difference(winnow, exported(name), arrays(name, count), tmp_path) <= 1e-4


@pytest.mark.parametrize("name", COMPRESSED)
def test_pruned_networks(winnow, exported, tmp_path, name):
    small = tmp_path / "small.onnx"
    winnow("apply", "structured-pruning", exported(name), "-o", small, "--set", "sparsity=0.3")
    onnx.checker.check_model(str(small), full_check=True)
    assert small.stat().st_size < 0.9 * exported(name).stat().st_size
    assert difference(winnow, small, arrays(name), tmp_path) <= 1e-4


@pytest.mark.parametrize("name", COMPRESSED)
def test_quantized_networks(winnow, exported, tmp_path, name):
    small = tmp_path / "small.onnx"
    np.savez(tmp_path / "calibration.npz", **arrays(name, 16))
    winnow("apply", "static-quantization", exported(name), "-o", small, "--data", tmp_path / "calibration.npz")
    onnx.checker.check_model(str(small), full_check=True)
    assert small.stat().st_size < 0.4 * exported(name).stat().st_size
    assert difference(winnow, small, arrays(name), tmp_path) <= 0.05
