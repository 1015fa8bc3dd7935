"""Models over 2 GB: mapped in, streamed out, never in memory as a whole.

Takes minutes and 8 GB of disk, so it runs only where WINNOW_LARGE is set. Measured is anonymous memory (RssAnon): pages of
mapped files also count as resident, but the system drops them when it needs the room.
"""

import os
import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

COUNT, ROWS, COLUMNS = 24, 8192, 4096
LARGEST = 4 * ROWS * COLUMNS
ALLOWANCE = 64 << 20

pytestmark = pytest.mark.skipif("WINNOW_LARGE" not in os.environ, reason="WINNOW_LARGE is not set")


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


@pytest.mark.parametrize("settings", ["bits=8", "bits=4", "only=[w0, w1]"])
def test_weight_only_quantization_holds_one_tensor(winnow_path, large, settings):
    source, head = large
    target = source.parent / "out.onnx"
    for file in source.parent.glob("out.onnx*"):
        file.unlink()
    arguments = ["apply", "weight-only-quantization", source, "-o", target, "--set", settings, "--set", "per-channel=false"]
    used = peak(winnow_path, *arguments, "--threads", "1")
    print(f"{settings}: {used / LARGEST:.2f} times the largest tensor")
    assert used < 1.5 * LARGEST + ALLOWANCE
    onnx.checker.check_model(str(target), full_check=True)
    model = onnx.load(target, load_external_data=False)
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    outside = {name for name, tensor in weights.items() if tensor.data_location == TensorProto.EXTERNAL}
    assert outside == ({f"w{index}" for index in range(2, COUNT)} | {"w0.codes", "w1.codes"} if "only" in settings else set())
    for index in [2, COUNT - 1] if outside else []:
        place = {entry.key: entry.value for entry in weights[f"w{index}"].external_data}
        with open(target.parent / place["location"], "rb") as file:
            file.seek(int(place["offset"]))
            assert np.array_equal(np.frombuffer(file.read(head.nbytes), np.float32), head * np.float32(index + 1))
