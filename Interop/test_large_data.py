"""Data that do not fit into the memory they may take are read while they are needed, and everything comes out the same."""

import json
import struct
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest

from test_data import png

SIDE = 96
COUNT = 1600
CLASSES = 3


def network(path):
    """A small convolutional classifier of pictures."""
    rng = np.random.default_rng(3)

    def constant(name, *shape):
        scale = np.sqrt(2 / np.prod(shape[1:]))
        return onnx.numpy_helper.from_array((scale * rng.standard_normal(shape)).astype(np.float32), name)

    nodes = [
        onnx.helper.make_node("Conv", ["x", "w1"], ["c1"], kernel_shape=[3, 3], strides=[4, 4]),
        onnx.helper.make_node("Relu", ["c1"], ["r1"]),
        onnx.helper.make_node("GlobalAveragePool", ["r1"], ["p"]),
        onnx.helper.make_node("Flatten", ["p"], ["f"]),
        onnx.helper.make_node("Gemm", ["f", "w2"], ["y"], transB=1),
    ]
    graph = onnx.helper.make_graph(
        nodes,
        "pictures",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["N", 3, SIDE, SIDE])],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["N", CLASSES])],
        [constant("w1", 8, 3, 3, 3), constant("w2", CLASSES, 8)],
    )
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(7)
    labels = np.arange(COUNT) % CLASSES
    images = rng.integers(0, 120, (COUNT, SIDE, SIDE), dtype=np.uint8)
    images += (50 * labels).astype(np.uint8)[:, None, None]
    return images, labels.astype(np.int64)


def as_folder(path, images, labels):
    for number, (image, label) in enumerate(zip(images, labels)):
        (path / str(label)).mkdir(parents=True, exist_ok=True)
        (path / str(label) / f"{number:05}.png").write_bytes(png(image))


def shards(path, images, labels, save):
    path.mkdir()
    x = np.repeat(images[:, None], 3, axis=1) / np.float32(255)
    for start in range(0, len(x), 450):
        save(path / f"{start:05}.npz", x=x[start : start + 450], labels=labels[start : start + 450])


def as_shards(path, images, labels):
    shards(path, images, labels, np.savez)


def as_compressed_shards(path, images, labels):
    shards(path, images, labels, np.savez_compressed)


def as_safetensors(path, images, labels):
    x = np.repeat(images[:, None], 3, axis=1) / np.float32(255)
    header = json.dumps(
        {
            "labels": {"dtype": "I64", "shape": labels.shape, "data_offsets": [0, labels.nbytes]},
            "x": {"dtype": "F32", "shape": x.shape, "data_offsets": [labels.nbytes, labels.nbytes + x.nbytes]},
        }
    ).encode()
    path.with_suffix(".safetensors").write_bytes(struct.pack("<Q", len(header)) + header + labels.tobytes() + x.tobytes())


# The memory of the process that starts another counts as the other's, so a small one stands between.
MEASURING = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL).returncode
print("peak", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""


def peak(winnow_path, *arguments):
    """Runs `winnow` and gives the most memory it had, in MiB."""
    result = subprocess.run([sys.executable, "-c", MEASURING, winnow_path, *map(str, arguments)], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return int(result.stdout.split("peak")[1]) / 1024


@pytest.mark.parametrize("write", [as_folder, as_shards, as_compressed_shards, as_safetensors])
def test_training_reads_what_does_not_fit(write, winnow_path, pictures, tmp_path):
    """Pictures of 42 MiB, arrays of 169 MiB: with two fifths of that to take, the same model comes out, in less memory."""
    model = network(tmp_path / "m.onnx")
    source = tmp_path / "data"
    source.mkdir()
    images, labels = pictures
    write(source / "train", images[60:], labels[60:])
    write(source / "validation", images[:60], labels[:60])
    size = COUNT * 3 * SIDE * SIDE * (1 if write is as_folder else 4) / 2**20
    results = {}
    for name, memory in [("all", "4G"), ("part", f"{int(size * 2 / 5)}M")]:
        results[name] = peak(
            winnow_path, "train", model, "-o", tmp_path / f"{name}.onnx", "--data", source, "--epochs", "2", "--batch-size", "16",
            "--augment", "crop=4", "--memory", memory, "--threads", "1",
        )
    assert (tmp_path / "all.onnx").read_bytes() == (tmp_path / "part.onnx").read_bytes()
    assert results["part"] < results["all"] - size / 3, results
    session = onnxruntime.InferenceSession(tmp_path / "part.onnx", providers=["CPUExecutionProvider"])
    assert session.run(None, {"x": np.zeros((2, 3, SIDE, SIDE), np.float32)})[0].shape == (2, CLASSES)


def test_a_stopped_run_goes_on(winnow_path, winnow, pictures, tmp_path):
    """What is read as it is needed is resumed exactly, and evaluated and calibrated alike."""
    model = network(tmp_path / "m.onnx")
    source = tmp_path / "pictures"
    as_folder(source, *pictures)
    common = ["--data", source, "--epochs", "40", "--batch-size", "16", "--threads", "1"]
    winnow("train", model, "-o", tmp_path / "whole.onnx", *common)
    limited = [*common, "--memory", "40M"]
    process = subprocess.Popen([winnow_path, "train", model, "-o", tmp_path / "part.onnx", *map(str, limited)], stdout=subprocess.PIPE)
    try:
        process.wait(timeout=3)
    except subprocess.TimeoutExpired:
        process.terminate()
        process.wait()
    assert process.returncode != 0, "the run was over before it could be stopped"
    winnow("train", model, "-o", tmp_path / "part.onnx", *limited)
    assert (tmp_path / "whole.onnx").read_bytes() == (tmp_path / "part.onnx").read_bytes()
    outputs = [winnow("evaluate", model, "--data", source, *memory).stdout for memory in ([], ["--memory", "40M"])]
    assert [line for line in outputs[0].splitlines() if "top-1" in line] == [line for line in outputs[1].splitlines() if "top-1" in line]
    for name, memory in [("a", []), ("b", ["--memory", "40M"])]:
        winnow("apply", "static-quantization", model, "-o", tmp_path / f"{name}.onnx", "--data", source, *memory)
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()


def test_a_picture_that_goes_is_named(winnow, pictures, tmp_path):
    source = tmp_path / "pictures"
    as_folder(source, *(part[:90] for part in pictures))
    broken = sorted((source / "1").iterdir())[3]
    broken.write_bytes(broken.read_bytes()[:200])
    result = winnow("evaluate", network(tmp_path / "m.onnx"), "--data", source, "--memory", "2M", check=False)
    assert result.returncode == 1 and broken.name in result.stderr and len(result.stderr.strip().splitlines()) <= 2
