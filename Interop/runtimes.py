"""ONNX Runtime as an oracle: accuracy on Fashion-MNIST, and which nodes run as which kernels."""

import gzip
from pathlib import Path

import numpy as np
import onnx
import onnxruntime


def read_idx(path: Path) -> np.ndarray:
    """The array of a gzipped IDX file of bytes."""
    data = gzip.decompress(path.read_bytes())
    rank = data[3]
    shape = [int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(rank)]
    return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape)


def test_split(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """The 10,000 test images as floats in [0, 1], and their labels."""
    images = read_idx(folder / "t10k-images-idx3-ubyte.gz").astype(np.float32) * np.float32(1 / 255)
    return images, read_idx(folder / "t10k-labels-idx1-ubyte.gz").astype(np.int64)


test_split.__test__ = False


def session(path: Path, optimized: Path | None = None) -> onnxruntime.InferenceSession:
    """A session on the CPU; `optimized` receives the graph as ONNX Runtime executes it."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if optimized is not None:
        options.optimized_model_filepath = str(optimized)
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def logits(path: Path, images: np.ndarray) -> np.ndarray:
    """The model's first output for all images, in batches of 500."""
    runtime = session(path)
    entry = runtime.get_inputs()[0]
    shape = [-1] + [extent for extent in entry.shape[1:]]
    batches = [images[i : i + 500].reshape(shape) for i in range(0, len(images), 500)]
    return np.concatenate([runtime.run(None, {entry.name: batch})[0] for batch in batches])


def top1(path: Path, images: np.ndarray, labels: np.ndarray) -> float:
    return float((logits(path, images).argmax(1) == labels).mean())


def executed_operators(path: Path, scratch: Path) -> list[str]:
    """The operator types of the graph that ONNX Runtime executes after its own optimizations."""
    optimized = scratch / f"{path.stem}.optimized.onnx"
    session(path, optimized)
    return [node.op_type for node in onnx.load(optimized).graph.node]
