"""Sensitivities as a file that structured pruning reads; the model's file never changes, and a stopped run goes on."""

import json
import signal
import subprocess
import time

import numpy as np
import onnx
import pytest

STRENGTHS = "0.25,0.5,0.75"


@pytest.fixture(scope="module")
def job(winnow, tmp_path_factory):
    """A trained perceptron with its data."""
    folder = tmp_path_factory.mktemp("sensitivity")
    random = np.random.default_rng(0)
    samples = random.standard_normal((2_000, 32)).astype(np.float32)
    np.savez(folder / "data.npz", input=samples, labels=(samples[:, :4] + 0.3 * samples[:, 4:8]).argmax(1))
    winnow("new", "mlp", "--widths", "32,64,64,4", "-o", folder / "start.onnx")
    winnow("train", folder / "start.onnx", "-o", folder / "model.onnx", "--data", folder / "data.npz", "--epochs", 3)
    return folder


def sensitivity(job, *arguments):
    return ["sensitivity", job / "model.onnx", "--data", job / "data.npz", "--strengths", STRENGTHS, *arguments]


def weights(path):
    return {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer}


@pytest.mark.parametrize("unit", ["weight", "layer", "group"])
def test_table_page_and_model(winnow, job, tmp_path, unit):
    before = (job / "model.onnx").read_bytes()
    out, page = tmp_path / "table.json", tmp_path / "page.html"
    text = winnow(*sensitivity(job, "--by", unit, "-o", out, "--report", page)).stdout
    assert (job / "model.onnx").read_bytes() == before
    table = json.loads(out.read_text())
    assert len(table) == (2 if unit == "group" else 3)
    assert all(list(curve) == STRENGTHS.split(",") for curve in table.values())
    assert "top-1" in text and all(name in text for name in table)
    html = page.read_text()
    assert html.count("<rect") == 3 * len(table) and "<script src" not in html
    # How to get the same: the command, the seed, the versions.
    assert all(part in html for part in ["How to get the same", "winnow sensitivity ", f"--by {unit}", ">seed</th>", ">processor</th>"])
    assert json.loads(winnow(*sensitivity(job, "--by", unit, "--json")).stdout) == table


def test_steps_can_be_pasted(winnow, job, tmp_path):
    """Each line printed is a step of a recipe that runs, and leaves what it names as it was."""
    page = tmp_path / "page.html"
    text = winnow(*sensitivity(job, "--max-loss", 0.05, "--report", page)).stdout
    steps = [line for line in text.splitlines() if line.startswith("- ")]
    assert steps and all(step in page.read_text() for step in steps)
    listing = json.loads(winnow(*sensitivity(job, "--max-loss", 0.05, "--json")).stdout)
    # A strength that leaves no part to change is no step.
    assert len(listing["exceptions"]) == 3
    listing["exceptions"] = [entry for entry in listing["exceptions"] if f"- {entry['step']}" in steps]
    dense = weights(job / "model.onnx")
    for step, entry in zip(steps, listing["exceptions"], strict=True):
        recipe = tmp_path / "recipe.yaml"
        recipe.write_text(f"version: 1\nsteps:\n{step}\n")
        assert step == f"- {entry['step']}"
        winnow("run", recipe, job / "model.onnx", "--data", job / "data.npz", "-o", tmp_path / "out.onnx")
        pruned = weights(tmp_path / "out.onnx")
        losers = {name for name, curve in listing["losses"].items() if curve[str(entry["strength"])] > 0.05}
        assert losers == set(entry["except"])
        changed = {name for name, tensor in dense.items() if tensor.ndim == 2 and (pruned[name] != tensor).any()}
        assert changed == set(listing["losses"]) - losers


def test_losses_are_those_of_the_pass(winnow, job, tmp_path):
    table = json.loads(winnow(*sensitivity(job, "--json", "--metric", "top-1")).stdout)
    name = sorted(table)[0]
    winnow("apply", "magnitude-pruning", job / "model.onnx", "-o", tmp_path / "pruned.onnx", "--set", "sparsity=0.75", "--set", f"only={name}")
    rows = json.loads(winnow("evaluate", job / "model.onnx", tmp_path / "pruned.onnx", "--data", job / "data.npz", "--split", "validation", "--json").stdout)
    before, after = rows[0]["top1"], rows[1]["top1"]
    assert table[name]["0.75"] == pytest.approx((before - after) / before, abs=1e-12)


def test_structured_pruning_follows_the_table(winnow, job, tmp_path):
    table, small = tmp_path / "table.json", tmp_path / "small.onnx"
    winnow(*sensitivity(job, "--by", "group", "-o", table))
    names = list(json.loads(table.read_text()))
    table.write_text(json.dumps({names[0]: {"0.25": 0.0, "0.5": 0.01, "0.75": 0.02}, names[1]: {"0.25": 0.5, "0.5": 0.6, "0.75": 0.7}}))
    settings = ["--set", f"sensitivity={table}", "--set", "max-loss=0.0151"]
    winnow("apply", "structured-pruning", job / "model.onnx", "-o", small, *settings)
    dense, pruned = weights(job / "model.onnx"), weights(small)
    widths = [min(pruned[name].shape[place] for place in (0, 1)) for name in names]
    assert pruned[names[0]].size == dense[names[0]].size * 24 // 64 and widths[0] == 24


def test_a_stopped_run_goes_on(winnow, winnow_path, job, tmp_path):
    whole = json.loads(winnow(*sensitivity(job, "--json")).stdout)
    arguments = [winnow_path, *map(str, sensitivity(job, "--state", tmp_path / "state", "--json", "--quiet"))]
    for delay in (0.2, 0.3, 0.4):
        process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(delay)
        process.send_signal(signal.SIGTERM)
        process.communicate()
    assert json.loads(subprocess.run(arguments, check=True, capture_output=True).stdout) == whole
    again = subprocess.run(arguments, check=True, capture_output=True)
    assert json.loads(again.stdout) == whole
    other = subprocess.run([*arguments, "--seed", "1"], capture_output=True, text=True)
    assert other.returncode == 1 and "state" in other.stderr


@pytest.mark.parametrize(
    "arguments",
    [["--by", "channel"], ["--pass", "fold-constants"], ["--strengths", "0.1,x"], ["--metric", "accuracy"], ["--samples", "0"], ["--set", "sparsty=1"]],
)
def test_wrong_arguments_are_told(winnow, job, tmp_path, arguments):
    result = winnow("sensitivity", job / "model.onnx", "--data", job / "data.npz", *arguments, "-o", tmp_path / "x.json", check=False)
    assert result.returncode in (1, 2) and result.stderr.count("\n") <= 2 and not (tmp_path / "x.json").exists()


@pytest.mark.parametrize("output", [None, "-o", "--report"])
def test_a_stop_promises_what_is_kept(winnow_path, job, tmp_path, output):
    """Beside what is written the work is kept until it is done; with nothing written nothing is promised."""
    judged, program, written = tmp_path / "judged", tmp_path / "judge.sh", tmp_path / ("out.html" if output == "--report" else "out.json")
    program.write_text(f"printf x >> {judged}; sleep 0.2; echo 1\n")
    arguments = [winnow_path, *map(str, sensitivity(job, "--metric", f"sh {program} {{model}}", *([output, written] if output else [])))]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and (not judged.exists() or judged.stat().st_size < 4):
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    message = process.communicate()[1]
    assert process.returncode == 130 and ("again" in message) == (output is not None), message
    before = judged.stat().st_size
    subprocess.run(arguments, check=True, capture_output=True)
    again = judged.stat().st_size - before
    assert again < 10 if output else again == 10
    assert not list(tmp_path.glob("*.state"))
