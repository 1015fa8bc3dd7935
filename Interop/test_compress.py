"""Searches: targets are met in the file that is written, what was stopped goes on to the same bytes, and wrong words are answered in one sentence."""

import json
import re
import shlex
import shutil
import signal
import subprocess
import time

import jsonschema
import numpy as np
import onnx
import onnxruntime
import pytest
import yaml
from onnx import TensorProto, helper, numpy_helper


@pytest.fixture(scope="module")
def folder(tmp_path_factory, winnow_path):
    """A small network that was trained to tell which of two numbers is larger, and its data."""
    folder = tmp_path_factory.mktemp("compress")
    random = np.random.default_rng(1)
    x = random.normal(size=(3000, 12)).astype(np.float32)
    np.savez(folder / "data.npz", x=x, labels=(x[:, 0] > x[:, 1]).astype(np.int64))
    np.savez(folder / "unlabelled.npz", x=x)
    sizes, weights, nodes, value = [12, 64, 48, 2], [], [], "x"
    for place, (inputs, outputs) in enumerate(zip(sizes, sizes[1:])):
        weights.append(numpy_helper.from_array((random.normal(size=(outputs, inputs)) * (2 / inputs) ** 0.5).astype(np.float32), f"w{place}"))
        weights.append(numpy_helper.from_array(np.zeros(outputs, np.float32), f"b{place}"))
        nodes.append(helper.make_node("Gemm", [value, f"w{place}", f"b{place}"], [f"h{place}"], transB=1, name=f"layer{place}"))
        value = f"h{place}"
        if place < 2:
            nodes.append(helper.make_node("Relu", [value], [f"r{place}"], name=f"relu{place}"))
            value = f"r{place}"
    graph = helper.make_graph(
        nodes, "larger", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 12])],
        [helper.make_tensor_value_info(value, TensorProto.FLOAT, ["N", 2])], weights,
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), folder / "start.onnx")
    run = subprocess.run(
        [winnow_path, "train", folder / "start.onnx", "-o", folder / "model.onnx", "--data", folder / "data.npz", "--epochs", "20", "--quiet"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return folder


def compress(winnow_path, folder, output, *options, data="data.npz", seconds="4s"):
    return subprocess.run(
        [winnow_path, "compress", folder / "model.onnx", "-o", folder / output, "--time-budget", seconds]
        + (["--data", folder / data] if data else []) + [str(option) for option in options],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip


def accuracy(path, folder):
    arrays = np.load(folder / "data.npz")
    right = []
    levels = onnxruntime.GraphOptimizationLevel
    for level in (levels.ORT_DISABLE_ALL, levels.ORT_ENABLE_ALL):
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = level
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        right.append(float((session.run(None, {"x": arrays["x"]})[0].argmax(1) == arrays["labels"]).mean()))
    onnx.checker.check_model(onnx.load(path), full_check=True)
    return right


def test_targets_are_met_in_the_file(winnow_path, folder):
    run = compress(winnow_path, folder, "small.onnx", "--target-size", "50%", "--max-drop", "3", "--report", folder / "small.html", "--json")
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    assert all(target["isMet"] for target in report["search"]["targets"])
    assert (folder / "small.onnx").stat().st_size <= 0.5 * (folder / "model.onnx").stat().st_size
    before = accuracy(folder / "model.onnx", folder)[0]
    assert all(before - after < 0.05 for after in accuracy(folder / "small.onnx", folder))
    # Everything on the front loads and runs too.
    points = [trial for trial in report["search"]["trials"] if trial["isOnFront"]]
    assert points
    files = sorted((folder / "small.onnx.search").glob("trial-*.onnx"))
    assert files
    for path in files:
        accuracy(path, folder)
    # The recipe that was written gives the same bytes.
    again = subprocess.run(
        [winnow_path, "run", folder / "small.yaml", folder / "model.onnx", "-o", folder / "again.onnx", "--data", folder / "data.npz", "--quiet"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert again.returncode == 0, again.stderr
    assert (folder / "again.onnx").read_bytes() == (folder / "small.onnx").read_bytes()


def test_pick(winnow_path, folder):
    assert compress(winnow_path, folder, "any.onnx", "--quiet").returncode == 0
    search = folder / "any.onnx.search"
    run = subprocess.run([winnow_path, "pick", search, "--size", "60%", "-o", folder / "picked.onnx", "--json"], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert (folder / "picked.onnx").stat().st_size == json.loads(run.stdout)["costs"]["size"] <= 0.6 * (folder / "model.onnx").stat().st_size
    accuracy(folder / "picked.onnx", folder)
    for options, code, words in (
        (["--size", "10B"], 1, "holds nothing within these limits"), ([], 2, "nothing to choose by"), (["--size", "much"], 2, "no size"),
    ):  # fmt: skip
        run = subprocess.run([winnow_path, "pick", search, "-o", folder / "none.onnx", *options], capture_output=True, text=True)
        assert run.returncode == code and words in run.stderr and not (folder / "none.onnx").exists()


def test_the_command_that_picks_can_be_pasted(winnow_path, folder):
    run = compress(winnow_path, folder, "two words.onnx")
    line = next(line for line in run.stdout.splitlines() if line.startswith("other candidates: "))
    assert shlex.split(line.removeprefix("other candidates: "))[:3] == ["winnow", "pick", str(folder / "two words.onnx.search")]


def test_a_missed_target_is_exit_code_3(winnow_path, folder):
    run = compress(winnow_path, folder, "missed.onnx", "--target-size", "1%")
    assert run.returncode == 3 and "MISSED" in run.stdout
    accuracy(folder / "missed.onnx", folder)


@pytest.mark.parametrize("data", ["unlabelled.npz", None])
def test_without_labels_or_data(winnow_path, folder, data):
    output = f"no-{data}.onnx"
    run = compress(winnow_path, folder, output, "--target-size", "60%", "--max-drop", "5", data=data)
    assert run.returncode == 0, run.stderr + run.stdout
    assert data or "no data: weights alone" in run.stdout
    accuracy(folder / output, folder)


def test_latency_of_a_program(winnow_path, folder, tmp_path):
    program = tmp_path / "time.sh"
    program.write_text('#!/bin/sh\nwc -c < "$1" | awk \'{ print $1 / 1000 }\'\n')
    program.chmod(0o755)
    run = compress(winnow_path, folder, "timed.onnx", "--target-latency", "60%", "--max-drop", "5", "--latency-in", f"{program} {{model}}", "--json")
    assert run.returncode == 0, run.stderr
    trials = json.loads(run.stdout)["search"]["trials"]
    chosen = next(trial for trial in trials if trial["isChosen"])
    assert chosen["costs"]["latency"] == pytest.approx(chosen["costs"]["size"] / 1000, rel=0.05)
    assert chosen["costs"]["latency"] <= 0.6 * trials[0]["costs"]["latency"]


def test_killed_searches_go_on(winnow_path, folder):
    """What was measured when a process was killed is not measured again, and the end is the same."""
    whole = compress(winnow_path, folder, "whole.onnx", "--target-size", "50%", "--max-drop", "3", "--quiet")
    assert whole.returncode in (0, 3), whole.stderr
    state = folder / "parts.onnx.search"
    shutil.copytree(folder / "whole.onnx.search", state)
    for path in state.glob("trial-*"):
        path.unlink()
    command = [
        winnow_path, "compress", folder / "model.onnx", "-o", folder / "parts.onnx", "--time-budget", "4s", "--target-size", "50%", "--max-drop", "3",
        "--data", folder / "data.npz", "--quiet",
    ]  # fmt: skip
    for attempt in range(10):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.3 + 0.2 * attempt)
        process.send_signal(signal.SIGKILL if attempt % 2 else signal.SIGINT)
        process.wait()
    assert subprocess.run(command).returncode == whole.returncode
    assert (folder / "parts.onnx").read_bytes() == (folder / "whole.onnx").read_bytes()


@pytest.mark.parametrize(
    "options, words",
    [
        (["--target-size", "0%"], "--target-size"),
        (["--target-size", "300%"], "--target-size"),
        (["--target-latency", "3 apples"], "--target-latency"),
        (["--time-budget", "soon"], "--time-budget"),
        (["--max-drop=-1"], "--max-drop"),
        (["--profile", "abacus"], "--profile"),
        (["--latency-in", "python time.py"], "--latency-in"),
        (["--metric", "beauty"], "--metric"),
    ],
)
def test_wrong_words(winnow_path, folder, options, words):
    run = compress(winnow_path, folder, "wrong.onnx", *options)
    assert run.returncode == 2 and words in run.stderr and len(run.stderr.strip().splitlines()) <= 3, run.stderr
    assert not (folder / "wrong.onnx").exists()


def test_a_target_that_cannot_be_judged(winnow_path, folder):
    """Extents of the input are open and nothing tells them: no time can be measured."""
    model = onnx.load(folder / "model.onnx")
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "width"
    onnx.save(model, folder / "open.onnx")
    run = subprocess.run(
        [winnow_path, "compress", folder / "open.onnx", "-o", folder / "opened.onnx", "--target-latency", "50%"], capture_output=True, text=True)
    assert run.returncode == 2 and "--shape" in run.stderr and not (folder / "opened.onnx").exists(), run.stderr


def test_others_recipes_stay(winnow_path, folder):
    (folder / "kept.yaml").write_text("version: 1\nsteps: []\n")
    run = compress(winnow_path, folder, "kept.onnx")
    assert run.returncode == 2 and "kept.yaml" in run.stderr and (folder / "kept.yaml").read_text() == "version: 1\nsteps: []\n"


def test_a_failing_metric(winnow_path, folder):
    run = compress(winnow_path, folder, "judged.onnx", "--metric", "echo nothing {model} >/dev/null; false {model}")
    assert run.returncode == 1 and "exit code 1" in run.stderr and not (folder / "judged.onnx").exists()


def test_a_plan_says_what_is_out_of_reach(winnow_path, folder):
    run = compress(winnow_path, folder, "planned.onnx", "--target-size", "0.1%", "--plan")
    assert run.returncode == 3 and "out of reach" in run.stdout and not (folder / "planned.onnx").exists()


def test_the_direction_of_a_metric_is_in_the_help(winnow_path):
    assert "--lower-is-better" in subprocess.run([winnow_path, "compress", "--help"], capture_output=True, text=True).stdout


def test_plan_writes_nothing(winnow_path, folder):
    run = compress(winnow_path, folder, "planned.onnx", "--target-size", "20%", "--plan")
    assert run.returncode == 0 and "candidate:" in run.stdout and not (folder / "planned.onnx").exists()


# Recipes


@pytest.fixture(scope="module")
def schema(winnow_path):
    schema = json.loads(subprocess.run([winnow_path, "passes", "--schema"], capture_output=True, text=True, check=True).stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_every_recipe_of_the_repository_is_valid(schema, root):
    recipes = [path for folder in ("Examples", "Interop", "Benchmarks") for path in sorted((root / folder).rglob("*.yaml"))]
    texts = [(path, path.read_text()) for path in recipes if ".build" not in str(path)]
    for page in [root / "README.md", *sorted((root / "Guides").glob("*.md"))]:
        texts += [(page, block) for block in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)]
    texts = [(path, text) for path, text in texts if "steps:" in text]
    assert len(texts) > 3
    for path, text in texts:
        errors = list(schema.iter_errors(yaml.safe_load(text)))
        assert not errors, (path, errors[0].message)


@pytest.mark.parametrize(
    "recipe",
    [
        "steps: []",
        "version: 1",
        "version: 2\nsteps: []",
        "version: 1\nsteps: [no-such-pass]",
        "version: 1\nsteps: [{ structured-pruning: { sparsity: 1.5 } }]",
        "version: 1\nsteps: [{ structured-pruning: { sparsity: much } }]",
        "version: 1\nsteps: [{ structured-pruning: { spars: 0.5 } }]",
        "version: 1\nsteps: [{ structured-pruning: { importance: beauty } }]",
        "version: 1\nsteps: [{ finetune: { with: [{ distillation: { alpha: many } }] } }]",
        "version: 1\nsteps: [{ structured-pruning: {}, finetune: {} }]",
        "version: 1\nmore: 1\nsteps: []",
    ],
)
def test_wrong_recipes_are_refused_by_schema_and_program(schema, winnow_path, folder, tmp_path, recipe):
    assert list(schema.iter_errors(yaml.safe_load(recipe)))
    path = tmp_path / "wrong.yaml"
    path.write_text(recipe)
    run = subprocess.run([winnow_path, "check", path, folder / "model.onnx", "--data", folder / "data.npz"], capture_output=True, text=True)
    assert run.returncode == 1 or run.returncode == 2, run.stdout
    assert "wrong.yaml" in run.stderr


@pytest.mark.parametrize(
    "step",
    [
        "finetune: { augment: [flop] }",
        "finetune: { augment: { flipp: 3 } }",
        "finetune: { augment: { flip: 3 } }",
        "finetune: { augment: { flip: 0.5, inputs: x } }",
        "finetune: { augment: 1 }",
        "finetune: { objective: [{ loss: mse, weight: abc }] }",
        "finetune: { objective: [{ loss: mse, axis: 1 }] }",
        "finetune: { objective: [{ loss: mse, target: [1] }] }",
        "finetune: { objective: [{ loss: cross-entropy, ignore: 1.5 }] }",
        "finetune: { objective: [{ loss: cross-entropy, class-weights: [] }] }",
        "finetune: { clip-norm: 1.0e+10 }",
        "finetune: { epochs: 2000000000 }",
        "finetune: { with: [finetune] }",
        "finetune: { with: [static-quantization] }",
        "finetune: { with: [{ save: a }] }",
        "finetune: { with: [{ include: a }] }",
        "save: a/b",
        'save: ""',
        "save: .hidden",
        "save: 3",
    ],
)
def test_wrong_settings_are_refused_by_schema_and_program(schema, winnow_path, folder, tmp_path, step):
    recipe = f"version: 1\nsteps:\n  - {step}\n"
    assert list(schema.iter_errors(yaml.safe_load(recipe)))
    path = tmp_path / "wrong.yaml"
    path.write_text(recipe)
    run = subprocess.run([winnow_path, "check", path, folder / "model.onnx", "--data", folder / "data.npz"], capture_output=True, text=True)
    assert run.returncode in (1, 2), run.stdout


@pytest.mark.parametrize(
    "step",
    [
        "finetune: { augment: [flip, { crop: 4 }, { token-dropout: 0.1, input: ids, replacement: 103 }] }",
        "finetune: { augment: noise }",
        "finetune: { objective: [mse, { loss: cross-entropy, class-weights: [1, 2.5], ignore: -100, axis: 1 }] }",
        "finetune: { objective: { loss: huber, delta: 0.5, weight: 0.5, output: y, target: labels } }",
        "finetune: { epochs: 1000000, with: [distillation, { gradual-pruning: { sparsity: 0.5 } }] }",
        "save: small.onnx",
    ],
)
def test_right_settings_are_valid(schema, step):
    errors = list(schema.iter_errors(yaml.safe_load(f"version: 1\nsteps:\n  - {step}\n")))
    assert not errors, errors[0].message


def test_check_include_and_overrides(winnow_path, folder, tmp_path):
    (tmp_path / "base.yaml").write_text("version: 1\nsteps:\n  - structured-pruning: { sparsity: 0.25 }\n  - finetune: { epochs: 500 }\n")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("version: 1\nsteps:\n  - include: base.yaml\n  - static-quantization\n")

    def run(verb, *options):
        return subprocess.run(
            [winnow_path, verb, recipe, folder / "model.onnx", "--data", folder / "data.npz", *options], capture_output=True, text=True, timeout=120)

    start = time.monotonic()
    checked = run("check")
    assert checked.returncode == 0 and "step 3, static-quantization" in checked.stdout and "fits" in checked.stdout, checked.stderr
    assert time.monotonic() - start < 30
    output = tmp_path / "out.onnx"
    changed = run("run", "-o", output, "--set", "steps[0].sparsity=0.5", "--set", "steps[1].finetune.epochs=1", "--json")
    assert changed.returncode == 0, changed.stderr
    assert "0.5" in json.loads(changed.stdout)["steps"][0]["settings"]
    for setting, words in (("steps[7].sparsity=1", "steps[0] to steps[2]"), ("sparsity=1", "names no step"), ("steps[0].spars=1", "spars")):
        wrong = run("run", "-o", tmp_path / "no.onnx", "--set", setting)
        assert wrong.returncode in (1, 2) and words in wrong.stderr and not (tmp_path / "no.onnx").exists()
    (tmp_path / "base.yaml").write_text("version: 1\nsteps:\n  - fold-constants\n  - finetune: { epoch: 1 }\n")
    assert "recipe.yaml: base.yaml: step 2: finetune: epoch" in run("check").stderr
    (tmp_path / "base.yaml").write_text("version: 1\nsteps:\n  - include: recipe.yaml\n")
    assert "includes itself" in run("check").stderr
    recipe.write_text("version: 1\nsteps:\n  - structured-pruning: { only: [nothing*] }\n")
    assert "nothing*" in run("check").stderr


def test_spellings_versions_and_chains_of_recipes(winnow_path, folder, tmp_path):
    """A name is one name however it is written, and files may include each other as deep as they like."""
    recipe, output = tmp_path / "recipe.yaml", tmp_path / "out.onnx"

    def run(text, *options):
        recipe.write_text(text)
        command = [winnow_path, "run", recipe, folder / "model.onnx", "-o", output, "--data", folder / "data.npz", *options]
        return subprocess.run(command, capture_output=True, text=True, timeout=120)

    pruning = "version: 1\nsteps:\n  - structured-pruning: { round_to: 16, sparsity: 0.3 }\n"
    changed = run(pruning, "--set", "steps[0].round-to=1", "--json")
    assert changed.returncode == 0 and "16" not in json.loads(changed.stdout)["steps"][0]["settings"], changed.stderr
    for text, words in (
        (pruning.replace("sparsity: 0.3", "round-to: 1"), "round-to and round_to"), (pruning.replace("0.3", "'0.3'"), '"0.3"'),
        (pruning.replace("version: 1", "version: 0"), "0 is no whole number above 0"), (pruning.replace("version: 1", "version: 1.5"), "1.5"),
    ):  # fmt: skip
        wrong = run(text)
        assert wrong.returncode == 1 and words in wrong.stderr, wrong.stderr
    for place in range(20):
        inner = f"include: {place + 1}.yaml" if place < 19 else "fold-constants"
        (tmp_path / f"{place}.yaml").write_text(f"version: 1\nsteps:\n  - {inner}\n")
    assert run("version: 1\nsteps:\n  - include: 0.yaml\n", "--report", tmp_path / "new" / "report.html").returncode == 0
    assert (tmp_path / "new" / "report.html").exists()


def test_what_judges_nothing_is_refused(winnow_path, folder, tmp_path):
    def search(*options):
        command = [winnow_path, "compress", folder / "model.onnx", "-o", tmp_path / "out.onnx", "--time-budget", "2s", *options]
        return subprocess.run(command, capture_output=True, text=True, timeout=120)

    data = ("--data", folder / "data.npz")
    for options, code, words in (
        (("--metric", "echo 1 {model}"), 2, "--data"), ((*data, "--max-drop", "nan"), 2, "is nan"),
        ((*data, "--target-latency", "50%", "--latency-in", "echo -2 #{model}"), 1, "no latency"),
    ):  # fmt: skip
        wrong = search(*options)
        assert wrong.returncode == code and words in wrong.stderr, wrong.stderr
        assert not (tmp_path / "out.onnx").exists()
