"""The verbs that make one model of another: what a first guess writes passes the checker and runs, and wrong words are answered in one sentence."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper


@pytest.fixture
def model(tmp_path):
    """x + W2·relu(W1·x) twice, then three scores."""
    random = np.random.default_rng(1)
    weights, nodes, value = [], [], "x"
    for place in range(2):
        for name, shape in ((f"up{place}", (16, 8)), (f"down{place}", (8, 16))):
            weights.append(numpy_helper.from_array(random.normal(size=shape).astype(np.float32) * 0.3, name))
        nodes += [
            helper.make_node("Gemm", [value, f"up{place}"], [f"h{place}"], transB=1), helper.make_node("Relu", [f"h{place}"], [f"r{place}"]),
            helper.make_node("Gemm", [f"r{place}", f"down{place}"], [f"d{place}"], transB=1),
            helper.make_node("Add", [value, f"d{place}"], [f"s{place}"]),
        ]  # fmt: skip
        value = f"s{place}"
    weights.append(numpy_helper.from_array(random.normal(size=(3, 8)).astype(np.float32), "head"))
    nodes.append(helper.make_node("Gemm", [value, "head"], ["y"], transB=1))
    graph = helper.make_graph(
        nodes, "blocks", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3])], weights,
    )  # fmt: skip
    path = tmp_path / "blocks.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.fixture
def data(tmp_path):
    random = np.random.default_rng(2)
    x = random.normal(size=(1500, 8)).astype(np.float32)
    path = tmp_path / "data.npz"
    np.savez(path, x=x, labels=(x[:, 0] > 0).astype(np.int64), boxes=x[:, :3])
    return path


def size(path):
    return sum(int(np.prod(tensor.dims)) for tensor in onnx.load(path).graph.initializer)


def checked(path):
    """Runs the file with and without graph optimizations."""
    onnx.checker.check_model(onnx.load(path), full_check=True)
    x = np.random.default_rng(3).normal(size=(4, 8)).astype(np.float32)
    results = []
    levels = onnxruntime.GraphOptimizationLevel
    for level in (levels.ORT_DISABLE_ALL, levels.ORT_ENABLE_ALL):
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = level
        results.append(onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0])
    np.testing.assert_allclose(results[0], results[1], atol=0.3)  # 4-bit products round activations.
    return results[0]


@pytest.mark.parametrize(
    "arguments, written",
    [
        (["quantize"], "blocks-int8.onnx"), (["quantize", "--scheme", "int4"], "blocks-int4.onnx"), (["quantize", "--data"], "blocks-int8.onnx"),
        (["prune", "--sparsity", "0.5"], "blocks-pruned.onnx"), (["prune", "--channels", "--data", "--epochs", "1"], "blocks-pruned.onnx"),
        (["factorize", "--energy", "0.7"], "blocks-factorized.onnx"), (["finetune", "--epochs", "1", "--data"], "blocks-trained.onnx"),
        (["shrink", "--width", "0.5", "--depth", "0.5", "--data"], "blocks-student.onnx"),
    ],
)  # fmt: skip
def test_a_first_guess_works(winnow, model, data, arguments, written):
    verb, *options = [word for argument in arguments for word in ([argument, data] if argument == "--data" else [argument])]
    text = winnow(verb, model, *options).stdout
    path = model.parent / written
    assert f"written: {path}" in text
    assert np.isfinite(checked(path)).all()
    assert not list(model.parent.glob("*.state"))


@pytest.mark.parametrize("bits", ["int2", "int4"])
def test_biases_beside_few_bits_are_not_rounded(winnow, model, data, tmp_path, bits):
    """ONNX Runtime rounds float biases between quantized data and weights to steps of their products, which few bits make large."""
    biased = onnx.load(model)
    random = np.random.default_rng(4)
    for node in biased.graph.node:
        if node.op_type == "Gemm":
            rows = next(tensor.dims[0] for tensor in biased.graph.initializer if tensor.name == node.input[1])
            biased.graph.initializer.append(numpy_helper.from_array(random.normal(size=rows).astype(np.float32), f"{node.input[1]}.bias"))
            node.input.append(f"{node.input[1]}.bias")
    onnx.save(biased, tmp_path / "biased.onnx")
    passes = f"with=[{{quantization-aware-training: {{weights: {bits}}}}}]"
    winnow("finetune", tmp_path / "biased.onnx", "--data", data, "--epochs", "1", "--set", passes, "-o", tmp_path / "q.onnx")
    x = np.load(data)["x"]
    results = []
    levels = onnxruntime.GraphOptimizationLevel
    for level in (levels.ORT_DISABLE_ALL, levels.ORT_ENABLE_ALL):
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = level
        results.append(onnxruntime.InferenceSession(str(tmp_path / "q.onnx"), options, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0])
    assert (np.abs(results[0] - results[1]) > 1e-3).mean() < 0.02


def test_a_student_is_made_and_taught(winnow, model, tmp_path):
    """Without labels the teacher is the goal."""
    data = tmp_path / "unlabelled.npz"
    np.savez(data, x=np.random.default_rng(2).normal(size=(1500, 8)).astype(np.float32))
    student, taught = model.parent / "student.onnx", model.parent / "taught.onnx"
    winnow("shrink", model, "--width", "0.5", "-o", student)
    assert size(student) < 0.7 * size(model)
    report = model.parent / "report.html"
    winnow("distill", student, "--teacher", model, "--teacher", model, "--data", data, "--epochs", "20", "--learning-rate", "0.01",
           "--by", "mse", "-o", taught, "--report", report)  # fmt: skip
    wanted, before, after = checked(model), checked(student), checked(taught)
    assert np.abs(after - wanted).mean() < 0.7 * np.abs(before - wanted).mean()
    assert "<html" in report.read_text()


def test_a_program_judges(winnow, model, data, tmp_path):
    """The epoch that a program likes best is given back; here it counts how often it is asked."""
    program = tmp_path / "score it.py"
    program.write_text("import os, sys\nopen(sys.argv[2], 'a').write('x')\nprint('bytes:', os.path.getsize(sys.argv[1]))\n")
    log, output = tmp_path / "log", tmp_path / "out.onnx"
    metric = f"{sys.executable} '{program}' {{model}} '{log}'"
    text = winnow("finetune", model, "--data", data, "--epochs", "3", "-o", output, "--metric", metric, "--json").stdout
    assert len(log.read_text()) >= 3 + 2
    report = json.loads(text)
    assert any(metric in json.dumps(entry) for entry in report["models"])


@pytest.mark.parametrize(
    "arguments, code, words",
    [
        (["evaluate", "--metric", "echo nothing {model}"], 1, "prints no number"),
        (["evaluate", "--metric", "echo no such file >&2; exit 3 # {model}"], 1, "exit code 3: no such file"),
        (["evaluate", "--metric", "echo nan {model}x; echo nan"], 1, "judges nothing"),
        (["evaluate", "--metric", "echo score 0,5 # {model}"], 1, "a period"), (["evaluate", "--metric", "kill -9 $$ # {model}"], 1, "signal 9"), (["evaluate", "--metric", "topp-1"], 2, "did you mean top-1"),
        (["shrink", "--width", "0"], 2, "--width"), (["shrink", "--depth", "0.9"], 2, "residual blocks"),
        (["quantize", "--scheme", "int9"], 1, "int9"), (["distill", "--teacher", "/nowhere.onnx"], 1, "/nowhere.onnx"),
        (["prune", "--set", "sparsty=1"], 1, "did you mean sparsity"),
    ],
)  # fmt: skip
def test_wrong_words_are_answered_in_one_sentence(winnow, model, data, arguments, code, words):
    before = set(model.parent.iterdir())
    verb, *options = arguments
    result = winnow(verb, model, *options, "--data", data, check=False)
    assert result.returncode == code, result.stderr
    said = [line for line in result.stderr.splitlines() if not line.startswith("[")]
    assert words in said[0] and len(said) == 1, result.stderr
    assert not [path for path in set(model.parent.iterdir()) - before if path.suffix == ".onnx"]


def test_what_a_program_leaves_running_is_not_waited_for(winnow, model, data):
    start = time.monotonic()
    result = winnow("evaluate", model, "--data", data, "--metric", "sleep 30 & echo of 3, 0.25 # {model}", "--json")
    assert time.monotonic() - start < 25 and "0.25" in result.stdout


def test_a_program_that_prints_without_end_is_ended(winnow, model, data):
    result = winnow("evaluate", model, "--data", data, "--metric", "yes # {model}", check=False)
    assert result.returncode == 1 and "prints more than" in result.stderr


def test_a_signal_ends_what_a_program_has_started(winnow_path, model, data, tmp_path):
    mark = f"sleep 86.{int(time.time() * 1000) % 100000}"
    process = subprocess.Popen(
        [winnow_path, "evaluate", model, "--data", data, "--metric", f"{mark} & {mark}; echo 1 # {{model}}"], stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    time.sleep(1.5)
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=30)
    assert mark not in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout


@pytest.mark.parametrize("fault", ["metric", "labels"])
def test_what_judges_nothing_is_told_before_the_work(winnow, model, data, tmp_path, fault):
    """Nothing is written, and the right command is in nobody's way."""
    output, wrong = tmp_path / "out.onnx", tmp_path / "wrong.npz"
    arrays = dict(np.load(data))
    np.savez(wrong, **(arrays | {"labels": arrays["labels"] + 7}))
    options = ("--metric", "false {model}") if fault == "metric" else ()
    result = winnow("prune", model, "-o", output, "--data", wrong if fault == "labels" else data, *options, check=False)
    assert result.returncode == 1 and not output.exists() and not (tmp_path / "out.onnx.state").exists()
    winnow("prune", model, "-o", output, "--data", data)
    checked(output)


def test_a_run_that_failed_gives_way_to_another(winnow, model, data, tmp_path):
    """Its first step was finished or not; one that was stopped would have kept its place."""
    recipe, output = tmp_path / "recipe.yaml", tmp_path / "out.onnx"
    steps = "version: 1\nsteps:\n  - magnitude-pruning: { sparsity: 0.5 }\n  - finetune: "
    for settings in ["{ with: [distillation: { teacher: /nowhere.onnx }] }", "{ optimizer: sgd, learning-rate: 1e20 }"]:
        recipe.write_text(steps + settings + "\n")
        assert winnow("run", recipe, model, "-o", output, "--data", data, check=False).returncode == 1
    recipe.write_text("version: 1\nsteps:\n  - magnitude-pruning: { sparsity: 0.25 }\n")
    winnow("run", recipe, model, "-o", output, "--data", data)
    assert not (tmp_path / "out.onnx.state").exists()


def test_numbers_that_are_not_finite_are_told_of(winnow, model, data, tmp_path):
    """A Relu that is computed with a layer hides what is no number from the loss."""
    arrays = dict(np.load(data))
    arrays["x"][::50, 3] = np.nan
    np.savez(tmp_path / "nan.npz", **arrays)
    result = winnow("finetune", model, "-o", tmp_path / "o.onnx", "--data", tmp_path / "nan.npz", "--epochs", "2", check=False)
    assert result.returncode == 1 and "finite" in result.stderr and not (tmp_path / "o.onnx").exists(), result.stderr


def test_settings_take_the_place_of_the_scheme(winnow, model, tmp_path):
    winnow("quantize", model, "-o", tmp_path / "q.onnx", "--set", "bits=4", "--set", "block-size=8")
    assert (tmp_path / "q.onnx").exists()
    winnow("quantize", model, "--set", "bits=4")
    assert (model.parent / "blocks-quantized.onnx").exists() and not (model.parent / "blocks-int8.onnx").exists()
    for options in (("--scheme", "int4", "--set", "scheme=nf4"), ("--set", "bits=4", "--set", "bits=8")):
        result = winnow("quantize", model, "-o", tmp_path / "r.onnx", *options, check=False)
        assert result.returncode == 2 and "contradict" in result.stderr


def test_what_static_quantization_takes_leaves_it_static(winnow, model, data, tmp_path):
    recipes = {}
    for setting in ("per-channel=false", "block-size=8"):
        winnow("quantize", model, "-o", tmp_path / "q.onnx", "--data", data, "--set", setting)
        recipes[setting] = {entry.key: entry.value for entry in onnx.load(tmp_path / "q.onnx").metadata_props}["winnow.recipe"]
    assert "static-quantization" in recipes["per-channel=false"] and "weight-only-quantization" in recipes["block-size=8"]


def test_weights_that_are_no_number_are_told_of(winnow, model, data, tmp_path):
    broken = onnx.load(model)
    weight = next(tensor for tensor in broken.graph.initializer if tensor.name == "up0")
    values = numpy_helper.to_array(weight).copy()
    values[0, 0] = np.nan
    weight.CopyFrom(numpy_helper.from_array(values, "up0"))
    onnx.save(broken, tmp_path / "nan.onnx")
    text = winnow("evaluate", tmp_path / "nan.onnx", "--data", data).stdout
    assert "up0 holds what is no number, of which a Relu" in text
    assert "no number" not in winnow("evaluate", model, "--data", data).stdout


def test_outputs_that_are_no_numbers_are_wrong(winnow, model, data, tmp_path):
    broken = onnx.load(model)
    head = next(tensor for tensor in broken.graph.initializer if tensor.name == "head")
    head.CopyFrom(numpy_helper.from_array(np.full((3, 8), np.nan, np.float32), "head"))
    path = tmp_path / "nan.onnx"
    onnx.save(broken, path)
    text = winnow("evaluate", path, "--data", data).stdout
    # No Relu reads what the head gives.
    assert "head holds what is no number\n" in text
    assert json.loads(winnow("evaluate", path, "--data", data, "--json").stdout)[0]["top1"] == 0
    np.savez(tmp_path / "x.npz", x=np.load(data)["x"])
    values = []
    for other in (path, model):
        rows = json.loads(winnow("evaluate", model, other, "--data", tmp_path / "x.npz", "--split", "all", "--json").stdout)
        values.append({metric["metric"]: metric["value"] for metric in rows[1]["metrics"]})
    assert values[0]["SQNR"] == "-inf" and values[0]["same top-1"] == 0 and values[0]["largest difference"] == "inf"
    assert values[1]["SQNR"] == "inf" and values[1]["same top-1"] == 1
    assert "SQNR −∞ dB" in winnow("compare", model, path, "--data", tmp_path / "x.npz").stdout
    result = winnow("sensitivity", path, "--data", tmp_path / "x.npz", check=False)
    assert result.returncode == 1 and "no number for every sample" in result.stderr


@pytest.mark.parametrize(
    "options", [["prune", "--importance", "taylor"], ["prune", "--channels", "--importance", "taylor"], ["prune", "--importance", "wanda"], ["quantize"]], ids=" ".join
)
def test_samples_that_are_no_number_are_refused(winnow, model, data, tmp_path, options):
    arrays = dict(np.load(data))
    arrays["x"][::20] = np.nan
    np.savez(tmp_path / "nan.npz", **arrays)
    result = winnow(options[0], model, *options[1:], "--data", tmp_path / "nan.npz", "-o", tmp_path / "n.onnx", check=False)
    assert result.returncode == 1 and "became infinite or NaN" in result.stderr and not (tmp_path / "n.onnx").exists()


def test_settings_are_read_as_recipes_are(winnow, model, data, tmp_path):
    winnow("apply", "magnitude-pruning", model, "-o", tmp_path / "p.onnx", "--set", 'only=["up0"]')
    zeros = {tensor.name: float((numpy_helper.to_array(tensor) == 0).mean()) for tensor in onnx.load(tmp_path / "p.onnx").graph.initializer}
    assert zeros["up0"] == 0.5 and zeros["up1"] == 0
    winnow("finetune", model, "--data", data, "--set", "epochs=1", "--set", 'learning-rates={"up*": 0}', "-o", tmp_path / "f.onnx")
    before, after = ({t.name: numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer} for path in (model, tmp_path / "f.onnx"))
    assert all((before[name] == after[name]).all() == name.startswith("up") for name in before)


def test_a_target_may_be_called_as_the_output(winnow, model, data, tmp_path):
    arrays = dict(np.load(data))
    np.savez(tmp_path / "t.npz", x=arrays["x"], y=arrays["boxes"])
    losses = winnow("finetune", model, "--data", tmp_path / "t.npz", "--epochs", "3", "--set", "objective=[{loss: mse, output: y, target: y}]",
                    "-o", tmp_path / "f.onnx", "--json")  # fmt: skip
    found = checked(tmp_path / "f.onnx")
    x = np.random.default_rng(3).normal(size=(4, 8)).astype(np.float32)
    assert np.abs(found - x[:, :3]).mean() < np.abs(checked(model) - x[:, :3]).mean(), losses.stdout[-500:]


def test_equal_vectors_written_once_are_trained_apart(winnow, tmp_path):
    """torch's older exporter writes equal vectors once and copies them with Identity: each is a parameter of its own."""
    random = np.random.default_rng(4)
    value, nodes, weights = "x", [], []
    names = {"scale": np.ones(6), "shift": np.zeros(6)}
    weights += [numpy_helper.from_array(array.astype(np.float32), name) for name, array in names.items()]
    for place in range(2):
        weights.append(numpy_helper.from_array(random.normal(size=(6, 6, 1, 1)).astype(np.float32), f"w{place}"))
        own = {name: name for name in names} if place == 0 else {name: f"{name}1" for name in names}
        own |= {"mean": f"mean{place}", "variance": f"variance{place}"}
        nodes += [helper.make_node("Identity", ["shift" if "mean" in copy or "shift" in copy else "scale"], [copy]) for copy in own.values() if copy not in names]
        nodes += [
            helper.make_node("Conv", [value, f"w{place}"], [f"c{place}"]),
            helper.make_node("BatchNormalization", [f"c{place}", *(own[key] for key in ("scale", "shift", "mean", "variance"))], [f"n{place}"]),
            helper.make_node("Relu", [f"n{place}"], [f"r{place}"]),
        ]  # fmt: skip
        value = f"r{place}"
    nodes += [helper.make_node("GlobalAveragePool", [value], ["p"]), helper.make_node("Flatten", ["p"], ["y"])]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 6, 4, 4])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 6])], weights)  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "m.onnx")
    x = random.normal(size=(300, 6, 4, 4)).astype(np.float32)
    np.savez(tmp_path / "d.npz", x=x, labels=random.integers(0, 6, size=300))
    winnow("finetune", tmp_path / "m.onnx", "--data", tmp_path / "d.npz", "--epochs", "2", "-o", tmp_path / "f.onnx")
    found = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(tmp_path / "f.onnx").graph.initializer}
    assert {"scale", "shift", "scale1", "shift1", "mean0", "mean1", "variance0", "variance1"} <= set(found)
    assert np.abs(found["mean0"] - found["shift"]).max() > 1e-3 and np.abs(found["variance0"] - found["scale"]).max() > 1e-2
    assert np.abs(found["mean0"] - found["mean1"]).max() > 1e-3 and not np.array_equal(found["scale"], found["scale1"])


def test_agreement_is_a_metric_of_the_first_model_too(winnow, model, data, tmp_path):
    winnow("quantize", model, "-o", tmp_path / "q.onnx")
    text = winnow("evaluate", model, tmp_path / "q.onnx", "--data", data, "--metric", "SQNR").stdout
    assert "SQNR without limit" in text and "q.onnx: y: SQNR" in text


def test_outputs_that_cannot_be_written_are_told_of_first(winnow, model, data, tmp_path):
    for name in ("folder.onnx", "folder.html"):
        (tmp_path / name).mkdir()
    for options in (["-o", tmp_path / "folder.onnx"], ["-o", tmp_path / "x.onnx", "--report", tmp_path / "folder.html"]):
        result = winnow("finetune", model, "--data", data, *options, check=False)
        assert result.returncode == 2 and "is a folder, not a file" in result.stderr and "epoch" not in result.stderr
    recipe = tmp_path / "twice.yaml"
    recipe.write_text("version: 1\nsteps: [save: a, magnitude-pruning, save: a]\n")
    for verb in (["check", recipe, model], ["run", recipe, model, "-o", tmp_path / "o.onnx"]):
        result = winnow(*verb, check=False)
        assert result.returncode != 0 and "save: a.onnx" in result.stderr


def test_numbers_beyond_all_bounds_are_refused(winnow, model, tmp_path):
    for seconds in ("nan", "1e300", "-1"):
        assert winnow("benchmark", model, f"--seconds={seconds}", check=False).returncode == 2
    result = winnow("new", "mlp", "--widths", "20000000,50000000,10", "-o", tmp_path / "n.onnx", check=False)
    assert result.returncode == 1 and "--memory" in result.stderr
    assert winnow("new", "mlp", "--widths", f"{2**62},{2**62},10", "-o", tmp_path / "n.onnx", check=False).returncode == 1


def test_what_cannot_run_is_changed_and_not_timed(winnow, model, tmp_path):
    strange = onnx.load(model)
    strange.graph.node.append(helper.make_node("Mystery", ["y"], ["z"], domain="ai.onnx.ml"))
    strange.graph.output[0].name = "z"
    strange.opset_import.append(helper.make_opsetid("ai.onnx.ml", 1))
    onnx.save(strange, tmp_path / "strange.onnx")
    result = winnow("prune", tmp_path / "strange.onnx", "-o", tmp_path / "p.onnx")
    assert "no latency" in result.stdout and size(tmp_path / "p.onnx") == size(model)


def test_codes_that_layers_read_are_told_of(winnow, tmp_path):
    numbers = {"s": np.float32(0.1), "z": np.uint8(128), "zw": np.int8(0), "w": np.arange(-24, 24, dtype=np.int8).reshape(8, 6)}
    node = helper.make_node("QLinearMatMul", ["x", "s", "z", "w", "s", "zw", "s", "z"], ["y"])
    graph = helper.make_graph([node], "g", [helper.make_tensor_value_info("x", TensorProto.UINT8, ["N", 8])],
                              [helper.make_tensor_value_info("y", TensorProto.UINT8, ["N", 6])],
                              [numpy_helper.from_array(np.asarray(value), name) for name, value in numbers.items()])  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "q.onnx")
    assert "Total MACs a sample: 48" in winnow("inspect", tmp_path / "q.onnx").stdout
    result = winnow("apply", "magnitude-pruning", tmp_path / "q.onnx", "-o", tmp_path / "p.onnx", "--strict", check=False)
    assert result.returncode == 1 and not (tmp_path / "p.onnx").exists()
    assert "which this pass leaves alone" in winnow("apply", "magnitude-pruning", tmp_path / "q.onnx", "-o", tmp_path / "p.onnx").stdout


@pytest.mark.parametrize("verb", ["quantize", "prune", "factorize"])
def test_a_model_without_weights_is_told_of(winnow, tmp_path, verb):
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 8])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 8])])  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "m.onnx")
    assert "has no weights" in winnow(verb, tmp_path / "m.onnx", "-o", tmp_path / "q.onnx").stdout
    result = winnow(verb, tmp_path / "m.onnx", "-o", tmp_path / "p.onnx", "--strict", check=False)
    assert result.returncode == 1 and "has no weights" in result.stderr and not (tmp_path / "p.onnx").exists()


def test_small_requests_are_answered(winnow, model, data, tmp_path):
    plan = winnow("compress", model, "--data", data, "-o", tmp_path / "c.onnx", "--target-size", "50%", "--plan", "--json", "--time-budget", "2s")
    assert json.loads(plan.stdout)["plan"]
    wrong = winnow("new", "lenet-5", "--widths", "3,4", "-o", tmp_path / "n.onnx", check=False)
    assert wrong.returncode == 2 and "widths of its own" in wrong.stderr
    (tmp_path / "t.csv").write_text("a;b;label\n1;2;0\n")
    wrong = winnow("evaluate", model, "--data", tmp_path / "t.csv", check=False)
    assert wrong.returncode == 1 and len(wrong.stderr.strip().splitlines()) == 1


def test_steps_say_what_they_leave(winnow, model, data, tmp_path):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("version: 1\nsteps: [static-quantization, magnitude-pruning]\n")
    assert "magnitude-pruning: " in winnow("run", recipe, model, "-o", tmp_path / "o.onnx", "--data", data).stdout


def test_a_signal_ends_a_program_that_judges(winnow_path, model, data, tmp_path):
    """The command waits for no program of the user's."""
    process = subprocess.Popen(
        [winnow_path, "evaluate", model, "--data", data, "--metric", "sleep 60; echo 1 # {model}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    time.sleep(1.5)
    process.send_signal(signal.SIGTERM)
    start = time.monotonic()
    message = process.communicate(timeout=30)[1]
    assert time.monotonic() - start < 1.3 and process.returncode == 128 + signal.SIGTERM
    assert "stopped on request" in message


def test_shrink_says_what_it_cannot_use(winnow, model):
    for code, arguments in ((2, ["--width", "1"]), (1, ["--width", "1", "--depth", "0.5", "--set", "round-to=8"])):
        result = winnow("shrink", model, *arguments, check=False)
        assert result.returncode == code and len(result.stderr.strip().splitlines()) == 1, result.stderr


def properties(path):
    return {entry.key: entry.value for entry in onnx.load(path).metadata_props}


def test_settings_reach_every_pass_of_a_verb(winnow, model, data, tmp_path):
    """A key goes to the only pass that has it; the name of a pass may stand before it."""
    output = tmp_path / "o.onnx"
    common = ["--data", data, "-o", output]
    winnow("prune", model, *common, "--epochs", "1", "--set", "learning-rate=0.01", "--set", "magnitude-pruning.scope=global")
    recipe = properties(output)["winnow.recipe"]
    assert "learning-rate: 0.01" in recipe and "scope: global" in recipe
    winnow("factorize", model, *common, "--epochs", "1", "--set", "finetune.batch_size=16", "--set", "rank=2")
    recipe = properties(output)["winnow.recipe"]
    assert "batch-size: 16" in recipe and "rank: 2" in recipe
    taught = ["distill", model, "--teacher", model, *common, "--epochs", "1", "--by", "decoupled"]
    winnow(*taught, "--set", "beta=4", "--set", "finetune.clip-norm=0.5")
    recipe = properties(output)["winnow.recipe"]
    assert "beta: 4" in recipe and "clip-norm: 0.5" in recipe and "by: decoupled" in recipe
    winnow("quantize", model, "-o", output, "--set", "weight-only-quantization.bits=4")
    assert "bits: 4" in properties(output)["winnow.recipe"]
    output.unlink()
    for code, setting, words in (
        (1, "learning-rat=1", ["did you mean learning-rate?", "finetune:", "distillation:"]),
        (2, "magnitude-pruning.sparsity=0.5", ["magnitude-pruning is not run here", "finetune, distillation", "Guides/Recipes.md"]),
        (1, "distillation.epochs=1", ["distillation: epochs"]), (2, "beta", ["KEY=VALUE"]),
    ):  # fmt: skip
        failed = winnow(*taught, "--set", setting, check=False)
        said = [line for line in failed.stderr.splitlines() if not line.startswith("[")]
        assert failed.returncode == code and len(said) == 1 and all(word in said[0] for word in words), failed.stderr
    assert not output.exists()


def test_files_say_how_they_came_about(winnow, model, tmp_path):
    """Recipe, seed, version and producer; the bytes stay the same. `apply` adds nothing of that."""
    first, second, both = tmp_path / "first.onnx", tmp_path / "second.onnx", tmp_path / "both.onnx"
    source = onnx.load(model)
    source.producer_name, source.producer_version = "pytorch", "2.1"
    onnx.save(source, model)
    winnow("apply", "magnitude-pruning", model, "-o", first)
    assert properties(first) == {} and onnx.load(first).producer_name == "pytorch"
    (tmp_path / "recipe.yaml").write_text("version: 1\nsteps:\n  - magnitude-pruning: { sparsity: 0.7 }\n")
    for output in (first, second):
        winnow("run", tmp_path / "recipe.yaml", model, "-o", output, "--seed", "3")
    assert first.read_bytes() == second.read_bytes()
    written = onnx.load(first)
    version = winnow("--version").stdout.split()[-1]
    wanted = {"winnow.recipe": "version: 1\nsteps:\n  - magnitude-pruning: { sparsity: 0.7 }", "winnow.seed": "3", "winnow.version": version}
    assert properties(first) == {**wanted, "winnow.source": "pytorch 2.1"}
    assert (written.producer_name, written.producer_version) == ("winnow", version)
    winnow("quantize", first, "-o", both)
    again = properties(both)
    assert again["winnow.recipe"].count("\n  - ") == 2 and again["winnow.source"] == "pytorch 2.1" and again["winnow.version"] == version
    assert checked(both).shape == (4, 3)


@pytest.mark.parametrize("options", [[], ["--optimizer", "sgd", "--weight-decay", "0.001", "--augment", "noise=0.1", "--exact"]])
def test_training_says_how_to_get_the_same_bytes(winnow, model, data, tmp_path, options):
    """The recipe in the file that `train` writes is a `finetune` step: applied to the same model it gives that file."""
    trained, again, recipe = tmp_path / "trained.onnx", tmp_path / "again.onnx", tmp_path / "recipe.yaml"
    winnow("train", model, "-o", trained, "--data", data, "--epochs", "2", "--seed", "5", *options)
    written = properties(trained)
    assert written["winnow.seed"] == "5" and "finetune" in written["winnow.recipe"]
    recipe.write_text(written["winnow.recipe"] + "\n")
    winnow("run", recipe, model, "-o", again, "--data", data, "--seed", "5")
    assert trained.read_bytes() == again.read_bytes()


def test_bodies_lose_channels(winnow, tmp_path):
    """Branches of an If, one with weights of its own, one with the graph's: the file runs everywhere, as its masked twin does."""
    random = np.random.default_rng(4)

    def weights(prefix):
        return [
            numpy_helper.from_array((random.normal(size=shape) * 0.5).astype(np.float32), f"{prefix}{name}")
            for name, shape in (("a", (6, 8)), ("b", (8, 6)))
        ]

    def branch(name, prefix, own):
        nodes = [
            helper.make_node("MatMul", ["x", f"{prefix}a"], [f"{name}h"]), helper.make_node("Relu", [f"{name}h"], [f"{name}r"]),
            helper.make_node("MatMul", [f"{name}r", f"{prefix}b"], [f"{name}y"]),
        ]  # fmt: skip
        return helper.make_graph(nodes, name, [], [helper.make_tensor_value_info(f"{name}y", TensorProto.FLOAT, ["N", 6])], own)

    choice = helper.make_node("If", ["c"], ["y"], then_branch=branch("then", "own.", weights("own.")), else_branch=branch("else", "", []))
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 6]), helper.make_tensor_value_info("c", TensorProto.BOOL, [])]
    graph = helper.make_graph([choice], "branches", inputs, [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 6])], weights(""))
    path, small, masked = (tmp_path / name for name in ("m.onnx", "small.onnx", "masked.onnx"))
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    winnow("apply", "structured-pruning", path, "-o", small)
    winnow("apply", "structured-pruning", path, "-o", masked, "--set", "remove=false")
    assert small.stat().st_size < 0.8 * path.stat().st_size
    x, levels = random.normal(size=(3, 6)).astype(np.float32), onnxruntime.GraphOptimizationLevel
    for file in (small, masked):
        onnx.checker.check_model(onnx.load(file), full_check=True)
    for condition in (True, False):
        results = []
        for file in (small, masked):
            for level in (levels.ORT_DISABLE_ALL, levels.ORT_ENABLE_ALL):
                options = onnxruntime.SessionOptions()
                options.graph_optimization_level = level
                session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
                results.append(session.run(None, {"x": x, "c": np.array(condition)})[0])
        for result in results[1:]:
            np.testing.assert_allclose(result, results[0], atol=1e-5)


def test_a_mistake_is_not_in_the_way(winnow, model, data, tmp_path):
    """A command that failed before it had done anything can be given again rightly."""
    output = tmp_path / "out.onnx"
    np.savez(tmp_path / "few.npz", x=np.zeros((40, 8), np.float32), labels=np.full(40, 7))
    failed = winnow("finetune", model, "--data", tmp_path / "few.npz", "--epochs", 1, "-o", output, "--set", "objective=[{loss: mse, of: nothing}]", check=False)
    assert failed.returncode != 0 and not list(tmp_path.glob("*.state")), failed.stderr
    winnow("finetune", model, "--data", data, "--epochs", 1, "-o", output)
    assert output.exists()


@pytest.mark.parametrize("verb", ["evaluate", "sensitivity", "compress", "run", "quantize"])
@pytest.mark.parametrize("metric", [[], ["--metric", "top-1"]])
def test_a_direction_needs_a_command(winnow, model, data, tmp_path, verb, metric):
    """Of metrics by name the direction is known; without one there is none to be told."""
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("version: 1\nsteps: [fold-constants]\n")
    outputs = [] if verb in ("evaluate", "sensitivity") else ["-o", tmp_path / "out.onnx"]
    result = winnow(verb, *([recipe] if verb == "run" else []), model, *outputs, "--data", data, "--lower-is-better", *metric, check=False)
    assert result.returncode == 2 and "--lower-is-better" in result.stderr, result.stderr
    assert len(result.stderr.strip().splitlines()) == 1 and not list(tmp_path.glob("out*"))
