"""Structured pruning of a residual network: channels that are gone compute what channels of zeros compute."""


import numpy as np
import onnx
import pytest

from runtimes import logits, test_split


@pytest.fixture(scope="module")
def networks(winnow, data_folder, tmp_path_factory):
    """ResNet-20 after a little training, with half its channels set to zero, and with them removed."""
    folder = tmp_path_factory.mktemp("structured")
    images, labels = test_split(data_folder)
    np.savez(folder / "data.npz", input=images[:512].reshape(-1, 1, 28, 28), labels=labels[:512])
    winnow("new", "resnet-20", "-o", folder / "start.onnx")
    winnow("train", folder / "start.onnx", "-o", folder / "dense.onnx", "--data", folder / "data.npz", "--epochs", 2)
    for name, removes in (("masked", "false"), ("shrunk", "true")):
        winnow(
            "apply", "structured-pruning", folder / "dense.onnx", "-o", folder / f"{name}.onnx",
            "--set", "sparsity=0.5", "--set", f"remove={removes}",
        )  # fmt: skip
    return folder


def test_masked_and_shrunk_agree(networks, winnow, data_folder):
    images = test_split(data_folder)[0][:128].reshape(-1, 1, 28, 28)
    np.savez(networks / "x.npz", input=images)
    outputs = {}
    for name in ("dense", "masked", "shrunk"):
        winnow("infer", networks / f"{name}.onnx", "--input", networks / "x.npz", "-o", networks / "y.npz")
        outputs[name] = np.load(networks / "y.npz")["logits"]
    scale = np.abs(outputs["masked"]).max()
    assert np.abs(outputs["masked"] - outputs["shrunk"]).max() <= 1e-5 * scale
    assert np.abs(outputs["masked"] - outputs["dense"]).max() > 1e-2 * scale
    theirs = logits(networks / "shrunk.onnx", images)
    assert np.abs(theirs - outputs["shrunk"]).max() <= 1e-4 * scale


def test_shrunk_is_a_quarter(networks):
    onnx.checker.check_model(str(networks / "shrunk.onnx"), full_check=True)
    assert (networks / "shrunk.onnx").stat().st_size < 0.3 * (networks / "dense.onnx").stat().st_size
