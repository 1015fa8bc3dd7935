"""Encodings as a file: what `inspect` writes is what the ONNX file has, and what a pass reads is what it writes."""

import json

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

NETWORKS = {"mlp": (["--widths", "32,64,64,4"], (32,)), "lenet-5": ([], (1, 28, 28)), "resnet-20": ([], (1, 28, 28))}


@pytest.fixture(scope="module", params=NETWORKS)
def job(request, winnow, tmp_path_factory):
    """A network with random weights, and data."""
    folder = tmp_path_factory.mktemp("encodings")
    arguments, shape = NETWORKS[request.param]
    np.savez(folder / "data.npz", input=np.random.default_rng(0).standard_normal((64, *shape)).astype(np.float32))
    winnow("new", request.param, *arguments, "-o", folder / "model.onnx")
    return folder


def pairs(path):
    """Scale and zero point of every QuantizeLinear, and DequantizeLinear of stored codes, by the name of what becomes codes."""
    graph = onnx.load(path).graph
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    found = {}
    for node in graph.node:
        if node.op_type == "QuantizeLinear":
            found[node.output[0].removesuffix(".quantized")] = (tensors[node.input[1]], tensors[node.input[2]])
        elif node.op_type == "DequantizeLinear" and node.input[0] in tensors and tensors[node.input[0]].dtype != np.int32:
            scale, kind = tensors[node.input[1]], tensors[node.input[0]].dtype
            zero = tensors[node.input[2]] if len(node.input) > 2 else np.zeros_like(scale, kind)
            found[node.input[0].removesuffix(".codes")] = (scale, zero)
    return found


def test_what_is_written_is_in_the_file(winnow, job, tmp_path):
    quantize = ["apply", "static-quantization", job / "model.onnx", "--data", job / "data.npz", "-o"]
    first, second, table = tmp_path / "first.onnx", tmp_path / "second.onnx", tmp_path / "table.json"
    winnow(*quantize, first)
    known = pairs(first)
    winnow("inspect", first, "--encodings", table, "--encodings-version", "2.0.0")
    entries = {entry["name"]: entry for entry in json.loads(table.read_text())["encodings"]}
    assert entries.keys() == known.keys() and len(known) > 2
    for key, (scale, zero) in known.items():
        entry = entries[key]
        assert np.array_equal(np.float32(entry["y_scale"]), scale) and np.array_equal(entry["y_zero_point"], zero)
        assert entry["output_dtype"] == str(zero.dtype) and entry.get("axis", 0) < max(1, np.ndim(scale) + 3)
    written = json.loads(winnow("inspect", first, "--encodings", table, "--json").stdout)
    assert written["weights"] == sum(entry["dtype"] == "INT" for entry in json.loads(table.read_text())["param_encodings"]) > 0
    file = json.loads(table.read_text())
    assert file["version"] == "1.0.0"
    whole = {entry["name"]: entry for entry in file["activation_encodings"] + file["param_encodings"] if entry["dtype"] == "INT"}
    assert whole.keys() == known.keys()
    for key, (scale, zero) in known.items():
        middle = 128 if zero.dtype == np.int8 else 0
        assert np.array_equal(np.float32(whole[key]["scale"]), np.ravel(scale)) and whole[key]["bw"] == 8
        assert np.array_equal(np.array(whole[key]["offset"]), -np.ravel(zero).astype(int) - middle)
    winnow(*quantize, second, "--set", "range=min-max", "--set", f"encodings={table}")
    assert first.read_bytes() == second.read_bytes()


def test_files_that_do_not_fit_are_refused(winnow, job, tmp_path):
    model, table, out = job / "model.onnx", tmp_path / "table.json", tmp_path / "out.onnx"
    quantize = ["apply", "static-quantization", model, "--data", job / "data.npz", "-o", out]
    table.write_text(json.dumps({"version": "2.0.0", "encodings": [{"name": "nothing", "output_dtype": "int8", "y_scale": 1}]}))
    result = winnow(*quantize, "--set", f"encodings={table}", check=False)
    assert result.returncode == 1 and "nothing: is no value of the model" in result.stderr and not out.exists()
    result = winnow("inspect", model, "--encodings", tmp_path / "none.json", check=False)
    assert result.returncode == 1 and "no integer codes" in result.stderr and not (tmp_path / "none.json").exists()
    copy = tmp_path / "copy.json"
    copy.write_bytes(model.read_bytes())
    result = winnow("inspect", copy, "--encodings", copy, check=False)
    assert result.returncode == 2 and copy.read_bytes() == model.read_bytes()
    result = winnow("inspect", model, "--encodings", tmp_path / "none.json", "--encodings-version", "3", check=False)
    assert result.returncode == 2 and "3 is not written" in result.stderr
