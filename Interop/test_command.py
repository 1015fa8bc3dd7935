"""Wrong input gives one clear sentence and an exit code: 2 for usage, 1 for everything else."""

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper


@pytest.fixture(scope="session")
def model(winnow, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "m.onnx"
    winnow("new", "mlp", "-o", path, "--widths", "784,32,10")
    return path


@pytest.mark.parametrize("command", [
    ["apply", "fold-constants", "{m}", "-o", "{f}/o.onnx"], ["infer", "{m}", "--data", "{d}", "-o", "{f}/o.npz"], ["export", "{m}", "-o", "{f}/o.onnx"],
    ["sensitivity", "{m}", "--data", "{d}", "-o", "{f}/o.json"], ["sensitivity", "{m}", "--data", "{d}", "--report", "{f}/o.html"]])  # fmt: skip
def test_a_folder_that_is_missing_is_told_of_before_the_work(winnow, model, tmp_path, command):
    np.savez(tmp_path / "x.npz", input=np.zeros((8, 784), np.float32))
    places = {"{m}": model, "{d}": tmp_path / "x.npz", "{f}": tmp_path / "nowhere"}
    words = [next((word.replace(key, str(place)) for key, place in places.items() if key in word), word) for word in command]
    result = winnow(*words, check=False)
    assert result.returncode == 2 and "there is no folder" in result.stderr and "samples" not in result.stdout, result.stderr
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("name", ["winnow", "libWinnowC.so"])
def test_nothing_of_swift_is_looked_for(winnow_path, name):
    file = Path(winnow_path).parent / name
    if not file.exists() or not shutil.which("ldd"):
        pytest.skip("there is no such file here")
    needed = subprocess.run(["ldd", file], check=True, capture_output=True, text=True).stdout
    assert "libc.so" in needed and "swift" not in needed.lower().replace(str(file.parent).lower(), "") and "Foundation" not in needed


def fails(winnow, code, *arguments, words):
    result = winnow(*arguments, check=False)
    assert result.returncode == code, result.stderr
    lines = result.stderr.strip().splitlines()
    messages = [line for line in lines if line.startswith(("winnow:", "Error:"))]
    assert len(messages) == 1, result.stderr
    for word in words:
        assert word in messages[0]
    assert "Fatal" not in result.stderr
    return result


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
@pytest.mark.parametrize("work", ["endless loop", "long training"])
def test_a_signal_ends_the_command_within_a_second(winnow_path, model, tmp_path, number, work):
    if work == "endless loop":
        values = [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in [
            ("i", TensorProto.INT64, []), ("c", TensorProto.BOOL, []), ("s", TensorProto.FLOAT, [1]), ("co", TensorProto.BOOL, []), ("so", TensorProto.FLOAT, [1])]]
        nodes = [helper.make_node("Identity", ["c"], ["co"]), helper.make_node("Neg", ["s"], ["so"])]
        loop = helper.make_node("Loop", ["n", "", "x"], ["y"], body=helper.make_graph(nodes, "body", values[:3], values[3:]))
        info = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
        count = numpy_helper.from_array(np.array(1 << 62), "n")
        graph = helper.make_graph([loop], "endless", info[:1], info[1:], [count])
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "loop.onnx")
        np.savez(tmp_path / "x.npz", x=np.ones(1, np.float32))
        arguments = ["infer", tmp_path / "loop.onnx", "--input", tmp_path / "x.npz", "-o", tmp_path / "y.npz"]
    else:
        np.savez(tmp_path / "d.npz", input=np.zeros((20000, 784), np.float32), labels=np.arange(20000) % 10)
        arguments = ["train", model, "-o", tmp_path / "y.onnx", "--data", tmp_path / "d.npz", "--epochs", "100000"]
    process = subprocess.Popen(
        [winnow_path, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    time.sleep(1)
    process.send_signal(number)
    start = time.monotonic()
    message = process.communicate(timeout=30)[1]
    assert time.monotonic() - start < 1.3
    assert process.returncode == 128 + number
    assert "stopped on request" in message
    assert not list(tmp_path.glob("*.tmp"))


def test_more_threads_than_help(winnow, winnow_path, model):
    fails(winnow, 2, "benchmark", model, "--threads", "100000", words=["--threads", "100000"])
    assert subprocess.run(
        [winnow_path, "benchmark", model, "--seconds", "0.01"], env={**os.environ, "OMP_NUM_THREADS": "100000"}).returncode == 0


def test_less_memory_than_needed(winnow, model, tmp_path):
    np.savez(tmp_path / "x.npz", input=np.zeros((3, 784), np.float32))
    infer = ["infer", model, "--input", tmp_path / "x.npz", "-o", tmp_path / "y.npz", "--memory"]
    fails(winnow, 1, *infer, "1K", words=["1024 bytes", "--memory"])
    fails(winnow, 2, *infer, "much", words=["--memory", "much"])
    winnow(*infer, "1G")


def test_a_wrong_path(winnow, tmp_path):
    fails(winnow, 1, "inspect", tmp_path / "missing.onnx", words=["missing.onnx"])


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_model(winnow, model, tmp_path, fraction):
    data = model.read_bytes()
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(data[: int(len(data) * fraction)])
    fails(winnow, 1, "inspect", broken, words=["broken.onnx"])


def test_a_wrong_shape(winnow, model, tmp_path):
    np.savez(tmp_path / "x.npz", input=np.zeros((3, 783), np.float32))
    fails(winnow, 1, "infer", model, "--input", tmp_path / "x.npz", "-o", tmp_path / "y.npz", words=["783", "784"])
    assert not (tmp_path / "y.npz").exists()


def test_a_wrong_name(winnow, model, tmp_path):
    np.savez(tmp_path / "x.npz", picture=np.zeros((3, 784), np.float32))
    fails(winnow, 1, "infer", model, "--input", tmp_path / "x.npz", "-o", tmp_path / "y.npz", words=["picture", "input"])


@pytest.mark.parametrize(
    "recipe, words",
    [
        ("version: 1\nsteps:\n  - magnitude-pruning: { sparsty: 0.5 }\n", ["step 1", "sparsty", "sparsity"]),
        ("version: 1\nsteps:\n  - magnitude-prunning\n", ["magnitude-prunning", "magnitude-pruning"]),
        ("version: 1\nsteps:\n  - magnitude-pruning: { sparsity: 1.5 }\n", ["1.5"]),
        ("version: 1\nsteps: []\nextra: 1\n", ["extra"]),
        ("version: 99\nsteps: []\n", ["version", "99"]),
        ("steps: [\n", ["recipe.yaml"]),
        ("version: 1\nsteps:\n  - magnitude-pruning\n  - static-quantization\n", ["step 2", "calibration data", "--data"]),
        ("version: 1\nsteps:\n  - magnitude-pruning\n  - finetune\n", ["step 2", "training data", "--data"]),
    ],
)
def test_a_wrong_recipe(winnow, model, tmp_path, recipe, words):
    (tmp_path / "recipe.yaml").write_text(recipe)
    fails(winnow, 1, "run", tmp_path / "recipe.yaml", model, "-o", tmp_path / "y.onnx", words=words)
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith("y")] == []


def test_a_loss_that_is_not_finite(winnow, model, tmp_path):
    fails(
        winnow, 1, "train", model, "-o", tmp_path / "y.onnx", "--data", "fashion-mnist", "--optimizer", "sgd",
        "--learning-rate", "1e20", "--schedule", "constant", words=["epoch", "learning rate"],
    )  # fmt: skip
    assert not (tmp_path / "y.onnx").exists()


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["new", "lenet-6", "-o", "x.onnx"], ["lenet-6", "lenet-5"]),
        (["train", "MODEL", "-o", "x.onnx"], ["--data"]),
        (["train", "MODEL", "-o", "x.onnx", "--data", "fashion-mnist", "--optimizer", "adamm"], ["adamm"]),
        (["apply", "magnitude-pruning", "MODEL", "-o", "x.onnx", "--set", "sparsity"], ["sparsity", "KEY=VALUE"]),
        (["benchmark", "MODEL", "--batch", "0"], ["--batch"]),
        (["benchmark", "MODEL", "--shape", "nothing=1x2"], ["nothing", "its inputs are"]),
        (["benchmark", "MODEL", "--shape", "1x2"], ["--shape", "image=1x3x224x224"]),
        (["dance"], ["dance", "no such command"]),
        (["help", "quantise"], ["quantise", "did you mean quantize"]),
        (["quantise", "MODEL"], ["did you mean quantize"]),
        (["inspect"], ["model"]),
    ],
)
def test_wrong_usage(winnow, model, arguments, words):
    arguments = [str(model) if argument == "MODEL" else argument for argument in arguments]
    fails(winnow, 2, *arguments, words=words)


@pytest.mark.parametrize(
    "arguments, code, words",
    [
        (["prune", "MODEL", "--sparsity", "-0.1"], 1, "sparsity: is -0.1, outside 0…1"), (["prune", "MODEL", "--data", "DATA", "--epochs", "-2"], 1, "epochs: is -2, outside 0…"),
        (["factorize", "MODEL", "--data", "DATA", "--epochs", "-2"], 1, "epochs: is -2, outside 0…"), (["factorize", "MODEL", "--energy", "-1"], 1, "energy: is -1, outside 0…1"),
        (["quantize", "MODEL", "--max-drop", "-1"], 1, "max-drop: is -1, outside 0…1000000"), (["compress", "MODEL", "--max-drop", "-1"], 2, "--max-drop: is -1"),
        (["compress", "MODEL", "--target-size", "-1"], 2, "--target-size: -1 is no size"), (["compress", "MODEL", "--seed", "-1"], 2, "'-1' is invalid for '--seed <seed>'"),
        (["pick", "x.search", "--max-drop", "-1"], 2, "--max-drop: is -1"), (["shrink", "MODEL", "--width", "-1"], 2, "--width: is -1"),
        (["train", "MODEL", "--data", "x", "--learning-rate", "-1"], 2, "--learning-rate: is -1"), (["train", "MODEL", "--data", "x", "--shift", "-1"], 2, "--shift: is -1"),
        (["prune", "MODEL", "--sparsity", "--epochs"], 2, "'--epochs' is invalid for '--sparsity <sparsity>'"),
    ],
)  # fmt: skip
def test_numbers_below_zero_meet_the_range(winnow, model, tmp_path, arguments, code, words):
    np.savez(tmp_path / "d.npz", input=np.random.default_rng(1).normal(size=(64, 784)).astype(np.float32), labels=np.arange(64) % 10)
    places = {"MODEL": str(model), "DATA": str(tmp_path / "d.npz")}
    fails(winnow, code, *[places.get(argument, argument) for argument in arguments], "-o", tmp_path / "o.onnx", words=[words])
    assert not (tmp_path / "o.onnx").exists()


def test_what_would_not_count_is_refused(winnow, model, tmp_path):
    words = ["magnitude-pruning: count: counts only with mode: count, and mode is fraction; add mode: count"]
    fails(winnow, 2, "apply", "magnitude-pruning", model, "-o", tmp_path / "o.onnx", "--set", "count=3", words=words)
    (tmp_path / "r.yaml").write_text("version: 1\nsteps:\n  - magnitude-pruning: { count: 3 }\n")
    fails(winnow, 2, "check", tmp_path / "r.yaml", model, words=words)
    winnow("apply", "magnitude-pruning", model, "-o", tmp_path / "o.onnx", "--set", "count=3", "--set", "mode=count")


@pytest.mark.parametrize("arguments", [["benchmark", "MODEL", "--seconds", "-1"], ["benchmark", "MODEL", "--batch", "-1"], ["compare", "MODEL", "MODEL", "--tolerance", "-1"]], ids=lambda a: a[-2])
def test_numbers_below_zero_of_what_measures(winnow, model, arguments):
    fails(winnow, 2, *[str(model) if argument == "MODEL" else argument for argument in arguments], words=[f"{arguments[-2]}: ", "-1"])


def test_help_tells_of_what_it_leaves_out(winnow):
    for command in ("evaluate", "quantize", "run"):
        line = f"Further options: winnow {command} --help-hidden"
        assert winnow(command, "--help").stdout.strip().splitlines()[-1] == line
        more = winnow(command, "--help-hidden").stdout
        assert line not in more and all(option in more for option in ("--memory", "--layout", "--allow-links"))
    for words in (["--help"], ["manual", "--help"]):
        assert "Further options" not in winnow(*words).stdout


def test_models_that_none_runs_are_a_failure(winnow, model, tmp_path):
    """With the reason; beside one that runs they are not."""
    info = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 784]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Strange", ["x"], ["y"], "odd", domain="own")], "g", info[:1], info[1:])
    path = tmp_path / "odd.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("own", 1)], ir_version=8), path)
    np.savez(tmp_path / "d.npz", x=np.zeros((8, 784), np.float32))
    np.savez(tmp_path / "m.npz", input=np.zeros((8, 784), np.float32))
    fails(winnow, 1, "evaluate", path, "--data", tmp_path / "d.npz", "--split", "all", words=["odd.onnx", "own.Strange"])
    assert winnow("evaluate", model, "--data", tmp_path / "m.npz", "--split", "all").returncode == 0


def test_distillation_says_what_an_output_is(winnow, tmp_path):
    weight = numpy_helper.from_array(np.ones((8, 4), np.float32), "w")
    info = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [8])], [helper.make_tensor_value_info("y", TensorProto.FLOAT, [4])]
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "g", *info, [weight])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "m.onnx")
    np.savez(tmp_path / "d.npz", x=np.ones((64, 8), np.float32))
    result = winnow("distill", tmp_path / "m.onnx", "--teacher", tmp_path / "m.onnx", "--data", tmp_path / "d.npz", "-o", tmp_path / "o.onnx", check=False)
    assert result.returncode == 1 and "output y is float32[4]" in result.stderr and "one number a sample" not in result.stderr


def test_missing_data(winnow, model, tmp_path):
    fails(winnow, 1, "evaluate", model, "--data", tmp_path / "nothing", words=["nothing"])
    fails(winnow, 1, "evaluate", model, "--data", tmp_path, words=["images"])


def test_errors_lead_to_the_guide(winnow, model, tmp_path):
    """Each by what went wrong where; what no page explains leads nowhere. The pages are there."""
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("version: 1\nsteps:\n  - svd-factorization: { rnk: 3 }\n")
    texts = tmp_path / "texts"
    texts.mkdir()
    (texts / "a.txt").write_text("text")
    (texts / "tokenizer.json").write_text("{}")
    cases = [
        (1, ["apply", "magnitude-pruning", model, "-o", "x.onnx", "--set", "sparsty=1"], "MagnitudePruning"),
        (1, ["apply", "fold-batch-norm", model, "-o", "x.onnx", "--set", "sparsty=1"], "Cleanup"), (1, ["run", recipe, model, "-o", "x.onnx"], "SVDFactorization"),
        (1, ["apply", "static-quantization", model, "-o", "x.onnx"], "StaticQuantization"), (1, ["evaluate", model, "--data", tmp_path / "nothing"], "Data"),
        (1, ["evaluate", model, "--data", texts], "Data"), (2, ["train", model, "-o", "x.onnx"], "Data"),
        (2, ["evaluate", model, "--data", "fashion-mnist", "--metric", "top-2"], "Compress"), (2, ["compress", model, "-o", "x.onnx", "--time-budget", "soon"], "Compress"),
        (2, ["export", model, "--profile", "onnxrun"], "Export"), (1, ["inspect", tmp_path / "none.onnx"], None),
    ]  # fmt: skip
    guides = Path(__file__).resolve().parent.parent / "Guides"
    for code, arguments, page in cases:
        line = fails(winnow, code, *arguments, words=[]).stderr.strip().splitlines()[-1]
        if page is None:
            assert "Guides/" not in line, line
        else:
            assert line.endswith(f"; see Guides/{page}.md") and (guides / f"{page}.md").exists(), line


def test_json_of_new_networks_and_training(winnow, tmp_path):
    """Results alone on standard output, progress as lines of JSON on standard error."""
    start, trained, data = tmp_path / "start.onnx", tmp_path / "trained.onnx", tmp_path / "data.npz"
    made = json.loads(winnow("new", "mlp", "--widths", "8,16,3", "-o", start, "--json").stdout)
    assert made == {"architecture": "mlp", "output": str(start), "parameters": 8 * 16 + 16 + 16 * 3 + 3, "seed": 0}
    random = np.random.default_rng(1)
    x = random.normal(size=(600, 8)).astype(np.float32)
    np.savez(data, input=x, labels=np.argmax(x[:, :3], axis=1))
    result = winnow("train", start, "-o", trained, "--data", data, "--epochs", 3, "--json")
    summary = json.loads(result.stdout)
    assert summary["output"] == str(trained) and trained.exists() and [record["epoch"] for record in summary["history"]] == [1, 2, 3]
    assert 1 <= summary["epoch"] <= 3 and {"loss", "learningRate", "validationTop1"} <= set(summary["history"][0])
    lines = [json.loads(line) for line in result.stderr.splitlines()]
    assert lines and all(0 <= line["fraction"] <= 1 and line["task"] for line in lines)
    assert winnow("train", start, "-o", trained, "--data", data, "--epochs", 1, "--quiet").stdout == ""
    quiet = winnow("train", start, "-o", trained, "--data", data, "--epochs", 1, "--quiet", "--json")
    assert len(json.loads(quiet.stdout)["history"]) == 1 and quiet.stderr == ""
    for command in ("train", "quantize", "apply"):
        assert "Print errors alone, and what --json asks for." in " ".join(winnow(command, "--help").stdout.split())


@pytest.mark.parametrize("command", ["new", "train", "evaluate", "infer", "inspect", "passes", "apply", "run", "compare", "diff", "benchmark"])
def test_help_teaches(winnow, command):
    text = winnow(command, "--help").stdout
    assert "OVERVIEW:" in text and "USAGE:" in text
