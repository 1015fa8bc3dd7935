"""Models over 2 GB: mapped in, streamed out, never in memory as a whole.

Takes 8 GB of disk; all cases, which take minutes, run where WINNOW_LARGE is set. Measured is anonymous memory (RssAnon): pages
of mapped files also count as resident, but the system drops them when it needs the room.
"""

import os
import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

COUNT, ROWS, COLUMNS = 24, 8192, 4096
LARGEST = 4 * ROWS * COLUMNS
ALLOWANCE = 64 << 20


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """24 matrices of 128 MiB in a file that is mostly holes."""
    folder = tmp_path_factory.mktemp("large")
    if shutil.disk_usage(folder).free < 8 << 30:
        pytest.skip("less than 8 GB of disk is free")
    head = np.random.default_rng(0).standard_normal(1 << 16).astype(np.float32)
    weights, nodes = [], []
    with open(folder / "weights.bin", "wb") as file:
        for index in range(COUNT):
            weight = TensorProto(name=f"w{index}", data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL)
            weight.dims.extend([ROWS, COLUMNS] if index % 2 == 0 else [COLUMNS, ROWS])
            for key, value in {"location": "weights.bin", "offset": index * LARGEST, "length": LARGEST}.items():
                weight.external_data.add(key=key, value=str(value))
            file.seek(index * LARGEST)
            file.write((head * (index + 1)).tobytes())
            weights.append(weight)
            nodes.append(helper.make_node("MatMul", [f"x{index}", weight.name], [f"x{index + 1}"], f"m{index}"))
        file.truncate(COUNT * LARGEST)
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, ROWS]) for name in ["x0", f"x{COUNT}"]]
    graph = helper.make_graph(nodes, "large", ends[:1], ends[1:], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.save(model, folder / "m.onnx")
    yield folder / "m.onnx", head
    shutil.rmtree(folder)


def peak(program, *arguments) -> int:
    """The most anonymous memory a successful run has at any of its samples, in bytes."""
    process = subprocess.Popen([program, *map(str, arguments)], stdout=subprocess.DEVNULL)
    result = 0
    while process.poll() is None:
        for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
            if line.startswith("RssAnon"):
                result = max(result, int(line.split()[1]) << 10)
        time.sleep(0.01)
    assert process.returncode == 0
    return result


CASES = [
    "weight-only-quantization bits=8 per-channel=false",
    "weight-only-quantization bits=8",
    "weight-only-quantization bits=4 per-channel=false",
    "weight-only-quantization bits=4 block-size=32",
    "weight-only-quantization bits=8 only=[w0,w1]",
    "fixed-point-quantization bits=8",
    "float4-quantization",
    "palettization bits=4",
    "palettization bits=8 only=[w0,w1]",
    "magnitude-pruning sparsity=0.9",
    "magnitude-pruning sparsity=0.9 scope=global",
    "magnitude-pruning sparsity=0.9 keep-mask=true",
    "magnitude-pruning mode=percentile percentile=95",
]


@pytest.mark.parametrize("case", CASES if "WINNOW_LARGE" in os.environ else CASES[:1])
def test_weight_only_passes_hold_one_tensor(winnow_path, large, case):
    source, head = large
    target = source.parent / "out.onnx"
    for file in source.parent.glob("out.onnx*"):
        file.unlink()
    name, *settings = case.split()
    options = [word for setting in settings for word in ("--set", setting)]
    start = time.perf_counter()
    used = peak(winnow_path, "apply", name, source, "-o", target, *options, "--threads", "1")
    print(f"{case}: {used / LARGEST:.2f} times the largest tensor, {time.perf_counter() - start:.0f} s")
    assert used < 1.5 * LARGEST + ALLOWANCE
    onnx.checker.check_model(str(target), full_check=True)
    model = onnx.load(target, load_external_data=False)
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    untouched = [f"w{index}" for index in range(2, COUNT)] if "only=" in case else []
    changed = [f"w{index}" in weights for index in range(2)]
    assert not any(changed) or "pruning" in case
    for name in untouched:
        place = {entry.key: entry.value for entry in weights[name].external_data}
        with open(target.parent / place["location"], "rb") as file:
            file.seek(int(place["offset"]))
            assert np.array_equal(np.frombuffer(file.read(head.nbytes), np.float32), head * np.float32(int(name[1:]) + 1))


def test_matrices_of_codes_become_floats_one_by_one(winnow_path, tmp_path):
    """24 products with matrices of 4 bits, which are 16 MiB each as floats."""
    count, size, block = 24, 2048, 32
    matrix = 4 * size * size
    generator = np.random.default_rng(0)
    weights, nodes = [], []
    for index in range(count):
        codes = generator.integers(0, 256, (size, size // block, block // 2), dtype=np.uint8)
        scales = np.full(size * size // block, 0.01, np.float32)
        weights += [numpy_helper.from_array(codes, f"w{index}_Q4"), numpy_helper.from_array(scales, f"s{index}")]
        nodes.append(
            helper.make_node(
                "MatMulNBits", [f"x{index}", f"w{index}_Q4", f"s{index}"], [f"x{index + 1}"], f"m{index}", domain="com.microsoft",
                K=size, N=size, bits=4, block_size=block))
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", size]) for name in ["x0", f"x{count}"]]
    graph = helper.make_graph(nodes, "codes", ends[:1], ends[1:], weights)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), tmp_path / "m.onnx")
    used = peak(winnow_path, "apply", "dequantize", tmp_path / "m.onnx", "-o", tmp_path / "out.onnx", "--threads", "1")
    print(f"{used / matrix:.2f} times a matrix of floats")
    assert used < 4 * matrix + ALLOWANCE
    model = onnx.load(tmp_path / "out.onnx", load_external_data=False)
    assert {tensor.name for tensor in model.graph.initializer} == {f"w{index}" for index in range(count)}
    assert [node.op_type for node in model.graph.node] == ["MatMul"] * count
