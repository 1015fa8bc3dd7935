"""What export, manual and the options around them do, seen from outside."""

import json
import os
import pty
import re
import subprocess

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper


@pytest.fixture
def model(tmp_path):
    """A convolution, its normalization, a constant to compute, an identity, and a Softmax in the form of operator set 12."""
    random = np.random.default_rng(1)
    arrays = {
        "w": random.normal(size=(4, 3, 3, 3)), "s": random.uniform(0.5, 2, size=4), "b": random.normal(size=4), "m": random.normal(size=4),
        "v": random.uniform(0.5, 2, size=4), "k": random.normal(size=(1, 4, 1, 1)), "fc": random.normal(size=(4, 5)),
    }  # fmt: skip
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], "conv", pads=[1, 1, 1, 1]), helper.make_node("BatchNormalization", ["c", "s", "b", "m", "v"], ["n"], "norm"),
        helper.make_node("Identity", ["n"], ["i"], "id"), helper.make_node("Add", ["k", "k"], ["k2"], "const"), helper.make_node("Mul", ["i", "k2"], ["p"], "mul"),
        helper.make_node("Relu", ["p"], ["r"], "relu"), helper.make_node("GlobalAveragePool", ["r"], ["g"], "pool"), helper.make_node("Flatten", ["g"], ["f"], "flat"),
        helper.make_node("MatMul", ["f", "fc"], ["z"], "fc"), helper.make_node("Softmax", ["z"], ["y"], "softmax", axis=1), helper.make_node("Relu", ["n"], ["dead"], "dead"),
    ]  # fmt: skip
    graph = helper.make_graph(
        nodes, "exported", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 8, 8])], [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 5])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in arrays.items()],
    )  # fmt: skip
    path = tmp_path / "exported.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)], ir_version=7), path)
    return path


def outputs(path, x):
    results = []
    for level in (onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL, onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL):
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = level
        results.append(onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0])
    np.testing.assert_allclose(results[0], results[1], atol=2e-3)
    return results[1]


@pytest.mark.parametrize(
    "options, error",
    [([], 1e-5), (["--profile", "openvino", "--opset", "21"], 1e-5), (["--short-names", "--opset", "13"], 1e-5), (["--float16"], 5e-3), (["--profile", "tensorrt", "--strict"], 1e-5)],
)
def test_exported_files_give_the_same(winnow, model, tmp_path, options, error):
    output = tmp_path / "served.onnx"
    winnow("export", model, "-o", output, *options)
    before, after = onnx.load(model), onnx.load(output)
    onnx.checker.check_model(after, full_check=True)
    kinds = [node.op_type for node in after.graph.node]
    assert not {"BatchNormalization", "Identity"} & set(kinds) and len(kinds) < len(before.graph.node)
    if "--opset" in options:
        assert after.opset_import[0].version == int(options[options.index("--opset") + 1])
    x = np.random.default_rng(2).normal(size=(3, 3, 8, 8)).astype(np.float32)
    np.testing.assert_allclose(outputs(output, x), outputs(model, x), atol=error)


def test_a_first_guess_names_its_output(winnow, model):
    text = winnow("export", model).stdout
    assert f"written: {model.parent / 'exported-onnxruntime.onnx'}" in text and "nothing that onnxruntime is known not to take" in text


def test_what_a_runtime_will_not_take_is_told(winnow, model, tmp_path):
    """TensorRT takes no zero points; onnxruntime no operator set of tomorrow."""
    data, codes, out = tmp_path / "d.npz", tmp_path / "q.onnx", tmp_path / "out.onnx"
    np.savez(data, x=np.random.default_rng(3).normal(size=(40, 3, 8, 8)).astype(np.float32))
    winnow("quantize", model, "--data", data, "-o", codes)
    listed = json.loads(winnow("export", codes, "--profile", "tensorrt", "-o", out, "--json").stdout)
    assert listed["objections"] and all("zero points" in entry["reason"] for entry in listed["objections"]) and "int8" in listed["coverage"]
    out.unlink()
    for source, options, code, words in [
        (codes, ["--profile", "tensorrt", "--strict"], 1, "zero points"), (model, ["--opset", "28", "--strict"], 1, "operator sets up to 26"),
        (model, ["--opset", "11"], 2, "older one"), (model, ["--profile", "onnxruntme"], 2, "onnxruntime"), (model, ["--opset", "99"], 2, "lower one"),
    ]:  # fmt: skip
        result = winnow("export", source, "-o", out, *options, check=False)
        assert result.returncode == code and words in result.stderr and not out.exists(), result.stderr


@pytest.mark.parametrize("profile", ["onnxruntime", "openvino", "tensorrt", "portable", "coreml"])
def test_operators_of_other_domains_are_told(winnow, tmp_path, profile):
    """ONNX Runtime has those of ai.onnx.ml."""
    nodes = [helper.make_node("Scaler", ["x"], ["s"], "scaler", domain="ai.onnx.ml", offset=[0.5], scale=[2.0]), helper.make_node("Relu", ["s"], ["y"], "relu")]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 4]) for name in "xy"]
    graph = helper.make_graph(nodes, "scaled", values[:1], values[1:])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), tmp_path / "scaled.onnx")
    output = tmp_path / "served.onnx"
    result = winnow("export", tmp_path / "scaled.onnx", "-o", output, "--profile", profile, "--strict", check=False)
    if profile == "onnxruntime":
        x = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)
        assert result.returncode == 0, result.stderr
        np.testing.assert_allclose(outputs(output, x), np.maximum((x - 0.5) * 2, 0), atol=1e-6)
    else:
        assert result.returncode == 1 and "ai.onnx.ml.Scaler" in result.stderr and not output.exists()


def test_manual_pages(winnow, tmp_path):
    winnow("manual", tmp_path / "man1")
    pages = {page.name: page.read_text() for page in (tmp_path / "man1").iterdir()}
    commands = re.findall(r"^  ([a-z]+)  +", winnow("--help").stdout.split("SUBCOMMANDS:", 1)[1], re.MULTILINE)
    assert set(pages) == {"winnow.1", *(f"winnow-{command}.1" for command in commands)}
    page = pages["winnow-quantize.1"]
    for part in [".SH NAME", ".SH SYNOPSIS", "\\-\\-scheme", "\\-\\-max\\-drop", "\\-\\-state", "int8 without", "Default: 0."]:
        assert part in page, part
    for command in commands:
        assert f"winnow\\-{command} (1)" in pages["winnow.1"]
    # Nothing in a page is an unknown request.
    known = {".TH", ".SH", ".B", ".BR", ".TP", ".nf", ".fi"}
    for name, page in pages.items():
        assert {line.split(" ")[0] for line in page.splitlines() if line.startswith(".")} <= known, name


def test_help_fits_a_screen_and_shows_an_example(winnow):
    text = winnow("--help").stdout
    assert len(text.splitlines()) <= 50
    for command in re.findall(r"^  ([a-z]+)  +", text.split("SUBCOMMANDS:", 1)[1], re.MULTILINE):
        text = winnow(command, "--help").stdout
        assert f"winnow {command} " in text.split("USAGE:")[0], command
        assert len(text.splitlines()) <= 64, command


@pytest.fixture
def data(tmp_path):
    x = np.random.default_rng(3).normal(size=(3000, 3, 8, 8)).astype(np.float32)
    np.savez(tmp_path / "data.npz", x=x, labels=(x[:, 0, 0, 0] > 0).astype(np.int64))
    return tmp_path / "data.npz"


def test_progress_is_lines_of_json(winnow, model, data, tmp_path):
    result = winnow("finetune", model, "--data", data, "--epochs", "4", "-o", tmp_path / "t.onnx", "--json")
    json.loads(result.stdout)
    lines = [json.loads(line) for line in result.stderr.splitlines()]
    assert lines and all({"task", "fraction", "step", "steps", "pass", "measures"} <= set(line) for line in lines)
    fractions = [line["fraction"] for line in lines]
    assert fractions == sorted(fractions) and {line["pass"] for line in lines} <= {"measuring", "finetune"}
    assert winnow("finetune", model, "--data", data, "--epochs", "1", "-o", tmp_path / "t.onnx", "--json", "--quiet").stderr == ""


def test_a_terminal_shows_the_course_of_the_metric(winnow_path, model, data, tmp_path):
    main, other = pty.openpty()
    process = subprocess.Popen([winnow_path, "finetune", model, "--data", data, "--epochs", "8", "-o", tmp_path / "t.onnx"], stdout=subprocess.DEVNULL, stderr=other,
                               env={**os.environ, "COLUMNS": "200"})  # fmt: skip
    os.close(other)
    text = b""
    while True:
        try:
            text += os.read(main, 4096)
        except OSError:
            break
    assert process.wait() == 0
    shown = text.decode(errors="replace")
    assert "finetune: training" in shown and re.search("[▁▂▃▄▅▆▇█]{2,}", shown), shown[-500:]
