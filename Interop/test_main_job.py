"""The main job on a small budget: what Winnow writes must check, run and agree in ONNX Runtime."""

import json

import numpy as np
import onnx
import pytest

from runtimes import executed_operators, logits, test_split, top1

RECIPE = """
version: 1
steps:
  - iterative-pruning:
      max-drop: 3
      sparsities: [0.6, 0.8]
      finetune: { epochs: 1 }
  - save: pruned
  - static-quantization
"""
NETWORKS = ["lenet-300-100", "lenet-5"]


@pytest.fixture(scope="session")
def images_and_labels(data_folder):
    return test_split(data_folder)


@pytest.fixture(scope="session", params=NETWORKS)
def job(request, winnow, tmp_path_factory):
    """A folder with baseline.onnx, pruned.onnx and compressed.onnx of one network."""
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "recipe.yaml").write_text(RECIPE)
    winnow("new", request.param, "-o", folder / "start.onnx", "--seed", 1)
    winnow("train", folder / "start.onnx", "-o", folder / "baseline.onnx", "--data", "fashion-mnist", "--epochs", 1)
    winnow(
        "run", folder / "recipe.yaml", folder / "baseline.onnx", "-o", folder / "compressed.onnx",
        "--data", "fashion-mnist", "--report", folder / "report.html", "--seed", 1,
    )  # fmt: skip
    return folder


@pytest.mark.parametrize("stage", ["baseline", "pruned", "compressed"])
def test_files_pass_the_full_checker(job, stage):
    onnx.checker.check_model(str(job / f"{stage}.onnx"), full_check=True)


@pytest.mark.parametrize("stage, points", [("baseline", 0.02), ("pruned", 0.02), ("compressed", 0.1)])
def test_accuracy_equals_onnxruntimes(job, winnow, images_and_labels, stage, points):
    path = job / f"{stage}.onnx"
    row = json.loads(winnow("evaluate", path, "--data", "fashion-mnist", "--json").stdout)[0]
    theirs = top1(path, *images_and_labels)
    assert abs(row["top1"] - theirs) * 100 <= points + 1e-9


def test_float_outputs_equal_onnxruntimes(job, winnow, images_and_labels, tmp_path):
    images = images_and_labels[0][:256]
    path = job / "baseline.onnx"
    entry = onnx.load(path).graph.input[0]
    shape = [-1] + [axis.dim_value for axis in entry.type.tensor_type.shape.dim][1:]
    np.savez(tmp_path / "x.npz", **{entry.name: images.reshape(shape)})
    winnow("infer", path, "--input", tmp_path / "x.npz", "-o", tmp_path / "y.npz")
    ours = np.load(tmp_path / "y.npz")["logits"]
    np.testing.assert_allclose(ours, logits(path, images), rtol=1e-4, atol=1e-4)


def test_every_contraction_of_the_int8_file_runs_as_an_integer_kernel(job, tmp_path):
    executed = executed_operators(job / "compressed.onnx", tmp_path)
    floats = [kind for kind in executed if kind in ("Conv", "Gemm", "MatMul", "FusedConv", "FusedGemm", "FusedMatMul")]
    integers = [kind for kind in executed if kind in ("QLinearConv", "QGemm", "QLinearMatMul", "MatMulIntegerToFloat")]
    contractions = [
        node for node in onnx.load(job / "compressed.onnx").graph.node if node.op_type in ("Conv", "Gemm", "MatMul")
    ]
    assert floats == []
    assert len(integers) == len(contractions)


def test_the_same_seed_gives_the_same_bytes(job, winnow, tmp_path):
    winnow(
        "run", job / "recipe.yaml", job / "baseline.onnx", "-o", tmp_path / "compressed.onnx",
        "--data", "fashion-mnist", "--seed", 1,
    )  # fmt: skip
    assert (tmp_path / "compressed.onnx").read_bytes() == (job / "compressed.onnx").read_bytes()


def test_the_report_stands_alone(job):
    page = (job / "report.html").read_text()
    assert "<svg" in page and "http" not in page.replace("http://www.w3.org", "")
    report = json.loads((job / "report.json").read_text())
    assert [model["stage"] for model in report["models"]] == ["baseline", "pruned", "compressed"]
    assert all(step["findings"] for step in report["steps"])
