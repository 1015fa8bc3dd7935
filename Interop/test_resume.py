"""Work that is stopped, politely or not, goes on where it was and ends with the bytes of an undisturbed run."""

import os
import signal
import subprocess
import time

import numpy as np
import pytest

RECIPE = """
version: 1
steps:
  - iterative-pruning:
      max-drop: 50
      sparsities: [0.5, 0.7, 0.8]
      finetune: { epochs: 2 }
  - save: pruned
  - finetune: { epochs: 2 }
  - static-quantization
"""


@pytest.fixture(scope="module")
def job(winnow, tmp_path_factory):
    """A small network with data, and what undisturbed runs of training and of a recipe write."""
    folder = tmp_path_factory.mktemp("resume")
    random = np.random.default_rng(0)
    images = random.standard_normal((8_000, 128)).astype(np.float32)
    labels = (images[:, :10] + 0.5 * images[:, 10:20]).argmax(1)
    np.savez(folder / "data.npz", input=images, labels=labels)
    (folder / "recipe.yaml").write_text(RECIPE)
    winnow("new", "mlp", "--widths", "128,256,128,10", "-o", folder / "start.onnx")
    winnow(*training(folder, folder / "trained.onnx"))
    winnow(*compression(folder, folder / "small.onnx"))
    return folder


def training(job, output):
    return ["train", job / "start.onnx", "-o", output, "--data", job / "data.npz", "--epochs", 5]


def compression(job, output):
    return ["run", job / "recipe.yaml", job / "trained.onnx", "-o", output, "--data", job / "data.npz"]


def disturbed(program, arguments, number, delays):
    """Starts the command, sends it `number` after each delay in turn, and at last lets it end; how often it was stopped."""
    stops = 0
    for delay in [*delays, None]:
        process = subprocess.Popen([program, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        if delay is not None:
            time.sleep(delay)
            process.send_signal(number)
        _, message = process.communicate()
        if process.returncode == 0:
            return stops
        stops += 1
        if number == signal.SIGTERM:
            assert process.returncode == 128 + number, message
            assert b"again" in message
    raise AssertionError(message)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
@pytest.mark.parametrize("work, undisturbed", [(training, "trained.onnx"), (compression, "small.onnx")])
def test_stopped_work_goes_on(job, winnow_path, tmp_path, number, work, undisturbed):
    output = tmp_path / "out.onnx"
    start = time.monotonic()
    subprocess.run([winnow_path, *map(str, work(job, tmp_path / "timed.onnx"))], check=True, capture_output=True)
    whole = time.monotonic() - start
    stops = disturbed(winnow_path, work(job, output), number, [whole * part for part in (0.3, 0.5, 0.7)])
    assert stops > 0
    assert output.read_bytes() == (job / undisturbed).read_bytes()
    assert not [path for path in os.listdir(tmp_path) if path.endswith((".checkpoint", ".part", ".tmp"))]
